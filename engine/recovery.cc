#include "engine/recovery.h"

#include <glog/logging.h>

#include <algorithm>
#include <chrono>
#include <deque>
#include <thread>
#include <utility>

#include "codec/bytes.h"
#include "codec/log_frame.h"
#include "codec/number_text.h"
#include "codec/proto/checkpoint.pb.h"
#include "codec/rdb/object.h"
#include "codec/resp/command_reader.h"
#include "engine/hot_tier.h"
#include "engine/tier/late_bases.h"
#include "engine/tier/residency.h"
#include "engine/tier/spiller.h"
#include "engine/tier/write_back.h"
#include "engine/types/list.h"
#include "engine/types/type_effects.h"
#include "engine/types/value_codec.h"

namespace thermocline::engine {
namespace {

// Keys of a chunk; two are in memory, one being read. A walk has only small values, and opens an
// iterator that reads ahead in every table: long ones read less twice.
constexpr size_t kReadsAtOnce = 1024;
constexpr size_t kWindowInWalkedChunks = 32;
constexpr size_t kWalksAtOnce = 4;
constexpr size_t kLargeValuesAtOnce = 4;      // at least, whatever they take
constexpr size_t kFramesBetweenLooks = 2048;  // at the budget
constexpr size_t kBytesBetweenLooks = 4 << 20;
constexpr size_t kForeseenMax = 128;  // keys: more would push each other out of the cache

// A key of any database, as one string.
std::string FullName(DbId id, std::string_view key) {
  std::string name(reinterpret_cast<const char*>(&id), sizeof(id));
  return name.append(key);
}

codec::Status Misfit(const Effect& effect, const char* what) {
  return codec::Status::Corruption("effect " + std::string(effect.argv[0]) + " on a key that " +
                                   what);
}

codec::StatusOr<std::optional<proto::CheckpointRecord>> ReadCheckpoint(ColdBackend& backend) {
  TC_ASSIGN_OR_RETURN(const std::optional<std::string> sealed,
                      backend.ReadMeta(codec::kMetaCheckpoint));
  if (!sealed) return std::optional<proto::CheckpointRecord>();
  TC_ASSIGN_OR_RETURN(const std::string_view body,
                      codec::OpenMeta(codec::kMetaCheckpoint, *sealed));
  proto::CheckpointRecord record;
  if (body.size() > (1u << 30) ||
      !record.ParseFromArray(body.data(), static_cast<int>(body.size()))) {
    return codec::Status::Corruption("the checkpoint record in the cold tier cannot be parsed");
  }
  return std::optional<proto::CheckpointRecord>(std::move(record));
}

}  // namespace

DbId NewDbId(Lsn lsn, uint32_t ordinal, int number) {
  // A frame has more bytes than effects, so lsn + ordinal belongs to this effect alone.
  return (lsn + ordinal) << 16 | static_cast<DbId>(number);
}

codec::StatusOr<bool> Recovery::IsVoid(ColdBackend& backend) {
  TC_ASSIGN_OR_RETURN(const std::optional<proto::CheckpointRecord> record, ReadCheckpoint(backend));
  return record && record->without_log() && !record->clean();
}

codec::Status Recovery::LoadCheckpoint() {
  TC_ASSIGN_OR_RETURN(const std::optional<std::string> sealed_high,
                      core_.backend->ReadMeta(codec::kMetaHigh));
  if (sealed_high) {
    TC_ASSIGN_OR_RETURN(high_, codec::DecodeMetaHigh(*sealed_high));
  }
  std::vector<DbId> ids(static_cast<size_t>(core_.options.databases));
  for (size_t i = 0; i < ids.size(); ++i) ids[i] = i;
  std::vector<Keyspace::Dropped> dropped;
  checkpoint_ = 1;
  TC_ASSIGN_OR_RETURN(const std::optional<proto::CheckpointRecord> found,
                      ReadCheckpoint(*core_.backend));
  if (found) {
    const proto::CheckpointRecord& record = *found;
    checkpoint_ = record.lsn();
    without_log_ = record.without_log();
    db_ = record.select_db();
    for (const proto::DbMapping& mapping : record.databases()) {
      if (mapping.number() < 0)
        return codec::Status::Corruption("the checkpoint names a negative database");
      if (static_cast<size_t>(mapping.number()) < ids.size()) {
        ids[static_cast<size_t>(mapping.number())] = mapping.id();
        continue;
      }
      TC_ASSIGN_OR_RETURN(const ColdCounts counts, core_.backend->ReadCounts(mapping.id()));
      if (counts.records > 0) {
        return codec::Status::InvalidArgument("database " + std::to_string(mapping.number()) +
                                              " holds " + std::to_string(counts.records) +
                                              " keys, but 'databases' is " +
                                              std::to_string(core_.options.databases));
      }
    }
    for (const proto::DroppedId& d : record.dropped()) dropped.push_back({d.id(), d.dropped_lsn()});
    write_back_.RecallReplayCost(record.replay_us_per_key());
    core_.stats.last_checkpoint_unix_s = static_cast<int64_t>(record.created_unix_ms() / 1000);
  }
  core_.keyspace.Load(ids, std::move(dropped));
  TC_RETURN_IF_ERROR(core_.backend->ForEachGrave(
      [this](Lsn lsn, uint64_t id, uint64_t position, std::string_view key) {
        graves_[id].push_back({lsn, position, std::string(key)});
        return codec::Status();
      }));
  for (int i = 0; i < core_.keyspace.databases(); ++i)
    TC_RETURN_IF_ERROR(LoadSpace(core_.keyspace.at(i)));
  write_back_.SetLastCheckpoint(checkpoint_);
  return {};
}

codec::Status Recovery::LoadSpace(Space& space) {
  TC_ASSIGN_OR_RETURN(const ColdCounts counts, core_.backend->ReadCounts(space.id));
  space.cold_records = space.live = counts.records;
  space.cold_expires = space.live_expires = counts.expires;
  space.reached_cold = counts.records > 0;
  space.filter_covers = counts.records > 0 ? 0 : Space::kFilterComplete;
  const auto graves = graves_.find(space.id);
  if (graves == graves_.end()) return {};
  for (const Grave& grave : graves->second)
    hot_.InstallGrave(space, grave.position, grave.key, grave.lsn);
  graves_.erase(graves);
  return {};
}

codec::Status Recovery::Flush(int number, DbId new_id) {
  hot_.FlushDb(number, new_id);
  return LoadSpace(
      core_.keyspace.at(number));  // captures after the flush may have reached the cold tier
}

// The more of the cold tier's keys a window has, the more of them share a block: with half of them
// each block is read once, with a thirtieth once for each key.
size_t Recovery::WindowKeys(const Core& core) {
  if (core.options.replay_window_keys != 0) return core.options.replay_window_keys;
  return std::clamp<size_t>(core.stats.budget_bytes / 8192, 1 << 16, 1 << 20);
}

codec::Status Recovery::Run() {
  core_.recovering = true;
  core_.expire_by_clock = false;
  const int64_t begin_us = core_.clock->MonotonicUs();
  TC_RETURN_IF_ERROR(LoadCheckpoint());
  TC_RETURN_IF_ERROR(Replay(checkpoint_));
  TC_RETURN_IF_ERROR(CheckBuried());
  TC_RETURN_IF_ERROR(core_.log->Start(high_, /*may_jump=*/without_log_));
  core_.log_db = db_;
  DropGraves();
  late_bases_.Begin();
  core_.recovering = false;
  core_.expire_by_clock = true;
  const int64_t elapsed_us = core_.clock->MonotonicUs() - begin_us;
  core_.stats.recovery_ms = elapsed_us / 1000;
  write_back_.LearnReplayCost(elapsed_us);
  return {};
}

codec::Status Recovery::Replay(Lsn from) {
  for (;;) {
    TC_RETURN_IF_ERROR(ApplyFrames(from, Until::kBaseIsCold, &from));
    if (from == 0) return {};
    TC_RETURN_IF_ERROR(CollectWindow(from));
    TC_RETURN_IF_ERROR(ReadAhead());
    TC_RETURN_IF_ERROR(ApplyFrames(from, Until::kWindowEnd, &from));
    absent_.clear();
    if (from == 0) return {};
  }
}

codec::Status Recovery::CollectWindow(Lsn from) {
  window_end_ = 0;
  window_db_ = db_;
  mapping_changed_ = false;
  frames_after_change_ = 0;
  const auto foresee = [this](std::span<const ReplayFrame> frames) { Foresee(frames, window_db_); };
  const auto collect = [this](const ReplayFrame& frame) {
    if (frame.flags & codec::kFrameKeyless) return codec::Status();
    // Keys that are changed again and again must not fill it.
    const bool full = wanted_.size() >= window_keys_;
    if (full) UniteWanted();
    if ((full && wanted_.size() > window_keys_ / 2) || frames_after_change_ > window_keys_ / 16) {
      window_end_ = frame.lsn;
      return codec::Status::Unavailable("the window ends here");
    }
    Collect(frame);
    return codec::Status();
  };
  const codec::Status status = core_.log->Replay(from, collect, foresee);
  UniteWanted();
  return window_end_ != 0 ? codec::Status() : status;
}

bool Recovery::BaseIsCold(const ReplayFrame& frame) {
  window_db_ = db_;
  mapping_changed_ = false;
  Collect(frame);
  const bool cold = !wanted_.empty();
  wanted_.clear();
  return cold;
}

codec::Status Recovery::ApplyFrames(Lsn from, Until until, Lsn* next) {
  *next = until == Until::kWindowEnd ? window_end_ : 0;
  size_t frames = 0, bytes = 0;
  bool at_end = false, full = false;
  const codec::Status stop = codec::Status::Unavailable("the window ends here");
  const auto foresee = [this](std::span<const ReplayFrame> frames) { Foresee(frames, db_); };
  const auto apply = [&](const ReplayFrame& frame) {
    if (frame.flags & codec::kFrameKeyless) return codec::Status();
    if (until == Until::kWindowEnd ? frame.lsn == window_end_ : BaseIsCold(frame)) {
      *next = frame.lsn;
      at_end = true;
      return stop;
    }
    TC_RETURN_IF_ERROR(Apply(frame));
    ++core_.stats.replayed_frames;
    core_.stats.replayed_bytes += frame.payload.size();
    core_.replay_next = frame.lsn + frame.payload.size();
    bytes += frame.payload.size();
    if (++frames < kFramesBetweenLooks && bytes < kBytesBetweenLooks) return codec::Status();
    frames = bytes = 0;
    core_.spiller->Measure();
    full = core_.spiller->short_of_memory();
    return full ? stop : codec::Status();
  };
  const codec::Status status = core_.log->Replay(from, apply, foresee);
  if (!full && !at_end) TC_RETURN_IF_ERROR(status);
  if (full) *next = core_.replay_next;
  core_.spiller->Measure();
  return core_.spiller->short_of_memory() ? RelieveMemory() : codec::Status();
}

codec::Status Recovery::ResolveLateBases() {
  late_bases_.Begin();
  std::vector<ColdRead*> done;
  while (late_bases_.pending()) {
    late_bases_.Slice(static_cast<size_t>(core_.options.cold_readers) * 2);
    if (!core_.options.background) core_.cold->RunUntilIdle();
    done.clear();
    if (core_.cold->DrainReads(&done) == 0)
      std::this_thread::sleep_for(std::chrono::microseconds(50));
    for (ColdRead* read : done) late_bases_.Complete(read);
    // Time stands still here: a read that failed is not tried again.
    if (!late_bases_.reading()) TC_RETURN_IF_ERROR(late_bases_.error());
  }
  late_bases_.Slice();  // forgets them
  return {};
}

codec::Status Recovery::RelieveMemory() {
  core_.spiller->KeepGiants();
  if (!core_.spiller->short_of_memory()) return {};
  TC_RETURN_IF_ERROR(ResolveLateBases());
  TC_RETURN_IF_ERROR(core_.log->MakeRecoveredDurable());
  TC_RETURN_IF_ERROR(core_.backend->MakeWritable());
  core_.log_db = db_;
  write_back_.Start();
  while (write_back_.checkpoint_running()) {
    write_back_.Slice();
    if (!core_.options.background) core_.cold->RunUntilIdle();
    core_.cold->NotifyDurable();
    write_back_.TakeLanded(/*spill=*/false);
    if (!core_.cold->healthy()) return core_.cold->error().Annotate("spilling during replay");
    if (core_.options.background) std::this_thread::sleep_for(std::chrono::microseconds(100));
  }
  core_.spiller->DropAllNow();
  return {};
}

bool Recovery::MustRead(const Space& space, uint64_t position, const Entry* entry, Need need) {
  if (entry == nullptr) return space.MayBeCold(position);
  // [D2] A grave's key may have been made anew and captured since: then its record is the base.
  if (entry->Has(Entry::kGrave)) return space.MayBeCold(position);
  return need == Need::kValue && entry->Has(Entry::kHeaderOnly);
}

void Recovery::Want(int db, std::string_view key, Need need) {
  const Space& space = core_.keyspace.at(db);
  const uint64_t position = space.table.PositionOf(key);
  if (MustRead(space, position, space.table.Find(position, key), need)) {
    wanted_.push_back({space.id, position, std::string(key), need});
  }
}

void Recovery::Foresee(std::span<const ReplayFrame> frames, int db) {
  foreseen_.clear();
  for (const ReplayFrame& frame : frames) {
    if (frame.flags & codec::kFrameKeyless) continue;
    if (frame.select_context >= 0) db = frame.select_context;
    codec::CommandReader reader(frame.payload);
    while (foreseen_.size() < kForeseenMax &&
           reader.Next(&argv_) == codec::CommandReader::kCommand) {
      // Its second word is its key or, in SELECT, a database: a guess that need not be right.
      if (argv_.size() < 2 || db < 0 || db >= core_.keyspace.databases()) continue;
      const Space& space = core_.keyspace.at(db);
      foreseen_.emplace_back(&space, space.table.PositionOf(argv_[1]));
    }
  }
  for (const auto& [space, position] : foreseen_) space->table.PrefetchBucket(position);
  for (const auto& [space, position] : foreseen_) space->PrefetchEntry(position);
}

void Recovery::Collect(const ReplayFrame& frame) {
  if (mapping_changed_) {
    ++frames_after_change_;
    return;
  }
  if (frame.select_context >= 0) window_db_ = frame.select_context;
  codec::CommandReader reader(frame.payload);
  while (reader.Next(&argv_) == codec::CommandReader::kCommand) {
    const codec::StatusOr<Effect> effect = ParseEffect(argv_);
    if (!effect.ok()) return;  // Apply says so, with its place
    switch (effect->verb) {
      case Verb::kSelect:
        window_db_ = static_cast<int>(effect->number);
        break;
      case Verb::kFlushDb:
      case Verb::kFlushAll:
      case Verb::kSwapDb:
        mapping_changed_ = true;
        return;
      default:
        break;
    }
    if (effect->key_first == 0 || window_db_ >= core_.keyspace.databases()) continue;
    const bool many = effect->verb == Verb::kMSet || effect->verb == Verb::kDel;
    const auto first = static_cast<size_t>(effect->key_first);
    const size_t end = many ? argv_.size() : std::min(first + 1, argv_.size());
    for (size_t i = first; i < end; i += static_cast<size_t>(effect->key_step)) {
      if (!effect->whole) Want(window_db_, argv_[i], effect->need);
    }
    if (effect->is_link()) {
      const int to_db = effect->destination_db < 0 ? window_db_ : effect->destination_db;
      if (to_db < core_.keyspace.databases()) Want(to_db, effect->destination, Need::kHeader);
    }
  }
}

void Recovery::UniteWanted() {
  std::sort(wanted_.begin(), wanted_.end());
  auto last = wanted_.begin();
  for (auto it = wanted_.begin(); it != wanted_.end(); ++it) {
    if (it == last) continue;
    if (*last < *it) {
      if (++last != it) *last = std::move(*it);
    } else {
      last->need = std::max(last->need, it->need);
    }
  }
  if (last != wanted_.end()) wanted_.erase(last + 1, wanted_.end());
}

codec::Status Recovery::ReadAhead() {
  apart_bytes_mean_ = 0;
  uint64_t records = 0;
  for (size_t i = 0; i < wanted_.size(); ++i) {
    if (i > 0 && wanted_[i].id == wanted_[i - 1].id) continue;
    records += core_.keyspace.Find(wanted_[i].id)->cold_records;
  }
  walk_ = wanted_.size() * core_.options.replay_walk_records >= records;
  Chunk one, other;
  const codec::Status status = ReadAheadInTurns(&one, &other);
  Await(one);  // the readers write into them
  Await(other);
  wanted_.clear();
  return status;
}

// While one chunk is installed, readers are busy with the other.
codec::Status Recovery::ReadAheadInTurns(Chunk* now, Chunk* ahead) {
  size_t next = SubmitChunk(0, ahead);
  while (!ahead->reads.empty()) {
    std::swap(now, ahead);
    // Values may be large: the rest is read when it is needed, and the next window is smaller.
    core_.spiller->Measure();
    if (core_.spiller->short_of_memory()) {
      window_keys_ = std::max(window_keys_ / 8, std::min(window_keys_, kReadsAtOnce));
      next = wanted_.size();
    }
    next = SubmitChunk(next, ahead);
    TC_RETURN_IF_ERROR(InstallChunk(now));
  }
  return {};
}

size_t Recovery::SubmitChunk(size_t next, Chunk* chunk) {
  chunk->reads.clear();
  chunk->of_rows.clear();
  const ColdRead::Kind kind = walk_ ? ColdRead::Kind::kWalk : ColdRead::Kind::kHeaders;
  const size_t keys_max =
      walk_ ? std::max(kReadsAtOnce, window_keys_ / kWindowInWalkedChunks) : kReadsAtOnce;
  const size_t rows_max = walk_ ? keys_max / kWalksAtOnce : core_.options.headers_a_read;
  size_t values_left = std::max<size_t>(
      ValueBytesAtOnce() / std::max<uint64_t>(apart_bytes_mean_, 1), kLargeValuesAtOnce);
  const size_t end = std::min(next + keys_max, wanted_.size());
  for (; next != end && values_left > 0; ++next) {
    Wanted& wanted = wanted_[next];
    if (apart_bytes_mean_ != 0 && wanted.need == Need::kValue) {
      chunk->reads.push_back(ValueRead(wanted));
      --values_left;
      continue;
    }
    const bool open = !chunk->reads.empty() && chunk->reads.back().kind == kind &&
                      chunk->reads.back().id == wanted.id &&
                      chunk->reads.back().headers.size() < rows_max;
    ColdRead& read = open ? chunk->reads.back() : chunk->reads.emplace_back();
    read.kind = kind;
    read.id = wanted.id;
    read.headers.push_back({.position = wanted.position,
                            .key = wanted.key,
                            .wants_payload = wanted.need == Need::kValue});
    read.payload_bytes_max = ValueBytesAtOnce() / kWalksAtOnce;
    chunk->of_rows.push_back(&wanted);
  }
  Submit(chunk);
  return next;
}

codec::Status Recovery::InstallChunk(Chunk* chunk) {
  Await(*chunk);
  TC_RETURN_IF_ERROR(chunk->status);
  Chunk apart;
  size_t values = 0;
  size_t values_apart = 0;
  uint64_t bytes = 0;
  uint64_t bytes_apart = 0;
  uint64_t bytes_walked = 0;
  auto wanted = chunk->of_rows.begin();
  for (const ColdRead& read : chunk->reads) {
    for (const ColdHeaderRow& row : read.headers) {
      Wanted& of_row = **wanted++;
      if (!row.found) {
        absent_.insert(std::move(of_row));
        continue;
      }
      values += of_row.need == Need::kValue;
      if (of_row.need == Need::kValue && !row.has_payload) {
        ++values_apart;
        bytes_apart += row.header.length;
        if (apart.reads.size() == kReadsAtOnce || bytes + row.header.length > ValueBytesAtOnce()) {
          TC_RETURN_IF_ERROR(ReadAndInstall(&apart));
          bytes = 0;
        }
        // What memory has no room for is read when it is needed.
        if (core_.spiller->short_of_memory()) continue;
        bytes += row.header.length;
        apart.reads.push_back(ValueRead(of_row));
        continue;
      }
      if (row.has_payload && !row.header.payload_inline) {
        bytes_walked += row.header.length;
        if (core_.spiller->short_of_memory()) continue;
      }
      TC_RETURN_IF_ERROR(hot_.Install(*core_.keyspace.Find(read.id), row.position, row.key,
                                      row.header, row.has_payload ? &row.payload : nullptr));
    }
  }
  if (values_apart > values / 2) {
    apart_bytes_mean_ = std::max<uint64_t>(bytes_apart / values_apart, 1);
  }
  NoteReadAtOnce(bytes_walked);
  TC_RETURN_IF_ERROR(InstallValues(chunk));
  return ReadAndInstall(&apart);
}

codec::Status Recovery::ReadAndInstall(Chunk* values) {
  Submit(values);
  Await(*values);
  TC_RETURN_IF_ERROR(values->status);
  TC_RETURN_IF_ERROR(InstallValues(values));
  values->reads.clear();
  core_.spiller->Measure();
  return {};
}

codec::Status Recovery::InstallValues(Chunk* chunk) {
  uint64_t bytes = 0;
  for (ColdRead& read : chunk->reads) {
    if (read.kind != ColdRead::Kind::kValue) continue;
    bytes += read.header.length;
    TC_RETURN_IF_ERROR(InstallRead(&read, /*has_value=*/true));
  }
  NoteReadAtOnce(bytes);
  return {};
}

void Recovery::NoteReadAtOnce(uint64_t bytes) {
  core_.stats.replay_read_peak_bytes = std::max(core_.stats.replay_read_peak_bytes, bytes);
}

uint64_t Recovery::ValueBytesAtOnce() const {
  return std::clamp<uint64_t>(core_.stats.budget_bytes / 32, 1 << 20, 32 << 20);
}

ColdRead Recovery::ValueRead(const Wanted& wanted) {
  ColdRead read;
  read.kind = ColdRead::Kind::kValue;
  read.id = wanted.id;
  read.position = wanted.position;
  read.key = wanted.key;
  return read;
}

void Recovery::Submit(Chunk* chunk) {
  std::vector<ColdRead*> reads;
  for (ColdRead& read : chunk->reads) {
    read.owner = chunk;
    reads.push_back(&read);
  }
  chunk->pending = reads.size();
  chunk->status = {};
  core_.cold->Submit(reads);
}

void Recovery::Await(const Chunk& chunk) {
  std::vector<ColdRead*> done;
  while (chunk.pending > 0) {
    if (!core_.options.background) core_.cold->RunUntilIdle();
    done.clear();
    if (core_.cold->DrainReads(&done) == 0)
      std::this_thread::sleep_for(std::chrono::microseconds(50));
    for (const ColdRead* read : done) {
      auto* of_read = static_cast<Chunk*>(read->owner);
      --of_read->pending;
      if (!read->status.ok()) of_read->status = read->status.Annotate("reading ahead for replay");
    }
  }
}

codec::Status Recovery::InstallRead(ColdRead* read, bool has_value) {
  if (read->found) return hot_.InstallRead(*core_.keyspace.Find(read->id), read, has_value);
  absent_.insert({read->id, read->position, read->key, Need::kValue});
  return {};
}

codec::Status Recovery::EnsureBase(HotTier::Ref* ref, std::string_view key, Need need) {
  const Space& space = *ref->space;
  if (!MustRead(space, ref->position, ref->entry, need) ||
      absent_.contains(KeyName{space.id, ref->position, key})) {
    return {};
  }
  ColdRead read;
  read.kind = need == Need::kValue ? ColdRead::Kind::kValue : ColdRead::Kind::kHeader;
  read.id = space.id;
  read.position = ref->position;
  read.key = key;
  core_.cold->ReadNow(&read);
  TC_RETURN_IF_ERROR(read.status);
  TC_RETURN_IF_ERROR(InstallRead(&read, need == Need::kValue || read.header.payload_inline));
  ref->entry = space.table.Find(ref->position, key);
  return {};
}

codec::Status Recovery::CheckDatabase(int64_t number) const {
  if (number < core_.keyspace.databases()) return {};
  return codec::Status::InvalidArgument("the log writes to database " + std::to_string(number) +
                                        ", but 'databases' is " +
                                        std::to_string(core_.keyspace.databases()));
}

codec::Status Recovery::Apply(const ReplayFrame& frame) {
  core_.frame_lsn = frame.lsn;
  if (frame.select_context >= 0) db_ = frame.select_context;
  codec::CommandReader reader(frame.payload);
  uint32_t ordinal = 0;
  touched_.clear();
  for (;;) {
    const codec::CommandReader::Result result = reader.Next(&argv_);
    if (result == codec::CommandReader::kEnd) return {};
    if (result == codec::CommandReader::kCorrupt) {
      return codec::Status::Corruption("payload is no command at byte " +
                                       std::to_string(reader.offset()));
    }
    TC_ASSIGN_OR_RETURN(const Effect effect, ParseEffect(argv_));
    if (effect.verb == Verb::kMulti || effect.verb == Verb::kExec) continue;
    if (effect.verb == Verb::kSelect) {
      TC_RETURN_IF_ERROR(CheckDatabase(effect.number));
      db_ = static_cast<int>(effect.number);
      continue;
    }
    ++core_.stats.replayed_effects;
    const uint32_t this_ordinal = ordinal++;
    switch (effect.verb) {
      case Verb::kFlushDb:
        TC_RETURN_IF_ERROR(Flush(db_, NewDbId(frame.lsn, this_ordinal, db_)));
        continue;
      case Verb::kFlushAll:
        for (int i = 0; i < core_.keyspace.databases(); ++i) {
          TC_RETURN_IF_ERROR(Flush(i, NewDbId(frame.lsn, this_ordinal, i)));
        }
        continue;
      case Verb::kSwapDb:
        if (effect.number >= core_.keyspace.databases() ||
            effect.number2 >= core_.keyspace.databases()) {
          return codec::Status::InvalidArgument("SWAPDB beyond 'databases'");
        }
        core_.keyspace.Swap(static_cast<int>(effect.number), static_cast<int>(effect.number2));
        continue;
      default:
        break;
    }
    if (effect.is_link()) {
      TC_RETURN_IF_ERROR(ApplyLink(effect));
      continue;
    }
    const bool many = effect.verb == Verb::kMSet || effect.verb == Verb::kDel;
    const size_t keys_end = many ? argv_.size() : 2;
    // Then somebody may ask whether this frame changed the key already ([D1]).
    const bool more_follows = keys_end > 2 || reader.offset() < frame.payload.size();
    for (size_t i = 1; i < keys_end; i += static_cast<size_t>(effect.key_step)) {
      const std::string_view key = argv_[i];
      HotTier::Ref ref = hot_.Locate(db_, key);
      if (!effect.whole) TC_RETURN_IF_ERROR(EnsureBase(&ref, key, effect.need));
      if (HasSeen(ref, key)) continue;
      if (more_follows) touched_.insert(FullName(ref.space->id, key));
      const bool base_unknown =
          effect.whole && MustRead(*ref.space, ref.position, ref.entry, effect.need);
      TC_RETURN_IF_ERROR(
          ApplyToKey(effect, ref, key, effect.verb == Verb::kMSet ? argv_[i + 1] : effect.text));
      if (base_unknown) late_bases_.Add(*ref.space, ref.position, ref.entry);
    }
  }
}

bool Recovery::HasSeen(const HotTier::Ref& ref, std::string_view key) const {
  const Lsn lsn = ref.entry == nullptr ? 0 : ref.entry->lsn();
  return lsn > core_.frame_lsn ||
         (lsn == core_.frame_lsn && !touched_.contains(FullName(ref.space->id, key)));
}

codec::Status Recovery::AdoptBase(HotTier::Ref* ref, std::string_view key) {
  ColdRead read = ValueRead({ref->space->id, ref->position, std::string(key), Need::kValue});
  core_.cold->ReadNow(&read);
  TC_RETURN_IF_ERROR(read.status);
  late_bases_.Learn(
      *ref->space, ref->entry,
      {.position = ref->position, .key = read.key, .found = read.found, .header = read.header});
  ref->entry = ref->space->table.Find(ref->position, key);
  if (!read.found || read.header.lsn < core_.frame_lsn) return {};
  return hot_.Adopt(*ref, &read);
}

codec::Status Recovery::ApplyLink(const Effect& effect) {
  const int to_db = effect.destination_db < 0 ? db_ : effect.destination_db;
  TC_RETURN_IF_ERROR(CheckDatabase(to_db));
  HotTier::Ref target = hot_.Locate(to_db, effect.destination);
  TC_RETURN_IF_ERROR(EnsureBase(&target, effect.destination, Need::kHeader));
  HotTier::Ref source = hot_.Locate(db_, effect.key);
  TC_RETURN_IF_ERROR(EnsureBase(&source, effect.key, Need::kValue));
  target = hot_.Locate(to_db, effect.destination);
  const bool source_seen = HasSeen(source, effect.key);
  bool target_seen = HasSeen(target, effect.destination);
  if (source_seen && !target_seen && target.entry != nullptr &&
      target.entry->Has(Entry::kBaseUnknown)) {
    TC_RETURN_IF_ERROR(AdoptBase(&target, effect.destination));
    target_seen = HasSeen(target, effect.destination);
  }
  if (!source_seen && !source.live()) return Misfit(effect, "is not there");
  const bool take = effect.verb != Verb::kCopy;
  if (!target_seen && source_seen) {
    // The source was captured with the destination, unless that was dropped before.
    hot_.Bury(target, effect.destination, high_);
    buried_.emplace(target.space->id, core_.frame_lsn);
  } else if (!target_seen) {
    touched_.insert(FullName(target.space->id, effect.destination));
    if (const List* list = ListObject(source.entry); list != nullptr && !list->whole()) {
      const KeyRequest nodes{db_, effect.key, Need::kValue};
      TC_RETURN_IF_ERROR(core_.residency->PrepareNow({&nodes, 1}));
    }
    const int64_t deadline = source.entry->expiry_ms();
    const uint64_t bytes = source.entry->MemoryBytes();
    Entry* carried = take ? hot_.TakeValue(source, effect.destination)
                          : hot_.CopyValue(source, effect.destination);
    hot_.SetValue(target, effect.destination, carried,
                  deadline != kNoExpiry ? ExpiryChange::kSet : ExpiryChange::kClear, deadline);
    write_back_.links().Add({source.space->id, source.position},
                            {target.space->id, target.position}, core_.frame_lsn, bytes, take);
  }
  if (!take || source_seen) return {};
  touched_.insert(FullName(source.space->id, effect.key));
  source = hot_.Locate(db_, effect.key);
  hot_.Delete(source);
  return {};
}

codec::Status Recovery::ApplyToKey(const Effect& effect, HotTier::Ref& ref, std::string_view key,
                                   std::string_view value) {
  const auto misfit = [&](const char* what) { return Misfit(effect, what); };
  switch (effect.verb) {
    case Verb::kSet: {
      const ExpiryChange change = effect.keep_ttl      ? ExpiryChange::kKeep
                                  : effect.number != 0 ? ExpiryChange::kSet
                                                       : ExpiryChange::kClear;
      hot_.Set(ref, key, StringValue::FromText(value), change, effect.number);
      return {};
    }
    case Verb::kMSet:
      hot_.Set(ref, key, StringValue::FromText(value), ExpiryChange::kClear, kNoExpiry);
      return {};
    case Verb::kDel:
      if (!hot_.Delete(ref)) return misfit("is not there");
      return {};
    case Verb::kExpireAt:
      if (!ref.live()) return misfit("is not there");
      hot_.SetExpiry(ref, effect.number);
      return {};
    case Verb::kPersist:
      if (!ref.live()) return misfit("is not there");
      hot_.SetExpiry(ref, kNoExpiry);
      return {};
    case Verb::kAppend:
      if (ref.live() && ref.entry->type() != ValueType::kString) return misfit("holds no string");
      if ((ref.live() ? ref.entry->ValueLength() : 0) + value.size() > Entry::kValueBytesMax) {
        return misfit("would grow beyond 512 MB");
      }
      hot_.Append(ref, key, value);
      return {};
    case Verb::kSetRange:
      if (ref.live() && ref.entry->type() != ValueType::kString) return misfit("holds no string");
      if (static_cast<uint64_t>(effect.number) + value.size() > Entry::kValueBytesMax) {
        return misfit("would grow beyond 512 MB");
      }
      hot_.SetRange(ref, key, static_cast<size_t>(effect.number), value);
      return {};
    case Verb::kIncrBy: {
      int64_t number = 0;
      if (ref.live() && !ref.entry->IsInt(&number)) {
        char text[24];
        if (!codec::ParseInt64(ref.entry->StringView(text), &number))
          return misfit("holds no integer");
      }
      if (__builtin_add_overflow(number, effect.number, &number)) return misfit("would overflow");
      hot_.SetInt(ref, key, number);
      return {};
    }
    case Verb::kRestore: {
      TC_ASSIGN_OR_RETURN(const codec::DumpView dump, codec::OpenDump(value));
      TC_ASSIGN_OR_RETURN(
          Entry * fresh, DecodeValue({.key = key,
                                      .rdb_type = dump.type,
                                      .payload = dump.body,
                                      .limits = &core_.options.type_limits,
                                      .names = &core_.field_names,
                                      .mode = dump.type == codec::kRdbString ? DecodeMode::kRestore
                                                                             : DecodeMode::kCold}));
      hot_.SetValue(ref, key, fresh, effect.number != 0 ? ExpiryChange::kSet : ExpiryChange::kClear,
                    effect.number);
      return {};
    }
    case Verb::kCollection: {
      TypeEffects* effects = core_.type_effects[static_cast<size_t>(effect.type)];
      if (ref.live() && ref.entry->type() != effect.type) return misfit("holds another type");
      if (const List* list = ref.live() ? ListObject(ref.entry) : nullptr;
          list != nullptr && !list->whole()) {
        const KeyRequest nodes{db_, key, Need::kValue, effect.part};
        TC_RETURN_IF_ERROR(core_.residency->PrepareNow({&nodes, 1}));
      }
      return effects->Apply(effect, ref, key);
    }
    default:
      return codec::Status::Corruption("effect without a key");
  }
}

codec::Status Recovery::CheckBuried() const {
  if (core_.log->NextLsn() <= high_) return {};  // Start says what is missing
  for (const auto& [id, lsn] : buried_) {
    if (core_.keyspace.Find(id) == nullptr) continue;
    return codec::Status::Corruption(
        "the frame at LSN " + std::to_string(lsn) + " makes a key of database " +
        std::to_string(core_.keyspace.NumberOf(id)) +
        " from one that the cold tier holds as it became later, without the other");
  }
  return {};
}

void Recovery::DropGraves() {
  std::vector<Entry*> graves;
  core_.keyspace.ForEach([&](Space& space) {
    graves.clear();
    uint64_t hand = 0;
    do {
      hand = space.table.ForSlice(hand, 100'000, [&](Entry* entry) {
        if (entry->Has(Entry::kTombstone) && !entry->Has(Entry::kDirty)) graves.push_back(entry);
      });
    } while (hand != 0);
    for (Entry* entry : graves) hot_.Drop(space, space.table.PositionOf(entry), entry);
  });
}

}  // namespace thermocline::engine
