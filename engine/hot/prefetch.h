// Prefetch: asks the CPU for a cache line ahead of its use. Where a batch of commands is known,
// what each will read is fetched for all of them before the first one runs.
#pragma once

namespace thermocline::engine {

/// Fetches a cache line. Not __builtin_prefetch alone: g++ 12 takes a function that does nothing
/// else for pure and drops its calls.
inline void Prefetch(const void* line) {
#if defined(__x86_64__)
  asm volatile("prefetcht0 %0" : : "m"(*static_cast<const char*>(line)));
#else
  __builtin_prefetch(line);
#endif
}

}  // namespace thermocline::engine
