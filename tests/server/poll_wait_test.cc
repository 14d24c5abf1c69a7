// How the loop waits for its sockets.
#include "server/poll_wait.h"

#include <gtest/gtest.h>

#include <iterator>

namespace thermocline::server {
namespace {

using Tick = PollWait::Tick;

TEST(PollWait, WithBusyReadersAndFewCpusSmallPollsAreSpacedOut) {
  PollWait pause(/*readers=*/8, /*cpus=*/2);
  EXPECT_EQ(pause.Next({.now_ms = 1, .requests = 1, .commands = 1, .cold_reads = 7}).pause_us, 0);
  EXPECT_EQ(pause.Next({.now_ms = 1, .requests = 1, .commands = 1, .cold_reads = 8}).pause_us,
            PollWait::kColdUs);
  EXPECT_EQ(pause.Next({.now_ms = 1, .cold_reads = 30}).pause_us, PollWait::kColdUs);
  // What polls bring anyhow need not be waited for.
  EXPECT_EQ(
      pause.Next({.now_ms = 1, .requests = PollWait::kFewRequests, .commands = 8, .cold_reads = 30})
          .pause_us,
      0);
  PollWait many_cpus(/*readers=*/8, /*cpus=*/4);
  EXPECT_EQ(many_cpus.Next({.now_ms = 1, .requests = 1, .commands = 1, .cold_reads = 30}).pause_us,
            0);
}

TEST(PollWait, AfterManyTimeoutsTheNextWaitsGather) {
  PollWait pause(/*readers=*/8, /*cpus=*/16);
  int64_t ms = 1000;
  EXPECT_EQ(pause.Next({.now_ms = ms, .commands = 15, .timeouts = 15}).pause_us, 0);
  const Tick many{.now_ms = ms, .commands = 16, .timeouts = 16};
  EXPECT_EQ(pause.Next(many).pause_us, PollWait::kWaitsUs);
  // Waits that begin end no command.
  EXPECT_EQ(pause.Next({.now_ms = ms + 9, .requests = 40}).pause_us, PollWait::kWaitsUs);
  EXPECT_EQ(pause.Next({.now_ms = ms + 10, .requests = 1}).pause_us, 0);
}

TEST(PollWait, AnyOtherCommandEndsIt) {
  PollWait pause(/*readers=*/8, /*cpus=*/16);
  int64_t ms = 1000;
  EXPECT_EQ(pause.Next({.now_ms = ms, .commands = 20, .timeouts = 20}).pause_us,
            PollWait::kWaitsUs);
  EXPECT_EQ(pause.Next({.now_ms = ms + 1, .requests = 5, .commands = 1}).pause_us, 0);
  for (; ms < 1000 + PollWait::kQuietMs; ++ms) {
    EXPECT_EQ(pause.Next({.now_ms = ms + 1, .commands = 20, .timeouts = 20}).pause_us, 0) << ms;
  }
  EXPECT_EQ(pause.Next({.now_ms = ms + 1, .commands = 20, .timeouts = 20}).pause_us,
            PollWait::kWaitsUs);
  // Beside timeouts, too.
  EXPECT_EQ(pause.Next({.now_ms = ms + 2, .commands = 21, .timeouts = 20}).pause_us, 0);
}

constexpr Tick kOne{.now_ms = 1, .requests = 1, .commands = 1, .busy_poll_us = 50};
constexpr PollWait::Plan kSleep{};
constexpr PollWait::Plan kPollOn{.poll_us = 50};

TEST(PollWait, ThreeShortWaitsOfFourLetTheLoopPollOn) {
  PollWait wait(/*readers=*/8, /*cpus=*/16);
  EXPECT_EQ(wait.Next(kOne), kSleep);
  const int64_t waits[] = {50, 0, 50, 51, 10, 51, 50, 50, 50};
  const bool polls_on[] = {false, false, true, true, true, false, false, true, true};
  for (size_t i = 0; i < std::size(waits); ++i) {
    wait.Waited(waits[i]);
    EXPECT_EQ(wait.Next(kOne), polls_on[i] ? kPollOn : kSleep) << i;
  }
}

TEST(PollWait, ThatOthersNeedTheCpuPutsTheLoopToSleep) {
  const auto after_short_waits = [](size_t cpus, Tick tick) {
    PollWait wait(/*readers=*/8, cpus);
    (void)wait.Next(tick);
    for (int i = 0; i < 4; ++i) wait.Waited(0);
    return wait.Next(tick);
  };
  EXPECT_EQ(after_short_waits(2, kOne), kPollOn);
  EXPECT_EQ(after_short_waits(1, kOne), kSleep);
  Tick tick = kOne;
  tick.cold_reads = 1;
  EXPECT_EQ(after_short_waits(16, tick), kSleep);
  tick = kOne;
  tick.synced = true;
  EXPECT_EQ(after_short_waits(16, tick), kSleep);
  tick = kOne;
  tick.busy_poll_us = 0;
  EXPECT_EQ(after_short_waits(16, tick), kSleep);
  tick = kOne;
  tick.commands = tick.timeouts = 20;
  EXPECT_EQ(after_short_waits(16, tick), PollWait::Plan{.pause_us = PollWait::kWaitsUs});
}

TEST(PollWait, AnotherLimitCountsFromTheNextWaitOn) {
  PollWait wait(/*readers=*/8, /*cpus=*/16);
  Tick tick = kOne;
  for (int i = 0; i < 4; ++i) {
    (void)wait.Next(tick);
    wait.Waited(80);
  }
  tick.busy_poll_us = 100;
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(wait.Next(tick), kSleep) << i;
    wait.Waited(80);
  }
  EXPECT_EQ(wait.Next(tick), PollWait::Plan{.poll_us = 100});
}

}  // namespace
}  // namespace thermocline::server
