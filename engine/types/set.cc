#include "engine/types/set.h"

#include <algorithm>
#include <memory>
#include <new>
#include <utility>

#include "codec/rdb/collection_reader.h"
#include "codec/rdb/collection_writer.h"
#include "codec/rdb/object.h"
#include "engine/hot/allocation.h"
#include "engine/hot/packed_entry.h"

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

// ---- both forms ------------------------------------------------------------------------------

void SetEditor::Convert() {
  auto object = std::make_unique<SetObject>();
  SetView(entry_).ForEach([&](std::string_view member) { object->Add(member); });
  object_ = object.get();
  entry_ = entry_->SetObject(kType, std::move(object));
}

bool SetEditor::Add(std::string_view member) {
  if (object_ != nullptr) return object_->Add(member);
  int64_t number;
  if (!codec::ParseInt64(member, &number)) {
    Convert();
    return object_->Add(member);
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
  int64_t number;
  if (!codec::ParseInt64(member, &number)) return false;
  PackedEntry store(entry_);
  const bool removed = codec::IntsetRemove(store, number);
  entry_ = store.entry();
  return removed;
}

// ---- payload ---------------------------------------------------------------------------------

void EncodeSet(const Entry* entry, std::string* out, bool compress) {
  if (!entry->is_object()) {
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
  if (exact || many) editor.Convert();
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
