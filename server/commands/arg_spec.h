// Shorthand for the argument tables of COMMAND DOCS, so that a table reads like the command's
// syntax:
//   Optional(Since("6.0.0", Token("keepttl", "KEEPTTL")))
// Compile-time only; the rows are constexpr data. What the fields mean: command_spec.h.
#pragma once

#include <span>
#include <string_view>

#include "server/commands/command_spec.h"

namespace thermocline::server {

/// A key specification with the remark that COMMAND INFO shows.
constexpr KeySpec WithNotes(KeySpec spec, std::string_view notes) {
  spec.notes = notes;
  return spec;
}

constexpr ArgSpec Arg(std::string_view name, ArgSpec::Type type) {
  ArgSpec arg;
  arg.name = name;
  arg.type = type;
  return arg;
}
constexpr ArgSpec StringArg(std::string_view name) { return Arg(name, ArgSpec::Type::kString); }
constexpr ArgSpec IntegerArg(std::string_view name) { return Arg(name, ArgSpec::Type::kInteger); }
constexpr ArgSpec DoubleArg(std::string_view name) { return Arg(name, ArgSpec::Type::kDouble); }
constexpr ArgSpec PatternArg(std::string_view name) { return Arg(name, ArgSpec::Type::kPattern); }
constexpr ArgSpec UnixTimeArg(std::string_view name) { return Arg(name, ArgSpec::Type::kUnixTime); }
/// `spec`: which of the row's key specifications finds it.
constexpr ArgSpec KeyArg(std::string_view name = "key", int spec = 0) {
  ArgSpec arg = Arg(name, ArgSpec::Type::kKey);
  arg.key_spec_index = spec;
  return arg;
}
/// A word that stands for itself.
constexpr ArgSpec Token(std::string_view name, std::string_view token) {
  ArgSpec arg = Arg(name, ArgSpec::Type::kPureToken);
  arg.token = token;
  return arg;
}
/// An argument behind its word: COUNT count.
constexpr ArgSpec WithToken(std::string_view token, ArgSpec arg) {
  arg.token = token;
  return arg;
}
constexpr ArgSpec OneOf(std::string_view name, std::span<const ArgSpec> children) {
  ArgSpec arg = Arg(name, ArgSpec::Type::kOneOf);
  arg.children = children;
  return arg;
}
constexpr ArgSpec Block(std::string_view name, std::span<const ArgSpec> children) {
  ArgSpec arg = Arg(name, ArgSpec::Type::kBlock);
  arg.children = children;
  return arg;
}
constexpr ArgSpec Optional(ArgSpec arg) {
  arg.optional = true;
  return arg;
}
constexpr ArgSpec Multiple(ArgSpec arg) {
  arg.multiple = true;
  return arg;
}
constexpr ArgSpec Since(std::string_view version, ArgSpec arg) {
  arg.since = version;
  return arg;
}

}  // namespace thermocline::server
