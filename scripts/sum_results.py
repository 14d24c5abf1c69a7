#!/usr/bin/env python3
"""Sums the test results of one run of scripts/test and prints the last line, `N passed, N failed`.

Reads a folder of JUnit files: *.ctest.xml (written by ctest: one case a test program, with the tail
of its output, in which GoogleTest says how many tests ran) and *.pytest.xml (one case a test).
A program that dies without GoogleTest's summary counts as one failed test. Exit 1 if any failed, or
if nothing ran at all.
"""
import pathlib
import re
import sys
import xml.etree.ElementTree as ElementTree

PASSED = re.compile(r"^\[  PASSED  \] (\d+) test", re.M)
FAILED = re.compile(r"^\[  FAILED  \] (\d+) test", re.M)


def count_ctest(case):
    """(passed, failed) of one test program."""
    output = case.findtext("system-out") or ""
    passed = sum(map(int, PASSED.findall(output)))
    failed = sum(map(int, FAILED.findall(output)))
    broken = case.get("status") == "fail" or case.find("failure") is not None
    if broken:
        return passed, max(failed, 1)
    if case.get("status") in ("notrun", "disabled"):
        return 0, 0
    return (passed, failed) if passed or failed else (1, 0)


def count_pytest(case):
    if case.find("skipped") is not None:
        return 0, 0
    broken = case.find("failure") is not None or case.find("error") is not None
    return (0, 1) if broken else (1, 0)


def main():
    folder = pathlib.Path(sys.argv[1])
    passed = failed = 0
    for pattern, count in (("*.ctest.xml", count_ctest), ("*.pytest.xml", count_pytest)):
        for path in sorted(folder.glob(pattern)):
            totals = [count(case) for case in ElementTree.parse(path).iter("testcase")]
            good, bad = sum(t[0] for t in totals), sum(t[1] for t in totals)
            print(f"{path.name}: {good} passed, {bad} failed", file=sys.stderr)
            passed, failed = passed + good, failed + bad
    sys.stderr.flush()
    print(f"{passed} passed, {failed} failed")
    return 0 if passed and not failed else 1


if __name__ == "__main__":
    sys.exit(main())
