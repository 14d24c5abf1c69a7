#include "engine/database.h"

#include <glog/logging.h>
#include <rocksdb/file_system.h>

#include <algorithm>
#include <chrono>
#include <thread>
#include <utility>

#include "codec/number_text.h"
#include "codec/rdb/object.h"
#include "engine/cold/rocks_backend.h"
#include "engine/core.h"
#include "engine/env/file_system.h"
#include "engine/env/machine_limits.h"
#include "engine/expirer.h"
#include "engine/frame.h"
#include "engine/hot_tier.h"
#include "engine/recovery.h"
#include "engine/scan.h"
#include "engine/tier/access.h"
#include "engine/tier/filter_loader.h"
#include "engine/tier/late_bases.h"
#include "engine/tier/residency.h"
#include "engine/tier/spiller.h"
#include "engine/tier/write_back.h"
#include "engine/types/hash_effects.h"
#include "engine/types/list_effects.h"
#include "engine/types/member_table.h"
#include "engine/types/set_effects.h"
#include "engine/types/value_codec.h"
#include "engine/types/zset_effects.h"

namespace thermocline::engine {
namespace {

constexpr int64_t kResumePauseMs = 100;
constexpr int64_t kCronMs = 100;
constexpr int64_t kStopTimeoutMs = 600'000;

// A budget from which on level 0 may be large: the buffers of its merge do not count, and sweeps
// are so long that few of its files overlap.
constexpr uint64_t kAmple = 1 << 30;
// One of which memtables that make level 0 and the base level four times as large again are a small
// part: half of what compactions did (docs/performance.md, "Collections").
constexpr uint64_t kPlenty = uint64_t{4} << 30;

// Shares of maxmemory that are fixed at start.
uint64_t MemtableBytes(uint64_t budget) {
  return std::clamp<uint64_t>(budget / 12, 4 << 20, budget >= kPlenty ? 256 << 20 : 64 << 20);
}
uint64_t BlockCacheBytes(uint64_t budget) {
  return std::clamp<uint64_t>(budget / 12, 4 << 20, 512 << 20);
}
constexpr uint64_t kPlacesShare = 4;  // of the budget, at most
uint64_t MemtableSize(uint64_t budget) {
  const uint64_t max = budget >= kPlenty ? 64 << 20 : budget >= kAmple ? 16 << 20 : 8 << 20;
  return std::min<uint64_t>(MemtableBytes(budget) / 4, max);
}
// The memtables are empty meanwhile, so half of their share would do; where there is less memory
// the table builders' buffers count, too.
uint64_t StagedBytes(uint64_t budget) {
  return budget >= kPlenty ? MemtableBytes(budget) / 2 : MemtableSize(budget);
}
// Each merge of level 0 rewrites what the base level holds.
int Level0Files(uint64_t budget) { return budget >= kAmple ? 32 : 16; }
uint64_t TableFileBytes(uint64_t budget) { return budget >= kPlenty ? 128 << 20 : 32 << 20; }
// A compaction may read all files of level 0 at once, each through a buffer.
uint64_t CompactionReadahead(uint64_t budget) {
  const uint64_t inputs =
      uint64_t{RocksOptions::kLevel0StopsAt} * static_cast<uint64_t>(Level0Files(budget));
  return std::clamp<uint64_t>(budget / 16 / inputs, 64 << 10, 1 << 20) & ~uint64_t{4095};
}

// Of the budget, at most: values that renames and copies tied together.
constexpr uint64_t kLinkedShare = 16;

}  // namespace

class Database::Impl {
 public:
  Impl(Options options, const HashKey& hash_key)
      : core(std::move(options), hash_key),
        hot(core),
        residency(core, hot),
        write_back(core, hot),
        spiller(core, hot, write_back),
        expirer(core, hot, write_back),
        scanner(core),
        filter_loader(core),
        late_bases(core, hot),
        lists(core, hot),
        hashes(core, hot),
        sets(core, hot),
        zsets(core, hot) {
    core.residency = &residency;
    core.write_back = &write_back;
    core.spiller = &spiller;
    core.late_bases = &late_bases;
    core.type_effects[static_cast<size_t>(ValueType::kList)] = &lists;
    core.type_effects[static_cast<size_t>(ValueType::kHash)] = &hashes;
    core.type_effects[static_cast<size_t>(ValueType::kSet)] = &sets;
    core.type_effects[static_cast<size_t>(ValueType::kZset)] = &zsets;
  }

  std::unique_ptr<DirLock> lock;
  std::unique_ptr<Clock> own_clock;
  std::unique_ptr<Random> own_random;
  std::unique_ptr<RocksBackend> backend;
  // The store's writer reads `log`, and the log's thread pokes the store: the store stops first.
  std::unique_ptr<Log> log;
  std::unique_ptr<ColdStore> cold;

  Core core;
  HotTier hot;
  Residency residency;
  WriteBack write_back;
  Spiller spiller;
  Expirer expirer;
  Scanner scanner;
  FilterLoader filter_loader;
  LateBases late_bases;
  Lists lists;
  Hashes hashes;
  Sets sets;
  SortedSets zsets;

  std::vector<ColdRead*> reads;
  std::vector<std::pair<const Collection*, uint64_t>> prefetched;  // of Prefetch; kept for its room
  bool busy = false;  // the last EndTick left work for the next
  bool log_was_on = true;
  int64_t next_resume_ms = 0;
  int64_t next_measure_ms = 0;
  int64_t next_sizes_ms = 0;

  codec::Status Open(const std::string& root, const RocksOptions& rocks_options, bool discard);
  // Under every policy: when the frame that removed the key cannot be written, whoever was told of
  // it depends on that frame ([G4]).
  void GateOnAbsence(const Space& space, uint64_t position) {
    if (core.options.append_only) {
      core.gate = std::max(core.gate, space.table.RemovalLsn(position));
    }
  }
  const Entry* Look(int db, std::string_view key, bool count, bool touch, bool report);
  void SetWhole(HotTier::Ref& ref, std::string_view key, Entry* value, int64_t expire_at_ms);
  // Why nothing can be written back.
  codec::Status ColdError() const { return cold->healthy() ? late_bases.error() : cold->error(); }
  void Measure();
};

// ---- opening
// --------------------------------------------------------------------------------------------------------

codec::Status Database::Impl::Open(const std::string& root, const RocksOptions& rocks_options,
                                   bool discard) {
  if (discard) {
    // [D13] The last run kept no log and did not stop cleanly: what the cold tier holds is a state
    // that never was.
    LOG(WARNING)
        << "the last run had 'appendonly no' and did not stop cleanly: its data are discarded";
    backend.reset();
    TC_RETURN_IF_ERROR(RocksBackend::Destroy(rocks_options));
    TC_ASSIGN_OR_RETURN(backend, RocksBackend::Open(rocks_options));
    TC_RETURN_IF_ERROR(backend->WriteMeta(codec::kMetaHashKey,
                                          codec::EncodeMetaHashKey(core.keyspace.hash_key())));
    TC_RETURN_IF_ERROR(backend->FlushAll());
  }
  core.backend = backend.get();

  LogOptions log_options;
  log_options.fs = core.options.fs;
  log_options.dir = JoinPath(root, "log");
  log_options.segment_bytes = core.options.log_segment_bytes;
  log_options.policy = core.options.fsync;
  log_options.clock = core.clock;
  log_options.random = core.random;
  log_options.background = core.options.background;
  log_options.low_water_bytes = core.options.low_water_bytes;
  log_options.kept_bytes_max =
      std::clamp<uint64_t>(core.stats.budget_bytes / 16, 1 << 20, 64 << 20);
  log_options.write_to_disk = core.options.append_only;
  log_options.wake = [this] {
    if (cold) cold->NotifyDurable();
    if (core.options.wake) core.options.wake();
  };
  TC_ASSIGN_OR_RETURN(log, Log::Open(std::move(log_options)));
  core.log = log.get();

  ColdStoreOptions store_options;
  store_options.readers = core.options.cold_readers;
  store_options.background = core.options.background;
  store_options.reads_first = core.options.reads_first;
  store_options.durable_end = [this] { return log->DurableEnd(); };
  store_options.request_sync = [this] { log->RequestSync(); };
  store_options.wake = core.options.wake;
  store_options.wake_fd = core.options.wake_fd;
  store_options.place_bytes_max =
      std::min(core.options.place_bytes, core.stats.budget_bytes / kPlacesShare);
  store_options.decode = HotTier::DecodeRead;
  store_options.staged_bytes_max = core.options.staged_bytes_max != 0
                                       ? core.options.staged_bytes_max
                                       : StagedBytes(core.stats.budget_bytes);
  cold = std::make_unique<ColdStore>(backend.get(), std::move(store_options));
  core.cold = cold.get();

  core.now_ms = core.clock->WallMs();
  TC_RETURN_IF_ERROR(Recovery(core, hot, write_back, late_bases).Run());
  TC_RETURN_IF_ERROR(backend->MakeWritable());
  filter_loader.Begin();
  log_was_on = core.options.append_only;
  if (!core.options.append_only || discard)
    write_back.Start();  // the record says so before anything is captured
  Measure();
  return {};
}

codec::StatusOr<std::unique_ptr<Database>> Database::Open(Options options) {
  if (options.databases < 1 || options.databases > 65536) {
    return codec::Status::InvalidArgument("'databases' must be between 1 and 65536");
  }
  if (!options.fs) options.fs = DefaultFileSystem();
  const std::string root = JoinPath(options.dir, "thermocline");
  TC_ASSIGN_OR_RETURN(const bool ours, FileExists(options.fs, root));
  if (!ours) {
    for (const char* theirs : {"dump.rdb", "appendonlydir"}) {
      TC_ASSIGN_OR_RETURN(const bool found, FileExists(options.fs, JoinPath(options.dir, theirs)));
      if (found) {
        return codec::Status::Unsupported(
            "'" + options.dir + "' holds Redis's " + theirs +
            ", which this version cannot import yet: move it away to start empty");
      }
    }
    TC_RETURN_IF_ERROR(CreateDirDurably(options.fs, root));
  }
  TC_ASSIGN_OR_RETURN(auto lock, DirLock::Acquire(options.fs, JoinPath(root, "LOCK")));

  std::unique_ptr<Clock> own_clock;
  std::unique_ptr<Random> own_random;
  if (options.clock == nullptr) options.clock = RealClock::Get();
  if (options.random == nullptr) {
    own_random = std::make_unique<Random>(Random::Entropy());
    options.random = own_random.get();
  }

  const uint64_t budget =
      options.maxmemory != 0 ? options.maxmemory : options.machine_memory / 10 * 6;
  RocksOptions rocks_options;
  rocks_options.fs = options.fs;
  rocks_options.dir = JoinPath(root, "cold");
  rocks_options.memtable_bytes = MemtableBytes(budget);
  rocks_options.memtable_size = MemtableSize(budget);
  rocks_options.level0_files = Level0Files(budget);
  rocks_options.target_file_bytes = TableFileBytes(budget);
  rocks_options.block_cache_bytes = BlockCacheBytes(budget);
  rocks_options.compaction_readahead_bytes = CompactionReadahead(budget);
  rocks_options.direct_io = options.direct_io;
  rocks_options.tells_places = options.place_bytes > 0;
  rocks_options.opening_threads = options.cold_readers;
  rocks_options.read_only_at_first = true;
  TC_ASSIGN_OR_RETURN(std::unique_ptr<RocksBackend> backend, RocksBackend::Open(rocks_options));

  // Positions are stored, so the hash's key is as old as the directory.
  HashKey hash_key;
  TC_ASSIGN_OR_RETURN(const std::optional<std::string> sealed,
                      backend->ReadMeta(codec::kMetaHashKey));
  if (sealed) {
    TC_ASSIGN_OR_RETURN(hash_key, codec::DecodeMetaHashKey(*sealed));
  } else {
    hash_key = {options.random->Next(), options.random->Next()};
    TC_RETURN_IF_ERROR(backend->MakeWritable());
    TC_RETURN_IF_ERROR(backend->WriteMeta(codec::kMetaHashKey, codec::EncodeMetaHashKey(hash_key)));
    TC_RETURN_IF_ERROR(backend->FlushAll());
  }
  TC_ASSIGN_OR_RETURN(const bool discard, Recovery::IsVoid(*backend));

  auto impl = std::make_unique<Impl>(std::move(options), hash_key);
  impl->lock = std::move(lock);
  impl->own_random = std::move(own_random);
  impl->backend = std::move(backend);
  impl->core.clock = impl->core.options.clock;
  impl->core.random = impl->core.options.random;
  impl->core.stats.budget_bytes = budget;
  impl->core.stats.fixed_bytes = rocks_options.memtable_bytes + rocks_options.block_cache_bytes;
  TC_RETURN_IF_ERROR(impl->Open(root, rocks_options, discard));
  std::unique_ptr<Database> database(new Database(std::move(impl)));
  database->impl_->spiller.SetEvict(database.get(), [](void* self, int db, std::string_view key) {
    return static_cast<Database*>(self)->Evict(db, key);
  });
  return database;
}

Database::Database(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

Database::~Database() {
  if (!impl_->cold) return;
  impl_->cold->Stop();
  // Reads that nobody takes any more; a scan's belongs to its request.
  std::vector<ColdRead*> left;
  impl_->cold->DrainReads(&left);
  for (ColdRead* read : left) {
    if (read->owner != impl_->scanner.owner_tag()) delete read;
  }
}

void Database::SetListener(DatabaseListener* listener) { impl_->core.listener = listener; }
void Database::SetWatching(bool any_watchers) { impl_->core.watching = any_watchers; }
void Database::SetReports(bool created, bool missed) {
  impl_->core.report_created = created;
  impl_->core.report_missed = missed;
}
const Options& Database::options() const { return impl_->core.options; }
Options& Database::mutable_options() { return impl_->core.options; }
int Database::databases() const { return impl_->core.keyspace.databases(); }

codec::Status Database::ApplyOptions() {
  Impl& d = *impl_;
  d.log->SetPolicy(d.core.options.fsync);
  if (d.core.options.append_only != d.log_was_on) {
    TC_RETURN_IF_ERROR(d.log->SetWriteToDisk(d.core.options.append_only));
    d.log_was_on = d.core.options.append_only;
    d.write_back.Start();
  }
  d.Measure();
  return {};
}

// ---- residency
// ------------------------------------------------------------------------------------------------------

uint64_t Database::PositionOf(std::string_view key) const {
  return impl_->core.keyspace.at(0).table.PositionOf(key);
}

// Two tight loops: nothing in them waits for what an earlier turn fetches, so that the processor
// has many misses (of caches and of address translation) under way at once.
void Database::Prefetch(std::span<const KeyPlace> places) {
  const Keyspace& keyspace = impl_->core.keyspace;
  for (const KeyPlace& place : places) keyspace.at(place.db).table.PrefetchBucket(place.position);
  for (const KeyPlace& place : places) {
    const Space& space = keyspace.at(place.db);
    space.PrefetchEntry(place.position, space.entry_bytes_mean);
  }
  auto& elements = impl_->prefetched;
  elements.clear();
  for (const KeyPlace& place : places) {
    const Space& space = keyspace.at(place.db);
    if (!place.collection) {
      if (space.entry_bytes_mean < Space::kEntryBytesMeanMax) continue;  // few are out of line
      const Entry* entry = space.table.FirstCandidate(place.position);
      if (entry != nullptr) entry->PrefetchOutOfLine();
      continue;
    }
    const Entry* entry = space.table.FirstCandidate(place.position);
    if (entry == nullptr || !entry->is_object()) continue;
    const Collection* object = entry->object();
    engine::Prefetch(object);
    if (!place.element.empty()) elements.emplace_back(object, PositionOfMember(place.element));
  }
  for (const auto& [object, position] : elements) object->PrefetchBucket(position);
  for (const auto& [object, position] : elements) object->PrefetchElement(position);
}

bool Database::Prepare(std::span<const KeyRequest> keys, Waiter* waiter) {
  if (impl_->residency.Prepare(keys, waiter)) return true;
  impl_->spiller.NoteColdRead(waiter);
  return false;
}
codec::Status Database::TakeReadError(Waiter* waiter) { return Residency::TakeError(waiter); }
void Database::Release(Waiter* waiter) {
  impl_->spiller.Release(waiter);
  impl_->residency.Release(waiter);
}

void Database::CancelWait(Waiter* waiter) {
  impl_->spiller.Cancel(waiter);
  impl_->write_back.Cancel(waiter);
  impl_->late_bases.Cancel(waiter);
  impl_->scanner.Cancel(waiter);
  impl_->residency.Cancel(waiter);
}

codec::Status Database::PrepareNow(std::span<const KeyRequest> keys) {
  return impl_->residency.PrepareNow(keys);
}
Admission Database::AdmitGrowth(Waiter* waiter) {
  return WriteError().ok() ? impl_->spiller.Admit(waiter) : Admission::kMisconf;
}

codec::Status Database::WriteError() const {
  if (!impl_->log->Healthy()) return impl_->log->LastError();
  return {};
}

codec::Status Database::GrowthError() const {
  const codec::Status error = WriteError();
  if (!error.ok()) return error;
  return impl_->ColdError();
}

// ---- frames
// ---------------------------------------------------------------------------------------------------------

void Database::BeginFrame() { OpenFrame(impl_->core); }
Lsn Database::CommitFrame() { return CloseFrame(impl_->core); }
bool Database::in_frame() const { return impl_->core.in_frame; }
bool Database::frame_has_effects() const { return !impl_->core.effects.empty(); }
Lsn Database::DurableEnd() const { return impl_->log->DurableEnd(); }
Lsn Database::WrittenEnd() const { return impl_->log->WrittenEnd(); }
Lsn Database::LogEnd() const { return impl_->log->EndOffset(); }
void Database::GateOnLogEnd() {
  impl_->core.gate = std::max(impl_->core.gate, impl_->log->EndOffset());
}
int64_t Database::NowMs() const { return impl_->core.now_ms; }

// ---- reads
// ----------------------------------------------------------------------------------------------------------

const Entry* Database::Impl::Look(int db, std::string_view key, bool count, bool touch,
                                  bool report) {
  Space& space = core.keyspace.at(db);
  const uint64_t position = space.table.PositionOf(key);
  Entry* entry = space.table.Find(position, key);
  if (entry != nullptr && !entry->Has(Entry::kTombstone)) {
    const int64_t deadline = entry->Has(Entry::kHasExpiry) ? entry->expiry_ms() : kNoExpiry;
    if (deadline == kNoExpiry || deadline > core.now_ms || !core.expire_by_clock) {
      core.gate = std::max<Lsn>(core.gate, entry->lsn());
      if (count) ++core.stats.keyspace_hits;
      if (touch) StampUse(core, entry);
      return entry;
    }
    expirer.Expire(db, key);
  }
  GateOnAbsence(space, position);
  if (count) ++core.stats.keyspace_misses;
  if (report && core.report_missed) [[unlikely]]
    core.listener->OnKeyMissed(db, key);
  return nullptr;
}

const Entry* Database::Find(int db, std::string_view key, Touch touch) {
  return impl_->Look(db, key, /*count=*/true, touch == Touch::kYes, touch != Touch::kPeek);
}
const Entry* Database::FindForWrite(int db, std::string_view key) {
  return impl_->Look(db, key, /*count=*/false, /*touch=*/true, /*report=*/false);
}
Lists& Database::lists() { return impl_->lists; }

bool Database::CountsKnown(Waiter* waiter) { return impl_->late_bases.Await(waiter); }
uint64_t Database::Size(int db) const { return impl_->core.keyspace.at(db).live; }

DbStats Database::DatabaseStats(int db) const {
  const Space& space = impl_->core.keyspace.at(db);
  DbStats stats;
  stats.keys = space.live;
  stats.expires = space.live_expires;
  stats.avg_ttl_ms = static_cast<int64_t>(space.ttl_sample_ms);
  stats.resident = space.resident();
  stats.table_bytes = space.table.memory_bytes();
  stats.expiry_bytes = space.expiry.memory_bytes();
  return stats;
}

bool Database::MayExist(int db, std::string_view key) const {
  const Space& space = impl_->core.keyspace.at(db);
  const uint64_t position = space.table.PositionOf(key);
  const Entry* entry = space.table.Find(position, key);
  return entry != nullptr ? !entry->Has(Entry::kTombstone) : space.MayBeCold(position);
}

// ---- mutations
// ------------------------------------------------------------------------------------------------------

void Database::SetString(int db, std::string_view key, std::string_view value, ExpiryChange change,
                         int64_t expire_at_ms) {
  Core& core = impl_->core;
  HotTier::Ref ref = impl_->hot.Locate(db, key);
  impl_->hot.Set(ref, key, StringValue::FromText(value), change, expire_at_ms);
  switch (change) {
    case ExpiryChange::kClear:
      core.effects.Set(db, key, value);
      break;
    case ExpiryChange::kKeep:
      core.effects.SetKeepTtl(db, key, value);
      break;
    case ExpiryChange::kSet:
      core.effects.SetUntil(db, key, value, expire_at_ms);
      break;
  }
}

void Database::SetFloatText(int db, std::string_view key, std::string_view text) {
  HotTier::Ref ref = impl_->hot.Locate(db, key);
  impl_->hot.Set(ref, key, StringValue::Unparsed(text), ExpiryChange::kKeep, kNoExpiry);
  impl_->core.effects.SetKeepTtl(db, key, text);
}

void Database::SetMany(int db, std::span<const std::string_view> keys_and_values) {
  for (size_t i = 0; i + 1 < keys_and_values.size(); i += 2) {
    HotTier::Ref ref = impl_->hot.Locate(db, keys_and_values[i]);
    impl_->hot.Set(ref, keys_and_values[i], StringValue::FromText(keys_and_values[i + 1]),
                   ExpiryChange::kClear, kNoExpiry);
  }
  impl_->core.effects.SetMany(db, keys_and_values);
}

bool Database::Delete(int db, std::string_view key) {
  HotTier::Ref ref = impl_->hot.Locate(db, key);
  if (!impl_->hot.Delete(ref)) return false;
  impl_->core.effects.Del(db, key);
  return true;
}

size_t Database::DeleteMany(int db, std::span<const std::string_view> keys) {
  std::vector<std::string_view> deleted;
  deleted.reserve(keys.size());
  for (std::string_view key : keys) {
    if (impl_->Look(db, key, /*count=*/false, /*touch=*/false, /*report=*/false) == nullptr)
      continue;
    HotTier::Ref ref = impl_->hot.Locate(db, key);
    if (impl_->hot.Delete(ref)) deleted.push_back(key);
  }
  if (!deleted.empty()) impl_->core.effects.DelMany(db, deleted);
  return deleted.size();
}

bool Database::Evict(int db, std::string_view key) {
  Core& core = impl_->core;
  if (core.in_frame || !core.log->Healthy()) return false;
  OpenFrame(core);
  const bool deleted = Delete(db, key);
  CloseFrame(core);
  if (!deleted) return false;
  ++core.stats.evicted_keys;
  if (core.listener != nullptr) core.listener->OnEvicted(db, key);
  return true;
}

void Database::SetExpiry(int db, std::string_view key, int64_t expire_at_ms) {
  HotTier::Ref ref = impl_->hot.Locate(db, key);
  impl_->hot.SetExpiry(ref, expire_at_ms);
  impl_->core.effects.ExpireAt(db, key, expire_at_ms);
}

void Database::Persist(int db, std::string_view key) {
  HotTier::Ref ref = impl_->hot.Locate(db, key);
  impl_->hot.SetExpiry(ref, kNoExpiry);
  impl_->core.effects.Persist(db, key);
}

size_t Database::Append(int db, std::string_view key, std::string_view tail) {
  HotTier::Ref ref = impl_->hot.Locate(db, key);
  const size_t length = impl_->hot.Append(ref, key, tail);
  impl_->core.effects.Append(db, key, tail);
  return length;
}

size_t Database::SetRange(int db, std::string_view key, size_t offset, std::string_view bytes) {
  HotTier::Ref ref = impl_->hot.Locate(db, key);
  const size_t length = impl_->hot.SetRange(ref, key, offset, bytes);
  impl_->core.effects.SetRange(db, key, offset, bytes);
  return length;
}

int64_t Database::IncrBy(int db, std::string_view key, int64_t delta) {
  HotTier::Ref ref = impl_->hot.Locate(db, key);
  int64_t number = 0;
  if (ref.live() && !ref.entry->IsInt(&number)) {
    char text[24];
    CHECK(codec::ParseInt64(ref.entry->StringView(text), &number)) << "INCRBY needs an integer";
  }
  number += delta;
  impl_->hot.SetInt(ref, key, number);
  impl_->core.effects.IncrBy(db, key, delta);
  return number;
}

codec::StatusOr<EntryPtr> Database::ParseValue(std::string_view key, uint8_t rdb_type,
                                               std::string_view payload) const {
  TC_ASSIGN_OR_RETURN(Entry * entry, DecodeValue({.key = key,
                                                  .rdb_type = rdb_type,
                                                  .payload = payload,
                                                  .limits = &impl_->core.options.type_limits,
                                                  .names = &impl_->core.field_names,
                                                  .mode = DecodeMode::kRestore}));
  return EntryPtr(entry);
}

// A value that came as a whole: what was there is as good as deleted, and is reported so.
void Database::Impl::SetWhole(HotTier::Ref& ref, std::string_view key, Entry* value,
                              int64_t expire_at_ms) {
  const bool replaced = ref.live();
  hot.SetValue(ref, key, value,
               expire_at_ms != kNoExpiry ? ExpiryChange::kSet : ExpiryChange::kClear, expire_at_ms);
  if (replaced && core.report_created) core.listener->OnKeyCreated(ref.db, key);
}

void Database::Restore(int db, std::string_view key, EntryPtr value, int64_t expire_at_ms) {
  // Logged as what it became here: replay must not depend on the limits in force then.
  const std::string dump = DumpValue(value.get(), impl_->core.field_names, /*compress=*/false);
  HotTier::Ref ref = impl_->hot.Locate(db, key);
  impl_->SetWhole(ref, key, value.release(), expire_at_ms);
  impl_->core.effects.Restore(db, key, expire_at_ms, dump);
}

// The value goes under the other key: as a copy, or taken out of its entry. Large ones are linked;
// whether this one is.
bool Database::CarryValue(int from_db, std::string_view from, int to_db, std::string_view to,
                          bool take) {
  Core& core = impl_->core;
  HotTier::Ref source = impl_->hot.Locate(from_db, from);
  CHECK(source.live() && source.entry->resident()) << "the source of a copy must be resident";
  const int64_t deadline = source.entry->expiry_ms();
  const uint32_t access = source.entry->access();
  const Space& target_space = core.keyspace.at(to_db);
  const Links::Place source_place{source.space->id, source.position};
  const Links::Place target_place{target_space.id, target_space.table.PositionOf(to)};
  Links& links = impl_->write_back.links();
  const uint64_t bytes = source.entry->MemoryBytes();
  const bool linked =
      bytes >= core.options.link_threshold &&
      links.Admits(source_place, target_place, bytes, take, core.stats.budget_bytes / kLinkedShare);
  std::string dump;
  if (!linked) dump = DumpValue(source.entry, core.field_names, /*compress=*/false);
  Entry* carried = take ? impl_->hot.TakeValue(source, to) : impl_->hot.CopyValue(source, to);
  HotTier::Ref target = impl_->hot.Locate(to_db, to);
  impl_->SetWhole(target, to, carried, deadline);
  target.entry->set_access(access);
  if (linked) {
    links.Add(source_place, target_place, core.frame_lsn, bytes, take);
  } else {
    core.effects.Restore(to_db, to, deadline, dump);
  }
  return linked;
}

void Database::CopyKey(int from_db, std::string_view from, int to_db, std::string_view to) {
  if (CarryValue(from_db, from, to_db, to, /*take=*/false)) {
    impl_->core.effects.Copy(from_db, from, to_db, to);
  }
}

void Database::MoveKey(int from_db, std::string_view from, int to_db, std::string_view to) {
  DCHECK(from_db == to_db || from == to) << "no command does both";
  if (!CarryValue(from_db, from, to_db, to, /*take=*/true)) {
    Delete(from_db, from);
    return;
  }
  HotTier::Ref source = impl_->hot.Locate(from_db, from);
  impl_->hot.Delete(source);
  if (from_db == to_db) {
    impl_->core.effects.Rename(from_db, from, to);
  } else {
    impl_->core.effects.Move(from_db, from, to_db);
  }
}

Hashes& Database::hashes() { return impl_->hashes; }
Sets& Database::sets() { return impl_->sets; }
SortedSets& Database::zsets() { return impl_->zsets; }
Random& Database::random() { return *impl_->core.random; }

void Database::FlushDb(int db) {
  Core& core = impl_->core;
  if (core.listener != nullptr) core.listener->OnDatabasesChanged(db, -1);
  const DbId id = NewDbId(core.frame_lsn, core.effects.count(), db);
  core.effects.FlushDb(db);
  impl_->hot.FlushDb(db, id);
}

void Database::FlushAll() {
  Core& core = impl_->core;
  const uint32_t ordinal = core.effects.count();
  core.effects.FlushAll();
  for (int i = 0; i < core.keyspace.databases(); ++i) {
    if (core.listener != nullptr) core.listener->OnDatabasesChanged(i, -1);
    impl_->hot.FlushDb(i, NewDbId(core.frame_lsn, ordinal, i));
  }
}

void Database::SwapDb(int a, int b) {
  Core& core = impl_->core;
  if (core.listener != nullptr) core.listener->OnDatabasesChanged(a, b);
  core.effects.SwapDb(a, b);
  core.keyspace.Swap(a, b);
}

void Database::SetAccess(int db, std::string_view key, std::optional<int64_t> idle_s,
                         std::optional<uint8_t> lfu) {
  const HotTier::Ref ref = impl_->hot.Locate(db, key);
  if (!ref.live()) return;
  const Core& core = impl_->core;
  if (IsLfu(core.options.policy)) {
    if (lfu) ref.entry->set_access(uint32_t{LfuMinutes(core.now_ms)} << 8 | *lfu);
  } else if (idle_s) {
    ref.entry->set_access((LruClock(core.now_ms) - static_cast<uint32_t>(*idle_s)) & kLruClockMask);
  }
}

int64_t Database::IdleSeconds(const Entry* entry) const {
  return (LruClock(impl_->core.now_ms) - entry->access()) & kLruClockMask;
}
uint8_t Database::LfuCounter(const Entry* entry) const {
  return DecayedLfu(impl_->core, entry->access());
}

std::string Database::Dump(const Entry* entry) const {
  return DumpValue(entry, impl_->core.field_names, /*compress=*/true);
}

// ---- whole keyspace
// -------------------------------------------------------------------------------------------------

std::optional<ScanPage> Database::ScanStep(ScanRequest* request, Waiter* waiter) {
  GateOnLogEnd();
  return impl_->scanner.Step(request, waiter);
}
std::optional<RandomKeyReply> Database::RandomKey(int db, ScanRequest* request, Waiter* waiter) {
  GateOnLogEnd();
  return impl_->scanner.Random(db, request, waiter);
}

void Database::Yield(Waiter* waiter) {
  impl_->core.ready.push_back(waiter);
  impl_->busy = true;
}

// ---- checkpoint, spilling, time
// -------------------------------------------------------------------------------------

codec::Status Database::StartCheckpoint(Waiter* waiter) {
  TC_RETURN_IF_ERROR(impl_->ColdError());
  const bool was_running = impl_->write_back.checkpoint_running();
  if (waiter != nullptr) impl_->write_back.Await(waiter);
  if (!was_running || waiter != nullptr) impl_->write_back.Start();
  impl_->busy = true;
  return {};
}

void Database::SpillAll(Waiter* waiter) {
  impl_->write_back.Await(waiter);
  impl_->write_back.Start();
  impl_->spiller.SpillAll(waiter);
  impl_->busy = true;
}

void Database::SetActiveExpire(bool on) { impl_->core.active_expire = on; }
void Database::SetExpireByClock(bool on) { impl_->core.expire_by_clock = on; }

// ---- the loop
// -------------------------------------------------------------------------------------------------------

void Database::Impl::Measure() {
  spiller.Measure();
  core.stats.log = log->stats();
  core.stats.log_bytes_on_disk = core.stats.log.disk_bytes;
  next_measure_ms = core.now_ms + 10;
}

void Database::Poll() {
  Impl& d = *impl_;
  Core& core = d.core;
  core.now_ms = core.clock->WallMs();
  if (!core.options.background) d.cold->RunUntilIdle();
  d.write_back.TakeLanded(d.spiller.spills_now());
  d.reads.clear();
  d.cold->DrainReads(&d.reads);
  for (ColdRead* read : d.reads) {
    if (read->owner == d.residency.owner_tag()) {
      d.residency.Complete(read);
    } else if (read->owner == d.expirer.owner_tag()) {
      OpenFrame(core);
      d.expirer.Complete(read);
      CloseFrame(core);
    } else if (read->owner == d.scanner.owner_tag()) {
      d.scanner.Complete(read);
    } else if (read->owner == d.late_bases.owner_tag()) {
      d.late_bases.Complete(read);
    } else {
      d.filter_loader.Complete(read);
    }
  }
  // Waiters may ask for more while they are told: that is the next round's.
  const std::vector<Waiter*> ready = std::exchange(core.ready, {});
  for (Waiter* waiter : ready) waiter->OnReady();
}

void Database::EndTick() {
  Impl& d = *impl_;
  Core& core = d.core;
  core.now_ms = core.clock->WallMs();
  bool more = false;
  OpenFrame(core);
  more |= d.expirer.Slice();
  CloseFrame(core);
  d.residency.SubmitFaults();
  if (d.log->Healthy()) {
    const codec::Status status = d.log->Commit();
    if (!status.ok()) LOG(ERROR) << "writing the log failed: " << status.ToString();
  } else if (core.now_ms >= d.next_resume_ms) {
    d.next_resume_ms = core.now_ms + kResumePauseMs;
    if (d.log->TryResume().ok()) LOG(INFO) << "the log can be written again";
  }
  if (core.options.background && d.log->DurableEnd() > 0) d.cold->NotifyDurable();
  if (core.now_ms >= d.next_measure_ms) d.Measure();
  if (core.now_ms >= d.next_sizes_ms) {
    const ColdStats cold = d.backend->Stats();
    core.stats.cold_bytes_on_disk = cold.disk_bytes;
    core.stats.cold_flush_bytes = cold.flush_bytes_written;
    core.stats.cold_published_bytes = cold.published_bytes;
    core.stats.cold_compaction_read_bytes = cold.bytes_read;
    core.stats.cold_compaction_write_bytes = cold.compaction_bytes_written;
    core.stats.cold_level0_files = cold.level0_files;
    core.stats.cold_running_compactions = cold.running_compactions;
    core.stats.cold_pending_compaction_bytes = cold.pending_compaction_bytes;
    d.filter_loader.Refit();
    d.next_sizes_ms = core.now_ms + 1000;
  }
  if (d.write_back.Due() && !d.write_back.checkpoint_running() && d.cold->healthy())
    d.write_back.Start();
  d.late_bases.Slice();
  more |= d.write_back.Slice();
  more |= d.write_back.has_landed();
  more |= d.spiller.Slice();
  d.filter_loader.Slice();
  d.busy = more || !core.ready.empty();
}

int64_t Database::NextTickMs() const { return impl_->busy ? 0 : kCronMs; }

void Database::SetClientBytes(uint64_t bytes) { impl_->core.client_bytes = bytes; }

void Database::NoteAllocatedBytes(uint64_t bytes) { impl_->spiller.NoteAllocated(bytes); }

size_t Database::ColdReadsInFlight() const { return impl_->cold->reads_in_flight(); }

Stats Database::GetStats() const {
  Impl& d = *impl_;
  Stats stats = d.core.stats;
  stats.changes_since_checkpoint = d.write_back.changes_since_checkpoint();
  stats.checkpoint_running = d.write_back.checkpoint_running();
  stats.cold_reads_in_flight = d.cold->reads_in_flight();
  stats.dirty_keys = d.core.dirty_keys;
  d.core.keyspace.ForEach([&](Space& space) {
    stats.tombstones += space.tombstones;
    stats.resident_keys += space.resident();
    stats.cold_records += space.cold_records;
  });
  stats.unknown_bases = d.core.unknown_bases;
  if (const codec::Status error = d.ColdError(); !error.ok()) stats.cold_error = error.ToString();
  stats.log = d.log->stats();
  stats.log_bytes_on_disk = stats.log.disk_bytes;
  return stats;
}

void Database::ResetStats() {
  Stats& s = impl_->core.stats;
  s.keyspace_hits = s.keyspace_misses = s.expired_keys = s.evicted_keys = 0;
  s.cold_read_hits = s.cold_read_misses = s.synchronous_cold_reads = 0;
  s.direct_cold_reads = 0;
}

codec::Status Database::Close() {
  Impl& d = *impl_;
  d.core.active_expire = false;
  TC_RETURN_IF_ERROR(d.log->SyncNow());
  class Stopped : public Waiter {
   public:
    void OnReady() override { done = true; }
    bool done = false;
  } stopped;
  d.write_back.SetCleanStop();
  d.write_back.Await(&stopped);
  d.write_back.Start();
  const int64_t give_up_us = d.core.clock->MonotonicUs() + kStopTimeoutMs * 1000;
  while (!stopped.done && d.ColdError().ok() && d.core.clock->MonotonicUs() < give_up_us) {
    Poll();
    EndTick();
    if (!d.busy && d.core.options.background)
      std::this_thread::sleep_for(std::chrono::microseconds(200));
  }
  codec::Status status;
  if (!stopped.done) {
    d.write_back.Cancel(&stopped);
    status = codec::Status::Unavailable(
                 "the last checkpoint could not be made; the next start replays the log")
                 .Annotate(d.ColdError().ToString());
  }
  d.cold->Stop();
  const codec::Status log_status = d.log->Close();
  return log_status.ok() ? status : log_status;
}

}  // namespace thermocline::engine
