// Blocked clients: who waits for which key, in which order, until when.
//
// A blocking command that finds nothing calls CommandContext::Block. Its client is parked and waits
// in the queue of each of its keys, in order of arrival. When a key comes to be (any command, a
// whole EXEC, SWAPDB, MOVE ...) the engine says so; once the command that made it is over, Serve()
// goes through the ready keys in the order in which they became ready, and through each key's
// waiters from the first on, as long as the key holds elements of the type they want. What is
// served may make other keys ready (BLMOVE): they come next.
//
// [R5] Serving is an internal command. If a key it needs is cold, it waits, and the key's queue
// with it: nobody overtakes, a blocking command that arrives meanwhile queues up behind
// (IsReserved), and the first waiter is served when the read is done. [G2] The reply of a served
// client waits for the frame of its pop. If the connection is gone before the reply was written,
// what was taken is put back at the same end by a logged change.
//
// Deadlines of all clients stand in one ordered map; the loop's timer looks at its first. Executor
// only.
#pragma once

#include <cstdint>
#include <list>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "codec/resp/writer.h"
#include "engine/database.h"

namespace thermocline::server {

class Client;
class CommandContext;
class Server;

/// What a served pop took, until its reply is written.
class TakenElements {
 public:
  TakenElements(int db, std::string_view key) : db_(db), key_(key) {}
  virtual ~TakenElements() = default;
  int db() const { return db_; }
  const std::string& key() const { return key_; }
  /// What of a list PutBack touches.
  virtual engine::ListPart part() const { return {}; }
  /// In a frame, the key prepared to kValue, its part: puts everything back where it was.
  virtual void PutBack(engine::Database& db) = 0;

 private:
  const int db_;
  const std::string key_;
};

/// The rest of a blocking command: what is done once there is something.
class BlockedCommand {
 public:
  virtual ~BlockedCommand() = default;
  /// The type of value it waits for; keys of other types leave it waiting.
  virtual engine::ValueType type() const = 0;
  /// What of a list Serve touches.
  virtual engine::ListPart part() const { return {}; }
  /// Keys that Serve touches besides the one that is ready.
  virtual void AddKeys(const Client& client, std::vector<engine::KeyRequest>* keys) const {
    (void)client;
    (void)keys;
  }
  /// `key` holds a value of the type: takes from it and replies. Returns what has to be put back if
  /// the reply cannot be written; null if nothing is lost then.
  virtual std::unique_ptr<TakenElements> Serve(CommandContext& c, std::string_view key) = 0;
  /// The time is up.
  virtual void ReplyTimeout(codec::RespWriter& reply) const = 0;
};

/// What CommandContext::Block hands to dispatch. Keys: argv[first_key] and the next.
struct BlockRequest {
  std::unique_ptr<BlockedCommand> command;
  size_t first_key = 0;
  size_t key_count = 0;
  int64_t timeout_ms = 0;  // 0: for ever
};

class Blocking {
 public:
  struct Queue;  // of one key
  /// A blocked client's side.
  struct State {
    std::unique_ptr<BlockedCommand> command;
    struct Place {
      Queue* queue;
      std::list<Client*>::iterator at;
    };
    std::vector<Place> places;
    std::multimap<int64_t, Client*>::iterator deadline;  // valid if has_deadline
    bool has_deadline = false;
    bool ending = false;  // in unblocked_
  };

  explicit Blocking(Server* server);
  ~Blocking();
  Blocking(const Blocking&) = delete;
  Blocking& operator=(const Blocking&) = delete;

  /// REQUIRES: the client is parked, its arguments copied.
  void Block(Client* client, BlockRequest request);
  /// The client goes, or its command is given up: it leaves all queues without a reply.
  void Cancel(Client* client);
  /// CLIENT UNBLOCK: as if the time were up, or with an error. It is not served any more; its reply
  /// is made by Serve(). False: it is not blocked.
  bool Unblock(Client* client, bool with_error);
  /// A waiter that was there before is about to be served: who comes now has to queue up.
  bool IsReserved(int db, std::string_view key) const;

  // From the engine.
  void OnKeyCreated(int db, std::string_view key);
  void OnDatabasesSwapped(int a, int b);

  /// Something is to be done by Serve().
  bool has_work() const { return work_; }
  /// REQUIRES: no frame is open. Does nothing inside itself.
  void Serve();
  /// Ends the waits whose time is up; how many.
  size_t ExpireUntil(int64_t now_ms);
  /// When the next wait ends, on the clock of NowMs(); INT64_MAX: none does.
  int64_t next_deadline_ms() const {
    return deadlines_.empty() ? INT64_MAX : deadlines_.begin()->first;
  }
  /// A clock that never jumps.
  static int64_t NowMs();

  /// A client is gone before it got what was taken for it.
  void PutBack(std::unique_ptr<TakenElements> taken);
  /// The database is about to be closed: what has to be put back is put back now.
  void Finish();

  bool empty() const { return queues_.empty(); }
  /// Clients whose waits end by themselves.
  size_t with_timeout() const { return deadlines_.size(); }

 private:
  struct Return;

  static std::string Name(int db, std::string_view key);
  void Leave(Client* client);
  void MakeReady(Queue* queue);
  void ServeQueue(const std::string& name);
  void End(Client* client, bool with_error);
  void RunReturns();
  void UpdateReports();

  Server& server_;
  std::unordered_map<std::string, std::unique_ptr<Queue>> queues_;  // by Name()
  std::vector<std::string> ready_;                                  // names of queues, in order
  std::vector<std::pair<Client*, bool>> unblocked_;                 // with_error
  std::multimap<int64_t, Client*> deadlines_;
  std::list<std::unique_ptr<Return>> returns_;
  std::vector<Return*> returns_ready_;
  std::vector<engine::KeyRequest> requests_;
  std::string scratch_;
  uint64_t next_order_ = 0;
  bool work_ = false;  // ready_, unblocked_ or returns_ready_ hold something
  bool serving_ = false;
  bool reporting_ = false;
};

}  // namespace thermocline::server
