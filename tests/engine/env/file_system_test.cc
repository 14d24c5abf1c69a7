// Helpers on the file system: atomic replacement, locks, limits, and what they say when the disk
// fails.

#include "engine/env/file_system.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include "engine/env/clock.h"
#include "tests/support/journal_fs.h"
#include "tests/support/temp_dir.h"

namespace thermocline::engine {
namespace {

using testing::FaultError;
using testing::JournalFs;
using testing::LossMode;

TEST(Clock, MonotonicTimeDoesNotRunBackwards) {
  Clock* clock = RealClock::Get();
  int64_t last = clock->MonotonicUs();
  for (int i = 0; i < 1000; ++i) {
    const int64_t now = clock->MonotonicUs();
    ASSERT_GE(now, last);
    last = now;
  }
  EXPECT_GT(clock->WallMs(), 1'600'000'000'000);
}

TEST(FileSystem, WritesAndReadsBackOnTheRealDisk) {
  TempDir dir;
  const FileSystemPtr fs = DefaultFileSystem();
  ASSERT_TRUE(CreateDirDurably(fs, dir.path() + "/sub/").ok());
  const std::string path = JoinPath(dir.path() + "/sub", "file");
  ASSERT_TRUE(WriteFileAtomically(fs, path, "one").ok());
  ASSERT_TRUE(WriteFileAtomically(fs, path, "two").ok());
  EXPECT_EQ(*ReadWholeFile(fs, path), "two");
  EXPECT_EQ(*ListDir(fs, dir.path() + "/sub"), std::vector<std::string>{"file"});
  EXPECT_TRUE(*FileExists(fs, path));
  EXPECT_FALSE(*FileExists(fs, path + "x"));
  EXPECT_EQ(ReadWholeFile(fs, path, 2).status().code(), codec::StatusCode::kInvalidArgument);
  EXPECT_EQ(ReadWholeFile(fs, path + "x").status().code(), codec::StatusCode::kNotFound);
  EXPECT_GT(*FreeSpace(fs, dir.path()), 0u);
}

TEST(FileSystem, AnAtomicWriteIsAllOrNothingOverEveryCut) {
  auto fs = std::make_shared<JournalFs>();
  ASSERT_TRUE(CreateDirDurably(fs, "/d").ok());
  const std::string first(1000, '1');
  const std::string second(2000, '2');
  ASSERT_TRUE(WriteFileAtomically(fs, "/d/f", first).ok());
  const uint64_t begin = fs->seq();
  ASSERT_TRUE(WriteFileAtomically(fs, "/d/f", second).ok());
  for (uint64_t point = begin; point <= fs->seq(); ++point) {
    for (uint64_t seed = 0; seed < 50; ++seed) {
      std::string found;
      ASSERT_TRUE(fs->ImageAt(point, seed, LossMode::kBySeed)->ReadAll("/d/f", &found));
      if (point == fs->seq()) {
        ASSERT_EQ(found, second);
      } else {
        ASSERT_TRUE(found == first || found == second) << fs->Describe(point);
      }
    }
  }
}

TEST(FileSystem, AFailedAtomicWriteLeavesTheOldFile) {
  for (uint64_t nth = 1; nth <= 5; ++nth) {
    auto fs = std::make_shared<JournalFs>();
    ASSERT_TRUE(CreateDirDurably(fs, "/d").ok());
    ASSERT_TRUE(WriteFileAtomically(fs, "/d/f", "old").ok());
    fs->AddFault({.kinds = testing::kFaultMutations & ~uint32_t{testing::kFaultDelete},
                  .nth = nth,
                  .error = FaultError::kNoSpace});
    const Status status = WriteFileAtomically(fs, "/d/f", "new");
    EXPECT_EQ(status.code(), codec::StatusCode::kNoSpace) << nth;
    std::string found;
    ASSERT_TRUE(fs->ReadAll("/d/f", &found));
    EXPECT_EQ(found, nth < 5 ? "old" : "new") << nth;  // the fifth call is the directory's sync
  }
}

TEST(DirLock, ASecondHolderIsRefusedUntilTheFirstIsGone) {
  TempDir dir;
  const std::string path = dir.path() + "/LOCK";
  auto lock = DirLock::Acquire(DefaultFileSystem(), path);
  ASSERT_TRUE(lock.ok()) << lock.status().ToString();
  EXPECT_EQ(DirLock::Acquire(DefaultFileSystem(), path).status().code(), codec::StatusCode::kBusy);
  lock = Status::NotFound("released");
  EXPECT_TRUE(DirLock::Acquire(DefaultFileSystem(), path).ok());
  EXPECT_NE(DirLock::Acquire(DefaultFileSystem(), dir.path() + "/none/LOCK").status().code(),
            codec::StatusCode::kBusy);
}

TEST(DirLock, ALockHeldByAnotherProcessIsBusy) {
  TempDir dir;
  const std::string path = dir.path() + "/LOCK";
  int ready[2];
  int done[2];
  ASSERT_EQ(pipe(ready), 0);
  ASSERT_EQ(pipe(done), 0);
  const pid_t child = fork();
  if (child == 0) {
    const auto lock = DirLock::Acquire(DefaultFileSystem(), path);
    char byte = lock.ok() ? 'y' : 'n';
    if (write(ready[1], &byte, 1) != 1 || read(done[0], &byte, 1) != 1) _exit(1);
    _exit(0);
  }
  char byte = 0;
  ASSERT_EQ(read(ready[0], &byte, 1), 1);
  EXPECT_EQ(byte, 'y');
  EXPECT_EQ(DirLock::Acquire(DefaultFileSystem(), path).status().code(), codec::StatusCode::kBusy);
  ASSERT_EQ(write(done[1], "x", 1), 1);
  int status = 0;
  waitpid(child, &status, 0);
  EXPECT_EQ(status, 0);
}

}  // namespace
}  // namespace thermocline::engine
