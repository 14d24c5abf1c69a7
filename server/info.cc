// One function a section, in the order of the reply. See info.h.
#include "server/info.h"

#include <sys/resource.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <climits>
#include <cstdio>
#include <cstring>

#include "codec/number_text.h"
#include "codec/words.h"
#include "server/config/config_special.h"
#include "server/memory_report.h"
#include "server/server.h"
#include "server/version.h"

namespace thermocline::server {
namespace {

constexpr char kNoReplicationId[] = "0000000000000000000000000000000000000000";
constexpr int64_t kDayS = 24 * 60 * 60;
constexpr int64_t kLruClockMax = (1 << 24) - 1;

/// Lines "name:value".
class Fields {
 public:
  explicit Fields(std::string* out) : out_(*out) {}

  void Section(std::string_view name) {
    if (!out_.empty()) out_ += "\r\n";
    out_ += "# ";
    out_ += name;
    out_ += "\r\n";
  }
  void Text(std::string_view name, std::string_view value) {
    out_ += name;
    out_ += ':';
    out_ += value;
    out_ += "\r\n";
  }
  void Number(std::string_view name, int64_t value) {
    char text[codec::kMaxInt64Text];
    Text(name, {text, codec::FormatInt64(text, value)});
  }
  void Count(std::string_view name, uint64_t value) {
    char text[codec::kMaxInt64Text];
    Text(name, {text, codec::FormatUint64(text, value)});
  }
  void Fixed(std::string_view name, double value, int digits, std::string_view unit = {}) {
    char text[64];
    const int n = std::snprintf(text, sizeof text, "%.*f", digits, value);
    Text(name, std::string(text, static_cast<size_t>(n)) + std::string(unit));
  }
  /// name:bytes and name_human:text.
  void Bytes(std::string_view name, uint64_t bytes) {
    Count(name, bytes);
    Text(std::string(name) + "_human", HumanBytes(bytes));
  }
  /// Things that this server does not have.
  void Zeros(std::initializer_list<std::string_view> names) {
    for (const std::string_view name : names) Text(name, "0");
  }

 private:
  std::string& out_;
};

/// What several sections need, asked once.
struct Snapshot {
  engine::Stats engine;
  bool loading = false;
  uint64_t log_end = 0;
  uint64_t durable_end = 0;
  bool writable = true;
};

uint64_t TotalSystemMemory() {
  const long pages = sysconf(_SC_PHYS_PAGES);
  const long page = sysconf(_SC_PAGESIZE);
  return pages > 0 && page > 0 ? static_cast<uint64_t>(pages) * static_cast<uint64_t>(page) : 0;
}

// ---- sections
// -------------------------------------------------------------------------------------------

void ServerSection(Server& s, const Snapshot&, Fields& f) {
  utsname os{};
  uname(&os);
  char executable[PATH_MAX];
  const ssize_t n = readlink("/proc/self/exe", executable, sizeof executable);
  timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  const int64_t uptime_s = std::max<int64_t>(0, (s.now_ms() - s.started_ms()) / 1000);
  const ServerConfig& config = s.config();
  const char* supervised[] = {"no", "upstart", "systemd", "unknown"};

  f.Text("redis_version", kRedisVersion);
  f.Text("thermocline_version", kThermoclineVersion);
  f.Text("redis_git_sha1", "00000000");
  f.Text("redis_git_dirty", "0");
  f.Text("redis_build_id", kBuildId);
  f.Text("redis_mode", "standalone");
  f.Text("os", std::string(os.sysname) + " " + os.release + " " + os.machine);
  f.Number("arch_bits", sizeof(void*) * 8);
  f.Text("monotonic_clock", "POSIX clock_gettime");
  f.Text("multiplexing_api", "epoll");
  f.Text("atomicvar_api", "c11-builtin");
  f.Text("gcc_version", std::to_string(__GNUC__) + "." + std::to_string(__GNUC_MINOR__) + "." +
                            std::to_string(__GNUC_PATCHLEVEL__));
  f.Number("process_id", getpid());
  f.Text("process_supervised", supervised[static_cast<size_t>(config.supervised)]);
  f.Text("run_id", s.run_id());
  f.Number("tcp_port", config.port);
  f.Number("server_time_usec", static_cast<int64_t>(now.tv_sec) * 1000000 + now.tv_nsec / 1000);
  f.Number("uptime_in_seconds", uptime_s);
  f.Number("uptime_in_days", uptime_s / kDayS);
  f.Number("hz", config.hz);
  f.Number("configured_hz", config.hz);
  f.Number("lru_clock", static_cast<int64_t>(now.tv_sec) & kLruClockMax);
  f.Text("executable", std::string_view(executable, n > 0 ? static_cast<size_t>(n) : 0));
  f.Text("config_file", s.config_owner().file());
  f.Number("io_threads_active", 0);
}

void ClientsSection(Server& s, const Snapshot&, Fields& f) {
  size_t input = 0;
  size_t output = 0;
  for (const Client* client : s.clients()) {
    input = std::max(input, client->QueryBytes());
    output = std::max(output, client->OutputBytes());
  }
  f.Count("connected_clients", s.client_count());
  f.Number("cluster_connections", 0);
  f.Number("maxclients", s.config().maxclients);
  f.Count("client_recent_max_input_buffer", input);
  f.Count("client_recent_max_output_buffer", output);
  f.Count("blocked_clients", s.stats().blocked_clients);
  f.Zeros({"tracking_clients"});
  f.Count("clients_in_timeout_table", s.blocking().with_timeout());
}

void MemorySection(Server& s, const Snapshot&, Fields& f) {
  const MemoryReport report = BuildMemoryReport(s);
  const ProcessMemory& process = report.process;
  const uint64_t used = process.allocated;

  f.Bytes("used_memory", used);
  f.Bytes("used_memory_rss", process.resident);
  f.Bytes("used_memory_peak", report.peak);
  f.Fixed("used_memory_peak_perc", 100 * Ratio(used, report.peak), 2, "%");
  f.Count("used_memory_overhead", report.overhead());
  f.Count("used_memory_startup", report.startup);
  f.Count("used_memory_dataset", report.dataset);
  f.Fixed("used_memory_dataset_perc", 100 * Ratio(report.dataset, used - report.startup), 2, "%");
  f.Count("allocator_allocated", process.allocated);
  f.Count("allocator_active", process.active);
  f.Count("allocator_resident", process.mapped);
  f.Bytes("total_system_memory", TotalSystemMemory());
  f.Zeros({"used_memory_lua", "used_memory_vm_eval"});
  f.Text("used_memory_lua_human", HumanBytes(0));
  f.Zeros({"used_memory_scripts_eval", "number_of_cached_scripts", "number_of_functions",
           "number_of_libraries", "used_memory_vm_functions"});
  f.Bytes("used_memory_vm_total", 0);
  f.Number("used_memory_functions", 0);
  f.Bytes("used_memory_scripts", 0);
  f.Bytes("maxmemory", s.config().maxmemory);
  f.Text("maxmemory_policy", PolicyName(s.config().maxmemory_policy));
  f.Fixed("allocator_frag_ratio", Ratio(process.active, process.allocated), 2);
  f.Number("allocator_frag_bytes", static_cast<int64_t>(process.active - process.allocated));
  f.Fixed("allocator_rss_ratio", Ratio(process.mapped, process.active), 2);
  f.Number("allocator_rss_bytes", static_cast<int64_t>(process.mapped - process.active));
  f.Fixed("rss_overhead_ratio", Ratio(process.resident, process.mapped), 2);
  f.Number("rss_overhead_bytes", static_cast<int64_t>(process.resident - process.mapped));
  f.Fixed("mem_fragmentation_ratio", Ratio(process.resident, used), 2);
  f.Number("mem_fragmentation_bytes", static_cast<int64_t>(process.resident - used));
  f.Zeros({"mem_not_counted_for_evict", "mem_replication_backlog", "mem_total_replication_buffers",
           "mem_clients_slaves"});
  f.Count("mem_clients_normal", report.clients);
  f.Number("mem_cluster_links", 0);
  f.Count("mem_aof_buffer", report.engine.log.memory_bytes);
  f.Text("mem_allocator", process.allocator);
  f.Zeros({"active_defrag_running", "lazyfree_pending_objects", "lazyfreed_objects"});
}

// The rdb_ and aof_ fields are read by dashboards and probes: a checkpoint is what a save and a
// rewrite are to Redis, the log is the append-only file.
void PersistenceSection(Server& s, const Snapshot& now, Fields& f) {
  const engine::Stats& e = now.engine;
  const bool checkpoint_ok = e.cold_error.empty();
  const int64_t last_save_s =
      e.last_checkpoint_unix_s > 0 ? e.last_checkpoint_unix_s : s.started_ms() / 1000;
  f.Number("loading", now.loading ? 1 : 0);
  f.Number("async_loading", 0);
  f.Zeros({"current_cow_peak", "current_cow_size", "current_cow_size_age"});
  f.Fixed("current_fork_perc", 0, 2);
  f.Zeros({"current_save_keys_processed", "current_save_keys_total"});
  f.Count("rdb_changes_since_last_save", e.changes_since_checkpoint);
  f.Number("rdb_bgsave_in_progress", 0);
  f.Number("rdb_last_save_time", last_save_s);
  f.Text("rdb_last_bgsave_status", checkpoint_ok ? "ok" : "err");
  f.Number("rdb_last_bgsave_time_sec", -1);
  f.Number("rdb_current_bgsave_time_sec", -1);
  f.Zeros({"rdb_saves", "rdb_last_cow_size", "rdb_last_load_keys_expired",
           "rdb_last_load_keys_loaded"});
  f.Number("aof_enabled", s.config().appendonly ? 1 : 0);
  f.Number("aof_rewrite_in_progress", e.checkpoint_running ? 1 : 0);
  f.Number("aof_rewrite_scheduled", 0);
  f.Number("aof_last_rewrite_time_sec", -1);
  f.Number("aof_current_rewrite_time_sec", -1);
  f.Text("aof_last_bgrewrite_status", checkpoint_ok ? "ok" : "err");
  f.Count("aof_rewrites", e.checkpoints);
  f.Number("aof_rewrites_consecutive_failures", 0);
  f.Text("aof_last_write_status", now.writable ? "ok" : "err");
  f.Number("aof_last_cow_size", 0);
  f.Zeros({"module_fork_in_progress", "module_fork_last_cow_size"});
  if (s.config().appendonly) {
    f.Count("aof_current_size", e.log_bytes_on_disk);
    f.Number("aof_base_size", 0);
    f.Number("aof_pending_rewrite", 0);
    f.Count("aof_buffer_length", e.log.pending_bytes);
    f.Number("aof_pending_bio_fsync", now.durable_end < now.log_end ? 1 : 0);
    f.Count("aof_delayed_fsync", e.log.fsyncs_delayed);
  }
  if (now.loading) f.Number("loading_start_time", s.loading_since_ms() / 1000);
}

void StatsSection(Server& s, const Snapshot& now, Fields& f) {
  const ServerStats& stats = s.stats();
  f.Count("total_connections_received", stats.connections_received);
  f.Count("total_commands_processed", stats.commands_processed);
  f.Count("instantaneous_ops_per_sec", stats.ops.PerSecond());
  f.Count("total_net_input_bytes", stats.net_input_bytes);
  f.Count("total_net_output_bytes", stats.net_output_bytes);
  f.Zeros({"total_net_repl_input_bytes", "total_net_repl_output_bytes"});
  f.Fixed("instantaneous_input_kbps", static_cast<double>(stats.input.PerSecond()) / 1024, 2);
  f.Fixed("instantaneous_output_kbps", static_cast<double>(stats.output.PerSecond()) / 1024, 2);
  f.Fixed("instantaneous_input_repl_kbps", 0, 2);
  f.Fixed("instantaneous_output_repl_kbps", 0, 2);
  f.Count("rejected_connections", stats.connections_rejected);
  f.Zeros({"sync_full", "sync_partial_ok", "sync_partial_err"});
  f.Count("expired_keys", now.engine.expired_keys);
  f.Fixed("expired_stale_perc", 0, 2);
  f.Zeros({"expired_time_cap_reached_count", "expire_cycle_cpu_milliseconds"});
  f.Count("evicted_keys", now.engine.evicted_keys);
  f.Count("evicted_clients", stats.evicted_clients);
  f.Zeros({"total_eviction_exceeded_time", "current_eviction_exceeded_time"});
  f.Count("keyspace_hits", now.engine.keyspace_hits);
  f.Count("keyspace_misses", now.engine.keyspace_misses);
  f.Count("pubsub_channels", s.pubsub().count(Subscription::kChannel));
  f.Count("pubsub_patterns", s.pubsub().count(Subscription::kPattern));
  f.Count("pubsubshard_channels", s.pubsub().count(Subscription::kShard));
  f.Zeros({"latest_fork_usec", "total_forks", "migrate_cached_sockets",
           "slave_expires_tracked_keys", "active_defrag_hits", "active_defrag_misses",
           "active_defrag_key_hits", "active_defrag_key_misses", "total_active_defrag_time",
           "current_active_defrag_time", "tracking_total_keys", "tracking_total_items",
           "tracking_total_prefixes", "unexpected_error_replies"});
  f.Count("total_error_replies", stats.error_replies);
  f.Number("dump_payload_sanitizations", 0);
  f.Count("total_reads_processed", stats.reads_processed);
  f.Count("total_writes_processed", stats.writes_processed);
  f.Zeros({"io_threaded_reads_processed", "io_threaded_writes_processed", "reply_buffer_shrinks",
           "reply_buffer_expands"});
}

void ReplicationSection(Server& s, const Snapshot& now, Fields& f) {
  f.Text("role", "master");
  f.Number("connected_slaves", 0);
  f.Text("master_failover_state", "no-failover");
  f.Text("master_replid", s.run_id());
  f.Text("master_replid2", kNoReplicationId);
  f.Count("master_repl_offset", now.log_end);
  f.Number("second_repl_offset", -1);
  f.Number("repl_backlog_active", 0);
  f.Number("repl_backlog_size", s.config().repl_backlog_size);
  f.Zeros({"repl_backlog_first_byte_offset", "repl_backlog_histlen"});
}

void CpuSection(Server&, const Snapshot&, Fields& f) {
  const auto seconds = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) / 1e6;
  };
  const auto pair = [&](int who, const char* system, const char* user) {
    rusage usage{};
    getrusage(who, &usage);
    f.Fixed(system, seconds(usage.ru_stime), 6);
    f.Fixed(user, seconds(usage.ru_utime), 6);
  };
  pair(RUSAGE_SELF, "used_cpu_sys", "used_cpu_user");
  pair(RUSAGE_CHILDREN, "used_cpu_sys_children", "used_cpu_user_children");
  pair(RUSAGE_THREAD, "used_cpu_sys_main_thread", "used_cpu_user_main_thread");
}

void NothingSection(Server&, const Snapshot&, Fields&) {}

/// Calls `show` for every command and subcommand that was called or refused.
template <typename Show>
void ForEachUsed(Server& s, Show show) {
  const auto visit = [&](const Command& command) {
    const CommandStats& stats = command.stats;
    if (stats.calls > 0 || stats.rejected > 0 || stats.failed > 0) show(command);
  };
  for (const Command* command : s.commands().commands()) {
    visit(*command);
    for (const Command* sub : command->subcommands) visit(*sub);
  }
}

void CommandStatsSection(Server& s, const Snapshot&, Fields& f) {
  ForEachUsed(s, [&](const Command& command) {
    const CommandStats& stats = command.stats;
    const double usec = TicksToMicros(stats.ticks);
    char text[256];
    std::snprintf(text, sizeof text,
                  "calls=%llu,usec=%llu,usec_per_call=%.2f,rejected_calls=%llu,failed_calls=%llu",
                  static_cast<unsigned long long>(stats.calls),
                  static_cast<unsigned long long>(usec),
                  stats.calls == 0 ? 0.0 : usec / static_cast<double>(stats.calls),
                  static_cast<unsigned long long>(stats.rejected),
                  static_cast<unsigned long long>(stats.failed));
    f.Text("cmdstat_" + command.name, text);
  });
}

void ErrorStatsSection(Server& s, const Snapshot&, Fields& f) {
  for (const auto& [code, count] : s.stats().errors)
    f.Text("errorstat_" + code, "count=" + std::to_string(count));
}

void LatencyStatsSection(Server& s, const Snapshot&, Fields& f) {
  if (!s.config().latency_tracking) return;
  ForEachUsed(s, [&](const Command& command) {
    if (command.stats.latency.count() == 0) return;
    std::string text;
    for (const double percentile : s.config().latency_percentiles) {
      char value[64];
      std::snprintf(value, sizeof value, "%.3f",
                    TicksToMicros(command.stats.latency.Percentile(percentile)));
      if (!text.empty()) text += ',';
      text += "p" + FormatPercentile(percentile) + "=" + value;
    }
    f.Text("latency_percentiles_usec_" + command.name, text);
  });
}

void ClusterSection(Server&, const Snapshot&, Fields& f) { f.Number("cluster_enabled", 0); }

void KeyspaceSection(Server& s, const Snapshot& now, Fields& f) {
  if (now.loading) return;
  engine::Database& db = *s.database();
  for (int i = 0; i < db.databases(); ++i) {
    if (db.Size(i) == 0) continue;
    const engine::DbStats stats = db.DatabaseStats(i);
    f.Text("db" + std::to_string(i), "keys=" + std::to_string(stats.keys) +
                                         ",expires=" + std::to_string(stats.expires) +
                                         ",avg_ttl=" + std::to_string(stats.avg_ttl_ms));
  }
}

void TieringSection(Server& s, const Snapshot& now, Fields& f) {
  const engine::Stats& e = now.engine;
  // Where the keys are. cached_keys and storage_provider_* are names that existing exporters know.
  f.Number("tc_tiering", s.config().tiering ? 1 : 0);
  f.Count("tc_resident_keys", e.resident_keys);
  f.Count("cached_keys", e.resident_keys);
  f.Count("tc_cold_records", e.cold_records);
  f.Count("tc_dirty_keys", e.dirty_keys);
  f.Count("tc_tombstones", e.tombstones);
  f.Count("tc_unknown_bases", e.unknown_bases);
  // Movement between the tiers.
  f.Count("storage_provider_read_hits", e.cold_read_hits);
  f.Count("storage_provider_read_misses", e.cold_read_misses);
  f.Count("tc_cold_reads_in_flight", e.cold_reads_in_flight);
  f.Count("tc_synchronous_cold_reads", e.synchronous_cold_reads);
  f.Count("tc_direct_cold_reads", e.direct_cold_reads);
  f.Count("tc_parked_commands", s.stats().parked_commands);
  f.Count("tc_spilled_keys", e.spilled_keys);
  f.Count("tc_spilled_list_nodes", e.spilled_nodes);
  f.Count("tc_read_list_nodes", e.read_nodes);
  f.Count("tc_captured_keys", e.captured_keys);
  f.Count("tc_captured_bytes", e.captured_bytes);
  // The budget and its shares, in bytes.
  f.Count("tc_memory_budget", e.budget_bytes);
  f.Count("tc_memory_used", e.used_memory);
  f.Count("tc_memory_values", e.value_bytes);
  f.Count("tc_memory_table", e.table_bytes);
  f.Count("tc_memory_filter", e.filter_bytes);
  f.Count("tc_memory_capture_queue", e.capture_queue_bytes);
  f.Count("tc_memory_fixed", e.fixed_bytes);
  f.Count("tc_memory_unaccounted", e.unaccounted_bytes);
  f.Count("tc_memory_giants", e.giant_bytes);
  f.Count("tc_field_names", e.field_names);
  // Checkpoints and the log.
  f.Count("tc_checkpoints", e.checkpoints);
  f.Number("tc_checkpoint_running", e.checkpoint_running ? 1 : 0);
  f.Number("tc_last_checkpoint_time", e.last_checkpoint_unix_s);
  f.Count("tc_log_end", now.log_end);
  f.Count("tc_log_durable_end", now.durable_end);
  f.Count("tc_log_durable_lag_bytes", now.log_end - std::min(now.durable_end, now.log_end));
  f.Count("tc_log_pending_bytes", e.log.pending_bytes);
  f.Count("tc_log_writes", e.log.writes);
  f.Count("tc_log_bytes_written", e.log.bytes_written);
  f.Count("tc_log_fsyncs", e.log.fsyncs);
  f.Count("tc_log_fsync_failures", e.log.fsync_failures);
  f.Count("tc_log_fsync_last_usec", e.log.fsync_last_us);
  f.Count("tc_log_fsync_avg_usec", e.log.fsyncs == 0 ? 0 : e.log.fsync_total_us / e.log.fsyncs);
  f.Count("tc_log_segments_live", e.log.segments_live);
  f.Count("tc_log_segments_spare", e.log.segments_spare);
  f.Count("tc_log_segments_created", e.log.segments_created);
  f.Count("tc_log_segments_recycled", e.log.segments_recycled);
  f.Count("tc_log_bytes_on_disk", e.log_bytes_on_disk);
  f.Count("tc_cold_bytes_on_disk", e.cold_bytes_on_disk);
  f.Count("tc_cold_flush_bytes", e.cold_flush_bytes);
  f.Count("tc_cold_published_bytes", e.cold_published_bytes);
  f.Count("tc_cold_compaction_read_bytes", e.cold_compaction_read_bytes);
  f.Count("tc_cold_compaction_write_bytes", e.cold_compaction_write_bytes);
  f.Count("tc_cold_compactions_running", e.cold_running_compactions);
  f.Count("tc_cold_compaction_pending_bytes", e.cold_pending_compaction_bytes);
  f.Count("tc_cold_level0_files", e.cold_level0_files);
  // The last start.
  f.Number("tc_recovery_ms", e.recovery_ms);
  f.Count("tc_recovery_frames", e.replayed_frames);
  f.Count("tc_recovery_effects", e.replayed_effects);
  f.Count("tc_recovery_read_peak_bytes", e.replay_read_peak_bytes);
  f.Text("tc_cold_error", e.cold_error.empty() ? "none" : e.cold_error);
}

enum Group : unsigned { kByName = 0, kDefault = 1, kAll = 2, kEverything = 4 };

struct SectionRow {
  std::string_view name;  // as asked for, lower case
  std::string_view title;
  unsigned groups;
  void (*write)(Server&, const Snapshot&, Fields&);
};

constexpr SectionRow kSections[] = {
    {"server", "Server", kDefault | kAll | kEverything, ServerSection},
    {"clients", "Clients", kDefault | kAll | kEverything, ClientsSection},
    {"memory", "Memory", kDefault | kAll | kEverything, MemorySection},
    {"persistence", "Persistence", kDefault | kAll | kEverything, PersistenceSection},
    {"stats", "Stats", kDefault | kAll | kEverything, StatsSection},
    {"replication", "Replication", kDefault | kAll | kEverything, ReplicationSection},
    {"cpu", "CPU", kDefault | kAll | kEverything, CpuSection},
    {"modules", "Modules", kDefault | kAll | kEverything, NothingSection},
    {"commandstats", "Commandstats", kAll | kEverything, CommandStatsSection},
    {"errorstats", "Errorstats", kDefault | kAll | kEverything, ErrorStatsSection},
    {"latencystats", "Latencystats", kAll | kEverything, LatencyStatsSection},
    {"cluster", "Cluster", kDefault | kAll | kEverything, ClusterSection},
    {"keyspace", "Keyspace", kDefault | kAll | kEverything, KeyspaceSection},
    {"tiering", "Tiering", kDefault | kAll | kEverything, TieringSection},
};

bool Wanted(const SectionRow& row, std::span<const std::string_view> asked) {
  if (asked.empty()) return (row.groups & kDefault) != 0;
  using codec::SameWord;
  for (const std::string_view name : asked) {
    if (SameWord(name, row.name)) return true;
    if (SameWord(name, "default") && (row.groups & kDefault) != 0) return true;
    if (SameWord(name, "all") && (row.groups & kAll) != 0) return true;
    if (SameWord(name, "everything") && (row.groups & kEverything) != 0) return true;
  }
  return false;
}

}  // namespace

std::string BuildInfo(Server& server, std::span<const std::string_view> sections) {
  Snapshot now;
  now.loading = server.loading();
  if (!now.loading) {
    const engine::Database& db = *server.database();
    now.engine = db.GetStats();
    now.log_end = db.LogEnd();
    now.durable_end = db.DurableEnd();
    now.writable = db.WriteError().ok();
  }
  std::string out;
  Fields fields(&out);
  for (const SectionRow& row : kSections) {
    if (!Wanted(row, sections)) continue;
    fields.Section(row.title);
    row.write(server, now, fields);
  }
  return out;
}

}  // namespace thermocline::server
