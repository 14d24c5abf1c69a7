"""SORT and SORT_RO for the oracle. They are sent by a macro (runner.py), never inside MULTI: Redis turns a
small sorted set that it sorts into a skiplist, which ours does not, so those are left out.
"""

# Elements of lists are 1, 2, 300, a ...: these meet keys that exist.
PATTERNS = ["k*", "k*", "list*", "w*", "h*->f1", "h*->1", "k*->f", "*", "#", "nosuch", "k*->", "*k*",
            "->*", "k*\x00x", "k\x00*", "", "s*"]


def _sorted_key(draw):
    if draw.chance(0.1):
        return draw.key()
    return draw.pick(draw.family_keys)


def draw_sort(draw):
    """argv of one call."""
    read_only = draw.chance(0.3)
    words = []
    options = []
    if draw.chance(0.4):
        options.append([draw.case("BY"), draw.pick(PATTERNS)])
    for _ in range(draw.pick([0, 0, 0, 1, 1, 2, 3])):
        options.append([draw.case("GET"), draw.pick(PATTERNS)])
    if draw.chance(0.4):
        options.append([draw.case("LIMIT"), draw.integer(-2, 6), draw.integer(-2, 8)])
    if draw.chance(0.4):
        options.append([draw.case(draw.pick(["ASC", "DESC"]))])
    # Which of equal weights comes first may differ: such an order is not stored.
    store = draw.chance(0.2)
    if draw.chance(0.6) and not (store and options):
        options.append([draw.case("ALPHA")])
    if store:
        options.append([draw.case("STORE"), draw.pick(draw.family_keys)])
    bogus = draw.chance(0.03) and draw.pick([["BOGUS"], ["LIMIT", "0"], ["BY"], ["GET"], ["STORE"]])
    if bogus and bogus != ["STORE"]:
        options.append(bogus)
    draw.rng.shuffle(options)
    if bogus == ["STORE"]:
        options.append(bogus)  # before another option it would store in a key of that name
    for option in options:
        words += option
    return [draw.case("SORT_RO" if read_only else "SORT"), _sorted_key(draw)] + words
