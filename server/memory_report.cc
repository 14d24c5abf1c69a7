// See memory_report.h.
#include "server/memory_report.h"

#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <span>
#include <string_view>

#include "server/allocator.h"
#include "server/server.h"

namespace thermocline::server {
namespace {

// Below this nothing is diagnosed: what the process itself takes hides all else.
constexpr uint64_t kSmallBytes = uint64_t{5} << 20;
constexpr uint64_t kPageSlack = uint64_t{10} << 20;
constexpr uint64_t kProcessSlack = uint64_t{32} << 20;  // text, stacks

std::string Percent(double ratio) {
  char text[32];
  std::snprintf(text, sizeof text, "%.0f %%", 100 * ratio);
  return text;
}

// By so many bytes, and by three tenths: pages beside what they hold.
bool FarAbove(uint64_t pages, uint64_t held, uint64_t slack) {
  return pages >= held + slack && Ratio(pages, held) > 1.3;
}

// One thing that may be wrong: empty, or what was measured and what to do.
using Check = std::string (*)(const MemoryReport&);

constexpr Check kChecks[] = {
    [](const MemoryReport& r) -> std::string {
      if (r.engine.cold_error.empty()) return {};
      return "The cold tier cannot be written (" + r.engine.cold_error +
             "), so that nothing more can leave memory. Free its disk or mend it; the server goes "
             "on by itself then.";
    },
    [](const MemoryReport& r) -> std::string {
      if (Ratio(r.peak, r.process.allocated) <= 1.5) return {};
      return "The peak, " + HumanBytes(r.peak) + ", is far above the " +
             HumanBytes(r.process.allocated) +
             " allocated now. Pages that still hold a little of that time stay resident: a high "
             "fragmentation ratio would come from there, and goes away as they fill.";
    },
    [](const MemoryReport& r) -> std::string {
      const ProcessMemory& p = r.process;
      if (!FarAbove(p.active, p.allocated, kPageSlack)) return {};
      return "Pages in use hold " + HumanBytes(p.active) + " for " + HumanBytes(p.allocated) +
             " of allocations: values of one size were replaced by such of another. A restart "
             "packs them again.";
    },
    [](const MemoryReport& r) -> std::string {
      const ProcessMemory& p = r.process;
      if (!FarAbove(p.mapped, p.active, kPageSlack)) return {};
      return "The allocator keeps " + HumanBytes(p.mapped - p.active) +
             " of free pages. They go back to the system by themselves within seconds; MEMORY "
             "PURGE gives them back now.";
    },
    [](const MemoryReport& r) -> std::string {
      const ProcessMemory& p = r.process;
      if (!FarAbove(p.resident, p.mapped, kProcessSlack)) return {};
      return HumanBytes(p.resident - p.mapped) +
             " are resident beside the allocator's pages: program text, thread stacks, and pages "
             "that the kernel has not taken back.";
    },
    [](const MemoryReport& r) -> std::string {
      constexpr uint64_t kMuchAClient = 200 << 10;
      if (r.client_count == 0 || r.clients / r.client_count <= kMuchAClient) return {};
      return "Clients take " + HumanBytes(r.clients / r.client_count) +
             " each on average. Look for the largest tot-mem in CLIENT LIST: one that does not "
             "read its replies, a subscriber that is too slow, or very large pipelines; "
             "client-output-buffer-limit and maxmemory-clients bound it.";
    },
    [](const MemoryReport& r) -> std::string {
      if (r.engine.budget_bytes == 0 || r.engine.unaccounted_bytes * 8 < r.engine.budget_bytes) {
        return {};
      }
      return HumanBytes(r.engine.unaccounted_bytes) + " of the budget of " +
             HumanBytes(r.engine.budget_bytes) +
             " are held by nothing that is accounted for, mostly buffers of compactions, and keys "
             "leave memory for them. If it stays so, maxmemory is small for this write load.";
    },
    [](const MemoryReport& r) -> std::string {
      const uint64_t cold = r.engine.cold_read_hits;
      const uint64_t lookups = r.engine.keyspace_hits + r.engine.keyspace_misses;
      if (lookups < 10000 || Ratio(cold, lookups) <= 0.2) return {};
      return Percent(Ratio(cold, lookups)) +
             " of the lookups since the start (or CONFIG RESETSTAT) read the disk: what is hot is "
             "larger than maxmemory leaves room for.";
    },
};

}  // namespace

ProcessMemory ReadProcessMemory() {
  ProcessMemory out;
  if (std::FILE* file = std::fopen("/proc/self/statm", "r"); file != nullptr) {
    unsigned long long size = 0;
    unsigned long long resident = 0;
    if (std::fscanf(file, "%llu %llu", &size, &resident) == 2) {
      out.resident = resident * static_cast<uint64_t>(sysconf(_SC_PAGESIZE));
    }
    std::fclose(file);
  }
  const AllocatorStats allocator = ReadAllocatorStats();
  if (allocator.version.empty()) {
    out.allocator = "libc";
    out.allocated = out.active = out.mapped = out.resident;
    return out;
  }
  out.allocator = "jemalloc-" + allocator.version;
  out.allocated = allocator.allocated;
  out.active = allocator.active;
  out.mapped = allocator.resident;
  return out;
}

ProcessMemory SampleMemoryPeak(Server& server) {
  auto& memory = server.stats().memory;
  ProcessMemory process = ReadProcessMemory();
  if (memory.startup == 0) memory.startup = process.allocated;
  memory.peak = std::max(memory.peak, process.allocated);
  return process;
}

std::string HumanBytes(uint64_t bytes) {
  constexpr char kUnits[] = "BKMGTP";
  double value = static_cast<double>(bytes);
  size_t unit = 0;
  while (value >= 1024 && unit < std::strlen(kUnits) - 1) {
    value /= 1024;
    ++unit;
  }
  char text[64];
  std::snprintf(text, sizeof text, unit == 0 ? "%.0f%c" : "%.2f%c", value, kUnits[unit]);
  return text;
}

MemoryReport BuildMemoryReport(Server& server) {
  MemoryReport out;
  out.process = SampleMemoryPeak(server);
  const uint64_t used = out.process.allocated;
  out.peak = std::max(server.stats().memory.peak, used);
  out.startup = std::min(server.stats().memory.startup, used);
  out.client_count = server.clients().size();
  for (const Client* client : server.clients()) out.clients += client->MemoryBytes();
  if (server.loading()) return out;
  engine::Database& db = *server.database();
  out.engine = db.GetStats();
  out.dataset = std::min(out.engine.value_bytes, used);
  for (int i = 0; i < db.databases(); ++i) {
    const engine::DbStats stats = db.DatabaseStats(i);
    if (stats.keys == 0) continue;
    out.keys += stats.keys;
    out.databases.push_back({i, stats.table_bytes, stats.expiry_bytes});
  }
  return out;
}

std::string DiagnoseMemory(const MemoryReport& report) {
  if (report.process.allocated < kSmallBytes) {
    return "Hardly any memory is in use: there is nothing to diagnose.\n";
  }
  std::string out;
  for (const Check check : kChecks) {
    const std::string found = check(report);
    if (!found.empty()) out += "* " + found + "\n\n";
  }
  if (out.empty()) return "No problem was found.\n";
  return "What looks wrong with the memory of this server:\n\n" + out;
}

double Ratio(uint64_t a, uint64_t b) {
  return b == 0 ? 0 : static_cast<double>(a) / static_cast<double>(b);
}

}  // namespace thermocline::server
