"""The differential test: the same commands go to Debian's redis-server and to the server under test.

    commands.py   what is generated: one small function a command, and the table of what is not yet
    generator.py  a seed becomes a list of steps (pure: no server is asked)
    normalise.py  the allowed differences, each with its reason; everything else is compared to the byte
    runner.py     sends steps to both, compares replies, and at the end all contents
    shrink.py     makes a failing list of steps short

A failure prints its seed and step; ORACLE_SEED and ORACLE_STEPS replay it.
"""
