"""A client for tests: RESP2 and RESP3 over a plain socket, replies with their raw bytes.

Unlike a client library it hides nothing: a Reply keeps the bytes as they came, its type byte and its
value, so that two servers can be compared to the byte. Replies are read as far as the socket gives
them; nothing is interpreted beyond RESP.
"""
import socket


class ConnectionClosed(OSError):
    """The server closed the connection, or died."""


class Reply:
    """One reply. kind: the type byte as text; value: bytes, int, None, bool, or a list of Reply
    (maps: a flat list of keys and values)."""

    __slots__ = ("kind", "value", "raw")

    def __init__(self, kind, value, raw=b""):
        self.kind = kind
        self.value = value
        self.raw = raw

    def is_error(self):
        return self.kind in "-!"

    def text(self):
        return self.value.decode("latin-1") if isinstance(self.value, bytes) else str(self.value)

    def plain(self):
        """Python values all the way down; for tests that compare contents, not bytes."""
        if isinstance(self.value, list):
            return [item.plain() for item in self.value]
        return self.value

    def __repr__(self):
        shown = self.raw if len(self.raw) <= 400 else self.raw[:400] + b"..."
        return repr(shown)


_LIST_KINDS = "*~>%|"


def parse(buffer, position):
    """(Reply without raw, end), or None when the buffer ends too early."""
    line_end = buffer.find(b"\r\n", position)
    if line_end < 0:
        return None
    kind = chr(buffer[position])
    line = bytes(buffer[position + 1:line_end])
    after = line_end + 2
    if kind in "$=!":
        length = int(line)
        if length < 0:
            return Reply(kind, None), after
        end = after + length + 2
        if len(buffer) < end:
            return None
        return Reply(kind, bytes(buffer[after:end - 2])), end
    if kind == ":":
        return Reply(kind, int(line)), after
    if kind in "+-,(":
        return Reply(kind, line), after
    if kind == "_":
        return Reply(kind, None), after
    if kind == "#":
        return Reply(kind, line == b"t"), after
    if kind in _LIST_KINDS:
        count = int(line)
        if count < 0:
            return Reply(kind, None), after
        if kind in "%|":
            count *= 2
        items = []
        for _ in range(count):
            parsed = parse(buffer, after)
            if parsed is None:
                return None
            items.append(parsed[0])
            after = parsed[1]
        return Reply(kind, items), after
    raise ValueError(f"not RESP: {bytes(buffer[position:position + 80])!r}")


def encode(argv):
    parts = [b"*%d\r\n" % len(argv)]
    for argument in argv:
        if isinstance(argument, str):
            argument = argument.encode()
        elif not isinstance(argument, (bytes, bytearray)):
            argument = str(argument).encode()
        parts.append(b"$%d\r\n" % len(argument))
        parts.append(argument)
        parts.append(b"\r\n")
    return b"".join(parts)


class Connection:
    def __init__(self, port, timeout=60.0, protocol=2):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=timeout)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.buffer = bytearray()
        self.position = 0
        if protocol == 3:
            reply = self.command("HELLO", "3")
            assert not reply.is_error(), reply

    def __enter__(self):
        return self

    def __exit__(self, *exc_info):
        self.close()

    def close(self):
        self.socket.close()

    def send(self, *commands):
        """Sends argv lists as one write."""
        self.send_raw(b"".join(map(encode, commands)))

    def send_raw(self, data):
        try:
            self.socket.sendall(data)
        except (BrokenPipeError, ConnectionResetError) as error:
            raise ConnectionClosed(str(error)) from error

    def read(self):
        """The next reply, with its bytes."""
        while True:
            if self.position < len(self.buffer):
                parsed = parse(self.buffer, self.position)
                if parsed is not None:
                    reply, end = parsed
                    reply.raw = bytes(self.buffer[self.position:end])
                    self.position = end
                    if end == len(self.buffer):
                        self.buffer.clear()
                        self.position = 0
                    return reply
                if self.position > 1 << 16:
                    del self.buffer[:self.position]
                    self.position = 0
            self._fill()

    def _fill(self):
        try:
            data = self.socket.recv(1 << 18)
        except ConnectionResetError as error:
            raise ConnectionClosed(str(error)) from error
        if not data:
            raise ConnectionClosed("closed by the server")
        self.buffer += data

    def command(self, *argv):
        self.send(argv)
        return self.read()

    def pipeline(self, commands):
        commands = list(commands)
        self.send(*commands)
        return [self.read() for _ in commands]

    def read_to_end(self):
        """All bytes until the server closes; for tests of protocol errors."""
        try:
            while True:
                self._fill()
        except ConnectionClosed:
            pass
        data = bytes(self.buffer[self.position:])
        self.buffer.clear()
        self.position = 0
        return data


def parse_info(reply):
    """INFO's reply as a dict of strings."""
    fields = {}
    for line in reply.value.decode().splitlines():
        if line and not line.startswith("#") and ":" in line:
            name, value = line.split(":", 1)
            fields[name] = value
    return fields
