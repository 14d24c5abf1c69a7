// The power goes at every journal point of workloads with rolls, recycling, huge frames, failed
// writes and syncs, under every policy; and once more while or after the log recovers.
#include <gtest/gtest.h>

#include <algorithm>

#include "tests/engine/log/log_harness.h"

namespace thermocline::engine {
namespace {

using testing::LossMode;

struct Case {
  FsyncPolicy policy;
  bool faults;
  uint64_t seed;
};

class PowerCut : public ::testing::TestWithParam<Case> {};

TEST_P(PowerCut, EveryPointLosesNothingDurableAndKeepsOrder) {
  const Case c = GetParam();
  SCOPED_TRACE("seed " + std::to_string(c.seed));
  LogHarness h(c.seed, c.policy);
  const uint64_t first_point = h.fs->seq();  // behind the parent directory, which is not the log's
  h.Open();
  h.Run(150, c.faults);
  ASSERT_TRUE(h.log->Close().ok());
  h.Note();
  const LogStats stats = h.log->stats();
  ASSERT_GT(stats.segments_recycled, 0u);
  ASSERT_GT(h.floor, 1u);
  for (uint64_t point = first_point; point <= h.fs->seq(); ++point) {
    for (uint64_t seed = 0; seed < 3; ++seed) {
      const auto promise = h.PromiseAt(point);
      auto image = h.fs->ImageAt(point, c.seed + point * 31 + seed, LossMode::kBySeed);
      uint64_t end = 0;
      ASSERT_TRUE(LogHarness::CheckImage(image, h.frames, promise.floor, promise.durable_end, &end))
          << "cut seed " << c.seed + point * 31 + seed << " before " << h.fs->Describe(point);
    }
    // A killed process finds everything that was written.
    const auto promise = h.PromiseAt(point);
    uint64_t end = 0;
    ASSERT_TRUE(LogHarness::CheckImage(h.fs->ImageAt(point, 0, LossMode::kKeepAll), h.frames,
                                       promise.floor,
                                       std::max(promise.durable_end, promise.written_end), &end))
        << "killed before " << h.fs->Describe(point);
  }
}

TEST_P(PowerCut, ASecondCutAtAnyPointAfterTheFirstIsSurvived) {
  const Case c = GetParam();
  SCOPED_TRACE("seed " + std::to_string(c.seed));
  LogHarness first(c.seed + 1000, c.policy);
  first.Open();
  first.Run(30, c.faults);
  const uint64_t points = first.fs->seq();
  for (uint64_t point = 0; point <= points; point += 1 + point % 3) {
    const auto promise = first.PromiseAt(point);
    LogHarness second(c.seed + point, c.policy);
    second.fs = first.fs->ImageAt(point, point, LossMode::kBySeed);
    if (!*FileExists(second.fs, "/data")) continue;
    second.frames = first.frames;
    second.floor = promise.floor;
    second.promises[0] = {promise.durable_end, promise.durable_end, promise.floor};
    const std::vector<ModelFrame> before = first.frames;
    second.Open();
    const uint64_t started_at = second.fs->seq();
    second.Run(6, false);
    for (uint64_t cut = 0; cut <= second.fs->seq(); ++cut) {
      const auto later = second.PromiseAt(cut);
      auto image = second.fs->ImageAt(cut, cut + point, LossMode::kBySeed);
      uint64_t end = 0;
      ASSERT_TRUE(LogHarness::CheckImage(image, cut < started_at ? before : second.frames,
                                         later.floor, later.durable_end, &end))
          << "first cut before " << first.fs->Describe(point) << ", second before "
          << second.fs->Describe(cut);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(
    Policies, PowerCut,
    ::testing::Values(Case{FsyncPolicy::kAlways, false, 1}, Case{FsyncPolicy::kAlways, true, 2},
                      Case{FsyncPolicy::kEverySec, false, 3}, Case{FsyncPolicy::kEverySec, true, 4},
                      Case{FsyncPolicy::kEverySec, true, 14}, Case{FsyncPolicy::kNo, false, 5},
                      Case{FsyncPolicy::kNo, true, 6}, Case{FsyncPolicy::kNo, true, 16}));

TEST(PowerCutWithKilledProcess, PagesOfAFailedSyncAreNotTrustedByTheNextProcess) {
  // The process dies while its last frames are in pages that a failed sync left looking clean. The
  // next process reads them; once it has started they must be durable.
  for (uint64_t seed = 0; seed < 30; ++seed) {
    LogHarness h(seed, FsyncPolicy::kEverySec);
    h.Open();
    h.Run(3, false);
    for (int i = 0; i < 3; ++i) h.AppendRandom();
    ASSERT_TRUE(h.log->Commit().ok());
    h.fs->AddFault({.kinds = testing::kFaultSync});
    if (h.log->SyncNow().ok()) continue;  // everything was durable already
    h.fs->ClearFaults();
    const uint64_t appended = h.log->EndOffset();
    h.log.reset();
    auto log = Log::Open(h.Options());
    ASSERT_TRUE(log.ok());
    ASSERT_EQ((*log)->EndOffset(), appended);
    ASSERT_TRUE((*log)->Start(0).ok());
    ASSERT_EQ((*log)->DurableEnd(), appended);
    uint64_t end = 0;
    ASSERT_TRUE(LogHarness::CheckImage(h.fs->ImageAt(h.fs->seq(), seed, LossMode::kLoseAll),
                                       h.frames, h.floor, appended, &end))
        << seed;
  }
}

}  // namespace
}  // namespace thermocline::engine
