"""One schedule of several clients, carried out on redis-server and on the server under test.

A step sends one command (or raw bytes) on one named client of both servers; then everything that any
client received is compared, to the byte unless a test gives a normaliser. Replies to others (messages,
pops served to blocked clients, MONITOR lines) are part of it, and so is silence: a client that is
blocked on one side and not on the other is a difference.

There is no fence in the protocol that works for subscribers, silent and blocked clients alike. A server
writes what a command caused before it answers a later command on another connection, so after two
PINGs on a control connection the bytes lie in the sockets. Ours may read cold keys meanwhile: as long
as the sides differ they are asked again, up to a bound.
"""
import re
import time

import resp

SETTLE_SECONDS = 10.0


class Side:
    """One server and its clients, by name."""

    def __init__(self, server):
        self.server = server
        self.control = server.connect()
        self.clients = {}
        self.received = {}
        self.names = {}  # "127.0.0.1:port" -> name

    def client(self, name):
        if name not in self.clients:
            connection = self.server.connect()
            self.clients[name] = connection
            self.received[name] = b""
            self.names["127.0.0.1:%d" % connection.socket.getsockname()[1]] = name
        return self.clients[name]

    def drain(self):
        for _ in range(2):
            self.control.command("PING")
        for name, connection in self.clients.items():
            connection.socket.setblocking(False)
            try:
                while True:
                    data = connection.socket.recv(1 << 18)
                    if not data:
                        if not self.received[name].endswith(b"<closed>"):
                            self.received[name] += b"<closed>"
                        break
                    self.received[name] += data
            except BlockingIOError:
                pass
            except ConnectionResetError:
                self.received[name] += b"<closed>"
            finally:
                connection.socket.setblocking(True)

    def take(self):
        taken = {name: data for name, data in self.received.items() if data}
        self.received = dict.fromkeys(self.received, b"")
        return taken

    def close(self):
        for connection in [self.control, *self.clients.values()]:
            connection.close()


class Schedule:
    """`normalise(name of the client, bytes, side)` makes what may differ alike."""

    def __init__(self, oracle, ours, normalise=None):
        self.sides = [Side(oracle), Side(ours)]
        self.normalise = normalise or (lambda name, data, side: data)
        self.history = []

    def __enter__(self):
        return self

    def __exit__(self, *exc_info):
        for side in self.sides:
            side.close()

    def raw(self, name, data, normalise=None):
        """Sends bytes; returns what redis-server's clients received, by name, normalised."""
        self.history.append((name, data))
        for side in self.sides:
            try:
                side.client(name).socket.sendall(data)
            except OSError:
                pass  # closed: both sides have to agree on that
        return self.settle(normalise)

    def step(self, name, *argv, normalise=None):
        return self.raw(name, resp.encode(argv), normalise)

    def both(self, *argv):
        """On the control connections, without comparing."""
        return [side.control.command(*argv) for side in self.sides]

    def disconnect(self, name):
        self.history.append((name, "disconnects"))
        for side in self.sides:
            side.clients.pop(name).close()
            side.received.pop(name)
        return self.settle()

    def settle(self, normalise=None, seconds=SETTLE_SECONDS):
        normalise = normalise or self.normalise
        deadline = time.monotonic() + seconds
        while True:
            for side in self.sides:
                side.drain()
            # None: nothing to compare, as if nothing had come (a watcher sees the control connection's PING, and may
            # see it after that one has its reply).
            seen = [{name: value for name, data in side.received.items()
                     if data and (value := normalise(name, data, side)) is not None} for side in self.sides]
            if seen[0] == seen[1]:
                break
            if time.monotonic() > deadline:
                tail = "\n".join(map(repr, self.history[-25:]))
                raise AssertionError(f"after\n{tail}\nredis-server: {seen[0]!r}\nours:         {seen[1]!r}")
            time.sleep(0.002)
        for side in self.sides:
            side.take()
        return seen[0]

    def wait(self, name, seconds=SETTLE_SECONDS):
        """Waits until redis-server's client received something, then compares."""
        deadline = time.monotonic() + seconds
        while not self.sides[0].received.get(name) and time.monotonic() < deadline:
            self.sides[0].drain()
            time.sleep(0.002)
        return self.settle()

    def blocked(self):
        """Names of the clients that CLIENT LIST shows as blocked; both sides agree."""
        deadline = time.monotonic() + SETTLE_SECONDS
        while True:
            found = []
            for side in self.sides:
                lines = side.control.command("CLIENT", "LIST").text().splitlines()
                fields = [dict(part.partition("=")[::2] for part in line.split()) for line in lines]
                found.append(sorted(side.names.get(f["addr"], "?") for f in fields if "b" in f["flags"]))
            if found[0] == found[1]:
                return found[0]
            assert time.monotonic() < deadline, f"blocked: redis-server {found[0]}, ours {found[1]}"
            time.sleep(0.002)


def replies(data):
    """The raw bytes of each reply in `data`; what is not a whole reply comes last."""
    found, position = [], 0
    while position < len(data):
        try:
            parsed = resp.parse(data, position)
        except ValueError:
            parsed = None
        if parsed is None:
            found.append(data[position:])
            break
        found.append(data[position:parsed[1]])
        position = parsed[1]
    return found


def addresses_as_names(data, side):
    """Addresses of clients become their names, so that lines of both servers can be compared."""
    return re.sub(rb"127\.0\.0\.1:\d+",
                  lambda match: side.names.get(match[0].decode(), "other").encode(), data)
