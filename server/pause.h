// CLIENT PAUSE: which commands have to wait, and until when.
//
// A second PAUSE prolongs the first and only ever makes it stricter, as in Redis. Plain state:
// dispatch asks it before each command, the cron ends it, the server keeps the list of who waits.
#pragma once

#include <cstdint>

namespace thermocline::server {

enum class PauseMode : uint8_t { kNone, kWrites, kAll };

class PauseState {
 public:
  void Pause(PauseMode mode, int64_t until_ms) {
    if (mode > mode_) mode_ = mode;
    if (until_ms > until_ms_) until_ms_ = until_ms;
  }
  void Unpause() {
    mode_ = PauseMode::kNone;
    until_ms_ = 0;
  }
  PauseMode mode() const { return mode_; }
  /// Wall clock milliseconds. 0 while not paused.
  int64_t until_ms() const { return until_ms_; }
  bool Expired(int64_t now_ms) const { return mode_ != PauseMode::kNone && now_ms >= until_ms_; }
  /// Whether a command that may write (or not) has to wait.
  bool Holds(bool may_write) const {
    return mode_ == PauseMode::kAll || (mode_ == PauseMode::kWrites && may_write);
  }

 private:
  PauseMode mode_ = PauseMode::kNone;
  int64_t until_ms_ = 0;
};

}  // namespace thermocline::server
