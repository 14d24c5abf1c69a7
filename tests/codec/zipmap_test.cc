// Zipmaps: both forms of a length, free space, and every way in which one can be wrong.
#include "codec/packed/zipmap.h"

#include <gtest/gtest.h>

#include <random>
#include <vector>

#include "tests/codec/golden.h"

namespace thermocline::codec {
namespace {

bool ReadPairs(std::string_view bytes, std::vector<std::string>* out) {
  out->clear();
  return ReadZipmap(bytes, [out](std::string_view field, std::string_view value) {
    out->emplace_back(field);
    out->emplace_back(value);
    return true;
  });
}

bool IsSoundZipmap(std::string_view bytes) {
  std::vector<std::string> ignored;
  return ReadPairs(bytes, &ignored);
}

TEST(Zipmap, TheGoldenOneIsRead) {
  std::vector<std::string> read;
  ASSERT_TRUE(ReadPairs(Golden("packed/v1/zipmap.hex"), &read));
  EXPECT_EQ(read, (std::vector<std::string>{"f1", "v1", "f2", "v2"}));
}

TEST(Zipmap, PairsAreReadInOrder) {
  const std::string field253(253, 'f');
  const std::string value254(254, 'v');
  const std::string bytes = FromHex("03 0161 01 02 31 7878 00 00 00 fd") + field253 +
                            FromHex("fefe000000 00") + value254 + '\xff';
  std::vector<std::string> read;
  ASSERT_TRUE(ReadPairs(bytes, &read));
  EXPECT_EQ(read, (std::vector<std::string>{"a", "1", "", "", field253, value254}));
}

TEST(Zipmap, EveryFieldIsChecked) {
  const std::string sound = FromHex("02 0161 01 01 31 78 0162 01 00 32 ff");
  ASSERT_TRUE(IsSoundZipmap(sound));
  for (size_t n = 0; n < sound.size(); ++n) {
    std::string cut = sound.substr(0, n);
    EXPECT_FALSE(IsSoundZipmap(cut)) << n;
    if (n == 0) continue;
    cut.back() = '\xff';
    EXPECT_FALSE(IsSoundZipmap(cut)) << n;
  }
  EXPECT_FALSE(IsSoundZipmap(FromHex("00ff"))) << "no pair";
  EXPECT_FALSE(IsSoundZipmap(FromHex("01 fe01000000 61 01 00 31 ff"))) << "a short length, long";
  EXPECT_FALSE(IsSoundZipmap(FromHex("01 feffffffff 61 01 00 31 ff"))) << "4 GiB of field";
  EXPECT_FALSE(IsSoundZipmap(FromHex("01 0161 ffffffffff 05 31 ff"))) << "4 GiB of value";
  EXPECT_FALSE(IsSoundZipmap(FromHex("01 0161 01 05 31 ff"))) << "free space beyond the end";
  EXPECT_TRUE(IsSoundZipmap(FromHex("fe 0161 01 00 31 ff"))) << "an unknown count";
  EXPECT_FALSE(IsSoundZipmap(FromHex("ff 0161 01 00 31 ff"))) << "255 is a count that cannot be";
}

TEST(Zipmap, DamageIsSurvived) {
  std::mt19937_64 random(TestSeed());
  const std::string sound =
      FromHex("03 0161 01 01 31 78 0162 01 00 32 0163 0a 00") + "0123456789" + '\xff';
  std::vector<std::string> read;
  for (int round = 0; round < 20000; ++round) {
    std::vector<char> exact(sound.begin(), sound.end());
    for (size_t flips = 1 + random() % 3; flips > 0; --flips) {
      exact[random() % exact.size()] ^= static_cast<char>(1 << random() % 8);
    }
    if (ReadPairs({exact.data(), exact.size()}, &read)) {
      EXPECT_FALSE(read.empty());
    }
  }
}

}  // namespace
}  // namespace thermocline::codec
