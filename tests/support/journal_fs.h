// JournalFs: a file system in memory that remembers every mutation in order, so that a test can cut
// the power at any point, fail the n-th call, fill the disk or flip a bit. RocksDB and the log run
// on it.
//
// Which faults are fair (what a correct program must survive):
// - Sectors of 512 bytes are atomic: after a cut a sector holds its content after some prefix of
// the
//   writes to it since the file's last good sync; different sectors choose independently (torn
//   writes, holes, any order). A sector may not regress behind a good sync, nor mix two writes.
// - The size of a file after a cut is one it had since its last good sync; what was never written
// reads
//   as zeros.
// - Names (create, rename, link, delete) survive as a prefix, a directory each, of the operations
// since
//   that directory's last sync, as in a file system with a metadata journal. Syncing a file does
//   not make its name durable.
// - A failed sync is Linux's: the data stays readable, but the dirty sectors count as clean. A
// later good
//   sync does not cover them unless they are written again; after a cut they may be there or not.
// - A failed write may have written a prefix, up to a sector's boundary.
// Not fair, so not done: corrupting synced data by itself (FlipBit does it on request), lying
// syncs.
//
// Direct I/O and mmap flags are ignored. Thread-safe; one mutex. Paths are normalised ("//",
// trailing
// "/"); directories must exist. LockFile excludes within one JournalFs; an image holds no locks.
#pragma once

#include <rocksdb/file_system.h>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace thermocline::testing {

/// What becomes of unsynced data and names at a power cut.
enum class LossMode : uint8_t {
  kLoseAll,  // nothing unsynced survives
  kKeepAll,  // everything does: what a killed process leaves
  kTorn,     // writes of a file up to a random one, which is torn at a sector; names up to a random
             // one
  kRandom,   // sector-wise, out of order
  kBySeed,   // the seed picks one of the above, too
};

/// Kinds of calls a fault can hit; combine with |.
enum FaultKind : uint32_t {
  kFaultCreate = 1 << 0,  // NewWritableFile, ReopenWritableFile of a new file, LinkFile
  kFaultOpen = 1 << 1,    // opening an existing file in any way
  kFaultWrite = 1 << 2,   // Append, Write at an offset, Truncate
  kFaultSync = 1 << 3,    // Sync, Fsync of a file
  kFaultDirSync = 1 << 4,
  kFaultRename = 1 << 5,
  kFaultDelete = 1 << 6,  // DeleteFile, DeleteDir
  kFaultRead = 1 << 7,
  kFaultMetadata = 1 << 8,  // exists, size, list, mkdir, lock
  kFaultMutations =
      kFaultCreate | kFaultWrite | kFaultSync | kFaultDirSync | kFaultRename | kFaultDelete,
  kFaultAny = 0xffffffff,
};

enum class FaultError : uint8_t { kIoError, kNoSpace };

struct FaultRule {
  uint32_t kinds = kFaultMutations;
  std::string path_part{};    // substring of the path; empty matches all
  uint64_t nth = 1;           // the first failing call, counted from 1 among matching ones
  bool from_then_on = false;  // all later matching calls fail, too, until ClearFaults()
  FaultError error = FaultError::kIoError;
  bool torn = false;  // a failing write leaves about half, up to a sector's boundary
};

class JournalFs : public rocksdb::FileSystem {
 public:
  static constexpr uint64_t kSectorBytes = 512;

  JournalFs();
  ~JournalFs() override;

  /// Number of mutations so far: a journal point. Point s is "after the first s mutations".
  uint64_t seq() const;
  /// One line about mutation number `index` (0-based), for messages: "12 write /log/1 @64 +100".
  std::string Describe(uint64_t index) const;

  /// The file system as a restarted machine finds it after a cut at point `seq`; everything in it
  /// is durable, its own journal is empty, there are no faults and the quota is unlimited. The same
  /// arguments give the same image. REQUIRES: seq <= seq().
  std::shared_ptr<JournalFs> ImageAt(uint64_t seq, uint64_t seed, LossMode mode) const;

  // --- Faults. ---
  void AddFault(FaultRule rule);
  void ClearFaults();
  /// Calls so far that a rule of these kinds and path would have matched since the last
  /// ResetCallCounts.
  uint64_t CallCount(uint32_t kinds, std::string_view path_part = {}) const;
  void ResetCallCounts();
  /// Bytes all files together may hold; growing writes beyond fail with ENOSPC. UINT64_MAX:
  /// unlimited.
  void SetQuota(uint64_t bytes);
  uint64_t UsedBytes() const;

  // --- Direct access, not journalled. ---
  /// False if the file is missing or shorter.
  bool FlipBit(const std::string& path, uint64_t byte_offset, int bit);
  bool ReadAll(const std::string& path, std::string* contents) const;
  /// All file paths, sorted.
  std::vector<std::string> Files() const;

  // --- rocksdb::FileSystem ---
  const char* Name() const override { return "JournalFs"; }
  rocksdb::IOStatus NewSequentialFile(const std::string&, const rocksdb::FileOptions&,
                                      std::unique_ptr<rocksdb::FSSequentialFile>*,
                                      rocksdb::IODebugContext*) override;
  rocksdb::IOStatus NewRandomAccessFile(const std::string&, const rocksdb::FileOptions&,
                                        std::unique_ptr<rocksdb::FSRandomAccessFile>*,
                                        rocksdb::IODebugContext*) override;
  rocksdb::IOStatus NewWritableFile(const std::string&, const rocksdb::FileOptions&,
                                    std::unique_ptr<rocksdb::FSWritableFile>*,
                                    rocksdb::IODebugContext*) override;
  rocksdb::IOStatus ReopenWritableFile(const std::string&, const rocksdb::FileOptions&,
                                       std::unique_ptr<rocksdb::FSWritableFile>*,
                                       rocksdb::IODebugContext*) override;
  rocksdb::IOStatus NewRandomRWFile(const std::string&, const rocksdb::FileOptions&,
                                    std::unique_ptr<rocksdb::FSRandomRWFile>*,
                                    rocksdb::IODebugContext*) override;
  rocksdb::IOStatus NewDirectory(const std::string&, const rocksdb::IOOptions&,
                                 std::unique_ptr<rocksdb::FSDirectory>*,
                                 rocksdb::IODebugContext*) override;
  rocksdb::IOStatus FileExists(const std::string&, const rocksdb::IOOptions&,
                               rocksdb::IODebugContext*) override;
  rocksdb::IOStatus GetChildren(const std::string&, const rocksdb::IOOptions&,
                                std::vector<std::string>*, rocksdb::IODebugContext*) override;
  rocksdb::IOStatus DeleteFile(const std::string&, const rocksdb::IOOptions&,
                               rocksdb::IODebugContext*) override;
  rocksdb::IOStatus Truncate(const std::string&, size_t, const rocksdb::IOOptions&,
                             rocksdb::IODebugContext*) override;
  rocksdb::IOStatus CreateDir(const std::string&, const rocksdb::IOOptions&,
                              rocksdb::IODebugContext*) override;
  rocksdb::IOStatus CreateDirIfMissing(const std::string&, const rocksdb::IOOptions&,
                                       rocksdb::IODebugContext*) override;
  rocksdb::IOStatus DeleteDir(const std::string&, const rocksdb::IOOptions&,
                              rocksdb::IODebugContext*) override;
  rocksdb::IOStatus GetFileSize(const std::string&, const rocksdb::IOOptions&, uint64_t*,
                                rocksdb::IODebugContext*) override;
  rocksdb::IOStatus GetFileModificationTime(const std::string&, const rocksdb::IOOptions&,
                                            uint64_t*, rocksdb::IODebugContext*) override;
  rocksdb::IOStatus RenameFile(const std::string&, const std::string&, const rocksdb::IOOptions&,
                               rocksdb::IODebugContext*) override;
  rocksdb::IOStatus LinkFile(const std::string&, const std::string&, const rocksdb::IOOptions&,
                             rocksdb::IODebugContext*) override;
  rocksdb::IOStatus NumFileLinks(const std::string&, const rocksdb::IOOptions&, uint64_t*,
                                 rocksdb::IODebugContext*) override;
  rocksdb::IOStatus AreFilesSame(const std::string&, const std::string&, const rocksdb::IOOptions&,
                                 bool*, rocksdb::IODebugContext*) override;
  rocksdb::IOStatus LockFile(const std::string&, const rocksdb::IOOptions&, rocksdb::FileLock**,
                             rocksdb::IODebugContext*) override;
  rocksdb::IOStatus UnlockFile(rocksdb::FileLock*, const rocksdb::IOOptions&,
                               rocksdb::IODebugContext*) override;
  rocksdb::IOStatus GetTestDirectory(const rocksdb::IOOptions&, std::string*,
                                     rocksdb::IODebugContext*) override;
  rocksdb::IOStatus NewLogger(const std::string&, const rocksdb::IOOptions&,
                              std::shared_ptr<rocksdb::Logger>*, rocksdb::IODebugContext*) override;
  rocksdb::IOStatus GetAbsolutePath(const std::string&, const rocksdb::IOOptions&, std::string*,
                                    rocksdb::IODebugContext*) override;
  rocksdb::IOStatus GetFreeSpace(const std::string&, const rocksdb::IOOptions&, uint64_t*,
                                 rocksdb::IODebugContext*) override;
  rocksdb::IOStatus IsDirectory(const std::string&, const rocksdb::IOOptions&, bool*,
                                rocksdb::IODebugContext*) override;

 private:
  struct State;
  friend struct JournalFsFiles;
  explicit JournalFs(std::shared_ptr<State> state);
  std::shared_ptr<State> state_;  // shared with open files, which may outlive the object
};

}  // namespace thermocline::testing
