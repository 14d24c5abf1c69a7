"""DUMP and RESTORE of collections: our server beside redis-server with `sanitize-dump-payload yes`.

Payloads of every RDB type (tests/golden/rdb-collections/) are damaged in many ways, signed again, and
given to both servers: both must take them or both must refuse them, in the same words, and what both
take must be the same value in the same encoding. Then sound values travel in both directions.

Three differences are wanted (docs/formats/rdb-object.md) and recognised here, each in `expected`.
Redis takes memory for a count before it has seen the elements, so it runs with bounded address space.

RESTORE_SEED and RESTORE_CASES repeat a run and make it longer.
"""
import os
import pathlib
import random
import struct

import pytest

import servers as servers_module

GOLDEN = pathlib.Path(__file__).resolve().parents[1] / "golden/rdb-collections/v1"
SEED = int(os.environ.get("RESTORE_SEED") or random.SystemRandom().randrange(1 << 32))
CASES = int(os.environ.get("RESTORE_CASES") or 12000)
TYPES = {1: "list", 10: "list", 14: "list", 18: "list", 2: "set", 11: "set", 4: "hash", 9: "hash",
         13: "hash", 16: "hash", 3: "zset", 5: "zset", 12: "zset", 17: "zset"}
# Strings, modules and numbers that mean nothing; streams are for later.
OTHER_TYPES = (0, 6, 7, 8, 20, 21, 255)
# Behind every damaged object. A length that reaches beyond the object finds this and not DUMP's
# footer, which Redis would read on in: as the start of a string these bytes are refused.
PADDING = b"\xc8" * 320
# Limits that both encodings of every type come up with.
LIMITS = ("--hash-max-listpack-entries", 20, "--zset-max-listpack-entries", 20,
          "--set-max-intset-entries", 12, "--list-max-listpack-size", 16)
BATCH = 200


def make_crc_table():
    table = []
    for byte in range(256):
        crc = byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x95AC9329AC4BC9B5 if crc & 1 else 0)
        table.append(crc)
    return table


CRC_TABLE = make_crc_table()


def sign(covered, version=10):
    """The DUMP value of type and object."""
    covered = covered + struct.pack("<H", version)
    crc = 0
    for byte in covered:
        crc = crc >> 8 ^ CRC_TABLE[(crc ^ byte) & 255]
    return covered + struct.pack("<Q", crc)


def golden_objects():
    """Type and object of each golden payload, and of its packed value a form that is not compressed:
    inside LZF data a mutation would hit everything at once."""
    objects = []
    for path in sorted(GOLDEN.glob("*.hex")):
        text = "".join(line for line in path.read_text().splitlines() if not line.startswith("#"))
        covered = bytes.fromhex(text)[:-10]
        objects.append(covered)
        if covered[0] in (9, 10, 11, 12, 13, 16, 17) and covered[1] == 0xC3:
            data = unpack_lzf(covered)
            objects.append(covered[:1] + b"\x80" + struct.pack(">I", len(data)) + data)
    assert {covered[0] for covered in objects} >= set(TYPES)
    return [covered for covered in objects if len(covered) < 1500]


def unpack_lzf(covered):
    at, lengths = 2, []
    for _ in range(2):
        length = covered[at] & 63
        if covered[at] >> 6 == 1:
            length, at = length << 8 | covered[at + 1], at + 1
        lengths.append(length)
        at += 1
    data, out = covered[at:at + lengths[0]], bytearray()
    i = 0
    while i < len(data):
        control, i = data[i], i + 1
        if control < 32:
            out += data[i:i + control + 1]
            i += control + 1
            continue
        count = control >> 5
        if count == 7:
            count, i = count + data[i], i + 1
        start = len(out) - ((control & 31) << 8) - data[i] - 1
        i += 1
        for k in range(count + 2):
            out.append(out[start + k])
    assert len(out) == lengths[1]
    return bytes(out)


def damage(rng, covered, others):
    """One to three changes of an object; the type byte is changed seldom."""
    data = bytearray(covered)
    for _ in range(rng.choice((1, 1, 1, 2, 3))):
        at = rng.randrange(1, len(data)) if len(data) > 1 else 0
        kind = rng.randrange(10)
        if kind < 3:
            data[at] ^= 1 << rng.randrange(8)
        elif kind < 5:
            data[at] = rng.choice((0, 1, 2, 127, 128, 254, 255, rng.randrange(256)))
        elif kind == 5:
            data[at] = (data[at] + rng.choice((-1, 1))) & 255
        elif kind == 6:
            del data[at:at + rng.randrange(1, 5)]
        elif kind == 7:
            data[at:at] = bytes(rng.randrange(256) for _ in range(rng.randrange(1, 4)))
        elif kind == 8:
            # Something of another payload, or of this one again: elements twice.
            source = rng.choice((covered, rng.choice(others)))
            begin = rng.randrange(len(source))
            piece = source[begin:begin + rng.randrange(1, 24)]
            data[at:at + rng.choice((0, len(piece)))] = piece
        else:
            data[0] = rng.choice((*TYPES, *OTHER_TYPES))
        if not data:
            return bytes(covered)
    return bytes(data)


class Oracle:
    """redis-server with bounded memory; started again if a payload brings it down."""

    def __init__(self, pool, tmp_path):
        self.pool = pool
        self.crashes = 0
        # The name tells servers.py that this is no server of ours.
        self.binary = tmp_path / "redis-server-bounded"
        self.binary.write_text("#!/bin/sh\nulimit -v 3000000\n"
                               f'exec "{servers_module.REDIS_SERVER}" "$@"\n')
        self.binary.chmod(0o755)
        self.start()

    def start(self):
        self.server = servers_module.Server(
            str(self.binary), self.pool.directory / f"oracle{self.crashes}",
            ("--sanitize-dump-payload", "yes", *LIMITS))
        self.pool.started.append(self.server)
        self.server.start()
        self.connection = self.server.connect()

    def pipeline(self, commands):
        try:
            return self.connection.pipeline(commands)
        except OSError:
            self.crashes += 1
            self.server.kill()
            self.start()
            return None


def facts(key):
    """Commands that describe a value."""
    return [["TYPE", key], ["OBJECT", "ENCODING", key], ["DEBUG", "DIGEST-VALUE", key]]


def restore(key, covered):
    return ["RESTORE", key, "0", sign(covered), "REPLACE"]


def ask(server, covered):
    """Reply and description of one payload; None if the server went away."""
    replies = server.pipeline([["DEL", "k"], restore("k", covered), *facts("k")])
    return replies and [reply.raw for reply in replies[1:]]


def has_nan(server, covered):
    replies = server.pipeline([["DEL", "k"], restore("k", covered),
                               ["ZRANGE", "k", "0", "-1", "WITHSCORES"]])
    return replies is not None and any(
        b"nan" in (word.value or b"") for word in replies[2].value[1::2])


def expected(covered, oracle, ours):
    """True if the difference is one that we want."""
    # An object that ends inside the footer: with more behind it, both agree.
    longer = covered + PADDING
    if ask(oracle, longer) == ask(ours, longer):
        return "footer"
    if covered[0] in (12, 17) and has_nan(oracle, covered):
        return "nan"
    if covered[0] == 9 and any(byte >= 254 for byte in covered[2:-len(PADDING) - 1]):
        return "zipmap"
    return None


class Plain:
    """The server under test, with Oracle's interface."""

    def __init__(self, server):
        self.server = server
        self.connection = server.connect()

    def pipeline(self, commands):
        return self.connection.pipeline(commands)


@pytest.fixture
def both(servers, tmp_path):
    ours = servers.ours(*LIMITS)
    if not ours.is_ours:
        ours.arguments += ["--sanitize-dump-payload", "yes"]
    ours.start()
    return Oracle(servers, tmp_path), Plain(ours)


def test_damaged_payloads_are_judged_alike(both):
    oracle, ours = both
    print(f"RESTORE_SEED={SEED} RESTORE_CASES={CASES}")
    rng = random.Random(SEED)
    objects = golden_objects()
    cases = [covered[:n] for covered in objects if len(covered) < 60 for n in range(len(covered))]
    while len(cases) < CASES:
        cases.append(damage(rng, rng.choice(objects), objects))
    counts = {"refused": 0, "taken": 0}
    for begin in range(0, len(cases), BATCH):
        batch = [covered + PADDING for covered in cases[begin:begin + BATCH]]
        commands = [["FLUSHALL"]]
        for i, covered in enumerate(batch):
            commands += [restore(f"k{i}", covered), *facts(f"k{i}")]
        theirs, mine = oracle.pipeline(commands), ours.pipeline(commands)
        assert mine is not None
        for i, covered in enumerate(batch):
            at = 1 + 4 * i
            if theirs is not None:
                a = [reply.raw for reply in theirs[at:at + 4]]
            else:
                a = ask(oracle, covered)
            if a is None:
                counts["crash"] = counts.get("crash", 0) + 1
                continue
            b = [reply.raw for reply in mine[at:at + 4]]
            if a == b:
                counts["taken" if a[0] == b"+OK\r\n" else "refused"] += 1
                continue
            reason = expected(covered, oracle, ours)
            assert reason, (f"RESTORE_SEED={SEED}\npayload {covered[:-len(PADDING)].hex()}\n"
                            f"redis-server: {a}\nours:         {b}")
            counts[reason] = counts.get(reason, 0) + 1
    print(counts)
    assert counts["refused"] > len(cases) // 10 and counts["taken"] > len(cases) // 50


def test_envelopes_are_judged_alike(both):
    oracle, ours = both
    for covered in golden_objects():
        dump = sign(covered)
        for bad in (dump[:-1], dump + b"\0", dump[:-1] + bytes([dump[-1] ^ 1]),
                    sign(covered, version=11), sign(covered, version=9), b"", dump[:10], dump[-10:]):
            command = [["RESTORE", "k", "0", bad, "REPLACE"]]
            assert oracle.pipeline(command)[0].raw == ours.pipeline(command)[0].raw, bad.hex()


def test_the_wanted_differences(both):
    """Redis lets these pass; if it ever stops, the rules in `expected` can go."""
    oracle, ours = both
    if not ours.server.is_ours:
        pytest.skip("redis-server does not differ from itself")
    listpack = lambda *entries: (struct.pack("<IH", 7 + sum(map(len, entries)), len(entries))
                                 + b"".join(entries) + b"\xff")
    a, b, one, two, nan = b"\x81a\x02", b"\x81b\x02", b"\x01\x01", b"\x02\x01", b"\x83nan\x04"
    blob = lambda data: bytes([len(data)]) + data
    for covered in (b"\x00\x05abc", b"\x02\x01\x03ab", b"\x11" + blob(listpack(a, nan))):
        reply = oracle.pipeline([["DEL", "k"], restore("k", covered)])[1].raw
        assert reply == b"+OK\r\n", covered
        reply = ours.pipeline([["DEL", "k"], restore("k", covered)])[1].raw
        assert reply == b"-ERR Bad data format\r\n", covered
    disorder = b"\x11" + blob(listpack(a, two, b, one))
    commands = [["DEL", "k"], restore("k", disorder), ["ZRANGE", "k", "0", "-1"]]
    assert oracle.pipeline(commands)[2].plain() == [b"a", b"b"]
    assert ours.pipeline(commands)[2].plain() == [b"b", b"a"]


def make_values(rng):
    """Commands that fill keys of every type, small and large, with odd elements."""
    def element():
        kind = rng.randrange(6)
        if kind == 0:
            return str(rng.randrange(-200, 200))
        if kind == 1:
            return str(rng.choice((1, -1)) * rng.getrandbits(rng.randrange(1, 63)))
        if kind == 2:
            return rng.choice(("", "007", "+1", "-0", "3.0", "9223372036854775808", "nan", "inf"))
        if kind == 3:
            return bytes(rng.randrange(256) for _ in range(rng.randrange(40)))
        if kind == 4:
            return "ab" * rng.randrange(200)
        return f"member:{rng.randrange(1000)}"

    def score():
        return rng.choice(("inf", "-inf", "0", "-0", str(rng.randrange(-5, 5)), repr(rng.uniform(-9, 9)),
                           "1e300", "5e-324", str(rng.getrandbits(60))))

    commands = [["HSET", "outgrown", "field", "long" * 30, "field", "short"]]
    for i in range(60):
        n = rng.choice((1, 2, 3, 8, 12, 13, 20, 21, 60, 300))
        commands.append(["RPUSH", f"list{i}", *(element() for _ in range(n))])
        commands.append(["SADD", f"set{i}", *(element() for _ in range(n))])
        commands.append(["SADD", f"ints{i}",
                         *(str(rng.randrange(-1 << rng.choice((6, 14, 30, 60)), 1 << 14)) for _ in range(n))])
        commands.append(["HSET", f"hash{i}", *(element() for _ in range(2 * n))])
        commands.append(["ZADD", f"zset{i}", *(w for _ in range(n) for w in (score(), element()))])
    return commands


def check_travel(source, target, oracle, keys):
    """Every key's DUMP by one server is on the other the same value, in the encoding that redis-server
    gives its own DUMP of the key. That is the encoding the key has, but for a hash that outgrew its
    listpack by a value that was replaced since: what is left of it is a listpack again."""
    for key in keys:
        dump, own = (server.pipeline([["DUMP", key]])[0].value for server in (source, oracle))
        source_facts, own_facts = ([reply.raw for reply in server.pipeline(facts(key))]
                                   for server in (source, oracle))
        assert source_facts == own_facts, key
        copies = []
        for server, payload in ((oracle, own), (target, dump)):
            reply = server.pipeline([["RESTORE", "copy", "0", payload, "REPLACE"]])[0]
            assert reply.raw == b"+OK\r\n", (key, payload.hex(), reply)
            copies.append([reply.raw for reply in server.pipeline(facts("copy"))])
            server.pipeline([["DEL", "copy"]])
        assert copies[1] == copies[0], (key, dump.hex())
        assert copies[1][::2] == source_facts[::2], (key, dump.hex())


@pytest.mark.parametrize("compression", ["yes", "no"])
def test_values_travel_in_both_directions(both, compression):
    oracle, ours = both
    print(f"RESTORE_SEED={SEED}")
    rng = random.Random(SEED)
    commands = [["CONFIG", "SET", "rdbcompression", compression], *make_values(rng)]
    assert [r.raw for r in oracle.pipeline(commands)] == [r.raw for r in ours.pipeline(commands)]
    keys = sorted({command[1] for command in commands[1:]})
    check_travel(ours, oracle, oracle, keys)
    check_travel(oracle, ours, oracle, keys)
    # Old objects, read by both, come back as what Redis 7.0 writes.
    for number, covered in enumerate(golden_objects()):
        command = [restore(f"old{number}", covered)]
        assert oracle.pipeline(command)[0].raw == ours.pipeline(command)[0].raw == b"+OK\r\n"
        keys.append(f"old{number}")
    check_travel(ours, oracle, oracle, keys)
    check_travel(oracle, ours, oracle, keys)
    # Lists and packed values have one form: there the bytes are the same. (Our DUMP compresses
    # always.)
    for key in keys if compression == "yes" else ():
        a, b = (server.pipeline([["DUMP", key]])[0].value for server in (oracle, ours))
        if a[0] in (11, 16, 17, 18):
            assert a.hex() == b.hex(), key


def test_cold_values_travel_too(both):
    oracle, ours = both
    if not ours.server.is_ours:
        pytest.skip("only our server spills")
    rng = random.Random(SEED)
    commands = make_values(rng)
    assert [r.raw for r in oracle.pipeline(commands)] == [r.raw for r in ours.pipeline(commands)]
    keys = sorted({command[1] for command in commands})
    before = [ours.pipeline(facts(key)) for key in keys]
    spilled = ours.pipeline([["DEBUG", "SPILL"]])[0]
    assert not spilled.is_error(), spilled
    check_travel(ours, oracle, oracle, keys)
    for key, old in zip(keys, before):
        assert [r.raw for r in ours.pipeline(facts(key))] == [r.raw for r in old], key
