"""The program: the `seedscope` command, and `python -m seedscope`."""

import atexit
import os
import sys

from seedscope.pipeline.garbage import search_seldom


def program() -> None:
    """Run the command line, and end the process as soon as everything in it is finished and written.

    Python would go on to take itself down piece by piece. A thread of Arrow's that lets go of a buffer in this time, a moment
    after its read has returned, aborts the process, and a command that succeeded ends with code -6 (SIGABRT).
    """
    code = [1]
    atexit.register(_leave, code)  # what is registered first runs last
    search_seldom()
    from seedscope.jobs.cli import main

    try:
        main()
        code[0] = 0
    except SystemExit as end:
        code[0] = end.code if isinstance(end.code, int) else int(end.code is not None)
        raise


def _leave(code: list[int]) -> None:
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:  # who read it has gone; so Python tells it
            code[0] = 120
    os._exit(code[0])


if __name__ == "__main__":
    program()
