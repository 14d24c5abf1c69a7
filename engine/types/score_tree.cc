#include "engine/types/score_tree.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>

#include "engine/hot/allocation.h"

namespace thermocline::engine {
namespace {

// A node below its minimum looks for a neighbour. Two that together fill three quarters become one,
// so that neither a split nor a merge follows at once.
constexpr uint32_t QuarterOf(uint32_t max) { return max / 4; }
constexpr uint32_t MergeMaxOf(uint32_t max) { return max - max / 4; }

bool Less(double a_score, std::string_view a_member, double b_score, const ZsetNode* b) {
  return a_score < b_score || (a_score == b_score && a_member < b->text());
}

// How many of n ascending scores are below (or, kOrEqual, not above) x. Without a branch that
// depends on the scores: they are random to the branch predictor.
template <bool kOrEqual>
uint32_t CountBelow(const double* scores, uint32_t n, double x) {
  const double* base = scores;
  while (n > 1) {
    const uint32_t half = n / 2;
    const double middle = base[half - 1];
    base += (kOrEqual ? middle <= x : middle < x) ? half : 0;
    n -= half;
  }
  const bool last = n == 1 && (kOrEqual ? *base <= x : *base < x);
  return static_cast<uint32_t>(base - scores) + last;
}

// How many of n entries come before (score, member); an equal entry counts if kOrEqual.
template <bool kOrEqual>
uint32_t CountBefore(const double* scores, ZsetNode* const* nodes, uint32_t n, double score,
                     std::string_view member) {
  uint32_t low = CountBelow<false>(scores, n, score);
  if (low == n || scores[low] != score) return low;
  uint32_t high = low + 1;
  if (high < n && scores[high] == score) high += CountBelow<true>(scores + high, n - high, score);
  while (low < high) {
    const uint32_t middle = (low + high) / 2;
    const int order = nodes[middle]->text().compare(member);
    if (order < 0 || (kOrEqual && order == 0)) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return low;
}

template <class T>
void OpenGap(T* items, uint32_t count, uint32_t at) {
  std::memmove(items + at + 1, items + at, (count - at) * sizeof(T));
}
template <class T>
void CloseGap(T* items, uint32_t count, uint32_t at, uint32_t n) {
  std::memmove(items + at, items + at + n, (count - at - n) * sizeof(T));
}
template <class T>
void Copy(T* to, const T* from, uint32_t n) {
  std::memcpy(to, from, n * sizeof(T));
}

}  // namespace

ScoreTree::~ScoreTree() {
  if (root_ != nullptr) FreeSubtree(root_, levels_);
}

ScoreTree::Leaf* ScoreTree::NewLeaf() {
  ++blocks_;
  auto* leaf = static_cast<Leaf*>(AllocateOrDie(kBlockBytes));
  leaf->previous = leaf->next = nullptr;
  leaf->count = 0;
  return leaf;
}

ScoreTree::Inner* ScoreTree::NewInner() {
  ++blocks_;
  auto* inner = static_cast<Inner*>(AllocateOrDie(kBlockBytes));
  inner->count = 0;
  return inner;
}

void ScoreTree::FreeBlock(void* block) {
  --blocks_;
  std::free(block);
}

void ScoreTree::FreeSubtree(void* block, int levels) {
  if (levels > 0) {
    auto* inner = static_cast<Inner*>(block);
    for (uint32_t i = 0; i < inner->count; ++i) FreeSubtree(inner->children[i], levels - 1);
  }
  FreeBlock(block);
}

// ---- finding -----------------------------------------------------------------------------------

void ScoreTree::Descend(double score, std::string_view member, Path* path) const {
  void* block = root_;
  for (int level = 0; level < levels_; ++level) {
    auto* inner = static_cast<Inner*>(block);
    const uint32_t child =
        CountBefore<true>(inner->scores, inner->nodes, inner->count - 1, score, member);
    path->inner[level] = inner;
    path->child[level] = child;
    block = inner->children[child];
    if (level + 1 == levels_) PrefetchLeaf(inner, child);
  }
  path->leaf = static_cast<Leaf*>(block);
}

void ScoreTree::PrefetchPlace(double score) const {
  const void* block = root_;
  for (int level = 0; level < levels_; ++level) {
    const auto* inner = static_cast<const Inner*>(block);
    const uint32_t child = CountBelow<false>(inner->scores, inner->count - 1, score);
    if (level + 1 == levels_) PrefetchLeaf(inner, child);
    block = inner->children[child];
  }
}

void ScoreTree::Locate(const ZsetNode* node, Path* path) const {
  Descend(node->score(), node->text(), path);
  const Leaf* leaf = path->leaf;
  uint32_t i = CountBelow<false>(leaf->scores, leaf->count, node->score());
  while (leaf->nodes[i] != node) ++i;  // among equal scores: cheaper than reading members
  path->index = i;
}

void ScoreTree::LocateRank(size_t rank, Path* path) const {
  void* block = root_;
  for (int level = 0; level < levels_; ++level) {
    auto* inner = static_cast<Inner*>(block);
    uint32_t child = 0;
    while (rank >= inner->sizes[child]) rank -= inner->sizes[child++];
    path->inner[level] = inner;
    path->child[level] = child;
    block = inner->children[child];
  }
  path->leaf = static_cast<Leaf*>(block);
  path->index = static_cast<uint32_t>(rank);
}

size_t ScoreTree::RankOf(const ZsetNode* node) const {
  Path path;
  Locate(node, &path);
  size_t rank = path.index;
  for (int level = 0; level < levels_; ++level) {
    for (uint32_t i = 0; i < path.child[level]; ++i) rank += path.inner[level]->sizes[i];
  }
  return rank;
}

ScoreTree::Cursor ScoreTree::At(size_t rank) const {
  if (rank >= size_) return {nullptr, 0};
  Path path;
  LocateRank(rank, &path);
  return {path.leaf, path.index};
}

// ---- inserting ---------------------------------------------------------------------------------

void ScoreTree::Insert(ZsetNode* node) {
  const double score = node->score();
  const std::string_view member = node->text();
  if (root_ == nullptr) root_ = NewLeaf();
  Path path;
  Descend(score, member, &path);
  Leaf* leaf = path.leaf;
  uint32_t at = CountBefore<false>(leaf->scores, leaf->nodes, leaf->count, score, member);
  if (leaf->count == kLeafMax) {
    const bool append = at == kLeafMax && leaf->next == nullptr;
    if (append || (at == 0 && leaf->previous == nullptr)) {
      InsertEdgeLeaf(&path, append, score, node);
      return;
    }
    SplitLeaf(&path);
    Descend(score, member, &path);
    leaf = path.leaf;
    at = CountBefore<false>(leaf->scores, leaf->nodes, leaf->count, score, member);
  }
  OpenGap(leaf->scores, leaf->count, at);
  OpenGap(leaf->nodes, leaf->count, at);
  leaf->scores[at] = score;
  leaf->nodes[at] = node;
  ++leaf->count;
  ++size_;
  for (int level = 0; level < levels_; ++level) ++path.inner[level]->sizes[path.child[level]];
}

// A new leaf in front of the first or behind the last, which is full, for one entry.
void ScoreTree::InsertEdgeLeaf(Path* path, bool append, double score, ZsetNode* node) {
  Leaf* leaf = NewLeaf();
  leaf->count = 1;
  leaf->scores[0] = score;
  leaf->nodes[0] = node;
  ++size_;
  for (int level = 0; level + 1 < levels_; ++level) ++path->inner[level]->sizes[path->child[level]];
  const int parent = levels_ - 1;
  Leaf* old = path->leaf;
  if (append) {
    leaf->previous = old;
    old->next = leaf;
    InsertChild(path, parent, levels_ == 0 ? 1 : path->child[parent] + 1, leaf, 1, score, node);
  } else {
    leaf->next = old;
    old->previous = leaf;
    InsertChild(path, parent, 0, leaf, 1, old->scores[0], old->nodes[0]);
  }
}

void ScoreTree::SplitLeaf(Path* path) {
  Leaf* left = path->leaf;
  Leaf* right = NewLeaf();
  const uint32_t keep = left->count / 2;
  right->count = left->count - keep;
  Copy(right->scores, left->scores + keep, right->count);
  Copy(right->nodes, left->nodes + keep, right->count);
  left->count = keep;
  right->previous = left;
  right->next = left->next;
  if (right->next != nullptr) right->next->previous = right;
  left->next = right;
  uint32_t at = 1;
  if (levels_ > 0) {
    at = path->child[levels_ - 1] + 1;
    path->inner[levels_ - 1]->sizes[at - 1] -= right->count;
  }
  InsertChild(path, levels_ - 1, at, right, right->count, right->scores[0], right->nodes[0]);
}

// Adds a child to the inner node of `level` (-1: a new root above). (score, node) is the first
// entry of the child; for at == 0, that of the child which was first. What is above counts the
// child's members already. The path is of no use afterwards.
void ScoreTree::InsertChild(Path* path, int level, uint32_t at, void* child, uint64_t size,
                            double score, ZsetNode* node) {
  if (level < 0) {
    Inner* root = NewInner();
    root->count = 2;
    const uint32_t old = at == 0 ? 1 : 0;
    root->children[1 - old] = child;
    root->sizes[1 - old] = size;
    root->children[old] = root_;
    root->sizes[old] = size_ - size;
    root->scores[0] = score;
    root->nodes[0] = node;
    root_ = root;
    ++levels_;
    return;
  }
  Inner* inner = path->inner[level];
  if (inner->count < kInnerMax) {
    PutChild(inner, at, child, size, score, node);
    return;
  }
  Inner* fresh = NewInner();
  const uint32_t own = level == 0 ? 0 : path->child[level - 1];
  const auto taken_from_parent = [&](uint64_t moved) {
    if (level > 0) path->inner[level - 1]->sizes[own] -= moved;
  };
  bool last = at == kInnerMax;
  for (int above = 0; last && above < level; ++above) {
    last = path->child[above] + 1 == path->inner[above]->count;
  }
  if (last || at == 0) {  // at == 0 happens at the front only
    fresh->count = 1;
    fresh->children[0] = child;
    fresh->sizes[0] = size;
    taken_from_parent(size);
    InsertChild(path, level - 1, last ? own + 1 : 0, fresh, size, score, node);
    return;
  }
  const uint32_t keep = inner->count / 2;
  fresh->count = inner->count - keep;
  Copy(fresh->children, inner->children + keep, fresh->count);
  Copy(fresh->sizes, inner->sizes + keep, fresh->count);
  Copy(fresh->scores, inner->scores + keep, fresh->count - 1);
  Copy(fresh->nodes, inner->nodes + keep, fresh->count - 1);
  const double middle_score = inner->scores[keep - 1];
  ZsetNode* middle_node = inner->nodes[keep - 1];
  inner->count = keep;
  if (at <= keep) {
    PutChild(inner, at, child, size, score, node);
  } else {
    PutChild(fresh, at - keep, child, size, score, node);
  }
  uint64_t moved = 0;
  for (uint32_t i = 0; i < fresh->count; ++i) moved += fresh->sizes[i];
  taken_from_parent(moved);
  InsertChild(path, level - 1, own + 1, fresh, moved, middle_score, middle_node);
}

void ScoreTree::PutChild(Inner* inner, uint32_t at, void* child, uint64_t size, double score,
                         ZsetNode* node) {
  const uint32_t separator = at == 0 ? 0 : at - 1;
  OpenGap(inner->children, inner->count, at);
  OpenGap(inner->sizes, inner->count, at);
  OpenGap(inner->scores, inner->count - 1, separator);
  OpenGap(inner->nodes, inner->count - 1, separator);
  inner->children[at] = child;
  inner->sizes[at] = size;
  inner->scores[separator] = score;
  inner->nodes[separator] = node;
  ++inner->count;
}

// ---- erasing -----------------------------------------------------------------------------------

void ScoreTree::Erase(const ZsetNode* node) {
  Path path;
  Locate(node, &path);
  EraseAt(&path, 1);
}

// Takes n entries from path->index on out of the leaf.
void ScoreTree::EraseAt(Path* path, uint32_t n) {
  Leaf* leaf = path->leaf;
  CloseGap(leaf->scores, leaf->count, path->index, n);
  CloseGap(leaf->nodes, leaf->count, path->index, n);
  leaf->count -= n;
  size_ -= n;
  for (int level = 0; level < levels_; ++level) path->inner[level]->sizes[path->child[level]] -= n;
  if (leaf->count == 0) {
    FreeLeaf(leaf);
    RemoveChild(path, levels_ - 1);
  } else {
    if (path->index == 0) FixSeparator(path, levels_ - 1, leaf->scores[0], leaf->nodes[0]);
    if (leaf->count < QuarterOf(kLeafMax) && levels_ > 0) FixLeafUnderflow(path);
  }
  while (levels_ > 0 && static_cast<Inner*>(root_)->count == 1) {
    void* root = root_;
    root_ = static_cast<Inner*>(root)->children[0];
    FreeBlock(root);
    --levels_;
  }
}

void ScoreTree::FreeLeaf(Leaf* leaf) {
  if (leaf->previous != nullptr) leaf->previous->next = leaf->next;
  if (leaf->next != nullptr) leaf->next->previous = leaf->previous;
  FreeBlock(leaf);
}

// Takes the freed child on the path out of its parent on `level` (-1: it was the root).
void ScoreTree::RemoveChild(Path* path, int level) {
  if (level < 0) {
    root_ = nullptr;
    levels_ = 0;
    return;
  }
  Inner* inner = path->inner[level];
  const uint32_t child = path->child[level];
  if (inner->count == 1) {
    FreeBlock(inner);
    RemoveChild(path, level - 1);
    return;
  }
  if (child == 0) FixSeparator(path, level - 1, inner->scores[0], inner->nodes[0]);
  DropChild(inner, child);
  if (level > 0 && inner->count < QuarterOf(kInnerMax)) FixInnerUnderflow(path, level);
}

// Forgets a child and the separator before it; of the first, the one behind it.
void ScoreTree::DropChild(Inner* inner, uint32_t child) {
  const uint32_t separator = child == 0 ? 0 : child - 1;
  CloseGap(inner->children, inner->count, child, 1);
  CloseGap(inner->sizes, inner->count, child, 1);
  CloseGap(inner->scores, inner->count - 1, separator, 1);
  CloseGap(inner->nodes, inner->count - 1, separator, 1);
  --inner->count;
}

// What is below the path's child of `level` begins with another entry now.
void ScoreTree::FixSeparator(Path* path, int level, double score, ZsetNode* node) {
  for (; level >= 0; --level) {
    const uint32_t child = path->child[level];
    if (child == 0) continue;
    path->inner[level]->scores[child - 1] = score;
    path->inner[level]->nodes[child - 1] = node;
    return;
  }
}

void ScoreTree::FixLeafUnderflow(Path* path) {
  const int level = levels_ - 1;
  Inner* inner = path->inner[level];
  if (inner->count == 1) return;
  const uint32_t at = path->child[level] == 0 ? 0 : path->child[level] - 1;
  auto* left = static_cast<Leaf*>(inner->children[at]);
  auto* right = static_cast<Leaf*>(inner->children[at + 1]);
  const uint32_t total = left->count + right->count;
  if (total <= MergeMaxOf(kLeafMax)) {
    Copy(left->scores + left->count, right->scores, right->count);
    Copy(left->nodes + left->count, right->nodes, right->count);
    left->count = total;
    inner->sizes[at] = total;
    FreeLeaf(right);
    DropChild(inner, at + 1);
    if (level > 0 && inner->count < QuarterOf(kInnerMax)) FixInnerUnderflow(path, level);
    return;
  }
  const uint32_t left_count = total / 2;
  if (left->count < left_count) {
    const uint32_t n = left_count - left->count;
    Copy(left->scores + left->count, right->scores, n);
    Copy(left->nodes + left->count, right->nodes, n);
    CloseGap(right->scores, right->count, 0, n);
    CloseGap(right->nodes, right->count, 0, n);
  } else {
    const uint32_t n = left->count - left_count;
    std::memmove(right->scores + n, right->scores, right->count * sizeof(right->scores[0]));
    std::memmove(right->nodes + n, right->nodes, right->count * sizeof(right->nodes[0]));
    Copy(right->scores, left->scores + left_count, n);
    Copy(right->nodes, left->nodes + left_count, n);
  }
  left->count = left_count;
  right->count = total - left_count;
  inner->sizes[at] = left->count;
  inner->sizes[at + 1] = right->count;
  inner->scores[at] = right->scores[0];
  inner->nodes[at] = right->nodes[0];
}

void ScoreTree::FixInnerUnderflow(Path* path, int level) {
  Inner* parent = path->inner[level - 1];
  if (parent->count == 1) return;
  const uint32_t child = path->child[level - 1];
  const uint32_t at = child == 0 ? 0 : child - 1;
  auto* left = static_cast<Inner*>(parent->children[at]);
  auto* right = static_cast<Inner*>(parent->children[at + 1]);
  const uint32_t total = left->count + right->count;
  // Both side by side, with the separator between them.
  struct {
    double scores[2 * kInnerMax];
    ZsetNode* nodes[2 * kInnerMax];
    void* children[2 * kInnerMax];
    uint64_t sizes[2 * kInnerMax];
  } both;
  Copy(both.children, left->children, left->count);
  Copy(both.children + left->count, right->children, right->count);
  Copy(both.sizes, left->sizes, left->count);
  Copy(both.sizes + left->count, right->sizes, right->count);
  Copy(both.scores, left->scores, left->count - 1);
  Copy(both.nodes, left->nodes, left->count - 1);
  both.scores[left->count - 1] = parent->scores[at];
  both.nodes[left->count - 1] = parent->nodes[at];
  Copy(both.scores + left->count, right->scores, right->count - 1);
  Copy(both.nodes + left->count, right->nodes, right->count - 1);
  const auto fill = [&both](Inner* inner, uint32_t from, uint32_t n) {
    inner->count = n;
    Copy(inner->children, both.children + from, n);
    Copy(inner->sizes, both.sizes + from, n);
    Copy(inner->scores, both.scores + from, n - 1);
    Copy(inner->nodes, both.nodes + from, n - 1);
    uint64_t members = 0;
    for (uint32_t i = 0; i < n; ++i) members += inner->sizes[i];
    return members;
  };
  if (total <= MergeMaxOf(kInnerMax)) {
    parent->sizes[at] = fill(left, 0, total);
    FreeBlock(right);
    DropChild(parent, at + 1);
    if (level > 1 && parent->count < QuarterOf(kInnerMax)) FixInnerUnderflow(path, level - 1);
    return;
  }
  const uint32_t left_count = total / 2;
  parent->sizes[at] = fill(left, 0, left_count);
  parent->sizes[at + 1] = fill(right, left_count, total - left_count);
  parent->scores[at] = both.scores[left_count - 1];
  parent->nodes[at] = both.nodes[left_count - 1];
}

// ---- updating ----------------------------------------------------------------------------------

void ScoreTree::Update(ZsetNode* node, double score) {
  PrefetchPlace(score);  // while the old place is found and left
  Path path;
  Locate(node, &path);
  Leaf* leaf = path.leaf;
  const uint32_t i = path.index;
  const std::string_view member = node->text();
  const bool up = score > node->score();
  bool stays;
  if (up) {
    const Leaf* next = i + 1 < leaf->count ? leaf : leaf->next;
    const uint32_t n = next == leaf ? i + 1 : 0;
    stays = next == nullptr || Less(score, member, next->scores[n], next->nodes[n]);
  } else {
    const Leaf* previous = i > 0 ? leaf : leaf->previous;
    if (previous == nullptr) {
      stays = true;
    } else {
      const uint32_t p = previous == leaf ? i - 1 : previous->count - 1;
      stays = !Less(score, member, previous->scores[p], previous->nodes[p]);
    }
  }
  if (stays) {
    node->set_score(score);
    leaf->scores[i] = score;
    if (i == 0) FixSeparator(&path, levels_ - 1, score, node);
    return;
  }
  const uint32_t last = leaf->count - 1;
  if (up ? Less(score, member, leaf->scores[last], leaf->nodes[last])
         : !Less(score, member, leaf->scores[0], leaf->nodes[0])) {
    // Within the leaf: what lies between moves by one.
    const uint32_t to =
        CountBefore<false>(leaf->scores, leaf->nodes, leaf->count, score, member) - (up ? 1 : 0);
    if (up) {
      std::memmove(leaf->scores + i, leaf->scores + i + 1, (to - i) * sizeof(leaf->scores[0]));
      std::memmove(leaf->nodes + i, leaf->nodes + i + 1, (to - i) * sizeof(leaf->nodes[0]));
    } else {
      std::memmove(leaf->scores + to + 1, leaf->scores + to, (i - to) * sizeof(leaf->scores[0]));
      std::memmove(leaf->nodes + to + 1, leaf->nodes + to, (i - to) * sizeof(leaf->nodes[0]));
    }
    node->set_score(score);
    leaf->scores[to] = score;
    leaf->nodes[to] = node;
    if (i == 0) FixSeparator(&path, levels_ - 1, leaf->scores[0], leaf->nodes[0]);
    return;
  }
  EraseAt(&path, 1);
  node->set_score(score);
  Insert(node);
}

// ---- checking ----------------------------------------------------------------------------------

bool ScoreTree::Valid() const {
  if (root_ == nullptr) return size_ == 0 && levels_ == 0 && blocks_ == 0;
  if (levels_ > 0 && static_cast<const Inner*>(root_)->count < 2) return false;
  Walked walked;
  if (!ValidSubtree(root_, levels_, size_, &walked)) return false;
  return walked.last_leaf->next == nullptr && walked.blocks == blocks_;
}

bool ScoreTree::ValidSubtree(const void* block, int levels, uint64_t size, Walked* walked) const {
  ++walked->blocks;
  if (levels > 0) {
    const auto* inner = static_cast<const Inner*>(block);
    if (inner->count == 0 || inner->count > kInnerMax) return false;
    uint64_t sum = 0;
    for (uint32_t i = 0; i < inner->count; ++i) {
      const void* first = inner->children[i];
      for (int below = levels - 1; below > 0; --below) {
        first = static_cast<const Inner*>(first)->children[0];
      }
      const auto* leaf = static_cast<const Leaf*>(first);
      if (i > 0 &&
          (leaf->nodes[0] != inner->nodes[i - 1] || leaf->scores[0] != inner->scores[i - 1])) {
        return false;
      }
      if (!ValidSubtree(inner->children[i], levels - 1, inner->sizes[i], walked)) return false;
      sum += inner->sizes[i];
    }
    return sum == size;
  }
  const auto* leaf = static_cast<const Leaf*>(block);
  if (leaf->count == 0 || leaf->count > kLeafMax || leaf->count != size) return false;
  if (leaf->previous != walked->last_leaf) return false;
  if (walked->last_leaf != nullptr && walked->last_leaf->next != leaf) return false;
  walked->last_leaf = leaf;
  for (uint32_t i = 0; i < leaf->count; ++i) {
    const ZsetNode* node = leaf->nodes[i];
    if (leaf->scores[i] != node->score()) return false;
    if (walked->last_node != nullptr &&
        !Less(walked->last_node->score(), walked->last_node->text(), node->score(), node)) {
      return false;
    }
    walked->last_node = node;
  }
  return true;
}

}  // namespace thermocline::engine
