// What the server asks jemalloc for, beyond memory. Where another allocator is linked (the
// sanitizer builds) nothing is known and nothing is done. Any thread.
#pragma once

#include <cstdint>
#include <string>

namespace thermocline::server {

struct AllocatorStats {
  uint64_t allocated = 0;  // bytes that the program holds
  uint64_t active = 0;     // bytes of pages that hold allocations
  uint64_t resident = 0;   // bytes of pages in memory
  std::string version;     // empty: not jemalloc
};
AllocatorStats ReadAllocatorStats();

/// From here on the calling thread allocates from an arena that grows by whole huge pages, fetched
/// at once; all threads that call this share it. False: refused, nothing has changed. For a thread
/// that fills much memory in one go, such as the one that replays the log: a page touched for the
/// first time costs a fault, 0.3 us on good hardware and 19 us in some virtual machines, and
/// fetched like this a hundredth of that. Not for the executor: giving single pages back splits
/// huge ones, and the kernel may look long for a free one (docs/performance.md has the figures).
bool AllocateInHugePages();

/// What jemalloc reports of itself, for people. Empty: another allocator.
std::string ReadAllocatorReport();

/// Gives every free page back to the system now. False: refused.
bool ReturnFreePages();

/// How long free pages stay for the next allocation before they go back to the system.
enum class FreePages : uint8_t {
  /// Ten seconds, jemalloc's default, while there is room: a page given back and fetched again
  /// costs more than what is done with it, above all in a virtual machine.
  kLate,
  /// A second, the setting at start, while memory is short: what was spilled would stand beside
  /// `maxmemory` otherwise.
  kSoon,
  /// A tenth of it, when what stands there has become too much.
  kAtOnce,
};
/// All in bytes; `budget` is 0 without a limit, `used` what is accounted for, `resident`
/// AllocatorStats::resident. The latter counts, too: what was freed in one go (a flood of keys that
/// expired) stands beside what others allocate next.
FreePages WhenFreePagesReturn(uint64_t budget, uint64_t used, uint64_t resident);
void SetFreePages(FreePages when);

}  // namespace thermocline::server
