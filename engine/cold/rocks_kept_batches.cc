#include "engine/cold/rocks_kept_batches.h"

#include <utility>

namespace thermocline::engine {

rocksdb::WriteBatch KeptBatches::NewBatch(size_t bytes) {
  if (spares_.empty()) return rocksdb::WriteBatch(bytes);
  rocksdb::WriteBatch batch = std::move(spares_.back());
  spares_.pop_back();
  return batch;
}

void KeptBatches::Keep(rocksdb::WriteBatch&& batch, rocksdb::SequenceNumber end) {
  bytes_.fetch_add(batch.GetDataSize());
  kept_.push_back({end, std::move(batch)});
}

void KeptBatches::ForgetUpTo(rocksdb::SequenceNumber flushed) {
  while (!kept_.empty() && kept_.front().end <= flushed) {
    rocksdb::WriteBatch& batch = kept_.front().batch;
    const size_t size = batch.GetDataSize();
    bytes_.fetch_sub(size);
    if (spares_.size() < spares_max_ && size <= kSpareBytesMax) {
      batch.Clear();
      spares_.push_back(std::move(batch));
    }
    kept_.pop_front();
  }
}

rocksdb::Status KeptBatches::WriteAgain(rocksdb::DB* db, const rocksdb::WriteOptions& options) {
  for (Kept& kept : kept_) {
    const rocksdb::Status status = db->Write(options, &kept.batch);
    if (!status.ok()) return status;
    kept.end = db->GetLatestSequenceNumber();
  }
  return rocksdb::Status::OK();
}

}  // namespace thermocline::engine
