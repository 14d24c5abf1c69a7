// What only RocksDB can get wrong: opening somebody else's directory, faults of the disk, flipped
// bits, readers beside the writer, space that comes back.
#include "engine/cold/rocks_backend.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "engine/cold/cold_store.h"
#include "engine/env/random.h"
#include "rocksdb/db.h"
#include "tests/engine/cold/cold_workload.h"
#include "tests/engine/cold/faulty_fs.h"
#include "tests/support/fake_cold_backend.h"
#include "tests/support/temp_dir.h"

namespace thermocline::engine {
namespace {

namespace fs = std::filesystem;
using codec::StatusCode;

RocksOptions SmallOptions(const TempDir& dir) {
  RocksOptions options;
  options.dir = dir.path() + "/cold";
  options.opening_threads = 1;
  options.memtable_size = 256 << 10;
  options.memtable_bytes = 4 << 20;
  options.target_file_bytes = 256 << 10;
  options.block_cache_bytes = 1 << 20;
  return options;
}

// Names and sizes and times of all files: "nothing was changed".
std::map<std::string, std::string> Listing(const std::string& dir) {
  std::map<std::string, std::string> files;
  for (const auto& entry : fs::directory_iterator(dir)) {
    std::ifstream in(entry.path(), std::ios::binary);
    files[entry.path().filename()] = std::string(std::istreambuf_iterator<char>(in), {});
  }
  return files;
}

std::unique_ptr<RocksBackend> MustOpen(const RocksOptions& options) {
  auto backend = RocksBackend::Open(options);
  EXPECT_TRUE(backend.ok()) << backend.status().ToString();
  return backend.ok() ? std::move(*backend) : nullptr;
}

Status PutOne(ColdBackend* backend, const std::string& key, const std::string& payload, Lsn lsn) {
  ColdBatch batch;
  ColdImage image;
  image.lsn = lsn;
  batch.Put(0, 7, key, image, std::string_view(payload), {});
  return backend->Write(batch);
}

// Flushed: keys 1 to n at positions of their own, with 1000 bytes that cannot be compressed.
template <class Name>
void WriteRandomValues(ColdBackend* backend, uint64_t n, Name&& name) {
  Random random(7);
  ColdBatch batch;
  for (uint64_t i = 1; i <= n; ++i) {
    ColdImage image;
    image.lsn = i;
    std::string payload(1000, '\0');
    for (char& c : payload) c = static_cast<char>(random.Next());
    batch.Put(0, i << 40, name(i), image, std::string_view(payload), {});
  }
  ASSERT_TRUE(backend->Write(batch).ok());
  ASSERT_TRUE(backend->FlushAll().ok());
}

std::string MustGet(ColdBackend* backend, const std::string& key) {
  ColdHeader header;
  std::string payload;
  const auto found = backend->GetValue(0, 7, key, &header, &payload);
  EXPECT_TRUE(found.ok()) << found.status().ToString();
  return found.ok() && *found ? payload : "(none)";
}

TEST(RocksBackend, UnflushedDataIsGoneAndFlushedDataStays) {
  const TempDir dir;
  const RocksOptions options = SmallOptions(dir);
  auto backend = MustOpen(options);
  ASSERT_TRUE(PutOne(backend.get(), "a", "kept", 10).ok());
  ASSERT_TRUE(backend->FlushAll().ok());
  ASSERT_TRUE(PutOne(backend.get(), "b", "lost", 20).ok());
  EXPECT_EQ(MustGet(backend.get(), "b"), "lost");
  backend.reset();
  backend = MustOpen(options);
  EXPECT_EQ(MustGet(backend.get(), "a"), "kept");
  EXPECT_EQ(MustGet(backend.get(), "b"), "(none)");
  EXPECT_EQ(*codec::DecodeMetaHigh(**backend->ReadMeta(codec::kMetaHigh)), 10u);
}

// A range tombstone for each payload that another replaces would make every later read slower, and
// open tables keep them in memory.
TEST(RocksBackend, PayloadsOfOneChunkThatReplaceEachOtherLeaveNoRangeTombstones) {
  const TempDir dir;
  RocksOptions options = SmallOptions(dir);
  options.block_cache_bytes = 16 << 10;  // filters have to be read from disk
  auto backend = MustOpen(options);
  for (Lsn version = 1; version <= 4; ++version) {
    for (uint64_t first = 0; first < 4000; first += 100) {
      ColdBatch batch;
      for (uint64_t key = first; key < first + 100; ++key) {
        ColdImage image;
        image.lsn = version;
        ColdPrevious previous;
        previous.has_chunks = version > 1;
        batch.Put(0, key << 40, "key" + std::to_string(key), image,
                  std::string_view(std::string(300, static_cast<char>('a' + version))), previous);
      }
      ASSERT_TRUE(backend->Write(batch).ok());
    }
    ASSERT_TRUE(backend->FlushAll().ok());
  }
  const std::string properties =
      backend->Property("payload", "rocksdb.aggregated-table-properties");
  EXPECT_NE(properties.find("# range deletions=0;"), std::string::npos) << properties;
}

// What has several chunks is remembered over a restart, and until its replacement has landed.
TEST(RocksBackend, APayloadOfSeveralChunksLeavesNoneWhenASmallOneReplacesIt) {
  const TempDir dir;
  const RocksOptions options = SmallOptions(dir);
  auto backend = MustOpen(options);
  const auto put = [](Lsn lsn, size_t size, bool replaces) {
    ColdBatch batch;
    ColdImage image;
    image.lsn = lsn;
    ColdPrevious previous;
    previous.has_chunks = replaces;
    batch.Put(3, 7, "k", image, std::string(size, 'x'), previous);
    return batch;
  };
  const std::string row = [] {
    std::string key(codec::kMetaChunksPrefix);
    codec::AppendColdKey(&key, 3, 7, "k");
    return key;
  }();
  ASSERT_TRUE(backend->Write(put(1, 3 << 20, false)).ok());
  ASSERT_TRUE(backend->FlushAll().ok());
  EXPECT_TRUE(backend->ReadMeta(row)->has_value());
  backend.reset();
  backend = MustOpen(options);
  const ColdBatch small = put(2, 20'000, true);
  ASSERT_TRUE(*backend->Stage(small));
  backend->Unstage();  // as after an error
  ASSERT_TRUE(backend->Write(small).ok());
  EXPECT_FALSE(backend->ReadMeta(row)->has_value());
  ASSERT_TRUE(backend->FlushAll().ok());
  ASSERT_TRUE(backend->CompactRange(3, nullptr).ok());
  const std::string properties =
      backend->Property("payload", "rocksdb.aggregated-table-properties");
  EXPECT_NE(properties.find("# entries=1;"), std::string::npos) << properties;
  // And with its database.
  ASSERT_TRUE(backend->Write(put(3, 3 << 20, true)).ok());
  EXPECT_TRUE(backend->ReadMeta(row)->has_value());
  ColdBatch drop;
  drop.DropDatabase(3);
  ASSERT_TRUE(backend->Write(drop).ok());
  EXPECT_FALSE(backend->ReadMeta(row)->has_value());
}

// A process that was killed while it staged leaves files that no database names.
TEST(RocksBackend, FilesLeftFromStagingGoWhenItIsOpenedOrDestroyed) {
  const TempDir dir;
  const RocksOptions options = SmallOptions(dir);
  const std::string left = options.dir + "/staged-values";
  MustOpen(options).reset();
  std::ofstream(left) << "half a table";
  auto backend = MustOpen(options);
  EXPECT_FALSE(fs::exists(left));
  backend.reset();
  std::ofstream(left) << "half a table";
  ASSERT_TRUE(RocksBackend::Destroy(options).ok());
  EXPECT_FALSE(fs::exists(options.dir));
}

// What a killed compaction leaves costs an opening no time: it goes later.
TEST(RocksBackend, UnfinishedTablesAreDeletedAfterTheOpening) {
  const TempDir dir;
  RocksOptions options = SmallOptions(dir);
  const auto faulty = std::make_shared<FaultyFs>();
  options.fs = faulty;
  MustOpen(options).reset();
  // Numbers that RocksDB will soon use.
  constexpr int kStrays = 6;
  int highest = 0;
  for (const auto& [name, contents] : Listing(options.dir)) {
    const size_t digits = name.find_first_of("0123456789");
    if (digits != std::string::npos) highest = std::max(highest, std::atoi(name.c_str() + digits));
  }
  for (int i = 1; i <= kStrays; ++i) {
    char name[32];
    std::snprintf(name, sizeof(name), "/%06d.sst", highest + 4 + i);
    std::ofstream(options.dir + name) << "half a table";
  }
  const auto left = [&] {
    int count = 0;
    for (const auto& [name, contents] : Listing(options.dir)) {
      EXPECT_FALSE(name.ends_with(".sst") && contents == "half a table") << name;
      count += name.starts_with("deleted-");
    }
    return count;
  };
  auto backend = MustOpen(options);
  EXPECT_EQ(left(), kStrays);
  for (Lsn lsn = 1; lsn < 64; ++lsn) {
    ASSERT_TRUE(PutOne(backend.get(), "a", "v", lsn).ok());
    EXPECT_EQ(left(), kStrays);
  }
  ASSERT_TRUE(PutOne(backend.get(), "a", "v", 64).ok());
  EXPECT_EQ(left(), kStrays - 1);
  ASSERT_TRUE(backend->FlushAll().ok());
  backend.reset();
  backend = MustOpen(options);  // finds the rest
  EXPECT_EQ(left(), kStrays - 1);
  backend->OnIdle();
  EXPECT_EQ(left(), 0);
  // A full disk does not wait for it.
  std::ofstream(options.dir + "/deleted-000001-sst") << "half a table";
  backend.reset();
  backend = MustOpen(options);
  ASSERT_TRUE(PutOne(backend.get(), "b", "v", 65).ok());
  faulty->FailAt(0, /*no_space=*/true, /*forever=*/true);
  EXPECT_FALSE(backend->FlushAll().ok());
  EXPECT_EQ(left(), 1);
  EXPECT_FALSE(backend->Resume().ok());
  EXPECT_EQ(left(), 0);
  faulty->Heal();
  ASSERT_TRUE(backend->Resume().ok());
  EXPECT_EQ(MustGet(backend.get(), "a"), "v");
  EXPECT_TRUE(backend->VerifyAll(nullptr).ok());
  backend.reset();
  std::ofstream(options.dir + "/deleted-000001-sst") << "left by a kill";
  ASSERT_TRUE(RocksBackend::Destroy(options).ok());
  EXPECT_FALSE(fs::exists(options.dir));
}

// A disk that stores other bytes than it was given, once, in the first block of a staged table.
class FlippingFs : public rocksdb::FileSystemWrapper {
 public:
  FlippingFs() : FileSystemWrapper(rocksdb::FileSystem::Default()) {}
  const char* Name() const override { return "FlippingFs"; }
  void Arm() { armed_ = true; }

  rocksdb::IOStatus NewWritableFile(const std::string& name, const rocksdb::FileOptions& options,
                                    std::unique_ptr<rocksdb::FSWritableFile>* file,
                                    rocksdb::IODebugContext* debug) override {
    const rocksdb::IOStatus opened = target()->NewWritableFile(name, options, file, debug);
    if (opened.ok() && name.ends_with("staged-values") && armed_.exchange(false)) {
      *file = std::make_unique<File>(std::move(*file));
    }
    return opened;
  }

 private:
  class File : public rocksdb::FSWritableFileOwnerWrapper {
   public:
    using FSWritableFileOwnerWrapper::FSWritableFileOwnerWrapper;
    rocksdb::IOStatus Append(const rocksdb::Slice& data, const rocksdb::IOOptions& options,
                             rocksdb::IODebugContext* debug) override {
      return FSWritableFileOwnerWrapper::Append(Flip(data), options, debug);
    }
    rocksdb::IOStatus Append(const rocksdb::Slice& data, const rocksdb::IOOptions& options,
                             const rocksdb::DataVerificationInfo&,
                             rocksdb::IODebugContext* debug) override {
      return Append(data, options, debug);
    }
    rocksdb::IOStatus PositionedAppend(const rocksdb::Slice& data, uint64_t offset,
                                       const rocksdb::IOOptions& options,
                                       rocksdb::IODebugContext* debug) override {
      return FSWritableFileOwnerWrapper::PositionedAppend(Flip(data), offset, options, debug);
    }
    rocksdb::IOStatus PositionedAppend(const rocksdb::Slice& data, uint64_t offset,
                                       const rocksdb::IOOptions& options,
                                       const rocksdb::DataVerificationInfo&,
                                       rocksdb::IODebugContext* debug) override {
      return PositionedAppend(data, offset, options, debug);
    }

   private:
    // Byte 20 of the file.
    rocksdb::Slice Flip(const rocksdb::Slice& data) {
      copy_ = data.ToString();
      if (at_ <= 20 && 20 < at_ + copy_.size()) copy_[20 - at_] ^= 1;
      at_ += copy_.size();
      return copy_;
    }
    size_t at_ = 0;
    std::string copy_;
  };

  std::atomic<bool> armed_{false};
};

TEST(RocksBackend, AStagedTableThatTheDiskDamagedIsNotTakenIn) {
  const TempDir dir;
  RocksOptions options = SmallOptions(dir);
  const auto flipping = std::make_shared<FlippingFs>();
  options.fs = flipping;
  auto backend = MustOpen(options);
  ASSERT_TRUE(PutOne(backend.get(), "old", "value", 1).ok());
  ColdBatch batch;
  for (uint64_t position = 10; position < 210; ++position) {
    ColdImage image;
    image.lsn = 2;
    batch.Put(0, position, "k" + std::to_string(position), image, std::string_view("v"), {});
  }
  flipping->Arm();
  ASSERT_TRUE(*backend->Stage(batch));
  const Status published = backend->Publish();
  EXPECT_EQ(published.code(), StatusCode::kCorruption) << published.ToString();
  backend->Unstage();
  // As after any failure it is opened anew, and the batch is staged again.
  backend.reset();
  backend = MustOpen(options);
  ASSERT_TRUE(*backend->Stage(batch));
  ASSERT_TRUE(backend->Publish().ok());
  EXPECT_EQ(MustGet(backend.get(), "old"), "value");
  for (const uint64_t position : {10, 11, 209}) {
    ColdHeader header;
    std::string payload;
    const auto found =
        backend->GetValue(0, position, "k" + std::to_string(position), &header, &payload);
    EXPECT_TRUE(found.ok() && *found && payload == "v") << position;
  }
}

// A GET of a cold value between inline and 16 KiB is one read of the disk, not two: the records of
// `values` stay where they are.
TEST(RocksBackend, AValueOfOneRowIsReadWithoutItsRecord) {
  const TempDir dir;
  RocksOptions options = SmallOptions(dir);
  options.block_cache_bytes = 64 << 20;
  constexpr uint64_t kKeys = 200;
  // Keys as long as the values: there are as many blocks of records as would be noticed.
  const auto name = [](uint64_t i) { return std::to_string(i) + std::string(1000, 'k'); };
  {
    auto backend = MustOpen(options);
    WriteRandomValues(backend.get(), kKeys, name);
  }
  auto backend = MustOpen(options);
  const auto misses_of = [&](auto&& read) {
    const uint64_t before = backend->Stats().cache_misses;
    for (uint64_t i = 1; i <= kKeys; ++i) read(i);
    return backend->Stats().cache_misses - before;
  };
  ColdHeader header;
  std::string payload;
  const uint64_t values = misses_of([&](uint64_t i) {
    EXPECT_TRUE(*backend->GetValue(0, i << 40, name(i), &header, &payload));
    EXPECT_EQ(payload.size(), 1000u);
    EXPECT_FALSE(header.payload_inline);
    EXPECT_EQ(header.lsn, i);
  });
  const uint64_t headers = misses_of(
      [&](uint64_t i) { EXPECT_TRUE(*backend->GetHeader(0, i << 40, name(i), &header, nullptr)); });
  EXPECT_GE(values, kKeys / 3);
  EXPECT_GE(headers, kKeys / 8) << "the records had been read";
}

// What was read is in the hot tier: its block is not kept, but the pieces of the index are.
TEST(RocksBackend, ReadingValuesFillsTheCacheWithTheIndexNotWithTheValues) {
  const TempDir dir;
  RocksOptions options = SmallOptions(dir);
  options.block_cache_bytes = 64 << 20;
  constexpr uint64_t kKeys = 800;
  {
    auto backend = MustOpen(options);
    WriteRandomValues(backend.get(), kKeys, [](uint64_t i) { return std::to_string(i); });
    // Of level 0 the index is always in the cache.
    ASSERT_TRUE(backend->CompactRange(0, nullptr).ok());
  }
  auto backend = MustOpen(options);
  const auto misses_of_a_pass = [&] {
    const uint64_t before = backend->Stats().cache_misses;
    ColdHeader header;
    std::string payload;
    for (uint64_t i = 1; i <= kKeys; ++i) {
      EXPECT_TRUE(*backend->GetValue(0, i << 40, std::to_string(i), &header, &payload));
    }
    return backend->Stats().cache_misses - before;
  };
  misses_of_a_pass();
  const uint64_t misses = misses_of_a_pass();
  EXPECT_GE(misses, kKeys / 3);
  EXPECT_LE(misses, kKeys);  // one of the index besides, and it would be twice as many
}

TEST(RocksBackend, AHeaderWrittenAloneReachesTheWholeRecord) {
  const TempDir dir;
  const RocksOptions options = SmallOptions(dir);
  auto backend = MustOpen(options);
  bool replaces = false;
  for (const size_t length : {codec::kMaxInlinePayload + 1, codec::kMaxWholePayload - 20,
                              codec::kMaxWholePayload, codec::kMaxWholePayload + 1,
                              codec::kMaxWholePayload + 30, 3 * codec::kMaxPayloadChunk + 1}) {
    SCOPED_TRACE(length);
    const std::string payload(length, 'p');
    Lsn lsn = length << 10;
    ColdImage image;
    image.lsn = lsn;
    ColdBatch batch;
    batch.Put(0, 7, "key", image, std::string_view(payload), {0, replaces});
    replaces = true;
    ASSERT_TRUE(backend->Write(batch).ok());
    for (int step = 0; step < 6; ++step) {
      if (step == 3) {
        ASSERT_TRUE(backend->FlushAll().ok());
        backend.reset();
        backend = MustOpen(options);
      }
      if (step == 5) {
        ASSERT_TRUE(backend->FlushAll().ok());
        ASSERT_TRUE(backend->CompactRange(0, nullptr).ok());
      }
      ColdHeader header;
      std::string read;
      ASSERT_TRUE(*backend->GetValue(0, 7, "key", &header, &read)) << step;
      EXPECT_EQ(read, payload);
      EXPECT_EQ(header.lsn, lsn);
      EXPECT_EQ(header.access, image.access);
      EXPECT_EQ(header.length, length);
      if (step == 4) continue;
      image.lsn = ++lsn;
      image.access = static_cast<uint32_t>(step);
      batch.Clear();
      batch.PutHeader(0, 7, "key", image, length, {0, true});
      ASSERT_TRUE(backend->Write(batch).ok());
    }
  }
}

TEST(RocksBackend, HighNeverFalls) {
  const TempDir dir;
  auto backend = MustOpen(SmallOptions(dir));
  ASSERT_TRUE(PutOne(backend.get(), "a", "x", 100).ok());
  ASSERT_TRUE(PutOne(backend.get(), "b", "x", 50).ok());
  EXPECT_EQ(*codec::DecodeMetaHigh(**backend->ReadMeta(codec::kMetaHigh)), 100u);
}

TEST(RocksBackend, AnotherFormatVersionIsRefusedAndLeftAlone) {
  const TempDir dir;
  const RocksOptions options = SmallOptions(dir);
  {
    auto backend = MustOpen(options);
    ASSERT_TRUE(backend->WriteMeta(codec::kMetaFormat, codec::EncodeMetaFormat(77)).ok());
    ASSERT_TRUE(backend->FlushAll().ok());
  }
  const auto before = Listing(options.dir);
  const auto refused = RocksBackend::Open(options);
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.status().code(), StatusCode::kUnsupported);
  const std::string message(refused.status().message());
  EXPECT_NE(message.find("77"), std::string::npos) << message;
  EXPECT_NE(message.find(std::to_string(codec::kColdFormatVersion)), std::string::npos) << message;
  EXPECT_NE(message.find(options.dir), std::string::npos) << message;
  EXPECT_EQ(Listing(options.dir), before);
}

TEST(RocksBackend, AnotherDatabaseIsRefusedAndLeftAlone) {
  const TempDir dir;
  const RocksOptions options = SmallOptions(dir);
  {
    rocksdb::Options foreign;
    foreign.create_if_missing = true;
    rocksdb::DB* raw = nullptr;
    ASSERT_TRUE(rocksdb::DB::Open(foreign, options.dir, &raw).ok());
    const std::unique_ptr<rocksdb::DB> db(raw);
    ASSERT_TRUE(db->Put({}, "somebody", "else").ok());
    ASSERT_TRUE(db->Flush({}).ok());
  }
  const auto before = Listing(options.dir);
  const auto refused = RocksBackend::Open(options);
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.status().code(), StatusCode::kUnsupported);
  EXPECT_EQ(Listing(options.dir), before);
}

TEST(RocksBackend, ACreationCutShortIsFinished) {
  const TempDir dir;
  const RocksOptions options = SmallOptions(dir);
  {
    rocksdb::Options bare;
    bare.create_if_missing = true;
    rocksdb::DB* raw = nullptr;
    ASSERT_TRUE(rocksdb::DB::Open(bare, options.dir, &raw).ok());
    delete raw;
  }
  auto backend = MustOpen(options);
  ASSERT_TRUE(PutOne(backend.get(), "a", "x", 1).ok());
  EXPECT_EQ(MustGet(backend.get(), "a"), "x");
}

TEST(RocksBackend, ASecondOpenIsBusyAndHarmless) {
  const TempDir dir;
  const RocksOptions options = SmallOptions(dir);
  auto backend = MustOpen(options);
  ASSERT_TRUE(PutOne(backend.get(), "a", "x", 1).ok());
  const auto second = RocksBackend::Open(options);
  ASSERT_FALSE(second.ok());
  EXPECT_EQ(second.status().code(), StatusCode::kBusy) << second.status().ToString();
  ASSERT_TRUE(backend->FlushAll().ok());
  EXPECT_EQ(MustGet(backend.get(), "a"), "x");
}

TEST(RocksBackend, AnotherProcessHoldingItIsBusy) {
  const TempDir dir;
  const RocksOptions options = SmallOptions(dir);
  { auto backend = MustOpen(options); }
  int ready[2];
  int done[2];
  ASSERT_EQ(pipe(ready), 0);
  ASSERT_EQ(pipe(done), 0);
  const pid_t child = fork();
  if (child == 0) {
    // Only a lock, taken the way RocksDB takes it: fork and threads do not mix.
    struct flock lock = {};
    lock.l_type = F_WRLCK;
    lock.l_whence = SEEK_SET;
    const int fd = open((options.dir + "/LOCK").c_str(), O_RDWR);
    const char ok = fcntl(fd, F_SETLK, &lock) == 0 ? 'y' : 'n';
    if (write(ready[1], &ok, 1) != 1) _exit(1);
    char c;
    if (read(done[0], &c, 1) < 0) _exit(1);
    _exit(0);
  }
  char ok = 'n';
  ASSERT_EQ(read(ready[0], &ok, 1), 1);
  EXPECT_EQ(ok, 'y');
  const auto before = Listing(options.dir);
  const auto refused = RocksBackend::Open(options);
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.status().code(), StatusCode::kBusy) << refused.status().ToString();
  EXPECT_EQ(Listing(options.dir), before);
  ASSERT_EQ(write(done[1], "x", 1), 1);
  waitpid(child, nullptr, 0);
  EXPECT_NE(MustOpen(options), nullptr);
}

TEST(RocksBackend, AMissingCurrentIsNotAnEmptyDatabase) {
  const TempDir dir;
  const RocksOptions options = SmallOptions(dir);
  {
    auto backend = MustOpen(options);
    ASSERT_TRUE(PutOne(backend.get(), "a", "x", 1).ok());
    ASSERT_TRUE(backend->FlushAll().ok());
  }
  fs::remove(options.dir + "/CURRENT");
  const auto refused = RocksBackend::Open(options);
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.status().code(), StatusCode::kCorruption);
  EXPECT_NE(refused.status().ToString().find("CURRENT"), std::string::npos);
}

TEST(RocksBackend, DestroyLeavesNothing) {
  const TempDir dir;
  const RocksOptions options = SmallOptions(dir);
  EXPECT_TRUE(RocksBackend::Destroy(options).ok());
  {
    auto backend = MustOpen(options);
    ASSERT_TRUE(PutOne(backend.get(), "a", std::string(200'000, 'x'), 1).ok());
    ASSERT_TRUE(backend->FlushAll().ok());
  }
  ASSERT_TRUE(RocksBackend::Destroy(options).ok());
  auto backend = MustOpen(options);
  EXPECT_EQ(MustGet(backend.get(), "a"), "(none)");
}

// Every byte of a table is covered: by a block's checksum when it is read, by the file's in
// VerifyAll.
TEST(RocksBackend, AFlippedBitIsFoundAndItsFileNamed) {
  const TempDir dir;
  RocksOptions options = SmallOptions(dir);
  options.blob_bytes_min = 2000;
  ColdWorkload work(5, 5'000);
  {
    auto backend = MustOpen(options);
    for (int i = 0; i < 10; ++i) {
      ColdBatch batch;
      work.FillBatch(&batch, 100);
      ASSERT_TRUE(backend->Write(batch).ok());
    }
    ASSERT_TRUE(backend->FlushAll().ok());
    ASSERT_TRUE(backend->VerifyAll(nullptr).ok());
  }
  Random random(6);
  int tables = 0;
  int blobs = 0;
  int met_by_reads = 0;
  for (const auto& [name, contents] : Listing(options.dir)) {
    const bool blob = name.ends_with(".blob");
    if (!blob && !name.ends_with(".sst")) continue;
    ++(blob ? blobs : tables);
    for (int i = 0; i < 6; ++i) {
      const size_t byte = random.Uniform(contents.size());
      SCOPED_TRACE(testing::Message() << name << " byte " << byte << " of " << contents.size());
      std::string damaged = contents;
      damaged[byte] = static_cast<char>(damaged[byte] ^ (1 << random.Uniform(8)));
      std::ofstream(options.dir + "/" + name, std::ios::binary) << damaged;
      auto backend = RocksBackend::Open(options);
      Status status = backend.status();
      if (backend.ok()) {
        status = (*backend)->VerifyAll(nullptr);
        EXPECT_FALSE(status.ok());
        // Reads answer right or not at all.
        for (const auto& [key, entry] : work.entries()) {
          ColdHeader header;
          std::string payload;
          const auto found = (*backend)->GetValue(std::get<0>(key), std::get<1>(key),
                                                  std::get<2>(key), &header, &payload);
          if (!found.ok()) {
            ++met_by_reads;
            EXPECT_EQ(found.status().code(), StatusCode::kCorruption) << found.status().ToString();
            continue;
          }
          EXPECT_TRUE(*found);
          EXPECT_EQ(header.lsn, entry.lsn);
          EXPECT_EQ(payload.size(), entry.length);
        }
      }
      EXPECT_EQ(status.code(), StatusCode::kCorruption) << status.ToString();
      EXPECT_NE(status.ToString().find(name), std::string::npos) << status.ToString();
      std::ofstream(options.dir + "/" + name, std::ios::binary) << contents;
    }
  }
  EXPECT_GT(tables, 2);
  EXPECT_GT(blobs, 0);
  EXPECT_GT(met_by_reads, 0);
}

// The first thing that differs, or nothing.
std::string Difference(ColdBackend* backend, ColdBackend* model) {
  for (uint64_t id = 0; id < 3; ++id) {
    const std::string where = " of id " + std::to_string(id);
    const ColdScanRange all{id, 0, codec::kMaxPosition, 1'000'000, true};
    const auto got = backend->ScanRange(all);
    const auto want = model->ScanRange(all);
    if (!got.ok()) return got.status().ToString();
    if (got->rows.size() != want->rows.size()) {
      return std::to_string(got->rows.size()) + " rows instead of " +
             std::to_string(want->rows.size()) + where;
    }
    for (size_t i = 0; i < got->rows.size(); ++i) {
      if (got->rows[i].key != want->rows[i].key || got->rows[i].header != want->rows[i].header ||
          got->rows[i].payload != want->rows[i].payload) {
        return "row " + std::to_string(i) + where;
      }
    }
    if (*backend->ReadCounts(id) != *model->ReadCounts(id)) return "counts" + where;
    const auto rows = backend->ExpiredRows(id, UINT64_MAX, 1'000'000);
    if (!rows.ok() || *rows != *model->ExpiredRows(id, UINT64_MAX, 1'000'000)) {
      return "expiry" + where;
    }
  }
  return "";
}

// A call that changes the disk fails, or all from it on, while the store works; then the disk is
// back: nothing may be missing, without a reopen and after one. Returns how many calls there were.
uint64_t RunWithFailureAt(int64_t n, bool no_space, bool forever) {
  const TempDir dir;
  auto faulty = std::make_shared<FaultyFs>();
  RocksOptions options = SmallOptions(dir);
  options.fs = faulty;
  options.blob_bytes_min = 4096;
  auto rocks = MustOpen(options);
  if (rocks == nullptr) return 0;
  FakeColdBackend model;
  ColdStoreOptions store_options;
  store_options.background = false;
  auto store = std::make_unique<ColdStore>(rocks.get(), store_options);
  ColdWorkload work(900, 20'000);
  const uint64_t calls_before = faulty->calls();
  faulty->FailAt(n, no_space, forever);
  size_t batches = 0;
  for (int round = 0; round < 8; ++round) {
    ColdBatch batch;
    work.FillBatch(&batch, 40);
    const bool checkpoint = round % 3 == 2;
    if (checkpoint) batch.SetCheckpoint("c", work.lsn() + 1);
    EXPECT_TRUE(model.Write(batch).ok());
    EXPECT_TRUE(model.DropGravesBelow(checkpoint ? work.lsn() + 1 : 0).ok());
    store->Enqueue(std::move(batch));
    ++batches;
    store->RunUntilIdle();
    if (round % 2 == 0) continue;
    for (ColdBatch& part : work.Sweep(3, 60)) {
      EXPECT_TRUE(model.Write(part).ok());
      store->Enqueue(std::move(part));
      ++batches;
    }
    store->RunUntilIdle();
  }
  const uint64_t calls = faulty->calls() - calls_before;
  EXPECT_EQ(faulty->failures() > 0, n >= 0) << "the failure was not met";
  faulty->Heal();
  // The next call may be enough; a background flush under way may need another.
  for (int i = 0; i < 100 && (store->queued_batches() > 0 || !store->healthy()); ++i) {
    store->RunUntilIdle();
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  EXPECT_EQ(store->queued_batches(), 0u) << store->error().ToString();
  EXPECT_TRUE(store->healthy()) << store->error().ToString();
  std::vector<ColdBatch> landed;
  EXPECT_EQ(store->DrainLanded(&landed), batches);
  EXPECT_TRUE(rocks->FlushAll().ok());
  store.reset();
  EXPECT_TRUE(model.Violations().empty());
  const std::string difference = Difference(rocks.get(), &model);
  EXPECT_EQ(difference, "") << "before a reopen";
  rocks.reset();
  rocks = MustOpen(options);
  if (rocks == nullptr) return calls;
  EXPECT_EQ(Difference(rocks.get(), &model), "") << "after a reopen";
  return calls;
}

// Points of failure spread over the workload; THERMOCLINE_EXHAUSTIVE=1 takes every one (RocksDB
// sleeps a second after each failed flush).
void FailCalls(bool no_space, bool forever, int64_t points) {
  const auto calls = static_cast<int64_t>(RunWithFailureAt(-1, no_space, forever));
  ASSERT_GT(calls, 50);
  const bool all = std::getenv("THERMOCLINE_EXHAUSTIVE") != nullptr;
  // Close to the end the number of calls varies with what background work was still waiting.
  const int64_t last = calls * 9 / 10;
  const int64_t step = all ? 1 : std::max<int64_t>(1, last / points);
  for (int64_t n = (no_space ? 1 : 0) + (forever ? 2 : 0); n < last; n += step) {
    SCOPED_TRACE(testing::Message()
                 << "call " << n << " of " << calls << (no_space ? " ENOSPC" : " EIO")
                 << (forever ? " from then on" : " once"));
    RunWithFailureAt(n, no_space, forever);
    if (testing::Test::HasFailure()) return;
  }
}

TEST(RocksBackend, NothingIsLostWhenACallFailsWithEio) { FailCalls(false, false, 7); }
TEST(RocksBackend, NothingIsLostWhenACallFailsWithEnospc) { FailCalls(true, false, 4); }
TEST(RocksBackend, NothingIsLostWhenTheDiskIsBrokenForAWhile) { FailCalls(false, true, 3); }
TEST(RocksBackend, NothingIsLostWhenTheDiskIsFullForAWhile) { FailCalls(true, true, 4); }

TEST(RocksBackend, AFullDiskIsReportedAsSuch) {
  const TempDir dir;
  auto faulty = std::make_shared<FaultyFs>();
  RocksOptions options = SmallOptions(dir);
  options.fs = faulty;
  auto backend = MustOpen(options);
  ASSERT_TRUE(PutOne(backend.get(), "a", "x", 1).ok());
  faulty->FailAt(0, true, true);
  EXPECT_EQ(backend->FlushAll().code(), StatusCode::kNoSpace);
  EXPECT_EQ(backend->BackgroundError().code(), StatusCode::kNoSpace);
  EXPECT_FALSE(backend->Resume().ok());
  // Reads go on, of what could not be flushed, too.
  EXPECT_EQ(MustGet(backend.get(), "a"), "x");
  faulty->Heal();
  EXPECT_TRUE(backend->Resume().ok());
  EXPECT_TRUE(backend->BackgroundError().ok());
  EXPECT_EQ(MustGet(backend.get(), "a"), "x");
  EXPECT_TRUE(backend->FlushAll().ok());
}

// The database is exchanged under the readers.
TEST(RocksBackend, ReadersGoOnWhileTheDatabaseIsOpenedAnew) {
  const TempDir dir;
  auto faulty = std::make_shared<FaultyFs>();
  RocksOptions options = SmallOptions(dir);
  options.fs = faulty;
  auto backend = MustOpen(options);
  ASSERT_TRUE(PutOne(backend.get(), "a", std::string(5000, 'x'), 1).ok());
  std::atomic<bool> stop{false};
  std::vector<std::thread> readers;
  for (int i = 0; i < 4; ++i) {
    readers.emplace_back([&] {
      while (!stop.load()) {
        ColdHeader header;
        std::string payload;
        const auto found = backend->GetValue(0, 7, "a", &header, &payload);
        ASSERT_TRUE(found.ok()) << found.status().ToString();
        ASSERT_TRUE(*found && payload.size() == 5000);
        ASSERT_TRUE(backend->ScanRange({0, 0, codec::kMaxPosition, 10, true}).ok());
        std::this_thread::yield();
      }
    });
  }
  for (int round = 0; round < 3; ++round) {
    ASSERT_TRUE(PutOne(backend.get(), "b", "y", 2 + round).ok());
    faulty->FailAt(0, true, true);
    EXPECT_FALSE(backend->FlushAll().ok());
    faulty->Heal();
    EXPECT_TRUE(backend->Resume().ok());
    EXPECT_EQ(MustGet(backend.get(), "b"), "y");
  }
  stop = true;
  for (std::thread& reader : readers) reader.join();
  EXPECT_TRUE(backend->FlushAll().ok());
}

// Header and payload are always of one batch, whatever lands between the two reads.
TEST(RocksBackend, AReadBesideTheWriterSeesOneVersion) {
  const TempDir dir;
  auto backend = MustOpen(SmallOptions(dir));
  std::atomic<bool> stop{false};
  const auto put = [&](Lsn lsn) {
    ColdBatch batch;
    ColdImage image;
    image.lsn = lsn;
    // Length and content tell the version; sometimes inline, sometimes three chunks.
    const size_t size = lsn % 5 == 0    ? 100
                        : lsn % 29 == 0 ? (2 << 20) + lsn % 1000
                                        : 300 + lsn % 500;
    ColdPrevious previous;
    previous.has_chunks = lsn > 1 && (lsn - 1) % 5 != 0;
    batch.Put(0, 7, "k", image, std::string(size, static_cast<char>('a' + lsn % 26)), previous);
    ASSERT_TRUE(backend->Write(batch).ok());
  };
  put(1);
  std::vector<std::thread> readers;
  std::atomic<uint64_t> reads{0};
  for (int i = 0; i < 3; ++i) {
    readers.emplace_back([&] {
      while (!stop.load()) {
        ColdHeader header;
        std::string payload;
        const auto found = backend->GetValue(0, 7, "k", &header, &payload);
        ASSERT_TRUE(found.ok()) << found.status().ToString();
        ASSERT_TRUE(*found);
        ASSERT_EQ(payload.size(), header.length);
        const char want = static_cast<char>('a' + header.lsn % 26);
        ASSERT_EQ(payload.find_first_not_of(want), std::string::npos);
        ++reads;
        std::this_thread::yield();
      }
    });
  }
  for (Lsn lsn = 2; lsn < 200; ++lsn) put(lsn);
  stop = true;
  for (std::thread& reader : readers) reader.join();
  EXPECT_GT(reads.load(), 0u);
}

TEST(RocksBackend, ADroppedDatabaseGivesItsSpaceBack) {
  const TempDir dir;
  auto backend = MustOpen(SmallOptions(dir));
  Random random(8);
  for (int b = 0; b < 20; ++b) {
    ColdBatch batch;
    for (int i = 0; i < 100; ++i) {
      std::string payload(2000, '\0');
      for (char& c : payload) c = static_cast<char>(random.Next());
      ColdImage image;
      image.lsn = 1 + b;
      image.expire_ms = 5;
      batch.Put(i % 2, 1 + b * 100 + i, "key", image, std::move(payload), {});
    }
    ASSERT_TRUE(backend->Write(batch).ok());
  }
  ASSERT_TRUE(backend->FlushAll().ok());
  const uint64_t before = backend->Stats().disk_bytes;
  EXPECT_GT(before, 3'500'000u);
  ColdBatch drop;
  drop.DropDatabase(0);
  ASSERT_TRUE(backend->Write(drop).ok());
  ASSERT_TRUE(backend->CompactRange(0, nullptr).ok());
  EXPECT_LT(backend->Stats().disk_bytes, before * 6 / 10);
  EXPECT_TRUE(backend->ExpiredRows(0, 100, 10)->empty());
  EXPECT_EQ(backend->ScanRange({1, 0, codec::kMaxPosition, 100'000, false})->rows.size(), 1000u);
  EXPECT_TRUE(backend->VerifyAll(nullptr).ok());
}

TEST(RocksBackend, VerificationCanBeInterrupted) {
  const TempDir dir;
  auto backend = MustOpen(SmallOptions(dir));
  ASSERT_TRUE(PutOne(backend.get(), "a", "x", 1).ok());
  ASSERT_TRUE(backend->FlushAll().ok());
  const std::atomic<bool> cancel{true};
  EXPECT_EQ(backend->VerifyAll(&cancel).code(), StatusCode::kUnavailable);
}

TEST(RocksBackend, TheMemtableBudgetIsKept) {
  const TempDir dir;
  RocksOptions options = SmallOptions(dir);
  auto backend = MustOpen(options);
  Random random(9);
  uint64_t peak = 0;
  for (int b = 0; b < 300; ++b) {
    ColdBatch batch;
    for (int i = 0; i < 50; ++i) {
      ColdImage image;
      image.lsn = 1 + b;
      batch.Put(0, 1 + random.Uniform(1u << 30), "key", image, std::string(1500, 'x'), {});
    }
    ASSERT_TRUE(backend->Write(batch).ok());
    peak = std::max(peak, backend->Stats().memtable_bytes);
  }
  std::printf("peak of memtables %lu of a budget of %lu\n", static_cast<unsigned long>(peak),
              static_cast<unsigned long>(options.memtable_bytes));
  EXPECT_LE(peak, options.memtable_bytes * 3 / 2);
}

}  // namespace
}  // namespace thermocline::engine
