// Sets against a std::set: the three forms, the conversions between them, the payload, random
// members.
#include "engine/types/set.h"

#include <gtest/gtest.h>

#include <map>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "codec/rdb/object.h"

namespace thermocline::engine {
namespace {

using Model = std::set<std::string>;

Model Contents(const SetView& view) {
  Model contents;
  view.ForEach([&](std::string_view member) {
    EXPECT_TRUE(contents.insert(std::string(member)).second) << member << " twice";
  });
  EXPECT_EQ(view.size(), contents.size());
  return contents;
}

codec::StatusOr<Entry*> Decode(uint8_t type, std::string_view payload, const TypeLimits& limits,
                               DecodeMode mode, uint8_t encoding_hint = 0) {
  return DecodeSet({.key = "key",
                    .rdb_type = type,
                    .payload = payload,
                    .encoding_hint = encoding_hint,
                    .lsn = 1,
                    .limits = &limits,
                    .mode = mode});
}

TEST(Set, BehavesAsASetInAllForms) {
  using Form = CollectionEncoding;
  for (uint64_t seed = 1; seed <= 40; ++seed) {
    std::mt19937_64 rng(seed);
    TypeLimits limits;
    limits.set_max_intset_entries = std::vector<uint64_t>{0, 5, 60, 512}[seed % 4];
    limits.set_max_listpack_entries = std::vector<uint64_t>{0, 3, 16, 100}[seed / 4 % 4];
    limits.set_max_listpack_value = 20;  // any number
    const auto fits = [&](const Model& set, const std::string& member) {
      return set.size() <= limits.set_max_listpack_entries && member.size() <= 20;
    };
    Entry* entry = Entry::NewPacked("key", SetEditor::kType, SetEditor::kEmptyEncoding,
                                    SetEditor::EmptyBytes(), 1);
    Model model;
    Form form = Form::kIntset;
    const uint64_t text_one_in = seed % 3 == 0 ? 200 : 1'000'000;
    for (int step = 0; step < 1500; ++step) {
      std::string member = std::to_string(static_cast<int64_t>(rng() % 150) - 20);
      if (rng() % 50 == 0) member = std::to_string(static_cast<int64_t>(rng()));
      if (rng() % text_one_in == 0)
        member =
            std::vector<std::string>{
                "", "007", "+1", "-0", "text", "one that is too long"}[rng() % 6] +
            (rng() % 4 == 0 ? "x" : "");
      SetEditor editor(entry, limits);
      if (rng() % 3 != 0) {
        const bool added = model.insert(member).second;
        EXPECT_EQ(editor.Add(member), added);
        int64_t number;
        const bool is_number = codec::ParseInt64(member, &number);
        if (form == Form::kIntset && !is_number) {
          form = fits(model, member) ? Form::kListpack : Form::kObject;
        } else if (form == Form::kIntset && added && model.size() > limits.set_max_intset_entries) {
          form = Form::kObject;
        } else if (form == Form::kListpack && added && !fits(model, member)) {
          form = Form::kObject;
        }
      } else {
        EXPECT_EQ(editor.Remove(member), model.erase(member) == 1);
      }
      ASSERT_EQ(entry->collection_encoding(), form) << "seed " << seed << " step " << step;
      const std::string other = std::to_string(rng() % 150);
      ASSERT_EQ(SetView(entry).Contains(other), model.count(other) == 1);
      if (step % 100 != 0 || model.empty()) continue;
      ASSERT_EQ(Contents(SetView(entry)), model);
      std::string payload;
      EncodeSet(entry, &payload, /*compress=*/true);
      for (const DecodeMode mode : {DecodeMode::kCold, DecodeMode::kRestore}) {
        const auto copy = Decode(RdbTypeOf(ValueType::kSet, entry->encoding()), payload, limits,
                                 mode, entry->encoding());
        ASSERT_TRUE(copy.ok()) << copy.status().ToString();
        EXPECT_EQ(Contents(SetView(*copy)), model);
        if (mode == DecodeMode::kCold) {
          EXPECT_EQ((*copy)->encoding(), entry->encoding());
        }
        Entry::Free(*copy);
      }
    }
    Entry::Free(entry);
  }
}

TEST(Set, ALargeSetTakesFewBytesAndGivesThemBack) {
  TypeLimits limits;
  SetBuilder set("key", limits);
  constexpr int kMembers = 100'000;
  for (int i = 0; i < kMembers; ++i) set.Add("member:" + std::to_string(i));
  EntryPtr entry = set.Take();
  const size_t full = entry->object()->memory_bytes();
  EXPECT_LT(full, size_t{kMembers} * 31) << "16 bytes a node, and its slot";
  Entry* raw = entry.release();
  for (int i = 1; i < kMembers; ++i) {
    ASSERT_TRUE(SetEditor(raw, limits).Remove("member:" + std::to_string(i)));
  }
  EXPECT_LT(raw->object()->memory_bytes(), 1000u);
  Entry::Free(raw);
}

TEST(Set, RandomMembersAreDrawnEvenly) {
  for (const int members : {60, 61, 600, 20'000}) {
    // An intset, a listpack, a small table, one of many segments.
    TypeLimits limits;
    limits.set_max_listpack_entries = 200;
    SetBuilder set("key", limits);
    if (members == 61) {
      set.Add("x");
      set.Remove("x");
    }
    for (int i = 0; i < members; ++i) set.Add(std::to_string(i));
    Random random(11);
    std::vector<int> buckets(50);
    constexpr int kDraws = 100'000;
    set.view().Draw(random, kDraws, [&](std::string_view member) {
      ++buckets[static_cast<size_t>(std::stoi(std::string(member))) % buckets.size()];
    });
    double chi = 0;
    for (size_t i = 0; i < buckets.size(); ++i) {
      const int in_bucket = (members - static_cast<int>(i) + 49) / 50;
      const double expected = double{kDraws} * in_bucket / members;
      chi += (buckets[i] - expected) * (buckets[i] - expected) / expected;
    }
    EXPECT_LT(chi, 100) << members << " members, 49 degrees of freedom";
    for (const size_t wanted : {size_t{1}, size_t{7}, static_cast<size_t>(members) / 2}) {
      Model drawn;
      set.view().Sample(random, wanted,
                        [&](std::string_view member) { drawn.insert(std::string(member)); });
      EXPECT_EQ(drawn.size(), wanted);
    }
  }
}

TEST(Set, PayloadsFromOutsideGetRedissEncodingOrAreRefused) {
  TypeLimits limits;
  limits.set_max_intset_entries = 3;
  const auto run = [](const std::vector<std::string>& members) {
    std::string payload;
    codec::AppendRdbLength(&payload, members.size());
    for (const std::string& member : members) codec::AppendRdbString(&payload, member, false);
    return payload;
  };
  const auto is_hashtable = [&](const std::string& payload) {
    const auto entry = Decode(codec::kRdbSet, payload, limits, DecodeMode::kRestore);
    EXPECT_TRUE(entry.ok()) << entry.status().ToString();
    if (!entry.ok()) return false;
    const bool intset = (*entry)->collection_encoding() == CollectionEncoding::kIntset;
    Entry::Free(*entry);
    return !intset;
  };
  EXPECT_FALSE(is_hashtable(run({"1", "2", "3"})));
  EXPECT_TRUE(is_hashtable(run({"1", "2", "3", "4"})));
  EXPECT_TRUE(is_hashtable(run({"1", "x"})));
  for (const std::string& bad : {run({}), run({"1", "1"}), run({"x", "x"}), run({"1"}).substr(0, 1),
                                 std::string("\x05", 1)}) {
    EXPECT_FALSE(Decode(codec::kRdbSet, bad, limits, DecodeMode::kRestore).ok());
  }
}

}  // namespace
}  // namespace thermocline::engine
