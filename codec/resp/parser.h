// Client requests, RESP arrays of bulks or inline lines, out of a growing buffer: incremental,
// zero-copy.
//
// The parser never owns the bytes: each call sees the buffer from the first byte of the current
// request, which may have moved and grown since. It remembers offsets, so nothing is scanned twice
// however the bytes arrive. Limits, error texts and tolerances (the byte after CR is not looked at)
// are those of Redis 7.0.15. One object a connection, one thread at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace thermocline::codec {

enum class ParseResult {
  kNeedMore,  // the request is not complete; call again with more bytes
  kRequest,   // argv holds a request
  kError,     // the stream makes no sense from here on: reply error(), close
};

class RequestParser {
 public:
  static constexpr size_t kMaxLineLength = 64 * 1024;
  static constexpr int64_t kDefaultMaxBulkLength = 512LL * 1024 * 1024;
  static constexpr int64_t kUnauthenticatedMaxArguments = 10;
  static constexpr int64_t kUnauthenticatedMaxBulkLength = 16384;

  /// False: the small limits for a client that still has to authenticate. Starts as true.
  void set_authenticated(bool authenticated) { authenticated_ = authenticated; }
  /// proto-max-bulk-len; a link to a primary uses INT64_MAX.
  void set_max_bulk_length(int64_t length) { max_bulk_length_ = length; }

  /// Parses one request. `buffer` begins at the first byte not yet consumed and holds at least the
  /// bytes of the last call. On kRequest `*argv` views into `buffer` (inline: into the parser,
  /// until the next call), is empty for an empty request ("\r\n", "*0", "*-1"), and `*consumed`
  /// bytes are done with. Otherwise *consumed is 0 and *argv unspecified. After kError every call
  /// is kError.
  ParseResult Next(std::string_view buffer, std::vector<std::string_view>* argv, size_t* consumed);

  /// After kNeedMore: how many bytes the current bulk still lacks, terminator included; 0 when
  /// unknown. A reader can grow its buffer once for a large value.
  size_t BytesWanted() const { return bytes_wanted_; }

  /// True between kNeedMore and the end of the request it was about (some bytes were seen).
  bool InRequest() const { return offset_ > 0 || scanned_ > 0; }

  /// After kError: the text that follows "-ERR ".
  std::string_view error() const { return error_; }

 private:
  struct Span {
    size_t offset;
    size_t length;
  };

  ParseResult ParseInline(std::string_view buffer, std::vector<std::string_view>* argv,
                          size_t* consumed);
  ParseResult ParseMultibulk(std::string_view buffer, std::vector<std::string_view>* argv,
                             size_t* consumed);
  enum class Line { kNumber, kBadNumber, kNeedMore, kTooLong };
  Line ReadCountLine(std::string_view buffer, int64_t* value, size_t* next);
  ParseResult Fail(std::string text);
  ParseResult Suspend(std::string_view buffer, const std::vector<std::string_view>& argv);
  void Reset();

  // Offsets count from the start of the current request.
  size_t offset_ = 0;            // the next byte to parse
  size_t scanned_ = 0;           // no line end before this
  int64_t arguments_left_ = -1;  // -1: the count line has not been read
  int64_t bulk_length_ = -1;     // -1: the next thing is a '$' line
  size_t bytes_wanted_ = 0;
  bool suspended_ = false;  // arguments collect in spans_, not in argv
  std::vector<Span> spans_;
  std::vector<std::string> inline_arguments_;
  std::string error_;
  bool authenticated_ = true;
  int64_t max_bulk_length_ = kDefaultMaxBulkLength;
};

/// Splits a line as redis-cli, inline requests and config files do: spaces separate, "..." with \n
/// \r \t \b \a \xHH \\ \", '...' with \'. A NUL ends the line. False: quotes not closed, or text
/// right after a closing quote; *out is then empty.
bool SplitArgs(std::string_view line, std::vector<std::string>* out);

}  // namespace thermocline::codec
