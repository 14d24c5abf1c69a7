// RocksBackend and FakeColdBackend side by side: the same batches, the same answers to every
// question, through flushes, compactions, checkpoints, dropped databases and reopening.
#include <gtest/gtest.h>

#include <cstdio>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "engine/cold/rocks_backend.h"
#include "tests/engine/cold/cold_workload.h"
#include "tests/support/fake_cold_backend.h"
#include "tests/support/temp_dir.h"

namespace thermocline::engine {
namespace {

using Grave = std::tuple<Lsn, uint64_t, uint64_t, std::string>;

std::vector<Grave> GravesOf(ColdBackend* backend) {
  std::vector<Grave> graves;
  const Status status =
      backend->ForEachGrave([&](Lsn lsn, uint64_t id, uint64_t position, std::string_view key) {
        graves.emplace_back(lsn, id, position, std::string(key));
        return Status();
      });
  EXPECT_TRUE(status.ok()) << status.ToString();
  return graves;
}

void ExpectSameRows(const ColdScanPage& a, const ColdScanPage& b) {
  ASSERT_EQ(a.rows.size(), b.rows.size());
  EXPECT_EQ(a.through_position, b.through_position);
  EXPECT_EQ(a.end, b.end);
  for (size_t i = 0; i < a.rows.size(); ++i) {
    EXPECT_EQ(a.rows[i].position, b.rows[i].position);
    EXPECT_EQ(a.rows[i].key, b.rows[i].key);
    EXPECT_EQ(a.rows[i].header, b.rows[i].header);
    EXPECT_EQ(a.rows[i].payload, b.rows[i].payload);
  }
}

// Of walks: payloads that were to be brought, and those that were.
struct Payloads {
  size_t wanted = 0;
  size_t brought = 0;
};

void ExpectSame(ColdBackend* rocks, ColdBackend* fake, ColdWorkload* work, Payloads* payloads) {
  for (uint64_t id = 0; id < 4; ++id) {
    for (const size_t max_rows : {size_t{1}, size_t{7}, size_t{100'000}}) {
      uint64_t from = 0;
      while (true) {
        const ColdScanRange range{id, from, codec::kMaxPosition, max_rows, max_rows != 1};
        auto a = rocks->ScanRange(range);
        auto b = fake->ScanRange(range);
        ASSERT_TRUE(a.ok()) << a.status().ToString();
        ExpectSameRows(*a, *b);
        if (testing::Test::HasFatalFailure() || a->end) break;
        from = a->through_position + 1;
      }
    }
    const ColdScanRange middle{id, 10, 20, 3, true};
    ExpectSameRows(*rocks->ScanRange(middle), *fake->ScanRange(middle));
    for (const uint64_t deadline : {uint64_t{0}, uint64_t{1010}, UINT64_MAX}) {
      std::optional<ExpiryRow> after;
      while (true) {
        auto a = rocks->ExpiredRows(id, deadline, 5, after ? &*after : nullptr);
        auto b = fake->ExpiredRows(id, deadline, 5, after ? &*after : nullptr);
        ASSERT_TRUE(a.ok()) << a.status().ToString();
        ASSERT_EQ(*a, *b);
        if (a->empty()) break;
        after = a->back();
      }
    }
    EXPECT_EQ(*rocks->ReadCounts(id), *fake->ReadCounts(id));
  }
  std::vector<std::pair<uint64_t, uint64_t>> counts[2];
  int side = 0;
  for (ColdBackend* backend : {rocks, fake}) {
    const Status status = backend->ForEachCounts(
        [&](uint64_t id, ColdCounts c) { counts[side].emplace_back(id, c.records); });
    ASSERT_TRUE(status.ok());
    ++side;
  }
  EXPECT_EQ(counts[0], counts[1]);
  EXPECT_EQ(GravesOf(rocks), GravesOf(fake));
  for (const std::string_view name : {codec::kMetaHigh, codec::kMetaCheckpoint}) {
    EXPECT_EQ(*rocks->ReadMeta(name), *fake->ReadMeta(name));
  }
  for (int i = 0; i < 100; ++i) {
    const auto [id, position, key] = work->PickKey();
    ColdHeader a;
    ColdHeader b;
    std::string payload_a;
    std::string payload_b;
    const auto found = rocks->GetValue(id, position, key, &a, &payload_a);
    ASSERT_TRUE(found.ok()) << found.status().ToString();
    ASSERT_EQ(*found, *fake->GetValue(id, position, key, &b, &payload_b));
    EXPECT_EQ(a, b);
    EXPECT_EQ(payload_a, payload_b);
    std::string inline_a = "untouched";
    std::string inline_b = "untouched";
    EXPECT_EQ(*rocks->GetHeader(id, position, key, &a, &inline_a), *found);
    EXPECT_EQ(*fake->GetHeader(id, position, key, &b, &inline_b), *found);
    EXPECT_EQ(a, b);
    EXPECT_EQ(inline_a, inline_b);
  }
  for (const auto& [key, entry] : work->entries()) {
    const auto& [id, position, name] = key;
    std::vector<ColdElementRow> a;
    for (uint64_t element = 1; element <= 8; ++element) a.push_back({.element = element});
    for (const uint64_t element : entry.elements) a.push_back({.element = element});
    std::vector<ColdElementRow> b = a;
    const Status status = rocks->GetElements(id, position, name, a);
    ASSERT_TRUE(status.ok()) << status.ToString();
    ASSERT_TRUE(fake->GetElements(id, position, name, b).ok());
    for (size_t i = 0; i < a.size(); ++i) {
      ASSERT_EQ(a[i].found, b[i].found) << "element " << a[i].element;
      EXPECT_EQ(a[i].found, entry.elements.contains(a[i].element));
      EXPECT_EQ(a[i].bytes, b[i].bytes);
    }
  }
  std::map<uint64_t, std::set<std::pair<uint64_t, std::string>>> picked;
  for (int i = 0; i < 300; ++i) {
    const auto [id, position, key] = work->PickKey();
    picked[id].emplace(position, key);
  }
  for (const auto& [id, keys] : picked) {
    std::vector<ColdHeaderRow> a;
    for (const auto& [position, key] : keys) a.push_back({.position = position, .key = key});
    std::vector<ColdHeaderRow> b = a;
    const auto compare = [](std::span<const ColdHeaderRow> ours,
                            std::span<const ColdHeaderRow> model) {
      for (size_t i = 0; i < ours.size(); ++i) {
        ASSERT_EQ(ours[i].found, model[i].found);
        if (!ours[i].found) continue;
        EXPECT_EQ(ours[i].header, model[i].header);
        EXPECT_EQ(ours[i].has_payload, model[i].has_payload);
        EXPECT_EQ(ours[i].payload, model[i].payload);
      }
    };
    std::vector<ColdHeaderRow> walked = a;
    ASSERT_TRUE(fake->GetHeaders(id, b).ok());
    ASSERT_TRUE(rocks->GetHeaders(id, a).ok());
    compare(a, b);
    const Status status = rocks->WalkRecords(id, walked, 0);
    ASSERT_TRUE(status.ok()) << status.ToString();
    compare(walked, b);
    // With payloads: right ones or none, and nearly all that are wanted and have room.
    constexpr uint64_t kRoom = 100'000;
    std::vector<ColdHeaderRow> whole = a;
    for (ColdHeaderRow& row : whole) {
      row = {.position = row.position, .key = row.key, .wants_payload = work->random().OneIn(2)};
    }
    ASSERT_TRUE(rocks->WalkRecords(id, whole, kRoom).ok());
    uint64_t brought = 0;
    for (size_t i = 0; i < whole.size(); ++i) {
      ASSERT_EQ(whole[i].found, b[i].found);
      if (!whole[i].found) continue;
      EXPECT_EQ(whole[i].header, b[i].header);
      const uint64_t length = b[i].header.length;
      const bool wanted = whole[i].wants_payload && !b[i].has_payload && codec::IsWhole(length) &&
                          length <= kRoom - brought;
      if (!wanted) {
        EXPECT_EQ(whole[i].has_payload, b[i].has_payload);
        continue;
      }
      brought += length;
      ++payloads->wanted;
      if (!whole[i].has_payload) continue;
      ++payloads->brought;
      ColdHeader header;
      std::string payload;
      ASSERT_TRUE(*fake->GetValue(id, whole[i].position, whole[i].key, &header, &payload));
      EXPECT_EQ(whole[i].payload, payload);
    }
  }
}

// Staged and published, or staged, forgotten and written one by one.
void RunSweep(ColdBackend* rocks, FakeColdBackend* fake, ColdWorkload* work, bool* published) {
  const std::vector<ColdBatch> sweep =
      work->Sweep(1 + work->random().Uniform(4), 1 + work->random().Uniform(60));
  std::vector<const ColdBatch*> staged;
  for (const ColdBatch& batch : sweep) {
    if (batch.op_count() <= 3) continue;  // counts alone
    staged.push_back(&batch);
    const StatusOr<bool> fits = rocks->Stage(batch);
    ASSERT_TRUE(fits.ok()) << fits.status().ToString();
    ASSERT_TRUE(*fits);
    ASSERT_TRUE(*fake->Stage(batch));
  }
  *published = !work->random().OneIn(4);
  if (!*published) {
    rocks->Unstage();
    fake->Unstage();
    for (const ColdBatch* batch : staged) {
      ASSERT_TRUE(rocks->Write(*batch).ok());
      ASSERT_TRUE(fake->Write(*batch).ok());
    }
    return;
  }
  // None of it is visible before.
  const auto high = rocks->ReadMeta(codec::kMetaHigh);
  EXPECT_EQ(*high, *fake->ReadMeta(codec::kMetaHigh));
  const Status status = rocks->Publish();
  ASSERT_TRUE(status.ok()) << status.ToString();
  ASSERT_TRUE(fake->Publish().ok());
}

void RunSideBySide(uint64_t seed, size_t payload_max, int rounds, uint64_t blob_bytes_min) {
  SCOPED_TRACE(testing::Message() << "seed " << seed);
  std::printf("seed %lu\n", static_cast<unsigned long>(seed));
  const TempDir dir;
  RocksOptions options;
  options.dir = dir.path() + "/cold";
  options.opening_threads = 1;
  options.memtable_size = 256 << 10;
  options.memtable_bytes = 4 << 20;
  options.target_file_bytes = 256 << 10;
  options.blob_bytes_min = blob_bytes_min;
  auto rocks = RocksBackend::Open(options);
  ASSERT_TRUE(rocks.ok()) << rocks.status().ToString();
  FakeColdBackend fake;
  ColdWorkload work(seed, payload_max);
  Payloads payloads;
  for (int round = 0; round < rounds; ++round) {
    ColdBatch batch;
    work.FillBatch(&batch, work.random().Uniform(60));
    if (work.random().OneIn(15)) work.Drop(&batch, work.random().Uniform(3));
    const bool checkpoint = work.random().OneIn(10);
    if (checkpoint) batch.SetCheckpoint("record " + std::to_string(round), work.lsn() + 1);
    ASSERT_TRUE(fake.Write(batch).ok());
    const Status written = (*rocks)->Write(batch);
    ASSERT_TRUE(written.ok()) << written.ToString();
    if (checkpoint) {
      ASSERT_TRUE((*rocks)->FlushAll().ok());
      ASSERT_TRUE(fake.DropGravesBelow(work.lsn() + 1).ok());
      ASSERT_TRUE((*rocks)->DropGravesBelow(work.lsn() + 1).ok());
    }
    if (work.random().OneIn(3)) {
      bool published = false;
      RunSweep(rocks->get(), &fake, &work, &published);
      if (testing::Test::HasFatalFailure()) return;
      if (published &&
          work.random().OneIn(5)) {  // what was published, and all before it, is durable
        rocks->reset();
        rocks = RocksBackend::Open(options);
        ASSERT_TRUE(rocks.ok()) << rocks.status().ToString();
        ExpectSame(rocks->get(), &fake, &work, &payloads);
      }
    }
    if (work.random().OneIn(20)) {
      ASSERT_TRUE((*rocks)->CompactRange(work.random().Uniform(3), nullptr).ok());
    }
    if (work.random().OneIn(25)) {
      ASSERT_TRUE((*rocks)->FlushAll().ok());
      rocks->reset();
      rocks = RocksBackend::Open(options);
      ASSERT_TRUE(rocks.ok()) << rocks.status().ToString();
    }
    if (round % 5 == 0) ExpectSame(rocks->get(), &fake, &work, &payloads);
    if (testing::Test::HasFailure()) return;
  }
  EXPECT_TRUE(fake.Violations().empty()) << fake.Violations()[0];
  std::printf("payloads walked to: %zu of %zu\n", payloads.brought, payloads.wanted);
  EXPECT_GE(payloads.brought, payloads.wanted - payloads.wanted / 8);
  EXPECT_TRUE((*rocks)->VerifyAll(nullptr).ok());
}

TEST(ColdBackendModel, SmallPayloadsAgree) { RunSideBySide(101, 3'000, 100, 64 << 10); }

TEST(ColdBackendModel, PayloadsOfManyChunksAgree) { RunSideBySide(102, 3'500'000, 25, 64 << 10); }

TEST(ColdBackendModel, BlobFilesAgree) { RunSideBySide(103, 40'000, 60, 512); }

}  // namespace
}  // namespace thermocline::engine
