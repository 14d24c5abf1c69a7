// See json_writer.h.
#include "tools/bench/json_writer.h"

#include <cmath>
#include <cstdio>

namespace thermocline::tools {

void JsonWriter::Name(std::string_view name) {
  if (!first_) text_ += ',';
  first_ = false;
  if (name.empty()) return;
  Quote(name);
  text_ += ':';
}

void JsonWriter::Quote(std::string_view value) {
  text_ += '"';
  for (const char c : value) {
    if (c == '"' || c == '\\') {
      text_ += '\\';
      text_ += c;
    } else if (static_cast<unsigned char>(c) < 0x20) {
      char escaped[8];
      std::snprintf(escaped, sizeof(escaped), "\\u%04x", static_cast<unsigned>(c));
      text_ += escaped;
    } else {
      text_ += c;
    }
  }
  text_ += '"';
}

void JsonWriter::BeginObject(std::string_view name) {
  Name(name);
  text_ += '{';
  first_ = true;
}

void JsonWriter::BeginArray(std::string_view name) {
  Name(name);
  text_ += '[';
  first_ = true;
}

void JsonWriter::EndObject() {
  text_ += '}';
  first_ = false;
}

void JsonWriter::EndArray() {
  text_ += ']';
  first_ = false;
}

void JsonWriter::Text(std::string_view name, std::string_view value) {
  Name(name);
  Quote(value);
}

void JsonWriter::Integer(std::string_view name, uint64_t value) {
  Name(name);
  text_ += std::to_string(value);
}

void JsonWriter::Number(std::string_view name, double value) {
  Name(name);
  char digits[40];
  std::snprintf(digits, sizeof(digits), "%.6g", std::isfinite(value) ? value : 0.0);
  text_ += digits;
}

}  // namespace thermocline::tools
