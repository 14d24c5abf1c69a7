// MULTI, EXEC, DISCARD, WATCH, UNWATCH. What they mean: transaction.h; how EXEC runs: dispatch.cc.
#include "server/client.h"
#include "server/command_context.h"
#include "server/commands/command_table.h"
#include "server/server.h"

namespace thermocline::server {

namespace {

void Multi(CommandContext& c) {
  if (c.client().transaction.open) return c.Error("ERR MULTI calls can not be nested");
  c.client().transaction.open = true;
  c.Ok();
}

// Dispatch runs EXEC itself whenever a transaction is open.
void Exec(CommandContext& c) { c.Error("ERR EXEC without MULTI"); }

void Discard(CommandContext& c) {
  if (!c.client().transaction.open) return c.Error("ERR DISCARD without MULTI");
  c.server().DiscardTransaction(&c.client());
  c.Ok();
}

void Watch(CommandContext& c) {
  if (c.client().transaction.open) return c.Error("ERR WATCH inside MULTI is not allowed");
  if (c.server().loading()) return c.Error("LOADING Redis is loading the dataset in memory");
  // A client that is dirty already gets nil whatever else it watches.
  if (!c.client().transaction.dirty) {
    for (size_t i = 1; i < c.argc(); ++i)
      c.server().watches().Watch(&c.client(), c.dbnum(), c.arg(i));
  }
  c.Ok();
}

void Unwatch(CommandContext& c) {
  c.server().watches().UnwatchAll(&c.client());
  c.client().transaction.dirty = false;
  c.Ok();
}

constexpr KeySpec kWatchKeys[] = {KeyRange(1, -1, 1, kKeyRO, engine::Need::kHeader)};
constexpr ArgSpec kWatchArgs[] = {
    {.name = "key", .type = ArgSpec::Type::kKey, .key_spec_index = 0, .multiple = true}};
constexpr CommandSpec kTransactionCommands[] = {
    {.name = "MULTI",
     .arity = 1,
     .flags = kNoScript | kLoading | kStale | kFast | kAllowBusy,
     .acl = kAclTransaction,
     .handler = Multi,
     .since = "1.2.0",
     .group = "transactions",
     .complexity = "O(1)",
     .summary = "Begins a transaction: commands are queued from now on."},
    {.name = "EXEC",
     .arity = 1,
     .flags = kNoScript | kLoading | kStale | kSkipSlowlog,
     .acl = kAclTransaction,
     .handler = Exec,
     .since = "1.2.0",
     .group = "transactions",
     .complexity = "That of the queued commands",
     .summary = "Runs the queued commands, all of them without anything in between."},
    {.name = "DISCARD",
     .arity = 1,
     .flags = kNoScript | kLoading | kStale | kFast | kAllowBusy,
     .acl = kAclTransaction,
     .handler = Discard,
     .since = "2.0.0",
     .group = "transactions",
     .complexity = "O(N), N queued commands",
     .summary = "Forgets the queued commands and all watched keys."},
    {.name = "WATCH",
     .arity = -2,
     .flags = kNoScript | kLoading | kStale | kFast | kAllowBusy,
     .keys = kWatchKeys,
     .acl = kAclTransaction,
     .handler = Watch,
     .since = "2.2.0",
     .group = "transactions",
     .complexity = "O(1) a key",
     .summary = "Makes the next EXEC depend on these keys being unchanged.",
     .args = kWatchArgs},
    {.name = "UNWATCH",
     .arity = 1,
     .flags = kNoScript | kLoading | kStale | kFast | kAllowBusy,
     .acl = kAclTransaction,
     .handler = Unwatch,
     .since = "2.2.0",
     .group = "transactions",
     .complexity = "O(1)",
     .summary = "Forgets all watched keys."}};

}  // namespace

std::span<const CommandSpec> TransactionCommands() { return kTransactionCommands; }

}  // namespace thermocline::server
