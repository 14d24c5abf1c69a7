// One glog sink that writes whole lines; see logging.h.
#include "server/logging.h"

#include <fcntl.h>
#include <glog/logging.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <ctime>

namespace thermocline::server {

namespace {

class LineSink final : public google::LogSink {
 public:
  using google::LogSink::send;
  void send(google::LogSeverity severity, const char* full_filename, const char* base_filename,
            int line, const google::LogMessageTime& time, const char* message,
            size_t message_len) override {
    if (severity < minimum_.load(std::memory_order_relaxed)) return;
    std::tm local{};
    const std::time_t seconds = time.timestamp();
    localtime_r(&seconds, &local);
    char stamp[64];
    const size_t n = std::strftime(stamp, sizeof stamp, "%d %b %Y %H:%M:%S", &local);
    char head[128];
    const int head_len = std::snprintf(
        head, sizeof head, "%d:M %.*s.%03d %c ", static_cast<int>(getpid()), static_cast<int>(n),
        stamp, static_cast<int>(time.usec() / 1000), severity >= google::GLOG_WARNING ? '#' : '*');
    std::string text(head, static_cast<size_t>(head_len));
    text.append(message, message_len);
    if (severity >= google::GLOG_ERROR) {
      text += " (";
      text += base_filename;
      text += ':';
      text += std::to_string(line);
      text += ')';
    }
    text += '\n';
    size_t written = 0;
    while (written < text.size()) {
      const ssize_t k = write(fd_, text.data() + written, text.size() - written);
      if (k < 0 && errno == EINTR) continue;
      if (k <= 0) return;
      written += static_cast<size_t>(k);
    }
  }
  void set_fd(int fd) { fd_ = fd; }
  void set_minimum(int severity) { minimum_.store(severity, std::memory_order_relaxed); }

 private:
  int fd_ = STDOUT_FILENO;
  std::atomic<int> minimum_{google::GLOG_INFO};
};

LineSink& Sink() {
  static auto* sink = new LineSink;  // lives as long as the last message
  return *sink;
}

}  // namespace

void SetLogLevel(LogLevel level) {
  Sink().set_minimum(level == LogLevel::kWarning ? google::GLOG_WARNING : google::GLOG_INFO);
  FLAGS_v = level == LogLevel::kDebug ? 2 : level == LogLevel::kVerbose ? 1 : 0;
}

codec::Status InitLogging(const char* program, LogLevel level, const std::string& logfile) {
  if (!logfile.empty()) {
    const int fd = open(logfile.c_str(), O_APPEND | O_CREAT | O_WRONLY | O_CLOEXEC, 0644);
    if (fd < 0) {
      return codec::Status::IoError("Can't open the log file: " + logfile + ": " +
                                    std::strerror(errno));
    }
    Sink().set_fd(fd);
  }
  // No files and no stderr of glog's own.
  FLAGS_stderrthreshold = google::NUM_SEVERITIES;
  for (int severity = 0; severity < google::NUM_SEVERITIES; ++severity) {
    google::SetLogDestination(severity, "");
  }
  google::InitGoogleLogging(program);
  google::AddLogSink(&Sink());
  SetLogLevel(level);
  return codec::Status::Ok();
}

}  // namespace thermocline::server
