"""A queue longer than maxmemory: pushes go on, other keys do, pops take it in order, kill -9 loses nothing.

That the list may exceed the budget is the engine's business (GiantTest); here nobody may wait for ever.
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
    server.kill()
    server.start()
    with server.connect() as consumer:
        assert consumer.command("LLEN", "queue").value == JOBS
        for first in range(0, JOBS, STEP):
            replies = consumer.pipeline(["BRPOP", "queue", "1"] for _ in range(STEP))
            assert [reply.value[1].value for reply in replies] == [job(number) for number in range(first, first + STEP)]
            assert consumer.command("GET", b"result:%d" % first).value == job(first)
        assert consumer.command("EXISTS", "queue").value == 0
