// INFO: sections and their choice, the fields that dashboards read, and values that follow what
// happens. Names and order of all fields are compared with redis-server in
// tests/integration/test_info_oracle.py.
#include "server/info.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <map>

#include "server/testing/test_server.h"
#include "server/version.h"

namespace thermocline::server {
namespace {

std::string Info(TestServer& server, std::vector<std::string_view> sections) {
  return BuildInfo(server.server(), sections);
}

/// "name:value" lines; section titles are left out.
std::map<std::string, std::string> Fields(const std::string& info) {
  std::map<std::string, std::string> out;
  for (size_t i = 0; i < info.size();) {
    const size_t end = info.find("\r\n", i);
    const std::string line = info.substr(i, end - i);
    i = end + 2;
    if (line.empty() || line[0] == '#') continue;
    const size_t colon = line.find(':');
    EXPECT_NE(colon, line.npos) << line;
    EXPECT_TRUE(out.emplace(line.substr(0, colon), line.substr(colon + 1)).second) << line;
  }
  return out;
}

std::string Titles(const std::string& info) {
  std::string out;
  for (size_t i = 0; i < info.size(); i = info.find("\r\n", i) + 2) {
    if (info[i] == '#') out += info.substr(i + 2, info.find("\r\n", i) - i - 2) + " ";
  }
  return out;
}

TEST(InfoTest, SectionsAreChosenByName) {
  TestServer server;
  const std::string usual =
      "Server Clients Memory Persistence Stats Replication CPU Modules Errorstats Cluster Keyspace "
      "Tiering ";
  EXPECT_EQ(Titles(Info(server, {})), usual);
  EXPECT_EQ(Titles(Info(server, {"default"})), usual);
  const std::string all = Titles(Info(server, {"all"}));
  EXPECT_NE(all.find("Commandstats Errorstats Latencystats"), all.npos);
  EXPECT_EQ(Titles(Info(server, {"Everything"})), all);
  EXPECT_EQ(Titles(Info(server, {"keyspace", "SERVER", "nosuch", "server"})), "Server Keyspace ");
  EXPECT_EQ(Info(server, {"nosuch"}), "");
  EXPECT_EQ(Titles(Info(server, {"commandstats", "default"})),
            "Server Clients Memory Persistence Stats Replication CPU Modules Commandstats "
            "Errorstats Cluster Keyspace "
            "Tiering ");
}

TEST(InfoTest, TheReplyIsBulkTextAndVerbatimInResp3) {
  TestServer server;
  EXPECT_EQ(server.Run({"INFO", "cluster"}), "$30\r\n# Cluster\r\ncluster_enabled:0\r\n\r\n");
  server.Run({"HELLO", "3"});
  EXPECT_EQ(server.Run({"INFO", "cluster"}), "=34\r\ntxt:# Cluster\r\ncluster_enabled:0\r\n\r\n");
}

TEST(InfoTest, SectionsAreSeparatedByAnEmptyLine) {
  TestServer server;
  EXPECT_EQ(Info(server, {"modules", "cluster"}),
            "# Modules\r\n\r\n# Cluster\r\ncluster_enabled:0\r\n");
}

TEST(InfoTest, EveryFieldHasAValueOnce) {
  TestServer server;
  for (const auto& [name, value] : Fields(Info(server, {"everything"}))) {
    if (name != "config_file") {
      EXPECT_NE(value, "") << name;
    }
  }
}

TEST(InfoTest, ClientsCanReadTheVersion) {
  TestServer server;
  auto fields = Fields(Info(server, {"server"}));
  int parts[3] = {};
  EXPECT_EQ(
      std::sscanf(fields["redis_version"].c_str(), "%d.%d.%d", &parts[0], &parts[1], &parts[2]), 3);
  EXPECT_EQ(fields["thermocline_version"], kThermoclineVersion);
  EXPECT_EQ(fields["redis_mode"], "standalone");
  EXPECT_EQ(fields["run_id"].size(), 40u);
}

TEST(InfoTest, KeyspaceCountsKeysAndDeadlines) {
  TestServer server;
  EXPECT_EQ(Info(server, {"keyspace"}), "# Keyspace\r\n");
  server.Run({"SET", "a", "1"});
  server.Run({"SET", "b", "1", "EX", "1000"});
  server.Run({"SELECT", "3"});
  server.Run({"SET", "c", "1"});
  auto fields = Fields(Info(server, {"keyspace"}));
  EXPECT_EQ(fields["db0"].find("keys=2,expires=1,avg_ttl="), 0u) << fields["db0"];
  EXPECT_EQ(fields["db3"], "keys=1,expires=0,avg_ttl=0");
  EXPECT_EQ(fields.size(), 2u);
}

TEST(InfoTest, StatisticsFollowCommandsAndAreReset) {
  TestServer server;
  server.Run({"SET", "a", "x"});
  server.Run({"INCR", "a"});
  server.Run({"GET", "a"});
  server.Run({"GET", "missing"});
  server.Run({"CLIENT", "ID"});
  server.Run({"NOSUCH"});
  auto fields = Fields(Info(server, {"all"}));
  EXPECT_EQ(fields["cmdstat_get"].find("calls=2,usec="), 0u);
  EXPECT_NE(fields["cmdstat_incr"].find(",rejected_calls=0,failed_calls=1"), std::string::npos)
      << fields["cmdstat_incr"];
  EXPECT_EQ(fields["cmdstat_client|id"].find("calls=1,"), 0u);
  EXPECT_EQ(fields["errorstat_ERR"], "count=2");
  EXPECT_EQ(fields["total_error_replies"], "2");
  EXPECT_EQ(fields["keyspace_hits"], "1");
  EXPECT_EQ(fields["keyspace_misses"], "1");
  EXPECT_EQ(fields["latency_percentiles_usec_get"].find("p50="), 0u);
  EXPECT_NE(fields["latency_percentiles_usec_get"].find(",p99.9="), std::string::npos);

  server.Run({"CONFIG", "SET", "latency-tracking-info-percentiles", "10"});
  EXPECT_EQ(Fields(Info(server, {"latencystats"}))["latency_percentiles_usec_get"].find("p10="),
            0u);
  server.Run({"CONFIG", "SET", "latency-tracking", "no"});
  EXPECT_EQ(Info(server, {"latencystats"}), "# Latencystats\r\n");

  EXPECT_EQ(server.Run({"CONFIG", "RESETSTAT"}), "+OK\r\n");
  fields = Fields(Info(server, {"all"}));
  EXPECT_EQ(fields.count("cmdstat_get"), 0u);
  EXPECT_EQ(fields.count("errorstat_ERR"), 0u);
  EXPECT_EQ(fields["keyspace_hits"], "0");
  EXPECT_NE(fields["used_memory_peak"], "0");
}

TEST(InfoTest, SettingsAreShownAsTheyAre) {
  TestServer server({.config = {"--maxmemory-policy", "allkeys-lru", "--maxclients", "77",
                                "--appendonly", "no"}});
  auto fields = Fields(Info(server, {}));
  EXPECT_EQ(fields["maxmemory"], "0") << "unset is shown as 0, whatever the budget";
  EXPECT_NE(fields["tc_memory_budget"], "0");
  EXPECT_EQ(fields["maxmemory_policy"], "allkeys-lru");
  EXPECT_EQ(fields["maxclients"], "77");
  EXPECT_EQ(fields["aof_enabled"], "0");
  EXPECT_EQ(fields.count("aof_current_size"), 0u);
  EXPECT_EQ(fields["connected_clients"], "0");
  server.Connect();
  EXPECT_EQ(Fields(Info(server, {"clients"}))["connected_clients"], "1");
}

TEST(InfoTest, TieringFollowsSpillsAndReads) {
  TestServer server({.config = {"--enable-debug-command", "yes"}});
  server.Run({"SET", "a", std::string(1000, 'x')});
  EXPECT_EQ(Fields(Info(server, {"tiering"}))["tc_resident_keys"], "1");
  EXPECT_EQ(Fields(Info(server, {"tiering"}))["tc_dirty_keys"], "1");
  EXPECT_EQ(server.Run({"DEBUG", "SPILL", "all"}), "+OK\r\n");
  auto fields = Fields(Info(server, {"tiering", "keyspace"}));
  EXPECT_EQ(fields["tc_resident_keys"], "0");
  EXPECT_EQ(fields["tc_cold_records"], "1");
  EXPECT_EQ(fields["tc_spilled_keys"], "1");
  EXPECT_EQ(fields["tc_dirty_keys"], "0");
  EXPECT_EQ(fields["db0"], "keys=1,expires=0,avg_ttl=0");
  server.Run({"GET", "a"});
  fields = Fields(Info(server, {"tiering"}));
  EXPECT_EQ(fields["cached_keys"], "1");
  EXPECT_EQ(fields["storage_provider_read_hits"], "1");
  EXPECT_EQ(fields["tc_cold_reads_in_flight"], "0");
  EXPECT_EQ(server.Run({"DEBUG", "CHECKPOINT"}), "+OK\r\n");
  EXPECT_NE(Fields(Info(server, {"tiering"}))["tc_checkpoints"], "0");
  EXPECT_EQ(Fields(Info(server, {"persistence"}))["rdb_changes_since_last_save"], "0");
}

TEST(InfoTest, WhileLoadingThereIsNoDataToReport) {
  TestServer server({.open_database = false});
  auto fields = Fields(Info(server, {"everything"}));
  EXPECT_EQ(fields["loading"], "1");
  EXPECT_NE(fields["loading_start_time"], "");
  EXPECT_EQ(fields["master_repl_offset"], "0");
  EXPECT_EQ(fields.count("db0"), 0u);
}

}  // namespace
}  // namespace thermocline::server
