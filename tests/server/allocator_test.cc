// When free pages have to go back to the system.
#include "server/allocator.h"

#include <gtest/gtest.h>

namespace thermocline::server {
namespace {

TEST(Allocator, FreePagesStayOnlyWhileThereIsRoomForThem) {
  EXPECT_FALSE(MemoryIsShort(/*budget=*/0, /*used=*/1000, /*resident=*/1000));
  EXPECT_FALSE(MemoryIsShort(1000, 700, 900));
  EXPECT_TRUE(MemoryIsShort(1000, 701, 701));
  // Keys expired: little is used, but the pages are still there.
  EXPECT_TRUE(MemoryIsShort(1000, 100, 901));
}

}  // namespace
}  // namespace thermocline::server
