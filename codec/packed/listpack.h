// Listpack: Redis 7's packed sequence of strings and integers. docs/formats/packed.md.
//
// A header (size in bytes, count), the elements, an end byte. Each element is followed by its own
// length, so a walk goes both ways. Lists are chains of listpacks; small hashes and sorted sets are
// one each in the cold tier and in RDB files.
//
// In memory small hashes, sets and sorted sets are in a one-way layout: the same elements without
// those lengths and without the size, which the entry knows. It saves a byte an element, a tenth of
// a small hash. What works on both layouts takes one of them as its template argument. In a one-way
// listpack an element may be a reference to a name (field_names.h), which reads as the name's text.
//
// Four parts:
// - ListpackView and OneWayListpackView read bytes that are known to be sound (ours, or validated).
//   An element is named by its offset from the start, kNone stands for "no element". Offsets are
//   good until the next edit.
// - The free functions edit a listpack inside a ByteStore; an edit moves the bytes behind it, once.
// - ToOneWay and AppendTwoWay carry one layout into the other.
// - ValidateListpack judges bytes from outside, before anything else may look at them.
//
// Text that is the canonical form of a signed 64-bit integer ("12", not "+12", "012" or "-0") is
// stored as a number, exactly as Redis does, and reads as the same text. Texts given to an edit
// must not lie inside the edited store. Pure functions and value types.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>

#include "codec/bytes.h"
#include "codec/packed/byte_store.h"
#include "codec/packed/field_names.h"
#include "codec/packed/packed_value.h"

namespace thermocline::codec {

/// No listpack grows beyond this (Redis's own limit); callers convert or start a new node before.
inline constexpr size_t kMaxListpackBytes = size_t{1} << 30;

namespace listpack_format {
inline constexpr uint8_t kEnd = 0xff;
/// In the header's count: walk to know.
inline constexpr uint16_t kCountUnknown = 0xffff;
inline constexpr uint8_t kText32 = 0xf0;
inline constexpr uint8_t kInt16 = 0xf1;
inline constexpr uint8_t kInt24 = 0xf2;
inline constexpr uint8_t kInt32 = 0xf3;
inline constexpr uint8_t kInt64 = 0xf4;
/// One-way ones alone: eight heads, whose low three bits are the high ones of a name's number.
inline constexpr uint8_t kName = 0xf5;
inline constexpr size_t kNameSize = 2;
static_assert((kEnd - kName) * 256 >= FieldNames::kMax);

/// Bytes of the length that follows an element whose head and data have `n` bytes.
inline size_t BacklenSize(size_t n) {
  return n <= 127 ? 1 : n < 16383 ? 2 : n < 2097151 ? 3 : n < 268435455 ? 4 : 5;
}

/// Bytes of head and data of the sound element at `p`.
inline size_t EncodedSize(const char* p) {
  const auto head = static_cast<uint8_t>(*p);
  const auto byte = [p](size_t i) { return static_cast<size_t>(static_cast<uint8_t>(p[i])); };
  if (head < 0x80) return 1;
  if (head < 0xc0) return 1 + (head & 0x3fU);
  if (head < 0xe0) return 2;
  if (head < 0xf0) return 2 + ((head & 0x0fU) << 8 | byte(1));
  switch (head) {
    case kText32:
      return 5 + size_t{LoadFixed32(p + 1)};
    case kInt16:
      return 3;
    case kInt24:
      return 4;
    case kInt32:
      return 5;
    case kInt64:
      return 9;
    default:
      return kNameSize;
  }
}
/// The number in a reference to a name.
inline uint16_t NameNumber(const char* p) {
  return static_cast<uint16_t>((static_cast<uint8_t>(*p) - kName) << 8 |
                               static_cast<uint8_t>(p[1]));
}

/// Redis's layout.
struct TwoWay {
  static constexpr bool kBackwards = true;
  static constexpr size_t kHeaderSize = 6;
  static constexpr size_t kCountAt = 4;
  /// Bytes behind an element whose head and data have `n`.
  static size_t TrailerSize(size_t n) { return BacklenSize(n); }
};
/// The count, the elements, the end byte. Elements may be references to names.
struct OneWay {
  static constexpr bool kBackwards = false;
  static constexpr size_t kHeaderSize = 2;
  static constexpr size_t kCountAt = 0;
  static size_t TrailerSize(size_t) { return 0; }
};
}  // namespace listpack_format

template <class Layout>
class BasicListpackView {
 public:
  static constexpr size_t kNone = static_cast<size_t>(-1);

  /// REQUIRES a sound listpack of this layout; `names` if it may refer to names.
  explicit BasicListpackView(std::string_view bytes, const FieldNames* names = nullptr)
      : bytes_(bytes), names_(names) {}

  std::string_view bytes() const { return bytes_; }
  size_t byte_size() const { return bytes_.size(); }
  const FieldNames* names() const { return names_; }

  /// Elements: O(1) below 65535, else a walk.
  size_t size() const {
    const uint16_t count = LoadFixed16(bytes_.data() + Layout::kCountAt);
    return count != listpack_format::kCountUnknown ? count : CountByWalk();
  }
  bool empty() const { return bytes_.size() == Layout::kHeaderSize + 1; }

  /// Where an element appended would begin.
  size_t end() const { return bytes_.size() - 1; }
  size_t First() const { return ElementOrNone(Layout::kHeaderSize); }
  size_t Last() const requires(Layout::kBackwards) { return Before(end()); }
  /// The neighbour, or kNone at the end. REQUIRES an element at `offset`.
  size_t Next(size_t offset) const { return ElementOrNone(offset + EntrySize(offset)); }
  size_t Prev(size_t offset) const requires(Layout::kBackwards) { return Before(offset); }
  /// The element number `index` (from 0), walked to from the nearer end; kNone if there are not so
  /// many. Two-way ones alone: -1 is the last, -2 the one before.
  size_t Seek(int64_t index) const;

  /// REQUIRES an element at `offset`. Text borrows from the bytes, or from the names.
  PackedValue At(size_t offset) const {
    using namespace listpack_format;
    const char* p = bytes_.data() + offset;
    const auto head = static_cast<uint8_t>(*p);
    if (head < 0x80) return PackedValue::Int(head);
    if (head < 0xc0) return PackedValue::Text({p + 1, head & 0x3fU});
    if (head < 0xe0) {
      const int value = (head & 0x1f) << 8 | static_cast<uint8_t>(p[1]);
      return PackedValue::Int(value < 1 << 12 ? value : value - (1 << 13));
    }
    if (head < 0xf0) {
      return PackedValue::Text({p + 2, (head & 0x0fU) << 8 | static_cast<uint8_t>(p[1])});
    }
    switch (head) {
      case kText32:
        return PackedValue::Text({p + 5, LoadFixed32(p + 1)});
      case kInt16:
        return PackedValue::Int(static_cast<int16_t>(LoadFixed16(p + 1)));
      case kInt24: {
        const int32_t low = LoadFixed16(p + 1);
        return PackedValue::Int(low + static_cast<int8_t>(p[3]) * (1 << 16));
      }
      case kInt32:
        return PackedValue::Int(static_cast<int32_t>(LoadFixed32(p + 1)));
      case kInt64:
        return PackedValue::Int(static_cast<int64_t>(LoadFixed64(p + 1)));
      default:  // a sound listpack refers to names only if it was given some
        // NOLINTNEXTLINE(clang-analyzer-core.CallAndMessage)
        return PackedValue::Text(names_->At(NameNumber(p)));
    }
  }
  /// Bytes of the element at `offset`, all of it.
  size_t EntrySize(size_t offset) const {
    const size_t n = listpack_format::EncodedSize(bytes_.data() + offset);
    return n + Layout::TrailerSize(n);
  }

  /// True if the element's text is `text`.
  bool Equals(size_t offset, std::string_view text) const;
  /// The first element with this text among `from` and every `stride`-th behind it (2: the fields
  /// of a hash); kNone if there is none or `from` is kNone. Compares stored forms: no element is
  /// turned into text.
  size_t Find(size_t from, std::string_view text, size_t stride = 1) const;

 private:
  size_t ElementOrNone(size_t offset) const {
    return static_cast<uint8_t>(bytes_[offset]) == listpack_format::kEnd ? kNone : offset;
  }
  size_t Before(size_t offset) const;
  size_t CountByWalk() const;

  std::string_view bytes_;
  const FieldNames* names_;
};
using ListpackView = BasicListpackView<listpack_format::TwoWay>;
using OneWayListpackView = BasicListpackView<listpack_format::OneWay>;

/// An element about to be stored: its encoding is chosen here, its bytes are written in place. Also
/// the answer to "how many bytes would this take". Borrows the text.
class ListpackElement {
 public:
  // NOLINTBEGIN(google-explicit-constructor): the two are what an element is
  ListpackElement(std::string_view text);
  ListpackElement(int64_t number);
  // NOLINTEND(google-explicit-constructor)
  /// As it was read: the number or the text, whose encoding is chosen anew.
  explicit ListpackElement(const PackedValue& value)
      : ListpackElement(value.is_int ? ListpackElement(value.number)
                                     : ListpackElement(value.text)) {}
  /// A reference; in one-way listpacks alone.
  static ListpackElement OfName(uint16_t number);

  /// Bytes in a listpack, all of them.
  template <class Layout = listpack_format::TwoWay>
  size_t size() const {
    const size_t n = head_size_ + data_.size();
    return n + Layout::TrailerSize(n);
  }
  /// Writes size<Layout>() bytes and returns their end.
  template <class Layout = listpack_format::TwoWay>
  char* Store(char* out) const;

 private:
  ListpackElement() = default;
  void SetNumber(int64_t number);

  char head_[9];
  uint8_t head_size_ = 0;
  std::string_view data_;  // what follows the head; empty for a number
};

/// A listpack without elements.
template <class Layout = listpack_format::TwoWay>
std::string_view EmptyListpack();

/// Inserts before the element at `at` (or at the end, if `at` is ListpackView::end()); returns
/// `at`, where the first inserted element is now. REQUIRES that the result is at most
/// kMaxListpackBytes.
template <class Layout = listpack_format::TwoWay>
size_t ListpackInsert(ByteStore& store, size_t at, std::span<const ListpackElement> elements);
template <class Layout = listpack_format::TwoWay>
size_t ListpackInsert(ByteStore& store, size_t at, const ListpackElement& element) {
  return ListpackInsert<Layout>(store, at, std::span(&element, 1));
}
/// Inserts behind the element at `at`; returns the offset of the new one.
size_t ListpackInsertAfter(ByteStore& store, size_t at, const ListpackElement& element);
template <class Layout = listpack_format::TwoWay>
size_t ListpackAppend(ByteStore& store, const ListpackElement& element) {
  return ListpackInsert<Layout>(store, BasicListpackView<Layout>(store.bytes()).end(), element);
}
size_t ListpackPrepend(ByteStore& store, const ListpackElement& element);

/// Puts `element` in the place of the one at `at`, which stays its offset.
template <class Layout = listpack_format::TwoWay>
void ListpackReplace(ByteStore& store, size_t at, const ListpackElement& element);

/// Removes up to `n` elements from `at` on; returns the offset of the element that follows now, or
/// kNone. REQUIRES an element at `at`.
template <class Layout = listpack_format::TwoWay>
size_t ListpackErase(ByteStore& store, size_t at, size_t n = 1);
/// Removes up to `n` elements from number `index` on (negative, in two-way ones: from the end);
/// nothing if there is no such element.
template <class Layout = listpack_format::TwoWay>
void ListpackEraseRange(ByteStore& store, int64_t index, size_t n);

/// Adds all elements of `from` behind, or before, those of the store. `from` is another listpack.
void ListpackAppendAll(ByteStore& store, ListpackView from);
void ListpackPrependAll(ByteStore& store, ListpackView from);
/// A listpack of the `n` elements from number `index` on, or of as many as there are: with
/// ListpackEraseRange it splits a node.
std::string ListpackCopyRange(ListpackView from, size_t index, size_t n);

/// The same elements in the other layout. With `names` the elements 0, 2, 4 … (a hash's fields)
/// become references where their names have numbers.
std::string ToOneWay(ListpackView from, FieldNames* names = nullptr);
size_t TwoWaySize(OneWayListpackView of);
/// Appends it. REQUIRES: `size` is TwoWaySize(from).
void AppendTwoWay(std::string* out, OneWayListpackView from, size_t size);

/// Builds a listpack from its first element to its last.
template <class Layout>
class BasicListpackBuilder {
 public:
  BasicListpackBuilder() : bytes_(Layout::kHeaderSize, '\0') {}
  void Add(const ListpackElement& element);
  size_t size() const { return count_; }
  /// Of the listpack, end byte included.
  size_t byte_size() const { return bytes_.size() + 1; }
  /// The listpack; the builder is empty again.
  std::string Take();

 private:
  std::string bytes_;
  size_t count_ = 0;
};
using ListpackBuilder = BasicListpackBuilder<listpack_format::TwoWay>;
using OneWayListpackBuilder = BasicListpackBuilder<listpack_format::OneWay>;

/// Bytes from outside: true if they are a listpack whose size, element heads, lengths in both
/// directions, end and count agree. `visit`, if given, sees each element as soon as it is checked
/// and may refuse it. What is accepted is what Redis's deep check accepts: in particular an element
/// may use a longer encoding than it needs, and an unknown count is fine. So is a trailer that runs
/// into the bytes before it: *own_trailers (if given) says whether there is none. Such a listpack
/// can be read as it is; before it is edited its trailers must be written anew, since what they run
/// into may change.
bool ValidateListpack(std::string_view bytes,
                      const std::function<bool(const PackedValue&)>& visit = nullptr,
                      bool* own_trailers = nullptr);
/// REQUIRES: ValidateListpack accepted it.
void RewriteTrailers(std::string* listpack);

}  // namespace thermocline::codec
