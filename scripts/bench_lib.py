"""What the suites of scripts/bench share: running thermocline-bench, taking turns between the two servers,
tables of medians and ratios.
"""
import itertools
import json
import os
import pathlib
import statistics
import subprocess
import sys
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests/integration"))

import servers as servers_module  # noqa: E402

BENCH = pathlib.Path(os.environ.get("THERMOCLINE_BENCH") or ROOT / "build/bin/thermocline-bench")
MB = 1 << 20
# Everything in memory: no suite that compares hot speed may spill.
ALL_IN_MEMORY = ("--maxmemory", "6gb")
EVERYSEC = ("--appendonly", "yes", "--appendfsync", "everysec")


def note(text):
    print(f"-- {text}", file=sys.stderr, flush=True)


run_seeds = itertools.count(1)


def bench(server, *classes, duration=4.0, warmup=0.5, threads=1, preload=0, run=True, verify=False,
          limit=0):
    """One run of thermocline-bench; its JSON. With `limit`, until each client has sent so many requests.
    Each run draws anew: one that repeated the run before it would find all its cold keys in memory."""
    if limit:
        duration, warmup = 3600.0, 0.0
    line = [str(BENCH), "--json", "--port", str(server.port), "--duration_s", str(duration),
            "--warmup_s", str(warmup), "--threads", str(threads), "--preload", str(preload),
            "--requests", str(limit), "--seed", str(next(run_seeds)), f"--run={'true' if run else 'false'}", f"--verify={'true' if verify else 'false'}"]
    done = subprocess.run(line + list(classes), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, timeout=duration + warmup + 3600)
    if done.returncode != 0:
        raise SystemExit(f"{' '.join(line + list(classes))}\n{done.stderr.decode()}\n{server.log_tail()}")
    return json.loads(done.stdout)


def first(result):
    return result["classes"][0]


def ask(server, *argv, timeout=600):
    with server.connect(timeout=timeout) as connection:
        reply = connection.command(*argv)
    if reply.is_error():
        raise SystemExit(f"{server.describe()}: {argv}: {reply}")
    return reply


def wait_quiet(server, seconds=120):
    """Returns when the server uses next to no CPU: preloading's background work is over."""
    deadline = time.monotonic() + seconds
    ticks = os.sysconf("SC_CLK_TCK")

    def cpu():
        fields = pathlib.Path(f"/proc/{server.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / ticks
    while time.monotonic() < deadline:
        before = cpu()
        time.sleep(1)
        if cpu() - before < 0.05:
            return


def settled_rss(server):
    """Resident bytes once background work is over and the allocator has given its free pages back: both
    servers let those stand for seconds, and ours flushes its memtables when nothing was written for two."""
    wait_quiet(server)
    time.sleep(5)
    ask(server, "MEMORY", "PURGE")
    time.sleep(0.5)
    return server.rss_bytes()


class Table:
    """Rows of medians; keeps every round for the JSON."""

    def __init__(self, title, columns):
        self.title = title
        self.columns = columns
        self.rows = []
        self.rounds = []
        self.notes = []

    def add(self, *cells):
        self.rows.append(cells)

    def markdown(self):
        lines = [f"### {self.title}", "", "| " + " | ".join(self.columns) + " |",
                 "|" + " --- |" * len(self.columns)]
        lines += ["| " + " | ".join(map(show, row)) + " |" for row in self.rows]
        return "\n".join(lines + [""] + [f"- {text}" for text in self.notes] + [""])


def show(cell):
    if isinstance(cell, float):
        return f"{cell:,.0f}" if abs(cell) >= 1000 else f"{cell:.3g}"
    return f"{cell:,}" if isinstance(cell, int) else str(cell)


def geometric_mean(values):
    return statistics.geometric_mean(values) if values else 0.0


def in_turns(rounds, pair, measure):
    """measure(server) for both servers in each round, the first one alternating; two lists."""
    results = ([], [])
    for number in range(rounds):
        for side in ((0, 1) if number % 2 == 0 else (1, 0)):
            results[side].append(measure(pair[side]))
    return results


def median_of(results, *path):
    values = []
    for result in results:
        for step in path:
            result = result[step]
        values.append(result)
    return statistics.median(values)


def start_pair(pool, *arguments, ours=()):
    ours_arguments = ours if servers_module.binary_is_ours(servers_module.binary_under_test()) else ()
    # Redis's best case: no rewrite of its AOF falls into a round, while our checkpoints do.
    redis_arguments = ("--auto-aof-rewrite-percentage", "0")
    return (pool.ours(*arguments, *ours_arguments).start(),
            pool.redis(*arguments, *redis_arguments).start())


def compare_cells(table, options, pair, cells, seconds):
    """One row a cell: rates, CPU an operation, p99, and ratios. Returns rate and CPU ratios."""
    rates, cpus = [], []
    longest = ([], [])  # (us, cell): what medians and percentiles of many operations do not show
    for label, spec, checkpoint in cells:
        def measure(server):
            timer = None
            if checkpoint and server.is_ours:
                timer = threading.Timer(seconds * 0.3, lambda: ask(server, "BGREWRITEAOF"))
                timer.start()
            result = bench(server, spec, duration=seconds)
            if timer:
                timer.join()
            if first(result)["errors"]:
                raise SystemExit(f"{label}: {first(result)['first_error']}")
            return result
        ours, redis = in_turns(options.rounds, pair, measure)
        table.rounds.append({"cell": label, "spec": spec, "ours": ours, "redis": redis})
        row = [median_of(side, "classes", 0, "ops_per_s") for side in (ours, redis)]
        cpu = [median_of(side, "server", "cpu_us_per_op") for side in (ours, redis)]
        p99 = [median_of(side, "classes", 0, "p99_us") for side in (ours, redis)]
        rates.append(row[0] / row[1])
        cpus.append(cpu[0] / cpu[1] if cpu[1] else 0.0)
        table.add(label, row[0], row[1], rates[-1], cpu[0], cpu[1], cpus[-1], p99[0], p99[1])
        for waits, side in zip(longest, (ours, redis)):
            waits.append((max(first(result)["max_us"] for result in side), label))
        note(f"{label}: rate x {rates[-1]:.2f}, CPU x {cpus[-1]:.2f}")
    table.notes.append("longest wait for a reply: " + ", ".join(
        f"{name} {max(waits)[0] / 1000:,.0f} ms ({max(waits)[1]})" for name, waits in zip(("ours", "redis-server"), longest)))
    return rates, cpus


SPEED_COLUMNS = ("cell", "ours op/s", "redis op/s", "ratio", "ours CPU us/op", "redis CPU us/op", "ratio",
                 "ours p99 us", "redis p99 us")


def disk_bytes(server, below=""):
    """Bytes of the data directory, or of what lies in its folder `below`."""
    return sum(path.stat().st_blocks * 512 for path in (server.directory / below).rglob("*") if path.is_file())
