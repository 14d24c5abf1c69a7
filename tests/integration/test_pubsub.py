"""Publish and subscribe beside redis-server: one schedule on both, what every client hears compared."""
import os
import random

import pytest

import resp
import schedule

STEPS = int(os.environ.get("PUBSUB_STEPS") or 1500)
SEED = int(os.environ.get("PUBSUB_SEED") or 1)


@pytest.fixture(scope="module")
def pair(module_servers):
    return module_servers.redis().start(), module_servers.ours().start()


@pytest.fixture
def both(pair):
    with schedule.Schedule(*pair) as running:
        yield running


def in_any_order(name, data, side):
    """Which pattern is asked first, and what UNSUBSCRIBE without names leaves first, is the order of a
    hash table in Redis: the counts of confirmations are compared apart from their names."""
    confirmations = ("subscribe", "unsubscribe", "psubscribe", "punsubscribe", "ssubscribe", "sunsubscribe")
    parts, counts = [], []
    for raw in schedule.replies(data):
        try:
            reply = resp.parse(raw, 0)[0]
        except (TypeError, ValueError):
            parts.append(raw)
            continue
        if isinstance(reply.value, list) and len(reply.value) == 3 and reply.value[0].text() in confirmations:
            counts.append((reply.value[0].text(), reply.value[2].value))
            parts.append(repr((reply.kind, reply.value[0].text(), reply.value[1].value)).encode())
        elif isinstance(reply.value, list):
            parts.append(repr((reply.kind, sorted(map(repr, reply.plain())))).encode())
        else:
            parts.append(raw)
    return sorted(parts), counts


@pytest.mark.parametrize("protocol", ["2", "3"])
def test_a_subscriber_may_do_what_redis_lets_it_do(both, protocol):
    both.step("other", "PING")
    both.step("a", "HELLO", protocol, normalise=lambda name, data, side: len(data) > 0)
    for argv in ([], ["x"]):
        both.step("a", "UNSUBSCRIBE", *argv)
        both.step("a", "PUNSUBSCRIBE", *argv)
        both.step("a", "SUNSUBSCRIBE", *argv)
    for setup in (["SUBSCRIBE", "c1", "c2", "c1"], ["PSUBSCRIBE", "c*"], ["SSUBSCRIBE", "s1"]):
        both.step("a", *setup)
        for argv in (["GET", "x"], ["GET"], ["NOSUCH"], ["CLIENT", "ID"], ["CLIENT", "NOSUCH"], ["MULTI"],
                     ["PING"], ["PING", "x"], ["PING", "a", "b"], ["PUBLISH", "c1", "own"], ["SPUBLISH", "s1", "own"],
                     ["EXEC"], ["DISCARD"], ["WATCH", "x"], ["SUBSCRIBE"], ["PUBSUB", "NUMPAT"], ["CONFIG", "GET", "port"],
                     ["ECHO", "x"], ["MONITOR"] if protocol == "2" else ["PING"]):
            both.step("a", *argv, normalise=lambda name, data, side: b"id" if argv[-1] == "ID" and data[:1] == b":"
                      else b"port" if argv[-1] == "port" and data[:1] in b"*%" else data)
        both.step("other", "PUBLISH", "c1", "message")
        both.step("other", "SPUBLISH", "s1", "message")
        both.step("other", "PUBLISH", "", "")
        both.step("other", "PUBLISH", "c1", "bin\r\n\x00" * 100)
    both.step("a", "UNSUBSCRIBE", "nosuch", "c1")
    both.step("a", "RESET")
    both.step("a", "GET", "x")
    both.step("a", "SUBSCRIBE", "c1")
    both.step("a", "QUIT")


def test_subscriptions_inside_transactions(both):
    for protocol in ("2", "3"):
        name = "a" + protocol
        both.step(name, "HELLO", protocol, normalise=lambda name, data, side: True)
        both.step(name, "MULTI")
        for argv in (["SUBSCRIBE", "c1"], ["GET", "x"], ["PUBLISH", "c1", "m"], ["PING"], ["SSUBSCRIBE", "s", "t"],
                     ["UNSUBSCRIBE"], ["PING"], ["SUNSUBSCRIBE", "s"], ["SUNSUBSCRIBE", "t"], ["PING"]):
            both.step(name, *argv)
        both.step(name, "EXEC")


def test_silence_does_not_hold_messages_back(both):
    for protocol in ("2", "3"):
        name = "a" + protocol
        both.step(name, "HELLO", protocol, normalise=lambda name, data, side: True)
        both.step(name, "CLIENT", "REPLY", "OFF")
        both.step(name, "SUBSCRIBE", "c1", "c2")
        both.step(name, "PING")
        both.step(name, "GET", "x")
        both.step(name, "PUBLISH", "c1", "own")
        both.step("other", "PUBLISH", "c2", "message")
        both.step(name, "UNSUBSCRIBE", normalise=in_any_order)
        both.step(name, "CLIENT", "REPLY", "ON")
        both.raw(name, b"CLIENT REPLY SKIP\r\nSUBSCRIBE c8\r\nPING\r\n")
        both.step(name, "RESET")
        both.step(name, "MULTI")
        both.step(name, "SUBSCRIBE", "c1")
        both.step(name, "CLIENT", "REPLY", "OFF")
        both.step(name, "SUBSCRIBE", "c2")
        both.step(name, "EXEC")
        both.step("other", "PUBLISH", "c2", "message")


def test_pubsub_tells_who_listens(both):
    both.step("a", "SUBSCRIBE", "c1", "c2", "x1")
    both.step("b", "SUBSCRIBE", "c1")
    both.step("b", "PSUBSCRIBE", "c*", "d*")
    both.step("a", "PSUBSCRIBE", "c*")
    both.step("c", "SSUBSCRIBE", "s1", "c1")
    for argv in (["CHANNELS"], ["CHANNELS", "c*"], ["CHANNELS", "nomatch"], ["CHANNELS", "a", "b"], ["NUMSUB"],
                 ["NUMSUB", "c1", "c2", "nosuch", "c1"], ["NUMPAT"], ["NUMPAT", "x"], ["SHARDCHANNELS"],
                 ["SHARDCHANNELS", "s?"], ["SHARDCHANNELS", "a", "b"], ["SHARDNUMSUB"], ["SHARDNUMSUB", "s1", "c1", "c2"],
                 ["NOSUCH"], []):
        both.step("control", "PUBSUB", *argv, normalise=in_any_order)
    lines = []
    for side in both.sides:
        text = side.control.command("CLIENT", "LIST", "TYPE", "pubsub").text()
        fields = [dict(part.partition("=")[::2] for part in line.split()) for line in text.splitlines()]
        lines.append([(side.names[f["addr"]], f["flags"], f["sub"], f["psub"], f["ssub"]) for f in fields])
        info = resp.parse_info(side.control.command("INFO", "stats"))
        lines[-1].append([info[n] for n in ("pubsub_channels", "pubsub_patterns", "pubsubshard_channels")])
    assert lines[0] == lines[1] and len(lines[0]) == 4
    both.step("control", "CLIENT", "KILL", "TYPE", "normal", "ID", "1")
    both.step("control", "CLIENT", "KILL", "TYPE", "pubsub")
    both.step("control", "PUBSUB", "NUMSUB", "c1")
    both.step("control", "PUBSUB", "NUMPAT")


def test_random_schedules_are_heard_alike(both):
    rng = random.Random(SEED)
    names = ["a", "b", "c", "d", "e"]
    channels = ["c1", "c2", "c3", "other", "", "b\x00in", "c[1]"]
    patterns = ["*", "c*", "c?", "[^c]*", "c\\[1\\]", "", "other", "?*"]
    for name in names[:2]:
        both.step(name, "HELLO", "3", normalise=lambda name, data, side: True)
    for number in range(STEPS):
        name = rng.choice(names)
        kind = rng.choice(["SUBSCRIBE", "UNSUBSCRIBE", "PSUBSCRIBE", "PUNSUBSCRIBE", "SSUBSCRIBE", "SUNSUBSCRIBE",
                           "PUBLISH", "PUBLISH", "PUBLISH", "SPUBLISH", "SPUBLISH", "PING", "RESET", "leave"])
        if kind.endswith("PUBLISH"):
            argv = [kind, rng.choice(channels), "message%d" % number]
        elif kind == "leave":
            if rng.random() < 0.3:
                both.disconnect(name)
            continue
        elif kind == "RESET":
            if rng.random() < 0.7:
                continue
            argv = [kind]
        elif kind == "PING":
            argv = [kind]
        else:
            pool = patterns if kind.startswith("P") else channels
            few = 0 if "UN" in kind and rng.random() < 0.3 else rng.randint(1, 3)
            argv = [kind] + [rng.choice(pool) for _ in range(few)]
        try:
            both.step(name, *argv, normalise=in_any_order)
        except AssertionError as error:
            raise AssertionError(f"PUBSUB_SEED={SEED} PUBSUB_STEPS={STEPS}: {error}") from None


def test_a_subscriber_that_does_not_read_is_closed_at_its_limit(pair):
    """The limit of class pubsub, not of normal clients, and while others go on."""
    for server in pair:
        with server.connect() as reader, server.connect() as lazy, server.connect() as writer:
            assert writer.command("CONFIG", "SET", "client-output-buffer-limit", "pubsub 1mb 0 0 normal 0 0 0").text() == "OK"
            for connection in (reader, lazy):
                connection.command("SUBSCRIBE", "big")
            message = "m" * 50_000
            counts = []
            for _ in range(400):
                counts.append(writer.command("PUBLISH", "big", message).value)
                assert reader.read().value[2].value == message.encode()
            assert counts[0] == 2 and counts[-1] == 1
            writer.command("CONFIG", "SET", "client-output-buffer-limit", "pubsub 32mb 8mb 60")
            received = lazy.read_to_end()
            assert received.count(b"message") < 400
