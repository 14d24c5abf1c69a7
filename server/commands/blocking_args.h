// What the blocking commands of all types share: their timeout, and who has to queue up.
#pragma once

#include <cstdint>
#include <string_view>

#include "server/command_context.h"

namespace thermocline::server {

/// Seconds with a fraction at argv[i], as milliseconds rounded up; 0: for ever. False: the error is
/// replied.
bool ParseTimeout(CommandContext& c, size_t i, int64_t* timeout_ms);

/// Others wait for this key and are about to be served: its elements are theirs. Inside EXEC nobody
/// queues.
bool MustQueue(CommandContext& c, std::string_view key);

}  // namespace thermocline::server
