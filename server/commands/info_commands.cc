// INFO: the report is server/info.h's.
#include "server/command_context.h"
#include "server/commands/command_table.h"
#include "server/info.h"

namespace thermocline::server {
namespace {

void Info(CommandContext& c) {
  c.reply().Verbatim("txt", BuildInfo(c.server(), c.argv().subspan(1)));
}

constexpr ArgSpec kInfoArgs[] = {{.name = "section", .optional = true, .multiple = true}};
constexpr HistoryEntry kInfoHistory[] = {{"7.0.0", "Several sections in one call."}};
constexpr std::string_view kInfoTips[] = {"nondeterministic_output", "request_policy:all_shards",
                                          "response_policy:special"};

constexpr CommandSpec kInfoCommands[] = {
    {.name = "INFO",
     .arity = -1,
     .flags = kLoading | kStale,
     .acl = kAclDangerous,
     .handler = Info,
     .since = "1.0.0",
     .group = "server",
     .complexity = "O(1)",
     .summary = "Reports what the server is, does and has done, as text in sections.",
     .tips = kInfoTips,
     .args = kInfoArgs,
     .history = kInfoHistory},
};

}  // namespace

std::span<const CommandSpec> InfoCommands() { return kInfoCommands; }

}  // namespace thermocline::server
