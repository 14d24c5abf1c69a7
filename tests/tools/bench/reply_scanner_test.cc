// ReplyScanner: every reply split at every byte, nested aggregates, garbage.
#include "tools/bench/reply_scanner.h"

#include <random>
#include <string>

#include "gtest/gtest.h"

namespace thermocline::tools {
namespace {

using Result = ReplyScanner::Result;

constexpr std::string_view kReplies[] = {
    "+OK\r\n",
    "-ERR no\r\n",
    ":42\r\n",
    "$5\r\nhe\r\no\r\n",
    "$0\r\n\r\n",
    "$-1\r\n",
    "*-1\r\n",
    "_\r\n",
    "*0\r\n",
    "*2\r\n$1\r\na\r\n*2\r\n:1\r\n$-1\r\n",
    "%1\r\n+k\r\n~2\r\n:1\r\n#t\r\n",
    ">2\r\n+a\r\n,1.5\r\n",
    "=7\r\ntxt:abc\r\n",
    "(123\r\n",
};

TEST(ReplyScannerTest, EveryReplySplitAtEveryByteIsFoundAtItsEnd) {
  for (const std::string_view text : kReplies) {
    const std::string buffer = std::string(text) + "+NEXT\r\n";
    for (size_t cut = 0; cut < text.size(); ++cut) {
      ReplyScanner scanner;
      ScannedReply reply;
      size_t consumed = 0;
      ASSERT_EQ(scanner.Next(std::string_view(buffer).substr(0, cut), &reply, &consumed),
                Result::kNeedMore)
          << text << cut;
      ASSERT_EQ(scanner.Next(buffer, &reply, &consumed), Result::kReply) << text << cut;
      EXPECT_EQ(consumed, text.size());
      EXPECT_EQ(reply.kind, text.front());
    }
  }
}

TEST(ReplyScannerTest, PayloadAndNullAreReported) {
  ReplyScanner scanner;
  ScannedReply reply;
  size_t consumed = 0;
  ASSERT_EQ(scanner.Next("$5\r\nhello\r\n", &reply, &consumed), Result::kReply);
  EXPECT_EQ(reply.payload, "hello");
  EXPECT_FALSE(reply.is_null);
  ASSERT_EQ(scanner.Next("-ERR bad thing\r\n", &reply, &consumed), Result::kReply);
  EXPECT_EQ(reply.payload, "ERR bad thing");
  for (const char* null : {"$-1\r\n", "*-1\r\n", "_\r\n"}) {
    ASSERT_EQ(scanner.Next(null, &reply, &consumed), Result::kReply);
    EXPECT_TRUE(reply.is_null);
  }
}

TEST(ReplyScannerTest, GarbageIsBroken) {
  for (const char* text :
       {"x\r\n", "\r\n", "$abc\r\n", "$-2\r\n", "*9999999999999\r\n", "$1x\r\n"}) {
    ReplyScanner scanner;
    ScannedReply reply;
    size_t consumed = 0;
    EXPECT_EQ(scanner.Next(text, &reply, &consumed), Result::kBroken) << text;
  }
}

TEST(ReplyScannerTest, RandomBytesNeverReadPastTheEnd) {
  std::mt19937_64 random(11);
  constexpr std::string_view kAlphabet = "$*+-:%~>_#=\r\n0123456789-ab";
  for (int round = 0; round < 50'000; ++round) {
    std::string text(random() % 40, ' ');
    for (char& c : text) c = kAlphabet[random() % kAlphabet.size()];
    ReplyScanner scanner;
    ScannedReply reply;
    size_t consumed = 0;
    if (scanner.Next(text, &reply, &consumed) == Result::kReply) {
      ASSERT_LE(consumed, text.size());
      ASSERT_GT(consumed, 0u);
    }
  }
}

}  // namespace
}  // namespace thermocline::tools
