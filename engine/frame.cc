#include "engine/frame.h"

#include <glog/logging.h>

#include <algorithm>

namespace thermocline::engine {

void OpenFrame(Core& core) {
  DCHECK(!core.in_frame);
  core.in_frame = true;
  core.frame_lsn = core.log->NextLsn();
  core.gate = 0;
  core.effects.Begin(core.log_db);
}

Lsn CloseFrame(Core& core) {
  DCHECK(core.in_frame);
  core.in_frame = false;
  if (core.effects.empty()) return core.gate;
  const int selected = core.effects.selected_db();
  const Lsn lsn = core.log->Append(core.effects.Finish(), /*flags=*/0, selected);
  CHECK_EQ(lsn, core.frame_lsn) << "a frame's LSN must be known before it runs";
  core.log_db = selected;
  return std::max(core.gate, lsn);
}

}  // namespace thermocline::engine
