#include "engine/log/segment_reader.h"

#include <algorithm>
#include <vector>

#include "codec/bytes.h"
#include "codec/number_text.h"
#include "codec/resp/command_reader.h"
#include "codec/words.h"

namespace thermocline::engine {
namespace {

// A frame's payload has at most 4 GiB (u32), so no segment is larger than this.
constexpr uint64_t kSegmentFileBytesMax = (uint64_t{1} << 32) + (1 << 20);

}  // namespace

StatusOr<SegmentReader> SegmentReader::Open(const FileSystemPtr& fs, const std::string& path,
                                            const codec::SegmentHeader& header, uint64_t limit,
                                            std::string* buffer) {
  SegmentReader reader;
  TC_RETURN_IF_ERROR(ReadWholeFile(fs, path, kSegmentFileBytesMax, buffer));
  reader.bytes_ = *buffer;
  auto decoded = codec::DecodeSegmentHeader(reader.bytes_);
  if (!decoded.ok()) return decoded.status().Annotate(path + " at offset 0");
  if (!(*decoded == header)) {
    return Status::Corruption(path + " at offset 0: the segment header changed while it was read");
  }
  reader.header_ = header;
  reader.limit_ = limit;
  reader.end_ = header.base_lsn - 1;
  reader.position_ = reader.frame_position_ = codec::kSegmentHeaderSize;
  return reader;
}

SegmentReader::Result SegmentReader::Next(codec::FrameHeader* header, std::string_view* payload) {
  if (end_ == limit_) return Result::kEnd;
  size_t consumed = 0;
  const std::string_view rest = bytes_.substr(position_);
  if (codec::ReadFrame(rest, header_.generation, header, payload, &consumed) !=
          codec::FrameResult::kFrame ||
      header->lsn != end_ + 1) {
    return Result::kBad;
  }
  const uint64_t end = end_ + payload->size();
  // A frame across the limit, or a claim about frames that come later, was not written by us.
  if (end > limit_ || ClaimedEnd(*header) > end_) return Result::kBad;
  end_ = end;
  frame_position_ = position_;
  position_ += consumed;
  claimed_end_ = std::max(claimed_end_, ClaimedEnd(*header));
  return Result::kFrame;
}

SegmentReader::Beyond SegmentReader::LookBeyond() const {
  Beyond beyond;
  const std::string_view all = bytes_;
  // The bad frame itself, where its header still names the LSN that must be here: torn, not absent.
  if (position_ + codec::kFrameHeaderSize <= all.size() &&
      codec::LoadFixed48(all.data() + position_ + 8) == end_ + 1) {
    const uint64_t length = codec::LoadFixed32(all.data() + position_ + 4);
    beyond.bytes = std::min<uint64_t>(all.size() - position_, codec::kFrameHeaderSize + length);
  }
  uint64_t at = position_;
  codec::Lsn min_lsn = end_ + 1;
  while (at < all.size()) {
    const size_t found = codec::FindFrame(all.substr(at), header_.generation, min_lsn,
                                          end_ + (all.size() - position_));
    if (found == std::string_view::npos) break;
    at += found;
    codec::FrameHeader header;
    std::string_view payload;
    size_t consumed = 0;
    if (codec::ReadFrame(all.substr(at), header_.generation, &header, &payload, &consumed) !=
        codec::FrameResult::kFrame) {
      break;
    }
    if (ClaimedEnd(header) > beyond.claimed_end) {
      beyond.claimed_end = ClaimedEnd(header);
      beyond.claim_position = at;
    }
    at += consumed;
    min_lsn = header.lsn + payload.size();
    beyond.bytes = std::max(beyond.bytes, at - position_);
  }
  return beyond;
}

int32_t SelectAfter(std::string_view payload, int32_t select_before) {
  codec::CommandReader commands(payload);
  std::vector<std::string_view> argv;
  int32_t select = select_before;
  while (commands.Next(&argv) == codec::CommandReader::kCommand) {
    int64_t number = 0;
    if (argv.size() == 2 && codec::SameWord(argv[0], "SELECT") &&
        codec::ParseInt64(argv[1], &number) && number >= 0 && number <= INT32_MAX) {
      select = static_cast<int32_t>(number);
    }
  }
  return select;
}

}  // namespace thermocline::engine
