// Checksums and hashes: CRC64 (RDB and DUMP), CRC16 (cluster slots), CRC32C (log, cold records),
// SHA-1 (DEBUG DIGEST, script names) and SipHash (key table).
//
// All are pure functions, computed in chunks by feeding the last result back. CRC32C uses the
// SSE4.2 instruction where the CPU has it, chosen once at load time; the portable form gives the
// same values. None of the CRCs is a defence against a forger; the keyed hashes are one against
// chosen keys.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace thermocline::codec {

/// Redis's CRC64: Jones polynomial 0xad93d23594c935a9, reflected, start 0, no final inversion.
uint64_t Crc64(uint64_t crc, std::string_view bytes);

/// CRC16/XMODEM: polynomial 0x1021, start 0, not reflected.
uint16_t Crc16(std::string_view bytes);

inline constexpr int kSlotCount = 16384;
/// Cluster slot of a key, 0..16383: CRC16 of the text between the first '{' and the next '}' when
/// that is not empty, else of the whole key.
uint16_t KeySlot(std::string_view key);

/// CRC32C (Castagnoli), with the usual inversion at both ends: Crc32c(0, "123456789") ==
/// 0xe3069283, and Crc32c(Crc32c(0, a), b) == Crc32c(0, ab).
uint32_t Crc32c(uint32_t seed, std::string_view bytes);

namespace internal {
/// The table-driven form of Crc32c, for machines without the instruction and for the test of both.
uint32_t Crc32cPortable(uint32_t seed, std::string_view bytes);
}  // namespace internal

/// SHA-1, fed in pieces. Not used where anybody's security depends on it.
class Sha1 {
 public:
  using Digest = std::array<uint8_t, 20>;

  Sha1();
  void Update(std::string_view bytes);
  /// The digest of everything fed so far. REQUIRES: nothing is fed afterwards.
  Digest Finish();

  static Digest Of(std::string_view bytes);

 private:
  void Block(const uint8_t* block);

  std::array<uint32_t, 5> state_;
  std::array<uint8_t, 64> buffer_;
  uint64_t length_ = 0;  // bytes fed
};

using HashKey = std::array<uint64_t, 2>;

/// SipHash-2-4 with a 128-bit key, the reference parameters.
uint64_t SipHash24(const HashKey& key, std::string_view bytes);

/// The hash of the key table: SipHash-1-3. A SCAN cursor shows clients bits of it, so it has to be
/// a function whose outputs do not give away the key: the multiply-and-fold hashes, three times as
/// fast, are not. Stored positions depend on it: changing it is a new cold-tier format.
uint64_t KeyedHash64(const HashKey& key, std::string_view bytes);

}  // namespace thermocline::codec
