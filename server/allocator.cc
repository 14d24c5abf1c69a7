#include "server/allocator.h"

#include <sys/types.h>

#include <cstddef>
#include <cstdio>
#include <cstring>

extern "C" {
int mallctl(const char* name, void* old_value, size_t* old_length, void* new_value,
            size_t new_length) __attribute__((weak));
}

namespace thermocline::server {
namespace {

constexpr ssize_t kSoonMs = 1000;  // server/malloc_conf.cc has the same
constexpr ssize_t kLateMs = 10'000;
constexpr char kPurgeAll[] = "arena.4096.purge";  // MALLCTL_ARENAS_ALL

template <typename T>
T Read(const char* name) {
  T value{};
  size_t size = sizeof value;
  return mallctl(name, &value, &size, nullptr, 0) == 0 ? value : T{};
}

}  // namespace

AllocatorStats ReadAllocatorStats() {
  AllocatorStats stats;
  if (mallctl == nullptr) return stats;
  uint64_t epoch = 1;
  size_t size = sizeof epoch;
  mallctl("epoch", &epoch, &size, &epoch, size);
  stats.allocated = Read<size_t>("stats.allocated");
  stats.active = Read<size_t>("stats.active");
  stats.resident = Read<size_t>("stats.resident");
  const char* version = Read<const char*>("version");
  stats.version = version == nullptr ? "unknown" : std::string(version, std::strcspn(version, "-"));
  return stats;
}

bool ReturnFreePages() {
  return mallctl == nullptr || mallctl(kPurgeAll, nullptr, nullptr, nullptr, 0) == 0;
}

bool MemoryIsShort(uint64_t budget, uint64_t used, uint64_t resident) {
  return budget != 0 && (used > budget / 10 * 7 || resident > budget / 10 * 9);
}

void SetReturnSoon(bool soon) {
  if (mallctl == nullptr) return;
  ssize_t decay_ms = soon ? kSoonMs : kLateMs;
  mallctl("arenas.dirty_decay_ms", nullptr, nullptr, &decay_ms, sizeof decay_ms);
  const unsigned arenas = Read<unsigned>("arenas.narenas");
  for (unsigned arena = 0; arena < arenas; ++arena) {
    char name[48];
    std::snprintf(name, sizeof name, "arena.%u.dirty_decay_ms", arena);
    // An arena that does not exist yet is refused; it gets the setting above when it is made.
    mallctl(name, nullptr, nullptr, &decay_ms, sizeof decay_ms);
  }
}

}  // namespace thermocline::server
