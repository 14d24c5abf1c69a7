#include "engine/log/frame_buffer.h"

#include <glog/logging.h>

#include <algorithm>
#include <utility>

namespace thermocline::engine {
namespace {

constexpr size_t kChunkBytes = 256 << 10;
constexpr size_t kNeededUnit = 256;  // also: a 256th of what was needed is forgotten each time

}  // namespace

FrameBuffer::FrameBuffer(uint64_t spare_bytes_max) : spare_bytes_max_(spare_bytes_max) {
  AddChunk(0);
}

void FrameBuffer::AddChunk(size_t size) {
  if (!chunks_.empty()) {
    const Chunk& last = chunks_.back();
    full_bytes_ += last.bytes.size();
    full_capacity_ += last.bytes.capacity();
    if (!last.runs.empty()) {
      end_offset_ = last.runs.back().end_offset;
      select_db_ = last.runs.back().select_db;
    }
  }
  if (size <= kChunkBytes && !spare_.empty()) {
    chunks_.push_back(std::move(spare_.back()));
    spare_.pop_back();
    spare_capacity_ -= chunks_.back().bytes.capacity();
  } else {
    chunks_.emplace_back().bytes.reserve(std::max(size, kChunkBytes));
  }
  needed_ = std::max(needed_, chunks_.size() * kNeededUnit);
  Count();
}

void FrameBuffer::BeginSegment(const std::shared_ptr<SegmentLife>& life) {
  life_ = life;
  MakeRoom(codec::kSegmentHeaderSize);
  Chunk& chunk = chunks_.back();
  Run run;
  run.life = life;
  run.begin = run.written = chunk.bytes.size();
  codec::EncodeSegmentHeader(life->header, &chunk.bytes);
  run.end = chunk.bytes.size();
  run.has_header = true;
  run.end_offset = life->header.base_lsn - 1;
  run.select_db = life->header.select_db;
  life->position = codec::kSegmentHeaderSize;
  chunk.runs.push_back(std::move(run));
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
  run.begin = run.written = run.end = chunks_.back().bytes.size();
  chunks_.back().runs.push_back(std::move(run));
}

FrameBuffer::Run* FrameBuffer::NextUnwritten(std::string_view* bytes) {
  for (; first_unwritten_ < chunks_.size(); ++first_unwritten_) {
    Chunk& chunk = chunks_[first_unwritten_];
    for (Run& run : chunk.runs) {
      if (run.written == run.end) continue;
      *bytes = std::string_view(chunk.bytes).substr(run.written, run.end - run.written);
      return &run;
    }
  }
  first_unwritten_ = chunks_.size() - 1;  // it goes on there
  return nullptr;
}

void FrameBuffer::Release(uint64_t durable_end) {
  DCHECK(!HasUnwritten());
  bool freed = false;
  while (chunks_.size() > 1 && chunks_.front().end_offset() <= durable_end) {
    Chunk chunk = std::move(chunks_.front());
    chunks_.pop_front();
    full_bytes_ -= chunk.bytes.size();
    full_capacity_ -= chunk.bytes.capacity();
    Reuse(std::move(chunk));
    freed = true;
  }
  first_unwritten_ = chunks_.size() - 1;
  Chunk& last = chunks_.back();
  if (chunks_.size() == 1 && !last.runs.empty() && last.end_offset() <= durable_end) {
    end_offset_ = last.end_offset();
    select_db_ = last.runs.back().select_db;
    last.runs.clear();
    last.bytes.clear();
    if (last.bytes.capacity() >= 2 * kChunkBytes) {
      chunks_.clear();
      AddChunk(0);
    }
  }
  if (freed) {
    // As many as were needed lately will be needed again: a page that is new costs more than all
    // that is done with it.
    while (!spare_.empty() && spare_.size() + chunks_.size() > needed_ / kNeededUnit) {
      spare_capacity_ -= spare_.back().bytes.capacity();
      spare_.pop_back();
    }
    needed_ -= needed_ / kNeededUnit;
  }
  Count();
}

void FrameBuffer::FreeSpare() {
  spare_.clear();
  spare_.shrink_to_fit();
  spare_capacity_ = 0;
  needed_ = chunks_.size() * kNeededUnit;
  Count();
}

void FrameBuffer::Reuse(Chunk chunk) {
  // A chunk that was made for one huge frame goes back to the allocator, and so does what a long
  // wait for the disk has piled up.
  if (chunk.bytes.capacity() >= 2 * kChunkBytes ||
      spare_capacity_ + chunk.bytes.capacity() > spare_bytes_max_) {
    return;
  }
  chunk.bytes.clear();
  chunk.runs.clear();
  spare_capacity_ += chunk.bytes.capacity();
  spare_.push_back(std::move(chunk));
}

void FrameBuffer::Count() {
  const std::string& last = chunks_.back().bytes;
  pending_bytes_.store(full_bytes_ + last.size(), std::memory_order_relaxed);
  memory_bytes_.store(full_capacity_ + spare_capacity_ + last.capacity(),
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
  for (const Chunk& chunk : chunks_) TC_RETURN_IF_ERROR(visit_chunk(chunk));
  return codec::Status::Ok();
}

void FrameBuffer::Clear() {
  for (Chunk& chunk : chunks_) Reuse(std::move(chunk));
  chunks_.clear();
  full_bytes_ = full_capacity_ = 0;
  AddChunk(0);
  first_unwritten_ = 0;
  life_.reset();
  Count();
}

}  // namespace thermocline::engine
