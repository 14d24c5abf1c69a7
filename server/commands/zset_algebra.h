// ZUNION, ZINTER and ZDIFF with their STORE forms, and ZINTERCARD: operations over several sorted
// sets or sets. Their rows stand in zset_commands.cc.
#pragma once

namespace thermocline::server {

class CommandContext;

void ZUnion(CommandContext& c);
void ZInter(CommandContext& c);
void ZDiff(CommandContext& c);
void ZUnionStore(CommandContext& c);
void ZInterStore(CommandContext& c);
void ZDiffStore(CommandContext& c);
void ZInterCard(CommandContext& c);

}  // namespace thermocline::server
