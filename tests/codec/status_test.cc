// Status and StatusOr.
#include "codec/status.h"

#include <gtest/gtest.h>

namespace thermocline::codec {
namespace {

StatusOr<int> Half(int n) {
  if (n % 2 != 0) return Status::InvalidArgument("odd");
  return n / 2;
}

Status Quarter(int n, int* out) {
  TC_ASSIGN_OR_RETURN(const int half, Half(n));
  TC_ASSIGN_OR_RETURN(*out, Half(half));
  return Status::Ok();
}

TEST(Status, CarriesCodeMessageAndContext) {
  EXPECT_TRUE(Status::Ok().ok());
  EXPECT_EQ(Status::Ok().ToString(), "ok");
  EXPECT_TRUE(Status::Ok().Annotate("reading x").ok());
  const Status status = Status::Corruption("bad magic").Annotate("reading x");
  EXPECT_EQ(status.code(), StatusCode::kCorruption);
  EXPECT_EQ(status.message(), "reading x: bad magic");
  EXPECT_EQ(status.ToString(), "corruption: reading x: bad magic");
}

TEST(Status, MacrosReturnEarly) {
  int out = 0;
  EXPECT_TRUE(Quarter(8, &out).ok());
  EXPECT_EQ(out, 2);
  EXPECT_EQ(Quarter(6, &out).message(), "odd");
  EXPECT_EQ(Quarter(3, &out).code(), StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace thermocline::codec
