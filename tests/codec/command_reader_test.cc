// Log payloads: strict where the client parser is tolerant.
#include "codec/resp/command_reader.h"

#include <gtest/gtest.h>

#include <string>

#include "codec/resp/writer.h"

namespace thermocline::codec {
namespace {

using Argv = std::vector<std::string_view>;

TEST(CommandReader, ReadsWhatAppendCommandWrites) {
  std::string payload;
  AppendCommand(payload, {"SELECT", "3"});
  const size_t second = payload.size();
  AppendCommand(payload, {"SET", "k", std::string_view("\r\n\0", 3), ""});
  CommandReader reader(payload);
  Argv argv;
  ASSERT_EQ(reader.Next(&argv), CommandReader::kCommand);
  EXPECT_EQ(argv, (Argv{"SELECT", "3"}));
  EXPECT_EQ(reader.offset(), second);
  ASSERT_EQ(reader.Next(&argv), CommandReader::kCommand);
  EXPECT_EQ(argv, (Argv{"SET", "k", std::string_view("\r\n\0", 3), ""}));
  EXPECT_EQ(reader.Next(&argv), CommandReader::kEnd);
  EXPECT_EQ(reader.Next(&argv), CommandReader::kEnd);
}

TEST(CommandReader, APayloadCutAnywhereIsCorrupt) {
  std::string payload;
  AppendCommand(payload, {"SET", "k", "v"});
  for (size_t cut = 1; cut < payload.size(); ++cut) {
    // A copy, so that the sanitizer sees a read beyond the cut.
    const std::string shorter = payload.substr(0, cut);
    CommandReader reader(shorter);
    Argv argv;
    EXPECT_EQ(reader.Next(&argv), CommandReader::kCorrupt) << cut;
    EXPECT_EQ(reader.Next(&argv), CommandReader::kCorrupt) << cut;
    EXPECT_EQ(reader.offset(), 0u);
  }
}

TEST(CommandReader, RefusesWhatAClientMayWrite) {
  for (const std::string payload :
       {"PING\r\n", "*0\r\n", "*-1\r\n", "*1\r\n$-1\r\n", "*1\r\n$01\r\na\r\n", "*1\r\n$1\r\na..",
        "*1\r\n$1\ra\r\n", "*01\r\n$1\r\na\r\n", "*1\r\n:1\r\n",
        "*1\r\n$9223372036854775807\r\na\r\n", "*9223372036854775807\r\n",
        "*1\r\n$99999999999999999999\r\na\r\n", "*\r\n"}) {
    CommandReader reader(payload);
    Argv argv;
    EXPECT_EQ(reader.Next(&argv), CommandReader::kCorrupt) << payload;
  }
}

}  // namespace
}  // namespace thermocline::codec
