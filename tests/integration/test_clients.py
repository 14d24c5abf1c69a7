"""Real clients against the server: redis-py, redis-cli, redis-benchmark.

Not a test of the clients: each call is one that users make all the time, and the claim is that nothing
about our server surprises the client.
"""
import csv
import io
import shutil
import subprocess

import pytest

redis = pytest.importorskip("redis")

REDIS_CLI = shutil.which("redis-cli")
REDIS_BENCHMARK = shutil.which("redis-benchmark")
SECONDS = 60


@pytest.fixture(scope="module")
def server(module_servers):
    return module_servers.ours("--appendonly", "yes").start()


@pytest.fixture
def client(server):
    with redis.Redis("127.0.0.1", server.port, socket_timeout=30) as connected:
        connected.flushall()
        yield connected


def run(*words, data=None):
    done = subprocess.run(words, input=data, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          timeout=SECONDS)
    return done.returncode, done.stdout.decode(errors="replace"), done.stderr.decode(errors="replace")


def test_redis_py_strings_and_keys(client):
    assert client.set("a", "1", ex=1000, nx=True)
    assert client.set("a", "2", nx=True) is None
    assert client.incr("a", 5) == 6
    assert client.getex("a", persist=True) == b"6"
    assert client.ttl("a") == -1
    assert client.mset({"x": "1", "y": b"\x00\xff"})
    assert client.mget("x", "y", "nosuch") == [b"1", b"\x00\xff", None]
    assert client.rename("x", "z") and not client.exists("x")
    assert client.copy("z", "w") and client.object("encoding", "w") in (b"int", "int")
    assert client.type("w") == b"string"
    dumped = client.dump("y")
    assert client.restore("y2", 0, dumped) and client.get("y2") == b"\x00\xff"
    with pytest.raises(redis.ResponseError, match="not an integer"):
        client.incr("y")


def test_redis_py_pipelines_and_transactions(client):
    with client.pipeline(transaction=False) as pipeline:
        for number in range(1000):
            pipeline.set(f"p{number}", number)
        assert pipeline.execute() == [True] * 1000
    with client.pipeline() as pipeline:
        pipeline.incr("n").incr("n").get("n")
        assert pipeline.execute() == [1, 2, b"2"]
    with client.pipeline() as pipeline:
        pipeline.watch("n")
        client.set("n", 10)
        pipeline.multi()
        pipeline.incr("n")
        with pytest.raises(redis.WatchError):
            pipeline.execute()


def test_redis_py_scan_iter_finds_every_key_once(client):
    names = {f"scan:{number}".encode() for number in range(5000)}
    with client.pipeline(transaction=False) as pipeline:
        for name in names:
            pipeline.set(name, "x")
        pipeline.execute()
    assert set(client.scan_iter(match="scan:*", count=100)) == names
    assert set(client.scan_iter(_type="string")) == names
    assert client.dbsize() == len(names)


def test_redis_py_reads_info_client_list_config_and_commands(client):
    info = client.info()
    assert info["redis_version"] == "7.0.15"
    for field in ("used_memory", "connected_clients", "total_commands_processed", "uptime_in_seconds",
                  "maxmemory", "role", "process_id", "aof_enabled", "keyspace_hits", "loading"):
        assert field in info
    client.client_setname("tester")
    assert any(row["name"] == "tester" for row in client.client_list())
    assert client.config_get("maxmemory*")
    assert client.command_count() > 50
    assert client.time()[0] > 0


def test_redis_py_selects_databases(server):
    with redis.Redis("127.0.0.1", server.port, db=3) as three, redis.Redis("127.0.0.1", server.port, db=4) as four:
        three.flushdb()
        four.flushdb()
        three.set("k", "3")
        assert four.get("k") is None
        assert three.move("k", 4) and four.get("k") == b"3"
        assert three.swapdb(3, 4) and three.get("k") == b"3"


def test_redis_cli_runs_commands_and_prints_their_replies(server, client):
    status, out, _ = run(REDIS_CLI, "-p", str(server.port), "SET", "cli", "hello")
    assert (status, out.strip()) == (0, "OK")
    status, out, _ = run(REDIS_CLI, "-p", str(server.port), "-3", "GET", "cli")
    assert (status, out.strip()) == (0, "hello")
    status, out, _ = run(REDIS_CLI, "-p", str(server.port), "--no-raw", "INCR", "cli")
    assert "not an integer" in out


def test_redis_cli_mass_insertion(server, client):
    data = b"".join(b"*3\r\n$3\r\nSET\r\n$%d\r\npipe%d\r\n$1\r\nv\r\n" % (len(b"pipe%d" % n), n)
                    for n in range(10_000))
    status, out, _ = run(REDIS_CLI, "-p", str(server.port), "--pipe", data=data)
    assert status == 0 and "errors: 0, replies: 10000" in out
    assert client.dbsize() == 10_000


def test_redis_cli_bigkeys_scan_and_latency(server, client):
    client.mset({f"b{number}": "x" * number for number in range(300)})
    status, out, _ = run(REDIS_CLI, "-p", str(server.port), "--bigkeys")
    assert status == 0 and "Sampled 300 keys" in out and "b299" in out
    status, out, _ = run(REDIS_CLI, "-p", str(server.port), "--scan", "--pattern", "b29*")
    assert sorted(out.split()) == sorted(["b29"] + [f"b29{digit}" for digit in range(10)])
    status, out, _ = run("timeout", "2", REDIS_CLI, "-p", str(server.port), "--raw", "--latency")
    assert "rror" not in out


def test_redis_cli_stat_reads_our_info(server, client):
    client.set("one", "1")
    _, out, _ = run("timeout", "3", "stdbuf", "-oL", REDIS_CLI, "-p", str(server.port), "--stat", "-i", "1")
    rows = [line.split() for line in out.splitlines() if line and line.split()[0].isdigit()]
    assert rows and rows[0][0] == "1"


def test_redis_benchmark_runs_its_string_tests(server, client):
    status, out, err = run(REDIS_BENCHMARK, "-p", str(server.port), "-n", "20000", "-c", "20", "-P", "8",
                           "-r", "10000", "--csv", "-t", "ping_inline,ping_mbulk,set,get,incr,mset")
    assert status == 0, out + err
    rows = list(csv.reader(io.StringIO(out)))[1:]
    assert len(rows) == 6, out
    assert all(float(row[1]) > 0 for row in rows)
    assert "ERR" not in err
