// Payloads of collections: golden values of redis-server 7.0.15 and of old RDB files
// (tests/golden/rdb-collections/), what is refused, damaged bytes.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <limits>
#include <random>

#include "codec/number_text.h"
#include "codec/rdb/collection_reader.h"
#include "codec/rdb/collection_writer.h"
#include "tests/codec/golden.h"
#include "tests/codec/payload_contents.h"

namespace thermocline::codec {
namespace {

constexpr const char* kFolder = "rdb-collections/v1";

std::vector<std::string> GoldenNames() {
  std::vector<std::string> names;
  const std::filesystem::path root = std::string(THERMOCLINE_SOURCE_DIR) + "/tests/golden";
  for (const auto& entry : std::filesystem::directory_iterator(root / kFolder)) {
    if (entry.path().extension() == ".hex") names.push_back(entry.path().stem().string());
  }
  std::sort(names.begin(), names.end());
  return names;
}

DumpView OpenGolden(const std::string& name, std::string* dump) {
  *dump = Golden(std::string(kFolder) + "/" + name + ".hex");
  const auto opened = OpenDump(*dump);
  EXPECT_TRUE(opened.ok()) << name << ": " << opened.status().ToString();
  return *opened;
}

// The text file beside a golden payload: what redis-server shows of it.
std::vector<std::string> ExpectedLines(const std::string& name) {
  std::istringstream in(
      ReadSourceFile("tests/golden/" + std::string(kFolder) + "/" + name + ".txt"));
  std::vector<std::string> lines;
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
}

std::string HexOrDash(std::string_view text) { return text.empty() ? "-" : ToHex(text); }

std::vector<std::string> Lines(uint8_t type, const PayloadContents& contents) {
  std::vector<std::string> lines;
  const bool hash = IsRdbHashType(type);
  const bool zset = IsRdbZsetType(type);
  const auto& elements = contents.elements;
  for (size_t i = 0; i < elements.size(); ++i) {
    std::string line = HexOrDash(elements[i]);
    if (hash) line += " " + HexOrDash(elements[++i]);
    if (zset) {
      double score = 0;
      std::memcpy(&score, elements[++i].data(), sizeof(score));
      line += " " + FormatDouble(score);
    }
    lines.push_back(line);
  }
  return lines;
}

// What the writer makes of contents, for the types that Redis 7.0 writes.
std::string Write(uint8_t type, const PayloadContents& contents) {
  constexpr bool kCompress = true;
  std::string out;
  const auto& elements = contents.elements;
  switch (type) {
    case kRdbListQuicklist2: {
      AppendRdbLength(&out, contents.blobs.size());
      for (const std::string& blob : contents.blobs) {
        if (ValidateListpack(blob)) {
          AppendRdbPackedNode(&out, blob, kCompress);
        } else {
          AppendRdbPlainNode(&out, blob, kCompress);
        }
      }
      break;
    }
    case kRdbSetIntset:
    case kRdbHashListpack:
    case kRdbZsetListpack:
      AppendRdbPacked(&out, contents.blobs.at(0), kCompress);
      break;
    case kRdbSet:
      AppendRdbLength(&out, elements.size());
      for (const std::string& element : elements) AppendRdbString(&out, element, kCompress);
      break;
    case kRdbHash:
      AppendRdbLength(&out, elements.size() / 2);
      for (const std::string& element : elements) AppendRdbString(&out, element, kCompress);
      break;
    case kRdbZset2:
      AppendRdbLength(&out, elements.size() / 2);
      for (size_t i = 0; i < elements.size(); i += 2) {
        AppendRdbString(&out, elements[i], kCompress);
        double score = 0;
        std::memcpy(&score, elements[i + 1].data(), sizeof(score));
        AppendRdbScore(&out, score);
      }
      break;
    default:
      break;
  }
  return out;
}

class GoldenPayload : public testing::TestWithParam<std::string> {};

TEST_P(GoldenPayload, HoldsWhatRedisShows) {
  std::string dump;
  const DumpView view = OpenGolden(GetParam(), &dump);
  for (const RdbTrust trust : {RdbTrust::kOutside, RdbTrust::kOwn}) {
    const auto contents = ReadContents(view.type, view.body, trust);
    ASSERT_TRUE(contents.ok()) << contents.status().ToString();
    std::vector<std::string> lines = Lines(view.type, *contents);
    std::vector<std::string> expected = ExpectedLines(GetParam());
    ASSERT_FALSE(expected.empty());
    // A run comes in the order of its writer's table.
    if (!IsRdbListType(view.type) && !contents->packed) {
      std::sort(lines.begin(), lines.end());
      std::sort(expected.begin(), expected.end());
    } else if (!IsRdbListType(view.type) && !IsRdbZsetType(view.type)) {
      std::sort(lines.begin(), lines.end());
    }
    EXPECT_EQ(lines, expected);
  }
}

TEST_P(GoldenPayload, IsWrittenAgainToTheByte) {
  std::string dump;
  const DumpView view = OpenGolden(GetParam(), &dump);
  const auto contents = ReadContents(view.type, view.body);
  ASSERT_TRUE(contents.ok());
  const std::string written = Write(view.type, *contents);
  if (written.empty()) return;
  EXPECT_EQ(ToHex(written), ToHex(view.body));
}

// Whatever ends early is refused: no prefix of an object is an object.
TEST_P(GoldenPayload, EveryTruncationIsRefused) {
  std::string dump;
  const DumpView view = OpenGolden(GetParam(), &dump);
  for (size_t n = 0; n < view.body.size(); ++n) {
    const std::vector<char> exact(view.body.begin(),
                                  view.body.begin() + static_cast<std::ptrdiff_t>(n));
    EXPECT_EQ(ReadContents(view.type, {exact.data(), n}).status().code(), StatusCode::kCorruption)
        << n;
  }
  std::string longer(view.body);
  longer += "rubbish";
  EXPECT_TRUE(ReadContents(view.type, longer).ok()) << "Redis does not look behind the object";
}

// One bit: refused, or read as something. The sanitizers watch; contents that are accepted must be
// written and read back the same.
TEST_P(GoldenPayload, EveryBitFlipIsSurvived) {
  std::string dump;
  const DumpView view = OpenGolden(GetParam(), &dump);
  for (size_t bit = 0; bit < view.body.size() * 8; ++bit) {
    std::vector<char> exact(view.body.begin(), view.body.end());
    exact[bit / 8] = static_cast<char>(exact[bit / 8] ^ (1 << bit % 8));
    const auto contents = ReadContents(view.type, {exact.data(), exact.size()});
    if (!contents.ok()) continue;
    const std::string written = Write(view.type, *contents);
    if (written.empty()) continue;
    const auto again = ReadContents(view.type, written);
    ASSERT_TRUE(again.ok()) << bit;
    ASSERT_EQ(again->elements, contents->elements) << bit;
  }
}

INSTANTIATE_TEST_SUITE_P(All, GoldenPayload, testing::ValuesIn(GoldenNames()),
                         [](const auto& param) { return param.param; });

TEST(CollectionPayload, EveryTypeHasAGoldenFile) {
  std::set<uint8_t> seen;
  for (const std::string& name : GoldenNames()) {
    std::string dump;
    seen.insert(OpenGolden(name, &dump).type);
  }
  EXPECT_EQ(seen, (std::set<uint8_t>{1, 2, 3, 4, 5, 9, 10, 11, 12, 13, 14, 16, 17, 18}));
}

// --- what is refused and what is not; each case was put to redis-server 7.0.15 ---

std::string Blob(std::string_view bytes) {
  std::string out;
  AppendRdbLength(&out, bytes.size());
  return out.append(bytes);
}

std::string Packed(const std::vector<std::string>& elements) {
  ListpackBuilder builder;
  for (const std::string& element : elements) builder.Add(std::string_view(element));
  return builder.Take();
}

struct Case {
  const char* what;
  uint8_t type;
  std::string payload;
};

std::string Bytes(const char* hex) { return FromHex(hex); }

TEST(CollectionPayload, Refused) {
  const std::string text_five = Bytes("10000000 0400 0501 0501 813502 0601 ff");
  const std::vector<Case> cases = {
      {"no bytes", kRdbList, ""},
      {"no elements", kRdbList, Bytes("00")},
      {"no elements", kRdbSet, Bytes("00")},
      {"no elements", kRdbHash, Bytes("00")},
      {"no elements", kRdbZset, Bytes("00")},
      {"no elements", kRdbZset2, Bytes("00")},
      {"no nodes", kRdbListQuicklist, Bytes("00")},
      {"no nodes", kRdbListQuicklist2, Bytes("00")},
      {"only an empty node", kRdbListQuicklist2, "\x01\x02" + Blob(EmptyListpack())},
      {"a plain node without bytes", kRdbListQuicklist2, Bytes("010100")},
      {"an unknown container", kRdbListQuicklist2, Bytes("01030161")},
      {"more than there is", kRdbSet, Bytes("8100000100000000000161")},
      {"2^64 - 1 elements", kRdbHash, Bytes("81ffffffffffffffff0161")},
      {"a member twice", kRdbSet, Bytes("0201610161")},
      {"a member twice, as a number and as text", kRdbSet, Bytes("02c0050135")},
      {"a field twice", kRdbHash, Bytes("020161016201610163")},
      {"a member twice", kRdbZset, Bytes("0201610131 01610132")},
      {"a field twice", kRdbHashListpack, Blob(Packed({"a", "1", "a", "2"}))},
      {"a field twice, as a number and as text", kRdbHashListpack, Blob(text_five)},
      {"a member twice", kRdbZsetListpack, Blob(Packed({"a", "1", "a", "2"}))},
      {"half a pair", kRdbHashListpack, Blob(Packed({"a", "1", "b"}))},
      {"half a pair", kRdbZsetListpack, Blob(Packed({"a", "1", "b"}))},
      {"no pairs", kRdbHashListpack, Blob(EmptyListpack())},
      {"no pairs", kRdbZsetListpack, Blob(EmptyListpack())},
      {"no elements", kRdbListZiplist, Blob(Bytes("0b0000000a0000000000ff"))},
      {"no pairs", kRdbHashZiplist, Blob(Bytes("0b0000000a0000000000ff"))},
      {"no pairs", kRdbHashZipmap, Blob(Bytes("00ff"))},
      {"a zipmap's field twice", kRdbHashZipmap, Blob(Bytes("02 016101003101610032ff"))},
      {"a zipmap with another count", kRdbHashZipmap, Blob(Bytes("02 0161010031 ff"))},
      {"a zipmap counting 255", kRdbHashZipmap, Blob(Bytes("ff 0161010031 ff"))},
      {"free space beyond the end", kRdbHashZipmap, Blob(Bytes("01 01610103627879 ff"))},
      {"no members", kRdbSetIntset, Blob(Bytes("0200000000000000"))},
      {"members out of order", kRdbSetIntset, Blob(Bytes("0200000002000000 0200 0100"))},
      {"NaN as text", kRdbZset, Bytes("010161036e616e")},
      {"NaN as a mark", kRdbZset, Bytes("010161fd")},
      {"NaN in binary", kRdbZset2, Bytes("010161000000000000f87f")},
      {"a score without text", kRdbZset, Bytes("01016100")},
      {"a score that is no number", kRdbZset, Bytes("0101610178")},
      // Ours alone: Redis keeps such a score and stops when the set grows.
      {"NaN in a listpack", kRdbZsetListpack, Blob(Packed({"a", "nan"}))},
      // Ours alone: Redis reads such a map wrongly.
      {"a short length in the long form", kRdbHashZipmap, Blob(Bytes("01 fe0100000061010031 ff"))},
  };
  for (const Case& c : cases) {
    const auto contents = ReadContents(c.type, c.payload);
    EXPECT_EQ(contents.status().code(), StatusCode::kCorruption)
        << c.what << ", type " << int{c.type};
  }
}

TEST(CollectionPayload, TakenAlthoughOdd) {
  using Elements = std::vector<std::string>;
  const auto read = [](uint8_t type, const std::string& payload) {
    const auto contents = ReadContents(type, payload);
    EXPECT_TRUE(contents.ok()) << contents.status().ToString();
    return contents.ok() ? contents->elements : Elements();
  };
  EXPECT_EQ(read(kRdbList, Bytes("c201610162")), (Elements{"a", "b"}))
      << "a count in the form of an encoding";
  EXPECT_EQ(read(kRdbListQuicklist2, Bytes("01c10161")), Elements{"a"}) << "a container likewise";
  EXPECT_EQ(read(kRdbListQuicklist2, "\x02\x02" + Blob(EmptyListpack()) + "\x01\x01" + "a"),
            Elements{"a"})
      << "an empty node among others";
  EXPECT_EQ(read(kRdbSet, Bytes("01c303000161 62")), Elements{""}) << "LZF of nothing";
  EXPECT_EQ(read(kRdbHashZipmap, Blob(Bytes("01 0161010031 ff0000 ff"))), (Elements{"a", "1"}))
      << "an end before the end";
  EXPECT_EQ(read(kRdbHashZipmap, Blob(Bytes("fe 0161010331787979 ff"))), (Elements{"a", "1"}))
      << "an unknown count, free space";
  const auto zset = [&read](const std::string& score) {
    return read(kRdbZset,
                "\x01\x01"
                "a" +
                    score)
        .at(1);
  };
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  EXPECT_EQ(zset("\xfe"), ScoreBytes(kInfinity));
  EXPECT_EQ(zset("\xff"), ScoreBytes(-kInfinity));
  EXPECT_EQ(zset("\x06"
                 "1.5abc"),
            ScoreBytes(1.5))
      << "a numeric prefix is enough";
  EXPECT_EQ(zset("\x02 1"), ScoreBytes(1));
  EXPECT_EQ(zset("\x05"
                 "1e999"),
            ScoreBytes(kInfinity));
  EXPECT_EQ(zset("\x05"
                 "0x1p3"),
            ScoreBytes(8));
  EXPECT_EQ(read(kRdbZsetListpack, Blob(Packed({"a", "abc"}))).at(1), ScoreBytes(0))
      << "a score that is no number is 0";
}

TEST(CollectionPayload, PairsOutOfOrderArePutInOrder) {
  const std::string packed = Packed({"c", "1", "b", "1", "a", "2.5", "d", "-inf", "3", "1"});
  const auto outside = ReadContents(kRdbZsetListpack, Blob(packed));
  ASSERT_TRUE(outside.ok());
  EXPECT_EQ(outside->blobs.at(0), Packed({"d", "-inf", "3", "1", "b", "1", "c", "1", "a", "2.5"}));
  const auto own = ReadContents(kRdbZsetListpack, Blob(packed), RdbTrust::kOwn);
  ASSERT_TRUE(own.ok());
  EXPECT_EQ(own->blobs.at(0), packed) << "our own bytes are taken as they are";
}

TEST(CollectionPayload, TheLongestIsThatOfAZipmap) {
  const std::string zipmap = Blob(Bytes("01 03616263010031 ff"));
  RdbHashReader reader(kRdbHashZipmap, zipmap, RdbTrust::kOutside);
  ASSERT_TRUE(reader.status().ok());
  EXPECT_EQ(reader.longest(), 3u);
  EXPECT_EQ(reader.count(), 1u);
  const std::string packed = Blob(Packed({"abc", "1"}));
  RdbHashReader listpack(kRdbHashListpack, packed, RdbTrust::kOutside);
  EXPECT_EQ(listpack.longest(), 0u);
}

TEST(CollectionPayload, NothingIsReservedForACountThatCannotBe) {
  const std::string payload = Bytes("81000001000000000001610162");
  RdbSetReader reader(kRdbSet, payload);
  ASSERT_TRUE(reader.status().ok());
  EXPECT_EQ(reader.count(), uint64_t{1} << 40);
  EXPECT_LE(reader.reservable(), 4u);
}

// The text of a score as a listpack keeps it, "int " in front of a number.
std::string Stored(double score) {
  char scratch[kMaxDoubleText];
  ListpackBuilder builder;
  builder.Add(ScoreElement(score, scratch));
  const std::string bytes = builder.Take();
  const ListpackView view(bytes);
  const PackedValue value = view.At(view.First());
  EXPECT_EQ(ScoreBytes(ScoreOf(value)), ScoreBytes(score == 0 ? 0 : score));  // -0 is 0 there
  return (value.is_int ? "int " : "") + value.ToString();
}

TEST(CollectionPayload, ScoresInListpacksAreThoseOfRedis) {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  EXPECT_EQ(Stored(3), "int 3");
  EXPECT_EQ(Stored(-9007199254740991.0), "int -9007199254740991");
  EXPECT_EQ(Stored(9007199254740992.0), "int 9007199254740992");
  EXPECT_EQ(Stored(-0.0), "int 0");
  EXPECT_EQ(Stored(3.1), "3.1000000000000001");
  EXPECT_EQ(Stored(1e17), "int 100000000000000000");
  EXPECT_EQ(Stored(4611686018427387904.0), "int 4611686018427387904");
  EXPECT_EQ(Stored(-4611686018427387904.0), "int -4611686018427387904");
  EXPECT_EQ(Stored(5e18), "5e+18");
  EXPECT_EQ(Stored(5e-324), "4.9406564584124654e-324");
  EXPECT_EQ(Stored(kInfinity), "inf");
  EXPECT_EQ(Stored(-kInfinity), "-inf");
  std::mt19937_64 random(TestSeed());
  for (int i = 0; i < 20000; ++i) {
    const uint64_t bits = random();
    double score = 0;
    std::memcpy(&score, &bits, sizeof(score));
    if (score != score) continue;
    const std::string stored = Stored(score);
    if (stored.starts_with("int ")) continue;  // Stored compared the value
    EXPECT_EQ(stored, FormatDouble(score));
  }
  EXPECT_EQ(ScoreOf(PackedValue::Text("12abc")), 12);
  EXPECT_EQ(ScoreOf(PackedValue::Text("")), 0);
  EXPECT_EQ(ScoreOf(PackedValue::Text("+1")), 1);
  EXPECT_EQ(ScoreOf(PackedValue::Text("1e999")), kInfinity);
}

}  // namespace
}  // namespace thermocline::codec
