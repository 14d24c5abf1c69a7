// The merge alone: what RocksDB may hand it, damage included.
#include "engine/cold/header_merge.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "codec/cold_record.h"
#include "rocksdb/merge_operator.h"

namespace thermocline::engine {
namespace {

using codec::ColdHeader;
using rocksdb::MergeOperator;
using rocksdb::Slice;

const std::string kKey = codec::EncodeChunkKey(1, 2, "key", 0);
const std::string kPayload(300, 'p');

ColdHeader HeaderAt(codec::Lsn lsn) {
  ColdHeader header;
  header.lsn = lsn;
  header.length = kPayload.size();
  return header;
}

std::string Operand(const ColdHeader& header) {
  std::string bytes;
  codec::AppendColdValue(&bytes, kKey, header, {});
  return bytes;
}

std::string Whole(const ColdHeader& header) {
  std::string bytes;
  codec::AppendWholeRecord(&bytes, kKey, header, kPayload);
  return bytes;
}

std::string Merge(const std::string* existing, const std::vector<std::string>& operands) {
  const Slice key(kKey);
  const Slice base = existing != nullptr ? Slice(*existing) : Slice();
  const std::vector<Slice> list(operands.begin(), operands.end());
  const MergeOperator::MergeOperationInput in(key, existing != nullptr ? &base : nullptr, list,
                                              nullptr);
  std::string merged;
  Slice operand(nullptr, 0);
  MergeOperator::MergeOperationOutput out(merged, operand);
  EXPECT_TRUE(NewHeaderMerge()->FullMergeV2(in, &out));
  return operand.data() != nullptr ? operand.ToString() : merged;
}

TEST(HeaderMerge, TheLastHeaderCountsAndThePayloadStays) {
  const std::string base = Whole(HeaderAt(1));
  EXPECT_EQ(Merge(&base, {Operand(HeaderAt(2)), Operand(HeaderAt(3))}), Whole(HeaderAt(3)));
  ColdHeader expires = HeaderAt(4);
  expires.expire_ms = 1700000000123;
  EXPECT_EQ(Merge(&base, {Operand(expires)}), Whole(expires));
}

TEST(HeaderMerge, OperandsAloneBecomeTheLast) {
  std::string merged;
  EXPECT_TRUE(NewHeaderMerge()->PartialMerge(kKey, Operand(HeaderAt(2)), Operand(HeaderAt(3)),
                                             &merged, nullptr));
  EXPECT_EQ(merged, Operand(HeaderAt(3)));
}

TEST(HeaderMerge, WhatIsDamagedIsWhatTheReaderFinds) {
  const auto refused = [](const std::string& row) {
    return codec::DecodeWholeRecord(kKey, row).status().code() == codec::StatusCode::kCorruption;
  };
  const std::string base = Whole(HeaderAt(1));
  const std::string operand = Operand(HeaderAt(2));
  EXPECT_EQ(Merge(nullptr, {operand}), operand);
  EXPECT_TRUE(refused(operand));

  std::string bad_base = base;
  bad_base[100] = static_cast<char>(bad_base[100] ^ 1);
  EXPECT_EQ(Merge(&bad_base, {operand}), bad_base);
  EXPECT_TRUE(refused(bad_base));

  std::string bad_operand = operand;
  bad_operand[5] = static_cast<char>(bad_operand[5] ^ 1);
  EXPECT_EQ(Merge(&base, {bad_operand}), bad_operand);
  EXPECT_TRUE(refused(bad_operand));

  ColdHeader longer = HeaderAt(2);
  ++longer.length;
  EXPECT_EQ(Merge(&base, {Operand(longer)}), Operand(longer));
  EXPECT_TRUE(refused(Operand(longer)));
}

}  // namespace
}  // namespace thermocline::engine
