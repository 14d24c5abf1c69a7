// MULTI, EXEC, WATCH: all or nothing, and [R4]: every kind of change marks the watchers.
#include "server/transaction.h"

#include <gtest/gtest.h>

#include "codec/resp/writer.h"
#include "engine/env/clock.h"
#include "server/testing/test_server.h"

namespace thermocline::server {
namespace {

using Argv = std::initializer_list<std::string_view>;

class ManualClock final : public engine::Clock {
 public:
  int64_t WallMs() override { return now_ms; }
  int64_t MonotonicUs() override { return now_ms * 1000; }
  int64_t now_ms = 1'700'000'000'000;
};

TEST(Transaction, QueuesAndRunsTogether) {
  TestServer server;
  EXPECT_EQ(server.Run({"MULTI"}), "+OK\r\n");
  EXPECT_EQ(server.Run({"SET", "k", "1"}), "+QUEUED\r\n");
  EXPECT_EQ(server.Run({"INCR", "k"}), "+QUEUED\r\n");
  EXPECT_EQ(server.Run({"EXEC"}), "*2\r\n+OK\r\n:2\r\n");
  EXPECT_EQ(server.Run({"EXEC"}), "-ERR EXEC without MULTI\r\n");
  EXPECT_EQ(server.Run({"DISCARD"}), "-ERR DISCARD without MULTI\r\n");
  EXPECT_EQ(server.Run({"MULTI"}), "+OK\r\n");
  EXPECT_EQ(server.Run({"EXEC"}), "*0\r\n");
}

TEST(Transaction, ErrorWhileQueueingAborts) {
  TestServer server;
  server.Run({"MULTI"});
  EXPECT_EQ(server.Run({"SET", "k"}), "-ERR wrong number of arguments for 'set' command\r\n");
  EXPECT_EQ(server.Run({"SET", "k", "1"}), "+QUEUED\r\n");
  EXPECT_EQ(server.Run({"EXEC"}),
            "-EXECABORT Transaction discarded because of previous errors.\r\n");
  EXPECT_EQ(server.Run({"GET", "k"}), "$-1\r\n");
  server.Run({"MULTI"});
  EXPECT_EQ(server.Run({"EXEC", "x"}),
            "-EXECABORT Transaction discarded because of: wrong number of arguments for 'exec' "
            "command\r\n");
  EXPECT_EQ(server.Run({"EXEC"}), "-ERR EXEC without MULTI\r\n");
}

TEST(Transaction, MistakesInsideDoNotAbort) {
  TestServer server;
  server.Run({"MULTI"});
  EXPECT_EQ(server.Run({"MULTI"}), "-ERR MULTI calls can not be nested\r\n");
  EXPECT_EQ(server.Run({"WATCH", "k"}), "-ERR WATCH inside MULTI is not allowed\r\n");
  server.Run({"SET", "k", "x"});
  server.Run({"INCR", "k"});
  server.Run({"APPEND", "k", "y"});
  EXPECT_EQ(server.Run({"EXEC"}),
            "*3\r\n+OK\r\n-ERR value is not an integer or out of range\r\n:2\r\n");
}

TEST(Transaction, SelectInsideIsFollowedEvenWhenCold) {
  TestServer server({.config = {"--enable-debug-command", "yes"}});
  server.Run({"SELECT", "3"});
  server.Run({"SET", "k", "three"});
  server.Run({"SELECT", "0"});
  server.Run({"SET", "k", "zero"});
  server.Run({"DEBUG", "SPILL"});
  server.Run({"MULTI"});
  server.Run({"GET", "k"});
  server.Run({"SELECT", "3"});
  server.Run({"GET", "k"});
  server.Run({"SWAPDB", "3", "0"});
  server.Run({"GET", "k"});
  EXPECT_EQ(server.Run({"EXEC"}),
            "*5\r\n$4\r\nzero\r\n+OK\r\n$5\r\nthree\r\n+OK\r\n$4\r\nzero\r\n");
  EXPECT_EQ(server.Run({"GET", "k"}), "$4\r\nzero\r\n");
}

struct Change {
  const char* name;
  bool exists;  // the watched key "k" before WATCH
  Argv command;
  bool aborts;
};

TEST(Transaction, EveryKindOfChangeMarksTheWatcher) {
  const Change changes[] = {
      {"set", true, {"SET", "k", "2"}, true},
      {"set to the same", true, {"SET", "k", "1"}, true},
      {"create", false, {"SET", "k", "2"}, true},
      {"delete", true, {"DEL", "k"}, true},
      {"delete missing", false, {"DEL", "k"}, false},
      {"expire", true, {"EXPIRE", "k", "100"}, true},
      {"rename away", true, {"RENAME", "k", "j"}, true},
      {"rename onto", false, {"RENAME", "other", "k"}, true},
      {"move", true, {"MOVE", "k", "1"}, true},
      {"flushdb", true, {"FLUSHDB"}, true},
      {"flushdb missing", false, {"FLUSHDB"}, false},
      {"flushall", true, {"FLUSHALL"}, true},
      {"flushall missing", false, {"FLUSHALL"}, false},
      {"swapdb away", true, {"SWAPDB", "0", "5"}, true},
      {"swapdb missing", false, {"SWAPDB", "0", "5"}, false},
      {"swapdb towards", false, {"SWAPDB", "0", "7"}, true},
      {"swapdb of others", true, {"SWAPDB", "5", "7"}, false},
      {"another key", true, {"SET", "other", "2"}, false},
      {"read", true, {"GET", "k"}, false},
  };
  for (const Change& change : changes) {
    TestServer server;
    Client* a = server.Connect();
    Client* b = server.Connect();
    server.Run(b, {"SELECT", "7"});
    server.Run(b, {"SET", "k", "seven"});
    server.Run(b, {"SELECT", "0"});
    server.Run(b, {"SET", "other", "1"});
    if (change.exists) server.Run(b, {"SET", "k", "1"});
    EXPECT_EQ(server.Run(a, {"WATCH", "k"}), "+OK\r\n");
    server.Run(b, change.command);
    server.Run(a, {"MULTI"});
    server.Run(a, {"PING"});
    EXPECT_EQ(server.Run(a, {"EXEC"}), change.aborts ? "*-1\r\n" : "*1\r\n+PONG\r\n")
        << change.name;
    // EXEC unwatched everything.
    server.Run(b, {"SET", "k", "3"});
    server.Run(a, {"MULTI"});
    EXPECT_EQ(server.Run(a, {"EXEC"}), "*0\r\n") << change.name;
  }
}

TEST(Transaction, MissingSetDeletedIsAChange) {
  TestServer server;
  Client* a = server.Connect();
  Client* b = server.Connect();
  server.Run(a, {"WATCH", "k"});
  server.Run(b, {"SET", "k", "1"});
  server.Run(b, {"DEL", "k"});
  server.Run(a, {"MULTI"});
  EXPECT_EQ(server.Run(a, {"EXEC"}), "*-1\r\n");
}

TEST(Transaction, OwnChangeAfterWatchMarksToo) {
  TestServer server;
  server.Run({"WATCH", "k"});
  server.Run({"SET", "k", "1"});
  server.Run({"MULTI"});
  EXPECT_EQ(server.Run({"EXEC"}), "*-1\r\n");
}

TEST(Transaction, UnwatchAndDiscardForget) {
  for (const std::string_view how : {"UNWATCH", "DISCARD", "RESET"}) {
    TestServer server;
    Client* a = server.Connect();
    Client* b = server.Connect();
    server.Run(a, {"WATCH", "k"});
    if (how == "DISCARD") server.Run(a, {"MULTI"});
    server.Run(b, {"SET", "k", "1"});
    server.Run(a, {how});
    EXPECT_TRUE(server.server().watches().empty());
    server.Run(a, {"MULTI"});
    EXPECT_EQ(server.Run(a, {"EXEC"}), "*0\r\n") << how;
  }
}

TEST(Transaction, WatchedKeyThatExpiresAborts) {
  ManualClock clock;
  TestServer server({.clock = &clock});
  server.Run({"SET", "k", "1", "PX", "1000"});
  server.Run({"WATCH", "k"});
  clock.now_ms += 2000;
  server.Tick();
  server.Run({"MULTI"});
  EXPECT_EQ(server.Run({"EXEC"}), "*-1\r\n");
  // Expired before WATCH: it is missing, and stays so.
  server.Run({"SET", "k", "1", "PX", "1000"});
  clock.now_ms += 2000;
  server.Run({"WATCH", "k"});
  server.Run({"MULTI"});
  EXPECT_EQ(server.Run({"EXEC"}), "*0\r\n");
}

TEST(Transaction, RefusedExecForgetsTheWatches) {
  TestServer server;
  server.Run({"WATCH", "k"});
  server.Run({"SET", "k", "1"});
  EXPECT_EQ(server.Run({"EXEC", "x"}),
            "-EXECABORT Transaction discarded because of: wrong number of arguments for 'exec' "
            "command\r\n");
  EXPECT_TRUE(server.server().watches().empty());
  server.Run({"MULTI"});
  EXPECT_EQ(server.Run({"EXEC"}), "*0\r\n");
}

TEST(Transaction, ClientListShowsTheTransactionThatRuns) {
  TestServer server;
  server.Run({"MULTI"});
  server.Run({"CLIENT", "INFO"});
  server.Run({"PING"});
  const std::string reply = server.Run({"EXEC"});
  EXPECT_NE(reply.find(" flags=x "), std::string::npos) << reply;
  EXPECT_NE(reply.find(" multi=2 "), std::string::npos) << reply;
  EXPECT_NE(reply.find(" cmd=exec "), std::string::npos) << reply;
  EXPECT_NE(server.Run({"CLIENT", "INFO"}).find(" multi=-1 "), std::string::npos);
}

TEST(Transaction, NothingIsKeptOfOneThatFails) {
  TestServer server;
  Client* client = server.Connect();
  server.Run(client, {"MULTI"});
  server.Run(client, {"NOSUCH"});
  EXPECT_EQ(server.Run(client, {"SET", "k", "1"}), "+QUEUED\r\n");
  EXPECT_EQ(client->transaction.queue.size(), 0u);
}

TEST(Transaction, WatcherThatLeavesIsForgotten) {
  TestServer server;
  Client* a = server.Connect();
  server.Run(a, {"WATCH", "k"});
  server.server().CloseClient(a);
  server.Tick();
  EXPECT_TRUE(server.server().watches().empty());
  EXPECT_EQ(server.Run({"SET", "k", "1"}), "+OK\r\n");
}

TEST(Transaction, IsOneFrameOfTheLog) {
  TestServer server;
  const auto before = server.db().LogEnd();
  server.Run({"MULTI"});
  for (int i = 0; i < 10; ++i) server.Run({"SET", "k" + std::to_string(i), "v"});
  EXPECT_EQ(server.db().LogEnd(), before);
  server.Run({"EXEC"});
  EXPECT_GT(server.db().LogEnd(), before);
  server.Restart();
  EXPECT_EQ(server.Run({"DBSIZE"}), ":10\r\n");
}

}  // namespace
}  // namespace thermocline::server
