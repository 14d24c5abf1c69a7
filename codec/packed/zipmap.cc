// Layout: docs/formats/packed.md.
#include "codec/packed/zipmap.h"

#include <cstdint>

#include "codec/bytes.h"

namespace thermocline::codec {
namespace {

constexpr uint8_t kZipmapEnd = 0xff;
constexpr uint8_t kLong = 0xfe;  // as a length: four bytes follow; as the count: unknown

bool ReadLength(ByteReader* in, uint32_t* length) {
  uint8_t first = 0;
  if (!in->ReadU8(&first)) return false;
  *length = first;
  if (first < kLong) return true;
  // 255, which no writer uses here, counts as long, too. A short length in the long form makes
  // Redis lose its way in the map: it is refused.
  return in->ReadFixed32(length) && *length >= kLong;
}

}  // namespace

bool ReadZipmap(std::string_view bytes,
                const std::function<bool(std::string_view field, std::string_view value)>& visit) {
  if (bytes.size() < 2 || static_cast<uint8_t>(bytes.back()) != kZipmapEnd) return false;
  const auto announced = static_cast<uint8_t>(bytes[0]);
  ByteReader in(bytes.substr(0, bytes.size() - 1));
  in.Skip(1);
  size_t count = 0;
  // An end byte before the last one ends the map; Redis does not mind what follows.
  while (!in.empty() && static_cast<uint8_t>(in.rest()[0]) != kZipmapEnd) {
    uint32_t length = 0;
    uint8_t free = 0;
    std::string_view field;
    std::string_view value;
    if (!ReadLength(&in, &length) || !in.ReadBytes(length, &field)) return false;
    if (!ReadLength(&in, &length) || !in.ReadU8(&free)) return false;
    if (!in.ReadBytes(length, &value) || !in.Skip(free)) return false;
    if (!visit(field, value)) return false;
    ++count;
  }
  return count > 0 && (announced == kLong || announced == count);
}

}  // namespace thermocline::codec
