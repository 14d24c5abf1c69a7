// MachineLimits: how much memory and how many CPUs this process may use: the machine's, or its
// cgroup's if that is less.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

namespace thermocline::engine {

/// Bytes; read from the system once, at the first call. At least 64 MiB.
uint64_t MemoryLimit();

/// Whole CPUs, at least 1: those that the process may run on, or what its cgroups grant in a
/// period (`cpu.max`; a thread that uses more is stopped until the next one). Read once, at the
/// first call.
size_t CpuLimit();

/// Where a process reads the limits of its cgroup, version 2 or 1.
struct CgroupFiles {
  std::string groups = "/proc/self/cgroup";
  std::string mount = "/sys/fs/cgroup";
};
/// Bytes; `machine` if no cgroup grants less.
uint64_t CgroupMemory(const CgroupFiles& files, uint64_t machine);
/// CPUs, fractions too; `machine` if no cgroup grants less.
double CgroupCpus(const CgroupFiles& files, double machine);

}  // namespace thermocline::engine
