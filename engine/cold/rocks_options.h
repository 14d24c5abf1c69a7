// RocksDB's options for the cold tier's families, and the logger it gets.
//
// Internal to engine/cold (it includes RocksDB's headers). Every choice that is not a default has
// its reason beside it in the .cc; docs/formats/cold-tier.md, "Options", is the overview.
// Stateless.
#pragma once

#include <array>
#include <memory>
#include <string_view>

#include "engine/cold/rocks_backend.h"
#include "rocksdb/options.h"
#include "rocksdb/rate_limiter.h"

namespace thermocline::engine {

// Indices of handles; kDefault must exist but holds nothing.
enum Family { kDefault, kValues, kPayload, kElements, kScores, kExpiry, kGraves, kMeta, kFamilies };
inline constexpr std::array<std::string_view, kFamilies> kFamilyNames = {
    "default", "values", "payload", "elements", "scores", "expiry", "graves", "meta"};

/// Options of the whole database without env, cache and listeners; `direct` switches direct I/O.
rocksdb::DBOptions MakeDbOptions(const RocksOptions& options, bool direct);
rocksdb::ColumnFamilyOptions MakeFamilyOptions(const RocksOptions& options, Family family,
                                               const std::shared_ptr<rocksdb::Cache>& cache);

/// Rate limiters know no "unlimited": this is.
int64_t LimiterRate(uint64_t bytes_per_second);

}  // namespace thermocline::engine
