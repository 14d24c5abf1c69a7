// Subscriptions and the delivery of messages; see pubsub.h.
#include "server/pubsub.h"

#include <algorithm>

#include "codec/glob.h"
#include "codec/resp/writer.h"
#include "server/client.h"
#include "server/server.h"

namespace thermocline::server {

bool PubSub::Subscribe(Client* client, Subscription kind, std::string_view name) {
  if (client->memberships == nullptr) client->memberships = std::make_unique<Memberships>();
  auto& mine = client->memberships->of[Index(kind)];
  if (mine.contains(name)) return false;
  auto& all = channels_[Index(kind)];
  auto it = all.find(name);
  if (it == all.end()) {
    auto channel = std::make_unique<Channel>();
    channel->name = name;
    channel->order = next_order_++;
    if (kind == Subscription::kPattern) patterns_.emplace(channel->order, channel.get());
    const std::string_view key = channel->name;
    it = all.emplace(key, std::move(channel)).first;
  }
  it->second->subscribers.push_back(client);
  mine.emplace(it->first, it->second.get());
  return true;
}

bool PubSub::Unsubscribe(Client* client, Subscription kind, std::string_view name) {
  if (client->memberships == nullptr) return false;
  auto& mine = client->memberships->of[Index(kind)];
  const auto it = mine.find(name);
  if (it == mine.end()) return false;
  Channel* channel = it->second;
  mine.erase(it);
  Leave(client, kind, channel);
  if (client->memberships->size() == 0) client->memberships.reset();
  return true;
}

void PubSub::UnsubscribeAll(Client* client) {
  if (client->memberships == nullptr) return;
  for (const Subscription kind :
       {Subscription::kChannel, Subscription::kPattern, Subscription::kShard}) {
    for (const auto& [name, channel] : client->memberships->of[Index(kind)]) {
      Leave(client, kind, channel);
    }
  }
  client->memberships.reset();
}

void PubSub::Leave(Client* client, Subscription kind, Channel* channel) {
  std::vector<Client*>& subscribers = channel->subscribers;
  subscribers.erase(std::find(subscribers.begin(), subscribers.end(), client));
  if (!subscribers.empty()) return;
  if (kind == Subscription::kPattern) patterns_.erase(channel->order);
  auto& all = channels_[Index(kind)];
  all.erase(all.find(channel->name));
}

void PubSub::Deliver(const Channel& to, std::span<const std::string_view> message) {
  for (std::string& encoded : encoded_) encoded.clear();
  for (Client* client : to.subscribers) {
    std::string& encoded = encoded_[client->proto == 2 ? 0 : 1];
    if (encoded.empty()) {
      codec::RespWriter writer(encoded, client->proto);
      writer.Push(message.size());
      for (const std::string_view part : message) writer.Bulk(part);
    }
    server_.Push(client, encoded);
  }
}

size_t PubSub::Publish(Subscription kind, std::string_view channel, std::string_view message) {
  const auto& all = channels_[Index(kind)];
  size_t receivers = 0;
  if (const auto it = all.find(channel); it != all.end()) {
    const std::string_view parts[] = {kind == Subscription::kShard ? "smessage" : "message",
                                      channel, message};
    Deliver(*it->second, parts);
    receivers += it->second->subscribers.size();
  }
  if (kind == Subscription::kShard) return receivers;
  for (const auto& [order, pattern] : patterns_) {
    if (!codec::GlobMatch(pattern->name, channel)) continue;
    const std::string_view parts[] = {"pmessage", pattern->name, channel, message};
    Deliver(*pattern, parts);
    receivers += pattern->subscribers.size();
  }
  return receivers;
}

size_t PubSub::Subscribers(Subscription kind, std::string_view name) const {
  const auto& all = channels_[Index(kind)];
  const auto it = all.find(name);
  return it == all.end() ? 0 : it->second->subscribers.size();
}

std::vector<std::string_view> PubSub::Names(Subscription kind,
                                            std::optional<std::string_view> pattern) const {
  std::vector<std::string_view> names;
  for (const auto& [name, channel] : channels_[Index(kind)]) {
    if (!pattern || codec::GlobMatch(*pattern, name)) names.push_back(name);
  }
  return names;
}

}  // namespace thermocline::server
