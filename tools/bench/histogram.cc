// See histogram.h. Bucket numbers: values below 128 have a bucket each; above, a value with top bit
// b lies in group b - 6, and its seven bits below the top bit choose the bucket of the group.
#include "tools/bench/histogram.h"

#include <algorithm>
#include <bit>
#include <cmath>

namespace thermocline::tools {
namespace {

constexpr uint32_t kSubBits = 7;
constexpr uint32_t kSubBuckets = 1u << kSubBits;
constexpr uint32_t kMaxBit = 40;
constexpr uint32_t kBuckets = (kMaxBit - kSubBits + 2) * kSubBuckets;

}  // namespace

Histogram::Histogram() : buckets_(kBuckets, 0) {}

uint32_t Histogram::BucketOf(uint64_t value_ns) {
  if (value_ns < kSubBuckets) return static_cast<uint32_t>(value_ns);
  const uint32_t top_bit = 63 - static_cast<uint32_t>(std::countl_zero(value_ns));
  if (top_bit > kMaxBit) return kBuckets - 1;
  const uint32_t shift = top_bit - kSubBits;
  const uint32_t group = shift + 1;
  return group * kSubBuckets + static_cast<uint32_t>((value_ns >> shift) & (kSubBuckets - 1));
}

uint64_t Histogram::UpperEdge(uint32_t bucket) {
  const uint32_t group = bucket / kSubBuckets;
  const uint64_t sub = bucket % kSubBuckets;
  if (group == 0) return sub;
  const uint32_t shift = group - 1;
  return ((kSubBuckets + sub + 1) << shift) - 1;
}

void Histogram::Record(uint64_t value_ns) {
  ++buckets_[BucketOf(value_ns)];
  ++count_;
  sum_ += static_cast<double>(value_ns);
  min_ = std::min(min_, value_ns);
  max_ = std::max(max_, value_ns);
}

void Histogram::Merge(const Histogram& other) {
  for (uint32_t i = 0; i < kBuckets; ++i) buckets_[i] += other.buckets_[i];
  count_ += other.count_;
  sum_ += other.sum_;
  min_ = std::min(min_, other.min_);
  max_ = std::max(max_, other.max_);
}

double Histogram::Mean() const { return count_ == 0 ? 0 : sum_ / static_cast<double>(count_); }

uint64_t Histogram::ValueAtPercentile(double percent) const {
  if (count_ == 0) return 0;
  const double wanted = std::clamp(percent, 0.0, 100.0) / 100.0 * static_cast<double>(count_);
  const uint64_t rank = std::max<uint64_t>(1, static_cast<uint64_t>(std::ceil(wanted)));
  uint64_t seen = 0;
  for (uint32_t i = 0; i < kBuckets; ++i) {
    seen += buckets_[i];
    if (seen >= rank) return std::min(UpperEdge(i), max_);
  }
  return max_;
}

}  // namespace thermocline::tools
