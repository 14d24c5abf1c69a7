// Reading and showing settings; the rules are those of Redis 7.0's standard directive types.
#include "server/config/config_row.h"

#include <cerrno>
#include <cstdio>
#include <cstdlib>

#include "codec/number_text.h"
#include "codec/words.h"

namespace thermocline::server {
namespace {

size_t IndexOf(const ConfigRow& row) { return static_cast<size_t>(&row - ConfigTable().data()); }

int64_t GetNumber(const ConfigRow& row, const ServerConfig& c) {
  switch (row.kind) {
    case ConfigRow::Kind::kBool:
      if (row.bool_field != nullptr) return c.*row.bool_field ? 1 : 0;
      break;
    case ConfigRow::Kind::kNumber:
      if (row.number_field != nullptr) return c.*row.number_field;
      break;
    case ConfigRow::Kind::kUnsigned:
      if (row.unsigned_field != nullptr) return static_cast<int64_t>(c.*row.unsigned_field);
      break;
    default:
      if (row.get_enum != nullptr) return row.get_enum(c);
      break;
  }
  return c.kept_numbers[IndexOf(row)];
}

void SetNumber(const ConfigRow& row, int64_t value, ServerConfig* c) {
  if (row.kind == ConfigRow::Kind::kBool && row.bool_field != nullptr) {
    c->*row.bool_field = value != 0;
  } else if (row.number_field != nullptr) {
    c->*row.number_field = value;
  } else if (row.unsigned_field != nullptr) {
    c->*row.unsigned_field = static_cast<uint64_t>(value);
  } else if (row.set_enum != nullptr) {
    row.set_enum(*c, value);
  } else {
    c->kept_numbers[IndexOf(row)] = value;
  }
}

const std::string& GetText(const ConfigRow& row, const ServerConfig& c) {
  return row.text_field != nullptr ? c.*row.text_field : c.kept_texts[IndexOf(row)];
}

std::string& TextOf(const ConfigRow& row, ServerConfig* c) {
  return row.text_field != nullptr ? c->*row.text_field : c->kept_texts[IndexOf(row)];
}

ConfigParse Store(const ConfigRow& row, int64_t value, ServerConfig* config) {
  if (GetNumber(row, *config) == value) return ConfigParse::kUnchanged;
  SetNumber(row, value, config);
  return ConfigParse::kChanged;
}

bool ParseNumber(const ConfigRow& row, const std::string& text, int64_t* value,
                 std::string* error) {
  switch (row.format) {
    case NumberFormat::kMemory:
    case NumberFormat::kMemoryOrPercent: {
      uint64_t bytes = 0;
      if (codec::ParseMemory(text, &bytes)) {
        *value = static_cast<int64_t>(bytes);
        return true;
      }
      if (row.format == NumberFormat::kMemory) {
        *error = "argument must be a memory value";
        return false;
      }
      if (text.size() > 1 && text.back() == '%' &&
          codec::ParseInt64(std::string_view(text).substr(0, text.size() - 1), value) &&
          *value >= 0) {
        *value = -*value;
        return true;
      }
      *error = "argument must be a memory or percent value";
      return false;
    }
    case NumberFormat::kOctal: {
      char* end = nullptr;
      errno = 0;
      const long long parsed = std::strtoll(text.c_str(), &end, 8);
      if (errno == 0 && *end == '\0') {
        *value = parsed;
        return true;
      }
      *error = "argument couldn't be parsed as an octal number";
      return false;
    }
    case NumberFormat::kInteger:
      break;
  }
  if (codec::ParseInt64(text, value)) return true;
  *error = "argument couldn't be parsed into an integer";
  return false;
}

bool InRange(const ConfigRow& row, int64_t value, std::string* error) {
  char text[128];
  if (row.format == NumberFormat::kMemoryOrPercent && value < 0) {
    if (value >= row.min) return true;
    std::snprintf(text, sizeof text, "percentage argument must be less or equal to %lld",
                  static_cast<long long>(-row.min));
    *error = text;
    return false;
  }
  // A memory value beyond int64_t arrives here as a negative number and is refused like one.
  const bool below = row.kind == ConfigRow::Kind::kUnsigned
                         ? static_cast<uint64_t>(value) < static_cast<uint64_t>(row.min)
                         : value < row.min;
  const bool above = row.kind == ConfigRow::Kind::kUnsigned ? static_cast<uint64_t>(value) > row.max
                                                            : value > static_cast<int64_t>(row.max);
  if (!below && !above) return true;
  std::snprintf(
      text, sizeof text,
      row.format == NumberFormat::kOctal       ? "argument must be between %llo and %llo inclusive"
      : row.kind == ConfigRow::Kind::kUnsigned ? "argument must be between %llu and %llu inclusive"
                                               : "argument must be between %lld and %lld inclusive",
      static_cast<long long>(row.min), static_cast<long long>(row.max));
  *error = text;
  return false;
}

ConfigParse ParseEnum(const ConfigRow& row, std::span<const std::string> words,
                      ServerConfig* config, std::string* error) {
  int64_t value = 0;
  bool good = !words.empty();
  for (const std::string& word : words) {
    bool found = false;
    for (const EnumName& known : row.names) {
      if (!codec::SameWord(known.name, word)) continue;
      value = row.kind == ConfigRow::Kind::kFlags ? (value | known.value) : known.value;
      found = true;
      break;
    }
    good = good && found;
  }
  if (!good) {
    *error = "argument(s) must be one of the following: ";
    for (size_t i = 0; i < row.names.size(); ++i) {
      if (i > 0) *error += ", ";
      *error += row.names[i].name;
    }
    return ConfigParse::kError;
  }
  if (row.kind == ConfigRow::Kind::kFlags && (value & kShutdownSave) != 0 &&
      (value & kShutdownNosave) != 0) {
    *error = "shutdown options SAVE and NOSAVE can't be used simultaneously";
    return ConfigParse::kError;
  }
  return Store(row, value, config);
}

std::string FormatEnum(const ConfigRow& row, int64_t value) {
  std::string out;
  for (const EnumName& known : row.names) {
    if (row.kind == ConfigRow::Kind::kEnum || value == 0) {
      if (known.value == value) return std::string(known.name);
    } else if (known.value != 0 && (value & known.value) == known.value) {
      if (!out.empty()) out += ' ';
      out += known.name;
    }
  }
  return out;
}

std::string FormatNumber(const ConfigRow& row, int64_t value) {
  if (row.format == NumberFormat::kMemoryOrPercent && value < 0)
    return std::to_string(-value) + "%";
  if (row.format == NumberFormat::kOctal) {
    char text[32];
    std::snprintf(text, sizeof text, "%llo", static_cast<unsigned long long>(value));
    return text;
  }
  return row.kind == ConfigRow::Kind::kUnsigned ? std::to_string(static_cast<uint64_t>(value))
                                                : std::to_string(value);
}

}  // namespace

ConfigParse ParseConfig(const ConfigRow& row, std::span<const std::string> words, bool append,
                        ServerConfig* config, std::string* error) {
  error->clear();
  if (row.special != nullptr) {
    const std::string before = append ? std::string() : FormatConfig(row, *config);
    if (!row.special->parse(words, append, config, error)) return ConfigParse::kError;
    return !append && FormatConfig(row, *config) == before ? ConfigParse::kUnchanged
                                                           : ConfigParse::kChanged;
  }
  if (row.kind == ConfigRow::Kind::kEnum || row.kind == ConfigRow::Kind::kFlags) {
    return ParseEnum(row, words, config, error);
  }
  if (words.size() != 1) {
    *error = "wrong number of arguments";
    return ConfigParse::kError;
  }
  const std::string& text = words[0];
  switch (row.kind) {
    case ConfigRow::Kind::kBool:
      if (codec::SameWord(text, "yes")) return Store(row, 1, config);
      if (codec::SameWord(text, "no")) return Store(row, 0, config);
      *error = "argument must be 'yes' or 'no'";
      return ConfigParse::kError;
    case ConfigRow::Kind::kText: {
      if (row.valid_text != nullptr && !row.valid_text(text, error)) return ConfigParse::kError;
      std::string& stored = TextOf(row, config);
      if (stored == text) return ConfigParse::kUnchanged;
      stored = text;
      return ConfigParse::kChanged;
    }
    default: {
      int64_t value = 0;
      if (!ParseNumber(row, text, &value, error) || !InRange(row, value, error))
        return ConfigParse::kError;
      return Store(row, value, config);
    }
  }
}

std::string FormatConfig(const ConfigRow& row, const ServerConfig& config) {
  switch (row.kind) {
    case ConfigRow::Kind::kSpecial:
      return row.special->format(config);
    case ConfigRow::Kind::kText:
      return GetText(row, config);
    case ConfigRow::Kind::kBool:
      return GetNumber(row, config) != 0 ? "yes" : "no";
    case ConfigRow::Kind::kEnum:
    case ConfigRow::Kind::kFlags:
      return FormatEnum(row, GetNumber(row, config));
    default:
      return FormatNumber(row, GetNumber(row, config));
  }
}

void SetConfigDefaults(ServerConfig* config) {
  const std::span<const ConfigRow> table = ConfigTable();
  config->kept_numbers.assign(table.size(), 0);
  config->kept_texts.assign(table.size(), {});
  for (const ConfigRow& row : table) {
    switch (row.kind) {
      case ConfigRow::Kind::kSpecial: {
        std::vector<std::string> words;
        for (size_t i = 0; i < row.default_text.size();) {
          const size_t end = std::min(row.default_text.find(' ', i), row.default_text.size());
          words.emplace_back(row.default_text.substr(i, end - i));
          i = end + 1;
        }
        std::string error;
        row.special->parse(words, false, config, &error);
        break;
      }
      case ConfigRow::Kind::kText:
        TextOf(row, config) = row.default_text;
        break;
      default:
        SetNumber(row, row.default_number, config);
        break;
    }
  }
}

ConfigLines RewriteLines(const ConfigRow& row, const ServerConfig& config,
                         const ServerConfig& defaults) {
  ConfigLines out;
  const std::string name(row.name);
  const bool differs = FormatConfig(row, config) != FormatConfig(row, defaults);
  if (row.special != nullptr) {
    const std::vector<std::string> plain = row.special->lines(defaults);
    for (const std::string& line : row.special->lines(config)) {
      // Line by line: of client-output-buffer-limit only the changed classes are added to a file.
      const size_t i = out.lines.size();
      out.required.push_back(row.special->always_rewritten || i >= plain.size() ||
                             plain[i] != line);
      out.lines.push_back(name + " " + line);
    }
    return out;
  }
  std::string text;
  if (row.kind == ConfigRow::Kind::kText) {
    const std::string& value = GetText(row, config);
    if (value.empty() && (row.flags & kConfigOptional) != 0) return out;
    text = QuoteConfigText(value);
  } else if (row.format == NumberFormat::kMemory ||
             (row.format == NumberFormat::kMemoryOrPercent && GetNumber(row, config) >= 0)) {
    text = FormatMemory(static_cast<uint64_t>(GetNumber(row, config)));
  } else {
    text = FormatConfig(row, config);
  }
  out.lines.push_back(name + " " + text);
  out.required.push_back(differs);
  return out;
}

std::string FormatMemory(uint64_t bytes) {
  constexpr uint64_t kKb = 1024;
  constexpr uint64_t kMb = 1024 * kKb;
  constexpr uint64_t kGb = 1024 * kMb;
  if (bytes != 0 && bytes % kGb == 0) return std::to_string(bytes / kGb) + "gb";
  if (bytes != 0 && bytes % kMb == 0) return std::to_string(bytes / kMb) + "mb";
  if (bytes != 0 && bytes % kKb == 0) return std::to_string(bytes / kKb) + "kb";
  return std::to_string(bytes);
}

std::string QuoteConfigText(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    switch (c) {
      case '\\':
      case '"':
        out += '\\';
        out += c;
        break;
      case '\n':
        out += "\\n";
        break;
      case '\r':
        out += "\\r";
        break;
      case '\t':
        out += "\\t";
        break;
      case '\a':
        out += "\\a";
        break;
      case '\b':
        out += "\\b";
        break;
      default:
        if (c >= 0x20 && c < 0x7f) {
          out += c;
        } else {
          char hex[5];
          std::snprintf(hex, sizeof hex, "\\x%02x", static_cast<unsigned char>(c));
          out += hex;
        }
    }
  }
  out += '"';
  return out;
}

}  // namespace thermocline::server
