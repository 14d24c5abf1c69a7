// The directory of a paged list: which nodes it has, in order, and how large each is. The payload
// of a cold record of type kPagedList; the nodes themselves are rows of `elements` (cold_record.h).
// Implements docs/formats/cold-tier.md, "elements". Pure functions.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "codec/bytes.h"
#include "codec/status.h"

namespace thermocline::codec {

struct ListDirectoryNode {
  uint64_t id = 0;     // 1 .. kMaxListNodeId; the number of its row
  uint64_t bytes = 0;  // of the listpack, or of the one element; at most kMaxListpackBytes
  uint64_t count = 0;  // elements; 1 if plain
  bool plain = false;  // one element as it is, no listpack
  bool operator==(const ListDirectoryNode&) const = default;
};

inline constexpr uint64_t kMaxListNodeId = (uint64_t{1} << 56) - 1;

/// Nodes follow, head first, each by AppendListDirectoryNode. `next_id` is larger than any id that
/// the list ever gave.
void AppendListDirectoryHead(std::string* out, uint64_t next_id, uint64_t nodes);
/// `previous_id`: of the node before; 0: it is the first.
void AppendListDirectoryNode(std::string* out, const ListDirectoryNode& node, uint64_t previous_id);

/// Reads one. Everything is checked but that ids are not repeated. The bytes must outlive it.
class ListDirectoryReader {
 public:
  explicit ListDirectoryReader(std::string_view bytes) : in_(bytes) {}

  Status Open();
  uint64_t next_id() const { return next_id_; }
  /// Nodes that are still to be read.
  uint64_t nodes_left() const { return nodes_left_; }
  /// REQUIRES: nodes_left() > 0. The last one checks that nothing follows.
  Status Next(ListDirectoryNode* node);

 private:
  ByteReader in_;
  uint64_t next_id_ = 0;
  uint64_t nodes_left_ = 0;
  uint64_t previous_id_ = 0;
};

}  // namespace thermocline::codec
