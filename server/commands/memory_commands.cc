// MEMORY: what a key takes, and giving the allocator's free pages back.
//
// USAGE counts every block that the key's entry owns, in the allocator's classes, and its slot in
// the table: exact for every type, so SAMPLES changes nothing but is checked. A cold key is read
// first and answers what it takes while it is in memory.
#include "server/allocator.h"
#include "server/command_context.h"
#include "server/commands/arg_spec.h"
#include "server/commands/command_table.h"

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

void MemoryPurge(CommandContext& c) {
  if (!ReturnFreePages()) return c.Error("ERR Error purging dirty pages");
  c.Ok();
}

void MemoryHelp(CommandContext& c) {
  constexpr std::string_view kLines[] = {
      "PURGE",
      "    Give free pages back to the system.",
      "USAGE <key> [SAMPLES <count>]",
      "    Bytes that the key and its value take in memory, counted exactly.",
  };
  c.Help(kLines);
}

constexpr KeySpec kUsageKey[] = {KeyAt(2, kKeyRO, Need::kValue)};
constexpr ArgSpec kUsageArgs[] = {KeyArg(), Optional(WithToken("SAMPLES", IntegerArg("count")))};
constexpr std::string_view kPurgeTips[] = {"request_policy:all_shards",
                                           "response_policy:all_succeeded"};
constexpr CommandSpec kSubcommands[] = {
    {.name = "HELP",
     .arity = 2,
     .flags = kLoading | kStale,
     .handler = MemoryHelp,
     .since = "4.0.0",
     .group = "server",
     .complexity = "O(1)",
     .summary = "Lists the subcommands."},
    {.name = "PURGE",
     .arity = 2,
     .handler = MemoryPurge,
     .since = "4.0.0",
     .group = "server",
     .complexity = "Grows with the free memory.",
     .summary = "Gives free pages back to the system.",
     .tips = kPurgeTips},
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
