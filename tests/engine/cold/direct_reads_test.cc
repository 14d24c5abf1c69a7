// Reads past the readers: over RocksDB's real files, with values that change, move and are damaged.
#include "engine/cold/direct_reads.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "engine/cold/cold_store.h"
#include "engine/cold/rocks_backend.h"
#include "engine/env/random.h"
#include "tests/support/temp_dir.h"

namespace thermocline::engine {
namespace {

// Of a key's version: random, or text that LZ4 makes smaller.
std::string PayloadOf(uint64_t position, Lsn lsn) {
  Random random(position * 1'000'003 + lsn);
  const uint64_t bytes = position >> 40;  // every third one lies in its record
  std::string payload(bytes % 3 == 0 ? bytes % 50 : 400 + random.Uniform(1200), '\0');
  const bool text = (position >> 40) % 2 == 0;
  for (char& c : payload) c = text ? "ab "[random.Uniform(3)] : static_cast<char>(random.Next());
  return payload;
}

class DirectReadsTest : public testing::Test {
 protected:
  DirectReadsTest() : wake_fd_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
    RocksOptions options;
    options.dir = dir_.path() + "/cold";
    options.opening_threads = 1;
    options.tells_places = true;
    options.memtable_size = 256 << 10;
    options.memtable_bytes = 4 << 20;
    options.target_file_bytes = 256 << 10;
    options.block_cache_bytes = 32 << 10;  // a block that is found there tells no place
    auto backend = RocksBackend::Open(options);
    EXPECT_TRUE(backend.ok()) << backend.status().ToString();
    backend_ = std::move(*backend);
    ColdStoreOptions store_options;
    store_options.reader_nice = 0;
    store_options.durable_end = [] { return ~uint64_t{0}; };
    store_options.wake = [this] { eventfd_write(wake_fd_, 1); };
    store_options.wake_fd = wake_fd_;
    store_options.place_bytes_max = 1 << 20;
    store_ = std::make_unique<ColdStore>(backend_.get(), std::move(store_options));
  }
  ~DirectReadsTest() override {
    store_.reset();
    backend_.reset();
    close(wake_fd_);
  }

  static constexpr uint64_t kId = 3;
  static uint64_t PositionOf(uint64_t key) { return (key + 1) << 40; }

  // Enqueues new versions of the keys.
  void Change(const std::vector<uint64_t>& keys) {
    ColdBatch batch;
    for (const uint64_t key : keys) {
      ColdImage image;
      image.lsn = ++lsn_;
      newest_[key] = lsn_;
      batch.Put(kId, PositionOf(key), std::to_string(key), image,
                std::string_view(PayloadOf(PositionOf(key), lsn_)), {});
    }
    store_->Enqueue(std::move(batch));
  }
  void Land() {
    ASSERT_TRUE(store_->WaitLanded(60'000));
    std::vector<ColdBatch> landed;
    store_->DrainLanded(&landed);
  }
  void LandInFiles() {
    Land();
    ASSERT_TRUE(backend_->FlushAll().ok());
  }
  // Submits reads of the keys, all at once.
  std::vector<std::unique_ptr<ColdRead>> Submit(const std::vector<uint64_t>& keys) {
    std::vector<std::unique_ptr<ColdRead>> reads;
    std::vector<ColdRead*> submitted;
    for (const uint64_t key : keys) {
      ColdRead& read = *reads.emplace_back(std::make_unique<ColdRead>());
      read.kind = ColdRead::Kind::kValue;
      read.id = kId;
      read.position = PositionOf(key);
      read.key = std::to_string(key);
      read.ticket = newest_[key];
      submitted.push_back(&read);
    }
    store_->Submit(submitted);
    return reads;
  }
  // Reads the keys; how many of the reads needed no reader.
  size_t Read(const std::vector<uint64_t>& keys) {
    const auto reads = Submit(keys);
    std::vector<ColdRead*> done;
    while (done.size() < keys.size()) {
      pollfd wait{wake_fd_, POLLIN, 0};
      EXPECT_GE(poll(&wait, 1, 20'000), 1) << "nobody tells that reads are over";
      eventfd_t count = 0;
      eventfd_read(wake_fd_, &count);
      store_->DrainReads(&done);
    }
    size_t direct = 0;
    for (const ColdRead* read : done) {
      direct += read->direct;
      last_status_ = read->status;
      if (!read->status.ok()) continue;
      EXPECT_TRUE(read->found) << read->key;
      EXPECT_EQ(read->header.lsn, read->ticket) << read->key;
      EXPECT_EQ(read->header.length, read->payload.size());
      const uint64_t key = std::stoull(read->key);
      const Lsn written = payload_lsn_.contains(key) ? payload_lsn_[key] : read->header.lsn;
      EXPECT_EQ(read->payload, PayloadOf(read->position, written)) << read->key;
    }
    return direct;
  }
  static std::vector<uint64_t> Keys(uint64_t from, uint64_t to) {
    std::vector<uint64_t> keys;
    for (; from < to; ++from) keys.push_back(from);
    return keys;
  }
  // Of all tables.
  void Damage() {
    for (const auto& entry : std::filesystem::directory_iterator(dir_.path() + "/cold")) {
      if (entry.path().extension() != ".sst") continue;
      const int fd = open(entry.path().c_str(), O_RDWR | O_CLOEXEC);
      std::string bytes(std::filesystem::file_size(entry.path()), '\0');
      ASSERT_EQ(pread(fd, bytes.data(), bytes.size(), 0), static_cast<ssize_t>(bytes.size()));
      for (size_t i = 100; i < bytes.size() / 4 * 3; i += 512) bytes[i] ^= 0x40;
      ASSERT_EQ(pwrite(fd, bytes.data(), bytes.size(), 0), static_cast<ssize_t>(bytes.size()));
      ASSERT_EQ(fsync(fd), 0);
      close(fd);
    }
  }
  bool Works() { return backend_->NewDirectReads(wake_fd_) != nullptr; }

  TempDir dir_;
  const int wake_fd_;
  std::unique_ptr<RocksBackend> backend_;
  std::unique_ptr<ColdStore> store_;
  std::map<uint64_t, Lsn> newest_;
  std::map<uint64_t, Lsn> payload_lsn_;  // where the header is younger than the value
  Lsn lsn_ = 0;
  Status last_status_;
};

#define SKIP_WITHOUT_DIRECT_IO() \
  if (!Works()) GTEST_SKIP() << "no direct I/O in " << dir_.path()

TEST_F(DirectReadsTest, TheSecondReadNeedsNoReader) {
  SKIP_WITHOUT_DIRECT_IO();
  const std::vector<uint64_t> keys = Keys(0, 400);
  Change(keys);
  LandInFiles();
  EXPECT_EQ(Read(keys), 0u);
  size_t direct = 0;
  for (int round = 0; round < 3; ++round) {
    direct = 0;
    for (uint64_t from = 0; from < keys.size(); from += 16) direct += Read(Keys(from, from + 16));
  }
  // Records stay in the block cache for a while, and then nobody learns where they lie.
  EXPECT_GT(direct, keys.size() * 6 / 10);
  // More than may be in flight: the rest is the readers'.
  EXPECT_LE(Read(keys), DirectReads::kInFlightMax);
}

TEST_F(DirectReadsTest, AValueThatChangedIsNotFoundWhereItWas) {
  SKIP_WITHOUT_DIRECT_IO();
  Change(Keys(0, 60));
  LandInFiles();
  for (int i = 0; i < 3; ++i) Read(Keys(0, 60));
  ASSERT_GT(Read(Keys(0, 30)), 0u);
  Change(Keys(0, 30));
  Land();
  EXPECT_EQ(Read(Keys(0, 30)), 0u);  // in a memtable
  EXPECT_GT(Read(Keys(30, 60)), 0u);
  LandInFiles();
  Read(Keys(0, 30));
  EXPECT_GT(Read(Keys(0, 30)), 0u);
}

// The value's row stays where it is, under a merge of the header.
TEST_F(DirectReadsTest, AHeaderThatChangedAloneIsReadWithTheValue) {
  SKIP_WITHOUT_DIRECT_IO();
  Change(Keys(0, 60));
  LandInFiles();
  ColdBatch batch;
  for (const uint64_t key : Keys(0, 60)) {
    if (PayloadOf(PositionOf(key), newest_[key]).size() <= codec::kMaxInlinePayload) continue;
    ColdImage image;
    image.lsn = lsn_ + 1 + key;
    image.expire_ms = 4'000'000'000'000;
    batch.PutHeader(kId, PositionOf(key), std::to_string(key), image,
                    PayloadOf(PositionOf(key), newest_[key]).size(), {.has_chunks = true});
    payload_lsn_[key] = newest_[key];
    newest_[key] = image.lsn;
  }
  store_->Enqueue(std::move(batch));
  LandInFiles();
  for (int i = 0; i < 4; ++i) Read(Keys(0, 60));
}

TEST_F(DirectReadsTest, ValuesThatMoveAreFoundAgain) {
  SKIP_WITHOUT_DIRECT_IO();
  for (int i = 0; i < 3; ++i) {
    Change(Keys(0, 50));
    LandInFiles();
  }
  for (int i = 0; i < 3; ++i) Read(Keys(0, 50));
  ASSERT_GT(Read(Keys(0, 50)), 0u);
  std::atomic<bool> cancel{false};
  ASSERT_TRUE(backend_->CompactRange(kId, &cancel).ok());
  Read(Keys(0, 50));
  Read(Keys(0, 50));
  EXPECT_GT(Read(Keys(0, 50)), 0u);
}

TEST_F(DirectReadsTest, DamageIsReportedByAReader) {
  SKIP_WITHOUT_DIRECT_IO();
  Change(Keys(0, 50));
  LandInFiles();
  for (int i = 0; i < 3; ++i) Read(Keys(0, 50));
  const size_t before = Read(Keys(0, 50));
  ASSERT_GT(before, 10u);
  Damage();
  EXPECT_LT(Read(Keys(0, 50)), before);  // and what came was right
  size_t damaged = 0;
  for (uint64_t key = 0; key < 50; ++key) {
    Read({key});
    damaged += !last_status_.ok();
    if (!last_status_.ok()) {
      EXPECT_NE(last_status_.ToString().find(".sst"), std::string::npos) << last_status_.ToString();
    }
  }
  EXPECT_GT(damaged, 0u);
}

TEST_F(DirectReadsTest, WithChangesAllTheTimeNothingOldIsRead) {
  SKIP_WITHOUT_DIRECT_IO();
  Random random(11);
  Change(Keys(0, 200));
  LandInFiles();
  size_t direct = 0;
  for (int round = 0; round < 600; ++round) {
    std::vector<uint64_t> changed, asked;
    for (uint64_t n = random.Uniform(8); n > 0; --n) changed.push_back(random.Uniform(200));
    std::sort(changed.begin(), changed.end());
    changed.erase(std::unique(changed.begin(), changed.end()), changed.end());
    // As in the engine: a key is asked for once its newest version has landed.
    if (!changed.empty()) Change(changed);
    Land();
    if (random.OneIn(20)) {
      ASSERT_TRUE(backend_->FlushAll().ok());
    }
    for (uint64_t n = random.Uniform(24) + 1; n > 0; --n) asked.push_back(random.Uniform(200));
    direct += Read(asked);
  }
  EXPECT_GT(direct, 1000u);
}

TEST_F(DirectReadsTest, AStopWaitsForWhatIsInFlight) {
  SKIP_WITHOUT_DIRECT_IO();
  const std::vector<uint64_t> keys = Keys(0, 60);
  Change(keys);
  LandInFiles();
  for (int i = 0; i < 3; ++i) Read(keys);
  const auto reads = Submit(keys);
  store_->Stop();
  std::vector<ColdRead*> done;
  store_->DrainReads(&done);
  EXPECT_EQ(done.size(), keys.size());
  EXPECT_EQ(store_->reads_in_flight(), 0u);
  // From now on nobody reads, whatever is known.
  const auto late = Submit({0});
  done.clear();
  store_->DrainReads(&done);
  ASSERT_EQ(done.size(), 1u);
  EXPECT_EQ(done[0]->status.code(), codec::StatusCode::kUnavailable);
}

}  // namespace
}  // namespace thermocline::engine
