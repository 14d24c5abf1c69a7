// KeyPicker: the shares of a Zipf distribution against the formula, bijection of the scattering,
// ranges, independence of seeds.
#include "tools/bench/key_picker.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "gtest/gtest.h"

namespace thermocline::tools {
namespace {

std::vector<uint32_t> CountPicks(KeyPicker* picker, uint64_t keys, int picks) {
  std::vector<uint32_t> counts(keys, 0);
  for (int i = 0; i < picks; ++i) {
    const uint64_t key = picker->Next();
    EXPECT_LT(key, keys);
    if (key < keys) ++counts[key];
  }
  return counts;
}

TEST(KeyPickerTest, ZipfSharesFollowTheFormula) {
  constexpr uint64_t kKeys = 10'000;
  constexpr int kPicks = 2'000'000;
  constexpr double kTheta = 0.99;
  KeyPicker picker(KeyDistribution::kZipf, kKeys, kTheta, 7);
  std::vector<uint32_t> counts = CountPicks(&picker, kKeys, kPicks);
  std::sort(counts.rbegin(), counts.rend());
  double zeta = 0;
  for (uint64_t i = 1; i <= kKeys; ++i) zeta += std::pow(static_cast<double>(i), -kTheta);
  // The two most popular keys are exact in the method, the sums of many keys nearly so.
  EXPECT_NEAR(counts[0], kPicks / zeta, kPicks / zeta * 0.02);
  EXPECT_NEAR(counts[1], kPicks / zeta * std::pow(0.5, kTheta), kPicks / zeta * 0.02);
  double expected_top = 0;
  double seen_top = 0;
  for (size_t i = 0; i < 1000; ++i) {
    expected_top += std::pow(static_cast<double>(i + 1), -kTheta) / zeta;
    seen_top += static_cast<double>(counts[i]) / kPicks;
  }
  EXPECT_NEAR(seen_top, expected_top, 0.02);
}

TEST(KeyPickerTest, PopularKeysAreScatteredAndTheSameForEverySeed) {
  constexpr uint64_t kKeys = 100'000;
  KeyPicker one(KeyDistribution::kZipf, kKeys, 0.99, 1);
  KeyPicker two(one, 2);
  const auto popular_of = [&](KeyPicker* picker) {
    const std::vector<uint32_t> counts = CountPicks(picker, kKeys, 300'000);
    return static_cast<size_t>(std::max_element(counts.begin(), counts.end()) - counts.begin());
  };
  const Scatter scatter(kKeys);
  EXPECT_EQ(popular_of(&one), scatter(0));
  EXPECT_EQ(popular_of(&two), scatter(0));
  EXPECT_GT(std::max(scatter(0), scatter(1)) - std::min(scatter(0), scatter(1)), 10u);
}

TEST(KeyPickerTest, ScatterIsABijection) {
  for (const uint64_t keys : {1ull, 2ull, 3ull, 100ull, 4096ull, 100'003ull}) {
    const Scatter scatter(keys);
    std::vector<bool> seen(keys, false);
    for (uint64_t rank = 0; rank < keys; ++rank) {
      const uint64_t key = scatter(rank);
      ASSERT_LT(key, keys);
      ASSERT_FALSE(seen[key]);
      seen[key] = true;
    }
  }
}

TEST(KeyPickerTest, LatestPrefersTheHighestKeys) {
  KeyPicker picker(KeyDistribution::kLatest, 1000, 0.99, 3);
  const std::vector<uint32_t> counts = CountPicks(&picker, 1000, 100'000);
  EXPECT_EQ(std::max_element(counts.begin(), counts.end()) - counts.begin(), 999);
  EXPECT_GT(counts[999], counts[0] * 20);
}

TEST(KeyPickerTest, UniformReachesEveryKeyAboutEquallyOften) {
  KeyPicker picker(KeyDistribution::kUniform, 100, 0, 4);
  for (const uint32_t count : CountPicks(&picker, 100, 1'000'000)) EXPECT_NEAR(count, 10'000, 700);
}

TEST(KeyPickerTest, SequentialVisitsEveryKeyInOrderAndStartsAgain) {
  KeyPicker picker(KeyDistribution::kSequential, 5, 0, 5);
  for (uint64_t i = 0; i < 12; ++i) EXPECT_EQ(picker.Next(), i % 5);
}

TEST(KeyPickerTest, ClientsWithDifferentSeedsDoNotDrawTheSameSequence) {
  const KeyPicker prototype(KeyDistribution::kUniform, 1'000'000, 0, 1);
  KeyPicker one(prototype, 10);
  KeyPicker two(prototype, 11);
  int equal = 0;
  for (int i = 0; i < 1000; ++i) equal += one.Next() == two.Next();
  EXPECT_LT(equal, 3);
}

}  // namespace
}  // namespace thermocline::tools
