// The replies that are not hot enough to be inline, and AppendCommand, which is: every effect
// passes it on its way into the log, so small commands are composed on the stack and appended once.
#include "codec/resp/writer.h"

#include <algorithm>

namespace thermocline::codec {
namespace {

constexpr size_t kComposeOnStack = 512;

size_t DigitCount(uint64_t value) {
  size_t n = 1;
  for (; value >= 10; value /= 10) ++n;
  return n;
}

char* StoreHeader(char* p, char type, uint64_t value) {
  *p++ = type;
  p += FormatUint64(p, value);
  *p++ = '\r';
  *p++ = '\n';
  return p;
}

}  // namespace

void RespWriter::Simple(std::string_view text) {
  out_->push_back('+');
  out_->append(text);
  out_->append("\r\n", 2);
}

void RespWriter::Error(std::string_view text) {
  const auto is_line_end = [](char c) { return c == '\r' || c == '\n'; };
  while (!text.empty() && is_line_end(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_line_end(text.back())) text.remove_suffix(1);
  out_->push_back('-');
  const size_t begin = out_->size();
  out_->append(text);
  std::replace_if(out_->begin() + static_cast<std::ptrdiff_t>(begin), out_->end(), is_line_end,
                  ' ');
  out_->append("\r\n", 2);
}

void RespWriter::BulkInt(int64_t value) {
  char text[kMaxInt64Text];
  Bulk({text, FormatInt64(text, value)});
}

void RespWriter::Bool(bool value) {
  if (proto_ == 2) {
    Integer(value ? 1 : 0);
  } else {
    out_->append(value ? "#t\r\n" : "#f\r\n", 4);
  }
}

void RespWriter::Double(double value) {
  char text[kMaxDoubleText];
  const size_t n = FormatDouble(text, value);
  if (proto_ == 2) return Bulk({text, n});
  out_->push_back(',');
  out_->append(text, n);
  out_->append("\r\n", 2);
}

void RespWriter::BigNumber(std::string_view digits) {
  if (proto_ == 2) return Bulk(digits);
  out_->push_back('(');
  out_->append(digits);
  out_->append("\r\n", 2);
}

void RespWriter::Verbatim(std::string_view format, std::string_view text) {
  if (proto_ == 2) return Bulk(text);
  Header('=', static_cast<int64_t>(format.size() + 1 + text.size()));
  out_->append(format);
  out_->push_back(':');
  out_->append(text);
  out_->append("\r\n", 2);
}

void RespWriter::Insert(size_t begin, char type, size_t n) {
  char header[kMaxInt64Text + 3];
  out_->insert(begin, header, static_cast<size_t>(StoreHeader(header, type, n) - header));
}

size_t CommandSize(std::span<const std::string_view> argv) {
  size_t size = 3 + DigitCount(argv.size());
  for (const std::string_view argument : argv) {
    size += 5 + DigitCount(argument.size()) + argument.size();
  }
  return size;
}

void AppendCommand(std::string& out, std::span<const std::string_view> argv) {
  const size_t size = CommandSize(argv);
  if (size <= kComposeOnStack) {
    char buffer[kComposeOnStack];
    char* p = StoreHeader(buffer, '*', argv.size());
    for (const std::string_view argument : argv) {
      p = StoreHeader(p, '$', argument.size());
      // An empty view may have a null pointer, which memcpy must not see.
      if (!argument.empty()) std::memcpy(p, argument.data(), argument.size());
      p += argument.size();
      *p++ = '\r';
      *p++ = '\n';
    }
    out.append(buffer, size);
    return;
  }
  char header[kMaxInt64Text + 3];
  out.append(header, static_cast<size_t>(StoreHeader(header, '*', argv.size()) - header));
  for (const std::string_view argument : argv) {
    out.append(header, static_cast<size_t>(StoreHeader(header, '$', argument.size()) - header));
    out.append(argument);
    out.append("\r\n", 2);
  }
}

}  // namespace thermocline::codec
