// The generic family: existence, expiry, names, serialized values, and walks over the keyspace.
//
// SCAN, KEYS and RANDOMKEY look at both tiers, so they are tasks: a step that needs cold keys parks
// and is stepped again. COPY ... DB and MOVE name keys of another database; FindCopyKeys and
// FindMoveKeys tell dispatch, so that those are prepared, too. Everything that changes goes through
// the engine's effect verbs. Rows stand at the foot, their facts for COMMAND above them.
#include <algorithm>
#include <cctype>
#include <climits>
#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "codec/bytes.h"
#include "codec/glob.h"
#include "codec/number_text.h"
#include "codec/rdb/object.h"
#include "engine/types/value_codec.h"
#include "server/c_text.h"
#include "server/command_context.h"
#include "server/commands/arg_spec.h"
#include "server/commands/command_table.h"
#include "server/commands/scan_args.h"
#include "server/commands/string_args.h"
#include "server/commands/value_names.h"
#include "server/server.h"

namespace thermocline::server {
namespace {

using engine::Entry;
using engine::EvictionPolicy;
using engine::ExpiryChange;
using engine::Need;
using engine::ValueType;

using Touch = engine::Database::Touch;

// ---- existence -------------------------------------------------------------------------------

// DEL and UNLINK: large values are freed off the executor in either case.
void Del(CommandContext& c) {
  // The hot case needs no list, and who is told of every key needs to know which were there.
  if (c.argc() == 2 || c.Notifies(kNotifyGeneric)) {
    int64_t n = 0;
    for (size_t i = 1; i < c.argc(); ++i) {
      if (c.db().FindForWrite(c.dbnum(), c.arg(i)) == nullptr) continue;
      c.db().Delete(c.dbnum(), c.arg(i));
      c.Notify(kNotifyGeneric, "del", c.arg(i));
      ++n;
    }
    c.reply().Integer(n);
    return;
  }
  c.reply().Integer(static_cast<int64_t>(c.db().DeleteMany(c.dbnum(), c.argv().subspan(1))));
}

int64_t CountExisting(CommandContext& c, Touch touch) {
  int64_t n = 0;
  for (size_t i = 1; i < c.argc(); ++i) {
    if (c.db().Find(c.dbnum(), c.arg(i), touch) != nullptr) ++n;
  }
  return n;
}
void Exists(CommandContext& c) { c.reply().Integer(CountExisting(c, Touch::kNo)); }
void MarkUsed(CommandContext& c) { c.reply().Integer(CountExisting(c, Touch::kYes)); }

void Type(CommandContext& c) {
  const Entry* entry = c.db().Find(c.dbnum(), c.arg(1), Touch::kNo);
  c.reply().Simple(entry == nullptr ? "none" : TypeName(entry->type()));
}

// ---- expiry ----------------------------------------------------------------------------------

struct ExpireConditions {
  bool nx = false, xx = false, gt = false, lt = false;

  bool Hold(int64_t current_ms, int64_t wanted_ms) const {
    const bool has_expiry = current_ms != engine::kNoExpiry;
    if (nx && has_expiry) return false;
    if (xx && !has_expiry) return false;
    // No expiry counts as the end of time.
    if (gt && (!has_expiry || wanted_ms <= current_ms)) return false;
    if (lt && has_expiry && wanted_ms >= current_ms) return false;
    return true;
  }
};

bool ParseExpireConditions(CommandContext& c, ExpireConditions* conditions) {
  for (size_t i = 3; i < c.argc(); ++i) {
    if (c.Is(i, "NX")) {
      conditions->nx = true;
    } else if (c.Is(i, "XX")) {
      conditions->xx = true;
    } else if (c.Is(i, "GT")) {
      conditions->gt = true;
    } else if (c.Is(i, "LT")) {
      conditions->lt = true;
    } else {
      c.Error("ERR Unsupported option " + CText(c.arg(i)));
      return false;
    }
  }
  if (conditions->nx && (conditions->xx || conditions->gt || conditions->lt)) {
    c.Error("ERR NX and XX, GT or LT options at the same time are not compatible");
    return false;
  }
  if (conditions->gt && conditions->lt) {
    c.Error("ERR GT and LT options at the same time are not compatible");
    return false;
  }
  return true;
}

// The four EXPIRE commands. Negative and past times are allowed: they delete.
void ChangeExpiry(CommandContext& c, bool relative, bool seconds) {
  ExpireConditions conditions;
  if (!ParseExpireConditions(c, &conditions)) return;
  int64_t when_ms = 0;
  if (!c.Integer(2, &when_ms)) return;
  if ((seconds && __builtin_mul_overflow(when_ms, 1000, &when_ms)) ||
      (relative && __builtin_add_overflow(when_ms, c.db().NowMs(), &when_ms))) {
    InvalidExpireTime(c);
    return;
  }
  const std::string_view key = c.arg(1);
  const Entry* entry = c.db().FindForWrite(c.dbnum(), key);
  if (entry == nullptr || !conditions.Hold(entry->expiry_ms(), when_ms)) {
    c.reply().Integer(0);
    return;
  }
  if (when_ms <= c.db().NowMs()) {
    c.db().Delete(c.dbnum(), key);
    c.Notify(kNotifyGeneric, "del", key);
  } else {
    c.db().SetExpiry(c.dbnum(), key, when_ms);
    c.Notify(kNotifyGeneric, "expire", key);
  }
  c.reply().Integer(1);
}
void Expire(CommandContext& c) { ChangeExpiry(c, /*relative=*/true, /*seconds=*/true); }
void PExpire(CommandContext& c) { ChangeExpiry(c, /*relative=*/true, /*seconds=*/false); }
void ExpireAt(CommandContext& c) { ChangeExpiry(c, /*relative=*/false, /*seconds=*/true); }
void PExpireAt(CommandContext& c) { ChangeExpiry(c, /*relative=*/false, /*seconds=*/false); }

// The four that ask: -2 without the key, -1 without expiry; seconds are rounded.
void ReplyExpiry(CommandContext& c, bool relative, bool seconds) {
  const Entry* entry = c.db().Find(c.dbnum(), c.arg(1), Touch::kNo);
  if (entry == nullptr) {
    c.reply().Integer(-2);
    return;
  }
  int64_t ms = entry->expiry_ms();
  if (ms == engine::kNoExpiry) {
    c.reply().Integer(-1);
    return;
  }
  if (relative) ms = std::max<int64_t>(ms - c.db().NowMs(), 0);
  c.reply().Integer(seconds ? ms / 1000 + (ms % 1000 >= 500 ? 1 : 0) : ms);
}
void Ttl(CommandContext& c) { ReplyExpiry(c, /*relative=*/true, /*seconds=*/true); }
void PTtl(CommandContext& c) { ReplyExpiry(c, /*relative=*/true, /*seconds=*/false); }
void ExpireTime(CommandContext& c) { ReplyExpiry(c, /*relative=*/false, /*seconds=*/true); }
void PExpireTime(CommandContext& c) { ReplyExpiry(c, /*relative=*/false, /*seconds=*/false); }

void Persist(CommandContext& c) {
  const Entry* entry = c.db().FindForWrite(c.dbnum(), c.arg(1));
  if (entry == nullptr || entry->expiry_ms() == engine::kNoExpiry) {
    c.reply().Integer(0);
    return;
  }
  c.db().Persist(c.dbnum(), c.arg(1));
  c.Notify(kNotifyGeneric, "persist", c.arg(1));
  c.reply().Integer(1);
}

// ---- names -----------------------------------------------------------------------------------

void RenameKey(CommandContext& c, bool only_if_free) {
  const std::string_view from = c.arg(1);
  const std::string_view to = c.arg(2);
  if (c.db().FindForWrite(c.dbnum(), from) == nullptr) {
    c.Error("ERR no such key");
    return;
  }
  if (only_if_free && (from == to || c.db().FindForWrite(c.dbnum(), to) != nullptr)) {
    c.reply().Integer(0);
    return;
  }
  if (from != to) {
    c.db().MoveKey(c.dbnum(), from, c.dbnum(), to);
    c.Notify(kNotifyGeneric, "rename_from", from);
    c.Notify(kNotifyGeneric, "rename_to", to);
  }
  only_if_free ? c.reply().Integer(1) : c.Ok();
}
void Rename(CommandContext& c) { RenameKey(c, /*only_if_free=*/false); }
void RenameNx(CommandContext& c) { RenameKey(c, /*only_if_free=*/true); }

// The number of a database at argv[i]. False: the error is replied.
bool DatabaseNumber(CommandContext& c, size_t i, int* db) {
  int64_t number = 0;
  if (!c.IntegerInRange(i, INT_MIN, INT_MAX, &number)) return false;
  if (number < 0 || number >= c.db().databases()) {
    c.Error("ERR DB index is out of range");
    return false;
  }
  *db = static_cast<int>(number);
  return true;
}

void Copy(CommandContext& c) {
  bool replace = false;
  int to_db = c.dbnum();
  for (size_t i = 3; i < c.argc(); ++i) {
    if (c.Is(i, "REPLACE")) {
      replace = true;
    } else if (c.Is(i, "DB") && i + 1 < c.argc()) {
      if (!DatabaseNumber(c, ++i, &to_db)) return;
    } else {
      c.SyntaxError();
      return;
    }
  }
  if (to_db == c.dbnum() && c.arg(1) == c.arg(2)) {
    c.Error("ERR source and destination objects are the same");
    return;
  }
  // The destination first: finding an expired one deletes it, which would end the source's entry.
  const bool taken = c.db().FindForWrite(to_db, c.arg(2)) != nullptr;
  if (c.db().Find(c.dbnum(), c.arg(1)) == nullptr || (taken && !replace)) {
    c.reply().Integer(0);
    return;
  }
  c.db().CopyKey(c.dbnum(), c.arg(1), to_db, c.arg(2));
  c.Notify(kNotifyGeneric, "copy_to", c.arg(2), to_db);
  c.reply().Integer(1);
}

// A database number for key finders, which cannot reply: -1 for what is no number.
int DatabaseNumberOrClients(std::string_view text) {
  int64_t number = 0;
  if (!codec::ParseInt64(text, &number) || number < 0 || number > INT_MAX) return -1;
  return static_cast<int>(number);
}

bool EqualsIgnoringCase(std::string_view arg, std::string_view lower) {
  return arg.size() == lower.size() &&
         std::equal(arg.begin(), arg.end(), lower.begin(), [](char a, char b) {
           return std::tolower(static_cast<unsigned char>(a)) == b;
         });
}

bool FindCopyKeys(std::span<const std::string_view> argv, std::vector<CommandSpec::KeyRef>* keys) {
  int to_db = -1;
  for (size_t i = 3; i + 1 < argv.size(); ++i) {
    if (EqualsIgnoringCase(argv[i], "db")) to_db = DatabaseNumberOrClients(argv[++i]);
  }
  keys->push_back({1, Need::kValue});
  keys->push_back({2, Need::kHeader, to_db});
  return true;
}

void Move(CommandContext& c) {
  int to_db = 0;
  if (!DatabaseNumber(c, 2, &to_db)) return;
  if (to_db == c.dbnum()) {
    c.Error("ERR source and destination objects are the same");
    return;
  }
  const std::string_view key = c.arg(1);
  if (c.db().FindForWrite(c.dbnum(), key) == nullptr ||
      c.db().FindForWrite(to_db, key) != nullptr) {
    c.reply().Integer(0);
    return;
  }
  c.db().MoveKey(c.dbnum(), key, to_db, key);
  c.Notify(kNotifyGeneric, "move_from", key);
  c.Notify(kNotifyGeneric, "move_to", key, to_db);
  c.reply().Integer(1);
}

bool FindMoveKeys(std::span<const std::string_view> argv, std::vector<CommandSpec::KeyRef>* keys) {
  keys->push_back({1, Need::kValue});
  keys->push_back({1, Need::kHeader, DatabaseNumberOrClients(argv[2])});
  return true;
}

// ---- serialized values -----------------------------------------------------------------------

void Dump(CommandContext& c) {
  const Entry* entry = c.db().Find(c.dbnum(), c.arg(1));
  if (entry == nullptr) {
    c.reply().Null();
    return;
  }
  c.reply().Bulk(c.db().Dump(entry));
}

struct RestoreOptions {
  bool replace = false;
  bool absolute_ttl = false;
  std::optional<int64_t> idle_s;
  std::optional<uint8_t> frequency;
};

bool ParseRestoreOptions(CommandContext& c, RestoreOptions* options) {
  for (size_t i = 4; i < c.argc(); ++i) {
    const bool more = i + 1 < c.argc();
    int64_t number = 0;
    if (c.Is(i, "REPLACE")) {
      options->replace = true;
    } else if (c.Is(i, "ABSTTL")) {
      options->absolute_ttl = true;
    } else if (c.Is(i, "IDLETIME") && more && !options->frequency) {
      if (!c.Integer(++i, &number)) return false;
      if (number < 0) {
        c.Error("ERR Invalid IDLETIME value, must be >= 0");
        return false;
      }
      options->idle_s = number;
    } else if (c.Is(i, "FREQ") && more && !options->idle_s) {
      if (!c.Integer(++i, &number)) return false;
      if (number < 0 || number > UINT8_MAX) {
        c.Error("ERR Invalid FREQ value, must be >= 0 and <= 255");
        return false;
      }
      options->frequency = static_cast<uint8_t>(number);
    } else {
      c.SyntaxError();
      return false;
    }
  }
  return true;
}

void Restore(CommandContext& c) {
  RestoreOptions options;
  if (!ParseRestoreOptions(c, &options)) return;
  const std::string_view key = c.arg(1);
  const bool exists = c.db().FindForWrite(c.dbnum(), key) != nullptr;
  if (exists && !options.replace) {
    c.Error("BUSYKEY Target key name already exists.");
    return;
  }
  int64_t ttl_ms = 0;
  if (!c.Integer(2, &ttl_ms)) return;
  if (ttl_ms < 0) {
    c.Error("ERR Invalid TTL value, must be >= 0");
    return;
  }
  const auto dump = codec::OpenDump(c.arg(3));
  if (!dump.ok()) {
    c.Error("ERR DUMP payload version or checksum are wrong");
    return;
  }
  auto value = c.db().ParseValue(key, dump->type, dump->body);
  if (!value.ok()) {
    c.Error(value.status().code() == codec::StatusCode::kUnsupported &&
                    engine::TypeOfRdb(dump->type) == engine::ValueType::kStream
                ? "ERR RESTORE of this type is not supported yet"
                : "ERR Bad data format");
    return;
  }
  int64_t expire_at_ms = ttl_ms;
  // A sum beyond 64 bits lies in the past, as it does in Redis.
  const bool overflow = ttl_ms > 0 && !options.absolute_ttl &&
                        __builtin_add_overflow(ttl_ms, c.db().NowMs(), &expire_at_ms);
  if (ttl_ms > 0 && (overflow || expire_at_ms <= c.db().NowMs())) {
    if (exists) {
      c.db().Delete(c.dbnum(), key);
      c.Notify(kNotifyGeneric, "del", key);
    }
    c.Ok();
    return;
  }
  c.db().Restore(c.dbnum(), key, std::move(*value), ttl_ms > 0 ? expire_at_ms : engine::kNoExpiry);
  if (options.idle_s || options.frequency) {
    c.db().SetAccess(c.dbnum(), key, options.idle_s, options.frequency);
  }
  c.Notify(kNotifyGeneric, "restore", key);
  c.Ok();
}

// ---- OBJECT ----------------------------------------------------------------------------------

bool CountsFrequency(EvictionPolicy policy) {
  return policy == EvictionPolicy::kAllKeysLfu || policy == EvictionPolicy::kVolatileLfu;
}
bool CountsRecency(EvictionPolicy policy) {
  return policy == EvictionPolicy::kAllKeysLru || policy == EvictionPolicy::kVolatileLru;
}

// The key at argv[2], or null after replying null.
const Entry* FindObject(CommandContext& c) {
  const Entry* entry = c.db().Find(c.dbnum(), c.arg(2), Touch::kPeek);
  if (entry == nullptr) c.reply().Null();
  return entry;
}

void ObjectEncoding(CommandContext& c) {
  if (const Entry* entry = FindObject(c)) c.reply().Bulk(EncodingName(*entry));
}

void ObjectFreq(CommandContext& c) {
  const Entry* entry = FindObject(c);
  if (entry == nullptr) return;
  if (!CountsFrequency(c.db().options().policy)) {
    c.Error(
        "ERR An LFU maxmemory policy is not selected, access frequency not tracked. Please note "
        "that when switching between policies at runtime LRU and LFU data will take some time to "
        "adjust.");
    return;
  }
  c.reply().Integer(c.db().LfuCounter(entry));
}

void ObjectIdleTime(CommandContext& c) {
  const Entry* entry = FindObject(c);
  if (entry == nullptr) return;
  if (CountsFrequency(c.db().options().policy)) {
    c.Error(
        "ERR An LFU maxmemory policy is selected, idle time not tracked. Please note that when "
        "switching between policies at runtime LRU and LFU data will take some time to adjust.");
    return;
  }
  c.reply().Integer(c.db().IdleSeconds(entry));
}

// Nothing is shared here. Redis shares the integers below 10000 (unless a policy keeps times or
// counters in them) and says so; tools that look for it get the same answer.
void ObjectRefCount(CommandContext& c) {
  constexpr int64_t kSharedIntegers = 10000;
  const Entry* entry = FindObject(c);
  if (entry == nullptr) return;
  const engine::Options& options = c.db().options();
  const bool may_share =
      options.maxmemory == 0 || !(CountsFrequency(options.policy) || CountsRecency(options.policy));
  int64_t number = 0;
  const bool shared = may_share && entry->IsInt(&number) && number >= 0 && number < kSharedIntegers;
  c.reply().Integer(shared ? INT_MAX : 1);
}

void ObjectHelp(CommandContext& c) {
  constexpr std::string_view kLines[] = {
      "ENCODING <key>", "    Name the representation of the key's value.",
      "FREQ <key>",     "    Return how often the key was used lately, on a logarithmic scale.",
      "IDLETIME <key>", "    Return the seconds since the key was used.",
      "REFCOUNT <key>", "    Return the number of references to the key's value.",
  };
  c.Help(kLines);
}

// ---- walks -----------------------------------------------------------------------------------

// The cold tier could not be read. True: the task is over.
bool ReplyReadError(CommandContext& c, const codec::Status& error) {
  c.Error("ERR reading from the cold tier failed: " + error.ToString());
  return true;
}

class ScanTask final : public CommandTask {
 public:
  ScanTask(int db, uint64_t cursor, const ScanOptions& options) : options_(options) {
    request_.db = db;
    request_.cursor = cursor;
    request_.count = options.count;
  }

  bool Step(CommandContext& c, engine::Waiter* waiter) override {
    const std::optional<engine::ScanPage> page = c.db().ScanStep(&request_, waiter);
    if (!page) return false;
    if (!page->status.ok()) return ReplyReadError(c, page->status);
    ReplyScanCursor(c, page->next);
    const size_t begin = c.reply().BeginDeferred();
    size_t n = 0;
    for (const engine::ScanPage::Key& key : page->keys) {
      if (!options_.Matches(c, key.key)) continue;
      if (options_.type != 0 && !c.Is(options_.type, TypeName(key.type))) continue;
      c.reply().Bulk(key.key);
      ++n;
    }
    c.reply().EndArray(begin, n);
    return true;
  }

 private:
  engine::ScanRequest request_;
  const ScanOptions options_;
};

void Scan(CommandContext& c) {
  uint64_t cursor = 0;
  ScanOptions options;
  if (!ParseScanCursor(c, c.arg(1), &cursor)) return;
  if (!ParseScanOptions(c, 2, /*allow_type=*/true, &options)) return;
  c.StartTask(std::make_unique<ScanTask>(c.dbnum(), cursor, options));
}

class KeysTask final : public CommandTask {
 public:
  explicit KeysTask(int db) {
    request_.db = db;
    request_.count = kKeysAStep;
  }

  bool Step(CommandContext& c, engine::Waiter* waiter) override {
    while (true) {
      const std::optional<engine::ScanPage> page = c.db().ScanStep(&request_, waiter);
      if (!page) return false;
      if (!page->status.ok()) return ReplyReadError(c, page->status);
      const bool all = c.arg(1) == "*";  // the matcher says no to an empty key, KEYS does not
      for (const engine::ScanPage::Key& key : page->keys) {
        if (!all && !codec::GlobMatch(c.arg(1), key.key)) continue;
        matches_.Bulk(key.key);
        ++count_;
      }
      if (page->next == 0) break;
      const int db = request_.db;
      request_ = {};
      request_.db = db;
      request_.cursor = page->next;
      request_.count = kKeysAStep;
      if (waiter != nullptr) {
        c.db().Yield(waiter);
        return false;
      }
    }
    c.reply().Array(count_);
    c.reply().Raw(body_);
    return true;
  }

 private:
  static constexpr uint64_t kKeysAStep = 1024;

  engine::ScanRequest request_;
  std::string body_;
  codec::RespWriter matches_{body_, 2};  // bulk strings look alike in both protocols
  size_t count_ = 0;
};

void Keys(CommandContext& c) { c.StartTask(std::make_unique<KeysTask>(c.dbnum())); }

class RandomKeyTask final : public CommandTask {
 public:
  bool Step(CommandContext& c, engine::Waiter* waiter) override {
    request_.db = c.dbnum();
    const auto random = c.db().RandomKey(c.dbnum(), &request_, waiter);
    if (!random) return false;
    if (!random->status.ok()) return ReplyReadError(c, random->status);
    random->key ? c.reply().Bulk(*random->key) : c.reply().Null();
    return true;
  }

 private:
  engine::ScanRequest request_;
};

void RandomKey(CommandContext& c) { c.StartTask(std::make_unique<RandomKeyTask>()); }

// ---- whole databases -------------------------------------------------------------------------

// After a restart the count may have to be waited for.
class DbSizeTask final : public CommandTask {
 public:
  bool Step(CommandContext& c, engine::Waiter* waiter) override {
    const codec::Status error = waiter != nullptr ? c.db().TakeReadError(waiter) : codec::Status();
    if (!error.ok()) return ReplyReadError(c, error);
    if (!c.db().CountsKnown(waiter)) {
      return waiter == nullptr && ReplyReadError(c, c.db().GrowthError());
    }
    c.db().GateOnLogEnd();
    c.reply().Integer(static_cast<int64_t>(c.db().Size(c.dbnum())));
    return true;
  }
};

void DbSize(CommandContext& c) { c.StartTask(std::make_unique<DbSizeTask>()); }

// FLUSHDB and FLUSHALL take at most one word. Both words mean the same here: emptying is O(1).
bool CheckFlushArgs(CommandContext& c) {
  if (c.argc() == 1 || (c.argc() == 2 && (c.Is(1, "SYNC") || c.Is(1, "ASYNC")))) return true;
  c.SyntaxError();
  return false;
}
void FlushDb(CommandContext& c) {
  if (!CheckFlushArgs(c)) return;
  c.db().FlushDb(c.dbnum());
  c.Ok();
}
void FlushAll(CommandContext& c) {
  if (!CheckFlushArgs(c)) return;
  c.db().FlushAll();
  c.Ok();
}

void SwapDb(CommandContext& c) {
  int64_t a = 0;
  int64_t b = 0;
  if (!c.IntegerInRange(1, INT_MIN, INT_MAX, &a, "ERR invalid first DB index") ||
      !c.IntegerInRange(2, INT_MIN, INT_MAX, &b, "ERR invalid second DB index")) {
    return;
  }
  const int64_t databases = c.db().databases();
  if (a < 0 || b < 0 || a >= databases || b >= databases) {
    c.Error("ERR DB index is out of range");
    return;
  }
  if (a != b) c.db().SwapDb(static_cast<int>(a), static_cast<int>(b));
  c.Ok();
}

// ---- the table -------------------------------------------------------------------------------

constexpr KeySpec kCopyKeys[] = {KeyAt(1, kKeyRO | kKeyAccess, Need::kValue),
                                 KeyAt(2, kKeyOW | kKeyUpdate, Need::kHeader)};
constexpr ArgSpec kCopyArgs[] = {KeyArg("source"), KeyArg("destination", 1),
                                 Optional(WithToken("DB", IntegerArg("destination-db"))),
                                 Optional(Token("replace", "REPLACE"))};
constexpr std::string_view kTipsAllShardsAggSum[] = {"request_policy:all_shards",
                                                     "response_policy:agg_sum"};
constexpr KeySpec kDeleteKeys[] = {KeyRange(1, -1, 1, kKeyRM | kKeyDelete, Need::kHeader)};
constexpr std::string_view kTipsMultiShardAggSum[] = {"request_policy:multi_shard",
                                                      "response_policy:agg_sum"};
constexpr ArgSpec kKeysArgs[] = {Multiple(KeyArg())};
constexpr KeySpec kDumpKeys[] = {KeyAt(1, kKeyRO | kKeyAccess, Need::kValue)};
constexpr std::string_view kTipsNondeterministicOutput[] = {"nondeterministic_output"};
constexpr ArgSpec kKeyArgs[] = {KeyArg()};
constexpr KeySpec kExistsKeys[] = {KeyRange(1, -1, 1, kKeyRO, Need::kHeader)};
constexpr HistoryEntry kExistsHistory[] = {{"3.0.3", "Several keys."}};
constexpr KeySpec kUpdateKey[] = {KeyAt(1, kKeyRW | kKeyUpdate, Need::kHeader)};
constexpr ArgSpec kAfterSecondsConditionArgs[] = {Token("nx", "NX"), Token("xx", "XX"),
                                                  Token("gt", "GT"), Token("lt", "LT")};
constexpr ArgSpec kAfterSecondsArgs[] = {
    KeyArg(), IntegerArg("seconds"),
    Optional(Since("7.0.0", OneOf("condition", kAfterSecondsConditionArgs)))};
constexpr HistoryEntry kExpireHistory[] = {{"7.0.0", "Options `NX`, `XX`, `GT`, `LT`."}};
constexpr ArgSpec kAtSecondsArgs[] = {
    KeyArg(), UnixTimeArg("unix-time-seconds"),
    Optional(Since("7.0.0", OneOf("condition", kAfterSecondsConditionArgs)))};
constexpr KeySpec kReadHeaderKey[] = {KeyAt(1, kKeyRO | kKeyAccess, Need::kHeader)};
constexpr std::string_view kTipsAllShardsAllSucceeded[] = {"request_policy:all_shards",
                                                           "response_policy:all_succeeded"};
constexpr ArgSpec kFlushAsyncArgs[] = {Since("4.0.0", Token("async", "ASYNC")),
                                       Since("6.2.0", Token("sync", "SYNC"))};
constexpr ArgSpec kFlushArgs[] = {Optional(OneOf("async", kFlushAsyncArgs))};
constexpr HistoryEntry kFlushHistory[] = {{"4.0.0", "Modifier `ASYNC`."},
                                          {"6.2.0", "Modifier `SYNC`."}};
constexpr std::string_view kTipsAllShardsNondeterministicOutputOrder[] = {
    "request_policy:all_shards", "nondeterministic_output_order"};
constexpr ArgSpec kPatternArgs[] = {PatternArg("pattern")};
constexpr KeySpec kMoveKeys[] = {KeyAt(1, kKeyRW | kKeyAccess | kKeyUpdate, Need::kValue)};
constexpr ArgSpec kMoveArgs[] = {KeyArg(), IntegerArg("db")};
constexpr KeySpec kObjectHeaderKey[] = {KeyAt(2, kKeyRO, Need::kHeader)};
constexpr KeySpec kObjectValueKey[] = {KeyAt(2, kKeyRO, Need::kValue, engine::NoPart)};
constexpr CommandSpec kObjectSubcommands[] = {
    {.name = "ENCODING",
     .arity = 3,
     .flags = kReadOnly,
     .keys = kObjectHeaderKey,
     .acl = kAclKeyspace,
     .handler = ObjectEncoding,
     .since = "2.2.3",
     .group = "generic",
     .complexity = "O(1)",
     .summary = "Names the internal encoding of a value.",
     .tips = kTipsNondeterministicOutput,
     .args = kKeyArgs},
    {.name = "FREQ",
     .arity = 3,
     .flags = kReadOnly,
     .keys = kObjectHeaderKey,
     .acl = kAclKeyspace,
     .handler = ObjectFreq,
     .since = "4.0.0",
     .group = "generic",
     .complexity = "O(1)",
     .summary = "Returns the access frequency counter of a key.",
     .tips = kTipsNondeterministicOutput,
     .args = kKeyArgs},
    {.name = "HELP",
     .arity = 2,
     .flags = kLoading | kStale,
     .acl = kAclKeyspace,
     .handler = ObjectHelp,
     .since = "6.2.0",
     .group = "generic",
     .complexity = "O(1)",
     .summary = "Lists the subcommands."},
    {.name = "IDLETIME",
     .arity = 3,
     .flags = kReadOnly,
     .keys = kObjectHeaderKey,
     .acl = kAclKeyspace,
     .handler = ObjectIdleTime,
     .since = "2.2.3",
     .group = "generic",
     .complexity = "O(1)",
     .summary = "Returns how long a key has not been used.",
     .tips = kTipsNondeterministicOutput,
     .args = kKeyArgs},
    {.name = "REFCOUNT",
     .arity = 3,
     .flags = kReadOnly,
     .keys = kObjectValueKey,
     .acl = kAclKeyspace,
     .handler = ObjectRefCount,
     .since = "2.2.3",
     .group = "generic",
     .complexity = "O(1)",
     .summary = "Returns the number of references to a value.",
     .tips = kTipsNondeterministicOutput,
     .args = kKeyArgs},
};
constexpr ArgSpec kAfterMillisecondsArgs[] = {
    KeyArg(), IntegerArg("milliseconds"),
    Optional(Since("7.0.0", OneOf("condition", kAfterSecondsConditionArgs)))};
constexpr ArgSpec kAtMillisecondsArgs[] = {
    KeyArg(), UnixTimeArg("unix-time-milliseconds"),
    Optional(Since("7.0.0", OneOf("condition", kAfterSecondsConditionArgs)))};
constexpr HistoryEntry kTtlHistory[] = {{"2.8.0", "Reply -2."}};
constexpr std::string_view kTipsAllShardsNondeterministicOutput[] = {"request_policy:all_shards",
                                                                     "nondeterministic_output"};
constexpr KeySpec kRenameKeys[] = {KeyAt(1, kKeyRW | kKeyAccess | kKeyDelete, Need::kValue),
                                   KeyAt(2, kKeyOW | kKeyUpdate, Need::kHeader)};
constexpr ArgSpec kRenameArgs[] = {KeyArg(), KeyArg("newkey", 1)};
constexpr KeySpec kRenameNxKeys[] = {KeyAt(1, kKeyRW | kKeyAccess | kKeyDelete, Need::kValue),
                                     KeyAt(2, kKeyOW | kKeyInsert, Need::kHeader)};
constexpr HistoryEntry kRenamenxHistory[] = {{"3.2.0", "Equal names are no error any more."}};
constexpr KeySpec kRestoreKey[] = {KeyAt(1, kKeyOW | kKeyUpdate, Need::kHeader)};
constexpr ArgSpec kRestoreArgs[] = {
    KeyArg(),
    IntegerArg("ttl"),
    StringArg("serialized-value"),
    Optional(Since("3.0.0", Token("replace", "REPLACE"))),
    Optional(Since("5.0.0", Token("absttl", "ABSTTL"))),
    Optional(Since("5.0.0", WithToken("IDLETIME", IntegerArg("seconds")))),
    Optional(Since("5.0.0", WithToken("FREQ", IntegerArg("frequency"))))};
constexpr HistoryEntry kRestoreHistory[] = {{"3.0.0", "Modifier `REPLACE`."},
                                            {"5.0.0", "Modifier `ABSTTL`."},
                                            {"5.0.0", "Options `IDLETIME`, `FREQ`."}};
constexpr std::string_view kTipsNondeterministicOutputSpecial[] = {"nondeterministic_output",
                                                                   "request_policy:special"};
constexpr ArgSpec kScanArgs[] = {IntegerArg("cursor"),
                                 Optional(WithToken("MATCH", PatternArg("pattern"))),
                                 Optional(WithToken("COUNT", IntegerArg("count"))),
                                 Optional(Since("6.0.0", WithToken("TYPE", StringArg("type"))))};
constexpr HistoryEntry kScanHistory[] = {{"6.0.0", "Option `TYPE`."}};
constexpr ArgSpec kSwapdbArgs[] = {IntegerArg("index1"), IntegerArg("index2")};
constexpr KeySpec kTypeKeys[] = {KeyAt(1, kKeyRO, Need::kHeader)};

constexpr CommandSpec kRows[] = {
    {.name = "COPY",
     .arity = -3,
     .flags = kWrite | kDenyOom,
     .keys = kCopyKeys,
     .acl = kAclKeyspace,
     .handler = Copy,
     .since = "6.2.0",
     .group = "generic",
     .complexity = "O(N) for N nested items; O(1) for strings",
     .summary = "Copies a key.",
     .args = kCopyArgs,
     .find_keys = FindCopyKeys},
    {.name = "DBSIZE",
     .arity = 1,
     .flags = kReadOnly | kFast,
     .acl = kAclKeyspace,
     .handler = DbSize,
     .since = "1.0.0",
     .group = "server",
     .complexity = "O(1)",
     .summary = "Returns the number of keys in the selected database.",
     .tips = kTipsAllShardsAggSum},
    {.name = "DEL",
     .arity = -2,
     .flags = kWrite,
     .keys = kDeleteKeys,
     .acl = kAclKeyspace,
     .handler = Del,
     .since = "1.0.0",
     .group = "generic",
     .complexity = "O(N) for N keys",
     .summary = "Deletes keys.",
     .tips = kTipsMultiShardAggSum,
     .args = kKeysArgs},
    {.name = "DUMP",
     .arity = 2,
     .flags = kReadOnly,
     .keys = kDumpKeys,
     .acl = kAclKeyspace,
     .handler = Dump,
     .since = "2.6.0",
     .group = "generic",
     .complexity = "O(N) for N bytes of value",
     .summary = "Returns the serialized value of a key.",
     .tips = kTipsNondeterministicOutput,
     .args = kKeyArgs},
    {.name = "EXISTS",
     .arity = -2,
     .flags = kReadOnly | kFast,
     .keys = kExistsKeys,
     .acl = kAclKeyspace,
     .handler = Exists,
     .since = "1.0.0",
     .group = "generic",
     .complexity = "O(N) for N keys",
     .summary = "Counts how many of the keys exist.",
     .tips = kTipsMultiShardAggSum,
     .args = kKeysArgs,
     .history = kExistsHistory},
    {.name = "EXPIRE",
     .arity = -3,
     .flags = kWrite | kFast,
     .keys = kUpdateKey,
     .acl = kAclKeyspace,
     .handler = Expire,
     .since = "1.0.0",
     .group = "generic",
     .complexity = "O(1)",
     .summary = "Lets a key expire after some seconds.",
     .args = kAfterSecondsArgs,
     .history = kExpireHistory},
    {.name = "EXPIREAT",
     .arity = -3,
     .flags = kWrite | kFast,
     .keys = kUpdateKey,
     .acl = kAclKeyspace,
     .handler = ExpireAt,
     .since = "1.2.0",
     .group = "generic",
     .complexity = "O(1)",
     .summary = "Lets a key expire at a Unix time.",
     .args = kAtSecondsArgs,
     .history = kExpireHistory},
    {.name = "EXPIRETIME",
     .arity = 2,
     .flags = kReadOnly | kFast,
     .keys = kReadHeaderKey,
     .acl = kAclKeyspace,
     .handler = ExpireTime,
     .since = "7.0.0",
     .group = "generic",
     .complexity = "O(1)",
     .summary = "Returns the Unix time at which a key expires.",
     .args = kKeyArgs},
    {.name = "FLUSHALL",
     .arity = -1,
     .flags = kWrite,
     .acl = kAclKeyspace | kAclDangerous,
     .handler = FlushAll,
     .since = "1.0.0",
     .group = "server",
     .complexity = "O(1); memory and disk are reclaimed in the background",
     .summary = "Empties all databases.",
     .tips = kTipsAllShardsAllSucceeded,
     .args = kFlushArgs,
     .history = kFlushHistory},
    {.name = "FLUSHDB",
     .arity = -1,
     .flags = kWrite,
     .acl = kAclKeyspace | kAclDangerous,
     .handler = FlushDb,
     .since = "1.0.0",
     .group = "server",
     .complexity = "O(1); memory and disk are reclaimed in the background",
     .summary = "Empties the selected database.",
     .tips = kTipsAllShardsAllSucceeded,
     .args = kFlushArgs,
     .history = kFlushHistory},
    {.name = "KEYS",
     .arity = 2,
     .flags = kReadOnly,
     .acl = kAclKeyspace | kAclDangerous,
     .handler = Keys,
     .since = "1.0.0",
     .group = "generic",
     .complexity = "O(N) for N keys in the database",
     .summary = "Lists the keys that match a pattern.",
     .tips = kTipsAllShardsNondeterministicOutputOrder,
     .args = kPatternArgs},
    {.name = "MOVE",
     .arity = 3,
     .flags = kWrite | kFast,
     .keys = kMoveKeys,
     .acl = kAclKeyspace,
     .handler = Move,
     .since = "1.0.0",
     .group = "generic",
     .complexity = "O(1)",
     .summary = "Moves a key to another database.",
     .args = kMoveArgs,
     .find_keys = FindMoveKeys},
    {.name = "OBJECT",
     .arity = -2,
     .since = "2.2.3",
     .group = "generic",
     .complexity = "Depends on subcommand.",
     .summary = "Looks into how a value is stored.",
     .subcommands = kObjectSubcommands},
    {.name = "PERSIST",
     .arity = 2,
     .flags = kWrite | kFast,
     .keys = kUpdateKey,
     .acl = kAclKeyspace,
     .handler = Persist,
     .since = "2.2.0",
     .group = "generic",
     .complexity = "O(1)",
     .summary = "Removes the expiry of a key.",
     .args = kKeyArgs},
    {.name = "PEXPIRE",
     .arity = -3,
     .flags = kWrite | kFast,
     .keys = kUpdateKey,
     .acl = kAclKeyspace,
     .handler = PExpire,
     .since = "2.6.0",
     .group = "generic",
     .complexity = "O(1)",
     .summary = "Lets a key expire after some milliseconds.",
     .args = kAfterMillisecondsArgs,
     .history = kExpireHistory},
    {.name = "PEXPIREAT",
     .arity = -3,
     .flags = kWrite | kFast,
     .keys = kUpdateKey,
     .acl = kAclKeyspace,
     .handler = PExpireAt,
     .since = "2.6.0",
     .group = "generic",
     .complexity = "O(1)",
     .summary = "Lets a key expire at a Unix time in milliseconds.",
     .args = kAtMillisecondsArgs,
     .history = kExpireHistory},
    {.name = "PEXPIRETIME",
     .arity = 2,
     .flags = kReadOnly | kFast,
     .keys = kReadHeaderKey,
     .acl = kAclKeyspace,
     .handler = PExpireTime,
     .since = "7.0.0",
     .group = "generic",
     .complexity = "O(1)",
     .summary = "Returns the Unix time in milliseconds at which a key expires.",
     .args = kKeyArgs},
    {.name = "PTTL",
     .arity = 2,
     .flags = kReadOnly | kFast,
     .keys = kReadHeaderKey,
     .acl = kAclKeyspace,
     .handler = PTtl,
     .since = "2.6.0",
     .group = "generic",
     .complexity = "O(1)",
     .summary = "Returns in how many milliseconds a key expires.",
     .tips = kTipsNondeterministicOutput,
     .args = kKeyArgs,
     .history = kTtlHistory},
    {.name = "RANDOMKEY",
     .arity = 1,
     .flags = kReadOnly,
     .acl = kAclKeyspace,
     .handler = RandomKey,
     .since = "1.0.0",
     .group = "generic",
     .complexity = "O(1)",
     .summary = "Returns a random key.",
     .tips = kTipsAllShardsNondeterministicOutput},
    {.name = "RENAME",
     .arity = 3,
     .flags = kWrite,
     .keys = kRenameKeys,
     .acl = kAclKeyspace,
     .handler = Rename,
     .since = "1.0.0",
     .group = "generic",
     .complexity = "O(1)",
     .summary = "Renames a key.",
     .args = kRenameArgs},
    {.name = "RENAMENX",
     .arity = 3,
     .flags = kWrite | kFast,
     .keys = kRenameNxKeys,
     .acl = kAclKeyspace,
     .handler = RenameNx,
     .since = "1.0.0",
     .group = "generic",
     .complexity = "O(1)",
     .summary = "Renames a key if the new name is free.",
     .args = kRenameArgs,
     .history = kRenamenxHistory},
    {.name = "RESTORE",
     .arity = -4,
     .flags = kWrite | kDenyOom,
     .keys = kRestoreKey,
     .acl = kAclKeyspace | kAclDangerous,
     .handler = Restore,
     .since = "2.6.0",
     .group = "generic",
     .complexity = "O(N) for N bytes of value; O(N*log(N)) for sorted sets",
     .summary = "Creates a key from a serialized value.",
     .args = kRestoreArgs,
     .history = kRestoreHistory},
    {.name = "SCAN",
     .arity = -2,
     .flags = kReadOnly,
     .acl = kAclKeyspace,
     .handler = Scan,
     .since = "2.8.0",
     .group = "generic",
     .complexity = "O(1) a call; O(N) for a walk over N keys",
     .summary = "Walks over the keys of the database, a few a call.",
     .tips = kTipsNondeterministicOutputSpecial,
     .args = kScanArgs,
     .history = kScanHistory},
    {.name = "SWAPDB",
     .arity = 3,
     .flags = kWrite | kFast,
     .acl = kAclKeyspace | kAclDangerous,
     .handler = SwapDb,
     .since = "4.0.0",
     .group = "server",
     .complexity = "O(1)",
     .summary = "Exchanges two databases.",
     .args = kSwapdbArgs},
    {.name = "TOUCH",
     .arity = -2,
     .flags = kReadOnly | kFast,
     .keys = kExistsKeys,
     .acl = kAclKeyspace,
     .handler = MarkUsed,
     .since = "3.2.1",
     .group = "generic",
     .complexity = "O(N) for N keys",
     .summary = "Marks keys as used and counts those that exist.",
     .tips = kTipsMultiShardAggSum,
     .args = kKeysArgs},
    {.name = "TTL",
     .arity = 2,
     .flags = kReadOnly | kFast,
     .keys = kReadHeaderKey,
     .acl = kAclKeyspace,
     .handler = Ttl,
     .since = "1.0.0",
     .group = "generic",
     .complexity = "O(1)",
     .summary = "Returns in how many seconds a key expires.",
     .tips = kTipsNondeterministicOutput,
     .args = kKeyArgs,
     .history = kTtlHistory},
    {.name = "TYPE",
     .arity = 2,
     .flags = kReadOnly | kFast,
     .keys = kTypeKeys,
     .acl = kAclKeyspace,
     .handler = Type,
     .since = "1.0.0",
     .group = "generic",
     .complexity = "O(1)",
     .summary = "Names the type of a value.",
     .args = kKeyArgs},
    {.name = "UNLINK",
     .arity = -2,
     .flags = kWrite | kFast,
     .keys = kDeleteKeys,
     .acl = kAclKeyspace,
     .handler = Del,
     .since = "4.0.0",
     .group = "generic",
     .complexity = "O(1) a key",
     .summary = "Deletes keys; their memory is freed in the background.",
     .tips = kTipsMultiShardAggSum,
     .args = kKeysArgs},
};

}  // namespace

std::span<const CommandSpec> KeysCommands() { return kRows; }

}  // namespace thermocline::server
