// Scanner: SCAN and RANDOMKEY over both tiers, without state of its own between calls (design
// section 5).
//
// The cursor is a position. A step walks the hot range first, then reads the cold range from a
// snapshot taken after, and merges by (position, key); what the table says of a key wins. The page
// ends where the shorter of the two ended, so that every key present throughout a whole walk is
// returned. Executor thread; the cold range is read by a reader.
#pragma once

#include <optional>
#include <string>

#include "engine/core.h"

namespace thermocline::engine {

class Scanner {
 public:
  explicit Scanner(Core& core) : core_(core) {}

  std::optional<ScanPage> Step(ScanRequest* request, Waiter* waiter);
  std::optional<RandomKeyReply> Random(int db, ScanRequest* request, Waiter* waiter);
  void Complete(ColdRead* read);
  void* owner_tag() { return this; }
  /// The waiter goes away: results that come later are dropped.
  void Cancel(Waiter* waiter);

 private:
  struct State;
  // Reads the range in place (no waiter), or submits it: then false.
  bool ReadCold(State* state, Waiter* waiter);
  bool Expired(int64_t deadline_ms) const {
    return core_.expire_by_clock && deadline_ms != kNoExpiry && deadline_ms <= core_.now_ms;
  }

  Core& core_;
  std::unordered_map<uint64_t, std::shared_ptr<State>> under_way_;  // by ticket
  uint64_t next_ticket_ = 1;
};

}  // namespace thermocline::engine
