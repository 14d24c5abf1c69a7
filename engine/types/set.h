// Sets: members, packed in an intset while all are integers and few, else as a table of nodes; in a
// listpack instead of that while they are few and short.
//
// Redis 7.0's rules: a set is an intset until it meets a member that is not the canonical text of a
// signed 64-bit integer, or has more than set-max-intset-entries members; it never goes back. From
// then on it is a hashtable to clients. A table takes four blocks for one member, and most sets
// are small: so one that meets such a member stays packed, as a listpack in the order of arrival,
// until it outgrows TypeLimits::set_max_listpack_entries or a member is longer than
// set_max_listpack_value (Redis 7.2 has the same form, and these names).
// SetView reads all forms, SetEditor changes them and converts. A paged form would stand beside
// them behind the same calls (design section 7). Texts that a view gives out are valid until the
// next change or, where they lie in a scratch, as long as that; those given to an editor must not
// lie inside the set.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <utility>

#include "codec/number_text.h"
#include "codec/packed/intset.h"
#include "codec/packed/listpack.h"
#include "codec/packed/packed_value.h"
#include "codec/status.h"
#include "engine/hot/collection.h"
#include "engine/hot/entry.h"
#include "engine/hot/packed_entry.h"
#include "engine/options.h"
#include "engine/types/member_table.h"
#include "engine/types/value_codec.h"

namespace thermocline::engine {

/// A member in its block: length, text.
class SetMember {
 public:
  static SetMember* New(std::string_view text);
  static void Free(SetMember* node) { std::free(node); }

  std::string_view text() const { return LoadMemberText(raw_); }
  size_t memory_bytes() const { return AllocationSize(MemberTextBytes(text().size())); }

 private:
  SetMember() = default;

  char raw_[1];  // the rest follows
};

/// The table form.
class SetObject final : public Collection {
 public:
  SetObject() { Account(); }

  size_t size() const override { return table_.size(); }
  void PrefetchBucket(uint64_t position) const override { table_.PrefetchBucket(position); }
  void PrefetchElement(uint64_t position) const override { table_.PrefetchNode(position); }
  bool Contains(std::string_view member) const { return table_.Find(member) != nullptr; }
  /// False: it was there already.
  bool Add(std::string_view member);
  bool Remove(std::string_view member);
  const MemberTable<SetMember>& table() const { return table_; }

 private:
  void Account() { bytes_ = AllocationSize(sizeof(SetObject)) + table_.memory_bytes(); }

  MemberTable<SetMember> table_;
};

class SetView {
 public:
  /// REQUIRES: a resident set.
  explicit SetView(const Entry* entry)
      : form_(entry->collection_encoding()),
        object_(entry->is_object() ? static_cast<const SetObject*>(entry->object()) : nullptr),
        bytes_(object_ != nullptr ? std::string_view() : entry->PackedBytes()) {}

  size_t size() const {
    if (object_ != nullptr) return object_->size();
    return is_intset() ? intset().size() : listpack().size();
  }
  /// Members may have no text of their own: what is given out lies in a scratch.
  bool packed() const { return object_ == nullptr; }
  bool Contains(std::string_view member) const {
    if (object_ != nullptr) return object_->Contains(member);
    if (!is_intset()) {
      return listpack().Find(listpack().First(), member) != PackedView::kNone;
    }
    int64_t number;
    return codec::ParseInt64(member, &number) && intset().Contains(number);
  }

  /// Calls fn(member) for every member: an intset's ascending, else in no order that means
  /// anything.
  template <class Fn>
  void ForEach(Fn&& fn) const {
    Until([&fn](std::string_view member) {
      fn(member);
      return true;
    });
  }
  /// The same until fn(member) returns false.
  template <class Fn>
  void Until(Fn&& fn) const {
    if (object_ != nullptr) {
      object_->table().Until([&](const SetMember* node) { return fn(node->text()); });
    } else if (is_intset()) {
      for (size_t i = 0; i < intset().size(); ++i) {
        if (!GiveNumber(i, fn)) return;
      }
    } else {
      const PackedView pack = listpack();
      for (size_t at = pack.First(); at != PackedView::kNone; at = pack.Next(at)) {
        if (!GiveElement(at, fn)) return;
      }
    }
  }
  /// One step of SSCAN: about `count` members from `cursor` on (0: the start); returns the next
  /// cursor, 0 at the end. A packed set is given whole.
  template <class Fn>
  uint64_t Scan(uint64_t cursor, size_t count, Fn&& fn) const {
    if (object_ == nullptr) {
      ForEach(fn);
      return 0;
    }
    return object_->table().Walk(cursor, count, [&](const SetMember* node) { fn(node->text()); });
  }
  /// Calls fn(member) for `count` different members, drawn uniformly. REQUIRES: count <= size().
  template <class Fn>
  void Sample(Random& random, size_t count, Fn&& fn) const {
    if (object_ != nullptr) {
      object_->table().Sample(random, count, [&](const SetMember* node) { fn(node->text()); });
      return;
    }
    SelectionSampler sampler(random, size(), count);
    if (is_intset()) {
      for (size_t i = 0; !sampler.done(); ++i) {
        if (sampler.Take()) GiveNumber(i, fn);
      }
      return;
    }
    const PackedView pack = listpack();
    for (size_t at = pack.First(); !sampler.done(); at = pack.Next(at)) {
      if (sampler.Take()) GiveElement(at, fn);
    }
  }
  /// Calls fn(member) for `count` members, each drawn from all of them. REQUIRES: not empty.
  template <class Fn>
  void Draw(Random& random, uint64_t count, Fn&& fn) const {
    for (; count != 0; --count) {
      if (object_ != nullptr) {
        fn(object_->table().RandomNode(random)->text());
      } else if (is_intset()) {
        GiveNumber(random.Uniform(size()), fn);
      } else {
        GiveElement(listpack().Seek(static_cast<int64_t>(random.Uniform(size()))), fn);
      }
    }
  }

 private:
  bool is_intset() const { return form_ == CollectionEncoding::kIntset; }
  codec::IntsetView intset() const { return codec::IntsetView(bytes_); }
  PackedView listpack() const { return PackedView(bytes_); }
  template <class Fn>
  auto GiveNumber(size_t index, Fn&& fn) const {
    char scratch[codec::kPackedScratch];
    return fn(std::string_view(scratch, codec::FormatInt64(scratch, intset().At(index))));
  }
  template <class Fn>
  auto GiveElement(size_t offset, Fn&& fn) const {
    char scratch[codec::kPackedScratch];
    return fn(listpack().At(offset).View(scratch));
  }

  CollectionEncoding form_;
  const SetObject* object_;  // of the table form
  std::string_view bytes_;   // of the packed ones
};

/// Changes a set that HotTier::EditCollection hands out, or one that is being made.
class SetEditor {
 public:
  static constexpr ValueType kType = ValueType::kSet;
  static constexpr CollectionEncoding kEmptyEncoding = CollectionEncoding::kIntset;
  static std::string_view EmptyBytes() { return codec::EmptyIntset(); }

  /// `entry`, a resident set, is kept up to date: it may move.
  SetEditor(Entry*& entry, const TypeLimits& limits)
      : entry_(entry),
        limits_(limits),
        object_(entry->is_object() ? static_cast<SetObject*>(entry->object()) : nullptr) {}

  size_t size() const { return SetView(entry_).size(); }
  /// False: it was there already.
  bool Add(std::string_view member);
  bool Remove(std::string_view member);
  /// To the table form.
  void Convert();
  /// To the form of a set that is no intset any more, with room for a member of so many bytes.
  void LeaveIntset(size_t member_bytes);

 private:
  bool FitsListpack(size_t members, size_t member_bytes) const {
    return members <= limits_.set_max_listpack_entries &&
           member_bytes <= limits_.set_max_listpack_value;
  }

  Entry*& entry_;
  const TypeLimits& limits_;
  SetObject* object_;  // null: packed
};

/// A set that is being made: the result of SUNION and its relatives.
class SetBuilder {
 public:
  /// `key`: where it is to be stored, if anywhere.
  SetBuilder(std::string_view key, const TypeLimits& limits)
      : entry_(Entry::NewPacked(key, SetEditor::kType, SetEditor::kEmptyEncoding,
                                SetEditor::EmptyBytes(), /*lsn=*/0)),
        editor_(entry_, limits) {}
  SetBuilder(const SetBuilder&) = delete;
  SetBuilder& operator=(const SetBuilder&) = delete;
  ~SetBuilder() { Entry::Free(entry_); }

  bool Add(std::string_view member) { return editor_.Add(member); }
  bool Remove(std::string_view member) { return editor_.Remove(member); }
  size_t size() const { return editor_.size(); }
  SetView view() const { return SetView(entry_); }
  /// The set; the builder is of no use afterwards.
  EntryPtr Take() { return EntryPtr(std::exchange(entry_, nullptr)); }

 private:
  Entry* entry_;
  SetEditor editor_;
};

// For value_codec.cc.
void EncodeSet(const Entry* entry, std::string* out, bool compress);
codec::StatusOr<Entry*> DecodeSet(const DecodeRequest& request);
uint64_t CountSet(const Entry* entry);

}  // namespace thermocline::engine
