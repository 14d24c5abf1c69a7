// Layouts: docs/formats/rdb-object.md.
#include "codec/rdb/object.h"

#include <limits>

#include "codec/crc.h"
#include "codec/number_text.h"
#include "codec/rdb/lzf.h"

namespace thermocline::codec {
namespace {

// The two high bits of the first byte of a length.
constexpr uint8_t kLength6 = 0;
constexpr uint8_t kLength14 = 1;
constexpr uint8_t kLengthLong = 2;  // the other six bits: 0 for 32, 1 for 64 bits
constexpr uint8_t kLengthEncoded = 3;
constexpr uint8_t kLength32Byte = 0x80;
constexpr uint8_t kLength64Byte = 0x81;

constexpr size_t kMaxIntegerText = 11;  // "-2147483648"
constexpr size_t kMinCompressedLength = 21;
constexpr size_t kLzfMustSave = 4;
constexpr size_t kDumpFooterSize = 10;

bool AppendSmallInteger(std::string* out, int64_t value) {
  const auto encoding_byte = [](RdbStringEncoding encoding) {
    return static_cast<char>(kLengthEncoded << 6 | encoding);
  };
  if (value >= std::numeric_limits<int8_t>::min() && value <= std::numeric_limits<int8_t>::max()) {
    out->push_back(encoding_byte(kRdbInt8));
    out->push_back(static_cast<char>(value));
  } else if (value >= std::numeric_limits<int16_t>::min() &&
             value <= std::numeric_limits<int16_t>::max()) {
    out->push_back(encoding_byte(kRdbInt16));
    PutFixed16(out, static_cast<uint16_t>(value));
  } else if (value >= std::numeric_limits<int32_t>::min() &&
             value <= std::numeric_limits<int32_t>::max()) {
    out->push_back(encoding_byte(kRdbInt32));
    PutFixed32(out, static_cast<uint32_t>(value));
  } else {
    return false;
  }
  return true;
}

bool ReadInteger(ByteReader* in, uint64_t encoding, int64_t* value) {
  uint8_t v8 = 0;
  uint16_t v16 = 0;
  uint32_t v32 = 0;
  switch (encoding) {
    case kRdbInt8:
      if (!in->ReadU8(&v8)) return false;
      *value = static_cast<int8_t>(v8);
      return true;
    case kRdbInt16:
      if (!in->ReadFixed16(&v16)) return false;
      *value = static_cast<int16_t>(v16);
      return true;
    default:
      if (!in->ReadFixed32(&v32)) return false;
      *value = static_cast<int32_t>(v32);
      return true;
  }
}

Status CutShort() { return Status::Corruption("RDB string: cut short"); }

// A string as it stands in the bytes: one of the three forms.
struct StoredString {
  enum { kPlain, kInteger, kCompressed } form = kPlain;
  std::string_view bytes;  // plain or compressed
  int64_t integer = 0;
  uint64_t length = 0;  // of the text
};

StatusOr<StoredString> ReadStored(ByteReader* in) {
  StoredString stored;
  bool encoded = false;
  if (!ReadRdbLength(in, &stored.length, &encoded)) {
    return Status::Corruption("RDB string: bad length");
  }
  if (!encoded) {
    if (!in->ReadBytes(stored.length, &stored.bytes)) return CutShort();
    return stored;
  }
  const uint64_t encoding = stored.length;
  if (encoding <= kRdbInt32) {
    stored.form = StoredString::kInteger;
    if (!ReadInteger(in, encoding, &stored.integer)) return CutShort();
    char text[kMaxInt64Text];
    stored.length = FormatInt64(text, stored.integer);
    return stored;
  }
  if (encoding != kRdbLzf) {
    return Status::Corruption("RDB string: unknown encoding " + std::to_string(encoding));
  }
  stored.form = StoredString::kCompressed;
  uint64_t compressed = 0;
  // Redis does not ask whether these two are lengths: of an encoding byte it takes the six bits.
  bool ignored = false;
  if (!ReadRdbLength(in, &compressed, &ignored) || !ReadRdbLength(in, &stored.length, &ignored)) {
    return Status::Corruption("RDB string: bad length");
  }
  if (!in->ReadBytes(compressed, &stored.bytes)) return CutShort();
  // Nor does it look at the data of a text without bytes.
  if (stored.length == 0) {
    stored.form = StoredString::kPlain;
    stored.bytes = {};
    return stored;
  }
  // compressed is at most the size of the source now, so the product does not overflow.
  if (stored.length > compressed * kMaxLzfExpansion) {
    return Status::Corruption("RDB string: impossible LZF length");
  }
  return stored;
}

}  // namespace

bool IsRdbObjectType(uint8_t type) {
  return type <= kRdbModule2 || (type >= kRdbHashZipmap && type <= kRdbStreamListpacks2);
}

void AppendRdbLength(std::string* out, uint64_t length) {
  if (length < 1 << 6) {
    out->push_back(static_cast<char>(kLength6 << 6 | length));
  } else if (length < 1 << 14) {
    out->push_back(static_cast<char>(kLength14 << 6 | length >> 8));
    out->push_back(static_cast<char>(length));
  } else if (length <= std::numeric_limits<uint32_t>::max()) {
    out->push_back(static_cast<char>(kLength32Byte));
    PutBig32(out, static_cast<uint32_t>(length));
  } else {
    out->push_back(static_cast<char>(kLength64Byte));
    PutBig64(out, length);
  }
}

bool ReadRdbLength(ByteReader* in, uint64_t* length, bool* encoded) {
  ByteReader at = *in;  // moved back to *in only on success
  uint8_t first = 0;
  if (!at.ReadU8(&first)) return false;
  *encoded = false;
  switch (first >> 6) {
    case kLength6:
      *length = first & 0x3f;
      break;
    case kLength14: {
      uint8_t second = 0;
      if (!at.ReadU8(&second)) return false;
      *length = static_cast<uint64_t>(first & 0x3f) << 8 | second;
      break;
    }
    case kLengthLong:
      if (first == kLength32Byte) {
        uint32_t v32 = 0;
        if (!at.ReadBig32(&v32)) return false;
        *length = v32;
      } else if (first == kLength64Byte) {
        if (!at.ReadBig64(length)) return false;
      } else {
        return false;
      }
      break;
    default:
      *encoded = true;
      *length = first & 0x3f;
      break;
  }
  *in = at;
  return true;
}

void AppendRdbInteger(std::string* out, int64_t value) {
  if (AppendSmallInteger(out, value)) return;
  char text[kMaxInt64Text];
  const size_t n = FormatInt64(text, value);
  AppendRdbLength(out, n);
  out->append(text, n);
}

uint64_t PlainRdbStringLength(uint64_t encoded) {
  if (encoded - 2 < 1 << 14) return encoded - 2;
  return encoded - 5 <= std::numeric_limits<uint32_t>::max() ? encoded - 5 : encoded - 9;
}

void AppendRdbString(std::string* out, std::string_view s, bool compress) {
  int64_t value = 0;
  if (s.size() <= kMaxIntegerText && ParseInt64(s, &value) && AppendSmallInteger(out, value)) {
    return;
  }
  if (compress && s.size() >= kMinCompressedLength) {
    std::string compressed;
    const size_t n = LzfCompress(s, s.size() - kLzfMustSave, &compressed);
    if (n > 0) {
      out->push_back(static_cast<char>(kLengthEncoded << 6 | kRdbLzf));
      AppendRdbLength(out, n);
      AppendRdbLength(out, s.size());
      out->append(compressed);
      return;
    }
  }
  AppendRdbLength(out, s.size());
  out->append(s);
}

StatusOr<std::string_view> ReadRdbStringView(ByteReader* in, std::string* scratch,
                                             uint64_t max_length) {
  TC_ASSIGN_OR_RETURN(StoredString stored, ReadStored(in));
  if (stored.length > max_length) {
    return Status::Corruption("RDB string: " + std::to_string(stored.length) +
                              " bytes, the limit is " + std::to_string(max_length));
  }
  switch (stored.form) {
    case StoredString::kPlain:
      return stored.bytes;
    case StoredString::kInteger: {
      char text[kMaxInt64Text];
      scratch->assign(text, FormatInt64(text, stored.integer));
      break;
    }
    case StoredString::kCompressed:
      scratch->clear();
      if (!LzfDecompress(stored.bytes, stored.length, scratch)) {
        return Status::Corruption("RDB string: bad LZF data");
      }
      break;
  }
  return std::string_view(*scratch);
}

StatusOr<std::string> ReadRdbString(ByteReader* in, uint64_t max_length) {
  std::string text;
  TC_ASSIGN_OR_RETURN(const std::string_view view, ReadRdbStringView(in, &text, max_length));
  if (view.data() != text.data()) text.assign(view);
  return text;
}

StatusOr<uint64_t> SkipRdbString(ByteReader* in) {
  TC_ASSIGN_OR_RETURN(StoredString stored, ReadStored(in));
  return stored.length;
}

std::string DumpPayload(uint8_t type, std::string_view body) {
  std::string out;
  out.reserve(1 + body.size() + kDumpFooterSize);
  out.push_back(static_cast<char>(type));
  out.append(body);
  PutFixed16(&out, kRdbVersion);
  PutFixed64(&out, Crc64(0, out));
  return out;
}

Status VerifyDump(std::string_view dump) {
  if (dump.size() < kDumpFooterSize) return Status::Corruption("DUMP payload: no footer");
  const std::string_view covered = dump.substr(0, dump.size() - 8);
  const uint16_t version = LoadFixed16(covered.data() + covered.size() - 2);
  if (version > kRdbVersion) {
    return Status::Corruption("DUMP payload: RDB version " + std::to_string(version) +
                              ", this build reads up to " + std::to_string(kRdbVersion));
  }
  if (Crc64(0, covered) != LoadFixed64(dump.data() + covered.size())) {
    return Status::Corruption("DUMP payload: wrong checksum");
  }
  return Status::Ok();
}

StatusOr<DumpView> OpenDump(std::string_view dump) {
  TC_RETURN_IF_ERROR(VerifyDump(dump));
  if (dump.size() == kDumpFooterSize) return Status::Corruption("DUMP payload: no object");
  return DumpView{static_cast<uint8_t>(dump[0]), dump.substr(1, dump.size() - 1 - kDumpFooterSize)};
}

}  // namespace thermocline::codec
