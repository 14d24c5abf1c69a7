// Where packed bytes (a listpack, an intset) live while they are edited.
//
// A small collection is stored inside its entry of the hot tier, a list's node in a buffer of its
// own, a test's in a std::string. The edits of codec/packed know none of them: they ask for a gap
// and fill it. One edit is one Splice, so an edit costs the bytes that it moves.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace thermocline::codec {

class ByteStore {
 public:
  virtual ~ByteStore() = default;

  /// Valid until the next Splice.
  virtual std::string_view bytes() const = 0;

  /// Replaces `removed` bytes at `at` by `added` bytes that are not yet set, and returns where
  /// these begin; bytes before and behind keep their values. May move everything, so the store's
  /// start is the result minus `at`. REQUIRES at + removed <= bytes().size().
  virtual char* Splice(size_t at, size_t removed, size_t added) = 0;

  /// The bytes themselves, to be changed in place.
  char* mutable_bytes() { return Splice(0, 0, 0); }

 protected:
  ByteStore() = default;
  ByteStore(const ByteStore&) = default;
  ByteStore& operator=(const ByteStore&) = default;
};

/// Over a string that somebody else owns.
class StringStore final : public ByteStore {
 public:
  explicit StringStore(std::string* text) : text_(text) {}

  std::string_view bytes() const override { return *text_; }
  char* Splice(size_t at, size_t removed, size_t added) override {
    // Only the difference is inserted or erased: std::string::replace would move the tail, too, but
    // fill all of the gap.
    if (added > removed) {
      text_->insert(at + removed, added - removed, '\0');
    } else if (removed > added) {
      text_->erase(at + added, removed - added);
    }
    return text_->data() + at;
  }

 private:
  std::string* text_;
};

}  // namespace thermocline::codec
