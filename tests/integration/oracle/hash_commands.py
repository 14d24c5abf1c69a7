"""Calls of the hash commands, for commands.py.

Hashes have keys of their own, because SET overwrites everything else soon. Fields come from a small
pool, so that they are met again.
"""
KEYS = [b"h%d" % number for number in range(16)]

# CONFIG SET arguments: conversions happen all the time, at changing sizes.
SETTINGS = [["hash-max-listpack-entries", number] for number in (0, 3, 12, 512)] + [
    ["hash-max-listpack-value", number] for number in (0, 5, 20, 64)] + [
    ["hash-max-ziplist-entries", 20], ["hash-max-ziplist-value", "1kb"]]
DEFAULT_SETTINGS = [["hash-max-listpack-entries", 12], ["hash-max-listpack-value", 20]]

# Commands that leave something at the key "payload", whose DUMP RESTORE gets.
PAYLOADS = [
    ["HSET", "payload", "a", "1", "b", "text", "", "", "-5", "x" * 15],
    ["HSET", "payload", "f", "x" * 300],
    ["HSET", "payload"] + [word for number in range(100) for word in (f"field{number}", number)],
    ["HSET", "payload"] + [word for number in range(600) for word in (number, "abc " * 10)],
]


def hkey(draw):
    if draw.chance(0.05):
        return draw.key()
    return KEYS[int(draw.rng.random() ** 1.5 * len(KEYS))]


def field(draw):
    kind = draw.rng.random()
    if kind < 0.6:
        return b"f%d" % draw.rng.randint(0, 24)
    if kind < 0.8:
        return b"%d" % draw.rng.randint(-3, 12)
    if kind < 0.9:
        return draw.pick(["", "a", "A", "01", "-0", "4294967296", b"\x00", b"\xff\xff", b"a\x00b", "1.5"])
    if kind < 0.94:
        return draw.pick([b"x" * 20, b"x" * 21, b"y" * 63, b"y" * 64, b"y" * 65, b"w" * 300])
    return draw.value()


def fields(draw, most=5):
    return [field(draw) for _ in range(draw.rng.randint(1, most))]


def value(draw):
    kind = draw.rng.random()
    if kind < 0.5:
        return draw.rng.randint(-100, 100)
    if kind < 0.7:
        return draw.pick(["", "v", "1.5", "-2.25e3", "x" * 19, "x" * 20, "x" * 21, "y" * 64, "y" * 65, "inf"])
    return draw.value()


def _hset(draw):
    words = [hkey(draw)]
    for _ in range(draw.rng.randint(1, 5) if draw.chance(0.97) else 40):
        words += [field(draw), value(draw)]
    return words[:-1] if draw.chance(0.04) else words


def _hrandfield(draw):
    """The replies differ; that they are right is the macro `drawn`'s business. No large negative count, not even
    with a word that makes it an error: a cut call would make both servers reply for ever."""
    words = [hkey(draw)]
    if draw.chance(0.8):
        words.append(draw.pick([0, 1, 2, 5, 100, -1, -3, -40]) if draw.chance(0.9) else draw.pick(
            ["abc", "", "-9223372036854775808", "1.5", "9223372036854775808"]))
        if draw.chance(0.5):
            words.append(draw.case("WITHVALUES"))
            if draw.chance(0.1):
                words[1] = draw.pick(["9223372036854775807", "4611686018427387904"])
        if draw.chance(0.04):
            words.append("BOGUS")
    return words


def _hscan(draw):
    words = [hkey(draw), draw.pick([0, 0, 0, 0, "abc", "", "-1", "18446744073709551616", "1.5", "9223372036854775808"])]
    for option in (["COUNT", 5], ["COUNT", 1000], ["MATCH", "f1*"], ["MATCH", "*"], ["MATCH", "*"],
                   ["COUNT", "0"], ["COUNT", "abc"], ["TYPE", "hash"], ["COUNT"], ["BOGUS", "1"]):
        if draw.chance(0.07):
            words += option
    return words


def scan_step(draw):
    """A full iteration: command, key, options."""
    words = ["HSCAN", draw.pick(KEYS)]
    if draw.chance(0.5):
        words += ["COUNT", draw.pick([1, 5, 100])]
    if draw.chance(0.3):
        words += ["MATCH", draw.pick(["*", "f*", "f1?", "[0-9]*"])]
    return words


def drawn_step(draw):
    """Random picks, and the command that says what they may be picked from."""
    words = ["HGETALL", "HRANDFIELD", draw.pick(KEYS), draw.pick([1, 2, 3, 8, 30, 1000, -1, -2, -30])]
    return words + ["WITHVALUES"] if draw.chance(0.5) else words


# name: (weight, function)
COVERED = {
    "HSET": (50, _hset),
    "HMSET": (6, _hset),
    "HSETNX": (8, lambda d: [hkey(d), field(d), value(d)]),
    "HGET": (14, lambda d: [hkey(d), field(d)]),
    "HMGET": (8, lambda d: [hkey(d)] + fields(d)),
    "HGETALL": (8, lambda d: [hkey(d)]),
    "HKEYS": (5, lambda d: [hkey(d)]),
    "HVALS": (5, lambda d: [hkey(d)]),
    "HLEN": (8, lambda d: [hkey(d)]),
    "HSTRLEN": (6, lambda d: [hkey(d), field(d)]),
    "HEXISTS": (6, lambda d: [hkey(d), field(d)]),
    "HDEL": (16, lambda d: [hkey(d)] + fields(d)),
    "HINCRBY": (12, lambda d: [hkey(d), field(d), d.integer()]),
    "HINCRBYFLOAT": (12, lambda d: [hkey(d), field(d), d.float()]),
    "HRANDFIELD": (6, _hrandfield),
    "HSCAN": (5, _hscan),
}
