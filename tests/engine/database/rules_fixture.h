// A database to break rules on, with the short steps that the rule tests are written in.
//
// Without threads of the engine, a step happens where the test says: StartCheckpoint() fixes C and
// begins to collect, EndTick() captures, the next Poll() writes what was captured and lands it. A
// kill in between is the end of the object.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "tests/engine/database/harness.h"

namespace thermocline::testing {

class RulesTest : public ::testing::Test {
 protected:
  void SetUp() override { ASSERT_TRUE(database_.Open().ok()); }

  engine::Database& db() { return database_.db(); }
  void Set(const std::string& key, const std::string& value, int db = 0) {
    database_.Run({{db, key, engine::Need::kHeader}},
                  [&](auto& d) { d.SetString(db, key, value); });
  }
  void Append(const std::string& key, const std::string& tail) {
    database_.Run({{0, key, engine::Need::kValue}}, [&](auto& d) { d.Append(0, key, tail); });
  }
  void ExpireLate(const std::string& key) {
    database_.Run({{0, key, engine::Need::kHeader}}, [&](auto& d) { d.SetExpiry(0, key, kLate); });
  }
  void Delete(const std::string& key) {
    database_.Run({{0, key, engine::Need::kHeader}},
                  [&](auto& d) { EXPECT_TRUE(d.Delete(0, key)) << key; });
  }
  void Flush(int db) {
    database_.Run({}, [&](auto& d) { d.FlushDb(db); });
  }
  std::string Value(const std::string& key) {
    std::string value = "(none)";
    database_.Run({{0, key, engine::Need::kValue}}, [&](auto& d) {
      const engine::Entry* entry = d.Find(0, key);
      char scratch[24];
      if (entry != nullptr) value = entry->StringView(scratch);
    });
    return value;
  }
  std::string Contents() {
    Keyspace found;
    database_.Contents(&found);
    return Describe(found);
  }
  // Ends the collecting checkpoint; what was changed since it began is captured with it.
  void LandCheckpoint() {
    const uint64_t before = db().GetStats().checkpoints;
    for (int i = 0; i < 100 && db().GetStats().checkpoint_running; ++i) database_.Tick();
    ASSERT_GT(db().GetStats().checkpoints, before);
  }
  // False is a failure of the test already; there is no database then.
  bool KillAndOpen() {
    database_.Kill();
    const codec::Status opened = database_.Open();
    EXPECT_TRUE(opened.ok()) << opened.ToString();
    return opened.ok();
  }

  static constexpr int64_t kLate = int64_t{1} << 42;
  std::shared_ptr<JournalFs> fs_ = std::make_shared<JournalFs>();
  TestDatabase database_{fs_};
};

class Nobody : public engine::Waiter {
 public:
  void OnReady() override {}
};

}  // namespace thermocline::testing
