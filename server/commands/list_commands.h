// What the blocking list commands share with the ones that do not block: pops and moves, with their
// replies and notifications. REQUIRES of all: the keys are prepared, `entry` is the resident list
// that FindForWrite answered in this frame.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "engine/types/list.h"
#include "engine/types/list_part.h"
#include "server/command_context.h"
#include "server/commands/command_spec.h"

namespace thermocline::server {

/// LEFT or RIGHT at argv[i]. Null: neither, the syntax error is replied.
std::optional<engine::ListEnd> ParseListEnd(CommandContext& c, size_t i);

/// What commands on `count` elements of an end touch of a list.
engine::ListPart EndPart(engine::ListEnd end, uint64_t count);
/// A move from an end. Two elements: one that goes back to where it was may have been alone in its
/// node, and is put into the next one then.
engine::ListPart MovedPart(engine::ListEnd from);
/// LMOVE: of the source, of the destination. LMPOP, with its number of keys at argv[count_at].
engine::ListPart MoveSourcePart(std::span<const std::string_view> argv);
engine::ListPart MoveDestinationPart(std::span<const std::string_view> argv);
engine::ListPart MultiPopPart(std::span<const std::string_view> argv, size_t count_at);

// Key rows that a command shares with its blocking form.
inline constexpr uint32_t kListInsertFlags = kKeyRW | kKeyInsert;
inline constexpr uint32_t kListPopFlags = kKeyRW | kKeyAccess | kKeyDelete;
inline constexpr KeySpec kListMoveKeys[] = {
    KeyAt(1, kListPopFlags, engine::Need::kValue, MoveSourcePart),
    KeyAt(2, kListInsertFlags, engine::Need::kValue, MoveDestinationPart)};
inline constexpr KeySpec kListPopPushKeys[] = {
    KeyAt(1, kListPopFlags, engine::Need::kValue, engine::TailPart),
    KeyAt(2, kListInsertFlags, engine::Need::kValue, engine::HeadPart)};
/// LMPOP's keys, with their number at argv[count_at].
template <size_t count_at>
constexpr KeySpec ListMultiPopKeys() {
  return {
      .kind = KeySpec::Kind::kCounted,
      .first = static_cast<int>(count_at) + 1,
      .step = 1,
      .count_at = static_cast<int>(count_at),
      .flags = kListPopFlags,
      .need = engine::Need::kValue,
      .part = [](std::span<const std::string_view> argv) { return MultiPopPart(argv, count_at); }};
}

/// Replies the element at one end as a bulk string, and takes it out.
void PopElement(CommandContext& c, int db, std::string_view key, const engine::Entry* entry,
                engine::ListEnd end);

/// Replies an array of at most `count` elements from one end, outermost first, and takes them out.
/// REQUIRES: count > 0.
void PopList(CommandContext& c, int db, std::string_view key, const engine::Entry* entry,
             engine::ListEnd end, uint64_t count);

/// The arguments of LMPOP from its number of keys on, at argv[count_at]. False: the error is
/// replied.
struct MultiPop {
  size_t first_key = 0;
  size_t keys = 0;
  engine::ListEnd end = engine::ListEnd::kHead;
  uint64_t count = 1;
};
bool ParseMultiPop(CommandContext& c, size_t count_at, MultiPop* pop);

/// LMPOP's [key, elements] from the first of the keys that holds a list. False: none does, nothing
/// is replied. True: replied, perhaps WRONGTYPE.
bool PopFirstList(CommandContext& c, const MultiPop& pop);

/// LMOVE: takes an element of `source`, replies it and pushes it to `destination`. `source_entry`
/// as above; the destination may hold anything (WRONGTYPE is replied) or be the same key.
void MoveElement(CommandContext& c, std::string_view source, const engine::Entry* source_entry,
                 std::string_view destination, engine::ListEnd from, engine::ListEnd to);

}  // namespace thermocline::server
