// Fuzz: payloads of lists, sets, hashes and sorted sets. The first byte chooses the RDB type. What
// is accepted from outside is accepted as our own, too, and its packed parts are sound.
#include <cstdint>
#include <string_view>

#include "tests/codec/payload_contents.h"
#include "tests/fuzz/fuzz_check.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace thermocline::codec;
  if (size == 0) return 0;
  const uint8_t type = data[0] % (kRdbListQuicklist2 + 1);
  if (!IsRdbListType(type) && !IsRdbSetType(type) && !IsRdbHashType(type) && !IsRdbZsetType(type)) {
    return 0;
  }
  const std::string_view payload(reinterpret_cast<const char*>(data) + 1, size - 1);
  const auto outside = ReadContents(type, payload, RdbTrust::kOutside);
  const auto own = ReadContents(type, payload, RdbTrust::kOwn);
  if (!outside.ok()) {
    FUZZ_CHECK(outside.status().code() == StatusCode::kCorruption);
    return 0;
  }
  FUZZ_CHECK(!outside->elements.empty());
  FUZZ_CHECK(own.ok() && own->elements.size() == outside->elements.size());
  // In order already, or not a sorted set: the very same.
  if (!IsRdbZsetType(type)) FUZZ_CHECK(own->elements == outside->elements);
  if (!outside->packed) return 0;
  for (const std::string& blob : outside->blobs) {
    const bool sound = IsRdbSetType(type) ? ValidateIntset(blob) : ValidateListpack(blob);
    FUZZ_CHECK(sound || type == kRdbListQuicklist2);  // there an element may be alone
  }
  return 0;
}
