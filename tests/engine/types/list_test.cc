// Lists against a plain model, in both forms and under every kind of node limit; where nodes begin
// and end; what they cost; their payloads. That node boundaries are redis-server's is the
// differential test's business (DUMP is compared there byte for byte).
#include "engine/types/list.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <random>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "codec/rdb/collection_writer.h"
#include "codec/rdb/object.h"
#include "engine/hot/allocation.h"

namespace thermocline::engine {
namespace {

using Model = std::vector<std::string>;

// A list in an entry, as the hot tier keeps it.
class ListTest : public testing::Test {
 protected:
  ListTest() : entry_(Make()) {}
  ~ListTest() override { Entry::Free(entry_); }

  static Entry* Make() {
    return Entry::NewPacked("key", ValueType::kList, CollectionEncoding::kListpack, EmptyList(), 1);
  }
  ListEditor editor() { return {entry_, limits_}; }
  void Push(ListEnd end, std::string_view text) { editor().Push(end, {&text, 1}); }
  void Fill(int n) {
    for (int i = 0; i < n; ++i) Push(ListEnd::kTail, "element:" + std::to_string(i));
  }
  Model Contents() const { return Contents(entry_); }
  static Model Contents(const Entry* entry) {
    Model forward;
    const ListView list(entry);
    list.ForEach(0, list.size(), [&](const auto& value) { forward.push_back(value.ToString()); });
    Model backward;
    if (list.size() > 0) {
      for (ListCursor c = list.Seek(list.size() - 1); c.valid(); c.Previous()) {
        backward.push_back(c.value().ToString());
      }
    }
    std::reverse(backward.begin(), backward.end());
    EXPECT_EQ(forward, backward);
    return forward;
  }
  const List* object() const {
    return entry_->is_object() ? static_cast<const List*>(entry_->object()) : nullptr;
  }
  std::vector<size_t> NodeSizes() const {
    std::vector<size_t> sizes;
    for (size_t i = 0; i < object()->node_count(); ++i) sizes.push_back(object()->NodeSize(i));
    return sizes;
  }

  TypeLimits limits_;
  Entry* entry_;
};

TEST_F(ListTest, StaysPackedWhileOneNodeIsEnough) {
  limits_.list_max_listpack_size = 3;
  Fill(3);
  EXPECT_FALSE(entry_->is_object());
  Fill(1);
  ASSERT_TRUE(entry_->is_object());
  EXPECT_EQ(NodeSizes(), (std::vector<size_t>{3, 1}));
  editor().Pop(ListEnd::kTail, 3);
  EXPECT_TRUE(entry_->is_object()) << "it stays an object";
  EXPECT_EQ(Contents(), Model{"element:0"});
}

// Where redis-server 7.0.15 joins the halves of a node again; seen there by DUMP.
TEST_F(ListTest, HalvesOfASplitNodeAreJoinedUpToFourBytesBeyondTheLimit) {
  for (const auto& [length, joined] :
       {std::pair<size_t, bool>{7, true}, {8, true}, {11, true}, {12, false}}) {
    SCOPED_TRACE(length);
    Entry::Free(entry_);
    entry_ = Make();
    char text[12];
    for (int i = 0; i < 1022; ++i) {  // 8 bytes each: a node of 8183
      std::snprintf(text, sizeof text, "%06d", i);
      Push(ListEnd::kTail, text);
    }
    const auto place = ListView(entry_).Find(ElementMatcher("000500"), /*backward=*/false);
    ASSERT_TRUE(place.has_value());
    editor().Insert(*place, /*after=*/false, std::string(length, 'x'));
    const bool one = object() == nullptr || object()->node_count() == 1;
    EXPECT_EQ(one, joined);
    if (!one) {
      EXPECT_EQ(NodeSizes(), (std::vector<size_t>{501, 522}));
    }
  }
}

TEST_F(ListTest, NumbersAndTextReadAsTheyWereWritten) {
  const Model texts = {"0",
                       "-1",
                       "127",
                       "128",
                       "4096",
                       "-32769",
                       "2147483648",
                       "-9223372036854775808",
                       "9223372036854775808",
                       "01",
                       "+1",
                       "",
                       "-0",
                       std::string(63, 'x'),
                       std::string(64, 'y'),
                       std::string(5000, 'z')};
  std::vector<std::string_view> views(texts.begin(), texts.end());
  editor().Push(ListEnd::kTail, views);
  EXPECT_EQ(Contents(), texts);
  editor().Push(ListEnd::kHead, views);
  Model expected(texts.rbegin(), texts.rend());
  expected.insert(expected.end(), texts.begin(), texts.end());
  EXPECT_EQ(Contents(), expected);
}

TEST_F(ListTest, ALimitOfZeroElementsGivesEachItsNode) {
  limits_.list_max_listpack_size = 0;
  Fill(4);
  EXPECT_EQ(NodeSizes(), (std::vector<size_t>{1, 1, 1, 1}));
}

TEST_F(ListTest, ACountedNodeIsAlsoLimitedInBytes) {
  limits_.list_max_listpack_size = 1000;
  const std::string text(1000, 'x');
  for (int i = 0; i < 10; ++i) Push(ListEnd::kHead, text);
  EXPECT_EQ(NodeSizes(), (std::vector<size_t>{2, 8}));
}

TEST_F(ListTest, InsertionIntoAFullNodeSplitsItAndJoinsSmallNeighbours) {
  limits_.list_max_listpack_size = 4;
  Fill(12);
  ASSERT_EQ(NodeSizes(), (std::vector<size_t>{4, 4, 4}));
  const auto insert = [&](std::string_view pivot, bool after, std::string_view text) {
    const auto place = ListView(entry_).Find(ElementMatcher(pivot), false);
    ASSERT_TRUE(place);
    editor().Insert(*place, after, text);
  };
  insert("element:5", true, "a");  // 4,5 | a,6,7
  EXPECT_EQ(NodeSizes(), (std::vector<size_t>{4, 2, 3, 4}));
  insert("element:0", false, "b");  // before the head of a full head node: a node of its own
  EXPECT_EQ(NodeSizes(), (std::vector<size_t>{1, 4, 2, 3, 4}));
  insert("element:3", true, "c");  // behind the last of a full node: the next one takes it
  EXPECT_EQ(NodeSizes(), (std::vector<size_t>{1, 4, 3, 3, 4}));
  insert("element:1", false, "d");  // splits 0 | 1,2,3; the fresh node joins its neighbour
  EXPECT_EQ(Contents(), (Model{"b", "element:0", "d", "element:1", "element:2", "element:3", "c",
                               "element:4", "element:5", "a", "element:6", "element:7", "element:8",
                               "element:9", "element:10", "element:11"}));
  EXPECT_EQ(NodeSizes(), (std::vector<size_t>{3, 3, 3, 3, 4}));
}

TEST_F(ListTest, APlainNodeIsOneElement) {
  limits_.list_max_listpack_size = 2;
  std::string payload;
  codec::AppendRdbLength(&payload, 2);
  codec::AppendRdbPlainNode(&payload, "12", false);
  codec::AppendRdbPlainNode(&payload, "huge", false);
  Entry::Free(entry_);
  const auto decoded = DecodeList({.key = "key",
                                   .rdb_type = codec::kRdbListQuicklist2,
                                   .payload = payload,
                                   .lsn = 1,
                                   .limits = &limits_,
                                   .mode = DecodeMode::kRestore});
  ASSERT_TRUE(decoded.ok()) << decoded.status().ToString();
  entry_ = *decoded;
  EXPECT_EQ(Contents(), (Model{"12", "huge"}));
  EXPECT_EQ(ListView(entry_).Find(ElementMatcher("12"), false)->node, 0u);
  editor().Insert({0, 0}, /*after=*/true, "between");
  Push(ListEnd::kHead, "first");
  editor().Set(1, "small");  // takes the plain node away
  EXPECT_FALSE(object()->IsPlain(1));
  EXPECT_EQ(Contents(), (Model{"first", "small", "between", "huge"}));
  EXPECT_EQ(editor().Remove(ElementMatcher("huge"), {object()->node_count() - 1, 0}, 1, true), 1u);
  EXPECT_EQ(Contents(), (Model{"first", "small", "between"}));
}

TEST_F(ListTest, MemoryIsThatOfItsBlocksAndComesBack) {
  const size_t empty = entry_->MemoryBytes();
  Fill(100'000);
  const size_t payload = 100'000 * 15;
  EXPECT_LT(entry_->MemoryBytes(), payload * 5 / 4);
  editor().EraseRange(5, 99'990);
  EXPECT_EQ(editor().size(), 10u);
  EXPECT_LT(entry_->MemoryBytes(), empty + 2048) << "ring and nodes shrink";
}

TEST_F(ListTest, AQueueStaysSmall) {
  limits_.list_max_listpack_size = -1;
  size_t most = 0;
  for (int i = 0; i < 200'000; ++i) {
    Push(i % 2 == 0 ? ListEnd::kHead : ListEnd::kTail, "job:" + std::to_string(i));
    if (i >= 1000) editor().Pop(i % 4 < 2 ? ListEnd::kTail : ListEnd::kHead, 1);
    most = std::max(most, entry_->MemoryBytes());
  }
  EXPECT_EQ(editor().size(), 1000u);
  EXPECT_LT(most, 40'000u);
}

// Random operations, compared with a vector of strings after each.
class ListModelTest : public ListTest, public testing::WithParamInterface<int64_t> {};

TEST_P(ListModelTest, RandomOperationsMatchTheModel) {
  limits_.list_max_listpack_size = GetParam();
  const uint64_t seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937_64 random(seed);
  const auto below = [&](size_t n) { return n == 0 ? size_t{0} : random() % n; };
  const auto text = [&]() -> std::string {
    switch (below(10)) {
      case 0:
        return std::to_string(static_cast<int64_t>(random()));
      case 1:
        return std::string(below(3000), static_cast<char>('a' + below(3)));
      case 2:
        return std::string(below(300), 'q');
      default:
        return std::to_string(below(30));
    }
  };
  Model model;
  for (int step = 0; step < 6000; ++step) {
    const bool growing = step / 700 % 2 == 0;
    switch (growing ? below(8) : 3 + below(8)) {
      case 0:
      case 1: {
        Model texts(1 + below(4));
        for (std::string& t : texts) t = text();
        const ListEnd end = below(2) == 0 ? ListEnd::kHead : ListEnd::kTail;
        std::vector<std::string_view> views(texts.begin(), texts.end());
        editor().Push(end, views);
        for (const std::string& t : texts) {
          model.insert(end == ListEnd::kHead ? model.begin() : model.end(), t);
        }
        break;
      }
      case 2: {
        const std::string t = text();
        Push(ListEnd::kTail, t);
        model.push_back(t);
        break;
      }
      case 3: {
        if (model.empty()) break;
        const size_t i = below(model.size());
        const std::string t = text();
        editor().Set(i, t);
        model[i] = t;
        break;
      }
      case 4:
      case 5: {
        if (model.empty()) break;
        const std::string pivot = below(2) == 0 ? model[below(model.size())] : text();
        const std::string t = text();
        const bool after = below(2) == 0;
        const auto place = ListView(entry_).Find(ElementMatcher(pivot), false);
        const auto found = std::find(model.begin(), model.end(), pivot);
        ASSERT_EQ(place.has_value(), found != model.end());
        if (!place) break;
        editor().Insert(*place, after, t);
        model.insert(found + (after ? 1 : 0), t);
        break;
      }
      case 6: {
        const std::string t = text();
        const bool backward = below(2) == 0;
        const size_t count = below(3) == 0 ? SIZE_MAX : 1 + below(4);
        const ElementMatcher matches(t);
        const auto place = ListView(entry_).Find(matches, backward);
        size_t removed = 0;
        if (backward) std::reverse(model.begin(), model.end());
        for (auto it = model.begin(); it != model.end() && removed < count;) {
          if (*it != t) {
            ++it;
            continue;
          }
          it = model.erase(it);
          ++removed;
        }
        if (backward) std::reverse(model.begin(), model.end());
        ASSERT_EQ(place.has_value(), removed > 0);
        if (place) {
          ASSERT_EQ(editor().Remove(matches, *place, count, backward), removed);
        }
        break;
      }
      case 7:
      case 8: {
        if (model.empty()) break;
        const size_t count = 1 + below(std::min<size_t>(model.size(), 3));
        const ListEnd end = below(2) == 0 ? ListEnd::kHead : ListEnd::kTail;
        editor().Pop(end, count);
        const auto n = static_cast<std::ptrdiff_t>(count);
        end == ListEnd::kHead ? model.erase(model.begin(), model.begin() + n)
                              : model.erase(model.end() - n, model.end());
        break;
      }
      default: {
        const size_t start = below(model.size());
        const size_t count = below(model.size() - start + 1) / (below(20) == 0 ? 1 : 20);
        editor().EraseRange(start, count);
        const auto first = model.begin() + static_cast<std::ptrdiff_t>(start);
        model.erase(first, first + static_cast<std::ptrdiff_t>(count));
        break;
      }
    }
    ASSERT_EQ(Contents(), model) << "step " << step;
    if (!model.empty()) {
      const size_t i = below(model.size());
      ASSERT_EQ(ListView(entry_).Seek(i).value().ToString(), model[i]);
    }
    if (object() != nullptr) {
      for (size_t i = 0; i < object()->node_count(); ++i) ASSERT_GT(object()->NodeSize(i), 0u);
    }
    if (step % 100 == 0 && !model.empty()) {
      std::string payload;
      EncodeList(entry_, &payload, step % 200 == 0);
      const auto decoded = DecodeList({.key = "key",
                                       .rdb_type = codec::kRdbListQuicklist2,
                                       .payload = payload,
                                       .lsn = 1,
                                       .limits = &limits_,
                                       .mode = DecodeMode::kRestore});
      ASSERT_TRUE(decoded.ok()) << decoded.status().ToString();
      EXPECT_EQ(Contents(*decoded), model);
      EXPECT_EQ(ListView(*decoded).node_count(), ListView(entry_).node_count());
      Entry::Free(*decoded);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Limits, ListModelTest,
                         testing::Values(-1, -2, -5, 0, 1, 2, 5, 128, 40000));

TEST(NodeLimitTest, ReadsTheDirectiveAsRedisDoes) {
  const auto limit = [](int64_t value) {
    TypeLimits limits;
    limits.list_max_listpack_size = value;
    return NodeLimit(limits);
  };
  EXPECT_EQ(limit(-1).bytes_max(), 4096u);
  EXPECT_EQ(limit(-5).bytes_max(), 65536u);
  EXPECT_EQ(limit(-100).bytes_max(), 65536u);
  EXPECT_TRUE(limit(-2).AllowsInsert(8000, 100, 184));
  EXPECT_FALSE(limit(-2).AllowsInsert(8000, 100, 185));
  EXPECT_TRUE(limit(3).AllowsInsert(100, 2, 10));
  EXPECT_FALSE(limit(3).AllowsInsert(100, 3, 10));
  EXPECT_FALSE(limit(100'000).AllowsInsert(100, 32767, 1));
  EXPECT_FALSE(limit(3).AllowsInsert(8190, 2, 10));
  EXPECT_TRUE(limit(4).AllowsMerge(100, 2, 100, 2));
  EXPECT_FALSE(limit(4).AllowsMerge(100, 2, 100, 3));
  EXPECT_TRUE(limit(-1).AllowsMerge(4000, 2, 107, 2));
  EXPECT_FALSE(limit(-1).AllowsMerge(4000, 2, 108, 2));
}

// RESTORE takes a node whose trailer runs into the bytes before it, as Redis does (listpack_test
// has the bytes). Behind an element that is pushed those are others.
TEST_F(ListTest, ATrailerThatRunsIntoTheDataDoesNotOutliveTheDecoding) {
  std::string payload;
  codec::AppendRdbLength(&payload, 1);
  codec::AppendRdbPackedNode(&payload, {"\x09\0\0\0\x01\0\x80\x81\xff", 9}, false);
  const auto decoded = DecodeList({.key = "key",
                                   .rdb_type = codec::kRdbListQuicklist2,
                                   .payload = payload,
                                   .limits = &limits_,
                                   .mode = DecodeMode::kRestore});
  ASSERT_TRUE(decoded.ok()) << decoded.status().ToString();
  Entry::Free(entry_);
  entry_ = *decoded;
  EXPECT_EQ(Contents(), Model({""}));
  Push(ListEnd::kHead, "longer than before");
  EXPECT_EQ(Contents(), Model({"longer than before", ""})) << "from both ends";
}

}  // namespace
}  // namespace thermocline::engine
