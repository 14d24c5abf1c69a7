// See rocks_staged_tables.h.
#include "engine/cold/rocks_staged_tables.h"

#include <algorithm>
#include <utility>

#include "rocksdb/env.h"
#include "rocksdb/file_system.h"

namespace thermocline::engine {

using rocksdb::Slice;

namespace {

// Rows of these come in the order of their keys.
bool ComesSorted(Family family) { return family == kValues || family == kPayload; }

}  // namespace

StagedTables::StagedTables(FileSystemPtr fs, std::string dir, bool direct,
                           std::vector<rocksdb::Options> options)
    : fs_(std::move(fs)), dir_(std::move(dir)), direct_(direct), options_(std::move(options)) {}

std::string StagedTables::PathOf(Family family) const {
  return JoinPath(dir_, "staged-" + std::string(kFamilyNames[family]));
}

rocksdb::SstFileWriter* StagedTables::Writer(Family family) {
  if (!status_.ok()) return nullptr;
  std::unique_ptr<rocksdb::SstFileWriter>& writer = writers_[family];
  if (writer != nullptr) return writer.get();
  const std::string path = PathOf(family);
  // A file that was ingested and kept this name, too, would be overwritten in the database.
  const rocksdb::IOStatus deleted = fs_->DeleteFile(path, {}, nullptr);
  if (!deleted.ok() && !deleted.IsNotFound() && !deleted.IsPathNotFound()) {
    Note(deleted);
    return nullptr;
  }
  writer = std::make_unique<rocksdb::SstFileWriter>(
      rocksdb::EnvOptions(options_[family]), options_[family], /*column_family=*/nullptr,
      /*invalidate_page_cache=*/direct_, rocksdb::Env::IO_HIGH);
  Note(writer->Open(path));
  return status_.ok() ? writer.get() : nullptr;
}

void StagedTables::Append(Kind kind, Family family, const Slice& key, const Slice& value) {
  rocksdb::SstFileWriter* const writer = Writer(family);
  if (writer == nullptr) return;
  switch (kind) {
    case Kind::kPut:
      Note(writer->Put(key, value));
      return;
    case Kind::kMerge:
      Note(writer->Merge(key, value));
      return;
    case Kind::kDelete:
      Note(writer->Delete(key));
      return;
  }
}

void StagedTables::Add(Kind kind, Family family, const Slice& key, const Slice& value) {
  if (ComesSorted(family)) {
    Append(kind, family, key, value);
  } else {
    unsorted_[family].push_back({kind, key.ToString(), value.ToString()});
  }
}

void StagedTables::Put(Family family, const Slice& key, const Slice& value) {
  Add(Kind::kPut, family, key, value);
}

void StagedTables::Merge(Family family, const Slice& key, const Slice& value) {
  Add(Kind::kMerge, family, key, value);
}

void StagedTables::Delete(Family family, const Slice& key) {
  Add(Kind::kDelete, family, key, Slice());
}

void StagedTables::DeleteRange(Family family, const Slice& begin, const Slice& end) {
  // Where it stands does not matter: it has the sequence number of the table's other rows, and
  // deletes what is older.
  rocksdb::SstFileWriter* const writer = Writer(family);
  if (writer != nullptr) Note(writer->DeleteRange(begin, end));
}

rocksdb::Status StagedTables::Finish(std::vector<Table>* tables) {
  for (int i = 0; i < kFamilies; ++i) {
    const auto family = static_cast<Family>(i);
    std::vector<Row>& rows = unsorted_[i];
    std::stable_sort(rows.begin(), rows.end(),
                     [](const Row& a, const Row& b) { return a.key < b.key; });
    for (size_t row = 0; row < rows.size(); ++row) {
      if (row + 1 < rows.size() && rows[row].key == rows[row + 1].key) continue;
      Append(rows[row].kind, family, rows[row].key, rows[row].value);
    }
    if (!status_.ok()) return status_;
    if (writers_[i] == nullptr) continue;
    Table table;
    table.family = family;
    Note(writers_[i]->Finish(&table.file));
    tables->push_back(std::move(table));
  }
  return status_;
}

void StagedTables::Clear() {
  status_ = rocksdb::Status();
  for (int i = 0; i < kFamilies; ++i) {
    writers_[i].reset();
    unsorted_[i].clear();
    // Mostly there is none; one that stays is in nobody's way.
    fs_->DeleteFile(PathOf(static_cast<Family>(i)), {}, nullptr).PermitUncheckedError();
  }
}

}  // namespace thermocline::engine
