// Counters of the server, as INFO shows them: plain numbers that the executor alone changes.
//
// The hot path adds to them and nothing else; everything derived (rates, percentiles, microseconds)
// is computed when somebody asks. Times are kept in ticks of tick_clock.h and converted by the
// reader. Counters of the data (hits, expired keys, log) are the engine's: engine::Stats.
#pragma once

#include <array>
#include <bit>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "server/tick_clock.h"

namespace thermocline::server {

/// Log-linear histogram of durations: 8 steps for each power of two, so within 12.5 %.
class LatencyHistogram {
 public:
  static constexpr int kSubBits = 3;
  static constexpr int kBuckets = 40 << kSubBits;

  void Add(uint64_t ticks) { ++counts_[Bucket(ticks)]; }
  void Clear() { counts_.fill(0); }
  uint64_t count() const {
    uint64_t n = 0;
    for (const uint32_t c : counts_) n += c;
    return n;
  }
  /// Upper bound, in ticks, of the bucket that holds the given percentile (0..100]; 0 when empty.
  uint64_t Percentile(double percentile) const;

 private:
  static int Bucket(uint64_t ticks) {
    if (ticks < (1u << kSubBits)) return static_cast<int>(ticks);
    const int width = std::bit_width(ticks);
    const int bucket = ((width - kSubBits) << kSubBits) |
                       static_cast<int>((ticks >> (width - kSubBits - 1)) & ((1u << kSubBits) - 1));
    return bucket < kBuckets ? bucket : kBuckets - 1;
  }
  std::array<uint32_t, kBuckets> counts_{};
};

/// One row of INFO commandstats and latencystats.
struct CommandStats {
  uint64_t calls = 0;
  uint64_t ticks = 0;     // run time in all, see TicksToMicros
  uint64_t rejected = 0;  // refused before it ran (arity, NOAUTH, OOM, LOADING ...)
  uint64_t failed = 0;    // ran and answered an error
  LatencyHistogram latency;
};

/// A rate over the last 16 samples, one a cron call of 100 ms or so, as Redis's instantaneous_*.
class RateTracker {
 public:
  /// `counter` is the running total at `now_ms`.
  void Sample(uint64_t counter, int64_t now_ms) {
    if (last_ms_ > 0 && now_ms > last_ms_) {
      samples_[next_] = (counter - last_counter_) * 1000 / static_cast<uint64_t>(now_ms - last_ms_);
      next_ = (next_ + 1) % samples_.size();
    }
    last_ms_ = now_ms;
    last_counter_ = counter;
  }
  uint64_t PerSecond() const {
    uint64_t sum = 0;
    for (const uint64_t s : samples_) sum += s;
    return sum / samples_.size();
  }

 private:
  std::array<uint64_t, 16> samples_{};
  size_t next_ = 0;
  int64_t last_ms_ = 0;
  uint64_t last_counter_ = 0;
};

struct ServerStats {
  uint64_t commands_processed = 0;
  uint64_t connections_received = 0;
  uint64_t connections_rejected = 0;
  uint64_t net_input_bytes = 0;
  uint64_t net_output_bytes = 0;
  uint64_t reads_processed = 0;
  uint64_t writes_processed = 0;
  uint64_t error_replies = 0;
  uint64_t client_query_buffer_limit_disconnections = 0;
  uint64_t client_output_buffer_limit_disconnections = 0;
  uint64_t evicted_clients = 0;
  uint64_t parked_commands = 0;  // that waited for the cold tier or for memory
  uint64_t acl_denied_auth = 0;
  // Errors answered, by code: "ERR", "WRONGTYPE" ... Bounded, see kErrorCodesMax.
  std::map<std::string, uint64_t, std::less<>> errors;
  static constexpr size_t kErrorCodesMax = 128;
  // Gauges, kept by whoever changes them.
  uint64_t blocked_clients = 0;
  uint64_t watching_clients = 0;
  uint64_t client_bytes = 0;  // buffers and state of all clients, each as the cron saw it last
  // Sampled by the cron; RESETSTAT leaves these alone. Bytes, see SampleMemoryPeak.
  struct {
    uint64_t startup = 0;
    uint64_t peak = 0;
    int64_t sampled_ms = 0;
  } memory;
  // Sampled by the cron.
  RateTracker ops, input, output;

  /// `reply` begins with '-': counts its code.
  void CountError(std::string_view reply);
};

}  // namespace thermocline::server
