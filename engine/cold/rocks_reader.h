// RocksReader: what is read from an open cold tier. docs/formats/cold-tier.md has the rows.
//
// Internal to engine/cold (it includes RocksDB's headers). Made for one call by whoever keeps the
// database open meanwhile (RocksBackend); the calls are ColdBackend's of the same names. Any
// thread, beside the writer.
#pragma once

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "codec/cold_record.h"
#include "codec/status.h"
#include "engine/cold/cold_backend.h"
#include "engine/cold/rocks_rows.h"
#include "rocksdb/db.h"
#include "rocksdb/options.h"
#include "rocksdb/slice.h"

namespace thermocline::engine {

class RocksReader {
 public:
  /// `handles`: by Family. `where`: begins what errors say.
  RocksReader(rocksdb::DB* db, const std::vector<rocksdb::ColumnFamilyHandle*>& handles,
              const std::string& where)
      : db_(*db), handles_(handles), where_(where) {}

  StatusOr<bool> GetHeader(uint64_t id, uint64_t position, std::string_view key, ColdHeader* header,
                           std::string* inline_payload) const;
  Status GetHeaders(uint64_t id, std::span<ColdHeaderRow> rows) const;
  Status WalkRecords(uint64_t id, std::span<ColdHeaderRow> rows, uint64_t payload_bytes_max) const;
  StatusOr<bool> GetValue(uint64_t id, uint64_t position, std::string_view key, ColdHeader* header,
                          std::string* payload) const;
  Status GetElements(uint64_t id, uint64_t position, std::string_view key,
                     std::span<ColdElementRow> rows) const;
  StatusOr<ColdScanPage> ScanRange(const ColdScanRange& range) const;
  StatusOr<std::vector<ExpiryRow>> ExpiredRows(uint64_t id, uint64_t deadline_max_ms,
                                               size_t max_rows, const ExpiryRow* after) const;
  StatusOr<ColdCounts> ReadCounts(uint64_t id) const;
  Status ForEachCounts(const std::function<void(uint64_t id, ColdCounts)>& fn) const;
  StatusOr<std::optional<std::string>> ReadMeta(std::string_view name) const;
  Status ForEachGrave(const std::function<Status(Lsn lsn, uint64_t id, uint64_t position,
                                                 std::string_view key)>& fn) const;

 private:
  using Slice = rocksdb::Slice;

  // Goes over the family's rows whose keys `key_of` names (empty: none), in their order, and gives
  // each that is there to take(row, key, value).
  template <class KeyOf, class Take>
  Status Walk(Family family, std::span<ColdHeaderRow> rows, KeyOf&& key_of, Take&& take) const;
  // Into the row: what `values` holds under the key.
  Status TakeRecord(std::string_view cold_key, const Slice& bytes, ColdHeaderRow* row) const;
  // A chunk as it is in `read`'s snapshot, or now; false: there is none.
  StatusOr<bool> ReadChunk(const rocksdb::ReadOptions& read, const std::string& chunk_key,
                           rocksdb::PinnableSlice* chunk) const;
  // The record's payload, of which chunk 0 may have been read before.
  Status ReadPayload(const rocksdb::ReadOptions& read, uint64_t id, uint64_t position,
                     std::string_view key, uint64_t length, rocksdb::PinnableSlice* first,
                     std::string* payload) const;
  // GetValue in one snapshot.
  StatusOr<bool> ReadValue(const rocksdb::ReadOptions& read, uint64_t id, uint64_t position,
                           std::string_view key, ColdHeader* header, std::string* payload,
                           bool* several_rows) const;
  StatusOr<bool> ReadRecord(const rocksdb::ReadOptions& read, uint64_t id, uint64_t position,
                            std::string_view key, ColdHeader* header, std::string* payload,
                            bool* apart) const;
  StatusOr<codec::ColdValue> DecodeRecord(std::string_view cold_key, const Slice& bytes) const;
  StatusOr<ColdCounts> DecodeCounts(std::string_view meta_key, std::string_view sealed) const;
  std::string Where(std::string_view what) const { return where_ + std::string(what); }

  rocksdb::DB& db_;
  const std::vector<rocksdb::ColumnFamilyHandle*>& handles_;
  const std::string& where_;
};

}  // namespace thermocline::engine
