// The log's bytes: the 64-byte segment header and the frames after it. Implements
// docs/formats/log.md.
//
// Segments are recycled, so behind the last frame stand bytes of an older life: a frame's checksum
// is seeded with the segment's random generation and its LSN, and old bytes never pass for new
// ones. An LSN counts payload bytes only: the next frame's is lsn + payload length. Pure functions
// over bytes; which bad frame is a torn tail and which is corruption is the engine's decision.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "codec/bytes.h"
#include "codec/status.h"

namespace thermocline::codec {

inline constexpr size_t kSegmentHeaderSize = 64;
inline constexpr uint16_t kLogFormatVersion = 1;

struct SegmentHeader {
  uint64_t generation = 0;  // random, new with every life of the file
  Lsn base_lsn = 1;         // LSN of the first frame
  uint64_t previous_end =
      0;                  // stream offset where the segment before it ended; base_lsn - 1 if none
  int32_t select_db = 0;  // SELECT in force before the first frame
  bool operator==(const SegmentHeader&) const = default;
};

/// Appends exactly kSegmentHeaderSize bytes.
void EncodeSegmentHeader(const SegmentHeader& header, std::string* out);
/// kCorruption for a bad magic, checksum or size, kUnsupported for another version. Reads the first
/// kSegmentHeaderSize bytes; what follows is not looked at.
StatusOr<SegmentHeader> DecodeSegmentHeader(std::string_view bytes);

enum FrameFlags : uint8_t {
  kFrameKeyless = 1,      // PUBLISH, PING, GETACK: recovery skips the effects
  kFrameHasUpstream = 2,  // the header is followed by the upstream id and offset
};

inline constexpr size_t kFrameHeaderSize = 24;
inline constexpr size_t kFrameUpstreamSize = 48;  // 40 bytes of id, 8 of offset
inline constexpr uint64_t kMaxFramePayload = 0xffffffffu;

struct FrameHeader {
  Lsn lsn = 0;          // of the payload's first byte
  Lsn durable_lsn = 0;  // everything below it was known to be on disk when the frame was written
  uint8_t flags = 0;    // FrameFlags
  // Meaningful with kFrameHasUpstream: replication id of the server this change came from, and its
  // offset after the change.
  std::array<char, 40> upstream_id{};
  uint64_t upstream_offset = 0;
  bool operator==(const FrameHeader&) const = default;
};

/// Bytes a frame takes in the segment.
inline size_t FrameSize(uint8_t flags, size_t payload_size) {
  return kFrameHeaderSize + ((flags & kFrameHasUpstream) ? kFrameUpstreamSize : 0) + payload_size;
}

/// Appends one frame. REQUIRES: 1 <= payload.size() <= kMaxFramePayload; LSNs within 48 bits.
void AppendFrame(std::string* out, uint64_t generation, const FrameHeader& header,
                 std::string_view payload);

/// The same without a copy: Begin leaves room for the header, the caller appends the payload to
/// `out`, Finish fills the header in. `flags` must be equal in both. Returns the frame's start in
/// `out`.
size_t BeginFrame(std::string* out, uint8_t flags);
void FinishFrame(std::string* out, size_t start, uint64_t generation, const FrameHeader& header);

enum class FrameResult {
  kFrame,
  kNeedMore,  // the bytes end inside what may be a frame; at the end of a segment that is a bad
              // frame
  kBad,       // no frame of this generation begins here
};

/// Reads the frame at the start of `bytes`. On kFrame *payload views into bytes and *consumed is
/// the size of the frame. The caller checks that header->lsn is the one it expects.
FrameResult ReadFrame(std::string_view bytes, uint64_t generation, FrameHeader* header,
                      std::string_view* payload, size_t* consumed);

/// Offset of the first valid frame of this generation with min_lsn <= LSN <= max_lsn at any byte of
/// `bytes`, or npos: does anything valid stand behind a bad frame? Linear in practice: the fields
/// of a header are tested before a payload is summed.
size_t FindFrame(std::string_view bytes, uint64_t generation, Lsn min_lsn, Lsn max_lsn);

}  // namespace thermocline::codec
