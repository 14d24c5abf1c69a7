// RocksFiles: what the files of a cold tier tell without its database: whether somebody has it
// open, whether there are tables, which of them is damaged, and whether the disk takes writes.
//
// Internal to engine/cold (it includes RocksDB's headers). Errors name the file. Nothing here
// changes a file of the database. Any thread.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "codec/status.h"
#include "engine/env/file_system.h"
#include "rocksdb/env.h"
#include "rocksdb/status.h"

namespace thermocline::engine {

class RocksFiles {
 public:
  RocksFiles() = default;
  /// `env` over `fs`, not owned; `dir`: of the cold tier.
  RocksFiles(FileSystemPtr fs, rocksdb::Env* env, std::string dir)
      : fs_(std::move(fs)), env_(env), dir_(std::move(dir)) {}

  /// kBusy: another process holds the lock.
  codec::Status CheckUnlocked() const;
  codec::StatusOr<bool> HasTables() const;
  bool DirectIoWorks() const;
  /// Writes, syncs and deletes a file of `bytes`.
  codec::Status ProbeDisk(size_t bytes) const;
  /// Why opening failed. RocksDB blames the MANIFEST for some damage in a table; this looks for the
  /// table. `context` goes in front.
  codec::Status NameDamage(const rocksdb::Status& failed, std::string_view context) const;

  struct Sum {
    std::string path;
    uint64_t size;
    std::string function;  // RocksDB's name of the checksum function
    std::string checksum;  // raw bytes
  };
  /// Reads the file through; it is not kept in the page cache. kUnavailable: cancelled (may be
  /// null).
  codec::Status Verify(const Sum& file, const std::atomic<bool>* cancel) const;

 private:
  std::string PathOf(std::string_view name) const;

  FileSystemPtr fs_;
  rocksdb::Env* env_ = nullptr;
  std::string dir_;
};

}  // namespace thermocline::engine
