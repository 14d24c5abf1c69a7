#include "engine/types/zset_effects.h"

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "codec/number_text.h"
#include "engine/core.h"

namespace thermocline::engine {
namespace {

using codec::Status;

constexpr size_t kScoreBytes = 32;

// The score's text; ParseDouble gives exactly the score again.
std::string_view FormatScore(double score, char (&out)[kScoreBytes]) {
  return {out, codec::FormatDouble(out, score)};
}

// What ZADD makes of one item. False: the set stays as it is; *result says why.
bool Decide(const SortedSets::AddRule& rule, const ScoredMember& item, const ZsetPlace& place,
            double* score, SortedSets::AddResult* result) {
  result->done = false;
  *score = item.score;
  if (!place.found) {
    if (rule.only_present) return false;
    ++result->added;
  } else {
    if (rule.only_new) return false;
    if (rule.increment) {
      *score += place.score;
      if (std::isnan(*score)) {
        result->nan = true;
        return false;
      }
    }
    if ((rule.only_less && *score >= place.score) || (rule.only_greater && *score <= place.score)) {
      return false;
    }
  }
  result->done = true;
  result->score = *score;
  if (place.found) {
    if (*score == place.score) return false;
    ++result->updated;
  }
  return true;
}

}  // namespace

// `edit` gets a ZsetEditor; the key goes if it leaves nothing.
template <class Edit>
void SortedSets::EditZset(HotTier::Ref& ref, std::string_view key, Edit&& edit) {
  hot_.EditCollection(ref, key, ZsetEditor::kType, ZsetEditor::kEmptyEncoding,
                      ZsetEditor::EmptyBytes(), [&](Entry*& entry) {
                        ZsetEditor editor(entry, core_.options.type_limits);
                        edit(editor, entry);
                        return editor.size() == 0;
                      });
}

SortedSets::AddResult SortedSets::Add(int db, std::string_view key,
                                      std::span<const ScoredMember> items, AddRule rule) {
  HotTier::Ref ref = hot_.Locate(db, key);
  AddResult result;
  ZsetPlace place;
  double score = 0;
  // The first item that changes something: until then the key must not be touched.
  size_t i = 0;
  for (; i < items.size(); ++i) {
    place = ref.live() ? ZsetView(ref.entry).Find(items[i].member) : ZsetPlace();
    if (Decide(rule, items[i], place, &score, &result)) break;
  }
  if (i == items.size()) return result;
  if (items.size() == 1) {
    EditZset(ref, key,
             [&](ZsetEditor& editor, Entry*&) { editor.Put(place, items[0].member, score); });
    char text[kScoreBytes];
    core_.effects.Write(db, {"ZADD", key, FormatScore(score, text), items[0].member});
    return result;
  }
  std::vector<ScoredMember> changed;
  changed.reserve(items.size() - i);
  EditZset(ref, key, [&](ZsetEditor& editor, Entry*& entry) {
    while (true) {
      editor.Put(place, items[i].member, score);
      changed.push_back({score, items[i].member});
      do {
        if (++i == items.size()) return;
        place = ZsetView(entry).Find(items[i].member);
      } while (!Decide(rule, items[i], place, &score, &result));
    }
  });
  WriteAdds(db, key, changed);
  return result;
}

void SortedSets::WriteAdds(int db, std::string_view key, std::span<const ScoredMember> items) {
  std::string scores;
  std::vector<std::string_view> rest;
  while (!items.empty()) {
    size_t n = 0;
    size_t bytes = 0;
    while (n < items.size() && (n == 0 || bytes < kEffectBytes)) {
      bytes += items[n++].member.size() + kScoreBytes;
    }
    scores.clear();
    scores.reserve(n * kScoreBytes);  // so that views into it stay
    rest.clear();
    for (const ScoredMember& item : items.first(n)) {
      char text[kScoreBytes];
      const size_t at = scores.size();
      scores += FormatScore(item.score, text);
      rest.emplace_back(scores.data() + at, scores.size() - at);
      rest.push_back(item.member);
    }
    core_.effects.Write(db, {"ZADD", key}, rest);
    items = items.subspan(n);
  }
}

size_t SortedSets::Remove(int db, std::string_view key, std::span<const std::string_view> members) {
  HotTier::Ref ref = hot_.Locate(db, key);
  if (!ref.live()) return 0;
  const ZsetView view(ref.entry);
  size_t first = 0;
  while (first < members.size() && !view.Find(members[first]).found) ++first;
  if (first == members.size()) return 0;
  std::vector<std::string_view> removed;
  EditZset(ref, key, [&](ZsetEditor& editor, Entry*&) {
    for (const std::string_view member : members.subspan(first)) {
      if (editor.Erase(member)) removed.push_back(member);
    }
  });
  core_.effects.Write(db, {"ZREM", key}, removed);
  return removed.size();
}

void SortedSets::RemoveRanks(int db, std::string_view key, RankRange ranks) {
  if (ranks.empty()) return;
  HotTier::Ref ref = hot_.Locate(db, key);
  if (ranks.size() == ZsetView(ref.entry).size()) {
    // All of it: one deletion, and a large set is freed elsewhere.
    hot_.Delete(ref);
    core_.effects.Del(db, key);
    return;
  }
  EditZset(ref, key, [&](ZsetEditor& editor, Entry*&) { editor.EraseRanks(ranks); });
  char first[codec::kMaxInt64Text];
  char last[codec::kMaxInt64Text];
  core_.effects.Write(db, {"ZREMRANGEBYRANK",
                           key,
                           {first, codec::FormatUint64(first, ranks.first)},
                           {last, codec::FormatUint64(last, ranks.last - 1)}});
}

bool SortedSets::Store(int db, std::string_view key, ZsetBuilder& result) {
  HotTier::Ref ref = hot_.Locate(db, key);
  if (ref.live()) core_.effects.Del(db, key);
  if (result.size() == 0) return hot_.Delete(ref);
  std::vector<ScoredMember> items;
  items.reserve(result.size());
  for (const ZsetNode* node : result.Ordered()) items.push_back({node->score(), node->text()});
  WriteAdds(db, key, items);
  hot_.SetValue(ref, key, result.Build(key, core_.options.type_limits, core_.frame_lsn, kNoExpiry),
                ExpiryChange::kClear, kNoExpiry);
  return true;
}

// ---- recovery ----------------------------------------------------------------------------------

Status SortedSets::Apply(const Effect& effect, HotTier::Ref& ref, std::string_view key) {
  const std::string_view verb = effect.argv[0];
  const auto args = effect.argv.subspan(2);
  if (verb == "ZADD") return ApplyAdd(effect, ref, key);
  if (!ref.live()) return Status::Corruption(std::string(verb) + " on a key that is not there");
  if (verb == "ZREM") {
    bool all = true;
    EditZset(ref, key, [&](ZsetEditor& editor, Entry*&) {
      for (const std::string_view member : args) all = editor.Erase(member) && all;
    });
    return all ? Status::Ok() : Status::Corruption("ZREM of a member that is not there");
  }
  if (verb == "ZREMRANGEBYRANK") {
    int64_t first = 0;
    int64_t last = 0;
    if (!codec::ParseInt64(args[0], &first) || !codec::ParseInt64(args[1], &last) || first < 0 ||
        last < first || static_cast<uint64_t>(last) >= ZsetView(ref.entry).size()) {
      return Status::Corruption("ZREMRANGEBYRANK beyond the sorted set");
    }
    EditZset(ref, key, [&](ZsetEditor& editor, Entry*&) {
      editor.EraseRanks({static_cast<size_t>(first), static_cast<size_t>(last) + 1});
    });
    return Status::Ok();
  }
  return Status::Corruption("no effect of sorted sets: " + std::string(verb.substr(0, 32)));
}

Status SortedSets::ApplyAdd(const Effect& effect, HotTier::Ref& ref, std::string_view key) {
  const auto args = effect.argv.subspan(2);
  if (args.size() % 2 != 0) return Status::Corruption("ZADD without a member");
  std::vector<ScoredMember> items;
  items.reserve(args.size() / 2);
  for (size_t i = 0; i < args.size(); i += 2) {
    double score = 0;
    if (!codec::ParseDouble(args[i], &score)) return Status::Corruption("ZADD with a bad score");
    items.push_back({score, args[i + 1]});
  }
  EditZset(ref, key, [&](ZsetEditor& editor, Entry*&) {
    for (const ScoredMember& item : items) editor.Put(item.member, item.score);
  });
  return Status::Ok();
}

}  // namespace thermocline::engine
