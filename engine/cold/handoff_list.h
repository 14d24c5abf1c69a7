// HandoffList: items that any number of threads push and one takes all at once, oldest first.
//
// Without a lock, because one end may be a thread of low priority: preempted inside a lock it would
// hold up the other end until it gets a CPU again (docs/performance.md, "Cold"). Only whole
// lists are taken, so no item can come back between a look at the head and the exchange (no ABA).
// Items are not owned.
#pragma once

#include <atomic>
#include <cstddef>

namespace thermocline::engine {

/// T has a member `T* next`, which is the list's from Push until the item is taken.
template <typename T>
class HandoffList {
 public:
  /// Any thread. What was written before is seen by whoever takes the item; sequentially consistent
  /// with other such operations.
  void Push(T* item) {
    T* head = head_.load();
    do {
      item->next = head;
    } while (!head_.compare_exchange_weak(head, item));
  }
  /// Any thread.
  bool empty() const { return head_.load() == nullptr; }
  /// Calls fn(T*) for each item; returns how many. The item is the callee's. One thread at a time.
  template <typename Fn>
  size_t TakeAll(Fn&& fn) {
    T* oldest = nullptr;
    for (T* item = head_.exchange(nullptr); item != nullptr;) {
      T* const older = item->next;
      item->next = oldest;
      oldest = item;
      item = older;
    }
    size_t taken = 0;
    while (oldest != nullptr) {
      T* const item = oldest;
      oldest = item->next;
      fn(item);
      ++taken;
    }
    return taken;
  }

 private:
  std::atomic<T*> head_{nullptr};
};

}  // namespace thermocline::engine
