#include "engine/env/random.h"

#include <glog/logging.h>
#include <sys/random.h>

#include <cerrno>

namespace thermocline::engine {

Random::Random(uint64_t seed) {
  // splitmix64 spreads poor seeds (0, 1, 2 ...) and never yields the forbidden all-zero state.
  for (uint64_t& word : state_) {
    seed += 0x9e3779b97f4a7c15;
    uint64_t z = seed;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    word = z ^ (z >> 31);
  }
}

uint64_t Random::Entropy() {
  uint64_t value = 0;
  ssize_t got;
  do {
    got = getrandom(&value, sizeof(value), 0);
  } while (got < 0 && errno == EINTR);
  PCHECK(got == sizeof(value)) << "getrandom";
  return value;
}

}  // namespace thermocline::engine
