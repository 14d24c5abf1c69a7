// Directories of paged lists: golden bytes, random lists, limits, every cut and kind of damage.
#include "codec/list_directory.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "codec/packed/listpack.h"
#include "tests/codec/golden.h"

namespace thermocline::codec {
namespace {

struct DirectoryModel {
  uint64_t next_id = 0;
  std::vector<ListDirectoryNode> nodes;
};

std::string EncodeDirectory(const DirectoryModel& model) {
  std::string out;
  AppendListDirectoryHead(&out, model.next_id, model.nodes.size());
  uint64_t previous_id = 0;
  for (const ListDirectoryNode& node : model.nodes) {
    AppendListDirectoryNode(&out, node, previous_id);
    previous_id = node.id;
  }
  return out;
}

StatusOr<DirectoryModel> DecodeDirectory(std::string_view bytes) {
  ListDirectoryReader reader(bytes);
  TC_RETURN_IF_ERROR(reader.Open());
  DirectoryModel model;
  model.next_id = reader.next_id();
  while (reader.nodes_left() > 0) {
    TC_RETURN_IF_ERROR(reader.Next(&model.nodes.emplace_back()));
  }
  return model;
}

// One node as it stands in a directory, its numbers unchecked.
std::string RawNode(uint64_t difference, uint64_t doubled_count, uint64_t bytes) {
  std::string out;
  PutVarint64(&out, difference);
  PutVarint64(&out, doubled_count);
  PutVarint64(&out, bytes);
  return out;
}

std::string RawDirectory(uint64_t next_id, uint64_t nodes, const std::string& rest) {
  std::string out(1, '\1');
  PutVarint64(&out, next_id);
  PutVarint64(&out, nodes);
  return out + rest;
}

// A sound node: id one larger than the one before, two elements in 13 bytes.
const std::string kSoundNode("\2\4\x0d", 3);

TEST(ListDirectory, Golden) {
  const std::string golden = Golden("cold-tier/v2/elements_directory.hex");
  const DirectoryModel model{301,
                             {{.id = 300, .bytes = 13, .count = 2, .plain = false},
                              {.id = 7, .bytes = 8187, .count = 200, .plain = false},
                              {.id = 8, .bytes = 5, .count = 1, .plain = true},
                              {.id = 12, .bytes = 4100, .count = 127, .plain = false}}};
  EXPECT_EQ(ToHex(EncodeDirectory(model)), ToHex(golden));
  const auto read = DecodeDirectory(golden);
  ASSERT_TRUE(read.ok()) << read.status().ToString();
  EXPECT_EQ(read->next_id, model.next_id);
  EXPECT_EQ(read->nodes, model.nodes);
}

DirectoryModel RandomDirectory(std::mt19937_64& random) {
  // Sizes of all magnitudes.
  const auto up_to = [&random](uint64_t max) { return (random() >> random() % 64) % (max + 1); };
  DirectoryModel model;
  model.next_id = 2 + up_to(kMaxListNodeId - 2);
  uint64_t id = 0;
  for (size_t n = 1 + up_to(300); n > 0; --n) {
    ListDirectoryNode& node = model.nodes.emplace_back();
    id = random() % 4 == 0 || id + 1 >= model.next_id ? 1 + up_to(model.next_id - 2) : id + 1;
    node.id = id;
    node.plain = random() % 8 == 0;
    node.bytes = node.plain ? up_to(kMaxListpackBytes) : 8 + up_to(kMaxListpackBytes - 8);
    node.count = node.plain ? 1 : 1 + up_to(node.bytes / 2 - 1);
  }
  return model;
}

TEST(ListDirectory, RandomDirectoriesComeBack) {
  std::mt19937_64 random(TestSeed());
  for (int i = 0; i < 2000; ++i) {
    const DirectoryModel model = RandomDirectory(random);
    const std::string bytes = EncodeDirectory(model);
    ListDirectoryReader reader(bytes);
    const Status opened = reader.Open();
    ASSERT_TRUE(opened.ok()) << opened.ToString();
    EXPECT_EQ(reader.next_id(), model.next_id);
    for (size_t n = 0; n < model.nodes.size(); ++n) {
      ASSERT_EQ(reader.nodes_left(), model.nodes.size() - n);
      ListDirectoryNode node;
      const Status status = reader.Next(&node);
      ASSERT_TRUE(status.ok()) << "node " << n << ": " << status.ToString();
      ASSERT_EQ(node, model.nodes[n]) << n;
    }
    EXPECT_EQ(reader.nodes_left(), 0u);
  }
}

TEST(ListDirectory, EveryCutAndAnythingBehindIsRefused) {
  std::mt19937_64 random(TestSeed());
  std::vector<std::string> sound = {Golden("cold-tier/v2/elements_directory.hex"),
                                    RawDirectory(2, 1, kSoundNode)};
  for (int i = 0; i < 20; ++i) sound.push_back(EncodeDirectory(RandomDirectory(random)));
  for (const std::string& bytes : sound) {
    ASSERT_TRUE(DecodeDirectory(bytes).ok());
    for (size_t cut = 0; cut < bytes.size(); ++cut) {
      EXPECT_EQ(DecodeDirectory(bytes.substr(0, cut)).status().code(), StatusCode::kCorruption)
          << cut << " bytes of " << bytes.size();
    }
    for (const std::string& more : {std::string(1, '\0'), kSoundNode}) {
      EXPECT_EQ(DecodeDirectory(bytes + more).status().code(), StatusCode::kCorruption);
    }
  }
}

TEST(ListDirectory, Limits) {
  const std::string first = RawNode(2, 4, 13);  // id 1
  for (const std::string& bytes : {
           // The largest next id, and the largest node id below it.
           RawDirectory(kMaxListNodeId, 1, first),
           RawDirectory(kMaxListNodeId, 1, RawNode((kMaxListNodeId - 1) << 1, 4, 13)),
           // The smallest listpack, and as many elements as its bytes may hold.
           RawDirectory(2, 1, RawNode(2, 4 << 1, 8)), RawDirectory(2, 1, RawNode(2, 4 << 1, 9)),
           RawDirectory(2, 1, RawNode(2, 2, kMaxListpackBytes)),
           RawDirectory(2, 1, RawNode(2, kMaxListpackBytes / 2 << 1, kMaxListpackBytes)),
           RawDirectory(2, 1, RawNode(2, 3, kMaxListpackBytes)),
           RawDirectory(2, 1, RawNode(2, 3, 0)),  // an empty text, plain
       }) {
    const auto read = DecodeDirectory(bytes);
    EXPECT_TRUE(read.ok()) << ToHex(bytes) << ": " << read.status().ToString();
  }
}

// Each case is refused for the reason that it is there for: nothing else is wrong with it.
TEST(ListDirectory, DamageIsNamed) {
  const std::string node = kSoundNode;
  const auto minus = [](uint64_t n) { return (n << 1) - 1; };  // a difference of -n
  const struct {
    std::string bytes;
    const char* what;
  } kCases[] = {
      {"", "empty"},
      {RawDirectory(0, 1, node), "next id"},
      {RawDirectory(kMaxListNodeId + 1, 1, node), "next id"},
      {RawDirectory(UINT64_MAX, 1, node), "next id"},
      {RawDirectory(2, 0, ""), "number of nodes"},
      {RawDirectory(2, 0, node), "number of nodes"},
      {RawDirectory(2, 2, node + node.substr(0, 2)), "number of nodes"},
      {RawDirectory(2, UINT64_MAX, node), "number of nodes"},
      {RawDirectory(2, 1, RawNode(0, 4, 13)), "id out of range"},                // 0
      {RawDirectory(3, 2, node + RawNode(minus(1), 4, 13)), "id out of range"},  // 1 - 1
      {RawDirectory(3, 2, node + RawNode(minus(2), 4, 13)), "id out of range"},  // below 0
      {RawDirectory(2, 1, RawNode(2 << 1, 4, 13)), "id out of range"},           // next id
      {RawDirectory(2, 1, RawNode(UINT64_MAX, 4, 13)), "id out of range"},
      {RawDirectory(2, 2, node + node), "id out of range"},
      {RawDirectory(2, 1, RawNode(2, 0, 13)), "size"},  // no elements
      {RawDirectory(2, 1, RawNode(2, 1, 13)), "size"},  // the same, plain
      {RawDirectory(2, 1, RawNode(2, 2 << 1 | 1, 13)), "size"},
      {RawDirectory(2, 1, RawNode(2, UINT64_MAX, 13)), "size"},
      {RawDirectory(2, 1, RawNode(2, 7 << 1, 13)), "size"},
      {RawDirectory(2, 1, RawNode(2, 5 << 1, 8)), "size"},
      {RawDirectory(2, 1, RawNode(2, 1 << 1, 7)), "size"},  // header and end alone
      {RawDirectory(2, 1, RawNode(2, 1 << 1, 0)), "size"},
      {RawDirectory(2, 1, RawNode(2, 4, kMaxListpackBytes + 1)), "size"},
      {RawDirectory(2, 1, RawNode(2, 3, kMaxListpackBytes + 1)), "size"},
      {RawDirectory(2, 1, RawNode(2, 3, UINT64_MAX)), "size"},
      {RawDirectory(2, 1, node + '\0'), "behind the last node"},
      {RawDirectory(3, 1, node + node), "behind the last node"},
      // Two nodes are claimed, but the first one takes all the bytes.
      {RawDirectory(2, 2, RawNode(2, 300, 8187 << 7)), "cut short"},
      // Numbers that are not in their shortest form, and one beyond 64 bits.
      {std::string("\1\x82\0\1", 4) + node, "cut short"},
      {RawDirectory(2, 1, std::string("\x82\0\4\x0d", 4)), "cut short"},
      {RawDirectory(2, 1, "\2\4" + std::string(9, '\xff') + "\2"), "cut short"},
  };
  for (const auto& c : kCases) {
    const auto read = DecodeDirectory(c.bytes);
    EXPECT_EQ(read.status().code(), StatusCode::kCorruption) << ToHex(c.bytes) << ": " << c.what;
    EXPECT_NE(read.status().ToString().find(c.what), std::string::npos)
        << ToHex(c.bytes) << ": " << read.status().ToString() << ", expected " << c.what;
  }
}

TEST(ListDirectory, AnotherVersionIsUnsupported) {
  std::string bytes = RawDirectory(2, 1, kSoundNode);
  ASSERT_TRUE(DecodeDirectory(bytes).ok());
  for (int version = 0; version < 256; ++version) {
    if (version == 1) continue;
    bytes[0] = static_cast<char>(version);
    EXPECT_EQ(DecodeDirectory(bytes).status().code(), StatusCode::kUnsupported) << version;
  }
}

}  // namespace
}  // namespace thermocline::codec
