// Paged lists in a whole database: what is read, what stays, what a capture leaves behind, and that
// one larger than memory is a list as any other. Random changes of them are in lists_test.cc,
// power cuts in power_cut_test.cc, whose workload has them too.
#include <gtest/gtest.h>
#include <rocksdb/db.h>
#include <rocksdb/env.h>

#include <memory>
#include <string>
#include <vector>

#include "engine/types/list.h"
#include "engine/types/list_effects.h"
#include "tests/engine/database/rules_fixture.h"

namespace thermocline::testing {
namespace {

using engine::Admission;
using engine::Database;
using engine::Entry;
using engine::KeyRequest;
using engine::ListEnd;
using engine::ListPart;
using engine::Need;

using Elements = std::vector<std::string>;

// Nodes of four elements; every list of two nodes is paged.
class PagedListTest : public RulesTest {
 protected:
  PagedListTest() { database_.paged_threshold = 1; }

  static std::string Text(int i) { return "element:" + std::to_string(i); }
  void Push(const std::string& key, int first, int count, ListEnd end = ListEnd::kTail) {
    Elements texts;
    for (int i = first; i < first + count; ++i) texts.push_back(Text(i));
    const std::vector<std::string_view> views(texts.begin(), texts.end());
    const ListPart part = end == ListEnd::kHead ? ListPart::Head(1) : ListPart::Tail(1);
    database_.Run({{0, key, Need::kValue, part}},
                  [&](Database& d) { d.lists().Push(0, key, end, views); });
  }
  void Pop(const std::string& key, ListEnd end, int count) {
    const ListPart part = end == ListEnd::kHead ? ListPart::Head(count) : ListPart::Tail(count);
    database_.Run({{0, key, Need::kValue, part}},
                  [&](Database& d) { d.lists().Pop(0, key, end, static_cast<size_t>(count)); });
  }
  void Trim(const std::string& key, int start, int count) {
    const ListPart part{.first = start, .last = start + count - 1, .ends_only = true};
    database_.Run({{0, key, Need::kValue, part}}, [&](Database& d) {
      d.lists().Trim(0, key, static_cast<size_t>(start), static_cast<size_t>(count));
    });
  }
  // The elements of a range, with no more in memory than that needs.
  Elements Range(const std::string& key, int start, int count) {
    Elements elements;
    const ListPart part{.first = start, .last = start + count - 1};
    database_.Run({{0, key, Need::kValue, part}}, [&](Database& d) {
      const Entry* entry = d.Find(0, key);
      if (entry == nullptr) return;
      engine::ListView(entry).ForEach(
          static_cast<size_t>(start), static_cast<size_t>(count),
          [&](const auto& value) { elements.push_back(value.ToString()); });
    });
    return elements;
  }
  Elements All(const std::string& key) {
    Elements elements;
    database_.Run({{0, key, Need::kValue}}, [&](Database& d) {
      const Entry* entry = d.Find(0, key);
      if (entry != nullptr) elements = ElementsOf(d, entry);
    });
    return elements;
  }
  size_t Length(const std::string& key) {
    size_t length = 0;
    database_.Run({{0, key, Need::kValue, ListPart::None()}}, [&](Database& d) {
      const Entry* entry = d.Find(0, key);
      length = entry == nullptr ? 0 : engine::ListView(entry).size();
    });
    return length;
  }
  static Elements Texts(int first, int count) {
    Elements texts;
    for (int i = first; i < first + count; ++i) texts.push_back(Text(i));
    return texts;
  }
  uint64_t ReadNodes() { return db().GetStats().read_nodes; }

  // Of `elements` in the whole cold tier, as a reader of its files finds them.
  size_t Rows() {
    database_.Checkpoint();
    const std::shared_ptr<JournalFs> image = fs_->ImageAt(fs_->seq(), 0, LossMode::kKeepAll);
    const std::unique_ptr<rocksdb::Env> env = rocksdb::NewCompositeEnv(image);
    rocksdb::Options options;
    options.env = env.get();
    const std::string dir = std::string(TestDatabase::kDir) + "/thermocline/cold";
    std::vector<std::string> names;
    EXPECT_TRUE(rocksdb::DB::ListColumnFamilies(options, dir, &names).ok());
    std::vector<rocksdb::ColumnFamilyDescriptor> families;
    for (const std::string& name : names) {
      rocksdb::ColumnFamilyOptions family;
      if (name == "elements") families.emplace_back(name, family);
      if (name == "default") families.emplace_back(name, family);
    }
    std::vector<rocksdb::ColumnFamilyHandle*> handles;
    rocksdb::DB* raw = nullptr;
    const rocksdb::Status opened =
        rocksdb::DB::OpenForReadOnly(options, dir, families, &handles, &raw);
    EXPECT_TRUE(opened.ok()) << opened.ToString();
    if (!opened.ok()) return SIZE_MAX;
    size_t rows = 0;
    for (size_t i = 0; i < families.size(); ++i) {
      if (families[i].name == "elements") {
        const std::unique_ptr<rocksdb::Iterator> it(
            raw->NewIterator(rocksdb::ReadOptions(), handles[i]));
        for (it->SeekToFirst(); it->Valid(); it->Next()) ++rows;
      }
    }
    for (rocksdb::ColumnFamilyHandle* handle : handles) raw->DestroyColumnFamilyHandle(handle);
    delete raw;
    return rows;
  }
};

TEST_F(PagedListTest, ACommandReadsTheNodesOfItsPart) {
  Push("k", 0, 400);
  database_.Spill();
  EXPECT_EQ(Length("k"), 400u);
  EXPECT_EQ(ReadNodes(), 0u);
  EXPECT_EQ(Range("k", 200, 3), Texts(200, 3));
  EXPECT_EQ(ReadNodes(), 1u);
  EXPECT_EQ(Range("k", 200, 8), Texts(200, 8));  // to the end of a node, and not into the next
  EXPECT_EQ(ReadNodes(), 2u);
  Push("k", 400, 1);
  EXPECT_EQ(ReadNodes(), 6u);  // the last, and three before it that may be wanted next
  Pop("k", ListEnd::kTail, 2);
  EXPECT_EQ(ReadNodes(), 6u);
  database_.Spill();
  Trim("k", 100, 200);
  EXPECT_EQ(ReadNodes(), 8u);
  EXPECT_EQ(All("k"), Texts(100, 200));
  ASSERT_TRUE(KillAndOpen());
  EXPECT_LE(ReadNodes(), 10u) << "replay needs no more than the commands did";
  EXPECT_EQ(All("k"), Texts(100, 200));
}

TEST_F(PagedListTest, InsideAFrameWhatIsMissingIsReadInTheCall) {
  Push("k", 0, 400);
  database_.Spill();
  EXPECT_EQ(Length("k"), 400u);
  const KeyRequest request{0, "k", Need::kValue, {.first = 100, .last = 103}};
  ASSERT_TRUE(db().PrepareNow({&request, 1}).ok());
  EXPECT_EQ(ReadNodes(), 1u);
  EXPECT_EQ(db().GetStats().synchronous_cold_reads, 1u);
  const KeyRequest cold{0, "other", Need::kValue, ListPart::Tail(1)};
  Push("other", 0, 40);
  database_.Spill();
  ASSERT_TRUE(db().PrepareNow({&cold, 1}).ok());
  EXPECT_EQ(ReadNodes(), 2u);
  EXPECT_EQ(db().GetStats().synchronous_cold_reads, 3u);  // the directory, and the node
}

// [D7], [R2]
TEST_F(PagedListTest, WhoWantsTheSameNodeJoinsItsRead) {
  Push("k", 0, 400);
  database_.Spill();
  EXPECT_EQ(Length("k"), 400u);
  Nobody one, two, three;
  const KeyRequest same[] = {{0, "k", Need::kValue, {.first = 200, .last = 203}}};
  const KeyRequest more[] = {{0, "k", Need::kValue, {.first = 200, .last = 207}}};
  EXPECT_FALSE(db().Prepare(same, &one));
  EXPECT_FALSE(db().Prepare(same, &two));
  EXPECT_FALSE(db().Prepare(more, &three));
  database_.Tick();
  database_.Tick();
  EXPECT_EQ(ReadNodes(), 2u);
  // They stay until all three are done, however short memory is.
  database_.Spill();
  EXPECT_TRUE(db().Prepare(same, &one));
  db().Release(&one);
  database_.Spill();
  EXPECT_TRUE(db().Prepare(same, &two));
  EXPECT_TRUE(db().Prepare(more, &three));
  db().Release(&two);
  db().Release(&three);
  database_.Spill();
  EXPECT_EQ(db().GetStats().resident_keys, 0u);
}

// [D7]
TEST_F(PagedListTest, AReadOfAListThatIsGoneBringsNothing) {
  Push("k", 0, 400);
  database_.Spill();
  EXPECT_EQ(Length("k"), 400u);
  Nobody waiter;
  const KeyRequest request[] = {{0, "k", Need::kValue, ListPart::Head(400)}};
  EXPECT_FALSE(db().Prepare(request, &waiter));
  Delete("k");
  Push("k", 1000, 40);
  database_.Tick();
  database_.Tick();
  EXPECT_EQ(ReadNodes(), 0u);
  EXPECT_TRUE(db().Prepare(request, &waiter));
  db().Release(&waiter);
  EXPECT_EQ(All("k"), Texts(1000, 40));
  database_.Spill();
  EXPECT_EQ(All("k"), Texts(1000, 40));
  // The same with one that is there again as it was before, but for one node.
  database_.Spill();
  EXPECT_EQ(Length("k"), 40u);
  EXPECT_FALSE(db().Prepare(request, &waiter));
  Flush(0);
  database_.Tick();
  EXPECT_TRUE(db().Prepare(request, &waiter));
  db().Release(&waiter);
  EXPECT_EQ(Length("k"), 0u);
}

TEST_F(PagedListTest, AnElementAloneInItsNodeIsMovedToItsOwnEnd) {
  Push("k", 0, 401);
  database_.Spill();
  database_.Run({{0, "k", Need::kValue, ListPart::Tail(2)}},
                [](Database& d) { d.lists().Rotate(0, "k", ListEnd::kTail, ListEnd::kTail); });
  EXPECT_EQ(All("k"), Texts(0, 401));
}

// Its row is gone by the time it is looked for: that is no damage.
TEST_F(PagedListTest, AReadOfANodeThatWasRemovedMeanwhileIsNoError) {
  database_.reads_first = false;
  ASSERT_TRUE(KillAndOpen());
  Push("k", 0, 400);
  database_.Spill();
  EXPECT_EQ(Range("k", 0, 1), Texts(0, 1));
  EXPECT_EQ(Range("k", 99, 1), Texts(99, 1));
  Nobody waiter;
  const KeyRequest request[] = {{0, "k", Need::kValue, {.first = 120, .last = 160}}};
  EXPECT_FALSE(db().Prepare(request, &waiter));
  ASSERT_TRUE(db().StartCheckpoint(nullptr).ok());
  Trim("k", 0, 100);  // without a tick: its ends are here
  for (int i = 0; i < 20; ++i) database_.Tick();
  const codec::Status error = db().TakeReadError(&waiter);
  EXPECT_TRUE(error.ok()) << error.ToString();
  EXPECT_TRUE(db().Prepare(request, &waiter));
  db().Release(&waiter);
  EXPECT_EQ(All("k"), Texts(0, 100));
}

// ---- what is left on disk ----

TEST_F(PagedListTest, RowsGoWithWhatTheyBelongTo) {
  EXPECT_EQ(Rows(), 0u);
  Push("k", 0, 400);
  EXPECT_EQ(Rows(), 100u);
  Pop("k", ListEnd::kHead, 200);
  Push("k", 400, 8);
  EXPECT_EQ(Rows(), 52u);

  Delete("k");
  EXPECT_EQ(Rows(), 0u);

  Push("k", 0, 40);
  EXPECT_EQ(Rows(), 10u);
  Set("k", "a string");
  EXPECT_EQ(Rows(), 0u);
  Delete("k");

  Push("k", 0, 40);
  database_.Spill();
  Set("k", "a string, over a cold list");
  EXPECT_EQ(Rows(), 0u);
  Delete("k");

  Push("k", 0, 40);
  database_.Spill();
  Delete("k");  // a cold one
  Push("k", 100, 20);
  EXPECT_EQ(Rows(), 5u);
  Delete("k");
  EXPECT_EQ(Rows(), 0u);

  // Renamed, over another.
  Push("a", 0, 40);
  Push("b", 0, 80);
  EXPECT_EQ(Rows(), 30u);
  database_.Spill();
  database_.Run({{0, "a", Need::kValue}, {0, "b", Need::kHeader}},
                [](Database& d) { d.MoveKey(0, "a", 0, "b"); });
  EXPECT_EQ(Rows(), 10u);
  EXPECT_EQ(All("b"), Texts(0, 40));
  database_.Run({{0, "b", Need::kValue}, {0, "c", Need::kHeader}},
                [](Database& d) { d.CopyKey(0, "b", 0, "c"); });
  EXPECT_EQ(Rows(), 20u);
  Pop("b", ListEnd::kTail, 38);
  database_.Spill();
  EXPECT_EQ(All("b"), Texts(0, 2));
  EXPECT_EQ(All("c"), Texts(0, 40));
  Delete("b");

  // The deadline's row says that there are some: nobody reads the record.
  database_.Run({{0, "c", Need::kHeader}},
                [&](Database& d) { d.SetExpiry(0, "c", database_.clock().WallMs() + 1000); });
  database_.Spill();
  for (int i = 0; i < 50; ++i) {
    database_.Tick();
    database_.clock().AdvanceMs(200);
  }
  EXPECT_EQ(db().Size(0), 0u);
  EXPECT_EQ(Rows(), 0u);

  Push("k", 0, 40);
  EXPECT_EQ(Rows(), 10u);
  Flush(0);
  database_.Checkpoint();
  EXPECT_EQ(Rows(), 0u);
}

TEST_F(PagedListTest, AHeaderWrittenAloneKeepsTheRows) {
  Push("k", 0, 400);
  database_.Spill();
  ExpireLate("k");
  EXPECT_EQ(db().GetStats().resident_keys, 1u);  // its header
  database_.Spill();
  EXPECT_EQ(Rows(), 100u);
  ASSERT_TRUE(KillAndOpen());
  EXPECT_EQ(All("k"), Texts(0, 400));
}

TEST_F(PagedListTest, ASmallOneIsAValueAgain) {
  database_.paged_threshold = 4000;
  ASSERT_TRUE(KillAndOpen());
  Push("k", 0, 400);
  EXPECT_EQ(Rows(), 100u);
  Pop("k", ListEnd::kTail, 392);
  EXPECT_EQ(Rows(), 0u);
  database_.Spill();
  EXPECT_EQ(All("k"), Texts(0, 8));
  Push("k", 8, 392);
  EXPECT_EQ(Rows(), 100u);
  database_.Spill();
  // While parts of it are not here, it cannot be written as a whole: it stays what it is.
  Trim("k", 0, 16);
  EXPECT_EQ(Rows(), 4u);
  EXPECT_EQ(All("k"), Texts(0, 16));
}

// Replay knows nothing of the list that a record replaced (LateBases).
TEST_F(PagedListTest, ARecordThatReplayReplacedWithoutReadingItTakesItsRowsAlong) {
  Push("k", 0, 400);
  database_.Spill();
  Set("k", "x");
  database_.Tick();
  ASSERT_TRUE(KillAndOpen());
  EXPECT_EQ(db().GetStats().unknown_bases, 1u);
  EXPECT_EQ(Value("k"), "x");
  database_.AwaitCounts();
  EXPECT_EQ(Rows(), 0u);
}

// ---- more than memory ----

// 32 MiB, of which the hot tier gets 8 at least.
class LongListTest : public PagedListTest {
 protected:
  static constexpr size_t kBytes = 1000;

  LongListTest() {
    database_.maxmemory = 32 << 20;
    database_.paged_threshold = 64 << 10;
    database_.type_limits.list_max_listpack_size = -2;
  }
  static std::string Job(int i) {
    std::string job = std::to_string(i);
    job.resize(kBytes, '.');
    return job;
  }
  // One command of ten elements. False: it waited for ever.
  bool Grow(const std::string& key, int first) {
    Nobody waiter;
    const KeyRequest request[] = {{0, key, Need::kValue, ListPart::Head(1)}};
    for (int ticks = 0; ticks < 500; ++ticks) {
      if (db().Prepare(request, &waiter) && db().AdmitGrowth(&waiter) == Admission::kRun) {
        Elements jobs;
        for (int i = first; i < first + 10; ++i) jobs.push_back(Job(i));
        const std::vector<std::string_view> views(jobs.begin(), jobs.end());
        db().BeginFrame();
        db().lists().Push(0, key, ListEnd::kHead, views);
        db().CommitFrame();
        db().Release(&waiter);
        return true;
      }
      db().CancelWait(&waiter);
      database_.Tick();
      database_.clock().AdvanceMs(10);
    }
    return false;
  }
};

TEST_F(LongListTest, AQueueOfThreeTimesTheBudgetStaysWithinIt) {
  constexpr int kJobs = 96'000;
  uint64_t most = 0;
  for (int i = 0; i < kJobs; i += 10) {
    ASSERT_TRUE(Grow("queue", i)) << i;
    if (i % 100 == 0) {
      database_.Tick();
      database_.clock().AdvanceMs(10);
      most = std::max(most, db().GetStats().value_bytes);
    }
    if (i % 1000 == 0) Set("other" + std::to_string(i % 7000), std::string(3000, 'o'));
  }
  EXPECT_LT(most, 24u << 20) << "of 96 MB";
  EXPECT_GT(db().GetStats().spilled_nodes, 8000u);
  EXPECT_EQ(db().GetStats().giant_bytes, 0u);
  database_.Tick();
  // Killed, it is replayed within memory, and all are there, in order.
  ASSERT_TRUE(KillAndOpen());
  EXPECT_EQ(Length("queue"), size_t{kJobs});
  for (int i = 0; i < kJobs; i += 100) {
    database_.Run({{0, "queue", Need::kValue, ListPart::Tail(100)}}, [&](Database& d) {
      const engine::ListView list(d.Find(0, "queue"));
      engine::ListCursor cursor = list.Seek(list.size() - 1);
      for (int k = i; k < i + 100; ++k, cursor.Previous()) {
        ASSERT_EQ(cursor.value().ToString(), Job(k));
      }
      d.lists().Pop(0, "queue", ListEnd::kTail, 100);
    });
    database_.Tick();
    database_.clock().AdvanceMs(10);
    ASSERT_LT(db().GetStats().value_bytes, 24u << 20);
  }
  EXPECT_EQ(Length("queue"), 0u);
  EXPECT_EQ(Rows(), 0u);
}

TEST_F(LongListTest, WhatNeedsMoreOfItThanTheMachineHasIsRefused) {
  database_.machine_memory = 48 << 20;
  ASSERT_TRUE(KillAndOpen());
  constexpr int kJobs = 60'000;
  for (int i = 0; i < kJobs; i += 10) ASSERT_TRUE(Grow("queue", i));
  Set("other", "value");
  database_.Checkpoint();
  Nobody waiter;
  const KeyRequest all[] = {{0, "other", Need::kValue}, {0, "queue", Need::kValue}};
  for (int i = 0; i < 2; ++i) {
    int ticks = 0;
    while (!db().Prepare(all, &waiter)) {
      database_.Tick();
      ASSERT_LT(++ticks, 100);
    }
    const codec::Status error = db().TakeReadError(&waiter);
    EXPECT_EQ(error.code(), codec::StatusCode::kNoSpace) << error.ToString();
    db().Release(&waiter);
  }
  EXPECT_EQ(db().PrepareNow(all).code(), codec::StatusCode::kNoSpace);
  EXPECT_LT(db().GetStats().value_bytes, 24u << 20);
  // The rest goes on, with that list and with others.
  EXPECT_EQ(Range("queue", 30'000, 10).size(), 10u);
  EXPECT_EQ(Length("queue"), size_t{kJobs});
  EXPECT_EQ(Value("other"), "value");
  Delete("queue");
  EXPECT_EQ(Rows(), 0u);
}

// [D10] Its capture fills memtables several times over: a flush in the middle of it must not show.
TEST_F(LongListTest, D10_APowerCutWhileAListIsWrittenLeavesAllOfItOrNothing) {
  constexpr int kJobs = 6000;
  for (int i = 0; i < kJobs; i += 10) ASSERT_TRUE(Grow("queue", i));
  database_.Tick();
  database_.Checkpoint();
  // Both ends of it, and what lies between.
  for (int i = kJobs; i < 2 * kJobs; i += 10) ASSERT_TRUE(Grow("queue", i));
  database_.Run({{0, "queue", Need::kValue, ListPart::Tail(2000)}},
                [](Database& d) { d.lists().Pop(0, "queue", ListEnd::kTail, 2000); });
  database_.Tick();
  const uint64_t begin = fs_->seq();
  database_.Checkpoint();
  const uint64_t end = fs_->seq();
  constexpr uint64_t kPoints = 25;
  for (uint64_t n = 0; n <= kPoints; ++n) {
    const uint64_t point = begin + (end - begin) * n / kPoints;
    SCOPED_TRACE("point " + std::to_string(point) + " of " + std::to_string(begin) + " to " +
                 std::to_string(end));
    TestDatabase restarted(fs_->ImageAt(point, n, LossMode::kRandom));
    restarted.maxmemory = database_.maxmemory;
    restarted.paged_threshold = database_.paged_threshold;
    restarted.type_limits = database_.type_limits;
    const codec::Status opened = restarted.Open();
    ASSERT_TRUE(opened.ok()) << opened.ToString();
    restarted.Run({{0, "queue", Need::kValue}}, [&](Database& d) {
      const Entry* entry = d.Find(0, "queue");
      ASSERT_NE(entry, nullptr);
      const engine::ListView list(entry);
      ASSERT_EQ(list.size(), size_t{2 * kJobs - 2000});
      int expected = 2 * kJobs;
      list.ForEach(0, list.size(),
                   [&](const auto& value) { ASSERT_EQ(value.ToString(), Job(--expected)); });
    });
    if (HasFailure()) return;
  }
}

}  // namespace
}  // namespace thermocline::testing
