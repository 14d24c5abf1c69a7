// BZPOPMIN, BZPOPMAX, BZMPOP: the sorted-set pops that wait. How clients wait and are served:
// blocking.h; the pops themselves: zset_pop.h.
//
// Each command first tries what its relative without B does. If nothing is there it waits, unless
// it runs inside EXEC, where it answers as if its time were up.
#include <glog/logging.h>

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "engine/types/zset.h"
#include "engine/types/zset_effects.h"
#include "server/client.h"
#include "server/command_context.h"
#include "server/commands/arg_spec.h"
#include "server/commands/blocking_args.h"
#include "server/commands/command_table.h"
#include "server/commands/zset_pop.h"
#include "server/server.h"

namespace thermocline::server {
namespace {

using engine::Entry;
using engine::Need;
using engine::ScoredMember;
using engine::ValueType;
using engine::ZsetView;

/// Members popped for a client.
class TakenFromZset final : public TakenElements {
 public:
  using TakenElements::TakenElements;

  /// Members and scores, as PopZset gives them.
  std::vector<std::pair<std::string, double>>* members() { return &members_; }

  void PutBack(engine::Database& database) override {
    const Entry* entry = database.FindForWrite(db(), key());
    if (entry != nullptr && entry->type() != ValueType::kZset) {
      LOG(WARNING) << "members popped for a client that is gone cannot go back: the key holds "
                      "another type now";
      return;
    }
    std::vector<ScoredMember> items;
    for (const auto& [member, score] : members_) items.push_back({score, member});
    // Who added a member again meanwhile has said what its score is.
    database.zsets().Add(db(), key(), items, {.only_new = true});
  }

 private:
  std::vector<std::pair<std::string, double>> members_;
};

class BlockedZsetPop final : public BlockedCommand {
 public:
  BlockedZsetPop(ZsetEnd end, uint64_t count, ZsetPopReply form)
      : end_(end), count_(count), form_(form) {}

  ValueType type() const override { return ValueType::kZset; }
  std::unique_ptr<TakenElements> Serve(CommandContext& c, std::string_view key) override {
    auto taken = std::make_unique<TakenFromZset>(c.dbnum(), key);
    const Entry* entry = c.db().FindForWrite(c.dbnum(), key);
    PopZset(c, c.dbnum(), key, entry, end_, count_, form_, taken->members());
    return taken;
  }
  void ReplyTimeout(codec::RespWriter& reply) const override { reply.NullArray(); }

 private:
  const ZsetEnd end_;
  const uint64_t count_;
  const ZsetPopReply form_;
};

// Pops from the first of the keys that holds something, or waits for all of them.
void PopOrBlock(CommandContext& c, size_t first_key, size_t key_count, ZsetEnd end, uint64_t count,
                ZsetPopReply form, int64_t timeout_ms) {
  for (const std::string_view key : c.argv().subspan(first_key, key_count)) {
    const Entry* entry = c.db().FindForWrite(c.dbnum(), key);
    if (entry == nullptr) continue;
    if (entry->type() != ValueType::kZset) return c.WrongType();
    if (MustQueue(c, key)) continue;
    return PopZset(c, c.dbnum(), key, entry, end, count, form);
  }
  if (c.in_exec()) return c.reply().NullArray();
  c.Block({std::make_unique<BlockedZsetPop>(end, count, form), first_key, key_count, timeout_ms});
}

void BlockingPop(CommandContext& c, ZsetEnd end) {
  int64_t timeout_ms = 0;
  if (!ParseTimeout(c, c.argc() - 1, &timeout_ms)) return;
  PopOrBlock(c, 1, c.argc() - 2, end, 1, ZsetPopReply::kKeyFlat, timeout_ms);
}
void BZPopMin(CommandContext& c) { BlockingPop(c, ZsetEnd::kMin); }
void BZPopMax(CommandContext& c) { BlockingPop(c, ZsetEnd::kMax); }

void BZMPop(CommandContext& c) {
  ZsetMPopArgs pop;
  int64_t timeout_ms = 0;
  if (!ParseZsetMPop(c, 2, &pop) || !ParseTimeout(c, 1, &timeout_ms)) return;
  PopOrBlock(c, pop.first_key, pop.keys, pop.end, pop.count, ZsetPopReply::kKeyAndPairs,
             timeout_ms);
}

// ---- the table ---------------------------------------------------------------------------------

constexpr uint32_t kPopFlags = kKeyRW | kKeyAccess | kKeyDelete;
constexpr KeySpec kPopKeys[] = {KeyRange(1, -2, 1, kPopFlags, Need::kValue)};
constexpr KeySpec kMultiPopKeys[] = {{.kind = KeySpec::Kind::kCounted,
                                      .first = 3,
                                      .step = 1,
                                      .count_at = 2,
                                      .flags = kPopFlags,
                                      .need = Need::kValue}};
constexpr ArgSpec kPopArgs[] = {Multiple(KeyArg()), DoubleArg("timeout")};
constexpr ArgSpec kEndArgs[] = {Token("min", "MIN"), Token("max", "MAX")};
constexpr ArgSpec kMultiPopArgs[] = {DoubleArg("timeout"), IntegerArg("numkeys"),
                                     Multiple(KeyArg()), OneOf("where", kEndArgs),
                                     Optional(WithToken("COUNT", IntegerArg("count")))};
constexpr HistoryEntry kTimeoutHistory[] = {{"6.0.0", "`timeout` may have a fraction."}};

constexpr CommandSpec kRows[] = {
    {.name = "BZMPOP",
     .arity = -5,
     .flags = kWrite | kBlocking | kMovableKeys,
     .keys = kMultiPopKeys,
     .acl = kAclSortedSet,
     .handler = BZMPop,
     .since = "7.0.0",
     .group = "sorted-set",
     .complexity = "O(K) + O(M log N) for K keys and M members out of N",
     .summary = "Takes members out of the first sorted set that has some, waiting if none does.",
     .args = kMultiPopArgs},
    {.name = "BZPOPMAX",
     .arity = -3,
     .flags = kWrite | kNoScript | kFast | kBlocking,
     .keys = kPopKeys,
     .acl = kAclSortedSet,
     .handler = BZPopMax,
     .since = "5.0.0",
     .group = "sorted-set",
     .complexity = "O(log N) for N members",
     .summary = "Takes the member with the highest score, waiting for one if there is none.",
     .args = kPopArgs,
     .history = kTimeoutHistory},
    {.name = "BZPOPMIN",
     .arity = -3,
     .flags = kWrite | kNoScript | kFast | kBlocking,
     .keys = kPopKeys,
     .acl = kAclSortedSet,
     .handler = BZPopMin,
     .since = "5.0.0",
     .group = "sorted-set",
     .complexity = "O(log N) for N members",
     .summary = "Takes the member with the lowest score, waiting for one if there is none.",
     .args = kPopArgs,
     .history = kTimeoutHistory},
};

}  // namespace

std::span<const CommandSpec> BlockingZsetCommands() { return kRows; }

}  // namespace thermocline::server
