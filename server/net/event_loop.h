// EventLoop: libuv around a Server. Listeners, timers, signals, wake-ups, the opening of the
// database.
//
// One loop iteration is one tick of the server: sockets are read in the poll phase, and right
// before the next poll (uv_prepare) Server::Tick() runs what was read, ends the engine's tick and
// writes replies; then the loop waits for sockets as poll_wait.h says. Everything is
// on the thread that calls Run(), except the database's Open, which a worker runs so that clients
// are answered -LOADING meanwhile, and Wake(), which any thread may call.
#pragma once

#include <uv.h>

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "codec/status.h"
#include "engine/options.h"
#include "server/config/config.h"
#include "server/server.h"

namespace thermocline::server::net {

inline constexpr size_t kReadBytes = 64 * 1024;  // of one client, at once

class EventLoop {
 public:
  explicit EventLoop(Server* server);
  /// REQUIRES: Run() has returned, or was never called.
  ~EventLoop();
  EventLoop(const EventLoop&) = delete;
  EventLoop& operator=(const EventLoop&) = delete;

  /// Opens the sockets that the config names.
  codec::Status Listen();
  /// Opens the database on a worker thread. Its failure ends Run().
  void StartLoading(engine::Options options);
  /// Until somebody asks for the stop of the process or loading fails.
  codec::Status Run();
  /// Any thread: the loop has something to look at.
  void Wake();
  /// No new clients from now on.
  void CloseListeners(bool tcp_only = false);

  /// The database is open and commands are answered.
  std::function<void()> on_ready;

  Server& server() { return server_; }
  uv_loop_t* uv() { return &loop_; }
  /// Room for bytes that stay until the end of the tick. What was reserved before may have been run
  /// and forgotten by the call, what was used since the last tick stays valid otherwise.
  char* ReserveInput(size_t bytes);
  void UseInput(size_t bytes) { input_used_ += (bytes + 63) & ~size_t{63}; }

 private:
  struct Listener {
    uv_poll_t poll;
    EventLoop* loop;
    int fd;
    bool unix_socket;
  };
  static void OnPrepare(uv_prepare_t* prepare);
  static void OnWake(uv_poll_t* poll, int status, int events);
  static void OnAccept(uv_poll_t* poll, int status, int events);
  static void OnSignal(uv_signal_t* signal, int number);
  /// Until something is to be read or written, or `us` microseconds have passed.
  void PollOn(int64_t us) const;
  void AddListener(int fd, bool unix_socket);
  void AcceptFrom(int fd);
  void Admit(int fd, bool unix_socket, bool loopback, std::string peer, std::string local);
  void FinishLoading();
  codec::Status ApplyConfig(ApplyAction action, const ServerConfig& config);
  void StartCron();

  Server& server_;
  uv_loop_t loop_;
  uv_prepare_t prepare_;
  uv_idle_t idle_;
  uv_timer_t tick_timer_;
  uv_timer_t cron_timer_;
  // Not uv_async: there the loop, once woken, spins until the sender has left uv_async_send, and
  // senders have a lower priority, so the loop preempts them just there.
  uv_poll_t wake_poll_;
  int wake_fd_ = -1;  // eventfd
  uv_signal_t sigterm_, sigint_;
  uint64_t tick_due_ms_ = 0;  // when tick_timer_ fires; 0: it does not
  bool idling_ = false;
  uint64_t waiting_since_ = 0;  // ticks of tick_clock.h; 0: the last tick wanted the next at once
  std::vector<Listener*> listeners_;  // each goes when libuv has closed it
  std::string unix_path_;

  std::unique_ptr<char[]> input_;
  size_t input_used_ = 0;

  std::thread loader_;
  std::atomic<bool> loaded_{false};
  std::unique_ptr<engine::Database> loaded_database_;  // of the loader until loaded_ is set
  codec::Status load_status_;
  bool signalled_ = false;
};

}  // namespace thermocline::server::net
