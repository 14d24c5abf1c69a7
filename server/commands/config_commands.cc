// CONFIG: reading and changing the settings while the server runs. The work is Config's
// (server/config/config.h); here are arguments and replies.
#include <glog/logging.h>

#include "server/client.h"
#include "server/command_context.h"
#include "server/commands/command_table.h"
#include "server/config/config.h"
#include "server/server.h"

namespace thermocline::server {
namespace {

void ConfigGet(CommandContext& c) {
  const std::vector<Config::Pair> pairs = c.server().config_owner().Get(c.argv().subspan(2));
  c.reply().Map(pairs.size());
  for (const auto& [name, value] : pairs) {
    c.reply().Bulk(name);
    c.reply().Bulk(value);
  }
}

void ConfigSet(CommandContext& c) {
  if (c.argc() % 2 != 0) return c.SyntaxError();
  for (size_t i = 2; i < c.argc(); i += 2) {
    if (Config::IsSensitive(c.arg(i))) c.server().Redact(i + 1);
  }
  Config& config = c.server().config_owner();
  const codec::Status status = config.Set(
      c.argv().subspan(2), {.local = c.client().loopback, .loading = c.server().loading()});
  if (!status.ok()) return c.Error(status.message());
  for (const std::string& warning : config.TakeSetWarnings())
    LOG(WARNING) << "CONFIG SET: " << warning;
  c.Ok();
}

void ConfigRewrite(CommandContext& c) {
  const codec::Status status = c.server().config_owner().Rewrite();
  if (!status.ok()) {
    LOG(WARNING) << "CONFIG REWRITE failed: " << status.message();
    return c.Error(status.message());
  }
  LOG(INFO) << "CONFIG REWRITE executed with success.";
  c.Ok();
}

void ConfigResetStat(CommandContext& c) {
  c.server().ResetStats();
  c.Ok();
}

void ConfigHelp(CommandContext& c) {
  static constexpr std::string_view kLines[] = {
      "GET <pattern>",
      "    Return parameters matching the glob-like <pattern> and their values.",
      "SET <directive> <value>",
      "    Set the configuration <directive> to <value>.",
      "RESETSTAT",
      "    Reset statistics reported by the INFO command.",
      "REWRITE",
      "    Rewrite the configuration file."};
  c.Help(kLines);
}

using Type = ArgSpec::Type;

constexpr uint64_t kConfigFlags = kAdmin | kNoScript | kLoading | kStale;

constexpr ArgSpec kGetPattern[] = {{.name = "parameter"}};
constexpr ArgSpec kGetArgs[] = {
    {.name = "parameter", .type = Type::kBlock, .multiple = true, .children = kGetPattern}};
constexpr HistoryEntry kGetHistory[] = {{"7.0.0", "Several patterns in one call."}};
constexpr ArgSpec kSetPair[] = {{.name = "parameter"}, {.name = "value"}};
constexpr ArgSpec kSetArgs[] = {
    {.name = "parameter_value", .type = Type::kBlock, .multiple = true, .children = kSetPair}};
constexpr HistoryEntry kSetHistory[] = {{"7.0.0", "Several parameters in one call."}};
constexpr std::string_view kSetTips[] = {"request_policy:all_nodes",
                                         "response_policy:all_succeeded"};

constexpr CommandSpec kConfigSubcommands[] = {
    {.name = "REWRITE",
     .arity = 2,
     .flags = kConfigFlags,
     .handler = ConfigRewrite,
     .since = "2.8.0",
     .group = "server",
     .complexity = "O(1)",
     .summary = "Writes the settings in force into the configuration file."},
    {.name = "RESETSTAT",
     .arity = 2,
     .flags = kConfigFlags,
     .handler = ConfigResetStat,
     .since = "2.0.0",
     .group = "server",
     .complexity = "O(1)",
     .summary = "Sets the counters that INFO shows back to zero."},
    {.name = "GET",
     .arity = -3,
     .flags = kConfigFlags,
     .handler = ConfigGet,
     .since = "2.0.0",
     .group = "server",
     .complexity = "O(N) when N is the number of configuration parameters provided",
     .summary = "Returns settings whose names match one of the patterns.",
     .args = kGetArgs,
     .history = kGetHistory},
    {.name = "HELP",
     .arity = 2,
     .flags = kLoading | kStale,
     .handler = ConfigHelp,
     .since = "5.0.0",
     .group = "server",
     .complexity = "O(1)",
     .summary = "Lists the subcommands."},
    {.name = "SET",
     .arity = -4,
     .flags = kConfigFlags,
     .handler = ConfigSet,
     .since = "2.0.0",
     .group = "server",
     .complexity = "O(N) when N is the number of configuration parameters provided",
     .summary = "Changes settings while the server runs, all of them or none.",
     .tips = kSetTips,
     .args = kSetArgs,
     .history = kSetHistory},
};

constexpr CommandSpec kConfigCommands[] = {
    {.name = "CONFIG",
     .arity = -2,
     .since = "2.0.0",
     .group = "server",
     .complexity = "Depends on subcommand.",
     .summary = "Reads and changes the settings of the server.",
     .subcommands = kConfigSubcommands},
};

}  // namespace

std::span<const CommandSpec> ConfigCommands() { return kConfigCommands; }

}  // namespace thermocline::server
