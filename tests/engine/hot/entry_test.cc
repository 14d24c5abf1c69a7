// Entry beside a struct that holds the same facts plainly: every shape, every change, at the edges
// of the varints, the allocator's classes and the inline limit.
#include "engine/hot/entry.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <limits>
#include <random>
#include <string>

#include "engine/hot/allocation.h"

namespace thermocline::engine {
namespace {

std::string Text(const Entry* e) {
  char scratch[24];
  return std::string(e->StringView(scratch));
}

TEST(AllocationSize, FollowsTheAllocatorsClasses) {
  EXPECT_EQ(AllocationSize(1), 8u);
  EXPECT_EQ(AllocationSize(8), 8u);
  EXPECT_EQ(AllocationSize(9), 16u);
  EXPECT_EQ(AllocationSize(80), 80u);
  EXPECT_EQ(AllocationSize(81), 96u);
  EXPECT_EQ(AllocationSize(128), 128u);
  EXPECT_EQ(AllocationSize(129), 160u);
  EXPECT_EQ(AllocationSize(161), 192u);
  EXPECT_EQ(AllocationSize(256), 256u);
  EXPECT_EQ(AllocationSize(257), 320u);
  EXPECT_EQ(AllocationSize(4097), 5120u);
  EXPECT_EQ(AllocationSize((size_t{1} << 20) + 1), (size_t{5} << 18));
}

TEST(Entry, SixteenByteKeyAndFiftyByteValueFitEightyBytes) {
  Entry* e = Entry::New(std::string(16, 'k'), StringValue::FromText(std::string(50, 'v')), 1);
  EXPECT_EQ(e->MemoryBytes(), 80u);
  Entry::Free(e);
  e = Entry::New(std::string(16, 'k'), StringValue::FromText(std::string(51, 'v')), 1);
  EXPECT_EQ(e->MemoryBytes(), 96u);
  Entry::Free(e);
}

TEST(Entry, AValueWrittenWholeWastesLittleOfItsClasses) {
  const std::string key(16, 'k');
  for (size_t length = 257; length <= 1200; ++length) {
    const std::string text(length, 'v');
    const size_t before = Entry::kHeaderBytes + 1 + 2 + key.size();
    const size_t one = AllocationSize(before + length);
    const size_t two = AllocationSize(before - 1 + 8) + AllocationSize(16 + length);
    EntryPtr made(Entry::New(key, StringValue::FromText(text), 1));
    EntryPtr set(Entry::New(key, StringValue::FromText("short"), 1)->SetString(text));
    for (const EntryPtr* e : {&made, &set}) {
      char scratch[24];
      EXPECT_EQ((*e)->StringView(scratch), text);
      EXPECT_LE((*e)->MemoryBytes(), std::min(one, two) + one / 8) << length;
    }
    EXPECT_EQ(made->MemoryBytes(), set->MemoryBytes()) << length;
  }
}

TEST(Entry, KeysDifferByAnyByteAndByLength) {
  for (size_t n = 0; n <= 140; ++n) {
    const std::string key(n, 'k');
    Entry* e = Entry::New(key, StringValue::FromText("v"), 1);
    EXPECT_TRUE(e->KeyEquals(key));
    EXPECT_FALSE(e->KeyEquals(key + "k"));
    for (size_t at = 0; at < n; ++at) {
      std::string other = key;
      other[at] = 'x';
      EXPECT_FALSE(e->KeyEquals(other)) << n << " " << at;
    }
    Entry::Free(e);
  }
}

TEST(Entry, SetChoosesTheEncodingByRedisRules) {
  const std::pair<std::string, StringEncoding> cases[] = {
      {"0", StringEncoding::kInt},
      {"-1", StringEncoding::kInt},
      {"9223372036854775807", StringEncoding::kInt},
      {"-9223372036854775808", StringEncoding::kInt},
      {"9223372036854775808", StringEncoding::kEmbstr},
      {"-9223372036854775809", StringEncoding::kEmbstr},
      {"01", StringEncoding::kEmbstr},
      {"-0", StringEncoding::kEmbstr},
      {"+1", StringEncoding::kEmbstr},
      {" 1", StringEncoding::kEmbstr},
      {"1.0", StringEncoding::kEmbstr},
      {"", StringEncoding::kEmbstr},
      {std::string(44, 'x'), StringEncoding::kEmbstr},
      {std::string(45, 'x'), StringEncoding::kRaw},
      {std::string(5000, 'x'), StringEncoding::kRaw},
  };
  for (const auto& [text, encoding] : cases) {
    Entry* e = Entry::New("k", StringValue::FromText(text), 1);
    EXPECT_EQ(e->string_encoding(), encoding) << text;
    EXPECT_EQ(Text(e), text);
    EXPECT_EQ(e->ValueLength(), text.size());
    int64_t number;
    EXPECT_EQ(e->IsInt(&number), encoding == StringEncoding::kInt);
    Entry::Free(e);
  }
  EXPECT_EQ(StringValue::Unparsed("12").encoding, StringEncoding::kEmbstr);
}

TEST(Entry, IntegersOfEveryWidthComeBack) {
  Entry* e = Entry::New("n", StringValue::FromInt(0), 1);
  for (int shift = 0; shift < 64; ++shift) {
    for (const int64_t delta : {-1, 0, 1}) {
      for (const int64_t sign : {1, -1}) {
        const auto number = static_cast<int64_t>(
            (uint64_t{1} << shift) * static_cast<uint64_t>(sign) + static_cast<uint64_t>(delta));
        e = e->SetInt(number);
        int64_t back;
        ASSERT_TRUE(e->IsInt(&back));
        ASSERT_EQ(back, number);
        ASSERT_EQ(Text(e), std::to_string(number));
        ASSERT_EQ(e->ValueLength(), std::to_string(number).size());
      }
    }
  }
  Entry::Free(e);
}

TEST(Entry, AppendAndSetRangeLeaveARawString) {
  Entry* e = Entry::New("k", StringValue::FromText("12"), 1);
  e = e->SetRange(5, "");
  EXPECT_EQ(e->string_encoding(), StringEncoding::kInt) << "an empty text changes nothing";
  e = e->Append("3");
  EXPECT_EQ(Text(e), "123");
  EXPECT_EQ(e->string_encoding(), StringEncoding::kRaw);
  e = e->SetRange(5, "x");
  EXPECT_EQ(Text(e), std::string("123\0\0x", 6));
  e = e->SetString("123");
  EXPECT_EQ(e->string_encoding(), StringEncoding::kInt);
  e = e->SetRange(0, "9");
  EXPECT_EQ(Text(e), "923");
  Entry::Free(e);
}

TEST(Entry, GrowthByAppendReallocatesRarely) {
  Entry* e = Entry::New("k", StringValue::Raw(""), 1);
  size_t changes = 0;
  size_t bytes = e->MemoryBytes();
  for (int n = 0; n < 300000; ++n) {
    e = e->Append("0123456789");
    if (e->MemoryBytes() != bytes) ++changes;
    bytes = e->MemoryBytes();
  }
  EXPECT_EQ(e->ValueLength(), 3000000u);
  EXPECT_LE(changes, 60u);
  EXPECT_LE(bytes, 3000000u + 2 * (1 << 20));
  Entry::Free(e);
}

TEST(Entry, AChangeWithinTheClassStaysInPlace) {
  Entry* e = Entry::New(std::string(16, 'k'), StringValue::FromText(std::string(50, 'v')), 1);
  EXPECT_EQ(e->SetString(std::string(50, 'w')), e);
  EXPECT_EQ(e->SetString(std::string(40, 'x')), e);
  EXPECT_EQ(e->SetExpiry(12345), e) << "40 + 8 bytes still fit";
  EXPECT_EQ(Text(e), std::string(40, 'x'));
  EXPECT_EQ(e->key(), std::string(16, 'k'));
  EXPECT_EQ(e->expiry_ms(), 12345);
  Entry::Free(e);
}

// The same facts, plainly.
struct Plain {
  std::string key;
  enum { kValue, kHeader, kTombstone } place = kValue;
  std::string value;
  uint64_t length = 0;  // header-only
  StringEncoding encoding = StringEncoding::kRaw;
  int64_t expiry = 0;
  int64_t cold_expiry = 0;
  uint64_t lsn = 0;
  uint32_t access = 0;
  bool dirty = false;
  bool pinned = false;
  unsigned frequency = 0;
};

void ExpectSame(const Entry* e, const Plain& p) {
  ASSERT_EQ(e->key(), p.key);
  ASSERT_EQ(e->lsn(), p.lsn);
  ASSERT_EQ(e->access(), p.access);
  ASSERT_EQ(e->expiry_ms(), p.expiry);
  ASSERT_EQ(e->cold_expiry_ms(), p.cold_expiry);
  ASSERT_EQ(e->Has(Entry::kDirty), p.dirty);
  ASSERT_EQ(e->Has(Entry::kPinned), p.pinned);
  ASSERT_EQ(e->frequency(), p.frequency);
  ASSERT_EQ(e->type(), ValueType::kString);
  ASSERT_EQ(e->resident(), p.place == Plain::kValue);
  ASSERT_EQ(e->Has(Entry::kTombstone), p.place == Plain::kTombstone);
  ASSERT_EQ(e->Has(Entry::kHeaderOnly), p.place == Plain::kHeader);
  if (p.place != Plain::kTombstone) {
    ASSERT_EQ(e->string_encoding(), p.encoding);
  }
  if (p.place == Plain::kValue) {
    ASSERT_EQ(Text(e), p.value);
    ASSERT_EQ(e->ValueLength(), p.value.size());
  } else {
    ASSERT_EQ(e->ValueLength(), p.place == Plain::kHeader ? p.length : 0);
  }
  // In memory: the block's class, and the buffer with at most the growth's slack.
  size_t least = Entry::kHeaderBytes + p.key.size();
  if (p.place == Plain::kValue && p.encoding != StringEncoding::kInt) least += p.value.size();
  ASSERT_GE(e->MemoryBytes(), least);
  ASSERT_LE(e->MemoryBytes(), AllocationSize(2 * least + 80) + 64 + p.value.size());
}

TEST(Entry, AgreesWithAPlainStructUnderRandomChanges) {
  for (uint64_t seed = 1; seed <= 60; ++seed) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    std::mt19937_64 rng(seed);
    const size_t key_sizes[] = {0, 1, 16, 100, 127, 128, 129, 300, 16383, 16384, 20000};
    const size_t value_sizes[] = {0,   1,   7,   8,    20,   44,   45,   50,   126,  127,
                                  128, 129, 500, 1000, 1023, 1024, 1025, 1100, 3000, 20000};
    const auto random_text = [&] {
      std::string s(value_sizes[rng() % std::size(value_sizes)], 'v');
      for (char& c : s) c = static_cast<char>(rng());
      if (rng() % 4 == 0) s = std::to_string(static_cast<int64_t>(rng()) >> (rng() % 64));
      return s;
    };
    const int64_t deadlines[] = {0, 1, -5, 1700000000000, std::numeric_limits<int64_t>::max()};
    Plain p;
    p.key =
        std::string(key_sizes[rng() % std::size(key_sizes)], static_cast<char>('a' + rng() % 26));
    p.value = random_text();
    p.encoding = StringValue::FromText(p.value).encoding;
    p.lsn = rng() >> 16;
    p.expiry = deadlines[rng() % 5];
    Entry* e = Entry::New(p.key, StringValue::FromText(p.value), p.lsn, p.expiry);
    ExpectSame(e, p);
    for (int step = 0; step < 400 && !testing::Test::HasFatalFailure(); ++step) {
      switch (rng() % 12) {
        case 0:
        case 1: {
          p.value = random_text();
          p.encoding = StringValue::FromText(p.value).encoding;
          p.place = Plain::kValue;
          e = e->SetString(p.value);
          break;
        }
        case 2: {
          const auto number = static_cast<int64_t>(rng()) >> (rng() % 64);
          p.value = std::to_string(number);
          p.encoding = StringEncoding::kInt;
          p.place = Plain::kValue;
          e = e->SetInt(number);
          break;
        }
        case 3:
        case 4: {
          if (p.place != Plain::kValue) break;
          const std::string more = random_text().substr(0, rng() % 600);
          p.value += more;
          p.encoding = StringEncoding::kRaw;
          e = e->Append(more);
          break;
        }
        case 5: {
          if (p.place != Plain::kValue) break;
          const std::string patch = random_text().substr(0, rng() % 600);
          const size_t offset = rng() % (p.value.size() + 200);
          if (!patch.empty()) {
            p.value.resize(std::max(p.value.size(), offset + patch.size()));
            p.value.replace(offset, patch.size(), patch);
            p.encoding = StringEncoding::kRaw;
          }
          e = e->SetRange(offset, patch);
          break;
        }
        case 6:
          p.expiry = deadlines[rng() % 5];
          e = e->SetExpiry(p.expiry);
          break;
        case 7:
          p.cold_expiry = rng() % 2 ? p.expiry : deadlines[rng() % 5];
          e = e->SetColdExpiry(p.cold_expiry);
          break;
        case 8:
          if (rng() % 3 != 0) break;
          p.place = Plain::kTombstone;
          p.value.clear();
          p.expiry = 0;
          e = e->ToTombstone();
          break;
        case 9:
          if (p.place != Plain::kValue) break;
          p.place = Plain::kHeader;
          p.length = p.value.size();
          p.value.clear();
          e = e->DropValue();
          break;
        case 10:
          p.lsn = rng() >> 16;
          p.access = rng() & 0xffffff;
          e->set_lsn(p.lsn);
          e->set_access(p.access);
          break;
        case 11:
          p.dirty = rng() % 2;
          p.pinned = rng() % 2;
          p.frequency = rng() % 4;
          e->Set(Entry::kDirty, p.dirty);
          e->Set(Entry::kPinned, p.pinned);
          e->set_frequency(p.frequency);
          break;
      }
      ExpectSame(e, p);
    }
    Entry::Free(e);
  }
}

TEST(Entry, HeadersAndTombstonesBecomeValuesAgain) {
  Entry* e = Entry::NewHeader("key", ValueType::kString, 2, 700, 42, 99);
  EXPECT_TRUE(e->Has(Entry::kHeaderOnly));
  EXPECT_EQ(e->ValueLength(), 700u);
  EXPECT_EQ(e->expiry_ms(), 99);
  e->Set(Entry::kHasCold);
  e = e->SetColdExpiry(99);
  EXPECT_EQ(e->MemoryBytes(), 32u) << "an equal cold deadline takes no room";
  e = e->SetString(StringValue::Unparsed(std::string(700, 'x')));
  EXPECT_TRUE(e->resident());
  EXPECT_TRUE(e->Has(Entry::kHasCold));
  EXPECT_EQ(e->cold_expiry_ms(), 99);
  e = e->ToTombstone();
  EXPECT_EQ(e->expiry_ms(), 0);
  EXPECT_EQ(e->cold_expiry_ms(), 99) << "the cold row is still to be deleted";
  EXPECT_EQ(e->lsn(), 42u);
  Entry::Free(e);
  e = Entry::NewTombstone("key", 7);
  EXPECT_TRUE(e->Has(Entry::kTombstone));
  e = e->SetString("5");
  EXPECT_EQ(Text(e), "5");
  Entry::Free(e);
  Entry::Free(nullptr);
}

}  // namespace
}  // namespace thermocline::engine
