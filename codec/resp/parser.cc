// A request that arrives whole costs one pass and no bookkeeping: arguments go straight into the
// caller's vector. Only when bytes are missing are they kept as offsets (Suspend), since the buffer
// may move.
#include "codec/resp/parser.h"

#include <algorithm>
#include <cstring>
#include <limits>

#include "codec/number_text.h"

namespace thermocline::codec {
namespace {

// A client that once sent a huge request should not hold that memory for ever.
constexpr size_t kKeepSpans = 1024;

bool IsSpace(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

int HexDigit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

char Unescape(char c) {
  switch (c) {
    case 'n':
      return '\n';
    case 'r':
      return '\r';
    case 't':
      return '\t';
    case 'b':
      return '\b';
    case 'a':
      return '\a';
    default:
      return c;
  }
}

// Reads the quoted text whose opening quote is at line[*at] into *word; moves behind the closing
// quote. False if there is none, or if it is not followed by a space or the end.
bool ReadQuoted(std::string_view line, size_t* at, std::string* word) {
  const char quote = line[*at];
  size_t i = *at + 1;
  for (; i < line.size() && line[i] != quote; ++i) {
    if (line[i] != '\\' || i + 1 == line.size()) {
      word->push_back(line[i]);
    } else if (quote == '\'') {
      // Only the quote itself can be escaped.
      if (line[i + 1] == '\'') ++i;
      word->push_back(line[i]);
    } else if (i + 3 < line.size() && line[i + 1] == 'x' && HexDigit(line[i + 2]) >= 0 &&
               HexDigit(line[i + 3]) >= 0) {
      word->push_back(static_cast<char>(HexDigit(line[i + 2]) * 16 + HexDigit(line[i + 3])));
      i += 3;
    } else {
      word->push_back(Unescape(line[++i]));
    }
  }
  if (i == line.size()) return false;
  *at = ++i;
  return i == line.size() || IsSpace(line[i]);
}

}  // namespace

void RequestParser::Reset() {
  offset_ = 0;
  scanned_ = 0;
  arguments_left_ = -1;
  bulk_length_ = -1;
  bytes_wanted_ = 0;
  if (suspended_) {
    suspended_ = false;
    spans_.clear();
    if (spans_.capacity() > kKeepSpans) spans_.shrink_to_fit();
  }
}

ParseResult RequestParser::Fail(std::string text) {
  error_ = "Protocol error: " + std::move(text);
  return ParseResult::kError;
}

ParseResult RequestParser::Suspend(std::string_view buffer,
                                   const std::vector<std::string_view>& argv) {
  if (!suspended_) {
    suspended_ = true;
    for (const std::string_view argument : argv) {
      spans_.push_back({static_cast<size_t>(argument.data() - buffer.data()), argument.size()});
    }
  }
  return ParseResult::kNeedMore;
}

ParseResult RequestParser::Next(std::string_view buffer, std::vector<std::string_view>* argv,
                                size_t* consumed) {
  *consumed = 0;
  if (!error_.empty()) return ParseResult::kError;
  if (buffer.empty()) return ParseResult::kNeedMore;
  return buffer.front() == '*' ? ParseMultibulk(buffer, argv, consumed)
                               : ParseInline(buffer, argv, consumed);
}

ParseResult RequestParser::ParseInline(std::string_view buffer, std::vector<std::string_view>* argv,
                                       size_t* consumed) {
  // Like strchr, the search ends at a NUL: a line that holds one never ends.
  const size_t newline = buffer.find('\n', scanned_);
  const size_t nul = buffer.substr(0, newline).find('\0', scanned_);
  if (newline == std::string_view::npos || nul != std::string_view::npos) {
    scanned_ = std::min(nul, buffer.size());
    if (buffer.size() > kMaxLineLength) return Fail("too big inline request");
    return ParseResult::kNeedMore;
  }
  std::string_view line = buffer.substr(0, newline);
  if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
  if (!SplitArgs(line, &inline_arguments_)) return Fail("unbalanced quotes in request");
  argv->assign(inline_arguments_.begin(), inline_arguments_.end());
  *consumed = newline + 1;
  Reset();
  return ParseResult::kRequest;
}

// Reads the line of a type character and a number at offset_; *next is behind its end. The number
// is checked only once the line is complete.
RequestParser::Line RequestParser::ReadCountLine(std::string_view buffer, int64_t* value,
                                                 size_t* next) {
  const char* const begin = buffer.data() + offset_;
  const char* const end = buffer.data() + buffer.size();
  const char* p = begin + 1;
  // Nearly every line: up to nine digits, without a leading zero unless it is the only one.
  uint32_t number = 0;
  while (p < end && p - begin <= 9 && static_cast<unsigned char>(*p - '0') <= 9) {
    number = number * 10 + static_cast<uint32_t>(*p++ - '0');
  }
  if (p + 1 < end && *p == '\r' && p - begin >= 2 && (begin[1] != '0' || p - begin == 2)) {
    *value = number;
    *next = static_cast<size_t>(p - buffer.data()) + 2;
    return Line::kNumber;
  }

  size_t cr = std::max(scanned_, offset_);
  while (cr < buffer.size() && buffer[cr] != '\r' && buffer[cr] != '\0') ++cr;
  scanned_ = cr;
  if (cr == buffer.size() || buffer[cr] == '\0') {
    return buffer.size() - offset_ > kMaxLineLength ? Line::kTooLong : Line::kNeedMore;
  }
  if (cr + 1 == buffer.size()) return Line::kNeedMore;
  *next = cr + 2;
  if (cr == offset_) return Line::kBadNumber;
  return ParseInt64(buffer.substr(offset_ + 1, cr - offset_ - 1), value) ? Line::kNumber
                                                                         : Line::kBadNumber;
}

ParseResult RequestParser::ParseMultibulk(std::string_view buffer,
                                          std::vector<std::string_view>* argv, size_t* consumed) {
  argv->clear();
  int64_t value = 0;
  size_t next = 0;
  if (arguments_left_ < 0) {
    const Line line = ReadCountLine(buffer, &value, &next);
    if (line == Line::kNeedMore) return ParseResult::kNeedMore;
    if (line == Line::kTooLong) return Fail("too big mbulk count string");
    if (line == Line::kBadNumber || value > std::numeric_limits<int32_t>::max()) {
      return Fail("invalid multibulk length");
    }
    if (value > kUnauthenticatedMaxArguments && !authenticated_) {
      return Fail("unauthenticated multibulk length");
    }
    offset_ = next;
    arguments_left_ = std::max<int64_t>(value, 0);
  }

  while (arguments_left_ > 0) {
    if (bulk_length_ < 0) {
      if (offset_ >= buffer.size()) return Suspend(buffer, *argv);
      const Line line = ReadCountLine(buffer, &value, &next);
      if (line == Line::kNeedMore) return Suspend(buffer, *argv);
      if (line == Line::kTooLong) return Fail("too big bulk count string");
      if (buffer[offset_] != '$') {
        char got = buffer[offset_];
        if (got == '\r' || got == '\n') got = ' ';  // an error reply is one line
        return Fail(std::string("expected '$', got '") + got + "'");
      }
      if (line == Line::kBadNumber || value < 0 || value > max_bulk_length_) {
        return Fail("invalid bulk length");
      }
      if (value > kUnauthenticatedMaxBulkLength && !authenticated_) {
        return Fail("unauthenticated bulk length");
      }
      offset_ = next;
      bulk_length_ = value;
    }

    const auto length = static_cast<size_t>(bulk_length_);
    const size_t available = buffer.size() - std::min(offset_, buffer.size());
    if (available < length + 2) {
      bytes_wanted_ = length + 2 - available;
      return Suspend(buffer, *argv);
    }
    if (suspended_) {
      bytes_wanted_ = 0;
      spans_.push_back({offset_, length});
    } else {
      argv->emplace_back(buffer.data() + offset_, length);
    }
    offset_ += length + 2;
    bulk_length_ = -1;
    --arguments_left_;
  }

  if (suspended_) {
    argv->reserve(spans_.size());
    for (const Span& span : spans_) argv->push_back(buffer.substr(span.offset, span.length));
  }
  *consumed = offset_;
  Reset();
  return ParseResult::kRequest;
}

bool SplitArgs(std::string_view line, std::vector<std::string>* out) {
  out->clear();
  line = line.substr(0, line.find('\0'));
  size_t i = 0;
  for (;;) {
    while (i < line.size() && IsSpace(line[i])) ++i;
    if (i == line.size()) return true;
    std::string word;
    // \v and \f separate words only at their start: within one they are ordinary characters.
    while (i < line.size() && line[i] != ' ' && line[i] != '\n' && line[i] != '\r' &&
           line[i] != '\t') {
      if (line[i] != '"' && line[i] != '\'') {
        word.push_back(line[i++]);
        continue;
      }
      if (!ReadQuoted(line, &i, &word)) {
        out->clear();
        return false;
      }
      break;
    }
    out->push_back(std::move(word));
  }
}

}  // namespace thermocline::codec
