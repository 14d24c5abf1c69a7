// KeyFilter: which positions may be in the cold tier. "No" is certain, "maybe" is wrong once in
// ~10,000.
//
// A quotient filter in cache lines with two candidate lines a key. A line is 8 bytes of counters,
// one nibble for each of 16 groups, and 28 tags of 16 bits sorted by group. A tag is a prefix of at
// most 15 hash bits, closed by a one bit; the line, its partner and the group come from other bits,
// and either line is computed from the other, so that equal stored bits mean the same pair of
// lines: deletion is exact. Lines form partitions, addressed by the leading hash bits through a
// directory. A full partition splits in two and every tag in it gives up its first bit; keys added
// later have all 15 again. So the filter grows without seeing a key, a partition (~30 us) at a
// time, and the rate of false positives rises with the logarithm of the growth (0.01 % times 1 +
// doublings / 2), not with the growth. Deletion takes the longest matching tag, which keeps every
// other key's tag in place. A tag that has no bit left cannot split (after 15 doublings): further
// keys of that partition go to an exact overflow set. Partitions come in four sizes, so that they
// do not all split at the same time. 2.4 bytes a key in a full partition, 3.4 over all partitions.
// One thread (the executor).
#pragma once

#include <cstddef>
#include <cstdint>
#include <unordered_map>
#include <vector>

namespace thermocline::engine {

class KeyFilter {
 public:
  KeyFilter() = default;
  ~KeyFilter();
  KeyFilter(const KeyFilter&) = delete;
  KeyFilter& operator=(const KeyFilter&) = delete;

  /// Counts: a position added twice has to be removed twice.
  void Add(uint64_t position);
  /// False, and nothing happens, if nothing matches. REQUIRES: the position was added and not
  /// removed since; otherwise another key's tag may go, and with it the certainty of "no".
  bool Remove(uint64_t position);
  bool MayContain(uint64_t position) const;
  /// Starts the fetch of what MayContain reads; worth it some 100 ns ahead.
  void Prefetch(uint64_t position) const;

  /// Empty; gives the memory back.
  void Clear();
  /// Empty, with room for `keys` with tags of full length: before a rebuild from a scan.
  void Reserve(uint64_t keys);

  /// The hash whose leading bits address partitions; tests look for collisions with it.
  static uint64_t Mix(uint64_t position);

  uint64_t size() const { return size_; }
  uint64_t memory_bytes() const;
  /// Keys in the exact overflow set: many mean that a rebuild (Reserve, Add all) is due.
  uint64_t overflow_size() const { return overflow_size_; }

 private:
  struct Line;

  void Initialize(unsigned bits);
  bool AddToPartition(uint64_t word, uint64_t hash, unsigned depth);
  bool Split(uint64_t hash);
  void AddToOverflow(uint64_t hash);

  uint64_t WordOf(uint64_t hash) const { return directory_[hash >> (64 - bits_)]; }

  // 2^bits_ words, each: address of a partition's lines | size class << 56 | depth << 58. A
  // partition of depth d fills 2^(bits_ - d) neighbouring words. Empty until the first Add.
  std::vector<uint64_t> directory_;
  unsigned bits_ = 0;
  uint64_t size_ = 0;
  uint64_t line_bytes_ = 0;
  std::unordered_map<uint64_t, uint32_t> overflow_;  // hash -> how often
  uint64_t overflow_size_ = 0;
};

}  // namespace thermocline::engine
