// ValueSource: values are fixed by the key, differ between keys, and hold no pattern to compress.
#include "tools/bench/value_source.h"

#include <array>

#include "gtest/gtest.h"

namespace thermocline::tools {
namespace {

TEST(ValueSourceTest, AValueIsRecognisedAndADamagedOneIsNot) {
  for (const uint64_t size : {0ull, 1ull, 7ull, 8ull, 9ull, 100ull, 1024ull}) {
    std::string value;
    AppendValue(5, size, &value);
    ASSERT_EQ(value.size(), size);
    EXPECT_TRUE(IsValueOf(5, value));
    if (size < 8) continue;
    EXPECT_FALSE(IsValueOf(6, value));
    value[size - 1] ^= 1;
    EXPECT_FALSE(IsValueOf(5, value));
  }
}

TEST(ValueSourceTest, BytesAreEvenlySpread) {
  std::array<int, 256> counts{};
  for (uint64_t key = 0; key < 1000; ++key) {
    std::string value;
    AppendValue(key, 256, &value);
    for (const char c : value) ++counts[static_cast<unsigned char>(c)];
  }
  for (const int count : counts) EXPECT_NEAR(count, 1000, 200);
}

TEST(ValueSourceTest, SizesFillTheRangeAndAreFixedForAKey) {
  bool low = false;
  bool high = false;
  for (uint64_t key = 0; key < 1000; ++key) {
    const uint64_t size = ValueSizeOf(key, 10, 20);
    EXPECT_GE(size, 10u);
    EXPECT_LE(size, 20u);
    EXPECT_EQ(size, ValueSizeOf(key, 10, 20));
    low |= size == 10;
    high |= size == 20;
  }
  EXPECT_TRUE(low && high);
  EXPECT_EQ(ValueSizeOf(3, 64, 64), 64u);
}

}  // namespace
}  // namespace thermocline::tools
