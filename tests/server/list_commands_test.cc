// The list family through dispatch. The replies are redis-server 7.0.15's.
#include <gtest/gtest.h>

#include "tests/server/exchanges.h"

namespace thermocline::server {
namespace {

TEST(ListCommandsTest, PushesGrowAtTheirEnd) {
  ExpectReplies({
      {{"RPUSHX", "l", "a"}, ":0\r\n"},
      {{"LPUSHX", "l", "a"}, ":0\r\n"},
      {{"RPUSH", "l", "a", "b"}, ":2\r\n"},
      {{"LPUSH", "l", "c", "d"}, ":4\r\n"},
      {{"RPUSHX", "l", "e"}, ":5\r\n"},
      {{"LPUSHX", "l", "f"}, ":6\r\n"},
      {{"LRANGE", "l", "0", "-1"},
       "*6\r\n$1\r\nf\r\n$1\r\nd\r\n$1\r\nc\r\n$1\r\na\r\n$1\r\nb\r\n$1\r\ne\r\n"},
      {{"LLEN", "l"}, ":6\r\n"},
      {{"LLEN", "none"}, ":0\r\n"},
      {{"OBJECT", "ENCODING", "l"}, "$9\r\nquicklist\r\n"},
      {{"TYPE", "l"}, "+list\r\n"},
      {{"SET", "s", "x"}, "+OK\r\n"},
      {{"RPUSH", "s", "a"},
       "-WRONGTYPE Operation against a key holding the wrong kind of value\r\n"},
      {{"LLEN", "s"}, "-WRONGTYPE Operation against a key holding the wrong kind of value\r\n"},
      {{"LPUSH", "l"}, "-ERR wrong number of arguments for 'lpush' command\r\n"},
  });
}

TEST(ListCommandsTest, RangesAndIndexesCountFromBothEnds) {
  ExpectReplies({
      {{"RPUSH", "l", "0", "1", "2", "3", "4"}, ":5\r\n"},
      {{"LRANGE", "l", "-2", "100"}, "*2\r\n$1\r\n3\r\n$1\r\n4\r\n"},
      {{"LRANGE", "l", "3", "1"}, "*0\r\n"},
      {{"LRANGE", "l", "5", "9"}, "*0\r\n"},
      {{"LRANGE", "l", "-100", "0"}, "*1\r\n$1\r\n0\r\n"},
      {{"LRANGE", "none", "0", "1"}, "*0\r\n"},
      {{"LRANGE", "none", "a", "1"}, "-ERR value is not an integer or out of range\r\n"},
      {{"LINDEX", "l", "-1"}, "$1\r\n4\r\n"},
      {{"LINDEX", "l", "5"}, "$-1\r\n"},
      {{"LINDEX", "none", "0"}, "$-1\r\n"},
      {{"LINDEX", "none", "x"}, "$-1\r\n"},
      {{"LINDEX", "l", "x"}, "-ERR value is not an integer or out of range\r\n"},
      {{"LSET", "l", "-1", "four"}, "+OK\r\n"},
      {{"LSET", "l", "5", "x"}, "-ERR index out of range\r\n"},
      {{"LSET", "none", "0", "x"}, "-ERR no such key\r\n"},
      {{"LSET", "l", "x", "y"}, "-ERR value is not an integer or out of range\r\n"},
      {{"LTRIM", "l", "1", "-1"}, "+OK\r\n"},
      {{"LTRIM", "none", "0", "x"}, "-ERR value is not an integer or out of range\r\n"},
      {{"LTRIM", "none", "0", "0"}, "+OK\r\n"},
      {{"LRANGE", "l", "0", "-1"}, "*4\r\n$1\r\n1\r\n$1\r\n2\r\n$1\r\n3\r\n$4\r\nfour\r\n"},
      {{"LTRIM", "l", "9", "9"}, "+OK\r\n"},
      {{"EXISTS", "l"}, ":0\r\n"},
  });
}

TEST(ListCommandsTest, PopsTakeOneOrMany) {
  ExpectReplies({
      {{"RPUSH", "l", "0", "1", "2", "3", "4"}, ":5\r\n"},
      {{"LPOP", "l"}, "$1\r\n0\r\n"},
      {{"RPOP", "l"}, "$1\r\n4\r\n"},
      {{"LPOP", "l", "0"}, "*0\r\n"},
      {{"LPOP", "none", "0"}, "*-1\r\n"},
      {{"LPOP", "none"}, "$-1\r\n"},
      {{"RPOP", "l", "2"}, "*2\r\n$1\r\n3\r\n$1\r\n2\r\n"},
      {{"LPOP", "l", "-1"}, "-ERR value is out of range, must be positive\r\n"},
      {{"LPOP", "l", "x"}, "-ERR value is out of range, must be positive\r\n"},
      {{"LPOP", "l", "1", "1"}, "-ERR wrong number of arguments for 'lpop' command\r\n"},
      {{"LPOP", "none", "-1"}, "-ERR value is out of range, must be positive\r\n"},
      {{"LPOP", "l", "9"}, "*1\r\n$1\r\n1\r\n"},
      {{"EXISTS", "l"}, ":0\r\n"},
      {{"HELLO", "3"}, ""},
      {{"LPOP", "none"}, "_\r\n"},
      {{"LPOP", "none", "1"}, "_\r\n"},
  });
}

TEST(ListCommandsTest, InsertionAndRemovalGoByValue) {
  ExpectReplies({
      {{"RPUSH", "l", "a", "b", "a", "c", "a", "1"}, ":6\r\n"},
      {{"LINSERT", "l", "BEFORE", "a", "x"}, ":7\r\n"},
      {{"LINSERT", "l", "after", "c", "y"}, ":8\r\n"},
      {{"LINSERT", "l", "AFTER", "nosuch", "y"}, ":-1\r\n"},
      {{"LINSERT", "none", "AFTER", "a", "y"}, ":0\r\n"},
      {{"LINSERT", "l", "BESIDE", "a", "y"}, "-ERR syntax error\r\n"},
      {{"LREM", "l", "2", "a"}, ":2\r\n"},
      {{"LREM", "l", "-1", "a"}, ":1\r\n"},
      {{"LREM", "l", "0", "nosuch"}, ":0\r\n"},
      {{"LREM", "none", "0", "a"}, ":0\r\n"},
      {{"LREM", "l", "x", "a"}, "-ERR value is not an integer or out of range\r\n"},
      {{"LREM", "l", "1", "01"}, ":0\r\n"},
      {{"LREM", "l", "1", "1"}, ":1\r\n"},
      {{"LRANGE", "l", "0", "-1"}, "*4\r\n$1\r\nx\r\n$1\r\nb\r\n$1\r\nc\r\n$1\r\ny\r\n"},
      {{"LREM", "l", "0", "x"}, ":1\r\n"},
      {{"LREM", "l", "0", "b"}, ":1\r\n"},
      {{"LREM", "l", "0", "c"}, ":1\r\n"},
      {{"LREM", "l", "0", "y"}, ":1\r\n"},
      {{"EXISTS", "l"}, ":0\r\n"},
  });
}

TEST(ListCommandsTest, PositionsByRankCountAndMaxlen) {
  ExpectReplies({
      {{"RPUSH", "l", "a", "b", "c", "a", "b", "a"}, ":6\r\n"},
      {{"LPOS", "l", "a"}, ":0\r\n"},
      {{"LPOS", "l", "a", "RANK", "-1"}, ":5\r\n"},
      {{"LPOS", "l", "a", "RANK", "2"}, ":3\r\n"},
      {{"LPOS", "l", "a", "RANK", "-2", "COUNT", "0"}, "*2\r\n:3\r\n:0\r\n"},
      {{"LPOS", "l", "a", "COUNT", "2"}, "*2\r\n:0\r\n:3\r\n"},
      {{"LPOS", "l", "a", "COUNT", "0", "MAXLEN", "3"}, "*1\r\n:0\r\n"},
      {{"LPOS", "l", "c", "MAXLEN", "2"}, "$-1\r\n"},
      {{"LPOS", "l", "nosuch"}, "$-1\r\n"},
      {{"LPOS", "l", "nosuch", "COUNT", "1"}, "*0\r\n"},
      {{"LPOS", "none", "a"}, "$-1\r\n"},
      {{"LPOS", "none", "a", "COUNT", "1"}, "*0\r\n"},
      {{"LPOS", "l", "a", "RANK", "0"},
       "-ERR RANK can't be zero: use 1 to start from the first match, 2 from the second ... or use "
       "negative to start from the end of the list\r\n"},
      {{"LPOS", "l", "a", "COUNT", "-1"}, "-ERR COUNT can't be negative\r\n"},
      {{"LPOS", "l", "a", "MAXLEN", "-1"}, "-ERR MAXLEN can't be negative\r\n"},
      {{"LPOS", "l", "a", "RANK", "x"}, "-ERR value is not an integer or out of range\r\n"},
      {{"LPOS", "l", "a", "RANK", "-9223372036854775808"}, ":5\r\n"},
      {{"LPOS", "l", "a", "COUNT"}, "-ERR syntax error\r\n"},
  });
}

TEST(ListCommandsTest, MovesBetweenListsAndWithinOne) {
  ExpectReplies({
      {{"RPUSH", "l", "a", "b", "c"}, ":3\r\n"},
      {{"LMOVE", "l", "m", "LEFT", "RIGHT"}, "$1\r\na\r\n"},
      {{"LMOVE", "l", "m", "RIGHT", "LEFT"}, "$1\r\nc\r\n"},
      {{"LRANGE", "m", "0", "-1"}, "*2\r\n$1\r\nc\r\n$1\r\na\r\n"},
      {{"LMOVE", "m", "m", "LEFT", "RIGHT"}, "$1\r\nc\r\n"},
      {{"LRANGE", "m", "0", "-1"}, "*2\r\n$1\r\na\r\n$1\r\nc\r\n"},
      {{"RPOPLPUSH", "l", "l"}, "$1\r\nb\r\n"},
      {{"RPOPLPUSH", "l", "m"}, "$1\r\nb\r\n"},
      {{"EXISTS", "l"}, ":0\r\n"},
      {{"RPOPLPUSH", "none", "m"}, "$-1\r\n"},
      {{"SET", "s", "x"}, "+OK\r\n"},
      {{"RPOPLPUSH", "m", "s"},
       "-WRONGTYPE Operation against a key holding the wrong kind of value\r\n"},
      {{"RPOPLPUSH", "s", "m"},
       "-WRONGTYPE Operation against a key holding the wrong kind of value\r\n"},
      {{"LMOVE", "m", "l", "UP", "RIGHT"}, "-ERR syntax error\r\n"},
      {{"LMOVE", "m", "l", "LEFT", "UP"}, "-ERR syntax error\r\n"},
      {{"LRANGE", "m", "0", "-1"}, "*3\r\n$1\r\nb\r\n$1\r\na\r\n$1\r\nc\r\n"},
  });
}

TEST(ListCommandsTest, MultiPopTakesTheFirstListThatIsThere) {
  ExpectReplies({
      {{"RPUSH", "b", "1", "2", "3"}, ":3\r\n"},
      {{"LMPOP", "2", "a", "b", "LEFT"}, "*2\r\n$1\r\nb\r\n*1\r\n$1\r\n1\r\n"},
      {{"LMPOP", "2", "a", "b", "right", "COUNT", "9"},
       "*2\r\n$1\r\nb\r\n*2\r\n$1\r\n3\r\n$1\r\n2\r\n"},
      {{"LMPOP", "2", "a", "b", "LEFT"}, "*-1\r\n"},
      {{"SET", "s", "x"}, "+OK\r\n"},
      {{"LMPOP", "2", "s", "b", "LEFT"},
       "-WRONGTYPE Operation against a key holding the wrong kind of value\r\n"},
      {{"LMPOP", "0", "a", "LEFT"}, "-ERR numkeys should be greater than 0\r\n"},
      {{"LMPOP", "x", "a", "LEFT"}, "-ERR numkeys should be greater than 0\r\n"},
      {{"LMPOP", "2", "a", "LEFT"}, "-ERR syntax error\r\n"},
      {{"LMPOP", "9223372036854775807", "a", "LEFT"}, "-ERR syntax error\r\n"},
      {{"LMPOP", "1", "a", "UP"}, "-ERR syntax error\r\n"},
      {{"LMPOP", "1", "a", "LEFT", "COUNT", "0"}, "-ERR count should be greater than 0\r\n"},
      {{"LMPOP", "1", "a", "LEFT", "COUNT", "1", "COUNT", "1"}, "-ERR syntax error\r\n"},
      {{"LMPOP", "1", "a", "LEFT", "BOGUS"}, "-ERR syntax error\r\n"},
      {{"HELLO", "3"}, ""},
      {{"LMPOP", "1", "a", "LEFT"}, "_\r\n"},
  });
}

}  // namespace
}  // namespace thermocline::server
