// The string family: GET, SET and their relatives, counters, ranges, LCS.
//
// Handlers read through Database::Find and change through its effect verbs, which log themselves;
// none logs anything of its own. A reply made of an entry is written before the first mutation,
// because a mutation ends the entry's life. The hot ones (GET, SET, INCR, MSET, GETRANGE) allocate
// nothing beyond the growth of the client's output. Rows stand at the foot, their argument facts
// above them.
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "codec/number_text.h"
#include "codec/rdb/object.h"
#include "server/command_context.h"
#include "server/commands/arg_spec.h"
#include "server/commands/command_table.h"
#include "server/commands/lcs.h"
#include "server/commands/string_args.h"
#include "server/server.h"

namespace thermocline::server {
namespace {

using engine::Entry;
using engine::ExpiryChange;
using engine::Need;
using engine::ValueType;

using Scratch = char[24];  // for the text of an integer value

bool IsString(CommandContext& c, const Entry* entry) {
  if (entry->type() == ValueType::kString) return true;
  c.WrongType();
  return false;
}

// ---- reading ---------------------------------------------------------------------------------

// Replies the string at argv[1], or null. False: another type, the error is replied.
bool ReplyString(CommandContext& c, const Entry* entry) {
  if (entry == nullptr) {
    c.reply().Null();
    return true;
  }
  if (!IsString(c, entry)) return false;
  Scratch scratch;
  c.reply().Bulk(entry->StringView(scratch));
  return true;
}

void Get(CommandContext& c) { ReplyString(c, c.db().Find(c.dbnum(), c.arg(1))); }

void GetDel(CommandContext& c) {
  const Entry* entry = c.db().Find(c.dbnum(), c.arg(1));
  if (!ReplyString(c, entry) || entry == nullptr) return;
  c.db().Delete(c.dbnum(), c.arg(1));
  c.Notify(kNotifyGeneric, "del", c.arg(1));
}

void GetEx(CommandContext& c) {
  StringOptions options;
  if (!ParseStringOptions(c, /*getex=*/true, &options)) return;
  const std::string_view key = c.arg(1);
  const Entry* entry = c.db().Find(c.dbnum(), key);
  if (entry == nullptr) {
    c.reply().Null();
    return;
  }
  if (!IsString(c, entry)) return;
  int64_t deadline_ms = 0;
  if (options.unit != DeadlineUnit::kNone &&
      !ResolveDeadline(c, options.unit, options.deadline_index, &deadline_ms)) {
    return;
  }
  const bool has_expiry = entry->expiry_ms() != engine::kNoExpiry;
  ReplyString(c, entry);
  if (options.absolute() && deadline_ms <= c.db().NowMs()) {
    c.db().Delete(c.dbnum(), key);
    c.Notify(kNotifyGeneric, "del", key);
  } else if (options.unit != DeadlineUnit::kNone) {
    c.db().SetExpiry(c.dbnum(), key, deadline_ms);
    c.Notify(kNotifyGeneric, "expire", key);
  } else if (options.persist && has_expiry) {
    c.db().Persist(c.dbnum(), key);
    c.Notify(kNotifyGeneric, "persist", key);
  }
}

void MGet(CommandContext& c) {
  c.reply().Array(c.argc() - 1);
  for (size_t i = 1; i < c.argc(); ++i) {
    const Entry* entry = c.db().Find(c.dbnum(), c.arg(i));
    if (entry == nullptr || entry->type() != ValueType::kString) {
      c.reply().Null();
    } else {
      ReplyString(c, entry);
    }
  }
}

void StrLen(CommandContext& c) {
  const Entry* entry = c.db().Find(c.dbnum(), c.arg(1));
  if (entry == nullptr) {
    c.reply().Integer(0);
  } else if (IsString(c, entry)) {
    // A cold header knows the length of its payload, which is an uncompressed string.
    const uint64_t length = entry->ValueLength();
    c.reply().Integer(
        static_cast<int64_t>(entry->resident() ? length : codec::PlainRdbStringLength(length)));
  }
}

void GetRange(CommandContext& c) {
  int64_t start = 0;
  int64_t end = 0;
  if (!c.Integer(2, &start) || !c.Integer(3, &end)) return;
  const Entry* entry = c.db().Find(c.dbnum(), c.arg(1));
  if (entry == nullptr) {
    c.reply().Bulk({});
    return;
  }
  if (!IsString(c, entry)) return;
  Scratch scratch;
  const std::string_view text = entry->StringView(scratch);
  const auto length = static_cast<int64_t>(text.size());
  // Both behind the end of the string backwards is empty even where clamping would make it one
  // byte.
  if (start < 0 && end < 0 && start > end) {
    c.reply().Bulk({});
    return;
  }
  if (start < 0) start = std::max<int64_t>(start + length, 0);
  if (end < 0) end = std::max<int64_t>(end + length, 0);
  end = std::min(end, length - 1);
  if (start > end) {
    c.reply().Bulk({});
    return;
  }
  c.reply().Bulk(text.substr(static_cast<size_t>(start), static_cast<size_t>(end - start + 1)));
}

// ---- setting ---------------------------------------------------------------------------------

void Set(CommandContext& c) {
  const std::string_view key = c.arg(1);
  const std::string_view value = c.arg(2);
  if (c.argc() == 3) {
    c.db().SetString(c.dbnum(), key, value);
    c.Notify(kNotifyString, "set", key);
    c.Ok();
    return;
  }
  StringOptions options;
  if (!ParseStringOptions(c, /*getex=*/false, &options)) return;
  ExpiryChange change = options.keep_ttl ? ExpiryChange::kKeep : ExpiryChange::kClear;
  int64_t deadline_ms = engine::kNoExpiry;
  if (options.unit != DeadlineUnit::kNone) {
    if (!ResolveDeadline(c, options.unit, options.deadline_index, &deadline_ms)) return;
    change = ExpiryChange::kSet;
  }
  bool exists = false;
  if (options.get) {
    const Entry* entry = c.db().Find(c.dbnum(), key);
    if (!ReplyString(c, entry)) return;
    exists = entry != nullptr;
  } else if (options.condition != StringOptions::Condition::kAlways) {
    exists = c.db().FindForWrite(c.dbnum(), key) != nullptr;
  }
  if ((options.condition == StringOptions::Condition::kIfAbsent && exists) ||
      (options.condition == StringOptions::Condition::kIfPresent && !exists)) {
    if (!options.get) c.reply().Null();
    return;
  }
  c.db().SetString(c.dbnum(), key, value, change, deadline_ms);
  c.Notify(kNotifyString, "set", key);
  if (change == ExpiryChange::kSet) c.Notify(kNotifyGeneric, "expire", key);
  if (!options.get) c.Ok();
}

// SET ... GET shows the old value; every other form only has to know whether there is one.
bool FindSetKeys(std::span<const std::string_view> argv, std::vector<CommandSpec::KeyRef>* keys) {
  Need need = Need::kHeader;
  for (size_t i = 3; i < argv.size(); ++i) {
    const std::string_view arg = argv[i];
    if (arg.size() == 3 && (arg[0] | 0x20) == 'g' && (arg[1] | 0x20) == 'e' &&
        (arg[2] | 0x20) == 't') {
      need = Need::kValue;
    }
  }
  keys->push_back({1, need});
  return true;
}

void SetNx(CommandContext& c) {
  if (c.db().FindForWrite(c.dbnum(), c.arg(1)) != nullptr) {
    c.reply().Integer(0);
    return;
  }
  c.db().SetString(c.dbnum(), c.arg(1), c.arg(2));
  c.Notify(kNotifyString, "set", c.arg(1));
  c.reply().Integer(1);
}

void SetWithDeadline(CommandContext& c, DeadlineUnit unit) {
  int64_t deadline_ms = 0;
  if (!ResolveDeadline(c, unit, 2, &deadline_ms)) return;
  c.db().SetString(c.dbnum(), c.arg(1), c.arg(3), ExpiryChange::kSet, deadline_ms);
  c.Notify(kNotifyString, "set", c.arg(1));
  c.Notify(kNotifyGeneric, "expire", c.arg(1));
  c.Ok();
}
void SetEx(CommandContext& c) { SetWithDeadline(c, DeadlineUnit::kSeconds); }
void PSetEx(CommandContext& c) { SetWithDeadline(c, DeadlineUnit::kMilliseconds); }

void GetSet(CommandContext& c) {
  if (!ReplyString(c, c.db().Find(c.dbnum(), c.arg(1)))) return;
  c.db().SetString(c.dbnum(), c.arg(1), c.arg(2));
  c.Notify(kNotifyString, "set", c.arg(1));
}

// MSET and MSETNX: SET's event for each key.
void SetPairs(CommandContext& c) {
  if (!c.Notifies(kNotifyString | kNotifyNew)) {
    c.db().SetMany(c.dbnum(), c.argv().subspan(1));
    return;
  }
  // One after the other, so that "new" and "set" of a key come together.
  for (size_t i = 1; i < c.argc(); i += 2) {
    c.db().SetString(c.dbnum(), c.arg(i), c.arg(i + 1));
    c.Notify(kNotifyString, "set", c.arg(i));
  }
}

void MSet(CommandContext& c) {
  if (c.argc() % 2 == 0) {
    c.ArityError();
    return;
  }
  SetPairs(c);
  c.Ok();
}

void MSetNx(CommandContext& c) {
  if (c.argc() % 2 == 0) {
    c.ArityError();
    return;
  }
  for (size_t i = 1; i < c.argc(); i += 2) {
    if (c.db().FindForWrite(c.dbnum(), c.arg(i)) != nullptr) {
      c.reply().Integer(0);
      return;
    }
  }
  SetPairs(c);
  c.reply().Integer(1);
}

// ---- changing --------------------------------------------------------------------------------

void Append(CommandContext& c) {
  const Entry* entry = c.db().FindForWrite(c.dbnum(), c.arg(1));
  if (entry != nullptr) {
    if (!IsString(c, entry)) return;
    if (!FitsString(c, entry->ValueLength() + c.arg(2).size())) return;
  }
  const size_t length = c.db().Append(c.dbnum(), c.arg(1), c.arg(2));
  c.Notify(kNotifyString, "append", c.arg(1));
  c.reply().Integer(static_cast<int64_t>(length));
}

void SetRange(CommandContext& c) {
  int64_t offset = 0;
  if (!c.Integer(2, &offset)) return;
  if (offset < 0) {
    c.Error("ERR offset is out of range");
    return;
  }
  const std::string_view bytes = c.arg(3);
  const Entry* entry = c.db().FindForWrite(c.dbnum(), c.arg(1));
  if (entry != nullptr && !IsString(c, entry)) return;
  if (bytes.empty()) {
    c.reply().Integer(entry == nullptr ? 0 : static_cast<int64_t>(entry->ValueLength()));
    return;
  }
  // Both are at most 2^63 - 1: no overflow in 64 unsigned bits.
  if (!FitsString(c, static_cast<uint64_t>(offset) + bytes.size())) return;
  const size_t length = c.db().SetRange(c.dbnum(), c.arg(1), static_cast<size_t>(offset), bytes);
  c.Notify(kNotifyString, "setrange", c.arg(1));
  c.reply().Integer(static_cast<int64_t>(length));
}

void Increment(CommandContext& c, int64_t delta) {
  const Entry* entry = c.db().FindForWrite(c.dbnum(), c.arg(1));
  int64_t value = 0;
  if (entry != nullptr) {
    if (!IsString(c, entry)) return;
    if (!entry->IsInt(&value)) {
      Scratch scratch;
      if (!codec::ParseInt64(entry->StringView(scratch), &value)) {
        c.NotInteger();
        return;
      }
    }
  }
  if (__builtin_add_overflow(value, delta, &value)) {
    c.Error("ERR increment or decrement would overflow");
    return;
  }
  value = c.db().IncrBy(c.dbnum(), c.arg(1), delta);
  c.Notify(kNotifyString, "incrby", c.arg(1));
  c.reply().Integer(value);
}
void Incr(CommandContext& c) { Increment(c, 1); }
void Decr(CommandContext& c) { Increment(c, -1); }
void IncrBy(CommandContext& c) {
  int64_t delta = 0;
  if (c.Integer(2, &delta)) Increment(c, delta);
}
void DecrBy(CommandContext& c) {
  int64_t delta = 0;
  if (!c.Integer(2, &delta)) return;
  if (delta == std::numeric_limits<int64_t>::min()) {
    c.Error("ERR decrement would overflow");
    return;
  }
  Increment(c, -delta);
}

void IncrByFloat(CommandContext& c) {
  const Entry* entry = c.db().FindForWrite(c.dbnum(), c.arg(1));
  if (entry != nullptr && !IsString(c, entry)) return;
  long double value = 0;
  long double delta = 0;
  Scratch scratch;
  if ((entry != nullptr && !codec::ParseLongDouble(entry->StringView(scratch), &value)) ||
      !codec::ParseLongDouble(c.arg(2), &delta)) {
    c.Error("ERR value is not a valid float");
    return;
  }
  value += delta;
  if (std::isnan(value) || std::isinf(value)) {
    c.Error("ERR increment would produce NaN or Infinity");
    return;
  }
  const std::string text = codec::FormatLongDoubleHuman(value);
  c.db().SetFloatText(c.dbnum(), c.arg(1), text);
  c.Notify(kNotifyString, "incrbyfloat", c.arg(1));
  c.reply().Bulk(text);
}

// ---- LCS -------------------------------------------------------------------------------------

struct LcsOptions {
  bool len = false;
  bool idx = false;
  bool with_match_len = false;
  int64_t min_match_len = 0;
};

bool ParseLcsOptions(CommandContext& c, LcsOptions* options) {
  for (size_t i = 3; i < c.argc(); ++i) {
    if (c.Is(i, "IDX")) {
      options->idx = true;
    } else if (c.Is(i, "LEN")) {
      options->len = true;
    } else if (c.Is(i, "WITHMATCHLEN")) {
      options->with_match_len = true;
    } else if (c.Is(i, "MINMATCHLEN") && i + 1 < c.argc()) {
      if (!c.Integer(++i, &options->min_match_len)) return false;
      options->min_match_len = std::max<int64_t>(options->min_match_len, 0);
    } else {
      c.SyntaxError();
      return false;
    }
  }
  if (options->idx && options->len) {
    c.Error("ERR If you want both the length and indexes, please just use IDX.");
    return false;
  }
  return true;
}

void Lcs(CommandContext& c) {
  const Entry* first = c.db().Find(c.dbnum(), c.arg(1));
  const bool first_is_string = first == nullptr || first->type() == ValueType::kString;
  // Finding the second key may delete it, if its time has passed: the first string is copied
  // before.
  Scratch first_scratch;
  std::string a;
  if (first != nullptr && first_is_string) a = first->StringView(first_scratch);
  const Entry* second = c.db().Find(c.dbnum(), c.arg(2));
  if (!first_is_string || (second != nullptr && second->type() != ValueType::kString)) {
    c.Error("ERR The specified keys must contain string values");
    return;
  }
  Scratch second_scratch;
  const std::string_view b =
      second == nullptr ? std::string_view() : second->StringView(second_scratch);

  LcsOptions options;
  if (!ParseLcsOptions(c, &options)) return;
  // Redis's limit on its table of 32-bit cells; ours takes less, but the same calls succeed.
  const auto limit = static_cast<uint64_t>(c.server().config().proto_max_bulk_len);
  if ((a.size() + 1) > limit / sizeof(uint32_t) / (b.size() + 1)) {
    c.Error("ERR Insufficient memory, transient memory for LCS exceeds proto-max-bulk-len");
    return;
  }
  if (options.len) {
    c.reply().Integer(static_cast<int64_t>(LongestCommonLength(a, b)));
    return;
  }
  const CommonSubsequence common = LongestCommonSubsequence(a, b);
  if (!options.idx) {
    c.reply().Bulk(common.text);
    return;
  }
  c.reply().Map(2);
  c.reply().Bulk("matches");
  const size_t begin = c.reply().BeginDeferred();
  size_t n = 0;
  for (const CommonRange& range : common.ranges) {
    if (static_cast<int64_t>(range.length) < options.min_match_len) continue;
    ++n;
    c.reply().Array(options.with_match_len ? 3 : 2);
    for (const uint32_t start : {range.in_a, range.in_b}) {
      c.reply().Array(2);
      c.reply().Integer(start);
      c.reply().Integer(int64_t{start} + range.length - 1);
    }
    if (options.with_match_len) c.reply().Integer(range.length);
  }
  c.reply().EndArray(begin, n);
  c.reply().Bulk("len");
  c.reply().Integer(static_cast<int64_t>(common.text.size()));
}

// ---- the table -------------------------------------------------------------------------------

constexpr KeySpec kInsertKey[] = {KeyAt(1, kKeyRW | kKeyInsert, Need::kValue)};
constexpr ArgSpec kKeyValueArgs[] = {KeyArg(), StringArg("value")};
constexpr KeySpec kUpdateKey[] = {KeyAt(1, kKeyRW | kKeyAccess | kKeyUpdate, Need::kValue)};
constexpr ArgSpec kKeyArgs[] = {KeyArg()};
constexpr ArgSpec kDecrbyArgs[] = {KeyArg(), IntegerArg("decrement")};
constexpr KeySpec kReadKey[] = {KeyAt(1, kKeyRO | kKeyAccess, Need::kValue)};
constexpr KeySpec kGetdelKeys[] = {KeyAt(1, kKeyRW | kKeyAccess | kKeyDelete, Need::kValue)};
constexpr KeySpec kGetexKeys[] = {
    WithNotes(KeyAt(1, kKeyRW | kKeyAccess | kKeyUpdate, Need::kValue),
              "RW and UPDATE because it changes the TTL")};
constexpr ArgSpec kGetexExpirationArgs[] = {
    WithToken("EX", IntegerArg("seconds")), WithToken("PX", IntegerArg("milliseconds")),
    WithToken("EXAT", UnixTimeArg("unix-time-seconds")),
    WithToken("PXAT", UnixTimeArg("unix-time-milliseconds")), Token("persist", "PERSIST")};
constexpr ArgSpec kGetexArgs[] = {KeyArg(), Optional(OneOf("expiration", kGetexExpirationArgs))};
constexpr ArgSpec kRangeArgs[] = {KeyArg(), IntegerArg("start"), IntegerArg("end")};
constexpr ArgSpec kIncrbyArgs[] = {KeyArg(), IntegerArg("increment")};
constexpr ArgSpec kIncrbyfloatArgs[] = {KeyArg(), DoubleArg("increment")};
constexpr KeySpec kLcsKeys[] = {KeyRange(1, 2, 1, kKeyRO | kKeyAccess, Need::kValue)};
constexpr ArgSpec kLcsArgs[] = {KeyArg("key1"),
                                KeyArg("key2"),
                                Optional(Token("len", "LEN")),
                                Optional(Token("idx", "IDX")),
                                Optional(WithToken("MINMATCHLEN", IntegerArg("len"))),
                                Optional(Token("withmatchlen", "WITHMATCHLEN"))};
constexpr KeySpec kMgetKeys[] = {KeyRange(1, -1, 1, kKeyRO | kKeyAccess, Need::kValue)};
constexpr std::string_view kTipsMultiShard[] = {"request_policy:multi_shard"};
constexpr ArgSpec kKeysArgs[] = {Multiple(KeyArg())};
constexpr KeySpec kMsetKeys[] = {KeyRange(1, -1, 2, kKeyOW | kKeyUpdate, Need::kHeader)};
constexpr std::string_view kTipsMultiShardAllSucceeded[] = {"request_policy:multi_shard",
                                                            "response_policy:all_succeeded"};
constexpr ArgSpec kMsetArgs[] = {Multiple(Block("key_value", kKeyValueArgs))};
constexpr KeySpec kMsetnxKeys[] = {KeyRange(1, -1, 2, kKeyOW | kKeyInsert, Need::kHeader)};
constexpr std::string_view kTipsMultiShardAggMin[] = {"request_policy:multi_shard",
                                                      "response_policy:agg_min"};
constexpr KeySpec kOverwriteKey[] = {KeyAt(1, kKeyOW | kKeyUpdate, Need::kHeader)};
constexpr ArgSpec kPsetexArgs[] = {KeyArg(), IntegerArg("milliseconds"), StringArg("value")};
constexpr KeySpec kSetKeys[] = {
    WithNotes(KeyAt(1, kKeyRW | kKeyAccess | kKeyUpdate | kKeyVariableFlags, Need::kHeader),
              "RW and ACCESS due to the optional `GET` argument")};
constexpr ArgSpec kSetConditionArgs[] = {Token("nx", "NX"), Token("xx", "XX")};
constexpr ArgSpec kSetExpirationArgs[] = {
    Since("2.6.12", WithToken("EX", IntegerArg("seconds"))),
    Since("2.6.12", WithToken("PX", IntegerArg("milliseconds"))),
    Since("6.2.0", WithToken("EXAT", UnixTimeArg("unix-time-seconds"))),
    Since("6.2.0", WithToken("PXAT", UnixTimeArg("unix-time-milliseconds"))),
    Since("6.0.0", Token("keepttl", "KEEPTTL"))};
constexpr ArgSpec kSetArgs[] = {KeyArg(), StringArg("value"),
                                Optional(Since("2.6.12", OneOf("condition", kSetConditionArgs))),
                                Optional(Since("6.2.0", Token("get", "GET"))),
                                Optional(OneOf("expiration", kSetExpirationArgs))};
constexpr HistoryEntry kSetHistory[] = {{"2.6.12", "Options `EX`, `PX`, `NX`, `XX`."},
                                        {"6.0.0", "Option `KEEPTTL`."},
                                        {"6.2.0", "Options `GET`, `EXAT`, `PXAT`."},
                                        {"7.0.0", "`NX` goes together with `GET`."}};
constexpr ArgSpec kSetexArgs[] = {KeyArg(), IntegerArg("seconds"), StringArg("value")};
constexpr KeySpec kSetnxKeys[] = {KeyAt(1, kKeyOW | kKeyInsert, Need::kHeader)};
constexpr KeySpec kSetrangeKeys[] = {KeyAt(1, kKeyRW | kKeyUpdate, Need::kValue)};
constexpr ArgSpec kSetrangeArgs[] = {KeyArg(), IntegerArg("offset"), StringArg("value")};
constexpr KeySpec kReadLengthKey[] = {KeyAt(1, kKeyRO, Need::kHeader)};

constexpr CommandSpec kRows[] = {
    {.name = "APPEND",
     .arity = 3,
     .flags = kWrite | kDenyOom | kFast,
     .keys = kInsertKey,
     .acl = kAclString,
     .handler = Append,
     .since = "2.0.0",
     .group = "string",
     .complexity = "O(1) amortized",
     .summary = "Adds bytes to the end of a string.",
     .args = kKeyValueArgs},
    {.name = "DECR",
     .arity = 2,
     .flags = kWrite | kDenyOom | kFast,
     .keys = kUpdateKey,
     .acl = kAclString,
     .handler = Decr,
     .since = "1.0.0",
     .group = "string",
     .complexity = "O(1)",
     .summary = "Subtracts one from an integer.",
     .args = kKeyArgs},
    {.name = "DECRBY",
     .arity = 3,
     .flags = kWrite | kDenyOom | kFast,
     .keys = kUpdateKey,
     .acl = kAclString,
     .handler = DecrBy,
     .since = "1.0.0",
     .group = "string",
     .complexity = "O(1)",
     .summary = "Subtracts a number from an integer.",
     .args = kDecrbyArgs},
    {.name = "GET",
     .arity = 2,
     .flags = kReadOnly | kFast,
     .keys = kReadKey,
     .acl = kAclString,
     .handler = Get,
     .since = "1.0.0",
     .group = "string",
     .complexity = "O(1)",
     .summary = "Returns the string at a key.",
     .args = kKeyArgs},
    {.name = "GETDEL",
     .arity = 2,
     .flags = kWrite | kFast,
     .keys = kGetdelKeys,
     .acl = kAclString,
     .handler = GetDel,
     .since = "6.2.0",
     .group = "string",
     .complexity = "O(1)",
     .summary = "Returns a string and deletes its key.",
     .args = kKeyArgs},
    {.name = "GETEX",
     .arity = -2,
     .flags = kWrite | kFast,
     .keys = kGetexKeys,
     .acl = kAclString,
     .handler = GetEx,
     .since = "6.2.0",
     .group = "string",
     .complexity = "O(1)",
     .summary = "Returns a string and changes when its key expires.",
     .args = kGetexArgs},
    {.name = "GETRANGE",
     .arity = 4,
     .flags = kReadOnly,
     .keys = kReadKey,
     .acl = kAclString,
     .handler = GetRange,
     .since = "2.4.0",
     .group = "string",
     .complexity = "O(N) for N bytes returned",
     .summary = "Returns a part of a string.",
     .args = kRangeArgs},
    {.name = "GETSET",
     .arity = 3,
     .flags = kWrite | kDenyOom | kFast,
     .keys = kUpdateKey,
     .acl = kAclString,
     .handler = GetSet,
     .since = "1.0.0",
     .group = "string",
     .complexity = "O(1)",
     .summary = "Sets a string and returns the one before.",
     .args = kKeyValueArgs,
     .deprecated_since = "6.2.0",
     .replaced_by = "`SET` with the `!GET` argument"},
    {.name = "INCR",
     .arity = 2,
     .flags = kWrite | kDenyOom | kFast,
     .keys = kUpdateKey,
     .acl = kAclString,
     .handler = Incr,
     .since = "1.0.0",
     .group = "string",
     .complexity = "O(1)",
     .summary = "Adds one to an integer.",
     .args = kKeyArgs},
    {.name = "INCRBY",
     .arity = 3,
     .flags = kWrite | kDenyOom | kFast,
     .keys = kUpdateKey,
     .acl = kAclString,
     .handler = IncrBy,
     .since = "1.0.0",
     .group = "string",
     .complexity = "O(1)",
     .summary = "Adds a number to an integer.",
     .args = kIncrbyArgs},
    {.name = "INCRBYFLOAT",
     .arity = 3,
     .flags = kWrite | kDenyOom | kFast,
     .keys = kUpdateKey,
     .acl = kAclString,
     .handler = IncrByFloat,
     .since = "2.6.0",
     .group = "string",
     .complexity = "O(1)",
     .summary = "Adds a number to a floating-point number.",
     .args = kIncrbyfloatArgs},
    {.name = "LCS",
     .arity = -3,
     .flags = kReadOnly,
     .keys = kLcsKeys,
     .acl = kAclString,
     .handler = Lcs,
     .since = "7.0.0",
     .group = "string",
     .complexity = "O(N*M) for strings of N and M bytes",
     .summary = "Finds the longest common subsequence of two strings.",
     .args = kLcsArgs},
    {.name = "MGET",
     .arity = -2,
     .flags = kReadOnly | kFast,
     .keys = kMgetKeys,
     .acl = kAclString,
     .handler = MGet,
     .since = "1.0.0",
     .group = "string",
     .complexity = "O(N) for N keys",
     .summary = "Returns the strings at several keys.",
     .tips = kTipsMultiShard,
     .args = kKeysArgs},
    {.name = "MSET",
     .arity = -3,
     .flags = kWrite | kDenyOom,
     .keys = kMsetKeys,
     .acl = kAclString,
     .handler = MSet,
     .since = "1.0.1",
     .group = "string",
     .complexity = "O(N) for N keys",
     .summary = "Sets several keys.",
     .tips = kTipsMultiShardAllSucceeded,
     .args = kMsetArgs},
    {.name = "MSETNX",
     .arity = -3,
     .flags = kWrite | kDenyOom,
     .keys = kMsetnxKeys,
     .acl = kAclString,
     .handler = MSetNx,
     .since = "1.0.1",
     .group = "string",
     .complexity = "O(N) for N keys",
     .summary = "Sets several keys if none of them exists.",
     .tips = kTipsMultiShardAggMin,
     .args = kMsetArgs},
    {.name = "PSETEX",
     .arity = 4,
     .flags = kWrite | kDenyOom,
     .keys = kOverwriteKey,
     .acl = kAclString,
     .handler = PSetEx,
     .since = "2.6.0",
     .group = "string",
     .complexity = "O(1)",
     .summary = "Sets a string that expires after some milliseconds.",
     .args = kPsetexArgs},
    {.name = "SET",
     .arity = -3,
     .flags = kWrite | kDenyOom,
     .keys = kSetKeys,
     .acl = kAclString,
     .handler = Set,
     .since = "1.0.0",
     .group = "string",
     .complexity = "O(1)",
     .summary = "Sets the string at a key.",
     .args = kSetArgs,
     .history = kSetHistory,
     .find_keys = FindSetKeys},
    {.name = "SETEX",
     .arity = 4,
     .flags = kWrite | kDenyOom,
     .keys = kOverwriteKey,
     .acl = kAclString,
     .handler = SetEx,
     .since = "2.0.0",
     .group = "string",
     .complexity = "O(1)",
     .summary = "Sets a string that expires after some seconds.",
     .args = kSetexArgs},
    {.name = "SETNX",
     .arity = 3,
     .flags = kWrite | kDenyOom | kFast,
     .keys = kSetnxKeys,
     .acl = kAclString,
     .handler = SetNx,
     .since = "1.0.0",
     .group = "string",
     .complexity = "O(1)",
     .summary = "Sets the string at a key that does not exist.",
     .args = kKeyValueArgs},
    {.name = "SETRANGE",
     .arity = 4,
     .flags = kWrite | kDenyOom,
     .keys = kSetrangeKeys,
     .acl = kAclString,
     .handler = SetRange,
     .since = "2.2.0",
     .group = "string",
     .complexity = "O(N) for N bytes written",
     .summary = "Overwrites a part of a string.",
     .args = kSetrangeArgs},
    {.name = "STRLEN",
     .arity = 2,
     .flags = kReadOnly | kFast,
     .keys = kReadLengthKey,
     .acl = kAclString,
     .handler = StrLen,
     .since = "2.2.0",
     .group = "string",
     .complexity = "O(1)",
     .summary = "Returns the length of a string.",
     .args = kKeyArgs},
    {.name = "SUBSTR",
     .arity = 4,
     .flags = kReadOnly,
     .keys = kReadKey,
     .acl = kAclString,
     .handler = GetRange,
     .since = "1.0.0",
     .group = "string",
     .complexity = "O(N) for N bytes returned",
     .summary = "Returns a part of a string.",
     .args = kRangeArgs,
     .deprecated_since = "2.0.0",
     .replaced_by = "`GETRANGE`"},
};

}  // namespace

std::span<const CommandSpec> StringCommands() { return kRows; }

}  // namespace thermocline::server
