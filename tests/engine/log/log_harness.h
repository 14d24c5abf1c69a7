// LogHarness: a log on a JournalFs beside a model of it, for the log's tests.
//
// The model is the list of all frames ever appended, and, for each journal point, what had been
// promised by then: the durable end, the written end (which a killed process must find), and the
// floor below which segments may be recycled (a checkpoint). CheckImage opens an image and
// compares.
#pragma once

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "engine/log/log.h"
#include "tests/support/fake_clock.h"
#include "tests/support/journal_fs.h"

namespace thermocline::engine {

struct ModelFrame {
  Lsn lsn = 0;
  uint8_t flags = 0;
  int32_t select_before = 0;
  std::string payload;
  uint64_t end() const { return lsn - 1 + payload.size(); }
};

inline std::string RespCommand(const std::vector<std::string>& argv) {
  std::string out = "*" + std::to_string(argv.size()) + "\r\n";
  for (const std::string& arg : argv) {
    out += "$" + std::to_string(arg.size()) + "\r\n" + arg + "\r\n";
  }
  return out;
}

class LogHarness {
 public:
  static constexpr const char* kDir = "/data/log";

  struct Promise {
    uint64_t durable_end = 0;
    uint64_t written_end = 0;
    Lsn floor = 1;
  };

  explicit LogHarness(uint64_t seed, FsyncPolicy fsync = FsyncPolicy::kEverySec)
      : fs(std::make_shared<testing::JournalFs>()), random(seed), log_random(seed + 1) {
    policy = fsync;
    EXPECT_TRUE(CreateDirDurably(fs, "/data").ok());
  }

  LogOptions Options() {
    LogOptions options;
    options.fs = fs;
    options.dir = kDir;
    options.segment_bytes = segment_bytes;
    options.policy = policy;
    options.clock = &clock;
    options.random = &log_random;
    options.background = false;
    options.kept_bytes_max = kept_bytes_max;
    return options;
  }

  // Opens and starts; the model is cut to what was recovered. REQUIRES: that this must work.
  void Open() {
    Status status = TryOpen();
    ASSERT_TRUE(status.ok()) << status.ToString();
  }

  Status TryOpen() {
    log.reset();
    TC_ASSIGN_OR_RETURN(log, Log::Open(Options()));
    TC_RETURN_IF_ERROR(log->Start(0));
    while (!frames.empty() && frames.back().end() > log->EndOffset()) frames.pop_back();
    select = log->SelectDb();
    Note();
    return Status::Ok();
  }

  std::string RandomPayload() {
    std::string value(random.OneIn(40) ? 5000 + random.Uniform(4000) : random.Uniform(300), 'x');
    for (char& c : value) c = static_cast<char>(random.Next());
    return RespCommand({"SET", "key" + std::to_string(random.Uniform(100)), value});
  }

  void AppendRandom() {
    std::string payload;
    const int32_t before = select;
    if (random.OneIn(10)) {
      select = static_cast<int32_t>(random.Uniform(16));
      payload = RespCommand({"SELECT", std::to_string(select)});
    }
    payload += RandomPayload();
    Append(payload, random.OneIn(20) ? codec::kFrameKeyless : 0, before);
  }

  void Append(const std::string& payload, uint8_t flags = 0, int32_t select_before = -1) {
    ModelFrame frame;
    frame.flags = flags;
    frame.select_before = select_before < 0 ? select : select_before;
    frame.payload = payload;
    frame.lsn = log->Append(payload, flags, select);
    EXPECT_EQ(frame.lsn, frames.empty() ? frame.lsn : frames.back().end() + 1);
    frames.push_back(std::move(frame));
  }

  // Records what is promised from this journal point on.
  void Note() {
    Promise promise;
    promise.durable_end = log->DurableEnd();
    promise.written_end = log->WrittenEnd();
    promise.floor = floor;
    promises[fs->seq()] = promise;
  }

  Promise PromiseAt(uint64_t seq) const {
    auto it = promises.upper_bound(seq);
    return it == promises.begin() ? Promise() : std::prev(it)->second;
  }

  void Recycle(Lsn below) {
    floor = std::max(floor, below);
    Note();  // the checkpoint is durable before the log hears of it
    log->Recycle(floor);
    Note();
  }

  // A mixed workload with rolls, recycling, checkpoints and, with `faults`, failing writes and
  // syncs.
  void Run(int steps, bool faults) {
    for (int step = 0; step < steps; ++step) {
      const uint64_t count = 1 + random.Uniform(4);
      for (uint64_t i = 0; i < count; ++i) AppendRandom();
      if (faults && random.OneIn(12)) {
        fs->AddFault({.kinds = random.OneIn(2) ? uint32_t{testing::kFaultSync}
                                               : uint32_t{testing::kFaultWrite},
                      .path_part = "segment-",
                      .nth = 1 + random.Uniform(3),
                      .torn = true});
      }
      clock.AdvanceMs(static_cast<int64_t>(random.Uniform(400)));
      Status status = log->Commit();
      Note();
      if (status.ok() && random.OneIn(10)) {
        log->RequestSync();
        Note();
      }
      if (status.ok() && random.OneIn(25)) {
        static_cast<void>(log->SyncNow());
        Note();
      }
      while (!log->Healthy()) {
        static_cast<void>(log->TryResume());
        Note();
        if (!log->Healthy() && random.OneIn(4)) AppendRandom();
      }
      fs->ClearFaults();
      if (random.OneIn(15) && log->DurableEnd() > floor) {
        Recycle(floor + random.Uniform(log->DurableEnd() - floor) + 1);
      }
    }
  }

  // Opens an image, replays from `floor` and compares with `model`: a prefix of it that reaches
  // `at_least`. On success *end is where it ended.
  static ::testing::AssertionResult CheckImage(const std::shared_ptr<testing::JournalFs>& image,
                                               const std::vector<ModelFrame>& model, Lsn floor,
                                               uint64_t at_least, uint64_t* end) {
    testing::FakeClock clock;
    Random random(7);
    LogOptions options;
    options.fs = image;
    options.dir = kDir;
    options.segment_bytes = 4096;
    options.clock = &clock;
    options.random = &random;
    options.background = false;
    auto log = Log::Open(options);
    if (!log.ok()) return ::testing::AssertionFailure() << "open: " << log.status().ToString();
    size_t next = 0;
    while (next < model.size() && model[next].lsn < floor) ++next;
    // The floor may lie inside a frame, which is then not wanted any more.
    uint64_t reached = floor - 1;
    if (next > 0) reached = std::max(reached, model[next - 1].end());
    bool first = true;
    std::string trouble;
    const Status status = (*log)->Replay(floor, [&](const ReplayFrame& frame) {
      if (next >= model.size()) {
        // Only the PING of a clean close may stand behind the model.
        if (frame.flags != codec::kFrameKeyless) trouble = "a frame too many";
        reached = frame.lsn - 1 + frame.payload.size();
        return trouble.empty() ? Status::Ok() : Status::InvalidArgument(trouble);
      }
      const ModelFrame& expected = model[next++];
      if (frame.lsn != expected.lsn) trouble = "LSN " + std::to_string(expected.lsn) + " expected";
      if (frame.payload != expected.payload || frame.flags != expected.flags) trouble = "payload";
      if (frame.select_context != -1 && frame.select_context != expected.select_before) {
        trouble = "SELECT " + std::to_string(frame.select_context) + " instead of " +
                  std::to_string(expected.select_before);
      }
      if (first && frame.select_context == -1) trouble = "no SELECT context";
      first = false;
      reached = expected.end();
      return trouble.empty() ? Status::Ok() : Status::InvalidArgument(trouble);
    });
    if (!status.ok()) return ::testing::AssertionFailure() << "replay: " << status.ToString();
    *end = (*log)->EndOffset();
    if (*end < at_least) {
      return ::testing::AssertionFailure() << "ends at " << *end << ", durable was " << at_least;
    }
    if (*end >= floor && reached != *end) {
      return ::testing::AssertionFailure() << "replayed to " << reached << ", end is " << *end;
    }
    return ::testing::AssertionSuccess();
  }

  std::shared_ptr<testing::JournalFs> fs;
  testing::FakeClock clock;
  Random random;
  Random log_random;
  FsyncPolicy policy;
  uint64_t segment_bytes = 4096;
  uint64_t kept_bytes_max = 64 << 10;
  std::unique_ptr<Log> log;
  std::vector<ModelFrame> frames;
  std::map<uint64_t, Promise> promises;  // journal point -> what holds from there on
  Lsn floor = 1;
  int32_t select = 0;
};

}  // namespace thermocline::engine
