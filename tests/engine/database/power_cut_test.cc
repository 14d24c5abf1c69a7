// A power cut at every point at which the log or the cold tier touched the disk.
//
// One run of the workload is journalled; for each point the file system is rebuilt as a restarted
// machine may find it and the database opened on it. It must hold exactly the state after some
// prefix of the operations: all that were acknowledged as durable before the cut, and none that had
// not begun. THERMOCLINE_CUT_POINTS is how many points of RocksDB's files are tried, and a quarter
// of how many of the log's; a number larger than the journal tries all (the long form,
// docs/testing.md).

#include <gtest/gtest.h>

#include <cstdlib>

#include "tests/engine/database/harness.h"

namespace thermocline::testing {
namespace {

struct Step {
  uint64_t begin_seq;   // journal point when it began
  engine::Lsn log_end;  // stream end behind it
  std::string state;
};
struct Durable {
  uint64_t seq;
  engine::Lsn end;
};

struct History {
  std::vector<Step> steps;
  std::vector<Durable> durable;  // in order
};

int PointsWanted() {
  const char* text = std::getenv("THERMOCLINE_CUT_POINTS");
  return text != nullptr ? std::atoi(text) : 30;
}

void RunSteps(TestDatabase* database, JournalFs* fs, Workload* workload, Keyspace* model, int count,
              History* history) {
  for (int i = 0; i < count; ++i) {
    const uint64_t begin = fs->seq();
    workload->Step(database, model);
    history->steps.push_back({begin, database->db().LogEnd(), Describe(*model)});
    database->Tick();
    history->durable.push_back({fs->seq(), database->db().DurableEnd()});
    if (i % 29 == 28) database->Spill();
    if (i % 41 == 40) database->Checkpoint();
    history->durable.push_back({fs->seq(), database->db().DurableEnd()});
  }
}

// The recovered state must be that of a prefix; returns its length, or -1.
int CheckCut(const History& history, uint64_t point, const std::string& recovered) {
  engine::Lsn acknowledged = 0;
  for (const Durable& d : history.durable) {
    if (d.seq <= point) acknowledged = std::max(acknowledged, d.end);
  }
  for (size_t i = history.steps.size(); i-- > 0;) {
    const Step& step = history.steps[i];
    if (step.begin_seq > point) continue;
    if (step.state == recovered) return static_cast<int>(i);
    if (step.log_end <= acknowledged) return -1;  // this one, at least, had to be there
  }
  return recovered.empty() && acknowledged == 0 ? 0 : -1;
}

// For messages: the last state that had to be there, and where the log ended.
std::string Expected(const History& history, uint64_t point) {
  engine::Lsn acknowledged = 0;
  for (const Durable& d : history.durable) {
    if (d.seq <= point) acknowledged = std::max(acknowledged, d.end);
  }
  std::string state;
  for (const Step& step : history.steps) {
    if (step.log_end <= acknowledged) state = step.state;
  }
  return state + "(durable to " + std::to_string(acknowledged) + ")\n";
}

// THERMOCLINE_CUT_SEED shifts the seeds, for other histories.
uint64_t SeedShift() {
  const char* text = std::getenv("THERMOCLINE_CUT_SEED");
  return text != nullptr ? std::strtoull(text, nullptr, 10) : 0;
}

void CutEverywhere(engine::FsyncPolicy policy, uint64_t seed, int steps, bool twice,
                   LossMode mode = LossMode::kBySeed, int value_bytes_max = 1500) {
  seed += SeedShift();
  SCOPED_TRACE("seed " + std::to_string(seed));
  auto fs = std::make_shared<JournalFs>();
  History history;
  history.steps.push_back({0, 0, ""});
  {
    TestDatabase database(fs, policy, seed);
    ASSERT_TRUE(database.Open().ok());
    Workload workload(seed, value_bytes_max);
    Keyspace model;
    RunSteps(&database, fs.get(), &workload, &model, steps, &history);
    EXPECT_GT(database.db().GetStats().log.segments_recycled, 0u)
        << "the workload must recycle segments";
    EXPECT_GT(database.db().GetStats().checkpoints, 3u);
  }
  std::vector<uint64_t> points, others;
  for (uint64_t s = 0; s < fs->seq(); ++s) {
    (fs->Describe(s).find("/log/") != std::string::npos ? points : others).push_back(s);
  }
  std::mt19937_64 rng(seed);
  const size_t wanted = static_cast<size_t>(PointsWanted());
  // Every point of the log in the long form; the short one samples both alike.
  if (points.size() > wanted * 4) {
    std::shuffle(points.begin(), points.end(), rng);
    points.resize(wanted * 4);
  }
  std::shuffle(others.begin(), others.end(), rng);
  others.resize(std::min(others.size(), wanted));
  points.insert(points.end(), others.begin(), others.end());
  for (uint64_t point : points) {
    const uint64_t loss_seed = rng();
    SCOPED_TRACE("cut after " + std::to_string(point) + " mutations, loss seed " +
                 std::to_string(loss_seed) + ", next: " + fs->Describe(point));
    auto image = fs->ImageAt(point, loss_seed, mode);
    if (twice) {
      // A second cut in the middle of the first recovery.
      TestDatabase interrupted(image, policy, seed);
      (void)interrupted.Open();
      interrupted.Kill();
      image = image->ImageAt(rng() % (image->seq() + 1), loss_seed + 1, mode);
    }
    TestDatabase database(image, policy, seed);
    const codec::Status opened = database.Open();
    ASSERT_TRUE(opened.ok()) << opened.ToString();
    Keyspace found;
    database.Contents(&found);
    if (::testing::Test::HasFatalFailure()) return;
    ASSERT_GE(CheckCut(history, point, Describe(found)), 0)
        << "recovered:\n"
        << Describe(found) << "expected one of, e.g.:\n"
        << Expected(history, point) << "replayed " << database.db().GetStats().replayed_frames;
  }
}

TEST(PowerCutTest, AlwaysLosesNothingAcknowledged) {
  CutEverywhere(engine::FsyncPolicy::kAlways, 11, 330, false);
}
TEST(PowerCutTest, EverySecKeepsAPrefixWithAllThatWasSynced) {
  CutEverywhere(engine::FsyncPolicy::kEverySec, 12, 330, false);
}
// Memtables fill and are flushed between checkpoints: the cold tier is then ahead of the last
// checkpoint by some batches, with graves and younger records of the same keys ([D1], [D2]).
TEST(PowerCutTest, FlushesBetweenCheckpoints) {
  CutEverywhere(engine::FsyncPolicy::kEverySec, 17, 600, false, LossMode::kBySeed, 20'000);
}
TEST(PowerCutTest, TwoCutsInARow) { CutEverywhere(engine::FsyncPolicy::kAlways, 13, 330, true); }
TEST(PowerCutTest, TwoCutsInARowWithSyncsOnlyForTheColdTier) {
  CutEverywhere(engine::FsyncPolicy::kNo, 14, 330, true);
}
TEST(PowerCutTest, SectorsReachTheDiskInAnyOrder) {
  CutEverywhere(engine::FsyncPolicy::kEverySec, 15, 330, true, LossMode::kRandom);
}
TEST(PowerCutTest, WritesAreTorn) {
  CutEverywhere(engine::FsyncPolicy::kEverySec, 16, 330, true, LossMode::kTorn);
}

}  // namespace
}  // namespace thermocline::testing
