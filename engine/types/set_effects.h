// The effect verbs of sets: SADD, SREM, and the replacement of a set by a result. What other
// commands do to a set is logged as these (SPOP as SREM, SMOVE as both). Executor thread.
#pragma once

#include <cstddef>
#include <span>
#include <string_view>

#include "engine/core.h"
#include "engine/hot_tier.h"
#include "engine/types/changed_words.h"
#include "engine/types/type_effects.h"

namespace thermocline::engine {

class Sets final : public TypeEffects {
 public:
  Sets(Core& core, HotTier& hot) : core_(core), hot_(hot) {}

  // REQUIRES of all: in a frame. Of Add and Remove: the key is prepared to kValue and, if it is
  // there, a set. Texts are not the set's own.

  /// Returns how many were not members before.
  size_t Add(int db, std::string_view key, std::span<const std::string_view> members);
  /// Removes members, the key with the last of them; returns how many were there.
  size_t Remove(int db, std::string_view key, std::span<const std::string_view> members);
  /// Puts `result`, a set that is not empty, in the place of whatever the key held. Logged as DEL
  /// and SADD, so that a large result makes no large effect; a deadline that is kept as PEXPIREAT.
  void Store(int db, std::string_view key, EntryPtr result, bool keep_expiry = false);

  codec::Status Apply(const Effect& effect, HotTier::Ref& ref, std::string_view key) override;

 private:
  void AddIn(HotTier::Ref& ref, std::string_view key, std::span<const std::string_view> members,
             ChangedWords* added);
  void RemoveIn(HotTier::Ref& ref, std::string_view key, std::span<const std::string_view> members,
                ChangedWords* removed);

  Core& core_;
  HotTier& hot_;
};

}  // namespace thermocline::engine
