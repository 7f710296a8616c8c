"""Killed at random moments, a run loses nothing and makes nothing twice. The long version is benchmarks/kills.py."""

import random
from pathlib import Path

import kills
from commands import command
from forks import seedscope

SEEDS = 6


def start(study: Path, out: Path, executor: str, log: Path) -> kills.Victim:
    return kills.Victim(seedscope(log, *kills.command(study, out, executor)))


def test_three_kills_of_the_driver(tmp_path: Path) -> None:
    study, calm = kills.written(tmp_path, SEEDS), tmp_path / "calm"
    done = command(*kills.command(study, calm, "inline"))
    assert done.returncode == 0, done.stderr
    kills.trial(study, calm, 3, "inline", SEEDS, random.Random(3), start)
