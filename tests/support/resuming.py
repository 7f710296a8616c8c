"""Check that a training that was stopped and gone on with ends in the same bytes as one that never stopped."""

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import torch
from torch import Tensor, distributed

from seedscope.jobs.sprout.training import Task, _Run

STEPS, STOP = 3, 1


def ends_where_a_whole_run_does(build: Callable[[], Task], folder: Path) -> bool:
    """Train a task twice for STEPS steps, once with a stop after STOP of them, and compare all weights and means."""
    with _alone():
        whole = _advanced(build, folder / "whole.pt", STEPS)
        _advanced(build, folder / "stopped.pt", STOP).save()
        resumed = _advanced(build, folder / "stopped.pt", STEPS)
    moved = any(not torch.equal(a, b) for a, b in zip(whole.parameters, whole.means, strict=True))
    return moved and all(torch.equal(a, b) for a, b in zip(_state(whole), _state(resumed), strict=True))


def _advanced(build: Callable[[], Task], path: Path, until: int) -> _Run:
    torch.manual_seed(0)
    task = build()
    run = _Run(task.models(), task.recipe, path)
    run.restore()
    while run.step < until:
        progress = run.step / STEPS
        run.advance(task.loss(run.step, progress, 0, 1), progress, workers=1, keep_means=True)
    return run


def _state(run: _Run) -> list[Tensor]:
    buffers = [buffer for model in run.models.values() for buffer in model.buffers()]
    return [*run.parameters, *run.means, *run.muon.momentum, *buffers]


@contextmanager
def _alone() -> Iterator[None]:
    """A process group of one worker."""
    with tempfile.TemporaryDirectory() as meeting:
        distributed.init_process_group("gloo", init_method=f"file://{meeting}/point", rank=0, world_size=1)
        try:
            yield
        finally:
            distributed.destroy_process_group()
