// Recovery: from what is on disk to the state at the end of the log (design sections 2, 3 and 6).
//
// The cold tier gives the keyspace map as of the last checkpoint C, exact counts, and the LSN of
// every key: in its record, or as a grave if it is absent. Frames from C on are applied in order
// under the guard [D1]: a key whose LSN is at or above the frame's when the frame begins has seen
// it already. Bases are exact, so an effect that does not fit is corruption: recovery refuses,
// naming the frame. Frames are applied in batches whose keys are read ahead by the readers. Nothing
// expires by the clock ([D15]). Runs on the executor's thread before anything else does.
#pragma once

#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "engine/core.h"

namespace thermocline::engine {

class HotTier;
class WriteBack;

/// Internal id of the database that effect `ordinal` of the frame at `lsn` creates under `number`.
DbId NewDbId(Lsn lsn, uint32_t ordinal, int number);

class Recovery {
 public:
  Recovery(Core& core, HotTier& hot, WriteBack& write_back)
      : core_(core), hot_(hot), write_back_(write_back) {}

  /// [D13] The last run kept no log and did not stop cleanly: its cold tier is to be discarded.
  static codec::StatusOr<bool> IsVoid(ColdBackend& backend);

  /// REQUIRES: log and cold tier are open, nothing was started.
  codec::Status Run();

 private:
  struct Frame {
    Lsn lsn;
    int32_t select_context;
    std::string payload;
    std::string place;  // segment and offset, for messages
  };

  struct Grave {
    Lsn lsn;
    uint64_t position;
    std::string key;
  };

  codec::Status LoadCheckpoint();
  codec::Status ReplayBatch();
  /// The budget is used up: writes back what was replayed so far, as a checkpoint of its own, and
  /// spills it.
  codec::Status RelieveMemory();
  /// Whether the key's base is in the cold tier as far as the table can tell.
  static bool MustRead(const Space& space, uint64_t position, const Entry* entry, Need need);
  codec::Status ReadAhead();
  codec::Status Apply(const Frame& frame);
  codec::Status ApplyToKey(const Effect& effect, std::string_view key, std::string_view value);
  codec::Status LoadSpace(Space& space);
  codec::Status Flush(int number, DbId new_id);
  codec::Status EnsureBase(int db, std::string_view key, Need need);
  void DropGraves();

  Core& core_;
  HotTier& hot_;
  WriteBack& write_back_;
  Lsn checkpoint_ = 0;
  Lsn high_ = 0;
  bool without_log_ = false;
  int db_ = 0;  // selected in the log
  std::vector<Frame> batch_;
  size_t batch_bytes_ = 0;
  std::unordered_set<std::string> absent_;  // id and key of what the read-ahead did not find
  // [D1] The guard is asked once a frame and key: keys that this frame changed are this frame's
  // until it ends.
  std::unordered_set<std::string> touched_;
  std::unordered_map<DbId, std::vector<Grave>> graves_;  // of ids that are not mapped yet
  std::vector<std::string_view> argv_;
};

}  // namespace thermocline::engine
