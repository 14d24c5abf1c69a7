// See key_picker.h.
#include "tools/bench/key_picker.h"

#include <bit>
#include <cmath>

namespace thermocline::tools {

uint64_t Mix64(uint64_t x) {
  x += 0x9e3779b97f4a7c15ull;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ull;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebull;
  return x ^ (x >> 31);
}

BenchRandom::BenchRandom(uint64_t seed) : state_{Mix64(seed), Mix64(~seed)} {}

uint64_t BenchRandom::Next() {
  uint64_t a = state_[0];
  const uint64_t b = state_[1];
  const uint64_t sum = a + b;
  state_[0] = b;
  a ^= a << 23;
  state_[1] = a ^ b ^ (a >> 18) ^ (b >> 5);
  return sum;
}

uint64_t BenchRandom::Below(uint64_t bound) {
  return static_cast<uint64_t>((static_cast<unsigned __int128>(Next()) * bound) >> 64);
}

double BenchRandom::Unit() { return static_cast<double>(Next() >> 11) * 0x1.0p-53; }

Scatter::Scatter(uint64_t keys) : keys_(keys) {
  const uint32_t bits = static_cast<uint32_t>(std::bit_width(keys > 1 ? keys - 1 : 1));
  half_bits_ = (bits + 1) / 2;
  half_mask_ = (uint64_t{1} << half_bits_) - 1;
}

uint64_t Scatter::operator()(uint64_t rank) const {
  // A Feistel network permutes [0, 2^(2 half_bits)); numbers outside the range walk on along their
  // cycle until they fall inside, which keeps the whole a bijection of [0, keys).
  do {
    uint64_t left = rank >> half_bits_;
    uint64_t right = rank & half_mask_;
    for (uint64_t round = 1; round <= 4; ++round) {
      const uint64_t next = left ^ (Mix64(right * 4 + round) & half_mask_);
      left = right;
      right = next;
    }
    rank = left << half_bits_ | right;
  } while (rank >= keys_);
  return rank;
}

class ZipfConstants {
 public:
  ZipfConstants(uint64_t keys, double theta) : theta_(theta) {
    for (uint64_t i = 1; i <= keys; ++i) zeta_ += std::pow(static_cast<double>(i), -theta);
    const double zeta2 = 1.0 + std::pow(0.5, theta);
    alpha_ = 1.0 / (1.0 - theta);
    eta_ = (1.0 - std::pow(2.0 / static_cast<double>(keys), 1.0 - theta)) / (1.0 - zeta2 / zeta_);
  }

  uint64_t Rank(double unit, uint64_t keys) const {
    const double scaled = unit * zeta_;
    if (scaled < 1.0 || keys == 1) return 0;
    if (scaled < 1.0 + std::pow(0.5, theta_) || keys == 2) return 1;
    const auto rank = static_cast<uint64_t>(static_cast<double>(keys) *
                                            std::pow(eta_ * unit - eta_ + 1.0, alpha_));
    return rank < keys ? rank : keys - 1;
  }

 private:
  double theta_;
  double zeta_ = 0;
  double alpha_ = 0;
  double eta_ = 0;
};

KeyPicker::KeyPicker(KeyDistribution distribution, uint64_t keys, double theta, uint64_t seed)
    : distribution_(distribution), keys_(keys), random_(seed), scatter_(keys) {
  if (distribution == KeyDistribution::kZipf || distribution == KeyDistribution::kLatest) {
    zipf_ = std::make_shared<ZipfConstants>(keys, theta);
  }
}

KeyPicker::KeyPicker(const KeyPicker& other, uint64_t seed)
    : distribution_(other.distribution_),
      keys_(other.keys_),
      random_(seed),
      scatter_(other.scatter_),
      zipf_(other.zipf_) {}

uint64_t KeyPicker::NextRank() { return zipf_->Rank(random_.Unit(), keys_); }

uint64_t KeyPicker::Next() {
  switch (distribution_) {
    case KeyDistribution::kUniform:
      return random_.Below(keys_);
    case KeyDistribution::kZipf:
      return scatter_(NextRank());
    case KeyDistribution::kLatest:
      return keys_ - 1 - NextRank();
    case KeyDistribution::kSequential:
      return sequence_++ % keys_;
  }
  return 0;
}

}  // namespace thermocline::tools
