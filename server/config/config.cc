// CONFIG GET and SET over the table, and what the engine is told.
#include "server/config/config.h"

#include <limits.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "codec/glob.h"
#include "codec/words.h"
#include "server/c_text.h"
#include "server/config/config_row.h"

namespace thermocline::server {
namespace {

using codec::Status;

constexpr int64_t kReplBacklogMin = 16 << 10;

bool Allowed(ProtectedAction action, bool local) {
  return action == ProtectedAction::kYes || (action == ProtectedAction::kLocal && local);
}

std::string Warning(const ConfigRow& row, const ServerConfig& config) {
  const std::string shown =
      (row.flags & kConfigSensitive) != 0 ? "(hidden)" : FormatConfig(row, config);
  return "'" + std::string(row.name) + "' is set to '" + shown +
         "' but has no effect: " + std::string(row.why);
}

bool DeservesWarning(const ConfigRow& row, const ServerConfig& config,
                     const ServerConfig& defaults) {
  if (row.why.empty()) return false;
  const std::string value = FormatConfig(row, config);
  return value != FormatConfig(row, defaults) && (row.harmless == nullptr || value != row.harmless);
}

Status SetFailed(std::string_view name, const std::string& why) {
  std::string text =
      "ERR CONFIG SET failed (possibly related to argument '" + std::string(name) + "')";
  if (!why.empty()) text += " - " + why;
  return Status::InvalidArgument(text);
}

/// The data directory is open: `dir` may only be set to where it is.
bool IsCurrentDir(const std::string& path, const ServerConfig& config, std::string* error) {
  char resolved[PATH_MAX];
  if (realpath(path.c_str(), resolved) == nullptr) {
    *error = std::strerror(errno);
    return false;
  }
  if (config.dir == resolved) return true;
  *error = "the data directory is in use and cannot be changed while the server runs";
  return false;
}

/// CONFIG SET's value as words: several directives take a list, separated by single spaces.
std::vector<std::string> SplitValue(const ConfigRow& row, std::string_view value) {
  if ((row.flags & kConfigMultiArg) == 0) return {std::string(value)};
  std::vector<std::string> words;
  while (!value.empty()) {
    const size_t end = value.find(' ');
    words.emplace_back(value.substr(0, end));
    if (end == value.npos) break;
    value.remove_prefix(end + 1);
    if (value.empty()) words.emplace_back();  // a space at the end is followed by an empty word
  }
  return words;
}

}  // namespace

Config::Config() : values_{} { SetConfigDefaults(&values_); }

std::vector<std::string> Config::Warnings() const {
  ServerConfig defaults{};
  SetConfigDefaults(&defaults);
  std::vector<std::string> out;
  for (const ConfigRow& row : ConfigTable()) {
    if (DeservesWarning(row, values_, defaults)) out.push_back(Warning(row, values_));
  }
  return out;
}

std::vector<std::string> Config::TakeSetWarnings() { return std::exchange(set_warnings_, {}); }

std::vector<Config::Pair> Config::Get(std::span<const std::string_view> patterns) const {
  std::vector<Pair> out;
  const auto add = [&](std::string_view name, const ConfigRow& row) {
    for (const Pair& p : out) {
      if (codec::SameWord(p.first, name)) return;
    }
    out.emplace_back(name, FormatConfig(row, values_));
  };
  for (const std::string_view pattern : patterns) {
    if (pattern.find_first_of("[*?") == pattern.npos) {
      // An exact name is answered as it was asked for, letters' case included.
      if (const ConfigRow* row = FindConfigRow(pattern); row != nullptr) add(pattern, *row);
      continue;
    }
    for (const ConfigRow& row : ConfigTable()) {
      if ((row.flags & kConfigHidden) != 0) continue;
      if (codec::GlobMatch(pattern, row.name, true)) add(row.name, row);
      if (!row.alias.empty() && codec::GlobMatch(pattern, row.alias, true)) add(row.alias, row);
    }
  }
  return out;
}

codec::Status Config::Set(std::span<const std::string_view> pairs, const SetContext& context) {
  struct Change {
    const ConfigRow* row;
    std::string_view name;  // the row's, or its alias: errors about a value say which was used
  };
  std::vector<Change> changes;
  for (size_t i = 0; i + 1 < pairs.size(); i += 2) {
    const ConfigRow* row = FindConfigRow(pairs[i]);
    if (row == nullptr) {
      return Status::InvalidArgument(
          "ERR Unknown option or number of arguments for CONFIG SET - '" + CText(pairs[i]) + "'");
    }
    if ((row->flags & kConfigImmutable) != 0)
      return SetFailed(pairs[i], "can't set immutable config");
    if ((row->flags & kConfigProtected) != 0 &&
        !Allowed(values_.enable_protected_configs, context.local)) {
      return SetFailed(pairs[i], "can't set protected config");
    }
    if (context.loading && (row->flags & kConfigDenyLoading) != 0) {
      return Status::Unavailable("LOADING Redis is loading the dataset in memory");
    }
    const std::string_view name = codec::SameWord(pairs[i], row->name) ? row->name : row->alias;
    for (const Change& earlier : changes) {
      if (earlier.name == name) return SetFailed(pairs[i], "duplicate parameter");
    }
    changes.push_back({row, name});
  }

  const ServerConfig before = values_;
  std::vector<const Change*> actions;  // the first change of each action
  for (size_t i = 0; i < changes.size(); ++i) {
    const ConfigRow& row = *changes[i].row;
    const std::vector<std::string> words = SplitValue(row, pairs[2 * i + 1]);
    std::string error;
    ConfigParse parsed = ConfigParse::kError;
    if (row.apply != ApplyAction::kDir || IsCurrentDir(words[0], values_, &error)) {
      parsed = ParseConfig(row, words, false, &values_, &error);
    }
    if (parsed == ConfigParse::kError) {
      values_ = before;
      return SetFailed(changes[i].name, error);
    }
    if (parsed == ConfigParse::kUnchanged || row.apply == ApplyAction::kNone) continue;
    const auto same = [&](const Change* c) { return c->row->apply == row.apply; };
    if (std::none_of(actions.begin(), actions.end(), same)) actions.push_back(&changes[i]);
  }
  // Redis, too, moves these into their ranges instead of refusing.
  values_.hz = std::clamp<int64_t>(values_.hz, kHzMin, kHzMax);
  if (values_.repl_backlog_size != before.repl_backlog_size) {
    values_.repl_backlog_size = std::max(values_.repl_backlog_size, kReplBacklogMin);
  }

  for (size_t i = 0; applier_ != nullptr && i < actions.size(); ++i) {
    const Status applied = applier_->ApplyConfig(actions[i]->row->apply, values_);
    if (applied.ok()) continue;
    const std::string_view known = actions[i]->row->apply_error;
    const std::string why(known.empty() ? applied.message() : known);
    values_ = before;
    // Best effort, as the old values were in force a moment ago. The one that failed is applied
    // again too: it may have done half of its work.
    for (size_t j = 0; j <= i; ++j) applier_->ApplyConfig(actions[j]->row->apply, values_).ok();
    return SetFailed(actions[i]->name, why);
  }

  ServerConfig defaults{};
  SetConfigDefaults(&defaults);
  for (const Change& change : changes) {
    if (FormatConfig(*change.row, values_) == FormatConfig(*change.row, before)) continue;
    if (!DeservesWarning(*change.row, values_, defaults)) continue;
    std::string warning = Warning(*change.row, values_);  // once, also if named twice by an alias
    if (std::find(set_warnings_.begin(), set_warnings_.end(), warning) == set_warnings_.end()) {
      set_warnings_.push_back(std::move(warning));
    }
  }
  return Status::Ok();
}

bool Config::IsSensitive(std::string_view name) {
  const ConfigRow* row = FindConfigRow(name);
  return row != nullptr && (row->flags & kConfigSensitive) != 0;
}

void FillEngineOptions(const ServerConfig& config, engine::Options* options) {
  options->dir = config.dir;
  options->databases = static_cast<int>(config.databases);
  options->log_segment_bytes = config.log_segment_bytes;
  options->cold_readers = static_cast<int>(config.cold_readers);
  options->direct_io = config.cold_direct_io;
  options->append_only = config.appendonly;
  options->fsync = config.appendfsync;
  options->tiering = config.tiering;
  options->maxmemory = config.maxmemory;
  options->maxdisk = config.maxdisk;
  options->low_water_bytes = config.log_low_water;
  options->policy = config.maxmemory_policy;
  options->maxmemory_samples = static_cast<int>(config.maxmemory_samples);
  options->lfu_log_factor = static_cast<int>(config.lfu_log_factor);
  options->lfu_decay_minutes = static_cast<int>(config.lfu_decay_minutes);
  options->type_limits = {
      .list_max_listpack_size = config.list_max_listpack_size,
      .hash_max_listpack_entries = static_cast<uint64_t>(config.hash_max_listpack_entries),
      .hash_max_listpack_value = static_cast<uint64_t>(config.hash_max_listpack_value),
      .set_max_intset_entries = static_cast<uint64_t>(config.set_max_intset_entries),
      .zset_max_listpack_entries = static_cast<uint64_t>(config.zset_max_listpack_entries),
      .zset_max_listpack_value = static_cast<uint64_t>(config.zset_max_listpack_value),
  };
  options->recovery_budget_ms = static_cast<int>(config.recovery_budget_ms);
  options->checkpoint_log_bytes = config.checkpoint_log_bytes;
  options->paged_threshold = config.paged_threshold;
  options->link_threshold = config.link_threshold;
  options->place_bytes = config.cold_place_memory;
}

}  // namespace thermocline::server
