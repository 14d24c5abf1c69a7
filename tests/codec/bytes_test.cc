// Integers in bytes: layouts, bounds, and that a refused read moves nothing.
#include "codec/bytes.h"

#include <gtest/gtest.h>

#include "tests/codec/golden.h"

namespace thermocline::codec {
namespace {

TEST(Bytes, FixedIsLittleEndianAndBigIsBigEndian) {
  std::string out;
  PutFixed16(&out, 0x0102);
  PutFixed32(&out, 0x01020304);
  PutFixed48(&out, 0xffff010203040506);
  PutFixed64(&out, 0x0102030405060708);
  PutBig16(&out, 0x0102);
  PutBig32(&out, 0x01020304);
  PutBig64(&out, 0x0102030405060708);
  EXPECT_EQ(ToHex(out),
            "0201"
            "04030201"
            "060504030201"
            "0807060504030201"
            "0102"
            "01020304"
            "0102030405060708");
  ByteReader reader(out);
  uint16_t v16 = 0;
  uint32_t v32 = 0;
  uint64_t v64 = 0;
  EXPECT_TRUE(reader.ReadFixed16(&v16) && v16 == 0x0102);
  EXPECT_TRUE(reader.ReadFixed32(&v32) && v32 == 0x01020304);
  EXPECT_TRUE(reader.ReadFixed48(&v64) && v64 == 0x010203040506);
  EXPECT_TRUE(reader.ReadFixed64(&v64) && v64 == 0x0102030405060708);
  EXPECT_TRUE(reader.ReadBig16(&v16) && v16 == 0x0102);
  EXPECT_TRUE(reader.ReadBig32(&v32) && v32 == 0x01020304);
  EXPECT_TRUE(reader.ReadBig64(&v64) && v64 == 0x0102030405060708);
  EXPECT_TRUE(reader.empty());
}

TEST(Bytes, VarintRoundTripsAtEveryLength) {
  for (int shift = 0; shift < 64; ++shift) {
    for (const uint64_t value :
         {uint64_t{1} << shift, (uint64_t{1} << shift) - 1, ~uint64_t{0} >> shift}) {
      std::string out;
      PutVarint64(&out, value);
      ASSERT_LE(out.size(), kMaxVarint64Length);
      ByteReader reader(out);
      uint64_t read = 0;
      ASSERT_TRUE(reader.ReadVarint64(&read));
      EXPECT_EQ(read, value);
      EXPECT_TRUE(reader.empty());
      for (size_t cut = 0; cut < out.size(); ++cut) {
        ByteReader shorter(std::string_view(out).substr(0, cut));
        EXPECT_FALSE(shorter.ReadVarint64(&read));
        EXPECT_EQ(shorter.position(), 0u);
      }
    }
  }
}

TEST(Bytes, VarintRefusesOverlongAndOverflowingForms) {
  uint64_t value = 0;
  for (const char* hex :
       {"8000", "ff00", "ffffffffffffffffff02", "ffffffffffffffffffff01", "80808080808080808080"}) {
    const std::string bytes = FromHex(hex);
    EXPECT_FALSE(ByteReader(bytes).ReadVarint64(&value)) << hex;
  }
}

TEST(Bytes, ReaderNeverPassesTheEnd) {
  ByteReader reader("abc");
  std::string_view piece;
  uint32_t v32 = 0;
  EXPECT_FALSE(reader.ReadFixed32(&v32));
  EXPECT_FALSE(reader.ReadBytes(4, &piece));
  EXPECT_FALSE(reader.ReadBytes(UINT64_MAX, &piece));
  EXPECT_FALSE(reader.Skip(UINT64_MAX));
  EXPECT_EQ(reader.position(), 0u);
  EXPECT_TRUE(reader.ReadBytes(2, &piece));
  EXPECT_EQ(piece, "ab");
  EXPECT_EQ(reader.rest(), "c");
  EXPECT_FALSE(reader.Skip(2));
  EXPECT_TRUE(reader.Skip(1));
  uint8_t v8 = 0;
  EXPECT_FALSE(reader.ReadU8(&v8));
}

}  // namespace
}  // namespace thermocline::codec
