// A server driven by hand; see test_server.h.
#include "server/testing/test_server.h"

#include <glog/logging.h>
#include <stdlib.h>
#include <time.h>

#include <filesystem>

#include "codec/resp/writer.h"

namespace thermocline::server {

namespace {

class FakeConnection final : public Connection {
 public:
  explicit FakeConnection(FakePeer* peer) : peer_(*peer) {}
  int64_t Write(std::string_view bytes) override {
    if (peer_.broken) return -1;
    const size_t n = std::min(bytes.size(), peer_.accepts);
    peer_.received.append(bytes.substr(0, n));
    if (peer_.accepts != SIZE_MAX) peer_.accepts -= n;
    return static_cast<int64_t>(n);
  }
  void WatchWritable() override { peer_.watched_writable = true; }
  void SetReading(bool on) override { peer_.reading = on; }
  void Close() override { peer_.closed = true; }

 private:
  FakePeer& peer_;
};

void SleepMs(long ms) {
  const timespec pause{0, ms * 1'000'000};
  nanosleep(&pause, nullptr);
}

}  // namespace

TestServer::TestServer(TestServerOptions options) : options_(std::move(options)) {
  if (options_.dir.empty()) {
    std::string pattern =
        (std::filesystem::temp_directory_path() / "thermocline-test-XXXXXX").string();
    CHECK(mkdtemp(pattern.data()) != nullptr);
    dir_ = pattern;
    own_dir_ = true;
  } else {
    dir_ = options_.dir;
  }
  const codec::Status loaded = config_.LoadArguments(options_.config);
  CHECK(loaded.ok()) << loaded.ToString();
  codec::StatusOr<std::unique_ptr<Server>> server = Server::Create(&config_);
  CHECK(server.ok()) << server.status().ToString();
  server_ = std::move(*server);
  config_.SetApplier(server_.get());
  if (options_.open_database) OpenDatabase();
}

TestServer::~TestServer() {
  config_.SetApplier(nullptr);
  (void)server_->CloseDatabase();
  server_.reset();
  if (own_dir_) {
    std::error_code ignored;
    std::filesystem::remove_all(dir_, ignored);
  }
}

void TestServer::OpenDatabase() {
  engine::Options options;
  FillEngineOptions(config_.values(), &options);
  options.dir = dir_;
  options.background = options_.background;
  options.clock = options_.clock;
  options.random = options_.random;
  if (options_.tune) options_.tune(&options);
  codec::StatusOr<std::unique_ptr<engine::Database>> database = engine::Database::Open(options);
  CHECK(database.ok()) << database.status().ToString();
  server_->SetDatabase(std::move(*database));
}

void TestServer::Restart() {
  const codec::Status closed = server_->CloseDatabase();
  CHECK(closed.ok()) << closed.ToString();
  OpenDatabase();
}

Client* TestServer::Connect() {
  auto peer = std::make_unique<FakePeer>();
  Client* client = server_->CreateClient(std::make_unique<FakeConnection>(peer.get()));
  client->loopback = true;
  client->peer_address = "127.0.0.1:" + std::to_string(10000 + client->id());
  client->local_address = "127.0.0.1:6379";
  peers_.emplace_back(client->id(), std::move(peer));
  return client;
}

FakePeer& TestServer::Peer(const Client* client) {
  for (const auto& [id, peer] : peers_) {
    if (id == client->id()) return *peer;
  }
  LOG(FATAL) << "no such client";
}

void TestServer::Feed(Client* client, std::string_view bytes) {
  // The bytes may be gone before the next tick: what they asked for runs now.
  server_->OnInput(client, bytes, bytes.size());
  server_->RunQueued();
}

void TestServer::Settle() {
  for (int i = 0; i < 10000; ++i) {
    server_->Tick();
    bool busy = false;
    for (const Client* client : server_->clients()) {
      busy = busy ||
             (client->is_parked() && client->parked.reason != ParkReason::kPause &&
              client->parked.reason != ParkReason::kBlocked) ||
             !client->gates.empty();
    }
    if (!busy) return;
    if (options_.background) SleepMs(1);
  }
  LOG(FATAL) << "a client stays parked";
}

std::string TestServer::Take(const Client* client) {
  return std::exchange(Peer(client).received, {});
}

std::string TestServer::Send(Client* client, std::string_view bytes) {
  FakePeer& peer = Peer(client);  // the client may be gone afterwards
  Feed(client, bytes);
  Settle();
  return std::exchange(peer.received, {});
}

std::string TestServer::Run(Client* client, std::initializer_list<std::string_view> argv) {
  std::string bytes;
  codec::AppendCommand(bytes, argv);
  return Send(client, bytes);
}

std::string TestServer::Run(std::initializer_list<std::string_view> argv) {
  if (first_ == nullptr) first_ = Connect();
  return Run(first_, argv);
}

}  // namespace thermocline::server
