"""Shared fixtures. Numpy and torch run on one thread, so that tests are steady on a busy machine, and take no core of others.

What takes long to import is imported where it is used: of pytest-xdist the first process reads this file too, and runs no test.
"""

import atexit
import gc
import os
import random
import shutil
import signal
import sys
import tempfile
import threading
from collections.abc import Callable, Generator
from itertools import groupby
from pathlib import Path

import pytest
import yaml
from hypothesis import HealthCheck, settings
from ray_priority import RAY_PRIORITY

os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ["OMP_NUM_THREADS"] = "1"  # read when numpy and torch are loaded, here and in processes that tests start
os.environ["SEEDSCOPE_CACHE"] = tempfile.mkdtemp(prefix="seedscope-cache-")
atexit.register(shutil.rmtree, os.environ["SEEDSCOPE_CACHE"], ignore_errors=True)
os.environ.update(RAY_PRIORITY)
if threading.current_thread() is threading.main_thread():
    # A shell lets what it starts in the background ignore SIGINT, by which a lost lease and Ctrl-C are told.
    signal.signal(signal.SIGINT, signal.default_int_handler)
# By default, Hypothesis fails an example that takes 200 ms, and a test whose examples are drawn slowly.
settings.register_profile("any speed", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("any speed")


HERE = Path(__file__).parent
WAITS_MOST = ("jobs/submit", "pipeline/running", "jobs", "pipeline/storage")
"""Folders whose tests take longest and wait more than they compute: they start processes and clusters, and kill them."""


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--random-order", type=int, metavar="SEED", help="Shuffle the files, and the tests within each.")


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """What is loaded while tests are collected stays: to look through it for garbage takes a third of a second each time."""
    gc.disable()
    done = yield
    gc.collect()
    gc.freeze()
    gc.enable()
    return done


def pytest_runtest_setup() -> None:
    if torch := sys.modules.get("torch"):
        torch.set_num_threads(1)  # a test before may have run stages here, with more


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    seed = config.getoption("--random-order")
    files = [list(tests) for _, tests in groupby(items, key=lambda item: item.path)]
    if seed is None:
        files = among_others(files)
    else:
        order = random.Random(seed)
        order.shuffle(files)
        for tests in files:
            order.shuffle(tests)
    items[:] = [item for tests in files for item in tests]


def among_others(files: list[list[pytest.Item]]) -> list[list[pytest.Item]]:
    """The files that wait evenly among those that compute, so that of four processes one or two wait, and none at the end."""
    folders = [tests[0].path.parent.relative_to(HERE).as_posix() for tests in files]
    waiting = sorted(
        (place for place, folder in enumerate(folders) if folder in WAITS_MOST),
        key=lambda place: WAITS_MOST.index(folders[place]),
    )
    others = [place for place, folder in enumerate(folders) if folder not in WAITS_MOST]
    when = {place: 0.85 * i / len(waiting) for i, place in enumerate(waiting)}
    when |= {place: i / len(others) for i, place in enumerate(others)}
    return [files[place] for place in sorted(when, key=lambda place: when[place])]


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Folders of tiny random-weight models in published layouts: sd1, sd2, sdxl, sdxl_turbo."""
    import tiny_models

    root = tmp_path_factory.mktemp("models")
    for name in ("sd1", "sd2", "sdxl", "sdxl_turbo"):
        getattr(tiny_models, name)(root / name)
    return {name: root / name for name in ("sd1", "sd2", "sdxl", "sdxl_turbo")}


@pytest.fixture
def write_study(tmp_path: Path) -> Callable[..., Path]:
    """Write a small study file, with changes, and give its path."""

    def write(file: str = "study.yaml", **changes: object) -> Path:
        study: dict[str, object] = {
            "name": "small",
            "model": "sprout",
            "sampling": {"steps": 2, "guidance": {"scale": 2.0}},
            "compute": {"batch_size": 3, "device": "cpu"},
            "prompts": ["a red apple", "a cat on grass", "a blue car"],
            "seeds": "0-3",
            "unit": {"prompts": 2, "seeds": 2},
            "ranking": {"golden": 2},
        }
        path = tmp_path / file
        path.write_text(yaml.safe_dump(study | changes), encoding="utf-8")
        return path

    return write


@pytest.fixture
def imported(tmp_path: Path) -> Path:
    """The study file of a run of 4 prompts x 3 seeds of real pictures, of which one cell has none."""
    from imported_runs import imported_run

    return imported_run(tmp_path)
