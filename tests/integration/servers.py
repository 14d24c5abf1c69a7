"""Starts and stops the server under test and Debian's redis-server.

Owns: binaries, free loopback ports, data directories, log capture, waiting for readiness, and
stopping. Processes are stopped by process id only, and every wait has an end. Server logs go to files
beside the data directory, whose tail is part of every error message.

The server under test is build/bin/thermocline-server; THERMOCLINE_SERVER names another binary. When
that one is a redis-server, `is_ours` is false and steps that only our server understands (DEBUG
SPILL, the tiering directives) are left out: that is how the tests themselves are tested.
"""
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import time

import resp

ROOT = pathlib.Path(__file__).resolve().parents[2]
REDIS_SERVER = shutil.which("redis-server") or "/usr/bin/redis-server"
START_SECONDS = 60.0
STOP_SECONDS = 60.0


def binary_under_test():
    return os.environ.get("THERMOCLINE_SERVER") or str(ROOT / "build/bin/thermocline-server")


def binary_is_ours(binary):
    return "redis-server" not in pathlib.Path(binary).name


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class ServerError(AssertionError):
    pass


class Server:
    """One server process; `arguments` are directives in redis-server's command-line form."""

    def __init__(self, binary, directory, arguments=(), port=None, config_file=None):
        self.binary = binary
        self.is_ours = binary_is_ours(binary)
        self.directory = pathlib.Path(directory)
        self.directory.mkdir(parents=True, exist_ok=True)
        self.arguments = [str(argument) for argument in arguments]
        self.config_file = config_file
        self.port = port or free_port()
        self.log_path = self.directory.parent / (self.directory.name + ".log")
        self.process = None

    def command_line(self):
        line = [self.binary]
        if self.config_file:
            line.append(str(self.config_file))
        line += ["--port", str(self.port), "--dir", str(self.directory), "--bind", "127.0.0.1"]
        if not self.is_ours:
            line += ["--save", "", "--daemonize", "no"]
        return line + ["--enable-debug-command", "local"] + self.arguments

    def spawn(self):
        """Starts the process and does not wait for it to be ready."""
        assert self.process is None, "already running"
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(
                self.command_line(), stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                cwd=self.directory, start_new_session=True)
        return self

    def start(self, seconds=START_SECONDS):
        self.spawn()
        return self.wait_ready(seconds)

    def wait_ready(self, seconds=START_SECONDS):
        """Returns when PING is answered with PONG: while loading, Redis answers -LOADING."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                raise ServerError(f"{self.describe()} exited with {self.process.returncode}\n"
                                  + self.log_tail())
            try:
                with resp.Connection(self.port, timeout=5) as connection:
                    if connection.command("PING").text() == "PONG":
                        return self
            except OSError:
                pass
            time.sleep(0.01)
        self.kill()
        raise ServerError(f"{self.describe()} not ready after {seconds} s\n" + self.log_tail())

    def connect(self, timeout=60.0, protocol=2):
        return resp.Connection(self.port, timeout=timeout, protocol=protocol)

    @property
    def pid(self):
        return self.process.pid

    def is_running(self):
        return self.process is not None and self.process.poll() is None

    def kill(self):
        """kill -9, by pid."""
        if self.process is not None:
            if self.process.poll() is None:
                os.kill(self.process.pid, signal.SIGKILL)
            self.process.wait(STOP_SECONDS)
            self.process = None

    def terminate(self):
        """SIGTERM; returns the exit status. A server that does not go is killed and reported."""
        if self.process is None:
            return None
        process, self.process = self.process, None
        if process.poll() is None:
            os.kill(process.pid, signal.SIGTERM)
        try:
            return process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            os.kill(process.pid, signal.SIGKILL)
            process.wait(STOP_SECONDS)
            raise ServerError(f"{self.describe()} ignored SIGTERM for {STOP_SECONDS} s\n"
                              + self.log_tail()) from None

    def rss_bytes(self):
        """Resident bytes of the process, 0 when it is gone."""
        try:
            with open(f"/proc/{self.process.pid}/statm", "rb") as statm:
                return int(statm.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
        except (OSError, AttributeError, IndexError):
            return 0

    def info(self, section=""):
        """INFO as a dict of strings."""
        with self.connect() as connection:
            return resp.parse_info(connection.command(*filter(None, ["INFO", section])))

    def log_tail(self, lines=40):
        try:
            text = self.log_path.read_text(errors="replace")
        except OSError:
            return "(no log)"
        return "\n".join(text.splitlines()[-lines:])

    def describe(self):
        return f"{pathlib.Path(self.binary).name} on port {self.port}"


class Servers:
    """Everything one test started; a context manager that stops it."""

    def __init__(self, directory):
        self.directory = pathlib.Path(directory)
        self.started = []

    def __enter__(self):
        return self

    def __exit__(self, *exc_info):
        for server in self.started:
            server.kill()

    def _add(self, binary, name, arguments, **options):
        server = Server(binary, self.directory / f"{name}{len(self.started)}", arguments, **options)
        self.started.append(server)
        return server

    def ours(self, *arguments, **options):
        """The server under test, not yet started."""
        return self._add(binary_under_test(), "ours", arguments, **options)

    def redis(self, *arguments, **options):
        """Debian's redis-server: the oracle. Not yet started."""
        return self._add(REDIS_SERVER, "redis", arguments, **options)
