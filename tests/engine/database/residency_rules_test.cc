// The correctness rules of memory, parking and time, each by its tag: every test here fails without
// its rule. Those of log, checkpoint and faults are in rules_test.cc.

#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "tests/engine/database/rules_fixture.h"

namespace thermocline::testing {
namespace {

using engine::Admission;
using engine::KeyRequest;
using engine::Need;

// A budget so small that half a megabyte of values fills it.
class MemoryRulesTest : public RulesTest {
 protected:
  MemoryRulesTest() { database_.maxmemory = 1 << 20; }

  // More than the budget holds, and no tick in which it could be spilled.
  void Fill() {
    for (int i = 0; i < 100; ++i) Set("fill" + std::to_string(i), std::string(8000, 'f'));
  }
};

class Told : public engine::Waiter {
 public:
  Told(int number, std::vector<int>* order) : number_(number), order_(order) {}
  void OnReady() override { order_->push_back(number_); }

 private:
  const int number_;
  std::vector<int>* const order_;
};

// ---- The budget ----

// 32 MiB: 8 of them fixed, 8 the least that the hot tier gets.
class BudgetTest : public RulesTest {
 protected:
  BudgetTest() { database_.maxmemory = 32 << 20; }

  // 12 MB, written back. How many of the 120 stay in memory after some ticks.
  uint64_t Fill() {
    for (int i = 0; i < 120; ++i) {
      Set("fill" + std::to_string(i), std::string(90'000, 'f'));
      database_.Tick();
    }
    return TickAndCount();
  }
  uint64_t TickAndCount() {
    for (int i = 0; i < 400; ++i) database_.Tick();
    return db().GetStats().resident_keys;
  }

  // Of these, some 5,500 fit.
  static constexpr int kKeys = 30'000;
  static constexpr size_t kSize = 3600;

  // Visits these keys, 3.2 ms each.
  template <class Visit>
  void Each(int first, int last, Visit&& visit) {
    for (int i = first; i < last; ++i) {
      visit("k" + std::to_string(i));
      if (i % 32 != 0) continue;
      database_.clock().AdvanceMs(100);  // the shares are measured again
      database_.Tick();
    }
  }
  void SetAllAndSpill() {
    Each(0, kKeys, [&](const std::string& k) { Set(k, std::string(kSize, 'v')); });
    database_.Spill();
  }
};

TEST_F(BudgetTest, WhatTheAllocatorHoldsBesideLeavesLessForKeys) {
  ASSERT_EQ(Fill(), 120u);
  // What is accounted for is not charged twice.
  db().NoteAllocatedBytes(db().GetStats().used_memory);
  EXPECT_EQ(db().GetStats().unaccounted_bytes, 0u);
  EXPECT_EQ(TickAndCount(), 120u);

  db().NoteAllocatedBytes(db().GetStats().used_memory + (8 << 20));
  EXPECT_EQ(db().GetStats().unaccounted_bytes, 8u << 20);
  const uint64_t left = TickAndCount();
  EXPECT_LT(left, 100u);
  EXPECT_GT(left, 60u);
}

TEST_F(BudgetTest, WhatTheAllocatorHoldsBesideTakesAQuarterAtMostAndIsForgotten) {
  ASSERT_EQ(Fill(), 120u);
  db().NoteAllocatedBytes(uint64_t{1} << 40);
  EXPECT_EQ(db().GetStats().unaccounted_bytes, 8u << 20);
  EXPECT_GT(TickAndCount(), 60u);
  db().NoteAllocatedBytes(0);
  EXPECT_EQ(db().GetStats().unaccounted_bytes, 15u << 19);
  for (int i = 0; i < 100; ++i) db().NoteAllocatedBytes(0);
  EXPECT_LT(db().GetStats().unaccounted_bytes, 64u << 10);
}

// 750 keys are used twice, then all the others are read once.
TEST_F(BudgetTest, OnePassOverColdKeysLeavesThoseThatWereUsedAgain) {
  constexpr int kHot = 750;
  const auto read = [&](const std::string& k) { ASSERT_EQ(Value(k).size(), kSize); };
  SetAllAndSpill();
  Each(0, kHot, read);
  Each(0, kHot, read);
  Each(kHot, kKeys, read);
  ASSERT_LT(db().GetStats().resident_keys, uint64_t{kKeys / 4});
  int resident = 0;
  Each(0, kHot, [&](const std::string& k) {
    Nobody waiter;
    const KeyRequest request{0, k, Need::kValue};
    resident += db().Prepare({&request, 1}, &waiter) ? 1 : 0;
    db().CancelWait(&waiter);
    db().Release(&waiter);
  });
  EXPECT_GT(resident, kHot * 9 / 10);
}

// Room is kept free for what is written while dirty keys are on their way to the disk.
TEST_F(BudgetTest, WhereKeysAreOnlyReadLessOfItIsKeptFree) {
  const auto read = [&](const std::string& k) { ASSERT_EQ(Value(k).size(), kSize); };
  SetAllAndSpill();
  Each(0, kKeys, [&](const std::string& k) {
    read(k);
    Set("written", k);
  });
  const uint64_t beside_writes = db().GetStats().resident_keys;
  Each(0, kKeys, read);
  EXPECT_GT(db().GetStats().resident_keys, beside_writes * 106 / 100);
  Set("written", "again");
  database_.clock().AdvanceMs(100);
  TickAndCount();
  EXPECT_LT(db().GetStats().resident_keys, beside_writes * 102 / 100);
}

// What was replayed is written back and dropped, and is the base of what follows, in the same
// window and in later ones, though the cold tier lacked it when the replay began.
TEST_F(RulesTest, AReplayLargerThanTheBudgetLosesNothing) {
  for (const size_t window : {size_t{100}, size_t{1} << 16}) {
    SCOPED_TRACE(window);
    database_.maxmemory = 64 << 20;
    database_.replay_window_keys = window;
    ASSERT_TRUE(KillAndOpen());
    Flush(0);
    Set("cold", "x");
    database_.Checkpoint();
    for (int round = 0; round < 12; ++round) {
      for (int i = 0; i < 400; ++i) {
        Append("k" + std::to_string(i), std::string(1000, static_cast<char>('a' + round)));
      }
    }
    database_.Tick();
    const uint64_t checkpoints = db().GetStats().checkpoints;
    ASSERT_EQ(checkpoints, 1u) << "nothing would be left to replay";
    database_.maxmemory = 1 << 20;
    ASSERT_TRUE(KillAndOpen());
    EXPECT_GT(db().GetStats().checkpoints, 0u) << "it fitted";
    for (int i = 0; i < 400; ++i) {
      const std::string value = Value("k" + std::to_string(i));
      ASSERT_EQ(value.size(), 12'000u) << i;
      for (int round = 0; round < 12; ++round) ASSERT_EQ(value[round * 1000 + 500], 'a' + round);
    }
    EXPECT_EQ(Value("cold"), "x");
    database_.AwaitCounts();
    EXPECT_EQ(db().Size(0), 401u);
  }
}

// Values that lie apart from their headers are read a few at a time, whatever they take: behind a
// walk, behind lists of headers, and by themselves once most of them are such.
TEST_F(RulesTest, AReplayReadsFewLargeValuesAtOnce) {
  constexpr size_t kLarge = 20'000;
  constexpr int kKeys = 3000;  // the third chunk knows what the first has met
  const auto size = [](int i) { return i % 3 != 0 ? kLarge : size_t{10}; };
  for (const size_t walk_records : {size_t{0}, size_t{16}}) {
    SCOPED_TRACE(walk_records);
    database_.maxmemory = 128 << 20;
    database_.replay_walk_records = walk_records;
    database_.replay_window_keys = 1 << 16;
    ASSERT_TRUE(KillAndOpen());
    Flush(0);
    for (int i = 0; i < kKeys; ++i) {
      Set("k" + std::to_string(i), std::string(size(i), 'v'));
    }
    database_.Checkpoint();
    for (int i = 0; i < kKeys; ++i) Append("k" + std::to_string(i), "x");
    database_.Tick();
    ASSERT_TRUE(KillAndOpen());
    EXPECT_GE(db().GetStats().replayed_effects, uint64_t{kKeys});
    EXPECT_GE(db().GetStats().replay_read_peak_bytes, kLarge);
    EXPECT_LE(db().GetStats().replay_read_peak_bytes, (128 << 20) / 32 + kLarge);
    for (int i = 0; i < kKeys; ++i) {
      const std::string value = Value("k" + std::to_string(i));
      ASSERT_EQ(value.size(), size(i) + 1) << i;
      ASSERT_EQ(value.back(), 'x');
    }
  }
}

// ---- Values larger than the budget ----

class GiantTest : public BudgetTest {
 protected:
  GiantTest() { database_.machine_memory = 80 << 20; }

  // One growing command; how many ticks it waited, or nothing: it was refused.
  std::optional<int> Grow(const std::string& key, size_t bytes) {
    Nobody waiter;
    const KeyRequest request[] = {{0, key, Need::kValue}};
    while (!db().Prepare(request, &waiter)) database_.Tick();
    int ticks = 0;
    for (; ticks < 1000; ++ticks) {
      const Admission admission = db().AdmitGrowth(&waiter);
      if (admission == Admission::kRun) break;
      db().CancelWait(&waiter);
      if (admission == Admission::kOom) return std::nullopt;
      database_.Tick();
      while (!db().Prepare(request, &waiter)) database_.Tick();
    }
    db().BeginFrame();
    const std::string more(bytes, 'v');
    if (db().Find(0, key) == nullptr) {
      db().SetString(0, key, more);
    } else {
      db().Append(0, key, more);
    }
    db().CommitFrame();
    db().Release(&waiter);
    database_.Tick();
    return ticks;
  }
};

// It must neither wait for room that it takes itself, nor take that of all others.
TEST_F(GiantTest, AValueLargerThanTheBudgetGrowsAndOthersGoOn) {
  for (int i = 0; i < 40; ++i) {
    SCOPED_TRACE(i);
    for (const std::string& key : {std::string("giant"), "other" + std::to_string(i)}) {
      const std::optional<int> waited = Grow(key, key == "giant" ? 1 << 20 : 400'000);
      ASSERT_TRUE(waited.has_value());
      EXPECT_LT(*waited, 100);
      database_.clock().AdvanceMs(20);
    }
  }
  database_.Tick();
  // The others have the quarter that is left to them, and were spilled beyond it.
  EXPECT_GT(db().GetStats().value_bytes, 40u << 20);
  EXPECT_GE(db().GetStats().giant_bytes, 40u << 20);
  EXPECT_LT(db().GetStats().value_bytes, 60u << 20);  // APPEND keeps spare room
  EXPECT_LT(db().GetStats().resident_keys, 25u);
  // Out of use, it is a value as any other.
  database_.clock().AdvanceMs(60'000);
  for (int i = 0; i < 400; ++i) {
    database_.Tick();
    database_.clock().AdvanceMs(1);
  }
  EXPECT_LT(db().GetStats().value_bytes, 16u << 20);
  EXPECT_EQ(db().GetStats().giant_bytes, 0u);
  EXPECT_EQ(Value("giant").size(), 40u << 20);
}

// Replay needs it for each of its changes.
TEST_F(GiantTest, ReplayKeepsOneInMemory) {
  for (int i = 0; i < 30; ++i) ASSERT_TRUE(Grow("giant", 1 << 20).has_value());
  database_.Spill();
  for (int i = 0; i < 200; ++i) ASSERT_TRUE(Grow("giant", 10'000).has_value());
  ASSERT_TRUE(KillAndOpen());
  EXPECT_EQ(db().GetStats().replayed_effects, 200u);
  EXPECT_LT(db().GetStats().checkpoints, 4u);
  EXPECT_EQ(Value("giant").size(), (30u << 20) + 2'000'000);
}

TEST_F(GiantTest, LargeValuesThatAreWrittenOnceAreSpilledAsOthers) {
  for (int i = 0; i < 30; ++i) {
    SCOPED_TRACE(i);
    const std::optional<int> waited = Grow("large" + std::to_string(i), 5 << 20);
    ASSERT_TRUE(waited.has_value());
    EXPECT_LT(*waited, 200);
    EXPECT_LT(db().GetStats().value_bytes, 30u << 20);
    database_.clock().AdvanceMs(20);
  }
}

TEST_F(GiantTest, WhatTheMachineDoesNotHaveIsRefused) {
  int grown = 0;
  while (grown < 100 && Grow("giant", 1 << 20)) {
    ++grown;
    database_.clock().AdvanceMs(20);
  }
  // Nine tenths of 80 MB, of which 8 are fixed, and 8 are left to others.
  EXPECT_GT(grown, 40);
  EXPECT_LT(grown, 64);
  EXPECT_EQ(Value("giant").size(), static_cast<size_t>(grown) << 20);
}

// ---- [R2] ----

TEST_F(MemoryRulesTest, R2_WhatWasReadForACommandStaysUntilItRan) {
  Set("a", std::string(400, 'v'));
  Set("b", std::string(400, 'v'));
  database_.Spill();
  ASSERT_EQ(db().GetStats().resident_keys, 0u);
  Nobody waiter;
  const KeyRequest keys[] = {{0, "a", Need::kValue}, {0, "b", Need::kValue}};
  ASSERT_FALSE(db().Prepare(keys, &waiter));
  database_.Tick();
  database_.Tick();
  database_.Spill();
  EXPECT_EQ(db().GetStats().resident_keys, 2u);
  EXPECT_TRUE(db().Prepare(keys, &waiter));
  db().Release(&waiter);
  database_.Spill();
  EXPECT_EQ(db().GetStats().resident_keys, 0u);
}

TEST_F(MemoryRulesTest, R2_ACommandMayExceedTheBudgetByItsOwnKeys) {
  Set("large", std::string(2 << 20, 'v'));
  Set("small", "v");
  database_.Spill();
  Nobody owner, other;
  const KeyRequest large[] = {{0, "large", Need::kValue}};
  ASSERT_FALSE(db().Prepare(large, &owner));
  database_.Tick();
  database_.Tick();
  ASSERT_TRUE(db().Prepare(large, &owner));
  // Nobody can make room: whoever needs the key has to run, everybody else has to wait for that.
  EXPECT_EQ(db().AdmitGrowth(&other), Admission::kParked);
  EXPECT_EQ(db().AdmitGrowth(&owner), Admission::kRun);
  db().CancelWait(&other);
  db().Release(&owner);
}

TEST_F(MemoryRulesTest, R2_WhoHasToWaitForPinsReadsNoPartOfWhatItNeeds) {
  const std::vector<std::string_view> elements(400, "element");
  database_.Run({{0, "list", Need::kValue}},
                [&](auto& d) { d.lists().Push(0, "list", engine::ListEnd::kTail, elements); });
  Set("cold", "v");
  std::vector<KeyRequest> large;
  const std::string names = "abcde";  // of 1 MiB each: more than the budget of pins
  for (size_t i = 0; i < names.size(); ++i) {
    Set(names.substr(i, 1), std::string(1 << 20, 'v'));
    database_.Tick();
    large.push_back({0, std::string_view(names).substr(i, 1), Need::kValue});
  }
  database_.Spill();
  const KeyRequest length{0, "list", Need::kValue, engine::ListPart::None()};
  database_.Run({length}, [](auto&) {});
  Nobody holder;
  std::vector<int> told;
  Told second(2, &told);
  while (!db().Prepare(large, &holder)) database_.Tick();
  const engine::Stats before = db().GetStats();
  const KeyRequest both[] = {{0, "list", Need::kValue, {.first = 200, .last = 203}},
                             {0, "cold", Need::kValue}};
  EXPECT_FALSE(db().Prepare(both, &second));
  for (int i = 0; i < 3; ++i) database_.Tick();
  EXPECT_EQ(db().GetStats().cold_read_hits, before.cold_read_hits);
  EXPECT_EQ(db().GetStats().read_nodes, 0u);
  EXPECT_TRUE(told.empty());
  db().Release(&holder);
  for (int i = 0; i < 3; ++i) database_.Tick();
  EXPECT_EQ(told, std::vector<int>{2});
  EXPECT_FALSE(db().Prepare(both, &second));
  for (int i = 0; i < 3; ++i) database_.Tick();
  EXPECT_TRUE(db().Prepare(both, &second));
  EXPECT_EQ(db().GetStats().read_nodes, 1u);
  db().Release(&second);
}

TEST_F(MemoryRulesTest, R2_AboveThePinBudgetOnlyWhoHoldsSomethingFaults) {
  // Four times the budget of pins, which is 4 MiB at least.
  constexpr int kKeys = 16;
  std::vector<std::string> names;
  for (int i = 0; i < kKeys; ++i) {
    names.push_back("k" + std::to_string(i));
    Set(names.back(), std::string(1 << 20, 'v'));
    database_.Tick();
  }
  database_.Spill();
  std::vector<int> told;
  std::vector<std::unique_ptr<Told>> waiters;
  for (int i = 0; i < kKeys; ++i) {
    waiters.push_back(std::make_unique<Told>(i, &told));
    const KeyRequest request[] = {{0, names[static_cast<size_t>(i)], Need::kValue}};
    EXPECT_FALSE(db().Prepare(request, waiters.back().get()));
    database_.Tick();  // arrives with the next
    database_.Tick();
  }
  // The later ones wait for pins, not for the disk.
  EXPECT_EQ(db().GetStats().cold_reads_in_flight, 0u);
  EXPECT_EQ(told, (std::vector<int>{0, 1, 2, 3}));
  // Who holds a key gets its others, or nobody would ever end.
  Set("another", "v");
  database_.Spill();
  const KeyRequest more[] = {{0, names[0], Need::kValue}, {0, "another", Need::kValue}};
  EXPECT_FALSE(db().Prepare(more, waiters[0].get()));
  database_.Tick();
  database_.Tick();
  EXPECT_TRUE(db().Prepare(more, waiters[0].get()));
  EXPECT_EQ(told.back(), 0);
  told.clear();
  // As the holders end, the oldest of those that wait go on.
  for (int i = 0; i < 2; ++i) db().Release(waiters[static_cast<size_t>(i)].get());
  for (int i = 0; i < 4; ++i) database_.Tick();
  ASSERT_FALSE(told.empty());
  EXPECT_EQ(told.front(), 4);
  for (auto& waiter : waiters) db().CancelWait(waiter.get());
  EXPECT_EQ(db().Size(0), static_cast<uint64_t>(kKeys) + 1);
}

// ---- [R3] ----

TEST_F(MemoryRulesTest, R3_GrowthIsParkedAndAdmittedInArrivalOrder) {
  Fill();
  std::vector<int> told;
  Told first(1, &told), second(2, &told), third(3, &told), late(4, &told);
  ASSERT_EQ(db().AdmitGrowth(&first), Admission::kParked);
  ASSERT_EQ(db().AdmitGrowth(&second), Admission::kParked);
  ASSERT_EQ(db().AdmitGrowth(&third), Admission::kParked);
  // What does not grow goes on.
  EXPECT_EQ(Value("fill1"), std::string(8000, 'f'));
  Delete("fill0");
  for (int i = 0; i < 50 && told.empty(); ++i) database_.Tick();
  ASSERT_EQ(told, (std::vector<int>{1, 2, 3}));
  // There is room now, but the first has not asked again: nobody overtakes it.
  EXPECT_EQ(db().AdmitGrowth(&late), Admission::kParked);
  EXPECT_EQ(db().AdmitGrowth(&second), Admission::kParked);
  EXPECT_EQ(db().AdmitGrowth(&first), Admission::kRun);
  EXPECT_EQ(db().AdmitGrowth(&third), Admission::kParked);
  told.clear();
  for (int i = 0; i < 50 && told.empty(); ++i) database_.Tick();
  EXPECT_EQ(told, (std::vector<int>{2, 3, 4}));
  EXPECT_EQ(db().AdmitGrowth(&second), Admission::kRun);
  // One that never asks again is forgotten once its owner says so, parked or woken.
  EXPECT_EQ(db().AdmitGrowth(&late), Admission::kParked);
  db().Release(&third);
  told.clear();
  for (int i = 0; i < 50 && told.empty(); ++i) database_.Tick();
  EXPECT_EQ(told, (std::vector<int>{4}));
  EXPECT_EQ(db().AdmitGrowth(&late), Admission::kRun);
}

TEST_F(MemoryRulesTest, R3_ManyAreWokenInPartsAndInOrder) {
  Fill();
  constexpr int kWaiters = 1000;
  std::vector<int> told, expected;
  std::vector<std::unique_ptr<Told>> waiters;
  for (int i = 0; i < kWaiters; ++i) {
    waiters.push_back(std::make_unique<Told>(i, &told));
    expected.push_back(i);
    ASSERT_EQ(db().AdmitGrowth(waiters.back().get()), Admission::kParked);
  }
  size_t most = 0;
  for (int i = 0; i < 200 && told.size() < kWaiters; ++i) {
    const size_t before = told.size();
    database_.Tick();
    most = std::max(most, told.size() - before);
  }
  EXPECT_EQ(told, expected);
  EXPECT_LT(most, size_t{kWaiters} / 4);
  for (auto& waiter : waiters) db().CancelWait(waiter.get());
}

TEST_F(MemoryRulesTest, R3_WhoIsParkedAgainKeepsItsPlace) {
  Fill();
  std::vector<int> told;
  Told first(1, &told), second(2, &told);
  ASSERT_EQ(db().AdmitGrowth(&first), Admission::kParked);
  ASSERT_EQ(db().AdmitGrowth(&second), Admission::kParked);
  for (int i = 0; i < 50 && told.empty(); ++i) database_.Tick();
  ASSERT_EQ(told, (std::vector<int>{1, 2}));
  Fill();  // memory is short again before they ask
  EXPECT_EQ(db().AdmitGrowth(&second), Admission::kParked);
  EXPECT_EQ(db().AdmitGrowth(&first), Admission::kParked);
  told.clear();
  for (int i = 0; i < 50 && told.empty(); ++i) database_.Tick();
  EXPECT_EQ(told, (std::vector<int>{1, 2}));
  db().CancelWait(&first);
  EXPECT_EQ(db().AdmitGrowth(&second), Admission::kRun);
}

// It may wait for pins that somebody behind it holds: then both would wait for ever.
TEST_F(MemoryRulesTest, R3_NobodyWaitsForOneThatReadsColdKeysFirst) {
  Set("cold", "v");
  database_.Spill();
  Fill();
  std::vector<int> told;
  Told first(1, &told), second(2, &told);
  ASSERT_EQ(db().AdmitGrowth(&first), Admission::kParked);
  ASSERT_EQ(db().AdmitGrowth(&second), Admission::kParked);
  for (int i = 0; i < 50 && told.empty(); ++i) database_.Tick();
  const KeyRequest cold[] = {{0, "cold", Need::kValue}};
  ASSERT_FALSE(db().Prepare(cold, &first));
  EXPECT_EQ(db().AdmitGrowth(&second), Admission::kRun);
  db().CancelWait(&first);
}

TEST_F(MemoryRulesTest, R3_ACancelledSpillIsNotToldAndLeavesNothingBehind) {
  for (int ticks = 0; ticks < 6; ++ticks) {
    SCOPED_TRACE(ticks);
    for (int i = 0; i < 20; ++i) Set("k" + std::to_string(i), std::to_string(ticks));
    std::vector<int> told;
    {
      Told waiter(1, &told);
      db().SpillAll(&waiter);
      for (int i = 0; i < ticks && told.empty(); ++i) database_.Tick();
      db().CancelWait(&waiter);
    }
    const size_t told_before = told.size();
    for (int i = 0; i < 20; ++i) database_.Tick();
    EXPECT_EQ(told.size(), told_before);
    database_.Spill();
    EXPECT_EQ(db().GetStats().resident_keys, 0u);
    EXPECT_EQ(Value("k7"), std::to_string(ticks));
  }
}

// ---- [R9] ----

TEST_F(RulesTest, R9_ARowOfAnOldDeadlineDoesNotFire) {
  const int64_t start = database_.clock().WallMs();
  const auto expire_at = [&](const std::string& key, int64_t at_ms) {
    database_.Run({{0, key, Need::kHeader}}, [&](auto& d) { d.SetExpiry(0, key, at_ms); });
  };
  for (const char* key : {"later", "never", "again", "gone", "new", "large"}) {
    Set(key, std::string(key == std::string("large") ? 1000 : 10, 'v'));
    expire_at(key, start + 1000);
  }
  database_.Spill();
  expire_at("later", start + 500'000);
  expire_at("large", start + 500'000);
  database_.Run({{0, "never", Need::kHeader}}, [](auto& d) { d.Persist(0, "never"); });
  Set("again", "w");
  Delete("gone");
  database_.Spill();
  Delete("new");
  Set("new", "w");  // hot and dirty when the old row is due
  database_.clock().AdvanceMs(2000);
  for (int i = 0; i < 50; ++i) {
    database_.Tick();
    database_.clock().AdvanceMs(20);
  }
  EXPECT_EQ(db().Size(0), 5u);
  EXPECT_EQ(db().DatabaseStats(0).expires, 2u);
  database_.Spill();
  database_.clock().AdvanceMs(500'000);
  for (int i = 0; i < 50; ++i) {
    database_.Tick();
    database_.clock().AdvanceMs(20);
  }
  EXPECT_EQ(Contents(), "0:again=w@0\n0:never=vvvvvvvvvv@0\n0:new=w@0\n");
  ASSERT_TRUE(KillAndOpen());
  EXPECT_EQ(Contents(), "0:again=w@0\n0:never=vvvvvvvvvv@0\n0:new=w@0\n");
}

// The same, with a row that was read before the new deadline landed and the key was dropped.
TEST_F(MemoryRulesTest, R9_ARowReadBeforeItsDeadlineMovedOnDoesNotFire) {
  database_.Kill();
  database_.reads_first = true;
  ASSERT_TRUE(database_.Open().ok());
  const int64_t start = database_.clock().WallMs();
  const auto expire_at = [&](int64_t at_ms) {
    database_.Run({{0, "a", Need::kHeader}}, [&](auto& d) { d.SetExpiry(0, "a", at_ms); });
  };
  Set("a", "v");
  expire_at(start + 1000);
  database_.Spill();
  expire_at(start + 500'000);
  ASSERT_TRUE(db().StartCheckpoint(nullptr).ok());
  db().EndTick();  // captures
  Fill();
  database_.clock().AdvanceMs(2000);
  db().EndTick();  // asks for the rows that are due; memory is seen to be short
  const uint64_t spilled = db().GetStats().spilled_keys;
  db().Poll();  // reads them, lands, drops
  ASSERT_GT(db().GetStats().spilled_keys, spilled);
  EXPECT_EQ(db().Size(0), 101u);
  EXPECT_EQ(db().DatabaseStats(0).expires, 1u);
  EXPECT_EQ(Value("a"), "v");
}

// ---- SCAN and RANDOMKEY ----

// The cold page is read, then the deletions of its keys land and their tombstones go.
class StaleRowsTest : public RulesTest {
 protected:
  StaleRowsTest() { database_.reads_first = true; }
  void SetUp() override {
    RulesTest::SetUp();
    for (const char* key : {"a", "b", "c"}) Set(key, "v");
    database_.Spill();
    Delete("a");
    Delete("b");
    ASSERT_TRUE(db().StartCheckpoint(nullptr).ok());
    db().EndTick();  // captures
  }
};

TEST_F(StaleRowsTest, AScanDoesNotReturnWhatWasDeletedBefore) {
  engine::ScanRequest request;
  Nobody waiter;
  ASSERT_FALSE(db().ScanStep(&request, &waiter).has_value());
  database_.Tick();
  const auto page = db().ScanStep(&request, &waiter);
  ASSERT_TRUE(page.has_value() && page->status.ok());
  ASSERT_EQ(page->keys.size(), 1u);
  EXPECT_EQ(page->keys[0].key, "c");
  EXPECT_EQ(page->next, 0u);
}

TEST_F(StaleRowsTest, ARandomKeyIsNotOneDeletedBefore) {
  engine::ScanRequest request;
  Nobody waiter;
  std::optional<engine::RandomKeyReply> reply = db().RandomKey(0, &request, &waiter);
  ASSERT_FALSE(reply.has_value());
  for (int i = 0; i < 10 && !reply; ++i) {
    database_.Tick();
    reply = db().RandomKey(0, &request, &waiter);
  }
  ASSERT_TRUE(reply.has_value() && reply->status.ok());
  EXPECT_EQ(reply->key, "c");
}

// With a waiter or, as inside EXEC, without: nobody is told that there is no key.
TEST_F(RulesTest, ARandomKeyThatCannotBeReadIsAnError) {
  Set("a", "v");
  database_.Spill();
  ASSERT_TRUE(KillAndOpen());  // an empty block cache
  fs_->AddFault(
      {.kinds = kFaultRead | kFaultOpen, .path_part = ".sst", .nth = 1, .from_then_on = true});
  engine::ScanRequest request;
  EXPECT_FALSE(db().RandomKey(0, &request, nullptr)->status.ok());
  Nobody waiter;
  std::optional<engine::RandomKeyReply> reply = db().RandomKey(0, &request, &waiter);
  for (int i = 0; i < 10 && !reply; ++i) {
    database_.Tick();
    reply = db().RandomKey(0, &request, &waiter);
  }
  ASSERT_TRUE(reply.has_value());
  EXPECT_FALSE(reply->status.ok());
  fs_->ClearFaults();
  // RocksDB may have compacted meanwhile, with the same error: then its files are opened anew.
  for (int i = 0; i < 100; ++i) {
    reply = db().RandomKey(0, &request, nullptr);
    if (reply->status.ok()) break;
    database_.clock().AdvanceMs(100);
    database_.Tick();
  }
  EXPECT_TRUE(reply->status.ok()) << reply->status.ToString();
  EXPECT_EQ(reply->key, "a");
}

}  // namespace
}  // namespace thermocline::testing
