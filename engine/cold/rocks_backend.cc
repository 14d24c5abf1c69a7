// See rocks_backend.h. What operations are as rows is rocks_rows.h's, how rows are read is
// rocks_reader.h's; this file opens, writes and cares for the database, and maps RocksDB's errors
// to ours. batch_ and what is staged belong to the one writing thread.
#include "engine/cold/rocks_backend.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdlib>
#include <mutex>
#include <shared_mutex>
#include <thread>
#include <utility>

#include "codec/cold_record.h"
#include "engine/cold/direct_reads.h"
#include "engine/cold/manifest_tail.h"
#include "engine/cold/rocks_deferred_deletions.h"
#include "engine/cold/rocks_files.h"
#include "engine/cold/rocks_ingestion_guard.h"
#include "engine/cold/rocks_kept_batches.h"
#include "engine/cold/rocks_options.h"
#include "engine/cold/rocks_reader.h"
#include "engine/cold/rocks_rows.h"
#include "engine/cold/rocks_slice.h"
#include "engine/cold/rocks_staged_tables.h"
#include "engine/cold/rocks_table_reads.h"
#include "engine/cold/staging_order.h"
#include "engine/env/file_system.h"
#include "glog/logging.h"
#include "rocksdb/cache.h"
#include "rocksdb/convenience.h"
#include "rocksdb/db.h"
#include "rocksdb/env.h"
#include "rocksdb/listener.h"
#include "rocksdb/metadata.h"
#include "rocksdb/statistics.h"
#include "rocksdb/write_batch.h"
#include "rocksdb/write_buffer_manager.h"

namespace thermocline::engine {
namespace {

using rocksdb::Slice;

// Rows for the memtables.
class BatchRows : public RowSink {
 public:
  BatchRows(rocksdb::WriteBatch* batch, const std::vector<rocksdb::ColumnFamilyHandle*>& handles)
      : batch_(batch), handles_(handles) {}
  void Put(Family family, const Slice& key, const Slice& value) override {
    batch_->Put(handles_[family], key, value).PermitUncheckedError();
  }
  void Merge(Family family, const Slice& key, const Slice& value) override {
    batch_->Merge(handles_[family], key, value).PermitUncheckedError();
  }
  void Delete(Family family, const Slice& key) override {
    batch_->Delete(handles_[family], key).PermitUncheckedError();
  }
  void DeleteRange(Family family, const Slice& begin, const Slice& end) override {
    batch_->DeleteRange(handles_[family], begin, end).PermitUncheckedError();
  }

 private:
  rocksdb::WriteBatch* const batch_;
  const std::vector<rocksdb::ColumnFamilyHandle*>& handles_;
};

// Remembers why background work stopped, and up to where flushes came. The database tells from its
// own threads.
class Watcher : public rocksdb::EventListener {
 public:
  void OnBackgroundError(rocksdb::BackgroundErrorReason, rocksdb::Status* error) override {
    if (!error->IsShutdownInProgress()) SetError(*error);
  }
  void OnErrorRecoveryBegin(rocksdb::BackgroundErrorReason, rocksdb::Status,
                            bool* auto_recovery) override {
    *auto_recovery = false;
  }
  // The flush is atomic: what is older than any of its rows is in files, whatever the family.
  void OnFlushCompleted(rocksdb::DB*, const rocksdb::FlushJobInfo& info) override {
    std::lock_guard lock(mutex_);
    flushed_ = std::max(flushed_, info.largest_seqno);
  }
  void SetError(const rocksdb::Status& error) {
    std::lock_guard lock(mutex_);
    if (error_.ok()) error_ = error;
  }
  rocksdb::Status error() {
    std::lock_guard lock(mutex_);
    return error_;
  }
  rocksdb::SequenceNumber flushed() {
    std::lock_guard lock(mutex_);
    return flushed_;
  }
  // For a database opened anew.
  void Reset() {
    std::lock_guard lock(mutex_);
    error_ = rocksdb::Status();
    flushed_ = 0;
  }

 private:
  std::mutex mutex_;  // all below
  rocksdb::Status error_;
  rocksdb::SequenceNumber flushed_ = 0;
};

class RocksBackendImpl : public RocksBackend {
 public:
  explicit RocksBackendImpl(RocksOptions options)
      : options_(std::move(options)),
        // Spares have their place in the share of the memtables' budget that kept ones have.
        kept_(options_.memtable_bytes / 8 * 3) {}
  ~RocksBackendImpl() override {
    if (db_ != nullptr && !read_only_) staged_->Clear();
    CloseDb();
  }

  Status OpenAll();

  Status Write(const ColdBatch& batch) override;
  StatusOr<bool> Stage(const ColdBatch& batch) override;
  Status Publish() override;
  void Unstage() override;
  Status WriteMeta(std::string_view name, std::string_view sealed) override;
  Status FlushAll() override;
  Status DropGravesBelow(Lsn lsn) override;
  void OnIdle() override {
    kept_.DropSpares();
    DeleteDeferred();
  }

  StatusOr<bool> GetHeader(uint64_t id, uint64_t position, std::string_view key, ColdHeader* header,
                           std::string* inline_payload) override {
    return Read([&](const RocksReader& r) {
      return r.GetHeader(id, position, key, header, inline_payload);
    });
  }
  Status GetHeaders(uint64_t id, std::span<ColdHeaderRow> rows) override {
    return Read([&](const RocksReader& r) { return r.GetHeaders(id, rows); });
  }
  Status WalkRecords(uint64_t id, std::span<ColdHeaderRow> rows,
                     uint64_t payload_bytes_max) override {
    return Read([&](const RocksReader& r) { return r.WalkRecords(id, rows, payload_bytes_max); });
  }
  StatusOr<bool> GetValue(uint64_t id, uint64_t position, std::string_view key, ColdHeader* header,
                          std::string* payload) override {
    TableReads::ForgetLast();
    return Read(
        [&](const RocksReader& r) { return r.GetValue(id, position, key, header, payload); });
  }
  ValuePlace PlaceOf(uint64_t id, uint64_t position, std::string_view key,
                     const ColdHeader& header) override {
    const TableReads::Last& last = TableReads::LastOfThread();
    if (!last.place.known()) return {};
    std::string uncompressed;
    const auto value = FindValueInBlock(last.bytes, id, position, key, &uncompressed);
    if (!value || value->header != header) return {};
    return last.place;
  }
  std::unique_ptr<DirectReads> NewDirectReads(int wake_fd) override {
    return table_reads_ == nullptr ? nullptr : DirectReads::Create(table_reads_->tables(), wake_fd);
  }
  Status GetElements(uint64_t id, uint64_t position, std::string_view key,
                     std::span<ColdElementRow> rows) override {
    return Read([&](const RocksReader& r) { return r.GetElements(id, position, key, rows); });
  }
  StatusOr<ColdScanPage> ScanRange(const ColdScanRange& range) override {
    return Read([&](const RocksReader& r) { return r.ScanRange(range); });
  }
  StatusOr<std::vector<ExpiryRow>> ExpiredRows(uint64_t id, uint64_t deadline_max_ms,
                                               size_t max_rows, const ExpiryRow* after) override {
    return Read(
        [&](const RocksReader& r) { return r.ExpiredRows(id, deadline_max_ms, max_rows, after); });
  }
  StatusOr<ColdCounts> ReadCounts(uint64_t id) override {
    return Read([&](const RocksReader& r) { return r.ReadCounts(id); });
  }
  Status ForEachCounts(const std::function<void(uint64_t id, ColdCounts)>& fn) override {
    return Read([&](const RocksReader& r) { return r.ForEachCounts(fn); });
  }
  StatusOr<std::optional<std::string>> ReadMeta(std::string_view name) override {
    return Read([&](const RocksReader& r) { return r.ReadMeta(name); });
  }
  Status ForEachGrave(const std::function<Status(Lsn lsn, uint64_t id, uint64_t position,
                                                 std::string_view key)>& fn) override {
    return Read([&](const RocksReader& r) { return r.ForEachGrave(fn); });
  }

  Status VerifyAll(const std::atomic<bool>* cancel) override;
  Status CompactRange(uint64_t id, std::atomic<bool>* cancel) override;
  Status BackgroundError() override;
  Status Resume() override;
  void SetBackgroundRate(uint64_t bytes_per_second) override;
  ColdStats Stats() override;
  void BeginShutdown() override;
  Status MakeWritable() override;
  bool direct_io() const override { return direct_; }
  std::string Property(const std::string& family, const std::string& name) override;

 private:
  // Whether there is a database of ours; `fresh`: its creation was cut short and it holds nothing.
  Status CheckFormat(bool* exists, bool* fresh) const;
  rocksdb::DBOptions BaseOptions(bool direct) const;
  Status OpenDb(bool read_only = false);
  Status ReadChunkLists();
  void CloseDb();
  // Ok as long as there is a database; it stays for the life of `lock`.
  Status Enter(std::shared_lock<std::shared_mutex>* lock) const;
  // Writes batch_ and keeps it until it is flushed.
  Status Apply(std::string_view what);
  void ForgetFlushed();
  void WaitForMemtableRoom();
  // As RocksDB would have a write to a memtable wait.
  void WaitForLevel0Room();
  uint64_t Level0Files(Family family) const;
  void DeleteDeferred() {
    while (!shutting_down_.load() && deletions_->DeleteOne()) {
    }
  }
  // fn(RocksReader) of the open database.
  template <class Fn>
  auto Read(Fn&& fn) -> decltype(fn(std::declval<const RocksReader&>())) {
    std::shared_lock<std::shared_mutex> lock;
    TC_RETURN_IF_ERROR(Enter(&lock));
    return fn(RocksReader(db_.get(), handles_, where_));
  }
  std::string Where(std::string_view what) const { return where_ + std::string(what); }
  uint64_t Sum(const std::string& property) const {
    uint64_t value = 0;
    return db_->GetAggregatedIntProperty(property, &value) ? value : 0;
  }

  const RocksOptions options_;
  const std::string where_ = "cold tier " + options_.dir + ": ";
  bool direct_ = false;
  bool read_only_ = false;                        // until MakeWritable()
  FileSystemPtr fs_;                              // the caller's, not wrapped
  std::shared_ptr<IngestionGuard> guard_;         // around it
  std::shared_ptr<TableReads> table_reads_;       // null: all reads are RocksDB's
  std::shared_ptr<DeferredDeletions> deletions_;  // around that: what the database sees
  std::unique_ptr<rocksdb::Env> env_;
  RocksFiles files_;
  std::shared_ptr<rocksdb::Cache> cache_;
  std::shared_ptr<Watcher> watcher_ = std::make_shared<Watcher>();
  std::shared_ptr<rocksdb::RateLimiter> limiter_;
  std::shared_ptr<rocksdb::Statistics> statistics_;
  std::shared_ptr<rocksdb::WriteBufferManager> buffers_;
  rocksdb::DBOptions db_options_;

  // Resume() alone takes it exclusively; everybody else who uses db_ or handles_ shares it.
  mutable std::shared_mutex db_mutex_;
  std::atomic<bool> reopening_{false};
  std::unique_ptr<rocksdb::DB> db_;  // null after a Resume() that failed half way
  std::vector<rocksdb::ColumnFamilyHandle*> handles_;
  rocksdb::WriteOptions write_options_;
  std::atomic<bool> shutting_down_{false};

  // The writer's.
  KeptBatches kept_;
  rocksdb::WriteBatch batch_;
  RowEncoder encoder_;
  Lsn high_ = 0;
  std::unique_ptr<StagedTables> staged_;
  StagingOrder staging_order_;
  Lsn staged_high_ = 0;
  std::atomic<uint64_t> published_bytes_{0};
};

// ---- opening ----

rocksdb::DBOptions RocksBackendImpl::BaseOptions(bool direct) const {
  rocksdb::DBOptions db = MakeDbOptions(options_, direct);
  db.env = env_.get();
  return db;
}

Status RocksBackendImpl::CheckFormat(bool* exists, bool* fresh) const {
  *fresh = true;
  TC_ASSIGN_OR_RETURN(*exists, FileExists(fs_, JoinPath(options_.dir, "CURRENT")));
  if (!*exists) {
    TC_ASSIGN_OR_RETURN(const bool remains, files_.HasTables());
    if (remains) {
      return Status::Corruption(
          Where("the file CURRENT is missing, yet there are table files; refusing to begin anew"));
    }
    return {};
  }
  // Read-only: a directory that is not for us stays as it is.
  const rocksdb::DBOptions db_options = BaseOptions(false);
  std::vector<std::string> names;
  rocksdb::Status status = rocksdb::DB::ListColumnFamilies(db_options, options_.dir, &names);
  if (!status.ok()) return FromRocksStatus(status, Where("open"));
  const std::string meta_name(kFamilyNames[kMeta]);
  const bool has_meta = std::find(names.begin(), names.end(), meta_name) != names.end();
  std::vector<rocksdb::ColumnFamilyDescriptor> families{
      {std::string(kFamilyNames[kDefault]), MakeFamilyOptions(options_, kDefault, cache_)}};
  if (has_meta) families.emplace_back(meta_name, MakeFamilyOptions(options_, kMeta, cache_));
  std::vector<rocksdb::ColumnFamilyHandle*> handles;
  rocksdb::DB* raw = nullptr;
  status = rocksdb::DB::OpenForReadOnly(db_options, options_.dir, families, &handles, &raw);
  if (!status.ok()) return files_.NameDamage(status, Where("open"));
  const std::unique_ptr<rocksdb::DB> db(raw);
  std::string sealed;
  rocksdb::Status got = rocksdb::Status::NotFound();
  if (has_meta) got = db->Get({}, handles[1], ToSlice(codec::kMetaFormat), &sealed);
  std::vector<rocksdb::LiveFileMetaData> files;
  db->GetLiveFilesMetaData(&files);
  for (rocksdb::ColumnFamilyHandle* handle : handles) {
    const auto ignored = db->DestroyColumnFamilyHandle(handle);
    ignored.PermitUncheckedError();
  }
  if (got.IsNotFound()) {
    // Everything of ours comes after the format record, which is flushed alone.
    if (!files.empty()) {
      return Status::Unsupported(
          Where("it holds data, but no record of its format version; this is "
                "not a cold tier of format version ") +
          std::to_string(codec::kColdFormatVersion));
    }
    return {};
  }
  if (!got.ok()) return FromRocksStatus(got, Where("read the format version"));
  const StatusOr<uint32_t> version = codec::DecodeMetaFormat(sealed);
  if (!version.ok()) return version.status().Annotate(Where("format version"));
  if (*version != codec::kColdFormatVersion) {
    return Status::Unsupported(Where("its format version is ") + std::to_string(*version) +
                               ", this program reads and writes " +
                               std::to_string(codec::kColdFormatVersion));
  }
  *fresh = false;
  return {};
}

Status RocksBackendImpl::OpenAll() {
  fs_ = options_.fs != nullptr ? options_.fs : DefaultFileSystem();
  FileSystemPtr files = fs_;
  // Descriptors bypass a file system that a test put in front of the operating system's.
  if (options_.tells_places && fs_ == DefaultFileSystem())
    files = table_reads_ = std::make_shared<TableReads>(fs_);
  guard_ = std::make_shared<IngestionGuard>(files);
  deletions_ = std::make_shared<DeferredDeletions>(guard_, options_.dir);
  env_ = rocksdb::NewCompositeEnv(deletions_);
  files_ = RocksFiles(fs_, env_.get(), options_.dir);
  rocksdb::LRUCacheOptions cache_options;
  cache_options.capacity = options_.block_cache_bytes;
  cache_options.high_pri_pool_ratio = 0.5;  // index and filters; data blocks cannot push them out
  cache_ = rocksdb::NewLRUCache(cache_options);
  write_options_.disableWAL = true;

  TC_RETURN_IF_ERROR(CreateDirDurably(fs_, options_.dir));
  TC_RETURN_IF_ERROR(files_.CheckUnlocked());
  TC_RETURN_IF_ERROR(CutTornManifestTail(fs_, options_.dir));
  bool exists = false;
  bool fresh = false;
  TC_RETURN_IF_ERROR(CheckFormat(&exists, &fresh));

  direct_ = options_.direct_io && files_.DirectIoWorks();
  db_options_ = BaseOptions(direct_);
  db_options_.listeners.push_back(watcher_);
  limiter_ = db_options_.rate_limiter;
  statistics_ = db_options_.statistics;
  buffers_ = db_options_.write_buffer_manager;
  std::vector<rocksdb::Options> table_options;
  for (int family = 0; family < kFamilies; ++family) {
    table_options.emplace_back(db_options_,
                               MakeFamilyOptions(options_, static_cast<Family>(family), cache_));
  }
  staged_ = std::make_unique<StagedTables>(fs_, options_.dir, direct_, std::move(table_options));
  read_only_ = options_.read_only_at_first && !fresh;
  TC_RETURN_IF_ERROR(OpenDb(read_only_));
  // Cold work gives way to the executor; when there is too much of it, clients are parked.
  env_->LowerThreadPoolCPUPriority(rocksdb::Env::LOW);
  env_->LowerThreadPoolCPUPriority(rocksdb::Env::HIGH);

  if (fresh) {
    TC_RETURN_IF_ERROR(
        WriteMeta(codec::kMetaFormat, codec::EncodeMetaFormat(codec::kColdFormatVersion)));
    TC_RETURN_IF_ERROR(FlushAll());
  }
  TC_RETURN_IF_ERROR(ReadChunkLists());
  TC_ASSIGN_OR_RETURN(const std::optional<std::string> high, ReadMeta(codec::kMetaHigh));
  if (high.has_value()) {
    const StatusOr<Lsn> decoded = codec::DecodeMetaHigh(*high);
    if (!decoded.ok()) return decoded.status().Annotate(Where("meta/high"));
    high_ = *decoded;
  }
  return {};
}

Status RocksBackendImpl::ReadChunkLists() {
  const std::unique_ptr<rocksdb::Iterator> it(
      db_->NewIterator(rocksdb::ReadOptions(), handles_[kMeta]));
  for (it->Seek(ToSlice(codec::kMetaChunksPrefix));
       it->Valid() && it->key().starts_with(ToSlice(codec::kMetaChunksPrefix)); it->Next()) {
    const std::string_view row = ToView(it->key());
    const StatusOr<std::string_view> body = codec::OpenMeta(row, ToView(it->value()));
    if (!body.ok()) return body.status().Annotate(Where("meta/chunks"));
    encoder_.AddChunkList(row.substr(codec::kMetaChunksPrefix.size()));
  }
  return FromRocksStatus(it->status(), Where("read meta/chunks"));
}

Status RocksBackendImpl::MakeWritable() {
  if (!read_only_) return {};
  const std::unique_lock lock(db_mutex_);
  CloseDb();
  TC_RETURN_IF_ERROR(OpenDb());
  read_only_ = false;
  return {};
}

Status RocksBackendImpl::OpenDb(bool read_only) {
  std::vector<rocksdb::ColumnFamilyDescriptor> families;
  for (int family = 0; family < kFamilies; ++family) {
    families.emplace_back(std::string(kFamilyNames[family]),
                          MakeFamilyOptions(options_, static_cast<Family>(family), cache_));
  }
  rocksdb::DB* raw = nullptr;
  deletions_->Begin();
  const rocksdb::Status opened =
      read_only ? rocksdb::DB::OpenForReadOnly(db_options_, options_.dir, families, &handles_, &raw)
                : rocksdb::DB::Open(db_options_, options_.dir, families, &handles_, &raw);
  deletions_->End(opened.ok() && !read_only);
  if (opened.ok()) {
    db_.reset(raw);
    if (!read_only) staged_->Clear();  // files of a process that was killed
    return {};
  }
  handles_.clear();
  if (opened.ToString().find("LOCK") != std::string::npos) {
    return Status::Busy(Where("in use by another process: " + opened.ToString()));
  }
  return files_.NameDamage(opened, Where("open"));
}

void RocksBackendImpl::CloseDb() {
  if (db_ == nullptr) return;
  for (rocksdb::ColumnFamilyHandle* handle : handles_) {
    db_->DestroyColumnFamilyHandle(handle).PermitUncheckedError();
  }
  handles_.clear();
  const rocksdb::Status closed = db_->Close();
  if (!closed.ok()) LOG(WARNING) << "cold tier: closing: " << closed.ToString();
  db_.reset();
}

Status RocksBackendImpl::Enter(std::shared_lock<std::shared_mutex>* lock) const {
  // The lock prefers those who share it; Resume() would starve beside busy readers.
  while (reopening_.load()) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  *lock = std::shared_lock(db_mutex_);
  if (db_ == nullptr) {
    return Status::Unavailable(Where("closed after a disk error, waiting for the disk"));
  }
  return {};
}

// ---- the writer ----

void RocksBackendImpl::ForgetFlushed() {
  if (watcher_->error().ok()) kept_.ForgetUpTo(watcher_->flushed());
}

void RocksBackendImpl::WaitForMemtableRoom() {
  // The next write makes RocksDB switch and flush when the budget is used up; until flushes under
  // way are done, more would only add to it. Memtables that a long scan holds are not waited for.
  ForgetFlushed();
  while (buffers_->memory_usage() + kept_.bytes() > options_.memtable_bytes &&
         !shutting_down_.load() && watcher_->error().ok() &&
         Sum(rocksdb::DB::Properties::kNumImmutableMemTable) > 0) {
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
    ForgetFlushed();
  }
}

Status RocksBackendImpl::Apply(std::string_view what) {
  const rocksdb::Status status = db_->Write(write_options_, &batch_);
  if (!status.ok()) return FromRocksStatus(status, Where(what));
  kept_.Keep(std::move(batch_), db_->GetLatestSequenceNumber());
  batch_ = rocksdb::WriteBatch();
  return {};
}

Status RocksBackendImpl::Write(const ColdBatch& batch) {
  std::shared_lock<std::shared_mutex> lock;
  TC_RETURN_IF_ERROR(Enter(&lock));
  deletions_->NoteBatch();
  WaitForMemtableRoom();
  // Room for all at once: no growing, no copies. An operation is smaller as a row than in the
  // batch.
  constexpr size_t kSavedAnOp = 32;
  batch_ = kept_.NewBatch(batch.bytes() - batch.op_count() * kSavedAnOp);
  BatchRows rows(&batch_, handles_);
  encoder_.Encode(batch, &rows);
  const Lsn high = std::max(high_, batch.high_lsn());
  RowEncoder::EncodeHigh(high, &rows);
  const Status written = Apply("write a batch");
  if (!written.ok()) {
    encoder_.Failed();
    return written;
  }
  encoder_.Landed();
  high_ = high;
  return {};
}

uint64_t RocksBackendImpl::Level0Files(Family family) const {
  std::string files;
  if (!db_->GetProperty(handles_[family], rocksdb::DB::Properties::kNumFilesAtLevelPrefix + "0",
                        &files)) {
    return 0;
  }
  return std::strtoull(files.c_str(), nullptr, 10);
}

void RocksBackendImpl::WaitForLevel0Room() {
  const uint64_t stop =
      uint64_t{RocksOptions::kLevel0StopsAt} * static_cast<uint64_t>(options_.level0_files);
  const auto full = [&] {
    for (int family = 0; family < kFamilies; ++family) {
      if (Level0Files(static_cast<Family>(family)) >= stop) return true;
    }
    return false;
  };
  while (full() && !shutting_down_.load() && watcher_->error().ok()) {
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
}

StatusOr<bool> RocksBackendImpl::Stage(const ColdBatch& batch) {
  // What is older must not be newer after a power cut, or when it is written again. Nothing is
  // written from here to Publish(), so the memtables' memory is free for what is staged.
  if (staging_order_.empty() && batch.in_order() && kept_.size() > 0) {
    TC_RETURN_IF_ERROR(FlushAll());
    kept_.DropSpares();
  }
  std::shared_lock<std::shared_mutex> lock;
  TC_RETURN_IF_ERROR(Enter(&lock));
  deletions_->NoteBatch();
  const bool first = staging_order_.empty();
  if (!staging_order_.Take(batch)) return false;
  if (first) staged_high_ = high_;
  staged_high_ = std::max(staged_high_, batch.high_lsn());
  encoder_.Encode(batch, staged_.get());
  if (!staged_->status().ok()) return FromRocksStatus(staged_->status(), Where("stage a batch"));
  return true;
}

Status RocksBackendImpl::Publish() {
  std::shared_lock<std::shared_mutex> lock;
  TC_RETURN_IF_ERROR(Enter(&lock));
  WaitForLevel0Room();
  RowEncoder::EncodeHigh(staged_high_, staged_.get());
  std::vector<StagedTables::Table> tables;
  const rocksdb::Status finished = staged_->Finish(&tables);
  if (!finished.ok()) return FromRocksStatus(finished, Where("write staged tables"));
  std::vector<rocksdb::IngestExternalFileArg> files;
  uint64_t bytes = 0;
  for (const StagedTables::Table& table : tables) {
    rocksdb::IngestExternalFileArg& file = files.emplace_back();
    file.column_family = handles_[table.family];
    file.external_files = {table.file.file_path};
    file.options.move_files = true;
    file.options.write_global_seqno = false;
    // It would not notice that a table's first or last block is damaged, and not find its keys.
    file.options.verify_checksums_before_ingest = true;
    file.options.verify_checksums_readahead_size = 1 << 20;
    // What was summed up while it was written need not be read for it.
    file.options.verify_file_checksum = false;
    file.files_checksums = {table.file.file_checksum};
    file.files_checksum_func_names = {table.file.file_checksum_func_name};
    bytes += table.file.file_size;
  }
  guard_->Begin();
  const rocksdb::Status ingested = db_->IngestExternalFiles(files);
  guard_->End(ingested.ok());
  if (!ingested.ok()) {
    // Whether the MANIFEST has it is not known: the database is to be opened anew.
    watcher_->SetError(ingested);
    return FromRocksStatus(ingested, Where("take in staged tables"));
  }
  high_ = staged_high_;
  published_bytes_.fetch_add(bytes);
  encoder_.Landed();
  Unstage();
  return {};
}

void RocksBackendImpl::Unstage() {
  staged_->Clear();
  staging_order_.Clear();
  encoder_.Failed();
}

Status RocksBackendImpl::WriteMeta(std::string_view name, std::string_view sealed) {
  std::shared_lock<std::shared_mutex> lock;
  TC_RETURN_IF_ERROR(Enter(&lock));
  batch_.Clear();
  batch_.Put(handles_[kMeta], ToSlice(name), ToSlice(sealed));
  return Apply("write meta");
}

Status RocksBackendImpl::FlushAll() {
  std::shared_lock<std::shared_mutex> lock;
  TC_RETURN_IF_ERROR(Enter(&lock));
  if (const rocksdb::Status error = watcher_->error(); !error.ok()) {
    return FromRocksStatus(error, Where("flush"));
  }
  rocksdb::FlushOptions flush;
  flush.wait = true;
  flush.allow_write_stall = true;  // the one writer is waiting here anyway
  const rocksdb::Status status = db_->Flush(flush, handles_);
  if (!status.ok()) return FromRocksStatus(status, Where("flush"));
  // A checkpoint stands and falls with this, so RocksDB's word is not enough: nobody writes
  // meanwhile, so nothing may be left in a memtable.
  using Properties = rocksdb::DB::Properties;
  const uint64_t left =
      Sum(Properties::kNumEntriesActiveMemTable) + Sum(Properties::kNumEntriesImmMemTables);
  if (left != 0) {
    watcher_->SetError(rocksdb::Status::IOError("a flush was reported as done, but " +
                                                std::to_string(left) + " rows are in memtables"));
    return FromRocksStatus(watcher_->error(), Where("flush"));
  }
  kept_.ForgetAll();
  return {};
}

Status RocksBackendImpl::DropGravesBelow(Lsn lsn) {
  std::shared_lock<std::shared_mutex> lock;
  TC_RETURN_IF_ERROR(Enter(&lock));
  const std::string bound = codec::EncodeGraveBound(lsn);
  {
    // Mostly there is none: then no tombstone is written either.
    rocksdb::ReadOptions read;
    const Slice upper(bound);
    read.iterate_upper_bound = &upper;
    const std::unique_ptr<rocksdb::Iterator> it(db_->NewIterator(read, handles_[kGraves]));
    it->SeekToFirst();
    if (!it->Valid()) return FromRocksStatus(it->status(), Where("read graves"));
  }
  batch_.Clear();
  batch_.DeleteRange(handles_[kGraves], Slice(), bound);
  return Apply("remove graves");
}

// ---- care ----

Status RocksBackendImpl::VerifyAll(const std::atomic<bool>* cancel) {
  const auto live_files = [this] {
    std::vector<RocksFiles::Sum> files;
    std::shared_lock<std::shared_mutex> lock;
    if (!Enter(&lock).ok()) return files;
    for (rocksdb::ColumnFamilyHandle* handle : handles_) {
      rocksdb::ColumnFamilyMetaData meta;
      db_->GetColumnFamilyMetaData(handle, &meta);
      for (const rocksdb::LevelMetaData& level : meta.levels) {
        for (const rocksdb::SstFileMetaData& file : level.files) {
          files.push_back({JoinPath(file.directory, file.relative_filename), file.size,
                           file.file_checksum_func_name, file.file_checksum});
        }
      }
      for (const rocksdb::BlobMetaData& file : meta.blob_files) {
        files.push_back({JoinPath(file.blob_file_path, file.blob_file_name), file.blob_file_size,
                         file.checksum_method, file.checksum_value});
      }
    }
    return files;
  };
  for (const RocksFiles::Sum& file : live_files()) {
    const Status status = files_.Verify(file, cancel);
    if (status.ok()) continue;
    if (status.code() == codec::StatusCode::kNotFound ||
        status.code() == codec::StatusCode::kIoError) {
      // A compaction may have replaced it since the list was made.
      const std::vector<RocksFiles::Sum> now = live_files();
      if (std::none_of(now.begin(), now.end(),
                       [&](const RocksFiles::Sum& other) { return other.path == file.path; })) {
        continue;
      }
    }
    return status;
  }
  return {};
}

Status RocksBackendImpl::CompactRange(uint64_t id, std::atomic<bool>* cancel) {
  std::shared_lock<std::shared_mutex> lock;
  TC_RETURN_IF_ERROR(Enter(&lock));
  const std::string begin = codec::EncodeColdIdPrefix(id);
  const std::string end = ColdIdEnd(id);
  const Slice begin_slice(begin);
  const Slice end_slice(end);
  rocksdb::CompactRangeOptions compact;
  compact.exclusive_manual_compaction = false;
  compact.allow_write_stall = false;
  compact.bottommost_level_compaction = rocksdb::BottommostLevelCompaction::kForceOptimized;
  compact.canceled = cancel;
  for (const Family family : {kValues, kPayload, kElements, kScores, kExpiry}) {
    const rocksdb::Status status =
        db_->CompactRange(compact, handles_[family], &begin_slice, &end_slice);
    if (status.IsIncomplete() || status.IsManualCompactionPaused()) {
      return Status::Unavailable("compaction was interrupted");
    }
    if (!status.ok()) return FromRocksStatus(status, Where("compact"));
  }
  return {};
}

Status RocksBackendImpl::BackgroundError() {
  {
    std::shared_lock<std::shared_mutex> lock;
    TC_RETURN_IF_ERROR(Enter(&lock));
  }
  return FromRocksStatus(watcher_->error(), Where("background work stopped"));
}

Status RocksBackendImpl::Resume() {
  // Nobody but this function changes db_, and it has one caller at a time.
  if (watcher_->error().ok() && db_ != nullptr) return {};
  if (shutting_down_.load()) return Status::Unavailable(Where("shutting down"));
  DeleteDeferred();  // it may be what fills the disk
  // Reads are served by the database as it is as long as the disk is not back.
  TC_RETURN_IF_ERROR(files_.ProbeDisk(options_.memtable_size / 32));  // a small part of a memtable
  if (db_ != nullptr) db_->DisableManualCompaction();
  reopening_.store(true);
  const std::unique_lock lock(db_mutex_);
  reopening_.store(false);
  CloseDb();
  // The MANIFEST may end with what could not be written.
  TC_RETURN_IF_ERROR(CutTornManifestTail(fs_, options_.dir));
  TC_RETURN_IF_ERROR(OpenDb());
  watcher_->Reset();
  // Some of them may be in files already; the order is kept, so the outcome is the same. Rows name
  // their families by number, which stays.
  const rocksdb::Status written = kept_.WriteAgain(db_.get(), write_options_);
  if (!written.ok()) {
    watcher_->SetError(written);
    return FromRocksStatus(written, Where("write again after a disk error"));
  }
  LOG(WARNING) << "cold tier: opened anew after a disk error, " << kept_.size()
               << " batches written again";
  return {};
}

void RocksBackendImpl::SetBackgroundRate(uint64_t bytes_per_second) {
  limiter_->SetBytesPerSecond(LimiterRate(bytes_per_second));
}

ColdStats RocksBackendImpl::Stats() {
  using Properties = rocksdb::DB::Properties;
  ColdStats stats;
  std::shared_lock<std::shared_mutex> lock;
  if (!Enter(&lock).ok()) return stats;
  stats.disk_bytes = Sum(Properties::kLiveSstFilesSize) + Sum(Properties::kLiveBlobFileSize);
  stats.memtable_bytes = Sum(Properties::kSizeAllMemTables) + kept_.bytes();
  if (Sum(Properties::kNumEntriesActiveMemTable) + Sum(Properties::kNumEntriesImmMemTables) > 0) {
    stats.unflushed_bytes = Sum(Properties::kCurSizeAllMemTables);
  }
  stats.pending_compaction_bytes = Sum(Properties::kEstimatePendingCompactionBytes);
  uint64_t value = 0;
  if (db_->GetIntProperty(Properties::kNumRunningCompactions, &value)) {
    stats.running_compactions = value;
  }
  for (int family = 0; family < kFamilies; ++family) {
    stats.level0_files += Level0Files(static_cast<Family>(family));
  }
  stats.cache_misses = statistics_->getTickerCount(rocksdb::BLOCK_CACHE_MISS);
  stats.bytes_read = statistics_->getTickerCount(rocksdb::COMPACT_READ_BYTES);
  stats.flush_bytes_written = statistics_->getTickerCount(rocksdb::FLUSH_WRITE_BYTES);
  stats.published_bytes = published_bytes_.load();
  stats.compaction_bytes_written = statistics_->getTickerCount(rocksdb::COMPACT_WRITE_BYTES);
  return stats;
}

void RocksBackendImpl::BeginShutdown() {
  shutting_down_.store(true);
  std::shared_lock<std::shared_mutex> lock;
  if (!Enter(&lock).ok()) return;
  db_->DisableManualCompaction();
  rocksdb::CancelAllBackgroundWork(db_.get(), /*wait=*/false);
}

std::string RocksBackendImpl::Property(const std::string& family, const std::string& name) {
  std::shared_lock<std::shared_mutex> lock;
  if (!Enter(&lock).ok()) return {};
  for (int i = 0; i < kFamilies; ++i) {
    std::string text;
    if (kFamilyNames[i] == family && db_->GetProperty(handles_[i], name, &text)) return text;
  }
  return {};
}

}  // namespace

StatusOr<std::unique_ptr<RocksBackend>> RocksBackend::Open(const RocksOptions& options) {
  auto backend = std::make_unique<RocksBackendImpl>(options);
  TC_RETURN_IF_ERROR(backend->OpenAll());
  return std::unique_ptr<RocksBackend>(std::move(backend));
}

Status RocksBackend::Destroy(const RocksOptions& options) {
  const FileSystemPtr fs = options.fs != nullptr ? options.fs : DefaultFileSystem();
  TC_ASSIGN_OR_RETURN(const bool exists, FileExists(fs, options.dir));
  if (!exists) return {};
  const std::unique_ptr<rocksdb::Env> env = rocksdb::NewCompositeEnv(fs);
  rocksdb::Options db;
  static_cast<rocksdb::DBOptions&>(db) = MakeDbOptions(options, false);
  db.env = env.get();
  std::vector<rocksdb::ColumnFamilyDescriptor> families;
  for (std::string_view name : kFamilyNames) {
    families.emplace_back(std::string(name), rocksdb::ColumnFamilyOptions());
  }
  StagedTables(fs, options.dir, /*direct=*/false, {}).Clear();
  DeferredDeletions left(fs, options.dir);
  left.End(/*ok=*/true);
  while (left.DeleteOne()) {
  }
  return FromRocksStatus(rocksdb::DestroyDB(options.dir, db, families),
                         "cold tier " + options.dir + ": delete");
}

}  // namespace thermocline::engine
