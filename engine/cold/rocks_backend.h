// RocksBackend: the cold tier in RocksDB 7.8. The one part of the project that knows RocksDB's
// database.
//
// Seven families: values, payload, elements, scores, expiry, graves, meta. The WAL is off and every
// flush is atomic over all of them, so that a power cut leaves the state after some whole batch:
// the log replays the rest. RocksDB's own recovery from a failed write is not used: with atomic
// flushes 7.8 hangs in it, or calls a flush done that was not. Instead every batch is kept until a
// flush covered it, and Resume() opens the database anew, once the disk takes writes again, and
// applies them again. Reads go on until then. Batches of a sweep pass the memtables by
// (StagedTables). Options and why: docs/formats/cold-tier.md.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "codec/status.h"
#include "engine/cold/cold_backend.h"

namespace rocksdb {
class FileSystem;
}

namespace thermocline::engine {

struct RocksOptions {
  std::shared_ptr<rocksdb::FileSystem> fs;  // null: the operating system's
  std::string dir;                          // created if missing; its parent must exist
  uint64_t block_cache_bytes = 32 << 20;    // index and filter blocks included
  uint64_t memtable_bytes = 32 << 20;       // all families together
  uint64_t memtable_size = 8 << 20;         // of one; a full one flushes all
  /// Files of level 0 that are merged into the base level at once; writes stop at kLevel0StopsAt
  /// times as many.
  int level0_files = 16;
  static constexpr int kLevel0StopsAt = 6;
  /// Reads, flushes and compactions pass the page cache by, where the file system allows it.
  bool direct_io = true;
  int background_jobs = 3;    // one flush, the others compactions
  bool tells_places = false;  // PlaceOf() and NewDirectReads() work, with direct_io
  int max_open_files = 1024;
  int opening_threads = 8;  // for each family, while it is opened
  uint64_t target_file_bytes = 32 << 20;
  uint64_t compaction_readahead_bytes = 1 << 20;  // for each file that a compaction reads
  uint64_t background_rate = 0;  // bytes a second for flushes and compactions; 0: no limit
  /// Payloads from this size on are kept in blob files, which compactions do not rewrite.
  uint64_t blob_bytes_min = 64 << 10;
  /// An existing cold tier is opened for reading alone until MakeWritable(): RocksDB writes a new
  /// MANIFEST at every other open, and a start that is refused must not have changed the disk.
  bool read_only_at_first = false;
};

class RocksBackend : public ColdBackend {
 public:
  /// Opens or creates. kBusy: another process (or this one) has it open. kUnsupported: the
  /// directory is of another format version; both are named. kCorruption: names the file. On these
  /// three nothing on disk was changed.
  static StatusOr<std::unique_ptr<RocksBackend>> Open(const RocksOptions& options);

  /// Deletes a closed cold tier ([D13]: after an unclean stop without a log it is void). Ok if
  /// there is none.
  static Status Destroy(const RocksOptions& options);

  /// Ends read_only_at_first; ok at once if there is nothing to end. REQUIRES: no read is under
  /// way.
  Status MakeWritable() override = 0;
  /// Whether direct I/O is really in use.
  virtual bool direct_io() const = 0;
  /// A property of RocksDB's ("rocksdb.stats", "rocksdb.levelstats" ...) of one family; empty if
  /// there is no such thing. For DEBUG and INFO; its format is RocksDB's.
  virtual std::string Property(const std::string& family, const std::string& name) = 0;
};

}  // namespace thermocline::engine
