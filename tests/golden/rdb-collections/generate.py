#!/usr/bin/env python3
"""Writes the golden payloads of collections: generate.py REDIS_SERVER OUT_FOLDER [FILE.rdb[=source] ...]

From REDIS_SERVER (7.0.15) come DUMPs of every encoding that it writes. From the RDB files come the
objects in encodings that it only reads; `source` names the origin in the golden file's comment. Each
object becomes NAME.hex, a DUMP value, and NAME.txt, its contents as REDIS_SERVER shows them after
RESTORE: a line an element ("-" is the empty one), in hex, hashes with field and value, sorted sets
with member and score (as text); sets and hashes sorted.

The committed files are final: a new kind of sample gets a new name.
"""
import os
import socket
import struct
import subprocess
import sys
import tempfile
import time

CRC64_POLYNOMIAL = 0x95AC9329AC4BC9B5  # reflected


def crc64(data):
    crc = 0
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (CRC64_POLYNOMIAL if crc & 1 else 0)
    return crc


def dump_value(kind, body):
    covered = bytes([kind]) + body + struct.pack("<H", 10)
    return covered + struct.pack("<Q", crc64(covered))


class Server:
    def __init__(self, binary):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        self.folder = tempfile.TemporaryDirectory()
        self.process = subprocess.Popen(
            [binary, "--port", str(port), "--save", "", "--dir", self.folder.name,
             "--sanitize-dump-payload", "yes", "--enable-debug-command", "yes"],
            stdout=subprocess.DEVNULL)
        for _ in range(200):
            try:
                self.socket = socket.create_connection(("127.0.0.1", port), 10)
                break
            except OSError:
                time.sleep(0.05)
        self.file = self.socket.makefile("rb")

    def close(self):
        self.process.kill()
        self.process.wait()
        self.folder.cleanup()

    def read(self):
        line = self.file.readline()[:-2]
        kind, rest = line[:1], line[1:]
        if kind == b"-":
            raise RuntimeError(rest.decode())
        if kind == b"$":
            return None if rest == b"-1" else self.file.read(int(rest) + 2)[:-2]
        if kind == b"*":
            return [self.read() for _ in range(int(rest))]
        return int(rest) if kind == b":" else rest

    def call(self, *words):
        words = [w if isinstance(w, bytes) else str(w).encode() for w in words]
        self.socket.sendall(b"*%d\r\n" % len(words) +
                            b"".join(b"$%d\r\n%s\r\n" % (len(w), w) for w in words))
        return self.read()


class RdbFile:
    """As much of the format as finding the objects takes."""

    def __init__(self, data):
        self.data, self.at = data, 9
        self.version = int(data[5:9])

    def take(self, n):
        self.at += n
        return self.data[self.at - n:self.at]

    def length(self):
        first = self.take(1)[0]
        kind = first >> 6
        if kind == 0:
            return first
        if kind == 1:
            return (first & 63) << 8 | self.take(1)[0]
        if first == 0x80:
            return int.from_bytes(self.take(4), "big")
        if first == 0x81:
            return int.from_bytes(self.take(8), "big")
        return -1 - (first & 63)

    def skip_string(self):
        n = self.length()
        if n >= 0:
            self.take(n)
        elif n == -4:
            compressed = self.length()
            self.length()
            self.take(compressed)
        else:
            self.take((1, 2, 4)[-1 - n])

    def skip_object(self, kind):
        strings = 1
        if kind in (1, 2, 14):
            strings = self.length()
        elif kind == 4:
            strings = 2 * self.length()
        elif kind == 18:
            for _ in range(self.length()):
                self.length()
                self.skip_string()
            return
        elif kind in (3, 5):
            for _ in range(self.length()):
                self.skip_string()
                if kind == 5:
                    self.take(8)
                elif self.data[self.at] >= 253:
                    self.take(1)
                else:
                    self.take(self.take(1)[0])
            return
        elif kind in (6, 7, 15, 19):
            raise NotImplementedError(kind)
        for _ in range(strings):
            self.skip_string()

    def objects(self):
        while True:
            kind = self.take(1)[0]
            if kind == 255:
                return
            if kind == 254:
                self.length()
            elif kind == 251:
                self.length(), self.length()
            elif kind == 250:
                self.skip_string(), self.skip_string()
            elif kind == 253:
                self.take(4)
            elif kind == 252:
                self.take(8)
            else:
                self.skip_string()
                begin = self.at
                try:
                    self.skip_object(kind)
                except NotImplementedError:
                    return
                yield kind, self.data[begin:self.at]


def contents(server, key):
    text = lambda b: b.hex() or "-"
    kind = server.call("TYPE", key)
    if kind == b"list":
        return [text(e) for e in server.call("LRANGE", key, 0, -1)]
    if kind == b"set":
        return sorted(text(e) for e in server.call("SMEMBERS", key))
    if kind == b"hash":
        flat = server.call("HGETALL", key)
        return sorted(f"{text(f)} {text(v)}" for f, v in zip(flat[::2], flat[1::2]))
    flat = server.call("ZRANGE", key, 0, -1, "WITHSCORES")
    return [f"{text(m)} {s.decode()}" for m, s in zip(flat[::2], flat[1::2])]


def write(server, folder, name, comment, dump):
    server.call("DEL", "golden")
    server.call("RESTORE", "golden", 0, dump)
    lines = "".join(dump.hex()[i:i + 80] + "\n" for i in range(0, 2 * len(dump), 80))
    with open(os.path.join(folder, name + ".hex"), "w") as out:
        out.write(f"# {comment}\n{lines}")
    with open(os.path.join(folder, name + ".txt"), "w") as out:
        out.write("".join(line + "\n" for line in contents(server, "golden")))


# Elements of every listpack encoding and of every way an RDB string is written.
NUMBERS = [0, 127, 128, -1, 4095, -4096, 4096, 32767, -32768, 32768, 8388607, -8388609, 2147483647,
           -2147483649, 9223372036854775807, -9223372036854775808]
TEXTS = [b"", b"a", b"007", b"+1", b"-0", bytes(range(256)), b"z" * 63, b"y" * 64, b"x" * 130,
         b"text that does not shrink", b"9223372036854775808", b"3.0"]
SCORES = ["-inf", "-1.5", "-0", "0", "1", "3.1000000000000001", "1e17", "123456789012", "1e300",
          "5e-324", "inf"]


def samples():
    elements = NUMBERS + TEXTS
    yield "list_packed", [], [["RPUSH", *elements]]
    yield "list_nodes", [("list-max-listpack-size", 4)], [["RPUSH", *elements]]
    yield "list_one", [], [["RPUSH", "a"]]
    yield "set_table", [], [["SADD", *elements]]
    yield "set_intset16", [], [["SADD", 3, -1, 2, 32767]]
    yield "set_intset32", [], [["SADD", 3, -32769, 2147483647]]
    yield "set_intset64", [], [["SADD", *NUMBERS]]
    pairs = [w for pair in zip(elements, reversed(elements)) for w in pair]
    yield "hash_packed", [("hash-max-listpack-value", 300)], [["HSET", *pairs]]
    yield "hash_table", [("hash-max-listpack-value", 1)], [["HSET", *pairs]]
    scored = [w for i, e in enumerate(elements) for w in (SCORES[i % len(SCORES)], e)]
    yield "zset_packed", [("zset-max-listpack-value", 300)], [["ZADD", *scored]]
    yield "zset_table", [("zset-max-listpack-value", 1)], [["ZADD", *scored]]


def main():
    binary, folder, *files = sys.argv[1:]
    server = Server(binary)
    try:
        for name, settings, commands in samples():
            before = [(key, server.call("CONFIG", "GET", key)[1]) for key, _ in settings]
            for key, value in settings:
                server.call("CONFIG", "SET", key, value)
            for verb, *words in commands:
                server.call(verb, "k", *words)
            dump = server.call("DUMP", "k")
            encoding = server.call("OBJECT", "ENCODING", "k").decode()
            write(server, folder, name, f"DUMP of a {encoding}, by redis-server 7.0.15.", dump)
            server.call("DEL", "k")
            for key, value in before:
                server.call("CONFIG", "SET", key, value)
        # A node of one large element: what counts as large is lowered.
        server.call("DEBUG", "QUICKLIST-PACKED-THRESHOLD", "20b")
        server.call("RPUSH", "k", "a", "b" * 30, "c", "0123456789" * 3, "12")
        write(server, folder, "list_plain_nodes", "DUMP of a quicklist, by redis-server 7.0.15.",
              server.call("DUMP", "k"))
        server.call("DEBUG", "QUICKLIST-PACKED-THRESHOLD", "1g")
        old = {1: "list_type1", 3: "zset_type3", 9: "hash_zipmap", 10: "list_ziplist",
               12: "zset_ziplist", 13: "hash_ziplist", 14: "list_quicklist1", 11: "set_intset_old",
               2: "set_old", 4: "hash_old"}
        seen = {}
        for argument in files:
            path, _, source = argument.partition("=")
            with open(path, "rb") as data:
                rdb = RdbFile(data.read())
            for kind, body in rdb.objects():
                if kind not in old or len(body) > 3000:
                    continue
                seen[kind] = seen.get(kind, 0) + 1
                write(server, folder, f"{old[kind]}_{seen[kind]}",
                      f"Out of an RDB file of version {rdb.version}: {source or path}.",
                      dump_value(kind, body))
    finally:
        server.close()


if __name__ == "__main__":
    main()
