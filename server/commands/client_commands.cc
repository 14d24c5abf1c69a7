// CLIENT: who is connected, closing and holding connections, what a connection wants to hear.
//
// Tracking of keys is not built: TRACKING ON is refused, everything around it answers as for a
// client that does not track. A client is of type "pubsub" while it is subscribed to something,
// else "normal": there are no replicas.
#include <climits>
#include <string>
#include <vector>

#include "codec/number_text.h"
#include "server/c_text.h"
#include "server/client.h"
#include "server/command_context.h"
#include "server/commands/command_table.h"
#include "server/commands/session.h"
#include "server/server.h"

namespace thermocline::server {

namespace {

std::string Describe(Client& client) {
  const auto number = [](auto value) { return std::to_string(value); };
  const int64_t now_ms = client.server().now_ms();
  const TransactionState& transaction = client.transaction;
  std::string flags;
  if (client.monitor) flags += 'O';
  if (client.memberships != nullptr) flags += 'P';
  if (transaction.open) flags += 'x';
  if (client.parked.reason == ParkReason::kPause || client.parked.reason == ParkReason::kBlocked) {
    flags += 'b';
  }
  if (transaction.dirty) flags += 'd';
  if (client.close_after_reply) flags += 'c';
  if (client.closing) flags += 'A';
  if (client.unix_socket) flags += 'U';
  if (client.no_evict) flags += 'e';
  if (flags.empty()) flags = "N";
  std::string events;
  if (client.reading) events += 'r';
  if (client.waits_writable) events += 'w';
  const size_t query_free = client.pending.capacity() - client.pending.size();
  std::string line;
  const auto field = [&line](std::string_view name, const std::string& value) {
    if (!line.empty()) line += ' ';
    line += name;
    line += '=';
    line += value;
  };
  field("id", number(client.id()));
  field("addr", client.peer_address);
  field("laddr", client.local_address);
  field("fd", number(client.fd));
  field("name", client.name);
  field("age", number(std::max<int64_t>(now_ms - client.created_ms, 0) / 1000));
  field("idle", number(std::max<int64_t>(now_ms - client.active_ms, 0) / 1000));
  field("flags", flags);
  field("db", number(client.db));
  field("sub", number(client.subscriptions(Subscription::kChannel)));
  field("psub", number(client.subscriptions(Subscription::kPattern)));
  field("ssub", number(client.subscriptions(Subscription::kShard)));
  field("multi", transaction.open ? number(transaction.queue.size()) : "-1");
  field("qbuf", number(client.QueryBytes()));
  field("qbuf-free", number(query_free));
  field("argv-mem", number(client.parked.bytes.size()));
  field("multi-mem", number(transaction.queue.MemoryBytes()));
  field("rbs", number(client.out.capacity()));
  field("rbp", number(client.out.capacity()));
  field("obl", number(client.OutputBytes()));
  field("oll", "0");
  field("omem", number(client.OutputBytes()));
  field("tot-mem", number(client.MemoryBytes()));
  field("events", events);
  field("cmd", client.last_command != nullptr ? client.last_command->name : "NULL");
  field("user", client.user);
  field("redir", "-1");
  field("resp", number(client.proto));
  return line;
}

enum class TypeFilter : uint8_t { kAny, kNormal, kPubSub, kReplication };

bool Matches(TypeFilter type, const Client& client) {
  switch (type) {
    case TypeFilter::kAny:
      return true;
    case TypeFilter::kNormal:
      return client.memberships == nullptr;
    case TypeFilter::kPubSub:
      return client.memberships != nullptr;
    case TypeFilter::kReplication:  // masters and replicas: there are none
      return false;
  }
  return false;
}

// False: the error was replied.
bool ParseType(CommandContext& c, size_t i, TypeFilter* type) {
  if (c.Is(i, "normal")) {
    *type = TypeFilter::kNormal;
  } else if (c.Is(i, "pubsub")) {
    *type = TypeFilter::kPubSub;
  } else if (c.Is(i, "master") || c.Is(i, "replica") || c.Is(i, "slave")) {
    *type = TypeFilter::kReplication;
  } else {
    c.Error("ERR Unknown client type '" + CText(c.arg(i)) + "'");
    return false;
  }
  return true;
}

void ClientId(CommandContext& c) { c.reply().Integer(static_cast<int64_t>(c.client().id())); }

void ClientInfo(CommandContext& c) { c.reply().Verbatim("txt", Describe(c.client()) + "\n"); }

void ClientList(CommandContext& c) {
  std::string text;
  const auto add = [&text](Client* client) {
    if (client == nullptr || client->closing) return;
    text += Describe(*client);
    text += '\n';
  };
  TypeFilter type = TypeFilter::kAny;
  if (c.argc() == 4 && c.Is(2, "TYPE")) {
    if (!ParseType(c, 3, &type)) return;
  } else if (c.argc() > 3 && c.Is(2, "ID")) {
    for (size_t i = 3; i < c.argc(); ++i) {
      int64_t id = 0;
      if (!c.Integer(i, &id, "ERR Invalid client ID")) return;
      if (id > 0) add(c.server().FindClient(static_cast<uint64_t>(id)));
    }
    c.reply().Verbatim("txt", text);
    return;
  } else if (c.argc() != 2) {
    return c.SyntaxError();
  }
  for (Client* client : c.server().clients()) {
    if (Matches(type, *client)) add(client);
  }
  c.reply().Verbatim("txt", text);
}

void ClientKill(CommandContext& c) {
  TypeFilter type = TypeFilter::kAny;
  std::string_view address, local_address;
  int64_t id = 0;
  bool skip_me = true;
  const bool old_form = c.argc() == 3;
  if (old_form) {
    address = c.arg(2);
    skip_me = false;
  } else {
    for (size_t i = 2; i < c.argc(); i += 2) {
      if (i + 1 >= c.argc()) return c.SyntaxError();
      const std::string_view value = c.arg(i + 1);
      if (c.Is(i, "ID")) {
        if (!c.IntegerInRange(i + 1, 1, LONG_MAX, &id, "ERR client-id should be greater than 0"))
          return;
      } else if (c.Is(i, "TYPE")) {
        if (!ParseType(c, i + 1, &type)) return;
      } else if (c.Is(i, "ADDR")) {
        address = value;
      } else if (c.Is(i, "LADDR")) {
        local_address = value;
      } else if (c.Is(i, "USER")) {
        if (value != "default") return c.Error("ERR No such user '" + std::string(value) + "'");
      } else if (c.Is(i, "SKIPME")) {
        if (!c.Is(i + 1, "yes") && !c.Is(i + 1, "no")) return c.SyntaxError();
        skip_me = c.Is(i + 1, "yes");
      } else {
        return c.SyntaxError();
      }
    }
  }
  int64_t killed = 0;
  bool self = false;
  for (Client* client : c.server().clients()) {
    if (client->closing) continue;
    if (old_form ? client->peer_address != address
                 : !address.empty() && client->peer_address != address) {
      continue;
    }
    if (!local_address.empty() && client->local_address != local_address) continue;
    if (id != 0 && client->id() != static_cast<uint64_t>(id)) continue;
    if (!Matches(type, *client)) continue;
    if (client == &c.client()) {
      if (skip_me) continue;
      self = true;
    } else {
      c.server().CloseClient(client);
    }
    ++killed;
  }
  if (!old_form) {
    c.reply().Integer(killed);
  } else if (killed > 0) {
    c.Ok();
  } else {
    c.Error("ERR No such client");
  }
  if (self) c.server().CloseAfterReply(&c.client());
}

void ClientSetname(CommandContext& c) {
  if (!IsClientName(c.arg(2))) return c.Error(kBadClientName);
  c.client().name = c.arg(2);
  c.Ok();
}

void ClientGetname(CommandContext& c) {
  c.client().name.empty() ? c.reply().Null() : c.reply().Bulk(c.client().name);
}

void ClientPause(CommandContext& c) {
  if (c.argc() > 4) return c.SubcommandError(c.arg(1));
  PauseMode mode = PauseMode::kAll;
  if (c.argc() == 4) {
    if (c.Is(3, "WRITE")) {
      mode = PauseMode::kWrites;
    } else if (!c.Is(3, "ALL")) {
      return c.Error("ERR CLIENT PAUSE mode must be WRITE or ALL");
    }
  }
  int64_t timeout_ms = 0;
  if (!c.Integer(2, &timeout_ms, "ERR timeout is not an integer or out of range")) return;
  if (timeout_ms < 0) return c.Error("ERR timeout is negative");
  const int64_t now_ms = c.server().now_ms();
  // A timeout beyond the end of time is over at once, as it is in Redis, where the sum wraps.
  if (timeout_ms <= INT64_MAX - now_ms) c.server().pause().Pause(mode, now_ms + timeout_ms);
  c.Ok();
}

void ClientUnpause(CommandContext& c) {
  c.server().Unpause();
  c.Ok();
}

void ClientReply(CommandContext& c) {
  ReplyMode& mode = c.client().reply_mode;
  if (c.Is(2, "ON")) {
    mode = ReplyMode::kOn;
    c.Ok();
  } else if (c.Is(2, "OFF")) {
    mode = ReplyMode::kOff;
  } else if (c.Is(2, "SKIP")) {
    if (mode != ReplyMode::kOff) mode = ReplyMode::kSkipNext;
  } else {
    c.SyntaxError();
  }
}

void ClientNoEvict(CommandContext& c) {
  if (!c.Is(2, "ON") && !c.Is(2, "OFF")) return c.SyntaxError();
  c.client().no_evict = c.Is(2, "ON");
  c.Ok();
}

void ClientUnblock(CommandContext& c) {
  if (c.argc() > 4) return c.SubcommandError(c.arg(1));
  if (c.argc() == 4 && !c.Is(3, "TIMEOUT") && !c.Is(3, "ERROR")) {
    return c.Error("ERR CLIENT UNBLOCK reason should be TIMEOUT or ERROR");
  }
  int64_t id = 0;
  if (!c.Integer(2, &id)) return;
  Client* client = id > 0 ? c.server().FindClient(static_cast<uint64_t>(id)) : nullptr;
  const bool with_error = c.argc() == 4 && c.Is(3, "ERROR");
  const bool unblocked = client != nullptr && c.server().blocking().Unblock(client, with_error);
  c.reply().Integer(unblocked ? 1 : 0);
}

void ClientTracking(CommandContext& c) {
  if (c.Is(2, "OFF") && c.argc() == 3) return c.Ok();
  if (!c.Is(2, "ON") && !c.Is(2, "OFF")) return c.SyntaxError();
  c.Error("ERR client side caching (CLIENT TRACKING) is not supported by this server");
}

void ClientCaching(CommandContext& c) {
  c.Error(
      "ERR CLIENT CACHING can be called only when the client is in tracking mode with OPTIN or "
      "OPTOUT mode "
      "enabled");
}

void ClientGetredir(CommandContext& c) { c.reply().Integer(-1); }

void ClientTrackinginfo(CommandContext& c) {
  codec::RespWriter& reply = c.reply();
  reply.Map(3);
  reply.Bulk("flags");
  reply.Set(1);
  reply.Bulk("off");
  reply.Bulk("redirect");
  reply.Integer(-1);
  reply.Bulk("prefixes");
  reply.Array(0);
}

void ClientHelp(CommandContext& c) {
  static constexpr std::string_view kLines[] = {
      "CACHING (YES|NO)",
      "    Tracking of the next command's keys; only with CLIENT TRACKING, which is not supported.",
      "GETREDIR",
      "    The id that invalidation messages go to: -1.",
      "GETNAME",
      "    The name of this connection.",
      "ID",
      "    The id of this connection.",
      "INFO",
      "    This connection's line of CLIENT LIST.",
      "KILL <ip:port>",
      "    Close the connection from that address.",
      "KILL <option> <value> [<option> <value> [...]]",
      "    Close all connections that match every option:",
      "    * ID <id>, ADDR (<ip:port>|<unixsocket>:0), LADDR (<ip:port>|<unixsocket>:0)",
      "    * TYPE (NORMAL|MASTER|REPLICA|PUBSUB), USER <username>",
      "    * SKIPME (YES|NO): spare this connection (default: yes).",
      "LIST [TYPE (NORMAL|MASTER|REPLICA|PUBSUB) | ID <id> [<id> ...]]",
      "    One line for each connection.",
      "UNPAUSE",
      "    End a pause.",
      "PAUSE <timeout> [WRITE|ALL]",
      "    Hold all commands, or those that write, for <timeout> milliseconds.",
      "REPLY (ON|OFF|SKIP)",
      "    Whether this connection wants replies.",
      "SETNAME <name>",
      "    Name this connection.",
      "UNBLOCK <clientid> [TIMEOUT|ERROR]",
      "    End the wait of a blocked client.",
      "TRACKING (ON|OFF)",
      "    Client side caching; ON is not supported.",
      "TRACKINGINFO",
      "    The state of tracking.",
      "NO-EVICT (ON|OFF)",
      "    Exempt this connection from maxmemory-clients.",
  };
  c.Help(kLines);
}

constexpr ArgSpec kClientCachingModeArgs[] = {
    {.name = "yes", .type = ArgSpec::Type::kPureToken, .token = "YES"},
    {.name = "no", .type = ArgSpec::Type::kPureToken, .token = "NO"}};
constexpr ArgSpec kClientCachingArgs[] = {
    {.name = "mode", .type = ArgSpec::Type::kOneOf, .children = kClientCachingModeArgs}};
constexpr std::string_view kClientInfoTips[] = {"nondeterministic_output"};
constexpr ArgSpec kClientKillFilterNewFormatNormalMasterSlavePubsubArgs[] = {
    {.name = "normal", .type = ArgSpec::Type::kPureToken, .token = "NORMAL"},
    {.name = "master", .type = ArgSpec::Type::kPureToken, .token = "MASTER", .since = "3.2.0"},
    {.name = "slave", .type = ArgSpec::Type::kPureToken, .token = "SLAVE"},
    {.name = "replica", .type = ArgSpec::Type::kPureToken, .token = "REPLICA", .since = "5.0.0"},
    {.name = "pubsub", .type = ArgSpec::Type::kPureToken, .token = "PUBSUB"}};
constexpr ArgSpec kClientKillFilterNewFormatArgs[] = {
    {.name = "client-id",
     .type = ArgSpec::Type::kInteger,
     .token = "ID",
     .optional = true,
     .since = "2.8.12"},
    {.name = "normal_master_slave_pubsub",
     .type = ArgSpec::Type::kOneOf,
     .token = "TYPE",
     .optional = true,
     .since = "2.8.12",
     .children = kClientKillFilterNewFormatNormalMasterSlavePubsubArgs},
    {.name = "username", .type = ArgSpec::Type::kString, .token = "USER", .optional = true},
    {.name = "ip:port", .type = ArgSpec::Type::kString, .token = "ADDR", .optional = true},
    {.name = "ip:port",
     .type = ArgSpec::Type::kString,
     .token = "LADDR",
     .optional = true,
     .since = "6.2.0"},
    {.name = "yes/no", .type = ArgSpec::Type::kString, .token = "SKIPME", .optional = true}};
constexpr ArgSpec kClientKillFilterArgs[] = {{.name = "ip:port", .type = ArgSpec::Type::kString},
                                             {.name = "new-format",
                                              .type = ArgSpec::Type::kOneOf,
                                              .multiple = true,
                                              .children = kClientKillFilterNewFormatArgs}};
constexpr ArgSpec kClientKillArgs[] = {
    {.name = "filter", .type = ArgSpec::Type::kOneOf, .children = kClientKillFilterArgs}};
constexpr HistoryEntry kClientKillHistory[] = {{"2.8.12", "Filters as option and value."},
                                               {"2.8.12", "Filter by ID."},
                                               {"3.2.0", "TYPE knows master."},
                                               {"5.0.0", "TYPE replica; slave means the same."},
                                               {"6.2.0", "Filter by LADDR."}};
constexpr std::string_view kClientListTips[] = {"nondeterministic_output"};
constexpr ArgSpec kClientListNormalMasterReplicaPubsubArgs[] = {
    {.name = "normal", .type = ArgSpec::Type::kPureToken, .token = "NORMAL"},
    {.name = "master", .type = ArgSpec::Type::kPureToken, .token = "MASTER"},
    {.name = "replica", .type = ArgSpec::Type::kPureToken, .token = "REPLICA"},
    {.name = "pubsub", .type = ArgSpec::Type::kPureToken, .token = "PUBSUB"}};
constexpr ArgSpec kClientListIdArgs[] = {
    {.name = "client-id", .type = ArgSpec::Type::kInteger, .multiple = true}};
constexpr ArgSpec kClientListArgs[] = {{.name = "normal_master_replica_pubsub",
                                        .type = ArgSpec::Type::kOneOf,
                                        .token = "TYPE",
                                        .optional = true,
                                        .since = "5.0.0",
                                        .children = kClientListNormalMasterReplicaPubsubArgs},
                                       {.name = "id",
                                        .type = ArgSpec::Type::kBlock,
                                        .token = "ID",
                                        .optional = true,
                                        .since = "6.2.0",
                                        .children = kClientListIdArgs}};
constexpr HistoryEntry kClientListHistory[] = {
    {"2.8.12", "The id field."},
    {"5.0.0", "Filter by TYPE."},
    {"6.0.0", "The user field."},
    {"6.2.0", "The fields argv-mem, tot-mem, laddr and redir; filter by ID."},
    {"7.0.0", "The fields resp, multi-mem, rbs and rbp."},
    {"7.0.3", "The field ssub."}};
constexpr ArgSpec kClientNoEvictEnabledArgs[] = {
    {.name = "on", .type = ArgSpec::Type::kPureToken, .token = "ON"},
    {.name = "off", .type = ArgSpec::Type::kPureToken, .token = "OFF"}};
constexpr ArgSpec kClientNoEvictArgs[] = {
    {.name = "enabled", .type = ArgSpec::Type::kOneOf, .children = kClientNoEvictEnabledArgs}};
constexpr ArgSpec kClientPauseModeArgs[] = {
    {.name = "write", .type = ArgSpec::Type::kPureToken, .token = "WRITE"},
    {.name = "all", .type = ArgSpec::Type::kPureToken, .token = "ALL"}};
constexpr ArgSpec kClientPauseArgs[] = {{.name = "timeout", .type = ArgSpec::Type::kInteger},
                                        {.name = "mode",
                                         .type = ArgSpec::Type::kOneOf,
                                         .optional = true,
                                         .since = "6.2.0",
                                         .children = kClientPauseModeArgs}};
constexpr HistoryEntry kClientPauseHistory[] = {{"6.2.0", "The mode: WRITE or ALL."}};
constexpr ArgSpec kClientReplyOnOffSkipArgs[] = {
    {.name = "on", .type = ArgSpec::Type::kPureToken, .token = "ON"},
    {.name = "off", .type = ArgSpec::Type::kPureToken, .token = "OFF"},
    {.name = "skip", .type = ArgSpec::Type::kPureToken, .token = "SKIP"}};
constexpr ArgSpec kClientReplyArgs[] = {
    {.name = "on_off_skip", .type = ArgSpec::Type::kOneOf, .children = kClientReplyOnOffSkipArgs}};
constexpr ArgSpec kClientSetnameArgs[] = {
    {.name = "connection-name", .type = ArgSpec::Type::kString}};
constexpr ArgSpec kClientTrackingStatusArgs[] = {
    {.name = "on", .type = ArgSpec::Type::kPureToken, .token = "ON"},
    {.name = "off", .type = ArgSpec::Type::kPureToken, .token = "OFF"}};
constexpr ArgSpec kClientTrackingArgs[] = {
    {.name = "status", .type = ArgSpec::Type::kOneOf, .children = kClientTrackingStatusArgs},
    {.name = "client-id", .type = ArgSpec::Type::kInteger, .token = "REDIRECT", .optional = true},
    {.name = "prefix",
     .type = ArgSpec::Type::kString,
     .token = "PREFIX",
     .optional = true,
     .multiple = true,
     .multiple_token = true},
    {.name = "bcast", .type = ArgSpec::Type::kPureToken, .token = "BCAST", .optional = true},
    {.name = "optin", .type = ArgSpec::Type::kPureToken, .token = "OPTIN", .optional = true},
    {.name = "optout", .type = ArgSpec::Type::kPureToken, .token = "OPTOUT", .optional = true},
    {.name = "noloop", .type = ArgSpec::Type::kPureToken, .token = "NOLOOP", .optional = true}};
constexpr ArgSpec kClientUnblockTimeoutErrorArgs[] = {
    {.name = "timeout", .type = ArgSpec::Type::kPureToken, .token = "TIMEOUT"},
    {.name = "error", .type = ArgSpec::Type::kPureToken, .token = "ERROR"}};
constexpr ArgSpec kClientUnblockArgs[] = {{.name = "client-id", .type = ArgSpec::Type::kInteger},
                                          {.name = "timeout_error",
                                           .type = ArgSpec::Type::kOneOf,
                                           .optional = true,
                                           .children = kClientUnblockTimeoutErrorArgs}};
constexpr CommandSpec kClientSubcommands[] = {
    {.name = "CACHING",
     .arity = 3,
     .flags = kNoScript | kLoading | kStale,
     .acl = kAclConnection,
     .handler = ClientCaching,
     .since = "6.0.0",
     .group = "connection",
     .complexity = "O(1)",
     .summary = "Says whether the keys of the next command are tracked.",
     .args = kClientCachingArgs},
    {.name = "GETNAME",
     .arity = 2,
     .flags = kNoScript | kLoading | kStale,
     .acl = kAclConnection,
     .handler = ClientGetname,
     .since = "2.6.9",
     .group = "connection",
     .complexity = "O(1)",
     .summary = "Answers the name of this connection."},
    {.name = "GETREDIR",
     .arity = 2,
     .flags = kNoScript | kLoading | kStale,
     .acl = kAclConnection,
     .handler = ClientGetredir,
     .since = "6.0.0",
     .group = "connection",
     .complexity = "O(1)",
     .summary = "Answers where this connection's invalidation messages go."},
    {.name = "HELP",
     .arity = 2,
     .flags = kLoading | kStale,
     .acl = kAclConnection,
     .handler = ClientHelp,
     .since = "5.0.0",
     .group = "connection",
     .complexity = "O(1)",
     .summary = "Lists the subcommands."},
    {.name = "ID",
     .arity = 2,
     .flags = kNoScript | kLoading | kStale,
     .acl = kAclConnection,
     .handler = ClientId,
     .since = "5.0.0",
     .group = "connection",
     .complexity = "O(1)",
     .summary = "Answers the id of this connection."},
    {.name = "INFO",
     .arity = 2,
     .flags = kNoScript | kLoading | kStale,
     .acl = kAclConnection,
     .handler = ClientInfo,
     .since = "6.2.0",
     .group = "connection",
     .complexity = "O(1)",
     .summary = "Describes this connection in one line.",
     .tips = kClientInfoTips},
    {.name = "KILL",
     .arity = -3,
     .flags = kAdmin | kNoScript | kLoading | kStale,
     .acl = kAclConnection,
     .handler = ClientKill,
     .since = "2.4.0",
     .group = "connection",
     .complexity = "O(N), N connections",
     .summary = "Closes the connections that match.",
     .args = kClientKillArgs,
     .history = kClientKillHistory},
    {.name = "LIST",
     .arity = -2,
     .flags = kAdmin | kNoScript | kLoading | kStale,
     .acl = kAclConnection,
     .handler = ClientList,
     .since = "2.4.0",
     .group = "connection",
     .complexity = "O(N), N connections",
     .summary = "Describes every connection, one a line.",
     .tips = kClientListTips,
     .args = kClientListArgs,
     .history = kClientListHistory},
    {.name = "NO-EVICT",
     .arity = 3,
     .flags = kAdmin | kNoScript | kLoading | kStale,
     .acl = kAclConnection,
     .handler = ClientNoEvict,
     .since = "7.0.0",
     .group = "connection",
     .complexity = "O(1)",
     .summary = "Exempts this connection from client eviction, or ends that.",
     .args = kClientNoEvictArgs},
    {.name = "PAUSE",
     .arity = -3,
     .flags = kAdmin | kNoScript | kLoading | kStale,
     .acl = kAclConnection,
     .handler = ClientPause,
     .since = "2.9.50",
     .group = "connection",
     .complexity = "O(1)",
     .summary = "Holds the commands of all clients, or only the writing ones, for some time.",
     .args = kClientPauseArgs,
     .history = kClientPauseHistory},
    {.name = "REPLY",
     .arity = 3,
     .flags = kNoScript | kLoading | kStale,
     .acl = kAclConnection,
     .handler = ClientReply,
     .since = "3.2.0",
     .group = "connection",
     .complexity = "O(1)",
     .summary = "Switches the replies to this connection on or off.",
     .args = kClientReplyArgs},
    {.name = "SETNAME",
     .arity = 3,
     .flags = kNoScript | kLoading | kStale,
     .acl = kAclConnection,
     .handler = ClientSetname,
     .since = "2.6.9",
     .group = "connection",
     .complexity = "O(1)",
     .summary = "Names this connection.",
     .args = kClientSetnameArgs},
    {.name = "TRACKING",
     .arity = -3,
     .flags = kNoScript | kLoading | kStale,
     .acl = kAclConnection,
     .handler = ClientTracking,
     .since = "6.0.0",
     .group = "connection",
     .complexity = "O(1)",
     .summary = "Switches invalidation messages for read keys on or off.",
     .args = kClientTrackingArgs},
    {.name = "TRACKINGINFO",
     .arity = 2,
     .flags = kNoScript | kLoading | kStale,
     .acl = kAclConnection,
     .handler = ClientTrackinginfo,
     .since = "6.2.0",
     .group = "connection",
     .complexity = "O(1)",
     .summary = "Answers the state of tracking of this connection."},
    {.name = "UNBLOCK",
     .arity = -3,
     .flags = kAdmin | kNoScript | kLoading | kStale,
     .acl = kAclConnection,
     .handler = ClientUnblock,
     .since = "5.0.0",
     .group = "connection",
     .complexity = "O(log N), N connections",
     .summary = "Ends the wait of a client that is in a blocking command.",
     .args = kClientUnblockArgs},
    {.name = "UNPAUSE",
     .arity = 2,
     .flags = kAdmin | kNoScript | kLoading | kStale,
     .acl = kAclConnection,
     .handler = ClientUnpause,
     .since = "6.2.0",
     .group = "connection",
     .complexity = "O(N), N paused clients",
     .summary = "Ends a CLIENT PAUSE."}};
constexpr CommandSpec kClientCommands[] = {
    {.name = "CLIENT",
     .arity = -2,
     .flags = 0,
     .acl = kAclNone,
     .handler = nullptr,
     .since = "2.4.0",
     .group = "connection",
     .complexity = "Depends on the subcommand.",
     .summary = "Holds the commands about client connections.",
     .subcommands = kClientSubcommands}};

}  // namespace

std::span<const CommandSpec> ClientCommands() { return kClientCommands; }

}  // namespace thermocline::server
