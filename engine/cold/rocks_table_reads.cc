#include "engine/cold/rocks_table_reads.h"

#include <fcntl.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <utility>

#include "engine/cold/aligned_buffer.h"

namespace thermocline::engine {
namespace {

thread_local TableReads::Last last_read;
thread_local AlignedBuffer read_buffer;

class RoundingFile : public rocksdb::FSRandomAccessFileOwnerWrapper {
 public:
  RoundingFile(std::unique_ptr<rocksdb::FSRandomAccessFile> file,
               std::shared_ptr<OpenTables> tables, std::shared_ptr<const TableFile> table)
      : FSRandomAccessFileOwnerWrapper(std::move(file)),
        alignment_(table->alignment()),
        tables_(std::move(tables)),
        number_(tables_->Add(std::move(table))) {}
  ~RoundingFile() override { tables_->Remove(number_); }

  bool use_direct_io() const override { return false; }
  // RocksDB then reads ahead into a buffer of its own.
  rocksdb::IOStatus Prefetch(uint64_t, size_t, const rocksdb::IOOptions&,
                             rocksdb::IODebugContext*) override {
    return rocksdb::IOStatus::NotSupported();
  }
  rocksdb::IOStatus Read(uint64_t offset, size_t size, const rocksdb::IOOptions& options,
                         rocksdb::Slice* result, char* scratch,
                         rocksdb::IODebugContext* debug) const override {
    TableReads::ForgetLast();
    const uint64_t begin = offset & ~uint64_t{alignment_ - 1};
    const size_t length = AlignUp(offset + size - begin, alignment_);
    char* const buffer = read_buffer.Reserve(length);
    rocksdb::Slice read;
    const rocksdb::IOStatus status =
        FSRandomAccessFileOwnerWrapper::Read(begin, length, options, &read, buffer, debug);
    if (!status.ok()) return status;
    const size_t skip = static_cast<size_t>(offset - begin);
    const size_t got = read.size() > skip ? std::min(size, read.size() - skip) : 0;
    std::memcpy(scratch, read.data() + skip, got);
    *result = rocksdb::Slice(scratch, got);
    if (got == size && offset <= std::numeric_limits<uint32_t>::max() &&
        size <= std::numeric_limits<uint32_t>::max()) {
      last_read = {{number_, static_cast<uint32_t>(offset), static_cast<uint32_t>(size)},
                   {read.data() + skip, got}};
    }
    return status;
  }
  rocksdb::IOStatus MultiRead(rocksdb::FSReadRequest* requests, size_t count,
                              const rocksdb::IOOptions& options,
                              rocksdb::IODebugContext* debug) override {
    for (rocksdb::FSReadRequest* one = requests; one != requests + count; ++one) {
      one->status = Read(one->offset, one->len, options, &one->result, one->scratch, debug);
    }
    return rocksdb::IOStatus::OK();
  }

 private:
  const size_t alignment_;
  const std::shared_ptr<OpenTables> tables_;
  const uint32_t number_;
};

}  // namespace

const TableReads::Last& TableReads::LastOfThread() { return last_read; }
void TableReads::ForgetLast() { last_read = {}; }

rocksdb::IOStatus TableReads::NewRandomAccessFile(
    const std::string& path, const rocksdb::FileOptions& options,
    std::unique_ptr<rocksdb::FSRandomAccessFile>* result, rocksdb::IODebugContext* debug) {
  rocksdb::IOStatus status = FileSystemWrapper::NewRandomAccessFile(path, options, result, debug);
  if (!status.ok() || !options.use_direct_reads || !path.ends_with(".sst")) return status;
  const int fd = open(path.c_str(), O_RDONLY | O_DIRECT | O_CLOEXEC);
  if (fd < 0) return status;  // out of descriptors: the table is read by RocksDB alone
  auto table = std::make_shared<TableFile>(fd, (*result)->GetRequiredBufferAlignment());
  *result = std::make_unique<RoundingFile>(std::move(*result), tables_, std::move(table));
  return status;
}

}  // namespace thermocline::engine
