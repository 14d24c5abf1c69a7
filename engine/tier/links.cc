#include "engine/tier/links.h"

#include <algorithm>

namespace thermocline::engine {

void Links::Add(Place source, Place destination, Lsn lsn, uint64_t bytes) {
  by_source_[source].push_back({destination, lsn, bytes});
  ++destinations_[destination];
  ++count_;
  bytes_ += bytes;
}

void Links::Follow(Place from, std::vector<Place>* out) const {
  out->assign(1, from);
  for (size_t i = 0; i < out->size(); ++i) {
    const auto links = by_source_.find((*out)[i]);
    if (links == by_source_.end()) continue;
    for (const Link& link : links->second) {
      if (std::find(out->begin(), out->end(), link.destination) == out->end()) {
        out->push_back(link.destination);
      }
    }
  }
}

template <class Which>
void Links::Forget(Which&& which) {
  for (auto source = by_source_.begin(); source != by_source_.end();) {
    std::erase_if(source->second, [&](const Link& link) {
      if (!which(link)) return false;
      if (const auto to = destinations_.find(link.destination); --to->second == 0) {
        destinations_.erase(to);
      }
      --count_;
      bytes_ -= link.bytes;
      return true;
    });
    source = source->second.empty() ? by_source_.erase(source) : std::next(source);
  }
}

void Links::NoteCaptured(Place place) {
  if (!HasDestination(place)) return;
  Forget([&](const Link& link) { return link.destination == place; });
}

void Links::ForgetBefore(Lsn checkpoint) {
  Forget([&](const Link& link) { return link.lsn < checkpoint; });
}

}  // namespace thermocline::engine
