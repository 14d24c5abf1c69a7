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
#include <new>
#include <string_view>

#include "engine/hot/allocation.h"
#include "engine/types/member_table.h"

namespace thermocline::engine {

class ZsetNode {
 public:
  static ZsetNode* New(double score, std::string_view member) {
    auto* node =
        new (AllocateOrDie(AllocationSize(sizeof(ZsetNode) + MemberTextBytes(member.size()))))
            ZsetNode;
    node->score_ = score;
    StoreMemberText(reinterpret_cast<char*>(node + 1), member);
    return node;
  }
  static void Free(ZsetNode* node) { std::free(node); }

  ZsetNode(const ZsetNode&) = delete;
  ZsetNode& operator=(const ZsetNode&) = delete;

  double score() const { return score_; }
  void set_score(double score) { score_ = score; }
  std::string_view text() const { return LoadMemberText(reinterpret_cast<const char*>(this + 1)); }
  /// Bytes of its block, in the allocator's class.
  size_t memory_bytes() const {
    return AllocationSize(sizeof(ZsetNode) + MemberTextBytes(text().size()));
  }

 private:
  ZsetNode() = default;
  ~ZsetNode() = default;

  double score_;  // the rest follows
};

static_assert(sizeof(ZsetNode) == 8);

}  // namespace thermocline::engine
