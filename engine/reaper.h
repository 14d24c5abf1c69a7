// Reaper: frees what is too large to free on the executor (a flushed table, a value of megabytes).
//
// One niced thread with a queue; without `background` things are freed in the call. Crosses
// threads: what is handed over must be owned by nobody else.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>

namespace thermocline::engine {

class Reaper {
 public:
  explicit Reaper(bool background);
  ~Reaper();
  Reaper(const Reaper&) = delete;
  Reaper& operator=(const Reaper&) = delete;

  /// Runs `free_it` soon, on the reaper's thread.
  void Hand(std::function<void()> free_it);

 private:
  void Run();

  const bool background_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<std::function<void()>> queue_;  // guarded by mutex_
  bool stop_ = false;                        // guarded by mutex_
  std::thread thread_;
};

}  // namespace thermocline::engine
