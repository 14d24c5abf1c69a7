// PositionCache: whatever it keeps, the answer is that of the computation, for the whole key.
#include "engine/hot/position_cache.h"

#include <gtest/gtest.h>

#include <random>
#include <string>
#include <vector>

#include "engine/hot/key_table.h"

namespace thermocline::engine {
namespace {

constexpr HashKey kHashKey{0x0123456789abcdef, 0xfedcba9876543210};

uint64_t Compute(std::string_view key) { return PositionOfKey(kHashKey, key); }

TEST(PositionCache, AnswersAsTheComputationDoesForEveryLengthAndEveryChangedByte) {
  PositionCache cache;
  for (size_t length = 0; length <= PositionCache::kKeyBytesMax + 8; ++length) {
    std::string key(length, 'k');
    EXPECT_EQ(cache.Get(key, Compute), Compute(key));
    EXPECT_EQ(cache.Get(key, Compute), Compute(key));
    for (size_t i = 0; i < length; ++i) {
      key[i] ^= 1;
      EXPECT_EQ(cache.Get(key, Compute), Compute(key)) << length << " bytes, byte " << i;
      key[i] ^= 1;
      EXPECT_EQ(cache.Get(key, Compute), Compute(key));
    }
  }
}

TEST(PositionCache, KeepsItsAnswersApartWhenKeysShareAnItem) {
  PositionCache cache;
  std::mt19937_64 random(1);
  std::vector<std::string> keys;
  for (int i = 0; i < 4096; ++i) keys.push_back("key:" + std::to_string(random() % 100'000'000));
  for (int i = 0; i < 100'000; ++i) {
    const std::string& key = keys[random() % keys.size()];
    ASSERT_EQ(cache.Get(key, Compute), Compute(key)) << key;
  }
}

TEST(PositionCache, ComputesAKeptKeyOnce) {
  PositionCache cache;
  int computed = 0;
  const auto count = [&](std::string_view key) {
    ++computed;
    return Compute(key);
  };
  for (int i = 0; i < 4; ++i) cache.Get("key:000000012345", count);
  EXPECT_EQ(computed, 1);
}

}  // namespace
}  // namespace thermocline::engine
