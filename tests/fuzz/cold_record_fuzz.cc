// Fuzz: keys and values of the cold tier, as they come and with the value's checksum made right.
// What is decoded must encode to the same bytes.
#include <cstdint>
#include <string>
#include <string_view>

#include "codec/cold_record.h"
#include "codec/crc.h"
#include "tests/fuzz/fuzz_check.h"

namespace {

using namespace thermocline::codec;

void CheckValue(std::string_view key, std::string_view bytes) {
  const auto value = DecodeColdValue(key, bytes);
  if (!value.ok()) return;
  FUZZ_CHECK(value->inline_payload.size() <= kMaxInlinePayload);
  std::string again;
  AppendColdValue(&again, key, value->header, value->inline_payload);
  FUZZ_CHECK(again == bytes);
}

void CheckWhole(std::string_view key, std::string_view bytes) {
  const auto value = DecodeWholeRecord(key, bytes);
  if (!value.ok()) return;
  FUZZ_CHECK(IsWhole(value->inline_payload.size()));
  std::string again;
  AppendWholeRecord(&again, key, value->header, value->inline_payload);
  FUZZ_CHECK(again == bytes);
}

// Puts the right checksum where the header of `bytes` says it is.
void Sign(std::string_view key, std::string* bytes) {
  ByteReader reader(*bytes);
  uint64_t varint = 0;
  if (!reader.Skip(3)) return;
  uint8_t flags = 0;
  if (!reader.ReadU8(&flags) || !reader.Skip(9 + ((flags & 2) ? 8 : 0))) return;
  if (!reader.ReadVarint64(&varint) || !reader.ReadVarint64(&varint)) return;
  const size_t at = reader.position();
  if (!reader.Skip(4)) return;
  const std::string_view view(*bytes);
  const uint32_t crc = Crc32c(Crc32c(Crc32c(0, key), view.substr(0, at)), view.substr(at + 4));
  StoreFixed32(bytes->data() + at, crc);
}

void CheckElement(std::string_view key, std::string_view sealed) {
  const auto bytes = OpenElementValue(key, sealed);
  if (!bytes.ok()) return;
  std::string again;
  AppendElementValue(&again, key, *bytes);
  FUZZ_CHECK(again == sealed);
}

void CheckExpiryValue(std::string_view bytes) {
  bool has_chunks = false;
  bool has_elements = false;
  if (!DecodeExpiryValue(bytes, &has_chunks, &has_elements).ok()) return;
  bool chunks_again = !has_chunks;
  bool elements_again = !has_elements;
  const std::string_view again = EncodeExpiryValue(has_chunks, has_elements);
  FUZZ_CHECK(again == bytes);
  FUZZ_CHECK(DecodeExpiryValue(again, &chunks_again, &elements_again).ok());
  FUZZ_CHECK(chunks_again == has_chunks && elements_again == has_elements);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  if (const auto key = DecodeColdKey(bytes); key.ok()) {
    FUZZ_CHECK(EncodeColdKey(key->id, key->position, key->key) == bytes);
  }
  if (const auto key = DecodeChunkKey(bytes); key.ok()) {
    FUZZ_CHECK(EncodeChunkKey(key->id, key->position, key->key, key->chunk) == bytes);
  }
  if (const auto key = DecodeExpiryKey(bytes); key.ok()) {
    FUZZ_CHECK(EncodeExpiryKey(key->id, key->expire_ms, key->position, key->key) == bytes);
  }
  if (const auto key = DecodeGraveKey(bytes); key.ok()) {
    FUZZ_CHECK(EncodeGraveKey(key->lsn, key->id, key->position, key->key) == bytes);
  }
  uint64_t id = 0;
  if (DecodeMetaCountsKey(bytes, &id)) FUZZ_CHECK(EncodeMetaCountsKey(id) == bytes);
  if (const auto body = OpenMeta(kMetaHigh, bytes); body.ok()) {
    FUZZ_CHECK(SealMeta(kMetaHigh, *body) == bytes);
  }
  (void)DecodeMetaHigh(bytes).ok();
  (void)DecodeMetaFormat(bytes).ok();
  (void)DecodeMetaHashKey(bytes).ok();

  const std::string key = EncodeColdKey(5, 0x0123456789abcdef, std::string_view("us\0er", 5));
  CheckValue(key, bytes);
  std::string with_checksum(bytes);
  Sign(key, &with_checksum);
  CheckValue(key, with_checksum);
  const std::string chunk_key =
      EncodeChunkKey(5, 0x0123456789abcdef, std::string_view("us\0er", 5), 0);
  CheckWhole(chunk_key, bytes);
  with_checksum = bytes;
  Sign(chunk_key, &with_checksum);
  CheckWhole(chunk_key, with_checksum);

  CheckExpiryValue(bytes);
  std::string element_key = EncodeChunkPrefix(5, 0x0123456789abcdef, std::string_view("us\0er", 5));
  AppendElementNumber(&element_key, 300);
  CheckElement(element_key, bytes);
  if (size >= 4) {
    const std::string_view body = bytes.substr(0, size - 4);
    with_checksum = bytes;
    StoreFixed32(with_checksum.data() + body.size(), Crc32c(Crc32c(0, element_key), body));
    const auto opened = OpenElementValue(element_key, with_checksum);
    FUZZ_CHECK(opened.ok() && *opened == body);
    CheckElement(element_key, with_checksum);
  }
  return 0;
}
