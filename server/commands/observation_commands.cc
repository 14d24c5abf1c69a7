// MONITOR and SLOWLOG: watching what others do. What they show: monitor.h, slow_log.h.
#include <algorithm>
#include <climits>
#include <string>

#include "server/client.h"
#include "server/command_context.h"
#include "server/commands/arg_spec.h"
#include "server/commands/command_table.h"
#include "server/server.h"

namespace thermocline::server {
namespace {

void MonitorAll(CommandContext& c) {
  if (c.in_exec()) return c.Error("ERR MONITOR isn't allowed for DENY BLOCKING client");
  if (c.client().monitor) return;  // without a reply, as in Redis
  c.server().monitor().Add(&c.client());
  c.Ok();
}

void SlowLogGet(CommandContext& c) {
  if (c.argc() > 3) return c.SubcommandError(c.arg(1));
  int64_t count = 10;
  if (c.argc() == 3 && !c.IntegerInRange(2, -1, LONG_MAX, &count,
                                         "ERR count should be greater than or equal to -1")) {
    return;
  }
  const auto& entries = c.server().slow_log().entries();
  const size_t shown =
      count < 0 ? entries.size() : std::min(entries.size(), static_cast<size_t>(count));
  codec::RespWriter& reply = c.reply();
  reply.Array(shown);
  for (size_t i = 0; i < shown; ++i) {
    const SlowLog::Entry& entry = entries[i];
    reply.Array(6);
    reply.Integer(entry.id);
    reply.Integer(entry.unix_s);
    reply.Integer(entry.micros);
    reply.Array(entry.arguments.size());
    for (const std::string& argument : entry.arguments) reply.Bulk(argument);
    reply.Bulk(entry.peer_address);
    reply.Bulk(entry.client_name);
  }
}

void SlowLogLen(CommandContext& c) {
  c.reply().Integer(static_cast<int64_t>(c.server().slow_log().entries().size()));
}

void SlowLogReset(CommandContext& c) {
  c.server().slow_log().Clear();
  c.Ok();
}

void SlowLogHelp(CommandContext& c) {
  constexpr std::string_view kLines[] = {
      "GET [<count>]",
      "    The newest <count> entries (default: 10, -1: all): id, time, microseconds,",
      "    arguments, address and name of the client.",
      "LEN",
      "    How many entries there are.",
      "RESET",
      "    Forget all entries.",
  };
  c.Help(kLines);
}

constexpr ArgSpec kGetArgs[] = {Optional(IntegerArg("count"))};
constexpr HistoryEntry kGetHistory[] = {{"4.0.0", "The client's address and name."}};
constexpr std::string_view kGetTips[] = {"request_policy:all_nodes", "nondeterministic_output"};
constexpr std::string_view kLenTips[] = {"request_policy:all_nodes", "response_policy:agg_sum",
                                         "nondeterministic_output"};
constexpr std::string_view kResetTips[] = {"request_policy:all_nodes",
                                           "response_policy:all_succeeded"};
constexpr CommandSpec kSlowLogSubcommands[] = {
    {.name = "GET",
     .arity = -2,
     .flags = kAdmin | kLoading | kStale,
     .handler = SlowLogGet,
     .since = "2.2.12",
     .group = "server",
     .complexity = "O(N) for N entries",
     .summary = "Returns the newest entries of the slow log.",
     .tips = kGetTips,
     .args = kGetArgs,
     .history = kGetHistory},
    {.name = "HELP",
     .arity = 2,
     .flags = kLoading | kStale,
     .handler = SlowLogHelp,
     .since = "6.2.0",
     .group = "server",
     .complexity = "O(1)",
     .summary = "Lists the subcommands."},
    {.name = "LEN",
     .arity = 2,
     .flags = kAdmin | kLoading | kStale,
     .handler = SlowLogLen,
     .since = "2.2.12",
     .group = "server",
     .complexity = "O(1)",
     .summary = "Counts the entries of the slow log.",
     .tips = kLenTips},
    {.name = "RESET",
     .arity = 2,
     .flags = kAdmin | kLoading | kStale,
     .handler = SlowLogReset,
     .since = "2.2.12",
     .group = "server",
     .complexity = "O(N) for N entries",
     .summary = "Forgets all entries of the slow log.",
     .tips = kResetTips},
};

constexpr CommandSpec kRows[] = {
    {.name = "MONITOR",
     .arity = 1,
     .flags = kAdmin | kNoScript | kLoading | kStale,
     .handler = MonitorAll,
     .since = "1.0.0",
     .group = "server",
     .complexity = "O(1), and a line for each later command",
     .summary = "Shows every command that the server runs from now on."},
    {.name = "SLOWLOG",
     .arity = -2,
     .since = "2.2.12",
     .group = "server",
     .complexity = "Depends on the subcommand.",
     .summary = "Holds the commands about the slow log.",
     .subcommands = kSlowLogSubcommands},
};

}  // namespace

std::span<const CommandSpec> ObservationCommands() { return kRows; }

}  // namespace thermocline::server
