// The words by which clients know value types and encodings: TYPE, SCAN ... TYPE, OBJECT ENCODING.
// The numbers behind them are the engine's; clients never see those. A new type adds its word here
// and its encodings below. Pure functions.
#pragma once

#include <string_view>

#include "engine/hot/entry.h"

namespace thermocline::server {

constexpr std::string_view TypeName(engine::ValueType type) {
  switch (type) {
    case engine::ValueType::kString:
      return "string";
    case engine::ValueType::kList:
      return "list";
    case engine::ValueType::kSet:
      return "set";
    case engine::ValueType::kZset:
      return "zset";
    case engine::ValueType::kHash:
      return "hash";
    case engine::ValueType::kStream:
      return "stream";
  }
  return "unknown";
}

/// OBJECT ENCODING's word. The entry may be without its value.
inline std::string_view EncodingName(const engine::Entry& entry) {
  const bool packed = entry.collection_encoding() != engine::CollectionEncoding::kObject;
  switch (entry.type()) {
    case engine::ValueType::kString:
      switch (entry.string_encoding()) {
        case engine::StringEncoding::kInt:
          return "int";
        case engine::StringEncoding::kEmbstr:
          return "embstr";
        case engine::StringEncoding::kRaw:
          return "raw";
      }
      return "unknown";
    case engine::ValueType::kList:
      return "quicklist";  // also of one node, which we keep packed
    case engine::ValueType::kSet:
      return entry.collection_encoding() == engine::CollectionEncoding::kIntset ? "intset"
                                                                                : "hashtable";
    case engine::ValueType::kZset:
      return packed ? "listpack" : "skiplist";
    case engine::ValueType::kHash:
      return packed ? "listpack" : "hashtable";
    case engine::ValueType::kStream:
      return "stream";
  }
  return "unknown";
}

}  // namespace thermocline::server
