// Micro benchmark of the key table beside std::unordered_map: nanoseconds an operation and bytes a
// key with 16-byte keys and 50-byte values in random order. Not a test.
//   key_table_bench [keys, default 1000000]
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <random>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "engine/hot/key_table.h"

namespace thermocline::engine {
namespace {

constexpr size_t kKeyBytes = 16;
constexpr size_t kBatchMax = 64;

struct Keys {
  std::string bytes;
  size_t count;
  std::string_view operator[](size_t i) const { return {bytes.data() + i * kKeyBytes, kKeyBytes}; }
};

Keys MakeKeys(size_t count, const char* format) {
  Keys keys{std::string(count * kKeyBytes, '\0'), count};
  std::mt19937_64 rng(1);
  std::vector<uint32_t> order(count);
  for (size_t i = 0; i < count; ++i) order[i] = static_cast<uint32_t>(i);
  std::shuffle(order.begin(), order.end(), rng);
  char text[32];
  for (size_t i = 0; i < count; ++i) {
    std::snprintf(text, sizeof text, format, order[i]);
    std::memcpy(keys.bytes.data() + i * kKeyBytes, text, kKeyBytes);
  }
  return keys;
}

template <class Fn>
void Report(const char* what, size_t n, Fn&& fn) {
  const auto start = std::chrono::steady_clock::now();
  fn();
  const std::chrono::duration<double, std::nano> took = std::chrono::steady_clock::now() - start;
  std::printf("%-44s %8.1f ns\n", what, took.count() / static_cast<double>(n));
  std::fflush(stdout);
}

// Runs fn(position, key) over all keys, those of a batch (one pipelined read) being prefetched
// first.
template <class Fn>
void Batched(const KeyTable& table, const Keys& keys, size_t batch, size_t node_bytes, Fn&& fn) {
  uint64_t positions[kBatchMax];
  for (size_t i = 0; i < keys.count; i += batch) {
    const size_t n = std::min(batch, keys.count - i);
    for (size_t k = 0; k < n; ++k) {
      positions[k] = table.PositionOf(keys[i + k]);
      table.PrefetchBucket(positions[k]);
    }
    for (size_t k = 0; k < n; ++k) table.PrefetchEntry(positions[k], node_bytes);
    for (size_t k = 0; k < n; ++k) fn(positions[k], keys[i + k]);
  }
}

// What the machine takes for a random cache line of as much memory as the entries fill: the floor.
void ReportFloor(size_t count) {
  std::vector<uint64_t> lines(count * 10, 1);  // 80 bytes a key
  std::mt19937_64 rng(3);
  std::vector<uint32_t> order(count);
  for (uint32_t& line : order) line = static_cast<uint32_t>(rng() % (lines.size() / 8));
  uint64_t sum = 0;
  uint64_t last = 0;
  Report("floor: a dependent read", count, [&] {
    for (const uint32_t line : order) last = lines[((line + (last & 2)) % (lines.size() / 8)) * 8];
  });
  Report("floor: a read, prefetched in batches of 16", count, [&] {
    for (size_t i = 0; i + 16 <= count; i += 16) {
      for (size_t k = 0; k < 16; ++k) __builtin_prefetch(&lines[size_t{order[i + k]} * 8]);
      for (size_t k = 0; k < 16; ++k) sum += lines[size_t{order[i + k]} * 8];
    }
  });
  std::printf("(sum %llu)\n", static_cast<unsigned long long>(sum + last));
}

void Run(size_t count) {
  ReportFloor(count);
  const Keys present = MakeKeys(count, "key:%012u");
  const Keys probes = [&] {  // the same keys in another order
    Keys k = MakeKeys(count, "key:%012u");
    std::mt19937_64 rng(2);
    char swap[kKeyBytes];
    for (size_t i = count - 1; i > 0; --i) {
      char* a = k.bytes.data() + i * kKeyBytes;
      char* b = k.bytes.data() + rng() % (i + 1) * kKeyBytes;
      std::memcpy(swap, a, kKeyBytes);
      std::memcpy(a, b, kKeyBytes);
      std::memcpy(b, swap, kKeyBytes);
    }
    return k;
  }();
  const Keys absent = MakeKeys(count, "miss%012u");
  const std::string value(50, 'v');
  const std::string changed(50, 'w');
  size_t hits = 0;
  std::printf("-- %zu keys, KeyTable\n", count);
  {
    KeyTable table(HashKey{1, 2});
    uint64_t sum = 0;
    Report("position of a key", count, [&] {
      for (size_t i = 0; i < count; ++i) sum += table.PositionOf(present[i]);
    });
    std::vector<Entry*> entries(count);
    Report("make an entry", count, [&] {
      for (size_t i = 0; i < count; ++i) {
        entries[i] = Entry::New(present[i], StringValue::FromText(value), i + 1);
      }
    });
    Report("find (miss) and insert", count, [&] {
      for (size_t i = 0; i < count; ++i) {
        const uint64_t position = table.PositionOf(present[i]);
        hits += table.Find(position, present[i]) != nullptr;
        table.Insert(position, entries[i]);
      }
    });
    Report("find, hit", count, [&] {
      for (size_t i = 0; i < count; ++i) {
        hits += table.Find(table.PositionOf(probes[i]), probes[i]) != nullptr;
      }
    });
    const auto find = [&](uint64_t position, std::string_view key) {
      hits += table.Find(position, key) != nullptr;
    };
    Report("find, hit, batches of 16", count, [&] { Batched(table, probes, 16, 31, find); });
    Report("find, hit, batches of 64", count, [&] { Batched(table, probes, 64, 31, find); });
    Report("find, miss", count, [&] {
      for (size_t i = 0; i < count; ++i) {
        hits += table.Find(table.PositionOf(absent[i]), absent[i]) != nullptr;
      }
    });
    Report("find, miss, batches of 16", count, [&] { Batched(table, absent, 16, 31, find); });
    const auto update = [&](uint64_t position, std::string_view key) {
      Entry* e = table.Find(position, key);
      Entry* moved = e->SetString(changed);
      if (moved != e) table.Replace(position, e, moved);
      moved->set_lsn(position & 0xffff);
    };
    Report("update", count, [&] {
      for (size_t i = 0; i < count; ++i) update(table.PositionOf(probes[i]), probes[i]);
    });
    Report("update, batches of 16", count, [&] { Batched(table, probes, 16, 80, update); });
    Report("clock sweep", count, [&] {
      for (uint64_t hand = 0;;) {
        hand = table.ForSlice(hand, 256, [&](Entry* e) { hits += e->frequency(); });
        if (hand == 0) break;
      }
    });
    Report("walk, 100 a call", count, [&] {
      for (uint64_t cursor = 0;;) {
        cursor = table.Walk(cursor, 100, [&](Entry* e) { hits += e->frequency(); });
        if (cursor == 0) break;
      }
    });
    std::printf("table %.2f bytes a key, with the entry %.2f\n",
                static_cast<double>(table.memory_bytes()) / static_cast<double>(count),
                static_cast<double>(table.memory_bytes()) / static_cast<double>(count) + 80);
    Report("erase", count, [&] {
      for (size_t i = 0; i < count; ++i) {
        Entry::Free(table.Erase(table.PositionOf(probes[i]), probes[i]));
      }
    });
    std::printf("(sum %llu)\n", static_cast<unsigned long long>(sum + hits));
  }
  std::printf("-- %zu keys, std::unordered_map<std::string, std::string>\n", count);
  {
    std::unordered_map<std::string, std::string> map;
    Report("insert", count, [&] {
      for (size_t i = 0; i < count; ++i) map.emplace(std::string(present[i]), value);
    });
    Report("find, hit", count, [&] {
      for (size_t i = 0; i < count; ++i) hits += map.find(std::string(probes[i])) != map.end();
    });
    Report("find, miss", count, [&] {
      for (size_t i = 0; i < count; ++i) hits += map.find(std::string(absent[i])) != map.end();
    });
    Report("update", count, [&] {
      for (size_t i = 0; i < count; ++i) map.find(std::string(probes[i]))->second = changed;
    });
    std::printf("(hits %zu)\n", hits);
  }
}

}  // namespace
}  // namespace thermocline::engine

int main(int argc, char** argv) {
  const long count = argc > 1 ? std::atol(argv[1]) : 1000000;
  if (count < 1 || count > 100000000) {
    std::fprintf(stderr, "usage: key_table_bench [keys, 1 to 100000000]\n");
    return 2;
  }
  thermocline::engine::Run(static_cast<size_t>(count));
}
