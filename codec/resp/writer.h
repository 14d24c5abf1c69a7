// RESP2 and RESP3 replies, and commands as RESP arrays, appended to a string.
//
// The writer is a view: it holds the output string and the protocol of the receiver, decides per
// type how RESP2 spells what only RESP3 has, and never fails. Aggregates announce their length
// first; when it is not known in advance, BeginDeferred() and one of the End calls insert it
// afterwards, at the price of moving the body. Everything hot is inline. One thread at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>

#include "codec/number_text.h"

namespace thermocline::codec {

class RespWriter {
 public:
  /// `proto` is 2 or 3. The string must outlive the writer.
  RespWriter(std::string& out, int proto) : out_(&out), proto_(proto) {}

  int proto() const { return proto_; }
  void set_proto(int proto) { proto_ = proto; }
  std::string& out() { return *out_; }

  /// Bytes that are RESP already.
  void Raw(std::string_view bytes) { out_->append(bytes); }
  void Ok() { out_->append("+OK\r\n", 5); }
  /// +text. REQUIRES: no CR or LF in it.
  void Simple(std::string_view text);
  /// -text; the text begins with its code ("ERR ...", "WRONGTYPE ..."). CR and LF at the ends go,
  /// inside they become spaces.
  void Error(std::string_view text);
  void Integer(int64_t value) { Header(':', value); }
  void Bulk(std::string_view bytes) {
    Header('$', static_cast<int64_t>(bytes.size()));
    out_->append(bytes);
    out_->append("\r\n", 2);
  }
  /// A number as a bulk string.
  void BulkInt(int64_t value);
  /// A missing value: "$-1" or "_".
  void Null() { proto_ == 2 ? out_->append("$-1\r\n", 5) : out_->append("_\r\n", 3); }
  /// A missing aggregate: "*-1" or "_".
  void NullArray() { proto_ == 2 ? out_->append("*-1\r\n", 5) : out_->append("_\r\n", 3); }
  void Bool(bool value);
  void Array(size_t n) { Header('*', static_cast<int64_t>(n)); }
  /// `n` pairs; RESP2 sees an array of 2n.
  void Map(size_t n) {
    proto_ == 2 ? Header('*', static_cast<int64_t>(2 * n)) : Header('%', static_cast<int64_t>(n));
  }
  void Set(size_t n) { Header(proto_ == 2 ? '*' : '~', static_cast<int64_t>(n)); }
  /// Out-of-band data: an array in RESP2.
  void Push(size_t n) { Header(proto_ == 2 ? '*' : '>', static_cast<int64_t>(n)); }
  /// `n` pairs about the reply that follows. REQUIRES proto() == 3: RESP2 has no form for it.
  void Attribute(size_t n) { Header('|', static_cast<int64_t>(n)); }
  /// A double; RESP2 sees a bulk string of the same digits.
  void Double(double value);
  /// INCRBYFLOAT-like text of a long double, always a bulk string.
  void HumanLongDouble(long double value) { Bulk(FormatLongDoubleHuman(value)); }
  /// Digits of an integer of any size; a bulk string in RESP2.
  void BigNumber(std::string_view digits);
  /// Text with a three-letter format ("txt", "mkd"); a bulk string in RESP2.
  void Verbatim(std::string_view format, std::string_view text);

  /// Marks where an aggregate starts whose length is not known; pass the result to one End call.
  /// They nest, innermost first.
  size_t BeginDeferred() const { return out_->size(); }
  void EndArray(size_t begin, size_t n) { Insert(begin, '*', n); }
  void EndMap(size_t begin, size_t n) {
    Insert(begin, proto_ == 2 ? '*' : '%', proto_ == 2 ? 2 * n : n);
  }
  void EndSet(size_t begin, size_t n) { Insert(begin, proto_ == 2 ? '*' : '~', n); }

 private:
  void Header(char type, int64_t value) {
    if (value >= 0 && value < 10) {
      const char text[4] = {type, static_cast<char>('0' + value), '\r', '\n'};
      out_->append(text, 4);
      return;
    }
    char text[kMaxInt64Text + 3];
    text[0] = type;
    const size_t n = FormatInt64(text + 1, value);
    text[n + 1] = '\r';
    text[n + 2] = '\n';
    out_->append(text, n + 3);
  }
  void Insert(size_t begin, char type, size_t n);

  std::string* out_;
  int proto_;
};

/// Appends one command as a RESP array of bulks: the form of log payloads and of the replication
/// stream.
void AppendCommand(std::string& out, std::span<const std::string_view> argv);
inline void AppendCommand(std::string& out, std::initializer_list<std::string_view> argv) {
  AppendCommand(out, std::span<const std::string_view>(argv.begin(), argv.size()));
}

/// How many bytes AppendCommand would append.
size_t CommandSize(std::span<const std::string_view> argv);

}  // namespace thermocline::codec
