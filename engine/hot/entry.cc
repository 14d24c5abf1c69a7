// Entry: layout changes. See entry.h for the layout; everything that moves bytes goes through
// Reshape, which relies on key and value being adjacent: one memmove carries both.
#include "engine/hot/entry.h"

#include <glog/logging.h>

#include <algorithm>
#include <bit>
#include <cstdlib>

#include "codec/bytes.h"
#include "codec/number_text.h"
#include "engine/hot/allocation.h"
#include "engine/hot/prefetch.h"

namespace thermocline::engine {
namespace {

constexpr size_t kGrowthStepMax = size_t{1} << 20;  // doubling stops here, as in Redis

size_t VarintLength(uint64_t v) { return (std::bit_width(v | 1) + 6) / 7; }

uint64_t LoadVarint(const uint8_t** p) {
  uint64_t value = 0;
  for (unsigned shift = 0;; shift += 7) {
    const uint8_t byte = *(*p)++;
    value |= uint64_t{byte & 0x7fu} << shift;
    if (byte < 0x80) return value;
  }
}

// Bytes of the shortest two's complement form.
size_t IntBytes(int64_t number) {
  const uint64_t magnitude = static_cast<uint64_t>(number < 0 ? ~number : number);
  return std::bit_width(magnitude) / 8 + 1;
}

// Room for a value that has just grown to `length` and may again.
size_t GrownCapacity(size_t length) {
  const size_t wanted = length < kGrowthStepMax ? 2 * length : length + kGrowthStepMax;
  return std::min(wanted, std::max(length, Entry::kValueBytesMax));
}

}  // namespace

StringValue StringValue::FromText(std::string_view text) {
  int64_t number;
  if (text.size() <= codec::kMaxInt64Text && codec::ParseInt64(text, &number)) {
    return FromInt(number);
  }
  return Unparsed(text);
}

StringValue StringValue::Unparsed(std::string_view text) {
  return {text.size() <= Entry::kEmbstrMax ? StringEncoding::kEmbstr : StringEncoding::kRaw, 0,
          text};
}

Entry::Layout Entry::Parse() const {
  Layout l;
  const uint16_t f = flags();
  const uint8_t* p = whole() + kHeaderBytes;
  l.key_length = static_cast<uint32_t>(LoadVarint(&p));
  l.length_field = LoadVarint(&p);
  p += (f & kHasExpiry ? 8 : 0) + (f & kColdExpiryOwn ? 8 : 0);
  l.key_offset = static_cast<uint32_t>(p - whole());
  l.value_offset = size_t{l.key_offset} + l.key_length;
  l.stored = f & (kHeaderOnly | kTombstone) ? 0 : l.length_field;
  return l;
}

Entry* Entry::Allocate(std::string_view key, ValueType type, uint8_t encoding, uint16_t flags,
                       uint64_t length_field, size_t stored, uint64_t lsn) {
  DCHECK_LE(key.size(), kKeyBytesMax);
  const size_t bytes = kHeaderBytes + VarintLength(key.size()) + VarintLength(length_field) +
                       (flags & kHasExpiry ? 8 : 0) + key.size() + stored;
  auto* e = static_cast<Entry*>(AllocateOrDie(AllocationSize(bytes)));
  std::memset(e->raw_, 0, kHeaderBytes);
  e->set_lsn(lsn);
  e->raw_[9] = static_cast<uint8_t>(static_cast<unsigned>(type) << 4 | encoding);
  e->set_flags(flags);
  char* p = reinterpret_cast<char*>(e->whole() + kHeaderBytes);
  p = codec::StoreVarint64(codec::StoreVarint64(p, key.size()), length_field);
  if (flags & kHasExpiry) p += 8;
  if (!key.empty()) std::memcpy(p, key.data(), key.size());
  return e;
}

Entry* Entry::New(std::string_view key, const StringValue& value, uint64_t lsn, int64_t expiry_ms) {
  const bool number = value.encoding == StringEncoding::kInt;
  const size_t besides =
      kHeaderBytes + VarintLength(key.size()) + (expiry_ms != 0 ? 8 : 0) + key.size();
  const bool out_of_line = !number && !IsInline(besides, value.text.size());
  const size_t stored = number ? IntBytes(value.number) : out_of_line ? 8 : value.text.size();
  const uint16_t flags = (out_of_line ? kOutOfLine : 0) | (expiry_ms != 0 ? kHasExpiry : 0);
  Entry* e = Allocate(key, ValueType::kString, static_cast<uint8_t>(value.encoding), flags, stored,
                      stored, lsn);
  const Layout l = e->Parse();
  if (expiry_ms != 0) std::memcpy(e->whole() + l.key_offset - 8, &expiry_ms, 8);
  if (number) {
    std::memcpy(e->value_area(l), &value.number, stored);
  } else if (out_of_line) {
    Buffer* buffer = NewBuffer(value.text.size(), value.text.size());
    std::memcpy(buffer->text(), value.text.data(), value.text.size());
    std::memcpy(e->value_area(l), &buffer, 8);
  } else if (stored != 0) {
    std::memcpy(e->value_area(l), value.text.data(), stored);
  }
  return e;
}

Entry* Entry::NewPacked(std::string_view key, ValueType type, CollectionEncoding encoding,
                        std::string_view bytes, uint64_t lsn, int64_t expiry_ms) {
  Entry* e = New(key, StringValue::Raw(bytes), lsn, expiry_ms);
  e->set_type(type, encoding);
  return e;
}

Entry* Entry::NewObject(std::string_view key, ValueType type, std::unique_ptr<Collection> object,
                        uint64_t lsn, int64_t expiry_ms) {
  return New(key, StringValue::Raw({}), lsn, expiry_ms)->SetObject(type, std::move(object));
}

Entry* Entry::NewHeader(std::string_view key, ValueType type, uint8_t encoding,
                        uint64_t value_length, uint64_t lsn, int64_t expiry_ms) {
  const uint16_t flags = kHeaderOnly | (expiry_ms != 0 ? kHasExpiry : 0);
  Entry* e = Allocate(key, type, encoding, flags, value_length, 0, lsn);
  if (expiry_ms != 0) std::memcpy(e->whole() + e->Parse().key_offset - 8, &expiry_ms, 8);
  return e;
}

Entry* Entry::NewTombstone(std::string_view key, uint64_t lsn) {
  return Allocate(key, ValueType::kString, 0, kTombstone, 0, 0, lsn);
}

void Entry::Free(Entry* entry) {
  if (entry == nullptr) return;
  entry->FreeOutOfLine();
  std::free(entry);
}

// -- out-of-line values --

bool Entry::IsInline(size_t besides, size_t length) {
  constexpr size_t kAlwaysInline = 256;  // a second block is a second cache miss
  if (length <= kAlwaysInline) return true;
  if (length > kInlineValueMax) return false;
  const size_t one = AllocationSize(besides + VarintLength(length) + length);
  const size_t two = AllocationSize(besides + VarintLength(sizeof(Buffer*)) + sizeof(Buffer*)) +
                     AllocationSize(sizeof(Buffer) + length);
  return two > one - one / 8;
}

Entry::Buffer* Entry::NewBuffer(size_t length, size_t capacity) {
  return ResizeBuffer(nullptr, capacity, length);
}

Entry::Buffer* Entry::ResizeBuffer(Buffer* buffer, size_t capacity, size_t length) {
  const size_t bytes = AllocationSize(sizeof(Buffer) + capacity);
  buffer = static_cast<Buffer*>(buffer == nullptr ? AllocateOrDie(bytes)
                                                  : ReallocateOrDie(buffer, bytes));
  buffer->capacity = bytes - sizeof(Buffer);
  buffer->length = length;
  return buffer;
}

Entry::Buffer* Entry::buffer(const Layout& l) const {
  Buffer* buffer;
  std::memcpy(&buffer, whole() + l.value_offset, 8);
  return buffer;
}

void Entry::FreeOutOfLine() {
  if (!Has(kOutOfLine)) return;
  if (is_object()) {
    delete object();
  } else {
    std::free(buffer(Parse()));
  }
}

// -- shape --

Entry* Entry::Reshape(uint16_t place, uint64_t length_field, size_t stored, size_t kept,
                      int64_t expiry_ms, int64_t cold_expiry_ms) {
  const Layout old = Parse();
  const bool cold_own = cold_expiry_ms != 0 && cold_expiry_ms != expiry_ms;
  const unsigned new_flags =
      (flags() & ~kStorageFlags) | place | (expiry_ms != 0 ? kHasExpiry : 0) |
      (cold_expiry_ms != 0 ? kHasColdExpiry : 0) | (cold_own ? kColdExpiryOwn : 0);
  const size_t key_offset = kHeaderBytes + VarintLength(old.key_length) +
                            VarintLength(length_field) + (expiry_ms != 0 ? 8 : 0) +
                            (cold_own ? 8 : 0);
  const size_t block = AllocationSize(key_offset + old.key_length + stored);
  Entry* e = this;
  if (block == AllocationSize(old.total())) {
    std::memmove(whole() + key_offset, whole() + old.key_offset, old.key_length + kept);
  } else {
    e = static_cast<Entry*>(AllocateOrDie(block));
    std::memcpy(e->raw_, raw_, kHeaderBytes);
    std::memcpy(e->whole() + key_offset, whole() + old.key_offset, old.key_length + kept);
    std::free(this);
  }
  e->set_flags(new_flags);
  char* p = reinterpret_cast<char*>(e->whole() + kHeaderBytes);
  p = codec::StoreVarint64(codec::StoreVarint64(p, old.key_length), length_field);
  if (expiry_ms != 0) {
    std::memcpy(p, &expiry_ms, 8);
    p += 8;
  }
  if (cold_own) std::memcpy(p, &cold_expiry_ms, 8);
  return e;
}

int64_t Entry::expiry_ms() const {
  const uint16_t f = flags();
  if (!(f & kHasExpiry)) return 0;
  int64_t ms;
  const char* end = key().data();
  std::memcpy(&ms, end - (f & kColdExpiryOwn ? 16 : 8), 8);
  return ms;
}

int64_t Entry::cold_expiry_ms() const {
  const uint16_t f = flags();
  if (!(f & kHasColdExpiry)) return 0;
  if (!(f & kColdExpiryOwn)) return expiry_ms();
  int64_t ms;
  std::memcpy(&ms, key().data() - 8, 8);
  return ms;
}

Entry* Entry::SetDeadlines(int64_t expiry_ms, int64_t cold_expiry_ms) {
  const Layout l = Parse();
  const uint16_t place = flags() & (kTombstone | kHeaderOnly | kOutOfLine);
  return Reshape(place, l.length_field, l.stored, l.stored, expiry_ms, cold_expiry_ms);
}

Entry* Entry::SetExpiry(int64_t expiry_ms) { return SetDeadlines(expiry_ms, cold_expiry_ms()); }

Entry* Entry::SetColdExpiry(int64_t cold_expiry_ms) {
  return SetDeadlines(expiry_ms(), cold_expiry_ms);
}

// -- value --

Entry* Entry::SetBytes(std::string_view bytes) {
  DCHECK_LE(bytes.size(), kValueBytesMax);
  const size_t length = bytes.size();
  const Layout l = Parse();
  if (!IsInline(l.value_offset - VarintLength(l.length_field), length)) {
    Buffer* b = nullptr;
    if (Has(kOutOfLine) && !is_object()) {
      b = buffer(l);  // reuse it when that wastes nothing
      if (AllocationSize(sizeof(Buffer) + length) != sizeof(Buffer) + b->capacity) {
        std::free(b);
        b = nullptr;
      }
    } else {
      FreeOutOfLine();
    }
    if (b == nullptr) b = NewBuffer(length, length);
    b->length = length;
    std::memcpy(b->text(), bytes.data(), length);
    return SetPointer(b);
  }
  return SetInline(bytes.data(), length);
}

Entry* Entry::SetPointer(const void* pointer) {
  Entry* e = Reshape(kOutOfLine, 8, 8, 0, expiry_ms(), cold_expiry_ms());
  std::memcpy(e->value_area(e->Parse()), &pointer, 8);
  return e;
}

Entry* Entry::SetInline(const void* bytes, size_t length) {
  Entry* e = this;
  const Layout l = Parse();
  uint8_t* area = whole() + l.value_offset;
  if (l.length_field != length || (flags() & (kTombstone | kHeaderOnly | kOutOfLine))) {
    FreeOutOfLine();
    e = Reshape(0, length, length, 0, expiry_ms(), cold_expiry_ms());
    area = e->value_area(e->Parse());
  }
  if (length != 0) std::memcpy(area, bytes, length);
  return e;
}

Entry* Entry::SetString(const StringValue& value) {
  Entry* e = value.encoding == StringEncoding::kInt
                 ? SetInline(&value.number, IntBytes(value.number))
                 : SetBytes(value.text);
  e->set_type(ValueType::kString, value.encoding);
  return e;
}

Entry* Entry::MakeRaw(size_t length, char** text) {
  Entry* e = this;
  if (string_encoding() == StringEncoding::kInt) {
    char scratch[24];
    e = SetString(StringValue::Raw(StringView(scratch)));
  }
  e->set_type(ValueType::kString, StringEncoding::kRaw);
  return e->Resize(length, text);
}

Entry* Entry::Resize(size_t length, char** bytes) {
  Entry* e = this;
  const Layout l = Parse();
  if (!Has(kOutOfLine) && length <= kInlineValueMax) {
    if (length != l.stored) {
      e = Reshape(0, length, length, std::min(length, l.stored), expiry_ms(), cold_expiry_ms());
    }
    *bytes = reinterpret_cast<char*>(e->value_area(e->Parse()));
    return e;
  }
  Buffer* b;
  if (Has(kOutOfLine)) {
    b = buffer(l);
    if (length > b->capacity) b = ResizeBuffer(b, GrownCapacity(length), length);
    b->length = length;
    std::memcpy(value_area(l), &b, 8);
  } else {
    b = NewBuffer(length, GrownCapacity(length));
    std::memcpy(b->text(), value_area(l), l.stored);
    e = SetPointer(b);
  }
  *bytes = b->text();
  return e;
}

Entry* Entry::Append(std::string_view addition) {
  const size_t old_length = ValueLength();
  char* text;
  Entry* e = MakeRaw(old_length + addition.size(), &text);
  if (!addition.empty()) std::memcpy(text + old_length, addition.data(), addition.size());
  return e;
}

Entry* Entry::SetRange(size_t offset, std::string_view patch) {
  if (patch.empty()) return this;
  const size_t old_length = ValueLength();
  char* text;
  Entry* e = MakeRaw(std::max(old_length, offset + patch.size()), &text);
  if (offset > old_length) std::memset(text + old_length, 0, offset - old_length);
  std::memcpy(text + offset, patch.data(), patch.size());
  return e;
}

bool Entry::IsInt(int64_t* number) const {
  if (string_encoding() != StringEncoding::kInt || type() != ValueType::kString || !resident()) {
    return false;
  }
  const Layout l = Parse();
  uint64_t bits = 0;
  std::memcpy(&bits, whole() + l.value_offset, l.stored);
  const unsigned spare = 64 - 8 * static_cast<unsigned>(l.stored);
  *number = static_cast<int64_t>(bits << spare) >> spare;  // sign extension
  return true;
}

std::string_view Entry::StringView(char scratch[24]) const {
  int64_t number;
  if (IsInt(&number)) return {scratch, codec::FormatInt64(scratch, number)};
  return Bytes(Parse());
}

std::string_view Entry::Bytes(const Layout& l) const {
  if (Has(kOutOfLine)) {
    Buffer* b = buffer(l);
    return {b->text(), b->length};
  }
  return {reinterpret_cast<const char*>(whole() + l.value_offset), l.stored};
}

void Entry::PrefetchOutOfLine() const {
  constexpr size_t kBytes = 256;  // the CPU sees then where the rest lies
  if (!Has(kOutOfLine)) return;
  const char* const block = reinterpret_cast<const char*>(buffer(Parse()));
  for (size_t at = 0; at < kBytes; at += 64) Prefetch(block + at);
}

uint64_t Entry::ValueLength() const {
  if (!resident()) return Parse().length_field;
  char scratch[24];
  return StringView(scratch).size();
}

// -- collections --

Collection* Entry::object() const {
  Collection* object;
  std::memcpy(&object, whole() + Parse().value_offset, 8);
  return object;
}

std::string_view Entry::PackedBytes() const { return Bytes(Parse()); }

Entry* Entry::SplicePacked(size_t at, size_t removed, size_t added, char** gap) {
  const size_t old_length = PackedBytes().size();
  const size_t length = old_length - removed + added;
  const size_t tail = old_length - at - removed;
  Entry* e = this;
  char* bytes = const_cast<char*>(PackedBytes().data());
  if (added < removed) std::memmove(bytes + at + added, bytes + at + removed, tail);
  if (added != removed) e = Resize(length, &bytes);
  if (added > removed) std::memmove(bytes + at + added, bytes + at + removed, tail);
  if (added < removed && e->Has(kOutOfLine)) {
    // A value that has shrunk for good gives its room back.
    Buffer* b = e->buffer(e->Parse());
    if (length <= kInlineValueMax / 2) {
      const int64_t expiry = e->expiry_ms();
      e = e->Reshape(0, length, length, 0, expiry, e->cold_expiry_ms());
      bytes = reinterpret_cast<char*>(e->value_area(e->Parse()));
      std::memcpy(bytes, b->text(), length);
      std::free(b);
    } else if (length < b->capacity / 4) {
      b = ResizeBuffer(b, GrownCapacity(length), length);
      std::memcpy(e->value_area(e->Parse()), &b, 8);
      bytes = b->text();
    }
  }
  *gap = bytes + at;
  return e;
}

Entry* Entry::SetPacked(ValueType type, CollectionEncoding encoding, std::string_view bytes) {
  Entry* e = SetBytes(bytes);
  e->set_type(type, encoding);
  return e;
}

Entry* Entry::SetObject(ValueType type, std::unique_ptr<Collection> object) {
  FreeOutOfLine();
  Entry* e = SetPointer(object.release());
  e->set_type(type, CollectionEncoding::kObject);
  return e;
}

Entry* Entry::TakeValue(Entry* from) {
  FreeOutOfLine();
  const Layout theirs = from->Parse();
  Entry* e = Reshape(from->flags() & kOutOfLine, theirs.length_field, theirs.stored, 0, expiry_ms(),
                     cold_expiry_ms());
  if (theirs.stored != 0) {
    std::memcpy(e->value_area(e->Parse()), from->value_area(theirs), theirs.stored);
  }
  e->set_type(from->type(), from->encoding());
  // The pointer, if that was the value, is ours now: what is left there are eight plain bytes.
  from->set_flags(from->flags() & ~kOutOfLine);
  from->set_type(ValueType::kString, StringEncoding::kRaw);
  return e;
}

std::unique_ptr<Collection> Entry::ReleaseObject() {
  std::unique_ptr<Collection> released(object());
  std::memset(value_area(Parse()), 0, 8);
  return released;
}

Entry* Entry::ToTombstone() {
  const int64_t cold = cold_expiry_ms();
  FreeOutOfLine();
  return Reshape(kTombstone, 0, 0, 0, 0, cold);
}

Entry* Entry::DropValue() {
  const uint64_t length = ValueLength();
  FreeOutOfLine();
  return Reshape(kHeaderOnly, length, 0, 0, expiry_ms(), cold_expiry_ms());
}

size_t Entry::MemoryBytes() const {
  const Layout l = Parse();
  size_t bytes = AllocationSize(l.total());
  if (Has(kOutOfLine)) {
    bytes += is_object() ? object()->memory_bytes() : sizeof(Buffer) + buffer(l)->capacity;
  }
  return bytes;
}

}  // namespace thermocline::engine
