// Dispatch: order, refusals, parking, pauses, replies and limits, over a server without sockets.
#include "server/dispatch.h"

#include <gtest/gtest.h>

#include "codec/resp/writer.h"
#include "server/testing/test_server.h"

namespace thermocline::server {
namespace {

std::string Commands(std::initializer_list<std::initializer_list<std::string_view>> commands) {
  std::string bytes;
  for (const auto& argv : commands) codec::AppendCommand(bytes, argv);
  return bytes;
}

TEST(Dispatch, RunsAPipelineInOrder) {
  TestServer server;
  Client* client = server.Connect();
  EXPECT_EQ(
      server.Send(client, Commands({{"SET", "k", "1"}, {"INCR", "k"}, {"GET", "k"}, {"PING"}})),
      "+OK\r\n:2\r\n$1\r\n2\r\n+PONG\r\n");
}

TEST(Dispatch, SplitAtEveryByteAnswersTheSame) {
  const std::string bytes = Commands({{"SET", "k", "value"}, {"GET", "k"}, {"NOSUCH", "a"}}) +
                            "PING\r\nECHO \"a b\"\r\n\r\nPING x\r\n";
  TestServer whole;
  const std::string expected = whole.Send(whole.Connect(), bytes);
  TestServer server;
  for (size_t split = 1; split < bytes.size(); ++split) {
    Client* client = server.Connect();
    std::string got = server.Send(client, bytes.substr(0, split));
    got += server.Send(client, bytes.substr(split));
    EXPECT_EQ(got, expected) << split;
  }
}

// What is fetched ahead for a batch follows pointers of entries that are only likely the keys': of
// every form, of another type, missing, deleted or emptied within the batch.
TEST(Dispatch, ABatchOnCollectionsAnswersAsItsCommandsOneByOne) {
  const std::string large(100, 'v');
  std::vector<std::vector<std::string>> commands;
  for (const std::string key : {"a", "b", "c"}) {
    for (const std::string member : {"1", "x", "y"}) {
      commands.push_back({"HSET", "hash" + key, member, key == "a" ? member : large});
      commands.push_back({"SADD", "set" + key, member + (key == "a" ? "" : large)});
      commands.push_back({"ZADD", "zset" + key, "1", member + (key == "a" ? "" : large)});
      commands.push_back({"RPUSH", "list" + key, large + std::string(3000, 'l')});
      commands.push_back({"HGET", "set" + key, member});
      commands.push_back({"HGET", "hash" + key, member});
      commands.push_back({"HGET", "hash" + key});
      commands.push_back({"SISMEMBER", "set" + key, ""});
      commands.push_back({"SISMEMBER", "none" + key, member});
      commands.push_back({"ZSCORE", "zset" + key, member});
      commands.push_back({"SREM", "set" + key, member + large});
      commands.push_back({"LPOP", "list" + key});
      commands.push_back({"ZPOPMIN", "zset" + key});
    }
    commands.push_back({"SET", "set" + key, "now a string"});
    commands.push_back({"SADD", "set" + key, "m"});
    commands.push_back({"DEL", "hash" + key});
    commands.push_back({"HGET", "hash" + key, "x"});
  }
  // There before the batch, so that there is something to fetch: packed and as objects.
  std::string before;
  for (const std::string_view form : {"packed", "object"}) {
    const std::string hash = "hash" + std::string(form), set = "set" + std::string(form),
                      zset = "zset" + std::string(form);
    const std::string_view member = form == "packed" ? "1" : std::string_view(large);
    before +=
        Commands({{"HSET", hash, member, "v"}, {"SADD", set, member}, {"ZADD", zset, "1", member}});
    for (const std::string& key : {hash, set, zset}) {
      commands.push_back({"HGET", key, std::string(member)});
      commands.push_back({"SISMEMBER", key, std::string(member)});
      commands.push_back({"ZSCORE", key, std::string(member)});
      commands.push_back({"ZSCORE", key, "none"});
    }
  }
  std::string all, expected;
  TestServer one_by_one;
  Client* client = one_by_one.Connect();
  one_by_one.Send(client, before);
  for (const std::vector<std::string>& command : commands) {
    std::string bytes;
    codec::AppendCommand(bytes, std::vector<std::string_view>(command.begin(), command.end()));
    expected += one_by_one.Send(client, bytes);
    all += bytes;
  }
  TestServer batch;
  client = batch.Connect();
  batch.Send(client, before);
  EXPECT_EQ(batch.Send(client, all), expected);
}

TEST(Dispatch, MoreCommandsThanOneBatchHolds) {
  TestServer server;
  Client* client = server.Connect();
  std::string bytes, expected;
  for (int i = 0; i < 1000; ++i) {
    codec::AppendCommand(bytes, {"INCR", "n"});
    expected += ":" + std::to_string(i + 1) + "\r\n";
  }
  EXPECT_EQ(server.Send(client, bytes), expected);
}

TEST(Dispatch, UnknownCommandsAreNamedAsRedisDoes) {
  TestServer server;
  EXPECT_EQ(server.Run({"foo", "a", "b"}),
            "-ERR unknown command 'foo', with args beginning with: 'a' 'b' \r\n");
  EXPECT_EQ(server.Run({"foo"}), "-ERR unknown command 'foo', with args beginning with: \r\n");
  EXPECT_EQ(server.Run({"CLIENT", "FOO"}), "-ERR unknown subcommand 'FOO'. Try CLIENT HELP.\r\n");
  EXPECT_EQ(server.Run({"client"}), "-ERR wrong number of arguments for 'client' command\r\n");
  EXPECT_EQ(server.Run({"CLIENT", "ID", "x"}),
            "-ERR wrong number of arguments for 'client|id' command\r\n");
  EXPECT_EQ(server.Run({"GET"}), "-ERR wrong number of arguments for 'get' command\r\n");
  EXPECT_EQ(server.Run({"GET", "a", "b"}), "-ERR wrong number of arguments for 'get' command\r\n");
  const std::string longer(300, 'x');
  EXPECT_EQ(
      server.Run({"foo", longer, "b"}),
      "-ERR unknown command 'foo', with args beginning with: '" + longer.substr(0, 128) + "' \r\n");
}

TEST(Dispatch, ProtocolErrorAnswersWhatCameBeforeAndCloses) {
  TestServer server;
  Client* client = server.Connect();
  FakePeer& peer = server.Peer(client);
  EXPECT_EQ(server.Send(client, Commands({{"PING"}}) + "*1\r\n!3\r\nabc\r\n"),
            "+PONG\r\n-ERR Protocol error: expected '$', got '!'\r\n");
  EXPECT_TRUE(peer.closed);
  EXPECT_EQ(server.server().client_count(), 0u);
}

TEST(Dispatch, NothingButAuthBeforeAuth) {
  TestServer server({.config = {"--requirepass", "secret"}});
  Client* client = server.Connect();
  EXPECT_EQ(server.Run(client, {"PING"}), "-NOAUTH Authentication required.\r\n");
  EXPECT_EQ(server.Run(client, {"NOSUCH"}),
            "-ERR unknown command 'NOSUCH', with args beginning with: \r\n");
  EXPECT_EQ(server.Run(client, {"AUTH", "wrong"}),
            "-WRONGPASS invalid username-password pair or user is disabled.\r\n");
  EXPECT_EQ(server.Run(client, {"AUTH", "other", "secret"}),
            "-WRONGPASS invalid username-password pair or user is disabled.\r\n");
  // In one pipeline: what follows AUTH is parsed and run with its rights.
  const std::string large(20000, 'v');
  EXPECT_EQ(
      server.Send(client,
                  Commands({{"AUTH", "default", "secret"}, {"SET", "k", large}, {"STRLEN", "k"}})),
      "+OK\r\n+OK\r\n:20000\r\n");
  Client* other = server.Connect();
  FakePeer& peer = server.Peer(other);
  EXPECT_EQ(server.Run(other, {"SET", "k", large}),
            "-ERR Protocol error: unauthenticated bulk length\r\n");
  EXPECT_TRUE(peer.closed);
}

TEST(Dispatch, HelloAgreesOnTheProtocol) {
  TestServer server;
  Client* client = server.Connect();
  EXPECT_EQ(server.Run(client, {"HELLO", "4"}), "-NOPROTO unsupported protocol version\r\n");
  EXPECT_EQ(
      server.Run(client, {"HELLO", "3", "SETNAME", "me"}),
      "%7\r\n$6\r\nserver\r\n$5\r\nredis\r\n$7\r\nversion\r\n$6\r\n7.0.15\r\n$5\r\nproto\r\n:3\r\n"
      "$2\r\nid\r\n:" +
          std::to_string(client->id()) +
          "\r\n$4\r\nmode\r\n$10\r\nstandalone\r\n$4\r\nrole\r\n$6\r\nmaster\r\n$7\r\nmodules\r\n*"
          "0\r\n");
  EXPECT_EQ(server.Run(client, {"CLIENT", "GETNAME"}), "$2\r\nme\r\n");
  EXPECT_EQ(server.Run(client, {"GET", "missing"}), "_\r\n");
  EXPECT_EQ(server.Run(client, {"RESET"}), "+RESET\r\n");
  EXPECT_EQ(server.Run(client, {"GET", "missing"}), "$-1\r\n");
}

TEST(Dispatch, AnswersLoadingUntilTheDatabaseIsOpen) {
  TestServer server({.open_database = false});
  Client* client = server.Connect();
  EXPECT_EQ(server.Run(client, {"PING"}), "-LOADING Redis is loading the dataset in memory\r\n");
  EXPECT_EQ(server.Run(client, {"GET", "k"}),
            "-LOADING Redis is loading the dataset in memory\r\n");
  EXPECT_EQ(server.Run(client, {"WATCH", "k"}),
            "-LOADING Redis is loading the dataset in memory\r\n");
  EXPECT_EQ(server.Run(client, {"ECHO", "x"}), "$1\r\nx\r\n");
  EXPECT_EQ(server.Run(client, {"SELECT", "3"}), "+OK\r\n");
  EXPECT_EQ(server.Send(client, Commands({{"MULTI"}, {"ECHO", "x"}, {"EXEC"}})),
            "+OK\r\n+QUEUED\r\n*1\r\n$1\r\nx\r\n");
  server.OpenDatabase();
  EXPECT_EQ(server.Run(client, {"PING"}), "+PONG\r\n");
}

TEST(Dispatch, ReplyModesDropReplies) {
  TestServer server;
  Client* client = server.Connect();
  EXPECT_EQ(server.Send(client, Commands({{"CLIENT", "REPLY", "SKIP"}, {"PING"}, {"PING", "x"}})),
            "$1\r\nx\r\n");
  EXPECT_EQ(server.Send(client, Commands({{"CLIENT", "REPLY", "OFF"},
                                          {"PING"},
                                          {"NOSUCH"},
                                          {"CLIENT", "REPLY", "SKIP"},
                                          {"PING"},
                                          {"CLIENT", "REPLY", "ON"}})),
            "+OK\r\n");
}

TEST(Dispatch, QuitAnswersAndDropsTheRest) {
  TestServer server;
  Client* client = server.Connect();
  FakePeer& peer = server.Peer(client);
  EXPECT_EQ(server.Send(client, Commands({{"SET", "k", "1"}, {"QUIT"}, {"INCR", "k"}})),
            "+OK\r\n+OK\r\n");
  EXPECT_TRUE(peer.closed);
  EXPECT_EQ(server.Run({"GET", "k"}), "$1\r\n1\r\n");
}

TEST(Dispatch, SlowReaderGetsEverythingInPieces) {
  TestServer server;
  Client* client = server.Connect();
  FakePeer& peer = server.Peer(client);
  const std::string value(100000, 'v');
  server.Run({"SET", "k", value});
  peer.accepts = 10;
  std::string got = server.Run(client, {"GET", "k"});
  EXPECT_EQ(got.size(), 10u);
  EXPECT_TRUE(peer.watched_writable);
  while (got.size() < value.size()) {
    peer.accepts = 30000;
    server.server().OnWritable(client);
    server.Tick();
    got += server.Take(client);
  }
  EXPECT_EQ(got, "$100000\r\n" + value + "\r\n");
  EXPECT_EQ(client->OutputBytes(), 0u);
}

TEST(Dispatch, OutputLimitClosesWhoDoesNotRead) {
  TestServer server({.config = {"--client-output-buffer-limit", "normal 100000 0 0"}});
  Client* client = server.Connect();
  FakePeer& peer = server.Peer(client);
  server.Run({"SET", "k", std::string(60000, 'v')});
  peer.accepts = 0;
  server.Run(client, {"GET", "k"});
  EXPECT_FALSE(peer.closed);
  server.Run(client, {"GET", "k"});
  EXPECT_TRUE(peer.closed);
  EXPECT_EQ(server.server().stats().client_output_buffer_limit_disconnections, 1u);
}

TEST(Dispatch, PauseHoldsAndUnpauseRunsInOrder) {
  TestServer server;
  Client* boss = server.Connect();
  Client* writer = server.Connect();
  EXPECT_EQ(server.Run(boss, {"CLIENT", "PAUSE", "100000", "WRITE"}), "+OK\r\n");
  EXPECT_EQ(server.Send(writer, Commands({{"GET", "k"}, {"SET", "k", "1"}, {"GET", "k"}})),
            "$-1\r\n");
  EXPECT_EQ(server.Run(writer, {"PING"}), "");
  EXPECT_EQ(server.Run(boss, {"GET", "k"}), "$-1\r\n");
  EXPECT_EQ(server.server().stats().blocked_clients, 1u);
  EXPECT_EQ(server.Run(boss, {"CLIENT", "UNPAUSE"}), "+OK\r\n");
  EXPECT_EQ(server.Take(writer), "+OK\r\n$1\r\n1\r\n+PONG\r\n");
  EXPECT_EQ(server.server().stats().blocked_clients, 0u);
}

TEST(Dispatch, ClientThatLeavesWhilePausedRunsNothing) {
  TestServer server;
  Client* boss = server.Connect();
  Client* writer = server.Connect();
  server.Run(boss, {"CLIENT", "PAUSE", "100000", "WRITE"});
  server.Run(writer, {"SET", "k", "1"});
  server.server().OnInputClosed(writer);
  server.Tick();
  EXPECT_EQ(server.server().client_count(), 1u);
  server.Run(boss, {"CLIENT", "UNPAUSE"});
  EXPECT_EQ(server.Run(boss, {"GET", "k"}), "$-1\r\n");
}

// [R1]: nothing of a client overtakes its command that waits for the cold tier; others go on.
TEST(Dispatch, ColdKeyParksOnlyItsClientAndKeepsOrder) {
  TestServer server({.config = {"--enable-debug-command", "yes"}});
  Client* client = server.Connect();
  for (int i = 0; i < 50; ++i)
    server.Run({"SET", "key" + std::to_string(i), "value" + std::to_string(i)});
  server.Run({"DEBUG", "SPILL"});
  std::string bytes, expected;
  for (int i = 0; i < 50; ++i) {
    const std::string n = std::to_string(i);
    codec::AppendCommand(bytes, {"GET", "key" + n});
    codec::AppendCommand(bytes, {"SET", "last", n});
    codec::AppendCommand(bytes, {"GET", "last"});
    expected += "$" + std::to_string(5 + n.size()) + "\r\nvalue" + n + "\r\n+OK\r\n$" +
                std::to_string(n.size()) + "\r\n" + n + "\r\n";
  }
  EXPECT_EQ(server.Send(client, bytes), expected);
}

TEST(Dispatch, HalfClosedClientStillGetsColdAnswers) {
  TestServer server({.config = {"--enable-debug-command", "yes"}});
  Client* client = server.Connect();
  FakePeer& peer = server.Peer(client);
  server.Run({"SET", "a", "1"});
  server.Run({"SET", "b", "2"});
  server.Run({"DEBUG", "SPILL"});
  server.Feed(client, Commands({{"GET", "a"}, {"GET", "b"}}));
  server.server().OnInputClosed(client);
  server.Settle();
  EXPECT_EQ(peer.received, "$1\r\n1\r\n$1\r\n2\r\n");
  EXPECT_TRUE(peer.closed);
}

TEST(Dispatch, ClientThatLeftIsNotListed) {
  TestServer server;
  Client* gone = server.Connect();
  server.Run(gone, {"CLIENT", "SETNAME", "gone"});
  server.server().OnInputClosed(gone);
  EXPECT_EQ(server.Run({"CLIENT", "LIST"}).find("name=gone"), std::string::npos);
}

TEST(Dispatch, ClientThatBreaksWhileParkedIsForgotten) {
  TestServer server({.config = {"--enable-debug-command", "yes"}});
  server.Run({"SET", "a", "1"});
  server.Run({"DEBUG", "SPILL"});
  Client* client = server.Connect();
  server.Feed(client, Commands({{"APPEND", "a", "x"}, {"APPEND", "a", "x"}}));
  server.server().CloseClient(client);
  server.Settle();
  EXPECT_EQ(server.Run({"GET", "a"}), "$1\r\n1\r\n");
}

TEST(Dispatch, CountsCallsFailuresRejectionsAndErrors) {
  TestServer server;
  server.Run({"SET", "k", "v"});
  server.Run({"INCR", "k"});
  server.Run({"INCR"});
  server.Run({"NOSUCH"});
  const Command* incr = server.server().commands().Find("incr");
  EXPECT_EQ(incr->stats.calls, 1u);
  EXPECT_EQ(incr->stats.failed, 1u);
  EXPECT_EQ(incr->stats.rejected, 1u);
  EXPECT_EQ(incr->stats.latency.count(), 1u);
  EXPECT_EQ(server.server().stats().errors.at("ERR"), 3u);
  EXPECT_EQ(server.server().stats().commands_processed, 2u);
}

TEST(Dispatch, KillClosesOthersAndItselfAfterTheReply) {
  TestServer server;
  Client* a = server.Connect();
  Client* b = server.Connect();
  FakePeer& peer_a = server.Peer(a);
  FakePeer& peer_b = server.Peer(b);
  EXPECT_EQ(server.Run(a, {"CLIENT", "KILL", "ID", std::to_string(b->id())}), ":1\r\n");
  EXPECT_TRUE(peer_b.closed);
  EXPECT_EQ(server.Run(a, {"CLIENT", "KILL", "nowhere:1"}), "-ERR No such client\r\n");
  EXPECT_EQ(server.Run(a, {"CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"}), ":0\r\n");
  EXPECT_EQ(server.Run(a, {"CLIENT", "KILL", a->peer_address}), "+OK\r\n");
  EXPECT_TRUE(peer_a.closed);
  EXPECT_EQ(server.server().client_count(), 0u);
}

TEST(Dispatch, TimeoutClosesWhoSaysNothingButNotWhoWaits) {
  TestServer server({.config = {"--timeout", "1000", "--enable-debug-command", "yes"}});
  Client* boss = server.Connect();
  Client* idle = server.Connect();
  Client* busy = server.Connect();
  Client* parked = server.Connect();
  FakePeer& idle_peer = server.Peer(idle);
  server.Run(boss, {"CLIENT", "PAUSE", "100000", "WRITE"});
  server.Run(parked, {"SET", "k", "v"});
  for (Client* client : {idle, busy, parked}) client->active_ms -= 1'100'000;
  server.Run(busy, {"PING"});
  idle->active_ms += 200'000;
  server.server().Cron();
  server.Tick();
  EXPECT_EQ(server.server().client_count(), 4u);  // not too early
  idle->active_ms -= 200'000;
  server.server().Cron();
  server.Tick();
  EXPECT_TRUE(idle_peer.closed);
  EXPECT_EQ(server.server().client_count(), 3u);
  EXPECT_EQ(server.Run(busy, {"PING"}), "+PONG\r\n");
  EXPECT_EQ(server.Run(boss, {"CLIENT", "UNPAUSE"}), "+OK\r\n");
  EXPECT_EQ(server.Take(parked), "+OK\r\n");
  // 0, the default, closes nobody.
  EXPECT_EQ(server.Run(boss, {"CONFIG", "SET", "timeout", "0"}), "+OK\r\n");
  busy->active_ms -= 10'000'000;
  server.server().Cron();
  server.Tick();
  EXPECT_EQ(server.server().client_count(), 3u);
}

// More clients than one cron call looks at.
TEST(Dispatch, ClientMemoryIsTheSumOfWhatEachHolds) {
  TestServer server;
  std::vector<Client*> clients;
  for (int i = 0; i < 700; ++i) clients.push_back(server.Connect());
  server.Feed(clients[0], "*2\r\n$4\r\nECHO\r\n$5000\r\n" + std::string(4000, 'x'));
  server.Tick();
  const auto look_at_all = [&] {
    for (int i = 0; i < 2; ++i) server.server().Cron();
    uint64_t bytes = 0;
    for (const Client* client : server.server().clients()) bytes += client->MemoryBytes();
    return bytes;
  };
  const uint64_t all = look_at_all();
  EXPECT_GT(clients[0]->MemoryBytes(), clients[1]->MemoryBytes() + 3000);
  EXPECT_EQ(server.server().stats().client_bytes, all);
  for (size_t i = 0; i < 699; ++i) server.server().CloseClient(clients[i]);
  EXPECT_EQ(server.server().stats().client_bytes, clients[699]->MemoryBytes());
  server.Tick();
  EXPECT_EQ(look_at_all(), server.server().stats().client_bytes);
}

}  // namespace
}  // namespace thermocline::server
