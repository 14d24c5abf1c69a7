// The log's promises one by one, without faults: positions, policies, rolling, recycling,
// switching.
#include "engine/log/log.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "tests/engine/log/log_harness.h"

namespace thermocline::engine {
namespace {

using testing::LossMode;

const std::string kSet = RespCommand({"SET", "key", "value"});

uint64_t CountOps(const testing::JournalFs& fs, uint64_t from, const std::string& kind) {
  uint64_t count = 0;
  for (uint64_t i = from; i < fs.seq(); ++i) {
    count += fs.Describe(i).find(" " + kind + " ") != std::string::npos;
  }
  return count;
}

TEST(Log, AnLsnIsTheOffsetOfTheFirstPayloadByteplusOne) {
  LogHarness h(1);
  h.Open();
  EXPECT_EQ(h.log->NextLsn(), 1u);
  EXPECT_EQ(h.log->Append(kSet, 0, 0), 1u);
  EXPECT_EQ(h.log->NextLsn(), 1 + kSet.size());
  EXPECT_EQ(h.log->Append("x", 0, 0), 1 + kSet.size());
  EXPECT_EQ(h.log->EndOffset(), kSet.size() + 1);
  EXPECT_EQ(h.log->WrittenEnd(), 0u) << "nothing is written before Commit";
  ASSERT_TRUE(h.log->Commit().ok());
  EXPECT_EQ(h.log->WrittenEnd(), kSet.size() + 1);
}

TEST(Log, ATickIsOneWrite) {
  LogHarness h(1);
  h.segment_bytes = 1 << 20;
  h.Open();
  h.log->Append(kSet, 0, 0);
  ASSERT_TRUE(h.log->Commit().ok());
  const uint64_t before = h.fs->seq();
  for (int i = 0; i < 100; ++i) h.log->Append(kSet, 0, 0);
  ASSERT_TRUE(h.log->Commit().ok());
  EXPECT_EQ(h.fs->seq(), before + 1);
  ASSERT_TRUE(h.log->Commit().ok());
  EXPECT_EQ(h.fs->seq(), before + 1) << "an empty tick writes nothing";
}

TEST(Log, AlwaysSyncsBeforeCommitReturns) {
  LogHarness h(1, FsyncPolicy::kAlways);
  h.Open();
  for (int i = 0; i < 50; ++i) {
    h.log->Append(kSet, 0, 0);
    ASSERT_TRUE(h.log->Commit().ok());
    EXPECT_EQ(h.log->DurableEnd(), h.log->EndOffset());
  }
  EXPECT_EQ(h.log->stats().pending_bytes, 0u) << "durable frames are not kept";
}

TEST(Log, WithoutFramesItsMemoryIsGivenBack) {
  LogHarness h(1, FsyncPolicy::kEverySec);
  h.segment_bytes = 64 << 20;
  h.kept_bytes_max = 16 << 20;
  h.Open();
  const auto tick = [&] {
    h.clock.AdvanceMs(100);
    ASSERT_TRUE(h.log->Commit().ok());
  };
  for (int i = 0; i < 25; ++i) {  // half a second behind the last sync
    for (int n = 0; n < 200; ++n) h.Append(std::string(5000, 'f'));
    tick();
  }
  EXPECT_GT(h.log->stats().memory_bytes, 8u << 20);
  ASSERT_LT(h.log->DurableEnd(), h.log->EndOffset());
  while (h.log->DurableEnd() < h.log->EndOffset()) tick();
  tick();
  EXPECT_EQ(h.log->stats().pending_bytes, 0u);
  EXPECT_GT(h.log->stats().memory_bytes, 8u << 20) << "a second's pause is not the end";
  for (int i = 0; i < 25; ++i) tick();
  EXPECT_LE(h.log->stats().memory_bytes, 512u << 10);
  h.Append(kSet);
  ASSERT_TRUE(h.log->SyncNow().ok());
  const size_t frames = h.frames.size();
  h.Open();
  EXPECT_EQ(h.frames.size(), frames);
}

TEST(Log, EverySecSyncsOnceASecond) {
  LogHarness h(1, FsyncPolicy::kEverySec);
  h.segment_bytes = 1 << 20;
  h.Open();
  const uint64_t before = h.fs->seq();
  for (int ms = 0; ms < 5000; ms += 10) {
    h.clock.AdvanceMs(10);
    h.log->Append(kSet, 0, 0);
    ASSERT_TRUE(h.log->Commit().ok());
    ASSERT_EQ(h.log->WrittenEnd(), h.log->EndOffset());
  }
  EXPECT_EQ(CountOps(*h.fs, before, "sync"), 5u);
}

TEST(Log, NoSyncsOnlyWhenAskedOrToBoundMemory) {
  LogHarness h(1, FsyncPolicy::kNo);
  h.segment_bytes = 1 << 20;
  h.Open();
  const uint64_t before = h.fs->seq();
  h.log->Append(kSet, 0, 0);
  ASSERT_TRUE(h.log->Commit().ok());
  h.clock.AdvanceMs(60'000);
  h.log->Append(kSet, 0, 0);
  ASSERT_TRUE(h.log->Commit().ok());
  EXPECT_EQ(CountOps(*h.fs, before, "sync"), 0u);
  // Asked for before its commit: done at the commit, not forgotten.
  const Lsn lsn = h.log->Append(kSet, 0, 0);
  h.log->RequestSync();
  EXPECT_LT(h.log->DurableEnd(), lsn);
  ASSERT_TRUE(h.log->Commit().ok());
  EXPECT_GE(h.log->DurableEnd(), lsn);
  // 64 KiB is what the harness lets it keep.
  while (h.log->EndOffset() < (100 << 10)) {
    h.log->Append(kSet, 0, 0);
    ASSERT_TRUE(h.log->Commit().ok());
    ASSERT_LE(h.log->stats().pending_bytes, 66u << 10);
  }
  EXPECT_GT(h.log->DurableEnd(), 50u << 10);
}

TEST(Log, APolicyChangeTakesEffectAtTheNextCommit) {
  LogHarness h(1, FsyncPolicy::kNo);
  h.Open();
  h.log->Append(kSet, 0, 0);
  ASSERT_TRUE(h.log->Commit().ok());
  EXPECT_EQ(h.log->DurableEnd(), 0u);
  h.log->SetPolicy(FsyncPolicy::kAlways);
  ASSERT_TRUE(h.log->Commit().ok());
  EXPECT_EQ(h.log->DurableEnd(), h.log->EndOffset());
}

TEST(Log, AHugeFrameGetsASegmentOfItsOwnWhichIsDeletedLater) {
  LogHarness h(1, FsyncPolicy::kAlways);
  h.Open();
  h.Append(kSet);
  h.Append(RespCommand({"SET", "big", std::string(100'000, 'v')}));
  h.Append(kSet);
  ASSERT_TRUE(h.log->Commit().ok());
  uint64_t largest = 0;
  for (const std::string& path : h.fs->Files()) {
    std::string data;
    ASSERT_TRUE(h.fs->ReadAll(path, &data));
    largest = std::max<uint64_t>(largest, data.size());
  }
  EXPECT_GT(largest, 100'000u);
  uint64_t end = 0;
  EXPECT_TRUE(LogHarness::CheckImage(h.fs->ImageAt(h.fs->seq(), 1, LossMode::kLoseAll), h.frames, 1,
                                     h.log->EndOffset(), &end));
  for (int i = 0; i < 3; ++i) {
    h.Append(kSet);
    ASSERT_TRUE(h.log->Commit().ok());
  }
  h.Recycle(h.log->NextLsn());
  EXPECT_LT(h.fs->UsedBytes(), 30'000u);
}

TEST(Log, RecycledSegmentsAreOverwrittenInPlaceSoTheDiskStopsGrowing) {
  LogHarness h(1, FsyncPolicy::kAlways);
  h.Open();
  for (int i = 0; i < 300; ++i) {
    h.Append(RespCommand({"SET", "key", std::string(200, 'v')}));
    ASSERT_TRUE(h.log->Commit().ok());
    h.Recycle(h.log->DurableEnd() - std::min<uint64_t>(h.log->DurableEnd(), 2000));
    if (i == 60) h.fs->SetQuota(h.fs->UsedBytes());
  }
  const LogStats stats = h.log->stats();
  EXPECT_GT(stats.segments_recycled, 10u);
  EXPECT_LE(stats.segments_created, 6u);
  EXPECT_EQ(stats.disk_bytes, h.fs->UsedBytes());
  EXPECT_TRUE(stats.healthy);
}

TEST(Log, ASegmentIsKeptUntilADurableFrameSaysThatItWasDurable) {
  LogHarness h(1, FsyncPolicy::kNo);
  h.Open();
  // One tick over several segments: durable in the end, but every frame was written before any was.
  for (int i = 0; i < 20; ++i) h.Append(RespCommand({"SET", "key", std::string(900, 'v')}));
  ASSERT_TRUE(h.log->SyncNow().ok());
  const uint64_t live = h.log->stats().segments_live;
  ASSERT_GE(live, 4u);
  h.Recycle(h.log->NextLsn());
  EXPECT_EQ(h.log->stats().segments_live, live);
  // The next durable frame claims it all.
  h.Append(kSet);
  ASSERT_TRUE(h.log->SyncNow().ok());
  EXPECT_EQ(h.log->stats().segments_live, 1u);
}

TEST(Log, WhatIsNotDurableIsNotRecycledWhateverTheCallerSays) {
  LogHarness h(1, FsyncPolicy::kNo);
  h.Open();
  for (int i = 0; i < 20; ++i) {
    h.Append(RespCommand({"SET", "key", std::string(900, 'v')}));
    ASSERT_TRUE(h.log->Commit().ok());
  }
  const uint64_t live = h.log->stats().segments_live;
  h.log->Recycle(h.log->NextLsn());
  EXPECT_EQ(h.log->stats().segments_live, live);
}

TEST(Log, SegmentsNeededByTheFloorAreNotRecycled) {
  LogHarness h(1, FsyncPolicy::kAlways);
  h.Open();
  h.Run(50, false);
  const uint64_t live = h.log->stats().segments_live;
  h.log->Recycle(1);
  EXPECT_EQ(h.log->stats().segments_live, live);
}

TEST(Log, FramesCarryFlagsAndUpstream) {
  LogHarness h(1);
  h.Open();
  Upstream upstream;
  upstream.id.fill('a');
  upstream.offset = 123456;
  h.log->Append(kSet, codec::kFrameKeyless, 3, upstream);
  h.log->Append(kSet, 0, 3);
  ASSERT_TRUE(h.log->Close().ok());
  auto log = std::move(*Log::Open(h.Options()));
  EXPECT_EQ(log->SelectDb(), 0) << "no SELECT was in the payloads";
  int frames = 0;
  ASSERT_TRUE(log->Replay(1,
                          [&](const ReplayFrame& frame) {
                            if (frames++ == 0) {
                              EXPECT_EQ(frame.flags,
                                        codec::kFrameKeyless | codec::kFrameHasUpstream);
                              EXPECT_EQ(frame.upstream_id, std::string(40, 'a'));
                              EXPECT_EQ(frame.upstream_offset, 123456u);
                            } else {
                              EXPECT_EQ(frame.flags & codec::kFrameHasUpstream, 0);
                            }
                            return Status::Ok();
                          })
                  .ok());
  EXPECT_EQ(frames, 3) << "two and the PING of the clean close";
}

TEST(Log, ACleanCloseClaimsEverythingAndAddsNothingToAnIdleLog) {
  LogHarness h(1);
  h.Open();
  h.Run(5, false);
  ASSERT_TRUE(h.log->Close().ok());
  const uint64_t end = h.log->EndOffset();
  for (int restart = 0; restart < 3; ++restart) {
    h.log = std::move(*Log::Open(h.Options()));
    EXPECT_EQ(h.log->EndOffset(), end);
    ASSERT_TRUE(h.log->Start(0).ok());
    EXPECT_EQ(h.log->DurableEnd(), end);
    ASSERT_TRUE(h.log->Close().ok());
  }
}

TEST(Log, WithoutDiskLsnsCountAndNothingIsWritten) {
  LogHarness h(1);
  LogOptions options = h.Options();
  options.write_to_disk = false;
  h.log = std::move(*Log::Open(options));
  const uint64_t before = h.fs->seq();
  ASSERT_TRUE(h.log->Start(500, true).ok());
  EXPECT_EQ(h.log->Append(kSet, 0, 0), 501u);
  ASSERT_TRUE(h.log->Commit().ok());
  EXPECT_EQ(h.log->DurableEnd(), 500 + kSet.size());
  h.log->RequestSync();
  ASSERT_TRUE(h.log->SyncNow().ok());
  EXPECT_EQ(h.fs->seq(), before);
}

TEST(Log, SwitchedOnAgainItJumpsAndReplayDoesNotCrossTheJump) {
  LogHarness h(1, FsyncPolicy::kAlways);
  h.Open();
  h.Run(5, false);
  const uint64_t off_at = h.log->EndOffset();
  ASSERT_TRUE(h.log->SetWriteToDisk(false).ok());
  for (int i = 0; i < 10; ++i) h.AppendRandom();
  ASSERT_TRUE(h.log->Commit().ok());
  const Lsn on_at = h.log->NextLsn();
  ASSERT_TRUE(h.log->SetWriteToDisk(true).ok());
  // The jump is durable before any frame is.
  for (LossMode mode : {LossMode::kLoseAll, LossMode::kKeepAll}) {
    LogHarness after(2);
    after.fs = h.fs->ImageAt(h.fs->seq(), 1, mode);
    auto log = std::move(*Log::Open(after.Options()));
    EXPECT_EQ(log->EndOffset(), on_at - 1);
    EXPECT_TRUE(log->Start(on_at - 1).ok());
  }
  h.Run(5, false);
  ASSERT_TRUE(h.log->SyncNow().ok());
  const auto image = h.fs->ImageAt(h.fs->seq(), 1, LossMode::kLoseAll);
  uint64_t end = 0;
  EXPECT_TRUE(
      LogHarness::CheckImage(image, h.frames, std::max(on_at, h.floor), h.log->EndOffset(), &end));
  LogHarness after(2);
  after.fs = image;
  auto log = std::move(*Log::Open(after.Options()));
  const Status status = log->Replay(off_at, [](const ReplayFrame&) { return Status::Ok(); });
  EXPECT_EQ(status.code(), codec::StatusCode::kCorruption);
  EXPECT_NE(status.ToString().find("was not logged"), std::string::npos) << status.ToString();
}

TEST(Log, AJumpOntoABrokenDiskIsResumedWithTheJump) {
  for (uint64_t nth = 1; nth <= 2; ++nth) {
    LogHarness h(9, FsyncPolicy::kAlways);
    h.Open();
    h.Run(3, false);
    ASSERT_TRUE(h.log->SetWriteToDisk(false).ok());
    h.AppendRandom();
    ASSERT_TRUE(h.log->Commit().ok());
    const Lsn on_at = h.log->NextLsn();
    h.fs->AddFault(
        {.kinds = testing::kFaultWrite | testing::kFaultSync, .path_part = "segment-", .nth = nth});
    EXPECT_FALSE(h.log->SetWriteToDisk(true).ok());
    ASSERT_TRUE(h.log->TryResume().ok());
    uint64_t end = 0;
    EXPECT_TRUE(LogHarness::CheckImage(h.fs->ImageAt(h.fs->seq(), nth, LossMode::kLoseAll),
                                       h.frames, on_at, on_at - 1, &end));
    EXPECT_EQ(end, on_at - 1);
    h.AppendRandom();
    ASSERT_TRUE(h.log->Commit().ok());
    EXPECT_TRUE(LogHarness::CheckImage(h.fs->ImageAt(h.fs->seq(), nth, LossMode::kLoseAll),
                                       h.frames, on_at, h.log->EndOffset(), &end));
  }
}

TEST(Log, TheSameSeedWritesTheSameBytes) {
  LogHarness a(5);
  LogHarness b(5);
  for (LogHarness* h : {&a, &b}) {
    h->Open();
    h->Run(40, true);
    ASSERT_TRUE(h->log->Close().ok());
  }
  ASSERT_EQ(a.fs->Files(), b.fs->Files());
  for (const std::string& path : a.fs->Files()) {
    std::string x;
    std::string y;
    ASSERT_TRUE(a.fs->ReadAll(path, &x) && b.fs->ReadAll(path, &y));
    EXPECT_EQ(x, y) << path;
  }
}

TEST(Log, ASyncOfMoreThanTwoSecondsCountsAsDelayed) {
  class SlowClock : public testing::FakeClock {
   public:
    int64_t MonotonicUs() override {
      AdvanceUs(1'500'000);
      return FakeClock::MonotonicUs();
    }
  } slow;
  LogHarness h(1, FsyncPolicy::kNo);
  LogOptions options = h.Options();
  options.clock = &slow;
  h.log = std::move(*Log::Open(options));
  ASSERT_TRUE(h.log->Start(0).ok());
  const uint64_t before = h.log->stats().fsyncs_delayed;
  h.log->Append(kSet, 0, 0);
  ASSERT_TRUE(h.log->SyncNow().ok());
  EXPECT_EQ(h.log->stats().fsyncs_delayed, before) << "1.5 s is not late";
  EXPECT_GE(h.log->stats().fsync_last_us, 1'500'000u);
}

}  // namespace
}  // namespace thermocline::engine
