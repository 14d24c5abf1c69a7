// The tick, the clients' lives and the way of replies out; see server.h.
#include "server/server.h"

#include <glog/logging.h>
#include <sys/resource.h>
#include <time.h>

#include <algorithm>
#include <random>

#include "engine/env/machine_limits.h"
#include "server/allocator.h"
#include "server/dispatch.h"
#include "server/logging.h"
#include "server/memory_report.h"

namespace thermocline::server {

using codec::Status;
using codec::StatusOr;

namespace {

constexpr size_t kKeptOutputBytes = 64 * 1024;  // of an idle client's buffer
constexpr size_t kSentBytesMax = 256 * 1024;    // written bytes are cut off `out` above this
constexpr int64_t kIdleTickMs = 100;
constexpr size_t kClientsACall = 500;  // looked at by the cron at least

int64_t WallMs() {
  timespec t;
  clock_gettime(CLOCK_REALTIME, &t);
  return int64_t{t.tv_sec} * 1000 + t.tv_nsec / 1000000;
}

// Takes a checkpoint and waits for it, outside the loop. The engine says in its statistics why none
// comes.
Status WaitForCheckpoint(engine::Database* database) {
  class Done final : public engine::Waiter {
   public:
    void OnReady() override { ready = true; }
    bool ready = false;
  } done;
  TC_RETURN_IF_ERROR(database->StartCheckpoint(&done));
  while (!done.ready) {
    database->Poll();
    database->EndTick();
    TC_RETURN_IF_ERROR(database->WriteError());
    if (const std::string error = database->GetStats().cold_error; !error.empty()) {
      database->CancelWait(&done);
      return Status::IoError(error);
    }
    const timespec pause{0, 1'000'000};
    nanosleep(&pause, nullptr);
  }
  return Status::Ok();
}

std::string RandomRunId() {
  std::random_device entropy;
  std::string id;
  for (int i = 0; i < 40; ++i) id += "0123456789abcdef"[entropy() % 16];
  return id;
}

}  // namespace

StatusOr<std::unique_ptr<Server>> Server::Create(Config* config) {
  std::unique_ptr<Server> server(new Server(config));
  TC_ASSIGN_OR_RETURN(server->table_, CommandTable::Create());
  for (const RenamedCommand& renamed : config->renamed_commands()) {
    TC_RETURN_IF_ERROR(server->table_->Rename(renamed.from, renamed.to));
  }
  return server;
}

Server::Server(Config* config)
    : config_(*config),
      dispatcher_(std::make_unique<Dispatcher>(this)),
      poll_wait_(static_cast<size_t>(config->values().cold_readers), engine::CpuLimit()),
      run_id_(RandomRunId()) {
  UpdateTime();
  started_ms_ = loading_since_ms_ = now_ms_;
  UpdateSlowLimit();  // also calibrates the clock, before anybody waits
}

Server::~Server() {
  for (Client* client : clients_) {
    if (!client->closing) dispatcher_->Abandon(client);
    delete client;
  }
}

void Server::UpdateSlowLimit() {
  const int64_t micros = config().slowlog_log_slower_than_us;
  const double ticks = static_cast<double>(micros) * TicksPerMicro();
  slow_ticks_ = micros < 0 || ticks >= 0x1p63 ? UINT64_MAX : static_cast<uint64_t>(ticks);
}

void Server::UpdateTime() { now_ms_ = WallMs(); }

// ---- database -----------------------------------------------------------------------------------

void Server::SetDatabase(std::unique_ptr<engine::Database> database) {
  database_ = std::move(database);
  database_->SetListener(this);
  watches_.SetDatabase(database_.get());
  UpdateReports();
}

void Server::UpdateReports() {
  if (database_ == nullptr) return;
  const uint32_t events = config().notify_keyspace_events;
  database_->SetReports((events & kNotifyNew) != 0 || !blocking_.empty(),
                        (events & kNotifyKeyMiss) != 0);
}

Status Server::CloseDatabase(const ShutdownRequest& request) {
  if (database_ == nullptr) return Status::Ok();
  for (Client* client : clients_) {
    watches_.UnwatchAll(client);
    if (client->is_parked() || client->holds_pins || client->lookahead.active) {
      dispatcher_->Abandon(client);
    }
  }
  for (Client* client : clients_) ReturnTaken(client);
  blocking_.Finish();
  looked_ahead_.clear();
  ready_.clear();
  Status status = request.save ? WaitForCheckpoint(database_.get()) : Status::Ok();
  const Status closed = database_->Close();
  if (status.ok()) status = closed;
  watches_.SetDatabase(nullptr);
  database_.reset();
  return status;
}

// ---- clients
// --------------------------------------------------------------------------------------

Client* Server::CreateClient(std::unique_ptr<Connection> connection) {
  auto* client = new Client(*this, next_client_id_++, std::move(connection));
  client->created_ms = client->active_ms = now_ms_;
  client->authenticated = config().requirepass.empty();
  client->parser.set_authenticated(client->authenticated);
  clients_.push_back(client);
  clients_by_id_.emplace(client->id(), client);
  return client;
}

void Server::CloseClient(Client* client) {
  if (client->closing) return;
  client->closing = true;
  dispatcher_->Abandon(client);
  ReturnTaken(client);
  watches_.UnwatchAll(client);
  pubsub_.UnsubscribeAll(client);
  monitor_.Remove(client);
  CountMemory(client, 0);
  if (client->connection() != nullptr) client->connection()->Close();
  closed_.push_back(client);
}

// The last taken goes back first, so that the order is as it was.
void Server::ReturnTaken(Client* client) {
  while (!client->taken.empty()) {
    if (database_ != nullptr) blocking_.PutBack(std::move(client->taken.back().elements));
    client->taken.pop_back();
  }
}

void Server::CloseAfterReply(Client* client) {
  if (client->closing) return;
  client->close_after_reply = true;
  if (client->reading && client->connection() != nullptr) {
    client->reading = false;
    client->connection()->SetReading(false);
  }
  QueueWrite(client);
}

Client* Server::FindClient(uint64_t id) {
  const auto it = clients_by_id_.find(id);
  return it == clients_by_id_.end() || it->second->closing ? nullptr : it->second;
}

void Server::FreeClosed() {
  for (Client* client : closed_) {
    const auto it = std::lower_bound(clients_.begin(), clients_.end(), client,
                                     [](Client* a, Client* b) { return a->id() < b->id(); });
    clients_.erase(it);
    clients_by_id_.erase(client->id());
    delete client;
  }
  closed_.clear();
}

// ---- network
// --------------------------------------------------------------------------------------

void Server::OnInput(Client* client, std::string_view bytes, size_t received) {
  if (client->closing) return;
  client->active_ms = now_ms_;
  stats_.net_input_bytes += received;
  ++stats_.reads_processed;
  dispatcher_->Input(client, bytes);
  if (client->pending.size() > static_cast<size_t>(config().client_query_buffer_limit)) {
    LOG(WARNING) << "Closing client that reached max query buffer length: id=" << client->id()
                 << " addr=" << client->peer_address;
    ++stats_.client_query_buffer_limit_disconnections;
    CloseClient(client);
  }
}

void Server::OnInputClosed(Client* client) {
  if (client->closing) return;
  dispatcher_->RunQueued();
  if (client->closing) return;
  // A cold read ends soon, and the client may only have closed its sending side: what it asked for
  // before is answered, as it would be if the keys were hot. A pause may last: nobody is there.
  // Nor is anybody there who waits for a key, or was served just now.
  if (client->parked.reason == ParkReason::kPause ||
      client->parked.reason == ParkReason::kBlocked || !client->taken.empty()) {
    CloseClient(client);
  } else if (client->is_parked()) {
    client->input_closed = true;
    client->reading = false;
    if (client->connection() != nullptr) client->connection()->SetReading(false);
  } else if (client->OutputBytes() == 0) {
    CloseClient(client);
  } else {
    CloseAfterReply(client);
  }
}

void Server::OnWritable(Client* client) {
  client->waits_writable = false;
  client->active_ms = now_ms_;
  QueueWrite(client);
}

void Server::RunQueued() { dispatcher_->RunQueued(); }

void Server::QueueWrite(Client* client) {
  if (client->in_write_queue || client->closing) return;
  client->in_write_queue = true;
  write_queue_.push_back(client);
}

void Server::MakeReady(Client* client) {
  if (client->closing || !client->is_parked() || client->parked.ready) return;
  client->parked.ready = true;
  ready_.push_back(client);
}

void Server::DiscardTransaction(Client* client) {
  watches_.UnwatchAll(client);
  client->transaction.open = false;
  client->transaction.queue_failed = false;
  client->transaction.dirty = false;
  client->transaction.queue.Clear();
}

void Server::Unpause() {
  pause_.Unpause();
  for (Client* client : clients_) {
    if (client->parked.reason == ParkReason::kPause) MakeReady(client);
  }
}

// Once a tick, before its first command: time goes on, and what cold reads brought is here.
void Server::PollDatabase() {
  if (polled_ || database_ == nullptr) return;
  polled_ = true;
  database_->Poll();
  for (Client* client : looked_ahead_) {
    client->lookahead.active = false;
    database_->Release(&client->lookahead);
  }
  looked_ahead_.clear();
  write_refused_ = !database_->WriteError().ok();
  if (blocking_.has_work()) blocking_.Serve();  // what cold reads were done for, put-backs
}

int64_t Server::Tick() {
  UpdateTime();
  PollDatabase();
  dispatcher_->RunQueued();
  const int64_t monotonic_ms = Blocking::NowMs();
  const size_t timeouts = blocking_.ExpireUntil(monotonic_ms);
  while (!ready_.empty()) {
    running_.swap(ready_);
    for (Client* client : running_) {
      client->parked.ready = false;
      dispatcher_->Resume(client);
    }
    running_.clear();
    dispatcher_->RunQueued();
  }
  bool synced = false;
  if (database_ != nullptr) {
    database_->EndTick();
    // Under the other policies EndTick has written everything, unless the log fails: then replies
    // wait until what they depend on is written again ([G4]).
    const bool always = database_->options().fsync == engine::FsyncPolicy::kAlways;
    write_refused_ = !database_->WriteError().ok();
    gates_matter_ = always || write_refused_;
    const engine::Lsn released_end = always ? database_->DurableEnd() : database_->WrittenEnd();
    synced = always && released_end != released_end_;
    released_end_ = released_end;
    polled_ = false;
  } else {
    gates_matter_ = false;
  }
  CheckPushedOutput();
  FlushAll();
  FreeClosed();
  wait_plan_ = PlanWait(monotonic_ms, timeouts, synced);
  if (!ready_.empty() || dispatcher_->has_queued() || blocking_.has_work()) return 0;
  if (database_ == nullptr) return kIdleTickMs;
  const int64_t deadline_ms = blocking_.next_deadline_ms();
  const int64_t next_ms = database_->NextTickMs();
  if (deadline_ms == INT64_MAX) return next_ms;
  return std::min(next_ms, std::max<int64_t>(deadline_ms - Blocking::NowMs(), 1));
}

PollWait::Plan Server::PlanWait(int64_t now_ms, size_t timeouts, bool synced) {
  const uint64_t reads = stats_.reads_processed - reads_before_;
  const uint64_t commands = stats_.commands_processed - commands_before_;
  reads_before_ = stats_.reads_processed;
  commands_before_ = stats_.commands_processed;
  return poll_wait_.Next({.now_ms = now_ms,
                          .requests = reads,
                          .commands = commands,
                          .timeouts = timeouts,
                          .cold_reads = database_ == nullptr ? 0 : database_->ColdReadsInFlight(),
                          .synced = synced,
                          .busy_poll_us = config().busy_poll_us});
}

// ---- replies
// --------------------------------------------------------------------------------------

void Server::FlushAll() {
  // The last first, as redis-server does: who waited and was served by another's command is woken
  // before that one has its reply, and is under way meanwhile. Clients whose gates are closed stay
  // in the queue, at its end, and are looked at again after the next tick.
  size_t kept = write_queue_.size();
  for (size_t i = write_queue_.size(); i-- > 0;) {
    Client* client = write_queue_[i];
    client->in_write_queue = false;
    if (client->closing) continue;
    Flush(client);
    if (!client->closing && !client->gates.empty()) {
      client->in_write_queue = true;
      write_queue_[--kept] = client;
    }
  }
  write_queue_.erase(write_queue_.begin(), write_queue_.begin() + static_cast<ptrdiff_t>(kept));
}

void Server::Push(Client* client, std::string_view bytes) {
  if (client->closing || client->close_after_reply) return;
  // What the command of a silent client replied is taken back after it, this is not.
  const bool silent = client == running_client_ && client->reply_mode != ReplyMode::kOn;
  (silent ? running_pushes_ : client->out).append(bytes);
  client->tick_gate = Client::kGateOnTickEnd;
  QueueWrite(client);
  // Not at once: whoever publishes walks over the clients that listen.
  if (client->OutputBytes() > kOutputCheckBytes) pushed_.push_back(client);
}

void Server::CheckPushedOutput() {
  for (Client* client : pushed_) CheckOutputLimit(client);
  pushed_.clear();
}

void Server::Flush(Client* client) {
  std::string& out = client->out;
  if (client->tick_gate == Client::kGateOnTickEnd) {
    client->tick_gate = database_ != nullptr ? database_->LogEnd() : 0;
  }
  if (client->tick_gate != 0) {
    if (gates_matter_ && client->tick_gate > released_end_ && out.size() > client->released) {
      if (client->gates.empty() || client->gates.back().end < out.size()) {
        client->gates.push_back({out.size(), client->tick_gate});
      }
    }
    client->tick_gate = 0;
  }
  if (!client->gates.empty()) {
    size_t open = 0;
    while (open < client->gates.size() &&
           (!gates_matter_ || client->gates[open].lsn <= released_end_)) {
      client->released = client->gates[open].end;
      ++open;
    }
    client->gates.erase(client->gates.begin(),
                        client->gates.begin() + static_cast<std::ptrdiff_t>(open));
  }
  if (client->gates.empty()) client->released = out.size();

  if (client->released > client->out_sent && !client->waits_writable) {
    const std::string_view bytes(out.data() + client->out_sent,
                                 client->released - client->out_sent);
    const int64_t written =
        client->connection() != nullptr ? client->connection()->Write(bytes) : 0;
    if (written < 0) {
      CloseClient(client);
      return;
    }
    ++stats_.writes_processed;
    stats_.net_output_bytes += static_cast<uint64_t>(written);
    client->out_sent += static_cast<size_t>(written);
    while (!client->taken.empty() && client->taken.front().end <= client->out_sent) {
      client->taken.erase(client->taken.begin());
    }
    if (client->out_sent < client->released && client->connection() != nullptr) {
      client->waits_writable = true;
      client->connection()->WatchWritable();
    }
  }
  if (client->out_sent == out.size()) {
    out.clear();
    client->out_sent = client->released = 0;
    client->soft_limit_since_ms = 0;
    if (client->close_after_reply) CloseClient(client);
  } else if (client->out_sent > std::max(kSentBytesMax, out.size() / 2)) {
    out.erase(0, client->out_sent);
    client->released -= client->out_sent;
    for (Client::Gate& gate : client->gates) gate.end -= client->out_sent;
    for (Client::Taken& taken : client->taken) taken.end -= client->out_sent;
    client->out_sent = 0;
  }
}

void Server::CheckOutputLimit(Client* client) {
  if (client->closing) return;
  const ClientClass client_class =
      client->memberships != nullptr ? ClientClass::kPubSub : ClientClass::kNormal;
  const OutputLimit& limit = config().output_limits[static_cast<size_t>(client_class)];
  const size_t bytes = client->OutputBytes();
  bool over = limit.hard_bytes > 0 && bytes >= limit.hard_bytes;
  if (limit.soft_bytes > 0 && bytes >= limit.soft_bytes) {
    if (client->soft_limit_since_ms == 0) {
      client->soft_limit_since_ms = now_ms_;
    } else if (now_ms_ - client->soft_limit_since_ms > limit.soft_seconds * 1000) {
      over = true;
    }
  } else {
    client->soft_limit_since_ms = 0;
  }
  if (!over) return;
  LOG(WARNING) << "Client id=" << client->id() << " addr=" << client->peer_address
               << " omem=" << bytes
               << " scheduled to be closed ASAP for overcoming of output buffer limits.";
  ++stats_.client_output_buffer_limit_disconnections;
  CloseClient(client);
}

// ---- cron
// -----------------------------------------------------------------------------------------

void Server::Cron() {
  UpdateTime();
  if (pause_.Expired(now_ms_)) Unpause();
  stats_.watching_clients = watches_.clients();
  if (now_ms_ - stats_.memory.sampled_ms >= 1000) {
    stats_.memory.sampled_ms = now_ms_;  // not by INFO: one a second would keep this from running
    PaceMemory(SampleMemoryPeak(*this));
  }
  stats_.ops.Sample(stats_.commands_processed, now_ms_);
  stats_.input.Sample(stats_.net_input_bytes, now_ms_);
  stats_.output.Sample(stats_.net_output_bytes, now_ms_);
  CheckClients();
}

void Server::PaceMemory(const ProcessMemory& process) {
  if (database_ == nullptr) return;
  // libc's figures are no measure: it keeps free pages, and sanitizers hold twice as much again.
  const bool known = process.allocator != "libc";
  if (known) database_->NoteAllocatedBytes(process.allocated);
  const engine::Stats stats = database_->GetStats();
  const FreePages when =
      WhenFreePagesReturn(stats.budget_bytes, stats.used_memory, known ? process.mapped : 0);
  if (when == free_pages_) return;
  free_pages_ = when;
  SetFreePages(when);
}

void Server::CountMemory(Client* client, uint64_t bytes) {
  stats_.client_bytes += bytes - client->counted_bytes;
  client->counted_bytes = bytes;
}

// Every client is looked at about once a second, or at each call while they are few.
void Server::CheckClients() {
  const int64_t hz = std::max<int64_t>(config().hz, 1);
  const size_t slice =
      std::max(clients_.size() / static_cast<size_t>(hz), std::min(clients_.size(), kClientsACall));
  for (size_t i = 0; i < slice; ++i) {
    if (cron_cursor_ >= clients_.size()) cron_cursor_ = 0;
    Client* client = clients_[cron_cursor_++];
    if (client->closing) continue;
    const int64_t timeout_ms = config().timeout_s * 1000;
    if (timeout_ms > 0 && now_ms_ - client->active_ms > timeout_ms && !client->is_parked() &&
        client->memberships == nullptr && !client->monitor) {
      VLOG(1) << "Closing idle client id=" << client->id();
      CloseClient(client);
      continue;
    }
    CheckOutputLimit(client);
    if (client->out.empty() && client->out.capacity() > kKeptOutputBytes)
      client->out.shrink_to_fit();
    if (client->pending.empty() && client->pending.capacity() > 15) client->pending.shrink_to_fit();
    if (!client->closing) CountMemory(client, client->MemoryBytes());
  }
  if (database_ != nullptr) database_->SetClientBytes(stats_.client_bytes);
  EvictClients();
}

void Server::EvictClients() {
  int64_t limit = config().maxmemory_clients;
  if (limit < 0 && database_ != nullptr) {
    limit = static_cast<int64_t>(static_cast<double>(database_->options().maxmemory) *
                                 static_cast<double>(-limit) / 100.0);
  }
  if (limit <= 0 || stats_.client_bytes <= static_cast<uint64_t>(limit)) return;
  std::vector<Client*> by_size;
  for (Client* client : clients_) {
    if (!client->no_evict && !client->closing) by_size.push_back(client);
  }
  std::sort(by_size.begin(), by_size.end(),
            [](Client* a, Client* b) { return a->counted_bytes > b->counted_bytes; });
  for (Client* client : by_size) {
    if (stats_.client_bytes <= static_cast<uint64_t>(limit)) break;
    LOG(INFO) << "Evicting client: id=" << client->id() << " addr=" << client->peer_address;
    ++stats_.evicted_clients;
    CloseClient(client);
  }
}

void Server::ResetStats() {
  const uint64_t blocked = stats_.blocked_clients;
  const uint64_t watching = stats_.watching_clients;
  const uint64_t client_bytes = stats_.client_bytes;
  const auto memory = stats_.memory;
  stats_ = ServerStats{};
  reads_before_ = commands_before_ = 0;
  stats_.memory = memory;
  stats_.blocked_clients = blocked;
  stats_.watching_clients = watching;
  stats_.client_bytes = client_bytes;
  table_->ResetStats();
  if (database_ != nullptr) database_->ResetStats();
}

// ---- settings
// -------------------------------------------------------------------------------------

Status Server::ApplyConfig(ApplyAction action, const ServerConfig& config) {
  switch (action) {
    case ApplyAction::kNone:
    case ApplyAction::kDir:
      return Status::Ok();
    case ApplyAction::kEngine:
      if (database_ == nullptr) return Status::Ok();
      FillEngineOptions(config, &database_->mutable_options());
      return database_->ApplyOptions();
    case ApplyAction::kPassword:
      if (config.requirepass.empty()) {
        for (Client* client : clients_) client->parser.set_authenticated(true);
      }
      return Status::Ok();
    case ApplyAction::kLogLevel:
      SetLogLevel(config.loglevel);
      return Status::Ok();
    case ApplyAction::kNotify:
      UpdateReports();
      return Status::Ok();
    case ApplyAction::kSlowLog:
      UpdateSlowLimit();
      return Status::Ok();
    case ApplyAction::kMaxClients: {
      const int64_t possible = RaiseFileLimit(config.maxclients);
      if (possible < config.maxclients) {
        return Status::InvalidArgument(
            "The operating system is not able to handle the specified number of clients, try "
            "with " +
            std::to_string(possible));
      }
      return Status::Ok();
    }
    case ApplyAction::kListen:
    case ApplyAction::kCron:
      return apply_network ? apply_network(action, config) : Status::Ok();
  }
  return Status::Ok();
}

int64_t RaiseFileLimit(int64_t maxclients) {
  const rlim_t needed = static_cast<rlim_t>(maxclients) + kReservedFilesMin;
  const rlim_t wanted = static_cast<rlim_t>(maxclients) + kReservedFiles;
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return maxclients;
  if (limit.rlim_cur < wanted) {
    rlimit raised{wanted, std::max(limit.rlim_max, wanted)};
    if (setrlimit(RLIMIT_NOFILE, &raised) != 0) {  // not root: up to the hard limit
      raised = {std::min(wanted, limit.rlim_max), limit.rlim_max};
      (void)setrlimit(RLIMIT_NOFILE, &raised);
    }
    getrlimit(RLIMIT_NOFILE, &limit);
  }
  if (limit.rlim_cur >= needed) return maxclients;
  return std::max<int64_t>(static_cast<int64_t>(limit.rlim_cur) - kReservedFilesMin, 1);
}

}  // namespace thermocline::server
