#include "engine/cold/open_tables.h"

#include <unistd.h>

#include <utility>

namespace thermocline::engine {

TableFile::~TableFile() { close(fd_); }

uint32_t OpenTables::Add(std::shared_ptr<const TableFile> file) {
  const std::lock_guard lock(mutex_);
  files_.emplace(++last_, std::move(file));
  return last_;
}

void OpenTables::Remove(uint32_t table) {
  const std::lock_guard lock(mutex_);
  files_.erase(table);
}

std::shared_ptr<const TableFile> OpenTables::Find(uint32_t table) const {
  const std::lock_guard lock(mutex_);
  const auto it = files_.find(table);
  return it == files_.end() ? nullptr : it->second;
}

}  // namespace thermocline::engine
