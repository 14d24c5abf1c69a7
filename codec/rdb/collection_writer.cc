#include "codec/rdb/collection_writer.h"

#include <bit>
#include <cstdint>

namespace thermocline::codec {

// No packed form can be mistaken for the text of a number: its first byte is a size or a width.
void AppendRdbPacked(std::string* out, std::string_view bytes, bool compress) {
  AppendRdbString(out, bytes, compress);
}

void AppendRdbListpack(std::string* out, OneWayListpackView listpack, bool compress) {
  const size_t size = TwoWaySize(listpack);
  if (compress) {
    std::string bytes;
    AppendTwoWay(&bytes, listpack, size);
    AppendRdbPacked(out, bytes, compress);
    return;
  }
  AppendRdbLength(out, size);
  AppendTwoWay(out, listpack, size);
}

void AppendRdbPackedNode(std::string* out, std::string_view listpack, bool compress) {
  AppendRdbLength(out, kRdbNodePacked);
  AppendRdbPacked(out, listpack, compress);
}

void AppendRdbPlainNode(std::string* out, std::string_view element, bool compress) {
  AppendRdbLength(out, kRdbNodePlain);
  AppendRdbString(out, element, compress);
}

void AppendRdbScore(std::string* out, double score) {
  PutFixed64(out, std::bit_cast<uint64_t>(score));
}

}  // namespace thermocline::codec
