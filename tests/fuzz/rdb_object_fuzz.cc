// Fuzz: RDB strings, LZF streams and DUMP envelopes.
#include <cstdint>
#include <string>
#include <string_view>

#include "codec/rdb/lzf.h"
#include "codec/rdb/object.h"
#include "tests/fuzz/fuzz_check.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace thermocline::codec;
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);

  ByteReader reader(bytes);
  ByteReader skipper(bytes);
  const auto text = ReadRdbString(&reader);
  const auto length = SkipRdbString(&skipper);
  if (text.ok()) {
    FUZZ_CHECK(length.ok() && *length == text->size());
    FUZZ_CHECK(reader.position() == skipper.position());
    FUZZ_CHECK(text->size() <= size * kMaxLzfExpansion + 11);
  }

  std::string out = "kept";
  const uint64_t announced = size < 2 ? 0 : LoadFixed16(bytes.data());
  if (LzfDecompress(bytes, announced, &out)) {
    FUZZ_CHECK(out.size() == 4 + announced);
  } else {
    FUZZ_CHECK(out == "kept");
  }

  if (const auto dump = OpenDump(bytes); dump.ok()) FUZZ_CHECK(dump->body.size() + 11 == size);
  const std::string written = DumpPayload(kRdbString, bytes);
  const auto opened = OpenDump(written);
  FUZZ_CHECK(opened.ok() && opened->type == kRdbString && opened->body == bytes);

  // Any bytes are a string: written and read they are the same.
  for (const bool compress : {false, true}) {
    std::string body;
    AppendRdbString(&body, bytes, compress);
    ByteReader again(body);
    const auto back = ReadRdbString(&again);
    FUZZ_CHECK(back.ok() && *back == bytes && again.empty());
  }
  return 0;
}
