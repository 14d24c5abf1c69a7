#include "engine/tier/write_back.h"

#include <glog/logging.h>

#include <algorithm>

#include "codec/proto/checkpoint.pb.h"
#include "engine/hot_tier.h"
#include "engine/tier/late_bases.h"
#include "engine/tier/residency.h"
#include "engine/tier/spiller.h"
#include "engine/types/list.h"
#include "engine/types/value_codec.h"

namespace thermocline::engine {
namespace {

constexpr size_t kSweepSliceNodes = 1000;  // entries looked at in one slice: some 100 µs
constexpr uint64_t kQueueBytesMax = 16 << 20;
constexpr int64_t kSpareKeptMs = 3000;     // an empty batch waits so long for the next sweep
constexpr size_t kLandedAtOnce = 32;       // keys whose lookups overlap
constexpr size_t kLandedSliceKeys = 2000;  // looked up in one slice: some 200 µs
constexpr uint64_t kManyElements = 1000;
constexpr uint64_t kEncodedElementBytes = 24;  // of small ones, about
constexpr uint64_t kChangesBetweenMin =
    50'000;  // a checkpoint for less costs more than the replay it saves
// Times the recovery budget: a burst that the cold tier takes later must not be slowed down.
constexpr int kHeldAt = 2;
constexpr uint64_t kPacedBytesPerMs = 2 << 10;  // of log, at least: nobody stands still for a flush
constexpr int64_t kPacedMsMax = 100;
constexpr uint64_t kHeldBytesMin = 32 << 20;  // a share of it, as of the budget

}  // namespace

bool WriteBack::WriterIsFull() const {
  const uint64_t cap = std::clamp<uint64_t>(core_.stats.budget_bytes / 16, 1 << 20, kQueueBytesMax);
  return core_.cold->queued_bytes() >= cap;
}

bool WriteBack::Due() const {
  const uint64_t bytes = core_.log->NextLsn() - last_checkpoint_;
  const uint64_t changes = core_.changes - changes_at_last_;
  const bool many_deletions = (core_.deletions - deletions_at_last_) * 8 >= changes;
  if (changes > 0 &&
      core_.now_ms - begun_ms_ >= (many_deletions ? core_.options.deletions_interval_ms
                                                  : core_.options.checkpoint_interval_ms)) {
    return true;
  }
  // What changes while it runs is to be replayed until it has landed: as much as during the last.
  if (changes >= kChangesBetweenMin &&
      replay_cost_.Estimate(
          changes + changes_meanwhile_, core_.dirtied - dirtied_at_last_ + dirtied_meanwhile_,
          bytes + bytes_meanwhile_) >= core_.options.recovery_budget_ms * 1000.0) {
    return true;
  }
  // A checkpoint writes each dirty key once, so waiting pays only where keys are changed again.
  if (MostlyNewKeys() && bytes >= core_.options.checkpoint_log_bytes / 4) return true;
  // Replay rebuilds in memory what the log holds: it must fit there.
  return bytes >= std::min(core_.options.checkpoint_log_bytes,
                           std::max<uint64_t>(core_.stats.budget_bytes / 4, 8 << 20));
}

bool WriteBack::MostlyNewKeys() const {
  const uint64_t changes = core_.changes - changes_at_last_;
  return core_.dirtied - dirtied_at_last_ >= changes - changes / 10;
}

bool WriteBack::Holds() const {
  return checkpoint_running() && core_.cold->healthy() && core_.options.append_only;
}

bool WriteBack::LongForMemory(uint64_t share) const {
  return core_.log->NextLsn() - last_checkpoint_ >=
         std::max<uint64_t>(core_.stats.budget_bytes / share, kHeldBytesMin / share);
}

bool WriteBack::Long() const {
  const uint64_t bytes = core_.log->NextLsn() - last_checkpoint_;
  return LongForMemory(3) ||
         (MostlyNewKeys() && bytes >= core_.options.checkpoint_log_bytes / 8 * 3);
}

bool WriteBack::LongForTime() const {
  const uint64_t changes = core_.changes - changes_at_last_;
  return changes >= kHeldAt * kChangesBetweenMin &&
         replay_cost_.Estimate(changes, core_.dirtied - dirtied_at_last_,
                               core_.log->NextLsn() - last_checkpoint_) >=
             kHeldAt * core_.options.recovery_budget_ms * 1000.0;
}

bool WriteBack::Behind() const {
  if (!Holds()) return false;
  if (LongForMemory(2)) return true;
  return (Long() || LongForTime()) && core_.log->NextLsn() >= paced_end_;
}

void WriteBack::Pace(uint64_t keys) {
  const int64_t ms = std::clamp<int64_t>(core_.now_ms - paced_ms_, 0, kPacedMsMax);
  paced_ms_ = core_.now_ms;
  if (!Holds()) return;
  // From a third of the budget to half of it, or from some length or time to twice as much.
  const bool long_already = Long();
  if (!long_already && !LongForTime()) return;
  const Lsn end = core_.log->NextLsn();
  const uint64_t bytes_a_key =
      (end - last_checkpoint_) / std::max<uint64_t>(core_.dirtied - dirtied_at_last_, 1);
  paced_end_ = std::max(paced_end_, end) + keys * bytes_a_key / (long_already ? 2 : 1) +
               static_cast<uint64_t>(ms) * kPacedBytesPerMs;
}

void WriteBack::Start() {
  if (checkpoint_running()) {
    again_ = true;
  } else {
    BeginSweep();
  }
}

void WriteBack::Await(Waiter* waiter) {
  Residency::AddPending(waiter);
  (checkpoint_running() ? awaiting_next_ : awaiting_running_).push_back(waiter);
}

void WriteBack::Cancel(Waiter* waiter) {
  std::erase(awaiting_running_, waiter);
  std::erase(awaiting_next_, waiter);
}

void WriteBack::BeginSweep() {
  // What is left of a range whose bit went when the sweep before this one entered it.
  if (position_ != 0) {
    Space* space = core_.keyspace.Find(mapping_[sweep_index_].second);
    if (space != nullptr) space->dirty_ranges->Set(position_);
  }
  collecting_ = true;
  restart_ = false;
  checkpoint_ = core_.recovering ? core_.replay_next : core_.log->NextLsn();
  checkpoint_select_db_ = core_.log_db;
  begun_ms_ = core_.now_ms;
  sweep_is_clean_ = clean_stop_;
  changes_at_start_ = core_.changes;
  dirtied_at_start_ = core_.dirtied;
  deletions_at_start_ = core_.deletions;
  mapping_.clear();
  for (int i = 0; i < core_.keyspace.databases(); ++i)
    mapping_.emplace_back(i, core_.keyspace.at(i).id);
  // RocksDB's order of databases, too: what is staged grows at its end alone.
  std::sort(mapping_.begin(), mapping_.end(),
            [](const auto& a, const auto& b) { return a.second < b.second; });
  dropped_ = core_.keyspace.dropped();
  sweep_index_ = 0;
  range_ = 0;
  position_ = 0;
}

bool WriteBack::Slice() {
  const uint64_t captured = core_.stats.captured_keys;
  const bool more = SweepSlice();
  Pace(core_.stats.captured_keys - captured);
  return more;
}

bool WriteBack::SweepSlice() {
  if (!spare_batches_.empty() && core_.now_ms - spared_ms_ > kSpareKeptMs) spare_batches_.clear();
  if (!collecting_) return false;
  if (restart_) BeginSweep();
  size_t work = kSweepSliceNodes;
  while (work > 0) {
    if (WriterIsFull()) break;  // its progress wakes us
    if (sweep_index_ == mapping_.size()) {
      FinishSweep();
      return false;
    }
    Space* space = core_.keyspace.Find(mapping_[sweep_index_].second);
    if (space != nullptr && space->dirty_ranges && range_ < DirtyRanges::kCount) {
      if (position_ == 0) range_ = space->dirty_ranges->Next(range_);
      if (range_ < DirtyRanges::kCount) {
        if (!BasesKnown(*space)) break;  // LateBases' progress wakes us
        // A link may lead to any of them.
        if (!links_.empty() && core_.late_bases->pending()) break;
        SweepRange(*space, &work);
        continue;
      }
    }
    ++sweep_index_;
    range_ = 0;
    position_ = 0;
  }
  // Nothing of a batch in the making outlives a slice: a keyspace whose counts it carries may be
  // dropped.
  SendBatch();
  return work == 0;
}

uint64_t WriteBack::SweepPosition() const {
  return std::max(position_, range_ << DirtyRanges::kShift);
}

bool WriteBack::BasesKnown(const Space& space) const {
  const uint64_t unknown = core_.late_bases->FirstUnknown(space.id);
  if (unknown == LateBases::kNoPosition) return true;
  const uint64_t end = space.table.SegmentEnd(SweepPosition());
  return end != 0 && end <= unknown;
}

void WriteBack::SweepRange(Space& space, size_t* work) {
  const uint64_t end = (range_ + 1) << DirtyRanges::kShift;
  // Cleared first: what becomes dirty from here on sets it again and is the next sweep's business.
  if (position_ == 0) space.dirty_ranges->Clear(range_);
  // Whole segments: an entry may stand anywhere in its own.
  size_t looked = 0;
  found_.clear();
  const uint64_t next = space.table.ForSegment(SweepPosition(), [&](Entry* e) {
    ++looked;
    if (!e->Has(Entry::kDirty)) return;
    found_.emplace_back(0, e);
    // The walk fetched the first line; the value is read when the whole segment has been looked at.
    const char* bytes = reinterpret_cast<const char*>(e);
    for (size_t at = 64; at < space.entry_bytes_mean; at += 64) Prefetch(bytes + at);
  });
  // In RocksDB's order within the segment, too: an insert into a memtable that goes on where the
  // last one stopped needs no search.
  for (auto& [position, entry] : found_) {
    position = space.table.PositionOf(entry);
    // A record comes or goes: Capture changes the filter.
    if (entry->Has(Entry::kTombstone) == entry->Has(Entry::kHasCold)) {
      space.filter.Prefetch(position);
    }
  }
  std::sort(found_.begin(), found_.end());
  // What is captured out of turn may be one of these, which moves then.
  const bool linked = !links_.empty();
  for (const auto& [position, entry] : found_) {
    if (linked) {
      CaptureLinked(space, position);
    } else {
      Capture(space, position, entry);
    }
    if (batch_.bytes() >= core_.options.batch_bytes) SendBatch();
  }
  *work -= std::min(*work, looked + found_.size() * 2 + 1);
  if (next != 0 && next < end) {
    position_ = next;
    return;
  }
  // The segment goes over the range's end: all ranges that end within it are clean now.
  const uint64_t reached = next == 0 ? DirtyRanges::kCount : next >> DirtyRanges::kShift;
  for (uint64_t r = space.dirty_ranges->Next(range_ + 1); r < reached;
       r = space.dirty_ranges->Next(r + 1)) {
    space.dirty_ranges->Clear(r);
  }
  range_ = std::max(range_ + 1, reached);
  position_ = 0;
}

void WriteBack::CaptureLinked(const Space& space, uint64_t position) {
  links_.Follow({space.id, position}, &tied_);
  for (const Links::Place& place : tied_) {
    Space* there = core_.keyspace.Find(place.id);
    if (there == nullptr) continue;  // dropped
    dirty_.clear();
    there->table.AtPosition(place.position, [&](Entry* entry) {
      if (entry->Has(Entry::kDirty)) dirty_.push_back(entry);
    });
    for (Entry* entry : dirty_) Capture(*there, place.position, entry);
    links_.NoteCaptured(place);
  }
}

void WriteBack::Capture(Space& space, uint64_t position, Entry* entry) {
  DCHECK(!entry->Has(Entry::kBaseUnknown)) << "captured before what it replaces is known";
  const ColdPrevious previous{static_cast<uint64_t>(entry->cold_expiry_ms()),
                              entry->Has(Entry::kColdHasPayload), entry->cold_paged()};
  const bool had_record = entry->Has(Entry::kHasCold);
  const std::string_view key = entry->key();
  const size_t old_bytes = entry->MemoryBytes();
  Entry* now = entry;
  List* const list = entry->resident() ? ListObject(entry) : nullptr;
  if (entry->Has(Entry::kTombstone)) {
    batch_.Delete(space.id, position, key, entry->lsn(), had_record, previous);
    if (had_record) {
      --space.cold_records;
      // The tombstone speaks for the key until the record is gone. Only what was surely added may
      // be removed: while the filter is being loaded, that is what lies before its edge.
      if (position < space.filter_covers) space.filter.Remove(position);
    }
    if (previous.expire_ms != 0) --space.cold_expires;
    now->Set(Entry::kHasCold, false);
    now->Set(Entry::kColdHasPayload, false);
    now->set_cold_paged(false);
    if (previous.expire_ms != 0) now = now->SetColdExpiry(0);
  } else {
    ColdImage image;
    image.type = RdbTypeOf(entry->type(), entry->encoding());
    image.encoding = entry->encoding();
    image.lsn = entry->lsn();
    image.expire_ms = static_cast<uint64_t>(entry->expiry_ms());
    image.access = entry->access();
    if (entry->Has(Entry::kHeaderOnly)) {
      if (entry->type() != ValueType::kString) image.count = 0;  // not known here
      if (previous.has_elements) image.type = codec::kPagedList;
      batch_.PutHeader(space.id, position, key, image, entry->ValueLength(), previous);
    } else if (list != nullptr && list->IsToBePaged(core_.options.paged_threshold)) {
      CapturePaged(space, position, key, list, image, previous);
      now->Set(Entry::kColdHasPayload, scratch_.size() > codec::kMaxInlinePayload);
      now->set_cold_paged(true);
    } else {
      image.count = ElementCount(entry);
      scratch_.clear();
      // Of a large value half the time went into growing.
      if (image.count >= kManyElements) scratch_.reserve(image.count * kEncodedElementBytes);
      EncodeValue(entry, core_.field_names, &scratch_, /*compress=*/false);
      now->Set(Entry::kColdHasPayload, scratch_.size() > codec::kMaxInlinePayload);
      now->set_cold_paged(false);
      if (list != nullptr && list->paged()) list->ForgetRows();
      if (scratch_.size() >= ColdBatch::kMovedPayload) {
        batch_.Put(space.id, position, key, image, std::move(scratch_), previous);
        scratch_ = std::string();
      } else {
        batch_.Put(space.id, position, key, image, std::string_view(scratch_), previous);
      }
    }
    if (!had_record) {
      ++space.cold_records;
      space.filter.Add(position);
    }
    space.cold_expires += (image.expire_ms != 0);
    space.cold_expires -= (previous.expire_ms != 0);
    now->Set(Entry::kHasCold);
    if (previous.expire_ms != image.expire_ms)
      now = now->SetColdExpiry(static_cast<int64_t>(image.expire_ms));
  }
  now->Set(Entry::kDirty, false);
  --space.dirty;
  --core_.dirty_keys;
  if (now != entry || list != nullptr) hot_.Moved(space, position, entry, old_bytes, now);
  if (reach_.empty() || reach_.back().space != &space) {
    reach_.push_back({&space, space.id, position, position});
  }
  reach_.back().from = std::min(reach_.back().from, position);
  reach_.back().to = std::max(reach_.back().to, position);
  ++core_.stats.captured_keys;
}

// [D10] The directory and every row that is not as the cold tier has it, in one batch. Leaves the
// directory in scratch_.
void WriteBack::CapturePaged(const Space& space, uint64_t position, std::string_view key,
                             List* list, ColdImage image, const ColdPrevious& previous) {
  image.type = codec::kPagedList;
  image.count = list->size();
  image.keeps_elements = list->paged();
  std::vector<std::pair<uint64_t, std::string_view>> puts;  // behind the record itself
  std::vector<uint64_t> erased;
  scratch_.clear();
  list->Save(
      &scratch_, [&](uint64_t node, std::string_view bytes) { puts.emplace_back(node, bytes); },
      [&](uint64_t node) { erased.push_back(node); });
  batch_.Put(space.id, position, key, image, std::string_view(scratch_), previous);
  for (const auto& [node, bytes] : puts) {
    batch_.PutElement(space.id, position, key, node, bytes);
  }
  for (uint64_t node : erased) batch_.DeleteElement(space.id, position, key, node);
}

void WriteBack::SendBatch() {
  if (batch_.empty()) return;
  for (const Reach& reach : reach_) {
    batch_.SetCounts(reach.id, reach.space->cold_records, reach.space->cold_expires);
    reach.space->reached_cold = true;
    reach.space->in_flight.Add(reach.from, reach.to);
  }
  core_.stats.captured_bytes += batch_.bytes();
  batch_.Cover(dropped_lsn_);
  if (!core_.spiller->spills_now()) batch_.SetStageable();
  Enqueue(std::move(batch_));
  if (spare_batches_.empty()) {
    batch_ = ColdBatch(core_.options.batch_bytes + core_.options.batch_bytes / 4);
  } else {
    batch_ = std::move(spare_batches_.back());
    spare_batches_.pop_back();
  }
}

void WriteBack::Enqueue(ColdBatch batch) {
  sent_.push_back(std::exchange(reach_, {}));
  core_.cold->Enqueue(std::move(batch));
}

std::string WriteBack::CheckpointRecord() const {
  proto::CheckpointRecord record;
  record.set_lsn(checkpoint_);
  for (const auto& [number, id] : mapping_) {
    proto::DbMapping* mapping = record.add_databases();
    mapping->set_number(number);
    mapping->set_id(id);
  }
  for (const Keyspace::Dropped& dropped : dropped_) {
    proto::DroppedId* d = record.add_dropped();
    d->set_id(dropped.id);
    d->set_dropped_lsn(dropped.dropped_lsn);
  }
  record.set_created_unix_ms(static_cast<uint64_t>(core_.clock->WallMs()));
  record.set_clean(sweep_is_clean_);
  record.set_select_db(checkpoint_select_db_);
  record.set_without_log(!core_.options.append_only);
  record.set_replay_us_per_key(replay_cost_.learned_us_per_key());
  return record.SerializeAsString();
}

void WriteBack::FinishSweep() {
  SendBatch();
  ColdBatch last;
  last.SetCheckpoint(CheckpointRecord(), checkpoint_);
  Enqueue(std::move(last));
  collecting_ = false;
  checkpoint_queued_ = true;
}

void WriteBack::CheckpointLanded() {
  checkpoint_queued_ = false;
  last_checkpoint_ = checkpoint_;
  links_.ForgetBefore(checkpoint_);
  changes_at_last_ = changes_at_start_;
  dirtied_at_last_ = dirtied_at_start_;
  deletions_at_last_ = deletions_at_start_;
  changes_meanwhile_ = core_.changes - changes_at_start_;
  dirtied_meanwhile_ = core_.dirtied - dirtied_at_start_;
  bytes_meanwhile_ = core_.recovering ? 0 : core_.log->NextLsn() - checkpoint_;
  core_.stats.last_checkpoint_unix_s = core_.clock->WallMs() / 1000;
  ++core_.stats.checkpoints;
  if (!core_.recovering) core_.log->Recycle(checkpoint_);
  if (!dropped_.empty()) {
    ColdBatch drops;
    for (const Keyspace::Dropped& dropped : dropped_) {
      drops.DropDatabase(dropped.id);
      drops.Cover(dropped.dropped_lsn);
      core_.keyspace.ForgetDropped(dropped.id);
    }
    Enqueue(std::move(drops));
  }
  for (Waiter* waiter : std::exchange(awaiting_running_, {})) {
    if (Residency::RemovePending(waiter)) core_.ready.push_back(waiter);
  }
  std::swap(awaiting_running_, awaiting_next_);
  if (again_ || !awaiting_running_.empty()) {
    again_ = false;
    BeginSweep();
  }
}

uint64_t WriteBack::spare_bytes() const {
  uint64_t bytes = 0;
  for (const ColdBatch& batch : spare_batches_) bytes += batch.reserved_bytes();
  return bytes;
}

void WriteBack::EndInFlight(size_t batches) {
  CHECK(sent_.size() >= batches) << "a batch landed that was not sent";
  std::vector<Space*> spaces;
  for (; batches > 0; --batches) {
    for (const Reach& reach : sent_.front()) {
      Space* space = core_.keyspace.Find(reach.id);
      if (space != nullptr && std::find(spaces.begin(), spaces.end(), space) == spaces.end()) {
        spaces.push_back(space);
      }
    }
    sent_.pop_front();
  }
  for (Space* space : spaces) space->in_flight = {};
  for (const std::vector<Reach>& batch : sent_) {
    for (const Reach& reach : batch) {
      const auto space = std::find_if(spaces.begin(), spaces.end(),
                                      [&](const Space* s) { return s->id == reach.id; });
      if (space != spaces.end()) (*space)->in_flight.Add(reach.from, reach.to);
    }
  }
}

void WriteBack::TakeLanded(bool spill) {
  if (const size_t landed = core_.cold->DrainLanded(&landed_); landed > 0) EndInFlight(landed);
  for (size_t keys = 0; has_landed() && keys < kLandedSliceKeys;) {
    ColdBatch& batch = landed_[landed_next_++];
    // Nothing is written at an entry that stays, so most batches need no second look.
    if (spill || batch.has_deletions()) {
      DbId id = 0;
      Space* space = nullptr;  // that of `id`; asked for again while there is none
      batch.ForEach([&](const ColdOp& op) {
        const bool put = op.verb == ColdOp::Verb::kPut || op.verb == ColdOp::Verb::kPutHeader;
        if (op.verb != ColdOp::Verb::kDelete && !(put && spill)) return;
        if (space == nullptr || op.id != id) space = core_.keyspace.Find(id = op.id);
        if (space == nullptr) return;
        space->table.PrefetchBucket(op.position);
        landed_keys_.push_back({space, op.position, op.key, op.image.lsn});
        if (landed_keys_.size() == kLandedAtOnce) DropLanded(spill);
      });
      DropLanded(spill);
      keys += batch.op_count();
    }
    const bool checkpoint = batch.has_checkpoint();
    batch.Clear();
    // Those of a sweep alone: one more for each checkpoint would never be used up.
    if (batch.reserved_bytes() >= core_.options.batch_bytes) {
      spare_batches_.push_back(std::move(batch));
      spared_ms_ = core_.now_ms;
    }
    if (checkpoint) CheckpointLanded();
  }
  if (has_landed()) return;
  landed_.clear();
  landed_next_ = 0;
}

void WriteBack::DropLanded(bool spill) {
  for (const LandedKey& key : landed_keys_) key.space->table.PrefetchEntry(key.position);
  for (const LandedKey& key : landed_keys_) {
    Space& space = *key.space;
    Entry* entry = space.table.Find(key.position, key.key);
    if (entry == nullptr) continue;
    const bool unchanged = !entry->Has(Entry::kDirty) && entry->lsn() == key.lsn;
    if (entry->Has(Entry::kTombstone)) {
      if (unchanged) hot_.Drop(space, key.position, entry);
    } else if (spill) {
      core_.spiller->DropLanded(space, key.position, entry, unchanged);
    }
  }
  landed_keys_.clear();
}

}  // namespace thermocline::engine
