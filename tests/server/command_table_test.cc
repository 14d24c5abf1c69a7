// The command table: every row makes sense, lookups ignore case, keys are found where the specs
// say.
#include "server/commands/command_table.h"

#include <gtest/gtest.h>

#include <set>

namespace thermocline::server {
namespace {

std::unique_ptr<CommandTable> Table() {
  auto table = CommandTable::Create();
  EXPECT_TRUE(table.ok()) << table.status().ToString();
  return std::move(*table);
}

void Handler(CommandContext&) {}

TEST(CommandTable, AllFamiliesMakeSense) {
  const auto table = Table();
  EXPECT_GT(table->commands().size(), 60u);
  std::set<std::string> names;
  for (const Command* command : table->commands()) {
    EXPECT_TRUE(names.insert(command->name).second) << command->name;
  }
}

TEST(CommandTable, FindsEveryCommandInAnyCase) {
  const auto table = Table();
  for (Command* command : table->commands()) {
    EXPECT_EQ(table->Find(command->word), command);
    EXPECT_EQ(table->Find(command->name), command);
    std::string mixed = command->name;
    mixed[0] = static_cast<char>(std::toupper(mixed[0]));
    EXPECT_EQ(table->Find(mixed), command);
    EXPECT_EQ(table->Find(command->name + "-"), nullptr);
  }
  EXPECT_EQ(table->Find(""), nullptr);
  EXPECT_EQ(table->Find(std::string_view("GE\0", 3)), nullptr);
  // Bytes that differ from a letter by the case bit only are no letters.
  EXPECT_EQ(table->Find("\x47\x45\x74\x60"), nullptr);
  EXPECT_EQ(table->Find("{et"), nullptr);
}

TEST(CommandTable, ResolvesSubcommands) {
  const auto table = Table();
  const std::string_view id[] = {"client", "iD"};
  ASSERT_NE(table->Resolve(id), nullptr);
  EXPECT_EQ(table->Resolve(id)->name, "client|id");
  EXPECT_EQ(table->FindByFullName("CLIENT|ID"), table->Resolve(id));
  const std::string_view unknown[] = {"client", "nosuch"};
  EXPECT_EQ(table->Resolve(unknown), nullptr);
  const std::string_view alone[] = {"client"};
  EXPECT_EQ(table->Resolve(alone)->name, "client");
}

TEST(CommandTable, RenameMovesAndRemovesNames) {
  const auto table = Table();
  Command* ping = table->Find("ping");
  EXPECT_TRUE(table->Rename("PING", "pong2").ok());
  EXPECT_EQ(table->Find("ping"), nullptr);
  EXPECT_EQ(table->Find("PONG2"), ping);
  EXPECT_EQ(ping->name, "ping");
  EXPECT_FALSE(table->Rename("echo", "select").ok());
  EXPECT_TRUE(table->Rename("echo", "").ok());
  EXPECT_EQ(table->Find("echo"), nullptr);
  EXPECT_FALSE(table->Rename("nosuch", "x").ok());
}

TEST(CommandTable, RefusesRowsThatMakeNoSense) {
  const CommandSpec good = {.name = "X",
                            .arity = 2,
                            .flags = kReadOnly,
                            .handler = Handler,
                            .since = "1.0.0",
                            .group = "string",
                            .complexity = "O(1)",
                            .summary = "Does."};
  static constexpr KeySpec kBeyond[] = {KeyAt(2, kKeyRO, engine::Need::kValue)};
  const auto refused = [](const CommandSpec& spec) {
    const std::span<const CommandSpec> family(&spec, 1);
    return !CommandTable::Create({&family, 1}).ok();
  };
  EXPECT_FALSE(refused(good));
  CommandSpec bad = good;
  bad.flags = kReadOnly | kWrite;
  EXPECT_TRUE(refused(bad));
  bad = good;
  bad.name = "x";
  EXPECT_TRUE(refused(bad));
  bad = good;
  bad.handler = nullptr;
  EXPECT_TRUE(refused(bad));
  bad = good;
  bad.summary = "";
  EXPECT_TRUE(refused(bad));
  bad = good;
  bad.keys = kBeyond;
  EXPECT_TRUE(refused(bad));
  bad = good;
  bad.arity = 0;
  EXPECT_TRUE(refused(bad));
}

TEST(CommandTable, CollectKeysFollowsTheSpecs) {
  std::vector<CommandSpec::KeyRef> keys;
  const auto indexes = [&keys] {
    std::vector<int> found;
    for (const auto& key : keys) found.push_back(key.index);
    return found;
  };
  static constexpr KeySpec kPairs[] = {KeyRange(1, -1, 2, kKeyOW, engine::Need::kHeader)};
  const CommandSpec mset = {.name = "MSET", .arity = -3, .keys = kPairs};
  const std::string_view five[] = {"mset", "a", "1", "b", "2"};
  EXPECT_TRUE(CollectKeys(mset, five, &keys));
  EXPECT_EQ(indexes(), (std::vector<int>{1, 3}));
  static constexpr KeySpec kCounted[] = {
      {.kind = KeySpec::Kind::kCounted, .first = 2, .step = 1, .count_at = 1}};
  const CommandSpec counted = {.name = "C", .arity = -3, .keys = kCounted};
  const std::string_view two[] = {"c", "2", "a", "b", "x"};
  EXPECT_TRUE(CollectKeys(counted, two, &keys));
  EXPECT_EQ(indexes(), (std::vector<int>{2, 3}));
  for (const std::string_view count : {"4", "0", "-1", "x", "9223372036854775807"}) {
    const std::string_view bad[] = {"c", count, "a", "b", "x"};
    EXPECT_FALSE(CollectKeys(counted, bad, &keys)) << count;
    EXPECT_TRUE(keys.empty());
  }
}

}  // namespace
}  // namespace thermocline::server
