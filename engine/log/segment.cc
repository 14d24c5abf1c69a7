#include "engine/log/segment.h"

#include <glog/logging.h>
#include <rocksdb/file_system.h>

#include <algorithm>
#include <charconv>

namespace thermocline::engine {
namespace {

constexpr std::string_view kPrefix = "segment-";
constexpr std::string_view kSuffix = ".log";
// The kernel caches what one write brought as one folio, and ext4 looks at every block of the folio
// that a small write falls into: 2 us more a write with 1 MiB, nothing to see with this.
constexpr uint64_t kZeroBlockBytes = 64 << 10;

rocksdb::FileOptions BufferedFileOptions() {
  rocksdb::FileOptions options;
  options.use_mmap_writes = false;
  options.use_direct_writes = false;
  return options;
}

Status WriteZeros(rocksdb::FileSystem& fs, const std::string& path, uint64_t bytes) {
  const rocksdb::IOOptions io;
  std::unique_ptr<rocksdb::FSWritableFile> file;
  TC_RETURN_IF_ERROR(FromRocksStatus(
      fs.NewWritableFile(path, BufferedFileOptions(), &file, nullptr), "create " + path));
  const std::string zeros(std::min(bytes, kZeroBlockBytes), '\0');
  for (uint64_t done = 0; done < bytes;) {
    const uint64_t n = std::min<uint64_t>(zeros.size(), bytes - done);
    TC_RETURN_IF_ERROR(FromRocksStatus(file->Append(rocksdb::Slice(zeros.data(), n), io, nullptr),
                                       "write " + path));
    done += n;
  }
  // A full fsync, not fdatasync: the size and the extents must be there before the first frame is.
  TC_RETURN_IF_ERROR(FromRocksStatus(file->Fsync(io, nullptr), "sync " + path));
  return FromRocksStatus(file->Close(io, nullptr), "close " + path);
}

}  // namespace

std::string SegmentName(uint64_t number) {
  std::string digits = std::to_string(number);
  if (digits.size() < 8) digits.insert(0, 8 - digits.size(), '0');
  return std::string(kPrefix) + digits + std::string(kSuffix);
}

std::optional<uint64_t> ParseSegmentName(std::string_view name) {
  if (!name.starts_with(kPrefix) || !name.ends_with(kSuffix)) return std::nullopt;
  name.remove_prefix(kPrefix.size());
  name.remove_suffix(kSuffix.size());
  if (name.size() < 8) return std::nullopt;
  uint64_t number = 0;
  const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), number);
  if (error != std::errc() || end != name.data() + name.size()) return std::nullopt;
  return number;
}

SegmentFile::SegmentFile(FileSystemPtr fs, std::string path, uint64_t number, uint64_t bytes)
    : fs_(std::move(fs)), path_(std::move(path)), number_(number), bytes_(bytes) {}

SegmentFile::~SegmentFile() = default;

StatusOr<std::shared_ptr<SegmentFile>> SegmentFile::Create(const FileSystemPtr& fs,
                                                           const std::string& dir, uint64_t number,
                                                           uint64_t bytes) {
  auto file = std::make_shared<SegmentFile>(fs, JoinPath(dir, SegmentName(number)), number, bytes);
  Status status = WriteZeros(*fs, file->path(), bytes);
  if (status.ok()) status = SyncDir(fs, dir);
  if (!status.ok()) {
    fs->DeleteFile(file->path(), rocksdb::IOOptions(), nullptr).PermitUncheckedError();
    return status;
  }
  return file;
}

Status SegmentFile::OpenForWriting() {
  return FromRocksStatus(fs_->NewRandomRWFile(path_, BufferedFileOptions(), &file_, nullptr),
                         "open " + path_);
}

Status SegmentFile::Write(uint64_t offset, std::string_view data) {
  DCHECK_LE(offset + data.size(), bytes_);
  if (!file_) TC_RETURN_IF_ERROR(OpenForWriting());
  const rocksdb::IOStatus s =
      file_->Write(offset, rocksdb::Slice(data.data(), data.size()), rocksdb::IOOptions(), nullptr);
  if (s.ok()) return Status::Ok();  // before any message is built: this is the hot path
  return FromRocksStatus(s, "write " + path_ + " at " + std::to_string(offset));
}

Status SegmentFile::Sync() {
  const rocksdb::IOStatus s = file_->Sync(rocksdb::IOOptions(), nullptr);
  if (s.ok()) return Status::Ok();
  return FromRocksStatus(s, "sync " + path_);
}

Status SegmentFile::Delete() {
  return FromRocksStatus(fs_->DeleteFile(path_, rocksdb::IOOptions(), nullptr), "delete " + path_);
}

}  // namespace thermocline::engine
