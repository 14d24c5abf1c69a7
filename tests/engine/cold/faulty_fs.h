// FaultyFs: the operating system's files, failing on command. For tests of the cold tier.
//
// Counts calls that change the disk (create, append, sync, close, rename, directory sync) on paths
// that contain a given text and fails one, or all from one on, with EIO or ENOSPC. A failed append
// leaves nothing, as the honest half of disks do. Thread-safe; header only.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <string>
#include <utility>

#include "rocksdb/file_system.h"

namespace thermocline::engine {

class FaultyFs : public rocksdb::FileSystemWrapper {
 public:
  FaultyFs() : FileSystemWrapper(rocksdb::FileSystem::Default()) {}
  const char* Name() const override { return "FaultyFs"; }

  /// The n-th call from now (0: the next) fails; with `forever`, so do all after it.
  void FailAt(int64_t n, bool no_space, bool forever) {
    std::lock_guard lock(mutex_);
    countdown_ = n;
    no_space_ = no_space;
    forever_ = forever;
    failing_ = false;
  }
  void Heal() { FailAt(-1, false, false); }
  uint64_t calls() const { return calls_.load(); }
  uint64_t failures() const { return failures_.load(); }

  rocksdb::IOStatus Check() {
    ++calls_;
    std::lock_guard lock(mutex_);
    if (countdown_ >= 0 && countdown_-- == 0) failing_ = true;
    if (!failing_) return rocksdb::IOStatus::OK();
    if (!forever_) failing_ = false;
    ++failures_;
    return no_space_ ? rocksdb::IOStatus::NoSpace("injected", "No space left on device")
                     : rocksdb::IOStatus::IOError("injected", "Input/output error");
  }

  rocksdb::IOStatus NewWritableFile(const std::string& name, const rocksdb::FileOptions& options,
                                    std::unique_ptr<rocksdb::FSWritableFile>* file,
                                    rocksdb::IODebugContext* debug) override;
  rocksdb::IOStatus NewDirectory(const std::string& name, const rocksdb::IOOptions& options,
                                 std::unique_ptr<rocksdb::FSDirectory>* dir,
                                 rocksdb::IODebugContext* debug) override;
  rocksdb::IOStatus LinkFile(const std::string& from, const std::string& to,
                             const rocksdb::IOOptions& options,
                             rocksdb::IODebugContext* debug) override {
    const rocksdb::IOStatus status = Check();
    return status.ok() ? FileSystemWrapper::LinkFile(from, to, options, debug) : status;
  }
  rocksdb::IOStatus RenameFile(const std::string& from, const std::string& to,
                               const rocksdb::IOOptions& options,
                               rocksdb::IODebugContext* debug) override {
    if (auto s = Check(); !s.ok()) return s;
    return target()->RenameFile(from, to, options, debug);
  }

 private:
  std::mutex mutex_;  // all below but the counters
  int64_t countdown_ = -1;
  bool no_space_ = false;
  bool forever_ = false;
  bool failing_ = false;
  std::atomic<uint64_t> calls_{0};
  std::atomic<uint64_t> failures_{0};
};

class FaultyFile : public rocksdb::FSWritableFileOwnerWrapper {
 public:
  FaultyFile(FaultyFs* fs, std::unique_ptr<rocksdb::FSWritableFile> file)
      : FSWritableFileOwnerWrapper(std::move(file)), fs_(fs) {}
  rocksdb::IOStatus Append(const rocksdb::Slice& data, const rocksdb::IOOptions& options,
                           rocksdb::IODebugContext* debug) override {
    if (auto s = fs_->Check(); !s.ok()) return s;
    return target()->Append(data, options, debug);
  }
  rocksdb::IOStatus Append(const rocksdb::Slice& data, const rocksdb::IOOptions& options,
                           const rocksdb::DataVerificationInfo& info,
                           rocksdb::IODebugContext* debug) override {
    if (auto s = fs_->Check(); !s.ok()) return s;
    return target()->Append(data, options, info, debug);
  }
  rocksdb::IOStatus PositionedAppend(const rocksdb::Slice& data, uint64_t offset,
                                     const rocksdb::IOOptions& options,
                                     rocksdb::IODebugContext* debug) override {
    if (auto s = fs_->Check(); !s.ok()) return s;
    return target()->PositionedAppend(data, offset, options, debug);
  }
  rocksdb::IOStatus PositionedAppend(const rocksdb::Slice& data, uint64_t offset,
                                     const rocksdb::IOOptions& options,
                                     const rocksdb::DataVerificationInfo& info,
                                     rocksdb::IODebugContext* debug) override {
    if (auto s = fs_->Check(); !s.ok()) return s;
    return target()->PositionedAppend(data, offset, options, info, debug);
  }
  rocksdb::IOStatus Sync(const rocksdb::IOOptions& options,
                         rocksdb::IODebugContext* debug) override {
    if (auto s = fs_->Check(); !s.ok()) return s;
    return target()->Sync(options, debug);
  }
  rocksdb::IOStatus Close(const rocksdb::IOOptions& options,
                          rocksdb::IODebugContext* debug) override {
    if (auto s = fs_->Check(); !s.ok()) return s;
    return target()->Close(options, debug);
  }

 private:
  FaultyFs* const fs_;
};

class FaultyDirectory : public rocksdb::FSDirectoryWrapper {
 public:
  FaultyDirectory(FaultyFs* fs, std::unique_ptr<rocksdb::FSDirectory> dir)
      : FSDirectoryWrapper(std::move(dir)), fs_(fs) {}
  rocksdb::IOStatus Fsync(const rocksdb::IOOptions& options,
                          rocksdb::IODebugContext* debug) override {
    if (auto s = fs_->Check(); !s.ok()) return s;
    return FSDirectoryWrapper::Fsync(options, debug);
  }
  rocksdb::IOStatus FsyncWithDirOptions(const rocksdb::IOOptions& options,
                                        rocksdb::IODebugContext* debug,
                                        const rocksdb::DirFsyncOptions& how) override {
    if (auto s = fs_->Check(); !s.ok()) return s;
    return FSDirectoryWrapper::FsyncWithDirOptions(options, debug, how);
  }

 private:
  FaultyFs* const fs_;
};

inline rocksdb::IOStatus FaultyFs::NewWritableFile(const std::string& name,
                                                   const rocksdb::FileOptions& options,
                                                   std::unique_ptr<rocksdb::FSWritableFile>* file,
                                                   rocksdb::IODebugContext* debug) {
  if (auto s = Check(); !s.ok()) return s;
  auto s = target()->NewWritableFile(name, options, file, debug);
  if (s.ok()) *file = std::make_unique<FaultyFile>(this, std::move(*file));
  return s;
}

inline rocksdb::IOStatus FaultyFs::NewDirectory(const std::string& name,
                                                const rocksdb::IOOptions& options,
                                                std::unique_ptr<rocksdb::FSDirectory>* dir,
                                                rocksdb::IODebugContext* debug) {
  auto s = target()->NewDirectory(name, options, dir, debug);
  if (s.ok()) *dir = std::make_unique<FaultyDirectory>(this, std::move(*dir));
  return s;
}

}  // namespace thermocline::engine
