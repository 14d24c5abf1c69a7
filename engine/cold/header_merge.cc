#include "engine/cold/header_merge.h"

#include "codec/cold_record.h"
#include "engine/cold/rocks_slice.h"
#include "rocksdb/merge_operator.h"

namespace thermocline::engine {
namespace {

class HeaderMerge : public rocksdb::MergeOperator {
 public:
  const char* Name() const override { return "thermocline.header"; }
  bool FullMergeV2(const MergeOperationInput& in, MergeOperationOutput* out) const override {
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
  bool PartialMerge(const rocksdb::Slice&, const rocksdb::Slice&, const rocksdb::Slice& right,
                    std::string* merged, rocksdb::Logger*) const override {
    merged->assign(right.data(), right.size());
    return true;
  }
};

}  // namespace

std::shared_ptr<rocksdb::MergeOperator> NewHeaderMerge() { return std::make_shared<HeaderMerge>(); }

}  // namespace thermocline::engine
