// Words of commands and configuration: how they compare, and what surrounds them. Pure functions.
#pragma once

#include <strings.h>

#include <string_view>

namespace thermocline::codec {

/// The same but for the case of ASCII letters. Behind a NUL byte nothing is compared, as in Redis.
inline bool SameWord(std::string_view a, std::string_view b) {
  return a.size() == b.size() && strncasecmp(a.data(), b.data(), a.size()) == 0;
}

/// Without the blanks, tabs and line ends at both ends. Borrows.
inline std::string_view Trim(std::string_view line) {
  constexpr std::string_view kBlank = " \t\r\n";
  const size_t begin = line.find_first_not_of(kBlank);
  if (begin == line.npos) return {};
  return line.substr(begin, line.find_last_not_of(kBlank) - begin + 1);
}

}  // namespace thermocline::codec
