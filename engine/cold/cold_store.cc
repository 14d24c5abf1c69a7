// See cold_store.h. The writer thread is the only one that changes the backend; a failed stage of
// the batch at the head is tried again from that stage, since every stage may be repeated.
#include "engine/cold/cold_store.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "engine/cold/direct_reads.h"
#include "engine/env/thread.h"
#include "glog/logging.h"

namespace thermocline::engine {
namespace {

using Milliseconds = std::chrono::milliseconds;

// While a batch waits for the log: how often the sync is asked for again, should a poke get lost.
constexpr Milliseconds kAskAgain{50};
// How often an idle writer looks for background errors and for memtables worth a flush.
constexpr Milliseconds kIdleLook{250};
constexpr int kWriterNice = 5;  // the writer must keep up with the executor

}  // namespace

ColdStore::Lane ColdStore::LaneOf(ColdRead::Kind kind) {
  switch (kind) {
    case ColdRead::Kind::kHeader:
    case ColdRead::Kind::kHeaders:
    case ColdRead::Kind::kWalk:
    case ColdRead::Kind::kValue:
    case ColdRead::Kind::kElements:
      return kFaults;
    case ColdRead::Kind::kScan:
    case ColdRead::Kind::kExpired:
      return kScans;
    case ColdRead::Kind::kVerify:
    case ColdRead::Kind::kCompact:
      return kMaintenance;
  }
  return kMaintenance;
}

ColdStore::ColdStore(ColdBackend* backend, ColdStoreOptions options)
    : backend_(backend), options_(std::move(options)), places_(options_.place_bytes_max) {
  const int readers = std::max(1, options_.readers);
  lane_max_[kFaults] = readers;
  lane_max_[kScans] = std::max(1, readers / 2);
  lane_max_[kMaintenance] = 1;
  CHECK_EQ(sem_init(&wake_readers_, /*pshared=*/0, 0), 0);
  if (!options_.background) return;
  if (options_.wake_fd >= 0 && options_.place_bytes_max > 0) {
    direct_ = backend_->NewDirectReads(options_.wake_fd);
  }
  writer_ = std::thread([this] { WriterLoop(); });
  readers_.reserve(readers);
  for (int i = 0; i < readers; ++i) readers_.emplace_back([this] { ReaderLoop(); });
}

ColdStore::~ColdStore() {
  Stop();
  sem_destroy(&wake_readers_);
}

// ---- batches
// --------------------------------------------------------------------------------------

void ColdStore::Enqueue(ColdBatch batch) {
  places_.BeginBatch();
  if (!places_.empty()) {
    batch.ForEach([this](const ColdOp& op) {
      if (op.verb != ColdOp::Verb::kSetCounts) places_.Changed(op.id, op.position);
    });
  }
  queued_bytes_.fetch_add(batch.bytes(), std::memory_order_relaxed);
  queued_batches_.fetch_add(1, std::memory_order_relaxed);
  {
    std::lock_guard lock(write_mutex_);
    queue_.push_back(std::move(batch));
  }
  write_cv_.notify_one();
}

size_t ColdStore::DrainLanded(std::vector<ColdBatch>* out) {
  std::lock_guard lock(write_mutex_);
  const size_t n = landed_.size();
  out->insert(out->end(), std::make_move_iterator(landed_.begin()),
              std::make_move_iterator(landed_.end()));
  landed_.clear();
  landed_batches_ += n;
  return n;
}

void ColdStore::NotifyDurable() {
  // The caller stored the durable end before, the writer sets the flag before it reads that end,
  // and both touch the flag by read-modify-write: either the flag is seen here, or the new end
  // there.
  if (waits_for_log_.fetch_add(0, std::memory_order_acq_rel) == 0) return;
  { std::lock_guard lock(write_mutex_); }
  write_cv_.notify_one();
}

Status ColdStore::error() const {
  std::lock_guard lock(error_mutex_);
  return error_;
}

void ColdStore::SetError(const Status& status) {
  bool changed = false;
  {
    std::lock_guard lock(error_mutex_);
    if (status.ok() != error_.ok()) {
      changed = true;
      if (status.ok()) {
        LOG(WARNING) << "cold tier: writing again";
      } else {
        LOG(ERROR) << "cold tier: " << status.ToString();
      }
    }
    error_ = status;
    healthy_.store(status.ok(), std::memory_order_release);
  }
  if (changed && options_.wake) options_.wake();
}

bool ColdStore::WaitLanded(int64_t timeout_ms) {
  std::unique_lock lock(write_mutex_);
  return landed_cv_.wait_for(lock, Milliseconds(timeout_ms), [this] {
    return queued_batches_.load(std::memory_order_relaxed) == 0;
  });
}

void ColdStore::Land(size_t n) {
  bool first;
  {
    std::lock_guard lock(write_mutex_);
    first = landed_.empty();
    for (size_t i = 0; i < n; ++i) {
      landed_.push_back(std::move(queue_.front()));
      queue_.pop_front();
    }
    queued_batches_.fetch_sub(n, std::memory_order_relaxed);
  }
  landed_cv_.notify_all();
  if (first && n > 0 && options_.wake) options_.wake();
}

Status ColdStore::WriteStages(const ColdBatch& batch) {
  if (stage_ == Stage::kWrite) {
    TC_RETURN_IF_ERROR(backend_->Write(batch));
    if (!batch.has_checkpoint()) return {};
    stage_ = Stage::kFlush;
  }
  if (stage_ == Stage::kFlush) {
    TC_RETURN_IF_ERROR(backend_->FlushAll());
    stage_ = Stage::kGraves;
  }
  TC_RETURN_IF_ERROR(backend_->DropGravesBelow(batch.checkpoint_lsn()));
  stage_ = Stage::kWrite;
  return {};
}

ColdStore::Step ColdStore::NextStep(const ColdBatch** next, Lsn* lsn) const {
  *next = staged_ < queue_.size() ? &queue_[staged_] : nullptr;
  const bool stage = *next != nullptr && (*next)->stageable() && !unfit_;
  if (staged_ > 0 && (publish_due_ || (*next != nullptr && !stage))) {
    *lsn = staged_high_;
    return Step::kPublish;
  }
  *lsn = stage || *next == nullptr ? 0 : (*next)->high_lsn();
  return stage ? Step::kStage : *next != nullptr ? Step::kWrite : Step::kNone;
}

Status ColdStore::StageNext(const ColdBatch& batch) {
  TC_ASSIGN_OR_RETURN(const bool staged, backend_->Stage(batch));
  if (!staged) {
    // It may be the first of what is staged next.
    (staged_ > 0 ? publish_due_ : unfit_) = true;
    return {};
  }
  ++staged_;
  staged_bytes_ += batch.bytes();
  staged_high_ = std::max(staged_high_, batch.high_lsn());
  publish_due_ = staged_bytes_ >= options_.staged_bytes_max;
  queued_bytes_.fetch_sub(batch.bytes(), std::memory_order_relaxed);
  return {};
}

void ColdStore::Unstage() {
  backend_->Unstage();
  staged_ = 0;
  staged_high_ = 0;
  publish_due_ = false;
  queued_bytes_.fetch_add(std::exchange(staged_bytes_, 0), std::memory_order_relaxed);
}

Status ColdStore::TakeStep(Step step, const ColdBatch* next) {
  // With background work standing still, memtables and tables would only pile up.
  if (const Status error = backend_->BackgroundError(); !error.ok()) {
    if (staged_ > 0) return error;
    TC_RETURN_IF_ERROR(backend_->Resume());
  }
  switch (step) {
    case Step::kNone:
      return {};
    case Step::kStage:
      return StageNext(*next);
    case Step::kPublish: {
      TC_RETURN_IF_ERROR(backend_->Publish());
      staged_bytes_ = 0;
      staged_high_ = 0;
      publish_due_ = false;
      Land(std::exchange(staged_, 0));
      return {};
    }
    case Step::kWrite:
      TC_RETURN_IF_ERROR(WriteStages(*next));
      unfit_ = false;
      queued_bytes_.fetch_sub(next->bytes(), std::memory_order_relaxed);
      Land(1);
      return {};
  }
  return {};
}

bool ColdStore::Take(Step step, const ColdBatch* next) {
  const Status status = TakeStep(step, next);
  if (!status.ok()) Unstage();
  SetError(status);
  return status.ok();
}

void ColdStore::CheckBackground() {
  Status status = backend_->BackgroundError();
  if (!status.ok()) status = backend_->Resume();
  SetError(status);
}

void ColdStore::WriterLoop() {
  NameThisThread("cold-writer", kWriterNice);
  int64_t retry_ms = options_.retry_ms_min;
  auto last_write = std::chrono::steady_clock::now();
  bool idle_flushed = false;
  std::unique_lock lock(write_mutex_);
  while (!stopping_.load()) {
    const ColdBatch* next;
    Lsn lsn;
    const Step step = NextStep(&next, &lsn);
    if (step == Step::kNone) {
      if (write_cv_.wait_for(lock, kIdleLook) == std::cv_status::no_timeout) continue;
      if (staged_ < queue_.size() || stopping_.load()) continue;
      publish_due_ = staged_ > 0;
      if (publish_due_) continue;
      lock.unlock();
      CheckBackground();
      if (!idle_flushed && options_.idle_flush_ms > 0 &&
          std::chrono::steady_clock::now() - last_write > Milliseconds(options_.idle_flush_ms)) {
        idle_flushed = true;
        if (backend_->Stats().unflushed_bytes > options_.idle_flush_bytes) {
          const Status status = backend_->FlushAll();
          if (!status.ok()) SetError(status);
        }
        backend_->OnIdle();
      }
      lock.lock();
      continue;
    }
    if (lsn > 0) {
      waits_for_log_.exchange(1, std::memory_order_acq_rel);
      const bool covered = !options_.durable_end || options_.durable_end() >= lsn;
      if (!covered) {
        if (options_.request_sync) {
          lock.unlock();
          options_.request_sync();
          lock.lock();
          if (stopping_.load()) break;
          if (options_.durable_end() >= lsn) continue;
        }
        write_cv_.wait_for(lock, kAskAgain);
        continue;
      }
      waits_for_log_.exchange(0, std::memory_order_acq_rel);
    }
    // Only this thread takes batches out, so `next` stays where it is (a deque does not move it).
    lock.unlock();
    const bool done = Take(step, next);
    last_write = std::chrono::steady_clock::now();
    idle_flushed = false;
    lock.lock();
    if (!done) {
      write_cv_.wait_for(lock, Milliseconds(retry_ms), [this] { return stopping_.load(); });
      retry_ms = std::min(retry_ms * 2, options_.retry_ms_max);
    } else if (step != Step::kStage) {  // something has landed
      retry_ms = options_.retry_ms_min;
    }
  }
}

// ---- reads
// ----------------------------------------------------------------------------------------

void ColdStore::Submit(std::span<ColdRead* const> reads) {
  if (direct_ == nullptr || stopped_) return SubmitToReaders(reads);
  for (ColdRead* read : reads) {
    if (read->kind != ColdRead::Kind::kValue) continue;
    read->landed = landed_batches_;
    read->place = places_.Find(read->id, read->position);
  }
  left_.clear();
  direct_->Submit(reads, &left_);
  reads_in_flight_.fetch_add(reads.size() - left_.size(), std::memory_order_relaxed);
  if (!left_.empty()) SubmitToReaders(left_);
}

void ColdStore::SubmitToReaders(std::span<ColdRead* const> reads) {
  reads_in_flight_.fetch_add(reads.size(), std::memory_order_relaxed);
  for (ColdRead* read : reads) {
    if (stopped_) {
      read->status = Status::Unavailable("the cold tier is closed");
      Finish(read);
    } else {
      if (LaneOf(read->kind) == kFaults) queued_faults_.fetch_add(1);
      inbox_.Push(read);
    }
  }
  for (size_t i = 0; i < reads.size() && ClaimIdleReader(); ++i) sem_post(&wake_readers_);
}

void ColdStore::TakeDirect(std::vector<ColdRead*>* out) {
  if (direct_ == nullptr || direct_->in_flight() == 0) return;
  const size_t before = direct_->in_flight();
  left_.clear();
  direct_->Reap(out, &left_);
  reads_in_flight_.fetch_sub(before - direct_->in_flight(), std::memory_order_relaxed);
  if (!left_.empty()) SubmitToReaders(left_);
}

size_t ColdStore::DrainReads(std::vector<ColdRead*>* out) {
  const size_t before = out->size();
  TakeDirect(out);
  if (!woken_.load() && done_.empty()) return out->size() - before;
  // In this order: what is finished meanwhile is taken now, or wakes for the next time.
  undrained_.store(0);
  woken_.store(false);
  const size_t n = done_.TakeAll([this, out](ColdRead* read) {
    // A reader that decodes a value saves the executor more than its own time.
    if (read->place.known() && !read->decoded)
      places_.Insert(read->id, read->position, read->place, read->landed);
    out->push_back(read);
  });
  reads_in_flight_.fetch_sub(n, std::memory_order_relaxed);
  return out->size() - before;
}

void ColdStore::ReadNow(ColdRead* read) { Perform(read); }

void ColdStore::Perform(ColdRead* read) {
  const auto found = [read](StatusOr<bool> result) {
    read->found = result.ok() && *result;
    read->status = result.status();
  };
  switch (read->kind) {
    case ColdRead::Kind::kHeader:
      found(
          backend_->GetHeader(read->id, read->position, read->key, &read->header, &read->payload));
      break;
    case ColdRead::Kind::kHeaders:
      read->status = backend_->GetHeaders(read->id, read->headers);
      break;
    case ColdRead::Kind::kWalk:
      read->status = backend_->WalkRecords(read->id, read->headers, read->payload_bytes_max);
      break;
    case ColdRead::Kind::kValue:
      found(backend_->GetValue(read->id, read->position, read->key, &read->header, &read->payload));
      read->place = {};
      if (read->found && direct_ != nullptr) {
        read->place = backend_->PlaceOf(read->id, read->position, read->key, read->header);
      }
      if (read->found && options_.decode) read->decoded = options_.decode(*read);
      if (read->decoded) std::string().swap(read->payload);
      break;
    case ColdRead::Kind::kElements:
      read->status = backend_->GetElements(read->id, read->position, read->key, read->elements);
      break;
    case ColdRead::Kind::kScan: {
      auto page = backend_->ScanRange(read->range);
      read->status = page.status();
      if (page.ok()) read->page = std::move(*page);
      break;
    }
    case ColdRead::Kind::kExpired: {
      auto rows = backend_->ExpiredRows(read->id, read->deadline_max_ms, read->max_rows,
                                        read->after ? &*read->after : nullptr);
      read->status = rows.status();
      if (rows.ok()) read->expired = std::move(*rows);
      break;
    }
    case ColdRead::Kind::kVerify:
      read->status = backend_->VerifyAll(&stopping_);
      break;
    case ColdRead::Kind::kCompact:
      read->status = backend_->CompactRange(read->id, &stopping_);
      break;
  }
}

void ColdStore::Finish(ColdRead* read) {
  done_.Push(read);
  // While faults are queued no reader is idle, and one of them will be back here: the executor, and
  // the clients that it answers, are woken for several reads at once. A wake costs as much as a hot
  // GET, on CPUs that the readers need (docs/performance.md, "Cold").
  const size_t worth_a_wake = queued_faults_.load() > 0 ? lane_max_[kFaults] : 1;
  if (undrained_.fetch_add(1) + 1 < worth_a_wake) return;
  if (!woken_.exchange(true) && options_.wake) options_.wake();
}

void ColdStore::SortInbox() {
  inbox_.TakeAll([this](ColdRead* read) { lanes_[LaneOf(read->kind)].push_back(read); });
}

bool ColdStore::ClaimIdleReader() {
  int idle = idle_readers_.load();
  while (idle > 0) {
    if (idle_readers_.compare_exchange_weak(idle, idle - 1)) return true;
  }
  return false;
}

bool ColdStore::LaneOpen(int lane) const {
  return !lanes_[lane].empty() && running_[lane] < lane_max_[lane];
}

ColdRead* ColdStore::PickRead(Lane* lane) {
  for (int i = 0; i < kLanes; ++i) {
    if (!LaneOpen(i)) continue;
    ColdRead* read = lanes_[i].front();
    lanes_[i].pop_front();
    if (i == kFaults) queued_faults_.fetch_sub(1);
    *lane = static_cast<Lane>(i);
    return read;
  }
  return nullptr;
}

void ColdStore::ReaderLoop() {
  NameThisThread("cold-reader", options_.reader_nice);
  std::unique_lock lock(read_mutex_);
  while (!stopping_.load()) {
    Lane lane;
    SortInbox();
    ColdRead* const read = PickRead(&lane);
    if (read == nullptr) {
      idle_readers_.fetch_add(1);
      if (!inbox_.empty() && ClaimIdleReader()) continue;
      lock.unlock();
      while (sem_wait(&wake_readers_) != 0) {  // a signal came
      }
      lock.lock();
      continue;
    }
    ++running_[lane];
    lock.unlock();
    Perform(read);
    Finish(read);
    lock.lock();
    // This thread looks again itself, so a lane that just opened needs no other one woken.
    --running_[lane];
  }
}

// ---- life
// -----------------------------------------------------------------------------------------

bool ColdStore::RunUntilIdle() {
  CHECK(!options_.background);
  bool any = options_.reads_first && RunReads();
  any |= RunBatches();
  any |= RunReads();
  return any;
}

bool ColdStore::RunBatches() {
  bool any = false;
  for (int failures = 0; failures < 2;) {
    const ColdBatch* next;
    Lsn lsn;
    const Step step = NextStep(&next, &lsn);
    if (step == Step::kNone) {
      if (staged_ == 0) break;
      publish_due_ = true;
      continue;
    }
    if (options_.durable_end && options_.durable_end() < lsn) {
      if (options_.request_sync) options_.request_sync();
      if (options_.durable_end() < lsn) break;
    }
    if (!Take(step, next)) {
      ++failures;
    } else if (step != Step::kStage) {  // something has landed
      failures = 0;
      any = true;
    }
  }
  if (queue_.empty()) CheckBackground();
  return any;
}

bool ColdStore::RunReads() {
  bool any = false;
  SortInbox();
  Lane lane;
  while (ColdRead* read = PickRead(&lane)) {
    Perform(read);
    Finish(read);
    any = true;
  }
  return any;
}

void ColdStore::Stop() {
  if (stopped_) return;
  stopped_ = true;
  {
    // Under the lock, so that the writer does not miss it between a look at the flag and the wait.
    std::lock_guard lock(write_mutex_);
    stopping_.store(true);
  }
  write_cv_.notify_all();
  for (size_t i = 0; i < readers_.size(); ++i) sem_post(&wake_readers_);
  if (options_.background) {
    backend_->BeginShutdown();
    writer_.join();
    for (std::thread& reader : readers_) reader.join();
  }
  SortInbox();
  if (direct_ != nullptr) {
    std::vector<ColdRead*> over;
    left_.clear();
    direct_->Reap(&over, &left_, /*wait=*/true);
    for (ColdRead* read : over) Finish(read);
    lanes_[kFaults].insert(lanes_[kFaults].end(), left_.begin(), left_.end());
  }
  for (auto& lane : lanes_) {
    for (ColdRead* read : lane) {
      read->status = Status::Unavailable("the cold tier is closed");
      Finish(read);
    }
    lane.clear();
  }
}

}  // namespace thermocline::engine
