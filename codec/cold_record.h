// Keys and values of the cold tier's column families, byte for byte. Implements
// docs/formats/cold-tier.md.
//
// Keys are big-endian so that RocksDB's byte order is the logical order (id, position, key): SCAN's
// merge, sorted write-back and range deletes of a database rely on it. Values are checked on every
// read: the header's CRC32C is seeded with its key, so a record under the wrong key is noticed.
// Pure functions; which records share a batch is the engine's business.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "codec/bytes.h"
#include "codec/status.h"

namespace thermocline::codec {

inline constexpr uint64_t kMaxPosition = (uint64_t{1} << 63) - 1;  // 14 bits of slot, 49 of hash
inline constexpr size_t kMaxInlinePayload = 256;
inline constexpr size_t kMaxWholePayload = 16 << 10;
inline constexpr size_t kMaxPayloadChunk = 1 << 20;
inline constexpr uint32_t kColdFormatVersion = 2;

/// ColdHeader::type of a list whose nodes are rows of `elements`; its payload is their directory
/// (list_directory.h). No RDB object has a type from 128 on.
inline constexpr uint8_t kPagedList = 128;

// ---- values: one record a key ----

/// A key of `values`: database id, position, key. Views into the bytes it was decoded from.
struct ColdKey {
  uint64_t id = 0;
  uint64_t position = 0;  // 1..kMaxPosition
  std::string_view key;
  bool operator==(const ColdKey&) const = default;
};

inline constexpr size_t kColdKeyPrefix = 16;

void AppendColdKey(std::string* out, uint64_t id, uint64_t position, std::string_view key);
inline std::string EncodeColdKey(uint64_t id, uint64_t position, std::string_view key) {
  std::string out;
  AppendColdKey(&out, id, position, key);
  return out;
}
StatusOr<ColdKey> DecodeColdKey(std::string_view bytes);
/// Eight bytes: the least key of a database id in every family that is ordered by id; of id + 1:
/// the bound behind the last.
std::string EncodeColdIdPrefix(uint64_t id);

/// What is known of a cold key without its payload.
struct ColdHeader {
  uint8_t type = 0;           // RdbType of the payload
  uint8_t encoding_hint = 0;  // the hot tier's encoding at capture; only a hint
  bool payload_inline = false;
  Lsn lsn = 0;
  uint64_t expire_ms = 0;  // Unix milliseconds; 0: none
  uint32_t access = 0;     // 24 bits, LRU clock or LFU counter
  uint64_t count = 1;      // elements; 1 for a string
  uint64_t length = 0;     // payload bytes, wherever they are
  bool operator==(const ColdHeader&) const = default;
};

struct ColdValue {
  ColdHeader header;
  std::string_view inline_payload;  // empty unless header.payload_inline
};

/// Appends the value of `cold_key` (a whole `values` key). With payload_inline, `payload` is stored
/// and its size must be header.length and at most kMaxInlinePayload; without, it must be empty.
void AppendColdValue(std::string* out, std::string_view cold_key, const ColdHeader& header,
                     std::string_view payload);
/// kCorruption, naming what is wrong, or kUnsupported for another version. Views into `bytes`.
StatusOr<ColdValue> DecodeColdValue(std::string_view cold_key, std::string_view bytes);

// ---- payload: values too large to be inline, whole or in pieces ----

/// id, position, key with 00 as 00 01, terminated by 00 00, chunk number: no key's chunks lie
/// between another's, even at one position.
struct ColdChunkKey {
  uint64_t id = 0;
  uint64_t position = 0;
  std::string key;
  uint32_t chunk = 0;
};
/// Everything before the chunk number.
std::string EncodeChunkPrefix(uint64_t id, uint64_t position, std::string_view key);
void AppendChunkNumber(std::string* prefix, uint32_t chunk);
std::string EncodeChunkKey(uint64_t id, uint64_t position, std::string_view key, uint32_t chunk);
StatusOr<ColdChunkKey> DecodeChunkKey(std::string_view bytes);
/// How many chunks a payload of `length` bytes has.
inline uint64_t ChunkCount(uint64_t length) {
  return length / kMaxPayloadChunk + (length % kMaxPayloadChunk != 0);
}

/// Whether a payload of `length` bytes, which is not inline, lies in a whole record.
inline bool IsWhole(uint64_t length) { return length <= kMaxWholePayload; }
/// The value of chunk 0 of such a payload: the layout of a `values` record with everything inline,
/// so that the value is read with one row. `chunk_key` is the row's key, header.payload_inline is
/// not looked at, `payload` has header.length bytes.
void AppendWholeRecord(std::string* out, std::string_view chunk_key, const ColdHeader& header,
                       std::string_view payload);
/// Like DecodeColdValue. The header says payload_inline, as the row does.
StatusOr<ColdValue> DecodeWholeRecord(std::string_view chunk_key, std::string_view bytes);

// ---- elements: the nodes of paged lists, a row each ----

/// The chunk prefix of the key (EncodeChunkPrefix), then the node's number.
void AppendElementNumber(std::string* prefix, uint64_t element);
/// The row's value: the bytes, then their CRC32C, seeded with the row's key.
void AppendElementValue(std::string* out, std::string_view element_key, std::string_view bytes);
/// The bytes, a view into `sealed`; kCorruption if the checksum is wrong.
StatusOr<std::string_view> OpenElementValue(std::string_view element_key, std::string_view sealed);

// ---- expiry: deadlines in order; the value says where the record's value lies ----

struct ExpiryKey {
  uint64_t id = 0;
  uint64_t expire_ms = 0;
  uint64_t position = 0;
  std::string_view key;
  bool operator==(const ExpiryKey&) const = default;
};
std::string EncodeExpiryKey(uint64_t id, uint64_t expire_ms, uint64_t position,
                            std::string_view key);
StatusOr<ExpiryKey> DecodeExpiryKey(std::string_view bytes);
/// Whether the record's value lies in `payload`, and in `elements`. Views of constants.
std::string_view EncodeExpiryValue(bool has_chunks, bool has_elements);
Status DecodeExpiryValue(std::string_view bytes, bool* has_chunks, bool* has_elements);

// ---- graves: LSNs of absent keys; the value is empty ----

/// The LSN comes first, so that a checkpoint at C deletes the range below C in one stroke.
struct GraveKey {
  Lsn lsn = 0;
  uint64_t id = 0;
  uint64_t position = 0;
  std::string_view key;
  bool operator==(const GraveKey&) const = default;
};
std::string EncodeGraveKey(Lsn lsn, uint64_t id, uint64_t position, std::string_view key);
StatusOr<GraveKey> DecodeGraveKey(std::string_view bytes);
/// Eight bytes: every grave with an LSN below `lsn` sorts before it.
std::string EncodeGraveBound(Lsn lsn);

// ---- meta ----

inline constexpr std::string_view kMetaHigh = "high";  // Lsn, fixed64: largest LSN written
inline constexpr std::string_view kMetaCheckpoint = "checkpoint";  // proto::CheckpointRecord
inline constexpr std::string_view kMetaFormat = "format";          // fixed32: kColdFormatVersion
inline constexpr std::string_view kMetaHashKey = "hashkey";  // 2 x fixed64: the key table's HashKey
inline constexpr std::string_view kMetaCountsPrefix = "counts/";  // + big64 id: proto::IdCounts
// + key of `values`; empty: the record's payload has several chunks.
inline constexpr std::string_view kMetaChunksPrefix = "chunks/";

std::string EncodeMetaCountsKey(uint64_t id);
/// False if `bytes` is not such a key.
bool DecodeMetaCountsKey(std::string_view bytes, uint64_t* id);

/// The value of a meta key: the body, then its CRC32C seeded with the meta key.
std::string SealMeta(std::string_view meta_key, std::string_view body);
/// The body, a view into `sealed`; kCorruption if the checksum is wrong.
StatusOr<std::string_view> OpenMeta(std::string_view meta_key, std::string_view sealed);

// Sealed values of the fixed keys.
std::string EncodeMetaHigh(Lsn high);
StatusOr<Lsn> DecodeMetaHigh(std::string_view sealed);
std::string EncodeMetaFormat(uint32_t version);
StatusOr<uint32_t> DecodeMetaFormat(std::string_view sealed);
std::string EncodeMetaHashKey(const std::array<uint64_t, 2>& key);
StatusOr<std::array<uint64_t, 2>> DecodeMetaHashKey(std::string_view sealed);

}  // namespace thermocline::codec
