// ColdReads: uniform point reads straight from the cold tier of a stopped server, by a pool of
// threads.
//
// The yardstick for the server's own cold GETs: the same RocksDB, files, options and number of
// threads, without sockets, command table or hot tier in between. Opens <dir>/thermocline/cold;
// refuses while a server has it open.
#pragma once

#include <cstdint>
#include <string>

#include "codec/status.h"
#include "tools/bench/histogram.h"

namespace thermocline::tools {

struct ColdReadOptions {
  std::string dir;  // the server's data directory
  uint32_t threads = 8;
  double duration_s = 10;
  uint64_t block_cache_bytes = 32ull << 20;
  uint64_t keys_max = 5'000'000;  // keys remembered for drawing from
};

struct ColdReadResult {
  uint64_t keys = 0;
  uint64_t reads = 0;
  uint64_t missing = 0;
  double seconds = 0;
  Histogram latency_ns;
};

codec::StatusOr<ColdReadResult> RunColdReads(const ColdReadOptions& options);

}  // namespace thermocline::tools
