// SegmentPool: spare segment files, ready to be overwritten, and files waiting to be deleted.
//
// Spares keep two promises: the log rolls without waiting for zeros to be written, and their blocks
// are disk space that acknowledgements, pops and deletes can still use when the disk is full.
// Recycled files are reused oldest first. Files of an odd size (one huge frame) and files that saw
// a failed write or sync are deleted instead.
//
// Thread-safe; one mutex, not held during I/O.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <string>

#include "engine/env/file_system.h"
#include "engine/log/segment.h"

namespace thermocline::engine {

class SegmentPool {
 public:
  struct Counts {
    uint64_t spare = 0;
    uint64_t spare_bytes = 0;
    uint64_t created = 0;
    uint64_t recycled = 0;  // handed out again after having held frames
  };

  SegmentPool(FileSystemPtr fs, std::string dir, uint64_t segment_bytes, uint64_t spares_wanted,
              uint64_t next_number);

  /// A spare, or a new file if there is none or `bytes` is not the usual size.
  StatusOr<std::shared_ptr<SegmentFile>> Acquire(uint64_t bytes);

  /// Takes back a file whose frames are not needed. `reusable` is false after any failure on it.
  void Give(std::shared_ptr<SegmentFile> file, bool reusable);

  /// Deletes surplus spares beyond `count`.
  void Trim(uint64_t count);

  /// True if Maintain has something to do.
  bool NeedsWork() const;
  /// Deletes what is to be deleted, makes missing spares. A failure is logged once and remembered.
  void Maintain();

  /// The last attempt to make a spare failed, and no reserve is left.
  bool ReserveMissing() const;

  Counts counts() const;

 private:
  struct Spare {
    std::shared_ptr<SegmentFile> file;
    bool used;
  };

  StatusOr<std::shared_ptr<SegmentFile>> Create(uint64_t bytes);

  const FileSystemPtr fs_;
  const std::string dir_;
  const uint64_t segment_bytes_;
  const uint64_t spares_wanted_;

  mutable std::mutex mu_;  // guards what follows
  std::deque<Spare> spares_;
  std::deque<std::shared_ptr<SegmentFile>> doomed_;
  uint64_t next_number_;
  uint64_t created_ = 0;
  uint64_t recycled_ = 0;
  bool create_failed_ = false;
};

}  // namespace thermocline::engine
