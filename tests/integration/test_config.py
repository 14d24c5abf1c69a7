"""Command line, redis.conf, start-up failures and exit codes.

Where redis-server defines the behaviour (which arguments win, what a bad directive does) the claim
holds for both; what concerns our data directory is asked of ours alone. A failed start must say why,
exit with a non-zero status, and change nothing on disk.
"""
import os
import pathlib
import subprocess

import pytest

import servers as servers_module

SECONDS = 30


def run_to_end(server, *extra):
    """Runs the server expecting it to stop by itself: (status, output)."""
    line = server.command_line() + list(extra)
    done = subprocess.run(line, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, timeout=SECONDS, cwd=server.directory)
    return done.returncode, done.stdout.decode(errors="replace")


def snapshot(directory):
    """Name, size and content of every file below."""
    return {path.relative_to(directory).as_posix(): path.read_bytes()
            for path in sorted(pathlib.Path(directory).rglob("*")) if path.is_file()}


def only_ours(server):
    if not server.is_ours:
        pytest.skip("concerns our data directory")


def test_command_line_wins_over_the_file_and_a_later_argument_over_an_earlier(servers, tmp_path):
    config = tmp_path / "redis.conf"
    config.write_text("# a comment\n\nmaxmemory-samples 7\ntcp-keepalive 111\n"
                      "  lfu-decay-time   3  \nappendonly yes\n")
    server = servers.ours("--maxmemory-samples", "8", "--timeout", "5", "--timeout", "6",
                          config_file=config).start()
    with server.connect() as connection:
        def get(name):
            return connection.command("CONFIG", "GET", name).plain()[1]
        assert get("maxmemory-samples") == b"8"
        assert get("tcp-keepalive") == b"111"
        assert get("lfu-decay-time") == b"3"
        assert get("timeout") == b"6"


def test_quoted_and_repeated_words_of_a_file_are_read_as_redis_reads_them(servers, tmp_path):
    config = tmp_path / "redis.conf"
    config.write_text('requirepass "pass \\x41word"\nMAXMEMORY-POLICY allkeys-lru\nhz \'12\'\n')
    server = servers.ours(config_file=config).spawn()
    # PING is refused before AUTH, so readiness is asked with the password.
    for _ in range(600):
        try:
            with server.connect() as connection:
                if connection.command("AUTH", "pass Aword").raw == b"+OK\r\n":
                    assert connection.command("CONFIG", "GET", "maxmemory-policy").plain()[1] == \
                        b"allkeys-lru"
                    assert connection.command("CONFIG", "GET", "hz").plain()[1] == b"12"
                    return
        except OSError:
            pass
        assert server.is_running(), server.log_tail()
        servers_module.time.sleep(0.05)
    pytest.fail("never ready:\n" + server.log_tail())


@pytest.mark.parametrize("arguments", [
    ["--no-such-directive", "1"], ["--port", "abc"], ["--port", "70000"], ["--appendfsync", "sometimes"],
    ["--maxmemory", "12parsecs"], ["--maxmemory-policy", "bogus"], ["--databases", "0"],
    ["--timeout", "-1"], ["--hz"], ["--appendonly", "perhaps"],
])
def test_a_bad_directive_fails_the_start_and_is_named(servers, arguments):
    server = servers.ours()
    status, output = run_to_end(server, *arguments)
    assert status == 1, output
    assert arguments[0].lstrip("-") in output, output
    assert snapshot(server.directory) == {}


def test_an_unknown_directive_in_a_file_is_reported_with_its_line(servers, tmp_path):
    config = tmp_path / "redis.conf"
    config.write_text("timeout 5\nbogus-directive yes\n")
    status, output = run_to_end(servers.ours(config_file=config))
    assert status == 1
    assert "bogus-directive" in output and "2" in output, output


def test_a_missing_configuration_file_fails_the_start(servers, tmp_path):
    status, output = run_to_end(servers.ours(config_file=tmp_path / "nowhere.conf"))
    assert status == 1
    assert "nowhere.conf" in output, output


def test_a_missing_data_directory_fails_the_start(servers, tmp_path):
    status, output = run_to_end(servers.ours("--dir", str(tmp_path / "nowhere")))
    assert status == 1
    assert "nowhere" in output or "No such file" in output, output


def test_a_port_in_use_fails_the_start_and_leaves_the_first_server_alone(servers):
    first = servers.ours().start()
    second = servers.ours(port=first.port)
    status, output = run_to_end(second)
    assert status == 1, output
    assert str(first.port) in output, output
    with first.connect() as connection:
        assert connection.command("PING").raw == b"+PONG\r\n"


def test_a_data_directory_in_use_is_refused(servers):
    first = servers.ours("--appendonly", "yes").start()
    only_ours(first)
    with first.connect() as connection:
        connection.command("SET", "k", "v")
    second = servers.ours("--appendonly", "yes")
    second.directory = first.directory
    status, output = run_to_end(second)
    assert status != 0, output
    assert "lock" in output.lower() or "use" in output.lower(), output
    with first.connect() as connection:
        assert connection.command("GET", "k").plain() == b"v"


def test_a_damaged_log_segment_is_refused_by_name_and_nothing_is_changed(servers):
    server = servers.ours("--appendonly", "yes", "--appendfsync", "always").start()
    only_ours(server)
    with server.connect() as connection:
        connection.pipeline([["SET", f"key{number}", "v" * 100] for number in range(500)])
    server.kill()
    segments = [path for path in server.directory.rglob("*")
                if path.is_file() and path.read_bytes()[:5] == b"TCLOG"
                and b"key100" in path.read_bytes()]
    assert segments, f"no segment holds the keys: {list(snapshot(server.directory))}"
    damaged = segments[0]
    data = bytearray(damaged.read_bytes())
    data[data.index(b"key100")] ^= 1
    damaged.write_bytes(data)
    before = snapshot(server.directory)
    status, output = run_to_end(server)
    assert status != 0, output
    assert damaged.name in output, output
    # RocksDB writes its own book-keeping whenever it is opened; what holds data may not change.
    bookkeeping = ("LOG", "LOCK", "CURRENT", "MANIFEST", "OPTIONS", "IDENTITY")
    after = snapshot(server.directory)
    assert [name for name, data in before.items() if after.get(name) != data
            and not pathlib.Path(name).name.startswith(bookkeeping)] == []


def test_sigterm_and_shutdown_stop_with_status_0_and_keep_everything(servers):
    server = servers.ours("--appendonly", "yes").start()
    with server.connect() as connection:
        connection.command("SET", "k", "1")
    assert server.terminate() == 0
    server.start()
    with server.connect() as connection:
        assert connection.command("INCR", "k").value == 2
        connection.send(["SHUTDOWN"])
        connection.read_to_end()
    assert server.process.wait(SECONDS) == 0
    server.process = None
    server.start()
    with server.connect() as connection:
        assert connection.command("GET", "k").plain() == b"2"
        connection.send(["SHUTDOWN", "NOSAVE"])
        connection.read_to_end()
    assert server.process.wait(SECONDS) == 0
    server.process = None


def test_bgrewriteaof_is_a_checkpoint(servers):
    server = servers.ours("--appendonly", "yes").start()
    only_ours(server)
    before = int(server.info("tiering")["tc_checkpoints"])
    with server.connect() as connection:
        connection.command("SET", "k", "1")
        reply = connection.command("BGREWRITEAOF")
        assert not reply.is_error(), reply
        for _ in range(600):
            if int(server.info("tiering")["tc_checkpoints"]) > before:
                return
            servers_module.time.sleep(0.05)
    pytest.fail("no checkpoint within 30 s of BGREWRITEAOF")


def test_every_parameter_of_redis_is_known(servers):
    redis = servers.redis().start()
    ours = servers.ours().start()
    names = []
    for server in (redis, ours):
        with server.connect() as connection:
            names.append(set(connection.command("CONFIG", "GET", "*").plain()[::2]))
    assert names[0] - names[1] == set()


def test_config_rewrite_keeps_the_file_readable_and_writes_what_was_set(servers, tmp_path):
    config = tmp_path / "redis.conf"
    config.write_text("# kept\ntimeout 0\n")
    server = servers.ours(config_file=config).start()
    with server.connect() as connection:
        assert connection.command("CONFIG", "SET", "timeout", "77").raw == b"+OK\r\n"
        assert connection.command("CONFIG", "REWRITE").raw == b"+OK\r\n"
    text = config.read_text()
    assert "# kept" in text and "timeout 77" in text, text
    server.terminate()
    server.start()
    with server.connect() as connection:
        assert connection.command("CONFIG", "GET", "timeout").plain()[1] == b"77"


def test_help_and_version_exit_with_0(servers):
    binary = servers_module.binary_under_test()
    for argument in ("--version", "--help"):
        done = subprocess.run([binary, argument], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              stdin=subprocess.DEVNULL, timeout=SECONDS, cwd=os.fspath(servers.directory))
        # redis-server exits with 1 after --help.
        assert done.returncode in (0, 1 if argument == "--help" else 0)
        assert done.stdout
