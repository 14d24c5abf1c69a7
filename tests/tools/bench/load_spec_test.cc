// LoadSpec: what is accepted, what is refused, and that requests are whole RESP arrays.
#include "tools/bench/load_spec.h"

#include "gtest/gtest.h"
#include "tools/bench/reply_scanner.h"

namespace thermocline::tools {
namespace {

TEST(LoadSpecTest, EveryFieldIsRead) {
  LoadSpec spec;
  std::string error;
  ASSERT_TRUE(
      ParseLoadSpec("name=hot,clients=7,pipeline=16,rate=1000,commands=GET:80+SET:20,"
                    "dist=zipf,theta=0.9,keys=500,first=10,size=50-200,seed=9",
                    &spec, &error))
      << error;
  EXPECT_EQ(spec.name, "hot");
  EXPECT_EQ(spec.clients, 7u);
  EXPECT_EQ(spec.pipeline, 16u);
  EXPECT_EQ(spec.rate, 1000);
  ASSERT_EQ(spec.commands.size(), 2u);
  EXPECT_EQ(spec.commands[1].command, LoadCommand::kSet);
  EXPECT_EQ(spec.commands[1].weight, 20u);
  EXPECT_EQ(spec.distribution, KeyDistribution::kZipf);
  EXPECT_EQ(spec.theta, 0.9);
  EXPECT_EQ(spec.keys, 500u);
  EXPECT_EQ(spec.first_key, 10u);
  EXPECT_EQ(spec.size_min, 50u);
  EXPECT_EQ(spec.size_max, 200u);
  EXPECT_EQ(spec.seed, 9u);
}

TEST(LoadSpecTest, NonsenseIsRefusedWithTheFieldNamed) {
  for (const char* text : {"clients=0", "clients=x", "keys=0", "dist=bogus", "commands=NOSUCH",
                           "commands=GET:0", "commands=", "theta=1", "theta=0", "size=9-3",
                           "bogus=1", "clients", "name=", "pipeline=-1", "rate=-1"}) {
    LoadSpec spec;
    std::string error;
    EXPECT_FALSE(ParseLoadSpec(text, &spec, &error)) << text;
    EXPECT_NE(error.find(text), std::string::npos) << error;
  }
}

TEST(LoadSpecTest, TemplatesAreFilledWordByWord) {
  LoadSpec spec;
  std::string error;
  ASSERT_TRUE(
      ParseLoadSpec("request=ZADD z{key}x {random} m:{key};PING,size=3,keys=10", &spec, &error))
      << error;
  ASSERT_EQ(spec.requests.size(), 2u);
  BenchRandom random(1);
  std::string request;
  AppendTemplate(spec.requests[0], spec, 42, &random, &request);
  EXPECT_TRUE(request.starts_with("*4\r\n$4\r\nZADD\r\n$4\r\nz42x\r\n$")) << request;
  EXPECT_EQ(request.substr(request.size() - 10), "$4\r\nm:42\r\n");
  request.clear();
  AppendTemplate(spec.requests[1], spec, 42, &random, &request);
  EXPECT_EQ(request, "*1\r\n$4\r\nPING\r\n");
  EXPECT_FALSE(ParseLoadSpec("request=", &spec, &error));
}

TEST(LoadSpecTest, KeysHaveSixteenBytes) {
  std::string key;
  AppendKey(42, &key);
  EXPECT_EQ(key, "key:000000000042");
  EXPECT_EQ(key.size(), 16u);
}

TEST(LoadSpecTest, EveryRequestIsOneWholeArrayOfBulks) {
  LoadSpec spec;
  spec.size_min = 1;
  spec.size_max = 300;
  KeyPicker picker(KeyDistribution::kUniform, 1000, 0, 1);
  for (int command = 0; command <= static_cast<int>(LoadCommand::kAppend); ++command) {
    std::string request;
    AppendRequest(static_cast<LoadCommand>(command), spec, 77, &picker, &request);
    ReplyScanner scanner;  // a request has the form of a reply
    ScannedReply scanned;
    size_t consumed = 0;
    ASSERT_EQ(scanner.Next(request, &scanned, &consumed), ReplyScanner::Result::kReply) << command;
    EXPECT_EQ(scanned.kind, '*');
    EXPECT_EQ(consumed, request.size()) << command;
  }
}

}  // namespace
}  // namespace thermocline::tools
