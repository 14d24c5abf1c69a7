// What Redis shows of a client's bytes in an error: it prints them as C strings. Any thread.
#pragma once

#include <string>
#include <string_view>

namespace thermocline::server {

/// As printf's "%s": nothing from a NUL on.
inline std::string CText(std::string_view text) {
  return std::string(text.substr(0, text.find('\0')));
}

/// As printf's "%.128s": 128 bytes at most, too.
inline std::string ShortCText(std::string_view text) { return CText(text.substr(0, 128)); }

}  // namespace thermocline::server
