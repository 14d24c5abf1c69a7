// The command table: which command families exist, and looking one up by what a client sent.
//
// The families' rows are constant; a Command is the runtime side of a row: the name in force
// (rename-command), its statistics, its subcommands, and what dispatch wants to know at once. Rows
// are checked when the table is built: a wrong row fails the start and
// tests/server/command_table_test.cc. The executor owns the table. docs/architecture.md, "a command
// from socket to log".
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "codec/status.h"
#include "server/commands/command_spec.h"
#include "server/stats.h"

namespace thermocline::server {

// One line a family; each is defined at the foot of its file.
std::span<const CommandSpec> ClientCommands();
std::span<const CommandSpec> ConnectionCommands();
std::span<const CommandSpec> TransactionCommands();
std::span<const CommandSpec> ShutdownCommands();
std::span<const CommandSpec> StringCommands();
std::span<const CommandSpec> ListCommands();
std::span<const CommandSpec> BlockingListCommands();
std::span<const CommandSpec> HashCommands();
std::span<const CommandSpec> SetCommands();
std::span<const CommandSpec> ZsetCommands();
std::span<const CommandSpec> BlockingZsetCommands();
std::span<const CommandSpec> KeysCommands();
std::span<const CommandSpec> SortCommands();
std::span<const CommandSpec> IntrospectionCommands();
std::span<const CommandSpec> ConfigCommands();
std::span<const CommandSpec> InfoCommands();
std::span<const CommandSpec> PubSubCommands();
std::span<const CommandSpec> ObservationCommands();
std::span<const CommandSpec> MemoryCommands();

/// How dispatch treats a command beyond its flags.
enum class CommandRole : uint8_t {
  kOrdinary,
  kExec,         // runs what MULTI queued
  kTransaction,  // MULTI, DISCARD, WATCH, UNWATCH, QUIT, RESET: not queued by MULTI
};

/// Runtime side of one row. Stable address for the table's life.
struct Command {
  const CommandSpec* spec = nullptr;
  const Command* parent = nullptr;  // of a subcommand
  std::string name;                 // as INFO and COMMAND say it: "get", "client|id"
  std::string word;                 // what clients send, upper case: "GET", "ID"
  CommandRole role = CommandRole::kOrdinary;
  bool framed = true;            // runs inside an engine frame
  bool for_subscribers = false;  // a subscriber that speaks RESP2 may call it
  int single_key = 0;            // > 0: the one key is argv[single_key]; 0: ask CollectKeys
  engine::Need single_need = engine::Need::kNothing;
  engine::ListPartOf single_part = nullptr;
  // What is fetched ahead; a guess that costs only time if it is wrong.
  bool on_collection = false;  // the one key is expected to be a list, hash, set or sorted set
  int element = 0;  // of which argv[element] is looked up; -1: the last argument; 0: none
  bool has_keys = false;
  std::vector<Command*> subcommands;  // in the order of the rows
  CommandStats stats;

  bool Has(uint64_t flag) const { return spec->flags & flag; }
  /// What the one key's value is needed for. REQUIRES: single_key > 0.
  engine::ListPart SinglePart(std::span<const std::string_view> argv) const {
    return single_part != nullptr ? single_part(argv) : engine::ListPart();
  }
};

/// Keys of one call, with what each needs, in argv order of the specs. False: the arguments make no
/// sense for the specs (a count that is no number or beyond argv); `keys` then holds nothing.
bool CollectKeys(const CommandSpec& spec, std::span<const std::string_view> argv,
                 std::vector<CommandSpec::KeyRef>* keys);

class CommandTable {
 public:
  /// Builds the table of all families. The error names the first row that makes no sense.
  static codec::StatusOr<std::unique_ptr<CommandTable>> Create();
  static codec::StatusOr<std::unique_ptr<CommandTable>> Create(
      std::span<const std::span<const CommandSpec>> families);

  /// A top-level command, ignoring case; null: no such command.
  Command* Find(std::string_view word) const {
    const uint64_t head = HeadOf(word.data(), word.size());
    const Slot* slot = &slots_[SlotOf(head, word.size())];
    for (; slot->command != nullptr; ++slot) {
      if (slot->head == head && slot->size == word.size() &&
          (word.size() <= 8 || TailEquals(*slot->command, word))) {
        return slot->command;
      }
    }
    return nullptr;
  }
  /// A subcommand by its word ("ID"), ignoring case; null: no such subcommand.
  static Command* FindSub(const Command& parent, std::string_view word);
  /// By the full name, "get" or "client|id" or "client" (COMMAND INFO, ACL), ignoring case.
  Command* FindByFullName(std::string_view name) const;
  /// The command or subcommand that argv calls; null if there is none. REQUIRES: argv not empty.
  Command* Resolve(std::span<const std::string_view> argv) const {
    Command* command = Find(argv[0]);
    if (command != nullptr && !command->subcommands.empty() && argv.size() > 1) {
      return FindSub(*command, argv[1]);
    }
    return command;
  }

  /// Top-level commands in the order of the families.
  std::span<Command* const> commands() const { return commands_; }
  /// rename-command: from now on `to` calls it, or nothing if `to` is empty. Statistics and COMMAND
  /// keep the name.
  codec::Status Rename(std::string_view from, std::string_view to);
  void ResetStats();

 private:
  struct Slot {
    uint64_t head = 0;  // the first eight bytes, letters folded to upper case
    uint32_t size = 0;
    Command* command = nullptr;
  };
  static uint64_t HeadOf(const char* data, size_t size);
  size_t SlotOf(uint64_t head, size_t size) const {
    return ((head + size) * 0x9E3779B97F4A7C15ull) >> shift_;
  }
  static bool TailEquals(const Command& command, std::string_view word);

  codec::Status Add(const CommandSpec& spec, Command* parent);
  void BuildSlots();

  std::vector<std::unique_ptr<Command>> all_;
  std::vector<Command*> commands_;
  std::vector<Slot> slots_;
  int shift_ = 54;
};

inline uint64_t CommandTable::HeadOf(const char* data, size_t size) {
  uint64_t head = 0;
  if (size >= 8) {
    __builtin_memcpy(&head, data, 8);
  } else {
    for (size_t i = 0; i < size; ++i) head |= uint64_t{static_cast<uint8_t>(data[i])} << (8 * i);
  }
  // 'a'..'z' to upper case, eight bytes at once; other bytes are left alone.
  const uint64_t ascii = ~head & 0x8080808080808080ull;
  const uint64_t low = head & 0x7F7F7F7F7F7F7F7Full;
  const uint64_t from_a = low + 0x1F1F1F1F1F1F1F1Full;    // bit 7: >= 'a'
  const uint64_t beyond_z = low + 0x0505050505050505ull;  // bit 7: > 'z'
  const uint64_t lower = from_a & ~beyond_z & ascii;
  return head ^ (lower >> 2);
}

}  // namespace thermocline::server
