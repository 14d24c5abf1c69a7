// Fixed-width and variable-width integers in byte strings, and a cursor that cannot run off the
// end.
//
// Fixed* is little-endian (log frames, record values, RDB); Big* is big-endian (RocksDB keys, where
// byte order must equal numeric order). Load*/Store* work on raw memory whose size the caller has
// checked; everything that reads bytes from outside goes through ByteReader, whose reads fail
// instead of overrunning. Header-only: these calls sit in the log append and in every cold record.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

namespace thermocline::codec {

/// Position in the log's payload stream, plus one; 48 significant bits, 0 means "none".
using Lsn = uint64_t;
inline constexpr Lsn kMaxLsn = (uint64_t{1} << 48) - 1;

static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__,
              "the fixed-width codecs assume x86-64 or arm64");

inline void StoreFixed16(char* p, uint16_t v) { std::memcpy(p, &v, 2); }
inline void StoreFixed32(char* p, uint32_t v) { std::memcpy(p, &v, 4); }
inline void StoreFixed64(char* p, uint64_t v) { std::memcpy(p, &v, 8); }
/// Stores the low 48 bits of `v`.
inline void StoreFixed48(char* p, uint64_t v) { std::memcpy(p, &v, 6); }
inline uint16_t LoadFixed16(const char* p) {
  uint16_t v;
  std::memcpy(&v, p, 2);
  return v;
}
inline uint32_t LoadFixed32(const char* p) {
  uint32_t v;
  std::memcpy(&v, p, 4);
  return v;
}
inline uint64_t LoadFixed64(const char* p) {
  uint64_t v;
  std::memcpy(&v, p, 8);
  return v;
}
inline uint64_t LoadFixed48(const char* p) {
  uint64_t v = 0;
  std::memcpy(&v, p, 6);
  return v;
}

inline void StoreBig16(char* p, uint16_t v) { StoreFixed16(p, __builtin_bswap16(v)); }
inline void StoreBig32(char* p, uint32_t v) { StoreFixed32(p, __builtin_bswap32(v)); }
inline void StoreBig64(char* p, uint64_t v) { StoreFixed64(p, __builtin_bswap64(v)); }
inline uint16_t LoadBig16(const char* p) { return __builtin_bswap16(LoadFixed16(p)); }
inline uint32_t LoadBig32(const char* p) { return __builtin_bswap32(LoadFixed32(p)); }
inline uint64_t LoadBig64(const char* p) { return __builtin_bswap64(LoadFixed64(p)); }

namespace internal {
template <size_t kSize, typename Value, typename Store>
inline void PutWith(std::string* out, Value v, Store store) {
  char buffer[kSize];
  store(buffer, v);
  out->append(buffer, kSize);
}
}  // namespace internal

inline void PutFixed16(std::string* out, uint16_t v) { internal::PutWith<2>(out, v, StoreFixed16); }
inline void PutFixed32(std::string* out, uint32_t v) { internal::PutWith<4>(out, v, StoreFixed32); }
inline void PutFixed48(std::string* out, uint64_t v) { internal::PutWith<6>(out, v, StoreFixed48); }
inline void PutFixed64(std::string* out, uint64_t v) { internal::PutWith<8>(out, v, StoreFixed64); }
inline void PutBig16(std::string* out, uint16_t v) { internal::PutWith<2>(out, v, StoreBig16); }
inline void PutBig32(std::string* out, uint32_t v) { internal::PutWith<4>(out, v, StoreBig32); }
inline void PutBig64(std::string* out, uint64_t v) { internal::PutWith<8>(out, v, StoreBig64); }

inline constexpr size_t kMaxVarint64Length = 10;

/// Writes `v` in base-128 groups, low group first, and returns the end. REQUIRES kMaxVarint64Length
/// bytes.
inline char* StoreVarint64(char* p, uint64_t v) {
  while (v >= 0x80) {
    *p++ = static_cast<char>(v | 0x80);
    v >>= 7;
  }
  *p++ = static_cast<char>(v);
  return p;
}

inline void PutVarint64(std::string* out, uint64_t v) {
  char buffer[kMaxVarint64Length];
  out->append(buffer, static_cast<size_t>(StoreVarint64(buffer, v) - buffer));
}

/// A cursor over bytes that somebody else owns. Every read returns false, and moves nothing, when
/// the bytes are not there (or, for a varint, are not the shortest form of a 64-bit number).
class ByteReader {
 public:
  explicit ByteReader(std::string_view bytes) : bytes_(bytes) {}

  size_t position() const { return position_; }
  size_t remaining() const { return bytes_.size() - position_; }
  bool empty() const { return remaining() == 0; }
  /// What has not been read yet.
  std::string_view rest() const { return bytes_.substr(position_); }

  bool ReadU8(uint8_t* v) {
    if (remaining() < 1) return false;
    *v = static_cast<uint8_t>(bytes_[position_++]);
    return true;
  }
  bool ReadFixed16(uint16_t* v) { return ReadWith<2>(v, LoadFixed16); }
  bool ReadFixed32(uint32_t* v) { return ReadWith<4>(v, LoadFixed32); }
  bool ReadFixed48(uint64_t* v) { return ReadWith<6>(v, LoadFixed48); }
  bool ReadFixed64(uint64_t* v) { return ReadWith<8>(v, LoadFixed64); }
  bool ReadBig16(uint16_t* v) { return ReadWith<2>(v, LoadBig16); }
  bool ReadBig32(uint32_t* v) { return ReadWith<4>(v, LoadBig32); }
  bool ReadBig64(uint64_t* v) { return ReadWith<8>(v, LoadBig64); }

  bool ReadVarint64(uint64_t* v) {
    uint64_t result = 0;
    size_t at = position_;
    for (unsigned shift = 0; shift < 70 && at < bytes_.size(); shift += 7) {
      const auto byte = static_cast<uint8_t>(bytes_[at++]);
      if (shift == 63 && byte > 1) return false;  // more than 64 bits
      result |= static_cast<uint64_t>(byte & 0x7f) << shift;
      if (byte < 0x80) {
        if (byte == 0 && shift != 0) return false;  // padded with an empty group
        *v = result;
        position_ = at;
        return true;
      }
    }
    return false;
  }

  /// The next `n` bytes, a view into the source.
  bool ReadBytes(uint64_t n, std::string_view* out) {
    if (n > remaining()) return false;
    *out = bytes_.substr(position_, n);
    position_ += n;
    return true;
  }
  bool Skip(uint64_t n) {
    if (n > remaining()) return false;
    position_ += n;
    return true;
  }

 private:
  template <size_t kSize, typename Value, typename Load>
  bool ReadWith(Value* v, Load load) {
    if (remaining() < kSize) return false;
    *v = load(bytes_.data() + position_);
    position_ += kSize;
    return true;
  }

  std::string_view bytes_;
  size_t position_ = 0;
};

}  // namespace thermocline::codec
