#include "engine/tier/residency.h"

#include <glog/logging.h>

#include <algorithm>
#include <utility>

#include "engine/hot_tier.h"

namespace thermocline::engine {
namespace {

// A fault's size is not known before it arrives.
constexpr uint64_t kAssumedFaultBytes = 1024;
constexpr uint64_t kPinBudgetMin = 4 << 20;

}  // namespace

Residency::~Residency() {
  for (ColdRead* read : to_submit_) delete read;
}

Residency::Fault* Residency::FindFault(DbId id, uint64_t position, std::string_view key) {
  const auto it = by_key_.find(FaultKey{id, position, key});
  return it == by_key_.end() ? nullptr : it->second;
}

void Residency::VoidFault(DbId id, uint64_t position, std::string_view key) {
  const auto it = by_key_.find(FaultKey{id, position, key});
  if (it == by_key_.end()) return;
  it->second->voided = true;
  by_key_.erase(it);
}

bool Residency::OverPinBudget() const {
  const uint64_t budget = std::max(kPinBudgetMin, core_.stats.budget_bytes / 8);
  return !faults_.empty() && pinned_bytes_ + faults_.size() * kAssumedFaultBytes >= budget;
}

bool Residency::Prepare(std::span<const KeyRequest> keys, Waiter* waiter) {
  bool all = true;
  for (const KeyRequest& request : keys) {
    if (request.need == Need::kNothing) continue;
    Space& space = core_.keyspace.at(request.db);
    const uint64_t position = space.table.PositionOf(request.key);
    const Entry* entry = space.table.Find(position, request.key);
    if (entry != nullptr) {
      if (request.need != Need::kValue || !entry->Has(Entry::kHeaderOnly)) continue;
    } else if (!space.MayBeCold(position)) {
      continue;
    }
    if (Fault* fault = FindFault(space.id, position, request.key); fault != nullptr) {
      if (entry == nullptr && fault->state == State::kAbsent) continue;
      // Whoever asked for it has been told. To anybody else it must not look like an absent key.
      if (fault->state == State::kFailed && Holds(waiter, *fault)) continue;
      if (fault->state == State::kInFlight) {
        Join(fault, waiter);
        all = false;
        continue;
      }
      // It failed for others, arrived as a header and the value is needed, or was dropped since: a
      // new read.
      fault->voided = true;
      by_key_.erase(FaultKey{space.id, position, fault->key});
    }
    // Who already holds something goes on: everybody's turn ends, or nobody's would.
    if (all && waiter->faults_.empty() && OverPinBudget()) {
      deferred_.push_back(waiter);
      ++waiter->pending_;
      return false;
    }
    Start(space, position, request.key, request.need, waiter);
    all = false;
  }
  return all;
}

void Residency::Start(Space& space, uint64_t position, std::string_view key, Need need,
                      Waiter* waiter) {
  auto fault = std::make_unique<Fault>();
  fault->ticket = next_ticket_++;
  fault->id = space.id;
  fault->position = position;
  fault->key = key;
  fault->need = need;
  auto* read = new ColdRead;
  read->kind = need == Need::kValue ? ColdRead::Kind::kValue : ColdRead::Kind::kHeader;
  read->id = space.id;
  read->position = position;
  read->key = fault->key;
  read->ticket = fault->ticket;
  read->owner = owner_tag();
  to_submit_.push_back(read);
  Fault* raw = fault.get();
  faults_.emplace(raw->ticket, std::move(fault));
  by_key_[FaultKey{space.id, position, raw->key}] = raw;
  Join(raw, waiter);
}

bool Residency::Holds(const Waiter* waiter, const Fault& fault) {
  return std::find(waiter->faults_.begin(), waiter->faults_.end(), fault.ticket) !=
         waiter->faults_.end();
}

void Residency::Join(Fault* fault, Waiter* waiter) {
  if (!Holds(waiter, *fault)) {
    waiter->faults_.push_back(fault->ticket);
    ++fault->references;
  }
  fault->waiting.push_back(waiter);
  ++waiter->pending_;
}

uint64_t Residency::PinnedBytes(const Waiter* waiter) const {
  uint64_t bytes = 0;
  for (uint64_t ticket : waiter->faults_) {
    const auto it = faults_.find(ticket);
    if (it != faults_.end()) bytes += it->second->pinned_bytes;
  }
  return bytes;
}

void Residency::SubmitFaults() {
  if (to_submit_.empty()) return;
  core_.cold->Submit(to_submit_);
  to_submit_.clear();
}

codec::Status Residency::InstallResult(ColdRead* read, Space* space, bool* found) {
  *found = false;
  TC_RETURN_IF_ERROR(read->status);
  *found = read->found;
  if (!read->found) return {};
  // A payload that lies in the header's record comes with it, and goes with it when it is written
  // again.
  const bool has_value = read->kind == ColdRead::Kind::kValue || read->header.payload_inline;
  return hot_.Install(*space, read->position, read->key, read->header,
                      has_value ? &read->payload : nullptr);
}

void Residency::Complete(ColdRead* read) {
  const std::unique_ptr<ColdRead> owned(read);
  const auto it = faults_.find(read->ticket);
  if (it == faults_.end()) return;  // nobody waits any more
  Fault& fault = *it->second;
  Space* space = core_.keyspace.Find(fault.id);
  codec::Status error;
  if (fault.voided || space == nullptr) {
    fault.state = State::kArrived;  // as far as it goes: the waiters ask again
    if (!fault.voided) VoidFault(fault.id, fault.position, fault.key);
  } else {
    bool found = false;
    error = InstallResult(read, space, &found);
    ++(found ? core_.stats.cold_read_hits : core_.stats.cold_read_misses);
    if (!error.ok()) {
      fault.state = State::kFailed;
      LOG(ERROR) << "cold read of a key at position " << fault.position
                 << " failed: " << error.ToString();
    } else if (!found) {
      fault.state = State::kAbsent;
    } else {
      fault.state = State::kArrived;
      Entry* entry = space->table.Find(fault.position, fault.key);
      if (entry != nullptr && fault.references > 0 && !entry->Has(Entry::kPinned)) {
        entry->Set(Entry::kPinned);
        fault.pinned = true;
        fault.pinned_bytes = entry->MemoryBytes();
        pinned_bytes_ += fault.pinned_bytes;
      }
    }
  }
  for (Waiter* waiter : std::exchange(fault.waiting, {})) {
    if (!error.ok()) waiter->error_ = error;
    if (--waiter->pending_ == 0) core_.ready.push_back(waiter);
  }
  if (fault.references == 0) {
    if (FindFault(fault.id, fault.position, fault.key) == &fault)
      VoidFault(fault.id, fault.position, fault.key);
    faults_.erase(it);
  }
}

void Residency::Unreference(uint64_t ticket, Waiter* waiter) {
  const auto it = faults_.find(ticket);
  if (it == faults_.end()) return;
  Fault& fault = *it->second;
  std::erase(fault.waiting, waiter);
  if (--fault.references > 0) return;
  if (fault.pinned) {
    pinned_bytes_ -= fault.pinned_bytes;
    if (Space* space = core_.keyspace.Find(fault.id); space != nullptr) {
      if (Entry* entry = space->table.Find(fault.position, fault.key); entry != nullptr) {
        entry->Set(Entry::kPinned, false);
      }
    }
  }
  // A read in flight whose waiters left still warms the table; its fault stays to be found.
  if (fault.state == State::kInFlight) return;
  if (!fault.voided) by_key_.erase(FaultKey{fault.id, fault.position, fault.key});
  faults_.erase(it);
}

void Residency::Release(Waiter* waiter) {
  if (waiter->faults_.empty()) return;
  for (uint64_t ticket : std::exchange(waiter->faults_, {})) Unreference(ticket, waiter);
  while (!deferred_.empty() && !OverPinBudget()) {
    Waiter* oldest = deferred_.front();
    deferred_.pop_front();
    if (--oldest->pending_ == 0) core_.ready.push_back(oldest);
  }
}

void Residency::Cancel(Waiter* waiter) {
  std::erase(deferred_, waiter);
  std::erase(core_.ready, waiter);
  Release(waiter);
  waiter->pending_ = 0;
}

codec::Status Residency::PrepareNow(std::span<const KeyRequest> keys) {
  for (const KeyRequest& request : keys) {
    if (request.need == Need::kNothing) continue;
    Space& space = core_.keyspace.at(request.db);
    const uint64_t position = space.table.PositionOf(request.key);
    const Entry* entry = space.table.Find(position, request.key);
    if (entry != nullptr) {
      if (request.need != Need::kValue || !entry->Has(Entry::kHeaderOnly)) continue;
    } else if (!space.MayBeCold(position)) {
      continue;
    }
    ColdRead read;
    read.kind = request.need == Need::kValue ? ColdRead::Kind::kValue : ColdRead::Kind::kHeader;
    read.id = space.id;
    read.position = position;
    read.key = request.key;
    core_.cold->ReadNow(&read);
    ++core_.stats.synchronous_cold_reads;
    bool found = false;
    VoidFault(space.id, position, request.key);
    TC_RETURN_IF_ERROR(InstallResult(&read, &space, &found));
  }
  return {};
}

}  // namespace thermocline::engine
