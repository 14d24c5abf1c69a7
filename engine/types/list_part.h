// Which part of a list a command touches, by its words. Commands and effects of one name have the
// same words, so that a row of the command table and the replay of the log ask the same function.
// What words cannot be read as numbers touch nothing: the command refuses them.
#pragma once

#include <span>
#include <string_view>

#include "engine/types.h"

namespace thermocline::engine {

/// argv[0] is the name, argv[1] the key.
using ListPartOf = ListPart (*)(std::span<const std::string_view> argv);

ListPart NoPart(std::span<const std::string_view> argv);     // LLEN
ListPart HeadPart(std::span<const std::string_view> argv);   // LPUSH: the first element
ListPart TailPart(std::span<const std::string_view> argv);   // RPUSH
ListPart LPopPart(std::span<const std::string_view> argv);   // LPOP key [count]
ListPart RPopPart(std::span<const std::string_view> argv);   // RPOP key [count]
ListPart IndexPart(std::span<const std::string_view> argv);  // LINDEX key index
ListPart SetPart(std::span<const std::string_view> argv);    // LSET key index element
ListPart RangePart(std::span<const std::string_view> argv);  // LRANGE key start stop
ListPart TrimPart(std::span<const std::string_view> argv);   // LTRIM key start stop

}  // namespace thermocline::engine
