// The table of directives: one row each, in the order of docs/configuration.md.
//
// Names, defaults, bounds and mutability are redis-server 7.0.15's (asked of the real one by
// tests/integration/test_config_oracle.py), then come ours. NoEffect() rows are accepted, kept and
// shown; a value other than the default draws one warning with the reason given here. When a
// feature arrives, its rows lose NoEffect() and gain a field.
#include <syslog.h>

#include <climits>

#include "codec/words.h"
#include "server/config/config_row.h"
#include "server/config/config_special.h"

namespace thermocline::server {
namespace {

using C = ServerConfig;
constexpr uint64_t kLongMax = LONG_MAX;
constexpr uint64_t kIntMax = INT_MAX;
constexpr int64_t kKb = 1024;
constexpr int64_t kMb = 1024 * kKb;
constexpr int64_t kGb = 1024 * kMb;

// ---- reasons why a directive is accepted without effect
// -----------------------------------------------
constexpr char kNoRdb[] =
    "this version writes no RDB files; the log and its checkpoints keep the data";
constexpr char kNoAof[] =
    "the log is kept short by checkpoints and recycled segments and is never rewritten";
constexpr char kNoFork[] = "the server never forks, so there is no such process";
constexpr char kNoReplication[] = "replication is not part of this version";
constexpr char kNoCluster[] = "cluster mode is not part of this version";
constexpr char kNoTls[] = "TLS is not part of this version, only plain connections are served";
constexpr char kNoDefrag[] = "there is no active defragmentation";
constexpr char kAlwaysLazy[] = "memory is always freed in small slices beside the commands";
constexpr char kNoListCompression[] = "lists in memory are not compressed: cold ones are";
constexpr char kTypeToCome[] = "its data type is not part of this version";
constexpr char kNoScripts[] = "scripting is not part of this version";
constexpr char kNoAcl[] = "only the default user exists in this version";
constexpr char kNoLatencyMonitor[] = "there is no latency monitor in this version";
constexpr char kNoTracking[] = "client side caching is not part of this version";
constexpr char kNoPinning[] = "threads are not pinned to processors";
constexpr char kNoSyslog[] = "log lines go to standard output or the log file only";
constexpr char kNoTitle[] = "the title of the process is left as it is";
constexpr char kOneExecutor[] = "one thread runs the commands and the sockets in this version";
constexpr char kNoOomScore[] = "the score of the kernel's out-of-memory killer is left as it is";
constexpr char kCrashLog[] = "a crash always writes a stack trace to the log";
constexpr char kDebugOnly[] = "it only slows down or watches redis-server for its tests";
constexpr char kNoModules[] = "modules are not supported";
constexpr char kTablePolicy[] =
    "the key table grows by splitting single segments, there is nothing to rehash";

// ---- names of enumerations, in the order of error texts
// -------------------------------------------------
template <typename E>
constexpr int64_t N(E value) {
  return static_cast<int64_t>(value);
}
using P = engine::EvictionPolicy;
constexpr EnumName kPolicyNames[] = {
    {"volatile-lru", N(P::kVolatileLru)},       {"volatile-lfu", N(P::kVolatileLfu)},
    {"volatile-random", N(P::kVolatileRandom)}, {"volatile-ttl", N(P::kVolatileTtl)},
    {"allkeys-lru", N(P::kAllKeysLru)},         {"allkeys-lfu", N(P::kAllKeysLfu)},
    {"allkeys-random", N(P::kAllKeysRandom)},   {"noeviction", N(P::kNoEviction)}};
constexpr EnumName kFsyncNames[] = {{"everysec", N(engine::FsyncPolicy::kEverySec)},
                                    {"always", N(engine::FsyncPolicy::kAlways)},
                                    {"no", N(engine::FsyncPolicy::kNo)}};
constexpr EnumName kLogLevelNames[] = {{"debug", N(LogLevel::kDebug)},
                                       {"verbose", N(LogLevel::kVerbose)},
                                       {"notice", N(LogLevel::kNotice)},
                                       {"warning", N(LogLevel::kWarning)}};
constexpr EnumName kSupervisedNames[] = {{"upstart", N(Supervised::kUpstart)},
                                         {"systemd", N(Supervised::kSystemd)},
                                         {"auto", N(Supervised::kAuto)},
                                         {"no", N(Supervised::kNo)}};
constexpr EnumName kProtectedNames[] = {{"no", N(ProtectedAction::kNo)},
                                        {"yes", N(ProtectedAction::kYes)},
                                        {"local", N(ProtectedAction::kLocal)}};
constexpr EnumName kShutdownNames[] = {{"default", 0},
                                       {"save", kShutdownSave},
                                       {"nosave", kShutdownNosave},
                                       {"now", kShutdownNow},
                                       {"force", kShutdownForce}};
constexpr EnumName kSyslogNames[] = {
    {"user", LOG_USER},     {"local0", LOG_LOCAL0}, {"local1", LOG_LOCAL1},
    {"local2", LOG_LOCAL2}, {"local3", LOG_LOCAL3}, {"local4", LOG_LOCAL4},
    {"local5", LOG_LOCAL5}, {"local6", LOG_LOCAL6}, {"local7", LOG_LOCAL7}};
constexpr EnumName kDisklessLoadNames[] = {{"disabled", 0}, {"on-empty-db", 1}, {"swapdb", 2}};
constexpr EnumName kTlsAuthNames[] = {{"no", 0}, {"yes", 1}, {"optional", 2}};
constexpr EnumName kOomScoreNames[] = {{"no", 0}, {"yes", 1}, {"relative", 1}, {"absolute", 2}};
constexpr EnumName kAclPubSubNames[] = {{"allchannels", 1}, {"resetchannels", 0}};
constexpr EnumName kSanitizeNames[] = {{"no", 0}, {"yes", 1}, {"clients", 2}};
constexpr EnumName kEndpointNames[] = {{"ip", 0}, {"hostname", 1}, {"unknown-endpoint", 2}};
constexpr EnumName kPropagationNames[] = {{"ignore", 0}, {"panic", 1}, {"panic-on-replicas", 2}};

// ---- builders
// --------------------------------------------------------------------------------------
constexpr ConfigRow Bool(std::string_view name, bool C::*field, bool def) {
  ConfigRow r;
  r.name = name;
  r.kind = ConfigRow::Kind::kBool;
  r.bool_field = field;
  r.default_number = def ? 1 : 0;
  return r;
}
constexpr ConfigRow Bool(std::string_view name, bool def) { return Bool(name, nullptr, def); }

constexpr ConfigRow Number(std::string_view name, int64_t C::*field, int64_t min, uint64_t max,
                           int64_t def, NumberFormat format = NumberFormat::kInteger) {
  ConfigRow r;
  r.name = name;
  r.kind = ConfigRow::Kind::kNumber;
  r.number_field = field;
  r.min = min;
  r.max = max;
  r.default_number = def;
  r.format = format;
  return r;
}
constexpr ConfigRow Number(std::string_view name, int64_t min, uint64_t max, int64_t def) {
  return Number(name, nullptr, min, max, def);
}
constexpr ConfigRow Memory(std::string_view name, int64_t C::*field, int64_t min, uint64_t max,
                           int64_t def) {
  return Number(name, field, min, max, def, NumberFormat::kMemory);
}
constexpr ConfigRow Memory(std::string_view name, int64_t min, uint64_t max, int64_t def) {
  return Memory(name, nullptr, min, max, def);
}
/// A memory size that may use all 64 bits.
constexpr ConfigRow Bytes(std::string_view name, uint64_t C::*field, uint64_t min, uint64_t def) {
  ConfigRow r;
  r.name = name;
  r.kind = ConfigRow::Kind::kUnsigned;
  r.unsigned_field = field;
  r.min = static_cast<int64_t>(min);
  r.max = ULLONG_MAX;
  r.default_number = static_cast<int64_t>(def);
  r.format = NumberFormat::kMemory;
  return r;
}

constexpr ConfigRow Text(std::string_view name, std::string C::*field, std::string_view def) {
  ConfigRow r;
  r.name = name;
  r.kind = ConfigRow::Kind::kText;
  r.text_field = field;
  r.default_text = def;
  return r;
}
constexpr ConfigRow Text(std::string_view name, std::string_view def) {
  return Text(name, nullptr, def);
}

constexpr ConfigRow KeptEnum(std::string_view name, std::span<const EnumName> names, int64_t def) {
  ConfigRow r;
  r.name = name;
  r.kind = ConfigRow::Kind::kEnum;
  r.names = names;
  r.default_number = def;
  return r;
}
template <auto Field, typename E>
constexpr ConfigRow Enum(std::string_view name, std::span<const EnumName> names, E def) {
  ConfigRow r = KeptEnum(name, names, static_cast<int64_t>(def));
  r.get_enum = [](const C& c) { return static_cast<int64_t>(c.*Field); };
  r.set_enum = [](C& c, int64_t value) { c.*Field = static_cast<E>(value); };
  return r;
}
template <auto Field>
constexpr ConfigRow Flags(std::string_view name, std::span<const EnumName> names) {
  ConfigRow r = Enum<Field, uint32_t>(name, names, 0);
  r.kind = ConfigRow::Kind::kFlags;
  r.flags = kConfigMultiArg;
  return r;
}
constexpr ConfigRow Special(std::string_view name, const SpecialConfig& special,
                            std::string_view def, uint32_t flags) {
  ConfigRow r;
  r.name = name;
  r.kind = ConfigRow::Kind::kSpecial;
  r.special = &special;
  r.default_text = def;
  r.flags = flags;
  return r;
}

const ConfigRow kTable[] = {
    // Network.
    Special("bind", kBindConfig, "* -::*", kConfigMultiArg)
        .Apply(ApplyAction::kListen, "Failed to bind to specified addresses."),
    Number("port", &C::port, 0, 65535, 6379)
        .Apply(ApplyAction::kListen, "Unable to listen on this port. Check server logs."),
    Number("tcp-backlog", &C::tcp_backlog, 0, kIntMax, 511).Immutable(),
    Text("unixsocket", &C::unixsocket, "").Immutable().Optional(),
    Number("unixsocketperm", &C::unixsocketperm, 0, 0777, 0, NumberFormat::kOctal).Immutable(),
    Number("timeout", &C::timeout_s, 0, kIntMax, 0),
    Number("tcp-keepalive", &C::tcp_keepalive_s, 0, kIntMax, 300),
    Bool("protected-mode", &C::protected_mode, true),
    Number("maxclients", &C::maxclients, 1, UINT_MAX, 10000).Apply(ApplyAction::kMaxClients),
    Special("client-output-buffer-limit", kOutputLimitConfig,
            "normal 0 0 0 slave 268435456 67108864 60 pubsub 33554432 8388608 60", kConfigMultiArg),
    Memory("client-query-buffer-limit", &C::client_query_buffer_limit, kMb, kLongMax, kGb),
    Memory("proto-max-bulk-len", &C::proto_max_bulk_len, kMb, kLongMax, 512 * kMb),
    Number("maxmemory-clients", &C::maxmemory_clients, -100, kLongMax, 0,
           NumberFormat::kMemoryOrPercent),
    Text("bind-source-addr", "").Optional().NoEffect(kNoReplication),
    Number("socket-mark-id", 0, UINT_MAX, 0).Immutable().NoEffect("sockets are not marked"),
    Number("io-threads", &C::io_threads, 1, 128, 1).Immutable().NoEffect(kOneExecutor),
    Bool("io-threads-do-reads", false).Immutable().NoEffect(kOneExecutor),

    // Who may do what.
    Text("requirepass", &C::requirepass, "")
        .Optional()
        .With(kConfigSensitive)
        .Apply(ApplyAction::kPassword),
    Text("aclfile", &C::aclfile, "").Immutable().NoEffect(kNoAcl),
    Number("acllog-max-len", 0, kLongMax, 128).NoEffect(kNoAcl),
    KeptEnum("acl-pubsub-default", kAclPubSubNames, 0).NoEffect(kNoAcl),
    Enum<&C::enable_protected_configs>("enable-protected-configs", kProtectedNames,
                                       ProtectedAction::kNo)
        .Immutable(),
    Enum<&C::enable_debug_command>("enable-debug-command", kProtectedNames, ProtectedAction::kNo)
        .Immutable(),
    Enum<&C::enable_module_command>("enable-module-command", kProtectedNames, ProtectedAction::kNo)
        .Immutable()
        .NoEffect(kNoModules),

    // The process.
    Bool("daemonize", &C::daemonize, false).Immutable(),
    Enum<&C::supervised>("supervised", kSupervisedNames, Supervised::kNo).Immutable(),
    Text("pidfile", &C::pidfile, "").Immutable().Optional(),
    Special("dir", kDirConfig, "", kConfigProtected | kConfigDenyLoading).Apply(ApplyAction::kDir),
    Text("logfile", &C::logfile, "").Immutable(),
    Enum<&C::loglevel>("loglevel", kLogLevelNames, LogLevel::kNotice).Apply(ApplyAction::kLogLevel),
    Bool("syslog-enabled", false).Immutable().NoEffect(kNoSyslog),
    Text("syslog-ident", "redis").Immutable().NoEffect(kNoSyslog),
    KeptEnum("syslog-facility", kSyslogNames, LOG_LOCAL0).Immutable().NoEffect(kNoSyslog),
    Number("hz", &C::hz, 0, kIntMax, 10).Apply(ApplyAction::kCron),
    Bool("dynamic-hz", true).NoEffect("the cron runs at hz whatever the number of clients"),
    Flags<&C::shutdown_on_sigint>("shutdown-on-sigint", kShutdownNames),
    Flags<&C::shutdown_on_sigterm>("shutdown-on-sigterm", kShutdownNames),
    Number("shutdown-timeout", 0, kIntMax, 10).NoEffect(kNoReplication),
    Bool("disable-thp", &C::disable_thp, true).Immutable(),
    KeptEnum("oom-score-adj", kOomScoreNames, 0).NoEffect(kNoOomScore),
    Special("oom-score-adj-values", kOomScoreValuesConfig, "0 200 800", kConfigMultiArg)
        .NoEffect(kNoOomScore),
    Bool("set-proc-title", true).Immutable().NoEffect(kNoTitle, "no"),
    Text("proc-title-template", "{title} {listen-addr} {server-mode}")
        .Check(ValidTitleTemplate)
        .NoEffect(kNoTitle),
    Bool("always-show-logo", false).Immutable().NoEffect("there is no logo"),
    Text("ignore-warnings", "").NoEffect("the warnings it silences are not given"),
    Bool("crash-log-enabled", true).NoEffect(kCrashLog),
    Bool("crash-memcheck-enabled", true).NoEffect("memory is not tested after a crash", "no"),
    Bool("jemalloc-bg-thread", true).NoEffect("jemalloc's own setting stays in force"),
    Text("server_cpulist", "").Immutable().Optional().NoEffect(kNoPinning),
    Text("bio_cpulist", "").Immutable().Optional().NoEffect(kNoPinning),
    Text("aof_rewrite_cpulist", "").Immutable().Optional().NoEffect(kNoFork),
    Text("bgsave_cpulist", "").Immutable().Optional().NoEffect(kNoFork),

    // Data and memory.
    Number("databases", &C::databases, 1, kIntMax, 16).Immutable(),
    Bytes("maxmemory", &C::maxmemory, 0, 0).Apply(ApplyAction::kEngine),
    Enum<&C::maxmemory_policy>("maxmemory-policy", kPolicyNames, P::kNoEviction)
        .Apply(ApplyAction::kEngine),
    Number("maxmemory-samples", &C::maxmemory_samples, 1, kIntMax, 5).Apply(ApplyAction::kEngine),
    Number("maxmemory-eviction-tenacity", 0, 100, 10)
        .NoEffect("memory is freed ahead of need, in small slices"),
    Number("lfu-log-factor", &C::lfu_log_factor, 0, kIntMax, 10).Apply(ApplyAction::kEngine),
    Number("lfu-decay-time", &C::lfu_decay_minutes, 0, kIntMax, 1).Apply(ApplyAction::kEngine),
    Number("active-expire-effort", 1, 10, 1)
        .NoEffect("an index finds the keys whose time has passed"),
    Bool("activerehashing", true).NoEffect(kTablePolicy),
    Bool("lazyfree-lazy-eviction", false).NoEffect(kAlwaysLazy, "yes"),
    Bool("lazyfree-lazy-expire", false).NoEffect(kAlwaysLazy, "yes"),
    Bool("lazyfree-lazy-server-del", false).NoEffect(kAlwaysLazy, "yes"),
    Bool("lazyfree-lazy-user-del", false).NoEffect(kAlwaysLazy, "yes"),
    Bool("lazyfree-lazy-user-flush", false).NoEffect(kAlwaysLazy, "yes"),
    Bool("activedefrag", false).NoEffect(kNoDefrag),
    Memory("active-defrag-ignore-bytes", 1, LLONG_MAX, 100 * kMb).NoEffect(kNoDefrag),
    Number("active-defrag-cycle-min", 1, 99, 1).NoEffect(kNoDefrag),
    Number("active-defrag-cycle-max", 1, 99, 25).NoEffect(kNoDefrag),
    Number("active-defrag-threshold-lower", 0, 1000, 10).NoEffect(kNoDefrag),
    Number("active-defrag-threshold-upper", 0, 1000, 100).NoEffect(kNoDefrag),
    Number("active-defrag-max-scan-fields", 1, kLongMax, 1000).NoEffect(kNoDefrag),
    Number("hash-max-listpack-entries", &C::hash_max_listpack_entries, 0, kLongMax, 512)
        .Alias("hash-max-ziplist-entries")
        .Apply(ApplyAction::kEngine),
    Memory("hash-max-listpack-value", &C::hash_max_listpack_value, 0, kLongMax, 64)
        .Alias("hash-max-ziplist-value")
        .Apply(ApplyAction::kEngine),
    Number("list-max-listpack-size", &C::list_max_listpack_size, INT_MIN, kIntMax, -2)
        .Alias("list-max-ziplist-size")
        .Apply(ApplyAction::kEngine),
    Number("list-compress-depth", &C::list_compress_depth, 0, kIntMax, 0)
        .NoEffect(kNoListCompression),
    Number("set-max-intset-entries", &C::set_max_intset_entries, 0, kLongMax, 512)
        .Apply(ApplyAction::kEngine),
    Number("zset-max-listpack-entries", &C::zset_max_listpack_entries, 0, kLongMax, 128)
        .Alias("zset-max-ziplist-entries")
        .Apply(ApplyAction::kEngine),
    Memory("zset-max-listpack-value", &C::zset_max_listpack_value, 0, kLongMax, 64)
        .Alias("zset-max-ziplist-value")
        .Apply(ApplyAction::kEngine),
    Memory("hll-sparse-max-bytes", &C::hll_sparse_max_bytes, 0, kLongMax, 3000)
        .NoEffect(kTypeToCome),
    Memory("stream-node-max-bytes", &C::stream_node_max_bytes, 0, kLongMax, 4096)
        .NoEffect(kTypeToCome),
    Number("stream-node-max-entries", &C::stream_node_max_entries, 0, LLONG_MAX, 100)
        .NoEffect(kTypeToCome),
    KeptEnum("sanitize-dump-payload", kSanitizeNames, 0)
        .NoEffect("every payload that comes from outside is checked completely", "yes"),

    // The log.
    Bool("appendonly", &C::appendonly, true).With(kConfigDenyLoading).Apply(ApplyAction::kEngine),
    Enum<&C::appendfsync>("appendfsync", kFsyncNames, engine::FsyncPolicy::kEverySec)
        .Apply(ApplyAction::kEngine),
    Text("appendfilename", "appendonly.aof")
        .Immutable()
        .Check(ValidAppendFilename)
        .NoEffect(kNoAof),
    Text("appenddirname", "appendonlydir").Immutable().Check(ValidAppendDirname).NoEffect(kNoAof),
    Bool("no-appendfsync-on-rewrite", false).NoEffect(kNoAof),
    Number("auto-aof-rewrite-percentage", 0, kIntMax, 100).NoEffect(kNoAof),
    Memory("auto-aof-rewrite-min-size", 0, LLONG_MAX, 64 * kMb).NoEffect(kNoAof),
    Bool("aof-rewrite-incremental-fsync", true).NoEffect(kNoAof),
    Bool("aof-load-truncated", true)
        .NoEffect("a tail that was never durable is always cut and reported"),
    Bool("aof-use-rdb-preamble", true).NoEffect(kNoAof),
    Bool("aof-timestamp-enabled", false).NoEffect(kNoAof),
    Bool("aof-disable-auto-gc", false).NoEffect(kNoAof),

    // RDB files.
    Special("save", kSaveConfig, "3600 1 300 100 60 10000", kConfigMultiArg).NoEffect(kNoRdb, ""),
    Text("dbfilename", "dump.rdb").With(kConfigProtected).Check(ValidDbFilename).NoEffect(kNoRdb),
    Bool("rdbcompression", true).NoEffect(kNoRdb),
    Bool("rdbchecksum", true).Immutable().NoEffect(kNoRdb),
    Bool("rdb-save-incremental-fsync", true).NoEffect(kNoRdb),
    Bool("rdb-del-sync-files", false).NoEffect(kNoRdb),
    Bool("stop-writes-on-bgsave-error", true).NoEffect(kNoRdb),

    // Replication.
    Special("replicaof", kReplicaOfConfig, "", kConfigImmutable | kConfigMultiArg)
        .Alias("slaveof")
        .NoEffect(kNoReplication),
    Text("masterauth", &C::masterauth, "")
        .Optional()
        .With(kConfigSensitive)
        .NoEffect(kNoReplication),
    Text("masteruser", &C::masteruser, "")
        .Optional()
        .With(kConfigSensitive)
        .NoEffect(kNoReplication),
    Bool("replica-serve-stale-data", true).Alias("slave-serve-stale-data").NoEffect(kNoReplication),
    Bool("replica-read-only", &C::replica_read_only, true)
        .Alias("slave-read-only")
        .NoEffect(kNoReplication),
    Bool("replica-ignore-maxmemory", true).Alias("slave-ignore-maxmemory").NoEffect(kNoReplication),
    Bool("replica-lazy-flush", false).Alias("slave-lazy-flush").NoEffect(kAlwaysLazy, "yes"),
    Bool("replica-announced", true).NoEffect(kNoReplication),
    Text("replica-announce-ip", "").Alias("slave-announce-ip").Optional().NoEffect(kNoReplication),
    Number("replica-announce-port", 0, 65535, 0)
        .Alias("slave-announce-port")
        .NoEffect(kNoReplication),
    Number("replica-priority", 0, kIntMax, 100).Alias("slave-priority").NoEffect(kNoReplication),
    Bool("replica-ignore-disk-write-errors", false).NoEffect(kNoReplication),
    KeptEnum("propagation-error-behavior", kPropagationNames, 0).NoEffect(kNoReplication),
    Bool("repl-diskless-sync", true).NoEffect(kNoReplication),
    Number("repl-diskless-sync-delay", 0, kIntMax, 5).NoEffect(kNoReplication),
    Number("repl-diskless-sync-max-replicas", 0, kIntMax, 0).NoEffect(kNoReplication),
    KeptEnum("repl-diskless-load", kDisklessLoadNames, 0)
        .With(kConfigDenyLoading)
        .NoEffect(kNoReplication),
    Number("repl-ping-replica-period", 1, kIntMax, 10)
        .Alias("repl-ping-slave-period")
        .NoEffect(kNoReplication),
    Number("repl-timeout", 1, kIntMax, 60).NoEffect(kNoReplication),
    Bool("repl-disable-tcp-nodelay", false).NoEffect(kNoReplication),
    Memory("repl-backlog-size", &C::repl_backlog_size, 1, LLONG_MAX, kMb).NoEffect(kNoReplication),
    Number("repl-backlog-ttl", 0, kLongMax, 3600).NoEffect(kNoReplication),
    Number("min-replicas-to-write", 0, kIntMax, 0)
        .Alias("min-slaves-to-write")
        .NoEffect(kNoReplication),
    Number("min-replicas-max-lag", 0, kIntMax, 10)
        .Alias("min-slaves-max-lag")
        .NoEffect(kNoReplication),

    // What watches the server.
    Bool("latency-tracking", &C::latency_tracking, true),
    Special("latency-tracking-info-percentiles", kPercentilesConfig, "50 99 99.9", kConfigMultiArg),
    Number("slowlog-log-slower-than", &C::slowlog_log_slower_than_us, -1, LLONG_MAX, 10000)
        .Apply(ApplyAction::kSlowLog),
    Number("slowlog-max-len", &C::slowlog_max_len, 0, kLongMax, 128),
    Number("latency-monitor-threshold", &C::latency_monitor_threshold_ms, 0, LLONG_MAX, 0)
        .NoEffect(kNoLatencyMonitor),
    Special("notify-keyspace-events", kKeyspaceEventsConfig, "", 0).Apply(ApplyAction::kNotify),
    Number("tracking-table-max-keys", &C::tracking_table_max_keys, 0, kLongMax, 1000000)
        .NoEffect(kNoTracking),
    Number("busy-reply-threshold", &C::busy_reply_threshold_ms, 0, kLongMax, 5000)
        .Alias("lua-time-limit")
        .NoEffect(kNoScripts),

    // Cluster.
    Bool("cluster-enabled", false).Immutable().NoEffect(kNoCluster),
    Text("cluster-config-file", "nodes.conf").Immutable().NoEffect(kNoCluster),
    Number("cluster-node-timeout", 0, LLONG_MAX, 15000).NoEffect(kNoCluster),
    Number("cluster-port", 0, 65535, 0).Immutable().NoEffect(kNoCluster),
    Number("cluster-replica-validity-factor", 0, kIntMax, 10)
        .Alias("cluster-slave-validity-factor")
        .NoEffect(kNoCluster),
    Number("cluster-migration-barrier", 0, kIntMax, 1).NoEffect(kNoCluster),
    Bool("cluster-allow-replica-migration", true).NoEffect(kNoCluster),
    Bool("cluster-require-full-coverage", true).NoEffect(kNoCluster),
    Bool("cluster-replica-no-failover", false)
        .Alias("cluster-slave-no-failover")
        .NoEffect(kNoCluster),
    Bool("cluster-allow-reads-when-down", false).NoEffect(kNoCluster),
    Bool("cluster-allow-pubsubshard-when-down", true).NoEffect(kNoCluster),
    Bytes("cluster-link-sendbuf-limit", nullptr, 0, 0).NoEffect(kNoCluster),
    Text("cluster-announce-ip", "").Optional().NoEffect(kNoCluster),
    Number("cluster-announce-port", 0, 65535, 0).NoEffect(kNoCluster),
    Number("cluster-announce-tls-port", 0, 65535, 0).NoEffect(kNoCluster),
    Number("cluster-announce-bus-port", 0, 65535, 0).NoEffect(kNoCluster),
    Text("cluster-announce-hostname", "").Optional().Check(ValidHostname).NoEffect(kNoCluster),
    KeptEnum("cluster-preferred-endpoint-type", kEndpointNames, 0).NoEffect(kNoCluster),

    // TLS.
    Number("tls-port", &C::tls_port, 0, 65535, 0).NoEffect(kNoTls),
    Text("tls-cert-file", "").Optional().NoEffect(kNoTls),
    Text("tls-key-file", "").Optional().NoEffect(kNoTls),
    Text("tls-key-file-pass", "").Optional().NoEffect(kNoTls),
    Text("tls-client-cert-file", "").Optional().NoEffect(kNoTls),
    Text("tls-client-key-file", "").Optional().NoEffect(kNoTls),
    Text("tls-client-key-file-pass", "").Optional().NoEffect(kNoTls),
    Text("tls-dh-params-file", "").Optional().NoEffect(kNoTls),
    Text("tls-ca-cert-file", "").Optional().NoEffect(kNoTls),
    Text("tls-ca-cert-dir", "").Optional().NoEffect(kNoTls),
    KeptEnum("tls-auth-clients", kTlsAuthNames, 1).NoEffect(kNoTls),
    Bool("tls-replication", false).NoEffect(kNoTls),
    Bool("tls-cluster", false).NoEffect(kNoTls),
    Text("tls-protocols", "").Optional().NoEffect(kNoTls),
    Text("tls-ciphers", "").Optional().NoEffect(kNoTls),
    Text("tls-ciphersuites", "").Optional().NoEffect(kNoTls),
    Bool("tls-prefer-server-ciphers", false).NoEffect(kNoTls),
    Bool("tls-session-caching", true).NoEffect(kNoTls),
    Number("tls-session-cache-size", 0, kIntMax, 20480).NoEffect(kNoTls),
    Number("tls-session-cache-timeout", 0, kIntMax, 300).NoEffect(kNoTls),

    // Hidden: CONFIG GET shows them only when asked for by name.
    Bool("use-exit-on-panic", false).With(kConfigHidden).NoEffect(kDebugOnly),
    Number("rdb-key-save-delay", INT_MIN, kIntMax, 0).With(kConfigHidden).NoEffect(kDebugOnly),
    Number("key-load-delay", INT_MIN, kIntMax, 0).With(kConfigHidden).NoEffect(kDebugOnly),
    Number("watchdog-period", 0, kIntMax, 0).With(kConfigHidden).NoEffect(kDebugOnly),
    Number("loading-process-events-interval-bytes", 1024, kIntMax, 2 * kMb)
        .With(kConfigHidden)
        .NoEffect(kDebugOnly),

    // Ours.
    Bool("tiering", &C::tiering, true).Apply(ApplyAction::kEngine),
    Bytes("maxdisk", &C::maxdisk, 0, 0).Apply(ApplyAction::kEngine),
    Bytes("log-low-water", &C::log_low_water, 0, 256 * kMb).Apply(ApplyAction::kEngine),
    Bytes("log-segment-bytes", &C::log_segment_bytes, 4 * kKb, 16 * kMb).Immutable(),
    Bytes("checkpoint-log-bytes", &C::checkpoint_log_bytes, 4 * kKb, 256 * kMb)
        .Apply(ApplyAction::kEngine),
    Number("recovery-budget-ms", &C::recovery_budget_ms, 1, kIntMax, 3000)
        .Apply(ApplyAction::kEngine),
    Bytes("paged-threshold", &C::paged_threshold, 1, 64 * kKb).Apply(ApplyAction::kEngine),
    Bytes("link-threshold", &C::link_threshold, 1, 64 * kKb).Apply(ApplyAction::kEngine),
    Number("cold-readers", &C::cold_readers, 1, 256, 8).Immutable(),
    Bool("cold-direct-io", &C::cold_direct_io, true).Immutable(),
    Bytes("cold-place-memory", &C::cold_place_memory, 0, 0).Immutable(),
    Number("busy-poll-us", &C::busy_poll_us, 0, 1000, 50),
};

}  // namespace

std::span<const ConfigRow> ConfigTable() { return kTable; }

const ConfigRow* FindConfigRow(std::string_view name) {
  const auto same = [&](std::string_view other) { return codec::SameWord(other, name); };
  for (const ConfigRow& row : kTable) {
    if (same(row.name) || (!row.alias.empty() && same(row.alias))) return &row;
  }
  return nullptr;
}

std::string_view PolicyName(engine::EvictionPolicy policy) {
  for (const EnumName& name : kPolicyNames) {
    if (name.value == N(policy)) return name.name;
  }
  return "unknown";
}

}  // namespace thermocline::server
