// Transactions: what MULTI has queued for a client, and who WATCHes which key.
//
// Queued arguments live in one byte string a client, so queueing allocates nothing once it has
// grown. [R4]: a watched key whose value, existence or database changes by whatever cause marks its
// watchers, and a marked client's EXEC answers nil. A key that was missing when WATCH ran and is
// missing when its database is flushed did not change. The engine reports changes only while
// somebody watches. Executor only. EXEC itself is dispatch's (dispatch.cc): it prepares all keys,
// then runs all in one frame.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "engine/database.h"

namespace thermocline::server {

class Client;
struct Command;

/// Commands queued between MULTI and EXEC.
class CommandQueue {
 public:
  void Add(Command* command, std::span<const std::string_view> argv);
  void Clear();
  size_t size() const { return entries_.size(); }
  Command* command(size_t i) const { return entries_[i].command; }
  /// Views into the queue, valid until Add or Clear.
  void Arguments(size_t i, std::vector<std::string_view>* argv) const;
  /// Union of the flags of all commands queued.
  uint64_t flags() const { return flags_; }
  size_t MemoryBytes() const;

 private:
  struct Entry {
    Command* command;
    size_t first;  // into lengths_
    size_t count;
    size_t offset;  // into bytes_
  };
  std::vector<Entry> entries_;
  std::vector<size_t> lengths_;
  std::string bytes_;
  uint64_t flags_ = 0;
};

/// A client's side of MULTI and WATCH.
struct TransactionState {
  bool open = false;          // between MULTI and EXEC or DISCARD
  bool queue_failed = false;  // a command was refused while queueing: EXECABORT
  bool dirty = false;         // a watched key changed: EXEC answers nil
  CommandQueue queue;
  struct Watched {
    int db;
    std::string key;
    bool existed;
    int64_t expiry_ms;  // deadline of a key that existed; 0: none
  };
  std::vector<Watched> watched;
};

/// All watched keys of all clients.
class WatchRegistry {
 public:
  /// The engine is told when the first watcher comes and the last one leaves.
  void SetDatabase(engine::Database* database) { database_ = database; }
  /// The key's state is read here. REQUIRES: in a frame, key prepared to kHeader.
  void Watch(Client* client, int db, std::string_view key);
  void UnwatchAll(Client* client);
  /// Whether a key that the client watches passed its deadline without anybody noticing yet.
  static bool AnyExpired(const Client& client, int64_t now_ms);
  bool empty() const { return watchers_.empty(); }
  /// Clients that watch something.
  size_t clients() const { return clients_; }

  // From DatabaseListener.
  void OnKeyChanged(int db, std::string_view key);
  void OnDatabasesChanged(int a, int b);

 private:
  static std::string Name(int db, std::string_view key);
  engine::Database* database_ = nullptr;
  std::unordered_map<std::string, std::vector<Client*>> watchers_;  // by Name()
  size_t clients_ = 0;
  std::string scratch_;
};

}  // namespace thermocline::server
