// Uniform choices without repetition, in one pass: which `count` of `size` elements are drawn, told
// element by element as they go by (selection sampling, Knuth's algorithm S).
#pragma once

#include <cstddef>

#include "engine/env/random.h"

namespace thermocline::engine {

class SelectionSampler {
 public:
  /// REQUIRES: count <= size.
  SelectionSampler(Random& random, size_t size, size_t count)
      : random_(random), left_(size), wanted_(count) {}

  /// Whether the next element is drawn. REQUIRES: called at most `size` times.
  bool Take() {
    const bool take = random_.Uniform(left_) < wanted_;
    --left_;
    wanted_ -= take;
    return take;
  }
  bool done() const { return wanted_ == 0; }

 private:
  Random& random_;
  size_t left_;
  size_t wanted_;
};

}  // namespace thermocline::engine
