// Effects: what a frame of the log says happened, as Redis commands. Implements
// docs/formats/effects.md.
//
// EffectWriter collects the effects of one frame while the command (or EXEC) runs; ParseEffect
// reads them back in recovery. Effects are deterministic: absolute times, results instead of inputs
// where those could differ. A frame of several effects is wrapped in MULTI/EXEC and a change of
// database is a SELECT, so that the payload is what a Redis replica expects. One frame at a time,
// executor thread; the buffer is reused.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>

#include "codec/status.h"
#include "engine/hot/entry.h"
#include "engine/types.h"

namespace thermocline::engine {

class EffectWriter {
 public:
  EffectWriter();

  /// Forgets the previous frame. `log_db` is the database that the log has selected.
  void Begin(int log_db);
  bool empty() const { return count_ == 0; }
  /// Effects so far: the ordinal of the next one. Replay counts the same (SELECT, MULTI and EXEC do
  /// not count).
  uint32_t count() const { return count_; }
  /// The database selected behind this frame.
  int selected_db() const { return selected_; }

  void Set(int db, std::string_view key, std::string_view value);
  void SetKeepTtl(int db, std::string_view key, std::string_view value);
  void SetUntil(int db, std::string_view key, std::string_view value, int64_t expire_at_ms);
  void SetMany(int db, std::span<const std::string_view> keys_and_values);
  void Del(int db, std::string_view key);
  void DelMany(int db, std::span<const std::string_view> keys);
  void ExpireAt(int db, std::string_view key, int64_t expire_at_ms);
  void Persist(int db, std::string_view key);
  void Append(int db, std::string_view key, std::string_view tail);
  void SetRange(int db, std::string_view key, uint64_t offset, std::string_view bytes);
  void IncrBy(int db, std::string_view key, int64_t delta);
  void Restore(int db, std::string_view key, int64_t expire_at_ms, std::string_view dump);
  /// The links (engine/tier/links.h); the destination is replaced.
  void Rename(int db, std::string_view from, std::string_view to);
  void Move(int from_db, std::string_view key, int to_db);
  void Copy(int from_db, std::string_view from, int to_db, std::string_view to);
  void FlushDb(int db);
  void FlushAll();
  void SwapDb(int a, int b);
  /// Any verb of words, as those of collections: `head` is its name, the key and what else comes
  /// before `rest`.
  void Write(int db, std::initializer_list<std::string_view> head,
             std::span<const std::string_view> rest = {});

  /// The frame's payload; valid until Begin. REQUIRES: !empty().
  std::string_view Finish();

 private:
  void Effect(int db, size_t argc);  // SELECT if needed, then the array header
  void Bulk(std::string_view s);
  void BulkInt(int64_t n);

  std::string buffer_;  // room for MULTI in front, so that wrapping copies nothing
  uint32_t count_ = 0;
  int selected_ = 0;
};

enum class Verb : uint8_t {
  kSelect,
  kMulti,
  kExec,
  kSet,
  kMSet,
  kDel,
  kExpireAt,
  kPersist,
  kAppend,
  kSetRange,
  kIncrBy,
  kRestore,
  kRename,
  kMove,
  kCopy,
  kFlushDb,
  kFlushAll,
  kSwapDb,
  kCollection,  // argv[0] says which; the type's effects class knows it
};

/// Effects of at most about so many bytes: what one command adds to a collection is cut into
/// several.
inline constexpr size_t kEffectBytes = 1 << 20;

/// One effect as read from a payload. Views live as long as argv's bytes.
struct Effect {
  Verb verb = Verb::kSet;
  std::span<const std::string_view> argv;
  std::string_view key;                 // of single-key verbs
  std::string_view text;                // value, tail, bytes, dump
  int64_t number = 0;                   // deadline, delta, offset, database
  int64_t number2 = 0;                  // SWAPDB's second
  std::string_view destination;         // of a link, whose source is `key`
  int destination_db = -1;              // the same; -1: the selected one
  bool keep_ttl = false;                // SET … KEEPTTL
  bool whole = false;                   // the key is the same after it, whatever it was before
  ValueType type = ValueType::kString;  // kCollection
  ListPart part = {};                   // of a list
  /// First and step of the keys in argv (0: none).
  int key_first = 0, key_step = 0;
  /// Whether the previous value matters (else existence and deadline are enough).
  Need need = Need::kNothing;

  bool is_link() const {
    return verb == Verb::kRename || verb == Verb::kMove || verb == Verb::kCopy;
  }
};

/// Understands one command of a payload; kCorruption for anything that EffectWriter does not write.
codec::StatusOr<Effect> ParseEffect(std::span<const std::string_view> argv);

}  // namespace thermocline::engine
