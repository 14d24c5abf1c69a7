#include "codec/packed/packed_score.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <cstring>

namespace thermocline::codec {

bool PackedScoreIsWhole(double score, int64_t* whole) {
  if (std::abs(score) > 0x1p62 || std::trunc(score) != score) return false;
  *whole = static_cast<int64_t>(score);
  return true;
}

ListpackElement ScoreElement(double score, char (&scratch)[kMaxDoubleText]) {
  // Whole numbers are kept as such, so that -0 becomes 0 here, and here alone.
  int64_t whole = 0;
  if (PackedScoreIsWhole(score, &whole)) return whole;
  return std::string_view(scratch, FormatDouble(scratch, score));
}

double ScoreOf(const PackedValue& value) {
  if (value.is_int) return static_cast<double>(value.number);
  double score = 0;
  if (ParseDouble(value.text, &score)) return score;
  // Leading spaces, overflow, rubbish: strtod's own answer, of as much as Redis looks at.
  char text[128];
  const size_t n = std::min(value.text.size(), sizeof(text) - 1);
  std::memcpy(text, value.text.data(), n);
  text[n] = '\0';
  return std::strtod(text, nullptr);
}

}  // namespace thermocline::codec
