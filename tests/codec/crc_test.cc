// Published check values, agreement between fast and plain forms, and chaining.
#include "codec/crc.h"

#include <gtest/gtest.h>

#include <map>

#include "tests/codec/golden.h"

namespace thermocline::codec {
namespace {

std::string Hex(const Sha1::Digest& digest) {
  return ToHex({reinterpret_cast<const char*>(digest.data()), digest.size()});
}

std::string RandomBytes(std::mt19937_64& random, size_t n) {
  std::string out(n, '\0');
  for (char& c : out) c = static_cast<char>(random());
  return out;
}

TEST(Crc, CheckValues) {
  EXPECT_EQ(Crc64(0, "123456789"), 0xe9c6d914c4b8d9cau);
  EXPECT_EQ(Crc16("123456789"), 0x31c3);
  EXPECT_EQ(Crc32c(0, "123456789"), 0xe3069283u);
  EXPECT_EQ(internal::Crc32cPortable(0, "123456789"), 0xe3069283u);
  EXPECT_EQ(Crc32c(0, std::string(32, '\0')), 0x8a9136aau);  // RFC 3720, B.4
  EXPECT_EQ(Crc32c(0, std::string(32, '\xff')), 0x62a8ab43u);
  EXPECT_EQ(Crc32c(0, ""), 0u);
}

TEST(Crc, InstructionAndTableAgreeAtEveryLengthAndSplit) {
  std::mt19937_64 random(TestSeed());
  const std::string bytes = RandomBytes(random, 2000);
  for (size_t n = 0; n < bytes.size(); ++n) {
    const std::string_view text = std::string_view(bytes).substr(0, n);
    const auto seed = static_cast<uint32_t>(random());
    ASSERT_EQ(Crc32c(seed, text), internal::Crc32cPortable(seed, text)) << n;
    const size_t cut = n == 0 ? 0 : random() % n;
    ASSERT_EQ(Crc32c(Crc32c(seed, text.substr(0, cut)), text.substr(cut)), Crc32c(seed, text));
    ASSERT_EQ(Crc64(Crc64(7, text.substr(0, cut)), text.substr(cut)), Crc64(7, text));
  }
}

TEST(Crc, Crc16EqualsItsDefinitionAtEveryLength) {
  std::mt19937_64 random(TestSeed());
  const std::string bytes = RandomBytes(random, 100);
  unsigned crc = 0;
  for (size_t n = 0; n < bytes.size(); ++n) {
    ASSERT_EQ(Crc16(std::string_view(bytes).substr(0, n)), crc) << n;
    crc ^= static_cast<unsigned>(static_cast<uint8_t>(bytes[n])) << 8;
    for (int bit = 0; bit < 8; ++bit) crc = (crc << 1 ^ ((crc & 0x8000) ? 0x1021 : 0)) & 0xffff;
  }
}

TEST(Crc, SlotFollowsTheHashTagRule) {
  EXPECT_EQ(KeySlot("123456789"), 0x31c3 & 16383);
  EXPECT_EQ(KeySlot("{user1000}.following"), KeySlot("user1000"));
  EXPECT_EQ(KeySlot("foo{{bar}}zap"), KeySlot("{bar"));
  EXPECT_EQ(KeySlot("foo{bar}{zap}"), KeySlot("bar"));
  EXPECT_EQ(KeySlot("foo{}{bar}"), Crc16("foo{}{bar}") & 16383);  // an empty tag does not count
  EXPECT_EQ(KeySlot("foo{bar"), Crc16("foo{bar") & 16383);
  EXPECT_EQ(KeySlot("a}b{c}"), KeySlot("c"));
  EXPECT_EQ(KeySlot(""), 0);
  EXPECT_EQ(KeySlot("foo"), 12182);
}

TEST(Sha1, KnownDigests) {
  EXPECT_EQ(Hex(Sha1::Of("")), "da39a3ee5e6b4b0d3255bfef95601890afd80709");
  EXPECT_EQ(Hex(Sha1::Of("abc")), "a9993e364706816aba3e25717850c26c9cd0d89d");
  EXPECT_EQ(Hex(Sha1::Of("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq")),
            "84983e441c3bd26ebaae4aa1f95129e5e54670f1");
  EXPECT_EQ(Hex(Sha1::Of(std::string(1000000, 'a'))), "34aa973cd4c4daa4f61eeb2bdbad27316534016f");
}

TEST(Sha1, PiecesDoNotMatter) {
  std::mt19937_64 random(TestSeed());
  for (size_t n = 0; n < 300; ++n) {
    const std::string bytes = RandomBytes(random, n);
    Sha1 sha;
    for (size_t i = 0; i < n;) {
      const size_t take = std::min<size_t>(n - i, 1 + random() % 70);
      sha.Update(std::string_view(bytes).substr(i, take));
      i += take;
    }
    ASSERT_EQ(Hex(sha.Finish()), Hex(Sha1::Of(bytes))) << n;
  }
}

TEST(SipHash, ReferenceVectors) {
  // From the SipHash paper: key 00..0f, message 00..n-1.
  const HashKey key = {0x0706050403020100u, 0x0f0e0d0c0b0a0908u};
  std::string message;
  const std::map<size_t, uint64_t> vectors = {{0, 0x726fdb47dd0e0e31u},
                                              {1, 0x74f839c593dc67fdu},
                                              {7, 0xab0200f58b01d137u},
                                              {8, 0x93f5f5799a932462u},
                                              {15, 0xa129ca6149be45e5u}};
  for (size_t n = 0; n < 16; ++n) {
    if (vectors.contains(n)) {
      EXPECT_EQ(SipHash24(key, message), vectors.at(n)) << n;
    }
    message.push_back(static_cast<char>(n));
  }
}

TEST(SipHash, KeyedHashIsPinned) {
  // Positions in the cold tier depend on these: they may never change.
  const HashKey key = {0x0706050403020100u, 0x0f0e0d0c0b0a0908u};
  EXPECT_EQ(KeyedHash64(key, ""), 0xabac0158050fc4dcu);
  EXPECT_EQ(KeyedHash64(key, std::string_view("\0", 1)), 0xc9f49bf37d57ca93u);
  EXPECT_NE(KeyedHash64(key, "user:1"), KeyedHash64({key[0] + 1, key[1]}, "user:1"));
  EXPECT_NE(KeyedHash64(key, "user:1"), KeyedHash64({key[0], key[1] + 1}, "user:1"));
}

TEST(SipHash, EveryByteOfEveryTailCounts) {
  const HashKey key = {1, 2};
  for (size_t n = 1; n < 40; ++n) {
    const std::string text(n, 'x');
    for (size_t i = 0; i < n; ++i) {
      std::string other = text;
      other[i] = 'y';
      ASSERT_NE(KeyedHash64(key, text), KeyedHash64(key, other)) << n << " " << i;
    }
    ASSERT_NE(KeyedHash64(key, text), KeyedHash64(key, text + '\0'));
  }
}

}  // namespace
}  // namespace thermocline::codec
