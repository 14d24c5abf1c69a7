// Server: everything between sockets and the engine, in one executor thread.
//
// It owns the database, the clients, the command table, transactions, pauses and counters, and it
// knows no libuv: server/net/ feeds it bytes and calls Tick() once a loop iteration, and tests do
// the same without sockets (server/testing/test_server.h). Inside a tick, in this order:
//   1. OnInput() for each client that sent something: requests are parsed and queued, their buckets
//   prefetched;
//   2. Tick(): Database::Poll(), queued commands, those whose parked command became ready,
//   EndTick();
//      then replies leave as far as their gates are covered, and closed clients are freed.
// While the database opens (a worker thread recovers it) commands answer -LOADING.
// Design: docs/architecture.md.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "codec/status.h"
#include "engine/database.h"
#include "server/allocator.h"
#include "server/blocking.h"
#include "server/client.h"
#include "server/commands/command_table.h"
#include "server/config/config.h"
#include "server/monitor.h"
#include "server/notifications.h"
#include "server/pause.h"
#include "server/poll_wait.h"
#include "server/pubsub.h"
#include "server/slow_log.h"
#include "server/stats.h"
#include "server/transaction.h"

namespace thermocline::server {

class Dispatcher;
struct ProcessMemory;

/// What SHUTDOWN or a signal asks for.
struct ShutdownRequest {
  bool save = false;  // a checkpoint, even with `appendonly no`
  bool nosave = false;
  bool now = false;
  bool force = false;  // also when the data cannot be made durable
};

class Server final : public engine::DatabaseListener, public ConfigApplier {
 public:
  /// `config` outlives the server. Builds the command table; rename-command lines are carried out.
  static codec::StatusOr<std::unique_ptr<Server>> Create(Config* config);
  ~Server() override;

  // ---- parts
  Config& config_owner() { return config_; }
  const ServerConfig& config() const { return config_.values(); }
  CommandTable& commands() { return *table_; }
  ServerStats& stats() { return stats_; }
  PauseState& pause() { return pause_; }
  WatchRegistry& watches() { return watches_; }
  PubSub& pubsub() { return pubsub_; }
  Blocking& blocking() { return blocking_; }
  Monitor& monitor() { return monitor_; }
  SlowLog& slow_log() { return slow_log_; }
  Dispatcher& dispatcher() { return *dispatcher_; }
  /// Null while loading.
  engine::Database* database() { return database_.get(); }
  bool loading() const { return database_ == nullptr; }
  int64_t loading_since_ms() const { return loading_since_ms_; }

  // ---- identity, for INFO
  const std::string& run_id() const { return run_id_; }  // 40 hex digits, new at each start
  int64_t started_ms() const { return started_ms_; }
  /// Wall clock of this tick.
  int64_t now_ms() const { return now_ms_; }
  void UpdateTime();

  // ---- database
  /// Hands over an open database: the end of loading.
  void SetDatabase(std::unique_ptr<engine::Database> database);
  /// The end of the process: a checkpoint if the request asks for one, then the engine is closed.
  codec::Status CloseDatabase(const ShutdownRequest& request = {});

  // ---- clients
  Client* CreateClient(std::unique_ptr<Connection> connection);
  /// Marks it closed: no more commands of it run, its waits are cancelled, its bytes go nowhere.
  /// Freed by Tick().
  void CloseClient(Client* client);
  /// The same, once what it is owed has left.
  void CloseAfterReply(Client* client);
  Client* FindClient(uint64_t id);
  /// In order of their ids.
  const std::vector<Client*>& clients() const { return clients_; }
  size_t client_count() const { return clients_.size(); }

  // ---- what the network tells
  /// Bytes arrived, `received` of them new. They are not looked at any more after the next Tick()
  /// or RunQueued(): the caller keeps them until then. If the client has `pending` bytes, `bytes`
  /// is appended to those; a caller may also take them out, put them in front of what it reads, and
  /// so save the copy.
  void OnInput(Client* client, std::string_view bytes, size_t received);
  void OnInputClosed(Client* client);
  void OnWritable(Client* client);
  /// Runs what OnInput queued (the caller needs its buffer back).
  void RunQueued();
  /// See the header comment. Milliseconds until it wants to be called again without input (0: at
  /// once).
  int64_t Tick();
  /// After Tick(), if it did not want to be called at once: how the caller should wait for input,
  /// see poll_wait.h.
  const PollWait::Plan& wait_plan() const { return wait_plan_; }
  /// It waited so long, in microseconds, from there to the next Tick().
  void OnWaited(int64_t us) { poll_wait_.Waited(us); }
  /// `hz` times a second.
  void Cron();

  // ---- for commands
  /// The client's output grew (or its gates may have opened): write at the end of the tick.
  void QueueWrite(Client* client);
  /// Out-of-band data (messages, confirmations) in whole RESP values: sent whatever CLIENT REPLY
  /// says, once the log is as durable as it is at the end of this tick [G2].
  void Push(Client* client, std::string_view bytes);
  /// Asks the engine for what somebody wants to hear of.
  void UpdateReports();
  /// See notifications.h. Handlers call CommandContext::Notify.
  void NotifyKeyspace(uint32_t event_class, std::string_view event, std::string_view key, int db) {
    const uint32_t events = config().notify_keyspace_events;
    if (events & event_class) PublishKeyEvent(pubsub_, events, event, key, db);
  }
  /// argv[i] of the command that runs is shown to nobody (MONITOR, slow log).
  void Redact(size_t i) { redacted_.push_back(i); }
  /// A parked command may go on, in this tick.
  void MakeReady(Client* client);
  void Unpause();
  /// From the engine: what the client's lookahead asked for is here.
  void EndLookahead(Client* client) { looked_ahead_.push_back(client); }
  /// Asks for the stop of the process. The loop ends after this tick; see shutdown_requested().
  void RequestShutdown(const ShutdownRequest& request) {
    shutdown_ = request;
    shutdown_requested_ = true;
  }
  bool shutdown_requested() const { return shutdown_requested_; }
  const ShutdownRequest& shutdown() const { return shutdown_; }
  void ResetStats();
  /// What was queued is forgotten, and all watches: DISCARD, RESET, the end of every EXEC.
  void DiscardTransaction(Client* client);

  // ---- DatabaseListener, ConfigApplier
  void OnKeyChanged(int db, std::string_view key) override { watches_.OnKeyChanged(db, key); }
  void OnDatabasesChanged(int a, int b) override {
    watches_.OnDatabasesChanged(a, b);
    if (b >= 0) blocking_.OnDatabasesSwapped(a, b);
  }
  void OnKeyCreated(int db, std::string_view key) override {
    blocking_.OnKeyCreated(db, key);
    NotifyKeyspace(kNotifyNew, "new", key, db);
  }
  void OnKeyMissed(int db, std::string_view key) override {
    NotifyKeyspace(kNotifyKeyMiss, "keymiss", key, db);
  }
  void OnExpired(int db, std::string_view key) override {
    NotifyKeyspace(kNotifyExpired, "expired", key, db);
  }
  void OnEvicted(int db, std::string_view key) override {
    NotifyKeyspace(kNotifyEvicted, "evicted", key, db);
  }
  codec::Status ApplyConfig(ApplyAction action, const ServerConfig& config) override;
  /// What the network has to change (port, bind): set by whoever owns the listeners.
  std::function<codec::Status(ApplyAction, const ServerConfig&)> apply_network;

 private:
  friend class Dispatcher;
  explicit Server(Config* config);
  void Flush(Client* client);
  void FlushAll();
  void PollDatabase();
  void FreeClosed();
  void CheckOutputLimit(Client* client);
  void CheckPushedOutput();
  void ReturnTaken(Client* client);
  void UpdateSlowLimit();
  PollWait::Plan PlanWait(int64_t now_ms, size_t timeouts, bool synced);
  void CheckClients();
  void CountMemory(Client* client, uint64_t bytes);
  void PaceMemory(const ProcessMemory& process);
  void EvictClients();

  Config& config_;
  std::unique_ptr<CommandTable> table_;
  std::unique_ptr<Dispatcher> dispatcher_;
  std::unique_ptr<engine::Database> database_;
  ServerStats stats_;
  PauseState pause_;
  PollWait poll_wait_;
  PollWait::Plan wait_plan_;
  uint64_t reads_before_ = 0, commands_before_ = 0;  // of stats_, at the end of the last tick
  WatchRegistry watches_;
  PubSub pubsub_{this};
  Blocking blocking_{this};
  Monitor monitor_{this};
  SlowLog slow_log_;
  uint64_t slow_ticks_ = UINT64_MAX;  // run time from which on a command is slow
  std::vector<size_t> redacted_;      // of the command that runs

  std::vector<Client*> clients_;  // owned; sorted by id
  std::unordered_map<uint64_t, Client*> clients_by_id_;
  uint64_t next_client_id_ = 1;
  std::vector<Client*> write_queue_;
  std::vector<Client*> ready_;
  std::vector<Client*> running_;  // of ready_, while they run
  std::vector<Client*> looked_ahead_;
  std::vector<Client*> closed_;
  std::vector<Client*> pushed_;       // whose output grew by pushes beyond what is not looked at
  Client* running_client_ = nullptr;  // whose command runs
  std::string running_pushes_;        // for that client, while it is silent; see Push
  bool write_refused_ =
      false;             // the log failed: writes answer MISCONF, replies wait for the durable end
  bool polled_ = false;  // Database::Poll was called in this tick
  bool gates_matter_ = false;     // of this tick's flush
  engine::Lsn released_end_ = 0;  // replies whose gate is not beyond it may leave
  size_t cron_cursor_ = 0;
  FreePages free_pages_ = FreePages::kSoon;  // what SetFreePages was told; the setting at start

  std::string run_id_;
  int64_t started_ms_ = 0;
  int64_t loading_since_ms_ = 0;
  int64_t now_ms_ = 0;
  bool shutdown_requested_ = false;
  ShutdownRequest shutdown_;
};

/// Output above which a client's limits are looked at after each command or push.
inline constexpr size_t kOutputCheckBytes = 16 * 1024;

/// Files that are not clients (log, RocksDB, listeners): so many are asked for, so few must do.
inline constexpr int64_t kReservedFiles = 1024;
inline constexpr int64_t kReservedFilesMin = 128;
/// Raises the process's limit of open files for so many clients; how many are possible.
int64_t RaiseFileLimit(int64_t maxclients);

}  // namespace thermocline::server
