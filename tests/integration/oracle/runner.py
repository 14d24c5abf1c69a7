"""Sends steps to both servers and compares: every reply, and at the end everything they hold.

Commands of one connection that follow each other go as one pipeline, and the other server's copy goes
out before the first is read, so both work at the same time. A change of connection waits for all
replies: the order in which commands reach a server is fixed by the seed.
"""
import time

import resp
from oracle import commands, generator, normalise, shrink

MAX_PIPELINE = 64
# A deadline set 1 ms ahead has passed on both servers after this time.
PAST_DEADLINE_S = 0.004
# Behind ZRANGE and a key.
EVERYTHING = [0, -1, "WITHSCORES"]


class Difference(AssertionError):
    def __init__(self, index, step, oracle, ours, queued=None):
        self.index = index
        self.step = step
        self.oracle = oracle
        self.ours = ours
        self.queued = queued
        # What is wrong, without the data: shrinking may not slip from one difference to another.
        self.signature = (step.kind, str(step.argv[0]).upper() if step.kind == "command" else "")
        super().__init__(f"step {index}: {step!r}\n  redis-server: {oracle!r}\n  ours:         {ours!r}")


class Runner:
    def __init__(self, oracle, ours):
        self.servers = (oracle, ours)
        self.ours_is_ours = ours.is_ours
        self.connections = []
        self.spills = 0

    def reset(self):
        """Both servers empty, all connections new."""
        self.close()
        for server in self.servers:
            with server.connect() as connection:
                for argv in (["CLIENT", "UNPAUSE"], ["FLUSHALL"], ["DEBUG", "SET-ACTIVE-EXPIRE", "0"]):
                    reply = connection.command(*argv)
                    assert not reply.is_error(), f"{server.describe()}: {argv}: {reply}"
                for family in commands.FAMILIES:
                    for setting in family.DEFAULT_SETTINGS:
                        reply = connection.command("CONFIG", "SET", *setting)
                        assert not reply.is_error(), f"{server.describe()}: {setting}: {reply}"
        self.connections = [tuple(server.connect(protocol=3 if number == 2 else 2)
                                  for server in self.servers)
                            for number in range(generator.CONNECTIONS)]
        # Commands queued by MULTI on each connection, to judge EXEC's reply by; None outside.
        self.queued = [None] * generator.CONNECTIONS

    def close(self):
        for pair in self.connections:
            for connection in pair:
                connection.close()
        self.connections = []

    def run(self, steps):
        """Raises Difference at the first one."""
        batch, batch_start = [], 0
        for index, step in enumerate(steps):
            if batch and (step.kind != "command" or step.connection != batch[0].connection
                          or len(batch) >= MAX_PIPELINE):
                self._send(batch_start, batch)
                batch = []
            if step.kind == "command":
                if not batch:
                    batch_start = index
                batch.append(step)
            else:
                getattr(self, "_macro_" + step.kind)(index, step)
        if batch:
            self._send(batch_start, batch)

    def _send(self, start, batch):
        pair = self.connections[batch[0].connection]
        wire = b"".join(resp.encode(step.argv) for step in batch)
        for connection in pair:
            connection.send_raw(wire)
        for offset, step in enumerate(batch):
            replies = []
            for connection, server in zip(pair, self.servers):
                try:
                    replies.append(connection.read())
                except OSError as error:
                    raise Difference(start + offset, step, *(
                        [resp.Reply("-", str(error).encode(), str(error).encode())] * 2)) from error
            self._compare(start + offset, step, *replies)

    def _compare(self, index, step, oracle, ours):
        queued = self.queued[step.connection]
        name = str(step.argv[0]).upper()
        if oracle.raw == b"+QUEUED\r\n":
            if ours.raw != oracle.raw:
                raise Difference(index, step, oracle, ours)
            queued.append(step.argv)
            return
        if name == "EXEC" and queued is not None and isinstance(oracle.value, list):
            self.queued[step.connection] = None
            if not isinstance(ours.value, list) or len(ours.value) != len(queued):
                raise Difference(index, step, oracle, ours)
            for argv, a, b in zip(queued, oracle.value, ours.value):
                if not normalise.same(argv, a, b):
                    raise Difference(index, step, oracle, ours, queued)
            return
        if not normalise.same(step.argv, oracle, ours):
            raise Difference(index, step, oracle, ours)
        if name == "MULTI" and oracle.raw == b"+OK\r\n":
            self.queued[step.connection] = []
        elif name in ("EXEC", "DISCARD", "RESET") and not (
                oracle.is_error() and b"EXECABORT" not in oracle.raw):
            self.queued[step.connection] = None

    def _in_transaction(self, step):
        return self.queued[step.connection] is not None

    def _both(self, step, *argv):
        replies = []
        for connection in self.connections[step.connection]:
            connection.send(argv)
        for connection in self.connections[step.connection]:
            replies.append(connection.read())
        return replies

    def _macro_scan(self, index, step):
        if self._in_transaction(step):
            return
        found = []
        for connection in self.connections[step.connection]:
            keys, cursor = set(), b"0"
            for _ in range(1_000_000):
                reply = connection.command("SCAN", cursor, *step.argv)
                if reply.is_error():
                    raise Difference(index, step, reply, reply)
                cursor = reply.value[0].value
                keys.update(item.value for item in reply.value[1].value)
                if cursor == b"0":
                    break
            found.append(keys)
        if found[0] != found[1]:
            raise Difference(index, step, f"{len(found[0])} keys, only here: {found[0] - found[1]}",
                             f"{len(found[1])} keys, only here: {found[1] - found[0]}")

    def _macro_members(self, index, step):
        if self._in_transaction(step):
            return
        name, key, *options = step.argv
        found = []
        for connection in self.connections[step.connection]:
            items, cursor = [], b"0"
            for _ in range(1_000_000):
                reply = connection.command(name, key, cursor, *options)
                if reply.is_error():
                    items = reply.raw
                    break
                cursor = reply.value[0].value
                values = [item.value for item in reply.value[1].value]
                items += values if name == "SSCAN" else zip(values[::2], values[1::2])
                if cursor == b"0":
                    break
            found.append(items if isinstance(items, bytes) else sorted(set(items)))
        if found[0] != found[1]:
            raise Difference(index, step, *found)

    def _macro_drawn(self, index, step):
        if self._in_transaction(step):
            return
        all_of, name, key, count, *options = step.argv
        oracle, ours = self._both(step, name, key, count, *options)
        if not normalise.same([name, key, count], oracle, ours):
            raise Difference(index, step, oracle, ours)
        if ours.is_error():
            return
        whole = self._both(step, all_of, key, *(EVERYTHING if all_of == "ZRANGE" else []))[1]
        with_values = bool(options)
        pool = [item.plain() for item in whole.value]
        if pool and isinstance(pool[0], list):
            pool = sum(pool, [])
        if all_of != "SMEMBERS":
            pool = list(zip(pool[::2], pool[1::2])) if with_values else pool[::2]
        drawn = [item.plain() for item in ours.value]
        if with_values:
            drawn = ([tuple(pair) for pair in drawn] if drawn and isinstance(drawn[0], list)
                     else list(zip(drawn[::2], drawn[1::2])))
        if not set(drawn) <= set(pool) or (count > 0 and len(set(drawn)) != len(drawn)):
            raise Difference(index, step, whole, ours)

    def _macro_popped(self, index, step):
        if self._in_transaction(step):
            return
        key = step.argv[0]
        before = self._both(step, "SMEMBERS", key)
        replies = self._both(step, "SPOP", *step.argv)
        if not normalise.same(["SPOP"], *replies):
            # Which members is random: only the kind must be equal, and how many.
            a, b = replies
            if a.kind != b.kind or isinstance(a.value, list) and len(a.value) != len(b.value):
                raise Difference(index, step, a, b)
        if replies[0].is_error():
            return
        after = self._both(step, "SMEMBERS", key)
        popped = [[item.value for item in reply.value] if isinstance(reply.value, list)
                  else [reply.value] * (reply.value is not None) for reply in replies]
        for some, whole, rest in zip(popped, before, after):
            had, has = ({item.value for item in reply.value} for reply in (whole, rest))
            if len(set(some)) != len(some) or had - set(some) != has or not set(some) <= had:
                raise Difference(index, step, replies[0], replies[1])
        for connection, some in zip(self.connections[step.connection], popped):
            if some:
                connection.command("SADD", key, *some)

    def _macro_random(self, index, step):
        if self._in_transaction(step):
            return
        oracle, ours = self._both(step, "RANDOMKEY")
        if not normalise.same(["RANDOMKEY"], oracle, ours):
            raise Difference(index, step, oracle, ours)
        if ours.value is not None:
            exists = self._both(step, "EXISTS", ours.value)
            if [reply.value for reply in exists] != [1, 1]:
                raise Difference(index, step, *exists)

    def _macro_expired(self, index, step):
        if self._in_transaction(step):
            return
        for argv in (step.argv, ["EXISTS", step.argv[1]]):
            oracle, ours = self._both(step, *argv)
            if not normalise.same(argv, oracle, ours) and argv is step.argv:
                raise Difference(index, step, oracle, ours)
            # EXISTS right after a 1 ms deadline may be early on one side; after the wait it may not.
            time.sleep(PAST_DEADLINE_S)
        oracle, ours = self._both(step, "EXISTS", step.argv[1])
        if oracle.raw != ours.raw:
            raise Difference(index, step, oracle, ours)

    def _macro_sort(self, index, step):
        if self._in_transaction(step):
            return
        kind, _ = self._both(step, "OBJECT", "ENCODING", step.argv[1])
        type_, _ = self._both(step, "TYPE", step.argv[1])
        if type_.value == b"zset" and kind.value == b"listpack":
            return
        elements = self._elements(step, type_.value)
        # Redis's SORT looks at errno without clearing it: a number out of range in an earlier command makes it
        # refuse good ones. Accepting a connection leaves another errno. Once it is seen closed, CLIENT LIST does
        # not show it.
        with self.servers[0].connect() as other:
            other.send(["QUIT"])
            other.read_to_end()
        oracle, ours = self._both(step, *step.argv)
        if not normalise.same(step.argv, oracle, ours) and not normalise.same_sorted(elements, step.argv, oracle, ours):
            raise Difference(index, step, oracle, ours)
        if oracle.kind == ":" and oracle.value > 0:  # stored
            # Redis makes such a list with the default node limit, whatever the directive says: it is made anew.
            stored = self._both(step, "COMMAND", "GETKEYS", *step.argv)[0].value[-1].value
            elements, ours = self._both(step, "LRANGE", stored, 0, -1)
            if elements.raw != ours.raw:
                raise Difference(index, step, elements, ours)
            self._both(step, "DEL", stored)
            self._both(step, "RPUSH", stored, *(element.value for element in elements.value))

    def _elements(self, step, type_):
        """What SORT would sort, as redis-server has it."""
        reads = {b"list": ["LRANGE", step.argv[1], 0, -1], b"set": ["SMEMBERS", step.argv[1]],
                 b"zset": ["ZRANGE", step.argv[1], 0, -1]}
        return [item.value for item in self._both(step, *reads[type_])[0].value] if type_ in reads else []

    def _macro_quiet(self, index, step):
        if self._in_transaction(step):
            return
        mode, key, value = step.argv
        commands = [["CLIENT", "REPLY", mode], ["SET", key, value]]
        if mode == "OFF":
            commands += [["GET", key], ["CLIENT", "REPLY", "ON"]]
        commands.append(["GET", key])
        pair = self.connections[step.connection]
        for connection in pair:
            connection.send(*commands)
        for _ in range(2 if mode == "OFF" else 1):
            oracle, ours = (connection.read() for connection in pair)
            if oracle.raw != ours.raw:
                raise Difference(index, step, oracle, ours)

    def _macro_spill(self, index, step):
        if not self.ours_is_ours:
            return
        with self.servers[1].connect() as connection:
            reply = connection.command("DEBUG", *step.argv)
            if reply.is_error():
                raise Difference(index, step, "(only sent to ours)", reply)
        self.spills += 1

    def compare_contents(self):
        """Every key, value, deadline and encoding of every database, and DEBUG DIGEST."""
        step = generator.Step("contents", 0, [])
        for pair in self.connections:
            for connection in pair:
                connection.close()
        contents = []
        for server in self.servers:
            with server.connect() as connection:
                held = {}
                for database in range(16):
                    connection.command("SELECT", database)
                    keys = sorted(item.value for item in connection.command("KEYS", "*").value)
                    names = connection.pipeline([["DUMP", key] for key in keys])
                    ends = connection.pipeline([["PEXPIRETIME", key] for key in keys])
                    kinds = connection.pipeline([["OBJECT", "ENCODING", key] for key in keys])
                    size = connection.command("DBSIZE").value
                    values = [connection.command("DEBUG", "DIGEST-VALUE", key).value[0].value for key in keys]
                    for key, dump, end, kind, value in zip(keys, names, ends, kinds, values):
                        held[database, key] = (dump.value, end.value, (kind.value, value))
                    # DBSIZE counts keys past their deadline until they are met; KEYS has met them all.
                    held[database, "DBSIZE"] = (size, -1, size == len(keys))
                digest = connection.command("DEBUG", "DIGEST").value
                contents.append((held, digest))
        (oracle, oracle_digest), (ours, our_digest) = contents
        reordered = []
        for where in sorted(set(oracle) | set(ours), key=repr):
            a, b = oracle.get(where), ours.get(where)
            if a is None or b is None or a[2] != b[2] or (
                    (a[1] < 0) != (b[1] < 0)
                    or abs(a[1] - b[1]) > normalise.TTL_TOLERANCE_MS):
                raise Difference(-1, step, (where, a), (where, b))
            if a[0] != b[0]:
                if not normalise.same(["DUMP"], resp.Reply("$", a[0]), resp.Reply("$", b[0])):
                    raise Difference(-1, step, (where, a), (where, b))
                reordered.append((where, a, b))
        self._exchange(step, reordered)
        # The digest covers deadlines only as "has one": it is equal although the clocks differ.
        if oracle_digest != our_digest:
            raise Difference(-1, step, oracle_digest, our_digest)
        return sum(1 for where in oracle if where[1] != "DBSIZE")


    def _exchange(self, step, reordered):
        """Each server restores the other's payload of the values whose payloads differ in their order."""
        for number, server in enumerate(self.servers):
            with server.connect() as connection:
                for (_, key), *both in reordered:
                    payload = both[1 - number][0]
                    ttl = 0 if both[number][1] < 0 else 10 ** 9  # that there is one is part of the digest
                    reply = connection.command("RESTORE", b"exchanged", ttl, payload, "REPLACE")
                    digest = connection.command("DEBUG", "DIGEST-VALUE", b"exchanged").value[0].value
                    if reply.is_error() or digest != both[number][2][1]:
                        raise Difference(-1, step, (key, payload), (server.describe(), reply, digest))
                connection.command("DEL", b"exchanged")


def shrink_difference(both, steps, failure, seconds):
    """(shortest steps found that show the same difference, whether it showed again, the difference)."""
    last = [failure]

    def fails(some):
        try:
            both.reset()
            both.run(some)
            both.compare_contents()
        except Difference as difference:
            if difference.signature == getattr(failure, "signature", difference.signature):
                last[0] = difference
                return True
        return False

    shrunk, repeated = shrink.shrink(steps, fails, seconds)
    return shrunk, repeated, last[0]
