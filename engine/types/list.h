// Lists: one listpack inside the entry while that is enough, else a row of nodes.
//
//   packed   the entry's bytes are the one listpack
//   object   List: a ring of node descriptors, 32 bytes each, over blocks of their own
//
//       ring    [ node | node | node | node ]        id, count, size, where: contiguous
//                  │      │      │
//                  │      │      └─► nothing: absent, the bytes are a row of `elements`
//                  │      └────────► block: [ room | header elements end | room ]     a listpack
//                  └───────────────► block: [ the one element's bytes ]               a plain node
//
// Where nodes begin and end is visible (DUMP shows them), and is what Redis 7.0.15's quicklist does
// with list-max-listpack-size, push by push: see NodeLimit. How they lie in memory is not Redis's.
// A ring instead of a linked list makes an index skip nodes within a few cache lines, and saves the
// pointers. A block keeps room at both ends, so that a push to the head moves six bytes instead of
// the node. Plain nodes come from Redis 7.2's payloads alone: elements that would be large enough
// here (1 GiB) are refused before.
//
// Paging. A list of some size (Options::paged_threshold) is captured as a directory and a row for
// each node that changed, all in one batch ([D10]). A node that is clean and whose row landed may
// leave memory; its descriptor stays. Commands say which part they touch (ListPart), and run when
// that is here (Residency); what touches an absent node all the same is a bug and dies. Ids of
// nodes only grow, so a row is never another node's. An absent node's row does not change until it
// has come back, and only the newest read that was started for it may bring it (ticket, [D7]).
//
// Invariants: a list in a table is not empty, and no node of it is. A packed list is at most
// kPackedBytesMax bytes; once an object, a list stays one. Counts of nodes add up to size(). One
// thread at a time.
#pragma once

#include <glog/logging.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "codec/list_directory.h"
#include "codec/packed/byte_store.h"
#include "codec/packed/listpack.h"
#include "engine/hot/collection.h"
#include "engine/hot/entry.h"
#include "engine/options.h"
#include "engine/types.h"
#include "engine/types/value_codec.h"

namespace thermocline::engine {

enum class ListEnd : uint8_t { kHead, kTail };

constexpr ListEnd Opposite(ListEnd end) {
  return end == ListEnd::kHead ? ListEnd::kTail : ListEnd::kHead;
}

/// Whether elements have a given text; the text is parsed once.
class ElementMatcher {
 public:
  explicit ElementMatcher(std::string_view text)
      : text_(text), is_int_(codec::ParseInt64(text, &number_)) {}

  bool operator()(const codec::PackedValue& value) const {
    return value.is_int ? is_int_ && value.number == number_ : value.text == text_;
  }
  std::string_view text() const { return text_; }

 private:
  std::string_view text_;
  int64_t number_ = 0;
  bool is_int_;
};

/// How large a node may become: list-max-listpack-size, as Redis reads it.
class NodeLimit {
 public:
  explicit NodeLimit(const TypeLimits& limits);

  /// Whether a listpack of `bytes` and `count` elements takes one more of `text_bytes`. The
  /// estimate is Redis's: the text and eight bytes, whatever the encoding will be.
  bool AllowsInsert(size_t bytes, size_t count, size_t text_bytes) const {
    return Allows(bytes + text_bytes + 8, count + 1);
  }
  /// Whether two listpacks may become one. The estimate is Redis's, again: it takes a ziplist's
  /// header and end off, four bytes more than goes, so the sum may exceed the limit by as much.
  bool AllowsMerge(size_t bytes_a, size_t count_a, size_t bytes_b, size_t count_b) const {
    return Allows(bytes_a + bytes_b - 11, count_a + count_b);
  }
  /// What a node of small elements grows to.
  size_t bytes_max() const { return bytes_max_; }

 private:
  bool Allows(size_t bytes, size_t count) const {
    return bytes <= bytes_max_ && count <= count_max_;
  }

  size_t bytes_max_;
  size_t count_max_;
};

/// One element's place. Good until the next change.
struct ListPlace {
  size_t node;    // 0 in a packed list
  size_t offset;  // of the element in the node's listpack; 0 in a plain node
};

/// The object form.
class List final : public Collection {
 public:
  List();
  ~List() override;

  size_t size() const override { return size_; }
  size_t node_count() const { return node_count_; }
  /// The listpack of a node, or the element's bytes of a plain one.
  std::string_view NodeBytes(size_t node) const {
    const Node& n = At(node);
    CHECK_NE(n.capacity, 0u) << "node " << n.id << " of a list is used, but not in memory";
    return {n.block + n.begin, n.size};
  }
  size_t NodeSize(size_t node) const { return At(node).count; }  // elements
  bool IsPlain(size_t node) const { return At(node).plain; }
  /// Whether the node's bytes are here.
  bool IsResident(size_t node) const { return At(node).capacity != 0; }
  /// It was read: DropNodesUnused leaves it once.
  void Touch(size_t node) const { ring_[(first_ + node) & (ring_capacity_ - 1)].used = 1; }

  /// Adds a node at the tail. REQUIRES: a sound listpack with elements, or (plain) bytes.
  void AppendNode(std::string_view bytes, bool plain);

  /// REQUIRES of all below: places and indexes exist.
  ListPlace PlaceOf(size_t index) const;
  void Push(ListEnd end, std::string_view text, const NodeLimit& limit);
  void Replace(ListPlace place, std::string_view text, const NodeLimit& limit);
  void Insert(ListPlace place, bool after, std::string_view text, const NodeLimit& limit);
  void EraseRange(size_t start, size_t count);
  /// Removes up to `count` elements with the text from node `node` on, forward or backward; returns
  /// how many there were.
  size_t Remove(const ElementMatcher& matches, size_t node, size_t count, bool backward);

  // ---- paging; REQUIRES of places: node < node_count() ----

  /// A node that is not in memory.
  struct Absent {
    uint64_t id;
    size_t node;      // where it is now
    uint64_t ticket;  // of the newest read of it; 0: none
    uint32_t bytes;
  };
  size_t resident_nodes() const { return node_count_ - absent_; }
  /// Whether all nodes are here.
  bool whole() const { return absent_ == 0; }
  /// The newest capture was a paged one: `elements` holds the nodes, as of then.
  bool paged() const { return paged_; }
  /// Whether the next capture is to be a paged one.
  bool IsToBePaged(uint64_t threshold) const {
    const size_t bytes = bytes_ - removed_.capacity() * sizeof(uint64_t);
    return !whole() || bytes >= threshold || (paged_ && bytes >= threshold / 4);
  }
  /// Appends the nodes of the part that are absent.
  void FindAbsent(const ListPart& part, std::vector<Absent>* absent) const;
  /// Appends up to `count` absent nodes that follow on those of the part towards the other end.
  void FindAhead(const ListPart& part, size_t count, std::vector<Absent>* absent) const;
  /// A read of the absent node was started. REQUIRES: ticket is not 0 and was never given before.
  void SetTicket(size_t node, uint64_t ticket) { At(node).ticket = ticket; }
  /// What a read brought; null: there is no such row. `place`: where the node was. False: the read
  /// is not the newest one of the node, or that is gone. kCorruption if the row is missing all the
  /// same, or not what the directory says. `pin`: the node stays until Unpin.
  codec::StatusOr<bool> InstallNode(const Absent& place, std::optional<std::string_view> row,
                                    bool pin);
  void Unpin(const Absent& place);
  /// Drops clean nodes but the first and the last, looking at up to twice `looks`, and returns how
  /// many went; those used since the last time stay. REQUIRES: paged(), no capture is in flight.
  size_t DropNodesUnused(size_t looks);

  /// For a paged capture: calls put(id, bytes) for each node without a row that is as it is now,
  /// and erase(id) for each row whose node is gone, appends the directory, and takes all for saved.
  template <class Put, class Erase>
  void Save(std::string* directory, Put&& put, Erase&& erase);
  /// It has no rows: the value is captured as one, or belongs to another key. REQUIRES: whole().
  void ForgetRows();
  /// A list whose nodes are all absent.
  static codec::StatusOr<std::unique_ptr<List>> FromDirectory(std::string_view directory);

 private:
  struct Node {
    union {
      char* block;
      uint64_t ticket;  // if absent
    };
    uint64_t id : 56;
    uint64_t dirty : 1;   // its row is not as it is
    uint64_t stored : 1;  // it has a row
    uint64_t used : 1;    // since DropNodesUnused looked
    uint64_t pinned : 1;  // somebody waits who needs it
    uint32_t capacity;    // of the block: an allocator class; 0: absent
    uint32_t begin;       // where the bytes begin in it
    uint32_t size;        // of the bytes
    uint32_t count : 31;  // elements; 1 if plain
    uint32_t plain : 1;
  };
  static_assert(sizeof(Node) == 32);
  class NodeStore;  // a node as codec edits it

  Node& At(size_t node) { return ring_[(first_ + node) & (ring_capacity_ - 1)]; }
  const Node& At(size_t node) const { return ring_[(first_ + node) & (ring_capacity_ - 1)]; }

  // A node in front of number `node`, with these bytes in a block of at least `capacity`. Its
  // elements are counted already.
  void InsertNode(size_t node, std::string_view bytes, size_t count, bool plain, size_t capacity);
  // A node of one element in front of number `node`.
  void InsertElementNode(size_t node, std::string_view text, const NodeLimit& limit);
  void ResizeRing(size_t capacity);
  // Frees the blocks and forgets the nodes, elements included.
  void DropNodes(size_t node, size_t count);
  void AddToNode(size_t node, size_t offset, std::string_view text, const NodeLimit& limit);
  void EraseInNode(size_t node, size_t offset, size_t count);
  // Cuts the place's node in two, before or after the element; returns the number of the part
  // without the element.
  size_t Split(ListPlace place, bool after);
  // Joins neighbours of `node` where the limit allows it.
  void MergeAround(size_t node, const NodeLimit& limit);
  bool CanMerge(size_t node, const NodeLimit& limit) const;  // with the one behind it
  void MergeWithNext(size_t node);
  void Reallocate(Node& node, size_t capacity);
  void TrimRoom(Node& node);  // of a node that is no longer pushed to
  // Of the elements of the part; first > last: there are none.
  struct NodeRange {
    size_t first = 1, last = 0;
  };
  NodeRange NodesOf(const ListPart& part) const;
  // The number of the node that holds an element, and of the node's first element.
  size_t NodeOf(size_t index, size_t* first) const;
  void NoteAbsent(size_t node, std::vector<Absent>* absent) const;
  // Where the node is by now; null: it is gone.
  Node* Find(const Absent& place);
  void ForgetRow(const Node& node);
  bool DropIfUnused(Node* node);
  void ForgetRemoved() {
    bytes_ -= removed_.capacity() * sizeof(uint64_t);
    std::vector<uint64_t>().swap(removed_);  // its memory, too
  }
  void ReturnRoom(Node& node);  // of a node that has become small

  Node* ring_;
  size_t ring_capacity_;  // a power of two
  size_t first_ = 0;
  size_t node_count_ = 0;
  size_t size_ = 0;
  uint64_t next_id_ = 1;
  size_t absent_ = 0;
  size_t drop_hand_ = 1;           // of DropNodesUnused: distance from the ends
  std::vector<uint64_t> removed_;  // rows of nodes that are gone
  bool paged_ = false;
};

template <class Put, class Erase>
void List::Save(std::string* directory, Put&& put, Erase&& erase) {
  codec::AppendListDirectoryHead(directory, next_id_, node_count_);
  uint64_t previous_id = 0;
  for (size_t i = 0; i < node_count_; ++i) {
    Node& node = At(i);
    const uint64_t id = node.id;
    codec::AppendListDirectoryNode(
        directory, {.id = id, .bytes = node.size, .count = node.count, .plain = node.plain != 0},
        previous_id);
    previous_id = id;
    if (!node.dirty) continue;
    put(id, NodeBytes(i));
    node.dirty = 0;
    node.stored = 1;
  }
  for (uint64_t id : removed_) erase(id);
  ForgetRemoved();
  paged_ = true;
}

/// Walks a list's elements in both directions. It may stand on an element that is not in memory, as
/// behind the last one of a part; to look at it dies. Good until the next change of the list.
class ListCursor {
 public:
  bool valid() const { return offset_ != codec::ListpackView::kNone; }
  /// REQUIRES of the rest: valid().
  codec::PackedValue value() const {
    return form_ == Form::kListpack ? codec::ListpackView(bytes_).At(offset_)
                                    : codec::PackedValue::Text(PlainBytes());
  }
  void Next() {
    offset_ = form_ == Form::kListpack ? codec::ListpackView(bytes_).Next(offset_) : LeavePlain();
    if (!valid() && list_ != nullptr && node_ + 1 < list_->node_count()) EnterNode(node_ + 1, true);
  }
  void Previous() {
    offset_ = form_ == Form::kListpack ? codec::ListpackView(bytes_).Prev(offset_) : LeavePlain();
    if (!valid() && list_ != nullptr && node_ > 0) EnterNode(node_ - 1, false);
  }

 private:
  friend class ListView;

  enum class Form : uint8_t { kListpack, kPlain, kAbsent };

  void EnterNode(size_t node, bool at_first);
  std::string_view PlainBytes() const {
    CHECK(form_ == Form::kPlain) << "an element is looked at that is not in memory";
    return bytes_;
  }
  size_t LeavePlain() const {
    (void)PlainBytes();
    return codec::ListpackView::kNone;
  }

  const List* list_ = nullptr;  // null: packed
  size_t node_ = 0;
  std::string_view bytes_;
  size_t offset_ = codec::ListpackView::kNone;
  Form form_ = Form::kListpack;
};

/// Reads a list in either form. REQUIRES: a resident list. Good until the next change.
class ListView {
 public:
  explicit ListView(const Entry* entry)
      : list_(entry->is_object() ? static_cast<const List*>(entry->object()) : nullptr),
        packed_(list_ == nullptr ? entry->PackedBytes() : std::string_view()) {}

  size_t size() const { return list_ != nullptr ? list_->size() : Packed().size(); }
  /// Nodes as DUMP would show them.
  size_t node_count() const { return list_ != nullptr ? list_->node_count() : 1; }

  /// REQUIRES: index < size().
  ListCursor Seek(size_t index) const;
  codec::PackedValue Peek(ListEnd end) const {
    return Seek(end == ListEnd::kHead ? 0 : size() - 1).value();
  }
  /// The first element with the text, or the last.
  std::optional<ListPlace> Find(const ElementMatcher& matches, bool backward) const;
  /// fn(value) for each of `count` elements from `start` on. REQUIRES: they exist.
  template <class Fn>
  void ForEach(size_t start, size_t count, Fn&& fn) const {
    if (count == 0) return;
    ListCursor cursor = Seek(start);
    for (; count > 0; --count, cursor.Next()) fn(cursor.value());
  }

 private:
  friend class ListEditor;

  codec::ListpackView Packed() const { return codec::ListpackView(packed_); }

  const List* list_;
  std::string_view packed_;
};

/// Changes a list in either form, which it may turn from packed into an object. `entry` is kept up
/// to date. REQUIRES: a resident list; indexes and places exist; texts lie outside it.
class ListEditor {
 public:
  ListEditor(Entry*& entry, const TypeLimits& limits) : entry_(entry), limit_(limits) {}

  size_t size() const { return ListView(entry_).size(); }
  /// One after the other, as LPUSH and RPUSH do.
  void Push(ListEnd end, std::span<const std::string_view> texts);
  void Pop(ListEnd end, size_t count) {
    EraseRange(end == ListEnd::kHead ? 0 : size() - count, count);
  }
  void Set(size_t index, std::string_view text);
  void Insert(ListPlace place, bool after, std::string_view text);
  void EraseRange(size_t start, size_t count);
  /// Keeps `count` elements from `start` on.
  void Trim(size_t start, size_t count) {
    EraseRange(start + count, size() - start - count);
    EraseRange(0, start);
  }
  /// Removes up to `count` elements with the text from the place on, forward or backward, and
  /// returns how many there were. REQUIRES: the place is what ListView::Find answered.
  size_t Remove(const ElementMatcher& matches, ListPlace from, size_t count, bool backward);

 private:
  List* object() const {
    return entry_->is_object() ? static_cast<List*>(entry_->object()) : nullptr;
  }
  List* ToObject();
  size_t PushPacked(ListEnd end, std::span<const std::string_view> texts);

  Entry*& entry_;
  const NodeLimit limit_;
};

/// The packed form's bytes of a list that is about to get its first element.
inline std::string_view EmptyList() { return codec::EmptyListpack(); }

/// See value_codec.h.
void EncodeList(const Entry* entry, std::string* out, bool compress);
codec::StatusOr<Entry*> DecodeList(const DecodeRequest& request);
/// The list object of an entry; null: it is packed, or no list.
inline List* ListObject(const Entry* entry) {
  return entry->type() == ValueType::kList && entry->is_object()
             ? static_cast<List*>(entry->object())
             : nullptr;
}
uint64_t CountList(const Entry* entry);

}  // namespace thermocline::engine
