// See rocks_rows.h.
#include "engine/cold/rocks_rows.h"

#include <string_view>

#include "codec/proto/checkpoint.pb.h"

namespace thermocline::engine {
namespace {

using rocksdb::Slice;

Slice ToSlice(std::string_view view) { return {view.data(), view.size()}; }

}  // namespace

std::string ColdIdEnd(uint64_t id) {
  return id == UINT64_MAX ? std::string(9, '\xff') : codec::EncodeColdIdPrefix(id + 1);
}

void RowEncoder::Encode(const ColdBatch& batch, RowSink* sink) {
  sink_ = sink;
  has_chunk_lists_ = false;
  batch.ForEach([this](const ColdOp& op) { EncodeOp(op); });
  if (batch.has_checkpoint()) {
    sink_->Put(kMeta, ToSlice(codec::kMetaCheckpoint),
               codec::SealMeta(codec::kMetaCheckpoint, batch.checkpoint_record()));
  }
}

void RowEncoder::EncodeHigh(Lsn high, RowSink* sink) {
  sink->Put(kMeta, ToSlice(codec::kMetaHigh), codec::EncodeMetaHigh(high));
}

void RowEncoder::EncodePayload(const ColdOp& op, const codec::ColdHeader& header) {
  const bool header_alone = op.verb == ColdOp::Verb::kPutHeader;
  const bool apart = op.verb == ColdOp::Verb::kPut && !header.payload_inline;
  if (!apart && !op.previous.has_chunks) return;
  const std::string prefix = codec::EncodeChunkPrefix(op.id, op.position, op.key);
  const auto chunk_key = [&](uint32_t chunk) -> const std::string& {
    key_ = prefix;
    codec::AppendChunkNumber(&key_, chunk);
    return key_;
  };
  if (header_alone) {
    if (!codec::IsWhole(op.length)) return;
    value_.clear();
    codec::AppendColdValue(&value_, chunk_key(0), header, {});
    sink_->Merge(kPayload, key_, value_);
    return;
  }
  uint32_t chunks = 1;
  if (!apart) {
    sink_->Delete(kPayload, chunk_key(0));
  } else if (codec::IsWhole(op.length)) {
    value_.clear();
    codec::AppendWholeRecord(&value_, chunk_key(0), header, op.payload);
    sink_->Put(kPayload, key_, value_);
  } else {
    chunks = static_cast<uint32_t>(codec::ChunkCount(op.payload.size()));
    for (uint32_t i = 0; i < chunks; ++i) {
      sink_->Put(
          kPayload, chunk_key(i),
          ToSlice(op.payload.substr(size_t{i} * codec::kMaxPayloadChunk, codec::kMaxPayloadChunk)));
    }
    if (chunks > 1) {
      has_chunk_lists_ = true;
      one_chunk_each_ = false;
      // With each of them: the batch that had the first one may have failed.
      sink_->Delete(kMeta, ToSlice(codec::kMetaOneChunkEach));
    }
  }
  if (!op.previous.has_chunks || one_chunk_each_) return;
  // The caller does not know how many chunks the old payload had. Nearly always it was one, and the
  // filters say so; they are read if need be. A range tombstone to be on the safe side, a key,
  // would make every later read slower, and stay in memory with its table.
  if (has_chunk_lists_ || has_chunk_(chunk_key(chunks))) {
    std::string begin;
    begin = chunk_key(chunks);  // a copy: the next call overwrites what the reference shows
    sink_->DeleteRange(kPayload, begin, chunk_key(UINT32_MAX));
  }
}

void RowEncoder::EncodeElement(const ColdOp& op) {
  key_ = codec::EncodeChunkPrefix(op.id, op.position, op.key);
  codec::AppendElementNumber(&key_, op.element);
  if (op.verb == ColdOp::Verb::kDeleteElement) {
    sink_->Delete(kElements, key_);
    return;
  }
  value_.clear();
  codec::AppendElementValue(&value_, key_, op.payload);
  sink_->Put(kElements, key_, value_);
}

void RowEncoder::EncodeExpiry(const ColdOp& op, bool has_chunks, bool has_elements) {
  const uint64_t expire_ms = op.verb == ColdOp::Verb::kDelete ? 0 : op.image.expire_ms;
  if (op.previous.expire_ms == expire_ms && op.previous.has_chunks == has_chunks &&
      op.previous.has_elements == has_elements) {
    return;
  }
  if (op.previous.expire_ms != 0 && op.previous.expire_ms != expire_ms) {
    sink_->Delete(kExpiry,
                  codec::EncodeExpiryKey(op.id, op.previous.expire_ms, op.position, op.key));
  }
  if (expire_ms != 0) {
    sink_->Put(kExpiry, codec::EncodeExpiryKey(op.id, expire_ms, op.position, op.key),
               ToSlice(codec::EncodeExpiryValue(has_chunks, has_elements)));
  }
}

void RowEncoder::EncodeOp(const ColdOp& op) {
  switch (op.verb) {
    case ColdOp::Verb::kPutElement:
    case ColdOp::Verb::kDeleteElement:
      EncodeElement(op);
      return;
    case ColdOp::Verb::kSetCounts: {
      proto::IdCounts counts;
      counts.set_records(op.records);
      counts.set_expires(op.expires);
      const std::string key = codec::EncodeMetaCountsKey(op.id);
      sink_->Put(kMeta, key, codec::SealMeta(key, counts.SerializeAsString()));
      return;
    }
    case ColdOp::Verb::kDropDatabase: {
      const std::string begin = codec::EncodeColdIdPrefix(op.id);
      const std::string end = ColdIdEnd(op.id);
      for (const Family family : {kValues, kPayload, kElements, kScores, kExpiry}) {
        sink_->DeleteRange(family, begin, end);
      }
      sink_->Delete(kMeta, codec::EncodeMetaCountsKey(op.id));
      return;
    }
    case ColdOp::Verb::kPut:
    case ColdOp::Verb::kPutHeader:
    case ColdOp::Verb::kDelete:
      break;
  }
  codec::ColdHeader header;
  header.type = op.image.type;
  header.encoding_hint = op.image.encoding;
  header.lsn = op.image.lsn;
  header.expire_ms = op.image.expire_ms;
  header.access = op.image.access;
  header.count = op.image.count;
  header.length = op.length;
  header.payload_inline =
      op.verb == ColdOp::Verb::kPut && op.payload.size() <= codec::kMaxInlinePayload;
  EncodePayload(op, header);
  if (op.previous.has_elements && op.verb != ColdOp::Verb::kPutHeader && !op.image.keeps_elements) {
    // The caller does not know which these are; all of them have this prefix.
    std::string begin = codec::EncodeChunkPrefix(op.id, op.position, op.key);
    std::string end = begin;
    codec::AppendElementNumber(&begin, 0);
    codec::AppendElementNumber(&end, UINT64_MAX);
    sink_->DeleteRange(kElements, begin, end);
  }
  const bool stays = op.verb != ColdOp::Verb::kDelete;
  EncodeExpiry(op, stays && !header.payload_inline, stays && header.type == codec::kPagedList);
  key_.clear();
  codec::AppendColdKey(&key_, op.id, op.position, op.key);
  if (op.verb == ColdOp::Verb::kDelete) {
    if (op.had_record) sink_->Delete(kValues, key_);
    sink_->Put(kGraves, codec::EncodeGraveKey(op.image.lsn, op.id, op.position, op.key), Slice());
    return;
  }
  value_.clear();
  codec::AppendColdValue(&value_, key_, header,
                         header.payload_inline ? op.payload : std::string_view());
  sink_->Put(kValues, key_, value_);
}

}  // namespace thermocline::engine
