// Hashes and sets through kills, spills and checkpoints: contents and encodings are what they were.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "engine/types/hash.h"
#include "engine/types/hash_effects.h"
#include "engine/types/set.h"
#include "engine/types/set_effects.h"
#include "tests/engine/database/harness.h"

namespace thermocline::testing {
namespace {

using engine::Entry;
using engine::ExpiryChange;
using engine::Need;
using engine::SetBuilder;

struct Value {
  engine::ValueType type = engine::ValueType::kHash;
  std::map<std::string, std::string> elements;  // of a set: with empty values
  bool table = false;                           // a hashtable to clients
  int64_t deadline_ms = 0;

  std::string Text() const {
    std::string text = type == engine::ValueType::kHash ? "hash" : "set";
    text += table ? "/table " : "/packed ";
    text += std::to_string(deadline_ms);
    for (const auto& [name, value] : elements) text += " " + name + "=" + value;
    return text;
  }
};
using Model = std::map<std::string, Value>;

bool IsTable(const Entry* entry) {
  return entry->type() == engine::ValueType::kSet
             ? entry->collection_encoding() != engine::CollectionEncoding::kIntset
             : entry->is_object();
}

Value ReadValue(engine::Database& db, const Entry* entry) {
  Value value;
  value.type = entry->type();
  value.table = IsTable(entry);
  value.deadline_ms = entry->expiry_ms();
  if (entry->type() == engine::ValueType::kHash) {
    db.hashes().View(entry).ForEach([&](std::string_view field, std::string_view text) {
      value.elements[std::string(field)] = text;
    });
  } else {
    engine::SetView(entry).ForEach(
        [&](std::string_view member) { value.elements[std::string(member)]; });
  }
  return value;
}

class Changes {
 public:
  Changes(TestDatabase& database, Model& model, uint64_t seed)
      : database_(database), model_(model), rng_(seed) {}

  void Step() {
    const std::string key = Key();
    const std::string other = Key();
    const bool hash = key[0] == 'h';
    const bool there = model_.count(key) == 1;
    const engine::TypeLimits& limits = database_.db().options().type_limits;
    switch (Pick(hash ? 6 : 8)) {
      case 0:
      case 1:
      case 2:
        hash ? SetFields(key) : AddMembers(key);
        break;
      case 3:
      case 4:
        if (there) RemoveSome(key);
        break;
      case 5:
        if (!there) return;
        if (Pick(3) == 0) {
          database_.Run({{0, key, Need::kHeader}}, [&](auto& d) { d.Delete(0, key); });
          model_.erase(key);
        } else if (Pick(2) == 0) {
          const int64_t deadline = database_.clock().WallMs() + 10'000'000;
          database_.Run({{0, key, Need::kHeader}}, [&](auto& d) { d.SetExpiry(0, key, deadline); });
          model_[key].deadline_ms = deadline;
        } else if (key != other && other[0] == key[0]) {
          database_.Run({{0, key, Need::kValue}, {0, other, Need::kHeader}},
                        [&](auto& d) { d.MoveKey(0, key, 0, other); });
          model_[other] = model_[key];
          model_.erase(key);
        }
        break;
      default: {  // a result is stored over whatever is there, or what is left of a set
        const bool keep = there && Pick(2) == 0;
        Value value;
        value.type = engine::ValueType::kSet;
        value.deadline_ms = keep ? model_[key].deadline_ms : 0;
        database_.Run({{0, key, keep ? Need::kValue : Need::kHeader}}, [&](auto& d) {
          SetBuilder result(key, limits);
          for (int i = Pick(5); i >= 0; --i) {
            const std::string member = Member(key);
            result.Add(member);
            value.elements[member];
          }
          engine::EntryPtr entry = result.Take();
          value.table = IsTable(entry.get());
          d.sets().Store(0, key, std::move(entry), keep);
        });
        model_[key] = value;
      }
    }
  }
  int Pick(int n) { return static_cast<int>(rng_() % static_cast<uint64_t>(n)); }

 private:
  std::string Key() { return (Pick(2) == 0 ? "h" : "s") + std::to_string(Pick(6)); }
  std::string Member(const std::string& key) {
    if ((key.back() - '0') % 2 == 0 || Pick(3) != 0) return std::to_string(Pick(40) - 5);
    return "member" + std::to_string(Pick(40));
  }

  void SetFields(const std::string& key) {
    std::vector<std::string> words;
    Value& value = model_[key];
    for (int i = Pick(30) == 0 ? 600 : Pick(5); i >= 0; --i) {
      words.push_back("field" + std::to_string(Pick(i > 5 ? 1000 : 30)));
      words.push_back(std::string(static_cast<size_t>(Pick(40) == 0 ? 65 : Pick(20)), 'v'));
      value.elements[words[words.size() - 2]] = words.back();
      value.table = value.table || words.back().size() > 64 || value.elements.size() > 512;
    }
    const std::vector<std::string_view> views(words.begin(), words.end());
    database_.Run({{0, key, Need::kValue}}, [&](auto& d) { d.hashes().Set(0, key, views); });
  }

  void AddMembers(const std::string& key) {
    std::vector<std::string> words;
    Value& value = model_[key];
    value.type = engine::ValueType::kSet;
    size_t fresh = 0;
    for (int i = Pick(5); i >= 0; --i) {
      words.push_back(Member(key));
      fresh += value.elements.emplace(words.back(), "").second;
      value.table = value.table || words.back()[0] == 'm';
    }
    const std::vector<std::string_view> views(words.begin(), words.end());
    database_.Run({{0, key, Need::kValue}}, [&](auto& d) {
      EXPECT_EQ(d.sets().Add(0, key, views), fresh);
      EXPECT_EQ(d.frame_has_effects(), fresh != 0) << "what changes nothing is not logged";
    });
  }

  void RemoveSome(const std::string& key) {
    Value& value = model_[key];
    const bool hash = key[0] == 'h';
    std::vector<std::string> words{"nosuch", hash ? "field1" : "1"};
    const bool all = Pick(6) == 0;
    for (const auto& [name, text] : value.elements) {
      if (all || Pick(4) == 0) words.push_back(name);
    }
    size_t gone = 0;
    for (const std::string& word : words) gone += value.elements.erase(word);
    const std::vector<std::string_view> views(words.begin(), words.end());
    database_.Run({{0, key, Need::kValue}}, [&](auto& d) {
      EXPECT_EQ(hash ? d.hashes().Delete(0, key, views) : d.sets().Remove(0, key, views), gone);
      EXPECT_EQ(d.frame_has_effects(), gone != 0);
    });
    if (value.elements.empty()) model_.erase(key);
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
      EXPECT_EQ(ReadValue(d, entry).Text(), value.Text()) << when << ": " << key;
    });
  }
}

TEST(HashesAndSets, AreTheSameAfterKillsSpillsAndCheckpoints) {
  for (uint64_t seed = 1; seed <= 3; ++seed) {
    auto fs = std::make_shared<JournalFs>();
    TestDatabase database(fs, engine::FsyncPolicy::kAlways, seed);
    database.type_limits = {};
    ASSERT_TRUE(database.Open().ok());
    Model model;
    Changes changes(database, model, seed);
    for (int step = 0; step < 500; ++step) {
      changes.Step();
      database.Tick();
      const int event = changes.Pick(60);
      if (event == 0) database.Spill();
      if (event == 1) database.Checkpoint();
      if (event == 2) {
        database.Kill();
        const codec::Status opened = database.Open();
        ASSERT_TRUE(opened.ok()) << opened.ToString();
        Compare(database, model, "seed " + std::to_string(seed) + " step " + std::to_string(step));
      }
      if (::testing::Test::HasFailure()) return;
    }
  }
}

// References are of this process: what is spilled, logged or copied has the names themselves.
TEST(HashesAndSets, SharedFieldNamesAreWrittenAsTexts) {
  auto fs = std::make_shared<JournalFs>();
  TestDatabase database(fs);
  database.type_limits = {};
  ASSERT_TRUE(database.Open().ok());
  Model model;
  const std::vector<std::string> names{"created_at", "owner", "status"};
  const auto set = [&](const std::string& key, const std::string& value) {
    Value& hash = model[key];
    hash.type = engine::ValueType::kHash;
    for (const std::string& name : names) {
      const std::vector<std::string_view> pair{name, value};
      database.Run({{0, key, Need::kValue}}, [&](auto& d) { d.hashes().Set(0, key, pair); });
      hash.elements[name] = value;
    }
  };
  const auto names_in_use = [&] {
    database.clock().AdvanceMs(100);
    database.Tick();
    return database.db().GetStats().field_names;
  };
  for (int i = 0; i < 60; ++i) set("h" + std::to_string(i), "v" + std::to_string(i));
  EXPECT_EQ(names_in_use(), names.size());
  database.Run({{0, "h59", Need::kValue}, {0, "copy", Need::kHeader}},
               [&](auto& d) { d.CopyKey(0, "h59", 0, "copy"); });
  model["copy"] = model["h59"];
  database.Tick();
  Compare(database, model, "as set");
  database.Spill();
  Compare(database, model, "spilled");
  set("h3", "changed");
  database.Tick();
  database.Kill();
  ASSERT_TRUE(database.Open().ok());
  Compare(database, model, "after a kill");
  EXPECT_EQ(names_in_use(), names.size()) << "learned anew from what was read";
}

// Readers decode it; what becomes of it is decided when it comes back.
TEST(HashesAndSets, ALargeOneComesBackUnlessItWasChangedMeanwhile) {
  class Nobody : public engine::Waiter {
    void OnReady() override {}
  };
  auto fs = std::make_shared<JournalFs>();
  TestDatabase database(fs);
  database.type_limits = {};
  ASSERT_TRUE(database.Open().ok());
  engine::Database& db = database.db();
  Model model;
  std::vector<std::string> words;
  for (int i = 0; i < 3000; ++i) {
    words.push_back("field" + std::to_string(i));
    words.emplace_back("value of some length");
    model["h"].elements[words[words.size() - 2]] = words.back();
  }
  model["h"].type = engine::ValueType::kHash;
  model["h"].table = true;
  const std::vector<std::string_view> views(words.begin(), words.end());
  const auto set = [&] {
    database.Run({{0, "h", Need::kHeader}}, [&](auto& d) {
      if (d.Find(0, "h") != nullptr) d.Delete(0, "h");
      d.hashes().Set(0, "h", views);
    });
  };
  set();
  for (int round = 0; round < 2; ++round) {
    database.Spill();
    Compare(database, model, "spilled");
  }
  const engine::KeyRequest request{0, "h", Need::kValue};
  const int64_t deadline = database.clock().WallMs() + 10'000'000;
  Nobody waiter;
  database.Spill();
  EXPECT_FALSE(db.Prepare({&request, 1}, &waiter));
  database.Run({{0, "h", Need::kHeader}}, [&](auto& d) { d.SetExpiry(0, "h", deadline); });
  model["h"].deadline_ms = deadline;
  database.Tick();
  db.CancelWait(&waiter);
  Compare(database, model, "its deadline was changed meanwhile");
  database.Spill();
  EXPECT_FALSE(db.Prepare({&request, 1}, &waiter));
  set();
  database.Tick();
  db.CancelWait(&waiter);
  model["h"].deadline_ms = 0;
  Compare(database, model, "it was replaced meanwhile");
}

TEST(HashesAndSets, ManyMembersAreStoredInEffectsOfBoundedSize) {
  auto fs = std::make_shared<JournalFs>();
  TestDatabase database(fs);
  database.type_limits = {};
  ASSERT_TRUE(database.Open().ok());
  constexpr int kMembers = 200'000;
  database.Run({{0, "s", Need::kHeader}}, [&](auto& d) {
    SetBuilder result("s", d.options().type_limits);
    for (int i = 0; i < kMembers; ++i) result.Add("member:" + std::to_string(i));
    d.sets().Store(0, "s", result.Take());
  });
  database.Tick();
  database.Kill();
  ASSERT_TRUE(database.Open().ok());
  database.Run({{0, "s", Need::kValue}}, [&](auto& d) {
    const Entry* entry = d.Find(0, "s");
    ASSERT_NE(entry, nullptr);
    EXPECT_EQ(engine::SetView(entry).size(), size_t{kMembers});
    EXPECT_TRUE(engine::SetView(entry).Contains("member:199999"));
  });
}

}  // namespace
}  // namespace thermocline::testing
