// The log with its thread: what an executor, the log's thread and others do at the same time. For
// TSan.
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <thread>

#include "tests/engine/log/log_harness.h"
#include "tests/support/temp_dir.h"

namespace thermocline::engine {
namespace {

using testing::LossMode;

class Waker {
 public:
  std::function<void()> Function() {
    return [this] {
      std::lock_guard lock(mu_);
      ++count_;
      cv_.notify_all();
    };
  }
  // Waits until `ready` holds, looking again after every wake-up. No limit: a test that hangs
  // fails.
  void Await(const std::function<bool()>& ready) {
    std::unique_lock lock(mu_);
    while (!ready()) cv_.wait_for(lock, std::chrono::milliseconds(50));
  }
  uint64_t count() const { return count_; }

 private:
  std::mutex mu_;
  std::condition_variable cv_;
  std::atomic<uint64_t> count_{0};
};

LogOptions ThreadedOptions(LogHarness* h, Waker* waker) {
  LogOptions options = h->Options();
  options.background = true;
  options.clock = RealClock::Get();
  options.wake = waker->Function();
  options.segment_bytes = 16 << 10;
  return options;
}

class Threaded : public ::testing::TestWithParam<FsyncPolicy> {};

TEST_P(Threaded, RequestedSyncsFollowAppendsFromAnotherThread) {
  LogHarness h(1, GetParam());
  Waker waker;
  h.log = std::move(*Log::Open(ThreadedOptions(&h, &waker)));
  ASSERT_TRUE(h.log->Start(0).ok());
  std::atomic<bool> stop{false};
  std::atomic<uint64_t> granted{0};
  // The cold writer: wants what was appended to be durable, waits for it, goes on.
  std::thread writer([&] {
    while (!stop) {
      const uint64_t target = h.log->EndOffset();
      h.log->RequestSync();
      while (!stop && h.log->DurableEnd() < target) std::this_thread::yield();
      granted = std::max(granted.load(), target);
      EXPECT_TRUE(h.log->Healthy());
      static_cast<void>(h.log->stats());
      std::this_thread::sleep_for(std::chrono::microseconds(200));
    }
  });
  for (int i = 0; i < 3000; ++i) {
    h.AppendRandom();
    ASSERT_TRUE(h.log->Commit().ok());
    if (i % 100 == 99) h.Recycle(h.log->DurableEnd() / 2 + 1);
    static_cast<void>(h.log->BelowLowWater());
  }
  const uint64_t end = h.log->EndOffset();
  waker.Await([&] { return granted.load() >= end; });
  stop = true;
  writer.join();
  EXPECT_EQ(h.log->DurableEnd(), end);
  ASSERT_TRUE(h.log->Close().ok());
  uint64_t recovered = 0;
  EXPECT_TRUE(LogHarness::CheckImage(h.fs->ImageAt(h.fs->seq(), 1, LossMode::kLoseAll), h.frames,
                                     h.floor, end, &recovered));
}

TEST_P(Threaded, AFailedSyncInTheBackgroundIsSeenAndResumed) {
  LogHarness h(2, GetParam());
  Waker waker;
  h.log = std::move(*Log::Open(ThreadedOptions(&h, &waker)));
  ASSERT_TRUE(h.log->Start(0).ok());
  for (int round = 0; round < 20; ++round) {
    h.fs->AddFault({.kinds = testing::kFaultSync,
                    .path_part = "segment-",
                    .nth = 1 + static_cast<uint64_t>(round % 3)});
    for (int i = 0; i < 50; ++i) {
      h.AppendRandom();
      static_cast<void>(h.log->Commit());
      if (i % 10 == 0) h.log->RequestSync();
    }
    h.fs->ClearFaults();
    if (!h.log->Healthy()) {
      EXPECT_FALSE(h.log->LastError().ok());
      ASSERT_TRUE(h.log->TryResume().ok()) << h.log->LastError().ToString();
      EXPECT_EQ(h.log->DurableEnd(), h.log->EndOffset());
    }
  }
  ASSERT_TRUE(h.log->SyncNow().ok());
  const uint64_t end = h.log->EndOffset();
  uint64_t recovered = 0;
  EXPECT_TRUE(LogHarness::CheckImage(h.fs->ImageAt(h.fs->seq(), 1, LossMode::kLoseAll), h.frames, 1,
                                     end, &recovered));
  ASSERT_TRUE(h.log->Close().ok());
}

INSTANTIATE_TEST_SUITE_P(Policies, Threaded,
                         ::testing::Values(FsyncPolicy::kAlways, FsyncPolicy::kEverySec,
                                           FsyncPolicy::kNo));

TEST(LogThread, EverySecBecomesDurableByItselfAndWakesTheOwner) {
  LogHarness h(3, FsyncPolicy::kEverySec);
  Waker waker;
  h.log = std::move(*Log::Open(ThreadedOptions(&h, &waker)));
  ASSERT_TRUE(h.log->Start(0).ok());
  h.AppendRandom();
  ASSERT_TRUE(h.log->Commit().ok());
  const uint64_t end = h.log->EndOffset();
  waker.Await([&] { return h.log->DurableEnd() >= end; });
  waker.Await([&] { return waker.count() > 0; });
}

TEST(LogThread, SparesAreMadeAheadInTheBackground) {
  LogHarness h(4);
  Waker waker;
  h.log = std::move(*Log::Open(ThreadedOptions(&h, &waker)));
  ASSERT_TRUE(h.log->Start(0).ok());
  while (h.log->stats().segments_spare < 2) std::this_thread::yield();
}

TEST(LogThread, RunsOnTheRealDisk) {
  TempDir dir;
  for (int round = 0; round < 2; ++round) {
    Random random(Random::Entropy());
    LogOptions options;
    options.fs = DefaultFileSystem();
    options.dir = dir.path() + "/log";
    options.segment_bytes = 64 << 10;
    options.clock = RealClock::Get();
    options.random = &random;
    options.policy = round == 0 ? FsyncPolicy::kEverySec : FsyncPolicy::kAlways;
    auto log = Log::Open(options);
    ASSERT_TRUE(log.ok()) << log.status().ToString();
    uint64_t bytes = 0;
    ASSERT_TRUE((*log)
                    ->Replay(1,
                             [&](const ReplayFrame& frame) {
                               EXPECT_EQ(frame.lsn, bytes + 1);
                               bytes += frame.payload.size();
                               return Status::Ok();
                             })
                    .ok());
    EXPECT_EQ(bytes, (*log)->EndOffset());
    EXPECT_EQ(bytes > 0, round > 0);
    ASSERT_TRUE((*log)->Start(0).ok());
    const std::string payload = RespCommand({"SET", "key", std::string(100, 'v')});
    for (int i = 0; i < (round == 0 ? 5000 : 50); ++i) {
      (*log)->Append(payload, 0, 0);
      ASSERT_TRUE((*log)->Commit().ok());
    }
    ASSERT_TRUE((*log)->Close().ok());
  }
}

}  // namespace
}  // namespace thermocline::engine
