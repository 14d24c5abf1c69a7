"""What the oracle sends: for each command a function that writes one odd but plausible call.

`COVERED` maps a command to (weight, function(draw) -> argv after the name). `NOT_YET` lists every
other command of redis-server 7.0.15, by the family in which it will come; test_oracle.py checks that
the two together are exactly what redis-server's COMMAND LIST says, so nothing is forgotten. To grow
the oracle: move a name from NOT_YET to COVERED and write its function.

Arguments come from Draw: mostly valid ones from small pools, so that commands meet each other's keys,
and now and then an odd one (wrong type, wrong case, huge, negative, binary, empty, missing, surplus).

The collections have files of their own (FAMILIES), each with its COVERED, its KEYS, SETTINGS that change
when a value is converted (DEFAULT_SETTINGS at the start), and PAYLOADS for RESTORE.
"""
import random
import string

from oracle import hash_commands, list_commands, set_commands, zset_commands

FAMILIES = [list_commands, hash_commands, set_commands, zset_commands]

# Large TTLs only: nothing may expire between the two servers' clocks. Short ones and times in the past
# come from the macros in generator.py, which wait until both servers agree.
HOUR_S = 3600
FAR_FUTURE_S = 4102444800  # 2100-01-01, as EXAT and EXPIREAT take it

ODD_INTEGERS = [
    "0", "-0", "+1", "-1", " 1", "1 ", "01", "", "abc", "1.5", "1e3", "0x10", "nan", "9" * 30,
    "9223372036854775807", "9223372036854775808", "-9223372036854775808", "-9223372036854775809",
    "4294967296", "2147483647", "2147483648", "-2147483649", "1\x00", "999999999999999",
]
ODD_FLOATS = [
    "0", "-0", "3.14", "1e10", "-1.5e-5", "inf", "-inf", "nan", "abc", "", " 1", "1 ", "0x1p4",
    "1e400", "1e-400", "1e308", "5.0e3", ".5", "5.", "1e5000", "-1e308", "0.1", "0.30000000000000004",
    "3.0000000000000000001", "17179869184", "1_000", "+3",
]
PATTERNS = ["*", "k*", "k?", "k[0-4]*", "k[^1]*", "k[4-0]*", "\\k1", "*1*2*", "", "[", "k[", "k[1",
            "nomatch", "**", "*a*b*c*d*e*f*", "b\x00*", "?", "K*", "*\\"]


class Draw:
    """Random arguments from one seeded source."""

    def __init__(self, rng, payloads):
        self.rng = rng
        self.payloads = payloads  # DUMP payloads made by the oracle itself
        self.family_keys = [key for family in FAMILIES for key in family.KEYS]
        self.plain_keys = [b"k%d" % number for number in range(160)]
        self.odd_keys = [b"", b"b\x00in", b"\xff\xfe", b"k" * 300, b"{tag}1", b"{tag}2", b"{}x",
                         b"sp ace", b"new\r\nline", b"counter", b"float", b"Foo", b"foo"]

    def chance(self, probability):
        return self.rng.random() < probability

    def pick(self, items):
        return self.rng.choice(items)

    def key(self):
        if self.chance(0.06):
            return self.pick(self.odd_keys)
        if self.chance(0.1):
            return self.pick(self.pick(FAMILIES).KEYS)
        # Squared: some keys are touched often, some seldom, so that some stay cold.
        return self.plain_keys[int(self.rng.random() ** 2 * len(self.plain_keys))]

    def keys(self, most=4):
        return [self.key() for _ in range(self.rng.randint(1, most))]

    def case(self, word):
        return word if self.chance(0.8) else self.pick([word.lower(), word.title()])

    def value(self):
        kind = self.rng.random()
        if kind < 0.25:
            return b"%d" % self.rng.randint(-10, 20000)
        if kind < 0.35:
            return self.pick(ODD_INTEGERS).encode()
        if kind < 0.42:
            return self.pick(ODD_FLOATS).encode()
        if kind < 0.47:
            return b""
        if kind < 0.55:
            return self.rng.randbytes(self.pick([1, 43, 44, 45, 64, 255, 256, 257]))
        if kind < 0.60:  # compressible: RDB's LZF form
            return self.pick([b"a", b"ab", b"abc "]) * self.rng.randint(5, 400)
        if kind < 0.63:
            return self.rng.randbytes(self.rng.randint(300, 6000))
        return "".join(self.rng.choices(string.ascii_letters + " ", k=self.rng.randint(1, 40))).encode()

    def integer(self, low=-100, high=100):
        if self.chance(0.12):
            return self.pick(ODD_INTEGERS)
        return self.rng.randint(low, high)

    def offset(self):
        if self.chance(0.12):
            return self.pick(["-1", "536870911", "536870912", "4294967295", "9223372036854775807",
                              "abc", "", "-9223372036854775808"])
        return self.rng.randint(0, 300 if self.chance(0.9) else 5000)

    def index(self):
        if self.chance(0.1):
            return self.pick(ODD_INTEGERS)
        return self.rng.randint(-60, 60)

    def float(self):
        if self.chance(0.4):
            return self.pick(ODD_FLOATS)
        return repr(self.rng.uniform(-1000, 1000))

    def seconds(self):
        if self.chance(0.08):
            return self.pick(["0", "-1", "abc", "", "9223372036854775807", "9223372036854776",
                              "-9223372036854775808", "1.5", "9" * 25])
        return self.rng.randint(HOUR_S, 1000 * HOUR_S)

    def milliseconds(self):
        if self.chance(0.08):
            return self.pick(["0", "-1", "abc", "", "9223372036854775807", "-9223372036854775808", "1.5"])
        return self.rng.randint(HOUR_S, 1000 * HOUR_S) * 1000

    def unix_seconds(self):
        if self.chance(0.08):
            return self.pick(["0", "-1", "abc", "9223372036854775807", "9223372036854776"])
        return FAR_FUTURE_S + self.rng.randint(0, 10 ** 6)

    def unix_milliseconds(self):
        if self.chance(0.08):
            return self.pick(["0", "-1", "abc", "9223372036854775807"])
        return FAR_FUTURE_S * 1000 + self.rng.randint(0, 10 ** 9)

    def database(self):
        if self.chance(0.06):
            return self.pick(["-1", "16", "abc", "", "99999999999999999999", "1.0", "15"])
        return self.rng.randint(0, 3)

    def expiry_option(self, extra=()):
        """One expiry option of SET or GETEX, sometimes two or with its number missing."""
        forms = {"EX": self.seconds, "PX": self.milliseconds,
                 "EXAT": self.unix_seconds, "PXAT": self.unix_milliseconds}
        name = self.pick(list(forms) + list(extra))
        words = [self.case(name)]
        if name in forms and not self.chance(0.03):
            # Valid times in the past come from macros alone: when a key past its deadline vanishes from
            # DBSIZE depends on who meets it first.
            words.append(forms[name]())
        return words


def _set(draw):
    words = [draw.key(), draw.value()]
    if draw.chance(0.5):
        options = []
        if draw.chance(0.35):
            options.append([draw.case(draw.pick(["NX", "XX"]))])
        if draw.chance(0.35):
            options.append([draw.case("GET")])
        if draw.chance(0.5):
            options.append(draw.expiry_option(["KEEPTTL"]))
        if draw.chance(0.04):
            options.append([draw.pick(["NX", "XX", "KEEPTTL", "BOGUS", "", "EX", "PXAT"])])
        draw.rng.shuffle(options)
        for option in options:
            words += option
    return words


def _getex(draw):
    words = [draw.key()]
    if draw.chance(0.7):
        words += draw.expiry_option(["PERSIST"])
    if draw.chance(0.05):
        words.append(draw.pick(["PERSIST", "BOGUS", "EX"]))
    return words


def _mset(draw):
    words = []
    for _ in range(draw.rng.randint(1, 5)):
        words += [draw.key(), draw.value()]
    return words[:-1] if draw.chance(0.04) else words


def _lcs(draw):
    words = [draw.pick([b"lcs1", b"lcs2", draw.key()]), draw.pick([b"lcs1", b"lcs2", draw.key()])]
    for option in ("LEN", "IDX", "WITHMATCHLEN"):
        if draw.chance(0.3):
            words.append(draw.case(option))
    if draw.chance(0.2):
        words += ["MINMATCHLEN", draw.integer(-2, 6)]
    if draw.chance(0.04):
        words.append("BOGUS")
    return words


def _expire(time):
    def write(draw):
        words = [draw.key(), getattr(draw, time)()]
        for option in ("NX", "XX", "GT", "LT"):
            if draw.chance(0.12):
                words.append(draw.case(option))
        if draw.chance(0.02):
            words.append(draw.pick(["BOGUS", ""]))
        return words
    return write


def _scan_error(draw):
    """Calls of SCAN with a fixed reply; full iterations are a macro (generator.py)."""
    return draw.pick([
        ["abc"], ["-1", "COUNT", "0"], ["0", "COUNT", "0"], ["0", "COUNT", "-5"], ["0", "COUNT", "abc"],
        ["0", "MATCH"], ["0", "BOGUS", "1"], ["0", "COUNT"],
        ["18446744073709551616"], ["1.5"], ["0", "COUNT", "10", "MATCH"]])


def _copy(draw):
    words = [draw.key(), draw.key()]
    if draw.chance(0.4):
        words += [draw.case("DB"), draw.database()]
    if draw.chance(0.5):
        words.append(draw.case("REPLACE"))
    if draw.chance(0.04):
        words.append(draw.pick(["BOGUS", "DB"]))
    return words


def _restore(draw):
    payload = draw.pick(draw.payloads)
    if draw.chance(0.15):  # damaged: a flipped bit, a cut, nothing at all
        damage = draw.rng.randrange(3)
        if damage == 0:
            at = draw.rng.randrange(len(payload))
            payload = payload[:at] + bytes([payload[at] ^ (1 << draw.rng.randrange(8))]) + payload[at + 1:]
        else:
            payload = payload[:draw.rng.randrange(len(payload))] if damage == 1 else b""
    absolute = draw.chance(0.3)
    ttl = 0 if draw.chance(0.5) else (draw.unix_milliseconds() if absolute else draw.milliseconds())
    words = [draw.key(), ttl, payload]
    if draw.chance(0.7):
        words.append(draw.case("REPLACE"))
    if absolute:
        words.append(draw.case("ABSTTL"))
    if draw.chance(0.15):
        words += draw.pick([["IDLETIME", "10"], ["FREQ", "10"], ["IDLETIME", "-1"], ["FREQ", "256"],
                            ["IDLETIME", "abc"], ["BOGUS"], ["IDLETIME", "1", "FREQ", "1"]])
    return words


def _object(draw):
    sub = draw.pick(["ENCODING", "ENCODING", "ENCODING", "REFCOUNT", "IDLETIME", "FREQ", "BOGUS"])
    words = [draw.case(sub), draw.key()]
    if draw.chance(0.05):
        words = words[:1] if draw.chance(0.5) else words + ["x"]
    return words


def _memory(draw):
    return draw.pick([["USAGE", draw.key()], ["USAGE", draw.key(), draw.case("SAMPLES"), draw.integer(0, 9)],
                      ["USAGE", draw.key(), "SAMPLES"], ["USAGE", draw.key(), "BOGUS", 1], ["USAGE"], ["BOGUS"], [], ["STATS", "x"],
                      ["DOCTOR", "x"], ["MALLOC-STATS", "x"], ["PURGE", "x"]])


def _config(draw):
    if draw.chance(0.4):
        return ["SET"] + draw.pick(draw.pick(FAMILIES).SETTINGS)
    return draw.pick([
        ["GET", "maxmemory-policy"], ["GET", "hash-max-listpack-entries"], ["get", "databases"],
        ["GET", "appendfsync"], ["GET", "proto-max-bulk-len"], ["GET", "maxmemory-samples"],
        ["GET", "lfu-log-factor"], ["GET", "notify-keyspace-events"], ["GET", "timeout"],
        ["GET", "nosuchparameter"], ["GET", "tcp-keepalive"], ["GET", "slowlog-max-len"],
        ["GET", "zset-max-listpack-value"], ["GET", "MAXCLIENTS"], ["GET", "hz", "timeout"],
        ["GET", "list-max-*"], ["GET"], ["BOGUS"], ["SET"], ["SET", "timeout"], ["SET", "hz", "10"],
        ["SET", "nosuch", "1"], ["SET", "maxmemory-policy", "bogus"], ["SET", "maxmemory-samples", "0"],
        ["SET", "slowlog-max-len", "128"], ["SET", "slowlog-max-len", "abc"],
        ["SET", "hash-max-listpack-entries", "12", "hash-max-listpack-entries", "6"],
        ["SET", "lfu-log-factor", "-1"], ["SET", "port", "70000"], ["SET", "databases", "8"],
        ["SET", "timeout", "0", "tcp-keepalive", "300"], ["SET", "timeout", "0", "nosuch", "1"],
        ["RESETSTAT"], ["RESETSTAT", "x"]])


def _client(draw):
    return draw.pick([
        ["ID"], ["GETNAME"], ["SETNAME", "worker"], ["SETNAME", "bad name"], ["SETNAME", ""],
        ["SETNAME", "bad\nname"], ["INFO"], ["LIST", "TYPE", "normal"], ["LIST", "TYPE", "bogus"],
        ["LIST", "ID", "999999999"], ["LIST", "ID", "abc"], ["LIST", "BOGUS"],
        ["KILL", "ID", "999999999"], ["KILL", "ID", "-1"], ["KILL", "TYPE", "bogus"],
        ["KILL", "1.2.3.4:5"], ["KILL", "ADDR", "1.2.3.4:5"], ["KILL", "USER", "nosuch"],
        ["KILL", "SKIPME", "maybe"], ["KILL"], ["PAUSE", "abc"], ["PAUSE", "-1"],
        ["PAUSE", "1", "BOGUS"], ["UNPAUSE"], ["REPLY", "ON"], ["REPLY", "BOGUS"],
        ["UNBLOCK", "999999999"], ["UNBLOCK", "abc"], ["UNBLOCK", "999999999", "ERROR"],
        ["UNBLOCK", "999999999", "BOGUS"], ["NO-EVICT", "ON"], ["NO-EVICT", "OFF"],
        ["NO-EVICT", "x"], ["BOGUS"], ["GETNAME", "x"]])


KNOWN_FOR_COMMAND = [
    "get", "SET", "setex", "mset", "getrange", "incrbyfloat", "lcs", "getex", "append", "del", "exists",
    "expire", "ttl", "persist", "rename", "copy", "move", "swapdb", "select", "scan", "keys",
    "randomkey", "dump", "restore", "touch", "unlink", "type", "flushdb", "flushall", "dbsize", "multi",
    "exec", "discard", "watch", "unwatch", "ping", "echo", "info", "pexpireat", "object", "config",
    "client", "command", "debug", "lastsave", "hello", "auth", "object|encoding", "config|get",
    "client|kill", "command|getkeys", "nosuch", "get|nosuch", "", "subscribe", "psubscribe", "ssubscribe",
    "unsubscribe", "punsubscribe", "sunsubscribe", "publish", "spublish", "pubsub", "monitor", "slowlog"]
KNOWN_FOR_COMMAND += [name.lower() for family in FAMILIES for name in family.COVERED]


def _command(draw):
    if draw.chance(0.5):
        words = ["INFO"] if draw.chance(0.9) else ["info"]
        return words + [draw.pick(KNOWN_FOR_COMMAND) for _ in range(draw.rng.randint(1, 3))]
    return draw.pick([
        ["COUNT"], ["GETKEYS", "SET", "a", "b"], ["GETKEYS", "MSET", "a", "1", "b", "2"],
        ["GETKEYS", "GET"], ["GETKEYS", "PING"], ["GETKEYS", "nosuch", "a"], ["GETKEYS"],
        ["GETKEYS", "DEL", "a", "b", "c"], ["GETKEYS", "LCS", "a", "b", "LEN"],
        ["GETKEYS", "COPY", "a", "b"], ["GETKEYS", "OBJECT", "ENCODING", "a"],
        ["GETKEYSANDFLAGS", "SET", "a", "b"], ["GETKEYSANDFLAGS", "GETEX", "a"],
        ["GETKEYSANDFLAGS", "RENAME", "a", "b"], ["GETKEYSANDFLAGS", "MSET", "a", "1", "b", "2"],
        ["GETKEYS", "LMPOP", "2", "a", "b", "LEFT"], ["GETKEYS", "LMPOP", "3", "a", "b", "LEFT"],
        ["GETKEYS", "LMPOP", "0", "a", "LEFT"], ["GETKEYSANDFLAGS", "LMOVE", "a", "b", "LEFT", "LEFT"],
        ["GETKEYSANDFLAGS", "LMPOP", "1", "a", "LEFT"], ["GETKEYSANDFLAGS", "LPOP", "a"],
        ["COUNT", "x"], ["BOGUS"], ["LIST", "FILTERBY", "BOGUS", "x"], ["LIST", "FILTERBY", "PATTERN"]])


def _info(draw):
    return draw.pick([["keyspace"], ["KEYSPACE"], ["keyspace", "keyspace"], ["nosuchsection"]])


def _key(draw):
    return [draw.key()]


def _no_arguments(draw):
    return []


# name: (weight, function)
COVERED = {
    # strings
    "SET": (60, _set),
    "GET": (40, _key),
    "SETNX": (6, lambda d: [d.key(), d.value()]),
    "SETEX": (6, lambda d: [d.key(), d.seconds(), d.value()]),
    "PSETEX": (6, lambda d: [d.key(), d.milliseconds(), d.value()]),
    "GETSET": (6, lambda d: [d.key(), d.value()]),
    "GETDEL": (5, _key),
    "GETEX": (10, _getex),
    "MGET": (10, lambda d: d.keys(6)),
    "MSET": (8, _mset),
    "MSETNX": (5, _mset),
    "APPEND": (14, lambda d: [d.key(), d.value()]),
    "STRLEN": (8, _key),
    "INCR": (12, _key),
    "DECR": (8, _key),
    "INCRBY": (8, lambda d: [d.key(), d.integer()]),
    "DECRBY": (8, lambda d: [d.key(), d.integer()]),
    "INCRBYFLOAT": (10, lambda d: [d.pick([b"float", d.key()]), d.float()]),
    "GETRANGE": (10, lambda d: [d.key(), d.index(), d.index()]),
    "SUBSTR": (3, lambda d: [d.key(), d.index(), d.index()]),
    "SETRANGE": (10, lambda d: [d.key(), d.offset(), d.value()]),
    "LCS": (5, _lcs),
    # keys
    "DEL": (10, lambda d: d.keys()),
    "UNLINK": (5, lambda d: d.keys()),
    "EXISTS": (10, lambda d: d.keys()),
    "TOUCH": (5, lambda d: d.keys()),
    "TYPE": (6, _key),
    "EXPIRE": (10, _expire("seconds")),
    "PEXPIRE": (6, _expire("milliseconds")),
    "EXPIREAT": (6, _expire("unix_seconds")),
    "PEXPIREAT": (6, _expire("unix_milliseconds")),
    "TTL": (8, _key),
    "PTTL": (6, _key),
    "EXPIRETIME": (5, _key),
    "PEXPIRETIME": (5, _key),
    "PERSIST": (8, _key),
    "RENAME": (10, lambda d: [d.key(), d.key()]),
    "RENAMENX": (8, lambda d: [d.key(), d.key()]),
    "COPY": (10, _copy),
    "MOVE": (6, lambda d: [d.key(), d.database()]),
    "DUMP": (8, _key),
    "RESTORE": (10, _restore),
    "OBJECT": (12, _object),
    "KEYS": (1.5, lambda d: [d.pick(PATTERNS)]),
    "SCAN": (2, _scan_error),
    "RANDOMKEY": (2, _no_arguments),
    # databases and transactions
    "SELECT": (4, lambda d: [d.database()]),
    "SWAPDB": (1.5, lambda d: [d.database(), d.database()]),
    "FLUSHDB": (0.3, lambda d: d.pick([[], ["ASYNC"], ["sync"], ["BOGUS"]])),
    "FLUSHALL": (0.1, lambda d: d.pick([[], ["ASYNC"], ["SYNC"], ["BOGUS"], ["SYNC", "x"]])),
    "DBSIZE": (4, _no_arguments),
    "MULTI": (4, _no_arguments),
    "EXEC": (6, _no_arguments),
    "DISCARD": (1.5, _no_arguments),
    "WATCH": (4, lambda d: d.keys(3)),
    "UNWATCH": (1.5, _no_arguments),
    # the connection and the server
    "PING": (2, lambda d: d.pick([[], [d.value()], ["a", "b"]])),
    "ECHO": (1, lambda d: [d.value()]),
    "HELLO": (1.5, lambda d: d.pick([["2"], ["3"], ["4"], ["abc"], [], ["3", "SETNAME", "x"],
                                     ["2", "BOGUS"], ["3", "AUTH", "default"], ["1"]])),
    "AUTH": (0.7, lambda d: d.pick([["x"], ["default", "x"], ["nosuch", "x"], ["a", "b", "c"]])),
    "RESET": (0.7, _no_arguments),
    "INFO": (2, _info),
    "CONFIG": (4, _config),
    "MEMORY": (2, _memory),
    "CLIENT": (5, _client),
    "COMMAND": (5, _command),
    "DEBUG": (2, lambda d: d.pick([["DIGEST-VALUE", d.key(), d.key()], ["DIGEST-VALUE"], ["BOGUS"]])),
    "LASTSAVE": (0.3, _no_arguments),
    "TIME": (0.3, _no_arguments),
    "WAIT": (0.3, lambda d: d.pick([["0", "1"], ["abc", "1"], ["0", "-1"], ["0", "abc"]])),
}

for _family in FAMILIES:
    COVERED.update(_family.COVERED)

# Sent by macros or by other tests, not by the generator.
ELSEWHERE = {
    "QUIT": "test_protocol.py", "SHUTDOWN": "test_config.py", "BGREWRITEAOF": "test_config.py",
    "SAVE": "answers an error until RDB files are written",
    "SORT": "sent by a macro", "SORT_RO": "sent by a macro",
    "BGSAVE": "answers an error until RDB files are written",
    **dict.fromkeys(["PSUBSCRIBE", "PUBLISH", "PUBSUB", "PUNSUBSCRIBE", "SPUBLISH", "SSUBSCRIBE", "SUBSCRIBE",
                     "SUNSUBSCRIBE", "UNSUBSCRIBE"], "test_pubsub.py"),
    **dict.fromkeys(["BLMOVE", "BLMPOP", "BLPOP", "BRPOP", "BRPOPLPUSH", "BZMPOP", "BZPOPMAX", "BZPOPMIN"],
                    "test_blocking.py"),
    "MONITOR": "test_observation.py", "SLOWLOG": "test_observation.py",
}

NOT_YET = {
    "streams": "XACK XADD XAUTOCLAIM XCLAIM XDEL XGROUP XINFO XLEN XPENDING XRANGE XREAD XREADGROUP "
               "XREVRANGE XSETID XTRIM",
    "bits": "BITCOUNT BITFIELD BITFIELD_RO BITOP BITPOS GETBIT SETBIT",
    "hyperloglogs": "PFADD PFCOUNT PFDEBUG PFMERGE PFSELFTEST",
    "geo": "GEOADD GEODIST GEOHASH GEOPOS GEORADIUS GEORADIUSBYMEMBER GEORADIUSBYMEMBER_RO "
           "GEORADIUS_RO GEOSEARCH GEOSEARCHSTORE",
    "scripting": "EVAL EVALSHA EVALSHA_RO EVAL_RO FCALL FCALL_RO FUNCTION SCRIPT",
    "access control": "ACL",
    "replication": "FAILOVER PSYNC REPLCONF REPLICAOF ROLE SLAVEOF SYNC",
    "cluster": "ASKING CLUSTER MIGRATE READONLY READWRITE RESTORE-ASKING",
    "observation": "LATENCY LOLWUT MODULE",
}


def not_yet_names():
    return {name for names in NOT_YET.values() for name in names.split()}


def rng_for(seed):
    return random.Random(f"thermocline-oracle-{seed}")
