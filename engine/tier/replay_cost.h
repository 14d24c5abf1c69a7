// ReplayCost: what replaying the log would take, so that checkpoints can bound it.
//
// An effect on a key that is in memory already is parsed and applied; the first one on a key also
// reads its base from the cold tier and makes a new entry, ten times as much and more. So a key
// changed a million times costs less than a hundred thousand keys changed once, and both numbers
// count. The share of a key depends on disk and data: it is measured at each start that replays
// enough.
#pragma once

#include <algorithm>
#include <cstdint>

namespace thermocline::engine {

class ReplayCost {
 public:
  static constexpr double kUsPerEffect = 0.5;
  static constexpr uint64_t kKeysMin = 20'000;  // fewer say nothing about the rate

  /// Microseconds for so many effects, and so many times that a key became dirty.
  double Estimate(uint64_t effects, uint64_t keys) const {
    return static_cast<double>(effects) * kUsPerEffect + static_cast<double>(keys) * us_per_key_;
  }
  /// A replay took `us` microseconds.
  void Learn(int64_t us, uint64_t effects, uint64_t keys) {
    if (keys < kKeysMin) return;
    const double of_keys = static_cast<double>(us) - static_cast<double>(effects) * kUsPerEffect;
    us_per_key_ = std::max(of_keys / static_cast<double>(keys), kUsPerKeyMin);
  }

 private:
  static constexpr double kUsPerKeyMin = 1.0;
  double us_per_key_ = kUsPerKeyMin;  // until something was measured
};

}  // namespace thermocline::engine
