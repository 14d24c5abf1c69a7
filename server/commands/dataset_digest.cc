// SHA-1 mixing of DEBUG DIGEST; the scheme stands in dataset_digest.h.
// tests/server/introspection_commands_test.cc pins it with redis-server's digests of known
// contents. A new value type is mixed in by MixValue, member by member, as redis-server does it.
#include "server/commands/dataset_digest.h"

#include "codec/bytes.h"
#include "codec/number_text.h"
#include "engine/types/hash_effects.h"
#include "engine/types/list.h"
#include "engine/types/set.h"
#include "engine/types/zset.h"

namespace thermocline::server {

void DatasetDigest::Xor(std::string_view bytes) {
  const codec::Sha1::Digest hash = codec::Sha1::Of(bytes);
  for (size_t i = 0; i < digest_.size(); ++i) digest_[i] ^= hash[i];
}

void DatasetDigest::Mix(std::string_view bytes) {
  Xor(bytes);
  digest_ = codec::Sha1::Of(this->bytes());
}

void DatasetDigest::MixNumber(uint32_t number) {
  char text[sizeof(number)];
  codec::StoreBig32(text, number);
  Mix({text, sizeof(text)});
}

void DatasetDigest::MixValue(engine::Database& db, const engine::Entry& entry) {
  MixNumber(static_cast<uint32_t>(entry.type()));
  switch (entry.type()) {
    case engine::ValueType::kString: {
      char scratch[24];
      Mix(entry.StringView(scratch));
      break;
    }
    case engine::ValueType::kList: {
      char scratch[24];
      const engine::ListView list(&entry);
      list.ForEach(0, list.size(), [&](const auto& element) { Mix(element.View(scratch)); });
      break;
    }
    case engine::ValueType::kSet:
      engine::SetView(&entry).ForEach([this](std::string_view member) { Xor(member); });
      break;
    case engine::ValueType::kHash:
      db.hashes().View(&entry).ForEach(
          [this](std::string_view field, std::string_view value) { XorPair(field, value); });
      break;
    case engine::ValueType::kZset: {
      const engine::ZsetView view(&entry);
      view.Walk({0, view.size()}, false, [this](std::string_view member, double score) {
        char text[codec::kMaxDoubleText];
        XorPair(member, {text, codec::FormatDouble(text, score)});
      });
      break;
    }
    default:
      break;
  }
  if (entry.expiry_ms() != 0) Xor("!!expire!!");
}

void DatasetDigest::XorPair(std::string_view first, std::string_view second) {
  DatasetDigest pair;
  pair.Mix(first);
  pair.Mix(second);
  Xor(pair.bytes());
}

void DatasetDigest::XorKey(engine::Database& db, const engine::Entry& entry) {
  DatasetDigest key;
  key.Mix(entry.key());
  key.MixValue(db, entry);
  Xor(key.bytes());
}

std::string DatasetDigest::Hex() const {
  constexpr char kDigits[] = "0123456789abcdef";
  std::string hex;
  for (const uint8_t byte : digest_) {
    hex.push_back(kDigits[byte >> 4]);
    hex.push_back(kDigits[byte & 15]);
  }
  return hex;
}

}  // namespace thermocline::server
