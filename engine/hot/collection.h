// Collection: a list, hash, set or sorted set that has outgrown its packed form.
//
// Owned by one Entry, which stores a pointer to it. The types (engine/types) derive from it; the
// entry asks only what accounting needs, and frees it, on whatever thread has been given it. One
// thread at a time; no locks.
#pragma once

#include <cstddef>
#include <cstdint>

namespace thermocline::engine {

class Collection {
 public:
  Collection() = default;
  Collection(const Collection&) = delete;
  Collection& operator=(const Collection&) = delete;
  virtual ~Collection() = default;

  /// Bytes of all blocks it owns, itself included, in allocator classes (allocation.h). O(1): read
  /// twice for every change.
  size_t memory_bytes() const { return bytes_; }
  /// Elements: list items, fields, members. O(1).
  virtual size_t size() const = 0;
  /// Two phases of a batch, some lookups apart: fetch what finding the element at `position`
  /// (PositionOfMember) will read. A type without such a lookup does nothing.
  virtual void PrefetchBucket(uint64_t) const {}
  virtual void PrefetchElement(uint64_t) const {}

 protected:
  size_t bytes_ = 0;  // kept by the type
};

}  // namespace thermocline::engine
