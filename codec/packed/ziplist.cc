// Layout: docs/formats/packed.md.
#include "codec/packed/ziplist.h"

#include <cstdint>

#include "codec/bytes.h"

namespace thermocline::codec {
namespace {

constexpr size_t kZiplistHeaderSize = 10;
constexpr uint8_t kZiplistEnd = 0xff;
constexpr uint8_t kLongPrevious = 0xfe;  // in place of the length before: four bytes follow
constexpr uint16_t kZiplistCountUnknown = 0xffff;

constexpr uint8_t kText6 = 0;
constexpr uint8_t kText14 = 1;
constexpr uint8_t kText32 = 2;
constexpr uint8_t kInt16 = 0xc0;
constexpr uint8_t kInt32 = 0xd0;
constexpr uint8_t kInt64 = 0xe0;
constexpr uint8_t kInt24 = 0xf0;
constexpr uint8_t kInt8 = 0xfe;
// 0xf1 to 0xfd: the numbers 0 to 12.
constexpr uint8_t kFirstImmediate = 0xf1;
constexpr uint8_t kLastImmediate = 0xfd;

bool ReadText(ByteReader* in, uint64_t size, PackedValue* value) {
  std::string_view text;
  if (!in->ReadBytes(size, &text)) return false;
  *value = PackedValue::Text(text);
  return true;
}

bool ReadNumber(ByteReader* in, uint8_t head, PackedValue* value) {
  uint8_t v8 = 0;
  uint16_t v16 = 0;
  uint32_t v32 = 0;
  uint64_t v64 = 0;
  switch (head) {
    case kInt8:
      if (!in->ReadU8(&v8)) return false;
      *value = PackedValue::Int(static_cast<int8_t>(v8));
      return true;
    case kInt16:
      if (!in->ReadFixed16(&v16)) return false;
      *value = PackedValue::Int(static_cast<int16_t>(v16));
      return true;
    case kInt24:
      if (!in->ReadFixed16(&v16) || !in->ReadU8(&v8)) return false;
      *value = PackedValue::Int(v16 + static_cast<int8_t>(v8) * (1 << 16));
      return true;
    case kInt32:
      if (!in->ReadFixed32(&v32)) return false;
      *value = PackedValue::Int(static_cast<int32_t>(v32));
      return true;
    case kInt64:
      if (!in->ReadFixed64(&v64)) return false;
      *value = PackedValue::Int(static_cast<int64_t>(v64));
      return true;
    default:
      if (head < kFirstImmediate || head > kLastImmediate) return false;
      *value = PackedValue::Int(head - kFirstImmediate);
      return true;
  }
}

// One element behind the length of the one before it.
bool ReadElement(ByteReader* in, PackedValue* value) {
  uint8_t head = 0;
  if (!in->ReadU8(&head)) return false;
  uint8_t low = 0;
  uint32_t size = 0;
  switch (head >> 6) {
    case kText6:
      return ReadText(in, head & 0x3f, value);
    case kText14:
      return in->ReadU8(&low) && ReadText(in, uint64_t{head & 0x3fU} << 8 | low, value);
    case kText32:
      return in->ReadBig32(&size) && ReadText(in, size, value);
    default:
      return ReadNumber(in, head, value);
  }
}

bool ReadPreviousSize(ByteReader* in, uint32_t* size) {
  uint8_t first = 0;
  if (!in->ReadU8(&first)) return false;
  *size = first;
  return first < kLongPrevious || in->ReadFixed32(size);
}

}  // namespace

bool ReadZiplist(std::string_view bytes, const std::function<bool(const PackedValue&)>& visit) {
  if (bytes.size() < kZiplistHeaderSize + 1 || LoadFixed32(bytes.data()) != bytes.size())
    return false;
  const size_t end = bytes.size() - 1;
  if (static_cast<uint8_t>(bytes[end]) != kZiplistEnd) return false;
  const uint32_t last = LoadFixed32(bytes.data() + 4);
  const uint16_t announced = LoadFixed16(bytes.data() + 8);
  if (last > end) return false;

  // The reader does not see the end byte, so no element can contain it.
  ByteReader in(bytes.substr(0, end));
  in.Skip(kZiplistHeaderSize);
  size_t count = 0;
  size_t previous = 0;
  size_t start = kZiplistHeaderSize;
  while (!in.empty() && static_cast<uint8_t>(in.rest()[0]) != kZiplistEnd) {
    start = in.position();
    uint32_t stated = 0;
    PackedValue value;
    if (!ReadPreviousSize(&in, &stated) || stated != previous) return false;
    if (!ReadElement(&in, &value) || !visit(value)) return false;
    previous = in.position() - start;
    ++count;
  }
  if (!in.empty() || (count > 0 && start != last)) return false;
  return announced == kZiplistCountUnknown || announced == count;
}

}  // namespace thermocline::codec
