// Keyspace: the internal databases, and which number SELECT gives to which ([D3]).
//
// A Space is one internal id: its key table, exact counts, key filter and expiry index. Numbers map
// to ids, so that SWAPDB exchanges two pointers and FLUSHDB puts an empty Space in the place of the
// full one. A dropped id is remembered until its records have been range-deleted, which only
// happens after a checkpoint beyond its drop.
//
// Counts ([D11]): live and live_expires are exact now (after a restart once no base is unknown, see
// LateBases); cold_records and cold_expires are exact as
// of the last capture and go into the batch that changes them. Executor thread.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <memory>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "engine/cold/key_filter.h"
#include "engine/expiry_index.h"
#include "engine/hot/key_table.h"
#include "engine/types.h"

namespace thermocline::engine {

/// Where dirty keys are: a bit for each of 2^17 ranges of positions (three bits below the cluster
/// slot).
struct DirtyRanges {
  static constexpr int kBits = 17;
  static constexpr int kShift = 63 - kBits;
  static constexpr uint64_t kCount = uint64_t{1} << kBits;
  std::array<uint64_t, kCount / 64> words{};

  void Set(uint64_t position) {
    const uint64_t range = position >> kShift;
    words[range >> 6] |= uint64_t{1} << (range & 63);
  }
  void Clear(uint64_t range) { words[range >> 6] &= ~(uint64_t{1} << (range & 63)); }
  /// First set range >= from; kCount if none.
  uint64_t Next(uint64_t from) const {
    if (from >= kCount) return kCount;
    uint64_t w = from >> 6;
    uint64_t bits = words[w] & (~uint64_t{0} << (from & 63));
    while (bits == 0) {
      if (++w == words.size()) return kCount;
      bits = words[w];
    }
    return w * 64 + static_cast<uint64_t>(std::countr_zero(bits));
  }
};

/// The smallest span that holds all positions added.
struct PositionSpan {
  uint64_t from = ~uint64_t{0};
  uint64_t to = 0;

  void Add(uint64_t first, uint64_t last) {
    from = std::min(from, first);
    to = std::max(to, last);
  }
  bool Contains(uint64_t position) const { return position >= from && position <= to; }
};

struct Space {
  Space(DbId id_in, const HashKey& hash_key, Lsn created, PositionCache* positions)
      : id(id_in), table(hash_key, created, positions) {}

  const DbId id;
  KeyTable table;
  ExpiryIndex expiry;
  KeyFilter filter;
  // Cold positions below it are in the filter; behind it everything is 'maybe'. kFilterComplete:
  // all.
  uint64_t filter_covers = kFilterComplete;

  uint64_t live = 0;
  uint64_t live_expires = 0;
  uint64_t cold_records = 0;
  uint64_t cold_expires = 0;
  uint64_t unknown_bases = 0;  // entries with kBaseUnknown
  uint64_t tombstones = 0;     // entries of the table that are no keys
  uint64_t entry_bytes = 0;    // of all entries of the table
  // About, as of the last Spiller::Measure, and at most this: what a prefetch fetches, the rest
  // follows in order.
  static constexpr uint32_t kEntryBytesMeanMax = 192;
  uint32_t entry_bytes_mean = 128;
  double ttl_sample_ms = 0;  // running mean of remaining TTLs, for INFO's avg_ttl

  uint64_t clock_hand = 0;    // position where the eviction clock stands
  bool reached_cold = false;  // the cold tier knows the id: it has to be dropped there, too
  uint64_t dirty = 0;         // entries with kDirty
  std::unique_ptr<DirtyRanges> dirty_ranges;  // null while nothing was ever changed
  // [D6] Captures at these positions may not have landed: whatever stands there stays in memory.
  PositionSpan in_flight;

  static constexpr uint64_t kFilterComplete = ~uint64_t{0};

  uint64_t resident() const { return table.size() - tombstones; }
  /// Whether the cold tier may hold a record of a key that the table does not hold. False is
  /// certain.
  bool MayBeCold(uint64_t position) const {
    if (cold_records == 0) return false;
    return position >= filter_covers || filter.MayContain(position);
  }
  /// As the table's PrefetchEntry; of a key that is not there, also what MayBeCold reads.
  void PrefetchEntry(uint64_t position, size_t node_bytes = 1) const {
    if (!table.PrefetchEntry(position, node_bytes) && cold_records != 0) filter.Prefetch(position);
  }
};

class Keyspace {
 public:
  struct Dropped {
    DbId id;
    Lsn dropped_lsn;
  };

  Keyspace(int databases, const HashKey& hash_key);

  int databases() const { return static_cast<int>(numbers_.size()); }
  Space& at(int number) { return *numbers_[static_cast<size_t>(number)]; }
  const Space& at(int number) const { return *numbers_[static_cast<size_t>(number)]; }
  /// Null: no number maps to the id (any more).
  Space* Find(DbId id);
  int NumberOf(DbId id) const;  // -1: none

  /// Recovery: the mapping as of the checkpoint. `ids[i]` belongs to number i.
  void Load(const std::vector<DbId>& ids, std::vector<Dropped> dropped);
  /// Puts an empty space under `number` and returns the old one, whose id is remembered as dropped.
  std::unique_ptr<Space> Replace(int number, DbId new_id, Lsn lsn);
  void Swap(int a, int b);

  const std::vector<Dropped>& dropped() const { return dropped_; }
  void ForgetDropped(DbId id);
  const HashKey& hash_key() const { return hash_key_; }

  template <typename Fn>
  void ForEach(Fn&& fn) {
    for (auto& space : numbers_) fn(*space);
  }

 private:
  HashKey hash_key_;
  PositionCache positions_;
  std::vector<std::unique_ptr<Space>> numbers_;
  std::unordered_map<DbId, Space*> by_id_;
  std::vector<Dropped> dropped_;
};

}  // namespace thermocline::engine
