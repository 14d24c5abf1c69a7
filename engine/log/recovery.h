// Recovery of the log's files: which segments form the chain, where the log ends, what is damaged.
//
// Rules (docs/formats/log.md, "Recovery"):
// - The valid header with the highest serial is the chain's last segment. The one before a segment
// S is
//   the highest lower serial whose base is at or before S's "previous end"; lives in between were
//   abandoned (by a failed write, a cut tail) and are dead. So a newer life always wins.
// - A segment must reach the "previous end" of its follower with valid frames; what stands behind
// that
//   in the file is void. The last one ends where its valid frames end.
// - A bad or missing frame is corruption if any valid frame behind it, in the same segment or a
// later
//   one, claims that it was durable. Otherwise it is the tail: cut, later segments are dead, and a
//   warning says how many bytes.
// - Claims work backwards: a segment whose followers claim its whole length was durable need not be
//   read to find the end. Replay reads it when it is needed and finds any damage then.
//
// Reads only. One thread.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "codec/log_frame.h"
#include "codec/status.h"
#include "engine/env/file_system.h"
#include "engine/log/log.h"

namespace thermocline::engine {

struct RecoveredSegment {
  std::string path;
  uint64_t number = 0;
  uint64_t bytes = 0;
  codec::SegmentHeader header;
  uint64_t end = 0;  // stream offset where it ends
};

struct RecoveredFile {
  std::string path;
  uint64_t number = 0;
  uint64_t bytes = 0;
};

struct RecoveredLog {
  std::vector<RecoveredSegment> chain;  // oldest first; each reaches the next
  uint64_t end = 0;                     // stream offset of the log's end
  /// What frames claim to be durable; the rest up to `end` may be in the page cache only.
  uint64_t claimed_end = 0;
  int32_t select_db = 0;  // in force at `end`
  /// Why the chain does not go further back, when that is not simply that nothing is there.
  std::string break_reason;
  std::vector<RecoveredFile> unused;  // spare, dead or unfinished files
  uint64_t next_number = 1;
  uint32_t next_serial = 1;
  /// Of the functions below: holds one segment after the other. Nothing in it outlives a call.
  std::string buffer;
};

StatusOr<RecoveredLog> RecoverLog(const FileSystemPtr& fs, const std::string& dir);

/// How many frames are foreseen at once.
inline constexpr size_t kFramesForeseen = 32;

/// Delivers the frames with LSN >= from; see Log::Replay.
Status ReplayLog(const FileSystemPtr& fs, RecoveredLog& log, Lsn from,
                 const std::function<Status(const ReplayFrame&)>& deliver,
                 const std::function<void(std::span<const ReplayFrame>)>& foresee);

/// Writes again, in place and to the same bytes, what lies between claimed_end and end, and syncs
/// it. After a killed process this makes page-cache content durable; after a failed sync it is
/// needed even though an fdatasync alone would now report success.
Status MakeTailDurable(const FileSystemPtr& fs, RecoveredLog& log);

}  // namespace thermocline::engine
