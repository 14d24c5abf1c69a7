// Replay goes on without the bases of keys that it writes whole; what it left open is found out
// afterwards, and commands run in between. And the other bound of a restart: who would make the
// replay longer than it may be waits for the checkpoint.

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/engine/database/rules_fixture.h"

namespace thermocline::testing {
namespace {

using engine::Admission;
using engine::Need;

class LateBasesTest : public RulesTest {
 protected:
  // 20 cold keys, the first ten with a deadline; then 12 are written whole, and it is killed.
  void SetUp() override {
    RulesTest::SetUp();
    for (int i = 0; i < 20; ++i) Set(Key(i), std::string(i % 2 == 0 ? 10 : 500, 'c'));
    for (int i = 0; i < 10; ++i) ExpireAt(Key(i), kSoon + i);
    database_.Spill();
    for (int i = 4; i < 16; ++i) Set(Key(i), "hot");
    Set("new", "hot");
    database_.Tick();
    ASSERT_TRUE(KillAndOpen());
  }
  static std::string Key(int i) { return "k" + std::to_string(i); }
  void ExpireAt(const std::string& key, int64_t at_ms) {
    database_.Run({{0, key, Need::kHeader}}, [&](auto& d) { d.SetExpiry(0, key, at_ms); });
  }
  void ExpectCounts(uint64_t keys, uint64_t expires) {
    database_.AwaitCounts();
    EXPECT_EQ(db().Size(0), keys);
    EXPECT_EQ(db().DatabaseStats(0).expires, expires);
  }
  int64_t kSoon = database_.clock().WallMs() + 100'000;
};

TEST_F(LateBasesTest, ReplayLeavesThemOpenAndTheCountsAreExactOnceTheyAreKnown) {
  // RocksDB's filters are not asked either: a key that is new may be cold as far as replay knows.
  EXPECT_EQ(db().GetStats().unknown_bases, 13u);
  EXPECT_EQ(Value(Key(4)), "hot");
  EXPECT_EQ(Value(Key(16)), std::string(10, 'c'));
  ExpectCounts(21, 4);
  EXPECT_EQ(db().GetStats().unknown_bases, 0u);
  database_.Spill();
  ExpectCounts(21, 4);
  EXPECT_EQ(db().GetStats().cold_records, 21u);
}

TEST_F(LateBasesTest, InsideATransactionTheCountsAreFoundOutAtOnce) {
  db().EndTick();  // some reads are under way
  ASSERT_GT(db().GetStats().unknown_bases, 0u);
  EXPECT_TRUE(db().CountsKnown(nullptr));
  EXPECT_EQ(db().Size(0), 21u);
  EXPECT_EQ(db().DatabaseStats(0).expires, 4u);
  for (int i = 0; i < 5; ++i) database_.Tick();  // what was under way comes back
  ExpectCounts(21, 4);
}

TEST_F(LateBasesTest, CommandsRunOverThemAndNothingComesBack) {
  Delete(Key(4));
  Delete("new");
  Delete(Key(5));
  Set(Key(5), "again");
  ExpireAt(Key(6), kLate);
  Append(Key(7), " tail");
  ASSERT_GT(db().GetStats().unknown_bases, 0u);
  const auto expect = [&](const char* when) {
    SCOPED_TRACE(when);
    ExpectCounts(19, 5);
    EXPECT_EQ(Value(Key(4)), "(none)");
    EXPECT_EQ(Value("new"), "(none)");
    EXPECT_EQ(Value(Key(5)), "again");
    EXPECT_EQ(Value(Key(7)), "hot tail");
  };
  expect("at once");
  database_.Tick();
  ASSERT_TRUE(KillAndOpen());
  expect("killed before anything was captured");
  database_.Spill();
  expect("captured");
  ASSERT_TRUE(KillAndOpen());
  expect("as stored");
}

TEST_F(LateBasesTest, TheDeadlineOfAReplacedColdCopyDoesNotFire) {
  database_.Spill();
  database_.clock().AdvanceMs(kSoon + 1000 - database_.clock().WallMs());
  for (int i = 0; i < 100; ++i) database_.Tick();
  ExpectCounts(17, 0);
  for (int i = 4; i < 10; ++i) EXPECT_EQ(Value(Key(i)), "hot") << i;
}

TEST_F(LateBasesTest, AFlushTakesThemAlong) {
  db().EndTick();
  Flush(0);
  Set("after", "v");
  ExpectCounts(1, 0);
  database_.Checkpoint();
  ASSERT_TRUE(KillAndOpen());
  EXPECT_EQ(Contents(), "0:after=v@0\n");
}

// Captures do not wait for the last base, and what changes while they follow the reads is right.
TEST_F(LateBasesTest, ASweepFollowsTheReads) {
  constexpr int kMany = 8000;
  const auto key = [](int i) { return "many" + std::to_string(i); };
  Keyspace model;
  database_.Contents(&model);
  const auto set = [&](int i, const std::string& value) {
    Set(key(i), value);
    model[0][key(i)] = {value, 0};
  };
  for (int i = 0; i < kMany; i += 2) set(i, "cold");
  database_.Spill();
  for (int i = 0; i < kMany; ++i) set(i, "replayed");
  database_.Tick();
  ASSERT_TRUE(KillAndOpen());
  const uint64_t unknown = db().GetStats().unknown_bases;
  const uint64_t checkpoints = db().GetStats().checkpoints;
  ASSERT_TRUE(db().StartCheckpoint(nullptr).ok());
  uint64_t captured_early = 0;
  for (int i = 0; db().GetStats().checkpoint_running && i < kMany; ++i) {
    database_.Tick();
    if (db().GetStats().unknown_bases > unknown / 4) captured_early = db().GetStats().captured_keys;
    set(i * 37 % kMany, "changed");
    const int gone = i * 41 % kMany;
    if (model[0].erase(key(gone)) != 0) Delete(key(gone));
  }
  EXPECT_GT(captured_early, unknown / 4);
  EXPECT_EQ(db().GetStats().checkpoints, checkpoints + 1);
  EXPECT_EQ(Contents(), Describe(model));
  ASSERT_TRUE(KillAndOpen());
  EXPECT_EQ(Contents(), Describe(model));
  database_.Spill();
  EXPECT_EQ(Contents(), Describe(model));
}

TEST_F(LateBasesTest, AReplayLargerThanTheBudgetFindsThemOutFirst) {
  for (int i = 0; i < 400; ++i) Set("large" + std::to_string(i), std::string(10'000, 'l'));
  database_.Tick();
  database_.maxmemory = 1 << 20;
  ASSERT_TRUE(KillAndOpen());
  ASSERT_GT(db().GetStats().checkpoints, 0u) << "it fitted";
  ExpectCounts(421, 4);
  database_.Spill();
  ExpectCounts(421, 4);
  EXPECT_EQ(db().GetStats().cold_records, 421u);
}

TEST_F(LateBasesTest, AReadThatFailsWhileMemoryIsShortFailsTheStart) {
  // Of so many blocks that one of the faults meets them, behind the reads that open the tables.
  constexpr int kMany = 3000;
  const auto write = [&] {
    for (int i = 0; i < kMany; ++i) Set("many" + std::to_string(i), std::string(100, 'v'));
  };
  database_.maxmemory = 64 << 20;
  ASSERT_TRUE(KillAndOpen());
  write();
  database_.Spill();
  bool met = false;
  for (uint64_t nth = 10; nth <= 400 && !met; nth += 15) {
    SCOPED_TRACE(nth);
    database_.maxmemory = 64 << 20;
    ASSERT_TRUE(KillAndOpen());
    write();
    for (int i = 0; i < 40; ++i) Set("large" + std::to_string(i), std::string(50'000, 'l'));
    database_.Tick();
    database_.Kill();
    database_.maxmemory = 1 << 20;
    fs_->AddFault({.kinds = kFaultRead, .path_part = ".sst", .nth = nth});
    const std::string opened = database_.Open().ToString();
    fs_->ClearFaults();
    met = opened.find("headers of keys") != std::string::npos;
    ASSERT_TRUE(KillAndOpen());
    ExpectCounts(61 + kMany, 4);
  }
  EXPECT_TRUE(met);
}

TEST_F(LateBasesTest, AFailingReadIsSaidAndRepeated) {
  fs_->AddFault(
      {.kinds = kFaultRead | kFaultOpen, .path_part = ".sst", .nth = 1, .from_then_on = true});
  Nobody waiter;
  ASSERT_FALSE(db().CountsKnown(&waiter));
  for (int i = 0; i < 10; ++i) database_.Tick();
  EXPECT_FALSE(db().TakeReadError(&waiter).ok());
  EXPECT_FALSE(db().GrowthError().ok());
  EXPECT_FALSE(db().GetStats().cold_error.empty());
  EXPECT_EQ(Value(Key(4)), "hot");
  EXPECT_FALSE(db().CountsKnown(nullptr));
  fs_->ClearFaults();
  database_.clock().AdvanceMs(1000);
  ExpectCounts(21, 4);
  EXPECT_TRUE(db().GrowthError().ok());
  database_.Spill();
  ExpectCounts(21, 4);
}

// ---- the length of the replay ----

// Waiting saves writing only what is changed again.
TEST_F(RulesTest, ACheckpointWaitsOnlyForKeysThatAreChangedAgain) {
  db().mutable_options().checkpoint_log_bytes = 4 << 20;
  const auto write_2_mb = [&](int keys) {
    const engine::Stats before = db().GetStats();
    for (int i = 0; i < 500; ++i) {
      Set("k" + std::to_string(i % keys), std::string(4000, 'v'));
      database_.Tick();
    }
    const engine::Stats after = db().GetStats();
    return after.checkpoints - before.checkpoints + after.checkpoint_running;
  };
  EXPECT_EQ(write_2_mb(100), 0u);
  database_.Checkpoint();
  EXPECT_GT(write_2_mb(500), 0u);
}

class Told : public engine::Waiter {
 public:
  void OnReady() override { told = true; }
  bool told = false;
};

// Writers stood still for seconds once, while a checkpoint took a million keys.
TEST_F(RulesTest, WhoWaitsForTheCheckpointGetsOnAsItDoes) {
  constexpr int kKeys = 2000;
  uint64_t written = 0;
  const auto write = [&](int key) {
    Set("k" + std::to_string(key % kKeys), std::string(1000, 'v'));
    written += 1000;
  };
  for (int i = 0; i < kKeys * 11; ++i) write(i);  // 22 MB, a third of the budget
  ASSERT_TRUE(db().StartCheckpoint(nullptr).ok());
  Told waiter;
  ASSERT_EQ(db().AdmitGrowth(&waiter), Admission::kParked);
  uint64_t captured = db().GetStats().captured_keys;
  for (int i = 0; i < 3 && !waiter.told; ++i) database_.Tick();
  ASSERT_TRUE(waiter.told);
  captured = db().GetStats().captured_keys - captured;
  ASSERT_LT(captured, uint64_t{kKeys}) << "the checkpoint has collected everything";
  written = 0;
  while (written < 20'000'000 && db().AdmitGrowth(&waiter) == Admission::kRun) write(0);
  // Half as much for each key as had made it dirty: eleven changes and their frames.
  EXPECT_GT(written, captured * 5'500);
  EXPECT_LT(written, captured * 6'000);
  db().CancelWait(&waiter);
  db().Release(&waiter);
}

// The replay is as long with much memory as with little: it once grew with maxmemory.
TEST_F(RulesTest, ALogOfNewKeysIsPacedLongBeforeMemoryIsShort) {
  db().mutable_options().checkpoint_log_bytes = 8 << 20;
  const auto admitted_after_4_mb = [&](int keys) {
    for (int i = 0; i < 4000; ++i) Set("k" + std::to_string(i % keys), std::string(1000, 'v'));
    EXPECT_TRUE(db().StartCheckpoint(nullptr).ok());
    Told waiter;
    const Admission admission = db().AdmitGrowth(&waiter);
    db().CancelWait(&waiter);
    db().Release(&waiter);
    database_.Checkpoint();
    return admission;
  };
  EXPECT_EQ(admitted_after_4_mb(2000), Admission::kRun);
  EXPECT_EQ(admitted_after_4_mb(4000), Admission::kParked);
}

TEST_F(RulesTest, WhoWouldMakeTheReplayTooLongWaitsForTheCheckpoint) {
  Told waiter;
  // Half the budget of 64 MB may be in the log; so much more fits in memory.
  const auto write = [&](int megabytes) {
    for (int i = 0; i < megabytes; ++i) Set("k" + std::to_string(i % 4), std::string(1 << 20, 'v'));
  };
  write(40);
  EXPECT_EQ(db().AdmitGrowth(&waiter), Admission::kRun) << "no checkpoint has begun";
  ASSERT_TRUE(db().StartCheckpoint(nullptr).ok());
  EXPECT_EQ(db().AdmitGrowth(&waiter), Admission::kParked);
  EXPECT_EQ(Value("k1").size(), size_t{1} << 20);
  Delete("k1");
  const uint64_t checkpoints = db().GetStats().checkpoints;
  for (int i = 0; i < 100 && !waiter.told; ++i) database_.Tick();
  ASSERT_TRUE(waiter.told);
  EXPECT_GT(db().GetStats().checkpoints, checkpoints);
  EXPECT_EQ(db().AdmitGrowth(&waiter), Admission::kRun);
  db().Release(&waiter);
}

}  // namespace
}  // namespace thermocline::testing
