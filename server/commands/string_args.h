// Options that the string commands share: conditions and deadlines of SET, SETEX, GETEX.
//
// Parsing is separate from resolving the deadline because Redis orders its errors so: syntax first,
// then (for GETEX after looking at the key) the number behind EX, PX, EXAT or PXAT. Nothing here
// allocates unless an error is answered.
#pragma once

#include <cstddef>
#include <cstdint>

#include "server/command_context.h"

namespace thermocline::server {

/// How the number of a deadline is meant.
enum class DeadlineUnit : uint8_t {
  kNone,
  kSeconds,       // EX, from now
  kMilliseconds,  // PX, from now
  kAtSeconds,     // EXAT, Unix time
  kAtMilliseconds,
};

struct StringOptions {
  enum class Condition : uint8_t { kAlways, kIfAbsent, kIfPresent };
  Condition condition = Condition::kAlways;
  bool get = false;
  bool keep_ttl = false;
  bool persist = false;
  DeadlineUnit unit = DeadlineUnit::kNone;
  size_t deadline_index = 0;  // of the number in argv, if unit is not kNone

  bool absolute() const {
    return unit == DeadlineUnit::kAtSeconds || unit == DeadlineUnit::kAtMilliseconds;
  }
};

/// Options of SET from argv[3] on (`getex` false), of GETEX from argv[2] on. False: the error is
/// replied.
bool ParseStringOptions(CommandContext& c, bool getex, StringOptions* options);

/// Deadline in Unix ms of the number at argv[index]. False: the error is replied (no integer; zero,
/// negative or beyond 64 bits).
bool ResolveDeadline(CommandContext& c, DeadlineUnit unit, size_t index, int64_t* deadline_ms);

/// "ERR invalid expire time in 'x' command".
void InvalidExpireTime(CommandContext& c);

/// Whether a string may become `length` bytes long: proto-max-bulk-len, and what an entry can hold.
/// False: the error is replied.
bool FitsString(CommandContext& c, uint64_t length);

}  // namespace thermocline::server
