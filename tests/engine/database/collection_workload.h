// Collections for the engine's model tests: how a value is read back as text, and random changes of
// lists, hashes, sets and sorted sets, applied to the database and the model alike.
//
// A collection's key begins with its type's letter (l, h, s, z), so that no change meets a key of
// another type. Limits are so small (TestDatabase::Open) that both forms of each type occur.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "engine/database.h"
#include "engine/types/hash.h"
#include "engine/types/hash_effects.h"
#include "engine/types/list.h"
#include "engine/types/list_effects.h"
#include "engine/types/set.h"
#include "engine/types/set_effects.h"
#include "engine/types/zset.h"
#include "engine/types/zset_effects.h"

namespace thermocline::testing {

/// The elements of a resident collection, one text each: a list's in order, the others sorted.
inline std::vector<std::string> ElementsOf(engine::Database& db, const engine::Entry* entry) {
  std::vector<std::string> out;
  switch (entry->type()) {
    case engine::ValueType::kList: {
      const engine::ListView list(entry);
      list.ForEach(0, list.size(), [&](const codec::PackedValue& value) {
        char scratch[24];
        out.emplace_back(value.View(scratch));
      });
      return out;
    }
    case engine::ValueType::kHash:
      db.hashes().View(entry).ForEach([&](std::string_view field, std::string_view value) {
        out.push_back(std::string(field) + "=" + std::string(value));
      });
      break;
    case engine::ValueType::kSet:
      engine::SetView(entry).ForEach([&](std::string_view member) { out.emplace_back(member); });
      break;
    case engine::ValueType::kZset: {
      const engine::ZsetView zset(entry);
      zset.Walk({0, zset.size()}, /*reverse=*/false, [&](std::string_view member, double score) {
        out.push_back(std::string(member) + "=" + std::to_string(static_cast<int>(score)));
      });
      break;
    }
    default:
      ADD_FAILURE() << "no collection";
  }
  std::sort(out.begin(), out.end());
  return out;
}

/// One random change of a collection. `Model` is a map from key to a value with `elements`; `Run`
/// as TestDatabase's.
template <class Database, class Keys, class Pick>
void ChangeCollection(Database* database, int db, Keys* keys, Pick&& pick) {
  using engine::Need;
  const char letter = "lhsz"[pick(4)];
  const std::string key = letter + std::to_string(pick(6));
  const bool there = keys->contains(key);
  std::vector<std::string>& elements = (*keys)[key].elements;
  const auto text = [&] {
    return std::string(pick(6) == 0 ? 60 : 1 + pick(8), static_cast<char>('a' + pick(26)));
  };
  // "name=value": replaced by name, as hashes and sorted sets do.
  const auto put = [&](const std::string& name, const std::string& value) {
    std::erase_if(elements, [&](const std::string& e) { return e.starts_with(name + "="); });
    elements.push_back(name + "=" + value);
    std::sort(elements.begin(), elements.end());
  };
  const std::vector<engine::KeyRequest> need{{db, key, Need::kValue}};
  const std::string name = "n" + std::to_string(pick(12));
  const std::string value = text();
  const bool shrink = there && pick(5) < 2;
  const std::string_view name_view = name;
  if (letter == 'l') {
    const auto end = pick(2) ? engine::ListEnd::kHead : engine::ListEnd::kTail;
    // No more of a list than the change touches.
    const auto part = [&](size_t count) {
      const auto n = static_cast<int64_t>(count);
      return std::vector<engine::KeyRequest>{
          {db, key, Need::kValue,
           end == engine::ListEnd::kHead ? engine::ListPart::Head(n) : engine::ListPart::Tail(n)}};
    };
    if (shrink) {
      const size_t count = 1 + static_cast<size_t>(pick(static_cast<int>(elements.size())));
      database->Run(part(count), [&](auto& d) { d.lists().Pop(db, key, end, count); });
      if (end == engine::ListEnd::kHead) {
        elements.erase(elements.begin(), elements.begin() + static_cast<ptrdiff_t>(count));
      } else {
        elements.resize(elements.size() - count);
      }
    } else if (there && pick(3) == 0) {
      const size_t index = static_cast<size_t>(pick(static_cast<int>(elements.size())));
      const auto i = static_cast<int64_t>(index);
      database->Run({{db, key, Need::kValue, {.first = i, .last = i, .and_next = true}}},
                    [&](auto& d) { d.lists().Set(db, key, index, value); });
      elements[index] = value;
    } else {
      const std::vector<std::string_view> pushed{value, name_view};
      database->Run(part(1), [&](auto& d) { d.lists().Push(db, key, end, pushed); });
      for (const std::string_view one : pushed) {
        elements.insert(end == engine::ListEnd::kHead ? elements.begin() : elements.end(),
                        std::string(one));
      }
    }
  } else if (letter == 's') {
    const auto found = std::find(elements.begin(), elements.end(), name.substr(1));
    const std::string member = name.substr(1);  // a number: an intset at first
    const std::vector<std::string_view> members{member};
    if (shrink) {
      database->Run(need, [&](auto& d) {
        EXPECT_EQ(d.sets().Remove(db, key, members), found != elements.end() ? 1u : 0u);
      });
      if (found != elements.end()) elements.erase(found);
    } else {
      std::vector<std::string_view> added{member};
      if (pick(3) == 0) added.push_back(value);  // and a hash table from then on
      size_t fresh = 0;
      for (const std::string_view one : added) {
        if (std::find(elements.begin(), elements.end(), one) != elements.end()) continue;
        elements.emplace_back(one);
        ++fresh;
      }
      std::sort(elements.begin(), elements.end());
      database->Run(need, [&](auto& d) { EXPECT_EQ(d.sets().Add(db, key, added), fresh); });
    }
  } else if (letter == 'h') {
    const std::vector<std::string_view> fields{name_view};
    if (shrink) {
      database->Run(need, [&](auto& d) { d.hashes().Delete(db, key, fields); });
      std::erase_if(elements, [&](const std::string& e) { return e.starts_with(name + "="); });
    } else {
      const std::vector<std::string_view> pairs{name_view, value};
      database->Run(need, [&](auto& d) { d.hashes().Set(db, key, pairs); });
      put(name, value);
    }
  } else {
    const std::vector<std::string_view> members{name_view};
    if (shrink) {
      database->Run(need, [&](auto& d) { d.zsets().Remove(db, key, members); });
      std::erase_if(elements, [&](const std::string& e) { return e.starts_with(name + "="); });
    } else {
      const int score = pick(100);
      const std::vector<engine::ScoredMember> scored{{static_cast<double>(score), name_view}};
      database->Run(need, [&](auto& d) { d.zsets().Add(db, key, scored, {}); });
      put(name, std::to_string(score));
    }
  }
  if (elements.empty()) keys->erase(key);
}

}  // namespace thermocline::testing
