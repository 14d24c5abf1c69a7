#include "engine/types/hash_effects.h"

namespace thermocline::engine {

size_t Hashes::SetIn(HotTier::Ref& ref, std::string_view key,
                     std::span<const std::string_view> pairs) {
  size_t created = 0;
  hot_.EditCollection(ref, key, HashEditor::kType, HashEditor::kEmptyEncoding,
                      HashEditor::EmptyBytes(), [&](Entry*& entry) {
                        HashEditor hash(entry, core_.options.type_limits, &core_.field_names);
                        for (size_t i = 0; i + 1 < pairs.size(); i += 2) {
                          created += hash.Set(pairs[i], pairs[i + 1]);
                        }
                        return EditResult::kChanged;
                      });
  return created;
}

void Hashes::DeleteIn(HotTier::Ref& ref, std::string_view key,
                      std::span<const std::string_view> fields, ChangedWords* deleted) {
  hot_.EditCollection(ref, key, HashEditor::kType, HashEditor::kEmptyEncoding,
                      HashEditor::EmptyBytes(), [&](Entry*& entry) {
                        HashEditor hash(entry, core_.options.type_limits, &core_.field_names);
                        for (std::string_view field : fields) deleted->Note(hash.Delete(field));
                        if (deleted->size() == 0) return EditResult::kUnchanged;
                        return hash.size() == 0 ? EditResult::kEmptied : EditResult::kChanged;
                      });
}

size_t Hashes::Set(int db, std::string_view key, std::span<const std::string_view> pairs) {
  HotTier::Ref ref = hot_.Locate(db, key);
  const size_t created = SetIn(ref, key, pairs);
  WriteBounded(core_.effects, db, "HSET", key, pairs, 2);
  return created;
}

size_t Hashes::Delete(int db, std::string_view key, std::span<const std::string_view> fields) {
  HotTier::Ref ref = hot_.Locate(db, key);
  if (!ref.live()) return 0;
  ChangedWords deleted(fields);
  DeleteIn(ref, key, fields, &deleted);
  if (deleted.size() != 0) WriteBounded(core_.effects, db, "HDEL", key, deleted.words());
  return deleted.size();
}

codec::Status Hashes::Apply(const Effect& effect, HotTier::Ref& ref, std::string_view key) {
  const std::span<const std::string_view> words = effect.argv.subspan(2);
  if (effect.argv[0] == "HSET") {
    if (words.size() % 2 != 0) return codec::Status::Corruption("HSET of a field without a value");
    SetIn(ref, key, words);
    return {};
  }
  if (!ref.live()) return codec::Status::Corruption("HDEL from a hash that is not there");
  ChangedWords deleted(words);
  DeleteIn(ref, key, words, &deleted);
  if (deleted.size() != words.size()) {
    return codec::Status::Corruption("HDEL of a field that is not there");
  }
  return {};
}

}  // namespace thermocline::engine
