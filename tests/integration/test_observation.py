"""MONITOR and SLOWLOG beside redis-server: the same lines and entries for the same commands."""
import re

import pytest

import schedule

TIME = re.compile(rb"\+\d{10}\.\d{6} ")


@pytest.fixture(scope="module")
def pair(module_servers):
    return module_servers.redis().start(), module_servers.ours().start()


def lines(name, data, side):
    """Times are each server's own; addresses become names. The control connection's PINGs, by which the
    test waits, are not part of it."""
    data = schedule.addresses_as_names(TIME.sub(b"+TIME ", data), side)
    data = data.replace(b'+TIME [0 other] "PING"\r\n', b"")
    return data or None


@pytest.fixture
def both(pair):
    with schedule.Schedule(*pair, normalise=lines) as running:
        running.both("FLUSHALL")
        yield running


COMMANDS = [
    ("SET", "x", b'a"b\\\n\r\t\a\b\x00\xff \x7f~'), ("get", "x"), ("SELECT", "3"), ("GET", "x"), ("MULTI",), ("SET", "x", "1"),
    ("INCR", "x"), ("SELECT", "2"), ("NOSUCH",), ("EXEC",), ("MULTI",), ("SET", "x", "1"), ("CLIENT", "INFO"), ("EXEC",),
    ("MULTI",), ("SET", "x"), ("EXEC",), ("MULTI",), ("DISCARD",), ("WATCH", "x"), ("EXEC",), ("AUTH", "x"), ("AUTH", "a", "b"),
    ("AUTH", "a", "b", "c"), ("HELLO", "3", "AUTH", "default", "secret"), ("HELLO", "2", "AUTH", "default", "secret", "SETNAME", "me"),
    ("HELLO", "9"), ("CONFIG", "GET", "port"), ("CONFIG", "SET", "masterauth", "x"), ("CLIENT", "ID"), ("CLIENT", "LIST"), ("FOO",),
    ("GET",), ("PING",), ("PING", ""), ("DEBUG", "SLEEP", "0"), ("SLOWLOG", "LEN"), ("SLOWLOG", "HELP"), ("COMMAND", "COUNT"),
    ("SUBSCRIBE", "z"), ("PUBLISH", "z", "m"), ("UNSUBSCRIBE",), ("INFO", "server"), ("DBSIZE",), ("TIME",), ("RESET",),
    ("SCAN", "0"), ("KEYS", "*"), ("DEL", "x"), ("FLUSHALL",), ("LASTSAVE",), ("QUIT",),
]


def anything(name, data, side):
    return lines(name, data, side) if name == "watcher" else len(data) > 0


@pytest.mark.parametrize("protocol", ["2", "3"])
def test_a_watcher_sees_what_redis_shows(both, protocol):
    both.step("watcher", "HELLO", protocol, normalise=lambda name, data, side: True)
    both.step("watcher", "MONITOR", normalise=anything)
    both.step("watcher", "MONITOR", normalise=anything)
    for argv in COMMANDS:
        both.step("a", *argv, normalise=anything)
    # What the watcher itself may do, and sees of it.
    for argv in (["PING"], ["SET", "q", "1"], ["GET", "q"], ["PUBLISH", "a", "b"], ["MULTI"], ["PING"], ["EXEC"], ["MULTI"],
                 ["GET", "x"], ["EXEC"], ["SUBSCRIBE", "c"], ["UNSUBSCRIBE"], ["CLIENT", "REPLY", "OFF"], ["PING"]):
        both.step("watcher", *argv)
    both.step("b", "PING", "unseen")
    both.step("watcher", "CLIENT", "REPLY", "ON")
    both.step("b", "PING", "seen")
    both.step("watcher", "RESET")
    both.step("b", "PING", "unseen")
    both.step("watcher", "MULTI")
    both.step("watcher", "MONITOR")
    both.step("watcher", "EXEC")
    both.step("b", "PING", "unseen")
    both.step("c", "SUBSCRIBE", "x")
    both.step("c", "MONITOR")


def test_the_watchers_flag(both):
    both.step("watcher", "MONITOR")
    flags = []
    for side in both.sides:
        text = side.control.command("CLIENT", "LIST", "TYPE", "normal").text()
        flags.append([f.split("flags=")[1].split()[0] for f in text.splitlines()])
    assert flags[0] == flags[1] and "O" in flags[0]


@pytest.mark.parametrize("protocol", [2, 3])
def test_the_slow_log_keeps_the_same_entries(pair, protocol):
    kept = []
    for server in pair:
        with server.connect(protocol=protocol) as c:
            for argv in (["CONFIG", "SET", "slowlog-max-len", "12"], ["CONFIG", "SET", "slowlog-log-slower-than", "0"],
                         ["SLOWLOG", "RESET"], ["SET", "k", "v" * 200], ["SET", "k", "v" * 128], ["SET", "k", "v" * 129],
                         ["MSET", *["k", "v"] * 40], ["MSET", "k", *["v"] * 31], ["MSET", "k", *["v"] * 30, "w"],
                         ["MULTI"], ["GET", "k"], ["INCR", "k"], ["EXEC"], ["AUTH", "x"], ["AUTH", "a", "b"],
                         ["CONFIG", "SET", "requirepass", "", "masterauth", "x", "timeout", "0"], ["CONFIG", "SET", "requirepass"],
                         ["CLIENT", "SETNAME", "me"], ["PING"], ["NOSUCH"], ["GET"], ["HELLO", protocol, "AUTH", "default", "x"],
                         ["CLIENT", "SETNAME", ""], ["GET", b"\x00\xff"]):
                c.command(*argv)
            entries = c.command("SLOWLOG", "GET", "-1").plain()
            address = b"127.0.0.1:%d" % c.socket.getsockname()[1]
            assert all(entry[4] == address for entry in entries)
            first = entries[-1][0]
            kept.append([(e[0] - first, e[3], e[5]) for e in entries])
            assert c.command("SLOWLOG", "LEN").value == 12
            assert len(c.command("SLOWLOG", "GET").value) == 10
            assert len(c.command("SLOWLOG", "GET", "3").value) == 3
            kept[-1].append([c.command("SLOWLOG", *argv).raw for argv in (
                ["GET", "-2"], ["GET", "x"], ["GET", "1", "2"], ["LEN", "x"], ["NOSUCH"], [], ["GET", "0"], ["RESET"])])
            c.command("CONFIG", "SET", "slowlog-log-slower-than", "-1")
            c.command("SLOWLOG", "RESET")
            c.command("PING")
            assert c.command("SLOWLOG", "LEN").value == 0
            c.command("CONFIG", "SET", "slowlog-log-slower-than", "20000")
            c.command("PING")
            c.command("DEBUG", "SLEEP", "0.03")
            entry = c.command("SLOWLOG", "GET").plain()
            assert [e[3] for e in entry] == [[b"DEBUG", b"SLEEP", b"0.03"]] and entry[0][2] >= 30_000
            c.command("CONFIG", "SET", "slowlog-log-slower-than", "10000", "slowlog-max-len", "128")
    assert kept[0] == kept[1]
