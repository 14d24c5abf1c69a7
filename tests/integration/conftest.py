"""Shared set-up of the whole-server tests: import paths, and the fixtures that start servers.

Every test takes its servers from a Servers object, which stops what it started, by process id, also
when the test fails. Run with Debian's Python: /usr/bin/python3 -m pytest.
"""
import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

import servers as servers_module  # noqa: E402


@pytest.fixture
def servers(tmp_path):
    with servers_module.Servers(tmp_path) as pool:
        yield pool


@pytest.fixture(scope="module")
def module_servers(tmp_path_factory):
    with servers_module.Servers(tmp_path_factory.mktemp("servers")) as pool:
        yield pool
