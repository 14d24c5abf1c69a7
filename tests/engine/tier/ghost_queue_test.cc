// The ghost queue: what it remembers, for how long, and how rarely it is mistaken.
#include "engine/tier/ghost_queue.h"

#include <gtest/gtest.h>

#include <random>

namespace thermocline::engine {
namespace {

TEST(GhostQueue, RemembersOnceWhatWasAdded) {
  GhostQueue ghosts;
  EXPECT_FALSE(ghosts.Take(1, 7));
  ghosts.Add(1, 7);  // no room yet
  EXPECT_FALSE(ghosts.Take(1, 7));
  ghosts.Reserve(1000);
  ghosts.Add(1, 7);
  EXPECT_FALSE(ghosts.Take(2, 7)) << "the same position of another database";
  EXPECT_TRUE(ghosts.Take(1, 7));
  EXPECT_FALSE(ghosts.Take(1, 7));
}

TEST(GhostQueue, ForgetsTheOldestFirst) {
  constexpr size_t kRoom = 8192;
  GhostQueue ghosts;
  ghosts.Reserve(kRoom);
  // All in one cluster slot: positions that share their high bits.
  std::mt19937_64 rng(1);
  std::vector<uint64_t> positions;
  for (size_t i = 0; i < 4 * kRoom; ++i) {
    positions.push_back((uint64_t{77} << 49) | (rng() & ((uint64_t{1} << 49) - 1)));
    ghosts.Add(3, positions.back());
  }
  size_t old = 0, young = 0;
  for (size_t i = 0; i < kRoom; ++i) old += ghosts.Take(3, positions[i]);
  for (size_t i = positions.size() - kRoom / 2; i < positions.size(); ++i) {
    young += ghosts.Take(3, positions[i]);
  }
  EXPECT_LT(old, kRoom / 100);
  EXPECT_GT(young, kRoom / 2 * 95 / 100);
}

TEST(GhostQueue, HardlyEverRemembersWhatWasNotAdded) {
  GhostQueue ghosts;
  ghosts.Reserve(1 << 16);
  std::mt19937_64 rng(2);
  for (int i = 0; i < 1 << 17; ++i) ghosts.Add(1, rng() >> 1);
  int mistakes = 0;
  for (int i = 0; i < 1'000'000; ++i) mistakes += ghosts.Take(1, rng() >> 1);
  EXPECT_LT(mistakes, 10);
}

TEST(GhostQueue, ItsRoomIsBoundedAndOnlyGrows) {
  GhostQueue ghosts;
  ghosts.Reserve(5000);
  EXPECT_EQ(ghosts.memory_bytes(), 8192u * 4);
  ghosts.Add(1, 7);
  ghosts.Reserve(10);
  EXPECT_TRUE(ghosts.Take(1, 7));
  ghosts.Reserve(uint64_t{1} << 40);
  EXPECT_EQ(ghosts.memory_bytes(), GhostQueue::kKeysMax * 4);
}

}  // namespace
}  // namespace thermocline::engine
