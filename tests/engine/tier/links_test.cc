// Which captures belong together, and how much that may become.

#include "engine/tier/links.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

namespace thermocline::engine {
namespace {

using Place = Links::Place;

class LinksTest : public ::testing::Test {
 protected:
  static Place At(uint64_t n) { return {1, n}; }
  std::vector<uint64_t> Reached(uint64_t from) {
    std::vector<Place> places;
    links_.Follow(At(from), &places);
    EXPECT_EQ(places.front(), At(from));
    std::vector<uint64_t> positions;
    for (const Place& place : places) positions.push_back(place.position);
    std::sort(positions.begin(), positions.end());
    return positions;
  }
  using Positions = std::vector<uint64_t>;

  Links links_;
};

TEST_F(LinksTest, AreFollowedForwardAndInCircles) {
  links_.Add(At(1), At(2), 10, 100, /*taken=*/true);
  links_.Add(At(2), At(3), 20, 100, /*taken=*/true);
  links_.Add(At(5), At(2), 30, 100, /*taken=*/false);
  EXPECT_EQ(Reached(1), (Positions{1, 2, 3}));
  EXPECT_EQ(Reached(3), (Positions{3}));
  EXPECT_EQ(Reached(5), (Positions{2, 3, 5}));
  EXPECT_EQ(Reached(7), (Positions{7}));
  links_.Add(At(3), At(1), 40, 100, /*taken=*/true);
  EXPECT_EQ(Reached(3), (Positions{1, 2, 3}));
}

TEST_F(LinksTest, EndWithTheDestinationsCaptureOrACheckpoint) {
  links_.Add(At(1), At(2), 10, 100, /*taken=*/true);
  links_.Add(At(1), At(2), 15, 100, /*taken=*/true);
  links_.Add(At(2), At(3), 20, 100, /*taken=*/true);
  links_.Add(At(4), At(4), 25, 100, /*taken=*/false);  // two keys of one position
  EXPECT_TRUE(links_.HasDestination(At(2)));
  EXPECT_FALSE(links_.HasDestination(At(1)));
  links_.NoteCaptured(At(2));
  EXPECT_FALSE(links_.HasDestination(At(2)));
  EXPECT_EQ(Reached(1), (Positions{1}));
  EXPECT_EQ(Reached(2), (Positions{2, 3}));
  links_.ForgetBefore(25);
  EXPECT_EQ(Reached(2), (Positions{2}));
  EXPECT_FALSE(links_.empty());
  links_.ForgetBefore(26);
  EXPECT_TRUE(links_.empty());
}

TEST_F(LinksTest, TieOnlySoMuchTogether) {
  EXPECT_TRUE(links_.Admits(At(1), At(2), 1000, /*taken=*/true, 100));  // alone
  EXPECT_TRUE(links_.Admits(At(1), At(2), 1000, /*taken=*/false, 100));
  links_.Add(At(1), At(2), 10, 60, /*taken=*/true);
  links_.Add(At(2), At(3), 20, 60, /*taken=*/true);
  EXPECT_TRUE(links_.Admits(At(9), At(10), 1000, /*taken=*/true, 100));  // tied to none
  EXPECT_TRUE(links_.Admits(At(3), At(1), 1000, /*taken=*/true, 100));   // all others have lost it
  EXPECT_TRUE(links_.Admits(At(1), At(4), 40, /*taken=*/true, 100));
  EXPECT_FALSE(links_.Admits(At(1), At(4), 41, /*taken=*/true, 100));
  EXPECT_FALSE(links_.Admits(At(4), At(1), 41, /*taken=*/true, 100));
  EXPECT_TRUE(links_.Admits(At(1), At(4), 20, /*taken=*/false, 100));
  EXPECT_FALSE(links_.Admits(At(1), At(4), 21, /*taken=*/false, 100));
}

TEST_F(LinksTest, TieOnlySoManyPlacesTogether) {
  uint64_t n = 1;
  while (links_.Admits(At(n), At(n + 1), 1, false, 1'000'000)) {
    links_.Add(At(n), At(n + 1), n, 1, /*taken=*/false);
    ASSERT_LT(++n, 10'000u);
  }
  EXPECT_EQ(Reached(1).size(), Links::kTiedMax);
  EXPECT_TRUE(links_.Admits(At(100'000), At(100'001), 1, false, 1'000'000));
}

}  // namespace
}  // namespace thermocline::engine
