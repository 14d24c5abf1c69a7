// Intsets: bytes, edits against std::set, damaged bytes.
#include "codec/packed/intset.h"

#include <gtest/gtest.h>

#include <limits>
#include <random>
#include <set>
#include <vector>

#include "tests/codec/golden.h"

namespace thermocline::codec {
namespace {

std::string Build(const std::vector<int64_t>& members) {
  std::string out(EmptyIntset());
  StringStore store(&out);
  for (const int64_t member : members) IntsetAdd(store, member);
  return out;
}

TEST(Intset, BytesAreThoseOfThePage) {
  EXPECT_EQ(ToHex(Build({1, -2, 30000})), ToHex(Golden("packed/v1/intset.hex")));
  EXPECT_EQ(ToHex(EmptyIntset()), "0200000000000000");
  EXPECT_EQ(ToHex(Build({3, -1, 2})), "0200000003000000ffff02000300");
  EXPECT_EQ(ToHex(Build({1, 32768})), "04000000020000000100000000800000");
  EXPECT_EQ(ToHex(Build({1, -32769})), "0400000002000000ff7fffff01000000");
  EXPECT_EQ(ToHex(Build({-1, 2147483648})), "0800000002000000ffffffffffffffff0000008000000000");
  EXPECT_EQ(ToHex(Build({5, std::numeric_limits<int64_t>::min()})),
            "080000000200000000000000000000800500000000000000");
}

TEST(Intset, TheWidthNeverShrinks) {
  std::string bytes = Build({1, 70000});
  StringStore store(&bytes);
  EXPECT_TRUE(IntsetRemove(store, 70000));
  EXPECT_EQ(ToHex(bytes), "040000000100000001000000");
  EXPECT_TRUE(IntsetRemove(store, 1));
  EXPECT_TRUE(IntsetView(bytes).empty());
  EXPECT_FALSE(ValidateIntset(bytes)) << "an empty set does not exist";
}

TEST(Intset, EditsAreThoseOfASet) {
  std::mt19937_64 random(TestSeed());
  for (const int widest : {14, 30, 62}) {
    std::set<int64_t> model;
    std::string bytes(EmptyIntset());
    StringStore store(&bytes);
    for (int step = 0; step < 4000; ++step) {
      const int bits = 2 + static_cast<int>(random() % static_cast<unsigned>(widest));
      const auto value =
          static_cast<int64_t>(random() & ((uint64_t{1} << bits) - 1)) - (int64_t{1} << (bits - 1));
      const auto near = model.lower_bound(value);
      const int64_t known = near == model.end() ? value : *near;
      const int64_t target = random() % 3 == 0 ? known : value;
      if (random() % 3 != 0) {
        ASSERT_EQ(IntsetAdd(store, target), model.insert(target).second);
      } else {
        ASSERT_EQ(IntsetRemove(store, target), model.erase(target) == 1);
      }
      const IntsetView view(bytes);
      ASSERT_EQ(view.size(), model.size());
      ASSERT_EQ(ValidateIntset(bytes), !model.empty());
      size_t i = 0;
      for (const int64_t member : model) ASSERT_EQ(view.At(i++), member);
      ASSERT_EQ(view.Contains(value), model.count(value) == 1);
      ASSERT_EQ(view.LowerBound(value),
                static_cast<size_t>(std::distance(model.begin(), model.lower_bound(value))));
    }
  }
}

TEST(Intset, DamageIsRefused) {
  const std::string sound = Build({1, 2, 3});
  ASSERT_TRUE(ValidateIntset(sound));
  for (size_t n = 0; n < sound.size(); ++n) EXPECT_FALSE(ValidateIntset(sound.substr(0, n))) << n;
  EXPECT_FALSE(ValidateIntset(sound + '\0'));
  EXPECT_FALSE(ValidateIntset(FromHex("0300000001000000010000"))) << "width";
  EXPECT_FALSE(ValidateIntset(FromHex("02000000020000000100 0100"))) << "twice";
  EXPECT_FALSE(ValidateIntset(FromHex("02000000020000000200 0100"))) << "order";
  EXPECT_FALSE(ValidateIntset(FromHex("0200000000000080")))
      << "2^31 members of which none is there";
  EXPECT_TRUE(ValidateIntset(FromHex("08000000 01000000 0100000000000000"))) << "wider than needed";
}

}  // namespace
}  // namespace thermocline::codec
