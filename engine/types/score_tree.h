// ScoreTree: the members of a sorted set in order, an order-statistic B+tree (design section 5).
//
//   inner node: | child 0 | first of child 1 | child 1 | first of child 2 | child 2 | ...
//                 size 0                       size 1                       size 2
//   leaf:       | scores, ascending | nodes |  <-> next leaf
//
// * The order is (score, member bytes). Leaves hold a copy of each score, so that a search reads a
//   member's node only where scores are equal; both kinds of node fill one 2 KiB block.
// * Each inner node knows how many members every child holds: rank and select cost one descent.
// * A separator is always the exact first entry of the child behind it, never a bound left over
// from
//   an erased one: its node must be alive, for ties are decided by its member.
// * Full nodes split in halves, but at the ends of the order a new node takes only the new entry:
//   members that arrive in order (time stamps) fill their leaves. A node below a quarter merges
//   with a neighbour under the same parent or shares with it. No node but the root's is empty.
//
// Why not Redis's skiplist: a search there is 20 dependent cache misses in a million members, here
// about four, and an entry costs 16 bytes plus its leaf's slack instead of 40 and more.
// Nodes are not owned. Scores are never NaN; -0 equals 0. One thread. Cursors are valid until the
// next change.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "engine/hot/segment_table.h"
#include "engine/types/zset_node.h"

namespace thermocline::engine {

class ScoreTree {
  struct Leaf;
  struct Inner;

 public:
  /// A place in the order; invalid behind either end.
  class Cursor {
   public:
    bool valid() const { return leaf_ != nullptr; }
    ZsetNode* node() const { return leaf_->nodes[index_]; }
    double score() const { return leaf_->scores[index_]; }
    void Next() {
      if (++index_ < leaf_->count) return;
      leaf_ = leaf_->next;
      index_ = 0;
    }
    void Previous() {
      if (index_ > 0) {
        --index_;
        return;
      }
      leaf_ = leaf_->previous;
      index_ = leaf_ == nullptr ? 0 : leaf_->count - 1;
    }

   private:
    friend class ScoreTree;
    Cursor(const Leaf* leaf, uint32_t index) : leaf_(leaf), index_(index) {}

    const Leaf* leaf_;
    uint32_t index_;
  };

  ScoreTree() = default;
  ScoreTree(const ScoreTree&) = delete;
  ScoreTree& operator=(const ScoreTree&) = delete;
  ~ScoreTree();

  size_t size() const { return size_; }
  /// Bytes of leaves and inner nodes, in allocator classes; the members' nodes are not counted.
  size_t memory_bytes() const { return blocks_ * kBlockBytes; }

  /// REQUIRES: no equal member is present.
  void Insert(ZsetNode* node);
  /// REQUIRES here and below: `node` is present.
  void Erase(const ZsetNode* node);
  /// Gives the node another score and its place in the order; in place if the order stays.
  void Update(ZsetNode* node, double score);
  /// Members before it.
  size_t RankOf(const ZsetNode* node) const;

  /// The member of a rank; invalid from size() on.
  Cursor At(size_t rank) const;

  /// How many members satisfy `before(score, node)`, which must hold for a prefix of the order: the
  /// rank of the first that does not. Scores alone should decide where they can: reading a node is
  /// a cache miss.
  template <class Before>
  size_t CountWhile(Before&& before) const;

  /// Takes the members of ranks [first, last) out, in order, and calls fn(ZsetNode*) for each when
  /// it is out of the tree; fn may free it. REQUIRES: first <= last <= size().
  template <class Fn>
  void EraseRanks(size_t first, size_t last, Fn&& fn);

  /// Checks every invariant (tests): counts, order, separators, links. False: broken.
  bool Valid() const;

 private:
  static constexpr size_t kBlockBytes = 2048;
  static constexpr uint32_t kLeafMax = 126;
  static constexpr uint32_t kInnerMax = 63;
  static constexpr int kDepthMax = 16;  // inner levels; 15 children at least: beyond any memory

  struct Leaf {
    Leaf* previous;
    Leaf* next;
    uint32_t count;
    double scores[kLeafMax];
    ZsetNode* nodes[kLeafMax];
  };
  struct Inner {
    uint32_t count;                // children
    double scores[kInnerMax - 1];  // [i]: first entry of children[i + 1]
    ZsetNode* nodes[kInnerMax - 1];
    void* children[kInnerMax];
    uint64_t sizes[kInnerMax];  // members below each child
  };
  static_assert(sizeof(Leaf) <= kBlockBytes && sizeof(Inner) <= kBlockBytes);

  // The way from the root to an entry: which child was taken on each level, the leaf, the index.
  struct Path {
    Inner* inner[kDepthMax];
    uint32_t child[kDepthMax];
    Leaf* leaf;
    uint32_t index;
  };

  Leaf* NewLeaf();
  Inner* NewInner();
  void FreeBlock(void* block);
  void FreeSubtree(void* block, int levels);

  // Starts the fetch of a leaf's scores, whose lines a search would meet one after the other.
  // REQUIRES: the children of `inner` are leaves.
  static void PrefetchLeaf(const Inner* inner, uint32_t child) {
    const auto* leaf = static_cast<const Leaf*>(inner->children[child]);
    Prefetch(leaf);
    for (uint64_t i = 0; i < inner->sizes[child]; i += 8) Prefetch(leaf->scores + i);
  }
  // The same of the leaf where the score belongs.
  void PrefetchPlace(double score) const;
  // The leaf where (score, member) is or belongs; path->index is not set.
  void Descend(double score, std::string_view member, Path* path) const;
  void Locate(const ZsetNode* node, Path* path) const;
  void LocateRank(size_t rank, Path* path) const;

  void InsertEdgeLeaf(Path* path, bool append, double score, ZsetNode* node);
  void SplitLeaf(Path* path);
  void InsertChild(Path* path, int level, uint32_t at, void* child, uint64_t size, double score,
                   ZsetNode* node);
  static void PutChild(Inner* inner, uint32_t at, void* child, uint64_t size, double score,
                       ZsetNode* node);

  void EraseAt(Path* path, uint32_t n);
  void FreeLeaf(Leaf* leaf);
  void RemoveChild(Path* path, int level);
  static void DropChild(Inner* inner, uint32_t child);
  static void FixSeparator(Path* path, int level, double score, ZsetNode* node);
  void FixLeafUnderflow(Path* path);
  void FixInnerUnderflow(Path* path, int level);

  struct Walked {
    const Leaf* last_leaf = nullptr;
    const ZsetNode* last_node = nullptr;
    size_t blocks = 0;
  };
  bool ValidSubtree(const void* block, int levels, uint64_t size, Walked* walked) const;

  void* root_ = nullptr;  // a leaf if levels_ == 0; null if empty
  int levels_ = 0;        // of inner nodes
  size_t size_ = 0;
  size_t blocks_ = 0;
};

// ---- templates ---------------------------------------------------------------------------------

template <class Before>
size_t ScoreTree::CountWhile(Before&& before) const {
  if (root_ == nullptr) return 0;
  const auto prefix = [&before](const double* scores, ZsetNode* const* nodes, uint32_t n) {
    uint32_t low = 0;
    while (low < n) {
      const uint32_t middle = (low + n) / 2;
      if (before(scores[middle], nodes[middle])) {
        low = middle + 1;
      } else {
        n = middle;
      }
    }
    return low;
  };
  size_t rank = 0;
  const void* block = root_;
  for (int level = levels_; level > 0; --level) {
    const auto* inner = static_cast<const Inner*>(block);
    const uint32_t child = prefix(inner->scores, inner->nodes, inner->count - 1);
    if (level == 1) PrefetchLeaf(inner, child);
    for (uint32_t i = 0; i < child; ++i) rank += inner->sizes[i];
    block = inner->children[child];
  }
  const auto* leaf = static_cast<const Leaf*>(block);
  return rank + prefix(leaf->scores, leaf->nodes, leaf->count);
}

template <class Fn>
void ScoreTree::EraseRanks(size_t first, size_t last, Fn&& fn) {
  while (first < last) {
    Path path;
    LocateRank(first, &path);
    const auto n = static_cast<uint32_t>(last - first < path.leaf->count - path.index
                                             ? last - first
                                             : path.leaf->count - path.index);
    ZsetNode* gone[kLeafMax];
    for (uint32_t i = 0; i < n; ++i) gone[i] = path.leaf->nodes[path.index + i];
    EraseAt(&path, n);
    for (uint32_t i = 0; i < n; ++i) fn(gone[i]);
    last -= n;
  }
}

}  // namespace thermocline::engine
