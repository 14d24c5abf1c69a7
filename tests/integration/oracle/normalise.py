"""The allowed differences between the two servers, all of them, each with its reason.

Replies that are equal to the byte never come here. `RULES` maps a command (or "COMMAND SUBCOMMAND") to
a rule: a reason, and a function that says whether two different replies mean the same. What has no
rule must be equal to the byte. Replies of EXEC are judged element by element, by the commands queued.
"""
import collections

Rule = collections.namedtuple("Rule", "reason same")

# Both servers get a command within this time of each other, on a busy machine too.
TTL_TOLERANCE_MS = 30_000

RULES = {}


def rule(reason, *names):
    def add(function):
        for name in names:
            RULES[name] = Rule(reason, function)
        return function
    return add


def same(argv, oracle, ours):
    """True when the two replies to argv are equal, or differ only as a rule allows."""
    if oracle.raw and oracle.raw == ours.raw:
        return True
    if _same_value(oracle, ours):
        return True
    name = _word(argv, 0)
    found = RULES.get(f"{name} {_word(argv, 1)}") or RULES.get(name)
    if found is None or oracle.is_error() or ours.is_error():
        return False
    return found.same(argv, oracle, ours)


def _same_value(a, b):
    if a.kind != b.kind or type(a.value) is not type(b.value):
        return False
    if isinstance(a.value, list):
        return len(a.value) == len(b.value) and all(map(_same_value, a.value, b.value))
    return a.value == b.value


def _word(argv, index):
    if index >= len(argv):
        return ""
    word = argv[index]
    return (word.decode("latin-1") if isinstance(word, bytes) else str(word)).upper()


@rule("relative deadlines are taken from two clocks, some ms apart", "TTL", "EXPIRETIME")
def _close_seconds(argv, a, b):
    return (a.kind == b.kind == ":" and min(a.value, b.value) > 0
            and abs(a.value - b.value) * 1000 <= TTL_TOLERANCE_MS)


@rule("relative deadlines are taken from two clocks, some ms apart", "PTTL", "PEXPIRETIME")
def _close_milliseconds(argv, a, b):
    return (a.kind == b.kind == ":" and min(a.value, b.value) > 0
            and abs(a.value - b.value) <= TTL_TOLERANCE_MS)


@rule("the order of keys is that of the hash table", "KEYS")
def _same_keys(argv, a, b):
    return (a.kind == b.kind and isinstance(a.value, list) and isinstance(b.value, list)
            and sorted(k.value for k in a.value) == sorted(k.value for k in b.value))


@rule("with BY a word without '*' before a NUL a set comes in the order of its hash table; among elements of equal "
      "weight, or equal up to a NUL, the order is that of reading, or any with LIMIT", "SORT", "SORT_RO")
def _same_where_order_counts(argv, a, b):
    if a.kind != b.kind or not isinstance(a.value, list) or len(a.value) != len(b.value):
        return False
    words = [_word(argv, index) for index in range(len(argv))]
    # With LIMIT it may be in either alone.
    ties = any(b"\0" in item for item in a.plain() + b.plain() if item is not None)
    weights = [word for option, word in zip(words, words[1:]) if option == "BY"]
    if weights:  # one word without '*' among them is enough
        weighted = all("*" in word.split("\0")[0] for word in weights)
        ties = ties or not weighted or "ALPHA" in words  # ties of numbers are broken by the elements
    return ties and ("LIMIT" in words or "GET" in words or (
        sorted(map(repr, a.plain())) == sorted(map(repr, b.plain()))))


def same_sorted(elements, argv, a, b):
    """Whether SORT's replies differ only in what GET found for elements that are equal up to a NUL, which the
    replies do not show."""
    words = [_word(argv, index) for index in range(len(argv))]
    different = set(elements)
    return ("GET" in words and "BY" not in words and len({item.split(b"\0")[0] for item in different}) < len(different)
            and a.kind == b.kind == "*" and len(a.value) == len(b.value))


def _sorted(items):
    return sorted((item.kind, repr(item.plain())) for item in items)


@rule("the order of members is that of the hash table; of one command, by the pair", "HKEYS", "HVALS", "SMEMBERS",
      "SINTER", "SUNION", "SDIFF", "SPOP")
def _same_members(argv, a, b):
    return (a.kind == b.kind and isinstance(a.value, list) and isinstance(b.value, list)
            and _sorted(a.value) == _sorted(b.value))


def _pairs(items):
    return sorted((key.value, value.value) for key, value in zip(items[::2], items[1::2]))


@rule("the order of fields is that of the hash table", "HGETALL")
def _same_pairs(argv, a, b):
    return a.kind == b.kind and len(a.value) == len(b.value) and _pairs(a.value) == _pairs(b.value)


@rule("which members is random; the macro `drawn` checks them", "HRANDFIELD", "SRANDMEMBER",
      "ZRANDMEMBER")
def _as_many(argv, a, b):
    if a.kind != b.kind or not isinstance(a.value, list):
        return a.kind == b.kind and (a.value is None) == (b.value is None)
    return len(a.value) == len(b.value) and all(
        x.kind == y.kind and isinstance(x.value, list) == isinstance(y.value, list)
        for x, y in zip(a.value, b.value))


@rule("cursors are each server's own; the macro `members` checks whole iterations", "HSCAN", "SSCAN",
      "ZSCAN")
def _same_step(argv, a, b):
    if [x.kind for x in a.value] != [x.kind for x in b.value]:
        return False
    whole = a.value[0].value == b.value[0].value == b"0" and _word(argv, 2) == "0"
    return not whole or _sorted(a.value[1].value) == _sorted(b.value[1].value)


# Types of RDB objects that list a hash table's elements.
TABLE_TYPES = (2, 4)


@rule("elements of a hash table are written in its order; the comparison of contents looks at them", "DUMP")
def _same_payload(argv, a, b):
    return (a.kind == b.kind == "$" and len(a.value) == len(b.value) and a.value[0] == b.value[0]
            and a.value[0] in TABLE_TYPES)


@rule("which key is random; the runner checks that it exists", "RANDOMKEY")
def _both_or_neither(argv, a, b):
    return a.kind == b.kind and (a.value is None) == (b.value is None)


@rule("the number of this connection, the clock, the time of the last save", "CLIENT ID", "LASTSAVE")
def _any_integer(argv, a, b):
    return a.kind == b.kind == ":"


@rule("what a key takes is each server's own", "MEMORY USAGE")
def _both_integers(argv, a, b):
    return a.kind == b.kind == ":" and min(a.value, b.value) > 0


@rule("what the server takes likewise; test_info_oracle.py compares the names", "MEMORY STATS", "MEMORY DOCTOR",
      "MEMORY MALLOC-STATS")
def _same_kind(argv, a, b):
    return a.kind == b.kind and len(a.value) > 0 and len(b.value) > 0


@rule("the clock", "TIME")
def _any_time(argv, a, b):
    return a.kind == b.kind and len(a.value) == len(b.value) == 2


@rule("Redis shares small integers between keys (2147483647); ours owns each value (1)",
      "OBJECT REFCOUNT")
def _any_refcount(argv, a, b):
    return a.kind == b.kind == ":" and b.value >= 1


@rule("Redis's small integers are shared between keys, and so is their last access", "OBJECT IDLETIME")
def _any_idle(argv, a, b):
    return a.kind == b.kind == ":" and b.value >= 0


@rule("access counts grow at random, and faults are accesses too", "OBJECT FREQ")
def _any_frequency(argv, a, b):
    return a.kind == b.kind == ":" and 0 <= b.value <= 255


def _fields(text):
    return dict(part.partition("=")[::2] for part in text.split())


# Of CLIENT LIST and INFO, what does not depend on addresses, buffers or the clock.
_CLIENT_FIELDS = ("name", "flags", "db", "sub", "psub", "ssub", "multi", "events", "cmd", "user",
                  "redir", "resp")


@rule("addresses, file numbers, ages and buffer sizes are each server's own", "CLIENT INFO",
      "CLIENT LIST")
def _same_clients(argv, a, b):
    lines_a, lines_b = a.text().splitlines(), b.text().splitlines()
    if a.kind != b.kind or len(lines_a) != len(lines_b):
        return False
    fields_a, fields_b = list(map(_fields, lines_a)), list(map(_fields, lines_b))
    if any(list(x) != list(y) for x, y in zip(fields_a, fields_b)):
        return False
    return [[x[f] for f in _CLIENT_FIELDS] for x in fields_a] == \
        [[x[f] for f in _CLIENT_FIELDS] for x in fields_b]


@rule("the id of the connection", "HELLO")
def _same_hello(argv, a, b):
    if a.kind != b.kind or len(a.value) != len(b.value):
        return False
    pairs_a = list(zip(a.value[::2], a.value[1::2]))
    pairs_b = list(zip(b.value[::2], b.value[1::2]))
    return all(_same_value(ka, kb) and (ka.value == b"id" or _same_value(va, vb))
               for (ka, va), (kb, vb) in zip(pairs_a, pairs_b))


@rule("ours does not have all commands yet", "COMMAND COUNT")
def _fewer_commands(argv, a, b):
    return a.kind == b.kind == ":" and 0 < b.value <= a.value + 20


def _canonical_command(reply):
    """COMMAND INFO's reply with unordered parts sorted."""
    if not isinstance(reply.value, list) or len(reply.value) < 10:
        return reply.plain()
    parts = [part.plain() for part in reply.value]
    parts[2] = sorted(parts[2])
    parts[6] = sorted(parts[6])
    parts[9] = sorted((_canonical_command(sub) for sub in reply.value[9].value), key=repr)
    return parts


@rule("flags and categories are sets; subcommands come in hash order; without names, all commands in "
      "hash order, of which ours does not have all yet", "COMMAND INFO", "COMMAND")
def _same_commands(argv, a, b):
    if len(argv) < 3:
        known = {x.value[0].value: _canonical_command(x) for x in a.value}
        return bool(b.value) and all(known.get(x.value[0].value) == _canonical_command(x) for x in b.value)
    return (a.kind == b.kind and len(a.value) == len(b.value)
            and [_canonical_command(x) for x in a.value] == [_canonical_command(x) for x in b.value])


@rule("which flags a key is reported with is a set", "COMMAND GETKEYSANDFLAGS")
def _same_key_flags(argv, a, b):
    def canonical(reply):
        return [(pair.value[0].value, sorted(pair.value[1].plain())) for pair in reply.value]
    return a.kind == b.kind and canonical(a) == canonical(b)


@rule("avg_ttl is sampled by the expiry cycle, which the test has switched off; of all sections, only "
      "that no field of Redis is missing", "INFO")
def _same_keyspace(argv, a, b):
    if len(argv) < 2:
        def names(reply):
            return {line.split(":")[0] for line in reply.text().splitlines()}
        return a.kind == b.kind and names(a) <= names(b)

    def canonical(reply):
        return [line.split(",avg_ttl=")[0] for line in reply.text().splitlines()]
    return a.kind == b.kind and canonical(a) == canonical(b)


@rule("parameters matched by a pattern come in table order", "CONFIG GET")
def _same_parameters(argv, a, b):
    def canonical(reply):
        values = [item.value for item in reply.value]
        return sorted(zip(values[::2], values[1::2]))
    return a.kind == b.kind and canonical(a) == canonical(b)
