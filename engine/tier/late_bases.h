// LateBases: what the cold tier holds of the keys that replay wrote whole.
//
// An effect that replaces a value (SET, MSET, RESTORE) has the same result over any base, and so
// has every later effect on its key: replay applies them without a read, and a start does not wait
// for the disk. What is left open is whether the cold tier holds a record of the key, which counts,
// capture and the expiry index need. Such an entry carries kBaseUnknown until readers have brought
// its header, in the background and in key order, so that neighbours share a block. WriteBack
// follows them in the same order. Until the last has come
//  - nothing behind the first unknown position is captured, so no checkpoint ends,
//  - a deletion leaves a tombstone,
//  - Space::live and live_expires count a key twice if it has a record: who reads them Awaits.
// A read that fails is repeated after a second, and as long growth is refused as for any failure of
// the cold tier: what was written could not be made durable there. Executor thread.
#pragma once

#include <vector>

#include "engine/core.h"

namespace thermocline::engine {

class HotTier;

class LateBases {
 public:
  LateBases(Core& core, HotTier& hot) : core_(core), hot_(hot) {}

  /// Replay has made, or made anew, the entry of a key of which the cold tier may hold a record.
  void Add(Space& space, uint64_t position, Entry* entry);
  bool pending() const { return core_.unknown_bases != 0; }
  /// All bases of the keyspace at positions before this one are known; kNoPosition: all.
  uint64_t FirstUnknown(DbId id) const;
  static constexpr uint64_t kNoPosition = ~uint64_t{0};
  /// After replay, before the first Slice.
  void Begin();
  /// Keeps reads under way, `reads_max` at a time.
  void Slice(size_t reads_max = kReadsUnderWay);
  /// What the cold tier holds of the entry, whose base is unknown; the table may have another one
  /// for the key then.
  void Learn(Space& space, Entry* entry, const ColdHeaderRow& row);
  /// Takes ownership.
  void Complete(ColdRead* read);
  /// Whether all bases are known; if not, the waiter is told when they are, or when a read failed
  /// (Residency::TakeError). A null waiter: they are read inside the call, and false means that
  /// this failed, see error().
  bool Await(Waiter* waiter);
  void Cancel(Waiter* waiter) { std::erase(awaiting_, waiter); }
  /// Why reads are to be repeated.
  const codec::Status& error() const { return error_; }
  bool reading() const { return !under_way_.empty(); }

  void* owner_tag() { return this; }

 private:
  static constexpr size_t kReadsUnderWay = 2;  // beside those of clients

  struct Place {
    DbId id;
    uint64_t position;
    auto operator<=>(const Place&) const = default;
  };
  // The headers of the next places that still need one; none are left if it asks for nothing.
  std::unique_ptr<ColdRead> NextRead();
  // Takes the answers; a read that failed is repeated from its first place on.
  codec::Status Take(const ColdRead& read);
  codec::Status ResolveNow();
  void Tell(const codec::Status& status);

  Core& core_;
  HotTier& hot_;
  std::vector<Place> places_;      // in order once Begun; empty when all are known
  size_t next_ = 0;                // of places_: those before it have been asked for
  std::vector<size_t> under_way_;  // the first place of each read
  int64_t next_try_ms_ = 0;
  codec::Status error_;
  std::vector<Waiter*> awaiting_;
};

}  // namespace thermocline::engine
