// Cold records: golden bytes, order of keys, every cut and flipped bit.
#include "codec/cold_record.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <tuple>
#include <vector>

#include "codec/proto/checkpoint.pb.h"
#include "tests/codec/golden.h"

namespace thermocline::codec {
namespace {

constexpr uint64_t kId = 5;
constexpr uint64_t kPosition = 0x0123456789abcdef;
const std::string kKey("us\0er", 5);

ColdHeader InlineHeader() {
  ColdHeader header;
  header.encoding_hint = 8;
  header.payload_inline = true;
  header.lsn = 0x0000a1b2c3d4e5f6;
  header.expire_ms = 1700000000123;
  header.access = 0x00abcdef;
  header.length = 6;
  return header;
}

ColdHeader LargeHeader() {
  ColdHeader header;
  header.type = 4;
  header.lsn = 7;
  header.count = 300;
  header.length = 5'000'000;
  return header;
}

void ExpectGolden(const std::string& bytes, const std::string& name) {
  EXPECT_EQ(ToHex(bytes), ToHex(Golden("cold-tier/v2/" + name))) << name;
}

std::string ElementKey(uint64_t element, const std::string& key = kKey) {
  std::string out = EncodeChunkPrefix(kId, kPosition, key);
  AppendElementNumber(&out, element);
  return out;
}

TEST(ColdRecord, GoldenKeys) {
  ExpectGolden(EncodeColdKey(kId, kPosition, kKey), "values_key.hex");
  ExpectGolden(EncodeChunkKey(kId, kPosition, kKey, 2), "payload_key.hex");
  ExpectGolden(EncodeExpiryKey(kId, 1700000000123, kPosition, kKey), "expiry_key.hex");
  ExpectGolden(EncodeGraveKey(0xa1b2c3d4e5f6, kId, kPosition, kKey), "graves_key.hex");
  ExpectGolden(EncodeMetaCountsKey(kId), "meta_counts_key.hex");
  ExpectGolden(ElementKey(300), "elements_key.hex");

  const auto values = DecodeColdKey(Golden("cold-tier/v2/values_key.hex"));
  ASSERT_TRUE(values.ok());
  EXPECT_EQ(values->id, kId);
  EXPECT_EQ(values->position, kPosition);
  const std::string chunk_bytes = Golden("cold-tier/v2/payload_key.hex");
  const auto chunk = DecodeChunkKey(chunk_bytes);
  ASSERT_TRUE(chunk.ok());
  EXPECT_EQ(std::tie(chunk->id, chunk->position, chunk->key), std::tie(kId, kPosition, kKey));
  EXPECT_EQ(chunk->chunk, 2u);
  const std::string expiry_bytes = Golden("cold-tier/v2/expiry_key.hex");
  const auto expiry = DecodeExpiryKey(expiry_bytes);
  ASSERT_TRUE(expiry.ok());
  EXPECT_EQ(*expiry, (ExpiryKey{kId, 1700000000123, kPosition, kKey}));
  const std::string grave_bytes = Golden("cold-tier/v2/graves_key.hex");
  const auto grave = DecodeGraveKey(grave_bytes);
  ASSERT_TRUE(grave.ok());
  EXPECT_EQ(*grave, (GraveKey{0xa1b2c3d4e5f6, kId, kPosition, kKey}));
  uint64_t id = 0;
  EXPECT_TRUE(DecodeMetaCountsKey(Golden("cold-tier/v2/meta_counts_key.hex"), &id));
  EXPECT_EQ(id, kId);
}

TEST(ColdRecord, GoldenValues) {
  const std::string key = EncodeColdKey(kId, kPosition, kKey);
  std::string small;
  AppendColdValue(&small, key, InlineHeader(), "\x05hello");
  ExpectGolden(small, "values_inline.hex");
  std::string large;
  AppendColdValue(&large, key, LargeHeader(), "");
  ExpectGolden(large, "values_external.hex");

  const auto read_small = DecodeColdValue(key, small);
  ASSERT_TRUE(read_small.ok()) << read_small.status().ToString();
  EXPECT_EQ(read_small->header, InlineHeader());
  EXPECT_EQ(read_small->inline_payload, "\x05hello");
  const auto read_large = DecodeColdValue(key, large);
  ASSERT_TRUE(read_large.ok()) << read_large.status().ToString();
  EXPECT_EQ(read_large->header, LargeHeader());
  EXPECT_EQ(read_large->inline_payload, "");
}

ColdHeader WholeHeader() {
  ColdHeader header = InlineHeader();
  header.length = 300;
  return header;
}

TEST(ColdRecord, GoldenWholeRecord) {
  const std::string key = EncodeChunkKey(kId, kPosition, kKey, 0);
  const std::string payload = "\x41\x2a" + std::string(298, 'x');  // a 14-bit length, RDB's form
  std::string whole;
  AppendWholeRecord(&whole, key, WholeHeader(), payload);
  ExpectGolden(whole, "payload_whole.hex");
  const auto read = DecodeWholeRecord(key, whole);
  ASSERT_TRUE(read.ok()) << read.status().ToString();
  EXPECT_EQ(read->header, WholeHeader());
  EXPECT_EQ(read->inline_payload, payload);
}

TEST(ColdRecord, EveryCutAndFlippedBitOfAWholeRecordIsSeen) {
  const std::string key = EncodeChunkKey(kId, kPosition, kKey, 0);
  std::string bytes;
  AppendWholeRecord(&bytes, key, WholeHeader(), std::string(300, 'x'));
  for (size_t cut = 0; cut < bytes.size(); ++cut) {
    EXPECT_FALSE(DecodeWholeRecord(key, bytes.substr(0, cut)).ok()) << cut;
  }
  EXPECT_FALSE(DecodeWholeRecord(key, bytes + "x").ok());
  for (size_t bit = 0; bit < bytes.size() * 8; ++bit) {
    std::string flipped = bytes;
    flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ (1 << bit % 8));
    EXPECT_FALSE(DecodeWholeRecord(key, flipped).ok()) << bit;
  }
  // Neither is a record of `values` one, nor the other way round; nor is a header alone.
  EXPECT_FALSE(DecodeColdValue(key, bytes).ok());
  EXPECT_FALSE(DecodeWholeRecord(EncodeChunkKey(kId, kPosition, kKey, 1), bytes).ok());
  std::string alone;
  AppendColdValue(&alone, key, LargeHeader(), "");
  EXPECT_EQ(DecodeWholeRecord(key, alone).status().code(), StatusCode::kCorruption);
}

TEST(ColdRecord, WholeLimit) {
  const std::string key = EncodeChunkKey(kId, kPosition, kKey, 0);
  EXPECT_TRUE(IsWhole(kMaxWholePayload));
  EXPECT_FALSE(IsWhole(kMaxWholePayload + 1));
  ColdHeader header;
  header.length = kMaxWholePayload;
  std::string bytes;
  AppendWholeRecord(&bytes, key, header, std::string(kMaxWholePayload, 'x'));
  const auto read = DecodeWholeRecord(key, bytes);
  ASSERT_TRUE(read.ok());
  EXPECT_EQ(read->inline_payload.size(), kMaxWholePayload);
}

TEST(ColdRecord, GoldenPagedList) {
  // The record: a directory is a payload like any other.
  const std::string key = EncodeColdKey(kId, kPosition, kKey);
  const std::string directory = Golden("cold-tier/v2/elements_directory.hex");
  ColdHeader header;
  header.type = kPagedList;
  header.encoding_hint = 8;
  header.payload_inline = true;
  header.lsn = 9;
  header.count = 330;
  header.length = directory.size();
  std::string record;
  AppendColdValue(&record, key, header, directory);
  ExpectGolden(record, "elements_record.hex");
  const std::string golden = Golden("cold-tier/v2/elements_record.hex");
  const auto read = DecodeColdValue(key, golden);
  ASSERT_TRUE(read.ok()) << read.status().ToString();
  EXPECT_EQ(read->header, header);
  EXPECT_EQ(read->inline_payload, directory);

  // Its rows.
  const std::string listpack(
      "\x0d\0\0\0\2\0\x81"
      "a\2\x81"
      "b\2\xff",
      13);
  const struct {
    uint64_t element;
    std::string bytes;
    std::string file;
  } kRows[] = {{300, listpack, "elements_value.hex"}, {8, "hello", "elements_value_plain.hex"}};
  for (const auto& row : kRows) {
    std::string sealed;
    AppendElementValue(&sealed, ElementKey(row.element), row.bytes);
    ExpectGolden(sealed, row.file);
    const std::string stored = Golden("cold-tier/v2/" + row.file);
    const auto bytes = OpenElementValue(ElementKey(row.element), stored);
    ASSERT_TRUE(bytes.ok()) << bytes.status().ToString();
    EXPECT_EQ(*bytes, row.bytes);
  }
}

TEST(ColdRecord, AnElementUnderAnotherKeyOrDamagedIsRefused) {
  const std::string key = ElementKey(300);
  for (const std::string& bytes : {std::string(), std::string("hello"), std::string(8187, 'x')}) {
    std::string sealed = "before";  // it is appended
    AppendElementValue(&sealed, key, bytes);
    ASSERT_TRUE(sealed.starts_with("before" + bytes));
    sealed.erase(0, 6);
    ASSERT_EQ(sealed.size(), bytes.size() + 4);
    const auto opened = OpenElementValue(key, sealed);
    ASSERT_TRUE(opened.ok()) << opened.status().ToString();
    EXPECT_EQ(*opened, bytes);

    const auto code = [](const std::string& other_key, std::string_view value) {
      return OpenElementValue(other_key, value).status().code();
    };
    EXPECT_EQ(code(ElementKey(301), sealed), StatusCode::kCorruption);
    EXPECT_EQ(code(ElementKey(300, "other"), sealed), StatusCode::kCorruption);
    EXPECT_EQ(code("", sealed), StatusCode::kCorruption);
    for (size_t cut = 0; cut < sealed.size(); ++cut) {
      EXPECT_EQ(code(key, std::string_view(sealed).substr(0, cut)), StatusCode::kCorruption) << cut;
    }
    EXPECT_EQ(code(key, sealed + "x"), StatusCode::kCorruption);
    std::string flipped = sealed;
    for (size_t bit = 0; bit < sealed.size() * 8; ++bit) {
      flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ (1 << bit % 8));
      ASSERT_EQ(code(key, flipped), StatusCode::kCorruption) << bit;
      flipped[bit / 8] = sealed[bit / 8];
    }
  }
}

// The writer deletes the rows of a key by this range, knowing none of them.
TEST(ColdRecord, ElementsOfAKeyAreOneRangeInOrder) {
  const std::string keys[] = {
      "",    std::string("\0", 1), "a", std::string("a\0", 2), std::string("a\0b", 3), "a\1", "ab",
      "\xff"};
  std::string last;
  for (const std::string& key : keys) {
    for (const uint64_t element : {0ull, 1ull, 255ull, 256ull, 1ull << 40, (1ull << 56) - 1}) {
      const std::string row = ElementKey(element, key);
      EXPECT_LT(last, row);
      EXPECT_TRUE(row.starts_with(EncodeChunkPrefix(kId, kPosition, key)));
      for (const std::string& other : keys) {
        const bool inside = ElementKey(0, other) <= row && row < ElementKey(UINT64_MAX, other);
        EXPECT_EQ(inside, other == key);
      }
      last = row;
    }
  }
}

TEST(ColdRecord, ExpiryValues) {
  const struct {
    bool has_chunks, has_elements;
    std::string bytes;
  } kAll[] = {{false, false, ""},
              {true, false, Golden("cold-tier/v2/expiry_value_chunks.hex")},
              {false, true, Golden("cold-tier/v2/expiry_value_elements.hex")},
              {true, true, Golden("cold-tier/v2/expiry_value_both.hex")}};
  for (const auto& value : kAll) {
    EXPECT_EQ(ToHex(EncodeExpiryValue(value.has_chunks, value.has_elements)), ToHex(value.bytes));
    bool has_chunks = !value.has_chunks;
    bool has_elements = !value.has_elements;
    const Status status = DecodeExpiryValue(value.bytes, &has_chunks, &has_elements);
    ASSERT_TRUE(status.ok()) << status.ToString();
    EXPECT_EQ(has_chunks, value.has_chunks);
    EXPECT_EQ(has_elements, value.has_elements);
    // One byte at most.
    for (const char more : {'\0', '\1', '\2', '\3'}) {
      if (value.bytes.empty()) continue;
      EXPECT_EQ(DecodeExpiryValue(value.bytes + more, &has_chunks, &has_elements).code(),
                StatusCode::kCorruption);
    }
  }
  for (int flags = 4; flags < 256; ++flags) {
    const std::string bytes(1, static_cast<char>(flags));
    bool has_chunks = false;
    bool has_elements = false;
    EXPECT_EQ(DecodeExpiryValue(bytes, &has_chunks, &has_elements).code(), StatusCode::kCorruption)
        << flags;
  }
}

TEST(ColdRecord, GoldenMeta) {
  ExpectGolden(EncodeMetaHigh(0xa1b2c3d4e5f6), "meta_high.hex");
  ExpectGolden(EncodeMetaFormat(kColdFormatVersion), "meta_format.hex");
  const std::array<uint64_t, 2> hash_key = {0x0706050403020100, 0x0f0e0d0c0b0a0908};
  ExpectGolden(EncodeMetaHashKey(hash_key), "meta_hashkey.hex");
  EXPECT_EQ(DecodeMetaHigh(Golden("cold-tier/v2/meta_high.hex")).value(), 0xa1b2c3d4e5f6u);
  EXPECT_EQ(DecodeMetaFormat(Golden("cold-tier/v2/meta_format.hex")).value(), kColdFormatVersion);
  EXPECT_EQ(DecodeMetaHashKey(Golden("cold-tier/v2/meta_hashkey.hex")).value(), hash_key);

  proto::IdCounts counts;
  counts.set_records(2'000'000);
  counts.set_expires(17);
  ExpectGolden(SealMeta(EncodeMetaCountsKey(kId), counts.SerializeAsString()), "meta_counts.hex");

  const std::string sealed = Golden("cold-tier/v2/meta_checkpoint.hex");
  const auto body = OpenMeta(kMetaCheckpoint, sealed);
  ASSERT_TRUE(body.ok()) << body.status().ToString();
  proto::CheckpointRecord checkpoint;
  ASSERT_TRUE(checkpoint.ParseFromArray(body->data(), static_cast<int>(body->size())));
  EXPECT_EQ(checkpoint.lsn(), 4097u);
  ASSERT_EQ(checkpoint.databases_size(), 2);
  EXPECT_EQ(checkpoint.databases(1).number(), 9);
  EXPECT_EQ(checkpoint.databases(1).id(), 5u);
  EXPECT_EQ(checkpoint.next_id(), 6u);
  EXPECT_EQ(checkpoint.created_unix_ms(), 1700000000123u);
  EXPECT_EQ(checkpoint.run_id(), "8371b4fb1155b71f4a04d3e1bc3e18c4a990aeeb");
  ASSERT_EQ(checkpoint.dropped_size(), 1);
  EXPECT_EQ(checkpoint.dropped(0).id(), 3u);
  EXPECT_EQ(checkpoint.dropped(0).dropped_lsn(), 4000u);
  EXPECT_TRUE(checkpoint.clean());
  EXPECT_EQ(checkpoint.select_db(), 9);
  EXPECT_EQ(SealMeta(kMetaCheckpoint, checkpoint.SerializeAsString()), sealed);
}

TEST(ColdRecord, EveryCutAndFlippedBitOfAValueIsSeen) {
  const std::string key = EncodeColdKey(kId, kPosition, kKey);
  for (const ColdHeader& header : {InlineHeader(), LargeHeader()}) {
    std::string bytes;
    AppendColdValue(&bytes, key, header, header.payload_inline ? "\x05hello" : "");
    for (size_t cut = 0; cut < bytes.size(); ++cut) {
      const std::string shorter = bytes.substr(0, cut);
      EXPECT_FALSE(DecodeColdValue(key, shorter).ok()) << cut;
    }
    EXPECT_FALSE(DecodeColdValue(key, bytes + "x").ok());
    for (size_t bit = 0; bit < bytes.size() * 8; ++bit) {
      std::string flipped = bytes;
      flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ (1 << bit % 8));
      EXPECT_FALSE(DecodeColdValue(key, flipped).ok()) << bit;
    }
    EXPECT_EQ(DecodeColdValue(EncodeColdKey(kId, kPosition, "other"), bytes).status().code(),
              StatusCode::kCorruption);
  }
}

TEST(ColdRecord, InlineLimit) {
  const std::string key = EncodeColdKey(kId, kPosition, kKey);
  ColdHeader header;
  header.payload_inline = true;
  for (const size_t n : {size_t{0}, size_t{1}, kMaxInlinePayload}) {
    header.length = n;
    std::string bytes;
    AppendColdValue(&bytes, key, header, std::string(n, 'x'));
    const auto read = DecodeColdValue(key, bytes);
    ASSERT_TRUE(read.ok());
    EXPECT_EQ(read->inline_payload.size(), n);
  }
  EXPECT_EQ(ChunkCount(0), 0u);
  EXPECT_EQ(ChunkCount(1), 1u);
  EXPECT_EQ(ChunkCount(kMaxPayloadChunk), 1u);
  EXPECT_EQ(ChunkCount(kMaxPayloadChunk + 1), 2u);
  EXPECT_EQ(ChunkCount(UINT64_MAX), uint64_t{1} << 44);
}

TEST(ColdRecord, MetaOfAnotherNameOrDamagedIsRefused) {
  const std::string sealed = EncodeMetaHigh(77);
  EXPECT_FALSE(OpenMeta(kMetaFormat, sealed).ok());
  for (size_t cut = 0; cut < sealed.size(); ++cut)
    EXPECT_FALSE(DecodeMetaHigh(sealed.substr(0, cut)).ok());
  for (size_t bit = 0; bit < sealed.size() * 8; ++bit) {
    std::string flipped = sealed;
    flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ (1 << bit % 8));
    EXPECT_FALSE(DecodeMetaHigh(flipped).ok()) << bit;
  }
  EXPECT_FALSE(DecodeMetaHigh(SealMeta(kMetaHigh, "1234567")).ok());
  EXPECT_FALSE(DecodeMetaHigh(EncodeMetaHigh(kMaxLsn + 1)).ok());
  uint64_t id = 0;
  EXPECT_FALSE(DecodeMetaCountsKey("counts/1234567", &id));
  EXPECT_FALSE(DecodeMetaCountsKey("high", &id));
}

TEST(ColdRecord, KeysCutShortOrOutOfRangeAreRefused) {
  const std::string values = EncodeColdKey(kId, kPosition, "");
  const std::string expiry = EncodeExpiryKey(kId, 1, kPosition, "");
  const std::string grave = EncodeGraveKey(1, kId, kPosition, "");
  for (size_t cut = 0; cut < values.size(); ++cut)
    EXPECT_FALSE(DecodeColdKey(values.substr(0, cut)).ok());
  for (size_t cut = 0; cut < expiry.size(); ++cut)
    EXPECT_FALSE(DecodeExpiryKey(expiry.substr(0, cut)).ok());
  for (size_t cut = 0; cut < grave.size(); ++cut)
    EXPECT_FALSE(DecodeGraveKey(grave.substr(0, cut)).ok());
  const std::string chunk = EncodeChunkKey(kId, kPosition, kKey, 9);
  for (size_t cut = 0; cut < chunk.size(); ++cut)
    EXPECT_FALSE(DecodeChunkKey(chunk.substr(0, cut)).ok());
  EXPECT_FALSE(DecodeChunkKey(chunk + "x").ok());
  for (const uint64_t position : {uint64_t{0}, kMaxPosition + 1}) {
    EXPECT_FALSE(DecodeColdKey(EncodeColdKey(kId, position, "k")).ok());
    EXPECT_FALSE(DecodeChunkKey(EncodeChunkKey(kId, position, "k", 0)).ok());
    EXPECT_FALSE(DecodeExpiryKey(EncodeExpiryKey(kId, 1, position, "k")).ok());
    EXPECT_FALSE(DecodeGraveKey(EncodeGraveKey(1, kId, position, "k")).ok());
  }
  EXPECT_FALSE(DecodeGraveKey(EncodeGraveKey(0, kId, 1, "k")).ok());
  EXPECT_FALSE(DecodeGraveKey(EncodeGraveKey(kMaxLsn + 1, kId, 1, "k")).ok());
}

// SCAN's merge, sorted write-back and range deletes rely on it.
TEST(ColdRecord, ByteOrderIsLogicalOrder) {
  std::mt19937_64 random(TestSeed());
  struct Logical {
    uint64_t id, position;
    std::string key;
    uint32_t chunk;
    auto Tie() const { return std::tie(id, position, key, chunk); }
  };
  const std::string alphabet("\0\1\2a\xff", 5);
  std::vector<Logical> all;
  for (int i = 0; i < 600; ++i) {
    Logical l{random() % 3 + (random() % 8 == 0 ? uint64_t{1} << 40 : 0), 1 + random() % 3 * 0x100,
              "", static_cast<uint32_t>(random() % 3 * 255)};
    for (size_t n = random() % 8; n > 0; --n) l.key.push_back(alphabet[random() % 5]);
    all.push_back(l);
  }
  std::sort(all.begin(), all.end(), [](const auto& a, const auto& b) { return a.Tie() < b.Tie(); });
  for (size_t i = 1; i < all.size(); ++i) {
    const Logical& a = all[i - 1];
    const Logical& b = all[i];
    EXPECT_LE(EncodeColdKey(a.id, a.position, a.key), EncodeColdKey(b.id, b.position, b.key));
    const std::string chunk_a = EncodeChunkKey(a.id, a.position, a.key, a.chunk);
    const std::string chunk_b = EncodeChunkKey(b.id, b.position, b.key, b.chunk);
    EXPECT_EQ(chunk_a == chunk_b, a.Tie() == b.Tie());
    EXPECT_LE(chunk_a, chunk_b);
    const auto decoded = DecodeChunkKey(chunk_b);
    ASSERT_TRUE(decoded.ok());
    EXPECT_EQ(decoded->key, b.key);
    if (a.key != b.key || a.position != b.position || a.id != b.id) {
      // No chunk of one key lies among the chunks of another.
      EXPECT_FALSE(chunk_b.starts_with(EncodeChunkPrefix(a.id, a.position, a.key)));
      EXPECT_FALSE(chunk_a.starts_with(EncodeChunkPrefix(b.id, b.position, b.key)));
    }
  }
  EXPECT_LT(EncodeGraveKey(99, ~uint64_t{0}, kMaxPosition, "\xff"), EncodeGraveBound(100));
  EXPECT_GE(EncodeGraveKey(100, 0, 1, ""), EncodeGraveBound(100));
  EXPECT_LT(EncodeExpiryKey(1, 255, kMaxPosition, "z"), EncodeExpiryKey(1, 256, 1, "a"));
  EXPECT_LT(EncodeColdKey(4, kMaxPosition, "\xff\xff"), EncodeColdIdPrefix(5));
}

}  // namespace
}  // namespace thermocline::codec
