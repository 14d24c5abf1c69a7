// When free pages have to go back to the system.
#include "server/allocator.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

namespace thermocline::server {
namespace {

TEST(Allocator, FreePagesStayOnlyWhileThereIsRoomForThem) {
  EXPECT_EQ(WhenFreePagesReturn(/*budget=*/0, /*used=*/1000, /*resident=*/1000), FreePages::kLate);
  EXPECT_EQ(WhenFreePagesReturn(1000, 700, 900), FreePages::kLate);
  EXPECT_EQ(WhenFreePagesReturn(1000, 701, 701), FreePages::kSoon);
  // Keys expired: little is used, but the pages are still there.
  EXPECT_EQ(WhenFreePagesReturn(1000, 100, 901), FreePages::kSoon);
  EXPECT_EQ(WhenFreePagesReturn(1000, 900, 1200), FreePages::kSoon);
  EXPECT_EQ(WhenFreePagesReturn(1000, 100, 1201), FreePages::kAtOnce);
}

// Bytes of huge pages that the process has; -1: the system does not say.
int64_t HugePageBytes() {
  std::ifstream rollup("/proc/self/smaps_rollup");
  for (std::string line; std::getline(rollup, line);) {
    if (line.starts_with("AnonHugePages:")) return std::stoll(line.substr(14)) << 10;
  }
  return -1;
}

bool SystemGivesHugePages() {
  std::ifstream file("/sys/kernel/mm/transparent_hugepage/enabled");
  std::string modes;
  std::getline(file, modes);
  return !modes.empty() && modes.find("[never]") == std::string::npos;
}

TEST(Allocator, AThreadThatAsksForThemFillsHugePages) {
  if (ReadAllocatorStats().version.empty()) GTEST_SKIP() << "another allocator";
  constexpr size_t kBlocks = 64'000, kBytes = 1000;
  std::vector<char*> blocks;
  const int64_t before = HugePageBytes();
  int64_t during = 0;
  bool bound = false;
  std::thread filler([&] {
    bound = AllocateInHugePages();
    for (size_t i = 0; i < kBlocks; ++i) {
      blocks.push_back(static_cast<char*>(std::malloc(kBytes)));
      std::memset(blocks.back(), static_cast<int>(i), kBytes);
    }
    during = HugePageBytes();
  });
  filler.join();
  EXPECT_TRUE(bound);
  for (size_t i = 0; i < kBlocks; ++i) {
    ASSERT_EQ(blocks[i][0], static_cast<char>(i));
    ASSERT_EQ(blocks[i][kBytes - 1], static_cast<char>(i));
    std::free(blocks[i]);
  }
  EXPECT_TRUE(ReturnFreePages());
  // As many as the system has: half of them would do.
  if (before < 0 || !SystemGivesHugePages()) GTEST_SKIP() << "the system gives no huge pages";
  EXPECT_GT(during - before, static_cast<int64_t>(kBlocks * kBytes / 2));
}

}  // namespace
}  // namespace thermocline::server
