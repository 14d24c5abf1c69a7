// Spiller: keeps the hot tier within its share of maxmemory.
//
// The budget is carved: fixed shares first (memtables, block cache), then what the engine and its
// clients hold (log buffers, capture queue, filters, expiry index, client buffers) and what the
// allocator holds beside; keys, values and tables govern the rest, never below a floor. With
// tiering, entries whose newest capture landed are dropped, in slices, ahead of need; which ones is
// decided as in S3-FIFO (Yang et al., 2023): new and faulted keys pass a small FIFO first and leave
// from there unless they were used again, so that one pass of SCAN and GET over cold data flushes
// nothing; one that comes back while the ghost queue remembers it does not pass it again; the rest
// is a CLOCK with two-bit counters over the tables. Without tiering, or with an eviction policy,
// keys are deleted as Redis does.
//
// Lists of some size leave node by node (engine/types/list.h): the clock drops the clean nodes that
// were not used since its last turn, whether or not the list is in use or dirty; only the rest of
// it is an entry like others.
//
// Any other value is in memory whole or not at all. One of an eighth of the budget and more that is
// used again and again, a giant, would be read and written back for every command if it had to fit;
// others would wait for ever. So the budget gives way: whatever giants take, the rest has the floor
// at least. Together they may take what the machine has, beyond which they are spilled in turn;
// when one alone takes it all, growth is refused. Executor thread.
#pragma once

#include <deque>
#include <map>
#include <set>
#include <utility>
#include <vector>

#include "engine/core.h"
#include "engine/tier/ghost_queue.h"

namespace thermocline::engine {

class HotTier;
class WriteBack;

class Spiller {
 public:
  Spiller(Core& core, HotTier& hot, WriteBack& write_back)
      : core_(core), hot_(hot), write_back_(write_back) {}

  /// Evicts one key by policy; logs and reports it. Set by Database. False: nothing to evict.
  using EvictFn = bool (*)(void* database, int db, std::string_view key);
  void SetEvict(void* database, EvictFn evict) { database_ = database, evict_ = evict; }

  /// Reads maxmemory and the shares again; cheap, once a tick.
  void Measure();
  /// See Database::NoteAllocatedBytes.
  void NoteAllocated(uint64_t bytes);
  /// A key entered the table.
  void NoteNew(const Space& space, uint64_t position);
  /// A key is read from the cold tier: whether it left the small FIFO lately.
  bool TakeGhost(const Space& space, uint64_t position) { return ghosts_.Take(space.id, position); }
  /// The entry's capture landed while memory is short. `unchanged`: it is its newest state.
  void DropLanded(Space& space, uint64_t position, Entry* entry, bool unchanged);

  Admission Admit(Waiter* waiter);
  /// The waiter's command ran, or never will: it has no place in the queue any more.
  void Release(Waiter* waiter);
  /// The same, also if it is still parked.
  void Cancel(Waiter* waiter) {
    parked_.erase(waiter->park_order_);
    std::erase(spill_all_, waiter);
    Release(waiter);
  }
  /// A woken waiter has to read cold keys before it can ask again. It keeps its place, but nobody
  /// waits for it: it may itself wait for pins that somebody behind it holds.
  void NoteColdRead(Waiter* waiter) { woken_.erase(waiter->park_order_); }
  /// A slice of spilling. Whether there is more to do at once.
  bool Slice();
  /// Recovery: drops whatever can be dropped, in the call.
  void DropAllNow();
  /// Recovery: what is large now is needed again, and counts as in use. A pass over all entries.
  void KeepGiants();
  /// Drops whatever can be dropped, in slices; `waiter` is told at the end.
  void SpillAll(Waiter* waiter);

  /// What one value may take of the machine's memory while it is in use; bytes.
  uint64_t value_max() const { return value_max_; }
  bool short_of_memory() const { return used_ > limit_ - ahead_ / 5 * 4; }
  /// What is written back is to leave memory at once.
  bool spills_now() const { return Spills() && short_of_memory(); }
  uint64_t limit() const { return limit_; }
  uint64_t used() const;

 private:
  struct Place {
    DbId id;
    uint64_t position;
    bool operator==(const Place&) const = default;
  };

  static bool CanDrop(const Space& space, uint64_t position, const Entry* entry);
  // Slices drop until so much is used.
  uint64_t goal() const { return limit_ - ahead_; }
  // Nodes of a list that may go; the bytes that this freed. `looks`: how many nodes may still be
  // looked at.
  uint64_t DropNodes(Space& space, uint64_t position, Entry* entry, size_t* looks);
  bool IsGiant(const Entry* entry) const;
  void NoteGiant(const Space& space, uint64_t position);
  struct Giants {
    uint64_t bytes = 0;
    uint64_t largest = 0;
  };
  // Those that are in use; forgets the others.
  Giants MeasureGiants();
  // All that is left in memory has to stay (one value larger than the budget): waiting would never
  // end.
  bool Saturated() const;
  // What the small FIFO holds when there is enough for the others, too: a twentieth.
  size_t SmallQueueKeys() const;
  size_t SpillNewcomers(size_t max);
  size_t TurnClock(size_t max, bool everything);
  bool EvictByPolicy();
  // What does not fit in memory goes to the cold tier; otherwise keys are evicted, or refused.
  bool Spills() const;
  bool CanWriteBack() const;
  void WakeParked();
  // Nobody older waits for memory. `waiter` may be null: somebody new.
  bool IsFirst(const Waiter* waiter) const;

  Core& core_;
  HotTier& hot_;
  WriteBack& write_back_;
  void* database_ = nullptr;
  EvictFn evict_ = nullptr;

  uint64_t budget_ = 0;
  uint64_t limit_ = ~uint64_t{0};  // for tables, keys and values
  uint64_t other_ = 0;             // table bytes and the like, as of Measure
  uint64_t used_ = 0;
  uint64_t value_max_ = ~uint64_t{0};   // as of Measure
  bool machine_is_full_ = false;        // one giant alone does not fit
  std::vector<Place> giants_;           // met by the clock while memory was short
  uint64_t ahead_ = 0;                  // of the limit, kept free ahead of need; as of Measure
  int64_t written_us_ = INT64_MIN / 2;  // when something was dirty or being written back
  std::deque<Place> newcomers_;
  GhostQueue ghosts_;
  int clock_db_ = 0;
  // [R3] Growing commands that wait for memory, or for a checkpoint (WriteBack::Behind), by their
  // place in arrival order: those that wait, and those that were told to go on and have not asked
  // again yet. Nobody younger overtakes either.
  std::map<uint64_t, Waiter*> parked_;
  std::set<uint64_t> woken_;
  std::vector<Waiter*> spill_all_;
  size_t spill_all_left_ = 0;  // databases of the pass
  std::vector<Entry*> victims_;
  uint64_t next_park_order_ = 1;
  int turns_without_drop_ = 0;  // of the clock, in a row
  // Slices to leave out after some that dropped nothing: what is left is dirty, and its landing
  // ends the wait.
  int pause_ = 0;
  int pause_next_ = 1;
};

}  // namespace thermocline::engine
