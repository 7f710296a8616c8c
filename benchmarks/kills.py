"""Kill `seedscope generate` at random moments, again and again, then let it finish: is every picture there once, unchanged?

    python benchmarks/kills.py --kills 20

Half of the kills hit the driver, half a worker (SIGKILL, both). The moment is random: while Ray and the models start, or
while units are drawn and published. An undisturbed run of the same study is the measure.
"""

import argparse
import hashlib
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pyarrow.parquet as pq
import yaml

STUDY = {
    "name": "kills",
    "model": "sprout",
    "sampling": {"steps": 4, "guidance": {"scale": 3.0}},
    "compute": {"batch_size": 4, "device": "cpu"},
    "prompts": [{"grid": {"objects": ["apple", "cat", "car", "duck"], "modifiers": ["a {object}", "a red {object}"]}}],
    "unit": {"prompts": 2, "seeds": 2},
}


@dataclass
class Victim:
    """One run of `seedscope generate` in a process of its own: a `subprocess.Popen`, or what can be killed and waited for as
    one."""

    process: Any

    @classmethod
    def start(cls, study: Path, out: Path, executor: str, log: Path) -> "Victim":
        line = [sys.executable, "-m", "seedscope", *command(study, out, executor)]
        with log.open("ab") as file:
            return cls(subprocess.Popen(line, stdout=file, stderr=file, stdin=subprocess.DEVNULL))

    def workers(self) -> list[psutil.Process]:
        """Ray's worker processes that hold a stage: Ray names a process after its actor."""
        try:
            below = psutil.Process(self.process.pid).children(recursive=True)
            return [found for found in below if found.cmdline()[:1] and "ray::Worker" in found.cmdline()[0]]
        except psutil.NoSuchProcess:
            return []

    def wait(self) -> int:
        return self.process.wait(timeout=600)


Start = Callable[[Path, Path, str, Path], Victim]
"""Study, run folder, executor, log -> a run that has begun."""


def command(study: Path, out: Path, executor: str) -> list[str]:
    return ["generate", str(study), "--out", str(out), "--executor", executor, "--threads", "1"]


def published(out: Path) -> int:
    return len(list(out.glob("receipts/images-*/*.json")))


def disturb(begin: Callable[[], Victim], out: Path, whom: str, dice: random.Random) -> str:
    """Begin a run, kill the driver or a worker at a random moment, and say what happened."""
    before = published(out)
    victim = begin()
    early = dice.random() < 0.2
    deadline = time.monotonic() + (dice.uniform(0.0, 8.0) if early else 120.0)
    while victim.process.poll() is None and time.monotonic() < deadline and published(out) == before:
        time.sleep(0.01)
    if not early:
        time.sleep(dice.uniform(0.0, 1.0))
    if victim.process.poll() is not None:
        return "ended before it was killed"
    if whom == "worker" and (workers := victim.workers()):
        os.kill(dice.choice(workers).pid, signal.SIGKILL)
        time.sleep(dice.uniform(0.0, 2.0))
        # The driver replaces the worker and goes on; then it dies as well, to leave work for the next kill.
        if victim.process.poll() is None:
            victim.process.kill()
        victim.wait()
        return f"worker, then driver killed after {published(out) - before} units"
    victim.process.kill()
    victim.wait()
    return f"driver killed {'at its start' if early else f'after {published(out) - before} units'}"


def content(out: Path) -> dict[str, str]:
    """Name -> sha256 of every shard, found by name, as a stranger would."""
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in out.glob("images-*/*.parquet")}


def cells(out: Path) -> list[tuple[str, int]]:
    rows = [row for path in out.glob("images-*/*.parquet") for row in pq.read_table(path).to_pylist()]
    return [(row["prompt_id"], row["seed"]) for row in rows]


def written(folder: Path, seeds: int) -> Path:
    """The study file."""
    study = folder / "study.yaml"
    study.write_text(yaml.safe_dump(STUDY | {"seeds": f"0-{seeds - 1}"}))
    return study


def trial(
    study: Path, calm: Path, kills: int, executor: str, seeds: int, dice: random.Random, start: Start = Victim.start
) -> None:
    """The whole experiment beside an undisturbed run; raises AssertionError where a cell is missing, doubled, or changed."""
    log, stormy = study.with_name("log.txt"), study.with_name("stormy")
    for kill in range(kills):
        whom = "worker" if kill % 2 and executor == "ray" else "driver"
        said = disturb(lambda: start(study, stormy, executor, log), stormy, whom, dice)
        print(f"{kill + 1:3d}  {said}", flush=True)
    assert start(study, stormy, executor, log).wait() == 0, log.read_text()[-2000:]
    expected = 8 * seeds
    found = cells(stormy)
    assert len(found) == len(set(found)) == expected, f"{len(found)} rows, {len(set(found))} cells of {expected}"
    assert content(stormy) == content(calm), "some shards differ from the undisturbed run"
    assert not list(stormy.glob("images-*/.scratch/*")), "scratch files were left"
    print(
        f"{kills} kills: {expected} cells, each exactly once; {len(content(calm))} shards byte for byte as undisturbed"
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--executor", choices=["ray", "inline"], default="ray")
    parser.add_argument("--seeds", type=int, default=60)
    parser.add_argument("--dice", type=int, default=1, help="seed of the random moments")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        study, calm = written(Path(temporary), options.seeds), Path(temporary) / "calm"
        code = Victim.start(study, calm, options.executor, study.with_name("log.txt")).wait()
        assert code == 0, study.with_name("log.txt").read_text()[-2000:]
        trial(study, calm, options.kills, options.executor, options.seeds, random.Random(options.dice))
