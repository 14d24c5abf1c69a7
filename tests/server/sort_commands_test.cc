// SORT and SORT_RO through dispatch. The replies are redis-server 7.0.15's.
#include <gtest/gtest.h>

#include "tests/server/exchanges.h"

namespace thermocline::server {
namespace {

TEST(SortCommandsTest, NumbersByValueThenByText) {
  ExpectReplies({
      {{"RPUSH", "l", "10", "9", "-1", "2.5", "9", "0x10", "1e1"}, ":7\r\n"},
      {{"SORT", "l"},
       "*7\r\n$2\r\n-1\r\n$3\r\n2.5\r\n$1\r\n9\r\n$1\r\n9\r\n$2\r\n10\r\n$3\r\n1e1\r\n$"
       "4\r\n0x10\r\n"},
      {{"SORT", "l", "DESC"},
       "*7\r\n$4\r\n0x10\r\n$3\r\n1e1\r\n$2\r\n10\r\n$1\r\n9\r\n$1\r\n9\r\n$3\r\n2.5\r\n$2\r\n-"
       "1\r\n"},
      {{"SORT", "l", "ALPHA"},
       "*7\r\n$2\r\n-1\r\n$4\r\n0x10\r\n$2\r\n10\r\n$3\r\n1e1\r\n$3\r\n2.5\r\n$1\r\n9\r\n$"
       "1\r\n9\r\n"},
      {{"SORT", "l", "ALPHA", "DESC", "LIMIT", "1", "3"},
       "*3\r\n$1\r\n9\r\n$3\r\n2.5\r\n$3\r\n1e1\r\n"},
      {{"SORT", "l", "LIMIT", "5", "100"}, "*2\r\n$3\r\n1e1\r\n$4\r\n0x10\r\n"},
      {{"SORT", "l", "LIMIT", "7", "1"}, "*0\r\n"},
      {{"SORT", "l", "LIMIT", "-5", "2"}, "*2\r\n$2\r\n-1\r\n$3\r\n2.5\r\n"},
      {{"SORT", "l", "LIMIT", "2", "-1"},
       "*5\r\n$1\r\n9\r\n$1\r\n9\r\n$2\r\n10\r\n$3\r\n1e1\r\n$4\r\n0x10\r\n"},
      {{"SORT_RO", "l", "ASC"},
       "*7\r\n$2\r\n-1\r\n$3\r\n2.5\r\n$1\r\n9\r\n$1\r\n9\r\n$2\r\n10\r\n$3\r\n1e1\r\n$"
       "4\r\n0x10\r\n"},
      {{"SORT", "none"}, "*0\r\n"},
      {{"SORT", "none", "STORE", "d"}, ":0\r\n"},
      {{"RPUSH", "words", "b", "a"}, ":2\r\n"},
      {{"SORT", "words"}, "-ERR One or more scores can't be converted into double\r\n"},
      {{"SORT", "words", "ALPHA"}, "*2\r\n$1\r\na\r\n$1\r\nb\r\n"},
      {{"SORT", "words", "BY", "nosort"}, "*2\r\n$1\r\nb\r\n$1\r\na\r\n"},
      {{"SORT", "words", "BY", "nosort", "DESC", "LIMIT", "1", "5", "GET", "#"},
       "*1\r\n$1\r\nb\r\n"},
      {{"RPUSH", "odd", "1", "nan"}, ":2\r\n"},
      {{"SORT", "odd"}, "-ERR One or more scores can't be converted into double\r\n"},
      {{"RPUSH", "blank", "3", "", " 2"}, ":3\r\n"},
      {{"SORT", "blank"}, "*3\r\n$0\r\n\r\n$2\r\n 2\r\n$1\r\n3\r\n"},
      {{"RPUSH", "big", "1", "1e400"}, ":2\r\n"},
      {{"SORT", "big"}, "-ERR One or more scores can't be converted into double\r\n"},
  });
}

TEST(SortCommandsTest, WeightsAndValuesComeFromOtherKeys) {
  ExpectReplies({
      {{"RPUSH", "l", "1", "2", "3"}, ":3\r\n"},
      {{"MSET", "w_1", "30", "w_2", "20", "w_3", "10", "v_1", "one", "v_3", "three"}, "+OK\r\n"},
      {{"HSET", "h_1", "f", "first", "g", "9"}, ":2\r\n"},
      {{"HSET", "h_2", "f", "second", "g", "8"}, ":2\r\n"},
      {{"HSET", "h_3", "g", "7"}, ":1\r\n"},
      {{"SORT", "l", "BY", "w_*"}, "*3\r\n$1\r\n3\r\n$1\r\n2\r\n$1\r\n1\r\n"},
      {{"SORT", "l", "BY", "w_*", "GET", "v_*"}, "*3\r\n$5\r\nthree\r\n$-1\r\n$3\r\none\r\n"},
      {{"SORT", "l", "BY", "w_*", "GET", "#", "GET", "v_*", "GET", "h_*->f", "GET", "nosuch"},
       "*12\r\n$1\r\n3\r\n$5\r\nthree\r\n$-1\r\n$-1\r\n$1\r\n2\r\n$-1\r\n$6\r\nsecond\r\n$-1\r\n$"
       "1\r\n1\r\n$3\r\none\r\n$5\r\nfirst\r\n$-1\r\n"},
      {{"SORT", "l", "BY", "h_*->g"}, "*3\r\n$1\r\n3\r\n$1\r\n2\r\n$1\r\n1\r\n"},
      {{"SORT", "l", "BY", "h_*->f", "ALPHA", "GET", "h_*->f"},
       "*3\r\n$-1\r\n$5\r\nfirst\r\n$6\r\nsecond\r\n"},
      {{"SORT", "l", "BY", "v_*", "ALPHA", "DESC"}, "*3\r\n$1\r\n3\r\n$1\r\n1\r\n$1\r\n2\r\n"},
      {{"SORT", "l", "BY", "v_*"}, "-ERR One or more scores can't be converted into double\r\n"},
      {{"SORT", "l", "BY", "nosuch_*", "DESC"}, "*3\r\n$1\r\n3\r\n$1\r\n2\r\n$1\r\n1\r\n"},
      {{"SORT", "l", "GET", "l", "GET", "v_*->f", "GET", "h_*"},
       "*9\r\n$-1\r\n$-1\r\n$-1\r\n$-1\r\n$-1\r\n$-1\r\n$-1\r\n$-1\r\n$-1\r\n"},
      {{"SORT", "l", "GET", "h_*->"}, "*3\r\n$-1\r\n$-1\r\n$-1\r\n"},
      {{"SORT", "l", "BY", "w_*", "LIMIT", "0", "2", "GET", "v_*", "STORE", "d"}, ":2\r\n"},
      {{"LRANGE", "d", "0", "-1"}, "*2\r\n$5\r\nthree\r\n$0\r\n\r\n"},
      {{"OBJECT", "ENCODING", "d"}, "$9\r\nquicklist\r\n"},
      {{"TTL", "d"}, ":-1\r\n"},
      {{"SORT_RO", "l", "BY", "w_*", "GET", "v_*"}, "*3\r\n$5\r\nthree\r\n$-1\r\n$3\r\none\r\n"},
      {{"SORT", "l", "BY", "w_*", "STORE", "l"}, ":3\r\n"},
      {{"LRANGE", "l", "0", "-1"}, "*3\r\n$1\r\n3\r\n$1\r\n2\r\n$1\r\n1\r\n"},
  });
}

TEST(SortCommandsTest, StoringReplacesAndDeletes) {
  ExpectReplies({
      {{"RPUSH", "l", "3", "1", "2"}, ":3\r\n"},
      {{"SET", "d", "x", "EX", "100"}, "+OK\r\n"},
      {{"SORT", "l", "STORE", "d"}, ":3\r\n"},
      {{"TYPE", "d"}, "+list\r\n"},
      {{"TTL", "d"}, ":-1\r\n"},
      {{"LRANGE", "d", "0", "-1"}, "*3\r\n$1\r\n1\r\n$1\r\n2\r\n$1\r\n3\r\n"},
      {{"SORT", "l", "LIMIT", "9", "1", "STORE", "d"}, ":0\r\n"},
      {{"EXISTS", "d"}, ":0\r\n"},
      {{"SORT", "l", "STORE", "d", "STORE", "e"}, ":3\r\n"},
      {{"EXISTS", "d", "e"}, ":1\r\n"},
      {{"SORT_RO", "l", "STORE", "d"}, "-ERR syntax error\r\n"},
  });
}

TEST(SortCommandsTest, SetsAndSortedSetsAreSorted) {
  ExpectReplies({
      {{"SADD", "s", "3", "1", "2"}, ":3\r\n"},
      {{"SORT", "s"}, "*3\r\n$1\r\n1\r\n$1\r\n2\r\n$1\r\n3\r\n"},
      {{"SORT", "s", "DESC", "LIMIT", "0", "1"}, "*1\r\n$1\r\n3\r\n"},
      {{"SADD", "t", "c", "a", "b"}, ":3\r\n"},
      {{"SORT", "t", "ALPHA"}, "*3\r\n$1\r\na\r\n$1\r\nb\r\n$1\r\nc\r\n"},
      {{"SORT", "t", "BY", "nosort", "STORE", "d"}, ":3\r\n"},
      {{"LRANGE", "d", "0", "-1"}, "*3\r\n$1\r\na\r\n$1\r\nb\r\n$1\r\nc\r\n"},
      {{"ZADD", "z", "1", "c", "2", "b", "3", "a", "4", "d"}, ":4\r\n"},
      {{"SORT", "z", "ALPHA"}, "*4\r\n$1\r\na\r\n$1\r\nb\r\n$1\r\nc\r\n$1\r\nd\r\n"},
      {{"SORT", "z", "BY", "nosort"}, "*4\r\n$1\r\nc\r\n$1\r\nb\r\n$1\r\na\r\n$1\r\nd\r\n"},
      {{"SORT", "z", "BY", "nosort", "DESC"}, "*4\r\n$1\r\nd\r\n$1\r\na\r\n$1\r\nb\r\n$1\r\nc\r\n"},
      {{"SORT", "z", "BY", "nosort", "LIMIT", "1", "2"}, "*2\r\n$1\r\nb\r\n$1\r\na\r\n"},
      {{"SORT", "z", "BY", "nosort", "DESC", "LIMIT", "1", "2"}, "*2\r\n$1\r\na\r\n$1\r\nb\r\n"},
      {{"SORT", "z", "BY", "nosort", "LIMIT", "9", "2"}, "*0\r\n"},
  });
}

TEST(SortCommandsTest, ErrorsAreRedis) {
  ExpectReplies({
      {{"SET", "s", "x"}, "+OK\r\n"},
      {{"SORT", "s"}, "-WRONGTYPE Operation against a key holding the wrong kind of value\r\n"},
      {{"SORT", "s", "ALPHA", "BOGUS"}, "-ERR syntax error\r\n"},
      {{"RPUSH", "l", "1"}, ":1\r\n"},
      {{"SORT", "l", "LIMIT", "0"}, "-ERR syntax error\r\n"},
      {{"SORT", "l", "LIMIT", "x", "1"}, "-ERR value is not an integer or out of range\r\n"},
      {{"SORT", "l", "LIMIT", "1", "x", "BOGUS"},
       "-ERR value is not an integer or out of range\r\n"},
      {{"SORT", "l", "BY"}, "-ERR syntax error\r\n"},
      {{"SORT", "l", "GET"}, "-ERR syntax error\r\n"},
      {{"SORT", "l", "STORE"}, "-ERR syntax error\r\n"},
      {{"SORT_RO", "l", "STORE", "d"}, "-ERR syntax error\r\n"},
      {{"COMMAND", "GETKEYS", "SORT", "l", "BY", "w_*", "STORE", "d"},
       "*2\r\n$1\r\nl\r\n$1\r\nd\r\n"},
      {{"COMMAND", "GETKEYSANDFLAGS", "SORT", "l", "GET", "store", "STORE", "d", "LIMIT", "1", "2",
        "STORE", "e"},
       "*2\r\n*2\r\n$1\r\nl\r\n*2\r\n+RO\r\n+access\r\n*2\r\n$1\r\ne\r\n*2\r\n+OW\r\n+update\r\n"},
      {{"COMMAND", "GETKEYSANDFLAGS", "SORT_RO", "l"},
       "*1\r\n*2\r\n$1\r\nl\r\n*2\r\n+RO\r\n+access\r\n"},
  });
}

}  // namespace
}  // namespace thermocline::server
