// Locks: sync_mu_ before mu_. sync_mu_ lets one sync run at a time: Linux reports a failed
// write-back once a descriptor, so of two concurrent fdatasyncs one might wrongly report success.
// The executor writes without any lock and takes mu_ only to publish what it wrote.
#include "engine/log/log.h"

#include <glog/logging.h>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

#include "engine/env/thread.h"
#include "engine/log/frame_buffer.h"
#include "engine/log/recovery.h"
#include "engine/log/segment.h"
#include "engine/log/segment_pool.h"

namespace thermocline::engine {
namespace {

constexpr int64_t kSecondUs = 1'000'000;
constexpr int64_t kDelayedSyncUs = 2 * kSecondUs;
constexpr int64_t kFreeSpacePollUs = 100'000;
constexpr int64_t kIdleUs = 2 * kSecondUs;  // without frames: memory for more of them is given back
constexpr uint64_t kSegmentBytesMin = 4096;
constexpr std::string_view kClosePayload = "*1\r\n$4\r\nPING\r\n";

}  // namespace

struct Log::Impl {
  // A segment that holds frames of the chain, oldest first in live_.
  struct Live {
    std::shared_ptr<SegmentFile> file;
    Lsn base = 0;
    uint64_t end = 0;      // stream offset of its written end
    bool reusable = true;  // false after a failed write or sync: deleted, never overwritten
  };

  explicit Impl(Log* log, LogOptions options) : log_(*log), options_(std::move(options)) {}

  // Executor only.
  void PlanSegment(uint64_t frame_bytes);
  Lsn Append(codec::FrameHeader header, std::string_view payload, int32_t select_db_after);
  Status WriteRuns();
  Status OpenSegmentNow();
  // Where nothing was appended since everything is durable.
  void ReleaseIdle();
  Status Commit();
  Status Resume();
  void RecycleWhatMayBe();
  void PollInline();

  // Any thread.
  Status SyncOnce(bool from_background);
  void Fail(const Status& status);
  void PollFreeSpace();

  // The log's own thread.
  void Run();
  void Stop();

  Log& log_;
  LogOptions options_;
  RecoveredLog recovered_;
  std::unique_ptr<SegmentPool> pool_;

  // Executor only.
  FrameBuffer buffer_{options_.kept_bytes_max};
  std::shared_ptr<SegmentLife> life_;  // the segment that the next frame goes to, if it fits
  bool started_ = false;
  bool closed_ = false;
  bool on_disk_ = true;
  bool appended_ = false;  // anything since Start
  uint32_t next_serial_ = 1;
  uint64_t disk_end_ = 0;  // where the frames that went to segments end: the next "previous end"
  int32_t select_db_ = 0;  // in force at the end
  Lsn jump_base_ = 0;      // of the last segment behind a jump of the stream; 0: none
  uint64_t jump_previous_end_ = 0;
  uint64_t start_end_ = 0;  // the end when Start was called
  bool acquired_ = false;   // a file was taken from the pool since the last look at it
  Lsn recycle_below_ = 0;
  uint64_t live_peak_ = 0;  // most live segments since the last Recycle
  int64_t last_inline_sync_us_ = 0;
  int64_t last_poll_us_ = 0;
  int64_t idle_since_us_ = 0;  // everything is durable, nothing was appended since; 0: it is not so

  std::mutex sync_mu_;  // held while a sync runs, and while Resume replaces the segment

  mutable std::mutex mu_;  // guards what follows
  std::condition_variable cv_;
  bool stop_ = false;
  bool work_ = false;
  Status last_error_;
  std::deque<Live> live_;
  struct Dirty {
    std::shared_ptr<SegmentFile> file;
    uint64_t writes = 0;  // since it was put here; tells whether it was written during a sync
  };
  std::deque<Dirty> dirty_;  // written, not synced; in stream order
  int32_t written_select_ = 0;
  uint64_t written_claim_ = 0;
  int32_t durable_select_ = 0;
  uint64_t proven_end_ = 0;  // what a durable frame claims to be durable
  LogStats stats_;

  std::atomic<uint64_t> requested_end_{0};
  std::atomic<int64_t> sync_started_us_{0};  // 0: no sync is running
  std::atomic<bool> delay_counted_{false};
  std::atomic<uint64_t> delayed_{0};
  std::atomic<bool> low_water_{false};
  std::atomic<bool> low_water_asked_{false};
  std::thread thread_;
};

// --- Appending.
// -------------------------------------------------------------------------------------

void Log::Impl::PlanSegment(uint64_t frame_bytes) {
  auto life = std::make_shared<SegmentLife>();
  life->header.generation = GenerationOf(next_serial_++, options_.random->Next());
  life->header.base_lsn = log_.NextLsn();
  life->header.previous_end = disk_end_;
  life->header.select_db = select_db_;
  if (log_.EndOffset() != disk_end_) {
    jump_base_ = life->header.base_lsn;
    jump_previous_end_ = disk_end_;
  }
  life->bytes = std::max(options_.segment_bytes, codec::kSegmentHeaderSize + frame_bytes);
  life_ = std::move(life);
  buffer_.BeginSegment(life_);
}

inline Lsn Log::Impl::Append(codec::FrameHeader header, std::string_view payload,
                             int32_t select_db_after) {
  DCHECK(started_);
  CHECK(!payload.empty() && payload.size() <= codec::kMaxFramePayload);
  const uint64_t end = log_.end_offset_.load(std::memory_order_relaxed);
  header.lsn = end + 1;
  if (on_disk_) {
    const uint64_t durable_end = log_.durable_end_.load(std::memory_order_relaxed);
    header.durable_lsn = durable_end + 1;
    const uint64_t size = codec::FrameSize(header.flags, payload.size());
    if (!life_ || life_->position + size > life_->bytes) [[unlikely]] {
      PlanSegment(size);
    }
    buffer_.AppendFrame(header, payload, select_db_after);
    disk_end_ = end + payload.size();
  }
  select_db_ = select_db_after;
  log_.end_offset_.store(end + payload.size(), std::memory_order_relaxed);
  return header.lsn;
}

// --- Writing.
// ---------------------------------------------------------------------------------------

Status Log::Impl::WriteRuns() {
  std::string_view unwritten;
  while (FrameBuffer::Run* next = buffer_.NextUnwritten(&unwritten)) {
    FrameBuffer::Run& run = *next;
    SegmentLife& life = *run.life;
    if (!life.file) {
      acquired_ = true;
      TC_ASSIGN_OR_RETURN(life.file, pool_->Acquire(life.bytes));
    }
    const bool first = run.has_header && run.written == run.begin;
    TC_RETURN_IF_ERROR(life.file->Write(run.file_offset + (run.written - run.begin), unwritten));
    run.written = run.end;

    std::lock_guard lock(mu_);
    if (!log_.Healthy()) return last_error_;  // a sync failed meanwhile: these pages mean nothing
    if (first) {
      live_.push_back({life.file, life.header.base_lsn, run.end_offset, true});
      live_peak_ = std::max<uint64_t>(live_peak_, live_.size());
    }
    live_.back().end = run.end_offset;
    if (dirty_.empty() || dirty_.back().file != life.file) dirty_.push_back({life.file, 0});
    ++dirty_.back().writes;
    written_select_ = run.select_db;
    written_claim_ = std::max(written_claim_, run.claimed_end);
    ++stats_.writes;
    stats_.bytes_written += unwritten.size();
    log_.written_end_.store(run.end_offset, std::memory_order_release);
  }
  return Status::Ok();
}

Status Log::Impl::OpenSegmentNow() {
  PlanSegment(0);
  Status status = WriteRuns();
  if (!status.ok()) {
    Fail(status);
    return status;
  }
  status = SyncOnce(false);
  if (status.ok()) buffer_.Release(log_.DurableEnd());
  return status;
}

void Log::Impl::ReleaseIdle() {
  if (buffer_.pending_bytes() > 0) buffer_.Release(log_.DurableEnd());
  if (buffer_.spare_bytes() == 0) return;
  const int64_t now = options_.clock->MonotonicUs();
  if (idle_since_us_ == 0) idle_since_us_ = std::max<int64_t>(now, 1);
  if (now - idle_since_us_ >= kIdleUs) buffer_.FreeSpare();
}

Status Log::Impl::Commit() {
  if (!on_disk_) {
    const uint64_t end = log_.EndOffset();
    log_.written_end_.store(end, std::memory_order_release);
    log_.durable_end_.store(end, std::memory_order_release);
    return Status::Ok();
  }
  if (!log_.Healthy()) {
    buffer_.Count();
    return log_.LastError();
  }
  const FsyncPolicy policy = log_.policy();
  const bool had_writes = buffer_.HasUnwritten();
  if (had_writes) {
    const Status status = WriteRuns();
    if (!status.ok()) {
      Fail(status);
      return status;
    }
    appended_ = true;
    const int64_t started = sync_started_us_.load(std::memory_order_relaxed);
    if (started != 0 && options_.clock->MonotonicUs() - started > kDelayedSyncUs &&
        !delay_counted_.exchange(true)) {
      delayed_.fetch_add(1, std::memory_order_relaxed);
    }
  }
  buffer_.Count();
  const uint64_t written = log_.WrittenEnd();
  if (!had_writes && log_.DurableEnd() == written && recycle_below_ == 0) {
    ReleaseIdle();
    return Status::Ok();
  }
  idle_since_us_ = 0;
  bool requested = requested_end_.load(std::memory_order_relaxed) > log_.DurableEnd();
  if (buffer_.pending_bytes() > options_.kept_bytes_max) {
    // Ask only for what is written; asking again is harmless while the sync is on its way.
    requested_end_.store(std::max(requested_end_.load(), written), std::memory_order_relaxed);
    requested = true;
  }
  if (log_.DurableEnd() < written) {
    if (policy == FsyncPolicy::kAlways) {
      TC_RETURN_IF_ERROR(SyncOnce(false));
    } else if (!options_.background) {
      const int64_t now = options_.clock->MonotonicUs();
      if (requested ||
          (policy == FsyncPolicy::kEverySec && now - last_inline_sync_us_ >= kSecondUs)) {
        last_inline_sync_us_ = now;
        TC_RETURN_IF_ERROR(SyncOnce(false));
      }
    } else if (requested) {
      std::lock_guard lock(mu_);
      work_ = true;
      cv_.notify_one();
    }
  }
  if (had_writes) buffer_.Release(log_.DurableEnd());
  if (recycle_below_ != 0) RecycleWhatMayBe();
  if (!options_.background) {
    if (pool_->NeedsWork()) pool_->Maintain();
  } else if (std::exchange(acquired_, false)) {
    std::lock_guard lock(mu_);
    work_ = true;
    cv_.notify_one();
  }
  return Status::Ok();
}

// --- Syncing.
// ---------------------------------------------------------------------------------------

Status Log::Impl::SyncOnce(bool from_background) {
  std::lock_guard sync_lock(sync_mu_);
  std::deque<Dirty> files;
  uint64_t end;
  uint64_t claim;
  int32_t select;
  {
    std::lock_guard lock(mu_);
    if (!log_.Healthy()) return last_error_;
    if (dirty_.empty()) return Status::Ok();
    files = dirty_;
    end = log_.WrittenEnd();
    claim = written_claim_;
    select = written_select_;
  }
  const int64_t started = options_.clock->MonotonicUs();
  delay_counted_.store(false, std::memory_order_relaxed);
  sync_started_us_.store(std::max<int64_t>(started, 1), std::memory_order_relaxed);
  // In stream order: no segment is durable before the ones in front of it.
  Status status;
  for (const Dirty& dirty : files) {
    status = dirty.file->Sync();
    if (!status.ok()) break;
  }
  sync_started_us_.store(0, std::memory_order_relaxed);
  const uint64_t took_us = static_cast<uint64_t>(options_.clock->MonotonicUs() - started);
  if (took_us > static_cast<uint64_t>(kDelayedSyncUs) && !delay_counted_.exchange(true)) {
    delayed_.fetch_add(1, std::memory_order_relaxed);
  }
  if (!status.ok()) {
    {
      std::lock_guard lock(mu_);
      ++stats_.fsync_failures;
    }
    Fail(status);
  } else {
    std::lock_guard lock(mu_);
    // A write may have failed meanwhile; what this sync covered is durable all the same, but Fail
    // has already taken the ends back and Resume will write it all again.
    if (!log_.Healthy()) return last_error_;
    stats_.fsyncs += files.size();
    stats_.fsync_last_us = took_us;
    stats_.fsync_total_us += took_us;
    while (!files.empty()) {
      if (dirty_.front().writes == files.front().writes) {
        dirty_.pop_front();
      } else {
        break;  // written during the sync: it and all behind it stay
      }
      files.pop_front();
    }
    durable_select_ = select;
    proven_end_ = std::max(proven_end_, claim);
    if (end > log_.DurableEnd()) log_.durable_end_.store(end, std::memory_order_release);
  }
  if (from_background && options_.wake) options_.wake();
  return status;
}

void Log::Impl::Fail(const Status& status) {
  std::lock_guard lock(mu_);
  if (!log_.Healthy()) return;
  last_error_ = status;
  log_.written_end_.store(log_.DurableEnd(), std::memory_order_release);
  log_.healthy_.store(false, std::memory_order_release);
  LOG(ERROR) << "log: " << status.ToString() << "; frames behind stream offset "
             << log_.DurableEnd() << " are kept in memory until the disk is back";
}

Status Log::Impl::Resume() {
  std::lock_guard sync_lock(sync_mu_);
  const uint64_t durable_end = log_.DurableEnd();
  codec::SegmentHeader header;
  header.generation = GenerationOf(next_serial_++, options_.random->Next());
  header.base_lsn = durable_end + 1;
  // The segment that declared a jump right here is about to be replaced: declare it again.
  header.previous_end = jump_base_ == header.base_lsn ? jump_previous_end_ : durable_end;
  std::string bytes;
  {
    std::lock_guard lock(mu_);
    header.select_db = durable_select_;
  }
  codec::EncodeSegmentHeader(header, &bytes);
  TC_RETURN_IF_ERROR(
      buffer_.VisitKept(durable_end, [&](const codec::FrameHeader& kept, std::string_view payload) {
        codec::FrameHeader frame = kept;
        frame.durable_lsn = durable_end + 1;
        codec::AppendFrame(&bytes, header.generation, frame, payload);
      }));

  auto life = std::make_shared<SegmentLife>();
  life->header = header;
  life->bytes = std::max<uint64_t>(options_.segment_bytes, bytes.size());
  life->position = bytes.size();
  TC_ASSIGN_OR_RETURN(life->file, pool_->Acquire(life->bytes));
  // The header goes last. It declares void what the old segment holds behind the durable end, and a
  // process killed in between must still find those frames in one place or the other.
  const std::string_view all = bytes;
  const std::string_view frames = all.substr(codec::kSegmentHeaderSize);
  Status status;
  if (!frames.empty()) {
    status = life->file->Write(codec::kSegmentHeaderSize, frames);
    if (status.ok()) status = life->file->Sync();
  }
  if (status.ok()) status = life->file->Write(0, all.substr(0, codec::kSegmentHeaderSize));
  if (status.ok()) status = life->file->Sync();
  if (!status.ok()) {
    pool_->Give(std::move(life->file), false);
    return status;
  }

  const uint64_t end = log_.EndOffset();
  std::lock_guard lock(mu_);
  for (const Dirty& dirty : dirty_) {
    for (Live& live : live_) {
      if (live.file == dirty.file) live.reusable = false;
    }
  }
  dirty_.clear();
  while (!live_.empty() && live_.back().base > durable_end) {
    // Nothing of it is in the chain any more.
    pool_->Give(std::move(live_.back().file), false);
    live_.pop_back();
  }
  if (!live_.empty()) {
    live_.back().end = std::min(live_.back().end, durable_end);
    live_.back().reusable = false;
  }
  live_.push_back({life->file, header.base_lsn, end, true});
  live_peak_ = std::max<uint64_t>(live_peak_, live_.size());
  stats_.bytes_written += bytes.size();
  stats_.fsyncs += 2;
  life_ = std::move(life);
  buffer_.Clear();
  buffer_.Continue(life_, end, select_db_);
  disk_end_ = end;
  durable_select_ = written_select_ = select_db_;
  written_claim_ = durable_end;
  proven_end_ = std::max(proven_end_, durable_end);
  last_error_ = Status::Ok();
  log_.written_end_.store(end, std::memory_order_release);
  log_.durable_end_.store(end, std::memory_order_release);
  log_.healthy_.store(true, std::memory_order_release);
  LOG(INFO) << "log: writing again; " << bytes.size() << " bytes moved to "
            << live_.back().file->path();
  return Status::Ok();
}

// --- Segments that are not needed.
// ------------------------------------------------------------------

void Log::Impl::RecycleWhatMayBe() {
  bool any = false;
  bool more = false;
  {
    std::lock_guard lock(mu_);
    while (live_.size() > 1 && live_.front().end < recycle_below_) {
      // Recovery must find a durable frame which says that this segment was durable to its end, and
      // a successor to start with: else its absence could not be told from a loss.
      if (live_.front().end > proven_end_) {
        more = true;
        break;
      }
      Live live = std::move(live_.front());
      live_.pop_front();
      pool_->Give(std::move(live.file), live.reusable);
      any = true;
    }
  }
  if (!more) recycle_below_ = 0;
  if (any) {
    // As many files as the busiest stretch between two checkpoints needed go round; more are
    // deleted.
    pool_->Trim(low_water_.load(std::memory_order_relaxed) ? options_.spare_segments
                                                           : live_peak_ + options_.spare_segments);
    std::lock_guard lock(mu_);
    live_peak_ = live_.size();
  }
}

// --- Free space and the thread.
// ---------------------------------------------------------------------

void Log::Impl::PollFreeSpace() {
  if (options_.low_water_bytes == 0) return;
  const auto free = FreeSpace(options_.fs, options_.dir);
  // A file system that cannot say is not full.
  low_water_.store(free.ok() && *free < options_.low_water_bytes, std::memory_order_relaxed);
}

void Log::Impl::PollInline() {
  const int64_t now = options_.clock->MonotonicUs();
  if (last_poll_us_ != 0 && now - last_poll_us_ < kFreeSpacePollUs) return;
  last_poll_us_ = std::max<int64_t>(now, 1);
  PollFreeSpace();
  pool_->Maintain();
}

void Log::Impl::Run() {
  using std::chrono::steady_clock;
  auto now_us = [] {
    return std::chrono::duration_cast<std::chrono::microseconds>(
               steady_clock::now().time_since_epoch())
        .count();
  };
  int64_t last_sync_us = now_us();
  int64_t last_poll_us = 0;
  int64_t last_maintain_us = 0;
  std::unique_lock lock(mu_);
  for (;;) {
    const bool asked = low_water_asked_.load(std::memory_order_relaxed);
    cv_.wait_for(lock, std::chrono::microseconds(asked ? kFreeSpacePollUs : kSecondUs),
                 [&] { return stop_ || work_; });
    if (stop_) return;
    const bool woken = std::exchange(work_, false);
    const uint64_t durable_end = log_.DurableEnd();
    const int64_t now = now_us();
    const bool due = log_.policy() == FsyncPolicy::kEverySec && now - last_sync_us >= kSecondUs;
    const bool sync = log_.Healthy() && log_.WrittenEnd() > durable_end &&
                      (due || requested_end_.load(std::memory_order_relaxed) > durable_end);
    lock.unlock();
    if (sync) {
      last_sync_us = now;
      static_cast<void>(SyncOnce(true));  // Healthy() tells
    }
    if (asked && now - last_poll_us >= kFreeSpacePollUs) {
      last_poll_us = now;
      low_water_asked_.store(false, std::memory_order_relaxed);
      PollFreeSpace();
    }
    // A disk that refuses to give a spare is asked again once a second, not at every wake-up.
    if (pool_->NeedsWork() &&
        ((woken && !pool_->ReserveMissing()) || now - last_maintain_us >= kSecondUs)) {
      last_maintain_us = now;
      pool_->Maintain();
    }
    lock.lock();
    // What was asked for while the sync ran is done in the next turn at once.
    if (log_.Healthy() && log_.WrittenEnd() > log_.DurableEnd() &&
        requested_end_.load(std::memory_order_relaxed) > log_.DurableEnd()) {
      work_ = true;
    }
  }
}

void Log::Impl::Stop() {
  if (!thread_.joinable()) return;
  {
    std::lock_guard lock(mu_);
    stop_ = true;
    cv_.notify_one();
  }
  thread_.join();
}

// --- The public face.
// -------------------------------------------------------------------------------

Log::Log() = default;

Log::~Log() {
  if (impl_) impl_->Stop();
}

StatusOr<std::unique_ptr<Log>> Log::Open(LogOptions options) {
  CHECK(options.fs && options.clock != nullptr && options.random != nullptr);
  if (options.segment_bytes < kSegmentBytesMin) {
    return Status::InvalidArgument("segment_bytes must be at least " +
                                   std::to_string(kSegmentBytesMin));
  }
  TC_RETURN_IF_ERROR(CreateDirDurably(options.fs, options.dir));
  std::unique_ptr<Log> log(new Log());
  log->impl_ = std::make_unique<Impl>(log.get(), std::move(options));
  Impl& impl = *log->impl_;
  log->policy_.store(impl.options_.policy);
  TC_ASSIGN_OR_RETURN(impl.recovered_, RecoverLog(impl.options_.fs, impl.options_.dir));
  impl.select_db_ = impl.recovered_.select_db;
  log->end_offset_ = log->written_end_ = impl.recovered_.end;
  log->durable_end_ = impl.recovered_.claimed_end;
  return log;
}

Status Log::Replay(Lsn from, const std::function<Status(const ReplayFrame&)>& deliver,
                   const std::function<void(std::span<const ReplayFrame>)>& foresee) {
  CHECK(!impl_->started_);
  return ReplayLog(impl_->options_.fs, impl_->recovered_, from, deliver, foresee);
}

Status Log::MakeRecoveredDurable() {
  CHECK(!impl_->started_);
  TC_RETURN_IF_ERROR(MakeTailDurable(impl_->options_.fs, impl_->recovered_));
  durable_end_ = impl_->recovered_.end;
  return Status::Ok();
}

Status Log::Start(Lsn at_least, bool may_jump) {
  Impl& impl = *impl_;
  CHECK(!impl.started_);
  RecoveredLog& recovered = impl.recovered_;
  if (recovered.end < at_least && !may_jump) {
    std::string message = impl.options_.dir + ": the log ends at " + std::to_string(recovered.end) +
                          ", but LSN " + std::to_string(at_least) + " has reached the cold tier";
    if (!recovered.chain.empty()) message += " (last segment " + recovered.chain.back().path + ")";
    return Status::Corruption(std::move(message));
  }
  TC_RETURN_IF_ERROR(MakeTailDurable(impl.options_.fs, recovered));

  impl.pool_ = std::make_unique<SegmentPool>(impl.options_.fs, impl.options_.dir,
                                             impl.options_.segment_bytes,
                                             impl.options_.spare_segments, recovered.next_number);
  impl.next_serial_ = recovered.next_serial;
  impl.disk_end_ = recovered.end;
  impl.proven_end_ = recovered.claimed_end;
  impl.durable_select_ = impl.written_select_ = impl.select_db_;
  auto open = [&](const std::string& path, uint64_t number, uint64_t bytes) {
    return std::make_shared<SegmentFile>(impl.options_.fs, path, number, bytes);
  };
  for (const RecoveredSegment& segment : recovered.chain) {
    impl.live_.push_back({open(segment.path, segment.number, segment.bytes),
                          segment.header.base_lsn, segment.end, true});
  }
  impl.live_peak_ = impl.live_.size();
  for (const RecoveredFile& file : recovered.unused) {
    impl.pool_->Give(open(file.path, file.number, file.bytes), true);
  }
  const uint64_t end = std::max(recovered.end, at_least);
  end_offset_ = written_end_ = durable_end_ = end;
  impl.start_end_ = end;
  impl.on_disk_ = impl.options_.write_to_disk;
  impl.started_ = true;
  const bool no_predecessor = recovered.chain.empty();
  recovered = RecoveredLog();
  if (impl.on_disk_) {
    // The first header of a log, and one behind a jump, must be there before any frame counts on
    // it.
    if (no_predecessor || end != impl.disk_end_) TC_RETURN_IF_ERROR(impl.OpenSegmentNow());
    if (!impl.options_.background) impl.pool_->Maintain();
  }
  impl.last_inline_sync_us_ = impl.options_.clock->MonotonicUs();
  if (impl.options_.background) {
    impl.work_ = impl.on_disk_ && impl.pool_->NeedsWork();
    impl.thread_ = std::thread([&impl] {
      NameThisThread("log-sync");
      impl.Run();
    });
  }
  return Status::Ok();
}

Lsn Log::Append(std::string_view payload, uint8_t flags, int32_t select_db_after) {
  codec::FrameHeader header;
  header.flags = flags;
  return impl_->Append(header, payload, select_db_after);
}

Lsn Log::Append(std::string_view payload, uint8_t flags, int32_t select_db_after,
                const Upstream& upstream) {
  codec::FrameHeader header;
  header.flags = flags | codec::kFrameHasUpstream;
  header.upstream_id = upstream.id;
  header.upstream_offset = upstream.offset;
  return impl_->Append(header, payload, select_db_after);
}

int32_t Log::SelectDb() const { return impl_->select_db_; }

Status Log::Commit() { return impl_->Commit(); }

void Log::RequestSync() {
  Impl& impl = *impl_;
  const uint64_t end = EndOffset();
  uint64_t asked = impl.requested_end_.load(std::memory_order_relaxed);
  while (asked < end && !impl.requested_end_.compare_exchange_weak(asked, end)) {
  }
  if (DurableEnd() >= end || WrittenEnd() <= DurableEnd()) return;  // else Commit takes it up
  if (!impl.options_.background) {
    static_cast<void>(impl.SyncOnce(true));  // Healthy() tells
    return;
  }
  std::lock_guard lock(impl.mu_);
  impl.work_ = true;
  impl.cv_.notify_one();
}

Status Log::SyncNow() {
  TC_RETURN_IF_ERROR(Commit());
  if (!impl_->on_disk_) return Status::Ok();
  TC_RETURN_IF_ERROR(impl_->SyncOnce(false));
  impl_->buffer_.Release(DurableEnd());
  if (impl_->recycle_below_ != 0) impl_->RecycleWhatMayBe();
  return Status::Ok();
}

Status Log::LastError() const {
  std::lock_guard lock(impl_->mu_);
  return impl_->last_error_;
}

Status Log::TryResume() {
  if (Healthy()) return Status::Ok();
  const Status status = impl_->Resume();
  if (!status.ok()) {
    std::lock_guard lock(impl_->mu_);
    impl_->last_error_ = status;
  }
  // What the failure left behind may be what fills the disk: deleted at once.
  if (!impl_->options_.background) {
    impl_->pool_->Maintain();
  } else {
    std::lock_guard lock(impl_->mu_);
    impl_->work_ = true;
    impl_->cv_.notify_one();
  }
  return status;
}

bool Log::BelowLowWater() {
  Impl& impl = *impl_;
  if (!impl.options_.background) {
    impl.PollInline();
  } else if (!impl.low_water_asked_.load(std::memory_order_relaxed)) {
    impl.low_water_asked_.store(true, std::memory_order_relaxed);
  }
  return impl.low_water_.load(std::memory_order_relaxed) || impl.pool_->ReserveMissing();
}

void Log::Recycle(Lsn below) {
  impl_->recycle_below_ = std::max(impl_->recycle_below_, below);
  impl_->RecycleWhatMayBe();
  if (!impl_->options_.background) impl_->pool_->Maintain();
}

void Log::SetPolicy(FsyncPolicy policy) { policy_.store(policy, std::memory_order_relaxed); }

Status Log::SetWriteToDisk(bool on) {
  Impl& impl = *impl_;
  if (on == impl.on_disk_) return Status::Ok();
  if (!on) {
    TC_RETURN_IF_ERROR(SyncNow());
    impl.on_disk_ = false;
    impl.life_.reset();
    impl.buffer_.Clear();
    return Status::Ok();
  }
  TC_RETURN_IF_ERROR(Commit());
  impl.on_disk_ = true;
  {
    std::lock_guard lock(impl.mu_);
    impl.written_select_ = impl.durable_select_ = impl.select_db_;
  }
  return impl.OpenSegmentNow();
}

Status Log::Close() {
  Impl& impl = *impl_;
  if (impl.closed_ || !impl.started_) return Status::Ok();
  impl.closed_ = true;
  Status status = SyncNow();
  if (status.ok() && impl.on_disk_ && impl.appended_) {
    Append(kClosePayload, codec::kFrameKeyless, impl.select_db_);
    status = SyncNow();
  }
  impl.Stop();
  return status;
}

LogStats Log::stats() const {
  const Impl& impl = *impl_;
  LogStats stats;
  {
    std::lock_guard lock(impl.mu_);
    stats = impl.stats_;
    stats.segments_live = impl.live_.size();
    for (const Impl::Live& live : impl.live_) stats.disk_bytes += live.file->bytes();
  }
  stats.fsyncs_delayed = impl.delayed_.load(std::memory_order_relaxed);
  stats.pending_bytes = impl.buffer_.pending_bytes();
  stats.memory_bytes = impl.buffer_.memory_bytes();
  stats.bytes_appended = EndOffset() - impl.start_end_;
  if (impl.pool_) {
    const SegmentPool::Counts counts = impl.pool_->counts();
    stats.segments_spare = counts.spare;
    stats.segments_created = counts.created;
    stats.segments_recycled = counts.recycled;
    stats.disk_bytes += counts.spare_bytes;
  }
  stats.healthy = Healthy();
  return stats;
}

}  // namespace thermocline::engine
