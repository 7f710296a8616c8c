"""A program and a worker search for garbage seldom; a library that only is imported changes nothing."""

import gc
import subprocess
import sys

from forks import forked

from seedscope.pipeline.garbage import SELDOM
from seedscope.pipeline.running.worker import Worker

PROGRAM = """
import gc, sys, types
cli = sys.modules["seedscope.jobs.cli"] = types.ModuleType("cli")
import seedscope.__main__
before = gc.get_threshold()
cli.main = lambda: print(before, gc.get_threshold())
seedscope.__main__.program()
"""


def test_a_program_searches_seldom() -> None:
    usual = gc.get_threshold()
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, timeout=300)
    assert done.stdout == f"{usual} {(*usual[:2], SELDOM)}\n", done.stderr


def test_a_worker_does_so_too() -> None:
    def works() -> None:
        usual = gc.get_threshold()
        assert usual[2] != SELDOM
        Worker({}, 1).ready()
        assert gc.get_threshold() == (*usual[:2], SELDOM)

    assert forked(works) == 0
