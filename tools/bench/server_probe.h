// ServerProbe: what the loaded server says and uses: INFO, CPU time, resident memory, device reads.
//
// CPU time is utime + stime of the process in /proc/<pid>/stat, which sums over all its threads,
// also those that ended; its resolution is one clock tick (10 ms). The pid comes from INFO, so the
// server must be on this machine for all but INFO itself; figures that cannot be read are 0.
// Blocking calls; one thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace thermocline::tools {

struct ServerUsage {
  double cpu_seconds = 0;
  uint64_t rss_bytes = 0;
  uint64_t device_read_bytes = 0;  // by the whole process, from /proc/<pid>/io
  uint64_t device_write_bytes = 0;
};

/// Connects to host:port; -1 with a message on failure. The caller owns the descriptor.
int ConnectTo(const std::string& host, int port, std::string* error);

class ServerProbe {
 public:
  ServerProbe(std::string host, int port) : host_(std::move(host)), port_(port) {}

  /// Sends INFO ALL and keeps the answer. False with a message when the server cannot be asked.
  bool Refresh(std::string* error);
  /// Value of an INFO field of the last Refresh; empty when there is none.
  std::string_view Field(std::string_view name) const;
  uint64_t NumberField(std::string_view name) const;
  /// Number of keys over all databases, by the `# Keyspace` section.
  uint64_t Keys() const;

  ServerUsage Usage() const;

 private:
  std::string host_;
  int port_;
  std::string info_;
};

}  // namespace thermocline::tools
