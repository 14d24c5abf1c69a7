#include "engine/log/segment_pool.h"

#include <glog/logging.h>

#include <utility>

namespace thermocline::engine {

SegmentPool::SegmentPool(FileSystemPtr fs, std::string dir, uint64_t segment_bytes,
                         uint64_t spares_wanted, uint64_t next_number)
    : fs_(std::move(fs)),
      dir_(std::move(dir)),
      segment_bytes_(segment_bytes),
      spares_wanted_(spares_wanted),
      next_number_(next_number) {}

StatusOr<std::shared_ptr<SegmentFile>> SegmentPool::Create(uint64_t bytes) {
  uint64_t number;
  {
    std::lock_guard lock(mu_);
    number = next_number_++;
  }
  return SegmentFile::Create(fs_, dir_, number, bytes);
}

StatusOr<std::shared_ptr<SegmentFile>> SegmentPool::Acquire(uint64_t bytes) {
  if (bytes == segment_bytes_) {
    std::lock_guard lock(mu_);
    if (!spares_.empty()) {
      Spare spare = std::move(spares_.front());
      spares_.pop_front();
      if (spare.used) ++recycled_;
      return std::move(spare.file);
    }
  }
  auto file = Create(bytes);
  std::lock_guard lock(mu_);
  if (file.ok()) {
    ++created_;
  } else if (bytes == segment_bytes_) {
    create_failed_ = true;
  }
  return file;
}

void SegmentPool::Give(std::shared_ptr<SegmentFile> file, bool reusable) {
  std::lock_guard lock(mu_);
  if (reusable && file->bytes() == segment_bytes_) {
    spares_.push_back({std::move(file), true});
    if (spares_.size() >= spares_wanted_) create_failed_ = false;
  } else {
    doomed_.push_back(std::move(file));
  }
}

void SegmentPool::Trim(uint64_t count) {
  std::lock_guard lock(mu_);
  while (spares_.size() > count) {
    doomed_.push_back(std::move(spares_.front().file));
    spares_.pop_front();
  }
}

bool SegmentPool::NeedsWork() const {
  std::lock_guard lock(mu_);
  return !doomed_.empty() || spares_.size() < spares_wanted_;
}

void SegmentPool::Maintain() {
  for (;;) {
    std::shared_ptr<SegmentFile> file;
    {
      std::lock_guard lock(mu_);
      if (doomed_.empty()) break;
      file = std::move(doomed_.front());
      doomed_.pop_front();
    }
    // A file that cannot be deleted is dead weight until the next start, which tries again.
    const Status status = file->Delete();
    if (!status.ok()) LOG(WARNING) << "log: " << status.ToString();
  }
  for (;;) {
    {
      std::lock_guard lock(mu_);
      if (spares_.size() >= spares_wanted_) return;
    }
    auto file = Create(segment_bytes_);
    std::lock_guard lock(mu_);
    if (!file.ok()) {
      if (!create_failed_) {
        LOG(WARNING) << "log: no spare segment: " << file.status().ToString();
      }
      create_failed_ = true;
      return;
    }
    create_failed_ = false;
    ++created_;
    spares_.push_back({std::move(file).value(), false});
  }
}

bool SegmentPool::ReserveMissing() const {
  std::lock_guard lock(mu_);
  return create_failed_ && spares_.size() < spares_wanted_;
}

SegmentPool::Counts SegmentPool::counts() const {
  std::lock_guard lock(mu_);
  Counts counts;
  counts.spare = spares_.size();
  counts.spare_bytes = spares_.size() * segment_bytes_;
  counts.created = created_;
  counts.recycled = recycled_;
  return counts;
}

}  // namespace thermocline::engine
