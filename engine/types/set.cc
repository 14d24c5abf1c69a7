#include "engine/types/set.h"

#include <algorithm>
#include <memory>
#include <new>
#include <utility>

#include "codec/rdb/collection_reader.h"
#include "codec/rdb/collection_writer.h"
#include "codec/rdb/object.h"
#include "engine/hot/allocation.h"

namespace thermocline::engine {

using codec::RdbSetReader;
using codec::Status;
using codec::StatusOr;

// ---- table form ------------------------------------------------------------------------------

SetMember* SetMember::New(std::string_view text) {
  auto* node = new (AllocateOrDie(AllocationSize(MemberTextBytes(text.size())))) SetMember;
  StoreMemberText(node->raw_, text);
  return node;
}

bool SetObject::Add(std::string_view member) {
  const uint64_t position = PositionOfMember(member);
  if (table_.Find(position, member) != nullptr) return false;
  table_.Insert(position, SetMember::New(member));
  Account();
  return true;
}

bool SetObject::Remove(std::string_view member) {
  const bool removed = table_.Erase(member);
  Account();
  return removed;
}

// ---- all forms -------------------------------------------------------------------------------

void SetEditor::Convert() {
  auto object = std::make_unique<SetObject>();
  SetView(entry_).ForEach([&](std::string_view member) { object->Add(member); });
  object_ = object.get();
  entry_ = entry_->SetObject(kType, std::move(object));
}

void SetEditor::LeaveIntset(size_t member_bytes) {
  const SetView intset(entry_);
  if (!FitsListpack(intset.size() + 1, member_bytes)) {
    Convert();
    return;
  }
  codec::OneWayListpackBuilder builder;
  intset.ForEach([&](std::string_view member) { builder.Add(member); });
  entry_ = entry_->SetPacked(kType, CollectionEncoding::kListpack, builder.Take());
}

bool SetEditor::Add(std::string_view member) {
  if (object_ != nullptr) return object_->Add(member);
  int64_t number;
  if (entry_->collection_encoding() == CollectionEncoding::kIntset &&
      !codec::ParseInt64(member, &number)) {
    LeaveIntset(member.size());
    if (object_ != nullptr) return object_->Add(member);
  }
  if (entry_->collection_encoding() == CollectionEncoding::kListpack) {
    const SetView view(entry_);
    if (view.Contains(member)) return false;
    if (!FitsListpack(view.size() + 1, member.size())) {
      Convert();
      return object_->Add(member);
    }
    PackedEntry store(entry_);
    codec::ListpackAppend<PackedLayout>(store, member);
    entry_ = store.entry();
    return true;
  }
  PackedEntry store(entry_);
  if (!codec::IntsetAdd(store, number)) return false;
  entry_ = store.entry();
  // Not beyond what an entry holds, at eight bytes a number, whatever the setting says.
  constexpr uint64_t kPackedMax = Entry::kValueBytesMax / 8 - 2;
  if (size() > std::min(limits_.set_max_intset_entries, kPackedMax)) Convert();
  return true;
}

bool SetEditor::Remove(std::string_view member) {
  if (object_ != nullptr) return object_->Remove(member);
  PackedEntry store(entry_);
  if (entry_->collection_encoding() == CollectionEncoding::kListpack) {
    const PackedView pack(store.bytes());
    const size_t at = pack.Find(pack.First(), member);
    if (at == PackedView::kNone) return false;
    codec::ListpackErase<PackedLayout>(store, at);
    entry_ = store.entry();
    return true;
  }
  int64_t number;
  if (!codec::ParseInt64(member, &number)) return false;
  const bool removed = codec::IntsetRemove(store, number);
  entry_ = store.entry();
  return removed;
}

// ---- payload ---------------------------------------------------------------------------------

void EncodeSet(const Entry* entry, std::string* out, bool compress) {
  if (entry->collection_encoding() == CollectionEncoding::kIntset) {
    codec::AppendRdbPacked(out, entry->PackedBytes(), compress);
    return;
  }
  const SetView view(entry);
  codec::AppendRdbLength(out, view.size());
  view.ForEach([&](std::string_view member) { codec::AppendRdbString(out, member, compress); });
}

StatusOr<Entry*> DecodeSet(const DecodeRequest& request) {
  const bool exact = request.mode == DecodeMode::kCold;
  RdbSetReader reader(request.rdb_type, request.payload);
  if (!reader.status().ok()) return reader.status();
  const bool packed = reader.packed();
  if (packed && reader.packed_bytes().size() > Entry::kValueBytesMax) {
    return Status::Corruption("a packed set is too long");
  }
  Entry* building = Entry::NewPacked(request.key, SetEditor::kType, CollectionEncoding::kIntset,
                                     packed ? reader.packed_bytes() : SetEditor::EmptyBytes(),
                                     request.lsn, request.expiry_ms);
  SetEditor editor(building, *request.limits);
  const bool many = reader.count() > request.limits->set_max_intset_entries;
  if (packed) {
    if (!exact && many) editor.Convert();
    return building;
  }
  // Redis's loader: a run of members, all of them integers and not too many, becomes an intset.
  if (exact && request.encoding_hint == static_cast<uint8_t>(CollectionEncoding::kObject)) {
    editor.Convert();
  } else if (exact || many) {
    editor.LeaveIntset(0);
  }
  std::string_view member;
  bool fresh = true;
  while (fresh && reader.Next(&member)) fresh = editor.Add(member);
  EntryPtr entry(building);
  if (!fresh) return reader.Duplicate();
  if (!reader.status().ok()) return reader.status();
  return entry.release();
}

uint64_t CountSet(const Entry* entry) { return SetView(entry).size(); }

}  // namespace thermocline::engine
