// Hashes: fields with values, packed in a listpack (field, value, field, value …) or, once
// outgrown, as a table of nodes.
//
// Redis 7.0's rules: a hash is packed until it has more than hash-max-listpack-entries fields or
// meets a field or value longer than hash-max-listpack-value; it never goes back. The fields of
// packed hashes may be references to names (codec::FieldNames, one of a database). HashView reads
// either form, HashEditor changes it and converts. A paged form would stand beside them behind the
// same calls (design section 7). Texts that a view gives out are valid until the next change; those
// given to an editor must not lie inside the hash.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "codec/packed/listpack.h"
#include "codec/status.h"
#include "engine/hot/collection.h"
#include "engine/hot/entry.h"
#include "engine/hot/packed_entry.h"
#include "engine/options.h"
#include "engine/types/member_table.h"
#include "engine/types/value_codec.h"

namespace thermocline::engine {

/// A field and its value in one block: length, field, length, value.
class HashField {
 public:
  static HashField* New(std::string_view field, std::string_view value);
  static void Free(HashField* node) { std::free(node); }

  std::string_view text() const { return LoadMemberText(raw_); }
  std::string_view value() const {
    const std::string_view field = text();
    return LoadMemberText(field.data() + field.size());
  }
  /// Overwrites the value if that takes a block of the same class; else false.
  bool SetValue(std::string_view value);
  size_t memory_bytes() const {
    const std::string_view v = value();
    return AllocationSize(static_cast<size_t>(v.data() + v.size() - raw_));
  }

 private:
  HashField() = default;

  char raw_[1];  // the rest follows
};

/// The table form.
class HashObject final : public Collection {
 public:
  HashObject() { Account(); }

  size_t size() const override { return table_.size(); }
  void PrefetchBucket(uint64_t position) const override { table_.PrefetchBucket(position); }
  void PrefetchElement(uint64_t position) const override { table_.PrefetchNode(position); }
  const HashField* Find(std::string_view field) const { return table_.Find(field); }
  /// True: the field is new.
  bool Set(std::string_view field, std::string_view value);
  bool Delete(std::string_view field);
  const MemberTable<HashField>& table() const { return table_; }

 private:
  void Account() { bytes_ = AllocationSize(sizeof(HashObject)) + table_.memory_bytes(); }

  MemberTable<HashField> table_;
};

class HashView {
 public:
  using Scratch = char[codec::kPackedScratch];

  /// REQUIRES: a resident hash; `names` are those that it was made with.
  HashView(const Entry* entry, const codec::FieldNames* names)
      : object_(entry->is_object() ? static_cast<const HashObject*>(entry->object()) : nullptr),
        packed_(object_ != nullptr ? std::string_view() : entry->PackedBytes(), names) {}

  size_t size() const { return object_ != nullptr ? object_->size() : packed_.size() / 2; }
  bool Contains(std::string_view field) const {
    return object_ != nullptr ? object_->Find(field) != nullptr
                              : FindPacked(field) != PackedView::kNone;
  }
  /// False: there is no such field. The value may lie in `scratch`.
  bool Get(std::string_view field, Scratch& scratch, std::string_view* value) const;

  /// Calls fn(field, value) for every field; in order of insertion if packed, else in none.
  template <class Fn>
  void ForEach(Fn&& fn) const {
    if (object_ != nullptr) {
      object_->table().ForEach([&](const HashField* node) { fn(node->text(), node->value()); });
      return;
    }
    for (size_t at = packed_.First(); at != PackedView::kNone;) at = GivePair(at, fn);
  }
  /// One step of HSCAN: about `count` fields from `cursor` on (0: the start); returns the next
  /// cursor, 0 at the end. A packed hash is given whole.
  template <class Fn>
  uint64_t Scan(uint64_t cursor, size_t count, Fn&& fn) const {
    if (object_ == nullptr) {
      ForEach(fn);
      return 0;
    }
    return object_->table().Walk(cursor, count,
                                 [&](const HashField* node) { fn(node->text(), node->value()); });
  }
  /// Calls fn(field, value) for `count` different fields, drawn uniformly. REQUIRES: count <=
  /// size().
  template <class Fn>
  void Sample(Random& random, size_t count, Fn&& fn) const {
    if (object_ != nullptr) {
      object_->table().Sample(random, count,
                              [&](const HashField* node) { fn(node->text(), node->value()); });
      return;
    }
    SelectionSampler sampler(random, size(), count);
    for (size_t at = packed_.First(); !sampler.done();) {
      at = sampler.Take() ? GivePair(at, fn) : packed_.Next(packed_.Next(at));
    }
  }
  /// Calls fn(field, value) for `count` fields, each drawn from all of them. REQUIRES: not empty.
  template <class Fn>
  void Draw(Random& random, uint64_t count, Fn&& fn) const {
    if (object_ != nullptr) {
      for (; count != 0; --count) {
        const HashField* node = object_->table().RandomNode(random);
        fn(node->text(), node->value());
      }
      return;
    }
    if (count == 1) {
      GivePair(packed_.Seek(static_cast<int64_t>(2 * random.Uniform(size()))), fn);
      return;
    }
    std::vector<size_t> offsets;
    offsets.reserve(size());
    for (size_t at = packed_.First(); at != PackedView::kNone;
         at = packed_.Next(packed_.Next(at))) {
      offsets.push_back(at);
    }
    for (; count != 0; --count) GivePair(offsets[random.Uniform(offsets.size())], fn);
  }

 private:
  size_t FindPacked(std::string_view field) const {
    return packed_.Find(packed_.First(), field, 2);
  }
  // Returns where the next pair is.
  template <class Fn>
  size_t GivePair(size_t at, Fn&& fn) const {
    Scratch field;
    Scratch value;
    const size_t value_at = packed_.Next(at);
    fn(packed_.At(at).View(field), packed_.At(value_at).View(value));
    return packed_.Next(value_at);
  }

  const HashObject* object_;  // null: packed
  PackedView packed_;
};

/// Changes a hash that HotTier::EditCollection hands out, or one that is being made.
class HashEditor {
 public:
  static constexpr ValueType kType = ValueType::kHash;
  static constexpr CollectionEncoding kEmptyEncoding = CollectionEncoding::kListpack;
  static std::string_view EmptyBytes() { return codec::EmptyListpack<PackedLayout>(); }

  /// `entry`, a resident hash made with the same names, is kept up to date: it may move.
  HashEditor(Entry*& entry, const TypeLimits& limits, codec::FieldNames* names)
      : entry_(entry),
        limits_(limits),
        names_(names),
        object_(entry->is_object() ? static_cast<HashObject*>(entry->object()) : nullptr) {}

  size_t size() const { return HashView(entry_, names_).size(); }
  /// True: the field is new.
  bool Set(std::string_view field, std::string_view value);
  bool Delete(std::string_view field);
  /// To the table form.
  void Convert();

 private:
  Entry*& entry_;
  const TypeLimits& limits_;
  codec::FieldNames* names_;
  HashObject* object_;  // null: packed
};

// For value_codec.cc.
void EncodeHash(const Entry* entry, const codec::FieldNames& names, std::string* out,
                bool compress);
codec::StatusOr<Entry*> DecodeHash(const DecodeRequest& request);
uint64_t CountHash(const Entry* entry);

}  // namespace thermocline::engine
