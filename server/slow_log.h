// The slow log: the latest commands that ran for longer than slowlog-log-slower-than.
//
// Run time only: waiting for cold keys, memory or other clients is not part of it. What an entry
// keeps is bounded (arguments and their bytes), so the whole is bounded by slowlog-max-len.
// Executor only.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace thermocline::server {

class Client;

class SlowLog {
 public:
  static constexpr size_t kArgumentsMax = 32;       // of which the last may only count the rest
  static constexpr size_t kArgumentBytesMax = 128;  // of one argument

  struct Entry {
    int64_t id;
    int64_t unix_s;
    int64_t micros;
    std::vector<std::string> arguments;
    std::string peer_address;
    std::string client_name;
  };

  /// The newest entries stay, at most `max_entries`.
  void Add(const Client& client, std::span<const std::string_view> argv,
           std::span<const size_t> redacted, int64_t micros, int64_t now_ms, size_t max_entries);
  void Clear() { entries_.clear(); }
  /// Newest first.
  const std::deque<Entry>& entries() const { return entries_; }

 private:
  std::deque<Entry> entries_;
  int64_t next_id_ = 0;
};

}  // namespace thermocline::server
