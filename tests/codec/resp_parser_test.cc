// Requests: every split gives the same requests, every malformed stream Redis's error. The error
// texts and limits were compared with redis-server 7.0.15 over a socket.
#include <gtest/gtest.h>

#include <cstring>
#include <memory>

#include "codec/resp/parser.h"
#include "codec/resp/writer.h"
#include "tests/codec/golden.h"

namespace thermocline::codec {
namespace {

using Argv = std::vector<std::string>;

struct Outcome {
  std::vector<Argv> requests;
  std::string error;
  size_t left = 0;  // bytes not consumed
  bool operator==(const Outcome&) const = default;
};

std::ostream& operator<<(std::ostream& out, const Outcome& outcome) {
  for (const Argv& argv : outcome.requests) {
    out << "[";
    for (const std::string& argument : argv) out << "'" << argument << "' ";
    out << "] ";
  }
  return out << "error '" << outcome.error << "' left " << outcome.left;
}

// Feeds `stream` in the given pieces, each time from a fresh allocation of exactly the bytes that
// are unconsumed: a parser that keeps pointers or reads too far is caught by the sanitizer.
Outcome Feed(std::string_view stream, const std::vector<size_t>& cuts, bool authenticated = true) {
  RequestParser parser;
  parser.set_authenticated(authenticated);
  Outcome outcome;
  size_t consumed_total = 0;
  std::vector<std::string_view> argv;
  for (size_t i = 0; i <= cuts.size(); ++i) {
    const size_t end = i < cuts.size() ? cuts[i] : stream.size();
    for (;;) {
      const size_t n = end - consumed_total;
      const std::unique_ptr<char[]> copy(new char[n]);
      if (n > 0) std::memcpy(copy.get(), stream.data() + consumed_total, n);
      size_t consumed = 0;
      const ParseResult result = parser.Next({copy.get(), n}, &argv, &consumed);
      if (result == ParseResult::kError) {
        outcome.error = parser.error();
        outcome.left = stream.size() - consumed_total;
        return outcome;
      }
      if (result == ParseResult::kNeedMore) break;
      outcome.requests.emplace_back(argv.begin(), argv.end());
      consumed_total += consumed;
    }
  }
  outcome.left = stream.size() - consumed_total;
  return outcome;
}

Outcome Whole(std::string_view stream) { return Feed(stream, {}); }
std::string ErrorOf(std::string_view stream, bool authenticated = true) {
  return Feed(stream, {}, authenticated).error;
}

const std::string kPipeline =
    "*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$5\r\nv\r\nv2\r\n"
    "*0\r\n*-1\r\n\r\n\n"
    "SET \"a b\" 'c\\'d' \"\\x41\\n\"\r\n"
    "*1\r\n$0\r\n\r\n"
    "PING\n"
    "*2\r\n$4\r\nECHO\r\n$12\r\n0123456789ab\r\n*2\r\n$4";

TEST(RequestParser, ParsesAPipelineOfAllForms) {
  const Outcome outcome = Whole(kPipeline);
  const std::vector<Argv> expected = {
      {"SET", "k", "v\r\nv2"}, {}, {}, {}, {}, {"SET", "a b", "c'd", "A\n"}, {""}, {"PING"},
      {"ECHO", "0123456789ab"}};
  EXPECT_EQ(outcome.requests, expected);
  EXPECT_EQ(outcome.error, "");
  EXPECT_EQ(outcome.left, strlen("*2\r\n$4"));
}

TEST(RequestParser, EverySplitGivesTheSameRequests) {
  const Outcome whole = Whole(kPipeline);
  for (size_t a = 0; a <= kPipeline.size(); ++a) {
    ASSERT_EQ(Feed(kPipeline, {a}), whole) << "cut at " << a;
    for (size_t b = a; b <= kPipeline.size(); ++b)
      ASSERT_EQ(Feed(kPipeline, {a, b}), whole) << a << " " << b;
  }
  std::vector<size_t> bytewise;
  for (size_t i = 0; i < kPipeline.size(); ++i) bytewise.push_back(i);
  EXPECT_EQ(Feed(kPipeline, bytewise), whole);
}

TEST(RequestParser, EverySplitGivesTheSameError) {
  for (const std::string stream : {"*2\r\n$1\r\na\r\n:1\r\n", "*1\r\n$1\r\na\r\n*x\r\n",
                                   "*1\r\n$x\r\n", "a 'b\r\n", "*1\r\n$-1\r\n"}) {
    const Outcome whole = Whole(stream);
    ASSERT_NE(whole.error, "") << stream;
    for (size_t cut = 0; cut <= stream.size(); ++cut)
      ASSERT_EQ(Feed(stream, {cut}), whole) << stream << cut;
  }
}

TEST(RequestParser, RandomStreamsDoNotDependOnTheSplit) {
  std::mt19937_64 random(TestSeed());
  const std::vector<std::string> pieces = {
      "*1\r\n", "*2\r\n", "$1\r\na\r\n", "$3\r\nfoo\r\n",      "\r\n", "\n",     "\r", "*",
      "$",      "1",      "-",           std::string(1, '\0'), "zz\n", "*0\r\n", "\"", "'",
      " ",      "\\",     "q 'r'\r\n"};
  for (int round = 0; round < 20000; ++round) {
    std::string stream;
    for (size_t n = random() % 12; n > 0; --n) stream += pieces[random() % pieces.size()];
    const Outcome whole = Whole(stream);
    std::vector<size_t> cuts;
    for (size_t i = 0; i < stream.size(); ++i) {
      if (random() % 3 == 0) cuts.push_back(i);
    }
    ASSERT_EQ(Feed(stream, cuts), whole) << ToHex(stream);
  }
}

TEST(RequestParser, MalformedStreamsGetRedisErrors) {
  EXPECT_EQ(ErrorOf("*1\r\n:3\r\n"), "Protocol error: expected '$', got ':'");
  EXPECT_EQ(ErrorOf("*1\r\n\r\n"), "Protocol error: expected '$', got ' '");
  EXPECT_EQ(ErrorOf("*1\r\n\n3\r\n"), "Protocol error: expected '$', got ' '");
  EXPECT_EQ(ErrorOf("*1\r\n\xff"
                    "3\r\n"),
            "Protocol error: expected '$', got '\xff'");
  for (const char* stream : {"*\r\n", "* 1\r\n", "*01\r\n", "*+1\r\n", "*1x\r\n", "*2147483648\r\n",
                             "*99999999999999999999\r\n"}) {
    EXPECT_EQ(ErrorOf(stream), "Protocol error: invalid multibulk length") << stream;
  }
  for (const char* stream : {"*1\r\n$\r\n", "*1\r\n$-1\r\n", "*1\r\n$1 \r\n", "*1\r\n$01\r\n",
                             "*1\r\n$536870913\r\n", "*1\r\n$99999999999999999999\r\n"}) {
    EXPECT_EQ(ErrorOf(stream), "Protocol error: invalid bulk length") << stream;
  }
  for (const char* stream : {"a \"b\r\n", "a 'b\r\n", "\"a\"b\r\n", "'a'b\r\n", "\"\\\"\r\n"}) {
    EXPECT_EQ(ErrorOf(stream), "Protocol error: unbalanced quotes in request") << stream;
  }
}

TEST(RequestParser, LinesEndAt64KiB) {
  const auto ones = [](size_t n) { return std::string(n, '1'); };
  EXPECT_EQ(ErrorOf(ones(65536)), "");
  EXPECT_EQ(ErrorOf(ones(65537)), "Protocol error: too big inline request");
  EXPECT_EQ(ErrorOf(ones(70000) + "\r\n"), "");  // complete when first seen
  EXPECT_EQ(ErrorOf("*" + ones(65535)), "");
  EXPECT_EQ(ErrorOf("*" + ones(65536)), "Protocol error: too big mbulk count string");
  EXPECT_EQ(ErrorOf("*1\r\n$" + ones(65535)), "");
  EXPECT_EQ(ErrorOf("*1\r\n$" + ones(65536)), "Protocol error: too big bulk count string");
  // A NUL hides the line end, as it does from strchr.
  EXPECT_EQ(ErrorOf(std::string("a\0b\r\n", 5)), "");
  EXPECT_EQ(ErrorOf(std::string("a\0b\r\n", 5) + ones(65536)),
            "Protocol error: too big inline request");
}

TEST(RequestParser, LimitsAreSmallBeforeAuthentication) {
  const auto bulk = [](size_t n) {
    return "$" + std::to_string(n) + "\r\n" + std::string(n, 'a') + "\r\n";
  };
  EXPECT_EQ(ErrorOf("*10\r\n", false), "");
  EXPECT_EQ(ErrorOf("*11\r\n", false), "Protocol error: unauthenticated multibulk length");
  EXPECT_EQ(ErrorOf("*1\r\n" + bulk(16384), false), "");
  EXPECT_EQ(ErrorOf("*1\r\n" + bulk(16385), false), "Protocol error: unauthenticated bulk length");
  EXPECT_EQ(ErrorOf("*11\r\n" + bulk(16385), true), "");
}

TEST(RequestParser, MaxBulkLengthIsASetting) {
  RequestParser parser;
  parser.set_max_bulk_length(INT64_MAX);
  std::vector<std::string_view> argv;
  size_t consumed = 0;
  EXPECT_EQ(parser.Next("*1\r\n$9223372036854775807\r\nabc", &argv, &consumed),
            ParseResult::kNeedMore);
  EXPECT_EQ(parser.BytesWanted(), static_cast<size_t>(INT64_MAX) + 2 - 3);
}

TEST(RequestParser, TellsHowManyBytesABulkLacks) {
  RequestParser parser;
  std::vector<std::string_view> argv;
  size_t consumed = 0;
  EXPECT_FALSE(parser.InRequest());
  EXPECT_EQ(parser.Next("*2\r\n$100000\r\nab", &argv, &consumed), ParseResult::kNeedMore);
  EXPECT_EQ(parser.BytesWanted(), 100000u);
  EXPECT_TRUE(parser.InRequest());
  const std::string stream = "*2\r\n$100000\r\n" + std::string(100000, 'a') + "\r\n";
  EXPECT_EQ(parser.Next(stream, &argv, &consumed), ParseResult::kNeedMore);
  EXPECT_EQ(parser.BytesWanted(), 0u);
  EXPECT_EQ(parser.Next(stream + "$1\r\nb\r\n", &argv, &consumed), ParseResult::kRequest);
  EXPECT_EQ(argv.size(), 2u);
  EXPECT_FALSE(parser.InRequest());
}

TEST(RequestParser, ErrorsStay) {
  RequestParser parser;
  std::vector<std::string_view> argv;
  size_t consumed = 0;
  EXPECT_EQ(parser.Next("*x\r\n", &argv, &consumed), ParseResult::kError);
  EXPECT_EQ(parser.Next("PING\r\n", &argv, &consumed), ParseResult::kError);
  EXPECT_EQ(parser.error(), "Protocol error: invalid multibulk length");
}

TEST(RequestParser, ManyArgumentsInSmallReads) {
  Argv expected;
  std::vector<std::string_view> views;
  for (int i = 0; i < 20000; ++i) expected.push_back("argument" + std::to_string(i));
  views.assign(expected.begin(), expected.end());
  std::string stream;
  AppendCommand(stream, views);
  RequestParser parser;
  std::vector<std::string_view> argv;
  size_t consumed = 0;
  for (size_t end = 0; end < stream.size(); end += 4096) {
    ASSERT_EQ(parser.Next(std::string_view(stream).substr(0, end), &argv, &consumed),
              ParseResult::kNeedMore);
  }
  ASSERT_EQ(parser.Next(stream, &argv, &consumed), ParseResult::kRequest);
  EXPECT_EQ(consumed, stream.size());
  EXPECT_EQ(argv, views);
}

TEST(SplitArgs, FollowsTheShellLikeRules) {
  Argv args;
  ASSERT_TRUE(SplitArgs("  save 900\t1 ", &args));
  EXPECT_EQ(args, (Argv{"save", "900", "1"}));
  ASSERT_TRUE(SplitArgs("\"\\x41\\xzz\\n\\r\\t\\b\\a\\\\\\\"\\q\" '\\n\\''", &args));
  EXPECT_EQ(args, (Argv{"Axzz\n\r\t\b\a\\\"q", "\\n'"}));
  ASSERT_TRUE(SplitArgs("a\"b c\" '' \"\"", &args));
  EXPECT_EQ(args, (Argv{"ab c", "", ""}));
  ASSERT_TRUE(SplitArgs("a\vb \vc", &args));
  EXPECT_EQ(args, (Argv{"a\vb", "c"}));
  ASSERT_TRUE(SplitArgs(std::string_view("a\0b", 3), &args));
  EXPECT_EQ(args, Argv{"a"});
  ASSERT_TRUE(SplitArgs("", &args));
  EXPECT_TRUE(args.empty());
  for (const char* line :
       {"a \"b", "a 'b", "\"a\"b", "'a'b", "\"\\x4", "\"\\", "'\\", "x \"a\"\"b\""}) {
    EXPECT_FALSE(SplitArgs(line, &args)) << line;
    EXPECT_TRUE(args.empty());
  }
}

}  // namespace
}  // namespace thermocline::codec
