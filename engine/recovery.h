// Recovery: from what is on disk to the state at the end of the log (design sections 2, 3 and 6).
//
// The cold tier gives the keyspace map as of the last checkpoint C, exact counts, and the LSN of
// every key: in its record, or as a grave if it is absent. Frames from C on are applied in order
// under the guard [D1]: a key whose LSN is at or above the frame's when the frame begins has seen
// it already. Bases are exact, so an effect that does not fit is corruption: recovery refuses,
// naming the frame. An effect that replaces the whole value needs no base, nor do those behind it:
// what is left to know of it is read after the start (LateBases). Frames are applied in one walk as
// long as no base has to be read. From the first that needs one on, the log is taken in windows: a
// walk over a window collects the keys whose base is cold, they are read in key order, so that
// neighbours share a block, one chunk while the one before is installed, and a second walk applies
// the frames. Nothing expires by the clock
// ([D15]). Runs on the executor's thread before anything else does.
#pragma once

#include <compare>
#include <deque>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include "engine/core.h"
#include "engine/hot_tier.h"

namespace thermocline::engine {

class LateBases;
class WriteBack;

/// Internal id of the database that effect `ordinal` of the frame at `lsn` creates under `number`.
DbId NewDbId(Lsn lsn, uint32_t ordinal, int number);

class Recovery {
 public:
  Recovery(Core& core, HotTier& hot, WriteBack& write_back, LateBases& late_bases)
      : core_(core),
        hot_(hot),
        write_back_(write_back),
        late_bases_(late_bases),
        window_keys_(WindowKeys(core)) {}

  /// [D13] The last run kept no log and did not stop cleanly: its cold tier is to be discarded.
  static codec::StatusOr<bool> IsVoid(ColdBackend& backend);

  /// REQUIRES: log and cold tier are open, nothing was started.
  codec::Status Run();

 private:
  static size_t WindowKeys(const Core& core);

  // A key of any database. Borrows the text.
  struct KeyName {
    DbId id;
    uint64_t position;
    std::string_view key;
    auto operator<=>(const KeyName&) const = default;
  };
  // A base to be read before its window is applied.
  struct Wanted {
    DbId id;
    uint64_t position;
    std::string key;
    Need need;
    KeyName name() const { return {id, position, key}; }
    bool operator<(const Wanted& other) const { return name() < other.name(); }
  };
  struct HashOfName {
    using is_transparent = void;
    // A position is a keyed hash of the key already.
    size_t operator()(const KeyName& name) const { return name.position ^ name.id; }
    size_t operator()(const Wanted& wanted) const { return (*this)(wanted.name()); }
  };
  struct SameName {
    using is_transparent = void;
    bool operator()(const Wanted& a, const Wanted& b) const { return a.name() == b.name(); }
    bool operator()(const KeyName& a, const Wanted& b) const { return a == b.name(); }
    bool operator()(const Wanted& a, const KeyName& b) const { return a.name() == b; }
  };

  // Reads of wanted keys that are under way, or done. Stays where it is meanwhile.
  struct Chunk {
    std::deque<ColdRead> reads;
    std::vector<Wanted*> of_rows;  // whose the header rows of all reads are, in order
    size_t pending = 0;            // reads that have not come back
    codec::Status status;
  };

  struct Grave {
    Lsn lsn;
    uint64_t position;
    std::string key;
  };

  codec::Status LoadCheckpoint();
  /// Replays the log from `from`, a part of it at a time.
  codec::Status Replay(Lsn from);
  /// Fills wanted_ for the frames from `from` on; sets window_end_ behind the last of them.
  codec::Status CollectWindow(Lsn from);
  /// Fetches what looking up the keys of these frames will read, while many such fetches can be
  /// under way at once: one lookup after the other waits for memory several times. `db`: selected
  /// where they begin.
  void Foresee(std::span<const ReplayFrame> frames, int db);
  /// Collects what the frame needs.
  void Collect(const ReplayFrame& frame);
  void Want(int db, std::string_view key, Need need);
  /// Sorts wanted_ and names each key once, with all that it needs.
  void UniteWanted();
  /// Installs wanted_ as far as memory allows, and empties it.
  codec::Status ReadAhead();
  codec::Status ReadAheadInTurns(Chunk* now, Chunk* ahead);
  /// Of wanted_ from `next` on, with the answer where the next one begins; empty behind the last.
  size_t SubmitChunk(size_t next, Chunk* chunk);
  /// Waits for it and for the values that do not lie in their header's record.
  codec::Status InstallChunk(Chunk* chunk);
  codec::Status InstallValues(Chunk* chunk);
  /// Values that were in memory together before they were installed.
  void NoteReadAtOnce(uint64_t bytes);
  /// Of reads of values alone; the chunk is empty again.
  codec::Status ReadAndInstall(Chunk* values);
  /// What the values that are read at once may take together; a chunk may be as much ahead.
  uint64_t ValueBytesAtOnce() const;
  static ColdRead ValueRead(const Wanted& wanted);
  void Submit(Chunk* chunk);
  /// Returns when its reads are done; the chunk has the error of one, if there was any.
  void Await(const Chunk& chunk);
  /// Whether a base of the frame's effects is to be read first.
  bool BaseIsCold(const ReplayFrame& frame);
  enum class Until : uint8_t {
    kBaseIsCold,  // of a frame that CollectWindow is to begin with
    kWindowEnd,
  };
  /// Applies frames from `from` on; `*next`: where to go on, 0 behind the last frame. Ends early if
  /// memory had to be relieved, because the bases of the rest went with it.
  codec::Status ApplyFrames(Lsn from, Until until, Lsn* next);
  /// Until no base is unknown.
  codec::Status ResolveLateBases();
  /// The budget is used up: writes back what was replayed so far, as a checkpoint of its own, and
  /// spills it.
  codec::Status RelieveMemory();
  /// Whether the key's base is in the cold tier as far as the table can tell.
  static bool MustRead(const Space& space, uint64_t position, const Entry* entry, Need need);
  codec::Status Apply(const ReplayFrame& frame);
  codec::Status CheckDatabase(int64_t number) const;
  /// [D1] The key's base has seen the frame that is applied.
  bool HasSeen(const HotTier::Ref& ref, std::string_view key) const;
  /// The destination becomes what the source was before the frame (engine/tier/links.h).
  codec::Status ApplyLink(const Effect& effect);
  /// The entry was made from nothing by an earlier frame: if its record has seen this one, it
  /// counts.
  codec::Status AdoptBase(HotTier::Ref* ref, std::string_view key);
  /// `ref` is the key's, and is kept up to date.
  codec::Status ApplyToKey(const Effect& effect, HotTier::Ref& ref, std::string_view key,
                           std::string_view value);
  codec::Status LoadSpace(Space& space);
  codec::Status Flush(int number, DbId new_id);
  /// What the cold tier said of a key.
  codec::Status InstallRead(ColdRead* read, bool has_value);
  /// Reads the key's base now, unless it is there or known to be absent.
  codec::Status EnsureBase(HotTier::Ref* ref, std::string_view key, Need need);
  /// No value is missing that still counts.
  codec::Status CheckBuried() const;
  void DropGraves();

  Core& core_;
  HotTier& hot_;
  WriteBack& write_back_;
  LateBases& late_bases_;
  Lsn checkpoint_ = 0;
  Lsn high_ = 0;
  bool without_log_ = false;
  int db_ = 0;  // selected in the log
  std::vector<Wanted> wanted_;
  // Small values lie in the header's record, and headers are read many at a time. Larger ones take
  // a read of their own behind that; where most of a window are such, it is their only one, and
  // this is what the last of them took on average.
  uint64_t apart_bytes_mean_ = 0;
  bool walk_ = false;             // the window's bases lie close together
  size_t window_keys_;            // bases of one window: the more, the more of them share a block
  Lsn window_end_ = 0;            // the first LSN behind the window; 0: it is the rest of the log
  int window_db_ = 0;             // selected where the first walk is
  bool mapping_changed_ = false;  // in the window: what follows is read when it is needed
  size_t frames_after_change_ = 0;
  std::unordered_set<Wanted, HashOfName, SameName> absent_;  // from the cold tier, as was read
  // [D1] The guard is asked once a frame and key: keys that this frame changed are this frame's
  // until it ends. Nobody asks behind its last one, which is not in here.
  std::unordered_set<std::string> touched_;
  // Of destinations that nobody can know, since their database is dropped later; the first frame
  // that says so.
  std::unordered_map<DbId, Lsn> buried_;
  std::unordered_map<DbId, std::vector<Grave>> graves_;  // of ids that are not mapped yet
  std::vector<std::string_view> argv_;
  std::vector<std::pair<const Space*, uint64_t>> foreseen_;  // positions; Foresee's, for its room
};

}  // namespace thermocline::engine
