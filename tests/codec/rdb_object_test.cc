// RDB strings and DUMP. The golden files are what DUMP of redis-server 7.0.15 answered.
#include <gtest/gtest.h>

#include <map>

#include "codec/number_text.h"
#include "codec/rdb/lzf.h"
#include "codec/rdb/object.h"
#include "tests/codec/golden.h"

namespace thermocline::codec {
namespace {

std::string Body(std::string_view text, bool compress = true) {
  std::string out;
  AppendRdbString(&out, text, compress);
  return out;
}

StatusOr<std::string> ReadHex(std::string_view hex, uint64_t max_length = UINT64_MAX) {
  const std::string bytes = FromHex(hex);
  ByteReader reader(bytes);
  return ReadRdbString(&reader, max_length);
}

const std::map<std::string, std::string>& Examples() {
  static const std::map<std::string, std::string> examples = {
      {"dump_int8.hex", "-5"},
      {"dump_int16.hex", "300"},
      {"dump_int32.hex", "-2147483648"},
      {"dump_raw.hex", "hello"},
      {"dump_raw14.hex", "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-_.!"},
      {"dump_lzf.hex", std::string(100, 'a')},
      {"dump_int64.hex", "9223372036854775807"},
      {"dump_empty.hex", ""},
  };
  return examples;
}

TEST(RdbObject, WritesAndReadsWhatRedisDumps) {
  for (const auto& [name, text] : Examples()) {
    const std::string golden = Golden("rdb-object/v1/" + name);
    EXPECT_EQ(ToHex(DumpPayload(kRdbString, Body(text))), ToHex(golden)) << name;
    const auto view = OpenDump(golden);
    ASSERT_TRUE(view.ok()) << name;
    EXPECT_EQ(view->type, kRdbString);
    ByteReader reader(view->body);
    const auto read = ReadRdbString(&reader);
    ASSERT_TRUE(read.ok()) << name;
    EXPECT_EQ(*read, text);
    EXPECT_TRUE(reader.empty());
    ByteReader skipper(view->body);
    EXPECT_EQ(SkipRdbString(&skipper).value(), text.size());
    EXPECT_TRUE(skipper.empty());
  }
}

TEST(RdbObject, LengthsTakeTheShortestForm) {
  const std::map<uint64_t, std::string> forms = {{0, "00"},
                                                 {63, "3f"},
                                                 {64, "4040"},
                                                 {16383, "7fff"},
                                                 {16384, "8000004000"},
                                                 {0xffffffff, "80ffffffff"},
                                                 {0x100000000, "810000000100000000"},
                                                 {UINT64_MAX, "81ffffffffffffffff"}};
  for (const auto& [length, hex] : forms) {
    std::string out;
    AppendRdbLength(&out, length);
    EXPECT_EQ(ToHex(out), hex);
    ByteReader reader(out);
    uint64_t read = 0;
    bool encoded = true;
    ASSERT_TRUE(ReadRdbLength(&reader, &read, &encoded));
    EXPECT_EQ(read, length);
    EXPECT_FALSE(encoded);
    for (size_t cut = 0; cut < out.size(); ++cut) {
      ByteReader shorter(std::string_view(out).substr(0, cut));
      EXPECT_FALSE(ReadRdbLength(&shorter, &read, &encoded));
      EXPECT_EQ(shorter.position(), 0u);
    }
  }
}

TEST(RdbObject, IntegersUseTheirSmallestEncoding) {
  const std::map<std::string, std::string> forms = {{"0", "c000"},
                                                    {"127", "c07f"},
                                                    {"-128", "c080"},
                                                    {"128", "c18000"},
                                                    {"32767", "c1ff7f"},
                                                    {"-32768", "c10080"},
                                                    {"32768", "c200800000"},
                                                    {"2147483647", "c2ffffff7f"},
                                                    {"-2147483648", "c200000080"},
                                                    {"2147483648", "0a" + ToHex("2147483648")},
                                                    {"007", "03303037"},
                                                    {"-0", "022d30"},
                                                    {"+1", "022b31"}};
  for (const auto& [text, hex] : forms) {
    EXPECT_EQ(ToHex(Body(text)), hex) << text;
    int64_t value = 0;
    if (!ParseInt64(text, &value)) continue;
    std::string out;
    AppendRdbInteger(&out, value);
    EXPECT_EQ(ToHex(out), hex) << text;
  }
}

TEST(RdbObject, CompressesOnlyLongStringsThatShrinkByFour) {
  EXPECT_EQ(Body(std::string(20, 'a'))[0], 20);
  EXPECT_EQ(static_cast<uint8_t>(Body(std::string(21, 'a'))[0]), 0xc3);
  EXPECT_EQ(Body(std::string(21, 'a'), false)[0], 21);
  EXPECT_EQ(Body("abcdefghijklmnopqrstuvwxyz")[0], 26);
}

TEST(RdbObject, RandomStringsRoundTripAndCutsAreRefused) {
  std::mt19937_64 random(TestSeed());
  for (int round = 0; round < 1000; ++round) {
    std::string text(random() % 300, '\0');
    const int alphabet = 1 + static_cast<int>(random() % 4);
    for (char& c : text) c = static_cast<char>('0' + random() % alphabet);
    const std::string body = Body(text);
    ByteReader reader(body);
    ASSERT_EQ(ReadRdbString(&reader).value(), text);
    ASSERT_TRUE(reader.empty());
    const std::string shorter = body.substr(0, random() % body.size());
    ByteReader cut(shorter);
    ASSERT_FALSE(ReadRdbString(&cut).ok());
  }
}

TEST(RdbObject, HostileStringsAreRefused) {
  for (const char* hex : {
           "",                    // nothing
           "05",                  // a length without bytes
           "8000",                // a length cut short
           "82",                  // an unknown length form
           "81ffffffffffffffff",  // 2^64 - 1 bytes announced
           "80ffffffff00",        // 4 GiB announced
           "c0", "c100",
           "c2000000",  // integers cut short
           "c4",
           "ff",  // unknown encodings
           "c3", "c305",
           "c30500",                          // LZF without its parts
           "c30081ffffffffffffffff",          // something from nothing
           "c30481ffffffffffffffff00612000",  // more than LZF can expand to
           "c3040500612000",                  // a wrong uncompressed length
           "c381ffffffffffffffff0400612000",  // a compressed length beyond the bytes
       }) {
    const auto read = ReadHex(hex);
    EXPECT_EQ(read.status().code(), StatusCode::kCorruption) << hex;
  }
  EXPECT_EQ(ReadHex("c3040400612000").value(), "aaaa");
}

// As redis-server takes them.
TEST(RdbObject, OddStringsAreTaken) {
  EXPECT_EQ(ReadHex("c3c4c400612000").value(), "aaaa") << "lengths in the form of an encoding";
  EXPECT_EQ(ReadHex("c30000").value(), "") << "nothing, compressed to nothing";
  EXPECT_EQ(ReadHex("c302000161").value(), "") << "data of which nothing is wanted";
}

TEST(RdbObject, TheCallersLimitHolds) {
  EXPECT_TRUE(ReadHex("0568656c6c6f", 5).ok());
  EXPECT_FALSE(ReadHex("0568656c6c6f", 4).ok());
  EXPECT_FALSE(ReadHex("c3040400612000", 3).ok());
  EXPECT_FALSE(ReadHex("c10001", 2).ok());  // "256"
}

TEST(RdbObject, LengthOfAPlainStringFollowsFromThatOfItsBytes) {
  for (const size_t length : {64, 65, 255, 256, 16382, 16383, 16384, 16385, 1 << 20}) {
    std::string body;
    AppendRdbString(&body, std::string(static_cast<size_t>(length), 'x'), /*compress=*/false);
    EXPECT_EQ(PlainRdbStringLength(body.size()), static_cast<uint64_t>(length));
  }
  constexpr uint64_t kLongest = UINT32_MAX;
  EXPECT_EQ(PlainRdbStringLength(kLongest + 5), kLongest);
  EXPECT_EQ(PlainRdbStringLength(kLongest + 1 + 9), kLongest + 1);
}

TEST(RdbObject, DumpEnvelopeIsVerified) {
  const std::string dump = DumpPayload(kRdbString, Body("hello"));
  EXPECT_TRUE(VerifyDump(dump).ok());
  for (size_t cut = 0; cut < dump.size(); ++cut) EXPECT_FALSE(VerifyDump(dump.substr(0, cut)).ok());
  for (size_t bit = 0; bit < dump.size() * 8; ++bit) {
    std::string flipped = dump;
    flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ (1 << bit % 8));
    EXPECT_FALSE(VerifyDump(flipped).ok()) << bit;
  }
  const std::string old = Golden("rdb-object/v1/dump_version6.hex");
  EXPECT_TRUE(VerifyDump(old).ok());
  EXPECT_FALSE(VerifyDump(Golden("rdb-object/v1/dump_version11.hex")).ok());
  EXPECT_FALSE(OpenDump(Golden("rdb-object/v1/dump_no_object.hex")).ok());
}

TEST(RdbObject, TypesOfVersion10AreKnown) {
  int known = 0;
  for (int type = 0; type < 256; ++type) known += IsRdbObjectType(static_cast<uint8_t>(type));
  EXPECT_EQ(known, 19);
  EXPECT_FALSE(IsRdbObjectType(8));
  EXPECT_FALSE(IsRdbObjectType(20));
}

}  // namespace
}  // namespace thermocline::codec
