// Percentiles, error codes and the calibration of the tick clock; see stats.h and tick_clock.h.
#include "server/stats.h"

#include <cctype>

namespace thermocline::server {

uint64_t LatencyHistogram::Percentile(double percentile) const {
  const uint64_t total = count();
  if (total == 0) return 0;
  const double rank = percentile / 100.0 * static_cast<double>(total);
  uint64_t seen = 0;
  for (int bucket = 0; bucket < kBuckets; ++bucket) {
    seen += counts_[static_cast<size_t>(bucket)];
    if (seen == 0 || static_cast<double>(seen) < rank) continue;
    constexpr uint64_t kSteps = 1u << kSubBits;
    if (bucket < static_cast<int>(kSteps)) return static_cast<uint64_t>(bucket);
    const int power = bucket >> kSubBits;  // bit width of the values minus kSubBits
    const uint64_t step = static_cast<uint64_t>(bucket) & (kSteps - 1);
    return ((kSteps | step) + 1) << (power - 1);
  }
  return 0;
}

void ServerStats::CountError(std::string_view reply) {
  ++error_replies;
  if (reply.empty()) return;
  reply.remove_prefix(1);
  size_t end = 0;
  while (end < reply.size() && reply[end] != ' ' && reply[end] != '\r' && end < 64) ++end;
  const std::string_view code = reply.substr(0, end);
  const auto it = errors.find(code);
  if (it != errors.end()) {
    ++it->second;
  } else if (errors.size() < kErrorCodesMax) {
    errors.emplace(code, 1);
  }
}

double TicksPerMicro() {
#if defined(__x86_64__)
  static const double ticks_per_micro = [] {
    const uint64_t from_ns = MonotonicNanos();
    const uint64_t from_ticks = ReadTicks();
    uint64_t now_ns = from_ns;
    while (now_ns - from_ns < 2'000'000) now_ns = MonotonicNanos();
    return static_cast<double>(ReadTicks() - from_ticks) * 1000.0 /
           static_cast<double>(now_ns - from_ns);
  }();
  return ticks_per_micro;
#else
  return 1000.0;
#endif
}

}  // namespace thermocline::server
