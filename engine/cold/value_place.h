// ValuePlace: where in the cold tier's tables a value lies.
#pragma once

#include <cstdint>

namespace thermocline::engine {

/// The block that holds the row of a value. A table never changes, so what lies there stays, until
/// the table is closed.
struct ValuePlace {
  uint32_t table = 0;   // of TableReads; 0: not known
  uint32_t offset = 0;  // of the block in the file
  uint32_t size = 0;    // its bytes, trailer included
  bool known() const { return table != 0; }
  bool operator==(const ValuePlace&) const = default;
};

}  // namespace thermocline::engine
