// A short run of every fuzz target inside the suite: seeds (golden files and texts) and mutations
// of them, a bounded count, a printed seed (THERMOCLINE_SEED repeats it). The long runs are
// scripts/fuzz.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "codec/bytes.h"
#include "codec/list_directory.h"
#include "codec/rdb/object.h"
#include "tests/codec/golden.h"

extern "C" {
int Fuzz_cold_record(const uint8_t* data, size_t size);
int Fuzz_collection_payload(const uint8_t* data, size_t size);
int Fuzz_list_directory(const uint8_t* data, size_t size);
int Fuzz_log_frame(const uint8_t* data, size_t size);
int Fuzz_packed(const uint8_t* data, size_t size);
int Fuzz_rdb_object(const uint8_t* data, size_t size);
int Fuzz_resp(const uint8_t* data, size_t size);
}

namespace thermocline::codec {
namespace {

constexpr int kRuns = 100000;
constexpr size_t kMaxInput = 4096;

using Target = int (*)(const uint8_t*, size_t);

std::vector<std::string> GoldenSeeds(const std::string& folder) {
  std::vector<std::string> seeds;
  const std::filesystem::path root = std::string(THERMOCLINE_SOURCE_DIR) + "/tests/golden";
  for (const auto& entry : std::filesystem::directory_iterator(root / folder)) {
    if (entry.path().extension() != ".hex") continue;
    seeds.push_back(Golden(folder + "/" + entry.path().filename().string()));
  }
  // The order of a directory is not fixed, a run has to be.
  std::sort(seeds.begin(), seeds.end());
  return seeds;
}

void Mutate(std::mt19937_64& random, const std::vector<std::string>& seeds, std::string* input) {
  const auto at = [&] { return input->empty() ? 0 : random() % input->size(); };
  switch (random() % 6) {
    case 0:
      if (!input->empty()) (*input)[at()] ^= static_cast<char>(1 << random() % 8);
      break;
    case 1:
      if (!input->empty()) (*input)[at()] = static_cast<char>(random());
      break;
    case 2:
      input->insert(at(), 1 + random() % 4, static_cast<char>(random()));
      break;
    case 3:
      if (!input->empty()) input->erase(at(), 1 + random() % 8);
      break;
    case 4: {
      const std::string& other = seeds[random() % seeds.size()];
      const size_t begin = other.empty() ? 0 : random() % other.size();
      input->insert(at(), other.substr(begin, random() % 64));
      break;
    }
    default:
      input->resize(at());
      break;
  }
  if (input->size() > kMaxInput) input->resize(kMaxInput);
}

void RunTarget(Target target, const std::vector<std::string>& seeds) {
  std::mt19937_64 random(TestSeed());
  const auto feed = [target](const std::string& input) {
    // An allocation of exactly the size, so that the sanitizer sees a read beyond it.
    const std::vector<uint8_t> exact(input.begin(), input.end());
    target(exact.data(), exact.size());
  };
  for (const std::string& seed : seeds) feed(seed);
  std::string input;
  for (int i = 0; i < kRuns; ++i) {
    if (i % 16 == 0) input = seeds[random() % seeds.size()];
    Mutate(random, seeds, &input);
    feed(input);
  }
}

TEST(FuzzSmoke, ColdRecord) { RunTarget(Fuzz_cold_record, GoldenSeeds("cold-tier/v2")); }

// Type and payload of every golden DUMP.
std::vector<std::string> CollectionSeeds() {
  std::vector<std::string> seeds;
  for (const std::string& dump : GoldenSeeds("rdb-collections/v1")) {
    seeds.push_back(dump.substr(0, dump.size() - 10));
  }
  return seeds;
}

TEST(FuzzSmoke, CollectionPayload) { RunTarget(Fuzz_collection_payload, CollectionSeeds()); }

TEST(FuzzSmoke, Packed) {
  // The packed values themselves, behind the number that chooses their reader.
  std::vector<std::string> seeds;
  for (const std::string& object : CollectionSeeds()) {
    static const std::map<uint8_t, char> kKinds = {
        {kRdbHashListpack, 0}, {kRdbZsetListpack, 0}, {kRdbSetIntset, 1},  {kRdbListZiplist, 2},
        {kRdbHashZiplist, 2},  {kRdbZsetZiplist, 2},  {kRdbHashZipmap, 3},
    };
    const auto kind = kKinds.find(static_cast<uint8_t>(object[0]));
    if (kind == kKinds.end()) continue;
    ByteReader reader(std::string_view(object).substr(1));
    const auto bytes = ReadRdbString(&reader);
    ASSERT_TRUE(bytes.ok());
    seeds.push_back(kind->second + *bytes);
  }
  RunTarget(Fuzz_packed, seeds);
}

TEST(FuzzSmoke, ListDirectory) {
  std::vector<std::string> seeds = {Golden("cold-tier/v2/elements_directory.hex")};
  // A longer one, of pushes to both ends: ids fall, then rise.
  std::string& longer = seeds.emplace_back();
  constexpr uint64_t kNodes = 60;
  AppendListDirectoryHead(&longer, 1000, kNodes);
  uint64_t previous_id = 0;
  for (uint64_t i = 0; i < kNodes; ++i) {
    const ListDirectoryNode node{
        .id = i < 30 ? 900 - i : 500 + i, .bytes = 8100 + i, .count = 1 + i * 7, .plain = i == 0};
    AppendListDirectoryNode(&longer, node, previous_id);
    previous_id = node.id;
  }
  RunTarget(Fuzz_list_directory, seeds);
}

TEST(FuzzSmoke, LogFrame) { RunTarget(Fuzz_log_frame, GoldenSeeds("log/v1")); }

TEST(FuzzSmoke, RdbObject) {
  std::vector<std::string> seeds = GoldenSeeds("rdb-object/v1");
  // The strings without their envelope are what the reader sees.
  for (size_t i = seeds.size(); i > 0; --i) {
    if (seeds[i - 1].size() > 11) seeds.push_back(seeds[i - 1].substr(1, seeds[i - 1].size() - 11));
  }
  RunTarget(Fuzz_rdb_object, seeds);
}

TEST(FuzzSmoke, Resp) {
  RunTarget(Fuzz_resp, {
                           "\x01*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$1\r\nv\r\n*1\r\n$4\r\nPING\r\n",
                           "\x06*2\r\n$4\r\nECHO\r\n$11\r\nhello world\r\n",
                           "\x05SET \"a\\x41 b\" 'c\\'d'\r\nPING\n\r\n*0\r\n*-1\r\n",
                           "\x02*11\r\n$16385\r\n",
                       });
}

}  // namespace
}  // namespace thermocline::codec
