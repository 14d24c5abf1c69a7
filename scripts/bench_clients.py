"""Suites of scripts/bench about clients that wait or listen: publishing to many subscribers, handing an
element from one client to another that blocks, and many clients whose waits keep ending.

thermocline-bench sends a command and takes its reply; these loads do not fit that. A driver process
holds the connections in one epoll loop and the server's CPU time is read from /proc, so that the rates
here, which the driver limits, stand beside a figure that it does not.
"""
import multiprocessing
import os
import pathlib
import resource
import select
import socket
import time


def cpu_seconds(server):
    fields = pathlib.Path(f"/proc/{server.pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _drive(port, count, line, again, ready, stop):
    """`count` connections that send `line`; if `again`, once more after each reply."""
    resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
    poll = select.epoll()
    connections = {}
    for _ in range(count):
        connection = socket.create_connection(("127.0.0.1", port))
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connections[connection.fileno()] = connection
        connection.sendall(line)
        poll.register(connection.fileno(), select.EPOLLIN)
    ready.set()
    while not stop.is_set():
        for descriptor, _ in poll.poll(0.1, 4096):
            connection = connections[descriptor]
            connection.recv(1 << 20)
            if again:
                connection.send(line)


class Driver:
    def __init__(self, server, count, line, again):
        self.ready, self.stop = multiprocessing.Event(), multiprocessing.Event()
        self.process = multiprocessing.Process(
            target=_drive, args=(server.port, count, line, again, self.ready, self.stop), daemon=True)

    def __enter__(self):
        self.process.start()
        assert self.ready.wait(120)
        return self

    def __exit__(self, *exc_info):
        self.stop.set()
        self.process.join(10)


def measure_waiters(server, clients, seconds):
    """Per cent of a core while so many clients wait with timeouts of one second."""
    with Driver(server, clients, b"BRPOP nokey 1\r\n", again=True):
        time.sleep(2)
        before, started = cpu_seconds(server), time.monotonic()
        time.sleep(seconds)
        return 100 * (cpu_seconds(server) - before) / (time.monotonic() - started)


def measure_publish(server, subscribers, messages, pipeline):
    """(messages a second, server CPU in us a message)."""
    request = b"*3\r\n$7\r\nPUBLISH\r\n$2\r\nch\r\n$100\r\n" + b"x" * 100 + b"\r\n"
    with Driver(server, subscribers, b"SUBSCRIBE ch\r\n", again=False), server.connect() as publisher:
        time.sleep(0.5)
        before, started = cpu_seconds(server), time.monotonic()
        for _ in range(messages // pipeline):
            publisher.send_raw(request * pipeline)
            for _ in range(pipeline):
                publisher.read()
        took = time.monotonic() - started
        return messages / took, (cpu_seconds(server) - before) / messages * 1e6


def measure_ping_pong(server, rounds):
    """Two clients hand an element back and forth: (round trips a second, server CPU in us a round)."""
    with server.connect() as a, server.connect() as b:
        before, started = cpu_seconds(server), time.monotonic()
        b.send(["BRPOP", "ping", "0"])
        for _ in range(rounds):
            a.send(["LPUSH", "ping", "x"], ["BRPOP", "pong", "0"])
            b.read()
            b.send(["LPUSH", "pong", "x"], ["BRPOP", "ping", "0"])
            a.read()
            a.read()
            b.read()
        a.send(["LPUSH", "ping", "x"])
        took = time.monotonic() - started
        return rounds / took, (cpu_seconds(server) - before) / rounds * 1e6
