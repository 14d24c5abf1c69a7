// COMMAND, DEBUG and what the server says of itself. That COMMAND INFO equals redis-server's to the
// byte shows tests/integration/oracle; here stand its shapes and the digests of known contents.
#include <gtest/gtest.h>

#include <string>

#include "codec/resp/writer.h"
#include "server/testing/test_server.h"
#include "tests/server/replies.h"

namespace thermocline::server {
namespace {

TEST(IntrospectionCommandsTest, CommandInfoHasRedissShapeInBothProtocols) {
  TestServer server;
  EXPECT_EQ(server.Run({"COMMAND", "INFO", "get", "nonsense"}),
            "*2\r\n*10\r\n$3\r\nget\r\n:2\r\n*2\r\n+readonly\r\n+fast\r\n:1\r\n:1\r\n:1\r\n"
            "*3\r\n+@read\r\n+@string\r\n+@fast\r\n*0\r\n"
            "*1\r\n*6\r\n$5\r\nflags\r\n*2\r\n+RO\r\n+access\r\n"
            "$12\r\nbegin_search\r\n*4\r\n$4\r\ntype\r\n$5\r\nindex\r\n$4\r\nspec\r\n"
            "*2\r\n$5\r\nindex\r\n:1\r\n"
            "$9\r\nfind_keys\r\n*4\r\n$4\r\ntype\r\n$5\r\nrange\r\n$4\r\nspec\r\n"
            "*6\r\n$7\r\nlastkey\r\n:0\r\n$7\r\nkeystep\r\n:1\r\n$5\r\nlimit\r\n:0\r\n"
            "*0\r\n$-1\r\n");
  server.Run({"HELLO", "3"});
  EXPECT_EQ(server.Run({"COMMAND", "INFO", "Flushdb", "object|nonsense"}),
            "*2\r\n*10\r\n$7\r\nflushdb\r\n:-1\r\n~1\r\n+write\r\n:0\r\n:0\r\n:0\r\n"
            "~4\r\n+@keyspace\r\n+@write\r\n+@slow\r\n+@dangerous\r\n"
            "~2\r\n$25\r\nrequest_policy:all_shards\r\n"
            "$29\r\nresponse_policy:all_succeeded\r\n~0\r\n~0\r\n_\r\n");
}

TEST(IntrospectionCommandsTest, TheOldKeyRangeJoinsTheSpecifications) {
  TestServer server;
  const auto starts = [&](std::string_view name, const std::string& expected) {
    const std::string info = server.Run({"COMMAND", "INFO", name});
    EXPECT_NE(info.find(expected), std::string::npos) << info;
  };
  starts("copy", "+denyoom\r\n:1\r\n:2\r\n:1\r\n");
  starts("mset", "+denyoom\r\n:1\r\n:-1\r\n:2\r\n");
  starts("object|freq", "+readonly\r\n:2\r\n:2\r\n:1\r\n");
  starts("object", ":-2\r\n*0\r\n:0\r\n:0\r\n:0\r\n");
}

TEST(IntrospectionCommandsTest, CommandDocsNamesSupersededCommands) {
  TestServer server;
  const std::string docs = server.Run({"COMMAND", "DOCS", "getset", "nonsense"});
  EXPECT_EQ(docs.substr(0, 16), "*2\r\n$6\r\ngetset\r\n");
  EXPECT_NE(docs.find("$9\r\ndoc_flags\r\n*1\r\n+deprecated\r\n$16\r\ndeprecated_since\r\n"
                      "$5\r\n6.2.0\r\n$11\r\nreplaced_by\r\n"),
            std::string::npos)
      << docs;
  EXPECT_EQ(server.Run({"COMMAND", "DOCS", "nonsense"}), "*0\r\n");
}

TEST(IntrospectionCommandsTest, CommandListFiltersNamesOfSubcommandsToo) {
  TestServer server;
  EXPECT_EQ(server.Run({"COMMAND", "LIST", "FILTERBY", "PATTERN", "*OBJECT|F*"}),
            "*1\r\n" + Bulk("object|freq"));
  EXPECT_EQ(server.Run({"COMMAND", "LIST", "FILTERBY", "MODULE", "x"}), "*0\r\n");
  EXPECT_EQ(server.Run({"COMMAND", "LIST", "FILTERBY", "ACLCAT", "nonsense"}), "*0\r\n");
  const std::string strings = server.Run({"COMMAND", "LIST", "FILTERBY", "ACLCAT", "String"});
  EXPECT_NE(strings.find(Bulk("lcs")), std::string::npos);
  EXPECT_EQ(strings.find(Bulk("del")), std::string::npos);
  EXPECT_EQ(server.Run({"COMMAND", "LIST", "x"}), "-ERR syntax error\r\n");
  EXPECT_EQ(server.Run({"COMMAND", "COUNT"})[0], ':');
}

TEST(IntrospectionCommandsTest, GetKeysFollowsTheSpecifications) {
  TestServer server;
  EXPECT_EQ(server.Run({"COMMAND", "GETKEYS", "MSET", "a", "1", "b", "2"}),
            "*2\r\n" + Bulk("a") + Bulk("b"));
  EXPECT_EQ(server.Run({"COMMAND", "GETKEYS", "MOVE", "a", "1"}), "*1\r\n" + Bulk("a"));
  EXPECT_EQ(server.Run({"COMMAND", "GETKEYS", "object", "encoding", "a"}), "*1\r\n" + Bulk("a"));
  EXPECT_EQ(server.Run({"COMMAND", "GETKEYS", "nonsense", "a"}),
            "-ERR Invalid command specified\r\n");
  EXPECT_EQ(server.Run({"COMMAND", "GETKEYS", "PING", "a"}),
            "-ERR The command has no key arguments\r\n");
  EXPECT_EQ(server.Run({"COMMAND", "GETKEYS", "GET", "a", "b"}),
            "-ERR Invalid number of arguments specified for command\r\n");
}

TEST(IntrospectionCommandsTest, GetKeysAndFlagsTellsWhetherSetReads) {
  TestServer server;
  EXPECT_EQ(server.Run({"COMMAND", "GETKEYSANDFLAGS", "SET", "a", "1"}),
            "*1\r\n*2\r\n" + Bulk("a") + "*2\r\n+OW\r\n+update\r\n");
  EXPECT_EQ(server.Run({"COMMAND", "GETKEYSANDFLAGS", "SET", "a", "1", "get"}),
            "*1\r\n*2\r\n" + Bulk("a") + "*3\r\n+RW\r\n+access\r\n+update\r\n");
  EXPECT_EQ(server.Run({"COMMAND", "GETKEYSANDFLAGS", "RENAME", "a", "b"}),
            "*2\r\n*2\r\n" + Bulk("a") + "*3\r\n+RW\r\n+access\r\n+delete\r\n" + "*2\r\n" +
                Bulk("b") + "*2\r\n+OW\r\n+update\r\n");
}

// The digests below are redis-server 7.0.15's for the same contents.
TEST(IntrospectionCommandsTest, DigestsAreThoseOfRedis) {
  TestServer server(WithDebug());
  EXPECT_EQ(server.Run({"DEBUG", "DIGEST"}), "+0000000000000000000000000000000000000000\r\n");
  ASSERT_EQ(server.Run({"DEBUG", "POPULATE", "3"}), kOk);
  ASSERT_EQ(server.Run({"DEBUG", "POPULATE", "3", "foo"}), kOk);
  ASSERT_EQ(server.Run({"DEBUG", "POPULATE", "3", "bar", "10"}), kOk);
  const std::string one_database = "+897e52c5f704d8339368bc1f3dbfb9764f89c66f\r\n";
  EXPECT_EQ(server.Run({"DEBUG", "DIGEST"}), one_database);
  ASSERT_EQ(server.Run({"DEBUG", "SPILL"}), kOk);
  EXPECT_EQ(server.Run({"DEBUG", "DIGEST"}), one_database);
  EXPECT_EQ(server.Run({"DEBUG", "DIGEST-VALUE", "key:0", "key:1", "none"}),
            "*3\r\n+c15f34c747bf411833c10208c03e1da1bb7da7cf\r\n"
            "+ec4b7bec343ec862c8bd5dd8feab05ec1e9e6703\r\n"
            "+0000000000000000000000000000000000000000\r\n");
}

TEST(IntrospectionCommandsTest, ALongDigestLetsOthersRun) {
  TestServer server(WithDebug());
  ASSERT_EQ(server.Run({"DEBUG", "POPULATE", "5000"}), kOk);
  Client* digest = server.Connect();
  Client* other = server.Connect();
  std::string bytes;
  codec::AppendCommand(bytes, {"DEBUG", "DIGEST"});
  server.Feed(digest, bytes);
  int answered = 0;
  for (; digest->is_parked() && answered < 1000; ++answered) {
    bytes.clear();
    codec::AppendCommand(bytes, {"GET", "key:1"});
    server.Feed(other, bytes);
    server.Tick();
    EXPECT_EQ(server.Take(other), "$7\r\nvalue:1\r\n");
  }
  EXPECT_GT(answered, 5);
  server.Settle();
  EXPECT_EQ(server.Take(digest), "+145ca9e230938867da0a9aadb2be88abf52037d7\r\n");
}

TEST(IntrospectionCommandsTest, DigestsSeeExpiryAndTheNumberOfTheDatabase) {
  TestServer server(WithDebug());
  ASSERT_EQ(server.Run({"DEBUG", "POPULATE", "3"}), kOk);
  server.Run({"SELECT", "5"});
  server.Run({"SET", "i", "12345", "EX", "100000"});
  server.Run({"SET", "j", "text"});
  EXPECT_EQ(server.Run({"DEBUG", "DIGEST"}), "+26e7e6440d0eb30fd549cadedc152b2a3609cde3\r\n");
  EXPECT_EQ(server.Run({"DEBUG", "DIGEST-VALUE", "i", "j"}),
            "*2\r\n+074a6e8892a0b0b4fcf085794cb69322c36c9d00\r\n+"
            "2ce3f57ae020966eb041fa6a47e5221ee0d42d6b\r\n");
  server.Run({"SWAPDB", "5", "6"});
  EXPECT_NE(server.Run({"DEBUG", "DIGEST"}), "+26e7e6440d0eb30fd549cadedc152b2a3609cde3\r\n");
}

TEST(IntrospectionCommandsTest, DigestsOfHashesAndSetsDoNotDependOnTheEncoding) {
  TestServer server(WithDebug());
  server.Run({"HSET", "h", "a", "1", "b", "text", "", "empty"});
  server.Run({"SADD", "si", "3", "1", "2"});
  server.Run({"SADD", "st", "a", "b", "7"});
  server.Run({"HSET", "big", "f", std::string(72, 'x'), "g", "1"});
  EXPECT_EQ(server.Run({"DEBUG", "DIGEST-VALUE", "h", "si", "st", "big"}),
            "*4\r\n+4925eb018fccbcdb4710fc93371ab0bd81fa14c0\r\n"
            "+2a462a3f51a1db89738ebbeef0c47ce1bbc85246\r\n"
            "+4db2915dc242371e719444ddc8b328e38ac18e1c\r\n"
            "+5acb9124dad658882b3fa20a0542ea9a3b730b30\r\n");
  const std::string all = "+347fbff40d309968eeb3e2e6f77f66c263c1c45b\r\n";
  EXPECT_EQ(server.Run({"DEBUG", "DIGEST"}), all);
  server.Run({"CONFIG", "SET", "hash-max-listpack-entries", "2"});
  server.Run({"HSET", "h", "a", "1"});
  EXPECT_EQ(server.Run({"OBJECT", "ENCODING", "h"}), Bulk("hashtable"));
  ASSERT_EQ(server.Run({"DEBUG", "SPILL"}), kOk);
  EXPECT_EQ(server.Run({"DEBUG", "DIGEST"}), all);
}

TEST(IntrospectionCommandsTest, DebugObjectTellsSizesAsDumpWritesThem) {
  TestServer server(WithDebug());
  server.Run({"MSET", "i", "12345", "l", std::string(70, 'a')});
  ASSERT_EQ(server.Run({"DEBUG", "SPILL"}), kOk);
  EXPECT_NE(server.Run({"DEBUG", "OBJECT", "i"}).find(" encoding:int serializedlength:3 lru:"),
            std::string::npos);
  EXPECT_NE(server.Run({"DEBUG", "OBJECT", "l"}).find(" encoding:raw serializedlength:13 lru:"),
            std::string::npos);
  EXPECT_EQ(server.Run({"DEBUG", "OBJECT", "none"}), "-ERR no such key\r\n");
}

TEST(IntrospectionCommandsTest, DebugIsRefusedUnlessConfigured) {
  TestServer server;
  EXPECT_EQ(server.Run({"DEBUG", "SLEEP", "0"}).substr(0, 34),
            "-ERR DEBUG command not allowed. If");
}

TEST(IntrospectionCommandsTest, DebugRepliesAllTypes) {
  TestServer server(WithDebug());
  EXPECT_EQ(server.Run({"DEBUG", "PROTOCOL", "map"}), "*6\r\n:0\r\n:0\r\n:1\r\n:1\r\n:2\r\n:0\r\n");
  EXPECT_EQ(server.Run({"DEBUG", "PROTOCOL", "push"}),
            "-ERR RESP2 is not supported by this command\r\n");
  EXPECT_EQ(server.Run({"DEBUG", "ERROR", "CODE a\r\nb"}), "-CODE a  b\r\n");
  EXPECT_EQ(
      server.Run({"DEBUG", "SLEEP"}),
      "-ERR unknown subcommand or wrong number of arguments for 'SLEEP'. Try DEBUG HELP.\r\n");
  EXPECT_EQ(server.Run({"DEBUG", "RELOAD"}).substr(0, 10), "-ERR DEBUG");
  server.Run({"HELLO", "3"});
  EXPECT_EQ(server.Run({"DEBUG", "PROTOCOL", "map"}), "%3\r\n:0\r\n#f\r\n:1\r\n#t\r\n:2\r\n#f\r\n");
  EXPECT_EQ(server.Run({"DEBUG", "PROTOCOL", "double"}), ",3.141\r\n");
}

TEST(IntrospectionCommandsTest, ACheckpointMovesLastSave) {
  TestServer server(WithDebug());
  server.Run({"SET", "k", "v"});
  ASSERT_EQ(server.Run({"DEBUG", "CHECKPOINT"}), kOk);
  EXPECT_NE(server.Run({"LASTSAVE"}), ":0\r\n");
  EXPECT_EQ(server.Run({"BGREWRITEAOF"}), "+Background append only file rewriting started\r\n");
  EXPECT_EQ(server.Run({"SAVE"}).substr(0, 5), "-ERR ");
  EXPECT_EQ(server.Run({"BGSAVE", "SCHEDULE"}), server.Run({"SAVE"}));
  EXPECT_EQ(server.Run({"BGSAVE", "x"}), "-ERR syntax error\r\n");
}

TEST(IntrospectionCommandsTest, ThePrimaryWithoutReplicasSaysSo) {
  TestServer server;
  EXPECT_EQ(server.Run({"WAIT", "0", "0"}), ":0\r\n");
  EXPECT_EQ(server.Run({"WAIT", "1", "10"}), ":0\r\n");
  EXPECT_EQ(server.Run({"WAIT", "0", "-1"}), "-ERR timeout is negative\r\n");
  EXPECT_EQ(server.Run({"WAIT", "0", "x"}), "-ERR timeout is not an integer or out of range\r\n");
  EXPECT_EQ(server.Run({"ROLE"}).substr(0, 16), "*3\r\n$6\r\nmaster\r\n");
  EXPECT_EQ(server.Run({"LOLWUT"}), Bulk("Redis ver. 7.0.15\n"));
  EXPECT_EQ(server.Run({"TIME"}).substr(0, 9), "*2\r\n$10\r\n");
}

TEST(IntrospectionCommandsTest, WhatNeedsNoDataAnswersWhileLoading) {
  TestServerOptions options = WithDebug();
  options.open_database = false;
  TestServer server(options);
  EXPECT_EQ(server.Run({"COMMAND", "COUNT"})[0], ':');
  EXPECT_EQ(server.Run({"ROLE"}), "*3\r\n$6\r\nmaster\r\n:0\r\n*0\r\n");
  EXPECT_EQ(server.Run({"LASTSAVE"})[0], ':');
  EXPECT_EQ(server.Run({"DEBUG", "SLEEP", "0"}), kOk);
  EXPECT_EQ(server.Run({"DEBUG", "DIGEST"}).substr(0, 8), "-LOADING");
}

}  // namespace
}  // namespace thermocline::server
