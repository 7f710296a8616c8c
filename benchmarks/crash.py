"""Kill each command at each call by which it changes the disk, run it again, and compare with a run that nobody disturbed.

    python benchmarks/crash.py --every 5
    python benchmarks/crash.py --command run --command report
    python benchmarks/crash.py --power --command run --every 10
    python benchmarks/crash.py --command sweep --kills 10
    python benchmarks/crash.py --kills 3 --command identify --command "table guidance"

After each kill the same command must end with exit code 0 (or what an undisturbed one says), every cell once, all files byte
for byte as undisturbed but for the times and processes in them, no temporary left and no lock held. A shard that `verify`
takes back loses its receipt first; what a kill leaves of it the run that makes it anew must sweep. With --power the kill is a
power cut: see `power_cuts.py` for what it leaves of what was not synced.

A process in which all is imported forks for each run, so that a kill takes about a second. `masks`, which holds no run, and
commands that write nothing are left out.
"""

import argparse
import contextlib
import importlib
import json
import os
import random
import re
import shutil
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from crashed_commands import COMMANDS, INLINE, RUN, Change, Command, damaged, draw, write_study
from disk_calls import DiskCalls, killed_at
from power_cuts import DISKS, Disk, torn

from seedscope.jobs import cli
from seedscope.pipeline.storage.hashes import sha256_of
from seedscope.pipeline.storage.local import LocalStorage
from seedscope.pipeline.tables.sealed import CHECKSUM

TIMES = {"seconds", "compute_seconds", "finished", "process", "attempt", "made_at", "created", "date", CHECKSUM}
"""Keys of what two undisturbed runs do not have in common, and the checksum of a record that has these."""
TIMED = {"seconds", "cost", "less_best", "less_best_lo", "less_best_hi", "less_best_p"}
"""Columns that depend on times; the pages of the tables of diverse seeds and of guidance have them in words."""
TIMED_PAGES = {"table-diverse.json", "table-guidance.json", "table-guidance.png"}


When = Callable[[int], Sequence[int]]
"""Of so many calls, those at which something happens, from 1."""


@dataclass
class Tally:
    """What became of the kills of one command."""

    calls: int = 0
    kills: int = 0
    bad: int = 0


class Trials:
    """Commands that are killed and run again, below a folder of their own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder.resolve()
        self.place = self.folder / "place"  # of all commands: some write down where they were
        self._starts: dict[tuple[tuple[tuple[str, ...], ...], Change | None], Path] = {}

    def begin(self) -> None:
        """Import here what a run imports as it goes."""
        names = self.folder / "modules"
        self.forked(
            self._copy(self._start(()), self.place),
            COMMANDS["run"].arguments,
            done=lambda: names.write_text("\n".join(name for name in sys.modules if name.startswith(_HEAVY))),
        )
        for name in names.read_text().splitlines():
            with contextlib.suppress(ImportError):
                importlib.import_module(name)

    def kills(self, command: Command, when: When, told: Callable[[str], object]) -> Tally:
        """Kill a command at some of its calls."""
        start, calm, expected, calls = self._calm(command)
        tally = Tally(calls)
        for number in when(calls):
            place = self._copy(start, self.place)
            died = self.forked(
                place, command.arguments, watch=lambda n=number, p=place: DiskCalls(p, killed_at(n)).watch()
            )
            tally.kills += died < 0
            problems = self._again(place, command, calm, expected)
            tally.bad += bool(problems)
            for problem in problems:
                told(f"{command.name}, killed at call {number} of {calls}: {problem}")
        return tally

    def power_cuts(self, command: Command, when: When, told: Callable[[str], object]) -> Tally:
        """Cut the power at some of its calls, for each of the disks that may be found afterwards."""
        start, calm, expected, calls = self._calm(command)
        tally, images = Tally(calls), self.folder / "images"
        shutil.rmtree(images, ignore_errors=True)
        images.mkdir()
        place = self._copy(start, self.place)
        numbers = when(calls)
        self.forked(place, command.arguments, watch=lambda: _record(place, images, numbers))
        good = _contents(start, place)
        names = sorted(images.iterdir(), key=lambda path: (int(path.name.split("-")[0]), path.name))
        for image in names:
            tally.kills += 1
            shutil.rmtree(self.place)
            image.rename(self.place)
            problems = [*torn(self.place, good), *_without_shard(self.place / "run")]
            problems += self._again(self.place, command, calm, expected)
            tally.bad += bool(problems)
            for problem in problems:
                told(f"{command.name}, power cut before call {image.name}: {problem}")
        return tally

    def _again(self, place: Path, command: Command, calm: Path, expected: set[int]) -> list[str]:
        code = self.forked(place, command.arguments)
        said = [] if code in expected else [f"exit code {code}: {(place.parent / 'log.txt').read_text()[-300:]!r}"]
        return [*said, *self._but_uncommitted(place, command, differences(place, calm))]

    def _but_uncommitted(self, place: Path, command: Command, found: list[str]) -> list[str]:
        """What is found but for shards that were taken back and still lie there: the run that makes them anew sweeps them."""
        loose = _uncommitted(place) if command.change is damaged else []
        if not loose:
            return found
        code = self.forked(place, ("run", *RUN, *INLINE))
        said = [f"the run after it ends with exit code {code}"] if code else []
        said += [f"{name} is left over by the run after it" for name in _uncommitted(place)]
        return [*(each for each in found if each not in [f"{name} is left over" for name in loose]), *said]

    def _calm(self, command: Command) -> tuple[Path, Path, set[int], int]:
        """Where the command starts, where an undisturbed one ends, its exit codes, and how many calls it makes."""
        start = self._copy(self._start(command.before, command.first), self.folder / "start")
        if command.change is not None:
            command.change(start)
        place, calm, count = self._copy(start, self.place), self.folder / "calm", self.folder / "count"
        calls: list[DiskCalls] = []

        def watch() -> None:
            calls.append(DiskCalls(place, lambda *_: None))
            calls[0].watch()

        code = self.forked(place, command.arguments, watch=watch, done=lambda: count.write_text(str(calls[0].count)))
        self._move(place, calm)
        # What was taken back before a kill is not found again.
        allowed = {code, 0} if command.change is damaged else {0}
        if code not in allowed or (code and command.change is not damaged):
            raise RuntimeError(f"{command.name} fails undisturbed: {(self.folder / 'log.txt').read_text()[-2000:]}")
        return start, calm, allowed, int(count.read_text())

    def _start(self, before: tuple[tuple[str, ...], ...], first: Change | None = None) -> Path:
        """A folder with a study and pictures in which some commands have been run."""
        if (before, first) not in self._starts:
            if not before:
                shutil.rmtree(self.place, ignore_errors=True)
                self.place.mkdir()
                write_study(self.place)
                draw(self.place, range(6))
                if first is not None:
                    first(self.place)
            elif code := self.forked(self._copy(self._start(before[:-1], first), self.place), before[-1]):
                raise RuntimeError(f"{before[-1]}: exit code {code}: {(self.folder / 'log.txt').read_text()[-2000:]}")
            self._starts[before, first] = self._move(self.place, self.folder / f"start-{len(self._starts)}")
        return self._starts[before, first]

    def _move(self, place: Path, to: Path) -> Path:
        shutil.rmtree(to, ignore_errors=True)
        return place.rename(to)

    def _copy(self, start: Path, place: Path) -> Path:
        shutil.rmtree(place, ignore_errors=True)
        return Path(shutil.copytree(start, place))

    def forked(
        self,
        place: Path,
        arguments: Sequence[str],
        watch: Callable[[], object] | None = None,
        done: Callable[[], object] | None = None,
    ) -> int:
        """Run a command in a process forked from this one; its exit code, negative if it was killed."""
        process = os.fork()
        if not process:
            os._exit(_command(place, self.folder / "log.txt", arguments, watch, done))
        return os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])


_HEAVY = (
    "seedscope",
    "diffusers",
    "transformers",
    "torch",
    "PIL",
    "scipy",
    "sklearn",
    "pyarrow",
    "torchvision",
    "rich",
)


def _command(
    place: Path,
    log: Path,
    arguments: Sequence[str],
    watch: Callable[[], object] | None,
    done: Callable[[], object] | None,
) -> int:
    """What a forked process does."""
    said = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
    os.dup2(said, 1)
    os.dup2(said, 2)
    os.chdir(place)
    sys.argv = ["seedscope", *arguments]
    code: object = 0
    try:
        if watch is not None:
            watch()
        cli.main()
    except SystemExit as ended:
        code = ended.code or 0
    except BaseException:  # noqa: BLE001  (a forked process must not go on as its parent)
        traceback.print_exc()
        code = 99
    if done is not None:
        done()
    sys.stdout.flush()
    return code if isinstance(code, int) else 98


def _record(place: Path, images: Path, numbers: Sequence[int]) -> None:
    disk = Disk(place)

    def before(number: int, name: str, path: str) -> None:
        if number in numbers:
            for kind in DISKS:
                disk.after(kind, images / f"{number}-{kind}")
        disk.called(name, path)

    DiskCalls(place, before).watch()


def differences(place: Path, calm: Path) -> list[str]:
    """In what a folder differs from that of an undisturbed run, but for times: a sentence each."""
    here, there = _files(place), _files(calm)
    found = [f"{name} is missing" for name in sorted(there - here)]
    found += [f"{name} is left over" for name in sorted(here - there)]
    found += [f"{name} differs" for name in sorted(here & there) if not _same(place / name, calm / name)]
    if holder := LocalStorage(place / "run").holder():
        found.append(f"the run is held by {holder}")
    return [*found, *_without_shard(place / "run")]


def _files(place: Path) -> set[str]:
    """All files but the locks, the index of receipts, which is a cache, and the look at the first pictures, which is of who
    drew them."""
    files = (file for file in place.rglob("*") if file.is_file())
    return {
        file.relative_to(place).as_posix()
        for file in files
        if not file.name.startswith(".lock") and file.name not in (".index.parquet", "first_pictures.png")
    }


def _same(one: Path, other: Path) -> bool:
    if one.name in TIMED_PAGES or one.suffix == ".pt" or one.read_bytes() == other.read_bytes():
        return True  # what was learnt (.pt) says how long that took
    if one.suffix == ".json":
        return _timeless(json.loads(one.read_bytes())) == _timeless(json.loads(other.read_bytes()))
    if one.suffix == ".parquet":
        here, there = (pq.read_table(file) for file in (one, other))
        return bool(here.drop_columns(_timed(here)).equals(there.drop_columns(_timed(there))))
    if one.suffix == ".html":
        seconds = re.compile(rb"[\d.,]+ (s|ms|seconds|min)\b|\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d)?")
        return seconds.sub(b"", one.read_bytes()) == seconds.sub(b"", other.read_bytes())
    return False


def _timed(table: pa.Table) -> list[str]:
    return [name for name in table.column_names if name in TIMED]


def _timeless(value: object) -> object:
    if isinstance(value, dict):
        return {key: _timeless(item) for key, item in value.items() if key not in TIMES}
    return [_timeless(item) for item in value] if isinstance(value, list) else value


def _without_shard(run: Path) -> Iterator[str]:
    """Receipts whose shard is missing or has other bytes."""
    for file in sorted(run.rglob("receipts/*/[!.]*.json")):
        receipt = json.loads(file.read_bytes() or b"{}")
        shard = file.parents[2] / file.parent.name / (receipt.get("shard") or f"{file.stem}.parquet")
        if not shard.exists() or sha256_of(shard) != receipt.get("sha256"):
            yield f"{file.relative_to(run)} has no whole shard"


def _uncommitted(place: Path) -> list[str]:
    """Shards that no receipt names."""
    found = []
    for receipts in sorted(place.glob("run/receipts/*")):
        records = [(file.stem, json.loads(file.read_bytes())) for file in receipts.glob("[!.]*.json")]
        named = {record.get("shard") or f"{unit}.parquet" for unit, record in records}
        shards = sorted((place / "run" / receipts.name).glob("*.parquet"))
        found += [file for file in shards if file.name not in named]
    return [file.relative_to(place).as_posix() for file in found]


def _contents(*places: Path) -> Mapping[str, set[bytes]]:
    """What each visible file was, and has become; not what is in hidden folders."""
    found: dict[str, set[bytes]] = {}
    for place in places:
        for name in _files(place):
            if "/." not in f"/{name}":
                found.setdefault(name, set()).add((place / name).read_bytes())
    return found


def _every(step: int, calls: int) -> Sequence[int]:
    return range(1, calls + 1, step)


def _at_random(kills: int, seed: int, calls: int) -> Sequence[int]:
    """One in each of as many equal parts."""
    within = random.Random(seed)
    return [1 + int((number + within.random()) * calls / kills) for number in range(kills)]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--command", action="append", choices=list(COMMANDS), help="only this one; may be repeated")
    parser.add_argument("--every", type=int, default=1, help="kill at every so manieth call")
    parser.add_argument("--kills", type=int, help="kill at so many calls of chance, in place of --every")
    parser.add_argument("--seed", type=int, default=0, help="of --kills: other calls")
    parser.add_argument("--power", action="store_true", help="cut the power in place of killing")
    options = parser.parse_args()
    when = partial(_at_random, options.kills, options.seed) if options.kills else partial(_every, options.every)
    os.environ |= {"OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"}
    with tempfile.TemporaryDirectory() as folder:
        trials = Trials(Path(folder))
        trials.begin()
        print(
            f"{'command':<14} {'calls':>6} {'cuts' if options.power else 'kills':>6} {'bad':>4} {'seconds':>8}",
            flush=True,
        )
        bad = 0
        for name in options.command or COMMANDS:
            began = time.monotonic()
            try_all = trials.power_cuts if options.power else trials.kills
            found = try_all(COMMANDS[name], when, lambda text: print(text, flush=True))
            bad += found.bad
            print(
                f"{name:<14} {found.calls:>6} {found.kills:>6} {found.bad:>4} {time.monotonic() - began:>8.0f}",
                flush=True,
            )
    return int(bad > 0)


if __name__ == "__main__":
    sys.exit(main())
