#include "engine/cold/rocks_reader.h"

#include <cstdint>
#include <memory>
#include <utility>

#include "codec/proto/checkpoint.pb.h"
#include "engine/cold/rocks_slice.h"
#include "engine/env/file_system.h"
#include "rocksdb/iterator.h"
#include "rocksdb/snapshot.h"

namespace thermocline::engine {
namespace {

// A snapshot for the length of a scope.
class ScopedSnapshot {
 public:
  explicit ScopedSnapshot(rocksdb::DB* db) : db_(db), snapshot_(db->GetSnapshot()) {}
  ~ScopedSnapshot() { db_->ReleaseSnapshot(snapshot_); }
  ScopedSnapshot(const ScopedSnapshot&) = delete;
  ScopedSnapshot& operator=(const ScopedSnapshot&) = delete;
  const rocksdb::Snapshot* get() const { return snapshot_; }

 private:
  rocksdb::DB* const db_;
  const rocksdb::Snapshot* const snapshot_;
};

// Whether a read of a value puts what it read into the block cache. What is used again is in the
// hot tier by then, so a block of values is hardly ever found there and only costs its way in and
// out; but the pieces of the index come the same way, and must get in.
bool FillsCache() {
  constexpr unsigned kOneOf = 8;
  thread_local unsigned reads = 0;
  return reads++ % kOneOf == 0;
}

}  // namespace

StatusOr<bool> RocksReader::ReadChunk(const rocksdb::ReadOptions& read,
                                      const std::string& chunk_key,
                                      rocksdb::PinnableSlice* chunk) const {
  const rocksdb::Status status = db_.Get(read, handles_[kPayload], chunk_key, chunk);
  if (status.IsNotFound()) return false;
  if (!status.ok()) return FromRocksStatus(status, Where("read a payload"));
  return true;
}

Status RocksReader::ReadPayload(const rocksdb::ReadOptions& read, uint64_t id, uint64_t position,
                                std::string_view key, uint64_t length,
                                rocksdb::PinnableSlice* first, std::string* payload) const {
  const std::string prefix = codec::EncodeChunkPrefix(id, position, key);
  const auto whose = [&] {
    return ", database id " + std::to_string(id) + ", position " + std::to_string(position);
  };
  const uint64_t chunks = codec::ChunkCount(length);
  payload->clear();
  for (uint64_t i = 0; i < chunks; ++i) {
    std::string chunk_key = prefix;
    codec::AppendChunkNumber(&chunk_key, static_cast<uint32_t>(i));
    rocksdb::PinnableSlice next;
    rocksdb::PinnableSlice* chunk = i == 0 ? first : nullptr;
    if (chunk == nullptr) {
      chunk = &next;
      TC_ASSIGN_OR_RETURN(const bool found, ReadChunk(read, chunk_key, chunk));
      if (!found) {
        return Status::Corruption(Where("payload chunk " + std::to_string(i) + " of " +
                                        std::to_string(chunks) + " is missing" + whose()));
      }
    }
    if (codec::IsWhole(length)) {
      const StatusOr<codec::ColdValue> whole = codec::DecodeWholeRecord(chunk_key, ToView(*chunk));
      if (!whole.ok()) return whole.status().Annotate(Where("read a payload"));
      payload->assign(whole->inline_payload);
      break;
    }
    // `length` was checksummed with its header; still, memory is taken only for what is there.
    payload->append(chunk->data(), chunk->size());
    if (payload->size() > length) break;
  }
  if (payload->size() != length) {
    return Status::Corruption(Where("a payload has " + std::to_string(payload->size()) +
                                    " bytes instead of " + std::to_string(length) + whose()));
  }
  return {};
}

StatusOr<bool> RocksReader::ReadRecord(const rocksdb::ReadOptions& read, uint64_t id,
                                       uint64_t position, std::string_view key, ColdHeader* header,
                                       std::string* payload, bool* apart) const {
  const std::string cold_key = codec::EncodeColdKey(id, position, key);
  rocksdb::PinnableSlice bytes;
  const rocksdb::Status status = db_.Get(read, handles_[kValues], cold_key, &bytes);
  if (status.IsNotFound()) return false;
  if (!status.ok()) return FromRocksStatus(status, Where("read a record"));
  TC_ASSIGN_OR_RETURN(const codec::ColdValue value, DecodeRecord(cold_key, bytes));
  *header = value.header;
  *apart = !value.header.payload_inline;
  if (payload != nullptr && !*apart) payload->assign(value.inline_payload);
  return true;
}

StatusOr<codec::ColdValue> RocksReader::DecodeRecord(std::string_view cold_key,
                                                     const Slice& bytes) const {
  StatusOr<codec::ColdValue> value = codec::DecodeColdValue(cold_key, ToView(bytes));
  if (!value.ok()) return value.status().Annotate(Where("record"));
  return value;
}

StatusOr<bool> RocksReader::GetHeader(uint64_t id, uint64_t position, std::string_view key,
                                      ColdHeader* header, std::string* inline_payload) const {
  bool apart = false;
  return ReadRecord(rocksdb::ReadOptions(), id, position, key, header, inline_payload, &apart);
}

Status RocksReader::GetHeaders(uint64_t id, std::span<ColdHeaderRow> rows) const {
  std::vector<std::string> cold_keys;
  for (const ColdHeaderRow& row : rows) {
    cold_keys.push_back(codec::EncodeColdKey(id, row.position, row.key));
  }
  const std::vector<Slice> keys(cold_keys.begin(), cold_keys.end());
  std::vector<rocksdb::PinnableSlice> values(rows.size());
  std::vector<rocksdb::Status> statuses(rows.size());
  db_.MultiGet(rocksdb::ReadOptions(), handles_[kValues], rows.size(), keys.data(), values.data(),
               statuses.data(), /*sorted_input=*/true);
  for (size_t i = 0; i < rows.size(); ++i) {
    ColdHeaderRow& row = rows[i];
    row.found = !statuses[i].IsNotFound();
    if (!row.found) continue;
    if (!statuses[i].ok()) return FromRocksStatus(statuses[i], Where("read a record"));
    TC_RETURN_IF_ERROR(TakeRecord(cold_keys[i], values[i], &row));
  }
  return {};
}

template <class KeyOf, class Take>
Status RocksReader::Walk(Family family, std::span<ColdHeaderRow> rows, KeyOf&& key_of,
                         Take&& take) const {
  constexpr size_t kReadahead = 256 << 10;
  constexpr int kStepsMax = 64;  // then a search is cheaper
  rocksdb::ReadOptions read;
  read.readahead_size = kReadahead;
  read.fill_cache = false;
  std::unique_ptr<rocksdb::Iterator> it;
  for (ColdHeaderRow& row : rows) {
    const std::string row_key = key_of(row);
    if (row_key.empty()) continue;
    const Slice key(row_key);
    if (it == nullptr) {
      it.reset(db_.NewIterator(read, handles_[family]));
      it->Seek(key);
    }
    for (int steps = 0; it->Valid() && it->key().compare(key) < 0; ++steps) {
      if (steps < kStepsMax) {
        it->Next();
      } else {
        it->Seek(key);
      }
    }
    if (!it->Valid()) break;
    if (it->key() == key) TC_RETURN_IF_ERROR(take(row, row_key, it->value()));
  }
  return it == nullptr ? Status() : FromRocksStatus(it->status(), Where("read records in a row"));
}

Status RocksReader::WalkRecords(uint64_t id, std::span<ColdHeaderRow> rows,
                                uint64_t payload_bytes_max) const {
  TC_RETURN_IF_ERROR(Walk(
      kValues, rows,
      [id](const ColdHeaderRow& row) { return codec::EncodeColdKey(id, row.position, row.key); },
      [this](ColdHeaderRow& row, const std::string& key, const Slice& bytes) {
        row.found = true;
        return TakeRecord(key, bytes, &row);
      }));
  uint64_t bytes = 0;
  return Walk(
      kPayload, rows,
      [&](const ColdHeaderRow& row) {
        const uint64_t length = row.header.length;
        if (!row.found || !row.wants_payload || row.has_payload || !codec::IsWhole(length) ||
            length > payload_bytes_max - bytes) {
          return std::string();
        }
        bytes += length;
        return codec::EncodeChunkKey(id, row.position, row.key, 0);
      },
      // Behind a merge, RocksDB 7.8.3's iterator has given the value of an earlier row
      // (backend_model_test; Get and a new iterator gave the right one). The row's checksum covers
      // its key, and record and row have the same header: what does not fit is left out, and is
      // read, or found to be damaged, by GetValue.
      [](ColdHeaderRow& row, const std::string& key, const Slice& value) {
        const StatusOr<codec::ColdValue> whole = codec::DecodeWholeRecord(key, ToView(value));
        row.has_payload = whole.ok() && whole->header.lsn == row.header.lsn &&
                          whole->header.length == row.header.length;
        if (row.has_payload) row.payload.assign(whole->inline_payload);
        return Status();
      });
}

Status RocksReader::TakeRecord(std::string_view cold_key, const Slice& bytes,
                               ColdHeaderRow* row) const {
  TC_ASSIGN_OR_RETURN(const codec::ColdValue value, DecodeRecord(cold_key, bytes));
  row->header = value.header;
  row->has_payload = value.header.payload_inline;
  if (row->has_payload) row->payload.assign(value.inline_payload);
  return {};
}

StatusOr<bool> RocksReader::ReadValue(const rocksdb::ReadOptions& read, uint64_t id,
                                      uint64_t position, std::string_view key, ColdHeader* header,
                                      std::string* payload, bool* several_rows) const {
  // Most values lie in one row, whole: that is looked for first, and where there is none the
  // filters, in memory, say so.
  *several_rows = false;
  const std::string chunk_key = codec::EncodeChunkKey(id, position, key, 0);
  rocksdb::PinnableSlice first;
  rocksdb::ReadOptions first_read = read;
  first_read.fill_cache = FillsCache();
  TC_ASSIGN_OR_RETURN(const bool has_chunk, ReadChunk(first_read, chunk_key, &first));
  // A chunk of this size is no piece: only payloads beyond it are cut.
  if (has_chunk && first.size() <= codec::kMaxWholePayload) {
    const StatusOr<codec::ColdValue> whole = codec::DecodeWholeRecord(chunk_key, ToView(first));
    if (!whole.ok()) return whole.status().Annotate(Where("read a payload"));
    *header = whole->header;
    header->payload_inline = false;
    payload->assign(whole->inline_payload);
    return true;
  }
  *several_rows = true;
  bool apart = false;
  TC_ASSIGN_OR_RETURN(const bool found,
                      ReadRecord(read, id, position, key, header, payload, &apart));
  if (!found || !apart) return found;
  TC_RETURN_IF_ERROR(
      ReadPayload(read, id, position, key, header->length, has_chunk ? &first : nullptr, payload));
  return true;
}

StatusOr<bool> RocksReader::GetValue(uint64_t id, uint64_t position, std::string_view key,
                                     ColdHeader* header, std::string* payload) const {
  // Several rows must be of one batch. A snapshot takes the database's mutex, so it is the way out
  // only when a batch landed between the reads.
  const rocksdb::SequenceNumber before = db_.GetLatestSequenceNumber();
  rocksdb::ReadOptions read;
  bool several_rows = false;
  StatusOr<bool> found = ReadValue(read, id, position, key, header, payload, &several_rows);
  if (!several_rows || db_.GetLatestSequenceNumber() == before) return found;
  const ScopedSnapshot snapshot(&db_);
  read.snapshot = snapshot.get();
  return ReadValue(read, id, position, key, header, payload, &several_rows);
}

// One Get after the other: in Debian's build MultiGet gains nothing.
Status RocksReader::GetElements(uint64_t id, uint64_t position, std::string_view key,
                                std::span<ColdElementRow> rows) const {
  const std::string prefix = codec::EncodeChunkPrefix(id, position, key);
  for (ColdElementRow& row : rows) {
    std::string element_key = prefix;
    codec::AppendElementNumber(&element_key, row.element);
    rocksdb::PinnableSlice value;
    const rocksdb::Status status =
        db_.Get(rocksdb::ReadOptions(), handles_[kElements], element_key, &value);
    row.found = !status.IsNotFound();
    if (!row.found) continue;
    if (!status.ok()) return FromRocksStatus(status, Where("read an element"));
    const StatusOr<std::string_view> bytes = codec::OpenElementValue(element_key, ToView(value));
    if (!bytes.ok()) return bytes.status().Annotate(Where("read an element"));
    row.bytes = *bytes;
  }
  return {};
}

StatusOr<ColdScanPage> RocksReader::ScanRange(const ColdScanRange& range) const {
  const ScopedSnapshot snapshot(&db_);
  rocksdb::ReadOptions read;
  read.snapshot = snapshot.get();
  read.fill_cache = false;  // one pass over everything must not push out what is read again
  const std::string lower = codec::EncodeColdKey(range.id, range.from_position, {});
  const std::string upper = range.to_position >= codec::kMaxPosition
                                ? ColdIdEnd(range.id)
                                : codec::EncodeColdKey(range.id, range.to_position + 1, {});
  const Slice upper_slice(upper);
  read.iterate_upper_bound = &upper_slice;
  const std::unique_ptr<rocksdb::Iterator> it(db_.NewIterator(read, handles_[kValues]));
  ColdScanPage page;
  for (it->Seek(lower); it->Valid(); it->Next()) {
    const StatusOr<codec::ColdKey> key = codec::DecodeColdKey(ToView(it->key()));
    if (!key.ok()) return key.status().Annotate(Where("scan"));
    if (page.rows.size() >= range.max_rows &&
        (page.rows.empty() || key->position != page.rows.back().position)) {
      page.through_position =
          page.rows.empty() ? range.from_position - 1 : page.rows.back().position;
      return page;
    }
    const StatusOr<codec::ColdValue> value =
        codec::DecodeColdValue(ToView(it->key()), ToView(it->value()));
    if (!value.ok()) return value.status().Annotate(Where("scan"));
    ColdRow& row = page.rows.emplace_back();
    row.position = key->position;
    row.key = key->key;
    row.header = value->header;
    if (!range.with_payload) continue;
    if (value->header.payload_inline) {
      row.payload = value->inline_payload;
    } else {
      TC_RETURN_IF_ERROR(ReadPayload(read, range.id, row.position, row.key, row.header.length,
                                     nullptr, &row.payload));
    }
  }
  if (!it->status().ok()) return FromRocksStatus(it->status(), Where("scan"));
  page.through_position = range.to_position;
  page.end = true;
  return page;
}

StatusOr<std::vector<ExpiryRow>> RocksReader::ExpiredRows(uint64_t id, uint64_t deadline_max_ms,
                                                          size_t max_rows,
                                                          const ExpiryRow* after) const {
  rocksdb::ReadOptions read;
  std::string lower = codec::EncodeColdIdPrefix(id);
  if (after != nullptr) {
    lower = codec::EncodeExpiryKey(id, after->expire_ms, after->position, after->key);
    lower.push_back('\0');  // the first key behind it
  }
  const std::string upper = deadline_max_ms == UINT64_MAX
                                ? ColdIdEnd(id)
                                : codec::EncodeExpiryKey(id, deadline_max_ms + 1, 0, {});
  const Slice upper_slice(upper);
  read.iterate_upper_bound = &upper_slice;
  const std::unique_ptr<rocksdb::Iterator> it(db_.NewIterator(read, handles_[kExpiry]));
  std::vector<ExpiryRow> rows;
  for (it->Seek(lower); rows.size() < max_rows && it->Valid(); it->Next()) {
    const StatusOr<codec::ExpiryKey> row = codec::DecodeExpiryKey(ToView(it->key()));
    if (!row.ok()) return row.status().Annotate(Where("expiry"));
    ExpiryRow& found = rows.emplace_back();
    found = {row->id, row->expire_ms, row->position, std::string(row->key)};
    const Status status =
        codec::DecodeExpiryValue(ToView(it->value()), &found.has_chunks, &found.has_elements);
    if (!status.ok()) return status.Annotate(Where("expiry"));
  }
  if (!it->status().ok()) return FromRocksStatus(it->status(), Where("expiry"));
  return rows;
}

StatusOr<ColdCounts> RocksReader::DecodeCounts(std::string_view meta_key,
                                               std::string_view sealed) const {
  const StatusOr<std::string_view> body = codec::OpenMeta(meta_key, sealed);
  if (!body.ok()) return body.status().Annotate(Where("meta/counts"));
  proto::IdCounts counts;
  if (!counts.ParseFromArray(body->data(), static_cast<int>(body->size()))) {
    return Status::Corruption(Where("meta/counts: not an IdCounts record"));
  }
  return ColdCounts{counts.records(), counts.expires()};
}

StatusOr<ColdCounts> RocksReader::ReadCounts(uint64_t id) const {
  const std::string key = codec::EncodeMetaCountsKey(id);
  TC_ASSIGN_OR_RETURN(const std::optional<std::string> sealed, ReadMeta(key));
  if (!sealed.has_value()) return ColdCounts{};
  return DecodeCounts(key, *sealed);
}

Status RocksReader::ForEachCounts(const std::function<void(uint64_t id, ColdCounts)>& fn) const {
  const std::unique_ptr<rocksdb::Iterator> it(
      db_.NewIterator(rocksdb::ReadOptions(), handles_[kMeta]));
  for (it->Seek(ToSlice(codec::kMetaCountsPrefix));
       it->Valid() && it->key().starts_with(ToSlice(codec::kMetaCountsPrefix)); it->Next()) {
    uint64_t id = 0;
    if (!codec::DecodeMetaCountsKey(ToView(it->key()), &id)) {
      return Status::Corruption(Where("meta: a key that is no counts key"));
    }
    TC_ASSIGN_OR_RETURN(const ColdCounts counts,
                        DecodeCounts(ToView(it->key()), ToView(it->value())));
    fn(id, counts);
  }
  return FromRocksStatus(it->status(), Where("read counts"));
}

StatusOr<std::optional<std::string>> RocksReader::ReadMeta(std::string_view name) const {
  std::string sealed;
  const rocksdb::Status status =
      db_.Get(rocksdb::ReadOptions(), handles_[kMeta], ToSlice(name), &sealed);
  if (status.IsNotFound()) return std::optional<std::string>();
  if (!status.ok()) return FromRocksStatus(status, Where("read meta"));
  return std::optional<std::string>(std::move(sealed));
}

Status RocksReader::ForEachGrave(const std::function<Status(Lsn lsn, uint64_t id, uint64_t position,
                                                            std::string_view key)>& fn) const {
  const std::unique_ptr<rocksdb::Iterator> it(
      db_.NewIterator(rocksdb::ReadOptions(), handles_[kGraves]));
  for (it->SeekToFirst(); it->Valid(); it->Next()) {
    const StatusOr<codec::GraveKey> grave = codec::DecodeGraveKey(ToView(it->key()));
    if (!grave.ok()) return grave.status().Annotate(Where("graves"));
    TC_RETURN_IF_ERROR(fn(grave->lsn, grave->id, grave->position, grave->key));
  }
  return FromRocksStatus(it->status(), Where("read graves"));
}

}  // namespace thermocline::engine
