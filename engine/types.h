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

/// Which elements of a list a command touches, where it needs the value: by index, counted from the
/// end if negative, clamped as LRANGE does. Of a paged list no other nodes are read. The default is
/// all of them.
struct ListPart {
  int64_t first = 0;
  int64_t last = -1;
  bool ends_only = false;  // the two elements, not what lies between (LTRIM)
  bool and_next = false;   // the node behind them, too (LSET)

  /// None: the length alone.
  static constexpr ListPart None() { return {.first = 1, .last = 0}; }
  /// Up to `count` elements from one end.
  static constexpr ListPart Head(int64_t count) { return {.first = 0, .last = count - 1}; }
  static constexpr ListPart Tail(int64_t count) { return {.first = -count, .last = -1}; }
};

}  // namespace thermocline::engine
