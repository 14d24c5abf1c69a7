// Layouts: docs/formats/cold-tier.md.
#include "codec/cold_record.h"

#include <cassert>
#include <cstring>

#include "codec/crc.h"

namespace thermocline::codec {
namespace {

constexpr uint8_t kColdValueVersion = 1;
constexpr uint8_t kFlagInline = 1;
constexpr uint8_t kFlagExpires = 2;
constexpr uint8_t kExpiryChunks = 1;
constexpr uint8_t kExpiryElements = 2;
constexpr uint8_t kKnownFlags = kFlagInline | kFlagExpires;

Status BadKey(std::string_view family, std::string_view what) {
  return Status::Corruption(std::string(family) + " key: " + std::string(what));
}

bool ValidPosition(uint64_t position) { return position >= 1 && position <= kMaxPosition; }

uint32_t ValueChecksum(std::string_view cold_key, std::string_view header,
                       std::string_view payload) {
  return Crc32c(Crc32c(Crc32c(0, cold_key), header), payload);
}

void AppendRecord(std::string* out, std::string_view key, const ColdHeader& header,
                  bool has_payload, std::string_view payload) {
  char bytes[13 + 8 + 2 * kMaxVarint64Length + 4];
  const auto flags = static_cast<uint8_t>((has_payload ? kFlagInline : 0) |
                                          (header.expire_ms != 0 ? kFlagExpires : 0));
  bytes[0] = kColdValueVersion;
  bytes[1] = static_cast<char>(header.type);
  bytes[2] = static_cast<char>(header.encoding_hint);
  bytes[3] = static_cast<char>(flags);
  StoreFixed48(bytes + 4, header.lsn);
  StoreFixed16(bytes + 10, static_cast<uint16_t>(header.access));
  bytes[12] = static_cast<char>(header.access >> 16);
  char* p = bytes + 13;
  if (header.expire_ms != 0) {
    StoreFixed64(p, header.expire_ms);
    p += 8;
  }
  p = StoreVarint64(p, header.count);
  p = StoreVarint64(p, header.length);
  StoreFixed32(p, ValueChecksum(key, {bytes, static_cast<size_t>(p - bytes)}, payload));
  p += 4;
  out->append(bytes, static_cast<size_t>(p - bytes));
  out->append(payload);
}

// `family` is for messages.
StatusOr<ColdValue> DecodeRecord(const std::string& family, std::string_view key,
                                 std::string_view bytes, size_t payload_max) {
  ByteReader reader(bytes);
  ColdValue value;
  ColdHeader& header = value.header;
  uint8_t version = 0;
  uint8_t flags = 0;
  uint16_t access_low = 0;
  uint8_t access_high = 0;
  if (!reader.ReadU8(&version)) return Status::Corruption(family + " record: empty");
  if (version != kColdValueVersion) {
    return Status::Unsupported(family + " record: version " + std::to_string(version) +
                               ", this build reads " + std::to_string(kColdValueVersion));
  }
  if (!reader.ReadU8(&header.type) || !reader.ReadU8(&header.encoding_hint) ||
      !reader.ReadU8(&flags) || !reader.ReadFixed48(&header.lsn) ||
      !reader.ReadFixed16(&access_low) || !reader.ReadU8(&access_high) ||
      ((flags & kFlagExpires) && !reader.ReadFixed64(&header.expire_ms)) ||
      !reader.ReadVarint64(&header.count) || !reader.ReadVarint64(&header.length)) {
    return Status::Corruption(family + " record: header cut short");
  }
  const std::string_view covered = bytes.substr(0, reader.position());
  uint32_t found = 0;
  if (!reader.ReadFixed32(&found)) return Status::Corruption(family + " record: header cut short");
  value.inline_payload = reader.rest();
  const uint32_t expected = ValueChecksum(key, covered, value.inline_payload);
  if (found != expected) {
    return Status::Corruption(family + " record: checksum " + std::to_string(found) +
                              ", expected " + std::to_string(expected));
  }
  header.access = access_low | static_cast<uint32_t>(access_high) << 16;
  header.payload_inline = (flags & kFlagInline) != 0;
  const uint64_t inline_length = header.payload_inline ? header.length : 0;
  if ((flags & ~kKnownFlags) != 0 || ((flags & kFlagExpires) && header.expire_ms == 0) ||
      inline_length > payload_max || value.inline_payload.size() != inline_length) {
    return Status::Corruption(family + " record: fields contradict each other");
  }
  return value;
}

// A body and its CRC32C, seeded with the key of the row.
void AppendSealed(std::string* out, std::string_view key, std::string_view body) {
  out->reserve(out->size() + body.size() + 4);
  out->append(body);
  PutFixed32(out, Crc32c(Crc32c(0, key), body));
}

// `what` is for messages.
StatusOr<std::string_view> OpenSealed(const std::string& what, std::string_view key,
                                      std::string_view sealed) {
  if (sealed.size() < 4) return Status::Corruption(what + ": shorter than its checksum");
  const std::string_view body = sealed.substr(0, sealed.size() - 4);
  const uint32_t expected = Crc32c(Crc32c(0, key), body);
  const uint32_t found = LoadFixed32(sealed.data() + body.size());
  if (found != expected) {
    return Status::Corruption(what + ": checksum " + std::to_string(found) + ", expected " +
                              std::to_string(expected));
  }
  return body;
}

}  // namespace

void AppendColdKey(std::string* out, uint64_t id, uint64_t position, std::string_view key) {
  char prefix[kColdKeyPrefix];
  StoreBig64(prefix, id);
  StoreBig64(prefix + 8, position);
  out->append(prefix, sizeof(prefix));
  out->append(key);
}

StatusOr<ColdKey> DecodeColdKey(std::string_view bytes) {
  ByteReader reader(bytes);
  ColdKey key;
  if (!reader.ReadBig64(&key.id) || !reader.ReadBig64(&key.position)) {
    return BadKey("values", "shorter than 16 bytes");
  }
  if (!ValidPosition(key.position)) return BadKey("values", "position out of range");
  key.key = reader.rest();
  return key;
}

std::string EncodeColdIdPrefix(uint64_t id) {
  std::string out;
  PutBig64(&out, id);
  return out;
}

void AppendColdValue(std::string* out, std::string_view cold_key, const ColdHeader& header,
                     std::string_view payload) {
  assert(header.payload_inline
             ? payload.size() == header.length && payload.size() <= kMaxInlinePayload
             : payload.empty());
  AppendRecord(out, cold_key, header, header.payload_inline, payload);
}

StatusOr<ColdValue> DecodeColdValue(std::string_view cold_key, std::string_view bytes) {
  return DecodeRecord("values", cold_key, bytes, kMaxInlinePayload);
}

void AppendWholeRecord(std::string* out, std::string_view chunk_key, const ColdHeader& header,
                       std::string_view payload) {
  assert(payload.size() == header.length && IsWhole(payload.size()));
  AppendRecord(out, chunk_key, header, /*has_payload=*/true, payload);
}

StatusOr<ColdValue> DecodeWholeRecord(std::string_view chunk_key, std::string_view bytes) {
  StatusOr<ColdValue> value = DecodeRecord("payload", chunk_key, bytes, kMaxWholePayload);
  if (value.ok() && !value->header.payload_inline) {
    return Status::Corruption("payload record: a header without its payload");
  }
  return value;
}

std::string EncodeChunkPrefix(uint64_t id, uint64_t position, std::string_view key) {
  std::string out;
  out.reserve(kColdKeyPrefix + key.size() + 6);
  PutBig64(&out, id);
  PutBig64(&out, position);
  for (size_t begin = 0;;) {
    const size_t nul = key.find('\0', begin);
    out.append(key.substr(begin, nul - begin));
    if (nul == std::string_view::npos) break;
    out.append("\0\1", 2);
    begin = nul + 1;
  }
  out.append("\0\0", 2);
  return out;
}

void AppendChunkNumber(std::string* prefix, uint32_t chunk) { PutBig32(prefix, chunk); }

std::string EncodeChunkKey(uint64_t id, uint64_t position, std::string_view key, uint32_t chunk) {
  std::string out = EncodeChunkPrefix(id, position, key);
  AppendChunkNumber(&out, chunk);
  return out;
}

StatusOr<ColdChunkKey> DecodeChunkKey(std::string_view bytes) {
  ByteReader reader(bytes);
  ColdChunkKey key;
  if (!reader.ReadBig64(&key.id) || !reader.ReadBig64(&key.position)) {
    return BadKey("payload", "shorter than 16 bytes");
  }
  if (!ValidPosition(key.position)) return BadKey("payload", "position out of range");
  for (;;) {
    uint8_t byte = 0;
    if (!reader.ReadU8(&byte)) return BadKey("payload", "key without an end");
    if (byte != 0) {
      key.key.push_back(static_cast<char>(byte));
      continue;
    }
    uint8_t escape = 0;
    if (!reader.ReadU8(&escape) || escape > 1) return BadKey("payload", "bad escape");
    if (escape == 0) break;
    key.key.push_back('\0');
  }
  if (!reader.ReadBig32(&key.chunk) || !reader.empty()) {
    return BadKey("payload", "chunk number is not the last 4 bytes");
  }
  return key;
}

void AppendElementNumber(std::string* prefix, uint64_t element) { PutBig64(prefix, element); }

void AppendElementValue(std::string* out, std::string_view element_key, std::string_view bytes) {
  AppendSealed(out, element_key, bytes);
}

StatusOr<std::string_view> OpenElementValue(std::string_view element_key, std::string_view sealed) {
  return OpenSealed("elements row", element_key, sealed);
}

std::string EncodeExpiryKey(uint64_t id, uint64_t expire_ms, uint64_t position,
                            std::string_view key) {
  std::string out;
  out.reserve(24 + key.size());
  PutBig64(&out, id);
  PutBig64(&out, expire_ms);
  PutBig64(&out, position);
  out.append(key);
  return out;
}

StatusOr<ExpiryKey> DecodeExpiryKey(std::string_view bytes) {
  ByteReader reader(bytes);
  ExpiryKey key;
  if (!reader.ReadBig64(&key.id) || !reader.ReadBig64(&key.expire_ms) ||
      !reader.ReadBig64(&key.position)) {
    return BadKey("expiry", "shorter than 24 bytes");
  }
  if (!ValidPosition(key.position)) return BadKey("expiry", "position out of range");
  key.key = reader.rest();
  return key;
}

std::string_view EncodeExpiryValue(bool has_chunks, bool has_elements) {
  static constexpr char kValues[] = {0, kExpiryChunks, kExpiryElements,
                                     kExpiryChunks | kExpiryElements};
  const size_t value = (has_chunks ? kExpiryChunks : 0) | (has_elements ? kExpiryElements : 0);
  return {kValues + value, size_t{value != 0}};
}

Status DecodeExpiryValue(std::string_view bytes, bool* has_chunks, bool* has_elements) {
  const uint8_t value = bytes.empty() ? 0 : static_cast<uint8_t>(bytes[0]);
  if (bytes.size() > 1 || value > (kExpiryChunks | kExpiryElements) ||
      (bytes.size() == 1 && value == 0)) {
    return Status::Corruption("expiry value: unknown flags");
  }
  *has_chunks = (value & kExpiryChunks) != 0;
  *has_elements = (value & kExpiryElements) != 0;
  return {};
}

std::string EncodeGraveKey(Lsn lsn, uint64_t id, uint64_t position, std::string_view key) {
  std::string out;
  out.reserve(24 + key.size());
  PutBig64(&out, lsn);
  PutBig64(&out, id);
  PutBig64(&out, position);
  out.append(key);
  return out;
}

StatusOr<GraveKey> DecodeGraveKey(std::string_view bytes) {
  ByteReader reader(bytes);
  GraveKey key;
  if (!reader.ReadBig64(&key.lsn) || !reader.ReadBig64(&key.id) ||
      !reader.ReadBig64(&key.position)) {
    return BadKey("graves", "shorter than 24 bytes");
  }
  if (key.lsn == 0 || key.lsn > kMaxLsn) return BadKey("graves", "LSN out of range");
  if (!ValidPosition(key.position)) return BadKey("graves", "position out of range");
  key.key = reader.rest();
  return key;
}

std::string EncodeGraveBound(Lsn lsn) {
  std::string out;
  PutBig64(&out, lsn);
  return out;
}

std::string EncodeMetaCountsKey(uint64_t id) {
  std::string out(kMetaCountsPrefix);
  PutBig64(&out, id);
  return out;
}

bool DecodeMetaCountsKey(std::string_view bytes, uint64_t* id) {
  if (!bytes.starts_with(kMetaCountsPrefix)) return false;
  ByteReader reader(bytes.substr(kMetaCountsPrefix.size()));
  return reader.remaining() == 8 && reader.ReadBig64(id);
}

std::string SealMeta(std::string_view meta_key, std::string_view body) {
  std::string out;
  AppendSealed(&out, meta_key, body);
  return out;
}

StatusOr<std::string_view> OpenMeta(std::string_view meta_key, std::string_view sealed) {
  return OpenSealed("meta " + std::string(meta_key), meta_key, sealed);
}

namespace {

StatusOr<std::string_view> OpenFixedMeta(std::string_view meta_key, std::string_view sealed,
                                         size_t size) {
  TC_ASSIGN_OR_RETURN(std::string_view body, OpenMeta(meta_key, sealed));
  if (body.size() != size) {
    return Status::Corruption("meta " + std::string(meta_key) + ": expected " +
                              std::to_string(size) + " bytes, found " +
                              std::to_string(body.size()));
  }
  return body;
}

}  // namespace

std::string EncodeMetaHigh(Lsn high) {
  char body[8];
  StoreFixed64(body, high);
  return SealMeta(kMetaHigh, {body, sizeof(body)});
}

StatusOr<Lsn> DecodeMetaHigh(std::string_view sealed) {
  TC_ASSIGN_OR_RETURN(std::string_view body, OpenFixedMeta(kMetaHigh, sealed, 8));
  const Lsn high = LoadFixed64(body.data());
  if (high > kMaxLsn) return Status::Corruption("meta high: LSN out of range");
  return high;
}

std::string EncodeMetaFormat(uint32_t version) {
  char body[4];
  StoreFixed32(body, version);
  return SealMeta(kMetaFormat, {body, sizeof(body)});
}

StatusOr<uint32_t> DecodeMetaFormat(std::string_view sealed) {
  TC_ASSIGN_OR_RETURN(std::string_view body, OpenFixedMeta(kMetaFormat, sealed, 4));
  return LoadFixed32(body.data());
}

std::string EncodeMetaHashKey(const std::array<uint64_t, 2>& key) {
  char body[16];
  StoreFixed64(body, key[0]);
  StoreFixed64(body + 8, key[1]);
  return SealMeta(kMetaHashKey, {body, sizeof(body)});
}

StatusOr<std::array<uint64_t, 2>> DecodeMetaHashKey(std::string_view sealed) {
  TC_ASSIGN_OR_RETURN(std::string_view body, OpenFixedMeta(kMetaHashKey, sealed, 16));
  return std::array<uint64_t, 2>{LoadFixed64(body.data()), LoadFixed64(body.data() + 8)};
}

}  // namespace thermocline::codec
