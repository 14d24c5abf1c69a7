// Residency: brings cold keys into memory before commands run (design section 7).
//
// A fault is one read of one key on behalf of any number of waiters. It is in flight, then absent
// (the cold tier has no such record), failed, or gone into the table. [D7]: whatever enters the
// table for a key, changes it there or leaves it voids its fault; a result without a valid fault is
// thrown away, and whoever waited asks again. [R2]: what was brought in for a waiter stays pinned
// until Release; above the pin budget only the oldest waiter faults. The nodes of a paged list that
// a command asks for (ListPart) are read when the list itself is here, several at once; what voids
// such a read is the node's own ticket (engine/types/list.h). Executor thread; the reads are done
// by ColdStore's readers.
#pragma once

#include <deque>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "engine/core.h"
#include "engine/types/list.h"

namespace thermocline::engine {

class HotTier;

class Residency {
 public:
  Residency(Core& core, HotTier& hot) : core_(core), hot_(hot) {}
  ~Residency();

  /// See Database::Prepare.
  bool Prepare(std::span<const KeyRequest> keys, Waiter* waiter);
  codec::Status PrepareNow(std::span<const KeyRequest> keys);
  void Release(Waiter* waiter);
  void Cancel(Waiter* waiter);

  /// A key was made, changed, deleted or dropped: what a fault on it reads may be the past. Cheap
  /// while there are no faults.
  void NoteChange(const Space& space, uint64_t position, std::string_view key) {
    if (!by_key_.empty()) VoidFault(space.id, position, key);
  }
  /// Submits the faults of this tick together.
  void SubmitFaults();
  /// A read of ours came back. Takes ownership. Waiters that have everything are put on
  /// Core::ready.
  void Complete(ColdRead* read);

  size_t faults() const { return faults_.size(); }
  /// What was brought in for the waiter and stays until Release.
  uint64_t PinnedBytes(const Waiter* waiter) const;
  /// Waits for `pending_` things that are not faults (scans, memory, checkpoints).
  static void AddPending(Waiter* waiter) { ++waiter->pending_; }
  static bool RemovePending(Waiter* waiter) { return --waiter->pending_ == 0; }
  static void SetError(Waiter* waiter, codec::Status error) { waiter->error_ = std::move(error); }
  static codec::Status TakeError(Waiter* waiter) { return std::exchange(waiter->error_, {}); }

  /// Tag of ColdRead::owner for reads that are faults.
  void* owner_tag() { return this; }

 private:
  enum class State : uint8_t { kInFlight, kAbsent, kArrived, kFailed };
  struct Fault {
    uint64_t ticket = 0;
    DbId id = 0;
    uint64_t position = 0;
    std::string key;
    State state = State::kInFlight;
    bool voided = false;
    bool pinned = false;
    uint64_t pinned_bytes = 0;
    bool of_nodes = false;  // of a list that is here; `nodes` says where they were then
    std::vector<List::Absent> nodes;
    int references = 0;            // waiters that have it in their list
    std::vector<Waiter*> waiting;  // of these, who still waits for the result
  };
  struct FaultKey {
    DbId id;
    uint64_t position;
    std::string_view key;  // of the Fault
    bool operator==(const FaultKey&) const = default;
  };
  struct FaultKeyHash {
    size_t operator()(const FaultKey& k) const { return k.position ^ (k.id * 0x9e3779b97f4a7c15u); }
  };

  Fault* FindFault(DbId id, uint64_t position, std::string_view key);
  void VoidFault(DbId id, uint64_t position, std::string_view key);
  void Start(Space& space, uint64_t position, std::string_view key, Need need, Waiter* waiter);
  Fault* NewFault(const Space& space, uint64_t position, std::string_view key, ColdRead::Kind kind);
  /// The nodes of the part are here, or have failed for this waiter. Otherwise their reads are
  /// started or joined (the waiter has something pending), or the waiter is deferred (it has no
  /// faults), or refused: they would not fit in the machine's memory.
  bool PrepareNodes(const Space& space, uint64_t position, List* list, const KeyRequest& request,
                    Waiter* waiter);
  void StartNodes(const Space& space, uint64_t position, List* list, std::string_view key,
                  std::span<List::Absent> nodes, Waiter* waiter);
  /// Whether one value may take as much memory as the list with these nodes.
  codec::Status CheckRoom(const List& list, std::span<const List::Absent> nodes) const;
  /// The nodes of absent_ are not read for this waiter: it gets the error.
  void RefuseNodes(const Space& space, uint64_t position, List* list, std::string_view key,
                   codec::Status error, Waiter* waiter);
  /// Of a read of nodes; the bytes that came into memory.
  codec::StatusOr<uint64_t> InstallNodes(const ColdRead& read, Space& space,
                                         std::span<const List::Absent> nodes, bool pin);
  codec::Status ReadNodesNow(Space& space, uint64_t position, const Entry* entry,
                             const KeyRequest& request);
  void Pin(Space& space, Fault* fault, uint64_t bytes);
  void Unpin(const Fault& fault);
  static bool Holds(const Waiter* waiter, const Fault& fault);
  void Join(Fault* fault, Waiter* waiter);
  void Unreference(uint64_t ticket, Waiter* waiter);
  bool OverPinBudget() const;
  /// Whether the waiter, which holds nothing yet, has to wait for others' pins. REQUIRES: it waits
  /// for nothing else.
  bool Defers(Waiter* waiter);
  codec::Status InstallResult(ColdRead* read, Space* space, bool* found);

  Core& core_;
  HotTier& hot_;
  std::unordered_map<uint64_t, std::unique_ptr<Fault>> faults_;  // by ticket
  std::unordered_map<FaultKey, Fault*, FaultKeyHash> by_key_;    // the valid ones
  std::unordered_map<std::string, int> pins_;  // faults that pin an entry, by PinName
  std::vector<List::Absent> absent_, ahead_;   // of PrepareNodes
  std::vector<ColdRead*> to_submit_;
  std::deque<Waiter*> deferred_;  // over the pin budget, oldest first
  uint64_t next_ticket_ = 1;
  uint64_t pinned_bytes_ = 0;
};

}  // namespace thermocline::engine
