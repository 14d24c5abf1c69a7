// See key_filter.h for the shape. Bits of the 64-bit hash, from the top: `depth` bits of directory,
// 15 bits of tag, unused bits; from the bottom: 4 bits of group, 16 bits of line.
#include "engine/cold/key_filter.h"

#include <algorithm>
#include <bit>
#include <cstdlib>
#include <cstring>
#include <new>

#include "glog/logging.h"

namespace thermocline::engine {
namespace {

constexpr unsigned kSlots = 28;
constexpr unsigned kGroupMax = 15;  // what a nibble counts to
constexpr unsigned kTagBits = 15;
constexpr unsigned kInitialBits = 3;  // 8 partitions: two of each size
constexpr unsigned kDepthMax = 29;    // keeps tag and line bits apart
constexpr unsigned kSizeClasses = 4;

// Two steps of a quarter each between a size and its double, so that splits spread over time.
constexpr uint32_t LinesOfClass(uint64_t size_class) {
  return 32 + 8 * static_cast<uint32_t>(size_class);
}
constexpr uint64_t kNibbles = 0x0f0f0f0f0f0f0f0f;
constexpr uint64_t kByteOnes = 0x0101010101010101;

uint32_t GroupOf(uint64_t hash) { return hash & 15; }
uint32_t LineOf(uint64_t hash, uint32_t lines) {
  return static_cast<uint32_t>(((hash >> 4 & 0xffff) * lines) >> 16);
}
// The other line of a pair; its own inverse for one group.
uint32_t Partner(uint32_t line, uint32_t group, uint32_t lines) {
  const uint32_t sum = ((group * 0x9e37u & 0xffff) * lines) >> 16;
  return sum >= line ? sum - line : sum + lines - line;
}
// 15 bits of tag, then the closing one.
uint16_t FullTag(uint64_t hash, unsigned depth) {
  return static_cast<uint16_t>((hash << depth >> (64 - kTagBits)) << 1 | 1);
}
// `stored` is the prefix, of any length, of a full tag.
bool Matches(uint16_t stored, uint16_t full) {
  const uint32_t closing = stored & (0u - stored);
  return ((stored ^ full) & ~(closing | (closing - 1)) & 0xffff) == 0;
}

}  // namespace

struct alignas(64) KeyFilter::Line {
  uint64_t counts = 0;
  uint16_t tags[kSlots] = {};

  uint32_t Count(uint32_t group) const { return counts >> (4 * group) & 15; }
  // Tags of the groups below.
  uint32_t Begin(uint32_t group) const { return Sum(counts & ((uint64_t{1} << (4 * group)) - 1)); }
  uint32_t Used() const { return Sum(counts); }
  static uint32_t Sum(uint64_t counts) {
    return static_cast<uint32_t>((((counts & kNibbles) + (counts >> 4 & kNibbles)) * kByteOnes) >>
                                 56);
  }
  bool HasRoom(uint32_t group) const { return Used() < kSlots && Count(group) < kGroupMax; }

  void Insert(uint32_t group, uint16_t tag) {
    const uint32_t at = Begin(group) + Count(group);
    const uint32_t used = Used();
    std::memmove(tags + at + 1, tags + at, (used - at) * sizeof(tags[0]));
    tags[at] = tag;
    counts += uint64_t{1} << (4 * group);
  }
  void Erase(uint32_t group, uint32_t at) {
    const uint32_t used = Used();
    std::memmove(tags + at, tags + at + 1, (used - at - 1) * sizeof(tags[0]));
    counts -= uint64_t{1} << (4 * group);
  }
  bool Contains(uint32_t group, uint16_t full) const {
    const uint32_t n = Count(group);
    const uint16_t* tag = tags + Begin(group);
    for (uint32_t i = 0; i < n; ++i) {
      if (Matches(tag[i], full)) return true;
    }
    return false;
  }
};

namespace {

constexpr uint64_t kAddressMask = (uint64_t{1} << 56) - 1;

uint64_t ClassOfWord(uint64_t word) { return word >> 56 & 3; }
unsigned DepthOfWord(uint64_t word) { return static_cast<unsigned>(word >> 58); }
template <typename Line>
Line* LinesOfWord(uint64_t word) {
  return reinterpret_cast<Line*>(word & kAddressMask);
}
template <typename Line>
uint64_t MakeWord(Line* lines, uint64_t size_class, unsigned depth) {
  return reinterpret_cast<uint64_t>(lines) | size_class << 56 | uint64_t{depth} << 58;
}
template <typename Line>
Line* NewLines(uint32_t count) {
  auto* lines = static_cast<Line*>(std::aligned_alloc(64, count * sizeof(Line)));
  CHECK(lines != nullptr) << "out of memory for the key filter";
  for (uint32_t i = 0; i < count; ++i) new (lines + i) Line();
  return lines;
}

}  // namespace

KeyFilter::~KeyFilter() { Clear(); }

uint64_t KeyFilter::Mix(uint64_t position) {
  // Positions are slot first: keys under one hash tag share 14 leading bits. A bijection spreads
  // them.
  uint64_t x = position;
  x ^= x >> 32;
  x *= 0xd6e8feb86659fd93;
  x ^= x >> 32;
  x *= 0xd6e8feb86659fd93;
  x ^= x >> 32;
  return x;
}

void KeyFilter::Initialize(unsigned bits) {
  static_assert(sizeof(Line) == 64);
  bits_ = bits;
  directory_.resize(size_t{1} << bits);
  for (size_t i = 0; i < directory_.size(); ++i) {
    const uint64_t size_class = i % kSizeClasses;
    const uint32_t lines = LinesOfClass(size_class);
    directory_[i] = MakeWord(NewLines<Line>(lines), size_class, bits);
    line_bytes_ += lines * sizeof(Line);
  }
}

void KeyFilter::Clear() {
  for (size_t i = 0; i < directory_.size();) {
    std::free(LinesOfWord<Line>(directory_[i]));
    i += size_t{1} << (bits_ - DepthOfWord(directory_[i]));
  }
  std::vector<uint64_t>().swap(directory_);
  std::unordered_map<uint64_t, uint32_t>().swap(overflow_);
  bits_ = 0;
  size_ = line_bytes_ = overflow_size_ = 0;
}

void KeyFilter::Reserve(uint64_t keys) {
  Clear();
  // As growth would leave it: partitions of the largest class unsplit, the smaller ones as they
  // need.
  constexpr uint64_t kLargestFull = kSlots * LinesOfClass(kSizeClasses - 1) * 95 / 100;
  unsigned bits = kInitialBits;
  while (bits < kDepthMax - kTagBits && keys >> bits > kLargestFull) ++bits;
  Initialize(bits);
}

uint64_t KeyFilter::memory_bytes() const {
  // A node of the overflow map: key, count, link, hash; and its bucket.
  return line_bytes_ + directory_.capacity() * sizeof(directory_[0]) + overflow_.size() * 48;
}

bool KeyFilter::AddToPartition(uint64_t word, uint64_t hash, unsigned depth) {
  Line* const lines = LinesOfWord<Line>(word);
  const uint32_t count = LinesOfClass(ClassOfWord(word));
  const uint32_t group = GroupOf(hash);
  const uint16_t tag = FullTag(hash, depth);
  const uint32_t first = LineOf(hash, count);
  const uint32_t second = Partner(first, group, count);
  const bool first_fits = lines[first].HasRoom(group);
  const bool second_fits = lines[second].HasRoom(group);
  if (first_fits || second_fits) {
    const bool take_first =
        first_fits && (!second_fits || lines[first].Used() <= lines[second].Used());
    lines[take_first ? first : second].Insert(group, tag);
    return true;
  }
  // Both are full: moving one tag of either to its own partner line may make room. It carries the
  // load from 0.9 to 0.95 before a split.
  for (const uint32_t full : {first, second}) {
    Line& line = lines[full];
    if (line.Count(group) >= kGroupMax) continue;
    for (uint32_t g = 0; g < 16; ++g) {
      const uint32_t n = line.Count(g);
      const uint32_t partner = Partner(full, g, count);
      if (n == 0 || partner == full || !lines[partner].HasRoom(g)) continue;
      const uint32_t at = line.Begin(g) + n - 1;
      const uint16_t moved = line.tags[at];
      line.Erase(g, at);
      lines[partner].Insert(g, moved);
      line.Insert(group, tag);
      return true;
    }
  }
  return false;
}

bool KeyFilter::Split(uint64_t hash) {
  const uint64_t word = WordOf(hash);
  const unsigned depth = DepthOfWord(word);
  const uint64_t size_class = ClassOfWord(word);
  const uint32_t count = LinesOfClass(size_class);
  Line* const lines = LinesOfWord<Line>(word);
  if (depth >= kDepthMax) return false;
  constexpr uint16_t kNoBits = 0x8000;
  uint32_t tags = 0;
  for (uint32_t i = 0; i < count; ++i) {
    const uint32_t used = lines[i].Used();
    if (std::find(lines[i].tags, lines[i].tags + used, kNoBits) != lines[i].tags + used)
      return false;
    tags += used;
  }
  // A full pair of lines in a half-empty partition is the work of equal positions: splitting does
  // not help and would blow up the directory.
  if (tags < count * kSlots / 2) return false;
  if (depth == bits_) {
    std::vector<uint64_t> doubled(directory_.size() * 2);
    for (size_t i = 0; i < directory_.size(); ++i)
      doubled[2 * i] = doubled[2 * i + 1] = directory_[i];
    directory_ = std::move(doubled);
    ++bits_;
  }
  // Every tag stays in its line, which therefore cannot overflow, and its first bit says in which
  // half.
  Line* halves[2] = {NewLines<Line>(count), NewLines<Line>(count)};
  for (uint32_t i = 0; i < count; ++i) {
    const Line& line = lines[i];
    uint32_t at = 0;
    uint32_t used[2] = {0, 0};
    for (uint32_t group = 0; group < 16; ++group) {
      for (uint32_t n = line.Count(group); n > 0; --n, ++at) {
        const uint16_t tag = line.tags[at];
        const unsigned half = tag >> 15;
        halves[half][i].tags[used[half]++] = static_cast<uint16_t>(tag << 1);
        halves[half][i].counts += uint64_t{1} << (4 * group);
      }
    }
  }
  const size_t span = size_t{1} << (bits_ - depth);
  const size_t begin = (hash >> (64 - bits_)) & ~(span - 1);
  for (size_t i = 0; i < span; ++i) {
    directory_[begin + i] = MakeWord(halves[i >= span / 2], size_class, depth + 1);
  }
  std::free(lines);
  line_bytes_ += count * sizeof(Line);
  return true;
}

void KeyFilter::AddToOverflow(uint64_t hash) {
  ++overflow_[hash];
  ++overflow_size_;
}

void KeyFilter::Add(uint64_t position) {
  if (directory_.empty()) Initialize(kInitialBits);
  const uint64_t hash = Mix(position);
  ++size_;
  uint64_t word = WordOf(hash);
  if (AddToPartition(word, hash, DepthOfWord(word))) return;
  // One position many times over: no split can part its tags. (Its pair of lines holds 30 of them.)
  {
    const uint32_t count = LinesOfClass(ClassOfWord(word));
    const uint32_t group = GroupOf(hash);
    const Line* lines = LinesOfWord<Line>(word);
    const uint32_t first = LineOf(hash, count);
    if (lines[first].Count(group) >= kGroupMax &&
        lines[Partner(first, group, count)].Count(group) >= kGroupMax) {
      AddToOverflow(hash);
      return;
    }
  }
  if (!Split(hash)) {
    AddToOverflow(hash);
    return;
  }
  word = WordOf(hash);
  // All of a line may have gone to this half; rare enough for the overflow set.
  if (!AddToPartition(word, hash, DepthOfWord(word))) AddToOverflow(hash);
}

bool KeyFilter::Remove(uint64_t position) {
  if (directory_.empty()) return false;
  const uint64_t hash = Mix(position);
  // The overflow set knows the whole hash: nothing is a longer match.
  if (overflow_size_ != 0) {
    const auto it = overflow_.find(hash);
    if (it != overflow_.end()) {
      if (--it->second == 0) overflow_.erase(it);
      --overflow_size_;
      --size_;
      return true;
    }
  }
  const uint64_t word = WordOf(hash);
  Line* const lines = LinesOfWord<Line>(word);
  const uint32_t count = LinesOfClass(ClassOfWord(word));
  const uint32_t group = GroupOf(hash);
  const uint16_t full = FullTag(hash, DepthOfWord(word));
  const uint32_t first = LineOf(hash, count);
  // The longest match, which is the one with the lowest closing bit. Taking a shorter one could
  // leave its owner with the longer one, which is no prefix of the owner's hash.
  Line* best_line = nullptr;
  uint32_t best_at = 0;
  uint32_t best_closing = 1u << 16;
  for (const uint32_t index : {first, Partner(first, group, count)}) {
    Line& line = lines[index];
    const uint32_t begin = line.Begin(group);
    for (uint32_t at = begin; at < begin + line.Count(group); ++at) {
      const uint32_t closing = line.tags[at] & (0u - line.tags[at]);
      if (closing < best_closing && Matches(line.tags[at], full)) {
        best_line = &line;
        best_at = at;
        best_closing = closing;
      }
    }
  }
  if (best_line == nullptr) return false;
  best_line->Erase(group, best_at);
  --size_;
  return true;
}

bool KeyFilter::MayContain(uint64_t position) const {
  if (directory_.empty()) return false;
  const uint64_t hash = Mix(position);
  const uint64_t word = WordOf(hash);
  const Line* const lines = LinesOfWord<Line>(word);
  const uint32_t count = LinesOfClass(ClassOfWord(word));
  const uint32_t group = GroupOf(hash);
  const uint16_t full = FullTag(hash, DepthOfWord(word));
  const uint32_t first = LineOf(hash, count);
  const uint32_t second = Partner(first, group, count);
  __builtin_prefetch(lines + second);
  if (lines[first].Contains(group, full) || lines[second].Contains(group, full)) return true;
  return overflow_size_ != 0 && overflow_.contains(hash);
}

void KeyFilter::Prefetch(uint64_t position) const {
  if (directory_.empty()) return;
  const uint64_t hash = Mix(position);
  const uint64_t word = WordOf(hash);
  const Line* const lines = LinesOfWord<Line>(word);
  const uint32_t count = LinesOfClass(ClassOfWord(word));
  const uint32_t first = LineOf(hash, count);
  __builtin_prefetch(lines + first);
  __builtin_prefetch(lines + Partner(first, GroupOf(hash), count));
}

}  // namespace thermocline::engine
