// INFO: the server's state as text, in Redis 7.0's sections, field names and order, plus `#
// Tiering`.
//
// Every value is asked for when INFO runs, nothing is kept for it but the counters of stats.h. A
// field whose subject does not exist here (fork, modules) has the value of a server that never used
// it. The fields of ours are explained in docs/configuration.md, "INFO". Executor only.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace thermocline::server {

class Server;

/// Sections by name, ignoring case; unknown ones are nothing. None: the default ones, also called
/// "default"; "all" adds commandstats and latencystats; "everything" is "all" with modules.
std::string BuildInfo(Server& server, std::span<const std::string_view> sections);

}  // namespace thermocline::server
