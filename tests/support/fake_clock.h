// FakeClock: a clock that a test moves by hand. Starts at a fixed wall time; both readings move
// together. Thread-safe.
#pragma once

#include <atomic>
#include <cstdint>

#include "engine/env/clock.h"

namespace thermocline::testing {

class FakeClock : public engine::Clock {
 public:
  explicit FakeClock(int64_t wall_ms = 1'700'000'000'000) : us_(0), start_ms_(wall_ms) {}

  int64_t WallMs() override { return start_ms_ + us_.load() / 1000; }
  int64_t MonotonicUs() override { return us_.load(); }

  void AdvanceUs(int64_t us) { us_ += us; }
  void AdvanceMs(int64_t ms) { us_ += ms * 1000; }

 private:
  std::atomic<int64_t> us_;
  const int64_t start_ms_;
};

}  // namespace thermocline::testing
