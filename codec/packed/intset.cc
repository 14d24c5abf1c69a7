// Layout: docs/formats/packed.md.
#include "codec/packed/intset.h"

#include <limits>

namespace thermocline::codec {
namespace {

size_t WidthOf(int64_t value) {
  if (value >= std::numeric_limits<int16_t>::min() &&
      value <= std::numeric_limits<int16_t>::max()) {
    return 2;
  }
  if (value >= std::numeric_limits<int32_t>::min() &&
      value <= std::numeric_limits<int32_t>::max()) {
    return 4;
  }
  return 8;
}

void StoreMember(char* start, size_t width, size_t index, int64_t value) {
  char* const p = start + intset_format::kHeaderSize + index * width;
  if (width == 2) {
    StoreFixed16(p, static_cast<uint16_t>(value));
  } else if (width == 4) {
    StoreFixed32(p, static_cast<uint32_t>(value));
  } else {
    StoreFixed64(p, static_cast<uint64_t>(value));
  }
}

void StoreIntsetHeader(char* start, size_t width, size_t count) {
  StoreFixed32(start, static_cast<uint32_t>(width));
  StoreFixed32(start + 4, static_cast<uint32_t>(count));
}

// The new member is beyond all others, because it needs more bits than any of them.
void Widen(ByteStore& store, size_t width, int64_t value) {
  const IntsetView before(store.bytes());
  const size_t count = before.size();
  const size_t old_width = before.width();
  const size_t size = before.byte_size();
  char* const start =
      store.Splice(size, 0, intset_format::kHeaderSize + (count + 1) * width - size) - size;
  const IntsetView old({start, intset_format::kHeaderSize + count * old_width});
  const size_t shift = value < 0 ? 1 : 0;
  // From the last to the first: a wider number is written where no unread one is left.
  for (size_t i = count; i > 0; --i) StoreMember(start, width, i - 1 + shift, old.At(i - 1));
  StoreMember(start, width, shift == 1 ? 0 : count, value);
  StoreIntsetHeader(start, width, count + 1);
}

}  // namespace

size_t IntsetView::LowerBound(int64_t value) const {
  size_t low = 0;
  size_t high = size();
  while (low < high) {
    const size_t middle = low + (high - low) / 2;
    if (At(middle) < value) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return low;
}

bool IntsetView::Contains(int64_t value) const {
  if (WidthOf(value) > width()) return false;
  const size_t at = LowerBound(value);
  return at < size() && At(at) == value;
}

std::string_view EmptyIntset() {
  static constexpr char kEmpty[] = {2, 0, 0, 0, 0, 0, 0, 0};
  return {kEmpty, sizeof(kEmpty)};
}

bool IntsetAdd(ByteStore& store, int64_t value) {
  const IntsetView before(store.bytes());
  const size_t width = before.width();
  if (WidthOf(value) > width) {
    Widen(store, WidthOf(value), value);
    return true;
  }
  const size_t count = before.size();
  // Members often come in ascending order.
  const size_t at = count > 0 && before.At(count - 1) < value ? count : before.LowerBound(value);
  if (at < count && before.At(at) == value) return false;
  const size_t offset = intset_format::kHeaderSize + at * width;
  char* const start = store.Splice(offset, 0, width) - offset;
  StoreMember(start, width, at, value);
  StoreIntsetHeader(start, width, count + 1);
  return true;
}

bool IntsetRemove(ByteStore& store, int64_t value) {
  const IntsetView before(store.bytes());
  if (!before.Contains(value)) return false;
  const size_t width = before.width();
  const size_t count = before.size();
  const size_t offset = intset_format::kHeaderSize + before.LowerBound(value) * width;
  char* const start = store.Splice(offset, width, 0) - offset;
  StoreIntsetHeader(start, width, count - 1);
  return true;
}

bool ValidateIntset(std::string_view bytes) {
  if (bytes.size() < intset_format::kHeaderSize) return false;
  const IntsetView view(bytes);
  const size_t width = view.width();
  if (width != 2 && width != 4 && width != 8) return false;
  const size_t count = view.size();
  if (count == 0 || intset_format::kHeaderSize + count * width != bytes.size()) return false;
  for (size_t i = 1; i < count; ++i) {
    if (view.At(i - 1) >= view.At(i)) return false;
  }
  return true;
}

}  // namespace thermocline::codec
