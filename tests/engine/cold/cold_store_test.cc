// The threads of the cold tier, over the fake backend (so that TSan can look): the write-ahead
// rule, the order of batches, checkpoints, failures, the readers' queues and the end.
#include "engine/cold/cold_store.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "tests/engine/cold/cold_workload.h"
#include "tests/support/fake_cold_backend.h"

namespace thermocline::engine {
namespace {

using codec::StatusCode;
using namespace std::chrono_literals;

// What the engine is to the store: a log and a loop that can be woken.
class Loop {
 public:
  ColdStoreOptions Options(int readers = 4) {
    ColdStoreOptions options;
    options.reader_nice = 0;
    options.readers = readers;
    options.durable_end = [this] { return durable.load(); };
    options.request_sync = [this] { ++syncs; };
    options.wake = [this] {
      {
        std::lock_guard lock(mutex_);
        ++wakes_;
      }
      cv_.notify_all();
    };
    options.retry_ms_min = 1;
    options.retry_ms_max = 4;
    return options;
  }
  // Until the condition holds, looking again at every wake. A generous limit ends a hopeless wait.
  template <typename Condition>
  bool Until(Condition condition) {
    const auto end = std::chrono::steady_clock::now() + 30s;
    std::unique_lock lock(mutex_);
    while (true) {
      lock.unlock();
      if (condition()) return true;
      lock.lock();
      if (std::chrono::steady_clock::now() > end) return false;
      cv_.wait_for(lock, 5ms);
    }
  }
  // Until so many reads have come back, in all.
  bool UntilRead(ColdStore* store, std::vector<ColdRead*>* done, size_t count) {
    return Until([&] {
      store->DrainReads(done);
      return done->size() == count;
    });
  }
  int wakes() {
    std::lock_guard lock(mutex_);
    return wakes_;
  }

  std::atomic<uint64_t> durable{0};
  std::atomic<int> syncs{0};

 private:
  std::mutex mutex_;
  std::condition_variable cv_;
  int wakes_ = 0;
};

ColdBatch BatchAt(Lsn lsn, const std::string& key = "k") {
  ColdBatch batch;
  ColdImage image;
  image.lsn = lsn;
  batch.Put(0, lsn, key, image, std::string_view("value"), {});
  batch.tag = lsn;
  return batch;
}

// All that was enqueued, once it has landed: batches tagged 1, 2 ... in this order.
void ExpectAllLanded(ColdStore* store, size_t count) {
  ASSERT_TRUE(store->WaitLanded(30'000));
  std::vector<ColdBatch> landed;
  store->DrainLanded(&landed);
  ASSERT_EQ(landed.size(), count);
  for (size_t i = 0; i < count; ++i) EXPECT_EQ(landed[i].tag, i + 1);
  EXPECT_EQ(store->queued_bytes(), 0u);
}

std::vector<std::string> Writes(FakeColdBackend* backend) { return backend->Journal(); }

TEST(ColdStore, ABatchIsHeldUntilTheLogCoversIt) {
  FakeColdBackend backend;
  Loop loop;
  ColdStore store(&backend, loop.Options());
  loop.durable = 99;
  store.Enqueue(BatchAt(100));
  ASSERT_TRUE(loop.Until([&] { return loop.syncs.load() >= 2; })) << "no sync was asked for";
  EXPECT_TRUE(Writes(&backend).empty());
  EXPECT_EQ(store.queued_batches(), 1u);
  EXPECT_GT(store.queued_bytes(), 0u);
  loop.durable = 100;
  store.NotifyDurable();
  std::vector<ColdBatch> landed;
  ASSERT_TRUE(loop.Until([&] { return store.DrainLanded(&landed) > 0 || !landed.empty(); }));
  EXPECT_EQ(landed[0].tag, 100u);
  EXPECT_EQ(store.queued_bytes(), 0u);
  EXPECT_EQ(Writes(&backend), std::vector<std::string>{"write 100"});
}

TEST(ColdStore, ACoveredBatchDoesNotOvertakeAHeldOne) {
  FakeColdBackend backend;
  Loop loop;
  ColdStore store(&backend, loop.Options());
  loop.durable = 50;
  store.Enqueue(BatchAt(60));
  store.Enqueue(BatchAt(10));
  ASSERT_TRUE(loop.Until([&] { return loop.syncs.load() >= 2; }));
  EXPECT_TRUE(Writes(&backend).empty());
  loop.durable = 60;
  store.NotifyDurable();
  ASSERT_TRUE(store.WaitLanded(30'000));
  EXPECT_EQ(Writes(&backend), (std::vector<std::string>{"write 60", "write 10"}));
}

TEST(ColdStore, BatchesLandInTheOrderOfTheQueueUnderAMovingLog) {
  FakeColdBackend backend;
  Loop loop;
  ColdStore store(&backend, loop.Options());
  std::thread log([&] {
    for (uint64_t end = 1; end <= 2000; ++end) {
      loop.durable = end;
      store.NotifyDurable();
      if (end % 64 == 0) std::this_thread::yield();
    }
  });
  for (Lsn lsn = 1; lsn <= 2000; ++lsn) store.Enqueue(BatchAt(lsn));
  std::vector<ColdBatch> landed;
  ASSERT_TRUE(loop.Until([&] {
    store.DrainLanded(&landed);
    return landed.size() == 2000;
  }));
  log.join();
  for (size_t i = 0; i < landed.size(); ++i) ASSERT_EQ(landed[i].tag, i + 1);
  EXPECT_TRUE(backend.Violations().empty());
}

TEST(ColdStore, ACheckpointFlushesBeforeItRemovesGravesAndLands) {
  FakeColdBackend backend;
  Loop loop;
  loop.durable = 1000;
  ColdStore store(&backend, loop.Options());
  ColdBatch batch;
  batch.Delete(0, 1, "old", 10, false, {});
  batch.Delete(0, 2, "new", 90, false, {});
  batch.SetCheckpoint("the record", 50);
  EXPECT_EQ(batch.high_lsn(), 90u);
  store.Enqueue(std::move(batch));
  store.Enqueue(BatchAt(100));
  ASSERT_TRUE(store.WaitLanded(30'000));
  EXPECT_EQ(Writes(&backend),
            (std::vector<std::string>{"write 90", "flush", "graves 50", "write 100"}));
  std::vector<Lsn> graves;
  ASSERT_TRUE(backend
                  .ForEachGrave([&](Lsn lsn, uint64_t, uint64_t, std::string_view) {
                    graves.push_back(lsn);
                    return Status();
                  })
                  .ok());
  EXPECT_EQ(graves, std::vector<Lsn>{90});
  const auto sealed = backend.ReadMeta(codec::kMetaCheckpoint);
  ASSERT_TRUE(sealed.ok() && sealed->has_value());
  EXPECT_EQ(*codec::OpenMeta(codec::kMetaCheckpoint, **sealed), "the record");
  // What a power cut would leave has the checkpoint and, the removal not being flushed, both
  // graves.
  auto after_cut = backend.CrashCopy();
  EXPECT_TRUE(after_cut->ReadMeta(codec::kMetaCheckpoint)->has_value());
}

// A checkpoint at the log's end must not wait for a frame that nobody will write.
TEST(ColdStore, ACheckpointAtTheEndOfTheLogIsCovered) {
  FakeColdBackend backend;
  Loop loop;
  loop.durable = 500;
  ColdStore store(&backend, loop.Options());
  ColdBatch batch;
  batch.SetCheckpoint("c", 501);
  store.Enqueue(std::move(batch));
  EXPECT_TRUE(store.WaitLanded(30'000));
}

TEST(ColdStore, AFailingBatchIsKeptAndNothingOvertakesIt) {
  FakeColdBackend backend;
  Loop loop;
  loop.durable = 1000;
  ColdStore store(&backend, loop.Options());
  backend.FailNext(8, Status::NoSpace("the disk is full"));
  for (Lsn lsn = 1; lsn <= 3; ++lsn) store.Enqueue(BatchAt(lsn));
  ASSERT_TRUE(loop.Until([&] { return !store.healthy(); }));
  EXPECT_EQ(store.error().code(), StatusCode::kNoSpace);
  ExpectAllLanded(&store, 3);
  ASSERT_TRUE(loop.Until([&] { return store.healthy(); }));
  EXPECT_TRUE(store.error().ok());
  const auto journal = Writes(&backend);
  EXPECT_EQ(journal.back(), "write 3");
  EXPECT_EQ(journal[journal.size() - 2], "write 2");
  EXPECT_TRUE(backend.Violations().empty());
}

TEST(ColdStore, AFailedFlushDoesNotWriteTheBatchAgain) {
  FakeColdBackend backend;
  ColdStoreOptions options;
  options.background = false;
  ColdStore store(&backend, options);
  ColdBatch first = BatchAt(1);
  store.Enqueue(std::move(first));
  store.RunUntilIdle();
  ColdBatch batch;
  batch.Delete(0, 1, "k", 2, true, {});
  batch.SetCheckpoint("c", 3);
  store.Enqueue(std::move(batch));
  backend.FailNext(1, Status::IoError("broken"), /*skip=*/1);
  store.RunUntilIdle();
  EXPECT_EQ(Writes(&backend),
            (std::vector<std::string>{"write 1", "write 2", "flush", "flush", "graves 3"}));
  EXPECT_TRUE(store.healthy());
  EXPECT_TRUE(backend.Violations().empty());
}

ColdBatch SweepBatchAt(Lsn lsn) {
  ColdBatch batch = BatchAt(lsn);
  batch.SetStageable();
  return batch;
}

TEST(ColdStore, BatchesOfASweepLandTogetherOnceTheLogCoversThem) {
  FakeColdBackend backend;
  Loop loop;
  loop.durable = 1;
  ColdStore store(&backend, loop.Options());
  for (Lsn lsn = 1; lsn <= 3; ++lsn) store.Enqueue(SweepBatchAt(lsn));
  // Staged although the log does not cover them, and counted as waiting no more.
  ASSERT_TRUE(loop.Until([&] { return store.queued_bytes() == 0; }));
  // Nothing follows, so they are to be published; the log is asked for.
  ASSERT_TRUE(loop.Until([&] { return loop.syncs.load() >= 2; }));
  EXPECT_EQ(Writes(&backend), (std::vector<std::string>{"stage 1", "stage 2", "stage 3"}));
  std::vector<ColdBatch> landed;
  EXPECT_EQ(store.DrainLanded(&landed), 0u);
  EXPECT_EQ(store.queued_batches(), 3u);
  loop.durable = 3;
  store.NotifyDurable();
  ExpectAllLanded(&store, 3);
  EXPECT_EQ(Writes(&backend).back(), "publish 3");
}

TEST(ColdStore, NothingOvertakesWhatIsStaged) {
  FakeColdBackend backend;
  ColdStoreOptions options;
  options.background = false;
  ColdStore store(&backend, options);
  store.Enqueue(SweepBatchAt(1));
  store.Enqueue(SweepBatchAt(2));
  store.Enqueue(BatchAt(3));  // of no sweep
  store.Enqueue(SweepBatchAt(9));
  store.Enqueue(SweepBatchAt(5));  // another sweep has begun: its key lies before
  ColdBatch last;
  last.SetCheckpoint("c", 10);
  store.Enqueue(std::move(last));
  EXPECT_TRUE(store.RunUntilIdle());
  EXPECT_EQ(Writes(&backend),
            (std::vector<std::string>{"stage 1", "stage 2", "publish 2", "write 3", "stage 9",
                                      "publish 1", "stage 5", "publish 1", "write 9", "flush",
                                      "graves 10"}));
  EXPECT_EQ(store.queued_batches(), 0u);
  EXPECT_EQ(store.queued_bytes(), 0u);
  EXPECT_TRUE(backend.Violations().empty());
}

TEST(ColdStore, WhatCannotBeStagedIsWritten) {
  FakeColdBackend backend;
  ColdStoreOptions options;
  options.background = false;
  ColdStore store(&backend, options);
  ColdBatch batch;  // two keys of one position
  ColdImage image;
  image.lsn = 7;
  batch.Put(0, 7, "a", image, std::string_view("x"), {});
  batch.Put(0, 7, "b", image, std::string_view("y"), {});
  batch.SetStageable();
  store.Enqueue(SweepBatchAt(1));
  store.Enqueue(std::move(batch));
  store.Enqueue(SweepBatchAt(8));
  store.RunUntilIdle();
  EXPECT_EQ(Writes(&backend),
            (std::vector<std::string>{"stage 1", "publish 1", "write 7", "stage 8", "publish 1"}));
}

TEST(ColdStore, StagedBatchesArePublishedWhenThereAreEnough) {
  FakeColdBackend backend;
  ColdStoreOptions options;
  options.background = false;
  options.staged_bytes_max = SweepBatchAt(1).bytes() * 2;
  ColdStore store(&backend, options);
  for (Lsn lsn = 1; lsn <= 5; ++lsn) store.Enqueue(SweepBatchAt(lsn));
  store.RunUntilIdle();
  EXPECT_EQ(Writes(&backend),
            (std::vector<std::string>{"stage 1", "stage 2", "publish 2", "stage 3", "stage 4",
                                      "publish 2", "stage 5", "publish 1"}));
}

// Whatever fails, all of it is staged again, in order, and lands once.
TEST(ColdStore, AFailedPublishOrStageLosesNothing) {
  for (int skip = 0; skip < 6; ++skip) {
    SCOPED_TRACE(skip);
    FakeColdBackend backend;
    Loop loop;
    loop.durable = 1000;
    ColdStore store(&backend, loop.Options());
    backend.FailNext(5, Status::NoSpace("the disk is full"), skip);
    for (Lsn lsn = 1; lsn <= 3; ++lsn) store.Enqueue(SweepBatchAt(lsn));
    store.Enqueue(BatchAt(4));
    ExpectAllLanded(&store, 4);
    EXPECT_EQ(Writes(&backend).back(), "write 4");
    EXPECT_TRUE(backend.Violations().empty());
    ColdHeader header;
    std::string payload;
    EXPECT_TRUE(*backend.GetValue(0, 3, "k", &header, &payload));
  }
}

TEST(ColdStore, WithoutThreadsTheSameRulesHold) {
  FakeColdBackend backend;
  uint64_t durable = 0;
  int syncs = 0;
  ColdStoreOptions options;
  options.background = false;
  options.durable_end = [&] { return durable; };
  options.request_sync = [&] { ++syncs; };
  ColdStore store(&backend, options);
  store.Enqueue(BatchAt(10));
  EXPECT_FALSE(store.RunUntilIdle());
  EXPECT_EQ(syncs, 1);
  EXPECT_EQ(store.queued_batches(), 1u);
  durable = 10;
  EXPECT_TRUE(store.RunUntilIdle());
  EXPECT_EQ(store.queued_batches(), 0u);
  ColdRead read;
  read.kind = ColdRead::Kind::kValue;
  read.position = 10;
  read.key = "k";
  store.Submit(&read);
  EXPECT_EQ(store.reads_in_flight(), 1u);
  EXPECT_TRUE(store.RunUntilIdle());
  std::vector<ColdRead*> done;
  ASSERT_EQ(store.DrainReads(&done), 1u);
  EXPECT_TRUE(read.found);
  EXPECT_EQ(read.payload, "value");
  EXPECT_EQ(store.reads_in_flight(), 0u);
}

TEST(ColdStore, AllKindsOfReadsAreAnswered) {
  FakeColdBackend backend;
  Loop loop;
  loop.durable = 1000;
  ColdStore store(&backend, loop.Options());
  ColdBatch batch;
  ColdImage image;
  image.lsn = 5;
  image.expire_ms = 700;
  batch.Put(3, 8, "a", image, std::string(10'000, 'x'), {});
  store.Enqueue(std::move(batch));
  ASSERT_TRUE(store.WaitLanded(30'000));
  std::vector<ColdRead> reads(7);
  reads[0].kind = ColdRead::Kind::kHeader;
  reads[1].kind = ColdRead::Kind::kValue;
  reads[2].kind = ColdRead::Kind::kScan;
  reads[2].range = {3, 0, codec::kMaxPosition, 10, false};
  reads[3].kind = ColdRead::Kind::kExpired;
  reads[3].deadline_max_ms = 700;
  reads[3].max_rows = 10;
  reads[4].kind = ColdRead::Kind::kVerify;
  reads[5].kind = ColdRead::Kind::kCompact;
  reads[6].kind = ColdRead::Kind::kValue;
  std::vector<ColdRead*> pointers;
  for (ColdRead& read : reads) {
    read.id = 3;
    read.position = 8;
    read.key = &read == &reads[6] ? "absent" : "a";
    pointers.push_back(&read);
  }
  store.Submit(pointers);
  std::vector<ColdRead*> done;
  ASSERT_TRUE(loop.UntilRead(&store, &done, reads.size()));
  for (const ColdRead& read : reads) EXPECT_TRUE(read.status.ok()) << read.status.ToString();
  EXPECT_TRUE(reads[0].found);
  EXPECT_EQ(reads[0].header.length, 10'000u);
  EXPECT_EQ(reads[1].payload, std::string(10'000, 'x'));
  ASSERT_EQ(reads[2].page.rows.size(), 1u);
  EXPECT_TRUE(reads[2].page.end);
  ASSERT_EQ(reads[3].expired.size(), 1u);
  EXPECT_EQ(reads[3].expired[0].expire_ms, 700u);
  EXPECT_FALSE(reads[6].found);
}

TEST(ColdStore, ReadersDecodeWhatTheyAreToldTo) {
  FakeColdBackend backend;
  Loop loop;
  loop.durable = 1000;
  std::atomic<int> asked{0};
  std::atomic<int> freed{0};
  static std::atomic<int>* frees = nullptr;
  frees = &freed;
  ColdStoreOptions options = loop.Options();
  const auto here = std::this_thread::get_id();
  options.decode = [&](const ColdRead& read) {
    ++asked;
    EXPECT_NE(std::this_thread::get_id(), here);
    if (read.key != "large") return ColdDecoded(nullptr, nullptr);
    return ColdDecoded(new std::string("made of " + read.payload), [](void* text) {
      ++*frees;
      delete static_cast<std::string*>(text);
    });
  };
  ColdStore store(&backend, options);
  ColdBatch batch;
  ColdImage image;
  image.lsn = 5;
  batch.Put(3, 8, "large", image, std::string_view("payload"), {});
  batch.Put(3, 9, "small", image, std::string_view("payload"), {});
  store.Enqueue(std::move(batch));
  ASSERT_TRUE(store.WaitLanded(30'000));
  std::vector<ColdRead> reads(4);
  std::vector<ColdRead*> pointers;
  for (size_t i = 0; i < reads.size(); ++i) {
    reads[i].kind = i == 3 ? ColdRead::Kind::kHeader : ColdRead::Kind::kValue;
    reads[i].id = 3;
    reads[i].key = std::vector<std::string>{"large", "small", "absent", "large"}[i];
    reads[i].position = reads[i].key == "large" ? 8 : 9;
    pointers.push_back(&reads[i]);
  }
  store.Submit(pointers);
  std::vector<ColdRead*> done;
  ASSERT_TRUE(loop.UntilRead(&store, &done, reads.size()));
  ASSERT_NE(reads[0].decoded, nullptr);
  EXPECT_EQ(*static_cast<std::string*>(reads[0].decoded.get()), "made of payload");
  EXPECT_TRUE(reads[0].payload.empty());
  EXPECT_EQ(reads[1].decoded, nullptr);
  EXPECT_EQ(reads[1].payload, "payload");
  EXPECT_FALSE(reads[2].found);
  EXPECT_EQ(reads[3].decoded, nullptr);
  EXPECT_EQ(asked, 2) << "values that were found";
  EXPECT_EQ(freed, 0);
  reads.clear();
  EXPECT_EQ(freed, 1);
}

TEST(ColdStore, ScansLeaveReadersForFaults) {
  FakeColdBackend backend;
  Loop loop;
  ColdStore store(&backend, loop.Options(/*readers=*/4));
  backend.HoldReads(true);
  std::vector<ColdRead> scans(10);
  for (ColdRead& scan : scans) {
    scan.kind = ColdRead::Kind::kScan;
    store.Submit(&scan);
  }
  std::vector<ColdRead> verifies(3);
  for (ColdRead& verify : verifies) {
    verify.kind = ColdRead::Kind::kVerify;
    store.Submit(&verify);
  }
  // Two scans and one verification hold three readers; the fourth is for faults.
  ASSERT_TRUE(loop.Until([&] { return backend.held_reads() == 3; }));
  ColdRead fault;
  store.Submit(&fault);
  ASSERT_TRUE(loop.Until([&] { return backend.held_reads() == 4; }));
  backend.HoldReads(false);
  std::vector<ColdRead*> done;
  ASSERT_TRUE(loop.UntilRead(&store, &done, 14));
}

// The next read comes just when the only reader, done with the last one, is about to sleep.
TEST(ColdStore, AReaderThatGoesToSleepLeavesNoReadBehind) {
  FakeColdBackend backend;
  Loop loop;
  ColdRead read;  // outlives the store
  ColdStore store(&backend, loop.Options(/*readers=*/1));
  std::vector<ColdRead*> done;
  for (int i = 0; i < 100'000; ++i) {
    read = ColdRead();
    store.Submit(&read);
    done.clear();
    const auto give_up = std::chrono::steady_clock::now() + 20s;
    while (store.DrainReads(&done) == 0) {
      ASSERT_LT(std::chrono::steady_clock::now(), give_up) << "read " << i << " is not answered";
    }
    for (volatile int spin = i % 400; spin > 0;)
      spin = spin - 1;  // from now to a microsecond later
  }
}

TEST(ColdStore, TheLoopIsWokenOnceForAFullList) {
  FakeColdBackend backend;
  Loop loop;
  ColdStore store(&backend, loop.Options());
  std::vector<ColdRead> reads(100);
  for (ColdRead& read : reads) store.Submit(&read);
  ASSERT_TRUE(loop.Until([&] { return loop.wakes() > 0; }));
  // Nobody takes the results, so the list never becomes empty again.
  std::this_thread::sleep_for(20ms);
  EXPECT_EQ(loop.wakes(), 1);
  std::vector<ColdRead*> done;
  ASSERT_TRUE(loop.UntilRead(&store, &done, reads.size()));
}

TEST(ColdStore, WhileFaultsAreQueuedTheLoopIsWokenForSeveral) {
  FakeColdBackend backend;
  Loop loop;
  ColdStore store(&backend, loop.Options(/*readers=*/3));
  backend.HoldReads(true);
  std::vector<ColdRead> reads(8);
  for (ColdRead& read : reads) store.Submit(&read);
  // A reader tells of a read before it takes the next one.
  const auto finish_one = [&](int held) {
    ASSERT_TRUE(loop.Until([&] { return backend.held_reads() == 3; }));
    backend.LetThrough(1);
    ASSERT_TRUE(loop.Until([&] { return backend.held_reads() == held; }));
  };
  finish_one(3);
  finish_one(3);
  EXPECT_EQ(loop.wakes(), 0);
  finish_one(3);
  EXPECT_EQ(loop.wakes(), 1);  // as many as there are readers
  std::vector<ColdRead*> done;
  EXPECT_EQ(store.DrainReads(&done), 3u);
  finish_one(3);
  EXPECT_EQ(loop.wakes(), 1);
  finish_one(3);
  EXPECT_EQ(loop.wakes(), 1);
  finish_one(2);  // none is queued any more: a reader is idle
  ASSERT_TRUE(loop.Until([&] { return loop.wakes() == 2; }));
  EXPECT_EQ(store.DrainReads(&done), 3u);
  backend.LetThrough(1);
  ASSERT_TRUE(loop.Until([&] { return loop.wakes() == 3; }));
  backend.HoldReads(false);
  ASSERT_TRUE(loop.UntilRead(&store, &done, reads.size()));
}

// Takes results only when it was woken, as the executor does when nothing else happens.
TEST(ColdStore, NoFinishedReadIsLeftWithoutAWake) {
  FakeColdBackend backend;
  Loop loop;
  std::vector<ColdRead> reads(100'000);  // outlive the store
  ColdStore store(&backend, loop.Options(/*readers=*/4));
  std::vector<ColdRead*> done;
  size_t submitted = 0;
  int wakes = 0;
  const auto submit = [&](size_t n) {
    for (; n > 0 && submitted < reads.size(); --n) store.Submit(&reads[submitted++]);
  };
  submit(1);
  while (done.size() < reads.size()) {
    ASSERT_TRUE(loop.Until([&] { return loop.wakes() != wakes; }))
        << done.size() << " of " << submitted << " reads came back";
    wakes = loop.wakes();
    const size_t took = store.DrainReads(&done);
    // Now one in flight, now more than a wake is worth.
    submit(took == 0 && submitted > done.size() ? 0 : 1 + submitted % 9);
  }
}

TEST(ColdStore, ManyReadersBesideTheWriter) {
  const uint64_t seed = 31;
  SCOPED_TRACE(testing::Message() << "seed " << seed);
  FakeColdBackend backend;
  Loop loop;
  ColdStore store(&backend, loop.Options(/*readers=*/8));
  ColdWorkload work(seed, 2'000);
  std::vector<std::unique_ptr<ColdRead>> reads;
  std::vector<ColdRead*> done;
  std::vector<ColdBatch> landed;
  for (int round = 0; round < 200; ++round) {
    ColdBatch batch;
    work.FillBatch(&batch, 20);
    if (round % 20 == 19) batch.SetCheckpoint("c", work.lsn() + 1);
    store.Enqueue(std::move(batch));
    loop.durable = work.lsn();
    store.NotifyDurable();
    std::vector<ColdRead*> now;
    for (int i = 0; i < 10; ++i) {
      auto read = std::make_unique<ColdRead>();
      const auto [id, position, key] = work.PickKey();
      read->kind = i % 5 == 4 ? ColdRead::Kind::kScan : ColdRead::Kind::kValue;
      read->id = id;
      read->position = position;
      read->key = key;
      read->range.id = id;
      read->range.max_rows = 20;
      now.push_back(read.get());
      reads.push_back(std::move(read));
    }
    store.Submit(now);
    store.DrainReads(&done);
    store.DrainLanded(&landed);
  }
  ASSERT_TRUE(loop.Until([&] {
    store.DrainReads(&done);
    store.DrainLanded(&landed);
    return done.size() == reads.size() && landed.size() == 200;
  }));
  EXPECT_EQ(std::set<ColdRead*>(done.begin(), done.end()).size(), reads.size());
  EXPECT_TRUE(backend.Violations().empty());
  for (const auto& [key, entry] : work.entries()) {
    ColdHeader header;
    std::string payload;
    ASSERT_TRUE(
        *backend.GetValue(std::get<0>(key), std::get<1>(key), std::get<2>(key), &header, &payload));
    EXPECT_EQ(header.lsn, entry.lsn);
  }
}

TEST(ColdStore, StopEndsEverythingAndGivesReadsBack) {
  FakeColdBackend backend;
  Loop loop;
  auto store = std::make_unique<ColdStore>(&backend, loop.Options(/*readers=*/2));
  backend.HoldReads(true);
  std::vector<ColdRead> reads(20);
  for (ColdRead& read : reads) store->Submit(&read);
  store->Enqueue(BatchAt(1'000'000));  // the log never gets there
  ASSERT_TRUE(loop.Until([&] { return backend.held_reads() == 2; }));
  store->Stop();
  std::vector<ColdRead*> done;
  EXPECT_EQ(store->DrainReads(&done), 20u);
  EXPECT_TRUE(Writes(&backend).empty());
  ColdRead late;
  store->Submit(&late);
  EXPECT_EQ(store->DrainReads(&done), 1u);
  EXPECT_EQ(late.status.code(), StatusCode::kUnavailable);
}

TEST(ColdBatch, ShowsItsOperationsInOrderAndUnchanged) {
  ColdBatch batch;
  EXPECT_TRUE(batch.empty());
  ColdImage image{1, 2, 77, 1234, 99, 5};
  const std::string large(10'000, 'L');
  batch.Put(1, 2, "key", image, std::string_view("small"), {55, true});
  batch.Put(1, 3, std::string_view("\0k", 2), image, std::string(large), {});
  batch.PutHeader(1, 4, "header", image, 300, {0, true});
  batch.Delete(1, 5, "", 80, true, {66, false});
  batch.SetCounts(9, 100, 50);
  batch.DropDatabase(12);
  EXPECT_EQ(batch.high_lsn(), 80u);
  EXPECT_GE(batch.bytes(), large.size());
  ColdBatch moved = std::move(batch);
  std::vector<ColdOp> ops;
  moved.ForEach([&](const ColdOp& op) { ops.push_back(op); });
  ASSERT_EQ(ops.size(), 6u);
  EXPECT_EQ(ops[0].verb, ColdOp::Verb::kPut);
  EXPECT_EQ(ops[0].payload, "small");
  EXPECT_EQ(ops[0].image.type, 1);
  EXPECT_EQ(ops[0].image.encoding, 2);
  EXPECT_EQ(ops[0].image.lsn, 77u);
  EXPECT_EQ(ops[0].image.expire_ms, 1234u);
  EXPECT_EQ(ops[0].image.access, 99u);
  EXPECT_EQ(ops[0].image.count, 5u);
  EXPECT_EQ(ops[0].previous.expire_ms, 55u);
  EXPECT_TRUE(ops[0].previous.has_chunks);
  EXPECT_EQ(ops[1].key, std::string_view("\0k", 2));
  EXPECT_EQ(ops[1].payload, large);
  EXPECT_EQ(ops[2].verb, ColdOp::Verb::kPutHeader);
  EXPECT_EQ(ops[2].length, 300u);
  EXPECT_EQ(ops[3].verb, ColdOp::Verb::kDelete);
  EXPECT_EQ(ops[3].key, "");
  EXPECT_TRUE(ops[3].had_record);
  EXPECT_EQ(ops[3].previous.expire_ms, 66u);
  EXPECT_EQ(ops[4].records, 100u);
  EXPECT_EQ(ops[4].expires, 50u);
  EXPECT_EQ(ops[5].id, 12u);
  moved.Clear();
  EXPECT_TRUE(moved.empty());
  EXPECT_EQ(moved.high_lsn(), 0u);
}

}  // namespace
}  // namespace thermocline::engine
