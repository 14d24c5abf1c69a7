// OpenTables: descriptors of the cold tier's table files, for reads past RocksDB.
//
// Each table that RocksDB has open is here under a number, which is never given again, so that a
// place in one that is gone is never taken for a place in another. Any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <unordered_map>

namespace thermocline::engine {

/// A table's file, for reads that bypass the page cache.
class TableFile {
 public:
  /// Takes over the descriptor.
  TableFile(int fd, size_t alignment) : fd_(fd), alignment_(alignment) {}
  ~TableFile();
  TableFile(const TableFile&) = delete;
  TableFile& operator=(const TableFile&) = delete;
  int fd() const { return fd_; }
  /// Of offsets, lengths and memory; a power of two.
  size_t alignment() const { return alignment_; }

 private:
  const int fd_;
  const size_t alignment_;
};

/// The tables that are open, by number.
class OpenTables {
 public:
  uint32_t Add(std::shared_ptr<const TableFile> file);
  void Remove(uint32_t table);
  /// Null: it is not open any more. It stays open while somebody has it.
  std::shared_ptr<const TableFile> Find(uint32_t table) const;

 private:
  mutable std::mutex mutex_;  // all below
  uint32_t last_ = 0;
  std::unordered_map<uint32_t, std::shared_ptr<const TableFile>> files_;
};

}  // namespace thermocline::engine
