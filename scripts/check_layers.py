#!/usr/bin/env python3
"""Reads the #include lines and fails when an arrow runs the wrong way.

The rooms form a chain, tools -> server -> replication -> engine -> codec: a file may include its own
room and those to the right of it. tools/ may not reach into server/ or replication/: tools work on
data directories. Further rules, each of which broke in some other project first:
  * an include of ours names the path from the repository's root;
  * rocksdb/ headers appear in engine/ (.cc files, and headers listed below) and in tests only;
  * codec/ opens no file and starts no thread;
  * a header, and a source file without a header of its name, begins with a comment that says what it
    owns.
"""
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
MAY_INCLUDE = {
    "codec": {"codec"},
    "engine": {"engine", "codec"},
    "replication": {"replication", "engine", "codec"},
    "server": {"server", "replication", "engine", "codec"},
    "tools": {"tools", "engine", "codec"},
    "tests": {"tests", "tools", "server", "replication", "engine", "codec"},
}
# Headers that hand out RocksDB's file system interface, which is the injection point for all I/O.
ROCKSDB_HEADERS_ALLOWED = re.compile(
    r"^engine/(env/|log/(segment|writer)|cold/(rocks_|file)).*\.h$|^tests/")
CODEC_FORBIDDEN = {"fstream", "thread", "mutex", "chrono", "filesystem", "glog/logging.h",
                   "unistd.h", "fcntl.h", "sys/stat.h"}
INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]', re.M)


def problems_of(path):
    relative = path.relative_to(ROOT).as_posix()
    room = relative.split("/", 1)[0]
    text = path.read_text(encoding="utf-8")
    speaks_for_itself = path.suffix == ".h" or not path.with_suffix(".h").exists()
    if speaks_for_itself and not text.startswith("//"):
        yield f"{relative}:1: begins without a comment that says what the file owns"
    for match in INCLUDE.finditer(text):
        line = text.count("\n", 0, match.start()) + 1
        quote, target = match.groups()
        target_room = target.split("/", 1)[0]
        where = f"{relative}:{line}: includes {target}"
        if quote == '"':
            if "/" not in target:
                yield f"{where}: write the path from the repository's root"
            elif target_room in MAY_INCLUDE and target_room not in MAY_INCLUDE[room]:
                yield f"{where}: {room}/ may include only {', '.join(sorted(MAY_INCLUDE[room]))}"
            elif target_room not in MAY_INCLUDE and target_room not in (
                    "rocksdb", "google", "glog", "gflags", "gtest", "gmock"):
                yield f"{where}: no such room"
        if target_room == "rocksdb":
            engine_source = room == "engine" and relative.endswith(".cc")
            if not engine_source and not ROCKSDB_HEADERS_ALLOWED.match(relative):
                yield f"{where}: RocksDB's types stay in engine/ .cc files"
        if room == "codec" and target in CODEC_FORBIDDEN:
            yield f"{where}: codec/ has no I/O, clock, threads or logs"


def main():
    found = []
    count = 0
    for room in MAY_INCLUDE:
        for path in sorted((ROOT / room).rglob("*")):
            if path.suffix in (".h", ".cc"):
                count += 1
                found.extend(problems_of(path))
    for problem in found:
        print(problem)
    print(f"check_layers: {count} files, {len(found)} problems", file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
