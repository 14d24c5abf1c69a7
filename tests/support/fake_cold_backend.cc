// See fake_cold_backend.h.
#include "tests/support/fake_cold_backend.h"

#include <iterator>
#include <utility>

namespace thermocline::engine {

Status FakeColdBackend::Fail() {
  if (failures_skip_ > 0) {
    --failures_skip_;
    return {};
  }
  if (failures_left_ > 0) {
    --failures_left_;
    background_error_ = failure_;
    return failure_;
  }
  return background_error_;
}

void FakeColdBackend::Expect(bool claim, const ColdOp& op, std::string_view what) {
  if (claim) return;
  violations_.push_back(std::string(what) + ": id " + std::to_string(op.id) + " position " +
                        std::to_string(op.position) + " key " + std::string(op.key) + " lsn " +
                        std::to_string(op.image.lsn));
}

void FakeColdBackend::Apply(const ColdOp& op) {
  if (op.verb == ColdOp::Verb::kSetCounts) {
    state_.counts[op.id] = {op.records, op.expires};
    return;
  }
  if (op.verb == ColdOp::Verb::kDropDatabase) {
    const auto in_id = [&](const auto& first) { return std::get<0>(first) == op.id; };
    std::erase_if(state_.records, [&](const auto& item) { return in_id(item.first); });
    std::erase_if(state_.expiry, in_id);
    state_.counts.erase(op.id);
    return;
  }
  const RecordKey key(op.id, op.position, std::string(op.key));
  const auto it = state_.records.find(key);
  const bool was_there = it != state_.records.end();
  if (op.verb == ColdOp::Verb::kPutElement || op.verb == ColdOp::Verb::kDeleteElement) {
    Expect(was_there && it->second.header.type == codec::kPagedList, op, "owner of an element");
    if (!was_there) return;
    if (op.verb == ColdOp::Verb::kPutElement) {
      it->second.elements[op.element] = op.payload;
    } else {
      Expect(it->second.elements.erase(op.element) == 1, op, "deleted element");
    }
    return;
  }
  Expect(op.previous.expire_ms == (was_there ? it->second.header.expire_ms : 0), op,
         "previous deadline");
  Expect(op.previous.has_chunks == (was_there && !it->second.header.payload_inline), op,
         "previous chunks");
  Expect(op.previous.has_elements == (was_there && it->second.header.type == codec::kPagedList), op,
         "previous elements");
  if (op.previous.expire_ms != 0) {
    state_.expiry.erase({op.id, op.previous.expire_ms, op.position, std::string(op.key)});
  }
  if (op.verb == ColdOp::Verb::kDelete) {
    Expect(op.had_record == was_there, op, "had record");
    if (was_there) state_.records.erase(it);
    state_.graves.insert({op.image.lsn, op.id, op.position, std::string(op.key)});
    return;
  }
  Record record;
  record.header.type = op.image.type;
  record.header.encoding_hint = op.image.encoding;
  record.header.lsn = op.image.lsn;
  record.header.expire_ms = op.image.expire_ms;
  record.header.access = op.image.access;
  record.header.count = op.image.count;
  record.header.length = op.length;
  if (op.verb == ColdOp::Verb::kPutHeader) {
    Expect(was_there && !it->second.header.payload_inline, op, "header alone");
    Expect(was_there && it->second.payload.size() == op.length, op, "length");
    if (was_there) {
      record.payload = std::move(it->second.payload);
      record.elements = std::move(it->second.elements);
    }
  } else {
    if (op.image.keeps_elements) {
      Expect(op.previous.has_elements && op.image.type == codec::kPagedList, op, "kept elements");
      if (was_there) record.elements = std::move(it->second.elements);
    }
    record.payload = op.payload;
    record.header.payload_inline = op.payload.size() <= codec::kMaxInlinePayload;
  }
  if (op.image.expire_ms != 0) {
    state_.expiry.insert({op.id, op.image.expire_ms, op.position, std::string(op.key)});
  }
  state_.records[key] = std::move(record);
}

void FakeColdBackend::ApplyBatch(const ColdBatch& batch) {
  batch.ForEach([this](const ColdOp& op) { Apply(op); });
  if (batch.has_checkpoint()) {
    state_.meta[std::string(codec::kMetaCheckpoint)] =
        codec::SealMeta(codec::kMetaCheckpoint, batch.checkpoint_record());
  }
  state_.high = std::max(state_.high, batch.high_lsn());
  state_.meta[std::string(codec::kMetaHigh)] = codec::EncodeMetaHigh(state_.high);
}

Status FakeColdBackend::Write(const ColdBatch& batch) {
  std::lock_guard lock(mutex_);
  journal_.push_back("write " + std::to_string(batch.high_lsn()));
  if (!staged_.empty()) violations_.push_back("a batch is written past those that are staged");
  if (const Status status = Fail(); !status.ok()) return status;
  ApplyBatch(batch);
  return {};
}

StatusOr<bool> FakeColdBackend::Stage(const ColdBatch& batch) {
  std::lock_guard lock(mutex_);
  if (!staging_order_.Take(batch)) return false;
  journal_.push_back("stage " + std::to_string(batch.high_lsn()));
  TC_RETURN_IF_ERROR(Fail());
  staged_.push_back(&batch);
  return true;
}

Status FakeColdBackend::Publish() {
  std::lock_guard lock(mutex_);
  journal_.push_back("publish " + std::to_string(staged_.size()));
  TC_RETURN_IF_ERROR(Fail());
  for (const ColdBatch* batch : staged_) ApplyBatch(*batch);
  staged_.clear();
  staging_order_.Clear();
  flushed_ = state_;
  return {};
}

void FakeColdBackend::Unstage() {
  std::lock_guard lock(mutex_);
  staged_.clear();
  staging_order_.Clear();
}

Status FakeColdBackend::WriteMeta(std::string_view name, std::string_view sealed) {
  std::lock_guard lock(mutex_);
  state_.meta[std::string(name)] = sealed;
  return {};
}

Status FakeColdBackend::FlushAll() {
  std::lock_guard lock(mutex_);
  journal_.push_back("flush");
  if (const Status status = Fail(); !status.ok()) return status;
  flushed_ = state_;
  return {};
}

Status FakeColdBackend::DropGravesBelow(Lsn lsn) {
  std::lock_guard lock(mutex_);
  journal_.push_back("graves " + std::to_string(lsn));
  if (const Status status = Fail(); !status.ok()) return status;
  std::erase_if(state_.graves, [&](const auto& grave) { return std::get<0>(grave) < lsn; });
  return {};
}

void FakeColdBackend::WaitWhileHeld(std::unique_lock<std::mutex>* lock) {
  ++held_reads_;
  cv_.wait(*lock, [this] { return !hold_reads_ || let_through_ > 0 || shutdown_; });
  if (let_through_ > 0) --let_through_;
  --held_reads_;
}

Status FakeColdBackend::GetHeaders(uint64_t id, std::span<ColdHeaderRow> rows) {
  for (ColdHeaderRow& row : rows) {
    TC_ASSIGN_OR_RETURN(row.found, GetHeader(id, row.position, row.key, &row.header, &row.payload));
    row.has_payload = row.found && row.header.payload_inline;
  }
  return {};
}

Status FakeColdBackend::WalkRecords(uint64_t id, std::span<ColdHeaderRow> rows,
                                    uint64_t payload_bytes_max) {
  TC_RETURN_IF_ERROR(GetHeaders(id, rows));
  for (ColdHeaderRow& row : rows) {
    if (!row.found || !row.wants_payload || row.has_payload) continue;
    if (!codec::IsWhole(row.header.length) || row.header.length > payload_bytes_max) continue;
    payload_bytes_max -= row.header.length;
    TC_ASSIGN_OR_RETURN(row.has_payload,
                        GetValue(id, row.position, row.key, &row.header, &row.payload));
  }
  return {};
}

StatusOr<bool> FakeColdBackend::GetHeader(uint64_t id, uint64_t position, std::string_view key,
                                          ColdHeader* header, std::string* inline_payload) {
  std::string payload;
  const StatusOr<bool> found = GetValue(id, position, key, header, &payload);
  if (found.ok() && *found && inline_payload != nullptr && header->payload_inline) {
    *inline_payload = std::move(payload);
  }
  return found;
}

StatusOr<bool> FakeColdBackend::GetValue(uint64_t id, uint64_t position, std::string_view key,
                                         ColdHeader* header, std::string* payload) {
  std::unique_lock lock(mutex_);
  WaitWhileHeld(&lock);
  const auto it = state_.records.find({id, position, std::string(key)});
  if (it == state_.records.end()) return false;
  *header = it->second.header;
  *payload = it->second.payload;
  return true;
}

Status FakeColdBackend::GetElements(uint64_t id, uint64_t position, std::string_view key,
                                    std::span<ColdElementRow> rows) {
  std::unique_lock lock(mutex_);
  WaitWhileHeld(&lock);
  const auto it = state_.records.find({id, position, std::string(key)});
  for (ColdElementRow& row : rows) {
    row.found = it != state_.records.end() && it->second.elements.contains(row.element);
    if (row.found) row.bytes = it->second.elements[row.element];
  }
  return {};
}

StatusOr<ColdScanPage> FakeColdBackend::ScanRange(const ColdScanRange& range) {
  std::unique_lock lock(mutex_);
  WaitWhileHeld(&lock);
  ColdScanPage page;
  for (auto it = state_.records.lower_bound({range.id, range.from_position, ""});
       it != state_.records.end(); ++it) {
    const auto& [id, position, key] = it->first;
    if (id != range.id || position > range.to_position) break;
    if (page.rows.size() >= range.max_rows && position != page.rows.back().position) {
      page.through_position = page.rows.back().position;
      return page;
    }
    page.rows.push_back({position, key, it->second.header,
                         range.with_payload ? it->second.payload : std::string()});
  }
  page.through_position = range.to_position;
  page.end = true;
  return page;
}

StatusOr<std::vector<ExpiryRow>> FakeColdBackend::ExpiredRows(uint64_t id, uint64_t deadline_max_ms,
                                                              size_t max_rows,
                                                              const ExpiryRow* after) {
  std::unique_lock lock(mutex_);
  WaitWhileHeld(&lock);
  std::vector<ExpiryRow> rows;
  auto it = after != nullptr
                ? state_.expiry.upper_bound({id, after->expire_ms, after->position, after->key})
                : state_.expiry.lower_bound({id, 0, 0, ""});
  for (; it != state_.expiry.end() && rows.size() < max_rows; ++it) {
    const auto& [row_id, expire_ms, position, key] = *it;
    if (row_id != id || expire_ms > deadline_max_ms) break;
    const Record& record = state_.records.at({row_id, position, key});
    rows.push_back({row_id, expire_ms, position, key, !record.header.payload_inline,
                    record.header.type == codec::kPagedList});
  }
  return rows;
}

StatusOr<ColdCounts> FakeColdBackend::ReadCounts(uint64_t id) {
  std::lock_guard lock(mutex_);
  const auto it = state_.counts.find(id);
  return it == state_.counts.end() ? ColdCounts{} : it->second;
}

Status FakeColdBackend::ForEachCounts(const std::function<void(uint64_t id, ColdCounts)>& fn) {
  std::map<uint64_t, ColdCounts> counts;
  {
    std::lock_guard lock(mutex_);
    counts = state_.counts;
  }
  for (const auto& [id, c] : counts) fn(id, c);
  return {};
}

StatusOr<std::optional<std::string>> FakeColdBackend::ReadMeta(std::string_view name) {
  std::lock_guard lock(mutex_);
  const auto it = state_.meta.find(std::string(name));
  if (it == state_.meta.end()) return std::optional<std::string>();
  return std::optional<std::string>(it->second);
}

Status FakeColdBackend::ForEachGrave(
    const std::function<Status(Lsn lsn, uint64_t id, uint64_t position, std::string_view key)>&
        fn) {
  decltype(state_.graves) graves;
  {
    std::lock_guard lock(mutex_);
    graves = state_.graves;
  }
  for (const auto& [lsn, id, position, key] : graves) {
    TC_RETURN_IF_ERROR(fn(lsn, id, position, key));
  }
  return {};
}

Status FakeColdBackend::VerifyAll(const std::atomic<bool>* cancel) {
  std::unique_lock lock(mutex_);
  WaitWhileHeld(&lock);
  if (cancel != nullptr && cancel->load())
    return Status::Unavailable("verification was interrupted");
  return {};
}

Status FakeColdBackend::CompactRange(uint64_t id, std::atomic<bool>* cancel) {
  return VerifyAll(cancel);
}

Status FakeColdBackend::BackgroundError() {
  std::lock_guard lock(mutex_);
  return background_error_;
}

Status FakeColdBackend::Resume() {
  std::lock_guard lock(mutex_);
  if (failures_left_ > 0) {
    --failures_left_;
    return background_error_;
  }
  background_error_ = {};
  return {};
}

ColdStats FakeColdBackend::Stats() { return {}; }

void FakeColdBackend::BeginShutdown() {
  {
    std::lock_guard lock(mutex_);
    shutdown_ = true;
  }
  cv_.notify_all();
}

void FakeColdBackend::FailNext(int n, Status status, int skip) {
  std::lock_guard lock(mutex_);
  failures_skip_ = skip;
  failures_left_ = n;
  failure_ = std::move(status);
}

void FakeColdBackend::HoldReads(bool on) {
  {
    std::lock_guard lock(mutex_);
    hold_reads_ = on;
  }
  cv_.notify_all();
}

void FakeColdBackend::LetThrough(int n) {
  {
    std::lock_guard lock(mutex_);
    let_through_ += n;
  }
  cv_.notify_all();
}

int FakeColdBackend::held_reads() {
  std::lock_guard lock(mutex_);
  return hold_reads_ ? held_reads_ - let_through_ : 0;
}

std::vector<std::string> FakeColdBackend::Journal() {
  std::lock_guard lock(mutex_);
  return journal_;
}

std::vector<std::string> FakeColdBackend::Violations() {
  std::lock_guard lock(mutex_);
  return violations_;
}

std::unique_ptr<FakeColdBackend> FakeColdBackend::CrashCopy() {
  auto copy = std::make_unique<FakeColdBackend>();
  std::lock_guard lock(mutex_);
  copy->state_ = flushed_;
  copy->flushed_ = flushed_;
  return copy;
}

}  // namespace thermocline::engine
