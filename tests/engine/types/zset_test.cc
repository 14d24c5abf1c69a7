// Model test of sorted sets in both forms: random puts, erases and range erases through ZsetEditor
// beside a std::map, with every read of ZsetView, conversions at small limits, and payloads that
// come back. Expectations about mixed scores in ranges by name were taken from redis-server 7.0.15.
#include "engine/types/zset.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <random>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "codec/rdb/object.h"

namespace thermocline::engine {
namespace {

constexpr double kInf = std::numeric_limits<double>::infinity();

using Item = std::pair<double, std::string>;

Entry* NewZset() {
  return Entry::NewPacked("key", ZsetEditor::kType, ZsetEditor::kEmptyEncoding,
                          ZsetEditor::EmptyBytes(), 1);
}

std::vector<Item> Items(const Entry* entry, RankRange ranks, bool reverse = false) {
  std::vector<Item> items;
  ZsetView(entry).Walk(ranks, reverse, [&](std::string_view member, double score) {
    items.emplace_back(score, member);
  });
  return items;
}
std::vector<Item> Items(const Entry* entry) { return Items(entry, {0, ZsetView(entry).size()}); }

class ZsetModel : public ::testing::TestWithParam<uint64_t> {};  // zset_max_listpack_entries

TEST_P(ZsetModel, AgreesWithStdMap) {
  TypeLimits limits;
  limits.zset_max_listpack_entries = GetParam();
  limits.zset_max_listpack_value = 24;
  for (uint32_t seed = 1; seed <= 4; ++seed) {
    std::mt19937_64 rng(seed);
    Random random(seed);
    Entry* entry = NewZset();
    std::map<std::string, double> model;
    const auto member = [&] {
      switch (rng() % 5) {
        case 0:
          return std::to_string(static_cast<int64_t>(rng() % 300) - 20);
        case 1:
          return std::string(rng() % 24, 'x');
        default:
          return "m" + std::to_string(rng() % 400);
      }
    };
    const auto score = [&]() -> double {
      const double odd[] = {kInf, -kInf, -0.0, 0.1, 1e17, 9007199254740993.0, -1e-300};
      return rng() % 6 == 0 ? odd[rng() % 7] : static_cast<double>(rng() % 40) / 4 - 3;
    };
    const auto ordered = [&] {
      std::vector<Item> items;
      for (const auto& [text, s] : model) items.emplace_back(s, text);
      std::sort(items.begin(), items.end());
      return items;
    };
    for (int step = 0; step < 4000; ++step) {
      const uint64_t dice = rng() % 100;
      const std::string text = dice == 99 && step > 2000 ? std::string(30, 'L') : member();
      if (dice < 60 || dice == 99) {
        const double s = score();
        ZsetEditor(entry, limits).Put(text, s);
        const auto [it, fresh] = model.emplace(text, s);
        if (!fresh) it->second = s;
      } else if (dice < 90) {
        ASSERT_EQ(ZsetEditor(entry, limits).Erase(text), model.erase(text) == 1);
      } else if (dice < 92) {
        const size_t n = model.size();
        const size_t first = rng() % (n + 1);
        const RankRange ranks{first, first + rng() % (std::min<size_t>(n - first, 20) + 1)};
        const std::vector<Item> gone = Items(entry, ranks);
        ZsetEditor(entry, limits).EraseRanks(ranks);
        for (const Item& item : gone) ASSERT_EQ(model.erase(item.second), 1u);
      }
      const ZsetView view(entry);
      ASSERT_EQ(view.size(), model.size());
      if (step % 50 != 0) continue;
      const std::vector<Item> all = ordered();
      ASSERT_EQ(Items(entry), all);
      std::vector<Item> reversed = Items(entry, {0, all.size()}, true);
      std::reverse(reversed.begin(), reversed.end());
      ASSERT_EQ(reversed, all);
      for (size_t rank = 0; rank < all.size(); ++rank) {
        size_t found = 0;
        ASSERT_TRUE(view.RankOf(all[rank].second, &found));
        ASSERT_EQ(found, rank);
        const ZsetPlace place = view.Find(all[rank].second);
        ASSERT_TRUE(place.found);
        ASSERT_EQ(place.score, all[rank].first);
      }
      size_t rank = 0;
      ASSERT_FALSE(view.RankOf("absent", &rank));
      ASSERT_FALSE(view.Find("absent").found);
      for (int i = 0; i < 20; ++i) {
        const ScoreRange range{{score(), rng() % 2 == 0}, {score(), rng() % 2 == 0}};
        std::vector<Item> expected;
        for (const Item& item : all) {
          if (range.AboveMin(item.first) && range.BelowMax(item.first)) expected.push_back(item);
        }
        ASSERT_EQ(Items(entry, view.ByScore(range)), expected);
      }
      std::set<Item> scanned;
      uint64_t cursor = 0;
      do {
        cursor = view.Scan(cursor, 7, [&](std::string_view m, double s) {
          ASSERT_TRUE(scanned.emplace(s, m).second);
        });
      } while (cursor != 0);
      ASSERT_EQ(scanned.size(), all.size());
      const size_t wanted = all.size() / 3;
      std::set<std::string> drawn;
      view.Sample(random, wanted, [&](std::string_view m, double s) {
        ASSERT_EQ(model.at(std::string(m)), s);
        drawn.emplace(m);
      });
      ASSERT_EQ(drawn.size(), wanted);
      if (!all.empty()) {
        size_t n = 0;
        view.Draw(random, 30, [&](std::string_view m, double s) {
          ASSERT_EQ(model.at(std::string(m)), s);
          ++n;
        });
        ASSERT_EQ(n, 30u);
      }
      if (entry->is_object()) {
        const auto* object = static_cast<const ZsetObject*>(entry->object());
        ASSERT_TRUE(object->order().Valid());
        size_t nodes = 0;
        object->members().ForEach([&](const ZsetNode* node) { nodes += node->memory_bytes(); });
        ASSERT_EQ(object->memory_bytes(), AllocationSize(sizeof(ZsetObject)) +
                                              object->order().memory_bytes() +
                                              object->members().memory_bytes());
        ASSERT_GE(object->memory_bytes(), nodes);
      }
      if (all.empty()) continue;
      // The same encoding and members after a stay in the cold tier; Redis's choice after RESTORE.
      std::string payload;
      EncodeZset(entry, &payload, false);
      DecodeRequest request{.key = "key",
                            .rdb_type = RdbTypeOf(ValueType::kZset, entry->encoding()),
                            .payload = payload,
                            .encoding_hint = entry->encoding(),
                            .limits = &limits,
                            .mode = DecodeMode::kCold};
      codec::StatusOr<Entry*> cold = DecodeZset(request);
      ASSERT_TRUE(cold.ok()) << cold.status().ToString();
      ASSERT_EQ((*cold)->encoding(), entry->encoding());
      ASSERT_EQ(Items(*cold), all);
      Entry::Free(*cold);
      request.mode = DecodeMode::kRestore;
      codec::StatusOr<Entry*> restored = DecodeZset(request);
      ASSERT_TRUE(restored.ok()) << restored.status().ToString();
      ASSERT_EQ(Items(*restored), all);
      const bool small = all.size() <= limits.zset_max_listpack_entries &&
                         std::all_of(all.begin(), all.end(), [&](const Item& item) {
                           return item.second.size() <= limits.zset_max_listpack_value;
                         });
      ASSERT_EQ(!(*restored)->is_object(), small);
      Entry::Free(*restored);
    }
    Entry::Free(entry);
  }
}

INSTANTIATE_TEST_SUITE_P(Limits, ZsetModel, ::testing::Values(0, 10, 60, 100000));

TEST(Zset, GrowsOutOfThePackedFormByNumberAndByLength) {
  TypeLimits limits;
  limits.zset_max_listpack_entries = 3;
  limits.zset_max_listpack_value = 5;
  Entry* entry = NewZset();
  for (const char* member : {"a", "b", "c"}) ZsetEditor(entry, limits).Put(member, 1);
  EXPECT_FALSE(entry->is_object());
  ZsetEditor(entry, limits).Put("c", 2);  // not a new member
  EXPECT_FALSE(entry->is_object());
  ZsetEditor(entry, limits).Put("d", 1);
  EXPECT_TRUE(entry->is_object());
  ZsetEditor(entry, limits).EraseRanks({0, 3});
  EXPECT_TRUE(entry->is_object());  // it never goes back
  EXPECT_EQ(Items(entry), (std::vector<Item>{{2, "c"}}));
  Entry::Free(entry);

  entry = NewZset();
  ZsetEditor(entry, limits).Put("12345", 1);
  EXPECT_FALSE(entry->is_object());
  ZsetEditor(entry, limits).Put("123456", 1);
  EXPECT_TRUE(entry->is_object());
  Entry::Free(entry);
}

// ZADD z -0 a: ZSCORE z a is 0 while it is a listpack, -0 in a skiplist.
TEST(Zset, ThePackedFormForgetsTheSignOfZero) {
  TypeLimits limits;
  limits.zset_max_listpack_entries = 1;
  Entry* entry = NewZset();
  ZsetEditor(entry, limits).Put("a", -0.0);
  EXPECT_FALSE(std::signbit(ZsetView(entry).Find("a").score));
  ZsetEditor(entry, limits).Put("b", -0.0);
  EXPECT_TRUE(entry->is_object());
  EXPECT_FALSE(std::signbit(ZsetView(entry).Find("a").score));
  EXPECT_TRUE(std::signbit(ZsetView(entry).Find("b").score));
  Entry::Free(entry);
  ZsetBuilder builder;
  builder.Add("a", -0.0);
  entry = builder.Build("key", limits, 1, kNoExpiry);
  EXPECT_FALSE(std::signbit(ZsetView(entry).Find("a").score));
  Entry::Free(entry);
}

LexLimit Name(std::string_view text, bool exclusive = false) {
  return {LexLimit::Kind::kText, exclusive, text};
}
constexpr LexLimit kFirst{LexLimit::Kind::kFirst, false, {}};
constexpr LexLimit kLast{LexLimit::Kind::kLast, false, {}};

TEST(Zset, RangesByName) {
  for (const uint64_t entries : {100, 0}) {
    TypeLimits limits;
    limits.zset_max_listpack_entries = entries;
    Entry* entry = NewZset();
    for (const char* member : {"a", "b", "bb", "c", "1"}) ZsetEditor(entry, limits).Put(member, 0);
    const auto names = [&](const LexRange& range) {
      const ZsetView view(entry);
      std::string text;
      const RankRange ranks = view.ByLex(range);
      EXPECT_EQ(ranks.size(), view.ByLex(range, true).size());
      for (const Item& item : Items(entry, ranks)) text += item.second + " ";
      return text;
    };
    EXPECT_EQ(names({kFirst, kLast}), "1 a b bb c ");
    EXPECT_EQ(names({Name("b"), kLast}), "b bb c ");
    EXPECT_EQ(names({Name("b", true), kLast}), "bb c ");
    EXPECT_EQ(names({kFirst, Name("bb", true)}), "1 a b ");
    EXPECT_EQ(names({Name("a"), Name("bb")}), "a b bb ");
    EXPECT_EQ(names({Name("b", true), Name("b")}), "");
    EXPECT_EQ(names({Name("c"), Name("a")}), "");
    EXPECT_EQ(names({kLast, kFirst}), "");
    EXPECT_EQ(names({kFirst, kFirst}), "");
    EXPECT_EQ(names({Name("d"), kLast}), "");
    EXPECT_EQ(names({kFirst, Name("0")}), "");
    Entry::Free(entry);
  }
}

// Redis looks for the first member (the last, if reversed) within one end, then goes on while
// members are within the other.
TEST(Zset, RangesByNameOverDifferentScoresAreThoseOfRedisWhilePacked) {
  const TypeLimits limits;
  Entry* entry = NewZset();
  double score = 0;
  for (const char* member : {"m", "a", "z", "b"}) ZsetEditor(entry, limits).Put(member, ++score);
  const auto ranks = [&](const LexRange& range, bool reverse) {
    const RankRange found = ZsetView(entry).ByLex(range, reverse);
    return std::to_string(found.first) + "-" + std::to_string(found.last);
  };
  EXPECT_EQ(ranks({Name("c"), kLast}, false), "0-0");
  EXPECT_EQ(ranks({Name("b"), kLast}, false), "0-4");
  EXPECT_EQ(ranks({Name("b"), kLast}, true), "2-4");
  EXPECT_EQ(ranks({Name("a"), Name("m")}, false), "0-2");
  EXPECT_EQ(ranks({Name("a"), Name("m")}, true), "0-4");
  // Larger: whatever lies between, Redis looks at both ends first.
  TypeLimits none;
  none.zset_max_listpack_entries = 0;
  ZsetEditor(entry, none).Put("n", 2.5);
  ASSERT_TRUE(entry->is_object());
  for (const bool reverse : {false, true}) {
    EXPECT_EQ(ranks({Name("c"), kLast}, reverse), "0-0");   // the last is "b"
    EXPECT_EQ(ranks({kFirst, Name("l")}, reverse), "0-0");  // the first is "m"
  }
  Entry::Free(entry);
}

TEST(Zset, BuilderTakesMembersInAnyOrder) {
  TypeLimits limits;
  limits.zset_max_listpack_entries = 4;
  for (const int n : {1, 4, 5, 1000}) {
    ZsetBuilder builder;
    for (int i = 0; i < n; ++i) {
      EXPECT_TRUE(builder.Add("m" + std::to_string(i * 7919 % n), i % 3));
    }
    EXPECT_FALSE(builder.Add("m0", 5));
    EXPECT_FALSE(builder.Add("m0", 5, [](double old, double more) { return old + more + 100; }));
    EXPECT_EQ(builder.size(), static_cast<size_t>(n));
    Entry* entry = builder.Build("key", limits, 1, kNoExpiry);
    EXPECT_EQ(entry->is_object(), n > 4);
    const std::vector<Item> items = Items(entry);
    EXPECT_EQ(items.size(), static_cast<size_t>(n));
    EXPECT_TRUE(std::is_sorted(items.begin(), items.end()));
    EXPECT_EQ(items.back().second, "m0");
    EXPECT_GE(items.back().first, 105);
    if (entry->is_object()) {
      EXPECT_TRUE(static_cast<const ZsetObject*>(entry->object())->order().Valid());
    }
    Entry::Free(entry);
  }
}

TEST(Zset, PayloadsThatRepeatAMemberAreRefused) {
  std::string payload;
  codec::AppendRdbLength(&payload, 2);
  for (int i = 0; i < 2; ++i) {
    codec::AppendRdbString(&payload, "twice", false);
    payload.append("\0\0\0\0\0\0\xf0\x3f", 8);
  }
  const TypeLimits limits;
  const codec::StatusOr<Entry*> entry = DecodeZset({.key = "key",
                                                    .rdb_type = codec::kRdbZset2,
                                                    .payload = payload,
                                                    .limits = &limits,
                                                    .mode = DecodeMode::kRestore});
  EXPECT_FALSE(entry.ok());
}

}  // namespace
}  // namespace thermocline::engine
