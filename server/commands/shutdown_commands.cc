// SHUTDOWN: what is asked for goes to Server::RequestShutdown; the loop ends after this tick.
//
// A stop always makes everything durable that `appendonly` promises; SAVE adds a checkpoint, which
// saves the next start its replay. NOW has no replica to hurry past, and a shutdown is over before
// an ABORT could arrive.
#include <glog/logging.h>

#include "server/client.h"
#include "server/command_context.h"
#include "server/commands/command_table.h"
#include "server/server.h"

namespace thermocline::server {

namespace {

void Shutdown(CommandContext& c) {
  ShutdownRequest request;
  bool abort = false;
  for (size_t i = 1; i < c.argc(); ++i) {
    if (c.Is(i, "NOSAVE")) {
      request.nosave = true;
    } else if (c.Is(i, "SAVE")) {
      request.save = true;
    } else if (c.Is(i, "NOW")) {
      request.now = true;
    } else if (c.Is(i, "FORCE")) {
      request.force = true;
    } else if (c.Is(i, "ABORT")) {
      abort = true;
    } else {
      return c.SyntaxError();
    }
  }
  if ((abort && c.argc() > 2) || (request.save && request.nosave)) return c.SyntaxError();
  if (abort) return c.Error("ERR No shutdown in progress.");
  if (!c.server().loading() && !request.force && !request.nosave) {
    const codec::Status error = c.server().database()->WriteError();
    if (!error.ok()) {
      LOG(ERROR) << "Not shutting down: the log cannot be written: " << error.ToString();
      return c.Error("ERR Errors trying to SHUTDOWN. Check logs.");
    }
  }
  LOG(WARNING) << "User requested shutdown...";
  c.server().RequestShutdown(request);
}

constexpr ArgSpec kShutdownNosaveSaveArgs[] = {
    {.name = "nosave", .type = ArgSpec::Type::kPureToken, .token = "NOSAVE"},
    {.name = "save", .type = ArgSpec::Type::kPureToken, .token = "SAVE"}};
constexpr ArgSpec kShutdownArgs[] = {{.name = "nosave_save",
                                      .type = ArgSpec::Type::kOneOf,
                                      .optional = true,
                                      .children = kShutdownNosaveSaveArgs},
                                     {.name = "now",
                                      .type = ArgSpec::Type::kPureToken,
                                      .token = "NOW",
                                      .optional = true,
                                      .since = "7.0.0"},
                                     {.name = "force",
                                      .type = ArgSpec::Type::kPureToken,
                                      .token = "FORCE",
                                      .optional = true,
                                      .since = "7.0.0"},
                                     {.name = "abort",
                                      .type = ArgSpec::Type::kPureToken,
                                      .token = "ABORT",
                                      .optional = true,
                                      .since = "7.0.0"}};
constexpr HistoryEntry kShutdownHistory[] = {{"7.0.0", "NOW, FORCE and ABORT."}};
constexpr CommandSpec kShutdownCommands[] = {
    {.name = "SHUTDOWN",
     .arity = -1,
     .flags = kAdmin | kNoScript | kLoading | kStale | kNoMulti | kAllowBusy,
     .acl = kAclNone,
     .handler = Shutdown,
     .since = "1.0.0",
     .group = "server",
     .complexity = "O(N), N keys changed since the last checkpoint",
     .summary = "Makes everything durable and ends the server.",
     .args = kShutdownArgs,
     .history = kShutdownHistory}};

}  // namespace

std::span<const CommandSpec> ShutdownCommands() { return kShutdownCommands; }

}  // namespace thermocline::server
