// LoadSpec: what one class of clients does, written as text on the command line.
//
//   name=hot,clients=50,pipeline=1,rate=0,commands=GET:80+SET:20,dist=zipf,theta=0.99,keys=1000000,
//   first=0,size=100,seed=1
//
// rate 0 is a closed loop: each client sends when its replies are in. Otherwise an open loop: the
// class sends `rate` commands a second on a fixed schedule, whether or not replies are in, and
// latency counts from the scheduled time. size may be a range, 50-200. Values are fixed by the key
// (value_source.h).
//
// Instead of commands a class may have requests of its own, which each client sends in turns:
//   request=LPUSH q:{key} {value};BRPOP r:{key} 0
// with {key} the picked key, {value} its value, {random} a number below 2^53.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "tools/bench/key_picker.h"

namespace thermocline::tools {

enum class LoadCommand : uint8_t {
  kPing,
  kSet,
  kSetEx,  // SET key value EX 1000..2000
  kGet,
  kGetRange,  // GETRANGE key 10 59
  kIncr,      // of keys with another prefix, "ctr:"
  kMSet,      // 10 keys
  kMGet,      // 10 keys
  kDel,
  kExpire,
  kExists,
  kAppend,
  kTemplate,  // of LoadSpec::requests
};

/// One request of a class, as it was written: words of literal text and places to fill.
struct RequestTemplate {
  enum class Part : uint8_t { kLiteral, kKey, kValue, kRandom };
  struct Piece {
    Part part = Part::kLiteral;
    std::string literal;
  };
  std::vector<std::vector<Piece>> words;
};

struct WeightedCommand {
  LoadCommand command;
  uint32_t weight;
};

struct LoadSpec {
  std::string name = "load";
  uint32_t clients = 50;
  uint32_t pipeline = 1;
  double rate = 0;  // commands a second of the whole class; 0: closed loop
  std::vector<WeightedCommand> commands{{LoadCommand::kGet, 1}};
  std::vector<RequestTemplate> requests;  // not empty: instead of commands
  KeyDistribution distribution = KeyDistribution::kUniform;
  double theta = 0.99;
  uint64_t keys = 1'000'000;
  uint64_t first_key = 0;
  uint64_t size_min = 100;
  uint64_t size_max = 100;
  uint64_t seed = 1;
  std::string text;  // as it was written
};

/// Parses one class. False with a message for the user when something is unknown or out of range.
bool ParseLoadSpec(std::string_view text, LoadSpec* spec, std::string* error);

/// "key:000000000042": 16 bytes up to a trillion keys.
void AppendKey(uint64_t key, std::string* out);

/// Appends the request as RESP. `key` is the picked key, `picker` serves commands with several.
void AppendRequest(LoadCommand command, const LoadSpec& spec, uint64_t key, KeyPicker* picker,
                   std::string* out);
void AppendTemplate(const RequestTemplate& request, const LoadSpec& spec, uint64_t key,
                    BenchRandom* random, std::string* out);

}  // namespace thermocline::tools
