// Clock: where the engine gets time from, so that a test or a simulation can own it.
//
// Nothing in engine/ asks the operating system for the time except through this interface; a run
// whose clock, randomness and file system are injected replays exactly. Implementations are
// thread-safe. Design page: docs/architecture.md, "made to be tested".
#pragma once

#include <cstdint>

namespace thermocline::engine {

class Clock {
 public:
  virtual ~Clock() = default;
  /// Milliseconds since the Unix epoch; may jump. For deadlines that users give and see.
  virtual int64_t WallMs() = 0;
  /// Microseconds since an arbitrary start; never decreases. For intervals and measurements.
  virtual int64_t MonotonicUs() = 0;
};

/// The operating system's clocks. Stateless.
class RealClock final : public Clock {
 public:
  int64_t WallMs() override;
  int64_t MonotonicUs() override;
  /// One instance for everybody; never destroyed.
  static RealClock* Get();
};

}  // namespace thermocline::engine
