#include "server/allocator.h"

#include <jemalloc/jemalloc.h>
#include <sys/mman.h>
#include <sys/types.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstdio>
#include <cstring>

extern "C" {
int mallctl(const char* name, void* old_value, size_t* old_length, void* new_value,
            size_t new_length) __attribute__((weak));
void malloc_stats_print(void (*write)(void*, const char*), void* to, const char* options)
    __attribute__((weak));
}

namespace thermocline::server {
namespace {

// By FreePages; server/malloc_conf.cc has kSoon's.
constexpr ssize_t kDecayMs[] = {10'000, 1000, 100};
constexpr char kPurgeAll[] = "arena.4096.purge";  // MALLCTL_ARENAS_ALL

template <typename T>
T Read(const char* name) {
  T value{};
  size_t size = sizeof value;
  return mallctl(name, &value, &size, nullptr, 0) == 0 ? value : T{};
}

// ---- huge pages ----

constexpr size_t kHugePage = size_t{2} << 20;
constexpr size_t kPopulatedMax = size_t{64} << 20;

extent_hooks_t* default_hooks = nullptr;
extent_hooks_t huge_page_hooks;

// Fresh address space for an arena, in memory before anything touches it.
void* AllocatePopulated(extent_hooks_t*, void* at, size_t size, size_t alignment, bool* zero,
                        bool* commit, unsigned arena) {
  if (at == nullptr && size >= kHugePage) alignment = std::max(alignment, kHugePage);
  void* block = default_hooks->alloc(default_hooks, at, size, alignment, zero, commit, arena);
  if (block == nullptr || size < kHugePage || size > kPopulatedMax) return block;
  const int saved_errno = errno;  // the caller's malloc succeeds, whatever becomes of the hints
  madvise(block, size, MADV_HUGEPAGE);
  madvise(block, size, MADV_POPULATE_WRITE);
  errno = saved_errno;
  return block;
}

}  // namespace

bool AllocateInHugePages() {
  // Made by the first caller, for all; never destroyed. 0: refused.
  static const unsigned arena = [] {
    unsigned made = 0;
    if (mallctl == nullptr) return made;
    size_t size = sizeof default_hooks;
    if (mallctl("arena.0.extent_hooks", &default_hooks, &size, nullptr, 0) != 0) return made;
    huge_page_hooks = *default_hooks;
    huge_page_hooks.alloc = AllocatePopulated;
    extent_hooks_t* hooks = &huge_page_hooks;
    size = sizeof made;
    if (mallctl("arenas.create", &made, &size, &hooks, sizeof hooks) != 0) return 0u;
    // Otherwise each piece would be larger than the one before, and be fetched as a whole, too.
    size_t grow_max = kHugePage;
    const std::string limit = "arena." + std::to_string(made) + ".retain_grow_limit";
    mallctl(limit.c_str(), nullptr, nullptr, &grow_max, sizeof grow_max);
    return made;
  }();
  unsigned mine = arena;
  return mine != 0 && mallctl("thread.arena", nullptr, nullptr, &mine, sizeof mine) == 0;
}

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

std::string ReadAllocatorReport() {
  std::string out;
  if (malloc_stats_print == nullptr) return out;
  malloc_stats_print([](void* to, const char* text) { *static_cast<std::string*>(to) += text; },
                     &out, nullptr);
  return out;
}

bool ReturnFreePages() {
  return mallctl == nullptr || mallctl(kPurgeAll, nullptr, nullptr, nullptr, 0) == 0;
}

FreePages WhenFreePagesReturn(uint64_t budget, uint64_t used, uint64_t resident) {
  if (budget == 0) return FreePages::kLate;
  if (resident > budget / 10 * 12) return FreePages::kAtOnce;
  const bool room = used <= budget / 10 * 7 && resident <= budget / 10 * 9;
  return room ? FreePages::kLate : FreePages::kSoon;
}

void SetFreePages(FreePages when) {
  if (mallctl == nullptr) return;
  ssize_t decay_ms = kDecayMs[static_cast<size_t>(when)];
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
