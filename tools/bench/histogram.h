// Histogram: latencies in log-linear buckets, the idea of HdrHistogram in a small form.
//
// Every power of two is cut into 128 equal buckets, so a reported value is within 0.8 % of the true
// one over the whole range from 1 ns to 2^40 ns (18 minutes); larger values are counted in the last
// bucket, while max() stays exact. Recording is an index computation and an increment. One thread
// owns a histogram; the threads' histograms are merged after the run.
#pragma once

#include <cstdint>
#include <vector>

namespace thermocline::tools {

class Histogram {
 public:
  Histogram();

  void Record(uint64_t value_ns);
  void Merge(const Histogram& other);

  uint64_t count() const { return count_; }
  uint64_t max() const { return max_; }
  uint64_t min() const { return count_ == 0 ? 0 : min_; }
  double Mean() const;
  /// The value below or at which `percent` (0..100) of all records lie, as the upper edge of its
  /// bucket (never above max()); 0 when empty.
  uint64_t ValueAtPercentile(double percent) const;

  /// Bucket of a value, and the largest value of a bucket; public for the tests.
  static uint32_t BucketOf(uint64_t value_ns);
  static uint64_t UpperEdge(uint32_t bucket);

 private:
  std::vector<uint64_t> buckets_;
  uint64_t count_ = 0;
  uint64_t min_ = UINT64_MAX;
  uint64_t max_ = 0;
  double sum_ = 0;
};

}  // namespace thermocline::tools
