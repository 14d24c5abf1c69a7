// The tail of RocksDB's MANIFEST after a power cut.
//
// RocksDB appends records to its MANIFEST and syncs them before anything depends on them, yet
// refuses to open when the unsynced end was torn ("checksum mismatch"). This cuts such an end
// before RocksDB looks. Damage with no valid record behind it is a torn end. So is damage with
// valid records behind it, if the bytes between were never written: files only grow here, so
// sectors that did not reach the disk read as zeros up to a sector's end, which no flipped bit does
// (one sync may cover several records, and sectors reach the disk in any order). Everything else is
// corruption. A wrong cut is not silent: older records name table files that are gone, or a
// checkpoint that the log does not reach.
//
// Stateless; before the database is opened. Implements "The MANIFEST's end" of
// docs/formats/cold-tier.md.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "codec/status.h"
#include "engine/env/file_system.h"

namespace thermocline::engine {

/// Bytes of `manifest` that hold whole records; what follows is a torn end. kCorruption, naming
/// `path` and the offset, if a damaged record cannot be one, or if there is no whole record at all.
StatusOr<uint64_t> FindManifestEnd(std::string_view manifest, const std::string& path);

/// Follows CURRENT in RocksDB's directory `dir` and cuts a torn end off the MANIFEST, durably and
/// with a warning. Ok and nothing done if there is no CURRENT. kCorruption names file and offset;
/// nothing was changed then.
Status CutTornManifestTail(const FileSystemPtr& fs, const std::string& dir);

}  // namespace thermocline::engine
