// FieldNames: field names that many hashes have, stored once; small hashes refer to them by number.
//
// Hashes of one kind have the same fields, so their names are half of the bytes of a small hash. A
// name that is used often enough gets a number, and where a hash would store its text, it stores
// two bytes (docs/formats/packed.md, "Names"). Only in memory: what is written anywhere has the
// text, and numbers begin anew with each start.
//
// Learning costs a fixed table of counts, each of them fought over by the names that fall on it: a
// use of the name that holds it counts up, one of another name down, and at zero it changes hands.
// So names of which each is used once (fields that are ids) do not get numbers, however many there
// are. A name keeps its number for good, since nothing counts who refers to it; the first kMax to
// be frequent have them.
//
// One thread. Texts given out live as long as this object.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>

#include "codec/crc.h"

namespace thermocline::codec {

class FieldNames {
 public:
  /// Numbers are below this.
  static constexpr uint16_t kMax = 2048;
  static constexpr uint16_t kNone = 0xffff;
  /// Shorter names gain too little, longer ones are rare and would need two bytes of length.
  static constexpr size_t kTextMin = 3, kTextMax = 63;
  /// So many uses more than names that share its count give a name its number.
  static constexpr uint8_t kUsesToLearn = 16;
  /// What references may spare in one hash at most: each name is there once.
  static constexpr size_t kSparedMax = size_t{kMax} * (kTextMax + 1);

  /// `key`: of the hash of names; clients choose the names.
  explicit FieldNames(const HashKey& key);

  /// The number of a name; kNone: it has none.
  uint16_t Find(std::string_view text) const;
  /// The same, for a name that is about to be stored: one without a number may get one now.
  uint16_t Use(std::string_view text);
  /// REQUIRES: a number that was given out.
  std::string_view At(uint16_t number) const {
    const Name& name = names_[number];
    return {name.text, name.length};
  }

  /// Names with numbers.
  size_t size() const { return size_; }
  size_t memory_bytes() const { return sizeof(*this) + size_ * sizeof(Name); }

 private:
  struct Name {
    uint8_t length;
    char text[kTextMax];
  };
  struct Slot {
    uint16_t number = kNone;
    uint16_t tag = 0;  // more bits of the hash: other names are told apart without a look
  };
  struct Candidate {
    uint32_t hash = 0;
    uint8_t uses = 0;
  };
  static constexpr size_t kSlots = 2 * size_t{kMax};
  static constexpr size_t kCandidates = 1024;

  static bool HasRightSize(std::string_view text) {
    return text.size() >= kTextMin && text.size() <= kTextMax;
  }
  uint16_t FindHash(uint64_t hash, std::string_view text) const;
  uint16_t Add(uint64_t hash, std::string_view text);

  HashKey key_;
  size_t size_ = 0;
  // Room for all of them, so that texts stay where they are; pages that no name needs are never
  // touched.
  std::unique_ptr<Name[]> names_;
  std::array<Slot, kSlots> slots_{};  // open addressing, linear, never more than half full
  std::array<Candidate, kCandidates> candidates_{};
};

}  // namespace thermocline::codec
