"""A seed becomes a list of steps. Pure: the list depends on the seed and the payload pool alone, so a
failure replays, and a step can be left out without changing the others (which shrinking relies on).

A step is a command on one of the connections, or a macro, which the runner carries out alone:
  scan      a full SCAN iteration with options, compared as a set
  members   a full iteration over a collection (HSCAN, SSCAN, ZSCAN), compared likewise
  drawn     random picks of a collection (HRANDFIELD, SRANDMEMBER, ZRANDMEMBER): right kind, number, and members
  popped    SPOP: what was popped was a member and is gone; then it is put back, so that both are equal
  random    RANDOMKEY, and the key it names exists on both sides
  expired   a key is given a deadline that passes (relative or in the past), both servers wait, both see it go
  quiet     CLIENT REPLY OFF/SKIP: commands without replies
  sort      SORT or SORT_RO, unless the key holds a small sorted set
  spill     DEBUG SPILL or DEBUG CHECKPOINT on the server under test only
"""
from oracle import commands, sort_commands

CONNECTIONS = 3  # 0 and 1 speak RESP2, 2 speaks RESP3; all begin in database 0


class Step:
    __slots__ = ("kind", "connection", "argv")

    def __init__(self, kind, connection, argv):
        self.kind = kind
        self.connection = connection
        self.argv = argv

    def __repr__(self):
        words = " ".join(repr(word)[1:] if isinstance(word, bytes) else repr(str(word))
                         for word in (w if not isinstance(w, bytes) or len(w) < 200
                                      else w[:200] + b"...(%d bytes)" % len(w) for w in self.argv))
        return f"{self.kind}@{self.connection} {words}"


# Values whose DUMP payloads the oracle server makes at start, for RESTORE.
PAYLOAD_VALUES = [b"", b"0", b"-1", b"127", b"128", b"32767", b"32768", b"2147483647", b"2147483648",
                  b"-9223372036854775808", b"x", b"x" * 20, b"x" * 21, b"ab" * 500, b"y" * 63,
                  b"z" * 64, b"w" * 16384, bytes(range(256)) * 2, b"007", b"3.0"]


def make_payloads(server):
    """DUMP payloads, made by the oracle."""
    makers = [["SET", "payload", value] for value in PAYLOAD_VALUES]
    for family in commands.FAMILIES:
        makers += family.PAYLOADS
    made = []
    with server.connect() as connection:
        for maker in makers:
            connection.command("DEL", "payload")
            reply = connection.command(*maker)
            assert not reply.is_error(), f"{maker}: {reply}"
            made.append(connection.command("DUMP", "payload").value)
        connection.command("DEL", "payload")
    return made


def random_case(draw, name):
    return name if draw.chance(0.85) else draw.pick([name.lower(), name.title()])


def generate(seed, count, payloads):
    """About `count` steps."""
    rng = commands.rng_for(seed)
    draw = commands.Draw(rng, payloads)
    names = list(commands.COVERED)
    weights = [commands.COVERED[name][0] for name in names]
    steps = [Step("command", 0, ["CONFIG", "SET", "list-max-listpack-size",
                                 draw.pick(commands.list_commands.NODE_LIMITS)]),
             Step("command", 0, ["SET", b"lcs1", b"ohmytext"]),
             Step("command", 0, ["SET", b"lcs2", b"mynewtext"])]
    connection = 0
    while len(steps) < count:
        connection = rng.choices(range(CONNECTIONS), weights=(5, 3, 3))[0]
        for _ in range(rng.randint(1, 60)):
            steps.append(_step(draw, rng, connection, names, weights))
            if draw.chance(0.01):
                steps.extend(_transaction(draw, rng, connection, names, weights))
    return steps


def _step(draw, rng, connection, names, weights):
    roll = rng.random()
    if roll < 0.002:
        return Step("scan", connection, _scan_options(draw))
    if roll < 0.006:
        return Step("expired", connection, _expired(draw))
    if roll < 0.0065:
        return Step("random", connection, [])
    if roll < 0.0075:
        return Step("quiet", connection, [draw.pick(["OFF", "SKIP"]), draw.key(), draw.value()])
    if roll < 0.0115:
        return Step("spill", connection, draw.pick([["SPILL", "ALL"], ["CHECKPOINT"]]))
    if roll < 0.0155:
        family = draw.pick([f for f in commands.FAMILIES if hasattr(f, "scan_step")])
        return Step("members", connection, family.scan_step(draw))
    if roll < 0.0195:
        family = draw.pick([f for f in commands.FAMILIES if hasattr(f, "drawn_step")])
        return Step("drawn", connection, family.drawn_step(draw))
    if roll < 0.0235:
        return Step("popped", connection, commands.set_commands.popped_step(draw))
    if roll < 0.046:
        return Step("sort", connection, sort_commands.draw_sort(draw))
    return Step("command", connection, _call(draw, rng, names, weights))


def _call(draw, rng, names, weights):
    name = rng.choices(names, weights=weights)[0]
    argv = [random_case(draw, name)] + list(commands.COVERED[name][1](draw))
    roll = rng.random()
    if name in ("SCAN", "SPOP"):  # a cut or grown one may be valid: the order of keys shows, or chance
        pass
    elif roll < 0.01:  # wrong arity: one word too many or too few
        argv = argv[:-1] if len(argv) > 1 and draw.chance(0.6) else argv + [draw.key()]
        if _is_dangerous(argv):
            argv = argv + [b"x"] * 12
    elif roll < 0.013:
        argv = [draw.pick(["NOSUCH", "get_", "", "G\x00T", "X" * 200])] + argv[1:]
    return argv


def _is_dangerous(argv):
    """What a cut or grown call must not become: something that stalls both servers."""
    return str(argv[0]).upper() in ("CLIENT", "DEBUG", "WAIT")


def _transaction(draw, rng, connection, names, weights):
    """WATCH, perhaps a change by another connection, MULTI, commands, EXEC."""
    steps = []
    other = (connection + 1) % CONNECTIONS
    if draw.chance(0.5):
        watched = draw.keys(2)
        steps.append(Step("command", connection, ["WATCH"] + watched))
        if draw.chance(0.5):
            change = draw.pick([["SET", watched[0], draw.value()], ["DEL", watched[0]],
                                ["EXPIRE", watched[0], 99999], ["GET", watched[0]],
                                ["SWAPDB", 0, 1], ["FLUSHDB"] if draw.chance(0.1) else ["PING"],
                                ["RENAME", watched[0], draw.key()], ["APPEND", watched[0], b"x"],
                                ["RPUSH", watched[0], b"x"], ["LTRIM", watched[0], 0, -1],
                                ["LREM", watched[0], 0, b"nosuch"], ["LMOVE", watched[0], watched[0],
                                                                     "LEFT", "RIGHT"]])
            steps.append(Step("command", other, change))
    steps.append(Step("command", connection, ["MULTI"]))
    for _ in range(rng.randint(0, 8)):
        steps.append(Step("command", connection, _call(draw, rng, names, weights)))
    steps.append(Step("command", connection, ["EXEC"]))
    return steps


def _scan_options(draw):
    words = []
    if draw.chance(0.6):
        words += [draw.case("COUNT"), draw.pick([1, 5, 10, 100, 1000])]
    if draw.chance(0.4):
        words += [draw.case("MATCH"), draw.pick(commands.PATTERNS)]
    if draw.chance(0.3):
        words += [draw.case("TYPE"), draw.pick(["string", "STRING", "list", "hash", "Set", "zset", "nosuch"])]
    return words


def _expired(draw):
    """Commands after which the key is, or will be within a few ms, past its deadline."""
    key = draw.key()
    return draw.pick([
        ["SET", key, b"short", "PX", 1], ["SET", key, b"past", "PXAT", 1], ["SET", key, b"past", "EXAT", 1],
        ["PSETEX", key, 1, b"short"], ["PEXPIRE", key, 1], ["EXPIRE", key, -1], ["PEXPIREAT", key, 1],
        ["EXPIREAT", key, 1], ["GETEX", key, "PX", 1], ["GETEX", key, "PXAT", 1],
        ["EXPIRE", key, -1, "GT"], ["EXPIRE", key, 0, "XX"]])
