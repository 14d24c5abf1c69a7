// Reads the commands of a log payload: RESP arrays of bulks, exactly as AppendCommand writes them.
//
// Unlike RequestParser it tolerates nothing: a payload whose checksum was right but whose text is
// not what we write is corruption. Zero-copy over a payload that the caller keeps alive. See
// docs/formats/log.md.
#pragma once

#include <cstddef>
#include <string_view>
#include <vector>

namespace thermocline::codec {

class CommandReader {
 public:
  enum Result { kCommand, kEnd, kCorrupt };

  explicit CommandReader(std::string_view payload) : payload_(payload) {}

  /// The next command; *argv views into the payload and has at least one element. kEnd when the
  /// payload ends after a whole command, kCorrupt (for ever) when it does not or says anything
  /// else.
  Result Next(std::vector<std::string_view>* argv);

  /// Where the next command begins, or the one that is corrupt.
  size_t offset() const { return offset_; }

 private:
  std::string_view payload_;
  size_t offset_ = 0;
};

}  // namespace thermocline::codec
