// The SCAN family: its arguments, a cursor and then options, and the frame of HSCAN, SSCAN and
// ZSCAN.
//
// Redis reads the cursor before it looks at the key, and the options after it; so the two are
// separate here. The error is replied where it is found.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "server/command_context.h"

namespace thermocline::server {

/// False: "ERR invalid cursor" is replied.
bool ParseScanCursor(CommandContext& c, std::string_view text, uint64_t* cursor);

struct ScanOptions {
  uint64_t count = 10;  // elements to examine
  // Indexes into argv, which outlives a parked command where views into it do not; 0: not given.
  size_t pattern = 0;
  size_t type = 0;

  /// Whether MATCH lets `text` through. "*" is everything, also what the matcher refuses: the empty
  /// text.
  bool Matches(const CommandContext& c, std::string_view text) const;
};

/// Options from argv[first] on. TYPE is an option of SCAN alone. False: the error is replied.
bool ParseScanOptions(CommandContext& c, size_t first, bool allow_type, ScanOptions* options);

/// The reply's head: the array of two and the next cursor; the elements follow as an array.
void ReplyScanCursor(CommandContext& c, uint64_t next);

/// One step through a collection, for whoever walks it.
struct ElementScan {
  CommandContext& context;
  const engine::Entry* entry;  // never null
  uint64_t cursor;
  ScanOptions options;
  codec::RespWriter& elements;
  size_t& count;  // of what was put into `elements`

  bool Matches(std::string_view element) const { return options.Matches(context, element); }
  void Reply(std::string_view bulk) const {
    elements.Bulk(bulk);
    ++count;
  }
};

/// `<command> key cursor [MATCH pattern] [COUNT n]` for keys of `type`; `walk` visits some elements
/// and returns the next cursor.
void ScanCollection(CommandContext& c, engine::ValueType type,
                    uint64_t (*walk)(const ElementScan& scan));

}  // namespace thermocline::server
