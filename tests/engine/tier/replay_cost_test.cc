// What a replay is expected to take.
#include "engine/tier/replay_cost.h"

#include <gtest/gtest.h>

namespace thermocline::engine {
namespace {

TEST(ReplayCost, AKeyCostsWhatTheLastStartMeasured) {
  ReplayCost cost;
  // 100,000 keys changed twice each took 2.1 s: 0.1 for the effects, 20 µs a key.
  cost.Learn(2'100'000, 200'000, 100'000);
  EXPECT_DOUBLE_EQ(cost.Estimate(50'000, 50'000), 25'000 + 50'000 * 20.0);
}

TEST(ReplayCost, ManyChangesOfFewKeysCostLittle) {
  ReplayCost cost;
  cost.Learn(2'100'000, 200'000, 100'000);
  EXPECT_LT(cost.Estimate(1'000'000, 1000), 1'000'000);
  EXPECT_GT(cost.Estimate(100'000, 100'000), 1'000'000);
}

TEST(ReplayCost, AShortReplayTeachesNothing) {
  ReplayCost cost;
  const double before = cost.Estimate(1000, 1000);
  cost.Learn(60'000'000, 30'000, ReplayCost::kKeysMin - 1);
  EXPECT_EQ(cost.Estimate(1000, 1000), before);
}

TEST(ReplayCost, NeverFree) {
  ReplayCost cost;
  cost.Learn(0, 1'000'000, 1'000'000);
  EXPECT_GE(cost.Estimate(0, 1'000'000), 1'000'000);
}

}  // namespace
}  // namespace thermocline::engine
