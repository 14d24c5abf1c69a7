// Files: the few helpers the engine needs on top of rocksdb::FileSystem.
//
// All file I/O of the engine, the log's and RocksDB's, goes through one std::shared_ptr to a
// rocksdb::FileSystem, so that a test can fail the n-th call, fill the disk, or cut the power
// (tests/support/journal_fs.h). The types are only declared here; .cc files of engine/ include
// <rocksdb/file_system.h>. Helpers are stateless and safe from any thread; every error names the
// path.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "codec/status.h"

namespace rocksdb {
class FileSystem;
class Status;
}  // namespace rocksdb

namespace thermocline::engine {

using codec::Status;
using codec::StatusOr;

using FileSystemPtr = std::shared_ptr<rocksdb::FileSystem>;

/// The operating system's files (RocksDB's POSIX implementation).
FileSystemPtr DefaultFileSystem();

/// RocksDB's status in our terms: no space, I/O error, corruption, not found, busy ... `context` (a
/// path, an operation) is put in front. A rocksdb::IOStatus is one, too.
Status FromRocksStatus(const rocksdb::Status& status, std::string_view context);

/// "dir/name", without doubling the slash.
std::string JoinPath(std::string_view dir, std::string_view name);

/// Creates the directory if it is missing (its parent must exist) and syncs the parent.
Status CreateDirDurably(const FileSystemPtr& fs, const std::string& dir);

/// Makes creations, renames and deletions in `dir` survive a power cut.
Status SyncDir(const FileSystemPtr& fs, const std::string& dir);

/// True if a file or directory of that name exists; an I/O error is returned, not taken for
/// absence.
StatusOr<bool> FileExists(const FileSystemPtr& fs, const std::string& path);

/// Names (not paths) in `dir`, without "." and "..", in ascending order.
StatusOr<std::vector<std::string>> ListDir(const FileSystemPtr& fs, const std::string& dir);

/// The whole file. kInvalidArgument if it is larger than `bytes_max`, so that a hostile or wrong
/// file cannot exhaust memory.
StatusOr<std::string> ReadWholeFile(const FileSystemPtr& fs, const std::string& path,
                                    uint64_t bytes_max = uint64_t{1} << 30);
/// The same into a buffer that is used again and again: to touch new pages takes longer than to
/// read.
Status ReadWholeFile(const FileSystemPtr& fs, const std::string& path, uint64_t bytes_max,
                     std::string* contents);

/// Replaces `path` by `contents` all or nothing: a power cut leaves the old file or the new one.
/// Writes "path.tmp", syncs it, renames it, syncs the directory. On failure the old file is
/// untouched.
Status WriteFileAtomically(const FileSystemPtr& fs, const std::string& path,
                           std::string_view contents);

/// Bytes that this process may still write to the file system holding `path`.
StatusOr<uint64_t> FreeSpace(const FileSystemPtr& fs, const std::string& path);

/// An exclusive lock file, held for the life of the object; the process's end releases it too.
class DirLock {
 public:
  /// kBusy if another process (or another DirLock of this one) holds it.
  static StatusOr<std::unique_ptr<DirLock>> Acquire(FileSystemPtr fs, const std::string& path);
  ~DirLock();
  DirLock(const DirLock&) = delete;
  DirLock& operator=(const DirLock&) = delete;

 private:
  struct Held;
  explicit DirLock(std::unique_ptr<Held> held);
  std::unique_ptr<Held> held_;
};

}  // namespace thermocline::engine
