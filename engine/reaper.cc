#include "engine/reaper.h"

#include <utility>

#include "engine/env/thread.h"

namespace thermocline::engine {

Reaper::Reaper(bool background) : background_(background) {
  if (background_) thread_ = std::thread([this] { Run(); });
}

Reaper::~Reaper() {
  if (!background_) return;
  {
    std::lock_guard lock(mutex_);
    stop_ = true;
  }
  wake_.notify_one();
  thread_.join();
}

void Reaper::Hand(std::function<void()> free_it) {
  if (!background_) {
    free_it();
    return;
  }
  {
    std::lock_guard lock(mutex_);
    queue_.push_back(std::move(free_it));
  }
  wake_.notify_one();
}

void Reaper::Run() {
  NameThisThread("reaper", 10);  // freeing must not compete with the executor for a core
  std::unique_lock lock(mutex_);
  for (;;) {
    wake_.wait(lock, [this] { return stop_ || !queue_.empty(); });
    if (queue_.empty()) return;
    std::function<void()> free_it = std::move(queue_.front());
    queue_.pop_front();
    lock.unlock();
    free_it();
    free_it = nullptr;
    lock.lock();
  }
}

}  // namespace thermocline::engine
