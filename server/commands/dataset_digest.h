// DEBUG DIGEST's arithmetic: a SHA-1 of the contents that does not depend on the order of the keys.
//
// Byte for byte Redis's, so that a primary can be compared with a replica and we with redis-server.
// `Xor` adds an unordered member to a digest, `Mix` an ordered one:
//   key    = Mix(Mix(Mix(0, name), type as 4 bytes big-endian), value), then Xor "!!expire!!" if it
//   expires total  = for each database that holds keys: Mix(number, 4 bytes big-endian), then Xor
//   of every key's digest
// A set's value is the Xor of its members, a hash's that of its pairs, each Mix(Mix(0, field),
// value). Pure functions.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "codec/crc.h"
#include "engine/database.h"
#include "engine/hot/entry.h"

namespace thermocline::server {

class DatasetDigest {
 public:
  /// digest ^= SHA1(bytes)
  void Xor(std::string_view bytes);
  /// digest = SHA1(digest ^ SHA1(bytes))
  void Mix(std::string_view bytes);
  /// Mix of a number in network order.
  void MixNumber(uint32_t number);
  /// An unordered pair: a field with its value, a member with its score.
  void XorPair(std::string_view first, std::string_view second);
  /// Type, value and whether it expires. REQUIRES: a resident value of `db`.
  void MixValue(engine::Database& db, const engine::Entry& entry);
  /// A key of the current database with its value.
  void XorKey(engine::Database& db, const engine::Entry& entry);

  std::string Hex() const;  // 40 digits

 private:
  std::string_view bytes() const {
    return {reinterpret_cast<const char*>(digest_.data()), digest_.size()};
  }

  codec::Sha1::Digest digest_{};
};

}  // namespace thermocline::server
