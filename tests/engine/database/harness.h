// A Database on an injected file system, clock and seed, without threads of the engine, beside a
// model.
//
// Keyspace is what the database must hold: number -> key -> {value, deadline}. Op applies one
// random change to both. Contents() reads everything back through SCAN and compares as text, so
// that a difference names the key.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "engine/database.h"
#include "engine/env/file_system.h"
#include "engine/env/random.h"
#include "tests/engine/database/collection_workload.h"
#include "tests/support/fake_clock.h"
#include "tests/support/journal_fs.h"

namespace thermocline::testing {

struct ModelValue {
  std::string text;  // of a string
  int64_t deadline_ms = 0;
  std::vector<std::string> elements = {};  // of a collection, as ElementsOf has them
  bool operator==(const ModelValue&) const = default;
};
using Keyspace = std::map<int, std::map<std::string, ModelValue>>;

inline constexpr int kDatabases = 3;

inline std::string Describe(const Keyspace& keyspace) {
  std::string out;
  for (const auto& [db, keys] : keyspace) {
    for (const auto& [key, value] : keys) {
      out += std::to_string(db) + ":" + key + "=" + value.text;
      for (const std::string& element : value.elements) out += "," + element;
      out += "@" + std::to_string(value.deadline_ms) + "\n";
    }
  }
  return out;
}

/// Tests in which every call fails in turn try only every so many: THERMOCLINE_FAULT_STEP, else 1.
inline uint64_t FaultStep() {
  const char* text = std::getenv("THERMOCLINE_FAULT_STEP");
  return text != nullptr ? static_cast<uint64_t>(std::max(1, std::atoi(text))) : 1;
}

class TestDatabase {
 public:
  static constexpr const char* kDir = "/data";

  uint64_t maxmemory = 64 << 20;
  uint64_t machine_memory = uint64_t{4} << 30;
  size_t replay_window_keys = 3;  // many windows
  bool reads_first;               // with even seeds
  // Lists of a few nodes are paged; with every third seed none is.
  uint64_t paged_threshold;
  uint64_t link_threshold;  // with odd seeds all renames and copies are links
  // With every fourth seed a batch has one key, or what links tie to it, and lands by itself.
  bool small_batches;
  size_t replay_walk_records;  // with every other pair of seeds bases are looked up one by one
  // So small that both forms of each type occur.
  engine::TypeLimits type_limits{.list_max_listpack_size = 4,
                                 .hash_max_listpack_entries = 4,
                                 .hash_max_listpack_value = 20,
                                 .set_max_intset_entries = 4,
                                 .set_max_listpack_entries = 3,
                                 .set_max_listpack_value = 20,
                                 .zset_max_listpack_entries = 4,
                                 .zset_max_listpack_value = 20};

  explicit TestDatabase(std::shared_ptr<JournalFs> fs,
                        engine::FsyncPolicy policy = engine::FsyncPolicy::kAlways,
                        uint64_t seed = 1)
      : reads_first(seed % 2 == 0),
        paged_threshold(seed % 3 == 2 ? 64 << 10 : 500),
        link_threshold(seed % 2 == 1 ? 1 : 64 << 10),
        small_batches(seed % 4 == 3),
        replay_walk_records(seed % 4 < 2 ? 16 : 0),
        fs_(std::move(fs)),
        random_(seed),
        policy_(policy) {
    EXPECT_TRUE(engine::CreateDirDurably(fs_, kDir).ok());
  }

  codec::Status Open() {
    engine::Options options;
    options.dir = kDir;
    options.databases = kDatabases;
    options.fs = fs_;
    options.clock = &clock_;
    options.random = &random_;
    options.background = false;
    options.reads_first = reads_first;
    options.log_segment_bytes = 4096;
    options.cold_readers = 1;
    options.direct_io = false;
    options.fsync = policy_;
    options.append_only = append_only_;
    options.maxmemory = maxmemory;
    options.machine_memory = machine_memory;
    options.low_water_bytes = 0;
    options.type_limits = type_limits;
    options.paged_threshold = paged_threshold;
    options.link_threshold = link_threshold;
    if (small_batches) options.batch_bytes = options.staged_bytes_max = 1;
    options.replay_window_keys = replay_window_keys;
    options.replay_walk_records = replay_walk_records;
    options.headers_a_read = 2;  // many reads
    auto opened = engine::Database::Open(std::move(options));
    if (!opened.ok()) return opened.status();
    db_ = std::move(*opened);
    return {};
  }
  /// As after kill -9.
  void Kill() { db_.reset(); }

  engine::Database& db() { return *db_; }
  FakeClock& clock() { return clock_; }

  void Tick() {
    db_->Poll();
    db_->EndTick();
  }

  enum class Outcome { kRan, kReadFailed, kRefused };

  /// Runs `fn` in a frame once `keys` are resident. A failing read is a failure of the test, unless
  /// faults are expected: then it is an outcome, and while WriteError() is set nothing runs, as in
  /// the server.
  template <typename Fn>
  void Run(std::vector<engine::KeyRequest> keys, Fn&& fn) {
    outcome_ = Outcome::kRefused;
    if (expect_faults_ && !db_->WriteError().ok()) return;
    for (int i = 0; !db_->Prepare(keys, &waiter_); ++i) {
      ASSERT_LT(i, 1000) << "keys do not become resident";
      Tick();
    }
    const codec::Status read = db_->TakeReadError(&waiter_);
    const bool refused = expect_faults_ && !db_->WriteError().ok();
    if (!read.ok() || refused) {
      ASSERT_TRUE(expect_faults_) << read.ToString();
      db_->Release(&waiter_);
      if (!read.ok()) outcome_ = Outcome::kReadFailed;
      return;
    }
    outcome_ = Outcome::kRan;
    db_->BeginFrame();
    fn(*db_);
    db_->CommitFrame();
    db_->Release(&waiter_);
  }

  void SetAppendOnly(bool on) { append_only_ = on; }  // before Open
  void ExpectFaults(bool on) { expect_faults_ = on; }
  /// Of the last Run.
  Outcome outcome() const { return outcome_; }

  /// Begins a checkpoint, or a spill of everything, and gives it `ticks`; whether it was done by
  /// then.
  bool TryCheckpoint(int ticks) {
    Flag flag;
    if (!db_->StartCheckpoint(&flag).ok()) return false;
    return Within(&flag, ticks);
  }
  bool TrySpill(int ticks) {
    Flag flag;
    db_->SpillAll(&flag);
    return Within(&flag, ticks);
  }

  void Checkpoint() {
    Flag flag;
    ASSERT_TRUE(db_->StartCheckpoint(&flag).ok());
    Await(&flag);
  }
  void Spill() {
    Flag flag;
    db_->SpillAll(&flag);
    Await(&flag);
  }

  /// DBSIZE and the count of deadlines are exact from here on.
  void AwaitCounts() {
    for (int i = 0;; ++i) {
      Flag flag;
      if (db_->CountsKnown(&flag)) return;
      Await(&flag);
      if (::testing::Test::HasFatalFailure()) return;
      const codec::Status error = db_->TakeReadError(&flag);
      ASSERT_TRUE(error.ok() || (expect_faults_ && i < 5)) << error.ToString();
      if (!error.ok()) clock_.AdvanceMs(1000);  // it is tried again
    }
  }

  /// Everything the database holds.
  void Contents(Keyspace* out) {
    out->clear();
    AwaitCounts();
    for (int db = 0; db < kDatabases; ++db) {
      engine::ScanRequest request;
      request.db = db;
      std::vector<std::string> names;
      do {
        db_->BeginFrame();
        const auto page = db_->ScanStep(&request, nullptr);
        db_->CommitFrame();
        ASSERT_TRUE(page && page->status.ok());
        for (const auto& key : page->keys) names.push_back(key.key);
        request.cursor = page->next;
      } while (request.cursor != 0);
      ASSERT_EQ(names.size(), db_->Size(db)) << "DBSIZE of " << db;
      uint64_t expires = 0;
      for (const std::string& name : names) {
        Run({{db, name, engine::Need::kValue}}, [&](engine::Database& d) {
          const engine::Entry* entry = d.Find(db, name);
          ASSERT_NE(entry, nullptr) << name;
          ModelValue& value = (*out)[db][name];
          value.deadline_ms = entry->expiry_ms();
          char scratch[24];
          if (entry->type() == engine::ValueType::kString) {
            value.text = entry->StringView(scratch);
          } else {
            value.elements = ElementsOf(d, entry);
          }
          expires += entry->expiry_ms() != 0;
        });
      }
      ASSERT_EQ(expires, db_->DatabaseStats(db).expires) << "expires of " << db;
    }
  }

 private:
  class Flag : public engine::Waiter {
   public:
    void OnReady() override { set = true; }
    bool set = false;
  };
  void Await(Flag* flag) {
    for (int i = 0; !flag->set; ++i) {
      ASSERT_LT(i, 10000) << "a checkpoint does not end";
      Tick();
    }
  }

  bool Within(Flag* flag, int ticks) {
    for (int i = 0; i < ticks && !flag->set; ++i) Tick();
    if (!flag->set) db_->CancelWait(flag);
    return flag->set;
  }

  class Nobody : public engine::Waiter {
   public:
    void OnReady() override {}
  };

  std::shared_ptr<JournalFs> fs_;
  FakeClock clock_;
  engine::Random random_;
  engine::FsyncPolicy policy_;
  Nobody waiter_;
  bool append_only_ = true;
  bool expect_faults_ = false;
  Outcome outcome_ = Outcome::kRan;
  std::unique_ptr<engine::Database> db_;
};

/// One random change (a frame of one to four effects), applied to the database and the model alike.
class Workload {
 public:
  /// `value_bytes_max`: of the larger values; so large that memtables fill between checkpoints, if
  /// wanted.
  explicit Workload(uint64_t seed, int value_bytes_max = 1500)
      : rng_(seed), value_bytes_max_(value_bytes_max) {}

  void Step(TestDatabase* database, Keyspace* model) {
    const int db = Pick(kDatabases);
    std::string key = Key();
    std::string other = Key();
    const int other_db = Pick(kDatabases);
    using engine::ExpiryChange;
    using engine::Need;
    auto& keys = (*model)[db];
    if (Pick(3) == 0) {
      ChangeCollection(database, db, &keys, [this](int n) { return Pick(n); });
      std::erase_if(*model, [](const auto& item) { return item.second.empty(); });
      return;
    }
    const bool there = keys.contains(key);
    switch (Pick(16)) {
      case 0:
      case 1:
      case 2:
      case 3: {
        const std::string value = Value();
        database->Run({{db, key, Need::kHeader}}, [&](auto& d) { d.SetString(db, key, value); });
        keys[key] = {value, 0};
        break;
      }
      case 4: {
        const int64_t deadline = database->clock().WallMs() + 1'000'000 + Pick(1000);
        const std::string value = Value();
        database->Run({{db, key, Need::kHeader}},
                      [&](auto& d) { d.SetString(db, key, value, ExpiryChange::kSet, deadline); });
        keys[key] = {value, deadline};
        break;
      }
      case 5:
      case 6:
        DeleteKey(database, db, &keys, Pick(3) == 0 ? CollectionKey() : key);
        break;
      case 7:
        database->Run({{db, key, Need::kValue}}, [&](auto& d) { d.Append(db, key, "+tail"); });
        keys[key].text += "+tail";
        break;
      case 8: {
        int64_t number = 0;
        if (there && (keys[key].text.size() > 9 ||
                      keys[key].text.find_first_not_of("0123456789") != std::string::npos)) {
          return Step(database, model);
        }
        if (there) number = keys[key].text.empty() ? 0 : std::stoll(keys[key].text);
        if (there && std::to_string(number) != keys[key].text) return Step(database, model);
        database->Run({{db, key, Need::kValue}},
                      [&](auto& d) { EXPECT_EQ(d.IncrBy(db, key, 7), number + 7); });
        keys[key].text = std::to_string(number + 7);
        break;
      }
      case 9: {
        if (Pick(3) == 0) key = CollectionKey();
        if (!keys.contains(key)) return Step(database, model);
        const int64_t deadline = database->clock().WallMs() + 2'000'000;
        const bool persist = Pick(2) == 0;
        database->Run({{db, key, Need::kHeader}}, [&](auto& d) {
          persist ? d.Persist(db, key) : d.SetExpiry(db, key, deadline);
        });
        keys[key].deadline_ms = persist ? 0 : deadline;
        break;
      }
      case 10:
        if (Pick(3) == 0) {
          key = CollectionKey();
          other = key[0] + std::to_string(Pick(6));
        }
        ChangeName(database, model, {db, key}, {other_db, other});
        break;
      case 11: {
        const std::string a = Value(), b = Value();
        const std::vector<std::string_view> pairs{key, a, other, b};
        database->Run({{db, key, Need::kHeader}, {db, other, Need::kHeader}},
                      [&](auto& d) { d.SetMany(db, pairs); });
        keys[key] = {a, 0};
        keys[other] = {b, 0};
        break;
      }
      case 12:
        database->Run({{db, key, Need::kValue}}, [&](auto& d) { d.SetRange(db, key, 3, "xyz"); });
        keys[key].text.resize(std::max<size_t>(keys[key].text.size(), 6));
        keys[key].text.replace(3, 3, "xyz");
        break;
      case 13: {  // MULTI: delete, make anew, change another
        const std::string value = Value();
        database->Run({{db, key, Need::kHeader}, {other_db, other, Need::kValue}}, [&](auto& d) {
          d.Delete(db, key);
          d.SetString(db, key, value);
          d.Append(db, key, "!");
          d.Append(other_db, other, "?");
        });
        keys[key] = {value + "!", 0};
        (*model)[other_db][other].text += "?";
        break;
      }
      case 14:
        if (Pick(8) != 0) return Step(database, model);
        database->Run({}, [&](auto& d) { d.FlushDb(db); });
        keys.clear();
        break;
      default:
        if (Pick(4) != 0 || db == other_db) return Step(database, model);
        database->Run({}, [&](auto& d) { d.SwapDb(db, other_db); });
        std::swap(keys, (*model)[other_db]);
        break;
    }
    std::erase_if(*model, [](const auto& item) { return item.second.empty(); });
  }

  int Pick(int n) { return static_cast<int>(rng_() % static_cast<uint64_t>(n)); }

 private:
  std::string Key() { return "k" + std::to_string(Pick(24)); }
  std::string CollectionKey() { return "lhsz"[Pick(4)] + std::to_string(Pick(6)); }
  struct Name {
    int db;
    std::string key;
  };
  // RENAME, MOVE or COPY, and perhaps more in the same frame.
  void ChangeName(TestDatabase* database, Keyspace* model, const Name& from, Name to) {
    const bool copy = Pick(3) == 0;
    if (!copy && from.db != to.db) to.key = from.key;
    if (!(*model)[from.db].contains(from.key) || (from.db == to.db && from.key == to.key)) {
      return Step(database, model);
    }
    const bool remade = !copy && from.key[0] == 'k' && Pick(3) == 0;
    using engine::Need;
    database->Run({{from.db, from.key, Need::kValue}, {to.db, to.key, Need::kHeader}},
                  [&](auto& d) {
                    if (copy) {
                      d.CopyKey(from.db, from.key, to.db, to.key);
                    } else {
                      d.MoveKey(from.db, from.key, to.db, to.key);
                    }
                    if (remade) d.Append(from.db, from.key, "again");
                  });
    (*model)[to.db][to.key] = (*model)[from.db][from.key];
    if (!copy) (*model)[from.db].erase(from.key);
    if (remade) (*model)[from.db][from.key].text = "again";
  }
  static void DeleteKey(TestDatabase* database, int db, std::map<std::string, ModelValue>* keys,
                        const std::string& key) {
    const bool there = keys->erase(key) > 0;
    database->Run({{db, key, engine::Need::kHeader}},
                  [&](auto& d) { EXPECT_EQ(d.Delete(db, key), there) << key; });
  }
  std::string Value() {
    if (Pick(4) == 0) return std::to_string(Pick(1000));
    return std::string(
        static_cast<size_t>(Pick(value_bytes_max_ > 1500 ? 2 : 8) == 0 ? Pick(value_bytes_max_)
                                                                       : Pick(60)),
        static_cast<char>('a' + Pick(26)));
  }

  std::mt19937_64 rng_;
  const int value_bytes_max_;
};

}  // namespace thermocline::testing
