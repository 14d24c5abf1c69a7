// Commands that wait: [R1], [R2], [R3] as clients see them.

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "codec/resp/writer.h"
#include "server/testing/test_server.h"

namespace thermocline::server {
namespace {

std::string Bytes(std::initializer_list<std::string_view> argv) {
  std::string bytes;
  codec::AppendCommand(bytes, argv);
  return bytes;
}

// Writes down the order in which keys change, in place of the server.
class Changes final : public engine::DatabaseListener {
 public:
  void OnKeyChanged(int, std::string_view key) override { keys.emplace_back(key); }
  void OnDatabasesChanged(int, int) override {}
  void OnKeyCreated(int, std::string_view) override {}
  void OnKeyMissed(int, std::string_view) override {}
  void OnExpired(int, std::string_view) override {}
  void OnEvicted(int, std::string_view) override {}
  std::vector<std::string> keys;
};

TestServerOptions Debugged() { return {.config = {"--enable-debug-command", "yes"}}; }

// ---- [R1] ----

TEST(Parking, R1_NothingLaterOfAParkedClientRuns) {
  TestServer server(Debugged());
  server.Run({"SET", "cold", "1"});
  server.Run({"DEBUG", "SPILL"});
  Client* parked = server.Connect();
  Client* other = server.Connect();
  server.Feed(parked, Bytes({"APPEND", "cold", "2"}) + Bytes({"SET", "hot", "late"}));
  server.Feed(parked, Bytes({"SET", "hot", "later"}));
  ASSERT_TRUE(parked->is_parked());
  server.Feed(other, Bytes({"SET", "hot", "early"}) + Bytes({"GET", "hot"}));
  server.Settle();
  EXPECT_EQ(server.Take(other), "+OK\r\n$5\r\nearly\r\n");
  EXPECT_EQ(server.Take(parked), ":2\r\n+OK\r\n+OK\r\n");
  EXPECT_EQ(server.Run({"GET", "hot"}), "$5\r\nlater\r\n");
}

TEST(Parking, R1_OnResumeTheWorldIsLookedAtAgain) {
  struct Case {
    const char* name;
    std::initializer_list<std::string_view> parked;
    std::initializer_list<std::string_view> meanwhile;
    std::string_view reply;
    bool at_once = false;  // what happens meanwhile needs no cold key itself
  };
  const Case cases[] = {
      {"deleted", {"GET", "cold"}, {"DEL", "cold"}, "$-1\r\n"},
      {"overwritten", {"GET", "cold"}, {"SET", "cold", "other"}, "$5\r\nother\r\n"},
      {"renamed", {"APPEND", "cold", "x"}, {"RENAME", "cold", "elsewhere"}, ":1\r\n"},
      {"expired", {"INCR", "cold"}, {"PEXPIREAT", "cold", "1"}, ":1\r\n"},
      {"flushed", {"GETSET", "cold", "x"}, {"FLUSHALL"}, "$-1\r\n", true},
      {"swapped away", {"GET", "cold"}, {"SWAPDB", "0", "1"}, "$-1\r\n", true},
      {"no number any more",
       {"INCR", "cold"},
       {"SET", "cold", "x"},
       "-ERR value is not an integer or out of range\r\n"},
      {"there now", {"SETNX", "cold", "x"}, {"PERSIST", "cold"}, ":0\r\n"},
  };
  for (const Case& one : cases) {
    SCOPED_TRACE(one.name);
    TestServer server(Debugged());
    server.Run({"SET", "cold", "41"});
    server.Run({"DEBUG", "SPILL"});
    Client* parked = server.Connect();
    Client* other = server.Connect();
    // Who needs the cold key itself has to ask first, so that it goes on first.
    if (!one.at_once) server.Feed(other, Bytes(one.meanwhile));
    server.Feed(parked, Bytes(one.parked));
    if (one.at_once) server.Feed(other, Bytes(one.meanwhile));
    ASSERT_TRUE(parked->is_parked());
    server.Settle();
    EXPECT_EQ(server.Take(parked), one.reply);
  }
}

TEST(Parking, R1_APauseThatBeganMeanwhileHoldsWhatGoesOn) {
  TestServer server(Debugged());
  server.Run({"SET", "cold", "1"});
  server.Run({"DEBUG", "SPILL"});
  Client* parked = server.Connect();
  server.Feed(parked, Bytes({"APPEND", "cold", "2"}));
  ASSERT_TRUE(parked->is_parked());
  server.Feed(server.Connect(), Bytes({"CLIENT", "PAUSE", "100000", "WRITE"}));
  for (int i = 0; i < 5; ++i) server.Tick();
  EXPECT_EQ(server.Take(parked), "");
  EXPECT_EQ(parked->parked.reason, ParkReason::kPause);
  server.Run({"CLIENT", "UNPAUSE"});
  EXPECT_EQ(server.Take(parked), ":2\r\n");
}

// ---- [R2], [R3] ----

class ShortOfMemoryTest : public ::testing::Test {
 protected:
  ShortOfMemoryTest()
      : server_({.config = {"--enable-debug-command", "yes", "--maxmemory", "1mb"}}) {}

  // Half a megabyte is what the smallest budget leaves for values: this client is parked then, with
  // much of its input to come.
  Client* Fill() {
    Client* filler = server_.Connect();
    std::string bytes;
    for (int i = 0; i < 200; ++i)
      bytes += Bytes({"SET", "fill" + std::to_string(i), std::string(8000, 'f')});
    server_.Feed(filler, bytes);
    EXPECT_EQ(filler->parked.reason, ParkReason::kMemory);
    return filler;
  }

  TestServer server_;
};

TEST_F(ShortOfMemoryTest, R3_GrowthWaitsInArrivalOrderAndTheRestGoesOn) {
  server_.Run({"SET", "small", "v"});
  Changes changes;
  server_.db().SetListener(&changes);
  server_.db().SetWatching(true);
  Client* filler = Fill();
  std::vector<Client*> growing;
  const auto grow = [&] {
    growing.push_back(server_.Connect());
    const std::string number = std::to_string(growing.size() + 100);
    server_.Feed(growing.back(), Bytes({"SET", "new" + number, "v"}));
  };
  for (int i = 0; i < 4; ++i) {
    grow();
    EXPECT_EQ(growing.back()->parked.reason, ParkReason::kMemory);
  }
  Client* other = server_.Connect();
  server_.Feed(other, Bytes({"GET", "small"}) + Bytes({"DEL", "small"}) + Bytes({"GET", "small"}));
  EXPECT_FALSE(other->is_parked());
  // Some come when there is room again, but the others have not gone on yet.
  for (int i = 0; i < 20; ++i) {
    server_.Tick();
    grow();
  }
  server_.Settle();
  EXPECT_EQ(server_.Take(other), "$1\r\nv\r\n:1\r\n$-1\r\n");
  for (const Client* client : growing) EXPECT_EQ(server_.Take(client), "+OK\r\n");
  std::string expected;
  for (int i = 0; i < 200; ++i) expected += "+OK\r\n";
  EXPECT_EQ(server_.Take(filler), expected);
  std::vector<std::string> order;
  for (const std::string& key : changes.keys) {
    if (key.substr(0, 3) == "new") order.push_back(key);
  }
  EXPECT_EQ(order.size(), growing.size());
  EXPECT_TRUE(std::is_sorted(order.begin(), order.end())) << ::testing::PrintToString(order);
  server_.db().SetListener(&server_.server());
}

TEST_F(ShortOfMemoryTest, R2_AValueLargerThanTheBudgetCanStillGrow) {
  const std::string large(3 << 20, 'v');
  EXPECT_EQ(server_.Run({"SET", "large", large}), "+OK\r\n");
  server_.Run({"DEBUG", "SPILL"});
  EXPECT_EQ(server_.Run({"APPEND", "large", "tail"}),
            ":" + std::to_string(large.size() + 4) + "\r\n");
  EXPECT_EQ(server_.Run({"SET", "small", "v"}), "+OK\r\n");
  EXPECT_EQ(server_.Run({"STRLEN", "large"}), ":" + std::to_string(large.size() + 4) + "\r\n");
}

TEST_F(ShortOfMemoryTest, WhoLeavesWhileParkedHoldsNobodyUp) {
  Client* filler = Fill();
  Client* other = server_.Connect();
  server_.Feed(other, Bytes({"SET", "new", "v"}));
  ASSERT_TRUE(other->is_parked());
  server_.server().CloseClient(filler);
  server_.Settle();
  EXPECT_EQ(server_.Take(other), "+OK\r\n");
  EXPECT_EQ(server_.Run({"GET", "new"}), "$1\r\nv\r\n");
}

}  // namespace
}  // namespace thermocline::server
