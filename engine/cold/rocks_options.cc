// See rocks_options.h.
#include "engine/cold/rocks_options.h"

#include <pthread.h>

#include <algorithm>
#include <cstdarg>
#include <cstdio>
#include <string>
#include <string_view>
#include <utility>

#include "glog/logging.h"
#include "rocksdb/cache.h"
#include "rocksdb/env.h"
#include "rocksdb/file_checksum.h"
#include "rocksdb/file_system.h"
#include "rocksdb/filter_policy.h"
#include "rocksdb/statistics.h"
#include "rocksdb/table.h"
#include "rocksdb/utilities/table_properties_collectors.h"
#include "rocksdb/write_buffer_manager.h"

namespace thermocline::engine {
namespace {

using rocksdb::FileOptions;
using rocksdb::IODebugContext;
using rocksdb::IOOptions;
using rocksdb::IOStatus;
using rocksdb::Slice;

// RocksDB 7.8 sorts errors of background work by their kind, and three of the four ends are dead
// ones:
//  - a plain I/O error is fatal: nothing but a reopen, which loses the memtables, ends it;
//  - a retryable one of a flush or the MANIFEST is "soft", and with atomic_flush a second flush in
//  the queue
//    then fails without giving its memtables back: the next Resume() waits for ever (RocksDB PR
//    11872);
//  - a soft "no space" of a compaction leads there, too;
//  - "no space" of a flush or the MANIFEST is "hard": writes stop, and Resume() flushes everything
//  anew.
// So a compaction's files fail as retryable, which lets it try again by itself, and all others as
// "no space", whatever it was. All can be repeated: files are written anew, a failed MANIFEST is
// replaced.
enum class Writer { kCompaction, kOther };

Writer WriterOf(const std::string& file) {
  char thread[16] = {};
  pthread_getname_np(pthread_self(), thread, sizeof(thread));
  const bool table = file.ends_with(".sst") || file.ends_with(".blob");
  return table && std::string_view(thread) == "rocksdb:low" ? Writer::kCompaction : Writer::kOther;
}

IOStatus Resumable(IOStatus status, Writer writer) {
  if (status.ok() || status.IsNotFound() || status.IsPathNotFound() || status.IsNotSupported()) {
    return status;
  }
  const std::string_view mark = status.IsNoSpace() ? kNoSpaceMark : kIoErrorMark;
  const std::string text = std::string(mark) + status.ToString();
  status = writer == Writer::kCompaction ? IOStatus::IOError(text) : IOStatus::NoSpace(text);
  if (writer == Writer::kCompaction) status.SetRetryable(true);
  return status;
}

class ResumableFile : public rocksdb::FSWritableFileOwnerWrapper {
 public:
  ResumableFile(std::unique_ptr<rocksdb::FSWritableFile> file, Writer writer)
      : FSWritableFileOwnerWrapper(std::move(file)), writer_(writer) {}
  IOStatus Append(const Slice& data, const IOOptions& o, IODebugContext* d) override {
    return Mark(target()->Append(data, o, d));
  }
  IOStatus Append(const Slice& data, const IOOptions& o, const rocksdb::DataVerificationInfo& info,
                  IODebugContext* d) override {
    return Mark(target()->Append(data, o, info, d));
  }
  IOStatus PositionedAppend(const Slice& data, uint64_t offset, const IOOptions& o,
                            IODebugContext* d) override {
    return Mark(target()->PositionedAppend(data, offset, o, d));
  }
  IOStatus PositionedAppend(const Slice& data, uint64_t offset, const IOOptions& o,
                            const rocksdb::DataVerificationInfo& info, IODebugContext* d) override {
    return Mark(target()->PositionedAppend(data, offset, o, info, d));
  }
  IOStatus Truncate(uint64_t size, const IOOptions& o, IODebugContext* d) override {
    return Mark(target()->Truncate(size, o, d));
  }
  IOStatus Close(const IOOptions& o, IODebugContext* d) override {
    return Mark(target()->Close(o, d));
  }
  IOStatus Flush(const IOOptions& o, IODebugContext* d) override {
    return Mark(target()->Flush(o, d));
  }
  IOStatus Sync(const IOOptions& o, IODebugContext* d) override {
    return Mark(target()->Sync(o, d));
  }
  IOStatus Fsync(const IOOptions& o, IODebugContext* d) override {
    return Mark(target()->Fsync(o, d));
  }
  IOStatus RangeSync(uint64_t offset, uint64_t n, const IOOptions& o, IODebugContext* d) override {
    return Mark(target()->RangeSync(offset, n, o, d));
  }

 private:
  IOStatus Mark(IOStatus status) const { return Resumable(std::move(status), writer_); }
  const Writer writer_;
};

class ResumableDirectory : public rocksdb::FSDirectoryWrapper {
 public:
  explicit ResumableDirectory(std::unique_ptr<rocksdb::FSDirectory> target)
      : FSDirectoryWrapper(std::move(target)) {}
  IOStatus Fsync(const IOOptions& o, IODebugContext* d) override {
    return Resumable(FSDirectoryWrapper::Fsync(o, d), WriterOf(".sst"));
  }
  IOStatus FsyncWithDirOptions(const IOOptions& o, IODebugContext* d,
                               const rocksdb::DirFsyncOptions& how) override {
    // After a rename (CURRENT) it belongs to the MANIFEST, whoever runs it.
    const bool tables = how.reason == rocksdb::DirFsyncOptions::kNewFileSynced;
    return Resumable(FSDirectoryWrapper::FsyncWithDirOptions(o, d, how),
                     tables ? WriterOf(".sst") : Writer::kOther);
  }
};

class ResumableFileSystem : public rocksdb::FileSystemWrapper {
 public:
  using FileSystemWrapper::FileSystemWrapper;
  const char* Name() const override { return "ThermoclineResumable"; }

  IOStatus NewWritableFile(const std::string& name, const FileOptions& o,
                           std::unique_ptr<rocksdb::FSWritableFile>* file,
                           IODebugContext* d) override {
    return Wrap(target()->NewWritableFile(name, o, file, d), name, file);
  }
  IOStatus ReopenWritableFile(const std::string& name, const FileOptions& o,
                              std::unique_ptr<rocksdb::FSWritableFile>* file,
                              IODebugContext* d) override {
    return Wrap(target()->ReopenWritableFile(name, o, file, d), name, file);
  }
  IOStatus ReuseWritableFile(const std::string& name, const std::string& old, const FileOptions& o,
                             std::unique_ptr<rocksdb::FSWritableFile>* file,
                             IODebugContext* d) override {
    return Wrap(target()->ReuseWritableFile(name, old, o, file, d), name, file);
  }
  IOStatus NewDirectory(const std::string& name, const IOOptions& o,
                        std::unique_ptr<rocksdb::FSDirectory>* dir, IODebugContext* d) override {
    IOStatus status = Resumable(target()->NewDirectory(name, o, dir, d), Writer::kOther);
    if (status.ok()) *dir = std::make_unique<ResumableDirectory>(std::move(*dir));
    return status;
  }
  IOStatus RenameFile(const std::string& from, const std::string& to, const IOOptions& o,
                      IODebugContext* d) override {
    return Resumable(target()->RenameFile(from, to, o, d), Writer::kOther);
  }

 private:
  static IOStatus Wrap(IOStatus status, const std::string& name,
                       std::unique_ptr<rocksdb::FSWritableFile>* file) {
    const Writer writer = WriterOf(name);
    if (status.ok()) *file = std::make_unique<ResumableFile>(std::move(*file), writer);
    return Resumable(std::move(status), writer);
  }
};

// RocksDB's errors go to our log. Its chatter (every stall is a warning) goes nowhere, and no LOG
// file is made: opening a directory that turns out to be somebody else's must not change it.
class GlogLogger : public rocksdb::Logger {
 public:
  GlogLogger() : Logger(rocksdb::InfoLogLevel::ERROR_LEVEL) {}
  using Logger::Logv;
  void Logv(const rocksdb::InfoLogLevel level, const char* format, va_list args) override {
    if (level < rocksdb::InfoLogLevel::ERROR_LEVEL ||
        level >= rocksdb::InfoLogLevel::HEADER_LEVEL) {
      return;
    }
    char text[1024];
    std::vsnprintf(text, sizeof(text), format, args);
    LOG(ERROR) << "rocksdb: " << text;
  }
  void Logv(const char*, va_list) override {}
};

}  // namespace

std::shared_ptr<rocksdb::FileSystem> MakeResumable(std::shared_ptr<rocksdb::FileSystem> fs) {
  return std::make_shared<ResumableFileSystem>(std::move(fs));
}

int64_t LimiterRate(uint64_t bytes_per_second) {
  constexpr int64_t kUnlimited = int64_t{1} << 40;
  return bytes_per_second == 0 ? kUnlimited : static_cast<int64_t>(bytes_per_second);
}

rocksdb::DBOptions MakeDbOptions(const RocksOptions& options, bool direct) {
  rocksdb::DBOptions db;
  db.create_if_missing = true;
  db.create_missing_column_families = true;
  db.info_log = std::make_shared<GlogLogger>();
  db.info_log_level = rocksdb::InfoLogLevel::ERROR_LEVEL;
  db.paranoid_checks = true;
  // A full-file checksum in the MANIFEST: VerifyAll finds a flipped bit that no block covers, too.
  db.file_checksum_gen_factory = rocksdb::GetFileChecksumGenCrc32cFactory();

  // One writer without a WAL: a power cut leaves a state after some whole batch only if all
  // families are flushed together and sequence numbers are given in the order of insertion.
  db.atomic_flush = true;
  db.enable_pipelined_write = false;
  db.unordered_write = false;
  db.two_write_queues = false;
  db.allow_concurrent_memtable_write = false;
  db.enable_write_thread_adaptive_yield = false;
  // The log has what memtables lose, and a stop must be quick.
  db.avoid_flush_during_shutdown = true;

  db.write_buffer_manager = std::make_shared<rocksdb::WriteBufferManager>(options.memtable_bytes);
  db.max_background_jobs = options.background_jobs;
  db.max_open_files = options.max_open_files;
  db.skip_stats_update_on_db_open = true;  // reads every table's properties: restart time
  db.skip_checking_sst_file_sizes_on_db_open = false;
  db.use_direct_reads = direct;
  db.use_direct_io_for_flush_and_compaction = direct;
  db.compaction_readahead_size = 1 << 20;
  db.bytes_per_sync = direct ? 0 : 1 << 20;
  // Files that an iterator was the last to use are deleted in the background, not by a reader.
  db.avoid_unnecessary_blocking_io = true;
  db.rate_limiter.reset(rocksdb::NewGenericRateLimiter(LimiterRate(options.background_rate),
                                                       /*refill_period_us=*/50'000,
                                                       /*fairness=*/10,
                                                       rocksdb::RateLimiter::Mode::kWritesOnly,
                                                       /*auto_tuned=*/false));
  // The writer calls Resume() itself, so nothing happens behind its back.
  db.max_bgerror_resume_count = 0;
  db.statistics = rocksdb::CreateDBStatistics();
  db.statistics->set_stats_level(rocksdb::StatsLevel::kExceptHistogramOrTimers);
  db.stats_dump_period_sec = 0;
  db.stats_persist_period_sec = 0;
  return db;
}

rocksdb::ColumnFamilyOptions MakeFamilyOptions(const RocksOptions& options, Family family,
                                               const std::shared_ptr<rocksdb::Cache>& cache) {
  rocksdb::ColumnFamilyOptions cf;
  const bool large = family == kValues || family == kPayload;
  const bool records = large || family == kElements || family == kScores;

  const size_t memtable = std::max<size_t>(options.memtable_size, 256 << 10);
  cf.write_buffer_size = large ? memtable : memtable / 4;
  cf.arena_block_size = std::min<size_t>(cf.write_buffer_size / 8, large ? 256 << 10 : 32 << 10);
  // RocksDB's own slow-downs are out of the way: they adapt to rates far below what the disk could
  // do, and nobody sees why. Write() waits for room in the memtables instead, hard stops remain,
  // and the queue in front of the writer is what the engine paces itself by.
  cf.max_write_buffer_number = 64;
  cf.level0_file_num_compaction_trigger = 4;
  cf.level0_slowdown_writes_trigger = 48;
  cf.level0_stop_writes_trigger = 48;
  cf.soft_pending_compaction_bytes_limit = 0;
  cf.hard_pending_compaction_bytes_limit = 0;
  if (large) {
    // "Is it there" of a key that is not: one probe instead of a search of the skip list.
    cf.memtable_whole_key_filtering = true;
    cf.memtable_prefix_bloom_size_ratio = 0.02;
  }

  cf.compression = rocksdb::kLZ4Compression;
  cf.bottommost_compression = rocksdb::kZSTD;
  cf.level_compaction_dynamic_level_bytes = true;
  cf.target_file_size_base = options.target_file_bytes;
  cf.max_bytes_for_level_base = 4 * options.target_file_bytes;

  rocksdb::BlockBasedTableOptions table;
  table.block_cache = cache;
  table.block_size = 4 << 10;
  table.format_version = 5;
  table.checksum = rocksdb::kXXH3;
  table.cache_index_and_filter_blocks = true;
  table.cache_index_and_filter_blocks_with_high_priority = true;
  table.pin_l0_filter_and_index_blocks_in_cache = true;
  if (records) {
    table.filter_policy.reset(rocksdb::NewRibbonFilterPolicy(10));
    table.whole_key_filtering = true;
    // With data many times the memory, index and filters do not fit the cache either: in pieces of
    // a block, a miss reads one of them instead of a file's whole index.
    table.index_type = rocksdb::BlockBasedTableOptions::kTwoLevelIndexSearch;
    table.partition_filters = true;
    table.metadata_block_size = 4 << 10;
    table.pin_top_level_index_and_filter = true;
  }
  cf.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));

  if (family != kMeta && family != kDefault) {
    // Deletions in a row make iterators slow and hold space: such a file is compacted soon.
    cf.table_properties_collector_factories.push_back(
        rocksdb::NewCompactOnDeletionCollectorFactory(/*sliding_window_size=*/8192,
                                                      /*deletion_trigger=*/4096,
                                                      /*deletion_ratio=*/0.4));
  }
  if (family == kPayload) {
    cf.enable_blob_files = true;
    cf.min_blob_size = options.blob_bytes_min;
    cf.blob_file_size = 64 << 20;
    cf.blob_compression_type = rocksdb::kLZ4Compression;
    cf.enable_blob_garbage_collection = true;
    cf.blob_garbage_collection_age_cutoff = 0.25;
    cf.blob_garbage_collection_force_threshold = 0.5;
  }
  return cf;
}

}  // namespace thermocline::engine
