// DeferredDeletions: a file system in which RocksDB is opened without waiting for tables to be
// deleted.
//
// Internal to engine/cold (it includes RocksDB's headers). A process that was killed in a
// compaction leaves its unfinished tables, and RocksDB deletes them one by one before it is open:
// 40 of 32 MB took 0.4 s of a restart. So the opening thread's deletions of tables only take them
// out of the way, to names that RocksDB does not know (it may use the old ones again), and the
// writer deletes them when it is idle, after an error of the disk, or one in many batches: beside
// more, the reads that a restart begins with wait for the file system. What is left when the
// process ends is found by the next opening. Other calls pass. Begin() and End() are the opening
// thread's, DeleteOne() and NoteBatch() the writer's.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "rocksdb/file_system.h"

namespace thermocline::engine {

class DeferredDeletions : public rocksdb::FileSystemWrapper {
 public:
  static constexpr char kPrefix[] = "deleted-";  // of files that are to go

  DeferredDeletions(const std::shared_ptr<rocksdb::FileSystem>& fs, std::string dir)
      : FileSystemWrapper(fs), dir_(std::move(dir)) {}
  const char* Name() const override { return "DeferredDeletions"; }

  void Begin() { thread_.store(std::this_thread::get_id()); }
  /// `ok`: it is open, and what was taken out of the way, now or before, may be deleted.
  void End(bool ok) {
    thread_.store({});
    std::vector<std::string> names;
    if (!ok || !GetChildren(dir_, {}, &names, nullptr).ok()) return;
    std::erase_if(names, [](const std::string& name) { return !name.starts_with(kPrefix); });
    const std::lock_guard lock(mutex_);
    names_ = std::move(names);
  }
  /// Deletes one of them; false: there is none. One that cannot be deleted is left to the next
  /// opening.
  bool DeleteOne() {
    std::string name;
    {
      const std::lock_guard lock(mutex_);
      if (names_.empty()) return false;
      name = std::move(names_.back());
      names_.pop_back();
    }
    FileSystemWrapper::DeleteFile(dir_ + "/" + name, {}, nullptr).PermitUncheckedError();
    return true;
  }

  /// Deletes one in kBatchesADeletion calls.
  void NoteBatch() {
    if (++batches_ % kBatchesADeletion == 0) DeleteOne();
  }
  static constexpr uint64_t kBatchesADeletion = 64;

  rocksdb::IOStatus DeleteFile(const std::string& path, const rocksdb::IOOptions& options,
                               rocksdb::IODebugContext* debug) override {
    const bool table = path.ends_with(".sst") || path.ends_with(".blob");
    if (table && thread_.load() == std::this_thread::get_id()) {
      std::string name = path.substr(path.rfind('/') + 1);
      std::replace(name.begin(), name.end(), '.', '-');
      const std::string aside = dir_ + "/" + kPrefix + name;
      if (FileSystemWrapper::RenameFile(path, aside, options, debug).ok()) {
        return rocksdb::IOStatus::OK();
      }
    }
    return FileSystemWrapper::DeleteFile(path, options, debug);
  }

 private:
  const std::string dir_;
  std::atomic<std::thread::id> thread_{};  // that opens
  uint64_t batches_ = 0;                   // the writer's
  std::mutex mutex_;
  std::vector<std::string> names_;  // guarded by mutex_
};

}  // namespace thermocline::engine
