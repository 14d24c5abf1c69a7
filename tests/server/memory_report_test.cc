// Where the memory is: the figures agree with each other and with INFO, and the doctor finds what a
// report shows and nothing else. Names and types of MEMORY STATS are compared with redis-server in
// tests/integration/test_info_oracle.py.
#include "server/memory_report.h"

#include <gtest/gtest.h>

#include "server/testing/test_server.h"

namespace thermocline::server {
namespace {

constexpr uint64_t kMb = uint64_t{1} << 20;

MemoryReport Healthy() {
  MemoryReport report;
  report.process = {.resident = 120 * kMb,
                    .allocated = 100 * kMb,
                    .active = 105 * kMb,
                    .mapped = 110 * kMb,
                    .allocator = "jemalloc-5.3.0"};
  report.peak = 100 * kMb;
  report.client_count = 10;
  report.clients = 10 * 20000;
  report.engine.budget_bytes = 200 * kMb;
  report.engine.keyspace_hits = 1000000;
  report.engine.cold_read_hits = 1000;
  return report;
}

TEST(MemoryReportTest, BytesForPeople) {
  EXPECT_EQ(HumanBytes(0), "0B");
  EXPECT_EQ(HumanBytes(1023), "1023B");
  EXPECT_EQ(HumanBytes(1024), "1.00K");
  EXPECT_EQ(HumanBytes(1536), "1.50K");
  EXPECT_EQ(HumanBytes(25276514304), "23.54G");
}

TEST(MemoryReportTest, ProcessMemoryIsMeasured) {
  const ProcessMemory memory = ReadProcessMemory();
  EXPECT_GT(memory.resident, 1u << 20);
  EXPECT_GT(memory.allocated, 0u);
  EXPECT_TRUE(memory.allocator == "libc" || memory.allocator.find("jemalloc-") == 0)
      << memory.allocator;
}

TEST(MemoryReportTest, DatabasesThatHoldKeysAreNamed) {
  TestServer server;
  server.Run({"SET", "a", "1", "EX", "1000"});
  server.Run({"SELECT", "3"});
  server.Run({"MSET", "a", "1", "b", "2"});
  const MemoryReport report = BuildMemoryReport(server.server());
  EXPECT_EQ(report.keys, 3u);
  ASSERT_EQ(report.databases.size(), 2u);
  EXPECT_EQ(report.databases[0].index, 0);
  EXPECT_GT(report.databases[0].table, 0u);
  EXPECT_EQ(report.databases[0].expiry, 16u);  // one deadline
  EXPECT_EQ(report.databases[1].index, 3);
  EXPECT_EQ(report.databases[1].expiry, 0u);
  EXPECT_GT(report.dataset, 0u);
  EXPECT_EQ(report.overhead() + report.dataset, report.process.allocated);
  EXPECT_GE(report.peak, report.process.allocated);
}

TEST(MemoryReportTest, TheDoctorFindsNothingInHealth) {
  EXPECT_EQ(DiagnoseMemory(Healthy()), "No problem was found.\n");
  MemoryReport small = Healthy();
  small.process.allocated = kMb;  // ratios mean nothing then
  EXPECT_NE(DiagnoseMemory(small).find("Hardly any"), std::string::npos);
}

TEST(MemoryReportTest, TheDoctorNamesEachThing) {
  const auto only = [](auto change, std::string_view words) {
    MemoryReport report = Healthy();
    change(report);
    const std::string text = DiagnoseMemory(report);
    EXPECT_NE(text.find(words), std::string::npos) << text;
    size_t found = 0;
    for (size_t i = text.find("* "); i != std::string::npos; i = text.find("* ", i + 1)) ++found;
    EXPECT_EQ(found, 1u) << text;
  };
  only([](MemoryReport& r) { r.engine.cold_error = "/d/cold: No space left"; },
       "/d/cold: No space");
  only([](MemoryReport& r) { r.peak = 151 * kMb; }, "151.00M");
  only(
      [](MemoryReport& r) { r.process.active = r.process.mapped = r.process.resident = 140 * kMb; },
      "140.00M for 100.00M");
  only([](MemoryReport& r) { r.process.mapped = r.process.resident = 145 * kMb; },
       "40.00M of free");
  only([](MemoryReport& r) { r.process.resident = 150 * kMb; }, "40.00M are resident");
  only([](MemoryReport& r) { r.clients = 10 * 300 * 1024; }, "300.00K each");
  only([](MemoryReport& r) { r.engine.unaccounted_bytes = 30 * kMb; }, "30.00M of the budget");
  only([](MemoryReport& r) { r.engine.cold_read_hits = 300000; }, "30 %");
}

}  // namespace
}  // namespace thermocline::server
