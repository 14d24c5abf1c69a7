// KeyFilter against a multiset: "no" must be certain through growth, removal and equal positions,
// and "maybe" must be rare and cheap.
#include "engine/cold/key_filter.h"

#include <gtest/gtest.h>

#include <cstdio>
#include <map>
#include <vector>

#include "engine/env/random.h"

namespace thermocline::engine {
namespace {

constexpr uint64_t kPositionMask = (uint64_t{1} << 63) - 1;

uint64_t PositionNear(Random* random, int shape) {
  switch (shape) {
    case 0:
      return random->Next() & kPositionMask;
    case 1:  // one hash tag: 14 equal leading bits
      return (uint64_t{1234} << 49) | (random->Next() >> 15);
    default:  // neighbours
      return 1 + random->Uniform(1 << 20);
  }
}

double FalsePositives(const KeyFilter& filter, Random* random, int probes) {
  int hits = 0;
  for (int i = 0; i < probes; ++i)
    hits += filter.MayContain(random->Next() & kPositionMask) ? 1 : 0;
  return static_cast<double>(hits) / probes;
}

TEST(KeyFilter, HasNoFalseNegativesUnderRandomChanges) {
  for (int shape = 0; shape < 3; ++shape) {
    const uint64_t seed = 20260 + shape;
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    Random random(seed);
    KeyFilter filter;
    std::map<uint64_t, int> model;
    std::vector<uint64_t> added;
    uint64_t size = 0;
    for (int round = 0; round < 400'000; ++round) {
      // Grows in the first half of each 100,000 rounds, shrinks in the second.
      const bool grow = round % 100'000 < 50'000 ? !random.OneIn(4) : random.OneIn(4);
      if (grow || added.empty()) {
        const uint64_t position = !added.empty() && random.OneIn(20)
                                      ? added[random.Uniform(added.size())]
                                      : PositionNear(&random, shape);
        filter.Add(position);
        ++model[position];
        added.push_back(position);
        ++size;
      } else {
        const size_t i = random.Uniform(added.size());
        const uint64_t position = added[i];
        added[i] = added.back();
        added.pop_back();
        ASSERT_TRUE(filter.Remove(position));
        if (--model[position] == 0) model.erase(position);
        --size;
      }
      ASSERT_EQ(filter.size(), size);
      if (round % 20'000 == 0) {
        for (const auto& [position, n] : model) ASSERT_TRUE(filter.MayContain(position));
      }
    }
    while (!added.empty()) {
      ASSERT_TRUE(filter.Remove(added.back()));
      added.pop_back();
      if (added.size() % 10'000 == 0) {
        for (uint64_t position : added) ASSERT_TRUE(filter.MayContain(position));
      }
    }
    EXPECT_EQ(filter.size(), 0u);
    EXPECT_EQ(FalsePositives(filter, &random, 100'000), 0.0);
  }
}

TEST(KeyFilter, GrowsFromNothingWithRareFalsePositives) {
  Random random(7);
  KeyFilter filter;
  EXPECT_FALSE(filter.MayContain(1));
  EXPECT_FALSE(filter.Remove(1));
  EXPECT_EQ(filter.memory_bytes(), 0u);
  double worst_bytes = 0;
  uint64_t next_report = 50'000;
  for (uint64_t n = 1; n <= 4'000'000; ++n) {
    filter.Add(random.Next() & kPositionMask);
    if (n < next_report) continue;
    next_report = next_report * 5 / 4;
    const double bytes = static_cast<double>(filter.memory_bytes()) / static_cast<double>(n);
    worst_bytes = std::max(worst_bytes, bytes);
    if (n > 3'000'000) {
      const double rate = FalsePositives(filter, &random, 1'000'000);
      std::printf("grown to %lu: %.2f bytes a key, false positives %.4f %%\n",
                  static_cast<unsigned long>(n), bytes, rate * 100);
      EXPECT_LE(rate, 0.001);
    }
  }
  std::printf("worst bytes a key while growing: %.2f\n", worst_bytes);
  EXPECT_LE(worst_bytes, 4.2);
  EXPECT_EQ(filter.overflow_size(), 0u);
}

TEST(KeyFilter, IsAsSmallWhenItsSizeIsKnown) {
  double sum = 0;
  int sizes = 0;
  for (uint64_t keys = 500'000; keys < 1'100'000; keys += 50'000) {
    Random random(keys);
    KeyFilter filter;
    filter.Reserve(keys);
    for (uint64_t i = 0; i < keys; ++i) filter.Add(random.Next() & kPositionMask);
    const double bytes = static_cast<double>(filter.memory_bytes()) / static_cast<double>(keys);
    const double rate = FalsePositives(filter, &random, 500'000);
    std::printf("reserved for %lu: %.2f bytes a key, false positives %.4f %%\n",
                static_cast<unsigned long>(keys), bytes, rate * 100);
    EXPECT_LE(rate, 0.0005);
    sum += bytes;
    ++sizes;
  }
  EXPECT_LE(sum / sizes, 3.6);
}

TEST(KeyFilter, PartitionsAreFullWhenTheySplit) {
  // 28 tags a line of 64 bytes is 2.29 bytes at best.
  Random random(11);
  KeyFilter filter;
  filter.Add(random.Next() & kPositionMask);
  const uint64_t before = filter.memory_bytes();
  uint64_t smallest_class_keys = 1;
  while (filter.memory_bytes() == before) {
    filter.Add(random.Next() & kPositionMask);
    ++smallest_class_keys;
  }
  // The classes have 32, 40, 48, 56 lines: when the first partition of 32 splits, every one of the
  // 8 holds about as many keys as it.
  const double bytes_of_full = 8.0 * 32 * 64 / static_cast<double>(smallest_class_keys);
  std::printf("bytes a key in a partition that splits: %.2f\n", bytes_of_full);
  EXPECT_LE(bytes_of_full, 2.6);
}

TEST(KeyFilter, CountsEqualPositions) {
  KeyFilter filter;
  for (int i = 0; i < 1000; ++i) filter.Add(42);
  EXPECT_LE(filter.memory_bytes(), 64u << 10);
  for (int i = 0; i < 1000; ++i) {
    EXPECT_TRUE(filter.MayContain(42));
    EXPECT_TRUE(filter.Remove(42));
  }
  EXPECT_FALSE(filter.MayContain(42));
  EXPECT_FALSE(filter.Remove(42));
}

TEST(KeyFilter, ClearGivesEverythingBack) {
  Random random(3);
  KeyFilter filter;
  for (int i = 0; i < 100'000; ++i) filter.Add(random.Next() & kPositionMask);
  filter.Clear();
  EXPECT_EQ(filter.memory_bytes(), 0u);
  EXPECT_EQ(filter.size(), 0u);
  EXPECT_EQ(FalsePositives(filter, &random, 1000), 0.0);
  filter.Add(5);
  EXPECT_TRUE(filter.MayContain(5));
}

TEST(KeyFilter, KeepsTheOldestKeysThroughManyDoublings) {
  Random random(99);
  KeyFilter filter;
  std::vector<uint64_t> old;
  for (int i = 0; i < 2'000; ++i) {
    old.push_back(random.Next() & kPositionMask);
    filter.Add(old.back());
  }
  for (int i = 0; i < 6'000'000; ++i) filter.Add(random.Next() & kPositionMask);
  for (uint64_t position : old) ASSERT_TRUE(filter.MayContain(position));
  for (uint64_t position : old) ASSERT_TRUE(filter.Remove(position));
}

// A tag gives up one bit a split, so after 15 of them it cannot say in which half it belongs.
TEST(KeyFilter, StaysExactWhenTagsAreUsedUp) {
  KeyFilter filter;
  std::vector<uint64_t> added;
  for (uint64_t position = 1; added.size() < 3'000; ++position) {
    if (KeyFilter::Mix(position) >> (64 - 17) != 0) continue;
    filter.Add(position);
    added.push_back(position);
  }
  EXPECT_GT(filter.overflow_size(), 0u);
  EXPECT_LE(filter.memory_bytes(), 8u << 20);
  while (!added.empty()) {
    for (size_t i = 0; i < added.size(); i += 7) ASSERT_TRUE(filter.MayContain(added[i]));
    for (int i = 0; i < 100; ++i) {
      ASSERT_TRUE(filter.Remove(added.back()));
      added.pop_back();
    }
  }
  EXPECT_EQ(filter.size(), 0u);
  EXPECT_EQ(filter.overflow_size(), 0u);
}

}  // namespace
}  // namespace thermocline::engine
