#include "engine/tier/filter_loader.h"

#include <glog/logging.h>

#include <memory>

namespace thermocline::engine {
namespace {

constexpr size_t kPageRows = 1000;
constexpr uint64_t kRefitBytesMin = 64 << 10;
constexpr uint64_t kRefitBytesAKey = 16;  // five times what a filter that fits has

}  // namespace

void FilterLoader::Begin() {
  core_.keyspace.ForEach([this](Space& space) {
    if (space.cold_records != 0) Restart(space);
  });
}

void FilterLoader::Restart(Space& space) {
  space.filter_covers = 0;
  space.filter.Reserve(space.cold_records);
  active_ = true;
}

void FilterLoader::Refit() {
  // A page under way belongs to the filter as it is.
  if (active_ || under_way_) return;
  core_.keyspace.ForEach([this](Space& space) {
    if (space.filter_covers != Space::kFilterComplete) return;
    const uint64_t bytes = space.filter.memory_bytes();
    const bool too_large = bytes > kRefitBytesMin && bytes / kRefitBytesAKey > space.cold_records;
    if (space.cold_records == 0) {
      if (too_large) space.filter.Clear();
    } else if (too_large) {
      Restart(space);
    }
  });
}

void FilterLoader::Slice() {
  if (!active_ || under_way_) return;
  bool left = false;
  core_.keyspace.ForEach([&](Space& space) {
    if (left || space.filter_covers == Space::kFilterComplete) return;
    left = true;
    auto* read = new ColdRead;
    read->kind = ColdRead::Kind::kScan;
    read->id = space.id;
    read->range.id = space.id;
    read->range.from_position = std::max<uint64_t>(space.filter_covers, 1);
    read->range.max_rows = kPageRows;
    read->owner = owner_tag();
    under_way_ = true;
    core_.cold->Submit(read);
  });
  active_ = left;
}

void FilterLoader::Complete(ColdRead* read) {
  const std::unique_ptr<ColdRead> owned(read);
  under_way_ = false;
  Space* space = core_.keyspace.Find(read->id);
  if (space == nullptr) return;
  if (!read->status.ok()) {
    // 'Maybe' stays the answer behind the edge: slower, never wrong.
    LOG(ERROR) << "key filter of database id " << space->id
               << " stays incomplete: " << read->status.ToString();
    active_ = false;
    return;
  }
  for (const ColdRow& row : read->page.rows) space->filter.Add(row.position);
  space->filter_covers = read->page.end ? Space::kFilterComplete : read->page.through_position + 1;
}

}  // namespace thermocline::engine
