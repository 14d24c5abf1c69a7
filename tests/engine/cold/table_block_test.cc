// FindInBlock: blocks written here after the format's description, damaged ones, and noise. That
// RocksDB's own blocks are understood is direct_reads_test's.
#include "engine/cold/table_block.h"

#include <gtest/gtest.h>
#include <lz4.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "engine/env/random.h"

namespace thermocline::engine {
namespace {

constexpr char kValue = 1;
constexpr char kMerge = 2;
constexpr char kDeletion = 0;

struct Row {
  std::string key;
  char kind;
  std::string value;
};

void AppendVarint(std::string* out, size_t value) {
  for (; value >= 128; value >>= 7) out->push_back(static_cast<char>(value | 128));
  out->push_back(static_cast<char>(value));
}

void AppendFixed32(std::string* out, uint32_t value) {
  for (int shift = 0; shift < 32; shift += 8) out->push_back(static_cast<char>(value >> shift));
}

std::string Entries(const std::vector<Row>& rows, size_t interval) {
  std::string out, before;
  std::vector<uint32_t> restarts;
  for (size_t i = 0; i < rows.size(); ++i) {
    const std::string key = rows[i].key + rows[i].kind + std::string(7, 'n');
    size_t shared = 0;
    if (i % interval == 0) {
      restarts.push_back(static_cast<uint32_t>(out.size()));
    } else {
      while (shared < key.size() && shared < before.size() && key[shared] == before[shared])
        ++shared;
    }
    AppendVarint(&out, shared);
    AppendVarint(&out, key.size() - shared);
    AppendVarint(&out, rows[i].value.size());
    out += key.substr(shared) + rows[i].value;
    before = key;
  }
  for (const uint32_t restart : restarts) AppendFixed32(&out, restart);
  AppendFixed32(&out, static_cast<uint32_t>(restarts.size()));
  return out;
}

std::string Plain(const std::vector<Row>& rows, size_t interval = 2) {
  return Entries(rows, interval) + '\0' + "sum!";
}

std::string Compressed(const std::vector<Row>& rows) {
  const std::string entries = Entries(rows, 2);
  std::string out;
  AppendVarint(&out, entries.size());
  std::string body(static_cast<size_t>(LZ4_compressBound(static_cast<int>(entries.size()))), '\0');
  const int size = LZ4_compress_default(
      entries.data(), body.data(), static_cast<int>(entries.size()), static_cast<int>(body.size()));
  return out + body.substr(0, static_cast<size_t>(size)) + '\4' + "sum!";
}

std::optional<std::string> Find(std::string_view block, std::string_view key) {
  std::string uncompressed;
  const auto value = FindInBlock(block, key, &uncompressed);
  return value ? std::optional<std::string>(*value) : std::nullopt;
}

const std::vector<Row> kRows = {
    {"alpha", kValue, "1"},      {"alphabet", kValue, std::string(300, 'x')},
    {"beta", kMerge, "operand"}, {"beta", kValue, "under it"},
    {"gamma", kDeletion, ""},    {"gamma", kValue, "deleted"},
    {"twice", kValue, "new"},    {"twice", kValue, "old"},
    {"zeta", kValue, ""}};

TEST(TableBlock, TheNewestRowIsFoundIfItIsAValue) {
  for (const std::string& block :
       {Plain(kRows, 1), Plain(kRows, 2), Plain(kRows, 16), Compressed(kRows)}) {
    EXPECT_EQ(Find(block, "alpha"), "1");
    EXPECT_EQ(Find(block, "alphabet"), std::string(300, 'x'));
    EXPECT_EQ(Find(block, "beta"), std::nullopt);
    EXPECT_EQ(Find(block, "gamma"), std::nullopt);
    EXPECT_EQ(Find(block, "twice"), "new");
    EXPECT_EQ(Find(block, "zeta"), "");
    EXPECT_EQ(Find(block, "alph"), std::nullopt);
    EXPECT_EQ(Find(block, "zz"), std::nullopt);
    EXPECT_EQ(Find(block, ""), std::nullopt);
  }
}

TEST(TableBlock, WhatIsNotUnderstoodIsNotFound) {
  std::string block = Plain(kRows);
  block[block.size() - kBlockTrailer] = 7;  // ZSTD
  EXPECT_EQ(Find(block, "alpha"), std::nullopt);
  block = Plain(kRows);
  block[block.size() - kBlockTrailer - 1] = '\x80';  // an index by hash
  EXPECT_EQ(Find(block, "alpha"), std::nullopt);
  std::string huge;
  AppendVarint(&huge, kBlockBytesMax + 1);
  EXPECT_EQ(Find(huge + std::string(20, 'x') + '\4' + "sum!", "alpha"), std::nullopt);
}

// Under ASan: no byte outside is read.
TEST(TableBlock, DamagedBlocksAreSafe) {
  Random random(3);
  for (const std::string& block : {Plain(kRows), Compressed(kRows)}) {
    for (size_t length = 0; length < block.size(); ++length) {
      const std::string cut = block.substr(0, length);
      (void)Find(std::string(cut), "twice");
      (void)Find(block.substr(block.size() - length), "twice");
    }
    for (int i = 0; i < 20'000; ++i) {
      std::string damaged = block;
      for (uint64_t n = random.Uniform(4) + 1; n > 0; --n) {
        damaged[random.Uniform(damaged.size())] = static_cast<char>(random.Next());
      }
      (void)Find(damaged, "twice");
    }
  }
  for (int i = 0; i < 20'000; ++i) {
    std::string noise(random.Uniform(64), '\0');
    for (char& c : noise) c = static_cast<char>(random.Next());
    (void)Find(noise + '\0' + "sum!", "n");
    (void)Find(noise + '\4' + "sum!", "n");
  }
}

}  // namespace
}  // namespace thermocline::engine
