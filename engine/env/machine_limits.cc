#include "engine/env/machine_limits.h"

#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <istream>
#include <thread>
#include <vector>

namespace thermocline::engine {
namespace {

// Directories whose files limit this process. cgroup v2 names our group behind "0::"; every
// ancestor may limit, too, and in a container the mount itself is the group.
std::vector<std::string> Groups(const CgroupFiles& files) {
  std::vector<std::string> groups{files.mount};
  std::ifstream in(files.groups);
  for (std::string line; std::getline(in, line);) {
    if (!line.starts_with("0::")) continue;
    std::string group = line.substr(3);
    while (group.size() > 1) {
      groups.push_back(files.mount + group);
      const size_t parent = group.rfind('/');
      group.resize(parent == std::string::npos ? 0 : parent);
    }
  }
  return groups;
}

// The number in a file such as memory.max; `fallback` if there is no such file or it says "max".
uint64_t ReadBytes(const std::string& path, uint64_t fallback) {
  std::ifstream in(path);
  uint64_t value = 0;
  return in >> value ? value : fallback;
}

// What a quota in a period grants, both in microseconds; a quota that is no number (v2: "max") or
// negative (v1) is none.
double ReadCpus(std::istream& quota, std::istream& period, double fallback) {
  double quota_us = 0;
  double period_us = 0;
  if (!(quota >> quota_us) || !(period >> period_us) || quota_us <= 0 || period_us <= 0) {
    return fallback;
  }
  return quota_us / period_us;
}

}  // namespace

uint64_t CgroupMemory(const CgroupFiles& files, uint64_t machine) {
  uint64_t limit = machine;
  for (const std::string& group : Groups(files)) {
    limit = std::min(limit, ReadBytes(group + "/memory.max", machine));
  }
  return std::min(limit, ReadBytes(files.mount + "/memory/memory.limit_in_bytes", machine));
}

double CgroupCpus(const CgroupFiles& files, double machine) {
  double limit = machine;
  for (const std::string& group : Groups(files)) {
    std::ifstream both(group + "/cpu.max");
    limit = std::min(limit, ReadCpus(both, both, machine));
  }
  std::ifstream quota(files.mount + "/cpu/cpu.cfs_quota_us");
  std::ifstream period(files.mount + "/cpu/cpu.cfs_period_us");
  return std::min(limit, ReadCpus(quota, period, machine));
}

uint64_t MemoryLimit() {
  static const uint64_t limit = [] {
    const uint64_t machine = static_cast<uint64_t>(sysconf(_SC_PHYS_PAGES)) *
                             static_cast<uint64_t>(sysconf(_SC_PAGESIZE));
    return std::max<uint64_t>(CgroupMemory({}, machine), 64 << 20);
  }();
  return limit;
}

size_t CpuLimit() {
  static const size_t limit = [] {
    size_t machine = std::max(1u, std::thread::hardware_concurrency());
    cpu_set_t mine;
    if (sched_getaffinity(0, sizeof(mine), &mine) == 0) {  // fails beyond CPU_SETSIZE CPUs
      machine = std::min(machine, static_cast<size_t>(CPU_COUNT(&mine)));
    }
    const double granted = CgroupCpus({}, static_cast<double>(machine));
    return std::max(static_cast<size_t>(granted), size_t{1});
  }();
  return limit;
}

}  // namespace thermocline::engine
