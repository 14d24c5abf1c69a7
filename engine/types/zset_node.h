// ZsetNode: one member of a sorted set in object form, score and text in one allocation.
//
//   0       8
//   | score | length | member |
//     8 B     varint   ...
//
// A 16-byte member takes 25 bytes, an allocator class of 32. The member table and the score tree
// both point here; the table owns it. The score never changes but through ScoreTree::Update, which
// keeps the tree's copy equal. Plain data, one thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <new>
#include <string_view>

#include "engine/hot/allocation.h"

namespace thermocline::engine {

class ZsetNode {
 public:
  static ZsetNode* New(double score, std::string_view member) {
    const size_t prefix = LengthBytes(member.size());
    auto* node =
        new (AllocateOrDie(AllocationSize(sizeof(ZsetNode) + prefix + member.size()))) ZsetNode;
    node->score_ = score;
    uint8_t* p = node->tail();
    size_t rest = member.size();
    for (; rest >= 0x80; rest >>= 7) *p++ = static_cast<uint8_t>(rest | 0x80);
    *p++ = static_cast<uint8_t>(rest);
    std::memcpy(p, member.data(), member.size());
    return node;
  }
  static void Free(ZsetNode* node) { std::free(node); }

  ZsetNode(const ZsetNode&) = delete;
  ZsetNode& operator=(const ZsetNode&) = delete;

  double score() const { return score_; }
  void set_score(double score) { score_ = score; }
  std::string_view text() const {
    const uint8_t* p = tail();
    size_t length = *p++;
    if (length >= 0x80) [[unlikely]] {
      length &= 0x7f;
      for (unsigned shift = 7;; shift += 7) {
        length |= size_t{*p & 0x7fu} << shift;
        if ((*p++ & 0x80) == 0) break;
      }
    }
    return {reinterpret_cast<const char*>(p), length};
  }
  /// Bytes of its block, in the allocator's class.
  size_t memory_bytes() const {
    const size_t length = text().size();
    return AllocationSize(sizeof(ZsetNode) + LengthBytes(length) + length);
  }

 private:
  ZsetNode() = default;
  ~ZsetNode() = default;

  static size_t LengthBytes(size_t length) {
    size_t bytes = 1;
    for (; length >= 0x80; length >>= 7) ++bytes;
    return bytes;
  }
  uint8_t* tail() { return reinterpret_cast<uint8_t*>(this + 1); }
  const uint8_t* tail() const { return reinterpret_cast<const uint8_t*>(this + 1); }

  double score_;  // the rest follows
};

static_assert(sizeof(ZsetNode) == 8);

}  // namespace thermocline::engine
