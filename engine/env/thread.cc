#include "engine/env/thread.h"

#include <pthread.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace thermocline::engine {

void NameThisThread(const char* name, int nice) {
  pthread_setname_np(pthread_self(), name);
  if (nice != 0) setpriority(PRIO_PROCESS, static_cast<id_t>(syscall(SYS_gettid)), nice);
}

}  // namespace thermocline::engine
