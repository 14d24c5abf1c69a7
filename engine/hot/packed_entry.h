// PackedEntry: the bytes of a packed collection as the edits of codec/packed want them.
//
// An edit may move the entry: the owner stores entry() afterwards. One thread.
#pragma once

#include <cstddef>
#include <string_view>

#include "codec/packed/byte_store.h"
#include "codec/packed/listpack.h"
#include "engine/hot/entry.h"

namespace thermocline::engine {

/// The layout in which hashes, sets and sorted sets are packed (lists keep Redis's).
using PackedLayout = codec::listpack_format::OneWay;
using PackedView = codec::OneWayListpackView;
/// What such a listpack may grow to: its two-way form, up to twice as long and with the names that
/// it refers to, is what is stored, and must not exceed Entry::kValueBytesMax.
inline constexpr size_t kPackedPairsMax =
    (Entry::kValueBytesMax - codec::FieldNames::kSparedMax) / 2 - 8;

class PackedEntry final : public codec::ByteStore {
 public:
  /// REQUIRES: a resident, packed collection.
  explicit PackedEntry(Entry* entry) : entry_(entry) {}

  Entry* entry() const { return entry_; }
  std::string_view bytes() const override { return entry_->PackedBytes(); }
  char* Splice(size_t at, size_t removed, size_t added) override {
    char* gap;
    entry_ = entry_->SplicePacked(at, removed, added, &gap);
    return gap;
  }

 private:
  Entry* entry_;
};

}  // namespace thermocline::engine
