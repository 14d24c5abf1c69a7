// The database: what commands read and change, over both tiers, the log and recovery.
//
// One executor thread calls everything here (Options::wake excepted). A command runs in three
// steps:
//   1. Prepare(keys): are they resident (or known absent)? If not, faults start and the waiter is
//   told later.
//   2. BeginFrame(), then reads and mutations; each mutation changes the hot tier and writes its
//   effect
//      into the frame; CommitFrame() hands the frame to the log and returns the reply's gate LSN.
//      MULTI/EXEC and scripts put many commands into one frame.
//   3. EndTick() once a loop iteration: one log write (and sync, under `always`), then slices of
//      write-back, spilling, expiry and freeing. Replies may leave after it, as far as DurableEnd()
//      covers their gate.
// Every mutation here is an effect verb (docs/formats/effects.md) and is also what recovery calls.
// Entries returned are valid until the next mutation, Poll() or EndTick().
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "codec/status.h"
#include "engine/hot/entry.h"
#include "engine/log/log.h"
#include "engine/options.h"
#include "engine/types.h"

namespace thermocline::engine {

class Lists;
class Hashes;
class Random;
class Sets;
class SortedSets;

/// What happens to keys behind the back of the command that runs. Called on the executor.
class DatabaseListener {
 public:
  virtual ~DatabaseListener() = default;
  /// A key was changed, deleted, expired or evicted (WATCH). Called only while SetWatching(true).
  virtual void OnKeyChanged(int db, std::string_view key) = 0;
  /// FLUSHDB (b < 0) emptied database a, or SWAPDB exchanged a and b; called before it happens.
  virtual void OnDatabasesChanged(int a, int b) = 0;
  /// A key came to be that did not exist, or got a whole new value by RESTORE, a copy or a move.
  /// A read found nothing. Called only while SetReports() asks for it; nothing may be changed.
  virtual void OnKeyCreated(int db, std::string_view key) = 0;
  virtual void OnKeyMissed(int db, std::string_view key) = 0;
  /// A key's time had passed, or memory policy deleted it.
  virtual void OnExpired(int db, std::string_view key) = 0;
  virtual void OnEvicted(int db, std::string_view key) = 0;
};

/// Somebody who waits for cold keys, a range, or memory. Intrusive: the owner keeps it alive until
/// OnReady or CancelWait.
class Waiter {
 public:
  virtual ~Waiter() = default;
  /// Everything that was asked for arrived (or failed); called once from Poll(). The owner calls
  /// Prepare again, which is true now unless the world changed meanwhile ([R1]).
  virtual void OnReady() = 0;

 private:
  friend class Residency;
  friend class Spiller;
  int pending_ = 0;
  std::vector<uint64_t> faults_;  // tickets referenced (pins)
  codec::Status error_;           // a cold read failed
  uint64_t park_order_ = 0;       // place in the queue for memory; 0: never parked
};

struct KeyRequest {
  int db;
  std::string_view key;
  Need need;
  ListPart part = {};  // of the value, if it is a list
};

/// One page of SCAN: the keys of [cursor, next) over both tiers.
struct ScanPage {
  struct Key {
    std::string key;
    ValueType type;
  };
  std::vector<Key> keys;
  uint64_t next = 0;     // 0: the walk is over
  codec::Status status;  // the cold range could not be read; no keys then
};

/// What RANDOMKEY found.
struct RandomKeyReply {
  std::optional<std::string> key = {};  // empty: the database is
  codec::Status status = {};            // the cold range could not be read; no key then
};

/// State of one ScanStep or RandomKey across parking. Owned by the caller.
struct ScanRequest {
  int db = 0;
  uint64_t cursor = 0;
  uint64_t count = 10;  // keys to examine
  // Filled by the engine.
  bool submitted = false;
  int rereads = 0;  // RandomKey
  std::shared_ptr<void> state;
};

/// What EXPIRE-like changes and SET say about the deadline.
enum class ExpiryChange : uint8_t { kClear, kKeep, kSet };

enum class Admission : uint8_t {
  kRun,      // there is room
  kParked,   // memory is being freed; waiter->OnReady() follows ([R3])
  kOom,      // "-OOM command not allowed when used memory > 'maxmemory'."
  kMisconf,  // the log or the cold tier failed, see GrowthError(); nothing was changed
};

struct DbStats {
  uint64_t keys = 0;
  uint64_t expires = 0;
  int64_t avg_ttl_ms = 0;
  uint64_t resident = 0;                       // of keys
  uint64_t table_bytes = 0, expiry_bytes = 0;  // of the key table without its entries, of deadlines
};

/// Counters since start or ResetStats(), and gauges. All for INFO; documented there.
struct Stats {
  uint64_t keyspace_hits = 0, keyspace_misses = 0;
  uint64_t expired_keys = 0, evicted_keys = 0;
  uint64_t changes_since_checkpoint = 0;  // rdb_changes_since_last_save
  int64_t last_checkpoint_unix_s = 0;
  bool checkpoint_running = false;
  uint64_t checkpoints = 0;
  uint64_t cold_read_hits = 0, cold_read_misses = 0, cold_reads_in_flight = 0,
           synchronous_cold_reads = 0, direct_cold_reads = 0;
  uint64_t spilled_nodes = 0, read_nodes = 0;  // of paged lists
  uint64_t spilled_keys = 0, captured_keys = 0, captured_bytes = 0;
  uint64_t dirty_keys = 0, tombstones = 0, resident_keys = 0, cold_records = 0;
  uint64_t unknown_bases = 0;  // until it is 0, keys of the last replay may be counted twice
  uint64_t used_memory = 0, table_bytes = 0, value_bytes = 0, filter_bytes = 0,
           capture_queue_bytes = 0, fixed_bytes = 0, unaccounted_bytes = 0;
  uint64_t field_names = 0;   // names that hashes share
  uint64_t giant_bytes = 0;   // of values that the budget gives way to (Spiller)
  uint64_t budget_bytes = 0;  // maxmemory in force
  uint64_t cold_bytes_on_disk = 0, log_bytes_on_disk = 0;
  // Of tables, since the start; compactions' part of them is the cold tier's write amplification.
  uint64_t cold_flush_bytes = 0, cold_published_bytes = 0;
  uint64_t cold_compaction_read_bytes = 0, cold_compaction_write_bytes = 0;
  uint64_t cold_level0_files = 0, cold_running_compactions = 0, cold_pending_compaction_bytes = 0;
  uint64_t replayed_frames = 0, replayed_effects = 0, replayed_bytes = 0;
  int64_t recovery_ms = 0;
  uint64_t replay_read_peak_bytes = 0;  // of values that were read ahead at once
  std::string cold_error;
  LogStats log;
};

class Database {
 public:
  /// Locks the directory, opens both tiers, recovers. Errors name what and where; nothing on disk
  /// was changed unless ok.
  static codec::StatusOr<std::unique_ptr<Database>> Open(Options options);
  ~Database();
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;

  void SetListener(DatabaseListener* listener);  // not owned
  void SetWatching(bool any_watchers);
  void SetReports(bool created, bool missed);
  const Options& options() const;
  Options& mutable_options();  // call ApplyOptions() after changing
  codec::Status ApplyOptions();
  int databases() const;

  // ---- residency -----------------------------------------------------------------------------
  /// Where a key's place is in every database's table.
  uint64_t PositionOf(std::string_view key) const;
  struct KeyPlace {
    int db;
    uint64_t position;
    bool collection = false;   // no string is expected there
    std::string_view element;  // of a hash, set or sorted set: is looked up, too, unless empty
  };
  /// Fetches what the lookups of these keys and elements will read, level by level: the misses of
  /// all of them overlap.
  void Prefetch(std::span<const KeyPlace> places);
  /// True: all keys are resident as far as needed, or known absent; run now, in the same tick.
  /// False: waiter->OnReady() follows. `waiter` may already hold pins from an earlier call; they
  /// stay until Release.
  bool Prepare(std::span<const KeyRequest> keys, Waiter* waiter);
  /// Why a cold read that the waiter asked for failed; ok if none did. Clears it.
  codec::Status TakeReadError(Waiter* waiter);
  /// The command ran (or was given up): unpins. CancelWait also takes it out of every queue.
  void Release(Waiter* waiter);
  void CancelWait(Waiter* waiter);
  /// Reads cold keys inside the call (after a first write of EXEC or a script). Counted in INFO.
  codec::Status PrepareNow(std::span<const KeyRequest> keys);
  /// May a command that grows memory run? Asked before it runs, after Prepare.
  Admission AdmitGrowth(Waiter* waiter);
  /// Why the log cannot be written; ok while writes are possible.
  codec::Status WriteError() const;
  /// kMisconf's reason: the log's error, else the cold tier's. Ok when both have recovered.
  codec::Status GrowthError() const;

  // ---- frames --------------------------------------------------------------------------------
  void BeginFrame();
  /// Ends the frame; returns the gate: the reply may leave once DurableEnd() >= gate (under
  /// `always`).
  Lsn CommitFrame();
  bool in_frame() const;
  bool frame_has_effects() const;
  Lsn DurableEnd() const;
  Lsn WrittenEnd() const;  // what a killed process keeps
  Lsn LogEnd() const;
  /// Adds to the gate of the open frame: what reads over many keys wait for ([G1]).
  void GateOnLogEnd();
  int64_t NowMs() const;  // wall clock, frozen for the frame

  // ---- reads (in a frame; keys prepared) -------------------------------------------------------
  /// kPeek: as kNo, and a miss is not reported.
  enum class Touch : uint8_t { kYes, kNo, kPeek };
  /// Live entry or null. Counts hits and misses and refreshes the access time if touched (and not
  /// CLIENT NO-TOUCH); a key whose time has passed is deleted (a DEL joins the frame) and answered
  /// as null.
  const Entry* Find(int db, std::string_view key, Touch touch = Touch::kYes);
  /// The same for commands that go on to write: no hit/miss is counted.
  const Entry* FindForWrite(int db, std::string_view key);
  bool Exists(int db, std::string_view key) { return Find(db, key, Touch::kNo) != nullptr; }
  /// Size and DatabaseStats are exact once this is true: not while a restart still looks up what
  /// the cold tier holds of changed keys. False: the waiter is told (TakeReadError), or, if it is
  /// null, reading failed (GrowthError).
  bool CountsKnown(Waiter* waiter);
  uint64_t Size(int db) const;  // O(1)
  DbStats DatabaseStats(int db) const;
  /// Whether a key may exist without looking at the disk (filter; false is certain).
  bool MayExist(int db, std::string_view key) const;

  // ---- mutations: effect verbs (in a frame; keys prepared at least to kHeader)
  // -------------------
  /// SET: any previous value of any type is replaced. `expire_at_ms` counts with kSet.
  void SetString(int db, std::string_view key, std::string_view value,
                 ExpiryChange change = ExpiryChange::kClear, int64_t expire_at_ms = kNoExpiry);
  /// INCRBYFLOAT's result: keeps the deadline; its text is not taken for an integer, as in Redis.
  void SetFloatText(int db, std::string_view key, std::string_view text);
  void SetMany(int db, std::span<const std::string_view> keys_and_values);  // MSET, one effect
  bool Delete(int db, std::string_view key);                                // false: was not there
  size_t DeleteMany(int db, std::span<const std::string_view> keys);
  /// REQUIRES: the key exists (for SetExpiry, Persist), is a string or absent (Append, SetRange),
  /// holds an integer or is absent (IncrBy).
  void SetExpiry(int db, std::string_view key, int64_t expire_at_ms);
  void Persist(int db, std::string_view key);
  size_t Append(int db, std::string_view key, std::string_view tail);  // new length
  size_t SetRange(int db, std::string_view key, size_t offset,
                  std::string_view bytes);                      // new length
  int64_t IncrBy(int db, std::string_view key, int64_t delta);  // new value; REQUIRES no overflow
  /// A value of an RDB type from outside bytes, validated in depth, for Restore under `key`.
  codec::StatusOr<EntryPtr> ParseValue(std::string_view key, uint8_t rdb_type,
                                       std::string_view payload) const;
  /// RESTORE: replaces what is there.
  void Restore(int db, std::string_view key, EntryPtr value, int64_t expire_at_ms);
  /// Copies value and expiry (COPY). REQUIRES: source exists; destination is replaced.
  void CopyKey(int from_db, std::string_view from, int to_db, std::string_view to);
  /// The same, and the source is gone (RENAME, MOVE). REQUIRES: either the databases differ or the
  /// names.
  void MoveKey(int from_db, std::string_view from, int to_db, std::string_view to);
  /// The verbs of collections (engine/types/<type>_effects.h).
  Lists& lists();
  Hashes& hashes();
  Sets& sets();
  SortedSets& zsets();
  /// The engine's lots: injected, so that a seeded run draws the same.
  Random& random();
  void FlushDb(int db);  // O(1); the content is freed elsewhere
  void FlushAll();
  void SwapDb(int a, int b);
  /// OBJECT/RESTORE: access metadata as Redis keeps it, for the policy in force.
  void SetAccess(int db, std::string_view key, std::optional<int64_t> idle_s,
                 std::optional<uint8_t> lfu);
  int64_t IdleSeconds(const Entry* entry) const;
  uint8_t LfuCounter(const Entry* entry) const;  // decayed to now

  /// DUMP's bytes (with footer) of a resident value.
  std::string Dump(const Entry* entry) const;

  // ---- whole keyspace -------------------------------------------------------------------------
  /// One SCAN step over both tiers. Null: the waiter was parked, call again with the same request
  /// after OnReady. With waiter == nullptr the cold range is read inside the call.
  std::optional<ScanPage> ScanStep(ScanRequest* request, Waiter* waiter);
  /// A random live key. Null: parked (as above).
  std::optional<RandomKeyReply> RandomKey(int db, ScanRequest* request, Waiter* waiter);

  /// A long walk lets others run: the waiter is told at the next Poll.
  void Yield(Waiter* waiter);

  // ---- checkpoint, spilling, time ---------------------------------------------------------------
  /// Starts a checkpoint unless one runs; the waiter (may be null) is told when one that began
  /// after this call is durable.
  codec::Status StartCheckpoint(Waiter* waiter);
  /// Spills everything that may be spilled; the waiter is told when done (DEBUG SPILL, tests).
  void SpillAll(Waiter* waiter);
  void SetActiveExpire(bool on);  // DEBUG SET-ACTIVE-EXPIRE
  /// Replicas and loading: nothing expires by the clock ([D15]).
  void SetExpireByClock(bool on);

  // ---- the loop ---------------------------------------------------------------------------------
  /// Takes completions of readers, writer and log; calls OnReady. Once a tick, before commands.
  void Poll();
  /// See the header comment. Never fails: a failing log shows in WriteError() and in DurableEnd().
  void EndTick();
  /// Milliseconds until EndTick() wants to run without a client's doing (0: now; at most 100).
  int64_t NextTickMs() const;
  /// Bytes that the owner holds for clients: charged to the budget.
  void SetClientBytes(uint64_t bytes);
  /// Bytes that the allocator says the process holds. What nobody accounts for, such as the buffers
  /// of compactions, is charged to the budget, too, where keys are spilled (tiering, noeviction):
  /// at most a quarter of it, and a peak is forgotten by a sixteenth a call. To be called about
  /// once a second; costs two measurements of the budget.
  void NoteAllocatedBytes(uint64_t bytes);
  Stats GetStats() const;
  size_t ColdReadsInFlight() const;  // GetStats() has it, too, but costs more
  void ResetStats();
  /// Clean stop: everything written back, checkpointed (if append_only is off, or it is cheap),
  /// closed.
  codec::Status Close();

 private:
  class Impl;
  bool Evict(int db, std::string_view key);
  bool CarryValue(int from_db, std::string_view from, int to_db, std::string_view to, bool take);
  explicit Database(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace thermocline::engine
