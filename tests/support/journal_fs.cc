#include "tests/support/journal_fs.h"

#include <rocksdb/env.h>

#include <algorithm>
#include <atomic>
#include <map>
#include <mutex>
#include <random>
#include <set>
#include <unordered_map>
#include <utility>

namespace thermocline::testing {

using rocksdb::FileOptions;
using rocksdb::IODebugContext;
using rocksdb::IOOptions;
using rocksdb::IOStatus;
using rocksdb::Slice;

namespace {

constexpr uint64_t kSector = JournalFs::kSectorBytes;

std::string Normalise(std::string_view path) {
  std::string out = "/";
  for (size_t i = 0; i < path.size();) {
    const size_t slash = std::min(path.find('/', i), path.size());
    const std::string_view part = path.substr(i, slash - i);
    if (!part.empty() && part != ".") {
      if (out.size() > 1) out.push_back('/');
      out.append(part);
    }
    i = slash + 1;
  }
  return out;
}

std::string ParentOf(const std::string& path) {
  const size_t slash = path.rfind('/');
  return slash == 0 ? "/" : path.substr(0, slash);
}

void WriteAt(std::string* data, uint64_t offset, std::string_view bytes) {
  if (data->size() < offset) data->resize(offset, '\0');
  const size_t over = std::min<uint64_t>(bytes.size(), data->size() - offset);
  data->append(bytes.substr(over));
  bytes = bytes.substr(0, over);
  std::copy(bytes.begin(), bytes.end(), data->begin() + static_cast<ptrdiff_t>(offset));
}

// Copies one sector, as far as both strings reach.
void CopySector(std::string* to, std::string_view from, uint64_t sector) {
  const uint64_t begin = sector * kSector;
  if (begin >= from.size() || begin >= to->size()) return;
  const uint64_t n = std::min({kSector, from.size() - begin, to->size() - begin});
  std::copy_n(from.begin() + static_cast<ptrdiff_t>(begin), n,
              to->begin() + static_cast<ptrdiff_t>(begin));
}

class NullLogger : public rocksdb::Logger {
 public:
  using rocksdb::Logger::Logv;
  void Logv(const char*, va_list) override {}
};

class MemoryLock : public rocksdb::FileLock {
 public:
  explicit MemoryLock(std::string p) : path(std::move(p)) {}
  const std::string path;
};

struct Inode {
  uint64_t id = 0;
  std::string data;
  uint64_t changed = 0;
};
using InodePtr = std::shared_ptr<Inode>;

enum class OpKind : uint8_t {
  kCreate,
  kLink,
  kRename,
  kDelete,
  kMkdir,
  kRmdir,
  kDirSync,
  kWrite,
  kTruncate,
  kSync,
  kFailedSync,
};

struct Op {
  OpKind kind;
  std::string path;   // of names; of a file's op the path it was opened by, for messages
  std::string path2;  // rename and link: the source
  uint64_t inode = 0;
  uint64_t offset = 0;  // of a write; the size of a truncate
  std::string data;
};

constexpr const char* kOpNames[] = {"create",   "link",  "rename",     "delete",
                                    "mkdir",    "rmdir", "sync-dir",   "write",
                                    "truncate", "sync",  "failed-sync"};

}  // namespace

struct JournalFs::State {
  struct ArmedFault {
    FaultRule rule;
    uint64_t seen = 0;
  };

  mutable std::mutex mu;  // guards everything
  std::map<std::string, InodePtr> names;
  std::set<std::string> dirs{"/"};
  std::vector<Op> journal;
  // What the journal starts from; all of it durable.
  std::map<std::string, uint64_t> base_names;
  std::set<std::string> base_dirs{"/"};
  std::unordered_map<uint64_t, std::string> base_data;
  uint64_t next_inode = 1;
  std::vector<ArmedFault> faults;
  std::map<std::pair<uint32_t, std::string>, uint64_t> calls;
  uint64_t quota = UINT64_MAX;
  std::set<std::string> locks;

  // True if the call has to fail; *torn if half of a write is to be done first.
  bool Hit(uint32_t kind, const std::string& path, IOStatus* status, bool* torn = nullptr) {
    ++calls[{kind, path}];
    for (ArmedFault& fault : faults) {
      if ((fault.rule.kinds & kind) == 0) continue;
      if (path.find(fault.rule.path_part) == std::string::npos) continue;
      ++fault.seen;
      const bool hit =
          fault.rule.from_then_on ? fault.seen >= fault.rule.nth : fault.seen == fault.rule.nth;
      if (!hit) continue;
      if (torn != nullptr) *torn = fault.rule.torn;
      *status = fault.rule.error == FaultError::kNoSpace
                    ? IOStatus::NoSpace("injected: no space left on device", path)
                    : IOStatus::IOError("injected: input/output error", path);
      return true;
    }
    return false;
  }

  uint64_t Used() const {
    uint64_t bytes = 0;
    for (const auto& [path, inode] : names) bytes += inode->data.size();
    return bytes;
  }

  InodePtr Find(const std::string& path) const {
    const auto it = names.find(path);
    return it == names.end() ? nullptr : it->second;
  }

  void Log(OpKind kind, std::string path, std::string path2 = {}, uint64_t inode = 0,
           uint64_t offset = 0, std::string data = {}) {
    journal.push_back({kind, std::move(path), std::move(path2), inode, offset, std::move(data)});
  }

  IOStatus Create(const std::string& path, InodePtr* inode) {
    IOStatus s;
    if (Hit(kFaultCreate, path, &s)) return s;
    if (!dirs.contains(ParentOf(path))) return IOStatus::PathNotFound("no directory", path);
    if (dirs.contains(path)) return IOStatus::IOError("is a directory", path);
    *inode = std::make_shared<Inode>();
    (*inode)->id = next_inode++;
    names[path] = *inode;
    Log(OpKind::kCreate, path, {}, (*inode)->id);
    return IOStatus::OK();
  }

  IOStatus Open(const std::string& path, InodePtr* inode) {
    IOStatus s;
    if (Hit(kFaultOpen, path, &s)) return s;
    *inode = Find(path);
    if (!*inode) return IOStatus::PathNotFound("no such file", path);
    return IOStatus::OK();
  }

  IOStatus Write(const InodePtr& inode, const std::string& path, uint64_t offset, Slice data) {
    IOStatus s;
    bool torn = false;
    std::string_view bytes(data.data(), data.size());
    bool failed = Hit(kFaultWrite, path, &s, &torn);
    if (failed) {
      const uint64_t cut = (offset + bytes.size() / 2) / kSector * kSector;
      bytes = torn && cut > offset ? bytes.substr(0, cut - offset) : std::string_view();
    }
    const uint64_t end = offset + bytes.size();
    if (!bytes.empty() && quota != UINT64_MAX && end > inode->data.size()) {
      const uint64_t used = Used();
      const uint64_t free = quota > used ? quota - used : 0;
      const uint64_t grow = end - inode->data.size();
      if (grow > free) {
        bytes = bytes.substr(0, bytes.size() - std::min<uint64_t>(bytes.size(), grow - free));
        if (!failed) s = IOStatus::NoSpace("no space left on device", path);
        failed = true;
      }
    }
    if (!bytes.empty()) {
      WriteAt(&inode->data, offset, bytes);
      inode->changed = journal.size();
      Log(OpKind::kWrite, path, {}, inode->id, offset, std::string(bytes));
    }
    return failed ? s : IOStatus::OK();
  }

  IOStatus Truncate(const InodePtr& inode, const std::string& path, uint64_t size) {
    IOStatus s;
    if (Hit(kFaultWrite, path, &s)) return s;
    if (size == inode->data.size()) return IOStatus::OK();
    inode->data.resize(size, '\0');
    Log(OpKind::kTruncate, path, {}, inode->id, size);
    return IOStatus::OK();
  }

  IOStatus Sync(const InodePtr& inode, const std::string& path) {
    IOStatus s;
    if (Hit(kFaultSync, path, &s)) {
      Log(OpKind::kFailedSync, path, {}, inode->id);
      return s;
    }
    Log(OpKind::kSync, path, {}, inode->id);
    return IOStatus::OK();
  }

  IOStatus Read(const InodePtr& inode, const std::string& path, uint64_t offset, size_t n,
                Slice* result, char* scratch) {
    IOStatus s;
    *result = Slice();
    if (Hit(kFaultRead, path, &s)) return s;
    if (offset >= inode->data.size()) return IOStatus::OK();
    n = std::min<uint64_t>(n, inode->data.size() - offset);
    std::copy_n(inode->data.data() + offset, n, scratch);
    *result = Slice(scratch, n);
    return IOStatus::OK();
  }
};

// Open files share the state with the file system, which they may outlive.
struct JournalFsFiles {
  using StatePtr = std::shared_ptr<JournalFs::State>;

  struct Handle {
    StatePtr state;
    InodePtr inode;
    std::string path;
  };

  class Sequential : public rocksdb::FSSequentialFile {
   public:
    explicit Sequential(Handle handle) : h_(std::move(handle)) {}
    IOStatus Read(size_t n, const IOOptions&, Slice* result, char* scratch,
                  IODebugContext*) override {
      std::lock_guard lock(h_.state->mu);
      IOStatus s = h_.state->Read(h_.inode, h_.path, position_, n, result, scratch);
      position_ += result->size();
      return s;
    }
    IOStatus Skip(uint64_t n) override {
      position_ += n;
      return IOStatus::OK();
    }
    IOStatus PositionedRead(uint64_t offset, size_t n, const IOOptions&, Slice* result,
                            char* scratch, IODebugContext*) override {
      std::lock_guard lock(h_.state->mu);
      return h_.state->Read(h_.inode, h_.path, offset, n, result, scratch);
    }

   private:
    Handle h_;
    uint64_t position_ = 0;
  };

  class RandomAccess : public rocksdb::FSRandomAccessFile {
   public:
    explicit RandomAccess(Handle handle) : h_(std::move(handle)) {}
    IOStatus Read(uint64_t offset, size_t n, const IOOptions&, Slice* result, char* scratch,
                  IODebugContext*) const override {
      std::lock_guard lock(h_.state->mu);
      return h_.state->Read(h_.inode, h_.path, offset, n, result, scratch);
    }

   private:
    Handle h_;
  };

  class Writable : public rocksdb::FSWritableFile {
   public:
    Writable(Handle handle, uint64_t position) : h_(std::move(handle)), position_(position) {}
    using rocksdb::FSWritableFile::Append;
    using rocksdb::FSWritableFile::PositionedAppend;
    IOStatus Append(const Slice& data, const IOOptions&, IODebugContext*) override {
      std::lock_guard lock(h_.state->mu);
      IOStatus s = h_.state->Write(h_.inode, h_.path, position_, data);
      position_ = s.ok() ? position_ + data.size() : h_.inode->data.size();
      return s;
    }
    IOStatus PositionedAppend(const Slice& data, uint64_t offset, const IOOptions&,
                              IODebugContext*) override {
      std::lock_guard lock(h_.state->mu);
      IOStatus s = h_.state->Write(h_.inode, h_.path, offset, data);
      if (s.ok()) position_ = offset + data.size();
      return s;
    }
    IOStatus Truncate(uint64_t size, const IOOptions&, IODebugContext*) override {
      std::lock_guard lock(h_.state->mu);
      IOStatus s = h_.state->Truncate(h_.inode, h_.path, size);
      if (s.ok()) position_ = size;
      return s;
    }
    IOStatus Close(const IOOptions&, IODebugContext*) override { return IOStatus::OK(); }
    IOStatus Flush(const IOOptions&, IODebugContext*) override { return IOStatus::OK(); }
    IOStatus Sync(const IOOptions&, IODebugContext*) override {
      std::lock_guard lock(h_.state->mu);
      return h_.state->Sync(h_.inode, h_.path);
    }
    bool IsSyncThreadSafe() const override { return true; }
    uint64_t GetFileSize(const IOOptions&, IODebugContext*) override {
      std::lock_guard lock(h_.state->mu);
      return h_.inode->data.size();
    }

   private:
    Handle h_;
    uint64_t position_;
  };

  class RandomRW : public rocksdb::FSRandomRWFile {
   public:
    explicit RandomRW(Handle handle) : h_(std::move(handle)) {}
    IOStatus Write(uint64_t offset, const Slice& data, const IOOptions&, IODebugContext*) override {
      std::lock_guard lock(h_.state->mu);
      return h_.state->Write(h_.inode, h_.path, offset, data);
    }
    IOStatus Read(uint64_t offset, size_t n, const IOOptions&, Slice* result, char* scratch,
                  IODebugContext*) const override {
      std::lock_guard lock(h_.state->mu);
      return h_.state->Read(h_.inode, h_.path, offset, n, result, scratch);
    }
    IOStatus Flush(const IOOptions&, IODebugContext*) override { return IOStatus::OK(); }
    IOStatus Sync(const IOOptions&, IODebugContext*) override {
      std::lock_guard lock(h_.state->mu);
      return h_.state->Sync(h_.inode, h_.path);
    }
    IOStatus Close(const IOOptions&, IODebugContext*) override { return IOStatus::OK(); }

   private:
    Handle h_;
  };

  class Directory : public rocksdb::FSDirectory {
   public:
    Directory(StatePtr state, std::string path)
        : state_(std::move(state)), path_(std::move(path)) {}
    IOStatus Fsync(const IOOptions&, IODebugContext*) override {
      std::lock_guard lock(state_->mu);
      IOStatus s;
      if (state_->Hit(kFaultDirSync, path_, &s)) return s;
      state_->Log(OpKind::kDirSync, path_);
      return IOStatus::OK();
    }
    IOStatus Close(const IOOptions&, IODebugContext*) override { return IOStatus::OK(); }

   private:
    StatePtr state_;
    std::string path_;
  };
};

JournalFs::JournalFs() : JournalFs(std::make_shared<State>()) {}
JournalFs::JournalFs(std::shared_ptr<State> state) : state_(std::move(state)) {}
JournalFs::~JournalFs() = default;

uint64_t JournalFs::seq() const {
  std::lock_guard lock(state_->mu);
  return state_->journal.size();
}

std::string JournalFs::Describe(uint64_t index) const {
  std::lock_guard lock(state_->mu);
  if (index >= state_->journal.size()) return "end of the journal";
  const Op& op = state_->journal[index];
  std::string text = std::to_string(index) + " " + kOpNames[static_cast<size_t>(op.kind)] + " ";
  if (!op.path2.empty()) text += op.path2 + " -> ";
  text += op.path;
  if (op.kind == OpKind::kWrite) {
    text += " @" + std::to_string(op.offset) + " +" + std::to_string(op.data.size());
  }
  if (op.kind == OpKind::kTruncate) text += " to " + std::to_string(op.offset);
  return text;
}

// --- The power cut.
// ---------------------------------------------------------------------------------

namespace {

// A file while the journal is replayed: what a reader sees, what is on the platter, what is in
// between.
struct Replayed {
  std::string memory;
  std::string durable;
  std::vector<const Op*> pending;  // writes and truncates since the last sync
  std::set<uint64_t> limbo;        // sectors that a failed sync left looking clean

  template <typename Visit>
  static void Sectors(const Op& op, Visit visit) {
    if (op.kind != OpKind::kWrite || op.data.empty()) return;
    const uint64_t last = (op.offset + op.data.size() - 1) / kSector;
    for (uint64_t sector = op.offset / kSector; sector <= last; ++sector) visit(sector);
  }

  void Apply(const Op& op) {
    switch (op.kind) {
      case OpKind::kWrite:
        WriteAt(&memory, op.offset, op.data);
        if (!limbo.empty()) Sectors(op, [&](uint64_t sector) { limbo.erase(sector); });
        pending.push_back(&op);
        break;
      case OpKind::kTruncate:
        memory.resize(op.offset, '\0');
        pending.push_back(&op);
        break;
      case OpKind::kSync:
        durable.resize(memory.size(), '\0');
        for (const Op* write : pending) {
          Sectors(*write, [&](uint64_t sector) { CopySector(&durable, memory, sector); });
        }
        pending.clear();
        break;
      case OpKind::kFailedSync:
        for (const Op* write : pending) {
          Sectors(*write, [&](uint64_t sector) { limbo.insert(sector); });
        }
        pending.clear();
        break;
      default:
        break;
    }
  }

  void KeepPrefix(std::mt19937_64* random) {
    const size_t whole = (*random)() % (pending.size() + 1);
    for (size_t i = 0; i < whole; ++i) {
      if (pending[i]->kind == OpKind::kTruncate) {
        durable.resize(pending[i]->offset, '\0');
      } else {
        WriteAt(&durable, pending[i]->offset, pending[i]->data);
      }
    }
    if (whole < pending.size() && pending[whole]->kind == OpKind::kWrite) {
      const Op& op = *pending[whole];
      const uint64_t first = op.offset / kSector + 1;
      const uint64_t last = (op.offset + op.data.size()) / kSector;
      if (first <= last) {
        const uint64_t cut = (first + (*random)() % (last - first + 1)) * kSector;
        WriteAt(&durable, op.offset, std::string_view(op.data).substr(0, cut - op.offset));
      }
    }
  }

  void KeepSectors(std::mt19937_64* random) {
    std::vector<uint64_t> sizes{durable.size()};
    std::map<uint64_t, uint32_t> touches;
    uint64_t size = durable.size();
    for (const Op* op : pending) {
      size = std::max<uint64_t>(size, op->offset + op->data.size());
      sizes.push_back(size);
      Sectors(*op, [&](uint64_t sector) { ++touches[sector]; });
    }
    for (auto& [sector, count] : touches) {
      count = static_cast<uint32_t>((*random)() % (count + 1));
    }
    durable.resize(size, '\0');
    for (const Op* op : pending) {
      Sectors(*op, [&](uint64_t sector) {
        uint32_t& left = touches[sector];
        if (left == 0) return;
        --left;
        const uint64_t begin = std::max(op->offset, sector * kSector);
        const uint64_t end = std::min(op->offset + op->data.size(), (sector + 1) * kSector);
        WriteAt(&durable, begin,
                std::string_view(op->data).substr(begin - op->offset, end - begin));
      });
    }
    durable.resize(sizes[(*random)() % sizes.size()]);
  }

  std::string Cut(LossMode mode, std::mt19937_64* random) {
    if (mode == LossMode::kKeepAll) return std::move(memory);
    if (mode == LossMode::kLoseAll) return std::move(durable);
    const bool shrinks = std::any_of(pending.begin(), pending.end(),
                                     [](const Op* op) { return op->kind == OpKind::kTruncate; });
    if (mode == LossMode::kTorn || shrinks) {
      KeepPrefix(random);
    } else {
      KeepSectors(random);
    }
    for (uint64_t sector : limbo) {
      if ((*random)() % 2 == 0) CopySector(&durable, memory, sector);
    }
    return std::move(durable);
  }
};

}  // namespace

std::shared_ptr<JournalFs> JournalFs::ImageAt(uint64_t seq, uint64_t seed, LossMode mode) const {
  std::lock_guard lock(state_->mu);
  std::mt19937_64 random(seed);
  if (mode == LossMode::kBySeed) {
    constexpr LossMode kModes[] = {LossMode::kLoseAll, LossMode::kKeepAll, LossMode::kTorn,
                                   LossMode::kTorn,    LossMode::kRandom,  LossMode::kRandom};
    mode = kModes[random() % std::size(kModes)];
  }
  seq = std::min<uint64_t>(seq, state_->journal.size());

  // Contents; std::map so that the random numbers are drawn in a fixed order.
  std::map<uint64_t, Replayed> files;
  for (const auto& [id, data] : state_->base_data) files[id].memory = files[id].durable = data;
  // Names: operations of each directory, and how many of them its last sync covered.
  struct Names {
    uint64_t count = 0;
    uint64_t synced = 0;
  };
  std::map<std::string, Names> directories;
  auto is_name = [](OpKind kind) { return kind < OpKind::kDirSync; };
  for (uint64_t i = 0; i < seq; ++i) {
    const Op& op = state_->journal[i];
    if (is_name(op.kind)) {
      ++directories[ParentOf(op.path)].count;
    } else if (op.kind == OpKind::kDirSync) {
      Names& names = directories[op.path];
      names.synced = names.count;
    } else {
      files[op.inode].Apply(op);
    }
  }
  for (auto& [path, names] : directories) {
    const uint64_t open = names.count - names.synced;
    if (mode == LossMode::kKeepAll) names.synced = names.count;
    if (mode == LossMode::kTorn || mode == LossMode::kRandom) {
      names.synced += random() % (open + 1);
    }
    names.count = 0;
  }
  std::map<std::string, uint64_t> names = state_->base_names;
  std::set<std::string> dirs = state_->base_dirs;
  for (uint64_t i = 0; i < seq; ++i) {
    const Op& op = state_->journal[i];
    if (!is_name(op.kind)) continue;
    Names& directory = directories[ParentOf(op.path)];
    if (directory.count++ >= directory.synced) continue;
    switch (op.kind) {
      case OpKind::kCreate:
      case OpKind::kLink:
        names[op.path] = op.inode;
        break;
      case OpKind::kRename: {
        const auto source = names.find(op.path2);
        if (source != names.end() && source->second == op.inode) names.erase(source);
        names[op.path] = op.inode;
        break;
      }
      case OpKind::kDelete:
        names.erase(op.path);
        break;
      case OpKind::kMkdir:
        dirs.insert(op.path);
        break;
      default:
        dirs.erase(op.path);
        break;
    }
  }
  // A directory that did not survive takes everything below it along.
  auto reachable = [&](const std::string& path) {
    for (std::string dir = ParentOf(path);; dir = ParentOf(dir)) {
      if (!dirs.contains(dir)) return false;
      if (dir == "/") return true;
    }
  };
  std::erase_if(names, [&](const auto& entry) { return !reachable(entry.first); });
  std::erase_if(dirs, [&](const std::string& dir) { return dir != "/" && !reachable(dir); });

  auto image = std::make_shared<State>();
  image->dirs = image->base_dirs = std::move(dirs);
  image->next_inode = state_->next_inode;
  std::map<uint64_t, InodePtr> inodes;
  for (const auto& [path, id] : names) {
    InodePtr& inode = inodes[id];
    if (!inode) {
      inode = std::make_shared<Inode>();
      inode->id = id;
      inode->data = files[id].Cut(mode, &random);
      image->base_data[id] = inode->data;
    }
    image->names[path] = inode;
    image->base_names[path] = id;
  }
  return std::shared_ptr<JournalFs>(new JournalFs(std::move(image)));
}

// --- Faults and direct access.
// ----------------------------------------------------------------------

void JournalFs::AddFault(FaultRule rule) {
  std::lock_guard lock(state_->mu);
  state_->faults.push_back({std::move(rule), 0});
}

void JournalFs::ClearFaults() {
  std::lock_guard lock(state_->mu);
  state_->faults.clear();
}

uint64_t JournalFs::CallCount(uint32_t kinds, std::string_view path_part) const {
  std::lock_guard lock(state_->mu);
  uint64_t count = 0;
  for (const auto& [call, times] : state_->calls) {
    if ((call.first & kinds) != 0 && call.second.find(path_part) != std::string::npos) {
      count += times;
    }
  }
  return count;
}

void JournalFs::ResetCallCounts() {
  std::lock_guard lock(state_->mu);
  state_->calls.clear();
}

void JournalFs::SetQuota(uint64_t bytes) {
  std::lock_guard lock(state_->mu);
  state_->quota = bytes;
}

uint64_t JournalFs::UsedBytes() const {
  std::lock_guard lock(state_->mu);
  return state_->Used();
}

bool JournalFs::FlipBit(const std::string& path, uint64_t byte_offset, int bit) {
  std::lock_guard lock(state_->mu);
  const InodePtr inode = state_->Find(Normalise(path));
  if (!inode || byte_offset >= inode->data.size()) return false;
  inode->data[byte_offset] = static_cast<char>(inode->data[byte_offset] ^ (1 << bit));
  return true;
}

bool JournalFs::ReadAll(const std::string& path, std::string* contents) const {
  std::lock_guard lock(state_->mu);
  const InodePtr inode = state_->Find(Normalise(path));
  if (!inode) return false;
  *contents = inode->data;
  return true;
}

std::vector<std::string> JournalFs::Files() const {
  std::lock_guard lock(state_->mu);
  std::vector<std::string> paths;
  for (const auto& [path, inode] : state_->names) paths.push_back(path);
  return paths;
}

// --- rocksdb::FileSystem
// ----------------------------------------------------------------------------

IOStatus JournalFs::NewSequentialFile(const std::string& name, const FileOptions&,
                                      std::unique_ptr<rocksdb::FSSequentialFile>* result,
                                      IODebugContext*) {
  std::lock_guard lock(state_->mu);
  const std::string path = Normalise(name);
  InodePtr inode;
  IOStatus s = state_->Open(path, &inode);
  if (s.ok()) {
    *result = std::make_unique<JournalFsFiles::Sequential>(
        JournalFsFiles::Handle{state_, std::move(inode), path});
  }
  return s;
}

IOStatus JournalFs::NewRandomAccessFile(const std::string& name, const FileOptions&,
                                        std::unique_ptr<rocksdb::FSRandomAccessFile>* result,
                                        IODebugContext*) {
  std::lock_guard lock(state_->mu);
  const std::string path = Normalise(name);
  InodePtr inode;
  IOStatus s = state_->Open(path, &inode);
  if (s.ok()) {
    *result = std::make_unique<JournalFsFiles::RandomAccess>(
        JournalFsFiles::Handle{state_, std::move(inode), path});
  }
  return s;
}

IOStatus JournalFs::NewWritableFile(const std::string& name, const FileOptions&,
                                    std::unique_ptr<rocksdb::FSWritableFile>* result,
                                    IODebugContext*) {
  std::lock_guard lock(state_->mu);
  const std::string path = Normalise(name);
  InodePtr inode;
  IOStatus s = state_->Create(path, &inode);
  if (s.ok()) {
    *result = std::make_unique<JournalFsFiles::Writable>(
        JournalFsFiles::Handle{state_, std::move(inode), path}, 0);
  }
  return s;
}

IOStatus JournalFs::ReopenWritableFile(const std::string& name, const FileOptions&,
                                       std::unique_ptr<rocksdb::FSWritableFile>* result,
                                       IODebugContext*) {
  std::lock_guard lock(state_->mu);
  const std::string path = Normalise(name);
  InodePtr inode;
  IOStatus s = state_->Find(path) ? state_->Open(path, &inode) : state_->Create(path, &inode);
  if (s.ok()) {
    const uint64_t size = inode->data.size();
    *result = std::make_unique<JournalFsFiles::Writable>(
        JournalFsFiles::Handle{state_, std::move(inode), path}, size);
  }
  return s;
}

IOStatus JournalFs::NewRandomRWFile(const std::string& name, const FileOptions&,
                                    std::unique_ptr<rocksdb::FSRandomRWFile>* result,
                                    IODebugContext*) {
  std::lock_guard lock(state_->mu);
  const std::string path = Normalise(name);
  InodePtr inode;
  IOStatus s = state_->Open(path, &inode);
  if (s.ok()) {
    *result = std::make_unique<JournalFsFiles::RandomRW>(
        JournalFsFiles::Handle{state_, std::move(inode), path});
  }
  return s;
}

IOStatus JournalFs::NewDirectory(const std::string& name, const IOOptions&,
                                 std::unique_ptr<rocksdb::FSDirectory>* result, IODebugContext*) {
  std::lock_guard lock(state_->mu);
  const std::string path = Normalise(name);
  IOStatus s;
  if (state_->Hit(kFaultOpen, path, &s)) return s;
  if (!state_->dirs.contains(path)) return IOStatus::PathNotFound("no directory", path);
  *result = std::make_unique<JournalFsFiles::Directory>(state_, path);
  return IOStatus::OK();
}

IOStatus JournalFs::FileExists(const std::string& name, const IOOptions&, IODebugContext*) {
  std::lock_guard lock(state_->mu);
  const std::string path = Normalise(name);
  IOStatus s;
  if (state_->Hit(kFaultMetadata, path, &s)) return s;
  if (state_->Find(path) || state_->dirs.contains(path)) return IOStatus::OK();
  return IOStatus::NotFound(path);
}

IOStatus JournalFs::GetChildren(const std::string& name, const IOOptions&,
                                std::vector<std::string>* result, IODebugContext*) {
  std::lock_guard lock(state_->mu);
  const std::string path = Normalise(name);
  result->clear();
  IOStatus s;
  if (state_->Hit(kFaultMetadata, path, &s)) return s;
  if (!state_->dirs.contains(path)) return IOStatus::NotFound(path);
  auto add = [&](const std::string& child) {
    if (child != "/" && ParentOf(child) == path) {
      result->push_back(child.substr(child.rfind('/') + 1));
    }
  };
  for (const auto& [child, inode] : state_->names) add(child);
  for (const std::string& child : state_->dirs) add(child);
  return IOStatus::OK();
}

IOStatus JournalFs::DeleteFile(const std::string& name, const IOOptions&, IODebugContext*) {
  std::lock_guard lock(state_->mu);
  const std::string path = Normalise(name);
  IOStatus s;
  if (state_->Hit(kFaultDelete, path, &s)) return s;
  if (state_->names.erase(path) == 0) return IOStatus::PathNotFound("no such file", path);
  state_->Log(OpKind::kDelete, path);
  return IOStatus::OK();
}

IOStatus JournalFs::Truncate(const std::string& name, size_t size, const IOOptions&,
                             IODebugContext*) {
  std::lock_guard lock(state_->mu);
  const std::string path = Normalise(name);
  const InodePtr inode = state_->Find(path);
  if (!inode) return IOStatus::PathNotFound("no such file", path);
  return state_->Truncate(inode, path, size);
}

IOStatus JournalFs::CreateDir(const std::string& name, const IOOptions&, IODebugContext*) {
  std::lock_guard lock(state_->mu);
  const std::string path = Normalise(name);
  IOStatus s;
  if (state_->Hit(kFaultMetadata, path, &s)) return s;
  if (state_->dirs.contains(path) || state_->Find(path)) {
    return IOStatus::IOError("file exists", path);
  }
  if (!state_->dirs.contains(ParentOf(path))) return IOStatus::PathNotFound("no parent", path);
  state_->dirs.insert(path);
  state_->Log(OpKind::kMkdir, path);
  return IOStatus::OK();
}

IOStatus JournalFs::CreateDirIfMissing(const std::string& name, const IOOptions& io,
                                       IODebugContext* dbg) {
  {
    std::lock_guard lock(state_->mu);
    if (state_->dirs.contains(Normalise(name))) return IOStatus::OK();
  }
  return CreateDir(name, io, dbg);
}

IOStatus JournalFs::DeleteDir(const std::string& name, const IOOptions& io, IODebugContext* dbg) {
  std::vector<std::string> children;
  IOStatus s = GetChildren(name, io, &children, dbg);
  if (!s.ok()) return s;
  if (!children.empty()) return IOStatus::IOError("directory not empty", name);
  std::lock_guard lock(state_->mu);
  const std::string path = Normalise(name);
  if (state_->Hit(kFaultDelete, path, &s)) return s;
  state_->dirs.erase(path);
  state_->Log(OpKind::kRmdir, path);
  return IOStatus::OK();
}

IOStatus JournalFs::GetFileSize(const std::string& name, const IOOptions&, uint64_t* size,
                                IODebugContext*) {
  std::lock_guard lock(state_->mu);
  const std::string path = Normalise(name);
  IOStatus s;
  if (state_->Hit(kFaultMetadata, path, &s)) return s;
  const InodePtr inode = state_->Find(path);
  if (!inode) return IOStatus::PathNotFound("no such file", path);
  *size = inode->data.size();
  return IOStatus::OK();
}

IOStatus JournalFs::GetFileModificationTime(const std::string& name, const IOOptions&,
                                            uint64_t* mtime, IODebugContext*) {
  std::lock_guard lock(state_->mu);
  const InodePtr inode = state_->Find(Normalise(name));
  if (!inode) return IOStatus::PathNotFound("no such file", name);
  *mtime = inode->changed;
  return IOStatus::OK();
}

IOStatus JournalFs::RenameFile(const std::string& from, const std::string& to, const IOOptions&,
                               IODebugContext*) {
  std::lock_guard lock(state_->mu);
  const std::string source = Normalise(from);
  const std::string target = Normalise(to);
  IOStatus s;
  if (state_->Hit(kFaultRename, target, &s)) return s;
  const InodePtr inode = state_->Find(source);
  if (!inode) return IOStatus::PathNotFound("no such file", source);
  if (!state_->dirs.contains(ParentOf(target))) return IOStatus::PathNotFound("no dir", target);
  state_->names.erase(source);
  state_->names[target] = inode;
  state_->Log(OpKind::kRename, target, source, inode->id);
  return IOStatus::OK();
}

IOStatus JournalFs::LinkFile(const std::string& from, const std::string& to, const IOOptions&,
                             IODebugContext*) {
  std::lock_guard lock(state_->mu);
  const std::string source = Normalise(from);
  const std::string target = Normalise(to);
  IOStatus s;
  if (state_->Hit(kFaultCreate, target, &s)) return s;
  const InodePtr inode = state_->Find(source);
  if (!inode) return IOStatus::PathNotFound("no such file", source);
  state_->names[target] = inode;
  state_->Log(OpKind::kLink, target, source, inode->id);
  return IOStatus::OK();
}

IOStatus JournalFs::NumFileLinks(const std::string& name, const IOOptions&, uint64_t* count,
                                 IODebugContext*) {
  std::lock_guard lock(state_->mu);
  const InodePtr inode = state_->Find(Normalise(name));
  if (!inode) return IOStatus::PathNotFound("no such file", name);
  *count = 0;
  for (const auto& [path, other] : state_->names) *count += other == inode;
  return IOStatus::OK();
}

IOStatus JournalFs::AreFilesSame(const std::string& first, const std::string& second,
                                 const IOOptions&, bool* same, IODebugContext*) {
  std::lock_guard lock(state_->mu);
  const InodePtr a = state_->Find(Normalise(first));
  const InodePtr b = state_->Find(Normalise(second));
  if (!a || !b) return IOStatus::PathNotFound("no such file", a ? second : first);
  *same = a == b;
  return IOStatus::OK();
}

IOStatus JournalFs::LockFile(const std::string& name, const IOOptions&, rocksdb::FileLock** lock,
                             IODebugContext*) {
  std::lock_guard guard(state_->mu);
  const std::string path = Normalise(name);
  *lock = nullptr;
  IOStatus s;
  if (state_->Hit(kFaultMetadata, path, &s)) return s;
  if (state_->locks.contains(path)) {
    return IOStatus::IOError("lock hold by current process", path);
  }
  if (!state_->Find(path)) {
    InodePtr inode;
    s = state_->Create(path, &inode);
    if (!s.ok()) return s;
  }
  state_->locks.insert(path);
  *lock = new MemoryLock(path);
  return IOStatus::OK();
}

IOStatus JournalFs::UnlockFile(rocksdb::FileLock* lock, const IOOptions&, IODebugContext*) {
  std::lock_guard guard(state_->mu);
  auto* held = static_cast<MemoryLock*>(lock);
  state_->locks.erase(held->path);
  delete held;
  return IOStatus::OK();
}

IOStatus JournalFs::GetTestDirectory(const IOOptions& io, std::string* path, IODebugContext* dbg) {
  *path = "/test";
  return CreateDirIfMissing(*path, io, dbg);
}

IOStatus JournalFs::NewLogger(const std::string&, const IOOptions&,
                              std::shared_ptr<rocksdb::Logger>* result, IODebugContext*) {
  // RocksDB's info log is noise between the journal points.
  *result = std::make_shared<NullLogger>();
  return IOStatus::OK();
}

IOStatus JournalFs::GetAbsolutePath(const std::string& path, const IOOptions&, std::string* result,
                                    IODebugContext*) {
  *result = Normalise(path);
  return IOStatus::OK();
}

IOStatus JournalFs::GetFreeSpace(const std::string&, const IOOptions&, uint64_t* bytes,
                                 IODebugContext*) {
  std::lock_guard lock(state_->mu);
  const uint64_t used = state_->Used();
  *bytes = state_->quota > used ? state_->quota - used : 0;
  return IOStatus::OK();
}

IOStatus JournalFs::IsDirectory(const std::string& name, const IOOptions&, bool* is_dir,
                                IODebugContext*) {
  std::lock_guard lock(state_->mu);
  const std::string path = Normalise(name);
  *is_dir = state_->dirs.contains(path);
  if (!*is_dir && !state_->Find(path)) return IOStatus::PathNotFound("no such file", path);
  return IOStatus::OK();
}

}  // namespace thermocline::testing
