// FrameBuffer: the log's frames in memory, from Append until they are durable.
//
// Frames are encoded once, straight into the bytes that will be written, in chunks that are kept
// until the log's durable end passes them: what a failed disk lost is written again from here, in
// order. A chunk never grows: a frame that does not fit begins the next one (of its own size, if it
// is larger than a chunk), so that nothing is copied, and chunks that have served are filled again,
// so that under load no page of theirs is new. A run is a stretch of a chunk that goes to one place
// of one segment; the header of a segment travels at the front of its first run. A frame never
// spans chunks or runs.
//
// Owned by the executor thread. pending_bytes and memory_bytes may be read by any thread.
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "codec/log_frame.h"
#include "codec/status.h"
#include "engine/log/segment.h"

namespace thermocline::engine {

class FrameBuffer {
 public:
  struct Run {
    std::shared_ptr<SegmentLife> life;
    uint64_t file_offset = 0;  // where `begin` goes
    size_t begin = 0;          // [begin, end) of the chunk's bytes; `written` is between them
    size_t written = 0;
    size_t end = 0;
    bool has_header = false;   // the segment header is at `begin`
    uint64_t end_offset = 0;   // stream offset behind the run
    uint64_t claimed_end = 0;  // what its last frame claims to be durable
    int32_t select_db = 0;     // in force behind the run
  };

  /// Keeps at most `spare_bytes_max` of memory for frames to come.
  explicit FrameBuffer(uint64_t spare_bytes_max);

  /// Begins a run of a new segment with its header.
  void BeginSegment(const std::shared_ptr<SegmentLife>& life);

  /// Appends a frame to the current segment. REQUIRES: BeginSegment or Continue since Clear();
  /// header.durable_lsn > 0.
  void AppendFrame(const codec::FrameHeader& header, std::string_view payload, int32_t select_db) {
    const size_t size = codec::FrameSize(header.flags, payload.size());
    MakeRoom(size);
    Chunk& chunk = chunks_.back();
    if (chunk.runs.empty()) ContinueSegment();
    Run& run = chunk.runs.back();
    codec::AppendFrame(&chunk.bytes, run.life->header.generation, header, payload);
    run.life->position += size;
    run.end = chunk.bytes.size();
    run.end_offset = header.lsn - 1 + payload.size();
    run.claimed_end = header.durable_lsn - 1;
    run.select_db = select_db;
  }

  /// After Clear(): frames go on in `life`, which holds everything up to `end_offset`.
  void Continue(std::shared_ptr<SegmentLife> life, uint64_t end_offset, int32_t select_db);

  /// The first run with something to write, null if there is none; `bytes` is what [written, end)
  /// holds. The caller writes it and moves `written`.
  Run* NextUnwritten(std::string_view* bytes);
  bool HasUnwritten() const {
    const Chunk& last = chunks_.back();
    return !last.runs.empty() && last.runs.back().written < last.runs.back().end;
  }

  /// After everything was written: lets go of what is durable.
  void Release(uint64_t durable_end);

  /// After that, while no frames come: gives the memory back that is kept for them.
  void FreeSpare();

  /// Visits all frames behind `durable_end` in order. Fails if the memory does not hold what was
  /// put in.
  codec::Status VisitKept(
      uint64_t durable_end,
      const std::function<void(const codec::FrameHeader&, std::string_view payload)>& visit) const;

  /// Forgets everything; the next frame needs BeginSegment.
  void Clear();

  /// Brings pending_bytes and memory_bytes up to date.
  void Count();

  /// Encoded bytes that are not known to be durable, to the grain of a chunk.
  uint64_t pending_bytes() const { return pending_bytes_.load(std::memory_order_relaxed); }
  uint64_t memory_bytes() const { return memory_bytes_.load(std::memory_order_relaxed); }
  /// Kept for frames to come; the owner's thread.
  uint64_t spare_bytes() const { return spare_capacity_; }

 private:
  struct Chunk {
    std::string bytes;
    std::vector<Run> runs;
    uint64_t end_offset() const { return runs.empty() ? 0 : runs.back().end_offset; }
  };

  /// The last chunk takes `size` more bytes.
  void MakeRoom(size_t size) {
    const std::string& bytes = chunks_.back().bytes;
    if (bytes.capacity() - bytes.size() < size) [[unlikely]]
      AddChunk(size);
  }
  void AddChunk(size_t size);
  void ContinueSegment();
  void Reuse(Chunk chunk);

  const uint64_t spare_bytes_max_;
  std::deque<Chunk> chunks_;    // never empty; frames go into the last one
  size_t first_unwritten_ = 0;  // in chunks_: whatever lies before is written
  std::vector<Chunk> spare_;
  size_t needed_ = 0;  // most chunks in use lately, in 256ths; less each time some are let go of
  std::shared_ptr<SegmentLife> life_;
  int32_t select_db_ = 0;
  uint64_t end_offset_ = 0;
  uint64_t full_bytes_ = 0;     // of all chunks but the last
  uint64_t full_capacity_ = 0;  // the same
  uint64_t spare_capacity_ = 0;
  std::atomic<uint64_t> pending_bytes_{0};
  std::atomic<uint64_t> memory_bytes_{0};
};

}  // namespace thermocline::engine
