// MachineLimits: what files of cgroups of either version say.

#include "engine/env/machine_limits.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "tests/support/temp_dir.h"

namespace thermocline::engine {
namespace {

constexpr uint64_t kMachine = uint64_t{8} << 30;

class MachineLimitsTest : public testing::Test {
 protected:
  void Write(const std::string& name, const std::string& text) {
    const std::filesystem::path path = dir_.path() + "/" + name;
    std::filesystem::create_directories(path.parent_path());
    std::ofstream(path) << text << "\n";
  }
  uint64_t Memory() { return CgroupMemory(Files(), kMachine); }
  double Cpus() { return CgroupCpus(Files(), 16); }

 private:
  CgroupFiles Files() { return {.groups = dir_.path() + "/groups", .mount = dir_.path() + "/fs"}; }
  TempDir dir_;
};

TEST_F(MachineLimitsTest, WithoutFilesTheMachineIsTheLimit) {
  EXPECT_EQ(Memory(), kMachine);
  EXPECT_EQ(Cpus(), 16);
  Write("groups", "0::/");
  Write("fs/cpu.max", "max 100000");
  Write("fs/memory.max", "max");
  EXPECT_EQ(Memory(), kMachine);
  EXPECT_EQ(Cpus(), 16);
}

TEST_F(MachineLimitsTest, AnyGroupOnTheWayUpMayLimit) {
  Write("groups", "1:name=systemd:/other\n0::/a/b");
  Write("fs/a/b/cpu.max", "400000 100000");
  Write("fs/a/b/memory.max", "3000000000");
  EXPECT_EQ(Cpus(), 4);
  EXPECT_EQ(Memory(), 3000000000u);
  Write("fs/a/cpu.max", "75000 50000");
  Write("fs/a/memory.max", "2000000000");
  EXPECT_EQ(Cpus(), 1.5);
  EXPECT_EQ(Memory(), 2000000000u);
  Write("fs/other/cpu.max", "1000 100000");  // of version 1
  EXPECT_EQ(Cpus(), 1.5);
}

TEST_F(MachineLimitsTest, InAContainerTheMountIsTheGroup) {
  Write("groups", "0::/");
  Write("fs/cpu.max", "50000 100000");
  Write("fs/memory.max", "1000000000");
  EXPECT_EQ(Cpus(), 0.5);
  EXPECT_EQ(Memory(), 1000000000u);
}

TEST_F(MachineLimitsTest, Version1) {
  Write("fs/cpu/cpu.cfs_quota_us", "-1");
  Write("fs/cpu/cpu.cfs_period_us", "100000");
  EXPECT_EQ(Cpus(), 16);
  Write("fs/cpu/cpu.cfs_quota_us", "250000");
  Write("fs/memory/memory.limit_in_bytes", "4000000000");
  EXPECT_EQ(Cpus(), 2.5);
  EXPECT_EQ(Memory(), 4000000000u);
}

TEST_F(MachineLimitsTest, WhatIsNoLimitCountsAsNone) {
  Write("groups", "0::/");
  for (const char* text : {"", "0 100000", "100000 0", "100000", "x y", "-5 100000"}) {
    Write("fs/cpu.max", text);
    EXPECT_EQ(Cpus(), 16) << text;
  }
}

TEST_F(MachineLimitsTest, ThisProcessMayUseSomething) {
  EXPECT_GE(MemoryLimit(), uint64_t{64} << 20);
  EXPECT_GE(CpuLimit(), 1u);
}

}  // namespace
}  // namespace thermocline::engine
