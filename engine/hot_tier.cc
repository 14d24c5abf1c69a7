#include "engine/hot_tier.h"

#include <glog/logging.h>

#include <memory>
#include <utility>

#include "engine/tier/access.h"
#include "engine/tier/residency.h"
#include "engine/tier/spiller.h"
#include "engine/tier/write_back.h"
#include "engine/types/list.h"
#include "engine/types/value_codec.h"

namespace thermocline::engine {
namespace {

constexpr size_t kFreedElsewhereBytes = 64 << 10;  // unmapping more would be felt on the executor

}  // namespace

HotTier::Ref HotTier::Locate(int db, std::string_view key) {
  Ref ref;
  ref.db = db;
  ref.space = &core_.keyspace.at(db);
  ref.position = ref.space->table.PositionOf(key);
  ref.entry = ref.space->table.Find(ref.position, key);
  return ref;
}

void HotTier::Insert(Ref& ref, Entry* entry) {
  ref.entry = entry;
  ref.space->table.Insert(ref.position, entry);
  const size_t bytes = entry->MemoryBytes();
  ref.space->entry_bytes += bytes;
  entry_bytes_ += bytes;
}

void HotTier::Moved(Space& space, uint64_t position, Entry* old, size_t old_bytes, Entry* now) {
  if (now != old) space.table.Replace(position, old, now);
  const size_t bytes = now->MemoryBytes();
  space.entry_bytes += bytes - old_bytes;
  entry_bytes_ += bytes - old_bytes;
}

void HotTier::NoteExpiry(Ref& ref, int64_t old_deadline) {
  const int64_t deadline = ref.entry->expiry_ms();
  ref.space->live_expires += (deadline != 0) - (old_deadline != 0);
  if (deadline == 0) return;
  if (ref.entry->Has(Entry::kExpiryIndexed) && old_deadline != 0 && deadline >= old_deadline)
    return;
  ref.space->expiry.Add(deadline, ref.position, core_.now_ms);
  ref.entry->Set(Entry::kExpiryIndexed);
}

void HotTier::Changed(Ref& ref) {
  ref.entry->set_lsn(core_.frame_lsn);
  core_.residency->NoteChange(*ref.space, ref.position, ref.entry->key());
  core_.write_back->MarkDirty(*ref.space, ref.position, ref.entry);
  ++core_.changes;
  if (core_.watching) core_.listener->OnKeyChanged(ref.db, ref.entry->key());
}

void HotTier::Create(Ref& ref, Entry* fresh) {
  Insert(ref, fresh);
  ++ref.space->live;
  NoteExpiry(ref, kNoExpiry);
  StampNew(core_, fresh);
  core_.spiller->NoteNew(*ref.space, ref.position);
  Changed(ref);
  if (core_.report_created) core_.listener->OnKeyCreated(ref.db, fresh->key());
}

void HotTier::Revived(Ref& ref) {
  --ref.space->tombstones;
  ++ref.space->live;
  ref.entry->Set(Entry::kGrave, false);
  StampNew(core_, ref.entry);
  if (core_.report_created) core_.listener->OnKeyCreated(ref.db, ref.entry->key());
}

void HotTier::ReleaseLarge(Entry* entry, size_t bytes) {
  if (bytes < kFreedElsewhereBytes || !entry->is_object()) return;
  std::shared_ptr<Collection> doomed = entry->ReleaseObject();
  core_.reaper.Hand([doomed]() mutable { doomed.reset(); });
}

template <class Fresh, class Replace>
void HotTier::Overwrite(Ref& ref, ExpiryChange change, int64_t expire_at_ms, Fresh&& make_fresh,
                        Replace&& replace) {
  if (ref.entry == nullptr) {
    Create(ref, make_fresh());
    return;
  }
  Entry* old = ref.entry;
  const size_t old_bytes = old->MemoryBytes();
  const bool was_live = ref.live();
  const int64_t old_deadline = was_live ? old->expiry_ms() : kNoExpiry;
  ReleaseLarge(old, old_bytes);
  Entry* now = replace(old);
  if (change == ExpiryChange::kClear && old_deadline != kNoExpiry) now = now->SetExpiry(kNoExpiry);
  if (change == ExpiryChange::kSet) now = now->SetExpiry(expire_at_ms);
  Moved(*ref.space, ref.position, old, old_bytes, now);
  ref.entry = now;
  if (!was_live) Revived(ref);
  NoteExpiry(ref, old_deadline);
  Changed(ref);
}

void HotTier::Set(Ref& ref, std::string_view key, const StringValue& value, ExpiryChange change,
                  int64_t expire_at_ms) {
  Overwrite(
      ref, change, expire_at_ms,
      [&] {
        return Entry::New(key, value, core_.frame_lsn,
                          change == ExpiryChange::kSet ? expire_at_ms : kNoExpiry);
      },
      [&](Entry* entry) { return entry->SetString(value); });
}

void HotTier::SetValue(Ref& ref, std::string_view key, Entry* fresh, ExpiryChange change,
                       int64_t expire_at_ms) {
  Overwrite(
      ref, change, expire_at_ms,
      [&] {
        fresh->set_lsn(core_.frame_lsn);
        return fresh->SetExpiry(change == ExpiryChange::kSet ? expire_at_ms : kNoExpiry);
      },
      [&](Entry* entry) {
        Entry* now = entry->TakeValue(fresh);
        Entry::Free(fresh);
        return now;
      });
}

Entry* HotTier::TakeValue(Ref& ref, std::string_view new_key) {
  Entry* source = ref.entry;
  const size_t old_bytes = source->MemoryBytes();
  Entry* taken = Entry::New(new_key, StringValue::Raw({}), core_.frame_lsn)->TakeValue(source);
  Moved(*ref.space, ref.position, source, old_bytes, source);
  // Its rows are the old key's, and go with it.
  if (List* list = ListObject(taken); list != nullptr && list->paged()) list->ForgetRows();
  return taken;
}

Entry* HotTier::CopyValue(const Ref& ref, std::string_view new_key) {
  const Entry* source = ref.entry;
  std::string body;
  EncodeValue(source, core_.field_names, &body, /*compress=*/false);
  codec::StatusOr<Entry*> copy =
      DecodeValue({.key = new_key,
                   .rdb_type = RdbTypeOf(source->type(), source->encoding()),
                   .payload = body,
                   .encoding_hint = source->encoding(),
                   .limits = &core_.options.type_limits,
                   .names = &core_.field_names,
                   .mode = DecodeMode::kCold});
  CHECK(copy.ok()) << copy.status().ToString();  // our own bytes
  return *copy;
}

bool HotTier::Delete(Ref& ref) {
  if (!ref.live()) return false;
  Space& space = *ref.space;
  Entry* entry = ref.entry;
  --space.live;
  ++core_.deletions;
  if (entry->expiry_ms() != kNoExpiry) --space.live_expires;
  space.table.NoteRemoval(ref.position, core_.frame_lsn);
  // A key that no capture has seen needs no tombstone, except while a checkpoint is collecting:
  // effects between its LSN and this one would be replayed over a base that lacks the key
  // (docs/design-notes.md, "graves"). Nor may it go while captures at its position are in flight:
  // it may have been deleted, captured and made anew, and then its old record is still to be read.
  // The source of a link is captured with what became of its destination.
  if (!entry->Has(Entry::kHasCold) && !entry->Has(Entry::kBaseUnknown) &&
      !core_.write_back->collecting() && !space.in_flight.Contains(ref.position) &&
      !core_.write_back->links().HasDestination({space.id, ref.position})) {
    ++core_.changes;
    if (core_.watching) core_.listener->OnKeyChanged(ref.db, entry->key());
    Drop(space, ref.position, entry);
    ref.entry = nullptr;
    return true;
  }
  const size_t old_bytes = entry->MemoryBytes();
  ReleaseLarge(entry, old_bytes);
  Entry* now = entry->ToTombstone();
  Moved(space, ref.position, entry, old_bytes, now);
  now->Set(Entry::kExpiryIndexed, false);
  ref.entry = now;
  ++space.tombstones;
  Changed(ref);
  return true;
}

void HotTier::SetExpiry(Ref& ref, int64_t expire_at_ms) {
  Entry* old = ref.entry;
  const size_t old_bytes = old->MemoryBytes();
  const int64_t old_deadline = old->expiry_ms();
  Entry* now = old->SetExpiry(expire_at_ms);
  Moved(*ref.space, ref.position, old, old_bytes, now);
  ref.entry = now;
  NoteExpiry(ref, old_deadline);
  Changed(ref);
}

size_t HotTier::Append(Ref& ref, std::string_view key, std::string_view tail) {
  if (!ref.live()) {
    Set(ref, key, StringValue::FromText(tail), ExpiryChange::kClear, kNoExpiry);
    return tail.size();
  }
  Entry* old = ref.entry;
  const size_t old_bytes = old->MemoryBytes();
  Entry* now = old->Append(tail);
  Moved(*ref.space, ref.position, old, old_bytes, now);
  ref.entry = now;
  Changed(ref);
  return now->ValueLength();
}

size_t HotTier::SetRange(Ref& ref, std::string_view key, size_t offset, std::string_view bytes) {
  if (!ref.live()) Set(ref, key, StringValue::Raw({}), ExpiryChange::kClear, kNoExpiry);
  Entry* old = ref.entry;
  const size_t old_bytes = old->MemoryBytes();
  Entry* now = old->SetRange(offset, bytes);
  Moved(*ref.space, ref.position, old, old_bytes, now);
  ref.entry = now;
  Changed(ref);
  return now->ValueLength();
}

void HotTier::SetInt(Ref& ref, std::string_view key, int64_t value) {
  Set(ref, key, StringValue::FromInt(value), ExpiryChange::kKeep, kNoExpiry);
}

void HotTier::FlushDb(int db, DbId new_id) {
  core_.write_back->BeforeFlush();
  std::unique_ptr<Space> old = core_.keyspace.Replace(db, new_id, core_.frame_lsn);
  entry_bytes_ -= old->entry_bytes;
  core_.changes += old->live;
  core_.deletions += old->live;
  core_.dirty_keys -= old->dirty;
  core_.unknown_bases -= old->unknown_bases;
  // The space frees its table, filter and index wherever it dies.
  std::shared_ptr<Space> doomed = std::move(old);
  core_.reaper.Hand([doomed]() mutable { doomed.reset(); });
}

codec::StatusOr<Entry*> HotTier::Decode(std::string_view key, const codec::ColdHeader& header,
                                        std::string_view payload) {
  return DecodeValue({.key = key,
                      .rdb_type = header.type,
                      .payload = payload,
                      .encoding_hint = header.encoding_hint,
                      .lsn = header.lsn,
                      .expiry_ms = static_cast<int64_t>(header.expire_ms),
                      .limits = &core_.options.type_limits,
                      .names = &core_.field_names,
                      .mode = DecodeMode::kCold});
}

codec::Status HotTier::Install(Space& space, uint64_t position, std::string_view key,
                               const codec::ColdHeader& header, const std::string* payload) {
  Entry* fresh = nullptr;
  if (payload == nullptr) {
    // The length field of a header-only entry is that of the payload: what PutHeader must write
    // again.
    fresh = Entry::NewHeader(key, TypeOfRdb(header.type), header.encoding_hint, header.length,
                             header.lsn, static_cast<int64_t>(header.expire_ms));
  } else {
    TC_ASSIGN_OR_RETURN(fresh, Decode(key, header, *payload));
  }
  InstallEntry(space, position, key, header, fresh);
  return {};
}

codec::Status HotTier::InstallRead(Space& space, ColdRead* read, bool has_value) {
  if (!read->decoded) {
    return Install(space, read->position, read->key, read->header,
                   has_value ? &read->payload : nullptr);
  }
  InstallEntry(space, read->position, read->key, read->header,
               static_cast<Entry*>(read->decoded.release()));
  return {};
}

ColdDecoded HotTier::DecodeRead(const ColdRead& read) {
  EntryPtr entry = DecodeLargeValue(read.key, read.header, read.payload);
  return {entry.release(), [](void* decoded) { Entry::Free(static_cast<Entry*>(decoded)); }};
}

void HotTier::DropDecoded(ColdRead* read) {
  if (!read->decoded) return;
  core_.reaper.Hand([entry = static_cast<Entry*>(read->decoded.release())] { Entry::Free(entry); });
}

void HotTier::InstallEntry(Space& space, uint64_t position, std::string_view key,
                           const codec::ColdHeader& header, Entry* fresh) {
  const auto deadline = static_cast<int64_t>(header.expire_ms);
  bool returned = false;
  Entry* stale = space.table.Find(position, key);
  if (stale != nullptr && stale->Has(Entry::kGrave)) {
    Drop(space, position, stale);
    stale = nullptr;
  }
  if (stale != nullptr) {
    // Header-only until now, perhaps changed (EXPIRE): what was changed wins, the payload is the
    // cold one's.
    if (stale->expiry_ms() != deadline) fresh = fresh->SetExpiry(stale->expiry_ms());
    fresh->set_lsn(stale->lsn());
    for (Entry::Flag flag : {Entry::kDirty, Entry::kExpiryIndexed, Entry::kPinned}) {
      fresh->Set(flag, stale->Has(flag));
    }
    fresh = fresh->SetColdExpiry(stale->cold_expiry_ms());
    fresh->set_access(stale->access());
  } else {
    fresh = fresh->SetColdExpiry(deadline);
    fresh->set_access(header.access);
    returned = core_.spiller->TakeGhost(space, position);
    // Its first use is the one that brought it in; one that was here lately is used again by that.
    fresh->Set(Entry::kInProbation, !returned);
  }
  fresh->Set(Entry::kHasCold);
  fresh->Set(Entry::kColdHasPayload, !header.payload_inline);
  fresh->set_cold_paged(header.type == codec::kPagedList);
  if (stale != nullptr) {
    const size_t old_bytes = stale->MemoryBytes();
    Moved(space, position, stale, old_bytes, fresh);
    Entry::Free(stale);
    return;
  }
  space.table.Insert(position, fresh);
  const size_t bytes = fresh->MemoryBytes();
  space.entry_bytes += bytes;
  entry_bytes_ += bytes;
  if (!returned) core_.spiller->NoteNew(space, position);
  if (deadline != kNoExpiry) {
    space.expiry.Add(deadline, position, core_.now_ms);
    fresh->Set(Entry::kExpiryIndexed);
  }
}

void HotTier::InstallExpiredCold(Space& space, const ExpiryRow& row) {
  Entry* entry =
      Entry::NewHeader(row.key, ValueType::kString, 0, 0, 0, static_cast<int64_t>(row.expire_ms));
  entry = entry->SetColdExpiry(static_cast<int64_t>(row.expire_ms));
  entry->Set(Entry::kHasCold);
  entry->Set(Entry::kColdHasPayload, row.has_chunks);
  entry->set_cold_paged(row.has_elements);
  space.table.Insert(row.position, entry);
  const size_t bytes = entry->MemoryBytes();
  space.entry_bytes += bytes;
  entry_bytes_ += bytes;
}

void HotTier::InstallGrave(Space& space, uint64_t position, std::string_view key, Lsn lsn) {
  Entry* present = space.table.Find(position, key);
  if (present != nullptr) {  // several graves of one key: the latest counts
    if (present->lsn() < lsn) present->set_lsn(lsn);
    return;
  }
  Entry* tombstone = Entry::NewTombstone(key, lsn);
  tombstone->Set(Entry::kGrave);
  space.table.Insert(position, tombstone);
  ++space.tombstones;
  const size_t bytes = tombstone->MemoryBytes();
  space.entry_bytes += bytes;
  entry_bytes_ += bytes;
}

codec::Status HotTier::Adopt(Ref& ref, ColdRead* read) {
  Entry* fresh = static_cast<Entry*>(read->decoded.release());
  if (fresh == nullptr) {
    TC_ASSIGN_OR_RETURN(fresh, Decode(read->key, read->header, read->payload));
  }
  const Lsn frame = std::exchange(core_.frame_lsn, read->header.lsn);
  SetValue(ref, read->key, fresh,
           read->header.expire_ms != 0 ? ExpiryChange::kSet : ExpiryChange::kClear,
           static_cast<int64_t>(read->header.expire_ms));
  core_.frame_lsn = frame;
  return {};
}

void HotTier::Bury(Ref& ref, std::string_view key, Lsn lsn) {
  const Lsn frame = std::exchange(core_.frame_lsn, lsn);
  if (!Delete(ref) || ref.entry == nullptr) {
    if (ref.entry == nullptr) {
      Insert(ref, Entry::NewTombstone(key, lsn));
      ++ref.space->tombstones;
    }
    Changed(ref);
  }
  core_.frame_lsn = frame;
}

void HotTier::Drop(Space& space, uint64_t position, Entry* entry) {
  const size_t bytes = entry->MemoryBytes();
  if (entry->Has(Entry::kTombstone)) {
    --space.tombstones;
    ++core_.tombstones_dropped;
  }
  if (entry->Has(Entry::kDirty)) {
    --space.dirty;
    --core_.dirty_keys;
  }
  // A read that began before this entry's last change landed brings the record as it was.
  core_.residency->NoteChange(space, position, entry->key());
  if (core_.track_drops) core_.dropped_positions.insert(position);
  space.entry_bytes -= bytes;
  entry_bytes_ -= bytes;
  space.table.Erase(position, entry->key());
  if (bytes >= kFreedElsewhereBytes) {
    core_.reaper.Hand([entry] { Entry::Free(entry); });
  } else {
    Entry::Free(entry);
  }
}

}  // namespace thermocline::engine
