// Sorted sets: members with scores in the order of (score, member bytes), packed in a listpack
// (member, score, member, score …) or, once outgrown, as a member table beside a score tree.
//
// Redis 7.0's rules: a sorted set is packed until it has more than zset-max-listpack-entries
// members or meets a member longer than zset-max-listpack-value; it never goes back. ZsetView reads
// either form, ZsetEditor changes it and converts, ZsetBuilder makes a whole one in any order.
// Whatever selects members by score or by name answers ranks, and whatever gives or removes them
// takes ranks: the commands are arithmetic in between. A paged form would stand beside them behind
// the same calls (design section 7).
//
// Scores are never NaN. Texts that a view gives out are valid until the next change or, where they
// lie in a scratch, during the callback; those given to an editor must not lie inside the set.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "codec/packed/listpack.h"
#include "codec/packed/packed_score.h"
#include "codec/status.h"
#include "engine/env/random.h"
#include "engine/hot/collection.h"
#include "engine/hot/entry.h"
#include "engine/hot/packed_entry.h"
#include "engine/options.h"
#include "engine/types/member_table.h"
#include "engine/types/score_tree.h"
#include "engine/types/value_codec.h"
#include "engine/types/zset_node.h"

namespace thermocline::engine {

struct ScoredMember {
  double score;
  std::string_view member;
};

/// One end of a range of scores.
struct ScoreLimit {
  double value = 0;
  bool exclusive = false;
};
struct ScoreRange {
  ScoreLimit min, max;

  bool AboveMin(double score) const {
    return min.exclusive ? score > min.value : score >= min.value;
  }
  bool BelowMax(double score) const {
    return max.exclusive ? score < max.value : score <= max.value;
  }
};

/// One end of a range of names. Borrows the text.
struct LexLimit {
  enum class Kind : uint8_t { kFirst, kText, kLast };  // before all members, a text, behind all
  Kind kind = Kind::kText;
  bool exclusive = false;
  std::string_view text;
};
struct LexRange {
  LexLimit min, max;

  bool AboveMin(std::string_view member) const {
    if (min.kind != LexLimit::Kind::kText) return min.kind == LexLimit::Kind::kFirst;
    return min.exclusive ? member > min.text : member >= min.text;
  }
  bool BelowMax(std::string_view member) const {
    if (max.kind != LexLimit::Kind::kText) return max.kind == LexLimit::Kind::kLast;
    return max.exclusive ? member < max.text : member <= max.text;
  }
};

/// Ranks [first, last) in ascending order.
struct RankRange {
  size_t first = 0;
  size_t last = 0;

  size_t size() const { return last - first; }
  bool empty() const { return first == last; }
};

/// What looking a member up has found: its score, and for the editor where it is. Valid until the
/// next change.
struct ZsetPlace {
  bool found = false;
  double score = 0;

  ZsetNode* node = nullptr;           // object form
  uint64_t position = 0;              // object form: of the member, found or not
  size_t offset = PackedView::kNone;  // packed form
};

/// The object form. Invariant: the table and the tree hold the same nodes.
class ZsetObject final : public Collection {
 public:
  ZsetObject() { Account(); }

  size_t size() const override { return members_.size(); }
  void PrefetchBucket(uint64_t position) const override { members_.PrefetchBucket(position); }
  void PrefetchElement(uint64_t position) const override { members_.PrefetchNode(position); }
  ZsetNode* Find(uint64_t position, std::string_view member) const {
    return members_.Find(position, member);
  }
  /// REQUIRES: not present; `position` is the member's.
  void Add(uint64_t position, std::string_view member, double score);
  void Update(ZsetNode* node, double score) { order_.Update(node, score); }
  bool Erase(std::string_view member);
  void EraseRanks(RankRange ranks);

  const MemberTable<ZsetNode>& members() const { return members_; }
  const ScoreTree& order() const { return order_; }

 private:
  friend class ZsetBuilder;
  void Account() {
    bytes_ = AllocationSize(sizeof(ZsetObject)) + members_.memory_bytes() + order_.memory_bytes();
  }

  MemberTable<ZsetNode> members_;
  ScoreTree order_;
};

class ZsetView {
 public:
  /// REQUIRES: a resident sorted set.
  explicit ZsetView(const Entry* entry)
      : object_(entry->is_object() ? static_cast<const ZsetObject*>(entry->object()) : nullptr),
        packed_(object_ != nullptr ? std::string_view() : entry->PackedBytes()) {}

  size_t size() const { return object_ != nullptr ? object_->size() : packed_.size() / 2; }
  ZsetPlace Find(std::string_view member) const;
  /// Members before it. False: there is no such member.
  bool RankOf(std::string_view member, size_t* rank) const;

  RankRange ByScore(const ScoreRange& range) const;
  /// Means what it says if all scores are equal. If not, a packed set answers as Redis does, which
  /// searches it from the front, or from the back if `reverse`; of a larger one the answer is
  /// Redis's if an end of the set lies outside the range, and depends on its dice otherwise.
  RankRange ByLex(const LexRange& range, bool reverse = false) const;

  /// Calls fn(member, score) for the members of these ranks, in order or `reverse`.
  /// REQUIRES: ranks.last <= size().
  template <class Fn>
  void Walk(RankRange ranks, bool reverse, Fn&& fn) const;
  /// One step of ZSCAN: about `count` members from `cursor` on (0: the start), in no order; returns
  /// the next cursor, 0 at the end. A packed set is given whole.
  template <class Fn>
  uint64_t Scan(uint64_t cursor, size_t count, Fn&& fn) const;
  /// Calls fn(member, score) for `count` different members, drawn uniformly. REQUIRES: count <=
  /// size().
  template <class Fn>
  void Sample(Random& random, size_t count, Fn&& fn) const;
  /// Calls fn(member, score) for `count` members, each drawn from all of them. REQUIRES: not empty.
  template <class Fn>
  void Draw(Random& random, uint64_t count, Fn&& fn) const;

 private:
  size_t NextPair(size_t at) const { return packed_.Next(packed_.Next(at)); }
  // Gives the pair whose member is at `at`; returns the offset of its score.
  template <class Fn>
  size_t GivePair(size_t at, Fn&& fn) const {
    char scratch[codec::kPackedScratch];
    const size_t score_at = packed_.Next(at);
    fn(packed_.At(at).View(scratch), codec::ScoreOf(packed_.At(score_at)));
    return score_at;
  }

  const ZsetObject* object_;  // null: packed
  PackedView packed_;
};

/// Changes a sorted set that HotTier::EditCollection hands out, or one that is being made.
class ZsetEditor {
 public:
  static constexpr ValueType kType = ValueType::kZset;
  static constexpr CollectionEncoding kEmptyEncoding = CollectionEncoding::kListpack;
  static std::string_view EmptyBytes() { return codec::EmptyListpack<PackedLayout>(); }

  /// `entry`, a resident sorted set, is kept up to date: it may move.
  ZsetEditor(Entry*& entry, const TypeLimits& limits)
      : entry_(entry),
        limits_(limits),
        object_(entry->is_object() ? static_cast<ZsetObject*>(entry->object()) : nullptr) {}

  size_t size() const { return ZsetView(entry_).size(); }
  /// Gives the member its score, new or not. REQUIRES: `place` is what the set as it is answers for
  /// it.
  void Put(const ZsetPlace& place, std::string_view member, double score);
  void Put(std::string_view member, double score) {
    Put(ZsetView(entry_).Find(member), member, score);
  }
  bool Erase(std::string_view member);
  /// REQUIRES: ranks.last <= size().
  void EraseRanks(RankRange ranks);
  /// To the object form.
  void Convert();

 private:
  void PutPacked(const ZsetPlace& place, std::string_view member, double score);

  Entry*& entry_;
  const TypeLimits& limits_;
  ZsetObject* object_;  // null: packed
};

/// A sorted set in the making, its members in any order: results of set operations, and payloads.
class ZsetBuilder {
 public:
  ZsetBuilder();
  ~ZsetBuilder();
  ZsetBuilder(const ZsetBuilder&) = delete;
  ZsetBuilder& operator=(const ZsetBuilder&) = delete;

  size_t size() const { return nodes_.size(); }
  /// False: the member is there already, nothing changed.
  bool Add(std::string_view member, double score) {
    return Add(member, score, [](double old, double) { return old; });
  }
  /// The same, but a member that is there gets the score combine(old, score).
  template <class Combine>
  bool Add(std::string_view member, double score, Combine&& combine) {
    const uint64_t position = PositionOfMember(member);
    if (ZsetNode* node = Find(position, member); node != nullptr) {
      node->set_score(combine(node->score(), score));
      return false;
    }
    Insert(position, member, score);
    return true;
  }
  /// All members in order; valid until Build.
  std::span<ZsetNode* const> Ordered();

  /// An entry of the members, as Redis would encode it; the caller's. REQUIRES: not empty, and not
  /// built before.
  Entry* Build(std::string_view key, const TypeLimits& limits, uint64_t lsn, int64_t expiry_ms);
  /// The same, always in object form.
  Entry* BuildObject(std::string_view key, uint64_t lsn, int64_t expiry_ms);

 private:
  ZsetNode* Find(uint64_t position, std::string_view member) const;
  void Insert(uint64_t position, std::string_view member, double score);

  std::unique_ptr<ZsetObject> object_;  // its tree is filled last
  std::vector<ZsetNode*> nodes_;
  bool ordered_ = true;
  size_t longest_ = 0;
};

// For value_codec.cc.
void EncodeZset(const Entry* entry, std::string* out, bool compress);
codec::StatusOr<Entry*> DecodeZset(const DecodeRequest& request);
uint64_t CountZset(const Entry* entry);

// ---- templates ---------------------------------------------------------------------------------

template <class Fn>
void ZsetView::Walk(RankRange ranks, bool reverse, Fn&& fn) const {
  if (ranks.empty()) return;
  size_t left = ranks.size();
  if (object_ != nullptr) {
    const size_t start = reverse ? ranks.last - 1 : ranks.first;
    // The members lie anywhere in memory: fetched ahead of their turn.
    constexpr size_t kAhead = 8;
    ScoreTree::Cursor cursor = object_->order().At(start);
    ScoreTree::Cursor ahead = cursor;
    const auto step = [reverse](ScoreTree::Cursor& c) { reverse ? c.Previous() : c.Next(); };
    for (size_t i = 0; i < left && i < kAhead; ++i, step(ahead)) Prefetch(ahead.node());
    for (; left != 0; --left, step(cursor)) {
      if (left > kAhead) {
        Prefetch(ahead.node());
        step(ahead);
      }
      fn(cursor.node()->text(), cursor.score());
    }
    return;
  }
  size_t at = packed_.Seek(static_cast<int64_t>(2 * ranks.first));
  if (!reverse) {
    for (; left != 0; --left) at = packed_.Next(GivePair(at, fn));
    return;
  }
  std::vector<size_t> offsets;  // a one-way listpack is walked from its start
  offsets.reserve(left);
  for (; left != 0; --left, at = NextPair(at)) offsets.push_back(at);
  for (auto it = offsets.rbegin(); it != offsets.rend(); ++it) GivePair(*it, fn);
}

template <class Fn>
uint64_t ZsetView::Scan(uint64_t cursor, size_t count, Fn&& fn) const {
  if (object_ == nullptr) {
    Walk({0, size()}, false, fn);
    return 0;
  }
  return object_->members().Walk(cursor, count,
                                 [&](const ZsetNode* node) { fn(node->text(), node->score()); });
}

template <class Fn>
void ZsetView::Sample(Random& random, size_t count, Fn&& fn) const {
  if (object_ != nullptr) {
    object_->members().Sample(random, count,
                              [&](const ZsetNode* node) { fn(node->text(), node->score()); });
    return;
  }
  SelectionSampler sampler(random, size(), count);
  for (size_t at = packed_.First(); !sampler.done();) {
    const size_t score_at = sampler.Take() ? GivePair(at, fn) : packed_.Next(at);
    at = packed_.Next(score_at);
  }
}

template <class Fn>
void ZsetView::Draw(Random& random, uint64_t count, Fn&& fn) const {
  for (; count != 0; --count) {
    if (object_ != nullptr) {
      const ZsetNode* node = object_->members().RandomNode(random);
      fn(node->text(), node->score());
    } else {
      GivePair(packed_.Seek(static_cast<int64_t>(2 * random.Uniform(size()))), fn);
    }
  }
}

}  // namespace thermocline::engine
