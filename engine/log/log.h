// Log: the append-only log of effects, in recycled segment files.
//
// Every change of the database is first a frame here. An LSN is the stream offset of the frame's
// first payload byte plus one; stream offsets count payload bytes only (they are the replication
// offset), so the next LSN is known before a command runs. "End" always means the stream offset
// behind a whole frame: the frame with LSN L is written or durable exactly if the respective end is
// >= L.
//
// Invariants: DurableEnd() <= WrittenEnd() <= EndOffset(); none ever decreases, but for a failure,
// which takes WrittenEnd() back to DurableEnd(). What is not durable is also in memory, in order. A
// segment is never written again after a failed write or sync of it, nor after a restart.
//
// Threading: one executor thread owns the object. DurableEnd, Healthy, RequestSync and stats may be
// called by any thread. With `background` one thread of the log syncs, makes spare segments and
// polls the free space; without it all of that happens inside the executor's calls, so a run is
// deterministic.
//
// Implements docs/formats/log.md. segment.h owns the files, frame_buffer.h the frames in memory,
// segment_pool.h the spare ones, segment_reader.h and recovery.h what is read back.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "codec/log_frame.h"
#include "codec/status.h"
#include "engine/env/clock.h"
#include "engine/env/file_system.h"
#include "engine/env/random.h"
#include "engine/types.h"

namespace thermocline::engine {

enum class FsyncPolicy : uint8_t {
  kAlways,    // Commit() syncs before it returns
  kEverySec,  // Commit() writes; a sync follows within about a second
  kNo,        // Commit() writes; syncs happen when asked for, or to bound the memory of kept frames
};

struct LogOptions {
  FileSystemPtr fs;
  std::string dir;  // created if missing; holds nothing but segments
  uint64_t segment_bytes =
      16 << 20;                 // file size of a segment, >= 4 KiB; larger frames get their own
  uint64_t spare_segments = 2;  // kept ready, so that a roll neither waits nor needs disk space
  FsyncPolicy policy = FsyncPolicy::kEverySec;
  Clock* clock = nullptr;        // not owned; required
  Random* random = nullptr;      // not owned; required; used by the executor thread only
  bool background = true;        // false: no thread, see above
  uint64_t low_water_bytes = 0;  // BelowLowWater() when less disk is free; 0: never
  uint64_t kept_bytes_max =
      64 << 20;  // a sync is asked for when more undurable bytes are in memory
  /// Called when the durable end moved or the health changed other than by the executor's own call
  /// (Commit, SyncNow, TryResume, Close). From the log's thread, without locks held: must be quick
  /// and must not call back into the log except for the any-thread functions.
  std::function<void()> wake;
  bool write_to_disk = true;  // false: `appendonly no`, LSNs count but nothing is written
};

/// A frame as recovery reads it; views are valid during the callbacks only.
struct ReplayFrame {
  Lsn lsn = 0;
  uint8_t flags = 0;         // codec::FrameFlags
  std::string_view payload;  // RESP, never empty
  /// Database number in force at the frame's start, or -1 where the log does not say: it is given
  /// up to and with the first frame that is not keyless, of the replay and of every segment. In
  /// between, follow the SELECTs.
  int32_t select_context = -1;
  /// Meaningful with codec::kFrameHasUpstream: whose change it was, and its offset behind the
  /// change.
  std::string_view upstream_id;
  uint64_t upstream_offset = 0;
  std::string_view segment_path;
  uint64_t file_offset = 0;  // of the frame's header in its segment
};

/// The server that a replicated change came from; travels in the frame's header.
struct Upstream {
  std::array<char, 40> id{};
  uint64_t offset = 0;  // in its own stream, behind the change
};

struct LogStats {
  uint64_t bytes_appended = 0;  // payload bytes since Open
  uint64_t bytes_written = 0;   // to segment files, headers included
  uint64_t writes = 0;          // write calls of Commit
  uint64_t fsyncs = 0;          // good fdatasyncs of segments
  uint64_t fsync_failures = 0;
  uint64_t fsync_last_us = 0;
  uint64_t fsync_total_us = 0;
  uint64_t fsyncs_delayed = 0;  // that took more than 2 s, as Redis's aof_delayed_fsync
  uint64_t pending_bytes = 0;   // encoded bytes kept in memory because they are not durable yet
  uint64_t memory_bytes = 0;    // all buffers of the log, spare ones included
  uint64_t segments_live = 0;
  uint64_t segments_spare = 0;
  uint64_t segments_created = 0;   // since Open
  uint64_t segments_recycled = 0;  // reused after having held frames, since Open
  uint64_t disk_bytes = 0;         // live and spare files
  bool healthy = true;
};

class Log {
 public:
  ~Log();
  Log(const Log&) = delete;
  Log& operator=(const Log&) = delete;

  /// Reads the directory, builds the chain of segments and finds the end. Changes nothing on disk
  /// but for creating the directory. kCorruption, naming file and offset, if what was durable is
  /// damaged.
  static StatusOr<std::unique_ptr<Log>> Open(LogOptions options);

  /// Delivers all frames with LSN >= `from` in order. kCorruption if one of them is missing or
  /// damaged (naming file and offset); the callback's error, annotated with the frame's place,
  /// stops it. `foresee`, if given, sees the next few frames before the first of them is delivered.
  /// REQUIRES: before Start(). May be called again.
  Status Replay(Lsn from, const std::function<Status(const ReplayFrame&)>& deliver,
                const std::function<void(std::span<const ReplayFrame>)>& foresee = nullptr);

  /// What was recovered may lie in the page cache only (after kill -9): syncs it, so that
  /// DurableEnd() says so before Start(). For recovery that must write back while it replays. May
  /// be called again.
  Status MakeRecoveredDurable();

  /// Makes what was recovered durable and gets ready to append to a new segment. `at_least` is the
  /// largest LSN that the cold tier has seen ("high"): kCorruption if the log ends before it. With
  /// `may_jump` (the log was switched off, or its content is to be ignored on purpose) the stream
  /// continues behind `at_least` instead, and Replay will never cross that place.
  Status Start(Lsn at_least, bool may_jump = false);

  /// What the next Append returns.
  Lsn NextLsn() const { return end_offset_.load(std::memory_order_relaxed) + 1; }

  /// Buffers one frame and returns its LSN; `select_db_after` is the database number in force
  /// behind it, `flags` are codec::FrameFlags. Never fails: what the disk says is Commit's answer.
  /// REQUIRES: 1 <= payload.size() <= codec::kMaxFramePayload; after Start().
  Lsn Append(std::string_view payload, uint8_t flags, int32_t select_db_after);
  /// The same for a change that came from `upstream`; sets codec::kFrameHasUpstream itself.
  Lsn Append(std::string_view payload, uint8_t flags, int32_t select_db_after,
             const Upstream& upstream);

  /// Database number in force at EndOffset(): as recovered, then as the last Append said.
  int32_t SelectDb() const;

  /// Ends a tick: one write of all buffered frames (one more for each segment that filled up), and
  /// under kAlways the sync. The error is sticky: see Healthy().
  Status Commit();

  uint64_t EndOffset() const { return end_offset_.load(std::memory_order_relaxed); }
  uint64_t WrittenEnd() const { return written_end_.load(std::memory_order_acquire); }
  uint64_t DurableEnd() const { return durable_end_.load(std::memory_order_acquire); }

  /// Any thread: what has been appended so far shall be durable soon, whatever the policy. Frames
  /// not yet committed are synced after their Commit. Without `background`: syncs at once what is
  /// written, the rest at the next Commit; executor thread only.
  void RequestSync();

  /// Commits and syncs before it returns.
  Status SyncNow();

  /// False from a failed write or sync until TryResume succeeds. Any thread.
  bool Healthy() const { return healthy_.load(std::memory_order_acquire); }
  /// Why Healthy() is false; ok if it is true. Any thread.
  Status LastError() const;
  /// Writes all kept frames to a new segment and syncs it; ok and healthy afterwards, or the error
  /// and as before. Ok at once when healthy.
  Status TryResume();

  /// True while less than `low_water_bytes` are free on disk, or the spares that keep space
  /// reserved cannot be made: growing writes should be refused. Looks at the disk at most every 100
  /// ms, in the background: answers from the last look.
  bool BelowLowWater();

  /// Frames with an LSN < `below` are not needed any more; segments holding no other may be reused,
  /// as soon as a durable frame says that they were durable (so, if the log is idle, after the next
  /// one).
  void Recycle(Lsn below);

  void SetPolicy(FsyncPolicy policy);
  FsyncPolicy policy() const { return policy_.load(std::memory_order_relaxed); }

  /// Switches `appendonly` at run time. On: the next frame begins a new segment behind a jump, so
  /// the caller must make a checkpoint at or above NextLsn() before the log alone can rebuild
  /// anything. Off: commits and syncs first.
  Status SetWriteToDisk(bool on);

  /// Commits, syncs, stops the thread. If anything was appended since Start(), a last keyless frame
  /// (a PING of 14 bytes, which counts in the stream) states that all before it was durable, so
  /// that damage is found wherever it is. Nothing but the destructor may be called afterwards. The
  /// destructor without Close() is a crash: what was not committed is gone.
  Status Close();

  /// Any thread.
  LogStats stats() const;

 private:
  struct Impl;
  Log();

  std::atomic<uint64_t> end_offset_{0};
  std::atomic<uint64_t> written_end_{0};
  std::atomic<uint64_t> durable_end_{0};
  std::atomic<bool> healthy_{true};
  std::atomic<FsyncPolicy> policy_{FsyncPolicy::kEverySec};
  std::unique_ptr<Impl> impl_;
};

}  // namespace thermocline::engine
