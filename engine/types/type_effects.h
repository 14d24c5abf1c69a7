// TypeEffects: the effect verbs of one collection type, as recovery sees them.
//
// A type's class (engine/types/<type>_effects.h) has a method a verb, which changes the hot tier
// and writes the effect, and Apply, which is the same change read back from the log. Both go
// through the same function of the type, so that replay cannot differ. Executor thread.
#pragma once

#include <string_view>

#include "codec/status.h"
#include "engine/effects.h"
#include "engine/hot_tier.h"

namespace thermocline::engine {

class TypeEffects {
 public:
  virtual ~TypeEffects() = default;
  /// Applies a kCollection effect of this type to its key. REQUIRES: the base is resident, and
  /// absent or of this type. kCorruption if the effect does not fit it: bases are exact ([D2]).
  virtual codec::Status Apply(const Effect& effect, HotTier::Ref& ref, std::string_view key) = 0;
};

}  // namespace thermocline::engine
