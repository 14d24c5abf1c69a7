#include "engine/env/memory_limit.h"

#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <string>

namespace thermocline::engine {
namespace {

// The number in a file such as memory.max; `fallback` if there is no such file or it says "max".
uint64_t ReadLimit(const std::string& path, uint64_t fallback) {
  std::ifstream in(path);
  uint64_t value = 0;
  return in >> value ? value : fallback;
}

uint64_t Measure() {
  const uint64_t machine =
      static_cast<uint64_t>(sysconf(_SC_PHYS_PAGES)) * static_cast<uint64_t>(sysconf(_SC_PAGESIZE));
  uint64_t limit = machine;
  // cgroup v2 names our group behind "0::"; every ancestor may limit, too.
  std::ifstream groups("/proc/self/cgroup");
  for (std::string line; std::getline(groups, line);) {
    if (line.rfind("0::", 0) != 0) continue;
    for (std::string group = line.substr(3); !group.empty(); group.resize(group.rfind('/'))) {
      limit = std::min(limit, ReadLimit("/sys/fs/cgroup" + group + "/memory.max", machine));
      if (group.rfind('/') == std::string::npos) break;
    }
  }
  limit = std::min(limit, ReadLimit("/sys/fs/cgroup/memory.max", machine));
  limit = std::min(limit, ReadLimit("/sys/fs/cgroup/memory/memory.limit_in_bytes", machine));
  return std::max<uint64_t>(limit, 64 << 20);
}

}  // namespace

uint64_t MemoryLimit() {
  static const uint64_t limit = Measure();
  return limit;
}

}  // namespace thermocline::engine
