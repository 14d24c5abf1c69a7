"""Shared set-up of the whole-server tests: import paths, and the fixtures that start servers.

Every test takes its servers from a Servers object, which stops what it started, by process id, also
when the test fails. Run with Debian's Python: /usr/bin/python3 -m pytest.
"""
import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

import schedule  # noqa: E402
import servers as servers_module  # noqa: E402


@pytest.fixture
def servers(tmp_path):
    with servers_module.Servers(tmp_path) as pool:
        yield pool


@pytest.fixture(scope="module")
def module_servers(tmp_path_factory):
    with servers_module.Servers(tmp_path_factory.mktemp("servers")) as pool:
        yield pool


@pytest.fixture(scope="module")
def pair(module_servers):
    """redis-server and ours, with so little memory that keys move between the tiers."""
    oracle = module_servers.redis().start()
    ours = module_servers.ours()
    if ours.is_ours:
        ours.arguments += ["--maxmemory", "16mb"]
    return oracle, ours.start()


@pytest.fixture
def both(pair):
    """A schedule of several clients on the empty pair."""
    with schedule.Schedule(*pair) as running:
        running.both("CONFIG", "SET", "notify-keyspace-events", "")
        running.both("FLUSHALL")
        yield running
