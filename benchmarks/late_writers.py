"""Two writers of one unit in a folder, with bytes that differ, paused at each pair of their steps: is the unit whole?

python benchmarks/late_writers.py
"""

import sys
import tempfile
from itertools import product
from pathlib import Path

sys.path.append(str(Path(__file__).parents[1] / "tests" / "support"))


def main() -> None:
    from two_writers import STEPS, trouble

    schedules, damaged = list(product(range(1, STEPS + 1), repeat=2)), 0
    for first, second in schedules:
        with tempfile.TemporaryDirectory(prefix="late-writers-") as folder:
            reason = trouble(Path(folder), first, second)
        if reason is not None:
            damaged += 1
            print(f"A paused before its step {first}, B before its step {second}: {reason}")
    print(f"{len(schedules)} schedules of two writers: {damaged} units damaged")
    sys.exit(1 if damaged else 0)


if __name__ == "__main__":
    main()
