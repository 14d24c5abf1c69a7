// See rocks_files.h.
#include "engine/cold/rocks_files.h"

#include <algorithm>
#include <memory>
#include <utility>
#include <vector>

#include "engine/cold/file_checksum.h"
#include "rocksdb/file_system.h"
#include "rocksdb/sst_file_reader.h"

namespace thermocline::engine {

using codec::Status;
using codec::StatusOr;

std::string RocksFiles::PathOf(std::string_view name) const { return JoinPath(dir_, name); }

Status RocksFiles::CheckUnlocked() const {
  const std::string lock_path = PathOf("LOCK");
  TC_ASSIGN_OR_RETURN(const bool exists, FileExists(fs_, lock_path));
  if (!exists) return {};
  rocksdb::FileLock* lock = nullptr;
  const rocksdb::IOStatus locked = fs_->LockFile(lock_path, {}, &lock, nullptr);
  if (!locked.ok()) {
    return Status::Busy("cold tier " + dir_ + ": in use by another process (" + lock_path +
                        " is locked): " + locked.ToString());
  }
  return FromRocksStatus(fs_->UnlockFile(lock, {}, nullptr), "cold tier " + dir_ + ": unlock");
}

StatusOr<bool> RocksFiles::HasTables() const {
  TC_ASSIGN_OR_RETURN(const std::vector<std::string> names, ListDir(fs_, dir_));
  return std::any_of(names.begin(), names.end(), [](const std::string& name) {
    return name.ends_with(".sst") || name.ends_with(".blob");
  });
}

bool RocksFiles::DirectIoWorks() const {
  const std::string probe = PathOf("direct-io.probe");
  rocksdb::FileOptions file_options;
  file_options.use_direct_writes = true;
  std::unique_ptr<rocksdb::FSWritableFile> file;
  const rocksdb::IOStatus opened = fs_->NewWritableFile(probe, file_options, &file, nullptr);
  file.reset();
  fs_->DeleteFile(probe, {}, nullptr).PermitUncheckedError();
  return opened.ok();
}

Status RocksFiles::ProbeDisk(size_t bytes) const {
  const std::string path = PathOf("disk.probe");
  const std::string content(bytes, '\x5a');
  const Status status = FromRocksStatus(
      rocksdb::WriteStringToFile(fs_.get(), content, path, /*should_sync=*/true), path);
  fs_->DeleteFile(path, {}, nullptr).PermitUncheckedError();
  return status;
}

Status RocksFiles::NameDamage(const rocksdb::Status& failed, std::string_view context) const {
  const Status mapped = FromRocksStatus(failed, context);
  if (!failed.IsCorruption()) return mapped;
  const StatusOr<std::vector<std::string>> names = ListDir(fs_, dir_);
  if (!names.ok()) return mapped;
  for (const std::string& name : *names) {
    if (!name.ends_with(".sst")) continue;
    rocksdb::Options reader_options;
    reader_options.env = env_;
    rocksdb::SstFileReader reader(reader_options);
    rocksdb::Status read = reader.Open(PathOf(name));
    if (read.ok()) read = reader.VerifyChecksum(rocksdb::ReadOptions());
    if (read.IsCorruption()) return mapped.Annotate(PathOf(name) + " is damaged");
  }
  return mapped;
}

Status RocksFiles::Verify(const Sum& file, const std::atomic<bool>* cancel) const {
  rocksdb::FileChecksumGenContext context;
  context.file_name = file.path;
  context.requested_checksum_func_name = file.function;
  const std::unique_ptr<rocksdb::FileChecksumGenerator> sum =
      NewFileChecksumFactory()->CreateFileChecksumGenerator(context);
  if (sum == nullptr) {
    return Status::Unsupported(file.path + ": its checksum function is " + file.function);
  }
  std::unique_ptr<rocksdb::FSSequentialFile> content;
  rocksdb::IOStatus io =
      fs_->NewSequentialFile(file.path, rocksdb::FileOptions(), &content, nullptr);
  if (!io.ok()) return FromRocksStatus(io, file.path);
  std::string buffer(1 << 20, '\0');
  uint64_t read = 0;
  while (true) {
    if (cancel != nullptr && cancel->load(std::memory_order_relaxed)) {
      return Status::Unavailable("verification was interrupted");
    }
    rocksdb::Slice piece;
    io = content->Read(buffer.size(), {}, &piece, buffer.data(), nullptr);
    if (!io.ok()) return FromRocksStatus(io, file.path);
    if (piece.empty()) break;
    sum->Update(piece.data(), piece.size());
    read += piece.size();
    // What was read once is not wanted in the page cache.
    content->InvalidateCache(0, read).PermitUncheckedError();
  }
  sum->Finalize();
  if (read != file.size) {
    return Status::Corruption(file.path + ": has " + std::to_string(read) + " bytes instead of " +
                              std::to_string(file.size));
  }
  if (sum->GetChecksum() != file.checksum) {
    return Status::Corruption(file.path + ": file checksum mismatch, expected " +
                              rocksdb::Slice(file.checksum).ToString(true) + ", found " +
                              rocksdb::Slice(sum->GetChecksum()).ToString(true));
  }
  return {};
}

}  // namespace thermocline::engine
