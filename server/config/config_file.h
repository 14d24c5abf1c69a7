// Reading configuration files and the command line: pieces without state.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "codec/status.h"

namespace thermocline::server {

/// The whole file, or why it cannot be read, in Redis's words. A path with *, ? or [ is a pattern:
/// all files that match, one behind the other, maybe none.
codec::StatusOr<std::string> ReadConfigFiles(const std::string& path);

/// What the words behind the program's name and the file name mean as lines of a file: "--port 6380
/// --save" becomes `port "6380"` and `save ""`. *from_stdin: a lone "-" stood first or last.
std::string OptionsToText(std::span<const std::string> args, bool* from_stdin);

/// Relative paths are completed with the working directory.
std::string AbsolutePath(const std::string& path);

}  // namespace thermocline::server
