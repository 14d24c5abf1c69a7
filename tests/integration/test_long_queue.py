"""A queue longer than maxmemory: pushes go on, other keys do, pops take it in order, kill -9 loses nothing.

How its nodes leave memory is the engine's business (LongListTest); here nobody may wait for ever, and what the
list holds in memory stays within the budget.
"""
JOBS = 40_000  # of 1 KB: more than twice the budget
STEP = 400


def job(number):
    return b"%08d" % number * 125


def test_a_queue_longer_than_memory(servers):
    server = servers.ours("--appendonly", "yes", "--maxmemory", "16mb")
    if not server.is_ours:
        server = servers.ours("--appendonly", "yes")
    server.start()
    with server.connect() as producer, server.connect() as other:
        for first in range(0, JOBS, STEP):
            replies = producer.pipeline(["LPUSH", "queue", job(number)] for number in range(first, first + STEP))
            assert [reply.value for reply in replies] == list(range(first + 1, first + STEP + 1))
            assert other.command("SET", b"result:%d" % first, job(first)).text() == "OK"
    check_memory(server)
    server.kill()
    server.start()
    with server.connect() as consumer:
        assert consumer.command("LLEN", "queue").value == JOBS
        for first in range(0, JOBS, STEP):
            replies = consumer.pipeline(["BRPOP", "queue", "1"] for _ in range(STEP))
            assert [reply.value[1].value for reply in replies] == [job(number) for number in range(first, first + STEP)]
            assert consumer.command("GET", b"result:%d" % first).value == job(first)
        assert consumer.command("EXISTS", "queue").value == 0


def test_parts_of_a_long_list(servers):
    """What each command answers of a list whose nodes are on disk, inside MULTI and out, beside redis-server."""
    commands = [["LRANGE", "k", "0", "3"], ["LRANGE", "k", "-3", "-1"], ["LRANGE", "k", "5000", "5200"],
                ["LINDEX", "k", "7777"], ["LINDEX", "k", "-7777"], ["LSET", "k", "3333", "set"], ["LLEN", "k"],
                ["LPUSH", "k", "head"], ["RPUSH", "k", "tail"], ["LPOP", "k", "300"], ["RPOP", "k", "300"],
                ["LMOVE", "k", "k", "LEFT", "RIGHT"], ["LMOVE", "k", "k", "LEFT", "LEFT"],
                ["LMOVE", "k", "other", "RIGHT", "LEFT"], ["RPOPLPUSH", "k", "k"], ["BRPOP", "k", "1"],
                ["BLMOVE", "k", "k", "RIGHT", "RIGHT", "1"], ["LMPOP", "2", "none", "k", "RIGHT", "COUNT", "200"],
                ["BLMPOP", "1", "2", "none", "k", "LEFT", "COUNT", "200"], ["LPOS", "k", "%06d" % 6000],
                ["LINSERT", "k", "BEFORE", "%06d" % 5000, "inserted"], ["LREM", "k", "0", "%06d" % 4000],
                ["LTRIM", "k", "1000", "-1000"], ["SORT", "k", "LIMIT", "0", "3", "ALPHA"],
                ["OBJECT", "ENCODING", "k"], ["LRANGE", "k", "0", "-1"]]
    ours = servers.ours("--maxmemory", "16mb", "--enable-debug-command", "yes").start()
    oracle = servers.redis().start()
    for in_exec in (False, True):
        with ours.connect() as mine, oracle.connect() as theirs:
            for connection in (mine, theirs):
                connection.command("DEL", "k", "other")
                for first in range(0, 10_000, 500):
                    connection.command("RPUSH", "k", *("%06d" % n for n in range(first, first + 500)))
            for command in commands:
                if ours.is_ours:
                    mine.command("DEBUG", "SPILL")
                sent = [["MULTI"], command, ["EXEC"]] if in_exec else [command]
                replies = [[reply.raw for reply in connection.pipeline(sent)] for connection in (mine, theirs)]
                assert replies[0] == replies[1], command
            # Node by node; each server compresses in its own way.
            theirs.command("RESTORE", "ours", "0", mine.command("DUMP", "k").value)
            assert theirs.command("DUMP", "ours").value == theirs.command("DUMP", "k").value
            theirs.command("DEL", "ours")
    if ours.is_ours:
        assert int(ours.info()["tc_read_list_nodes"]) > 100


def check_memory(server):
    if server.is_ours:
        info = server.info()
        assert int(info["tc_memory_giants"]) == 0
        assert int(info["tc_memory_values"]) < 16 << 20
        assert int(info["tc_spilled_list_nodes"]) > 2000
