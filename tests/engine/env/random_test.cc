// Random: a seed fixes the sequence; values are uniform.

#include "engine/env/random.h"

#include <gtest/gtest.h>

#include <set>

namespace thermocline::engine {
namespace {

TEST(Random, ASeedFixesTheSequence) {
  Random a(42);
  Random b(42);
  Random c(43);
  bool differs = false;
  for (int i = 0; i < 100; ++i) {
    const uint64_t x = a.Next();
    EXPECT_EQ(x, b.Next());
    differs |= x != c.Next();
  }
  EXPECT_TRUE(differs);
}

TEST(Random, UniformStaysBelowAndReachesEverything) {
  Random random(0);
  std::set<uint64_t> seen;
  for (int i = 0; i < 1000; ++i) {
    const uint64_t x = random.Uniform(7);
    ASSERT_LT(x, 7u);
    seen.insert(x);
    const double f = random.Fraction();
    ASSERT_GE(f, 0.0);
    ASSERT_LT(f, 1.0);
  }
  EXPECT_EQ(seen.size(), 7u);
  EXPECT_TRUE(random.OneIn(1));
}

TEST(Random, EntropyDiffersFromCallToCall) { EXPECT_NE(Random::Entropy(), Random::Entropy()); }

}  // namespace
}  // namespace thermocline::engine
