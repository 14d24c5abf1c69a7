"""Raw bytes, well-formed and not: our server and redis-server must answer with the same bytes.

Each case is sent whole, and again cut into two at every one of its first bytes, to fresh connections of
both servers; the bytes that come back until the server closes, or until a PING sent behind is answered,
are compared.
"""
import socket
import time

import pytest

import resp

CASES = {
    "inline": b"PING\r\nPING\n  \t \r\n\r\nECHO \"a b\\x41\\n\"\r\nECHO 'it\\'s'\r\n",
    "inline with binary": b"SET k \"\\x00\\xff\"\r\nGET k\r\n",
    "inline unbalanced quotes": b"SET \"a b\r\n",
    "inline quote then text": b"SET \"a\"b c\r\n",
    "empty arrays": b"*0\r\n*-1\r\n*-10\r\n",
    "array then empty line": b"*1\r\n$4\r\nPING\r\n\r\n\r\n",
    "count not a number": b"*abc\r\n",
    "count too big": b"*1048577\r\n",
    "count far too big": b"*99999999999999999999\r\n",
    "count with plus": b"*+1\r\n$4\r\nPING\r\n",
    "count with space": b"* 1\r\n$4\r\nPING\r\n",
    "count empty": b"*\r\n",
    "bulk without dollar": b"*1\r\nPING\r\n",
    "bulk with other type": b"*1\r\n:4\r\nPING\r\n",
    "bulk length negative": b"*1\r\n$-1\r\n",
    "bulk length not a number": b"*1\r\n$abc\r\n",
    "bulk length too big": b"*1\r\n$536870913\r\n",
    "bulk length far too big": b"*1\r\n$99999999999999999999\r\n",
    "bulk length empty": b"*1\r\n$\r\n",
    "bulk length with zero in front": b"*1\r\n$04\r\nPING\r\n",
    "bulk ends wrongly": b"*1\r\n$4\r\nPINGxxPING\r\n",
    "bulk of zero bytes": b"*1\r\n$0\r\n\r\n",
    "second bulk broken": b"*2\r\n$4\r\nECHO\r\n+x\r\n",
    "reply type as request": b"+PING\r\n",
    "error as request": b"-ERR\r\n",
    "null byte": b"\x00\r\n",
    "http": b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
    "http post": b"POST / HTTP/1.1\r\nHost: x\r\n\r\n",
    "unknown command": b"*3\r\n$6\r\nNOSUCH\r\n$1\r\na\r\n$3\r\nb\r\nc\r\n",
    "unknown command with long arguments": b"*2\r\n$6\r\nNOSUCH\r\n$200\r\n" + b"x" * 200 + b"\r\n",
    "unknown command with odd name": b"*1\r\n$5\r\na\r\nb\x00\r\n",
    "errors that show a word with a NUL": b"".join(map(resp.encode, [
        ["MEMORY", b"b\0in"], ["OBJECT", b"b\0in", "k"], ["DEBUG", b"b\0in"], ["NOSUCH", b"b\0in", b"\0"],
        ["CONFIG", "SET", b"b\0in", "1"], ["CLIENT", "KILL", "TYPE", b"b\0in"], ["HELLO", "3", b"b\0in"],
        ["EXPIRE", "k", "1", b"b\0in"], ["MEMORY", "x" * 200], ["HELLO", "3", "x" * 200]])),
    "wrong arity": b"*1\r\n$3\r\nGET\r\n*2\r\n$4\r\nPiNG\r\n$1\r\na\r\n*4\r\n$4\r\nPING\r\n$1\r\na\r\n$1\r\nb\r\n$1\r\nc\r\n",
    "pipeline then garbage": b"*1\r\n$4\r\nPING\r\n*1\r\n$4\r\nPING\r\n*x\r\n*1\r\n$4\r\nPING\r\n",
    "quit in a pipeline": b"*1\r\n$4\r\nPING\r\n*1\r\n$4\r\nQUIT\r\n*1\r\n$4\r\nPING\r\n",
    "mixed inline and array": b"PING\r\n*1\r\n$4\r\nPING\r\nPING\r\n",
    "case of subcommands": b"client GETNAME\r\nCLIENT nosuch\r\nCONFIG\r\nOBJECT help x\r\nDEBUG\r\n",
    "protocol 3 and nulls": b"HELLO 3 SETNAME c\r\nGET nosuch\r\nMGET nosuch\r\nHELLO 9\r\nHELLO 2 x\r\n",
    "options of HELLO in front of a wrong one": b"HELLO 3 SETNAME c SETNAME d k\r\nCLIENT GETNAME\r\n"
        b"HELLO 3 SETNAME e AUTH x y\r\nCLIENT GETNAME\r\nHELLO 3 SETNAME \"f g\" SETNAME h\r\nCLIENT GETNAME\r\n"
        b"HELLO 9 SETNAME i\r\nCLIENT GETNAME\r\n",
    "transaction errors": b"EXEC\r\nDISCARD\r\nMULTI\r\nMULTI\r\nWATCH a\r\nNOSUCH\r\nEXEC\r\n",
    "transaction arity": b"MULTI\r\nGET\r\nSET a b\r\nEXEC\r\n",
    "large value": b"*3\r\n$3\r\nSET\r\n$3\r\nbig\r\n$300000\r\n" + b"v" * 300_000 + b"\r\nSTRLEN big\r\n",
}
# Lines that never end: refused as soon as a limit is passed, so what else was read at that moment
# matters. They are sent alone, and the server must close by itself.
ENDLESS = {"inline": b"A" * 70_000, "count": b"*" + b"1" * 70_000, "bulk length": b"*1\r\n$" + b"1" * 70_000}
# Replies that name the connection are made equal before comparing.
FENCE = b"*2\r\n$4\r\nECHO\r\n$11\r\nfence-#17-#\r\n"
FENCE_REPLY = b"$11\r\nfence-#17-#\r\n"
CUTS = 12


@pytest.fixture(scope="module")
def pair(module_servers):
    return module_servers.redis().start(), module_servers.ours().start()


@pytest.fixture(scope="module")
def locked_pair(module_servers):
    started = []
    for server in (module_servers.redis("--requirepass", "secret"),
                   module_servers.ours("--requirepass", "secret")):
        server.spawn()
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            try:
                with server.connect() as connection:
                    connection.command("AUTH", "secret")
                    if connection.command("PING").raw == b"+PONG\r\n":
                        break
            except OSError:
                pass
            assert server.is_running(), server.log_tail()
            time.sleep(0.02)
        started.append(server)
    return started


def answer(server, pieces):
    """What comes back for the bytes, up to the close or the fence behind them."""
    with server.connect(timeout=20) as connection:
        try:
            for number, piece in enumerate(pieces):
                if number:
                    time.sleep(0.002)
                connection.socket.sendall(piece)
            connection.socket.sendall(FENCE)
            connection.socket.shutdown(socket.SHUT_WR)
        except OSError:
            pass  # closed on us: what it said is still to be read
        data = connection.read_to_end()
    end = data.find(FENCE_REPLY)
    return data if end < 0 else data[:end] + b"<open>"


def without_ids(data):
    """HELLO names the connection's number; nothing else here may differ."""
    marker = b"$2\r\nid\r\n:"
    parts = data.split(marker)
    return marker.join(parts[:1] + [b"N" + part[part.index(b"\r\n"):] for part in parts[1:]])


@pytest.mark.parametrize("name", CASES)
def test_same_bytes_get_the_same_bytes(pair, name):
    case = CASES[name]
    wanted, got = (without_ids(answer(server, [case])) for server in pair)
    assert got == wanted, f"{name}: redis-server {wanted[:300]!r}, ours {got[:300]!r}"
    for cut in range(1, min(CUTS, len(case))):
        got = without_ids(answer(pair[1], [case[:cut], case[cut:]]))
        assert got == wanted, f"{name} cut at {cut}: redis-server {wanted[:300]!r}, ours {got[:300]!r}"


@pytest.mark.parametrize("name", ENDLESS)
def test_a_line_without_end_is_refused_and_the_connection_closed(pair, name):
    answers = []
    for server in pair:
        with server.connect(timeout=20) as connection:
            connection.send_raw(ENDLESS[name])
            answers.append(connection.read_to_end())
    assert answers[0] and answers[0] == answers[1]


LOCKED_CASES = {
    "refused before AUTH": b"GET a\r\nPING\r\nSET a b\r\nNOSUCH\r\nGET\r\nMULTI\r\n",
    "wrong password": b"AUTH wrong\r\nAUTH default wrong\r\nAUTH nobody secret\r\nAUTH a b c\r\n",
    "right password": b"AUTH secret\r\nPING\r\nAUTH default secret\r\n",
    "hello": b"HELLO 3\r\nHELLO 3 AUTH default wrong\r\nHELLO 3 AUTH default secret\r\nPING\r\n",
    "reset forgets": b"AUTH secret\r\nRESET\r\nPING\r\n",
    "eleven arguments": b"*11\r\n" + b"$1\r\na\r\n" * 11,
    "ten arguments": b"*10\r\n" + b"$1\r\na\r\n" * 10,
    "long argument": b"*1\r\n$16385\r\n" + b"a" * 16385 + b"\r\n",
    "HELLO": b"HELLO 3 SETNAME c\r\nAUTH secret\r\nCLIENT GETNAME\r\n",
    "HELLO that logs in and fails": b"HELLO 3 AUTH default secret AUTH default x\r\nPING\r\n",
    "argument of the limit": b"*1\r\n$16384\r\n" + b"a" * 16384 + b"\r\n",
}


@pytest.mark.parametrize("name", LOCKED_CASES)
def test_before_auth_the_answers_and_limits_are_those_of_redis(locked_pair, name):
    wanted, got = (without_ids(answer(server, [LOCKED_CASES[name]])) for server in locked_pair)
    assert got == wanted, f"{name}: redis-server {wanted[:300]!r}, ours {got[:300]!r}"


def test_a_long_pipeline_is_answered_in_order(pair):
    for server in pair:
        with server.connect() as connection:
            replies = connection.pipeline([["ECHO", str(number)] for number in range(20_000)])
            assert [reply.value for reply in replies] == [b"%d" % number for number in range(20_000)]


def test_a_request_arriving_byte_by_byte_is_understood(pair):
    with pair[1].connect() as connection:
        for byte in resp.encode(["SET", "slow", "a\r\nb"]) + resp.encode(["GET", "slow"]):
            connection.send_raw(bytes([byte]))
        assert connection.read().raw == b"+OK\r\n"
        assert connection.read().raw == b"$4\r\na\r\nb\r\n"
