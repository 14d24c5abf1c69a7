// Popping the ends of sorted sets: what ZPOPMIN, ZPOPMAX and ZMPOP do once they have found a key,
// and what the blocking forms do when they are served.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/hot/entry.h"

namespace thermocline::server {

class CommandContext;

enum class ZsetEnd : uint8_t { kMin, kMax };

/// How the popped members look.
enum class ZsetPopReply : uint8_t {
  kFlat,         // member, score, member, score …: ZPOPMIN
  kPairs,        // [member, score], [member, score] …: ZPOPMIN with a count in RESP3
  kKeyFlat,      // key, member, score: BZPOPMIN
  kKeyAndPairs,  // key, [[member, score] …]: ZMPOP and BZMPOP in both protocols
};

/// What ZMPOP and BZMPOP have in common: numkeys key [key …] MIN|MAX [COUNT count].
struct ZsetMPopArgs {
  size_t first_key = 0;  // in argv
  size_t keys = 0;
  ZsetEnd end = ZsetEnd::kMin;
  uint64_t count = 1;
};
/// From argv[numkeys_at] on. False: the error is replied.
bool ParseZsetMPop(CommandContext& c, size_t numkeys_at, ZsetMPopArgs* args);

/// Replies, then removes, up to `count` members from one end of a sorted set in database `db`, and
/// tells those who listen. `taken`, if given, gets them in the order of the reply. REQUIRES: in a
/// frame; `entry` is what the key holds, a resident sorted set; count > 0.
void PopZset(CommandContext& c, int db, std::string_view key, const engine::Entry* entry,
             ZsetEnd end, uint64_t count, ZsetPopReply form,
             std::vector<std::pair<std::string, double>>* taken = nullptr);

}  // namespace thermocline::server
