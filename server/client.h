// Client: one session. What it said about itself, what it sent and is not done with, what it is
// owed.
//
// A Client knows no sockets: bytes leave through a Connection (server/net), which tests replace.
// The executor owns all of it. Lifetime: Server::CreateClient to the end of the tick in which
// Server::CloseClient was called, so nobody meets a dangling client within a tick.
//
// Output is one FIFO. Under `appendfsync always` (and while the log fails) bytes up to an offset
// wait for their gate LSN [G1]; gates only grow along the queue. Commands of one tick share one
// gate: they are made durable together.
//
// A parked client has one command that waits (cold keys, memory, a task, a pause). Its arguments
// are copied to `parked`; nothing later of it runs [R1].
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "codec/resp/parser.h"
#include "engine/database.h"
#include "server/blocking.h"
#include "server/command_context.h"
#include "server/pubsub.h"
#include "server/transaction.h"

namespace thermocline::server {

class Client;
class Server;
struct Command;

/// Where a client's bytes go. Implemented by net/ and by the tests.
class Connection {
 public:
  virtual ~Connection() = default;
  /// Takes as much as it can without waiting; how much it took. Negative: the peer is gone.
  virtual int64_t Write(std::string_view bytes) = 0;
  /// Tell Server::OnWritable when more can be written.
  virtual void WatchWritable() = 0;
  /// Whether Server::OnReadable calls are wanted. A close by the peer is told in either case.
  virtual void SetReading(bool on) = 0;
  /// No more calls in either direction; the object goes with the client.
  virtual void Close() = 0;
};

enum class ReplyMode : uint8_t { kOn, kOff, kSkipNext, kSkip };

/// Why a client's command does not go on.
enum class ParkReason : uint8_t {
  kNone,
  kColdRead,   // Prepare: keys are on their way
  kMemory,     // AdmitGrowth: something has to be spilled first
  kTask,       // StartTask: between two steps
  kPause,      // CLIENT PAUSE
  kBlocked,    // waits for a key, see blocking.h
  kUnblocked,  // got its reply; goes on with its input in this tick
};

/// The command that waits, with arguments of its own.
struct ParkedCommand {
  ParkReason reason = ParkReason::kNone;
  Command* command = nullptr;
  std::string bytes;
  std::vector<std::string_view> argv;  // into bytes
  std::unique_ptr<CommandTask> task;
  bool ready = false;          // in the server's list of those that may go on
  uint64_t started_ticks = 0;  // run time so far, of earlier steps
  bool monitored = false;      // MONITOR has shown it
};

class Client {
 public:
  Client(Server& server, uint64_t id, std::unique_ptr<Connection> connection);
  ~Client();
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  Server& server() { return server_; }
  uint64_t id() const { return id_; }
  Connection* connection() { return connection_.get(); }

  // ---- session
  int db = 0;
  int proto = 2;
  bool authenticated = false;
  std::string name;  // CLIENT SETNAME
  std::string user = "default";
  std::string peer_address;  // "127.0.0.1:4711", "/path.sock:0"
  std::string local_address;
  int fd = -1;  // for CLIENT LIST only
  bool unix_socket = false;
  bool loopback = false;  // unix socket, 127.0.0.0/8 or ::1
  bool no_evict = false;
  bool monitor = false;  // MONITOR: sees every command
  ReplyMode reply_mode = ReplyMode::kOn;
  const Command* last_command = nullptr;
  int64_t created_ms = 0;  // wall clock
  int64_t active_ms = 0;   // last time it sent something or took output

  TransactionState transaction;
  std::unique_ptr<PubSub::Memberships> memberships;  // null: subscribed to nothing
  size_t subscriptions(Subscription kind) const {
    return memberships == nullptr ? 0 : memberships->of[static_cast<size_t>(kind)].size();
  }

  // ---- input
  codec::RequestParser parser;
  std::string pending;  // bytes not parsed yet, or of a request that is not complete
  ParkedCommand parked;
  std::unique_ptr<Blocking::State> blocked;  // while the reason is kBlocked
  bool is_parked() const { return parked.reason != ParkReason::kNone; }
  bool reading = true;        // the connection reports input
  bool input_closed = false;  // the peer sent its last byte
  size_t last_argv_bytes = 0;

  // ---- output
  std::string out;  // replies not yet written begin at out_sent
  size_t out_sent = 0;
  struct Gate {
    size_t end;       // bytes of `out` before this ...
    engine::Lsn lsn;  // ... leave once the log's end covers this
  };
  std::vector<Gate> gates;
  struct Taken {
    size_t end;  // bytes of `out` before this contain the reply
    std::unique_ptr<TakenElements> elements;
  };
  std::vector<Taken> taken;   // by served pops whose replies are not written yet [G2]
  size_t released = 0;        // bytes of `out` before this wait for nothing
  engine::Lsn tick_gate = 0;  // of what was appended in this tick
  /// As tick_gate: the end of the log at the end of this tick, whatever that will be.
  static constexpr engine::Lsn kGateOnTickEnd = UINT64_MAX;
  bool in_write_queue = false;
  bool waits_writable = false;
  bool close_after_reply = false;
  bool closing = false;  // gone at the end of the tick
  int64_t soft_limit_since_ms = 0;
  uint64_t counted_bytes = 0;  // its share of ServerStats::client_bytes

  size_t OutputBytes() const { return out.size() - out_sent; }
  /// What it holds, for CLIENT LIST and the memory budget.
  size_t MemoryBytes() const;
  size_t QueryBytes() const { return pending.size() + parked.bytes.size(); }

  /// The client as engine waiter: told when its parked command may go on.
  class CommandWaiter final : public engine::Waiter {
   public:
    explicit CommandWaiter(Client* client) : client_(client) {}
    void OnReady() override;

   private:
    Client* client_;
  };
  CommandWaiter waiter{this};
  /// Reads ahead what the requests behind a parked command ask for; pins nothing beyond the read.
  class LookaheadWaiter final : public engine::Waiter {
   public:
    explicit LookaheadWaiter(Client* client) : client_(client) {}
    void OnReady() override;
    bool active = false;

   private:
    Client* client_;
  };
  LookaheadWaiter lookahead{this};
  bool holds_pins = false;  // the waiter has to be released

 private:
  Server& server_;
  const uint64_t id_;
  std::unique_ptr<Connection> connection_;
};

}  // namespace thermocline::server
