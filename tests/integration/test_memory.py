"""Data several times the memory budget: every value right, counts exact, memory bounded.

N keys with 1 KB incompressible values derived from (key, version) are written, overwritten, deleted,
renamed and given deadlines; throughout, DBSIZE is exact, another connection runs full SCANs, and the
resident set is sampled every 100 ms. At the end every value is read back and compared.

MEMORY_KEYS (60,000), MEMORY_MAXMEMORY (30mb) and MEMORY_RSS_LIMIT_MB (170) choose the size; the long form is
`scripts/soak memory`: 2 M keys, 200mb, 300 MB resident at most. MEMORY_SEED replays the choices.
"""
import array
import hashlib
import os
import random
import threading
import time

KEYS = int(os.environ.get("MEMORY_KEYS") or 60_000)
MAXMEMORY = os.environ.get("MEMORY_MAXMEMORY") or "30mb"
RSS_LIMIT_MB = int(os.environ.get("MEMORY_RSS_LIMIT_MB") or 170)
SEED = os.environ.get("MEMORY_SEED") or str(random.SystemRandom().randrange(10 ** 9))
VALUE_BYTES = 1024
BATCH = 256
FAR_FUTURE_MS = 4102444800000
# Every tenth key is never deleted or renamed: a SCAN that runs meanwhile has to find all of them.
STABLE_EVERY = 10


def value_of(number, version):
    return hashlib.shake_128(b"%d.%d" % (number, version)).digest(VALUE_BYTES)


class Model:
    """Version of each key (0: absent), whether it has its other name, whether it has a deadline."""

    def __init__(self):
        self.version = array.array("I", bytes(4 * KEYS))
        self.renamed = bytearray(KEYS)
        self.deadline = bytearray(KEYS)
        self.alive = 0

    def name(self, number):
        return b"r:%d" % number if self.renamed[number] else b"k:%d" % number


class RssSampler(threading.Thread):
    def __init__(self, server):
        super().__init__(daemon=True)
        self.server = server
        self.peak = 0
        self.samples = 0
        self.stop = threading.Event()

    def run(self):
        while not self.stop.wait(0.1):
            self.peak = max(self.peak, self.server.rss_bytes())
            self.samples += 1


class Scanner(threading.Thread):
    """Full SCAN iterations, one after the other, while the data moves."""

    def __init__(self, server):
        super().__init__(daemon=True)
        self.server = server
        self.stop = threading.Event()
        self.iterations = 0
        self.problems = []

    def run(self):
        stable = range(0, KEYS, STABLE_EVERY)
        with self.server.connect(timeout=120) as connection:
            while not self.stop.is_set() and not self.problems:
                seen, cursor = bytearray(KEYS), b"0"
                while True:
                    reply = connection.command("SCAN", cursor, "COUNT", 500)
                    if reply.is_error():
                        self.problems.append(str(reply))
                        return
                    cursor = reply.value[0].value
                    for item in reply.value[1].value:
                        if item.value.startswith(b"k:"):
                            seen[int(item.value[2:])] = 1
                    if cursor == b"0":
                        break
                    if self.stop.is_set():
                        return
                missing = [number for number in stable if not seen[number]]
                if missing:
                    self.problems.append(f"SCAN missed {len(missing)} keys that were there "
                                         f"throughout, e.g. k:{missing[0]}")
                self.iterations += 1


def preload(connection, model):
    for start in range(0, KEYS, BATCH):
        numbers = range(start, min(start + BATCH, KEYS))
        for reply in connection.pipeline([["SET", b"k:%d" % n, value_of(n, 1)] for n in numbers]):
            assert reply.raw == b"+OK\r\n", reply
        for number in numbers:
            model.version[number] = 1
        model.alive += len(numbers)
        if start % (BATCH * 32) == 0:
            check_size(connection, model)


def check_size(connection, model):
    size = connection.command("DBSIZE").value
    assert size == model.alive, f"DBSIZE {size}, but {model.alive} keys are there"


def churn(connection, model, rng, operations, latencies):
    """Random changes in pipelines; a key appears once a pipeline, so replies can be foretold."""
    done = 0
    while done < operations:
        batch, wanted = [], []
        for number in {rng.randrange(KEYS) for _ in range(BATCH)}:
            argv, reply = change(number, model, rng)
            batch.append(argv)
            wanted.append(reply)
        started = time.perf_counter()
        replies = connection.pipeline(batch)
        latencies.append(time.perf_counter() - started)
        for argv, reply, want in zip(batch, replies, wanted):
            assert reply.raw == want, f"{argv[:2]}: {str(reply)[:200]} instead of {want[:60]!r}"
        done += len(batch)
        check_size(connection, model)


def change(number, model, rng):
    """One command on one key, the reply it must get, and the model moved on."""
    stable = number % STABLE_EVERY == 0
    name, version = model.name(number), model.version[number]
    roll = rng.random()
    if version == 0 or roll < 0.35:
        model.alive += version == 0
        model.version[number] = version + 1 if version else rng.randrange(1, 1000)
        model.deadline[number] = 0
        return ["SET", name, value_of(number, model.version[number])], b"+OK\r\n"
    if roll < 0.60:
        return ["GET", name], b"$%d\r\n%s\r\n" % (VALUE_BYTES, value_of(number, version))
    if roll < 0.70 and not stable:
        model.alive -= 1
        model.version[number] = 0
        model.deadline[number] = 0
        return [rng.choice(["DEL", "UNLINK"]), name], b":1\r\n"
    if roll < 0.80 and not stable:
        model.renamed[number] ^= 1
        return ["RENAME", name, model.name(number)], b"+OK\r\n"
    if roll < 0.90:
        if model.deadline[number]:
            model.deadline[number] = 0
            return ["PERSIST", name], b":1\r\n"
        model.deadline[number] = 1
        return ["PEXPIREAT", name, FAR_FUTURE_MS + number], b":1\r\n"
    if model.deadline[number]:
        wanted = FAR_FUTURE_MS + number
        return ["PEXPIRETIME", name], b":%d\r\n" % wanted
    return ["STRLEN", name], b":%d\r\n" % VALUE_BYTES


def verify_everything(connection, model):
    for start in range(0, KEYS, BATCH):
        numbers = range(start, min(start + BATCH, KEYS))
        values = connection.command("MGET", *[model.name(n) for n in numbers]).value
        ends = connection.pipeline([["PEXPIRETIME", model.name(n)] for n in numbers])
        for number, value, end in zip(numbers, values, ends):
            version = model.version[number]
            assert value.value == (value_of(number, version) if version else None), \
                f"{model.name(number)!r}: wrong value for version {version}"
            wanted = FAR_FUTURE_MS + number if model.deadline[number] else (-1 if version else -2)
            assert end.value == wanted, f"{model.name(number)!r}: deadline {end}"


def scan_finds_each_key_once(connection, model):
    seen, cursor = set(), b"0"
    while True:
        reply = connection.command("SCAN", cursor, "COUNT", 1000)
        cursor = reply.value[0].value
        seen.update(hash(item.value) for item in reply.value[1].value)
        if cursor == b"0":
            break
    wanted = {hash(model.name(number)) for number in range(KEYS) if model.version[number]}
    assert seen == wanted, f"{len(wanted - seen)} keys missing, {len(seen - wanted)} unknown"


def short_lives(connection, model):
    """A fifth as many keys again, all expiring soon: gone in time, count exact afterwards."""
    count = KEYS // 5
    for start in range(0, count, BATCH):
        for reply in connection.pipeline([["SET", b"t:%d" % n, value_of(n, 0), "PX", 1500]
                                          for n in range(start, min(start + BATCH, count))]):
            assert reply.raw == b"+OK\r\n", reply
    deadline = time.monotonic() + 60 + count / 20_000
    while connection.command("DBSIZE").value != model.alive:
        assert time.monotonic() < deadline, \
            f"DBSIZE {connection.command('DBSIZE').value}, {model.alive} keys have no deadline"
        time.sleep(0.1)
    found = connection.command("EXISTS", *[b"t:%d" % n for n in range(0, count, max(1, count // 1000))])
    assert found.value == 0


def test_data_several_times_the_budget_stays_right(servers):
    print(f"memory: seed {SEED}, {KEYS} keys, maxmemory {MAXMEMORY}")
    rng = random.Random(SEED)
    server = servers.ours("--appendonly", "yes", "--appendfsync", "everysec")
    if server.is_ours:
        server.arguments += ["--maxmemory", MAXMEMORY]
    server.start()
    sampler, scanner = RssSampler(server), Scanner(server)
    sampler.start()
    model, latencies = Model(), []
    with server.connect(timeout=120) as connection:
        preload(connection, model)
        scanner.start()
        churn(connection, model, rng, KEYS, latencies)
        scanner.stop.set()
        scanner.join(120)
        assert not scanner.problems, scanner.problems
        verify_everything(connection, model)
        scan_finds_each_key_once(connection, model)
        short_lives(connection, model)
        check_size(connection, model)
        info = server.info("tiering") if server.is_ours else {}
        if server.is_ours:
            # From the disk alone: every key spilled, then read again.
            assert not connection.command("DEBUG", "SPILL", "ALL").is_error()
            verify_everything(connection, model)
            check_size(connection, model)
    sampler.stop.set()
    sampler.join(10)
    latencies.sort()
    peak_mb = sampler.peak / 1e6
    print(f"memory: peak RSS {peak_mb:.0f} MB over {sampler.samples} samples, {scanner.iterations} SCANs "
          f"alongside, pipeline of {BATCH}: p50 {latencies[len(latencies) // 2] * 1e3:.1f} ms, "
          f"p99.9 {latencies[int(len(latencies) * 0.999)] * 1e3:.1f} ms")
    if server.is_ours:
        assert int(info["tc_spilled_keys"]) > 0, "nothing was spilled: the test shows nothing"
        assert peak_mb <= RSS_LIMIT_MB, f"peak RSS {peak_mb:.0f} MB"
        assert server.terminate() == 0
        server.start()
        with server.connect(timeout=120) as connection:
            check_size(connection, model)
            verify_everything(connection, model)
