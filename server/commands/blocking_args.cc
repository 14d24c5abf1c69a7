// Timeouts of blocking commands; see blocking_args.h.
#include "server/commands/blocking_args.h"

#include <cmath>

#include "codec/number_text.h"
#include "server/server.h"

namespace thermocline::server {

bool ParseTimeout(CommandContext& c, size_t i, int64_t* timeout_ms) {
  long double seconds = 0;
  if (!codec::ParseLongDouble(c.arg(i), &seconds)) {
    c.Error("ERR timeout is not a float or out of range");
    return false;
  }
  const long double ms = std::ceil(seconds * 1000);
  // Redis converts what is too large for 64 bits to the smallest number, and says this, too.
  if (ms < 0 || ms >= 0x1p63L) {
    c.Error("ERR timeout is negative");
    return false;
  }
  *timeout_ms = static_cast<int64_t>(ms);
  return true;
}

bool MustQueue(CommandContext& c, std::string_view key) {
  return !c.in_exec() && c.server().blocking().IsReserved(c.dbnum(), key);
}

}  // namespace thermocline::server
