// KeyTable: positions (slot first, keyed, never 0) and entries by name, with reallocation.
#include "engine/hot/key_table.h"

#include <gtest/gtest.h>

#include <random>
#include <string>
#include <unordered_map>

namespace thermocline::engine {
namespace {

constexpr HashKey kHashKey = {0x0123456789abcdef, 0xfedcba9876543210};

TEST(KeyTable, PositionIsTheClusterSlotThenAKeyedHash) {
  KeyTable table(kHashKey);
  const uint64_t p = table.PositionOf("{user1000}.following");
  EXPECT_EQ(SlotOfPosition(p), codec::KeySlot("user1000"));
  EXPECT_EQ(SlotOfPosition(p), SlotOfPosition(table.PositionOf("{user1000}.followers")));
  EXPECT_NE(p, table.PositionOf("{user1000}.followers"));
  EXPECT_LT(p, KeyTable::kPositionEnd);
  EXPECT_GE(p, FirstPositionOfSlot(SlotOfPosition(p)));
  EXPECT_NE(p, KeyTable(HashKey{1, 2}).PositionOf("{user1000}.following"));
  EXPECT_EQ(FirstPositionOfSlot(0), 1u);
}

TEST(KeyTable, AgreesWithUnorderedMapUnderRandomChanges) {
  const uint64_t seed = 99;
  SCOPED_TRACE(testing::Message() << "seed " << seed);
  std::mt19937_64 rng(seed);
  KeyTable table(kHashKey);
  std::unordered_map<std::string, std::string> model;
  char scratch[24];
  for (int step = 0; step < 200000; ++step) {
    const std::string key = "key:" + std::to_string(rng() % 20000) + (rng() % 2 ? "" : "{tag}");
    const uint64_t position = table.PositionOf(key);
    Entry* e = table.Find(position, key);
    ASSERT_EQ(e != nullptr, model.contains(key));
    if (e != nullptr) {
      ASSERT_EQ(e->StringView(scratch), model[key]);
    }
    if (rng() % 3 == 0) {
      Entry* gone = table.Erase(position, key);
      ASSERT_EQ(gone, e);
      if (gone != nullptr) table.NoteRemoval(position, step);
      Entry::Free(gone);
      model.erase(key);
      continue;
    }
    const std::string value(rng() % 100, static_cast<char>('a' + rng() % 26));
    if (e == nullptr) {
      table.Insert(position, Entry::New(key, StringValue::FromText(value), step));
    } else {
      Entry* moved = e->SetString(value);
      if (moved != e) table.Replace(position, e, moved);
    }
    model[key] = value;
    ASSERT_EQ(table.size(), model.size());
  }
  size_t walked = 0;
  for (uint64_t cursor = 0;;) {
    cursor = table.Walk(cursor, 100, [&](Entry* e) {
      ++walked;
      EXPECT_EQ(e->StringView(scratch), model.at(std::string(e->key())));
    });
    if (cursor == 0) break;
  }
  EXPECT_EQ(walked, model.size());
}

}  // namespace
}  // namespace thermocline::engine
