"""Blocking pops beside redis-server: one schedule of several clients on both servers.

After every step the replies that any client received are compared, and who is blocked. Keys of our side
are spilled now and then, so that serving has to read them first.
"""
import os
import random
import time

import pytest

import resp
import schedule

STEPS = int(os.environ.get("BLOCKING_STEPS") or 1200)
SEED = int(os.environ.get("BLOCKING_SEED") or 1)


ODD_TIMEOUTS = ["", "x", "-1", "-0.1", "1e400", "inf", "nan", "-inf", "9223372036854776", "9223372036854775807", "1e16", " 1",
                "1 ", "0.0001", "1e-30", "0x0.1", "1e-3", "+0.001"]
LIST_CALLS = [["BLPOP", "k"], ["BRPOP", "k", "k2"], ["BRPOPLPUSH", "k", "d"], ["BLMOVE", "k", "d", "LEFT", "RIGHT"]]
ZSET_CALLS = [["BZPOPMIN", "k"], ["BZPOPMAX", "k", "k2"]]


@pytest.mark.parametrize("protocol", ["2", "3"])
@pytest.mark.parametrize("family", ["list", "zset"])
def test_timeouts_and_arguments_are_taken_alike(both, pair, family, protocol):
    both.step("a", "HELLO", protocol, normalise=lambda name, data, side: True)
    number = 0
    for call in LIST_CALLS if family == "list" else ZSET_CALLS:
        for timeout in ODD_TIMEOUTS:
            both.step("a", *call, timeout)
            if both.blocked():
                both.wait("a")
        for timeout in ("9223372036854775", "1e15"):
            number += 1
            name = "b%d" % number
            both.step(name, *call, timeout)
            assert both.blocked() == [name]
            both.disconnect(name)
    multi = ["BLMPOP", "LEFT", "RIGHT"] if family == "list" else ["BZMPOP", "MIN", "MAX"]
    for words in (["x", "1", "k", multi[1]], ["0.01", "0", "k", multi[1]], ["0.01", "1", "k", "UP"], ["0.01", "2", "k", multi[1]],
                  ["0.01", "1", "k", multi[1], "COUNT", "0"], ["0.01", "1", "k", multi[1], "COUNT", "x"],
                  ["0.01", "1", "k", multi[2], "COUNT", "1", "COUNT", "2"], ["0.01", "1", "k", multi[1], "FOO"],
                  ["0.01", "x", "k", multi[1]], ["-1", "x", "k", multi[1]], ["-1", "1", "k", "UP"], ["0.01", "1", "k"],
                  ["0.01", "-1", "k", multi[1]], ["0.01", "9223372036854775808", "k", multi[1]],
                  ["0.01", "2", "k", "k", multi[2], "count", "9223372036854775807"], ["0.01", "1", "k", multi[1], "COUNT"]):
        both.step("a", multi[0], *words)
        if both.blocked():
            both.wait("a")
    both.both("SET", "string", "x")
    for call in LIST_CALLS + ZSET_CALLS:
        both.step("a", call[0], "string", *call[2:], "0.01")
        both.step("a", "MULTI")
        both.step("a", *call, "0")
        both.step("a", call[0], "string", *call[2:], "0")
        both.step("a", "EXEC")


def test_waiters_are_served_in_order_of_arrival(both, pair):
    for number in range(8):
        both.step("w%d" % number, "BLPOP" if number % 2 else "BRPOP", "q", "0")
    assert len(both.blocked()) == 8
    both.step("pusher", "RPUSH", "q", "a")
    both.step("pusher", "RPUSH", "q", "b", "c", "d")
    both.step("pusher", "LPUSH", "q", "e", "f")
    assert len(both.blocked()) == 2
    both.step("pusher", "RPUSH", "q", "g", "h", "i", "j")
    assert both.blocked() == []
    both.step("pusher", "LRANGE", "q", "0", "-1")


def test_many_keys_and_the_order_in_which_they_became_ready(both, pair):
    both.step("a", "BLPOP", "k1", "k2", "k3", "k1", "0")
    both.step("b", "BLPOP", "k3", "k2", "0")
    both.step("c", "BRPOP", "k2", "0")
    both.step("p", "MULTI")
    for argv in (["RPUSH", "k3", "x3"], ["RPUSH", "k2", "x2", "y2"], ["RPUSH", "k1", "x1"]):
        both.step("p", *argv)
    both.step("p", "EXEC")
    both.step("p", "DEL", "k1", "k2", "k3")
    both.step("p", "RPUSH", "k2", "v")
    both.step("a", "BLPOP", "k1", "k2", "0")
    both.step("a", "PING")
    both.step("p", "RPUSH", "k2", "1", "2", "3")
    both.step("p", "RPUSH", "k1", "1")
    for key in ("k1", "k2", "k3"):
        both.step("p", "LRANGE", key, "0", "-1")


def test_what_does_not_serve(both, pair):
    both.step("a", "BLPOP", "k", "0")
    both.step("p", "SET", "k", "string")
    both.step("p", "DEL", "k")
    both.step("p", "MULTI")
    both.step("p", "RPUSH", "k", "gone")
    both.step("p", "DEL", "k")
    both.step("p", "EXEC")
    both.step("p", "MULTI")
    both.step("p", "RPUSH", "k", "gone")
    both.step("p", "SET", "k", "string")
    both.step("p", "EXEC")
    both.step("p", "FLUSHALL")
    both.step("p", "RPUSH", "other", "x")
    both.step("p", "LPUSHX", "k", "x")
    assert both.blocked() == ["a"]
    both.step("p", "MULTI")
    both.step("p", "DEL", "k")
    both.step("p", "RPUSH", "k", "first")
    both.step("p", "DEL", "k")
    both.step("p", "RPUSH", "k", "second", "third")
    both.step("p", "BLPOP", "k", "0")
    both.step("p", "EXEC")
    both.step("p", "EXISTS", "k")


MAKERS = {
    "RENAME": [["RPUSH", "x", "1", "2"], ["RENAME", "x", "k"]],
    "RENAME over": [["RPUSH", "x", "1", "2"], ["SET", "k", "v"], ["RENAME", "x", "k"]],
    "RENAMENX": [["RPUSH", "x", "1", "2"], ["RENAMENX", "x", "k"]],
    "COPY": [["RPUSH", "x", "1", "2"], ["COPY", "x", "k"]],
    "COPY over": [["RPUSH", "x", "1", "2"], ["SET", "k", "v"], ["COPY", "x", "k", "REPLACE"]],
    "MOVE": [["SELECT", "1"], ["RPUSH", "k", "1", "2"], ["MOVE", "k", "0"], ["SELECT", "0"]],
    "COPY DB": [["SELECT", "1"], ["RPUSH", "x", "1", "2"], ["COPY", "x", "k", "DB", "0"], ["SELECT", "0"]],
    "SWAPDB": [["SELECT", "1"], ["RPUSH", "k", "1", "2"], ["SPILL"], ["SWAPDB", "0", "1"], ["SELECT", "0"]],
    "SWAPDB elsewhere": [["SELECT", "1"], ["RPUSH", "k", "1", "2"], ["SWAPDB", "2", "1"], ["SELECT", "0"]],
    "SWAPDB back": [["SELECT", "1"], ["RPUSH", "k", "1", "2"], ["MULTI"], ["SWAPDB", "0", "1"], ["SWAPDB", "0", "1"], ["EXEC"],
                    ["SELECT", "0"]],
    "RESTORE": [["RESTORE", "k", "0", "PAYLOAD"]],
    "RESTORE over": [["SET", "k", "v"], ["RESTORE", "k", "0", "PAYLOAD", "REPLACE"]],
    "RESTORE of another type": [["RESTORE", "k", "0", "STRING"], ["DEL", "k"], ["RPUSH", "k", "x"]],
    "SORT": [["RPUSH", "x", "2", "1"], ["SORT", "x", "STORE", "k"]],
    "LMOVE": [["RPUSH", "x", "2", "1"], ["LMOVE", "x", "k", "LEFT", "RIGHT"]],
    "RPOPLPUSH": [["RPUSH", "x", "2", "1"], ["RPOPLPUSH", "x", "k"]],
    "LINSERT": [["RPUSH", "k", "1"], ["LINSERT", "k", "BEFORE", "1", "0"]],
    "EXEC": [["MULTI"], ["RPUSH", "k", "1"], ["LPUSH", "k", "0"], ["RPUSH", "k", "2"], ["EXEC"]],
    "pipeline": [["RPUSH", "k", "1"], ["RPUSH", "k", "2"], ["RPUSH", "k", "3"]],
    "zset": [["ZADD", "k", "1", "m"], ["DEL", "k"], ["RPUSH", "k", "1"]],
    "expired": [["RPUSH", "x", "1"], ["PEXPIRE", "x", "1"], ["RENAME", "x", "k"], ["RPUSH", "k", "2"]],
}


@pytest.mark.parametrize("maker", MAKERS)
def test_every_way_to_make_a_list_serves(both, pair, maker):
    both.both("RPUSH", "payload", "1", "2", "3")
    payload = both.sides[0].control.command("DUMP", "payload").value
    both.both("SET", "payload", "text")
    string = both.sides[0].control.command("DUMP", "payload").value
    both.both("FLUSHALL")
    both.step("a", "BLPOP", "k", "0")
    both.step("b", "BLMOVE", "k", "moved", "RIGHT", "LEFT", "0")
    both.step("c", "BLMPOP", "0", "2", "k", "moved", "LEFT", "COUNT", "10")
    for argv in MAKERS[maker]:
        if argv == ["SPILL"]:
            if pair[1].is_ours:
                assert not both.sides[1].control.command("DEBUG", "SPILL").is_error()
            continue
        argv = [{"PAYLOAD": payload, "STRING": string}.get(word, word) for word in argv]
        if maker == "expired" and argv[0] == "RENAME":
            time.sleep(0.01)
        both.step("p", *argv)
    both.step("p", "KEYS", "*", normalise=lambda name, data, side: sorted(schedule.replies(data)[0].split())
              if data[:1] == b"*" and name == "p" else data)
    both.blocked()


def test_chains_of_moves(both, pair):
    both.step("a", "BLMOVE", "l1", "l2", "LEFT", "RIGHT", "0")
    both.step("b", "BLMOVE", "l2", "l3", "LEFT", "LEFT", "0")
    both.step("c", "BRPOPLPUSH", "l3", "l4", "0")
    both.step("d", "BLPOP", "l4", "0")
    both.step("p", "RPUSH", "l1", "x")
    assert both.blocked() == []
    both.step("a", "BLMOVE", "c1", "c1", "LEFT", "RIGHT", "0")
    both.step("b", "BLMOVE", "c1", "c2", "LEFT", "RIGHT", "0")
    both.step("c", "BLMOVE", "c2", "c1", "LEFT", "RIGHT", "0")
    both.step("p", "RPUSH", "c1", "1", "2")
    both.step("p", "LRANGE", "c1", "0", "-1")
    both.step("p", "LRANGE", "c2", "0", "-1")
    both.step("p", "SET", "wrong", "type")
    both.step("a", "BLMOVE", "w", "wrong", "LEFT", "RIGHT", "0")
    both.step("b", "BLPOP", "w", "0")
    both.step("p", "RPUSH", "w", "1")
    both.step("p", "LRANGE", "w", "0", "-1")


def test_unblock_kill_pause_and_disconnect(both, pair):
    for name in "abcdef":
        both.step(name, "CLIENT", "SETNAME", name)
    ids = []
    for side in both.sides:
        lines = side.control.command("CLIENT", "LIST").text().splitlines()
        fields = [dict(part.partition("=")[::2] for part in line.split()) for line in lines]
        ids.append({f["name"]: f["id"] for f in fields})

    def admin(*argv):
        """The same command about a client on both sides, and what everybody hears."""
        answers = []
        for side, numbers in zip(both.sides, ids):
            words = [numbers[word[1:]] if word.startswith("@") else word for word in argv]
            answers.append(side.control.command(*words).raw)
        assert answers[0] == answers[1], (argv, answers)
        return both.settle()

    for name in "abcdef":
        both.step(name, "BLPOP", "k", "0")
    admin("CLIENT", "UNBLOCK", "@a")
    admin("CLIENT", "UNBLOCK", "@b", "TIMEOUT")
    admin("CLIENT", "UNBLOCK", "@c", "error")
    admin("CLIENT", "UNBLOCK", "@c", "ERROR")
    admin("CLIENT", "UNBLOCK", "@c", "BOGUS")
    admin("CLIENT", "UNBLOCK", "999999")
    admin("CLIENT", "UNBLOCK", "-1")
    admin("CLIENT", "UNBLOCK", "x")
    assert both.blocked() == ["d", "e", "f"]
    both.step("a", "GET", "x")
    both.step("b", "MULTI")
    both.step("b", "RPUSH", "k", "v")
    admin("CLIENT", "KILL", "ID", "@d")
    both.step("b", "EXEC")
    assert both.blocked() == ["f"]
    both.disconnect("f")
    both.step("b", "RPUSH", "k", "kept")
    both.step("b", "LRANGE", "k", "0", "-1")
    # A pause of writes holds the pop that comes, not the time of the one that waits.
    both.step("b", "DEL", "k")
    both.step("c", "BLPOP", "k", "0.3")
    admin("CLIENT", "PAUSE", "5000", "WRITE")
    both.step("e", "BLPOP", "k", "0")
    both.wait("c")
    assert "e" in both.blocked()
    admin("CLIENT", "UNPAUSE")
    both.blocked()
    both.step("b", "RPUSH", "k", "v")
    assert both.blocked() == []
    # Ends of a wait inside a transaction.
    for order in (0, 1):
        both.step("a", "BLPOP", "k", "0")
        words = [["CLIENT", "UNBLOCK"], ["RPUSH", "k", "v"]]
        for side, numbers in zip(both.sides, ids):
            side.control.command("MULTI")
            for argv in words[::-1] if order else words:
                side.control.command(*argv, *([numbers["a"]] if argv[0] == "CLIENT" else []))
        answers = [side.control.command("EXEC").raw for side in both.sides]
        assert answers[0] == answers[1]
        both.settle()
        both.step("b", "LRANGE", "k", "0", "-1")
        both.step("b", "DEL", "k")
        assert both.blocked() == []


def test_what_a_blocked_client_sent_behind(both, pair):
    both.raw("a", b"BLPOP k 0\r\nPING\r\nSET x 1\r\nBLPOP k 0\r\nGET x\r\n")
    both.step("p", "GET", "x")
    both.step("p", "RPUSH", "k", "1")
    both.step("p", "GET", "x")
    both.step("p", "RPUSH", "k", "2", "3")
    both.raw("a", b"CLIENT REPLY SKIP\r\nBLPOP none 0.05\r\nPING\r\n")
    both.wait("a")
    both.raw("a", b"CLIENT REPLY OFF\r\nBLPOP none2 0\r\n")
    both.step("p", "RPUSH", "none2", "1")
    both.step("a", "CLIENT", "REPLY", "ON")
    both.step("a", "MULTI")
    both.step("a", "BLPOP", "k", "0")
    both.step("a", "BLPOP", "k", "0")
    both.step("a", "BRPOPLPUSH", "k", "k", "0")
    both.step("a", "BLMPOP", "0", "1", "k", "LEFT")
    both.step("a", "EXEC")


def test_watchers_see_what_is_served(both, pair):
    both.step("w", "WATCH", "k")
    both.step("a", "BLPOP", "k", "0")
    both.step("p", "RPUSH", "k", "1")
    both.step("w", "MULTI")
    both.step("w", "PING")
    both.step("w", "EXEC")
    both.step("b", "WATCH", "k")
    both.step("b", "BLPOP", "k", "0")
    both.step("p", "RPUSH", "k", "1", "2")
    both.step("b", "MULTI")
    both.step("b", "PING")
    both.step("b", "EXEC")
    both.step("w", "WATCH", "dst")
    both.step("p", "DEL", "k")
    both.step("a", "BLMOVE", "k", "dst", "LEFT", "RIGHT", "0")
    both.step("p", "RPUSH", "k", "1")
    both.step("w", "MULTI")
    both.step("w", "EXEC")


def test_notifications_and_monitor_of_served_pops(both, pair):
    both.both("CONFIG", "SET", "notify-keyspace-events", "KEAn")
    both.step("listener", "PSUBSCRIBE", "__key*")
    both.step("a", "BLPOP", "k", "0")
    both.step("b", "BLMOVE", "m", "n", "LEFT", "RIGHT", "0")
    both.step("c", "BLMPOP", "0", "1", "p", "RIGHT", "COUNT", "2")
    both.step("p", "RPUSH", "k", "1")
    both.step("p", "RPUSH", "m", "1")
    both.step("p", "RPUSH", "p", "1", "2", "3")
    both.step("p", "BLPOP", "p", "0")
    both.step("p", "RPUSH", "q", "1")
    both.step("p", "BRPOPLPUSH", "q", "r", "0")
    both.both("CONFIG", "SET", "notify-keyspace-events", "")

    def watched(name, data, side):
        data = schedule.addresses_as_names(data, side)
        return [line.split(b" [", 1)[-1] for line in data.splitlines() if b" [0 other]" not in line]

    both.step("watcher", "MONITOR", normalise=watched)
    both.step("a", "BLPOP", "mon", "0", normalise=watched)
    both.step("p", "RPUSH", "mon", "1", normalise=watched)
    both.step("a", "BLPOP", "mon", "0.05", normalise=watched)
    deadline = time.monotonic() + 10
    while not both.sides[0].received.get("a") and time.monotonic() < deadline:
        both.sides[0].drain()
    both.settle(watched)


def test_info_counts_who_waits(both, pair):
    both.step("a", "BLPOP", "k", "0")
    both.step("b", "BLPOP", "k", "100")
    both.step("c", "BRPOPLPUSH", "k", "l", "100.5")
    fields = [resp.parse_info(side.control.command("INFO", "clients")) for side in both.sides]
    shown = [(f["blocked_clients"], f["clients_in_timeout_table"]) for f in fields]
    assert shown == [("3", "2")] * 2
    lines = []
    for side in both.sides:
        text = side.control.command("CLIENT", "LIST").text().splitlines()
        f = [dict(part.partition("=")[::2] for part in line.split()) for line in text]
        lines.append([(x["flags"], x["cmd"], x["db"]) for x in f if x["cmd"].startswith("b")])
    assert lines[0] == lines[1] and len(lines[0]) == 3


def random_step(rng, names, number):
    key = rng.choice(["q1", "q2", "q3", "z1"])
    other = rng.choice(["q1", "q2", "q3", "q4"])
    value = "v%d" % number
    timeout = rng.choice(["0", "0", "0", "1000"])
    end = rng.choice(["LEFT", "RIGHT"])
    blocking = [
        ["BLPOP", key, timeout], ["BRPOP", key, other, timeout], ["BLPOP", other, key, "q1", timeout],
        ["BLMOVE", key, other, end, rng.choice(["LEFT", "RIGHT"]), timeout], ["BRPOPLPUSH", key, other, timeout],
        ["BLMPOP", timeout, "2", key, other, end, "COUNT", str(rng.randint(1, 3))], ["BLMPOP", timeout, "1", key, end],
        ["BZPOPMIN", key, other, timeout], ["BZPOPMAX", key, timeout], ["BZMPOP", timeout, "1", key, rng.choice(["MIN", "MAX"])],
    ]
    making = [
        ["RPUSH", key, value], ["LPUSH", key, value, value + "b"], ["RPUSH", key, value, value + "b", value + "c"],
        ["RENAME", key, other], ["RENAMENX", key, other], ["COPY", key, other], ["COPY", key, other, "REPLACE"],
        ["LMOVE", key, other, end, "LEFT"], ["DEL", key], ["SET", key, value], ["SWAPDB", "0", "1"], ["MOVE", key, "1"],
        ["FLUSHALL"], ["LPOP", key], ["RPUSHX", key, value], ["ZADD", key, str(number), value],
        ["ZADD", "z1", str(number), value, "0", "m"], ["MULTI"], ["EXEC"], ["DISCARD"], ["SELECT", rng.choice(["0", "0", "1"])],
        ["LINSERT", key, "BEFORE", value, "x"], ["LTRIM", key, "1", "-1"], ["PING"], ["ZPOPMIN", key], ["WATCH", key],
    ]
    name = rng.choice(names)
    if name.startswith("w"):
        return name, rng.choice(blocking)
    return name, rng.choice(making + blocking[:1] * 2)


@pytest.mark.parametrize("protocol", [2, 3])
def test_random_schedules_end_alike(both, pair, protocol):
    rng = random.Random(f"{SEED}-{protocol}")
    workers = ["w%d" % number for number in range(5)]
    pushers = ["p0", "p1", "p2"]
    if protocol == 3:
        for name in workers[:3] + pushers[:1]:
            both.step(name, "HELLO", "3", normalise=lambda name, data, side: True)
    inside = dict.fromkeys(pushers, False)
    for number in range(STEPS):
        blocked = both.blocked()
        free = [name for name in workers + pushers if name not in blocked]
        if not free or (len(blocked) > 5 and rng.random() < 0.3):
            name = rng.choice(blocked)
            both.disconnect(name)
            continue
        name, argv = random_step(rng, free, number)
        if argv[0] in ("MULTI", "EXEC", "DISCARD"):
            inside[name] = argv[0] == "MULTI"
        try:
            both.step(name, *argv)
            if pair[1].is_ours and rng.random() < 0.1:
                both.sides[1].control.command("DEBUG", "SPILL")
        except AssertionError as error:
            raise AssertionError(f"BLOCKING_SEED={SEED} BLOCKING_STEPS={STEPS}: {error}") from None
    for key in ("q1", "q2", "q3", "q4", "z1"):
        for db in range(2):
            both.both("SELECT", db)
            states = both.both("DEBUG", "DIGEST-VALUE", key)
            assert states[0].raw == states[1].raw, key
    both.both("SELECT", 0)
