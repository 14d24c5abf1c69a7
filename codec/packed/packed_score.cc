#include "codec/packed/packed_score.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <cstring>

namespace thermocline::codec {

ListpackElement ScoreElement(double score, char (&scratch)[kMaxDoubleText]) {
  // Whole numbers below 2^53 have at most 16 digits: their text is their integer's.
  if (std::abs(score) < 0x1p53 && std::trunc(score) == score &&
      (score != 0 || !std::signbit(score))) {
    return static_cast<int64_t>(score);
  }
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
