#include "server/commands/zset_args.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <string>

#include "engine/types/zset_effects.h"

namespace thermocline::server {

using engine::Entry;
using engine::LexLimit;
using engine::RankRange;
using engine::ScoreLimit;
using engine::ValueType;

namespace {

// As strtod takes a C string: leading spaces, hexadecimal, what overflows, nothing at all; up to
// the first NUL.
bool ParseScoreLimit(std::string_view text, ScoreLimit* limit) {
  limit->exclusive = text.starts_with('(');
  const std::string number(text.substr(limit->exclusive ? 1 : 0));
  char* end = nullptr;
  limit->value = std::strtod(number.c_str(), &end);
  return *end == '\0' && !std::isnan(limit->value);
}

bool ParseLexLimit(std::string_view text, LexLimit* limit) {
  if (text.empty()) return false;
  switch (text[0]) {
    case '-':
    case '+':
      limit->kind = text[0] == '-' ? LexLimit::Kind::kFirst : LexLimit::Kind::kLast;
      return text.size() == 1 || text[1] == '\0';
    case '(':
    case '[':
      limit->kind = LexLimit::Kind::kText;
      limit->exclusive = text[0] == '(';
      limit->text = text.substr(1);
      return true;
    default:
      return false;
  }
}

const Entry* CheckZset(CommandContext& c, const Entry* entry, bool* ok) {
  *ok = entry == nullptr || entry->type() == ValueType::kZset;
  if (*ok) return entry;
  c.WrongType();
  return nullptr;
}

}  // namespace

bool ParseScoreRange(CommandContext& c, size_t min, size_t max, engine::ScoreRange* range) {
  if (ParseScoreLimit(c.arg(min), &range->min) && ParseScoreLimit(c.arg(max), &range->max)) {
    return true;
  }
  c.Error("ERR min or max is not a float");
  return false;
}

bool ParseLexRange(CommandContext& c, size_t min, size_t max, engine::LexRange* range) {
  if (ParseLexLimit(c.arg(min), &range->min) && ParseLexLimit(c.arg(max), &range->max)) return true;
  c.Error("ERR min or max not valid string range item");
  return false;
}

RankRange ClampRanks(int64_t start, int64_t stop, size_t size) {
  const auto n = static_cast<int64_t>(size);
  if (start < 0) start = std::max<int64_t>(start + n, 0);
  if (stop < 0) stop += n;
  stop = std::min(stop, n - 1);
  if (start > stop) return {};
  return {static_cast<size_t>(start), static_cast<size_t>(stop) + 1};
}

RankRange ApplyLimit(RankRange ranks, int64_t offset, int64_t count, bool reverse) {
  if (offset < 0 || static_cast<uint64_t>(offset) >= ranks.size()) return {};
  const size_t skipped = static_cast<size_t>(offset);
  const size_t left = ranks.size() - skipped;
  const size_t kept =
      count < 0 || static_cast<uint64_t>(count) > left ? left : static_cast<size_t>(count);
  if (reverse) return {ranks.last - skipped - kept, ranks.last - skipped};
  return {ranks.first + skipped, ranks.first + skipped + kept};
}

const Entry* FindZset(CommandContext& c, std::string_view key, bool* ok) {
  return CheckZset(c, c.db().Find(c.dbnum(), key), ok);
}

const Entry* FindZsetForWrite(CommandContext& c, std::string_view key, bool* ok) {
  return CheckZset(c, c.db().FindForWrite(c.dbnum(), key), ok);
}

void StoreZset(CommandContext& c, std::string_view key, engine::ZsetBuilder& result,
               std::string_view event) {
  const size_t size = result.size();  // Store takes the members out of it
  const bool changed = c.db().zsets().Store(c.dbnum(), key, result);
  if (size != 0) {
    c.Notify(kNotifyZset, event, key);
  } else if (changed) {
    c.Notify(kNotifyGeneric, "del", key);
  }
  c.reply().Integer(static_cast<int64_t>(size));
}

}  // namespace thermocline::server
