// Intset: Redis's packed set of integers. docs/formats/packed.md.
//
// A header (bytes a number, count) and the numbers in ascending order, all of the same width: the
// smallest of 16, 32 and 64 bits that ever held every member. Membership is a binary search; an
// edit moves the numbers behind it, and now and then widens all. The width never shrinks.
//
// IntsetView reads sound bytes; IntsetAdd and IntsetRemove edit a ByteStore; ValidateIntset judges
// bytes from outside. Pure functions and value types.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "codec/bytes.h"
#include "codec/packed/byte_store.h"

namespace thermocline::codec {

namespace intset_format {
inline constexpr size_t kHeaderSize = 8;
}

class IntsetView {
 public:
  /// REQUIRES a sound intset.
  explicit IntsetView(std::string_view bytes) : bytes_(bytes) {}

  std::string_view bytes() const { return bytes_; }
  size_t byte_size() const { return bytes_.size(); }
  size_t size() const { return LoadFixed32(bytes_.data() + 4); }
  bool empty() const { return size() == 0; }
  /// Bytes a number: 2, 4 or 8.
  size_t width() const { return LoadFixed32(bytes_.data()); }

  /// The member number `index` in ascending order. REQUIRES index < size().
  int64_t At(size_t index) const {
    const size_t n = width();
    const char* p = bytes_.data() + intset_format::kHeaderSize + index * n;
    if (n == 2) return static_cast<int16_t>(LoadFixed16(p));
    if (n == 4) return static_cast<int32_t>(LoadFixed32(p));
    return static_cast<int64_t>(LoadFixed64(p));
  }
  /// The position of the first member not less than `value`; size() if there is none.
  size_t LowerBound(int64_t value) const;
  bool Contains(int64_t value) const;

 private:
  std::string_view bytes_;
};

/// The eight bytes of a set without members.
std::string_view EmptyIntset();

/// Returns false, and changes nothing, if `value` is a member.
bool IntsetAdd(ByteStore& store, int64_t value);
/// Returns false, and changes nothing, if `value` is no member.
bool IntsetRemove(ByteStore& store, int64_t value);

/// Bytes from outside: true if they have a known width, the announced size, at least one member,
/// and the members ascend.
bool ValidateIntset(std::string_view bytes);

}  // namespace thermocline::codec
