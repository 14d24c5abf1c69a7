// What recovery finds, cuts and refuses.
#include <gtest/gtest.h>
#include <rocksdb/file_system.h>

#include <algorithm>
#include <cctype>
#include <deque>
#include <fstream>
#include <set>
#include <span>
#include <utility>

#include "engine/log/recovery.h"
#include "engine/log/segment.h"
#include "tests/engine/log/log_harness.h"

namespace thermocline::engine {
namespace {

using testing::JournalFs;
using testing::LossMode;

struct Place {
  std::string path;
  uint64_t begin = 0;
  uint64_t end = 0;
  Lsn lsn = 0;
};

Status ReplayAll(const std::shared_ptr<JournalFs>& fs, Lsn from, std::vector<Place>* places,
                 uint64_t* end) {
  LogHarness h(1);
  h.fs = fs;
  TC_ASSIGN_OR_RETURN(auto log, Log::Open(h.Options()));
  *end = log->EndOffset();
  return log->Replay(from, [&](const ReplayFrame& frame) {
    if (places != nullptr) {
      const uint64_t size = codec::FrameSize(frame.flags, frame.payload.size());
      places->push_back({std::string(frame.segment_path), frame.file_offset,
                         frame.file_offset + size, frame.lsn});
    }
    return Status::Ok();
  });
}

TEST(LogRecovery, AFlippedBitAnywhereInALiveSegmentIsFoundAndNamed) {
  for (uint64_t seed : {11, 12, 13}) {
    LogHarness h(seed, seed == 11 ? FsyncPolicy::kAlways : FsyncPolicy::kEverySec);
    h.Open();
    h.Run(80, seed == 13);
    h.Recycle(h.log->DurableEnd() / 2);
    ASSERT_TRUE(h.log->Close().ok());
    const auto whole = h.fs->ImageAt(h.fs->seq(), 0, LossMode::kLoseAll);
    std::vector<Place> places;
    uint64_t whole_end = 0;
    ASSERT_TRUE(ReplayAll(whole, h.floor, &places, &whole_end).ok());
    ASSERT_GT(places.size(), 50u);
    auto expect_named = [&](const std::string& path, uint64_t byte, int bit) {
      auto image = h.fs->ImageAt(h.fs->seq(), 0, LossMode::kLoseAll);
      ASSERT_TRUE(image->FlipBit(path, byte, bit));
      uint64_t end = 0;
      const Status status = ReplayAll(image, h.floor, nullptr, &end);
      ASSERT_FALSE(status.ok()) << path << " @" << byte << " bit " << bit << " seed " << seed;
      ASSERT_TRUE(status.code() == codec::StatusCode::kCorruption ||
                  status.code() == codec::StatusCode::kUnsupported);
      ASSERT_NE(status.ToString().find(path + " at offset"), std::string::npos)
          << status.ToString() << " should name " << path;
    };
    Random random(seed);
    std::string last_path;
    for (size_t i = 0; i + 1 < places.size(); ++i) {  // the last one is the PING of the close
      const Place& place = places[i];
      if (place.path != last_path) {
        last_path = place.path;
        for (int k = 0; k < 40; ++k) {
          expect_named(place.path, random.Uniform(64), static_cast<int>(random.Uniform(8)));
        }
      }
      for (int k = 0; k < 4; ++k) {  // a frame's header fields, and its payload
        expect_named(place.path, place.begin + random.Uniform(codec::kFrameHeaderSize),
                     static_cast<int>(random.Uniform(8)));
        expect_named(place.path, place.begin + random.Uniform(place.end - place.begin),
                     static_cast<int>(random.Uniform(8)));
      }
    }
    // A flip in the last frame is indistinguishable from a torn write, and costs a PING.
    auto image = h.fs->ImageAt(h.fs->seq(), 0, LossMode::kLoseAll);
    ASSERT_TRUE(image->FlipBit(places.back().path, places.back().begin + 30, 0));
    uint64_t end = 0;
    ASSERT_TRUE(ReplayAll(image, h.floor, nullptr, &end).ok());
    EXPECT_EQ(end, places.back().lsn - 1);
  }
}

TEST(LogRecovery, AFlippedBitOutsideTheLiveFramesChangesNothing) {
  LogHarness h(21, FsyncPolicy::kAlways);
  h.Open();
  h.Run(80, true);
  h.Recycle(h.frames[h.frames.size() / 2].lsn);  // mid-frame, its segment would be live, too
  ASSERT_TRUE(h.log->Close().ok());
  std::vector<Place> places;
  uint64_t whole_end = 0;
  ASSERT_TRUE(
      ReplayAll(h.fs->ImageAt(h.fs->seq(), 0, LossMode::kLoseAll), h.floor, &places, &whole_end)
          .ok());
  std::map<std::string, uint64_t> live;
  for (const Place& place : places) live[place.path] = std::max(live[place.path], place.end);
  Random random(21);
  int tried = 0;
  for (const std::string& path : h.fs->Files()) {
    std::string data;
    ASSERT_TRUE(h.fs->ReadAll(path, &data));
    for (int k = 0; k < 60; ++k) {
      const uint64_t begin = live.contains(path) ? live[path] : 0;
      if (begin >= data.size()) continue;
      const uint64_t byte = begin + random.Uniform(data.size() - begin);
      auto image = h.fs->ImageAt(h.fs->seq(), 0, LossMode::kLoseAll);
      ASSERT_TRUE(image->FlipBit(path, byte, static_cast<int>(random.Uniform(8))));
      uint64_t end = 0;
      // A spare's blank header that is not blank any more cannot be told from a live one.
      if (!ReplayAll(image, h.floor, nullptr, &end).ok()) {
        ASSERT_TRUE(byte < 64 && !live.contains(path)) << path << " @" << byte;
        continue;
      }
      ASSERT_EQ(end, whole_end) << path << " @" << byte;
      ++tried;
    }
  }
  EXPECT_GT(tried, 50);
}

TEST(LogRecovery, ALogThatEndsBeforeTheColdTierIsRefused) {
  LogHarness h(1);
  h.Open();
  h.Append(RespCommand({"SET", "a", "b"}));
  ASSERT_TRUE(h.log->SyncNow().ok());
  const uint64_t end = h.log->EndOffset();
  h.log = std::move(*Log::Open(h.Options()));
  const uint64_t before = h.fs->seq();
  const Status status = h.log->Start(end + 1);
  EXPECT_EQ(status.code(), codec::StatusCode::kCorruption);
  EXPECT_EQ(h.fs->seq(), before) << "a refused start changes nothing";
  h.log = std::move(*Log::Open(h.Options()));
  EXPECT_TRUE(h.log->Start(end).ok());
}

TEST(LogRecovery, ReplayBelowWhatIsLeftIsRefused) {
  LogHarness h(2, FsyncPolicy::kAlways);
  h.Open();
  h.Run(60, false);
  h.Recycle(h.log->DurableEnd());
  h.Run(30, false);
  ASSERT_TRUE(h.log->Close().ok());
  uint64_t end = 0;
  const Status status = ReplayAll(h.fs, 1, nullptr, &end);
  EXPECT_EQ(status.code(), codec::StatusCode::kCorruption) << status.ToString();
  EXPECT_TRUE(ReplayAll(h.fs, h.floor, nullptr, &end).ok());
}

TEST(LogRecovery, AMissingSegmentInTheMiddleIsCorruption) {
  LogHarness h(3, FsyncPolicy::kAlways);
  h.Open();
  h.Run(60, false);
  ASSERT_TRUE(h.log->Close().ok());
  std::vector<Place> places;
  uint64_t end = 0;
  ASSERT_TRUE(ReplayAll(h.fs, h.floor, &places, &end).ok());
  std::vector<std::string> paths;
  for (const Place& place : places) {
    if (paths.empty() || paths.back() != place.path) paths.push_back(place.path);
  }
  ASSERT_GE(paths.size(), 3u);
  for (size_t i = 0; i < paths.size(); ++i) {
    auto image = h.fs->ImageAt(h.fs->seq(), 0, LossMode::kLoseAll);
    ASSERT_TRUE(image->DeleteFile(paths[i], rocksdb::IOOptions(), nullptr).ok());
    const Status status = ReplayAll(image, h.floor, nullptr, &end);
    if (i + 1 == paths.size()) {
      // The log alone cannot know about a last segment that is gone altogether; "high" can.
      ASSERT_TRUE(status.ok()) << status.ToString();
    } else {
      ASSERT_EQ(status.code(), codec::StatusCode::kCorruption) << paths[i];
    }
  }
}

TEST(LogRecovery, AnotherFormatVersionIsRefusedAndNothingChanges) {
  LogHarness h(4);
  h.Open();
  h.Run(3, false);
  ASSERT_TRUE(h.log->Close().ok());
  h.log.reset();
  const std::string path = std::string(LogHarness::kDir) + "/segment-00000001.log";
  // Version 1 -> 0x0101, checksum not repaired: two flips, so no single one explains it.
  ASSERT_TRUE(h.fs->FlipBit(path, 7, 0));
  ASSERT_TRUE(h.fs->FlipBit(path, 7, 1));
  const uint64_t before = h.fs->seq();
  const auto log = Log::Open(h.Options());
  ASSERT_FALSE(log.ok());
  EXPECT_EQ(log.status().code(), codec::StatusCode::kUnsupported);
  EXPECT_NE(log.status().ToString().find(path), std::string::npos);
  for (uint64_t i = before; i < h.fs->seq(); ++i) {
    EXPECT_NE(h.fs->Describe(i).find("sync-dir"), std::string::npos) << h.fs->Describe(i);
  }
}

TEST(LogRecovery, AnIoErrorWhileReadingIsNotTakenForATail) {
  LogHarness h(5);
  h.Open();
  h.Run(20, false);
  ASSERT_TRUE(h.log->Close().ok());
  h.log.reset();
  h.fs->ResetCallCounts();
  uint64_t end = 0;
  ASSERT_TRUE(ReplayAll(h.fs, h.floor, nullptr, &end).ok());
  const uint32_t kinds = testing::kFaultRead | testing::kFaultOpen | testing::kFaultMetadata;
  const uint64_t calls = h.fs->CallCount(kinds);
  for (uint64_t nth = 1; nth <= calls; ++nth) {
    h.fs->AddFault({.kinds = kinds, .nth = nth});
    EXPECT_EQ(ReplayAll(h.fs, h.floor, nullptr, &end).code(), codec::StatusCode::kIoError) << nth;
    h.fs->ClearFaults();
  }
}

TEST(LogRecovery, ReplayStopsWithThePlaceOfTheFrameThatTheCallerRefused) {
  LogHarness h(6);
  h.Open();
  h.Append(RespCommand({"SET", "a", "b"}));
  ASSERT_TRUE(h.log->Close().ok());
  h.log = std::move(*Log::Open(h.Options()));
  const Status status =
      h.log->Replay(1, [](const ReplayFrame&) { return Status::Corruption("no such key"); });
  EXPECT_EQ(status.ToString(),
            "corruption: /data/log/segment-00000001.log at offset 64 (LSN 1): no such key");
}

TEST(LogRecovery, EveryFrameIsForeseenBeforeItIsDelivered) {
  LogHarness h(9, FsyncPolicy::kEverySec);
  h.Open();
  h.Run(300, false);
  ASSERT_TRUE(h.log->Close().ok());
  h.log.reset();
  h.log = std::move(*Log::Open(h.Options()));
  std::deque<std::pair<Lsn, std::string>> foreseen;
  std::set<std::string> segments;
  size_t frames = 0, most = 0;
  const Status status = h.log->Replay(
      h.floor,
      [&](const ReplayFrame& frame) {
        EXPECT_FALSE(foreseen.empty());
        EXPECT_EQ(foreseen.front(), std::pair(frame.lsn, std::string(frame.payload)));
        foreseen.pop_front();
        segments.emplace(frame.segment_path);
        ++frames;
        return Status::Ok();
      },
      [&](std::span<const ReplayFrame> next) {
        EXPECT_TRUE(foreseen.empty()) << "those before have been delivered";
        most = std::max(most, next.size());
        for (const ReplayFrame& frame : next) foreseen.emplace_back(frame.lsn, frame.payload);
      });
  ASSERT_TRUE(status.ok()) << status.ToString();
  EXPECT_TRUE(foreseen.empty());
  EXPECT_GT(frames, 50u);
  EXPECT_GT(most, 1u);
  EXPECT_GT(segments.size(), 1u);
}

TEST(LogRecovery, KeylessFramesDoNotUseUpTheSelectContext) {
  LogHarness h(8);
  h.Open();
  h.log->Append(RespCommand({"SELECT", "5"}) + RespCommand({"SET", "a", "1"}), 0, 5);
  const Lsn from = h.log->Append(RespCommand({"PUBLISH", "c", "m"}), codec::kFrameKeyless, 5);
  h.log->Append(RespCommand({"SET", "b", "2"}), 0, 5);
  h.log->Append(RespCommand({"SET", "c", "3"}), 0, 5);
  ASSERT_TRUE(h.log->Close().ok());
  h.log = std::move(*Log::Open(h.Options()));
  std::vector<int32_t> contexts;
  ASSERT_TRUE(h.log
                  ->Replay(from,
                           [&](const ReplayFrame& frame) {
                             contexts.push_back(frame.select_context);
                             return Status::Ok();
                           })
                  .ok());
  EXPECT_EQ(contexts, (std::vector<int32_t>{5, 5, -1, -1}));
}

TEST(LogRecovery, TheGoldenSegmentIsRead) {
  // The codec's golden header and frames, put together as docs/formats/log.md describes.
  auto read_hex = [](const std::string& name) {
    std::ifstream in(std::string(THERMOCLINE_GOLDEN_DIR) + "/log/v1/" + name);
    EXPECT_TRUE(in) << name;
    std::string bytes;
    for (std::string line; std::getline(in, line);) {
      line = line.substr(0, line.find('#'));
      std::erase_if(line, [](char c) { return std::isspace(static_cast<unsigned char>(c)) != 0; });
      for (size_t i = 0; i + 1 < line.size(); i += 2) {
        bytes.push_back(static_cast<char>(std::stoi(line.substr(i, 2), nullptr, 16)));
      }
    }
    return bytes;
  };
  auto fs = std::make_shared<JournalFs>();
  ASSERT_TRUE(CreateDirDurably(fs, "/data").ok());
  ASSERT_TRUE(CreateDirDurably(fs, LogHarness::kDir).ok());
  const std::string path = std::string(LogHarness::kDir) + "/segment-00000001.log";
  ASSERT_TRUE(WriteFileAtomically(fs, path,
                                  read_hex("segment_header.hex") + read_hex("frame.hex") +
                                      read_hex("frame_upstream.hex"))
                  .ok());
  std::vector<ModelFrame> model(2);
  model[0].lsn = 4097;
  model[0].payload = RespCommand({"SET", "k", "v"});
  model[0].select_before = 9;
  model[1].lsn = model[0].end() + 1;
  model[1].payload = RespCommand({"PING"});
  model[1].flags = codec::kFrameKeyless | codec::kFrameHasUpstream;
  uint64_t end = 0;
  EXPECT_TRUE(LogHarness::CheckImage(fs, model, 4097, model[1].end(), &end));
  EXPECT_EQ(end, model[1].end());
}

TEST(LogRecovery, ASegmentWrittenByTheCodecAloneIsRead) {
  auto fs = std::make_shared<JournalFs>();
  ASSERT_TRUE(CreateDirDurably(fs, "/data").ok());
  ASSERT_TRUE(CreateDirDurably(fs, LogHarness::kDir).ok());
  codec::SegmentHeader header;
  header.generation = GenerationOf(1, 99);
  header.base_lsn = 1;
  header.select_db = 7;
  std::string bytes;
  codec::EncodeSegmentHeader(header, &bytes);
  const std::string payload = RespCommand({"SET", "a", "b"});
  codec::FrameHeader frame;
  frame.lsn = 1;
  frame.durable_lsn = 1;
  codec::AppendFrame(&bytes, header.generation, frame, payload);
  frame.lsn = 1 + payload.size();
  codec::AppendFrame(&bytes, header.generation, frame, payload);
  ASSERT_TRUE(
      WriteFileAtomically(fs, std::string(LogHarness::kDir) + "/segment-00000001.log", bytes).ok());
  std::vector<ModelFrame> model(2);
  for (size_t i = 0; i < 2; ++i) {
    model[i].lsn = 1 + i * payload.size();
    model[i].payload = payload;
    model[i].select_before = 7;
  }
  uint64_t end = 0;
  EXPECT_TRUE(LogHarness::CheckImage(fs, model, 1, 2 * payload.size(), &end));
}

}  // namespace
}  // namespace thermocline::engine
