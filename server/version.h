// The versions this server reports: the one that clients compare with what they need, and our own.
//
// Clients parse redis_version as three integers and refuse to work with less than they know, so it
// names the Redis release whose replies we reproduce (docs/compatibility.md). INFO, HELLO, LOLWUT,
// --version.
#pragma once

namespace thermocline::server {

inline constexpr char kRedisVersion[] = "7.0.15";
inline constexpr char kThermoclineVersion[] = "0.1.0";
/// Sixteen hex digits, as tools expect of redis_build_id; ours says the version, not the build.
inline constexpr char kBuildId[] = "7468726d00000100";

}  // namespace thermocline::server
