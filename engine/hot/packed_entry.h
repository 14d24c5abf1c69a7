// PackedEntry: the bytes of a packed collection as the edits of codec/packed want them.
//
// An edit may move the entry: the owner stores entry() afterwards. One thread.
#pragma once

#include <string_view>

#include "codec/packed/byte_store.h"
#include "engine/hot/entry.h"

namespace thermocline::engine {

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
