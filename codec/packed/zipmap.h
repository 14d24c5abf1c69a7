// Zipmap: small hashes before Redis 2.6; only read. docs/formats/packed.md.
#pragma once

#include <functional>
#include <string_view>

namespace thermocline::codec {

/// Walks a zipmap, checking everything as Redis does: the lengths, the free space behind values,
/// the count (254 and above: unknown), that there is a pair. `visit` sees each pair once it is
/// checked, and may refuse it. False: damaged or refused.
bool ReadZipmap(std::string_view bytes,
                const std::function<bool(std::string_view field, std::string_view value)>& visit);

}  // namespace thermocline::codec
