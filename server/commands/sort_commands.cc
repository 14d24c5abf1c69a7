// SORT and SORT_RO: the elements of a list, set or sorted set, ordered by themselves or by other
// keys, and what other keys say about them.
//
// The keys that BY and GET name follow from the elements, so nobody can prepare them before the
// command runs. It runs as a task then: each step reads the elements anew, asks for the keys of BY,
// sorts, asks for the keys of GET, and only when all are resident replies or stores. A step that
// has to wait has changed and replied nothing (the design's "Need").
//
// Order: numbers by value, then by text; with ALPHA by the locale's collation, or by bytes if the
// result is stored (it is logged, and must not depend on the locale). Equal weights keep the order
// in which the elements were read.

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "codec/words.h"
#include "engine/types/hash_effects.h"
#include "engine/types/list.h"
#include "engine/types/list_effects.h"
#include "engine/types/set.h"
#include "engine/types/zset.h"
#include "server/command_context.h"
#include "server/commands/arg_spec.h"
#include "server/commands/command_table.h"
#include "server/commands/prepare_keys.h"
#include "server/notifications.h"

namespace thermocline::server {
namespace {

using engine::Entry;
using engine::KeyRequest;
using engine::Need;
using engine::ValueType;

// Texts with a NUL behind each, at addresses that do not change.
class TextArena {
 public:
  std::string_view Add(std::initializer_list<std::string_view> parts) {
    size_t size = 1;
    for (const std::string_view part : parts) size += part.size();
    if (blocks_.empty() || blocks_.back().capacity() - blocks_.back().size() < size) {
      blocks_.emplace_back();
      blocks_.back().reserve(std::max(size, kBlockBytes));
    }
    std::string& block = blocks_.back();
    const size_t begin = block.size();
    for (const std::string_view part : parts) block.append(part);
    block.push_back('\0');
    return std::string_view(block).substr(begin, size - 1);
  }

 private:
  static constexpr size_t kBlockBytes = 64 << 10;
  std::deque<std::string> blocks_;
};

// What BY and GET name: the element itself, a key made of it, or a field of a hash at such a key.
// As in Redis, the words are C strings: what stands behind a NUL is not searched for '*' or "->".
class Pattern {
 public:
  explicit Pattern(std::string_view text) {
    if (text == "#") {
      is_element_ = true;
      return;
    }
    const std::string_view searched = text.substr(0, text.find('\0'));
    const size_t star = searched.find('*');
    if (star == std::string_view::npos) return;
    is_key_ = true;
    prefix_ = text.substr(0, star);
    postfix_ = text.substr(star + 1);
    const size_t arrow = searched.find("->", star + 1);
    if (arrow != std::string_view::npos && arrow + 2 < searched.size()) {
      is_field_ = true;
      field_ = text.substr(arrow + 2);
      postfix_ = text.substr(star + 1, arrow - star - 1);
    }
  }

  /// Whether it names the element itself ("#").
  bool is_element() const { return is_element_; }
  /// Whether it names a key; a word without '*' names nothing at all.
  bool is_key() const { return is_key_; }

  std::string_view KeyFor(std::string_view element, TextArena* arena) const {
    return arena->Add({prefix_, element, postfix_});
  }
  /// What is at a key that KeyFor gave; null: nothing, or something else than the pattern says.
  std::optional<std::string_view> Read(CommandContext& c, std::string_view key,
                                       TextArena* arena) const {
    const Entry* entry = c.db().Find(c.dbnum(), key);
    if (entry == nullptr) return std::nullopt;
    char scratch[codec::kPackedScratch];
    std::string_view value;
    if (is_field_) {
      if (entry->type() != ValueType::kHash ||
          !c.db().hashes().View(entry).Get(field_, scratch, &value)) {
        return std::nullopt;
      }
    } else {
      if (entry->type() != ValueType::kString) return std::nullopt;
      value = entry->StringView(scratch);
    }
    return arena->Add({value});
  }

 private:
  bool is_element_ = false;
  bool is_key_ = false;
  bool is_field_ = false;
  std::string_view prefix_;
  std::string_view postfix_;
  std::string_view field_;
};

struct SortOptions {
  bool descending = false;
  bool alpha = false;
  bool sorted = true;  // false: BY a word without '*'
  int64_t limit_start = 0;
  int64_t limit_count = -1;
  std::optional<Pattern> by;
  std::vector<Pattern> get;
  std::optional<std::string_view> store;

  bool NeedsOtherKeys() const {
    return (sorted && by) ||
           std::any_of(get.begin(), get.end(), [](const Pattern& p) { return p.is_key(); });
  }
};

// False: the error is replied.
bool ParseSortOptions(CommandContext& c, bool read_only, SortOptions* options) {
  for (size_t i = 2; i < c.argc(); ++i) {
    const size_t left = c.argc() - i - 1;
    if (c.Is(i, "ASC")) {
      options->descending = false;
    } else if (c.Is(i, "DESC")) {
      options->descending = true;
    } else if (c.Is(i, "ALPHA")) {
      options->alpha = true;
    } else if (c.Is(i, "LIMIT") && left >= 2) {
      if (!c.Integer(i + 1, &options->limit_start) || !c.Integer(i + 2, &options->limit_count)) {
        return false;
      }
      i += 2;
    } else if (!read_only && c.Is(i, "STORE") && left >= 1) {
      options->store = c.arg(++i);
    } else if (c.Is(i, "BY") && left >= 1) {
      const std::string_view word = c.arg(++i);
      options->by.emplace(word);
      if (word.substr(0, word.find('\0')).find('*') == std::string_view::npos) {
        options->sorted = false;  // also if another BY follows
      }
    } else if (c.Is(i, "GET") && left >= 1) {
      options->get.emplace_back(c.arg(++i));
    } else {
      c.SyntaxError();
      return false;
    }
  }
  return true;
}

struct Item {
  std::string_view text;
  double score = 0;
  std::optional<std::string_view> weight;  // of BY with ALPHA
};

// One run over resident keys, up to the reply.
class Sort {
 public:
  Sort(CommandContext& c, SortOptions options, engine::Waiter* waiter)
      : c_(c), options_(std::move(options)), waiter_(waiter) {}

  /// True: replied. False: the waiter is parked, nothing has changed.
  bool Run() {
    if (options_.NeedsOtherKeys()) {
      wanted_.push_back({c_.dbnum(), c_.arg(1), Need::kValue});
      if (options_.store) wanted_.push_back({c_.dbnum(), *options_.store, Need::kHeader});
      if (!Prepare()) return done_;
    }
    const Entry* entry = c_.db().Find(c_.dbnum(), c_.arg(1));
    if (entry != nullptr && entry->type() != ValueType::kList && entry->type() != ValueType::kSet &&
        entry->type() != ValueType::kZset) {
      c_.WrongType();
      return true;
    }
    if (entry != nullptr) Load(entry);
    if (options_.sorted) {
      if (!Weigh()) return done_;
      Order();
    }
    return Output();
  }

 private:
  // Makes wanted_ resident. False: not now (or replied an error, see done_).
  bool Prepare() {
    const std::optional<codec::Status> prepared = PrepareKeys(c_, wanted_, waiter_);
    wanted_.clear();
    if (prepared && prepared->ok()) return true;
    done_ = prepared.has_value() && ReplyReadError(c_, *prepared);
    return false;
  }

  // The elements, and which of them LIMIT leaves.
  void Load(const Entry* entry) {
    size_t length = 0;
    switch (entry->type()) {
      case ValueType::kList:
        length = engine::ListView(entry).size();
        break;
      case ValueType::kSet:
        length = engine::SetView(entry).size();
        // What is stored must not depend on the order in a hash table.
        if (!options_.sorted && options_.store) {
          options_.sorted = true;
          options_.alpha = true;
          options_.by.reset();
        }
        break;
      default:
        length = engine::ZsetView(entry).size();
    }
    const auto n = static_cast<int64_t>(length);
    const int64_t start = std::clamp<int64_t>(options_.limit_start, 0, n);
    const int64_t count = std::min(options_.limit_count, n);
    first_ = static_cast<size_t>(start);
    last_ = count < 0 ? length : std::min(first_ + static_cast<size_t>(count), length);

    // Where nothing is sorted, a list and a sorted set give just the range, from the end that DESC
    // says.
    const bool ranged = !options_.sorted && entry->type() != ValueType::kSet;
    const size_t wanted = ranged ? last_ - first_ : length;
    items_.reserve(wanted);
    const auto add = [this](std::string_view text) {
      items_.push_back({arena_.Add({text}), 0, {}});
    };
    switch (entry->type()) {
      case ValueType::kList:
        LoadList(engine::ListView(entry), ranged, add);
        break;
      case ValueType::kSet:
        engine::SetView(entry).ForEach(add);
        break;
      default: {
        engine::RankRange ranks{0, length};
        const bool reverse = ranged && options_.descending;
        if (ranged) {
          ranks = reverse ? engine::RankRange{length - last_, length - first_}
                          : engine::RankRange{first_, last_};
        }
        engine::ZsetView(entry).Walk(ranks, reverse,
                                     [&](std::string_view member, double) { add(member); });
      }
    }
    if (ranged) {
      first_ = 0;
      last_ = wanted;
    }
  }

  template <class Add>
  void LoadList(const engine::ListView& list, bool ranged, Add&& add) {
    char scratch[codec::kPackedScratch];
    const auto give = [&](const codec::PackedValue& value) { add(value.View(scratch)); };
    if (!ranged) {
      list.ForEach(0, list.size(), give);
    } else if (!options_.descending) {
      list.ForEach(first_, last_ - first_, give);
    } else if (last_ > first_) {
      engine::ListCursor cursor = list.Seek(list.size() - 1 - first_);
      for (size_t i = first_; i < last_; ++i, cursor.Previous()) give(cursor.value());
    }
  }

  // Weights of all elements. False: see Prepare.
  bool Weigh() {
    std::vector<std::string_view> keys;
    if (options_.by) {
      keys.reserve(items_.size());
      for (const Item& item : items_) {
        keys.push_back(options_.by->KeyFor(item.text, &arena_));
        wanted_.push_back({c_.dbnum(), keys.back(), Need::kValue});
      }
      if (!Prepare()) return false;
    }
    for (size_t i = 0; i < items_.size(); ++i) {
      Item& item = items_[i];
      std::optional<std::string_view> weight = item.text;
      if (options_.by) weight = options_.by->Read(c_, keys[i], &arena_);
      if (options_.alpha) {
        item.weight = weight;
      } else if (weight) {
        // As strtod reads it: spaces in front and the empty text are fine, and nothing is seen
        // behind a NUL.
        char* end = nullptr;
        errno = 0;
        item.score = std::strtod(weight->data(), &end);
        if (*end != '\0' || errno == ERANGE || std::isnan(item.score)) not_a_number_ = true;
      }
    }
    return true;
  }

  int Compare(const Item& a, const Item& b) const {
    if (!options_.alpha) {
      if (a.score != b.score) return a.score < b.score ? -1 : 1;
      return a.text.compare(b.text);
    }
    if (!a.weight || !b.weight)
      return static_cast<int>(a.weight.has_value()) - b.weight.has_value();
    return options_.store ? a.weight->compare(*b.weight)
                          : strcoll(a.weight->data(), b.weight->data());
  }

  void Order() {
    std::stable_sort(items_.begin(), items_.end(), [this](const Item& a, const Item& b) {
      return options_.descending ? Compare(b, a) < 0 : Compare(a, b) < 0;
    });
  }

  bool Output() {
    if (not_a_number_) {
      c_.Error("ERR One or more scores can't be converted into double");
      return true;
    }
    const std::span<const Item> chosen = std::span(items_).subspan(first_, last_ - first_);
    // The keys of GET, element by element.
    std::vector<std::string_view> keys;
    for (const Item& item : chosen) {
      for (const Pattern& pattern : options_.get) {
        if (!pattern.is_key()) continue;
        keys.push_back(pattern.KeyFor(item.text, &arena_));
        wanted_.push_back({c_.dbnum(), keys.back(), Need::kValue});
      }
    }
    if (!wanted_.empty() && !Prepare()) return done_;
    const size_t count = chosen.size() * std::max<size_t>(options_.get.size(), 1);
    std::vector<std::string_view> stored;
    if (options_.store) {
      stored.reserve(count);
    } else {
      c_.reply().Array(count);
    }
    const auto give = [&](std::optional<std::string_view> value) {
      if (options_.store) {
        stored.push_back(value.value_or(std::string_view()));
      } else if (value) {
        c_.reply().Bulk(*value);
      } else {
        c_.reply().Null();
      }
    };
    auto key = keys.begin();
    for (const Item& item : chosen) {
      if (options_.get.empty()) give(item.text);
      for (const Pattern& pattern : options_.get) {
        if (pattern.is_element()) {
          give(item.text);
        } else if (pattern.is_key()) {
          give(pattern.Read(c_, *key++, &arena_));
        } else {
          give(std::nullopt);
        }
      }
    }
    if (options_.store) Store(stored);
    return true;
  }

  void Store(std::span<const std::string_view> elements) {
    const std::string_view key = *options_.store;
    const bool existed = c_.db().FindForWrite(c_.dbnum(), key) != nullptr;
    c_.db().lists().Replace(c_.dbnum(), key, elements);
    if (!elements.empty()) {
      c_.Notify(kNotifyList, "sortstore", key);
    } else if (existed) {
      c_.Notify(kNotifyGeneric, "del", key);
    }
    c_.reply().Integer(static_cast<int64_t>(elements.size()));
  }

  CommandContext& c_;
  SortOptions options_;
  engine::Waiter* const waiter_;
  TextArena arena_;
  std::vector<KeyRequest> wanted_;
  std::vector<Item> items_;
  size_t first_ = 0;  // of the items, what LIMIT leaves
  size_t last_ = 0;
  bool not_a_number_ = false;
  bool done_ = false;
};

class SortTask final : public CommandTask {
 public:
  explicit SortTask(bool read_only) : read_only_(read_only) {}

  bool Step(CommandContext& c, engine::Waiter* waiter) override {
    SortOptions options;  // its words borrow from this step's argv
    return !ParseSortOptions(c, read_only_, &options) || Sort(c, std::move(options), waiter).Run();
  }

 private:
  const bool read_only_;
};

void SortElements(CommandContext& c, bool read_only) {
  SortOptions options;
  if (!ParseSortOptions(c, read_only, &options)) return;
  if (options.NeedsOtherKeys()) {
    c.StartTask(std::make_unique<SortTask>(read_only));
  } else {
    Sort(c, std::move(options), /*waiter=*/nullptr).Run();
  }
}
void SortCommand(CommandContext& c) { SortElements(c, /*read_only=*/false); }
void SortRo(CommandContext& c) { SortElements(c, /*read_only=*/true); }

// The sorted key, and the last STORE's: Redis's own walk over words that it may not understand.
bool FindSortKeys(std::span<const std::string_view> argv, std::vector<CommandSpec::KeyRef>* keys) {
  keys->push_back({1, Need::kValue, -1, kKeyRO | kKeyAccess});
  int store = 0;
  for (size_t i = 2; i < argv.size(); ++i) {
    if (codec::SameWord(argv[i], "LIMIT")) {
      i += 2;
    } else if (codec::SameWord(argv[i], "GET") || codec::SameWord(argv[i], "BY")) {
      ++i;
    } else if (codec::SameWord(argv[i], "STORE") && i + 1 < argv.size()) {
      store = static_cast<int>(i) + 1;
    }
  }
  if (store != 0) keys->push_back({store, Need::kHeader, -1, kKeyOW | kKeyUpdate});
  return true;
}

// ---- the table -------------------------------------------------------------------------------

// Patterns and STORE: where they stand is not known in advance.
constexpr KeySpec UnknownKeys(uint32_t flags, Need need, std::string_view notes) {
  return {.flags = flags, .need = need, .notes = notes};
}
constexpr std::string_view kPatternNotes =
    "For the optional BY/GET keyword. It is marked 'unknown' because the key names derive from the "
    "content of the key we sort";
constexpr std::string_view kStoreNotes =
    "For the optional STORE keyword. It is marked 'unknown' because the keyword can appear "
    "anywhere "
    "in the argument array";
constexpr KeySpec kSortKeys[] = {KeyAt(1, kKeyRO | kKeyAccess, Need::kValue),
                                 UnknownKeys(kKeyRO | kKeyAccess, Need::kValue, kPatternNotes),
                                 UnknownKeys(kKeyOW | kKeyUpdate, Need::kHeader, kStoreNotes)};
constexpr KeySpec kSortRoKeys[] = {KeyAt(1, kKeyRO | kKeyAccess, Need::kValue),
                                   UnknownKeys(kKeyRO | kKeyAccess, Need::kValue, kPatternNotes)};

constexpr ArgSpec OfKeySpec(int spec, ArgSpec arg) {
  arg.key_spec_index = spec;
  return arg;
}
constexpr ArgSpec MultipleToken(ArgSpec arg) {
  arg.multiple_token = true;
  return arg;
}
constexpr ArgSpec kLimitArgs[] = {IntegerArg("offset"), IntegerArg("count")};
constexpr ArgSpec kOrderArgs[] = {Token("asc", "ASC"), Token("desc", "DESC")};
constexpr ArgSpec kByArg = Optional(WithToken("BY", OfKeySpec(1, PatternArg("pattern"))));
constexpr ArgSpec kLimitArg = Optional(WithToken("LIMIT", Block("offset_count", kLimitArgs)));
constexpr ArgSpec kGetArg =
    MultipleToken(Multiple(Optional(WithToken("GET", OfKeySpec(1, PatternArg("pattern"))))));
constexpr ArgSpec kOrderArg = Optional(OneOf("order", kOrderArgs));
constexpr ArgSpec kAlphaArg = Optional(Token("sorting", "ALPHA"));
constexpr ArgSpec kSortArgs[] = {KeyArg(),
                                 kByArg,
                                 kLimitArg,
                                 kGetArg,
                                 kOrderArg,
                                 kAlphaArg,
                                 Optional(WithToken("STORE", KeyArg("destination", 2)))};
constexpr ArgSpec kSortRoArgs[] = {KeyArg(), kByArg, kLimitArg, kGetArg, kOrderArg, kAlphaArg};

constexpr uint32_t kSortAcl = kAclSet | kAclSortedSet | kAclList | kAclDangerous;
constexpr std::string_view kSortComplexity =
    "O(N+M*log(M)) for N elements and M returned; O(N) if they are not sorted";

constexpr CommandSpec kRows[] = {
    {.name = "SORT",
     .arity = -2,
     .flags = kWrite | kDenyOom | kMovableKeys,
     .keys = kSortKeys,
     .acl = kSortAcl,
     .handler = SortCommand,
     .since = "1.0.0",
     .group = "generic",
     .complexity = kSortComplexity,
     .summary = "Sorts a list, set or sorted set, and replies or stores the result.",
     .args = kSortArgs,
     .find_keys = FindSortKeys},
    {.name = "SORT_RO",
     .arity = -2,
     .flags = kReadOnly | kMovableKeys,
     .keys = kSortRoKeys,
     .acl = kSortAcl,
     .handler = SortRo,
     .since = "7.0.0",
     .group = "generic",
     .complexity = kSortComplexity,
     .summary = "Sorts a list, set or sorted set and replies the result.",
     .args = kSortRoArgs},
};

}  // namespace

std::span<const CommandSpec> SortCommands() { return kRows; }

}  // namespace thermocline::server
