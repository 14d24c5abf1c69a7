// The hash family: HSET, HGET and their relatives.
//
// Handlers read through engine::HashView and change through db().hashes(), whose verbs log
// themselves. A reply made of the hash's bytes is written before the first change, because a change
// ends the entry's life. Rows stand at the foot, their argument facts above them.
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>

#include "codec/number_text.h"
#include "engine/types/hash.h"
#include "engine/types/hash_effects.h"
#include "server/command_context.h"
#include "server/commands/arg_spec.h"
#include "server/commands/command_table.h"
#include "server/commands/scan_args.h"

namespace thermocline::server {
namespace {

using engine::Entry;
using engine::HashView;
using engine::Need;
using engine::ValueType;

// False: another type, the error is replied. A missing key is a hash without fields.
bool IsHash(CommandContext& c, const Entry* entry) {
  if (entry == nullptr || entry->type() == ValueType::kHash) return true;
  c.WrongType();
  return false;
}

// ---- reading ---------------------------------------------------------------------------------

void ReplyField(CommandContext& c, const HashView& hash, std::string_view field) {
  HashView::Scratch scratch;
  std::string_view value;
  hash.Get(field, scratch, &value) ? c.reply().Bulk(value) : c.reply().Null();
}

void HGet(CommandContext& c) {
  const Entry* entry = c.db().Find(c.dbnum(), c.arg(1));
  if (!IsHash(c, entry)) return;
  entry == nullptr ? c.reply().Null() : ReplyField(c, c.db().hashes().View(entry), c.arg(2));
}

void HMGet(CommandContext& c) {
  const Entry* entry = c.db().Find(c.dbnum(), c.arg(1));
  if (!IsHash(c, entry)) return;
  c.reply().Array(c.argc() - 2);
  for (const std::string_view field : c.argv().subspan(2)) {
    entry == nullptr ? c.reply().Null() : ReplyField(c, c.db().hashes().View(entry), field);
  }
}

void HLen(CommandContext& c) {
  const Entry* entry = c.db().Find(c.dbnum(), c.arg(1));
  if (!IsHash(c, entry)) return;
  c.reply().Integer(entry == nullptr ? 0
                                     : static_cast<int64_t>(c.db().hashes().View(entry).size()));
}

void HStrLen(CommandContext& c) {
  const Entry* entry = c.db().Find(c.dbnum(), c.arg(1));
  if (!IsHash(c, entry)) return;
  HashView::Scratch scratch;
  std::string_view value;
  const bool found = entry != nullptr && c.db().hashes().View(entry).Get(c.arg(2), scratch, &value);
  c.reply().Integer(found ? static_cast<int64_t>(value.size()) : 0);
}

void HExists(CommandContext& c) {
  const Entry* entry = c.db().Find(c.dbnum(), c.arg(1));
  if (!IsHash(c, entry)) return;
  c.reply().Integer(entry != nullptr && c.db().hashes().View(entry).Contains(c.arg(2)) ? 1 : 0);
}

void HGetAll(CommandContext& c) {
  const Entry* entry = c.db().Find(c.dbnum(), c.arg(1));
  if (!IsHash(c, entry)) return;
  c.reply().Map(entry == nullptr ? 0 : c.db().hashes().View(entry).size());
  if (entry == nullptr) return;
  c.db().hashes().View(entry).ForEach([&c](std::string_view field, std::string_view value) {
    c.reply().Bulk(field);
    c.reply().Bulk(value);
  });
}

// HKEYS, HVALS.
void ReplyHalf(CommandContext& c, bool fields) {
  const Entry* entry = c.db().Find(c.dbnum(), c.arg(1));
  if (!IsHash(c, entry)) return;
  c.reply().Array(entry == nullptr ? 0 : c.db().hashes().View(entry).size());
  if (entry == nullptr) return;
  c.db().hashes().View(entry).ForEach([&c, fields](std::string_view field, std::string_view value) {
    c.reply().Bulk(fields ? field : value);
  });
}
void HKeys(CommandContext& c) { ReplyHalf(c, /*fields=*/true); }
void HVals(CommandContext& c) { ReplyHalf(c, /*fields=*/false); }

void HScan(CommandContext& c) {
  ScanCollection(c, ValueType::kHash, [](const ElementScan& scan) {
    return scan.context.db()
        .hashes()
        .View(scan.entry)
        .Scan(scan.cursor, scan.options.count, [&](std::string_view field, std::string_view value) {
          if (!scan.Matches(field)) return;
          scan.Reply(field);
          scan.Reply(value);
        });
  });
}

// HRANDFIELD key count [WITHVALUES]. A negative count may name a field several times.
void RandomFields(CommandContext& c) {
  int64_t count = 0;
  constexpr int64_t kMax = std::numeric_limits<int64_t>::max();
  if (!c.IntegerInRange(2, -kMax, kMax, &count)) return;
  const bool with_values = c.argc() == 4;
  if (c.argc() > 4 || (with_values && !c.Is(3, "WITHVALUES"))) {
    c.SyntaxError();
    return;
  }
  if (with_values && (count < -kMax / 2 || count > kMax / 2)) {
    c.Error("ERR value is out of range");
    return;
  }
  const Entry* entry = c.db().Find(c.dbnum(), c.arg(1));
  if (!IsHash(c, entry)) return;
  if (entry == nullptr || count == 0) {
    c.reply().Array(0);
    return;
  }
  const HashView hash = c.db().hashes().View(entry);
  const bool repeat = count < 0;
  const auto wanted = static_cast<uint64_t>(repeat ? -count : count);
  const uint64_t given = repeat ? wanted : std::min<uint64_t>(wanted, hash.size());
  const bool pairs = with_values && c.reply().proto() == 3;
  c.reply().Array(with_values && !pairs ? 2 * given : given);
  const auto reply = [&](std::string_view field, std::string_view value) {
    if (pairs) c.reply().Array(2);
    c.reply().Bulk(field);
    if (with_values) c.reply().Bulk(value);
  };
  if (repeat) {
    hash.Draw(c.db().random(), given, reply);
  } else {
    hash.Sample(c.db().random(), given, reply);
  }
}

void HRandField(CommandContext& c) {
  if (c.argc() > 2) {
    RandomFields(c);
    return;
  }
  const Entry* entry = c.db().Find(c.dbnum(), c.arg(1));
  if (!IsHash(c, entry)) return;
  if (entry == nullptr) {
    c.reply().Null();
    return;
  }
  c.db().hashes().View(entry).Draw(
      c.db().random(), 1,
      [&c](std::string_view field, std::string_view) { c.reply().Bulk(field); });
}

// ---- changing --------------------------------------------------------------------------------

// HSET and HMSET. False: an error is replied.
bool SetFields(CommandContext& c, size_t* created) {
  if (c.argc() % 2 == 1) {
    c.ArityError();
    return false;
  }
  if (!IsHash(c, c.db().FindForWrite(c.dbnum(), c.arg(1)))) return false;
  *created = c.db().hashes().Set(c.dbnum(), c.arg(1), c.argv().subspan(2));
  c.Notify(kNotifyHash, "hset", c.arg(1));
  return true;
}

void HSet(CommandContext& c) {
  size_t created = 0;
  if (SetFields(c, &created)) c.reply().Integer(static_cast<int64_t>(created));
}

void HMSet(CommandContext& c) {
  size_t created = 0;
  if (SetFields(c, &created)) c.Ok();
}

void HSetNx(CommandContext& c) {
  const Entry* entry = c.db().FindForWrite(c.dbnum(), c.arg(1));
  if (!IsHash(c, entry)) return;
  if (entry != nullptr && c.db().hashes().View(entry).Contains(c.arg(2))) {
    c.reply().Integer(0);
    return;
  }
  c.db().hashes().Set(c.dbnum(), c.arg(1), c.argv().subspan(2));
  c.Notify(kNotifyHash, "hset", c.arg(1));
  c.reply().Integer(1);
}

void HDel(CommandContext& c) {
  const std::string_view key = c.arg(1);
  const Entry* entry = c.db().FindForWrite(c.dbnum(), key);
  if (!IsHash(c, entry)) return;
  if (entry == nullptr) {
    c.reply().Integer(0);
    return;
  }
  const size_t deleted = c.db().hashes().Delete(c.dbnum(), key, c.argv().subspan(2));
  if (deleted != 0) {
    c.Notify(kNotifyHash, "hdel", key);
    c.NotifyIfGone(key);
  }
  c.reply().Integer(static_cast<int64_t>(deleted));
}

void SetField(CommandContext& c, std::string_view value) {
  const std::string_view pair[] = {c.arg(2), value};
  c.db().hashes().Set(c.dbnum(), c.arg(1), pair);
}

void HIncrBy(CommandContext& c) {
  int64_t delta = 0;
  if (!c.Integer(3, &delta)) return;
  const Entry* entry = c.db().FindForWrite(c.dbnum(), c.arg(1));
  if (!IsHash(c, entry)) return;
  int64_t number = 0;
  HashView::Scratch scratch;
  std::string_view old;
  if (entry != nullptr && c.db().hashes().View(entry).Get(c.arg(2), scratch, &old) &&
      !codec::ParseInt64(old, &number)) {
    c.Error("ERR hash value is not an integer");
    return;
  }
  if (__builtin_add_overflow(number, delta, &number)) {
    c.Error("ERR increment or decrement would overflow");
    return;
  }
  char text[codec::kMaxInt64Text];
  SetField(c, {text, codec::FormatInt64(text, number)});
  c.Notify(kNotifyHash, "hincrby", c.arg(1));
  c.reply().Integer(number);
}

void HIncrByFloat(CommandContext& c) {
  long double delta = 0;
  if (!codec::ParseLongDouble(c.arg(3), &delta)) {
    c.Error("ERR value is not a valid float");
    return;
  }
  if (std::isnan(delta) || std::isinf(delta)) {
    c.Error("ERR value is NaN or Infinity");
    return;
  }
  const Entry* entry = c.db().FindForWrite(c.dbnum(), c.arg(1));
  if (!IsHash(c, entry)) return;
  long double number = 0;
  HashView::Scratch scratch;
  std::string_view old;
  if (entry != nullptr && c.db().hashes().View(entry).Get(c.arg(2), scratch, &old) &&
      !codec::ParseLongDouble(old, &number)) {
    c.Error("ERR hash value is not a float");
    return;
  }
  number += delta;
  if (std::isnan(number) || std::isinf(number)) {
    c.Error("ERR increment would produce NaN or Infinity");
    return;
  }
  const std::string text = codec::FormatLongDoubleHuman(number);
  SetField(c, text);
  c.Notify(kNotifyHash, "hincrbyfloat", c.arg(1));
  c.reply().Bulk(text);
}

// ---- the table -------------------------------------------------------------------------------

constexpr std::string_view kTipsNondeterministicOutput[] = {"nondeterministic_output"};
constexpr std::string_view kTipsNondeterministicOrder[] = {"nondeterministic_output_order"};
constexpr KeySpec kReadKey[] = {KeyAt(1, kKeyRO | kKeyAccess, Need::kValue)};
constexpr KeySpec kAskKey[] = {KeyAt(1, kKeyRO, Need::kValue)};
constexpr KeySpec kUpdateKey[] = {KeyAt(1, kKeyRW | kKeyUpdate, Need::kValue)};
constexpr KeySpec kInsertKey[] = {KeyAt(1, kKeyRW | kKeyInsert, Need::kValue)};
constexpr KeySpec kDeleteKey[] = {KeyAt(1, kKeyRW | kKeyDelete, Need::kValue)};
constexpr KeySpec kIncrementKey[] = {KeyAt(1, kKeyRW | kKeyAccess | kKeyUpdate, Need::kValue)};
constexpr ArgSpec kKeyArgs[] = {KeyArg()};
constexpr ArgSpec kFieldArgs[] = {KeyArg(), StringArg("field")};
constexpr ArgSpec kFieldsArgs[] = {KeyArg(), Multiple(StringArg("field"))};
constexpr ArgSpec kFieldValueArgs[] = {StringArg("field"), StringArg("value")};
constexpr ArgSpec kSetArgs[] = {KeyArg(), Multiple(Block("field_value", kFieldValueArgs))};
constexpr ArgSpec kSetNxArgs[] = {KeyArg(), StringArg("field"), StringArg("value")};
constexpr ArgSpec kIncrByArgs[] = {KeyArg(), StringArg("field"), IntegerArg("increment")};
constexpr ArgSpec kIncrByFloatArgs[] = {KeyArg(), StringArg("field"), DoubleArg("increment")};
constexpr ArgSpec kRandFieldOptions[] = {IntegerArg("count"),
                                         Optional(Token("withvalues", "WITHVALUES"))};
constexpr ArgSpec kRandFieldArgs[] = {KeyArg(), Optional(Block("options", kRandFieldOptions))};
constexpr ArgSpec kScanArgs[] = {KeyArg(), IntegerArg("cursor"),
                                 Optional(WithToken("MATCH", PatternArg("pattern"))),
                                 Optional(WithToken("COUNT", IntegerArg("count")))};
constexpr HistoryEntry kDelHistory[] = {{"2.4.0", "Several fields."}};
constexpr HistoryEntry kSetHistory[] = {{"4.0.0", "Several fields."}};

constexpr CommandSpec kRows[] = {
    {.name = "HDEL",
     .arity = -3,
     .flags = kWrite | kFast,
     .keys = kDeleteKey,
     .acl = kAclHash,
     .handler = HDel,
     .since = "2.0.0",
     .group = "hash",
     .complexity = "O(N) for N fields",
     .summary = "Deletes fields of a hash.",
     .args = kFieldsArgs,
     .history = kDelHistory},
    {.name = "HEXISTS",
     .arity = 3,
     .flags = kReadOnly | kFast,
     .keys = kAskKey,
     .acl = kAclHash,
     .handler = HExists,
     .since = "2.0.0",
     .group = "hash",
     .complexity = "O(1)",
     .summary = "Tells whether a hash has a field.",
     .args = kFieldArgs},
    {.name = "HGET",
     .arity = 3,
     .flags = kReadOnly | kFast,
     .keys = kReadKey,
     .acl = kAclHash,
     .handler = HGet,
     .since = "2.0.0",
     .group = "hash",
     .complexity = "O(1)",
     .summary = "Returns the value of a field.",
     .args = kFieldArgs},
    {.name = "HGETALL",
     .arity = 2,
     .flags = kReadOnly,
     .keys = kReadKey,
     .acl = kAclHash,
     .handler = HGetAll,
     .since = "2.0.0",
     .group = "hash",
     .complexity = "O(N) for N fields",
     .summary = "Returns all fields and values of a hash.",
     .tips = kTipsNondeterministicOrder,
     .args = kKeyArgs},
    {.name = "HINCRBY",
     .arity = 4,
     .flags = kWrite | kDenyOom | kFast,
     .keys = kIncrementKey,
     .acl = kAclHash,
     .handler = HIncrBy,
     .since = "2.0.0",
     .group = "hash",
     .complexity = "O(1)",
     .summary = "Adds a number to an integer in a field.",
     .args = kIncrByArgs},
    {.name = "HINCRBYFLOAT",
     .arity = 4,
     .flags = kWrite | kDenyOom | kFast,
     .keys = kIncrementKey,
     .acl = kAclHash,
     .handler = HIncrByFloat,
     .since = "2.6.0",
     .group = "hash",
     .complexity = "O(1)",
     .summary = "Adds a number to a floating-point number in a field.",
     .args = kIncrByFloatArgs},
    {.name = "HKEYS",
     .arity = 2,
     .flags = kReadOnly,
     .keys = kReadKey,
     .acl = kAclHash,
     .handler = HKeys,
     .since = "2.0.0",
     .group = "hash",
     .complexity = "O(N) for N fields",
     .summary = "Returns all fields of a hash.",
     .tips = kTipsNondeterministicOrder,
     .args = kKeyArgs},
    {.name = "HLEN",
     .arity = 2,
     .flags = kReadOnly | kFast,
     .keys = kAskKey,
     .acl = kAclHash,
     .handler = HLen,
     .since = "2.0.0",
     .group = "hash",
     .complexity = "O(1)",
     .summary = "Returns how many fields a hash has.",
     .args = kKeyArgs},
    {.name = "HMGET",
     .arity = -3,
     .flags = kReadOnly | kFast,
     .keys = kReadKey,
     .acl = kAclHash,
     .handler = HMGet,
     .since = "2.0.0",
     .group = "hash",
     .complexity = "O(N) for N fields asked for",
     .summary = "Returns the values of several fields.",
     .args = kFieldsArgs},
    {.name = "HMSET",
     .arity = -4,
     .flags = kWrite | kDenyOom | kFast,
     .keys = kUpdateKey,
     .acl = kAclHash,
     .handler = HMSet,
     .since = "2.0.0",
     .group = "hash",
     .complexity = "O(N) for N fields",
     .summary = "Sets several fields of a hash.",
     .args = kSetArgs,
     .deprecated_since = "4.0.0",
     .replaced_by = "`HSET` with multiple field-value pairs"},
    {.name = "HRANDFIELD",
     .arity = -2,
     .flags = kReadOnly,
     .keys = kReadKey,
     .acl = kAclHash,
     .handler = HRandField,
     .since = "6.2.0",
     .group = "hash",
     .complexity = "O(N) for N fields returned",
     .summary = "Returns fields drawn at random.",
     .tips = kTipsNondeterministicOutput,
     .args = kRandFieldArgs},
    {.name = "HSCAN",
     .arity = -3,
     .flags = kReadOnly,
     .keys = kReadKey,
     .acl = kAclHash,
     .handler = HScan,
     .since = "2.8.0",
     .group = "hash",
     .complexity = "O(1) a call, O(N) for a walk over all N fields",
     .summary = "Walks over the fields and values of a hash, some a call.",
     .tips = kTipsNondeterministicOutput,
     .args = kScanArgs},
    {.name = "HSET",
     .arity = -4,
     .flags = kWrite | kDenyOom | kFast,
     .keys = kUpdateKey,
     .acl = kAclHash,
     .handler = HSet,
     .since = "2.0.0",
     .group = "hash",
     .complexity = "O(N) for N fields",
     .summary = "Sets fields of a hash.",
     .args = kSetArgs,
     .history = kSetHistory},
    {.name = "HSETNX",
     .arity = 4,
     .flags = kWrite | kDenyOom | kFast,
     .keys = kInsertKey,
     .acl = kAclHash,
     .handler = HSetNx,
     .since = "2.0.0",
     .group = "hash",
     .complexity = "O(1)",
     .summary = "Sets a field that does not exist.",
     .args = kSetNxArgs},
    {.name = "HSTRLEN",
     .arity = 3,
     .flags = kReadOnly | kFast,
     .keys = kAskKey,
     .acl = kAclHash,
     .handler = HStrLen,
     .since = "3.2.0",
     .group = "hash",
     .complexity = "O(1)",
     .summary = "Returns the length of a field's value.",
     .args = kFieldArgs},
    {.name = "HVALS",
     .arity = 2,
     .flags = kReadOnly,
     .keys = kReadKey,
     .acl = kAclHash,
     .handler = HVals,
     .since = "2.0.0",
     .group = "hash",
     .complexity = "O(N) for N fields",
     .summary = "Returns all values of a hash.",
     .tips = kTipsNondeterministicOrder,
     .args = kKeyArgs},
};

}  // namespace

std::span<const CommandSpec> HashCommands() { return kRows; }

}  // namespace thermocline::server
