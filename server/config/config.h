// Config: the server's settings. redis.conf, the command line and CONFIG SET in; typed values out.
//
// ServerConfig is plain data read by direct member access, on the hot path too. Config owns the one
// instance, whose address never changes, and is the only writer. What directives exist, what they
// accept, and whether they do anything here says one table (config_table.cc), one row a directive;
// docs/configuration.md explains them.
//
// Start: ParseCommandLine() before any thread exists; its errors are Redis's texts on stderr with
// exit code 1. Running: Get/Set/Rewrite on the executor. Set validates every pair, then stores all,
// then asks the applier to put them into force; if any step fails everything is as before, in force
// too.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "codec/status.h"
#include "engine/options.h"

namespace thermocline::server {

enum class LogLevel : uint8_t { kDebug, kVerbose, kNotice, kWarning };
enum class Supervised : uint8_t { kNo, kUpstart, kSystemd, kAuto };
enum class ProtectedAction : uint8_t { kNo, kYes, kLocal };

// shutdown-on-sigint, shutdown-on-sigterm: what the signal does. 0: default.
enum ShutdownFlag : uint32_t {
  kShutdownSave = 1,
  kShutdownNosave = 2,
  kShutdownNow = 4,
  kShutdownForce = 8
};

/// client-output-buffer-limit of one class. 0: no limit.
struct OutputLimit {
  uint64_t hard_bytes = 0;
  uint64_t soft_bytes = 0;
  int64_t soft_seconds = 0;
  bool operator==(const OutputLimit&) const = default;
};
enum class ClientClass : uint8_t { kNormal = 0, kReplica = 1, kPubSub = 2 };

struct SavePoint {
  int64_t seconds;
  int64_t changes;
  bool operator==(const SavePoint&) const = default;
};

/// Every value that CONFIG GET shows. Numbers are int64_t whatever their range (the table bounds
/// them), sizes are bytes, times in the unit of the directive. Defaults stand in the table: a
/// Config is born with them.
struct ServerConfig {
  // ---- in force: network
  int64_t port, tcp_backlog, tcp_keepalive_s, timeout_s, maxclients;
  std::vector<std::string>
      bind;                // as written: "*", "-::*", addresses; a leading '-' allows failure
  std::string unixsocket;  // empty: none
  int64_t unixsocketperm;  // mode bits; 0: the umask decides
  bool protected_mode;
  std::string requirepass;                   // empty: none
  std::array<OutputLimit, 3> output_limits;  // by ClientClass
  int64_t client_query_buffer_limit, proto_max_bulk_len;
  int64_t maxmemory_clients;  // bytes; negative: percent of maxmemory; 0: no limit

  // ---- in force: process
  bool daemonize, disable_thp;
  Supervised supervised;
  std::string pidfile, logfile, dir;  // dir: absolute, the working directory
  LogLevel loglevel;
  int64_t hz;                                        // 1..500
  uint32_t shutdown_on_sigint, shutdown_on_sigterm;  // ShutdownFlag
  ProtectedAction enable_protected_configs, enable_debug_command, enable_module_command;
  bool latency_tracking;
  std::vector<double> latency_percentiles;

  uint32_t notify_keyspace_events;  // NotifyClass
  int64_t slowlog_log_slower_than_us, slowlog_max_len;

  // ---- in force: engine (FillEngineOptions hands them on)
  int64_t databases;
  bool appendonly;  // true unless told otherwise
  engine::FsyncPolicy appendfsync;
  uint64_t maxmemory;  // bytes; 0: the engine's choice
  engine::EvictionPolicy maxmemory_policy;
  int64_t maxmemory_samples, lfu_log_factor, lfu_decay_minutes;
  bool tiering;            // ours, from here to busy_poll_us
  uint64_t maxdisk;        // bytes; 0: up to log_low_water
  uint64_t log_low_water;  // bytes of free disk below which growing writes are refused
  uint64_t log_segment_bytes;
  uint64_t checkpoint_log_bytes;
  uint64_t paged_threshold;  // bytes of a list in memory
  uint64_t link_threshold;   // bytes of a value in memory
  uint64_t cold_place_memory;
  int64_t recovery_budget_ms, cold_readers;
  bool cold_direct_io;
  int64_t busy_poll_us;

  // ---- kept and shown; why each has no effect (yet) says its row
  std::vector<SavePoint> save;
  std::string replicaof_host;
  int64_t replicaof_port;
  std::array<int64_t, 3> oom_score_adj_values;
  int64_t io_threads, tls_port, latency_monitor_threshold_ms;
  int64_t hash_max_listpack_entries, hash_max_listpack_value, list_max_listpack_size,
      list_compress_depth, set_max_intset_entries, zset_max_listpack_entries,
      zset_max_listpack_value, hll_sparse_max_bytes, stream_node_max_bytes, stream_node_max_entries;
  int64_t repl_backlog_size, busy_reply_threshold_ms, shutdown_timeout_s, tracking_table_max_keys;
  bool replica_read_only;
  std::string masterauth, masteruser, aclfile;
  /// The rest, which no code asks for by name: by the index of its row. Sized to the table.
  std::vector<int64_t> kept_numbers;
  std::vector<std::string> kept_texts;
};

/// What a changed directive needs besides being stored.
enum class ApplyAction : uint8_t {
  kNone,      // read where it is used
  kEngine,    // FillEngineOptions + Database::ApplyOptions
  kListen,    // port, bind: listen anew; fails with "Unable to listen on this port. Check server
              // logs."
  kPassword,  // requirepass: later connections (connected ones stay authenticated, as in Redis)
  kLogLevel,
  kNotify,      // notify-keyspace-events
  kSlowLog,     // slowlog-log-slower-than
  kMaxClients,  // more files than the process may open: fail, saying how many are possible
  kCron,        // hz
  kDir,  // never reached while data is open: `dir` can be changed only to where it points already
};

/// The part of the server that puts settings into force. Called on the executor, once an action,
/// after all values of one CONFIG SET are stored; `config` holds the new values. An error's message
/// is shown to the client and takes the whole CONFIG SET back (the old values are stored and
/// applied again).
class ConfigApplier {
 public:
  virtual ~ConfigApplier() = default;
  virtual codec::Status ApplyConfig(ApplyAction action, const ServerConfig& config) = 0;
};

// hz is a hint: values outside are moved in.
inline constexpr int64_t kHzMin = 1;
inline constexpr int64_t kHzMax = 500;

/// `rename-command` lines in order; an empty target removes the command. The command table carries
/// them out.
struct RenamedCommand {
  std::string from, to;
};

class Config {
 public:
  /// The defaults; `dir` is the working directory.
  Config();
  Config(const Config&) = delete;
  Config& operator=(const Config&) = delete;

  // ---- start
  // --------------------------------------------------------------------------------------
  struct StartResult {
    bool run = true;  // false: exit at once with exit_code, everything is printed
    int exit_code = 0;
  };
  /// What redis-server takes: `[file | -] [--directive value ...]`, --version, --help. Prints to
  /// stdout and stderr.
  StartResult ParseCommandLine(int argc, const char* const* argv);
  /// The same without printing and without the program's name; the error is the text for stderr.
  codec::Status LoadArguments(std::span<const std::string> args);
  /// Lines as they stand in a file; the error is the text for stderr. May be called several times.
  codec::Status LoadText(std::string_view text);
  /// One sentence for each directive that differs from its default and has no effect here. For the
  /// log, at start.
  std::vector<std::string> Warnings() const;
  const std::vector<RenamedCommand>& renamed_commands() const { return renamed_; }

  // ---- values
  // --------------------------------------------------------------------------------------
  const ServerConfig& values() const { return values_; }
  /// For tests and for what the server learns at start (a port chosen by the system, a lowered
  /// maxclients).
  ServerConfig& mutable_values() { return values_; }
  const std::string& file() const {
    return file_;
  }  // absolute path of the config file; empty: none

  // ---- while running: the CONFIG commands
  // --------------------------------------------------------------
  void SetApplier(ConfigApplier* applier) {
    applier_ = applier;
  }  // not owned; null: values are only stored
  using Pair = std::pair<std::string, std::string>;
  /// Names (aliases too) that match any of the globs, in table order, each once, with their values.
  std::vector<Pair> Get(std::span<const std::string_view> patterns) const;
  struct SetContext {
    bool local =
        false;  // the client is on a loopback or unix socket: enable-protected-configs local
    bool loading = false;  // some directives have to wait
  };
  /// `pairs`: name, value, name, value … ; REQUIRES an even number. On failure the complete error
  /// reply ("ERR …").
  codec::Status Set(std::span<const std::string_view> pairs, const SetContext& context);
  /// Whether a directive's value must not appear in logs.
  static bool IsSensitive(std::string_view name);
  /// Writes the current values into the config file: comments and order stay. The message is
  /// complete.
  codec::Status Rewrite() const;
  /// What accepted-without-effect directives the last successful Set touched; for the log. Clears.
  std::vector<std::string> TakeSetWarnings();

 private:
  codec::Status LoadLines(std::string_view text, int depth);
  /// False: *error says what is wrong with the line, or *fatal is the whole text of an included
  /// file's error.
  bool LoadLine(std::vector<std::string> words, int depth, std::string* error,
                codec::Status* fatal);
  bool LoadUser(std::span<const std::string> words, std::string* error);
  bool CheckLoaded(std::string* error);

  ServerConfig values_;
  std::string file_;
  bool save_seen_ = false;  // the first `save` line replaces the default points, later ones add
  bool user_hash_seen_ = false;  // a `user default` line gave its password as a hash only
  std::vector<RenamedCommand> renamed_;
  ConfigApplier* applier_ = nullptr;
  std::vector<std::string> set_warnings_;
};

/// Copies what the engine is to know; fs, clock, random, background and wake stay as they are.
void FillEngineOptions(const ServerConfig& config, engine::Options* options);

/// Name of a policy as INFO and CONFIG GET show it.
std::string_view PolicyName(engine::EvictionPolicy policy);

}  // namespace thermocline::server
