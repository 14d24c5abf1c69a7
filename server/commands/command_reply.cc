// Rows of the command table as COMMAND tells them; see command_reply.h.
// The word lists below are in the order in which Redis answers them and name every bit that it
// shows. A new flag needs a word here, or it stays invisible.
#include "server/commands/command_reply.h"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>

#include "codec/words.h"

namespace thermocline::server {
namespace {

using codec::RespWriter;

struct FlagWord {
  uint64_t bit;
  std::string_view word;
};

// In the order in which Redis lists them. Sentinel, only_sentinel and protected are not shown.
constexpr FlagWord kCommandFlagWords[] = {
    {kWrite, "write"},
    {kReadOnly, "readonly"},
    {kDenyOom, "denyoom"},
    {kModule, "module"},
    {kAdmin, "admin"},
    {kPubSub, "pubsub"},
    {kNoScript, "noscript"},
    {kBlocking, "blocking"},
    {kLoading, "loading"},
    {kStale, "stale"},
    {kSkipMonitor, "skip_monitor"},
    {kSkipSlowlog, "skip_slowlog"},
    {kAsking, "asking"},
    {kFast, "fast"},
    {kNoAuth, "no_auth"},
    {kNoMandatoryKeys, "no_mandatory_keys"},
    {kNoAsyncLoading, "no_async_loading"},
    {kNoMulti, "no_multi"},
    {kMovableKeys, "movablekeys"},
    {kAllowBusy, "allow_busy"},
};

constexpr FlagWord kAclWords[] = {
    {kAclKeyspace, "@keyspace"},
    {kAclRead, "@read"},
    {kAclWrite, "@write"},
    {kAclSet, "@set"},
    {kAclSortedSet, "@sortedset"},
    {kAclList, "@list"},
    {kAclHash, "@hash"},
    {kAclString, "@string"},
    {kAclBitmap, "@bitmap"},
    {kAclHyperLogLog, "@hyperloglog"},
    {kAclGeo, "@geo"},
    {kAclStream, "@stream"},
    {kAclPubSub, "@pubsub"},
    {kAclAdmin, "@admin"},
    {kAclFast, "@fast"},
    {kAclSlow, "@slow"},
    {kAclBlocking, "@blocking"},
    {kAclDangerous, "@dangerous"},
    {kAclConnection, "@connection"},
    {kAclTransaction, "@transaction"},
    {kAclScripting, "@scripting"},
};

constexpr FlagWord kKeyFlagWords[] = {
    {kKeyRO, "RO"},
    {kKeyRW, "RW"},
    {kKeyOW, "OW"},
    {kKeyRM, "RM"},
    {kKeyAccess, "access"},
    {kKeyUpdate, "update"},
    {kKeyInsert, "insert"},
    {kKeyDelete, "delete"},
    {kKeyNotKey, "not_key"},
    {kKeyIncomplete, "incomplete"},
    {kKeyVariableFlags, "variable_flags"},
};

template <size_t n>
void WriteWords(const FlagWord (&words)[n], uint64_t bits, RespWriter& reply) {
  reply.Set(static_cast<size_t>(std::count_if(std::begin(words), std::end(words),
                                              [bits](auto& w) { return (bits & w.bit) != 0; })));
  for (const FlagWord& word : words) {
    if (bits & word.bit) reply.Simple(word.word);
  }
}

// ---- INFO ------------------------------------------------------------------------------------

// First, last and step as one range over all keys: what COMMAND told before there were key
// specifications. Specifications that do not join to one range leave it at what was joined so far.
struct KeyRangeSummary {
  int first = 0, last = 0, step = 0;
};

KeyRangeSummary SummarizeKeys(std::span<const KeySpec> specs) {
  KeyRangeSummary all;
  if (specs.size() == 1 && specs[0].kind == KeySpec::Kind::kRange) {
    return {specs[0].first, specs[0].last, specs[0].step};
  }
  for (const KeySpec& spec : specs) {
    if (spec.kind != KeySpec::Kind::kRange) continue;
    if (spec.step != 1 || (all.first != 0 && spec.first != all.last + 1)) break;
    if (all.first == 0) all.first = spec.first;
    all.last = spec.last;
    all.step = 1;
  }
  return all;
}

void WriteSearch(std::string_view title, std::string_view type,
                 std::initializer_list<std::pair<std::string_view, int>> numbers,
                 std::optional<std::string_view> keyword, RespWriter& reply) {
  reply.Bulk(title);
  reply.Map(2);
  reply.Bulk("type");
  reply.Bulk(type);
  reply.Bulk("spec");
  reply.Map(numbers.size() + (keyword ? 1 : 0));
  if (keyword) {
    reply.Bulk("keyword");
    reply.Bulk(*keyword);
  }
  for (const auto& [name, number] : numbers) {
    reply.Bulk(name);
    reply.Integer(number);
  }
}

void WriteKeySpec(const KeySpec& spec, RespWriter& reply) {
  reply.Map(spec.notes.empty() ? 3 : 4);
  if (!spec.notes.empty()) {
    reply.Bulk("notes");
    reply.Bulk(spec.notes);
  }
  reply.Bulk("flags");
  WriteKeyFlags(spec.flags, reply);
  // `lastkey` counts from the first key unless it counts from the end.
  const int last = spec.last < 0 ? spec.last : spec.last - spec.first;
  switch (spec.kind) {
    case KeySpec::Kind::kNone:
      WriteSearch("begin_search", "unknown", {}, {}, reply);
      WriteSearch("find_keys", "unknown", {}, {}, reply);
      return;
    case KeySpec::Kind::kRange:
      WriteSearch("begin_search", "index", {{"index", spec.first}}, {}, reply);
      WriteSearch("find_keys", "range", {{"lastkey", last}, {"keystep", spec.step}, {"limit", 0}},
                  {}, reply);
      return;
    case KeySpec::Kind::kCounted:
      WriteSearch("begin_search", "index", {{"index", spec.count_at}}, {}, reply);
      WriteSearch(
          "find_keys", "keynum",
          {{"keynumidx", 0}, {"firstkey", spec.first - spec.count_at}, {"keystep", spec.step}}, {},
          reply);
      return;
    case KeySpec::Kind::kAfter:
      WriteSearch("begin_search", "keyword", {{"startfrom", spec.first}}, spec.keyword, reply);
      WriteSearch("find_keys", "range",
                  {{"lastkey", spec.last}, {"keystep", spec.step}, {"limit", 0}}, {}, reply);
      return;
  }
}

// ---- DOCS ------------------------------------------------------------------------------------

constexpr std::string_view ArgTypeName(ArgSpec::Type type) {
  switch (type) {
    case ArgSpec::Type::kString:
      return "string";
    case ArgSpec::Type::kInteger:
      return "integer";
    case ArgSpec::Type::kDouble:
      return "double";
    case ArgSpec::Type::kKey:
      return "key";
    case ArgSpec::Type::kPattern:
      return "pattern";
    case ArgSpec::Type::kUnixTime:
      return "unix-time";
    case ArgSpec::Type::kPureToken:
      return "pure-token";
    case ArgSpec::Type::kOneOf:
      return "oneof";
    case ArgSpec::Type::kBlock:
      return "block";
  }
  return "string";
}

// Writes the pairs of a map whose optional members may be missing.
class MapWriter {
 public:
  explicit MapWriter(RespWriter& reply) : reply_(reply), begin_(reply.BeginDeferred()) {}
  ~MapWriter() { reply_.EndMap(begin_, pairs_); }
  MapWriter(const MapWriter&) = delete;
  MapWriter& operator=(const MapWriter&) = delete;

  /// The key; the caller writes the value.
  void Key(std::string_view key) {
    ++pairs_;
    reply_.Bulk(key);
  }
  /// Key and value, unless the value is empty.
  void Text(std::string_view key, std::string_view value) {
    if (value.empty()) return;
    Key(key);
    reply_.Bulk(value);
  }

 private:
  RespWriter& reply_;
  const size_t begin_;
  size_t pairs_ = 0;
};

void WriteArguments(std::span<const ArgSpec> args, RespWriter& reply) {
  reply.Array(args.size());
  for (const ArgSpec& arg : args) {
    MapWriter map(reply);
    map.Text("name", arg.name);
    map.Text("type", ArgTypeName(arg.type));
    if (arg.type == ArgSpec::Type::kKey || arg.key_spec_index >= 0) {
      map.Key("key_spec_index");
      reply.Integer(arg.key_spec_index);
    }
    map.Text("token", arg.token);
    map.Text("since", arg.since);
    map.Text("deprecated_since", arg.deprecated_since);
    if (arg.optional || arg.multiple || arg.multiple_token) {
      map.Key("flags");
      reply.Set(static_cast<size_t>(arg.optional + arg.multiple + arg.multiple_token));
      if (arg.optional) reply.Simple("optional");
      if (arg.multiple) reply.Simple("multiple");
      if (arg.multiple_token) reply.Simple("multiple_token");
    }
    if (!arg.children.empty()) {
      map.Key("arguments");
      WriteArguments(arg.children, reply);
    }
  }
}

}  // namespace

void WriteKeyFlags(uint32_t flags, RespWriter& reply) { WriteWords(kKeyFlagWords, flags, reply); }

uint32_t AclCategoriesOf(const CommandSpec& spec) {
  uint32_t acl = spec.acl;
  if (spec.flags & kWrite) acl |= kAclWrite;
  if ((spec.flags & kReadOnly) && !(acl & kAclScripting)) acl |= kAclRead;
  if (spec.flags & kAdmin) acl |= kAclAdmin | kAclDangerous;
  if (spec.flags & kPubSub) acl |= kAclPubSub;
  if (spec.flags & kBlocking) acl |= kAclBlocking;
  return acl | ((spec.flags & kFast) ? kAclFast : kAclSlow);
}

uint32_t AclCategoryNamed(std::string_view name) {
  for (const FlagWord& word : kAclWords) {
    const std::string_view bare = word.word.substr(1);
    if (codec::SameWord(bare, name)) {
      return static_cast<uint32_t>(word.bit);
    }
  }
  return 0;
}

void WriteCommandInfo(const Command* command, RespWriter& reply) {
  if (command == nullptr) {
    reply.Null();
    return;
  }
  const CommandSpec& spec = *command->spec;
  const KeyRangeSummary range = SummarizeKeys(spec.keys);
  reply.Array(10);
  reply.Bulk(command->name);
  reply.Integer(spec.arity);
  WriteWords(kCommandFlagWords, spec.flags, reply);
  reply.Integer(range.first);
  reply.Integer(range.last);
  reply.Integer(range.step);
  WriteWords(kAclWords, AclCategoriesOf(spec), reply);
  reply.Set(spec.tips.size());
  for (const std::string_view tip : spec.tips) reply.Bulk(tip);
  reply.Set(spec.keys.size());
  for (const KeySpec& key : spec.keys) WriteKeySpec(key, reply);
  if (command->subcommands.empty()) {
    reply.Set(0);  // an array only when there are some: so it is in Redis
    return;
  }
  reply.Array(command->subcommands.size());
  for (const Command* sub : command->subcommands) WriteCommandInfo(sub, reply);
}

void WriteCommandDocs(const Command& command, RespWriter& reply) {
  const CommandSpec& spec = *command.spec;
  reply.Bulk(command.name);
  MapWriter map(reply);
  map.Text("summary", spec.summary);
  map.Text("since", spec.since);
  map.Text("group", spec.group);
  map.Text("complexity", spec.complexity);
  const bool deprecated = !spec.deprecated_since.empty();
  if (deprecated || spec.syscmd) {
    map.Key("doc_flags");
    reply.Set(static_cast<size_t>(deprecated + spec.syscmd));
    if (deprecated) reply.Simple("deprecated");
    if (spec.syscmd) reply.Simple("syscmd");
  }
  map.Text("deprecated_since", spec.deprecated_since);
  map.Text("replaced_by", spec.replaced_by);
  if (!spec.history.empty()) {
    map.Key("history");
    reply.Set(spec.history.size());
    for (const HistoryEntry& entry : spec.history) {
      reply.Array(2);
      reply.Bulk(entry.since);
      reply.Bulk(entry.change);
    }
  }
  if (!spec.args.empty()) {
    map.Key("arguments");
    WriteArguments(spec.args, reply);
  }
  if (!command.subcommands.empty()) {
    map.Key("subcommands");
    reply.Map(command.subcommands.size());
    for (const Command* sub : command.subcommands) WriteCommandDocs(*sub, reply);
  }
}

}  // namespace thermocline::server
