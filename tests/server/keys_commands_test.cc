// The generic family: existence, expiry, names, serialized values, walks, whole databases.
#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <string>
#include <vector>

#include "codec/rdb/object.h"
#include "server/testing/test_server.h"
#include "tests/server/replies.h"

namespace thermocline::server {
namespace {

// The bulk strings of a reply that holds nothing else but array headers.
std::vector<std::string> Bulks(std::string_view reply) {
  std::vector<std::string> all;
  while (!reply.empty()) {
    const size_t end = reply.find("\r\n");
    const char type = reply[0];
    const size_t n = std::stoul(std::string(reply.substr(1, end - 1)));
    reply.remove_prefix(end + 2);
    if (type != '$') continue;
    all.emplace_back(reply.substr(0, n));
    reply.remove_prefix(n + 2);
  }
  return all;
}

// A whole SCAN; every key counts once, whatever the number of times it came.
std::set<std::string> ScanAll(TestServer& server, std::string_view count) {
  std::set<std::string> keys;
  std::string cursor = "0";
  do {
    std::vector<std::string> page = Bulks(server.Run({"SCAN", cursor, "COUNT", count}));
    cursor = page.front();
    keys.insert(page.begin() + 1, page.end());
  } while (cursor != "0");
  return keys;
}

TEST(KeysCommandsTest, DelCountsEachKeyOnceAndExistsEachMention) {
  TestServer server;
  server.Run({"MSET", "a", "1", "b", "2", "c", "3"});
  EXPECT_EQ(server.Run({"EXISTS", "a", "a", "none"}), ":2\r\n");
  EXPECT_EQ(server.Run({"TOUCH", "a", "none", "b"}), ":2\r\n");
  EXPECT_EQ(server.Run({"DEL", "a", "a", "none"}), ":1\r\n");
  EXPECT_EQ(server.Run({"UNLINK", "b"}), ":1\r\n");
  EXPECT_EQ(server.Run({"DEL", "b"}), ":0\r\n");
  EXPECT_EQ(server.Run({"TYPE", "c"}), "+string\r\n");
  EXPECT_EQ(server.Run({"TYPE", "a"}), "+none\r\n");
}

TEST(KeysCommandsTest, ExpireConditionsCompareWithTheDeadlineInForce) {
  TestServer server;
  server.Run({"SET", "k", "v"});
  EXPECT_EQ(server.Run({"EXPIRE", "k", "100", "XX"}), ":0\r\n");
  EXPECT_EQ(server.Run({"EXPIRE", "k", "100", "GT"}), ":0\r\n");
  EXPECT_EQ(server.Run({"EXPIRE", "k", "100", "LT"}), ":1\r\n");
  EXPECT_EQ(server.Run({"EXPIRE", "k", "50", "NX"}), ":0\r\n");
  EXPECT_EQ(server.Run({"EXPIRE", "k", "50", "GT"}), ":0\r\n");
  EXPECT_EQ(server.Run({"EXPIRE", "k", "200", "gt", "xx"}), ":1\r\n");
  EXPECT_EQ(server.Run({"EXPIRE", "k", "300", "LT"}), ":0\r\n");
  EXPECT_EQ(server.Run({"TTL", "k"}), ":200\r\n");
  EXPECT_EQ(server.Run({"EXPIRE", "k", "1", "NX", "XX"}),
            "-ERR NX and XX, GT or LT options at the same time are not compatible\r\n");
  EXPECT_EQ(server.Run({"EXPIRE", "k", "1", "GT", "LT"}),
            "-ERR GT and LT options at the same time are not compatible\r\n");
  EXPECT_EQ(server.Run({"EXPIRE", "k", "1", "foo"}), "-ERR Unsupported option foo\r\n");
  EXPECT_EQ(server.Run({"PERSIST", "k"}), ":1\r\n");
  EXPECT_EQ(server.Run({"PERSIST", "k"}), ":0\r\n");
}

TEST(KeysCommandsTest, ATimeInThePastDeletesAndOneBeyond64BitsIsRefused) {
  TestServer server;
  server.Run({"MSET", "a", "1", "b", "2", "c", "3"});
  EXPECT_EQ(server.Run({"EXPIRE", "a", "-1"}), ":1\r\n");
  EXPECT_EQ(server.Run({"PEXPIREAT", "b", "-5"}), ":1\r\n");
  EXPECT_EQ(server.Run({"EXPIREAT", "c", "0", "GT"}), ":0\r\n");
  EXPECT_EQ(server.Run({"EXISTS", "a", "b", "c"}), ":1\r\n");
  EXPECT_EQ(server.Run({"EXPIRE", "c", "9223372036854775807"}),
            "-ERR invalid expire time in 'expire' command\r\n");
  EXPECT_EQ(server.Run({"PEXPIRE", "c", "9223372036854775807"}),
            "-ERR invalid expire time in 'pexpire' command\r\n");
  EXPECT_EQ(server.Run({"EXPIREAT", "c", "9223372036854776"}),
            "-ERR invalid expire time in 'expireat' command\r\n");
  EXPECT_EQ(server.Run({"EXPIRE", "none", "9"}), ":0\r\n");
  EXPECT_EQ(server.Run({"TTL", "none"}), ":-2\r\n");
  EXPECT_EQ(server.Run({"PTTL", "c"}), ":-1\r\n");
}

TEST(KeysCommandsTest, ExpireTimesRoundToSeconds) {
  TestServer server;
  server.Run({"SET", "k", "v", "PXAT", "99999999999499"});
  EXPECT_EQ(server.Run({"EXPIRETIME", "k"}), ":99999999999\r\n");
  server.Run({"PEXPIREAT", "k", "99999999999500"});
  EXPECT_EQ(server.Run({"EXPIRETIME", "k"}), ":100000000000\r\n");
  EXPECT_EQ(server.Run({"PEXPIRETIME", "k"}), ":99999999999500\r\n");
}

TEST(KeysCommandsTest, RenameTakesValueAndExpiryAlong) {
  TestServer server;
  server.Run({"SET", "a", "1", "EX", "1000"});
  server.Run({"SET", "b", "2"});
  EXPECT_EQ(server.Run({"RENAMENX", "a", "b"}), ":0\r\n");
  EXPECT_EQ(server.Run({"RENAME", "a", "b"}), kOk);
  EXPECT_EQ(server.Run({"GET", "b"}), Bulk("1"));
  EXPECT_EQ(server.Run({"TTL", "b"}), ":1000\r\n");
  EXPECT_EQ(server.Run({"RENAME", "a", "c"}), "-ERR no such key\r\n");
  EXPECT_EQ(server.Run({"RENAME", "b", "b"}), kOk);
  EXPECT_EQ(server.Run({"RENAMENX", "b", "b"}), ":0\r\n");
  EXPECT_EQ(server.Run({"DBSIZE"}), ":1\r\n");
}

TEST(KeysCommandsTest, CopyAndMoveReachOtherDatabasesAlsoWhenColdThere) {
  TestServer server(WithDebug());
  server.Run({"SET", "k", "zero"});
  server.Run({"SELECT", "3"});
  server.Run({"SET", "k", "three"});
  server.Run({"SELECT", "0"});
  ASSERT_EQ(server.Run({"DEBUG", "SPILL"}), kOk);
  EXPECT_EQ(server.Run({"COPY", "k", "k", "DB", "3"}), ":0\r\n");
  EXPECT_EQ(server.Run({"MOVE", "k", "3"}), ":0\r\n");
  EXPECT_EQ(server.Run({"COPY", "k", "k", "REPLACE", "DB", "3"}), ":1\r\n");
  EXPECT_EQ(server.Run({"MOVE", "k", "2"}), ":1\r\n");
  EXPECT_EQ(server.Run({"DBSIZE"}), ":0\r\n");
  server.Run({"SELECT", "3"});
  EXPECT_EQ(server.Run({"GET", "k"}), Bulk("zero"));
  EXPECT_EQ(server.Run({"DBSIZE"}), ":1\r\n");
  server.Run({"SELECT", "2"});
  EXPECT_EQ(server.Run({"GET", "k"}), Bulk("zero"));
  EXPECT_EQ(server.Run({"MOVE", "k", "2"}), "-ERR source and destination objects are the same\r\n");
  EXPECT_EQ(server.Run({"COPY", "k", "k"}), "-ERR source and destination objects are the same\r\n");
  EXPECT_EQ(server.Run({"COPY", "k", "l", "DB", "16"}), "-ERR DB index is out of range\r\n");
  EXPECT_EQ(server.Run({"COPY", "k", "l", "DB", "99999999999"}),
            "-ERR value is out of range, value must between -2147483648 and 2147483647\r\n");
  EXPECT_EQ(server.Run({"MOVE", "k", "x"}), kNotInteger);
}

TEST(KeysCommandsTest, DumpAndRestoreKeepValueAndExpiry) {
  TestServer server;
  for (const std::string& value :
       {std::string("hello"), std::string("12345"), std::string(), std::string(5000, 'z')}) {
    server.Run({"SET", "k", value});
    const std::string dump = Bulks(server.Run({"DUMP", "k"})).front();
    EXPECT_EQ(server.Run({"RESTORE", "k", "0", dump}),
              "-BUSYKEY Target key name already exists.\r\n");
    EXPECT_EQ(server.Run({"RESTORE", "k", "0", dump, "REPLACE"}), kOk);
    EXPECT_EQ(server.Run({"RESTORE", "l", "5000000", dump, "REPLACE", "IDLETIME", "7"}), kOk);
    EXPECT_EQ(server.Run({"OBJECT", "IDLETIME", "l"}), ":7\r\n");
    EXPECT_EQ(server.Run({"MGET", "k", "l"}), "*2\r\n" + Bulk(value) + Bulk(value));
    EXPECT_EQ(server.Run({"TTL", "l"}), ":5000\r\n");
    EXPECT_EQ(server.Run({"TTL", "k"}), ":-1\r\n");
    EXPECT_EQ(server.Run({"RESTORE", "l", "1", dump, "ABSTTL", "REPLACE"}), kOk);
    EXPECT_EQ(server.Run({"EXISTS", "l"}), ":0\r\n");
  }
  EXPECT_EQ(server.Run({"DUMP", "none"}), kNull);
}

TEST(KeysCommandsTest, MemoryUsageGrowsWithTheValueAndIsTheSameAfterASpill) {
  TestServer server(WithDebug());
  const auto usage = [&](const std::string& key) {
    return std::stoll(server.Run({"MEMORY", "USAGE", key, "SAMPLES", "0"}).substr(1));
  };
  server.Run({"SET", "s", std::string(5000, 'x')});
  for (int i = 0; i < 2000; ++i) {
    server.Run({"ZADD", "z", std::to_string(i), "member" + std::to_string(i)});
  }
  EXPECT_GE(usage("s"), 5000);
  EXPECT_GE(usage("z"), 2000 * 20);
  const auto s = usage("s"), z = usage("z");
  ASSERT_EQ(server.Run({"DEBUG", "SPILL"}), kOk);
  EXPECT_EQ(usage("s"), s);
  EXPECT_NEAR(static_cast<double>(usage("z")), static_cast<double>(z), 0.3 * z);  // built anew
  EXPECT_EQ(server.Run({"MEMORY", "USAGE", "none"}), kNull);
  EXPECT_EQ(server.Run({"MEMORY", "USAGE", "s", "SAMPLES", "-1"}), kSyntax);
}

TEST(KeysCommandsTest, RestoreRefusesWhatIsNoDump) {
  TestServer server;
  const std::string good = codec::DumpPayload(codec::kRdbString, std::string_view("\x01x", 2));
  EXPECT_EQ(server.Run({"RESTORE", "k", "0", good}), kOk);
  EXPECT_EQ(server.Run({"GET", "k"}), Bulk("x"));
  std::string flipped = good;
  flipped[1] ^= 1;
  const std::string checksum = "-ERR DUMP payload version or checksum are wrong\r\n";
  EXPECT_EQ(server.Run({"RESTORE", "l", "0", flipped}), checksum);
  EXPECT_EQ(server.Run({"RESTORE", "l", "0", ""}), checksum);
  EXPECT_EQ(server.Run({"RESTORE", "l", "0", codec::DumpPayload(codec::kRdbString, "\x05x")}),
            "-ERR Bad data format\r\n");
  EXPECT_EQ(server.Run({"RESTORE", "l", "0", codec::DumpPayload(8, "")}),
            "-ERR Bad data format\r\n");
  EXPECT_EQ(server.Run({"RESTORE", "l", "-1", good}), "-ERR Invalid TTL value, must be >= 0\r\n");
  EXPECT_EQ(server.Run({"RESTORE", "l", "0", good, "FREQ", "256"}),
            "-ERR Invalid FREQ value, must be >= 0 and <= 255\r\n");
  EXPECT_EQ(server.Run({"RESTORE", "l", "0", good, "FREQ", "1", "IDLETIME", "1"}), kSyntax);
  EXPECT_EQ(server.Run({"EXISTS", "l"}), ":0\r\n");
}

TEST(KeysCommandsTest, ScanReturnsEveryKeyOfBothTiers) {
  TestServer server(WithDebug());
  std::set<std::string> expected;
  for (int i = 0; i < 500; ++i) {
    const std::string key = "key:" + std::to_string(i);
    server.Run({"SET", key, "v"});
    expected.insert(key);
    if (i == 300) {
      ASSERT_EQ(server.Run({"DEBUG", "SPILL"}), kOk);
    }
  }
  EXPECT_EQ(ScanAll(server, "7"), expected);
  EXPECT_EQ(ScanAll(server, "100000"), expected);
  server.Run({"DEL", "key:5", "key:400"});  // one cold, one hot
  expected.erase("key:5");
  expected.erase("key:400");
  EXPECT_EQ(ScanAll(server, "10"), expected);
  const std::vector<std::string> keys = Bulks(server.Run({"KEYS", "*"}));
  EXPECT_EQ(std::set<std::string>(keys.begin(), keys.end()), expected);
  EXPECT_EQ(keys.size(), expected.size());
  EXPECT_EQ(Bulks(server.Run({"KEYS", "key:49?"})).size(), 10u);
  EXPECT_EQ(expected.count(Bulks(server.Run({"RANDOMKEY"})).front()), 1u);
}

TEST(KeysCommandsTest, ScanFiltersByPatternAndType) {
  TestServer server;
  server.Run({"MSET", "apple", "1", "pear", "2"});
  EXPECT_EQ(server.Run({"SCAN", "0", "MATCH", "a*", "COUNT", "1000"}),
            "*2\r\n" + Bulk("0") + "*1\r\n" + Bulk("apple"));
  EXPECT_EQ(Bulks(server.Run({"SCAN", "0", "TYPE", "STRING", "COUNT", "1000"})).size(), 3u);
  EXPECT_EQ(Bulks(server.Run({"SCAN", "0", "TYPE", "list", "COUNT", "1000"})).size(), 1u);
  EXPECT_EQ(Bulks(server.Run({"SCAN", "0", "TYPE", "nonsense", "COUNT", "1000"})).size(), 1u);
}

TEST(KeysCommandsTest, ScanTakesCursorsAsStrtoulDoes) {
  TestServer server;
  const std::string empty = "*2\r\n" + Bulk("0") + "*0\r\n";
  const std::string bad = "-ERR invalid cursor\r\n";
  for (const std::string_view cursor : {"0", "+0", "", "-1", "18446744073709551615", "007"}) {
    EXPECT_EQ(server.Run({"SCAN", cursor}), empty) << cursor;
  }
  for (const std::string_view cursor : {"x", " 0", "0 ", "-", "18446744073709551616", "0x1"}) {
    EXPECT_EQ(server.Run({"SCAN", cursor}), bad) << cursor;
  }
  EXPECT_EQ(server.Run({"SCAN", "0", "COUNT", "0"}), kSyntax);
  EXPECT_EQ(server.Run({"SCAN", "0", "COUNT", "x"}), kNotInteger);
  EXPECT_EQ(server.Run({"SCAN", "0", "COUNT"}), kSyntax);
  EXPECT_EQ(server.Run({"SCAN", "0", "FOO", "1"}), kSyntax);
}

TEST(KeysCommandsTest, WalksRunToTheirEndInsideATransaction) {
  TestServer server(WithDebug());
  server.Run({"MSET", "a", "1", "b", "2"});
  ASSERT_EQ(server.Run({"DEBUG", "SPILL"}), kOk);
  server.Run({"MULTI"});
  server.Run({"KEYS", "a"});
  server.Run({"SCAN", "0", "MATCH", "b", "COUNT", "100"});
  server.Run({"DBSIZE"});
  EXPECT_EQ(server.Run({"EXEC"}),
            "*3\r\n*1\r\n" + Bulk("a") + "*2\r\n" + Bulk("0") + "*1\r\n" + Bulk("b") + ":2\r\n");
}

TEST(KeysCommandsTest, ObjectTellsHowAStringIsStored) {
  TestServer server;
  const auto encoding = [&](std::string_view value) {
    server.Run({"SET", "k", value});
    return Bulks(server.Run({"OBJECT", "ENCODING", "k"})).front();
  };
  EXPECT_EQ(encoding("12"), "int");
  EXPECT_EQ(encoding("012"), "embstr");
  EXPECT_EQ(encoding("9223372036854775808"), "embstr");
  EXPECT_EQ(encoding(std::string(44, 'a')), "embstr");
  EXPECT_EQ(encoding(std::string(45, 'a')), "raw");
  server.Run({"SET", "k", "9999"});
  EXPECT_EQ(server.Run({"OBJECT", "REFCOUNT", "k"}), ":2147483647\r\n");
  server.Run({"SET", "k", "10000"});
  EXPECT_EQ(server.Run({"OBJECT", "REFCOUNT", "k"}), ":1\r\n");
  EXPECT_EQ(server.Run({"OBJECT", "ENCODING", "none"}), kNull);
  EXPECT_EQ(server.Run({"OBJECT", "FREQ", "k"}).substr(0, 47),
            "-ERR An LFU maxmemory policy is not selected, a");
  ASSERT_EQ(server.Run({"CONFIG", "SET", "maxmemory-policy", "allkeys-lfu"}), kOk);
  EXPECT_EQ(server.Run({"OBJECT", "IDLETIME", "k"}).substr(0, 43),
            "-ERR An LFU maxmemory policy is selected, i");
  EXPECT_EQ(server.Run({"OBJECT", "FREQ", "k"})[0], ':');
  EXPECT_EQ(server.Run({"OBJECT", "NONSENSE"}),
            "-ERR unknown subcommand 'NONSENSE'. Try OBJECT HELP.\r\n");
}

TEST(KeysCommandsTest, FlushAndSwapWorkOnWholeDatabases) {
  TestServer server(WithDebug());
  server.Run({"SET", "zero", "0"});
  server.Run({"SELECT", "1"});
  server.Run({"SET", "one", "1"});
  ASSERT_EQ(server.Run({"DEBUG", "SPILL"}), kOk);
  EXPECT_EQ(server.Run({"SWAPDB", "0", "1"}), kOk);
  EXPECT_EQ(server.Run({"GET", "zero"}), Bulk("0"));
  EXPECT_EQ(server.Run({"FLUSHDB", "ASYNC"}), kOk);
  EXPECT_EQ(server.Run({"DBSIZE"}), ":0\r\n");
  server.Run({"SELECT", "0"});
  EXPECT_EQ(server.Run({"GET", "one"}), Bulk("1"));
  EXPECT_EQ(server.Run({"FLUSHALL", "now"}), kSyntax);
  EXPECT_EQ(server.Run({"FLUSHALL", "sync"}), kOk);
  EXPECT_EQ(server.Run({"EXISTS", "one"}), ":0\r\n");
  EXPECT_EQ(server.Run({"RANDOMKEY"}), kNull);
  EXPECT_EQ(server.Run({"SWAPDB", "x", "0"}), "-ERR invalid first DB index\r\n");
  EXPECT_EQ(server.Run({"SWAPDB", "0", "x"}), "-ERR invalid second DB index\r\n");
  EXPECT_EQ(server.Run({"SWAPDB", "0", "16"}), "-ERR DB index is out of range\r\n");
}

}  // namespace
}  // namespace thermocline::server
