// Access metadata of an entry: Redis's 24 bits (OBJECT IDLETIME, FREQ and the eviction policies
// read them) and the two-bit counter of the tiering policy.
//
// With an LFU policy the 24 bits are 16 of minutes and 8 of a logarithmic counter, otherwise
// seconds, as in Redis. The two-bit counter saturates at 3; a key that a read has just brought in
// is on probation: that read does not count, so a single pass over cold data leaves no trace.
// Executor thread.
#pragma once

#include <algorithm>

#include "engine/core.h"

namespace thermocline::engine {

inline constexpr uint32_t kLruClockMask = (1u << 24) - 1;
inline constexpr uint8_t kLfuInitial = 5;

inline bool IsLfu(EvictionPolicy policy) {
  return policy == EvictionPolicy::kAllKeysLfu || policy == EvictionPolicy::kVolatileLfu;
}
inline uint32_t LruClock(int64_t now_ms) {
  return static_cast<uint32_t>(now_ms / 1000) & kLruClockMask;
}
inline uint16_t LfuMinutes(int64_t now_ms) { return static_cast<uint16_t>(now_ms / 60'000); }

/// The logarithmic counter after the decay due at now_ms.
inline uint8_t DecayedLfu(const Core& core, uint32_t access) {
  const auto then = static_cast<uint16_t>(access >> 8);
  auto counter = static_cast<uint8_t>(access);
  if (core.options.lfu_decay_minutes > 0) {
    const uint16_t elapsed = static_cast<uint16_t>(LfuMinutes(core.now_ms) - then);
    const int periods = elapsed / core.options.lfu_decay_minutes;
    counter = static_cast<uint8_t>(std::max(0, counter - periods));
  }
  return counter;
}

inline void StampNew(Core& core, Entry* entry) {
  entry->set_access(IsLfu(core.options.policy)
                        ? uint32_t{LfuMinutes(core.now_ms)} << 8 | kLfuInitial
                        : LruClock(core.now_ms));
}

inline void StampUse(Core& core, Entry* entry) {
  if (IsLfu(core.options.policy)) {
    uint8_t counter = DecayedLfu(core, entry->access());
    if (counter < 255) {
      const double base = std::max(0, counter - kLfuInitial);
      if (core.random->Fraction() < 1.0 / (base * core.options.lfu_log_factor + 1)) ++counter;
    }
    entry->set_access(uint32_t{LfuMinutes(core.now_ms)} << 8 | counter);
  } else if (const uint32_t clock = LruClock(core.now_ms); entry->access() != clock) {
    entry->set_access(clock);
  }
  if (entry->Has(Entry::kInProbation)) {
    entry->Set(Entry::kInProbation, false);
  } else if (const unsigned f = entry->frequency(); f < 3) {
    entry->set_frequency(f + 1);
  }
}

}  // namespace thermocline::engine
