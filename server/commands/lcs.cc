// The table of lengths is kept as two rows; what the walk back needs of the rest is one bit a pair,
// set where the length above is the longer one. See lcs.h for which of several answers is found.
// Executor; time O(|a| * |b|), which LCS bounds by proto-max-bulk-len as Redis does.
#include "server/commands/lcs.h"

#include <algorithm>

namespace thermocline::server {
namespace {

// Fills the length table row by row; `mismatch(i, j, above_is_longer)` hears of every pair a[i] !=
// b[j]. Returns the length for the whole strings.
template <typename OnMismatch>
uint32_t FillLengths(std::string_view a, std::string_view b, OnMismatch on_mismatch) {
  std::vector<uint32_t> above(b.size() + 1, 0);
  std::vector<uint32_t> row(b.size() + 1, 0);
  for (size_t i = 0; i < a.size(); ++i) {
    for (size_t j = 0; j < b.size(); ++j) {
      if (a[i] == b[j]) {
        row[j + 1] = above[j] + 1;
        continue;
      }
      const bool above_is_longer = above[j + 1] > row[j];
      row[j + 1] = above_is_longer ? above[j + 1] : row[j];
      on_mismatch(i, j, above_is_longer);
    }
    std::swap(above, row);
  }
  return above[b.size()];
}

}  // namespace

uint32_t LongestCommonLength(std::string_view a, std::string_view b) {
  return FillLengths(a, b, [](size_t, size_t, bool) {});
}

CommonSubsequence LongestCommonSubsequence(std::string_view a, std::string_view b) {
  std::vector<bool> step_in_a(a.size() * b.size());
  CommonSubsequence common;
  common.text.resize(FillLengths(a, b, [&](size_t i, size_t j, bool above_is_longer) {
    if (above_is_longer) step_in_a[i * b.size() + j] = true;
  }));

  size_t left = common.text.size();
  size_t i = a.size();
  size_t j = b.size();
  uint32_t run = 0;
  const auto end_run = [&] {
    if (run > 0) {
      common.ranges.push_back({static_cast<uint32_t>(i), static_cast<uint32_t>(j), run});
      run = 0;
    }
  };
  while (i > 0 && j > 0) {
    if (a[i - 1] == b[j - 1]) {
      --i;
      --j;
      common.text[--left] = a[i];
      ++run;
      continue;
    }
    end_run();
    step_in_a[(i - 1) * b.size() + j - 1] ? --i : --j;
  }
  end_run();
  return common;
}

}  // namespace thermocline::server
