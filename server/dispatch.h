// Dispatcher: from bytes to executed commands, in the order each client sent them.
//
// Requests of all clients of a loop iteration are parsed into one batch of slots; what the lookups
// of their keys will read is prefetched for the whole batch, then they run. A command passes the
// checks in Redis's order (known, arity, protected, AUTH, memory, disk, loading, pause), is queued
// inside MULTI, or has its keys prepared and runs in an engine frame. A command that cannot run yet
// is parked, with all later input of its client ([R1]); when it may go on every check is made
// again.
//
// EXEC prepares the keys of all queued commands at once and runs them in one frame; keys that only
// show while it runs (SELECT, SWAPDB, SCAN inside) are read inside the call. Executor only. In
// steady state nothing here allocates.
#pragma once

#include <array>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "server/client.h"
#include "server/commands/command_table.h"

namespace thermocline::server {

class Dispatcher {
 public:
  explicit Dispatcher(Server* server) : server_(*server) {}

  /// Parses what the client sent (what is in `pending` first) and queues the requests. The bytes
  /// must stay until RunQueued(). What is not a whole request goes to `pending`.
  void Input(Client* client, std::string_view bytes);
  void RunQueued();
  bool has_queued() const { return used_ > 0; }
  /// Goes on with a parked client: its command, then what it has sent meanwhile.
  void Resume(Client* client);
  /// A blocked command ends: `reply` makes its reply, in a frame of its own. Its client leaves all
  /// queues and goes on with its input in this tick.
  void EndBlocked(Client* client, const std::function<void(CommandContext&)>& reply);
  /// Takes the client out of all waits; what it had parked is given up.
  void Abandon(Client* client);
  /// Whether the client still has to say AUTH.
  bool AuthRequired(const Client& client) const;

 private:
  static constexpr size_t kBatch = 64;
  struct Slot {
    Client* client = nullptr;  // null: taken out again
    Command* command = nullptr;
    std::vector<std::string_view> argv;
    std::string_view raw;                   // the request's bytes
    std::vector<CommandSpec::KeyRef> keys;  // beyond the single key
  };
  enum class Outcome : uint8_t { kDone, kParked };

  void Parse(Client* client, std::string_view bytes);
  void ContinueInput(Client* client);
  /// Notes the places of the slot's keys for the batch's prefetch.
  void PlanPrefetch(Slot* slot);
  /// All checks, then the command. `slot_keys`: what CollectKeys said already, or null.
  Outcome Process(Client& client, Command* command, std::span<const std::string_view> argv,
                  const std::vector<CommandSpec::KeyRef>* slot_keys);
  Outcome Run(Client& client, Command* command, std::span<const std::string_view> argv);
  Outcome Block(Client& client, Command* command, std::span<const std::string_view> argv,
                BlockRequest request);
  Outcome StepTask(Client& client, Command* command, std::span<const std::string_view> argv);
  Outcome Exec(Client& client, Command* command, std::span<const std::string_view> argv);
  /// Runs one command of EXEC inside the open frame.
  void RunQueuedInExec(Client& client, Command* command, std::span<const std::string_view> argv);
  void Finish(Client& client, Command* command, std::span<const std::string_view> argv,
              size_t reply_begin, uint64_t extra_ticks);
  /// MONITOR and the slow log hear of a command that ran.
  void Observe(const Client& client, const Command& command, std::span<const std::string_view> argv,
               uint64_t ticks);
  void EndSilence(Client& client);
  Outcome Park(Client& client, Command* command, std::span<const std::string_view> argv,
               ParkReason reason);
  void Unpin(Client& client);
  void Lookahead(Client* client, size_t from_slot);

  /// Refuses a command before it runs; `text` with its code, or without it when `plain`.
  void Reject(Client& client, Command* command, std::string_view text, bool plain = false);
  void RejectUnknown(Client& client, std::span<const std::string_view> argv);
  void RejectDiskError(Client& client, Command* command);

  Server& server_;
  std::array<Slot, kBatch> slots_;
  size_t used_ = 0;
  std::vector<engine::Database::KeyPlace> places_;  // of all slots' keys
  uint64_t ticks_ = 0;                              // when the last command ended
  std::vector<CommandSpec::KeyRef> key_refs_;
  std::vector<engine::KeyRequest> requests_;
  std::vector<std::string_view> exec_argv_;
};

}  // namespace thermocline::server
