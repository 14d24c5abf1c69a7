"""Makes a failing list of steps short: delta debugging, bounded in time.

`fails(steps)` runs a list from empty servers and says whether any difference shows. The minimum found
is 1-minimal if the time suffices: leaving out any one step makes the difference go away. A failure
that depends on timing may not show again; then the list comes back as it was.
"""
import time


def shrink(steps, fails, seconds=60.0):
    """(shorter steps, whether the failure could be repeated at all)."""
    deadline = time.monotonic() + seconds
    if not fails(steps):
        return steps, False
    pieces = 2
    while len(steps) >= 2 and time.monotonic() < deadline:
        size = max(1, len(steps) // pieces)
        for start in range(0, len(steps), size):
            rest = steps[:start] + steps[start + size:]
            if time.monotonic() >= deadline:
                return steps, True
            if rest and fails(rest):
                steps = rest
                pieces = max(pieces - 1, 2)
                break
        else:
            if size == 1:
                break
            pieces = min(pieces * 2, len(steps))
    return steps, True
