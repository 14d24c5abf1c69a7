// A sorted set's score as it stands in a listpack, behind its member.
//
// Redis 7.0 stores whole numbers up to 2^62 as numbers, others as text of up to 17 significant
// digits. Bytes from elsewhere may hold any text there; it is read as Redis reads it, by its
// longest numeric prefix.
#pragma once

#include "codec/number_text.h"
#include "codec/packed/listpack.h"
#include "codec/packed/packed_value.h"

namespace thermocline::codec {

/// Whether a score stands in a listpack as a number; then which.
bool PackedScoreIsWhole(double score, int64_t* whole);

/// The score to be stored; its text is made in `scratch`, which the result borrows.
ListpackElement ScoreElement(double score, char (&scratch)[kMaxDoubleText]);

/// The score that is stored: 0 for text without a numeric prefix. NaN only if the text says so,
/// which no listpack does that Redis or we wrote.
double ScoreOf(const PackedValue& value);

}  // namespace thermocline::codec
