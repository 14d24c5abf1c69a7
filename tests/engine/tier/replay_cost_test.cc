// What a replay is expected to take.
#include "engine/tier/replay_cost.h"

#include <gtest/gtest.h>

#include <limits>

namespace thermocline::engine {
namespace {

TEST(ReplayCost, AKeyCostsWhatTheLastStartMeasured) {
  ReplayCost cost;
  // 100,000 keys changed twice each took 2.3 s: 0.1 for the effects, 0.2 for 200 MB, 20 µs a key.
  cost.Learn(2'300'000, 200'000, 100'000, 200'000'000);
  EXPECT_DOUBLE_EQ(cost.Estimate(50'000, 50'000, 1'000'000), 25'000 + 50'000 * 20.0 + 1000);
}

TEST(ReplayCost, ManyChangesOfFewKeysCostLittle) {
  ReplayCost cost;
  cost.Learn(2'300'000, 200'000, 100'000, 200'000'000);
  EXPECT_LT(cost.Estimate(1'000'000, 1000, 0), 1'000'000);
  EXPECT_GT(cost.Estimate(100'000, 100'000, 0), 1'000'000);
}

TEST(ReplayCost, AShortReplayTeachesNothing) {
  ReplayCost cost;
  const double before = cost.Estimate(1000, 1000, 1000);
  cost.Learn(60'000'000, 30'000, ReplayCost::kKeysMin - 1, 1000);
  EXPECT_EQ(cost.Estimate(1000, 1000, 1000), before);
  EXPECT_EQ(cost.learned_us_per_key(), 0);
}

TEST(ReplayCost, NeverFree) {
  ReplayCost cost;
  cost.Learn(0, 1'000'000, 1'000'000, 1'000'000);
  EXPECT_GE(cost.Estimate(0, 1'000'000, 0), 500'000);
}

TEST(ReplayCost, AnotherRunsMeasureCountsIfItCanBeOne) {
  ReplayCost first, second;
  first.Learn(2'300'000, 200'000, 100'000, 200'000'000);
  second.Recall(first.learned_us_per_key());
  EXPECT_EQ(second.Estimate(1, 1, 1), first.Estimate(1, 1, 1));
  for (const double nonsense : {0.0, -1.0, 1e30, std::numeric_limits<double>::quiet_NaN()}) {
    ReplayCost cost;
    cost.Recall(nonsense);
    EXPECT_EQ(cost.learned_us_per_key(), 0) << nonsense;
  }
}

}  // namespace
}  // namespace thermocline::engine
