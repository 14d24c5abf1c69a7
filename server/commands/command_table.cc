// The list of command families, and the checks that a row makes sense; see command_table.h.
#include "server/commands/command_table.h"

#include <strings.h>

#include <algorithm>
#include <bit>
#include <cctype>

#include "codec/number_text.h"
#include "codec/words.h"

namespace thermocline::server {

using codec::Status;
using codec::StatusOr;

namespace {

std::string Upper(std::string_view text) {
  std::string out(text);
  for (char& c : out) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  return out;
}

std::string Lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return out;
}

// Argument positions 1 .. argc-1 that `spec` names; false: nonsense.
bool AppendKeys(const KeySpec& spec, std::span<const std::string_view> argv,
                std::vector<CommandSpec::KeyRef>* keys) {
  const int argc = static_cast<int>(argv.size());
  const auto add = [&](int index) {
    CommandSpec::KeyRef& key = keys->emplace_back();
    key.index = index;
    key.need = spec.need;
    if (spec.part != nullptr) key.part = spec.part(argv);
  };
  switch (spec.kind) {
    case KeySpec::Kind::kNone:
      return true;
    case KeySpec::Kind::kRange: {
      const int last = spec.last < 0 ? argc + spec.last : spec.last;
      if (spec.first >= argc || last >= argc || last < spec.first) return false;
      for (int i = spec.first; i <= last; i += spec.step) add(i);
      return true;
    }
    case KeySpec::Kind::kCounted: {
      int64_t count = 0;
      if (spec.count_at >= argc ||
          !codec::ParseInt64(argv[static_cast<size_t>(spec.count_at)], &count)) {
        return false;
      }
      const int step = std::max(spec.step, 1);
      if (count < 1 || count > (argc - spec.first + step - 1) / step) return false;
      for (int64_t k = 0; k < count; ++k) {
        add(spec.first + static_cast<int>(k) * step);
      }
      return true;
    }
    case KeySpec::Kind::kAfter: {
      for (int i = std::max(spec.first, 1); i < argc; ++i) {
        if (!codec::SameWord(argv[static_cast<size_t>(i)], spec.keyword)) continue;
        const int last = spec.last < 0 ? argc + spec.last : i + 1 + spec.last;
        for (int k = i + 1; k <= last && k < argc; k += std::max(spec.step, 1)) {
          add(k);
        }
        return true;
      }
      return true;
    }
  }
  return false;
}

Status CheckRow(const CommandSpec& spec, const Command* parent) {
  const std::string name = (parent != nullptr ? parent->word + " " : "") + std::string(spec.name);
  const auto bad = [&name](std::string_view what) {
    return Status::InvalidArgument("command table: " + name + ": " + std::string(what));
  };
  if (spec.name.empty() || Upper(spec.name) != spec.name) return bad("the name is not upper case");
  if (spec.arity == 0) return bad("arity is 0");
  if ((spec.handler == nullptr) == spec.subcommands.empty()) {
    if (spec.handler == nullptr) return bad("neither handler nor subcommands");
  }
  if ((spec.flags & kWrite) && (spec.flags & kReadOnly)) return bad("both write and readonly");
  if ((spec.flags & kDenyOom) && !(spec.flags & kWrite) && spec.handler != nullptr &&
      !(spec.flags & kNoScript) && spec.keys.size() > 0 && (spec.flags & kReadOnly)) {
    return bad("readonly commands do not grow memory");
  }
  if (spec.since.empty() || spec.group.empty() || spec.summary.empty() || spec.complexity.empty()) {
    return bad("since, group, summary or complexity is missing");
  }
  const int argc_min = spec.arity > 0 ? spec.arity : -spec.arity;
  for (const KeySpec& key : spec.keys) {
    if (key.kind == KeySpec::Kind::kRange && !(key.flags & kKeyNotKey)) {
      if (key.first < 1 || key.step < 1)
        return bad("a key range starts before 1 or does not advance");
      if (key.first >= argc_min) return bad("a key position is beyond the arity");
      if (key.last >= 0 && (key.last < key.first || key.last >= argc_min)) {
        return bad("the last key position does not fit");
      }
    }
  }
  return Status::Ok();
}

}  // namespace

bool CollectKeys(const CommandSpec& spec, std::span<const std::string_view> argv,
                 std::vector<CommandSpec::KeyRef>* keys) {
  keys->clear();
  if (spec.find_keys != nullptr) {
    if (spec.find_keys(argv, keys)) return true;
    keys->clear();
    return false;
  }
  for (const KeySpec& key : spec.keys) {
    if (key.flags & kKeyNotKey) continue;
    if (!AppendKeys(key, argv, keys)) {
      keys->clear();
      return false;
    }
  }
  return true;
}

StatusOr<std::unique_ptr<CommandTable>> CommandTable::Create() {
  const std::span<const CommandSpec> families[] = {
      StringCommands(),      ListCommands(),          BlockingListCommands(), HashCommands(),
      SetCommands(),         ZsetCommands(),          BlockingZsetCommands(), KeysCommands(),
      SortCommands(),        IntrospectionCommands(), ConnectionCommands(),   ClientCommands(),
      TransactionCommands(), ShutdownCommands(),      ConfigCommands(),       InfoCommands(),
      PubSubCommands(),      ObservationCommands(),   MemoryCommands(),
  };
  return Create(families);
}

StatusOr<std::unique_ptr<CommandTable>> CommandTable::Create(
    std::span<const std::span<const CommandSpec>> families) {
  auto table = std::make_unique<CommandTable>();
  for (const std::span<const CommandSpec> family : families) {
    for (const CommandSpec& spec : family) TC_RETURN_IF_ERROR(table->Add(spec, nullptr));
  }
  table->BuildSlots();
  return table;
}

Status CommandTable::Add(const CommandSpec& spec, Command* parent) {
  TC_RETURN_IF_ERROR(CheckRow(spec, parent));
  const std::vector<Command*>& siblings = parent != nullptr ? parent->subcommands : commands_;
  for (const Command* sibling : siblings) {
    if (sibling->word == spec.name) {
      return Status::InvalidArgument("command table: two rows named " + std::string(spec.name));
    }
  }
  auto owned = std::make_unique<Command>();
  Command* command = owned.get();
  command->spec = &spec;
  command->parent = parent;
  command->word = spec.name;
  command->name = (parent != nullptr ? parent->name + "|" : "") + Lower(spec.name);
  if (parent == nullptr) {
    if (spec.name == "EXEC") {
      command->role = CommandRole::kExec;
    } else if (spec.name == "MULTI" || spec.name == "DISCARD" || spec.name == "WATCH" ||
               spec.name == "QUIT" || spec.name == "RESET") {
      command->role = CommandRole::kTransaction;
    }
  }
  command->for_subscribers =
      parent == nullptr && (spec.name.ends_with("SUBSCRIBE") || spec.name == "PING" ||
                            spec.name == "QUIT" || spec.name == "RESET");
  command->has_keys = spec.find_keys != nullptr;
  for (const KeySpec& key : spec.keys) {
    if (key.kind != KeySpec::Kind::kNone && !(key.flags & kKeyNotKey)) command->has_keys = true;
  }
  if (spec.find_keys == nullptr && spec.keys.size() == 1 && command->has_keys &&
      spec.keys[0].kind == KeySpec::Kind::kRange && spec.keys[0].first == spec.keys[0].last) {
    command->single_key = spec.keys[0].first;
    command->single_need = spec.keys[0].need;
    command->single_part = spec.keys[0].part;
    const bool members = spec.group == "set" || spec.group == "sorted-set";
    command->on_collection = members || spec.group == "hash" || spec.group == "list";
    if (spec.flags & kFast) {  // the others walk, or name no element
      if (members) command->element = -1;
      if (spec.group == "hash") command->element = 2;
    }
  }
  // What talks about connections and channels only reads no data: a frame would be for nothing.
  command->framed = spec.group != "connection" && spec.group != "pubsub" &&
                    (spec.group != "transactions" || command->has_keys);
  all_.push_back(std::move(owned));
  (parent != nullptr ? parent->subcommands : commands_).push_back(command);
  for (const CommandSpec& sub : spec.subcommands) TC_RETURN_IF_ERROR(Add(sub, command));
  return Status::Ok();
}

void CommandTable::BuildSlots() {
  // At least four slots a command, so that nearly every lookup hits at once.
  const size_t size = std::bit_ceil(std::max<size_t>(commands_.size() * 4, 64));
  shift_ = 64 - std::countr_zero(size);
  // Room behind the last slot instead of wrapping: a probe never needs a mask.
  slots_.assign(size + commands_.size() + 1, Slot{});
  for (Command* command : commands_) {
    if (command->word.empty()) continue;
    const uint64_t head = HeadOf(command->word.data(), command->word.size());
    size_t at = SlotOf(head, command->word.size());
    while (slots_[at].command != nullptr) ++at;
    slots_[at] = {head, static_cast<uint32_t>(command->word.size()), command};
  }
}

bool CommandTable::TailEquals(const Command& command, std::string_view word) {
  return strncasecmp(command.word.data() + 8, word.data() + 8, word.size() - 8) == 0;
}

Command* CommandTable::FindSub(const Command& parent, std::string_view word) {
  for (Command* sub : parent.subcommands) {
    if (codec::SameWord(sub->word, word)) return sub;
  }
  return nullptr;
}

Command* CommandTable::FindByFullName(std::string_view name) const {
  const size_t bar = name.find('|');
  Command* command = Find(name.substr(0, bar));
  if (command == nullptr || bar == std::string_view::npos) return command;
  return FindSub(*command, name.substr(bar + 1));
}

Status CommandTable::Rename(std::string_view from, std::string_view to) {
  Command* command = Find(from);
  if (command == nullptr) {
    return Status::NotFound("No such command in rename-command");
  }
  if (!to.empty() && Find(to) != nullptr) {
    return Status::InvalidArgument("Target command name already exists");
  }
  command->word = Upper(to);
  BuildSlots();
  return Status::Ok();
}

void CommandTable::ResetStats() {
  for (const std::unique_ptr<Command>& command : all_) command->stats = CommandStats{};
}

}  // namespace thermocline::server
