// LoadGenerator: runs classes of clients against one server and measures what they see.
//
// Every thread owns an epoll set and its share of each class's connections; nothing is shared while
// the load runs, histograms are merged at the end. Closed loop: a client sends `pipeline` requests
// at once and the next when all replies are in; latency counts from the send. Open loop: requests
// are due at fixed times and count their latency from then, also when no connection was free to
// send them (requests never sent are reported), so a stalled server cannot hide its stall.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "tools/bench/histogram.h"
#include "tools/bench/load_spec.h"
#include "tools/bench/server_probe.h"

namespace thermocline::tools {

struct LoadOptions {
  std::string host = "127.0.0.1";
  int port = 6379;
  uint32_t threads = 1;
  double warmup_s = 0;         // load runs, nothing is counted
  double duration_s = 10;      // counted
  uint64_t request_limit = 0;  // per client: stop after so many (0: by time alone)
  bool verify = false;         // GET replies must hold the key's value (or be null)
};

struct ClassResult {
  uint64_t operations = 0;  // replies inside the counted time
  uint64_t errors = 0;      // error replies
  uint64_t nulls = 0;       // null replies: a GET that found nothing
  uint64_t wrong = 0;       // verified values that were wrong
  uint64_t unsent = 0;      // open loop: due and never sent
  std::string first_error;
  Histogram latency_ns;
};

struct LoadResult {
  double seconds = 0;
  std::vector<ClassResult> classes;  // in the order of the specs
  ServerUsage before;                // at the start and the end of the counted time
  ServerUsage after;
};

/// Runs the load. False with a message when a connection fails or the server closes one.
bool RunLoad(const std::vector<LoadSpec>& specs, const LoadOptions& options,
             const ServerProbe& probe, LoadResult* result, std::string* error);

/// Sets the keys [first, first + keys) once, in order, over a few connections.
bool PreloadKeys(const LoadSpec& spec, const LoadOptions& options, const ServerProbe& probe,
                 std::string* error);

}  // namespace thermocline::tools
