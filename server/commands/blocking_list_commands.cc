// BLPOP, BRPOP, BLMPOP, BLMOVE, BRPOPLPUSH: the list pops that wait. How clients wait and are
// served: blocking.h; the pops themselves: list_commands.h.
//
// Each command first tries what its relative without B does. If nothing is there it waits, unless
// it runs inside EXEC, where it answers as if its time were up.
#include <glog/logging.h>

#include <memory>
#include <string>
#include <vector>

#include "engine/types/list_effects.h"
#include "server/client.h"
#include "server/command_context.h"
#include "server/commands/arg_spec.h"
#include "server/commands/blocking_args.h"
#include "server/commands/command_table.h"
#include "server/commands/list_commands.h"
#include "server/server.h"

namespace thermocline::server {
namespace {

using engine::Entry;
using engine::ListCursor;
using engine::ListEnd;
using engine::ListView;
using engine::Need;
using engine::ValueType;

/// Elements popped for a client, outermost first.
class TakenFromList final : public TakenElements {
 public:
  TakenFromList(int db, std::string_view key, ListEnd end) : TakenElements(db, key), end_(end) {}

  void Note(const Entry* entry, uint64_t count) {
    char scratch[24];
    const ListView list(entry);
    const size_t n = std::min<uint64_t>(count, list.size());
    ListCursor cursor = list.Seek(end_ == ListEnd::kHead ? 0 : list.size() - 1);
    for (size_t i = 0; i < n; ++i) {
      elements_.emplace_back(cursor.value().View(scratch));
      end_ == ListEnd::kHead ? cursor.Next() : cursor.Previous();
    }
  }

  engine::ListPart part() const override { return EndPart(end_, 1); }
  void PutBack(engine::Database& database) override {
    const Entry* entry = database.FindForWrite(db(), key());
    if (entry != nullptr && entry->type() != ValueType::kList) {
      LOG(WARNING) << "elements popped for a client that is gone cannot go back: the key holds "
                      "another type now";
      return;
    }
    const std::vector<std::string_view> innermost_first(elements_.rbegin(), elements_.rend());
    database.lists().Push(db(), key(), end_, innermost_first);
  }

 private:
  const ListEnd end_;
  std::vector<std::string> elements_;
};

// ---- pops --------------------------------------------------------------------------------------

void PopOne(CommandContext& c, std::string_view key, const Entry* entry, ListEnd end) {
  c.reply().Array(2);
  c.reply().Bulk(key);
  PopElement(c, c.dbnum(), key, entry, end);
}

void PopSome(CommandContext& c, std::string_view key, const Entry* entry, ListEnd end,
             uint64_t count) {
  c.reply().Array(2);
  c.reply().Bulk(key);
  PopList(c, c.dbnum(), key, entry, end, count);
}

class BlockedPop final : public BlockedCommand {
 public:
  /// `count` 0: one element, without an array around it.
  BlockedPop(ListEnd end, uint64_t count) : end_(end), count_(count) {}

  ValueType type() const override { return ValueType::kList; }
  engine::ListPart part() const override { return EndPart(end_, std::max<uint64_t>(count_, 1)); }
  std::unique_ptr<TakenElements> Serve(CommandContext& c, std::string_view key) override {
    auto taken = std::make_unique<TakenFromList>(c.dbnum(), key, end_);
    const Entry* entry = c.db().FindForWrite(c.dbnum(), key);
    taken->Note(entry, std::max<uint64_t>(count_, 1));
    count_ == 0 ? PopOne(c, key, entry, end_) : PopSome(c, key, entry, end_, count_);
    return taken;
  }
  void ReplyTimeout(codec::RespWriter& reply) const override { reply.NullArray(); }

 private:
  const ListEnd end_;
  const uint64_t count_;
};

// Pops from the first of the keys that holds something, or waits for all of them.
void PopOrBlock(CommandContext& c, size_t first_key, size_t key_count, ListEnd end, uint64_t count,
                int64_t timeout_ms) {
  for (const std::string_view key : c.argv().subspan(first_key, key_count)) {
    const Entry* entry = c.db().FindForWrite(c.dbnum(), key);
    if (entry == nullptr) continue;
    if (entry->type() != ValueType::kList) return c.WrongType();
    if (MustQueue(c, key)) continue;
    return count == 0 ? PopOne(c, key, entry, end) : PopSome(c, key, entry, end, count);
  }
  if (c.in_exec()) return c.reply().NullArray();
  c.Block({std::make_unique<BlockedPop>(end, count), first_key, key_count, timeout_ms});
}

void BlockingPop(CommandContext& c, ListEnd end) {
  int64_t timeout_ms = 0;
  if (!ParseTimeout(c, c.argc() - 1, &timeout_ms)) return;
  PopOrBlock(c, 1, c.argc() - 2, end, 0, timeout_ms);
}
void BLPop(CommandContext& c) { BlockingPop(c, ListEnd::kHead); }
void BRPop(CommandContext& c) { BlockingPop(c, ListEnd::kTail); }

void BLMPop(CommandContext& c) {
  MultiPop pop;
  int64_t timeout_ms = 0;
  if (!ParseMultiPop(c, 2, &pop) || !ParseTimeout(c, 1, &timeout_ms)) return;
  PopOrBlock(c, pop.first_key, pop.keys, pop.end, pop.count, timeout_ms);
}

// ---- moves -------------------------------------------------------------------------------------

class BlockedMove final : public BlockedCommand {
 public:
  BlockedMove(ListEnd from, ListEnd to) : from_(from), to_(to) {}

  ValueType type() const override { return ValueType::kList; }
  engine::ListPart part() const override { return MovedPart(from_); }
  void AddKeys(const Client& client, std::vector<engine::KeyRequest>* keys) const override {
    keys->push_back({client.db, client.parked.argv[2], Need::kValue, EndPart(to_, 1)});
  }
  // What was moved is not lost with its reply.
  std::unique_ptr<TakenElements> Serve(CommandContext& c, std::string_view key) override {
    MoveElement(c, key, c.db().FindForWrite(c.dbnum(), key), c.arg(2), from_, to_);
    return nullptr;
  }
  void ReplyTimeout(codec::RespWriter& reply) const override { reply.NullArray(); }

 private:
  const ListEnd from_, to_;
};

void MoveOrBlock(CommandContext& c, ListEnd from, ListEnd to, int64_t timeout_ms) {
  const std::string_view source = c.arg(1);
  const Entry* entry = c.db().FindForWrite(c.dbnum(), source);
  if (entry != nullptr && entry->type() != ValueType::kList) return c.WrongType();
  if (entry != nullptr && !MustQueue(c, source)) {
    return MoveElement(c, source, entry, c.arg(2), from, to);
  }
  if (c.in_exec()) return c.reply().Null();
  c.Block({std::make_unique<BlockedMove>(from, to), 1, 1, timeout_ms});
}

void BLMove(CommandContext& c) {
  const std::optional<ListEnd> from = ParseListEnd(c, 3);
  if (!from) return;
  const std::optional<ListEnd> to = ParseListEnd(c, 4);
  int64_t timeout_ms = 0;
  if (!to || !ParseTimeout(c, 5, &timeout_ms)) return;
  MoveOrBlock(c, *from, *to, timeout_ms);
}

void BRPopLPush(CommandContext& c) {
  int64_t timeout_ms = 0;
  if (!ParseTimeout(c, 3, &timeout_ms)) return;
  MoveOrBlock(c, ListEnd::kTail, ListEnd::kHead, timeout_ms);
}

// ---- the table ---------------------------------------------------------------------------------

constexpr KeySpec kLPopKeys[] = {KeyRange(1, -2, 1, kListPopFlags, Need::kValue, engine::HeadPart)};
constexpr KeySpec kRPopKeys[] = {KeyRange(1, -2, 1, kListPopFlags, Need::kValue, engine::TailPart)};
constexpr KeySpec kMultiPopKeys[] = {ListMultiPopKeys<2>()};
constexpr ArgSpec kPopArgs[] = {Multiple(KeyArg()), DoubleArg("timeout")};
constexpr ArgSpec kEndArgs[] = {Token("left", "LEFT"), Token("right", "RIGHT")};
constexpr ArgSpec kMultiPopArgs[] = {DoubleArg("timeout"), IntegerArg("numkeys"),
                                     Multiple(KeyArg()), OneOf("where", kEndArgs),
                                     Optional(WithToken("COUNT", IntegerArg("count")))};
constexpr ArgSpec kMoveArgs[] = {KeyArg("source", 0), KeyArg("destination", 1),
                                 OneOf("wherefrom", kEndArgs), OneOf("whereto", kEndArgs),
                                 DoubleArg("timeout")};
constexpr ArgSpec kPopPushArgs[] = {KeyArg("source", 0), KeyArg("destination", 1),
                                    DoubleArg("timeout")};
constexpr HistoryEntry kTimeoutHistory[] = {{"6.0.0", "`timeout` may have a fraction."}};

constexpr CommandSpec kRows[] = {
    {.name = "BLMOVE",
     .arity = 6,
     .flags = kWrite | kDenyOom | kNoScript | kBlocking,
     .keys = kListMoveKeys,
     .acl = kAclList,
     .handler = BLMove,
     .since = "6.2.0",
     .group = "list",
     .complexity = "O(1)",
     .summary = "Moves an element to another list, waiting for one if there is none.",
     .args = kMoveArgs},
    {.name = "BLMPOP",
     .arity = -5,
     .flags = kWrite | kBlocking | kMovableKeys,
     .keys = kMultiPopKeys,
     .acl = kAclList,
     .handler = BLMPop,
     .since = "7.0.0",
     .group = "list",
     .complexity = "O(N+M) for N keys and M elements returned",
     .summary = "Takes elements out of the first list that has some, waiting if none does.",
     .args = kMultiPopArgs},
    {.name = "BLPOP",
     .arity = -3,
     .flags = kWrite | kNoScript | kBlocking,
     .keys = kLPopKeys,
     .acl = kAclList,
     .handler = BLPop,
     .since = "2.0.0",
     .group = "list",
     .complexity = "O(N) for N keys",
     .summary = "Takes the first element of a list, waiting for one if there is none.",
     .args = kPopArgs,
     .history = kTimeoutHistory},
    {.name = "BRPOP",
     .arity = -3,
     .flags = kWrite | kNoScript | kBlocking,
     .keys = kRPopKeys,
     .acl = kAclList,
     .handler = BRPop,
     .since = "2.0.0",
     .group = "list",
     .complexity = "O(N) for N keys",
     .summary = "Takes the last element of a list, waiting for one if there is none.",
     .args = kPopArgs,
     .history = kTimeoutHistory},
    {.name = "BRPOPLPUSH",
     .arity = 4,
     .flags = kWrite | kDenyOom | kNoScript | kBlocking,
     .keys = kListPopPushKeys,
     .acl = kAclList,
     .handler = BRPopLPush,
     .since = "2.2.0",
     .group = "list",
     .complexity = "O(1)",
     .summary = "Moves the last element to the front of another list, waiting for one if there is "
                "none.",
     .args = kPopPushArgs,
     .history = kTimeoutHistory,
     .deprecated_since = "6.2.0",
     .replaced_by = "`BLMOVE` with the `RIGHT` and `LEFT` arguments"},
};

}  // namespace

std::span<const CommandSpec> BlockingListCommands() { return kRows; }

}  // namespace thermocline::server
