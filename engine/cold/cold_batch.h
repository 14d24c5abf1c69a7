// ColdBatch: changes of the cold tier that become visible, and durable, together.
//
// The executor fills it with as little work as possible (a memcpy into an arena); the writer thread
// encodes, checksums and writes it as one RocksDB batch, or stages it with others
// (engine/cold/cold_store.h), together with
// meta/high, its largest LSN. Operations keep their order. After it landed the owner may walk it
// once more to drop entries, then Clear()s and fills it again: the arena keeps its memory. Not
// thread-safe; it moves from thread to thread as a whole. Rules: docs/formats/cold-tier.md,
// "Batches".
#pragma once

#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include "codec/bytes.h"

namespace thermocline::engine {

using codec::Lsn;

/// What a batch says about one key's record in `values` besides its payload.
struct ColdImage {
  uint8_t type = 0;        // RDB type of the payload
  uint8_t encoding = 0;    // hint for OBJECT ENCODING
  Lsn lsn = 0;             // of the key's last change
  uint64_t expire_ms = 0;  // Unix milliseconds; 0: none
  uint32_t access = 0;     // 24 bits
  uint64_t count = 1;      // elements
  // kPut: the record's rows in `elements` stay but for those that this batch changes; otherwise
  // those that are there go.
  bool keeps_elements = false;
};

/// What the cold tier holds of the key as of the batch before: the caller knows it, so that no
/// write needs a read.
struct ColdPrevious {
  uint64_t expire_ms = 0;     // deadline of the record in place; 0: none, or no record
  bool has_chunks = false;    // its payload lies in `payload`
  bool has_elements = false;  // its value has rows in `elements`
};

/// One operation, as ForEach shows it. Views into the batch.
struct ColdOp {
  enum class Verb : uint8_t {
    kPut,
    kPutHeader,
    kPutElement,
    kDeleteElement,
    kDelete,
    kSetCounts,
    kDropDatabase
  };
  Verb verb = Verb::kPut;
  bool had_record = false;  // kDelete: there is a record to delete, not only a grave to write
  uint64_t id = 0;          // database id
  uint64_t position = 0;    // of those that have a key; so has all but the last two verbs
  std::string_view key;
  ColdImage image;  // kDelete: lsn alone counts
  ColdPrevious previous;
  uint64_t element = 0;      // kPutElement, kDeleteElement: number of the row
  std::string_view payload;  // kPut, kPutElement
  uint64_t length = 0;       // payload bytes (kPut, kPutHeader)
  uint64_t records = 0;      // kSetCounts
  uint64_t expires = 0;      // kSetCounts
};

class ColdBatch {
 public:
  ColdBatch() = default;
  /// With room for so many bytes of operations.
  explicit ColdBatch(size_t reserved_bytes) { arena_.reserve(reserved_bytes); }
  ColdBatch(ColdBatch&&) = default;
  ColdBatch& operator=(ColdBatch&&) = default;
  ColdBatch(const ColdBatch&) = delete;
  ColdBatch& operator=(const ColdBatch&) = delete;

  /// The whole record. Payloads from kMovedPayload bytes on should come by rvalue: they are not
  /// copied.
  void Put(uint64_t id, uint64_t position, std::string_view key, const ColdImage& image,
           std::string_view payload, ColdPrevious previous) {
    Op op = MakeOp(ColdOp::Verb::kPut, id, position, key, image, previous);
    op.length = payload.size();
    Append(op, key, payload);
  }
  void Put(uint64_t id, uint64_t position, std::string_view key, const ColdImage& image,
           std::string&& payload, ColdPrevious previous) {
    if (payload.size() < kMovedPayload) {
      Put(id, position, key, image, std::string_view(payload), previous);
      return;
    }
    Op op = MakeOp(ColdOp::Verb::kPut, id, position, key, image, previous);
    op.length = payload.size();
    Move(&op, std::move(payload));
    Append(op, key, {});
  }
  /// The record's header alone; the payload stays as it is. REQUIRES: the payload lies in `payload`
  /// (an inline payload goes with its header: use Put) and has `length` bytes.
  void PutHeader(uint64_t id, uint64_t position, std::string_view key, const ColdImage& image,
                 uint64_t length, ColdPrevious previous) {
    Op op = MakeOp(ColdOp::Verb::kPutHeader, id, position, key, image, previous);
    op.length = length;
    Append(op, key, {});
  }
  /// A row of `elements` that belongs to the key's value. REQUIRES of both: the key's Put is in
  /// this batch, before.
  void PutElement(uint64_t id, uint64_t position, std::string_view key, uint64_t element,
                  std::string_view bytes) {
    Op op = MakeOp(ColdOp::Verb::kPutElement, id, position, key, {}, {});
    op.count = element;
    op.length = bytes.size();
    if (bytes.size() < kMovedPayload) {
      Append(op, key, bytes);
      return;
    }
    // Not into the arena: a large list would have it grow by doubling.
    Move(&op, std::string(bytes));
    Append(op, key, {});
  }
  void DeleteElement(uint64_t id, uint64_t position, std::string_view key, uint64_t element) {
    Op op = MakeOp(ColdOp::Verb::kDeleteElement, id, position, key, {}, {});
    op.count = element;
    Append(op, key, {});
  }
  /// The key was absent from `lsn` on: a grave, and the record's deletion if there is one.
  void Delete(uint64_t id, uint64_t position, std::string_view key, Lsn lsn, bool had_record,
              ColdPrevious previous) {
    ColdImage image;
    image.lsn = lsn;
    Op op = MakeOp(ColdOp::Verb::kDelete, id, position, key, image, previous);
    op.had_record = had_record;
    has_deletions_ = true;
    Append(op, key, {});
  }
  /// Absolute numbers of the id's records once this batch is in place; the last one of an id
  /// counts.
  void SetCounts(uint64_t id, uint64_t records, uint64_t expires) {
    Op op;
    op.verb = ColdOp::Verb::kSetCounts;
    op.id = id;
    op.position = records;
    op.length = expires;
    Append(op, {}, {});
  }
  /// Every record, deadline and count of the id goes. REQUIRES: a checkpoint beyond the id's drop
  /// is durable ([D3]). Its graves go with their checkpoint.
  void DropDatabase(uint64_t id) {
    Op op;
    op.verb = ColdOp::Verb::kDropDatabase;
    op.id = id;
    in_order_ = false;
    Append(op, {}, {});
  }

  /// Makes the batch the last one of a checkpoint at `lsn`: after it every family is flushed, then
  /// graves below `lsn` are removed; it lands when all that is done. `record` is the serialized
  /// proto::CheckpointRecord. REQUIRES: all that changed below `lsn` is in this or an earlier
  /// batch.
  void SetCheckpoint(std::string record, Lsn lsn) {
    checkpoint_record_ = std::move(record);
    checkpoint_lsn_ = lsn;
    Cover(lsn - 1);
  }
  bool has_checkpoint() const { return checkpoint_lsn_ != 0; }
  Lsn checkpoint_lsn() const { return checkpoint_lsn_; }
  const std::string& checkpoint_record() const { return checkpoint_record_; }

  /// Whether there are records, each behind the one before it in the order of (id, position), and
  /// no database is dropped; `first` and `last` are theirs. Such batches may be staged
  /// (StagingOrder).
  struct Place {
    uint64_t id = 0, position = 0;
    auto operator<=>(const Place&) const = default;
  };
  bool in_order() const { return in_order_ && last_.position != 0 && !has_checkpoint(); }
  Place first() const { return first_; }
  Place last() const { return last_; }

  /// It is part of a sweep and may become visible later, together with those before and behind it
  /// (ColdBackend::Stage): nobody waits for it to land.
  void SetStageable() { stageable_ = true; }
  bool stageable() const { return stageable_; }

  /// The batch depends on the frame at `lsn`, too, although no operation carries it.
  void Cover(Lsn lsn) {
    if (lsn > high_lsn_) high_lsn_ = lsn;
  }
  /// Largest LSN: the batch is written once the log is durable up to it ([D5], write-ahead rule).
  Lsn high_lsn() const { return high_lsn_; }
  bool empty() const { return op_count_ == 0 && !has_checkpoint(); }
  size_t op_count() const { return op_count_; }
  bool has_deletions() const { return has_deletions_; }  // Delete() was called
  /// Memory in use, for budgets.
  uint64_t bytes() const { return arena_.size() + moved_bytes_ + checkpoint_record_.size(); }

  /// Memory kept for operations to come, used or not.
  uint64_t reserved_bytes() const { return arena_.capacity(); }

  /// Calls fn(const ColdOp&) for each operation in order.
  template <typename Fn>
  void ForEach(Fn&& fn) const {
    const char* p = arena_.data();
    const char* const end = p + arena_.size();
    while (p < end) {
      Op op;
      std::memcpy(&op, p, sizeof(op));
      p += sizeof(op);
      ColdOp view;
      view.verb = op.verb;
      view.id = op.id;
      if (op.verb == ColdOp::Verb::kSetCounts) {
        view.records = op.position;
        view.expires = op.length;
      } else {
        view.had_record = op.had_record;
        view.position = op.position;
        view.key = std::string_view(p, op.key_size);
        view.image = {op.type,   op.encoding, op.lsn,           op.expire_ms,
                      op.access, op.count,    op.keeps_elements};
        view.previous = {op.previous_expire_ms, op.previous_chunks, op.previous_elements};
        view.length = op.length;
        view.element = op.count;
      }
      p += op.key_size;
      if (op.verb == ColdOp::Verb::kPut || op.verb == ColdOp::Verb::kPutElement) {
        if (op.moved != 0) {
          view.payload = moved_[op.moved - 1];
        } else {
          view.payload = std::string_view(p, op.length);
          p += op.length;
        }
      }
      fn(static_cast<const ColdOp&>(view));
    }
  }

  /// Empty again; the arena keeps up to kKeptArena bytes.
  void Clear() {
    if (arena_.capacity() > kKeptArena) {
      arena_ = std::string();
    } else {
      arena_.clear();
    }
    moved_.clear();
    moved_bytes_ = 0;
    op_count_ = 0;
    has_deletions_ = false;
    stageable_ = false;
    in_order_ = true;
    first_ = last_ = {};
    high_lsn_ = 0;
    checkpoint_lsn_ = 0;
    checkpoint_record_.clear();
    tag = 0;
  }

  static constexpr size_t kMovedPayload = 4096;
  static constexpr size_t kKeptArena = 4 << 20;

  uint64_t tag = 0;  // the caller's; not looked at

 private:
  // As it lies in the arena, followed by the key and, unless moved, the payload.
  struct Op {
    uint64_t id = 0;
    uint64_t position = 0;  // kSetCounts: records
    uint64_t lsn = 0;
    uint64_t expire_ms = 0;
    uint64_t previous_expire_ms = 0;
    uint64_t count = 0;   // of the verbs about an element: its number
    uint64_t length = 0;  // kSetCounts: expires
    uint32_t access = 0;
    uint32_t key_size = 0;
    uint32_t moved = 0;  // 1 + index in moved_, or 0
    ColdOp::Verb verb = ColdOp::Verb::kPut;
    uint8_t type = 0;
    uint8_t encoding = 0;
    bool previous_chunks = false;
    bool previous_elements = false;
    bool keeps_elements = false;
    bool had_record = false;
  };

  void NotePlace(Place place) {
    if (last_.position == 0) {
      first_ = place;
    } else if (place <= last_) {
      in_order_ = false;
    }
    last_ = place;
  }
  Op MakeOp(ColdOp::Verb verb, uint64_t id, uint64_t position, std::string_view key,
            const ColdImage& image, ColdPrevious previous) {
    Op op;
    op.verb = verb;
    op.id = id;
    op.position = position;
    op.key_size = static_cast<uint32_t>(key.size());
    op.lsn = image.lsn;
    op.expire_ms = image.expire_ms;
    op.access = image.access;
    op.count = image.count;
    op.type = image.type;
    op.encoding = image.encoding;
    op.previous_expire_ms = previous.expire_ms;
    op.previous_chunks = previous.has_chunks;
    op.previous_elements = previous.has_elements;
    op.keeps_elements = image.keeps_elements;
    if (verb != ColdOp::Verb::kPutElement && verb != ColdOp::Verb::kDeleteElement) {
      NotePlace({id, position});
    }
    Cover(image.lsn);
    return op;
  }
  void Move(Op* op, std::string payload) {
    op->moved = static_cast<uint32_t>(moved_.size()) + 1;
    moved_bytes_ += payload.capacity();
    moved_.push_back(std::move(payload));
  }
  void Append(const Op& op, std::string_view key, std::string_view payload) {
    arena_.append(reinterpret_cast<const char*>(&op), sizeof(op));
    arena_.append(key);
    arena_.append(payload);
    ++op_count_;
  }

  std::string arena_;
  std::vector<std::string> moved_;
  uint64_t moved_bytes_ = 0;
  size_t op_count_ = 0;
  bool has_deletions_ = false;
  bool stageable_ = false;
  bool in_order_ = true;
  Place first_, last_;  // a position of 0: there is none yet
  Lsn high_lsn_ = 0;
  Lsn checkpoint_lsn_ = 0;
  std::string checkpoint_record_;
};

}  // namespace thermocline::engine
