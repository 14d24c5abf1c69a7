// StagingOrder: which batches may be staged together (ColdBackend::Stage).
//
// Staged rows get one sequence number and lie in table files, so every key may come once, and in
// the order of (database id, position). A sweep's batches are so; where a sweep begins again, or
// two keys share a position, what comes is staged anew or written. The writer's thread.
#pragma once

#include <cstdint>
#include <optional>

#include "engine/cold/cold_batch.h"

namespace thermocline::engine {

class StagingOrder {
 public:
  bool empty() const { return !last_.has_value(); }
  void Clear() { last_.reset(); }
  /// Whether every key of the batch lies behind those of all batches taken since Clear(), and the
  /// batch is not of a kind that has to be written by itself. Then it is taken, too.
  bool Take(const ColdBatch& batch) {
    if (batch.has_checkpoint()) return false;
    std::optional<Place> last = last_;
    bool fits = true;
    batch.ForEach([&](const ColdOp& op) {
      switch (op.verb) {
        case ColdOp::Verb::kPut:
        case ColdOp::Verb::kPutHeader:
        case ColdOp::Verb::kDelete: {
          const Place place{op.id, op.position};
          if (last.has_value() && place <= *last) fits = false;
          last = place;
          return;
        }
        case ColdOp::Verb::kPutElement:
        case ColdOp::Verb::kDeleteElement:  // of the record before
        case ColdOp::Verb::kSetCounts:
          return;
        case ColdOp::Verb::kDropDatabase:  // its range covers whatever was staged
          fits = false;
          return;
      }
    });
    if (!fits || !last.has_value()) return false;
    last_ = last;
    return true;
  }

 private:
  struct Place {
    uint64_t id, position;
    auto operator<=>(const Place&) const = default;
  };
  std::optional<Place> last_;
};

}  // namespace thermocline::engine
