// FieldNames: which names get numbers, and that they keep them.
#include "codec/packed/field_names.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace thermocline::codec {
namespace {

constexpr HashKey kNamesKey = {1, 2};

uint16_t UseOften(FieldNames& names, std::string_view text) {
  uint16_t number = FieldNames::kNone;
  for (int i = 0; i < FieldNames::kUsesToLearn; ++i) number = names.Use(text);
  return number;
}

TEST(FieldNames, ANameUsedOftenGetsANumberAndKeepsIt) {
  FieldNames names(kNamesKey);
  for (int i = 1; i < FieldNames::kUsesToLearn; ++i) {
    ASSERT_EQ(names.Use("created_at"), FieldNames::kNone);
    ASSERT_EQ(names.Find("created_at"), FieldNames::kNone);
  }
  EXPECT_EQ(names.Use("created_at"), 0);
  EXPECT_EQ(names.Use("created_at"), 0);
  EXPECT_EQ(names.Find("created_at"), 0);
  EXPECT_EQ(names.Find("created_by"), FieldNames::kNone);
  const std::string_view text = names.At(0);
  const size_t before = names.memory_bytes();
  EXPECT_EQ(UseOften(names, "status"), 1);
  EXPECT_EQ(names.At(1), "status");
  EXPECT_EQ(names.At(0).data(), text.data()) << "texts stay where they are";
  EXPECT_EQ(text, "created_at");
  EXPECT_EQ(names.size(), 2u);
  EXPECT_GT(names.memory_bytes(), before);
}

TEST(FieldNames, LengthsAndNumbersThatGainNothingAreLeftOut) {
  FieldNames names(kNamesKey);
  for (const std::string text : {"", "id", "2026", "-17", "9223372036854775807"}) {
    EXPECT_EQ(UseOften(names, text), FieldNames::kNone) << text;
  }
  EXPECT_EQ(UseOften(names, std::string(FieldNames::kTextMax + 1, 'x')), FieldNames::kNone);
  EXPECT_EQ(names.size(), 0u);
  for (const std::string& text :
       {std::string("ttl"), std::string("007"), std::string("a\0b", 3),
        std::string("9223372036854775808"), std::string(FieldNames::kTextMax, 'x')}) {
    const uint16_t number = UseOften(names, text);
    ASSERT_NE(number, FieldNames::kNone) << text;
    EXPECT_EQ(names.At(number), text);
  }
}

TEST(FieldNames, NamesThatAreUsedOnceDoNotGetNumbersHoweverMany) {
  FieldNames names(kNamesKey);
  for (int i = 0; i < 1'000'000; ++i) names.Use("user:" + std::to_string(i));
  EXPECT_EQ(names.size(), 0u);
}

TEST(FieldNames, FrequentNamesAreFoundAmongOthers) {
  FieldNames names(kNamesKey);
  for (int i = 0; i < 20'000; ++i) {
    names.Use("name" + std::to_string(i % 40));
    names.Use("user:" + std::to_string(i));
  }
  for (int i = 0; i < 40; ++i) {
    EXPECT_NE(names.Find("name" + std::to_string(i)), FieldNames::kNone) << i;
  }
  EXPECT_EQ(names.size(), 40u);
}

TEST(FieldNames, WhenFullTheFirstKeepTheirNumbers) {
  FieldNames names(kNamesKey);
  for (int i = 0; i < FieldNames::kMax; ++i) {
    ASSERT_EQ(UseOften(names, "name" + std::to_string(i)), i);
  }
  EXPECT_EQ(UseOften(names, "one more"), FieldNames::kNone);
  EXPECT_EQ(names.size(), size_t{FieldNames::kMax});
  for (int i = 0; i < FieldNames::kMax; ++i) {
    const std::string text = "name" + std::to_string(i);
    ASSERT_EQ(names.Find(text), i);
    ASSERT_EQ(names.Use(text), i);
    ASSERT_EQ(names.At(static_cast<uint16_t>(i)), text);
  }
}

}  // namespace
}  // namespace thermocline::codec
