// ReplyScanner: finds the ends of RESP2 and RESP3 replies in a stream, and nothing else.
//
// A load generator must be cheaper than the server it loads, so replies are not parsed into values:
// the scanner skips them and reports, of each, its kind and the payload of a bulk string when it
// lies whole in the buffer. Incremental: bytes come in any pieces. Aggregates are counted by the
// number of elements still to come; attributes, which no server sends unasked, are not known.
// Garbage is reported as broken and never read past. One connection owns one scanner.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace thermocline::tools {

struct ScannedReply {
  char kind = 0;               // type byte of the outermost element
  bool is_null = false;        // $-1, *-1 or _
  std::string_view payload{};  // of a simple string, error, integer or bulk; points into the buffer
};

class ReplyScanner {
 public:
  enum class Result { kReply, kNeedMore, kBroken };

  /// Looks for one whole reply at the start of `buffer`. On kReply *consumed is its length. On
  /// kNeedMore nothing is consumed; the caller calls again with the same bytes and more behind
  /// them.
  Result Next(std::string_view buffer, ScannedReply* reply, size_t* consumed);

 private:
  // Where the scan of the reply at the buffer's start stands, so that a long reply that arrives in
  // many pieces is walked once.
  size_t position_ = 0;
  uint64_t elements_left_ = 1;
  bool outermost_ = true;
  ScannedReply reply_;
  size_t payload_at_ = 0;
  size_t payload_size_ = 0;
};

}  // namespace thermocline::tools
