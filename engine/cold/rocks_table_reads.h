// TableReads: a file system that knows where in RocksDB's tables the last read of a thread went.
//
// Internal to engine/cold (it includes RocksDB's headers). With direct reads RocksDB would round
// them to sectors itself, and nobody could tell where a block begins; so its tables' files seem to
// be read through the page cache, and the rounding is done here. Each open table has a number,
// which is never given again, and a descriptor of its own, by which direct_reads.h reads what it
// knows the place of. Other files and calls pass. Any thread.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "engine/cold/open_tables.h"
#include "engine/cold/value_place.h"
#include "rocksdb/file_system.h"

namespace thermocline::engine {

class TableReads : public rocksdb::FileSystemWrapper {
 public:
  /// What this thread read last from a table, with its bytes until its next read.
  struct Last {
    ValuePlace place;
    std::string_view bytes;
  };

  explicit TableReads(const std::shared_ptr<rocksdb::FileSystem>& fs)
      : FileSystemWrapper(fs), tables_(std::make_shared<OpenTables>()) {}
  const char* Name() const override { return "TableReads"; }

  static const Last& LastOfThread();
  static void ForgetLast();

  const std::shared_ptr<OpenTables>& tables() const { return tables_; }

  rocksdb::IOStatus NewRandomAccessFile(const std::string& path,
                                        const rocksdb::FileOptions& options,
                                        std::unique_ptr<rocksdb::FSRandomAccessFile>* result,
                                        rocksdb::IODebugContext* debug) override;

 private:
  const std::shared_ptr<OpenTables> tables_;
};

}  // namespace thermocline::engine
