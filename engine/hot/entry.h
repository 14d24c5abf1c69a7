// Entry: one key of the hot tier with its value, in one allocation.
//
//   0      6        9          10      12
//   | LSN  | access | type:enc | flags | key length | value length | [deadline] [cold deadline] |
//   key | value
//     6 B    3 B      1 B        2 B     varint       varint         8 B each, when present
//
// A 16-byte key with a 50-byte value is exactly 80 bytes, an allocator class. Blocks are asked for
// in whole classes, so a change that stays within the class is made in place; any other
// reallocates, and the caller stores the returned pointer (SegmentTable::Replace). Inline strings
// are at most kInlineValueMax bytes; longer ones live in a buffer of their own (kOutOfLine: the
// value area holds its pointer), which also has spare room for APPEND. So do shorter ones that are
// written whole and would waste much of the class of a common block (1000 bytes: 1072 in two
// blocks, 1280 in one). Integers are stored in 1 to 8 binary bytes.
//
// A list, hash, set or sorted set is packed (a listpack or intset: bytes, stored exactly as a
// string's are) or, once it has outgrown that, an object: kOutOfLine, and the value area points to
// a Collection that the entry owns. The encoding tells which.
//
// The byte of type and encoding has a flag besides: four bits of encoding, three of type, and
// cold_paged.
//
// An entry without its value is either header-only (the value is in the cold tier; the length field
// still tells its length) or a tombstone (the key is deleted, its cold copy is not yet).
//
// Invariants: at most one of kTombstone, kHeaderOnly, kOutOfLine. Flags that say where the value
// lies (kStorageFlags) change only through the methods here; all others belong to the engine. One
// thread owns an entry. Nothing here expires, captures or logs: that is residency's business.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string_view>

#include "engine/hot/collection.h"

namespace thermocline::engine {

/// Types as the cold tier stores them: never renumber.
enum class ValueType : uint8_t {
  kString = 0,
  kList = 1,
  kSet = 2,
  kZset = 3,
  kHash = 4,
  kStream = 5,
};

/// What OBJECT ENCODING answers for a string. It tells the value's history, not where the bytes
/// lie.
enum class StringEncoding : uint8_t {
  kRaw = 0,     // over 44 bytes, or changed by APPEND or SETRANGE
  kInt = 1,     // the canonical text of a signed 64-bit integer
  kEmbstr = 2,  // at most 44 bytes when it was set
};

/// In which form a collection's value is: Entry::encoding() of all types but strings, and the cold
/// record's hint. Never renumber.
enum class CollectionEncoding : uint8_t {
  kListpack = 0,  // packed; of a set: a hashtable in OBJECT ENCODING's words
  kIntset = 1,    // packed; sets alone
  kObject = 8,    // a Collection: quicklist, hashtable, skiplist in OBJECT ENCODING's words
};

/// A string on its way into an entry: text with its encoding, or an integer. Borrows the text.
struct StringValue {
  StringEncoding encoding = StringEncoding::kRaw;
  int64_t number = 0;     // kInt
  std::string_view text;  // otherwise; at most Entry::kValueBytesMax

  /// What SET does: an integer if it is the canonical text of one, else Unparsed().
  static StringValue FromText(std::string_view text);
  /// kEmbstr or kRaw by length, never kInt (INCRBYFLOAT's result).
  static StringValue Unparsed(std::string_view text);
  static StringValue FromInt(int64_t number) { return {StringEncoding::kInt, number, {}}; }
  static StringValue Raw(std::string_view text) { return {StringEncoding::kRaw, 0, text}; }
};

class Entry {
 public:
  static constexpr size_t kHeaderBytes = 12;
  static constexpr size_t kKeyBytesMax = size_t{512} << 20;
  static constexpr size_t kValueBytesMax = size_t{512} << 20;
  static constexpr size_t kInlineValueMax = 1024;
  static constexpr size_t kEmbstrMax = 44;

  enum Flag : uint16_t {
    kDirty = 1 << 0,            // changed since its newest capture
    kHasCold = 1 << 1,          // the cold tier holds (or a capture on its way will hold) a record
    kTombstone = 1 << 2,        // deleted; kept until its deletion landed
    kHeaderOnly = 1 << 3,       // the value is only in the cold tier
    kHasExpiry = 1 << 4,        // the key has a deadline (8-byte suffix)
    kHasColdExpiry = 1 << 5,    // the cold copy has a row in the expiry family
    kColdExpiryOwn = 1 << 6,    // ... at another deadline than the key's (8-byte suffix)
    kExpiryIndexed = 1 << 7,    // listed in the resident expiry index
    kPinned = 1 << 8,           // must not be dropped
    kOutOfLine = 1 << 9,        // the value area holds a pointer
    kColdHasPayload = 1 << 10,  // the cold copy has payload chunks
    kInProbation = 1 << 11,     // replacement policy: in the probation queue
    kGrave = 1 << 12,  // recovery: a tombstone from a grave; a cold record of the key is younger
    kBaseUnknown = 1 << 13,  // written whole by replay: kHasCold is still to be found out
    kFrequencyShift = 14,    // replacement policy: the top two bits are a counter, see frequency()
  };
  static constexpr uint16_t kStorageFlags =
      kTombstone | kHeaderOnly | kHasExpiry | kHasColdExpiry | kColdExpiryOwn | kOutOfLine;

  /// New entry for a string; no flags set, access 0. The caller owns it (Free).
  /// REQUIRES: key at most kKeyBytesMax, text at most kValueBytesMax, lsn < 2^48.
  static Entry* New(std::string_view key, const StringValue& value, uint64_t lsn,
                    int64_t expiry_ms = 0);
  /// New entry for a packed collection. REQUIRES: encoding is not kObject, bytes at most
  /// kValueBytesMax.
  static Entry* NewPacked(std::string_view key, ValueType type, CollectionEncoding encoding,
                          std::string_view bytes, uint64_t lsn, int64_t expiry_ms = 0);
  static Entry* NewObject(std::string_view key, ValueType type, std::unique_ptr<Collection> object,
                          uint64_t lsn, int64_t expiry_ms = 0);
  /// New header-only entry for a value of `value_length` bytes (strings) or elements in the cold
  /// tier.
  static Entry* NewHeader(std::string_view key, ValueType type, uint8_t encoding,
                          uint64_t value_length, uint64_t lsn, int64_t expiry_ms);
  static Entry* NewTombstone(std::string_view key, uint64_t lsn);
  /// Frees the entry and what it owns; null is allowed.
  static void Free(Entry* entry);

  Entry(const Entry&) = delete;
  Entry& operator=(const Entry&) = delete;

  // -- header --
  uint64_t lsn() const { return Load64(raw_) & kLsnMask; }
  void set_lsn(uint64_t lsn) {
    const uint64_t w = (Load64(raw_) & ~kLsnMask) | lsn;
    std::memcpy(raw_, &w, 8);
  }
  /// 24 bits whose meaning (LRU seconds, LFU minutes and counter) is the engine's.
  uint32_t access() const { return raw_[6] | raw_[7] << 8 | uint32_t{raw_[8]} << 16; }
  void set_access(uint32_t access) {
    raw_[6] = static_cast<uint8_t>(access);
    raw_[7] = static_cast<uint8_t>(access >> 8);
    raw_[8] = static_cast<uint8_t>(access >> 16);
  }
  ValueType type() const { return static_cast<ValueType>(raw_[9] >> 4 & 7); }
  /// The type's own encoding number (4 bits); strings: StringEncoding.
  uint8_t encoding() const { return raw_[9] & 15; }
  StringEncoding string_encoding() const { return static_cast<StringEncoding>(encoding()); }
  CollectionEncoding collection_encoding() const {
    return static_cast<CollectionEncoding>(encoding());
  }
  /// The cold copy's value has rows in `elements`. A flag like the ones below, which are used up.
  bool cold_paged() const { return (raw_[9] & kColdPaged) != 0; }
  void set_cold_paged(bool on) {
    raw_[9] = static_cast<uint8_t>(on ? raw_[9] | kColdPaged : raw_[9] & ~kColdPaged);
  }
  bool Has(Flag flag) const { return flags() & flag; }
  uint16_t flags() const {
    uint16_t f;
    std::memcpy(&f, whole() + 10, 2);
    return f;
  }
  /// REQUIRES: `flag` not in kStorageFlags.
  void Set(Flag flag, bool on = true) { set_flags(on ? flags() | flag : flags() & ~flag); }
  unsigned frequency() const { return flags() >> kFrequencyShift; }  // 0..3
  void set_frequency(unsigned f) {
    set_flags((flags() & ~(3u << kFrequencyShift)) | f << kFrequencyShift);
  }
  /// Whether the value is here.
  bool resident() const { return !(flags() & (kTombstone | kHeaderOnly)); }

  // -- key and deadlines --
  std::string_view key() const;
  /// key() == other, without a call for the short keys that nearly all are.
  bool KeyEquals(std::string_view other) const {
    const std::string_view own = key();
    const size_t n = own.size();
    if (n != other.size()) return false;
    if (n < 8 || n > 32) return own == other;
    // Overlapping words from both ends.
    const auto differ = [&](size_t at) {
      uint64_t a, b;
      std::memcpy(&a, own.data() + at, 8);
      std::memcpy(&b, other.data() + at, 8);
      return a ^ b;
    };
    uint64_t difference = differ(0) | differ(n - 8);
    if (n > 16) difference |= differ(8) | differ(n - 16);
    return difference == 0;
  }
  /// Deadline in Unix ms; 0: none.
  int64_t expiry_ms() const;
  /// Deadline of the cold copy's row in the expiry family; 0: it has none.
  int64_t cold_expiry_ms() const;
  /// Both may reallocate; 0 removes. Setting one never changes what the other answers.
  [[nodiscard]] Entry* SetExpiry(int64_t expiry_ms);
  [[nodiscard]] Entry* SetColdExpiry(int64_t expiry_ms);

  // -- value; all that may reallocate return the entry to store --
  /// Replaces the value, whatever it was, and makes the entry a resident string. Deadlines stay.
  /// The text must not lie inside this entry.
  [[nodiscard]] Entry* SetString(const StringValue& value);
  [[nodiscard]] Entry* SetString(std::string_view text) {
    return SetString(StringValue::FromText(text));
  }
  [[nodiscard]] Entry* SetInt(int64_t number) { return SetString(StringValue::FromInt(number)); }
  /// REQUIRES of the rest: a resident string. Append and SetRange leave it kRaw; the resulting
  /// length is at most kValueBytesMax; the text must not lie inside this entry.
  [[nodiscard]] Entry* Append(std::string_view text);
  /// Overwrites from `offset`, padding with zero bytes. An empty text changes nothing, as in Redis.
  [[nodiscard]] Entry* SetRange(size_t offset, std::string_view text);
  /// The value as text: in `scratch` if it is an integer, else valid until the next change.
  std::string_view StringView(char scratch[24]) const;
  /// True, with the number, if it is a string whose encoding is kInt.
  bool IsInt(int64_t* number) const;
  /// Length of the string's text, or of the cold value's payload if header-only; tombstone: 0.
  /// REQUIRES: a string, or not resident.
  uint64_t ValueLength() const;

  // -- collections; REQUIRES of the reads: resident and of the form in question --
  bool is_object() const {
    return Has(kOutOfLine) && type() != ValueType::kString &&
           collection_encoding() == CollectionEncoding::kObject;
  }
  Collection* object() const;
  /// The bytes of a packed collection; valid until the next change.
  std::string_view PackedBytes() const;
  /// Replaces `removed` packed bytes at `at` by `added` bytes that the caller sets, at *gap.
  [[nodiscard]] Entry* SplicePacked(size_t at, size_t removed, size_t added, char** gap);
  /// Both replace the value, whatever it was; deadlines stay. The bytes must not lie inside this
  /// entry.
  [[nodiscard]] Entry* SetPacked(ValueType type, CollectionEncoding encoding,
                                 std::string_view bytes);
  [[nodiscard]] Entry* SetObject(ValueType type, std::unique_ptr<Collection> object);
  /// Replaces the value by that of `from`, which is left a string of no meaning. REQUIRES: `from`
  /// is resident.
  [[nodiscard]] Entry* TakeValue(Entry* from);
  /// Takes the collection out, to be freed elsewhere: the entry holds null and is to be given
  /// another value, made a tombstone or freed at once. REQUIRES: is_object().
  std::unique_ptr<Collection> ReleaseObject();

  /// Drops value and deadline; the cold copy's deadline, LSN and the engine's flags stay.
  [[nodiscard]] Entry* ToTombstone();
  /// Drops the value and keeps its length: header-only from now on. REQUIRES: a resident string.
  [[nodiscard]] Entry* DropValue();

  /// Bytes of all blocks it owns, in allocator classes.
  size_t MemoryBytes() const;
  /// Fetches the beginning of what lies in a block of its own, if anything does.
  void PrefetchOutOfLine() const;

 private:
  // Where things are; parsed from the two varints and the flags.
  struct Layout {
    uint32_t key_offset;
    uint32_t key_length;
    size_t value_offset;
    uint64_t length_field;  // inline: stored bytes; header-only: the cold value's length
    size_t stored;          // bytes in the value area
    size_t total() const { return value_offset + stored; }
  };
  // An out-of-line string or packed collection; the bytes follow.
  struct Buffer {
    uint64_t length;
    uint64_t capacity;
    char* text() { return reinterpret_cast<char*>(this + 1); }
  };

  static constexpr unsigned kColdPaged = 0x80;  // in the byte of type and encoding
  static constexpr uint64_t kLsnMask = (uint64_t{1} << 48) - 1;

  Entry() = default;
  ~Entry() = default;

  static uint64_t Load64(const uint8_t* p) {
    uint64_t v;
    std::memcpy(&v, p, 8);
    return v;
  }
  static Entry* Allocate(std::string_view key, ValueType type, uint8_t encoding, uint16_t flags,
                         uint64_t length_field, size_t stored, uint64_t lsn);
  // Whether a value of `length` bytes is to lie in the block of its entry, which has `besides`
  // bytes but for the value and its length.
  static bool IsInline(size_t besides, size_t length);
  static Buffer* NewBuffer(size_t length, size_t capacity);
  static Buffer* ResizeBuffer(Buffer* buffer, size_t capacity, size_t length);

  void set_flags(unsigned flags) {
    const uint16_t f = static_cast<uint16_t>(flags);
    std::memcpy(whole() + 10, &f, 2);
  }
  template <class Encoding>
  void set_type(ValueType type, Encoding encoding) {
    raw_[9] = static_cast<uint8_t>((raw_[9] & kColdPaged) | static_cast<unsigned>(type) << 4 |
                                   static_cast<unsigned>(encoding));
  }
  Layout Parse() const;
  uint8_t* value_area(const Layout& l) { return whole() + l.value_offset; }
  Buffer* buffer(const Layout& l) const;
  // Gives the entry another shape: where its value is (`place`: kTombstone, kHeaderOnly, kOutOfLine
  // or 0), length field, size of the value area, deadlines. Key, engine flags and the first `kept`
  // bytes of the value area stay. Does not touch buffers.
  Entry* Reshape(uint16_t place, uint64_t length_field, size_t stored, size_t kept,
                 int64_t expiry_ms, int64_t cold_expiry_ms);
  Entry* SetDeadlines(int64_t expiry_ms, int64_t cold_expiry_ms);
  // The string as kRaw text of `length` bytes (old bytes kept, new ones not set), ready to be
  // written at *text; spare room is left when it is out of line.
  Entry* MakeRaw(size_t length, char** text);
  // The same for the bytes of a string or packed collection, whose type and encoding stay.
  Entry* Resize(size_t length, char** bytes);
  std::string_view Bytes(const Layout& l) const;
  // Replaces the value by a copy of the bytes, out of line if they are many; type and encoding are
  // the caller's to set.
  Entry* SetBytes(std::string_view bytes);
  // Gives it the value area `bytes`, or a pointer to what is out of line. SetPointer leaves what
  // was out of line before to the caller.
  Entry* SetInline(const void* bytes, size_t length);
  Entry* SetPointer(const void* pointer);
  void FreeOutOfLine();

  // The whole allocation: what lies behind raw_ is reached through it.
  uint8_t* whole() { return reinterpret_cast<uint8_t*>(this); }
  const uint8_t* whole() const { return reinterpret_cast<const uint8_t*>(this); }

  uint8_t raw_[kHeaderBytes];  // the rest follows
};

struct EntryDeleter {
  void operator()(Entry* entry) const { Entry::Free(entry); }
};
/// An entry that stands in no table.
using EntryPtr = std::unique_ptr<Entry, EntryDeleter>;

static_assert(sizeof(Entry) == Entry::kHeaderBytes && alignof(Entry) == 1);

inline std::string_view Entry::key() const {
  const uint16_t f = flags();
  const uint8_t* p = whole() + kHeaderBytes;
  if (p[0] < 0x80) {  // nearly all: a key below 128 bytes
    const size_t length = *p++;
    while (*p++ & 0x80) {
    }
    p += (f & kHasExpiry ? 8 : 0) + (f & kColdExpiryOwn ? 8 : 0);
    return {reinterpret_cast<const char*>(p), length};
  }
  const Layout l = Parse();
  return {reinterpret_cast<const char*>(whole() + l.key_offset), l.key_length};
}

}  // namespace thermocline::engine
