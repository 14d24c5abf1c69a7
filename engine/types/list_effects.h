// Lists: the effect verbs of lists. Each changes the hot tier and writes its effect; Apply is the
// same change read back.
//
//   LPUSH|RPUSH key element ...    LPOP|RPOP key count        LSET key index element
//   LINSERT key BEFORE|AFTER pivot element                    LREM key count element
//   LTRIM key start stop           (start and stop not negative)
//
// What would change nothing is not logged. A list never stays empty: the key goes with its last
// element, and replay sees it go by itself.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "engine/types/list.h"
#include "engine/types/type_effects.h"

namespace thermocline::engine {

class Lists final : public TypeEffects {
 public:
  Lists(Core& core, HotTier& hot) : core_(core), hot_(hot) {}

  // REQUIRES of all: in a frame; the key is resident as far as ListPart says (engine/types/
  // list_part.h has one for each verb; those that look for an element need the whole); it holds a
  // list, or nothing where that is allowed. Texts do not lie inside the list.

  /// LPUSH, RPUSH: one after the other; an absent key is created. Returns the new length. REQUIRES:
  /// elements is not empty.
  size_t Push(int db, std::string_view key, ListEnd end,
              std::span<const std::string_view> elements);
  /// LPOP, RPOP. REQUIRES: 0 < count <= length.
  void Pop(int db, std::string_view key, ListEnd end, size_t count);
  /// REQUIRES: index < length.
  void Set(int db, std::string_view key, size_t index, std::string_view element);
  /// Beside the first element `pivot`. The new length; null: there is no such element.
  std::optional<size_t> Insert(int db, std::string_view key, bool after, std::string_view pivot,
                               std::string_view element);
  /// LREM: count > 0 from the head, < 0 from the tail, 0 all. Returns how many went.
  size_t Remove(int db, std::string_view key, int64_t count, std::string_view element);
  /// LTRIM: keeps `count` elements from `start` on. REQUIRES: they exist; count may be 0. A trim
  /// that keeps all still counts as a change for watchers, as in Redis.
  void Trim(int db, std::string_view key, size_t start, size_t count);
  /// Takes an element from one end and puts it to the other, or back: LMOVE within one key, which
  /// keeps its deadline even if this is its only element. Two elements of an end are resident if it
  /// is both.
  void Rotate(int db, std::string_view key, ListEnd from, ListEnd to);
  /// A list of these elements instead of whatever is there. No elements: the key goes.
  void Replace(int db, std::string_view key, std::span<const std::string_view> elements);

  codec::Status Apply(const Effect& effect, HotTier::Ref& ref, std::string_view key) override;

 private:
  // edit(ListEditor&) on the list, which is created if it is not there.
  template <class Edit>
  void Change(HotTier::Ref& ref, std::string_view key, Edit&& edit) {
    hot_.EditCollection(ref, key, ValueType::kList, CollectionEncoding::kListpack, EmptyList(),
                        [&](Entry*& entry) {
                          ListEditor editor(entry, core_.options.type_limits);
                          edit(editor);
                          return editor.size() == 0;
                        });
  }
  void WritePush(int db, std::string_view key, ListEnd end,
                 std::span<const std::string_view> elements);

  Core& core_;
  HotTier& hot_;
};

}  // namespace thermocline::engine
