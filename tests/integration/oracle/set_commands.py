"""Calls of the set commands, for commands.py.

Sets have keys of their own, because SET overwrites everything else soon. Half of them hold integers
only, so that intsets and their conversion are met; the others mix.

SPOP would make the two servers' contents differ: here it is only called where nothing is random, and
the macro `popped` (runner.py) does the rest.
"""
INTEGER_KEYS = [b"si%d" % number for number in range(8)]
MIXED_KEYS = [b"s%d" % number for number in range(8)]
KEYS = INTEGER_KEYS + MIXED_KEYS

SETTINGS = [["set-max-intset-entries", number] for number in (0, 3, 12, 30, 512)]
DEFAULT_SETTINGS = [["set-max-intset-entries", 12]]

PAYLOADS = [
    ["SADD", "payload", "1", "2", "-3"],
    ["SADD", "payload", "-9223372036854775808", "9223372036854775807", "70000"],
    ["SADD", "payload", "a", "", "1", "x" * 300],
    ["SADD", "payload"] + list(range(40)),
    ["SADD", "payload"] + list(range(600)),
]


def skey(draw):
    if draw.chance(0.05):
        return draw.key()
    return KEYS[int(draw.rng.random() * len(KEYS))]


def skeys(draw, most=4):
    return [skey(draw) for _ in range(draw.rng.randint(1, most))]


def member(draw, key=None):
    if key in INTEGER_KEYS and draw.chance(0.998):
        if draw.chance(0.95):
            return draw.rng.randint(-4, 40)
        return draw.pick([32767, 32768, -32769, 2147483648, -9223372036854775808, 9223372036854775807])
    kind = draw.rng.random()
    if kind < 0.5:
        return b"m%d" % draw.rng.randint(0, 30)
    if kind < 0.8:
        return b"%d" % draw.rng.randint(-3, 20)
    if kind < 0.9:
        return draw.pick(["", "a", "A", "01", "-0", "+1", " 1", "4294967296", b"\x00", b"\xff\xff", b"a\x00b",
                          b"w" * 300])
    return draw.value()


def members(draw, key, most=5):
    return [member(draw, key) for _ in range(draw.rng.randint(1, most))]


def _with_members(draw):
    key = skey(draw)
    return [key] + members(draw, key, 5 if draw.chance(0.97) else 40)


def _with_member(draw):
    key = skey(draw)
    return [key, member(draw, key)]


def _spop(draw):
    return draw.pick([[skey(draw), 0], [skey(draw), 100000], [skey(draw), "-1"], [skey(draw), "abc"],
                      [skey(draw), "1", "x"], [b"nosuchset"], [b"nosuchset", 3], [skey(draw), ""],
                      [skey(draw), "9223372036854775807"], [skey(draw), "9223372036854775808"]])


def _srandmember(draw):
    """The replies differ; that they are right is the macro `drawn`'s business."""
    words = [skey(draw)]
    if draw.chance(0.8):
        words.append(draw.pick([0, 1, 2, 5, 100, -1, -3, -40]) if draw.chance(0.9) else draw.pick(
            ["abc", "", "-9223372036854775808", "1.5", "9223372036854775808", "9223372036854775807"]))
        if draw.chance(0.04):
            words.append("BOGUS")
    return words


def _sintercard(draw):
    keys = skeys(draw, 3)
    count = len(keys) if draw.chance(0.9) else draw.pick([0, 1, -1, "abc", 5, "", "9223372036854775807"])
    words = [count] + keys
    if draw.chance(0.5):
        words += [draw.case("LIMIT"), draw.pick([0, 1, 2, 100]) if draw.chance(0.9) else draw.pick([-1, "abc", ""])]
    if draw.chance(0.04):
        words.append(draw.pick(["LIMIT", "BOGUS"]))
    return words


def _smove(draw):
    key = skey(draw)
    return [key, skey(draw) if draw.chance(0.9) else key, member(draw, key)]


def _sscan(draw):
    words = [skey(draw), draw.pick([0, 0, 0, 0, "abc", "", "-1", "18446744073709551616", "1.5", "9223372036854775808"])]
    for option in (["COUNT", 5], ["COUNT", 1000], ["MATCH", "m1*"], ["MATCH", "*"], ["MATCH", "[0-9]*"],
                   ["COUNT", "0"], ["COUNT", "abc"], ["TYPE", "set"], ["COUNT"], ["BOGUS", "1"]):
        if draw.chance(0.07):
            words += option
    return words


def scan_step(draw):
    """A full iteration: command, key, options."""
    words = ["SSCAN", draw.pick(KEYS)]
    if draw.chance(0.5):
        words += ["COUNT", draw.pick([1, 5, 100])]
    if draw.chance(0.3):
        words += ["MATCH", draw.pick(["*", "m*", "m1?", "[0-9]*"])]
    return words


def drawn_step(draw):
    """Random picks, and the command that says what they may be picked from."""
    return ["SMEMBERS", "SRANDMEMBER", draw.pick(KEYS), draw.pick([1, 2, 3, 8, 30, 1000, -1, -2, -30])]


def popped_step(draw):
    """A key, perhaps a count."""
    return [skey(draw)] + ([draw.pick([0, 1, 2, 3, 5, 8, 12, 20, 40, 1000])] if draw.chance(0.7) else [])


# name: (weight, function)
COVERED = {
    "SADD": (50, _with_members),
    "SREM": (16, _with_members),
    "SISMEMBER": (10, _with_member),
    "SMISMEMBER": (6, _with_members),
    "SMEMBERS": (8, lambda d: [skey(d)]),
    "SCARD": (8, lambda d: [skey(d)]),
    "SPOP": (4, _spop),
    "SRANDMEMBER": (6, _srandmember),
    "SMOVE": (10, _smove),
    "SINTER": (8, lambda d: skeys(d)),
    "SINTERCARD": (8, _sintercard),
    "SUNION": (8, lambda d: skeys(d)),
    "SDIFF": (8, lambda d: skeys(d)),
    "SINTERSTORE": (6, lambda d: [skey(d)] + skeys(d)),
    "SUNIONSTORE": (6, lambda d: [skey(d)] + skeys(d)),
    "SDIFFSTORE": (8, lambda d: [skey(d)] + skeys(d)),
    "SSCAN": (5, _sscan),
}
