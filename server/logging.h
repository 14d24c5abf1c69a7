// Logging: glog's messages as lines that a person reads, on stdout or in `logfile`.
//
//   4711:M 21 Nov 2026 14:02:34.123 * Ready to accept connections
//
// The shape is Redis's, whose log readers people have: pid, role, time, level ('.' debug, '-'
// verbose, '*' notice,
// '#' warning and error), message. Set up once in main; SetLogLevel at any time. Any thread may
// log.
#pragma once

#include <string>

#include "codec/status.h"
#include "server/config/config.h"

namespace thermocline::server {

/// `logfile` empty: stdout. Fails if the file cannot be opened for appending.
codec::Status InitLogging(const char* program, LogLevel level, const std::string& logfile);
void SetLogLevel(LogLevel level);

}  // namespace thermocline::server
