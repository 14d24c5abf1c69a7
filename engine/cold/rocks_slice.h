// RocksDB's Slice and std::string_view, one as the other. Internal to engine/cold.
#pragma once

#include <string_view>

#include "rocksdb/slice.h"

namespace thermocline::engine {

inline std::string_view ToView(const rocksdb::Slice& slice) { return {slice.data(), slice.size()}; }
inline rocksdb::Slice ToSlice(std::string_view view) { return {view.data(), view.size()}; }

}  // namespace thermocline::engine
