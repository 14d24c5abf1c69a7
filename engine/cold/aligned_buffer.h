// AlignedBuffer: memory for reads that bypass the page cache, kept from one to the next.
#pragma once

#include <cstddef>
#include <cstdlib>
#include <memory>
#include <new>

namespace thermocline::engine {

/// `alignment` is a power of two.
inline size_t AlignUp(size_t bytes, size_t alignment) {
  return (bytes + alignment - 1) & ~(alignment - 1);
}

class AlignedBuffer {
 public:
  static constexpr size_t kAlignment = 4096;

  /// At least so many bytes, aligned; what was in them is lost. Valid until the next call.
  char* Reserve(size_t bytes) {
    if (bytes > capacity_) {
      capacity_ = AlignUp(bytes, kAlignment);
      bytes_.reset(static_cast<char*>(std::aligned_alloc(kAlignment, capacity_)));
      if (bytes_ == nullptr) throw std::bad_alloc();
    }
    return bytes_.get();
  }

 private:
  struct Free {
    void operator()(char* p) const { std::free(p); }
  };
  std::unique_ptr<char, Free> bytes_;
  size_t capacity_ = 0;
};

}  // namespace thermocline::engine
