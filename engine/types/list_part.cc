#include "engine/types/list_part.h"

#include <cstdint>
#include <limits>

#include "codec/number_text.h"

namespace thermocline::engine {
namespace {

using Words = std::span<const std::string_view>;

bool ReadCount(Words argv, int64_t* count) {
  *count = 1;
  return argv.size() < 3 || (codec::ParseInt64(argv[2], count) && *count >= 0);
}

bool ReadIndex(Words argv, size_t i, int64_t* index) {
  return argv.size() > i && codec::ParseInt64(argv[i], index);
}

}  // namespace

ListPart NoPart(Words) { return ListPart::None(); }
ListPart HeadPart(Words) { return ListPart::Head(1); }
ListPart TailPart(Words) { return ListPart::Tail(1); }

ListPart LPopPart(Words argv) {
  int64_t count = 0;
  return ReadCount(argv, &count) && count > 0 ? ListPart::Head(count) : ListPart::None();
}

ListPart RPopPart(Words argv) {
  int64_t count = 0;
  return ReadCount(argv, &count) && count > 0 ? ListPart::Tail(count) : ListPart::None();
}

ListPart IndexPart(Words argv) {
  int64_t index = 0;
  if (!ReadIndex(argv, 2, &index)) return ListPart::None();
  return {.first = index, .last = index};
}

ListPart SetPart(Words argv) {
  ListPart part = IndexPart(argv);
  part.and_next = true;
  return part;
}

ListPart RangePart(Words argv) {
  ListPart part;
  const bool read = ReadIndex(argv, 2, &part.first) && ReadIndex(argv, 3, &part.last);
  return read ? part : ListPart::None();
}

ListPart TrimPart(Words argv) {
  ListPart part = RangePart(argv);
  part.ends_only = true;
  return part;
}

}  // namespace thermocline::engine
