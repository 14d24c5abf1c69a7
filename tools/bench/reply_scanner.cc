// See reply_scanner.h.
#include "tools/bench/reply_scanner.h"

#include <charconv>

namespace thermocline::tools {
namespace {

constexpr int64_t kMaxBulk = int64_t{1} << 30;

bool ParseLength(std::string_view text, int64_t* value) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), *value);
  return error == std::errc() && end == text.data() + text.size() && *value >= -1 &&
         *value <= kMaxBulk;
}

}  // namespace

ReplyScanner::Result ReplyScanner::Next(std::string_view buffer, ScannedReply* reply,
                                        size_t* consumed) {
  while (elements_left_ > 0) {
    const size_t line_end = buffer.find("\r\n", position_);
    if (line_end == std::string_view::npos) return Result::kNeedMore;
    if (line_end == position_) return Result::kBroken;
    const char kind = buffer[position_];
    const std::string_view line = buffer.substr(position_ + 1, line_end - position_ - 1);
    size_t next = line_end + 2;
    size_t payload_at = position_ + 1;
    size_t payload_size = line.size();
    bool is_null = kind == '_';
    uint64_t children = 0;
    int64_t length = 0;
    switch (kind) {
      case '+':
      case '-':
      case ':':
      case ',':
      case '#':
      case '(':
      case '_':
        break;
      case '$':
      case '=':
      case '!':
        if (!ParseLength(line, &length)) return Result::kBroken;
        if (length < 0) {
          is_null = true;
          payload_size = 0;
        } else {
          if (buffer.size() - next < static_cast<size_t>(length) + 2) return Result::kNeedMore;
          payload_at = next;
          payload_size = static_cast<size_t>(length);
          next += payload_size + 2;
        }
        break;
      case '*':
      case '~':
      case '>':
      case '%':
        if (!ParseLength(line, &length)) return Result::kBroken;
        is_null = length < 0;
        payload_size = 0;
        if (length > 0) children = static_cast<uint64_t>(length);
        if (kind == '%') children *= 2;
        break;
      default:
        return Result::kBroken;
    }
    if (outermost_) {
      reply_.kind = kind;
      reply_.is_null = is_null;
      payload_at_ = payload_at;
      payload_size_ = payload_size;
      outermost_ = false;
    }
    position_ = next;
    elements_left_ += children;
    --elements_left_;
  }
  *reply = reply_;
  reply->payload = buffer.substr(payload_at_, payload_size_);
  *consumed = position_;
  position_ = 0;
  elements_left_ = 1;
  outermost_ = true;
  return Result::kReply;
}

}  // namespace thermocline::tools
