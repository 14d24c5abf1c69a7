// KeptBatches: encoded batches that no flush covers yet, to be written again after a disk error.
//
// Internal to engine/cold (it includes RocksDB's headers). RocksDB's own recovery loses rows
// (docs/formats/cold-tier.md, "Families and batches"), and with the WAL off nobody else has them.
// The writer thread's, except bytes(). Batches that were covered are used again, since a new one
// touches new pages for every row.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <vector>

#include "rocksdb/db.h"
#include "rocksdb/status.h"
#include "rocksdb/types.h"
#include "rocksdb/write_batch.h"

namespace thermocline::engine {

class KeptBatches {
 public:
  /// At most `spare_bytes` are kept in empty batches with room.
  explicit KeptBatches(size_t spare_bytes) : spares_max_(spare_bytes / kSpareBytesMax) {}

  /// An empty one, with room for `bytes` if it is new.
  rocksdb::WriteBatch NewBatch(size_t bytes);
  /// `batch` was written; `end` is the sequence number of its last row.
  void Keep(rocksdb::WriteBatch&& batch, rocksdb::SequenceNumber end);
  /// A flush covers all rows up to `flushed`.
  void ForgetUpTo(rocksdb::SequenceNumber flushed);
  void ForgetAll() { ForgetUpTo(UINT64_MAX); }
  /// Writes all of them to a database opened anew, oldest first. Stops at the first error; then all
  /// of them are still kept.
  rocksdb::Status WriteAgain(rocksdb::DB* db, const rocksdb::WriteOptions& options);
  /// Nothing was written for a while.
  void DropSpares() { spares_ = {}; }

  size_t size() const { return kept_.size(); }
  /// Of the kept ones, spares not counted. Any thread.
  uint64_t bytes() const { return bytes_.load(); }

 private:
  static constexpr size_t kSpareBytesMax = 512 << 10;

  struct Kept {
    rocksdb::SequenceNumber end = 0;
    rocksdb::WriteBatch batch;
  };

  const size_t spares_max_;
  std::deque<Kept> kept_;  // in order
  std::atomic<uint64_t> bytes_{0};
  std::vector<rocksdb::WriteBatch> spares_;
};

}  // namespace thermocline::engine
