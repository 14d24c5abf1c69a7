// Links: renames, copies and moves whose frame names the other key instead of carrying the value
// (design section 3, "link rule").
//
// Replay makes the destination from what the source was before the frame, so the cold tier must not
// hold a source that has seen the frame beside a destination that has not. A link is remembered
// from its frame on, until the destination was captured or a checkpoint lies behind the frame.
// While it is,
//  - the source is captured together with the destination (Follow; WriteBack),
//  - a deleted destination leaves a tombstone, so that its capture says so (HotTier::Delete),
//  - what hangs together, and so is captured at once, is bounded (Admits).
//
// Keys are known by their places: those that share one are taken for the same. Destinations in a
// database that was dropped stay, because links lead on from them; they are not captured, but no
// batch behind the drop lands before it is durable. Executor thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <unordered_map>
#include <vector>

#include "engine/types.h"

namespace thermocline::engine {

class Links {
 public:
  struct Place {
    DbId id;
    uint64_t position;
    bool operator==(const Place&) const = default;
  };

  static constexpr size_t kTiedMax = 256;  // places that hang together

  bool empty() const { return nodes_.empty(); }
  /// Whether a value of so many bytes may be linked: what would hang together has at most kTiedMax
  /// places and, but for a value that is alone, `bytes_max`, by what each took when it was linked.
  /// `taken`, of both: the source loses the value.
  bool Admits(Place source, Place destination, uint64_t bytes, bool taken,
              uint64_t bytes_max) const;
  void Add(Place source, Place destination, Lsn lsn, uint64_t bytes, bool taken);
  /// A key there is the destination of one.
  bool HasDestination(Place place) const {
    if (empty()) return false;
    const auto node = nodes_.find(place);
    return node != nodes_.end() && !node->second.sources.empty();
  }
  /// The place, and all that links lead to from there.
  void Follow(Place from, std::vector<Place>* out) const;
  /// All keys there were captured: links to them are done.
  void NoteCaptured(Place place);
  /// Frames before `checkpoint` are not replayed any more.
  void ForgetBefore(Lsn checkpoint);

 private:
  struct Link {
    Place destination;
    Lsn lsn;
  };
  struct Node {
    std::vector<Link> links;     // from here
    std::vector<Place> sources;  // of links to here
    uint64_t bytes = 0;          // of the value
  };
  struct HashOfPlace {
    // A position is a keyed hash already.
    size_t operator()(const Place& place) const { return place.position ^ place.id; }
  };
  void Remove(Place source, Place destination, Lsn lsn);
  void DropIfUnused(Place place);

  std::unordered_map<Place, Node, HashOfPlace> nodes_;  // of all places that have links
};

}  // namespace thermocline::engine
