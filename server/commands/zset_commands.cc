// The sorted-set family: ZADD and its relatives, ranges, pops, ZSCAN; operations over several sets
// are in zset_algebra.cc.
//
// Ranges of every kind become ranks first; replying, removing and storing take ranks. Handlers read
// through ZsetView and change through Database::zsets(), whose verbs log themselves. A reply made
// of an entry is written before the first mutation. Rows stand at the foot, their argument facts
// above them.
#include <algorithm>
#include <array>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "codec/number_text.h"
#include "codec/packed/packed_score.h"
#include "engine/types/zset.h"
#include "engine/types/zset_effects.h"
#include "server/command_context.h"
#include "server/commands/arg_spec.h"
#include "server/commands/command_table.h"
#include "server/commands/scan_args.h"
#include "server/commands/zset_algebra.h"
#include "server/commands/zset_args.h"
#include "server/commands/zset_pop.h"

namespace thermocline::server {

using engine::Entry;
using engine::LexRange;
using engine::Need;
using engine::RankRange;
using engine::ScoredMember;
using engine::ScoreRange;
using engine::SortedSets;
using engine::ValueType;
using engine::ZsetBuilder;
using engine::ZsetPlace;
using engine::ZsetView;

bool ParseZsetMPop(CommandContext& c, size_t numkeys_at, ZsetMPopArgs* args) {
  int64_t keys = 0;
  if (!c.IntegerInRange(numkeys_at, 1, INT64_MAX, &keys, "ERR numkeys should be greater than 0")) {
    return false;
  }
  args->first_key = numkeys_at + 1;
  if (static_cast<uint64_t>(keys) >= c.argc() - args->first_key) {
    c.SyntaxError();
    return false;
  }
  args->keys = static_cast<size_t>(keys);
  size_t i = args->first_key + args->keys;
  if (!c.Is(i, "MIN") && !c.Is(i, "MAX")) {
    c.SyntaxError();
    return false;
  }
  args->end = c.Is(i, "MIN") ? ZsetEnd::kMin : ZsetEnd::kMax;
  int64_t count = 1;
  if (++i + 1 < c.argc() && c.Is(i, "COUNT")) {
    constexpr std::string_view kError = "ERR count should be greater than 0";
    if (!c.IntegerInRange(i + 1, 1, INT64_MAX, &count, kError)) return false;
    i += 2;
  }
  if (i < c.argc()) {
    c.SyntaxError();
    return false;
  }
  args->count = static_cast<uint64_t>(count);
  return true;
}

namespace {

// Removes ranks of what is `size` members long, and tells it.
void RemoveRanks(CommandContext& c, int db, std::string_view key, size_t size, RankRange ranks,
                 std::string_view event) {
  if (ranks.empty()) return;
  c.db().zsets().RemoveRanks(db, key, ranks);
  c.Notify(kNotifyZset, event, key, db);
  if (ranks.size() == size) c.Notify(kNotifyGeneric, "del", key, db);
}

}  // namespace

void PopZset(CommandContext& c, int db, std::string_view key, const Entry* entry, ZsetEnd end,
             uint64_t count, ZsetPopReply form,
             std::vector<std::pair<std::string, double>>* taken) {
  const ZsetView view(entry);
  const size_t size = view.size();
  const size_t n = static_cast<size_t>(std::min<uint64_t>(count, size));
  const bool pairs = form == ZsetPopReply::kPairs || form == ZsetPopReply::kKeyAndPairs;
  switch (form) {
    case ZsetPopReply::kFlat:
      c.reply().Array(2 * n);
      break;
    case ZsetPopReply::kPairs:
      c.reply().Array(n);
      break;
    case ZsetPopReply::kKeyFlat:
      c.reply().Array(2 * n + 1);
      c.reply().Bulk(key);
      break;
    case ZsetPopReply::kKeyAndPairs:
      c.reply().Array(2);
      c.reply().Bulk(key);
      c.reply().Array(n);
      break;
  }
  const bool from_max = end == ZsetEnd::kMax;
  const RankRange popped = from_max ? RankRange{size - n, size} : RankRange{0, n};
  view.Walk(popped, from_max, [&](std::string_view member, double score) {
    if (pairs) c.reply().Array(2);
    c.reply().Bulk(member);
    c.reply().Double(score);
    if (taken != nullptr) taken->emplace_back(member, score);
  });
  RemoveRanks(c, db, key, size, popped, from_max ? "zpopmax" : "zpopmin");
}

namespace {

// ---- adding ------------------------------------------------------------------------------------

struct AddOptions {
  SortedSets::AddRule rule;
  bool count_changed = false;  // CH
  size_t pairs_at = 2;         // in argv: the first score
};

// False: the error is replied.
bool ParseAddOptions(CommandContext& c, AddOptions* options) {
  size_t& i = options->pairs_at;
  for (; i < c.argc(); ++i) {
    if (c.Is(i, "NX")) {
      options->rule.only_new = true;
    } else if (c.Is(i, "XX")) {
      options->rule.only_present = true;
    } else if (c.Is(i, "CH")) {
      options->count_changed = true;
    } else if (c.Is(i, "INCR")) {
      options->rule.increment = true;
    } else if (c.Is(i, "GT")) {
      options->rule.only_greater = true;
    } else if (c.Is(i, "LT")) {
      options->rule.only_less = true;
    } else {
      break;
    }
  }
  const SortedSets::AddRule& rule = options->rule;
  const size_t words = c.argc() - i;
  if (words == 0 || words % 2 != 0) {
    c.SyntaxError();
    return false;
  }
  if (rule.only_new && rule.only_present) {
    c.Error("ERR XX and NX options at the same time are not compatible");
    return false;
  }
  if ((rule.only_greater && rule.only_new) || (rule.only_less && rule.only_new) ||
      (rule.only_greater && rule.only_less)) {
    c.Error("ERR GT, LT, and/or NX options at the same time are not compatible");
    return false;
  }
  if (rule.increment && words > 2) {
    c.Error("ERR INCR option supports a single increment-element pair");
    return false;
  }
  return true;
}

void AddGeneric(CommandContext& c, AddOptions options) {
  if (!ParseAddOptions(c, &options)) return;
  const size_t n = (c.argc() - options.pairs_at) / 2;
  ScoredMember one;
  std::vector<ScoredMember> many(n > 1 ? n : 0);
  const std::span<ScoredMember> items = n == 1 ? std::span(&one, 1) : std::span(many);
  for (size_t i = 0; i < n; ++i) {
    const size_t at = options.pairs_at + 2 * i;
    if (!codec::ParseDouble(c.arg(at), &items[i].score)) {
      c.Error("ERR value is not a valid float");
      return;
    }
    items[i].member = c.arg(at + 1);
  }
  bool ok = false;
  FindZsetForWrite(c, c.arg(1), &ok);
  if (!ok) return;
  const SortedSets::AddResult result = c.db().zsets().Add(c.dbnum(), c.arg(1), items, options.rule);
  if (result.added + result.updated != 0) {
    c.Notify(kNotifyZset, options.rule.increment ? "zincr" : "zadd", c.arg(1));
  }
  if (result.nan) {
    c.Error("ERR resulting score is not a number (NaN)");
  } else if (options.rule.increment) {
    result.done ? c.reply().Double(result.score) : c.reply().Null();
  } else {
    c.reply().Integer(
        static_cast<int64_t>(options.count_changed ? result.added + result.updated : result.added));
  }
}

void Add(CommandContext& c) { AddGeneric(c, {}); }
void IncrBy(CommandContext& c) { AddGeneric(c, {.rule = {.increment = true}}); }

// ---- looking up --------------------------------------------------------------------------------

void Card(CommandContext& c) {
  bool ok = false;
  const Entry* entry = FindZset(c, c.arg(1), &ok);
  if (ok) c.reply().Integer(entry == nullptr ? 0 : static_cast<int64_t>(ZsetView(entry).size()));
}

void ReplyScore(CommandContext& c, const Entry* entry, std::string_view member) {
  const ZsetPlace place = entry == nullptr ? ZsetPlace() : ZsetView(entry).Find(member);
  place.found ? c.reply().Double(place.score) : c.reply().Null();
}

void Score(CommandContext& c) {
  bool ok = false;
  const Entry* entry = FindZset(c, c.arg(1), &ok);
  if (ok) ReplyScore(c, entry, c.arg(2));
}

void MScore(CommandContext& c) {
  bool ok = false;
  const Entry* entry = FindZset(c, c.arg(1), &ok);
  if (!ok) return;
  c.reply().Array(c.argc() - 2);
  for (size_t i = 2; i < c.argc(); ++i) ReplyScore(c, entry, c.arg(i));
}

void RankGeneric(CommandContext& c, bool reverse) {
  bool ok = false;
  const Entry* entry = FindZset(c, c.arg(1), &ok);
  if (!ok) return;
  size_t rank = 0;
  if (entry == nullptr || !ZsetView(entry).RankOf(c.arg(2), &rank)) {
    c.reply().Null();
    return;
  }
  if (reverse) rank = ZsetView(entry).size() - 1 - rank;
  c.reply().Integer(static_cast<int64_t>(rank));
}
void Rank(CommandContext& c) { RankGeneric(c, false); }
void RevRank(CommandContext& c) { RankGeneric(c, true); }

// ---- ranges ------------------------------------------------------------------------------------

enum class RangeBy : uint8_t { kRank, kScore, kLex };

// A range in the terms of the command; `ranks` is what it finds in a sorted set.
struct RangeQuery {
  RangeBy by = RangeBy::kRank;
  bool reverse = false;
  int64_t start = 0, stop = 0;
  ScoreRange scores = {};
  LexRange names = {};
  int64_t offset = 0, limit = -1;

  // The ends at argv[at] and argv[at + 1]. False: the error is replied.
  bool ParseEnds(CommandContext& c, size_t at) {
    // Ends by score or by name are given from the side where the walk begins.
    const size_t min = reverse ? at + 1 : at;
    const size_t max = reverse ? at : at + 1;
    switch (by) {
      case RangeBy::kRank:
        return c.Integer(at, &start) && c.Integer(at + 1, &stop);
      case RangeBy::kScore:
        return ParseScoreRange(c, min, max, &scores);
      case RangeBy::kLex:
        return ParseLexRange(c, min, max, &names);
    }
    return false;
  }

  RankRange Ranks(const ZsetView& view) const {
    switch (by) {
      case RangeBy::kRank: {
        const RankRange ranks = ClampRanks(start, stop, view.size());
        if (!reverse) return ranks;
        return {view.size() - ranks.last, view.size() - ranks.first};
      }
      case RangeBy::kScore:
        return ApplyLimit(view.ByScore(scores), offset, limit, reverse);
      case RangeBy::kLex:
        return ApplyLimit(view.ByLex(names, reverse), offset, limit, reverse);
    }
    return {};
  }
};

// ZRANGE's syntax has the options of all its relatives; those come with some of them fixed.
struct RangeForm {
  size_t key_at = 1;
  bool stores = false;
  bool open_kind = false;       // BYSCORE and BYLEX may be given
  bool open_direction = false;  // REV may be given
};

// Options behind the ends, then the ends. False: the error is replied.
bool ParseRange(CommandContext& c, const RangeForm& form, RangeQuery* query, bool* with_scores) {
  bool kind_given = !form.open_kind;
  bool direction_given = !form.open_direction;
  for (size_t i = form.key_at + 3; i < c.argc(); ++i) {
    if (!form.stores && c.Is(i, "WITHSCORES")) {
      *with_scores = true;
    } else if (i + 2 < c.argc() && c.Is(i, "LIMIT")) {
      if (!c.Integer(i + 1, &query->offset) || !c.Integer(i + 2, &query->limit)) return false;
      i += 2;
    } else if (!direction_given && c.Is(i, "REV")) {
      direction_given = true;
      query->reverse = true;
    } else if (!kind_given && (c.Is(i, "BYLEX") || c.Is(i, "BYSCORE"))) {
      kind_given = true;
      query->by = c.Is(i, "BYLEX") ? RangeBy::kLex : RangeBy::kScore;
    } else {
      c.SyntaxError();
      return false;
    }
  }
  if (query->limit != -1 && query->by == RangeBy::kRank) {
    c.Error(
        "ERR syntax error, LIMIT is only supported in combination with either BYSCORE or BYLEX");
    return false;
  }
  if (*with_scores && query->by == RangeBy::kLex) {
    c.Error("ERR syntax error, WITHSCORES not supported in combination with BYLEX");
    return false;
  }
  return query->ParseEnds(c, form.key_at + 1);
}

void RangeGeneric(CommandContext& c, const RangeForm& form, RangeQuery query) {
  bool with_scores = false;
  if (!ParseRange(c, form, &query, &with_scores)) return;
  bool ok = false;
  const Entry* entry = FindZset(c, c.arg(form.key_at), &ok);
  if (!ok) return;
  const RankRange ranks = entry == nullptr ? RankRange() : query.Ranks(ZsetView(entry));
  MemberReply reply(c, with_scores);
  reply.Begin(ranks.size());
  if (entry != nullptr) ZsetView(entry).Walk(ranks, query.reverse, reply);
}

void Range(CommandContext& c) { RangeGeneric(c, {.open_kind = true, .open_direction = true}, {}); }
void RevRange(CommandContext& c) { RangeGeneric(c, {}, {.reverse = true}); }
void RangeByScore(CommandContext& c) { RangeGeneric(c, {}, {.by = RangeBy::kScore}); }
void RangeByLex(CommandContext& c) { RangeGeneric(c, {}, {.by = RangeBy::kLex}); }
void RevRangeByScore(CommandContext& c) {
  RangeGeneric(c, {}, {.by = RangeBy::kScore, .reverse = true});
}
void RevRangeByLex(CommandContext& c) {
  RangeGeneric(c, {}, {.by = RangeBy::kLex, .reverse = true});
}

void RangeStore(CommandContext& c) {
  RangeQuery query;
  bool with_scores = false;
  const RangeForm form = {.key_at = 2, .stores = true, .open_kind = true, .open_direction = true};
  if (!ParseRange(c, form, &query, &with_scores)) return;
  bool ok = false;
  const Entry* entry = FindZset(c, c.arg(2), &ok);
  if (!ok) return;
  ZsetBuilder result;
  if (entry != nullptr) {
    const ZsetView view(entry);
    const RankRange ranks = query.Ranks(view);
    // Redis fills a listpack, which knows no -0, until it has to become a skiplist.
    const engine::TypeLimits& limits = c.db().options().type_limits;
    bool packed = query.by != RangeBy::kRank || ranks.size() <= limits.zset_max_listpack_entries;
    view.Walk(ranks, query.reverse, [&](std::string_view member, double score) {
      packed = packed && result.size() < limits.zset_max_listpack_entries &&
               member.size() <= limits.zset_max_listpack_value;
      result.Add(member, packed ? score + 0.0 : score);  // -0.0 + 0.0 is 0.0
    });
  }
  StoreZset(c, c.arg(1), result, "zrangestore");
}

void Count(CommandContext& c) {
  ScoreRange range;
  if (!ParseScoreRange(c, 2, 3, &range)) return;
  bool ok = false;
  const Entry* entry = FindZset(c, c.arg(1), &ok);
  if (!ok) return;
  c.reply().Integer(entry == nullptr ? 0
                                     : static_cast<int64_t>(ZsetView(entry).ByScore(range).size()));
}

void LexCount(CommandContext& c) {
  LexRange range;
  if (!ParseLexRange(c, 2, 3, &range)) return;
  bool ok = false;
  const Entry* entry = FindZset(c, c.arg(1), &ok);
  if (!ok) return;
  c.reply().Integer(entry == nullptr ? 0
                                     : static_cast<int64_t>(ZsetView(entry).ByLex(range).size()));
}

// ---- removing ----------------------------------------------------------------------------------

void Rem(CommandContext& c) {
  bool ok = false;
  const Entry* entry = FindZsetForWrite(c, c.arg(1), &ok);
  if (!ok) return;
  const size_t size = entry == nullptr ? 0 : ZsetView(entry).size();
  const size_t removed = c.db().zsets().Remove(c.dbnum(), c.arg(1), c.argv().subspan(2));
  if (removed != 0) c.Notify(kNotifyZset, "zrem", c.arg(1));
  if (removed != 0 && removed == size) c.Notify(kNotifyGeneric, "del", c.arg(1));
  c.reply().Integer(static_cast<int64_t>(removed));
}

void RemRange(CommandContext& c, RangeBy by, std::string_view event) {
  RangeQuery query{.by = by};
  if (!query.ParseEnds(c, 2)) return;
  bool ok = false;
  const Entry* entry = FindZsetForWrite(c, c.arg(1), &ok);
  if (!ok) return;
  const size_t size = entry == nullptr ? 0 : ZsetView(entry).size();
  const RankRange ranks = entry == nullptr ? RankRange() : query.Ranks(ZsetView(entry));
  RemoveRanks(c, c.dbnum(), c.arg(1), size, ranks, event);
  c.reply().Integer(static_cast<int64_t>(ranks.size()));
}
void RemRangeByRank(CommandContext& c) { RemRange(c, RangeBy::kRank, "zremrangebyrank"); }
void RemRangeByScore(CommandContext& c) { RemRange(c, RangeBy::kScore, "zremrangebyscore"); }
void RemRangeByLex(CommandContext& c) { RemRange(c, RangeBy::kLex, "zremrangebylex"); }

void Pop(CommandContext& c, ZsetEnd end) {
  if (c.argc() > 3) {
    c.SyntaxError();
    return;
  }
  int64_t count = 1;
  constexpr std::string_view kError = "ERR value is out of range, must be positive";
  if (c.argc() == 3 && !c.IntegerInRange(2, 0, INT64_MAX, &count, kError)) return;
  bool ok = false;
  const Entry* entry = FindZsetForWrite(c, c.arg(1), &ok);
  if (!ok) return;
  if (entry == nullptr || count == 0) {
    c.reply().Array(0);
    return;
  }
  const bool pairs = c.argc() == 3 && c.reply().proto() == 3;
  PopZset(c, c.dbnum(), c.arg(1), entry, end, static_cast<uint64_t>(count),
          pairs ? ZsetPopReply::kPairs : ZsetPopReply::kFlat);
}
void PopMin(CommandContext& c) { Pop(c, ZsetEnd::kMin); }
void PopMax(CommandContext& c) { Pop(c, ZsetEnd::kMax); }

void MPop(CommandContext& c) {
  ZsetMPopArgs args;
  if (!ParseZsetMPop(c, 1, &args)) return;
  for (size_t i = args.first_key; i < args.first_key + args.keys; ++i) {
    bool ok = false;
    const Entry* entry = FindZsetForWrite(c, c.arg(i), &ok);
    if (!ok) return;
    if (entry == nullptr) continue;
    PopZset(c, c.dbnum(), c.arg(i), entry, args.end, args.count, ZsetPopReply::kKeyAndPairs);
    return;
  }
  c.reply().NullArray();
}

// ---- some of them ------------------------------------------------------------------------------

void RandMembers(CommandContext& c) {
  constexpr int64_t kMax = std::numeric_limits<int64_t>::max();
  int64_t count = 0;
  if (!c.IntegerInRange(2, -kMax, kMax, &count)) return;
  if (c.argc() > 4 || (c.argc() == 4 && !c.Is(3, "WITHSCORES"))) {
    c.SyntaxError();
    return;
  }
  const bool with_scores = c.argc() == 4;
  if (with_scores && (count < -kMax / 2 || count > kMax / 2)) {
    c.Error("ERR value is out of range");
    return;
  }
  bool ok = false;
  const Entry* entry = FindZset(c, c.arg(1), &ok);
  if (!ok) return;
  if (entry == nullptr || count == 0) {
    c.reply().Array(0);
    return;
  }
  const ZsetView view(entry);
  MemberReply reply(c, with_scores);
  if (count < 0) {  // with repetition
    reply.Begin(static_cast<size_t>(-count));
    view.Draw(c.db().random(), static_cast<uint64_t>(-count), reply);
    return;
  }
  const size_t n =
      static_cast<size_t>(std::min<uint64_t>(static_cast<uint64_t>(count), view.size()));
  reply.Begin(n);
  if (n == view.size() && count != 1) {
    view.Walk({0, n}, /*reverse=*/true, reply);  // all, in the order that Redis gives them
  } else {
    view.Sample(c.db().random(), n, reply);
  }
}

void RandMember(CommandContext& c) {
  if (c.argc() > 2) {
    RandMembers(c);
    return;
  }
  bool ok = false;
  const Entry* entry = FindZset(c, c.arg(1), &ok);
  if (!ok) return;
  if (entry == nullptr) {
    c.reply().Null();
    return;
  }
  ZsetView(entry).Draw(c.db().random(), 1,
                       [&c](std::string_view member, double) { c.reply().Bulk(member); });
}

void Scan(CommandContext& c) {
  ScanCollection(c, ValueType::kZset, [](const ElementScan& scan) {
    const bool packed = !scan.entry->is_object();
    return ZsetView(scan.entry)
        .Scan(scan.cursor, scan.options.count, [&](std::string_view member, double score) {
          if (!scan.Matches(member)) return;
          scan.Reply(member);
          // As Redis, which shows what stands in the listpack: 1e17 is written out there.
          int64_t whole = 0;
          if (packed && codec::PackedScoreIsWhole(score, &whole)) {
            char digits[24];
            scan.Reply({digits, codec::FormatInt64(digits, whole)});
          } else {
            scan.elements.Double(score);
            ++scan.count;
          }
        });
  });
}

// ---- the table ---------------------------------------------------------------------------------

// argv[at] says how many keys follow.
constexpr KeySpec KeysCounted(int at, uint32_t flags, Need need) {
  KeySpec spec;
  spec.kind = KeySpec::Kind::kCounted;
  spec.count_at = at;
  spec.first = at + 1;
  spec.step = 1;
  spec.flags = flags;
  spec.need = need;
  return spec;
}

constexpr KeySpec kZaddKeys[] = {KeyAt(1, kKeyRW | kKeyUpdate, Need::kValue)};
constexpr ArgSpec kZaddConditionArgs[] = {Token("nx", "NX"), Token("xx", "XX")};
constexpr ArgSpec kZaddComparisonArgs[] = {Token("gt", "GT"), Token("lt", "LT")};
constexpr ArgSpec kZaddScoreMemberArgs[] = {DoubleArg("score"), StringArg("member")};
constexpr ArgSpec kZaddArgs[] = {KeyArg(),
                                 Optional(Since("3.0.2", OneOf("condition", kZaddConditionArgs))),
                                 Optional(Since("6.2.0", OneOf("comparison", kZaddComparisonArgs))),
                                 Optional(Since("3.0.2", Token("change", "CH"))),
                                 Optional(Since("3.0.2", Token("increment", "INCR"))),
                                 Multiple(Block("score_member", kZaddScoreMemberArgs))};
constexpr HistoryEntry kZaddHistory[] = {{"2.4.0", "Several members in one call."},
                                         {"3.0.2", "Options `XX`, `NX`, `CH`, `INCR`."},
                                         {"6.2.0", "Options `GT`, `LT`."}};
constexpr KeySpec kZcardKeys[] = {KeyAt(1, kKeyRO, Need::kValue)};
constexpr ArgSpec kZcardArgs[] = {KeyArg()};
constexpr KeySpec kZcountKeys[] = {KeyAt(1, kKeyRO | kKeyAccess, Need::kValue)};
constexpr ArgSpec kZcountArgs[] = {KeyArg(), DoubleArg("min"), DoubleArg("max")};
constexpr KeySpec kZdiffKeys[] = {KeysCounted(1, kKeyRO | kKeyAccess, Need::kValue)};
constexpr ArgSpec kZdiffArgs[] = {IntegerArg("numkeys"), Multiple(KeyArg()),
                                  Optional(Token("withscores", "WITHSCORES"))};
constexpr KeySpec kZdiffstoreKeys[] = {KeyAt(1, kKeyOW | kKeyUpdate, Need::kHeader),
                                       KeysCounted(2, kKeyRO | kKeyAccess, Need::kValue)};
constexpr ArgSpec kZdiffstoreArgs[] = {KeyArg("destination"), IntegerArg("numkeys"),
                                       Multiple(KeyArg("key", 1))};
constexpr KeySpec kZincrbyKeys[] = {KeyAt(1, kKeyRW | kKeyAccess | kKeyUpdate, Need::kValue)};
constexpr ArgSpec kZincrbyArgs[] = {KeyArg(), IntegerArg("increment"), StringArg("member")};
constexpr ArgSpec kZinterAggregateArgs[] = {Token("sum", "SUM"), Token("min", "MIN"),
                                            Token("max", "MAX")};
constexpr ArgSpec kZinterArgs[] = {
    IntegerArg("numkeys"), Multiple(KeyArg()),
    Optional(Multiple(WithToken("WEIGHTS", IntegerArg("weight")))),
    Optional(WithToken("AGGREGATE", OneOf("aggregate", kZinterAggregateArgs))),
    Optional(Token("withscores", "WITHSCORES"))};
constexpr ArgSpec kZintercardArgs[] = {IntegerArg("numkeys"), Multiple(KeyArg()),
                                       Optional(WithToken("LIMIT", IntegerArg("limit")))};
constexpr ArgSpec kZinterstoreArgs[] = {
    KeyArg("destination"), IntegerArg("numkeys"), Multiple(KeyArg("key", 1)),
    Optional(Multiple(WithToken("WEIGHTS", IntegerArg("weight")))),
    Optional(WithToken("AGGREGATE", OneOf("aggregate", kZinterAggregateArgs)))};
constexpr ArgSpec kZlexcountArgs[] = {KeyArg(), StringArg("min"), StringArg("max")};
constexpr KeySpec kZmpopKeys[] = {KeysCounted(1, kKeyRW | kKeyAccess | kKeyDelete, Need::kValue)};
constexpr ArgSpec kZmpopWhereArgs[] = {Token("min", "MIN"), Token("max", "MAX")};
constexpr ArgSpec kZmpopArgs[] = {IntegerArg("numkeys"), Multiple(KeyArg()),
                                  OneOf("where", kZmpopWhereArgs),
                                  Optional(WithToken("COUNT", IntegerArg("count")))};
constexpr ArgSpec kZmscoreArgs[] = {KeyArg(), Multiple(StringArg("member"))};
constexpr KeySpec kZpopmaxKeys[] = {KeyAt(1, kKeyRW | kKeyAccess | kKeyDelete, Need::kValue)};
constexpr ArgSpec kZpopmaxArgs[] = {KeyArg(), Optional(IntegerArg("count"))};
constexpr std::string_view kZrandmemberTips[] = {"nondeterministic_output"};
constexpr ArgSpec kZrandmemberOptionsArgs[] = {IntegerArg("count"),
                                               Optional(Token("withscores", "WITHSCORES"))};
constexpr ArgSpec kZrandmemberArgs[] = {KeyArg(),
                                        Optional(Block("options", kZrandmemberOptionsArgs))};
constexpr ArgSpec kZrangeSortbyArgs[] = {Token("byscore", "BYSCORE"), Token("bylex", "BYLEX")};
constexpr ArgSpec kZrangeOffsetCountArgs[] = {IntegerArg("offset"), IntegerArg("count")};
constexpr ArgSpec kZrangeArgs[] = {
    KeyArg(),
    StringArg("start"),
    StringArg("stop"),
    Optional(Since("6.2.0", OneOf("sortby", kZrangeSortbyArgs))),
    Optional(Since("6.2.0", Token("rev", "REV"))),
    Optional(Since("6.2.0", WithToken("LIMIT", Block("offset_count", kZrangeOffsetCountArgs)))),
    Optional(Token("withscores", "WITHSCORES"))};
constexpr HistoryEntry kZrangeHistory[] = {
    {"6.2.0", "Options `REV`, `BYSCORE`, `BYLEX`, `LIMIT`."}};
constexpr ArgSpec kZrangebylexArgs[] = {
    KeyArg(), StringArg("min"), StringArg("max"),
    Optional(WithToken("LIMIT", Block("offset_count", kZrangeOffsetCountArgs)))};
constexpr ArgSpec kZrangebyscoreArgs[] = {
    KeyArg(), DoubleArg("min"), DoubleArg("max"),
    Optional(Since("2.0.0", Token("withscores", "WITHSCORES"))),
    Optional(WithToken("LIMIT", Block("offset_count", kZrangeOffsetCountArgs)))};
constexpr HistoryEntry kZrangebyscoreHistory[] = {{"2.0.0", "Option `WITHSCORES`."}};
constexpr KeySpec kZrangestoreKeys[] = {KeyAt(1, kKeyOW | kKeyUpdate, Need::kHeader),
                                        KeyAt(2, kKeyRO | kKeyAccess, Need::kValue)};
constexpr ArgSpec kZrangestoreArgs[] = {
    KeyArg("dst"),
    KeyArg("src", 1),
    StringArg("min"),
    StringArg("max"),
    Optional(OneOf("sortby", kZrangeSortbyArgs)),
    Optional(Token("rev", "REV")),
    Optional(WithToken("LIMIT", Block("offset_count", kZrangeOffsetCountArgs)))};
constexpr ArgSpec kZrankArgs[] = {KeyArg(), StringArg("member")};
constexpr KeySpec kZremKeys[] = {KeyAt(1, kKeyRW | kKeyDelete, Need::kValue)};
constexpr HistoryEntry kZremHistory[] = {{"2.4.0", "Several members in one call."}};
constexpr ArgSpec kZremrangebyrankArgs[] = {KeyArg(), IntegerArg("start"), IntegerArg("stop")};
constexpr ArgSpec kZrevrangeArgs[] = {KeyArg(), IntegerArg("start"), IntegerArg("stop"),
                                      Optional(Token("withscores", "WITHSCORES"))};
constexpr ArgSpec kZrevrangebylexArgs[] = {
    KeyArg(), StringArg("max"), StringArg("min"),
    Optional(WithToken("LIMIT", Block("offset_count", kZrangeOffsetCountArgs)))};
constexpr ArgSpec kZrevrangebyscoreArgs[] = {
    KeyArg(), DoubleArg("max"), DoubleArg("min"), Optional(Token("withscores", "WITHSCORES")),
    Optional(WithToken("LIMIT", Block("offset_count", kZrangeOffsetCountArgs)))};
constexpr HistoryEntry kZrevrangebyscoreHistory[] = {{"2.1.6", "Ends can be exclusive."}};
constexpr ArgSpec kZscanArgs[] = {KeyArg(), IntegerArg("cursor"),
                                  Optional(WithToken("MATCH", PatternArg("pattern"))),
                                  Optional(WithToken("COUNT", IntegerArg("count")))};

constexpr CommandSpec kRows[] = {
    {.name = "ZADD",
     .arity = -4,
     .flags = kWrite | kDenyOom | kFast,
     .keys = kZaddKeys,
     .acl = kAclSortedSet,
     .handler = Add,
     .since = "1.2.0",
     .group = "sorted-set",
     .complexity = "O(log(N)) for each member, N being the size of the sorted set",
     .summary = "Adds members to a sorted set or changes their scores.",
     .args = kZaddArgs,
     .history = kZaddHistory},
    {.name = "ZCARD",
     .arity = 2,
     .flags = kReadOnly | kFast,
     .keys = kZcardKeys,
     .acl = kAclSortedSet,
     .handler = Card,
     .since = "1.2.0",
     .group = "sorted-set",
     .complexity = "O(1)",
     .summary = "Counts the members of a sorted set.",
     .args = kZcardArgs},
    {.name = "ZCOUNT",
     .arity = 4,
     .flags = kReadOnly | kFast,
     .keys = kZcountKeys,
     .acl = kAclSortedSet,
     .handler = Count,
     .since = "2.0.0",
     .group = "sorted-set",
     .complexity = "O(log(N)) with N members",
     .summary = "Counts the members whose scores lie in a range.",
     .args = kZcountArgs},
    {.name = "ZDIFF",
     .arity = -3,
     .flags = kReadOnly | kMovableKeys,
     .keys = kZdiffKeys,
     .acl = kAclSortedSet,
     .handler = ZDiff,
     .since = "6.2.0",
     .group = "sorted-set",
     .complexity = "O(L + (N-K)log(N)) with L members in all sets, N in the first, K in the result",
     .summary = "Returns what the first sorted set has and no other.",
     .args = kZdiffArgs},
    {.name = "ZDIFFSTORE",
     .arity = -4,
     .flags = kWrite | kDenyOom | kMovableKeys,
     .keys = kZdiffstoreKeys,
     .acl = kAclSortedSet,
     .handler = ZDiffStore,
     .since = "6.2.0",
     .group = "sorted-set",
     .complexity = "O(L + (N-K)log(N)) with L members in all sets, N in the first, K in the result",
     .summary = "Stores what the first sorted set has and no other.",
     .args = kZdiffstoreArgs},
    {.name = "ZINCRBY",
     .arity = 4,
     .flags = kWrite | kDenyOom | kFast,
     .keys = kZincrbyKeys,
     .acl = kAclSortedSet,
     .handler = IncrBy,
     .since = "1.2.0",
     .group = "sorted-set",
     .complexity = "O(log(N)) with N members",
     .summary = "Adds a number to the score of a member.",
     .args = kZincrbyArgs},
    {.name = "ZINTER",
     .arity = -3,
     .flags = kReadOnly | kMovableKeys,
     .keys = kZdiffKeys,
     .acl = kAclSortedSet,
     .handler = ZInter,
     .since = "6.2.0",
     .group = "sorted-set",
     .complexity = "O(N*K)+O(M*log(M)) with N members in the smallest of K sets, M in the result",
     .summary = "Returns the members that all sorted sets have.",
     .args = kZinterArgs},
    {.name = "ZINTERCARD",
     .arity = -3,
     .flags = kReadOnly | kMovableKeys,
     .keys = kZdiffKeys,
     .acl = kAclSortedSet,
     .handler = ZInterCard,
     .since = "7.0.0",
     .group = "sorted-set",
     .complexity = "O(N*K) with N members in the smallest of K sets",
     .summary = "Counts the members that all sorted sets have.",
     .args = kZintercardArgs},
    {.name = "ZINTERSTORE",
     .arity = -4,
     .flags = kWrite | kDenyOom | kMovableKeys,
     .keys = kZdiffstoreKeys,
     .acl = kAclSortedSet,
     .handler = ZInterStore,
     .since = "2.0.0",
     .group = "sorted-set",
     .complexity = "O(N*K)+O(M*log(M)) with N members in the smallest of K sets, M in the result",
     .summary = "Stores the members that all sorted sets have.",
     .args = kZinterstoreArgs},
    {.name = "ZLEXCOUNT",
     .arity = 4,
     .flags = kReadOnly | kFast,
     .keys = kZcountKeys,
     .acl = kAclSortedSet,
     .handler = LexCount,
     .since = "2.8.9",
     .group = "sorted-set",
     .complexity = "O(log(N)) with N members",
     .summary = "Counts the members in a lexicographic range.",
     .args = kZlexcountArgs},
    {.name = "ZMPOP",
     .arity = -4,
     .flags = kWrite | kMovableKeys,
     .keys = kZmpopKeys,
     .acl = kAclSortedSet,
     .handler = MPop,
     .since = "7.0.0",
     .group = "sorted-set",
     .complexity = "O(K) + O(M*log(N)) for K keys and M members taken out of N",
     .summary =
         "Removes and returns the first or last members of the first sorted set that is not empty.",
     .args = kZmpopArgs},
    {.name = "ZMSCORE",
     .arity = -3,
     .flags = kReadOnly | kFast,
     .keys = kZcountKeys,
     .acl = kAclSortedSet,
     .handler = MScore,
     .since = "6.2.0",
     .group = "sorted-set",
     .complexity = "O(N) for N members",
     .summary = "Returns the scores of several members.",
     .args = kZmscoreArgs},
    {.name = "ZPOPMAX",
     .arity = -2,
     .flags = kWrite | kFast,
     .keys = kZpopmaxKeys,
     .acl = kAclSortedSet,
     .handler = PopMax,
     .since = "5.0.0",
     .group = "sorted-set",
     .complexity = "O(log(N)*M) for M members taken out of N",
     .summary = "Removes and returns the members with the highest scores.",
     .args = kZpopmaxArgs},
    {.name = "ZPOPMIN",
     .arity = -2,
     .flags = kWrite | kFast,
     .keys = kZpopmaxKeys,
     .acl = kAclSortedSet,
     .handler = PopMin,
     .since = "5.0.0",
     .group = "sorted-set",
     .complexity = "O(log(N)*M) for M members taken out of N",
     .summary = "Removes and returns the members with the lowest scores.",
     .args = kZpopmaxArgs},
    {.name = "ZRANDMEMBER",
     .arity = -2,
     .flags = kReadOnly,
     .keys = kZcountKeys,
     .acl = kAclSortedSet,
     .handler = RandMember,
     .since = "6.2.0",
     .group = "sorted-set",
     .complexity = "O(N) for N members returned",
     .summary = "Returns random members of a sorted set.",
     .tips = kZrandmemberTips,
     .args = kZrandmemberArgs},
    {.name = "ZRANGE",
     .arity = -4,
     .flags = kReadOnly,
     .keys = kZcountKeys,
     .acl = kAclSortedSet,
     .handler = Range,
     .since = "1.2.0",
     .group = "sorted-set",
     .complexity = "O(log(N)+M) for M of N members returned",
     .summary = "Returns the members in a range of ranks, scores or names.",
     .args = kZrangeArgs,
     .history = kZrangeHistory},
    {.name = "ZRANGEBYLEX",
     .arity = -4,
     .flags = kReadOnly,
     .keys = kZcountKeys,
     .acl = kAclSortedSet,
     .handler = RangeByLex,
     .since = "2.8.9",
     .group = "sorted-set",
     .complexity = "O(log(N)+M) for M of N members returned",
     .summary = "Returns the members in a lexicographic range.",
     .args = kZrangebylexArgs,
     .deprecated_since = "6.2.0",
     .replaced_by = "`ZRANGE` with the `BYLEX` argument"},
    {.name = "ZRANGEBYSCORE",
     .arity = -4,
     .flags = kReadOnly,
     .keys = kZcountKeys,
     .acl = kAclSortedSet,
     .handler = RangeByScore,
     .since = "1.0.5",
     .group = "sorted-set",
     .complexity = "O(log(N)+M) for M of N members returned",
     .summary = "Returns the members whose scores lie in a range.",
     .args = kZrangebyscoreArgs,
     .history = kZrangebyscoreHistory,
     .deprecated_since = "6.2.0",
     .replaced_by = "`ZRANGE` with the `BYSCORE` argument"},
    {.name = "ZRANGESTORE",
     .arity = -5,
     .flags = kWrite | kDenyOom,
     .keys = kZrangestoreKeys,
     .acl = kAclSortedSet,
     .handler = RangeStore,
     .since = "6.2.0",
     .group = "sorted-set",
     .complexity = "O(log(N)+M) for M of N members stored",
     .summary = "Stores a range of a sorted set under another key.",
     .args = kZrangestoreArgs},
    {.name = "ZRANK",
     .arity = 3,
     .flags = kReadOnly | kFast,
     .keys = kZcountKeys,
     .acl = kAclSortedSet,
     .handler = Rank,
     .since = "2.0.0",
     .group = "sorted-set",
     .complexity = "O(log(N)) with N members",
     .summary = "Returns the rank of a member, lowest score first.",
     .args = kZrankArgs},
    {.name = "ZREM",
     .arity = -3,
     .flags = kWrite | kFast,
     .keys = kZremKeys,
     .acl = kAclSortedSet,
     .handler = Rem,
     .since = "1.2.0",
     .group = "sorted-set",
     .complexity = "O(M*log(N)) for M members removed of N",
     .summary = "Removes members from a sorted set.",
     .args = kZmscoreArgs,
     .history = kZremHistory},
    {.name = "ZREMRANGEBYLEX",
     .arity = 4,
     .flags = kWrite,
     .keys = kZremKeys,
     .acl = kAclSortedSet,
     .handler = RemRangeByLex,
     .since = "2.8.9",
     .group = "sorted-set",
     .complexity = "O(log(N)+M) for M of N members removed",
     .summary = "Removes the members in a lexicographic range.",
     .args = kZlexcountArgs},
    {.name = "ZREMRANGEBYRANK",
     .arity = 4,
     .flags = kWrite,
     .keys = kZremKeys,
     .acl = kAclSortedSet,
     .handler = RemRangeByRank,
     .since = "2.0.0",
     .group = "sorted-set",
     .complexity = "O(log(N)+M) for M of N members removed",
     .summary = "Removes the members in a range of ranks.",
     .args = kZremrangebyrankArgs},
    {.name = "ZREMRANGEBYSCORE",
     .arity = 4,
     .flags = kWrite,
     .keys = kZremKeys,
     .acl = kAclSortedSet,
     .handler = RemRangeByScore,
     .since = "1.2.0",
     .group = "sorted-set",
     .complexity = "O(log(N)+M) for M of N members removed",
     .summary = "Removes the members whose scores lie in a range.",
     .args = kZcountArgs},
    {.name = "ZREVRANGE",
     .arity = -4,
     .flags = kReadOnly,
     .keys = kZcountKeys,
     .acl = kAclSortedSet,
     .handler = RevRange,
     .since = "1.2.0",
     .group = "sorted-set",
     .complexity = "O(log(N)+M) for M of N members returned",
     .summary = "Returns the members in a range of ranks, highest score first.",
     .args = kZrevrangeArgs,
     .deprecated_since = "6.2.0",
     .replaced_by = "`ZRANGE` with the `REV` argument"},
    {.name = "ZREVRANGEBYLEX",
     .arity = -4,
     .flags = kReadOnly,
     .keys = kZcountKeys,
     .acl = kAclSortedSet,
     .handler = RevRangeByLex,
     .since = "2.8.9",
     .group = "sorted-set",
     .complexity = "O(log(N)+M) for M of N members returned",
     .summary = "Returns the members in a lexicographic range, last first.",
     .args = kZrevrangebylexArgs,
     .deprecated_since = "6.2.0",
     .replaced_by = "`ZRANGE` with the `REV` and `BYLEX` arguments"},
    {.name = "ZREVRANGEBYSCORE",
     .arity = -4,
     .flags = kReadOnly,
     .keys = kZcountKeys,
     .acl = kAclSortedSet,
     .handler = RevRangeByScore,
     .since = "2.2.0",
     .group = "sorted-set",
     .complexity = "O(log(N)+M) for M of N members returned",
     .summary = "Returns the members whose scores lie in a range, highest first.",
     .args = kZrevrangebyscoreArgs,
     .history = kZrevrangebyscoreHistory,
     .deprecated_since = "6.2.0",
     .replaced_by = "`ZRANGE` with the `REV` and `BYSCORE` arguments"},
    {.name = "ZREVRANK",
     .arity = 3,
     .flags = kReadOnly | kFast,
     .keys = kZcountKeys,
     .acl = kAclSortedSet,
     .handler = RevRank,
     .since = "2.0.0",
     .group = "sorted-set",
     .complexity = "O(log(N)) with N members",
     .summary = "Returns the rank of a member, highest score first.",
     .args = kZrankArgs},
    {.name = "ZSCAN",
     .arity = -3,
     .flags = kReadOnly,
     .keys = kZcountKeys,
     .acl = kAclSortedSet,
     .handler = Scan,
     .since = "2.8.0",
     .group = "sorted-set",
     .complexity = "O(1) a step, O(N) for all of N members",
     .summary = "Walks over the members of a sorted set in steps.",
     .tips = kZrandmemberTips,
     .args = kZscanArgs},
    {.name = "ZSCORE",
     .arity = 3,
     .flags = kReadOnly | kFast,
     .keys = kZcountKeys,
     .acl = kAclSortedSet,
     .handler = Score,
     .since = "1.2.0",
     .group = "sorted-set",
     .complexity = "O(1)",
     .summary = "Returns the score of a member.",
     .args = kZrankArgs},
    {.name = "ZUNION",
     .arity = -3,
     .flags = kReadOnly | kMovableKeys,
     .keys = kZdiffKeys,
     .acl = kAclSortedSet,
     .handler = ZUnion,
     .since = "6.2.0",
     .group = "sorted-set",
     .complexity = "O(N)+O(M*log(M)) for N members in all sets, M in the result",
     .summary = "Returns the members of all sorted sets.",
     .args = kZinterArgs},
    {.name = "ZUNIONSTORE",
     .arity = -4,
     .flags = kWrite | kDenyOom | kMovableKeys,
     .keys = kZdiffstoreKeys,
     .acl = kAclSortedSet,
     .handler = ZUnionStore,
     .since = "2.0.0",
     .group = "sorted-set",
     .complexity = "O(N)+O(M*log(M)) for N members in all sets, M in the result",
     .summary = "Stores the members of all sorted sets.",
     .args = kZinterstoreArgs},
};

}  // namespace

std::span<const CommandSpec> ZsetCommands() { return kRows; }

}  // namespace thermocline::server
