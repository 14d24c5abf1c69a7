// Lines of MONITOR; see monitor.h.
#include "server/monitor.h"

#include <time.h>

#include <algorithm>
#include <cstdio>

#include "server/client.h"
#include "server/commands/command_table.h"
#include "server/server.h"

namespace thermocline::server {

void AppendQuoted(std::string* out, std::string_view text) {
  constexpr char kHex[] = "0123456789abcdef";
  out->push_back('"');
  for (const char c : text) {
    switch (c) {
      case '\\':
      case '"':
        out->push_back('\\');
        out->push_back(c);
        break;
      case '\n':
        out->append("\\n");
        break;
      case '\r':
        out->append("\\r");
        break;
      case '\t':
        out->append("\\t");
        break;
      case '\a':
        out->append("\\a");
        break;
      case '\b':
        out->append("\\b");
        break;
      default: {
        const auto byte = static_cast<unsigned char>(c);
        if (byte >= ' ' && byte <= '~') {
          out->push_back(c);
        } else {
          out->append("\\x");
          out->push_back(kHex[byte >> 4]);
          out->push_back(kHex[byte & 15]);
        }
      }
    }
  }
  out->push_back('"');
}

void Monitor::Add(Client* client) {
  client->monitor = true;
  watchers_.push_back(client);
}

void Monitor::Remove(Client* client) {
  if (!client->monitor) return;
  client->monitor = false;
  watchers_.erase(std::find(watchers_.begin(), watchers_.end(), client));
}

void Monitor::Feed(const Client& client, const Command& command,
                   std::span<const std::string_view> argv, std::span<const size_t> redacted) {
  if (command.Has(kSkipMonitor | kAdmin)) return;
  timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  char head[64];
  std::snprintf(head, sizeof head, "+%lld.%06ld [%d ", static_cast<long long>(now.tv_sec),
                now.tv_nsec / 1000, client.db);
  line_.assign(head);
  if (client.unix_socket) {
    line_.append("unix:").append(server_.config().unixsocket);
  } else {
    line_.append(client.peer_address);
  }
  line_.push_back(']');
  for (size_t i = 0; i < argv.size(); ++i) {
    const bool hidden = std::find(redacted.begin(), redacted.end(), i) != redacted.end();
    line_.push_back(' ');
    AppendQuoted(&line_, hidden ? kRedacted : argv[i]);
  }
  line_.append("\r\n");
  for (Client* watcher : watchers_) {
    // Lines are replies, not pushes: CLIENT REPLY OFF holds them back.
    if (watcher->reply_mode == ReplyMode::kOn) server_.Push(watcher, line_);
  }
}

}  // namespace thermocline::server
