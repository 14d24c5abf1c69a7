// MONITOR: the clients that watch every command, and the lines they get.
//
// Dispatch feeds a command after it ran, so EXEC comes behind what it ran, and a command that
// waited for cold keys or memory is told once. Administrative commands are not shown, and passwords
// are replaced where the handler said so (CommandContext::Redact). A watching client counts as a
// replica would: it may not touch keys, and no pause holds it. Executor only.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace thermocline::server {

class Client;
struct Command;
class Server;

/// What replaces an argument that must not be seen.
inline constexpr std::string_view kRedacted = "(redacted)";

/// Appends `text` in double quotes with C escapes, as MONITOR shows arguments.
void AppendQuoted(std::string* out, std::string_view text);

class Monitor {
 public:
  explicit Monitor(Server* server) : server_(*server) {}

  bool active() const { return !watchers_.empty(); }
  void Add(Client* client);
  void Remove(Client* client);
  /// `client` ran the command. `redacted`: indexes into argv.
  void Feed(const Client& client, const Command& command, std::span<const std::string_view> argv,
            std::span<const size_t> redacted);

 private:
  Server& server_;
  std::vector<Client*> watchers_;
  std::string line_;
};

}  // namespace thermocline::server
