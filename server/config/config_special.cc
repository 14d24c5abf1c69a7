// See config_special.h. A parser checks all words before it stores anything.
#include "server/config/config_special.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "codec/number_text.h"
#include "codec/words.h"

namespace thermocline::server {
namespace {

using Words = std::span<const std::string>;

constexpr size_t kBindAddressesMax = 16;
constexpr size_t kHostnameMax = 256;

// strtoll over the whole text: leading spaces, a sign and leading zeros are fine, nothing behind.
bool ParseLoose(const std::string& text, long long* value) {
  char* end = nullptr;
  *value = std::strtoll(text.c_str(), &end, 10);
  return *end == '\0';
}

bool IsSingleEmpty(Words words) { return words.size() == 1 && words[0].empty(); }

template <typename List, typename Format>
std::string Joined(const List& list, Format format) {
  std::string out;
  for (const auto& item : list) {
    if (!out.empty()) out += ' ';
    out += format(item);
  }
  return out;
}

// ---- bind
// -------------------------------------------------------------------------------------------

bool ParseBind(Words words, bool, ServerConfig* config, std::string* error) {
  if (words.size() > kBindAddressesMax) {
    *error = "Too many bind addresses specified.";
    return false;
  }
  config->bind.clear();
  if (!IsSingleEmpty(words)) config->bind.assign(words.begin(), words.end());
  return true;
}

std::string FormatBind(const ServerConfig& c) {
  return Joined(c.bind, [](const std::string& a) { return a; });
}

std::vector<std::string> BindLines(const ServerConfig& c) {
  if (c.bind.size() == 2 && c.bind[0] == "*" && c.bind[1] == "-::*") return {};
  return {c.bind.empty() ? "\"\"" : FormatBind(c)};
}

// ---- dir
// --------------------------------------------------------------------------------------------

std::string WorkingDirectory() {
  char path[PATH_MAX];
  return getcwd(path, sizeof path) != nullptr ? path : "";
}

bool ParseDir(Words words, bool, ServerConfig* config, std::string* error) {
  if (words.empty()) {  // the default
    config->dir = WorkingDirectory();
    return true;
  }
  if (words.size() != 1) {
    *error = "wrong number of arguments";
    return false;
  }
  if (chdir(words[0].c_str()) != 0) {
    *error = std::strerror(errno);
    return false;
  }
  config->dir = WorkingDirectory();
  return true;
}

std::string FormatDir(const ServerConfig& c) { return c.dir; }

std::vector<std::string> DirLines(const ServerConfig& c) { return {QuoteConfigText(c.dir)}; }

// ---- save
// -------------------------------------------------------------------------------------------

bool ParseSave(Words words, bool append, ServerConfig* config, std::string* error) {
  std::vector<SavePoint> points;
  if (IsSingleEmpty(words)) {
    config->save.clear();
    return true;
  }
  bool good = words.size() % 2 == 0;
  for (size_t i = 0; good && i < words.size(); i += 2) {
    long long seconds = 0;
    long long changes = 0;
    good = ParseLoose(words[i], &seconds) && ParseLoose(words[i + 1], &changes) && seconds >= 1 &&
           changes >= 0;
    points.push_back({seconds, changes});
  }
  if (!good) {
    *error = "Invalid save parameters";
    return false;
  }
  if (!append) config->save.clear();
  config->save.insert(config->save.end(), points.begin(), points.end());
  return true;
}

std::string FormatPoint(const SavePoint& p) {
  return std::to_string(p.seconds) + " " + std::to_string(p.changes);
}

std::string FormatSave(const ServerConfig& c) { return Joined(c.save, FormatPoint); }

std::vector<std::string> SaveLines(const ServerConfig& c) {
  if (c.save.empty()) return {"\"\""};
  std::vector<std::string> lines;
  for (const SavePoint& p : c.save) lines.push_back(FormatPoint(p));
  return lines;
}

// ---- client-output-buffer-limit
// -----------------------------------------------------------------------

constexpr const char* kClassNames[] = {"normal", "slave", "pubsub"};

bool ParseOutputLimits(Words words, bool, ServerConfig* config, std::string* error) {
  if (words.size() % 4 != 0) {
    *error = "Wrong number of arguments in buffer limit configuration.";
    return false;
  }
  std::array<OutputLimit, 3> limits = config->output_limits;
  for (size_t i = 0; i < words.size(); i += 4) {
    size_t which = 0;
    while (which < limits.size() && !codec::SameWord(words[i], kClassNames[which])) ++which;
    if (codec::SameWord(words[i], "replica")) which = static_cast<size_t>(ClientClass::kReplica);
    if (which == limits.size()) {
      *error = "Invalid client class specified in buffer limit configuration.";
      return false;
    }
    OutputLimit& limit = limits[which];
    long long seconds = 0;
    if (!codec::ParseMemory(words[i + 1], &limit.hard_bytes) ||
        !codec::ParseMemory(words[i + 2], &limit.soft_bytes) ||
        !ParseLoose(words[i + 3], &seconds) || seconds < 0 || seconds > INT_MAX) {
      *error = "Error in hard, soft or soft_seconds setting in buffer limit configuration.";
      return false;
    }
    limit.soft_seconds = seconds;
  }
  config->output_limits = limits;
  return true;
}

std::string FormatOutputLimits(const ServerConfig& c) {
  std::string out;
  for (size_t i = 0; i < c.output_limits.size(); ++i) {
    const OutputLimit& limit = c.output_limits[i];
    if (i > 0) out += ' ';
    out += std::string(kClassNames[i]) + " " + std::to_string(limit.hard_bytes) + " " +
           std::to_string(limit.soft_bytes) + " " + std::to_string(limit.soft_seconds);
  }
  return out;
}

std::vector<std::string> OutputLimitLines(const ServerConfig& c) {
  std::vector<std::string> lines;
  for (size_t i = 0; i < c.output_limits.size(); ++i) {
    const OutputLimit& limit = c.output_limits[i];
    const bool replica = i == static_cast<size_t>(ClientClass::kReplica);
    lines.push_back(std::string(replica ? "replica" : kClassNames[i]) + " " +
                    FormatMemory(limit.hard_bytes) + " " + FormatMemory(limit.soft_bytes) + " " +
                    std::to_string(limit.soft_seconds));
  }
  return lines;
}

// ---- oom-score-adj-values
// -------------------------------------------------------------------------------

bool ParseOomValues(Words words, bool, ServerConfig* config, std::string* error) {
  std::array<int64_t, 3> values{};
  if (words.size() != values.size()) {
    *error = "wrong number of arguments";
    return false;
  }
  for (size_t i = 0; i < values.size(); ++i) {
    long long value = 0;
    if (!ParseLoose(words[i], &value) || value < -2000 || value > 2000) {
      *error = "Invalid oom-score-adj-values, elements must be between -2000 and 2000.";
      return false;
    }
    values[i] = value;
  }
  config->oom_score_adj_values = values;
  return true;
}

std::string FormatOomValues(const ServerConfig& c) {
  return Joined(c.oom_score_adj_values, [](int64_t v) { return std::to_string(v); });
}

std::vector<std::string> OomLines(const ServerConfig& c) { return {FormatOomValues(c)}; }

// ---- notify-keyspace-events
// -----------------------------------------------------------------------------

// Bit i belongs to character i (NotifyClass in server/notifications.h); the first ten make 'A'. The
// order is the one in which they are shown.
constexpr char kEventChars[] = "g$lshzxetdnKEm";
constexpr uint32_t kAllEvents = (1u << 10) - 1;

bool ParseKeyspaceEvents(Words words, bool, ServerConfig* config, std::string* error) {
  if (words.size() > 1) {
    *error = "wrong number of arguments";
    return false;
  }
  uint32_t events = 0;
  for (const char c : words.empty() ? std::string() : words[0]) {
    const char* known = std::strchr(kEventChars, c);
    if (c == 'A') {
      events |= kAllEvents;
    } else if (c != '\0' && known != nullptr) {
      events |= 1u << (known - kEventChars);
    } else {
      *error = "Invalid event class character. Use 'Ag$lshzxeKEtmdn'.";
      return false;
    }
  }
  config->notify_keyspace_events = events;
  return true;
}

std::string FormatKeyspaceEvents(const ServerConfig& c) {
  uint32_t events = c.notify_keyspace_events;
  std::string out;
  if ((events & kAllEvents) == kAllEvents) {
    out = "A";
    events &= ~(kAllEvents | 1u << 10);  // 'n' is not shown beside 'A', as in Redis
  }
  for (size_t i = 0; kEventChars[i] != '\0'; ++i) {
    if ((events & 1u << i) != 0) out += kEventChars[i];
  }
  return out;
}

std::vector<std::string> KeyspaceEventsLines(const ServerConfig& c) {
  return {QuoteConfigText(FormatKeyspaceEvents(c))};
}

// ---- replicaof
// ------------------------------------------------------------------------------------------

bool ParseReplicaOf(Words words, bool, ServerConfig* config, std::string* error) {
  if (words.empty()) {  // the default
    config->replicaof_host.clear();
    config->replicaof_port = 0;
    return true;
  }
  if (words.size() != 2) {
    *error = "wrong number of arguments";
    return false;
  }
  if (codec::SameWord(words[0], "no") && codec::SameWord(words[1], "one")) {
    config->replicaof_host.clear();
    config->replicaof_port = 0;
    return true;
  }
  long long port = 0;
  if (!ParseLoose(words[1], &port) || port < 0 || port > 65535) {
    *error = "Invalid master port";
    return false;
  }
  config->replicaof_host = words[0];
  config->replicaof_port = port;
  return true;
}

std::string FormatReplicaOf(const ServerConfig& c) {
  return c.replicaof_host.empty() ? "" : c.replicaof_host + " " + std::to_string(c.replicaof_port);
}

std::vector<std::string> ReplicaOfLines(const ServerConfig& c) {
  if (c.replicaof_host.empty()) return {};
  return {FormatReplicaOf(c)};
}

// ---- latency-tracking-info-percentiles
// --------------------------------------------------------------------

bool ParsePercentiles(Words words, bool, ServerConfig* config, std::string* error) {
  std::vector<double> percentiles;
  if (IsSingleEmpty(words)) words = {};
  for (const std::string& word : words) {
    double value = 0;
    if (!codec::ParseDouble(word, &value)) {
      *error = "Invalid latency-tracking-info-percentiles parameters";
      return false;
    }
    if (value > 100 || value < 0) {
      *error = "latency-tracking-info-percentiles parameters should sit between [0.0,100.0]";
      return false;
    }
    percentiles.push_back(value);
  }
  config->latency_percentiles = std::move(percentiles);
  return true;
}

std::string FormatPercentiles(const ServerConfig& c) {
  return Joined(c.latency_percentiles, FormatPercentile);
}

std::vector<std::string> PercentileLines(const ServerConfig& c) {
  return {c.latency_percentiles.empty() ? "\"\"" : FormatPercentiles(c)};
}

bool IsBaseName(std::string_view text) {
  return text.find('/') == text.npos && text.find('\\') == text.npos;
}

bool ValidFileName(std::string_view text, const char* name, const char* kind, bool may_be_empty,
                   std::string* error) {
  if (text.empty() && !may_be_empty) {
    *error = std::string(name) + " can't be empty";
    return false;
  }
  if (!IsBaseName(text)) {
    *error = std::string(name) + " can't be a path, just a " + kind;
    return false;
  }
  return true;
}

}  // namespace

std::string FormatPercentile(double value) {
  char text[64];
  std::snprintf(text, sizeof text, "%f", value);
  std::string out = text;
  out.erase(out.find_last_not_of('0') + 1);
  if (!out.empty() && out.back() == '.') out.pop_back();
  return out;
}

const SpecialConfig kBindConfig = {ParseBind, FormatBind, BindLines, true};
const SpecialConfig kDirConfig = {ParseDir, FormatDir, DirLines, true};
const SpecialConfig kSaveConfig = {ParseSave, FormatSave, SaveLines, true};
const SpecialConfig kOutputLimitConfig = {ParseOutputLimits, FormatOutputLimits, OutputLimitLines};
const SpecialConfig kOomScoreValuesConfig = {ParseOomValues, FormatOomValues, OomLines};
const SpecialConfig kKeyspaceEventsConfig = {ParseKeyspaceEvents, FormatKeyspaceEvents,
                                             KeyspaceEventsLines};
const SpecialConfig kReplicaOfConfig = {ParseReplicaOf, FormatReplicaOf, ReplicaOfLines, true};
const SpecialConfig kPercentilesConfig = {ParsePercentiles, FormatPercentiles, PercentileLines,
                                          true};

bool ValidDbFilename(std::string_view text, std::string* error) {
  return ValidFileName(text, "dbfilename", "filename", true, error);
}
bool ValidAppendFilename(std::string_view text, std::string* error) {
  return ValidFileName(text, "appendfilename", "filename", false, error);
}
bool ValidAppendDirname(std::string_view text, std::string* error) {
  return ValidFileName(text, "appenddirname", "dirname", false, error);
}

bool ValidHostname(std::string_view text, std::string* error) {
  if (text.size() >= kHostnameMax) {
    *error = "Hostnames must be less than 256 characters";
    return false;
  }
  for (const char c : text) {
    const bool good = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
                      c == '-' || c == '.';
    if (good) continue;
    *error = "Hostnames may only contain alphanumeric characters, hyphens or dots";
    return false;
  }
  return true;
}

// Redis refuses a template that may come to nothing: of the variables only those in kNeverEmpty
// count.
bool ValidTitleTemplate(std::string_view text, std::string* error) {
  constexpr std::string_view kNeverEmpty[] = {"listen-addr", "port", "tls-port"};
  constexpr std::string_view kMaybeEmpty[] = {"title", "server-mode", "unixsocket", "config-file"};
  const auto has = [](std::span<const std::string_view> names, std::string_view name) {
    return std::find(names.begin(), names.end(), name) != names.end();
  };
  bool good = true;
  bool something = false;
  for (size_t i = 0; good && i < text.size(); ++i) {
    if (text[i] != '{' || text.substr(i, 2) == "{{") {  // "{{" stands for '{'
      something = something || std::strchr(" \t\r\n", text[i]) == nullptr;
      if (text[i] == '{') ++i;
      continue;
    }
    const size_t end = text.find('}', i);
    const std::string_view name = text.substr(i + 1, end == text.npos ? end : end - i - 1);
    good = end != text.npos && (has(kNeverEmpty, name) || has(kMaybeEmpty, name));
    something = something || has(kNeverEmpty, name);
    i = end;
  }
  if (good && something) return true;
  *error = "template format is invalid or contains unknown variables";
  return false;
}

}  // namespace thermocline::server
