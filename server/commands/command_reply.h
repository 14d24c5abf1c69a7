// What COMMAND tells about a row of the command table, in Redis's shapes (COMMAND INFO, DOCS,
// GETKEYSANDFLAGS).
//
// Everything is derived from the row. Where Redis answers a set, its order here is Redis's, too, so
// that replies can be compared as bytes. Pure functions over constant rows.
#pragma once

#include <cstdint>
#include <string_view>

#include "codec/resp/writer.h"
#include "server/commands/command_table.h"

namespace thermocline::server {

/// One element of COMMAND INFO; null for null.
void WriteCommandInfo(const Command* command, codec::RespWriter& reply);

/// Name and documentation: one pair of COMMAND DOCS.
void WriteCommandDocs(const Command& command, codec::RespWriter& reply);

/// Words of KeyFlag bits: RW, access ...
void WriteKeyFlags(uint32_t flags, codec::RespWriter& reply);

/// All categories of a row: its own and those that its flags imply.
uint32_t AclCategoriesOf(const CommandSpec& spec);

/// The category called so, without '@', in any case; 0: there is none.
uint32_t AclCategoryNamed(std::string_view name);

}  // namespace thermocline::server
