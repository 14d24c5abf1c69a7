#include "engine/tier/spiller.h"

#include <algorithm>

#include "engine/hot_tier.h"
#include "engine/tier/access.h"
#include "engine/tier/late_bases.h"
#include "engine/tier/residency.h"
#include "engine/tier/write_back.h"
#include "engine/types/list.h"

namespace thermocline::engine {
namespace {

constexpr size_t kClockSliceNodes = 1000;  // of the table: entries
constexpr size_t kSliceListNodes = 4000;   // of lists
constexpr uint64_t kFloorMin = 512 << 10;
constexpr size_t kNewcomersMin = 512;
constexpr size_t kNewcomersExcess = 8;
constexpr int kHopelessTurns = 64;
constexpr int kPauseMax = 16;
// Parts of the limit that are kept free: where keys are written, room has to be there for what
// comes while dirty ones are written back; where they have only been read for so long, clean ones
// go at once.
constexpr uint64_t kAheadOfWrites = 8;
constexpr uint64_t kAheadOfReads = 32;
constexpr int64_t kReadOnlyUs = 10'000'000;
constexpr uint64_t kGiantShare = 8;   // of the budget
constexpr uint32_t kGiantIdleS = 10;  // not used for so long: as any other
constexpr size_t kWokenMax = 128;     // in one slice
constexpr uint64_t kForgetting = 16;  // of what was unaccounted for: a 16th a call

}  // namespace

uint64_t Spiller::used() const { return hot_.resident_bytes() + other_; }

void Spiller::Measure() {
  const Options& options = core_.options;
  budget_ = options.maxmemory;
  if (budget_ == 0 && options.tiering) budget_ = options.machine_memory / 10 * 6;
  Stats& stats = core_.stats;
  stats.budget_bytes = budget_;
  uint64_t tables = 0, filters = 0, index = 0;
  core_.keyspace.ForEach([&](Space& space) {
    tables += space.table.memory_bytes();
    filters += space.filter.memory_bytes();
    index += space.expiry.memory_bytes();
    if (space.dirty_ranges) index += sizeof(DirtyRanges);
    if (!space.table.empty()) {
      space.entry_bytes_mean = static_cast<uint32_t>(
          std::min<uint64_t>(space.entry_bytes / space.table.size(), Space::kEntryBytesMeanMax));
    }
  });
  stats.table_bytes = tables;
  stats.filter_bytes = filters;
  stats.capture_queue_bytes = core_.cold->queued_bytes() + write_back_.spare_bytes();
  stats.value_bytes = hot_.resident_bytes();
  stats.field_names = core_.field_names.size();
  const uint64_t others = filters + index + stats.capture_queue_bytes + core_.client_bytes +
                          core_.log->stats().memory_bytes + newcomers_.size() * sizeof(Place) +
                          ghosts_.memory_bytes() + core_.cold->place_bytes() +
                          core_.field_names.memory_bytes();
  other_ = tables;
  used_ = used();
  ahead_ = 0;
  stats.giant_bytes = 0;
  machine_is_full_ = false;
  value_max_ = ~uint64_t{0};
  stats.used_memory = used_ + others + (options.tiering ? stats.fixed_bytes : 0);
  if (budget_ == 0) {
    limit_ = ~uint64_t{0};
    return;
  }
  if (!Spills()) {
    // Redis's reckoning: everything that is not a replica's or the AOF's counts.
    limit_ = budget_ > others ? budget_ - others : 0;
    ahead_ = limit_ / kAheadOfWrites;
    return;
  }
  const uint64_t taken = stats.fixed_bytes + others + stats.unaccounted_bytes;
  const uint64_t floor = std::max(kFloorMin, budget_ / 4);
  limit_ = std::max(floor, budget_ > taken ? budget_ - taken : 0);
  const uint64_t machine = std::max(budget_, options.machine_memory / 10 * 9);
  const uint64_t room = machine > taken ? machine - taken : 0;
  value_max_ = room > floor ? room - floor : 0;
  const Giants giants = MeasureGiants();
  if (giants.bytes > 0) {
    machine_is_full_ = giants.largest > value_max_;
    limit_ = std::max(limit_, std::min(floor + giants.bytes, room));
    stats.giant_bytes = giants.bytes;
  }
  const int64_t now_us = core_.clock->MonotonicUs();
  if (core_.dirty_keys > 0 || core_.cold->queued_batches() > 0) written_us_ = now_us;
  const bool read_only = now_us - written_us_ >= kReadOnlyUs;
  ahead_ = (limit_ - std::min(giants.bytes, limit_)) / (read_only ? kAheadOfReads : kAheadOfWrites);
}

uint64_t Spiller::DropNodes(Space& space, uint64_t position, Entry* entry, size_t* looks) {
  List* const list = ListObject(entry);
  if (list == nullptr || *looks == 0 || !list->paged() || space.in_flight.Contains(position)) {
    return 0;
  }
  const size_t old_bytes = entry->MemoryBytes();
  const size_t looks_here = std::min(list->resident_nodes(), *looks);
  *looks -= looks_here;
  const size_t nodes = list->DropNodesUnused(looks_here);
  if (nodes == 0) return 0;
  core_.stats.spilled_nodes += nodes;
  hot_.Moved(space, position, entry, old_bytes, entry);
  return old_bytes - entry->MemoryBytes();
}

bool Spiller::IsGiant(const Entry* entry) const {
  return entry->Has(Entry::kOutOfLine) && ListObject(entry) == nullptr &&
         entry->MemoryBytes() >= std::max(kFloorMin, budget_ / kGiantShare);
}

void Spiller::NoteGiant(const Space& space, uint64_t position) {
  const Place place{space.id, position};
  if (std::find(giants_.begin(), giants_.end(), place) == giants_.end()) giants_.push_back(place);
}

Spiller::Giants Spiller::MeasureGiants() {
  Giants in_use;
  std::erase_if(giants_, [&](const Place& place) {
    Space* space = core_.keyspace.Find(place.id);
    if (space == nullptr) return true;
    uint64_t bytes = 0;
    space->table.AtPosition(place.position, [&](Entry* entry) {
      if (!IsGiant(entry) || entry->frequency() == 0) return;
      const uint32_t idle_s = (LruClock(core_.now_ms) - entry->access()) & kLruClockMask;
      if (idle_s < kGiantIdleS) bytes += entry->MemoryBytes();
    });
    in_use.bytes += bytes;
    in_use.largest = std::max(in_use.largest, bytes);
    return bytes == 0;
  });
  return in_use;
}

void Spiller::NoteAllocated(uint64_t bytes) {
  Measure();
  Stats& stats = core_.stats;
  const uint64_t accounted = stats.used_memory;
  const uint64_t beside = bytes > accounted ? bytes - accounted : 0;
  // Compactions come and go; what one took is kept free for the next.
  const uint64_t lately = stats.unaccounted_bytes - stats.unaccounted_bytes / kForgetting;
  stats.unaccounted_bytes = std::min(std::max(beside, lately), budget_ / 4);
  Measure();
}

size_t Spiller::SmallQueueKeys() const {
  return std::max<size_t>(kNewcomersMin, core_.keyspace.at(clock_db_).table.size() / 20);
}

void Spiller::NoteNew(const Space& space, uint64_t position) {
  if (!core_.options.tiering) return;
  newcomers_.push_back({space.id, position});
  // With memory nearly full the queue's excess is what goes first; a key that left it otherwise
  // would be taken for one that was used again. Nearly: slices free some room ahead, and what fills
  // it before the next one belongs to the excess, too.
  const bool nearly_full = used_ + 2 * ahead_ > limit_;
  const size_t max = SmallQueueKeys() * (nearly_full ? kNewcomersExcess : 1);
  // Two for one: what stood there beyond the measure goes in time, FLUSHALL or not.
  for (int i = 0; i < 2 && newcomers_.size() > max; ++i) newcomers_.pop_front();
}

bool Spiller::CanDrop(const Space& space, uint64_t position, const Entry* entry) {
  constexpr uint16_t kStays = Entry::kDirty | Entry::kPinned | Entry::kTombstone;
  return (entry->flags() & kStays) == 0 && entry->Has(Entry::kHasCold) &&
         !space.in_flight.Contains(position);
}

void Spiller::DropLanded(Space& space, uint64_t position, Entry* entry, bool unchanged) {
  if (used() <= goal()) return;
  size_t looks = kSliceListNodes;
  if (DropNodes(space, position, entry, &looks) > 0) pause_ = 0;
  if (!unchanged || entry->frequency() != 0 || !CanDrop(space, position, entry)) return;
  ghosts_.Add(space.id, position);
  hot_.Drop(space, position, entry);
  ++core_.stats.spilled_keys;
  pause_ = 0;
}

size_t Spiller::SpillNewcomers(size_t max) {
  size_t dropped = 0;
  const uint64_t goal = this->goal();
  const size_t stay = SmallQueueKeys();
  while (max-- > 0 && newcomers_.size() > stay && used() > goal) {
    const Place newcomer = newcomers_.front();
    newcomers_.pop_front();
    Space* space = core_.keyspace.Find(newcomer.id);
    if (space == nullptr) continue;
    victims_.clear();
    space->table.AtPosition(newcomer.position, [&](Entry* entry) {
      if (entry->frequency() == 0 && CanDrop(*space, newcomer.position, entry))
        victims_.push_back(entry);
    });
    for (Entry* entry : victims_) {
      ghosts_.Add(newcomer.id, newcomer.position);
      hot_.Drop(*space, newcomer.position, entry);
      ++dropped;
    }
  }
  core_.stats.spilled_keys += dropped;
  return dropped;
}

size_t Spiller::TurnClock(size_t max, bool everything) {
  Space& space = core_.keyspace.at(clock_db_);
  victims_.clear();
  uint64_t bytes = 0, node_bytes = 0;
  size_t looks = kSliceListNodes;
  const uint64_t excess = everything ? ~uint64_t{0} : used() - std::min(used(), goal());
  space.clock_hand = space.table.ForSlice(space.clock_hand, max, [&](Entry* entry) {
    const uint64_t position = space.table.PositionOf(entry);
    const bool can_drop = CanDrop(space, position, entry);
    if (entry->frequency() > 0 && IsGiant(entry)) NoteGiant(space, position);
    if (!everything && bytes > excess) return;
    if (const uint64_t freed = DropNodes(space, position, entry, &looks); freed > 0) {
      node_bytes += freed;
      bytes += freed;
    }
    if (!can_drop) return;
    if (!everything && entry->frequency() > 0) {
      entry->set_frequency(entry->frequency() - 1);
      return;
    }
    bytes += entry->MemoryBytes();
    victims_.push_back(entry);
  });
  for (Entry* entry : victims_) hot_.Drop(space, space.table.PositionOf(entry), entry);
  core_.stats.spilled_keys += victims_.size();
  if (space.clock_hand == 0) {
    clock_db_ = (clock_db_ + 1) % core_.keyspace.databases();
    if (spill_all_left_ > 0) --spill_all_left_;
    ++turns_without_drop_;
  }
  if (!victims_.empty() || node_bytes > 0) turns_without_drop_ = 0;
  return victims_.size() + (node_bytes > 0 ? 1 : 0);
}

bool Spiller::Slice() {
  if (!spill_all_.empty() && !write_back_.checkpoint_running() &&
      core_.cold->queued_batches() == 0) {
    TurnClock(kClockSliceNodes, /*everything=*/true);
    if (spill_all_left_ == 0) {
      for (Waiter* waiter : std::exchange(spill_all_, {})) {
        if (Residency::RemovePending(waiter)) core_.ready.push_back(waiter);
      }
    }
    return true;
  }
  if (!Spills()) {
    WakeParked();
    return false;
  }
  if (!short_of_memory() && parked_.empty()) {
    pause_ = 0;
    pause_next_ = 1;
    return false;
  }
  if (pause_ > 0) {
    --pause_;
    WakeParked();
    return false;
  }
  // Skips empty databases, which the clock would otherwise visit one a tick.
  for (int i = 0; i < core_.keyspace.databases() && core_.keyspace.at(clock_db_).table.empty();
       ++i) {
    clock_db_ = (clock_db_ + 1) % core_.keyspace.databases();
  }
  const uint64_t goal = this->goal();
  // Half as many as there are keys in memory. S3-FIFO has all; what comes back later than that is
  // seldom used a third time (docs/performance.md, "Cold").
  ghosts_.Reserve(core_.keyspace.at(clock_db_).table.size() / 2);
  size_t dropped = 0;
  if (used() > goal) dropped = SpillNewcomers(kClockSliceNodes);
  // The others' turn comes when the small queue has its size, or nothing in it can go.
  if (used() > goal && (dropped == 0 || newcomers_.size() <= SmallQueueKeys())) {
    dropped += TurnClock(kClockSliceNodes, /*everything=*/false);
  }
  // What is left is dirty, or on its way: write it back.
  if (used() > goal && core_.dirty_keys > 0 && !write_back_.checkpoint_running() &&
      (dropped == 0 || used() > limit_ ||
       core_.dirty_keys * 3 > core_.keyspace.at(clock_db_).table.size())) {
    write_back_.Start();
  }
  pause_next_ = dropped > 0 ? 1 : std::min(pause_next_ * 2, kPauseMax);
  if (dropped == 0) pause_ = pause_next_;
  WakeParked();
  return used() > limit_ && dropped > 0;
}

bool Spiller::Saturated() const {
  return turns_without_drop_ > kHopelessTurns && core_.dirty_keys == 0 &&
         core_.cold->queued_batches() == 0 && !write_back_.checkpoint_running();
}

bool Spiller::Spills() const {
  return core_.options.tiering && core_.options.policy == EvictionPolicy::kNoEviction;
}

bool Spiller::CanWriteBack() const {
  return core_.cold->healthy() && core_.late_bases->error().ok();
}

void Spiller::WakeParked() {
  if (parked_.empty() || write_back_.Behind()) return;
  if (Spills() && used() > limit_ && !Saturated() && CanWriteBack()) return;
  // They run in this order, and whoever finds memory short again takes its old place; so thousands
  // woken for room that some of them fill would take the time that makes room.
  for (size_t i = 0; i < kWokenMax && !parked_.empty(); ++i) {
    const auto [place, waiter] = *parked_.begin();
    parked_.erase(parked_.begin());
    woken_.insert(place);
    if (Residency::RemovePending(waiter)) core_.ready.push_back(waiter);
  }
}

bool Spiller::IsFirst(const Waiter* waiter) const {
  const uint64_t place =
      waiter != nullptr && waiter->park_order_ != 0 ? waiter->park_order_ : ~uint64_t{0};
  return (parked_.empty() || place < parked_.begin()->first) &&
         (woken_.empty() || place < *woken_.begin());
}

void Spiller::Release(Waiter* waiter) {
  if (waiter->park_order_ == 0) return;
  woken_.erase(waiter->park_order_);
  waiter->park_order_ = 0;
}

bool Spiller::EvictByPolicy() {
  const EvictionPolicy policy = core_.options.policy;
  const bool volatile_only =
      policy == EvictionPolicy::kVolatileLru || policy == EvictionPolicy::kVolatileLfu ||
      policy == EvictionPolicy::kVolatileRandom || policy == EvictionPolicy::kVolatileTtl;
  const bool random =
      policy == EvictionPolicy::kAllKeysRandom || policy == EvictionPolicy::kVolatileRandom;
  const int databases = core_.keyspace.databases();
  Entry* best = nullptr;
  int best_db = 0;
  double best_score = 0;
  const auto rng = [this] { return core_.random->Next(); };
  for (int db = 0; db < databases; ++db) {
    Space& space = core_.keyspace.at(db);
    if (space.resident() == 0) continue;
    // Volatile keys may be rare: look further for them.
    const int tries =
        volatile_only ? core_.options.maxmemory_samples * 16 : core_.options.maxmemory_samples;
    int seen = 0;
    for (int i = 0; i < tries && seen < core_.options.maxmemory_samples; ++i) {
      Entry* entry = space.table.RandomNode(rng);
      if (entry == nullptr || entry->Has(Entry::kTombstone) || entry->Has(Entry::kPinned)) continue;
      if (volatile_only && entry->expiry_ms() == kNoExpiry) continue;
      ++seen;
      double score = 1;
      if (random) {
        score = core_.random->Fraction();
      } else if (policy == EvictionPolicy::kVolatileTtl) {
        score = -static_cast<double>(entry->expiry_ms());
      } else if (IsLfu(policy)) {
        score = 255 - DecayedLfu(core_, entry->access());
      } else {
        score = (LruClock(core_.now_ms) - entry->access()) & kLruClockMask;
      }
      if (best == nullptr || score > best_score) {
        best = entry;
        best_db = db;
        best_score = score;
      }
    }
  }
  if (best == nullptr) return false;
  const std::string key(best->key());
  return evict_(database_, best_db, key);
}

Admission Spiller::Admit(Waiter* waiter) {
  const Options& options = core_.options;
  if (core_.log->BelowLowWater()) return Admission::kOom;
  if (options.maxdisk != 0 &&
      core_.stats.cold_bytes_on_disk + core_.stats.log_bytes_on_disk > options.maxdisk) {
    return Admission::kOom;
  }
  // It asks again: it stands for itself.
  if (waiter != nullptr && waiter->park_order_ != 0) woken_.erase(waiter->park_order_);
  if (options.policy != EvictionPolicy::kNoEviction) {
    // Small steps, as Redis does: what one command needs, not more.
    for (int i = 0; i < 64 && used() > limit_; ++i) {
      if (!EvictByPolicy()) break;
    }
  }
  const bool fits = used() <= limit_;
  if (!fits && (!Spills() || machine_is_full_)) return Admission::kOom;
  // Inside EXEC there is no waiter: it was admitted as a whole.
  if (waiter == nullptr) return Admission::kRun;
  // [R2] A command may exceed the budget by its own keys: nobody else can make room for them.
  const bool own_keys = !fits && core_.residency->PinnedBytes(waiter) >= used() - limit_;
  if (own_keys || ((fits || Saturated()) && !write_back_.Behind() && IsFirst(waiter))) {
    waiter->park_order_ = 0;
    return Admission::kRun;
  }
  if (!CanWriteBack()) return Admission::kMisconf;
  if (waiter->park_order_ == 0) waiter->park_order_ = next_park_order_++;
  parked_.emplace(waiter->park_order_, waiter);
  Residency::AddPending(waiter);
  return Admission::kParked;
}

void Spiller::DropAllNow() {
  for (int db = 0; db < core_.keyspace.databases(); ++db) {
    clock_db_ = db;
    core_.keyspace.at(db).clock_hand = 0;
    do {
      TurnClock(100'000, /*everything=*/true);
    } while (core_.keyspace.at(db).clock_hand != 0);
  }
}

void Spiller::KeepGiants() {
  core_.keyspace.ForEach([this](Space& space) {
    uint64_t position = 0;
    do {
      position = space.table.ForSlice(position, 100'000, [&](Entry* entry) {
        if (!IsGiant(entry)) return;
        StampUse(core_, entry);
        entry->set_frequency(std::max(entry->frequency(), 1u));
        NoteGiant(space, space.table.PositionOf(entry));
      });
    } while (position != 0);
  });
  Measure();
}

void Spiller::SpillAll(Waiter* waiter) {
  Residency::AddPending(waiter);
  spill_all_.push_back(waiter);
  spill_all_left_ = static_cast<size_t>(core_.keyspace.databases()) + 1;
  core_.keyspace.ForEach([](Space& space) { space.clock_hand = 0; });
}

}  // namespace thermocline::engine
