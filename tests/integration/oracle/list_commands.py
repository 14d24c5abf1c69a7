"""The list family for the oracle; see commands.py for how it is used.

Lists live under few keys of their own and hold few different elements, so that searches find
something and lists grow; now and then a key of another type, or an odd element. DUMP, which is
compared to the byte, shows where nodes begin and end: their limit is drawn once for all steps, because
Redis's lists keep the limit that they were made with, ours follow the directive.
"""

KEYS = [b"list%d" % number for number in range(14)]

SETTINGS = [["list-max-listpack-size", "abc"], ["list-max-ziplist-size", "9" * 12]]  # refused
DEFAULT_SETTINGS = [["list-max-listpack-size", -2]]
NODE_LIMITS = ["1", "2", "3", "5", "16", "-1", "-2", "-5", "128", "0", "-6", "-100", "40000"]

# Values for RESTORE: commands that fill the key "payload".
PAYLOADS = [
    ["RPUSH", "payload", "a"],
    ["RPUSH", "payload", "1", "-1", "127", "128", "4095", "-4096", "32768", "8388608", "2147483648",
     "-9223372036854775808", "9223372036854775808", "007", ""],
    ["RPUSH", "payload"] + [b"element:%d" % number for number in range(60)],
    ["RPUSH", "payload"] + [b"x" * size for size in (63, 64, 4095, 4096, 5000, 9000, 100)],
]


def _key(draw):
    return draw.key() if draw.chance(0.04) else draw.pick(KEYS)


def _element(draw):
    if draw.chance(0.12):
        return draw.value()
    return draw.pick([b"a", b"b", b"c", b"1", b"2", b"-7", b"300", b"007", b"", b"x" * 70, b"y" * 600])


def _elements(draw, most=6):
    count = draw.rng.randint(20, 80) if draw.chance(0.05) else draw.rng.randint(1, most)
    return [_element(draw) for _ in range(count)]


def _index(draw):
    return draw.integer(-2, 2) if draw.chance(0.3) else draw.integer(-40, 40)


def _count(draw):
    return draw.integer(-3, 3) if draw.chance(0.7) else draw.integer(-20, 20)


def _end(draw):
    return draw.pick(["MIDDLE", "", "LEF"]) if draw.chance(0.02) else draw.case(draw.pick(["LEFT", "RIGHT"]))


def _pop(draw):
    return [_key(draw)] + ([draw.integer(-1, 8)] if draw.chance(0.4) else [])


def _insert(draw):
    where = draw.case(draw.pick(["BEFORE", "AFTER"])) if draw.chance(0.97) else "BESIDE"
    return [_key(draw), where, _element(draw), _element(draw)]


def _pos(draw):
    words = [_key(draw), _element(draw)]
    options = [["RANK", draw.integer(-3, 3)], ["COUNT", draw.integer(-1, 4)],
               ["MAXLEN", draw.integer(-1, 30)]]
    draw.rng.shuffle(options)
    for name, number in options:
        if draw.chance(0.4):
            words += [draw.case(name)] + ([] if draw.chance(0.02) else [number])
    return words + (["BOGUS"] if draw.chance(0.02) else [])


def _multi_pop(draw):
    keys = [_key(draw) for _ in range(draw.rng.randint(1, 4))]
    count = len(keys)
    if draw.chance(0.08):
        count = draw.pick([0, -1, count + 1, count - 1, "abc", "", "2147483648", "9" * 30])
    words = [count] + keys + [_end(draw)]
    if draw.chance(0.5):
        words += [draw.case("COUNT"), draw.integer(-1, 6)]
    return words + (draw.pick([["COUNT", 1], ["BOGUS"], ["COUNT"]]) if draw.chance(0.04) else [])


def _trim(draw):
    # Most trims leave something, so that lists live.
    if draw.chance(0.6):
        return [_key(draw), draw.rng.randint(0, 2), draw.rng.randint(-3, -1)]
    return [_key(draw), _index(draw), _index(draw)]


# name: (weight, function)
COVERED = {
    "LPUSH": (16, lambda d: [_key(d)] + _elements(d)),
    "RPUSH": (22, lambda d: [_key(d)] + _elements(d)),
    "LPUSHX": (4, lambda d: [_key(d)] + _elements(d, 2)),
    "RPUSHX": (4, lambda d: [_key(d)] + _elements(d, 2)),
    "LPOP": (8, _pop),
    "RPOP": (8, _pop),
    "LMPOP": (8, _multi_pop),
    "LLEN": (5, lambda d: [_key(d)]),
    "LINDEX": (10, lambda d: [_key(d), _index(d)]),
    "LRANGE": (14, lambda d: [_key(d), _index(d), _index(d)]),
    "LSET": (10, lambda d: [_key(d), _index(d), _element(d)]),
    "LINSERT": (18, _insert),
    "LREM": (10, lambda d: [_key(d), _count(d), _element(d)]),
    "LTRIM": (5, _trim),
    "LPOS": (14, _pos),
    "LMOVE": (8, lambda d: [_key(d), _key(d), _end(d), _end(d)]),
    "RPOPLPUSH": (5, lambda d: [_key(d), _key(d)]),
}
