// thermocline-server: settings, sockets, the loop, and the way out.
//
// Takes redis-server's command line. Exit code 0 after a clean stop; 1, with the reason on stderr
// and in the log, when it cannot start or could not make everything durable at the end.
#include <fcntl.h>
#include <glog/logging.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <clocale>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>

#include "server/config/config.h"
#include "server/logging.h"
#include "server/net/event_loop.h"
#include "server/server.h"
#include "server/version.h"

namespace thermocline::server {

namespace {

int Fail(const std::string& why) {
  LOG(WARNING) << why;
  std::fprintf(stderr, "%s\n", why.c_str());
  return 1;
}

// Into the background, before any thread exists. The parent leaves here.
void Daemonize() {
  if (fork() != 0) std::_Exit(0);
  setsid();
  const int null = open("/dev/null", O_RDWR);
  if (null < 0) return;
  dup2(null, STDIN_FILENO);
  dup2(null, STDOUT_FILENO);
  dup2(null, STDERR_FILENO);
  if (null > STDERR_FILENO) close(null);
}

void WritePidFile(const std::string& path) {
  std::FILE* file = std::fopen(path.c_str(), "w");
  if (file == nullptr) {
    LOG(WARNING) << "Can't write the pid file " << path << ": " << std::strerror(errno);
    return;
  }
  std::fprintf(file, "%d\n", static_cast<int>(getpid()));
  std::fclose(file);
}

// systemd's readiness protocol: one datagram to the socket that it names.
void NotifySupervisor(const ServerConfig& config, const char* state) {
  if (config.supervised != Supervised::kSystemd && config.supervised != Supervised::kAuto) return;
  const char* path = std::getenv("NOTIFY_SOCKET");
  sockaddr_un address{};
  if (path == nullptr || (path[0] != '/' && path[0] != '@') ||
      std::strlen(path) >= sizeof address.sun_path) {
    return;
  }
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, path, std::strlen(path));
  if (path[0] == '@') address.sun_path[0] = '\0';
  const int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return;
  const auto length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + std::strlen(path));
  (void)!sendto(fd, state, std::strlen(state), MSG_NOSIGNAL, reinterpret_cast<sockaddr*>(&address),
                length);
  close(fd);
}

// disable-thp: as in Redis, where the system gives huge pages to whoever did not ask. Those that
// are asked for (allocator.h) stay where the kernel can tell them apart (Linux 6.18).
void DisableAutomaticHugePages() {
  char mode[64] = {};
  const int fd = open("/sys/kernel/mm/transparent_hugepage/enabled", O_RDONLY | O_CLOEXEC);
  if (fd < 0) return;
  const ssize_t length = read(fd, mode, sizeof mode - 1);
  close(fd);
  if (length <= 0 || std::strstr(mode, "[always]") == nullptr) return;
  constexpr unsigned long kExceptAdvised = 2;  // PR_THP_DISABLE_EXCEPT_ADVISED
  if (prctl(PR_SET_THP_DISABLE, 1, kExceptAdvised, 0, 0) != 0)
    (void)prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0);
}

int Main(int argc, char** argv) {
  std::setlocale(LC_COLLATE, "");  // SORT ... ALPHA
  Config config;
  const Config::StartResult start = config.ParseCommandLine(argc, argv);
  if (!start.run) return start.exit_code;
  const ServerConfig& values = config.values();

  if (values.daemonize) Daemonize();
  const codec::Status logging = InitLogging(argv[0], values.loglevel, values.logfile);
  if (!logging.ok()) {
    std::fprintf(stderr, "%s\n", std::string(logging.message()).c_str());
    return 1;
  }
  LOG(INFO) << "Thermocline " << kThermoclineVersion << " (speaks Redis " << kRedisVersion
            << ") is starting, pid " << getpid()
            << (config.file().empty() ? ", without a config file"
                                      : ", config file " + config.file());
  for (const std::string& warning : config.Warnings()) LOG(WARNING) << warning;
  if (values.disable_thp) DisableAutomaticHugePages();
  const int64_t clients_max = RaiseFileLimit(values.maxclients);
  if (clients_max < values.maxclients) {
    LOG(WARNING) << "Open files are limited: maxclients is " << clients_max << " instead of "
                 << values.maxclients;
    config.mutable_values().maxclients = clients_max;
  }

  codec::StatusOr<std::unique_ptr<Server>> server = Server::Create(&config);
  if (!server.ok()) return Fail(std::string(server.status().message()));
  config.SetApplier(server->get());
  int exit_code = 0;
  {
    net::EventLoop loop(server->get());
    const codec::Status listening = loop.Listen();
    if (!listening.ok()) {
      std::string text(listening.message());
      if (values.port != 0 && values.unixsocket.empty()) {
        text = "Warning: " + text + "\nFailed listening on port " + std::to_string(values.port) +
               " (TCP), aborting.";
      }
      return Fail(text);
    }
    const bool pid_file = values.daemonize || !values.pidfile.empty();
    const std::string pid_path = values.pidfile.empty() ? "/var/run/redis.pid" : values.pidfile;
    if (pid_file) WritePidFile(pid_path);
    LOG(INFO) << "Opening the database in " << values.dir;
    engine::Options options;
    FillEngineOptions(values, &options);
    loop.StartLoading(std::move(options));
    loop.on_ready = [&values] {
      NotifySupervisor(values, "STATUS=Ready to accept connections\nREADY=1\n");
    };
    const codec::Status ran = loop.Run();
    NotifySupervisor(values, "STOPPING=1\n");
    loop.CloseListeners();
    if (!ran.ok())
      exit_code = Fail("Can't open the database in " + values.dir + ": " + ran.ToString());
    const codec::Status closed = (*server)->CloseDatabase((*server)->shutdown());
    if (!closed.ok()) exit_code = Fail("Error closing the database: " + closed.ToString());
    if (pid_file) unlink(pid_path.c_str());
  }
  config.SetApplier(nullptr);
  LOG(WARNING) << "Thermocline is now ready to exit, bye bye...";
  return exit_code;
}

}  // namespace

}  // namespace thermocline::server

int main(int argc, char** argv) { return thermocline::server::Main(argc, argv); }
