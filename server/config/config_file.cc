// redis.conf and command line into Config; see config.h and docs/configuration.md. The grammar of a
// line is codec::SplitArgs, as in inline commands; options of the command line are lines behind
// those of the file.
#include "server/config/config_file.h"

#include <glob.h>
#include <limits.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <iostream>
#include <iterator>

#include "codec/resp/parser.h"
#include "codec/words.h"
#include "server/config/config.h"
#include "server/config/config_row.h"
#include "server/version.h"

namespace thermocline::server {
namespace {

using codec::Status;

constexpr int kIncludeDepthMax = 16;

Status ReadOne(const std::string& path, std::string* out) {
  std::FILE* file = std::fopen(path.c_str(), "r");
  char buffer[16384];
  size_t n = 0;
  bool good = file != nullptr;
  errno = good ? 0 : errno;
  while (good && (n = std::fread(buffer, 1, sizeof buffer, file)) > 0) out->append(buffer, n);
  good = good && std::ferror(file) == 0;
  const int why = errno;
  if (file != nullptr) std::fclose(file);
  if (good) return Status::Ok();
  return Status::IoError("Fatal error, can't open config file '" + path +
                         "': " + std::strerror(why));
}

// Directives of old versions that redis-server still reads without doing anything.
bool IsRetired(std::string_view name, size_t words) {
  return words == 2 && (name == "list-max-ziplist-entries" || name == "list-max-ziplist-value" ||
                        name == "lua-replicate-commands");
}

Status FatalError(int line_number, std::string_view line, std::string_view what) {
  std::string text =
      "\n*** FATAL CONFIG FILE ERROR (Thermocline " + std::string(kThermoclineVersion) + ") ***\n";
  if (line_number > 0) {
    text += "Reading the configuration file, at line " + std::to_string(line_number) + "\n>>> '";
    text += line;
    text += "'\n";
  }
  text += what;
  return Status::InvalidArgument(text);
}

constexpr char kUsage[] =
    R"(Usage: thermocline-server [/path/to/redis.conf] [options] [-]
       thermocline-server -v or --version
       thermocline-server -h or --help

A server for clients of Redis 7 whose data may be larger than memory. It reads redis.conf files as they are;
every directive is an option too: --name value. A lone - reads more configuration from standard input; options
win over standard input, and that over the file.

Examples:
       thermocline-server                                run with the defaults: port 6379, data in the working directory
       thermocline-server /etc/redis/redis.conf --port 6380
       thermocline-server --dir /var/lib/thermocline --maxmemory 4gb --appendfsync always
       echo 'maxmemory 128mb' | thermocline-server -

docs/configuration.md tells what each directive does here.
)";

}  // namespace

codec::StatusOr<std::string> ReadConfigFiles(const std::string& path) {
  std::string text;
  if (path.find_first_of("*?[") == path.npos) {
    TC_RETURN_IF_ERROR(ReadOne(path, &text));
    return text;
  }
  glob_t found;
  Status status;
  if (glob(path.c_str(), 0, nullptr, &found) == 0) {
    for (size_t i = 0; i < found.gl_pathc && status.ok(); ++i) {
      status = ReadOne(found.gl_pathv[i], &text);
      if (!text.empty() && text.back() != '\n') text += '\n';
    }
    globfree(&found);
  }
  if (!status.ok()) return status;
  return text;
}

std::string OptionsToText(std::span<const std::string> args, bool* from_stdin) {
  std::string text;
  bool name_may_follow =
      true;  // false right behind an option: what follows is its value even if it begins with "--"
  for (size_t i = 0; i < args.size(); ++i) {
    const std::string& arg = args[i];
    const bool last = i + 1 == args.size();
    if (arg == "-" && (i == 0 || last)) {
      *from_stdin = true;
      continue;
    }
    if (!name_may_follow || arg.substr(0, 2) != "--") {
      text += QuoteConfigText(arg) + " ";
      name_may_follow = true;
      continue;
    }
    if (!text.empty()) text += '\n';
    text += arg.substr(2) + " ";
    std::vector<std::string> words;
    const bool bare = codec::SplitArgs(arg, &words) && words.size() == 1;
    name_may_follow = !bare;
    // "--save" without a value means no save points, also when a script's empty variable made it
    // so.
    const bool no_value = last || args[i + 1].substr(0, 2) == "--";
    if (bare && no_value && codec::SameWord(arg, "--save")) {
      text += "\"\"";
      name_may_follow = true;
    }
  }
  return text;
}

std::string AbsolutePath(const std::string& path) {
  if (!path.empty() && path[0] == '/') return path;
  char cwd[PATH_MAX];
  std::string_view rest = path;
  if (getcwd(cwd, sizeof cwd) == nullptr) return path;
  std::string out = cwd;
  while (rest.substr(0, 2) == "./") rest.remove_prefix(2);
  while (rest.substr(0, 3) == "../") {
    rest.remove_prefix(3);
    out.erase(std::max<size_t>(out.rfind('/'), 0));
  }
  return out + "/" + std::string(rest);
}

// ---- Config: loading
// ----------------------------------------------------------------------------------

bool Config::LoadUser(std::span<const std::string> words, std::string* error) {
  constexpr std::string_view kOpen[] = {"on",
                                        "nopass",
                                        "sanitize-payload",
                                        "skip-sanitize-payload",
                                        "~*",
                                        "allkeys",
                                        "&*",
                                        "allchannels",
                                        "+@all",
                                        "allcommands",
                                        "resetkeys",
                                        "resetchannels",
                                        "resetpass"};
  const std::string where = "Error in user declaration '";
  if (words[0] != "default") {
    *error = where + words[0] + "': only the user 'default' exists in this version";
    return false;
  }
  for (size_t i = 1; i < words.size(); ++i) {
    const std::string& rule = words[i];
    bool known = false;
    for (const std::string_view open : kOpen) known = known || codec::SameWord(open, rule);
    if (codec::SameWord(rule, "nopass") || codec::SameWord(rule, "resetpass"))
      values_.requirepass.clear();
    if (rule[0] == '>') {
      values_.requirepass = rule.substr(1);
    } else if (rule[0] == '#') {
      user_hash_seen_ = true;
    } else if (!known) {
      *error = where + rule + "': this version cannot restrict the user 'default'";
      return false;
    }
  }
  return true;
}

bool Config::LoadLine(std::vector<std::string> words, int depth, std::string* error,
                      Status* fatal) {
  std::string& name = words[0];
  for (char& c : name) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  std::vector<std::string> args(words.begin() + 1, words.end());
  if (const ConfigRow* row = FindConfigRow(name); row != nullptr) {
    if ((row->flags & kConfigMultiArg) != 0) {
      // One word may hold the whole list: --save "900 1".
      std::vector<std::string> split;
      if (args.size() == 1 && !args[0].empty() && codec::SplitArgs(args[0], &split))
        args = std::move(split);
    } else if (args.size() != 1) {
      *error = "wrong number of arguments";
      return false;
    }
    bool append = false;
    if (row->name == "save") {
      append = save_seen_ && !(args.size() == 1 && args[0].empty());
      save_seen_ = true;
    }
    return ParseConfig(*row, args, append, &values_, error) != ConfigParse::kError;
  }
  if (IsRetired(name, words.size())) return true;
  if (name == "include" && words.size() == 2) {
    if (depth >= kIncludeDepthMax) {
      *error = "Too many levels of include";
      return false;
    }
    codec::StatusOr<std::string> text = ReadConfigFiles(args[0]);
    *fatal = text.ok() ? LoadLines(*text, depth + 1) : text.status();
    return fatal->ok();
  }
  if (name == "rename-command" && words.size() == 3) {
    renamed_.push_back({args[0], args[1]});
    return true;
  }
  if (name == "user" && words.size() >= 2) return LoadUser(args, error);
  if (name == "loadmodule" && words.size() >= 2) {
    *error = "Modules are not supported, '" + args[0] + "' cannot be loaded";
    return false;
  }
  if (name.find('.') != name.npos) {
    *error = words.size() == 2
                 ? "Modules are not supported, there is nothing that '" + name + "' could configure"
                 : "Module config specified without value";
    return false;
  }
  if (name == "sentinel" && words.size() == 1) return true;
  *error = name == "sentinel" ? "sentinel directive while not in sentinel mode"
                              : "Bad directive or wrong number of arguments";
  return false;
}

Status Config::LoadLines(std::string_view text, int depth) {
  int line_number = 0;
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = codec::Trim(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
    ++line_number;
    if (line.empty() || line[0] == '#') continue;
    std::vector<std::string> words;
    std::string error;
    Status fatal;
    if (!codec::SplitArgs(line, &words))
      return FatalError(line_number, line, "Unbalanced quotes in configuration line");
    if (words.empty()) continue;
    if (!LoadLine(std::move(words), depth, &error, &fatal)) {
      return fatal.ok() ? FatalError(line_number, line, error) : fatal;
    }
  }
  return Status::Ok();
}

bool Config::CheckLoaded(std::string* error) {
  if (!values_.logfile.empty()) {
    std::FILE* file = std::fopen(values_.logfile.c_str(), "a");
    if (file == nullptr) {
      *error = std::string("Can't open the log file: ") + std::strerror(errno);
      return false;
    }
    std::fclose(file);
  }
  if (!values_.aclfile.empty()) {
    *error =
        "aclfile: only the user 'default' exists in this version; refusing to start without the "
        "rules of '" +
        values_.aclfile + "'";
    return false;
  }
  if (user_hash_seen_ && values_.requirepass.empty()) {
    *error = "user default: this version needs the password itself, in requirepass";
    return false;
  }
  values_.hz = std::clamp<int64_t>(values_.hz, kHzMin, kHzMax);
  return true;
}

Status Config::LoadText(std::string_view text) {
  TC_RETURN_IF_ERROR(LoadLines(text, 0));
  std::string error;
  return CheckLoaded(&error) ? Status::Ok() : FatalError(0, {}, error);
}

Status Config::LoadArguments(std::span<const std::string> args) {
  std::string text;
  if (!args.empty() && (args[0].empty() || args[0][0] != '-')) {
    file_ = AbsolutePath(args[0]);
    codec::StatusOr<std::string> read = ReadConfigFiles(file_);
    if (!read.ok()) return read.status();
    text = std::move(read).value();
    args = args.subspan(1);
  }
  bool from_stdin = false;
  const std::string options = OptionsToText(args, &from_stdin);
  if (from_stdin) text.append(std::istreambuf_iterator<char>(std::cin), {});
  return LoadText(text + "\n" + options);
}

Config::StartResult Config::ParseCommandLine(int argc, const char* const* argv) {
  const std::vector<std::string> args(argv + 1, argv + std::max(argc, 1));
  if (args.size() == 1 && (args[0] == "-v" || args[0] == "--version")) {
    std::printf("Thermocline server v=%s redis_version=%s bits=64\n", kThermoclineVersion,
                kRedisVersion);
    return {false, 0};
  }
  if (args.size() == 1 && (args[0] == "-h" || args[0] == "--help")) {
    std::fputs(kUsage, stdout);
    return {false, 0};
  }
  if (const Status loaded = LoadArguments(args); !loaded.ok()) {
    std::fprintf(stderr, "%s\n", std::string(loaded.message()).c_str());
    return {false, 1};
  }
  return {true, 0};
}

}  // namespace thermocline::server
