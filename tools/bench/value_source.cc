// See value_source.h.
#include "tools/bench/value_source.h"

#include <algorithm>
#include <cstring>

#include "tools/bench/key_picker.h"

namespace thermocline::tools {
namespace {

uint64_t WordOf(uint64_t seed, uint64_t number) { return Mix64(seed + number); }

}  // namespace

void AppendValue(uint64_t key, uint64_t size, std::string* out) {
  const uint64_t seed = Mix64(key);
  const size_t start = out->size();
  out->resize(start + size);
  char* bytes = out->data() + start;
  uint64_t word_number = 0;
  for (uint64_t done = 0; done < size; done += 8) {
    const uint64_t word = WordOf(seed, word_number++);
    std::memcpy(bytes + done, &word, std::min<uint64_t>(8, size - done));
  }
}

// Word by word, since what it takes is taken from the CPUs of the server that is measured.
bool IsValueOf(uint64_t key, std::string_view value) {
  const uint64_t seed = Mix64(key);
  const char* bytes = value.data();
  uint64_t word_number = 0;
  uint64_t differs = 0;
  size_t left = value.size();
  for (; left >= 8; left -= 8, bytes += 8) {
    uint64_t word;
    std::memcpy(&word, bytes, 8);
    differs |= word ^ WordOf(seed, word_number++);
  }
  if (differs != 0 || left == 0) return differs == 0;
  const uint64_t last = WordOf(seed, word_number);
  return std::memcmp(bytes, &last, left) == 0;
}

uint64_t ValueSizeOf(uint64_t key, uint64_t size_min, uint64_t size_max) {
  if (size_max <= size_min) return size_min;
  return size_min + Mix64(key ^ 0x5eed) % (size_max - size_min + 1);
}

}  // namespace thermocline::tools
