#include "engine/expiry_index.h"

#include <algorithm>

namespace thermocline::engine {

void ExpiryIndex::Add(int64_t deadline_ms, uint64_t position, int64_t now_ms) {
  if (size_ == 0) tick_ = now_ms >> kTickShift;  // an empty wheel turns for nothing
  ++size_;
  Place({deadline_ms, position});
}

void ExpiryIndex::Place(const Item& item) {
  // An item fires once its tick is over, so never early.
  const int64_t tick = (item.deadline_ms >> kTickShift) + 1;
  if (tick <= tick_) {
    due_.push_back(item);
    return;
  }
  // The lowest level at which it lies within one turn of the wheel; the top level wraps and
  // re-places.
  int level = 0;
  while (level < kLevels - 1 &&
         (tick >> (kSlotShift * (level + 1))) != (tick_ >> (kSlotShift * (level + 1)))) {
    ++level;
  }
  slots_[level][(tick >> (kSlotShift * level)) & (kSlots - 1)].push_back(item);
}

void ExpiryIndex::Advance(int64_t tick) {
  if (size_ == due_.size()) {  // the wheel is empty: nothing to turn
    tick_ = std::max(tick_, tick);
    return;
  }
  while (tick_ < tick) {
    ++tick_;
    // Entering a new slot of a higher level spreads that slot over the lower ones.
    for (int level = 1; level < kLevels; ++level) {
      if (tick_ & ((int64_t{1} << (kSlotShift * level)) - 1)) break;
      std::vector<Item> items;
      items.swap(slots_[level][(tick_ >> (kSlotShift * level)) & (kSlots - 1)]);
      for (const Item& item : items) Place(item);
    }
    std::vector<Item>& now = slots_[0][tick_ & (kSlots - 1)];
    if (now.empty()) continue;
    due_.insert(due_.end(), now.begin(), now.end());
    std::vector<Item>().swap(now);
  }
}

size_t ExpiryIndex::TakeDue(int64_t now_ms, size_t max, std::vector<Item>* out) {
  Advance(now_ms >> kTickShift);
  const size_t n = std::min(max, due_.size());
  out->insert(out->end(), due_.end() - static_cast<ptrdiff_t>(n), due_.end());
  due_.resize(due_.size() - n);
  if (due_.empty() && due_.capacity() > 4096) due_.shrink_to_fit();
  size_ -= n;
  return n;
}

}  // namespace thermocline::engine
