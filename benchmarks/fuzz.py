"""Files of strangers, changed at random: each ends in a result or in a sentence, soon and in little memory.

    python benchmarks/fuzz.py --minutes 10

Every parser of what other people write starts from valid examples (tests/support/foreign_files.py), whose bytes and values are
changed: cut out, doubled, swapped, replaced by what has broken parsers before. Each input has 5 seconds and 1 GB. What takes
more, or ends in another exception than those meant for people, is kept under --keep, to be read again by `--again FILE PARSER`.
"""

import argparse
import random
import resource
import signal
import sys
import tempfile
import time
import traceback
from collections import Counter
from pathlib import Path
from types import FrameType

sys.path.insert(0, str(Path(__file__).parent.parent / "tests" / "support"))
from foreign_files import PARSERS, mutated

SECONDS, BYTES = 5, 2**30


class TooSlow(BaseException):
    """An input took longer than it may."""


def _late(_signal: int, _frame: FrameType | None) -> None:
    raise TooSlow


def tried(name: str, content: bytes, folder: Path) -> str | None:
    """What is wrong with how a parser takes an input, or None."""
    parser = PARSERS[name]
    signal.setitimer(signal.ITIMER_REAL, SECONDS)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    try:
        parser.read(content, folder)
    except TooSlow:
        return f"took more than {SECONDS} seconds"
    except Exception as error:  # noqa: BLE001  (any of them is what is looked for)
        return f"{type(error).__name__}: {error} at {traceback.extract_tb(error.__traceback__)[-1]}"
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024
    return f"took {grown / 2**20:,.0f} MiB" if grown > BYTES else None


def main() -> None:
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument("--minutes", type=float, default=10)
    words.add_argument("--seed", type=int, default=0)
    words.add_argument("--parsers", nargs="*", default=sorted(PARSERS), choices=sorted(PARSERS))
    words.add_argument("--keep", type=Path, default=Path("fuzz-found"))
    words.add_argument("--again", nargs=2, metavar=("FILE", "PARSER"))
    told = words.parse_args()
    signal.signal(signal.SIGALRM, _late)
    with tempfile.TemporaryDirectory() as place:
        if told.again:
            sys.exit(tried(told.again[1], Path(told.again[0]).read_bytes(), Path(place)))
        sys.exit(_run(told, Path(place)))


def _run(told: argparse.Namespace, folder: Path) -> int:
    drawn = random.Random(told.seed)
    end, inputs, found = time.monotonic() + 60 * told.minutes, Counter[str](), dict[tuple[str, str], Path]()
    while time.monotonic() < end:
        name = drawn.choice(told.parsers)
        content = mutated(drawn, PARSERS[name].examples)
        inputs[name] += 1
        wrong = tried(name, content, folder)
        if wrong and (name, wrong.rsplit(" at ")[-1]) not in found:
            told.keep.mkdir(parents=True, exist_ok=True)
            kept = told.keep / f"{name}-{inputs[name]}"
            kept.write_bytes(content)
            found[name, wrong.rsplit(" at ")[-1]] = kept
            print(f"{name}: {wrong}\n  python benchmarks/fuzz.py --again {kept} {name}", flush=True)
    for name, count in sorted(inputs.items()):
        print(f"{name:>12}  {count:>9,} inputs, {sum(one == name for one, _ in found):,} faults")
    return 1 if found else 0


if __name__ == "__main__":
    main()
