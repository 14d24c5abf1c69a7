// ConfigRow: one directive of the table; and what all directives have in common: reading their
// text, showing it, telling whether it is the default, writing it back into a file.
//
// A row says where its value is stored (a member of ServerConfig, or a slot of the kept ones if no
// code asks for it by name), what texts it takes, what a change needs (ApplyAction), and, for a
// directive that is accepted without effect, why. Rows are constant data; the functions here are
// pure but for `dir`, which changes the working directory. Error texts are Redis's.
#pragma once

#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "server/config/config.h"

namespace thermocline::server {

enum ConfigFlag : uint32_t {
  kConfigImmutable = 1u << 0,    // CONFIG SET refuses
  kConfigSensitive = 1u << 1,    // a secret: not for logs
  kConfigProtected = 1u << 2,    // CONFIG SET only as enable-protected-configs says
  kConfigMultiArg = 1u << 3,     // several words
  kConfigDenyLoading = 1u << 4,  // CONFIG SET waits for the end of loading
  kConfigHidden = 1u << 5,       // CONFIG GET shows it for its exact name only
  kConfigOptional = 1u << 6,     // an empty text means unset: CONFIG REWRITE removes its line
};

enum class NumberFormat : uint8_t { kInteger, kMemory, kMemoryOrPercent, kOctal };

struct EnumName {
  std::string_view name;
  int64_t value;
};

/// A directive with a grammar of its own.
struct SpecialConfig {
  /// `append`: another line of the same file adds (`save`). False: *error says why; nothing was
  /// changed.
  bool (*parse)(std::span<const std::string> words, bool append, ServerConfig* config,
                std::string* error);
  std::string (*format)(const ServerConfig& config);
  /// Lines for CONFIG REWRITE without the name; none: the directive does not belong into the file.
  std::vector<std::string> (*lines)(const ServerConfig& config);
  bool always_rewritten = false;  // also when it is the default and the file did not mention it
};

struct ConfigRow {
  enum class Kind : uint8_t { kBool, kNumber, kUnsigned, kText, kEnum, kFlags, kSpecial };

  std::string_view name;
  std::string_view alias = {};
  Kind kind = Kind::kBool;
  uint32_t flags = 0;
  // Where the value is. All null: in the slot of the kept values that has the row's index.
  bool ServerConfig::*bool_field = nullptr;
  int64_t ServerConfig::*number_field = nullptr;
  uint64_t ServerConfig::*unsigned_field = nullptr;
  std::string ServerConfig::*text_field = nullptr;
  int64_t (*get_enum)(const ServerConfig&) = nullptr;
  void (*set_enum)(ServerConfig&, int64_t) = nullptr;
  const SpecialConfig* special = nullptr;

  int64_t default_number = 0;
  std::string_view default_text = {};
  NumberFormat format = NumberFormat::kInteger;
  int64_t min = 0;
  uint64_t max = 0;
  std::span<const EnumName> names = {};
  bool (*valid_text)(std::string_view text, std::string* error) = nullptr;
  ApplyAction apply = ApplyAction::kNone;
  std::string_view apply_error =
      {};                     // what the client reads if that fails; empty: the applier's words
  std::string_view why = {};  // accepted without effect because …; empty: in force
  const char* harmless =
      nullptr;  // a value besides the default that asks for what happens anyway: no warning

  // Builders of the table.
  constexpr ConfigRow With(uint32_t more) const {
    ConfigRow r = *this;
    r.flags |= more;
    return r;
  }
  constexpr ConfigRow Immutable() const { return With(kConfigImmutable); }
  constexpr ConfigRow Optional() const { return With(kConfigOptional); }
  constexpr ConfigRow Alias(std::string_view other) const {
    ConfigRow r = *this;
    r.alias = other;
    return r;
  }
  constexpr ConfigRow Apply(ApplyAction action, std::string_view error = {}) const {
    ConfigRow r = *this;
    r.apply = action;
    r.apply_error = error;
    return r;
  }
  constexpr ConfigRow Check(bool (*valid)(std::string_view, std::string*)) const {
    ConfigRow r = *this;
    r.valid_text = valid;
    return r;
  }
  constexpr ConfigRow NoEffect(std::string_view reason, const char* harmless_text = nullptr) const {
    ConfigRow r = *this;
    r.why = reason;
    r.harmless = harmless_text;
    return r;
  }
};

// ---- the table
// --------------------------------------------------------------------------------------
std::span<const ConfigRow> ConfigTable();
/// By name or alias, ignoring case; null: no such directive.
const ConfigRow* FindConfigRow(std::string_view name);

// ---- one directive
// ------------------------------------------------------------------------------------
enum class ConfigParse : uint8_t { kChanged, kUnchanged, kError };
/// Stores what `words` say. kError: *error says why and nothing was changed.
ConfigParse ParseConfig(const ConfigRow& row, std::span<const std::string> words, bool append,
                        ServerConfig* config, std::string* error);
/// The value as CONFIG GET shows it.
std::string FormatConfig(const ConfigRow& row, const ServerConfig& config);
/// Stores every row's default.
void SetConfigDefaults(ServerConfig* config);

/// What CONFIG REWRITE makes of a directive: its lines in order, complete with the name.
struct ConfigLines {
  std::vector<std::string> lines;
  std::vector<bool> required;  // by line: also if the file did not mention the directive
};
ConfigLines RewriteLines(const ConfigRow& row, const ServerConfig& config,
                         const ServerConfig& defaults);

/// The number of bytes in the largest unit that divides it: "64mb".
std::string FormatMemory(uint64_t bytes);
/// Text in double quotes with Redis's escapes, as SplitArgs reads it back.
std::string QuoteConfigText(std::string_view text);

}  // namespace thermocline::server
