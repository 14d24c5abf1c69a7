#include "engine/tier/links.h"

#include <algorithm>
#include <unordered_set>
#include <utility>

namespace thermocline::engine {
namespace {

void AddIfNew(Links::Place place, std::vector<Links::Place>* places) {
  if (std::find(places->begin(), places->end(), place) == places->end()) places->push_back(place);
}

}  // namespace

bool Links::Admits(Place source, Place destination, uint64_t bytes, bool taken,
                   uint64_t bytes_max) const {
  std::vector<Place> tied{source};
  AddIfNew(destination, &tied);
  const size_t own = tied.size();
  uint64_t others = 0;
  for (size_t i = 0; i < tied.size(); ++i) {
    if (tied.size() > kTiedMax) return false;
    const auto node = nodes_.find(tied[i]);
    if (node == nodes_.end()) continue;
    if (i >= own) others += node->second.bytes;
    for (const Link& link : node->second.links) AddIfNew(link.destination, &tied);
    for (Place from : node->second.sources) AddIfNew(from, &tied);
  }
  return others == 0 || others + (taken ? bytes : 2 * bytes) <= bytes_max;
}

void Links::Add(Place source, Place destination, Lsn lsn, uint64_t bytes, bool taken) {
  Node& from = nodes_[source];
  from.links.push_back({destination, lsn});
  from.bytes = taken ? 0 : bytes;
  Node& to = nodes_[destination];
  to.sources.push_back(source);
  to.bytes = bytes;
}

void Links::Follow(Place from, std::vector<Place>* out) const {
  out->assign(1, from);
  if (nodes_.find(from) == nodes_.end()) return;      // most
  std::unordered_set<Place, HashOfPlace> seen{from};  // replay may tie more than Admits would
  for (size_t i = 0; i < out->size(); ++i) {
    const auto node = nodes_.find((*out)[i]);
    if (node == nodes_.end()) continue;
    for (const Link& link : node->second.links) {
      if (seen.insert(link.destination).second) out->push_back(link.destination);
    }
  }
}

void Links::DropIfUnused(Place place) {
  const auto node = nodes_.find(place);
  if (node->second.links.empty() && node->second.sources.empty()) nodes_.erase(node);
}

void Links::Remove(Place source, Place destination, Lsn lsn) {
  std::vector<Link>& links = nodes_.find(source)->second.links;
  links.erase(std::find_if(links.begin(), links.end(), [&](const Link& link) {
    return link.destination == destination && link.lsn == lsn;
  }));
  std::vector<Place>& sources = nodes_.find(destination)->second.sources;
  sources.erase(std::find(sources.begin(), sources.end(), source));
  DropIfUnused(source);
  if (source != destination) DropIfUnused(destination);
}

void Links::NoteCaptured(Place place) {
  while (HasDestination(place)) {
    const Place source = nodes_.find(place)->second.sources.back();
    const std::vector<Link>& links = nodes_.find(source)->second.links;
    const auto link = std::find_if(links.begin(), links.end(),
                                   [&](const Link& l) { return l.destination == place; });
    Remove(source, place, link->lsn);
  }
}

void Links::ForgetBefore(Lsn checkpoint) {
  std::vector<std::pair<Place, Link>> old;
  for (const auto& [place, node] : nodes_) {
    for (const Link& link : node.links) {
      if (link.lsn < checkpoint) old.emplace_back(place, link);
    }
  }
  for (const auto& [source, link] : old) Remove(source, link.destination, link.lsn);
}

}  // namespace thermocline::engine
