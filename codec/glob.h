// Glob matching with Redis's rules: '*', '?', '[a-z]', '[^x]', '\' escapes; KEYS, SCAN, PSUBSCRIBE,
// ACL.
//
// The semantics include the corners that clients can see: an unclosed class ends with the pattern,
// a range may be written backwards, an empty text matches only the empty pattern. Time is O(pattern
// x text) without recursion, whatever the pattern: it comes from clients.
#pragma once

#include <string_view>

namespace thermocline::codec {

/// True if the whole of `text` matches. `nocase` folds ASCII letters.
bool GlobMatch(std::string_view pattern, std::string_view text, bool nocase = false);

}  // namespace thermocline::codec
