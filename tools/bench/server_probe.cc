// See server_probe.h.
#include "tools/bench/server_probe.h"

#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstring>
#include <fstream>
#include <iterator>
#include <sstream>

#include "tools/bench/reply_scanner.h"

namespace thermocline::tools {
namespace {

std::string ReadFile(const std::string& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

uint64_t NumberAfter(std::string_view text, std::string_view label) {
  const size_t at = text.find(label);
  if (at == std::string_view::npos) return 0;
  const char* begin = text.data() + at + label.size();
  uint64_t value = 0;
  std::from_chars(begin, text.data() + text.size(), value);
  return value;
}

}  // namespace

int ConnectTo(const std::string& host, int port, std::string* error) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  if (const int rc = getaddrinfo(host.c_str(), std::to_string(port).c_str(), &hints, &found)) {
    *error = host + ": " + gai_strerror(rc);
    return -1;
  }
  const int fd = socket(found->ai_family, found->ai_socktype | SOCK_CLOEXEC, found->ai_protocol);
  const bool connected = fd >= 0 && connect(fd, found->ai_addr, found->ai_addrlen) == 0;
  const int reason = errno;
  freeaddrinfo(found);
  if (!connected) {
    *error = "cannot connect to " + host + ":" + std::to_string(port) + ": " + strerror(reason);
    if (fd >= 0) close(fd);
    return -1;
  }
  const int on = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
  return fd;
}

bool ServerProbe::Refresh(std::string* error) {
  const int fd = ConnectTo(host_, port_, error);
  if (fd < 0) return false;
  const timeval timeout{.tv_sec = 60, .tv_usec = 0};
  setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout));
  constexpr std::string_view kRequest = "*2\r\n$4\r\nINFO\r\n$3\r\nALL\r\n";
  bool answered = false;
  std::string buffer;
  if (send(fd, kRequest.data(), kRequest.size(), MSG_NOSIGNAL) ==
      static_cast<ssize_t>(kRequest.size())) {
    ReplyScanner scanner;
    ScannedReply reply;
    size_t consumed = 0;
    char chunk[16384];
    while (!answered) {
      const ssize_t got = recv(fd, chunk, sizeof(chunk), 0);
      if (got <= 0) break;
      buffer.append(chunk, static_cast<size_t>(got));
      const auto result = scanner.Next(buffer, &reply, &consumed);
      if (result == ReplyScanner::Result::kBroken) break;
      answered = result == ReplyScanner::Result::kReply;
    }
    if (answered) info_ = reply.payload;
  }
  close(fd);
  if (!answered) *error = "no answer to INFO";
  return answered;
}

std::string_view ServerProbe::Field(std::string_view name) const {
  const std::string label = "\n" + std::string(name) + ":";
  const size_t at = info_.find(label);
  if (at == std::string::npos) return {};
  const size_t begin = at + label.size();
  return std::string_view(info_).substr(begin, info_.find('\r', begin) - begin);
}

uint64_t ServerProbe::NumberField(std::string_view name) const {
  const std::string_view text = Field(name);
  uint64_t value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

uint64_t ServerProbe::Keys() const {
  uint64_t keys = 0;
  for (size_t at = info_.find(":keys="); at != std::string::npos;
       at = info_.find(":keys=", at + 1)) {
    keys += NumberAfter(std::string_view(info_).substr(at), ":keys=");
  }
  return keys;
}

ServerUsage ServerProbe::Usage() const {
  ServerUsage usage;
  const uint64_t pid = NumberField("process_id");
  if (pid == 0) return usage;
  const std::string folder = "/proc/" + std::to_string(pid) + "/";
  // The second field is the program's name in brackets and may hold anything: count from its end.
  const std::string stat = ReadFile(folder + "stat");
  const size_t name_end = stat.rfind(')');
  if (name_end != std::string::npos) {
    std::istringstream fields(stat.substr(name_end + 1));
    std::string skipped;
    uint64_t user_ticks = 0;
    uint64_t system_ticks = 0;
    for (int field = 3; field < 14; ++field) fields >> skipped;
    fields >> user_ticks >> system_ticks;
    usage.cpu_seconds =
        static_cast<double>(user_ticks + system_ticks) / static_cast<double>(sysconf(_SC_CLK_TCK));
  }
  std::istringstream memory(ReadFile(folder + "statm"));
  uint64_t total_pages = 0;
  uint64_t resident_pages = 0;
  memory >> total_pages >> resident_pages;
  usage.rss_bytes = resident_pages * static_cast<uint64_t>(sysconf(_SC_PAGESIZE));
  const std::string io = ReadFile(folder + "io");
  usage.device_read_bytes = NumberAfter(io, "\nread_bytes: ");
  usage.device_write_bytes = NumberAfter(io, "\nwrite_bytes: ");
  return usage;
}

}  // namespace thermocline::tools
