#include "engine/cold/direct_reads.h"

#include <glog/logging.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <ctime>
#include <optional>
#include <string_view>
#include <utility>

#include "codec/cold_record.h"
#include "engine/cold/cold_store.h"
#include "engine/cold/table_block.h"

namespace thermocline::engine {
namespace {

// A read takes a few microseconds to begin, and a disk longer than kSlow to answer; so many
// submissions of that length in a row are no chance.
constexpr std::chrono::microseconds kSlow{50};
constexpr int kSlowMax = 64;

}  // namespace

std::optional<codec::ColdValue> FindValueInBlock(std::string_view block, uint64_t id,
                                                 uint64_t position, std::string_view key,
                                                 std::string* uncompressed) {
  const std::string chunk_key = codec::EncodeChunkKey(id, position, key, 0);
  if (const auto row = FindInBlock(block, chunk_key, uncompressed)) {
    // A piece of a longer payload has no checksum of its own, or is larger.
    StatusOr<codec::ColdValue> whole = codec::DecodeWholeRecord(chunk_key, *row);
    if (!whole.ok() || row->size() > codec::kMaxWholePayload) return std::nullopt;
    whole->header.payload_inline = false;
    return *whole;
  }
  const std::string cold_key = codec::EncodeColdKey(id, position, key);
  const auto row = FindInBlock(block, cold_key, uncompressed);
  if (!row) return std::nullopt;
  const StatusOr<codec::ColdValue> record = codec::DecodeColdValue(cold_key, *row);
  if (!record.ok() || !record->header.payload_inline) return std::nullopt;
  return *record;
}

std::unique_ptr<DirectReads> DirectReads::Create(std::shared_ptr<const OpenTables> tables,
                                                 int wake_fd) {
  aio_context_t context = 0;
  if (syscall(SYS_io_setup, kInFlightMax, &context) != 0) return nullptr;
  return std::unique_ptr<DirectReads>(new DirectReads(context, std::move(tables), wake_fd));
}

DirectReads::~DirectReads() { syscall(SYS_io_destroy, context_); }

DirectReads::Slot* DirectReads::Prepare(ColdRead* read, std::shared_ptr<const TableFile> file) {
  if (free_.empty()) free_.push_back(slots_.emplace_back(std::make_unique<Slot>()).get());
  Slot* const slot = free_.back();
  free_.pop_back();
  const size_t alignment = file->alignment();
  slot->read = read;
  slot->file = std::move(file);
  slot->begin = read->place.offset & ~uint64_t{alignment - 1};
  const size_t length = AlignUp(read->place.offset - slot->begin + read->place.size, alignment);
  iocb& request = slot->request = {};
  request.aio_data = reinterpret_cast<uintptr_t>(slot);
  request.aio_fildes = static_cast<uint32_t>(slot->file->fd());
  request.aio_lio_opcode = IOCB_CMD_PREAD;
  request.aio_buf = reinterpret_cast<uintptr_t>(slot->buffer.Reserve(length));
  request.aio_nbytes = length;
  request.aio_offset = static_cast<int64_t>(slot->begin);
  request.aio_flags = IOCB_FLAG_RESFD;
  request.aio_resfd = static_cast<uint32_t>(wake_fd_);
  return slot;
}

void DirectReads::Release(Slot* slot) {
  slot->read = nullptr;
  slot->file.reset();
  free_.push_back(slot);
}

void DirectReads::Submit(std::span<ColdRead* const> reads, std::vector<ColdRead*>* left) {
  batch_.clear();
  for (ColdRead* read : reads) {
    std::shared_ptr<const TableFile> file;
    if (read->kind == ColdRead::Kind::kValue && read->place.known() && slow_ < kSlowMax &&
        in_flight_ + batch_.size() < kInFlightMax) {
      file = tables_->Find(read->place.table);
    }
    if (file == nullptr) {
      left->push_back(read);
    } else {
      batch_.push_back(&Prepare(read, std::move(file))->request);
    }
  }
  if (batch_.empty()) return;
  const auto started = std::chrono::steady_clock::now();
  size_t begun = 0;
  while (begun < batch_.size()) {
    const long n = syscall(SYS_io_submit, context_, batch_.size() - begun, batch_.data() + begun);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) break;
    begun += static_cast<size_t>(n);
  }
  in_flight_ += begun;
  const auto took = std::chrono::steady_clock::now() - started;
  slow_ = took > kSlow * batch_.size() ? slow_ + 1 : 0;
  if (slow_ == kSlowMax) {
    LOG(WARNING) << "cold tier: this file system begins no read without waiting for the disk; "
                    "values are read by the reader threads alone";
  }
  for (; begun < batch_.size(); ++begun) {
    Slot* const slot = reinterpret_cast<Slot*>(batch_[begun]->aio_data);
    left->push_back(slot->read);
    Release(slot);
  }
}

bool DirectReads::Take(const Slot& slot, int64_t bytes) {
  ColdRead& read = *slot.read;
  const size_t skip = static_cast<size_t>(read.place.offset - slot.begin);
  if (bytes < static_cast<int64_t>(skip + read.place.size)) return false;
  const char* const buffer = reinterpret_cast<const char*>(slot.request.aio_buf);
  const std::string_view block(buffer + skip, read.place.size);
  const auto value = FindValueInBlock(block, read.id, read.position, read.key, &block_);
  if (!value) return false;
  read.direct = read.found = true;
  read.header = value->header;
  read.payload.assign(value->inline_payload);
  return true;
}

void DirectReads::Reap(std::vector<ColdRead*>* done, std::vector<ColdRead*>* left, bool wait) {
  std::array<io_event, kInFlightMax> events;
  timespec at_once{};
  while (in_flight_ > 0) {
    const long n = syscall(SYS_io_getevents, context_, wait ? 1 : 0, events.size(), events.data(),
                           wait ? nullptr : &at_once);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return;  // the eventfd tells when there is more
    for (const io_event& event : std::span(events).first(static_cast<size_t>(n))) {
      Slot* const slot = reinterpret_cast<Slot*>(event.data);
      ColdRead* const read = slot->read;
      const bool taken = Take(*slot, event.res);
      if (!taken) read->place = {};
      (taken ? done : left)->push_back(read);
      Release(slot);
      --in_flight_;
    }
  }
}

}  // namespace thermocline::engine
