// Reading and writing a client's socket; see socket_connection.h.
#include "server/net/socket_connection.h"

#include <glog/logging.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "server/net/event_loop.h"
#include "server/server.h"

namespace thermocline::server::net {

namespace {

// An incomplete request up to this size is moved in front of what is read next; a larger one is
// completed where it lies.
constexpr size_t kMovedBytesMax = 16 * 1024;
constexpr size_t kReadIntoPendingMax = 128 * 1024;

}  // namespace

bool SocketConnection::Start(Client* client) {
  client_ = client;
  auto* handle = new Handle{{}, this};
  if (uv_poll_init(loop_.uv(), &handle->poll, fd_) != 0) {
    delete handle;
    return false;
  }
  handle->poll.data = handle;
  handle_ = handle;
  Watch();
  return true;
}

void SocketConnection::Watch() {
  if (handle_ == nullptr) return;
  const int events = (reading_ ? UV_READABLE : 0) | (wants_writable_ ? UV_WRITABLE : 0);
  if (events == 0) {
    uv_poll_stop(&handle_->poll);
  } else {
    uv_poll_start(&handle_->poll, events, OnPoll);
  }
}

void SocketConnection::OnPoll(uv_poll_t* poll, int status, int events) {
  SocketConnection* self = static_cast<Handle*>(poll->data)->owner;
  if (self == nullptr) return;
  Server& server = self->loop_.server();
  if (status < 0) {
    server.CloseClient(self->client_);
    return;
  }
  if (events & UV_WRITABLE) {
    self->wants_writable_ = false;
    self->Watch();
    server.OnWritable(self->client_);
  }
  if ((events & UV_READABLE) && self->reading_) self->Read();
}

void SocketConnection::Read() {
  Server& server = loop_.server();
  std::string& pending = client_->pending;
  const size_t before = pending.size();
  ssize_t n;
  if (client_->is_parked() || before > kMovedBytesMax) {
    const size_t room =
        std::clamp(client_->parser.BytesWanted(), kMovedBytesMax, kReadIntoPendingMax);
    pending.resize(before + room);
    n = read(fd_, pending.data() + before, room);
    const int error = errno;
    pending.resize(before + static_cast<size_t>(std::max<ssize_t>(n, 0)));
    errno = error;
    if (n > 0) server.OnInput(client_, {}, static_cast<size_t>(n));
  } else {
    char* at = loop_.ReserveInput(before + kReadBytes);
    std::memcpy(at, pending.data(), before);
    n = read(fd_, at + before, kReadBytes);
    if (n > 0) {
      pending.clear();
      const size_t size = before + static_cast<size_t>(n);
      loop_.UseInput(size);
      server.OnInput(client_, {at, size}, static_cast<size_t>(n));
    }
  }
  if (n > 0) return;
  if (n == 0) {
    server.OnInputClosed(client_);
  } else if (errno != EAGAIN && errno != EINTR) {
    VLOG(1) << "Reading from client id=" << client_->id() << ": " << std::strerror(errno);
    server.CloseClient(client_);
  }
}

int64_t SocketConnection::Write(std::string_view bytes) {
  size_t written = 0;
  while (written < bytes.size()) {
    const ssize_t n = write(fd_, bytes.data() + written, bytes.size() - written);
    if (n > 0) {
      written += static_cast<size_t>(n);
      continue;
    }
    if (n < 0 && errno == EINTR) continue;
    if (n < 0 && errno != EAGAIN) {
      VLOG(1) << "Writing to client id=" << client_->id() << ": " << std::strerror(errno);
      return -1;
    }
    break;
  }
  return static_cast<int64_t>(written);
}

void SocketConnection::WatchWritable() {
  wants_writable_ = true;
  Watch();
}

void SocketConnection::SetReading(bool on) {
  reading_ = on;
  Watch();
}

void SocketConnection::Close() {
  if (handle_ != nullptr) {
    handle_->owner = nullptr;
    uv_close(reinterpret_cast<uv_handle_t*>(&handle_->poll),
             [](uv_handle_t* handle) { delete static_cast<Handle*>(handle->data); });
    handle_ = nullptr;
  }
  if (fd_ >= 0) {
    close(fd_);
    fd_ = -1;
  }
}

}  // namespace thermocline::server::net
