#include "engine/types/list_effects.h"

#include <algorithm>
#include <string>

#include "codec/number_text.h"

namespace thermocline::engine {
namespace {

using codec::Status;

std::string_view PushVerb(ListEnd end) { return end == ListEnd::kHead ? "LPUSH" : "RPUSH"; }
std::string_view PopVerb(ListEnd end) { return end == ListEnd::kHead ? "LPOP" : "RPOP"; }

// A number as an effect's argument.
class NumberText {
 public:
  explicit NumberText(int64_t number) : size_(codec::FormatInt64(text_, number)) {}
  std::string_view view() const { return {text_, size_}; }

 private:
  char text_[codec::kMaxInt64Text];
  size_t size_;
};

// LREM's count as a number of elements.
size_t RemovalLimit(int64_t count) {
  if (count == 0) return SIZE_MAX;
  return count > 0 ? static_cast<size_t>(count) : size_t{0} - static_cast<size_t>(count);
}

Status Misfit(const Effect& effect, std::string_view why) {
  return Status::Corruption("effect " + std::string(effect.argv[0]) +
                            " does not fit its list: " + std::string(why));
}

}  // namespace

// An effect is at most about kEffectBytes long, or one element.
void Lists::WritePush(int db, std::string_view key, ListEnd end,
                      std::span<const std::string_view> elements) {
  while (!elements.empty()) {
    size_t n = 1;
    for (size_t bytes = elements[0].size(); n < elements.size(); ++n) {
      bytes += elements[n].size();
      if (bytes > kEffectBytes) break;
    }
    core_.effects.Write(db, {PushVerb(end), key}, elements.first(n));
    elements = elements.subspan(n);
  }
}

size_t Lists::Push(int db, std::string_view key, ListEnd end,
                   std::span<const std::string_view> elements) {
  HotTier::Ref ref = hot_.Locate(db, key);
  size_t length = 0;
  Change(ref, key, [&](ListEditor& list) {
    list.Push(end, elements);
    length = list.size();
  });
  WritePush(db, key, end, elements);
  return length;
}

void Lists::Pop(int db, std::string_view key, ListEnd end, size_t count) {
  HotTier::Ref ref = hot_.Locate(db, key);
  core_.effects.Write(db, {PopVerb(end), key, NumberText(static_cast<int64_t>(count)).view()});
  Change(ref, key, [&](ListEditor& list) { list.Pop(end, count); });
}

void Lists::Set(int db, std::string_view key, size_t index, std::string_view element) {
  HotTier::Ref ref = hot_.Locate(db, key);
  core_.effects.Write(db, {"LSET", key, NumberText(static_cast<int64_t>(index)).view(), element});
  Change(ref, key, [&](ListEditor& list) { list.Set(index, element); });
}

std::optional<size_t> Lists::Insert(int db, std::string_view key, bool after,
                                    std::string_view pivot, std::string_view element) {
  HotTier::Ref ref = hot_.Locate(db, key);
  const std::optional<ListPlace> place =
      ListView(ref.entry).Find(ElementMatcher(pivot), /*backward=*/false);
  if (!place) return std::nullopt;
  core_.effects.Write(db, {"LINSERT", key, after ? "AFTER" : "BEFORE", pivot, element});
  size_t length = 0;
  Change(ref, key, [&](ListEditor& list) {
    list.Insert(*place, after, element);
    length = list.size();
  });
  return length;
}

size_t Lists::Remove(int db, std::string_view key, int64_t count, std::string_view element) {
  HotTier::Ref ref = hot_.Locate(db, key);
  const ElementMatcher matches(element);
  const bool backward = count < 0;
  const std::optional<ListPlace> first = ListView(ref.entry).Find(matches, backward);
  if (!first) return 0;
  core_.effects.Write(db, {"LREM", key, NumberText(count).view(), element});
  size_t removed = 0;
  Change(ref, key, [&](ListEditor& list) {
    removed = list.Remove(matches, *first, RemovalLimit(count), backward);
  });
  return removed;
}

void Lists::Trim(int db, std::string_view key, size_t start, size_t count) {
  HotTier::Ref ref = hot_.Locate(db, key);
  const size_t length = ListView(ref.entry).size();
  if (count == length) {
    if (core_.watching) core_.listener->OnKeyChanged(db, key);
    return;
  }
  if (count == 0) {
    core_.effects.Del(db, key);
    hot_.Delete(ref);
    return;
  }
  const auto stop = static_cast<int64_t>(start + count - 1);
  core_.effects.Write(
      db, {"LTRIM", key, NumberText(static_cast<int64_t>(start)).view(), NumberText(stop).view()});
  Change(ref, key, [&](ListEditor& list) { list.Trim(start, count); });
}

void Lists::Rotate(int db, std::string_view key, ListEnd from, ListEnd to) {
  HotTier::Ref ref = hot_.Locate(db, key);
  const std::string element = ListView(ref.entry).Peek(from).ToString();
  const std::string_view view = element;
  // Logged the other way round: a pop of the only element would take the key, and its deadline,
  // away. The list is the same.
  core_.effects.Write(db, {PushVerb(to), key, view});
  core_.effects.Write(db, {PopVerb(from), key, "1"});
  Change(ref, key, [&](ListEditor& list) {
    list.Pop(from, 1);
    list.Push(to, {&view, 1});
  });
}

void Lists::Replace(int db, std::string_view key, std::span<const std::string_view> elements) {
  HotTier::Ref ref = hot_.Locate(db, key);
  if (ref.live()) {
    core_.effects.Del(db, key);
    hot_.Delete(ref);
  }
  if (elements.empty()) return;
  Change(ref, key, [&](ListEditor& list) { list.Push(ListEnd::kTail, elements); });
  WritePush(db, key, ListEnd::kTail, elements);
}

// ---- replay ----------------------------------------------------------------------------------

Status Lists::Apply(const Effect& effect, HotTier::Ref& ref, std::string_view key) {
  const std::span<const std::string_view> argv = effect.argv;
  const std::string_view verb = argv[0];
  if (verb == "LPUSH" || verb == "RPUSH") {
    const ListEnd end = verb == "LPUSH" ? ListEnd::kHead : ListEnd::kTail;
    Change(ref, key, [&](ListEditor& list) { list.Push(end, argv.subspan(2)); });
    return Status::Ok();
  }
  if (!ref.live()) return Misfit(effect, "there is none");
  const ListView list(ref.entry);
  const size_t length = list.size();
  const auto number = [&](size_t i, size_t limit, size_t* out) {
    int64_t value = 0;
    if (!codec::ParseInt64(argv[i], &value) || value < 0 || static_cast<uint64_t>(value) >= limit) {
      return false;
    }
    *out = static_cast<size_t>(value);
    return true;
  };
  if (verb == "LPOP" || verb == "RPOP") {
    const ListEnd end = verb == "LPOP" ? ListEnd::kHead : ListEnd::kTail;
    size_t count = 0;
    if (!number(2, length + 1, &count) || count == 0) return Misfit(effect, "count");
    Change(ref, key, [&](ListEditor& editor) { editor.Pop(end, count); });
    return Status::Ok();
  }
  if (verb == "LSET") {
    size_t index = 0;
    if (!number(2, length, &index)) return Misfit(effect, "index");
    Change(ref, key, [&](ListEditor& editor) { editor.Set(index, argv[3]); });
    return Status::Ok();
  }
  if (verb == "LTRIM") {
    size_t start = 0;
    size_t stop = 0;
    if (!number(2, length, &start) || !number(3, length, &stop) || start > stop) {
      return Misfit(effect, "range");
    }
    Change(ref, key, [&](ListEditor& editor) { editor.Trim(start, stop - start + 1); });
    return Status::Ok();
  }
  if (verb == "LINSERT") {
    const std::optional<ListPlace> place = list.Find(ElementMatcher(argv[3]), /*backward=*/false);
    if (!place || (argv[2] != "AFTER" && argv[2] != "BEFORE")) return Misfit(effect, "pivot");
    Change(ref, key,
           [&](ListEditor& editor) { editor.Insert(*place, argv[2] == "AFTER", argv[4]); });
    return Status::Ok();
  }
  if (verb == "LREM") {
    int64_t count = 0;
    const ElementMatcher matches(argv[3]);
    if (!codec::ParseInt64(argv[2], &count)) return Misfit(effect, "count");
    const std::optional<ListPlace> first = list.Find(matches, count < 0);
    if (!first) return Misfit(effect, "element");
    Change(ref, key, [&](ListEditor& editor) {
      editor.Remove(matches, *first, RemovalLimit(count), count < 0);
    });
    return Status::Ok();
  }
  return Misfit(effect, "no verb of lists");
}

}  // namespace thermocline::engine
