// Histogram: the error bound of its buckets, percentiles against sorted records, merging.
#include "tools/bench/histogram.h"

#include <algorithm>
#include <random>
#include <vector>

#include "gtest/gtest.h"

namespace thermocline::tools {
namespace {

TEST(HistogramTest, EveryValueLiesInItsBucketWithinOnePercent) {
  std::mt19937_64 random(1);
  for (int i = 0; i < 200'000; ++i) {
    const uint64_t value = random() >> (24 + random() % 40);
    const uint64_t edge = Histogram::UpperEdge(Histogram::BucketOf(value));
    ASSERT_GE(edge, value);
    ASSERT_LE(static_cast<double>(edge - value), 0.008 * static_cast<double>(value)) << value;
  }
}

TEST(HistogramTest, BucketsAreContiguousAndOrdered) {
  for (uint32_t bucket = 0; bucket < 4000; ++bucket) {
    const uint64_t edge = Histogram::UpperEdge(bucket);
    EXPECT_EQ(Histogram::BucketOf(edge), bucket);
    EXPECT_EQ(Histogram::BucketOf(edge + 1), bucket + 1);
  }
}

TEST(HistogramTest, PercentilesAgreeWithSortedRecords) {
  std::mt19937_64 random(2);
  std::lognormal_distribution<double> latencies(11, 1.5);
  Histogram histogram;
  std::vector<uint64_t> records;
  for (int i = 0; i < 100'000; ++i) {
    records.push_back(static_cast<uint64_t>(latencies(random)));
    histogram.Record(records.back());
  }
  std::sort(records.begin(), records.end());
  for (const double percent : {1.0, 50.0, 90.0, 99.0, 99.9}) {
    const size_t rank = static_cast<size_t>(percent / 100 * static_cast<double>(records.size()));
    const auto exact = static_cast<double>(records[rank - 1]);
    EXPECT_NEAR(static_cast<double>(histogram.ValueAtPercentile(percent)), exact, exact * 0.01);
  }
  EXPECT_EQ(histogram.ValueAtPercentile(100), records.back());
  EXPECT_EQ(histogram.max(), records.back());
  EXPECT_EQ(histogram.min(), records.front());
}

TEST(HistogramTest, MergedHalvesEqualTheWhole) {
  std::mt19937_64 random(3);
  Histogram whole, left, right;
  for (int i = 0; i < 10'000; ++i) {
    const uint64_t value = random() % 1'000'000;
    whole.Record(value);
    (i % 3 == 0 ? left : right).Record(value);
  }
  left.Merge(right);
  EXPECT_EQ(left.count(), whole.count());
  EXPECT_EQ(left.max(), whole.max());
  EXPECT_EQ(left.min(), whole.min());
  EXPECT_DOUBLE_EQ(left.Mean(), whole.Mean());
  for (double percent = 0; percent <= 100; percent += 0.5) {
    EXPECT_EQ(left.ValueAtPercentile(percent), whole.ValueAtPercentile(percent));
  }
}

TEST(HistogramTest, HugeValuesAreCountedAndTheMaximumStaysExact) {
  Histogram histogram;
  histogram.Record(UINT64_MAX - 5);
  EXPECT_EQ(histogram.count(), 1u);
  EXPECT_EQ(histogram.max(), UINT64_MAX - 5);
}

TEST(HistogramTest, EmptyAnswersZero) {
  const Histogram histogram;
  EXPECT_EQ(histogram.ValueAtPercentile(99), 0u);
  EXPECT_EQ(histogram.min(), 0u);
  EXPECT_EQ(histogram.Mean(), 0);
}

}  // namespace
}  // namespace thermocline::tools
