// Replies of a list of commands, compared to the byte: for families whose expected replies were
// taken from redis-server 7.0.15.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

#include "codec/resp/writer.h"
#include "server/testing/test_server.h"

namespace thermocline::server {

struct Exchange {
  std::vector<std::string> command;
  std::string reply;  // empty: whatever
};

// Runs them one after the other, hot, and again with everything cold before each.
inline void ExpectReplies(const std::vector<Exchange>& exchanges) {
  for (const bool cold : {false, true}) {
    TestServer server;
    Client* client = server.Connect();
    for (const Exchange& exchange : exchanges) {
      if (cold) server.Run({"DEBUG", "SPILL"});
      const std::vector<std::string_view> argv(exchange.command.begin(), exchange.command.end());
      std::string bytes;
      codec::AppendCommand(bytes, argv);
      const std::string reply = server.Send(client, bytes);
      if (!exchange.reply.empty()) {
        EXPECT_EQ(reply, exchange.reply) << bytes;
      }
    }
  }
}

}  // namespace thermocline::server
