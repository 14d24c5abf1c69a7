// SocketConnection: a client's socket, polled by libuv, read and written directly.
//
// libuv only says when the socket is ready (uv_poll): read(2) goes into the loop's arena, where
// requests are executed in place, and write(2) takes the client's output string as it is. That is
// one copy and several allocations a request less than libuv's streams. Loop thread only. The poll
// handle outlives the object until libuv lets go of it.
#pragma once

#include <uv.h>

#include <cstdint>
#include <string_view>

#include "server/client.h"

namespace thermocline::server::net {

class EventLoop;

class SocketConnection final : public Connection {
 public:
  /// Takes the descriptor. Start() begins polling once the client exists.
  SocketConnection(EventLoop* loop, int fd) : loop_(*loop), fd_(fd) {}
  ~SocketConnection() override { Close(); }
  /// False: the descriptor cannot be polled.
  bool Start(Client* client);

  int64_t Write(std::string_view bytes) override;
  void WatchWritable() override;
  void SetReading(bool on) override;
  void Close() override;

 private:
  // What libuv holds on to after Close.
  struct Handle {
    uv_poll_t poll;
    SocketConnection* owner;
  };
  static void OnPoll(uv_poll_t* poll, int status, int events);
  void Read();
  void Watch();

  EventLoop& loop_;
  int fd_;
  Client* client_ = nullptr;
  Handle* handle_ = nullptr;
  bool reading_ = true;
  bool wants_writable_ = false;
};

}  // namespace thermocline::server::net
