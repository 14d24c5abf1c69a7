// RDB object payloads: lengths, strings in every encoding, and the DUMP envelope.
// docs/formats/rdb-object.md.
//
// Writing gives the bytes that redis-server 7.0 gives; reading trusts nothing: every length is
// compared with the bytes that are there before memory is taken for it. The same payload is stored
// in the cold tier, sent by DUMP and written to RDB files. Pure functions.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "codec/bytes.h"
#include "codec/status.h"

namespace thermocline::codec {

inline constexpr uint16_t kRdbVersion = 10;  // Redis 7.0

/// The type byte before an object. Numbers are Redis's and final; 8 is not used.
enum RdbType : uint8_t {
  kRdbString = 0,
  kRdbList = 1,
  kRdbSet = 2,
  kRdbZset = 3,  // scores as text
  kRdbHash = 4,
  kRdbZset2 = 5,  // scores as binary doubles
  kRdbModulePreGa = 6,
  kRdbModule2 = 7,
  kRdbHashZipmap = 9,
  kRdbListZiplist = 10,
  kRdbSetIntset = 11,
  kRdbZsetZiplist = 12,
  kRdbHashZiplist = 13,
  kRdbListQuicklist = 14,
  kRdbStreamListpacks = 15,
  kRdbHashListpack = 16,
  kRdbZsetListpack = 17,
  kRdbListQuicklist2 = 18,
  kRdbStreamListpacks2 = 19,
};

/// True for a number of RdbType (what RDB version 10 can hold).
bool IsRdbObjectType(uint8_t type);

/// How a string is stored behind a length byte of 11xxxxxx.
enum RdbStringEncoding : uint8_t { kRdbInt8 = 0, kRdbInt16 = 1, kRdbInt32 = 2, kRdbLzf = 3 };

/// What a node of kRdbListQuicklist2 holds.
enum RdbListContainer : uint8_t { kRdbNodePlain = 1, kRdbNodePacked = 2 };

/// Appends a length in 1, 2, 5 or 9 bytes.
void AppendRdbLength(std::string* out, uint64_t length);
/// Reads a length. *encoded tells that it is no length but an RdbStringEncoding, which only the
/// reader of a string has to mind: elsewhere Redis takes it for a length. False: bytes missing or
/// an unknown form.
bool ReadRdbLength(ByteReader* in, uint64_t* length, bool* encoded);

/// Appends a string: as an integer if it is the canonical form of one of 32 bits; else, if
/// `compress` and longer than 20 bytes, as LZF when that saves at least 4 bytes; else as it is.
void AppendRdbString(std::string* out, std::string_view s, bool compress);
/// The same for a number that a string object holds.
void AppendRdbInteger(std::string* out, int64_t value);
/// Reads a string in any encoding. kCorruption names what is wrong. `max_length`: the longest
/// string the caller is ready to hold.
StatusOr<std::string> ReadRdbString(ByteReader* in, uint64_t max_length = UINT64_MAX);
/// The same without a copy where possible: a view into the source, or of `scratch`, which is
/// overwritten when the text has to be made.
StatusOr<std::string_view> ReadRdbStringView(ByteReader* in, std::string* scratch,
                                             uint64_t max_length = UINT64_MAX);
/// The length of the string that ReadRdbString would give, without decompressing; moves past it.
StatusOr<uint64_t> SkipRdbString(ByteReader* in);

/// The text's length of a string that AppendRdbString wrote without compression in `encoded` bytes.
/// REQUIRES: more than 63 bytes of text, so that it is no integer.
uint64_t PlainRdbStringLength(uint64_t encoded);

/// DUMP's value: type, body, RDB version, CRC64.
std::string DumpPayload(uint8_t type, std::string_view body);
/// Ok, or kCorruption: too short, from a newer Redis, or a wrong checksum. The reply to a client is
/// "ERR DUMP payload version or checksum are wrong" for all.
Status VerifyDump(std::string_view dump);

struct DumpView {
  uint8_t type = 0;
  std::string_view body;
};
/// Verifies and takes the envelope off. The type may be one that IsRdbObjectType does not know.
StatusOr<DumpView> OpenDump(std::string_view dump);

}  // namespace thermocline::codec
