// The checksum of whole files is RocksDB's: what either wrote, the other verifies.
#include "engine/cold/file_checksum.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

namespace thermocline::engine {
namespace {

std::string Sum(rocksdb::FileChecksumGenFactory& factory, const std::vector<std::string>& pieces) {
  const std::unique_ptr<rocksdb::FileChecksumGenerator> sum =
      factory.CreateFileChecksumGenerator({});
  for (const std::string& piece : pieces) sum->Update(piece.data(), piece.size());
  sum->Finalize();
  return std::string(sum->Name()) + ":" + sum->GetChecksum();
}

TEST(FileChecksum, EqualsRocksDbs) {
  const auto ours = NewFileChecksumFactory();
  const auto theirs = rocksdb::GetFileChecksumGenCrc32cFactory();
  std::string bytes;
  for (int i = 0; i < 100000; ++i) bytes += static_cast<char>(i * 31 + (i >> 7));
  for (const std::vector<std::string>& pieces : {std::vector<std::string>{},
                                                 {""},
                                                 {"123456789"},
                                                 {"1234", "", "56789"},
                                                 {bytes},
                                                 {bytes, bytes.substr(1, 4099), "x"}}) {
    EXPECT_EQ(Sum(*ours, pieces), Sum(*theirs, pieces));
  }
  const std::string known("FileChecksumCrc32c:\xe3\x06\x92\x83");
  EXPECT_EQ(Sum(*ours, {"123456789"}), known);
}

TEST(FileChecksum, OtherFunctionsAreNotMade) {
  rocksdb::FileChecksumGenContext context;
  context.requested_checksum_func_name = "xxHash";
  EXPECT_EQ(NewFileChecksumFactory()->CreateFileChecksumGenerator(context), nullptr);
  context.requested_checksum_func_name = rocksdb::kStandardDbFileChecksumFuncName;
  EXPECT_NE(NewFileChecksumFactory()->CreateFileChecksumGenerator(context), nullptr);
}

}  // namespace
}  // namespace thermocline::engine
