// MemberTable: the table form of hashes, sets and sorted sets: texts, each with what belongs to it,
// in one allocation a node, found through a SegmentTable.
//
// A position is a keyed hash of the text. The hash key is random and one for the whole process: it
// is not stored, but a collection that leaves memory and comes back has its members at the same
// positions, so a walk (HSCAN, SSCAN, ZSCAN) goes on where it was. No client knows it.
//
// `Node` offers `std::string_view text() const`, `size_t memory_bytes() const` (its block, in
// allocator classes) and a static `Free(Node*)`. The table owns its nodes. Pointers to nodes and
// their texts stay valid until the node is erased or replaced. One thread at a time.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>
#include <unordered_set>

#include "codec/bytes.h"
#include "codec/crc.h"
#include "engine/env/random.h"
#include "engine/hot/allocation.h"
#include "engine/hot/segment_table.h"
#include "engine/types/sampling.h"

namespace thermocline::engine {

/// The hash key of all members of this process.
inline const codec::HashKey& MemberHashKey() {
  static const codec::HashKey key = {Random::Entropy(), Random::Entropy()};
  return key;
}

/// Position of a member: in [1, 2^63).
inline uint64_t PositionOfMember(std::string_view text) {
  return std::max<uint64_t>(codec::KeyedHash64(MemberHashKey(), text) >> 1, 1);
}

/// Texts inside a node stand behind their length, a varint; most are one byte.
inline size_t MemberTextBytes(size_t length) {
  size_t bytes = 1;
  for (size_t rest = length >> 7; rest != 0; rest >>= 7) ++bytes;
  return bytes + length;
}
/// Writes length and text; returns the end.
inline char* StoreMemberText(char* p, std::string_view text) {
  p = codec::StoreVarint64(p, text.size());
  if (!text.empty()) std::memcpy(p, text.data(), text.size());
  return p + text.size();
}
/// The text whose length stands at `p`; its end is where the next thing of the node begins.
inline std::string_view LoadMemberText(const char* p) {
  auto byte = static_cast<uint8_t>(*p++);
  if (byte < 0x80) return {p, byte};
  size_t length = byte & 0x7f;
  for (unsigned shift = 7; byte >= 0x80; shift += 7) {
    byte = static_cast<uint8_t>(*p++);
    length |= size_t{byte & 0x7fu} << shift;
  }
  return {p, length};
}

template <class NodeType>
struct MemberTraits {
  using Node = NodeType;
  using Key = std::string_view;

  uint64_t PositionOf(const Node* node) const { return PositionOfMember(node->text()); }
  bool Equal(const Node* node, std::string_view text) const { return node->text() == text; }
  static void Free(Node* node) { Node::Free(node); }
};

template <class Node>
class MemberTable {
 public:
  using Table = SegmentTable<MemberTraits<Node>>;

  size_t size() const { return table_.size(); }
  /// Of the table and its nodes; not of this object.
  size_t memory_bytes() const { return table_.memory_bytes() + node_bytes_; }

  Node* Find(uint64_t position, std::string_view text) const { return table_.Find(position, text); }
  Node* Find(std::string_view text) const { return Find(PositionOfMember(text), text); }
  void PrefetchBucket(uint64_t position) const { table_.PrefetchBucket(position); }
  void PrefetchNode(uint64_t position) const { table_.PrefetchEntry(position); }
  /// REQUIRES: its text is not present; `position` is its own.
  void Insert(uint64_t position, Node* node) {
    table_.Insert(position, node);
    node_bytes_ += node->memory_bytes();
  }
  /// Puts `now`, with the same text, in the place of `old`, and frees that.
  void Replace(uint64_t position, Node* old, Node* now) {
    table_.Replace(position, old, now);
    node_bytes_ += now->memory_bytes() - old->memory_bytes();
    Node::Free(old);
  }
  /// Takes the node out; the caller owns it. Null: there is none.
  Node* Take(std::string_view text) {
    Node* node = table_.Erase(PositionOfMember(text), text);
    if (node != nullptr) node_bytes_ -= node->memory_bytes();
    return node;
  }
  /// False: it was not there.
  bool Erase(std::string_view text) {
    Node* node = Take(text);
    if (node == nullptr) return false;
    Node::Free(node);
    return true;
  }

  /// Calls fn(const Node*) for every node, in no order. fn must not change the table.
  template <class Fn>
  void ForEach(Fn&& fn) const {
    uint64_t position = 0;
    do {
      position = table_.ForSegment(position, fn);
    } while (position != 0);
  }
  /// The same until fn(const Node*) returns false.
  template <class Fn>
  void Until(Fn&& fn) const {
    uint64_t position = 0;
    bool more = true;
    do {
      position = table_.ForSegment(position, [&](const Node* node) { more = more && fn(node); });
    } while (position != 0 && more);
  }
  /// One step of a walk in position order: calls fn(const Node*) for at least `count` nodes or
  /// segments from `cursor` (0: the start); returns where to go on, 0 at the end. See
  /// SegmentTable::Walk.
  template <class Fn>
  uint64_t Walk(uint64_t cursor, size_t count, Fn&& fn) const {
    return table_.Walk(cursor, count, fn);
  }
  /// Uniform over the nodes; null if empty.
  const Node* RandomNode(Random& random) const {
    return table_.RandomNode([&random] { return random.Next(); });
  }
  /// Calls fn(const Node*) for `count` different nodes, drawn uniformly. REQUIRES: count <= size().
  template <class Fn>
  void Sample(Random& random, size_t count, Fn&& fn) const {
    // A walk looks at every node; drawing again what was drawn before is cheap while it is rare.
    if (count > size() / kDrawnPart) {
      SelectionSampler sampler(random, size(), count);
      ForEach([&](const Node* node) {
        if (sampler.Take()) fn(node);
      });
      return;
    }
    std::unordered_set<const Node*> drawn;
    drawn.reserve(count);
    while (drawn.size() < count) {
      const Node* node = RandomNode(random);
      if (drawn.insert(node).second) fn(node);
    }
  }

 private:
  static constexpr size_t kDrawnPart = 8;

  Table table_;
  size_t node_bytes_ = 0;
};

}  // namespace thermocline::engine
