// One element of a packed collection as it is read: an integer, or bytes.
//
// Packed encodings keep an element that is the canonical text of a 64-bit integer as a number. Most
// readers want text again; View makes it in the caller's scratch, so that reading takes no memory.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "codec/number_text.h"

namespace thermocline::codec {

/// Room for the text of any integer.
inline constexpr size_t kPackedScratch = 24;
static_assert(kPackedScratch >= kMaxInt64Text);

struct PackedValue {
  bool is_int = false;
  int64_t number = 0;     // if is_int
  std::string_view text;  // if not; borrowed from the packed bytes

  static PackedValue Int(int64_t number) { return {true, number, {}}; }
  static PackedValue Text(std::string_view text) { return {false, 0, text}; }

  /// The element's text: the borrowed bytes, or the number written to `scratch`.
  std::string_view View(char (&scratch)[kPackedScratch]) const {
    return is_int ? std::string_view(scratch, FormatInt64(scratch, number)) : text;
  }
  std::string ToString() const {
    char scratch[kPackedScratch];
    return std::string(View(scratch));
  }
  /// The length of the element's text.
  size_t TextSize() const {
    char scratch[kPackedScratch];
    return View(scratch).size();
  }
};

}  // namespace thermocline::codec
