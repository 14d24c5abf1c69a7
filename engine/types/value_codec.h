// Values between their resident form and the RDB object payload, whatever their type.
//
// The payload is what the cold tier stores and DUMP prints (docs/formats/rdb-object.md). One line a
// type in value_codec.cc; how a type's bytes look is in codec/rdb, what becomes of them in memory
// in the type's own file. Pure but for the allocations.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "codec/cold_record.h"
#include "codec/packed/field_names.h"
#include "codec/status.h"
#include "engine/hot/entry.h"
#include "engine/options.h"

namespace thermocline::engine {

enum class DecodeMode : uint8_t {
  kCold,     // what EncodeValue gave: the encoding is kept exactly as it was
  kRestore,  // bytes from outside: validated in depth, and given the encoding that Redis would
             // choose
};

/// REQUIRES of all views: they live as long as the call.
struct DecodeRequest {
  std::string_view key;
  uint8_t rdb_type = 0;  // codec::RdbType; kCold alone: or codec::kPagedList
  std::string_view payload;
  uint8_t encoding_hint = 0;  // Entry::encoding() at capture; kCold alone
  uint64_t lsn = 0;
  int64_t expiry_ms = 0;
  const TypeLimits* limits = nullptr;
  codec::FieldNames* names = nullptr;  // of the database that the value is to be part of
  DecodeMode mode = DecodeMode::kCold;
};

/// Type of the value that a payload of `rdb_type` holds, or a paged one.
ValueType TypeOfRdb(uint8_t rdb_type);

/// codec::RdbType of what EncodeValue gives for a type and Entry::encoding().
uint8_t RdbTypeOf(ValueType type, uint8_t encoding);

/// Appends the payload (no type byte) of a resident value of the database whose names these are.
/// `compress`: long strings as LZF, as redis-server writes them.
void EncodeValue(const Entry* entry, const codec::FieldNames& names, std::string* out,
                 bool compress);
/// A new entry, the caller's. kCorruption if the payload does not hold what its type says,
/// kUnsupported for a type that this version does not know.
codec::StatusOr<Entry*> DecodeValue(const DecodeRequest& request);
/// The same for a cold record, in any thread, if it is a large string or a large collection whose
/// form depends on nothing else. Null: it is not, or it is damaged; DecodeValue knows more.
EntryPtr DecodeLargeValue(std::string_view key, const codec::ColdHeader& header,
                          std::string_view payload);
/// Elements of a resident value; 1 for a string.
uint64_t ElementCount(const Entry* entry);
/// The value as DUMP prints it: type, payload, footer.
std::string DumpValue(const Entry* entry, const codec::FieldNames& names, bool compress);

}  // namespace thermocline::engine
