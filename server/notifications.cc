// The two messages of a keyspace notification; see notifications.h.
#include "server/notifications.h"

#include <string>

#include "server/pubsub.h"

namespace thermocline::server {

void PublishKeyEvent(PubSub& pubsub, uint32_t events, std::string_view event, std::string_view key,
                     int db) {
  if (pubsub.empty()) return;
  const std::string at = "@" + std::to_string(db) + "__:";
  if (events & kNotifyKeyspace) {
    pubsub.Publish(Subscription::kChannel, ("__keyspace" + at).append(key), event);
  }
  if (events & kNotifyKeyevent) {
    pubsub.Publish(Subscription::kChannel, ("__keyevent" + at).append(event), key);
  }
}

}  // namespace thermocline::server
