// ColdBackend: the cold tier as a plain synchronous store of records, deadlines, graves and meta.
//
// RocksDB stands behind it in the server (engine/cold/rocks_backend.h), a std::map in tests that
// look at threads (tests/support/fake_cold_backend.h). Threads: Write, WriteMeta, FlushAll and
// DropGravesBelow come from one thread at a time (the FIFO writer); everything else from any thread
// at any time. Reads see whole batches or nothing of them; a read of several rows is one snapshot.
// What was written is durable only after a FlushAll: the log covers the rest. Page:
// docs/formats/cold-tier.md.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "codec/cold_record.h"
#include "codec/status.h"
#include "engine/cold/cold_batch.h"
#include "engine/cold/value_place.h"

namespace thermocline::engine {

using codec::ColdHeader;
using codec::Status;
using codec::StatusOr;

/// A record as a scan shows it.
struct ColdRow {
  uint64_t position = 0;
  std::string key;
  ColdHeader header;
  std::string payload;  // only if asked for
};

/// A row of the expiry index.
struct ExpiryRow {
  uint64_t id = 0;
  uint64_t expire_ms = 0;
  uint64_t position = 0;
  std::string key;
  // Where the record's value lies, as its deletion must say: in `payload`, in `elements`.
  bool has_chunks = false;
  bool has_elements = false;
  bool operator==(const ExpiryRow&) const = default;
};

struct ColdScanRange {
  uint64_t id = 0;
  uint64_t from_position = 0;                  // inclusive
  uint64_t to_position = codec::kMaxPosition;  // inclusive
  size_t max_rows = 1000;  // exceeded only to return all keys of the last position
  bool with_payload = false;
};

struct ColdScanPage {
  std::vector<ColdRow> rows;  // in (position, key) order
  /// Positions up to here have been seen completely: go on behind it. `to_position` when at the
  /// end.
  uint64_t through_position = 0;
  bool end = false;  // nothing follows in the range
};

struct ColdCounts {
  uint64_t records = 0;
  uint64_t expires = 0;
  bool operator==(const ColdCounts&) const = default;
};

/// Sizes and counters for INFO and for pacing. Cumulative counters start at Open.
struct ColdStats {
  uint64_t disk_bytes = 0;       // live table and blob files
  uint64_t memtable_bytes = 0;   // all, flushed ones that are still pinned included
  uint64_t unflushed_bytes = 0;  // not in a file yet
  uint64_t pending_compaction_bytes = 0;
  uint64_t running_compactions = 0;
  uint64_t level0_files = 0;
  uint64_t cache_misses = 0;
  uint64_t bytes_read = 0;  // by compactions
  uint64_t flush_bytes_written = 0;
  uint64_t published_bytes = 0;  // in table files, past the memtables
  uint64_t compaction_bytes_written = 0;
};

/// One record that GetHeaders or WalkRecords looks up, and what it found.
struct ColdHeaderRow {
  uint64_t position = 0;
  std::string key;
  bool wants_payload = false;  // also of a row of its own; WalkRecords alone
  bool found = false;          // the answer, from here on
  ColdHeader header{};         // when found
  bool has_payload = false;    // it lies in the header's record, or was wanted and brought
  std::string payload{};
};

/// One row of `elements` that GetElements reads.
struct ColdElementRow {
  uint64_t element = 0;
  bool found = false;  // the answer, from here on
  std::string bytes{};
};

class DirectReads;

class ColdBackend {
 public:
  virtual ~ColdBackend() = default;

  // ---- the writer -----------------------------------------------------------------------------

  /// All operations, the checkpoint record if there is one, and meta/high, or nothing of it. Does
  /// not flush. After an error the same batch may be written again once Resume() succeeded.
  virtual Status Write(const ColdBatch& batch) = 0;
  /// Prepares the batch to become visible together with those staged before it. False: it does not
  /// fit behind them, or is nothing to be staged; then Publish() first, and Write() it if nothing
  /// is staged any more. After an error nothing but Unstage() may follow. The batch stays where and
  /// as it is until Publish() or Unstage().
  virtual StatusOr<bool> Stage(const ColdBatch& batch) = 0;
  /// All that is staged, as if it were one batch, and durable; or, after an error, nothing of it.
  /// All that was written before is durable then, too. After an error as after Stage's.
  virtual Status Publish() = 0;
  /// Forgets what is staged; it may be staged or written again.
  virtual void Unstage() = 0;
  /// A value of `meta`, sealed by the caller (codec/cold_record.h). Durable after FlushAll.
  virtual Status WriteMeta(std::string_view name, std::string_view sealed) = 0;
  /// Everything written so far is durable when it returns ok. Atomic over all families: a power cut
  /// inside leaves all of it or none.
  virtual Status FlushAll() = 0;
  /// Removes graves with an LSN < `lsn`. REQUIRES: a checkpoint at `lsn` is durable.
  virtual Status DropGravesBelow(Lsn lsn) = 0;
  /// Nothing was written for a while: memory kept for more writes may go.
  virtual void OnIdle() {}

  // ---- reads ----------------------------------------------------------------------------------

  /// False: there is no such record. `header` is written only when true, and `inline_payload`
  /// (null: not wanted) only when the payload lies in the header's record.
  virtual StatusOr<bool> GetHeader(uint64_t id, uint64_t position, std::string_view key,
                                   ColdHeader* header, std::string* inline_payload = nullptr) = 0;
  /// GetHeader of many records of one id, which are in the order of (position, key): those that
  /// share a block share its reading.
  virtual Status GetHeaders(uint64_t id, std::span<ColdHeaderRow> rows) = 0;
  /// The same for records that lie close together (a sixteenth of those between the first and the
  /// last, or more): walks from one to the next, reading ahead. Wanted payloads that take one row
  /// are brought, too, of up to `payload_bytes_max` together; a few may be left out.
  virtual Status WalkRecords(uint64_t id, std::span<ColdHeaderRow> rows,
                             uint64_t payload_bytes_max) = 0;
  virtual StatusOr<bool> GetValue(uint64_t id, uint64_t position, std::string_view key,
                                  ColdHeader* header, std::string* payload) = 0;
  /// Where that value lies, if this thread's last call was its GetValue and read it from one block
  /// of a file; else a place that is not known.
  /// `header`: what it found. A row that is not the newest, because a change of the header alone
  /// lies over it, is no such place.
  virtual ValuePlace PlaceOf(uint64_t /*id*/, uint64_t /*position*/, std::string_view /*key*/,
                             const ColdHeader& /*header*/) {
    return {};
  }
  /// Reads of places; they end before the backend does. Null: there is no such way, or the machine
  /// has no room for it.
  virtual std::unique_ptr<DirectReads> NewDirectReads(int wake_fd) = 0;
  /// Rows of `elements` of one key. Each is as of some moment of the call.
  virtual Status GetElements(uint64_t id, uint64_t position, std::string_view key,
                             std::span<ColdElementRow> rows) = 0;
  virtual StatusOr<ColdScanPage> ScanRange(const ColdScanRange& range) = 0;
  /// Up to `max_rows` rows of the id with expire_ms <= `deadline_max_ms` in the order of (deadline,
  /// position, key), beginning behind `after` if it is given.
  virtual StatusOr<std::vector<ExpiryRow>> ExpiredRows(uint64_t id, uint64_t deadline_max_ms,
                                                       size_t max_rows,
                                                       const ExpiryRow* after = nullptr) = 0;
  virtual StatusOr<ColdCounts> ReadCounts(uint64_t id) = 0;  // zeros if nothing is known of the id
  /// Every id that has counts, ascending.
  virtual Status ForEachCounts(const std::function<void(uint64_t id, ColdCounts)>& fn) = 0;
  /// Sealed value of a meta key; nothing if it was never written.
  virtual StatusOr<std::optional<std::string>> ReadMeta(std::string_view name) = 0;
  /// Every grave in the order of (LSN, id, position, key); stops with the callback's error.
  virtual Status ForEachGrave(const std::function<Status(Lsn lsn, uint64_t id, uint64_t position,
                                                         std::string_view key)>& fn) = 0;

  /// A backend that was opened for reading alone takes writes from here on. REQUIRES: no read is
  /// under way.
  virtual Status MakeWritable() { return {}; }

  // ---- care -----------------------------------------------------------------------------------

  /// Reads every byte of every live file and compares checksums. kCorruption names the file. Gives
  /// up with kUnavailable soon after `cancel` becomes true.
  virtual Status VerifyAll(const std::atomic<bool>* cancel) = 0;
  /// Rewrites the id's files, so that the space of deleted records comes back. Blocks.
  virtual Status CompactRange(uint64_t id, std::atomic<bool>* cancel) = 0;
  /// Why background work stands still; ok if it does not.
  virtual Status BackgroundError() = 0;
  /// Tries to go on after a background error; ok at once if there is none.
  virtual Status Resume() = 0;
  /// Bytes a second for flushes and compactions; 0: no limit.
  virtual void SetBackgroundRate(uint64_t bytes_per_second) = 0;
  /// Cheap (no I/O); some numbers are estimates.
  virtual ColdStats Stats() = 0;
  /// Makes calls that are blocked in a write stall or in background work return with an error soon.
  /// Only reads and the destructor may follow.
  virtual void BeginShutdown() = 0;
};

}  // namespace thermocline::engine
