// Readers of the RDB payloads of lists, sets, hashes and sorted sets, in every form that Redis up
// to 7.0 wrote. docs/formats/rdb-object.md.
//
// A reader is made over a payload (without its type byte) and asked for what is in it. Old packed
// forms (ziplists, zipmaps) come out as listpacks, so a caller knows two forms of a type: packed
// bytes that can be adopted as they are, and a run of elements. Which of the two becomes which
// encoding in memory is the caller's business (Redis's loader rules, with the configured limits).
//
// Nothing is trusted: every length is checked before use, and no memory is taken for a count before
// its elements are there. What redis-server 7.0.15 with `sanitize-dump-payload yes` answers with
// "Bad data format" is kCorruption here, save one: that an element comes twice in a run is noticed
// by the container that the caller fills; it returns Duplicate() then. Refused although Redis takes
// it: an object that reaches into the ten bytes of DUMP's footer, NaN as a score in a listpack, a
// zipmap with a short length in the long form. Bytes behind the object are not looked at, as in
// Redis.
//
// What a reader gives out borrows from it or from the payload, until the next Next().
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "codec/bytes.h"
#include "codec/rdb/object.h"
#include "codec/status.h"

namespace thermocline::codec {

/// Where a payload comes from.
enum class RdbTrust : uint8_t {
  kOutside,  // a client, a file: all of the above
  kOwn,      // our own, behind a checksum: structure is checked, repetition and order inside packed
             // forms are not
};

/// True if a value of `type` is a list (1, 10, 14, 18), and so on.
bool IsRdbListType(uint8_t type);
bool IsRdbSetType(uint8_t type);
bool IsRdbHashType(uint8_t type);
bool IsRdbZsetType(uint8_t type);

/// A list is a sequence of pieces, in order: single elements, elements too large for a node, nodes.
class RdbListReader {
 public:
  enum class Piece : uint8_t {
    kElement,   // bytes() is one element, to be pushed
    kPlain,     // bytes() is one element that had a node to itself
    kListpack,  // bytes() is a sound listpack with at least one element
    kEnd,       // the list is complete
    kError,     // see status()
  };

  /// REQUIRES IsRdbListType(type).
  RdbListReader(uint8_t type, std::string_view payload);
  RdbListReader(const RdbListReader&) = delete;
  RdbListReader& operator=(const RdbListReader&) = delete;

  Piece Next();
  std::string_view bytes() const { return bytes_; }
  const Status& status() const { return status_; }

 private:
  Piece Give(Piece piece, std::string_view bytes);
  Piece Fail(Status status);
  Piece NextElement();
  Piece NextNode();
  Piece NextOfZiplist();

  uint8_t type_;
  ByteReader in_;
  uint64_t left_ = 0;  // elements or nodes still to be read
  bool any_ = false;   // something has been given out
  std::string_view bytes_;
  std::string scratch_;
  std::string listpack_;  // a ziplist turned into one, or one whose trailers were written anew
  size_t next_ = 0;       // kRdbListZiplist: the next element in it
  Status status_;
};

/// What sets, hashes and sorted sets have in common: one packed blob, or a count and a run.
class RdbRunReader {
 public:
  RdbRunReader(const RdbRunReader&) = delete;
  RdbRunReader& operator=(const RdbRunReader&) = delete;

  const Status& status() const { return status_; }
  /// True: packed_bytes() is all of the value. Meaningful if status() is ok.
  bool packed() const { return packed_; }
  /// A sound intset (sets) or a sound listpack of pairs (hashes, sorted sets). Never empty.
  std::string_view packed_bytes() const { return packed_bytes_; }

  /// Members, or pairs. Of a run it is what the payload announces: it is the truth once Next() has
  /// returned false with an ok status.
  uint64_t count() const { return count_; }
  /// count(), or less if the payload could not hold so many: what may be reserved.
  size_t reservable() const;

  /// kCorruption for an element of a run that came before.
  Status Duplicate() const;

 protected:
  RdbRunReader(const char* what, uint8_t type, std::string_view payload)
      : what_(what), type_(type), in_(payload) {}

  /// Both return false, so that a failure can be returned at once.
  bool Fail(std::string_view why);
  bool Fail(Status status);
  /// Reads the count of a run, which must not be 0. An element takes at least so many bytes.
  void OpenRun(size_t min_element_size);
  /// Reads the one string of a packed form into packed_bytes_.
  bool OpenBlob();
  /// Checks the blob's structure and its pairs: an even number, not 0, no first of a pair twice
  /// (kOutside).
  void OpenPairs(RdbTrust trust, bool ziplist);
  bool ReadString(std::string_view* out, std::string* scratch);

  const char* what_;  // for messages
  uint8_t type_;
  ByteReader in_;
  bool packed_ = false;
  std::string blob_;  // owns packed_bytes_ if it is not part of the payload
  std::string_view packed_bytes_;
  uint64_t count_ = 0;
  uint64_t left_ = 0;
  size_t min_element_size_ = 1;
  Status status_;
};

class RdbSetReader : public RdbRunReader {
 public:
  /// REQUIRES IsRdbSetType(type). Look at status() next.
  RdbSetReader(uint8_t type, std::string_view payload);
  /// The next member of a run; false at the end and on an error, see status().
  bool Next(std::string_view* member);

 private:
  std::string scratch_;
};

class RdbHashReader : public RdbRunReader {
 public:
  /// REQUIRES IsRdbHashType(type).
  RdbHashReader(uint8_t type, std::string_view payload, RdbTrust trust);
  bool Next(std::string_view* field, std::string_view* value);

  /// The longest field or value of a packed hash that came as a zipmap, else 0: only there does
  /// Redis compare the length with its limit; other packed forms stay packed unless they have too
  /// many pairs.
  size_t longest() const { return longest_; }

 private:
  void ConvertZipmap();

  size_t longest_ = 0;
  std::string field_scratch_;
  std::string value_scratch_;
};

class RdbZsetReader : public RdbRunReader {
 public:
  /// REQUIRES IsRdbZsetType(type). A packed sorted set from outside whose pairs are not in order of
  /// score and member is put in order (Redis keeps it as it is and then answers nonsense).
  RdbZsetReader(uint8_t type, std::string_view payload, RdbTrust trust);
  /// In any order; never NaN.
  bool Next(std::string_view* member, double* score);

 private:
  void CheckScores();

  std::string scratch_;
};

}  // namespace thermocline::codec
