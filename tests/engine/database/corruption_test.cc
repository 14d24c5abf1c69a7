// Damage and bad starts: a flipped bit anywhere is found and named, a start that cannot succeed
// says why and leaves the disk as it was, and no value is ever silently wrong.

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>

#include "codec/cold_record.h"
#include "engine/cold/rocks_backend.h"
#include "tests/engine/database/harness.h"

namespace thermocline::testing {
namespace {

using codec::StatusCode;
using engine::Need;

using Files = std::map<std::string, std::string>;

Files Snapshot(const JournalFs& fs) {
  Files files;
  for (const std::string& path : fs.Files()) {
    if (path.ends_with("LOCK")) continue;
    EXPECT_TRUE(fs.ReadAll(path, &files[path]));
  }
  return files;
}

std::string Difference(const Files& before, const Files& after) {
  for (const auto& [path, bytes] : before) {
    const auto it = after.find(path);
    if (it == after.end()) return path + " is gone";
    if (it->second != bytes) return path + " was changed";
  }
  for (const auto& [path, bytes] : after) {
    if (!before.contains(path)) return path + " is new";
  }
  return "";
}

std::shared_ptr<JournalFs> Copy(const JournalFs& fs) {
  return fs.ImageAt(fs.seq(), 0, LossMode::kKeepAll);
}

void Set(TestDatabase* database, Keyspace* model, const std::string& key,
         const std::string& value) {
  database->Run({{0, key, Need::kHeader}}, [&](auto& d) { d.SetString(0, key, value); });
  (*model)[0][key] = {value, 0};
  database->Tick();
}

std::vector<std::string> FilesWith(const JournalFs& fs, std::string_view part) {
  std::vector<std::string> found;
  for (const std::string& path : fs.Files()) {
    if (path.find(part) != std::string::npos) found.push_back(path);
  }
  return found;
}

// Path and offset of the last write to the log.
std::pair<std::string, uint64_t> LastLogWrite(const JournalFs& fs) {
  for (uint64_t i = fs.seq(); i-- > 0;) {
    const std::string text = fs.Describe(i);
    const size_t path = text.find("write /data/thermocline/log/");
    if (path == std::string::npos) continue;
    const size_t at = text.find(" @");
    return {text.substr(path + 6, at - path - 6), std::stoull(text.substr(at + 2))};
  }
  return {};
}

TEST(CorruptionTest, AFlippedBitInALiveLogSegmentIsRefusedByName) {
  auto fs = std::make_shared<JournalFs>();
  Keyspace model, before_last;
  {
    TestDatabase database(fs);
    ASSERT_TRUE(database.Open().ok());
    for (int i = 0; i < 8; ++i) {
      before_last = model;
      Set(&database, &model, "key" + std::to_string(i), "value" + std::to_string(i * 1000));
    }
    database.Kill();
  }
  const auto [segment, last_frame] = LastLogWrite(*fs);
  std::string bytes;
  ASSERT_TRUE(fs->ReadAll(segment, &bytes));
  const size_t end = bytes.find_last_not_of('\0') + 1;
  ASSERT_GT(end, last_frame);
  for (size_t byte = 0; byte < end + 40; ++byte) {
    SCOPED_TRACE("byte " + std::to_string(byte) + " of " + std::to_string(end) +
                 ", last frame at " + std::to_string(last_frame));
    auto damaged = Copy(*fs);
    ASSERT_TRUE(damaged->FlipBit(segment, byte, static_cast<int>(byte % 8)));
    const Files files = Snapshot(*damaged);
    TestDatabase database(damaged);
    const codec::Status opened = database.Open();
    if (byte < last_frame) {
      ASSERT_EQ(opened.code(), StatusCode::kCorruption) << opened.ToString();
      ASSERT_NE(opened.ToString().find(segment), std::string::npos) << opened.ToString();
      ASSERT_EQ(Difference(files, Snapshot(*damaged)), "");
      continue;
    }
    // Nothing says that the last frame was durable: it may be cut. Behind it nothing matters.
    ASSERT_TRUE(opened.ok()) << opened.ToString();
    Keyspace found;
    database.Contents(&found);
    const std::string text = Describe(found);
    ASSERT_TRUE(text == Describe(model) || (byte < end && text == Describe(before_last))) << text;
  }
}

TEST(CorruptionTest, WhatARecycledSegmentHeldBeforeDoesNotMatter) {
  auto fs = std::make_shared<JournalFs>();
  Keyspace model;
  {
    TestDatabase database(fs);
    ASSERT_TRUE(database.Open().ok());
    for (int i = 0; i < 200; ++i) {
      Set(&database, &model, "key" + std::to_string(i % 20),
          std::string(static_cast<size_t>(i), 'x'));
      if (i % 30 == 29) database.Checkpoint();
    }
    EXPECT_GT(database.db().GetStats().log.segments_recycled, 0u);
    database.Kill();
  }
  const auto [segment, last_frame] = LastLogWrite(*fs);
  std::string bytes;
  ASSERT_TRUE(fs->ReadAll(segment, &bytes));
  for (size_t byte = last_frame + 300; byte < bytes.size(); byte += 61) {
    auto damaged = Copy(*fs);
    ASSERT_TRUE(damaged->FlipBit(segment, byte, static_cast<int>(byte % 8)));
    TestDatabase database(damaged);
    ASSERT_TRUE(database.Open().ok()) << "byte " << byte;
    Keyspace found;
    database.Contents(&found);
    ASSERT_EQ(Describe(found), Describe(model)) << "byte " << byte;
  }
}

engine::RocksOptions ColdOptions(const std::shared_ptr<JournalFs>& fs) {
  engine::RocksOptions options;
  options.fs = fs;
  options.dir = "/data/thermocline/cold";
  options.direct_io = false;
  options.opening_threads = 1;
  return options;
}

// Everything in the cold tier, some of it in `payload`.
std::shared_ptr<JournalFs> WithColdData(Keyspace* model) {
  auto fs = std::make_shared<JournalFs>();
  TestDatabase database(fs);
  EXPECT_TRUE(database.Open().ok());
  for (int i = 0; i < 30; ++i) {
    const std::string value(static_cast<size_t>(i % 3 == 0 ? 700 : 30),
                            static_cast<char>('a' + i % 26));
    Set(&database, model, "key" + std::to_string(i), value + std::to_string(i * i));
  }
  database.Spill();
  EXPECT_EQ(database.db().GetStats().resident_keys, 0u);
  database.Kill();
  return fs;
}

// Opens and reads all of the model's keys. Errors must name `path`; nothing may be wrong. Whether
// all went well.
bool ReadAllOrNamed(const std::shared_ptr<JournalFs>& fs, const Keyspace& model,
                    const std::string& path) {
  TestDatabase database(fs);
  const Files files = Snapshot(*fs);
  const codec::Status opened = database.Open();
  if (!opened.ok()) {
    EXPECT_EQ(opened.code(), StatusCode::kCorruption) << opened.ToString();
    EXPECT_NE(opened.ToString().find(path), std::string::npos) << opened.ToString();
    EXPECT_EQ(Difference(files, Snapshot(*fs)), "");
    return false;
  }
  bool all = true;
  for (const auto& [db, keys] : model) {
    for (const auto& [key, value] : keys) {
      class Nobody : public engine::Waiter {
       public:
        void OnReady() override {}
      } waiter;
      const std::vector<engine::KeyRequest> request{{db, key, Need::kValue}};
      while (!database.db().Prepare(request, &waiter)) database.Tick();
      const codec::Status read = database.db().TakeReadError(&waiter);
      if (read.ok()) {
        database.db().BeginFrame();
        const engine::Entry* entry = database.db().Find(db, key);
        EXPECT_NE(entry, nullptr) << key;
        char scratch[24];
        EXPECT_TRUE(entry == nullptr || entry->StringView(scratch) == value.text) << key;
        database.db().CommitFrame();
      } else {
        all = false;
        EXPECT_EQ(read.code(), StatusCode::kCorruption) << read.ToString();
        EXPECT_NE(read.ToString().find(path), std::string::npos) << read.ToString();
      }
      database.db().CancelWait(&waiter);
    }
  }
  return all;
}

TEST(CorruptionTest, AFlippedBitInATableFileIsFoundAndNamed) {
  Keyspace model;
  const auto fs = WithColdData(&model);
  int found_by_reading = 0;
  std::set<std::string> live_files;
  for (const std::string& path : FilesWith(*fs, ".sst")) {
    std::string bytes;
    ASSERT_TRUE(fs->ReadAll(path, &bytes));
    for (size_t byte = 0; byte < bytes.size(); byte += 71) {
      SCOPED_TRACE(path + " byte " + std::to_string(byte) + " of " + std::to_string(bytes.size()));
      auto damaged = Copy(*fs);
      ASSERT_TRUE(damaged->FlipBit(path, byte, static_cast<int>(byte % 8)));
      bool live = true;
      {
        const auto copy = Copy(*fs);
        ASSERT_TRUE(copy->FlipBit(path, byte, static_cast<int>(byte % 8)));
        auto backend = engine::RocksBackend::Open(ColdOptions(copy));
        const codec::Status status =
            backend.ok() ? (*backend)->VerifyAll(nullptr) : backend.status();
        std::string left;
        live = copy->ReadAll(path, &left);  // opening deletes what is not
        if (live) {
          ASSERT_EQ(status.code(), StatusCode::kCorruption) << status.ToString();
          ASSERT_NE(status.ToString().find(path), std::string::npos) << status.ToString();
        }
      }
      if (!live) break;
      live_files.insert(path);
      found_by_reading += !ReadAllOrNamed(damaged, model, path);
      if (::testing::Test::HasFailure()) return;
    }
  }
  EXPECT_GE(live_files.size(), 3u);
  EXPECT_GT(found_by_reading, 10);
}

TEST(CorruptionTest, AFlippedBitInCurrentOrTheManifestIsNamed) {
  Keyspace model;
  const auto fs = WithColdData(&model);
  const std::string current = "/data/thermocline/cold/CURRENT";
  std::string bytes;
  ASSERT_TRUE(fs->ReadAll(current, &bytes));
  for (size_t byte = 0; byte < bytes.size(); ++byte) {
    auto damaged = Copy(*fs);
    ASSERT_TRUE(damaged->FlipBit(current, byte, static_cast<int>(byte % 8)));
    const Files files = Snapshot(*damaged);
    TestDatabase database(damaged);
    const codec::Status opened = database.Open();
    ASSERT_EQ(opened.code(), StatusCode::kCorruption) << opened.ToString();
    ASSERT_NE(opened.ToString().find(current), std::string::npos) << opened.ToString();
    ASSERT_EQ(Difference(files, Snapshot(*damaged)), "");
  }
  const std::string manifest = "/data/thermocline/cold/" + bytes.substr(0, bytes.size() - 1);
  ASSERT_TRUE(fs->ReadAll(manifest, &bytes));
  int refused = 0;
  for (size_t byte = 0; byte < bytes.size(); byte += 7) {
    SCOPED_TRACE("MANIFEST byte " + std::to_string(byte) + " of " + std::to_string(bytes.size()));
    auto damaged = Copy(*fs);
    ASSERT_TRUE(damaged->FlipBit(manifest, byte, static_cast<int>(byte % 8)));
    const Files files = Snapshot(*damaged);
    TestDatabase database(damaged);
    const codec::Status opened = database.Open();
    if (opened.ok()) {  // the last record: cut, and made good from the log
      Keyspace found;
      database.Contents(&found);
      ASSERT_EQ(Describe(found), Describe(model));
      continue;
    }
    ++refused;
    ASSERT_EQ(opened.code(), StatusCode::kCorruption) << opened.ToString();
    if (opened.ToString().find(manifest) != std::string::npos) {
      ASSERT_EQ(Difference(files, Snapshot(*damaged)), "");
    } else {  // cut, but the log begins behind it
      ASSERT_NE(opened.ToString().find("/log"), std::string::npos) << opened.ToString();
    }
  }
  EXPECT_GT(refused, 50);
}

TEST(BadStartTest, AnotherFormatVersionIsRefused) {
  Keyspace model;
  const auto fs = WithColdData(&model);
  {
    auto backend = engine::RocksBackend::Open(ColdOptions(fs));
    ASSERT_TRUE(backend.ok());
    ASSERT_TRUE((*backend)->WriteMeta(codec::kMetaFormat, codec::EncodeMetaFormat(999)).ok());
    ASSERT_TRUE((*backend)->FlushAll().ok());
  }
  const Files files = Snapshot(*fs);
  TestDatabase database(fs);
  const codec::Status opened = database.Open();
  EXPECT_EQ(opened.code(), StatusCode::kUnsupported) << opened.ToString();
  EXPECT_NE(opened.ToString().find("999"), std::string::npos) << opened.ToString();
  EXPECT_EQ(Difference(files, Snapshot(*fs)), "");
}

TEST(BadStartTest, AFullDiskIsReportedAndHarmless) {
  Keyspace model;
  const auto fs = WithColdData(&model);
  {
    TestDatabase database(fs);
    ASSERT_TRUE(database.Open().ok());
    Set(&database, &model, "late", "change");
    database.Kill();
  }
  const uint64_t used = fs->UsedBytes();
  int refused = 0;
  for (uint64_t room = 0; room < 30'000; room += 500) {
    SCOPED_TRACE("room " + std::to_string(room));
    auto full = Copy(*fs);
    full->SetQuota(used + room);
    TestDatabase database(full);
    const codec::Status opened = database.Open();
    if (!opened.ok()) {
      ++refused;
      ASSERT_EQ(opened.code(), StatusCode::kNoSpace) << opened.ToString();
    }
    database.Kill();
    full->SetQuota(UINT64_MAX);
    const codec::Status again = database.Open();
    ASSERT_TRUE(again.ok()) << again.ToString();
    Keyspace found;
    database.Contents(&found);
    ASSERT_EQ(Describe(found), Describe(model));
  }
  EXPECT_GT(refused, 0);
}

// Of an existing database, and of one that is being made.
TEST(BadStartTest, AnyCallOfAStartMayFail) {
  Keyspace model;
  const auto with_data = WithColdData(&model);
  {
    TestDatabase database(with_data);
    ASSERT_TRUE(database.Open().ok());
    Set(&database, &model, "late", "change");
    database.Kill();
  }
  auto empty = std::make_shared<JournalFs>();
  ASSERT_TRUE(engine::CreateDirDurably(empty, "/data").ok());
  const Keyspace nothing;
  for (const auto& [fs, expected] :
       {std::pair{with_data, &static_cast<const Keyspace&>(model)}, std::pair{empty, &nothing}}) {
    for (const uint32_t kinds :
         {uint32_t{kFaultMutations}, uint32_t{kFaultOpen | kFaultMetadata}, uint32_t{kFaultRead}}) {
      bool more = true;
      for (uint64_t nth = 1; more; nth += FaultStep()) {
        SCOPED_TRACE("kinds " + std::to_string(kinds) + ", call " + std::to_string(nth));
        auto image = Copy(*fs);
        TestDatabase database(image);
        image->ResetCallCounts();
        image->AddFault({.kinds = kinds, .nth = nth, .from_then_on = nth / FaultStep() % 2 == 0});
        const codec::Status opened = database.Open();
        more = image->CallCount(kinds) >= nth;
        ASSERT_TRUE(opened.ok() || !opened.message().empty());
        database.Kill();
        image->ClearFaults();
        const codec::Status again = database.Open();
        ASSERT_TRUE(again.ok()) << again.ToString();
        Keyspace found;
        database.Contents(&found);
        ASSERT_EQ(Describe(found), Describe(*expected));
      }
    }
  }
}

}  // namespace
}  // namespace thermocline::testing
