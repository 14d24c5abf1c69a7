// The vocabulary of the engine: log positions, database ids, value types, what a command needs.
//
// Constants that reach the disk (ValueType) never change; a retired number stays reserved.
#pragma once

#include <cstdint>

namespace thermocline::engine {

/// Log position: payload offset of a frame's first byte plus one (docs/formats/log.md). 48
/// significant bits; 0 = "never".
using Lsn = uint64_t;

/// Internal id of one keyspace. The number that SELECT names is mapped to it, so that SWAPDB and
/// FLUSHDB are O(1). (lsn << 16 | effect ordinal) of the frame that created it; the initial
/// databases have their number as id.
using DbId = uint64_t;

/// "No deadline" wherever an absolute expiry in Unix milliseconds is passed.
inline constexpr int64_t kNoExpiry = 0;

/// How much of a key a command has to see in memory before it runs.
enum class Need : uint8_t {
  kNothing = 0,  // runs blind
  kHeader = 1,   // existence, type, expiry, LSN
  kValue = 2,    // all of it
};

}  // namespace thermocline::engine
