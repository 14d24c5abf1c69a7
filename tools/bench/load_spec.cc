// See load_spec.h.
#include "tools/bench/load_spec.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

#include "tools/bench/value_source.h"

namespace thermocline::tools {
namespace {

constexpr std::pair<std::string_view, LoadCommand> kCommandNames[] = {
    {"PING", LoadCommand::kPing},         {"SET", LoadCommand::kSet},
    {"SETEX", LoadCommand::kSetEx},       {"GET", LoadCommand::kGet},
    {"GETRANGE", LoadCommand::kGetRange}, {"INCR", LoadCommand::kIncr},
    {"MSET", LoadCommand::kMSet},         {"MGET", LoadCommand::kMGet},
    {"DEL", LoadCommand::kDel},           {"EXPIRE", LoadCommand::kExpire},
    {"EXISTS", LoadCommand::kExists},     {"APPEND", LoadCommand::kAppend},
};
constexpr uint32_t kKeysOfMany = 10;
constexpr uint64_t kMaxValue = 512ull << 20;

template <typename T>
bool ParseNumber(std::string_view text, T low, T high, T* value) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), *value);
  return error == std::errc() && end == text.data() + text.size() && *value >= low &&
         *value <= high;
}

std::string_view CutPiece(std::string_view* text, char separator) {
  const size_t at = text->find(separator);
  const std::string_view piece = text->substr(0, at);
  text->remove_prefix(at == std::string_view::npos ? text->size() : at + 1);
  return piece;
}

bool ParseCommands(std::string_view text, std::vector<WeightedCommand>* commands) {
  commands->clear();
  while (!text.empty()) {
    std::string_view piece = CutPiece(&text, '+');
    const std::string_view name = CutPiece(&piece, ':');
    uint32_t weight = 1;
    if (!piece.empty() && !ParseNumber<uint32_t>(piece, 1, 1'000'000, &weight)) return false;
    const auto* found = std::find_if(std::begin(kCommandNames), std::end(kCommandNames),
                                     [name](const auto& row) { return row.first == name; });
    if (found == std::end(kCommandNames)) return false;
    commands->push_back({found->second, weight});
  }
  return !commands->empty();
}

bool ParseDistribution(std::string_view text, KeyDistribution* distribution) {
  if (text == "uniform") {
    *distribution = KeyDistribution::kUniform;
  } else if (text == "zipf") {
    *distribution = KeyDistribution::kZipf;
  } else if (text == "latest") {
    *distribution = KeyDistribution::kLatest;
  } else if (text == "sequential") {
    *distribution = KeyDistribution::kSequential;
  } else {
    return false;
  }
  return true;
}

bool ParseSize(std::string_view text, LoadSpec* spec) {
  const std::string_view low = CutPiece(&text, '-');
  if (!ParseNumber<uint64_t>(low, 0, kMaxValue, &spec->size_min)) return false;
  spec->size_max = spec->size_min;
  return text.empty() || (ParseNumber<uint64_t>(text, 0, kMaxValue, &spec->size_max) &&
                          spec->size_max >= spec->size_min);
}

// Words are separated by single spaces, requests by semicolons.
bool ParseRequests(std::string_view text, std::vector<RequestTemplate>* requests) {
  using Part = RequestTemplate::Part;
  constexpr std::pair<std::string_view, Part> kPlaces[] = {
      {"{key}", Part::kKey}, {"{value}", Part::kValue}, {"{random}", Part::kRandom}};
  requests->clear();
  while (!text.empty()) {
    std::string_view line = CutPiece(&text, ';');
    RequestTemplate& request = requests->emplace_back();
    while (!line.empty()) {
      std::string_view word = CutPiece(&line, ' ');
      std::vector<RequestTemplate::Piece>& pieces = request.words.emplace_back();
      while (!word.empty()) {
        const auto* place =
            std::find_if(std::begin(kPlaces), std::end(kPlaces),
                         [&](const auto& p) { return word.substr(0, p.first.size()) == p.first; });
        if (place != std::end(kPlaces)) {
          pieces.push_back({place->second, {}});
          word.remove_prefix(place->first.size());
          continue;
        }
        const size_t literal = std::min(word.find('{', word[0] == '{' ? 1 : 0), word.size());
        pieces.push_back({Part::kLiteral, std::string(word.substr(0, literal))});
        word.remove_prefix(literal);
      }
    }
    if (request.words.empty()) return false;
  }
  return !requests->empty();
}

bool ParseField(std::string_view name, std::string_view value, LoadSpec* spec) {
  constexpr uint64_t kMaxKeys = 100'000'000'000;
  if (name == "name") {
    spec->name = value;
    return !value.empty() && value.find_first_of("\"\\") == std::string_view::npos;
  }
  if (name == "clients") return ParseNumber<uint32_t>(value, 1, 10'000, &spec->clients);
  if (name == "pipeline") return ParseNumber<uint32_t>(value, 1, 100'000, &spec->pipeline);
  if (name == "rate") return ParseNumber<double>(value, 0, 1e9, &spec->rate);
  if (name == "commands") return ParseCommands(value, &spec->commands);
  if (name == "request") return ParseRequests(value, &spec->requests);
  if (name == "dist") return ParseDistribution(value, &spec->distribution);
  if (name == "theta") return ParseNumber<double>(value, 0.01, 0.9999, &spec->theta);
  if (name == "keys") return ParseNumber<uint64_t>(value, 1, kMaxKeys, &spec->keys);
  if (name == "first") return ParseNumber<uint64_t>(value, 0, kMaxKeys, &spec->first_key);
  if (name == "size") return ParseSize(value, spec);
  if (name == "seed") return ParseNumber<uint64_t>(value, 0, UINT64_MAX, &spec->seed);
  return false;
}

void AppendNumber(uint64_t number, std::string* out) {
  std::array<char, 24> digits;
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), number).ptr;
  out->append(digits.data(), end);
}

void AppendHeader(char kind, uint64_t number, std::string* out) {
  out->push_back(kind);
  AppendNumber(number, out);
  out->append("\r\n");
}

void AppendBulk(std::string_view text, std::string* out) {
  AppendHeader('$', text.size(), out);
  out->append(text);
  out->append("\r\n");
}

void AppendKeyBulk(std::string_view prefix, uint64_t key, std::string* out) {
  constexpr size_t kDigits = 12;
  std::array<char, 24> digits;
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), key).ptr;
  const size_t count = static_cast<size_t>(end - digits.data());
  const size_t zeros = count < kDigits ? kDigits - count : 0;
  AppendHeader('$', prefix.size() + zeros + count, out);
  out->append(prefix);
  out->append(zeros, '0');
  out->append(digits.data(), count);
  out->append("\r\n");
}

void AppendValueBulk(uint64_t key, const LoadSpec& spec, std::string* out) {
  const uint64_t size = ValueSizeOf(key, spec.size_min, spec.size_max);
  AppendHeader('$', size, out);
  AppendValue(key, size, out);
  out->append("\r\n");
}

}  // namespace

bool ParseLoadSpec(std::string_view text, LoadSpec* spec, std::string* error) {
  *spec = LoadSpec{};
  spec->text = text;
  std::string_view rest = text;
  while (!rest.empty()) {
    const std::string_view field = CutPiece(&rest, ',');
    std::string_view value = field;
    const std::string_view name = CutPiece(&value, '=');
    if (!ParseField(name, value, spec)) {
      *error = "cannot read '" + std::string(field) + "' of the class '" + std::string(text) + "'";
      return false;
    }
  }
  return true;
}

void AppendKey(uint64_t key, std::string* out) {
  std::string bulk;
  AppendKeyBulk("key:", key, &bulk);
  const size_t start = bulk.find('\n') + 1;
  out->append(bulk, start, bulk.size() - start - 2);
}

void AppendRequest(LoadCommand command, const LoadSpec& spec, uint64_t key, KeyPicker* picker,
                   std::string* out) {
  constexpr std::string_view kPrefix = "key:";
  switch (command) {
    case LoadCommand::kPing:
      out->append("*1\r\n$4\r\nPING\r\n");
      return;
    case LoadCommand::kSet:
      out->append("*3\r\n$3\r\nSET\r\n");
      AppendKeyBulk(kPrefix, key, out);
      AppendValueBulk(key, spec, out);
      return;
    case LoadCommand::kSetEx:
      out->append("*4\r\n$5\r\nSETEX\r\n");
      AppendKeyBulk(kPrefix, key, out);
      AppendBulk(std::to_string(1000 + key % 1000), out);
      AppendValueBulk(key, spec, out);
      return;
    case LoadCommand::kGet:
      out->append("*2\r\n$3\r\nGET\r\n");
      AppendKeyBulk(kPrefix, key, out);
      return;
    case LoadCommand::kGetRange:
      out->append("*4\r\n$8\r\nGETRANGE\r\n");
      AppendKeyBulk(kPrefix, key, out);
      out->append("$2\r\n10\r\n$2\r\n59\r\n");
      return;
    case LoadCommand::kIncr:
      out->append("*2\r\n$4\r\nINCR\r\n");
      AppendKeyBulk("ctr:", key, out);
      return;
    case LoadCommand::kMSet:
      AppendHeader('*', 1 + 2 * kKeysOfMany, out);
      out->append("$4\r\nMSET\r\n");
      for (uint32_t i = 0; i < kKeysOfMany; ++i) {
        if (i > 0) key = spec.first_key + picker->Next();
        AppendKeyBulk(kPrefix, key, out);
        AppendValueBulk(key, spec, out);
      }
      return;
    case LoadCommand::kMGet:
      AppendHeader('*', 1 + kKeysOfMany, out);
      out->append("$4\r\nMGET\r\n");
      for (uint32_t i = 0; i < kKeysOfMany; ++i) {
        if (i > 0) key = spec.first_key + picker->Next();
        AppendKeyBulk(kPrefix, key, out);
      }
      return;
    case LoadCommand::kDel:
      out->append("*2\r\n$3\r\nDEL\r\n");
      AppendKeyBulk(kPrefix, key, out);
      return;
    case LoadCommand::kExpire:
      out->append("*3\r\n$6\r\nEXPIRE\r\n");
      AppendKeyBulk(kPrefix, key, out);
      out->append("$5\r\n10000\r\n");
      return;
    case LoadCommand::kExists:
      out->append("*2\r\n$6\r\nEXISTS\r\n");
      AppendKeyBulk(kPrefix, key, out);
      return;
    case LoadCommand::kAppend:
      out->append("*3\r\n$6\r\nAPPEND\r\n");
      AppendKeyBulk("app:", key, out);
      out->append("$8\r\nabcdefgh\r\n");
      return;
    case LoadCommand::kTemplate:
      return;  // AppendTemplate
  }
}

void AppendTemplate(const RequestTemplate& request, const LoadSpec& spec, uint64_t key,
                    BenchRandom* random, std::string* out) {
  constexpr uint64_t kExactInDouble = uint64_t{1} << 53;
  AppendHeader('*', request.words.size(), out);
  std::string word;
  for (const std::vector<RequestTemplate::Piece>& pieces : request.words) {
    word.clear();
    for (const RequestTemplate::Piece& piece : pieces) {
      switch (piece.part) {
        case RequestTemplate::Part::kLiteral:
          word.append(piece.literal);
          break;
        case RequestTemplate::Part::kKey:
          AppendNumber(key, &word);
          break;
        case RequestTemplate::Part::kValue:
          AppendValue(key, ValueSizeOf(key, spec.size_min, spec.size_max), &word);
          break;
        case RequestTemplate::Part::kRandom:
          AppendNumber(random->Below(kExactInDouble), &word);
          break;
      }
    }
    AppendBulk(word, out);
  }
}

}  // namespace thermocline::tools
