// Operations over several sorted sets; see zset_algebra.h.
//
// An input is a sorted set, a set (every score 1) or nothing. Results are made in a ZsetBuilder,
// for the destination of a STORE form may be one of its inputs. The order in which scores are added
// up shows in their last digits: inputs are taken from the smallest to the largest, as in Redis.
#include "server/commands/zset_algebra.h"

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "codec/number_text.h"
#include "engine/types/set.h"
#include "engine/types/zset.h"
#include "server/command_context.h"
#include "server/commands/zset_args.h"

namespace thermocline::server {
namespace {

using engine::Entry;
using engine::SetView;
using engine::ValueType;
using engine::ZsetBuilder;
using engine::ZsetNode;
using engine::ZsetPlace;
using engine::ZsetView;

enum class Operation : uint8_t { kUnion, kInter, kDiff };
enum class Aggregate : uint8_t { kSum, kMin, kMax };

struct Input {
  const Entry* entry = nullptr;  // null: there is no such key
  double weight = 1;

  size_t size() const {
    if (entry == nullptr) return 0;
    return entry->type() == ValueType::kZset ? ZsetView(entry).size() : SetView(entry).size();
  }
  bool Find(std::string_view member, double* score) const {
    if (entry == nullptr) return false;
    if (entry->type() == ValueType::kSet) {
      *score = 1;
      return SetView(entry).Contains(member);
    }
    const ZsetPlace place = ZsetView(entry).Find(member);
    *score = place.score;
    return place.found;
  }
  /// Calls fn(member, score) for every member until it returns false.
  template <class Fn>
  void Until(Fn&& fn) const {
    if (entry == nullptr) return;
    if (entry->type() == ValueType::kSet) {
      SetView(entry).Until([&](std::string_view member) { return fn(member, 1.0); });
      return;
    }
    const ZsetView view(entry);
    bool more = true;
    view.Walk({0, view.size()}, false,
              [&](std::string_view member, double score) { more = more && fn(member, score); });
  }
  template <class Fn>
  void ForEach(Fn&& fn) const {
    Until([&](std::string_view member, double score) {
      fn(member, score);
      return true;
    });
  }
};

struct Request {
  std::vector<Input> inputs;
  Aggregate aggregate = Aggregate::kSum;
  bool with_scores = false;
  int64_t limit = 0;  // ZINTERCARD's; 0: none
};

// Which options a form has.
struct Form {
  Operation operation = Operation::kUnion;
  bool stores = false;
  bool counts = false;
};

// inf * 0 counts as nothing.
double Weighted(double weight, double score) {
  const double weighted = weight * score;
  return std::isnan(weighted) ? 0 : weighted;
}

double Combine(Aggregate aggregate, double old, double score) {
  switch (aggregate) {
    case Aggregate::kSum: {
      const double sum = old + score;
      return std::isnan(sum) ? 0 : sum;  // inf - inf
    }
    case Aggregate::kMin:
      return score < old ? score : old;
    case Aggregate::kMax:
      return score > old ? score : old;
  }
  return old;
}

std::string LowerName(const CommandContext& c) {
  std::string name(c.spec().name);
  for (char& ch : name) ch = static_cast<char>(ch | 0x20);
  return name;
}

// Options from argv[i] on. False: the error is replied.
bool ParseOptions(CommandContext& c, size_t i, const Form& form, Request* request) {
  const bool weighs = form.operation != Operation::kDiff && !form.counts;
  const size_t inputs = request->inputs.size();
  while (i < c.argc()) {
    const size_t left = c.argc() - i;
    if (weighs && left > inputs && c.Is(i, "WEIGHTS")) {
      ++i;
      for (Input& input : request->inputs) {
        if (!codec::ParseDouble(c.arg(i++), &input.weight)) {
          c.Error("ERR weight value is not a float");
          return false;
        }
      }
    } else if (weighs && left >= 2 && c.Is(i, "AGGREGATE")) {
      if (c.Is(i + 1, "SUM")) {
        request->aggregate = Aggregate::kSum;
      } else if (c.Is(i + 1, "MIN")) {
        request->aggregate = Aggregate::kMin;
      } else if (c.Is(i + 1, "MAX")) {
        request->aggregate = Aggregate::kMax;
      } else {
        c.SyntaxError();
        return false;
      }
      i += 2;
    } else if (!form.stores && !form.counts && c.Is(i, "WITHSCORES")) {
      request->with_scores = true;
      ++i;
    } else if (form.counts && left >= 2 && c.Is(i, "LIMIT")) {
      constexpr std::string_view kError = "ERR LIMIT can't be negative";
      if (!c.IntegerInRange(i + 1, 0, INT64_MAX, &request->limit, kError)) return false;
      i += 2;
    } else {
      c.SyntaxError();
      return false;
    }
  }
  return true;
}

// numkeys at argv[at], keys and options behind it. False: the error is replied.
bool ParseRequest(CommandContext& c, size_t at, const Form& form, Request* request) {
  int64_t count = 0;
  if (!c.Integer(at, &count)) return false;
  if (count < 1) {
    c.Error("ERR at least 1 input key is needed for '" + LowerName(c) + "' command");
    return false;
  }
  if (static_cast<uint64_t>(count) > c.argc() - (at + 1)) {
    c.SyntaxError();
    return false;
  }
  request->inputs.resize(static_cast<size_t>(count));
  size_t i = at + 1;
  for (Input& input : request->inputs) {
    // Deleting another key that is due does not move what was found before.
    input.entry = c.db().Find(c.dbnum(), c.arg(i++));
    if (input.entry != nullptr && input.entry->type() != ValueType::kZset &&
        input.entry->type() != ValueType::kSet) {
      c.WrongType();
      return false;
    }
  }
  if (!ParseOptions(c, i, form, request)) return false;
  if (form.operation != Operation::kDiff) {
    std::stable_sort(request->inputs.begin(), request->inputs.end(),
                     [](const Input& a, const Input& b) { return a.size() < b.size(); });
  }
  return true;
}

void MakeUnion(const Request& request, ZsetBuilder* result) {
  for (const Input& input : request.inputs) {
    input.ForEach([&](std::string_view member, double score) {
      result->Add(member, Weighted(input.weight, score),
                  [&](double old, double more) { return Combine(request.aggregate, old, more); });
    });
  }
}

// Calls fn(member, score) for what all inputs have until it returns false.
template <class Fn>
void ForIntersection(const Request& request, Fn&& fn) {
  const Input& smallest = request.inputs[0];
  if (smallest.size() == 0) return;
  smallest.Until([&](std::string_view member, double first_score) {
    double total = Weighted(smallest.weight, first_score);
    for (size_t i = 1; i < request.inputs.size(); ++i) {
      const Input& input = request.inputs[i];
      double score = first_score;
      if (input.entry != smallest.entry && !input.Find(member, &score)) return true;
      total = Combine(request.aggregate, total, input.weight * score);
    }
    return fn(member, total);
  });
}

void MakeDifference(const Request& request, ZsetBuilder* result) {
  request.inputs[0].ForEach([&](std::string_view member, double score) {
    double other = 0;
    for (size_t i = 1; i < request.inputs.size(); ++i) {
      if (request.inputs[i].Find(member, &other)) return;
    }
    result->Add(member, score);
  });
}

void Make(const Request& request, Operation operation, ZsetBuilder* result) {
  switch (operation) {
    case Operation::kUnion:
      MakeUnion(request, result);
      break;
    case Operation::kInter:
      ForIntersection(request, [result](std::string_view member, double score) {
        result->Add(member, score);
        return true;
      });
      break;
    case Operation::kDiff:
      MakeDifference(request, result);
      break;
  }
}

void Reply(CommandContext& c, Operation operation) {
  Request request;
  if (!ParseRequest(c, 1, {.operation = operation}, &request)) return;
  ZsetBuilder result;
  Make(request, operation, &result);
  MemberReply reply(c, request.with_scores);
  reply.Begin(result.size());
  for (const ZsetNode* node : result.Ordered()) reply(node->text(), node->score());
}

void StoreResult(CommandContext& c, Operation operation, std::string_view event) {
  Request request;
  if (!ParseRequest(c, 2, {.operation = operation, .stores = true}, &request)) return;
  ZsetBuilder result;
  Make(request, operation, &result);
  StoreZset(c, c.arg(1), result, event);
}

}  // namespace

void ZUnion(CommandContext& c) { Reply(c, Operation::kUnion); }
void ZInter(CommandContext& c) { Reply(c, Operation::kInter); }
void ZDiff(CommandContext& c) { Reply(c, Operation::kDiff); }
void ZUnionStore(CommandContext& c) { StoreResult(c, Operation::kUnion, "zunionstore"); }
void ZInterStore(CommandContext& c) { StoreResult(c, Operation::kInter, "zinterstore"); }
void ZDiffStore(CommandContext& c) { StoreResult(c, Operation::kDiff, "zdiffstore"); }

void ZInterCard(CommandContext& c) {
  Request request;
  if (!ParseRequest(c, 1, {.operation = Operation::kInter, .counts = true}, &request)) return;
  int64_t count = 0;
  ForIntersection(request, [&](std::string_view, double) { return ++count != request.limit; });
  c.reply().Integer(count);
}

}  // namespace thermocline::server
