#include "engine/cold/header_merge.h"

#include "codec/cold_record.h"

namespace thermocline::engine {
namespace {

std::string_view ToView(const rocksdb::Slice& slice) { return {slice.data(), slice.size()}; }

}  // namespace

bool HeaderMerge::FullMergeV2(const MergeOperationInput& in, MergeOperationOutput* out) const {
  const rocksdb::Slice& operand = in.operand_list.back();
  const std::string_view key = ToView(in.key);
  const auto header = codec::DecodeColdValue(key, ToView(operand));
  if (in.existing_value == nullptr || !header.ok()) {
    out->existing_operand = operand;
    return true;
  }
  const auto whole = codec::DecodeWholeRecord(key, ToView(*in.existing_value));
  if (!whole.ok()) {
    out->new_value.assign(in.existing_value->data(), in.existing_value->size());
  } else if (header->header.length != whole->inline_payload.size()) {
    out->existing_operand = operand;
  } else {
    codec::AppendWholeRecord(&out->new_value, key, header->header, whole->inline_payload);
  }
  return true;
}

bool HeaderMerge::PartialMerge(const rocksdb::Slice&, const rocksdb::Slice&,
                               const rocksdb::Slice& right, std::string* merged,
                               rocksdb::Logger*) const {
  merged->assign(right.data(), right.size());
  return true;
}

}  // namespace thermocline::engine
