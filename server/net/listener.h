// Listening sockets: from `bind`, `port` and `unixsocket` to file descriptors, and accepting from
// them.
//
// Plain system calls: libuv only polls the descriptors (event_loop.h). Error texts are the ones
// people know from Redis. The caller owns every descriptor returned.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "codec/status.h"

namespace thermocline::server::net {

/// Listens on all of `bind` ("*", "-::*", addresses; a leading '-' allows that address to be
/// missing). At least one works, or the error names the last that did not. Non-blocking,
/// close-on-exec.
codec::StatusOr<std::vector<int>> ListenTcp(const std::vector<std::string>& bind, int port,
                                            int backlog);
/// An existing socket file is replaced. `mode` 0: as the umask says.
codec::StatusOr<int> ListenUnix(const std::string& path, unsigned mode, int backlog);

struct Accepted {
  int fd = -1;  // -1: nobody there, see error
  int error = 0;
  bool unix_socket = false;
  bool loopback = false;
  std::string peer_address, local_address;  // "ip:port", "[ip6]:port", "path:0"
};
/// Non-blocking; TCP_NODELAY is set, and keepalive if `keepalive_s` > 0.
Accepted Accept(int listener, int keepalive_s, const std::string& unix_path);

}  // namespace thermocline::server::net
