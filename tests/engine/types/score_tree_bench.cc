// Micro benchmark of ScoreTree (built, not run as a test): a million members with random scores;
// prints CPU ns for an insert, a far update, a near update, a rank and an erase, and bytes a
// member.
#include <time.h>

#include <cstdio>
#include <random>
#include <string>
#include <vector>

#include "engine/types/score_tree.h"

namespace {

using thermocline::engine::ScoreTree;
using thermocline::engine::ZsetNode;

// Of this thread: others on the machine matter less then.
double CpuNs() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) * 1e9 + static_cast<double>(now.tv_nsec);
}

template <class Fn>
void Time(const char* what, size_t n, Fn&& fn) {
  const double start = CpuNs();
  for (size_t i = 0; i < n; ++i) fn(i);
  std::printf("%-16s %7.1f ns\n", what, (CpuNs() - start) / static_cast<double>(n));
}

}  // namespace

int main(int argc, char** argv) {
  const size_t n = argc > 1 ? std::stoull(argv[1]) : 1'000'000;
  std::mt19937_64 rng(1);
  std::uniform_real_distribution<double> score(0, 1e9);
  std::vector<ZsetNode*> nodes;
  char member[32];
  for (size_t i = 0; i < n; ++i) {
    const int length = std::snprintf(member, sizeof(member), "member:%09zu", i);
    nodes.push_back(ZsetNode::New(score(rng), {member, static_cast<size_t>(length)}));
  }
  std::vector<uint32_t> order(n);
  for (uint32_t& i : order) i = static_cast<uint32_t>(rng() % n);
  ScoreTree tree;
  Time("insert", n, [&](size_t i) { tree.Insert(nodes[i]); });
  std::printf("%.1f bytes a member\n",
              static_cast<double>(tree.memory_bytes()) / static_cast<double>(n));
  Time("update far", n, [&](size_t i) { tree.Update(nodes[order[i]], score(rng)); });
  Time("update near", n, [&](size_t i) {
    ZsetNode* node = nodes[order[i]];
    tree.Update(node, node->score() + 1);
  });
  size_t sum = 0;
  Time("rank", n, [&](size_t i) { sum += tree.RankOf(nodes[order[i]]); });
  Time("select", n, [&](size_t i) { sum += tree.At(order[i]).node() != nullptr; });
  Time("count by score", n, [&](size_t i) {
    const double bound = static_cast<double>(order[i]) * 1000;
    sum += tree.CountWhile([bound](double s, const ZsetNode*) { return s < bound; });
  });
  Time("erase", n, [&](size_t i) { tree.Erase(nodes[i]); });
  std::printf("(%zu)\n", sum);
  for (ZsetNode* node : nodes) ZsetNode::Free(node);
  return 0;
}
