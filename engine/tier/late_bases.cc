#include "engine/tier/late_bases.h"

#include <glog/logging.h>

#include <algorithm>
#include <memory>
#include <utility>

#include "engine/hot_tier.h"
#include "engine/tier/residency.h"

namespace thermocline::engine {
namespace {

constexpr int64_t kRetryMs = 1000;

}  // namespace

void LateBases::Add(Space& space, uint64_t position, Entry* entry) {
  entry->Set(Entry::kBaseUnknown);
  ++space.unknown_bases;
  ++core_.unknown_bases;
  places_.push_back({space.id, position});
}

void LateBases::Begin() {
  std::sort(places_.begin(), places_.end());
  // Keys that share a position are asked for together.
  places_.erase(std::unique(places_.begin(), places_.end()), places_.end());
}

uint64_t LateBases::FirstUnknown(DbId id) const {
  if (!pending()) return kNoPosition;
  size_t known = next_;
  for (const size_t first : under_way_) known = std::min(known, first);
  const auto found = std::lower_bound(places_.begin() + static_cast<ptrdiff_t>(known),
                                      places_.end(), Place{id, 0});
  return found == places_.end() || found->id != id ? kNoPosition : found->position;
}

std::unique_ptr<ColdRead> LateBases::NextRead() {
  const size_t max = core_.options.headers_a_read;
  auto read = std::make_unique<ColdRead>();
  read->kind = ColdRead::Kind::kHeaders;
  read->owner = owner_tag();
  read->ticket = next_;
  for (; next_ < places_.size() && read->headers.size() < max; ++next_) {
    const Place place = places_[next_];
    if (!read->headers.empty() && place.id != read->id) break;
    Space* space = core_.keyspace.Find(place.id);
    if (space == nullptr) continue;  // dropped
    read->id = place.id;
    space->table.AtPosition(place.position, [&](Entry* entry) {
      if (!entry->Has(Entry::kBaseUnknown)) return;
      read->headers.push_back({.position = place.position, .key = std::string(entry->key())});
    });
  }
  return read;
}

void LateBases::Slice(size_t reads_max) {
  if (places_.empty()) return;
  if (!pending()) {
    places_ = {};
    next_ = 0;
    error_ = {};
    Tell({});
    return;
  }
  if (core_.now_ms < next_try_ms_) return;
  while (under_way_.size() < reads_max && next_ < places_.size()) {
    std::unique_ptr<ColdRead> read = NextRead();
    if (read->headers.empty()) continue;
    under_way_.push_back(read->ticket);
    core_.cold->Submit(read.release());
  }
}

void LateBases::Complete(ColdRead* read) {
  const std::unique_ptr<ColdRead> owned(read);
  under_way_.erase(std::find(under_way_.begin(), under_way_.end(), read->ticket));
  const codec::Status status = Take(*read);
  if (status.ok()) {
    // One that was under way beside a failing one says nothing about the next try.
    if (core_.now_ms >= next_try_ms_) error_ = {};
    return;
  }
  error_ = status;
  LOG(ERROR) << "what the cold tier holds of keys changed before the start: " << error_.ToString();
  next_try_ms_ = core_.now_ms + kRetryMs;
  Tell(error_);
}

codec::Status LateBases::Take(const ColdRead& read) {
  Space* space = core_.keyspace.Find(read.id);
  if (space == nullptr) return {};
  if (!read.status.ok()) {
    next_ = std::min<size_t>(next_, read.ticket);
    return read.status.Annotate("reading the headers of keys");
  }
  for (const ColdHeaderRow& row : read.headers) {
    Entry* entry = space->table.Find(row.position, row.key);
    // Another read may have answered already (ResolveNow).
    if (entry != nullptr && entry->Has(Entry::kBaseUnknown)) Learn(*space, entry, row);
  }
  return {};
}

void LateBases::Learn(Space& space, Entry* entry, const ColdHeaderRow& row) {
  entry->Set(Entry::kBaseUnknown, false);
  --space.unknown_bases;
  --core_.unknown_bases;
  if (!row.found) return;
  // [D2], [D5]: all that reached the cold tier was replayed.
  LOG_IF(DFATAL, !core_.recovering && row.header.lsn > entry->lsn())
      << "the cold record of a key is younger than the log: " << row.header.lsn << " over "
      << entry->lsn();
  --space.live;
  entry->Set(Entry::kHasCold);
  entry->Set(Entry::kColdHasPayload, !row.header.payload_inline);
  entry->set_cold_paged(row.header.type == codec::kPagedList);
  if (row.header.expire_ms == 0) return;
  --space.live_expires;
  const size_t old_bytes = entry->MemoryBytes();
  Entry* now = entry->SetColdExpiry(static_cast<int64_t>(row.header.expire_ms));
  hot_.Moved(space, row.position, entry, old_bytes, now);
}

codec::Status LateBases::ResolveNow() {
  next_ = 0;  // what is under way, too
  for (;;) {
    const std::unique_ptr<ColdRead> read = NextRead();
    if (read->headers.empty()) break;
    core_.cold->ReadNow(read.get());
    TC_RETURN_IF_ERROR(Take(*read));
  }
  return {};
}

bool LateBases::Await(Waiter* waiter) {
  if (!pending()) return true;
  if (waiter != nullptr) {
    Residency::AddPending(waiter);
    awaiting_.push_back(waiter);
    return false;
  }
  error_ = ResolveNow();
  return error_.ok();
}

void LateBases::Tell(const codec::Status& status) {
  for (Waiter* waiter : std::exchange(awaiting_, {})) {
    if (!status.ok()) Residency::SetError(waiter, status);
    if (Residency::RemovePending(waiter)) core_.ready.push_back(waiter);
  }
}

}  // namespace thermocline::engine
