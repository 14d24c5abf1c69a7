// DEBUG's subcommands. Keys that they name are not declared in the command table (as in Redis), so
// those that look at values prepare them themselves, as tasks.
#include "server/commands/debug_command.h"

#include <glog/logging.h>

#include <algorithm>
#include <chrono>
#include <climits>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "codec/glob.h"
#include "codec/number_text.h"
#include "server/commands/dataset_digest.h"
#include "server/commands/prepare_keys.h"
#include "server/commands/value_names.h"
#include "server/server.h"

namespace thermocline::server {
namespace {

using engine::Database;
using engine::Entry;
using engine::KeyRequest;
using engine::Need;

// ---- values ----------------------------------------------------------------------------------

// DEBUG OBJECT key, DEBUG DIGEST-VALUE key ...: a look at values of the selected database.
class ValuesTask final : public CommandTask {
 public:
  explicit ValuesTask(bool digest) : digest_(digest) {}

  bool Step(CommandContext& c, engine::Waiter* waiter) override {
    std::vector<KeyRequest> keys;
    for (const std::string_view key : c.argv().subspan(2)) {
      keys.push_back({c.dbnum(), key, Need::kValue});
    }
    const std::optional<codec::Status> prepared = PrepareKeys(c, keys, waiter);
    if (!prepared) return false;
    if (!prepared->ok()) return ReplyReadError(c, *prepared);
    digest_ ? ReplyDigests(c) : ReplyObject(c);
    return true;
  }

 private:
  static void ReplyDigests(CommandContext& c) {
    c.reply().Array(c.argc() - 2);
    for (const std::string_view key : c.argv().subspan(2)) {
      DatasetDigest digest;
      const Entry* entry = c.db().Find(c.dbnum(), key, Database::Touch::kNo);
      if (entry != nullptr) digest.MixValue(c.db(), *entry);
      c.reply().Simple(digest.Hex());
    }
  }

  static void ReplyObject(CommandContext& c) {
    const Entry* entry = c.db().Find(c.dbnum(), c.arg(2), Database::Touch::kNo);
    if (entry == nullptr) {
      c.Error("ERR no such key");
      return;
    }
    constexpr size_t kDumpOverhead = 1 + 10;  // type, and version with checksum
    char line[256];
    std::snprintf(line, sizeof(line),
                  "Value at:%p refcount:1 encoding:%.*s serializedlength:%zu lru:%u "
                  "lru_seconds_idle:%lld",
                  static_cast<const void*>(entry), static_cast<int>(EncodingName(*entry).size()),
                  EncodingName(*entry).data(), c.db().Dump(entry).size() - kDumpOverhead,
                  entry->access(), static_cast<long long>(c.db().IdleSeconds(entry)));
    c.reply().Simple(line);
  }

  const bool digest_;
};

// DEBUG DIGEST: all databases, a page of keys at a time, a few pages a step. Each page is pinned
// only while it is mixed in. What others write meanwhile may or may not count: compare idle
// servers.
class DigestTask final : public CommandTask {
 public:
  bool Step(CommandContext& c, engine::Waiter* waiter) override {
    int pages = 0;
    for (; db_ < c.db().databases(); NextDatabase()) {
      while (true) {
        if (!page_) {
          if (waiter != nullptr && ++pages > kPagesAStep) {
            c.db().Yield(waiter);
            return false;
          }
          page_ = c.db().ScanStep(&request_, waiter);
          if (!page_) return false;
          if (!page_->status.ok()) return ReplyReadError(c, page_->status);
        }
        std::vector<KeyRequest> keys;
        for (const engine::ScanPage::Key& key : page_->keys) {
          keys.push_back({db_, key.key, Need::kValue});
        }
        const std::optional<codec::Status> prepared = PrepareKeys(c, keys, waiter);
        if (!prepared) return false;
        if (!prepared->ok()) return ReplyReadError(c, *prepared);
        MixPage(c);
        if (waiter != nullptr) c.db().Release(waiter);
        const uint64_t next = page_->next;
        if (next == 0) break;
        page_.reset();
        StartPage(next);
      }
    }
    c.reply().Simple(total_.Hex());
    return true;
  }

 private:
  static constexpr uint64_t kKeysAPage = 128;
  static constexpr int kPagesAStep = 4;  // about a millisecond of SHA-1 over small values

  void StartPage(uint64_t cursor) {
    request_ = {};
    request_.db = db_;
    request_.cursor = cursor;
    request_.count = kKeysAPage;
  }

  void NextDatabase() {
    ++db_;
    page_.reset();
    has_keys_ = false;
    StartPage(0);
  }

  void MixPage(CommandContext& c) {
    for (const engine::ScanPage::Key& key : page_->keys) {
      const Entry* entry = c.db().Find(db_, key.key, Database::Touch::kNo);
      if (entry == nullptr) continue;  // deleted since the page was made
      if (!has_keys_) total_.MixNumber(static_cast<uint32_t>(db_));
      has_keys_ = true;
      total_.XorKey(c.db(), *entry);
    }
  }

  int db_ = 0;
  bool has_keys_ = false;  // database db_ has been mixed in
  engine::ScanRequest request_;
  std::optional<engine::ScanPage> page_;
  DatasetDigest total_;
};

// ---- tiers -----------------------------------------------------------------------------------

// DEBUG SPILL, DEBUG CHECKPOINT: start it, and reply when it is done.
class TierTask final : public CommandTask {
 public:
  explicit TierTask(bool checkpoint) : checkpoint_(checkpoint) {}

  bool Step(CommandContext& c, engine::Waiter* waiter) override {
    if (!started_) {
      started_ = true;
      if (!checkpoint_) {
        c.db().SpillAll(waiter);
        return false;
      }
      const codec::Status status = c.db().StartCheckpoint(waiter);
      if (status.ok()) return false;
      c.Error("ERR checkpoint failed: " + status.ToString());
      return true;
    }
    c.Ok();
    return true;
  }

 private:
  const bool checkpoint_;
  bool started_ = false;
};

void StartTierTask(CommandContext& c, bool checkpoint) {
  if (c.in_exec()) {
    c.Error("ERR a transaction cannot wait for the cold tier");
    return;
  }
  c.StartTask(std::make_unique<TierTask>(checkpoint));
}

// ---- filling ---------------------------------------------------------------------------------

// DEBUG POPULATE count [prefix] [size]: keys prefix:0 ... with values value:0 ..., padded with
// zeros or cut to the size. Keys that exist stay as they are.
void Populate(CommandContext& c) {
  constexpr std::string_view kNotPositive = "ERR value is out of range, must be positive";
  int64_t count = 0;
  int64_t size = 0;
  if (!c.IntegerInRange(2, 0, LONG_MAX, &count, kNotPositive)) return;
  if (c.argc() == 5 &&
      !c.IntegerInRange(4, 0, static_cast<int64_t>(Entry::kValueBytesMax), &size, kNotPositive)) {
    return;
  }
  const std::string prefix(c.argc() > 3 ? c.arg(3) : std::string_view("key"));
  for (int64_t i = 0; i < count; ++i) {
    const std::string key = prefix + ":" + std::to_string(i);
    const KeyRequest request{c.dbnum(), key, Need::kHeader};
    const codec::Status status = c.db().PrepareNow({&request, 1});
    if (!status.ok()) {
      ReplyReadError(c, status);
      return;
    }
    if (c.db().FindForWrite(c.dbnum(), key) != nullptr) continue;
    std::string value = "value:" + std::to_string(i);
    if (size > 0) value.resize(static_cast<size_t>(size));
    c.db().SetString(c.dbnum(), key, value);
  }
  c.Ok();
}

// ---- the rest --------------------------------------------------------------------------------

void Sleep(CommandContext& c) {
  const double seconds = std::strtod(std::string(c.arg(2)).c_str(), nullptr);
  if (seconds > 0) std::this_thread::sleep_for(std::chrono::duration<double>(seconds));
  c.Ok();
}

void ReplyGivenError(CommandContext& c) {
  std::string text(c.arg(2));
  std::replace_if(
      text.begin(), text.end(), [](char ch) { return ch == '\r' || ch == '\n'; }, ' ');
  c.reply().Raw("-" + text + "\r\n");
}

// A reply of every type, for the authors of clients. Values are Redis's.
void Protocol(CommandContext& c) {
  codec::RespWriter& reply = c.reply();
  if (c.Is(2, "string")) {
    reply.Bulk("Hello World");
  } else if (c.Is(2, "integer")) {
    reply.Integer(12345);
  } else if (c.Is(2, "double")) {
    reply.Double(3.141);
  } else if (c.Is(2, "null")) {
    reply.Null();
  } else if (c.Is(2, "array")) {
    reply.Array(3);
    for (int i = 0; i < 3; ++i) reply.Integer(i);
  } else if (c.Is(2, "set")) {
    reply.Set(3);
    for (int i = 0; i < 3; ++i) reply.Integer(i);
  } else if (c.Is(2, "map")) {
    reply.Map(3);
    for (int i = 0; i < 3; ++i) {
      reply.Integer(i);
      reply.Bool(i == 1);
    }
  } else if (c.Is(2, "attrib")) {
    if (reply.proto() == 3) {
      reply.Attribute(1);
      reply.Bulk("key-popularity");
      reply.Array(2);
      reply.Bulk("key:123");
      reply.Integer(90);
    }
    reply.Bulk("Some real reply following the attribute");
  } else if (c.Is(2, "push")) {
    if (reply.proto() == 2) {
      c.Error("ERR RESP2 is not supported by this command");
      return;
    }
    reply.Push(2);
    reply.Bulk("server-cpu-usage");
    reply.Integer(42);
    reply.Bulk("Some real reply following the push reply");
  } else if (c.Is(2, "verbatim")) {
    reply.Verbatim("txt", "This is a verbatim\nstring");
  } else if (c.Is(2, "true")) {
    reply.Bool(true);
  } else if (c.Is(2, "false")) {
    reply.Bool(false);
  } else if (c.Is(2, "bignum")) {
    reply.BigNumber("1234567999999999999999999999999999999");
  } else {
    c.Error(
        "ERR Wrong protocol type name. Please use one of the following: "
        "string|integer|double|bignum|null|array|set|map|attrib|push|verbatim|true|false");
  }
}

// Random patterns against random texts: hostile patterns have to end, and soon.
void StringMatchTest(CommandContext& c) {
  constexpr int kRounds = 100000;
  constexpr size_t kLengthMax = 31;
  std::minstd_rand random(std::random_device{}());
  const auto random_text = [&random] {
    constexpr std::string_view kLetters = "a*?[]^-\\b";
    std::string text(random() % (kLengthMax + 1), 'a');
    for (char& ch : text) ch = kLetters[random() % kLetters.size()];
    return text;
  };
  size_t matches = 0;
  for (int i = 0; i < kRounds; ++i) {
    if (codec::GlobMatch(random_text(), random_text(), /*nocase=*/i % 2 == 0)) ++matches;
  }
  c.reply().Simple("Matched " + std::to_string(matches) + " of " + std::to_string(kRounds));
}

void Help(CommandContext& c) {
  constexpr std::string_view kLines[] = {
      "CHECKPOINT",
      "    Take a checkpoint and reply when it is durable.",
      "DIGEST",
      "    Return a signature of all data, equal to Redis's for equal data.",
      "DIGEST-VALUE <key> [<key> ...]",
      "    Return a signature of the value of each key.",
      "ERROR <text>",
      "    Reply the text as an error.",
      "LOG <text>",
      "    Write the text to the server's log.",
      "OBJECT <key>",
      "    Show how a value is stored.",
      "POPULATE <count> [<prefix>] [<size>]",
      "    Create keys <prefix>:0 and so on, those that do not exist.",
      "PROTOCOL <type>",
      "    Reply a value of a type: string, integer, double, bignum, null, array, set, map,",
      "    attrib, push, verbatim, true, false.",
      "SET-ACTIVE-EXPIRE <0|1>",
      "    Switch off (0) or on (1) the deletion of expired keys that nobody asks for.",
      "SLEEP <seconds>",
      "    Stop the server for that long. Decimals are allowed.",
      "SPILL [ALL]",
      "    Move everything that may go to the cold tier, and reply when it is done.",
      "STRINGMATCH-TEST",
      "    Run random patterns through the matcher of KEYS.",
  };
  c.Help(kLines);
}

// Subcommands that need an open database.
bool WithDatabase(CommandContext& c) {
  if (c.Is(1, "OBJECT") && c.argc() == 3) {
    c.StartTask(std::make_unique<ValuesTask>(/*digest=*/false));
  } else if (c.Is(1, "DIGEST") && c.argc() == 2) {
    c.StartTask(std::make_unique<DigestTask>());
  } else if (c.Is(1, "DIGEST-VALUE")) {
    c.StartTask(std::make_unique<ValuesTask>(/*digest=*/true));
  } else if (c.Is(1, "SPILL") && (c.argc() == 2 || (c.argc() == 3 && c.Is(2, "ALL")))) {
    StartTierTask(c, /*checkpoint=*/false);
  } else if (c.Is(1, "CHECKPOINT") && c.argc() == 2) {
    StartTierTask(c, /*checkpoint=*/true);
  } else if (c.Is(1, "POPULATE") && c.argc() >= 3 && c.argc() <= 5) {
    Populate(c);
  } else if (c.Is(1, "SET-ACTIVE-EXPIRE") && c.argc() == 3) {
    c.db().SetActiveExpire(std::atoi(std::string(c.arg(2)).c_str()) != 0);
    c.Ok();
  } else {
    return false;
  }
  return true;
}

bool WithoutDatabase(CommandContext& c) {
  if (c.Is(1, "HELP") && c.argc() == 2) {
    Help(c);
  } else if (c.Is(1, "SLEEP") && c.argc() == 3) {
    Sleep(c);
  } else if (c.Is(1, "ERROR") && c.argc() == 3) {
    ReplyGivenError(c);
  } else if (c.Is(1, "LOG") && c.argc() == 3) {
    LOG(WARNING) << "DEBUG LOG: " << c.arg(2);
    c.Ok();
  } else if (c.Is(1, "PROTOCOL") && c.argc() == 3) {
    Protocol(c);
  } else if (c.Is(1, "STRINGMATCH-TEST") && c.argc() == 2) {
    StringMatchTest(c);
  } else if (c.Is(1, "RELOAD") || (c.Is(1, "LOADAOF") && c.argc() == 2)) {
    c.Error(
        "ERR DEBUG RELOAD and LOADAOF are not supported: data is not loaded from RDB or AOF "
        "files; restart the server, or see DEBUG CHECKPOINT and DEBUG SPILL");
  } else {
    return false;
  }
  return true;
}

}  // namespace

void Debug(CommandContext& c) {
  if (WithoutDatabase(c)) return;
  if (c.server().loading()) {
    c.Error("LOADING Redis is loading the dataset in memory");
    return;
  }
  if (!WithDatabase(c)) c.SubcommandError(c.arg(1));
}

}  // namespace thermocline::server
