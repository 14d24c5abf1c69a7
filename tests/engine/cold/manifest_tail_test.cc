// The torn end of a MANIFEST: cut where it was never written, refused where it is damaged.
//
// Manifests here are made by RocksDB itself, over a JournalFs, so that the format is not our
// reading of it.
#include "engine/cold/manifest_tail.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "codec/cold_record.h"
#include "engine/cold/cold_batch.h"
#include "engine/cold/rocks_backend.h"
#include "tests/support/journal_fs.h"

namespace thermocline::engine {
namespace {

using testing::JournalFs;
using testing::LossMode;

constexpr const char* kDir = "/cold";

RocksOptions OptionsOver(const std::shared_ptr<JournalFs>& fs) {
  RocksOptions options;
  options.fs = fs;
  options.dir = kDir;
  options.direct_io = false;
  options.opening_threads = 1;
  return options;
}

// A cold tier whose MANIFEST holds `flushes` atomic flushes.
std::shared_ptr<JournalFs> Made(int flushes) {
  auto fs = std::make_shared<JournalFs>();
  auto backend = RocksBackend::Open(OptionsOver(fs));
  EXPECT_TRUE(backend.ok()) << backend.status().ToString();
  for (int i = 1; i <= flushes; ++i) {
    ColdBatch batch;
    // Long, and in two families: the MANIFEST names the first and last key of each file, so one
    // sync covers several sectors.
    const std::string key = "key" + std::to_string(i) + std::string(600, 'k');
    ColdImage image;
    image.lsn = static_cast<Lsn>(i);
    batch.Put(0, static_cast<uint64_t>(i), key, image, std::string_view("value"), {});
    batch.SetCheckpoint("record", static_cast<Lsn>(i));
    EXPECT_TRUE((*backend)->Write(batch).ok());
    EXPECT_TRUE((*backend)->FlushAll().ok());
  }
  return fs;
}

std::string ManifestPath(const JournalFs& fs) {
  std::string current;
  EXPECT_TRUE(fs.ReadAll(std::string(kDir) + "/CURRENT", &current));
  return std::string(kDir) + "/" + current.substr(0, current.find('\n'));
}

std::string ManifestOf(const JournalFs& fs) {
  std::string bytes;
  EXPECT_TRUE(fs.ReadAll(ManifestPath(fs), &bytes));
  return bytes;
}

// Ends of whole records, 0 first.
std::vector<uint64_t> RecordEnds(const std::string& manifest) {
  std::vector<uint64_t> ends{0};
  for (size_t n = 1; n <= manifest.size(); ++n) {
    const auto end = FindManifestEnd(std::string_view(manifest).substr(0, n), "m");
    if (end.ok() && *end != ends.back()) ends.push_back(*end);
  }
  return ends;
}

TEST(ManifestTailTest, AWholeManifestIsLeftAlone) {
  const auto fs = Made(5);
  const uint64_t seq = fs->seq();
  ASSERT_TRUE(CutTornManifestTail(fs, kDir).ok());
  EXPECT_EQ(fs->seq(), seq);
}

TEST(ManifestTailTest, AShortenedManifestEndsWithItsLastWholeRecord) {
  const std::string manifest = ManifestOf(*Made(3));
  const std::vector<uint64_t> ends = RecordEnds(manifest);
  ASSERT_GT(ends.size(), 10u);
  EXPECT_EQ(ends.back(), manifest.size());
  for (size_t n = 1; n <= manifest.size(); ++n) {
    const auto end = FindManifestEnd(std::string_view(manifest).substr(0, n), "m");
    const uint64_t expected = *std::prev(std::upper_bound(ends.begin(), ends.end(), n));
    if (expected == 0) {
      EXPECT_EQ(end.status().code(), codec::StatusCode::kCorruption) << n;
    } else {
      ASSERT_TRUE(end.ok()) << n;
      EXPECT_EQ(*end, expected) << n;
    }
  }
}

TEST(ManifestTailTest, AnEndOfZerosIsCut) {
  const std::string manifest = ManifestOf(*Made(3));
  const std::vector<uint64_t> ends = RecordEnds(manifest);
  for (uint64_t from : {ends[ends.size() - 1], ends[ends.size() - 2], ends[ends.size() - 2] + 3}) {
    std::string torn = manifest.substr(0, from);
    torn.resize(from + 5000, '\0');
    const auto end = FindManifestEnd(torn, "m");
    ASSERT_TRUE(end.ok()) << end.status().ToString();
    EXPECT_EQ(*end, from == manifest.size() ? manifest.size() : ends[ends.size() - 2]);
  }
}

TEST(ManifestTailTest, AFlippedBitIsRefusedUnlessItIsInTheLastRecord) {
  const std::string manifest = ManifestOf(*Made(3));
  const std::vector<uint64_t> ends = RecordEnds(manifest);
  for (size_t byte = 0; byte < manifest.size(); ++byte) {
    for (int bit = 0; bit < 8; ++bit) {
      std::string damaged = manifest;
      damaged[byte] = static_cast<char>(damaged[byte] ^ (1 << bit));
      const auto end = FindManifestEnd(damaged, "the-manifest");
      if (byte >= ends[ends.size() - 2]) {
        ASSERT_TRUE(end.ok()) << byte;
        EXPECT_EQ(*end, ends[ends.size() - 2]);
        continue;
      }
      ASSERT_EQ(end.status().code(), codec::StatusCode::kCorruption) << byte << " bit " << bit;
      const uint64_t begin = *std::prev(std::upper_bound(ends.begin(), ends.end(), byte));
      const std::string place = "the-manifest at offset " + std::to_string(begin) + ":";
      ASSERT_NE(end.status().ToString().find(place), std::string::npos) << end.status().ToString();
    }
  }
}

TEST(ManifestTailTest, SectorsOfTheLastSyncThatWereNeverWrittenAreCutOff) {
  const std::string manifest = ManifestOf(*Made(8));
  const std::vector<uint64_t> ends = RecordEnds(manifest);
  ASSERT_GT(manifest.size(), 3 * 512u);
  for (uint64_t sector = 1; sector * 512 < manifest.size(); ++sector) {
    std::string torn = manifest;
    const uint64_t begin = sector * 512;
    const uint64_t end_of_zeros = std::min<uint64_t>(begin + 512, torn.size());
    std::fill(torn.begin() + static_cast<ptrdiff_t>(begin),
              torn.begin() + static_cast<ptrdiff_t>(end_of_zeros), '\0');
    const auto changed = std::mismatch(manifest.begin(), manifest.end(), torn.begin()).first;
    if (changed == manifest.end()) continue;  // it held zeros
    const auto end = FindManifestEnd(torn, "m");
    ASSERT_TRUE(end.ok()) << "sector " << sector << ": " << end.status().ToString();
    const auto first = static_cast<uint64_t>(changed - manifest.begin());
    EXPECT_EQ(*end, *std::prev(std::upper_bound(ends.begin(), ends.end(), first)));
  }
}

TEST(ManifestTailTest, NoiseNeverPassesForRecords) {
  std::mt19937_64 rng(7);
  for (int i = 0; i < 200; ++i) {
    std::string noise(rng() % 70'000, '\0');
    for (char& c : noise) c = static_cast<char>(rng());
    EXPECT_EQ(FindManifestEnd(noise, "m").status().code(), codec::StatusCode::kCorruption);
  }
}

// RocksDB alone refuses some of these.
TEST(ManifestTailTest, TheColdTierOpensAfterACutAtEveryWriteOfTheManifest) {
  const auto fs = Made(3);
  int cuts = 0;
  for (uint64_t point = 0; point <= fs->seq(); ++point) {
    if (fs->Describe(point).find("MANIFEST") == std::string::npos) continue;
    for (const LossMode mode : {LossMode::kTorn, LossMode::kRandom}) {
      for (uint64_t seed = 0; seed < 2; ++seed) {
        SCOPED_TRACE(fs->Describe(point) + ", mode " + std::to_string(static_cast<int>(mode)) +
                     ", seed " + std::to_string(seed));
        auto image = fs->ImageAt(point, seed, mode);
        const auto backend = RocksBackend::Open(OptionsOver(image));
        ASSERT_TRUE(backend.ok()) << backend.status().ToString();
        ++cuts;
      }
    }
  }
  EXPECT_GT(cuts, 30);
}

TEST(ManifestTailTest, ACutIsDurableAndTheRefusalOfOneChangesNothing) {
  const auto fs = Made(4);
  const std::string path = ManifestPath(*fs);
  const std::string manifest = ManifestOf(*fs);
  const std::vector<uint64_t> ends = RecordEnds(manifest);
  ASSERT_TRUE(fs->FlipBit(path, manifest.size() - 3, 2));
  ASSERT_TRUE(CutTornManifestTail(fs, kDir).ok());
  EXPECT_EQ(ManifestOf(*fs), manifest.substr(0, ends[ends.size() - 2]));
  EXPECT_EQ(ManifestOf(*fs->ImageAt(fs->seq(), 1, LossMode::kLoseAll)).size(),
            ends[ends.size() - 2]);

  ASSERT_TRUE(fs->FlipBit(path, ends[2] + 8, 0));
  const uint64_t seq = fs->seq();
  const codec::Status refused = CutTornManifestTail(fs, kDir);
  EXPECT_EQ(refused.code(), codec::StatusCode::kCorruption);
  EXPECT_NE(refused.ToString().find(path + " at offset " + std::to_string(ends[2])),
            std::string::npos);
  EXPECT_EQ(fs->seq(), seq);
}

void Overwrite(JournalFs* fs, const std::string& path, std::string_view contents) {
  ASSERT_TRUE(
      WriteFileAtomically(std::shared_ptr<JournalFs>(fs, [](JournalFs*) {}), path, contents).ok());
}

TEST(ManifestTailTest, ACurrentThatNamesNoManifestIsRefusedByName) {
  const auto fs = Made(1);
  for (const char* text : {"", "MANIFEST-", "MANIFEST-000005", "MANIFEST-00x005\n",
                           "../etc/passwd\n", "\n", "MANIFEST-000099\n"}) {
    Overwrite(fs.get(), std::string(kDir) + "/CURRENT", text);
    const codec::Status status = CutTornManifestTail(fs, kDir);
    EXPECT_EQ(status.code(), codec::StatusCode::kCorruption) << text;
    EXPECT_NE(status.ToString().find("/cold/CURRENT"), std::string::npos) << status.ToString();
  }
}

// RocksDB syncs a new MANIFEST before CURRENT names it: no power cut empties it.
TEST(ManifestTailTest, AnEmptyManifestIsCorruption) {
  const auto fs = Made(1);
  Overwrite(fs.get(), ManifestPath(*fs), "");
  const codec::Status status = CutTornManifestTail(fs, kDir);
  EXPECT_EQ(status.code(), codec::StatusCode::kCorruption);
  EXPECT_NE(status.ToString().find("MANIFEST-"), std::string::npos) << status.ToString();
}

TEST(ManifestTailTest, ReadErrorsAreReported) {
  const auto fs = Made(1);
  for (const char* part : {"CURRENT", "MANIFEST"}) {
    fs->AddFault({.kinds = testing::kFaultRead, .path_part = part, .nth = 1});
    EXPECT_EQ(CutTornManifestTail(fs, kDir).code(), codec::StatusCode::kIoError);
    fs->ClearFaults();
  }
  EXPECT_TRUE(CutTornManifestTail(fs, "/nowhere").ok());
}

}  // namespace
}  // namespace thermocline::engine
