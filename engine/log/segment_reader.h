// SegmentReader: the frames of one segment file, read with distrust.
//
// Reads the whole file into the caller's buffer (a segment's size, or one huge frame's) and walks
// it. The buffer serves one reader after the other and outlives each. Whether a bad frame is a torn
// tail or corruption needs evidence from behind it: a valid frame that claims that the bad one was
// durable when it was written. The reader collects that evidence; recovery.h judges. One thread per
// object.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "codec/log_frame.h"
#include "codec/status.h"
#include "engine/env/file_system.h"

namespace thermocline::engine {

class SegmentReader {
 public:
  enum class Result {
    kFrame,
    kEnd,  // the limit was reached exactly
    kBad,  // no valid frame where one is expected
  };

  /// The file holds `header` already decoded. Frames end at stream offset `limit` (where the next
  /// segment says that this one ended), or, with kNoLimit, where they end.
  static constexpr uint64_t kNoLimit = ~uint64_t{0};
  static StatusOr<SegmentReader> Open(const FileSystemPtr& fs, const std::string& path,
                                      const codec::SegmentHeader& header, uint64_t limit,
                                      std::string* buffer);

  Result Next(codec::FrameHeader* header, std::string_view* payload);

  /// Stream offset behind the last frame read.
  uint64_t end() const { return end_; }
  /// File offset behind the last frame read; of the last frame read itself.
  uint64_t position() const { return position_; }
  uint64_t frame_position() const { return frame_position_; }
  /// Largest end that the frames read so far claim to have been durable.
  uint64_t claimed_end() const { return claimed_end_; }
  std::string_view bytes() const { return bytes_; }

  struct Beyond {
    uint64_t claimed_end = 0;     // largest claim of a valid frame behind the bad place; 0 if none
    uint64_t claim_position = 0;  // of that frame
    uint64_t bytes = 0;           // from the bad place to the end of what once looked like frames
  };
  /// After kBad: what stands behind the bad place.
  Beyond LookBeyond() const;

 private:
  SegmentReader() = default;

  std::string_view bytes_;  // the buffer's
  codec::SegmentHeader header_;
  uint64_t limit_ = kNoLimit;
  uint64_t end_ = 0;
  uint64_t position_ = 0;
  uint64_t frame_position_ = 0;
  uint64_t claimed_end_ = 0;
};

/// "everything below durable_lsn is durable", as an end.
inline uint64_t ClaimedEnd(const codec::FrameHeader& header) {
  return header.durable_lsn == 0 ? 0 : header.durable_lsn - 1;
}

/// Follows SELECT commands: the database in force behind `payload`, given the one before it.
int32_t SelectAfter(std::string_view payload, int32_t select_before);

}  // namespace thermocline::engine
