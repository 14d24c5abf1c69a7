// FilterLoader: fills the key filters in the background: after a restart, and anew when one has
// become far larger than its keys need (a filter grows, but does not shrink), or its tags too
// short.
//
// Until a keyspace's filter covers a position, the answer there is 'maybe' and the cold tier is
// asked. The loader walks the cold records in position order, a page at a time by a reader;
// Space::filter_covers is its edge. Captures add to the filter all the while (a record added twice
// only costs a false 'maybe'); deletions beyond the edge do not remove. Executor thread.
#pragma once

#include "engine/core.h"

namespace thermocline::engine {

class FilterLoader {
 public:
  explicit FilterLoader(Core& core) : core_(core) {}

  /// After recovery: every keyspace with cold records begins at nothing.
  void Begin();
  void Slice();
  /// Starts anew what does not fit its keys any more; cheap, now and then.
  void Refit();
  void Complete(ColdRead* read);
  void* owner_tag() { return this; }

 private:
  void Restart(Space& space);

  Core& core_;
  bool active_ = false;
  bool under_way_ = false;
};

}  // namespace thermocline::engine
