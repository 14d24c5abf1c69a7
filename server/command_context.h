// What a command handler sees: its arguments, the database, its client, where the reply goes.
//
// Built by dispatch for one execution and gone after it. Handlers run on the executor, inside an
// engine frame, with the keys of their table row prepared. A handler either replies completely, or,
// having changed and replied nothing, parks itself with StartTask() and goes on when the engine
// calls back. No handler blocks, reads files, or walks the whole data set.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "codec/resp/writer.h"
#include "engine/database.h"
#include "server/blocking.h"
#include "server/commands/command_spec.h"
#include "server/notifications.h"

namespace thermocline::server {

class Client;
class CommandContext;
class Server;

/// A command that needs several looks at the engine (SCAN, KEYS, RANDOMKEY, DEBUG DIGEST …). Each
/// Step runs in a frame of its own unless inside EXEC, where `waiter` is null and the engine reads
/// inside the call.
class CommandTask {
 public:
  virtual ~CommandTask() = default;
  /// True: replied, done. False: `waiter` was handed to the engine, which calls it when it makes
  /// sense to step again.
  virtual bool Step(CommandContext& c, engine::Waiter* waiter) = 0;
};

class CommandContext {
 public:
  CommandContext(Server& server, Client& client, const CommandSpec& spec,
                 std::span<const std::string_view> argv, codec::RespWriter& reply, bool in_exec);

  Server& server() { return server_; }
  Client& client() { return client_; }
  const CommandSpec& spec() const { return spec_; }
  std::span<const std::string_view> argv() const { return argv_; }
  size_t argc() const { return argv_.size(); }
  std::string_view arg(size_t i) const { return argv_[i]; }
  codec::RespWriter& reply() { return reply_; }
  bool in_exec() const { return in_exec_; }

  /// The engine. REQUIRES: not loading (only commands flagged kLoading run before that is over).
  engine::Database& db() { return *db_; }
  /// What SELECT had chosen when the command began.
  int dbnum() const { return dbnum_; }

  // Replies used everywhere. Texts are Redis's.
  void Ok();
  void Error(std::string_view text);  // "ERR …": the code is part of the text
  void WrongType();
  void SyntaxError();
  void NotInteger();
  void SubcommandError(std::string_view sub);  // unknown subcommand or wrong number of arguments
  /// "ERR wrong number of arguments for 'x' command".
  void ArityError();
  /// HELP: the lines as Redis prints them, with its first line and the HELP entry itself added.
  void Help(std::span<const std::string_view> lines);
  /// Parse argv[i]; on failure the error was replied and the answer is false.
  bool Integer(size_t i, int64_t* out, std::string_view error = {});
  bool IntegerInRange(size_t i, int64_t min, int64_t max, int64_t* out,
                      std::string_view error = {});
  /// argv[i] equals the word, ignoring case.
  bool Is(size_t i, std::string_view word) const;

  /// Tells a key's change to those who listen (notifications.h): one test of a bit if nobody asked.
  void Notify(uint32_t event_class, std::string_view event, std::string_view key) {
    Notify(event_class, event, key, dbnum_);
  }
  void Notify(uint32_t event_class, std::string_view event, std::string_view key, int db) {
    if (Notifies(event_class)) [[unlikely]]
      SendNotification(event, key, db);
  }
  /// Whether anybody asked for one of the classes, for handlers that would have to find out more.
  bool Notifies(uint32_t event_class) const { return (notify_events_ & event_class) != 0; }

  /// "del" if the key went with its last element.
  void NotifyIfGone(std::string_view key) {
    if (Notifies(kNotifyGeneric) && db_->FindForWrite(dbnum_, key) == nullptr) {
      Notify(kNotifyGeneric, "del", key);
    }
  }

  /// Parks this command. In EXEC the task is stepped to its end at once.
  void StartTask(std::unique_ptr<CommandTask> task);
  /// Nothing is there: the client waits for one of its keys. REQUIRES: not in_exec(), nothing
  /// replied, nothing changed.
  void Block(BlockRequest request) { block_.emplace(std::move(request)); }
  /// For dispatch.
  std::optional<BlockRequest> TakeBlock() { return std::exchange(block_, std::nullopt); }
  /// For dispatch: what the handler started, null if nothing.
  std::unique_ptr<CommandTask> TakeTask() { return std::move(task_); }

 private:
  void SendNotification(std::string_view event, std::string_view key, int db);

  Server& server_;
  Client& client_;
  const CommandSpec& spec_;
  std::span<const std::string_view> argv_;
  codec::RespWriter& reply_;
  engine::Database* db_;
  uint32_t notify_events_;
  int dbnum_;
  bool in_exec_;
  std::unique_ptr<CommandTask> task_;
  std::optional<BlockRequest> block_;
};

}  // namespace thermocline::server
