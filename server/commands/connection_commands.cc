// AUTH, ECHO, HELLO, PING, QUIT, RESET, SELECT: what a connection says about itself before and
// between its work.
//
// None of them touches data: they run outside engine frames, most of them also before AUTH or while
// loading.
#include <climits>
#include <string>

#include "codec/number_text.h"
#include "server/c_text.h"
#include "server/client.h"
#include "server/command_context.h"
#include "server/commands/command_table.h"
#include "server/commands/session.h"
#include "server/dispatch.h"
#include "server/server.h"
#include "server/version.h"

namespace thermocline::server {

namespace {

constexpr std::string_view kWrongPassword =
    "WRONGPASS invalid username-password pair or user is disabled.";

// Takes as long for a wrong password as for the right one of the same length.
bool SamePassword(std::string_view given, std::string_view expected) {
  if (given.size() != expected.size()) return false;
  unsigned difference = 0;
  for (size_t i = 0; i < given.size(); ++i) {
    difference |=
        static_cast<unsigned>(static_cast<uint8_t>(given[i]) ^ static_cast<uint8_t>(expected[i]));
  }
  return difference == 0;
}

// There is one user until ACLs exist.
bool Authenticate(CommandContext& c, std::string_view user, std::string_view password) {
  const std::string& expected = c.server().config().requirepass;
  if (user != "default" || (!expected.empty() && !SamePassword(password, expected))) {
    ++c.server().stats().acl_denied_auth;
    return false;
  }
  c.client().authenticated = true;
  c.client().parser.set_authenticated(true);
  return true;
}

void Auth(CommandContext& c) {
  if (c.argc() > 3) return c.SyntaxError();
  for (size_t i = 1; i < c.argc(); ++i) c.server().Redact(i);
  if (c.argc() == 2 && c.server().config().requirepass.empty()) {
    return c.Error(
        "ERR AUTH <password> called without any password configured for the default user. Are you "
        "sure your configuration is correct?");
  }
  const bool named = c.argc() == 3;
  if (!Authenticate(c, named ? c.arg(1) : "default", c.arg(named ? 2 : 1)))
    return c.Error(kWrongPassword);
  c.Ok();
}

void Echo(CommandContext& c) { c.reply().Bulk(c.arg(1)); }

void Hello(CommandContext& c) {
  Client& client = c.client();
  int64_t version = 0;
  if (c.argc() >= 2) {
    if (!c.Integer(1, &version, "ERR Protocol version is not an integer or out of range")) return;
    if (version < 2 || version > 3) return c.Error("NOPROTO unsupported protocol version");
  }
  // Each option takes effect at once, as in Redis, whatever becomes of those behind it.
  for (size_t i = 2; i < c.argc(); ++i) {
    const size_t more = c.argc() - 1 - i;
    if (c.Is(i, "AUTH") && more >= 2) {
      c.server().Redact(i + 1);
      c.server().Redact(i + 2);
      if (!Authenticate(c, c.arg(i + 1), c.arg(i + 2))) return c.Error(kWrongPassword);
      i += 2;
    } else if (c.Is(i, "SETNAME") && more >= 1) {
      const std::string_view name = c.arg(++i);
      if (!IsClientName(name)) return c.Error(kBadClientName);
      client.name = name;
    } else {
      return c.Error("ERR Syntax error in HELLO option '" + CText(c.arg(i)) + "'");
    }
  }
  if (c.server().dispatcher().AuthRequired(client)) {
    return c.Error(
        "NOAUTH HELLO must be called with the client already authenticated, otherwise the HELLO "
        "AUTH "
        "<user> <pass> option can be used to authenticate the client and select the RESP protocol "
        "version "
        "at the same time");
  }
  if (version != 0) client.proto = static_cast<int>(version);
  c.reply().set_proto(client.proto);
  codec::RespWriter& reply = c.reply();
  reply.Map(7);
  reply.Bulk("server");
  reply.Bulk("redis");
  reply.Bulk("version");
  reply.Bulk(kRedisVersion);
  reply.Bulk("proto");
  reply.Integer(client.proto);
  reply.Bulk("id");
  reply.Integer(static_cast<int64_t>(client.id()));
  reply.Bulk("mode");
  reply.Bulk("standalone");
  reply.Bulk("role");
  reply.Bulk("master");
  reply.Bulk("modules");
  reply.Array(0);
}

void Ping(CommandContext& c) {
  if (c.argc() > 2) return c.ArityError();
  if (c.client().memberships != nullptr && c.client().proto == 2) {
    // Looks like what else a subscriber hears.
    c.reply().Array(2);
    c.reply().Bulk("pong");
    c.reply().Bulk(c.argc() == 1 ? std::string_view() : c.arg(1));
    return;
  }
  c.argc() == 1 ? c.reply().Raw("+PONG\r\n") : c.reply().Bulk(c.arg(1));
}

void Quit(CommandContext& c) {
  c.Ok();
  c.server().CloseAfterReply(&c.client());
}

void Reset(CommandContext& c) {
  Client& client = c.client();
  c.server().DiscardTransaction(&client);
  c.server().pubsub().UnsubscribeAll(&client);
  c.server().monitor().Remove(&client);
  client.db = 0;
  client.proto = 2;
  client.name.clear();
  client.reply_mode = ReplyMode::kOn;
  client.user = "default";
  client.authenticated = c.server().config().requirepass.empty();
  client.parser.set_authenticated(client.authenticated);
  c.reply().Simple("RESET");
}

void Select(CommandContext& c) {
  int64_t number = 0;
  if (!c.IntegerInRange(1, INT_MIN, INT_MAX, &number)) return;
  if (number < 0 || number >= c.server().config().databases)
    return c.Error("ERR DB index is out of range");
  c.client().db = static_cast<int>(number);
  c.Ok();
}

constexpr ArgSpec kAuthArgs[] = {
    {.name = "username", .type = ArgSpec::Type::kString, .optional = true, .since = "6.0.0"},
    {.name = "password", .type = ArgSpec::Type::kString}};
constexpr HistoryEntry kAuthHistory[] = {{"6.0.0", "A user name can be given."}};
constexpr ArgSpec kEchoArgs[] = {{.name = "message", .type = ArgSpec::Type::kString}};
constexpr ArgSpec kHelloArgumentsUsernamePasswordArgs[] = {
    {.name = "username", .type = ArgSpec::Type::kString},
    {.name = "password", .type = ArgSpec::Type::kString}};
constexpr ArgSpec kHelloArgumentsArgs[] = {
    {.name = "protover", .type = ArgSpec::Type::kInteger},
    {.name = "username_password",
     .type = ArgSpec::Type::kBlock,
     .token = "AUTH",
     .optional = true,
     .children = kHelloArgumentsUsernamePasswordArgs},
    {.name = "clientname", .type = ArgSpec::Type::kString, .token = "SETNAME", .optional = true}};
constexpr ArgSpec kHelloArgs[] = {{.name = "arguments",
                                   .type = ArgSpec::Type::kBlock,
                                   .optional = true,
                                   .children = kHelloArgumentsArgs}};
constexpr HistoryEntry kHelloHistory[] = {{"6.2.0", "Without arguments it only reports."}};
constexpr std::string_view kPingTips[] = {"request_policy:all_shards",
                                          "response_policy:all_succeeded"};
constexpr ArgSpec kPingArgs[] = {
    {.name = "message", .type = ArgSpec::Type::kString, .optional = true}};
constexpr ArgSpec kSelectArgs[] = {{.name = "index", .type = ArgSpec::Type::kInteger}};
constexpr CommandSpec kConnectionCommands[] = {
    {.name = "AUTH",
     .arity = -2,
     .flags = kNoScript | kLoading | kStale | kFast | kNoAuth | kAllowBusy,
     .acl = kAclConnection,
     .handler = Auth,
     .since = "1.0.0",
     .group = "connection",
     .complexity = "O(N), N passwords of the user",
     .summary = "Authenticates the connection.",
     .args = kAuthArgs,
     .history = kAuthHistory},
    {.name = "ECHO",
     .arity = 2,
     .flags = kLoading | kStale | kFast,
     .acl = kAclConnection,
     .handler = Echo,
     .since = "1.0.0",
     .group = "connection",
     .complexity = "O(1)",
     .summary = "Answers its argument.",
     .args = kEchoArgs},
    {.name = "HELLO",
     .arity = -1,
     .flags = kNoScript | kLoading | kStale | kFast | kNoAuth | kAllowBusy,
     .acl = kAclConnection,
     .handler = Hello,
     .since = "6.0.0",
     .group = "connection",
     .complexity = "O(1)",
     .summary = "Agrees on the protocol version; may authenticate and name the connection too.",
     .args = kHelloArgs,
     .history = kHelloHistory},
    {.name = "PING",
     .arity = -1,
     .flags = kFast,
     .acl = kAclConnection,
     .handler = Ping,
     .since = "1.0.0",
     .group = "connection",
     .complexity = "O(1)",
     .summary = "Answers PONG, or its argument.",
     .tips = kPingTips,
     .args = kPingArgs},
    {.name = "QUIT",
     .arity = -1,
     .flags = kNoScript | kLoading | kStale | kFast | kNoAuth | kAllowBusy,
     .acl = kAclConnection,
     .handler = Quit,
     .since = "1.0.0",
     .group = "connection",
     .complexity = "O(1)",
     .summary = "Closes the connection after the reply."},
    {.name = "RESET",
     .arity = 1,
     .flags = kNoScript | kLoading | kStale | kFast | kNoAuth | kAllowBusy,
     .acl = kAclConnection,
     .handler = Reset,
     .since = "6.2.0",
     .group = "connection",
     .complexity = "O(1)",
     .summary = "Brings the connection back to the state of a new one."},
    {.name = "SELECT",
     .arity = 2,
     .flags = kLoading | kStale | kFast,
     .acl = kAclConnection,
     .handler = Select,
     .since = "1.0.0",
     .group = "connection",
     .complexity = "O(1)",
     .summary = "Chooses the database of this connection.",
     .args = kSelectArgs}};

}  // namespace

std::span<const CommandSpec> ConnectionCommands() { return kConnectionCommands; }

}  // namespace thermocline::server
