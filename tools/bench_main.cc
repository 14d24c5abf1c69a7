// thermocline-bench: loads a Redis-speaking server with classes of clients and prints what they
// saw.
//
//   thermocline-bench --port 6379 --preload 1000000 --duration_s 10
//       name=hot,clients=50,pipeline=16,commands=GET:80+SET:20,dist=zipf,keys=1000000,size=100
//
// Each argument that is no flag is a class (tools/bench/load_spec.h); all classes run at the same
// time and are reported apart. Output is a table on stderr and, with --json, JSON on stdout.
// scripts/bench drives this program; docs/performance.md holds its results.
#include <gflags/gflags.h>

#include <cinttypes>
#include <cstdio>
#include <string>
#include <vector>

#include "tools/bench/cold_reads.h"
#include "tools/bench/json_writer.h"
#include "tools/bench/load_generator.h"

DEFINE_string(host, "127.0.0.1", "server's address");
DEFINE_int32(port, 6379, "server's port");
DEFINE_double(duration_s, 10, "counted time, seconds");
DEFINE_double(warmup_s, 1, "load before the counted time, seconds");
DEFINE_uint32(threads, 1, "threads of the load generator");
DEFINE_uint64(preload, 0, "set this many keys of the first class first, in order");
DEFINE_uint64(requests, 0,
              "stop when each client has sent so many and has its replies (0: by time)");
DEFINE_uint64(seed, 0,
              "other draws from the same distributions: a run after a run asks for other keys");
DEFINE_bool(run, true, "run the classes (false: only preload)");
DEFINE_bool(verify, false,
            "check every GET's value against its key (values written by this program)");
DEFINE_bool(json, false, "print JSON on stdout");

DEFINE_string(cold_dir, "", "instead of a load: read the cold tier of this stopped server's --dir");
DEFINE_uint32(cold_threads, 8, "threads of --cold_dir");

namespace thermocline::tools {
namespace {

constexpr double kUs = 1e3;

void WriteClass(const LoadSpec& spec, const ClassResult& result, double seconds, JsonWriter* json) {
  const Histogram& latency = result.latency_ns;
  json->BeginObject();
  json->Text("name", spec.name);
  json->Text("spec", spec.text);
  json->Integer("operations", result.operations);
  json->Number("ops_per_s", seconds > 0 ? static_cast<double>(result.operations) / seconds : 0);
  json->Integer("errors", result.errors);
  json->Text("first_error", result.first_error);
  json->Integer("nulls", result.nulls);
  json->Integer("wrong", result.wrong);
  json->Integer("unsent", result.unsent);
  json->Number("mean_us", latency.Mean() / kUs);
  json->Number("p50_us", static_cast<double>(latency.ValueAtPercentile(50)) / kUs);
  json->Number("p90_us", static_cast<double>(latency.ValueAtPercentile(90)) / kUs);
  json->Number("p99_us", static_cast<double>(latency.ValueAtPercentile(99)) / kUs);
  json->Number("p99_9_us", static_cast<double>(latency.ValueAtPercentile(99.9)) / kUs);
  json->Number("max_us", static_cast<double>(latency.max()) / kUs);
  json->EndObject();
}

void WriteServer(const ServerProbe& probe, const LoadResult& result, uint64_t operations,
                 JsonWriter* json) {
  const double cpu_s = result.after.cpu_seconds - result.before.cpu_seconds;
  const uint64_t keys = probe.Keys();
  json->BeginObject("server");
  json->Text("redis_version", probe.Field("redis_version"));
  json->Text("thermocline_version", probe.Field("thermocline_version"));
  json->Number("cpu_s", cpu_s);
  json->Number("cpu_us_per_op", operations ? cpu_s * 1e6 / static_cast<double>(operations) : 0);
  json->Integer("rss_bytes", result.after.rss_bytes);
  json->Integer("keys", keys);
  json->Number("rss_bytes_per_key",
               keys ? static_cast<double>(result.after.rss_bytes) / static_cast<double>(keys) : 0);
  json->Integer("used_memory", probe.NumberField("used_memory"));
  json->Integer("device_read_bytes",
                result.after.device_read_bytes - result.before.device_read_bytes);
  json->Integer("device_write_bytes",
                result.after.device_write_bytes - result.before.device_write_bytes);
  json->Integer("keyspace_hits", probe.NumberField("keyspace_hits"));
  json->Integer("storage_provider_read_hits", probe.NumberField("storage_provider_read_hits"));
  json->Integer("storage_provider_read_misses", probe.NumberField("storage_provider_read_misses"));
  json->Integer("tc_checkpoints", probe.NumberField("tc_checkpoints"));
  json->EndObject();
}

void PrintTable(const std::vector<LoadSpec>& specs, const LoadResult& result) {
  std::fprintf(stderr, "%-14s %12s %10s %9s %9s %9s %9s %8s\n", "class", "ops/s", "mean us", "p50",
               "p99", "p99.9", "max", "errors");
  for (size_t i = 0; i < specs.size(); ++i) {
    const ClassResult& one = result.classes[i];
    const Histogram& latency = one.latency_ns;
    const auto us = [](uint64_t ns) { return static_cast<double>(ns) / kUs; };
    std::fprintf(stderr, "%-14s %12.0f %10.1f %9.1f %9.1f %9.1f %9.1f %8" PRIu64 "\n",
                 specs[i].name.c_str(), static_cast<double>(one.operations) / result.seconds,
                 latency.Mean() / kUs, us(latency.ValueAtPercentile(50)),
                 us(latency.ValueAtPercentile(99)), us(latency.ValueAtPercentile(99.9)),
                 us(latency.max()), one.errors);
    if (one.errors > 0) std::fprintf(stderr, "  first error: %s\n", one.first_error.c_str());
    if (one.wrong > 0) std::fprintf(stderr, "  WRONG VALUES: %" PRIu64 "\n", one.wrong);
    if (one.unsent > 0) std::fprintf(stderr, "  due and never sent: %" PRIu64 "\n", one.unsent);
  }
}

int ReadColdTier() {
  ColdReadOptions options;
  options.dir = FLAGS_cold_dir;
  options.threads = FLAGS_cold_threads;
  options.duration_s = FLAGS_duration_s;
  const codec::StatusOr<ColdReadResult> result = RunColdReads(options);
  if (!result.ok()) {
    std::fprintf(stderr, "thermocline-bench: %s\n", result.status().ToString().c_str());
    return 1;
  }
  const Histogram& latency = result->latency_ns;
  JsonWriter json;
  json.BeginObject();
  json.Integer("keys", result->keys);
  json.Integer("reads", result->reads);
  json.Integer("missing", result->missing);
  json.Number("ops_per_s", static_cast<double>(result->reads) / result->seconds);
  json.Number("p50_us", static_cast<double>(latency.ValueAtPercentile(50)) / kUs);
  json.Number("p99_us", static_cast<double>(latency.ValueAtPercentile(99)) / kUs);
  json.Number("p99_9_us", static_cast<double>(latency.ValueAtPercentile(99.9)) / kUs);
  json.EndObject();
  std::printf("%s\n", json.text().c_str());
  return 0;
}

int Main(const std::vector<std::string>& arguments) {
  if (!FLAGS_cold_dir.empty()) return ReadColdTier();

  std::vector<LoadSpec> specs;
  std::string error;
  for (const std::string& argument : arguments) {
    LoadSpec spec;
    if (!ParseLoadSpec(argument, &spec, &error)) {
      std::fprintf(stderr, "thermocline-bench: %s\n", error.c_str());
      return 2;
    }
    if (FLAGS_seed != 0) spec.seed ^= Mix64(FLAGS_seed);
    specs.push_back(std::move(spec));
  }
  if (specs.empty()) specs.emplace_back();

  LoadOptions options;
  options.host = FLAGS_host;
  options.port = FLAGS_port;
  options.threads = FLAGS_threads;
  options.warmup_s = FLAGS_warmup_s;
  options.duration_s = FLAGS_duration_s;
  options.verify = FLAGS_verify;
  options.request_limit = FLAGS_requests;

  ServerProbe probe(FLAGS_host, FLAGS_port);
  LoadResult result;
  result.classes.resize(specs.size());
  bool ok = probe.Refresh(&error);
  if (ok && FLAGS_preload > 0) {
    LoadSpec all = specs.front();
    all.keys = FLAGS_preload;
    ok = PreloadKeys(all, options, probe, &error);
    result.before = result.after = probe.Usage();
  }
  if (ok && FLAGS_run) ok = RunLoad(specs, options, probe, &result, &error);
  ok = ok && probe.Refresh(&error);
  if (!ok) {
    std::fprintf(stderr, "thermocline-bench: %s\n", error.c_str());
    return 1;
  }
  if (FLAGS_run) PrintTable(specs, result);
  uint64_t operations = 0;
  uint64_t wrong = 0;
  for (const ClassResult& one : result.classes) {
    operations += one.operations;
    wrong += one.wrong;
  }
  if (FLAGS_json) {
    JsonWriter json;
    json.BeginObject();
    json.Number("seconds", result.seconds);
    json.BeginArray("classes");
    for (size_t i = 0; i < specs.size(); ++i) {
      WriteClass(specs[i], result.classes[i], result.seconds, &json);
    }
    json.EndArray();
    WriteServer(probe, result, operations, &json);
    json.EndObject();
    std::printf("%s\n", json.text().c_str());
  }
  return wrong > 0 ? 1 : 0;
}

}  // namespace
}  // namespace thermocline::tools

int main(int argc, char** argv) {
  gflags::SetUsageMessage("thermocline-bench [flags] [class...]");
  gflags::ParseCommandLineFlags(&argc, &argv, true);
  return thermocline::tools::Main(std::vector<std::string>(argv + 1, argv + argc));
}
