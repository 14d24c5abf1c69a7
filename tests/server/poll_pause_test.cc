// When the loop pauses before a poll.
#include "server/poll_pause.h"

#include <gtest/gtest.h>

namespace thermocline::server {
namespace {

using Tick = PollPause::Tick;

TEST(PollPause, WithBusyReadersAndFewCpusSmallPollsAreSpacedOut) {
  PollPause pause(/*readers=*/8, /*cpus=*/2);
  EXPECT_EQ(pause.Next({.now_ms = 1, .requests = 1, .commands = 1, .cold_reads = 7}), 0);
  EXPECT_EQ(pause.Next({.now_ms = 1, .requests = 1, .commands = 1, .cold_reads = 8}),
            PollPause::kColdUs);
  EXPECT_EQ(pause.Next({.now_ms = 1, .cold_reads = 30}), PollPause::kColdUs);
  // What polls bring anyhow need not be waited for.
  EXPECT_EQ(
      pause.Next(
          {.now_ms = 1, .requests = PollPause::kFewRequests, .commands = 8, .cold_reads = 30}),
      0);
  PollPause many_cpus(/*readers=*/8, /*cpus=*/4);
  EXPECT_EQ(many_cpus.Next({.now_ms = 1, .requests = 1, .commands = 1, .cold_reads = 30}), 0);
}

TEST(PollPause, AfterManyTimeoutsTheNextWaitsGather) {
  PollPause pause(/*readers=*/8, /*cpus=*/16);
  int64_t ms = 1000;
  EXPECT_EQ(pause.Next({.now_ms = ms, .commands = 15, .timeouts = 15}), 0);
  const Tick many{.now_ms = ms, .commands = 16, .timeouts = 16};
  EXPECT_EQ(pause.Next(many), PollPause::kWaitsUs);
  // Waits that begin end no command.
  EXPECT_EQ(pause.Next({.now_ms = ms + 9, .requests = 40}), PollPause::kWaitsUs);
  EXPECT_EQ(pause.Next({.now_ms = ms + 10, .requests = 1}), 0);
}

TEST(PollPause, AnyOtherCommandEndsIt) {
  PollPause pause(/*readers=*/8, /*cpus=*/16);
  int64_t ms = 1000;
  EXPECT_EQ(pause.Next({.now_ms = ms, .commands = 20, .timeouts = 20}), PollPause::kWaitsUs);
  EXPECT_EQ(pause.Next({.now_ms = ms + 1, .requests = 5, .commands = 1}), 0);
  for (; ms < 1000 + PollPause::kQuietMs; ++ms) {
    EXPECT_EQ(pause.Next({.now_ms = ms + 1, .commands = 20, .timeouts = 20}), 0) << ms;
  }
  EXPECT_EQ(pause.Next({.now_ms = ms + 1, .commands = 20, .timeouts = 20}), PollPause::kWaitsUs);
  // Beside timeouts, too.
  EXPECT_EQ(pause.Next({.now_ms = ms + 2, .commands = 21, .timeouts = 20}), 0);
}

}  // namespace
}  // namespace thermocline::server
