// The effect verbs of hashes: HSET and HDEL. What other commands do to a hash is logged as one of
// the two, with the resulting values. Executor thread.
#pragma once

#include <cstddef>
#include <span>
#include <string_view>

#include "engine/core.h"
#include "engine/hot_tier.h"
#include "engine/types/changed_words.h"
#include "engine/types/hash.h"
#include "engine/types/type_effects.h"

namespace thermocline::engine {

class Hashes final : public TypeEffects {
 public:
  Hashes(Core& core, HotTier& hot) : core_(core), hot_(hot) {}

  // REQUIRES of both: in a frame; the key is prepared to kValue and, if it is there, a hash. Texts
  // are not the hash's own.

  /// Sets fields, given as field, value, field, value …, not none; returns how many are new.
  size_t Set(int db, std::string_view key, std::span<const std::string_view> pairs);
  /// Deletes fields, the key with the last of them; returns how many were there.
  size_t Delete(int db, std::string_view key, std::span<const std::string_view> fields);

  /// REQUIRES: a resident hash of this database.
  HashView View(const Entry* entry) const { return {entry, &core_.field_names}; }

  codec::Status Apply(const Effect& effect, HotTier::Ref& ref, std::string_view key) override;

 private:
  size_t SetIn(HotTier::Ref& ref, std::string_view key, std::span<const std::string_view> pairs);
  void DeleteIn(HotTier::Ref& ref, std::string_view key, std::span<const std::string_view> fields,
                ChangedWords* deleted);

  Core& core_;
  HotTier& hot_;
};

}  // namespace thermocline::engine
