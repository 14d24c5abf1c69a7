// Replies as they are on the wire, which several families' tests expect.
#pragma once

#include <string>
#include <string_view>

#include "server/testing/test_server.h"

namespace thermocline::server {

inline constexpr char kOk[] = "+OK\r\n";
inline constexpr char kNull[] = "$-1\r\n";
inline constexpr char kNotInteger[] = "-ERR value is not an integer or out of range\r\n";
inline constexpr char kSyntax[] = "-ERR syntax error\r\n";

inline std::string Bulk(std::string_view text) {
  return "$" + std::to_string(text.size()) + "\r\n" + std::string(text) + "\r\n";
}

inline TestServerOptions WithDebug() { return {.config = {"--enable-debug-command", "yes"}}; }

}  // namespace thermocline::server
