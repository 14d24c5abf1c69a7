// See rocks_rows.h.
#include "engine/cold/rocks_rows.h"

#include <string_view>

#include "codec/proto/checkpoint.pb.h"
#include "engine/cold/rocks_slice.h"

namespace thermocline::engine {

using rocksdb::Slice;

std::string ColdIdEnd(uint64_t id) {
  return id == UINT64_MAX ? std::string(9, '\xff') : codec::EncodeColdIdPrefix(id + 1);
}

void RowEncoder::Encode(const ColdBatch& batch, RowSink* sink) {
  sink_ = sink;
  batch.ForEach([this](const ColdOp& op) { EncodeOp(op); });
  if (batch.has_checkpoint()) {
    sink_->Put(kMeta, ToSlice(codec::kMetaCheckpoint),
               codec::SealMeta(codec::kMetaCheckpoint, batch.checkpoint_record()));
  }
}

void RowEncoder::EncodeHigh(Lsn high, RowSink* sink) {
  sink->Put(kMeta, ToSlice(codec::kMetaHigh), codec::EncodeMetaHigh(high));
}

void RowEncoder::Landed() {
  for (const std::string& key : chunk_lists_replaced_) chunk_lists_.erase(key);
  chunk_lists_replaced_.clear();
}

bool RowEncoder::NoteChunks(const ColdOp& op, bool several) {
  if (!several && chunk_lists_.empty()) return false;
  std::string key;
  codec::AppendColdKey(&key, op.id, op.position, op.key);
  const bool had_several = chunk_lists_.contains(key);
  if (!several && !had_several) return false;
  const std::string row = std::string(codec::kMetaChunksPrefix) + key;
  if (several) {
    std::erase(chunk_lists_replaced_, key);
    chunk_lists_.insert(std::move(key));
    sink_->Put(kMeta, row, codec::SealMeta(row, {}));
  } else {
    chunk_lists_replaced_.push_back(std::move(key));
    sink_->Delete(kMeta, row);
  }
  return had_several;
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
  }
  // How many chunks the old payload had is not known. A range tombstone to be on the safe side, a
  // key, would make every later read slower, and stay in memory with its table.
  if (NoteChunks(op, chunks > 1)) {
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

void RowEncoder::EncodeDrop(uint64_t id) {
  const std::string begin = codec::EncodeColdIdPrefix(id);
  const std::string end = ColdIdEnd(id);
  for (const Family family : {kValues, kPayload, kElements, kScores, kExpiry}) {
    sink_->DeleteRange(family, begin, end);
  }
  sink_->Delete(kMeta, codec::EncodeMetaCountsKey(id));
  for (auto it = chunk_lists_.lower_bound(begin); it != chunk_lists_.end() && *it < end; ++it) {
    sink_->Delete(kMeta, std::string(codec::kMetaChunksPrefix) + *it);
    chunk_lists_replaced_.push_back(*it);
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
    case ColdOp::Verb::kDropDatabase:
      EncodeDrop(op.id);
      return;
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
