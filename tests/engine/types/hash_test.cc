// Hashes against a std::map: both forms, the conversions between them, the payload, random fields.
#include "engine/types/hash.h"

#include <gtest/gtest.h>

#include <map>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "codec/rdb/object.h"

namespace thermocline::engine {
namespace {

using Model = std::map<std::string, std::string>;

class Hash {
 public:
  explicit Hash(const TypeLimits& limits) : limits_(limits) {
    entry_ = Entry::NewPacked("key", HashEditor::kType, HashEditor::kEmptyEncoding,
                              HashEditor::EmptyBytes(), 1);
  }
  Hash(const Hash&) = delete;
  Hash& operator=(const Hash&) = delete;
  ~Hash() { Entry::Free(entry_); }

  bool Set(std::string_view field, std::string_view value) {
    return HashEditor(entry_, limits_, &names_).Set(field, value);
  }
  bool Delete(std::string_view field) { return HashEditor(entry_, limits_, &names_).Delete(field); }
  HashView view() const { return {entry_, &names_}; }
  const Entry* entry() const { return entry_; }
  codec::FieldNames& names() { return names_; }
  bool table() const { return entry_->is_object(); }

 private:
  const TypeLimits limits_;
  codec::FieldNames names_{{1, 2}};
  Entry* entry_;
};

Model Contents(const HashView& hash) {
  Model contents;
  size_t given = 0;
  hash.ForEach([&](std::string_view field, std::string_view value) {
    contents[std::string(field)] = value;
    ++given;
  });
  EXPECT_EQ(given, contents.size()) << "a field is given twice";
  EXPECT_EQ(hash.size(), given);
  return contents;
}

// What memory_bytes() must say: counted anew over a copy that was made field by field.
size_t CountedBytes(const Entry* entry) {
  size_t nodes = 0;
  const auto* object = static_cast<const HashObject*>(entry->object());
  object->table().ForEach([&](const HashField* node) { nodes += node->memory_bytes(); });
  return nodes;
}

std::string RandomText(std::mt19937_64& rng) {
  switch (rng() % 8) {
    case 0:
      return std::to_string(static_cast<int64_t>(rng()));
    case 1:
      return std::to_string(rng() % 300);
    case 2:
      return "";
    case 3:
      return std::string(rng() % 300, 'x');  // two bytes of length
    default:
      return std::string(1 + rng() % 12, static_cast<char>('a' + rng() % 26));
  }
}

codec::StatusOr<Entry*> Decode(uint8_t type, std::string_view payload, const TypeLimits& limits,
                               DecodeMode mode, codec::FieldNames* names) {
  return DecodeHash({.key = "key",
                     .rdb_type = type,
                     .payload = payload,
                     .lsn = 1,
                     .limits = &limits,
                     .names = names,
                     .mode = mode});
}

// The copy may refer to the same names, or be of another process.
void RoundTrip(Hash& hash, const Model& model, const TypeLimits& limits) {
  std::string payload;
  EncodeHash(hash.entry(), hash.names(), &payload, /*compress=*/true);
  const uint8_t type = RdbTypeOf(ValueType::kHash, hash.entry()->encoding());
  codec::FieldNames others({3, 4});
  for (codec::FieldNames* names : {&hash.names(), &others}) {
    for (const DecodeMode mode : {DecodeMode::kCold, DecodeMode::kRestore}) {
      const auto copy = Decode(type, payload, limits, mode, names);
      ASSERT_TRUE(copy.ok()) << copy.status().ToString();
      EXPECT_EQ(Contents(HashView(*copy, names)), model);
      if (mode == DecodeMode::kCold) {
        EXPECT_EQ((*copy)->encoding(), hash.entry()->encoding());
      }
      Entry::Free(*copy);
    }
  }
}

// One of a few names, which soon have numbers, or of many fields that have none.
std::string RandomField(std::mt19937_64& rng) {
  if (rng() % 2 == 0) return "field" + std::to_string(rng() % 6);
  return std::to_string(rng() % 120) + (rng() % 20 == 0 ? "_" : "");
}

TEST(Hash, BehavesAsAMapInBothForms) {
  for (uint64_t seed = 1; seed <= 40; ++seed) {
    std::mt19937_64 rng(seed);
    TypeLimits limits;
    limits.hash_max_listpack_entries = std::vector<uint64_t>{0, 3, 40, 512}[seed % 4];
    limits.hash_max_listpack_value = std::vector<uint64_t>{20, 1000}[seed % 2];
    Hash hash(limits);
    Model model;
    bool table = false;
    for (int step = 0; step < 1500; ++step) {
      const std::string field = RandomField(rng);
      if (rng() % 3 != 0) {
        const std::string value = RandomText(rng);
        EXPECT_EQ(hash.Set(field, value), model.count(field) == 0);
        model[field] = value;
        table = table || value.size() > limits.hash_max_listpack_value ||
                model.size() > limits.hash_max_listpack_entries;
      } else {
        EXPECT_EQ(hash.Delete(field), model.erase(field) == 1);
      }
      ASSERT_EQ(hash.table(), table) << "seed " << seed << " step " << step;
      HashView::Scratch scratch;
      std::string_view value;
      const std::string other = RandomField(rng);
      ASSERT_EQ(hash.view().Get(other, scratch, &value), model.count(other) == 1);
      if (model.count(other) == 1) {
        EXPECT_EQ(value, model[other]);
      }
      if (step % 100 == 0 && !model.empty()) {
        ASSERT_EQ(Contents(hash.view()), model);
        RoundTrip(hash, model, limits);
      }
    }
    if (!table) {
      EXPECT_GE(hash.names().size(), 6u) << "seed " << seed;
    }
    if (table) {
      const size_t nodes = CountedBytes(hash.entry());
      const size_t all = hash.entry()->object()->memory_bytes();
      EXPECT_GT(all, nodes);
      for (const auto& [field, value] : model) hash.Delete(field);
      EXPECT_EQ(all - nodes >= hash.entry()->object()->memory_bytes(), true)
          << "an empty table holds on to its nodes' bytes";
    }
  }
}

TEST(Hash, FieldsThatManyHashesHaveAreStoredOnce) {
  const TypeLimits limits;
  codec::FieldNames names({1, 2});
  const std::vector<std::string> fields{"created_at", "updated_at", "owner", "status"};
  size_t first = 0;
  for (int i = 0; i < 100; ++i) {
    Entry* entry = Entry::NewPacked("key", HashEditor::kType, HashEditor::kEmptyEncoding,
                                    HashEditor::EmptyBytes(), 1);
    const std::string value = std::to_string(i) + "v";
    Model model;
    for (const std::string& field : fields) {
      HashEditor(entry, limits, &names).Set(field, value);
      model[field] = value;
    }
    EXPECT_EQ(Contents(HashView(entry, &names)), model);
    if (i == 10) first = entry->PackedBytes().size();
    if (i == 99) {
      // One byte and the text, or two.
      size_t spared = 0;
      for (const std::string& field : fields) spared += field.size() - 1;
      EXPECT_EQ(entry->PackedBytes().size(), first - spared);
      // One that was made before finds its fields, and is changed, as before.
      std::string payload;
      EncodeHash(entry, names, &payload, /*compress=*/false);
      codec::FieldNames none({3, 4});
      const auto decoded =
          Decode(codec::kRdbHashListpack, payload, limits, DecodeMode::kCold, &none);
      ASSERT_TRUE(decoded.ok());
      Entry* old = *decoded;
      EXPECT_EQ(none.size(), 0u);
      EXPECT_FALSE(HashEditor(old, limits, &names).Set("owner", "other"));
      EXPECT_TRUE(HashEditor(old, limits, &names).Delete("status"));
      model.erase("status");
      model["owner"] = "other";
      EXPECT_EQ(Contents(HashView(old, &names)), model);
      Entry::Free(old);
    }
    Entry::Free(entry);
  }
}

TEST(Hash, AWalkMeetsEveryFieldThatStays) {
  TypeLimits limits;
  limits.hash_max_listpack_entries = 0;
  Hash hash(limits);
  for (int i = 0; i < 3000; ++i) hash.Set("stays" + std::to_string(i), "v");
  std::set<std::string> met;
  uint64_t cursor = 0;
  int round = 0;
  do {
    cursor = hash.view().Scan(cursor, 10, [&](std::string_view field, std::string_view) {
      EXPECT_TRUE(met.insert(std::string(field)).second) << field << " twice";
    });
    // The table grows, and shrinks again, under the walk.
    for (int i = 0; i < 20; ++i) {
      const std::string field = "comes" + std::to_string(round * 20 + i);
      round % 2 == 0 ? hash.Set(field, "v")
                     : hash.Delete("comes" + std::to_string((round - 1) * 20 + i));
    }
    ++round;
  } while (cursor != 0);
  for (int i = 0; i < 3000; ++i) EXPECT_EQ(met.count("stays" + std::to_string(i)), 1u) << i;
  EXPECT_EQ(hash.view().Scan(~uint64_t{0}, 10, [](std::string_view, std::string_view) {}), 0u)
      << "a cursor that nobody gave out";
}

TEST(Hash, RandomFieldsAreDrawnEvenly) {
  for (const uint64_t entries : {uint64_t{0}, uint64_t{512}}) {
    TypeLimits limits;
    limits.hash_max_listpack_entries = entries;
    Hash hash(limits);
    constexpr int kFields = 100;
    for (int i = 0; i < kFields; ++i) hash.Set(std::to_string(i), "v" + std::to_string(i));
    Random random(7);
    std::map<std::string, int> drawn;
    const auto count = [&](std::string_view field, std::string_view value) {
      EXPECT_EQ(value, "v" + std::string(field));
      ++drawn[std::string(field)];
    };
    constexpr int kDraws = 100'000;
    hash.view().Draw(random, kDraws / 2, count);
    for (int i = 0; i < kDraws / 2; ++i) hash.view().Draw(random, 1, count);
    ASSERT_EQ(drawn.size(), size_t{kFields});
    double chi = 0;
    for (const auto& [field, n] : drawn) {
      const double expected = double{kDraws} / kFields;
      chi += (n - expected) * (n - expected) / expected;
    }
    EXPECT_LT(chi, 160) << "99 degrees of freedom";  // 1 in 10,000
    for (const size_t wanted : {size_t{1}, size_t{5}, size_t{60}, size_t{100}}) {
      drawn.clear();
      hash.view().Sample(random, wanted, count);
      EXPECT_EQ(drawn.size(), wanted);
      for (const auto& [field, n] : drawn) EXPECT_EQ(n, 1) << field;
    }
  }
}

TEST(Hash, PayloadsFromOutsideGetRedissEncodingOrAreRefused) {
  TypeLimits limits;
  limits.hash_max_listpack_entries = 3;
  limits.hash_max_listpack_value = 10;
  codec::FieldNames names({1, 2});
  const auto table_payload = [](std::vector<std::pair<std::string, std::string>> pairs) {
    std::string payload;
    codec::AppendRdbLength(&payload, pairs.size());
    for (const auto& [field, value] : pairs) {
      codec::AppendRdbString(&payload, field, false);
      codec::AppendRdbString(&payload, value, false);
    }
    return payload;
  };
  const auto encoding = [&](std::string_view payload) {
    const auto entry = Decode(codec::kRdbHash, payload, limits, DecodeMode::kRestore, &names);
    EXPECT_TRUE(entry.ok()) << entry.status().ToString();
    if (!entry.ok()) return std::string();
    const std::string name = (*entry)->is_object() ? "hashtable" : "listpack";
    Entry::Free(*entry);
    return name;
  };
  EXPECT_EQ(encoding(table_payload({{"a", "1"}, {"b", "2"}, {"c", "3"}})), "listpack");
  EXPECT_EQ(encoding(table_payload({{"a", "1"}, {"b", "2"}, {"c", "3"}, {"d", "4"}})), "hashtable");
  EXPECT_EQ(encoding(table_payload({{"a", "0123456789+"}})), "hashtable");
  for (const std::string& bad :
       {table_payload({}), table_payload({{"a", "1"}, {"a", "2"}}),
        table_payload({{"a", "1"}, {"b", "2"}, {"c", "3"}, {"d", "4"}, {"a", "5"}}),
        table_payload({{"a", "1"}}).substr(0, 3), std::string("\x02")}) {
    EXPECT_FALSE(Decode(codec::kRdbHash, bad, limits, DecodeMode::kRestore, &names).ok());
  }
}

}  // namespace
}  // namespace thermocline::engine
