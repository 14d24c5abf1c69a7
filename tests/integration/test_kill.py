"""kill -9 under load, again and again: nothing acknowledged is lost, nothing is applied twice.

Each client owns the keys with its prefix, strings and collections, and sends pipelines of changes whose values
hold a unique id; pops block where there is nothing to pop.
It knows which replies came back. The log is one sequence, so after a restart its keys must look as they
did after some prefix of what it sent, no shorter than what was acknowledged: `acknowledged <= n <=
sent`, one n for all its keys. That one claim covers losses, double application (INCR and APPEND show
it), order, and MULTI as all or nothing (a transaction is one unit of the sequence). Shared counters and
a shared list of ids check the same across clients. Deadlines must come back exactly.

KILL_CYCLES cycles (default 6), alternating everysec and always; some are killed while recovering. The
long form is `scripts/soak kill`. KILL_SEED replays the choices (not the timing).
"""
import os
import random
import threading
import time


import resp

CYCLES = int(os.environ.get("KILL_CYCLES") or 6)
SEED = os.environ.get("KILL_SEED") or str(random.SystemRandom().randrange(10 ** 9))
CLIENTS = 4
KEYS_A_CLIENT = int(os.environ.get("KILL_KEYS") or 16_000)  # x 1 KB x 4 clients = 64 MB
MAXMEMORY = os.environ.get("KILL_MAXMEMORY") or "16mb"
SECONDS_OF_LOAD = float(os.environ.get("KILL_SECONDS") or 1.5)
# Lists of more than three elements are paged; half of the values are linked when they are renamed or copied.
OUR_ARGUMENTS = ("--log-segment-bytes", "4mb", "--paged-threshold", "1", "--list-max-listpack-size", "3",
                 "--link-threshold", "500")
PLACES = ("--cold-place-memory", "1mb")  # every third start
COUNTERS = ("tc_checkpoints", "tc_spilled_keys", "tc_cold_published_bytes", "tc_log_segments_recycled")
MISSING = (None, -1)


# A collection's type is the letter behind its client's prefix: b"c2:L7". In the model it is a value that
# cannot change: a tuple, or a frozenset of members or pairs.
COLLECTION_KEYS = 24
READ_BY_LETTER = {b"L": ["LRANGE", None, 0, -1], b"H": ["HGETALL", None], b"S": ["SMEMBERS", None],
                  b"Z": ["ZRANGE", None, 0, -1, "WITHSCORES"]}


def letter_of(key):
    return key.split(b":", 1)[1][:1] if key.startswith(b"c") else b""


def as_value(letter, words):
    """What a read of READ_BY_LETTER replied, as the model holds it."""
    if letter == b"L":
        return tuple(words)
    if letter == b"S":
        return frozenset(words)
    return frozenset(zip(words[::2], words[1::2]))


class Model:
    """What one client's keys should hold: key -> (value, deadline in unix ms or -1)."""

    def __init__(self):
        self.keys = {}

    def apply(self, unit):
        """Applies one unit (one command, or one transaction) and returns the keys it touched."""
        touched = []
        for argv in unit:
            touched += self._apply_one(argv)
        return touched

    def _apply_one(self, argv):
        verb, key = argv[0], argv[1]
        held = self.keys.get(key)
        if verb == "SET":
            self.keys[key] = (argv[2], int(argv[4]) if len(argv) > 4 else -1)
        elif verb == "INCR":
            value, deadline = held or (b"0", -1)
            self.keys[key] = (b"%d" % (int(value) + 1), deadline)
        elif verb == "APPEND":
            value, deadline = held or (b"", -1)
            self.keys[key] = (value + argv[2], deadline)
        elif verb == "DEL":
            self.keys.pop(key, None)
        elif verb == "PEXPIREAT":
            if held:
                self.keys[key] = (held[0], int(argv[2]))
        elif verb == "PERSIST":
            if held:
                self.keys[key] = (held[0], -1)
        elif verb == "RENAME":
            if held:  # an absent source is an error reply and changes nothing
                del self.keys[key]
                self.keys[argv[2]] = held
            return [key, argv[2]]
        elif verb == "COPY":
            if held:
                self.keys[argv[2]] = held
            return [key, argv[2]]
        elif verb in ("LMOVE", "BLMOVE"):
            source, target = argv[1], argv[2]
            if source in self.keys:
                element, rest = self.keys[source][0][0], self.keys[source][0][1:]
                if source == target:  # never empty in between: a deadline stays
                    self._store(source, rest + (element,))
                else:
                    self._store(source, rest)
                    self._store(target, self._value(target, ()) + (element,))
            return [source, target]
        else:
            self._store(key, self._changed(verb, argv))
        return [key]

    def _value(self, key, empty):
        return self.keys[key][0] if key in self.keys else empty

    def _store(self, key, value):
        """A collection goes with its last element; a deadline stays."""
        if value:
            self.keys[key] = (value, self.keys[key][1] if key in self.keys else -1)
        else:
            self.keys.pop(key, None)

    def _changed(self, verb, argv):
        """The collection at argv[1] after the command."""
        key = argv[1]
        if verb in ("RPUSH", "LPUSH", "LPOP", "BRPOP", "LTRIM"):
            items = self._value(key, ())
            return {"RPUSH": lambda: items + tuple(argv[2:]),
                    "LPUSH": lambda: tuple(argv[:1:-1]) + items,
                    "LPOP": lambda: items[int(argv[2]):],
                    "BRPOP": lambda: items[:-1],
                    "LTRIM": lambda: items[argv[2]:argv[3] + 1]}[verb]()
        if verb in ("SADD", "SREM"):
            members = self._value(key, frozenset())
            return members | set(argv[2:]) if verb == "SADD" else members - set(argv[2:])
        pairs = dict(self._value(key, frozenset()))
        if verb == "HSET":
            pairs.update(zip(argv[2::2], argv[3::2]))
        elif verb in ("HDEL", "ZREM"):
            for field in argv[2:]:
                pairs.pop(field, None)
        elif verb == "HINCRBY":
            pairs[argv[2]] = b"%d" % (int(pairs.get(argv[2], b"0")) + argv[3])
        elif verb == "ZADD":
            pairs.update(zip(argv[3::2], argv[2::2]))
        elif verb == "ZINCRBY":
            pairs[argv[3]] = b"%d" % (int(pairs.get(argv[3], b"0")) + int(argv[2]))
        elif verb == "ZPOPMIN":
            if pairs:
                del pairs[min(pairs, key=lambda member: (int(pairs[member]), member))]
        else:
            raise AssertionError(verb)
        return frozenset(pairs.items())


class Client(threading.Thread):
    """Sends pipelines until the server dies; keeps what is acknowledged and what is not."""

    def __init__(self, number, port, rng, state):
        super().__init__(daemon=True)
        self.number = number
        self.port = port
        self.rng = rng
        self.state = state
        self.error = None

    def run(self):
        try:
            connection = resp.Connection(self.port, timeout=30)
        except OSError:
            return
        try:
            while True:
                units = [self._unit() for _ in range(self.rng.randint(1, 32))]
                # Kept before the send: once a byte has left, the server may have run it.
                self.state.pending.extend(units)
                connection.send(*[argv for unit in units for argv in wire_form(unit)])
                for unit in units:
                    refused = False
                    for argv in wire_form(unit):
                        reply = connection.read()
                        # RENAME of an absent key is refused; whether it was absent is checked later.
                        refused = reply.is_error() and reply.value == b"ERR no such key"
                        if reply.is_error() and not (refused and argv[0] == "RENAME"):
                            raise AssertionError(f"{argv[:2]}: {reply}")
                    self.state.acknowledge(refused)
        except OSError:
            pass
        except Exception as error:  # a client that ends by a mistake of its own would test nothing
            self.error = error
        finally:
            connection.close()

    def _key(self):
        number = self.rng.randrange(KEYS_A_CLIENT)
        return b"c%d:%d" % (self.number, number)

    def _value(self):
        self.state.next_id += 1
        unique = b"<%d.%d>" % (self.number, self.state.next_id)
        return unique + self.rng.randbytes(self.rng.choice([0, 20, 100, 1000, 1000, 1000]))

    def _collection(self, letter):
        return b"c%d:%s%d" % (self.number, letter, self.rng.randrange(COLLECTION_KEYS))

    def _collection_unit(self):
        """One change of a collection, or, as Celery delivers and acknowledges, of three at once."""
        rng = self.rng
        lists, hashes, sets, zsets = (self._collection(letter) for letter in (b"L", b"H", b"S", b"Z"))
        field = b"f%d" % rng.randrange(200)
        score = b"%d" % rng.randrange(10 ** 6)
        short = self._value()[:rng.choice([24, 120])]
        return rng.choice([
            lambda: [["RPUSH", lists, short, short]],
            lambda: [["LPUSH", lists, short]],
            lambda: [["LPOP", lists, b"2"]],
            lambda: [["BRPOP", lists, b"0.001"]],
            lambda: [["LMOVE", lists, self._collection(b"L"), "LEFT", "RIGHT"]],
            lambda: [["BLMOVE", lists, self._collection(b"L"), "LEFT", "RIGHT", b"0.001"]],
            lambda: [["LTRIM", lists, 0, rng.randrange(60)]],
            lambda: [["HSET", hashes, field, short, field + b"x", short]],
            lambda: [["HDEL", hashes, field, field + b"x"]],
            lambda: [["HINCRBY", hashes, b"counter", rng.randrange(1, 9)]],
            lambda: [["SADD", sets, field, field + b"y", short]],
            lambda: [["SREM", sets, field]],
            lambda: [["ZADD", zsets, score, field, score, short]],
            lambda: [["ZINCRBY", zsets, b"%d" % rng.randrange(1, 100), field]],
            lambda: [["ZREM", zsets, field]],
            lambda: [["ZPOPMIN", zsets]],
            lambda: [["PEXPIREAT", lists, b"%d" % (4102444800000 + rng.randrange(10 ** 6))]],
            lambda: [["DEL", rng.choice([lists, hashes, sets, zsets])]],
            lambda: [["LPOP", lists, b"1"], ["ZADD", zsets, score, field], ["HSET", hashes, field, short]],
            lambda: [["ZREM", zsets, field], ["HDEL", hashes, field], ["RPUSH", lists, short]],
        ])()

    def _unit(self):
        rng, roll = self.rng, self.rng.random()
        if rng.random() < 0.35:
            return self._collection_unit()
        counter = b"c%d:n%d" % (self.number, rng.randrange(40))
        if roll < 0.45:
            return [["SET", self._key(), self._value()]]
        if roll < 0.55:
            return [["INCR", counter]]
        if roll < 0.65:
            return [["APPEND", b"c%d:a%d" % (self.number, rng.randrange(60)), self._value()[:24]]]
        if roll < 0.72:
            return [["DEL", self._key()]]
        if roll < 0.80:
            letter = rng.choice((b"L", b"H", b"S", b"Z"))
            name = rng.choice([self._key, self._key, lambda: self._collection(letter)])
            source, target = name(), name()
            if roll < 0.76 or source == target:
                return [["RENAME", source, target]]
            return [["COPY", source, target, "REPLACE"]]
        if roll < 0.85:
            return [["PEXPIREAT", self._key(), b"%d" % (4102444800000 + rng.randrange(10 ** 6))]]
        if roll < 0.87:
            return [["PERSIST", self._key()]]
        if roll < 0.90:  # a short life; the key is written once and never again
            self.state.next_id += 1
            deadline = int(time.time() * 1000) + rng.choice([50, 500, 3000])
            return [["SET", b"e%d:%d" % (self.number, self.state.next_id), b"short", "PXAT",
                     b"%d" % deadline]]
        if roll < 0.93:
            self.state.next_id += 1
            unique = b"%d.%d;" % (self.number, self.state.next_id)
            return [["INCR", b"shared:a"], ["INCR", b"shared:b"], ["APPEND", b"shared:ids", unique]]
        return [["INCR", counter], ["SET", self._key(), self._value()], ["DEL", self._key()],
                ["APPEND", b"c%d:a0" % self.number, self._value()[:16]]]


def wire_form(unit):
    return unit if len(unit) == 1 else [["MULTI"], *unit, ["EXEC"]]


class ClientState:
    """Lives across cycles: the model at the last acknowledged unit, and what is pending."""

    def __init__(self):
        self.model = Model()
        self.pending = []
        self.refused = []  # for each acknowledged unit of this cycle, whether it was refused
        self.next_id = 0

    def acknowledge(self, refused):
        self.refused.append(refused)

    def settle(self):
        """Units acknowledged, whether refused, units not: called when the client has ended."""
        done = len(self.refused)
        acknowledged, pending, refused = self.pending[:done], self.pending[done:], self.refused
        self.pending, self.refused = [], []
        return acknowledged, refused, pending


class Shared:
    """The counters and the id list that all clients change in one transaction."""

    def __init__(self):
        self.sure = set()
        self.possible = set()

    @staticmethod
    def id_of(unit):
        return unit[2][2] if len(unit) == 3 and unit[2][1] == b"shared:ids" else None


def is_shared(key):
    return key.startswith(b"shared:")


def read_keys(connection, keys):
    """key -> (value, deadline), in batches."""
    held = {}
    keys = list(keys)
    for start in range(0, len(keys), 500):
        batch = keys[start:start + 500]
        values = connection.pipeline([read_of(key) for key in batch])
        ends = connection.pipeline([["PEXPIRETIME", key] for key in batch])
        for key, value, end in zip(batch, values, ends):
            assert not value.is_error(), f"{key}: {value}"
            found = value.value
            if isinstance(found, list):
                found = as_value(letter_of(key), [item.value for item in found]) or None
            held[key] = MISSING if found is None else (found, end.value)
    return held


def read_of(key):
    words = READ_BY_LETTER.get(letter_of(key), ["GET", None])
    return [key if word is None else word for word in words]


def scan_all(connection):
    keys, cursor = [], b"0"
    while True:
        reply = connection.command("SCAN", cursor, "COUNT", 2000)
        cursor = reply.value[0].value
        keys += [item.value for item in reply.value[1].value]
        if cursor == b"0":
            return keys


def verify_client(number, state, connection, found):
    """The claim of this file, for one client. Moves its model to the state that was found."""
    acknowledged, refusals, pending = state.settle()
    model = state.model
    for unit, refused in zip(acknowledged, refusals):
        if unit[0][0] == "RENAME":
            assert refused == (unit[0][1] not in model.keys), \
                f"client {number}: {unit[0]} was {'refused' if refused else 'accepted'} while running"
        model.apply(unit)
    uncertain = Model()
    uncertain.keys = dict(model.keys)
    touched = set()
    for unit in pending:
        touched.update(uncertain.apply(unit))
    mine = (b"c%d:" % number, b"e%d:" % number)
    for key in [key for key in model.keys if is_shared(key)]:
        del model.keys[key]
    touched = {key for key in touched if not is_shared(key)}

    def is_mine(key):
        return key.startswith(mine)

    held = read_keys(connection, {key for key in found if is_mine(key)} | set(model.keys) | touched)
    now_ms = int(time.time() * 1000)

    def agrees(key):
        wanted = model.keys.get(key, MISSING)
        got = held.get(key, MISSING)
        if wanted == got:
            return True
        # A deadline that has passed, or passed while we were reading.
        return wanted[1] != -1 and wanted[1] <= now_ms and (got == MISSING or got[1] == -2)

    wrong = [key for key in set(held) | set(model.keys) if key not in touched and not agrees(key)]
    assert not wrong, describe_wrong(number, wrong, model, held, acknowledged)
    # Which prefix of the pending units was applied? Try each in turn; only touched keys can tell.
    disagreeing = {key for key in touched if not agrees(key)}
    applied = 0
    while disagreeing and applied < len(pending):
        for key in model.apply(pending[applied]):
            if is_shared(key):
                model.keys.pop(key, None)
                continue
            (disagreeing.discard if agrees(key) else disagreeing.add)(key)
        applied += 1
    assert not disagreeing, (
        f"client {number}: no prefix of the {len(pending)} unacknowledged units explains what is there; "
        + describe_wrong(number, disagreeing, model, held, acknowledged + pending))
    for key in [key for key in model.keys if key.startswith(b"e%d:" % number)]:
        if held.get(key, MISSING) == MISSING:
            del model.keys[key]
    return acknowledged, pending, applied


def describe_wrong(number, wrong, model, held, units):
    """The first keys that differ, and this cycle's units that named them."""
    lines = [f"client {number}: {len(wrong)} keys differ"]
    for key in sorted(wrong)[:5]:
        wanted, got = model.keys.get(key, MISSING), held.get(key, MISSING)
        lines.append(f"  {key!r}: wanted {str(wanted)[:120]}, found {str(got)[:120]}")
        named = [f"    unit {index} of {len(units)}: {str(unit)[:300]}" for index, unit in enumerate(units)
                 if any(key in argv[1:3] for argv in unit)]
        lines += named[-6:]
    return "\n".join(lines)


def verify_shared(shared, connection, settled):
    """Every acknowledged id exactly once, no id that was not sent, both counters equal the ids."""
    for acknowledged, pending, _ in settled:
        shared.sure |= {Shared.id_of(unit) for unit in acknowledged} - {None}
        shared.possible |= {Shared.id_of(unit) for unit in pending} - {None}
    text = connection.command("GET", "shared:ids").value or b""
    ids = [part + b";" for part in text.split(b";") if part]
    assert len(ids) == len(set(ids)), "an id was appended twice"
    assert shared.sure <= set(ids), f"acknowledged ids lost: {sorted(shared.sure - set(ids))[:5]}"
    assert set(ids) <= shared.sure | shared.possible, "an id that nobody sent"
    counters = [int(connection.command("GET", key).value or 0) for key in ("shared:a", "shared:b")]
    assert counters == [len(ids)] * 2, f"MULTI was not all or nothing: {counters}, {len(ids)} ids"
    shared.sure = set(ids)
    shared.possible = set()


def verify_counts(connection):
    """DBSIZE is what SCAN finds, once expired keys are gone; returns the keys."""
    deadline = time.monotonic() + 20
    while True:
        before = connection.command("DBSIZE").value
        keys = scan_all(connection)
        after = connection.command("DBSIZE").value
        unique = set(keys)
        if before == after == len(unique):
            return unique
        assert time.monotonic() < deadline, (
            f"DBSIZE {before}/{after}, SCAN found {len(unique)} keys\n"
            + connection.command("INFO", "keyspace", "tiering").value.decode())
        time.sleep(0.2)


def disturb(server, rng, stop, counters):
    """While the clients write: forces checkpoints and spills, and reads the counters."""
    last = {}
    try:
        with server.connect(timeout=30) as connection:
            while not stop.wait(rng.uniform(0.05, 0.3)):
                if server.is_ours:
                    connection.command("DEBUG", *rng.choice([["CHECKPOINT"], ["SPILL", "ALL"]]))
                    last = resp.parse_info(connection.command("INFO", "tiering"))
    except OSError:
        pass
    for name in COUNTERS:
        counters[name] = counters.get(name, 0) + int(last.get(name, 0))


def test_nothing_acknowledged_is_lost_when_the_server_is_killed(servers):
    print(f"kill: seed {SEED}, {CYCLES} cycles")
    rng = random.Random(SEED)
    server = servers.ours("--appendonly", "yes")
    if server.is_ours:
        server.arguments += ["--maxmemory", MAXMEMORY, *OUR_ARGUMENTS]
    fixed = list(server.arguments)
    states = [ClientState() for _ in range(CLIENTS)]
    shared = Shared()
    counters = {}
    acknowledged_total = restart_ms_most = 0
    for cycle in range(CYCLES + 1):
        policy = "everysec" if cycle % 2 == 0 else "always"
        places = PLACES if server.is_ours and cycle % 3 == 0 else ()
        server.arguments = fixed + ["--appendfsync", policy, *places]
        if cycle and rng.random() < 0.3:  # killed while it recovers
            server.spawn()
            time.sleep(rng.uniform(0, 0.3))
            server.kill()
        started = time.monotonic()
        server.start()
        restart_ms_most = max(restart_ms_most, int((time.monotonic() - started) * 1000))
        with server.connect() as connection:
            print(f"kill: cycle {cycle}, was {'everysec' if cycle % 2 else 'always'}, now {policy}")
            found = verify_counts(connection)
            # In the order of the clients' own prefixes; the shared keys last.
            settled = [verify_client(number, state, connection, found)
                       for number, state in enumerate(states)]
            verify_shared(shared, connection, settled)
        acknowledged_total += sum(len(acknowledged) for acknowledged, _, _ in settled)
        if cycle == CYCLES:
            break
        if cycle == 0:
            preload(server, states)
        clients = [Client(number, server.port, random.Random(f"{SEED}.{cycle}.{number}"), states[number])
                   for number in range(CLIENTS)]
        stop = threading.Event()
        disturber = threading.Thread(target=disturb, args=(server, rng, stop, counters), daemon=True)
        for thread in (*clients, disturber):
            thread.start()
        time.sleep(rng.uniform(0.3, 1.0) * SECONDS_OF_LOAD)
        assert server.is_running(), server.log_tail()
        server.kill()
        stop.set()
        for thread in (*clients, disturber):
            thread.join(60)
            assert not thread.is_alive()
        errors = [client.error for client in clients if client.error]
        assert not errors, errors
    status = server.terminate()
    print(f"kill: {acknowledged_total} units acknowledged, {len(found)} keys at the end, longest restart "
          f"{restart_ms_most} ms, counters {counters}")
    assert acknowledged_total > 0
    if server.is_ours:
        assert status == 0
        for name in COUNTERS:
            assert counters[name] > 0, f"{name} stayed 0: the cycles did not exercise it"


def preload(server, states):
    """Every client's keys once, so that the data is a multiple of the memory from the first cycle."""
    rng = random.Random(SEED + "preload")
    with server.connect() as connection:
        for number, state in enumerate(states):
            for start in range(0, KEYS_A_CLIENT, 500):
                units = [[["SET", b"c%d:%d" % (number, index), b"<p>" + rng.randbytes(1000)]]
                         for index in range(start, min(start + 500, KEYS_A_CLIENT))]
                for reply in connection.pipeline([unit[0] for unit in units]):
                    assert not reply.is_error(), reply
                for unit in units:
                    state.model.apply(unit)
