// The way of a command from bytes to its reply; see dispatch.h.
#include "server/dispatch.h"

#include <glog/logging.h>

#include <algorithm>

#include "codec/words.h"
#include "server/c_text.h"
#include "server/server.h"

namespace thermocline::server {

namespace {

constexpr std::string_view kNoAuthText = "NOAUTH Authentication required.";
constexpr std::string_view kLoadingText = "LOADING Redis is loading the dataset in memory";
constexpr std::string_view kOomText = "OOM command not allowed when used memory > 'maxmemory'.";
constexpr uint64_t kMayWrite = kWrite | kMayReplicate;
// Output of a client that has not authenticated.
constexpr size_t kUnauthenticatedOutputMax = 1024;
// While a command is parked, input beyond this stays in the socket.
constexpr size_t kParkedInputMax = 256 * 1024;
constexpr size_t kIdleArgumentBytes = 16 * 1024;

}  // namespace

bool Dispatcher::AuthRequired(const Client& client) const {
  return !client.authenticated && !server_.config().requirepass.empty();
}

// ---- input ------------------------------------------------------------------------------------

void Dispatcher::Input(Client* client, std::string_view bytes) {
  if (client->closing || client->close_after_reply) return;
  if (client->is_parked()) {
    client->pending.append(bytes);
    if (client->pending.size() > kParkedInputMax && client->reading) {
      client->reading = false;
      if (client->connection() != nullptr) client->connection()->SetReading(false);
    }
    return;
  }
  if (client->pending.empty()) {
    Parse(client, bytes);
  } else {
    client->pending.append(bytes);
    ContinueInput(client);
  }
}

// Parses `pending` where it lies: it is put aside meanwhile, since parking writes to it.
void Dispatcher::ContinueInput(Client* client) {
  if (client->pending.empty()) return;
  std::string storage = std::move(client->pending);
  client->pending.clear();
  const size_t size = storage.size();
  Parse(client, storage);
  if (client->pending.size() == size) {  // nothing was complete: no copy stays
    client->pending = std::move(storage);
    return;
  }
  RunQueued();
}

void Dispatcher::Parse(Client* client, std::string_view bytes) {
  size_t offset = 0;
  client->parser.set_max_bulk_length(server_.config().proto_max_bulk_len);
  while (true) {
    if (used_ == kBatch || (used_ > 0 && AuthRequired(*client))) RunQueued();
    if (client->closing || client->close_after_reply) return;
    if (client->is_parked()) {
      client->pending.append(bytes.substr(offset));
      return;
    }
    if (offset == bytes.size()) return;
    Slot& slot = slots_[used_];
    size_t consumed = 0;
    switch (client->parser.Next(bytes.substr(offset), &slot.argv, &consumed)) {
      case codec::ParseResult::kNeedMore: {
        client->pending.append(bytes.substr(offset));
        const size_t wanted = client->parser.BytesWanted();
        if (wanted > client->pending.capacity() - client->pending.size() && wanted > 64 * 1024) {
          // Grown once for a large value, but not on the word of a client alone for the largest.
          client->pending.reserve(client->pending.size() + std::min(wanted, size_t{64} << 20));
        }
        return;
      }
      case codec::ParseResult::kError: {
        RunQueued();
        if (client->closing || client->close_after_reply) return;
        if (client->is_parked()) {  // told again when the parked command has run
          client->pending.append(bytes.substr(offset));
          client->parser = codec::RequestParser();
          client->parser.set_authenticated(!AuthRequired(*client));
          return;
        }
        LOG(INFO) << client->parser.error() << ", from client id=" << client->id()
                  << " addr=" << client->peer_address;
        const size_t begin = client->out.size();
        codec::RespWriter writer(client->out, client->proto);
        writer.Error("ERR " + std::string(client->parser.error()));
        server_.stats().CountError(std::string_view(client->out).substr(begin));
        if (client->reply_mode != ReplyMode::kOn) client->out.resize(begin);
        server_.CloseAfterReply(client);
        return;
      }
      case codec::ParseResult::kRequest:
        break;
    }
    slot.raw = bytes.substr(offset, consumed);
    offset += consumed;
    if (slot.argv.empty()) continue;
    slot.client = client;
    slot.keys.clear();
    slot.command = server_.commands().Resolve(slot.argv);
    ++used_;
    const char* first = slot.argv[0].data();
    if (first < bytes.data() || first >= bytes.data() + bytes.size()) {
      RunQueued();  // inline arguments live in the parser until its next call
    } else {
      PlanPrefetch(&slot);
    }
  }
}

void Dispatcher::PlanPrefetch(Slot* slot) {
  const engine::Database* db = server_.database();
  const Command* command = slot->command;
  if (command == nullptr || !command->has_keys || db == nullptr) return;
  if (command->single_key > 0) {
    const size_t at = static_cast<size_t>(command->single_key);
    const size_t argc = slot->argv.size();
    if (at >= argc) return;
    const size_t element = command->element < 0 ? argc - 1 : static_cast<size_t>(command->element);
    places_.push_back(
        {.db = slot->client->db,
         .position = db->PositionOf(slot->argv[at]),
         .collection = command->on_collection,
         .element = element > at && element < argc ? slot->argv[element] : std::string_view()});
    return;
  }
  if (!CollectKeys(*command->spec, slot->argv, &slot->keys)) return;
  for (const CommandSpec::KeyRef& key : slot->keys) {
    places_.push_back({.db = slot->client->db,
                       .position = db->PositionOf(slot->argv[static_cast<size_t>(key.index)]),
                       .collection = false,
                       .element = {}});
  }
}

void Dispatcher::RunQueued() {
  const size_t n = used_;
  if (n == 0) return;
  server_.PollDatabase();
  // A key alone is as well fetched by its lookup.
  if (places_.size() > 1) server_.database()->Prefetch(places_);
  places_.clear();
  ticks_ = ReadTicks();
  for (size_t i = 0; i < n; ++i) {
    Slot& slot = slots_[i];
    Client* client = slot.client;
    if (client == nullptr || client->closing || client->close_after_reply) continue;
    if (Process(*client, slot.command, slot.argv, &slot.keys) == Outcome::kParked) {
      Lookahead(client, i + 1);
      // Later requests of this client go back to its input, in order and in front of the rest.
      std::string later;
      for (size_t j = i + 1; j < n; ++j) {
        if (slots_[j].client != client) continue;
        later.append(slots_[j].raw);
        slots_[j].client = nullptr;
      }
      if (!later.empty()) {
        later.append(client->pending);
        client->pending = std::move(later);
        client->parser = codec::RequestParser();
        client->parser.set_authenticated(!AuthRequired(*client));
      }
    }
  }
  used_ = 0;
}

// Starts the cold reads of what the client asks for next. Nothing stays pinned once it has arrived.
void Dispatcher::Lookahead(Client* client, size_t from_slot) {
  engine::Database* db = server_.database();
  if (client->parked.reason != ParkReason::kColdRead || client->lookahead.active || db == nullptr) {
    return;
  }
  requests_.clear();
  for (size_t j = from_slot; j < used_; ++j) {
    const Slot& slot = slots_[j];
    if (slot.client != client || slot.command == nullptr || !slot.command->has_keys) continue;
    if (slot.command->single_key > 0) {
      const size_t at = static_cast<size_t>(slot.command->single_key);
      if (at < slot.argv.size()) {
        requests_.push_back({client->db, slot.argv[at], slot.command->single_need,
                             slot.command->SinglePart(slot.argv)});
      }
    } else {
      for (const CommandSpec::KeyRef& key : slot.keys) {
        requests_.push_back(
            {client->db, slot.argv[static_cast<size_t>(key.index)], key.need, key.part});
      }
    }
  }
  if (requests_.empty()) return;
  client->lookahead.active = !db->Prepare(requests_, &client->lookahead);
  if (!client->lookahead.active) db->Release(&client->lookahead);
}

// ---- parking ------------------------------------------------------------------------------------

Dispatcher::Outcome Dispatcher::Park(Client& client, Command* command,
                                     std::span<const std::string_view> argv, ParkReason reason) {
  ParkedCommand& parked = client.parked;
  parked.reason = reason;
  parked.command = command;
  if (parked.argv.empty() || argv.data() != parked.argv.data()) {
    size_t size = 0;
    for (const std::string_view arg : argv) size += arg.size();
    parked.bytes.clear();
    parked.bytes.reserve(size);
    parked.argv.clear();
    for (const std::string_view arg : argv) {
      parked.argv.emplace_back(parked.bytes.data() + parked.bytes.size(), arg.size());
      parked.bytes.append(arg);
    }
    if (reason != ParkReason::kBlocked) ++server_.stats().parked_commands;
  }
  if (reason == ParkReason::kPause) ++server_.stats().blocked_clients;
  return Outcome::kParked;
}

void Dispatcher::Resume(Client* client) {
  if (client->closing || !client->is_parked()) return;
  ParkedCommand& parked = client->parked;
  if (parked.reason == ParkReason::kPause) --server_.stats().blocked_clients;
  const bool over = parked.reason == ParkReason::kUnblocked;
  parked.reason = ParkReason::kNone;
  ticks_ = ReadTicks();
  if (!over) {
    const Outcome outcome = parked.task != nullptr
                                ? StepTask(*client, parked.command, parked.argv)
                                : Process(*client, parked.command, parked.argv, nullptr);
    if (outcome == Outcome::kParked) return;
  }
  Unpin(*client);  // of a command that was refused when it went on
  parked.argv.clear();
  parked.bytes.clear();
  if (parked.bytes.capacity() > kIdleArgumentBytes) parked.bytes.shrink_to_fit();
  if (client->closing) return;
  ContinueInput(client);
  if (client->is_parked() || client->closing) return;
  if (client->input_closed) {
    server_.CloseAfterReply(client);
  } else if (!client->reading) {
    client->reading = true;
    if (client->connection() != nullptr) client->connection()->SetReading(true);
  }
}

// The command ran, or will not: its keys may go again.
void Dispatcher::Unpin(Client& client) {
  if (!client.holds_pins) return;
  server_.database()->Release(&client.waiter);
  client.holds_pins = false;
}

void Dispatcher::Abandon(Client* client) {
  engine::Database* db = server_.database();
  if (client->parked.reason == ParkReason::kPause) --server_.stats().blocked_clients;
  server_.blocking_.Cancel(client);
  if (db != nullptr) {
    if (client->holds_pins || client->is_parked()) db->CancelWait(&client->waiter);
    if (client->lookahead.active) db->CancelWait(&client->lookahead);
  }
  client->holds_pins = false;
  client->lookahead.active = false;
  client->parked.task.reset();
  client->parked.monitored = false;
  client->parked.reason = ParkReason::kNone;
  client->parked.argv.clear();
}

// ---- refusals
// ------------------------------------------------------------------------------------

void Dispatcher::Reject(Client& client, Command* command, std::string_view text, bool plain) {
  const size_t begin = client.out.size();
  codec::RespWriter writer(client.out, client.proto);
  if (client.transaction.open) client.transaction.queue_failed = true;
  if (command != nullptr) ++command->stats.rejected;
  if (command != nullptr && command->role == CommandRole::kExec) {
    server_.DiscardTransaction(&client);
    writer.Error("EXECABORT Transaction discarded because of: " + std::string(text));
  } else if (plain) {
    writer.Error("ERR " + std::string(text));
  } else {
    writer.Error(text);
  }
  server_.stats().CountError(std::string_view(client.out).substr(begin));
  Finish(client, nullptr, {}, begin, 0);
}

void Dispatcher::RejectUnknown(Client& client, std::span<const std::string_view> argv) {
  Command* container = server_.commands().Find(argv[0]);
  std::string text;
  if (container != nullptr) {
    text = "unknown subcommand '" + ShortCText(argv[1]) + "'. Try " + container->word + " HELP.";
  } else {
    constexpr size_t kShown = 128;
    std::string args;
    for (size_t i = 1; i < argv.size() && args.size() < kShown; ++i) {
      args += "'" + CText(argv[i].substr(0, kShown - args.size())) + "' ";
    }
    text = "unknown command '" + ShortCText(argv[0]) + "', with args beginning with: " + args;
  }
  Reject(client, nullptr, text, /*plain=*/true);
}

void Dispatcher::RejectDiskError(Client& client, Command* command) {
  const codec::Status error = server_.database()->GrowthError();
  Reject(client, command,
         "MISCONF Errors writing to the AOF file: " +
             std::string(error.ok() ? "the disk was failing until now" : error.message()));
}

// ---- execution
// ------------------------------------------------------------------------------------

Dispatcher::Outcome Dispatcher::Process(Client& client, Command* command,
                                        std::span<const std::string_view> argv,
                                        const std::vector<CommandSpec::KeyRef>* slot_keys) {
  client.last_command = command;
  if (command == nullptr) [[unlikely]] {
    if (argv.size() > 0 &&
        (codec::SameWord(argv[0], "POST") || codec::SameWord(argv[0], "host:"))) {
      LOG(WARNING)
          << "Possible SECURITY ATTACK detected. It looks like somebody is sending POST or "
             "Host: commands to Redis. This is likely due to an attacker attempting to use "
             "Cross Protocol Scripting to compromise your Redis instance. Connection aborted.";
      server_.CloseClient(&client);
      return Outcome::kDone;
    }
    RejectUnknown(client, argv);
    return Outcome::kDone;
  }
  const CommandSpec& spec = *command->spec;
  const int argc = static_cast<int>(argv.size());
  if ((spec.arity > 0 && argc != spec.arity) || argc < -spec.arity) [[unlikely]] {
    Reject(client, command, "wrong number of arguments for '" + command->name + "' command", true);
    return Outcome::kDone;
  }
  const uint64_t flags = spec.flags;
  if (flags & kProtected) [[unlikely]] {
    const ProtectedAction allowed = server_.config().enable_debug_command;
    if (allowed == ProtectedAction::kNo ||
        (allowed == ProtectedAction::kLocal && !client.loopback)) {
      Reject(client, command,
             "DEBUG command not allowed. If the enable-debug-command option is set to \"local\", "
             "you can run it from a local connection, otherwise you need to set this option in the "
             "configuration file, and then restart the server.",
             true);
      return Outcome::kDone;
    }
  }
  if (!client.authenticated && AuthRequired(client) && !(flags & kNoAuth)) [[unlikely]] {
    Reject(client, command, kNoAuthText);
    return Outcome::kDone;
  }
  if (client.transaction.open && (flags & kNoMulti)) [[unlikely]] {
    Reject(client, command, "Command not allowed inside a transaction", true);
    return Outcome::kDone;
  }
  engine::Database* db = server_.database();
  const uint64_t all_flags =
      command->role == CommandRole::kExec ? flags | client.transaction.queue.flags() : flags;
  if (server_.write_refused_ && db != nullptr &&
      ((all_flags & kWrite) || (!command->has_keys && spec.name == "PING"))) [[unlikely]] {
    RejectDiskError(client, command);
    return Outcome::kDone;
  }
  if (client.memberships != nullptr && client.proto == 2 && !command->for_subscribers)
      [[unlikely]] {
    Reject(client, command,
           "Can't execute '" + command->name +
               "': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET are allowed in "
               "this context",
           true);
    return Outcome::kDone;
  }
  if (db == nullptr && !(flags & kLoading)) [[unlikely]] {
    Reject(client, command, kLoadingText);
    return Outcome::kDone;
  }
  if (client.monitor && (all_flags & (kMayWrite | kReadOnly))) [[unlikely]] {
    Reject(client, command, "Replica can't interact with the keyspace", true);
    return Outcome::kDone;
  }
  if (server_.pause().mode() != PauseMode::kNone && !client.monitor &&
      server_.pause().Holds(all_flags & kMayWrite)) [[unlikely]] {
    return Park(client, command, argv, ParkReason::kPause);
  }

  if (client.transaction.open && command->role == CommandRole::kOrdinary) {
    if (flags & kDenyOom) {
      switch (db->AdmitGrowth(&client.waiter)) {
        case engine::Admission::kRun:
          break;
        case engine::Admission::kParked:
          client.holds_pins = true;
          return Park(client, command, argv, ParkReason::kMemory);
        case engine::Admission::kOom:
          Reject(client, command, kOomText);
          return Outcome::kDone;
        case engine::Admission::kMisconf:
          RejectDiskError(client, command);
          return Outcome::kDone;
      }
    }
    Unpin(client);
    client.last_command = command;
    const size_t begin = client.out.size();
    // Nothing of a transaction that fails anyway is kept.
    if (!client.transaction.queue_failed && !client.transaction.dirty) {
      client.transaction.queue.Add(command, argv);
    }
    client.out.append("+QUEUED\r\n", 9);
    Finish(client, nullptr, {}, begin, 0);
    return Outcome::kDone;
  }
  if (command->role == CommandRole::kExec) return Exec(client, command, argv);

  if (command->has_keys && db != nullptr) {
    bool prepared;
    if (command->single_key > 0) {
      const engine::KeyRequest request{client.db, argv[static_cast<size_t>(command->single_key)],
                                       command->single_need, command->SinglePart(argv)};
      prepared = db->Prepare({&request, 1}, &client.waiter);
    } else {
      if (slot_keys == nullptr || slot_keys->empty()) {
        CollectKeys(spec, argv, &key_refs_);
        slot_keys = &key_refs_;
      }
      requests_.clear();
      for (const CommandSpec::KeyRef& key : *slot_keys) {
        requests_.push_back({key.DatabaseOr(client.db, db->databases()),
                             argv[static_cast<size_t>(key.index)], key.need, key.part});
      }
      prepared = db->Prepare(requests_, &client.waiter);
    }
    if (!prepared) [[unlikely]] {
      client.holds_pins = true;
      return Park(client, command, argv, ParkReason::kColdRead);
    }
    if (client.holds_pins) [[unlikely]] {
      const codec::Status error = db->TakeReadError(&client.waiter);
      if (!error.ok()) {
        LOG_EVERY_N(ERROR, 100) << "Cold read failed: " << error.ToString();
        Unpin(client);
        Reject(client, command, "reading from the cold tier failed: " + error.ToString(), true);
        return Outcome::kDone;
      }
    }
  }
  if (flags & kDenyOom) {
    switch (db->AdmitGrowth(&client.waiter)) {
      [[likely]] case engine::Admission::kRun : break;
      case engine::Admission::kParked:
        client.holds_pins = true;
        return Park(client, command, argv, ParkReason::kMemory);
      case engine::Admission::kOom:
        Unpin(client);
        Reject(client, command, kOomText);
        return Outcome::kDone;
      case engine::Admission::kMisconf:
        Unpin(client);
        RejectDiskError(client, command);
        return Outcome::kDone;
    }
  }
  return Run(client, command, argv);
}

Dispatcher::Outcome Dispatcher::Run(Client& client, Command* command,
                                    std::span<const std::string_view> argv) {
  engine::Database* db = server_.database();
  const size_t begin = client.out.size();
  codec::RespWriter writer(client.out, client.proto);
  CommandContext context(server_, client, *command->spec, argv, writer, /*in_exec=*/false);
  server_.running_client_ = &client;
  const bool framed = command->framed && db != nullptr;
  if (framed) db->BeginFrame();
  command->spec->handler(context);
  if (framed) client.tick_gate = std::max(client.tick_gate, db->CommitFrame());
  if (std::unique_ptr<CommandTask> task = context.TakeTask()) [[unlikely]] {
    client.parked.task = std::move(task);
    client.parked.started_ticks = 0;
    return StepTask(client, command, argv);
  }
  if (std::optional<BlockRequest> request = context.TakeBlock()) [[unlikely]] {
    return Block(client, command, argv, std::move(*request));
  }
  Unpin(client);
  Finish(client, command, argv, begin, 0);
  return Outcome::kDone;
}

Dispatcher::Outcome Dispatcher::Block(Client& client, Command* command,
                                      std::span<const std::string_view> argv,
                                      BlockRequest request) {
  Unpin(client);
  EndSilence(client);
  const uint64_t now = ReadTicks();
  client.parked.started_ticks = now - ticks_;
  ticks_ = now;
  // Told when it is given, not when it is served.
  if (server_.monitor_.active()) {
    server_.monitor_.Feed(client, *command, argv, server_.redacted_);
    client.parked.monitored = true;
  }
  Park(client, command, argv, ParkReason::kBlocked);
  server_.blocking_.Block(&client, std::move(request));
  return Outcome::kParked;
}

void Dispatcher::EndBlocked(Client* client, const std::function<void(CommandContext&)>& reply) {
  engine::Database* db = server_.database();
  ParkedCommand& parked = client->parked;
  ticks_ = ReadTicks();
  const size_t begin = client->out.size();
  codec::RespWriter writer(client->out, client->proto);
  CommandContext context(server_, *client, *parked.command->spec, parked.argv, writer,
                         /*in_exec=*/false);
  server_.running_client_ = client;
  db->BeginFrame();
  reply(context);
  client->tick_gate = std::max(client->tick_gate, db->CommitFrame());
  server_.blocking_.Cancel(client);
  parked.reason = ParkReason::kUnblocked;
  server_.MakeReady(client);
  Finish(*client, parked.command, parked.argv, begin, parked.started_ticks);
}

Dispatcher::Outcome Dispatcher::StepTask(Client& client, Command* command,
                                         std::span<const std::string_view> argv) {
  engine::Database* db = server_.database();
  const size_t begin = client.out.size();
  codec::RespWriter writer(client.out, client.proto);
  CommandContext context(server_, client, *command->spec, argv, writer, /*in_exec=*/false);
  server_.running_client_ = &client;
  db->BeginFrame();
  const bool done = client.parked.task->Step(context, &client.waiter);
  client.tick_gate = std::max(client.tick_gate, db->CommitFrame());
  if (!done) {
    EndSilence(client);
    const uint64_t now = ReadTicks();
    client.parked.started_ticks += now - ticks_;
    ticks_ = now;
    client.holds_pins = true;
    return Park(client, command, argv, ParkReason::kTask);
  }
  client.parked.task.reset();
  Unpin(client);
  Finish(client, command, argv, begin, client.parked.started_ticks);
  return Outcome::kDone;
}

// No command of the client runs any more: what was pushed to it while it was silent joins its
// output.
void Dispatcher::EndSilence(Client& client) {
  server_.running_client_ = nullptr;
  if (server_.running_pushes_.empty()) return;
  client.out.append(server_.running_pushes_);
  server_.running_pushes_.clear();
}

void Dispatcher::Observe(const Client& client, const Command& command,
                         std::span<const std::string_view> argv, uint64_t ticks) {
  if (server_.monitor_.active() && !client.parked.monitored) [[unlikely]] {
    server_.monitor_.Feed(client, command, argv, server_.redacted_);
  }
  if (ticks >= server_.slow_ticks_ && !command.Has(kSkipSlowlog)) [[unlikely]] {
    server_.slow_log_.Add(client, argv, server_.redacted_,
                          static_cast<int64_t>(TicksToMicros(ticks)), server_.now_ms_,
                          static_cast<size_t>(server_.config().slowlog_max_len));
  }
  server_.redacted_.clear();
}

// After a reply was appended (or nothing): counters, CLIENT REPLY, limits, and its way out.
// `command` is null when no command ran.
void Dispatcher::Finish(Client& client, Command* command, std::span<const std::string_view> argv,
                        size_t reply_begin, uint64_t extra_ticks) {
  uint64_t spent = 0;
  if (command != nullptr) {
    const uint64_t now = ReadTicks();
    spent = now - ticks_ + extra_ticks;
    ticks_ = now;
    ++server_.stats_.commands_processed;
    ++command->stats.calls;
    command->stats.ticks += spent;
    command->stats.latency.Add(spent);
    if (client.out.size() > reply_begin && client.out[reply_begin] == '-') [[unlikely]] {
      ++command->stats.failed;
      server_.stats_.CountError(std::string_view(client.out).substr(reply_begin));
    }
  }
  if (client.reply_mode != ReplyMode::kOn) [[unlikely]] {
    client.out.resize(reply_begin);
    if (client.reply_mode == ReplyMode::kSkip) client.reply_mode = ReplyMode::kOn;
    if (client.reply_mode == ReplyMode::kSkipNext) client.reply_mode = ReplyMode::kSkip;
  }
  EndSilence(client);
  if (command != nullptr) Observe(client, *command, argv, spent);
  client.parked.monitored = false;
  if (client.out.size() - client.out_sent > kUnauthenticatedOutputMax) [[unlikely]] {
    if (client.OutputBytes() > kOutputCheckBytes) {
      server_.CheckOutputLimit(&client);
    } else if (AuthRequired(client)) {
      LOG(WARNING) << "Client addr=" << client.peer_address
                   << " closed: it has not authenticated and does not read its replies";
      server_.CloseClient(&client);
    }
  }
  server_.QueueWrite(&client);
  // Keys that the command, or a whole EXEC, made are handed to those who wait for them.
  if (server_.blocking_.has_work()) [[unlikely]]
    server_.blocking_.Serve();
}

// ---- EXEC ------------------------------------------------------------------------------------

Dispatcher::Outcome Dispatcher::Exec(Client& client, Command* command,
                                     std::span<const std::string_view> argv) {
  TransactionState& transaction = client.transaction;
  engine::Database* db = server_.database();
  const size_t begin = client.out.size();
  const bool replying = client.reply_mode == ReplyMode::kOn;
  codec::RespWriter writer(client.out, client.proto);
  const auto close = [&] {
    server_.DiscardTransaction(&client);
    Unpin(client);
  };
  if (!transaction.open) {
    writer.Error("ERR EXEC without MULTI");
    Finish(client, command, argv, begin, 0);
    return Outcome::kDone;
  }
  if (db == nullptr) {
    // Only commands that run while loading can have been queued; they need no frame.
    if (transaction.queue_failed) {
      writer.Error("EXECABORT Transaction discarded because of previous errors.");
      close();
      Finish(client, command, argv, begin, 0);
      return Outcome::kDone;
    }
  } else {
    if (WatchRegistry::AnyExpired(client, db->NowMs())) transaction.dirty = true;
    if (transaction.queue_failed || transaction.dirty) {
      if (transaction.queue_failed) {
        writer.Error("EXECABORT Transaction discarded because of previous errors.");
      } else {
        writer.NullArray();
      }
      // [G1]: that it was aborted says something about what others wrote.
      client.tick_gate = std::max(client.tick_gate, db->LogEnd());
      close();
      Finish(client, command, argv, begin, 0);
      return Outcome::kDone;
    }
    // All keys of all commands at once. SELECT inside is followed; what cannot be known in advance
    // is read inside the call by RunQueuedInExec.
    requests_.clear();
    int selected = client.db;
    for (size_t i = 0; i < transaction.queue.size(); ++i) {
      const Command* queued = transaction.queue.command(i);
      transaction.queue.Arguments(i, &exec_argv_);
      if (queued->has_keys && CollectKeys(*queued->spec, exec_argv_, &key_refs_)) {
        for (const CommandSpec::KeyRef& key : key_refs_) {
          requests_.push_back({key.DatabaseOr(selected, db->databases()),
                               exec_argv_[static_cast<size_t>(key.index)], key.need, key.part});
        }
      }
      int64_t number = 0;
      if (queued->spec->name == "SELECT" && codec::ParseInt64(exec_argv_[1], &number) &&
          number >= 0 && number < db->databases()) {
        selected = static_cast<int>(number);
      }
    }
    if (!requests_.empty() && !db->Prepare(requests_, &client.waiter)) {
      client.holds_pins = true;
      return Park(client, command, argv, ParkReason::kColdRead);
    }
    if (client.holds_pins) {
      const codec::Status error = db->TakeReadError(&client.waiter);
      if (!error.ok()) {
        close();
        Reject(client, command, "ERR reading from the cold tier failed: " + error.ToString());
        return Outcome::kDone;
      }
    }
    if (transaction.queue.flags() & kDenyOom) {
      switch (db->AdmitGrowth(&client.waiter)) {
        case engine::Admission::kRun:
          break;
        case engine::Admission::kParked:
          client.holds_pins = true;
          return Park(client, command, argv, ParkReason::kMemory);
        case engine::Admission::kOom:
          close();
          Reject(client, command, kOomText);
          return Outcome::kDone;
        case engine::Admission::kMisconf:
          close();
          RejectDiskError(client, command);
          return Outcome::kDone;
      }
    }
  }
  // No watch matters any more, and changes of our own must not mark us.
  server_.watches().UnwatchAll(&client);
  transaction.dirty = false;
  server_.running_client_ = &client;
  if (db != nullptr) db->BeginFrame();
  writer.Array(transaction.queue.size());
  // The transaction stays open while it runs, as CLIENT INFO inside it says.
  for (size_t i = 0; i < transaction.queue.size(); ++i) {
    transaction.queue.Arguments(i, &exec_argv_);
    RunQueuedInExec(client, transaction.queue.command(i), exec_argv_);
  }
  if (db != nullptr) client.tick_gate = std::max(client.tick_gate, db->CommitFrame());
  close();
  // CLIENT REPLY OFF inside takes back what followed it, not what was replied before.
  Finish(client, command, argv, replying ? client.out.size() : begin, 0);
  return Outcome::kDone;
}

void Dispatcher::RunQueuedInExec(Client& client, Command* command,
                                 std::span<const std::string_view> argv) {
  engine::Database* db = server_.database();
  const size_t begin = client.out.size();
  codec::RespWriter writer(client.out, client.proto);
  codec::Status error;
  if (command->has_keys && db != nullptr && CollectKeys(*command->spec, argv, &key_refs_)) {
    requests_.clear();
    for (const CommandSpec::KeyRef& key : key_refs_) {
      requests_.push_back({key.DatabaseOr(client.db, db->databases()),
                           argv[static_cast<size_t>(key.index)], key.need, key.part});
    }
    error = db->PrepareNow(requests_);
  }
  if (error.ok()) {
    CommandContext context(server_, client, *command->spec, argv, writer, /*in_exec=*/true);
    command->spec->handler(context);
  } else {
    writer.Error("ERR reading from the cold tier failed: " + error.ToString());
  }
  const uint64_t now = ReadTicks();
  ++server_.stats_.commands_processed;
  ++command->stats.calls;
  const uint64_t spent = now - ticks_;
  command->stats.ticks += spent;
  command->stats.latency.Add(spent);
  ticks_ = now;
  if (client.out.size() > begin && client.out[begin] == '-') {
    ++command->stats.failed;
    server_.stats_.CountError(std::string_view(client.out).substr(begin));
  }
  if (client.reply_mode == ReplyMode::kOff) client.out.resize(begin);
  Observe(client, *command, argv, spent);
}

}  // namespace thermocline::server
