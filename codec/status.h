// Status and StatusOr: how the rooms say that the world (disk, peer, client, file) misbehaved.
//
// Programmer errors are CHECKs; expected "nothing there" results are values. Bytes from outside
// never trip a CHECK: they become kCorruption or kInvalidArgument with file, offset, expected and
// found. Context is added once a layer with Annotate(). It lives in codec/ because decoding is the
// first thing that can fail. Plain value types: no threads, no globals.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace thermocline::codec {

enum class StatusCode : uint8_t {
  kOk = 0,
  kInvalidArgument,  // the caller's input makes no sense
  kCorruption,       // bytes that were ours once are not any more
  kIoError,          // a disk or a socket failed
  kNoSpace,          // the disk (or a budget) is full
  kNotFound,         // a file or record that had to be there is not
  kBusy,             // locked or in use by somebody else
  kUnsupported,      // another version, a feature that this build does not have
  kUnavailable,      // cannot be answered at this time; may succeed later
};

/// Name of a code as it appears in messages, e.g. "corruption".
std::string_view StatusCodeName(StatusCode code);

class [[nodiscard]] Status {
 public:
  Status() = default;
  Status(StatusCode code, std::string message);

  static Status Ok() { return {}; }
  static Status InvalidArgument(std::string m) {
    return {StatusCode::kInvalidArgument, std::move(m)};
  }
  static Status Corruption(std::string m) { return {StatusCode::kCorruption, std::move(m)}; }
  static Status IoError(std::string m) { return {StatusCode::kIoError, std::move(m)}; }
  static Status NoSpace(std::string m) { return {StatusCode::kNoSpace, std::move(m)}; }
  static Status NotFound(std::string m) { return {StatusCode::kNotFound, std::move(m)}; }
  static Status Busy(std::string m) { return {StatusCode::kBusy, std::move(m)}; }
  static Status Unsupported(std::string m) { return {StatusCode::kUnsupported, std::move(m)}; }
  static Status Unavailable(std::string m) { return {StatusCode::kUnavailable, std::move(m)}; }

  bool ok() const { return !rep_; }
  StatusCode code() const { return rep_ ? rep_->code : StatusCode::kOk; }
  /// Message without the code's name; empty when ok.
  std::string_view message() const;
  /// "code: message", or "ok".
  std::string ToString() const;
  /// The same code with "context: " in front of the message; ok stays ok.
  Status Annotate(std::string_view context) const;

 private:
  struct Rep {
    StatusCode code;
    std::string message;
  };
  std::shared_ptr<const Rep> rep_;  // null when ok: a Status is one pointer pair on the good path
};

/// A value, or the reason why there is none. value() REQUIRES ok().
template <typename T>
class [[nodiscard]] StatusOr {
 public:
  // NOLINTNEXTLINE(google-explicit-constructor): implicit by design; the status must not be ok
  StatusOr(Status status) : status_(std::move(status)) {}
  StatusOr(T value) : value_(std::move(value)) {}  // NOLINT: implicit by design

  bool ok() const { return value_.has_value(); }
  const Status& status() const { return status_; }
  T& value() & { return *value_; }
  const T& value() const& { return *value_; }
  T&& value() && { return *std::move(value_); }
  T& operator*() & { return *value_; }
  const T& operator*() const& { return *value_; }
  T&& operator*() && { return *std::move(value_); }
  T* operator->() { return &*value_; }
  const T* operator->() const { return &*value_; }

 private:
  Status status_;
  std::optional<T> value_;
};

// Returns early with the status of `expr` if it is not ok.
#define TC_RETURN_IF_ERROR(expr)                      \
  do {                                                \
    ::thermocline::codec::Status tc_status_ = (expr); \
    if (!tc_status_.ok()) return tc_status_;          \
  } while (0)
#define TC_CONCAT_INNER(a, b) a##b
#define TC_CONCAT(a, b) TC_CONCAT_INNER(a, b)
// TC_ASSIGN_OR_RETURN(auto x, F()): x = *F(), or an early return with its status.
#define TC_ASSIGN_OR_RETURN(lhs, expr) \
  TC_ASSIGN_OR_RETURN_IMPL(TC_CONCAT(tc_or_, __LINE__), lhs, expr)
#define TC_ASSIGN_OR_RETURN_IMPL(tmp, lhs, expr) \
  auto tmp = (expr);                             \
  if (!tmp.ok()) return tmp.status();            \
  lhs = std::move(tmp).value()

}  // namespace thermocline::codec
