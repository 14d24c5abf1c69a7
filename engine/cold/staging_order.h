// StagingOrder: which batches may be staged together (ColdBackend::Stage).
//
// Staged rows get one sequence number and lie in table files, so every key may come once, and in
// the order of (database id, position). A sweep's batches are so; where a sweep begins again, or
// two keys share a position, what comes is staged anew or written. The writer's thread.
#pragma once

#include <optional>

#include "engine/cold/cold_batch.h"

namespace thermocline::engine {

class StagingOrder {
 public:
  bool empty() const { return !last_.has_value(); }
  void Clear() { last_.reset(); }
  /// Whether the batch is in order, and its records lie behind those of all batches taken since
  /// Clear(). Then it is taken, too.
  bool Take(const ColdBatch& batch) {
    if (!batch.in_order() || (last_.has_value() && batch.first() <= *last_)) return false;
    last_ = batch.last();
    return true;
  }

 private:
  std::optional<ColdBatch::Place> last_;
};

}  // namespace thermocline::engine
