// MEMORY: what a key takes, what the server does (server/memory_report.h), and giving the
// allocator's free pages back.
//
// USAGE counts every block that the key's entry owns, in the allocator's classes, and its slot in
// the table: exact for every type, so SAMPLES changes nothing but is checked. A cold key is read
// first and answers what it takes while it is in memory.
#include <algorithm>
#include <string>

#include "server/allocator.h"
#include "server/command_context.h"
#include "server/commands/arg_spec.h"
#include "server/commands/command_table.h"
#include "server/memory_report.h"

namespace thermocline::server {
namespace {

using engine::Need;

constexpr size_t kSlotBytes = sizeof(void*);

void MemoryUsage(CommandContext& c) {
  for (size_t i = 3; i < c.argc(); ++i) {
    if (!c.Is(i, "SAMPLES") || i + 1 == c.argc()) return c.SyntaxError();
    int64_t samples = 0;
    if (!c.Integer(++i, &samples)) return;
    if (samples < 0) return c.SyntaxError();
  }
  const engine::Entry* entry = c.db().Find(c.dbnum(), c.arg(2), engine::Database::Touch::kNo);
  if (entry == nullptr) return c.reply().Null();
  c.reply().Integer(static_cast<int64_t>(entry->MemoryBytes() + kSlotBytes));
}

// Redis's names and order. Lua, functions, the cluster bus and replicas take nothing here.
void MemoryStats(CommandContext& c) {
  const MemoryReport report = BuildMemoryReport(c.server());
  const ProcessMemory& process = report.process;
  const uint64_t used = process.allocated;
  const uint64_t since_start = std::max<uint64_t>(used - report.startup, 1);
  auto& reply = c.reply();
  const auto count = [&](std::string_view name, uint64_t value) {
    reply.Bulk(name);
    reply.Integer(static_cast<int64_t>(value));
  };
  const auto ratio = [&](std::string_view name, double value) {
    reply.Bulk(name);
    reply.Double(value);
  };
  reply.Map(27 + report.databases.size());
  count("peak.allocated", report.peak);
  count("total.allocated", used);
  count("startup.allocated", report.startup);
  count("replication.backlog", 0);
  count("clients.slaves", 0);
  count("clients.normal", report.clients);
  count("cluster.links", 0);
  count("aof.buffer", report.engine.log.memory_bytes);
  count("lua.caches", 0);
  count("functions.caches", 0);
  for (const MemoryReport::DatabaseShare& share : report.databases) {
    reply.Bulk("db." + std::to_string(share.index));
    reply.Map(3);
    count("overhead.hashtable.main", share.table);
    count("overhead.hashtable.expires", share.expiry);
    count("overhead.hashtable.slot-to-keys", 0);
  }
  count("overhead.total", report.overhead());
  count("keys.count", report.keys);
  count("keys.bytes-per-key", report.keys == 0 ? 0 : (used - report.startup) / report.keys);
  count("dataset.bytes", report.dataset);
  ratio("dataset.percentage", 100 * Ratio(report.dataset, since_start));
  ratio("peak.percentage", 100 * Ratio(used, report.peak));
  count("allocator.allocated", process.allocated);
  count("allocator.active", process.active);
  count("allocator.resident", process.mapped);
  ratio("allocator-fragmentation.ratio", Ratio(process.active, process.allocated));
  count("allocator-fragmentation.bytes", process.active - process.allocated);
  ratio("allocator-rss.ratio", Ratio(process.mapped, process.active));
  count("allocator-rss.bytes", process.mapped - process.active);
  ratio("rss-overhead.ratio", Ratio(process.resident, process.mapped));
  count("rss-overhead.bytes", process.resident - process.mapped);
  ratio("fragmentation", Ratio(process.resident, used));
  count("fragmentation.bytes", process.resident - used);
}

void MemoryDoctor(CommandContext& c) {
  c.reply().Verbatim("txt", DiagnoseMemory(BuildMemoryReport(c.server())));
}

void MemoryMallocStats(CommandContext& c) {
  const std::string report = ReadAllocatorReport();
  if (report.empty()) return c.reply().Bulk("Stats not supported for the current allocator");
  c.reply().Verbatim("txt", report);
}

void MemoryPurge(CommandContext& c) {
  if (!ReturnFreePages()) return c.Error("ERR Error purging dirty pages");
  c.Ok();
}

void MemoryHelp(CommandContext& c) {
  constexpr std::string_view kLines[] = {
      "DOCTOR",
      "    Look for what is wrong with the server's memory, and say what to do.",
      "MALLOC-STATS",
      "    The allocator's own report.",
      "PURGE",
      "    Give free pages back to the system.",
      "STATS",
      "    Where the server's memory is, as numbers.",
      "USAGE <key> [SAMPLES <count>]",
      "    Bytes that the key and its value take in memory, counted exactly.",
  };
  c.Help(kLines);
}

constexpr KeySpec kUsageKey[] = {KeyAt(2, kKeyRO, Need::kValue, engine::NoPart)};
constexpr ArgSpec kUsageArgs[] = {KeyArg(), Optional(WithToken("SAMPLES", IntegerArg("count")))};
constexpr std::string_view kPurgeTips[] = {"request_policy:all_shards",
                                           "response_policy:all_succeeded"};
constexpr std::string_view kReportTips[] = {"nondeterministic_output", "request_policy:all_shards",
                                            "response_policy:special"};
constexpr CommandSpec kSubcommands[] = {
    {.name = "DOCTOR",
     .arity = 2,
     .handler = MemoryDoctor,
     .since = "4.0.0",
     .group = "server",
     .complexity = "O(1)",
     .summary = "Says what is wrong with the server's memory, if anything is.",
     .tips = kReportTips},
    {.name = "HELP",
     .arity = 2,
     .flags = kLoading | kStale,
     .handler = MemoryHelp,
     .since = "4.0.0",
     .group = "server",
     .complexity = "O(1)",
     .summary = "Lists the subcommands."},
    {.name = "MALLOC-STATS",
     .arity = 2,
     .handler = MemoryMallocStats,
     .since = "4.0.0",
     .group = "server",
     .complexity = "Grows with the arenas of the allocator.",
     .summary = "Returns the allocator's report of itself.",
     .tips = kReportTips},
    {.name = "PURGE",
     .arity = 2,
     .handler = MemoryPurge,
     .since = "4.0.0",
     .group = "server",
     .complexity = "Grows with the free memory.",
     .summary = "Gives free pages back to the system.",
     .tips = kPurgeTips},
    {.name = "STATS",
     .arity = 2,
     .handler = MemoryStats,
     .since = "4.0.0",
     .group = "server",
     .complexity = "O(1)",
     .summary = "Returns where the server's memory is.",
     .tips = kReportTips},
    {.name = "USAGE",
     .arity = -3,
     .flags = kReadOnly,
     .keys = kUsageKey,
     .handler = MemoryUsage,
     .since = "4.0.0",
     .group = "server",
     .complexity = "O(1)",
     .summary = "Returns the bytes that a key takes.",
     .args = kUsageArgs},
};

constexpr CommandSpec kRows[] = {
    {.name = "MEMORY",
     .arity = -2,
     .since = "4.0.0",
     .group = "server",
     .complexity = "Depends on the subcommand.",
     .summary = "Holds the commands about memory.",
     .subcommands = kSubcommands},
};

}  // namespace

std::span<const CommandSpec> MemoryCommands() { return kRows; }

}  // namespace thermocline::server
