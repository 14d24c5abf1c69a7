// Fuzz: directories of paged lists. What is read keeps the limits that the engine relies on, and
// encodes to the same bytes.
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "codec/list_directory.h"
#include "codec/packed/listpack.h"
#include "tests/fuzz/fuzz_check.h"

namespace {

using namespace thermocline::codec;

// False: refused.
bool ReadDirectory(std::string_view bytes, uint64_t* next_id,
                   std::vector<ListDirectoryNode>* nodes) {
  ListDirectoryReader reader(bytes);
  if (!reader.Open().ok()) return false;
  *next_id = reader.next_id();
  // The engine takes memory for so many.
  FUZZ_CHECK(reader.nodes_left() > 0 && reader.nodes_left() <= bytes.size());
  nodes->reserve(reader.nodes_left());
  while (reader.nodes_left() > 0) {
    if (!reader.Next(&nodes->emplace_back()).ok()) return false;
  }
  return true;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  uint64_t next_id = 0;
  std::vector<ListDirectoryNode> nodes;
  if (!ReadDirectory(bytes, &next_id, &nodes)) return 0;
  FUZZ_CHECK(next_id <= kMaxListNodeId);
  std::string again;
  AppendListDirectoryHead(&again, next_id, nodes.size());
  uint64_t previous_id = 0;
  for (const ListDirectoryNode& node : nodes) {
    FUZZ_CHECK(node.id > 0 && node.id < next_id);
    FUZZ_CHECK(node.count > 0 && node.bytes <= kMaxListpackBytes);
    FUZZ_CHECK(node.plain ? node.count == 1 : node.bytes > 7 && node.count <= node.bytes / 2);
    AppendListDirectoryNode(&again, node, previous_id);
    previous_id = node.id;
  }
  FUZZ_CHECK(again == bytes);
  uint64_t next_id_again = 0;
  std::vector<ListDirectoryNode> nodes_again;
  FUZZ_CHECK(ReadDirectory(again, &next_id_again, &nodes_again));
  FUZZ_CHECK(next_id_again == next_id && nodes_again == nodes);
  return 0;
}
