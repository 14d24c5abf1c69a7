// A name's hash is cut into: the slot it begins at (12 bits), the slot's tag (16), and the
// candidate it counts for (10) with what tells that one's names apart (32).
#include "codec/packed/field_names.h"

#include <cstring>

#include "codec/number_text.h"

namespace thermocline::codec {

FieldNames::FieldNames(const HashKey& key) : key_(key), names_(new Name[kMax]) {}

uint16_t FieldNames::FindHash(uint64_t hash, std::string_view text) const {
  const auto tag = static_cast<uint16_t>(hash >> 12);
  for (size_t at = hash % kSlots; slots_[at].number != kNone; at = (at + 1) % kSlots) {
    if (slots_[at].tag == tag && At(slots_[at].number) == text) return slots_[at].number;
  }
  return kNone;
}

uint16_t FieldNames::Find(std::string_view text) const {
  if (size_ == 0 || !HasRightSize(text)) return kNone;
  return FindHash(KeyedHash64(key_, text), text);
}

uint16_t FieldNames::Use(std::string_view text) {
  if (!HasRightSize(text)) return kNone;
  const uint64_t hash = KeyedHash64(key_, text);
  if (size_ != 0) {
    const uint16_t number = FindHash(hash, text);
    if (number != kNone) return number;
  }
  if (size_ == kMax) return kNone;
  Candidate& candidate = candidates_[(hash >> 22) % kCandidates];
  const auto own = static_cast<uint32_t>(hash >> 32);
  if (candidate.uses == 0) candidate.hash = own;
  if (candidate.hash != own) {
    --candidate.uses;
    return kNone;
  }
  if (++candidate.uses < kUsesToLearn) return kNone;
  candidate.uses = 0;
  // Text that reads as a number is stored as one.
  int64_t value = 0;
  return ParseInt64(text, &value) ? kNone : Add(hash, text);
}

uint16_t FieldNames::Add(uint64_t hash, std::string_view text) {
  const auto number = static_cast<uint16_t>(size_++);
  names_[number].length = static_cast<uint8_t>(text.size());
  std::memcpy(names_[number].text, text.data(), text.size());
  size_t at = hash % kSlots;
  while (slots_[at].number != kNone) at = (at + 1) % kSlots;
  slots_[at] = {number, static_cast<uint16_t>(hash >> 12)};
  return number;
}

}  // namespace thermocline::codec
