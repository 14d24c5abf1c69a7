// The loop's handles and what they call; see event_loop.h.
#include "server/net/event_loop.h"

#include <glog/logging.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "server/allocator.h"
#include "server/net/listener.h"
#include "server/net/socket_connection.h"
#include "server/tick_clock.h"

namespace thermocline::server::net {

using codec::Status;
using codec::StatusOr;

namespace {

constexpr size_t kInputBytes = 1024 * 1024;
constexpr int kAcceptsMax = 1000;  // in one go

constexpr std::string_view kTooManyClients = "-ERR max number of clients reached\r\n";
constexpr std::string_view kProtectedMode =
    "-DENIED Redis is running in protected mode because protected mode is enabled and no password "
    "is set "
    "for the default user. In this mode connections are only accepted from the loopback interface. "
    "If you "
    "want to connect from external computers to Redis you may adopt one of the following "
    "solutions: 1) "
    "Just disable protected mode sending the command 'CONFIG SET protected-mode no' from the "
    "loopback "
    "interface by connecting to Redis from the same host the server is running, however MAKE SURE "
    "Redis is "
    "not publicly accessible from internet if you do so. Use CONFIG REWRITE to make this change "
    "permanent. "
    "2) Alternatively you can just disable the protected mode by editing the Redis configuration "
    "file, and "
    "setting the protected mode option to 'no', and then restarting the server. 3) If you started "
    "the "
    "server manually just for testing, restart it with the '--protected-mode no' option. 4) Setup "
    "a "
    "an authentication password for the default user. NOTE: You only need to do one of the above "
    "things in "
    "order for the server to start accepting connections from the outside.\r\n";

template <typename Handle>
void CloseHandle(Handle* handle) {
  auto* base = reinterpret_cast<uv_handle_t*>(handle);
  if (!uv_is_closing(base)) uv_close(base, nullptr);
}

}  // namespace

EventLoop::EventLoop(Server* server) : server_(*server), input_(new char[kInputBytes]) {
  CHECK_EQ(uv_loop_init(&loop_), 0);
  uv_prepare_init(&loop_, &prepare_);
  uv_idle_init(&loop_, &idle_);
  uv_timer_init(&loop_, &tick_timer_);
  uv_timer_init(&loop_, &cron_timer_);
  wake_fd_ = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  PCHECK(wake_fd_ >= 0) << "eventfd";
  CHECK_EQ(uv_poll_init(&loop_, &wake_poll_, wake_fd_), 0);
  uv_signal_init(&loop_, &sigterm_);
  uv_signal_init(&loop_, &sigint_);
  prepare_.data = sigterm_.data = sigint_.data = this;
  cron_timer_.data = this;
  tick_timer_.data = wake_poll_.data = this;
  uv_poll_start(&wake_poll_, UV_READABLE, OnWake);
  server_.apply_network = [this](ApplyAction action, const ServerConfig& config) {
    return ApplyConfig(action, config);
  };
}

EventLoop::~EventLoop() {
  if (loader_.joinable()) loader_.join();
  server_.apply_network = nullptr;
  CloseListeners();
  for (Client* client : server_.clients()) server_.CloseClient(client);
  CloseHandle(&prepare_);
  CloseHandle(&idle_);
  CloseHandle(&tick_timer_);
  CloseHandle(&cron_timer_);
  CloseHandle(&wake_poll_);
  CloseHandle(&sigterm_);
  CloseHandle(&sigint_);
  uv_run(&loop_, UV_RUN_DEFAULT);  // the close callbacks
  CHECK_EQ(uv_loop_close(&loop_), 0);
  close(wake_fd_);
}

// ---- listeners
// ------------------------------------------------------------------------------------

Status EventLoop::Listen() {
  const ServerConfig& config = server_.config();
  const int backlog = static_cast<int>(config.tcp_backlog);
  if (config.port != 0) {
    TC_ASSIGN_OR_RETURN(const std::vector<int> fds,
                        ListenTcp(config.bind, static_cast<int>(config.port), backlog));
    for (const int fd : fds) AddListener(fd, /*unix_socket=*/false);
  }
  if (!config.unixsocket.empty()) {
    TC_ASSIGN_OR_RETURN(
        const int fd,
        ListenUnix(config.unixsocket, static_cast<unsigned>(config.unixsocketperm), backlog));
    unix_path_ = config.unixsocket;
    AddListener(fd, /*unix_socket=*/true);
  }
  if (listeners_.empty())
    return Status::InvalidArgument("Configured to not listen anywhere, exiting.");
  return Status::Ok();
}

void EventLoop::AddListener(int fd, bool unix_socket) {
  auto* listener = new Listener{{}, this, fd, unix_socket};
  CHECK_EQ(uv_poll_init(&loop_, &listener->poll, fd), 0);
  listener->poll.data = listener;
  uv_poll_start(&listener->poll, UV_READABLE, OnAccept);
  listeners_.push_back(listener);
}

void EventLoop::CloseListeners(bool tcp_only) {
  std::vector<Listener*> kept;
  for (Listener* listener : listeners_) {
    if (tcp_only && listener->unix_socket) {
      kept.push_back(listener);
      continue;
    }
    const int fd = listener->fd;
    if (listener->unix_socket) unlink(unix_path_.c_str());
    uv_close(reinterpret_cast<uv_handle_t*>(&listener->poll),
             [](uv_handle_t* handle) { delete static_cast<Listener*>(handle->data); });
    close(fd);
  }
  listeners_ = std::move(kept);
}

void EventLoop::OnAccept(uv_poll_t* poll, int status, int events) {
  auto* listener = static_cast<Listener*>(poll->data);
  if (status >= 0) listener->loop->AcceptFrom(listener->fd);
}

void EventLoop::AcceptFrom(int listener) {
  for (int i = 0; i < kAcceptsMax; ++i) {
    Accepted accepted =
        Accept(listener, static_cast<int>(server_.config().tcp_keepalive_s), unix_path_);
    if (accepted.fd < 0) {
      if (accepted.error != EAGAIN) {
        LOG_EVERY_N(WARNING, 1000)
            << "Accepting client connection: " << std::strerror(accepted.error);
      }
      return;
    }
    Admit(accepted.fd, accepted.unix_socket, accepted.loopback, std::move(accepted.peer_address),
          std::move(accepted.local_address));
  }
}

void EventLoop::Admit(int fd, bool unix_socket, bool loopback, std::string peer,
                      std::string local) {
  const ServerConfig& config = server_.config();
  std::string_view refusal;
  if (server_.client_count() >= static_cast<size_t>(config.maxclients)) {
    refusal = kTooManyClients;
  } else if (config.protected_mode && config.requirepass.empty() && !loopback) {
    refusal = kProtectedMode;
  }
  if (!refusal.empty()) {
    ++server_.stats().connections_rejected;
    (void)!write(fd, refusal.data(), refusal.size());
    close(fd);
    return;
  }
  auto connection = std::make_unique<SocketConnection>(this, fd);
  SocketConnection* socket = connection.get();
  Client* client = server_.CreateClient(std::move(connection));
  ++server_.stats().connections_received;
  client->fd = fd;
  client->unix_socket = unix_socket;
  client->loopback = loopback;
  client->peer_address = std::move(peer);
  client->local_address = std::move(local);
  if (!socket->Start(client)) server_.CloseClient(client);
}

// ---- ticks
// ----------------------------------------------------------------------------------------

char* EventLoop::ReserveInput(size_t bytes) {
  if (input_used_ + bytes > kInputBytes) {
    server_.RunQueued();
    input_used_ = 0;
  }
  return input_.get() + input_used_;
}

void EventLoop::Wake() {
  // Fails only when the counter is full, and then the loop will wake up anyway.
  (void)!eventfd_write(wake_fd_, 1);
}

// The next tick looks at everything that somebody could have woken the loop for.
void EventLoop::OnWake(uv_poll_t* poll, int /*status*/, int /*events*/) {
  eventfd_t count = 0;
  (void)!eventfd_read(static_cast<EventLoop*>(poll->data)->wake_fd_, &count);
}

void EventLoop::OnPrepare(uv_prepare_t* prepare) {
  auto* self = static_cast<EventLoop*>(prepare->data);
  if (self->loaded_.load(std::memory_order_acquire)) self->FinishLoading();
  if (self->waiting_since_ != 0) {
    self->server_.OnWaited(static_cast<int64_t>(TicksToMicros(ReadTicks() - self->waiting_since_)));
    self->waiting_since_ = 0;
  }
  const int64_t next_ms = self->server_.Tick();
  self->input_used_ = 0;
  if (self->server_.shutdown_requested()) {
    uv_stop(&self->loop_);
    return;
  }
  if (next_ms <= 0) {
    if (!self->idling_) {  // an active idle handle makes the poll return at once
      uv_idle_start(&self->idle_, [](uv_idle_t*) {});
      self->idling_ = true;
    }
    return;
  }
  if (self->idling_) {
    uv_idle_stop(&self->idle_);
    self->idling_ = false;
  }
  self->waiting_since_ = ReadTicks();
  const PollWait::Plan& plan = self->server_.wait_plan();
  if (plan.pause_us > 0) {
    const timespec pause{0, plan.pause_us * 1000};
    nanosleep(&pause, nullptr);
  } else if (plan.poll_us > 0) {
    self->PollOn(plan.poll_us);
  }
  const uint64_t due_ms = uv_now(&self->loop_) + static_cast<uint64_t>(next_ms);
  if (self->tick_due_ms_ == 0 || due_ms < self->tick_due_ms_) {
    self->tick_due_ms_ = due_ms;
    uv_timer_start(
        &self->tick_timer_,
        [](uv_timer_t* timer) { static_cast<EventLoop*>(timer->data)->tick_due_ms_ = 0; },
        static_cast<uint64_t>(next_ms), 0);
  }
}

// What libuv has not yet told the kernel, a socket accepted in this tick, is seen by the poll that
// follows.
void EventLoop::PollOn(int64_t us) const {
  const uint64_t until =
      ReadTicks() + static_cast<uint64_t>(static_cast<double>(us) * TicksPerMicro());
  const int poll_fd = uv_backend_fd(&loop_);
  epoll_event event;
  while (epoll_wait(poll_fd, &event, 1, 0) == 0 && ReadTicks() < until) {
  }
}

void EventLoop::StartCron() {
  const uint64_t period_ms =
      1000 / static_cast<uint64_t>(std::max<int64_t>(server_.config().hz, 1));
  uv_timer_start(
      &cron_timer_, [](uv_timer_t* timer) { static_cast<EventLoop*>(timer->data)->server_.Cron(); },
      period_ms, std::max<uint64_t>(period_ms, 1));
}

void EventLoop::OnSignal(uv_signal_t* signal, int number) {
  auto* self = static_cast<EventLoop*>(signal->data);
  const bool interrupt = number == SIGINT;
  if (interrupt && self->signalled_) {
    LOG(WARNING) << "You insist... exiting now.";
    std::_Exit(1);
  }
  self->signalled_ = self->signalled_ || interrupt;
  LOG(WARNING) << "Received " << (interrupt ? "SIGINT" : "SIGTERM") << " scheduling shutdown...";
  const ServerConfig& config = self->server_.config();
  const uint32_t flags = interrupt ? config.shutdown_on_sigint : config.shutdown_on_sigterm;
  self->server_.RequestShutdown({.save = (flags & kShutdownSave) != 0,
                                 .nosave = (flags & kShutdownNosave) != 0,
                                 .now = (flags & kShutdownNow) != 0,
                                 .force = true});
}

Status EventLoop::Run() {
  prctl(PR_SET_TIMERSLACK, 1);  // of this thread; 50 us otherwise, as long as a pause
  signal(SIGPIPE, SIG_IGN);
  signal(SIGXFSZ, SIG_IGN);  // a limit on file sizes is met like a full disk
  signal(SIGHUP, SIG_IGN);
  uv_prepare_start(&prepare_, OnPrepare);
  uv_signal_start(&sigterm_, OnSignal, SIGTERM);
  uv_signal_start(&sigint_, OnSignal, SIGINT);
  StartCron();
  uv_run(&loop_, UV_RUN_DEFAULT);
  uv_prepare_stop(&prepare_);
  if (loader_.joinable()) {  // asked to stop while the database opened
    loader_.join();
    if (loaded_.load(std::memory_order_acquire)) FinishLoading();
  }
  return load_status_;
}

// ---- loading
// ---------------------------------------------------------------------------------------

void EventLoop::StartLoading(engine::Options options) {
  options.wake = [this] { Wake(); };
  options.wake_fd = wake_fd_;
  loader_ = std::thread([this, options = std::move(options)]() mutable {
    AllocateInHugePages();  // what is replayed
    StatusOr<std::unique_ptr<engine::Database>> database =
        engine::Database::Open(std::move(options));
    if (database.ok()) {
      loaded_database_ = std::move(*database);
    } else {
      load_status_ = database.status();
    }
    loaded_.store(true, std::memory_order_release);
    Wake();
  });
}

void EventLoop::FinishLoading() {
  if (loader_.joinable()) loader_.join();
  loaded_.store(false, std::memory_order_relaxed);
  if (loaded_database_ == nullptr) {
    server_.RequestShutdown({.nosave = true, .now = true, .force = true});
    return;
  }
  server_.SetDatabase(std::move(loaded_database_));
  server_.UpdateTime();
  LOG(INFO) << "Database opened in " << server_.now_ms() - server_.loading_since_ms() << " ms";
  LOG(INFO) << "Ready to accept connections";
  if (on_ready) on_ready();
}

Status EventLoop::ApplyConfig(ApplyAction action, const ServerConfig& config) {
  if (action == ApplyAction::kCron) {
    StartCron();
    return Status::Ok();
  }
  // port, bind: new and old sockets may overlap, so the old ones go first. On failure Config
  // applies the old values again.
  CloseListeners(/*tcp_only=*/true);
  if (config.port == 0) return Status::Ok();
  const StatusOr<std::vector<int>> fds =
      ListenTcp(config.bind, static_cast<int>(config.port), static_cast<int>(config.tcp_backlog));
  if (!fds.ok()) {
    LOG(WARNING) << fds.status().message();
    return Status::InvalidArgument("Unable to listen on this port. Check server logs.");
  }
  for (const int fd : *fds) AddListener(fd, /*unix_socket=*/false);
  return Status::Ok();
}

}  // namespace thermocline::server::net
