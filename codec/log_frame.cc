// Layouts: docs/formats/log.md. The checksum comes first in a frame so that everything it covers is
// one run of bytes.
#include "codec/log_frame.h"

#include <cassert>
#include <cstring>

#include "codec/crc.h"

namespace thermocline::codec {
namespace {

constexpr char kMagic[6] = {'T', 'C', 'L', 'O', 'G', '\0'};

// Segment header: offsets of its fields.
constexpr size_t kSegmentVersion = 6;
constexpr size_t kSegmentGeneration = 8;
constexpr size_t kSegmentBaseLsn = 16;
constexpr size_t kSegmentPreviousEnd = 24;
constexpr size_t kSegmentSelectDb = 32;
constexpr size_t kSegmentReserved = 36;
constexpr size_t kSegmentChecksum = 60;

// Frame header.
constexpr size_t kFrameLength = 4;
constexpr size_t kFrameLsn = 8;
constexpr size_t kFrameDurableLsn = 14;
constexpr size_t kFrameFlagsAt = 20;
constexpr size_t kFrameReserved = 21;
constexpr uint8_t kKnownFrameFlags = kFrameKeyless | kFrameHasUpstream;

uint32_t FrameChecksum(uint64_t generation, Lsn lsn, std::string_view covered) {
  char seed[16];
  StoreFixed64(seed, generation);
  StoreFixed64(seed + 8, lsn);
  return Crc32c(Crc32c(0, {seed, sizeof(seed)}), covered);
}

bool AllZero(std::string_view bytes) {
  return bytes.find_first_not_of('\0') == std::string_view::npos;
}

// The tests that need no checksum. REQUIRES kFrameHeaderSize bytes at p.
bool HeaderLooksRight(const char* p) {
  return (static_cast<uint8_t>(p[kFrameFlagsAt]) & ~kKnownFrameFlags) == 0 &&
         p[kFrameReserved] == 0 && p[kFrameReserved + 1] == 0 && p[kFrameReserved + 2] == 0 &&
         LoadFixed32(p + kFrameLength) != 0;
}

}  // namespace

void EncodeSegmentHeader(const SegmentHeader& header, std::string* out) {
  char bytes[kSegmentHeaderSize] = {};
  std::memcpy(bytes, kMagic, sizeof(kMagic));
  StoreFixed16(bytes + kSegmentVersion, kLogFormatVersion);
  StoreFixed64(bytes + kSegmentGeneration, header.generation);
  StoreFixed64(bytes + kSegmentBaseLsn, header.base_lsn);
  StoreFixed64(bytes + kSegmentPreviousEnd, header.previous_end);
  StoreFixed32(bytes + kSegmentSelectDb, static_cast<uint32_t>(header.select_db));
  StoreFixed32(bytes + kSegmentChecksum, Crc32c(0, {bytes, kSegmentChecksum}));
  out->append(bytes, sizeof(bytes));
}

StatusOr<SegmentHeader> DecodeSegmentHeader(std::string_view bytes) {
  if (bytes.size() < kSegmentHeaderSize) {
    return Status::Corruption("log segment header: expected 64 bytes, found " +
                              std::to_string(bytes.size()));
  }
  const char* p = bytes.data();
  if (std::memcmp(p, kMagic, sizeof(kMagic)) != 0) {
    return Status::Corruption("log segment header: no TCLOG magic at offset 0");
  }
  // The version before the checksum: another version may keep its checksum elsewhere.
  const uint16_t version = LoadFixed16(p + kSegmentVersion);
  if (version != kLogFormatVersion) {
    return Status::Unsupported("log segment header: format version " + std::to_string(version) +
                               ", this build reads " + std::to_string(kLogFormatVersion));
  }
  const uint32_t expected = Crc32c(0, bytes.substr(0, kSegmentChecksum));
  const uint32_t found = LoadFixed32(p + kSegmentChecksum);
  if (expected != found) {
    return Status::Corruption("log segment header: checksum " + std::to_string(found) +
                              ", expected " + std::to_string(expected));
  }
  SegmentHeader header;
  header.generation = LoadFixed64(p + kSegmentGeneration);
  header.base_lsn = LoadFixed64(p + kSegmentBaseLsn);
  header.previous_end = LoadFixed64(p + kSegmentPreviousEnd);
  header.select_db = static_cast<int32_t>(LoadFixed32(p + kSegmentSelectDb));
  if (header.base_lsn == 0 || header.base_lsn > kMaxLsn || header.previous_end > kMaxLsn ||
      !AllZero(bytes.substr(kSegmentReserved, kSegmentChecksum - kSegmentReserved))) {
    return Status::Corruption("log segment header: a field is out of range");
  }
  return header;
}

size_t BeginFrame(std::string* out, uint8_t flags) {
  const size_t start = out->size();
  out->append(FrameSize(flags, 0), '\0');
  return start;
}

void FinishFrame(std::string* out, size_t start, uint64_t generation, const FrameHeader& header) {
  const size_t payload_size = out->size() - start - FrameSize(header.flags, 0);
  assert(payload_size > 0 && payload_size <= kMaxFramePayload && header.lsn <= kMaxLsn);
  char* p = out->data() + start;
  StoreFixed32(p + kFrameLength, static_cast<uint32_t>(payload_size));
  StoreFixed48(p + kFrameLsn, header.lsn);
  StoreFixed48(p + kFrameDurableLsn, header.durable_lsn);
  p[kFrameFlagsAt] = static_cast<char>(header.flags);
  if (header.flags & kFrameHasUpstream) {
    std::memcpy(p + kFrameHeaderSize, header.upstream_id.data(), header.upstream_id.size());
    StoreFixed64(p + kFrameHeaderSize + header.upstream_id.size(), header.upstream_offset);
  }
  StoreFixed32(p, FrameChecksum(generation, header.lsn,
                                std::string_view(*out).substr(start + kFrameLength)));
}

void AppendFrame(std::string* out, uint64_t generation, const FrameHeader& header,
                 std::string_view payload) {
  const size_t start = BeginFrame(out, header.flags);
  out->append(payload);
  FinishFrame(out, start, generation, header);
}

FrameResult ReadFrame(std::string_view bytes, uint64_t generation, FrameHeader* header,
                      std::string_view* payload, size_t* consumed) {
  if (bytes.size() < kFrameHeaderSize) return FrameResult::kNeedMore;
  const char* p = bytes.data();
  if (!HeaderLooksRight(p)) return FrameResult::kBad;
  const auto flags = static_cast<uint8_t>(p[kFrameFlagsAt]);
  const size_t size = FrameSize(flags, LoadFixed32(p + kFrameLength));
  if (bytes.size() < size) return FrameResult::kNeedMore;
  const Lsn lsn = LoadFixed48(p + kFrameLsn);
  if (LoadFixed32(p) !=
      FrameChecksum(generation, lsn, bytes.substr(kFrameLength, size - kFrameLength))) {
    return FrameResult::kBad;
  }
  *header = FrameHeader{};
  header->lsn = lsn;
  header->durable_lsn = LoadFixed48(p + kFrameDurableLsn);
  header->flags = flags;
  if (flags & kFrameHasUpstream) {
    std::memcpy(header->upstream_id.data(), p + kFrameHeaderSize, header->upstream_id.size());
    header->upstream_offset = LoadFixed64(p + kFrameHeaderSize + header->upstream_id.size());
  }
  const size_t prefix = FrameSize(flags, 0);
  *payload = bytes.substr(prefix, size - prefix);
  *consumed = size;
  return FrameResult::kFrame;
}

size_t FindFrame(std::string_view bytes, uint64_t generation, Lsn min_lsn, Lsn max_lsn) {
  FrameHeader header;
  std::string_view payload;
  size_t consumed = 0;
  for (size_t i = 0; i + kFrameHeaderSize <= bytes.size(); ++i) {
    const char* p = bytes.data() + i;
    if (!HeaderLooksRight(p)) continue;
    const Lsn lsn = LoadFixed48(p + kFrameLsn);
    if (lsn < min_lsn || lsn > max_lsn) continue;
    if (ReadFrame(bytes.substr(i), generation, &header, &payload, &consumed) ==
        FrameResult::kFrame) {
      return i;
    }
  }
  return std::string_view::npos;
}

}  // namespace thermocline::codec
