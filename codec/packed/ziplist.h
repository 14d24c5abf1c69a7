// Ziplist: the packed sequence that listpacks replaced; only read. docs/formats/packed.md.
//
// Old payloads hold small lists, hashes and sorted sets as ziplists. They are turned into listpacks
// when they are read, so the one thing to know about them is how to walk one that nobody vouches
// for.
#pragma once

#include <functional>
#include <string_view>

#include "codec/packed/packed_value.h"

namespace thermocline::codec {

/// Walks a ziplist from its first element to its last, checking everything as Redis's deep check
/// does: size, end byte, offset of the last element, the lengths in both directions, the count
/// (65535 means unknown). `visit` sees each element once it is checked, and may refuse it. False:
/// damaged or refused; elements before the fault have been visited.
bool ReadZiplist(std::string_view bytes, const std::function<bool(const PackedValue&)>& visit);

}  // namespace thermocline::codec
