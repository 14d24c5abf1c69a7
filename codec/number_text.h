// Numbers as Redis 7.0 reads and writes them in commands, values and settings.
//
// Which texts count as numbers is visible to clients (INCR on "+1", the int encoding of "007"), so
// each function names the rule it follows. Locale-independent as long as nobody sets LC_NUMERIC.
// Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace thermocline::codec {

inline constexpr size_t kMaxInt64Text = 20;  // "-9223372036854775808"

/// The canonical decimal form only: no '+', spaces, leading zeros, "-0"; and within int64_t.
/// FormatInt64 of the result gives the same text back.
bool ParseInt64(std::string_view text, int64_t* value);

/// Writes at most kMaxInt64Text characters, without a NUL; returns how many.
size_t FormatInt64(char* out, int64_t value);
size_t FormatUint64(char* out, uint64_t value);

/// What strtold takes completely (hex and "inf" included), except: empty, a leading space, NaN, a
/// result that over- or underflows, 5120 characters or more.
bool ParseLongDouble(std::string_view text, long double* value);

/// What strtod takes completely, with the same exceptions but for the length.
bool ParseDouble(std::string_view text, double* value);

/// %.17Lf without trailing zeros: INCRBYFLOAT's result. "inf" and "-inf" for the infinities; never
/// "-0".
std::string FormatLongDoubleHuman(long double value);

inline constexpr size_t kMaxDoubleText = 24;  // "-2.2250738585072014e-308"

/// %.17g; "inf", "-inf", "nan": a double in a reply, without its RESP frame. ParseDouble gives the
/// same double again. Writes at most kMaxDoubleText characters, without a NUL; returns how many.
size_t FormatDouble(char* out, double value);
std::string FormatDouble(double value);

/// A size in bytes: digits and an optional unit: b, k, m, g (powers of 1000), kb, mb, gb (of 1024),
/// any case. No digits mean 0, as in Redis. False for anything else, and for a result beyond 64
/// bits (where Redis wraps around, possibly to "no limit").
bool ParseMemory(std::string_view text, uint64_t* bytes);

}  // namespace thermocline::codec
