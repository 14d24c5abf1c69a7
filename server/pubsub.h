// Publish and subscribe: who listens to which channel, pattern or shard channel, and handing
// messages out.
//
// A message is encoded once for each protocol and appended to every receiver's output; it leaves
// with the receiver's other replies at the end of the tick, behind the log end of that tick [G2].
// Receivers of a channel get it in the order in which they subscribed, then those of matching
// patterns in the order in which the patterns came to be. Channels and their names live here,
// clients hold pointers to them. A client leaves everything when it is closed. Executor only.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace thermocline::server {

class Client;
class Server;

enum class Subscription : uint8_t { kChannel = 0, kPattern = 1, kShard = 2 };
inline constexpr size_t kSubscriptionKinds = 3;

class PubSub {
 public:
  /// A channel or pattern with at least one subscriber.
  struct Channel {
    std::string name;
    uint64_t order = 0;  // of creation
    std::vector<Client*> subscribers;
  };
  /// A client's side: its channels by name, one map a kind. Made with its first subscription and
  /// taken away with its last.
  struct Memberships {
    std::array<std::map<std::string_view, Channel*>, kSubscriptionKinds> of;
    size_t size() const { return of[0].size() + of[1].size() + of[2].size(); }
    /// About what the maps take; names are the channels'.
    size_t MemoryBytes() const {
      constexpr size_t kNodeBytes = 64;
      return sizeof(*this) + size() * kNodeBytes;
    }
  };

  explicit PubSub(Server* server) : server_(*server) {}
  PubSub(const PubSub&) = delete;
  PubSub& operator=(const PubSub&) = delete;

  /// False: it was subscribed already.
  bool Subscribe(Client* client, Subscription kind, std::string_view name);
  /// False: it was not subscribed.
  bool Unsubscribe(Client* client, Subscription kind, std::string_view name);
  /// Everything, without telling the client.
  void UnsubscribeAll(Client* client);

  /// How many clients got the message (one once for its channel and once for each pattern).
  /// kChannel reaches patterns, too; kShard does not. REQUIRES: kind is no pattern.
  size_t Publish(Subscription kind, std::string_view channel, std::string_view message);

  /// Nobody is subscribed to any channel or pattern.
  bool empty() const { return channels_[0].empty() && channels_[1].empty(); }
  /// Channels or patterns that have subscribers.
  size_t count(Subscription kind) const { return channels_[Index(kind)].size(); }
  size_t Subscribers(Subscription kind, std::string_view name) const;
  /// Names that match the pattern, or all; in no particular order.
  std::vector<std::string_view> Names(Subscription kind,
                                      std::optional<std::string_view> pattern) const;

 private:
  static size_t Index(Subscription kind) { return static_cast<size_t>(kind); }
  void Leave(Client* client, Subscription kind, Channel* channel);
  void Deliver(const Channel& to, std::span<const std::string_view> message);

  Server& server_;
  // Keys are views of the channels' names; nodes do not move.
  std::array<std::unordered_map<std::string_view, std::unique_ptr<Channel>>, kSubscriptionKinds>
      channels_;
  std::map<uint64_t, Channel*> patterns_;  // the patterns again, in order of creation
  uint64_t next_order_ = 0;
  std::array<std::string, 2> encoded_;  // Deliver's message for RESP2 and RESP3
};

}  // namespace thermocline::server
