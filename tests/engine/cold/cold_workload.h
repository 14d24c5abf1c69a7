// A seeded workload over ColdBackend that plays the engine: it knows what the cold tier holds and
// fills batches with true claims. Shared by the tests of this folder; header only, one thread.
#pragma once

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "codec/cold_record.h"
#include "engine/cold/cold_batch.h"
#include "engine/env/random.h"

namespace thermocline::engine {

class ColdWorkload {
 public:
  struct Entry {
    uint64_t expire_ms = 0;
    uint64_t length = 0;
    bool chunks = false;
    Lsn lsn = 0;
    bool paged = false;
    std::set<uint64_t> elements = {};  // rows, if it is paged
  };
  using Key = std::tuple<uint64_t, uint64_t, std::string>;

  ColdWorkload(uint64_t seed, size_t payload_max) : random_(seed), payload_max_(payload_max) {}

  Random& random() { return random_; }
  const std::map<Key, Entry>& entries() const { return entries_; }
  Lsn lsn() const { return lsn_; }

  /// Keys are few, so that they meet again; positions collide on purpose.
  Key PickKey() {
    const uint64_t id = random_.Uniform(3);
    const uint64_t position = 1 + random_.Uniform(40);
    std::string key = "k" + std::to_string(random_.Uniform(8));
    if (random_.OneIn(8)) key = std::string("\0", 1) + key + std::string(2, '\0');
    return {id, position, std::move(key)};
  }
  std::string MakePayload() {
    size_t size = 0;
    switch (random_.Uniform(8)) {
      case 0:
        size = random_.Uniform(3);
        break;
      case 1:
        size = codec::kMaxInlinePayload - 1 + random_.Uniform(3);
        break;
      case 2:
        size = random_.Uniform(payload_max_ + 1);
        break;
      case 3:  // around the largest whole record, which is a little larger than its payload
        size = std::min<size_t>(payload_max_, codec::kMaxWholePayload - 50 + random_.Uniform(100));
        break;
      default:
        size = random_.Uniform(600);
    }
    std::string payload(size, '\0');
    uint64_t bits = random_.Next();
    for (char& c : payload) {
      bits = bits * 6364136223846793005u + 1442695040888963407u;
      c = static_cast<char>(bits >> 56);
    }
    return payload;
  }

  void FillBatch(ColdBatch* batch, size_t ops) {
    for (size_t i = 0; i < ops; ++i) Change(batch, PickKey());
    AddCounts(batch);
  }
  /// Batches of a sweep: keys in order, a position once, to be staged.
  std::vector<ColdBatch> Sweep(size_t batches, size_t keys) {
    std::map<std::pair<uint64_t, uint64_t>, Key> chosen;
    for (size_t i = 0; i < keys; ++i) {
      const Key key = PickKey();
      chosen.emplace(std::pair(std::get<0>(key), std::get<1>(key)), key);
    }
    std::vector<ColdBatch> sweep(batches);
    size_t n = 0;
    for (const auto& [place, key] : chosen) Change(&sweep[n++ * batches / chosen.size()], key);
    for (ColdBatch& batch : sweep) {
      AddCounts(&batch);
      batch.SetStageable();
    }
    return sweep;
  }

  // Few numbers, so that rows meet older ones; large bytes are moved into the batch.
  void ChangeElements(ColdBatch* batch, const Key& key, std::set<uint64_t>* elements) {
    const auto& [id, position, name] = key;
    for (uint64_t n = random_.Uniform(6); n > 0; --n) {
      const uint64_t element = 1 + random_.Uniform(random_.OneIn(3) ? uint64_t{1} << 55 : 8);
      if (elements->contains(element) && random_.OneIn(2)) {
        batch->DeleteElement(id, position, name, element);
        elements->erase(element);
      } else {
        batch->PutElement(id, position, name, element, MakePayload());
        elements->insert(element);
      }
    }
  }

  void Drop(ColdBatch* batch, uint64_t id) {
    batch->DropDatabase(id);
    std::erase_if(entries_, [&](const auto& item) { return std::get<0>(item.first) == id; });
  }

 private:
  // Of all that the keys are now.
  void AddCounts(ColdBatch* batch) {
    std::map<uint64_t, std::pair<uint64_t, uint64_t>> counts{{0, {}}, {1, {}}, {2, {}}};
    for (const auto& [key, entry] : entries_) {
      auto& [records, expires] = counts[std::get<0>(key)];
      ++records;
      expires += entry.expire_ms != 0 ? 1 : 0;
    }
    for (const auto& [id, c] : counts) batch->SetCounts(id, c.first, c.second);
  }

  void Change(ColdBatch* batch, const Key& key) {
    lsn_ += 1 + random_.Uniform(50);
    const auto& [id, position, name] = key;
    const auto it = entries_.find(key);
    ColdPrevious previous;
    if (it != entries_.end()) {
      previous = {it->second.expire_ms, it->second.chunks, it->second.paged};
    }
    ColdImage image;
    image.type = static_cast<uint8_t>(random_.Uniform(3));
    image.encoding = static_cast<uint8_t>(random_.Uniform(3));
    image.lsn = lsn_;
    image.access = static_cast<uint32_t>(random_.Uniform(1 << 24));
    image.count = 1 + random_.Uniform(1000);
    image.expire_ms = random_.OneIn(2) ? 1000 + random_.Uniform(30) : 0;
    if (random_.OneIn(4)) {
      batch->Delete(id, position, name, lsn_, it != entries_.end(), previous);
      if (it != entries_.end()) entries_.erase(it);
      return;
    }
    Entry entry{image.expire_ms, 0, false, lsn_};
    if (previous.has_chunks && random_.OneIn(3)) {
      entry = it->second;
      entry.expire_ms = image.expire_ms;
      entry.lsn = lsn_;
      if (entry.paged) image.type = codec::kPagedList;
      batch->PutHeader(id, position, name, image, entry.length, previous);
    } else {
      std::string payload = MakePayload();
      entry.length = payload.size();
      entry.chunks = payload.size() > codec::kMaxInlinePayload;
      if (random_.OneIn(3)) {
        entry.paged = true;
        image.type = codec::kPagedList;
        image.keeps_elements = previous.has_elements && !random_.OneIn(4);
        if (image.keeps_elements) entry.elements = it->second.elements;
      }
      if (random_.OneIn(2)) {
        batch->Put(id, position, name, image, std::move(payload), previous);
      } else {
        batch->Put(id, position, name, image, std::string_view(payload), previous);
      }
      if (entry.paged) ChangeElements(batch, key, &entry.elements);
    }
    entries_[key] = entry;
  }

  Random random_;
  const size_t payload_max_;
  std::map<Key, Entry> entries_;
  Lsn lsn_ = 0;
};

}  // namespace thermocline::engine
