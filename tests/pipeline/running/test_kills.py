"""Killed at random moments, a run loses nothing and makes nothing twice. The long version is benchmarks/kills.py."""

import random
from pathlib import Path

import kills


def test_three_kills_of_the_driver(tmp_path: Path) -> None:
    kills.trial(tmp_path, kills=3, executor="inline", seeds=8, dice=random.Random(3))
