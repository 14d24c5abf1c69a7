// Ziplists: every encoding, and every way in which one can be wrong.
#include "codec/packed/ziplist.h"

#include <gtest/gtest.h>

#include <random>
#include <vector>

#include "codec/bytes.h"
#include "tests/codec/golden.h"

namespace thermocline::codec {
namespace {

// A ziplist of elements given as head and data, without the length of the one before.
std::string BuildZiplist(const std::vector<std::string>& elements) {
  std::string out(10, '\0');
  size_t previous = 0;
  size_t last = 10;
  for (const std::string& element : elements) {
    last = out.size();
    if (previous < 254) {
      out.push_back(static_cast<char>(previous));
    } else {
      out.push_back('\xfe');
      PutFixed32(&out, static_cast<uint32_t>(previous));
    }
    out += element;
    previous = out.size() - last;
  }
  out.push_back('\xff');
  StoreFixed32(out.data(), static_cast<uint32_t>(out.size()));
  StoreFixed32(out.data() + 4, static_cast<uint32_t>(last));
  StoreFixed16(out.data() + 8, static_cast<uint16_t>(elements.size()));
  return out;
}

bool ReadElements(std::string_view bytes, std::vector<std::string>* out) {
  out->clear();
  return ReadZiplist(bytes, [out](const PackedValue& value) {
    out->push_back(value.ToString());
    return true;
  });
}

bool IsSoundZiplist(std::string_view bytes) {
  std::vector<std::string> ignored;
  return ReadElements(bytes, &ignored);
}

TEST(Ziplist, TheGoldenOneIsRead) {
  std::vector<std::string> read;
  ASSERT_TRUE(ReadElements(Golden("packed/v1/ziplist.hex"), &read));
  EXPECT_EQ(read, (std::vector<std::string>{"a", "300", "hi"}));
}

TEST(Ziplist, EveryEncodingIsRead) {
  const std::string a64(64, 'a');
  const std::string b20000(20000, 'b');
  std::string long_text = FromHex("8000004e20");
  const std::string bytes = BuildZiplist({
      FromHex("00"),
      FromHex("0161"),
      FromHex("4040") + a64,
      long_text + b20000,
      FromHex("f1"),
      FromHex("fd"),
      FromHex("fe80"),
      FromHex("c000ff"),
      FromHex("f0ffffff"),
      FromHex("f0000080"),
      FromHex("d000000080"),
      FromHex("e0ffffffffffffff7f"),
      FromHex("bf00000001") + "z",
  });
  std::vector<std::string> read;
  ASSERT_TRUE(ReadElements(bytes, &read));
  EXPECT_EQ(read,
            (std::vector<std::string>{"", "a", a64, b20000, "0", "12", "-128", "-256", "-1",
                                      "-8388608", "-2147483648", "9223372036854775807", "z"}));
  EXPECT_TRUE(IsSoundZiplist(BuildZiplist({})));
}

TEST(Ziplist, EveryFieldIsChecked) {
  const std::string sound = BuildZiplist({FromHex("0161"), FromHex("f2"), FromHex("0162")});
  ASSERT_TRUE(IsSoundZiplist(sound));
  for (size_t n = 0; n < sound.size(); ++n) {
    std::string cut = sound.substr(0, n);
    EXPECT_FALSE(IsSoundZiplist(cut)) << n;
    if (n < 11) continue;
    cut.back() = '\xff';
    StoreFixed32(cut.data(), static_cast<uint32_t>(n));
    EXPECT_FALSE(IsSoundZiplist(cut)) << n;
  }
  EXPECT_FALSE(IsSoundZiplist(sound + '\xff'));
  const auto with = [&sound](size_t at, int delta) {
    std::string changed = sound;
    changed[at] = static_cast<char>(changed[at] + delta);
    return changed;
  };
  EXPECT_FALSE(IsSoundZiplist(with(0, 1))) << "size";
  EXPECT_FALSE(IsSoundZiplist(with(4, -1))) << "offset of the last element";
  EXPECT_FALSE(IsSoundZiplist(with(4, 100))) << "offset beyond the end";
  EXPECT_FALSE(IsSoundZiplist(with(8, 1))) << "count";
  EXPECT_FALSE(IsSoundZiplist(with(10, 1))) << "a length before the first element";
  EXPECT_FALSE(IsSoundZiplist(with(13, 1))) << "length of the element before";
  EXPECT_FALSE(IsSoundZiplist(with(sound.size() - 1, -1))) << "end";
  std::string unknown = sound;
  StoreFixed16(unknown.data() + 8, 65535);
  EXPECT_TRUE(IsSoundZiplist(unknown)) << "an unknown count";
  EXPECT_FALSE(IsSoundZiplist(BuildZiplist({FromHex("ff")}))) << "no such encoding";
  EXPECT_FALSE(IsSoundZiplist(BuildZiplist({FromHex("c1")}))) << "no such encoding";
  EXPECT_FALSE(IsSoundZiplist(BuildZiplist({FromHex("80ffffffff")}))) << "4 GiB of text";
}

TEST(Ziplist, DamageIsSurvived) {
  std::mt19937_64 random(TestSeed());
  const std::string sound =
      BuildZiplist({FromHex("0161"), FromHex("f2"), FromHex("4041") + std::string(65, 'x'),
                    FromHex("c00102"), FromHex("8000000002") + "yy", FromHex("fe05")});
  std::vector<std::string> read;
  for (int round = 0; round < 20000; ++round) {
    std::vector<char> exact(sound.begin(), sound.end());
    for (size_t flips = 1 + random() % 3; flips > 0; --flips) {
      exact[random() % exact.size()] ^= static_cast<char>(1 << random() % 8);
    }
    if (ReadElements({exact.data(), exact.size()}, &read)) {
      EXPECT_LE(read.size(), 40u);
    }
  }
}

TEST(Ziplist, TheVisitorMayRefuse) {
  EXPECT_FALSE(
      ReadZiplist(BuildZiplist({FromHex("f2")}), [](const PackedValue&) { return false; }));
}

}  // namespace
}  // namespace thermocline::codec
