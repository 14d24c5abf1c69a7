// Prints what an append and a commit cost, in nanoseconds an append: log_bench [directory]. Asserts
// nothing.
#include <cstdio>
#include <string>

#include "engine/log/log.h"

int main(int argc, char** argv) {
  using namespace thermocline::engine;
  const std::string dir = argc > 1 ? argv[1] : "/tmp/thermocline_log_bench";
  std::printf("%-10s %8s %10s %12s %12s %10s\n", "policy", "payload", "a commit", "ns/append",
              "commit us", "MB/s");
  for (const FsyncPolicy policy :
       {FsyncPolicy::kNo, FsyncPolicy::kEverySec, FsyncPolicy::kAlways}) {
    for (const size_t payload_bytes : {40, 150, 1024}) {
      for (const int batch : {1, 16, 800}) {
        Random random(Random::Entropy());
        LogOptions options;
        options.fs = DefaultFileSystem();
        options.dir = dir;
        options.clock = RealClock::Get();
        options.random = &random;
        options.policy = policy;
        auto log = Log::Open(options);
        if (!log.ok() || !(*log)->Start(0).ok()) {
          std::fprintf(stderr, "cannot open %s: %s\n", dir.c_str(),
                       log.status().ToString().c_str());
          return 1;
        }
        const std::string payload(payload_bytes, 'v');
        const int commits = policy == FsyncPolicy::kAlways ? 300
                            : batch == 1                   ? 100'000
                                                           : 400'000 / batch;
        // Once round the segments before measuring, as a running server has them.
        int64_t append_us = 0;
        int64_t commit_us = 0;
        for (int i = 0; i < commits; ++i) {
          const int64_t start = RealClock::Get()->MonotonicUs();
          for (int j = 0; j < batch; ++j) (*log)->Append(payload, 0, 0);
          const int64_t appended = RealClock::Get()->MonotonicUs();
          if (!(*log)->Commit().ok()) return 1;
          const int64_t committed = RealClock::Get()->MonotonicUs();
          append_us += appended - start;
          commit_us += committed - appended;
          if (i % 256 == 0) (*log)->Recycle((*log)->DurableEnd() + 1);
        }
        const double appends = static_cast<double>(commits) * batch;
        const double all_us = static_cast<double>(append_us + commit_us);
        std::printf("%-10s %8zu %10d %12.0f %12.2f %10.0f\n",
                    policy == FsyncPolicy::kNo         ? "no"
                    : policy == FsyncPolicy::kEverySec ? "everysec"
                                                       : "always",
                    payload_bytes, batch, static_cast<double>(append_us) * 1000 / appends,
                    static_cast<double>(commit_us) / commits,
                    appends * static_cast<double>(payload_bytes) / all_us);
        if (!(*log)->Close().ok()) return 1;
      }
    }
  }
  return 0;
}
