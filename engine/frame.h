// One frame: everything between OpenFrame and CloseFrame is logged as one unit and carries one LSN
// ([D1]). Executor thread; frames do not nest.
#pragma once

#include "engine/core.h"

namespace thermocline::engine {

void OpenFrame(Core& core);
/// Hands the effects to the log, if there are any. Returns the gate: what a reply of this frame
/// depends on.
Lsn CloseFrame(Core& core);

}  // namespace thermocline::engine
