#include "engine/tier/filter_loader.h"

#include <glog/logging.h>

#include <memory>

namespace thermocline::engine {
namespace {

constexpr size_t kPageRows = 1000;

}  // namespace

void FilterLoader::Begin() {
  core_.keyspace.ForEach([this](Space& space) {
    if (space.cold_records == 0) return;
    space.filter_covers = 0;
    space.filter.Reserve(space.cold_records);
    active_ = true;
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
