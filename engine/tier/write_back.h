// WriteBack: carries changes from the hot tier to the cold one, and makes checkpoints ([D4], [D6]).
//
// Dirty keys are found by sweeping the tables in position order, which is RocksDB's key order. A
// bitmap a keyspace says in which ranges of positions they are, so that a sweep costs what changed
// and a change one bit. A sweep is a checkpoint: C is the next LSN when it starts; every key whose
// first unsaved change is before C is dirty then, and captured before the sweep ends; then the
// checkpoint record follows through the same FIFO. What becomes dirty meanwhile is captured too, or
// left for the next sweep. Sweeps start when the log has grown by what recovery may replay, when
// memory is short, or when asked for; they advance in slices from EndTick, never inside a frame.
//
// What links tie together is captured in one batch, out of turn (engine/tier/links.h).
//
// While bases are unknown after a restart, a sweep follows the readers that find them out, in the
// same order: a capture must know what it replaces (LateBases).
//
// [D2] While a sweep collects, deletions leave tombstones, and a FLUSHDB makes it begin again with
// a C behind the flush: a base that replay would find incomplete is never left behind. Executor
// thread.
#pragma once

#include <deque>
#include <string>
#include <utility>
#include <vector>

#include "engine/core.h"
#include "engine/tier/links.h"
#include "engine/tier/replay_cost.h"

namespace thermocline::engine {

class HotTier;
class List;

class WriteBack {
 public:
  WriteBack(Core& core, HotTier& hot) : core_(core), hot_(hot) {}

  /// The entry at `position` was changed; its LSN is set already.
  void MarkDirty(Space& space, uint64_t position, Entry* entry) {
    if (entry->Has(Entry::kDirty)) return;
    entry->Set(Entry::kDirty);
    ++space.dirty;
    ++core_.dirty_keys;
    ++core_.dirtied;
    if (!space.dirty_ranges) space.dirty_ranges = std::make_unique<DirtyRanges>();
    space.dirty_ranges->Set(position);
  }
  /// A keyspace is being dropped in the open frame.
  void BeforeFlush() {
    restart_ |= collecting_;
    if (!links_.empty()) dropped_lsn_ = core_.frame_lsn;
  }
  Links& links() { return links_; }

  /// A sweep has begun and has not seen every key yet.
  bool collecting() const { return collecting_; }
  bool checkpoint_running() const { return collecting_ || checkpoint_queued_; }
  /// The writer has as much to do as memory allows.
  bool WriterIsFull() const;

  /// Of batches that wait empty for the next sweep.
  uint64_t spare_bytes() const;

  /// Begins a checkpoint; if one runs already, another follows it.
  void Start();
  /// The waiter is told once a checkpoint that begins now or later is durable.
  void Await(Waiter* waiter);
  void Cancel(Waiter* waiter);
  /// One slice of the sweep: bounded work. Whether there is more to do at once.
  bool Slice();
  /// Takes what landed: what was captured there is in flight no more. Removes tombstones, and drops
  /// unused entries at once if `spill`. A slice of it: what is published lands at once.
  void TakeLanded(bool spill);
  /// Something of it is left for the next slice.
  bool has_landed() const { return landed_next_ < landed_.size(); }
  /// The log has grown by so much that a checkpoint begun now lands before recovery would replay
  /// more than it may; or something has changed, and the last one began checkpoint_interval_ms ago,
  /// or deletions_interval_ms: what was deleted gives its disk space back only after that.
  bool Due() const;
  /// It has grown by far more than recovery may replay, or by so much that memory would hardly hold
  /// it: who would add to it waits for the checkpoint that runs, and gets on as that does. For each
  /// key that is captured the log may grow by what made one dirty, so it is at most twice as long
  /// in the end; by half as much where its length is the reason, and never beyond half the budget:
  /// a replay that does not fit writes back on its way, which takes many times as long. False while
  /// the cold tier fails: then the log grows.
  bool Behind() const;

  /// Recovery is over, and took so long.
  void LearnReplayCost(int64_t us) {
    replay_cost_.Learn(us, core_.stats.replayed_effects, core_.dirtied, core_.stats.replayed_bytes);
  }
  /// What an earlier run learned, as its last checkpoint has it; 0: nothing.
  void RecallReplayCost(double us_per_key) { replay_cost_.Recall(us_per_key); }
  void SetLastCheckpoint(Lsn lsn) {
    last_checkpoint_ = lsn;
    begun_ms_ = core_.now_ms;
  }
  Lsn last_checkpoint() const { return last_checkpoint_; }
  uint64_t changes_since_checkpoint() const { return core_.changes - changes_at_last_; }
  /// The next checkpoint says that nothing is to be replayed after it.
  void SetCleanStop() { clean_stop_ = true; }

 private:
  void BeginSweep();
  bool SweepSlice();
  /// Since the last checkpoint hardly a key was changed twice.
  bool MostlyNewKeys() const;
  /// Whether Behind() is anything to ask.
  bool Holds() const;
  /// The log is longer than the budget's n-th part.
  bool LongForMemory(uint64_t share) const;
  /// A third of the budget, or half as much again as makes a checkpoint of new keys due.
  bool Long() const;
  bool LongForTime() const;
  /// Some time has passed, and so many keys were captured.
  void Pace(uint64_t keys);
  /// Where in the keyspace the sweep goes on.
  uint64_t SweepPosition() const;
  /// Of all entries of the segment that comes next.
  bool BasesKnown(const Space& space) const;
  void SweepRange(Space& space, size_t* work);
  void Capture(Space& space, uint64_t position, Entry* entry);
  /// All that is dirty at a position, and what links lead to from there.
  void CaptureLinked(const Space& space, uint64_t position);
  void CapturePaged(const Space& space, uint64_t position, std::string_view key, List* list,
                    ColdImage image, const ColdPrevious& previous);
  void SendBatch();
  void Enqueue(ColdBatch batch);
  /// Of landed_keys_, and empties them.
  void DropLanded(bool spill);
  /// So many of the oldest batches under way have landed.
  void EndInFlight(size_t batches);
  void FinishSweep();
  void CheckpointLanded();
  std::string CheckpointRecord() const;

  Core& core_;
  HotTier& hot_;

  bool collecting_ = false;
  bool checkpoint_queued_ = false;
  bool restart_ = false;  // a keyspace of the running sweep was dropped
  bool again_ = false;    // Start() was called while one ran
  Lsn paced_end_ = 0;     // how far the log may grow beyond the first limit
  int64_t paced_ms_ = 0;
  Lsn checkpoint_ = 0;  // C of the running one
  int checkpoint_select_db_ = 0;
  uint64_t changes_at_start_ = 0, dirtied_at_start_ = 0, deletions_at_start_ = 0;
  std::vector<std::pair<int, DbId>> mapping_;  // number -> id as of C
  std::vector<Keyspace::Dropped> dropped_;     // as of C
  size_t sweep_index_ = 0;                     // in mapping_
  uint64_t range_ = 0;
  uint64_t position_ = 0;                           // inside range_; 0: at its start
  std::vector<std::pair<uint64_t, Entry*>> found_;  // dirty entries of one segment
  Links links_;
  std::vector<Links::Place> tied_;  // CaptureLinked's, for their room
  std::vector<Entry*> dirty_;
  Lsn dropped_lsn_ = 0;  // of a keyspace where a link may have led; batches behind it depend on it

  ColdBatch batch_;
  /// What a batch holds of one keyspace: records between two positions, both included.
  struct Reach {
    Space* space;  // while the batch is being made
    DbId id;
    uint64_t from, to;
  };
  std::vector<Reach> reach_;              // of batch_
  std::deque<std::vector<Reach>> sent_;   // of every batch that has not landed, in order
  std::vector<ColdBatch> spare_batches_;  // empty ones, at most as many as were under way at once
  int64_t spared_ms_ = 0;                 // when the last of them came
  std::vector<ColdBatch> landed_;  // in order; those from landed_next_ on are to be looked at
  size_t landed_next_ = 0;
  struct LandedKey {
    Space* space;
    uint64_t position;
    std::string_view key;  // in the batch
    Lsn lsn;
  };
  std::vector<LandedKey> landed_keys_;
  std::string scratch_;

  Lsn last_checkpoint_ = 0;
  int64_t begun_ms_ = 0;  // the last sweep
  // When the last one began.
  uint64_t changes_at_last_ = 0, dirtied_at_last_ = 0, deletions_at_last_ = 0;
  // While it ran; bytes of log.
  uint64_t changes_meanwhile_ = 0, dirtied_meanwhile_ = 0, bytes_meanwhile_ = 0;
  ReplayCost replay_cost_;
  bool clean_stop_ = false;
  bool sweep_is_clean_ = false;  // the running sweep began when nothing could change any more
  std::vector<Waiter*> awaiting_running_;
  std::vector<Waiter*> awaiting_next_;
};

}  // namespace thermocline::engine
