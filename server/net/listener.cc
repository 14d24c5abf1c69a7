// socket, bind, listen, accept; see listener.h.
#include "server/net/listener.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string_view>

namespace thermocline::server::net {

using codec::Status;
using codec::StatusOr;

namespace {

std::string ErrnoText() { return std::strerror(errno); }

StatusOr<int> ListenOn(const std::string& address, int port, int backlog) {
  const bool any = address == "*" || address == "::*";
  const bool v6 = address == "::*" || address.find(':') != std::string::npos;
  addrinfo hints{};
  hints.ai_family = v6 ? AF_INET6 : AF_INET;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_PASSIVE;
  addrinfo* found = nullptr;
  const int rc =
      getaddrinfo(any ? nullptr : address.c_str(), std::to_string(port).c_str(), &hints, &found);
  if (rc != 0) return Status::InvalidArgument(gai_strerror(rc));
  const int fd =
      socket(found->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, found->ai_protocol);
  Status error;
  const int on = 1;
  if (fd < 0) {
    error = Status::Unsupported("socket: " + ErrnoText());
  } else if ((v6 && setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on) != 0) ||
             setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0) {
    error = Status::IoError("setsockopt: " + ErrnoText());
  } else if (::bind(fd, found->ai_addr, found->ai_addrlen) != 0) {
    const bool missing = errno == EADDRNOTAVAIL || errno == EAFNOSUPPORT;
    error = missing ? Status::Unsupported("bind: " + ErrnoText())
                    : Status::IoError("bind: " + ErrnoText());
  } else if (listen(fd, backlog) != 0) {
    error = Status::IoError("listen: " + ErrnoText());
  }
  freeaddrinfo(found);
  if (error.ok()) return fd;
  if (fd >= 0) close(fd);
  return error;
}

std::string AddressText(const sockaddr_storage& address) {
  char host[INET6_ADDRSTRLEN] = "?";
  if (address.ss_family == AF_INET) {
    const auto& v4 = reinterpret_cast<const sockaddr_in&>(address);
    inet_ntop(AF_INET, &v4.sin_addr, host, sizeof host);
    return std::string(host) + ":" + std::to_string(ntohs(v4.sin_port));
  }
  if (address.ss_family == AF_INET6) {
    const auto& v6 = reinterpret_cast<const sockaddr_in6&>(address);
    inet_ntop(AF_INET6, &v6.sin6_addr, host, sizeof host);
    return "[" + std::string(host) + "]:" + std::to_string(ntohs(v6.sin6_port));
  }
  return "?:0";
}

bool IsLoopback(const sockaddr_storage& address) {
  if (address.ss_family == AF_INET) {
    const auto& v4 = reinterpret_cast<const sockaddr_in&>(address);
    return (ntohl(v4.sin_addr.s_addr) >> 24) == 127;
  }
  if (address.ss_family == AF_INET6) {
    const auto& v6 = reinterpret_cast<const sockaddr_in6&>(address);
    return IN6_IS_ADDR_LOOPBACK(&v6.sin6_addr) != 0;
  }
  return false;
}

}  // namespace

StatusOr<std::vector<int>> ListenTcp(const std::vector<std::string>& bind, int port, int backlog) {
  std::vector<int> fds;
  Status last_error = Status::InvalidArgument("no address to bind");
  for (const std::string& written : bind) {
    const bool optional = !written.empty() && written[0] == '-';
    const std::string address = optional ? written.substr(1) : written;
    StatusOr<int> fd = ListenOn(address, port, backlog);
    if (fd.ok()) {
      fds.push_back(*fd);
      continue;
    }
    last_error = fd.status().Annotate("Could not create server TCP listening socket " + address +
                                      ":" + std::to_string(port));
    // As in Redis: what the machine does not have may be missing; what somebody else uses may not.
    const bool missing = fd.status().code() == codec::StatusCode::kUnsupported;
    if (missing && optional) continue;
    for (const int open : fds) close(open);
    return last_error;
  }
  if (fds.empty()) return last_error;
  return fds;
}

StatusOr<int> ListenUnix(const std::string& path, unsigned mode, int backlog) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) {
    return Status::InvalidArgument("Failed opening Unix socket: the path is too long: " + path);
  }
  std::copy(path.begin(), path.end(), address.sun_path);
  unlink(path.c_str());
  const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return Status::IoError("Failed opening Unix socket: socket: " + ErrnoText());
  std::string failed;
  if (::bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) {
    failed = "bind: " + ErrnoText();
  } else if (mode != 0 && chmod(path.c_str(), mode) != 0) {
    failed = "chmod: " + ErrnoText();
  } else if (listen(fd, backlog) != 0) {
    failed = "listen: " + ErrnoText();
  }
  if (failed.empty()) return fd;
  close(fd);
  return Status::IoError("Failed opening Unix socket: " + failed);
}

Accepted Accept(int listener, int keepalive_s, const std::string& unix_path) {
  Accepted accepted;
  sockaddr_storage peer{};
  socklen_t length = sizeof peer;
  do {
    accepted.fd = accept4(listener, reinterpret_cast<sockaddr*>(&peer), &length,
                          SOCK_NONBLOCK | SOCK_CLOEXEC);
  } while (accepted.fd < 0 && errno == EINTR);
  if (accepted.fd < 0) {
    accepted.error = errno;
    return accepted;
  }
  if (peer.ss_family == AF_UNIX) {
    accepted.unix_socket = accepted.loopback = true;
    accepted.peer_address = accepted.local_address = unix_path + ":0";
    return accepted;
  }
  const int on = 1;
  (void)setsockopt(accepted.fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  if (keepalive_s > 0) {
    const int interval = std::max(keepalive_s / 3, 1);
    const int probes = 3;
    (void)setsockopt(accepted.fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
    (void)setsockopt(accepted.fd, IPPROTO_TCP, TCP_KEEPIDLE, &keepalive_s, sizeof keepalive_s);
    (void)setsockopt(accepted.fd, IPPROTO_TCP, TCP_KEEPINTVL, &interval, sizeof interval);
    (void)setsockopt(accepted.fd, IPPROTO_TCP, TCP_KEEPCNT, &probes, sizeof probes);
  }
  accepted.peer_address = AddressText(peer);
  accepted.loopback = IsLoopback(peer);
  sockaddr_storage local{};
  length = sizeof local;
  if (getsockname(accepted.fd, reinterpret_cast<sockaddr*>(&local), &length) == 0) {
    accepted.local_address = AddressText(local);
  }
  return accepted;
}

}  // namespace thermocline::server::net
