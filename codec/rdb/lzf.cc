// Stream: a control byte 000LLLLL is followed by L+1 literal bytes; LLLooooo oooooooo copies L+2
// bytes from o+1 before the end of the output; 111ooooo LLLLLLLL oooooooo copies L+9 bytes.
#include "codec/rdb/lzf.h"

#include <lzf.h>

#include <algorithm>
#include <limits>

namespace thermocline::codec {

size_t LzfCompress(std::string_view in, size_t limit, std::string* out) {
  constexpr size_t kMax = std::numeric_limits<unsigned>::max();
  if (in.empty() || limit == 0 || in.size() > kMax || limit > kMax) return 0;
  const size_t start = out->size();
  out->resize(start + limit);
  const size_t n = lzf_compress(in.data(), static_cast<unsigned>(in.size()), out->data() + start,
                                static_cast<unsigned>(limit));
  out->resize(start + n);
  return n;
}

bool LzfDecompress(std::string_view in, uint64_t length, std::string* out) {
  if (length > in.size() * kMaxLzfExpansion) return false;
  const size_t start = out->size();
  out->resize(start + length);
  char* const begin = out->data() + start;
  char* const end = begin + length;
  char* to = begin;
  const auto* from = reinterpret_cast<const uint8_t*>(in.data());
  const uint8_t* const from_end = from + in.size();
  const auto fail = [&] {
    out->resize(start);
    return false;
  };
  while (from < from_end) {
    size_t n = *from++;
    if (n < 32) {
      ++n;
      if (static_cast<size_t>(from_end - from) < n || static_cast<size_t>(end - to) < n) {
        return fail();
      }
      to = std::copy_n(reinterpret_cast<const char*>(from), n, to);
      from += n;
      continue;
    }
    size_t distance = (n & 31) << 8;
    n >>= 5;
    if (n == 7) {
      if (from == from_end) return fail();
      n += *from++;
    }
    if (from == from_end) return fail();
    distance += size_t{*from++} + 1;
    n += 2;
    if (static_cast<size_t>(to - begin) < distance || static_cast<size_t>(end - to) < n) {
      return fail();
    }
    // Byte by byte: source and target overlap when the distance is shorter than the run.
    for (const char* source = to - distance; n > 0; --n) *to++ = *source++;
  }
  return to == end || fail();
}

}  // namespace thermocline::codec
