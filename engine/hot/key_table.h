// KeyTable: the keys of one internal database id, addressed by position (design: "The key table").
//
// A position is 63 bits: 14 bits of Redis Cluster slot, then 49 bits of a keyed hash of the key; 0
// is not used. Slot first, so that one slot is one contiguous range in memory, in the cold tier and
// in a SCAN. The hash key is chosen once a data directory and persists (positions are stored), and
// no client knows it. Owned by the executor; no locks. The table owns its entries.
#pragma once

#include <cstdint>
#include <string_view>

#include "codec/crc.h"
#include "engine/hot/entry.h"
#include "engine/hot/position_cache.h"
#include "engine/hot/segment_table.h"

namespace thermocline::engine {

using codec::HashKey;

inline constexpr unsigned kPositionHashBits = 49;

/// Position of `key` under `hash_key`: in [1, 2^63).
inline uint64_t PositionOfKey(const HashKey& hash_key, std::string_view key) {
  const uint64_t hash = codec::KeyedHash64(hash_key, key) >> (64 - kPositionHashBits);
  const uint64_t position = uint64_t{codec::KeySlot(key)} << kPositionHashBits | hash;
  return position == 0 ? 1 : position;
}

/// Cluster slot of a position, and the first position of a slot (the range's end is that of slot +
/// 1).
inline uint16_t SlotOfPosition(uint64_t position) {
  return static_cast<uint16_t>(position >> kPositionHashBits);
}
inline uint64_t FirstPositionOfSlot(uint16_t slot) {
  return slot == 0 ? 1 : uint64_t{slot} << kPositionHashBits;
}

struct EntryTraits {
  using Node = Entry;
  using Key = std::string_view;

  HashKey hash_key{};

  uint64_t PositionOf(const Entry* e) const { return PositionOfKey(hash_key, e->key()); }
  // The slot's CRC costs as much as the hash; a split needs only bits of the hash.
  uint64_t PositionTail(const Entry* e) const {
    return codec::KeyedHash64(hash_key, e->key()) >> (64 - kPositionHashBits);
  }
  bool Equal(const Entry* e, std::string_view key) const { return e->KeyEquals(key); }
  static void Free(Entry* e) { Entry::Free(e); }
};

class KeyTable : public SegmentTable<EntryTraits> {
 public:
  /// `cache` (not owned, may be null) is shared by all tables of the hash key.
  explicit KeyTable(const HashKey& hash_key, uint64_t creation_lsn = 0,
                    PositionCache* cache = nullptr)
      : SegmentTable<EntryTraits>(EntryTraits{hash_key}, creation_lsn), cache_(cache) {}

  uint64_t PositionOf(std::string_view key) const {
    if (cache_ == nullptr) return PositionOfKey(hash_key(), key);
    return cache_->Get(key, [this](std::string_view k) { return PositionOfKey(hash_key(), k); });
  }
  /// Not through the cache: walks over entries must not push out what commands use.
  uint64_t PositionOf(const Entry* e) const { return PositionOfKey(hash_key(), e->key()); }
  const HashKey& hash_key() const { return traits().hash_key; }

 private:
  PositionCache* cache_;
};

}  // namespace thermocline::engine
