// Commands about the server and its commands: COMMAND, checkpoints and saving, TIME, ROLE, WAIT,
// LOLWUT.
//
// COMMAND reads the table that dispatch uses, so it cannot disagree with what the server does. Its
// subcommands also run while the database is loading: nothing here may assume an open one. DEBUG
// has a file of its own (debug_command.cc) and its row here. Rows stand at the foot.
#include <chrono>
#include <climits>
#include <cstdint>
#include <string>
#include <vector>

#include "codec/glob.h"
#include "codec/number_text.h"
#include "server/command_context.h"
#include "server/commands/arg_spec.h"
#include "server/commands/command_reply.h"
#include "server/commands/command_table.h"
#include "server/commands/debug_command.h"
#include "server/server.h"
#include "server/version.h"

namespace thermocline::server {
namespace {

// ---- COMMAND ---------------------------------------------------------------------------------

void WriteAllInfos(CommandContext& c) {
  const auto commands = c.server().commands().commands();
  c.reply().Array(commands.size());
  for (const Command* command : commands) WriteCommandInfo(command, c.reply());
}

void CommandAll(CommandContext& c) { WriteAllInfos(c); }

void CommandInfo(CommandContext& c) {
  if (c.argc() == 2) {
    WriteAllInfos(c);
    return;
  }
  c.reply().Array(c.argc() - 2);
  for (const std::string_view name : c.argv().subspan(2)) {
    WriteCommandInfo(c.server().commands().FindByFullName(name), c.reply());
  }
}

void CommandDocs(CommandContext& c) {
  const CommandTable& table = c.server().commands();
  if (c.argc() == 2) {
    c.reply().Map(table.commands().size());
    for (const Command* command : table.commands()) WriteCommandDocs(*command, c.reply());
    return;
  }
  const size_t begin = c.reply().BeginDeferred();
  size_t n = 0;
  for (const std::string_view name : c.argv().subspan(2)) {
    if (const Command* command = table.FindByFullName(name)) {
      WriteCommandDocs(*command, c.reply());
      ++n;
    }
  }
  c.reply().EndMap(begin, n);
}

void CommandCount(CommandContext& c) {
  c.reply().Integer(static_cast<int64_t>(c.server().commands().commands().size()));
}

// COMMAND LIST [FILTERBY MODULE name | ACLCAT category | PATTERN glob]. Subcommands are listed,
// too.
void CommandList(CommandContext& c) {
  enum class Filter : uint8_t { kNone, kModule, kCategory, kPattern } filter = Filter::kNone;
  uint32_t category = 0;
  if (c.argc() != 2) {
    if (c.argc() != 5 || !c.Is(2, "FILTERBY")) {
      c.SyntaxError();
      return;
    }
    if (c.Is(3, "MODULE")) {
      filter = Filter::kModule;
    } else if (c.Is(3, "ACLCAT")) {
      filter = Filter::kCategory;
      category = AclCategoryNamed(c.arg(4));
    } else if (c.Is(3, "PATTERN")) {
      filter = Filter::kPattern;
    } else {
      c.SyntaxError();
      return;
    }
  }
  const auto passes = [&](const Command& command) {
    switch (filter) {
      case Filter::kNone:
        return true;
      case Filter::kModule:
        return false;  // there are no modules
      case Filter::kCategory:
        return (AclCategoriesOf(*command.spec) & category) != 0;
      case Filter::kPattern:
        return codec::GlobMatch(c.arg(4), command.name, /*nocase=*/true);
    }
    return false;
  };
  const size_t begin = c.reply().BeginDeferred();
  size_t n = 0;
  const auto list = [&](const Command& command) {
    if (!passes(command)) return;
    c.reply().Bulk(command.name);
    ++n;
  };
  for (const Command* command : c.server().commands().commands()) {
    list(*command);
    for (const Command* sub : command->subcommands) list(*sub);
  }
  c.reply().EndArray(begin, n);
}

struct UsedKey {
  int index;
  uint32_t flags;  // KeyFlag
};

// What one call does with its keys. A specification with variable flags names the most that the
// command can do; what this call needs of the key tells which it is.
bool FindUsedKeys(const CommandSpec& spec, std::span<const std::string_view> argv,
                  std::vector<UsedKey>* used) {
  std::vector<CommandSpec::KeyRef> keys;
  if (!CollectKeys(spec, argv, &keys) || keys.empty()) return false;
  if (spec.keys.empty() || keys[0].flags != 0) {
    for (const CommandSpec::KeyRef& key : keys) used->push_back({key.index, key.flags});
    return true;
  }
  const bool reads_value = keys[0].need == engine::Need::kValue;
  for (const KeySpec& key_spec : spec.keys) {
    uint32_t flags = key_spec.flags;
    if (flags & kKeyVariableFlags) {
      flags = reads_value ? flags & ~kKeyVariableFlags : uint32_t{kKeyOW} | kKeyUpdate;
    }
    CommandSpec only_this;
    only_this.keys = {&key_spec, 1};
    if (!CollectKeys(only_this, argv, &keys)) return false;
    for (const CommandSpec::KeyRef& key : keys) used->push_back({key.index, flags});
  }
  return true;
}

void ReplyKeys(CommandContext& c, bool with_flags) {
  const auto argv = c.argv().subspan(2);
  const Command* command = c.server().commands().Resolve(argv);
  if (command == nullptr) {
    c.Error("ERR Invalid command specified");
    return;
  }
  if (!command->has_keys) {
    c.Error("ERR The command has no key arguments");
    return;
  }
  const int arity = command->spec->arity;
  const int argc = static_cast<int>(argv.size());
  if ((arity > 0 && argc != arity) || argc < -arity) {
    c.Error("ERR Invalid number of arguments specified for command");
    return;
  }
  std::vector<UsedKey> keys;
  if (!FindUsedKeys(*command->spec, argv, &keys)) {
    if (command->Has(kNoMandatoryKeys)) {
      c.reply().Array(0);
    } else {
      c.Error("ERR Invalid arguments specified for command");
    }
    return;
  }
  c.reply().Array(keys.size());
  for (const UsedKey& key : keys) {
    if (with_flags) c.reply().Array(2);
    c.reply().Bulk(argv[static_cast<size_t>(key.index)]);
    if (with_flags) WriteKeyFlags(key.flags, c.reply());
  }
}
void CommandGetKeys(CommandContext& c) { ReplyKeys(c, /*with_flags=*/false); }
void CommandGetKeysAndFlags(CommandContext& c) { ReplyKeys(c, /*with_flags=*/true); }

void CommandHelp(CommandContext& c) {
  constexpr std::string_view kLines[] = {
      "(no subcommand)",
      "    Describe all commands.",
      "COUNT",
      "    Return how many commands there are.",
      "DOCS [<command-name> ...]",
      "    Return the documentation of the commands, without names of all.",
      "GETKEYS <full-command>",
      "    Return the keys of a command line.",
      "GETKEYSANDFLAGS <full-command>",
      "    Return the keys of a command line and how each is used.",
      "INFO [<command-name> ...]",
      "    Describe the commands, without names all.",
      "LIST [FILTERBY MODULE <name>|ACLCAT <category>|PATTERN <pattern>]",
      "    Return the names of commands and subcommands.",
  };
  c.Help(kLines);
}

// ---- checkpoints and saving --------------------------------------------------------------------

void LastSave(CommandContext& c) {
  const engine::Database* db = c.server().database();
  c.reply().Integer(db == nullptr ? c.server().started_ms() / 1000
                                  : db->GetStats().last_checkpoint_unix_s);
}

// What rewriting the AOF is to Redis, a checkpoint is here: after it, older log is not needed.
void BgRewriteAof(CommandContext& c) {
  const codec::Status status = c.db().StartCheckpoint(nullptr);
  if (!status.ok()) {
    c.Error("ERR checkpoint failed: " + status.ToString());
    return;
  }
  c.reply().Simple("Background append only file rewriting started");
}

void RefuseRdb(CommandContext& c) {
  c.Error(
      "ERR RDB files are not written yet. Data is durable in the log and the cold tier; "
      "BGREWRITEAOF takes a checkpoint");
}
void Save(CommandContext& c) { RefuseRdb(c); }
void BgSave(CommandContext& c) {
  if (c.argc() > 2 || (c.argc() == 2 && !c.Is(1, "SCHEDULE"))) {
    c.SyntaxError();
    return;
  }
  RefuseRdb(c);
}

// ---- the server --------------------------------------------------------------------------------

void Time(CommandContext& c) {
  const int64_t us = std::chrono::duration_cast<std::chrono::microseconds>(
                         std::chrono::system_clock::now().time_since_epoch())
                         .count();
  c.reply().Array(2);
  c.reply().BulkInt(us / 1'000'000);
  c.reply().BulkInt(us % 1'000'000);
}

void Role(CommandContext& c) {
  const engine::Database* db = c.server().database();
  c.reply().Array(3);
  c.reply().Bulk("master");
  c.reply().Integer(db == nullptr ? 0 : static_cast<int64_t>(db->LogEnd()));
  c.reply().Array(0);  // replicas
}

// There are no replicas, so none has acknowledged anything: waiting would not change the answer.
void Wait(CommandContext& c) {
  int64_t replicas = 0;
  int64_t timeout_ms = 0;
  if (!c.Integer(1, &replicas) ||
      !c.Integer(2, &timeout_ms, "ERR timeout is not an integer or out of range")) {
    return;
  }
  if (timeout_ms < 0) {
    c.Error("ERR timeout is negative");
    return;
  }
  c.reply().Integer(0);
}

void Lolwut(CommandContext& c) {
  int64_t version = 0;
  if (c.argc() >= 3 && c.Is(1, "VERSION") && !c.Integer(2, &version)) return;
  c.reply().Verbatim("txt", std::string("Redis ver. ") + kRedisVersion + "\n");
}

// ---- the table -------------------------------------------------------------------------------

constexpr ArgSpec kBgsaveArgs[] = {Optional(Since("3.2.2", Token("schedule", "SCHEDULE")))};
constexpr HistoryEntry kBgsaveHistory[] = {{"3.2.2", "Option `SCHEDULE`."}};
constexpr std::string_view kTipsNondeterministicOutputOrder[] = {"nondeterministic_output_order"};
constexpr ArgSpec kCommandDocsArgs[] = {Optional(Multiple(StringArg("command-name")))};
constexpr HistoryEntry kCommandInfoHistory[] = {{"7.0.0", "Without names: all commands."}};
constexpr ArgSpec kCommandListFilterbyArgs[] = {WithToken("MODULE", StringArg("module-name")),
                                                WithToken("ACLCAT", StringArg("category")),
                                                WithToken("PATTERN", PatternArg("pattern"))};
constexpr ArgSpec kCommandListArgs[] = {
    Optional(WithToken("FILTERBY", OneOf("filterby", kCommandListFilterbyArgs)))};
constexpr CommandSpec kCommandSubcommands[] = {
    {.name = "COUNT",
     .arity = 2,
     .flags = kLoading | kStale,
     .acl = kAclConnection,
     .handler = CommandCount,
     .since = "2.8.13",
     .group = "server",
     .complexity = "O(1)",
     .summary = "Returns the number of commands."},
    {.name = "DOCS",
     .arity = -2,
     .flags = kLoading | kStale,
     .acl = kAclConnection,
     .handler = CommandDocs,
     .since = "7.0.0",
     .group = "server",
     .complexity = "O(N) for N commands",
     .summary = "Returns the documentation of commands.",
     .tips = kTipsNondeterministicOutputOrder,
     .args = kCommandDocsArgs},
    {.name = "GETKEYS",
     .arity = -4,
     .flags = kLoading | kStale,
     .acl = kAclConnection,
     .handler = CommandGetKeys,
     .since = "2.8.13",
     .group = "server",
     .complexity = "O(N) for N arguments",
     .summary = "Finds the keys in a command line."},
    {.name = "GETKEYSANDFLAGS",
     .arity = -4,
     .flags = kLoading | kStale,
     .acl = kAclConnection,
     .handler = CommandGetKeysAndFlags,
     .since = "7.0.0",
     .group = "server",
     .complexity = "O(N) for N arguments",
     .summary = "Finds the keys in a command line, and how each is used."},
    {.name = "HELP",
     .arity = 2,
     .flags = kLoading | kStale,
     .acl = kAclConnection,
     .handler = CommandHelp,
     .since = "5.0.0",
     .group = "server",
     .complexity = "O(1)",
     .summary = "Lists the subcommands."},
    {.name = "INFO",
     .arity = -2,
     .flags = kLoading | kStale,
     .acl = kAclConnection,
     .handler = CommandInfo,
     .since = "2.8.13",
     .group = "server",
     .complexity = "O(N) for N commands",
     .summary = "Describes some commands, or all.",
     .tips = kTipsNondeterministicOutputOrder,
     .args = kCommandDocsArgs,
     .history = kCommandInfoHistory},
    {.name = "LIST",
     .arity = -2,
     .flags = kLoading | kStale,
     .acl = kAclConnection,
     .handler = CommandList,
     .since = "7.0.0",
     .group = "server",
     .complexity = "O(N) for N commands",
     .summary = "Lists the names of commands.",
     .tips = kTipsNondeterministicOutputOrder,
     .args = kCommandListArgs},
};
constexpr std::string_view kTipsNondeterministicOutput[] = {"nondeterministic_output"};
constexpr ArgSpec kLolwutArgs[] = {Optional(WithToken("VERSION", IntegerArg("version")))};
constexpr std::string_view kTipsAllShardsAggMin[] = {"request_policy:all_shards",
                                                     "response_policy:agg_min"};
constexpr ArgSpec kWaitArgs[] = {IntegerArg("numreplicas"), IntegerArg("timeout")};

constexpr CommandSpec kRows[] = {
    {.name = "BGREWRITEAOF",
     .arity = 1,
     .flags = kAdmin | kNoScript | kNoAsyncLoading,
     .handler = BgRewriteAof,
     .since = "1.0.0",
     .group = "server",
     .complexity = "O(1)",
     .summary = "Starts a checkpoint, which lets go of old log."},
    {.name = "BGSAVE",
     .arity = -1,
     .flags = kAdmin | kNoScript | kNoAsyncLoading,
     .handler = BgSave,
     .since = "1.0.0",
     .group = "server",
     .complexity = "O(1)",
     .summary = "Saves the data in the background.",
     .args = kBgsaveArgs,
     .history = kBgsaveHistory},
    {.name = "COMMAND",
     .arity = -1,
     .flags = kLoading | kStale,
     .acl = kAclConnection,
     .handler = CommandAll,
     .since = "2.8.13",
     .group = "server",
     .complexity = "O(N) for N commands",
     .summary = "Describes all commands.",
     .tips = kTipsNondeterministicOutputOrder,
     .subcommands = kCommandSubcommands},
    {.name = "DEBUG",
     .arity = -2,
     .flags = kAdmin | kNoScript | kLoading | kStale | kProtected,
     .handler = Debug,
     .since = "1.0.0",
     .group = "server",
     .complexity = "Depends on subcommand.",
     .summary = "Tools for tests and for finding faults.",
     .syscmd = true},
    {.name = "LASTSAVE",
     .arity = 1,
     .flags = kLoading | kStale | kFast,
     .acl = kAclAdmin | kAclDangerous,
     .handler = LastSave,
     .since = "1.0.0",
     .group = "server",
     .complexity = "O(1)",
     .summary = "Returns the Unix time of the last durable checkpoint.",
     .tips = kTipsNondeterministicOutput},
    {.name = "LOLWUT",
     .arity = -1,
     .flags = kReadOnly | kFast,
     .handler = Lolwut,
     .since = "5.0.0",
     .group = "server",
     .complexity = "O(1)",
     .summary = "Shows the version.",
     .args = kLolwutArgs},
    {.name = "ROLE",
     .arity = 1,
     .flags = kNoScript | kLoading | kStale | kFast,
     .acl = kAclAdmin | kAclDangerous,
     .handler = Role,
     .since = "2.8.12",
     .group = "server",
     .complexity = "O(1)",
     .summary = "Tells the role in replication."},
    {.name = "SAVE",
     .arity = 1,
     .flags = kAdmin | kNoScript | kNoAsyncLoading | kNoMulti,
     .handler = Save,
     .since = "1.0.0",
     .group = "server",
     .complexity = "O(N) for N keys",
     .summary = "Saves the data while clients wait."},
    {.name = "TIME",
     .arity = 1,
     .flags = kLoading | kStale | kFast,
     .handler = Time,
     .since = "2.6.0",
     .group = "server",
     .complexity = "O(1)",
     .summary = "Returns the time of the server.",
     .tips = kTipsNondeterministicOutput},
    {.name = "WAIT",
     .arity = 3,
     .flags = kNoScript,
     .acl = kAclConnection,
     .handler = Wait,
     .since = "3.0.0",
     .group = "generic",
     .complexity = "O(1)",
     .summary = "Waits until replicas have received what this connection wrote.",
     .tips = kTipsAllShardsAggMin,
     .args = kWaitArgs},
};

}  // namespace

std::span<const CommandSpec> IntrospectionCommands() { return kRows; }

}  // namespace thermocline::server
