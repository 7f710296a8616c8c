"""A person who presses Ctrl-C again while a command ends is told nothing more, and waits no longer."""

import signal
import subprocess
import sys

STOPPED = """
import atexit, os, signal
from seedscope.jobs import cli

def again():
    os.kill(os.getpid(), signal.SIGINT)

def work():
    try:
        again()
    finally:
        {while_it_ends}

cli.app = work
{at_the_end}
cli.main()
"""


def stopped(while_it_ends: str = "pass", at_the_end: str = "") -> tuple[int, str]:
    code = STOPPED.format(while_it_ends=while_it_ends, at_the_end=at_the_end)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=300)
    return done.returncode, done.stderr


def test_once() -> None:
    assert stopped() == (130, "seedscope: stopped. What is published is safe; the same command goes on from there.\n")


def test_again_while_the_work_is_cleared_away() -> None:
    assert stopped(while_it_ends="again()") == (-signal.SIGINT, "")


def test_again_while_python_ends_as_ray_does() -> None:
    code, said = stopped(at_the_end="atexit.register(again)")
    assert code == -signal.SIGINT and "stopped" in said and "Traceback" not in said
