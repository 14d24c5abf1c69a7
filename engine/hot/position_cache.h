// PositionCache: positions of the keys that were asked for last.
//
// A command needs its key's position several times (prefetch, Prepare, the read, the change), and a
// position costs a CRC and a keyed hash. The cache is direct-mapped by a cheap mix of the key's
// bytes and compares the whole key, so a hit is exact; keys that are shorter or longer than a few
// words are not kept. It holds nothing that can become stale: a position depends on the key and the
// hash key alone, and one cache belongs to one hash key. Executor thread.
#pragma once

#include <array>
#include <bit>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace thermocline::engine {

class PositionCache {
 public:
  static constexpr size_t kKeyBytesMin = 8;
  static constexpr size_t kKeyBytesMax = 32;
  static constexpr unsigned kIndexBits = 8;

  /// What `compute(key)` says, from the cache where possible.
  template <typename Compute>
  uint64_t Get(std::string_view key, Compute&& compute) {
    const size_t n = key.size();
    if (n < kKeyBytesMin || n > kKeyBytesMax) return compute(key);
    // Overlapping words from both ends: with the length they determine the key.
    const char* p = key.data();
    const uint64_t a = Load(p), b = Load(p + n - 8);
    uint64_t c = 0, d = 0;
    if (n > 16) {
      c = Load(p + 8);
      d = Load(p + n - 16);
    }
    const uint64_t mixed = (a ^ std::rotl(b, 23) ^ std::rotl(c ^ d, 41)) * 0x9e3779b97f4a7c15u;
    Item& item = items_[mixed >> (64 - kIndexBits)];
    if (((item.a ^ a) | (item.b ^ b) | (item.c ^ c) | (item.d ^ d) | (item.size ^ n)) == 0) {
      return item.position;
    }
    item = {a, b, c, d, n, compute(key)};
    return item.position;
  }

 private:
  struct Item {
    uint64_t a = 0, b = 0, c = 0, d = 0;
    uint64_t size = 0;  // 0: empty, no key that is kept is
    uint64_t position = 0;
  };
  static uint64_t Load(const char* p) {
    uint64_t word;
    std::memcpy(&word, p, 8);
    return word;
  }

  std::array<Item, size_t{1} << kIndexBits> items_;
};

}  // namespace thermocline::engine
