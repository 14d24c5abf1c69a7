// See load_generator.h.
#include "tools/bench/load_generator.h"

#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <deque>
#include <memory>
#include <thread>

#include "tools/bench/reply_scanner.h"
#include "tools/bench/value_source.h"

namespace thermocline::tools {
namespace {

constexpr size_t kReadChunk = 64 << 10;
constexpr uint64_t kIdleWaitNs = 50'000'000;
constexpr uint64_t kDrainNs = 5'000'000'000;

uint64_t NowNs() {
  return static_cast<uint64_t>(std::chrono::duration_cast<std::chrono::nanoseconds>(
                                   std::chrono::steady_clock::now().time_since_epoch())
                                   .count());
}

struct Window {
  uint64_t measure_ns;  // replies from here
  uint64_t end_ns;      // to here are counted; no request is sent afterwards
};

struct InFlight {
  uint64_t start_ns;
  uint64_t key;
  LoadCommand command;
};

struct Connection {
  int fd = -1;
  size_t class_index = 0;
  std::string out;
  size_t out_sent = 0;
  std::string in;
  bool waits_for_write = false;
  uint64_t requests_left = UINT64_MAX;
  size_t next_request = 0;  // of LoadSpec::requests
  ReplyScanner scanner;
  std::deque<InFlight> in_flight;
  std::unique_ptr<KeyPicker> picker;

  Connection() = default;
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;
  ~Connection() {
    if (fd >= 0) close(fd);
  }
};

// What a thread knows of one class.
struct ClassState {
  const LoadSpec* spec = nullptr;
  uint32_t total_weight = 0;
  double interval_ns = 0;  // open loop: between two requests of this thread; 0: closed loop
  double next_due_ns = 0;
  std::vector<Connection*> connections;
  size_t next_connection = 0;
  ClassResult result;
};

class Worker {
 public:
  Worker(const LoadOptions& options, uint64_t seed) : options_(options), random_(seed) {}
  ~Worker() {
    if (epoll_ >= 0) close(epoll_);
  }
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  void AddClass(const LoadSpec& spec, double rate) {
    ClassState state;
    state.spec = &spec;
    for (const WeightedCommand& command : spec.commands) state.total_weight += command.weight;
    if (rate > 0) state.interval_ns = 1e9 / rate;
    classes_.push_back(std::move(state));
  }

  bool AddConnection(size_t class_index, const KeyPicker& prototype, uint64_t seed,
                     std::string* error) {
    if (epoll_ < 0) epoll_ = epoll_create1(EPOLL_CLOEXEC);
    auto connection = std::make_unique<Connection>();
    connection->fd = ConnectTo(options_.host, options_.port, error);
    if (connection->fd < 0) return false;
    fcntl(connection->fd, F_SETFL, fcntl(connection->fd, F_GETFL) | O_NONBLOCK);
    connection->class_index = class_index;
    connection->picker = std::make_unique<KeyPicker>(prototype, seed);
    if (options_.request_limit > 0) connection->requests_left = options_.request_limit;
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.ptr = connection.get();
    if (epoll_ctl(epoll_, EPOLL_CTL_ADD, connection->fd, &event) != 0) {
      *error = std::string("epoll_ctl: ") + strerror(errno);
      return false;
    }
    classes_[class_index].connections.push_back(connection.get());
    connections_.push_back(std::move(connection));
    return true;
  }

  void Run(Window window) {
    window_ = window;
    for (ClassState& state : classes_) {
      // Threads begin their schedules at different phases of the interval.
      state.next_due_ns = static_cast<double>(NowNs()) + random_.Unit() * state.interval_ns;
    }
    for (const auto& connection : connections_) {
      if (classes_[connection->class_index].interval_ns == 0) SendBatch(connection.get(), NowNs());
    }
    std::vector<epoll_event> events(256);
    while (error_.empty()) {
      const uint64_t now = NowNs();
      if (now >= window_.end_ns + kDrainNs) break;
      if (now >= window_.end_ns || options_.request_limit > 0) {
        if (IsQuiet(now)) break;
      }
      const uint64_t wait_ns = now < window_.end_ns ? DispatchDue(now) : kIdleWaitNs;
      const timespec timeout{.tv_sec = 0, .tv_nsec = static_cast<long>(wait_ns)};
      const int ready =
          epoll_pwait2(epoll_, events.data(), static_cast<int>(events.size()), &timeout, nullptr);
      for (int i = 0; i < ready && error_.empty(); ++i) {
        auto* connection = static_cast<Connection*>(events[static_cast<size_t>(i)].data.ptr);
        if (events[static_cast<size_t>(i)].events & EPOLLOUT) Flush(connection);
        if (events[static_cast<size_t>(i)].events & (EPOLLIN | EPOLLHUP | EPOLLERR)) {
          Receive(connection);
        }
      }
    }
    for (ClassState& state : classes_) {
      if (state.interval_ns > 0 && state.next_due_ns < static_cast<double>(window_.end_ns)) {
        const double unsent = static_cast<double>(window_.end_ns) - state.next_due_ns;
        state.result.unsent = static_cast<uint64_t>(unsent / state.interval_ns);
      }
    }
  }

  const std::string& error() const { return error_; }
  ClassResult& result(size_t class_index) { return classes_[class_index].result; }

 private:
  bool IsQuiet(uint64_t now) const {
    return std::all_of(connections_.begin(), connections_.end(), [&](const auto& connection) {
      return connection->in_flight.empty() &&
             (connection->requests_left == 0 || now >= window_.end_ns);
    });
  }

  // Open loop: sends what is due and returns how long to wait at most.
  uint64_t DispatchDue(uint64_t now) {
    uint64_t wait_ns = kIdleWaitNs;
    for (ClassState& state : classes_) {
      if (state.interval_ns == 0 || state.connections.empty()) continue;
      while (state.next_due_ns <= static_cast<double>(now)) {
        Connection* free = FreeConnection(&state);
        if (free == nullptr) break;
        AddRequest(free, static_cast<uint64_t>(state.next_due_ns));
        Flush(free);
        state.next_due_ns += state.interval_ns;
      }
      if (state.next_due_ns > static_cast<double>(now)) {
        wait_ns = std::min(wait_ns, static_cast<uint64_t>(state.next_due_ns) - now);
      }
    }
    return wait_ns;
  }

  static Connection* FreeConnection(ClassState* state) {
    for (size_t tried = 0; tried < state->connections.size(); ++tried) {
      Connection* connection = state->connections[state->next_connection];
      state->next_connection = (state->next_connection + 1) % state->connections.size();
      if (connection->in_flight.size() < state->spec->pipeline) return connection;
    }
    return nullptr;
  }

  void SendBatch(Connection* connection, uint64_t now) {
    if (now >= window_.end_ns) return;
    const uint64_t count = std::min<uint64_t>(classes_[connection->class_index].spec->pipeline,
                                              connection->requests_left);
    for (uint64_t i = 0; i < count; ++i) AddRequest(connection, now);
    Flush(connection);
  }

  void AddRequest(Connection* connection, uint64_t start_ns) {
    const ClassState& state = classes_[connection->class_index];
    LoadCommand command = state.spec->commands.front().command;
    if (state.spec->commands.size() > 1) {
      uint64_t roll = random_.Below(state.total_weight);
      for (const WeightedCommand& row : state.spec->commands) {
        command = row.command;
        if (roll < row.weight) break;
        roll -= row.weight;
      }
    }
    const uint64_t key = state.spec->first_key + connection->picker->Next();
    const std::vector<RequestTemplate>& requests = state.spec->requests;
    if (requests.empty()) {
      AppendRequest(command, *state.spec, key, connection->picker.get(), &connection->out);
    } else {
      command = LoadCommand::kTemplate;
      AppendTemplate(requests[connection->next_request], *state.spec, key, &random_,
                     &connection->out);
      connection->next_request = (connection->next_request + 1) % requests.size();
    }
    connection->in_flight.push_back({start_ns, key, command});
    if (connection->requests_left != UINT64_MAX) --connection->requests_left;
  }

  void Flush(Connection* connection) {
    while (connection->out_sent < connection->out.size()) {
      const ssize_t sent = send(connection->fd, connection->out.data() + connection->out_sent,
                                connection->out.size() - connection->out_sent, MSG_NOSIGNAL);
      if (sent < 0) {
        if (errno == EAGAIN) break;
        error_ = std::string("send: ") + strerror(errno);
        return;
      }
      connection->out_sent += static_cast<size_t>(sent);
    }
    const bool waits = connection->out_sent < connection->out.size();
    if (!waits) {
      connection->out.clear();
      connection->out_sent = 0;
    }
    if (waits != connection->waits_for_write) {
      connection->waits_for_write = waits;
      epoll_event event{};
      event.events = EPOLLIN | (waits ? static_cast<uint32_t>(EPOLLOUT) : 0u);
      event.data.ptr = connection;
      epoll_ctl(epoll_, EPOLL_CTL_MOD, connection->fd, &event);
    }
  }

  void Receive(Connection* connection) {
    const ssize_t got = recv(connection->fd, chunk_.get(), kReadChunk, 0);
    if (got <= 0) {
      if (got < 0 && errno == EAGAIN) return;
      error_ =
          got == 0 ? "the server closed a connection" : std::string("recv: ") + strerror(errno);
      return;
    }
    // Replies are read where they came in; only the beginning of one is kept for its end.
    std::string_view rest(chunk_.get(), static_cast<size_t>(got));
    const bool continues = !connection->in.empty();
    if (continues) rest = connection->in.append(rest);
    const uint64_t now = NowNs();
    for (;;) {
      ScannedReply reply;
      size_t consumed = 0;
      const auto result = connection->scanner.Next(rest, &reply, &consumed);
      if (result == ReplyScanner::Result::kNeedMore) break;
      if (result == ReplyScanner::Result::kBroken || connection->in_flight.empty()) {
        error_ = "the server sent something that is no reply to a request";
        return;
      }
      Account(connection, reply, now);
      rest.remove_prefix(consumed);
    }
    if (continues) {
      connection->in.erase(0, connection->in.size() - rest.size());
    } else {
      connection->in.assign(rest);
    }
    if (connection->in_flight.empty() && connection->requests_left > 0 &&
        classes_[connection->class_index].interval_ns == 0) {
      SendBatch(connection, now);
    }
  }

  void Account(Connection* connection, const ScannedReply& reply, uint64_t now) {
    const InFlight request = connection->in_flight.front();
    connection->in_flight.pop_front();
    ClassResult& result = classes_[connection->class_index].result;
    if (reply.kind == '-') {
      if (result.errors++ == 0) result.first_error = reply.payload;
    }
    if (options_.verify && request.command == LoadCommand::kGet && !reply.is_null &&
        reply.kind == '$' && !IsValueOf(request.key, reply.payload)) {
      ++result.wrong;
    }
    if (now < window_.measure_ns || now > window_.end_ns) return;
    if (reply.is_null) ++result.nulls;
    ++result.operations;
    result.latency_ns.Record(now > request.start_ns ? now - request.start_ns : 0);
  }

  const LoadOptions& options_;
  BenchRandom random_;
  int epoll_ = -1;
  Window window_{};
  // Where every connection receives: one buffer, which stays in the cache and is never cleared.
  const std::unique_ptr<char[]> chunk_{new char[kReadChunk]};
  std::vector<ClassState> classes_;
  std::vector<std::unique_ptr<Connection>> connections_;
  std::string error_;
};

// Hands every class's clients out to the threads in turn.
bool Distribute(const std::vector<LoadSpec>& specs, const LoadOptions& options,
                std::vector<std::unique_ptr<Worker>>* workers, std::string* error) {
  const size_t threads = std::max<uint32_t>(1, options.threads);
  for (size_t t = 0; t < threads; ++t) {
    workers->push_back(std::make_unique<Worker>(options, Mix64(t) ^ specs.front().seed));
  }
  for (size_t c = 0; c < specs.size(); ++c) {
    const LoadSpec& spec = specs[c];
    const KeyPicker prototype(spec.distribution, spec.keys, spec.theta, spec.seed);
    std::vector<uint32_t> clients(threads, 0);
    for (uint32_t i = 0; i < spec.clients; ++i) ++clients[(i + c) % threads];
    for (size_t t = 0; t < threads; ++t) {
      (*workers)[t]->AddClass(spec, spec.rate * clients[t] / spec.clients);
      for (uint32_t i = 0; i < clients[t]; ++i) {
        const uint64_t seed = Mix64(spec.seed * 1'000'003 + c * 10'007 + t * 101 + i);
        if (!(*workers)[t]->AddConnection(c, prototype, seed, error)) return false;
      }
    }
  }
  return true;
}

}  // namespace

bool RunLoad(const std::vector<LoadSpec>& specs, const LoadOptions& options,
             const ServerProbe& probe, LoadResult* result, std::string* error) {
  std::vector<std::unique_ptr<Worker>> workers;
  if (!Distribute(specs, options, &workers, error)) return false;
  const uint64_t start = NowNs();
  Window window;
  window.measure_ns = start + static_cast<uint64_t>(options.warmup_s * 1e9);
  window.end_ns = window.measure_ns + static_cast<uint64_t>(options.duration_s * 1e9);
  std::atomic<size_t> running{workers.size()};
  std::vector<std::thread> threads;
  for (const auto& worker : workers) {
    threads.emplace_back([&worker, &running, window] {
      worker->Run(window);
      running.fetch_sub(1);
    });
  }
  const auto sleep_until = [&](uint64_t when_ns) {
    for (uint64_t now = NowNs(); now < when_ns && running.load() > 0; now = NowNs()) {
      const uint64_t slice_ns = options.request_limit > 0 ? 1'000'000 : 20'000'000;
      std::this_thread::sleep_for(
          std::chrono::nanoseconds(std::min<uint64_t>(when_ns - now, slice_ns)));
    }
  };
  sleep_until(window.measure_ns);
  result->before = probe.Usage();
  sleep_until(window.end_ns);
  result->after = probe.Usage();
  result->seconds = static_cast<double>(std::min(NowNs(), window.end_ns) - window.measure_ns) / 1e9;
  for (std::thread& thread : threads) thread.join();
  result->classes.resize(specs.size());
  for (const auto& worker : workers) {
    if (!worker->error().empty()) {
      *error = worker->error();
      return false;
    }
    for (size_t c = 0; c < specs.size(); ++c) {
      ClassResult& sum = result->classes[c];
      const ClassResult& part = worker->result(c);
      sum.operations += part.operations;
      sum.errors += part.errors;
      sum.nulls += part.nulls;
      sum.wrong += part.wrong;
      sum.unsent += part.unsent;
      if (sum.first_error.empty()) sum.first_error = part.first_error;
      sum.latency_ns.Merge(part.latency_ns);
    }
  }
  return true;
}

bool PreloadKeys(const LoadSpec& spec, const LoadOptions& options, const ServerProbe& probe,
                 std::string* error) {
  constexpr uint64_t kConnections = 4;
  constexpr double kForeverS = 24 * 3600;
  const uint64_t parts = std::min<uint64_t>(kConnections, spec.keys);
  const uint64_t whole = spec.keys / parts;
  for (uint64_t remainder = 0; remainder < 2; ++remainder) {
    std::vector<LoadSpec> specs;
    LoadOptions preload = options;
    preload.warmup_s = 0;
    preload.duration_s = kForeverS;
    const uint64_t covered = whole * parts;
    for (uint64_t part = 0; part < (remainder ? 1 : parts); ++part) {
      LoadSpec one = spec;
      one.name = "preload";
      one.clients = 1;
      one.pipeline = 64;
      one.rate = 0;
      one.commands = {{LoadCommand::kSet, 1}};
      one.distribution = KeyDistribution::kSequential;
      one.keys = remainder ? spec.keys - covered : whole;
      one.first_key = spec.first_key + (remainder ? covered : part * whole);
      if (one.keys > 0) specs.push_back(std::move(one));
    }
    if (specs.empty()) break;
    preload.request_limit = specs.front().keys;
    LoadResult result;
    if (!RunLoad(specs, preload, probe, &result, error)) return false;
    for (const ClassResult& part : result.classes) {
      if (part.errors > 0) {
        *error = "preload: " + part.first_error;
        return false;
      }
    }
  }
  return true;
}

}  // namespace thermocline::tools
