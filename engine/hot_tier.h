// HotTier: applies effects to the key tables and keeps what hangs on them exact: counts, bytes,
// dirty marks, the expiry index, removal LSNs. It does not log: Database writes the effect of the
// same name, recovery has read it.
//
// A Ref is a key's place: what Locate found, kept up to date by the changes made through it. Refs
// are valid until something else changes the table. REQUIRES of changes: the key is resident to the
// extent that the effect's Need says, and Core::frame_lsn is the LSN of the frame that the change
// belongs to. Executor thread.
#pragma once

#include <cstdint>
#include <string_view>

#include "engine/core.h"

namespace thermocline::engine {

/// What an edit of a collection did.
enum class EditResult : uint8_t {
  kUnchanged,  // nothing is to be logged, and the key must not look changed
  kChanged,
  kEmptied,  // the key goes, as by Delete
};

class HotTier {
 public:
  struct Ref {
    int db = 0;
    Space* space = nullptr;
    uint64_t position = 0;
    Entry* entry = nullptr;  // null, a tombstone, or live

    bool live() const { return entry != nullptr && !entry->Has(Entry::kTombstone); }
  };

  explicit HotTier(Core& core) : core_(core) {}

  Ref Locate(int db, std::string_view key);

  void Set(Ref& ref, std::string_view key, const StringValue& value, ExpiryChange change,
           int64_t expire_at_ms);
  /// Replaces whatever is there by the value of `fresh`, which it takes over (its deadline and LSN
  /// do not count).
  void SetValue(Ref& ref, std::string_view key, Entry* fresh, ExpiryChange change,
                int64_t expire_at_ms);
  /// Takes the value out of a live, resident entry, under another key; what is left must be deleted
  /// in the same frame.
  Entry* TakeValue(Ref& ref, std::string_view new_key);
  /// The value of a live, resident entry once more, under another key.
  Entry* CopyValue(const Ref& ref, std::string_view new_key);
  /// Changes a collection. `edit(Entry*& entry)` gets the resident entry, may move it, and says
  /// what it did: an EditResult, or a bool for "changed, and empty now". An absent key is made
  /// first, packed and with the bytes `empty`. REQUIRES: a live entry is of `type`; if the edit
  /// says kUnchanged, the entry has not moved.
  template <class Edit>
  void EditCollection(Ref& ref, std::string_view key, ValueType type, CollectionEncoding encoding,
                      std::string_view empty, Edit&& edit) {
    if (ref.entry == nullptr) {
      Entry* fresh = Entry::NewPacked(key, type, encoding, empty, core_.frame_lsn);
      if (ResultOf(edit(fresh)) == EditResult::kChanged) {
        Create(ref, fresh);
      } else {
        Entry::Free(fresh);
      }
      return;
    }
    Entry* old = ref.entry;
    const size_t old_bytes = old->MemoryBytes();
    const bool was_live = ref.live();
    Entry* now = was_live ? old : old->SetPacked(type, encoding, empty);
    const EditResult result = ResultOf(edit(now));
    if (result == EditResult::kUnchanged && was_live) return;
    Moved(*ref.space, ref.position, old, old_bytes, now);
    ref.entry = now;
    if (!was_live) Revived(ref);
    if (result != EditResult::kChanged) {
      Delete(ref);
      return;
    }
    NoteExpiry(ref, was_live ? now->expiry_ms() : kNoExpiry);
    Changed(ref);
  }
  bool Delete(Ref& ref);                           // false: was not there
  void SetExpiry(Ref& ref, int64_t expire_at_ms);  // kNoExpiry: PERSIST
  size_t Append(Ref& ref, std::string_view key, std::string_view tail);
  size_t SetRange(Ref& ref, std::string_view key, size_t offset, std::string_view bytes);
  void SetInt(Ref& ref, std::string_view key, int64_t value);
  void FlushDb(int db, DbId new_id);

  /// Puts a cold record's image into the table: header-only if `payload` is null. REQUIRES: the key
  /// is not there, or header-only. kCorruption if the payload is not what its type says.
  codec::Status Install(Space& space, uint64_t position, std::string_view key,
                        const codec::ColdHeader& header, const std::string* payload);
  /// The same for what a read of one key found; takes what it was decoded to. `has_value`: not its
  /// header alone. REQUIRES: read->found.
  codec::Status InstallRead(Space& space, ColdRead* read, bool has_value);
  /// ColdStoreOptions::decode. Any thread.
  static ColdDecoded DecodeRead(const ColdRead& read);
  /// Frees what a read was decoded to and nobody wants.
  void DropDecoded(ColdRead* read);
  /// A cold key that is due enters the table as a header, to be deleted at once.
  void InstallExpiredCold(Space& space, const ExpiryRow& row);
  /// Recovery: the LSN of an absent key.
  void InstallGrave(Space& space, uint64_t position, std::string_view key, Lsn lsn);
  /// Recovery: the entry, which replay has made from nothing, becomes what its record says.
  /// REQUIRES: the value was read; the record is younger than the entry.
  codec::Status Adopt(Ref& ref, ColdRead* read);
  /// Recovery: what the key is cannot be known until `lsn`, and need not be.
  void Bury(Ref& ref, std::string_view key, Lsn lsn);
  /// Takes a clean entry, or a tombstone whose deletion landed, out of memory.
  void Drop(Space& space, uint64_t position, Entry* entry);
  /// After an entry was reallocated outside (cold deadline).
  void Moved(Space& space, uint64_t position, Entry* old, size_t old_bytes, Entry* now);

  uint64_t resident_bytes() const { return entry_bytes_; }

 private:
  static EditResult ResultOf(EditResult result) { return result; }
  static EditResult ResultOf(bool emptied) {
    return emptied ? EditResult::kEmptied : EditResult::kChanged;
  }
  // A key that was not in the table, or only as a tombstone, is there: counts, and the rest that
  // begins with its life.
  void Insert(Ref& ref, Entry* entry);
  codec::StatusOr<Entry*> Decode(std::string_view key, const codec::ColdHeader& header,
                                 std::string_view payload);
  // Install, of what the record's value was decoded to.
  void InstallEntry(Space& space, uint64_t position, std::string_view key,
                    const codec::ColdHeader& header, Entry* fresh);
  void Create(Ref& ref, Entry* fresh);
  void Revived(Ref& ref);
  // What Set and SetValue have in common: `fresh()` makes the entry of a new key, `change(entry)`
  // replaces the value of an old one.
  template <class Fresh, class Change>
  void Overwrite(Ref& ref, ExpiryChange change, int64_t expire_at_ms, Fresh&& make_fresh,
                 Change&& replace);
  // A large collection is freed elsewhere. To be called before its entry loses it.
  void ReleaseLarge(Entry* entry, size_t bytes);
  void NoteExpiry(Ref& ref, int64_t old_deadline);
  void Changed(Ref& ref);

  Core& core_;
  uint64_t entry_bytes_ = 0;  // of all spaces
};

}  // namespace thermocline::engine
