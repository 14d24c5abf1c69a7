// Random: the engine's only source of randomness; a seed fixes the whole sequence.
//
// xoshiro256** seeded through splitmix64: fast, good enough for sampling and generations, not for
// secrets. Secrets (the hash key) are made of Entropy(), which asks the operating system. An
// instance belongs to one thread.
#pragma once

#include <cstdint>

namespace thermocline::engine {

class Random {
 public:
  explicit Random(uint64_t seed);

  /// 64 uniform bits.
  uint64_t Next() {
    const uint64_t result = Rotate(state_[1] * 5, 7) * 9;
    const uint64_t t = state_[1] << 17;
    state_[2] ^= state_[0];
    state_[3] ^= state_[1];
    state_[1] ^= state_[2];
    state_[0] ^= state_[3];
    state_[2] ^= t;
    state_[3] = Rotate(state_[3], 45);
    return result;
  }

  /// Uniform in [0, n). REQUIRES: n > 0. The bias is below n / 2^64.
  uint64_t Uniform(uint64_t n) {
    return static_cast<uint64_t>((static_cast<unsigned __int128>(Next()) * n) >> 64);
  }

  /// True once in n calls on average. REQUIRES: n > 0.
  bool OneIn(uint64_t n) { return Uniform(n) == 0; }

  /// Uniform in [0, 1).
  double Fraction() { return static_cast<double>(Next() >> 11) * 0x1.0p-53; }

  /// 64 bits of the operating system's entropy; any thread. Dies if the system has none to give.
  static uint64_t Entropy();

 private:
  static uint64_t Rotate(uint64_t x, int k) { return (x << k) | (x >> (64 - k)); }

  uint64_t state_[4];
};

}  // namespace thermocline::engine
