// HandoffList: order, and nothing lost or twice between threads (runs under TSan too).
#include "engine/cold/handoff_list.h"

#include <gtest/gtest.h>

#include <thread>
#include <vector>

namespace thermocline::engine {
namespace {

struct Item {
  Item* next = nullptr;
  int producer = 0;
  int number = 0;
};

TEST(HandoffList, OldestFirst) {
  HandoffList<Item> list;
  EXPECT_TRUE(list.empty());
  Item items[3];
  for (Item& item : items) list.Push(&item);
  EXPECT_FALSE(list.empty());
  std::vector<Item*> taken;
  // Whoever takes an item may push it again at once.
  EXPECT_EQ(list.TakeAll([&](Item* item) {
    taken.push_back(item);
    list.Push(item);
  }),
            3u);
  EXPECT_EQ(taken, (std::vector<Item*>{&items[0], &items[1], &items[2]}));
  EXPECT_EQ(list.TakeAll([](Item*) {}), 3u);
  EXPECT_EQ(list.TakeAll([](Item*) {}), 0u);
  EXPECT_TRUE(list.empty());
  list.Push(&items[0]);
  EXPECT_FALSE(list.empty());
}

TEST(HandoffList, EachProducersItemsComeOnceAndInOrder) {
  constexpr int kProducers = 4;
  constexpr int kItems = 20'000;
  HandoffList<Item> list;
  std::vector<std::vector<Item>> items(kProducers, std::vector<Item>(kItems));
  std::vector<std::thread> producers;
  for (int p = 0; p < kProducers; ++p) {
    producers.emplace_back([&, p] {
      for (int i = 0; i < kItems; ++i) {
        Item& item = items[p][i];
        item.producer = p;
        item.number = i;
        list.Push(&item);
      }
    });
  }
  std::vector<int> next(kProducers, 0);
  size_t taken = 0;
  while (taken < size_t{kProducers} * kItems) {
    taken += list.TakeAll([&](Item* item) { EXPECT_EQ(item->number, next[item->producer]++); });
  }
  for (std::thread& producer : producers) producer.join();
  EXPECT_TRUE(list.empty());
}

}  // namespace
}  // namespace thermocline::engine
