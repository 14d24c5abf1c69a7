// What an entry of the slow log keeps; see slow_log.h.
#include "server/slow_log.h"

#include <algorithm>

#include "server/client.h"
#include "server/monitor.h"

namespace thermocline::server {

void SlowLog::Add(const Client& client, std::span<const std::string_view> argv,
                  std::span<const size_t> redacted, int64_t micros, int64_t now_ms,
                  size_t max_entries) {
  if (max_entries == 0) return;
  Entry entry{next_id_++, now_ms / 1000, micros, {}, client.peer_address, client.name};
  const bool cut = argv.size() > kArgumentsMax;
  const size_t shown = cut ? kArgumentsMax - 1 : argv.size();
  entry.arguments.reserve(shown + (cut ? 1 : 0));
  for (size_t i = 0; i < shown; ++i) {
    if (std::find(redacted.begin(), redacted.end(), i) != redacted.end()) {
      entry.arguments.emplace_back(kRedacted);
    } else if (argv[i].size() > kArgumentBytesMax) {
      entry.arguments.push_back(std::string(argv[i].substr(0, kArgumentBytesMax)) + "... (" +
                                std::to_string(argv[i].size() - kArgumentBytesMax) +
                                " more bytes)");
    } else {
      entry.arguments.emplace_back(argv[i]);
    }
  }
  if (cut) {
    entry.arguments.push_back("... (" + std::to_string(argv.size() - shown) + " more arguments)");
  }
  entries_.push_front(std::move(entry));
  while (entries_.size() > max_entries) entries_.pop_back();
}

}  // namespace thermocline::server
