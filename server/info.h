// INFO: the server's state as text, in Redis 7.0's sections, field names and order, plus `#
// Tiering`.
//
// Every value is asked for when INFO runs, nothing is kept for it but the counters of stats.h. A
// field whose subject does not exist here (fork, modules) has the value of a server that never used
// it. The fields of ours are explained in docs/configuration.md, "INFO". Executor only.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace thermocline::server {

class Server;

/// Sections by name, ignoring case; unknown ones are nothing. None: the default ones, also called
/// "default"; "all" adds commandstats and latencystats; "everything" is "all" with modules.
std::string BuildInfo(Server& server, std::span<const std::string_view> sections);

/// What the process uses, from the system and the allocator. Bytes; 0: unknown.
struct ProcessMemory {
  uint64_t resident = 0;   // RSS
  uint64_t allocated = 0;  // by the program from the allocator
  uint64_t active = 0;     // pages of the allocator that hold allocations
  uint64_t mapped = 0;     // resident pages of the allocator
  std::string allocator;   // "jemalloc-5.3.0" or "libc"
};
ProcessMemory ReadProcessMemory();

/// For the cron, once a second or so, and INFO: reads it and keeps used_memory_peak, and
/// used_memory_startup at the first call.
ProcessMemory SampleMemoryPeak(Server& server);

/// "1.50M": bytes for people, as Redis rounds them.
std::string HumanBytes(uint64_t bytes);

}  // namespace thermocline::server
