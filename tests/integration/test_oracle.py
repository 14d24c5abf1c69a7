"""Runs the differential test (oracle/) against redis-server 7.0.15.

Short form in the suite: ORACLE_STEPS steps (default 20,000) in rounds, each with its own seed; the
server under test has a budget so small, and DEBUG SPILL so often, that keys move between the tiers.
ORACLE_SEED replays a seed that a failure printed. The suite's seeds are fixed (from ORACLE_FIRST_SEED on,
default 1), so that a failure is the change's; the long form, `scripts/soak oracle`, draws new ones.
"""
import os

import pytest

from oracle import commands, generator, normalise, runner, shrink
import resp

STEPS = int(os.environ.get("ORACLE_STEPS") or 20_000)
STEPS_A_ROUND = 10_000
SEED = os.environ.get("ORACLE_SEED") or ""
SHRINK_SECONDS = float(os.environ.get("ORACLE_SHRINK_SECONDS") or 45)
# Every list of two nodes is paged, every renamed value linked.
OUR_ARGUMENTS = ("--maxmemory", "16mb", "--appendonly", "yes", "--paged-threshold", "1", "--link-threshold", "1")
# Half of the seeds run with places of cold values remembered, half as it is by default.
PLACES = {"default": (), "places": ("--cold-place-memory", "512kb")}


@pytest.fixture(scope="module", params=PLACES)
def pair(module_servers, request):
    oracle = module_servers.redis().start()
    ours = module_servers.ours()
    if ours.is_ours:
        ours.arguments += OUR_ARGUMENTS + PLACES[request.param]
    ours.start()
    return oracle, ours


@pytest.fixture(scope="module")
def payloads(pair):
    """DUMP payloads, made by the oracle."""
    return generator.make_payloads(pair[0])


def test_every_command_of_redis_is_covered_or_listed_as_not_yet(pair):
    with pair[0].connect() as connection:
        known = {item.value.decode().upper() for item in connection.command("COMMAND", "LIST").value
                 if b"|" not in item.value}
    listed = set(commands.COVERED) | set(commands.ELSEWHERE) | commands.not_yet_names()
    assert known - listed == set(), "neither covered nor listed"
    assert listed - known == set(), "not a command of redis-server"
    assert not set(commands.COVERED) & commands.not_yet_names()


def test_same_seed_gives_the_same_steps(payloads):
    once = [repr(step) for step in generator.generate(7, 500, payloads)]
    again = [repr(step) for step in generator.generate(7, 500, payloads)]
    other = [repr(step) for step in generator.generate(8, 500, payloads)]
    assert once == again
    assert once != other


def test_shrinking_finds_the_two_steps_that_matter():
    steps = list(range(200))
    shrunk, repeated = shrink.shrink(steps, lambda some: 17 in some and 143 in some, seconds=30)
    assert repeated
    assert sorted(shrunk) == [17, 143]


def test_comparison_is_strict_where_no_rule_allows_a_difference():
    def reply(raw):
        parsed, _ = resp.parse(raw, 0)
        parsed.raw = raw
        return parsed
    assert not normalise.same(["GET", "k"], reply(b"$1\r\na\r\n"), reply(b"$1\r\nb\r\n"))
    assert not normalise.same(["TTL", "k"], reply(b":-1\r\n"), reply(b":1000\r\n"))
    assert not normalise.same(["KEYS", "*"], reply(b"*1\r\n$1\r\na\r\n"), reply(b"*0\r\n"))
    assert not normalise.same(["TTL", "k"], reply(b":5\r\n"), reply(b"-ERR x\r\n"))
    assert normalise.same(["TTL", "k"], reply(b":5000\r\n"), reply(b":5001\r\n"))


def test_random_commands_get_the_same_replies_and_leave_the_same_contents(pair, payloads, request):
    if SEED:
        seeds = [SEED]
    else:
        first = int(os.environ.get("ORACLE_FIRST_SEED") or 1)
        seeds = [str(first + number) for number in range(max(1, STEPS // STEPS_A_ROUND))]
        mine = list(PLACES).index(request.node.callspec.params["pair"])
        seeds = seeds[mine::len(PLACES)] or seeds
    a_round = STEPS if SEED else min(STEPS, STEPS_A_ROUND)
    both = runner.Runner(*pair)
    keys = 0
    for seed in seeds:
        print(f"oracle: seed {seed}, {a_round} steps")
        steps = generator.generate(seed, a_round, payloads)
        try:
            both.reset()
            both.run(steps)
            keys += both.compare_contents()
        except (runner.Difference, OSError, ValueError) as failure:
            pytest.fail(explain(pair, both, seed, steps, failure), pytrace=False)
    both.close()
    print(f"oracle: {keys} keys compared at the ends, {both.spills} forced spills and checkpoints")
    assert keys > 0
    if pair[1].is_ours:
        info = pair[1].info("tiering")
        assert int(info["tc_spilled_keys"]) > 0, "no key left memory: the test shows nothing"
        assert int(info["tc_read_list_nodes"]) > 0, "no list was read node by node"
        with pair[1].connect() as connection:
            assert resp.parse_info(connection.command("INFO", "everything"))["redis_version"] == "7.0.15"


def explain(pair, both, seed, steps, failure):
    """The report of a difference: where, what each said, and the shortest steps that show it."""
    index = getattr(failure, "index", -1)
    used = steps[:index + 1] if index >= 0 else steps
    lines = [f"the servers differ. Replay: ORACLE_SEED={seed} ORACLE_STEPS={len(steps)}", str(failure)]
    if getattr(failure, "queued", None):
        lines.append(f"  commands of the EXEC: {failure.queued!r}")
    lines += ["  before it:"] + [f"    {step!r}" for step in used[-8:-1]]
    if not (pair[0].is_running() and pair[1].is_running()):
        return "\n".join(lines + ["a server is gone; its log ends:", pair[1].log_tail()])
    try:
        shrunk, repeated, last = runner.shrink_difference(both, used, failure, SHRINK_SECONDS)
    except (OSError, AssertionError) as error:
        return "\n".join(lines + [f"shrinking stopped: {error}"])
    if not repeated:
        lines.append("the difference did not show again from empty servers: it depends on timing")
    else:
        lines += [f"shrunk to {len(shrunk)} steps:"] + [f"    {step!r}" for step in shrunk]
        lines += [f"  {line}" for line in str(last).splitlines()]
    return "\n".join(lines)
