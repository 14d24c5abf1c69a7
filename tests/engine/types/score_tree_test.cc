// Model test of ScoreTree: random inserts, erases, updates and range erases beside std::set, over
// distributions of scores from all different to all equal, with every invariant checked on the way.
#include "engine/types/score_tree.h"

#include <gtest/gtest.h>

#include <iterator>
#include <limits>
#include <random>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace thermocline::engine {
namespace {

enum class Scores { kRandom, kFew, kEqual, kAscending, kDescending, kInfinite };

using Model = std::set<std::pair<double, std::string>>;

// A tree and its model. Owns the nodes.
class Pair {
 public:
  explicit Pair(Scores scores, uint32_t seed) : scores_(scores), rng_(seed) {}
  ~Pair() {
    for (ZsetNode* node : nodes_) ZsetNode::Free(node);
  }

  double Draw() {
    switch (scores_) {
      case Scores::kRandom:
        return std::uniform_real_distribution<double>(-1e6, 1e6)(rng_);
      case Scores::kFew:
        return static_cast<double>(rng_() % 7);
      case Scores::kEqual:
        return 1.5;
      case Scores::kAscending:
        return next_ += 1;
      case Scores::kDescending:
        return next_ -= 1;
      case Scores::kInfinite: {
        constexpr double kInf = std::numeric_limits<double>::infinity();
        const double some[] = {-kInf, kInf, 0.0, -0.0, 1.0};
        return some[rng_() % 5];
      }
    }
    return 0;
  }
  void Insert() {
    std::string member = "m" + std::to_string(++members_ * 0x9E3779B97F4A7C15ull);
    if (rng_() % 64 == 0) member += std::string(200, 'x');
    const double score = Draw();
    nodes_.push_back(ZsetNode::New(score, member));
    ASSERT_EQ(nodes_.back()->text(), member);
    tree_.Insert(nodes_.back());
    model_.emplace(score, member);
  }
  void Erase() {
    if (nodes_.empty()) return;
    const size_t i = rng_() % nodes_.size();
    tree_.Erase(nodes_[i]);
    model_.erase({nodes_[i]->score(), std::string(nodes_[i]->text())});
    ZsetNode::Free(nodes_[i]);
    nodes_[i] = nodes_.back();
    nodes_.pop_back();
  }
  void Update() {
    if (nodes_.empty()) return;
    ZsetNode* node = nodes_[rng_() % nodes_.size()];
    const double old = node->score();
    // Far, near (often in place or in the leaf), equal.
    const double score = rng_() % 3 == 0 ? Draw() : old + (static_cast<double>(rng_() % 5) - 2);
    model_.erase({old, std::string(node->text())});
    tree_.Update(node, score);
    ASSERT_EQ(node->score(), score);
    model_.emplace(score, node->text());
  }
  void EraseRanks(size_t most) {
    const size_t first = rng_() % (model_.size() + 1);
    const size_t last = first + rng_() % (std::min(most, model_.size() - first) + 1);
    std::vector<ZsetNode*> gone;
    tree_.EraseRanks(first, last, [&](ZsetNode* node) { gone.push_back(node); });
    ASSERT_EQ(gone.size(), last - first);
    auto it = std::next(model_.begin(), static_cast<long>(first));
    for (ZsetNode* node : gone) {
      ASSERT_EQ(it->second, node->text());
      it = model_.erase(it);
      std::erase(nodes_, node);
      ZsetNode::Free(node);
    }
  }
  void Check() {
    ASSERT_TRUE(tree_.Valid());
    ASSERT_EQ(tree_.size(), model_.size());
    ScoreTree::Cursor forward = tree_.At(0);
    for (const auto& [score, member] : model_) {
      ASSERT_TRUE(forward.valid());
      ASSERT_EQ(forward.score(), score);
      ASSERT_EQ(forward.node()->text(), member);
      forward.Next();
    }
    ASSERT_FALSE(forward.valid());
    if (!model_.empty()) {
      ScoreTree::Cursor backward = tree_.At(model_.size() - 1);
      for (auto it = model_.rbegin(); it != model_.rend(); ++it) {
        ASSERT_TRUE(backward.valid());
        ASSERT_EQ(backward.node()->text(), it->second);
        backward.Previous();
      }
      ASSERT_FALSE(backward.valid());
    }
    ASSERT_FALSE(tree_.At(model_.size()).valid());
  }
  void CheckRanks() {
    if (nodes_.empty()) return;
    const ZsetNode* node = nodes_[rng_() % nodes_.size()];
    const size_t rank = tree_.RankOf(node);
    ASSERT_EQ(tree_.At(rank).node(), node);
    const auto it = model_.find({node->score(), std::string(node->text())});
    ASSERT_EQ(static_cast<size_t>(std::distance(model_.begin(), it)), rank);
    const double bound = rng_() % 2 == 0 ? node->score() : Draw();
    const size_t below = tree_.CountWhile([&](double s, const ZsetNode*) { return s < bound; });
    ASSERT_EQ(below,
              static_cast<size_t>(std::distance(model_.begin(), model_.lower_bound({bound, ""}))));
    const size_t before = tree_.CountWhile([&](double s, const ZsetNode* n) {
      return s < node->score() || (s == node->score() && n->text() <= node->text());
    });
    ASSERT_EQ(before, rank + 1);
  }

  size_t size() const { return model_.size(); }
  std::mt19937_64& rng() { return rng_; }
  const ScoreTree& tree() const { return tree_; }

 private:
  Scores scores_;
  std::mt19937_64 rng_;
  double next_ = 0;
  uint64_t members_ = 0;
  ScoreTree tree_;
  Model model_;
  std::vector<ZsetNode*> nodes_;
};

class ScoreTreeModel : public ::testing::TestWithParam<Scores> {};

TEST_P(ScoreTreeModel, AgreesWithStdSet) {
  for (uint32_t seed = 1; seed <= 3; ++seed) {
    Pair pair(GetParam(), seed);
    // Grows, is churned, shrinks to nothing; twice, the second time from what is left.
    for (const int grow_percent : {80, 45, 20, 70, 10}) {
      for (int step = 0; step < 6000; ++step) {
        const int dice = static_cast<int>(pair.rng()() % 100);
        if (dice < grow_percent) {
          pair.Insert();
        } else if (dice < grow_percent + (100 - grow_percent) / 2) {
          pair.Erase();
        } else {
          pair.Update();
        }
        if (step % 97 == 0) pair.CheckRanks();
        if (step % 501 == 0) pair.EraseRanks(300);
        if (step % 701 == 0) pair.Check();
        if (HasFatalFailure()) return;
      }
      pair.Check();
    }
    while (pair.size() > 0) pair.EraseRanks(pair.size());
    pair.Check();
    EXPECT_EQ(pair.tree().memory_bytes(), 0u);
  }
}

INSTANTIATE_TEST_SUITE_P(Distributions, ScoreTreeModel,
                         ::testing::Values(Scores::kRandom, Scores::kFew, Scores::kEqual,
                                           Scores::kAscending, Scores::kDescending,
                                           Scores::kInfinite));

TEST(ScoreTree, MembersInOrderFillTheirLeaves) {
  for (const Scores scores : {Scores::kAscending, Scores::kDescending}) {
    Pair pair(scores, 1);
    for (int i = 0; i < 100'000; ++i) pair.Insert();
    pair.Check();
    EXPECT_LT(pair.tree().memory_bytes(), 100'000u * 17);
  }
}

TEST(ScoreTree, AQueueGivesItsMemoryBack) {
  Pair pair(Scores::kAscending, 1);
  for (int i = 0; i < 20'000; ++i) pair.Insert();
  ScoreTree tree;
  std::vector<ZsetNode*> nodes;
  // Added at the end, taken at the front: what is left stays compact.
  size_t first = 0;
  for (size_t i = 0; i < 50'000; ++i) {
    nodes.push_back(ZsetNode::New(static_cast<double>(i), std::to_string(i)));
    tree.Insert(nodes.back());
    if (i >= 5000) tree.EraseRanks(0, 1, [&](ZsetNode* node) { EXPECT_EQ(node, nodes[first++]); });
  }
  EXPECT_TRUE(tree.Valid());
  EXPECT_EQ(tree.size(), 5000u);
  EXPECT_LT(tree.memory_bytes(), 5000u * 20);
  for (ZsetNode* node : nodes) ZsetNode::Free(node);
}

TEST(ZsetNode, HoldsMembersOfAnyLength) {
  for (const size_t length : {size_t{0}, size_t{1}, size_t{127}, size_t{128}, size_t{16383},
                              size_t{16384}, size_t{3000000}}) {
    const std::string member(length, 'z');
    ZsetNode* node = ZsetNode::New(-0.5, member);
    EXPECT_EQ(node->text(), member);
    EXPECT_EQ(node->score(), -0.5);
    EXPECT_GE(node->memory_bytes(), length + 9);
    ZsetNode::Free(node);
  }
}

}  // namespace
}  // namespace thermocline::engine
