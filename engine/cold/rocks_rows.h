// RowEncoder: what the operations of a batch are as rows of RocksDB's families.
//
// Internal to engine/cold (it includes RocksDB's headers). Two sinks take rows: a WriteBatch, for
// the memtables, and StagedTables, for table files of their own. Rows come in the order of the
// operations; a range deletion comes before the rows that the same operation puts inside it, and
// covers none that came before it in a batch. The writer's thread. Page: docs/formats/cold-tier.md.
#pragma once

#include <functional>
#include <string>
#include <utility>

#include "codec/cold_record.h"
#include "engine/cold/cold_batch.h"
#include "engine/cold/rocks_options.h"
#include "rocksdb/slice.h"

namespace thermocline::engine {

/// The first key behind all of the id's, in every family whose keys begin with an id.
std::string ColdIdEnd(uint64_t id);

class RowSink {
 public:
  virtual ~RowSink() = default;
  virtual void Put(Family family, const rocksdb::Slice& key, const rocksdb::Slice& value) = 0;
  virtual void Merge(Family family, const rocksdb::Slice& key, const rocksdb::Slice& value) = 0;
  virtual void Delete(Family family, const rocksdb::Slice& key) = 0;
  /// [begin, end).
  virtual void DeleteRange(Family family, const rocksdb::Slice& begin,
                           const rocksdb::Slice& end) = 0;
};

class RowEncoder {
 public:
  /// `has_chunk` says whether the database may have this row of `payload`.
  explicit RowEncoder(std::function<bool(const rocksdb::Slice& chunk_key)> has_chunk)
      : has_chunk_(std::move(has_chunk)) {}

  /// No payload of several chunks was ever written: has_chunk need not be asked. Ends with the
  /// first one, whose batch deletes meta/one-chunk-each.
  void SetOneChunkEach(bool on) { one_chunk_each_ = on; }

  /// All operations, and the checkpoint's record if there is one.
  void Encode(const ColdBatch& batch, RowSink* sink);
  /// meta/high.
  static void EncodeHigh(Lsn high, RowSink* sink);

 private:
  void EncodeOp(const ColdOp& op);
  void EncodeElement(const ColdOp& op);
  void EncodePayload(const ColdOp& op, const codec::ColdHeader& header);
  void EncodeExpiry(const ColdOp& op, bool has_chunks, bool has_elements);

  const std::function<bool(const rocksdb::Slice&)> has_chunk_;
  RowSink* sink_ = nullptr;       // during Encode
  bool has_chunk_lists_ = false;  // a payload of several chunks came in this batch
  bool one_chunk_each_ = false;
  std::string key_, value_;  // scratch
};

}  // namespace thermocline::engine
