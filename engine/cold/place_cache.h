// PlaceCache: where cold values lie, as far as reads have found out.
//
// A value whose place is known is read from the file with one call and no search (direct_reads.h).
// The place holds as long as no newer row of the key is written. Rows are written in batches, which
// the executor enqueues and which land in that order; so a key of a batch is forgotten when the
// batch is enqueued, and a mark says so: a read that began before the batch landed may have found
// the row that the batch replaces, and what it found is not taken. A mark that has no room any more
// counts for all keys.
//
// Keys are 32-bit fingerprints in buckets of four places (a cache line), each a FIFO. A false
// fingerprint costs a read in vain, since the row is looked for under its whole key. It could do
// harm only if the block of the other key held an old row of this one: the two would have to be
// neighbours, and agree in the 32 bits and in those of the bucket (some 2^-46 a pair of keys).
// Executor thread.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>

#include "engine/cold/value_place.h"

namespace thermocline::engine {

class PlaceCache {
 public:
  /// At most so many bytes, from the first Insert on; 0: nothing is remembered.
  explicit PlaceCache(size_t bytes_max)
      : buckets_max_(std::bit_floor(bytes_max / sizeof(Bucket))) {}

  /// One more batch is enqueued; which keys have rows in it is told by Changed.
  void BeginBatch() { ++enqueued_; }
  void Changed(uint64_t id, uint64_t position) {
    if (buckets_ == nullptr) return;
    const uint64_t hash = Hash(id, position);
    Put(hash, {.fingerprint = Fingerprint(hash), .table = kChanged, .words = Split(enqueued_)});
  }
  /// Where the key's value lies.
  ValuePlace Find(uint64_t id, uint64_t position) const {
    if (buckets_ == nullptr) return {};
    const uint64_t hash = Hash(id, position);
    for (const Place& place : BucketOf(hash)) {
      if (place.fingerprint != Fingerprint(hash)) continue;
      if (place.table == kChanged) return {};
      return {.table = place.table, .offset = place.words[0], .size = place.words[1]};
    }
    return {};
  }
  /// A read that began when `landed` batches had landed found the value there.
  void Insert(uint64_t id, uint64_t position, const ValuePlace& found, uint64_t landed) {
    if (buckets_max_ == 0) return;
    if (buckets_ == nullptr) {  // no batch so far has left marks
      buckets_.reset(static_cast<Bucket*>(std::calloc(buckets_max_, sizeof(Bucket))));
      if (buckets_ == nullptr) return;
      forgotten_ = enqueued_;
    }
    if (landed < forgotten_) return;
    const uint64_t hash = Hash(id, position);
    for (const Place& place : BucketOf(hash)) {
      if (place.fingerprint == Fingerprint(hash) && place.table == kChanged &&
          Join(place.words) > landed) {
        return;
      }
    }
    Put(hash, {.fingerprint = Fingerprint(hash),
               .table = found.table,
               .words = {found.offset, found.size}});
  }

  /// Whether Changed() has anything to do.
  bool empty() const { return buckets_ == nullptr; }
  size_t memory_bytes() const { return empty() ? 0 : buckets_max_ * sizeof(Bucket); }

 private:
  static constexpr uint32_t kChanged = 0;  // as a table: no place, but a mark
  using Words = std::array<uint32_t, 2>;
  struct Place {
    uint32_t fingerprint = 0;  // 0: free
    uint32_t table = 0;
    Words words{};  // offset and size, or a mark's batch
  };
  using Bucket = std::array<Place, 4>;  // the youngest first

  static Words Split(uint64_t batch) {
    return {static_cast<uint32_t>(batch), static_cast<uint32_t>(batch >> 32)};
  }
  static uint64_t Join(const Words& words) { return words[0] | uint64_t{words[1]} << 32; }
  // A position is a keyed hash, but its high bits are a cluster slot that many keys may share: all
  // of it is mixed into the low bits, which choose the bucket, and the high ones, the fingerprint.
  static uint64_t Hash(uint64_t id, uint64_t position) {
    uint64_t x = (position ^ id * 0x9e3779b97f4a7c15u) * 0xbf58476d1ce4e5b9u;
    x ^= x >> 32;
    x *= 0x94d049bb133111ebu;
    return x ^ x >> 32;
  }
  static uint32_t Fingerprint(uint64_t hash) {
    return std::max(static_cast<uint32_t>(hash >> 32), uint32_t{1});
  }
  Bucket& BucketOf(uint64_t hash) const { return buckets_[hash & (buckets_max_ - 1)]; }
  // In front; what the bucket has under the fingerprint goes, or else its oldest. A mark that goes
  // counts for all keys, unless a younger one takes its place: the read that it is for may yet end.
  void Put(uint64_t hash, const Place& place) {
    Bucket& bucket = BucketOf(hash);
    size_t last = 0;
    while (last + 1 < bucket.size() && bucket[last].fingerprint != place.fingerprint) ++last;
    const Place& gone = bucket[last];
    const bool renewed = gone.fingerprint == place.fingerprint && place.table == kChanged;
    if (gone.fingerprint != 0 && gone.table == kChanged && !renewed) {
      forgotten_ = std::max(forgotten_, Join(gone.words));
    }
    std::move_backward(bucket.begin(), bucket.begin() + static_cast<std::ptrdiff_t>(last),
                       bucket.begin() + static_cast<std::ptrdiff_t>(last) + 1);
    bucket[0] = place;
  }

  const size_t buckets_max_;
  // From calloc: its pages are new, and zero without being touched at once.
  struct Free {
    void operator()(Bucket* buckets) const { std::free(buckets); }
  };
  std::unique_ptr<Bucket[], Free> buckets_;  // buckets_max_, a power of two, or none yet
  uint64_t enqueued_ = 0;
  uint64_t forgotten_ = 0;  // the youngest batch of a mark that had no room
};

}  // namespace thermocline::engine
