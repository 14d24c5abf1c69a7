// Fuzz: segment headers and frames, as they come and with their checksums made right, so that the
// code behind the checksum is reached. What is read must be written back to the same bytes.
#include <cstdint>
#include <string>
#include <string_view>

#include "codec/crc.h"
#include "codec/log_frame.h"
#include "codec/resp/command_reader.h"
#include "tests/fuzz/fuzz_check.h"

namespace {

constexpr uint64_t kGeneration = 0x1122334455667788;

void CheckFrames(std::string_view bytes) {
  using namespace thermocline::codec;
  FrameHeader header;
  std::string_view payload;
  size_t consumed = 0;
  while (ReadFrame(bytes, kGeneration, &header, &payload, &consumed) == FrameResult::kFrame) {
    FUZZ_CHECK(consumed <= bytes.size() && payload.size() < consumed && !payload.empty());
    std::string again;
    AppendFrame(&again, kGeneration, header, payload);
    FUZZ_CHECK(again == bytes.substr(0, consumed));
    CommandReader reader(payload);
    std::vector<std::string_view> argv;
    while (reader.Next(&argv) == CommandReader::kCommand) {
    }
    bytes.remove_prefix(consumed);
  }
  const size_t found = FindFrame(bytes, kGeneration, 0, kMaxLsn);
  FUZZ_CHECK(found == std::string_view::npos || found < bytes.size());
}

void CheckSegment(std::string_view bytes) {
  using namespace thermocline::codec;
  const auto header = DecodeSegmentHeader(bytes);
  if (!header.ok()) return;
  std::string again;
  EncodeSegmentHeader(*header, &again);
  FUZZ_CHECK(again == bytes.substr(0, kSegmentHeaderSize));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace thermocline::codec;
  std::string bytes(reinterpret_cast<const char*>(data), size);
  CheckSegment(bytes);
  CheckFrames(bytes);
  if (bytes.size() >= kSegmentHeaderSize) {
    std::string signed_header = bytes.substr(0, kSegmentHeaderSize);
    StoreFixed32(signed_header.data() + 60,
                 Crc32c(0, std::string_view(signed_header).substr(0, 60)));
    CheckSegment(signed_header);
  }
  if (bytes.size() > kFrameHeaderSize) {
    // The length becomes that of the input, the checksum the right one.
    const size_t prefix = FrameSize(static_cast<uint8_t>(bytes[20]), 0);
    if (bytes.size() > prefix) {
      StoreFixed32(bytes.data() + 4, static_cast<uint32_t>(bytes.size() - prefix));
    }
    char seed[16];
    StoreFixed64(seed, kGeneration);
    StoreFixed64(seed + 8, LoadFixed48(bytes.data() + 8));
    StoreFixed32(bytes.data(), Crc32c(Crc32c(0, {seed, 16}), std::string_view(bytes).substr(4)));
    CheckFrames(bytes);
  }
  return 0;
}
