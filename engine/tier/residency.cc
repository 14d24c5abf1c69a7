#include "engine/tier/residency.h"

#include <glog/logging.h>

#include <algorithm>
#include <utility>

#include "engine/hot_tier.h"
#include "engine/tier/spiller.h"

namespace thermocline::engine {
namespace {

// A fault's size is not known before it arrives.
constexpr uint64_t kAssumedFaultBytes = 1024;
constexpr uint64_t kPinBudgetMin = 4 << 20;
// Of a list: a reader's share of a long range, and what is read beyond an end, as it is likely to
// be asked for next.
constexpr size_t kNodesARead = 32;
constexpr size_t kNodesAhead = 3;

std::string PinName(DbId id, uint64_t position, std::string_view key) {
  std::string name;
  name.reserve(sizeof(id) + sizeof(position) + key.size());
  name.append(reinterpret_cast<const char*>(&id), sizeof(id));
  name.append(reinterpret_cast<const char*>(&position), sizeof(position));
  return name.append(key);
}

// The list whose nodes the request is about; null: there is nothing to be read node by node.
List* PagedList(const Entry* entry, Need need) {
  if (need != Need::kValue || !entry->Has(Entry::kOutOfLine)) return nullptr;
  List* const list = ListObject(entry);
  return list != nullptr && !list->whole() ? list : nullptr;
}

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

// Who already holds something goes on: everybody's turn ends, or nobody's would.
bool Residency::Defers(Waiter* waiter) {
  if (!waiter->faults_.empty() || !OverPinBudget()) return false;
  deferred_.push_back(waiter);
  ++waiter->pending_;
  return true;
}

bool Residency::Prepare(std::span<const KeyRequest> keys, Waiter* waiter) {
  bool all = true;
  for (const KeyRequest& request : keys) {
    if (request.need == Need::kNothing) continue;
    Space& space = core_.keyspace.at(request.db);
    const uint64_t position = space.table.PositionOf(request.key);
    const Entry* entry = space.table.Find(position, request.key);
    if (entry != nullptr) {
      if (List* list = PagedList(entry, request.need); list != nullptr) {
        if (PrepareNodes(space, position, list, request, waiter)) continue;
        if (waiter->pending_ == 0 || waiter->faults_.empty()) return false;  // refused, or deferred
        all = false;
        continue;
      }
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
    if (all && Defers(waiter)) return false;
    Start(space, position, request.key, request.need, waiter);
    all = false;
  }
  return all;
}

Residency::Fault* Residency::NewFault(const Space& space, uint64_t position, std::string_view key,
                                      ColdRead::Kind kind) {
  auto fault = std::make_unique<Fault>();
  fault->ticket = next_ticket_++;
  fault->id = space.id;
  fault->position = position;
  fault->key = key;
  auto* read = new ColdRead;
  read->kind = kind;
  read->id = space.id;
  read->position = position;
  read->key = fault->key;
  read->ticket = fault->ticket;
  read->owner = owner_tag();
  to_submit_.push_back(read);
  Fault* raw = fault.get();
  faults_.emplace(raw->ticket, std::move(fault));
  return raw;
}

void Residency::Start(Space& space, uint64_t position, std::string_view key, Need need,
                      Waiter* waiter) {
  Fault* const fault =
      NewFault(space, position, key,
               need == Need::kValue ? ColdRead::Kind::kValue : ColdRead::Kind::kHeader);
  by_key_[FaultKey{space.id, position, fault->key}] = fault;
  Join(fault, waiter);
}

void Residency::StartNodes(const Space& space, uint64_t position, List* list, std::string_view key,
                           std::span<List::Absent> nodes, Waiter* waiter) {
  Fault* const fault = NewFault(space, position, key, ColdRead::Kind::kElements);
  for (List::Absent& node : nodes) {
    node.ticket = fault->ticket;
    list->SetTicket(node.node, fault->ticket);
    to_submit_.back()->elements.push_back({.element = node.id});
  }
  fault->of_nodes = true;
  fault->nodes.assign(nodes.begin(), nodes.end());
  Join(fault, waiter);
}

bool Residency::PrepareNodes(const Space& space, uint64_t position, List* list,
                             const KeyRequest& request, Waiter* waiter) {
  absent_.clear();
  list->FindAbsent(request.part, &absent_);
  bool all = true;
  std::erase_if(absent_, [&](const List::Absent& node) {
    const auto it = node.ticket == 0 ? faults_.end() : faults_.find(node.ticket);
    if (it == faults_.end()) return false;
    Fault& fault = *it->second;
    if (fault.state == State::kInFlight) {
      all = false;
      if (std::find(fault.waiting.begin(), fault.waiting.end(), waiter) == fault.waiting.end()) {
        Join(&fault, waiter);
      }
      return true;
    }
    // Whoever asked has been told; anybody else tries again.
    return fault.state == State::kFailed && Holds(waiter, fault);
  });
  if (absent_.empty()) return all;
  if (codec::Status error = CheckRoom(*list, absent_); !error.ok()) {
    RefuseNodes(space, position, list, request.key, std::move(error), waiter);
    return false;
  }
  if (absent_.size() <= kNodesAhead) {
    ahead_.clear();
    list->FindAhead(request.part, kNodesAhead, &ahead_);
    for (const List::Absent& node : ahead_) {
      if (node.ticket == 0) absent_.push_back(node);
    }
  }
  if (all && Defers(waiter)) return false;
  for (size_t i = 0; i < absent_.size(); i += kNodesARead) {
    const size_t n = std::min(kNodesARead, absent_.size() - i);
    StartNodes(space, position, list, request.key, std::span(absent_).subspan(i, n), waiter);
  }
  return false;
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
  return hot_.InstallRead(*space, read, has_value);
}

codec::Status Residency::CheckRoom(const List& list, std::span<const List::Absent> nodes) const {
  uint64_t bytes = list.memory_bytes();
  for (const List::Absent& node : nodes) bytes += node.bytes;
  // What was logged did fit.
  if (bytes <= core_.spiller->value_max() || core_.recovering) return {};
  return codec::Status::NoSpace("the command needs " + std::to_string(bytes) +
                                " bytes of a list in memory, more than the machine has for one");
}

void Residency::RefuseNodes(const Space& space, uint64_t position, List* list, std::string_view key,
                            codec::Status error, Waiter* waiter) {
  // As a read that has failed already: who holds it is told, and goes on.
  auto fault = std::make_unique<Fault>();
  fault->ticket = next_ticket_++;
  fault->id = space.id;
  fault->position = position;
  fault->key = key;
  fault->of_nodes = true;
  fault->state = State::kFailed;
  fault->references = 1;
  for (const List::Absent& node : absent_) list->SetTicket(node.node, fault->ticket);
  waiter->faults_.push_back(fault->ticket);
  waiter->error_ = std::move(error);
  faults_.emplace(fault->ticket, std::move(fault));
  if (waiter->pending_ == 0) core_.ready.push_back(waiter);
}

codec::StatusOr<uint64_t> Residency::InstallNodes(const ColdRead& read, Space& space,
                                                  std::span<const List::Absent> nodes, bool pin) {
  TC_RETURN_IF_ERROR(read.status);
  // Gone, or another value by now: its nodes are nobody's.
  Entry* const entry = space.table.Find(read.position, read.key);
  List* const list =
      entry != nullptr && entry->resident() ? PagedList(entry, Need::kValue) : nullptr;
  if (list == nullptr) return uint64_t{0};
  const size_t old_bytes = entry->MemoryBytes();
  codec::Status status;
  for (size_t i = 0; i < nodes.size() && status.ok(); ++i) {
    const ColdElementRow& row = read.elements[i];
    // Another client may have removed the node meanwhile, and its row with it.
    const codec::StatusOr<bool> installed = list->InstallNode(
        nodes[i], row.found ? std::optional<std::string_view>(row.bytes) : std::nullopt, pin);
    status = installed.status();
    if (installed.ok() && *installed) ++core_.stats.read_nodes;
  }
  hot_.Moved(space, read.position, entry, old_bytes, entry);
  if (!status.ok()) {  // nobody will unpin what came before the damage
    for (const List::Absent& node : nodes) list->Unpin(node);
    return status;
  }
  return entry->MemoryBytes() - old_bytes;
}

void Residency::Pin(Space& space, Fault* fault, uint64_t bytes) {
  Entry* const entry = space.table.Find(fault->position, fault->key);
  if (entry == nullptr || fault->references == 0) return;
  ++pins_[PinName(fault->id, fault->position, fault->key)];
  entry->Set(Entry::kPinned);
  fault->pinned = true;
  fault->pinned_bytes = bytes;
  pinned_bytes_ += bytes;
}

void Residency::Unpin(const Fault& fault) {
  if (!fault.pinned) return;
  pinned_bytes_ -= fault.pinned_bytes;
  Space* const space = core_.keyspace.Find(fault.id);
  Entry* const entry = space != nullptr ? space->table.Find(fault.position, fault.key) : nullptr;
  if (List* list = entry != nullptr ? ListObject(entry) : nullptr; list != nullptr) {
    for (const List::Absent& node : fault.nodes) list->Unpin(node);
  }
  const auto it = pins_.find(PinName(fault.id, fault.position, fault.key));
  if (--it->second > 0) return;
  pins_.erase(it);
  if (entry != nullptr) entry->Set(Entry::kPinned, false);
}

void Residency::Complete(ColdRead* read) {
  const std::unique_ptr<ColdRead> owned(read);
  const auto it = faults_.find(read->ticket);
  if (it == faults_.end()) {  // nobody waits any more
    hot_.DropDecoded(read);
    return;
  }
  Fault& fault = *it->second;
  Space* space = core_.keyspace.Find(fault.id);
  codec::Status error;
  if (fault.voided || space == nullptr) {
    fault.state = State::kArrived;  // as far as it goes: the waiters ask again
    hot_.DropDecoded(read);
    if (!fault.voided) VoidFault(fault.id, fault.position, fault.key);
  } else if (fault.of_nodes) {
    const codec::StatusOr<uint64_t> bytes =
        InstallNodes(*read, *space, fault.nodes, fault.references > 0);
    error = bytes.status();
    fault.state = error.ok() ? State::kArrived : State::kFailed;
    if (error.ok()) {
      Pin(*space, &fault, *bytes);
    } else {
      LOG(ERROR) << "cold read of a list's nodes at position " << fault.position
                 << " failed: " << error.ToString();
    }
  } else {
    bool found = false;
    error = InstallResult(read, space, &found);
    ++(found ? core_.stats.cold_read_hits : core_.stats.cold_read_misses);
    if (read->direct) ++core_.stats.direct_cold_reads;
    if (!error.ok()) {
      fault.state = State::kFailed;
      LOG(ERROR) << "cold read of a key at position " << fault.position
                 << " failed: " << error.ToString();
    } else if (!found) {
      fault.state = State::kAbsent;
    } else {
      fault.state = State::kArrived;
      const Entry* entry = space->table.Find(fault.position, fault.key);
      if (entry != nullptr) Pin(*space, &fault, entry->MemoryBytes());
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
  Unpin(fault);
  // A read in flight whose waiters left still warms the table; its fault stays to be found.
  if (fault.state == State::kInFlight) return;
  if (!fault.voided && !fault.of_nodes) {
    by_key_.erase(FaultKey{fault.id, fault.position, fault.key});
  }
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
    if (entry != nullptr && (request.need != Need::kValue || !entry->Has(Entry::kHeaderOnly))) {
      TC_RETURN_IF_ERROR(ReadNodesNow(space, position, entry, request));
      continue;
    }
    if (entry == nullptr && !space.MayBeCold(position)) continue;
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
    entry = space.table.Find(position, request.key);
    if (entry != nullptr) TC_RETURN_IF_ERROR(ReadNodesNow(space, position, entry, request));
  }
  return {};
}

codec::Status Residency::ReadNodesNow(Space& space, uint64_t position, const Entry* entry,
                                      const KeyRequest& request) {
  List* const list = PagedList(entry, request.need);
  if (list == nullptr) return {};
  std::vector<List::Absent> nodes;
  list->FindAbsent(request.part, &nodes);
  if (nodes.empty()) return {};
  TC_RETURN_IF_ERROR(CheckRoom(*list, nodes));
  ColdRead read;
  read.kind = ColdRead::Kind::kElements;
  read.id = space.id;
  read.position = position;
  read.key = request.key;
  read.ticket = next_ticket_++;
  for (List::Absent& node : nodes) {
    node.ticket = read.ticket;
    list->SetTicket(node.node, read.ticket);
    read.elements.push_back({.element = node.id});
  }
  core_.cold->ReadNow(&read);
  if (!core_.recovering) ++core_.stats.synchronous_cold_reads;  // replay makes nobody wait
  return InstallNodes(read, space, nodes, /*pin=*/false).status();
}

}  // namespace thermocline::engine
