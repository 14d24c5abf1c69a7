#include "codec/list_directory.h"

#include "codec/packed/listpack.h"

namespace thermocline::codec {
namespace {

constexpr uint8_t kVersion = 1;
constexpr size_t kNodeBytesMin = 3;  // a node in the directory

// Small numbers of either sign as small numbers: neighbours' ids mostly differ by one.
uint64_t ZigZag(int64_t n) {
  return static_cast<uint64_t>(n) << 1 ^ static_cast<uint64_t>(n >> 63);
}
int64_t UnZigZag(uint64_t n) { return static_cast<int64_t>(n >> 1 ^ (0 - (n & 1))); }

Status Bad(const char* what) {
  return Status::Corruption(std::string("directory of a list: ") + what);
}

}  // namespace

void AppendListDirectoryHead(std::string* out, uint64_t next_id, uint64_t nodes) {
  out->push_back(static_cast<char>(kVersion));
  PutVarint64(out, next_id);
  PutVarint64(out, nodes);
}

void AppendListDirectoryNode(std::string* out, const ListDirectoryNode& node,
                             uint64_t previous_id) {
  char bytes[3 * kMaxVarint64Length];
  char* p = StoreVarint64(bytes, ZigZag(static_cast<int64_t>(node.id - previous_id)));
  p = StoreVarint64(p, node.count << 1 | (node.plain ? 1 : 0));
  p = StoreVarint64(p, node.bytes);
  out->append(bytes, static_cast<size_t>(p - bytes));
}

Status ListDirectoryReader::Open() {
  uint8_t version = 0;
  if (!in_.ReadU8(&version)) return Bad("empty");
  if (version != kVersion) {
    return Status::Unsupported("directory of a list: version " + std::to_string(version));
  }
  if (!in_.ReadVarint64(&next_id_) || !in_.ReadVarint64(&nodes_left_)) return Bad("cut short");
  if (next_id_ == 0 || next_id_ > kMaxListNodeId) return Bad("next id out of range");
  if (nodes_left_ == 0 || nodes_left_ > in_.remaining() / kNodeBytesMin) {
    return Bad("number of nodes");
  }
  return {};
}

Status ListDirectoryReader::Next(ListDirectoryNode* node) {
  uint64_t difference = 0, count = 0;
  if (!in_.ReadVarint64(&difference) || !in_.ReadVarint64(&count) ||
      !in_.ReadVarint64(&node->bytes)) {
    return Bad("cut short");
  }
  node->id = previous_id_ + static_cast<uint64_t>(UnZigZag(difference));
  node->count = count >> 1;
  node->plain = (count & 1) != 0;
  if (node->id == 0 || node->id >= next_id_) return Bad("a node's id out of range");
  // A listpack's element takes two bytes at least, beside its header and end.
  const bool sound = node->plain
                         ? node->count == 1
                         : node->count > 0 && node->bytes > 7 && node->count <= node->bytes / 2;
  if (!sound || node->bytes > kMaxListpackBytes) return Bad("a node's size");
  previous_id_ = node->id;
  if (--nodes_left_ == 0 && !in_.empty()) return Bad("bytes behind the last node");
  return {};
}

}  // namespace thermocline::codec
