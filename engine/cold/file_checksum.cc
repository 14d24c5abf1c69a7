// See file_checksum.h.
#include "engine/cold/file_checksum.h"

#include <cstddef>
#include <cstdint>
#include <string>

#include "codec/crc.h"

namespace thermocline::engine {
namespace {

class Crc32cOfFile : public rocksdb::FileChecksumGenerator {
 public:
  void Update(const char* data, size_t n) override { crc_ = codec::Crc32c(crc_, {data, n}); }
  void Finalize() override {
    for (int shift = 24; shift >= 0; shift -= 8) text_ += static_cast<char>(crc_ >> shift);
  }
  std::string GetChecksum() const override { return text_; }
  const char* Name() const override { return rocksdb::kStandardDbFileChecksumFuncName; }

 private:
  uint32_t crc_ = 0;
  std::string text_;  // big-endian, once finalized
};

class Crc32cFactory : public rocksdb::FileChecksumGenFactory {
 public:
  std::unique_ptr<rocksdb::FileChecksumGenerator> CreateFileChecksumGenerator(
      const rocksdb::FileChecksumGenContext& context) override {
    const std::string& asked = context.requested_checksum_func_name;
    if (!asked.empty() && asked != rocksdb::kStandardDbFileChecksumFuncName) return nullptr;
    return std::make_unique<Crc32cOfFile>();
  }
  const char* Name() const override { return "Crc32cFactory"; }
};

}  // namespace

std::shared_ptr<rocksdb::FileChecksumGenFactory> NewFileChecksumFactory() {
  return std::make_shared<Crc32cFactory>();
}

}  // namespace thermocline::engine
