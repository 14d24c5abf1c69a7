// LZF: round trips, and streams written by an enemy.
#include "codec/rdb/lzf.h"

#include <gtest/gtest.h>

#include "tests/codec/golden.h"

namespace thermocline::codec {
namespace {

TEST(Lzf, RoundTrips) {
  std::mt19937_64 random(TestSeed());
  for (int round = 0; round < 2000; ++round) {
    std::string text;
    const size_t period = 1 + random() % 300;
    for (size_t n = random() % 10000, i = 0; i < n; ++i) {
      text.push_back(i < period ? static_cast<char>(random()) : text[i - period]);
      if (random() % 500 == 0) text.back() = static_cast<char>(random());
    }
    std::string out = "kept";
    const size_t n = LzfCompress(text, text.size(), &out);
    ASSERT_EQ(out.size(), 4 + n);
    if (n == 0) continue;
    std::string back = "kept";
    ASSERT_TRUE(LzfDecompress(std::string_view(out).substr(4), text.size(), &back));
    ASSERT_EQ(back, "kept" + text);
    for (const uint64_t wrong : {text.size() - 1, text.size() + 1}) {
      ASSERT_FALSE(LzfDecompress(std::string_view(out).substr(4), wrong, &back));
      ASSERT_EQ(back.size(), 4 + text.size());
    }
  }
}

TEST(Lzf, RespectsTheLimit) {
  std::string out;
  EXPECT_EQ(LzfCompress("abcdefghijklmnopqrstuvwxyz", 22, &out), 0u);
  EXPECT_EQ(out, "");
  EXPECT_EQ(LzfCompress("", 10, &out), 0u);
  EXPECT_EQ(LzfCompress("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", 0, &out), 0u);
}

TEST(Lzf, MalformedStreamsAreRefused) {
  struct Case {
    const char* hex;
    uint64_t length;
  };
  for (const Case& c : {
           Case{"", 1},               // nothing for something
           Case{"00", 1},             // a literal that is not there
           Case{"0561", 6},           // a literal cut short
           Case{"2000", 3},           // a copy from before the start
           Case{"00612001", 4},       // a copy from one before the start
           Case{"006120", 4},         // a copy without its distance
           Case{"0061e0", 10},        // a long copy without its length
           Case{"0061e000", 10},      // a long copy without its distance
           Case{"00612000", 3},       // longer than announced
           Case{"00612000", 5},       // shorter than announced
           Case{"0061", UINT64_MAX},  // absurd: no memory is taken
       }) {
    std::string out = "kept";
    const std::string bytes = FromHex(c.hex);
    EXPECT_FALSE(LzfDecompress(bytes, c.length, &out)) << c.hex;
    EXPECT_EQ(out, "kept");
  }
  std::string out;
  EXPECT_TRUE(LzfDecompress(FromHex("00612000"), 4, &out));  // one a, then three from one back
  EXPECT_EQ(out, "aaaa");
  EXPECT_TRUE(LzfDecompress("", 0, &out));
}

}  // namespace
}  // namespace thermocline::codec
