#include "engine/types/value_codec.h"

#include <glog/logging.h>

#include "codec/cold_record.h"
#include "codec/number_text.h"
#include "codec/rdb/object.h"
#include "engine/types/hash.h"
#include "engine/types/list.h"
#include "engine/types/set.h"
#include "engine/types/zset.h"

namespace thermocline::engine {
namespace {

using codec::FieldNames;

// Of all types but hashes: their values refer to no names.
template <void (*kEncode)(const Entry*, std::string*, bool)>
void EncodeWithout(const Entry* entry, const FieldNames&, std::string* out, bool compress) {
  kEncode(entry, out, compress);
}

void EncodeString(const Entry* entry, std::string* out, bool compress) {
  int64_t number;
  char scratch[24];
  if (entry->IsInt(&number)) {
    codec::AppendRdbInteger(out, number);
  } else {
    codec::AppendRdbString(out, entry->StringView(scratch), compress);
  }
}

codec::StatusOr<Entry*> DecodeString(const DecodeRequest& request) {
  codec::ByteReader in(request.payload);
  TC_ASSIGN_OR_RETURN(const std::string text, codec::ReadRdbString(&in, Entry::kValueBytesMax));
  // Redis does not look behind an object from outside.
  if (!in.empty() && request.mode == DecodeMode::kCold) {
    return codec::Status::Corruption("bytes behind the string");
  }
  StringValue value = StringValue::FromText(text);
  if (request.mode == DecodeMode::kCold) {
    value = {static_cast<StringEncoding>(request.encoding_hint), 0, text};
    if (value.encoding == StringEncoding::kInt && !codec::ParseInt64(text, &value.number)) {
      return codec::Status::Corruption("a record that says integer holds none");
    }
  }
  return Entry::New(request.key, value, request.lsn, request.expiry_ms);
}

uint64_t CountString(const Entry*) { return 1; }

struct TypeCodec {
  void (*encode)(const Entry*, const FieldNames&, std::string*, bool compress);
  codec::StatusOr<Entry*> (*decode)(const DecodeRequest&);
  uint64_t (*count)(const Entry*);
};

constexpr TypeCodec kStringCodec = {EncodeWithout<EncodeString>, DecodeString, CountString};
constexpr TypeCodec kListCodec = {EncodeWithout<EncodeList>, DecodeList, CountList};
constexpr TypeCodec kSetCodec = {EncodeWithout<EncodeSet>, DecodeSet, CountSet};
constexpr TypeCodec kHashCodec = {EncodeHash, DecodeHash, CountHash};
constexpr TypeCodec kZsetCodec = {EncodeWithout<EncodeZset>, DecodeZset, CountZset};

const TypeCodec* CodecOf(ValueType type) {
  switch (type) {
    case ValueType::kString:
      return &kStringCodec;
    case ValueType::kList:
      return &kListCodec;
    case ValueType::kSet:
      return &kSetCodec;
    case ValueType::kHash:
      return &kHashCodec;
    case ValueType::kZset:
      return &kZsetCodec;
    default:
      return nullptr;
  }
}

const TypeCodec& ResidentCodec(const Entry* entry) {
  const TypeCodec* codec = CodecOf(entry->type());
  CHECK(codec != nullptr) << "a value of unknown type is resident";
  return *codec;
}

}  // namespace

ValueType TypeOfRdb(uint8_t rdb_type) {
  switch (rdb_type) {
    case codec::kRdbList:
    case codec::kRdbListZiplist:
    case codec::kRdbListQuicklist:
    case codec::kRdbListQuicklist2:
    case codec::kPagedList:
      return ValueType::kList;
    case codec::kRdbSet:
    case codec::kRdbSetIntset:
      return ValueType::kSet;
    case codec::kRdbZset:
    case codec::kRdbZset2:
    case codec::kRdbZsetZiplist:
    case codec::kRdbZsetListpack:
      return ValueType::kZset;
    case codec::kRdbHash:
    case codec::kRdbHashZipmap:
    case codec::kRdbHashZiplist:
    case codec::kRdbHashListpack:
      return ValueType::kHash;
    case codec::kRdbStreamListpacks:
    case codec::kRdbStreamListpacks2:
      return ValueType::kStream;
    default:
      return ValueType::kString;
  }
}

uint8_t RdbTypeOf(ValueType type, uint8_t encoding) {
  const auto form = static_cast<CollectionEncoding>(encoding);
  switch (type) {
    case ValueType::kString:
      return codec::kRdbString;
    case ValueType::kList:
      return codec::kRdbListQuicklist2;
    case ValueType::kSet:
      return form == CollectionEncoding::kIntset ? codec::kRdbSetIntset : codec::kRdbSet;
    case ValueType::kZset:
      return form == CollectionEncoding::kListpack ? codec::kRdbZsetListpack : codec::kRdbZset2;
    case ValueType::kHash:
      return form == CollectionEncoding::kListpack ? codec::kRdbHashListpack : codec::kRdbHash;
    case ValueType::kStream:
      return codec::kRdbStreamListpacks2;
  }
  return codec::kRdbString;
}

void EncodeValue(const Entry* entry, const FieldNames& names, std::string* out, bool compress) {
  ResidentCodec(entry).encode(entry, names, out, compress);
}

codec::StatusOr<Entry*> DecodeValue(const DecodeRequest& request) {
  const ValueType type = TypeOfRdb(request.rdb_type);
  // Modules and unknown numbers have no ValueType: TypeOfRdb calls them strings.
  const bool is_known = type != ValueType::kString || request.rdb_type == codec::kRdbString;
  const TypeCodec* codec = is_known ? CodecOf(type) : nullptr;
  if (codec == nullptr) {
    return codec::Status::Unsupported("a value of RDB type " + std::to_string(request.rdb_type));
  }
  return codec->decode(request);
}

EntryPtr DecodeLargeValue(std::string_view key, const codec::ColdHeader& header,
                          std::string_view payload) {
  // Some 0.2 ms each: 1,000 elements that are inserted, or text that is copied.
  constexpr size_t kTableBytes = 32 << 10, kTextBytes = 1 << 20;
  static const TypeLimits kAnyLimits;
  const bool table = (header.type == codec::kRdbSet || header.type == codec::kRdbHash ||
                      header.type == codec::kRdbZset2) &&
                     header.encoding_hint == static_cast<uint8_t>(CollectionEncoding::kObject);
  const bool text = header.type == codec::kRdbString;
  if (!(table && payload.size() >= kTableBytes) && !(text && payload.size() >= kTextBytes)) {
    return nullptr;
  }
  const codec::StatusOr<Entry*> entry =
      DecodeValue({.key = key,
                   .rdb_type = header.type,
                   .payload = payload,
                   .encoding_hint = header.encoding_hint,
                   .lsn = header.lsn,
                   .expiry_ms = static_cast<int64_t>(header.expire_ms),
                   .limits = &kAnyLimits,
                   .mode = DecodeMode::kCold});
  return EntryPtr(entry.ok() ? *entry : nullptr);
}

uint64_t ElementCount(const Entry* entry) { return ResidentCodec(entry).count(entry); }

std::string DumpValue(const Entry* entry, const FieldNames& names, bool compress) {
  std::string body;
  EncodeValue(entry, names, &body, compress);
  return codec::DumpPayload(RdbTypeOf(entry->type(), entry->encoding()), body);
}

}  // namespace thermocline::engine
