// The engine as a whole against a model: residency, spilling, checkpoints, restarts. Seeded; no
// faults here.

#include "engine/database.h"

#include <gtest/gtest.h>

#include "tests/engine/database/harness.h"

namespace thermocline::testing {
namespace {

using engine::Admission;
using engine::Need;

TEST(DatabaseTest, RandomWorkloadWithSpillsAndRestartsMatchesTheModel) {
  for (uint64_t seed = 1; seed <= 8; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    auto fs = std::make_shared<JournalFs>();
    TestDatabase database(fs, engine::FsyncPolicy::kEverySec, seed);
    ASSERT_TRUE(database.Open().ok());
    Workload workload(seed);
    Keyspace model, found;
    for (int step = 0; step < 600; ++step) {
      workload.Step(&database, &model);
      database.Tick();
      if (step % 37 == 0) database.Spill();
      if (step % 61 == 0) database.Checkpoint();
      if (step % 150 == 149) {
        if (workload.Pick(2) == 0) {
          ASSERT_TRUE(database.db().Close().ok());
        }
        database.Kill();
        const codec::Status opened = database.Open();
        ASSERT_TRUE(opened.ok()) << opened.ToString();
      }
      if (step % 50 == 49) {
        database.Contents(&found);
        ASSERT_EQ(Describe(found), Describe(model)) << "after step " << step;
      }
    }
    const engine::Stats stats = database.db().GetStats();
    EXPECT_GT(stats.cold_records, 0u);
  }
}

TEST(DatabaseTest, ColdKeysAreReadBackAndStayCounted) {
  TestDatabase database(std::make_shared<JournalFs>());
  ASSERT_TRUE(database.Open().ok());
  for (int i = 0; i < 100; ++i) {
    const std::string key = "key" + std::to_string(i);
    database.Run({{0, key, Need::kHeader}},
                 [&](auto& d) { d.SetString(0, key, std::string(400, 'v')); });
  }
  database.Tick();
  database.Spill();
  engine::Stats stats = database.db().GetStats();
  EXPECT_EQ(stats.resident_keys, 0u);
  EXPECT_EQ(stats.cold_records, 100u);
  EXPECT_EQ(database.db().Size(0), 100u);
  // A header is enough to expire and to delete; the payload lies apart.
  database.Run({{0, "key1", Need::kHeader}},
               [](auto& d) { d.SetExpiry(0, "key1", d.NowMs() + 5000); });
  database.Run({{0, "key2", Need::kHeader}}, [](auto& d) { EXPECT_TRUE(d.Delete(0, "key2")); });
  database.Tick();
  database.Spill();
  database.Run({{0, "key1", Need::kValue}}, [](auto& d) {
    const engine::Entry* entry = d.Find(0, "key1");
    ASSERT_NE(entry, nullptr);
    char scratch[24];
    EXPECT_EQ(entry->StringView(scratch), std::string(400, 'v'));
    EXPECT_EQ(entry->expiry_ms(), d.NowMs() + 5000);
  });
  EXPECT_EQ(database.db().Size(0), 99u);
}

// What little was deleted last gives its disk space back, too, though no replay would be long: soon
// where every eighth change is a deletion.
TEST(DatabaseTest, WhatChangedIsCheckpointedInTimeAndNothingElse) {
  TestDatabase database(std::make_shared<JournalFs>());
  ASSERT_TRUE(database.Open().ok());
  const auto after = [&](int64_t ms) {
    database.clock().AdvanceMs(ms);
    for (int i = 0; i < 20; ++i) database.Tick();
    return database.db().GetStats().checkpoints;
  };
  const auto set = [&](const std::string& key) {
    database.Run({{0, key, Need::kHeader}}, [&](auto& d) { d.SetString(0, key, "v"); });
  };
  const auto remove = [&](const std::string& key) {
    database.Run({{0, key, Need::kHeader}}, [&](auto& d) { d.Delete(0, key); });
  };
  set("key");
  EXPECT_EQ(after(59'000), 0u);
  EXPECT_EQ(after(1000), 1u);
  EXPECT_EQ(after(120'000), 1u) << "nothing has changed";
  remove("key");
  EXPECT_EQ(after(0), 2u) << "the last one is long ago";
  EXPECT_EQ(database.db().GetStats().cold_records, 0u);
  EXPECT_EQ(database.db().GetStats().dirty_keys, 0u);
  for (int i = 0; i < 8; ++i) set("key" + std::to_string(i));
  remove("key0");
  EXPECT_EQ(after(10'000), 2u) << "one deletion of nine changes";
  remove("key1");
  EXPECT_EQ(after(0), 3u) << "two of ten";
  set("key");
  EXPECT_EQ(after(10'000), 3u);
  database.Run({}, [](auto& d) { d.FlushDb(0); });
  EXPECT_EQ(after(0), 4u) << "a flush deletes all keys";
}

// [D4] A key that overflowed into another bucket, or lies in a segment that split, is found by the
// sweep all the same.
TEST(DatabaseTest, ACheckpointLeavesNoKeyDirty) {
  TestDatabase database(std::make_shared<JournalFs>(), engine::FsyncPolicy::kEverySec);
  ASSERT_TRUE(database.Open().ok());
  std::mt19937_64 rng(5);
  for (int round = 0; round < 12; ++round) {
    // Few changes in a large table, then many; some keys share a slot.
    const int changes = round % 3 == 0 ? 20'000 : 300;
    for (int i = 0; i < changes; ++i) {
      const std::string key = (rng() % 4 == 0 ? "{tag}" : "key") + std::to_string(rng() % 60'000);
      if (rng() % 8 == 0) {
        database.Run({{0, key, Need::kHeader}}, [&](auto& d) { d.Delete(0, key); });
      } else {
        database.Run({{0, key, Need::kHeader}}, [&](auto& d) { d.SetString(0, key, "v"); });
      }
    }
    database.Checkpoint();
    EXPECT_EQ(database.db().GetStats().dirty_keys, 0u) << "round " << round;
  }
}

// What a sweep staged lands at once. Its tombstones go in slices; whoever waits for the checkpoint
// is told when the last of them is gone.
TEST(DatabaseTest, TombstonesThatLandTogetherGoInSlices) {
  constexpr int kKeys = 8'000;  // whose deletions fit the writer's queue
  TestDatabase database(std::make_shared<JournalFs>(), engine::FsyncPolicy::kEverySec);
  ASSERT_TRUE(database.Open().ok());
  const auto key = [](int i) { return "key" + std::to_string(i); };
  for (int i = 0; i < kKeys; ++i) {
    database.Run({{0, key(i), Need::kHeader}}, [&](auto& d) { d.SetString(0, key(i), "v"); });
  }
  database.Checkpoint();
  for (int i = 0; i < kKeys; ++i) {
    database.Run({{0, key(i), Need::kHeader}}, [&](auto& d) { d.Delete(0, key(i)); });
  }
  EXPECT_EQ(database.db().GetStats().tombstones, static_cast<uint64_t>(kKeys));
  class : public engine::Waiter {
   public:
    void OnReady() override { done = true; }
    bool done = false;
  } checkpoint;
  ASSERT_TRUE(database.db().StartCheckpoint(&checkpoint).ok());
  // The sweep goes to its end before anything lands.
  for (int i = 0; i < 100; ++i) database.db().EndTick();
  EXPECT_EQ(database.db().GetStats().dirty_keys, 0u);
  uint64_t largest = 0;
  uint64_t before = kKeys;
  for (int tick = 0; !checkpoint.done && tick < 10'000; ++tick) {
    database.Tick();
    const uint64_t now = database.db().GetStats().tombstones;
    largest = std::max(largest, before - now);
    before = now;
  }
  EXPECT_TRUE(checkpoint.done);
  EXPECT_EQ(database.db().GetStats().tombstones, 0u);
  EXPECT_GT(largest, 0u);
  EXPECT_LT(largest, kKeys / 2u);
}

TEST(DatabaseTest, BatchesOfOneCheckpointServeTheNextAndDoNotPileUp) {
  TestDatabase database(std::make_shared<JournalFs>(), engine::FsyncPolicy::kEverySec);
  ASSERT_TRUE(database.Open().ok());
  const std::string value(3000, 'v');
  uint64_t first = 0;
  for (int round = 0; round < 40; ++round) {
    for (int i = 0; i < 150; ++i) {
      const std::string key = "key" + std::to_string(i);
      database.Run({{0, key, Need::kHeader}}, [&](auto& d) { d.SetString(0, key, value); });
    }
    database.Checkpoint();
    database.clock().AdvanceMs(200);
    database.Tick();
    const uint64_t kept = database.db().GetStats().capture_queue_bytes;
    if (round == 4) first = kept;
    if (round > 4) {
      EXPECT_LE(kept, first) << "round " << round;
    }
  }
  EXPECT_GT(first, 0u);
}

TEST(DatabaseTest, AKeyFilterThatFewKeysAreLeftInIsMadeAnew) {
  TestDatabase database(std::make_shared<JournalFs>(), engine::FsyncPolicy::kEverySec);
  ASSERT_TRUE(database.Open().ok());
  constexpr int kKeys = 40'000;
  const auto name = [](int i) { return "key" + std::to_string(i); };
  for (int i = 0; i < kKeys; ++i) {
    database.Run({{0, name(i), Need::kHeader}}, [&](auto& d) { d.SetString(0, name(i), "v"); });
    if (i % 1000 == 0) database.Tick();
  }
  database.Spill();
  database.clock().AdvanceMs(2000);
  database.Tick();
  const uint64_t full = database.db().GetStats().filter_bytes;
  EXPECT_GT(full, 2u * kKeys);
  for (int i = 0; i < kKeys; ++i) {
    if (i % 100 == 0) continue;
    database.Run({{0, name(i), Need::kHeader}}, [&](auto& d) { d.Delete(0, name(i)); });
    if (i % 1000 == 1) database.Tick();
  }
  database.Spill();
  for (int i = 0; i < 20; ++i) {  // begins, and is filled a page at a time, while keys change
    database.clock().AdvanceMs(500);
    database.Tick();
    database.Run({{0, name(100 * i), Need::kHeader}}, [&](auto& d) { d.Delete(0, name(100 * i)); });
    database.Run({{0, name(100 * i + 1), Need::kHeader}},
                 [&](auto& d) { d.SetString(0, name(100 * i + 1), "w"); });
    database.Spill();
  }
  EXPECT_LT(database.db().GetStats().filter_bytes, full / 4);
  EXPECT_EQ(database.db().Size(0), 400u);
  uint64_t maybe = 0;
  for (int i = 0; i < kKeys; ++i) {
    const bool there = i % 100 == (i < 2000 ? 1 : 0);
    maybe += database.db().MayExist(0, name(i));
    if (there) {
      EXPECT_TRUE(database.db().MayExist(0, name(i))) << name(i);
    }
  }
  EXPECT_LT(maybe, 500u);
}

TEST(DatabaseTest, ReplayOfMoreThanTheBudgetSpillsWhileItRuns) {
  auto fs = std::make_shared<JournalFs>();
  TestDatabase database(fs, engine::FsyncPolicy::kEverySec);
  ASSERT_TRUE(database.Open().ok());
  Keyspace model, found;
  for (int i = 0; i < 6000; ++i) {
    const std::string key = "key" + std::to_string(i % 5000);
    database.Run({{0, key, Need::kHeader}},
                 [&](auto& d) { d.SetString(0, key, std::string(900, 'a' + i % 26)); });
    model[0][key] = {std::string(900, static_cast<char>('a' + i % 26)), 0};
    if (i % 100 == 0) database.Tick();
  }
  database.Tick();
  EXPECT_EQ(database.db().GetStats().checkpoints, 0u);
  database.Kill();
  database.maxmemory = 1 << 20;
  const codec::Status opened = database.Open();
  ASSERT_TRUE(opened.ok()) << opened.ToString();
  const engine::Stats stats = database.db().GetStats();
  EXPECT_GT(stats.checkpoints, 0u);
  EXPECT_LT(stats.value_bytes, 2u << 20);
  database.Kill();  // what was written back during the replay is a base of the next
  database.maxmemory = 64 << 20;
  ASSERT_TRUE(database.Open().ok());
  database.Contents(&found);
  EXPECT_EQ(Describe(found), Describe(model));
}

// [R9]
TEST(DatabaseTest, ColdKeysExpireOnTimeWithoutBeingRead) {
  TestDatabase database(std::make_shared<JournalFs>());
  ASSERT_TRUE(database.Open().ok());
  for (int i = 0; i < 50; ++i) {
    const std::string key = "key" + std::to_string(i);
    database.Run({{0, key, Need::kHeader}}, [&](auto& d) {
      d.SetString(0, key, std::string(i % 2 == 0 ? 10 : 1000, 'v'), engine::ExpiryChange::kSet,
                  d.NowMs() + 10'000 + i);
    });
  }
  database.Tick();
  database.Spill();
  // One of them lives on: its row in the expiry index must not fire.
  database.Run({{0, "key7", Need::kHeader}}, [](auto& d) { d.Persist(0, "key7"); });
  database.Tick();
  const uint64_t reads = database.db().GetStats().cold_read_hits;
  database.clock().AdvanceMs(11'000);
  for (int i = 0; i < 200 && database.db().Size(0) > 1; ++i) {
    database.Tick();
    database.clock().AdvanceMs(10);
  }
  EXPECT_EQ(database.db().Size(0), 1u);
  EXPECT_EQ(database.db().GetStats().expired_keys, 49u);
  EXPECT_EQ(database.db().GetStats().cold_read_hits, reads);
  database.Spill();
  EXPECT_EQ(database.db().GetStats().cold_records, 1u);
  EXPECT_EQ(database.db().DatabaseStats(0).expires, 0u);
}

// [D15]
TEST(DatabaseTest, ReplayDoesNotExpireByTheClock) {
  auto fs = std::make_shared<JournalFs>();
  TestDatabase database(fs);
  ASSERT_TRUE(database.Open().ok());
  const int64_t deadline = database.clock().WallMs() + 100;
  database.Run({{0, "a", Need::kHeader}},
               [&](auto& d) { d.SetString(0, "a", "1", engine::ExpiryChange::kSet, deadline); });
  database.Run({{0, "a", Need::kValue}}, [&](auto& d) { d.Append(0, "a", "2"); });
  database.Run({{0, "a", Need::kHeader}}, [&](auto& d) { d.Persist(0, "a"); });
  database.Tick();
  database.clock().AdvanceMs(1000);
  database.Kill();
  ASSERT_TRUE(database.Open().ok());
  database.Run({{0, "a", Need::kValue}}, [](auto& d) { EXPECT_NE(d.Find(0, "a"), nullptr); });
}

TEST(DatabaseTest, ADirectoryInUseIsRefused) {
  auto fs = std::make_shared<JournalFs>();
  TestDatabase first(fs), second(fs);
  ASSERT_TRUE(first.Open().ok());
  const codec::Status status = second.Open();
  EXPECT_EQ(status.code(), codec::StatusCode::kBusy) << status.ToString();
}

// [G4]
TEST(DatabaseTest, AFailingLogRefusesWritesKeepsThemAndGoesOnWhenTheDiskIsBack) {
  auto fs = std::make_shared<JournalFs>();
  TestDatabase database(fs);
  ASSERT_TRUE(database.Open().ok());
  database.Run({{0, "a", Need::kHeader}}, [](auto& d) { d.SetString(0, "a", "1"); });
  database.Tick();
  const engine::Lsn durable = database.db().DurableEnd();
  fs->AddFault(
      {.kinds = kFaultWrite | kFaultSync, .path_part = "/log/", .nth = 1, .from_then_on = true});
  database.Run({{0, "b", Need::kHeader}}, [](auto& d) { d.SetString(0, "b", "2"); });
  database.Tick();
  EXPECT_EQ(database.db().DurableEnd(), durable);
  EXPECT_FALSE(database.db().WriteError().ok());
  EXPECT_EQ(database.db().AdmitGrowth(nullptr), Admission::kMisconf);
  fs->ClearFaults();
  for (int i = 0; i < 100 && !database.db().WriteError().ok(); ++i) {
    database.clock().AdvanceMs(50);
    database.Tick();
  }
  EXPECT_TRUE(database.db().WriteError().ok());
  EXPECT_EQ(database.db().DurableEnd(), database.db().LogEnd());
  database.Kill();
  ASSERT_TRUE(database.Open().ok());
  Keyspace found;
  database.Contents(&found);
  EXPECT_EQ(Describe(found), "0:a=1@0\n0:b=2@0\n");
}

}  // namespace
}  // namespace thermocline::testing
