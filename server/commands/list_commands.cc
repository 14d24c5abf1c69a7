// The list family: pushes and pops at both ends, ranges, insertion and removal by value, moves.
//
// Reads go through ListView, changes through the effect verbs of Database::lists(), which log
// themselves. What a pop or a move answers is written before the change, because a change ends the
// life of what was read. The blocking forms stand in another file and are built on PopList and
// MoveElement (list_commands.h). Rows stand at the foot, their argument facts above them.
#include "server/commands/list_commands.h"

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "codec/number_text.h"
#include "codec/words.h"
#include "engine/types/list.h"
#include "engine/types/list_effects.h"
#include "server/command_context.h"
#include "server/commands/arg_spec.h"
#include "server/commands/command_table.h"
#include "server/server.h"

namespace thermocline::server {
namespace {

using engine::Entry;
using engine::ListCursor;
using engine::ListEnd;
using engine::ListPart;
using engine::ListView;
using engine::Need;
using engine::ValueType;

using Scratch = char[24];  // for the text of an integer element

constexpr int64_t kLongMax = std::numeric_limits<int64_t>::max();

bool IsList(CommandContext& c, const Entry* entry) {
  if (entry->type() == ValueType::kList) return true;
  c.WrongType();
  return false;
}

// Null: it is neither end's name.
std::optional<ListEnd> ReadListEnd(std::span<const std::string_view> argv, size_t i) {
  const auto is = [&](std::string_view word) {
    return i < argv.size() && codec::SameWord(argv[i], word);
  };
  if (is("LEFT")) return ListEnd::kHead;
  if (is("RIGHT")) return ListEnd::kTail;
  return std::nullopt;
}

// Whether all of argv from `first` on may be elements. False: the error is replied.
bool FitElements(CommandContext& c, size_t first) {
  for (const std::string_view element : c.argv().subspan(first)) {
    if (element.size() > Entry::kValueBytesMax) {
      c.Error("ERR string exceeds maximum allowed size (proto-max-bulk-len)");
      return false;
    }
  }
  return true;
}

// Replies the `count` elements from `start` on, in list order or against it. REQUIRES: they exist.
void ReplyRange(codec::RespWriter& reply, const ListView& list, size_t start, size_t count,
                bool backward) {
  reply.Array(count);
  if (count == 0) return;
  Scratch scratch;
  ListCursor cursor = list.Seek(start);
  for (size_t i = 0; i < count; ++i) {
    reply.Bulk(cursor.value().View(scratch));
    backward ? cursor.Previous() : cursor.Next();
  }
}

struct ListRange {
  size_t start = 0;
  size_t count = 0;
};

// What LRANGE and LTRIM mean by two indexes, each counted from the end if negative.
ListRange ClampListRange(int64_t start, int64_t stop, size_t length) {
  const auto n = static_cast<int64_t>(length);
  if (start < 0) start = std::max<int64_t>(start + n, 0);
  if (stop < 0) stop += n;
  stop = std::min(stop, n - 1);
  if (start > stop) return {};
  return {static_cast<size_t>(start), static_cast<size_t>(stop - start + 1)};
}

constexpr std::string_view PopEvent(ListEnd end) { return end == ListEnd::kHead ? "lpop" : "rpop"; }
constexpr std::string_view PushEvent(ListEnd end) {
  return end == ListEnd::kHead ? "lpush" : "rpush";
}

// ---- pushing ---------------------------------------------------------------------------------

void Push(CommandContext& c, ListEnd end, bool only_existing) {
  const std::string_view key = c.arg(1);
  if (!FitElements(c, 2)) return;
  const Entry* entry = c.db().FindForWrite(c.dbnum(), key);
  if (entry != nullptr && !IsList(c, entry)) return;
  if (entry == nullptr && only_existing) {
    c.reply().Integer(0);
    return;
  }
  const size_t length = c.db().lists().Push(c.dbnum(), key, end, c.argv().subspan(2));
  c.Notify(kNotifyList, PushEvent(end), key);
  c.reply().Integer(static_cast<int64_t>(length));
}
void LPush(CommandContext& c) { Push(c, ListEnd::kHead, /*only_existing=*/false); }
void RPush(CommandContext& c) { Push(c, ListEnd::kTail, /*only_existing=*/false); }
void LPushX(CommandContext& c) { Push(c, ListEnd::kHead, /*only_existing=*/true); }
void RPushX(CommandContext& c) { Push(c, ListEnd::kTail, /*only_existing=*/true); }

void LInsert(CommandContext& c) {
  const bool after = c.Is(2, "AFTER");
  if (!after && !c.Is(2, "BEFORE")) {
    c.SyntaxError();
    return;
  }
  if (!FitElements(c, 4)) return;
  const std::string_view key = c.arg(1);
  const Entry* entry = c.db().FindForWrite(c.dbnum(), key);
  if (entry == nullptr) {
    c.reply().Integer(0);
    return;
  }
  if (!IsList(c, entry)) return;
  const std::optional<size_t> length =
      c.db().lists().Insert(c.dbnum(), key, after, c.arg(3), c.arg(4));
  if (!length) {
    c.reply().Integer(-1);
    return;
  }
  c.Notify(kNotifyList, "linsert", key);
  c.reply().Integer(static_cast<int64_t>(*length));
}

void LSet(CommandContext& c) {
  const std::string_view key = c.arg(1);
  const Entry* entry = c.db().FindForWrite(c.dbnum(), key);
  if (entry == nullptr) {
    c.Error("ERR no such key");
    return;
  }
  if (!IsList(c, entry)) return;
  int64_t index = 0;
  if (!c.Integer(2, &index) || !FitElements(c, 3)) return;
  const auto length = static_cast<int64_t>(ListView(entry).size());
  if (index < 0) index += length;
  if (index < 0 || index >= length) {
    c.Error("ERR index out of range");
    return;
  }
  c.db().lists().Set(c.dbnum(), key, static_cast<size_t>(index), c.arg(3));
  c.Notify(kNotifyList, "lset", key);
  c.Ok();
}

// ---- reading ---------------------------------------------------------------------------------

void LLen(CommandContext& c) {
  const Entry* entry = c.db().Find(c.dbnum(), c.arg(1));
  if (entry == nullptr) {
    c.reply().Integer(0);
  } else if (IsList(c, entry)) {
    c.reply().Integer(static_cast<int64_t>(ListView(entry).size()));
  }
}

void LIndex(CommandContext& c) {
  const Entry* entry = c.db().Find(c.dbnum(), c.arg(1));
  if (entry == nullptr) {
    c.reply().Null();
    return;
  }
  if (!IsList(c, entry)) return;
  int64_t index = 0;
  if (!c.Integer(2, &index)) return;
  const ListView list(entry);
  const auto length = static_cast<int64_t>(list.size());
  if (index < 0) index += length;
  if (index < 0 || index >= length) {
    c.reply().Null();
    return;
  }
  Scratch scratch;
  c.reply().Bulk(list.Seek(static_cast<size_t>(index)).value().View(scratch));
}

void LRange(CommandContext& c) {
  int64_t start = 0;
  int64_t stop = 0;
  if (!c.Integer(2, &start) || !c.Integer(3, &stop)) return;
  const Entry* entry = c.db().Find(c.dbnum(), c.arg(1));
  if (entry == nullptr) {
    c.reply().Array(0);
    return;
  }
  if (!IsList(c, entry)) return;
  const ListView list(entry);
  const ListRange range = ClampListRange(start, stop, list.size());
  ReplyRange(c.reply(), list, range.start, range.count, /*backward=*/false);
}

struct PosOptions {
  int64_t rank = 1;    // not 0
  int64_t count = -1;  // -1: not given; 0: all
  int64_t maxlen = 0;  // 0: all
};

bool ParsePosOptions(CommandContext& c, PosOptions* options) {
  for (size_t i = 3; i < c.argc(); ++i) {
    const bool more = i + 1 < c.argc();
    if (c.Is(i, "RANK") && more) {
      if (!c.Integer(++i, &options->rank)) return false;
      if (options->rank == 0) {
        c.Error(
            "ERR RANK can't be zero: use 1 to start from the first match, 2 from the second ... or "
            "use negative to start from the end of the list");
        return false;
      }
    } else if (c.Is(i, "COUNT") && more) {
      if (!c.IntegerInRange(++i, 0, kLongMax, &options->count, "ERR COUNT can't be negative")) {
        return false;
      }
    } else if (c.Is(i, "MAXLEN") && more) {
      if (!c.IntegerInRange(++i, 0, kLongMax, &options->maxlen, "ERR MAXLEN can't be negative")) {
        return false;
      }
    } else {
      c.SyntaxError();
      return false;
    }
  }
  return true;
}

void LPos(CommandContext& c) {
  PosOptions options;
  if (!ParsePosOptions(c, &options)) return;
  const bool many = options.count != -1;
  const Entry* entry = c.db().Find(c.dbnum(), c.arg(1));
  if (entry == nullptr) {
    many ? c.reply().Array(0) : c.reply().Null();
    return;
  }
  if (!IsList(c, entry)) return;
  const bool backward = options.rank < 0;
  // The least of all ranks has no positive counterpart: as in Redis, the first match is good enough
  // then and no COUNT is ever reached.
  const bool any_rank = options.rank == std::numeric_limits<int64_t>::min();
  const auto rank = static_cast<uint64_t>(any_rank ? 1 : backward ? -options.rank : options.rank);
  const ListView list(entry);
  const size_t length = list.size();
  const size_t examined =
      options.maxlen == 0 ? length : std::min(length, static_cast<size_t>(options.maxlen));
  const engine::ElementMatcher matches(c.arg(2));
  const size_t begin = c.reply().BeginDeferred();
  size_t replied = 0;
  uint64_t found = 0;
  ListCursor cursor = list.Seek(backward ? length - 1 : 0);
  for (size_t i = 0; i < examined; ++i, backward ? cursor.Previous() : cursor.Next()) {
    if (!matches(cursor.value()) || ++found < rank) continue;
    c.reply().Integer(static_cast<int64_t>(backward ? length - 1 - i : i));
    ++replied;
    if (!many) break;
    if (options.count > 0 && !any_rank && replied >= static_cast<uint64_t>(options.count)) break;
  }
  if (many) {
    c.reply().EndArray(begin, replied);
  } else if (replied == 0) {
    c.reply().Null();
  }
}

// ---- removing --------------------------------------------------------------------------------

// Takes `count` of `length` elements out.
void TakeOut(CommandContext& c, int db, std::string_view key, ListEnd end, size_t count,
             size_t length) {
  c.db().lists().Pop(db, key, end, count);
  c.Notify(kNotifyList, PopEvent(end), key, db);
  if (count == length) c.Notify(kNotifyGeneric, "del", key, db);
}

void Pop(CommandContext& c, ListEnd end) {
  if (c.argc() > 3) {
    c.ArityError();
    return;
  }
  const bool has_count = c.argc() == 3;
  int64_t count = 0;
  if (has_count &&
      !c.IntegerInRange(2, 0, kLongMax, &count, "ERR value is out of range, must be positive")) {
    return;
  }
  const std::string_view key = c.arg(1);
  const Entry* entry = c.db().FindForWrite(c.dbnum(), key);
  if (entry == nullptr) {
    has_count ? c.reply().NullArray() : c.reply().Null();
  } else if (!IsList(c, entry)) {
    return;
  } else if (!has_count) {
    PopElement(c, c.dbnum(), key, entry, end);
  } else if (count == 0) {
    c.reply().Array(0);
  } else {
    PopList(c, c.dbnum(), key, entry, end, static_cast<uint64_t>(count));
  }
}
void LPop(CommandContext& c) { Pop(c, ListEnd::kHead); }
void RPop(CommandContext& c) { Pop(c, ListEnd::kTail); }

void LMPop(CommandContext& c) {
  MultiPop pop;
  if (!ParseMultiPop(c, 1, &pop)) return;
  if (!PopFirstList(c, pop)) c.reply().NullArray();
}

void LRem(CommandContext& c) {
  int64_t count = 0;
  if (!c.Integer(2, &count)) return;
  const std::string_view key = c.arg(1);
  const Entry* entry = c.db().FindForWrite(c.dbnum(), key);
  if (entry == nullptr) {
    c.reply().Integer(0);
    return;
  }
  if (!IsList(c, entry)) return;
  const size_t length = ListView(entry).size();
  const size_t removed = c.db().lists().Remove(c.dbnum(), key, count, c.arg(3));
  c.reply().Integer(static_cast<int64_t>(removed));
  if (removed == 0) return;
  c.Notify(kNotifyList, "lrem", key);
  if (removed == length) c.Notify(kNotifyGeneric, "del", key);
}

void LTrim(CommandContext& c) {
  int64_t start = 0;
  int64_t stop = 0;
  if (!c.Integer(2, &start) || !c.Integer(3, &stop)) return;
  const std::string_view key = c.arg(1);
  const Entry* entry = c.db().FindForWrite(c.dbnum(), key);
  if (entry == nullptr) {
    c.Ok();
    return;
  }
  if (!IsList(c, entry)) return;
  const ListRange range = ClampListRange(start, stop, ListView(entry).size());
  c.db().lists().Trim(c.dbnum(), key, range.start, range.count);
  c.Notify(kNotifyList, "ltrim", key);
  if (range.count == 0) c.Notify(kNotifyGeneric, "del", key);
  c.Ok();
}

// ---- moving ----------------------------------------------------------------------------------

void Move(CommandContext& c, ListEnd from, ListEnd to) {
  const Entry* source = c.db().FindForWrite(c.dbnum(), c.arg(1));
  if (source == nullptr) {
    c.reply().Null();
  } else if (IsList(c, source)) {
    MoveElement(c, c.arg(1), source, c.arg(2), from, to);
  }
}
void LMove(CommandContext& c) {
  const std::optional<ListEnd> from = ParseListEnd(c, 3);
  if (!from) return;
  const std::optional<ListEnd> to = ParseListEnd(c, 4);
  if (to) Move(c, *from, *to);
}
void RPopLPush(CommandContext& c) { Move(c, ListEnd::kTail, ListEnd::kHead); }

// ---- the table -------------------------------------------------------------------------------

constexpr uint32_t kReadFlags = kKeyRO | kKeyAccess;
constexpr uint32_t kDeleteFlags = kKeyRW | kKeyDelete;
constexpr KeySpec kLPushKey[] = {KeyAt(1, kListInsertFlags, Need::kValue, engine::HeadPart)};
constexpr KeySpec kRPushKey[] = {KeyAt(1, kListInsertFlags, Need::kValue, engine::TailPart)};
constexpr KeySpec kInsertKey[] = {KeyAt(1, kListInsertFlags, Need::kValue)};
constexpr KeySpec kLPopKey[] = {KeyAt(1, kListPopFlags, Need::kValue, engine::LPopPart)};
constexpr KeySpec kRPopKey[] = {KeyAt(1, kListPopFlags, Need::kValue, engine::RPopPart)};
constexpr KeySpec kSearchKey[] = {KeyAt(1, kReadFlags, Need::kValue)};
constexpr KeySpec kIndexKey[] = {KeyAt(1, kReadFlags, Need::kValue, engine::IndexPart)};
constexpr KeySpec kRangeKey[] = {KeyAt(1, kReadFlags, Need::kValue, engine::RangePart)};
// A cold record knows the length of its payload, not of its list.
constexpr KeySpec kLengthKey[] = {KeyAt(1, kKeyRO, Need::kValue, engine::NoPart)};
constexpr KeySpec kSetKey[] = {KeyAt(1, kKeyRW | kKeyUpdate, Need::kValue, engine::SetPart)};
constexpr KeySpec kRemoveKey[] = {KeyAt(1, kDeleteFlags, Need::kValue)};
constexpr KeySpec kTrimKey[] = {KeyAt(1, kDeleteFlags, Need::kValue, engine::TrimPart)};
constexpr KeySpec kMultiPopKeys[] = {ListMultiPopKeys<1>()};

constexpr ArgSpec kKeyArgs[] = {KeyArg()};
constexpr ArgSpec kPushArgs[] = {KeyArg(), Multiple(StringArg("element"))};
constexpr ArgSpec kPopArgs[] = {KeyArg(), Optional(Since("6.2.0", IntegerArg("count")))};
constexpr ArgSpec kIndexArgs[] = {KeyArg(), IntegerArg("index")};
constexpr ArgSpec kRangeArgs[] = {KeyArg(), IntegerArg("start"), IntegerArg("stop")};
constexpr ArgSpec kSetArgs[] = {KeyArg(), IntegerArg("index"), StringArg("element")};
constexpr ArgSpec kRemoveArgs[] = {KeyArg(), IntegerArg("count"), StringArg("element")};
constexpr ArgSpec kInsertWhereArgs[] = {Token("before", "BEFORE"), Token("after", "AFTER")};
constexpr ArgSpec kInsertArgs[] = {KeyArg(), OneOf("where", kInsertWhereArgs), StringArg("pivot"),
                                   StringArg("element")};
constexpr ArgSpec kPosArgs[] = {KeyArg(), StringArg("element"),
                                Optional(WithToken("RANK", IntegerArg("rank"))),
                                Optional(WithToken("COUNT", IntegerArg("num-matches"))),
                                Optional(WithToken("MAXLEN", IntegerArg("len")))};
constexpr ArgSpec kEndArgs[] = {Token("left", "LEFT"), Token("right", "RIGHT")};
constexpr ArgSpec kMoveArgs[] = {KeyArg("source", 0), KeyArg("destination", 1),
                                 OneOf("wherefrom", kEndArgs), OneOf("whereto", kEndArgs)};
constexpr ArgSpec kPopPushArgs[] = {KeyArg("source", 0), KeyArg("destination", 1)};
constexpr ArgSpec kMultiPopArgs[] = {IntegerArg("numkeys"), Multiple(KeyArg()),
                                     OneOf("where", kEndArgs),
                                     Optional(WithToken("COUNT", IntegerArg("count")))};

constexpr HistoryEntry kPushHistory[] = {{"2.4.0", "Several elements at once."}};
constexpr HistoryEntry kPushXHistory[] = {{"4.0.0", "Several elements at once."}};
constexpr HistoryEntry kPopHistory[] = {{"6.2.0", "Argument `count`."}};

constexpr CommandSpec kRows[] = {
    {.name = "LINDEX",
     .arity = 3,
     .flags = kReadOnly,
     .keys = kIndexKey,
     .acl = kAclList,
     .handler = LIndex,
     .since = "1.0.0",
     .group = "list",
     .complexity = "O(N) for N elements between the index and the nearer end",
     .summary = "Returns the element at an index of a list.",
     .args = kIndexArgs},
    {.name = "LINSERT",
     .arity = 5,
     .flags = kWrite | kDenyOom,
     .keys = kInsertKey,
     .acl = kAclList,
     .handler = LInsert,
     .since = "2.2.0",
     .group = "list",
     .complexity = "O(N) for N elements before the pivot",
     .summary = "Inserts an element before or after another one.",
     .args = kInsertArgs},
    {.name = "LLEN",
     .arity = 2,
     .flags = kReadOnly | kFast,
     .keys = kLengthKey,
     .acl = kAclList,
     .handler = LLen,
     .since = "1.0.0",
     .group = "list",
     .complexity = "O(1)",
     .summary = "Returns the length of a list.",
     .args = kKeyArgs},
    {.name = "LMOVE",
     .arity = 5,
     .flags = kWrite | kDenyOom,
     .keys = kListMoveKeys,
     .acl = kAclList,
     .handler = LMove,
     .since = "6.2.0",
     .group = "list",
     .complexity = "O(1)",
     .summary = "Moves an element from one end of a list to an end of another.",
     .args = kMoveArgs},
    {.name = "LMPOP",
     .arity = -4,
     .flags = kWrite | kMovableKeys,
     .keys = kMultiPopKeys,
     .acl = kAclList,
     .handler = LMPop,
     .since = "7.0.0",
     .group = "list",
     .complexity = "O(N+M) for N keys and M elements returned",
     .summary = "Takes elements from the first of several lists that is not empty.",
     .args = kMultiPopArgs},
    {.name = "LPOP",
     .arity = -2,
     .flags = kWrite | kFast,
     .keys = kLPopKey,
     .acl = kAclList,
     .handler = LPop,
     .since = "1.0.0",
     .group = "list",
     .complexity = "O(N) for N elements returned",
     .summary = "Takes the first elements of a list.",
     .args = kPopArgs,
     .history = kPopHistory},
    {.name = "LPOS",
     .arity = -3,
     .flags = kReadOnly,
     .keys = kSearchKey,
     .acl = kAclList,
     .handler = LPos,
     .since = "6.0.6",
     .group = "list",
     .complexity = "O(N) for N elements examined",
     .summary = "Returns where in a list an element is found.",
     .args = kPosArgs},
    {.name = "LPUSH",
     .arity = -3,
     .flags = kWrite | kDenyOom | kFast,
     .keys = kLPushKey,
     .acl = kAclList,
     .handler = LPush,
     .since = "1.0.0",
     .group = "list",
     .complexity = "O(N) for N elements added",
     .summary = "Puts elements in front of a list, which it creates if it has to.",
     .args = kPushArgs,
     .history = kPushHistory},
    {.name = "LPUSHX",
     .arity = -3,
     .flags = kWrite | kDenyOom | kFast,
     .keys = kLPushKey,
     .acl = kAclList,
     .handler = LPushX,
     .since = "2.2.0",
     .group = "list",
     .complexity = "O(N) for N elements added",
     .summary = "Puts elements in front of a list that exists.",
     .args = kPushArgs,
     .history = kPushXHistory},
    {.name = "LRANGE",
     .arity = 4,
     .flags = kReadOnly,
     .keys = kRangeKey,
     .acl = kAclList,
     .handler = LRange,
     .since = "1.0.0",
     .group = "list",
     .complexity =
         "O(S+N) for S elements between the start and the nearer end, and N elements returned",
     .summary = "Returns the elements in a range of indexes.",
     .args = kRangeArgs},
    {.name = "LREM",
     .arity = 4,
     .flags = kWrite,
     .keys = kRemoveKey,
     .acl = kAclList,
     .handler = LRem,
     .since = "1.0.0",
     .group = "list",
     .complexity = "O(N+M) for N elements of the list and M removed",
     .summary = "Removes elements that are equal to a given one.",
     .args = kRemoveArgs},
    {.name = "LSET",
     .arity = 4,
     .flags = kWrite | kDenyOom,
     .keys = kSetKey,
     .acl = kAclList,
     .handler = LSet,
     .since = "1.0.0",
     .group = "list",
     .complexity = "O(N) for N elements between the index and the nearer end",
     .summary = "Replaces the element at an index of a list.",
     .args = kSetArgs},
    {.name = "LTRIM",
     .arity = 4,
     .flags = kWrite,
     .keys = kTrimKey,
     .acl = kAclList,
     .handler = LTrim,
     .since = "1.0.0",
     .group = "list",
     .complexity = "O(N) for N elements removed",
     .summary = "Removes all elements outside a range of indexes.",
     .args = kRangeArgs},
    {.name = "RPOP",
     .arity = -2,
     .flags = kWrite | kFast,
     .keys = kRPopKey,
     .acl = kAclList,
     .handler = RPop,
     .since = "1.0.0",
     .group = "list",
     .complexity = "O(N) for N elements returned",
     .summary = "Takes the last elements of a list.",
     .args = kPopArgs,
     .history = kPopHistory},
    {.name = "RPOPLPUSH",
     .arity = 3,
     .flags = kWrite | kDenyOom,
     .keys = kListPopPushKeys,
     .acl = kAclList,
     .handler = RPopLPush,
     .since = "1.2.0",
     .group = "list",
     .complexity = "O(1)",
     .summary = "Moves the last element of a list to the front of another.",
     .args = kPopPushArgs,
     .deprecated_since = "6.2.0",
     .replaced_by = "`LMOVE` with the `RIGHT` and `LEFT` arguments"},
    {.name = "RPUSH",
     .arity = -3,
     .flags = kWrite | kDenyOom | kFast,
     .keys = kRPushKey,
     .acl = kAclList,
     .handler = RPush,
     .since = "1.0.0",
     .group = "list",
     .complexity = "O(N) for N elements added",
     .summary = "Puts elements at the end of a list, which it creates if it has to.",
     .args = kPushArgs,
     .history = kPushHistory},
    {.name = "RPUSHX",
     .arity = -3,
     .flags = kWrite | kDenyOom | kFast,
     .keys = kRPushKey,
     .acl = kAclList,
     .handler = RPushX,
     .since = "2.2.0",
     .group = "list",
     .complexity = "O(N) for N elements added",
     .summary = "Puts elements at the end of a list that exists.",
     .args = kPushArgs,
     .history = kPushXHistory},
};

}  // namespace

// ---- shared with the blocking forms ----------------------------------------------------------

std::optional<ListEnd> ParseListEnd(CommandContext& c, size_t i) {
  const std::optional<ListEnd> end = ReadListEnd(c.argv(), i);
  if (!end) c.SyntaxError();
  return end;
}

ListPart EndPart(ListEnd end, uint64_t count) {
  const auto n = static_cast<int64_t>(std::min<uint64_t>(count, kLongMax));
  return end == ListEnd::kHead ? ListPart::Head(n) : ListPart::Tail(n);
}

ListPart MovedPart(ListEnd from) { return EndPart(from, 2); }
ListPart MoveSourcePart(std::span<const std::string_view> argv) {
  return MovedPart(ReadListEnd(argv, 3).value_or(ListEnd::kHead));
}
ListPart MoveDestinationPart(std::span<const std::string_view> argv) {
  return EndPart(ReadListEnd(argv, 4).value_or(ListEnd::kHead), 1);
}

ListPart MultiPopPart(std::span<const std::string_view> argv, size_t count_at) {
  int64_t keys = 0;
  if (count_at >= argv.size() || !codec::ParseInt64(argv[count_at], &keys) || keys < 1 ||
      static_cast<uint64_t>(keys) >= argv.size()) {
    return ListPart::None();
  }
  const size_t end_at = count_at + 1 + static_cast<size_t>(keys);
  const std::optional<ListEnd> end = ReadListEnd(argv, end_at);
  if (!end) return ListPart::None();
  int64_t count = 1;
  if (end_at + 2 < argv.size()) {
    if (!codec::ParseInt64(argv[end_at + 2], &count) || count < 1) return ListPart::None();
  }
  return EndPart(*end, static_cast<uint64_t>(count));
}

void PopElement(CommandContext& c, int db, std::string_view key, const Entry* entry, ListEnd end) {
  const ListView list(entry);
  const size_t length = list.size();
  Scratch scratch;
  c.reply().Bulk(list.Peek(end).View(scratch));
  TakeOut(c, db, key, end, 1, length);
}

void PopList(CommandContext& c, int db, std::string_view key, const Entry* entry, ListEnd end,
             uint64_t count) {
  const ListView list(entry);
  const size_t length = list.size();
  const size_t taken = std::min<uint64_t>(count, length);
  const bool backward = end == ListEnd::kTail;
  ReplyRange(c.reply(), list, backward ? length - 1 : 0, taken, backward);
  TakeOut(c, db, key, end, taken, length);
}

bool ParseMultiPop(CommandContext& c, size_t count_at, MultiPop* pop) {
  int64_t keys = 0;
  if (!c.IntegerInRange(count_at, 1, kLongMax, &keys, "ERR numkeys should be greater than 0")) {
    return false;
  }
  pop->first_key = count_at + 1;
  pop->keys = static_cast<size_t>(keys);
  if (pop->keys >= c.argc() - pop->first_key) {  // no room for LEFT or RIGHT
    c.SyntaxError();
    return false;
  }
  size_t i = pop->first_key + pop->keys;
  const std::optional<ListEnd> end = ParseListEnd(c, i);
  if (!end) return false;
  pop->end = *end;
  bool has_count = false;
  while (++i < c.argc()) {
    if (has_count || !c.Is(i, "COUNT") || i + 1 >= c.argc()) {
      c.SyntaxError();
      return false;
    }
    int64_t count = 0;
    if (!c.IntegerInRange(++i, 1, kLongMax, &count, "ERR count should be greater than 0")) {
      return false;
    }
    pop->count = static_cast<uint64_t>(count);
    has_count = true;
  }
  return true;
}

bool PopFirstList(CommandContext& c, const MultiPop& pop) {
  for (const std::string_view key : c.argv().subspan(pop.first_key, pop.keys)) {
    const Entry* entry = c.db().FindForWrite(c.dbnum(), key);
    if (entry == nullptr) continue;
    if (!IsList(c, entry)) return true;
    c.reply().Array(2);
    c.reply().Bulk(key);
    PopList(c, c.dbnum(), key, entry, pop.end, pop.count);
    return true;
  }
  return false;
}

void MoveElement(CommandContext& c, std::string_view source, const Entry* source_entry,
                 std::string_view destination, ListEnd from, ListEnd to) {
  const int db = c.dbnum();
  const ListView list(source_entry);
  const size_t length = list.size();
  Scratch scratch;
  if (source == destination) {
    c.reply().Bulk(list.Peek(from).View(scratch));
    c.db().lists().Rotate(db, source, from, to);
    c.Notify(kNotifyList, PushEvent(to), source);
    c.Notify(kNotifyList, PopEvent(from), source);
    return;
  }
  // Looking for the destination may delete it, which ends no other entry's life; changing it may.
  const Entry* target = c.db().FindForWrite(db, destination);
  if (target != nullptr && !IsList(c, target)) return;
  const std::string element(list.Peek(from).View(scratch));
  const std::string_view view = element;
  c.reply().Bulk(view);
  c.db().lists().Push(db, destination, to, {&view, 1});
  c.Notify(kNotifyList, PushEvent(to), destination);
  TakeOut(c, db, source, from, 1, length);
}

std::span<const CommandSpec> ListCommands() { return kRows; }

}  // namespace thermocline::server
