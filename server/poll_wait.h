// PollWait: how the loop waits for its sockets: asleep in the poll, polling on, or leaving them
// alone for a moment.
//
// To be put to sleep and woken takes longer than a command, and the one who waits for the reply
// waits for that as well. So the loop polls on without sleeping where the next request is likely to
// be there sooner than sleep would have paid: when three of the last four waits were that short. It
// then takes no more CPU than sleeping would have (polling on costs what being put to sleep and
// woken costs), and a single client has its reply in half the time. Not while readers fetch from
// disk or with a single CPU: others need it more. And not after a tick that waited for a sync
// of the log (`appendfsync always`), while which the clients slept too: nothing is gained.
//
// A loop that is woken for every single request of many clients, though, pays several times the
// request for it. Network cards moderate their interrupts for the same reason. The loop pauses
// before it polls where that delays nobody by more than it is worth:
//  - Cold reads keep every reader busy, a CPU has to do for four of them, and the last poll brought
//    little. CPU is short then: what the executor does not spend on waking, readers have.
//  - Many waits have just timed out (BRPOP), and nothing but waits runs lately. What comes next are
//    the next waits of those clients, one by one. The first other command ends this.
// Figures: docs/performance.md, "Waiting for requests", "Cold" and "Collections". Executor thread.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>

namespace thermocline::server {

class PollWait {
 public:
  static constexpr int64_t kColdUs = 50;
  static constexpr size_t kFewRequests = 8;  // of one poll
  static constexpr int64_t kWaitsUs = 500;
  static constexpr size_t kManyTimeouts = 16;  // in one tick
  static constexpr int64_t kWaitsMs = 10;      // how long after them
  static constexpr int64_t kQuietMs = 20;      // since the last command that was no wait
  static constexpr uint32_t kLastWaits = 4;    // how many are looked at
  static constexpr int kShortWaits = 3;        // so many of them let the loop poll on

  /// What happened from one poll to the next.
  struct Tick {
    int64_t now_ms = 0;        // of a clock that never jumps
    size_t requests = 0;       // reads of sockets that brought something
    size_t commands = 0;       // that ended, waits too
    size_t timeouts = 0;       // waits among them whose time was up
    size_t cold_reads = 0;     // in flight now
    bool synced = false;       // the tick waited for the log to be durable
    int64_t busy_poll_us = 0;  // the directive
  };

  /// What the loop does before it sleeps in the poll. At most one of both is set.
  struct Plan {
    int64_t pause_us = 0;  // look at no socket for so long
    int64_t poll_us = 0;   // look at them again and again, for at most so long
    bool operator==(const Plan&) const = default;
  };

  PollWait(size_t readers, size_t cpus)
      : readers_(readers), alone_(cpus < 2), cpus_short_(4 * cpus <= readers) {}

  Plan Next(const Tick& tick) {
    short_us_ = tick.busy_poll_us;
    if (tick.commands > tick.timeouts) {
      other_ms_ = tick.now_ms;
    } else if (tick.timeouts >= kManyTimeouts) {
      timeouts_ms_ = tick.now_ms;
    }
    if (cpus_short_ && tick.cold_reads >= readers_ && tick.requests < kFewRequests) {
      return {.pause_us = kColdUs};
    }
    if (tick.now_ms - timeouts_ms_ < kWaitsMs && tick.now_ms - other_ms_ >= kQuietMs) {
      return {.pause_us = kWaitsUs};
    }
    if (alone_ || tick.synced || tick.cold_reads > 0 || std::popcount(last_waits_) < kShortWaits)
      return {};
    return {.poll_us = tick.busy_poll_us};
  }

  /// The wait that Next() was asked about is over: `us` from there to the first tick behind it.
  void Waited(int64_t us) {
    last_waits_ = (last_waits_ << 1 | static_cast<uint32_t>(us <= short_us_)) & kLastMask;
  }

 private:
  static constexpr uint32_t kLastMask = (1u << kLastWaits) - 1;

  const size_t readers_;
  const bool alone_;
  const bool cpus_short_;
  int64_t short_us_ = 0;
  uint32_t last_waits_ = 0;              // a bit each, the last one lowest: it was short
  int64_t timeouts_ms_ = INT64_MIN / 2;  // when many ended
  int64_t other_ms_ = INT64_MIN / 2;     // when a command ran that was no wait
};

}  // namespace thermocline::server
