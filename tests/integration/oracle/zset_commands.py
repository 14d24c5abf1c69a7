"""Calls of the sorted-set commands, for commands.py.

Sorted sets have keys of their own, because SET overwrites everything else soon. Those of `LEX_KEYS` hold
members of one score only: what ranges by name mean otherwise depends, on redis-server, on the random
levels of its skiplist. What else these commands get are keys of the other families, which hardly ever
hold a sorted set, and one that nobody writes.
"""
from oracle import hash_commands, list_commands, set_commands

KEYS = [b"z%d" % number for number in range(16)]
LEX_KEYS = [b"lex%d" % number for number in range(6)]
NOT_LEX_KEYS = list_commands.KEYS + hash_commands.KEYS + set_commands.KEYS + [b"nolex"]

# CONFIG SET arguments: conversions happen all the time, at changing sizes.
SETTINGS = [["zset-max-listpack-entries", number] for number in (0, 3, 12, 128)] + [
    ["zset-max-listpack-value", number] for number in (0, 5, 20, 64)] + [
    ["zset-max-ziplist-entries", 20], ["zset-max-ziplist-value", "1kb"]]
DEFAULT_SETTINGS = [["zset-max-listpack-entries", 12], ["zset-max-listpack-value", 20]]

# Commands that leave something at the key "payload", whose DUMP RESTORE gets.
PAYLOADS = [
    ["ZADD", "payload", "1", "a", "2", "b", "-inf", "c", "inf", "d", "1.5", "1", "-0", "e"],
    ["ZADD", "payload", "0", "x" * 70, "1e300", "y" * 300],
    ["ZADD", "payload"] + [word for number in range(200) for word in (str(number / 3), f"member{number}")],
]

ODD_SCORES = ["0", "-0", "inf", "-inf", "+inf", "Infinity", "nan", "1e400", "-1e400", "1e-400", "abc", "", " 1",
              "1 ", "0x10", "1e5", "9007199254740993", "-9007199254740992", "12345678901234567890", "0.1",
              "3.0000000000000000001", "+5", "1_0", "5e-324", "1.7976931348623157e308", "1e17", "4503599627370497"]
ODD_ENDS = ["(1", "[1", "(inf", "(", "", " 1", "1e400", "-inf", "+inf", "inf", "nan", "abc", "(abc", "((1", "1x",
            "(-0", "0x1", "1\x00junk", "+"]
LEX_ENDS = ["-", "+", "[a", "(a", "[b", "(m", "[m1", "(m2", "[", "(", "a", "", "[\xff", "--", "+x", "[zzz",
            "-\x00", "[5", "(10"]


def zkey(draw):
    if draw.chance(0.05):
        return draw.key()
    return KEYS[int(draw.rng.random() ** 1.5 * len(KEYS))]


def lex_key(draw):
    return draw.pick(NOT_LEX_KEYS) if draw.chance(0.04) else draw.pick(LEX_KEYS)


def input_key(draw):
    """Of an operation over several: sorted sets, sets, and now and then something else."""
    return draw.pick(set_commands.KEYS) if draw.chance(0.15) else zkey(draw)


def member(draw):
    kind = draw.rng.random()
    if kind < 0.55:
        return b"m%d" % draw.rng.randint(0, 40)
    if kind < 0.75:
        return b"%d" % draw.rng.randint(-3, 12)
    if kind < 0.85:
        return draw.pick(["a", "b", "aa", "abc", "B", "", "01", "-0", "4294967296", "1.5"])
    if kind < 0.9:
        return draw.pick([b"\x00", b"\xff\xff", b"a\x00b", b"x" * 19, b"x" * 20, b"x" * 21, b"y" * 63,
                          b"y" * 64, b"y" * 65, b"w" * 300])
    return draw.value()


def members(draw, most=5):
    return [member(draw) for _ in range(draw.rng.randint(1, most))]


def score(draw):
    kind = draw.rng.random()
    if kind < 0.6:
        return draw.rng.randint(-5, 20)
    if kind < 0.75:
        return draw.rng.randint(-40, 40) / 4
    if kind < 0.85:
        return repr(draw.rng.uniform(-1e6, 1e6))
    if kind < 0.97:
        return draw.pick(["inf", "-inf", "-0", "1e5", "0.1", "1e17", "9007199254740993"])
    return draw.pick(ODD_SCORES)


def end(draw):
    kind = draw.rng.random()
    if kind < 0.5:
        return draw.rng.randint(-6, 21)
    if kind < 0.65:
        return "(%d" % draw.rng.randint(-6, 21)
    if kind < 0.85:
        return draw.pick(["-inf", "+inf"])
    return draw.pick(ODD_ENDS)


def lex_end(draw):
    if draw.chance(0.4):
        return draw.pick(["-", "+"])
    if draw.chance(0.5):
        return draw.pick([b"[", b"("]) + (b"m%d" % draw.rng.randint(0, 40))
    return draw.pick(LEX_ENDS)


def limit(draw):
    words = [draw.case("LIMIT"), draw.pick([0, 0, 1, 2, 5, 50, -1, "abc"]), draw.pick([-1, 0, 1, 3, 10, -5, 100])]
    return words[:-1] if draw.chance(0.03) else words


def _zadd(draw):
    words = [zkey(draw)]
    if draw.chance(0.45):
        for option in ("NX", "XX", "GT", "LT", "CH", "INCR"):
            if draw.chance(0.2):
                words.append(draw.case(option))
    # Long ones now and then, so that some sets outgrow every threshold.
    count = draw.rng.randint(1, 6) if draw.chance(0.95) else draw.rng.randint(100, 200)
    if draw.chance(0.3):
        count = 1
    for _ in range(count):
        words += [score(draw), member(draw)]
    return words[:-1] if draw.chance(0.02) else words


def _zadd_any(draw):
    if draw.chance(0.75):
        return _zadd(draw)
    words = [draw.pick(LEX_KEYS)]  # never one of another type: see above
    for _ in range(draw.rng.randint(1, 8)):
        words += ["0", member(draw)]
    return words


def _zrange_words(draw, lex_allowed=True):
    """(key, ends and options) of ZRANGE and ZRANGESTORE."""
    kind = draw.rng.random()
    words = []
    if kind < 0.4:
        key, words = zkey(draw), [draw.index(), draw.index()]
    elif kind < 0.75 or not lex_allowed:
        key, words = zkey(draw), [end(draw), end(draw), draw.case("BYSCORE")]
    else:
        key, words = lex_key(draw), [lex_end(draw), lex_end(draw), draw.case("BYLEX")]
    if draw.chance(0.35):
        words.append(draw.case("REV"))
    if draw.chance(0.3):
        words += limit(draw)
    if draw.chance(0.03):
        words.append(draw.pick(["BOGUS", "BYSCORE", "BYLEX", "REV"]))
    return key, words


def _zrange(draw):
    key, words = _zrange_words(draw)
    if draw.chance(0.4):
        words.insert(draw.rng.randint(2, len(words)), draw.case("WITHSCORES"))
    return [key] + words


def _zrangestore(draw):
    key, words = _zrange_words(draw)
    # What comes from a set of one score may go to the same kind alone, and nothing else there.
    target = draw.pick(LEX_KEYS) if key in LEX_KEYS and draw.chance(0.5) else draw.pick(KEYS)
    return [target, key] + words


def _by_score(draw):
    words = [zkey(draw), end(draw), end(draw)]
    if draw.chance(0.4):
        words.append(draw.case("WITHSCORES"))
    if draw.chance(0.3):
        words += limit(draw)
    if draw.chance(0.02):
        words.append(draw.pick(["BOGUS", "REV", "BYLEX"]))
    return words


def _by_lex(draw):
    words = [lex_key(draw), lex_end(draw), lex_end(draw)]
    if draw.chance(0.3):
        words += limit(draw)
    if draw.chance(0.03):
        words.append(draw.pick(["BOGUS", "REV", "WITHSCORES"]))
    return words


def _by_rank(draw):
    words = [zkey(draw), draw.index(), draw.index()]
    if draw.chance(0.4):
        words.append(draw.case("WITHSCORES"))
    if draw.chance(0.02):
        words += draw.pick([["LIMIT", 0, 1], ["LIMIT", 0, -1], ["BOGUS"]])
    return words


def _counted(draw, keys):
    if draw.chance(0.04):
        return [draw.pick(["0", "-1", "abc", "", "99", "9223372036854775807", len(keys) + 1])] + keys
    return [len(keys)] + keys


def _combine(weights=True, stores=False):
    def write(draw):
        keys = [input_key(draw) for _ in range(draw.rng.randint(1, 4))]
        words = ([draw.pick(KEYS)] if stores else []) + _counted(draw, keys)
        options = []
        if weights and draw.chance(0.4):
            count = len(keys) if draw.chance(0.93) else draw.rng.randint(0, 5)
            options.append([draw.case("WEIGHTS")] + [score(draw) for _ in range(count)])
        if weights and draw.chance(0.4):
            options.append([draw.case("AGGREGATE"), draw.case(draw.pick(["SUM", "MIN", "MAX", "MAX"]))])
        if draw.chance(0.4 if not stores else 0.03):
            options.append([draw.case("WITHSCORES")])
        if draw.chance(0.03):
            options.append(draw.pick([["BOGUS"], ["AGGREGATE"], ["AGGREGATE", "AVG"], ["LIMIT", "1"],
                                      ["WEIGHTS", "1"], ["AGGREGATE", "SUM"]]))
        draw.rng.shuffle(options)
        for option in options:
            words += option
        return words
    return write


def _zintercard(draw):
    words = _counted(draw, [input_key(draw) for _ in range(draw.rng.randint(1, 3))])
    if draw.chance(0.4):
        words += [draw.case("LIMIT"), draw.pick([0, 1, 2, 100, -1, "abc", ""])]
    if draw.chance(0.03):
        words.append(draw.pick(["BOGUS", "LIMIT", "WITHSCORES"]))
    return words


def _pop(draw):
    words = [zkey(draw)]
    if draw.chance(0.5):
        words.append(draw.pick([0, 1, 2, 3, 10, -1, "abc", ""]))
    if draw.chance(0.02):
        words.append("x")
    return words


def _zmpop(draw):
    words = _counted(draw, [zkey(draw) for _ in range(draw.rng.randint(1, 3))])
    words.append(draw.case(draw.pick(["MIN", "MAX", "MIN", "MAX", "MID"])))
    if draw.chance(0.4):
        words += [draw.case("COUNT"), draw.pick([1, 2, 5, 0, -1, "abc"])]
    if draw.chance(0.03):
        words += draw.pick([["COUNT"], ["COUNT", "1"], ["BOGUS"]])
    return words


def _zrandmember(draw):
    words = [zkey(draw)]
    if draw.chance(0.7):
        words.append(draw.pick([0, 1, 2, 5, 50, -1, -3, -20, "abc", "9223372036854775808",
                                "-9223372036854775808", "9223372036854775807"]))
        if words[-1] != "9223372036854775807" and draw.chance(0.4):
            words.append(draw.case("WITHSCORES"))
        if draw.chance(0.03):
            words.append("BOGUS")
    return words


def _zscan(draw):
    words = [zkey(draw), draw.pick(["0", "0", "0", "abc", "", "-1x"])]
    if draw.chance(0.4):
        words += [draw.case("MATCH"), draw.pick(["*", "m*", "m1?", "[0-9]*", "", "nomatch"])]
    if draw.chance(0.9):
        words += [draw.case("COUNT"), draw.pick([100000, 100000, 100000, 0, -1, "abc"])]
    else:
        words += draw.pick([["COUNT"], ["TYPE", "zset"], ["BOGUS", "1"], ["COUNT", "0"]])
    return words


def scan_step(draw):
    """A full iteration: command, key, options."""
    words = ["ZSCAN", draw.pick(KEYS + LEX_KEYS)]
    if draw.chance(0.5):
        words += ["COUNT", draw.pick([1, 5, 100])]
    if draw.chance(0.3):
        words += ["MATCH", draw.pick(["*", "m*", "m1?", "[0-9]*"])]
    return words


def drawn_step(draw):
    """Random picks, and the command that says what they may be picked from."""
    words = ["ZRANGE", "ZRANDMEMBER", draw.pick(KEYS), draw.pick([1, 2, 3, 8, 30, 1000, -1, -2, -30])]
    return words + ["WITHSCORES"] if draw.chance(0.5) else words


# name: (weight, function)
COVERED = {
    "ZADD": (70, _zadd_any),
    "ZINCRBY": (12, lambda d: [zkey(d), score(d), member(d)]),
    "ZREM": (14, lambda d: [zkey(d) if d.chance(0.8) else lex_key(d)] + members(d)),
    "ZCARD": (6, lambda d: [zkey(d)]),
    "ZSCORE": (8, lambda d: [zkey(d), member(d)]),
    "ZMSCORE": (5, lambda d: [zkey(d)] + members(d)),
    "ZRANK": (8, lambda d: [zkey(d), member(d)]),
    "ZREVRANK": (6, lambda d: [zkey(d), member(d)]),
    "ZCOUNT": (8, lambda d: [zkey(d), end(d), end(d)]),
    "ZLEXCOUNT": (6, lambda d: [lex_key(d), lex_end(d), lex_end(d)]),
    "ZRANGE": (16, _zrange),
    "ZRANGESTORE": (8, _zrangestore),
    "ZREVRANGE": (6, _by_rank),
    "ZRANGEBYSCORE": (10, _by_score),
    "ZREVRANGEBYSCORE": (10, _by_score),
    "ZRANGEBYLEX": (8, _by_lex),
    "ZREVRANGEBYLEX": (8, _by_lex),
    "ZREMRANGEBYRANK": (3, lambda d: [zkey(d), d.index(), d.index()]),
    "ZREMRANGEBYSCORE": (3, lambda d: [zkey(d), end(d), end(d)]),
    "ZREMRANGEBYLEX": (3, lambda d: [lex_key(d), lex_end(d), lex_end(d)]),
    "ZPOPMIN": (8, _pop),
    "ZPOPMAX": (8, _pop),
    "ZMPOP": (6, _zmpop),
    "ZRANDMEMBER": (6, _zrandmember),
    "ZUNION": (6, _combine()),
    "ZINTER": (6, _combine()),
    "ZDIFF": (6, _combine(weights=False)),
    "ZUNIONSTORE": (6, _combine(stores=True)),
    "ZINTERSTORE": (4, _combine(stores=True)),
    "ZDIFFSTORE": (4, _combine(weights=False, stores=True)),
    "ZINTERCARD": (5, _zintercard),
    "ZSCAN": (4, _zscan),
}
