#include "engine/env/file_system.h"

#include <rocksdb/env.h>
#include <rocksdb/file_system.h>

#include <algorithm>

namespace thermocline::engine {
namespace {

rocksdb::FileOptions PlainFileOptions() {
  rocksdb::FileOptions options;
  options.use_mmap_reads = false;
  options.use_mmap_writes = false;
  options.use_direct_reads = false;
  options.use_direct_writes = false;
  return options;
}

Status WriteAndSync(rocksdb::FileSystem& fs, const std::string& path, std::string_view contents) {
  const rocksdb::IOOptions io;
  std::unique_ptr<rocksdb::FSWritableFile> file;
  TC_RETURN_IF_ERROR(FromRocksStatus(fs.NewWritableFile(path, PlainFileOptions(), &file, nullptr),
                                     "create " + path));
  TC_RETURN_IF_ERROR(
      FromRocksStatus(file->Append(rocksdb::Slice(contents.data(), contents.size()), io, nullptr),
                      "write " + path));
  TC_RETURN_IF_ERROR(FromRocksStatus(file->Sync(io, nullptr), "sync " + path));
  return FromRocksStatus(file->Close(io, nullptr), "close " + path);
}

}  // namespace

FileSystemPtr DefaultFileSystem() { return rocksdb::FileSystem::Default(); }

Status FromRocksStatus(const rocksdb::Status& status, std::string_view context) {
  if (status.ok()) return Status::Ok();
  std::string message(context);
  if (!message.empty()) message += ": ";
  message += status.ToString();
  if (status.IsNoSpace()) return Status::NoSpace(std::move(message));
  switch (status.code()) {
    case rocksdb::Status::kNotFound:
      return Status::NotFound(std::move(message));
    case rocksdb::Status::kCorruption:
      return Status::Corruption(std::move(message));
    case rocksdb::Status::kNotSupported:
      return Status::Unsupported(std::move(message));
    case rocksdb::Status::kInvalidArgument:
      return Status::InvalidArgument(std::move(message));
    case rocksdb::Status::kBusy:
      return Status::Busy(std::move(message));
    case rocksdb::Status::kIOError:
      if (status.subcode() == rocksdb::Status::kPathNotFound) {
        return Status::NotFound(std::move(message));
      }
      return Status::IoError(std::move(message));
    case rocksdb::Status::kIncomplete:
    case rocksdb::Status::kShutdownInProgress:
    case rocksdb::Status::kTimedOut:
    case rocksdb::Status::kAborted:
    case rocksdb::Status::kTryAgain:
      return Status::Unavailable(std::move(message));
    default:
      return Status::IoError(std::move(message));
  }
}

std::string JoinPath(std::string_view dir, std::string_view name) {
  std::string path(dir);
  if (!path.empty() && path.back() != '/') path.push_back('/');
  path.append(name);
  return path;
}

Status CreateDirDurably(const FileSystemPtr& fs, const std::string& dir) {
  TC_RETURN_IF_ERROR(
      FromRocksStatus(fs->CreateDirIfMissing(dir, rocksdb::IOOptions(), nullptr), "mkdir " + dir));
  std::string trimmed = dir;
  while (trimmed.size() > 1 && trimmed.back() == '/') trimmed.pop_back();
  const size_t slash = trimmed.rfind('/');
  std::string parent = ".";
  if (slash != std::string::npos) parent = slash == 0 ? "/" : trimmed.substr(0, slash);
  return SyncDir(fs, parent);
}

Status SyncDir(const FileSystemPtr& fs, const std::string& dir) {
  const rocksdb::IOOptions io;
  std::unique_ptr<rocksdb::FSDirectory> directory;
  TC_RETURN_IF_ERROR(
      FromRocksStatus(fs->NewDirectory(dir, io, &directory, nullptr), "open directory " + dir));
  return FromRocksStatus(directory->Fsync(io, nullptr), "sync directory " + dir);
}

StatusOr<bool> FileExists(const FileSystemPtr& fs, const std::string& path) {
  const rocksdb::IOStatus s = fs->FileExists(path, rocksdb::IOOptions(), nullptr);
  if (s.ok()) return true;
  if (s.IsNotFound()) return false;
  return FromRocksStatus(s, "look for " + path);
}

StatusOr<std::vector<std::string>> ListDir(const FileSystemPtr& fs, const std::string& dir) {
  std::vector<std::string> names;
  TC_RETURN_IF_ERROR(
      FromRocksStatus(fs->GetChildren(dir, rocksdb::IOOptions(), &names, nullptr), "list " + dir));
  std::erase_if(names, [](const std::string& name) { return name == "." || name == ".."; });
  std::sort(names.begin(), names.end());
  return names;
}

StatusOr<std::string> ReadWholeFile(const FileSystemPtr& fs, const std::string& path,
                                    uint64_t bytes_max) {
  std::string contents;
  TC_RETURN_IF_ERROR(ReadWholeFile(fs, path, bytes_max, &contents));
  return contents;
}

Status ReadWholeFile(const FileSystemPtr& fs, const std::string& path, uint64_t bytes_max,
                     std::string* contents) {
  const rocksdb::IOOptions io;
  uint64_t size = 0;
  TC_RETURN_IF_ERROR(FromRocksStatus(fs->GetFileSize(path, io, &size, nullptr), "size of " + path));
  if (size > bytes_max) {
    return Status::InvalidArgument(path + ": " + std::to_string(size) + " bytes, at most " +
                                   std::to_string(bytes_max) + " expected");
  }
  std::unique_ptr<rocksdb::FSSequentialFile> file;
  TC_RETURN_IF_ERROR(FromRocksStatus(
      fs->NewSequentialFile(path, PlainFileOptions(), &file, nullptr), "open " + path));
  contents->resize(size);
  size_t got = 0;
  while (got < size) {
    rocksdb::Slice piece;
    TC_RETURN_IF_ERROR(FromRocksStatus(
        file->Read(size - got, io, &piece, contents->data() + got, nullptr), "read " + path));
    if (piece.empty()) break;  // shrank since its size was asked for
    if (piece.data() != contents->data() + got) {
      std::copy_n(piece.data(), piece.size(), contents->data() + got);
    }
    got += piece.size();
  }
  contents->resize(got);
  return Status::Ok();
}

Status WriteFileAtomically(const FileSystemPtr& fs, const std::string& path,
                           std::string_view contents) {
  const rocksdb::IOOptions io;
  const std::string temporary = path + ".tmp";
  Status status = WriteAndSync(*fs, temporary, contents);
  if (status.ok()) {
    status = FromRocksStatus(fs->RenameFile(temporary, path, io, nullptr), "rename to " + path);
  }
  if (!status.ok()) {
    // The first error is the one to report; a left-over .tmp is overwritten by the next attempt.
    fs->DeleteFile(temporary, io, nullptr).PermitUncheckedError();
    return status;
  }
  const size_t slash = path.rfind('/');
  if (slash == std::string::npos) return SyncDir(fs, ".");
  return SyncDir(fs, slash == 0 ? "/" : path.substr(0, slash));
}

StatusOr<uint64_t> FreeSpace(const FileSystemPtr& fs, const std::string& path) {
  uint64_t bytes = 0;
  TC_RETURN_IF_ERROR(FromRocksStatus(fs->GetFreeSpace(path, rocksdb::IOOptions(), &bytes, nullptr),
                                     "free space of " + path));
  return bytes;
}

struct DirLock::Held {
  FileSystemPtr fs;
  rocksdb::FileLock* lock;
};

DirLock::DirLock(std::unique_ptr<Held> held) : held_(std::move(held)) {}

DirLock::~DirLock() {
  held_->fs->UnlockFile(held_->lock, rocksdb::IOOptions(), nullptr).PermitUncheckedError();
}

StatusOr<std::unique_ptr<DirLock>> DirLock::Acquire(FileSystemPtr fs, const std::string& path) {
  rocksdb::FileLock* lock = nullptr;
  const rocksdb::IOStatus s = fs->LockFile(path, rocksdb::IOOptions(), &lock, nullptr);
  if (!s.ok()) {
    // RocksDB reports "held by somebody" and "cannot be opened" alike, as I/O errors: only the text
    // tells another process (While lock file) and this one (lock hold by current process) apart.
    const std::string text = s.ToString();
    if (text.find("While lock file") != std::string::npos ||
        text.find("lock hold by current process") != std::string::npos) {
      return Status::Busy(path + " is in use by another process (" + text + ")");
    }
    return FromRocksStatus(s, "lock " + path);
  }
  return std::unique_ptr<DirLock>(new DirLock(std::make_unique<Held>(Held{std::move(fs), lock})));
}

}  // namespace thermocline::engine
