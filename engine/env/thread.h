// What a thread of ours says of itself when it begins: its name, as top -H and gdb show it, and how
// much it yields to others. Linux keeps both a thread.
#pragma once

namespace thermocline::engine {

/// Of the calling thread. `name`: at most 15 characters. `nice`: 0 to 19, relative to nothing; a
/// refusal is harmless.
void NameThisThread(const char* name, int nice = 0);

}  // namespace thermocline::engine
