// Header merge: a whole record of `payload` takes over a newer header (docs/formats/cold-tier.md).
//
// PutHeader changes a header whose payload is not in memory, and the writer never reads: it adds
// the header as a merge operand, and RocksDB puts both together when the row is read or compacted.
// An operand replaces the header altogether, so the last one counts and all may be applied again.
// RocksDB's threads call it at any time; no state.
#pragma once

#include <memory>

namespace rocksdb {
class MergeOperator;
}

namespace thermocline::engine {

/// An operand is a `values` record without payload, under the chunk's key. Never fails, which would
/// stop all compactions: what is damaged becomes the row, and whoever reads it is told.
std::shared_ptr<rocksdb::MergeOperator> NewHeaderMerge();

}  // namespace thermocline::engine
