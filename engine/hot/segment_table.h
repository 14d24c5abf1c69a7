// SegmentTable: extendible hashing over small segments, addressed by a 63-bit position (design
// section 5).
//
//   root word ──► directory node (radix, 2^k words) ──► segment: | header line | bucket | bucket |
//   ...
//                      └──► child node (2^k words) ──► segment        8 slots a bucket (cache line)
//
// * Directory: a word is a segment (pointer, depth, bucket count) or a child node (pointer, k). The
// top
//   node grows by doubling to 14 bits; beyond it an overfull entry becomes a child node, which
//   grows to 6 bits, and so on. A segment of depth d holds all positions with the same first d
//   bits; when a node tells more bits than that, neighbouring words share the segment. The word
//   says where the bucket is, so a hit costs three dependent loads: word, bucket, node.
// * Segment: a slot is a 48-bit pointer with, on top, a 16-bit tag: the position bits that follow
// the
//   prefix. Home bucket = tag * buckets >> 16, so buckets are in position order and a segment
//   grows, shrinks and merges without touching a node; only a split needs one more bit from each
//   node's position. A full home overflows into the next buckets; the header counts, a bucket, how
//   many keys passed it, which ends a search and makes deletion exact (a count of 15 sticks until
//   the next rebuild: searches go further, nothing else).
// * Growth: to the next allocator class up to one 4 KiB block, then a split at a size drawn from
// the
//   prefix: were it fixed, all segments of a good hash would be half empty, and split, at the same
//   time. No rehash of the whole; an insert makes one split at most. Segments whose keys all share
//   a position cannot split: they grow beyond the block and search linearly.
// * Shrinking: a sparse segment is rebuilt smaller; buddies that fit in half a segment merge; nodes
//   halve or vanish when no segment needs their last bit.
// * Each segment keeps the largest LSN of a removal in it: splits copy it, merges take the larger.
//
// Traits: `Node`, `Key`; `uint64_t PositionOf(const Node*) const`; `bool Equal(const Node*, const
// Key&) const`; `static void Free(Node*)`; optionally `uint64_t PositionTail(const Node*) const`,
// of which only the low 47 bits need to be right (splits use it). Node pointers must fit 48 bits.
// One thread; no locks. Pointers to nodes stay valid until erased or replaced. Callbacks of Walk
// and ForSlice may change nodes in place but not the table.
#pragma once

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <memory>
#include <utility>
#include <vector>

#include "engine/hot/allocation.h"
#include "engine/hot/prefetch.h"

namespace thermocline::engine {

namespace internal {

/// What a rebuild of a segment works on. One for all tables of a thread: there may be a table a
/// key.
struct SegmentScratch {
  std::vector<uint64_t> slots;      // one segment's slots
  std::vector<uint64_t> halves[2];  // ... and what a split makes of them
  std::vector<uint8_t> next_bits;
};
inline SegmentScratch& ThreadSegmentScratch() {
  static thread_local SegmentScratch scratch;
  return scratch;
}

/// Pointers in no order; the first one needs no memory, since a small table has only one segment.
template <class T>
class SegmentList {
 public:
  SegmentList() = default;
  SegmentList(SegmentList&& other) noexcept
      : first_(std::exchange(other.first_, nullptr)), rest_(std::move(other.rest_)) {}
  SegmentList& operator=(SegmentList&&) = delete;

  bool empty() const { return first_ == nullptr; }
  size_t size() const { return rest_ ? 1 + rest_->size() : first_ != nullptr; }
  T*& operator[](size_t i) { return i == 0 ? first_ : (*rest_)[i - 1]; }
  T* operator[](size_t i) const { return i == 0 ? first_ : (*rest_)[i - 1]; }
  T* back() const { return (*this)[size() - 1]; }
  void push_back(T* segment) {
    if (first_ == nullptr) {
      first_ = segment;
      return;
    }
    if (!rest_) rest_ = std::make_unique<std::deque<T*>>();
    rest_->push_back(segment);
  }
  void pop_back() {
    if (!rest_) {
      first_ = nullptr;
      return;
    }
    rest_->pop_back();
    if (rest_->empty()) rest_.reset();
  }
  size_t memory_bytes() const {
    if (!rest_) return 0;
    constexpr size_t kChunk = 512;  // a deque's, of pointers to them
    const size_t chunks = rest_->size() * sizeof(T*) / kChunk + 1;
    return AllocationSize(sizeof(std::deque<T*>)) + chunks * (kChunk + sizeof(T**));
  }

 private:
  T* first_ = nullptr;
  std::unique_ptr<std::deque<T*>> rest_;  // null unless there are two
};

}  // namespace internal

template <class Traits>
class SegmentTable {
  struct Segment;
  using Segments = internal::SegmentList<Segment>;

 public:
  using Node = typename Traits::Node;
  using Key = typename Traits::Key;

  static constexpr uint64_t kPositionEnd = uint64_t{1} << 63;

  /// A table's former content: freed by whoever owns this object, on any thread, in slices. Its
  /// destructor frees the rest.
  class Detached {
   public:
    Detached(Detached&& other) noexcept
        : root_(std::exchange(other.root_, 0)), segments_(std::move(other.segments_)) {}
    Detached& operator=(Detached&&) = delete;
    ~Detached() {
      while (FreeSlice(SIZE_MAX)) {
      }
    }

    /// Frees segments and their nodes until at least `nodes_max` nodes are gone (a segment is not
    /// divided; about 500 nodes). False when nothing is left.
    bool FreeSlice(size_t nodes_max) {
      size_t freed = 0;
      while (!segments_.empty() && freed < nodes_max) {
        Segment* segment = segments_.back();
        segments_.pop_back();
        freed += segment->size + 1;
        ForEachSlot(segment, [](uint64_t slot) { Traits::Free(NodeOf(slot)); });
        std::free(segment);
      }
      if (!segments_.empty()) return true;
      if (root_ != 0) FreeDirectory(std::exchange(root_, 0));
      return false;
    }

   private:
    friend class SegmentTable;
    Detached(uint64_t root, Segments segments) : root_(root), segments_(std::move(segments)) {}

    uint64_t root_;
    Segments segments_;
  };

  explicit SegmentTable(Traits traits = {}, uint64_t creation_lsn = 0)
      : traits_(std::move(traits)), creation_lsn_(creation_lsn) {
    Reset();
  }
  SegmentTable(const SegmentTable&) = delete;
  SegmentTable& operator=(const SegmentTable&) = delete;
  ~SegmentTable() { Detached(root_, std::move(segments_)); }

  const Traits& traits() const { return traits_; }
  size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  /// Bytes of segments and directory in allocator classes; nodes are not counted.
  size_t memory_bytes() const { return memory_bytes_ + segments_.memory_bytes(); }
  size_t segment_count() const { return segments_.size(); }
  uint64_t creation_lsn() const { return creation_lsn_; }

  /// The node with `key`, or null. REQUIRES here and below: 1 <= position < 2^63, the key's own.
  Node* Find(uint64_t position, const Key& key) const {
    const uint64_t word = Lookup(position);
    const uint32_t tag = TagOf(position, DepthOf(word));
    const uint32_t count = BucketsOf(word);
    uint32_t b = HomeOf(tag, count);
    const uint64_t* bucket = BucketAt(SegmentOf(word), count, b);
    for (uint32_t match = MatchTag(bucket, tag); match != 0; match &= match - 1) {
      Node* node = NodeOf(bucket[MatchSlot(match)]);
      if (node != nullptr && traits_.Equal(node, key)) return node;
    }
    const Segment* segment = SegmentOf(word);
    if (segment->Passed(b) == 0) return nullptr;
    return FindBeyond(segment, tag, b, key);
  }

  /// Calls fn(Node*) for every node at exactly `position`: nearly always one. fn must not change
  /// the table.
  template <class Fn>
  void AtPosition(uint64_t position, Fn&& fn) const {
    const uint64_t word = Lookup(position);
    const uint32_t tag = TagOf(position, DepthOf(word));
    const uint32_t count = BucketsOf(word);
    const Segment* segment = SegmentOf(word);
    uint32_t b = HomeOf(tag, count);
    for (uint32_t visited = 0; visited < count; ++visited) {
      const uint64_t* bucket = BucketAt(segment, count, b);
      for (uint32_t match = MatchTag(bucket, tag); match != 0; match &= match - 1) {
        Node* node = NodeOf(bucket[MatchSlot(match)]);
        if (node != nullptr && traits_.PositionOf(node) == position) fn(node);
      }
      if (segment->Passed(b) == 0) return;
      b = b + 1 == count ? 0 : b + 1;
    }
  }

  /// Adds a node. REQUIRES: no node with its key is present; `position` is PositionOf(node).
  void Insert(uint64_t position, Node* node) {
    uint64_t word = Lookup(position);
    if (SegmentOf(word)->size >= SegmentOf(word)->grow_at) word = MakeRoom(position, word);
    Segment* segment = SegmentOf(word);
    const uint32_t tag = TagOf(position, DepthOf(word));
    const uint32_t count = BucketsOf(word);
    uint32_t b = HomeOf(tag, count);
    for (;;) {
      uint64_t* bucket = BucketAt(segment, count, b);
      if (uint64_t* slot = FreeSlot(bucket); slot != nullptr) {
        *slot = MakeSlot(tag, node);
        break;
      }
      segment->AddPassed(b);
      b = b + 1 == count ? 0 : b + 1;
    }
    ++segment->size;
    ++size_;
  }

  /// Puts `now` where `old` is: the same key, reallocated. `old` may be freed already.
  /// REQUIRES: `old` is present at `position`.
  void Replace(uint64_t position, const Node* old, Node* now) {
    const uint64_t word = Lookup(position);
    const uint32_t tag = TagOf(position, DepthOf(word));
    const uint32_t count = BucketsOf(word);
    const uint64_t wanted = MakeSlot(tag, old);
    Segment* segment = SegmentOf(word);
    uint32_t b = HomeOf(tag, count);
    for (;;) {
      uint64_t* bucket = BucketAt(segment, count, b);
      for (uint32_t i = 0; i < kSlots; ++i) {
        if (bucket[i] == wanted) {
          bucket[i] = MakeSlot(tag, now);
          return;
        }
      }
      b = b + 1 == count ? 0 : b + 1;
    }
  }

  /// Removes the node with `key` and gives it to the caller; null if there is none.
  Node* Erase(uint64_t position, const Key& key) {
    const uint64_t word = Lookup(position);
    const uint32_t tag = TagOf(position, DepthOf(word));
    const uint32_t count = BucketsOf(word);
    const uint32_t home = HomeOf(tag, count);
    Segment* segment = SegmentOf(word);
    uint32_t b = home;
    for (uint32_t visited = 0; visited < count; ++visited) {
      uint64_t* bucket = BucketAt(segment, count, b);
      for (uint32_t match = MatchTag(bucket, tag); match != 0; match &= match - 1) {
        uint64_t& slot = bucket[MatchSlot(match)];
        Node* node = NodeOf(slot);
        if (node == nullptr || !traits_.Equal(node, key)) continue;
        slot = 0;
        for (uint32_t p = home; p != b; p = p + 1 == count ? 0 : p + 1) segment->SubPassed(p);
        --segment->size;
        --size_;
        if (segment->size <= segment->shrink_at) GiveBack(position, word);
        return node;
      }
      if (segment->Passed(b) == 0) return nullptr;
      b = b + 1 == count ? 0 : b + 1;
    }
    return nullptr;
  }

  /// First phase of a batch: fetches the bucket's line (reads the directory).
  void PrefetchBucket(uint64_t position) const {
    const uint64_t word = Lookup(position);
    const uint32_t count = BucketsOf(word);
    const uint32_t b = HomeOf(TagOf(position, DepthOf(word)), count);
    Prefetch(BucketAt(SegmentOf(word), count, b));
  }

  /// Second phase, some keys later: reads the bucket and fetches what Find will read next: the
  /// nodes with the tag (their first `node_bytes`) or, if there is none, the header. False: the key
  /// is not in its home bucket, most likely nowhere.
  bool PrefetchEntry(uint64_t position, size_t node_bytes = 1) const {
    const uint64_t word = Lookup(position);
    const uint32_t tag = TagOf(position, DepthOf(word));
    const uint32_t count = BucketsOf(word);
    const uint32_t b = HomeOf(tag, count);
    const uint64_t* bucket = BucketAt(SegmentOf(word), count, b);
    uint32_t match = MatchTag(bucket, tag);
    if (match == 0) {
      Prefetch(SegmentOf(word));
      if (b + 1 == count || bucket[kSlots - 1] == 0) return false;
      bucket += kSlots;
      match = MatchTag(bucket, tag);
    }
    const bool found = match != 0;
    for (; match != 0; match &= match - 1) {
      const char* node = reinterpret_cast<const char*>(NodeOf(bucket[MatchSlot(match)]));
      Prefetch(node);
      const size_t end = (reinterpret_cast<uintptr_t>(node) & (kLine - 1)) + node_bytes;
      for (size_t at = kLine; at < end; at += kLine) Prefetch(node + at);
    }
    return found;
  }

  /// After both phases: the node that Find will look at first, null if there is none in the home
  /// bucket. Most often the key's.
  const Node* FirstCandidate(uint64_t position) const {
    const uint64_t word = Lookup(position);
    const uint32_t tag = TagOf(position, DepthOf(word));
    const uint32_t count = BucketsOf(word);
    const uint64_t* bucket = BucketAt(SegmentOf(word), count, HomeOf(tag, count));
    const uint32_t match = MatchTag(bucket, tag);
    return match == 0 ? nullptr : NodeOf(bucket[MatchSlot(match)]);
  }

  /// Notes that a key at `position` was removed by the change `lsn`.
  void NoteRemoval(uint64_t position, uint64_t lsn) {
    Segment* segment = SegmentOf(Lookup(position));
    segment->removal_lsn = std::max(segment->removal_lsn, lsn);
  }
  /// An LSN at or above that of every removal of a key at `position` ([G1]); at least
  /// creation_lsn().
  uint64_t RemovalLsn(uint64_t position) const {
    return std::max(creation_lsn_, SegmentOf(Lookup(position))->removal_lsn);
  }

  /// Calls fn(Node*) in position order from `from` (0: the start), all nodes of a position
  /// together, until at least `max` nodes or segments were visited. Returns the position to go on
  /// from, 0 at the end. Stateless: a node that is present from the first call to the last is
  /// visited exactly once if it does not move, whatever is inserted, erased, split or merged
  /// between the calls.
  template <class Fn>
  uint64_t Walk(uint64_t from, size_t max, Fn&& fn) const {
    uint64_t position = std::max<uint64_t>(from, 1);
    size_t visited = 0;
    std::vector<uint64_t> heap;  // slots; the tag is on top, so the order is by tag
    std::vector<std::pair<uint64_t, Node*>> group;
    const auto later = [](uint64_t a, uint64_t b) { return a > b; };
    while (position < kPositionEnd) {
      const uint64_t word = Lookup(position);
      const unsigned depth = DepthOf(word);
      const Segment* segment = SegmentOf(word);
      const uint64_t start = position & ~(SpanOf(depth) - 1);
      const uint32_t first_tag = TagOf(position, depth);
      heap.clear();
      heap.reserve(segment->size);
      ForEachSlot(segment, [&](uint64_t slot) {
        if (TagOfSlot(slot) >= first_tag) heap.push_back(slot);
      });
      std::make_heap(heap.begin(), heap.end(), later);
      const uint64_t tag_span = depth <= kBits - kTagBits ? SpanOf(depth + kTagBits) : 1;
      while (!heap.empty()) {
        const uint32_t tag = TagOfSlot(heap.front());
        const uint64_t tag_start = start + (uint64_t{tag} << (kBits - kTagBits) >> depth);
        group.clear();
        while (!heap.empty() && TagOfSlot(heap.front()) == tag) {
          group.emplace_back(tag_start, NodeOf(heap.front()));
          std::pop_heap(heap.begin(), heap.end(), later);
          heap.pop_back();
        }
        // Alone in its tag and wholly in range: the node itself need not be asked.
        if (tag_span > 1 && (group.size() > 1 || position > tag_start)) {
          for (auto& [p, node] : group) p = traits_.PositionOf(node);
          std::sort(group.begin(), group.end(),
                    [](const auto& a, const auto& b) { return a.first < b.first; });
        }
        for (size_t i = 0; i < group.size(); ++i) {
          if (group[i].first < position) continue;
          fn(group[i].second);
          ++visited;
          if (visited >= max && i + 1 < group.size() && group[i + 1].first != group[i].first) {
            return group[i].first + 1;
          }
        }
        if (visited >= max) return EndToZero(tag_start + tag_span);
      }
      position = start + SpanOf(depth);
      if (++visited >= max) return EndToZero(position);
    }
    return 0;
  }

  /// Clock hand: calls fn(Node*) bucket by bucket, unordered, from position `hand` (0: the start)
  /// until at least `max` nodes or buckets were visited; returns the new hand, 0 after the last
  /// bucket. Nodes are fetched a bucket ahead. Between calls a change may hide a node from a turn
  /// or show it twice.
  template <class Fn>
  uint64_t ForSlice(uint64_t hand, size_t max, Fn&& fn) const {
    uint64_t position = std::max<uint64_t>(hand, 1);
    size_t visited = 0;
    while (position < kPositionEnd) {
      const uint64_t word = Lookup(position);
      const unsigned depth = DepthOf(word);
      const Segment* segment = SegmentOf(word);
      const uint32_t count = segment->bucket_count;
      const uint64_t start = position & ~(SpanOf(depth) - 1);
      // A bucket of a chain or of the deepest segments has no position of its own: whole or not at
      // all.
      const bool whole = count > kBucketsMax || depth > kBits - kTagBits;
      uint32_t b = whole ? 0 : HomeOf(TagOf(position, depth), count);
      PrefetchNodes(BucketAt(segment, count, b));
      for (; b < count; ++b) {
        if (visited >= max && !whole) {
          const uint64_t tag = ((uint64_t{b} << kTagBits) + count - 1) / count;
          return start + (tag << (kBits - kTagBits) >> depth);
        }
        const uint64_t* bucket = BucketAt(segment, count, b);
        if (b + 1 < count) PrefetchNodes(bucket + kSlots);
        ++visited;
        for (uint32_t i = 0; i < kSlots; ++i) {
          if (bucket[i] == 0) continue;
          fn(NodeOf(bucket[i]));
          ++visited;
        }
      }
      position = start + SpanOf(depth);
      if (visited >= max) return EndToZero(position);
    }
    return 0;
  }

  /// The first position behind the segment that holds `position` (0: the first), 0 after the last.
  uint64_t SegmentEnd(uint64_t position) const {
    position = std::max<uint64_t>(position, 1);
    const uint64_t span = SpanOf(DepthOf(Lookup(position)));
    return EndToZero((position & ~(span - 1)) + span);
  }

  /// Calls fn(Node*) for every node of the segment that holds `position` (0: the first), unordered;
  /// returns the first position behind the segment, 0 after the last. Nothing leaves its segment by
  /// overflowing, so this, unlike ForSlice, misses nothing of a range of positions. fn may change
  /// nodes in place but not the table.
  template <class Fn>
  uint64_t ForSegment(uint64_t position, Fn&& fn) const {
    position = std::max<uint64_t>(position, 1);
    const uint64_t word = Lookup(position);
    const Segment* segment = SegmentOf(word);
    const uint32_t count = segment->bucket_count;
    PrefetchNodes(BucketAt(segment, count, 0));
    for (uint32_t b = 0; b < count; ++b) {
      const uint64_t* bucket = BucketAt(segment, count, b);
      if (b + 1 < count) PrefetchNodes(bucket + kSlots);
      for (uint32_t i = 0; i < kSlots; ++i) {
        if (bucket[i] != 0) fn(NodeOf(bucket[i]));
      }
    }
    return SegmentEnd(position);
  }

  /// A random node, null if empty: uniform over nodes, but for those of chains when there are many
  /// segments. rng() gives 64 random bits.
  template <class Rng>
  Node* RandomNode(Rng&& rng) const {
    if (size_ == 0) return nullptr;
    // Slots by lot until one is taken. Every slot of every segment has the same chance, so every
    // node has; segments are at least half full unless the table is nearly empty.
    const size_t count = segments_.size();
    const bool few = count <= kFewSegments;
    size_t slots = 0;
    if (few) {
      for (size_t i = 0; i < count; ++i) slots += SlotsOf(segments_[i]);
    }
    for (int tries = 0; tries < 256; ++tries) {
      const Segment* segment = nullptr;
      size_t slot;
      if (few) {
        slot = RandomBelow(rng, slots);
        for (size_t i = 0; segment == nullptr; ++i) {
          const size_t own = SlotsOf(segments_[i]);
          if (slot < own) {
            segment = segments_[i];
          } else {
            slot -= own;
          }
        }
      } else {
        segment = segments_[RandomBelow(rng, count)];
        // Chains have more slots than that: as fair as one look can be.
        slot = RandomBelow(rng, std::max<size_t>(kBucketsMax * kSlots, SlotsOf(segment)));
        if (slot >= SlotsOf(segment)) continue;
      }
      const uint64_t found = BucketAt(segment, segment->bucket_count, 0)[slot];
      if (found != 0) return NodeOf(found);
    }
    // An unlucky streak: count through instead.
    size_t n = RandomBelow(rng, size_);
    for (size_t i = 0;; ++i) {
      if (n < segments_[i]->size) return NthNode(segments_[i], n);
      n -= segments_[i]->size;
    }
  }

  /// Takes the whole content out in O(1): the table is empty then, as if created by the change
  /// `creation_lsn`.
  Detached Detach(uint64_t creation_lsn) {
    Detached content(root_, std::move(segments_));
    creation_lsn_ = creation_lsn;
    Reset();
    return content;
  }

 private:
  static constexpr unsigned kBits = 63;
  static constexpr unsigned kTagBits = 16;
  static constexpr unsigned kRootBitsMax = 14;
  static constexpr unsigned kChildBitsMax = 6;
  static constexpr unsigned kDepthMax = 62;   // 14 + 8 * 6
  static constexpr size_t kFewSegments = 16;  // so many are counted through for one random node
  static constexpr uint32_t kSlots = 8;
  static constexpr size_t kLine = 64;
  static constexpr uint32_t kBucketsMax = 63;  // with the header line: one block of 4 KiB
  // Splits happen between these sizes; merged buddies stay well below.
  static constexpr uint32_t kSplitMin = 320;
  static constexpr uint32_t kSplitMax = 448;
  static constexpr uint32_t kMergeMax = 176;
  static constexpr uint64_t kPointerMask = (uint64_t{1} << 48) - 1;
  static constexpr uint64_t kNodeFlag = uint64_t{1} << 63;

  struct alignas(kLine) Segment {
    uint64_t removal_lsn;
    uint32_t size;
    uint32_t bucket_count;
    uint32_t index;      // in segments_
    uint32_t grow_at;    // an insert at this size makes room first
    uint32_t shrink_at;  // an erase down to this size looks for memory to give back
    uint8_t depth;
    uint8_t unused[3];
    uint8_t passed[32];  // 4 bits a bucket; goes on behind the line in chains

    uint32_t Passed(uint32_t b) const { return PassedBytes()[b >> 1] >> ((b & 1) * 4) & 15; }
    void AddPassed(uint32_t b) {
      if (Passed(b) != 15) PassedBytes()[b >> 1] += uint8_t(1 << ((b & 1) * 4));
    }
    void SubPassed(uint32_t b) {
      if (Passed(b) != 15) PassedBytes()[b >> 1] -= uint8_t(1 << ((b & 1) * 4));
    }
    // Not indexed as the member array: chains go past its end.
    uint8_t* PassedBytes() { return reinterpret_cast<uint8_t*>(this) + kPassedOffset; }
    const uint8_t* PassedBytes() const {
      return reinterpret_cast<const uint8_t*>(this) + kPassedOffset;
    }
  };
  static constexpr size_t kPassedOffset = 32;
  static_assert(sizeof(Segment) == kLine);

  // -- words and slots --
  static bool IsNode(uint64_t word) { return word >> 63; }
  static uint64_t* WordsOf(uint64_t node) {
    return reinterpret_cast<uint64_t*>(node & kPointerMask);
  }
  static unsigned NodeBits(uint64_t node) { return node >> 48 & 15; }
  static uint64_t NodeWord(const uint64_t* words, unsigned bits) {
    return kNodeFlag | uint64_t{bits} << 48 | reinterpret_cast<uint64_t>(words);
  }
  static Segment* SegmentOf(uint64_t word) {
    return reinterpret_cast<Segment*>(word & kPointerMask);
  }
  static unsigned DepthOf(uint64_t word) { return word >> 48 & 63; }
  static uint32_t BucketsOf(uint64_t word) {
    const uint32_t count = word >> 54 & 127;
    return count != 0 ? count : SegmentOf(word)->bucket_count;  // 0: a chain, too long for the word
  }
  static uint64_t LeafWord(const Segment* segment) {
    const uint64_t count = segment->bucket_count <= kBucketsMax ? segment->bucket_count : 0;
    return count << 54 | uint64_t{segment->depth} << 48 | reinterpret_cast<uint64_t>(segment);
  }
  static uint64_t MakeSlot(uint32_t tag, const Node* node) {
    return uint64_t{tag} << 48 | reinterpret_cast<uint64_t>(node);
  }
  static Node* NodeOf(uint64_t slot) { return reinterpret_cast<Node*>(slot & kPointerMask); }
  static uint32_t TagOfSlot(uint64_t slot) { return static_cast<uint32_t>(slot >> 48); }
  static uint32_t TagOf(uint64_t position, unsigned depth) {
    return static_cast<uint32_t>(position << (1 + depth) >> 48);
  }
  static uint32_t HomeOf(uint32_t tag, uint32_t buckets) {
    return static_cast<uint32_t>(uint64_t{tag} * buckets >> kTagBits);
  }
  // Positions that share their first `bits` bits.
  static uint64_t SpanOf(unsigned bits) { return uint64_t{1} << (kBits - bits); }
  static uint64_t EndToZero(uint64_t position) { return position >= kPositionEnd ? 0 : position; }

  // -- sizes --
  static size_t HeaderBytes(uint32_t buckets) {
    const size_t bytes = kPassedOffset + (size_t{buckets} + 1) / 2;
    return (bytes + kLine - 1) & ~(kLine - 1);
  }
  static size_t SegmentBytes(uint32_t buckets) {
    return HeaderBytes(buckets) + size_t{buckets} * kLine;
  }
  // Keys in so many buckets at most: load 0.94, one bucket 7.
  static uint32_t KeysMax(uint32_t buckets) {
    return static_cast<uint32_t>(uint64_t{buckets} * 15 / 2);
  }
  // The bucket count that fills the allocator class which n buckets need.
  static uint32_t FillClass(uint32_t n) {
    const size_t bytes = AllocationSize(SegmentBytes(n));
    uint32_t count = static_cast<uint32_t>((bytes - HeaderBytes(n)) / kLine);
    while (count > n && SegmentBytes(count) > bytes) --count;
    return count;
  }
  // Fewest buckets, in whole classes, that hold `keys` keys.
  static uint32_t BucketsFor(size_t keys) {
    return FillClass(static_cast<uint32_t>((keys * 2 + 14) / 15 + (keys == 0)));
  }
  static uint32_t SplitSize(uint64_t position, unsigned depth) {
    const uint64_t prefix = (position >> (kBits - depth) << 6 | depth) * 0x9e3779b97f4a7c15u;
    return kSplitMin + static_cast<uint32_t>((prefix >> 32) * (kSplitMax - kSplitMin) >> 32);
  }

  static uint64_t* BucketAt(const Segment* segment, uint32_t count, uint32_t b) {
    const size_t header = count <= kBucketsMax ? kLine : HeaderBytes(count);
    return reinterpret_cast<uint64_t*>(reinterpret_cast<uintptr_t>(segment) + header + b * kLine);
  }

  // Bit 2j (a byte of lane j) for each slot whose tag matches, empty slots with tag 0 included.
  static uint32_t MatchTag(const uint64_t* bucket, uint32_t tag) {
#if defined(__SSE2__)
    const __m128i* lines = reinterpret_cast<const __m128i*>(bucket);
    const __m128i a = _mm_srli_epi64(_mm_load_si128(lines), 48);
    const __m128i b = _mm_slli_epi64(_mm_srli_epi64(_mm_load_si128(lines + 1), 48), 16);
    const __m128i c = _mm_slli_epi64(_mm_srli_epi64(_mm_load_si128(lines + 2), 48), 32);
    const __m128i d = _mm_slli_epi64(_mm_srli_epi64(_mm_load_si128(lines + 3), 48), 48);
    const __m128i tags = _mm_or_si128(_mm_or_si128(a, b), _mm_or_si128(c, d));
    const __m128i equal = _mm_cmpeq_epi16(tags, _mm_set1_epi16(static_cast<int16_t>(tag)));
    return static_cast<uint32_t>(_mm_movemask_epi8(equal)) & 0x5555;
#else
    uint32_t match = 0;
    for (uint32_t i = 0; i < kSlots; ++i) {
      match |= uint32_t{TagOfSlot(bucket[i]) == tag} << ((i >> 1) * 2 + (i & 1) * 8);
    }
    return match;
#endif
  }
  // Slot of the lowest match: lane j of half h is slot 2j + h.
  static uint32_t MatchSlot(uint32_t match) {
    const uint32_t bit = static_cast<uint32_t>(std::countr_zero(match));
    return (bit & 7) | bit >> 3;
  }
  static uint64_t* FreeSlot(uint64_t* bucket) {
    for (uint32_t i = 0; i < kSlots; ++i) {
      if (bucket[i] == 0) return bucket + i;
    }
    return nullptr;
  }
  static void PrefetchNodes(const uint64_t* bucket) {
    for (uint32_t i = 0; i < kSlots; ++i) Prefetch(NodeOf(bucket[i]));
  }
  template <class Fn>
  static void ForEachSlot(const Segment* segment, Fn&& fn) {
    const uint64_t* slots = BucketAt(segment, segment->bucket_count, 0);
    const size_t count = size_t{segment->bucket_count} * kSlots;
    for (size_t i = 0; i < count; ++i) {
      if (slots[i] != 0) fn(slots[i]);
    }
  }
  static size_t SlotsOf(const Segment* segment) { return size_t{segment->bucket_count} * kSlots; }
  // In [0, n); the bias is below n / 2^64.
  template <class Rng>
  static size_t RandomBelow(Rng&& rng, size_t n) {
    return static_cast<size_t>(static_cast<unsigned __int128>(rng()) * n >> 64);
  }
  static Node* NthNode(const Segment* segment, size_t n) {
    Node* found = nullptr;
    ForEachSlot(segment, [&](uint64_t slot) {
      if (n-- == 0) found = NodeOf(slot);
    });
    return found;
  }

  // -- directory --
  uint64_t Lookup(uint64_t position) const {
    uint64_t word = root_;
    uint64_t rest = position << 1;
    while (IsNode(word)) {
      const unsigned bits = NodeBits(word);
      word = WordsOf(word)[rest >> (64 - bits)];
      rest <<= bits;
    }
    return word;
  }

  uint64_t* NewWords(unsigned bits) {
    const size_t bytes = sizeof(uint64_t) << bits;
    memory_bytes_ += AllocationSize(bytes);
    return static_cast<uint64_t*>(AllocateOrDie(bytes));
  }
  void FreeWords(uint64_t node) {
    memory_bytes_ -= AllocationSize(sizeof(uint64_t) << NodeBits(node));
    std::free(WordsOf(node));
  }
  static void FreeDirectory(uint64_t word) {
    if (!IsNode(word)) return;  // a segment: in the list
    const uint64_t* words = WordsOf(word);
    for (size_t i = 0; i < size_t{1} << NodeBits(word); ++i) FreeDirectory(words[i]);
    std::free(WordsOf(word));
  }

  // Makes the directory tell one bit more than the segment of `position` has (its depth): a doubled
  // node or a new child. Nothing to do where neighbours share the segment.
  void DeepenDirectory(uint64_t position) {
    uint64_t* node_slot = nullptr;  // where the node that holds *slot is stored
    uint64_t* slot = &root_;
    uint64_t rest = position << 1;
    unsigned told = 0;
    unsigned bits_max = kRootBitsMax;
    while (IsNode(*slot)) {
      if (node_slot != nullptr) bits_max = kChildBitsMax;
      const unsigned bits = NodeBits(*slot);
      node_slot = slot;
      slot = WordsOf(*slot) + (rest >> (64 - bits));
      rest <<= bits;
      told += bits;
    }
    const uint64_t leaf = *slot;
    if (DepthOf(leaf) < told) return;
    if (node_slot != nullptr && NodeBits(*node_slot) < bits_max) {
      const uint64_t old = *node_slot;
      const unsigned bits = NodeBits(old);
      uint64_t* words = NewWords(bits + 1);
      for (size_t i = 0; i < size_t{1} << bits; ++i)
        words[2 * i] = words[2 * i + 1] = WordsOf(old)[i];
      *node_slot = NodeWord(words, bits + 1);
      FreeWords(old);
      return;
    }
    uint64_t* words = NewWords(1);
    words[0] = words[1] = leaf;
    if (node_slot != nullptr) ++child_nodes_;
    *slot = NodeWord(words, 1);
  }

  // The slot of the node that tells bit `depth` (the root slot for depth 0), or of the segment
  // itself.
  uint64_t* SlotTelling(uint64_t position, unsigned depth, unsigned* told_before) {
    uint64_t* slot = &root_;
    uint64_t rest = position << 1;
    unsigned told = 0;
    while (IsNode(*slot) && told + NodeBits(*slot) < depth) {
      const unsigned bits = NodeBits(*slot);
      slot = WordsOf(*slot) + (rest >> (64 - bits));
      rest <<= bits;
      told += bits;
    }
    *told_before = told;
    return slot;
  }

  // Writes the segment's word wherever its prefix is told. The directory is deep enough for it.
  void StoreLeaf(uint64_t position, const Segment* segment) {
    const uint64_t word = LeafWord(segment);
    unsigned told;
    uint64_t* slot = SlotTelling(position, segment->depth, &told);
    if (!IsNode(*slot)) {
      *slot = word;
      return;
    }
    const unsigned bits = NodeBits(*slot);
    const unsigned own = segment->depth - told;  // of the node's bits, those of the prefix
    const size_t shared = size_t{1} << (bits - own);
    const size_t index = (position << (1 + told) >> (64 - bits)) & ~(shared - 1);
    std::fill_n(WordsOf(*slot) + index, shared, word);
  }

  // After a merge into depth - 1: the node that told bit `depth` loses bits that no segment needs.
  void ThinDirectory(uint64_t position, unsigned depth) {
    unsigned told;
    uint64_t* slot = SlotTelling(position, depth, &told);
    while (IsNode(*slot)) {
      const uint64_t node = *slot;
      const unsigned bits = NodeBits(node);
      const uint64_t* words = WordsOf(node);
      if (told == 0 && (child_nodes_ != 0 || depth_counts_[bits] != 0)) return;
      for (size_t i = 0; i < size_t{1} << bits; i += 2) {
        if (words[i] != words[i + 1] || IsNode(words[i])) return;
      }
      if (bits == 1) {
        *slot = words[0];
        if (told != 0) --child_nodes_;
      } else {
        uint64_t* half = NewWords(bits - 1);
        for (size_t i = 0; i < size_t{1} << (bits - 1); ++i) half[i] = words[2 * i];
        *slot = NodeWord(half, bits - 1);
      }
      FreeWords(node);
    }
  }

  // -- segments --
  Segment* NewSegment(uint64_t position, unsigned depth, uint32_t buckets, const uint64_t* slots,
                      size_t size, uint64_t removal_lsn, uint32_t index) {
    const size_t bytes = AllocationSize(SegmentBytes(buckets));
    void* block = std::aligned_alloc(kLine, bytes);
    if (block == nullptr) OutOfMemory(bytes);
    memory_bytes_ += bytes;
    std::memset(block, 0, SegmentBytes(buckets));
    auto* segment = static_cast<Segment*>(block);
    segment->removal_lsn = removal_lsn;
    segment->size = static_cast<uint32_t>(size);
    segment->bucket_count = buckets;
    segment->index = index;
    segment->depth = static_cast<uint8_t>(depth);
    const uint32_t split = SplitSize(position, depth);
    // Above the split size already: a lopsided split, to be split again by the next insert.
    segment->grow_at = std::min(KeysMax(buckets), std::max(split, segment->size));
    segment->shrink_at = ShrinkAt(buckets, depth);
    uint8_t fill[kBucketsMax] = {};
    for (size_t i = 0; i < size; ++i) {
      uint32_t b = HomeOf(TagOfSlot(slots[i]), buckets);
      if (buckets <= kBucketsMax) {
        while (fill[b] == kSlots) {
          segment->AddPassed(b);
          b = b + 1 == buckets ? 0 : b + 1;
        }
        BucketAt(segment, buckets, b)[fill[b]++] = slots[i];
      } else {
        uint64_t* slot;
        while ((slot = FreeSlot(BucketAt(segment, buckets, b))) == nullptr) {
          segment->AddPassed(b);
          b = b + 1 == buckets ? 0 : b + 1;
        }
        *slot = slots[i];
      }
    }
    return segment;
  }
  // Below 0.55 of its slots a segment is worth rebuilding; one of a single bucket can only merge.
  static uint32_t ShrinkAt(uint32_t buckets, unsigned depth) {
    if (buckets == 1) return depth == 0 ? 0 : 2;
    return buckets * kSlots * 11 / 20;
  }
  void FreeSegment(Segment* segment) {
    memory_bytes_ -= AllocationSize(SegmentBytes(segment->bucket_count));
    std::free(segment);
  }
  // The slots of a segment; valid until the next call.
  static std::vector<uint64_t>& Collect(const Segment* segment) {
    std::vector<uint64_t>& slots = internal::ThreadSegmentScratch().slots;
    slots.clear();
    slots.reserve(segment->size);
    ForEachSlot(segment, [&](uint64_t slot) { slots.push_back(slot); });
    return slots;
  }
  void CountDepth(unsigned depth, int by) {
    if (depth <= kRootBitsMax) depth_counts_[depth] += by;
  }

  uint64_t Rebuild(uint64_t position, Segment* old, uint32_t buckets) {
    const std::vector<uint64_t>& slots = Collect(old);
    Segment* segment = NewSegment(position, old->depth, buckets, slots.data(), slots.size(),
                                  old->removal_lsn, old->index);
    segments_[old->index] = segment;
    StoreLeaf(position, segment);
    FreeSegment(old);
    return LeafWord(segment);
  }

  // Grows or splits the segment of `word`; returns the word where `position` now belongs, with
  // room.
  uint64_t MakeRoom(uint64_t position, uint64_t word) {
    Segment* segment = SegmentOf(word);
    const unsigned depth = segment->depth;
    if (segment->size >= SplitSize(position, depth) && depth < kDepthMax && !OnePosition(segment)) {
      Split(position, segment);
      return Lookup(position);
    }
    const uint32_t count = segment->bucket_count;
    if (segment->size >= KeysMax(count)) {
      const uint32_t wanted = count < kBucketsMax ? count + 1 : count + count / 4;
      word = Rebuild(position, segment, FillClass(wanted));
      segment = SegmentOf(word);
    }
    // A chain is not asked again whether it can split before it is full.
    if (segment->size >= segment->grow_at) segment->grow_at = KeysMax(segment->bucket_count);
    return word;
  }

  bool OnePosition(const Segment* segment) const {
    const std::vector<uint64_t>& slots = Collect(segment);
    const uint32_t tag = TagOfSlot(slots[0]);
    for (uint64_t slot : slots) {
      if (TagOfSlot(slot) != tag) return false;
    }
    if (segment->depth + kTagBits >= kBits) return true;
    const uint64_t first = traits_.PositionOf(NodeOf(slots[0]));
    for (uint64_t slot : slots) {
      if (traits_.PositionOf(NodeOf(slot)) != first) return false;
    }
    return true;
  }

  uint64_t TailOf(const Node* node) const {
    if constexpr (requires(const Traits& t) { t.PositionTail(node); }) {
      return traits_.PositionTail(node);
    } else {
      return traits_.PositionOf(node);
    }
  }

  void Split(uint64_t position, Segment* old) {
    const unsigned depth = old->depth;
    const std::vector<uint64_t>& slots = Collect(old);
    auto& halves = internal::ThreadSegmentScratch().halves;
    auto& next_bits = internal::ThreadSegmentScratch().next_bits;
    next_bits.clear();
    // Each tag loses its first bit, which says the half, and gains the next bit of the position.
    if (depth + kTagBits < kBits) {
      const unsigned shift = kBits - 1 - depth - kTagBits;
      constexpr size_t kAhead = 16;
      for (size_t i = 0; i < std::min(kAhead, slots.size()); ++i) {
        Prefetch(NodeOf(slots[i]));
      }
      for (size_t i = 0; i < slots.size(); ++i) {
        if (i + kAhead < slots.size()) Prefetch(NodeOf(slots[i + kAhead]));
        const uint64_t bit = TailOf(NodeOf(slots[i])) >> shift & 1;
        next_bits.push_back(static_cast<uint8_t>(bit));
      }
    } else {
      next_bits.assign(slots.size(), 0);
    }
    halves[0].clear();
    halves[1].clear();
    for (size_t i = 0; i < slots.size(); ++i) {
      const uint64_t slot = slots[i];
      const uint64_t tag = (TagOfSlot(slot) << 1 | next_bits[i]) & 0xffff;
      halves[slot >> 63].push_back(tag << 48 | (slot & kPointerMask));
    }
    DeepenDirectory(position);
    const uint64_t half_span = SpanOf(depth + 1);
    const uint64_t start = position & ~(SpanOf(depth) - 1);
    for (unsigned side = 0; side < 2; ++side) {
      const uint32_t index = side == 0 ? old->index : static_cast<uint32_t>(segments_.size());
      const std::vector<uint64_t>& half = halves[side];
      const uint64_t first = start + side * half_span;
      Segment* segment = NewSegment(first, depth + 1, BucketsFor(half.size() + 1), half.data(),
                                    half.size(), old->removal_lsn, index);
      if (side == 0) {
        segments_[index] = segment;
      } else {
        segments_.push_back(segment);
      }
      StoreLeaf(first, segment);
    }
    CountDepth(depth, -1);
    CountDepth(depth + 1, 2);
    FreeSegment(old);
  }

  // A segment became sparse: merge it with its buddy, or rebuild it smaller.
  void GiveBack(uint64_t position, uint64_t word) {
    Segment* segment = SegmentOf(word);
    bool merged = false;
    while (segment->depth > 0 && segment->size <= kMergeMax) {
      Segment* buddy = SegmentOf(Lookup(position ^ SpanOf(segment->depth)));
      if (buddy->depth != segment->depth || segment->size + buddy->size > kMergeMax) break;
      segment = Merge(position, segment, buddy);
      merged = true;  // and perhaps again: an emptied table must come back to one segment
    }
    if (merged) return;
    const uint32_t buckets = BucketsFor(segment->size + segment->size / 8);
    if (buckets < segment->bucket_count) {
      Rebuild(position, segment, buckets);
      return;
    }
    // Nothing to gain yet: look again an eighth further down.
    segment->shrink_at = segment->size - segment->size / 8 - (segment->size > 0);
  }

  Segment* Merge(uint64_t position, Segment* a, Segment* b) {
    const unsigned depth = a->depth;
    Segment* low = position & SpanOf(depth) ? b : a;
    Segment* high = low == a ? b : a;
    std::vector<uint64_t>& slots = internal::ThreadSegmentScratch().slots;
    slots.clear();
    ForEachSlot(low, [&](uint64_t slot) {
      slots.push_back(uint64_t{TagOfSlot(slot) >> 1} << 48 | (slot & kPointerMask));
    });
    ForEachSlot(high, [&](uint64_t slot) {
      slots.push_back(uint64_t{TagOfSlot(slot) >> 1 | 0x8000} << 48 | (slot & kPointerMask));
    });
    Segment* segment =
        NewSegment(position, depth - 1, BucketsFor(slots.size() + slots.size() / 8), slots.data(),
                   slots.size(), std::max(a->removal_lsn, b->removal_lsn), low->index);
    segments_[low->index] = segment;
    segments_[high->index] = segments_.back();
    segments_[high->index]->index = high->index;
    segments_.pop_back();
    CountDepth(depth, -2);
    CountDepth(depth - 1, 1);
    StoreMerged(position, segment);
    ThinDirectory(position, depth);
    FreeSegment(a);
    FreeSegment(b);
    return segment;
  }

  // As StoreLeaf, but into the node that told the bit which was lost: when that was its first bit,
  // all of the node is the segment's.
  void StoreMerged(uint64_t position, const Segment* segment) {
    unsigned told;
    uint64_t* slot = SlotTelling(position, segment->depth + 1u, &told);
    const unsigned bits = NodeBits(*slot);
    const size_t shared = size_t{1} << (bits - (segment->depth - told));
    const size_t index = (position << (1 + told) >> (64 - bits)) & ~(shared - 1);
    std::fill_n(WordsOf(*slot) + index, shared, LeafWord(segment));
  }

  Node* FindBeyond(const Segment* segment, uint32_t tag, uint32_t b, const Key& key) const {
    const uint32_t count = segment->bucket_count;
    for (uint32_t visited = 1; visited < count && segment->Passed(b) != 0; ++visited) {
      b = b + 1 == count ? 0 : b + 1;
      const uint64_t* bucket = BucketAt(segment, count, b);
      for (uint32_t match = MatchTag(bucket, tag); match != 0; match &= match - 1) {
        Node* node = NodeOf(bucket[MatchSlot(match)]);
        if (node != nullptr && traits_.Equal(node, key)) return node;
      }
    }
    return nullptr;
  }

  // An empty table: one segment of one bucket.
  void Reset() {
    memory_bytes_ = 0;
    size_ = 0;
    child_nodes_ = 0;
    std::fill(std::begin(depth_counts_), std::end(depth_counts_), 0);
    depth_counts_[0] = 1;
    Segment* segment = NewSegment(1, 0, 1, nullptr, 0, 0, 0);
    segments_.push_back(segment);
    root_ = LeafWord(segment);
  }

  [[no_unique_address]] Traits traits_;
  uint64_t root_ = 0;
  size_t size_ = 0;
  uint64_t creation_lsn_;
  size_t memory_bytes_ = 0;
  size_t child_nodes_ = 0;
  uint32_t depth_counts_[kRootBitsMax + 1] = {};  // segments a depth, as far as the top node tells
  Segments segments_;  // all, in no order: for RandomNode and for freeing
};

}  // namespace thermocline::engine
