"""INFO beside redis-server 7.0.15: the same sections, the same fields in the same order, values of the same kind.

Values differ by nature; what is compared is that every field of Redis is there, in its place, and looks
like the value of Redis (an integer, a ratio, a size for people ...). Fields of ours are named here.
"""
import re

import pytest

OURS = {"Server": ["thermocline_version"], "Tiering": None}

KINDS = [
    ("integer", re.compile(r"-?\d+$")),
    ("decimal", re.compile(r"-?\d+\.\d+$")),
    ("percent", re.compile(r"\d+\.\d+%$")),
    ("size", re.compile(r"\d+(\.\d+)?[BKMGTP]$")),
    ("pairs", re.compile(r"\w[\w.]*=[\d.]+(,\w[\w.]*=[\d.]+)*$")),
    ("id", re.compile(r"[0-9a-f]{40}$")),
    ("version", re.compile(r"\d+\.\d+\.\d+$")),
]


def kind(value):
    return next((name for name, pattern in KINDS if pattern.match(value)), "text")


def sections(text):
    """[(title, [(field, value)])]"""
    out = []
    for line in text.split("\r\n"):
        if line.startswith("# "):
            out.append((line[2:], []))
        elif line:
            out[-1][1].append(tuple(line.split(":", 1)))
    return out


@pytest.fixture(scope="module")
def pair(module_servers):
    servers = module_servers.redis("--appendonly", "yes").start(), module_servers.ours("--appendonly", "yes").start()
    for server in servers:
        with server.connect() as connection:
            # The harness asked while the server was loading.
            for command in [("CONFIG", "RESETSTAT"), ("SET", "a", "1"), ("SET", "b", "x", "EX", "1000"), ("GET", "a"), ("INCR", "b"),
                            ("CONFIG", "GET", "port"), ("NOSUCH",)]:
                connection.command(*command)
    return servers


def info(server, *arguments, protocol=2):
    with server.connect(protocol=protocol) as connection:
        return connection.command("INFO", *arguments)


def test_fields_stand_where_redis_has_them(pair):
    expected, actual = (dict(sections(info(server, "everything").text())) for server in pair)
    for title, fields in expected.items():
        ours = [(name, value) for name, value in actual[title] if name not in (OURS.get(title) or [])]
        if title in ("Commandstats", "Latencystats"):  # Redis's order is that of a hash table
            fields, ours = sorted(fields), sorted(ours)
        assert [name for name, _ in ours] == [name for name, _ in fields], title
        kinds = [(name, kind(value)) for name, value in fields if name != "used_memory_peak_perc"]
        assert [(name, kind(value)) for name, value in ours if name != "used_memory_peak_perc"] == kinds, title


@pytest.mark.parametrize("arguments", [
    (), ("default",), ("all",), ("everything",), ("server",), ("SERVER", "Clients"), ("nosuch",), ("",),
    ("commandstats",), ("keyspace", "nosuch", "cpu"), ("default", "latencystats"), ("modules",)])
@pytest.mark.parametrize("protocol", [2, 3])
def test_sections_are_chosen_alike(pair, arguments, protocol):
    replies = [info(server, *arguments, protocol=protocol) for server in pair]
    titles = [[title for title, _ in sections(reply.text().removeprefix("txt:")) if title not in OURS or title == "Server"]
              for reply in replies]
    assert titles[1] == titles[0]
    assert replies[1].kind == replies[0].kind


def test_values_that_do_not_depend_on_the_machine_are_equal(pair):
    fixed = {"redis_version", "redis_mode", "arch_bits", "hz", "configured_hz", "maxclients", "blocked_clients", "loading",
             "aof_enabled", "aof_last_write_status", "rdb_last_bgsave_status", "keyspace_hits", "keyspace_misses",
             "errorstat_ERR", "role", "connected_slaves", "maxmemory", "maxmemory_human",
             "maxmemory_policy", "total_system_memory", "mem_allocator", "cluster_enabled", "evicted_keys", "expired_keys"}
    expected, actual = ({name: value for _, fields in sections(info(server, "everything").text())
                         for name, value in fields if name in fixed} for server in pair)
    assert actual == expected
    assert len(expected) == len(fixed)


def test_keyspace_lines_are_equal(pair):
    lines = [re.sub(r"avg_ttl=\d+", "avg_ttl=N", info(server, "keyspace").text()) for server in pair]
    assert lines[1] == lines[0]


@pytest.mark.parametrize("protocol", [2, 3])
def test_memory_stats_has_names_order_and_types_of_redis(pair, protocol):
    def shape(reply):
        if reply.kind in "%*" and reply.value:
            return [(reply.kind, names(part) if i % 2 == 0 else shape(part))
                    for i, part in enumerate(reply.value)]
        if reply.kind == "$" and protocol == 2:  # a double in RESP2
            return "double" if re.match(rb"-?[\d.e+-]+$", reply.value) else reply.value
        return reply.kind

    def names(reply):
        return reply.value

    shapes = []
    for server in pair:
        with server.connect(protocol=protocol) as connection:
            shapes.append(shape(connection.command("MEMORY", "STATS")))
    assert shapes[0] == shapes[1]


def test_memory_reports_are_texts(pair):
    with pair[1].connect(protocol=3) as connection:
        assert connection.command("MEMORY", "DOCTOR").kind == "="
        report = connection.command("MEMORY", "MALLOC-STATS")
        assert report.kind == "=" and "jemalloc statistics" in report.text()
