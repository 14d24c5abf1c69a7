// SegmentFile: one file of the log, from its creation by zeros through any number of lives.
//
// A file is written through once when it is made and never grows: overwriting a cached block costs
// a fraction of growing a file, and its fdatasync has no metadata to write. The name is fixed; what
// a file holds is said by its header alone. A life begins with a header whose generation is unique
// and rising: the upper 32 bits count the log's segments (the serial), the lower are random, so
// that recovery can tell a newer life from an older one and frames of an older life never pass for
// frames of this one.
//
// Write is the executor's; Sync may run in another thread at the same time (pwrite and fdatasync on
// one descriptor). Implements "Segments on disk" of docs/formats/log.md.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "codec/log_frame.h"
#include "codec/status.h"
#include "engine/env/file_system.h"

namespace rocksdb {
class FSRandomRWFile;
}

namespace thermocline::engine {

/// "segment-00000012.log"
std::string SegmentName(uint64_t number);
/// The number of a segment's file name, nothing for any other name.
std::optional<uint64_t> ParseSegmentName(std::string_view name);

inline uint64_t GenerationOf(uint32_t serial, uint64_t random) {
  return uint64_t{serial} << 32 | (random & 0xffffffff);
}
inline uint32_t SerialOf(uint64_t generation) { return static_cast<uint32_t>(generation >> 32); }

class SegmentFile {
 public:
  /// An existing file; opened at the first Write.
  SegmentFile(FileSystemPtr fs, std::string path, uint64_t number, uint64_t bytes);
  ~SegmentFile();
  SegmentFile(const SegmentFile&) = delete;
  SegmentFile& operator=(const SegmentFile&) = delete;

  /// Makes a file of `bytes` zeros, durable with its name. On failure nothing is left behind (as
  /// far as the disk lets it be removed).
  static StatusOr<std::shared_ptr<SegmentFile>> Create(const FileSystemPtr& fs,
                                                       const std::string& dir, uint64_t number,
                                                       uint64_t bytes);

  /// Overwrites [offset, offset + data.size()). REQUIRES: inside the file.
  Status Write(uint64_t offset, std::string_view data);
  /// fdatasync. REQUIRES: a Write happened before.
  Status Sync();
  Status Delete();

  const std::string& path() const { return path_; }
  uint64_t number() const { return number_; }
  uint64_t bytes() const { return bytes_; }

 private:
  Status OpenForWriting();

  FileSystemPtr fs_;
  const std::string path_;
  const uint64_t number_;
  const uint64_t bytes_;
  std::unique_ptr<rocksdb::FSRandomRWFile> file_;
};

/// One life of a segment: what the executor plans and appends. `file` is null until its first
/// write.
struct SegmentLife {
  codec::SegmentHeader header;
  uint64_t bytes = 0;     // size the file has or must have
  uint64_t position = 0;  // where the next frame goes in the file
  std::shared_ptr<SegmentFile> file;
};

}  // namespace thermocline::engine
