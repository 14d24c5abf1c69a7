// Fuzz: client requests. Whole and in pieces, from buffers that move, the same requests come out;
// what the strict reader of log payloads takes, the client parser takes too.
#include <cstdint>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "codec/resp/command_reader.h"
#include "codec/resp/parser.h"
#include "codec/resp/writer.h"
#include "tests/fuzz/fuzz_check.h"

namespace thermocline::codec {
namespace {

struct Outcome {
  std::vector<std::vector<std::string>> requests;
  std::string error;
  size_t consumed = 0;
  bool operator==(const Outcome&) const = default;
};

Outcome Feed(std::string_view stream, size_t step, bool authenticated) {
  RequestParser parser;
  parser.set_authenticated(authenticated);
  Outcome outcome;
  std::vector<std::string_view> argv;
  for (size_t end = 0;;) {
    end = stream.size() - end <= step ? stream.size() : end + step;
    for (;;) {
      const size_t n = end - outcome.consumed;
      const std::unique_ptr<char[]> copy(new char[n]);
      if (n > 0) std::memcpy(copy.get(), stream.data() + outcome.consumed, n);
      size_t consumed = 0;
      const ParseResult result = parser.Next({copy.get(), n}, &argv, &consumed);
      if (result == ParseResult::kError) {
        outcome.error = parser.error();
        return outcome;
      }
      if (result == ParseResult::kNeedMore) break;
      FUZZ_CHECK(consumed > 0 && consumed <= n);
      outcome.consumed += consumed;
      outcome.requests.emplace_back(argv.begin(), argv.end());
    }
    if (end == stream.size()) return outcome;
  }
}

}  // namespace
}  // namespace thermocline::codec

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace thermocline::codec;
  // A longer line is judged by what has arrived so far, so there pieces do matter.
  if (size < 2 || size > RequestParser::kMaxLineLength) return 0;
  const bool authenticated = (data[0] & 1) != 0;
  const size_t step = 1 + (data[0] >> 1);
  const std::string_view stream(reinterpret_cast<const char*>(data) + 1, size - 1);
  const Outcome whole = Feed(stream, stream.size(), authenticated);
  FUZZ_CHECK(Feed(stream, step, authenticated) == whole);

  CommandReader reader(stream);
  std::vector<std::string_view> argv;
  for (size_t i = 0; reader.Next(&argv) == CommandReader::kCommand; ++i) {
    std::string again;
    AppendCommand(again, argv);
    FUZZ_CHECK(again == stream.substr(reader.offset() - again.size(), again.size()));
    if (authenticated) {
      FUZZ_CHECK(i < whole.requests.size() &&
                 std::vector<std::string>(argv.begin(), argv.end()) == whole.requests[i]);
    }
  }
  std::vector<std::string> words;
  SplitArgs(stream, &words);
  return 0;
}
