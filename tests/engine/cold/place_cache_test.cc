// PlaceCache: a place that is found is that of the newest row, whatever reads and batches overlap.
#include "engine/cold/place_cache.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <deque>
#include <vector>

#include "engine/env/random.h"

namespace thermocline::engine {
namespace {

constexpr ValuePlace kThere{.table = 3, .offset = 4096, .size = 5000};

TEST(PlaceCache, WhatWasFoundIsKnownUntilTheKeyChanges) {
  PlaceCache cache(1 << 20);
  EXPECT_FALSE(cache.Find(1, 7).known());
  EXPECT_EQ(cache.memory_bytes(), 0u);
  cache.Insert(1, 7, kThere, 0);
  EXPECT_EQ(cache.Find(1, 7), kThere);
  EXPECT_FALSE(cache.Find(2, 7).known());
  EXPECT_FALSE(cache.Find(1, 8).known());
  EXPECT_EQ(cache.memory_bytes(), size_t{1} << 20);
  cache.BeginBatch();
  cache.Changed(1, 7);
  EXPECT_FALSE(cache.Find(1, 7).known());
}

TEST(PlaceCache, AReadFromBeforeTheBatchLandedIsNotTaken) {
  PlaceCache cache(1 << 20);
  cache.Insert(1, 1, kThere, 0);
  cache.BeginBatch();
  cache.Changed(1, 7);
  cache.Insert(1, 7, kThere, 0);
  EXPECT_FALSE(cache.Find(1, 7).known());
  cache.Insert(1, 8, kThere, 0);  // not in the batch
  EXPECT_TRUE(cache.Find(1, 8).known());
  cache.Insert(1, 7, kThere, 1);
  EXPECT_TRUE(cache.Find(1, 7).known());
  cache.Insert(1, 7, {.table = 9}, 0);  // begun before all that, and late
  EXPECT_EQ(cache.Find(1, 7), kThere);
}

TEST(PlaceCache, BatchesFromBeforeTheFirstPlaceCount) {
  PlaceCache cache(1 << 20);
  cache.BeginBatch();
  cache.Changed(1, 7);
  cache.Insert(1, 7, kThere, 0);
  EXPECT_FALSE(cache.Find(1, 7).known());
  cache.Insert(1, 7, kThere, 1);
  EXPECT_TRUE(cache.Find(1, 7).known());
}

TEST(PlaceCache, WithoutMemoryNothingIsKnown) {
  PlaceCache cache(0);
  cache.BeginBatch();
  cache.Changed(1, 7);
  cache.Insert(1, 7, kThere, 1);
  EXPECT_FALSE(cache.Find(1, 7).known());
}

// Against a model: keys have versions, batches land in order some time after they are enqueued, and
// a read sees what has landed at some moment of its life. A place's offset is the version found.
TEST(PlaceCache, NoOldVersionIsEverFound) {
  struct Read {
    uint64_t key, landed, version;
    bool seen;
  };
  constexpr uint64_t kKeys = 40;
  size_t found = 0;
  for (uint64_t seed = 1; seed <= 200; ++seed) {
    Random random(seed);
    // From four places for all keys, where marks hardly ever stay, to enough.
    PlaceCache cache(size_t{64} << random.Uniform(6));
    std::vector<uint32_t> newest(kKeys), landed_version(kKeys);
    std::deque<std::vector<uint64_t>> queue;
    std::deque<std::vector<uint32_t>> versions;
    uint64_t landed = 0;
    std::vector<Read> reads;
    for (int step = 0; step < 2000; ++step) {
      switch (random.Uniform(5)) {
        case 0: {
          std::vector<uint64_t> keys;
          std::vector<uint32_t> values;
          cache.BeginBatch();
          for (uint64_t n = random.Uniform(3); n > 0; --n) {
            const uint64_t key = random.Uniform(kKeys);
            keys.push_back(key);
            values.push_back(++newest[key]);
            cache.Changed(5, key + 1);
          }
          queue.push_back(keys);
          versions.push_back(values);
          break;
        }
        case 1:
          if (queue.empty()) break;
          for (size_t i = 0; i < queue.front().size(); ++i) {
            landed_version[queue.front()[i]] = versions.front()[i];
          }
          queue.pop_front();
          versions.pop_front();
          ++landed;
          break;
        case 2:
          if (reads.size() < 8) reads.push_back({random.Uniform(kKeys), landed, 0, false});
          break;
        case 3:
          for (Read& read : reads) {
            if (read.seen || random.OneIn(2)) continue;
            read.seen = true;
            read.version = landed_version[read.key];
          }
          break;
        default: {
          const auto over =
              std::find_if(reads.begin(), reads.end(), [](const Read& read) { return read.seen; });
          if (over == reads.end() || random.OneIn(2)) break;
          cache.Insert(5, over->key + 1,
                       {.table = 1, .offset = static_cast<uint32_t>(over->version), .size = 1},
                       over->landed);
          reads.erase(over);
        }
      }
      const uint64_t key = random.Uniform(kKeys);
      const ValuePlace place = cache.Find(5, key + 1);
      if (!place.known()) continue;
      ++found;
      ASSERT_EQ(place.offset, newest[key]) << "seed " << seed << ", step " << step;
    }
  }
  EXPECT_GT(found, 10'000u);
}

}  // namespace
}  // namespace thermocline::engine
