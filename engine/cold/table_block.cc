#include "engine/cold/table_block.h"

#include <lz4.h>

#include <cstdint>
#include <cstring>

namespace thermocline::engine {
namespace {

constexpr char kUncompressed = 0;
constexpr char kLz4 = 4;
constexpr size_t kNumberBytes = 8;  // at the end of a key
constexpr char kValueRow = 1;       // the number's lowest byte
constexpr uint32_t kHashIndex = uint32_t{1} << 31;

uint32_t ReadFixed32(const char* p) {
  const auto* bytes = reinterpret_cast<const uint8_t*>(p);
  return bytes[0] | bytes[1] << 8 | bytes[2] << 16 | uint32_t{bytes[3]} << 24;
}

bool ReadVarint32(std::string_view* in, uint32_t* value) {
  uint32_t result = 0;
  for (int shift = 0; shift <= 28 && !in->empty(); shift += 7) {
    const auto byte = static_cast<uint8_t>(in->front());
    in->remove_prefix(1);
    result |= uint32_t{byte & 127u} << shift;
    if (byte < 128) {
      *value = result;
      return true;
    }
  }
  return false;
}

// LZ4, as RocksDB stores it: the uncompressed size, then one block of LZ4's.
bool Uncompress(std::string_view compressed, std::string* out) {
  uint32_t size = 0;
  if (!ReadVarint32(&compressed, &size) || size > kBlockBytesMax) return false;
  out->resize(size);
  return LZ4_decompress_safe(compressed.data(), out->data(), static_cast<int>(compressed.size()),
                             static_cast<int>(size)) == static_cast<int>(size);
}

// What of the block is entries.
bool CutRestarts(std::string_view* block) {
  if (block->size() < sizeof(uint32_t)) return false;
  block->remove_suffix(sizeof(uint32_t));
  const uint32_t restarts = ReadFixed32(block->data() + block->size());
  if ((restarts & kHashIndex) != 0 || restarts > block->size() / sizeof(uint32_t)) return false;
  block->remove_suffix(restarts * sizeof(uint32_t));
  return true;
}

}  // namespace

std::optional<std::string_view> FindInBlock(std::string_view block, std::string_view key,
                                            std::string* uncompressed) {
  if (block.size() <= kBlockTrailer || block.size() > kBlockBytesMax) return std::nullopt;
  const char compression = block[block.size() - kBlockTrailer];
  block.remove_suffix(kBlockTrailer);
  if (compression == kLz4) {
    if (!Uncompress(block, uncompressed)) return std::nullopt;
    block = *uncompressed;
  } else if (compression != kUncompressed) {
    return std::nullopt;
  }
  if (!CutRestarts(&block)) return std::nullopt;
  std::string row_key;
  while (!block.empty()) {
    uint32_t shared = 0;
    uint32_t fresh = 0;
    uint32_t value_size = 0;
    if (!ReadVarint32(&block, &shared) || !ReadVarint32(&block, &fresh) ||
        !ReadVarint32(&block, &value_size) || shared > row_key.size() ||
        block.size() < uint64_t{fresh} + value_size) {
      return std::nullopt;
    }
    row_key.resize(shared);
    row_key.append(block.substr(0, fresh));
    block.remove_prefix(fresh);
    const std::string_view row(row_key);
    if (row.size() == key.size() + kNumberBytes && row.starts_with(key)) {
      if (row[key.size()] != kValueRow) return std::nullopt;
      return block.substr(0, value_size);
    }
    block.remove_prefix(value_size);
  }
  return std::nullopt;
}

}  // namespace thermocline::engine
