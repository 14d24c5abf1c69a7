// See rocks_options.h.
#include "engine/cold/rocks_options.h"

#include <algorithm>
#include <cstdarg>
#include <cstdio>
#include <string>
#include <string_view>
#include <utility>

#include "engine/cold/file_checksum.h"
#include "engine/cold/header_merge.h"
#include "glog/logging.h"
#include "rocksdb/cache.h"
#include "rocksdb/env.h"
#include "rocksdb/filter_policy.h"
#include "rocksdb/statistics.h"
#include "rocksdb/table.h"
#include "rocksdb/utilities/table_properties_collectors.h"
#include "rocksdb/write_buffer_manager.h"

namespace thermocline::engine {
namespace {

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
  db.file_checksum_gen_factory = NewFileChecksumFactory();

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

  // The rest of the budget is for copies of what is not flushed yet (see RocksBackend::Resume).
  db.write_buffer_manager =
      std::make_shared<rocksdb::WriteBufferManager>(options.memtable_bytes / 8 * 5);
  db.max_open_files = options.max_open_files;
  // RocksDB starts them anew for each family, even of one table.
  db.max_file_opening_threads = options.opening_threads;
  db.skip_stats_update_on_db_open = true;  // reads every table's properties: restart time
  db.skip_checking_sst_file_sizes_on_db_open = false;
  db.use_direct_reads = direct;
  // Written through the page cache, in the background from each MiB on: a compaction is one thread,
  // and with direct writes it waits for the disk at every buffer instead of merging (a quarter of
  // the rate at which keys could be loaded over the budget, docs/performance.md).
  db.use_direct_io_for_flush_and_compaction = false;
  db.bytes_per_sync = 1 << 20;
  // A compaction holds such a buffer for every file that it reads: dozens, when level 0 is full.
  db.compaction_readahead_size = options.compaction_readahead_bytes;
  // Files that an iterator was the last to use are deleted in the background, not by a reader.
  db.avoid_unnecessary_blocking_io = true;
  db.rate_limiter.reset(rocksdb::NewGenericRateLimiter(LimiterRate(options.background_rate),
                                                       /*refill_period_us=*/50'000,
                                                       /*fairness=*/10,
                                                       rocksdb::RateLimiter::Mode::kWritesOnly,
                                                       /*auto_tuned=*/false));
  // One flush at a time: a second one beside it can wait for ever when the first fails.
  db.max_background_flushes = 1;
  db.max_background_compactions = std::max(1, options.background_jobs - 1);
  // Recovery is ours (RocksBackend::Resume); nothing happens behind its back.
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
  const bool large = family == kValues || family == kPayload || family == kElements;
  const bool records = large || family == kScores;

  const size_t memtable = std::max<size_t>(options.memtable_size, 256 << 10);
  cf.write_buffer_size = large ? memtable : memtable / 4;
  cf.arena_block_size = std::min<size_t>(cf.write_buffer_size / 8, large ? 256 << 10 : 32 << 10);
  // RocksDB's own slow-downs are out of the way: they adapt to rates far below what the disk could
  // do, and nobody sees why. Write() waits for room in the memtables instead, hard stops remain,
  // and the queue in front of the writer is what the engine paces itself by.
  cf.max_write_buffer_number = 64;
  // Much is merged into the base level at once, or records there would be rewritten several times
  // for each new one. Readers mind little: a sweep writes in key order, so its files
  // do not overlap. Nor do they mind many more while such a merge runs, or begins anew after a
  // kill, for ten seconds and longer: writes that stopped for it would stop clients.
  cf.level0_file_num_compaction_trigger = options.level0_files;
  cf.level0_slowdown_writes_trigger = RocksOptions::kLevel0StopsAt * options.level0_files;
  cf.level0_stop_writes_trigger = RocksOptions::kLevel0StopsAt * options.level0_files;
  cf.soft_pending_compaction_bytes_limit = 0;
  cf.hard_pending_compaction_bytes_limit = 0;
  if (large) {
    // "Is it there" of a key that is not: one probe instead of a search of the skip list.
    cf.memtable_whole_key_filtering = true;
    cf.memtable_prefix_bloom_size_ratio = 0.02;
  }

  // LZ4 at the bottom too: while all data are hot, every checkpoint's records are soon rewritten
  // there, and ZSTD took five times the CPU of all else that a record costs (docs/performance.md).
  cf.compression = rocksdb::kLZ4Compression;
  cf.level_compaction_dynamic_level_bytes = true;
  cf.target_file_size_base = options.target_file_bytes;
  // The lowest of the dynamic levels; a level more, and each record is written once more.
  cf.max_bytes_for_level_base = 16 * options.target_file_bytes;

  rocksdb::BlockBasedTableOptions table;
  table.block_cache = cache;
  table.block_size = 4 << 10;
  table.format_version = 5;
  table.checksum = rocksdb::kXXH3;
  table.cache_index_and_filter_blocks = true;
  table.cache_index_and_filter_blocks_with_high_priority = true;
  table.pin_l0_filter_and_index_blocks_in_cache = true;
  if (records) {
    // A ribbon filter takes three bits a key less, in the cache alone, and a cold read some 4 us
    // more.
    table.filter_policy.reset(rocksdb::NewBloomFilterPolicy(10));
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
    cf.merge_operator = NewHeaderMerge();
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
