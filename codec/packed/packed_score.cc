#include "codec/packed/packed_score.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <cstring>

namespace thermocline::codec {

ListpackElement ScoreElement(double score, char (&scratch)[kScoreScratch]) {
  // Whole numbers below 2^53 have at most 16 digits: their text is their integer's.
  if (std::abs(score) < 0x1p53 && std::trunc(score) == score &&
      (score != 0 || !std::signbit(score))) {
    return static_cast<int64_t>(score);
  }
  // As printf("%.17g"), which to_chars promises, without its cost.
  const auto end =
      std::to_chars(scratch, scratch + sizeof(scratch), score, std::chars_format::general, 17);
  return std::string_view(scratch, static_cast<size_t>(end.ptr - scratch));
}

double ScoreOf(const PackedValue& value) {
  if (value.is_int) return static_cast<double>(value.number);
  double score = 0;
  const char* const end = value.text.data() + value.text.size();
  const auto parsed = std::from_chars(value.text.data(), end, score);
  if (parsed.ec == std::errc() && parsed.ptr == end) return score;
  // Spaces, '+', hexadecimal, overflow, rubbish: strtod's own answer, of as much as Redis looks at.
  char text[128];
  const size_t n = std::min(value.text.size(), sizeof(text) - 1);
  std::memcpy(text, value.text.data(), n);
  text[n] = '\0';
  return std::strtod(text, nullptr);
}

}  // namespace thermocline::codec
