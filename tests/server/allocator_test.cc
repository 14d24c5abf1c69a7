// When free pages go back to the system, and that pages asked for are there.
#include "server/allocator.h"

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <cstring>
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

constexpr size_t kPiece = size_t{2} << 20;  // by which the arena grows

// Pages in memory of the piece that `address` lies in.
size_t PagesInMemory(const void* address) {
  const auto begin = reinterpret_cast<uintptr_t>(address) & ~(kPiece - 1);
  std::vector<unsigned char> pages(kPiece / static_cast<size_t>(sysconf(_SC_PAGESIZE)));
  EXPECT_EQ(mincore(reinterpret_cast<void*>(begin), kPiece, pages.data()), 0);
  return static_cast<size_t>(
      std::count_if(pages.begin(), pages.end(), [](unsigned char page) { return page & 1; }));
}

bool KernelPopulates() {
  void* block = mmap(nullptr, kPiece, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  const bool populates = block != MAP_FAILED && madvise(block, kPiece, MADV_POPULATE_WRITE) == 0;
  if (block != MAP_FAILED) munmap(block, kPiece);
  return populates;
}

// Huge or not is the kernel's choice; that they are there before they are touched is ours.
TEST(Allocator, AThreadThatAsksForItFindsItsPagesInMemory) {
  if (ReadAllocatorStats().version.empty()) GTEST_SKIP() << "another allocator";
  constexpr size_t kBlocks = 64'000, kBytes = 1000;
  std::vector<char*> blocks;
  bool bound = false;
  size_t in_memory = 0;
  std::thread filler([&] {
    bound = AllocateInHugePages();
    blocks.push_back(static_cast<char*>(std::malloc(kBytes)));
    in_memory = PagesInMemory(blocks.back());
    for (size_t i = 1; i < kBlocks; ++i) blocks.push_back(static_cast<char*>(std::malloc(kBytes)));
    for (size_t i = 0; i < kBlocks; ++i) std::memset(blocks[i], static_cast<int>(i), kBytes);
  });
  filler.join();
  EXPECT_TRUE(bound);
  for (size_t i = 0; i < kBlocks; ++i) {
    ASSERT_EQ(blocks[i][0], static_cast<char>(i));
    ASSERT_EQ(blocks[i][kBytes - 1], static_cast<char>(i));
    std::free(blocks[i]);
  }
  EXPECT_TRUE(ReturnFreePages());
  if (!KernelPopulates()) GTEST_SKIP() << "before Linux 5.14 only the faults of small pages go";
  EXPECT_EQ(in_memory, kPiece / static_cast<size_t>(sysconf(_SC_PAGESIZE)));
}

}  // namespace
}  // namespace thermocline::server
