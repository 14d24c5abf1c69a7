// The checksum of whole table and blob files, which the MANIFEST keeps: RocksDB's own
// "FileChecksumCrc32c", to the bit, computed by codec::Crc32c.
//
// Debian's RocksDB is built for any amd64 and computes CRC32C by table: a seventh of the CPU of a
// compaction (docs/performance.md). Internal to engine/cold (it includes RocksDB's headers).
#pragma once

#include <memory>

#include "rocksdb/file_checksum.h"

namespace thermocline::engine {

std::shared_ptr<rocksdb::FileChecksumGenFactory> NewFileChecksumFactory();

}  // namespace thermocline::engine
