// The verbs of lists in a whole database: against a model, across spills, checkpoints, clean and
// unclean ends. A kill replays the log, so every verb is also applied from its effect.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "engine/types/list.h"
#include "engine/types/list_effects.h"
#include "tests/engine/database/harness.h"

namespace thermocline::testing {
namespace {

using engine::Database;
using engine::Entry;
using engine::ListEnd;
using engine::Need;

using Elements = std::vector<std::string>;
using Lists = std::map<std::string, Elements>;

Elements ReadList(const Entry* entry) {
  Elements elements;
  const engine::ListView list(entry);
  list.ForEach(0, list.size(), [&](const auto& value) { elements.push_back(value.ToString()); });
  return elements;
}

class ListsInDatabaseTest : public ::testing::Test {
 protected:
  ListsInDatabaseTest() : test_(std::make_shared<JournalFs>()) {
    test_.paged_threshold = 1;
    EXPECT_TRUE(test_.Open().ok());
    SetLimits();
  }

  void SetLimits() { test_.db().mutable_options().type_limits.list_max_listpack_size = 5; }
  void Restart() {
    ASSERT_TRUE(test_.Open().ok());
    SetLimits();
  }
  template <class Fn>
  void On(const std::string& key, Fn&& fn) {
    test_.Run({{0, key, Need::kValue}}, std::forward<Fn>(fn));
  }
  // The key as far as the parts say, and no further: what touches more dies.
  template <class Fn>
  void On(const std::string& key, std::initializer_list<engine::ListPart> parts, Fn&& fn) {
    std::vector<engine::KeyRequest> requests;
    for (const engine::ListPart& part : parts) requests.push_back({0, key, Need::kValue, part});
    test_.Run(requests, std::forward<Fn>(fn));
  }
  static engine::ListPart EndPart(ListEnd end, size_t count) {
    const auto n = static_cast<int64_t>(count);
    return end == ListEnd::kHead ? engine::ListPart::Head(n) : engine::ListPart::Tail(n);
  }
  void ExpectAll(const Lists& model, const std::string& when) {
    test_.AwaitCounts();
    ASSERT_EQ(test_.db().Size(0), model.size()) << when;
    for (const auto& pair : model) {
      const std::string& key = pair.first;  // clang 14 does not capture structured bindings
      On(key, [&](Database& d) {
        const Entry* entry = d.Find(0, key);
        ASSERT_NE(entry, nullptr) << key << " " << when;
        EXPECT_EQ(ReadList(entry), pair.second) << key << " " << when;
      });
    }
  }
  // One random change of both.
  void Step(std::mt19937_64& random, Lists* model) {
    const auto below = [&](size_t n) { return random() % n; };
    const auto text = [&] {
      return below(12) == 0 ? std::string(below(2000), 'x') : std::to_string(below(12));
    };
    const std::string key = "list" + std::to_string(below(6));
    Elements& elements = (*model)[key];
    const ListEnd end = below(2) == 0 ? ListEnd::kHead : ListEnd::kTail;
    const bool head = end == ListEnd::kHead;
    engine::Lists& lists = test_.db().lists();
    const size_t what = elements.empty() ? below(2) : below(10);
    if (what < 4) {
      Elements added(1 + below(4));
      for (std::string& t : added) t = text();
      const std::vector<std::string_view> views(added.begin(), added.end());
      for (const std::string& t : added) {
        elements.insert(head ? elements.begin() : elements.end(), t);
      }
      On(key, {EndPart(end, 1)},
         [&](Database&) { EXPECT_EQ(lists.Push(0, key, end, views), elements.size()); });
    } else if (what == 4) {
      const size_t count = 1 + below(std::min<size_t>(elements.size(), 3));
      On(key, {EndPart(end, count)}, [&](Database&) { lists.Pop(0, key, end, count); });
      const auto n = static_cast<std::ptrdiff_t>(count);
      head ? elements.erase(elements.begin(), elements.begin() + n)
           : elements.erase(elements.end() - n, elements.end());
    } else if (what == 5) {
      const size_t i = below(elements.size());
      const auto index = static_cast<int64_t>(i);
      elements[i] = text();
      On(key, {{.first = index, .last = index, .and_next = true}},
         [&](Database&) { lists.Set(0, key, i, elements[i]); });
    } else if (what == 6) {
      const std::string pivot = text();
      const std::string t = text();
      const auto found = std::find(elements.begin(), elements.end(), pivot);
      On(key, {{}}, [&](Database&) {
        const auto length = lists.Insert(0, key, head, pivot, t);
        ASSERT_EQ(length.has_value(), found != elements.end());
        if (length) elements.insert(found + (head ? 1 : 0), t);
      });
    } else if (what == 7) {
      const std::string t = text();
      const int64_t count = static_cast<int64_t>(below(5)) - 2;
      if (count < 0) std::reverse(elements.begin(), elements.end());
      const size_t most = count == 0 ? SIZE_MAX : static_cast<size_t>(std::abs(count));
      size_t removed = 0;
      std::erase_if(elements, [&](const std::string& e) { return e == t && removed++ < most; });
      if (count < 0) std::reverse(elements.begin(), elements.end());
      On(key, {{}},
         [&](Database&) { EXPECT_EQ(lists.Remove(0, key, count, t), std::min(removed, most)); });
    } else if (what == 8) {
      const size_t start = below(std::min<size_t>(elements.size(), 3));
      const size_t count =
          below(20) == 0 ? 0 : elements.size() - start - below(2) * (elements.size() - start > 1);
      const auto from = static_cast<int64_t>(start);
      On(key, {{.first = from, .last = from + static_cast<int64_t>(count) - 1, .ends_only = true}},
         [&](Database&) { lists.Trim(0, key, start, count); });
      const auto first = elements.begin() + static_cast<std::ptrdiff_t>(start);
      elements = Elements(first, first + static_cast<std::ptrdiff_t>(count));
    } else {
      const ListEnd to = below(2) == 0 ? ListEnd::kHead : ListEnd::kTail;
      const std::string t = head ? elements.front() : elements.back();
      head ? elements.erase(elements.begin()) : elements.erase(elements.end() - 1);
      elements.insert(to == ListEnd::kHead ? elements.begin() : elements.end(), t);
      On(key, {EndPart(end, 2), EndPart(to, 1)}, [&](Database&) { lists.Rotate(0, key, end, to); });
    }
    if (elements.empty()) model->erase(key);
  }

  TestDatabase test_;
};

TEST_F(ListsInDatabaseTest, RandomVerbsMatchTheModelAcrossBothTiersAndReplay) {
  const uint64_t seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937_64 random(seed);
  Lists model;
  for (int i = 0; i < 6000; ++i) {
    Step(random, &model);
    if (HasFatalFailure()) return;
    if (random() % 3 == 0) test_.Tick();
    if (i % 97 == 0) test_.Spill();
    if (i % 410 == 0) test_.Checkpoint();
    if (i % 600 == 599) {
      test_.Tick();
      if (i % 1200 == 599) {
        test_.Kill();
      } else {
        ASSERT_TRUE(test_.db().Close().ok());
        test_.Kill();
      }
      Restart();
      ExpectAll(model, "after step " + std::to_string(i));
      if (HasFailure()) return;
    }
  }
  test_.Spill();
  ExpectAll(model, "at the end");
  EXPECT_GT(test_.db().GetStats().read_nodes, 0u);
}

TEST_F(ListsInDatabaseTest, AListMovedOntoItselfKeepsItsDeadlineAlsoInReplay) {
  const std::string_view only = "x";
  constexpr int64_t kDeadline = int64_t{1} << 45;
  On("k", [&](Database& d) {
    d.lists().Push(0, "k", ListEnd::kHead, {&only, 1});
    d.SetExpiry(0, "k", kDeadline);
  });
  On("k", [](Database& d) { d.lists().Rotate(0, "k", ListEnd::kHead, ListEnd::kTail); });
  test_.Tick();
  for (const bool replayed : {false, true}) {
    if (replayed) {
      test_.Kill();
      Restart();
    }
    On("k", [&](Database& d) {
      const Entry* entry = d.Find(0, "k");
      ASSERT_NE(entry, nullptr);
      EXPECT_EQ(entry->expiry_ms(), kDeadline) << (replayed ? "replayed" : "at once");
      EXPECT_EQ(ReadList(entry), Elements{"x"});
    });
  }
}

TEST_F(ListsInDatabaseTest, ReplacingCutsItsEffectsAndTakesTheOldValueAway) {
  Elements elements;
  for (int i = 0; i < 300; ++i) elements.push_back(std::to_string(i) + std::string(10'000, 'e'));
  const std::vector<std::string_view> views(elements.begin(), elements.end());
  On("k", [&](Database& d) {
    d.SetString(0, "k", "old", engine::ExpiryChange::kSet, int64_t{1} << 45);
    d.lists().Replace(0, "k", views);
  });
  test_.Tick();
  test_.Kill();
  Restart();
  On("k", [&](Database& d) {
    const Entry* entry = d.Find(0, "k");
    ASSERT_NE(entry, nullptr);
    EXPECT_EQ(ReadList(entry), elements);
    EXPECT_EQ(entry->expiry_ms(), engine::kNoExpiry);
    d.lists().Replace(0, "k", {});
    EXPECT_EQ(d.Find(0, "k"), nullptr);
  });
}

}  // namespace
}  // namespace thermocline::testing
