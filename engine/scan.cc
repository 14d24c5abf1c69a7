#include "engine/scan.h"

#include <algorithm>
#include <limits>

#include "engine/tier/residency.h"
#include "engine/types/value_codec.h"

namespace thermocline::engine {
namespace {

constexpr uint64_t kEnd = std::numeric_limits<uint64_t>::max();
constexpr uint64_t kCountMax = 10'000;  // a page stays a slice, whatever the client asks
constexpr size_t kRandomColdRows = 16;
constexpr int kRandomRereads = 3;

}  // namespace

struct Scanner::State {
  struct HotKey {
    uint64_t position;
    ScanPage::Key key;
    bool gone;  // deleted or expired: a row that was read before that landed says otherwise
  };
  DbId id = 0;
  uint64_t from = 0;
  std::vector<HotKey> hot;
  uint64_t hot_next = kEnd;  // first position the hot walk did not see
  ColdRead read;
  bool has_cold = false;
  uint64_t tombstones_dropped = 0;  // Random: of the core, when the read began
  Waiter* waiter = nullptr;         // null once the read is back
};

bool Scanner::ReadCold(State* state, Waiter* waiter) {
  state->has_cold = true;
  if (waiter == nullptr) {
    core_.cold->ReadNow(&state->read);
    ++core_.stats.synchronous_cold_reads;
    return true;
  }
  state->read.owner = owner_tag();
  state->read.ticket = next_ticket_++;
  state->waiter = waiter;
  Residency::AddPending(waiter);
  core_.cold->Submit(&state->read);
  return false;
}

void Scanner::Complete(ColdRead* read) {
  const auto it = under_way_.find(read->ticket);
  if (it == under_way_.end()) return;
  const std::shared_ptr<State> state = it->second;
  under_way_.erase(it);
  if (state->waiter == nullptr) return;
  if (Residency::RemovePending(state->waiter)) core_.ready.push_back(state->waiter);
  state->waiter = nullptr;
}

void Scanner::Cancel(Waiter* waiter) {
  for (auto& [ticket, state] : under_way_) {
    if (state->waiter == waiter) state->waiter = nullptr;
  }
}

std::optional<ScanPage> Scanner::Step(ScanRequest* request, Waiter* waiter) {
  std::shared_ptr<State> state = std::static_pointer_cast<State>(request->state);
  if (state && state->id != core_.keyspace.at(request->db).id)
    state.reset();  // FLUSHDB or SWAPDB came between
  if (!state) {
    Space& space = core_.keyspace.at(request->db);
    state = std::make_shared<State>();
    state->id = space.id;
    state->from = std::max<uint64_t>(request->cursor, 1);
    const uint64_t count = std::clamp<uint64_t>(request->count, 1, kCountMax);
    const uint64_t next = space.table.Walk(state->from, count, [&](Entry* entry) {
      const bool gone = entry->Has(Entry::kTombstone) || Expired(entry->expiry_ms());
      state->hot.push_back(
          {space.table.PositionOf(entry), {std::string(entry->key()), entry->type()}, gone});
    });
    state->hot_next = next == 0 ? kEnd : next;
    if (space.cold_records > 0) {
      ColdRead& read = state->read;
      read.kind = ColdRead::Kind::kScan;
      read.id = space.id;
      read.range.id = space.id;
      read.range.from_position = state->from;
      if (state->hot_next != kEnd) read.range.to_position = state->hot_next - 1;
      read.range.max_rows = count;
      if (!ReadCold(state.get(), waiter)) {
        under_way_[state->read.ticket] = state;
        request->state = state;
        request->submitted = true;
        return std::nullopt;
      }
    }
  }
  request->state.reset();
  request->submitted = false;

  Space& space = core_.keyspace.at(request->db);
  ScanPage page;
  uint64_t end = state->hot_next;  // first position not on this page
  std::vector<State::HotKey> keys = std::move(state->hot);
  if (state->has_cold) {
    if (!state->read.status.ok()) {
      if (waiter != nullptr) Residency::SetError(waiter, state->read.status);
      page.status = state->read.status;
      return page;
    }
    if (!state->read.page.end) end = std::min(end, state->read.page.through_position + 1);
    const size_t hot_count = keys.size();
    for (ColdRow& row : state->read.page.rows) {
      if (Expired(static_cast<int64_t>(row.header.expire_ms))) continue;
      if (space.table.Find(row.position, row.key) != nullptr) {
        // Resident or deleted: the hot walk has it, unless it was brought in since.
        const Entry* entry = space.table.Find(row.position, row.key);
        if (entry->Has(Entry::kTombstone) || Expired(entry->expiry_ms())) continue;
      }
      const auto same = [&](const State::HotKey& k) {
        return k.position == row.position && k.key.key == row.key;
      };
      const auto from = std::lower_bound(
          keys.begin(), keys.begin() + static_cast<ptrdiff_t>(hot_count), row.position,
          [](const State::HotKey& k, uint64_t p) { return k.position < p; });
      bool duplicate = false;
      for (auto it = from;
           it != keys.begin() + static_cast<ptrdiff_t>(hot_count) && it->position == row.position;
           ++it) {
        duplicate |= same(*it);
      }
      if (!duplicate)
        keys.push_back({row.position, {std::move(row.key), TypeOfRdb(row.header.type)}, false});
    }
  }
  for (State::HotKey& k : keys) {
    if (k.position < end && !k.gone) page.keys.push_back(std::move(k.key));
  }
  page.next = end == kEnd ? 0 : end;
  return page;
}

std::optional<RandomKeyReply> Scanner::Random(int db, ScanRequest* request, Waiter* waiter) {
  Space& space = core_.keyspace.at(db);
  const auto rng = [this] { return core_.random->Next(); };
  const auto random_hot = [&] {
    RandomKeyReply reply;
    for (int i = 0; i < 100 && !reply.key; ++i) {
      const Entry* entry = space.table.RandomNode(rng);
      if (entry == nullptr) break;
      if (!entry->Has(Entry::kTombstone) && !Expired(entry->expiry_ms())) reply.key = entry->key();
    }
    return reply;
  };
  std::shared_ptr<State> state = std::static_pointer_cast<State>(request->state);
  if (state && state->id != space.id) state.reset();
  if (!state) {
    if (space.live == 0) return RandomKeyReply();
    const uint64_t resident = std::min<uint64_t>(space.resident(), space.live);
    if (core_.random->Uniform(space.live) < resident) {
      if (RandomKeyReply reply = random_hot(); reply.key) return reply;
    }
    if (space.cold_records == 0) return random_hot();
    state = std::make_shared<State>();
    state->id = space.id;
    state->from =
        request->cursor != 0 ? request->cursor : 1 + core_.random->Uniform(codec::kMaxPosition);
    ColdRead& read = state->read;
    read.kind = ColdRead::Kind::kScan;
    read.id = space.id;
    read.range.id = space.id;
    read.range.from_position = state->from;
    read.range.max_rows = kRandomColdRows;
    state->tombstones_dropped = core_.tombstones_dropped;
    // One that cannot be sure again and again reads in place.
    if (!ReadCold(state.get(), request->rereads < kRandomRereads ? waiter : nullptr)) {
      under_way_[read.ticket] = state;
      request->state = state;
      request->submitted = true;
      return std::nullopt;
    }
  }
  request->state.reset();
  request->submitted = false;
  if (!state->read.status.ok()) {
    RandomKeyReply failed;
    failed.status = state->read.status;
    return failed;
  }
  if (state->tombstones_dropped != core_.tombstones_dropped) {
    // A row may be that of a key whose deletion landed after the read.
    request->cursor = state->from;
    ++request->rereads;
    return Random(db, request, waiter);
  }
  for (const ColdRow& row : state->read.page.rows) {
    const Entry* entry = space.table.Find(row.position, row.key);
    const bool gone = entry != nullptr
                          ? entry->Has(Entry::kTombstone) || Expired(entry->expiry_ms())
                          : Expired(static_cast<int64_t>(row.header.expire_ms));
    if (!gone) return RandomKeyReply{.key = row.key};
  }
  if (!state->read.page.end) {  // a run of dead records: on behind it
    request->cursor = state->read.page.through_position + 1;
    return Random(db, request, waiter);
  }
  if (state->from != 1) {
    request->cursor = 1;
    return Random(db, request, waiter);
  }
  return random_hot();
}

}  // namespace thermocline::engine
