// Lists. Which node takes an element, when nodes split and join, follows Redis's quicklist exactly
// (list.h); tests/engine/types/list_test.cc and the differential test compare DUMP's bytes.
#include "engine/types/list.h"

#include <glog/logging.h>

#include <algorithm>
#include <bit>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "codec/cold_record.h"
#include "codec/rdb/collection_reader.h"
#include "codec/rdb/collection_writer.h"
#include "engine/hot/allocation.h"
#include "engine/hot/packed_entry.h"

namespace thermocline::engine {
namespace {

using codec::ListpackView;

constexpr size_t kHeaderSize = codec::listpack_format::TwoWay::kHeaderSize;

// A node's limit when list-max-listpack-size counts elements.
constexpr size_t kCountedNodeBytesMax = 8192;
constexpr int64_t kNodeElementsMax = 32767;
constexpr size_t kNodeBytesByLevel[] = {4096, 8192, 16384, 32768, 65536};

// Beyond this a list's only listpack has a block of its own, too: an entry does not move megabytes.
constexpr size_t kPackedBytesMax = 65536;

constexpr size_t kRingCapacityMin = 4;

// The share of a list that may be room in one block.
constexpr size_t kRoomShare = 8;

}  // namespace

NodeLimit::NodeLimit(const TypeLimits& limits) {
  const int64_t fill = limits.list_max_listpack_size;
  if (fill < 0) {
    const auto level = static_cast<size_t>(std::min<int64_t>(-(fill + 1), 4));
    bytes_max_ = kNodeBytesByLevel[level];
    count_max_ = SIZE_MAX;
  } else {
    bytes_max_ = kCountedNodeBytesMax;
    count_max_ = static_cast<size_t>(std::min(fill, kNodeElementsMax));
  }
}

// ---- a node's block --------------------------------------------------------------------------

class List::NodeStore final : public codec::ByteStore {
 public:
  // `soft_max`: what the node's bytes usually stay within; a block is not grown beyond without
  // need.
  NodeStore(List& list, Node& node, size_t soft_max)
      : list_(list), node_(node), soft_max_(soft_max) {
    CHECK_NE(node.capacity, 0u) << "node " << node.id << " of a list is changed, but not in memory";
    node.used = 1;
  }

  std::string_view bytes() const override { return {node_.block + node_.begin, node_.size}; }

  char* Splice(size_t at, size_t removed, size_t added) override {
    node_.dirty = 1;
    const size_t tail = node_.size - at - removed;
    const bool front = at < tail;  // fewer bytes to move before the gap than behind it
    char* const bytes = node_.block + node_.begin;
    if (added > removed) {
      const size_t more = added - removed;
      if (front && node_.begin >= more) {
        std::memmove(bytes - more, bytes, at);
        node_.begin -= static_cast<uint32_t>(more);
      } else if (!front && node_.capacity - node_.begin - node_.size >= more) {
        std::memmove(bytes + at + added, bytes + at + removed, tail);
      } else {
        MakeRoom(at, removed, added, front);
      }
      node_.size += static_cast<uint32_t>(more);
    } else if (removed > added) {
      const size_t less = removed - added;
      if (front) {
        std::memmove(bytes + less, bytes, at);
        node_.begin += static_cast<uint32_t>(less);
      } else {
        std::memmove(bytes + at + added, bytes + at + removed, tail);
      }
      node_.size -= static_cast<uint32_t>(less);
    }
    return node_.block + node_.begin + at;
  }

 private:
  // The gap at one end's cost is not to be had: all bytes move, within the block or to a larger
  // one, and all room goes to the end that wants it.
  void MakeRoom(size_t at, size_t removed, size_t added, bool front) {
    const size_t tail = node_.size - at - removed;
    const size_t size = at + added + tail;
    const char* const bytes = node_.block + node_.begin;
    if (size + size / kRoomShare <= node_.capacity) {
      const size_t begin = front ? node_.capacity - size : 0;
      char* const target = node_.block + begin;
      // To the right the tail goes first, to the left the head: neither is overwritten unread.
      if (front) std::memmove(target + at + added, bytes + at + removed, tail);
      std::memmove(target, bytes, at);
      if (!front) std::memmove(target + at + added, node_.block + node_.begin + at + removed, tail);
      node_.begin = static_cast<uint32_t>(begin);
      return;
    }
    size_t wanted = size + size / 2;
    if (size <= soft_max_) wanted = std::min(wanted, soft_max_);
    const size_t capacity = AllocationSize(wanted);
    auto* const block = static_cast<char*>(AllocateOrDie(capacity));
    const size_t begin = front ? capacity - size : 0;
    std::memcpy(block + begin, bytes, at);
    std::memcpy(block + begin + at + added, bytes + at + removed, tail);
    std::free(node_.block);
    list_.bytes_ += capacity - node_.capacity;
    node_.block = block;
    node_.capacity = static_cast<uint32_t>(capacity);
    node_.begin = static_cast<uint32_t>(begin);
  }

  List& list_;
  Node& node_;
  const size_t soft_max_;
};

// Gives the node a block of `capacity`, which holds its bytes.
void List::Reallocate(Node& node, size_t capacity) {
  auto* const block = static_cast<char*>(AllocateOrDie(capacity));
  std::memcpy(block, node.block + node.begin, node.size);
  std::free(node.block);
  bytes_ += capacity - node.capacity;
  node.block = block;
  node.capacity = static_cast<uint32_t>(capacity);
  node.begin = 0;
}

void List::TrimRoom(Node& node) {
  if (node.capacity == 0) return;
  const size_t capacity = AllocationSize(node.size);
  if (capacity + capacity / kRoomShare <= node.capacity) Reallocate(node, capacity);
}

void List::ReturnRoom(Node& node) {
  // In a long list a little room is no waste.
  if (node.size < node.capacity / 4 && node.capacity > bytes_ / kRoomShare) {
    Reallocate(node, AllocationSize(size_t{node.size} * 2));
  }
}

// ---- the ring --------------------------------------------------------------------------------

List::List() : ring_capacity_(kRingCapacityMin) {
  const size_t ring_bytes = AllocationSize(ring_capacity_ * sizeof(Node));
  ring_ = static_cast<Node*>(AllocateOrDie(ring_bytes));
  bytes_ = AllocationSize(sizeof(List)) + ring_bytes;
}

List::~List() {
  for (size_t i = 0; i < node_count_; ++i) {
    if (IsResident(i)) std::free(At(i).block);
  }
  std::free(ring_);
}

void List::ResizeRing(size_t capacity) {
  auto* const ring = static_cast<Node*>(AllocateOrDie(AllocationSize(capacity * sizeof(Node))));
  for (size_t i = 0; i < node_count_; ++i) ring[i] = At(i);
  std::free(ring_);
  bytes_ += AllocationSize(capacity * sizeof(Node)) - AllocationSize(ring_capacity_ * sizeof(Node));
  ring_ = ring;
  ring_capacity_ = capacity;
  first_ = 0;
}

void List::InsertNode(size_t node, std::string_view bytes, size_t count, bool plain,
                      size_t capacity) {
  if (node_count_ == ring_capacity_) ResizeRing(ring_capacity_ * 2);
  if (node < node_count_ / 2) {  // the shorter side makes room
    first_ = (first_ - 1) & (ring_capacity_ - 1);
    ++node_count_;
    for (size_t i = 0; i < node; ++i) At(i) = At(i + 1);
  } else {
    ++node_count_;
    for (size_t i = node_count_ - 1; i > node; --i) At(i) = At(i - 1);
  }
  capacity = AllocationSize(std::max({capacity, bytes.size(), size_t{1}}));
  Node& fresh = At(node);
  fresh.block = static_cast<char*>(AllocateOrDie(capacity));
  std::memcpy(fresh.block, bytes.data(), bytes.size());
  fresh.id = next_id_++;
  fresh.dirty = 1;
  fresh.stored = 0;
  fresh.used = 0;
  fresh.pinned = 0;
  fresh.capacity = static_cast<uint32_t>(capacity);
  fresh.begin = 0;
  fresh.size = static_cast<uint32_t>(bytes.size());
  fresh.count = static_cast<uint32_t>(count);
  fresh.plain = plain;
  bytes_ += capacity;
}

void List::ForgetRow(const Node& node) {
  if (!node.stored) return;
  bytes_ -= removed_.capacity() * sizeof(uint64_t);
  removed_.push_back(node.id);
  bytes_ += removed_.capacity() * sizeof(uint64_t);
}

void List::DropNodes(size_t node, size_t count) {
  for (size_t i = node; i < node + count; ++i) {
    Node& n = At(i);
    size_ -= n.count;
    ForgetRow(n);
    if (n.capacity == 0) {
      --absent_;
      continue;
    }
    bytes_ -= n.capacity;
    std::free(n.block);
  }
  if (node < node_count_ - node - count) {  // fewer nodes before than behind
    for (size_t i = node; i > 0; --i) At(i - 1 + count) = At(i - 1);
    first_ = (first_ + count) & (ring_capacity_ - 1);
  } else {
    for (size_t i = node + count; i < node_count_; ++i) At(i - count) = At(i);
  }
  node_count_ -= count;
  if (ring_capacity_ > kRingCapacityMin && node_count_ < ring_capacity_ / 8) {
    ResizeRing(std::max(kRingCapacityMin, std::bit_ceil(node_count_ * 2)));
  }
}

void List::AppendNode(std::string_view bytes, bool plain) {
  const size_t count = plain ? 1 : ListpackView(bytes).size();
  InsertNode(node_count_, bytes, count, plain, bytes.size());
  size_ += count;
}

// ---- elements --------------------------------------------------------------------------------

size_t List::NodeOf(size_t index, size_t* first) const {
  DCHECK_LT(index, size_);
  size_t node = 0;
  if (index < size_ / 2) {
    for (*first = 0; *first + At(node).count <= index; ++node) *first += At(node).count;
  } else {
    node = node_count_ - 1;
    for (*first = size_ - At(node).count; *first > index; *first -= At(node).count) --node;
  }
  return node;
}

ListPlace List::PlaceOf(size_t index) const {
  size_t first = 0;
  const size_t node = NodeOf(index, &first);
  if (IsPlain(node)) return {node, 0};
  if (index == first) return {node, kHeaderSize};  // also of an absent node
  return {node, ListpackView(NodeBytes(node)).Seek(static_cast<int64_t>(index - first))};
}

// In front of the element at `offset`.
void List::AddToNode(size_t node, size_t offset, std::string_view text, const NodeLimit& limit) {
  Node& n = At(node);
  NodeStore store(*this, n, limit.bytes_max());
  codec::ListpackInsert(store, offset, text);
  ++n.count;
  ++size_;
}

void List::InsertElementNode(size_t node, std::string_view text, const NodeLimit& limit) {
  const codec::ListpackElement element(text);
  const size_t bytes = kHeaderSize + element.size() + 1;
  // A long list's nodes will fill up: their block comes at once. A short one's grows.
  const size_t capacity =
      std::clamp(bytes_ / kRoomShare, bytes, std::max(bytes, limit.bytes_max()));
  InsertNode(node, codec::EmptyListpack(), 0, /*plain=*/false, capacity);
  AddToNode(node, kHeaderSize, text, limit);
}

void List::Push(ListEnd end, std::string_view text, const NodeLimit& limit) {
  const bool head = end == ListEnd::kHead;
  if (node_count_ > 0) {
    const size_t last = head ? 0 : node_count_ - 1;
    Node& node = At(last);
    if (!node.plain && limit.AllowsInsert(node.size, node.count, text.size())) {
      AddToNode(last, head ? kHeaderSize : node.size - 1, text, limit);
      return;
    }
    TrimRoom(node);
    node.used = 0;  // full: who reads it next, and when, is not known
  }
  InsertElementNode(head ? 0 : node_count_, text, limit);
}

void List::Insert(ListPlace place, bool after, std::string_view text, const NodeLimit& limit) {
  const Node& node = At(place.node);
  const ListpackView view(NodeBytes(place.node));
  if (!node.plain && limit.AllowsInsert(node.size, node.count, text.size())) {
    AddToNode(place.node, after ? place.offset + view.EntrySize(place.offset) : place.offset, text,
              limit);
    return;
  }
  const bool at_edge = node.plain || (after ? view.Next(place.offset) == ListpackView::kNone
                                            : place.offset == view.First());
  if (!at_edge) {
    // The full node becomes two, with the new element in the fresh one. Small neighbours are joined
    // afterwards.
    const size_t fresh = Split(place, after);
    AddToNode(fresh, after ? kHeaderSize : At(fresh).size - 1, text, limit);
    MergeAround(after ? fresh - 1 : fresh + 1, limit);
    return;
  }
  // Between two nodes: the neighbour takes it, or it gets a node of its own.
  const bool has_neighbour = after ? place.node + 1 < node_count_ : place.node > 0;
  if (has_neighbour) {
    const size_t neighbour = after ? place.node + 1 : place.node - 1;
    const Node& other = At(neighbour);
    if (!other.plain && limit.AllowsInsert(other.size, other.count, text.size())) {
      AddToNode(neighbour, after ? kHeaderSize : other.size - 1, text, limit);
      return;
    }
  }
  InsertElementNode(after ? place.node + 1 : place.node, text, limit);
}

size_t List::Split(ListPlace place, bool after) {
  const ListpackView view(NodeBytes(place.node));
  Node& node = At(place.node);
  size_t cut = after ? 1 : 0;  // elements before the cut
  for (size_t at = view.First(); at != place.offset; at = view.Next(at)) ++cut;
  const size_t moved_from = after ? cut : 0;
  const size_t moved = after ? node.count - cut : cut;
  const std::string part = codec::ListpackCopyRange(view, moved_from, moved);
  NodeStore store(*this, node, 0);
  codec::ListpackEraseRange(store, static_cast<int64_t>(moved_from), moved);
  node.count -= static_cast<uint32_t>(moved);
  TrimRoom(node);
  const size_t fresh = after ? place.node + 1 : place.node;
  InsertNode(fresh, part, moved, /*plain=*/false, part.size());
  return fresh;
}

bool List::CanMerge(size_t node, const NodeLimit& limit) const {
  if (node + 1 >= node_count_) return false;
  const Node& a = At(node);
  const Node& b = At(node + 1);
  return !a.plain && !b.plain && limit.AllowsMerge(a.size, a.count, b.size, b.count);
}

void List::MergeWithNext(size_t node) {
  Node& a = At(node);
  Node& b = At(node + 1);
  {
    NodeStore store(*this, a, size_t{a.size} + b.size);
    codec::ListpackAppendAll(store, ListpackView(NodeBytes(node + 1)));
  }
  a.count += b.count;
  b.count = 0;  // they are not lost
  DropNodes(node + 1, 1);
}

// The order is Redis's and shows in where nodes begin: first the two before, then the two behind,
// then with the node itself.
void List::MergeAround(size_t node, const NodeLimit& limit) {
  if (node >= 2 && CanMerge(node - 2, limit)) {
    MergeWithNext(node - 2);
    --node;
  }
  if (CanMerge(node + 1, limit)) MergeWithNext(node + 1);
  if (node >= 1 && CanMerge(node - 1, limit)) {
    MergeWithNext(node - 1);
    --node;
  }
  if (CanMerge(node, limit)) MergeWithNext(node);
}

void List::Replace(ListPlace place, std::string_view text, const NodeLimit& limit) {
  Node& node = At(place.node);
  const codec::ListpackElement element(text);
  if (!node.plain && node.size + element.size() <= codec::kMaxListpackBytes) {
    NodeStore store(*this, node, limit.bytes_max());
    codec::ListpackReplace(store, place.offset, element);
    return;
  }
  if (node.plain) {
    Insert(place, /*after=*/true, text, limit);
  } else {  // it would be larger than a listpack may be: a node of its own, nothing is joined
    if (ListpackView(NodeBytes(place.node)).Next(place.offset) != ListpackView::kNone) {
      Split(place, /*after=*/true);
    }
    InsertElementNode(place.node + 1, text, limit);
  }
  EraseInNode(place.node, place.offset, 1);
}

void List::EraseInNode(size_t node, size_t offset, size_t count) {
  Node& n = At(node);
  if (n.plain || count >= n.count) {
    DropNodes(node, 1);
    return;
  }
  NodeStore store(*this, n, 0);
  codec::ListpackErase(store, offset, count);
  n.count -= static_cast<uint32_t>(count);
  size_ -= count;
  ReturnRoom(n);
}

void List::EraseRange(size_t start, size_t count) {
  if (count == 0) return;
  DCHECK_LE(start + count, size_);
  const ListPlace place = PlaceOf(start);
  size_t of_first = 0;  // elements of the first node, if not all of it goes
  if (!IsPlain(place.node) && place.offset != kHeaderSize) {
    const ListpackView view(NodeBytes(place.node));
    for (size_t at = place.offset; at != ListpackView::kNone && of_first < count;
         at = view.Next(at)) {
      ++of_first;
    }
  }
  const size_t whole = place.node + (of_first > 0 ? 1 : 0);
  size_t end = whole;
  size_t of_last = count - of_first;
  while (of_last > 0 && At(end).count <= of_last) of_last -= At(end++).count;
  // Whole nodes go first: whether the others return room depends on how long the list is then.
  if (end > whole) DropNodes(whole, end - whole);
  if (of_last > 0) EraseInNode(whole, kHeaderSize, of_last);
  if (of_first > 0) EraseInNode(place.node, place.offset, of_first);
}

namespace {

// Removes up to `wanted` elements of one listpack, forward or backward; neighbours go in one edit.
size_t RemoveFromListpack(codec::ByteStore& store, const ElementMatcher& matches, size_t wanted,
                          bool backward) {
  size_t removed = 0;
  ListpackView view(store.bytes());
  size_t at = backward ? view.Last() : view.Find(view.First(), matches.text());
  while (at != ListpackView::kNone && removed < wanted) {
    if (backward) {
      const size_t previous = view.Prev(at);
      if (matches(view.At(at))) {
        codec::ListpackErase(store, at);
        view = ListpackView(store.bytes());
        ++removed;
      }
      at = previous;
      continue;
    }
    size_t run = 1;
    for (size_t next = view.Next(at);
         next != ListpackView::kNone && removed + run < wanted && matches(view.At(next));
         next = view.Next(next)) {
      ++run;
    }
    removed += run;
    at = codec::ListpackErase(store, at, run);
    view = ListpackView(store.bytes());
    at = view.Find(at, matches.text());
  }
  return removed;
}

}  // namespace

size_t List::Remove(const ElementMatcher& matches, size_t node, size_t count, bool backward) {
  size_t removed = 0;
  for (size_t left = backward ? node + 1 : node_count_ - node; left > 0 && removed < count;
       --left) {
    Node& n = At(node);
    size_t here = 0;
    if (n.plain) {
      here = matches(codec::PackedValue::Text(NodeBytes(node))) ? 1 : 0;
    } else {
      NodeStore store(*this, n, 0);
      here = RemoveFromListpack(store, matches, count - removed, backward);
    }
    removed += here;
    if (here == n.count) {
      DropNodes(node, 1);
      if (backward) --node;
      continue;
    }
    if (here > 0) {
      n.count -= static_cast<uint32_t>(here);
      size_ -= here;
      ReturnRoom(n);
    }
    backward ? --node : ++node;
  }
  return removed;
}

// ---- paging ----------------------------------------------------------------------------------

List::NodeRange List::NodesOf(const ListPart& part) const {
  const auto n = static_cast<int64_t>(size_);
  const int64_t first = part.first < 0 ? std::max<int64_t>(part.first + n, 0) : part.first;
  const int64_t last = std::min(part.last < 0 ? part.last + n : part.last, n - 1);
  if (first > last) return {};
  size_t ignored = 0;
  return {NodeOf(static_cast<size_t>(first), &ignored),
          NodeOf(static_cast<size_t>(last), &ignored)};
}

void List::NoteAbsent(size_t node, std::vector<Absent>* absent) const {
  if (!IsResident(node)) absent->push_back({At(node).id, node, At(node).ticket, At(node).size});
}

void List::FindAbsent(const ListPart& part, std::vector<Absent>* absent) const {
  if (absent_ == 0) return;
  const NodeRange range = NodesOf(part);
  if (range.first > range.last) return;
  if (part.ends_only && range.first < range.last) {
    NoteAbsent(range.first, absent);
    NoteAbsent(range.last, absent);
  } else {
    for (size_t i = range.first; i <= range.last; ++i) NoteAbsent(i, absent);
  }
  if (part.and_next && range.last + 1 < node_count_) NoteAbsent(range.last + 1, absent);
}

void List::FindAhead(const ListPart& part, size_t count, std::vector<Absent>* absent) const {
  const NodeRange range = NodesOf(part);
  if (range.first > range.last || part.ends_only) return;
  if (range.first == 0) {
    const size_t end = std::min(node_count_, range.last + 1 + count);
    for (size_t i = range.last + 1; i < end; ++i) NoteAbsent(i, absent);
  } else if (range.last == node_count_ - 1) {
    for (size_t i = range.first; i > 0 && range.first - i < count; --i) NoteAbsent(i - 1, absent);
  }
}

List::Node* List::Find(const Absent& place) {
  // Pushes and pops have moved it by a few places, if at all.
  for (size_t distance = 0; distance <= std::max(place.node, node_count_); ++distance) {
    if (place.node >= distance && place.node - distance < node_count_) {
      Node& before = At(place.node - distance);
      if (before.id == place.id) return &before;
    }
    if (place.node + distance < node_count_) {
      Node& behind = At(place.node + distance);
      if (behind.id == place.id) return &behind;
    }
  }
  return nullptr;
}

void List::Unpin(const Absent& place) {
  if (Node* node = Find(place); node != nullptr) node->pinned = 0;
}

codec::StatusOr<bool> List::InstallNode(const Absent& place, std::optional<std::string_view> row,
                                        bool pin) {
  Node* const found = Find(place);
  if (found == nullptr || found->capacity != 0 || found->ticket != place.ticket) return false;
  Node& n = *found;
  if (!row) {
    return codec::Status::Corruption("node " + std::to_string(n.id) + " of a list is missing");
  }
  const std::string_view bytes = *row;
  const bool sound =
      bytes.size() == n.size &&
      (n.plain || (codec::ValidateListpack(bytes) && ListpackView(bytes).size() == n.count));
  if (!sound) {
    return codec::Status::Corruption("node " + std::to_string(n.id) +
                                     " of a list is not what its directory says");
  }
  const size_t capacity = AllocationSize(std::max<size_t>(bytes.size(), 1));
  n.block = static_cast<char*>(AllocateOrDie(capacity));
  std::memcpy(n.block, bytes.data(), bytes.size());
  n.capacity = static_cast<uint32_t>(capacity);
  n.begin = 0;
  n.used = 0;
  n.pinned = pin;
  bytes_ += capacity;
  --absent_;
  return true;
}

size_t List::DropNodesUnused(size_t looks) {
  if (node_count_ < 3) return 0;
  // From the ends inwards: what is resident mostly lies there. The ends themselves are used next.
  const size_t middle = (node_count_ - 1) / 2;
  size_t seen = 0, dropped = 0;
  const size_t resident = node_count_ - absent_ - IsResident(0) - IsResident(node_count_ - 1);
  const bool whole_pass = drop_hand_ == 1;
  for (; drop_hand_ <= middle && looks > 0; ++drop_hand_, --looks) {
    if (whole_pass && seen == resident) break;
    const size_t other = node_count_ - 1 - drop_hand_;
    for (const size_t node : {drop_hand_, other}) {
      seen += IsResident(node);
      if (DropIfUnused(&At(node))) ++dropped;
      if (drop_hand_ == other) break;
    }
  }
  if (drop_hand_ > middle || (whole_pass && seen == resident)) drop_hand_ = 1;
  return dropped;
}

bool List::DropIfUnused(Node* node) {
  if (node->capacity == 0 || node->dirty || node->pinned) return false;
  if (node->used) {
    node->used = 0;
    return false;
  }
  std::free(node->block);
  bytes_ -= node->capacity;
  node->ticket = 0;
  node->capacity = 0;
  ++absent_;
  return true;
}

void List::ForgetRows() {
  CHECK_EQ(absent_, 0u) << "a list would lose the rows of absent nodes";
  for (size_t i = 0; i < node_count_; ++i) {
    At(i).dirty = 1;
    At(i).stored = 0;
    At(i).pinned = 0;  // whoever pinned it knows it by the old key
  }
  ForgetRemoved();
  paged_ = false;
}

codec::StatusOr<std::unique_ptr<List>> List::FromDirectory(std::string_view directory) {
  codec::ListDirectoryReader reader(directory);
  TC_RETURN_IF_ERROR(reader.Open());
  auto list = std::make_unique<List>();
  list->ResizeRing(std::bit_ceil(std::max<size_t>(reader.nodes_left(), kRingCapacityMin)));
  codec::ListDirectoryNode node;
  while (reader.nodes_left() > 0) {
    TC_RETURN_IF_ERROR(reader.Next(&node));
    Node& n = list->At(list->node_count_++);
    n.ticket = 0;
    n.id = node.id;
    n.dirty = 0;
    n.stored = 1;
    n.used = 0;
    n.pinned = 0;
    n.capacity = 0;
    n.begin = 0;
    n.size = static_cast<uint32_t>(node.bytes);
    n.count = static_cast<uint32_t>(node.count);
    n.plain = node.plain;
    list->size_ += node.count;
  }
  list->next_id_ = reader.next_id();
  list->absent_ = list->node_count_;
  list->paged_ = true;
  return list;
}

// ---- reading ---------------------------------------------------------------------------------

void ListCursor::EnterNode(size_t node, bool at_first) {
  node_ = node;
  if (!list_->IsResident(node)) {
    form_ = Form::kAbsent;
    offset_ = 0;
    return;
  }
  list_->Touch(node);
  bytes_ = list_->NodeBytes(node);
  form_ = list_->IsPlain(node) ? Form::kPlain : Form::kListpack;
  const ListpackView view(bytes_);
  offset_ = form_ == Form::kPlain ? 0 : at_first ? view.First() : view.Last();
}

ListCursor ListView::Seek(size_t index) const {
  ListCursor cursor;
  if (list_ == nullptr) {
    cursor.bytes_ = packed_;
    cursor.offset_ = Packed().Seek(static_cast<int64_t>(index));
    return cursor;
  }
  const ListPlace place = list_->PlaceOf(index);
  cursor.list_ = list_;
  cursor.EnterNode(place.node, /*at_first=*/true);
  if (cursor.form_ == ListCursor::Form::kListpack) cursor.offset_ = place.offset;
  return cursor;
}

std::optional<ListPlace> ListView::Find(const ElementMatcher& matches, bool backward) const {
  const size_t nodes = node_count();
  for (size_t i = 0; i < nodes; ++i) {
    const size_t node = backward ? nodes - 1 - i : i;
    const std::string_view bytes = list_ != nullptr ? list_->NodeBytes(node) : packed_;
    if (list_ != nullptr && list_->IsPlain(node)) {
      if (bytes == matches.text()) return ListPlace{node, 0};
      continue;
    }
    const ListpackView view(bytes);
    size_t at;
    if (backward) {
      for (at = view.Last(); at != ListpackView::kNone && !matches(view.At(at));)
        at = view.Prev(at);
    } else {
      at = view.Find(view.First(), matches.text());
    }
    if (at != ListpackView::kNone) return ListPlace{node, at};
  }
  return std::nullopt;
}

// ---- changing either form --------------------------------------------------------------------

List* ListEditor::ToObject() {
  if (List* list = object()) return list;
  auto fresh = std::make_unique<List>();
  List* const list = fresh.get();
  const std::string_view packed = entry_->PackedBytes();
  if (!ListpackView(packed).empty()) list->AppendNode(packed, /*plain=*/false);
  entry_ = entry_->SetObject(ValueType::kList, std::move(fresh));
  return list;
}

// As many as the packed form takes; returns how many these are.
size_t ListEditor::PushPacked(ListEnd end, std::span<const std::string_view> texts) {
  const bool head = end == ListEnd::kHead;
  const ListpackView view(entry_->PackedBytes());
  size_t bytes = view.byte_size();
  size_t count = view.size();
  const auto fits = [&](const codec::ListpackElement& element, std::string_view text) {
    if (count > 0 && !limit_.AllowsInsert(bytes, count, text.size())) return false;
    bytes += element.size();
    ++count;
    return bytes <= kPackedBytesMax;
  };
  const codec::ListpackElement first(texts[0]);
  if (!fits(first, texts[0])) return 0;
  const size_t at = head ? kHeaderSize : view.end();
  PackedEntry store(entry_);
  size_t done = 1;
  if (texts.size() == 1) {
    codec::ListpackInsert(store, at, first);
  } else {  // one edit, so that the entry grows once; the head's elements lie in reverse
    std::vector<codec::ListpackElement> elements = {first};
    elements.reserve(texts.size());
    for (; done < texts.size(); ++done) {
      const codec::ListpackElement element(texts[done]);
      if (!fits(element, texts[done])) break;
      elements.push_back(element);
    }
    if (head) std::reverse(elements.begin(), elements.end());
    codec::ListpackInsert(store, at, elements);
  }
  entry_ = store.entry();
  return done;
}

void ListEditor::Push(ListEnd end, std::span<const std::string_view> texts) {
  size_t done = object() == nullptr ? PushPacked(end, texts) : 0;
  if (done == texts.size()) return;
  List* const list = ToObject();
  for (; done < texts.size(); ++done) list->Push(end, texts[done], limit_);
}

void ListEditor::Set(size_t index, std::string_view text) {
  if (object() == nullptr) {
    const codec::ListpackElement element(text);
    if (entry_->PackedBytes().size() + element.size() <= kPackedBytesMax) {
      PackedEntry store(entry_);
      const ListpackView view(store.bytes());
      codec::ListpackReplace(store, view.Seek(static_cast<int64_t>(index)), element);
      entry_ = store.entry();
      return;
    }
  }
  List* const list = ToObject();
  list->Replace(list->PlaceOf(index), text, limit_);
}

void ListEditor::Insert(ListPlace place, bool after, std::string_view text) {
  if (object() == nullptr) {
    const codec::ListpackElement element(text);
    const ListpackView view(entry_->PackedBytes());
    const size_t bytes = view.byte_size();
    if (limit_.AllowsInsert(bytes, view.size(), text.size()) &&
        bytes + element.size() <= kPackedBytesMax) {
      const size_t at = after ? place.offset + view.EntrySize(place.offset) : place.offset;
      PackedEntry store(entry_);
      codec::ListpackInsert(store, at, element);
      entry_ = store.entry();
      return;
    }
  }
  ToObject()->Insert(place, after, text, limit_);
}

void ListEditor::EraseRange(size_t start, size_t count) {
  if (count == 0) return;
  if (List* list = object()) {
    list->EraseRange(start, count);
    return;
  }
  PackedEntry store(entry_);
  codec::ListpackEraseRange(store, static_cast<int64_t>(start), count);
  entry_ = store.entry();
}

size_t ListEditor::Remove(const ElementMatcher& matches, ListPlace from, size_t count,
                          bool backward) {
  if (List* list = object()) return list->Remove(matches, from.node, count, backward);
  PackedEntry store(entry_);
  const size_t removed = RemoveFromListpack(store, matches, count, backward);
  entry_ = store.entry();
  return removed;
}

// ---- payloads --------------------------------------------------------------------------------

void EncodeList(const Entry* entry, std::string* out, bool compress) {
  if (!entry->is_object()) {
    codec::AppendRdbLength(out, 1);
    codec::AppendRdbPackedNode(out, entry->PackedBytes(), compress);
    return;
  }
  const auto& list = *static_cast<const List*>(entry->object());
  codec::AppendRdbLength(out, list.node_count());
  for (size_t i = 0; i < list.node_count(); ++i) {
    if (list.IsPlain(i)) {
      codec::AppendRdbPlainNode(out, list.NodeBytes(i), compress);
    } else {
      codec::AppendRdbPackedNode(out, list.NodeBytes(i), compress);
    }
  }
}

uint64_t CountList(const Entry* entry) { return ListView(entry).size(); }

// Nodes stay as they come, as in Redis's loader; only single elements are pushed by this server's
// own limit.
codec::StatusOr<Entry*> DecodeList(const DecodeRequest& request) {
  if (request.rdb_type == codec::kPagedList) {
    if (request.mode != DecodeMode::kCold) {
      return codec::Status::Corruption("a list's nodes are not with it");
    }
    TC_ASSIGN_OR_RETURN(std::unique_ptr<List> paged, List::FromDirectory(request.payload));
    return Entry::NewObject(request.key, ValueType::kList, std::move(paged), request.lsn,
                            request.expiry_ms);
  }
  using Piece = codec::RdbListReader::Piece;
  codec::RdbListReader reader(request.rdb_type, request.payload);
  const NodeLimit limit(*request.limits);
  const auto packed = [&](std::string_view bytes) {
    return Entry::NewPacked(request.key, ValueType::kList, CollectionEncoding::kListpack, bytes,
                            request.lsn, request.expiry_ms);
  };
  Piece piece = reader.Next();
  EntryPtr only;  // nearly all lists: one small node
  if (piece == Piece::kListpack && reader.bytes().size() <= kPackedBytesMax) {
    only.reset(packed(reader.bytes()));
    piece = reader.Next();
    if (piece == Piece::kEnd) return only.release();
  }
  auto list = std::make_unique<List>();
  if (only) list->AppendNode(only->PackedBytes(), /*plain=*/false);
  for (; piece != Piece::kEnd; piece = reader.Next()) {
    if (piece == Piece::kError) return reader.status();
    if (reader.bytes().size() > codec::kMaxListpackBytes) {
      return codec::Status::Corruption("a list's element or node is too large");
    }
    if (piece == Piece::kElement) {
      list->Push(ListEnd::kTail, reader.bytes(), limit);
    } else {
      list->AppendNode(reader.bytes(), /*plain=*/piece == Piece::kPlain);
    }
  }
  if (list->node_count() == 1 && !list->IsPlain(0) &&
      list->NodeBytes(0).size() <= kPackedBytesMax) {
    return packed(list->NodeBytes(0));
  }
  return Entry::NewObject(request.key, ValueType::kList, std::move(list), request.lsn,
                          request.expiry_ms);
}

}  // namespace thermocline::engine
