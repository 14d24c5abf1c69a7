// Replies and argument parsing that all command families share; see command_context.h.
#include "server/command_context.h"

#include <algorithm>
#include <cctype>

#include "codec/number_text.h"
#include "codec/words.h"
#include "server/c_text.h"
#include "server/client.h"
#include "server/server.h"

namespace thermocline::server {

CommandContext::CommandContext(Server& server, Client& client, const CommandSpec& spec,
                               std::span<const std::string_view> argv, codec::RespWriter& reply,
                               bool in_exec)
    : server_(server),
      client_(client),
      spec_(spec),
      argv_(argv),
      reply_(reply),
      db_(server.database()),
      notify_events_(server.config().notify_keyspace_events),
      dbnum_(client.db),
      in_exec_(in_exec) {}

void CommandContext::SendNotification(std::string_view event, std::string_view key, int db) {
  PublishKeyEvent(server_.pubsub(), notify_events_, event, key, db);
}

void CommandContext::Ok() { reply_.Ok(); }
void CommandContext::Error(std::string_view text) { reply_.Error(text); }
void CommandContext::WrongType() {
  reply_.Error("WRONGTYPE Operation against a key holding the wrong kind of value");
}
void CommandContext::SyntaxError() { reply_.Error("ERR syntax error"); }
void CommandContext::NotInteger() { reply_.Error("ERR value is not an integer or out of range"); }

namespace {

std::string UpperCase(std::string_view text) {
  std::string upper(text);
  std::transform(upper.begin(), upper.end(), upper.begin(),
                 [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
  return upper;
}

}  // namespace

void CommandContext::SubcommandError(std::string_view sub) {
  reply_.Error("ERR unknown subcommand or wrong number of arguments for '" + ShortCText(sub) +
               "'. Try " + UpperCase(argv_[0]) + " HELP.");
}

void CommandContext::ArityError() {
  std::string name(spec_.name);
  std::transform(name.begin(), name.end(), name.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  reply_.Error("ERR wrong number of arguments for '" + name + "' command");
}

void CommandContext::Help(std::span<const std::string_view> lines) {
  reply_.Array(lines.size() + 3);
  reply_.Simple(UpperCase(argv_[0]) + " <subcommand> [<arg> [value] [opt] ...]. Subcommands are:");
  for (const std::string_view line : lines) reply_.Simple(line);
  reply_.Simple("HELP");
  reply_.Simple("    Prints this help.");
}

bool CommandContext::Integer(size_t i, int64_t* out, std::string_view error) {
  if (codec::ParseInt64(argv_[i], out)) return true;
  error.empty() ? NotInteger() : Error(error);
  return false;
}

bool CommandContext::IntegerInRange(size_t i, int64_t min, int64_t max, int64_t* out,
                                    std::string_view error) {
  int64_t value = 0;
  if (!Integer(i, &value, error)) return false;
  if (value < min || value > max) {
    error.empty() ? Error("ERR value is out of range, value must between " + std::to_string(min) +
                          " and " + std::to_string(max))
                  : Error(error);
    return false;
  }
  *out = value;
  return true;
}

bool CommandContext::Is(size_t i, std::string_view word) const {
  return codec::SameWord(argv_[i], word);
}

void CommandContext::StartTask(std::unique_ptr<CommandTask> task) {
  if (in_exec_) {
    while (!task->Step(*this, nullptr)) {
    }
    return;
  }
  task_ = std::move(task);
}

}  // namespace thermocline::server
