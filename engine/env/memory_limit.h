// MemoryLimit: how much memory this process may use: the machine's, or its cgroup's if that is
// less.
#pragma once

#include <cstdint>

namespace thermocline::engine {

/// Bytes; read from the system once, at the first call. At least 64 MiB.
uint64_t MemoryLimit();

}  // namespace thermocline::engine
