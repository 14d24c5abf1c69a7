// Lists that leave memory node by node: against a model and a map of rows, as the cold tier keeps
// them; what a part needs, and what a stale or damaged read does.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <map>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "codec/cold_record.h"
#include "codec/rdb/collection_writer.h"
#include "engine/types/list.h"

namespace thermocline::engine {
namespace {

using Model = std::vector<std::string>;

constexpr size_t kAll = 1'000'000;

// A list of nodes of four elements in an entry, and the rows and the directory of its last capture.
class ListPagingTest : public testing::Test {
 protected:
  ListPagingTest()
      : entry_(Entry::NewPacked("key", ValueType::kList, CollectionEncoding::kListpack, EmptyList(),
                                1)) {
    limits_.list_max_listpack_size = 4;
  }
  ~ListPagingTest() override { Entry::Free(entry_); }

  List& list() { return *ListObject(entry_); }
  ListEditor editor() { return {entry_, limits_}; }
  void Push(ListEnd end, const std::string& text) {
    const std::string_view view = text;
    editor().Push(end, {&view, 1});
  }
  void Fill(int n) {
    for (int i = 0; i < n; ++i) Push(ListEnd::kTail, Text(i));
  }
  static std::string Text(int i) { return "element:" + std::to_string(i); }

  // As a landed capture. How many rows it wrote.
  size_t Save() {
    size_t written = 0;
    directory_.clear();
    list().Save(
        &directory_,
        [&](uint64_t id, std::string_view bytes) {
          rows_[id] = bytes;
          ++written;
        },
        [&](uint64_t id) {
          EXPECT_EQ(rows_.erase(id), 1u) << "row " << id << " was never written";
        });
    return written;
  }
  // As a spill of the whole list and its fault.
  void Reopen() {
    auto list = List::FromDirectory(directory_);
    ASSERT_TRUE(list.ok()) << list.status().ToString();
    entry_ = entry_->SetObject(ValueType::kList, std::move(*list));
  }
  std::vector<List::Absent> AbsentOf(const ListPart& part) {
    std::vector<List::Absent> absent;
    list().FindAbsent(part, &absent);
    return absent;
  }
  // A read of the node was started.
  void Ask(List::Absent* node) {
    node->ticket = ++ticket_;
    list().SetTicket(node->node, node->ticket);
  }
  // A value from outside bytes, as RESTORE has it.
  codec::StatusOr<Entry*> Restore(uint8_t rdb_type, std::string_view payload) {
    return DecodeList({.key = "key",
                       .rdb_type = rdb_type,
                       .payload = payload,
                       .lsn = 1,
                       .limits = &limits_,
                       .mode = DecodeMode::kRestore});
  }
  // Reads what the part needs, as Residency does. How many nodes these were.
  size_t Need(const ListPart& part) {
    std::vector<List::Absent> absent = AbsentOf(part);
    for (List::Absent& node : absent) {
      Ask(&node);
      const auto installed = list().InstallNode(node, rows_.at(node.id), /*pin=*/false);
      EXPECT_TRUE(installed.ok() && *installed);
    }
    return absent.size();
  }
  Model Contents() {
    Model elements;
    const ListView view(entry_);
    view.ForEach(0, view.size(), [&](const auto& value) { elements.push_back(value.ToString()); });
    return elements;
  }
  // What is counted twice, or not, adds up over many changes.
  void ExpectMemoryIsCounted() {
    size_t resident = 0;
    for (size_t i = 0; i < list().node_count(); ++i) {
      if (list().IsResident(i)) resident += list().NodeBytes(i).size();
    }
    EXPECT_GE(list().memory_bytes(), resident);
    EXPECT_LE(list().memory_bytes(), resident + (64 << 10));  // room, and rows to be erased
  }

  TypeLimits limits_;
  Entry* entry_;
  std::map<uint64_t, std::string> rows_;
  std::string directory_;
  uint64_t ticket_ = 0;
};

TEST_F(ListPagingTest, RandomChangesMatchTheModelWhateverIsInMemory) {
  const uint64_t seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937_64 random(seed);
  const auto below = [&](size_t n) { return static_cast<size_t>(random() % n); };
  Model model;
  for (int i = 0; i < 9; ++i) model.push_back(Text(i));
  Fill(9);
  size_t dropped = 0;
  for (int step = 0; step < 20'000; ++step) {
    const auto head = below(2) == 0;
    const ListEnd end = head ? ListEnd::kHead : ListEnd::kTail;
    switch (model.size() < 6 ? 0 : model.size() > 120 ? 2 : below(7)) {
      case 0:
      case 1: {
        const std::string text = Text(step);
        Need(head ? ListPart::Head(1) : ListPart::Tail(1));
        Push(end, text);
        model.insert(head ? model.begin() : model.end(), text);
        break;
      }
      case 2: {
        const size_t count = 1 + below(std::min<size_t>(model.size() - 1, 9));
        const auto n = static_cast<int64_t>(count);
        Need(head ? ListPart::Head(n) : ListPart::Tail(n));
        editor().Pop(end, count);
        head ? model.erase(model.begin(), model.begin() + n)
             : model.erase(model.end() - n, model.end());
        break;
      }
      case 3: {
        const size_t i = below(model.size());
        const auto index =
            static_cast<int64_t>(i) - (head ? static_cast<int64_t>(model.size()) : 0);
        Need({.first = index, .last = index, .and_next = true});
        model[i] = below(9) == 0 ? std::string(9000, 'x') : Text(step);
        editor().Set(i, model[i]);
        break;
      }
      case 4: {
        const size_t start = below(3);
        const size_t count = model.size() - start - below(3);
        Need({.first = static_cast<int64_t>(start),
              .last = static_cast<int64_t>(start + count) - 1,
              .ends_only = true});
        editor().Trim(start, count);
        model = Model(model.begin() + static_cast<ptrdiff_t>(start),
                      model.begin() + static_cast<ptrdiff_t>(start + count));
        break;
      }
      case 5: {
        Need({});
        const std::string pivot = model[below(model.size())];
        const auto place = ListView(entry_).Find(ElementMatcher(pivot), /*backward=*/false);
        ASSERT_TRUE(place.has_value());
        editor().Insert(*place, !head, Text(step));
        const auto at = std::find(model.begin(), model.end(), pivot);
        model.insert(at + (head ? 0 : 1), Text(step));
        break;
      }
      default: {
        const size_t from = below(model.size());
        const size_t count = std::min(model.size() - from, 1 + below(20));
        Need({.first = static_cast<int64_t>(from), .last = static_cast<int64_t>(from + count) - 1});
        Model read;
        ListView(entry_).ForEach(from, count, [&](const auto& v) { read.push_back(v.ToString()); });
        ASSERT_TRUE(
            std::equal(read.begin(), read.end(), model.begin() + static_cast<ptrdiff_t>(from)));
      }
    }
    if (below(5) == 0) Save();
    if (list().paged() && below(3) == 0) dropped += list().DropNodesUnused(1 + below(40));
    if (below(150) == 0) {
      Save();
      Reopen();
    }
    if (below(200) == 0) {
      Need({});
      ASSERT_EQ(Contents(), model) << "step " << step;
      ExpectMemoryIsCounted();
    }
    if (below(1000) == 0) {  // the value goes to another key
      Need({});
      list().ForgetRows();
      rows_.clear();
      Save();
      EXPECT_EQ(rows_.size(), list().node_count());
    }
    ASSERT_EQ(list().size(), model.size());
  }
  EXPECT_GT(dropped, 1000u);
  Need({});
  EXPECT_EQ(Contents(), model);
  Save();
  EXPECT_EQ(rows_.size(), list().node_count()) << "rows of nodes that are gone were left";
}

TEST_F(ListPagingTest, ACaptureWritesWhatChangedAlone) {
  Fill(400);
  EXPECT_EQ(Save(), 100u);
  EXPECT_EQ(Save(), 0u);
  Push(ListEnd::kTail, "x");
  EXPECT_EQ(Save(), 1u);
  editor().Pop(ListEnd::kHead, 6);  // a node, and a half of the next
  EXPECT_EQ(Save(), 1u);
  EXPECT_EQ(rows_.size(), 100u);
  // What only looks changes nothing.
  const ElementMatcher nothing("no such element");
  list().Remove(nothing, 0, 10, /*backward=*/false);
  EXPECT_EQ(Save(), 0u);
  editor().Set(200, "y");
  EXPECT_EQ(Save(), 1u);
}

TEST_F(ListPagingTest, PartsNeedTheirNodesAndNoMore) {
  Fill(400);  // 100 nodes
  Save();
  Reopen();
  const auto needs = [&](const ListPart& part) {
    std::vector<size_t> nodes;
    for (const List::Absent& node : AbsentOf(part)) nodes.push_back(node.node);
    return nodes;
  };
  using Nodes = std::vector<size_t>;
  EXPECT_EQ(needs(ListPart::None()), Nodes{});
  EXPECT_EQ(needs(ListPart::Head(1)), Nodes{0});
  EXPECT_EQ(needs(ListPart::Head(5)), (Nodes{0, 1}));
  EXPECT_EQ(needs(ListPart::Tail(1)), Nodes{99});
  EXPECT_EQ(needs(ListPart::Tail(5)), (Nodes{98, 99}));
  EXPECT_EQ(needs({}).size(), 100u);
  EXPECT_EQ(needs(ListPart::Head(INT64_MAX)).size(), 100u);
  EXPECT_EQ(needs(ListPart::Tail(INT64_MAX)).size(), 100u);
  EXPECT_EQ(needs({.first = 8, .last = 11}), Nodes{2});
  EXPECT_EQ(needs({.first = -400, .last = -399}), Nodes{0});
  EXPECT_EQ(needs({.first = -9000, .last = 0}), Nodes{0});
  EXPECT_EQ(needs({.first = 400, .last = 9000}), Nodes{});
  EXPECT_EQ(needs({.first = INT64_MIN, .last = INT64_MAX}).size(), 100u);
  EXPECT_EQ(needs({.first = INT64_MAX, .last = INT64_MIN}), Nodes{});
  EXPECT_EQ(needs({.first = 10, .last = 390, .ends_only = true}), (Nodes{2, 97}));
  EXPECT_EQ(needs({.first = 10, .last = 11, .ends_only = true}), Nodes{2});
  EXPECT_EQ(needs({.first = 10, .last = 10, .and_next = true}), (Nodes{2, 3}));
  EXPECT_EQ(needs({.first = -1, .last = -1, .and_next = true}), Nodes{99});
  const auto ahead = [&](const ListPart& part) {
    std::vector<List::Absent> absent;
    list().FindAhead(part, 3, &absent);
    Nodes nodes;
    for (const List::Absent& node : absent) nodes.push_back(node.node);
    return nodes;
  };
  EXPECT_EQ(ahead(ListPart::Head(1)), (Nodes{1, 2, 3}));
  EXPECT_EQ(ahead(ListPart::Tail(5)), (Nodes{97, 96, 95}));
  EXPECT_EQ(ahead({.first = 8, .last = 11}), Nodes{});
  EXPECT_EQ(ahead({}), Nodes{});
  EXPECT_EQ(ahead({.first = 0, .last = 399, .ends_only = true}), Nodes{});
}

TEST_F(ListPagingTest, WhatWasUsedStaysOnceAndTheEndsStay) {
  Fill(40);
  Save();
  Reopen();
  Need({});
  ListView(entry_).Seek(21);
  EXPECT_EQ(list().DropNodesUnused(kAll), 7u);
  EXPECT_TRUE(list().IsResident(0));
  EXPECT_TRUE(list().IsResident(5));
  EXPECT_TRUE(list().IsResident(9));
  EXPECT_EQ(list().resident_nodes(), 3u);
  EXPECT_EQ(list().DropNodesUnused(kAll), 1u);
  EXPECT_EQ(list().DropNodesUnused(kAll), 0u);
  EXPECT_EQ(list().resident_nodes(), 2u);
  // What was changed since the capture stays, whoever used it.
  Need({.first = 20, .last = 20, .and_next = true});
  editor().Set(20, "changed");
  for (int i = 0; i < 3; ++i) list().DropNodesUnused(kAll);
  EXPECT_TRUE(list().IsResident(5));
  Save();
  for (int i = 0; i < 3; ++i) list().DropNodesUnused(kAll);
  EXPECT_FALSE(list().IsResident(5));
  Need({});
  EXPECT_EQ(Contents()[20], "changed");
}

// [D7]
TEST_F(ListPagingTest, OnlyTheNewestReadBringsANode) {
  Fill(40);
  Save();
  Reopen();
  const std::vector<List::Absent> absent = AbsentOf({.first = 20, .last = 20});
  ASSERT_EQ(absent.size(), 1u);
  const std::string old_bytes = rows_.at(absent[0].id);
  List::Absent first = absent[0];
  Ask(&first);
  List::Absent second = absent[0];
  Ask(&second);
  EXPECT_FALSE(*list().InstallNode(first, old_bytes, /*pin=*/false));
  ASSERT_TRUE(*list().InstallNode(second, old_bytes, /*pin=*/false));
  editor().Set(20, "changed");
  Save();
  for (int i = 0; i < 3; ++i) list().DropNodesUnused(kAll);
  ASSERT_FALSE(list().IsResident(5));
  // Both are late now; so is one of the list that was there before.
  EXPECT_FALSE(*list().InstallNode(first, old_bytes, /*pin=*/false));
  EXPECT_FALSE(*list().InstallNode(second, old_bytes, /*pin=*/false));
  Reopen();
  EXPECT_FALSE(*list().InstallNode(second, old_bytes, /*pin=*/false));
  Need({});
  EXPECT_EQ(Contents()[20], "changed");
}

// [R2]
TEST_F(ListPagingTest, WhatIsPinnedStaysUntilItIsUnpinned) {
  Fill(40);
  Save();
  Reopen();
  std::vector<List::Absent> absent = AbsentOf({.first = 20, .last = 27});
  ASSERT_EQ(absent.size(), 2u);
  for (List::Absent& node : absent) {
    Ask(&node);
    ASSERT_TRUE(*list().InstallNode(node, rows_.at(node.id), /*pin=*/true));
  }
  for (int i = 0; i < 3; ++i) list().DropNodesUnused(kAll);
  EXPECT_EQ(list().resident_nodes(), 2u);
  Need(ListPart::Head(5));
  editor().Pop(ListEnd::kHead, 5);  // they are elsewhere now
  list().Unpin(absent[1]);
  for (int i = 0; i < 3; ++i) list().DropNodesUnused(kAll);
  Need(ListPart::Tail(1));
  EXPECT_TRUE(list().IsResident(4));
  EXPECT_FALSE(list().IsResident(5));
  // Under another key nobody knows of the pin.
  Need({});
  list().ForgetRows();
  rows_.clear();
  Save();
  for (int i = 0; i < 3; ++i) list().DropNodesUnused(kAll);
  EXPECT_FALSE(list().IsResident(4));
}

TEST_F(ListPagingTest, ANodeIsFoundWhereverItMoved) {
  Fill(40);
  Save();
  Reopen();
  List::Absent moved = AbsentOf({.first = 20, .last = 20})[0];
  Ask(&moved);
  Need(ListPart::Head(9));
  editor().Pop(ListEnd::kHead, 9);
  for (int i = 0; i < 90; ++i) Push(ListEnd::kHead, "new");
  ASSERT_TRUE(*list().InstallNode(moved, rows_.at(moved.id), /*pin=*/false));
  Need({});
  EXPECT_EQ(Contents()[90 + 11], Text(20));
  // And one that is gone is nobody's.
  Save();
  Reopen();
  List::Absent gone = AbsentOf({.first = 50, .last = 50})[0];
  Ask(&gone);
  const std::string bytes = rows_.at(gone.id);
  Need({.first = 100, .last = 110, .ends_only = true});
  editor().Trim(100, 11);
  EXPECT_FALSE(*list().InstallNode(gone, bytes, /*pin=*/false));
}

TEST_F(ListPagingTest, ARowThatIsNotWhatTheDirectorySaysIsRefused) {
  Fill(40);
  Save();
  Reopen();
  List::Absent head = AbsentOf(ListPart::Head(1))[0];
  Ask(&head);
  const std::string sound = rows_.at(head.id);
  std::string damaged = sound;
  damaged[damaged.size() - 2] ^= 1;  // the last element's length, as read backwards
  for (const std::string& bytes : {std::string(), sound.substr(1), sound + "x", damaged}) {
    EXPECT_EQ(list().InstallNode(head, bytes, /*pin=*/false).status().code(),
              codec::StatusCode::kCorruption);
    EXPECT_FALSE(list().IsResident(0));
  }
  EXPECT_TRUE(*list().InstallNode(head, sound, /*pin=*/false));
}

TEST_F(ListPagingTest, PlainNodesArePagedToo) {
  std::string dump;
  codec::AppendRdbLength(&dump, 2);
  codec::AppendRdbPlainNode(&dump, "plain", /*compress=*/false);
  codec::AppendRdbPlainNode(&dump, std::string(5000, 'p'), /*compress=*/false);
  const auto decoded = Restore(18, dump);
  ASSERT_TRUE(decoded.ok()) << decoded.status().ToString();
  Entry::Free(entry_);
  entry_ = *decoded;
  const Model before = Contents();
  Save();
  Reopen();
  EXPECT_EQ(list().resident_nodes(), 0u);
  EXPECT_EQ(Need({}), 2u);
  EXPECT_EQ(Contents(), before);
}

TEST_F(ListPagingTest, ADirectoryIsNoPayloadForRestore) {
  Fill(40);
  Save();
  EXPECT_FALSE(Restore(codec::kPagedList, directory_).ok());
}

using ListPagingDeathTest = ListPagingTest;

TEST_F(ListPagingDeathTest, WhatTouchesAnAbsentNodeDies) {
  Fill(40);
  Save();
  Reopen();
  EXPECT_DEATH(Contents(), "not in memory");
  EXPECT_DEATH(list().ForgetRows(), "absent nodes");
}

}  // namespace
}  // namespace thermocline::engine
