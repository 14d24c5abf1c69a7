// ColdStore: the threads of the cold tier. One FIFO writer, a pool of readers, results in queues.
//
// The executor enqueues batches and reads and takes what is done when `wake` was called; it never
// waits. Rules kept here (each has a test):
//  - [D6] one writer, batches in order; a failing batch stays at the head and is tried again,
//  nothing is
//    dropped or overtaken.
//  - The write-ahead rule: a batch is neither written nor published until durable_end() >= its
//    high_lsn(), and a log sync is asked for while it is held.
//  - [D4] a checkpoint batch lands after a flush of every family; only then are graves below it
//  removed.
//  - Batches of a sweep are staged one by one and land together when they are published: once
//    there are staged_bytes_max of them, before a batch of no sweep, or when no more follow. If
//    that fails none has landed, and all are staged again.
//  - A fault never waits behind scans: those use half of the readers at most, maintenance one.
// Lock order: none; no lock is held while a callback or the backend runs. Submit and DrainReads
// take none: readers have the lowest priority, and the executor must not wait for one of them.
#pragma once

#include <semaphore.h>

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include "codec/status.h"
#include "engine/cold/cold_backend.h"
#include "engine/cold/cold_batch.h"
#include "engine/cold/handoff_list.h"
#include "engine/cold/place_cache.h"

namespace thermocline::engine {

/// What ColdStoreOptions::decode made of a payload, with what frees it.
using ColdDecoded = std::unique_ptr<void, void (*)(void*)>;

/// A read and its result. The caller owns it and must not touch it from Submit until it comes back
/// through DrainReads.
struct ColdRead {
  enum class Kind : uint8_t {
    kHeader,    // id, position, key -> found, header; payload, too, if it is inline
    kHeaders,   // id, headers
    kWalk,      // the same, close together
    kValue,     // id, position, key -> found, header, payload
    kElements,  // id, position, key, elements
    kScan,      // range -> page
    kExpired,   // id, deadline_max_ms, max_rows, after -> expired
    kVerify,    // -> status alone; long
    kCompact,   // id -> status alone; long
  };
  Kind kind = Kind::kHeader;
  uint64_t id = 0;
  uint64_t position = 0;
  std::string key;
  uint64_t ticket = 0;       // the caller's; not looked at
  ValuePlace place;          // the store's, kValue: where the value lies
  uint64_t landed = 0;       // the store's, kValue: batches that had landed when it was submitted
  void* owner = nullptr;     // the caller's; not looked at
  ColdRead* next = nullptr;  // the store's

  std::vector<ColdHeaderRow> headers;    // kHeaders, kWalk: asked and answered
  uint64_t payload_bytes_max = 0;        // kWalk
  std::vector<ColdElementRow> elements;  // kElements: asked and answered
  ColdScanRange range;                   // kScan; its id counts, not the one above
  uint64_t deadline_max_ms = 0;
  size_t max_rows = 0;
  std::optional<ExpiryRow> after;

  Status status;
  bool direct = false;  // no reader was needed
  bool found = false;
  ColdHeader header;
  std::string payload;
  ColdDecoded decoded{nullptr, nullptr};  // kValue: instead of the payload
  ColdScanPage page;
  std::vector<ExpiryRow> expired;
};

struct ColdStoreOptions {
  int readers = 8;
  /// Where the CPUs are short, those who read a hot key must not wait for those who read a cold
  /// one: readers get what the executor and the clients leave (docs/performance.md has the
  /// figures). Tests run beside each other with all CPUs busy, and hand over a read at a time:
  /// there it is 0.
  int reader_nice = 19;
  bool background = true;  // false: no threads; RunUntilIdle() does the work (deterministic tests)
  bool reads_first = false;  // RunUntilIdle() reads before it writes: the readers were faster
  /// Stream offset up to which the log is durable. From the writer thread.
  std::function<uint64_t()> durable_end;
  /// Asks the log for a sync soon. From the writer thread, no lock held.
  std::function<void()> request_sync;
  /// Something waits in DrainLanded or DrainReads, or error() changed. From any thread of the
  /// store, no lock held; not called again before it was drained. While faults are queued, reads
  /// are told of when as many are done as there are readers: a read's time later than they might
  /// be.
  std::function<void()> wake;
  /// What a kValue read found, as what it stands for, if that takes so long that whoever drains the
  /// reads should not do it; null: the payload is given out. In the thread that reads, no lock
  /// held.
  std::function<ColdDecoded(const ColdRead& read)> decode;
  /// The eventfd that `wake` adds to, not owned: reads of values whose place is known then need no
  /// reader (direct_reads.h). -1: there is none.
  int wake_fd = -1;
  /// Memory for the places of values.
  uint64_t place_bytes_max = 0;
  /// Batches that are staged and not yet published: of how many bytes at most, about.
  uint64_t staged_bytes_max = 16 << 20;
  int64_t retry_ms_min = 20;  // pause after a failed write, doubling
  int64_t retry_ms_max = 1000;
  /// The memtables are flushed when nothing was written for so long and more than idle_flush_bytes
  /// are unflushed; 0: never.
  int64_t idle_flush_ms = 2000;
  uint64_t idle_flush_bytes = 1 << 20;
};

class ColdStore {
 public:
  /// `backend` is not owned and outlives the store.
  ColdStore(ColdBackend* backend, ColdStoreOptions options);
  /// Stop()s.
  ~ColdStore();
  ColdStore(const ColdStore&) = delete;
  ColdStore& operator=(const ColdStore&) = delete;

  // ---- batches ---------------------------------------------------------------------------------

  void Enqueue(ColdBatch batch);
  /// Moves what has landed, in order, to the end of `out`; returns how many. A landed batch is
  /// visible to reads; with a checkpoint, durable.
  size_t DrainLanded(std::vector<ColdBatch>* out);
  /// The log's durable end has moved. Any thread; a load unless the writer waits for it.
  void NotifyDurable();
  /// bytes() of the batches that the writer has yet to write or stage (back-pressure). Any thread.
  uint64_t queued_bytes() const { return queued_bytes_.load(std::memory_order_relaxed); }
  /// Those that have not landed.
  size_t queued_batches() const { return queued_batches_.load(std::memory_order_relaxed); }
  /// Why the batch at the head cannot be written, or background work stands still; ok while all is
  /// well. Any thread.
  Status error() const;
  bool healthy() const { return healthy_.load(std::memory_order_acquire); }
  /// Blocks until every enqueued batch has landed; false after `timeout_ms`. For a clean stop.
  bool WaitLanded(int64_t timeout_ms);

  // ---- reads -----------------------------------------------------------------------------------

  /// Begins those whose place is known, queues the others and wakes min(of them, idle readers)
  /// threads once. The owner's thread, as for DrainReads.
  void Submit(std::span<ColdRead* const> reads);
  void Submit(ColdRead* read) { Submit(std::span<ColdRead* const>(&read, 1)); }
  /// Moves finished reads to the end of `out`; returns how many. Order is that of completion.
  size_t DrainReads(std::vector<ColdRead*>* out);
  /// In the caller's thread, past the queues.
  void ReadNow(ColdRead* read);
  /// Of the places of values.
  size_t place_bytes() const { return places_.memory_bytes(); }
  size_t reads_in_flight() const { return reads_in_flight_.load(std::memory_order_relaxed); }

  // ---- life ------------------------------------------------------------------------------------

  /// Without `background`: does everything that can be done, batches in order, then (or before) the
  /// reads. Stops at a batch that the log does not cover although a sync was asked for, or when
  /// nothing has landed and it failed twice (a Resume() lies between). Returns whether anything was
  /// done.
  bool RunUntilIdle();
  /// Ends the threads. What is being done is finished or interrupted; batches left are discarded
  /// (they are in the log), reads left come back through DrainReads as kUnavailable. Idempotent.
  /// The backend is shut down for writing.
  void Stop();

 private:
  enum Lane : uint8_t { kFaults, kScans, kMaintenance, kLanes };
  static Lane LaneOf(ColdRead::Kind kind);

  // The two halves of RunUntilIdle.
  bool RunBatches();
  bool RunReads();
  void WriterLoop();
  void ReaderLoop();
  // What the writer does next: with the first batch that is not staged, or with those that are.
  enum class Step : uint8_t { kNone, kStage, kPublish, kWrite };
  // REQUIRES write_mutex_. `next`: that batch, if there is one; `lsn`: up to where the log must be
  // durable for the step.
  Step NextStep(const ColdBatch** next, Lsn* lsn) const;
  // False: all that was staged is staged again later, and the step tried again.
  bool Take(Step step, const ColdBatch* next);
  Status TakeStep(Step step, const ColdBatch* next);
  Status StageNext(const ColdBatch& batch);
  Status WriteStages(const ColdBatch& batch);
  void Unstage();
  // The first `n` of the queue have landed.
  void Land(size_t n);
  void SetError(const Status& status);
  // For failures of flushes and compactions that no batch meets.
  void CheckBackground();
  // In a reader's, or the caller's, thread.
  void Perform(ColdRead* read);
  void SubmitToReaders(std::span<ColdRead* const> reads);
  // What DirectReads brought: to the end of `out`; what it could not bring goes to the readers.
  void TakeDirect(std::vector<ColdRead*>* out);
  void Finish(ColdRead* read);
  // REQUIRES read_mutex_.
  void SortInbox();
  bool LaneOpen(int lane) const;
  ColdRead* PickRead(Lane* lane);
  // Whether one of the idle readers was counted out: it is woken, or goes on by itself.
  bool ClaimIdleReader();

  ColdBackend* const backend_;
  const ColdStoreOptions options_;

  std::mutex write_mutex_;  // queue_, landed_, writing_
  std::condition_variable write_cv_;
  std::condition_variable landed_cv_;
  std::deque<ColdBatch> queue_;
  std::vector<ColdBatch> landed_;
  std::atomic<uint32_t> waits_for_log_{0};  // 0 or 1
  std::atomic<uint64_t> queued_bytes_{0};
  std::atomic<size_t> queued_batches_{0};

  // The writer's own: how far the batch behind the staged ones got before a failure.
  enum class Stage : uint8_t { kWrite, kFlush, kGraves } stage_ = Stage::kWrite;
  // And how many at the head of the queue are staged. Read under write_mutex_.
  size_t staged_ = 0;
  uint64_t staged_bytes_ = 0;
  Lsn staged_high_ = 0;
  bool publish_due_ = false;  // nothing more is staged before
  bool unfit_ = false;        // the batch behind the staged ones cannot be staged

  mutable std::mutex error_mutex_;  // error_
  Status error_;
  std::atomic<bool> healthy_{true};

  HandoffList<ColdRead> inbox_;  // submitted, in no lane yet
  std::mutex read_mutex_;        // the readers': lanes_, running_, taking from inbox_
  std::deque<ColdRead*> lanes_[kLanes];
  int running_[kLanes] = {};
  int lane_max_[kLanes] = {};  // constant after construction
  // Readers that found nothing. Counted up under read_mutex_ before a last look at inbox_; counted
  // down by whoever claims one and then posts once (or goes on, if it claimed itself): so either
  // the submitter sees the idle reader, or that one sees the read.
  std::atomic<int> idle_readers_{0};
  sem_t wake_readers_;

  // The owner's: reads past the readers.
  std::unique_ptr<DirectReads> direct_;  // null: there are none
  PlaceCache places_;
  uint64_t landed_batches_ = 0;  // drained
  std::vector<ColdRead*> left_;  // of a submission: for the readers

  HandoffList<ColdRead> done_;
  // A read that ends without a wake is told of by a fault that was queued then: each of those ends
  // later, and the one that leaves none queued wakes.
  std::atomic<size_t> queued_faults_{0};  // submitted, and no reader has taken it yet
  std::atomic<size_t> undrained_{0};      // finished since DrainReads came last, about
  std::atomic<bool> woken_{false};        // for them
  std::atomic<size_t> reads_in_flight_{0};

  std::atomic<bool> stopping_{false};
  bool stopped_ = false;  // the owner's thread only
  std::thread writer_;
  std::vector<std::thread> readers_;
};

}  // namespace thermocline::engine
