// What is in a collection's payload, read to the end through codec/rdb/collection_reader.h: the one
// form in which tests and fuzz targets compare payloads.
#pragma once

#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "codec/bytes.h"
#include "codec/packed/intset.h"
#include "codec/packed/listpack.h"
#include "codec/packed/packed_score.h"
#include "codec/rdb/collection_reader.h"

namespace thermocline::codec {

struct PayloadContents {
  bool packed = false;  // one listpack or intset; or, a list: nothing but nodes
  /// Elements; fields and values in turn; members and scores (eight bytes) in turn.
  std::vector<std::string> elements;
  /// The listpacks and plain elements of a list, the blob of a packed value.
  std::vector<std::string> blobs;
};

inline std::string ScoreBytes(double score) {
  std::string out;
  uint64_t bits = 0;
  static_assert(sizeof(bits) == sizeof(score));
  std::memcpy(&bits, &score, sizeof(bits));
  PutFixed64(&out, bits);
  return out;
}

inline void AddListpack(std::string_view listpack, bool scores, PayloadContents* out) {
  out->blobs.emplace_back(listpack);
  const ListpackView view(listpack);
  bool second = false;
  for (size_t at = view.First(); at != ListpackView::kNone; at = view.Next(at), second = !second) {
    const PackedValue value = view.At(at);
    out->elements.push_back(scores && second ? ScoreBytes(ScoreOf(value)) : value.ToString());
  }
}

inline StatusOr<PayloadContents> ReadList(uint8_t type, std::string_view payload) {
  PayloadContents out;
  out.packed = true;
  RdbListReader reader(type, payload);
  for (;;) {
    switch (reader.Next()) {
      case RdbListReader::Piece::kEnd:
        return out;
      case RdbListReader::Piece::kError:
        return reader.status();
      case RdbListReader::Piece::kListpack:
        AddListpack(reader.bytes(), false, &out);
        break;
      case RdbListReader::Piece::kPlain:
        out.blobs.emplace_back(reader.bytes());
        out.elements.emplace_back(reader.bytes());
        break;
      case RdbListReader::Piece::kElement:
        out.packed = false;
        out.elements.emplace_back(reader.bytes());
        break;
    }
  }
}

/// Reads a payload of any collection type; twice the same element is an error, as for a server.
inline StatusOr<PayloadContents> ReadContents(uint8_t type, std::string_view payload,
                                              RdbTrust trust = RdbTrust::kOutside) {
  if (IsRdbListType(type)) return ReadList(type, payload);
  PayloadContents out;
  std::set<std::string, std::less<>> seen;
  if (IsRdbSetType(type)) {
    RdbSetReader reader(type, payload);
    if (!reader.status().ok()) return reader.status();
    out.packed = reader.packed();
    if (out.packed) {
      const IntsetView view(reader.packed_bytes());
      out.blobs.emplace_back(view.bytes());
      for (size_t i = 0; i < view.size(); ++i) out.elements.push_back(std::to_string(view.At(i)));
    }
    std::string_view member;
    while (reader.Next(&member)) {
      if (!seen.emplace(member).second) return reader.Duplicate();
      out.elements.emplace_back(member);
    }
    if (!reader.status().ok()) return reader.status();
  } else if (IsRdbHashType(type)) {
    RdbHashReader reader(type, payload, trust);
    if (!reader.status().ok()) return reader.status();
    out.packed = reader.packed();
    if (out.packed) AddListpack(reader.packed_bytes(), false, &out);
    std::string_view field;
    std::string_view value;
    while (reader.Next(&field, &value)) {
      if (!seen.emplace(field).second) return reader.Duplicate();
      out.elements.emplace_back(field);
      out.elements.emplace_back(value);
    }
    if (!reader.status().ok()) return reader.status();
  } else {
    RdbZsetReader reader(type, payload, trust);
    if (!reader.status().ok()) return reader.status();
    out.packed = reader.packed();
    if (out.packed) AddListpack(reader.packed_bytes(), true, &out);
    std::string_view member;
    double score = 0;
    while (reader.Next(&member, &score)) {
      if (!seen.emplace(member).second) return reader.Duplicate();
      out.elements.emplace_back(member);
      out.elements.push_back(ScoreBytes(score));
    }
    if (!reader.status().ok()) return reader.status();
  }
  return out;
}

}  // namespace thermocline::codec
