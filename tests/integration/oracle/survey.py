"""For developing: runs many short seeds and prints each distinct difference once, shrunk.

    /usr/bin/python3 -m oracle.survey [seeds] [steps a seed] [first seed]      (in tests/integration)

The suite stops at the first difference; this shows what else there is. THERMOCLINE_SERVER names the
server under test.
"""
import pathlib
import sys
import tempfile

import servers as servers_module
from oracle import generator, runner
from test_oracle import OUR_ARGUMENTS


def main():
    seeds, steps_a_seed, first = [int(word) for word in sys.argv[1:]] + [100, 1000, 1][len(sys.argv) - 1:]
    shown = {}
    with tempfile.TemporaryDirectory() as folder, \
            servers_module.Servers(pathlib.Path(folder)) as pool:
        oracle, ours = pool.redis().start(), pool.ours()
        if ours.is_ours:
            ours.arguments += OUR_ARGUMENTS
        ours.start()
        payloads = generator.make_payloads(oracle)
        both = runner.Runner(oracle, ours)
        for seed in range(first, first + seeds):
            steps = generator.generate(seed, steps_a_seed, payloads)
            try:
                both.reset()
                both.run(steps)
                both.compare_contents()
            except runner.Difference as failure:
                shown[failure.signature] = shown.get(failure.signature, 0) + 1
                if shown[failure.signature] > 2:
                    continue
                used = steps[:failure.index + 1] if failure.index >= 0 else steps
                shrunk, repeated, last = runner.shrink_difference(both, used, failure, 15)
                print(f"--- {failure.signature} seed {seed}" + ("" if repeated else " (did not repeat)"))
                for step in shrunk if repeated else used[-4:]:
                    print(f"    {step!r}"[:600])
                print("\n".join(line[:600] for line in str(last).splitlines()[1:]), flush=True)
            except OSError as error:
                print(f"--- seed {seed}: {error}")
                if not ours.is_running():
                    print(ours.log_tail())
                    ours.process = None
                    ours.start()
    print(f"{sum(shown.values())} of {seeds} seeds differ: {shown}")


if __name__ == "__main__":
    main()
