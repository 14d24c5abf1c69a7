// Fuzz: listpacks, intsets, ziplists and zipmaps. The first byte chooses. What a check accepts can
// be walked both ways, searched, copied and edited, and stays sound.
#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "codec/packed/intset.h"
#include "codec/packed/listpack.h"
#include "codec/packed/packed_score.h"
#include "codec/packed/ziplist.h"
#include "codec/packed/zipmap.h"
#include "tests/fuzz/fuzz_check.h"

namespace thermocline::codec {
namespace {

std::vector<std::string> Walk(std::string_view bytes) {
  std::vector<std::string> out;
  const ListpackView view(bytes);
  for (size_t at = view.First(); at != ListpackView::kNone; at = view.Next(at)) {
    out.push_back(view.At(at).ToString());
  }
  return out;
}

// Any edit of a sound listpack gives a sound one with the elements that it should have.
void EditListpack(std::string_view bytes, std::vector<std::string> model, std::string_view text) {
  std::string copy(bytes);
  bool own_trailers = false;
  FUZZ_CHECK(ValidateListpack(bytes, nullptr, &own_trailers));
  if (!own_trailers) {
    RewriteTrailers(&copy);
    FUZZ_CHECK(ValidateListpack(copy, nullptr, &own_trailers) && own_trailers);
  }
  const std::string original = copy;
  StringStore store(&copy);
  const auto check = [&] {
    FUZZ_CHECK(ValidateListpack(copy));
    FUZZ_CHECK(Walk(copy) == model);
  };
  ListpackAppend(store, text);
  model.emplace_back(text);
  check();
  const size_t middle = model.size() / 2;
  const auto position = model.begin() + static_cast<std::ptrdiff_t>(middle);
  ListpackReplace(store, ListpackView(copy).Seek(static_cast<int64_t>(middle)), text);
  *position = std::string(text);
  check();
  ListpackErase(store, ListpackView(copy).Seek(static_cast<int64_t>(middle)), 3);
  model.erase(position,
              position + static_cast<std::ptrdiff_t>(std::min<size_t>(3, model.size() - middle)));
  check();
  ListpackPrependAll(store, ListpackView(original));
  const std::vector<std::string> before = Walk(bytes);
  model.insert(model.begin(), before.begin(), before.end());
  check();
}

void CheckListpack(std::string_view bytes) {
  std::vector<std::string> seen;
  const bool sound = ValidateListpack(bytes, [&seen](const PackedValue& value) {
    seen.push_back(value.ToString());
    ScoreOf(value);
    return true;
  });
  if (!sound) return;
  const ListpackView view(bytes);
  FUZZ_CHECK(Walk(bytes) == seen && view.size() == seen.size());
  size_t at = view.Last();
  for (size_t i = seen.size(); i-- > 0; at = view.Prev(at)) {
    FUZZ_CHECK(at != ListpackView::kNone && view.Equals(at, seen[i]));
    const size_t found = view.Find(view.First(), seen[i]);
    FUZZ_CHECK(found <= at && view.At(found).ToString() == seen[i]);
  }
  FUZZ_CHECK(at == ListpackView::kNone);
  const size_t half = seen.size() / 2;
  FUZZ_CHECK(
      Walk(ListpackCopyRange(view, half, seen.size())) ==
      std::vector<std::string>(seen.begin() + static_cast<std::ptrdiff_t>(half), seen.end()));
  EditListpack(bytes, seen, bytes.substr(bytes.size() / 2));
  std::string there_and_back;
  const std::string one_way = ToOneWay(view);
  AppendTwoWay(&there_and_back, OneWayListpackView(one_way),
               TwoWaySize(OneWayListpackView(one_way)));
  FUZZ_CHECK(ValidateListpack(there_and_back) && Walk(there_and_back) == seen);
  if (seen.size() < 2) return;
  // The same with references to the names of its fields, once they have numbers.
  FieldNames names({1, 2});
  std::string referring;
  for (int use = 0; use <= FieldNames::kUsesToLearn; ++use) referring = ToOneWay(view, &names);
  const OneWayListpackView hash(referring, &names);
  there_and_back.clear();
  AppendTwoWay(&there_and_back, hash, TwoWaySize(hash));
  FUZZ_CHECK(ValidateListpack(there_and_back) && Walk(there_and_back) == seen);
  for (size_t i = 0; i < seen.size(); i += 2) {
    const size_t found = hash.Find(hash.First(), seen[i], 2);
    FUZZ_CHECK(found != ListpackView::kNone && hash.At(found).ToString() == seen[i]);
  }
}

void CheckIntset(std::string_view bytes) {
  if (!ValidateIntset(bytes)) return;
  const IntsetView view(bytes);
  std::string copy(bytes);
  StringStore store(&copy);
  for (size_t i = 0; i < view.size(); ++i) {
    const int64_t member = view.At(i);
    FUZZ_CHECK(view.Contains(member) && view.LowerBound(member) == i);
    FUZZ_CHECK(!IntsetAdd(store, member));
    // A number of another width in between, so that the set is widened now and then.
    const int64_t other = i % 2 == 0 ? member / 3 : static_cast<int64_t>(i) << (member & 63);
    IntsetAdd(store, other);
    FUZZ_CHECK(IntsetView(copy).Contains(other) && IntsetView(copy).Contains(member));
    FUZZ_CHECK(ValidateIntset(copy));
  }
  for (size_t i = 0; i < view.size(); ++i) {
    IntsetRemove(store, view.At(i));
    FUZZ_CHECK(!IntsetView(copy).Contains(view.At(i)));
    FUZZ_CHECK(IntsetView(copy).empty() || ValidateIntset(copy));
  }
}

}  // namespace
}  // namespace thermocline::codec

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace thermocline::codec;
  if (size == 0) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  const auto inside = [bytes](std::string_view part) {
    return part.empty() || (part.data() >= bytes.data() &&
                            part.data() + part.size() <= bytes.data() + bytes.size());
  };
  switch (data[0] % 4) {
    case 0:
      CheckListpack(bytes);
      break;
    case 1:
      CheckIntset(bytes);
      break;
    case 2:
      ReadZiplist(bytes, [&inside](const PackedValue& value) {
        FUZZ_CHECK(value.is_int || inside(value.text));
        return true;
      });
      break;
    default:
      ReadZipmap(bytes, [&inside](std::string_view field, std::string_view value) {
        FUZZ_CHECK(inside(field) && inside(value));
        return true;
      });
      break;
  }
  return 0;
}
