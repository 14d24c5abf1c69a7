// What a Client does by itself: little; see client.h.
#include "server/client.h"

#include <utility>

#include "server/server.h"

namespace thermocline::server {

Client::Client(Server& server, uint64_t id, std::unique_ptr<Connection> connection)
    : server_(server), id_(id), connection_(std::move(connection)) {}

Client::~Client() = default;

size_t Client::MemoryBytes() const {
  const auto heap = [](const std::string& s) { return s.capacity() > 15 ? s.capacity() : 0; };
  return sizeof(Client) + heap(pending) + heap(parked.bytes) + heap(out) + heap(name) +
         heap(peer_address) + heap(local_address) + transaction.queue.MemoryBytes() +
         gates.capacity() * sizeof(Gate) +
         (memberships != nullptr ? memberships->MemoryBytes() : 0);
}

void Client::CommandWaiter::OnReady() { client_->server().MakeReady(client_); }

void Client::LookaheadWaiter::OnReady() { client_->server().EndLookahead(client_); }

}  // namespace thermocline::server
