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
  static constexpr double kUsPerByte = 0.001;   // read, checked, copied
  static constexpr uint64_t kKeysMin = 20'000;  // fewer say nothing about the rate

  /// Microseconds for so many effects, so many times that a key became dirty, and bytes of log.
  double Estimate(uint64_t effects, uint64_t keys, uint64_t bytes) const {
    return WithoutKeys(effects, bytes) +
           static_cast<double>(keys) * std::max(learned_us_per_key_, kUsPerKeyMin);
  }
  /// A replay took `us` microseconds.
  void Learn(int64_t us, uint64_t effects, uint64_t keys, uint64_t bytes) {
    if (keys < kKeysMin) return;
    const double of_keys = static_cast<double>(us) - WithoutKeys(effects, bytes);
    learned_us_per_key_ = std::max(of_keys / static_cast<double>(keys), kUsPerKeyMin);
  }
  /// 0 until something was measured.
  double learned_us_per_key() const { return learned_us_per_key_; }
  /// What an earlier run learned; whatever it is, it is taken for a number that can be.
  void Recall(double us_per_key) {
    if (us_per_key >= kUsPerKeyMin && us_per_key <= kUsPerKeyMax) learned_us_per_key_ = us_per_key;
  }

 private:
  static constexpr double kUsPerKeyMin = 0.5;
  static constexpr double kUsPerKeyMax = 1e6;

  static double WithoutKeys(uint64_t effects, uint64_t bytes) {
    return static_cast<double>(effects) * kUsPerEffect + static_cast<double>(bytes) * kUsPerByte;
  }

  double learned_us_per_key_ = 0;
};

}  // namespace thermocline::engine
