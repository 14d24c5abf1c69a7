// Listpacks: encodings to the byte, edits against a vector of strings, damaged bytes.
#include "codec/packed/listpack.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <limits>
#include <random>
#include <vector>

#include "tests/codec/golden.h"

namespace thermocline::codec {
namespace {

constexpr size_t kNone = ListpackView::kNone;

std::string Build(const std::vector<std::string>& elements) {
  std::string out(EmptyListpack());
  StringStore store(&out);
  for (const std::string& element : elements) ListpackAppend(store, std::string_view(element));
  return out;
}

std::vector<std::string> Read(std::string_view bytes) {
  std::vector<std::string> out;
  const ListpackView view(bytes);
  for (size_t at = view.First(); at != kNone; at = view.Next(at)) {
    out.push_back(view.At(at).ToString());
  }
  return out;
}

std::vector<std::string> ReadBackwards(std::string_view bytes) {
  std::vector<std::string> out;
  const ListpackView view(bytes);
  for (size_t at = view.Last(); at != kNone; at = view.Prev(at)) {
    out.push_back(view.At(at).ToString());
  }
  std::reverse(out.begin(), out.end());
  return out;
}

// The bytes of one element, trailing length included.
std::string Encoded(std::string_view text) {
  const ListpackElement element(text);
  std::string out(element.size(), '\0');
  EXPECT_EQ(element.Store(out.data()), out.data() + out.size());
  return out;
}

TEST(Listpack, ElementsTakeTheShortestEncoding) {
  const std::vector<std::pair<const char*, const char*>> cases = {
      {"0", "0001"},
      {"127", "7f01"},
      {"128", "c08002"},
      {"-1", "dfff02"},
      {"4095", "cfff02"},
      {"-4096", "d00002"},
      {"4096", "f1001003"},
      {"-4097", "f1ffef03"},
      {"32767", "f1ff7f03"},
      {"-32768", "f1008003"},
      {"32768", "f200800004"},
      {"-32769", "f2ff7fff04"},
      {"8388607", "f2ffff7f04"},
      {"-8388608", "f200008004"},
      {"8388608", "f30000800005"},
      {"-8388609", "f3ffff7fff05"},
      {"2147483647", "f3ffffff7f05"},
      {"-2147483648", "f30000008005"},
      {"2147483648", "f4000000800000000009"},
      {"9223372036854775807", "f4ffffffffffffff7f09"},
      {"-9223372036854775808", "f4000000000000008009"},
      {"", "8001"},
      {"a", "816102"},
      {"-", "812d02"},
      {"+1", "822b3103"},
      {"01", "82303103"},
      {"-0", "822d3003"},
      {" 1", "82203103"},
      {"9223372036854775808", "933932323333373230333638353437373538303814"},
  };
  for (const auto& [text, hex] : cases) EXPECT_EQ(ToHex(Encoded(text)), hex) << text;
}

TEST(Listpack, LengthsOfTextAndOfTheTrailerChangeTogetherWithTheSize) {
  struct Case {
    size_t size;
    const char* head;
    const char* tail;
  };
  const std::vector<Case> cases = {
      {63, "bf", "40"},
      {64, "e040", "42"},
      {125, "e07d", "7f"},
      {126, "e07e", "0180"},
      {4095, "efff", "2081"},
      {4096, "f000100000", "2085"},
      {16377, "f0f93f0000", "7ffe"},    // 16382 bytes
      {16378, "f0fa3f0000", "00ffff"},  // 16383 need three
      {2097141, "f0f5ff1f00", "7ffffa"},
      {2097146, "f0faff1f00", "00ffffff"},
  };
  for (const Case& c : cases) {
    const std::string encoded = Encoded(std::string(c.size, 'x'));
    const std::string head = FromHex(c.head);
    const std::string tail = FromHex(c.tail);
    EXPECT_EQ(ToHex(encoded.substr(0, head.size())), c.head) << c.size;
    EXPECT_EQ(encoded.size(), head.size() + c.size + tail.size()) << c.size;
    EXPECT_EQ(ToHex(encoded.substr(head.size() + c.size)), c.tail) << c.size;
  }
}

TEST(Listpack, TheGoldenOneIsReadAndWritten) {
  const std::string golden = Golden("packed/v1/listpack.hex");
  ASSERT_TRUE(ValidateListpack(golden));
  const std::vector<std::string> elements = {
      "a",      "5",          "300",           "-1",    "4096",
      "100000", "2147483647", "1099511627776", "hello", std::string(64, 'b')};
  EXPECT_EQ(Read(golden), elements);
  EXPECT_EQ(ToHex(Build(elements)), ToHex(golden));
}

TEST(Listpack, EmptyIsSound) {
  EXPECT_TRUE(ValidateListpack(EmptyListpack()));
  const ListpackView view(EmptyListpack());
  EXPECT_TRUE(view.empty());
  EXPECT_EQ(view.size(), 0u);
  EXPECT_EQ(view.First(), kNone);
  EXPECT_EQ(view.Last(), kNone);
  EXPECT_EQ(view.Seek(0), kNone);
  EXPECT_EQ(view.Seek(-1), kNone);
}

// Texts of every encoding, with many equal ones.
std::string RandomText(std::mt19937_64& random) {
  static constexpr std::array<int64_t, 12> kEdges = {0,          127,       4095,      -4096,
                                                     32767,      -32768,    8388607,   -8388608,
                                                     2147483647, INT64_MAX, INT64_MIN, -2147483648};
  switch (random() % 7) {
    case 0:
      return std::to_string(static_cast<int64_t>(random() % 20) - 5);
    case 1:
      // One less, the edge itself, one more; around the ends of the range it wraps.
      return std::to_string(static_cast<int64_t>(
          static_cast<uint64_t>(kEdges[random() % kEdges.size()]) + random() % 3 - 1));
    case 2:
      return std::to_string(static_cast<int64_t>(random() >> random() % 64));
    case 3:
      return std::string(random() % 300, static_cast<char>('a' + random() % 3));
    case 4: {
      static constexpr std::array<size_t, 8> kSizes = {61, 62, 63, 64, 124, 125, 126, 127};
      return std::string(kSizes[random() % kSizes.size()], 'z');
    }
    case 5:
      return random() % 20 != 0 ? "k" + std::to_string(random() % 9)
                                : std::string(4090 + random() % 12, 'y');
    default:
      return std::string(random() % 4, static_cast<char>(random()));
  }
}

// Find over every `stride`-th element.
template <class View>
bool FindsLikeAVector(const View& view, const std::vector<std::string>& model,
                      std::string_view needle, size_t stride) {
  size_t expected = 0;
  while (expected < model.size() && model[expected] != needle) expected += stride;
  return view.Find(view.First(), needle, stride) ==
         (expected < model.size() ? view.Seek(static_cast<int64_t>(expected)) : kNone);
}

TEST(Listpack, EditsAreThoseOfAVector) {
  std::mt19937_64 random(TestSeed());
  std::vector<std::string> model;
  std::string bytes(EmptyListpack());
  StringStore store(&bytes);
  for (int step = 0; step < 20000; ++step) {
    const std::string text = RandomText(random);
    const std::string_view view_text = text;
    const size_t n = model.size();
    const size_t index = n == 0 ? 0 : random() % n;
    const auto at = [&] { return ListpackView(bytes).Seek(static_cast<int64_t>(index)); };
    const auto position = model.begin() + static_cast<std::ptrdiff_t>(index);
    switch (random() % (n > 60 ? 14 : 10)) {
      case 0:
      case 1: {
        const size_t offset = ListpackAppend(store, view_text);
        model.push_back(text);
        ASSERT_TRUE(ListpackView(bytes).Equals(offset, text));
        break;
      }
      case 2: {
        const size_t offset = ListpackPrepend(store, view_text);
        ASSERT_EQ(offset, ListpackView(bytes).First());
        model.insert(model.begin(), text);
        break;
      }
      case 3:
        if (n == 0) break;
        ListpackInsert(store, at(), view_text);
        model.insert(position, text);
        break;
      case 4: {
        if (n == 0) break;
        const size_t offset = ListpackInsertAfter(store, at(), view_text);
        ASSERT_TRUE(ListpackView(bytes).Equals(offset, text));
        model.insert(position + 1, text);
        break;
      }
      case 5:
        if (n == 0) break;
        ListpackReplace(store, at(), view_text);
        *position = text;
        break;
      case 6: {
        // Several at once, numbers given as numbers.
        const std::string other = RandomText(random);
        const auto number = static_cast<int64_t>(random());
        const std::array<ListpackElement, 3> added = {ListpackElement(view_text),
                                                      ListpackElement(number),
                                                      ListpackElement(std::string_view(other))};
        ListpackInsert(store, n == 0 ? ListpackView(bytes).end() : at(), added);
        model.insert(position, {text, std::to_string(number), other});
        break;
      }
      case 7: {
        const std::vector<std::string> more = {text, "12", RandomText(random)};
        const std::string packed = Build(more);
        if (random() % 2 == 0) {
          ListpackAppendAll(store, ListpackView(packed));
          model.insert(model.end(), more.begin(), more.end());
        } else {
          ListpackPrependAll(store, ListpackView(packed));
          model.insert(model.begin(), more.begin(), more.end());
        }
        break;
      }
      case 8: {
        const size_t count = random() % (n + 3);
        const auto end = model.begin() + static_cast<std::ptrdiff_t>(std::min(n, index + count));
        ASSERT_EQ(Read(ListpackCopyRange(ListpackView(bytes), index, count)),
                  std::vector<std::string>(position, end));
        break;
      }
      case 9:
      case 10: {
        if (n == 0) break;
        const size_t next = ListpackErase(store, at());
        model.erase(position);
        ASSERT_EQ(next, at());
        break;
      }
      case 11:
      case 12: {
        const size_t count = random() % 12;
        const bool from_end = random() % 2 == 0;
        const auto asked = static_cast<int64_t>(index) - (from_end ? static_cast<int64_t>(n) : 0);
        ListpackEraseRange(store, asked, count);
        model.erase(position,
                    model.begin() + static_cast<std::ptrdiff_t>(std::min(n, index + count)));
        break;
      }
      default: {
        const size_t count = 1 + random() % 40;
        ListpackErase(store, at(), count);
        model.erase(position,
                    model.begin() + static_cast<std::ptrdiff_t>(std::min(n, index + count)));
        break;
      }
    }
    ASSERT_TRUE(ValidateListpack(bytes)) << "step " << step;
    ASSERT_EQ(ListpackView(bytes).size(), model.size());
    ASSERT_EQ(Read(bytes), model) << "step " << step;
    ASSERT_EQ(ReadBackwards(bytes), model);
    ASSERT_EQ(bytes, Build(model)) << "an edit leaves the bytes that building gives";

    const ListpackView view(bytes);
    const auto signed_size = static_cast<int64_t>(model.size());
    const int64_t seek = static_cast<int64_t>(random() % (2 * model.size() + 4)) - signed_size - 2;
    const size_t found = view.Seek(seek);
    const int64_t absolute = seek < 0 ? seek + signed_size : seek;
    if (absolute < 0 || absolute >= signed_size) {
      ASSERT_EQ(found, kNone);
    } else {
      ASSERT_EQ(view.At(found).ToString(), model[static_cast<size_t>(absolute)]);
    }
    const std::string needle =
        random() % 2 == 0 || model.empty() ? RandomText(random) : model[random() % model.size()];
    ASSERT_TRUE(FindsLikeAVector(view, model, needle, 1 + random() % 2));
  }
}

// Found by the fuzzer: 0x81 reads on into the element's own head, 0x80, and ends at the count's
// zero. Redis's deep check accepts it, too. Behind an inserted element it would end elsewhere.
TEST(Listpack, ATrailerThatRunsIntoTheDataIsWrittenAnewBeforeAnEdit) {
  std::string bytes("\x09\0\0\0\x01\0\x80\x81\xff", 9);
  bool own_trailers = true;
  ASSERT_TRUE(ValidateListpack(bytes, nullptr, &own_trailers));
  EXPECT_FALSE(own_trailers);
  EXPECT_EQ(ListpackView(bytes).Last(), 6u) << "readable as it is";
  RewriteTrailers(&bytes);
  EXPECT_EQ(bytes, Build(std::vector<std::string>{""}));
  StringStore store(&bytes);
  ListpackPrepend(store, std::string_view("longer than before"));
  ASSERT_TRUE(ValidateListpack(bytes, nullptr, &own_trailers));
  EXPECT_TRUE(own_trailers);
  EXPECT_EQ(bytes, Build(std::vector<std::string>{"longer than before", ""}));
}

// The one-way layout beside the other: the same elements, the same places, and the way back.
TEST(OneWayListpack, EditsAreThoseOfAVector) {
  using listpack_format::OneWay;
  std::mt19937_64 random(TestSeed());
  std::vector<std::string> model;
  std::string bytes(EmptyListpack<OneWay>());
  StringStore store(&bytes);
  for (int step = 0; step < 5000; ++step) {
    const std::string text = RandomText(random);
    const std::string_view view_text = text;
    const size_t n = model.size();
    const size_t index = n == 0 ? 0 : random() % n;
    const size_t at = OneWayListpackView(bytes).Seek(static_cast<int64_t>(index));
    const auto position = model.begin() + static_cast<std::ptrdiff_t>(index);
    const size_t count = random() % 12;
    const auto end = model.begin() + static_cast<std::ptrdiff_t>(std::min(n, index + count));
    const uint64_t choice = n == 0 ? 0 : random() % (n > 60 ? 8 : 5);
    if (choice < 2) {
      const size_t offset = ListpackAppend<OneWay>(store, view_text);
      model.push_back(text);
      ASSERT_TRUE(OneWayListpackView(bytes).Equals(offset, text));
    } else if (choice == 2) {
      const std::array<ListpackElement, 2> added = {view_text, int64_t{5}};
      ListpackInsert<OneWay>(store, at, added);
      model.insert(position, {text, "5"});
    } else if (choice < 5) {
      ListpackReplace<OneWay>(store, at, view_text);
      *position = text;
    } else if (choice < 7) {
      ListpackEraseRange<OneWay>(store, static_cast<int64_t>(index), count);
      model.erase(position, end);
    } else {
      const size_t next = ListpackErase<OneWay>(store, at);
      model.erase(position);
      ASSERT_EQ(next, index < model.size() ? at : kNone);
    }

    const OneWayListpackView view(bytes);
    ASSERT_EQ(view.size(), model.size());
    ASSERT_EQ(view.empty(), model.empty());
    size_t offset = view.First();
    for (const std::string& element : model) {
      ASSERT_EQ(view.At(offset).ToString(), element) << "step " << step;
      offset = view.Next(offset);
    }
    ASSERT_EQ(offset, kNone);
    ASSERT_EQ(view.Seek(static_cast<int64_t>(model.size())), kNone);
    const std::string needle = model.empty() || step % 2 == 0 ? text : model.back();
    ASSERT_TRUE(FindsLikeAVector(view, model, needle, 1 + random() % 2));

    const std::string two_way = Build(model);
    ASSERT_EQ(bytes, ToOneWay(ListpackView(two_way)));
    ASSERT_LE(bytes.size() + model.size() + 4, two_way.size());
    ASSERT_EQ(TwoWaySize(view), two_way.size());
    std::string back = "before";
    AppendTwoWay(&back, view, TwoWaySize(view));
    ASSERT_EQ(back, "before" + two_way);
  }
}

// Elements that are references to names beside elements that are the same texts.
TEST(OneWayListpack, ReferencesToNamesReadAsTheirTexts) {
  using listpack_format::OneWay;
  std::mt19937_64 random(TestSeed());
  FieldNames names({1, 2});
  std::vector<std::string> texts{"1", "-5000000", "", "ab", "long enough for a name of its own"};
  for (int i = 0; i < 300; ++i) texts.push_back("name" + std::to_string(i));
  for (size_t i = 5; i < texts.size(); ++i) {  // more than one value of the head
    for (int use = 0; use < FieldNames::kUsesToLearn; ++use) names.Use(texts[i]);
  }
  ASSERT_EQ(names.size(), 300u);
  std::vector<std::string> model;
  std::string bytes(EmptyListpack<OneWay>());
  StringStore store(&bytes);
  for (int step = 0; step < 3000; ++step) {
    const std::string_view text = texts[random() % texts.size()];
    const uint16_t number = random() % 3 == 0 ? FieldNames::kNone : names.Find(text);
    const ListpackElement element =
        number == FieldNames::kNone ? ListpackElement(text) : ListpackElement::OfName(number);
    const size_t n = model.size();
    const size_t index = n == 0 ? 0 : random() % n;
    const size_t at = OneWayListpackView(bytes, &names).Seek(static_cast<int64_t>(index));
    if (n == 0 || random() % 3 == 0) {
      ListpackAppend<OneWay>(store, element);
      model.emplace_back(text);
    } else if (n < 40 && random() % 2 == 0) {
      ListpackReplace<OneWay>(store, at, element);
      model[index] = text;
    } else {
      ListpackErase<OneWay>(store, at);
      model.erase(model.begin() + static_cast<std::ptrdiff_t>(index));
    }

    const OneWayListpackView view(bytes, &names);
    size_t offset = view.First();
    for (const std::string& wanted : model) {
      ASSERT_EQ(view.At(offset).ToString(), wanted) << "step " << step;
      ASSERT_TRUE(view.Equals(offset, wanted));
      offset = view.Next(offset);
    }
    ASSERT_EQ(offset, kNone);
    const std::string& needle = texts[random() % texts.size()];
    ASSERT_TRUE(FindsLikeAVector(view, model, needle, 1 + random() % 2));

    const std::string two_way = Build(model);
    std::string back;
    AppendTwoWay(&back, view, TwoWaySize(view));
    ASSERT_EQ(back, two_way);
    const std::string referring = ToOneWay(ListpackView(two_way), &names);
    const OneWayListpackView all(referring, &names);
    size_t spared = 0;
    offset = all.First();
    for (size_t i = 0; i < model.size(); ++i, offset = all.Next(offset)) {
      ASSERT_EQ(all.At(offset).ToString(), model[i]);
      const bool refers = i % 2 == 0 && names.Find(model[i]) != FieldNames::kNone;
      if (refers) spared += 1 + model[i].size() - listpack_format::kNameSize;
    }
    ASSERT_EQ(referring.size() + spared, ToOneWay(ListpackView(two_way)).size());
  }
}

TEST(OneWayListpack, CountBeyondTheHeaderIsFoundByWalking) {
  OneWayListpackBuilder builder;
  for (int64_t i = 0; i < 65534; ++i) builder.Add(ListpackElement(i));
  std::string bytes = builder.Take();
  StringStore store(&bytes);
  for (size_t more = 1; more <= 3; ++more) {
    ListpackAppend<listpack_format::OneWay>(store, std::string_view("x"));
    EXPECT_EQ(OneWayListpackView(bytes).size(), 65534 + more);
  }
  const OneWayListpackView view(bytes);
  EXPECT_EQ(view.At(view.Seek(65533)).number, 65533);
  EXPECT_EQ(view.Seek(65537), kNone);
  std::string two_way;
  AppendTwoWay(&two_way, view, TwoWaySize(view));
  EXPECT_TRUE(ValidateListpack(two_way));
  EXPECT_EQ(ListpackView(two_way).size(), 65537u);
  EXPECT_EQ(ToOneWay(ListpackView(two_way)), bytes);
}

TEST(Listpack, CountBeyondTheHeaderIsFoundByWalking) {
  ListpackBuilder builder;
  constexpr size_t kCount = 65534;
  for (size_t i = 0; i < kCount; ++i) builder.Add(ListpackElement(static_cast<int64_t>(i)));
  EXPECT_EQ(builder.size(), kCount);
  const size_t size = builder.byte_size();
  std::string bytes = builder.Take();
  EXPECT_EQ(bytes.size(), size);
  EXPECT_EQ(LoadFixed16(bytes.data() + 4), kCount);
  StringStore store(&bytes);
  for (size_t more = 1; more <= 3; ++more) {
    ListpackAppend(store, std::string_view("x"));
    EXPECT_EQ(LoadFixed16(bytes.data() + 4), 65535);
    EXPECT_EQ(ListpackView(bytes).size(), kCount + more);
    EXPECT_TRUE(ValidateListpack(bytes));
  }
  const ListpackView view(bytes);
  EXPECT_EQ(view.At(view.Seek(65000)).number, 65000);
  EXPECT_EQ(view.At(view.Seek(-4)).number, 65533);
  EXPECT_EQ(view.Seek(kCount + 3), kNone);
  EXPECT_EQ(view.Seek(-static_cast<int64_t>(kCount) - 4), kNone);
  // Once unknown it stays so: the count is only known again by a walk.
  ListpackEraseRange(store, -10, 100);
  EXPECT_EQ(ListpackView(bytes).size(), kCount + 3 - 10);
  EXPECT_TRUE(ValidateListpack(bytes));
  EXPECT_EQ(builder.Take(), EmptyListpack());
}

TEST(Listpack, LongTextsSurvive) {
  std::string bytes(EmptyListpack());
  StringStore store(&bytes);
  std::vector<std::string> model;
  for (const size_t size : {4095, 4096, 16377, 16378, 70000, 2097146, 2097147, 3000000}) {
    model.emplace_back(size, static_cast<char>('a' + model.size()));
    ListpackAppend(store, std::string_view(model.back()));
  }
  EXPECT_TRUE(ValidateListpack(bytes));
  EXPECT_EQ(Read(bytes), model);
  EXPECT_EQ(ReadBackwards(bytes), model);
}

// Forms that no writer chooses but that a reader has to take.
TEST(Listpack, LongerEncodingsThanNeededAreReadAndFound) {
  const auto listpack = [](const std::string& elements, char count) {
    std::string bytes(6, '\0');
    bytes += elements;
    bytes.push_back('\xff');
    StoreFixed32(bytes.data(), static_cast<uint32_t>(bytes.size()));
    bytes[4] = count;
    return bytes;
  };
  const std::string bytes = listpack(FromHex("f40500000000000000 09"
                                             "8135 02"
                                             "f001000000 78 06"
                                             "e001 79 03"
                                             "f1ffff 03"),
                                     5);
  ASSERT_TRUE(ValidateListpack(bytes));
  EXPECT_EQ(Read(bytes), (std::vector<std::string>{"5", "5", "x", "y", "-1"}));
  EXPECT_EQ(ReadBackwards(bytes), Read(bytes));
  const ListpackView view(bytes);
  EXPECT_EQ(view.Find(view.First(), "5"), view.First());
  EXPECT_EQ(view.Find(view.Seek(1), "5"), view.Seek(1)) << "a number kept as text";
  EXPECT_EQ(view.Find(view.First(), "x"), view.Seek(2));
  EXPECT_EQ(view.Find(view.First(), "-1"), view.Seek(4));
}

TEST(Listpack, EveryTruncationIsRefused) {
  std::mt19937_64 random(TestSeed());
  std::vector<std::string> model;
  for (int i = 0; i < 30; ++i) model.push_back(RandomText(random));
  const std::string bytes = Build(model);
  for (size_t n = 0; n < bytes.size(); ++n) {
    std::string cut = bytes.substr(0, n);
    EXPECT_FALSE(ValidateListpack(cut)) << n;
    // With a header and an end that fit, the elements must still not reach the end.
    if (n < 7) continue;
    cut.back() = '\xff';
    StoreFixed32(cut.data(), static_cast<uint32_t>(n));
    EXPECT_FALSE(ValidateListpack(cut)) << n;
  }
  std::string longer = bytes + '\xff';
  EXPECT_FALSE(ValidateListpack(longer));
}

// What the check lets through can be walked in both directions without leaving the bytes.
TEST(Listpack, WhateverIsAcceptedCanBeWalked) {
  std::mt19937_64 random(TestSeed());
  size_t accepted = 0;
  for (int round = 0; round < 30000; ++round) {
    std::vector<std::string> model;
    for (size_t i = random() % 6; i > 0; --i) model.push_back(RandomText(random).substr(0, 70));
    const std::string sound = Build(model);
    std::string damaged = sound;
    for (size_t flips = 1 + random() % 2; flips > 0; --flips) {
      damaged[random() % damaged.size()] ^= static_cast<char>(1 << random() % 8);
    }
    // Exactly as large, so that the sanitizer sees a read beyond the end.
    const std::vector<char> exact(damaged.begin(), damaged.end());
    const std::string_view bytes(exact.data(), exact.size());
    std::vector<std::string> seen;
    const auto visit = [&seen](const PackedValue& value) {
      seen.push_back(value.ToString());
      return true;
    };
    if (!ValidateListpack(bytes, visit)) continue;
    ++accepted;
    ASSERT_EQ(Read(bytes), seen);
    ASSERT_EQ(ReadBackwards(bytes), seen);
    ASSERT_EQ(ListpackView(bytes).size(), seen.size());
  }
  EXPECT_GT(accepted, 100u);
}

TEST(Listpack, TheVisitorMayRefuse) {
  const std::string bytes = Build({"a", "b", "c"});
  size_t seen = 0;
  EXPECT_FALSE(ValidateListpack(bytes, [&seen](const PackedValue&) { return ++seen < 2; }));
  EXPECT_EQ(seen, 2u);
}

}  // namespace
}  // namespace thermocline::codec
