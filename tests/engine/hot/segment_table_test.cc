// Model tests of SegmentTable: random operations beside std::map, with positions from good hashes
// to the worst (all alike, only the last bit different, one slot), walks and clock sweeps under
// change, removal LSNs, memory bounds.
#include "engine/hot/segment_table.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <map>
#include <memory>
#include <random>
#include <set>
#include <unordered_map>
#include <vector>

namespace thermocline::engine {
namespace {

struct Item {
  uint64_t key;
  uint64_t position;
};

struct ItemTraits {
  using Node = Item;
  using Key = uint64_t;
  uint64_t PositionOf(const Item* i) const { return i->position; }
  bool Equal(const Item* i, uint64_t key) const { return i->key == key; }
  static void Free(Item* i) { delete i; }
};
using Table = SegmentTable<ItemTraits>;

uint64_t Mix(uint64_t x) {
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
  return x ^ (x >> 31);
}

// How keys map to positions in a test; all in [1, 2^63).
enum class Spread {
  kHash,       // as in production, all 63 bits
  kOneSlot,    // 14 bits alike: a hash tag
  kAlike,      // one position for all
  kLastBits,   // only the last three bits differ
  kClusters,   // a few positions with many keys each
  kAscending,  // small consecutive numbers
};
uint64_t PositionFor(Spread spread, uint64_t key) {
  uint64_t p = 0;
  switch (spread) {
    case Spread::kHash:
      p = Mix(key) >> 1;
      break;
    case Spread::kOneSlot:
      p = uint64_t{0x1234} << 49 | Mix(key) >> 15;
      break;
    case Spread::kAlike:
      p = 0x123456789abcdef;
      break;
    case Spread::kLastBits:
      p = 0x7ffffffffffffff8 | (Mix(key) & 7);
      break;
    case Spread::kClusters:
      p = Mix(Mix(key) % 5) >> 1;
      break;
    case Spread::kAscending:
      p = key + 1;
      break;
  }
  return p == 0 ? 1 : p;
}

// What the model knows of a table.
using Model = std::map<std::pair<uint64_t, uint64_t>, Item*>;  // (position, key)

void CheckWalk(const Table& table, const Model& model, size_t max) {
  std::vector<std::pair<uint64_t, uint64_t>> seen;
  uint64_t cursor = 0;
  uint64_t last_of_call = 0;
  do {
    const uint64_t from = cursor;
    uint64_t first = UINT64_MAX;
    cursor = table.Walk(from, max, [&](Item* i) {
      first = std::min(first, i->position);
      EXPECT_GE(i->position, from);
      if (!seen.empty()) {
        EXPECT_LE(seen.back().first, i->position);
      }
      seen.emplace_back(i->position, i->key);
    });
    if (!seen.empty()) {
      if (first != UINT64_MAX && last_of_call != 0) {
        EXPECT_NE(first, last_of_call) << "a position was cut in two";
      }
      last_of_call = seen.back().first;
      if (cursor != 0) {
        EXPECT_GT(cursor, last_of_call);
      }
    }
  } while (cursor != 0);
  ASSERT_EQ(seen.size(), model.size());
  std::sort(seen.begin(), seen.end());
  size_t n = 0;
  for (const auto& [id, item] : model) ASSERT_EQ(seen[n++], id);
}

void CheckClock(const Table& table, const Model& model, size_t max) {
  std::set<uint64_t> seen;
  uint64_t hand = 0;
  do {
    const uint64_t from = hand;
    hand = table.ForSlice(
        hand, max, [&](Item* i) { EXPECT_TRUE(seen.insert(i->key).second) << "visited twice"; });
    if (hand != 0) {
      ASSERT_GT(hand, from);
    }
  } while (hand != 0);
  ASSERT_EQ(seen.size(), model.size());
}

class SegmentTableModel : public testing::TestWithParam<Spread> {};

TEST_P(SegmentTableModel, AgreesWithMapUnderRandomChanges) {
  const uint64_t seed = 20240501 + static_cast<uint64_t>(GetParam());
  SCOPED_TRACE(testing::Message() << "seed " << seed);
  std::mt19937_64 rng(seed);
  const bool chain = GetParam() == Spread::kAlike || GetParam() == Spread::kLastBits ||
                     GetParam() == Spread::kClusters;
  const uint64_t keys = chain ? 3000 : 30000;
  Table table;
  Model model;
  // Waves: the chance of an insert swings, so that segments split, shrink and merge again.
  const int steps = chain ? 40000 : 400000;
  for (int step = 0; step < steps; ++step) {
    const bool growing = (step / (steps / 8)) % 2 == 0;
    const uint64_t key = rng() % keys;
    const uint64_t position = PositionFor(GetParam(), key);
    const auto at = model.find({position, key});
    Item* found = table.Find(position, key);
    ASSERT_EQ(found, at == model.end() ? nullptr : at->second);
    const unsigned dice = rng() % 100;
    if (found == nullptr) {
      if (dice < (growing ? 90u : 10u)) {
        auto* item = new Item{key, position};
        table.Insert(position, item);
        model[{position, key}] = item;
      } else {
        ASSERT_EQ(table.Erase(position, key), nullptr);
      }
    } else if (dice < (growing ? 10u : 90u)) {
      ASSERT_EQ(table.Erase(position, key), found);
      model.erase(at);
      delete found;
    } else {
      auto* moved = new Item(*found);
      table.Replace(position, found, moved);
      at->second = moved;
      delete found;
    }
    ASSERT_EQ(table.size(), model.size());
    if (step % (steps / 20) == 0) {
      CheckWalk(table, model, 1 + rng() % 50);
      CheckClock(table, model, 1 + rng() % 50);
      for (const auto& [id, item] : model) ASSERT_EQ(table.Find(id.first, id.second), item);
    }
  }
  for (const auto& [id, item] : model) {
    ASSERT_EQ(table.Erase(id.first, id.second), item);
    delete item;
  }
  EXPECT_TRUE(table.empty());
  EXPECT_EQ(table.segment_count(), 1u) << "an emptied table gives its segments back";
  EXPECT_LE(table.memory_bytes(), 256u);
}

INSTANTIATE_TEST_SUITE_P(Spreads, SegmentTableModel,
                         testing::Values(Spread::kHash, Spread::kOneSlot, Spread::kAlike,
                                         Spread::kLastBits, Spread::kClusters, Spread::kAscending));

void Fill(Table* table, Spread spread, uint64_t first, uint64_t count) {
  for (uint64_t key = first; key < first + count; ++key) {
    const uint64_t position = PositionFor(spread, key);
    table->Insert(position, new Item{key, position});
  }
}

TEST(SegmentTable, WalkVisitsOnceEveryKeyThatStaysWhileOthersComeAndGo) {
  for (uint64_t seed = 1; seed <= 12; ++seed) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    std::mt19937_64 rng(seed);
    const Spread spread = seed % 2 ? Spread::kHash : Spread::kOneSlot;
    Table table;
    const uint64_t stable = 5000;
    Fill(&table, spread, 0, stable);
    std::vector<uint64_t> others;
    uint64_t next_key = stable;
    std::unordered_map<uint64_t, int> seen;
    uint64_t cursor = 0;
    int calls = 0;
    do {
      cursor = table.Walk(cursor, 1 + rng() % 64, [&](Item* i) { ++seen[i->key]; });
      // Between calls the table doubles or collapses, in waves.
      const bool growing = (calls++ / 25) % 2 == 0;
      for (int n = rng() % 1500; n > 0; --n) {
        if (growing) {
          Fill(&table, spread, next_key, 1);
          others.push_back(next_key++);
        } else if (!others.empty()) {
          std::swap(others[rng() % others.size()], others.back());
          Item* gone = table.Erase(PositionFor(spread, others.back()), others.back());
          ASSERT_NE(gone, nullptr);
          delete gone;
          others.pop_back();
        }
      }
    } while (cursor != 0);
    for (uint64_t key = 0; key < stable; ++key) ASSERT_EQ(seen[key], 1) << key;
  }
}

TEST(SegmentTable, OneInsertMakesAtMostOneSegmentMore) {
  for (const Spread spread : {Spread::kHash, Spread::kOneSlot, Spread::kClusters}) {
    Table table;
    for (uint64_t key = 0; key < 20000; ++key) {
      const size_t before = table.segment_count();
      Fill(&table, spread, key, 1);
      ASSERT_LE(table.segment_count(), before + 1);
    }
  }
}

TEST(SegmentTable, SplitsAskOnlyForTheTailOfAPosition) {
  struct TailTraits : ItemTraits {
    uint64_t PositionTail(const Item* i) const { return i->position & ((uint64_t{1} << 47) - 1); }
  };
  SegmentTable<TailTraits> table;
  for (uint64_t key = 0; key < 100000; ++key) {
    const uint64_t position = PositionFor(Spread::kHash, key);
    table.Insert(position, new Item{key, position});
  }
  for (uint64_t key = 0; key < 100000; ++key) {
    ASSERT_NE(table.Find(PositionFor(Spread::kHash, key), key), nullptr);
  }
}

TEST(SegmentTable, AMillionKeysUnderOneTagCostNoMoreThanSpreadOnes) {
  Table spread;
  Table tagged;
  Fill(&spread, Spread::kHash, 0, 1000000);
  Fill(&tagged, Spread::kOneSlot, 0, 1000000);
  // The root of 14 bits, at most, on top.
  EXPECT_LE(tagged.memory_bytes(), spread.memory_bytes() * 1.02 + 128 * 1024 + 64 * 1024);
  for (uint64_t key = 0; key < 1000000; key += 7) {
    ASSERT_NE(tagged.Find(PositionFor(Spread::kOneSlot, key), key), nullptr);
    ASSERT_EQ(tagged.Find(PositionFor(Spread::kOneSlot, key + 1000000), key + 1000000), nullptr);
  }
}

TEST(SegmentTable, TakesAtMostTenAndAHalfBytesAKeyAtEverySize) {
  Table table;
  double worst = 0;
  double sum = 0;
  int samples = 0;
  for (uint64_t n = 10000; n <= 2000000; n = n + n / 10) {
    Fill(&table, Spread::kHash, table.size(), n - table.size());
    const double bytes = static_cast<double>(table.memory_bytes()) / static_cast<double>(n);
    EXPECT_LE(bytes, 10.5) << n;
    worst = std::max(worst, bytes);
    sum += bytes;
    ++samples;
  }
  printf("bytes a key: mean %.2f, worst %.2f\n", sum / samples, worst);
}

TEST(SegmentTable, GivesMemoryBackAsItEmptiesAndNotOnEverySwing) {
  Table table;
  Fill(&table, Spread::kHash, 0, 200000);
  const size_t full = table.memory_bytes();
  for (uint64_t key = 0; key < 150000; ++key) {
    delete table.Erase(PositionFor(Spread::kHash, key), key);
  }
  EXPECT_LE(table.memory_bytes(), full * 2 / 5);
  // The same keys in and out again: no growing and shrinking in turn.
  Item* item = table.Erase(PositionFor(Spread::kHash, 199999), 199999);
  const size_t still = table.memory_bytes();
  for (int n = 0; n < 1000; ++n) {
    table.Insert(item->position, item);
    ASSERT_EQ(table.Erase(item->position, item->key), item);
    ASSERT_EQ(table.memory_bytes(), still);
  }
  delete item;
}

TEST(SegmentTable, RemovalLsnSurvivesSplitsAndMerges) {
  std::mt19937_64 rng(7);
  Table table({}, 5);
  EXPECT_EQ(table.RemovalLsn(1), 5u);
  Fill(&table, Spread::kHash, 0, 100);
  std::map<uint64_t, uint64_t> removals;  // position -> LSN
  uint64_t lsn = 100;
  uint64_t next_key = 100;
  for (int wave = 0; wave < 6; ++wave) {
    for (int step = 0; step < 20000; ++step) {
      if (wave % 2 == 0) {
        Fill(&table, Spread::kHash, next_key++, 1);
      } else {
        const uint64_t key = --next_key;
        const uint64_t position = PositionFor(Spread::kHash, key);
        Item* gone = table.Erase(position, key);
        ASSERT_NE(gone, nullptr);
        delete gone;
        if (rng() % 50 == 0) {
          table.NoteRemoval(position, ++lsn);
          removals[position] = lsn;
        }
      }
    }
    for (const auto& [position, removed] : removals) {
      ASSERT_GE(table.RemovalLsn(position), removed);
      ASSERT_LE(table.RemovalLsn(position), lsn);
    }
  }
  // Merges keep the larger of both sides, whichever side's erase caused them.
  Table shrinking({}, 1);
  Fill(&shrinking, Spread::kHash, 0, 30000);
  removals.clear();
  for (int n = 0; n < 300; ++n) {
    const uint64_t position = rng() >> 1 | 1;
    shrinking.NoteRemoval(position, ++lsn);
    removals[position] = lsn;
  }
  for (uint64_t key = 0; key < 30000; ++key) {
    delete shrinking.Erase(PositionFor(Spread::kHash, key), key);
    if (key % 1000 != 999) continue;
    for (const auto& [position, removed] : removals) {
      ASSERT_GE(shrinking.RemovalLsn(position), removed);
    }
  }
  EXPECT_EQ(shrinking.segment_count(), 1u);
  // Only the halves inherit: elsewhere the bound stays low.
  Table fresh({}, 3);
  Fill(&fresh, Spread::kHash, 0, 10000);
  fresh.NoteRemoval(1, 50);
  EXPECT_EQ(fresh.RemovalLsn(1), 50u);
  EXPECT_EQ(fresh.RemovalLsn(Table::kPositionEnd - 1), 3u);
  fresh.NoteRemoval(1, 40);
  EXPECT_EQ(fresh.RemovalLsn(1), 50u) << "the largest stays";
}

TEST(SegmentTable, DetachEmptiesTheTableAndTheContentIsFreedInSlices) {
  Table table({}, 1);
  Fill(&table, Spread::kHash, 0, 50000);
  table.NoteRemoval(1, 9);
  Table::Detached content = table.Detach(77);
  EXPECT_TRUE(table.empty());
  EXPECT_EQ(table.Find(PositionFor(Spread::kHash, 3), 3), nullptr);
  EXPECT_EQ(table.RemovalLsn(1), 77u);
  Fill(&table, Spread::kHash, 0, 1000);
  int slices = 0;
  while (content.FreeSlice(1000)) ++slices;
  EXPECT_GE(slices, 30);
  EXPECT_FALSE(content.FreeSlice(1));
  EXPECT_NE(table.Find(PositionFor(Spread::kHash, 3), 3), nullptr);
}

TEST(SegmentTable, RandomNodesAreDrawnEvenlyWhereverTheyLie) {
  for (const uint64_t keys : {1u, 20u, 20000u}) {
    Table table;
    // Half under one tag, half spread.
    Fill(&table, Spread::kOneSlot, 0, keys / 2);
    Fill(&table, Spread::kHash, keys / 2, keys - keys / 2);
    std::mt19937_64 rng(11);
    std::vector<int> drawn(keys);
    const int draws = static_cast<int>(keys) * 20;
    for (int n = 0; n < draws; ++n) ++drawn[table.RandomNode(rng)->key];
    int never = 0;
    int tagged = 0;
    for (uint64_t key = 0; key < keys; ++key) {
      never += drawn[key] == 0;
      if (key < keys / 2) tagged += drawn[key];
    }
    EXPECT_EQ(never, 0) << "of " << keys;
    if (keys > 1) {
      EXPECT_NEAR(static_cast<double>(tagged) / draws, 0.5, 0.1);
    }
  }
  EXPECT_EQ(Table().RandomNode(std::mt19937_64(1)), nullptr);
}

TEST(SegmentTable, PrefetchesAreHarmlessAnywhere) {
  Table table;
  table.PrefetchBucket(1);
  table.PrefetchEntry(1);
  Fill(&table, Spread::kHash, 0, 1000);
  Fill(&table, Spread::kAlike, 1000, 1000);
  for (uint64_t key = 0; key < 3000; ++key) {
    table.PrefetchBucket(PositionFor(Spread::kHash, key));
    table.PrefetchEntry(PositionFor(Spread::kHash, key), 64);
  }
  table.PrefetchEntry(PositionFor(Spread::kAlike, 1));
  table.PrefetchEntry(Table::kPositionEnd - 1);
}

TEST(SegmentTable, TheFirstCandidateIsMostOftenTheKeysNode) {
  Table table;
  EXPECT_EQ(table.FirstCandidate(1), nullptr);
  Fill(&table, Spread::kHash, 0, 20'000);
  int found = 0;
  for (uint64_t key = 0; key < 20'000; ++key) {
    const uint64_t position = PositionFor(Spread::kHash, key);
    const auto* candidate = table.FirstCandidate(position);
    found += candidate != nullptr && candidate == table.Find(position, key);
  }
  EXPECT_GT(found, 17'000);
}

}  // namespace
}  // namespace thermocline::engine
