// LZF, the compression inside RDB strings.
//
// Compression is liblzf's (Debian's redis-server links the same library, so equal input gives equal
// bytes); decompression is ours, because its input may come from anybody. Pure functions.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace thermocline::codec {

/// No LZF stream grows by more than this factor: three bytes give at most 264.
inline constexpr uint64_t kMaxLzfExpansion = 88;

/// Compresses into at most `limit` bytes appended to *out; returns how many, or 0 (and *out as it
/// was) if they do not suffice or the input is 4 GiB or more.
size_t LzfCompress(std::string_view in, size_t limit, std::string* out);

/// Appends exactly `length` bytes, or returns false and leaves *out as it was: the stream is
/// malformed, refers to before its start, or has another length. Takes no memory before `length` is
/// plausible.
bool LzfDecompress(std::string_view in, uint64_t length, std::string* out);

}  // namespace thermocline::codec
