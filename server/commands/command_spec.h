// A row of the command table: everything the server knows of a command before it runs.
//
// Dispatch, arity errors, ACL categories, MULTI rules, residency (what each key needs), COMMAND
// INFO/DOCS/GETKEYS, INFO commandstats and the fuzz dictionary all derive from it. A new command is
// one row in its family's file, one handler, one test. Rows are constexpr data; command_table.cc
// lists the families and checks the rows at start.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "engine/types.h"
#include "engine/types/list_part.h"

namespace thermocline::server {

class CommandContext;
using CommandHandler = void (*)(CommandContext&);

// Flags, named as in Redis's COMMAND INFO.
enum CommandFlag : uint64_t {
  kWrite = 1u << 0,     // changes data: refused with MISCONF, on read-only replicas; implies @write
  kReadOnly = 1u << 1,  // reads keys; implies @read
  kDenyOom = 1u << 2,   // may grow memory: passes AdmitGrowth first
  kAdmin = 1u << 3,     // @admin, @dangerous
  kPubSub = 1u << 4,    // @pubsub
  kNoScript = 1u << 5,
  kBlocking = 1u << 6,  // @blocking
  kLoading = 1u << 7,   // allowed while loading
  kStale = 1u << 8,
  kSkipMonitor = 1u << 9,
  kSkipSlowlog = 1u << 10,
  kAsking = 1u << 11,
  kFast = 1u << 12,    // @fast; without it @slow
  kNoAuth = 1u << 13,  // allowed before AUTH
  kMayReplicate = 1u << 14,
  kSentinel = 1u << 15,
  kOnlySentinel = 1u << 16,
  kNoMandatoryKeys = 1u << 17,
  kProtected = 1u << 18,
  kModule = 1u << 19,
  kNoAsyncLoading = 1u << 20,
  kNoMulti = 1u << 21,
  kAllowBusy = 1u << 22,
  kMovableKeys = 1u << 23,
  kRandomOrder = 1u << 24,
};

// ACL categories that flags do not imply.
enum AclCategory : uint32_t {
  kAclNone = 0,
  kAclKeyspace = 1u << 0,
  kAclRead = 1u << 1,
  kAclWrite = 1u << 2,
  kAclSet = 1u << 3,
  kAclSortedSet = 1u << 4,
  kAclList = 1u << 5,
  kAclHash = 1u << 6,
  kAclString = 1u << 7,
  kAclBitmap = 1u << 8,
  kAclHyperLogLog = 1u << 9,
  kAclGeo = 1u << 10,
  kAclStream = 1u << 11,
  kAclPubSub = 1u << 12,
  kAclAdmin = 1u << 13,
  kAclFast = 1u << 14,
  kAclSlow = 1u << 15,
  kAclBlocking = 1u << 16,
  kAclDangerous = 1u << 17,
  kAclConnection = 1u << 18,
  kAclTransaction = 1u << 19,
  kAclScripting = 1u << 20,
};

// Flags of a key specification, named as in Redis's COMMAND INFO (RO, RW, OW, RM, access, update,
// insert, delete …).
enum KeyFlag : uint32_t {
  kKeyRO = 1u << 0,
  kKeyRW = 1u << 1,
  kKeyOW = 1u << 2,
  kKeyRM = 1u << 3,
  kKeyAccess = 1u << 4,
  kKeyUpdate = 1u << 5,
  kKeyInsert = 1u << 6,
  kKeyDelete = 1u << 7,
  kKeyNotKey = 1u << 8,
  kKeyIncomplete = 1u << 9,
  kKeyVariableFlags = 1u << 10,
};

/// Where keys stand in argv and what the command has to see of them.
struct KeySpec {
  enum class Kind : uint8_t {
    kNone,
    kRange,    // first .. last (negative: from the end, -1 the last argument) in steps
    kCounted,  // argv[count_at] says how many follow, from first on
    kAfter,    // after the keyword
  };
  Kind kind = Kind::kNone;
  int first = 0, last = 0, step = 0;
  int count_at = 0;
  std::string_view keyword = {};
  uint32_t flags = 0;  // KeyFlag
  engine::Need need = engine::Need::kValue;
  std::string_view notes = {};        // as COMMAND INFO tells them
  engine::ListPartOf part = nullptr;  // what of a list's value it needs; null: all
};
constexpr KeySpec KeyAt(int index, uint32_t flags, engine::Need need,
                        engine::ListPartOf part = nullptr) {
  return {KeySpec::Kind::kRange, index, index, 1, 0, {}, flags, need, {}, part};
}
constexpr KeySpec KeyRange(int first, int last, int step, uint32_t flags, engine::Need need,
                           engine::ListPartOf part = nullptr) {
  return {KeySpec::Kind::kRange, first, last, step, 0, {}, flags, need, {}, part};
}

/// An argument as COMMAND DOCS tells it. Facts, filled in as nested constexpr arrays.
struct ArgSpec {
  enum class Type : uint8_t {
    kString,
    kInteger,
    kDouble,
    kKey,
    kPattern,
    kUnixTime,
    kPureToken,
    kOneOf,
    kBlock
  };
  std::string_view name;
  Type type = Type::kString;
  std::string_view token = {};
  int key_spec_index = -1;
  bool optional = false;
  bool multiple = false;
  bool multiple_token = false;
  std::string_view since = {};
  std::span<const ArgSpec> children = {};
  std::string_view deprecated_since = {};
};

struct HistoryEntry {
  std::string_view since;
  std::string_view change;
};

/// Negative arity means "at least". Subcommands are rows of their own with `parent` set.
struct CommandSpec {
  std::string_view name;  // upper case here; answered in lower case
  int arity = 0;
  uint64_t flags = 0;
  std::span<const KeySpec> keys = {};
  uint32_t acl = 0;
  CommandHandler handler = nullptr;
  std::string_view since = {};
  std::string_view group = {};
  std::string_view complexity = {};
  std::string_view summary = {};
  std::span<const std::string_view> tips = {};
  std::span<const ArgSpec> args = {};
  std::span<const HistoryEntry> history = {};
  std::span<const CommandSpec> subcommands = {};
  // Keys that the specs cannot say, or needs that depend on options (SET … GET). Null: the specs
  // say all. Appends indexes into argv with what each needs; false: the arguments make no sense
  // (the handler answers).
  struct KeyRef {
    int index;
    engine::Need need;
    int db = -1;         // another database than the client's (COPY ... DB, MOVE)
    uint32_t flags = 0;  // KeyFlag, of a key that no specification says; 0: they say it
    engine::ListPart part = {};
    /// The database to look in; a number that does not exist is for the handler to refuse.
    int DatabaseOr(int selected, int databases) const {
      return db >= 0 && db < databases ? db : selected;
    }
  };
  using KeyFinder = bool (*)(std::span<const std::string_view> argv, std::vector<KeyRef>* keys);
  KeyFinder find_keys = nullptr;
  // COMMAND DOCS of commands that are superseded (since when, by what) or meant for the system
  // itself.
  std::string_view deprecated_since = {};
  std::string_view replaced_by = {};
  bool syscmd = false;
};

}  // namespace thermocline::server
