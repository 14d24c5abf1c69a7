// The string family through dispatch: replies as bytes, effects as later replies see them. What
// redis-server answers to the same commands compares tests/integration/oracle.
#include <gtest/gtest.h>

#include <string>

#include "server/commands/lcs.h"
#include "server/testing/test_server.h"
#include "tests/server/replies.h"

namespace thermocline::server {
namespace {

class FixedClock final : public engine::Clock {
 public:
  int64_t WallMs() override { return wall_ms; }
  int64_t MonotonicUs() override { return wall_ms * 1000; }
  int64_t wall_ms = 1'700'000'000'000;
};

TEST(StringCommandsTest, SetTakesItsOptionsInAnyOrderAndCase) {
  TestServer server;
  EXPECT_EQ(server.Run({"SET", "k", "v", "px", "100000", "nX"}), kOk);
  EXPECT_EQ(server.Run({"SET", "k", "w", "NX"}), kNull);
  EXPECT_EQ(server.Run({"SET", "k", "w", "NX", "GET"}), Bulk("v"));
  EXPECT_EQ(server.Run({"SET", "k", "w", "get", "keepttl", "xx"}), Bulk("v"));
  EXPECT_EQ(server.Run({"GET", "k"}), Bulk("w"));
  EXPECT_NE(server.Run({"TTL", "k"}), ":-1\r\n");
  EXPECT_EQ(server.Run({"SET", "k", "x"}), kOk);
  EXPECT_EQ(server.Run({"TTL", "k"}), ":-1\r\n");
  EXPECT_EQ(server.Run({"SET", "other", "x", "XX"}), kNull);
  EXPECT_EQ(server.Run({"SET", "other", "x", "XX", "GET"}), kNull);
  EXPECT_EQ(server.Run({"EXISTS", "other"}), ":0\r\n");
}

TEST(StringCommandsTest, SetRefusesOptionsThatExcludeEachOther) {
  TestServer server;
  EXPECT_EQ(server.Run({"SET", "k", "v", "NX", "XX"}), kSyntax);
  EXPECT_EQ(server.Run({"SET", "k", "v", "EX", "1", "PX", "1"}), kSyntax);
  EXPECT_EQ(server.Run({"SET", "k", "v", "KEEPTTL", "EX", "1"}), kSyntax);
  EXPECT_EQ(server.Run({"SET", "k", "v", "EX", "1", "KEEPTTL"}), kSyntax);
  EXPECT_EQ(server.Run({"SET", "k", "v", "PERSIST"}), kSyntax);
  EXPECT_EQ(server.Run({"SET", "k", "v", "EX"}), kSyntax);
  EXPECT_EQ(server.Run({"GETEX", "k", "KEEPTTL"}), kSyntax);
  EXPECT_EQ(server.Run({"GETEX", "k", "PERSIST", "EX", "1"}), kSyntax);
  EXPECT_EQ(server.Run({"EXISTS", "k"}), ":0\r\n");
}

TEST(StringCommandsTest, DeadlinesOutOfRangeAreNamedWithTheCommand) {
  TestServer server;
  const std::string set = "-ERR invalid expire time in 'set' command\r\n";
  EXPECT_EQ(server.Run({"SET", "k", "v", "EX", "0"}), set);
  EXPECT_EQ(server.Run({"SET", "k", "v", "PX", "-1"}), set);
  EXPECT_EQ(server.Run({"SET", "k", "v", "EX", "9223372036854775807"}), set);
  EXPECT_EQ(server.Run({"SET", "k", "v", "PX", "9223372036854775807"}), set);
  EXPECT_EQ(server.Run({"SET", "k", "v", "EX", "x"}), kNotInteger);
  EXPECT_EQ(server.Run({"SETEX", "k", "0", "v"}),
            "-ERR invalid expire time in 'setex' command\r\n");
  EXPECT_EQ(server.Run({"PSETEX", "k", "-1", "v"}),
            "-ERR invalid expire time in 'psetex' command\r\n");
  EXPECT_EQ(server.Run({"SET", "k", "v", "PXAT", "9223372036854775807"}), kOk);
  EXPECT_EQ(server.Run({"PEXPIRETIME", "k"}), ":9223372036854775807\r\n");
}

TEST(StringCommandsTest, RelativeDeadlinesCountFromTheClock) {
  FixedClock clock;
  TestServerOptions options;
  options.clock = &clock;
  TestServer server(options);
  EXPECT_EQ(server.Run({"SET", "k", "v", "EX", "10"}), kOk);
  EXPECT_EQ(server.Run({"PEXPIRETIME", "k"}), ":1700000010000\r\n");
  EXPECT_EQ(server.Run({"GETEX", "k", "PX", "1500"}), Bulk("v"));
  EXPECT_EQ(server.Run({"PTTL", "k"}), ":1500\r\n");
  EXPECT_EQ(server.Run({"TTL", "k"}), ":2\r\n");
  clock.wall_ms += 1500;
  EXPECT_EQ(server.Run({"GET", "k"}), kNull);
  EXPECT_EQ(server.Run({"DBSIZE"}), ":0\r\n");
}

TEST(StringCommandsTest, GetExWithATimeInThePastDeletes) {
  TestServer server;
  server.Run({"SET", "k", "v"});
  EXPECT_EQ(server.Run({"GETEX", "k", "EXAT", "1"}), Bulk("v"));
  EXPECT_EQ(server.Run({"EXISTS", "k"}), ":0\r\n");
  EXPECT_EQ(server.Run({"GETEX", "k", "EXAT", "nonsense"}), kNull);
}

TEST(StringCommandsTest, GetDelAndGetSetReturnWhatWasThere) {
  TestServer server;
  EXPECT_EQ(server.Run({"GETSET", "k", "1"}), kNull);
  EXPECT_EQ(server.Run({"GETSET", "k", "2"}), Bulk("1"));
  EXPECT_EQ(server.Run({"GETDEL", "k"}), Bulk("2"));
  EXPECT_EQ(server.Run({"GETDEL", "k"}), kNull);
}

TEST(StringCommandsTest, MSetNeedsPairsAndMSetNxFreeKeys) {
  TestServer server;
  EXPECT_EQ(server.Run({"MSET", "a", "1", "b"}),
            "-ERR wrong number of arguments for 'mset' command\r\n");
  EXPECT_EQ(server.Run({"MSET", "a", "1", "b", "2", "a", "3"}), kOk);
  EXPECT_EQ(server.Run({"MGET", "a", "none", "b"}), "*3\r\n" + Bulk("3") + kNull + Bulk("2"));
  EXPECT_EQ(server.Run({"MSETNX", "c", "1", "a", "1"}), ":0\r\n");
  EXPECT_EQ(server.Run({"EXISTS", "c"}), ":0\r\n");
  EXPECT_EQ(server.Run({"MSETNX", "c", "1", "d", "1"}), ":1\r\n");
}

TEST(StringCommandsTest, CountersStopAtTheBoundsOf64Bits) {
  TestServer server;
  const std::string overflow = "-ERR increment or decrement would overflow\r\n";
  EXPECT_EQ(server.Run({"INCRBY", "n", "9223372036854775807"}), ":9223372036854775807\r\n");
  EXPECT_EQ(server.Run({"INCR", "n"}), overflow);
  EXPECT_EQ(server.Run({"DECRBY", "n", "-9223372036854775808"}),
            "-ERR decrement would overflow\r\n");
  EXPECT_EQ(server.Run({"DECR", "m"}), ":-1\r\n");
  EXPECT_EQ(server.Run({"DECRBY", "m", "9223372036854775807"}), ":-9223372036854775808\r\n");
  EXPECT_EQ(server.Run({"DECR", "m"}), overflow);
  EXPECT_EQ(server.Run({"INCRBY", "m", "+1"}), kNotInteger);
  server.Run({"SET", "text", "007"});
  EXPECT_EQ(server.Run({"INCR", "text"}), kNotInteger);
  server.Run({"APPEND", "digits", "1"});
  server.Run({"APPEND", "digits", "2"});
  EXPECT_EQ(server.Run({"INCR", "digits"}), ":13\r\n");
}

TEST(StringCommandsTest, IncrByFloatKeepsTheExpiryAndRefusesNaNAndInfinity) {
  TestServer server;
  server.Run({"SET", "f", "10.50", "EX", "1000"});
  EXPECT_EQ(server.Run({"INCRBYFLOAT", "f", "0.1"}), Bulk("10.6"));
  EXPECT_EQ(server.Run({"INCRBYFLOAT", "f", "-5"}), Bulk("5.6"));
  EXPECT_EQ(server.Run({"INCRBYFLOAT", "f", "5.0e3"}), Bulk("5005.60000000000000009"));
  EXPECT_NE(server.Run({"TTL", "f"}), ":-1\r\n");
  EXPECT_EQ(server.Run({"INCRBYFLOAT", "f", "nan"}), "-ERR value is not a valid float\r\n");
  EXPECT_EQ(server.Run({"INCRBYFLOAT", "f", " 1"}), "-ERR value is not a valid float\r\n");
  EXPECT_EQ(server.Run({"INCRBYFLOAT", "f", "inf"}),
            "-ERR increment would produce NaN or Infinity\r\n");
}

TEST(StringCommandsTest, AppendAndSetRangeStopAtTheLongestString) {
  TestServer server;
  const std::string too_long = "-ERR string exceeds maximum allowed size (proto-max-bulk-len)\r\n";
  EXPECT_EQ(server.Run({"APPEND", "a", "abc"}), ":3\r\n");
  EXPECT_EQ(server.Run({"APPEND", "a", ""}), ":3\r\n");
  EXPECT_EQ(server.Run({"SETRANGE", "s", "5", ""}), ":0\r\n");
  EXPECT_EQ(server.Run({"EXISTS", "s"}), ":0\r\n");
  EXPECT_EQ(server.Run({"SETRANGE", "s", "2", "xy"}), ":4\r\n");
  EXPECT_EQ(server.Run({"GET", "s"}), Bulk(std::string_view("\0\0xy", 4)));
  EXPECT_EQ(server.Run({"SETRANGE", "s", "536870912", "x"}), too_long);
  EXPECT_EQ(server.Run({"SETRANGE", "s", "9223372036854775807", "x"}), too_long);
  EXPECT_EQ(server.Run({"SETRANGE", "s", "-1", "x"}), "-ERR offset is out of range\r\n");
  // No value can be that long when this setting goes down; the limit still holds.
  ASSERT_EQ(server.Run({"CONFIG", "SET", "proto-max-bulk-len", "1048576"}), kOk);
  EXPECT_EQ(server.Run({"SETRANGE", "s", "1048576", "x"}), too_long);
  EXPECT_EQ(server.Run({"STRLEN", "s"}), ":4\r\n");
}

TEST(StringCommandsTest, GetRangeClampsBothEnds) {
  TestServer server;
  server.Run({"SET", "k", "Hello"});
  const auto range = [&](std::string_view start, std::string_view end) {
    return server.Run({"GETRANGE", "k", start, end});
  };
  EXPECT_EQ(range("0", "-1"), Bulk("Hello"));
  EXPECT_EQ(range("-3", "-2"), Bulk("ll"));
  EXPECT_EQ(range("-100", "1"), Bulk("He"));
  EXPECT_EQ(range("3", "9223372036854775807"), Bulk("lo"));
  EXPECT_EQ(range("-9223372036854775808", "0"), Bulk("H"));
  EXPECT_EQ(range("3", "1"), Bulk(""));
  EXPECT_EQ(range("-100", "-200"), Bulk(""));
  EXPECT_EQ(range("-200", "-100"), Bulk("H"));
  EXPECT_EQ(server.Run({"GETRANGE", "none", "0", "1"}), Bulk(""));
  EXPECT_EQ(server.Run({"SUBSTR", "k", "1", "2"}), Bulk("el"));
}

TEST(StringCommandsTest, LcsAnswersTextLengthOrMatches) {
  TestServer server;
  server.Run({"MSET", "a", "ohmytext", "b", "mynewtext"});
  EXPECT_EQ(server.Run({"LCS", "a", "b"}), Bulk("mytext"));
  EXPECT_EQ(server.Run({"LCS", "a", "b", "LEN"}), ":6\r\n");
  const std::string text_run = "*3\r\n*2\r\n:4\r\n:7\r\n*2\r\n:5\r\n:8\r\n:4\r\n";
  const std::string my_run = "*3\r\n*2\r\n:2\r\n:3\r\n*2\r\n:0\r\n:1\r\n:2\r\n";
  EXPECT_EQ(server.Run({"LCS", "a", "b", "IDX", "WITHMATCHLEN"}),
            "*4\r\n" + Bulk("matches") + "*2\r\n" + text_run + my_run + Bulk("len") + ":6\r\n");
  EXPECT_EQ(server.Run({"LCS", "a", "b", "IDX", "MINMATCHLEN", "4", "WITHMATCHLEN"}),
            "*4\r\n" + Bulk("matches") + "*1\r\n" + text_run + Bulk("len") + ":6\r\n");
  EXPECT_EQ(server.Run({"LCS", "a", "none"}), Bulk(""));
  EXPECT_EQ(server.Run({"LCS", "a", "b", "IDX", "LEN"}),
            "-ERR If you want both the length and indexes, please just use IDX.\r\n");
  EXPECT_EQ(server.Run({"LCS", "a", "b", "MINMATCHLEN"}), kSyntax);
  ASSERT_EQ(server.Run({"CONFIG", "SET", "proto-max-bulk-len", "1048576"}), kOk);
  server.Run({"SETRANGE", "a", "1000", "x"});
  server.Run({"SETRANGE", "b", "1000", "x"});
  EXPECT_EQ(server.Run({"LCS", "a", "b"}).substr(0, 24), "-ERR Insufficient memory");
}

TEST(LcsTest, TheLengthIsThatOfTheSubsequence) {
  EXPECT_EQ(LongestCommonLength("", "abc"), 0u);
  for (const std::string_view b : {"abcabba", "cbabac", "xyz", "a", ""}) {
    const CommonSubsequence common = LongestCommonSubsequence("cbabacabba", b);
    EXPECT_EQ(common.text.size(), LongestCommonLength("cbabacabba", b)) << b;
    size_t covered = 0;
    for (const CommonRange& range : common.ranges) {
      covered += range.length;
      EXPECT_EQ(std::string_view("cbabacabba").substr(range.in_a, range.length),
                b.substr(range.in_b, range.length));
    }
    EXPECT_EQ(covered, common.text.size()) << b;
  }
}

// A header is enough, around every length at which the payload's own length field grows.
TEST(StringCommandsTest, StrlenOfAColdStringReadsNoPayload) {
  TestServer server({.config = {"--enable-debug-command", "yes"}});
  const size_t lengths[] = {0,   1,   63,    64,    253,   254,   255,
                            256, 257, 16382, 16383, 16384, 16385, 100'000};
  for (const size_t length : lengths) {
    server.Run({"SET", "k" + std::to_string(length), std::string(length, 'x')});
  }
  server.Run({"SET", "number", "-1234567890123456789"});
  ASSERT_EQ(server.Run({"DEBUG", "SPILL"}), kOk);
  for (const size_t length : lengths) {
    const std::string key = "k" + std::to_string(length);
    EXPECT_EQ(server.Run({"STRLEN", key}), ":" + std::to_string(length) + "\r\n");
    server.db().BeginFrame();
    const engine::Entry* entry = server.db().Find(0, key);
    server.db().CommitFrame();
    ASSERT_NE(entry, nullptr);
    EXPECT_EQ(entry->resident(), length < 255) << length;
    // The header may be written again by itself, and the value still has to follow it.
    EXPECT_EQ(server.Run({"EXPIRE", key, "1000"}), ":1\r\n");
  }
  EXPECT_EQ(server.Run({"STRLEN", "number"}), ":20\r\n");
  ASSERT_EQ(server.Run({"DEBUG", "SPILL"}), kOk);
  for (const size_t length : lengths) {
    const std::string key = "k" + std::to_string(length);
    EXPECT_EQ(server.Run({"STRLEN", key}), ":" + std::to_string(length) + "\r\n");
    EXPECT_EQ(server.Run({"GET", key}), Bulk(std::string(length, 'x')));
    EXPECT_EQ(server.Run({"STRLEN", key}), ":" + std::to_string(length) + "\r\n");
  }
}

TEST(StringCommandsTest, ColdStringsAnswerLikeHotOnes) {
  TestServer server({.config = {"--enable-debug-command", "yes"}});
  const std::string large(100'000, 'x');
  server.Run({"MSET", "n", "41", "s", "hello", "f", "1.5", "large", large});
  server.Run({"SET", "e", "v", "EX", "1000"});
  ASSERT_EQ(server.Run({"DEBUG", "SPILL"}), kOk);
  EXPECT_EQ(server.Run({"STRLEN", "large"}), ":100000\r\n");
  EXPECT_EQ(server.Run({"INCR", "n"}), ":42\r\n");
  EXPECT_EQ(server.Run({"APPEND", "s", " world"}), ":11\r\n");
  EXPECT_EQ(server.Run({"INCRBYFLOAT", "f", "1"}), Bulk("2.5"));
  EXPECT_EQ(server.Run({"GETRANGE", "large", "99998", "-1"}), Bulk("xx"));
  EXPECT_EQ(server.Run({"SET", "e", "w", "KEEPTTL", "GET"}), Bulk("v"));
  EXPECT_NE(server.Run({"TTL", "e"}), ":-1\r\n");
  ASSERT_EQ(server.Run({"DEBUG", "SPILL"}), kOk);
  EXPECT_EQ(server.Run({"MGET", "n", "s", "none", "e"}),
            "*4\r\n" + Bulk("42") + Bulk("hello world") + kNull + Bulk("w"));
  EXPECT_EQ(server.Run({"MSETNX", "x", "1", "s", "2"}), ":0\r\n");
  EXPECT_EQ(server.Run({"SETNX", "n", "1"}), ":0\r\n");
  EXPECT_EQ(server.Run({"DBSIZE"}), ":5\r\n");
}

}  // namespace
}  // namespace thermocline::server
