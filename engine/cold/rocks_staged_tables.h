// StagedTables: rows of several batches on their way into table files of their own, past the
// memtables.
//
// Internal to engine/cold (it includes RocksDB's headers). A sweep writes in key order, so its rows
// need no memtable to be sorted by, and no flush that reads them again: half of the CPU that a
// record cost (docs/performance.md, "Collections"). Records and payloads go straight into their
// table, the few rows of the other families, which come in another order, are sorted at the end.
//
// All rows of a table have one sequence number, so a key may come once. StagingOrder sees to it for
// records, and so for every family, since each row's key holds that of its record; of `meta` the
// last row counts. The files bear names that RocksDB does not know until they are ingested. What is
// left of them after a crash is removed by Clear(). The writer's thread.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "engine/cold/rocks_options.h"
#include "engine/cold/rocks_rows.h"
#include "engine/env/file_system.h"
#include "rocksdb/options.h"
#include "rocksdb/sst_file_writer.h"
#include "rocksdb/status.h"

namespace thermocline::engine {

class StagedTables : public RowSink {
 public:
  /// `dir`: the cold tier's. `options`: each family's, with the database's; `direct`: the files are
  /// not to stay in the page cache.
  StagedTables(FileSystemPtr fs, std::string dir, bool direct,
               std::vector<rocksdb::Options> options);

  void Put(Family family, const rocksdb::Slice& key, const rocksdb::Slice& value) override;
  void Merge(Family family, const rocksdb::Slice& key, const rocksdb::Slice& value) override;
  void Delete(Family family, const rocksdb::Slice& key) override;
  void DeleteRange(Family family, const rocksdb::Slice& begin, const rocksdb::Slice& end) override;
  /// The first error of any row so far; then only Clear() may follow.
  const rocksdb::Status& status() const { return status_; }

  struct Table {
    Family family = kDefault;
    rocksdb::ExternalSstFileInfo file;
  };
  /// Completes and syncs the tables, at most one a family.
  rocksdb::Status Finish(std::vector<Table>* tables);
  /// Nothing is staged any more, and no file is left.
  void Clear();

 private:
  enum class Kind : uint8_t { kPut, kMerge, kDelete };
  struct Row {
    Kind kind;
    std::string key, value;
  };

  std::string PathOf(Family family) const;
  // Its table, opened at its first row; null after an error.
  rocksdb::SstFileWriter* Writer(Family family);
  void Add(Kind kind, Family family, const rocksdb::Slice& key, const rocksdb::Slice& value);
  void Append(Kind kind, Family family, const rocksdb::Slice& key, const rocksdb::Slice& value);
  void Note(const rocksdb::Status& status) {
    if (status_.ok()) status_ = status;
  }

  const FileSystemPtr fs_;
  const std::string dir_;
  const bool direct_;
  const std::vector<rocksdb::Options> options_;

  rocksdb::Status status_;
  std::array<std::unique_ptr<rocksdb::SstFileWriter>, kFamilies> writers_;
  std::array<std::vector<Row>, kFamilies> unsorted_;
};

}  // namespace thermocline::engine
