// Keyspace notifications: the classes of events, and what a command handler calls.
//
// A handler that changed a key says so right after the change, before or after its reply, whatever
// Redis 7.0.15 does:
//
//   c.Notify(kNotifyList, "lpush", key);            // in the command's database
//   c.Notify(kNotifyGeneric, "move_to", key, db);   // in another one
//   c.NotifyIfGone(key);                            // after a removal: "del" with the last element
//
// When nobody asked for the class (notify-keyspace-events) the call is one test of a bit. Otherwise
// subscribers of __keyspace@<db>__:<key> get the event and those of __keyevent@<db>__:<event> get
// the key, in this order and at once: a handler calls it only when its changes are complete enough
// to be told.
//
// Handlers do not send these, the server does by itself: "expired" and "evicted" (from the engine,
// also for keys that went while cold), "new" for a key that did not exist before, "keymiss" for a
// read that found nothing (Database::Find). A command that replaces an existing key as if it were
// new (RENAME, COPY and RESTORE with REPLACE) says "new" itself.
#pragma once

#include <cstdint>
#include <string_view>

namespace thermocline::server {

class PubSub;

/// Bits of notify-keyspace-events, in the order of its letters "g$lshzxetdnKEm".
enum NotifyClass : uint32_t {
  kNotifyGeneric = 1u << 0,    // g: del, expire, rename_from ...
  kNotifyString = 1u << 1,     // $
  kNotifyList = 1u << 2,       // l
  kNotifySet = 1u << 3,        // s
  kNotifyHash = 1u << 4,       // h
  kNotifyZset = 1u << 5,       // z
  kNotifyExpired = 1u << 6,    // x
  kNotifyEvicted = 1u << 7,    // e
  kNotifyStream = 1u << 8,     // t
  kNotifyModule = 1u << 9,     // d: nobody sends it
  kNotifyNew = 1u << 10,       // n: not part of 'A'
  kNotifyKeyspace = 1u << 11,  // K: on __keyspace@<db>__:<key>
  kNotifyKeyevent = 1u << 12,  // E: on __keyevent@<db>__:<event>
  kNotifyKeyMiss = 1u << 13,   // m: not part of 'A'
};

/// Tells those who listen, as `events` (notify-keyspace-events) says. REQUIRES: the event's class
/// is among them. For CommandContext and Server.
void PublishKeyEvent(PubSub& pubsub, uint32_t events, std::string_view event, std::string_view key,
                     int db);

}  // namespace thermocline::server
