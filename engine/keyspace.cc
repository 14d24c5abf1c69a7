#include "engine/keyspace.h"

#include <algorithm>
#include <utility>

namespace thermocline::engine {

Keyspace::Keyspace(int databases, const HashKey& hash_key) : hash_key_(hash_key) {
  std::vector<DbId> ids(static_cast<size_t>(databases));
  for (size_t i = 0; i < ids.size(); ++i) ids[i] = i;
  Load(ids, {});
}

void Keyspace::Load(const std::vector<DbId>& ids, std::vector<Dropped> dropped) {
  numbers_.clear();
  by_id_.clear();
  for (DbId id : ids) {
    numbers_.push_back(std::make_unique<Space>(id, hash_key_, id >> 16, &positions_));
    by_id_[id] = numbers_.back().get();
  }
  dropped_ = std::move(dropped);
}

Space* Keyspace::Find(DbId id) {
  const auto it = by_id_.find(id);
  return it == by_id_.end() ? nullptr : it->second;
}

int Keyspace::NumberOf(DbId id) const {
  for (size_t i = 0; i < numbers_.size(); ++i) {
    if (numbers_[i]->id == id) return static_cast<int>(i);
  }
  return -1;
}

std::unique_ptr<Space> Keyspace::Replace(int number, DbId new_id, Lsn lsn) {
  auto fresh = std::make_unique<Space>(new_id, hash_key_, lsn, &positions_);
  std::unique_ptr<Space>& place = numbers_[static_cast<size_t>(number)];
  by_id_.erase(place->id);
  by_id_[new_id] = fresh.get();
  if (place->reached_cold) dropped_.push_back({place->id, lsn});
  return std::exchange(place, std::move(fresh));
}

void Keyspace::Swap(int a, int b) {
  std::swap(numbers_[static_cast<size_t>(a)], numbers_[static_cast<size_t>(b)]);
}

void Keyspace::ForgetDropped(DbId id) {
  std::erase_if(dropped_, [id](const Dropped& d) { return d.id == id; });
}

}  // namespace thermocline::engine
