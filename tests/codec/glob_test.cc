// Globs. The table was compared with KEYS and COMMAND LIST FILTERBY PATTERN of redis-server 7.0.15
// (whose KEYS * alone never asks the matcher).
#include "codec/glob.h"

#include <gtest/gtest.h>

#include <string>

namespace thermocline::codec {
namespace {

struct Case {
  std::string_view pattern;
  std::string_view text;
  bool match;
};

TEST(Glob, MatchesAsRedisDoes) {
  const Case cases[] = {
      {"", "", true},
      {"", "a", false},
      {"*", "a", true},
      {"**", "", false},
      {"*", "", false},
      {"a*", "a", true},
      {"a**", "a", true},
      {"*a", "ba", true},
      {"*a*b*", "xaxbx", true},
      {"*a*b*", "xbxa", false},
      {"?", "a", true},
      {"?", "ab", false},
      {"a?c", "abc", true},
      {"[abc]", "b", true},
      {"[abc]", "d", false},
      {"[^abc]", "d", true},
      {"[^abc]", "a", false},
      {"[a-c]", "b", true},
      {"[c-a]", "b", true},
      {"[a-c]", "-", false},
      {"[a-]", "-", false},
      {"[a-]", "_", true},
      {"[a-", "-", true},
      {"[abc", "c", true},
      {"[", "a", false},
      {"[^", "a", true},
      {"[]", "]", false},
      {"[]a]", "a]", false},
      {"[\\]]", "]", true},
      {"[\\-a]", "-", true},
      {"\\*", "*", true},
      {"\\*", "a", false},
      {"\\", "\\", true},
      {"a\\", "a\\", true},
      {"\\a", "a", true},
      {"[^]", "a", true},
      {"*[ab]c", "xxbc", true},
      {"h[^e]llo", "hallo", true},
      {"h[^e]llo", "hello", false},
      {"[\x80-\xff]", "\x90", true},
      {"[a-\xff]", "z", false},
      {"\xff*",
       "\xff"
       "a",
       true},
  };
  for (const Case& c : cases) {
    EXPECT_EQ(GlobMatch(c.pattern, c.text), c.match) << c.pattern << " | " << c.text;
  }
}

TEST(Glob, NocaseFoldsLettersButNotEscapesInClasses) {
  EXPECT_TRUE(GlobMatch("GE*", "get", true));
  EXPECT_FALSE(GlobMatch("GE*", "get", false));
  EXPECT_TRUE(GlobMatch("[A-C]", "b", true));
  EXPECT_TRUE(GlobMatch("\\G", "g", true));
  EXPECT_FALSE(GlobMatch("[\\G]", "g", true));
  EXPECT_TRUE(GlobMatch("[G]", "g", true));
}

TEST(Glob, ManyStarsTakePolynomialTime) {
  // Backtracking over every star would take longer than the universe has lasted.
  std::string pattern;
  for (int i = 0; i < 2000; ++i) pattern += "a*";
  pattern += "b";
  EXPECT_FALSE(GlobMatch(pattern, std::string(4000, 'a')));
  EXPECT_TRUE(GlobMatch(pattern, std::string(4000, 'a') + "b"));
  EXPECT_TRUE(GlobMatch(std::string(1 << 20, '*') + "a", "bca"));
}

}  // namespace
}  // namespace thermocline::codec
