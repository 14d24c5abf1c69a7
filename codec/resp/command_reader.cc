// Deliberately not the client parser: see the header.
#include "codec/resp/command_reader.h"

#include <cstdint>

#include "codec/number_text.h"

namespace thermocline::codec {
namespace {

// Reads `type`, a number >= 0 and CRLF at *at; moves behind them.
bool ReadHeader(std::string_view bytes, char type, size_t* at, uint64_t* value) {
  size_t i = *at;
  if (i >= bytes.size() || bytes[i] != type) return false;
  const size_t digits = ++i;
  while (i < bytes.size() && bytes[i] >= '0' && bytes[i] <= '9') ++i;
  if (bytes.size() - i < 2 || bytes[i] != '\r' || bytes[i + 1] != '\n') return false;
  int64_t number = 0;
  if (!ParseInt64(bytes.substr(digits, i - digits), &number)) return false;
  *value = static_cast<uint64_t>(number);
  *at = i + 2;
  return true;
}

}  // namespace

CommandReader::Result CommandReader::Next(std::vector<std::string_view>* argv) {
  argv->clear();
  if (offset_ == payload_.size()) return kEnd;
  size_t at = offset_;
  uint64_t count = 0;
  if (!ReadHeader(payload_, '*', &at, &count) || count == 0) return kCorrupt;
  for (; count > 0; --count) {
    uint64_t length = 0;
    if (!ReadHeader(payload_, '$', &at, &length)) return kCorrupt;
    const size_t left = payload_.size() - at;
    if (left < 2 || length > left - 2) return kCorrupt;
    if (payload_[at + length] != '\r' || payload_[at + length + 1] != '\n') return kCorrupt;
    argv->push_back(payload_.substr(at, length));
    at += length + 2;
  }
  offset_ = at;
  return kCommand;
}

}  // namespace thermocline::codec
