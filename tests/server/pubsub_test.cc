// Subscriptions and pushes without sockets: what reaches whom, what closing does, what waits for
// the log ([G2]). The replies themselves are compared with redis-server in tests/integration.
#include "server/pubsub.h"

#include <gtest/gtest.h>

#include "codec/resp/writer.h"
#include "server/testing/test_server.h"

namespace thermocline::server {
namespace {

std::string Message(std::string_view channel, std::string_view text) {
  std::string bytes;
  codec::AppendCommand(bytes, {"message", channel, text});
  return bytes;
}

TEST(PubSub, AMessageReachesEachSubscriberOnceInOrder) {
  TestServer server;
  Client* a = server.Connect();
  Client* b = server.Connect();
  server.Run(a, {"SUBSCRIBE", "c", "c"});
  server.Run(b, {"SUBSCRIBE", "c"});
  EXPECT_EQ(server.Run({"PUBLISH", "c", "1"}), ":2\r\n");
  EXPECT_EQ(server.Run({"PUBLISH", "c", "2"}), ":2\r\n");
  EXPECT_EQ(server.Take(a), Message("c", "1") + Message("c", "2"));
  EXPECT_EQ(server.Take(b), Message("c", "1") + Message("c", "2"));
}

TEST(PubSub, NothingStaysOfAClientThatIsGone) {
  TestServer server;
  Client* a = server.Connect();
  server.Run(a, {"SUBSCRIBE", "c", "d"});
  server.Run(a, {"PSUBSCRIBE", "c*"});
  server.Run(a, {"SSUBSCRIBE", "s"});
  server.server().CloseClient(a);
  server.Tick();
  EXPECT_EQ(server.Run({"PUBLISH", "c", "1"}), ":0\r\n");
  for (const Subscription kind :
       {Subscription::kChannel, Subscription::kPattern, Subscription::kShard}) {
    EXPECT_EQ(server.server().pubsub().count(kind), 0u);
  }
}

TEST(PubSub, PatternsThatAreLeftMatchNoMore) {
  TestServer server;
  Client* a = server.Connect();
  server.Run(a, {"PSUBSCRIBE", "a*", "b*"});
  server.Run(a, {"PUNSUBSCRIBE", "a*"});
  EXPECT_EQ(server.Run({"PUBLISH", "a1", "x"}), ":0\r\n");
  EXPECT_EQ(server.Run({"PUBLISH", "b1", "x"}), ":1\r\n");
}

TEST(PubSub, ASubscriberOverItsLimitIsClosedAndTheOthersGoOn) {
  TestServer server({.config = {"--client-output-buffer-limit", "pubsub 20000 0 0"}});
  Client* reader = server.Connect();
  Client* lazy = server.Connect();
  server.Run(reader, {"SUBSCRIBE", "c"});
  server.Run(lazy, {"SUBSCRIBE", "c"});
  FakePeer& lazy_peer = server.Peer(lazy);
  lazy_peer.accepts = 0;
  const std::string text(9000, 'x');
  EXPECT_EQ(server.Run({"PUBLISH", "c", text}), ":2\r\n");
  EXPECT_EQ(server.Run({"PUBLISH", "c", text}), ":2\r\n");
  EXPECT_EQ(server.Run({"PUBLISH", "c", text}), ":2\r\n");
  EXPECT_TRUE(lazy_peer.closed);
  EXPECT_EQ(server.Run({"PUBLISH", "c", "y"}), ":1\r\n");
  EXPECT_TRUE(server.Take(reader).ends_with(Message("c", "y")));
}

// [G2]: what a push tells may depend on writes of the same tick, so it leaves behind them.
TEST(PubSub, UnderAlwaysAPushWaitsForTheLogEndOfItsTick) {
  TestServer server({.config = {"--appendfsync", "always", "--notify-keyspace-events", "KEA"}});
  Client* listener = server.Connect();
  server.Run(listener, {"SUBSCRIBE", "__keyspace@0__:k"});
  Client* writer = server.Connect();
  server.Feed(writer, "SET k v\r\n");
  EXPECT_EQ(listener->tick_gate, Client::kGateOnTickEnd);
  EXPECT_EQ(server.Take(listener), "");  // nothing before the tick's sync
  server.Settle();
  EXPECT_EQ(server.Take(listener), Message("__keyspace@0__:k", "set"));
  EXPECT_TRUE(listener->gates.empty());
}

TEST(PubSub, ASilentClientsOwnMessagesComeBehindItsCommand) {
  TestServer server;
  Client* a = server.Connect();
  server.Run(a, {"HELLO", "3"});
  server.Run(a, {"SUBSCRIBE", "c"});
  server.Run(a, {"CLIENT", "REPLY", "OFF"});
  EXPECT_EQ(server.Run(a, {"PUBLISH", "c", "x"}), ">3\r\n$7\r\nmessage\r\n$1\r\nc\r\n$1\r\nx\r\n");
  EXPECT_EQ(server.Run(a, {"GET", "k"}), "");
}

TEST(SlowLog, KeepsWhatIsAskedForAndHidesPasswords) {
  TestServer server({.config = {"--slowlog-log-slower-than", "0", "--slowlog-max-len", "2"}});
  server.Run({"AUTH", "user", "secret"});
  server.Run({"PING"});
  const auto& entries = server.server().slow_log().entries();
  ASSERT_EQ(entries.size(), 2u);
  EXPECT_EQ(entries[0].arguments, (std::vector<std::string>{"PING"}));
  EXPECT_EQ(entries[1].arguments, (std::vector<std::string>{"AUTH", "(redacted)", "(redacted)"}));
  EXPECT_EQ(entries[0].id, entries[1].id + 1);
}

TEST(Monitor, QuotesWhatIsNotPrintable) {
  std::string out;
  AppendQuoted(&out, std::string_view("a\"\\\n\r\t\a\b\0\x7f\xff z", 13));
  EXPECT_EQ(out, "\"a\\\"\\\\\\n\\r\\t\\a\\b\\x00\\x7f\\xff z\"");
}

}  // namespace
}  // namespace thermocline::server
