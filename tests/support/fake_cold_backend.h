// FakeColdBackend: the cold tier in maps, the model for RocksBackend and the stand-in where TSan
// looks.
//
// One mutex guards all, so every read is a snapshot. Every record is checked against what the
// writer claimed about it (previous deadline, chunks, whether it was there): a wrong claim is a bug
// of the engine and shows as violations(). Faults are switched on by the test. FlushAll keeps a
// copy of the state; CrashCopy() is what a restart would find. Not durable, not fast. Thread-safe.
#pragma once

#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <tuple>
#include <vector>

#include "engine/cold/cold_backend.h"
#include "engine/cold/direct_reads.h"
#include "engine/cold/staging_order.h"

namespace thermocline::engine {

class FakeColdBackend : public ColdBackend {
 public:
  FakeColdBackend() = default;

  Status Write(const ColdBatch& batch) override;
  StatusOr<bool> Stage(const ColdBatch& batch) override;
  Status Publish() override;
  void Unstage() override;
  Status WriteMeta(std::string_view name, std::string_view sealed) override;
  Status FlushAll() override;
  Status DropGravesBelow(Lsn lsn) override;
  Status GetHeaders(uint64_t id, std::span<ColdHeaderRow> rows) override;
  Status WalkRecords(uint64_t id, std::span<ColdHeaderRow> rows,
                     uint64_t payload_bytes_max) override;
  StatusOr<bool> GetHeader(uint64_t id, uint64_t position, std::string_view key, ColdHeader* header,
                           std::string* inline_payload) override;
  StatusOr<bool> GetValue(uint64_t id, uint64_t position, std::string_view key, ColdHeader* header,
                          std::string* payload) override;
  std::unique_ptr<DirectReads> NewDirectReads(int) override { return nullptr; }
  Status GetElements(uint64_t id, uint64_t position, std::string_view key,
                     std::span<ColdElementRow> rows) override;
  StatusOr<ColdScanPage> ScanRange(const ColdScanRange& range) override;
  StatusOr<std::vector<ExpiryRow>> ExpiredRows(uint64_t id, uint64_t deadline_max_ms,
                                               size_t max_rows, const ExpiryRow* after) override;
  StatusOr<ColdCounts> ReadCounts(uint64_t id) override;
  Status ForEachCounts(const std::function<void(uint64_t id, ColdCounts)>& fn) override;
  StatusOr<std::optional<std::string>> ReadMeta(std::string_view name) override;
  Status ForEachGrave(const std::function<Status(Lsn lsn, uint64_t id, uint64_t position,
                                                 std::string_view key)>& fn) override;
  Status VerifyAll(const std::atomic<bool>* cancel) override;
  Status CompactRange(uint64_t id, std::atomic<bool>* cancel) override;
  Status BackgroundError() override;
  Status Resume() override;
  void SetBackgroundRate(uint64_t bytes_per_second) override {}
  ColdStats Stats() override;
  void BeginShutdown() override;

  // ---- the test's side
  // ---------------------------------------------------------------------------

  /// After `skip` more good ones, `n` writes or flushes (or Resume()s in between) fail with
  /// `status`, and so does all later work until a Resume() succeeds.
  void FailNext(int n, Status status, int skip = 0);
  /// Reads block until it is switched off (or shutdown).
  void HoldReads(bool on);
  /// `n` of the blocked reads go on, while HoldReads is on.
  void LetThrough(int n);
  /// Readers that are blocked by HoldReads and stay so.
  int held_reads();
  /// What the backend was asked to do, in order: "write <high>", "stage <high>", "publish
  /// <batches>", "flush", "graves <lsn>".
  std::vector<std::string> Journal();
  /// Claims of the writer that were not true; empty if all is well.
  std::vector<std::string> Violations();
  /// A backend with the state of the last FlushAll.
  std::unique_ptr<FakeColdBackend> CrashCopy();

 private:
  using RecordKey = std::tuple<uint64_t, uint64_t, std::string>;  // id, position, key
  struct Record {
    ColdHeader header;
    std::string payload;
    std::map<uint64_t, std::string> elements;
  };
  using ExpiryKey = std::tuple<uint64_t, uint64_t, uint64_t, std::string>;
  struct State {
    std::map<RecordKey, Record> records;
    std::set<ExpiryKey> expiry;
    std::set<std::tuple<Lsn, uint64_t, uint64_t, std::string>> graves;
    std::map<uint64_t, ColdCounts> counts;
    std::map<std::string, std::string> meta;
    Lsn high = 0;
  };

  // REQUIRE mutex_.
  void ApplyBatch(const ColdBatch& batch);
  void Apply(const ColdOp& op);
  void Expect(bool claim, const ColdOp& op, std::string_view what);
  Status Fail();
  void WaitWhileHeld(std::unique_lock<std::mutex>* lock);

  std::mutex mutex_;  // all below
  std::condition_variable cv_;
  State state_;
  State flushed_;
  std::vector<const ColdBatch*> staged_;
  StagingOrder staging_order_;
  std::vector<std::string> journal_;
  std::vector<std::string> violations_;
  int failures_left_ = 0;
  int failures_skip_ = 0;
  Status failure_;
  Status background_error_;
  bool hold_reads_ = false;
  int held_reads_ = 0;
  int let_through_ = 0;
  bool shutdown_ = false;
};

}  // namespace thermocline::engine
