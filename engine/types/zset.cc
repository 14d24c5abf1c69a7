#include "engine/types/zset.h"

#include <algorithm>
#include <utility>

#include "codec/rdb/collection_reader.h"
#include "codec/rdb/collection_writer.h"
#include "codec/rdb/object.h"
#include "engine/hot/allocation.h"

namespace thermocline::engine {

using codec::ListpackElement;
using codec::PackedValue;
using codec::RdbZsetReader;
using codec::Status;
using codec::StatusOr;

// ---- object form -------------------------------------------------------------------------------

void ZsetObject::Add(uint64_t position, std::string_view member, double score) {
  ZsetNode* node = ZsetNode::New(score, member);
  members_.Insert(position, node);
  order_.Insert(node);
  Account();
}

bool ZsetObject::Erase(std::string_view member) {
  ZsetNode* node = members_.Take(member);
  if (node == nullptr) return false;
  order_.Erase(node);
  ZsetNode::Free(node);
  Account();
  return true;
}

void ZsetObject::EraseRanks(RankRange ranks) {
  order_.EraseRanks(ranks.first, ranks.last,
                    [this](ZsetNode* node) { members_.Erase(node->text()); });
  Account();
}

// ---- packed form -------------------------------------------------------------------------------

namespace {

// Whether the pair whose member is at `at` comes before (score, member).
bool PairBefore(const PackedView& view, size_t at, double score, std::string_view member) {
  const double own = codec::ScoreOf(view.At(view.Next(at)));
  if (own != score) return own < score;
  char scratch[codec::kPackedScratch];
  return view.At(at).View(scratch) < member;
}

// The last pair before `end`, found by a walk over heads alone; kNone if there is none.
size_t LastPair(const PackedView& view, size_t end) {
  size_t last = PackedView::kNone;
  for (size_t at = view.First(); at != end && at != PackedView::kNone;
       at = view.Next(view.Next(at))) {
    last = at;
  }
  return last;
}

// Where the pair (score, member) belongs. Members often arrive in order: the end is tried first.
size_t PackedInsertAt(const PackedView& view, double score, std::string_view member) {
  const size_t last = LastPair(view, view.end());
  if (last == PackedView::kNone || PairBefore(view, last, score, member)) return view.end();
  size_t at = view.First();
  while (PairBefore(view, at, score, member)) at = view.Next(view.Next(at));
  return at;
}

// Whether the pair at `at` stays where it is with another score.
bool PairStays(const PackedView& view, size_t at, double score, std::string_view member) {
  if (at != view.First() && !PairBefore(view, LastPair(view, at), score, member)) return false;
  const size_t next = view.Next(view.Next(at));
  return next == PackedView::kNone || !PairBefore(view, next, score, member);
}

}  // namespace

// ---- reading -----------------------------------------------------------------------------------

ZsetPlace ZsetView::Find(std::string_view member) const {
  ZsetPlace place;
  if (object_ != nullptr) {
    place.position = PositionOfMember(member);
    place.node = object_->Find(place.position, member);
    place.found = place.node != nullptr;
    if (place.found) place.score = place.node->score();
    return place;
  }
  place.offset = packed_.Find(packed_.First(), member, 2);
  place.found = place.offset != PackedView::kNone;
  if (place.found) place.score = codec::ScoreOf(packed_.At(packed_.Next(place.offset)));
  return place;
}

bool ZsetView::RankOf(std::string_view member, size_t* rank) const {
  if (object_ != nullptr) {
    const ZsetNode* node = object_->Find(PositionOfMember(member), member);
    if (node == nullptr) return false;
    *rank = object_->order().RankOf(node);
    return true;
  }
  *rank = 0;
  for (size_t at = packed_.First(); at != PackedView::kNone; at = NextPair(at)) {
    if (packed_.Equals(at, member)) return true;
    ++*rank;
  }
  return false;
}

RankRange ZsetView::ByScore(const ScoreRange& range) const {
  RankRange ranks;
  if (object_ != nullptr) {
    ranks.first = object_->order().CountWhile(
        [&](double score, const ZsetNode*) { return !range.AboveMin(score); });
    ranks.last = object_->order().CountWhile(
        [&](double score, const ZsetNode*) { return range.BelowMax(score); });
  } else {
    for (size_t at = packed_.First(); at != PackedView::kNone;) {
      const size_t score_at = packed_.Next(at);
      const double score = codec::ScoreOf(packed_.At(score_at));
      if (!range.BelowMax(score)) break;
      if (!range.AboveMin(score)) ++ranks.first;
      ++ranks.last;
      at = packed_.Next(score_at);
    }
  }
  ranks.last = std::max(ranks.first, ranks.last);
  return ranks;
}

RankRange ZsetView::ByLex(const LexRange& range, bool reverse) const {
  const size_t n = size();
  if (n == 0) return {};
  RankRange ranks;
  if (object_ != nullptr) {
    const ScoreTree& order = object_->order();
    if (!range.AboveMin(order.At(n - 1).node()->text()) ||
        !range.BelowMax(order.At(0).node()->text())) {
      return {};
    }
    ranks.first = order.CountWhile(
        [&](double, const ZsetNode* node) { return !range.AboveMin(node->text()); });
    ranks.last = order.CountWhile(
        [&](double, const ZsetNode* node) { return range.BelowMax(node->text()); });
    ranks.last = std::max(ranks.first, ranks.last);
    return ranks;
  }
  char scratch[codec::kPackedScratch];
  const auto member = [&](size_t at) { return packed_.At(at).View(scratch); };
  std::vector<size_t> offsets;  // of the members
  offsets.reserve(n);
  for (size_t at = packed_.First(); at != PackedView::kNone; at = NextPair(at)) {
    offsets.push_back(at);
  }
  const auto above = [&](size_t rank) { return range.AboveMin(member(offsets[rank])); };
  const auto below = [&](size_t rank) { return range.BelowMax(member(offsets[rank])); };
  if (!above(n - 1) || !below(0)) return {};
  if (reverse) {
    ranks.last = n;
    while (ranks.last > 0 && !below(ranks.last - 1)) --ranks.last;
    ranks.first = ranks.last;
    while (ranks.first > 0 && above(ranks.first - 1)) --ranks.first;
    return ranks;
  }
  while (ranks.first < n && !above(ranks.first)) ++ranks.first;
  ranks.last = ranks.first;
  while (ranks.last < n && below(ranks.last)) ++ranks.last;
  return ranks;
}

// ---- changing ----------------------------------------------------------------------------------

void ZsetEditor::Put(const ZsetPlace& place, std::string_view member, double score) {
  if (object_ == nullptr && !place.found &&
      (size() >= limits_.zset_max_listpack_entries ||
       member.size() > limits_.zset_max_listpack_value ||
       // Not beyond what an entry holds, whatever the settings say.
       entry_->PackedBytes().size() + member.size() + 64 > kPackedPairsMax)) {
    Convert();
    object_->Add(PositionOfMember(member), member, score);
    return;
  }
  if (object_ == nullptr) {
    PutPacked(place, member, score);
  } else if (place.found) {
    object_->Update(place.node, score);
  } else {
    object_->Add(place.position, member, score);
  }
}

void ZsetEditor::PutPacked(const ZsetPlace& place, std::string_view member, double score) {
  char scratch[codec::kMaxDoubleText];
  const ListpackElement pair[] = {member, codec::ScoreElement(score, scratch)};
  PackedEntry store(entry_);
  if (place.found) {
    const PackedView view(store.bytes());
    if (PairStays(view, place.offset, score, member)) {
      codec::ListpackReplace<PackedLayout>(store, view.Next(place.offset), pair[1]);
      entry_ = store.entry();
      return;
    }
    codec::ListpackErase<PackedLayout>(store, place.offset, 2);
  }
  codec::ListpackInsert<PackedLayout>(
      store, PackedInsertAt(PackedView(store.bytes()), score, member), pair);
  entry_ = store.entry();
}

bool ZsetEditor::Erase(std::string_view member) {
  if (object_ != nullptr) return object_->Erase(member);
  const ZsetPlace place = ZsetView(entry_).Find(member);
  if (!place.found) return false;
  PackedEntry store(entry_);
  codec::ListpackErase<PackedLayout>(store, place.offset, 2);
  entry_ = store.entry();
  return true;
}

void ZsetEditor::EraseRanks(RankRange ranks) {
  if (object_ != nullptr) {
    object_->EraseRanks(ranks);
    return;
  }
  PackedEntry store(entry_);
  codec::ListpackEraseRange<PackedLayout>(store, static_cast<int64_t>(2 * ranks.first),
                                          2 * ranks.size());
  entry_ = store.entry();
}

void ZsetEditor::Convert() {
  auto object = std::make_unique<ZsetObject>();
  const ZsetView view(entry_);
  view.Walk({0, view.size()}, false, [&](std::string_view member, double score) {
    object->Add(PositionOfMember(member), member, score);
  });
  object_ = object.get();
  entry_ = entry_->SetObject(kType, std::move(object));
}

// ---- building ----------------------------------------------------------------------------------

ZsetBuilder::ZsetBuilder() : object_(std::make_unique<ZsetObject>()) {}
ZsetBuilder::~ZsetBuilder() = default;

ZsetNode* ZsetBuilder::Find(uint64_t position, std::string_view member) const {
  return object_->Find(position, member);
}

void ZsetBuilder::Insert(uint64_t position, std::string_view member, double score) {
  ZsetNode* node = ZsetNode::New(score, member);
  object_->members_.Insert(position, node);
  nodes_.push_back(node);
  longest_ = std::max(longest_, member.size());
  ordered_ = false;
}

std::span<ZsetNode* const> ZsetBuilder::Ordered() {
  if (!ordered_) {
    std::sort(nodes_.begin(), nodes_.end(), [](const ZsetNode* a, const ZsetNode* b) {
      return a->score() != b->score() ? a->score() < b->score() : a->text() < b->text();
    });
    ordered_ = true;
  }
  return nodes_;
}

Entry* ZsetBuilder::Build(std::string_view key, const TypeLimits& limits, uint64_t lsn,
                          int64_t expiry_ms) {
  if (size() > limits.zset_max_listpack_entries || longest_ > limits.zset_max_listpack_value) {
    return BuildObject(key, lsn, expiry_ms);
  }
  codec::OneWayListpackBuilder listpack;
  char scratch[codec::kMaxDoubleText];
  for (const ZsetNode* node : Ordered()) {
    const ListpackElement member(node->text());
    if (listpack.byte_size() + member.size() + 64 > kPackedPairsMax) {
      return BuildObject(key, lsn, expiry_ms);
    }
    listpack.Add(member);
    listpack.Add(codec::ScoreElement(node->score(), scratch));
  }
  return Entry::NewPacked(key, ZsetEditor::kType, CollectionEncoding::kListpack, listpack.Take(),
                          lsn, expiry_ms);
}

Entry* ZsetBuilder::BuildObject(std::string_view key, uint64_t lsn, int64_t expiry_ms) {
  for (ZsetNode* node : Ordered()) object_->order_.Insert(node);
  nodes_.clear();
  object_->Account();
  return Entry::NewObject(key, ZsetEditor::kType, std::move(object_), lsn, expiry_ms);
}

// ---- payload -----------------------------------------------------------------------------------

void EncodeZset(const Entry* entry, std::string* out, bool compress) {
  if (!entry->is_object()) {
    codec::AppendRdbListpack(out, PackedView(entry->PackedBytes()), compress);
    return;
  }
  // From the greatest score down, as Redis writes it: its loader adds each in front.
  const ZsetView view(entry);
  codec::AppendRdbLength(out, view.size());
  view.Walk({0, view.size()}, /*reverse=*/true, [&](std::string_view member, double score) {
    codec::AppendRdbString(out, member, compress);
    codec::AppendRdbScore(out, score);
  });
}

StatusOr<Entry*> DecodeZset(const DecodeRequest& request) {
  const bool exact = request.mode == DecodeMode::kCold;
  RdbZsetReader reader(request.rdb_type, request.payload,
                       exact ? codec::RdbTrust::kOwn : codec::RdbTrust::kOutside);
  if (!reader.status().ok()) return reader.status();
  if (reader.packed()) {
    if (reader.packed_bytes().size() > Entry::kValueBytesMax) {
      return Status::Corruption("a packed sorted set is too long");
    }
    Entry* entry = Entry::NewPacked(request.key, ZsetEditor::kType, CollectionEncoding::kListpack,
                                    codec::ToOneWay(codec::ListpackView(reader.packed_bytes())),
                                    request.lsn, request.expiry_ms);
    if (!exact && reader.count() > request.limits->zset_max_listpack_entries) {
      ZsetEditor(entry, *request.limits).Convert();
    }
    return entry;
  }
  ZsetBuilder builder;
  std::string_view member;
  double score = 0;
  while (reader.Next(&member, &score)) {
    if (!builder.Add(member, score)) return reader.Duplicate();
  }
  if (!reader.status().ok()) return reader.status();
  return exact ? builder.BuildObject(request.key, request.lsn, request.expiry_ms)
               : builder.Build(request.key, *request.limits, request.lsn, request.expiry_ms);
}

uint64_t CountZset(const Entry* entry) { return ZsetView(entry).size(); }

}  // namespace thermocline::engine
