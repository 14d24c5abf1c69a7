// Longest common subsequence of two strings, with the matching runs as the LCS command shows them.
//
// Where several subsequences are equally long, the one that Redis answers is found: walking back
// from the ends, a step is taken in `a` only if that keeps strictly more. Time O(|a| * |b|); memory
// two rows of lengths, and for the subsequence itself one bit a pair. Pure functions.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace thermocline::server {

/// A run of equal bytes: a[in_a, in_a + length) and b[in_b, in_b + length).
struct CommonRange {
  uint32_t in_a;
  uint32_t in_b;
  uint32_t length;
};

struct CommonSubsequence {
  std::string text;
  std::vector<CommonRange> ranges;  // from the ends of the strings to their beginnings
};

/// REQUIRES of both: strings shorter than 2^32 - 1 bytes.
uint32_t LongestCommonLength(std::string_view a, std::string_view b);
CommonSubsequence LongestCommonSubsequence(std::string_view a, std::string_view b);

}  // namespace thermocline::server
