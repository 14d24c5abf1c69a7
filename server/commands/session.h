// What several commands about sessions share: the rule for client names.
#pragma once

#include <algorithm>
#include <string_view>

namespace thermocline::server {

inline constexpr std::string_view kBadClientName =
    "ERR Client names cannot contain spaces, newlines or special characters.";

/// Printable ASCII without spaces, so that a CLIENT LIST line can be split. Empty: the name is
/// taken away.
inline bool IsClientName(std::string_view name) {
  return std::all_of(name.begin(), name.end(), [](char c) { return c >= '!' && c <= '~'; });
}

}  // namespace thermocline::server
