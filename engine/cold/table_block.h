// TableBlock: one row of a data block of RocksDB's tables, found without RocksDB.
//
// A block is entries in key order, each varint32 shared, varint32 unshared, varint32 value length,
// the unshared bytes of its key, its value; then an offset (u32, little-endian) for each entry that
// shares nothing, and their number (u32; its highest bit: an index by hash lies in front of them).
// Behind the block are a byte, the kind of compression, and four of a checksum, which is not looked
// at: rows that are read so have one of their own, and what is damaged is read again by RocksDB. A
// key ends in eight bytes that are not the row's: sequence number << 8 | kind of row. Source:
// RocksDB's block-based table format, format_version 2 to 5.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace thermocline::engine {

/// Bytes behind a block.
inline constexpr size_t kBlockTrailer = 5;
/// Blocks that claim to be larger when uncompressed are not read.
inline constexpr size_t kBlockBytesMax = size_t{1} << 20;

/// The value of the newest row under `key`, a view into `block` or, if that is compressed, into
/// `*uncompressed`. None: no such row, a merge or a deletion, or a block that is not understood.
/// Any bytes are safe. `block` has its trailer. Any thread.
std::optional<std::string_view> FindInBlock(std::string_view block, std::string_view key,
                                            std::string* uncompressed);

}  // namespace thermocline::engine
