// Sorted sets through kills, spills and checkpoints: contents, order and encodings are what they
// were.
#include "engine/types/zset.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <limits>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "codec/number_text.h"
#include "engine/types/zset_effects.h"
#include "tests/engine/database/harness.h"

namespace thermocline::testing {
namespace {

using engine::Entry;
using engine::Need;
using engine::RankRange;
using engine::ScoredMember;
using engine::SortedSets;
using engine::ZsetBuilder;
using engine::ZsetView;

struct Value {
  std::map<std::string, double> members;
  bool object = false;
  int64_t deadline_ms = 0;

  std::vector<std::pair<double, std::string>> Ordered() const {
    std::vector<std::pair<double, std::string>> items;
    for (const auto& [member, score] : members) items.emplace_back(score, member);
    std::sort(items.begin(), items.end());
    return items;
  }
  std::string Text() const {
    std::string text = object ? "object " : "packed ";
    text += std::to_string(deadline_ms);
    for (const auto& [score, member] : Ordered()) {
      text += " " + member + "=" + codec::FormatDouble(score);
    }
    return text;
  }
};
using Model = std::map<std::string, Value>;

// In the order in which the set gives them, so that the order is compared, too.
std::string ReadText(const Entry* entry) {
  std::string text = entry->is_object() ? "object " : "packed ";
  text += std::to_string(entry->expiry_ms());
  const ZsetView view(entry);
  view.Walk({0, view.size()}, false, [&](std::string_view member, double score) {
    text += " " + std::string(member) + "=" + codec::FormatDouble(score);
  });
  return text;
}

class Changes {
 public:
  Changes(TestDatabase& database, Model& model, uint64_t seed)
      : database_(database), model_(model), rng_(seed) {}

  void Step() {
    const std::string key = Key();
    const std::string other = Key();
    const bool there = model_.count(key) == 1;
    switch (Pick(10)) {
      case 0:
      case 1:
      case 2:
      case 3:
        AddSome(key);
        break;
      case 4:
      case 5:
        if (there) RemoveSome(key);
        break;
      case 6:
        if (there) RemoveRanks(key);
        break;
      case 7:
        Store(key);
        break;
      case 8:
        if (!there) return;
        if (Pick(3) == 0) {
          database_.Run({{0, key, Need::kHeader}}, [&](auto& d) { d.Delete(0, key); });
          model_.erase(key);
        } else {
          const int64_t deadline = database_.clock().WallMs() + 10'000'000;
          database_.Run({{0, key, Need::kHeader}}, [&](auto& d) { d.SetExpiry(0, key, deadline); });
          model_[key].deadline_ms = deadline;
        }
        break;
      default:
        if (!there || key == other) return;
        database_.Run({{0, key, Need::kValue}, {0, other, Need::kHeader}},
                      [&](auto& d) { d.MoveKey(0, key, 0, other); });
        model_[other] = model_[key];
        model_.erase(key);
    }
  }
  int Pick(int n) { return static_cast<int>(rng_() % static_cast<uint64_t>(n)); }

 private:
  std::string Key() { return "z" + std::to_string(Pick(8)); }
  std::string Member() {
    if (Pick(60) == 0) return std::string(70, 'L');
    return Pick(3) == 0 ? std::to_string(Pick(30)) : "m" + std::to_string(Pick(60));
  }
  double Score() {
    return Pick(5) == 0 ? std::uniform_real_distribution<double>(-1, 1)(rng_) : Pick(20) - 5;
  }
  // What puts a new member into a set does to its form.
  static void NoteForm(Value& value, const std::string& member) {
    value.object = value.object || value.members.size() > 128 || member.size() > 64;
  }

  void AddSome(const std::string& key) {
    std::vector<std::string> names;
    std::vector<ScoredMember> items;
    const int n = Pick(30) == 0 ? 140 : Pick(6) + 1;
    for (int i = 0; i < n; ++i) {
      names.push_back(n > 6 ? "n" + std::to_string(Pick(1000)) : Member());
    }
    for (const std::string& name : names) items.push_back({Score(), name});
    const SortedSets::AddRule rule{.only_new = Pick(6) == 0,
                                   .only_present = Pick(6) == 0,
                                   .only_greater = Pick(6) == 0,
                                   .increment = n == 1};
    Value value = model_.count(key) == 1 ? model_[key] : Value();
    size_t added = 0;
    size_t updated = 0;
    for (const ScoredMember& item : items) {
      const std::string member(item.member);
      const auto it = value.members.find(member);
      if (it == value.members.end()) {
        if (rule.only_present) continue;
        ++added;
        value.members[member] = item.score;
        NoteForm(value, member);
        continue;
      }
      const double score = item.score + (rule.increment ? it->second : 0);
      if (rule.only_new || score == it->second) continue;
      if (rule.only_greater && score <= it->second) continue;
      ++updated;
      it->second = score;
    }
    if (!value.members.empty()) model_[key] = value;
    database_.Run({{0, key, Need::kValue}}, [&](auto& d) {
      const SortedSets::AddResult result = d.zsets().Add(0, key, items, rule);
      EXPECT_EQ(result.added, added);
      EXPECT_EQ(result.updated, updated);
      EXPECT_EQ(d.frame_has_effects(), added + updated != 0)
          << "what changes nothing is not logged";
    });
  }

  void RemoveSome(const std::string& key) {
    Value& value = model_[key];
    std::vector<std::string> words{"nosuch", "m1"};
    const bool all = Pick(8) == 0;
    for (const auto& [member, score] : value.members) {
      if (all || Pick(4) == 0) words.push_back(member);
    }
    size_t gone = 0;
    for (const std::string& word : words) gone += value.members.erase(word);
    const std::vector<std::string_view> views(words.begin(), words.end());
    database_.Run({{0, key, Need::kValue}}, [&](auto& d) {
      EXPECT_EQ(d.zsets().Remove(0, key, views), gone);
      EXPECT_EQ(d.frame_has_effects(), gone != 0);
    });
    if (value.members.empty()) model_.erase(key);
  }

  void RemoveRanks(const std::string& key) {
    Value& value = model_[key];
    const auto items = value.Ordered();
    const size_t first = rng_() % (items.size() + 1);
    RankRange ranks{first, first + rng_() % (std::min<size_t>(items.size() - first, 5) + 1)};
    if (Pick(10) == 0) ranks = {0, items.size()};
    for (size_t i = ranks.first; i < ranks.last; ++i) value.members.erase(items[i].second);
    if (value.members.empty()) model_.erase(key);
    database_.Run({{0, key, Need::kValue}}, [&](auto& d) {
      d.zsets().RemoveRanks(0, key, ranks);
      EXPECT_EQ(d.frame_has_effects(), !ranks.empty());
    });
  }

  // Over whatever is there; an empty result leaves nothing.
  void Store(const std::string& key) {
    Value value;
    database_.Run({{0, key, Need::kHeader}}, [&](auto& d) {
      ZsetBuilder result;
      for (int i = Pick(40) == 0 ? 200 : Pick(5); i > 0; --i) {
        const std::string member = i > 5 ? "s" + std::to_string(i) : Member();
        const double score = Score();
        if (!result.Add(member, score)) continue;
        value.members[member] = score;
        NoteForm(value, member);
      }
      d.zsets().Store(0, key, result);
    });
    model_.erase(key);
    if (!value.members.empty()) model_[key] = value;
  }

  TestDatabase& database_;
  Model& model_;
  std::mt19937_64 rng_;
};

void Compare(TestDatabase& database, const Model& model, const std::string& when) {
  database.AwaitCounts();
  ASSERT_EQ(database.db().Size(0), model.size()) << when;
  for (const auto& [key, value] : model) {
    database.Run({{0, key, Need::kValue}}, [&, &key = key, &value = value](auto& d) {
      const Entry* entry = d.Find(0, key);
      ASSERT_NE(entry, nullptr) << when << ": " << key;
      EXPECT_EQ(ReadText(entry), value.Text()) << when << ": " << key;
    });
  }
}

TEST(SortedSets, AreTheSameAfterKillsSpillsAndCheckpoints) {
  for (uint64_t seed = 1; seed <= 6; ++seed) {
    auto fs = std::make_shared<JournalFs>();
    TestDatabase database(fs, engine::FsyncPolicy::kAlways, seed);
    database.type_limits = {};
    ASSERT_TRUE(database.Open().ok());
    Model model;
    Changes changes(database, model, seed);
    for (int step = 0; step < 1200; ++step) {
      changes.Step();
      database.Tick();
      const int event = changes.Pick(60);
      if (event == 0) database.Spill();
      if (event == 1) database.Checkpoint();
      if (event == 2) {
        database.Kill();
        const codec::Status opened = database.Open();
        ASSERT_TRUE(opened.ok()) << opened.ToString();
      }
      if (event <= 2) {
        Compare(database, model, "seed " + std::to_string(seed) + " step " + std::to_string(step));
      }
      if (::testing::Test::HasFailure()) return;
    }
  }
}

TEST(SortedSets, ManyMembersAreStoredInEffectsOfBoundedSize) {
  auto fs = std::make_shared<JournalFs>();
  TestDatabase database(fs);
  database.type_limits = {};
  ASSERT_TRUE(database.Open().ok());
  constexpr int kMembers = 200'000;
  database.Run({{0, "z", Need::kHeader}}, [&](auto& d) {
    ZsetBuilder result;
    for (int i = 0; i < kMembers; ++i) result.Add("member:" + std::to_string(i), i / 3.0);
    d.zsets().Store(0, "z", result);
  });
  database.Tick();
  database.Kill();
  ASSERT_TRUE(database.Open().ok());
  database.Run({{0, "z", Need::kValue}}, [&](auto& d) {
    const Entry* entry = d.Find(0, "z");
    ASSERT_NE(entry, nullptr);
    EXPECT_EQ(ZsetView(entry).size(), size_t{kMembers});
    EXPECT_EQ(ZsetView(entry).Find("member:199999").score, 199999 / 3.0);
  });
}

TEST(SortedSets, AnIncrementToNanChangesNothing) {
  auto fs = std::make_shared<JournalFs>();
  TestDatabase database(fs);
  database.type_limits = {};
  ASSERT_TRUE(database.Open().ok());
  const double infinity = std::numeric_limits<double>::infinity();
  const ScoredMember up[] = {{infinity, "m"}};
  const ScoredMember down[] = {{-infinity, "m"}};
  database.Run({{0, "z", Need::kValue}}, [&](auto& d) { d.zsets().Add(0, "z", up, {}); });
  database.Run({{0, "z", Need::kValue}}, [&](auto& d) {
    const SortedSets::AddResult result = d.zsets().Add(0, "z", down, {.increment = true});
    EXPECT_TRUE(result.nan);
    EXPECT_FALSE(d.frame_has_effects());
    EXPECT_EQ(ZsetView(d.Find(0, "z")).Find("m").score, infinity);
  });
}

}  // namespace
}  // namespace thermocline::testing
