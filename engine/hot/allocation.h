// The allocator's size classes, as arithmetic: what a block of n bytes really costs.
//
// Memory accounting and the "does it still fit where it is" tests of the hot tier need the true
// size of a block millions of times a second; malloc_usable_size would be a lookup each. This is
// jemalloc's rule with its default 16-byte quantum: multiples of 16 up to 128 (and 8), then four
// classes a doubling. Blocks of the hot tier are asked for in whole classes, so the answer also
// bounds what may be written when another allocator is linked (the sanitizer builds).
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>

namespace thermocline::engine {

/// Bytes of the smallest allocator class that holds `bytes` (>= 1).
constexpr size_t AllocationSize(size_t bytes) {
  if (bytes <= 8) return 8;
  if (bytes <= 128) return (bytes + 15) & ~size_t{15};
  const unsigned shift = std::bit_width(bytes - 1) - 3;  // a quarter of the doubling
  const size_t step = size_t{1} << shift;
  return (bytes + step - 1) & ~(step - 1);
}

/// Memory that the machine does not have cannot be refused politely from inside a data structure:
/// the budget (maxmemory) is what keeps away from here.
[[noreturn]] inline void OutOfMemory(size_t bytes) {
  std::fprintf(stderr, "thermocline: out of memory allocating %zu bytes\n", bytes);
  std::abort();
}
inline void* AllocateOrDie(size_t bytes) {
  void* block = std::malloc(bytes);
  if (block == nullptr) OutOfMemory(bytes);
  return block;
}
inline void* ReallocateOrDie(void* block, size_t bytes) {
  void* moved = std::realloc(block, bytes);
  if (moved == nullptr) OutOfMemory(bytes);
  return moved;
}

}  // namespace thermocline::engine
