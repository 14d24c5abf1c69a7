// SUBSCRIBE and its relatives, PUBLISH, PUBSUB. What they mean: pubsub.h.
//
// Confirmations are pushes, not replies: they are sent whatever CLIENT REPLY says, one for each
// channel named. None of these commands touches data, so they run outside engine frames and while
// loading.
#include <string>
#include <vector>

#include "server/client.h"
#include "server/command_context.h"
#include "server/commands/arg_spec.h"
#include "server/commands/command_table.h"
#include "server/pubsub.h"
#include "server/server.h"

namespace thermocline::server {
namespace {

// ---- subscribing -----------------------------------------------------------------------------

// As the confirmations count: channels and patterns together, shard channels by themselves.
size_t CountFor(const Client& client, Subscription kind) {
  if (client.memberships == nullptr) return 0;
  const auto& of = client.memberships->of;
  return kind == Subscription::kShard ? of[2].size() : of[0].size() + of[1].size();
}

void Confirm(CommandContext& c, Subscription kind, std::string_view type,
             const std::string_view* name) {
  std::string message;
  codec::RespWriter writer(message, c.client().proto);
  writer.Push(3);
  writer.Bulk(type);
  name != nullptr ? writer.Bulk(*name) : writer.Null();
  writer.Integer(static_cast<int64_t>(CountFor(c.client(), kind)));
  c.server().Push(&c.client(), message);
}

void SubscribeTo(CommandContext& c, Subscription kind, std::string_view type) {
  for (size_t i = 1; i < c.argc(); ++i) {
    const std::string_view name = c.arg(i);
    c.server().pubsub().Subscribe(&c.client(), kind, name);
    Confirm(c, kind, type, &name);
  }
}

// Without names from all; a client that has none hears of that, too.
void UnsubscribeFrom(CommandContext& c, Subscription kind, std::string_view type) {
  std::vector<std::string> names;
  if (c.argc() > 1) {
    names.assign(c.argv().begin() + 1, c.argv().end());
  } else if (c.client().memberships != nullptr) {
    for (const auto& [name, channel] : c.client().memberships->of[static_cast<size_t>(kind)]) {
      names.emplace_back(name);
    }
  }
  for (const std::string& name : names) {
    c.server().pubsub().Unsubscribe(&c.client(), kind, name);
    const std::string_view view = name;
    Confirm(c, kind, type, &view);
  }
  if (names.empty()) Confirm(c, kind, type, nullptr);
}

void Subscribe(CommandContext& c) { SubscribeTo(c, Subscription::kChannel, "subscribe"); }
void PSubscribe(CommandContext& c) { SubscribeTo(c, Subscription::kPattern, "psubscribe"); }
void SSubscribe(CommandContext& c) {
  if (c.in_exec()) return c.Error("ERR SSUBSCRIBE isn't allowed for a DENY BLOCKING client");
  SubscribeTo(c, Subscription::kShard, "ssubscribe");
}
void Unsubscribe(CommandContext& c) { UnsubscribeFrom(c, Subscription::kChannel, "unsubscribe"); }
void PUnsubscribe(CommandContext& c) { UnsubscribeFrom(c, Subscription::kPattern, "punsubscribe"); }
void SUnsubscribe(CommandContext& c) { UnsubscribeFrom(c, Subscription::kShard, "sunsubscribe"); }

// ---- publishing ------------------------------------------------------------------------------

void PublishTo(CommandContext& c, Subscription kind) {
  const size_t receivers = c.server().pubsub().Publish(kind, c.arg(1), c.arg(2));
  c.reply().Integer(static_cast<int64_t>(receivers));
}
void Publish(CommandContext& c) { PublishTo(c, Subscription::kChannel); }
void SPublish(CommandContext& c) { PublishTo(c, Subscription::kShard); }

// ---- PUBSUB ----------------------------------------------------------------------------------

void ReplyNames(CommandContext& c, Subscription kind) {
  if (c.argc() > 3) return c.SubcommandError(c.arg(1));
  std::optional<std::string_view> pattern;
  if (c.argc() == 3) pattern = c.arg(2);
  const std::vector<std::string_view> names = c.server().pubsub().Names(kind, pattern);
  c.reply().Array(names.size());
  for (const std::string_view name : names) c.reply().Bulk(name);
}
void PubSubChannels(CommandContext& c) { ReplyNames(c, Subscription::kChannel); }
void PubSubShardChannels(CommandContext& c) { ReplyNames(c, Subscription::kShard); }

void ReplyCounts(CommandContext& c, Subscription kind) {
  c.reply().Array(2 * (c.argc() - 2));
  for (size_t i = 2; i < c.argc(); ++i) {
    c.reply().Bulk(c.arg(i));
    c.reply().Integer(static_cast<int64_t>(c.server().pubsub().Subscribers(kind, c.arg(i))));
  }
}
void PubSubNumSub(CommandContext& c) { ReplyCounts(c, Subscription::kChannel); }
void PubSubShardNumSub(CommandContext& c) { ReplyCounts(c, Subscription::kShard); }

void PubSubNumPat(CommandContext& c) {
  c.reply().Integer(static_cast<int64_t>(c.server().pubsub().count(Subscription::kPattern)));
}

void PubSubHelp(CommandContext& c) {
  constexpr std::string_view kLines[] = {
      "CHANNELS [<pattern>]",
      "    List the channels with subscribers that match (default: all).",
      "NUMPAT",
      "    Count the patterns that are subscribed to.",
      "NUMSUB [<channel> ...]",
      "    Count the subscribers of each channel, without those of patterns.",
      "SHARDCHANNELS [<pattern>]",
      "    List the shard channels with subscribers that match (default: all).",
      "SHARDNUMSUB [<shardchannel> ...]",
      "    Count the subscribers of each shard channel.",
  };
  c.Help(kLines);
}

// ---- the table -------------------------------------------------------------------------------

constexpr ArgSpec kChannelsArgs[] = {Multiple(StringArg("channel"))};
constexpr ArgSpec kOptionalChannelsArgs[] = {Optional(Multiple(StringArg("channel")))};
constexpr ArgSpec kShardChannelsArgs[] = {Multiple(StringArg("shardchannel"))};
constexpr ArgSpec kOptionalShardChannelsArgs[] = {Optional(Multiple(StringArg("shardchannel")))};
constexpr ArgSpec kPatternArgs[] = {PatternArg("pattern")};
constexpr ArgSpec kPatternsArgs[] = {Multiple(Block("pattern", kPatternArgs))};
constexpr ArgSpec kOptionalPatternsArgs[] = {Optional(Multiple(PatternArg("pattern")))};
constexpr ArgSpec kOptionalPatternArgs[] = {Optional(PatternArg("pattern"))};
constexpr ArgSpec kPublishArgs[] = {StringArg("channel"), StringArg("message")};
constexpr ArgSpec kSPublishArgs[] = {StringArg("shardchannel"), StringArg("message")};
// Shard channels hash like keys, but are none.
constexpr KeySpec kShardChannel[] = {KeyAt(1, kKeyNotKey, engine::Need::kNothing)};
constexpr KeySpec kShardChannels[] = {KeyRange(1, -1, 1, kKeyNotKey, engine::Need::kNothing)};

constexpr uint64_t kSubscribeFlags = kPubSub | kNoScript | kLoading | kStale;
constexpr uint64_t kPublishFlags = kPubSub | kLoading | kStale | kFast | kMayReplicate;
constexpr uint64_t kPubSubFlags = kPubSub | kLoading | kStale;

constexpr CommandSpec kPubSubSubcommands[] = {
    {.name = "CHANNELS",
     .arity = -2,
     .flags = kPubSubFlags,
     .handler = PubSubChannels,
     .since = "2.8.0",
     .group = "pubsub",
     .complexity = "O(N) for N channels with subscribers",
     .summary = "Lists the channels that somebody listens to.",
     .args = kOptionalPatternArgs},
    {.name = "HELP",
     .arity = 2,
     .flags = kLoading | kStale,
     .handler = PubSubHelp,
     .since = "6.2.0",
     .group = "pubsub",
     .complexity = "O(1)",
     .summary = "Lists the subcommands."},
    {.name = "NUMPAT",
     .arity = 2,
     .flags = kPubSubFlags,
     .handler = PubSubNumPat,
     .since = "2.8.0",
     .group = "pubsub",
     .complexity = "O(1)",
     .summary = "Counts the patterns that somebody listens to."},
    {.name = "NUMSUB",
     .arity = -2,
     .flags = kPubSubFlags,
     .handler = PubSubNumSub,
     .since = "2.8.0",
     .group = "pubsub",
     .complexity = "O(N) for N channels named",
     .summary = "Counts the subscribers of channels.",
     .args = kOptionalChannelsArgs},
    {.name = "SHARDCHANNELS",
     .arity = -2,
     .flags = kPubSubFlags,
     .handler = PubSubShardChannels,
     .since = "7.0.0",
     .group = "pubsub",
     .complexity = "O(N) for N shard channels with subscribers",
     .summary = "Lists the shard channels that somebody listens to.",
     .args = kOptionalPatternArgs},
    {.name = "SHARDNUMSUB",
     .arity = -2,
     .flags = kPubSubFlags,
     .handler = PubSubShardNumSub,
     .since = "7.0.0",
     .group = "pubsub",
     .complexity = "O(N) for N shard channels named",
     .summary = "Counts the subscribers of shard channels.",
     .args = kOptionalShardChannelsArgs},
};

constexpr CommandSpec kRows[] = {
    {.name = "PSUBSCRIBE",
     .arity = -2,
     .flags = kSubscribeFlags,
     .handler = PSubscribe,
     .since = "2.0.0",
     .group = "pubsub",
     .complexity = "O(N log M) for N patterns named and M that the client has",
     .summary = "Listens to all channels whose names match patterns.",
     .args = kPatternsArgs},
    {.name = "PUBLISH",
     .arity = 3,
     .flags = kPublishFlags,
     .handler = Publish,
     .since = "2.0.0",
     .group = "pubsub",
     .complexity = "O(N+M) for N receivers and M patterns in all",
     .summary = "Sends a message to all who listen to a channel.",
     .args = kPublishArgs},
    {.name = "PUBSUB",
     .arity = -2,
     .since = "2.8.0",
     .group = "pubsub",
     .complexity = "Depends on the subcommand.",
     .summary = "Holds the commands that look at channels and their subscribers.",
     .subcommands = kPubSubSubcommands},
    {.name = "PUNSUBSCRIBE",
     .arity = -1,
     .flags = kSubscribeFlags,
     .handler = PUnsubscribe,
     .since = "2.0.0",
     .group = "pubsub",
     .complexity = "O(N+M) for N patterns left and M subscribers of each",
     .summary = "Ends listening to patterns, or to all of them.",
     .args = kOptionalPatternsArgs},
    {.name = "SPUBLISH",
     .arity = 3,
     .flags = kPublishFlags,
     .keys = kShardChannel,
     .handler = SPublish,
     .since = "7.0.0",
     .group = "pubsub",
     .complexity = "O(N) for N receivers",
     .summary = "Sends a message to all who listen to a shard channel.",
     .args = kSPublishArgs},
    {.name = "SSUBSCRIBE",
     .arity = -2,
     .flags = kSubscribeFlags,
     .keys = kShardChannels,
     .handler = SSubscribe,
     .since = "7.0.0",
     .group = "pubsub",
     .complexity = "O(N log M) for N shard channels named and M that the client has",
     .summary = "Listens to shard channels.",
     .args = kShardChannelsArgs},
    {.name = "SUBSCRIBE",
     .arity = -2,
     .flags = kSubscribeFlags,
     .handler = Subscribe,
     .since = "2.0.0",
     .group = "pubsub",
     .complexity = "O(N log M) for N channels named and M that the client has",
     .summary = "Listens to channels.",
     .args = kChannelsArgs},
    {.name = "SUNSUBSCRIBE",
     .arity = -1,
     .flags = kSubscribeFlags,
     .keys = kShardChannels,
     .handler = SUnsubscribe,
     .since = "7.0.0",
     .group = "pubsub",
     .complexity = "O(N+M) for N shard channels left and M subscribers of each",
     .summary = "Ends listening to shard channels, or to all of them.",
     .args = kOptionalShardChannelsArgs},
    {.name = "UNSUBSCRIBE",
     .arity = -1,
     .flags = kSubscribeFlags,
     .handler = Unsubscribe,
     .since = "2.0.0",
     .group = "pubsub",
     .complexity = "O(N+M) for N channels left and M subscribers of each",
     .summary = "Ends listening to channels, or to all of them.",
     .args = kOptionalChannelsArgs},
};

}  // namespace

std::span<const CommandSpec> PubSubCommands() { return kRows; }

}  // namespace thermocline::server
