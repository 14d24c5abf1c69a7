// Expirer: deletes keys whose time has come, without anybody asking for them.
//
// Resident keys come due through their keyspace's ExpiryIndex, cold ones through the rows of the
// `expiry` family, which readers fetch in pages ([R9]: a row fires only after the hot tier was
// asked, and not if its key was dropped from memory while the page was under way; then the next
// page tells). Every removal is a logged DEL. Paced in slices from EndTick and by what the writer
// has queued. Executor thread.
#pragma once

#include <memory>
#include <vector>

#include "engine/core.h"

namespace thermocline::engine {

class HotTier;
class WriteBack;

class Expirer {
 public:
  Expirer(Core& core, HotTier& hot, WriteBack& write_back)
      : core_(core), hot_(hot), write_back_(write_back) {}
  ~Expirer();

  /// One slice. REQUIRES: no frame is open; opens its own. Whether more is due.
  bool Slice();
  /// A page of rows that this object asked for. REQUIRES: no frame is open.
  void Complete(ColdRead* read);
  void* owner_tag() { return this; }

  /// Deletes the key in the open frame: logs, counts and reports it as expired.
  void Expire(int db, std::string_view key);

 private:
  bool SliceHot(int db);
  void AskForRows();

  Core& core_;
  HotTier& hot_;
  WriteBack& write_back_;
  std::vector<ExpiryIndex::Item> due_;
  std::vector<std::string> keys_;
  int next_db_ = 0;
  bool page_under_way_ = false;
  int64_t next_page_ms_ = 0;
  std::optional<ExpiryRow> after_;
};

}  // namespace thermocline::engine
