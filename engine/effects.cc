#include "engine/effects.h"

#include <algorithm>
#include <charconv>
#include <climits>
#include <cstdint>
#include <cstring>

#include "codec/number_text.h"
#include "engine/types/list_part.h"

namespace thermocline::engine {
namespace {

constexpr std::string_view kMulti = "*1\r\n$5\r\nMULTI\r\n";
constexpr std::string_view kExec = "*1\r\n$4\r\nEXEC\r\n";

// Verbs of collections. Each has one key, at argv[1], and needs the value: the whole, or a part of
// a list.
struct CollectionVerb {
  std::string_view name;
  ValueType type;
  size_t argc_min, argc_max;
  ListPartOf part = nullptr;
  bool Fits(size_t argc) const { return argc >= argc_min && argc <= argc_max; }
};
constexpr size_t kMany = SIZE_MAX;
constexpr CollectionVerb kCollectionVerbs[] = {
    {"RPUSH", ValueType::kList, 3, kMany, TailPart},
    {"LPUSH", ValueType::kList, 3, kMany, HeadPart},
    {"RPOP", ValueType::kList, 3, 3, RPopPart},
    {"LPOP", ValueType::kList, 3, 3, LPopPart},
    {"LSET", ValueType::kList, 4, 4, SetPart},
    {"LINSERT", ValueType::kList, 5, 5},
    {"LREM", ValueType::kList, 4, 4},
    {"LTRIM", ValueType::kList, 4, 4, TrimPart},
    {"HSET", ValueType::kHash, 4, kMany},
    {"HDEL", ValueType::kHash, 3, kMany},
    {"SADD", ValueType::kSet, 3, kMany},
    {"SREM", ValueType::kSet, 3, kMany},
    {"ZADD", ValueType::kZset, 4, kMany},
    {"ZREM", ValueType::kZset, 3, kMany},
    {"ZREMRANGEBYRANK", ValueType::kZset, 4, 4},
};

char* PutNumber(char* p, uint64_t n) { return std::to_chars(p, p + 20, n).ptr; }

}  // namespace

EffectWriter::EffectWriter() { buffer_.reserve(64 << 10); }

void EffectWriter::Begin(int log_db) {
  if (buffer_.capacity() > (4u << 20))
    std::string().swap(buffer_);  // one huge value does not stay for ever
  buffer_.assign(kMulti);
  count_ = 0;
  selected_ = log_db;
}

void EffectWriter::Bulk(std::string_view s) {
  char header[24];
  header[0] = '$';
  char* p = PutNumber(header + 1, s.size());
  *p++ = '\r';
  *p++ = '\n';
  const size_t header_size = static_cast<size_t>(p - header);
  const size_t at = buffer_.size();
  buffer_.resize(at + header_size + s.size() + 2);
  char* out = buffer_.data() + at;
  std::memcpy(out, header, header_size);
  if (!s.empty()) std::memcpy(out + header_size, s.data(), s.size());  // empty: data() may be null
  out += header_size + s.size();
  out[0] = '\r';
  out[1] = '\n';
}

void EffectWriter::BulkInt(int64_t n) {
  char text[24];
  Bulk({text, codec::FormatInt64(text, n)});
}

void EffectWriter::Effect(int db, size_t argc) {
  if (db != selected_) {
    buffer_ += "*2\r\n$6\r\nSELECT\r\n";
    BulkInt(db);
    selected_ = db;
  }
  char header[24];
  header[0] = '*';
  char* p = PutNumber(header + 1, argc);
  *p++ = '\r';
  *p++ = '\n';
  buffer_.append(header, static_cast<size_t>(p - header));
  ++count_;
}

void EffectWriter::Set(int db, std::string_view key, std::string_view value) {
  Effect(db, 3);
  buffer_ += "$3\r\nSET\r\n";
  Bulk(key);
  Bulk(value);
}

void EffectWriter::SetKeepTtl(int db, std::string_view key, std::string_view value) {
  Effect(db, 4);
  buffer_ += "$3\r\nSET\r\n";
  Bulk(key);
  Bulk(value);
  buffer_ += "$7\r\nKEEPTTL\r\n";
}

void EffectWriter::SetUntil(int db, std::string_view key, std::string_view value,
                            int64_t expire_at_ms) {
  Effect(db, 5);
  buffer_ += "$3\r\nSET\r\n";
  Bulk(key);
  Bulk(value);
  buffer_ += "$4\r\nPXAT\r\n";
  BulkInt(expire_at_ms);
}

void EffectWriter::SetMany(int db, std::span<const std::string_view> keys_and_values) {
  Effect(db, 1 + keys_and_values.size());
  buffer_ += "$4\r\nMSET\r\n";
  for (std::string_view s : keys_and_values) Bulk(s);
}

void EffectWriter::Del(int db, std::string_view key) {
  Effect(db, 2);
  buffer_ += "$3\r\nDEL\r\n";
  Bulk(key);
}

void EffectWriter::DelMany(int db, std::span<const std::string_view> keys) {
  Effect(db, 1 + keys.size());
  buffer_ += "$3\r\nDEL\r\n";
  for (std::string_view s : keys) Bulk(s);
}

void EffectWriter::ExpireAt(int db, std::string_view key, int64_t expire_at_ms) {
  Effect(db, 3);
  buffer_ += "$9\r\nPEXPIREAT\r\n";
  Bulk(key);
  BulkInt(expire_at_ms);
}

void EffectWriter::Persist(int db, std::string_view key) {
  Effect(db, 2);
  buffer_ += "$7\r\nPERSIST\r\n";
  Bulk(key);
}

void EffectWriter::Append(int db, std::string_view key, std::string_view tail) {
  Effect(db, 3);
  buffer_ += "$6\r\nAPPEND\r\n";
  Bulk(key);
  Bulk(tail);
}

void EffectWriter::SetRange(int db, std::string_view key, uint64_t offset, std::string_view bytes) {
  Effect(db, 4);
  buffer_ += "$8\r\nSETRANGE\r\n";
  Bulk(key);
  BulkInt(static_cast<int64_t>(offset));
  Bulk(bytes);
}

void EffectWriter::IncrBy(int db, std::string_view key, int64_t delta) {
  Effect(db, 3);
  buffer_ += "$6\r\nINCRBY\r\n";
  Bulk(key);
  BulkInt(delta);
}

void EffectWriter::Restore(int db, std::string_view key, int64_t expire_at_ms,
                           std::string_view dump) {
  Effect(db, 6);
  buffer_ += "$7\r\nRESTORE\r\n";
  Bulk(key);
  BulkInt(expire_at_ms);
  Bulk(dump);
  buffer_ += "$7\r\nREPLACE\r\n$6\r\nABSTTL\r\n";
}

void EffectWriter::Rename(int db, std::string_view from, std::string_view to) {
  Write(db, {"RENAME", from, to});
}

void EffectWriter::Move(int from_db, std::string_view key, int to_db) {
  char number[24];
  Write(from_db, {"MOVE", key, {number, codec::FormatInt64(number, to_db)}});
}

void EffectWriter::Copy(int from_db, std::string_view from, int to_db, std::string_view to) {
  char number[24];
  Write(from_db, {"COPY", from, to, "DB", {number, codec::FormatInt64(number, to_db)}, "REPLACE"});
}

void EffectWriter::FlushDb(int db) {
  Effect(db, 1);
  buffer_ += "$7\r\nFLUSHDB\r\n";
}

void EffectWriter::FlushAll() {
  Effect(selected_, 1);
  buffer_ += "$8\r\nFLUSHALL\r\n";
}

void EffectWriter::SwapDb(int a, int b) {
  Effect(selected_, 3);
  buffer_ += "$6\r\nSWAPDB\r\n";
  BulkInt(a);
  BulkInt(b);
}

void EffectWriter::Write(int db, std::initializer_list<std::string_view> head,
                         std::span<const std::string_view> rest) {
  Effect(db, head.size() + rest.size());
  for (std::string_view s : head) Bulk(s);
  for (std::string_view s : rest) Bulk(s);
}

std::string_view EffectWriter::Finish() {
  if (count_ == 1) return std::string_view(buffer_).substr(kMulti.size());
  buffer_ += kExec;
  return buffer_;
}

codec::StatusOr<Effect> ParseEffect(std::span<const std::string_view> argv) {
  const std::string_view name = argv[0];
  const size_t argc = argv.size();
  Effect e;
  e.argv = argv;
  const auto single_key = [&](Verb verb, Need need) {
    e.verb = verb;
    e.key = argv[1];
    e.key_first = 1;
    e.key_step = 1;
    e.need = need;
  };
  const auto bad = [&] {
    return codec::Status::Corruption("effect '" + std::string(name.substr(0, 32)) + "' with " +
                                     std::to_string(argc) + " words makes no sense");
  };
  const auto number = [&](size_t i, int64_t* out) { return codec::ParseInt64(argv[i], out); };

  if (name == "SET" && argc >= 3) {
    single_key(Verb::kSet, Need::kHeader);
    e.text = argv[2];
    e.whole = true;
    if (argc == 3) return e;
    if (argc == 4 && argv[3] == "KEEPTTL") {
      e.keep_ttl = true;
      e.whole = false;
      return e;
    }
    if (argc == 5 && argv[3] == "PXAT" && number(4, &e.number) && e.number > 0) return e;
    return bad();
  }
  if (name == "DEL" && argc >= 2) {
    single_key(Verb::kDel, Need::kHeader);
    return e;
  }
  if (name == "INCRBY" && argc == 3 && number(2, &e.number)) {
    single_key(Verb::kIncrBy, Need::kValue);
    return e;
  }
  if (name == "MSET" && argc >= 3 && argc % 2 == 1) {
    single_key(Verb::kMSet, Need::kHeader);
    e.whole = true;
    e.key_step = 2;
    return e;
  }
  if (name == "PEXPIREAT" && argc == 3 && number(2, &e.number)) {
    single_key(Verb::kExpireAt, Need::kHeader);
    return e;
  }
  if (name == "PERSIST" && argc == 2) {
    single_key(Verb::kPersist, Need::kHeader);
    return e;
  }
  if (name == "APPEND" && argc == 3) {
    single_key(Verb::kAppend, Need::kValue);
    e.text = argv[2];
    return e;
  }
  if (name == "SETRANGE" && argc == 4 && number(2, &e.number) && e.number >= 0) {
    single_key(Verb::kSetRange, Need::kValue);
    e.text = argv[3];
    return e;
  }
  if (name == "RESTORE" && argc == 6 && argv[4] == "REPLACE" && argv[5] == "ABSTTL" &&
      number(2, &e.number) && e.number >= 0) {
    single_key(Verb::kRestore, Need::kHeader);
    e.text = argv[3];
    e.whole = true;
    return e;
  }
  // A link needs its source; Recovery asks for the destination besides.
  const auto link = [&](Verb verb, std::string_view destination) {
    single_key(verb, Need::kValue);
    e.destination = destination;
    e.destination_db = verb == Verb::kRename ? -1 : static_cast<int>(e.number);
  };
  const auto database = [&](size_t i) {
    return number(i, &e.number) && e.number >= 0 && e.number <= INT_MAX;
  };
  if (name == "RENAME" && argc == 3) {
    link(Verb::kRename, argv[2]);
    return e;
  }
  if (name == "MOVE" && argc == 3 && database(2)) {
    link(Verb::kMove, argv[1]);
    return e;
  }
  if (name == "COPY" && argc == 6 && argv[3] == "DB" && database(4) && argv[5] == "REPLACE") {
    link(Verb::kCopy, argv[2]);
    return e;
  }
  if (name == "SELECT" && argc == 2 && number(1, &e.number) && e.number >= 0) {
    e.verb = Verb::kSelect;
    return e;
  }
  if (name == "MULTI" && argc == 1) {
    e.verb = Verb::kMulti;
    return e;
  }
  if (name == "EXEC" && argc == 1) {
    e.verb = Verb::kExec;
    return e;
  }
  if (name == "FLUSHDB" && argc == 1) {
    e.verb = Verb::kFlushDb;
    return e;
  }
  if (name == "FLUSHALL" && argc == 1) {
    e.verb = Verb::kFlushAll;
    return e;
  }
  if (name == "SWAPDB" && argc == 3 && number(1, &e.number) && number(2, &e.number2) &&
      e.number >= 0 && e.number2 >= 0) {
    e.verb = Verb::kSwapDb;
    return e;
  }
  for (const CollectionVerb& verb : kCollectionVerbs) {
    if (name != verb.name || !verb.Fits(argc)) continue;
    single_key(Verb::kCollection, Need::kValue);
    e.type = verb.type;
    if (verb.part != nullptr) e.part = verb.part(argv);
    return e;
  }
  return bad();
}

}  // namespace thermocline::engine
