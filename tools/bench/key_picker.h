// KeyPicker: which key the next command names.
//
// Distributions over [0, keys): uniform; Zipf with theta < 1 by the method of Gray et al. ("Quickly
// generating billion-record synthetic databases", 1994), whose ranks are scattered by a bijection
// so that popular keys do not lie side by side in any order; latest (Zipf counted back from the
// newest key); sequential. Two pickers with different seeds draw different keys, but agree on which
// keys are popular. Random is a small seeded generator (xorshift128+) that the whole bench shares.
// One thread owns a picker.
#pragma once

#include <cstdint>
#include <memory>

namespace thermocline::tools {

class BenchRandom {
 public:
  explicit BenchRandom(uint64_t seed);
  uint64_t Next();
  /// Uniform in [0, bound); bound > 0.
  uint64_t Below(uint64_t bound);
  /// Uniform in [0, 1).
  double Unit();

 private:
  uint64_t state_[2];
};

/// One step of splitmix64: a bijection of 64-bit numbers that looks random.
uint64_t Mix64(uint64_t x);

/// A bijection of [0, keys) onto itself: scatters ranks (cycle walking over a mixed power of two).
class Scatter {
 public:
  explicit Scatter(uint64_t keys);
  uint64_t operator()(uint64_t rank) const;

 private:
  uint64_t keys_;
  uint32_t half_bits_;
  uint64_t half_mask_;
};

enum class KeyDistribution : uint8_t { kUniform, kZipf, kLatest, kSequential };

class ZipfConstants;

class KeyPicker {
 public:
  /// REQUIRES: keys > 0; 0 < theta < 1 for kZipf and kLatest. Computing the constants of a Zipf
  /// distribution takes a time in proportion to keys; pickers of one class share them (the copy
  /// below).
  KeyPicker(KeyDistribution distribution, uint64_t keys, double theta, uint64_t seed);
  KeyPicker(const KeyPicker& other, uint64_t seed);

  uint64_t Next();

 private:
  uint64_t NextRank();

  KeyDistribution distribution_;
  uint64_t keys_;
  BenchRandom random_;
  Scatter scatter_;
  std::shared_ptr<const ZipfConstants> zipf_;
  uint64_t sequence_ = 0;
};

}  // namespace thermocline::tools
