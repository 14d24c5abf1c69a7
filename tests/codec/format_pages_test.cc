// A format page shows golden files; this keeps page and file from drifting apart. A block that
// begins with "```hex <path under tests/golden>" must hold the same bytes as that file.
#include <gtest/gtest.h>

#include <filesystem>
#include <set>

#include "tests/codec/golden.h"

namespace thermocline::codec {
namespace {

// Compares every block of a page; returns the golden files that it shows.
std::set<std::string> CheckPage(const std::string& page) {
  std::set<std::string> shown;
  const std::string text = ReadSourceFile(page);
  const std::string fence = "```hex ";
  for (size_t at = text.find(fence); at != std::string::npos; at = text.find(fence, at + 1)) {
    const size_t name = at + fence.size();
    const size_t body = text.find('\n', name);
    const size_t end = text.find("```", body);
    if (end == std::string::npos) {
      ADD_FAILURE() << page << ": block without an end";
      break;
    }
    const std::string file = text.substr(name, body - name);
    EXPECT_EQ(HexDigits(std::string_view(text).substr(body, end - body)), ToHex(Golden(file)))
        << page << " shows other bytes than " << file;
    shown.insert(file);
  }
  return shown;
}

class FormatPages : public testing::TestWithParam<const char*> {};

TEST_P(FormatPages, ShowTheirGoldenFiles) {
  const std::string name = GetParam();
  const std::set<std::string> shown = CheckPage("docs/formats/" + name + ".md");
  EXPECT_FALSE(shown.empty());
  for (const std::string& file : shown) EXPECT_TRUE(file.starts_with(name + "/")) << file;
}

INSTANTIATE_TEST_SUITE_P(All, FormatPages,
                         testing::Values("log", "cold-tier", "packed", "rdb-object"));

TEST(FormatPage, EveryKindOfColdRecordIsShown) {
  const std::set<std::string> shown = CheckPage("docs/formats/cold-tier.md");
  const std::filesystem::path folder =
      std::string(THERMOCLINE_SOURCE_DIR) + "/tests/golden/cold-tier/v2";
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    EXPECT_TRUE(shown.contains("cold-tier/v2/" + entry.path().filename().string())) << entry.path();
  }
}

}  // namespace
}  // namespace thermocline::codec
