"""Settings beside redis-server 7.0.15: every parameter's default, values and error texts, files, CONFIG REWRITE.

Both servers get the same CONFIG commands and replies are compared byte by byte; both are started with the
same files and command lines. Where we differ on purpose the reason stands beside the name.
"""
import pytest


# Parameters whose values would change the test itself (listening, logging in, evicting our client, forking).
ONLY_BAD_VALUES = {
    "port": "listens", "tls-port": "listens", "bind": "listens", "maxmemory-clients": "evicts the test's client",
    "maxclients": "depends on the limit of open files", "appendonly": "rewrites the AOF",
    "tls-replication": "needs certificates", "tls-cluster": "needs certificates",
    "activedefrag": "Debian's redis-server is built without it, we accept it with a warning",
    "watchdog-period": "is moved to 200 by Redis; we have no watchdog",
    "timeout": "closes the test's connection",
}
# Defaults that differ: the harness sets them, or they are ours by design.
OTHER_DEFAULTS = {
    "port", "dir", "bind", "save", "daemonize", "enable-debug-command",
    "appendonly",  # design: the log is on unless told otherwise
}
OURS = {"tiering", "maxdisk", "log-low-water", "log-segment-bytes", "checkpoint-log-bytes", "recovery-budget-ms",
        "cold-readers", "paged-threshold", "link-threshold", "cold-direct-io", "busy-poll-us", "cold-place-memory"}
HIDDEN = ("use-exit-on-panic", "rdb-key-save-delay", "key-load-delay", "watchdog-period",
          "loading-process-events-interval-bytes")

VALUES = ["", "zz", " 1", "-1", "0", "1", "7", "007", "0777", "1000", "65535", "65536", "2147483647", "2147483648",
          "4294967296", "9223372036854775807", "9223372036854775808", "-9223372036854775808", "1k", "1kb", "1MB",
          "2gb", "1.5gb", "5%", "100%", "101%", "%", "yes", "No", "yes ", "a/b", "a b", "1 2", "1 2 3", "50 99.9",
          "KEA", "gAn", "save now", "save nosave", "default", "always", "volatile-ttl", "ALLKEYS-lfu", "relative",
          "swapdb", "clients", "optional", "hostname", "panic", "normal 1 2 3", "replica 1mb 2kb 3 pubsub 0 0 0",
          "master 1 2 3", "normal 1 2 -3", "900 1", "900  1", "900 1 60 5", "-2000 0 2000", "-2001 0 0", "{title}",
          "{nosuch}", "{", "a_b", "x" * 300]
# The same without what would be accepted by the parameters above.
BAD_VALUES = ["zz", "1.5gb", "maybe", "x y"]


@pytest.fixture(scope="module")
def pair(module_servers):
    return module_servers.redis().start(), module_servers.ours().start()


def get(connection, *patterns):
    flat = [item.text() for item in connection.command("CONFIG", "GET", *patterns).value]
    return dict(zip(flat[::2], flat[1::2]))


def test_every_parameter_is_known_with_its_default(pair):
    with pair[0].connect() as oracle, pair[1].connect() as ours:
        expected, actual = get(oracle, "*"), get(ours, "*")
        if pair[1].is_ours:
            assert OURS <= actual.keys()
        assert len(expected) == 192
        assert expected.keys() == actual.keys() - OURS
        different = {name: (expected[name], actual[name]) for name in expected
                     if expected[name] != actual[name] and name not in OTHER_DEFAULTS}
        assert different == {}
        assert get(oracle, *HIDDEN) == get(ours, *HIDDEN)
        assert get(ours, "appendonly") == {"appendonly": "yes" if pair[1].is_ours else "no"}


def test_every_value_is_taken_or_refused_alike(pair):
    differences = []
    with pair[0].connect() as oracle, pair[1].connect() as ours:
        for name in sorted(get(oracle, "*").keys() | set(HIDDEN)):
            before = [get(c, name)[name] for c in (oracle, ours)]
            for value in BAD_VALUES if name in ONLY_BAD_VALUES else VALUES:
                replies = [c.command("CONFIG", "SET", name, value).raw for c in (oracle, ours)]
                shown = [get(c, name)[name] for c in (oracle, ours)]
                accepted = replies[0] == b"+OK\r\n"
                if replies[0] != replies[1] or (accepted and shown[0] != shown[1]):
                    differences.append((name, value, replies, shown))
            for connection, value in zip((oracle, ours), before):
                connection.command("CONFIG", "SET", name, value)
    assert not differences, "\n".join(map(str, differences))


COMMANDS = [
    ("GET",), ("SET",), ("SET", "timeout"), ("SET", "timeout", "1", "hz"), ("NOSUCH",), (), ("HELP",), ("HELP", "x"),
    ("RESETSTAT", "x"), ("REWRITE",), ("GET", "nosuch"), ("GET", "MAXMEMORY", "maxmemory"), ("GET", "maxmemory?pol*"),
    ("SET", "nosuch", "1", "timeout", "x"), ("SET", "timeout", "x", "nosuch", "1"), ("SET", "hz", "20", "hz", "30"),
    ("SET", "hz", "20", "HZ", "30"), ("SET", "slave-read-only", "no", "replica-read-only", "yes"),
    ("SET", "lfu-decay-time", "20", "lfu-log-factor", "x"), ("GET", "lfu-decay-time"),
    ("SET", "lfu-decay-time", "20", "daemonize", "yes"), ("GET", "lfu-decay-time"), ("SET", "DAEMONIZE", "yes"),
    ("SET", "dbfilename", "x"), ("SET", "dir", "/"), ("SET", "Maxmemory-Policy", "x"), ("RESETSTAT",),
]


@pytest.mark.parametrize("protocol", [2, 3])
def test_commands_answer_alike(pair, protocol):
    with pair[0].connect(protocol=protocol) as oracle, pair[1].connect(protocol=protocol) as ours:
        for command in COMMANDS:
            expected, actual = (c.command("CONFIG", *command) for c in (oracle, ours))
            assert actual.raw == expected.raw, command
        for connection in (oracle, ours):
            connection.command("CONFIG", "SET", "lfu-decay-time", "1")


GOOD_FILES = {
    "save lines": "save 900 1\nsave 300 10\n",
    "save none": "save 900 1\nsave \"\"\n",
    "several values in quotes": "save \"1 2 3 4\"\nclient-output-buffer-limit 'normal 1 2 3'\n",
    "case, blanks, comments, CRLF": "# c\n\n  TimeOut   5  \r\n\tmaxmemory 1gb\r\n",
    "aliases": "slave-read-only no\nhash-max-ziplist-entries 3\nlua-time-limit 6\n",
    "units": "repl-backlog-size 3k\nauto-aof-rewrite-min-size 2MB\nproto-max-bulk-len 1g\nmaxmemory-clients 7%\n",
    "quoting": "masterauth \"a\\x41\\n\\\"b\"\nmasteruser 'it\\'s'\n",
    "numbers out of range that are moved in": "hz 100000\n",
    "retired directives": "list-max-ziplist-entries 5\nlua-replicate-commands yes\n",
    "no file matches": "include nope*.conf\ntimeout 4\n",
    "default user": "user default on nopass sanitize-payload ~* &* +@all\n",
    "lists": "shutdown-on-sigint now force\noom-score-adj-values 1 2 3\nnotify-keyspace-events KEA\n"
             "latency-tracking-info-percentiles 1 2.5\n",
    "octal": "unixsocketperm 777\n",
}
BAD_LINES = [
    "timeout", "timeout 1 2", "timeout 5 # c", "foo", "foo bar", "include", "rename-command get", "user", "loadmodule",
    "a.b", "sentinel a b", "lua-replicate-commands yes no", "requirepass \"a b", "requirepass \"a\"b",
    "client-output-buffer-limit normal 1 2", "oom-score-adj-values -2001 2 3", "notify-keyspace-events K E",
    "shutdown-on-sigint", "replicaof 127.0.0.1 x", "replicaof 127.0.0.1", "unixsocketperm 1000", "unixsocketperm 8",
    "maxmemory-clients 101%", "maxmemory x", "proto-max-bulk-len 1", "dir /nope", "logfile /nope/x",
    "dbfilename a/b", "appendfilename \"\"", "appenddirname a/b", "proc-title-template {x}", "activerehashing maybe",
    "appendfsync x", "cluster-announce-hostname a_b", "io-threads 200", "databases 0", "tcp-backlog -1", "save 900",
]


@pytest.mark.parametrize("name", GOOD_FILES)
def test_files_mean_the_same(servers, tmp_path, name):
    path = tmp_path / "redis.conf"
    path.write_text(GOOD_FILES[name])
    arguments = [] if "save" in GOOD_FILES[name] else ["--save", ""]
    oracle, ours = servers.redis(config_file=path), servers.ours(*arguments, config_file=path)
    # The harness adds --save "" for redis-server, behind the file, where it wins.
    if "save" in GOOD_FILES[name]:
        ours.arguments += ["--save", ""]
    oracle.start()
    ours.start()
    with oracle.connect() as left, ours.connect() as right:
        expected, actual = get(left, "*"), get(right, "*")
    different = {key: (expected[key], actual[key]) for key in expected
                 if expected[key] != actual[key] and key not in {"port", "dir", "appendonly"}}
    assert different == {}


@pytest.mark.parametrize("line", BAD_LINES)
def test_bad_lines_fail_the_start_alike(servers, tmp_path, line):
    path = tmp_path / "redis.conf"
    path.write_text("# a file\n\n" + line + "\n")
    texts = []
    for server in (servers.redis(config_file=path), servers.ours(config_file=path)):
        server.spawn()
        assert server.process.wait(30) == 1
        text = server.log_tail()
        assert "*** FATAL CONFIG FILE ERROR (" in text
        texts.append([row for row in text.splitlines() if row and not row.startswith("***")])
    assert texts[1] == texts[0]


def test_renaming_an_unknown_command_fails_the_start(servers, tmp_path):
    path = tmp_path / "redis.conf"
    path.write_text("rename-command nosuch other\n")
    for server in (servers.redis(config_file=path), servers.ours(config_file=path)):
        server.spawn()
        assert server.process.wait(30) == 1
        assert "No such command in rename-command" in server.log_tail()


def test_rewrite_writes_the_same_lines(servers, tmp_path):
    text = ("# first\nport 1\n\nslave-read-only yes\n# about saving\nsave 900 1\nsave 300 10\ninclude none*.conf\n"
            "MAXMEMORY 5kb\ntimeout 3\nappendonly no\n")
    lines = []
    for server in (servers.redis(), servers.ours()):
        path = tmp_path / (server.directory.name + ".conf")
        path.write_text(text)
        server.config_file = path
        server.start()
        with server.connect() as connection:
            assert not connection.command("CONFIG", "SET", "save", "60 1", "maxmemory", "2097152", "masterauth",
                                          "a\"b", "replica-read-only", "no", "lfu-log-factor", "3",
                                          "client-output-buffer-limit", "pubsub 1kb 2 3").is_error()
            assert connection.command("CONFIG", "REWRITE").text() == "OK"
            assert connection.command("CONFIG", "REWRITE").text() == "OK"
        rows = [row for row in path.read_text().splitlines() if row]
        marker = rows.index("# Generated by CONFIG REWRITE")
        # Behind the marker the order is a hash table's in Redis; `user` is written there by its ACL.
        lines.append(rows[:marker] + sorted(row for row in rows[marker:] if not row.startswith(("user ", "dir "))))
    port = [row for row in lines[0] if row.startswith("port ")][0]
    lines[1] = [port if row.startswith("port ") else row for row in lines[1]]
    assert lines[1] == lines[0]
