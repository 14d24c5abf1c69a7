// IngestionGuard: a file system around which RocksDB 7.8 ingests tables without two mistakes.
//
// Internal to engine/cold (it includes RocksDB's headers). Both were found by failing every call.
// Where it cannot write or sync the MANIFEST it deletes the tables. What it wrote may be there
// after all, and a MANIFEST that names a missing table cannot be opened again. So the ingesting
// thread's deletions wait: if all went well they are carried out, otherwise the files stay until
// the database is opened anew, which removes those that the MANIFEST does not name. And where it
// cannot read a table's first or last key it goes on without, and keys of the table are not found
// later. So after a failed read the table is not linked, and the ingestion fails.
//
// Files and calls of other threads pass unchanged. Begin() and End() are the ingesting thread's.
#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "engine/env/file_system.h"
#include "rocksdb/file_system.h"

namespace thermocline::engine {

class IngestionGuard : public rocksdb::FileSystemWrapper {
 public:
  explicit IngestionGuard(const FileSystemPtr& fs) : FileSystemWrapper(fs) {}
  const char* Name() const override { return "IngestionGuard"; }

  void Begin() {
    read_error_ = rocksdb::IOStatus::OK();
    thread_.store(std::this_thread::get_id());
  }
  /// `ok`: deletions are carried out, otherwise they are not.
  void End(bool ok) {
    thread_.store({});
    for (const std::string& path : std::exchange(deletions_, {})) {
      if (ok) FileSystemWrapper::DeleteFile(path, {}, nullptr).PermitUncheckedError();
    }
  }

  rocksdb::IOStatus DeleteFile(const std::string& path, const rocksdb::IOOptions& options,
                               rocksdb::IODebugContext* debug) override {
    if (!Ingesting()) return FileSystemWrapper::DeleteFile(path, options, debug);
    deletions_.push_back(path);
    return rocksdb::IOStatus::OK();
  }
  rocksdb::IOStatus LinkFile(const std::string& from, const std::string& to,
                             const rocksdb::IOOptions& options,
                             rocksdb::IODebugContext* debug) override {
    if (Ingesting() && !read_error_.ok()) return read_error_;
    return FileSystemWrapper::LinkFile(from, to, options, debug);
  }
  rocksdb::IOStatus NewRandomAccessFile(const std::string& path,
                                        const rocksdb::FileOptions& options,
                                        std::unique_ptr<rocksdb::FSRandomAccessFile>* file,
                                        rocksdb::IODebugContext* debug) override {
    const rocksdb::IOStatus opened =
        FileSystemWrapper::NewRandomAccessFile(path, options, file, debug);
    if (opened.ok() && Ingesting()) {
      *file = std::make_unique<NotedFile>(std::move(*file), this);
    }
    return opened;
  }

 private:
  // Opened while its table, or one that it overlaps, was ingested.
  class NotedFile : public rocksdb::FSRandomAccessFileOwnerWrapper {
   public:
    NotedFile(std::unique_ptr<rocksdb::FSRandomAccessFile> file, IngestionGuard* guard)
        : FSRandomAccessFileOwnerWrapper(std::move(file)), guard_(guard) {}
    rocksdb::IOStatus Read(uint64_t offset, size_t n, const rocksdb::IOOptions& options,
                           rocksdb::Slice* result, char* scratch,
                           rocksdb::IODebugContext* debug) const override {
      return guard_->Noted(
          FSRandomAccessFileOwnerWrapper::Read(offset, n, options, result, scratch, debug));
    }
    rocksdb::IOStatus Prefetch(uint64_t offset, size_t n, const rocksdb::IOOptions& options,
                               rocksdb::IODebugContext* debug) override {
      return guard_->Noted(FSRandomAccessFileOwnerWrapper::Prefetch(offset, n, options, debug));
    }

   private:
    IngestionGuard* const guard_;
  };

  bool Ingesting() const { return thread_.load() == std::this_thread::get_id(); }
  rocksdb::IOStatus Noted(rocksdb::IOStatus status) {
    if (!status.ok() && !status.IsNotSupported() && Ingesting()) read_error_ = status;
    return status;
  }

  std::atomic<std::thread::id> thread_{};  // that ingests
  // The ingesting thread's.
  std::vector<std::string> deletions_;
  rocksdb::IOStatus read_error_;
};

}  // namespace thermocline::engine
