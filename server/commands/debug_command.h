// DEBUG: tools for tests and for finding faults. Which clients may use it says
// enable-debug-command.
#pragma once

#include "server/command_context.h"

namespace thermocline::server {

/// The handler of DEBUG; every subcommand is its own affair, as in Redis (the table has one row).
void Debug(CommandContext& c);

}  // namespace thermocline::server
