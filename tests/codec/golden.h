// Golden files: hex text under tests/golden/, '#' begins a comment. What old builds wrote must stay
// readable, so a file is never edited: a new version gets a new folder. Also the seeds of random
// tests.
#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <random>
#include <sstream>
#include <string>
#include <string_view>

namespace thermocline::codec {

inline std::string ToHex(std::string_view bytes) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string out;
  for (const char c : bytes) {
    out.push_back(kDigits[static_cast<uint8_t>(c) >> 4]);
    out.push_back(kDigits[static_cast<uint8_t>(c) & 15]);
  }
  return out;
}

/// The hex digits of a text without comments and spaces.
inline std::string HexDigits(std::string_view text) {
  std::string out;
  bool comment = false;
  for (const char c : text) {
    if (c == '#') comment = true;
    if (c == '\n') comment = false;
    if (!comment && c != ' ' && c != '\n' && c != '\r' && c != '\t') out.push_back(c);
  }
  return out;
}

inline std::string FromHex(std::string_view text) {
  const std::string digits = HexDigits(text);
  std::string out;
  for (size_t i = 0; i + 1 < digits.size(); i += 2) {
    out.push_back(static_cast<char>(std::stoi(digits.substr(i, 2), nullptr, 16)));
  }
  return out;
}

/// A file of the repository; fails the test if it is missing.
inline std::string ReadSourceFile(const std::string& path) {
  std::ifstream in(std::string(THERMOCLINE_SOURCE_DIR) + "/" + path, std::ios::binary);
  EXPECT_TRUE(in.good()) << path;
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

/// The bytes of tests/golden/<name>.
inline std::string Golden(const std::string& name) {
  return FromHex(ReadSourceFile("tests/golden/" + name));
}

/// THERMOCLINE_SEED if set, else a fresh one; printed, so that a failing run can be repeated.
inline uint64_t TestSeed() {
  const char* given = std::getenv("THERMOCLINE_SEED");
  const uint64_t seed = given ? std::strtoull(given, nullptr, 10) : std::random_device{}();
  std::cout << "THERMOCLINE_SEED=" << seed << std::endl;
  return seed;
}

}  // namespace thermocline::codec
