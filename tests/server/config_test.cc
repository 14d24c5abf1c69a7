// Settings: what files, the command line and CONFIG SET may say, that a failed change leaves
// nothing behind, and that CONFIG REWRITE keeps what people wrote. Value by value the directives
// are compared with redis-server in tests/integration/test_config_oracle.py.
#include "server/config/config.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>

#include "server/config/config_file.h"
#include "server/config/config_row.h"

namespace thermocline::server {
namespace {

using Views = std::vector<std::string_view>;

/// A directory of its own, which is the working directory meanwhile (`dir` changes it).
class ConfigTest : public testing::Test {
 protected:
  ConfigTest() {
    char name[] = "/tmp/thermocline_config_test.XXXXXX";
    old_dir_ = std::filesystem::current_path();
    dir_ = std::filesystem::canonical(mkdtemp(name));
    std::filesystem::current_path(dir_);
  }
  ~ConfigTest() override {
    std::filesystem::current_path(old_dir_);
    std::filesystem::remove_all(dir_);
  }
  std::string Write(const std::string& name, const std::string& text) {
    std::ofstream(dir_ / name) << text;
    return (dir_ / name).string();
  }
  std::string Read(const std::string& path) {
    std::stringstream text;
    text << std::ifstream(path).rdbuf();
    return text.str();
  }
  std::filesystem::path dir_, old_dir_;
};

std::string Get(const Config& config, std::string_view name) {
  const auto pairs = config.Get(Views{name});
  return pairs.size() == 1 ? pairs[0].second : "(" + std::to_string(pairs.size()) + " values)";
}

std::string Load(Config& config, const std::string& text) {
  return std::string(config.LoadText(text).message());
}

std::string Set(Config& config, const Views& pairs, Config::SetContext context = {}) {
  const codec::Status status = config.Set(pairs, context);
  return status.ok() ? "OK" : std::string(status.message());
}

/// Remembers what it was asked to apply, and fails for one action.
class FakeApplier : public ConfigApplier {
 public:
  codec::Status ApplyConfig(ApplyAction action, const ServerConfig& config) override {
    actions.push_back(action);
    ports.push_back(config.port);
    if (action == failing)
      return codec::Status::IoError("Unable to listen on this port. Check server logs.");
    return codec::Status::Ok();
  }
  ApplyAction failing = ApplyAction::kNone;
  std::vector<ApplyAction> actions;
  std::vector<int64_t> ports;
};

TEST_F(ConfigTest, TheTableKnowsEveryParameterOfRedisOnce) {
  std::set<std::string_view> names;
  size_t theirs = 0;
  bool ours = false;
  for (const ConfigRow& row : ConfigTable()) {
    EXPECT_TRUE(names.insert(row.name).second) << row.name;
    if (!row.alias.empty()) {
      EXPECT_TRUE(names.insert(row.alias).second) << row.alias;
    }
    ours = ours || row.name == "tiering";
    if (!ours && (row.flags & kConfigHidden) == 0) theirs += row.alias.empty() ? 1 : 2;
  }
  // CONFIG GET * of redis-server 7.0.15 built with TLS has 192 names, aliases included.
  EXPECT_EQ(theirs, 192u);
}

TEST_F(ConfigTest, TheDocumentationNamesEveryDirective) {
  const std::filesystem::path page =
      std::filesystem::path(__FILE__).parent_path().parent_path().parent_path() / "docs" /
      "configuration.md";
  if (!page.is_absolute()) GTEST_SKIP() << "built with relative paths";
  const std::string text = Read(page.string());
  for (const ConfigRow& row : ConfigTable()) {
    EXPECT_NE(text.find("`" + std::string(row.name) + "`"), text.npos) << row.name;
    if (!row.why.empty()) {
      EXPECT_NE(text.find(std::string(row.why)), text.npos) << row.name;
    }
  }
}

TEST_F(ConfigTest, EveryDefaultIsAcceptedByItsOwnDirective) {
  const Config defaults;
  for (const ConfigRow& row : ConfigTable()) {
    if (row.name == "dir" || row.name == "replicaof") continue;
    Config config;
    const std::string value = FormatConfig(row, defaults.values());
    EXPECT_EQ(Load(config, std::string(row.name) + " " + QuoteConfigText(value) + "\n"), "")
        << row.name;
    EXPECT_EQ(FormatConfig(row, config.values()), value) << row.name;
    EXPECT_TRUE(config.Warnings().empty()) << row.name;
  }
}

TEST_F(ConfigTest, DefaultsAreRedisExceptTheLog) {
  const Config config;
  EXPECT_EQ(config.values().port, 6379);
  EXPECT_TRUE(config.values().appendonly);
  EXPECT_EQ(Get(config, "appendonly"), "yes");
  EXPECT_EQ(Get(config, "maxmemory"), "0");
  EXPECT_EQ(Get(config, "save"), "3600 1 300 100 60 10000");
  EXPECT_EQ(Get(config, "bind"), "* -::*");
  EXPECT_EQ(Get(config, "dir"), dir_.string());
  EXPECT_EQ(Get(config, "client-output-buffer-limit"),
            "normal 0 0 0 slave 268435456 67108864 60 pubsub 33554432 8388608 60");
  EXPECT_EQ(Get(config, "latency-tracking-info-percentiles"), "50 99 99.9");
}

TEST_F(ConfigTest, AFileSetsTypedValues) {
  Config config;
  EXPECT_EQ(
      Load(config,
           "# a comment\n\n  PORT 7000\r\nmaxmemory 100mb\nappendonly no\nappendfsync always\n"
           "maxmemory-policy allkeys-lru\nbind 127.0.0.1 -::1\nrequirepass \"a\\x20b\"\n"
           "unixsocketperm 700\nclient-output-buffer-limit normal 1mb 2kb 3 replica 0 0 0\n"
           "maxmemory-clients 5%\nloglevel warning\nshutdown-on-sigterm now force\n"
           "hash-max-ziplist-entries 7\nhz 100000\n"),
      "");
  const ServerConfig& c = config.values();
  EXPECT_EQ(c.port, 7000);
  EXPECT_EQ(c.maxmemory, 100u << 20);
  EXPECT_FALSE(c.appendonly);
  EXPECT_EQ(c.appendfsync, engine::FsyncPolicy::kAlways);
  EXPECT_EQ(c.maxmemory_policy, engine::EvictionPolicy::kAllKeysLru);
  EXPECT_EQ(c.bind, (std::vector<std::string>{"127.0.0.1", "-::1"}));
  EXPECT_EQ(c.requirepass, "a b");
  EXPECT_EQ(c.unixsocketperm, 0700);
  EXPECT_EQ(c.output_limits[0], (OutputLimit{1 << 20, 2048, 3}));
  EXPECT_EQ(c.output_limits[1], OutputLimit{});
  EXPECT_EQ(c.maxmemory_clients, -5);
  EXPECT_EQ(c.loglevel, LogLevel::kWarning);
  EXPECT_EQ(c.shutdown_on_sigterm, kShutdownNow | kShutdownForce);
  EXPECT_EQ(c.hash_max_listpack_entries, 7);
  EXPECT_EQ(c.hz, 500);

  engine::Options options;
  FillEngineOptions(c, &options);
  EXPECT_EQ(options.maxmemory, 100u << 20);
  EXPECT_FALSE(options.append_only);
  EXPECT_EQ(options.fsync, engine::FsyncPolicy::kAlways);
  EXPECT_EQ(options.dir, dir_.string());
}

TEST_F(ConfigTest, SaveLinesAddUpAndTheFirstReplacesTheDefaults) {
  Config config;
  EXPECT_EQ(Load(config, "save 900 1\nsave 300 10 60 100\n"), "");
  EXPECT_EQ(Get(config, "save"), "900 1 300 10 60 100");
  EXPECT_EQ(config.Warnings().size(), 1u);
  Config none;
  EXPECT_EQ(Load(none, "save 900 1\nsave \"\"\n"), "");
  EXPECT_EQ(Get(none, "save"), "");
  EXPECT_TRUE(none.Warnings().empty()) << "no RDB file is what happens anyway";
  Config quoted;
  EXPECT_EQ(Load(quoted, "save \"900 1 300 10\"\n"), "");
  EXPECT_EQ(Get(quoted, "save"), "900 1 300 10");
}

TEST_F(ConfigTest, ErrorsNameTheLine) {
  Config config;
  EXPECT_EQ(Load(config, "port 1\n\nnosuchthing 5\n"),
            "\n*** FATAL CONFIG FILE ERROR (Thermocline 0.1.0) ***\nReading the configuration "
            "file, at line 3\n"
            ">>> 'nosuchthing 5'\nBad directive or wrong number of arguments");
  const auto last_line = [](const std::string& text) { return text.substr(text.rfind('\n') + 1); };
  const std::pair<const char*, const char*> cases[] = {
      {"port", "wrong number of arguments"},
      {"port 1 2", "wrong number of arguments"},
      {"port 65536", "argument must be between 0 and 65535 inclusive"},
      {"port x", "argument couldn't be parsed into an integer"},
      {"appendonly maybe", "argument must be 'yes' or 'no'"},
      {"appendfsync sometimes", "argument(s) must be one of the following: everysec, always, no"},
      {"maxmemory 1.5gb", "argument must be a memory value"},
      {"requirepass \"abc", "Unbalanced quotes in configuration line"},
      {"unixsocketperm 8", "argument couldn't be parsed as an octal number"},
      {"save 900", "Invalid save parameters"},
      {"dir /nonexistent/thermocline", "No such file or directory"},
      {"logfile /nonexistent/log", "Can't open the log file: No such file or directory"},
      {"loadmodule /x.so", "Modules are not supported, '/x.so' cannot be loaded"},
      {"user alice on nopass",
       "Error in user declaration 'alice': only the user 'default' exists in this version"},
      {"user default on nopass ~k* +@all",
       "Error in user declaration '~k*': this version cannot restrict the user 'default'"},
      {"aclfile users.acl",
       "aclfile: only the user 'default' exists in this version; refusing to start without the "
       "rules of 'users.acl'"},
      {"sentinel monitor a b 1 1", "sentinel directive while not in sentinel mode"},
      {"replicaof localhost 70000", "Invalid master port"},
  };
  for (const auto& [line, error] : cases) {
    Config bad;
    EXPECT_EQ(last_line(Load(bad, line)), error) << line;
  }
}

TEST_F(ConfigTest, TheDefaultUserMayBeAsOpenAsItIs) {
  Config config;
  EXPECT_EQ(Load(config, "requirepass abc\nuser default on #0123 sanitize-payload ~* &* +@all\n"),
            "");
  EXPECT_EQ(config.values().requirepass, "abc");
  EXPECT_EQ(Load(config, "user default on >xyz ~* &* +@all"), "");
  EXPECT_EQ(config.values().requirepass, "xyz");
  Config hash_only;
  EXPECT_NE(Load(hash_only, "user default on #0123 ~* &* +@all\n"), "");
}

TEST_F(ConfigTest, IncludesAreReadInPlace) {
  Write("a.conf", "timeout 1\nmaxclients 5\n");
  Write("d1.conf", "hz 11\n");
  Write("d2.conf", "lfu-decay-time 12");
  Config config;
  EXPECT_EQ(Load(config,
                 "timeout 9\ninclude a.conf\nmaxclients 6\ninclude d?.conf\ninclude none*.conf\n"),
            "");
  EXPECT_EQ(Get(config, "timeout"), "1");
  EXPECT_EQ(Get(config, "maxclients"), "6");
  EXPECT_EQ(Get(config, "hz"), "11");
  EXPECT_EQ(Get(config, "lfu-decay-time"), "12");
  EXPECT_EQ(Load(config, "include gone.conf\n"),
            "Fatal error, can't open config file 'gone.conf': No such file or directory");
  Write("self.conf", "include self.conf\n");
  EXPECT_NE(Load(config, "include self.conf\n").find("Too many levels of include"),
            std::string::npos);
}

TEST_F(ConfigTest, OptionsAreLinesBehindTheFile) {
  const auto text = [](std::vector<std::string> args) {
    bool from_stdin = false;
    const std::string lines = OptionsToText(args, &from_stdin);
    return lines + (from_stdin ? "[stdin]" : "");
  };
  EXPECT_EQ(text({"--port", "6380", "--appendonly", "yes"}), "port \"6380\" \nappendonly \"yes\" ");
  EXPECT_EQ(text({"--save", "--port", "1"}), "save \"\"\nport \"1\" ");
  EXPECT_EQ(text({"--port", "1", "--save"}), "port \"1\" \nsave \"\"");
  EXPECT_EQ(text({"--save", ""}), "save \"\" ");
  EXPECT_EQ(text({"--requirepass", "--secret", "--port", "1"}),
            "requirepass \"--secret\" \nport \"1\" ");
  EXPECT_EQ(text({"--port 7", "--hz", "3"}), "port 7 \nhz \"3\" ");
  EXPECT_EQ(text({"-", "--port", "1"}), "port \"1\" [stdin]");
  EXPECT_EQ(text({"--port", "1", "-"}), "port \"1\" [stdin]");

  const std::string path = Write("redis.conf", "port 6400\ntimeout 5\nsave 900 1\n");
  Config config;
  ASSERT_TRUE(config
                  .LoadArguments(std::vector<std::string>{"redis.conf", "--port", "6401", "--bind",
                                                          "127.0.0.1", "-::1", "--save", ""})
                  .ok());
  EXPECT_EQ(config.file(), path);
  EXPECT_EQ(Get(config, "port"), "6401");
  EXPECT_EQ(Get(config, "timeout"), "5");
  EXPECT_EQ(Get(config, "bind"), "127.0.0.1 -::1");
  EXPECT_EQ(Get(config, "save"), "");
  Config missing;
  EXPECT_FALSE(missing.LoadArguments(std::vector<std::string>{"missing.conf"}).ok());
}

TEST_F(ConfigTest, RenamedCommandsAreKeptForTheCommandTable) {
  Config config;
  EXPECT_EQ(Load(config, "rename-command CONFIG \"\"\nrename-command FLUSHALL wipe\n"), "");
  ASSERT_EQ(config.renamed_commands().size(), 2u);
  EXPECT_EQ(config.renamed_commands()[0].to, "");
  EXPECT_EQ(config.renamed_commands()[1].from, "FLUSHALL");
}

TEST_F(ConfigTest, OneWarningForEachDirectiveWithoutEffect) {
  Config config;
  EXPECT_EQ(
      Load(config, "io-threads 4\nmasterauth secret\nactivedefrag no\nlazyfree-lazy-expire yes\n"),
      "");
  const std::vector<std::string> warnings = config.Warnings();
  ASSERT_EQ(warnings.size(), 2u);
  EXPECT_NE(warnings[0].find("'io-threads' is set to '4' but has no effect: "), std::string::npos);
  EXPECT_EQ(warnings[1].find("secret"), std::string::npos) << "secrets do not go to the log";
}

TEST_F(ConfigTest, GetTakesSeveralGlobsAndAliases) {
  const Config config;
  const auto names = [&](Views patterns) {
    std::string out;
    for (const auto& [name, value] : config.Get(patterns)) out += name + " ";
    return out;
  };
  EXPECT_EQ(names({"maxmemory*", "TIMEOUT", "timeout", "nothing"}),
            "maxmemory-clients maxmemory maxmemory-policy maxmemory-samples "
            "maxmemory-eviction-tenacity TIMEOUT ");
  EXPECT_EQ(names({"*-to-write"}), "min-replicas-to-write min-slaves-to-write ");
  EXPECT_EQ(names({"slave-read-only"}), "slave-read-only ");
  EXPECT_EQ(names({"key-load-delay"}), "key-load-delay ");
  EXPECT_EQ(names({"key-load-dela?"}), "");
}

TEST_F(ConfigTest, SetIsAllOrNothing) {
  Config config;
  FakeApplier applier;
  config.SetApplier(&applier);
  EXPECT_EQ(Set(config, {"timeout", "7", "maxclients", "50", "port", "7001"}), "OK");
  EXPECT_EQ(applier.actions, (std::vector{ApplyAction::kMaxClients, ApplyAction::kListen}));
  EXPECT_EQ(Get(config, "timeout"), "7");

  EXPECT_EQ(Set(config, {"timeout", "8", "maxclients", "0"}),
            "ERR CONFIG SET failed (possibly related to argument 'maxclients') - argument must be "
            "between 1 and "
            "4294967295 inclusive");
  EXPECT_EQ(Get(config, "timeout"), "7");

  applier.actions.clear();
  applier.ports.clear();
  applier.failing = ApplyAction::kListen;
  EXPECT_EQ(Set(config, {"hz", "20", "port", "7002"}),
            "ERR CONFIG SET failed (possibly related to argument 'port') - Unable to listen on "
            "this port. Check "
            "server logs.");
  EXPECT_EQ(Get(config, "hz"), "10");
  EXPECT_EQ(Get(config, "port"), "7001");
  EXPECT_EQ(applier.actions, (std::vector{ApplyAction::kCron, ApplyAction::kListen,
                                          ApplyAction::kCron, ApplyAction::kListen}));
  EXPECT_EQ(applier.ports, (std::vector<int64_t>{7002, 7002, 7001, 7001}));
}

TEST_F(ConfigTest, AValueThatIsInForceIsNotAppliedAgain) {
  Config config;
  FakeApplier applier;
  config.SetApplier(&applier);
  EXPECT_EQ(
      Set(config, {"port", "6379", "appendfsync", "everysec", "maxmemory", "0", "bind", "* -::*"}),
      "OK");
  EXPECT_TRUE(applier.actions.empty());
  EXPECT_EQ(Set(config, {"maxmemory", "1", "maxmemory-policy", "allkeys-lfu", "tiering", "no"}),
            "OK");
  EXPECT_EQ(applier.actions, std::vector{ApplyAction::kEngine});
}

TEST_F(ConfigTest, SetRefusesInRedisWords) {
  Config config;
  const std::string failed = "ERR CONFIG SET failed (possibly related to argument '";
  EXPECT_EQ(Set(config, {"timeout", "1", "nosuch", "2"}),
            "ERR Unknown option or number of arguments for CONFIG SET - 'nosuch'");
  EXPECT_EQ(Set(config, {"daemonize", "yes"}), failed + "daemonize') - can't set immutable config");
  EXPECT_EQ(Set(config, {"Timeout", "1", "tImeout", "2"}),
            failed + "tImeout') - duplicate parameter");
  EXPECT_EQ(Set(config, {"TIMEOUT", "x"}),
            failed + "timeout') - argument couldn't be parsed into an integer");
  EXPECT_EQ(Set(config, {"slave-read-only", "yes", "replica-read-only", "no"}), "OK");
  EXPECT_EQ(Set(config, {"dbfilename", "x.rdb"}),
            failed + "dbfilename') - can't set protected config");
  EXPECT_EQ(Set(config, {"appendonly", "no"}, {.loading = true}),
            "LOADING Redis is loading the dataset in memory");
  EXPECT_EQ(Set(config, {"save", "900  1"}), failed + "save') - Invalid save parameters");
  EXPECT_EQ(Set(config, {"save", "900 1"}), "OK");
  EXPECT_EQ(Set(config, {"save", "60 5"}), "OK");
  EXPECT_EQ(Get(config, "save"), "60 5");
  EXPECT_EQ(config.TakeSetWarnings().size(), 3u) << "replica-read-only and twice save";
  EXPECT_TRUE(config.TakeSetWarnings().empty());
}

TEST_F(ConfigTest, ProtectedDirectivesFollowEnableProtectedConfigs) {
  Config config;
  ASSERT_EQ(Load(config, "enable-protected-configs local\n"), "");
  EXPECT_NE(Set(config, {"dbfilename", "x.rdb"}), "OK");
  EXPECT_EQ(Set(config, {"dbfilename", "x.rdb"}, {.local = true}), "OK");
  EXPECT_EQ(Set(config, {"dir", "."}, {.local = true}), "OK");
  std::filesystem::create_directory("elsewhere");
  EXPECT_EQ(Set(config, {"dir", "elsewhere"}, {.local = true}),
            "ERR CONFIG SET failed (possibly related to argument 'dir') - the data directory is in "
            "use and cannot "
            "be changed while the server runs");
  EXPECT_EQ(std::filesystem::current_path(), dir_);
}

TEST_F(ConfigTest, RewriteKeepsCommentsAndOrder) {
  const std::string path =
      Write("redis.conf",
            "# first\n  port 7000\n\nslave-read-only yes\n# about saving\nsave 900 1\nsave 300 "
            "10\nrename-command FLUSHALL \"\"\ninclude empty.conf\nMAXMEMORY 5kb\ntimeout 3\n");
  Write("empty.conf", "");
  chmod(path.c_str(), 0600);
  Config config;
  ASSERT_TRUE(config.LoadArguments(std::vector<std::string>{path}).ok());
  ASSERT_EQ(Set(config, {"save", "60 1", "maxmemory", "2097152", "requirepass", "a\"b",
                         "replica-read-only", "no"}),
            "OK");
  ASSERT_TRUE(config.Rewrite().ok());
  const std::string expected =
      "# first\nport 7000\n\nreplica-read-only no\n# about saving\nsave 60 1\n\nrename-command "
      "FLUSHALL \"\"\ninclude "
      "empty.conf\nmaxmemory 2mb\ntimeout 3\n# Generated by CONFIG REWRITE\nrequirepass "
      "\"a\\\"b\"\ndir \"" +
      dir_.string() + "\"\nlatency-tracking-info-percentiles 50 99 99.9\n";
  EXPECT_EQ(Read(path), expected);
  struct stat info;
  ASSERT_EQ(stat(path.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600u);

  // Again: nothing more is added; and the file means what was in force.
  ASSERT_TRUE(config.Rewrite().ok());
  EXPECT_EQ(Read(path), expected);
  Config again;
  ASSERT_TRUE(again.LoadArguments(std::vector<std::string>{path}).ok());
  EXPECT_EQ(again.Get(Views{"*"}), config.Get(Views{"*"}));
}

TEST_F(ConfigTest, RewriteBringsEveryValueBack) {
  const std::string path = Write("redis.conf", "");
  Config config;
  ASSERT_TRUE(config.LoadArguments(std::vector<std::string>{path}).ok());
  for (const ConfigRow& row : ConfigTable()) {
    const std::string old = FormatConfig(row, config.values());
    std::vector<std::string> words;
    switch (row.kind) {
      case ConfigRow::Kind::kBool:
        words = {old == "yes" ? "no" : "yes"};
        break;
      case ConfigRow::Kind::kText:
        words = {row.name.find("dirname") != row.name.npos ? "x"
                 : row.name == "logfile"                   ? "log"
                                                           : "x y\t\"\\z"};
        if (row.valid_text != nullptr) words = {"a"};
        break;
      case ConfigRow::Kind::kEnum:
      case ConfigRow::Kind::kFlags:
        words = {std::string(row.names[old == row.names[0].name ? 1 : 0].name)};
        break;
      case ConfigRow::Kind::kNumber:
      case ConfigRow::Kind::kUnsigned:
        if (row.format == NumberFormat::kOctal) {
          words = {"770"};
        } else {
          words = {std::to_string(row.default_number +
                                  (row.max > static_cast<uint64_t>(row.default_number) ? 1 : -1))};
        }
        break;
      case ConfigRow::Kind::kSpecial:
        continue;
    }
    std::string error;
    if (row.name == "aclfile") continue;
    EXPECT_NE(ParseConfig(row, words, false, &config.mutable_values(), &error), ConfigParse::kError)
        << row.name << ": " << error;
    EXPECT_NE(FormatConfig(row, config.values()), old) << row.name;
  }
  ASSERT_EQ(Set(config, {"bind", "127.0.0.1", "save", "", "client-output-buffer-limit",
                         "pubsub 1kb 2 3", "oom-score-adj-values", "1 2 3",
                         "notify-keyspace-events", "KEA", "latency-tracking-info-percentiles", ""}),
            "OK");
  ASSERT_TRUE(config.Rewrite().ok());
  Config again;
  const codec::Status loaded = again.LoadArguments(std::vector<std::string>{path});
  ASSERT_TRUE(loaded.ok()) << loaded.message();
  EXPECT_EQ(again.Get(Views{"*"}), config.Get(Views{"*"}));
}

TEST_F(ConfigTest, RewriteMarksWhatNobodyKnows) {
  const std::string path = Write("redis.conf", "port 1\n");
  Config config;
  ASSERT_TRUE(config.LoadArguments(std::vector<std::string>{path}).ok());
  Write("redis.conf", "port 1\nfoo bar\n# Generated by CONFIG REWRITE\n");
  ASSERT_TRUE(config.Rewrite().ok());
  EXPECT_EQ(Read(path).substr(0, 62),
            "port 1\n# ??? foo bar\n# Generated by CONFIG REWRITE\ndir \"" +
                dir_.string().substr(0, 62 - 56));
}

TEST_F(ConfigTest, RewriteNeedsAFileItCanReplace) {
  Config none;
  EXPECT_EQ(none.Rewrite().message(), "ERR The server is running without a config file");
  const std::string path = Write("redis.conf", "port 1\n");
  Config config;
  ASSERT_TRUE(config.LoadArguments(std::vector<std::string>{path}).ok());
  std::filesystem::remove(path);
  std::filesystem::create_directory(path);
  EXPECT_FALSE(config.Rewrite().ok());
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(dir_), {}), 1)
      << "no temporary file is left";
}

TEST_F(ConfigTest, SecretsAreKnown) {
  EXPECT_TRUE(Config::IsSensitive("RequirePass"));
  EXPECT_TRUE(Config::IsSensitive("masterauth"));
  EXPECT_FALSE(Config::IsSensitive("port"));
  EXPECT_FALSE(Config::IsSensitive("nosuch"));
}

}  // namespace
}  // namespace thermocline::server
