// Links: renames, copies and moves whose frame names the other key instead of carrying the value
// (design section 3, "link rule").
//
// Replay makes the destination from what the source was before the frame, so the cold tier must not
// hold a source that has seen the frame beside a destination that has not. A link is remembered
// from its frame on, until the destination was captured or a checkpoint lies behind the frame.
// While it is,
//  - the source is captured together with the destination (Follow; WriteBack),
//  - a deleted destination leaves a tombstone, so that its capture says so (HotTier::Delete),
//  - bytes and number are bounded (Admits): what hangs together is captured at once.
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

  bool empty() const { return by_source_.empty(); }
  /// Whether a value of so many bytes may be linked; one may in any case while there is none.
  bool Admits(uint64_t bytes, uint64_t bytes_max) const {
    return empty() || (count_ < kLinksMax && bytes_ + bytes <= bytes_max);
  }
  void Add(Place source, Place destination, Lsn lsn, uint64_t bytes);
  /// A key there is the destination of one.
  bool HasDestination(Place place) const {
    return !empty() && destinations_.find(place) != destinations_.end();
  }
  /// The place, and all that links lead to from there.
  void Follow(Place from, std::vector<Place>* out) const;
  /// All keys there were captured: links to them are done.
  void NoteCaptured(Place place);
  /// Frames before `checkpoint` are not replayed any more.
  void ForgetBefore(Lsn checkpoint);

 private:
  static constexpr size_t kLinksMax = 256;

  struct Link {
    Place destination;
    Lsn lsn;
    uint64_t bytes;
  };
  struct HashOfPlace {
    // A position is a keyed hash already.
    size_t operator()(const Place& place) const { return place.position ^ place.id; }
  };
  template <class Which>
  void Forget(Which&& which);

  std::unordered_map<Place, std::vector<Link>, HashOfPlace> by_source_;
  std::unordered_map<Place, size_t, HashOfPlace> destinations_;  // links that lead there
  size_t count_ = 0;
  uint64_t bytes_ = 0;
};

}  // namespace thermocline::engine
