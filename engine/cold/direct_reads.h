// DirectReads: reads of values whose place is known, many at once and without a thread.
//
// A reader thread is woken for a read, searches the tables' indexes and filters, waits in pread and
// wakes the executor: 42 us of CPU (docs/performance.md, "Cold"). A value whose block is known
// needs none of that: what a tick asks for is given to the kernel in one call (Linux's asynchronous
// I/O, which for reads past the page cache needs no thread either), and the end of each adds to the
// eventfd that wakes the loop. What comes back is looked for under its whole key and has its
// checksum; whatever is not right, a table that is gone, an error of the disk, damage, is read
// again by a reader, who says what is wrong. Owner's thread alone.
#pragma once

#include <linux/aio_abi.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "codec/cold_record.h"
#include "engine/cold/aligned_buffer.h"
#include "engine/cold/open_tables.h"

namespace thermocline::engine {

struct ColdRead;

/// The key's value, if it lies whole in this block of a table (table_block.h), with its checksum
/// right: as the row of a whole payload, or in its record. Its payload is a view into `block` or
/// `*uncompressed`. Any thread.
std::optional<codec::ColdValue> FindValueInBlock(std::string_view block, uint64_t id,
                                                 uint64_t position, std::string_view key,
                                                 std::string* uncompressed);

class DirectReads {
 public:
  static constexpr size_t kInFlightMax = 64;  // few: a full queue of the disk would block

  /// `wake_fd`: an eventfd, not owned. Null: the kernel has no room for one more such queue, or
  /// knows no such thing.
  static std::unique_ptr<DirectReads> Create(std::shared_ptr<const OpenTables> tables, int wake_fd);
  /// Waits for what is in flight; those reads are nobody's then.
  ~DirectReads();
  DirectReads(const DirectReads&) = delete;
  DirectReads& operator=(const DirectReads&) = delete;

  /// Begins kValue reads with a place; the others, and those that cannot begin, are added to
  /// `left`.
  void Submit(std::span<ColdRead* const> reads, std::vector<ColdRead*>* left);
  /// Those that are over, or with `wait` all: to the end of `done` with their result, or of `left`,
  /// with no place.
  void Reap(std::vector<ColdRead*>* done, std::vector<ColdRead*>* left, bool wait = false);
  size_t in_flight() const { return in_flight_; }

 private:
  struct Slot {
    iocb request{};
    ColdRead* read = nullptr;
    std::shared_ptr<const TableFile> file;
    uint64_t begin = 0;  // of what is read
    AlignedBuffer buffer;
  };
  DirectReads(aio_context_t context, std::shared_ptr<const OpenTables> tables, int wake_fd)
      : context_(context), tables_(std::move(tables)), wake_fd_(wake_fd) {}
  Slot* Prepare(ColdRead* read, std::shared_ptr<const TableFile> file);
  // Whether the read's value was in what its slot brought, `bytes` of it.
  bool Take(const Slot& slot, int64_t bytes);
  void Release(Slot* slot);

  const aio_context_t context_;
  const std::shared_ptr<const OpenTables> tables_;
  const int wake_fd_;
  std::vector<std::unique_ptr<Slot>> slots_;
  std::vector<Slot*> free_;
  std::vector<iocb*> batch_;
  std::string block_;  // uncompressed
  size_t in_flight_ = 0;
  int slow_ = 0;  // submissions that took long, one after the other
};

}  // namespace thermocline::engine
