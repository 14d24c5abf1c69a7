// Writers of the RDB payloads of collections, as redis-server 7.0 writes them.
// docs/formats/rdb-object.md has the layouts.
//
//   value                    type                  payload
//   list                     kRdbListQuicklist2    AppendRdbLength(nodes), AppendRdbPackedNode or
//                                                  AppendRdbPlainNode each
//   intset                   kRdbSetIntset         AppendRdbPacked
//   set of any members       kRdbSet               AppendRdbLength(members), AppendRdbString each
//   hash in a listpack       kRdbHashListpack      AppendRdbListpack
//   hash in a table          kRdbHash              AppendRdbLength(pairs), AppendRdbString of field
//                                                  and value each
//   sorted set in a listpack kRdbZsetListpack      AppendRdbListpack
//   other sorted set         kRdbZset2             AppendRdbLength(members), AppendRdbString and
//                                                  AppendRdbScore each, from the greatest score
//                                                  down
#pragma once

#include <string>
#include <string_view>

#include "codec/packed/listpack.h"
#include "codec/rdb/object.h"

namespace thermocline::codec {

/// An intset that is a whole value.
void AppendRdbPacked(std::string* out, std::string_view bytes, bool compress);
/// A listpack that is a whole value; it is written as the two-way one of its elements.
void AppendRdbListpack(std::string* out, OneWayListpackView listpack, bool compress);

/// A node of a list: a listpack of elements, or one element that is too large for one.
void AppendRdbPackedNode(std::string* out, std::string_view listpack, bool compress);
void AppendRdbPlainNode(std::string* out, std::string_view element, bool compress);

/// A score of kRdbZset2: a binary double.
void AppendRdbScore(std::string* out, double score);

}  // namespace thermocline::codec
