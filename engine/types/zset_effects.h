// SortedSets: the effect verbs of sorted sets. Each changes the hot tier and writes its effect;
// Apply is the same change read back by recovery.
//
//   ZADD key score member [score member …]   resulting scores, whatever the command was
//   ZREM key member [member …]               members that were there
//   ZREMRANGEBYRANK key first last           pops and range removals; the last member takes the key
//
// An effect that changes nothing is not written, and then the key is not touched either. Large ones
// are cut into several of about kEffectBytes. Scores are written so that they read back exactly.
// Executor thread.
#pragma once

#include <cstddef>
#include <span>
#include <string_view>

#include "engine/types/type_effects.h"
#include "engine/types/zset.h"

namespace thermocline::engine {

struct Core;

class SortedSets final : public TypeEffects {
 public:
  SortedSets(Core& core, HotTier& hot) : core_(core), hot_(hot) {}

  /// ZADD's conditions.
  struct AddRule {
    bool only_new = false;      // NX
    bool only_present = false;  // XX
    bool only_greater = false;  // GT: a present member's score may only grow
    bool only_less = false;     // LT
    bool increment = false;     // INCR: the scores are added to those of present members
  };
  struct AddResult {
    size_t added = 0;
    size_t updated = 0;
    bool nan = false;   // an increment would have made NaN: that member is as it was
    bool done = false;  // the last member passed the conditions (it may have had the score already)
    double score = 0;   // its score then
  };
  /// REQUIRES here and below: the key is absent or a resident sorted set; scores are not NaN;
  /// texts lie outside the set.
  AddResult Add(int db, std::string_view key, std::span<const ScoredMember> items, AddRule rule);
  /// Members that were there.
  size_t Remove(int db, std::string_view key, std::span<const std::string_view> members);
  /// REQUIRES: the key exists, ranks.last is at most its size.
  void RemoveRanks(int db, std::string_view key, RankRange ranks);
  /// Puts what was built in the place of whatever the key holds; an empty result leaves no key.
  /// True: there was a change.
  bool Store(int db, std::string_view key, ZsetBuilder& result);

  codec::Status Apply(const Effect& effect, HotTier::Ref& ref, std::string_view key) override;

 private:
  void WriteAdds(int db, std::string_view key, std::span<const ScoredMember> items);
  codec::Status ApplyAdd(const Effect& effect, HotTier::Ref& ref, std::string_view key);

  template <class Edit>
  void EditZset(HotTier::Ref& ref, std::string_view key, Edit&& edit);

  Core& core_;
  HotTier& hot_;
};

}  // namespace thermocline::engine
