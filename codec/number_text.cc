// The floating-point functions lean on libc, as Redis does, so that both round and print alike; the
// integers are written out because INCR, lengths and replies spend their time in them.
#include "codec/number_text.h"

#include <array>
#include <cerrno>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <limits>

#include "codec/words.h"

namespace thermocline::codec {
namespace {

constexpr size_t kMaxLongDoubleText = 5 * 1024;

constexpr std::array<char, 200> MakeDigitPairs() {
  std::array<char, 200> pairs{};
  for (unsigned i = 0; i < 100; ++i) {
    pairs[2 * i] = static_cast<char>('0' + i / 10);
    pairs[2 * i + 1] = static_cast<char>('0' + i % 10);
  }
  return pairs;
}
constexpr auto kDigitPairs = MakeDigitPairs();

// What strtod and strtold have in common. `text` is followed by a NUL.
template <typename Float>
bool ParseFloat(const char* text, size_t size, Float (*convert)(const char*, char**),
                Float* value) {
  if (size == 0 || std::isspace(static_cast<unsigned char>(text[0]))) return false;
  char* end = nullptr;
  errno = 0;
  const Float parsed = convert(text, &end);
  if (static_cast<size_t>(end - text) != size) return false;
  if (errno == ERANGE && (std::isinf(parsed) || std::fpclassify(parsed) == FP_ZERO)) return false;
  if (std::isnan(parsed)) return false;
  *value = parsed;
  return true;
}

// A sign and at most 15 digits: exact, and what nearly all scores are. False: ask strtod.
bool ParseShortInteger(std::string_view text, double* value) {
  const bool negative = !text.empty() && text[0] == '-';
  const std::string_view digits = text.substr(negative ? 1 : 0);
  if (digits.empty() || digits.size() > 15) return false;
  int64_t number = 0;
  for (const char c : digits) {
    const unsigned digit = static_cast<unsigned char>(c) - static_cast<unsigned>('0');
    if (digit > 9) return false;
    number = number * 10 + digit;
  }
  *value = negative ? -static_cast<double>(number) : static_cast<double>(number);  // "-0" is -0.0
  return true;
}

}  // namespace

bool ParseInt64(std::string_view text, int64_t* value) {
  const char* p = text.data();
  const char* const end = p + text.size();
  if (p == end || text.size() > kMaxInt64Text) return false;
  const bool negative = *p == '-';
  if (negative && ++p == end) return false;
  if (*p == '0') {
    if (text.size() != 1) return false;
    *value = 0;
    return true;
  }
  // Nineteen digits cannot overflow 64 unsigned bits; a twentieth is out of the range of int64_t.
  if (end - p > 19) return false;
  uint64_t magnitude = 0;
  for (; p != end; ++p) {
    const unsigned digit = static_cast<unsigned char>(*p) - static_cast<unsigned>('0');
    if (digit > 9) return false;
    magnitude = magnitude * 10 + digit;
  }
  constexpr auto kMax = static_cast<uint64_t>(std::numeric_limits<int64_t>::max());
  if (magnitude > kMax + (negative ? 1 : 0)) return false;
  *value = static_cast<int64_t>(negative ? 0 - magnitude : magnitude);
  return true;
}

size_t FormatUint64(char* out, uint64_t value) {
  if (value < 10) {
    *out = static_cast<char>('0' + value);
    return 1;
  }
  if (value < 100) {
    std::memcpy(out, &kDigitPairs[2 * value], 2);
    return 2;
  }
  char text[kMaxInt64Text];
  char* p = text + sizeof(text);
  while (value >= 100) {
    p -= 2;
    std::memcpy(p, &kDigitPairs[2 * (value % 100)], 2);
    value /= 100;
  }
  if (value >= 10) {
    p -= 2;
    std::memcpy(p, &kDigitPairs[2 * value], 2);
  } else {
    *--p = static_cast<char>('0' + value);
  }
  const auto n = static_cast<size_t>(text + sizeof(text) - p);
  std::memcpy(out, p, n);
  return n;
}

size_t FormatInt64(char* out, int64_t value) {
  if (value >= 0) return FormatUint64(out, static_cast<uint64_t>(value));
  *out = '-';
  return 1 + FormatUint64(out + 1, 0 - static_cast<uint64_t>(value));
}

bool ParseLongDouble(std::string_view text, long double* value) {
  char buffer[kMaxLongDoubleText];
  if (text.size() >= sizeof(buffer)) return false;
  std::memcpy(buffer, text.data(), text.size());
  buffer[text.size()] = '\0';
  return ParseFloat<long double>(buffer, text.size(), std::strtold, value);
}

bool ParseDouble(std::string_view text, double* value) {
  if (ParseShortInteger(text, value)) return true;
  char buffer[128];
  if (text.size() >= sizeof(buffer)) {
    const std::string copy(text);
    return ParseFloat<double>(copy.c_str(), copy.size(), std::strtod, value);
  }
  std::memcpy(buffer, text.data(), text.size());
  buffer[text.size()] = '\0';
  return ParseFloat<double>(buffer, text.size(), std::strtod, value);
}

std::string FormatLongDoubleHuman(long double value) {
  if (std::isinf(value)) return value > 0 ? "inf" : "-inf";
  char buffer[kMaxLongDoubleText];
  const int n = std::snprintf(buffer, sizeof(buffer), "%.17Lf", value);
  std::string_view text(buffer, static_cast<size_t>(n));
  if (text.find('.') != std::string_view::npos) {
    while (text.back() == '0') text.remove_suffix(1);
    if (text.back() == '.') text.remove_suffix(1);
  }
  return std::string(text == "-0" ? "0" : text);
}

size_t FormatDouble(char* out, double value) {
  // Whole numbers below 2^53 have at most 16 digits, and %.17g shows them all; but for "-0".
  if (std::abs(value) < 0x1p53 && std::trunc(value) == value &&
      (value != 0 || !std::signbit(value))) {
    return FormatInt64(out, static_cast<int64_t>(value));
  }
  // The sign of NaN is not shown. to_chars promises printf's digits without its cost.
  if (std::isnan(value)) value = std::numeric_limits<double>::quiet_NaN();
  return static_cast<size_t>(
      std::to_chars(out, out + kMaxDoubleText, value, std::chars_format::general, 17).ptr - out);
}

std::string FormatDouble(double value) {
  char text[kMaxDoubleText];
  return {text, FormatDouble(text, value)};
}

bool ParseMemory(std::string_view text, uint64_t* bytes) {
  size_t digits = 0;
  uint64_t number = 0;
  for (; digits < text.size() && text[digits] >= '0' && text[digits] <= '9'; ++digits) {
    if (__builtin_mul_overflow(number, uint64_t{10}, &number) ||
        __builtin_add_overflow(number, static_cast<uint64_t>(text[digits] - '0'), &number)) {
      return false;
    }
  }
  struct Unit {
    std::string_view name;
    uint64_t factor;
  };
  static constexpr Unit kUnits[] = {{"", 1},
                                    {"b", 1},
                                    {"k", 1000},
                                    {"kb", 1024},
                                    {"m", 1000'000},
                                    {"mb", 1024 * 1024},
                                    {"g", 1000'000'000},
                                    {"gb", 1024 * 1024 * 1024}};
  for (const Unit& unit : kUnits) {
    if (SameWord(text.substr(digits), unit.name)) {
      return !__builtin_mul_overflow(number, unit.factor, bytes);
    }
  }
  return false;
}

}  // namespace thermocline::codec
