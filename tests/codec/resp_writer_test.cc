// Replies in both protocols, byte for byte.
#include <gtest/gtest.h>

#include <limits>
#include <vector>

#include "codec/resp/parser.h"
#include "codec/resp/writer.h"
#include "tests/codec/golden.h"

namespace thermocline::codec {
namespace {

template <typename Write>
std::string Written(int proto, Write write) {
  std::string out;
  RespWriter writer(out, proto);
  write(writer);
  return out;
}

struct Expected {
  std::string resp2;
  std::string resp3;
};

template <typename Write>
void ExpectBoth(Write write, const Expected& expected) {
  EXPECT_EQ(Written(2, write), expected.resp2);
  EXPECT_EQ(Written(3, write), expected.resp3);
}

TEST(RespWriter, TypesCommonToBothProtocols) {
  const auto same = [](auto write, const std::string& text) { ExpectBoth(write, {text, text}); };
  same([](RespWriter& w) { w.Ok(); }, "+OK\r\n");
  same([](RespWriter& w) { w.Simple("PONG"); }, "+PONG\r\n");
  same([](RespWriter& w) { w.Integer(0); }, ":0\r\n");
  same([](RespWriter& w) { w.Integer(9); }, ":9\r\n");
  same([](RespWriter& w) { w.Integer(10); }, ":10\r\n");
  same([](RespWriter& w) { w.Integer(-1); }, ":-1\r\n");
  same([](RespWriter& w) { w.Integer(std::numeric_limits<int64_t>::min()); },
       ":-9223372036854775808\r\n");
  same([](RespWriter& w) { w.Bulk(""); }, "$0\r\n\r\n");
  same([](RespWriter& w) { w.Bulk("a\r\nb"); }, "$4\r\na\r\nb\r\n");
  same([](RespWriter& w) { w.BulkInt(-12); }, "$3\r\n-12\r\n");
  same([](RespWriter& w) { w.Array(12); }, "*12\r\n");
  same([](RespWriter& w) { w.HumanLongDouble(3.25L); }, "$4\r\n3.25\r\n");
  same([](RespWriter& w) { w.Raw(":1\r\n"); }, ":1\r\n");
}

TEST(RespWriter, TypesThatResp2SpellsDifferently) {
  ExpectBoth([](RespWriter& w) { w.Null(); }, {"$-1\r\n", "_\r\n"});
  ExpectBoth([](RespWriter& w) { w.NullArray(); }, {"*-1\r\n", "_\r\n"});
  ExpectBoth([](RespWriter& w) { w.Map(7); }, {"*14\r\n", "%7\r\n"});
  ExpectBoth([](RespWriter& w) { w.Set(3); }, {"*3\r\n", "~3\r\n"});
  ExpectBoth([](RespWriter& w) { w.Push(3); }, {"*3\r\n", ">3\r\n"});
  ExpectBoth([](RespWriter& w) { w.Bool(true); }, {":1\r\n", "#t\r\n"});
  ExpectBoth([](RespWriter& w) { w.Bool(false); }, {":0\r\n", "#f\r\n"});
  ExpectBoth([](RespWriter& w) { w.Double(3.1); },
             {"$18\r\n3.1000000000000001\r\n", ",3.1000000000000001\r\n"});
  ExpectBoth([](RespWriter& w) { w.Double(-std::numeric_limits<double>::infinity()); },
             {"$4\r\n-inf\r\n", ",-inf\r\n"});
  ExpectBoth([](RespWriter& w) { w.BigNumber("123"); }, {"$3\r\n123\r\n", "(123\r\n"});
  ExpectBoth([](RespWriter& w) { w.Verbatim("txt", "hi"); }, {"$2\r\nhi\r\n", "=6\r\ntxt:hi\r\n"});
  EXPECT_EQ(Written(3, [](RespWriter& w) { w.Attribute(1); }), "|1\r\n");
}

TEST(RespWriter, ErrorsStayOnOneLine) {
  EXPECT_EQ(Written(2, [](RespWriter& w) { w.Error("ERR a\r\nb\nc\r\n"); }), "-ERR a  b c\r\n");
  EXPECT_EQ(Written(2, [](RespWriter& w) { w.Error("\r\n"); }), "-\r\n");
}

TEST(RespWriter, DeferredLengthsNest) {
  const auto write = [](RespWriter& w) {
    w.Ok();
    const size_t outer = w.BeginDeferred();
    w.Integer(1);
    const size_t inner = w.BeginDeferred();
    w.Bulk("k");
    w.Bulk("v");
    w.EndMap(inner, 1);
    const size_t empty = w.BeginDeferred();
    w.EndSet(empty, 0);
    w.EndArray(outer, 3);
  };
  ExpectBoth(write, {"+OK\r\n*3\r\n:1\r\n*2\r\n$1\r\nk\r\n$1\r\nv\r\n*0\r\n",
                     "+OK\r\n*3\r\n:1\r\n%1\r\n$1\r\nk\r\n$1\r\nv\r\n~0\r\n"});
}

TEST(AppendCommand, WritesWhatTheParserReads) {
  std::mt19937_64 random(TestSeed());
  for (int round = 0; round < 500; ++round) {
    std::vector<std::string> arguments(1 + random() % 20);
    for (std::string& argument : arguments) {
      argument.resize(random() % (random() % 4 == 0 ? 2000 : 30));
      for (char& c : argument) c = static_cast<char>(random());
    }
    const std::vector<std::string_view> argv(arguments.begin(), arguments.end());
    std::string out = "x";
    AppendCommand(out, argv);
    EXPECT_EQ(out.size() - 1, CommandSize(argv));
    RequestParser parser;
    std::vector<std::string_view> read;
    size_t consumed = 0;
    ASSERT_EQ(parser.Next(std::string_view(out).substr(1), &read, &consumed),
              ParseResult::kRequest);
    EXPECT_EQ(consumed, out.size() - 1);
    EXPECT_EQ(read, argv);
  }
  std::string out;
  AppendCommand(out, {"SET", "k", std::string_view()});
  EXPECT_EQ(out, "*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$0\r\n\r\n");
}

}  // namespace
}  // namespace thermocline::codec
