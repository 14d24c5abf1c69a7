// Directives with a grammar of their own, and the checks of texts that are more than texts.
// Each is used by one row of config_table.cc; texts and corner cases are Redis 7.0's.
#pragma once

#include <string>
#include <string_view>

#include "server/config/config_row.h"

namespace thermocline::server {

extern const SpecialConfig kBindConfig;
extern const SpecialConfig kDirConfig;
extern const SpecialConfig kSaveConfig;
extern const SpecialConfig kOutputLimitConfig;
extern const SpecialConfig kOomScoreValuesConfig;
extern const SpecialConfig kKeyspaceEventsConfig;
extern const SpecialConfig kReplicaOfConfig;
extern const SpecialConfig kPercentilesConfig;

/// "99.9": as in CONFIG GET and in the names of INFO latencystats.
std::string FormatPercentile(double value);

// True, or *error says what is wrong.
bool ValidDbFilename(std::string_view text, std::string* error);
bool ValidAppendFilename(std::string_view text, std::string* error);
bool ValidAppendDirname(std::string_view text, std::string* error);
bool ValidHostname(std::string_view text, std::string* error);
bool ValidTitleTemplate(std::string_view text, std::string* error);

}  // namespace thermocline::server
