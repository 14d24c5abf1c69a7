#include "engine/log/frame_buffer.h"

#include <glog/logging.h>

#include <utility>

namespace thermocline::engine {
namespace {

constexpr size_t kChunkBytes = 256 << 10;
// Spare chunks spare page faults: under everysec about a second's worth of frames goes round.
constexpr size_t kSpareChunksMax = 32;

}  // namespace

FrameBuffer::FrameBuffer() {
  current_.bytes.reserve(kChunkBytes + kChunkBytes / 4);
  Count();
}

void FrameBuffer::BeginSegment(const std::shared_ptr<SegmentLife>& life) {
  life_ = life;
  Run run;
  run.life = life;
  run.begin = run.written = current_.bytes.size();
  codec::EncodeSegmentHeader(life->header, &current_.bytes);
  run.end = current_.bytes.size();
  run.has_header = true;
  run.end_offset = life->header.base_lsn - 1;
  run.select_db = life->header.select_db;
  life->position = codec::kSegmentHeaderSize;
  current_.runs.push_back(std::move(run));
}

void FrameBuffer::Continue(std::shared_ptr<SegmentLife> life, uint64_t end_offset,
                           int32_t select_db) {
  life_ = std::move(life);
  end_offset_ = end_offset;
  select_db_ = select_db;
}

void FrameBuffer::ContinueSegment() {
  CHECK(life_) << "a frame without a segment";
  Run run;
  run.life = life_;
  run.file_offset = life_->position;
  run.end_offset = end_offset_;
  run.select_db = select_db_;
  current_.runs.push_back(std::move(run));
}

void FrameBuffer::Release(uint64_t durable_end) {
  DCHECK(!HasUnwritten());
  while (!kept_.empty() && kept_.front().end_offset() <= durable_end) {
    Chunk chunk = std::move(kept_.front());
    kept_.pop_front();
    kept_bytes_ -= chunk.bytes.size();
    kept_capacity_ -= chunk.bytes.capacity();
    Reuse(std::move(chunk));
  }
  if (!current_.runs.empty()) {
    end_offset_ = current_.runs.back().end_offset;
    select_db_ = current_.runs.back().select_db;
    if (kept_.empty() && end_offset_ <= durable_end &&
        current_.bytes.capacity() < 2 * kChunkBytes) {
      current_.bytes.clear();
      current_.runs.clear();
    } else if (current_.bytes.size() >= kChunkBytes) {
      kept_bytes_ += current_.bytes.size();
      kept_capacity_ += current_.bytes.capacity();
      kept_.push_back(std::move(current_));
      current_ = Chunk();
      if (!spare_.empty()) {
        current_ = std::move(spare_.back());
        spare_.pop_back();
        spare_capacity_ -= current_.bytes.capacity();
      } else {
        current_.bytes.reserve(kChunkBytes + kChunkBytes / 4);
      }
      if (kept_.front().end_offset() <= durable_end) Release(durable_end);
    }
  }
  Count();
}

void FrameBuffer::Reuse(Chunk chunk) {
  // A chunk that one huge frame blew up goes back to the allocator.
  if (spare_.size() >= kSpareChunksMax || chunk.bytes.capacity() >= 2 * kChunkBytes) return;
  chunk.bytes.clear();
  chunk.runs.clear();
  spare_capacity_ += chunk.bytes.capacity();
  spare_.push_back(std::move(chunk));
}

void FrameBuffer::Count() {
  pending_bytes_.store(kept_bytes_ + current_.bytes.size(), std::memory_order_relaxed);
  memory_bytes_.store(kept_capacity_ + spare_capacity_ + current_.bytes.capacity(),
                      std::memory_order_relaxed);
}

codec::Status FrameBuffer::VisitKept(
    uint64_t durable_end,
    const std::function<void(const codec::FrameHeader&, std::string_view)>& visit) const {
  auto visit_chunk = [&](const Chunk& chunk) -> codec::Status {
    for (const Run& run : chunk.runs) {
      if (run.end_offset <= durable_end) continue;
      std::string_view rest = std::string_view(chunk.bytes).substr(run.begin, run.end - run.begin);
      if (run.has_header) rest.remove_prefix(codec::kSegmentHeaderSize);
      while (!rest.empty()) {
        codec::FrameHeader header;
        std::string_view payload;
        size_t consumed = 0;
        if (codec::ReadFrame(rest, run.life->header.generation, &header, &payload, &consumed) !=
            codec::FrameResult::kFrame) {
          return codec::Status::Corruption("a log frame kept in memory is damaged near offset " +
                                           std::to_string(run.end_offset));
        }
        if (header.lsn > durable_end) visit(header, payload);
        rest.remove_prefix(consumed);
      }
    }
    return codec::Status::Ok();
  };
  for (const Chunk& chunk : kept_) TC_RETURN_IF_ERROR(visit_chunk(chunk));
  return visit_chunk(current_);
}

void FrameBuffer::Clear() {
  for (Chunk& chunk : kept_) Reuse(std::move(chunk));
  kept_.clear();
  kept_bytes_ = kept_capacity_ = 0;
  current_.runs.clear();
  current_.bytes.clear();
  if (current_.bytes.capacity() >= 2 * kChunkBytes) {
    current_.bytes = std::string();
    current_.bytes.reserve(kChunkBytes + kChunkBytes / 4);
  }
  life_.reset();
  Count();
}

}  // namespace thermocline::engine
