// See cold_reads.h.
#include "tools/bench/cold_reads.h"

#include <chrono>
#include <memory>
#include <string_view>
#include <thread>
#include <vector>

#include "engine/cold/rocks_backend.h"
#include "tools/bench/key_picker.h"

namespace thermocline::tools {
namespace {

using engine::ColdHeader;
using engine::ColdScanPage;
using engine::ColdScanRange;
using engine::RocksBackend;
using engine::RocksOptions;

// Keys of one database as they lie in the cold tier; the texts in one string, to be small.
struct KeyList {
  uint64_t id = 0;
  std::vector<uint64_t> positions;
  std::vector<uint64_t> ends;
  std::string texts;

  void Add(uint64_t position, std::string_view key) {
    positions.push_back(position);
    texts += key;
    ends.push_back(texts.size());
  }
  std::string_view Key(size_t i) const {
    const uint64_t begin = i == 0 ? 0 : ends[i - 1];
    return std::string_view(texts).substr(begin, ends[i] - begin);
  }
};

codec::Status ListKeys(RocksBackend* backend, uint64_t keys_max, KeyList* list) {
  uint64_t records_most = 0;
  TC_RETURN_IF_ERROR(backend->ForEachCounts([&](uint64_t id, engine::ColdCounts counts) {
    if (counts.records <= records_most) return;
    records_most = counts.records;
    list->id = id;
  }));
  ColdScanRange range;
  range.id = list->id;
  range.max_rows = 10'000;
  while (list->positions.size() < keys_max) {
    TC_ASSIGN_OR_RETURN(const ColdScanPage page, backend->ScanRange(range));
    for (const engine::ColdRow& row : page.rows) list->Add(row.position, row.key);
    if (page.end || page.through_position == range.to_position) break;
    range.from_position = page.through_position + 1;
  }
  if (list->positions.empty()) return codec::Status::NotFound("the cold tier holds no keys");
  return {};
}

struct ReaderResult {
  uint64_t missing = 0;
  codec::Status status;
  Histogram latency_ns;
};

}  // namespace

codec::StatusOr<ColdReadResult> RunColdReads(const ColdReadOptions& options) {
  using Clock = std::chrono::steady_clock;
  RocksOptions rocks_options;
  rocks_options.dir = options.dir + "/thermocline/cold";
  rocks_options.block_cache_bytes = options.block_cache_bytes;
  TC_ASSIGN_OR_RETURN(const std::unique_ptr<RocksBackend> backend,
                      RocksBackend::Open(rocks_options));
  KeyList keys;
  TC_RETURN_IF_ERROR(ListKeys(backend.get(), options.keys_max, &keys));

  std::vector<ReaderResult> results(options.threads);
  std::vector<std::thread> threads;
  const Clock::time_point start = Clock::now();
  const Clock::time_point end = start + std::chrono::duration_cast<Clock::duration>(
                                            std::chrono::duration<double>(options.duration_s));
  for (uint32_t t = 0; t < options.threads; ++t) {
    threads.emplace_back([&, t] {
      ReaderResult& mine = results[t];
      BenchRandom random(t + 1);
      Clock::time_point before = Clock::now();
      while (before < end && mine.status.ok()) {
        const size_t i = random.Below(keys.positions.size());
        ColdHeader header;
        std::string payload;
        const auto found =
            backend->GetValue(keys.id, keys.positions[i], keys.Key(i), &header, &payload);
        if (!found.ok()) {
          mine.status = found.status();
        } else if (!*found) {
          ++mine.missing;
        }
        const Clock::time_point after = Clock::now();
        mine.latency_ns.Record(static_cast<uint64_t>((after - before).count()));
        before = after;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  ColdReadResult result;
  result.keys = keys.positions.size();
  result.seconds = std::chrono::duration<double>(Clock::now() - start).count();
  for (const ReaderResult& one : results) {
    TC_RETURN_IF_ERROR(one.status);
    result.missing += one.missing;
    result.latency_ns.Merge(one.latency_ns);
  }
  result.reads = result.latency_ns.count();
  return result;
}

}  // namespace thermocline::tools
