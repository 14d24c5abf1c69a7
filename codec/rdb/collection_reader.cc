// Layouts: docs/formats/rdb-object.md. The checks are those of Redis's loader; where it is lenient,
// so is this, with a remark.
#include "codec/rdb/collection_reader.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdio>
#include <limits>
#include <utility>
#include <vector>

#include "codec/packed/intset.h"
#include "codec/packed/listpack.h"
#include "codec/packed/packed_score.h"
#include "codec/packed/ziplist.h"
#include "codec/packed/zipmap.h"

namespace thermocline::codec {
namespace {

// A count. Redis does not ask whether the length byte is one of a string encoding and takes its six
// bits.
bool ReadCount(ByteReader* in, uint64_t* count) {
  bool encoded = false;
  return ReadRdbLength(in, count, &encoded);
}

// The elements of a ziplist as a listpack; an empty string if it is damaged.
std::string ListpackOfZiplist(std::string_view ziplist) {
  ListpackBuilder builder;
  const bool sound = ReadZiplist(ziplist, [&builder](const PackedValue& value) {
    const ListpackElement element(value);
    if (builder.byte_size() + element.size() > kMaxListpackBytes) return false;
    builder.Add(element);
    return true;
  });
  return sound ? builder.Take() : std::string();
}

// Scores before RDB version 8: a length byte with three values of its own, then text.
constexpr uint8_t kScoreNan = 253;
constexpr uint8_t kScoreInfinite = 254;
constexpr uint8_t kScoreMinusInfinite = 255;

bool ReadTextScore(ByteReader* in, double* score) {
  uint8_t size = 0;
  std::string_view text;
  if (!in->ReadU8(&size)) return false;
  switch (size) {
    case kScoreNan:
      *score = std::numeric_limits<double>::quiet_NaN();
      return true;
    case kScoreInfinite:
      *score = std::numeric_limits<double>::infinity();
      return true;
    case kScoreMinusInfinite:
      *score = -std::numeric_limits<double>::infinity();
      return true;
    default:
      break;
  }
  if (!in->ReadBytes(size, &text)) return false;
  char buffer[256];
  buffer[text.copy(buffer, text.size())] = '\0';
  // Redis's own call: a numeric prefix is enough, and what counts as one is libc's affair.
  return std::sscanf(buffer, "%lg", score) == 1;  // NOLINT(cert-err34-c)
}

bool HasRepetition(std::vector<std::string>* texts) {
  std::sort(texts->begin(), texts->end());
  return std::adjacent_find(texts->begin(), texts->end()) != texts->end();
}

}  // namespace

bool IsRdbListType(uint8_t type) {
  return type == kRdbList || type == kRdbListZiplist || type == kRdbListQuicklist ||
         type == kRdbListQuicklist2;
}

bool IsRdbSetType(uint8_t type) { return type == kRdbSet || type == kRdbSetIntset; }

bool IsRdbHashType(uint8_t type) {
  return type == kRdbHash || type == kRdbHashZipmap || type == kRdbHashZiplist ||
         type == kRdbHashListpack;
}

bool IsRdbZsetType(uint8_t type) {
  return type == kRdbZset || type == kRdbZset2 || type == kRdbZsetZiplist ||
         type == kRdbZsetListpack;
}

// --- lists ---

RdbListReader::RdbListReader(uint8_t type, std::string_view payload) : type_(type), in_(payload) {
  if (type_ == kRdbListZiplist) {
    auto ziplist = ReadRdbStringView(&in_, &scratch_);
    if (!ziplist.ok()) {
      Fail(ziplist.status());
      return;
    }
    listpack_ = ListpackOfZiplist(*ziplist);
    if (listpack_.empty()) {
      Fail(Status::Corruption("RDB list: damaged ziplist"));
      return;
    }
    next_ = ListpackView(listpack_).First();
  } else if (!ReadCount(&in_, &left_)) {
    Fail(Status::Corruption("RDB list: bad count"));
  }
}

RdbListReader::Piece RdbListReader::Give(Piece piece, std::string_view bytes) {
  any_ = true;
  bytes_ = bytes;
  return piece;
}

RdbListReader::Piece RdbListReader::Fail(Status status) {
  status_ = std::move(status);
  return Piece::kError;
}

RdbListReader::Piece RdbListReader::Next() {
  if (!status_.ok()) return Piece::kError;
  if (type_ == kRdbListZiplist && next_ != ListpackView::kNone) return NextOfZiplist();
  while (left_ > 0) {
    --left_;
    const Piece piece = type_ == kRdbList ? NextElement() : NextNode();
    if (piece != Piece::kEnd) return piece;
  }
  return any_ ? Piece::kEnd : Fail(Status::Corruption("RDB list: no elements"));
}

RdbListReader::Piece RdbListReader::NextOfZiplist() {
  const ListpackView view(listpack_);
  const PackedValue value = view.At(next_);
  next_ = view.Next(next_);
  if (!value.is_int) return Give(Piece::kElement, value.text);
  scratch_ = value.ToString();
  return Give(Piece::kElement, scratch_);
}

RdbListReader::Piece RdbListReader::NextElement() {
  auto text = ReadRdbStringView(&in_, &scratch_);
  return text.ok() ? Give(Piece::kElement, *text) : Fail(text.status());
}

// kEnd stands for a node without elements here, which Redis passes over.
RdbListReader::Piece RdbListReader::NextNode() {
  uint64_t container = kRdbNodePacked;
  if (type_ == kRdbListQuicklist2 && !ReadCount(&in_, &container)) {
    return Fail(Status::Corruption("RDB list: bad container"));
  }
  if (container != kRdbNodePacked && container != kRdbNodePlain) {
    return Fail(Status::Corruption("RDB list: unknown container " + std::to_string(container)));
  }
  auto read = ReadRdbStringView(&in_, &scratch_);
  if (!read.ok()) return Fail(read.status());
  std::string_view node = *read;
  if (node.empty()) return Fail(Status::Corruption("RDB list: a node without bytes"));
  if (container == kRdbNodePlain) return Give(Piece::kPlain, node);
  if (type_ == kRdbListQuicklist) {
    listpack_ = ListpackOfZiplist(node);
    if (listpack_.empty()) return Fail(Status::Corruption("RDB list: damaged ziplist"));
    node = listpack_;
  } else {
    bool own_trailers = true;
    if (!ValidateListpack(node, nullptr, &own_trailers)) {
      return Fail(Status::Corruption("RDB list: damaged listpack"));
    }
    if (!own_trailers) {  // the node is to be edited
      listpack_ = node;
      RewriteTrailers(&listpack_);
      node = listpack_;
    }
  }
  return ListpackView(node).empty() ? Piece::kEnd : Give(Piece::kListpack, node);
}

// --- what the others share ---

size_t RdbRunReader::reservable() const {
  return static_cast<size_t>(
      std::min<uint64_t>(count_, packed_ ? count_ : in_.remaining() / min_element_size_));
}

Status RdbRunReader::Duplicate() const {
  return Status::Corruption(std::string("RDB ") + what_ + ": an element twice");
}

bool RdbRunReader::Fail(std::string_view why) {
  return Fail(Status::Corruption(std::string("RDB ") + what_ + ": " + std::string(why)));
}

bool RdbRunReader::Fail(Status status) {
  status_ = std::move(status);
  left_ = 0;
  return false;
}

void RdbRunReader::OpenRun(size_t min_element_size) {
  min_element_size_ = min_element_size;
  if (!ReadCount(&in_, &count_)) {
    Fail("bad count");
    return;
  }
  if (count_ == 0) {
    Fail("no elements");
    return;
  }
  left_ = count_;
}

bool RdbRunReader::OpenBlob() {
  packed_ = true;
  auto bytes = ReadRdbStringView(&in_, &blob_);
  if (!bytes.ok()) return Fail(bytes.status());
  packed_bytes_ = *bytes;
  return true;
}

void RdbRunReader::OpenPairs(RdbTrust trust, bool ziplist) {
  if (!OpenBlob()) return;
  if (ziplist) {
    std::string listpack = ListpackOfZiplist(packed_bytes_);
    if (listpack.empty()) {
      Fail("damaged ziplist");
      return;
    }
    blob_ = std::move(listpack);
    packed_bytes_ = blob_;
  }
  std::vector<std::string> firsts;
  size_t elements = 0;
  const bool sound = ValidateListpack(packed_bytes_, [&](const PackedValue& value) {
    if (elements++ % 2 == 0 && trust == RdbTrust::kOutside) firsts.push_back(value.ToString());
    return true;
  });
  if (!sound) {
    Fail("damaged listpack");
  } else if (elements % 2 != 0) {
    Fail("half a pair");
  } else if (elements == 0) {
    Fail("no elements");
  } else if (HasRepetition(&firsts)) {
    Fail(Duplicate());
  }
  count_ = elements / 2;
}

bool RdbRunReader::ReadString(std::string_view* out, std::string* scratch) {
  auto text = ReadRdbStringView(&in_, scratch);
  if (!text.ok()) return Fail(text.status());
  *out = *text;
  return true;
}

// --- sets ---

RdbSetReader::RdbSetReader(uint8_t type, std::string_view payload)
    : RdbRunReader("set", type, payload) {
  if (type == kRdbSet) {
    OpenRun(1);
    return;
  }
  if (!OpenBlob()) return;
  if (!ValidateIntset(packed_bytes_)) {
    Fail("damaged intset");
    return;
  }
  count_ = IntsetView(packed_bytes_).size();
}

bool RdbSetReader::Next(std::string_view* member) {
  if (left_ == 0) return false;
  --left_;
  return ReadString(member, &scratch_);
}

// --- hashes ---

RdbHashReader::RdbHashReader(uint8_t type, std::string_view payload, RdbTrust trust)
    : RdbRunReader("hash", type, payload) {
  switch (type) {
    case kRdbHash:
      OpenRun(2);
      break;
    case kRdbHashZipmap:
      if (OpenBlob()) ConvertZipmap();
      break;
    default:
      OpenPairs(trust, type == kRdbHashZiplist);
      break;
  }
}

void RdbHashReader::ConvertZipmap() {
  ListpackBuilder builder;
  std::vector<std::string> fields;
  const bool sound = ReadZipmap(packed_bytes_, [&](std::string_view field, std::string_view value) {
    const ListpackElement first(field);
    const ListpackElement second(value);
    if (builder.byte_size() + first.size() + second.size() > kMaxListpackBytes) return false;
    builder.Add(first);
    builder.Add(second);
    longest_ = std::max({longest_, field.size(), value.size()});
    fields.emplace_back(field);
    return true;
  });
  if (!sound) {
    Fail("damaged zipmap");
    return;
  }
  count_ = fields.size();
  if (HasRepetition(&fields)) Fail(Duplicate());
  blob_ = builder.Take();
  packed_bytes_ = blob_;
}

bool RdbHashReader::Next(std::string_view* field, std::string_view* value) {
  if (left_ == 0) return false;
  --left_;
  return ReadString(field, &field_scratch_) && ReadString(value, &value_scratch_);
}

// --- sorted sets ---

RdbZsetReader::RdbZsetReader(uint8_t type, std::string_view payload, RdbTrust trust)
    : RdbRunReader("sorted set", type, payload) {
  if (type == kRdbZset || type == kRdbZset2) {
    OpenRun(type == kRdbZset2 ? 9 : 2);
    return;
  }
  OpenPairs(trust, type == kRdbZsetZiplist);
  if (status_.ok() && trust == RdbTrust::kOutside) CheckScores();
}

void RdbZsetReader::CheckScores() {
  struct Pair {
    double score;
    std::string member;
    PackedValue stored_score;
  };
  std::vector<Pair> pairs;
  pairs.reserve(count_);
  const ListpackView view(packed_bytes_);
  for (size_t at = view.First(); at != ListpackView::kNone; at = view.Next(at)) {
    const PackedValue member = view.At(at);
    at = view.Next(at);
    const PackedValue score = view.At(at);
    pairs.push_back({ScoreOf(score), member.ToString(), score});
    if (std::isnan(pairs.back().score)) {
      Fail("NaN as a score");
      return;
    }
  }
  const auto before = [](const Pair& a, const Pair& b) {
    return a.score != b.score ? a.score < b.score : a.member < b.member;
  };
  if (std::is_sorted(pairs.begin(), pairs.end(), before)) return;
  std::sort(pairs.begin(), pairs.end(), before);
  ListpackBuilder builder;
  for (const Pair& pair : pairs) {
    builder.Add(std::string_view(pair.member));
    builder.Add(ListpackElement(pair.stored_score));
  }
  std::string ordered = builder.Take();  // the scores borrow from the bytes that it replaces
  blob_ = std::move(ordered);
  packed_bytes_ = blob_;
}

bool RdbZsetReader::Next(std::string_view* member, double* score) {
  if (left_ == 0) return false;
  --left_;
  if (!ReadString(member, &scratch_)) return false;
  if (type_ == kRdbZset) {
    if (!ReadTextScore(&in_, score)) return Fail("bad score");
  } else {
    uint64_t bits = 0;
    if (!in_.ReadFixed64(&bits)) return Fail("cut short");
    *score = std::bit_cast<double>(bits);
  }
  return !std::isnan(*score) || Fail("NaN as a score");
}

}  // namespace thermocline::codec
