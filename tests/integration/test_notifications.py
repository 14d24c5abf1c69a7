"""Keyspace and keyevent notifications beside redis-server: the same commands, the same events, in order.

One client listens to every event of one or all classes, another sends commands; what the listener hears
is compared to the byte. Expired and evicted keys come when each server gets to them, so those are
compared as sets, on our side also while the keys are cold.
"""
import time

import pytest

import resp
import schedule

DAY_MS = 24 * 3600 * 1000
FAR_MS = 4102444800000  # 2100-01-01


# Steps of one database; SELECT is followed. Keys: s string, i integer, l list when lists exist.
STRINGS = [
    ("SET", "s", "v"), ("SET", "s", "v2"), ("SET", "s", "v", "EX", "100"), ("SET", "s", "v", "PX", "100000", "GET"),
    ("SET", "s", "v", "KEEPTTL"), ("SET", "s", "v", "NX"), ("SET", "t", "v", "NX"), ("SET", "t", "v", "XX"),
    ("SET", "nosuch", "v", "XX"), ("SET", "past", "v", "PXAT", "1"), ("GET", "past"), ("SET", "t", "v", "BOGUS"),
    ("SETNX", "s", "v"), ("SETNX", "u", "v"), ("SETEX", "u", "100", "v"), ("PSETEX", "u", "100000", "v"),
    ("SETEX", "u", "0", "v"), ("GETSET", "s", "v"), ("GETSET", "fresh", "v"), ("GETDEL", "fresh"), ("GETDEL", "fresh"),
    ("MSET", "a", "1", "b", "2", "a", "3"), ("MSETNX", "a", "1", "z", "2"), ("MSETNX", "y", "1", "z", "2"),
    ("APPEND", "s", "x"), ("APPEND", "appended", "x"), ("APPEND", "s", ""), ("SETRANGE", "s", "2", "xx"),
    ("SETRANGE", "s", "2", ""), ("SETRANGE", "ranged", "2", "x"), ("SETRANGE", "nosuch", "2", ""),
    ("INCR", "i"), ("INCRBY", "i", "5"), ("DECR", "i"), ("DECRBY", "i", "2"), ("INCR", "s"),
    ("INCRBYFLOAT", "i", "1.5"), ("INCRBYFLOAT", "f", "1.5"), ("INCRBYFLOAT", "s", "x"),
    ("GETEX", "s", "EX", "100"), ("GETEX", "s", "PERSIST"), ("GETEX", "s", "PERSIST"), ("GETEX", "s"),
    ("GETEX", "b", "PXAT", "1"), ("GETEX", "nosuch", "EX", "1"), ("GET", "s"), ("GET", "nosuch"),
    ("MGET", "s", "nosuch", "i"), ("STRLEN", "nosuch"), ("GETRANGE", "nosuch", "0", "1"), ("LCS", "s", "nosuch"),
    ("SUBSTR", "nosuch", "0", "1"),
]
KEYS = [
    ("MSET", "a", "1", "b", "2", "c", "3", "d", "4", "e", "5"), ("DEL", "a"), ("DEL", "a"), ("DEL", "b", "nosuch", "c", "b"),
    ("UNLINK", "d", "nosuch"), ("EXISTS", "e", "nosuch", "e"), ("TYPE", "nosuch"), ("TYPE", "e"), ("TOUCH", "e", "nosuch"),
    ("EXPIRE", "e", "100"), ("EXPIRE", "e", "100", "NX"), ("PEXPIRE", "e", "100000"), ("EXPIREAT", "e", FAR_MS // 1000),
    ("PEXPIREAT", "e", FAR_MS), ("EXPIRE", "nosuch", "10"), ("TTL", "nosuch"), ("PERSIST", "e"), ("PERSIST", "e"),
    ("PERSIST", "nosuch"), ("EXPIRE", "e", "-1"), ("EXPIRE", "e", "-1"), ("SET", "e", "v"), ("PEXPIREAT", "e", "1"),
    ("SET", "e", "v"), ("RENAME", "e", "f"), ("RENAME", "f", "f"), ("RENAME", "nosuch", "f"), ("SET", "g", "v"),
    ("RENAME", "g", "f"), ("RENAMENX", "f", "h"), ("SET", "g", "v"), ("RENAMENX", "g", "h"), ("RENAMENX", "nosuch", "h"),
    ("COPY", "g", "i"), ("COPY", "g", "i"), ("COPY", "g", "i", "REPLACE"), ("COPY", "g", "g2", "DB", "1"),
    ("COPY", "nosuch", "i"), ("MOVE", "g", "1"), ("MOVE", "i", "1"), ("MOVE", "nosuch", "1"), ("SET", "i", "v"),
    ("MOVE", "i", "1"), ("OBJECT", "ENCODING", "i"), ("OBJECT", "ENCODING", "nosuch"), ("DUMP", "nosuch"),
    ("RESTORE", "r", "0", "PAYLOAD"), ("RESTORE", "r", "0", "PAYLOAD"), ("RESTORE", "r", "0", "PAYLOAD", "REPLACE"),
    ("RESTORE", "r", "1", "PAYLOAD", "REPLACE", "ABSTTL"), ("RESTORE", "r", "1", "PAYLOAD", "REPLACE", "ABSTTL"),
    ("RESTORE", "r", "100000", "PAYLOAD"), ("RESTORE", "r", "0", "bad", "REPLACE"), ("SELECT", "1"), ("SET", "k", "v"),
    ("SWAPDB", "0", "1"), ("SET", "k2", "v"), ("SELECT", "0"), ("DBSIZE",),
    ("MULTI",), ("SET", "m", "1"), ("INCR", "m"), ("DEL", "m"), ("SELECT", "3"), ("SET", "m", "1"), ("GET", "nosuch"), ("EXEC",),
    ("MULTI",), ("SET", "m", "1"), ("DISCARD",), ("WATCH", "nosuch"), ("UNWATCH",),
    ("FLUSHDB",), ("FLUSHALL",), ("SCAN", "0"),
]

HASHES = [
    ("HSET", "h", "a", "1", "b", "2"), ("HSET", "h", "a", "1"), ("HMSET", "h", "c", "3"), ("HSETNX", "h", "a", "1"),
    ("HSETNX", "h", "d", "4"), ("HINCRBY", "h", "a", "1"), ("HINCRBY", "h", "n", "1"), ("HINCRBYFLOAT", "h", "f", "1.5"),
    ("HINCRBY", "h", "f", "1"), ("HDEL", "h", "nosuch"), ("HDEL", "h", "a", "b"), ("HDEL", "h", "c", "d", "n", "f"),
    ("HDEL", "h", "a"), ("HGET", "nosuch", "a"), ("HGETALL", "nosuch"), ("HLEN", "nosuch"), ("HEXISTS", "nosuch", "a"),
    ("HSTRLEN", "nosuch", "a"), ("HMGET", "nosuch", "a"), ("HRANDFIELD", "nosuch"), ("HSCAN", "nosuch", "0"),
    ("HKEYS", "nosuch"), ("HSET", "h", "a", "1"), ("GET", "h"), ("HSET", "h2"), ("SET", "s", "v"), ("HSET", "s", "a", "1"),
]
SETS = [
    ("SADD", "x", "1", "2", "3"), ("SADD", "x", "1"), ("SADD", "y", "3", "4"), ("SREM", "x", "nosuch"), ("SREM", "x", "1"),
    ("SMOVE", "x", "y", "nosuch"), ("SMOVE", "x", "y", "2"), ("SMOVE", "x", "y", "3"), ("SMOVE", "y", "y", "3"),
    ("SMOVE", "nosuch", "y", "3"), ("SADD", "x", "9"), ("SMOVE", "x", "z", "9"), ("SPOP", "z"), ("SPOP", "z"),
    ("SADD", "z", "1"), ("SPOP", "z", "0"), ("SPOP", "z", "5"), ("SADD", "z", "7", "7"), ("SREM", "z", "7", "8"),
    ("SADD", "p", "1", "2", "3", "4", "5", "6", "7", "8"), ("SINTERSTORE", "d", "y", "p"), ("SUNIONSTORE", "d", "y", "p"),
    ("SDIFFSTORE", "d", "p", "y"), ("SDIFFSTORE", "d", "p", "p"), ("SDIFFSTORE", "d", "p", "p"), ("SET", "d", "v"),
    ("SUNIONSTORE", "d", "y"), ("SINTERSTORE", "nosuch", "y", "none"), ("SINTER", "y", "nosuch"), ("SUNION", "nosuch"),
    ("SDIFF", "nosuch"), ("SINTERCARD", "2", "y", "nosuch"), ("SMEMBERS", "nosuch"), ("SCARD", "nosuch"),
    ("SISMEMBER", "nosuch", "1"), ("SMISMEMBER", "nosuch", "1"), ("SRANDMEMBER", "nosuch"), ("SSCAN", "nosuch", "0"),
]
LISTS = [
    ("LPUSH", "l", "1", "2"), ("RPUSH", "l", "3"), ("LPUSHX", "l", "0"), ("RPUSHX", "l", "4"), ("LPUSHX", "nosuch", "0"),
    ("LPOP", "l"), ("RPOP", "l"), ("LPOP", "l", "0"), ("LPOP", "nosuch"), ("LPOP", "l", "2"), ("RPOP", "l", "9"),
    ("RPUSH", "l", "a", "b", "c", "a"), ("LINSERT", "l", "BEFORE", "a", "x"), ("LINSERT", "l", "BEFORE", "nosuch", "x"),
    ("LSET", "l", "0", "y"), ("LSET", "l", "99", "y"), ("LREM", "l", "0", "a"), ("LREM", "l", "0", "nosuch"), ("LTRIM", "l", "0", "1"),
    ("LTRIM", "l", "5", "6"), ("RPUSH", "l", "a", "b"), ("LMOVE", "l", "m", "LEFT", "RIGHT"), ("LMOVE", "l", "m", "RIGHT", "LEFT"),
    ("LMOVE", "m", "m", "LEFT", "RIGHT"), ("RPOPLPUSH", "m", "l"), ("RPOPLPUSH", "nosuch", "l"), ("LMPOP", "2", "nosuch", "m", "LEFT"),
    ("LMPOP", "1", "l", "RIGHT", "COUNT", "5"), ("LRANGE", "nosuch", "0", "1"), ("LLEN", "nosuch"), ("LINDEX", "nosuch", "0"),
    ("LPOS", "nosuch", "a"), ("RPUSH", "l", "2", "1"), ("LREM", "l", "0", "2"), ("LREM", "l", "0", "1"), ("RPUSH", "l", "1"),
    ("SET", "s", "v"), ("RPUSH", "s", "v"),
]
ZSETS = [
    ("ZADD", "z", "1", "a", "2", "b"), ("ZADD", "z", "1", "a"), ("ZADD", "z", "NX", "5", "a"), ("ZADD", "z", "CH", "3", "a"),
    ("ZADD", "z", "INCR", "1", "a"), ("ZINCRBY", "z", "1", "a"), ("ZADD", "z", "XX", "INCR", "1", "nosuch"), ("ZREM", "z", "nosuch"),
    ("ZREM", "z", "a"), ("ZREM", "z", "b"), ("ZADD", "z", "1", "a", "2", "b", "3", "c", "4", "d"), ("ZPOPMIN", "z"), ("ZPOPMAX", "z"),
    ("ZPOPMIN", "nosuch"), ("ZPOPMIN", "z", "0"), ("ZPOPMIN", "z", "9"), ("ZADD", "z", "1", "a", "2", "b", "3", "c", "4", "d"),
    ("ZMPOP", "2", "nosuch", "z", "MAX"), ("ZREMRANGEBYRANK", "z", "0", "0"), ("ZREMRANGEBYSCORE", "z", "2", "2"),
    ("ZREMRANGEBYSCORE", "z", "99", "99"), ("ZREMRANGEBYLEX", "z", "-", "+"), ("ZADD", "z", "1", "a", "2", "b"),
    ("ZRANGESTORE", "d", "z", "0", "-1"), ("ZRANGESTORE", "d", "z", "5", "9"), ("ZUNIONSTORE", "d", "1", "z"),
    ("ZINTERSTORE", "d", "1", "z"), ("ZDIFFSTORE", "d", "1", "z"), ("ZDIFFSTORE", "d", "2", "z", "z"), ("SET", "d", "v"),
    ("ZUNIONSTORE", "d", "1", "z"), ("ZSCORE", "nosuch", "a"), ("ZCARD", "nosuch"), ("ZRANGE", "nosuch", "0", "1"),
    ("ZRANK", "nosuch", "a"), ("ZCOUNT", "nosuch", "0", "1"), ("ZMSCORE", "nosuch", "a"), ("ZRANDMEMBER", "nosuch"),
]

FAMILIES = {"strings": STRINGS, "keys": KEYS, "hashes": HASHES, "sets": SETS, "lists": LISTS, "zsets": ZSETS}


@pytest.mark.parametrize("classes", ["KEA", "AKEnm", "K$", "Eg", "KEnm", "Klshz", "E", "A", "Kgn", "Em"])
@pytest.mark.parametrize("family", FAMILIES)
def test_commands_tell_the_same_events(both, pair, family, classes):
    both.both("SET", "payload", "some value")
    payload = both.sides[0].control.command("DUMP", "payload").value
    both.both("FLUSHALL")
    both.both("CONFIG", "SET", "notify-keyspace-events", classes)
    both.step("listener", "PSUBSCRIBE", "*")
    for argv in FAMILIES[family]:
        argv = [payload if word == "PAYLOAD" else word for word in argv]
        both.step("writer", *argv)
    # To itself. Whether a command replies before or after its own events is not compared.
    # Redis puts those of ZPOPMIN into the middle of its reply.
    if family == "zsets":
        return
    both.step("self", "HELLO", "3", normalise=lambda name, data, side: True)
    both.step("self", "PSUBSCRIBE", "__key*")
    for argv in FAMILIES[family]:
        argv = [payload if word == "PAYLOAD" else word for word in argv]
        both.step("self", *argv, normalise=lambda name, data, side: sorted(schedule.replies(data)))


def hear(connection, wanted, count, seconds=30):
    """Names of the keys that `wanted` events name, until `count` came."""
    found = []
    connection.socket.settimeout(seconds)
    while len(found) < count:
        reply = connection.read()
        channel, message = reply.value[2].value, reply.value[3].value
        if channel.endswith(b":" + wanted):
            found.append(message)
    return found


def test_expired_keys_are_told_whether_hot_or_cold(pair):
    for server in pair:
        with server.connect() as listener, server.connect() as writer:
            writer.command("FLUSHALL")
            writer.command("CONFIG", "SET", "notify-keyspace-events", "Ex")
            listener.command("PSUBSCRIBE", "__keyevent@0__:*")
            names = [b"key%d" % number for number in range(200)]
            for name in names:
                writer.command("SET", name, "v" * 500, "PX", 1500)
            if server.is_ours:
                assert not writer.command("DEBUG", "SPILL").is_error()
            for name in names[:5]:
                writer.command("GET", name)  # hot again
            assert sorted(hear(listener, b"expired", len(names))) == sorted(names)
            assert writer.command("DBSIZE").value == 0
            # Found by a command, before the cycle comes.
            writer.command("DEBUG", "SET-ACTIVE-EXPIRE", "0")
            writer.command("SET", "lazy", "v", "PX", "1")
            time.sleep(0.01)
            assert writer.command("GET", "lazy").value is None
            assert hear(listener, b"expired", 1) == [b"lazy"]
            writer.command("DEBUG", "SET-ACTIVE-EXPIRE", "1")
            writer.command("CONFIG", "SET", "notify-keyspace-events", "")


def test_evicted_keys_are_told_whether_hot_or_cold(servers):
    ours = servers.ours()
    if not ours.is_ours:
        pytest.skip("about our two tiers")
    ours.arguments += ["--maxmemory", "16mb", "--maxmemory-policy", "allkeys-lru"]
    ours.start()
    with ours.connect() as listener, ours.connect() as writer:
        writer.command("CONFIG", "SET", "notify-keyspace-events", "Ee")
        listener.command("PSUBSCRIBE", "__keyevent@0__:evicted")
        def evicted():
            return int(resp.parse_info(writer.command("INFO", "stats"))["evicted_keys"])

        written = 0  # some may be refused when eviction does not keep up
        gone = set()
        for first in range(0, 60_000, 500):
            replies = writer.pipeline([("SET", b"key%d" % number, "v" * 1000) for number in range(first, first + 500)])
            written += sum(not reply.is_error() for reply in replies)
            if evicted() >= 1000:
                break
        while len(gone) < evicted():
            gone.add(listener.read().value[3].value)
        assert len(gone) >= 1000
        while True:  # until none went while we asked
            before, size = evicted(), writer.command("DBSIZE").value
            if evicted() == before:
                break
        while len(gone) < before:
            gone.add(listener.read().value[3].value)
        assert size + len(gone) == written
        assert writer.command("EXISTS", *list(gone)[:100]).value == 0
