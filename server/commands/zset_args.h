// Arguments that several sorted-set commands share: ranges of scores and of names, LIMIT.
//
// Which texts are ends of a range is visible to clients and looser than what a score is: "(5", "",
// " 1" and "1e400" are ends. The error is replied where it is found.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "engine/types/zset.h"
#include "server/command_context.h"

namespace thermocline::server {

/// The range between argv[min] and argv[max]. False: the error is replied.
bool ParseScoreRange(CommandContext& c, size_t min, size_t max, engine::ScoreRange* range);
bool ParseLexRange(CommandContext& c, size_t min, size_t max, engine::LexRange* range);

/// The ranks that ZRANGE's start and stop mean: negative ones count from the end, what lies outside
/// is cut off.
engine::RankRange ClampRanks(int64_t start, int64_t stop, size_t size);

/// LIMIT offset count, applied to what was found: a negative offset finds nothing, a negative count
/// is no limit.
engine::RankRange ApplyLimit(engine::RankRange ranks, int64_t offset, int64_t count, bool reverse);

/// The sorted set, or null if there is none, or with *ok false if there is another value, after
/// replying WRONGTYPE.
const engine::Entry* FindZset(CommandContext& c, std::string_view key, bool* ok);
const engine::Entry* FindZsetForWrite(CommandContext& c, std::string_view key, bool* ok);

/// Puts a result at `key` in the place of whatever is there, tells it as `event`, and replies its
/// size. An empty one leaves no key.
void StoreZset(CommandContext& c, std::string_view key, engine::ZsetBuilder& result,
               std::string_view event);

/// Replies members with or without scores, told one by one: RESP3 makes a pair of each, RESP2 a
/// flat array.
class MemberReply {
 public:
  MemberReply(CommandContext& c, bool with_scores) : c_(c), with_scores_(with_scores) {}

  void Begin(size_t members) {
    c_.reply().Array(with_scores_ && c_.reply().proto() == 2 ? 2 * members : members);
  }
  void operator()(std::string_view member, double score) {
    if (with_scores_ && c_.reply().proto() == 3) c_.reply().Array(2);
    c_.reply().Bulk(member);
    if (with_scores_) c_.reply().Double(score);
  }

 private:
  CommandContext& c_;
  bool with_scores_;
};

}  // namespace thermocline::server
