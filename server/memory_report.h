// Where the memory is: what the system and the allocator say of the process, and how the server
// divides it. INFO's Memory section, MEMORY STATS and MEMORY DOCTOR are three views of it, so that
// they cannot disagree.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "engine/database.h"

namespace thermocline::server {

class Server;

/// What the process uses, from the system and the allocator. Bytes; 0: unknown.
struct ProcessMemory {
  uint64_t resident = 0;   // RSS
  uint64_t allocated = 0;  // by the program from the allocator
  uint64_t active = 0;     // pages of the allocator that hold allocations
  uint64_t mapped = 0;     // resident pages of the allocator
  std::string allocator;   // "jemalloc-5.3.0" or "libc"
};
ProcessMemory ReadProcessMemory();

/// For the cron, once a second or so, and reports: reads it and keeps used_memory_peak, and
/// used_memory_startup at the first call.
ProcessMemory SampleMemoryPeak(Server& server);

/// All in bytes but for counts of keys and clients.
struct MemoryReport {
  ProcessMemory process;  // `allocated` is Redis's used_memory
  uint64_t peak = 0;      // the most that was allocated
  uint64_t startup = 0;   // allocated before there was data
  uint64_t dataset = 0;   // keys and values in memory; the rest of `allocated` is overhead
  uint64_t clients = 0;   // buffers and state
  uint64_t client_count = 0;
  uint64_t keys = 0;  // of all databases and both tiers
  struct DatabaseShare {
    int index;
    uint64_t table;   // slots of its key table
    uint64_t expiry;  // its index of deadlines
  };
  std::vector<DatabaseShare> databases;  // those that hold keys; none while loading
  engine::Stats engine;                  // zeros while loading

  uint64_t overhead() const { return process.allocated - dataset; }
};
MemoryReport BuildMemoryReport(Server& server);

/// MEMORY DOCTOR's text: a paragraph for each thing that looks wrong, with its figures and what to
/// do; or that nothing does.
std::string DiagnoseMemory(const MemoryReport& report);

/// a / b; 0 if b is.
double Ratio(uint64_t a, uint64_t b);

/// "1.50M": bytes for people, as Redis rounds them.
std::string HumanBytes(uint64_t bytes);

}  // namespace thermocline::server
