// Entries that hold collections, packed and as objects, beside a plain model: splices at every
// place, every change of form, and nothing leaked or freed twice.
#include <gtest/gtest.h>

#include <memory>
#include <random>
#include <string>

#include "engine/hot/allocation.h"
#include "engine/hot/entry.h"
#include "engine/hot/packed_entry.h"

namespace thermocline::engine {
namespace {

// Counts how many of it live.
class Probe final : public Collection {
 public:
  explicit Probe(size_t bytes) {
    bytes_ = bytes;
    ++alive;
  }
  ~Probe() override { --alive; }
  size_t size() const override { return 3; }
  static int alive;
};
int Probe::alive = 0;

TEST(CollectionEntry, SplicesAreThoseOfAString) {
  std::mt19937_64 rng(7);
  for (int round = 0; round < 30; ++round) {
    std::string model(rng() % 40, 'm');
    EntryPtr owner(Entry::NewPacked("some key", ValueType::kHash, CollectionEncoding::kListpack,
                                    model, 5, round % 2 ? 0 : 1234));
    for (int step = 0; step < 300; ++step) {
      const size_t at = rng() % (model.size() + 1);
      // Sometimes most of it goes, so that large values shrink back.
      const size_t removed =
          rng() %
          (rng() % 20 == 0 ? model.size() - at + 1 : std::min<size_t>(model.size() - at, 40) + 1);
      const std::string added(rng() % (rng() % 10 == 0 ? 1500 : 60), static_cast<char>(rng()));
      PackedEntry store(owner.release());
      std::memcpy(store.Splice(at, removed, added.size()), added.data(), added.size());
      owner.reset(store.entry());
      model.replace(at, removed, added);
      ASSERT_EQ(owner->PackedBytes(), model);
      ASSERT_EQ(owner->key(), "some key");
      ASSERT_EQ(owner->expiry_ms(), round % 2 ? 0 : 1234);
      ASSERT_EQ(owner->type(), ValueType::kHash);
      ASSERT_LE(owner->MemoryBytes(), 64 + 4 * model.size() + 2 * Entry::kInlineValueMax);
    }
  }
}

// It is about the cold copy: no change of the value touches it, nor does another entry's.
TEST(CollectionEntry, ColdPagedOutlivesEveryChangeOfTheValue) {
  for (const bool paged : {false, true}) {
    EntryPtr owner(Entry::NewObject("key", ValueType::kList, std::make_unique<Probe>(100), 1, 0));
    EXPECT_FALSE(owner->cold_paged());
    owner->set_cold_paged(paged);
    const auto change = [&](auto&& fn) {
      owner.reset(fn(owner.release()));
      EXPECT_EQ(owner->cold_paged(), paged);
    };
    change([](Entry* e) { return e->SetExpiry(1234); });
    change([](Entry* e) { return e->SetColdExpiry(99); });
    change([](Entry* e) { return e->SetString("text"); });
    EXPECT_EQ(owner->type(), ValueType::kString);
    change([](Entry* e) { return e->Append(std::string(2000, 'x')); });
    change([](Entry* e) { return e->DropValue(); });
    change([](Entry* e) {
      return e->SetPacked(ValueType::kZset, CollectionEncoding::kListpack, "packed");
    });
    EXPECT_EQ(owner->type(), ValueType::kZset);
    change([](Entry* e) { return e->ToTombstone(); });
    change([](Entry* e) { return e->SetObject(ValueType::kHash, std::make_unique<Probe>(100)); });
    EXPECT_EQ(owner->type(), ValueType::kHash);
    EntryPtr other(Entry::NewObject("other", ValueType::kSet, std::make_unique<Probe>(100), 1, 0));
    other->set_cold_paged(!paged);
    change([&](Entry* e) { return e->TakeValue(other.get()); });
    EXPECT_EQ(owner->type(), ValueType::kSet);
    EXPECT_EQ(other->cold_paged(), !paged);
  }
  EXPECT_EQ(Probe::alive, 0);
}

TEST(CollectionEntry, AnObjectIsCountedAndFreedWithItsEntry) {
  {
    EntryPtr owner(Entry::NewObject("key", ValueType::kSet, std::make_unique<Probe>(1000), 1, 77));
    EXPECT_TRUE(owner->is_object());
    EXPECT_EQ(owner->object()->size(), 3u);
    EXPECT_EQ(owner->MemoryBytes(), 1000 + AllocationSize(Entry::kHeaderBytes + 2 + 8 + 3 + 8));
    EXPECT_EQ(owner->expiry_ms(), 77);
    owner.reset(owner.release()->SetExpiry(0));
    EXPECT_EQ(owner->object()->memory_bytes(), 1000u);
    EXPECT_EQ(Probe::alive, 1);
  }
  EXPECT_EQ(Probe::alive, 0);
}

TEST(CollectionEntry, EveryFormGivesWayToEveryOther) {
  const std::string large(5000, 'L');
  const auto make = [&](Entry* e, int form) {
    switch (form) {
      case 0:
        return e->SetString(std::string_view("text"));
      case 1:
        return e->SetString(std::string_view(large));
      case 2:
        return e->SetPacked(ValueType::kZset, CollectionEncoding::kListpack, "packed");
      case 3:
        return e->SetPacked(ValueType::kZset, CollectionEncoding::kListpack, large);
      case 4:
        return e->SetObject(ValueType::kList, std::make_unique<Probe>(500));
      case 5:
        return e->ToTombstone();
      default: {
        Entry* other = Entry::NewObject("x", ValueType::kHash, std::make_unique<Probe>(9), 1);
        e = e->TakeValue(other);
        Entry::Free(other);
        return e;
      }
    }
  };
  for (int from = 0; from < 7; ++from) {
    for (int to = 0; to < 7; ++to) {
      EntryPtr owner(Entry::New("key", StringValue::Raw("v"), 9, 55));
      owner.reset(make(owner.release(), from));
      owner.reset(make(owner.release(), to));
      EXPECT_EQ(Probe::alive, to == 4 || to == 6 ? 1 : 0) << from << " to " << to;
      EXPECT_EQ(owner->key(), "key");
      EXPECT_EQ(owner->lsn(), 9u);
      if (from != 5 && to != 5) {
        EXPECT_EQ(owner->expiry_ms(), 55);
      }
    }
  }
  EXPECT_EQ(Probe::alive, 0);
}

TEST(CollectionEntry, ATakenValueIsTheOther) {
  const std::string large(5000, 'L');
  for (const std::string& bytes : {std::string("small"), large}) {
    EntryPtr from(
        Entry::NewPacked("from", ValueType::kHash, CollectionEncoding::kListpack, bytes, 1));
    EntryPtr to(Entry::New("to", StringValue::Raw(large), 2, 99));
    to.reset(to.release()->TakeValue(from.get()));
    EXPECT_EQ(to->PackedBytes(), bytes);
    EXPECT_EQ(to->type(), ValueType::kHash);
    EXPECT_EQ(to->expiry_ms(), 99);
    EXPECT_EQ(to->lsn(), 2u);
  }
}

TEST(CollectionEntry, AReleasedObjectOutlivesItsEntry) {
  Entry* e = Entry::NewObject("key", ValueType::kList, std::make_unique<Probe>(1), 1);
  std::unique_ptr<Collection> released = e->ReleaseObject();
  Entry::Free(e->ToTombstone());
  EXPECT_EQ(Probe::alive, 1);
  released.reset();
  EXPECT_EQ(Probe::alive, 0);
}

}  // namespace
}  // namespace thermocline::engine
