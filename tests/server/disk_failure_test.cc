// Replies and refusals while the log's disk fails: [G1], [G4].
//
// A failing disk is what makes the gates visible: without threads, a tick that succeeds makes
// everything durable before any reply leaves.

#include <gtest/gtest.h>

#include <memory>

#include "codec/resp/writer.h"
#include "engine/env/file_system.h"
#include "server/testing/test_server.h"
#include "tests/support/fake_clock.h"
#include "tests/support/journal_fs.h"

namespace thermocline::server {
namespace {

using testing::FaultKind;
using testing::FaultRule;
using testing::JournalFs;

constexpr std::string_view kRefused = "-MISCONF Errors writing to the AOF file: ";

class DiskFailureTest : public ::testing::TestWithParam<const char*> {
 protected:
  DiskFailureTest() {
    EXPECT_TRUE(engine::CreateDirDurably(fs_, "/data").ok());
    server_ = std::make_unique<TestServer>(
        TestServerOptions{.config = {"--appendfsync", GetParam(), "--enable-debug-command", "yes"},
                          .clock = &clock_,
                          .dir = "/data",
                          .tune = [this](engine::Options* options) {
                            options->fs = fs_;
                            options->log_segment_bytes = 64 << 10;
                            options->direct_io = false;
                            options->low_water_bytes = 0;
                          }});
  }
  bool always() const { return GetParam() == std::string_view("always"); }

  // Under `always` the sync fails behind a good write; under the others it is the write itself.
  void FailTheLog() {
    fs_->AddFault({.kinds = always() ? testing::kFaultSync
                                     : uint32_t{testing::kFaultWrite | testing::kFaultSync},
                   .path_part = "/log/",
                   .nth = 1,
                   .from_then_on = true});
  }
  void Feed(Client* client, std::initializer_list<std::string_view> argv) {
    std::string bytes;
    codec::AppendCommand(bytes, argv);
    server_->Feed(client, bytes);
  }
  // What leaves at once.
  std::string Ask(std::initializer_list<std::string_view> argv) {
    Client* client = server_->Connect();
    Feed(client, argv);
    server_->Tick();
    return server_->Take(client);
  }
  void Repair() {
    fs_->ClearFaults();
    for (int i = 0; i < 100 && !server_->db().WriteError().ok(); ++i) {
      clock_.AdvanceMs(50);
      server_->Tick();
    }
    ASSERT_TRUE(server_->db().WriteError().ok());
    server_->Tick();
  }

  std::shared_ptr<JournalFs> fs_ = std::make_shared<JournalFs>();
  testing::FakeClock clock_;
  std::unique_ptr<TestServer> server_;
};

// [G1] Whatever tells of a change waits until the change is kept; what is durable is answered.
TEST_P(DiskFailureTest, RepliesThatTellOfWhatIsNotKeptAreHeld) {
  TestServer& server = *server_;
  server.Run({"SET", "durable", "1"});
  server.Run({"SET", "doomed", "1"});
  server.Run({"SET", "watched", "1"});
  server.Run({"DEBUG", "CHECKPOINT"});  // durable under every policy
  Client* watcher = server.Connect();
  server.Run(watcher, {"WATCH", "watched"});
  server.Run(watcher, {"MULTI"});
  FailTheLog();
  Client* writer = server.Connect();
  Feed(writer, {"SET", "k", "new"});
  Feed(writer, {"DEL", "doomed"});
  Feed(writer, {"SET", "watched", "2"});
  Feed(writer, {"GET", "durable"});
  server.Tick();
  EXPECT_EQ(server.Take(writer), "");

  // Reads of durable data go on; Redis refuses PING, too.
  EXPECT_EQ(Ask({"GET", "durable"}), "$1\r\n1\r\n");
  EXPECT_EQ(Ask({"ECHO", "x"}), "$1\r\nx\r\n");
  EXPECT_EQ(Ask({"PING"}).substr(0, kRefused.size()), kRefused);
  // Writes are refused before they run.
  const engine::Lsn end = server.db().LogEnd();
  EXPECT_EQ(Ask({"SET", "durable", "2"}).substr(0, kRefused.size()), kRefused);
  EXPECT_EQ(Ask({"DEL", "durable"}).substr(0, kRefused.size()), kRefused);
  EXPECT_EQ(Ask({"GET", "durable"}), "$1\r\n1\r\n");
  EXPECT_EQ(server.db().LogEnd(), end);

  struct Held {
    std::initializer_list<std::string_view> argv;
    std::string_view reply;
  };
  const Held held[] = {
      {{"GET", "k"}, "$3\r\nnew\r\n"},
      {{"EXISTS", "k"}, ":1\r\n"},
      {{"GET", "doomed"}, "$-1\r\n"},
      {{"EXISTS", "doomed"}, ":0\r\n"},
      {{"MGET", "durable", "k"}, "*2\r\n$1\r\n1\r\n$3\r\nnew\r\n"},
      {{"DBSIZE"}, ":3\r\n"},
      {{"KEYS", "wat*"}, "*1\r\n$7\r\nwatched\r\n"},
      {{"SCAN", "0", "MATCH", "wat*", "COUNT", "1000"}, "*2\r\n$1\r\n0\r\n*1\r\n$7\r\nwatched\r\n"},
  };
  std::vector<Client*> readers;
  for (const Held& one : held) {
    readers.push_back(server.Connect());
    Feed(readers.back(), one.argv);
  }
  Client* random = server.Connect();
  Feed(random, {"RANDOMKEY"});
  Feed(watcher, {"EXEC"});
  // Behind a reply that waits even an error waits: a client's replies keep their order.
  Feed(writer, {"SET", "k", "refused"});
  for (int i = 0; i < 5; ++i) server.Tick();
  for (size_t i = 0; i < readers.size(); ++i) {
    EXPECT_EQ(server.Take(readers[i]), "") << held[i].argv.begin()[0];
  }
  EXPECT_EQ(server.Take(random), "");
  EXPECT_EQ(server.Take(watcher), "") << "that EXEC was aborted tells of the change";
  EXPECT_EQ(server.Take(writer), "");

  Repair();
  for (size_t i = 0; i < readers.size(); ++i) {
    EXPECT_EQ(server.Take(readers[i]), held[i].reply) << held[i].argv.begin()[0];
  }
  EXPECT_NE(server.Take(random), "");
  EXPECT_EQ(server.Take(watcher), "*-1\r\n");
  const std::string written = server.Take(writer);
  const std::string_view kept = "+OK\r\n:1\r\n+OK\r\n$1\r\n1\r\n-MISCONF ";
  EXPECT_EQ(written.substr(0, kept.size()), kept);
  EXPECT_EQ(server.Run({"SET", "k", "after"}), "+OK\r\n");
  server.Restart();
  EXPECT_EQ(server.Run({"MGET", "durable", "doomed", "watched", "k"}),
            "*4\r\n$1\r\n1\r\n$-1\r\n$1\r\n2\r\n$5\r\nafter\r\n");
}

// [G4] A client that leaves while its reply is held takes nothing with it.
TEST_P(DiskFailureTest, WhatWasNotAnsweredIsStillWrittenWhenTheDiskIsBack) {
  TestServer& server = *server_;
  FailTheLog();
  Client* gone = server.Connect();
  Feed(gone, {"SET", "k", "v"});
  server.Tick();
  EXPECT_EQ(server.Take(gone), "");
  server.server().CloseClient(gone);
  server.Tick();
  Repair();
  EXPECT_EQ(server.Run({"GET", "k"}), "$1\r\nv\r\n");
  server.Restart();
  EXPECT_EQ(server.Run({"GET", "k"}), "$1\r\nv\r\n");
}

// A command that waits for a cold key when the disk fails is asked again, and refused: it has not
// run.
TEST_P(DiskFailureTest, AParkedWriteIsRefusedWhenTheDiskFailedMeanwhile) {
  TestServer& server = *server_;
  server.Run({"SET", "cold", "1"});
  server.Run({"DEBUG", "SPILL"});
  Client* parked = server.Connect();
  Client* writer = server.Connect();
  FailTheLog();
  Feed(parked, {"APPEND", "cold", "2"});
  ASSERT_TRUE(parked->is_parked());
  Feed(writer, {"SET", "k", "v"});
  for (int i = 0; i < 5; ++i) server.Tick();
  EXPECT_EQ(server.Take(parked).substr(0, kRefused.size()), kRefused);
  EXPECT_FALSE(parked->holds_pins);
  Repair();
  EXPECT_EQ(server.Run({"GET", "cold"}), "$1\r\n1\r\n");
  EXPECT_EQ(server.Take(writer), "+OK\r\n");
}

// Memory is full and the cold tier cannot take anything: that is a failing disk, not a full memory.
// The log is still written, so what frees memory runs.
TEST_P(DiskFailureTest, GrowthIsRefusedWithTheReasonWhenTheColdTierFails) {
  TestServer& server = *server_;
  server.Run({"CONFIG", "SET", "maxmemory", "1mb"});
  fs_->AddFault(
      {.kinds = testing::kFaultMutations, .path_part = "/cold/", .nth = 1, .from_then_on = true});
  const std::string value(8000, 'v');
  Client* filler = server.Connect();
  for (int i = 0; i < 200; ++i) Feed(filler, {"SET", "fill" + std::to_string(i), value});
  server.Settle();
  const std::string filled = server.Take(filler);
  EXPECT_EQ(filled.substr(0, 5), "+OK\r\n");
  EXPECT_EQ(filled.find("-OOM"), std::string::npos);
  const size_t refused = filled.find(kRefused);
  ASSERT_NE(refused, std::string::npos);
  EXPECT_NE(filled.find("injected", refused), std::string::npos) << filled.substr(refused, 200);
  Client* client = server.Connect();
  server.Run(client, {"MULTI"});
  EXPECT_EQ(server.Run(client, {"SET", "k", "v"}).substr(0, kRefused.size()), kRefused);
  EXPECT_EQ(server.Run({"DEL", "fill0"}), ":1\r\n");

  Repair();
  EXPECT_EQ(server.Run({"SET", "k", "v"}), "+OK\r\n");
  server.Restart();
  EXPECT_EQ(server.Run({"MGET", "fill0", "k"}), "*2\r\n$-1\r\n$1\r\nv\r\n");
}

INSTANTIATE_TEST_SUITE_P(Policies, DiskFailureTest, ::testing::Values("always", "everysec", "no"),
                         [](const auto& info) { return std::string(info.param); });

}  // namespace
}  // namespace thermocline::server
