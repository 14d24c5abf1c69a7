// PollPause: when the loop leaves the sockets alone for a moment, so that requests gather.
//
// A loop that is woken for every single request pays several times the request for it: the thread
// put to sleep and woken, the poll, the tick, and a client that was woken for one reply sends one
// request. Network cards moderate their interrupts for the same reason. The loop pauses before it
// polls where that delays nobody by more than it is worth:
//  - Cold reads keep every reader busy, a CPU has to do for four of them, and the last poll brought
//    little. CPU is short then: what the executor does not spend on waking, readers have.
//  - Many waits have just timed out (BRPOP), and nothing but waits ran lately. What comes next are
//    the next waits of those clients, one by one. The first other command ends this.
// Figures: docs/performance.md, "Cold" and "Collections". Executor thread.
#pragma once

#include <cstddef>
#include <cstdint>

namespace thermocline::server {

class PollPause {
 public:
  static constexpr int64_t kColdUs = 50;
  static constexpr size_t kFewRequests = 8;  // of one poll
  static constexpr int64_t kWaitsUs = 500;
  static constexpr size_t kManyTimeouts = 16;  // in one tick
  static constexpr int64_t kWaitsMs = 10;      // how long after them
  static constexpr int64_t kQuietMs = 20;      // since the last command that was no wait

  /// What happened from one poll to the next.
  struct Tick {
    int64_t now_ms = 0;     // of a clock that never jumps
    size_t requests = 0;    // reads of sockets that brought something
    size_t commands = 0;    // that ended, waits too
    size_t timeouts = 0;    // waits among them whose time was up
    size_t cold_reads = 0;  // in flight now
  };

  PollPause(size_t readers, size_t cpus) : readers_(readers), cpus_short_(4 * cpus <= readers) {}

  /// Microseconds to pause before the next poll; 0: none.
  int64_t Next(const Tick& tick) {
    if (tick.commands > tick.timeouts) {
      other_ms_ = tick.now_ms;
    } else if (tick.timeouts >= kManyTimeouts) {
      timeouts_ms_ = tick.now_ms;
    }
    if (cpus_short_ && tick.cold_reads >= readers_ && tick.requests < kFewRequests) return kColdUs;
    const bool waits = tick.now_ms - timeouts_ms_ < kWaitsMs && tick.now_ms - other_ms_ >= kQuietMs;
    return waits ? kWaitsUs : 0;
  }

 private:
  const size_t readers_;
  const bool cpus_short_;
  int64_t timeouts_ms_ = INT64_MIN / 2;  // when many ended
  int64_t other_ms_ = INT64_MIN / 2;     // when a command ran that was no wait
};

}  // namespace thermocline::server
