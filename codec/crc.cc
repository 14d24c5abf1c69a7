// Tables are computed at compile time, one step of slicing-by-8 a row. The SSE4.2 path of CRC32C
// runs three independent chains (the instruction has a latency of three cycles, a throughput of
// one) and joins them with a table that appends kLane zero bytes to a CRC.
#include "codec/crc.h"

#include <algorithm>
#include <cstring>

#include "codec/bytes.h"

namespace thermocline::codec {
namespace {

template <typename Word, Word kReflectedPolynomial>
constexpr std::array<std::array<Word, 256>, 8> MakeSlicingTables() {
  std::array<std::array<Word, 256>, 8> tables{};
  for (unsigned byte = 0; byte < 256; ++byte) {
    Word crc = byte;
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ ((crc & 1) ? kReflectedPolynomial : 0);
    tables[0][byte] = crc;
  }
  for (unsigned slice = 1; slice < 8; ++slice) {
    for (unsigned byte = 0; byte < 256; ++byte) {
      const Word previous = tables[slice - 1][byte];
      tables[slice][byte] = (previous >> 8) ^ tables[0][previous & 0xff];
    }
  }
  return tables;
}

constexpr auto kCrc64Tables = MakeSlicingTables<uint64_t, 0x95ac9329ac4bc9b5u>();
constexpr auto kCrc32cTables = MakeSlicingTables<uint32_t, 0x82f63b78u>();

// Both CRCs are reflected: the low byte of the state meets the next byte of the text.
template <typename Word>
Word SlicingCrc(const std::array<std::array<Word, 256>, 8>& tables, Word crc,
                std::string_view bytes) {
  const char* p = bytes.data();
  size_t n = bytes.size();
  for (; n >= 8; n -= 8, p += 8) {
    const uint64_t x = LoadFixed64(p) ^ crc;
    crc = tables[7][x & 0xff] ^ tables[6][(x >> 8) & 0xff] ^ tables[5][(x >> 16) & 0xff] ^
          tables[4][(x >> 24) & 0xff] ^ tables[3][(x >> 32) & 0xff] ^ tables[2][(x >> 40) & 0xff] ^
          tables[1][(x >> 48) & 0xff] ^ tables[0][x >> 56];
  }
  for (; n > 0; --n, ++p) crc = (crc >> 8) ^ tables[0][(crc ^ static_cast<uint8_t>(*p)) & 0xff];
  return crc;
}

// Not reflected: the high byte of the state meets the next byte. tables[k][b] is the CRC of b and k
// zero bytes.
constexpr std::array<std::array<uint16_t, 256>, 8> MakeCrc16Tables() {
  std::array<std::array<uint16_t, 256>, 8> tables{};
  for (unsigned byte = 0; byte < 256; ++byte) {
    unsigned crc = byte << 8;
    for (int bit = 0; bit < 8; ++bit) crc = (crc << 1) ^ ((crc & 0x8000) ? 0x1021 : 0);
    tables[0][byte] = static_cast<uint16_t>(crc);
  }
  for (unsigned slice = 1; slice < 8; ++slice) {
    for (unsigned byte = 0; byte < 256; ++byte) {
      const uint16_t previous = tables[slice - 1][byte];
      tables[slice][byte] = static_cast<uint16_t>((previous << 8) ^ tables[0][previous >> 8]);
    }
  }
  return tables;
}
constexpr auto kCrc16Tables = MakeCrc16Tables();

#if defined(__x86_64__)
constexpr size_t kLane = 128;

// kShiftLane[k][b]: the CRC state b << 8k after kLane more zero bytes. Linear, so four lookups
// shift any state.
constexpr std::array<std::array<uint32_t, 256>, 4> MakeShiftTables() {
  std::array<uint32_t, 32> basis{};
  for (unsigned bit = 0; bit < 32; ++bit) {
    uint32_t crc = uint32_t{1} << bit;
    for (size_t i = 0; i < kLane; ++i) crc = (crc >> 8) ^ kCrc32cTables[0][crc & 0xff];
    basis[bit] = crc;
  }
  std::array<std::array<uint32_t, 256>, 4> tables{};
  for (unsigned k = 0; k < 4; ++k) {
    for (unsigned byte = 0; byte < 256; ++byte) {
      for (unsigned bit = 0; bit < 8; ++bit) {
        if (byte >> bit & 1) tables[k][byte] ^= basis[8 * k + bit];
      }
    }
  }
  return tables;
}
constexpr auto kShiftLane = MakeShiftTables();

uint32_t ShiftLane(uint32_t crc) {
  return kShiftLane[0][crc & 0xff] ^ kShiftLane[1][(crc >> 8) & 0xff] ^
         kShiftLane[2][(crc >> 16) & 0xff] ^ kShiftLane[3][crc >> 24];
}

__attribute__((target("sse4.2"))) uint32_t Crc32cSse42(uint32_t seed, std::string_view bytes) {
  const char* p = bytes.data();
  size_t n = bytes.size();
  uint64_t crc = ~seed;
  for (; n >= 3 * kLane; n -= 3 * kLane, p += 3 * kLane) {
    uint64_t second = 0;
    uint64_t third = 0;
    for (size_t i = 0; i < kLane; i += 8) {
      crc = __builtin_ia32_crc32di(crc, LoadFixed64(p + i));
      second = __builtin_ia32_crc32di(second, LoadFixed64(p + kLane + i));
      third = __builtin_ia32_crc32di(third, LoadFixed64(p + 2 * kLane + i));
    }
    crc = ShiftLane(static_cast<uint32_t>(crc)) ^ second;
    crc = ShiftLane(static_cast<uint32_t>(crc)) ^ third;
  }
  for (; n >= 8; n -= 8, p += 8) crc = __builtin_ia32_crc32di(crc, LoadFixed64(p));
  auto crc32 = static_cast<uint32_t>(crc);
  if (n >= 4) {
    crc32 = __builtin_ia32_crc32si(crc32, LoadFixed32(p));
    p += 4;
    n -= 4;
  }
  for (; n > 0; --n, ++p) crc32 = __builtin_ia32_crc32qi(crc32, static_cast<uint8_t>(*p));
  return ~crc32;
}
#endif

uint32_t RotateLeft32(uint32_t v, int n) { return (v << n) | (v >> (32 - n)); }
uint64_t RotateLeft64(uint64_t v, int n) { return (v << n) | (v >> (64 - n)); }

struct SipState {
  uint64_t v0, v1, v2, v3;

  void Round() {
    v0 += v1;
    v1 = RotateLeft64(v1, 13) ^ v0;
    v0 = RotateLeft64(v0, 32);
    v2 += v3;
    v3 = RotateLeft64(v3, 16) ^ v2;
    v0 += v3;
    v3 = RotateLeft64(v3, 21) ^ v0;
    v2 += v1;
    v1 = RotateLeft64(v1, 17) ^ v2;
    v2 = RotateLeft64(v2, 32);
  }
};

template <int kBlockRounds, int kFinalRounds>
uint64_t SipHash(const HashKey& key, std::string_view bytes) {
  SipState s{key[0] ^ 0x736f6d6570736575u, key[1] ^ 0x646f72616e646f6du,
             key[0] ^ 0x6c7967656e657261u, key[1] ^ 0x7465646279746573u};
  const char* p = bytes.data();
  size_t n = bytes.size();
  const auto absorb = [&s](uint64_t m) {
    s.v3 ^= m;
    for (int i = 0; i < kBlockRounds; ++i) s.Round();
    s.v0 ^= m;
  };
  for (; n >= 8; n -= 8, p += 8) absorb(LoadFixed64(p));
  uint64_t last = static_cast<uint64_t>(bytes.size()) << 56;
  if (n >= 4) {
    // Two overlapping loads instead of a loop over the tail.
    last |= LoadFixed32(p);
    last |= static_cast<uint64_t>(LoadFixed32(p + n - 4)) << (8 * (n - 4));
  } else if (n > 0) {
    last |= static_cast<uint8_t>(p[0]);
    last |= static_cast<uint64_t>(static_cast<uint8_t>(p[n / 2])) << (8 * (n / 2));
    last |= static_cast<uint64_t>(static_cast<uint8_t>(p[n - 1])) << (8 * (n - 1));
  }
  absorb(last);
  s.v2 ^= 0xff;
  for (int i = 0; i < kFinalRounds; ++i) s.Round();
  return s.v0 ^ s.v1 ^ s.v2 ^ s.v3;
}

}  // namespace

uint64_t Crc64(uint64_t crc, std::string_view bytes) {
  return SlicingCrc(kCrc64Tables, crc, bytes);
}

uint16_t Crc16(std::string_view bytes) {
  // Every key that is looked up passes here: its position begins with its slot.
  const auto& t = kCrc16Tables;
  const char* p = bytes.data();
  size_t n = bytes.size();
  uint16_t crc = 0;
  for (; n >= 8; n -= 8, p += 8) {
    const uint64_t x = LoadBig64(p) ^ (static_cast<uint64_t>(crc) << 48);
    crc = t[7][x >> 56] ^ t[6][(x >> 48) & 0xff] ^ t[5][(x >> 40) & 0xff] ^ t[4][(x >> 32) & 0xff] ^
          t[3][(x >> 24) & 0xff] ^ t[2][(x >> 16) & 0xff] ^ t[1][(x >> 8) & 0xff] ^ t[0][x & 0xff];
  }
  for (; n > 0; --n, ++p) {
    crc = static_cast<uint16_t>((crc << 8) ^ t[0][(crc >> 8) ^ static_cast<uint8_t>(*p)]);
  }
  return crc;
}

uint16_t KeySlot(std::string_view key) {
  const size_t open = key.find('{');
  if (open != std::string_view::npos) {
    const size_t close = key.find('}', open + 1);
    if (close != std::string_view::npos && close != open + 1) {
      key = key.substr(open + 1, close - open - 1);
    }
  }
  return Crc16(key) & (kSlotCount - 1);
}

uint32_t internal::Crc32cPortable(uint32_t seed, std::string_view bytes) {
  return ~SlicingCrc(kCrc32cTables, ~seed, bytes);
}

uint32_t Crc32c(uint32_t seed, std::string_view bytes) {
#if defined(__x86_64__)
  if (__builtin_cpu_supports("sse4.2")) return Crc32cSse42(seed, bytes);
#endif
  return internal::Crc32cPortable(seed, bytes);
}

Sha1::Sha1() : state_{0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0}, buffer_{} {}

void Sha1::Block(const uint8_t* block) {
  std::array<uint32_t, 80> w;
  for (size_t i = 0; i < 16; ++i) w[i] = LoadBig32(reinterpret_cast<const char*>(block) + 4 * i);
  for (size_t i = 16; i < 80; ++i) {
    w[i] = RotateLeft32(w[i - 3] ^ w[i - 8] ^ w[i - 14] ^ w[i - 16], 1);
  }
  auto [a, b, c, d, e] = state_;
  for (size_t i = 0; i < 80; ++i) {
    uint32_t mix;
    if (i < 20) {
      mix = (d ^ (b & (c ^ d))) + 0x5a827999;
    } else if (i < 40) {
      mix = (b ^ c ^ d) + 0x6ed9eba1;
    } else if (i < 60) {
      mix = ((b & c) | (d & (b | c))) + 0x8f1bbcdc;
    } else {
      mix = (b ^ c ^ d) + 0xca62c1d6;
    }
    const uint32_t next = RotateLeft32(a, 5) + mix + e + w[i];
    e = d;
    d = c;
    c = RotateLeft32(b, 30);
    b = a;
    a = next;
  }
  state_[0] += a;
  state_[1] += b;
  state_[2] += c;
  state_[3] += d;
  state_[4] += e;
}

void Sha1::Update(std::string_view bytes) {
  const auto* p = reinterpret_cast<const uint8_t*>(bytes.data());
  size_t n = bytes.size();
  const size_t filled = length_ % 64;
  length_ += n;
  if (filled > 0) {
    const size_t take = std::min(n, 64 - filled);
    std::copy_n(p, take, buffer_.begin() + filled);
    p += take;
    n -= take;
    if (filled + take < 64) return;
    Block(buffer_.data());
  }
  for (; n >= 64; n -= 64, p += 64) Block(p);
  std::copy_n(p, n, buffer_.begin());
}

Sha1::Digest Sha1::Finish() {
  const uint64_t bits = length_ * 8;
  const size_t filled = length_ % 64;
  char padding[72] = {'\x80'};
  // One 80 byte, zeros to 56 modulo 64, then the length in bits.
  const size_t zeros = (filled < 56 ? 56 : 120) - filled;
  StoreBig64(padding + zeros, bits);
  Update({padding, zeros + 8});
  Digest digest;
  for (size_t i = 0; i < 5; ++i) {
    StoreBig32(reinterpret_cast<char*>(digest.data()) + 4 * i, state_[i]);
  }
  return digest;
}

Sha1::Digest Sha1::Of(std::string_view bytes) {
  Sha1 sha;
  sha.Update(bytes);
  return sha.Finish();
}

uint64_t SipHash24(const HashKey& key, std::string_view bytes) { return SipHash<2, 4>(key, bytes); }

uint64_t KeyedHash64(const HashKey& key, std::string_view bytes) {
  return SipHash<1, 3>(key, bytes);
}

}  // namespace thermocline::codec
