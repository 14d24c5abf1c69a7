// Between two stars every element of a pattern takes exactly one character, so on a mismatch only
// the last star needs to take one more: no earlier star can do better. That bounds the time without
// recursion. The differential test against redis-server's KEYS pins the corners.
#include "codec/glob.h"

#include <cstddef>
#include <utility>

namespace thermocline::codec {
namespace {

// ASCII only, on plain char: bytes above 127 compare as they are, negative, as in the original.
int Fold(char c, bool nocase) { return nocase && c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c; }

// Matches `c` against the class whose '[' is at pattern[*at]; moves *at behind the class.
bool MatchClass(std::string_view pattern, size_t* at, char c, bool nocase) {
  size_t i = *at + 1;
  const bool negated = i < pattern.size() && pattern[i] == '^';
  if (negated) ++i;
  bool match = false;
  for (; i < pattern.size() && pattern[i] != ']'; ++i) {
    if (pattern[i] == '\\' && i + 1 < pattern.size()) {
      ++i;
      match |= pattern[i] == c;  // an escaped character keeps its case even under nocase
    } else if (i + 2 < pattern.size() && pattern[i + 1] == '-') {
      // The ends are put in order before they are folded: "[A-z]" folds to a single 'a'..'z'.
      int low = pattern[i];
      int high = pattern[i + 2];
      if (low > high) std::swap(low, high);
      low = Fold(static_cast<char>(low), nocase);
      high = Fold(static_cast<char>(high), nocase);
      const int folded = Fold(c, nocase);
      match |= folded >= low && folded <= high;
      i += 2;
    } else {
      match |= Fold(pattern[i], nocase) == Fold(c, nocase);
    }
  }
  *at = i < pattern.size() ? i + 1 : i;
  return match != negated;
}

// Matches one character against the element at pattern[*at], which is no star; moves *at behind it.
bool MatchElement(std::string_view pattern, size_t* at, char c, bool nocase) {
  switch (pattern[*at]) {
    case '?':
      ++*at;
      return true;
    case '[':
      return MatchClass(pattern, at, c, nocase);
    case '\\':
      if (*at + 1 < pattern.size()) ++*at;
      [[fallthrough]];
    default:
      return Fold(pattern[(*at)++], nocase) == Fold(c, nocase);
  }
}

}  // namespace

bool GlobMatch(std::string_view pattern, std::string_view text, bool nocase) {
  if (text.empty()) return pattern.empty();
  size_t p = 0;
  size_t t = 0;
  size_t after_star = std::string_view::npos;  // the pattern behind the last star
  size_t star_end = 0;                         // where that star's share of the text ends
  while (t < text.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      while (p < pattern.size() && pattern[p] == '*') ++p;
      if (p == pattern.size()) return true;
      after_star = p;
      star_end = t;
    } else if (p < pattern.size() && MatchElement(pattern, &p, text[t], nocase)) {
      ++t;
    } else if (after_star != std::string_view::npos) {
      p = after_star;
      t = ++star_end;
    } else {
      return false;
    }
  }
  while (p < pattern.size() && pattern[p] == '*') ++p;
  return p == pattern.size();
}

}  // namespace thermocline::codec
