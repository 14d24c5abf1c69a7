#!/usr/bin/env python3
"""The suites behind scripts/bench: this server beside Debian's redis-server, in one run.

Each suite starts both servers, lets thermocline-bench load them in turns (interleaved, so that a slow
minute of the machine hurts both), repeats for --rounds rounds and reports medians and ratios: a
markdown table on stdout, all rounds as JSON in build/bench/. A ratio is ours / redis-server. CPU time an
operation is the server's, over all its threads. Numbers of --quick show that the suite runs; they are
no result.
"""
import argparse
import json
import os
import pathlib
import random
import shutil
import signal
import statistics
import subprocess
import sys
import threading
import time

import bench_clients
import bench_collections
from bench_lib import (ALL_IN_MEMORY, BENCH, EVERYSEC, MB, ROOT, SPEED_COLUMNS, Table, ask, bench,
                       compare_cells, disk_bytes, first, geometric_mean, in_turns, median_of, note,
                       servers_module, settled_rss, start_pair, wait_quiet)


def suite_hot(pool, options):
    """All data in memory, both appendonly yes and everysec: five commands at pipeline 1 and 16."""
    keys = 100_000 if options.quick else 1_000_000
    seconds = 1.0 if options.quick else 4.0
    pair = start_pair(pool, *EVERYSEC, ours=ALL_IN_MEMORY)
    for server in pair:
        bench(server, f"keys={keys},size=100", preload=keys, run=False)
        bench(server, f"commands=INCR,keys={keys},pipeline=64", duration=seconds)
        wait_quiet(server)
    tables = []
    for pipeline in (1, 16):
        table = Table(f"Hot, pipeline {pipeline}, 50 clients, 100 B, {keys:,} keys, everysec", SPEED_COLUMNS)
        cells = [(command, f"clients=50,pipeline={pipeline},commands={command},keys={keys},size=100",
                  pipeline > 1) for command in ("SET", "GET", "INCR", "MSET", "GETRANGE")]
        if pipeline > 1:
            # PING is the floor: what a command costs before it does anything.
            cells.insert(0, ("PING", f"clients=50,pipeline={pipeline},commands=PING", False))
        before = pair[0].info().get("tc_checkpoints", "0")
        rates, cpus = compare_cells(table, options, pair, cells, seconds)
        after = pair[0].info().get("tc_checkpoints", "0")
        skip = 1 if pipeline > 1 else 0
        table.notes.append(f"geometric mean of the rate ratios {geometric_mean(rates[skip:]):.2f}, "
                           f"of the CPU ratios {geometric_mean(cpus[skip:]):.2f}; lowest rate ratio "
                           f"{min(rates[skip:]):.2f}; our checkpoints inside: {int(after) - int(before)}")
        tables.append(table)
    return tables


def fdatasync_us(directory):
    """Median latency of overwriting 512 bytes and fdatasync, here and now."""
    path = directory / "sync-probe"
    times = []
    with open(path, "wb+", buffering=0) as probe:
        probe.write(bytes(MB))
        os.fsync(probe.fileno())
        for number in range(300):
            started = time.perf_counter()
            os.pwrite(probe.fileno(), bytes(512), number * 512)
            os.fdatasync(probe.fileno())
            times.append((time.perf_counter() - started) * 1e6)
    path.unlink()
    return statistics.median(times)


def suite_always(pool, options):
    """appendfsync always against redis-server's always, and against our own everysec."""
    keys = 100_000
    seconds = 1.0 if options.quick else 4.0
    pair = start_pair(pool, "--appendonly", "yes", "--appendfsync", "always", ours=ALL_IN_MEMORY)
    everysec = pool.ours(*EVERYSEC, *(ALL_IN_MEMORY if pair[0].is_ours else ())).start()
    for server in (*pair, everysec):
        bench(server, f"keys={keys},size=100", preload=keys, run=False)
        wait_quiet(server)
    table = Table("SET, appendfsync always, 100 B", SPEED_COLUMNS)
    cells = [(f"SET, {clients} clients", f"clients={clients},commands=SET,keys={keys},size=100", False)
             for clients in (50, 200)]
    compare_cells(table, options, pair, cells, seconds)
    for label, spec, _ in cells:  # in turns again: the machine's speed drifts between the cells
        always, every = ([first(result)["ops_per_s"] for result in side] for side in in_turns(
            options.rounds, (pair[0], everysec), lambda server: bench(server, spec, duration=seconds)))
        rates = statistics.median(always), statistics.median(every)
        table.rounds.append({"cell": f"{label}, always and everysec", "ours_always": always, "ours_everysec": every})
        table.notes.append(f"{label}: our everysec {rates[1]:,.0f} op/s, our always {rates[0]:,.0f}: "
                           f"{rates[0] / rates[1]:.2f} of it")
    table.notes.append(f"fdatasync of an overwritten block: {fdatasync_us(pool.directory):.0f} us (median)")
    return [table]


def suite_memory(pool, options):
    """Resident bytes a key, all hot: 16-byte keys, 50-byte values."""
    keys = 200_000 if options.quick else 2_000_000
    pair = start_pair(pool, "--appendonly", "no", ours=ALL_IN_MEMORY)
    table = Table(f"Resident bytes a key, {keys:,} strings, 16-byte keys, 50-byte values",
                  ("server", "RSS before MB", "RSS after MB", "bytes a key"))
    grown = []
    for name, server in zip(("ours", "redis-server"), pair):
        before = server.rss_bytes()
        bench(server, f"keys={keys},size=50", preload=keys, run=False)
        after = settled_rss(server)
        grown.append((after - before) / keys)
        table.add(name, before / MB, after / MB, grown[-1])
    table.notes.append(f"ratio of bytes a key: {grown[0] / grown[1]:.2f}; of whole RSS: "
                       f"{table.rows[0][2] / table.rows[1][2]:.2f}")
    return [table]


class MemoryGroup:
    """A memory cgroup (v1 or v2) that counts the page cache too; `path` is None where we may not."""

    def __init__(self, name, limit_bytes):
        self.path = None
        v2 = pathlib.Path("/sys/fs/cgroup/cgroup.controllers").exists()
        base = pathlib.Path("/sys/fs/cgroup" if v2 else "/sys/fs/cgroup/memory")
        try:
            path = base / f"thermocline-bench-{os.getpid()}-{name}"
            path.mkdir()
            (path / ("memory.max" if v2 else "memory.limit_in_bytes")).write_text(str(limit_bytes))
            self.path = path
        except OSError as error:
            note(f"no memory cgroup ({error}): the limit is maxmemory alone")

    def add(self, pid):
        if self.path:
            (self.path / "cgroup.procs").write_text(str(pid))

    def remove(self):
        if self.path:
            try:
                self.path.rmdir()
            except OSError:
                pass


def hit_ratio(server, spec, seconds):
    """Share of the keys that a load found in memory, and its rate."""
    def counters():
        info = server.info()
        return (int(info["storage_provider_read_hits"]) + int(info["storage_provider_read_misses"]),
                int(info["keyspace_hits"]) + int(info["keyspace_misses"]))
    before = counters()
    result = bench(server, spec, duration=seconds, warmup=0)
    after = counters()
    return 1 - (after[0] - before[0]) / max(1, after[1] - before[1]), first(result)["ops_per_s"]


def warm(server, spec, seconds):
    """Runs a load until what is kept in memory no longer changes; its hit ratio and rate then."""
    now = hit_ratio(server, spec, seconds)
    for _ in range(20):
        last, now = now, hit_ratio(server, spec, seconds)
        if abs(now[0] - last[0]) < 0.002:
            break
    return now


def suite_cold(pool, options):
    """Data five times the memory, in a cgroup that counts the page cache; values incompressible."""
    memory_mb = 64 if options.quick else 400
    keys = memory_mb * 5 * MB // 1100
    seconds = 2.0 if options.quick else 10.0
    ours = pool.ours(*EVERYSEC)
    if ours.is_ours:
        ours.arguments += ["--maxmemory", f"{memory_mb}mb"]
    redis = pool.redis("--appendonly", "no").start()
    group = MemoryGroup("cold", int(memory_mb * 1.5) * MB)
    ours.start()
    if ours.is_ours:  # a redis-server in its place would only be killed
        group.add(ours.pid)
    try:
        for server in (ours, redis):
            bench(server, f"keys={keys},size=1000", preload=keys, run=False)
            wait_quiet(server)
        data = f"keys={keys},size=1000"
        table = Table(f"Data 5 x memory: {keys:,} keys x 1 KB, maxmemory {memory_mb} MB",
                      ("load", "ours op/s", "redis (all in RAM) op/s", "ratio", "ours p50 us", "ours p99 us",
                       "ours p99.9 us", "device reads MB/s"))
        for label, spec in (
                ("GET uniform, 50 clients", f"clients=50,{data}"),
                ("GET Zipf 0.99, 50 clients", f"clients=50,dist=zipf,{data}"),
                ("80 GET 20 SET Zipf 0.99", f"clients=50,dist=zipf,commands=GET:80+SET:20,{data}"),
                ("SET uniform", f"clients=50,commands=SET,{data}")):
            if label.startswith("GET Zipf") and ours.is_ours:
                table.notes.append(f"hit ratio of the Zipf load: {warm(ours, spec, 2 * seconds)[0] * 100:.1f} %")
            mine, theirs = in_turns(options.rounds, (ours, redis),
                                    lambda server: bench(server, spec, duration=seconds, verify=True))
            table.rounds.append({"cell": label, "ours": mine, "redis": theirs})
            rate = [median_of(side, "classes", 0, "ops_per_s") for side in (mine, theirs)]
            table.add(label, rate[0], rate[1], rate[0] / rate[1],
                      *[median_of(mine, "classes", 0, f"{name}_us") for name in ("p50", "p99", "p99_9")],
                      median_of(mine, "server", "device_read_bytes") / seconds / MB)
        tables = [table, hot_beside_cold(ours, keys, options, seconds)]
        if ours.is_ours:
            bare = bare_rocksdb(ours, seconds, options.rounds)
            if bare:
                table.notes.append(f"bare RocksDB, same directory, options and 8 threads, uniform GET: "
                                   f"{bare:,.0f} op/s; ours is {table.rows[0][1] / bare:.2f} of it")
        return tables
    finally:
        ours.kill()
        group.remove()


def hot_beside_cold(ours, keys, options, seconds):
    """p99 of 50 hot readers while 50 others read: nothing, hot keys, cold keys."""
    hot_keys = max(1000, keys // 50)
    hot = f"name=hot,clients=50,keys={hot_keys},size=1000"
    others = {
        "idle": [],
        "50 others read hot keys": [f"name=other,clients=50,keys={hot_keys},size=1000,seed=9"],
        "50 others read cold keys": [f"name=other,clients=50,first={hot_keys},keys={keys - hot_keys},"
                                     "size=1000,seed=9"],
    }
    table = Table("p99 of hot GETs, pipeline 1, while other clients read",
                  ("beside", "hot op/s", "hot p50 us", "hot p99 us", "hot p99.9 us", "other op/s"))
    results = {label: [] for label in others}
    bench(ours, hot, duration=seconds)
    for _ in range(options.rounds):
        for label, classes in others.items():
            results[label].append(bench(ours, hot, *classes, duration=seconds))
    for label, rounds in results.items():
        other = median_of(rounds, "classes", 1, "ops_per_s") if others[label] else 0
        table.add(label, *[median_of(rounds, "classes", 0, name)
                           for name in ("ops_per_s", "p50_us", "p99_us", "p99_9_us")], other)
    table.rounds = [{"cell": label, "ours": rounds} for label, rounds in results.items()]
    p99 = {row[0]: row[3] for row in table.rows}
    table.notes.append("hot p99 beside cold readers / beside hot readers: "
                       f"{p99['50 others read cold keys'] / p99['50 others read hot keys']:.2f}")
    return table


def bare_rocksdb(server, seconds, rounds):
    """Uniform reads of the stopped server's cold directory, by the engine's own backend alone."""
    ask(server, "DEBUG", "SPILL", "ALL")
    server.terminate()
    rates = []
    for _ in range(rounds):
        done = subprocess.run([str(BENCH), "--json", "--cold_dir", str(server.directory),
                               "--cold_threads", "8", "--duration_s", str(seconds)],
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        if done.returncode != 0:
            note(f"bare RocksDB not measured: {done.stderr.decode().strip()}")
            return None
        rates.append(json.loads(done.stdout)["ops_per_s"])
    return statistics.median(rates)


def suite_restart(pool, options):
    """kill -9 with much data; how long from exec until 1,000 random keys are read right."""
    # MB of data and of `maxmemory`: twice the data alone, then twice of both. redis-server, whose file
    # only grows, is killed once.
    size = 50 if options.quick else 2048
    cells = ((size, size // 8), (2 * size, size // 8), (2 * size, size // 4))
    # How long the log is when the kill comes differs more than the cells do.
    kills = 1 if options.quick else max(options.rounds, 9)
    table = Table("Restart after kill -9, from exec to 1,000 random keys read right",
                  ("data MB", "maxmemory MB", "ours s", "redis-server s (AOF load)", "ratio"))
    redis_times = {}
    for size, memory_mb in cells:
        ours = pool.ours(*EVERYSEC)
        if ours.is_ours:
            ours.arguments += ["--maxmemory", f"{memory_mb}mb"]
        times = restart_times(ours, size, kills)
        if size not in redis_times:
            redis = pool.redis(*EVERYSEC, "--auto-aof-rewrite-percentage", "0")
            redis_times[size] = restart_times(redis, size, 1)
        medians = [statistics.median(side) for side in (times, redis_times[size])]
        table.rounds.append({"data_mb": size, "maxmemory_mb": memory_mb, "ours_s": times,
                             "redis_s": redis_times[size]})
        table.add(size, memory_mb, medians[0], medians[1], medians[0] / medians[1])
    alone, both = (table.rows[row][2] / table.rows[0][2] for row in (1, 2))
    table.notes.append(f"twice the data takes ours {alone:.2f} x as long, with twice the memory {both:.2f} x")
    return [table]


def restart_times(server, size_mb, kills):
    """Loads the data, then kills as often, each time from under a load of changes: there is a log to replay."""
    keys = size_mb * MB // 1100
    server.start()
    bench(server, f"keys={keys},size=1000", preload=keys, run=False)
    times = []
    for number in range(kills):
        bench(server, f"commands=SET,clients=50,pipeline=16,keys={keys},size=1000,seed={number + 1}",
              duration=2.0)
        server.kill()
        times.append(time_to_read(server, keys))
    server.kill()
    shutil.rmtree(server.directory)
    return times


def value_of(key, size=1000):
    """The value thermocline-bench writes (tools/bench/value_source.h)."""
    mask = (1 << 64) - 1

    def mix(x):
        x = (x + 0x9e3779b97f4a7c15) & mask
        x = ((x ^ (x >> 30)) * 0xbf58476d1ce4e5b9) & mask
        x = ((x ^ (x >> 27)) * 0x94d049bb133111eb) & mask
        return x ^ (x >> 31)
    seed = mix(key)
    words = b"".join(mix((seed + word) & mask).to_bytes(8, "little") for word in range((size + 7) // 8))
    return words[:size]


def time_to_read(server, keys):
    rng = random.Random(keys)
    wanted = [rng.randrange(keys) for _ in range(1000)]
    values = [value_of(key) for key in wanted]
    started = time.monotonic()
    server.spawn()
    deadline = started + 600
    while time.monotonic() < deadline:
        try:
            with server.connect(timeout=600) as connection:
                if connection.command("PING").is_error():
                    time.sleep(0.002)
                    continue
                replies = connection.pipeline([["GET", "key:%012d" % key] for key in wanted])
                elapsed = time.monotonic() - started
                assert [reply.value for reply in replies] == values, "wrong values after the restart"
                return elapsed
        except OSError:
            if not server.is_running():
                raise SystemExit(server.log_tail()) from None
            time.sleep(0.002)
    raise SystemExit("not back after 600 s")


def suite_scan_resistance(pool, options):
    """Hit ratio of a Zipf load before and after one SCAN and GET of everything."""
    memory_mb = 64 if options.quick else 200
    keys = memory_mb * 5 * MB // 1100
    seconds = 3.0 if options.quick else 20.0
    ours = pool.ours(*EVERYSEC)
    if not ours.is_ours:
        return []
    ours.arguments += ["--maxmemory", f"{memory_mb}mb"]
    ours.start()
    bench(ours, f"keys={keys},size=1000", preload=keys, run=False)
    zipf = f"clients=20,dist=zipf,keys={keys},size=1000"

    before, rate_before = warm(ours, zipf, seconds)
    cursor, seen = b"0", 0
    with ours.connect(timeout=600) as connection:
        while True:
            reply = connection.command("SCAN", cursor, "COUNT", 500)
            cursor, names = reply.value[0].value, [item.value for item in reply.value[1].value]
            seen += len(names)
            connection.pipeline([["GET", name] for name in names])
            if cursor == b"0":
                break
    after, rate_after = hit_ratio(ours, zipf, seconds)
    table = Table(f"Scan resistance: Zipf 0.99 over {keys:,} keys x 1 KB, maxmemory {memory_mb} MB",
                  ("", "hit ratio %", "op/s"))
    table.add("before the scan", before * 100, rate_before)
    table.add(f"after SCAN and GET of {seen:,} keys", after * 100, rate_after)
    table.notes.append(f"difference {abs(before - after) * 100:.1f} points")
    return [table]


def suite_expiry(pool, options):
    """Many cold keys that expire within one minute: lateness, DBSIZE, disk space."""
    count = 20_000 if options.quick else 1_000_000
    spread_ms = 5_000 if options.quick else 60_000
    ours = pool.ours(*EVERYSEC)
    if ours.is_ours:
        ours.arguments += ["--maxmemory", "100mb"]
    ours.start()
    table = Table(f"{count:,} cold keys expiring within {spread_ms // 1000} s",
                  ("", "value"))
    with ours.connect(timeout=600) as connection:
        load_s = count / 30_000 + 5
        first_ms = int((time.time() + load_s) * 1000)
        deadlines = [first_ms + number * spread_ms // count for number in range(count)]
        for start in range(0, count, 500):
            connection.pipeline([["SET", "e:%d" % n, os.urandom(1000), "PXAT", deadlines[n]]
                                 for n in range(start, min(start + 500, count))])
        if ours.is_ours:
            connection.command("DEBUG", "SPILL", "ALL")
        disk_full, cold_full = disk_bytes(ours), disk_bytes(ours, "thermocline/cold")
        late = []
        due = 0
        while True:
            now_ms = time.time() * 1000
            left = connection.command("DBSIZE").value
            # Of the keys that have gone so far, the last one's deadline tells how late expiry is.
            gone = count - left
            due = min(count, max(0, int((now_ms - first_ms) * count / spread_ms)))
            if due > 0:
                late.append(max(0.0, now_ms - deadlines[min(gone, count - 1)]) if gone < due else 0.0)
            if left == 0 or now_ms > first_ms + spread_ms + 120_000:
                break
            time.sleep(0.02)
        late.sort()
        table.add("keys left at the end", left)
        table.add("lateness p50 ms", late[len(late) // 2])
        table.add("lateness p99 ms", late[int(len(late) * 0.99)])
        table.add("lateness max ms", late[-1])
        time.sleep(2 if options.quick else 60)
        table.add("disk MB full", disk_full / MB)
        table.add("disk MB afterwards", disk_bytes(ours) / MB)
        table.add("of it cold tier MB, full", cold_full / MB)
        table.add("of it cold tier MB, afterwards", disk_bytes(ours, "thermocline/cold") / MB)
    return [table]


def suite_flush(pool, options):
    """FLUSHALL of many keys: the longest pause that another client sees."""
    keys = 200_000 if options.quick else 2_000_000
    pair = start_pair(pool, *EVERYSEC, ours=ALL_IN_MEMORY)
    table = Table(f"FLUSHALL of {keys:,} keys: latency of PING at 5,000/s beside it",
                  ("server", "PING p50 us", "PING max us", "FLUSHALL ms", "of it in the executor ms"))
    for name, server in zip(("ours", "redis-server"), pair):
        bench(server, f"keys={keys},size=50", preload=keys, run=False)
        wait_quiet(server)
        took = []

        def flush():
            started = time.perf_counter()
            ask(server, "FLUSHALL")
            took.append((time.perf_counter() - started) * 1e3)
        timer = threading.Timer(1.5, flush)
        timer.start()
        result = bench(server, "clients=5,commands=PING,rate=5000", duration=3.0)
        timer.join()
        # What the command itself took of the thread that runs all commands: no noise of the network.
        stats = server.info("commandstats")["cmdstat_flushall"]
        spent = dict(field.split("=") for field in stats.split(","))
        table.add(name, first(result)["p50_us"], first(result)["max_us"], took[0],
                  float(spent["usec"]) / 1000)
    return [table]


def suite_writes(pool, options):
    """Writes at full speed over the budget: errors and tail latency."""
    memory_mb = 200
    seconds = options.seconds or (5 if options.quick else 600)
    keys = memory_mb * 10 * MB // 1100
    ours = pool.ours(*EVERYSEC)
    if ours.is_ours:
        ours.arguments += ["--maxmemory", f"{memory_mb}mb"]
    ours.start()
    result = bench(ours, f"name=writes,clients=50,pipeline=4,commands=SET,keys={keys},size=1000",
                   duration=float(seconds))
    table = Table(f"SET at full speed, {seconds} s, {keys:,} keys x 1 KB, maxmemory {memory_mb} MB",
                  ("op/s", "errors", "p50 us", "p99 us", "p99.9 us", "max us", "RSS MB"))
    one = first(result)
    table.add(*[one[name] for name in ("ops_per_s", "errors", "p50_us", "p99_us", "p99_9_us", "max_us")],
              result["server"]["rss_bytes"] / MB)
    table.rounds.append(result)
    if one["errors"]:
        table.notes.append(f"FAILED: {one['first_error']}")
    return [table]


def suite_clients(pool, options):
    """PUBLISH to many subscribers, BRPOP ping-pong, many clients whose waits keep ending."""
    quick = options.quick
    waiting = 500 if quick else 10_000
    pair = start_pair(pool, *EVERYSEC, "--maxclients", waiting + 500, ours=ALL_IN_MEMORY)
    loads = [(f"PUBLISH of 100 bytes to 100 subscribers, pipeline {pipeline}",
              lambda server, pipeline=pipeline: bench_clients.measure_publish(server, 100, 320 if quick else 20_000, pipeline))
             for pipeline in (1, 16)]
    loads.append(("BRPOP ping-pong between two clients",
                  lambda server: bench_clients.measure_ping_pong(server, 200 if quick else 10_000)))
    rates = Table("Messages and elements handed to other clients",
                  ("load", "ours/s", "redis-server/s", "ratio", "ours CPU us", "redis-server CPU us", "CPU ratio"))
    for label, measure in loads:
        results = in_turns(options.rounds, pair, measure)
        rates.rounds.append({"load": label, "ours": results[0], "redis": results[1]})
        rate, cpu = ([median_of(side, index) for side in results] for index in (0, 1))
        rates.add(label, rate[0], rate[1], rate[0] / rate[1], cpu[0], cpu[1], cpu[0] / max(cpu[1], 1e-9))
    waits = Table(f"{waiting:,} clients in BRPOP with timeouts of 1 s", ("server", "% of a core"))
    results = in_turns(options.rounds, pair, lambda server: bench_clients.measure_waiters(server, waiting, 2 if quick else 10))
    waits.rounds.append({"ours": results[0], "redis": results[1]})
    for name, side in zip(("ours", "redis-server"), results):
        waits.add(name, float(median_of([[value] for value in side], 0)))
    return [rates, waits]


SUITES = {
    "hot": suite_hot, "always": suite_always, "memory": suite_memory, "cold": suite_cold,
    "restart": suite_restart, "scan-resistance": suite_scan_resistance, "expiry": suite_expiry,
    "flush": suite_flush, "clients": suite_clients, "writes": suite_writes,
}
SUITES |= bench_collections.SUITES
DEFAULT = [name for name in SUITES if name not in ("writes", "queue", "churn")]


def machine():
    model = next((line.split(":", 1)[1].strip() for line in open("/proc/cpuinfo")
                  if line.startswith("model name")), "unknown CPU")
    memory_kb = int(open("/proc/meminfo").readline().split()[1])
    return f"{model}, {os.cpu_count()} cores, {memory_kb // MB} GB, Linux {os.uname().release}"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("suites", nargs="*", metavar="suite", help=", ".join(SUITES))
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--rounds", type=int, default=0)
    parser.add_argument("--seconds", type=int, default=0, help="of the suite `writes`")
    parser.add_argument("--jobs", type=int, default=0, help="of the suites `queue` and `churn`")
    parser.add_argument("--json", type=pathlib.Path)
    parser.add_argument("--data-dir", type=pathlib.Path, default=ROOT / "build/bench/data")
    options = parser.parse_args()
    unknown = [name for name in options.suites if name not in SUITES]
    if unknown:
        parser.error(f"unknown suite {unknown[0]}; there are: {', '.join(SUITES)}")
    options.rounds = options.rounds or (1 if options.quick else 7)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    results = {"machine": machine(), "quick": options.quick, "rounds": options.rounds, "suites": {}}
    print(f"Machine: {results['machine']}. Rounds: {options.rounds}, medians."
          + (" QUICK: no result." if options.quick else "") + "\n")
    for name in options.suites or DEFAULT:
        started = time.monotonic()
        note(f"suite {name}")
        directory = options.data_dir / name
        shutil.rmtree(directory, ignore_errors=True)
        directory.mkdir(parents=True)
        with servers_module.Servers(directory) as pool:
            tables = SUITES[name](pool, options)
        shutil.rmtree(directory, ignore_errors=True)
        for table in tables:
            print(table.markdown(), flush=True)
        results["suites"][name] = [{"title": t.title, "columns": t.columns, "rows": t.rows,
                                    "notes": t.notes, "rounds": t.rounds} for t in tables]
        note(f"suite {name}: {time.monotonic() - started:.0f} s")
    path = options.json or ROOT / "build/bench" / time.strftime("bench-%Y%m%d-%H%M%S.json", time.gmtime())
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(results, indent=1))
    note(f"all rounds: {path}")


if __name__ == "__main__":
    main()
