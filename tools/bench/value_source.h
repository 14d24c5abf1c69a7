// ValueSource: incompressible values that can be checked without remembering them.
//
// The bytes of a value follow from (key number, size) alone: a splitmix64 stream, printable to
// nobody and compressible by nothing. A reader that knows the key can therefore verify a GET,
// whoever wrote it. Stateless; any thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace thermocline::tools {

/// Appends the `size` bytes of the key's value to *out.
void AppendValue(uint64_t key, uint64_t size, std::string* out);

/// True when `value` is exactly the value of `key` at its own size.
bool IsValueOf(uint64_t key, std::string_view value);

/// Size of the key's value between the bounds: fixed for a key, uniform over the keys.
uint64_t ValueSizeOf(uint64_t key, uint64_t size_min, uint64_t size_max);

}  // namespace thermocline::tools
