// The set family: SADD, SINTER and their relatives.
//
// Handlers read through engine::SetView and change through db().sets(), whose verbs log themselves.
// A reply made of the set's bytes is written before the first change, because a change ends the
// entry's life. Rows stand at the foot, their argument facts above them.
#include <algorithm>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/types/set.h"
#include "engine/types/set_effects.h"
#include "server/command_context.h"
#include "server/commands/arg_spec.h"
#include "server/commands/command_table.h"
#include "server/commands/scan_args.h"

namespace thermocline::server {
namespace {

using engine::Entry;
using engine::Need;
using engine::SetBuilder;
using engine::SetView;
using engine::ValueType;

constexpr int64_t kLongMax = std::numeric_limits<int64_t>::max();

// False: another type, the error is replied. A missing key is a set without members.
bool IsSet(CommandContext& c, const Entry* entry) {
  if (entry == nullptr || entry->type() == ValueType::kSet) return true;
  c.WrongType();
  return false;
}

// ---- reading ---------------------------------------------------------------------------------

void SIsMember(CommandContext& c) {
  const Entry* entry = c.db().Find(c.dbnum(), c.arg(1));
  if (!IsSet(c, entry)) return;
  c.reply().Integer(entry != nullptr && SetView(entry).Contains(c.arg(2)) ? 1 : 0);
}

void SMIsMember(CommandContext& c) {
  const Entry* entry = c.db().Find(c.dbnum(), c.arg(1));
  if (!IsSet(c, entry)) return;
  c.reply().Array(c.argc() - 2);
  for (const std::string_view member : c.argv().subspan(2)) {
    c.reply().Integer(entry != nullptr && SetView(entry).Contains(member) ? 1 : 0);
  }
}

void SCard(CommandContext& c) {
  const Entry* entry = c.db().Find(c.dbnum(), c.arg(1));
  if (!IsSet(c, entry)) return;
  c.reply().Integer(entry == nullptr ? 0 : static_cast<int64_t>(SetView(entry).size()));
}

void ReplyMembers(CommandContext& c, const SetView& set) {
  c.reply().Set(set.size());
  set.ForEach([&c](std::string_view member) { c.reply().Bulk(member); });
}

void SMembers(CommandContext& c) {
  const Entry* entry = c.db().Find(c.dbnum(), c.arg(1));
  if (!IsSet(c, entry)) return;
  entry == nullptr ? c.reply().Set(0) : ReplyMembers(c, SetView(entry));
}

void SScan(CommandContext& c) {
  ScanCollection(c, ValueType::kSet, [](const ElementScan& scan) {
    return SetView(scan.entry).Scan(scan.cursor, scan.options.count, [&](std::string_view member) {
      if (scan.Matches(member)) scan.Reply(member);
    });
  });
}

void SRandMember(CommandContext& c) {
  if (c.argc() > 3) {
    c.SyntaxError();
    return;
  }
  int64_t count = 1;
  if (c.argc() == 3 && !c.IntegerInRange(2, -kLongMax, kLongMax, &count)) return;
  const Entry* entry = c.db().Find(c.dbnum(), c.arg(1));
  if (!IsSet(c, entry)) return;
  const auto reply = [&c](std::string_view member) { c.reply().Bulk(member); };
  if (c.argc() == 2) {
    entry == nullptr ? c.reply().Null() : SetView(entry).Draw(c.db().random(), 1, reply);
    return;
  }
  if (entry == nullptr || count == 0) {
    c.reply().Array(0);
    return;
  }
  const SetView set(entry);
  if (count < 0) {  // may name a member several times
    const auto wanted = static_cast<uint64_t>(-count);
    c.reply().Array(wanted);
    set.Draw(c.db().random(), wanted, reply);
  } else if (static_cast<uint64_t>(count) >= set.size()) {
    c.reply().Array(set.size());  // not a set reply, in RESP3 either
    set.ForEach(reply);
  } else {
    c.reply().Array(static_cast<size_t>(count));
    set.Sample(c.db().random(), static_cast<size_t>(count), reply);
  }
}

// ---- changing --------------------------------------------------------------------------------

void SAdd(CommandContext& c) {
  if (!IsSet(c, c.db().FindForWrite(c.dbnum(), c.arg(1)))) return;
  const size_t added = c.db().sets().Add(c.dbnum(), c.arg(1), c.argv().subspan(2));
  if (added != 0) c.Notify(kNotifySet, "sadd", c.arg(1));
  c.reply().Integer(static_cast<int64_t>(added));
}

void SRem(CommandContext& c) {
  const std::string_view key = c.arg(1);
  const Entry* entry = c.db().FindForWrite(c.dbnum(), key);
  if (!IsSet(c, entry)) return;
  if (entry == nullptr) {
    c.reply().Integer(0);
    return;
  }
  const size_t removed = c.db().sets().Remove(c.dbnum(), key, c.argv().subspan(2));
  if (removed != 0) {
    c.Notify(kNotifySet, "srem", key);
    c.NotifyIfGone(key);
  }
  c.reply().Integer(static_cast<int64_t>(removed));
}

void SMove(CommandContext& c) {
  const std::string_view from = c.arg(1);
  const std::string_view to = c.arg(2);
  const std::span<const std::string_view> member = c.argv().subspan(3, 1);
  // Finding a key may delete it, if its time has passed, which would end the life of the entry
  // found before: but without the source nothing more is read.
  const Entry* target = c.db().FindForWrite(c.dbnum(), to);
  const Entry* source = c.db().FindForWrite(c.dbnum(), from);
  if (source == nullptr) {
    c.reply().Integer(0);
    return;
  }
  if (!IsSet(c, source) || !IsSet(c, target)) return;
  if (!SetView(source).Contains(member[0])) {
    c.reply().Integer(0);
    return;
  }
  if (source != target) {
    c.db().sets().Remove(c.dbnum(), from, member);
    c.Notify(kNotifySet, "srem", from);
    c.NotifyIfGone(from);
    if (c.db().sets().Add(c.dbnum(), to, member) != 0) c.Notify(kNotifySet, "sadd", to);
  }
  c.reply().Integer(1);
}

// SPOP key
void PopOne(CommandContext& c) {
  const std::string_view key = c.arg(1);
  const Entry* entry = c.db().FindForWrite(c.dbnum(), key);
  if (!IsSet(c, entry)) return;
  if (entry == nullptr) {
    c.reply().Null();
    return;
  }
  const SetView set(entry);
  std::string drawn;
  set.Draw(c.db().random(), 1, [&drawn](std::string_view member) { drawn = member; });
  c.reply().Bulk(drawn);
  const std::string_view member[] = {drawn};
  c.db().sets().Remove(c.dbnum(), key, member);
  c.Notify(kNotifySet, "spop", key);
  c.NotifyIfGone(key);
}

// Takes `count` members, fewer than all, out of a set and replies them.
void PopSome(CommandContext& c, std::string_view key, const SetView& set, size_t count) {
  c.reply().Set(count);
  // When few stay, Redis makes a new set of them, which may be an intset where the old one was
  // none.
  constexpr size_t kFewOf = 5;
  const size_t kept = set.size() - count;
  if (kept * kFewOf <= count) {
    SetBuilder rest(key, c.db().options().type_limits);
    engine::SelectionSampler keep(c.db().random(), set.size(), kept);
    set.ForEach([&](std::string_view member) {
      keep.Take() ? static_cast<void>(rest.Add(member)) : c.reply().Bulk(member);
    });
    c.db().sets().Store(c.dbnum(), key, rest.Take(), /*keep_expiry=*/true);
    return;
  }
  std::string texts;
  std::vector<size_t> ends;
  ends.reserve(count);
  set.Sample(c.db().random(), count, [&](std::string_view member) {
    c.reply().Bulk(member);
    texts.append(member);
    ends.push_back(texts.size());
  });
  std::vector<std::string_view> members;
  members.reserve(count);
  size_t begin = 0;
  for (const size_t end : ends) {
    members.emplace_back(texts.data() + begin, end - begin);
    begin = end;
  }
  c.db().sets().Remove(c.dbnum(), key, members);
}

void SPop(CommandContext& c) {
  if (c.argc() == 2) {
    PopOne(c);
    return;
  }
  if (c.argc() > 3) {
    c.SyntaxError();
    return;
  }
  int64_t count = 0;
  if (!c.IntegerInRange(2, 0, kLongMax, &count, "ERR value is out of range, must be positive")) {
    return;
  }
  const std::string_view key = c.arg(1);
  const Entry* entry = c.db().FindForWrite(c.dbnum(), key);
  if (!IsSet(c, entry)) return;
  if (entry == nullptr || count == 0) {
    c.reply().Set(0);
    return;
  }
  const SetView set(entry);
  if (static_cast<uint64_t>(count) < set.size()) {
    PopSome(c, key, set, static_cast<size_t>(count));
    c.Notify(kNotifySet, "spop", key);
    return;
  }
  ReplyMembers(c, set);
  c.db().Delete(c.dbnum(), key);
  c.Notify(kNotifySet, "spop", key);
  c.Notify(kNotifyGeneric, "del", key);
}

// ---- several sets ----------------------------------------------------------------------------

// The sets at argv[first] to argv[first + n - 1], null for a missing key. False: something else is
// among them, the error is replied.
bool FindSets(CommandContext& c, size_t first, size_t n, std::vector<const Entry*>* sets) {
  // Finding a key may delete it, if its time has passed: entries are kept from a second look.
  for (size_t i = first; n > 1 && i < first + n; ++i) c.db().FindForWrite(c.dbnum(), c.arg(i));
  sets->reserve(n);
  for (size_t i = first; i < first + n; ++i) {
    const Entry* entry = c.db().Find(c.dbnum(), c.arg(i));
    if (!IsSet(c, entry)) return false;
    sets->push_back(entry);
  }
  return true;
}

// Puts a result in the place of what argv[1] held, or deletes that if there is none; replies how
// many members it has.
void StoreResult(CommandContext& c, std::string_view event, SetBuilder& result) {
  const std::string_view key = c.arg(1);
  const size_t size = result.size();
  const bool exists = c.db().FindForWrite(c.dbnum(), key) != nullptr;
  if (size != 0) {
    c.db().sets().Store(c.dbnum(), key, result.Take());
    c.Notify(kNotifySet, event, key);
  } else if (exists) {
    c.db().Delete(c.dbnum(), key);
    c.Notify(kNotifyGeneric, "del", key);
  }
  c.reply().Integer(static_cast<int64_t>(size));
}

// Calls fn(member) for the members that all sets have, until it returns false. Reorders `sets`.
template <class Fn>
void Intersect(std::vector<const Entry*>& sets, Fn&& fn) {
  if (std::find(sets.begin(), sets.end(), nullptr) != sets.end()) return;
  std::stable_sort(sets.begin(), sets.end(), [](const Entry* a, const Entry* b) {
    return SetView(a).size() < SetView(b).size();
  });
  std::vector<SetView> others;
  for (const Entry* entry : sets) {
    if (entry != sets[0]) others.emplace_back(entry);
  }
  SetView(sets[0]).Until([&](std::string_view member) {
    for (const SetView& other : others) {
      if (!other.Contains(member)) return true;
    }
    return fn(member);
  });
}

void SInter(CommandContext& c) {
  std::vector<const Entry*> sets;
  if (!FindSets(c, 1, c.argc() - 1, &sets)) return;
  const size_t begin = c.reply().BeginDeferred();
  size_t n = 0;
  Intersect(sets, [&](std::string_view member) {
    c.reply().Bulk(member);
    ++n;
    return true;
  });
  c.reply().EndSet(begin, n);
}

void SInterStore(CommandContext& c) {
  std::vector<const Entry*> sets;
  if (!FindSets(c, 2, c.argc() - 2, &sets)) return;
  SetBuilder result(c.arg(1), c.db().options().type_limits);
  Intersect(sets, [&](std::string_view member) {
    result.Add(member);
    return true;
  });
  StoreResult(c, "sinterstore", result);
}

void SInterCard(CommandContext& c) {
  int64_t keys = 0;
  if (!c.IntegerInRange(1, 1, kLongMax, &keys, "ERR numkeys should be greater than 0")) return;
  if (static_cast<uint64_t>(keys) > c.argc() - 2) {
    c.Error("ERR Number of keys can't be greater than number of args");
    return;
  }
  int64_t limit = 0;  // none
  for (size_t i = 2 + static_cast<size_t>(keys); i < c.argc(); i += 2) {
    if (!c.Is(i, "LIMIT") || i + 1 == c.argc()) {
      c.SyntaxError();
      return;
    }
    if (!c.IntegerInRange(i + 1, 0, kLongMax, &limit, "ERR LIMIT can't be negative")) return;
  }
  std::vector<const Entry*> sets;
  if (!FindSets(c, 2, static_cast<size_t>(keys), &sets)) return;
  int64_t n = 0;
  Intersect(sets, [&](std::string_view) { return ++n != limit; });
  c.reply().Integer(n);
}

void Unite(const std::vector<const Entry*>& sets, SetBuilder* result) {
  for (const Entry* entry : sets) {
    if (entry == nullptr) continue;
    SetView(entry).ForEach([result](std::string_view member) { result->Add(member); });
  }
}

// The first set without the members of the others. How it is made shows in the result's encoding,
// so the choice is Redis's: look each member up in the other sets, or take their members out one by
// one, whichever is less work.
void Subtract(const std::vector<const Entry*>& sets, SetBuilder* result) {
  if (sets[0] == nullptr) return;
  const SetView first(sets[0]);
  std::vector<SetView> others;
  uint64_t lookups = first.size();
  uint64_t removals = first.size();
  for (size_t i = 1; i < sets.size(); ++i) {
    if (sets[i] == nullptr) continue;
    if (sets[i] == sets[0]) return;
    others.emplace_back(sets[i]);
    lookups += first.size();
    removals += others.back().size();
  }
  if (lookups / 2 <= removals) {
    // The largest first: it is the likeliest to hold a member.
    std::sort(others.begin(), others.end(),
              [](const SetView& a, const SetView& b) { return a.size() > b.size(); });
    first.ForEach([&](std::string_view member) {
      for (const SetView& other : others) {
        if (other.Contains(member)) return;
      }
      result->Add(member);
    });
    return;
  }
  first.ForEach([result](std::string_view member) { result->Add(member); });
  for (const SetView& other : others) {
    if (result->size() == 0) return;
    other.ForEach([result](std::string_view member) { result->Remove(member); });
  }
}

// SUNION, SDIFF.
template <class Combine>
void Reply(CommandContext& c, Combine&& combine) {
  std::vector<const Entry*> sets;
  if (!FindSets(c, 1, c.argc() - 1, &sets)) return;
  SetBuilder result({}, c.db().options().type_limits);
  combine(sets, &result);
  ReplyMembers(c, result.view());
}
void SUnion(CommandContext& c) { Reply(c, Unite); }
void SDiff(CommandContext& c) { Reply(c, Subtract); }

// SUNIONSTORE, SDIFFSTORE.
template <class Combine>
void Store(CommandContext& c, std::string_view event, Combine&& combine) {
  std::vector<const Entry*> sets;
  if (!FindSets(c, 2, c.argc() - 2, &sets)) return;
  SetBuilder result(c.arg(1), c.db().options().type_limits);
  combine(sets, &result);
  StoreResult(c, event, result);
}
void SUnionStore(CommandContext& c) { Store(c, "sunionstore", Unite); }
void SDiffStore(CommandContext& c) { Store(c, "sdiffstore", Subtract); }

// ---- the table -------------------------------------------------------------------------------

constexpr std::string_view kTipsNondeterministicOutput[] = {"nondeterministic_output"};
constexpr std::string_view kTipsNondeterministicOrder[] = {"nondeterministic_output_order"};
constexpr KeySpec kReadKey[] = {KeyAt(1, kKeyRO | kKeyAccess, Need::kValue)};
constexpr KeySpec kAskKey[] = {KeyAt(1, kKeyRO, Need::kValue)};
constexpr KeySpec kInsertKey[] = {KeyAt(1, kKeyRW | kKeyInsert, Need::kValue)};
constexpr KeySpec kDeleteKey[] = {KeyAt(1, kKeyRW | kKeyDelete, Need::kValue)};
constexpr KeySpec kPopKey[] = {KeyAt(1, kKeyRW | kKeyAccess | kKeyDelete, Need::kValue)};
constexpr KeySpec kMoveKeys[] = {KeyAt(1, kKeyRW | kKeyAccess | kKeyDelete, Need::kValue),
                                 KeyAt(2, kKeyRW | kKeyInsert, Need::kValue)};
constexpr KeySpec kReadKeys[] = {KeyRange(1, -1, 1, kKeyRO | kKeyAccess, Need::kValue)};
constexpr KeySpec kCountedKeys[] = {
    {KeySpec::Kind::kCounted, 2, 0, 1, 1, {}, kKeyRO | kKeyAccess, Need::kValue, {}}};
// What the destination held is replaced unseen.
constexpr KeySpec kInterStoreKeys[] = {KeyAt(1, kKeyRW | kKeyUpdate, Need::kHeader),
                                       KeyRange(2, -1, 1, kKeyRO | kKeyAccess, Need::kValue)};
constexpr KeySpec kStoreKeys[] = {KeyAt(1, kKeyOW | kKeyUpdate, Need::kHeader),
                                  KeyRange(2, -1, 1, kKeyRO | kKeyAccess, Need::kValue)};
constexpr ArgSpec kKeyArgs[] = {KeyArg()};
constexpr ArgSpec kKeysArgs[] = {Multiple(KeyArg())};
constexpr ArgSpec kMemberArgs[] = {KeyArg(), StringArg("member")};
constexpr ArgSpec kMembersArgs[] = {KeyArg(), Multiple(StringArg("member"))};
constexpr ArgSpec kPopArgs[] = {KeyArg(), Optional(Since("3.2.0", IntegerArg("count")))};
constexpr ArgSpec kRandMemberArgs[] = {KeyArg(), Optional(Since("2.6.0", IntegerArg("count")))};
constexpr ArgSpec kMoveArgs[] = {KeyArg("source"), KeyArg("destination", 1), StringArg("member")};
constexpr ArgSpec kInterCardArgs[] = {IntegerArg("numkeys"), Multiple(KeyArg()),
                                      Optional(WithToken("LIMIT", IntegerArg("limit")))};
constexpr ArgSpec kStoreArgs[] = {KeyArg("destination"), Multiple(KeyArg("key", 1))};
constexpr ArgSpec kScanArgs[] = {KeyArg(), IntegerArg("cursor"),
                                 Optional(WithToken("MATCH", PatternArg("pattern"))),
                                 Optional(WithToken("COUNT", IntegerArg("count")))};
constexpr HistoryEntry kMembersHistory[] = {{"2.4.0", "Several members."}};
constexpr HistoryEntry kPopHistory[] = {{"3.2.0", "Argument `count`."}};
constexpr HistoryEntry kRandMemberHistory[] = {{"2.6.0", "Argument `count`."}};

constexpr CommandSpec kRows[] = {
    {.name = "SADD",
     .arity = -3,
     .flags = kWrite | kDenyOom | kFast,
     .keys = kInsertKey,
     .acl = kAclSet,
     .handler = SAdd,
     .since = "1.0.0",
     .group = "set",
     .complexity = "O(N) for N members",
     .summary = "Adds members to a set.",
     .args = kMembersArgs,
     .history = kMembersHistory},
    {.name = "SCARD",
     .arity = 2,
     .flags = kReadOnly | kFast,
     .keys = kAskKey,
     .acl = kAclSet,
     .handler = SCard,
     .since = "1.0.0",
     .group = "set",
     .complexity = "O(1)",
     .summary = "Returns how many members a set has.",
     .args = kKeyArgs},
    {.name = "SDIFF",
     .arity = -2,
     .flags = kReadOnly,
     .keys = kReadKeys,
     .acl = kAclSet,
     .handler = SDiff,
     .since = "1.0.0",
     .group = "set",
     .complexity = "O(N) for N members in all sets",
     .summary = "Returns what the first set has and the others have not.",
     .tips = kTipsNondeterministicOrder,
     .args = kKeysArgs},
    {.name = "SDIFFSTORE",
     .arity = -3,
     .flags = kWrite | kDenyOom,
     .keys = kStoreKeys,
     .acl = kAclSet,
     .handler = SDiffStore,
     .since = "1.0.0",
     .group = "set",
     .complexity = "O(N) for N members in all sets",
     .summary = "Stores what the first set has and the others have not.",
     .args = kStoreArgs},
    {.name = "SINTER",
     .arity = -2,
     .flags = kReadOnly,
     .keys = kReadKeys,
     .acl = kAclSet,
     .handler = SInter,
     .since = "1.0.0",
     .group = "set",
     .complexity = "O(N*M) for M sets, the smallest of N members",
     .summary = "Returns the members that all sets have.",
     .tips = kTipsNondeterministicOrder,
     .args = kKeysArgs},
    {.name = "SINTERCARD",
     .arity = -3,
     .flags = kReadOnly | kMovableKeys,
     .keys = kCountedKeys,
     .acl = kAclSet,
     .handler = SInterCard,
     .since = "7.0.0",
     .group = "set",
     .complexity = "O(N*M) for M sets, the smallest of N members",
     .summary = "Returns how many members all sets have.",
     .args = kInterCardArgs},
    {.name = "SINTERSTORE",
     .arity = -3,
     .flags = kWrite | kDenyOom,
     .keys = kInterStoreKeys,
     .acl = kAclSet,
     .handler = SInterStore,
     .since = "1.0.0",
     .group = "set",
     .complexity = "O(N*M) for M sets, the smallest of N members",
     .summary = "Stores the members that all sets have.",
     .args = kStoreArgs},
    {.name = "SISMEMBER",
     .arity = 3,
     .flags = kReadOnly | kFast,
     .keys = kAskKey,
     .acl = kAclSet,
     .handler = SIsMember,
     .since = "1.0.0",
     .group = "set",
     .complexity = "O(1)",
     .summary = "Tells whether a set has a member.",
     .args = kMemberArgs},
    {.name = "SMEMBERS",
     .arity = 2,
     .flags = kReadOnly,
     .keys = kReadKey,
     .acl = kAclSet,
     .handler = SMembers,
     .since = "1.0.0",
     .group = "set",
     .complexity = "O(N) for N members",
     .summary = "Returns all members of a set.",
     .tips = kTipsNondeterministicOrder,
     .args = kKeyArgs},
    {.name = "SMISMEMBER",
     .arity = -3,
     .flags = kReadOnly | kFast,
     .keys = kReadKey,
     .acl = kAclSet,
     .handler = SMIsMember,
     .since = "6.2.0",
     .group = "set",
     .complexity = "O(N) for N members asked for",
     .summary = "Tells which of several members a set has.",
     .args = kMembersArgs},
    {.name = "SMOVE",
     .arity = 4,
     .flags = kWrite | kFast,
     .keys = kMoveKeys,
     .acl = kAclSet,
     .handler = SMove,
     .since = "1.0.0",
     .group = "set",
     .complexity = "O(1)",
     .summary = "Moves a member from one set to another.",
     .args = kMoveArgs},
    {.name = "SPOP",
     .arity = -2,
     .flags = kWrite | kFast,
     .keys = kPopKey,
     .acl = kAclSet,
     .handler = SPop,
     .since = "1.0.0",
     .group = "set",
     .complexity = "O(N) for N members returned",
     .summary = "Removes members drawn at random and returns them.",
     .tips = kTipsNondeterministicOutput,
     .args = kPopArgs,
     .history = kPopHistory},
    {.name = "SRANDMEMBER",
     .arity = -2,
     .flags = kReadOnly,
     .keys = kReadKey,
     .acl = kAclSet,
     .handler = SRandMember,
     .since = "1.0.0",
     .group = "set",
     .complexity = "O(N) for N members returned",
     .summary = "Returns members drawn at random.",
     .tips = kTipsNondeterministicOutput,
     .args = kRandMemberArgs,
     .history = kRandMemberHistory},
    {.name = "SREM",
     .arity = -3,
     .flags = kWrite | kFast,
     .keys = kDeleteKey,
     .acl = kAclSet,
     .handler = SRem,
     .since = "1.0.0",
     .group = "set",
     .complexity = "O(N) for N members",
     .summary = "Removes members from a set.",
     .args = kMembersArgs,
     .history = kMembersHistory},
    {.name = "SSCAN",
     .arity = -3,
     .flags = kReadOnly,
     .keys = kReadKey,
     .acl = kAclSet,
     .handler = SScan,
     .since = "2.8.0",
     .group = "set",
     .complexity = "O(1) a call, O(N) for a walk over all N members",
     .summary = "Walks over the members of a set, some a call.",
     .tips = kTipsNondeterministicOutput,
     .args = kScanArgs},
    {.name = "SUNION",
     .arity = -2,
     .flags = kReadOnly,
     .keys = kReadKeys,
     .acl = kAclSet,
     .handler = SUnion,
     .since = "1.0.0",
     .group = "set",
     .complexity = "O(N) for N members in all sets",
     .summary = "Returns the members that any of the sets has.",
     .tips = kTipsNondeterministicOrder,
     .args = kKeysArgs},
    {.name = "SUNIONSTORE",
     .arity = -3,
     .flags = kWrite | kDenyOom,
     .keys = kStoreKeys,
     .acl = kAclSet,
     .handler = SUnionStore,
     .since = "1.0.0",
     .group = "set",
     .complexity = "O(N) for N members in all sets",
     .summary = "Stores the members that any of the sets has.",
     .args = kStoreArgs},
};

}  // namespace

std::span<const CommandSpec> SetCommands() { return kRows; }

}  // namespace thermocline::server
