// See manifest_tail.h. The format is that of RocksDB's log files: blocks of 32 KiB, in them records
// with a header of {masked CRC32C, 4 bytes; length, 2; type, 1}, the recyclable types with 4 more
// bytes; no header crosses a block.
#include "engine/cold/manifest_tail.h"

#include <glog/logging.h>
#include <rocksdb/file_system.h>

#include <algorithm>
#include <memory>
#include <optional>

#include "codec/crc.h"

namespace thermocline::engine {
namespace {

constexpr uint64_t kBlock = 32 << 10;
constexpr uint64_t kHeader = 7;
constexpr uint64_t kRecyclableHeader = 11;
constexpr uint64_t kChecksummedFrom = 6;  // the type byte and all behind it
constexpr uint64_t kSector = 512;
// Zeros up to a sector's end that are too many to be a record's own, and too few to miss a lost
// sector.
constexpr uint64_t kZerosOfLostSector = 16;
constexpr uint64_t kManifestBytesMax = uint64_t{4} << 30;

enum Type : uint8_t {
  kFull = 1,
  kFirst,
  kMiddle,
  kLast,
  kRecyclableFull,
  kTypeMax = kRecyclableFull + 3
};

uint32_t Little(std::string_view bytes, size_t at, size_t count) {
  uint32_t value = 0;
  for (size_t i = 0; i < count; ++i)
    value |= uint32_t{static_cast<uint8_t>(bytes[at + i])} << (8 * i);
  return value;
}

uint32_t Unmask(uint32_t masked) {
  const uint32_t rotated = masked - 0xa282ead8u;
  return rotated >> 17 | rotated << 15;
}

struct Piece {
  Type type;       // recyclable types as their plain ones
  uint64_t bytes;  // header included
};

// The physical record at `at`; nothing if there is no valid one.
std::optional<Piece> PieceAt(std::string_view bytes, uint64_t at) {
  const uint64_t end = std::min<uint64_t>(bytes.size(), (at / kBlock + 1) * kBlock);
  if (end - at < kHeader) return std::nullopt;
  const uint8_t type = static_cast<uint8_t>(bytes[at + 6]);
  if (type < kFull || type > kTypeMax) return std::nullopt;
  const uint64_t header = type < kRecyclableFull ? kHeader : kRecyclableHeader;
  const uint64_t total = header + Little(bytes, at + 4, 2);
  if (end - at < total) return std::nullopt;
  const std::string_view covered = bytes.substr(at + kChecksummedFrom, total - kChecksummedFrom);
  if (codec::Crc32c(0, covered) != Unmask(Little(bytes, at, 4))) return std::nullopt;
  return Piece{static_cast<Type>((type - 1) % 4 + 1), total};
}

// Where the next valid physical record begins at or behind `at`; the size if there is none.
uint64_t NextPiece(std::string_view bytes, uint64_t at) {
  while (at < bytes.size() && !PieceAt(bytes, at)) ++at;
  return at;
}

// Whether a part of [from, to) was never written: zeros up to the end of a sector.
bool HasLostSector(std::string_view bytes, uint64_t from, uint64_t to) {
  for (uint64_t end = (from / kSector + 1) * kSector; end <= to; end += kSector) {
    const uint64_t begin = std::max(from, end - kSector);
    uint64_t zeros = 0;
    while (zeros < end - begin && bytes[end - 1 - zeros] == '\0') ++zeros;
    if (zeros >= kZerosOfLostSector || (begin == from && zeros == end - begin)) return true;
  }
  return false;
}

}  // namespace

StatusOr<uint64_t> FindManifestEnd(std::string_view manifest, const std::string& path) {
  uint64_t whole = 0;  // behind the last piece that ends a record
  uint64_t at = 0;
  bool inside = false;  // between a first piece and its last one
  while (at < manifest.size()) {
    const uint64_t block_left = kBlock - at % kBlock;
    if (block_left < kHeader) {  // a block's trailer
      at = std::min<uint64_t>(at + block_left, manifest.size());
      if (!inside) whole = at;
      continue;
    }
    const std::optional<Piece> piece = PieceAt(manifest, at);
    if (!piece) break;
    const bool begins = piece->type == kFull || piece->type == kFirst;
    if (begins == inside) {
      return Status::Corruption(path + " at offset " + std::to_string(at) +
                                ": the pieces of a record do not follow each other");
    }
    at += piece->bytes;
    inside = piece->type == kFirst || piece->type == kMiddle;
    if (!inside) whole = at;
  }
  if (at < manifest.size()) {
    const uint64_t next = NextPiece(manifest, at + 1);
    if (next < manifest.size() && !HasLostSector(manifest, at, next)) {
      return Status::Corruption(path + " at offset " + std::to_string(at) +
                                ": a damaged record, with a valid one behind it at offset " +
                                std::to_string(next));
    }
  }
  if (whole == 0) return Status::Corruption(path + " at offset 0: there is no valid record");
  return whole;
}

Status CutTornManifestTail(const FileSystemPtr& fs, const std::string& dir) {
  const std::string current_path = JoinPath(dir, "CURRENT");
  TC_ASSIGN_OR_RETURN(const bool exists, FileExists(fs, current_path));
  if (!exists) return {};
  TC_ASSIGN_OR_RETURN(const std::string current, ReadWholeFile(fs, current_path, 4096));
  constexpr std::string_view kPrefix = "MANIFEST-";
  std::string_view name = current;
  const bool ended = name.ends_with('\n');
  if (ended) name.remove_suffix(1);
  if (!ended || !name.starts_with(kPrefix) || name.size() == kPrefix.size() ||
      name.find_first_not_of("0123456789", kPrefix.size()) != std::string_view::npos) {
    return Status::Corruption(current_path + ": does not name a MANIFEST");
  }
  const std::string path = JoinPath(dir, name);
  TC_ASSIGN_OR_RETURN(const bool named_exists, FileExists(fs, path));
  if (!named_exists)
    return Status::Corruption(path + ": is missing, though " + current_path + " names it");
  TC_ASSIGN_OR_RETURN(const std::string manifest, ReadWholeFile(fs, path, kManifestBytesMax));
  TC_ASSIGN_OR_RETURN(const uint64_t end, FindManifestEnd(manifest, path));
  if (end == manifest.size()) return {};
  LOG(WARNING) << "cold tier: " << path << " at offset " << end
               << ": its end was not completely written; cut " << manifest.size() - end << " bytes";
  const rocksdb::IOOptions io;
  TC_RETURN_IF_ERROR(FromRocksStatus(fs->Truncate(path, end, io, nullptr), "truncate " + path));
  std::unique_ptr<rocksdb::FSWritableFile> file;
  TC_RETURN_IF_ERROR(FromRocksStatus(
      fs->ReopenWritableFile(path, rocksdb::FileOptions(), &file, nullptr), "open " + path));
  TC_RETURN_IF_ERROR(FromRocksStatus(file->Sync(io, nullptr), "sync " + path));
  return FromRocksStatus(file->Close(io, nullptr), "close " + path);
}

}  // namespace thermocline::engine
