// ExpiryIndex: which resident keys of one keyspace are due next.
//
// A hierarchical timing wheel (Varghese and Lauck, 1987): five levels of 128 slots, the lowest 128
// ms wide. An item is {deadline, position}, 16 bytes; a key is found again through its position.
// Items may be stale (the key is gone, or its deadline moved): whoever takes a due item looks at
// the entry. A deadline that moves later keeps its item, which is put back when it fires, so
// refreshing a TTL costs nothing here. Executor thread.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace thermocline::engine {

class ExpiryIndex {
 public:
  struct Item {
    int64_t deadline_ms;
    uint64_t position;
  };

  void Add(int64_t deadline_ms, uint64_t position, int64_t now_ms);
  /// Appends up to `max` items whose deadline is at most `now_ms`; at most kTickMs late. Returns
  /// how many.
  size_t TakeDue(int64_t now_ms, size_t max, std::vector<Item>* out);
  size_t size() const { return size_; }
  size_t memory_bytes() const { return size_ * sizeof(Item); }

  static constexpr int kTickShift = 7;
  static constexpr int64_t kTickMs = 1 << kTickShift;

 private:
  static constexpr int kSlotShift = 7;
  static constexpr int kSlots = 1 << kSlotShift;
  static constexpr int kLevels = 5;

  void Place(const Item& item);
  void Advance(int64_t tick);

  std::array<std::array<std::vector<Item>, kSlots>, kLevels> slots_;
  std::vector<Item> due_;
  int64_t tick_ = 0;  // all ticks below it were moved to due_
  size_t size_ = 0;
};

}  // namespace thermocline::engine
