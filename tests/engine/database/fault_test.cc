// Failing and full disks: the n-th call of every kind fails, for every n of a short workload, once
// or from then on.
//
// What must hold: no crash; nothing that was acknowledged as durable is lost; while the log cannot
// be written WriteError() says so; when the disk is back the database goes on by itself (writes,
// checkpoint, DurableEnd), holds what the model holds, and still does after a kill.

#include <gtest/gtest.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>

#include "tests/engine/database/harness.h"

// RocksDB's flush thread sleeps a second after an error. Here are thousands of errors.
extern "C" int usleep(useconds_t us) {
  const timespec pause{0, static_cast<long>(std::min<useconds_t>(us, 1000)) * 1000};
  return nanosleep(&pause, nullptr);
}

namespace thermocline::testing {
namespace {

using engine::Admission;
using engine::Need;
using Outcome = TestDatabase::Outcome;

// One history under a fault; all checks are inside.
class FaultRun {
 public:
  FaultRun(engine::FsyncPolicy policy, uint64_t seed)
      : fs_(std::make_shared<JournalFs>()), database_(fs_, policy, seed), workload_(seed) {}

  JournalFs& fs() { return *fs_; }
  TestDatabase& database() { return database_; }
  Keyspace& model() { return model_; }

  // A database with hot, cold and header-only keys.
  void SetUp() {
    ASSERT_TRUE(database_.Open().ok());
    for (int i = 0; i < 25; ++i) {
      workload_.Step(&database_, &model_);
      database_.Tick();
    }
    database_.Spill();
    states_.push_back({0, Describe(model_)});
    fs_->ResetCallCounts();
    database_.ExpectFaults(true);
  }

  // The workload; faults end before its `clear_at`-th operation.
  void Work(int clear_at) {
    for (int i = 0; i < 60; ++i) {
      if (i == clear_at) fs_->ClearFaults();
      Operation();
      if (::testing::Test::HasFatalFailure()) return;
      if (i == 15 || i == 45) database_.TrySpill(20);
      if (i == 30) database_.TryCheckpoint(20);
      if (i % 7 == 6) database_.clock().AdvanceMs(60);
    }
  }

  void Operation() {
    Keyspace next = model_;
    workload_.Step(&database_, &next);
    if (database_.outcome() == Outcome::kRan) {
      model_ = std::move(next);
      states_.push_back({database_.db().LogEnd(), Describe(model_)});
    }
    database_.Tick();
    acknowledged_ = std::max(acknowledged_, database_.db().DurableEnd());
    ASSERT_LE(database_.db().DurableEnd(), database_.db().LogEnd());
  }

  // A kill now, and a start on what is on disk: a prefix with all that was acknowledged.
  void CheckKill() {
    TestDatabase other(fs_->ImageAt(fs_->seq(), 0, LossMode::kKeepAll),
                       engine::FsyncPolicy::kAlways, 99);
    const codec::Status opened = other.Open();
    ASSERT_TRUE(opened.ok()) << opened.ToString();
    Keyspace found;
    other.Contents(&found);
    const std::string text = Describe(found);
    for (size_t i = states_.size(); i-- > 0;) {
      if (states_[i].second == text) return;
      ASSERT_GT(states_[i].first, acknowledged_) << "lost, although acknowledged. Found:\n"
                                                 << text << "expected:\n"
                                                 << states_[i].second;
    }
    FAIL() << "no state of the past";
  }

  // The disk is well again: so must be the database, without a restart.
  void CheckRecovery() {
    fs_->ClearFaults();
    for (int i = 0; i < 200; ++i) {
      database_.clock().AdvanceMs(50);
      database_.Tick();
      if (database_.db().WriteError().ok() && database_.db().GetStats().cold_error.empty()) break;
    }
    ASSERT_TRUE(database_.db().WriteError().ok()) << database_.db().WriteError().ToString();
    ASSERT_EQ(database_.db().GetStats().cold_error, "");
    database_.ExpectFaults(false);
    for (int i = 0; i < 5; ++i) {
      workload_.Step(&database_, &model_);
      database_.Tick();
    }
    ASSERT_TRUE(database_.TryCheckpoint(2000)) << "a checkpoint does not end";
    ASSERT_TRUE(database_.TrySpill(2000)) << "a spill does not end";
    database_.clock().AdvanceMs(2000);
    database_.Tick();
    ASSERT_EQ(database_.db().DurableEnd(), database_.db().LogEnd());
    Keyspace found;
    database_.Contents(&found);
    if (::testing::Test::HasFatalFailure()) return;
    ASSERT_EQ(Describe(found), Describe(model_));
    database_.Kill();
    const codec::Status opened = database_.Open();
    ASSERT_TRUE(opened.ok()) << opened.ToString();
    database_.Contents(&found);
    if (::testing::Test::HasFatalFailure()) return;
    ASSERT_EQ(Describe(found), Describe(model_)) << "after a kill";
  }

 private:
  std::shared_ptr<JournalFs> fs_;
  TestDatabase database_;
  Workload workload_;
  Keyspace model_;
  std::vector<std::pair<engine::Lsn, std::string>> states_;  // with the log's end
  engine::Lsn acknowledged_ = 0;
};

struct Matrix {
  const char* name;
  uint32_t kinds;
  bool torn = false;
};

void FailEveryCall(const Matrix& matrix, engine::FsyncPolicy policy) {
  uint64_t calls = 0;
  {
    FaultRun run(policy, 5);
    run.SetUp();
    run.Work(60);
    calls = run.fs().CallCount(matrix.kinds);
    run.CheckRecovery();
  }
  ASSERT_GT(calls, 0u);
  for (uint64_t n = 1; n <= calls; n += FaultStep()) {
    for (const bool from_then_on : {false, true}) {
      SCOPED_TRACE(std::string(matrix.name) + " call " + std::to_string(n) + " of " +
                   std::to_string(calls) + (from_then_on ? " and all after it" : ""));
      FaultRun run(policy, 5);
      run.SetUp();
      run.fs().AddFault({.kinds = matrix.kinds,
                         .nth = n,
                         .from_then_on = from_then_on,
                         .error = n % 2 == 0 ? FaultError::kIoError : FaultError::kNoSpace,
                         .torn = matrix.torn});
      run.Work(from_then_on ? 52 : 60);
      if (::testing::Test::HasFatalFailure()) return;
      if (n % 5 == 0) run.CheckKill();
      if (::testing::Test::HasFatalFailure()) return;
      run.CheckRecovery();
      if (::testing::Test::HasFatalFailure()) return;
    }
  }
}

class FaultMatrixTest : public ::testing::TestWithParam<Matrix> {};
TEST_P(FaultMatrixTest, EveryCallMayFailAndTheDatabaseGoesOn) {
  FailEveryCall(GetParam(), engine::FsyncPolicy::kAlways);
}
INSTANTIATE_TEST_SUITE_P(Kinds, FaultMatrixTest,
                         ::testing::Values(Matrix{"write", kFaultWrite},
                                           Matrix{"torn", kFaultWrite, true},
                                           Matrix{"sync", kFaultSync},
                                           Matrix{"create", kFaultCreate},
                                           Matrix{"dirsync", kFaultDirSync},
                                           Matrix{"delete", kFaultDelete | kFaultCreate},
                                           Matrix{"open", kFaultOpen}, Matrix{"read", kFaultRead}),
                         [](const auto& info) { return std::string(info.param.name); });

// RocksDB renames and deletes for certain only when it makes a new MANIFEST: after an error of the
// old one.
TEST(FaultTest, ANewManifestMayFailToo) {
  for (uint64_t n = 1; n <= 4; ++n) {
    for (const uint32_t kind : {kFaultRename, kFaultDirSync, kFaultDelete}) {
      SCOPED_TRACE("call " + std::to_string(n));
      FaultRun run(engine::FsyncPolicy::kAlways, 6);
      run.SetUp();
      run.fs().AddFault({.kinds = kFaultSync, .path_part = "MANIFEST", .nth = n});
      for (uint64_t i = 1; i <= n; ++i)
        run.fs().AddFault({.kinds = kind, .path_part = "/cold", .nth = i});
      run.Work(60);
      if (::testing::Test::HasFatalFailure()) return;
      run.CheckKill();
      run.CheckRecovery();
      if (::testing::Test::HasFatalFailure()) return;
    }
  }
}

TEST(FaultTest, AFullDiskIsReportedRefusesWritesAndIsLeftBehindWhenThereIsRoom) {
  int log_full = 0, cold_full = 0;
  for (uint64_t room = 0; room <= 40'000; room += 1'000) {
    SCOPED_TRACE("room " + std::to_string(room));
    FaultRun run(engine::FsyncPolicy::kAlways, 7);
    run.SetUp();
    run.fs().SetQuota(run.fs().UsedBytes() + room);
    run.Work(60);
    if (::testing::Test::HasFatalFailure()) return;
    log_full += !run.database().db().WriteError().ok();
    cold_full += run.database().db().GetStats().cold_error.find("pace") != std::string::npos;
    run.fs().SetQuota(UINT64_MAX);
    run.CheckKill();
    run.CheckRecovery();
    if (::testing::Test::HasFatalFailure()) return;
  }
  EXPECT_GT(log_full + cold_full, 5);
  EXPECT_GT(cold_full, 0);
}

// What the operator sees while a disk fails: the log's error stops writes, the cold tier's stops
// truncation alone.
TEST(FaultTest, ErrorsAreReportedWhileTheyLastAndNotAfter) {
  FaultRun run(engine::FsyncPolicy::kAlways, 8);
  run.SetUp();
  engine::Database& db = run.database().db();
  run.fs().AddFault(
      {.kinds = kFaultMutations, .path_part = "/log/", .nth = 1, .from_then_on = true});
  for (int i = 0; i < 3 && db.WriteError().ok(); ++i) run.Operation();
  EXPECT_FALSE(db.WriteError().ok());
  EXPECT_FALSE(db.GetStats().log.healthy);
  EXPECT_NE(db.WriteError().ToString().find("/log/"), std::string::npos)
      << db.WriteError().ToString();
  run.CheckKill();
  run.CheckRecovery();
  if (::testing::Test::HasFatalFailure()) return;

  engine::Database& again = run.database().db();
  run.database().ExpectFaults(true);
  run.fs().AddFault(
      {.kinds = kFaultMutations, .path_part = "/cold/", .nth = 1, .from_then_on = true});
  run.Operation();
  const uint64_t checkpoints = again.GetStats().checkpoints;
  const uint64_t segments = again.GetStats().log.segments_live;
  EXPECT_FALSE(run.database().TryCheckpoint(30));
  EXPECT_NE(again.GetStats().cold_error.find("/cold"), std::string::npos);
  EXPECT_EQ(again.GetStats().checkpoints, checkpoints);
  EXPECT_GE(again.GetStats().log.segments_live, segments) << "truncated without a checkpoint";
  EXPECT_TRUE(again.WriteError().ok()) << "the log is well: hot writes go on";
  run.Operation();
  EXPECT_EQ(again.DurableEnd(), again.LogEnd());
  run.CheckKill();
  run.CheckRecovery();
}

TEST(FaultTest, AFailingColdReadIsReportedAndNeverLooksLikeAnAbsentKey) {
  FaultRun run(engine::FsyncPolicy::kAlways, 9);
  run.SetUp();
  const Keyspace before = run.model();
  // A restart: nothing resident, an empty block cache.
  run.database().ExpectFaults(false);
  run.database().Kill();
  ASSERT_TRUE(run.database().Open().ok());
  run.database().ExpectFaults(true);
  run.fs().AddFault(
      {.kinds = kFaultRead | kFaultOpen, .path_part = ".sst", .nth = 1, .from_then_on = true});
  int failed = 0;
  for (const auto& [db, keys] : before) {
    for (const auto& [key, value] : keys) {
      const int number = db;
      const std::string name = key;
      run.database().Run({{number, name, Need::kValue}},
                         [&](auto& d) { EXPECT_NE(d.Find(number, name), nullptr) << name; });
      failed += run.database().outcome() == Outcome::kReadFailed;
    }
  }
  EXPECT_GT(failed, 0);
  run.CheckRecovery();
}

TEST(FaultTest, EveryMutationMayFailUnderEverySec) {
  FailEveryCall({"mutation", kFaultMutations}, engine::FsyncPolicy::kEverySec);
}

}  // namespace
}  // namespace thermocline::testing
