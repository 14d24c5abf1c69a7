// Queues of blocked clients and serving them; see blocking.h.
#include "server/blocking.h"

#include <algorithm>

#include "server/client.h"
#include "server/dispatch.h"
#include "server/server.h"
#include "server/tick_clock.h"

namespace thermocline::server {
namespace {

// A wait may last longer by a hundredth, at most by so much: thousands of them end in some ticks.
// (redis-server looks at them when something happens, or some ten times a second.)
constexpr int64_t kSlackMsMax = 10;

}  // namespace

struct Blocking::Queue final : engine::Waiter {
  Queue(Blocking* owner_in, std::string name_in)
      : owner(*owner_in), name(std::move(name_in)), order(owner_in->next_order_++) {}
  /// What a waiter needs was read: on with it.
  void OnReady() override {
    reading = false;
    owner.MakeReady(this);
  }

  int db() const {
    int number = 0;
    name.copy(reinterpret_cast<char*>(&number), sizeof number);
    return number;
  }
  std::string_view key() const { return std::string_view(name).substr(sizeof(int)); }

  Blocking& owner;
  const std::string name;
  const uint64_t order;  // of creation
  std::list<Client*> waiters;
  bool ready = false;    // in ready_
  bool reading = false;  // serving waits for cold keys
  bool served = false;   // the engine knows this waiter
};

/// A put-back under way: an internal command of its own.
struct Blocking::Return final : engine::Waiter {
  Return(Blocking* owner_in, std::unique_ptr<TakenElements> taken_in)
      : owner(*owner_in), taken(std::move(taken_in)) {}
  void OnReady() override {
    owner.returns_ready_.push_back(this);
    owner.work_ = true;
  }

  Blocking& owner;
  std::unique_ptr<TakenElements> taken;
};

Blocking::Blocking(Server* server) : server_(*server) {}

Blocking::~Blocking() = default;

int64_t Blocking::NowMs() { return static_cast<int64_t>(MonotonicNanos() / 1'000'000); }

std::string Blocking::Name(int db, std::string_view key) {
  std::string name(reinterpret_cast<const char*>(&db), sizeof db);
  name.append(key);
  return name;
}

// ---- queues -----------------------------------------------------------------------------------

void Blocking::Block(Client* client, BlockRequest request) {
  client->blocked = std::make_unique<State>();
  State& state = *client->blocked;
  state.command = std::move(request.command);
  for (size_t i = 0; i < request.key_count; ++i) {
    std::string name = Name(client->db, client->parked.argv[request.first_key + i]);
    std::unique_ptr<Queue>& queue = queues_[name];
    if (queue == nullptr) queue = std::make_unique<Queue>(this, std::move(name));
    // A key named twice counts once: its queue would have the client as its last.
    if (!queue->waiters.empty() && queue->waiters.back() == client) continue;
    queue->waiters.push_back(client);
    state.places.push_back({queue.get(), std::prev(queue->waiters.end())});
  }
  if (request.timeout_ms > 0) {
    const int64_t now_ms = NowMs();
    const int64_t grain_ms = std::clamp<int64_t>(request.timeout_ms / 100, 1, kSlackMsMax);
    const int64_t due_ms = std::min(request.timeout_ms, INT64_MAX - kSlackMsMax - now_ms) + now_ms;
    const int64_t deadline_ms = (due_ms + grain_ms - 1) / grain_ms * grain_ms;
    state.deadline = deadlines_.emplace(deadline_ms, client);
    state.has_deadline = true;
  }
  ++server_.stats().blocked_clients;
  UpdateReports();
}

void Blocking::Leave(Client* client) {
  const std::unique_ptr<State> state = std::move(client->blocked);
  if (state->ending) {
    std::erase_if(unblocked_, [client](const auto& u) { return u.first == client; });
  }
  for (const State::Place& place : state->places) {
    Queue* queue = place.queue;
    queue->waiters.erase(place.at);
    if (!queue->waiters.empty()) continue;
    if (queue->served && server_.database() != nullptr) server_.database()->CancelWait(queue);
    queues_.erase(queues_.find(queue->name));
  }
  if (state->has_deadline) deadlines_.erase(state->deadline);
  --server_.stats().blocked_clients;
  UpdateReports();
}

void Blocking::Cancel(Client* client) {
  if (client->blocked != nullptr) Leave(client);
}

bool Blocking::IsReserved(int db, std::string_view key) const {
  if (queues_.empty()) return false;
  const auto it = queues_.find(Name(db, key));
  return it != queues_.end() && it->second->reading;
}

// The engine reports new keys while somebody waits for one.
void Blocking::UpdateReports() {
  const bool any = !queues_.empty();
  if (any == reporting_) return;
  reporting_ = any;
  server_.UpdateReports();
}

// ---- getting ready ----------------------------------------------------------------------------

void Blocking::MakeReady(Queue* queue) {
  if (queue->ready || queue->reading) return;
  queue->ready = true;
  ready_.push_back(queue->name);
  work_ = true;
}

void Blocking::OnKeyCreated(int db, std::string_view key) {
  if (queues_.empty()) return;
  scratch_.assign(reinterpret_cast<const char*>(&db), sizeof db);
  scratch_.append(key);
  const auto it = queues_.find(scratch_);
  if (it != queues_.end()) MakeReady(it->second.get());
}

// Which keys are there afterwards is seen when they are served.
void Blocking::OnDatabasesSwapped(int a, int b) {
  std::vector<Queue*> found;
  for (const auto& [name, queue] : queues_) {
    const int db = queue->db();
    if (db == a || db == b) found.push_back(queue.get());
  }
  std::sort(found.begin(), found.end(), [](Queue* x, Queue* y) { return x->order < y->order; });
  for (Queue* queue : found) MakeReady(queue);
}

// ---- serving ----------------------------------------------------------------------------------

void Blocking::Serve() {
  if (serving_ || server_.database() == nullptr) return;
  serving_ = true;
  std::vector<std::string> names;
  while (work_) {
    work_ = false;
    while (!unblocked_.empty()) End(unblocked_.front().first, unblocked_.front().second);
    RunReturns();
    names.clear();
    names.swap(ready_);
    for (const std::string& name : names) ServeQueue(name);
  }
  serving_ = false;
}

void Blocking::ServeQueue(const std::string& name) {
  auto it = queues_.find(name);
  if (it == queues_.end()) return;
  Queue* queue = it->second.get();
  engine::Database& db = *server_.database();
  queue->ready = false;
  auto next = queue->waiters.begin();
  while (next != queue->waiters.end()) {
    Client* client = *next;
    ++next;
    BlockedCommand& command = *client->blocked->command;
    if (client->blocked->ending) continue;
    queue->served = true;
    requests_.assign(1, {queue->db(), queue->key(), engine::Need::kValue, command.part()});
    command.AddKeys(*client, &requests_);
    if (!db.Prepare(requests_, queue)) {
      queue->reading = true;
      return;
    }
    const codec::Status error = db.TakeReadError(queue);
    bool present = true;
    bool wanted = true;
    if (error.ok()) {
      db.BeginFrame();
      const engine::Entry* entry = db.FindForWrite(queue->db(), queue->key());
      present = entry != nullptr;
      wanted = present && entry->type() == command.type();
      db.CommitFrame();
    }
    if (wanted) {
      // The queue goes with its last waiter, and its pins with it.
      const bool last = queue->waiters.size() == 1;
      server_.dispatcher().EndBlocked(client, [&](CommandContext& c) {
        if (!error.ok()) {
          return c.Error("ERR reading from the cold tier failed: " + error.ToString());
        }
        std::unique_ptr<TakenElements> taken =
            command.Serve(c, std::string_view(name).substr(sizeof(int)));
        if (taken != nullptr && client->reply_mode == ReplyMode::kOn) {
          client->taken.push_back({client->out.size(), std::move(taken)});
        }
      });
      if (last) return;
    }
    db.Release(queue);
    if (!present) return;
  }
}

size_t Blocking::ExpireUntil(int64_t now_ms) {
  size_t ended = 0;
  if (server_.database() == nullptr) return ended;
  for (; !deadlines_.empty() && deadlines_.begin()->first <= now_ms; ++ended) {
    End(deadlines_.begin()->second, /*with_error=*/false);
  }
  return ended;
}

bool Blocking::Unblock(Client* client, bool with_error) {
  if (client->blocked == nullptr || client->blocked->ending) return false;
  client->blocked->ending = true;
  unblocked_.emplace_back(client, with_error);
  work_ = true;
  return true;
}

void Blocking::End(Client* client, bool with_error) {
  server_.dispatcher().EndBlocked(client, [&](CommandContext& c) {
    if (with_error) {
      c.Error("UNBLOCKED client unblocked via CLIENT UNBLOCK");
    } else {
      c.db().GateOnLogEnd();
      client->blocked->command->ReplyTimeout(c.reply());
    }
  });
}

// ---- putting back -----------------------------------------------------------------------------

void Blocking::PutBack(std::unique_ptr<TakenElements> taken) {
  returns_.push_back(std::make_unique<Return>(this, std::move(taken)));
  returns_ready_.push_back(returns_.back().get());
  work_ = true;
}

void Blocking::Finish() {
  engine::Database& db = *server_.database();
  for (const std::unique_ptr<Return>& put_back : returns_) {
    TakenElements& taken = *put_back->taken;
    db.CancelWait(put_back.get());
    const engine::KeyRequest request{taken.db(), taken.key(), engine::Need::kValue, taken.part()};
    if (!db.PrepareNow({&request, 1}).ok()) continue;
    db.BeginFrame();
    taken.PutBack(db);
    db.CommitFrame();
  }
  returns_ready_.clear();
  returns_.clear();
  work_ = false;
}

void Blocking::RunReturns() {
  engine::Database& db = *server_.database();
  std::vector<Return*> now;
  now.swap(returns_ready_);
  for (Return* put_back : now) {
    TakenElements& taken = *put_back->taken;
    const engine::KeyRequest request{taken.db(), taken.key(), engine::Need::kValue, taken.part()};
    if (!db.Prepare({&request, 1}, put_back)) continue;  // OnReady follows
    if (db.TakeReadError(put_back).ok()) {
      db.BeginFrame();
      taken.PutBack(db);
      db.CommitFrame();
    }
    db.Release(put_back);
    returns_.remove_if([put_back](const auto& r) { return r.get() == put_back; });
  }
}

}  // namespace thermocline::server
