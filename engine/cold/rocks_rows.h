// RowEncoder: what the operations of a batch are as rows of RocksDB's families.
//
// Internal to engine/cold (it includes RocksDB's headers). Two sinks take rows: a WriteBatch, for
// the memtables, and StagedTables, for table files of their own. Rows come in the order of the
// operations; a range deletion comes before the rows that the same operation puts inside it, and
// covers none that came before it in a batch. The writer's thread. Page: docs/formats/cold-tier.md.
#pragma once

#include <functional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

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
  /// The record with this key of `values` has a payload of several chunks: meta/chunks/ says so.
  void AddChunkList(std::string_view cold_key) { chunk_lists_.emplace(cold_key); }

  /// All operations, and the checkpoint's record if there is one. Followed by Landed() or Failed()
  /// once it is known what became of the rows, of one batch or several.
  void Encode(const ColdBatch& batch, RowSink* sink);
  void Landed();
  void Failed() { chunk_lists_replaced_.clear(); }
  /// meta/high.
  static void EncodeHigh(Lsn high, RowSink* sink);

 private:
  void EncodeOp(const ColdOp& op);
  void EncodeElement(const ColdOp& op);
  void EncodePayload(const ColdOp& op, const codec::ColdHeader& header);
  void EncodeExpiry(const ColdOp& op, bool has_chunks, bool has_elements);
  void EncodeDrop(uint64_t id);
  // Keeps meta/chunks/ true; whether the record's payload had several chunks.
  bool NoteChunks(const ColdOp& op, bool several);

  RowSink* sink_ = nullptr;  // during Encode
  // Keys of records whose payloads have several chunks, which are few: each has more than a
  // megabyte. In order, so that those of a database lie together.
  std::set<std::string, std::less<>> chunk_lists_;
  std::vector<std::string> chunk_lists_replaced_;  // if it lands
  std::string key_, value_;                        // scratch
};

}  // namespace thermocline::engine
