// Segment headers and frames: golden bytes, every cut, every flipped bit, and bytes of an older
// life.
#include "codec/log_frame.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

#include "codec/resp/writer.h"
#include "tests/codec/golden.h"

namespace thermocline::codec {
namespace {

constexpr uint64_t kGeneration = 0x1122334455667788;

SegmentHeader ExampleSegment() {
  SegmentHeader header;
  header.generation = kGeneration;
  header.base_lsn = 4097;
  header.previous_end = 4096;
  header.select_db = 9;
  return header;
}

FrameHeader ExampleFrame() {
  FrameHeader header;
  header.lsn = 4097;
  header.durable_lsn = 4000;
  return header;
}

FrameHeader UpstreamFrame() {
  FrameHeader header = ExampleFrame();
  header.lsn = 4124;
  header.flags = kFrameHasUpstream | kFrameKeyless;
  std::copy_n("8371b4fb1155b71f4a04d3e1bc3e18c4a990aeeb", 40, header.upstream_id.begin());
  header.upstream_offset = 123456789;
  return header;
}

std::string ExamplePayload() {
  std::string payload;
  AppendCommand(payload, {"SET", "k", "v"});
  return payload;
}

struct FrameRead {
  FrameResult result;
  FrameHeader header;
  std::string_view payload;
  size_t consumed = 0;
};

FrameRead ReadOne(std::string_view bytes, uint64_t generation = kGeneration) {
  FrameRead read;
  read.result = ReadFrame(bytes, generation, &read.header, &read.payload, &read.consumed);
  return read;
}

TEST(SegmentHeader, GoldenBytes) {
  std::string out;
  EncodeSegmentHeader(ExampleSegment(), &out);
  EXPECT_EQ(ToHex(out), ToHex(Golden("log/v1/segment_header.hex")));
  const auto decoded = DecodeSegmentHeader(Golden("log/v1/segment_header.hex"));
  ASSERT_TRUE(decoded.ok()) << decoded.status().ToString();
  EXPECT_EQ(*decoded, ExampleSegment());
}

TEST(SegmentHeader, EveryFlippedBitAndEveryCutIsSeen) {
  std::string bytes;
  EncodeSegmentHeader(ExampleSegment(), &bytes);
  for (size_t bit = 0; bit < bytes.size() * 8; ++bit) {
    std::string flipped = bytes;
    flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ (1 << bit % 8));
    EXPECT_FALSE(DecodeSegmentHeader(flipped).ok()) << bit;
  }
  for (size_t cut = 0; cut < bytes.size(); ++cut) {
    EXPECT_EQ(DecodeSegmentHeader(bytes.substr(0, cut)).status().code(), StatusCode::kCorruption);
  }
  EXPECT_TRUE(DecodeSegmentHeader(bytes + "frames").ok());
}

TEST(SegmentHeader, AnotherVersionIsUnsupportedNotCorrupt) {
  std::string bytes;
  EncodeSegmentHeader(ExampleSegment(), &bytes);
  bytes[6] = 2;
  EXPECT_EQ(DecodeSegmentHeader(bytes).status().code(), StatusCode::kUnsupported);
}

TEST(LogFrame, GoldenBytes) {
  std::string out;
  AppendFrame(&out, kGeneration, ExampleFrame(), ExamplePayload());
  EXPECT_EQ(ToHex(out), ToHex(Golden("log/v1/frame.hex")));
  out.clear();
  AppendFrame(&out, kGeneration, UpstreamFrame(), "*1\r\n$4\r\nPING\r\n");
  EXPECT_EQ(ToHex(out), ToHex(Golden("log/v1/frame_upstream.hex")));

  const std::string old = Golden("log/v1/frame.hex") + Golden("log/v1/frame_upstream.hex");
  const FrameRead first = ReadOne(old);
  ASSERT_EQ(first.result, FrameResult::kFrame);
  EXPECT_EQ(first.header, ExampleFrame());
  EXPECT_EQ(first.payload, ExamplePayload());
  const FrameRead second = ReadOne(std::string_view(old).substr(first.consumed));
  ASSERT_EQ(second.result, FrameResult::kFrame);
  EXPECT_EQ(second.header, UpstreamFrame());
  EXPECT_EQ(second.header.lsn, first.header.lsn + first.payload.size());
  EXPECT_EQ(first.consumed + second.consumed, old.size());
}

TEST(LogFrame, BeginAndFinishWriteTheSameBytes) {
  for (const FrameHeader& header : {ExampleFrame(), UpstreamFrame()}) {
    std::string copied = "before";
    AppendFrame(&copied, kGeneration, header, ExamplePayload());
    std::string in_place = "before";
    const size_t start = BeginFrame(&in_place, header.flags);
    in_place += ExamplePayload();
    FinishFrame(&in_place, start, kGeneration, header);
    EXPECT_EQ(copied, in_place);
    EXPECT_EQ(copied.size(), 6 + FrameSize(header.flags, ExamplePayload().size()));
  }
}

TEST(LogFrame, EveryCutNeedsMoreAndEveryFlippedBitIsSeen) {
  for (const FrameHeader& header : {ExampleFrame(), UpstreamFrame()}) {
    std::string bytes;
    AppendFrame(&bytes, kGeneration, header, ExamplePayload());
    for (size_t cut = 0; cut < bytes.size(); ++cut) {
      const std::string shorter = bytes.substr(0, cut);
      EXPECT_EQ(ReadOne(shorter).result, FrameResult::kNeedMore) << cut;
    }
    for (size_t bit = 0; bit < bytes.size() * 8; ++bit) {
      std::string flipped = bytes;
      flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ (1 << bit % 8));
      EXPECT_NE(ReadOne(flipped).result, FrameResult::kFrame) << bit;
    }
  }
}

// [D8] A recycled segment holds frames of its older life at the very same offsets.
TEST(LogFrame, AnotherGenerationIsNotRead) {
  std::string bytes;
  AppendFrame(&bytes, kGeneration, ExampleFrame(), ExamplePayload());
  std::mt19937_64 random(TestSeed());
  for (int i = 0; i < 10000; ++i) {
    const uint64_t other = random();
    if (other == kGeneration) continue;
    ASSERT_EQ(ReadOne(bytes, other).result, FrameResult::kBad) << other;
  }
  for (int bit = 0; bit < 64; ++bit) {
    EXPECT_EQ(ReadOne(bytes, kGeneration ^ (uint64_t{1} << bit)).result, FrameResult::kBad);
  }
}

TEST(LogFrame, ZeroesAndEmptyPayloadsAreBad) {
  EXPECT_EQ(ReadOne(std::string(4096, '\0')).result, FrameResult::kBad);
  EXPECT_EQ(ReadOne(std::string(4096, '\xff')).result, FrameResult::kBad);
}

TEST(LogFrame, TheLargestLengthIsCheckedBeforeUse) {
  std::string bytes;
  AppendFrame(&bytes, kGeneration, ExampleFrame(), ExamplePayload());
  StoreFixed32(bytes.data() + 4, 0xffffffff);
  EXPECT_EQ(ReadOne(bytes).result, FrameResult::kNeedMore);
}

TEST(LogFrame, FindsAFrameBehindADamagedOne) {
  std::mt19937_64 random(TestSeed());
  for (int round = 0; round < 300; ++round) {
    std::string bytes;
    std::vector<size_t> starts;
    Lsn lsn = 1 + random() % 100000;
    const Lsn first = lsn;
    for (int i = 0; i < 3; ++i) {
      FrameHeader header;
      header.lsn = lsn;
      header.durable_lsn = first;
      const std::string payload(1 + random() % 200, static_cast<char>(random()));
      starts.push_back(bytes.size());
      AppendFrame(&bytes, kGeneration, header, payload);
      lsn += payload.size();
    }
    bytes += std::string(random() % 100, static_cast<char>(random()));
    EXPECT_EQ(FindFrame(bytes, kGeneration, first, lsn), 0u);
    bytes[random() % starts[1]] ^= 0x40;  // in the first frame
    EXPECT_EQ(FindFrame(bytes, kGeneration, first, lsn), starts[1]);
    EXPECT_EQ(FindFrame(bytes, kGeneration, lsn, kMaxLsn), std::string::npos);
    EXPECT_EQ(FindFrame(bytes, kGeneration + 1, first, lsn), std::string::npos);
  }
  EXPECT_EQ(FindFrame("short", kGeneration, 0, kMaxLsn), std::string::npos);
}

}  // namespace
}  // namespace thermocline::codec
