"""Files of strangers, changed at random: each ends in a result or in a sentence, soon and in little memory.

    python benchmarks/fuzz.py --minutes 10

Every parser of what other people write starts from valid examples (tests/support/foreign_files.py, foreign_parquet.py), whose
bytes and values are changed: cut out, doubled, swapped, replaced by what has broken parsers before. Each input has 5 seconds
and 1 GB. What takes more, ends in another exception than those meant for people, or ends the process (Parquet is read in
processes of its own), is kept under --keep, to be read again by `--again FILE PARSER`.
"""

import argparse
import random
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import FrameType

sys.path.insert(0, str(Path(__file__).parent.parent / "tests" / "support"))
import foreign_files
import foreign_parquet
from faults import SECONDS, fault, faults_apart

PARSERS = foreign_files.PARSERS | foreign_parquet.PARSERS


BATCH = 50
"""Inputs of one parser after the other: what may end its process has one for so many."""


class TooSlow(BaseException):
    """An input took longer than it may."""


def _late(_signal: int, _frame: FrameType | None) -> None:
    raise TooSlow


def tried(name: str, contents: Sequence[bytes], folder: Path) -> Iterator[tuple[bytes, str]]:
    """The inputs that a parser takes wrongly, and what is wrong."""
    if name in foreign_parquet.PARSERS:
        yield from faults_apart(PARSERS[name], contents, folder)
        return
    for content in contents:
        if wrong := _here(name, content, folder):
            yield content, wrong


def _here(name: str, content: bytes, folder: Path) -> str | None:
    signal.setitimer(signal.ITIMER_REAL, SECONDS)
    try:
        return fault(PARSERS[name], content, folder)
    except TooSlow:
        return f"took more than {SECONDS} seconds"
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


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
            file, name = told.again
            sys.exit(next((wrong for _, wrong in tried(name, [Path(file).read_bytes()], Path(place))), None))
        sys.exit(_run(told, Path(place)))


def _run(told: argparse.Namespace, folder: Path) -> int:
    drawn = random.Random(told.seed)
    end, inputs, found = time.monotonic() + 60 * told.minutes, Counter[str](), set[tuple[str, str]]()
    while time.monotonic() < end:
        name = drawn.choice(told.parsers)
        parser = PARSERS[name]
        for content, wrong in tried(name, [parser.change(drawn, parser.examples) for _ in range(BATCH)], folder):
            kind = name, wrong.rsplit(" at ")[-1]
            if kind in found:
                continue
            found.add(kind)
            told.keep.mkdir(parents=True, exist_ok=True)
            kept = told.keep / f"{name}-{inputs[name]}-{len(found)}"
            kept.write_bytes(content)
            print(f"{name}: {wrong}\n  python benchmarks/fuzz.py --again {kept} {name}", flush=True)
        inputs[name] += BATCH
    for name, count in sorted(inputs.items()):
        print(f"{name:>12}  {count:>9,} inputs, {sum(one == name for one, _ in found):,} faults")
    return 1 if found else 0


if __name__ == "__main__":
    main()
