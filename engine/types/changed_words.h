// What a command that adds or removes many things logs: only those that made a difference, in
// effects of bounded size.
#pragma once

#include <cstddef>
#include <initializer_list>
#include <span>
#include <string_view>
#include <vector>

#include "engine/effects.h"

namespace thermocline::engine {

/// Those of a command's words that changed something. Copies nothing as long as all of them do.
class ChangedWords {
 public:
  explicit ChangedWords(std::span<const std::string_view> words) : words_(words) {}

  /// Says of each word, in order, whether it changed something.
  void Note(bool changed) {
    if (!copied_) {
      if (changed) {
        ++prefix_;
        return;
      }
      copied_ = true;
      some_.assign(words_.begin(), words_.begin() + static_cast<std::ptrdiff_t>(prefix_));
      next_ = prefix_ + 1;
      return;
    }
    if (changed) some_.push_back(words_[next_]);
    ++next_;
  }
  size_t size() const { return copied_ ? some_.size() : prefix_; }
  std::span<const std::string_view> words() const {
    return copied_ ? std::span<const std::string_view>(some_) : words_.first(prefix_);
  }

 private:
  std::span<const std::string_view> words_;
  size_t prefix_ = 0;    // so many from the start changed something
  bool copied_ = false;  // one did not: from there on, `some_` is the answer
  size_t next_ = 0;
  std::vector<std::string_view> some_;
};

/// Writes `verb key word …` as effects of at most about kEffectBytes; `step` words belong together.
/// REQUIRES: words.size() is a multiple of step, and not 0.
inline void WriteBounded(EffectWriter& effects, int db, std::string_view verb, std::string_view key,
                         std::span<const std::string_view> words, size_t step = 1) {
  size_t begin = 0;
  size_t bytes = 0;
  for (size_t i = 0; i < words.size(); i += step) {
    size_t own = 0;
    for (size_t k = 0; k < step; ++k) own += words[i + k].size() + 16;
    if (i > begin && bytes + own > kEffectBytes) {
      effects.Write(db, {verb, key}, words.subspan(begin, i - begin));
      begin = i;
      bytes = 0;
    }
    bytes += own;
  }
  effects.Write(db, {verb, key}, words.subspan(begin));
}

}  // namespace thermocline::engine
