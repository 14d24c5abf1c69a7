// The sorted-set family through dispatch, where the differential test seldom comes. The replies are
// redis-server 7.0.15's.
#include <gtest/gtest.h>

#include "tests/server/exchanges.h"

namespace thermocline::server {
namespace {

TEST(ZsetCommandsTest, RangeStoreLosesTheSignOfZeroAsLongAsItFillsAListpack) {
  const std::string long_member(65, 'w');
  ExpectReplies({
      {{"ZADD", "c", "17", long_member, "-0", "x"}, ":2\r\n"},
      {{"ZSCORE", "c", "x"}, "$2\r\n-0\r\n"},
      {{"ZRANGESTORE", "d", "c", "0", "-1"}, ":2\r\n"},
      {{"ZSCORE", "d", "x"}, "$1\r\n0\r\n"},
      {{"OBJECT", "ENCODING", "d"}, "$8\r\nskiplist\r\n"},
      {{"ZRANGESTORE", "d", "c", "17", "-1", "BYSCORE", "REV"}, ":2\r\n"},
      {{"ZSCORE", "d", "x"}, "$2\r\n-0\r\n"},

      {{"CONFIG", "SET", "zset-max-listpack-entries", "0"}, "+OK\r\n"},
      {{"ZADD", "e", "-0", "a", "-0", "b", "1", "c"}, ":3\r\n"},
      {{"CONFIG", "SET", "zset-max-listpack-entries", "2"}, "+OK\r\n"},
      // By rank it is known beforehand how many there will be.
      {{"ZRANGESTORE", "d", "e", "0", "-1"}, ":3\r\n"},
      {{"ZSCORE", "d", "a"}, "$2\r\n-0\r\n"},
      {{"ZRANGESTORE", "d", "e", "0", "1"}, ":2\r\n"},
      {{"ZSCORE", "d", "a"}, "$1\r\n0\r\n"},
      {{"ZRANGESTORE", "d", "e", "-inf", "+inf", "BYSCORE"}, ":3\r\n"},
      {{"ZMSCORE", "d", "a", "b"}, "*2\r\n$1\r\n0\r\n$1\r\n0\r\n"},
      {{"ZRANGESTORE", "d", "e", "+inf", "-inf", "BYSCORE", "REV"}, ":3\r\n"},
      {{"ZMSCORE", "d", "a", "b"}, "*2\r\n$2\r\n-0\r\n$1\r\n0\r\n"},
  });
}

}  // namespace
}  // namespace thermocline::server
