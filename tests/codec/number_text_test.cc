// Numbers in text. The expectations were taken from redis-server 7.0.15.
#include "codec/number_text.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <limits>
#include <random>

#include "tests/codec/golden.h"

namespace thermocline::codec {
namespace {

constexpr int64_t kMin = std::numeric_limits<int64_t>::min();
constexpr int64_t kMax = std::numeric_limits<int64_t>::max();

std::string Int(int64_t value) {
  char text[kMaxInt64Text];
  return {text, FormatInt64(text, value)};
}

std::string LongDouble(std::string_view text) {
  long double value = 0;
  return ParseLongDouble(text, &value) ? FormatLongDoubleHuman(value) : "refused";
}

TEST(NumberText, Int64TakesOnlyTheCanonicalForm) {
  int64_t value = 0;
  for (const char* text :
       {"", "-", "+1", " 1", "1 ", "01", "-0", "-01", "00", "0x10", "1.0", "1a", "a",
        "9223372036854775808", "-9223372036854775809", "18446744073709551616",
        "99999999999999999999", "-99999999999999999999", "123456789012345678901"}) {
    EXPECT_FALSE(ParseInt64(text, &value)) << text;
  }
  EXPECT_FALSE(ParseInt64(std::string_view("1\0", 2), &value));
}

TEST(NumberText, Int64RoundTrips) {
  std::mt19937_64 random(TestSeed());
  std::vector<int64_t> values = {0, 1, -1, kMin, kMin + 1, kMax, kMax - 1};
  for (int64_t power = 1; power <= kMax / 10; power *= 10) {
    for (const int64_t v : {power, power - 1, power + 1}) values.insert(values.end(), {v, -v});
  }
  for (int i = 0; i < 10000; ++i)
    values.push_back(static_cast<int64_t>(random()) >> (random() % 64));
  for (const int64_t v : values) {
    EXPECT_EQ(Int(v), std::to_string(v));
    int64_t parsed = 0;
    EXPECT_TRUE(ParseInt64(Int(v), &parsed));
    EXPECT_EQ(parsed, v);
  }
  char text[kMaxInt64Text];
  EXPECT_EQ(std::string(text, FormatUint64(text, UINT64_MAX)), "18446744073709551615");
}

TEST(NumberText, LongDoubleFollowsStrtoldWithoutSpacesAndNan) {
  EXPECT_EQ(LongDouble("1"), "1");
  EXPECT_EQ(LongDouble("+1"), "1");
  EXPECT_EQ(LongDouble("0x10"), "16");
  EXPECT_EQ(LongDouble("3.0e3"), "3000");
  EXPECT_EQ(LongDouble(".5"), "0.5");
  EXPECT_EQ(LongDouble("1."), "1");
  EXPECT_EQ(LongDouble("0.1"), "0.1");
  EXPECT_EQ(LongDouble("-0"), "0");
  EXPECT_EQ(LongDouble("inf"), "inf");
  EXPECT_EQ(LongDouble("-infinity"), "-inf");
  EXPECT_EQ(LongDouble("1e-18"), "0");
  EXPECT_EQ(LongDouble("-1e-18"), "0");
  EXPECT_EQ(LongDouble(std::string(5119, '0')), "0");
  for (const std::string text : {"", " 1", "1 ", "\t1", "1\n", "nan", "-nan", "nan(1)", ".", "1e",
                                 "0x", "1_0", "1e4933", "1e-5000"}) {
    // "0x" and "1e" stop before their end; 1e-5000 underflows.
    EXPECT_EQ(LongDouble(text), "refused") << text;
  }
  EXPECT_EQ(LongDouble(std::string(5120, '0')), "refused");
  EXPECT_EQ(LongDouble(std::string_view("1\0", 2)), "refused");
  EXPECT_EQ(LongDouble("1e4932").size(), 4933u);
}

TEST(NumberText, DoublesPrintSeventeenDigits) {
  double value = 0;
  ASSERT_TRUE(ParseDouble("3.1", &value));
  EXPECT_EQ(FormatDouble(value), "3.1000000000000001");
  EXPECT_EQ(FormatDouble(100), "100");
  EXPECT_EQ(FormatDouble(1e300), "1.0000000000000001e+300");
  EXPECT_EQ(FormatDouble(std::numeric_limits<double>::infinity()), "inf");
  EXPECT_EQ(FormatDouble(-std::numeric_limits<double>::infinity()), "-inf");
  EXPECT_EQ(FormatDouble(std::nan("")), "nan");
  for (const char* text : {"", " 1", "1 ", "nan", "1e400", "1e-400", "x"}) {
    EXPECT_FALSE(ParseDouble(text, &value)) << text;
  }
  EXPECT_TRUE(ParseDouble("-inf", &value));
  EXPECT_TRUE(ParseDouble(std::string(500, '1') + "e-490", &value));
}

TEST(NumberText, DoublesAreThoseOfPrintfAndStrtod) {
  std::mt19937_64 rng(1);
  char expected[64];
  for (int i = 0; i < 200'000; ++i) {
    double value = 0;
    switch (i % 4) {
      case 0:
        value = std::bit_cast<double>(rng());
        break;
      case 1:  // whole numbers, around 2^53 too
        value = static_cast<double>(static_cast<int64_t>(rng()) >> (rng() % 64));
        break;
      case 2:
        value = static_cast<double>(static_cast<int64_t>(rng() % 200'001) - 100'000) / 100;
        break;
      default:
        value = rng() % 2 == 0 ? 0.0 : -0.0;
    }
    if (std::isnan(value)) continue;
    std::snprintf(expected, sizeof(expected), "%.17g", value);
    const std::string text = FormatDouble(value);
    ASSERT_EQ(text, expected);
    double back = 0;
    ASSERT_TRUE(ParseDouble(text, &back)) << text;
    ASSERT_EQ(std::bit_cast<uint64_t>(back), std::bit_cast<uint64_t>(value)) << text;
  }
  for (const char* text : {"0", "-0", "007", "-12", "999999999999999", "1234567890123456", "-", "",
                           "+5", "12a", "1.5", "-9007199254740993"}) {
    double value = 0;
    char* end = nullptr;
    const double expect = std::strtod(text, &end);
    const bool ok = *text != '\0' && *end == '\0';
    ASSERT_EQ(ParseDouble(text, &value), ok) << text;
    if (!ok) continue;
    EXPECT_EQ(std::bit_cast<uint64_t>(value), std::bit_cast<uint64_t>(expect)) << text;
  }
}

TEST(NumberText, MemorySizes) {
  const auto parse = [](std::string_view text) {
    uint64_t bytes = 0;
    return ParseMemory(text, &bytes) ? std::to_string(bytes) : "refused";
  };
  EXPECT_EQ(parse("0"), "0");
  EXPECT_EQ(parse("00012"), "12");
  EXPECT_EQ(parse("1b"), "1");
  EXPECT_EQ(parse("1k"), "1000");
  EXPECT_EQ(parse("1Kb"), "1024");
  EXPECT_EQ(parse("2m"), "2000000");
  EXPECT_EQ(parse("2MB"), "2097152");
  EXPECT_EQ(parse("3g"), "3000000000");
  EXPECT_EQ(parse("3gB"), "3221225472");
  EXPECT_EQ(parse(""), "0");
  EXPECT_EQ(parse("mb"), "0");
  EXPECT_EQ(parse("18446744073709551615"), "18446744073709551615");
  for (const char* text : {"-1", "+1", " 1", "1 k", "1.5mb", "1t", "1kbb", "0x10",
                           "18446744073709551616", "17179869184gb"}) {
    EXPECT_EQ(parse(text), "refused") << text;
  }
}

}  // namespace
}  // namespace thermocline::codec
