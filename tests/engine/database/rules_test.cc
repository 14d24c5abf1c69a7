// The correctness rules of log, checkpoint and faults, each by its tag: every test here fails
// without its rule. Those of memory and time are in residency_rules_test.cc.

#include <gtest/gtest.h>

#include <map>

#include "tests/engine/database/rules_fixture.h"

namespace thermocline::testing {
namespace {

using codec::StatusCode;
using engine::Need;

// ---- [D1] ----

TEST_F(RulesTest, D1_AFrameIsSkippedWholeForAKeyThatHasSeenIt) {
  Set("a", "1");
  Set("b", "x");
  database_.Tick();
  ASSERT_TRUE(db().StartCheckpoint(nullptr).ok());
  // Behind C, and captured: both keys carry this frame's LSN in the cold tier.
  database_.Run({{0, "a", Need::kValue}, {0, "b", Need::kValue}}, [](auto& d) {
    d.IncrBy(0, "a", 5);
    d.Append(0, "b", "y");
    d.Append(0, "a", "0");
    d.Append(0, "b", "z");
  });
  LandCheckpoint();
  ASSERT_TRUE(KillAndOpen());
  EXPECT_GT(db().GetStats().replayed_frames, 0u);
  EXPECT_EQ(Contents(), "0:a=60@0\n0:b=xyz@0\n");
}

TEST_F(RulesTest, D1_AFrameIsTakenWholeByAKeyThatHasNotSeenIt) {
  Set("a", "1");
  Set("b", "x");
  database_.Spill();
  database_.Run({{0, "a", Need::kValue}, {0, "b", Need::kValue}, {0, "c", Need::kValue}},
                [](auto& d) {
                  d.IncrBy(0, "a", 5);
                  d.Append(0, "a", "0");
                  d.IncrBy(0, "a", 1);
                  d.Delete(0, "b");
                  d.SetString(0, "b", "new");
                  d.Append(0, "b", "er");
                  d.Append(0, "c", "1");
                  d.Append(0, "c", "2");
                });
  database_.Tick();
  ASSERT_TRUE(KillAndOpen());
  EXPECT_EQ(Contents(), "0:a=61@0\n0:b=newer@0\n0:c=12@0\n");
}

// The sweep has passed some keys of a frame when it runs: these are not captured with it, the
// others are.
TEST_F(RulesTest, D1_TheGuardIsAskedKeyByKey) {
  Keyspace model;
  for (int i = 0; i < 4000; ++i) {
    Set("filler" + std::to_string(i), "v");
    model[0]["filler" + std::to_string(i)] = {"v", 0};
    if (i % 500 == 0) database_.Tick();
  }
  std::vector<std::string> keys;
  std::vector<engine::KeyRequest> requests;
  for (int i = 0; i < 40; ++i) {
    keys.push_back("k" + std::to_string(i));
    Set(keys.back(), "0");
  }
  for (const std::string& key : keys) requests.push_back({0, key, Need::kValue});
  database_.Tick();
  ASSERT_TRUE(db().StartCheckpoint(nullptr).ok());
  db().EndTick();
  ASSERT_TRUE(db().GetStats().checkpoint_running);
  database_.Run(requests, [&](auto& d) {
    std::vector<std::string_view> pairs;
    for (const std::string& key : keys) {
      pairs.push_back(key);
      pairs.push_back("10");
    }
    d.SetMany(0, pairs);
    for (const std::string& key : keys) d.IncrBy(0, key, 5);
  });
  for (const std::string& key : keys) model[0][key] = {"15", 0};
  LandCheckpoint();
  const uint64_t dirty = db().GetStats().dirty_keys;
  EXPECT_GT(dirty, 0u);
  EXPECT_LT(dirty, keys.size());
  ASSERT_TRUE(KillAndOpen());
  EXPECT_EQ(Contents(), Describe(model));
}

// ---- [D2] ----

TEST_F(RulesTest, D2_ACapturedDeletionIsKnownToReplay) {
  Set("k", "v");
  database_.Spill();
  EXPECT_EQ(Value("k"), "v");  // resident: no tick inside what follows
  ASSERT_TRUE(db().StartCheckpoint(nullptr).ok());
  ExpireLate("k");  // on replay: must not look for a key that is gone
  Delete("k");
  LandCheckpoint();
  ASSERT_TRUE(KillAndOpen());
  EXPECT_GT(db().GetStats().replayed_frames, 0u);
  EXPECT_EQ(Contents(), "");
}

TEST_F(RulesTest, D2_ACapturedDeletionThenMadeAgainAndKilled) {
  Set("k", "old");
  database_.Spill();
  EXPECT_EQ(Value("k"), "old");  // resident: no tick inside what follows
  ASSERT_TRUE(db().StartCheckpoint(nullptr).ok());
  ExpireLate("k");
  Delete("k");
  LandCheckpoint();
  Append("k", "new");  // not captured
  database_.Tick();
  ASSERT_TRUE(KillAndOpen());
  EXPECT_EQ(Contents(), "0:k=new@0\n");
  // And once more over what recovery made of it.
  Append("k", "er");
  database_.Tick();
  ASSERT_TRUE(KillAndOpen());
  EXPECT_EQ(Contents(), "0:k=newer@0\n");
  database_.Spill();
  EXPECT_EQ(Contents(), "0:k=newer@0\n");
}

TEST_F(RulesTest, D2_ADeletionWhileACheckpointCollectsLeavesItsMark) {
  Set("k", "v");
  database_.Tick();
  ASSERT_TRUE(
      db().StartCheckpoint(nullptr).ok());  // C lies behind the SET: replay will not make the key
  ExpireLate("k");
  Delete("k");
  LandCheckpoint();
  ASSERT_TRUE(KillAndOpen());
  EXPECT_EQ(Contents(), "");
}

TEST_F(RulesTest, D2_GravesGoWithTheirCheckpoint) {
  Set("k", "v");
  database_.Spill();
  Delete("k");
  database_.Checkpoint();
  Set("other", "v");
  database_.Checkpoint();
  EXPECT_EQ(db().GetStats().tombstones, 0u);
  ASSERT_TRUE(KillAndOpen());
  EXPECT_EQ(db().GetStats().tombstones, 0u);
  EXPECT_EQ(Contents(), "0:other=v@0\n");
}

// ---- [D3] ----

TEST_F(RulesTest, D3_AFlushWhileACheckpointCollects) {
  Set("k", "v");
  Set("stays", "v", 1);
  database_.Tick();
  ASSERT_TRUE(db().StartCheckpoint(nullptr).ok());
  ExpireLate("k");
  Flush(0);  // nobody will capture k any more, so replay must not begin before this
  Set("k", "of the new id");
  LandCheckpoint();
  ASSERT_TRUE(KillAndOpen());
  EXPECT_EQ(Contents(), "0:k=of the new id@0\n1:stays=v@0\n");
}

// Keys of one cluster slot fill many segments of few dirty ranges: whatever the sweep had left of
// one when it began anew belongs to the checkpoint as well.
TEST_F(RulesTest, D3_AFlushWhileARangeIsHalfCollected) {
  Keyspace model;
  constexpr int kKeys = 8'000;
  for (const int slices : {1, 3, 4, 6}) {
    SCOPED_TRACE(slices);
    for (int i = 0; i < kKeys; ++i) {
      const std::string key = "{slot}" + std::to_string(i);
      const std::string value = std::to_string(slices);
      Set(key, value);
      model[0][key] = {value, 0};
    }
    Set("dropped", "v", 1);
    database_.Tick();
    ASSERT_TRUE(db().StartCheckpoint(nullptr).ok());
    for (int i = 0; i < slices; ++i) db().EndTick();
    ASSERT_GT(db().GetStats().dirty_keys, 0u);
    Flush(1);
    LandCheckpoint();
    EXPECT_EQ(db().GetStats().dirty_keys, 0u);
  }
  ASSERT_TRUE(KillAndOpen());
  EXPECT_EQ(Contents(), Describe(model));
}

TEST_F(RulesTest, D3_ReplayGivesTheSameIdsSoThatCapturedRecordsAreFound) {
  Keyspace model;
  Set("old", "v");
  Set("x", "y", 1);
  database_.Spill();
  database_.Run({}, [](auto& d) {
    d.SwapDb(0, 1);
    d.FlushDb(1);
    d.FlushAll();
    d.SwapDb(0, 2);
  });
  // More than the memtables hold: rows of the new ids are in files before the checkpoint is.
  for (int i = 0; i < 120; ++i) {
    const std::string key = "k" + std::to_string(i);
    const std::string value(60'000, static_cast<char>('a' + i % 26));
    Set(key, value, i % 3);
    model[i % 3][key] = {value, 0};
    if (i % 10 == 0) database_.Tick();
  }
  database_.Run({{0, "k0", Need::kHeader}}, [](auto& d) { d.Delete(0, "k0"); });
  model[0].erase("k0");
  database_.Tick();
  const uint64_t from = fs_->seq();
  database_.Checkpoint();
  const uint64_t to = fs_->seq();
  ASSERT_EQ(Contents(), Describe(model));
  int tried = 0, before_the_checkpoint = 0;
  for (uint64_t point = from; point < to; ++point) {
    if (fs_->Describe(point).find("sync /data/thermocline/cold/MANIFEST") == std::string::npos)
      continue;
    TestDatabase other(fs_->ImageAt(point + 1, 1, LossMode::kLoseAll));
    const codec::Status opened = other.Open();
    ASSERT_TRUE(opened.ok()) << opened.ToString();
    before_the_checkpoint +=
        other.db().GetStats().replayed_frames > 100 && other.db().GetStats().cold_records > 0;
    Keyspace found;
    other.Contents(&found);
    ASSERT_EQ(Describe(found), Describe(model)) << fs_->Describe(point);
    ++tried;
  }
  EXPECT_GT(tried, 1);
  EXPECT_GT(before_the_checkpoint, 0);
}

TEST_F(RulesTest, D3_TheMapIsThatOfTheCheckpointNotOfTheMoment) {
  Set("zero", "0", 0);
  Set("one", "1", 1);
  database_.Tick();
  ASSERT_TRUE(db().StartCheckpoint(nullptr).ok());
  database_.Run({}, [](auto& d) { d.SwapDb(0, 1); });  // behind C: replayed over the map as of C
  LandCheckpoint();
  ASSERT_TRUE(KillAndOpen());
  EXPECT_EQ(Contents(), "0:one=1@0\n1:zero=0@0\n");
  database_.Checkpoint();
  ASSERT_TRUE(KillAndOpen());
  EXPECT_EQ(Contents(), "0:one=1@0\n1:zero=0@0\n");
}

// ---- [D5] ----

TEST_F(RulesTest, D5_ALogThatEndsBeforeTheColdTierIsRefused) {
  Set("a", "1");
  database_.Tick();
  std::map<std::string, std::string> old_log;
  for (const std::string& path : fs_->Files()) {
    if (path.find("/log/") == std::string::npos) continue;
    ASSERT_TRUE(fs_->ReadAll(path, &old_log[path]));
  }
  Append("a", "2");
  database_.Spill();
  database_.Kill();
  for (const auto& [path, bytes] : old_log)
    ASSERT_TRUE(engine::WriteFileAtomically(fs_, path, bytes).ok());
  const codec::Status opened = database_.Open();
  EXPECT_EQ(opened.code(), StatusCode::kCorruption) << opened.ToString();
  EXPECT_NE(opened.ToString().find("the log ends at"), std::string::npos) << opened.ToString();
}

// ---- [D6] ----

TEST_F(RulesTest, D6_AChangeBetweenCaptureAndLandingKeepsTheKey) {
  Set("a", "1");
  database_.Tick();
  Nobody waiter;
  db().SpillAll(&waiter);
  db().EndTick();  // captures
  Append("a", "2");
  for (int i = 0; i < 20; ++i) database_.Tick();  // lands, and drops what may be dropped
  EXPECT_EQ(db().GetStats().resident_keys, 1u);
  EXPECT_EQ(Value("a"), "12");
  db().CancelWait(&waiter);
  database_.Spill();
  EXPECT_EQ(db().GetStats().resident_keys, 0u);
  EXPECT_EQ(Value("a"), "12");
  ASSERT_TRUE(KillAndOpen());
  EXPECT_EQ(Contents(), "0:a=12@0\n");
}

TEST_F(RulesTest, D6_NothingIsDroppedBeforeItsCaptureHasLanded) {
  db().mutable_options().maxmemory = 1 << 20;
  ASSERT_TRUE(db().ApplyOptions().ok());
  fs_->AddFault({.kinds = kFaultMutations, .path_part = "/cold/", .nth = 1, .from_then_on = true});
  Keyspace model;
  for (int i = 0; i < 200; ++i) {
    const std::string key = "k" + std::to_string(i);
    Set(key, std::string(8000, 'v'));
    model[0][key] = {std::string(8000, 'v'), 0};
  }
  // Memory is short and everything is captured; what does not fit into memtables cannot land.
  EXPECT_FALSE(database_.TryCheckpoint(50));
  for (int i = 0; i < 50; ++i) {
    database_.clock().AdvanceMs(20);
    database_.Tick();
  }
  EXPECT_NE(db().GetStats().cold_error, "");
  EXPECT_GT(db().GetStats().resident_keys, 0u);
  EXPECT_EQ(Contents(), Describe(model));
  fs_->ClearFaults();
  database_.Spill();
  EXPECT_EQ(db().GetStats().resident_keys, 0u);
  EXPECT_EQ(Contents(), Describe(model));
}

// The write-ahead rule holds back what the log has not made durable; memory runs short meanwhile.
TEST_F(RulesTest, D6_WhatWaitsForTheLogIsNotDroppedForMemory) {
  db().mutable_options().maxmemory = 1 << 20;
  db().mutable_options().fsync = engine::FsyncPolicy::kEverySec;
  ASSERT_TRUE(db().ApplyOptions().ok());
  Keyspace model;
  for (int i = 0; i < 100; ++i) {
    const std::string key = "k" + std::to_string(i);
    Set(key, std::string(8000, 'v'));
    model[0][key] = {std::string(8000, 'v'), 0};
  }
  fs_->AddFault({.kinds = kFaultSync, .path_part = "/log/", .nth = 1, .from_then_on = true});
  for (int i = 0; i < 50; ++i) {
    database_.clock().AdvanceMs(20);
    database_.Tick();
  }
  EXPECT_GT(db().GetStats().captured_keys, 50u);
  EXPECT_EQ(db().GetStats().resident_keys, 100u);
  EXPECT_EQ(db().GetStats().spilled_keys, 0u);
  fs_->ClearFaults();
  for (int i = 0; i < 50; ++i) {
    database_.clock().AdvanceMs(20);
    database_.Tick();
  }
  EXPECT_LT(db().GetStats().resident_keys, 100u);
  EXPECT_EQ(Contents(), Describe(model));
}

TEST_F(RulesTest, D6_WhatWasChangedSinceItsCaptureIsNotDroppedForMemory) {
  db().mutable_options().maxmemory = 1 << 20;
  ASSERT_TRUE(db().ApplyOptions().ok());
  Keyspace model;
  for (int i = 0; i < 100; ++i) {
    const std::string key = "k" + std::to_string(i);
    Set(key, std::string(4000, 'v'));
    model[0][key] = {std::string(4000, 'v'), 0};
  }
  database_.Checkpoint();  // all clean
  for (int round = 0; round < 5; ++round) {
    for (auto& [key, value] : model[0]) {
      Append(key, std::string(1000, 'w'));
      value.text += std::string(1000, 'w');
      database_.clock().AdvanceMs(5);
      if (round % 2 == 0) database_.Tick();
    }
  }
  EXPECT_EQ(Contents(), Describe(model));
  ASSERT_TRUE(KillAndOpen());
  EXPECT_EQ(Contents(), Describe(model));
}

// The record goes with the first deletion, which has been captured and not landed; the second one,
// of a key without a record, must not leave the table to a read of it.
TEST_F(RulesTest, D6_AKeyDeletedAgainStaysUntilItsOldRecordIsGone) {
  database_.reads_first = true;
  Set("a", "old");
  Set("b", "other");
  database_.Spill();
  ASSERT_TRUE(KillAndOpen());
  const engine::KeyRequest header[] = {{0, "a", Need::kHeader}};
  ASSERT_TRUE(db().PrepareNow(header).ok());  // no tick: the filter is not loaded yet
  Delete("a");
  ASSERT_TRUE(db().StartCheckpoint(nullptr).ok());
  db().EndTick();  // captures
  Set("a", "new");
  Delete("a");
  Nobody reader;
  const engine::KeyRequest value[] = {{0, "a", Need::kValue}};
  if (!db().Prepare(value, &reader)) {
    db().EndTick();  // the read is on its way
    db().Poll();     // is done, and the deletion lands
  }
  db().CancelWait(&reader);
  EXPECT_EQ(Value("a"), "(none)");
  EXPECT_EQ(db().Size(0), 1u);
  Set("a", "last");
  database_.Checkpoint();
  EXPECT_EQ(db().Size(0), 2u);
  ASSERT_TRUE(KillAndOpen());
  EXPECT_EQ(db().Size(0), 2u);
  EXPECT_EQ(Contents(), "0:a=last@0\n0:b=other@0\n");
}

// ---- [D7] ----

TEST_F(RulesTest, D7_AChangeVoidsTheFaultInFlight) {
  Set("a", "old");
  database_.Spill();
  Nobody reader;
  const engine::KeyRequest request[] = {{0, "a", Need::kValue}};
  ASSERT_FALSE(db().Prepare(request, &reader));
  db().EndTick();  // the read is on its way
  ASSERT_TRUE(db().PrepareNow(request).ok());
  db().BeginFrame();
  db().SetString(0, "a", "new");
  db().CommitFrame();
  database_.Tick();  // and comes back
  ASSERT_TRUE(db().Prepare(request, &reader));
  EXPECT_TRUE(db().TakeReadError(&reader).ok());
  EXPECT_EQ(Value("a"), "new");
  db().CancelWait(&reader);
}

TEST_F(RulesTest, D7_AChangeOfAHeaderVoidsTheFaultOfItsValue) {
  Set("a", std::string(1000, 'o'));
  database_.Spill();
  Nobody reader;
  const engine::KeyRequest value[] = {{0, "a", Need::kValue}};
  const engine::KeyRequest header[] = {{0, "a", Need::kHeader}};
  ASSERT_TRUE(db().PrepareNow(header).ok());
  ASSERT_FALSE(db().Prepare(value, &reader));
  db().EndTick();
  Set("a", "new");
  database_.Tick();
  while (!db().Prepare(value, &reader)) database_.Tick();
  EXPECT_EQ(Value("a"), "new");
  db().CancelWait(&reader);
}

TEST_F(RulesTest, D7_ADeletionAndAFlushVoidTheFaultInFlight) {
  Set("a", "old");
  Set("b", "old");
  database_.Spill();
  Nobody first, second;
  const engine::KeyRequest a[] = {{0, "a", Need::kValue}};
  const engine::KeyRequest b[] = {{0, "b", Need::kValue}};
  ASSERT_FALSE(db().Prepare(a, &first));
  ASSERT_FALSE(db().Prepare(b, &second));
  db().EndTick();
  ASSERT_TRUE(db().PrepareNow(a).ok());
  db().BeginFrame();
  EXPECT_TRUE(db().Delete(0, "a"));
  db().CommitFrame();
  database_.Tick();
  EXPECT_EQ(Value("a"), "(none)");
  EXPECT_EQ(db().Size(0), 1u);
  db().CancelWait(&first);
  db().CancelWait(&second);
  database_.Spill();
  ASSERT_FALSE(db().Prepare(b, &second));
  db().EndTick();
  Flush(0);
  database_.Tick();
  EXPECT_EQ(Value("b"), "(none)");
  EXPECT_EQ(db().Size(0), 0u);
  db().CancelWait(&second);
}

// A read that was done before the change of a header landed comes back after the key was dropped.
TEST_F(RulesTest, D7_ADropVoidsTheFaultInFlight) {
  database_.Kill();
  database_.maxmemory = 1 << 20;
  database_.reads_first = true;
  ASSERT_TRUE(database_.Open().ok());
  Set("a", std::string(1000, 'o'));
  database_.Spill();
  ExpireLate("a");  // the header alone is in memory
  ASSERT_TRUE(db().StartCheckpoint(nullptr).ok());
  db().EndTick();  // captures
  for (int i = 0; i < 100; ++i) Set("fill" + std::to_string(i), std::string(8000, 'f'));
  database_.clock().AdvanceMs(1000);
  Nobody reader;
  const engine::KeyRequest request[] = {{0, "a", Need::kValue}};
  ASSERT_FALSE(db().Prepare(request, &reader));
  db().EndTick();  // the read is on its way; memory is seen to be short
  const uint64_t spilled = db().GetStats().spilled_keys;
  db().Poll();  // reads, lands, drops
  ASSERT_GT(db().GetStats().spilled_keys, spilled);
  while (!db().Prepare(request, &reader)) database_.Tick();
  EXPECT_EQ(db().Find(0, "a")->expiry_ms(), kLate);
  EXPECT_EQ(db().Find(0, "a")->cold_expiry_ms(), kLate);
  db().CancelWait(&reader);
}

// A read that failed for one client must not look like an absent key to the next.
TEST_F(RulesTest, D7_AFailedFaultIsReadAgainForSomebodyElse) {
  Set("a", "cold");
  database_.Spill();
  ASSERT_TRUE(KillAndOpen());  // an empty block cache
  Nobody first, second;
  const engine::KeyRequest request[] = {{0, "a", Need::kValue}};
  fs_->AddFault(
      {.kinds = kFaultRead | kFaultOpen, .path_part = ".sst", .nth = 1, .from_then_on = true});
  ASSERT_FALSE(db().Prepare(request, &first));
  database_.Tick();
  database_.Tick();
  ASSERT_TRUE(db().Prepare(request, &first));  // it holds the failed fault and is about to be told
  fs_->ClearFaults();
  EXPECT_FALSE(db().Prepare(request, &second));
  database_.Tick();
  database_.Tick();
  ASSERT_TRUE(db().Prepare(request, &second));
  EXPECT_TRUE(db().TakeReadError(&second).ok());
  EXPECT_FALSE(db().TakeReadError(&first).ok());
  db().CancelWait(&first);
  EXPECT_EQ(Value("a"), "cold");
  EXPECT_EQ(db().Size(0), 1u);
  db().CancelWait(&second);
}

// ---- [D11] ----

TEST_F(RulesTest, D11_CountsAreExactAcrossBothTiersAndRestarts) {
  const auto expect = [&](uint64_t keys, uint64_t expires, const char* when) {
    database_.AwaitCounts();
    EXPECT_EQ(db().Size(0), keys) << when;
    EXPECT_EQ(db().DatabaseStats(0).expires, expires) << when;
  };
  for (int i = 0; i < 20; ++i) Set("k" + std::to_string(i), "v");
  for (int i = 0; i < 6; ++i) ExpireLate("k" + std::to_string(i));
  expect(20, 6, "hot");
  database_.Spill();
  expect(20, 6, "cold");
  Delete("k0");   // expiring
  Delete("k19");  // not
  Set("k1", "no deadline any more");
  ExpireLate("k18");
  Set("fresh", "v");
  expect(19, 5, "changed over cold records");
  Set("k19", "again");
  expect(20, 5, "made again over its tombstone");
  database_.Tick();
  ASSERT_TRUE(KillAndOpen());
  expect(20, 5, "replayed");
  database_.Spill();
  expect(20, 5, "captured");
  EXPECT_EQ(db().GetStats().cold_records, 20u);
  ASSERT_TRUE(KillAndOpen());
  expect(20, 5, "as stored");
  Delete("fresh");
  database_.Checkpoint();
  EXPECT_EQ(db().GetStats().cold_records, 19u);
  ASSERT_TRUE(KillAndOpen());
  expect(19, 5, "as stored after a deletion");
  Flush(0);
  expect(0, 0, "flushed");
  database_.Checkpoint();
  ASSERT_TRUE(KillAndOpen());
  expect(0, 0, "flushed and stored");
  EXPECT_EQ(Contents(), "");
}

// ---- [D13] ----

TEST(AppendOnlyNoTest, D13_ACleanStopKeepsAnUncleanOneDiscards) {
  auto fs = std::make_shared<JournalFs>();
  TestDatabase database(fs);
  database.SetAppendOnly(false);
  ASSERT_TRUE(database.Open().ok());
  const auto set = [&](const std::string& key) {
    database.Run({{0, key, Need::kHeader}}, [&](auto& d) { d.SetString(0, key, "v"); });
    database.Tick();
  };
  Keyspace found;
  set("clean");
  ASSERT_TRUE(database.db().Close().ok());
  database.Kill();
  ASSERT_TRUE(database.Open().ok());
  database.Contents(&found);
  EXPECT_EQ(Describe(found), "0:clean=v@0\n");

  set("lost");
  database.Spill();  // even what reached the cold tier: it may be half of something
  set("lost too");
  database.Kill();
  ASSERT_TRUE(database.Open().ok());
  database.Contents(&found);
  EXPECT_EQ(Describe(found), "");

  // Life goes on after it, and with a log again nothing is lost.
  set("second");
  ASSERT_TRUE(database.db().Close().ok());
  database.Kill();
  database.SetAppendOnly(true);
  ASSERT_TRUE(database.Open().ok());
  set("third");
  database.Kill();
  ASSERT_TRUE(database.Open().ok());
  database.Contents(&found);
  EXPECT_EQ(Describe(found), "0:second=v@0\n0:third=v@0\n");
}

}  // namespace
}  // namespace thermocline::testing
