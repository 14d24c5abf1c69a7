#include "engine/types/set_effects.h"

#include <string>
#include <vector>

#include "engine/types/set.h"

namespace thermocline::engine {

void Sets::AddIn(HotTier::Ref& ref, std::string_view key, std::span<const std::string_view> members,
                 ChangedWords* added) {
  hot_.EditCollection(ref, key, SetEditor::kType, SetEditor::kEmptyEncoding,
                      SetEditor::EmptyBytes(), [&](Entry*& entry) {
                        SetEditor set(entry, core_.options.type_limits);
                        for (std::string_view member : members) added->Note(set.Add(member));
                        return added->size() == 0 ? EditResult::kUnchanged : EditResult::kChanged;
                      });
}

void Sets::RemoveIn(HotTier::Ref& ref, std::string_view key,
                    std::span<const std::string_view> members, ChangedWords* removed) {
  hot_.EditCollection(ref, key, SetEditor::kType, SetEditor::kEmptyEncoding,
                      SetEditor::EmptyBytes(), [&](Entry*& entry) {
                        SetEditor set(entry, core_.options.type_limits);
                        for (std::string_view member : members) removed->Note(set.Remove(member));
                        if (removed->size() == 0) return EditResult::kUnchanged;
                        return set.size() == 0 ? EditResult::kEmptied : EditResult::kChanged;
                      });
}

size_t Sets::Add(int db, std::string_view key, std::span<const std::string_view> members) {
  HotTier::Ref ref = hot_.Locate(db, key);
  ChangedWords added(members);
  AddIn(ref, key, members, &added);
  if (added.size() != 0) WriteBounded(core_.effects, db, "SADD", key, added.words());
  return added.size();
}

size_t Sets::Remove(int db, std::string_view key, std::span<const std::string_view> members) {
  HotTier::Ref ref = hot_.Locate(db, key);
  if (!ref.live()) return 0;
  ChangedWords removed(members);
  RemoveIn(ref, key, members, &removed);
  if (removed.size() != 0) WriteBounded(core_.effects, db, "SREM", key, removed.words());
  return removed.size();
}

void Sets::Store(int db, std::string_view key, EntryPtr result, bool keep_expiry) {
  HotTier::Ref ref = hot_.Locate(db, key);
  const int64_t deadline = keep_expiry && ref.live() ? ref.entry->expiry_ms() : kNoExpiry;
  if (ref.live()) core_.effects.Del(db, key);

  const SetView set(result.get());
  std::vector<std::string_view> words;
  words.reserve(set.size());
  std::string texts;  // of a packed set, whose members may have none of their own
  if (set.packed()) {
    size_t bytes = 0;
    set.ForEach([&bytes](std::string_view member) { bytes += member.size(); });
    texts.reserve(bytes);
  }
  set.ForEach([&](std::string_view member) {
    if (set.packed()) {
      texts.append(member);
      member = {texts.data() + texts.size() - member.size(), member.size()};
    }
    words.push_back(member);
  });
  WriteBounded(core_.effects, db, "SADD", key, words);
  if (deadline != kNoExpiry) core_.effects.ExpireAt(db, key, deadline);

  hot_.SetValue(ref, key, result.release(),
                keep_expiry ? ExpiryChange::kKeep : ExpiryChange::kClear, kNoExpiry);
}

codec::Status Sets::Apply(const Effect& effect, HotTier::Ref& ref, std::string_view key) {
  const std::span<const std::string_view> members = effect.argv.subspan(2);
  ChangedWords changed(members);
  if (effect.argv[0] == "SADD") {
    AddIn(ref, key, members, &changed);
  } else if (ref.live()) {
    RemoveIn(ref, key, members, &changed);
  }
  if (changed.size() != members.size()) {
    return codec::Status::Corruption(std::string(effect.argv[0]) +
                                     " of a member that is there already, or not at all");
  }
  return {};
}

}  // namespace thermocline::engine
