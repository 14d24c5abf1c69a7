"""Suites of scripts/bench for lists, hashes, sets and sorted sets, and for queues made of them; see
bench_suites.py for how a suite runs. The memory suites look at RSS, the speed suites at rates and CPU.
"""
import time

from bench_lib import (ALL_IN_MEMORY, EVERYSEC, MB, SPEED_COLUMNS, Table, bench, compare_cells, disk_bytes,
                       first, geometric_mean, settled_rss, start_pair, wait_quiet)


def template(request, **fields):
    words = [f"request={request}"] + [f"{name}={value}" for name, value in fields.items()]
    return ",".join(words)


def preload(server, *requests, keys, pipeline=64):
    """Each request once a key, in order."""
    for request in requests:
        spec = template(request, clients=1, pipeline=pipeline, dist="sequential", keys=keys, size=100)
        bench(server, spec, limit=keys)


def suite_collections(pool, options):
    """Nine commands on lists, sets, hashes and sorted sets, both appendonly yes and everysec."""
    keys = 50_000 if options.quick else 1_000_000
    seconds = 1.0 if options.quick else 4.0
    pair = start_pair(pool, *EVERYSEC, ours=ALL_IN_MEMORY)
    for server in pair:
        preload(server, "RPUSH list:{key} {value}", "HSET hash:{key} field1 {value}", "ZADD zset:{key} {random} member",
                keys=keys)
        preload(server, "RPUSH range {value}", keys=100)
        preload(server, "ZADD board {key} member:{key}", keys=keys)
        wait_quiet(server)
    commands = {
        "LPUSH": "LPUSH list:{key} {value}",
        "RPOP": "RPOP list:{key}",
        "LRANGE_100": "LRANGE range 0 99",
        "SADD": "SADD set:{key} element:{random}",
        "SPOP": "SPOP set:{key}",
        "HSET": "HSET hash:{key} field:{random} {value}",
        "ZADD": "ZADD zset:{key} {random} element:{random}",
        "ZPOPMIN": "ZPOPMIN zset:{key}",
        "ZRANGEBYSCORE": "ZRANGEBYSCORE board {key} +inf LIMIT 0 10",
    }
    tables = []
    for pipeline in (1, 16):
        table = Table(f"Collections, pipeline {pipeline}, 50 clients, {keys:,} keys, everysec", SPEED_COLUMNS)
        cells = [(name, template(request, clients=50, pipeline=pipeline, keys=keys, size=100), False)
                 for name, request in commands.items()]
        if pipeline > 1:
            cells.append(("ZADD into a million members",
                          template("ZADD board {random} member:{key}", clients=50, pipeline=pipeline, keys=keys), False))
        rates, cpus = compare_cells(table, options, pair, cells, seconds)
        nine = len(commands)  # ZADD into a million has a target of its own
        table.notes.append(f"geometric mean of the nine commands' rate ratios {geometric_mean(rates[:nine]):.2f}, "
                           f"of their CPU ratios {geometric_mean(cpus[:nine]):.2f}")
        tables.append(table)
    return tables


def suite_collection_memory(pool, options):
    """Resident bytes of many small and one large collection of each type."""
    small = 20_000 if options.quick else 200_000
    large = 100_000 if options.quick else 1_000_000
    eight = " ".join(f"field{i} value{i}:{{key}}" for i in range(8))
    ten = " ".join(f"element{i}:{{key}}" for i in range(10))
    scored = " ".join(f"{i} member{i}:{{key}}" for i in range(10))
    cells = (
        (f"{small:,} hashes of 8 fields", "HSET hash:{key} " + eight, small),
        (f"{small:,} lists of 10", "RPUSH list:{key} " + ten, small),
        (f"{small:,} zsets of 10", "ZADD zset:{key} " + scored, small),
        (f"a set of {large:,}", "SADD set member:{key}", large),
        (f"a zset of {large:,}", "ZADD board {random} member:{key}", large),
        (f"a hash of {large:,}", "HSET table field:{key} value:{key}", large),
    )
    table = Table("Resident bytes an element or key", ("what", "ours B", "redis B", "ratio"))
    for label, request, keys in cells:
        pair = start_pair(pool, "--appendonly", "no", ours=ALL_IN_MEMORY)
        grown = []
        for server in pair:
            before = server.rss_bytes()
            preload(server, request, keys=keys)
            grown.append((settled_rss(server) - before) / keys)
            server.kill()
        table.add(label, grown[0], grown[1], grown[0] / grown[1])
    return [table]


def suite_queue(pool, options):
    """A job queue that never rests: throughput at the end against the start, and the disk it holds."""
    jobs = options.jobs or (400_000 if options.quick else 20_000_000)
    memory_mb = 64 if options.quick else 200
    tables = []
    for label, lists, backlog in (("backlog below the budget", 1, memory_mb * MB // 4000),
                                  ("backlog 5 x the budget over 200 lists", 200, memory_mb * 5 * MB // 1100)):
        ours = pool.ours(*EVERYSEC)
        if ours.is_ours:
            ours.arguments += ["--maxmemory", f"{memory_mb}mb"]
        ours.start()
        fill = template("LPUSH q:{key} {value}", clients=8, pipeline=16, keys=lists, size=1000)
        bench(ours, fill, limit=max(1, backlog // 8))
        table = Table(f"Queue, {label}: 64 clients, jobs of 1 KB, maxmemory {memory_mb} MB",
                      ("jobs so far", "jobs /s", "RSS MB", "data directory MB", "log MB"))
        step = max(jobs // 20, 1)
        rates = []
        done = 0
        while done < jobs:
            started = time.monotonic()
            bench(ours, template("LPUSH q:{key} {value};BRPOP q:{key} 1", clients=64, pipeline=2, keys=lists, size=1000),
                  limit=max(2, 2 * step // 64))
            rates.append(step / (time.monotonic() - started))
            done += step
            table.add(done, rates[-1], ours.rss_bytes() / MB, disk_bytes(ours) / MB,
                      int(ours.info().get("aof_current_size", 0)) / MB)
        table.notes.append(f"the last twentieth at {rates[-1] / rates[0]:.2f} of the first's rate")
        tables.append(table)
        ours.kill()
    return tables


def suite_churn(pool, options):
    """A hot sorted set with constant adds and removes: is it flat?"""
    operations = options.jobs or (400_000 if options.quick else 20_000_000)
    ours = pool.ours(*EVERYSEC)
    if ours.is_ours:
        ours.arguments += ["--maxmemory", "200mb"]
    ours.start()
    preload(ours, "ZADD delayed {key} job:{key}", keys=10_000)
    table = Table("One sorted set of 10,000: ZADD and ZPOPMIN in turns, 16 clients",
                  ("operations so far", "/s", "p99 us", "data directory MB"))
    step = operations // 20
    rates = []
    for number in range(20):
        started = time.monotonic()
        result = bench(ours, template("ZADD delayed {random} job:{random};ZPOPMIN delayed", clients=16, pipeline=2),
                       limit=max(2, step // 16))
        rates.append(step / (time.monotonic() - started))
        table.add((number + 1) * step, rates[-1], first(result)["p99_us"], disk_bytes(ours) / MB)
    table.notes.append(f"the last twentieth at {rates[-1] / rates[0]:.2f} of the first's rate")
    return [table]


SUITES = {"collections": suite_collections, "collection-memory": suite_collection_memory,
          "queue": suite_queue, "churn": suite_churn}
