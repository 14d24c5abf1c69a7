"""A disk that fails under a running server, and comes back.

RLIMIT_FSIZE of the server process is lowered while it runs: from then on every write to a file fails,
the log's and RocksDB's alike. What must hold: no reply leaves that tells of something that is not kept,
new writes get MISCONF, reads of durable data go on, and when the disk is back the server goes on by
itself, with everything it ever acknowledged.
"""
import resource
import time

import pytest

SECONDS = 60


def limit_files(server, limit):
    _, hard = resource.prlimit(server.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(server.pid, resource.RLIMIT_FSIZE, (limit, hard))


def until(condition, what):
    deadline = time.monotonic() + SECONDS
    while not condition():
        assert time.monotonic() < deadline, what
        time.sleep(0.02)


def idle(tiering):
    room = int(tiering["tc_memory_budget"]) - int(tiering["tc_memory_used"])
    return tiering["tc_log_durable_lag_bytes"] == "0" and room > int(tiering["tc_memory_budget"]) // 8


def nothing_to_read(connection):
    connection.socket.settimeout(0.3)
    try:
        reply = connection.read()
    except OSError:
        return True
    finally:
        connection.socket.settimeout(SECONDS)
    raise AssertionError(f"answered: {reply}")


@pytest.mark.parametrize("policy", ["always", "everysec"])
def test_replies_are_held_while_the_disk_fails_and_nothing_is_lost(servers, policy):
    server = servers.ours("--appendonly", "yes", "--appendfsync", policy, "--maxmemory", "20mb")
    if not server.is_ours:
        pytest.skip("redis-server exits when it cannot write its AOF under `always`")
    server.start()
    wanted = {}
    with server.connect() as load, server.connect() as held, server.connect() as other:
        for start in range(0, 40_000, 500):  # twice the budget: the cold tier has its part
            batch = {b"key:%d" % n: b"%d" % n * 200 for n in range(start, start + 500)}
            for reply in load.pipeline(["SET", key, value] for key, value in batch.items()):
                assert reply.raw == b"+OK\r\n", reply
            wanted.update(batch)
        assert load.command("SET", "doomed", "1").text() == "OK"
        # The log shall be what notices the disk: with memory full and the cold tier failing first, SET
        # would be refused instead of held.
        assert not load.command("DEBUG", "SPILL", "ALL").is_error()
        assert load.command("GET", "key:39999").value == wanted[b"key:39999"]  # resident
        assert load.command("GET", "doomed").value == b"1"  # DEL shall not wait for a cold read
        until(lambda: idle(server.info("tiering")), "not synced, or still spilling")

        limit_files(server, 0)
        held.send(["SET", "held", "1"], ["INCR", "held"], ["DEL", "doomed"], ["PING"])
        with server.connect() as probe:  # PING is refused, too, and depends on nothing
            until(lambda: probe.command("PING").is_error(), "the failing disk is not noticed")
        refused = other.command("SET", "refused", "1")
        assert refused.raw.startswith(b"-MISCONF Errors writing to the AOF file"), refused
        assert server.info("persistence")["aof_last_write_status"] == "err"
        assert nothing_to_read(held)
        with server.connect() as reader:
            assert reader.command("GET", "key:39999").value == wanted[b"key:39999"]
            reader.send(["GET", "doomed"])
            assert nothing_to_read(reader)  # that it is gone is not kept yet
            with server.connect() as counter:
                counter.send(["DBSIZE"])
                assert nothing_to_read(counter)
                limit_files(server, resource.RLIM_INFINITY)
                assert counter.read().value == len(wanted) + 1
            assert reader.read().value is None
        assert [held.read().raw for _ in range(3)] == [b"+OK\r\n", b":2\r\n", b":1\r\n"]
        assert held.read().raw in (b"+PONG\r\n", refused.raw)
        wanted[b"held"] = b"2"
        until(lambda: not other.command("SET", "after", "1").is_error(), "writes are still refused")
        wanted[b"after"] = b"1"
        assert server.info("persistence")["aof_last_write_status"] == "ok"
        # The cold tier as well: a checkpoint, and keys from the disk.
        assert not other.command("DEBUG", "SPILL", "ALL").is_error()
        assert server.info("tiering")["tc_cold_error"] == "none"
        check(other, wanted)
    server.kill()
    server.start()
    with server.connect() as connection:
        check(connection, wanted)


def check(connection, wanted):
    assert connection.command("DBSIZE").value == len(wanted)
    keys = list(wanted)
    for start in range(0, len(keys), 1000):
        part = keys[start:start + 1000]
        values = connection.command("MGET", *part).value
        for key, reply in zip(part, values):
            assert reply.value == wanted[key], key

