// Keys that a command finds out about while it runs: asking whether they are there to be looked at.
#pragma once

#include <optional>
#include <span>

#include "codec/status.h"
#include "engine/database.h"
#include "server/command_context.h"

namespace thermocline::server {

/// For the steps of a CommandTask. Null: the waiter is parked, step again. Without a waiter (in
/// EXEC) the keys are read within the call. What earlier calls with this waiter made resident stays
/// so until the command is over.
inline std::optional<codec::Status> PrepareKeys(CommandContext& c,
                                                std::span<const engine::KeyRequest> keys,
                                                engine::Waiter* waiter) {
  if (waiter == nullptr) return c.db().PrepareNow(keys);
  const codec::Status error = c.db().TakeReadError(waiter);
  if (!error.ok()) return error;
  if (!c.db().Prepare(keys, waiter)) return std::nullopt;
  return codec::Status::Ok();
}

/// The reply for a key that could not be read; true, so that a task can end with it.
inline bool ReplyReadError(CommandContext& c, const codec::Status& error) {
  c.Error("ERR reading from the cold tier failed: " + error.ToString());
  return true;
}

}  // namespace thermocline::server
