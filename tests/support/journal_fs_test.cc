// The test file system must itself be right: what survives a cut, which faults hit, RocksDB on top.
#include "tests/support/journal_fs.h"

#include <gtest/gtest.h>
#include <rocksdb/db.h>
#include <rocksdb/env.h>

#include <map>
#include <set>

#include "engine/cold/manifest_tail.h"

namespace thermocline::testing {
namespace {

using rocksdb::FileOptions;
using rocksdb::IOOptions;

const IOOptions kIo;

std::unique_ptr<rocksdb::FSWritableFile> Create(JournalFs& fs, const std::string& path) {
  std::unique_ptr<rocksdb::FSWritableFile> file;
  EXPECT_TRUE(fs.NewWritableFile(path, FileOptions(), &file, nullptr).ok());
  return file;
}

void SyncDirectory(JournalFs& fs, const std::string& path) {
  std::unique_ptr<rocksdb::FSDirectory> dir;
  ASSERT_TRUE(fs.NewDirectory(path, kIo, &dir, nullptr).ok());
  ASSERT_TRUE(dir->Fsync(kIo, nullptr).ok());
}

std::string Contents(const JournalFs& fs, const std::string& path) {
  std::string data;
  return fs.ReadAll(path, &data) ? data : "<missing>";
}

// A durable file "/f" of `sectors` sectors of 'a'.
std::shared_ptr<JournalFs> WithFile(int sectors) {
  auto fs = std::make_shared<JournalFs>();
  auto file = Create(*fs, "/f");
  EXPECT_TRUE(file->Append(std::string(512 * sectors, 'a'), kIo, nullptr).ok());
  EXPECT_TRUE(file->Sync(kIo, nullptr).ok());
  SyncDirectory(*fs, "/");
  return fs;
}

std::unique_ptr<rocksdb::FSRandomRWFile> OpenRw(JournalFs& fs, const std::string& path) {
  std::unique_ptr<rocksdb::FSRandomRWFile> file;
  EXPECT_TRUE(fs.NewRandomRWFile(path, FileOptions(), &file, nullptr).ok());
  return file;
}

TEST(JournalFs, SyncedDataAndNamesSurviveEveryMode) {
  auto fs = WithFile(3);
  for (LossMode mode : {LossMode::kLoseAll, LossMode::kKeepAll, LossMode::kTorn, LossMode::kRandom,
                        LossMode::kBySeed}) {
    for (uint64_t seed = 0; seed < 20; ++seed) {
      EXPECT_EQ(Contents(*fs->ImageAt(fs->seq(), seed, mode), "/f"), std::string(1536, 'a'));
    }
  }
}

TEST(JournalFs, UnsyncedDataMayBeLostKeptTornOrHoled) {
  auto fs = WithFile(4);
  auto file = OpenRw(*fs, "/f");
  ASSERT_TRUE(file->Write(0, std::string(2048, 'b'), kIo, nullptr).ok());
  EXPECT_EQ(Contents(*fs->ImageAt(fs->seq(), 1, LossMode::kLoseAll), "/f"), std::string(2048, 'a'));
  EXPECT_EQ(Contents(*fs->ImageAt(fs->seq(), 1, LossMode::kKeepAll), "/f"), std::string(2048, 'b'));
  std::set<std::string> torn;
  std::set<std::string> random;
  auto shape = [](const std::string& data) {
    std::string shape;
    for (size_t i = 0; i < data.size(); i += 512) {
      EXPECT_EQ(data.substr(i, 512), std::string(512, data[i])) << "a torn sector";
      shape.push_back(data[i]);
    }
    return shape;
  };
  for (uint64_t seed = 0; seed < 300; ++seed) {
    torn.insert(shape(Contents(*fs->ImageAt(fs->seq(), seed, LossMode::kTorn), "/f")));
    random.insert(shape(Contents(*fs->ImageAt(fs->seq(), seed, LossMode::kRandom), "/f")));
  }
  EXPECT_EQ(torn, (std::set<std::string>{"baaa", "bbaa", "bbba", "bbbb"}));
  EXPECT_EQ(random.size(), 16u);
}

TEST(JournalFs, ASectorHoldsAPrefixOfItsWrites) {
  auto fs = WithFile(1);
  auto file = OpenRw(*fs, "/f");
  ASSERT_TRUE(file->Write(0, "1", kIo, nullptr).ok());
  ASSERT_TRUE(file->Write(1, "2", kIo, nullptr).ok());
  std::set<std::string> seen;
  for (uint64_t seed = 0; seed < 100; ++seed) {
    seen.insert(Contents(*fs->ImageAt(fs->seq(), seed, LossMode::kRandom), "/f").substr(0, 2));
  }
  EXPECT_EQ(seen, (std::set<std::string>{"aa", "1a", "12"}));
}

TEST(JournalFs, NamesNeedADirectorySync) {
  auto fs = std::make_shared<JournalFs>();
  auto file = Create(*fs, "/x");
  ASSERT_TRUE(file->Append("data", kIo, nullptr).ok());
  ASSERT_TRUE(file->Sync(kIo, nullptr).ok());
  EXPECT_EQ(Contents(*fs->ImageAt(fs->seq(), 1, LossMode::kLoseAll), "/x"), "<missing>");
  SyncDirectory(*fs, "/");
  EXPECT_EQ(Contents(*fs->ImageAt(fs->seq(), 1, LossMode::kLoseAll), "/x"), "data");
  ASSERT_TRUE(fs->RenameFile("/x", "/y", kIo, nullptr).ok());
  std::set<bool> renamed;
  for (uint64_t seed = 0; seed < 50; ++seed) {
    auto image = fs->ImageAt(fs->seq(), seed, LossMode::kRandom);
    EXPECT_NE(Contents(*image, "/x"), Contents(*image, "/y")) << "exactly one name";
    renamed.insert(Contents(*image, "/y") == "data");
  }
  EXPECT_EQ(renamed.size(), 2u);
}

TEST(JournalFs, AFailedSyncLeavesDirtySectorsThatALaterSyncDoesNotCover) {
  auto fs = WithFile(2);
  auto file = OpenRw(*fs, "/f");
  ASSERT_TRUE(file->Write(0, std::string(512, 'b'), kIo, nullptr).ok());
  fs->AddFault({.kinds = kFaultSync, .path_part = "/f"});
  EXPECT_FALSE(file->Sync(kIo, nullptr).ok());
  ASSERT_TRUE(file->Write(512, std::string(512, 'c'), kIo, nullptr).ok());
  EXPECT_TRUE(file->Sync(kIo, nullptr).ok());
  EXPECT_EQ(Contents(*fs, "/f"), std::string(512, 'b') + std::string(512, 'c'));
  EXPECT_EQ(Contents(*fs->ImageAt(fs->seq(), 1, LossMode::kLoseAll), "/f"),
            std::string(512, 'a') + std::string(512, 'c'));
  // Written again, it is covered again.
  ASSERT_TRUE(file->Write(0, std::string(512, 'b'), kIo, nullptr).ok());
  EXPECT_TRUE(file->Sync(kIo, nullptr).ok());
  EXPECT_EQ(Contents(*fs->ImageAt(fs->seq(), 1, LossMode::kLoseAll), "/f"),
            std::string(512, 'b') + std::string(512, 'c'));
}

TEST(JournalFs, FaultsHitTheNthCallOnceOrFromThenOn) {
  auto fs = WithFile(1);
  auto file = OpenRw(*fs, "/f");
  fs->AddFault({.kinds = kFaultWrite, .nth = 2});
  EXPECT_TRUE(file->Write(0, "x", kIo, nullptr).ok());
  EXPECT_TRUE(file->Write(0, "y", kIo, nullptr).IsIOError());
  EXPECT_TRUE(file->Write(0, "z", kIo, nullptr).ok());
  fs->ClearFaults();
  fs->AddFault({.kinds = kFaultWrite,
                .path_part = "/f",
                .nth = 2,
                .from_then_on = true,
                .error = FaultError::kNoSpace,
                .torn = true});
  EXPECT_TRUE(file->Write(0, std::string(1024, '1'), kIo, nullptr).ok());
  EXPECT_TRUE(file->Write(0, std::string(1024, '2'), kIo, nullptr).IsNoSpace());
  EXPECT_TRUE(file->Write(0, "efgh", kIo, nullptr).IsNoSpace());
  EXPECT_EQ(Contents(*fs, "/f"), std::string(512, '2') + std::string(512, '1'));
}

TEST(JournalFs, AFullDiskRefusesGrowthButNotOverwriting) {
  auto fs = WithFile(1);
  fs->SetQuota(600);
  uint64_t free = 0;
  ASSERT_TRUE(fs->GetFreeSpace("/", kIo, &free, nullptr).ok());
  EXPECT_EQ(free, 88u);
  auto file = OpenRw(*fs, "/f");
  EXPECT_TRUE(file->Write(0, std::string(512, 'n'), kIo, nullptr).ok());
  EXPECT_TRUE(file->Write(500, std::string(200, 'n'), kIo, nullptr).IsNoSpace());
  EXPECT_LE(fs->UsedBytes(), 600u);
  fs->SetQuota(UINT64_MAX);
  EXPECT_TRUE(file->Write(500, std::string(200, 'n'), kIo, nullptr).ok());
}

TEST(JournalFs, FlipBitChangesOneBit) {
  auto fs = WithFile(1);
  EXPECT_TRUE(fs->FlipBit("/f", 5, 1));
  EXPECT_EQ(Contents(*fs, "/f").substr(4, 3), "aca");
  EXPECT_FALSE(fs->FlipBit("/f", 512, 0));
  EXPECT_FALSE(fs->FlipBit("/g", 0, 0));
}

TEST(JournalFs, RocksDbKeepsFlushedDataOverEveryCut) {
  auto fs = std::make_shared<JournalFs>();
  std::unique_ptr<rocksdb::Env> env = rocksdb::NewCompositeEnv(fs);
  auto options_on = [](rocksdb::Env* e) {
    rocksdb::Options options;
    options.create_if_missing = true;
    options.env = e;
    options.write_buffer_size = 64 << 10;
    options.level0_file_num_compaction_trigger = 2;
    options.use_direct_reads = true;
    options.use_direct_io_for_flush_and_compaction = true;
    return options;
  };
  ASSERT_TRUE(fs->CreateDir("/db", kIo, nullptr).ok());
  SyncDirectory(*fs, "/");
  // After each flush: everything written so far is durable at that point.
  std::map<uint64_t, int> durable_at{{0, 0}};
  rocksdb::DB* raw = nullptr;
  ASSERT_TRUE(rocksdb::DB::Open(options_on(env.get()), "/db", &raw).ok());
  std::unique_ptr<rocksdb::DB> db(raw);
  rocksdb::WriteOptions no_wal;
  no_wal.disableWAL = true;
  int written = 0;
  for (int round = 0; round < 6; ++round) {
    for (int i = 0; i < 50; ++i, ++written) {
      ASSERT_TRUE(db->Put(no_wal, "key" + std::to_string(written), std::string(300, 'v')).ok());
    }
    ASSERT_TRUE(db->Flush(rocksdb::FlushOptions()).ok());
    durable_at[fs->seq()] = written;
  }
  ASSERT_TRUE(db->CompactRange(rocksdb::CompactRangeOptions(), nullptr, nullptr).ok());
  db.reset();
  const uint64_t end = fs->seq();
  ASSERT_GT(end, 50u);
  for (uint64_t point = 0; point <= end; ++point) {
    auto image = fs->ImageAt(point, point * 7919, LossMode::kBySeed);
    std::unique_ptr<rocksdb::Env> image_env = rocksdb::NewCompositeEnv(image);
    const int expected = std::prev(durable_at.upper_bound(point))->second;
    // RocksDB refuses a MANIFEST whose unsynced end was torn, as a compaction's may be at any point
    // here; the database is opened as the cold tier opens it.
    const auto cut = engine::CutTornManifestTail(image, "/db");
    ASSERT_TRUE(cut.ok() || expected == 0) << cut.ToString() << " at " << fs->Describe(point);
    rocksdb::DB* reopened = nullptr;
    const rocksdb::Status s = rocksdb::DB::Open(options_on(image_env.get()), "/db", &reopened);
    if (!s.ok()) {
      // Before the first flush the database may not be there as a whole.
      ASSERT_EQ(expected, 0) << s.ToString() << " at " << fs->Describe(point);
      continue;
    }
    std::unique_ptr<rocksdb::DB> guard(reopened);
    std::string value;
    for (int i = 0; i < expected; ++i) {
      ASSERT_TRUE(reopened->Get(rocksdb::ReadOptions(), "key" + std::to_string(i), &value).ok())
          << i << " at " << fs->Describe(point);
    }
  }
}

}  // namespace
}  // namespace thermocline::testing
