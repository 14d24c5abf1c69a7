// Which values a reader decodes by itself, and that they come out as DecodeValue's.
#include "engine/types/value_codec.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "codec/rdb/collection_writer.h"
#include "codec/rdb/object.h"

namespace thermocline::engine {
namespace {

struct Payload {
  uint8_t type;
  std::string bytes;
};

// Set, hash and sorted set of `count` members, as the cold tier stores their tables.
std::vector<Payload> Tables(size_t count) {
  std::vector<Payload> tables{{codec::kRdbSet, {}}, {codec::kRdbHash, {}}, {codec::kRdbZset2, {}}};
  for (Payload& table : tables) {
    codec::AppendRdbLength(&table.bytes, count);
    for (size_t i = 0; i < count; ++i) {
      codec::AppendRdbString(&table.bytes, "member:" + std::to_string(i), false);
      if (table.type == codec::kRdbHash) codec::AppendRdbString(&table.bytes, "value", false);
      if (table.type == codec::kRdbZset2) {
        codec::AppendRdbScore(&table.bytes, static_cast<double>(count - i));
      }
    }
  }
  return tables;
}

codec::ColdHeader HeaderOf(const Payload& payload, CollectionEncoding encoding) {
  codec::ColdHeader header;
  header.type = payload.type;
  header.encoding_hint = static_cast<uint8_t>(encoding);
  header.lsn = 77;
  header.expire_ms = 123'456;
  header.length = payload.bytes.size();
  return header;
}

TEST(DecodeLargeValue, GivesWhatDecodeValueGives) {
  const codec::FieldNames names({1, 2});
  for (const Payload& table : Tables(5000)) {
    const codec::ColdHeader header = HeaderOf(table, CollectionEncoding::kObject);
    const EntryPtr entry = DecodeLargeValue("key", header, table.bytes);
    ASSERT_NE(entry, nullptr) << int{table.type};
    EXPECT_EQ(entry->key(), "key");
    EXPECT_EQ(entry->lsn(), 77u);
    EXPECT_EQ(entry->expiry_ms(), 123'456);
    EXPECT_TRUE(entry->is_object());
    EXPECT_EQ(entry->type(), TypeOfRdb(table.type));
    EXPECT_EQ(ElementCount(entry.get()), 5000u);
    const TypeLimits limits;
    const auto other = DecodeValue({.key = "key",
                                    .rdb_type = table.type,
                                    .payload = table.bytes,
                                    .encoding_hint = header.encoding_hint,
                                    .limits = &limits});
    ASSERT_TRUE(other.ok());
    EXPECT_EQ(DumpValue(entry.get(), names, false), DumpValue(*other, names, false));
    Entry::Free(*other);
  }
}

TEST(DecodeLargeValue, LeavesTheRestToDecodeValue) {
  for (const Payload& table : Tables(100)) {
    EXPECT_EQ(DecodeLargeValue("key", HeaderOf(table, CollectionEncoding::kObject), table.bytes),
              nullptr)
        << "small";
  }
  for (Payload table : Tables(5000)) {
    EXPECT_EQ(DecodeLargeValue("key", HeaderOf(table, CollectionEncoding::kListpack), table.bytes),
              nullptr)
        << "its form depends on limits";
    table.bytes.resize(table.bytes.size() - 3);
    EXPECT_EQ(DecodeLargeValue("key", HeaderOf(table, CollectionEncoding::kObject), table.bytes),
              nullptr)
        << "damaged";
  }
}

TEST(DecodeLargeValue, TakesLongTexts) {
  for (const size_t length : {size_t{100'000}, size_t{5'000'000}}) {
    const std::string text(length, 'x');
    Payload payload{codec::kRdbString, {}};
    codec::AppendRdbString(&payload.bytes, text, false);
    codec::ColdHeader header = HeaderOf(payload, CollectionEncoding::kListpack);
    header.encoding_hint = static_cast<uint8_t>(StringEncoding::kRaw);
    const EntryPtr entry = DecodeLargeValue("key", header, payload.bytes);
    ASSERT_EQ(entry != nullptr, length > 1'000'000);
    if (entry == nullptr) continue;
    char scratch[24];
    EXPECT_EQ(entry->StringView(scratch), text);
    EXPECT_EQ(entry->string_encoding(), StringEncoding::kRaw);
  }
}

}  // namespace
}  // namespace thermocline::engine
