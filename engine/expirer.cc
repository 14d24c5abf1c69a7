#include "engine/expirer.h"

#include <glog/logging.h>

#include <algorithm>

#include "engine/hot_tier.h"
#include "engine/tier/spiller.h"
#include "engine/tier/write_back.h"

namespace thermocline::engine {
namespace {

constexpr size_t kHotSlice = 200;
constexpr size_t kPageRows = 1000;
constexpr int64_t kPagePauseMs = 100;

}  // namespace

Expirer::~Expirer() = default;

void Expirer::Expire(int db, std::string_view key) {
  HotTier::Ref ref = hot_.Locate(db, key);
  const std::string name(key);  // `key` may lie in the entry
  if (!hot_.Delete(ref)) return;
  core_.effects.Del(db, name);
  ++core_.stats.expired_keys;
  if (core_.listener != nullptr) core_.listener->OnExpired(db, name);
}

bool Expirer::SliceHot(int db) {
  Space& space = core_.keyspace.at(db);
  if (space.expiry.size() == 0) return false;
  due_.clear();
  space.expiry.TakeDue(core_.now_ms, kHotSlice, &due_);
  keys_.clear();
  for (const ExpiryIndex::Item& item : due_) {
    space.table.AtPosition(item.position, [&](Entry* entry) {
      if (!entry->Has(Entry::kExpiryIndexed)) return;
      const int64_t deadline = entry->expiry_ms();
      if (deadline == kNoExpiry) {
        entry->Set(Entry::kExpiryIndexed, false);
      } else if (deadline > core_.now_ms) {
        space.expiry.Add(deadline, item.position,
                         core_.now_ms);  // it was moved on: the item follows
      } else {
        keys_.emplace_back(entry->key());
      }
    });
  }
  for (const std::string& key : keys_) Expire(db, key);
  return due_.size() == kHotSlice;
}

bool Expirer::Slice() {
  if (!core_.active_expire || !core_.expire_by_clock || !core_.log->Healthy()) return false;
  bool more = false;
  for (int db = 0; db < core_.keyspace.databases(); ++db) more |= SliceHot(db);
  AskForRows();
  return more;
}

void Expirer::AskForRows() {
  if (page_under_way_ || core_.now_ms < next_page_ms_) return;
  // A tombstone takes memory until its deletion has landed; while there is room, keys go on time.
  if (write_back_.WriterIsFull() && core_.spiller->short_of_memory()) return;
  for (int i = 0; i < core_.keyspace.databases(); ++i) {
    const int db = (next_db_ + i) % core_.keyspace.databases();
    const Space& space = core_.keyspace.at(db);
    if (space.cold_expires == 0) continue;
    if (db != next_db_) after_.reset();
    auto* read = new ColdRead;
    read->kind = ColdRead::Kind::kExpired;
    read->id = space.id;
    read->deadline_max_ms = static_cast<uint64_t>(core_.now_ms);
    read->max_rows = kPageRows;
    if (after_ && after_->id == space.id) read->after = after_;
    read->owner = owner_tag();
    page_under_way_ = true;
    core_.track_drops = true;
    next_db_ = db;
    core_.cold->Submit(read);
    return;
  }
  next_page_ms_ = core_.now_ms + kPagePauseMs;
}

void Expirer::Complete(ColdRead* read) {
  const std::unique_ptr<ColdRead> owned(read);
  page_under_way_ = false;
  core_.track_drops = false;
  Space* space = core_.keyspace.Find(read->id);
  const int db = core_.keyspace.NumberOf(read->id);
  if (!read->status.ok()) {
    LOG(ERROR) << "reading expired keys failed: " << read->status.ToString();
    next_page_ms_ = core_.now_ms + 1000;
  } else if (space != nullptr && db >= 0 && core_.expire_by_clock && core_.active_expire &&
             core_.log->Healthy()) {
    for (const ExpiryRow& row : read->expired) {
      if (core_.dropped_positions.contains(row.position)) continue;
      if (space->table.Find(row.position, row.key) != nullptr) continue;  // the hot tier decides
      hot_.InstallExpiredCold(*space, row);
      Expire(db, row.key);
    }
    if (read->expired.size() >= kPageRows) {
      after_ = read->expired.back();  // rows that had to wait come again once the pass is over
    } else {
      after_.reset();
      next_db_ = (db + 1) % core_.keyspace.databases();
      next_page_ms_ = core_.now_ms + kPagePauseMs / core_.keyspace.databases();
    }
  } else {
    after_.reset();
  }
  core_.dropped_positions.clear();
}

}  // namespace thermocline::engine
