#include "engine/types/hash.h"

#include <algorithm>
#include <new>
#include <utility>

#include "codec/rdb/collection_reader.h"
#include "codec/rdb/collection_writer.h"
#include "codec/rdb/object.h"
#include "engine/hot/allocation.h"

namespace thermocline::engine {

using codec::ListpackElement;
using codec::RdbHashReader;
using codec::Status;
using codec::StatusOr;

// ---- table form ------------------------------------------------------------------------------

HashField* HashField::New(std::string_view field, std::string_view value) {
  const size_t bytes = MemberTextBytes(field.size()) + MemberTextBytes(value.size());
  auto* node = new (AllocateOrDie(AllocationSize(bytes))) HashField;
  StoreMemberText(StoreMemberText(node->raw_, field), value);
  return node;
}

bool HashField::SetValue(std::string_view value) {
  const std::string_view field = text();
  const size_t bytes = MemberTextBytes(field.size()) + MemberTextBytes(value.size());
  if (AllocationSize(bytes) != memory_bytes()) return false;
  StoreMemberText(raw_ + MemberTextBytes(field.size()), value);
  return true;
}

bool HashObject::Set(std::string_view field, std::string_view value) {
  const uint64_t position = PositionOfMember(field);
  HashField* node = table_.Find(position, field);
  if (node == nullptr) {
    table_.Insert(position, HashField::New(field, value));
  } else if (!node->SetValue(value)) {
    table_.Replace(position, node, HashField::New(field, value));
  }
  Account();
  return node == nullptr;
}

bool HashObject::Delete(std::string_view field) {
  const bool deleted = table_.Erase(field);
  Account();
  return deleted;
}

// ---- both forms ------------------------------------------------------------------------------

bool HashView::Get(std::string_view field, Scratch& scratch, std::string_view* value) const {
  if (object_ != nullptr) {
    const HashField* node = object_->Find(field);
    if (node == nullptr) return false;
    *value = node->value();
    return true;
  }
  const size_t at = FindPacked(field);
  if (at == PackedView::kNone) return false;
  *value = packed_.At(packed_.Next(at)).View(scratch);
  return true;
}

void HashEditor::Convert() {
  auto object = std::make_unique<HashObject>();
  HashView(entry_, names_).ForEach([&](std::string_view field, std::string_view value) {
    object->Set(field, value);
  });
  object_ = object.get();
  entry_ = entry_->SetObject(kType, std::move(object));
}

bool HashEditor::Set(std::string_view field, std::string_view value) {
  if (object_ == nullptr &&
      std::max(field.size(), value.size()) > limits_.hash_max_listpack_value) {
    Convert();
  }
  if (object_ != nullptr) return object_->Set(field, value);

  const ListpackElement element(value);
  PackedEntry store(entry_);
  const PackedView view(store.bytes(), names_);
  constexpr size_t kHeadMax = 5;
  if (view.byte_size() + kHeadMax + field.size() + element.size() > kPackedPairsMax) {
    Convert();
    return object_->Set(field, value);
  }
  const size_t at = view.Find(view.First(), field, 2);
  if (at == PackedView::kNone) {
    const uint16_t name = names_->Use(field);
    const ListpackElement pair[] = {
        name == codec::FieldNames::kNone ? ListpackElement(field) : ListpackElement::OfName(name),
        element};
    codec::ListpackInsert<PackedLayout>(store, view.end(), pair);
  } else {
    codec::ListpackReplace<PackedLayout>(store, view.Next(at), element);
  }
  entry_ = store.entry();
  if (size() > limits_.hash_max_listpack_entries) Convert();
  return at == PackedView::kNone;
}

bool HashEditor::Delete(std::string_view field) {
  if (object_ != nullptr) return object_->Delete(field);
  PackedEntry store(entry_);
  const PackedView view(store.bytes(), names_);
  const size_t at = view.Find(view.First(), field, 2);
  if (at == PackedView::kNone) return false;
  codec::ListpackErase<PackedLayout>(store, at, 2);
  entry_ = store.entry();
  return true;
}

// ---- payload ---------------------------------------------------------------------------------

void EncodeHash(const Entry* entry, const codec::FieldNames& names, std::string* out,
                bool compress) {
  if (!entry->is_object()) {
    codec::AppendRdbListpack(out, PackedView(entry->PackedBytes(), &names), compress);
    return;
  }
  const HashView view(entry, &names);
  codec::AppendRdbLength(out, view.size());
  view.ForEach([&](std::string_view field, std::string_view value) {
    codec::AppendRdbString(out, field, compress);
    codec::AppendRdbString(out, value, compress);
  });
}

namespace {

// Redis's loader: a table stays a listpack while it is within the limits. kCold: a table is a
// table.
StatusOr<Entry*> DecodeFields(RdbHashReader& reader, const DecodeRequest& request) {
  const bool exact = request.mode == DecodeMode::kCold;
  Entry* building = Entry::NewPacked(request.key, HashEditor::kType, HashEditor::kEmptyEncoding,
                                     HashEditor::EmptyBytes(), request.lsn, request.expiry_ms);
  HashEditor editor(building, *request.limits, request.names);
  if (exact || reader.count() > request.limits->hash_max_listpack_entries) editor.Convert();
  std::string_view field;
  std::string_view value;
  bool fresh = true;
  while (fresh && reader.Next(&field, &value)) fresh = editor.Set(field, value);
  EntryPtr entry(building);
  if (!fresh) return reader.Duplicate();
  if (!reader.status().ok()) return reader.status();
  return entry.release();
}

}  // namespace

StatusOr<Entry*> DecodeHash(const DecodeRequest& request) {
  const bool exact = request.mode == DecodeMode::kCold;
  RdbHashReader reader(request.rdb_type, request.payload,
                       exact ? codec::RdbTrust::kOwn : codec::RdbTrust::kOutside);
  if (!reader.status().ok()) return reader.status();
  if (!reader.packed()) return DecodeFields(reader, request);
  if (reader.packed_bytes().size() > Entry::kValueBytesMax) {
    return Status::Corruption("a packed hash is too long");
  }
  Entry* entry =
      Entry::NewPacked(request.key, HashEditor::kType, CollectionEncoding::kListpack,
                       codec::ToOneWay(codec::ListpackView(reader.packed_bytes()), request.names),
                       request.lsn, request.expiry_ms);
  if (!exact && (reader.count() > request.limits->hash_max_listpack_entries ||
                 reader.longest() > request.limits->hash_max_listpack_value)) {
    HashEditor(entry, *request.limits, request.names).Convert();
  }
  return entry;
}

uint64_t CountHash(const Entry* entry) { return HashView(entry, nullptr).size(); }

}  // namespace thermocline::engine
