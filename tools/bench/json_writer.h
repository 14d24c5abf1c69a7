// JsonWriter: just enough JSON to print results. Nesting is the caller's duty; commas are not.
// Strings are escaped; numbers are written with enough digits. One thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace thermocline::tools {

class JsonWriter {
 public:
  void BeginObject(std::string_view name = {});
  void BeginArray(std::string_view name = {});
  void EndObject();
  void EndArray();
  void Text(std::string_view name, std::string_view value);
  void Integer(std::string_view name, uint64_t value);
  void Number(std::string_view name, double value);

  const std::string& text() const { return text_; }

 private:
  void Name(std::string_view name);
  void Quote(std::string_view value);

  std::string text_;
  bool first_ = true;
};

}  // namespace thermocline::tools
