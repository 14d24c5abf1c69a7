// GhostQueue: which keys left memory lately without a second use (the ghost queue of S3-FIFO).
//
// A key that comes back while it is remembered has shown that it is used again, and need not pass
// the small queue. Remembered are 32-bit fingerprints: buckets of eight, each a FIFO, so that a key
// costs four bytes and nothing is allocated in use. About as many drops as there are places push an
// entry out. Forgetting early and 8 in 2^32 false memories cost a little hit ratio, nothing else.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <cstring>
#include <vector>

#include "engine/types.h"

namespace thermocline::engine {

class GhostQueue {
 public:
  static constexpr size_t kKeysMax = 1 << 20;

  /// Room for about `keys`; what was remembered is lost when the room grows.
  void Reserve(size_t keys) {
    const size_t buckets = std::bit_ceil(std::clamp<size_t>(keys, kWays, kKeysMax)) / kWays;
    if (buckets > buckets_.size()) buckets_.assign(buckets, {});
  }
  void Add(DbId id, uint64_t position) {
    if (buckets_.empty()) return;
    const uint64_t hash = Hash(id, position);
    Bucket& bucket = BucketOf(hash);
    std::memmove(&bucket[1], &bucket[0], sizeof(bucket) - sizeof(bucket[0]));
    bucket[0] = Fingerprint(hash);
  }
  /// Whether the key is remembered; it is forgotten by this.
  bool Take(DbId id, uint64_t position) {
    if (buckets_.empty()) return false;
    const uint64_t hash = Hash(id, position);
    Bucket& bucket = BucketOf(hash);
    const auto place = std::find(bucket.begin(), bucket.end(), Fingerprint(hash));
    if (place == bucket.end()) return false;
    std::move(place + 1, bucket.end(), place);
    bucket.back() = 0;
    return true;
  }
  size_t memory_bytes() const { return buckets_.capacity() * sizeof(Bucket); }

 private:
  static constexpr size_t kWays = 8;
  using Bucket = std::array<uint32_t, kWays>;  // the youngest first; 0: free

  // A position is a keyed hash, but its high bits are a cluster slot that many keys may share.
  static uint64_t Hash(DbId id, uint64_t position) {
    uint64_t x = (position ^ id * 0x9e3779b97f4a7c15u) * 0xbf58476d1ce4e5b9u;
    x ^= x >> 32;
    return x * 0x94d049bb133111ebu;
  }
  static uint32_t Fingerprint(uint64_t hash) {
    return std::max(static_cast<uint32_t>(hash >> 32), uint32_t{1});
  }
  Bucket& BucketOf(uint64_t hash) {
    return buckets_[static_cast<uint32_t>(hash) & (buckets_.size() - 1)];
  }

  std::vector<Bucket> buckets_;  // a power of two
};

}  // namespace thermocline::engine
