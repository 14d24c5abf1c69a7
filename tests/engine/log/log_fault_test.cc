// Every n-th call fails: nothing acknowledged is lost, and the log goes on without a restart when
// the disk is back ([G4]).
#include <gtest/gtest.h>

#include "tests/engine/log/log_harness.h"

namespace thermocline::engine {
namespace {

using testing::FaultError;
using testing::FaultRule;
using testing::LossMode;

// Appends and commits; a failure stops the commits, not the appends (replies would be held).
void ShortWorkload(LogHarness* h) {
  for (int step = 0; step < 25; ++step) {
    h->AppendRandom();
    h->clock.AdvanceMs(300);
    static_cast<void>(h->log->Commit());
    h->Note();
    if (h->log->Healthy() && step % 8 == 7) h->Recycle(h->log->DurableEnd() + 1);
  }
}

void FailEveryCall(FsyncPolicy policy, FaultRule rule, const std::string& what) {
  LogHarness counted(77, policy);
  counted.fs->ResetCallCounts();
  counted.Open();
  ShortWorkload(&counted);
  const uint64_t calls = counted.fs->CallCount(rule.kinds);
  ASSERT_GT(calls, 20u);
  int failures = 0;
  for (uint64_t nth = 1; nth <= calls; ++nth) {
    SCOPED_TRACE(what + ", call " + std::to_string(nth));
    LogHarness h(77, policy);
    rule.nth = nth;
    h.fs->AddFault(rule);
    const Status opened = h.TryOpen();
    if (!opened.ok()) {
      // A start on a broken disk says so; on a whole one it works.
      h.fs->ClearFaults();
      h.Open();
    }
    ShortWorkload(&h);
    const bool failed = !h.log->Healthy();
    failures += failed;
    if (failed) {
      ASSERT_FALSE(h.log->LastError().ok());
      ASSERT_EQ(h.log->WrittenEnd(), h.log->DurableEnd());
      // What was acknowledged survives even a power cut in this state.
      uint64_t end = 0;
      ASSERT_TRUE(LogHarness::CheckImage(h.fs->ImageAt(h.fs->seq(), nth, LossMode::kBySeed),
                                         h.frames, h.floor, h.log->DurableEnd(), &end));
      h.fs->ClearFaults();
      ASSERT_TRUE(h.log->TryResume().ok()) << h.log->LastError().ToString();
      ASSERT_TRUE(h.log->LastError().ok());
      ASSERT_EQ(h.log->DurableEnd(), h.log->EndOffset()) << "kept frames go first, and are synced";
    }
    h.fs->ClearFaults();
    h.AppendRandom();
    ASSERT_TRUE(h.log->SyncNow().ok());
    uint64_t end = 0;
    ASSERT_TRUE(LogHarness::CheckImage(h.fs->ImageAt(h.fs->seq(), nth, LossMode::kLoseAll),
                                       h.frames, h.floor, h.log->EndOffset(), &end));
  }
  ASSERT_GT(failures, 0);
}

class EveryCall : public ::testing::TestWithParam<FsyncPolicy> {};

TEST_P(EveryCall, FailsOnceWithEio) { FailEveryCall(GetParam(), {.torn = true}, "EIO once"); }

TEST_P(EveryCall, FailsForGoodWithEio) {
  FailEveryCall(GetParam(), {.from_then_on = true}, "EIO for good");
}

TEST_P(EveryCall, FindsTheDiskFull) {
  FailEveryCall(GetParam(),
                {.kinds = testing::kFaultWrite | testing::kFaultCreate,
                 .from_then_on = true,
                 .error = FaultError::kNoSpace,
                 .torn = true},
                "disk full");
}

INSTANTIATE_TEST_SUITE_P(Policies, EveryCall,
                         ::testing::Values(FsyncPolicy::kAlways, FsyncPolicy::kEverySec,
                                           FsyncPolicy::kNo));

TEST(LogFault, ResumeThatFailsAtAnyCallCanBeTriedAgain) {
  for (uint64_t nth = 1; nth <= 12; ++nth) {
    for (const bool sync : {false, true}) {
      LogHarness h(nth, FsyncPolicy::kAlways);
      h.Open();
      h.Run(10, false);
      h.fs->AddFault(
          {.kinds = testing::kFaultSync | testing::kFaultWrite, .path_part = "segment-"});
      h.AppendRandom();
      h.AppendRandom();
      ASSERT_FALSE(h.log->Commit().ok());
      h.Note();
      h.fs->ClearFaults();
      h.fs->AddFault(
          {.kinds = sync ? uint32_t{testing::kFaultSync} : uint32_t{testing::kFaultWrite},
           .nth = 1 + nth % 4,
           .torn = true});
      const uint64_t durable_end = h.log->DurableEnd();
      const Status first = h.log->TryResume();
      uint64_t end = 0;
      ASSERT_TRUE(LogHarness::CheckImage(h.fs->ImageAt(h.fs->seq(), nth, LossMode::kBySeed),
                                         h.frames, h.floor, h.log->DurableEnd(), &end));
      if (!first.ok()) {
        ASSERT_EQ(h.log->DurableEnd(), durable_end);
        h.fs->ClearFaults();
        ASSERT_TRUE(h.log->TryResume().ok());
      }
      h.fs->ClearFaults();
      h.Run(5, false);
      ASSERT_TRUE(h.log->SyncNow().ok());
      ASSERT_TRUE(LogHarness::CheckImage(h.fs->ImageAt(h.fs->seq(), nth, LossMode::kLoseAll),
                                         h.frames, h.floor, h.log->EndOffset(), &end));
    }
  }
}

TEST(LogFault, ASegmentIsNeverWrittenAgainAfterAFailedSync) {
  LogHarness h(3, FsyncPolicy::kAlways);
  h.Open();
  h.Append(RespCommand({"SET", "a", "1"}));
  ASSERT_TRUE(h.log->Commit().ok());
  h.fs->AddFault({.kinds = testing::kFaultSync});
  h.Append(RespCommand({"SET", "b", "2"}));
  ASSERT_FALSE(h.log->Commit().ok());
  std::vector<std::string> before = h.fs->Files();
  const uint64_t failed_at = h.fs->seq();
  ASSERT_TRUE(h.log->TryResume().ok());
  h.Append(RespCommand({"SET", "c", "3"}));
  ASSERT_TRUE(h.log->Commit().ok());
  for (uint64_t i = failed_at; i < h.fs->seq(); ++i) {
    EXPECT_EQ(h.fs->Describe(i).find("write /data/log/segment-00000001.log"), std::string::npos);
  }
}

TEST(LogFault, ASegmentThatFailedIsDeletedInsteadOfRecycled) {
  LogHarness h(3, FsyncPolicy::kAlways);
  h.Open();
  h.Append(RespCommand({"SET", "a", "1"}));
  ASSERT_TRUE(h.log->Commit().ok());
  h.fs->AddFault({.kinds = testing::kFaultSync});
  h.Append(RespCommand({"SET", "b", "2"}));
  ASSERT_FALSE(h.log->Commit().ok());
  ASSERT_TRUE(h.log->TryResume().ok());
  h.Append(RespCommand({"SET", "c", "3"}));
  ASSERT_TRUE(h.log->Commit().ok());
  const std::string failed = std::string(LogHarness::kDir) + "/segment-00000001.log";
  ASSERT_TRUE(*FileExists(h.fs, failed)) << "its durable part is still needed";
  h.Recycle(h.log->NextLsn());
  EXPECT_FALSE(*FileExists(h.fs, failed));
}

TEST(LogFault, AProcessKilledWhileItResumesStillFindsWhatWasWritten) {
  // everysec acknowledges what is written. When a sync fails those frames are in the page cache,
  // and a process that dies while moving them must leave them in the old segment or in the new one.
  for (uint64_t seed = 0; seed < 10; ++seed) {
    LogHarness h(seed, FsyncPolicy::kEverySec);
    h.Open();
    h.AppendRandom();
    ASSERT_TRUE(h.log->SyncNow().ok());
    for (int i = 0; i < 8; ++i) h.AppendRandom();
    ASSERT_TRUE(h.log->Commit().ok());
    const uint64_t written_end = h.log->WrittenEnd();
    h.fs->AddFault({.kinds = testing::kFaultSync});
    if (h.log->SyncNow().ok()) continue;
    const uint64_t failed_at = h.fs->seq();
    h.fs->ClearFaults();
    ASSERT_TRUE(h.log->TryResume().ok());
    for (uint64_t point = failed_at; point <= h.fs->seq(); ++point) {
      uint64_t end = 0;
      ASSERT_TRUE(LogHarness::CheckImage(h.fs->ImageAt(point, seed, LossMode::kKeepAll), h.frames,
                                         1, written_end, &end))
          << "killed before " << h.fs->Describe(point);
    }
  }
}

TEST(LogFault, FailedFramesAreHeldInOrderAndAppendStillCounts) {
  LogHarness h(4, FsyncPolicy::kAlways);
  h.Open();
  h.fs->AddFault({.kinds = testing::kFaultWrite, .from_then_on = true});
  std::vector<Lsn> lsns;
  for (int i = 0; i < 1000; ++i) {
    lsns.push_back(h.log->NextLsn());
    h.AppendRandom();
    EXPECT_FALSE(h.log->Commit().ok());
  }
  EXPECT_EQ(h.log->DurableEnd(), 0u);
  EXPECT_FALSE(h.log->Healthy());
  EXPECT_GT(h.log->stats().pending_bytes, h.log->EndOffset());
  h.fs->ClearFaults();
  ASSERT_TRUE(h.log->TryResume().ok());
  EXPECT_EQ(h.log->DurableEnd(), h.log->EndOffset());
  h.Run(5, false);
  ASSERT_TRUE(h.log->SyncNow().ok());
  uint64_t end = 0;
  EXPECT_TRUE(LogHarness::CheckImage(h.fs->ImageAt(h.fs->seq(), 1, LossMode::kLoseAll), h.frames, 1,
                                     h.log->EndOffset(), &end));
}

TEST(LogFault, SparesKeepAFullDiskFromStoppingTheLog) {
  LogHarness h(5, FsyncPolicy::kAlways);
  h.Open();
  h.Append(RespCommand({"SET", "a", "1"}));
  ASSERT_TRUE(h.log->Commit().ok());
  ASSERT_FALSE(h.log->BelowLowWater());
  h.fs->SetQuota(h.fs->UsedBytes());
  // Two spares of 4 KiB: some dozens of small frames still fit.
  const std::string payload = RespCommand({"DEL", std::string(100, 'k')});
  const uint64_t fits = 2 * 4096 / (payload.size() + codec::kFrameHeaderSize) - 2;
  for (uint64_t i = 0; i < fits; ++i) {
    h.Append(payload);
    ASSERT_TRUE(h.log->Commit().ok()) << i;
  }
  EXPECT_TRUE(h.log->BelowLowWater()) << "the reserve is being used up";
  // Room is made by a checkpoint alone: its segments are the next spares.
  h.Recycle(h.log->NextLsn());
  h.clock.AdvanceMs(200);
  for (uint64_t i = 0; i < 10 * fits; ++i) {
    h.Append(payload);
    ASSERT_TRUE(h.log->Commit().ok()) << i;
    h.Recycle(h.log->NextLsn());
  }
  h.fs->SetQuota(UINT64_MAX);
  h.clock.AdvanceMs(200);
  EXPECT_FALSE(h.log->BelowLowWater());
}

TEST(LogFault, LowWaterIsPolledAtMostEvery100Ms) {
  LogHarness h(6);
  LogOptions options = h.Options();
  options.low_water_bytes = 1 << 20;
  h.log = std::move(*Log::Open(options));
  ASSERT_TRUE(h.log->Start(0).ok());
  h.fs->SetQuota(h.fs->UsedBytes() + (2 << 20));
  h.clock.AdvanceMs(1);
  EXPECT_FALSE(h.log->BelowLowWater());
  h.fs->SetQuota(h.fs->UsedBytes() + (1 << 19));
  h.clock.AdvanceMs(50);
  EXPECT_FALSE(h.log->BelowLowWater()) << "the last look is younger than 100 ms";
  h.clock.AdvanceMs(51);
  EXPECT_TRUE(h.log->BelowLowWater());
}

}  // namespace
}  // namespace thermocline::engine
