// Option parsing of SET and GETEX, and their deadlines; see string_args.h.
// Which options exclude each other, and that a repeated unit is allowed, is Redis's: the oracle
// compares. Stateless; the error is replied where it is found.
#include "server/commands/string_args.h"

#include <algorithm>
#include <cctype>
#include <limits>
#include <string>

#include "server/server.h"

namespace thermocline::server {
namespace {

DeadlineUnit UnitOf(const CommandContext& c, size_t i) {
  if (c.Is(i, "EX")) return DeadlineUnit::kSeconds;
  if (c.Is(i, "PX")) return DeadlineUnit::kMilliseconds;
  if (c.Is(i, "EXAT")) return DeadlineUnit::kAtSeconds;
  if (c.Is(i, "PXAT")) return DeadlineUnit::kAtMilliseconds;
  return DeadlineUnit::kNone;
}

}  // namespace

bool ParseStringOptions(CommandContext& c, bool getex, StringOptions* options) {
  using Condition = StringOptions::Condition;
  for (size_t i = getex ? 2 : 3; i < c.argc(); ++i) {
    if (!getex && c.Is(i, "NX") && options->condition != Condition::kIfPresent) {
      options->condition = Condition::kIfAbsent;
      continue;
    }
    if (!getex && c.Is(i, "XX") && options->condition != Condition::kIfAbsent) {
      options->condition = Condition::kIfPresent;
      continue;
    }
    if (!getex && c.Is(i, "GET")) {
      options->get = true;
      continue;
    }
    if (!getex && c.Is(i, "KEEPTTL") && options->unit == DeadlineUnit::kNone) {
      options->keep_ttl = true;
      continue;
    }
    if (getex && c.Is(i, "PERSIST") && options->unit == DeadlineUnit::kNone) {
      options->persist = true;
      continue;
    }
    // The same unit may come twice, the last number counts; two different ones exclude each other.
    const DeadlineUnit unit = UnitOf(c, i);
    const bool fits = options->unit == DeadlineUnit::kNone || options->unit == unit;
    if (unit == DeadlineUnit::kNone || !fits || options->keep_ttl || options->persist ||
        i + 1 == c.argc()) {
      c.SyntaxError();
      return false;
    }
    options->unit = unit;
    options->deadline_index = ++i;
  }
  return true;
}

bool ResolveDeadline(CommandContext& c, DeadlineUnit unit, size_t index, int64_t* deadline_ms) {
  int64_t number = 0;
  if (!c.Integer(index, &number)) return false;
  const bool seconds = unit == DeadlineUnit::kSeconds || unit == DeadlineUnit::kAtSeconds;
  const bool relative = unit == DeadlineUnit::kSeconds || unit == DeadlineUnit::kMilliseconds;
  if (number <= 0 || (seconds && __builtin_mul_overflow(number, 1000, &number)) ||
      (relative && __builtin_add_overflow(number, c.db().NowMs(), &number))) {
    InvalidExpireTime(c);
    return false;
  }
  *deadline_ms = number;
  return true;
}

void InvalidExpireTime(CommandContext& c) {
  std::string name(c.spec().name);
  std::transform(name.begin(), name.end(), name.begin(),
                 [](unsigned char ch) { return static_cast<char>(std::tolower(ch)); });
  c.Error("ERR invalid expire time in '" + name + "' command");
}

bool FitsString(CommandContext& c, uint64_t length) {
  const auto configured = static_cast<uint64_t>(c.server().config().proto_max_bulk_len);
  if (length <= std::min<uint64_t>(configured, engine::Entry::kValueBytesMax)) return true;
  c.Error("ERR string exceeds maximum allowed size (proto-max-bulk-len)");
  return false;
}

}  // namespace thermocline::server
