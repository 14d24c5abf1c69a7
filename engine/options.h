// What the engine is told at start, and what may change while it runs (section "mutable" of each
// group). Plain data: owned by the caller until Open, by the Database afterwards; the executor
// thread alone changes it.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "engine/env/machine_limits.h"
#include "engine/log/log.h"

namespace rocksdb {
class FileSystem;
}

namespace thermocline::engine {

class Clock;
class Random;

/// Redis's maxmemory-policy. With tiering, kNoEviction spills instead of refusing.
enum class EvictionPolicy : uint8_t {
  kNoEviction,
  kAllKeysLru,
  kAllKeysLfu,
  kAllKeysRandom,
  kVolatileLru,
  kVolatileLfu,
  kVolatileRandom,
  kVolatileTtl,
};

/// Up to which size a collection stays packed; names and meanings are redis.conf's.
struct TypeLimits {
  int64_t list_max_listpack_size =
      -2;  // > 0: elements a node; -1 … -5: 4, 8, 16, 32, 64 KiB a node
  uint64_t hash_max_listpack_entries = 512;
  uint64_t hash_max_listpack_value = 64;
  uint64_t set_max_intset_entries = 512;
  // Ours alone: what Redis 7.0 calls a hashtable is a listpack up to here (engine/types/set.h).
  uint64_t set_max_listpack_entries = 16;
  uint64_t set_max_listpack_value = 64;
  uint64_t zset_max_listpack_entries = 128;
  uint64_t zset_max_listpack_value = 64;
};

struct Options {
  // Fixed at start.
  std::string dir = ".";  // data directory; ours is <dir>/thermocline/
  int databases = 16;
  std::shared_ptr<rocksdb::FileSystem> fs;  // null: the operating system's
  Clock* clock = nullptr;                   // not owned; null: the real one
  Random* random = nullptr;                 // not owned; null: seeded from the system's entropy
  bool background =
      true;  // false: no threads, every step happens inside calls (deterministic tests)
  bool reads_first = false;  // without threads: cold reads are done before what waits to be written
  std::function<void()>
      wake;          // any thread: something waits for Poll(); must be cheap and thread-safe
  int wake_fd = -1;  // the eventfd that `wake` adds to, if it is one; open as long as the database
  uint64_t log_segment_bytes = 16ull << 20;
  /// What a slice of a sweep captures where most is dirty. Staged batches are many, so they should
  /// be full.
  uint64_t batch_bytes = 64 << 10;
  uint64_t staged_bytes_max = 0;  // what is staged before it is published; 0: as memory allows
  int cold_readers = 8;
  /// Keys whose bases are read together when the log is replayed, some 100 bytes each; 0: as many
  /// as maxmemory allows.
  size_t replay_window_keys = 0;
  /// They are close together, and read in a walk, where one of so many records is among them.
  size_t replay_walk_records = 16;
  size_t headers_a_read = 128;  // of keys of a replay that need no more; a reader's piece of them
  bool direct_io = true;
  /// What the process may use at most: six tenths are maxmemory's default, nine the bound of values
  /// that are larger than the budget.
  uint64_t machine_memory = MemoryLimit();

  // Mutable.
  bool append_only = true;
  FsyncPolicy fsync = FsyncPolicy::kEverySec;
  bool tiering = true;
  uint64_t maxmemory =
      0;  // bytes; 0: 60 % of the machine's or cgroup's memory when tiering, unlimited otherwise
  uint64_t maxdisk = 0;  // bytes of <dir>/thermocline; 0: until the low-water mark of free space
  uint64_t low_water_bytes = 256ull << 20;
  EvictionPolicy policy = EvictionPolicy::kNoEviction;
  int maxmemory_samples = 5;
  int lfu_log_factor = 10;
  int lfu_decay_minutes = 1;
  int recovery_budget_ms = 3000;  // checkpoints are taken so that replay stays within it
  uint64_t checkpoint_log_bytes = 256ull << 20;  // at most; a quarter while no key changes twice
  int64_t checkpoint_interval_ms = 60'000;       // at most, while there are changes
  int64_t deletions_interval_ms = 10'000;        // the same where every eighth change is a deletion
  /// A list of so many bytes in memory is written back, spilled and read node by node.
  uint64_t paged_threshold = 64 << 10;
  /// RENAME, COPY and MOVE of a value of so many bytes in memory log the keys' names instead of it.
  uint64_t link_threshold = 64 << 10;
  /// Bytes of memory for where cold values lie; 0: a reader looks for each.
  uint64_t place_bytes = 0;
  TypeLimits type_limits;
};

}  // namespace thermocline::engine
