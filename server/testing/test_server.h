// TestServer: a whole server over a temporary directory, without sockets or a loop.
//
//   TestServer server;
//   EXPECT_EQ(server.Run({"SET", "k", "v"}), "+OK\r\n");
//
// Replies are the bytes a client would receive. Each call drives ticks until its client is idle. By
// default the engine runs without threads, so a run is deterministic. Used by tests/server and by
// other rooms' tests.
#pragma once

#include <functional>
#include <initializer_list>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/database.h"
#include "server/client.h"
#include "server/config/config.h"
#include "server/server.h"

namespace thermocline::server {

/// The far end of a client: what it received, and how it behaves.
struct FakePeer {
  std::string received;
  bool closed = false;  // the server closed the connection
  bool broken = false;  // writes fail from now on
  bool watched_writable = false;
  bool reading = true;        // the server wants input
  size_t accepts = SIZE_MAX;  // bytes taken before writes would block
};

struct TestServerOptions {
  std::vector<std::string> config = {};  // as on the command line: "--maxmemory", "1mb"
  bool open_database = true;             // false: the server is loading
  bool background = false;
  engine::Clock* clock = nullptr;
  engine::Random* random = nullptr;
  std::string dir = {};  // empty: a temporary one, removed at the end
  /// What the configuration cannot say: another file system, smaller segments. Called before each
  /// opening.
  std::function<void(engine::Options*)> tune = {};
};

class TestServer {
 public:
  explicit TestServer(TestServerOptions options = {});
  ~TestServer();
  TestServer(const TestServer&) = delete;
  TestServer& operator=(const TestServer&) = delete;

  Server& server() { return *server_; }
  engine::Database& db() { return *server_->database(); }
  Config& config() { return config_; }
  const std::string& dir() const { return dir_; }

  /// A new connection. Stays valid until the server closes it (FakePeer stays as long as the
  /// TestServer).
  Client* Connect();
  FakePeer& Peer(const Client* client);
  /// Sends one command and returns what the client received until it was idle. The first form uses
  /// a first client that is made when needed.
  std::string Run(std::initializer_list<std::string_view> argv);
  std::string Run(Client* client, std::initializer_list<std::string_view> argv);
  /// The same for bytes as they are.
  std::string Send(Client* client, std::string_view bytes);
  /// Bytes in, without waiting for anything.
  void Feed(Client* client, std::string_view bytes);
  /// Ticks until nobody is parked (but for pauses) and no reply waits; at most about 10 s.
  void Settle();
  void Tick() { server_->Tick(); }
  /// What the client received and nobody took yet.
  std::string Take(const Client* client);
  void OpenDatabase();
  /// Closes the engine cleanly and opens it again.
  void Restart();

 private:
  Config config_;
  TestServerOptions options_;
  std::string dir_;
  bool own_dir_ = false;
  std::unique_ptr<Server> server_;
  std::vector<std::pair<uint64_t, std::unique_ptr<FakePeer>>> peers_;  // by client id
  Client* first_ = nullptr;
};

}  // namespace thermocline::server
