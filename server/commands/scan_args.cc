#include "server/commands/scan_args.h"

#include "codec/glob.h"
#include "codec/number_text.h"

namespace thermocline::server {

// A cursor as strtoul takes it: an optional sign (a negative number wraps), nothing for zero.
bool ParseScanCursor(CommandContext& c, std::string_view text, uint64_t* cursor) {
  const bool negative = !text.empty() && text[0] == '-';
  std::string_view digits = text;
  if (negative || (!text.empty() && text[0] == '+')) digits.remove_prefix(1);
  bool ok = !digits.empty() || text.empty();
  uint64_t value = 0;
  for (const char ch : digits) {
    ok = ok && ch >= '0' && ch <= '9' && !__builtin_mul_overflow(value, 10, &value) &&
         !__builtin_add_overflow(value, static_cast<uint64_t>(ch - '0'), &value);
  }
  if (!ok) {
    c.Error("ERR invalid cursor");
    return false;
  }
  *cursor = negative ? 0 - value : value;
  return true;
}

bool ScanOptions::Matches(const CommandContext& c, std::string_view text) const {
  return pattern == 0 || c.arg(pattern) == "*" || codec::GlobMatch(c.arg(pattern), text);
}

bool ParseScanOptions(CommandContext& c, size_t first, bool allow_type, ScanOptions* options) {
  for (size_t i = first; i < c.argc(); i += 2) {
    const bool more = i + 1 < c.argc();
    if (c.Is(i, "COUNT") && more) {
      int64_t count = 0;
      if (!c.Integer(i + 1, &count)) return false;
      if (count < 1) {
        c.SyntaxError();
        return false;
      }
      options->count = static_cast<uint64_t>(count);
    } else if (c.Is(i, "MATCH") && more) {
      options->pattern = i + 1;
    } else if (allow_type && c.Is(i, "TYPE") && more) {
      options->type = i + 1;
    } else {
      c.SyntaxError();
      return false;
    }
  }
  return true;
}

void ReplyScanCursor(CommandContext& c, uint64_t next) {
  c.reply().Array(2);
  char text[codec::kMaxInt64Text];
  c.reply().Bulk({text, codec::FormatUint64(text, next)});
}

void ScanCollection(CommandContext& c, engine::ValueType type,
                    uint64_t (*walk)(const ElementScan& scan)) {
  uint64_t cursor = 0;
  if (!ParseScanCursor(c, c.arg(2), &cursor)) return;
  const engine::Entry* entry = c.db().Find(c.dbnum(), c.arg(1));
  if (entry == nullptr) {
    ReplyScanCursor(c, 0);
    c.reply().Array(0);
    return;
  }
  if (entry->type() != type) return c.WrongType();
  ScanOptions options;
  if (!ParseScanOptions(c, 3, /*allow_type=*/false, &options)) return;
  std::string body;
  codec::RespWriter elements(body, 2);  // bulk strings look alike in both protocols
  size_t count = 0;
  const uint64_t next = walk({c, entry, cursor, options, elements, count});
  ReplyScanCursor(c, next);
  c.reply().Array(count);
  c.reply().Raw(body);
}

}  // namespace thermocline::server
