// HotTier: applies effects to the key tables and keeps what hangs on them exact: counts, bytes,
// dirty marks, the expiry index, removal LSNs. It does not log: Database writes the effect of the
// same name, recovery has read it.
//
// A Ref is a key's place: what Locate found, kept up to date by the changes made through it. Refs
// are valid until something else changes the table. REQUIRES of changes: the key is resident to the
// extent that the effect's Need says, and Core::frame_lsn is the LSN of the frame that the change
// belongs to. Executor thread.
#pragma once

#include <string_view>

#include "engine/core.h"

namespace thermocline::engine {

/// Type of the value that a cold record of an RDB type holds.
ValueType TypeOfRdb(uint8_t rdb_type);

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
  bool Delete(Ref& ref);                           // false: was not there
  void SetExpiry(Ref& ref, int64_t expire_at_ms);  // kNoExpiry: PERSIST
  size_t Append(Ref& ref, std::string_view key, std::string_view tail);
  size_t SetRange(Ref& ref, std::string_view key, size_t offset, std::string_view bytes);
  void SetInt(Ref& ref, std::string_view key, int64_t value);
  void FlushDb(int db, DbId new_id);

  /// Puts a cold record's image into the table: header-only if `payload` is null. REQUIRES: the key
  /// is not there, or header-only. kCorruption if the payload is no string.
  codec::Status Install(Space& space, uint64_t position, std::string_view key,
                        const codec::ColdHeader& header, const std::string* payload);
  /// A cold key that is due enters the table as a header, to be deleted at once.
  void InstallExpiredCold(Space& space, const ExpiryRow& row);
  /// Recovery: the LSN of an absent key.
  void InstallGrave(Space& space, uint64_t position, std::string_view key, Lsn lsn);
  /// Takes a clean entry, or a tombstone whose deletion landed, out of memory.
  void Drop(Space& space, uint64_t position, Entry* entry);
  /// After an entry was reallocated outside (cold deadline).
  void Moved(Space& space, uint64_t position, Entry* old, size_t old_bytes, Entry* now);

  uint64_t resident_bytes() const { return entry_bytes_; }

 private:
  void Insert(Ref& ref, Entry* entry);
  void NoteExpiry(Ref& ref, int64_t old_deadline);
  void Changed(Ref& ref);

  Core& core_;
  uint64_t entry_bytes_ = 0;  // of all spaces
};

}  // namespace thermocline::engine
