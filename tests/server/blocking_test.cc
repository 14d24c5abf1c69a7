// Blocked clients without sockets: what redis-server cannot be asked. Serving keys that are cold
// ([R5]), putting back what a client that is gone did not get ([G2]), timers. Who is served when is
// compared with redis-server in tests/integration/test_blocking.py.
#include "server/blocking.h"

#include <gtest/gtest.h>

#include <chrono>
#include <thread>
#include <vector>

#include "server/testing/test_server.h"

namespace thermocline::server {
namespace {

constexpr std::string_view kServed = "*2\r\n$1\r\nk\r\n$1\r\n1\r\n";

// Until nobody is blocked; cold reads are done by other threads.
void WaitUntilServed(TestServer& server) {
  server.Settle();
  for (int i = 0; i < 10'000 && server.server().stats().blocked_clients > 0; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
    server.Settle();
  }
}

TEST(Blocking, AClientWaitsUntilSomethingIsThere) {
  TestServer server;
  Client* a = server.Connect();
  EXPECT_EQ(server.Run(a, {"BLPOP", "k", "0"}), "");
  EXPECT_EQ(server.server().stats().blocked_clients, 1u);
  EXPECT_EQ(server.Run({"RPUSH", "k", "1"}), ":1\r\n");
  EXPECT_EQ(server.Take(a), kServed);
  EXPECT_EQ(server.server().stats().blocked_clients, 0u);
  EXPECT_TRUE(server.server().blocking().empty());
  EXPECT_EQ(server.Run({"EXISTS", "k"}), ":0\r\n");
}

TEST(Blocking, TheTimeEnds) {
  TestServer server;
  Client* a = server.Connect();
  server.Feed(a, "BLPOP k 0.001\r\nPING\r\n");
  while (server.server().stats().blocked_clients > 0) server.Tick();
  server.Settle();
  EXPECT_EQ(server.Take(a), "*-1\r\n+PONG\r\n");
  EXPECT_EQ(server.server().blocking().with_timeout(), 0u);
}

TEST(Blocking, TheLoopIsCalledWhenATimeEnds) {
  TestServer server;
  Client* a = server.Connect();
  server.Feed(a, "BLPOP k 0.02\r\n");
  EXPECT_LE(server.server().Tick(), 20);
}

TEST(Blocking, AfterManyTimeoutsTheLoopLetsRequestsGather) {
  TestServer server;
  std::vector<Client*> clients;
  for (int i = 0; i < 40; ++i) clients.push_back(server.Connect());
  for (Client* client : clients) server.Feed(client, "BLPOP k 0.05\r\n");
  server.Tick();
  EXPECT_EQ(server.server().wait_plan().pause_us, 0);
  std::this_thread::sleep_for(std::chrono::milliseconds(100));
  server.Tick();
  EXPECT_EQ(server.server().stats().blocked_clients, 0u);
  EXPECT_EQ(server.server().wait_plan().pause_us, PollWait::kWaitsUs);
  EXPECT_EQ(server.Run(clients[0], {"PING"}), "*-1\r\n+PONG\r\n");
  EXPECT_EQ(server.server().wait_plan().pause_us, 0);
}

// [R5]: the key that SWAPDB brought is cold; the waiters keep their order, and one who comes while
// the read is under way queues up behind them.
TEST(Blocking, WaitersKeepTheirOrderWhileTheKeyIsRead) {
  TestServer server({.config = {"--maxmemory", "32mb"}, .background = true});
  server.Run({"SELECT", "1"});
  server.Run({"RPUSH", "k", "1", "2", "3"});
  server.Run({"DEBUG", "SPILL"});
  server.Run({"SELECT", "0"});
  Client* a = server.Connect();
  Client* b = server.Connect();
  Client* late = server.Connect();
  server.Run(a, {"BLPOP", "k", "0"});
  server.Run(b, {"BLPOP", "k", "0"});
  Client* swapper = server.Connect();
  server.Feed(swapper, "SWAPDB 0 1\r\n");
  server.Feed(late, "BLPOP k 0\r\n");
  WaitUntilServed(server);
  EXPECT_EQ(server.Take(a), "*2\r\n$1\r\nk\r\n$1\r\n1\r\n");
  EXPECT_EQ(server.Take(b), "*2\r\n$1\r\nk\r\n$1\r\n2\r\n");
  EXPECT_EQ(server.Take(late), "*2\r\n$1\r\nk\r\n$1\r\n3\r\n");
}

TEST(Blocking, AMoveWaitsForItsColdDestination) {
  TestServer server({.config = {"--maxmemory", "32mb"}, .background = true});
  server.Run({"RPUSH", "d", "old"});
  server.Run({"DEBUG", "SPILL"});
  Client* a = server.Connect();
  Client* b = server.Connect();
  server.Feed(a, "BLMOVE k d LEFT RIGHT 0\r\n");
  server.Settle();
  server.Run({"DEBUG", "SPILL"});  // BLMOVE has read the destination
  server.Run(b, {"BLPOP", "k", "0"});
  server.Run({"RPUSH", "k", "1", "2"});
  WaitUntilServed(server);
  EXPECT_EQ(server.Take(a), "$1\r\n1\r\n");
  EXPECT_EQ(server.Take(b), "*2\r\n$1\r\nk\r\n$1\r\n2\r\n");
  EXPECT_EQ(server.Run({"LRANGE", "d", "0", "-1"}), "*2\r\n$3\r\nold\r\n$1\r\n1\r\n");
}

// [G2]: what was popped for a connection found closed before the reply was written goes back.
TEST(Blocking, WhatAClientThatIsGoneDidNotGetIsPutBack) {
  TestServer server;
  Client* gone = server.Connect();
  Client* next = server.Connect();
  server.Run({"RPUSH", "seed", "x"});
  server.Run(gone, {"BLMPOP", "0", "1", "k", "LEFT", "COUNT", "2"});
  FakePeer& peer = server.Peer(gone);  // outlives its client
  peer.broken = true;
  server.Run({"RPUSH", "k", "1", "2", "3"});
  server.Settle();
  EXPECT_TRUE(peer.closed);
  EXPECT_EQ(server.Run({"LRANGE", "k", "0", "-1"}), "*3\r\n$1\r\n1\r\n$1\r\n2\r\n$1\r\n3\r\n");
  // And to the tail, for the next who waits.
  server.Run({"DEL", "k"});
  Client* tail = server.Connect();
  server.Run(tail, {"BRPOP", "k", "0"});
  server.Run(next, {"BRPOP", "k", "0"});
  server.Peer(tail).broken = true;
  server.Run({"RPUSH", "k", "1"});
  server.Settle();
  EXPECT_EQ(server.Take(next), kServed);
  EXPECT_EQ(server.Run({"EXISTS", "k"}), ":0\r\n");
}

TEST(Blocking, APutBackIsLogged) {
  TestServer server({.config = {"--appendfsync", "always"}});
  Client* gone = server.Connect();
  server.Run(gone, {"BLPOP", "k", "0"});
  server.Peer(gone).broken = true;
  server.Run({"RPUSH", "k", "1", "2"});
  server.Settle();
  server.Restart();
  EXPECT_EQ(server.Run({"LRANGE", "k", "0", "-1"}), "*2\r\n$1\r\n1\r\n$1\r\n2\r\n");
}

TEST(Blocking, WhatWasWrittenStaysPopped) {
  TestServer server;
  Client* a = server.Connect();
  server.Run(a, {"BLPOP", "k", "0"});
  server.Run({"RPUSH", "k", "1"});
  EXPECT_EQ(server.Take(a), kServed);
  server.server().CloseClient(a);
  server.Settle();
  EXPECT_EQ(server.Run({"EXISTS", "k"}), ":0\r\n");
}

// [G2]: under `always` the reply of a served pop leaves behind the sync of its frame.
TEST(Blocking, AServedPopWaitsForItsFrame) {
  TestServer server({.config = {"--appendfsync", "always"}});
  Client* a = server.Connect();
  server.Run(a, {"BLPOP", "k", "0"});
  Client* pusher = server.Connect();
  server.Feed(pusher, "RPUSH k 1\r\n");
  EXPECT_EQ(server.Take(a), "");
  EXPECT_LT(server.db().DurableEnd(), server.db().LogEnd());
  server.Tick();
  EXPECT_EQ(server.Take(a), kServed);
  EXPECT_EQ(server.db().DurableEnd(), server.db().LogEnd());
}

TEST(Blocking, AClosedClientLeavesAllQueues) {
  TestServer server;
  Client* a = server.Connect();
  server.Run(a, {"BLPOP", "k1", "k2", "k1", "100"});
  server.server().CloseClient(a);
  EXPECT_TRUE(server.server().blocking().empty());
  EXPECT_EQ(server.server().blocking().with_timeout(), 0u);
  server.Tick();
  EXPECT_EQ(server.Run({"RPUSH", "k1", "1"}), ":1\r\n");
  EXPECT_EQ(server.Run({"LLEN", "k1"}), ":1\r\n");
}

}  // namespace
}  // namespace thermocline::server
