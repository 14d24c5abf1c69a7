// Core: what the parts of the engine share. Owned by Database, which builds the parts over it.
//
// The parts and who calls whom (all on the executor):
//   Database ──► HotTier (applies effects, counts, dirty marks) ──► WriteBack (dirty ranges,
//   capture, checkpoint)
//       │  └───► Residency (faults, waiters, pins)                       │
//       ├──────► Spiller (budget, eviction, admission)                   ▼
//       ├──────► LateBases (after a restart: headers that replay went on without)
//       ├──────► Expirer (active expiry of both tiers)              ColdStore (writer and reader
//       threads) └──────► Log
#pragma once

#include <array>
#include <memory>
#include <unordered_set>
#include <utility>
#include <vector>

#include "codec/packed/field_names.h"
#include "engine/cold/cold_store.h"
#include "engine/database.h"
#include "engine/effects.h"
#include "engine/env/clock.h"
#include "engine/env/random.h"
#include "engine/keyspace.h"
#include "engine/log/log.h"
#include "engine/options.h"
#include "engine/reaper.h"

namespace thermocline::engine {

class LateBases;
class Residency;
class Spiller;
class TypeEffects;
class WriteBack;

struct Core {
  Core(Options options_in, const HashKey& hash_key)
      : options(std::move(options_in)),
        keyspace(options.databases, hash_key),
        field_names(hash_key),
        reaper(options.background) {}

  Options options;
  Clock* clock = nullptr;
  Random* random = nullptr;
  Keyspace keyspace;
  codec::FieldNames field_names;
  Reaper reaper;
  ColdBackend* backend = nullptr;  // of `cold`
  ColdStore* cold = nullptr;
  Log* log = nullptr;

  Residency* residency = nullptr;
  Spiller* spiller = nullptr;
  WriteBack* write_back = nullptr;
  LateBases* late_bases = nullptr;
  // By ValueType; null for strings, whose effects are Database's own.
  std::array<TypeEffects*, 6> type_effects{};

  DatabaseListener* listener = nullptr;
  bool watching = false;
  bool report_created = false, report_missed = false;  // to the listener
  bool expire_by_clock = true;
  bool active_expire = true;
  bool recovering = false;
  Lsn replay_next = 0;  // while recovering: LSN of the frame to be applied next

  // The open frame.
  EffectWriter effects;
  int log_db = 0;     // selected behind the last frame
  Lsn frame_lsn = 0;  // LSN that every change of the frame carries
  bool in_frame = false;
  Lsn gate = 0;
  int64_t now_ms = 0;

  std::vector<Waiter*> ready;  // their OnReady follows at the next Poll

  uint64_t changes = 0;        // effects on keys since Open
  uint64_t dirtied = 0;        // how often a clean key was changed since Open
  uint64_t deletions = 0;      // of the changes: keys removed
  uint64_t dirty_keys = 0;     // of all keyspaces
  uint64_t unknown_bases = 0;  // the same: entries with kBaseUnknown

  uint64_t tombstones_dropped = 0;  // since Open
  // Positions dropped from memory while a page of cold expiry rows is under way: its rows may be
  // older ([R9]).
  bool track_drops = false;
  std::unordered_set<uint64_t> dropped_positions;

  uint64_t client_bytes = 0;
  Stats stats;
};

}  // namespace thermocline::engine
