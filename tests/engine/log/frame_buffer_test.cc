// FrameBuffer: frames stay in memory, in order, until they are durable.

#include "engine/log/frame_buffer.h"

#include <gtest/gtest.h>

namespace thermocline::engine {
namespace {

constexpr uint64_t kSpareMax = 15 << 20;

std::shared_ptr<SegmentLife> NewLife(uint32_t serial, codec::Lsn base, uint64_t bytes) {
  auto life = std::make_shared<SegmentLife>();
  life->header.generation = GenerationOf(serial, 0x1234567);
  life->header.base_lsn = base;
  life->header.previous_end = base - 1;
  life->bytes = bytes;
  return life;
}

// Appends `count` frames of `size` payload bytes; returns the end.
uint64_t Fill(FrameBuffer* buffer, uint64_t end, int count, size_t size) {
  for (int i = 0; i < count; ++i) {
    codec::FrameHeader header;
    header.lsn = end + 1;
    header.durable_lsn = 1;
    buffer->AppendFrame(header, std::string(size, static_cast<char>('a' + i % 26)), 0);
    end += size;
  }
  return end;
}

void MarkWritten(FrameBuffer* buffer) {
  std::string_view bytes;
  while (FrameBuffer::Run* run = buffer->NextUnwritten(&bytes)) run->written = run->end;
}

TEST(FrameBuffer, RunsTileTheSegmentWithoutHolesOverChunks) {
  FrameBuffer buffer(kSpareMax);
  auto life = NewLife(1, 1, 64 << 20);
  buffer.BeginSegment(life);
  uint64_t end = 0;
  uint64_t file_position = 0;
  std::string file;
  for (int commit = 0; commit < 50; ++commit) {
    // Less than a chunk between two writes, then several.
    end = Fill(&buffer, end, commit < 40 ? 100 : 10'000, 137);
    std::string_view bytes;
    while (FrameBuffer::Run* run = buffer.NextUnwritten(&bytes)) {
      ASSERT_EQ(run->file_offset + (run->written - run->begin), file_position);
      file.append(bytes);
      file_position += bytes.size();
      run->written = run->end;
    }
    EXPECT_FALSE(buffer.HasUnwritten());
    buffer.Release(0);
  }
  ASSERT_EQ(life->position, file.size());
  std::string_view rest = file;
  rest.remove_prefix(codec::kSegmentHeaderSize);
  uint64_t read = 0;
  while (!rest.empty()) {
    codec::FrameHeader header;
    std::string_view payload;
    size_t consumed = 0;
    ASSERT_EQ(codec::ReadFrame(rest, life->header.generation, &header, &payload, &consumed),
              codec::FrameResult::kFrame);
    ASSERT_EQ(header.lsn, read + 1);
    read += payload.size();
    rest.remove_prefix(consumed);
  }
  EXPECT_EQ(read, end);
}

TEST(FrameBuffer, VisitsExactlyWhatIsBehindTheDurableEnd) {
  FrameBuffer buffer(kSpareMax);
  buffer.BeginSegment(NewLife(1, 1, 64 << 20));
  uint64_t end = 0;
  std::vector<uint64_t> ends;
  for (int commit = 0; commit < 40; ++commit) {
    end = Fill(&buffer, end, 100, 200);
    ends.push_back(end);
    MarkWritten(&buffer);
    buffer.Release(0);
    if (commit == 20) buffer.BeginSegment(NewLife(2, end + 1, 64 << 20));
  }
  for (uint64_t durable_end : ends) {
    uint64_t expected = durable_end + 1;
    ASSERT_TRUE(buffer
                    .VisitKept(durable_end,
                               [&](const codec::FrameHeader& header, std::string_view payload) {
                                 EXPECT_EQ(header.lsn, expected);
                                 expected += payload.size();
                               })
                    .ok());
    EXPECT_EQ(expected, end + 1);
  }
}

TEST(FrameBuffer, MemoryIsGivenBackWhenFramesAreDurable) {
  FrameBuffer buffer(kSpareMax);
  buffer.BeginSegment(NewLife(1, 1, uint64_t{1} << 30));
  uint64_t end = 0;
  for (int commit = 0; commit < 400; ++commit) {
    end = Fill(&buffer, end, 100, 1000);
    MarkWritten(&buffer);
    buffer.Release(0);
  }
  EXPECT_GE(buffer.pending_bytes(), end);
  buffer.Release(end);
  EXPECT_LE(buffer.pending_bytes(), 512u << 10);
  EXPECT_LE(buffer.memory_bytes(), 16u << 20);
  // What a second's frames needed stays for the next second's, and goes when those need less.
  const uint64_t peak = buffer.memory_bytes();
  EXPECT_GE(peak, kSpareMax / 2);
  EXPECT_GE(buffer.spare_bytes(), kSpareMax / 2);
  for (int commit = 0; commit < 3000; ++commit) {
    end = Fill(&buffer, end, 600, 1000);
    MarkWritten(&buffer);
    buffer.Release(0);
    EXPECT_LE(buffer.memory_bytes(), peak);
    buffer.Release(end);
  }
  EXPECT_LE(buffer.memory_bytes(), 2u << 20);
  // One huge frame does not stay either.
  end = Fill(&buffer, end, 1, 32 << 20);
  MarkWritten(&buffer);
  buffer.Release(end);
  end = Fill(&buffer, end, 1, 10);
  MarkWritten(&buffer);
  buffer.Release(end);
  EXPECT_LE(buffer.memory_bytes(), 2u << 20);
}

TEST(FrameBuffer, SpareMemoryIsGivenBackAtOnceAndFramesGoOn) {
  FrameBuffer buffer(kSpareMax);
  buffer.BeginSegment(NewLife(1, 1, uint64_t{1} << 30));
  uint64_t end = Fill(&buffer, 0, 10'000, 1000);
  MarkWritten(&buffer);
  buffer.Release(end);
  ASSERT_GE(buffer.spare_bytes(), kSpareMax / 2);
  buffer.FreeSpare();
  EXPECT_EQ(buffer.spare_bytes(), 0u);
  EXPECT_LE(buffer.memory_bytes(), 512u << 10);
  // It is not forgotten what the end was.
  const uint64_t before = end;
  end = Fill(&buffer, end, 1000, 1000);
  uint64_t expected = before;
  ASSERT_TRUE(buffer
                  .VisitKept(before,
                             [&](const codec::FrameHeader& header, std::string_view payload) {
                               EXPECT_EQ(header.lsn, expected + 1);
                               expected += payload.size();
                             })
                  .ok());
  EXPECT_EQ(expected, end);
}

}  // namespace
}  // namespace thermocline::engine
