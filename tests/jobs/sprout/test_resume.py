"""A training that dies between two checkpoints ends, when it is started again, in the bytes of one that did not die."""

import os
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from seedscope.jobs.sprout import training
from seedscope.jobs.sprout.training import Budget, Recipe, step_generator

STEPS, DIES_AT = 12, 7


class Killed(BaseException):
    """Stands for a signal: nothing of the training may catch it."""


class DropoutTask:
    """A network whose layers draw random numbers by themselves, and a loss that may die."""

    recipe = Recipe(peak_rate=0.05, warmup=2, hold=0.5, muon_factor=2.0)

    def __init__(self, dies_at: int | None) -> None:
        self.dies_at = dies_at
        self.net = nn.Sequential(nn.Linear(4, 8), nn.Dropout(0.5), nn.Linear(8, 2))

    def models(self) -> dict[str, nn.Module]:
        return {"net": self.net}

    def loss(self, step: int, progress: float, rank: int, workers: int) -> Tensor:
        del progress, rank, workers
        if step == self.dies_at:
            raise Killed
        loss: Tensor = self.net(torch.randn(6, 4, generator=step_generator(0, step))).square().mean()
        return loss


def work(folder: Path, dies_at: int | None) -> None:
    """The body of one worker, in this process."""
    folder.mkdir(exist_ok=True)
    meeting = folder / f"meeting-{dies_at}"
    try:
        training._work(
            0, 1, f"file://{meeting}", lambda: DropoutTask(dies_at), Budget(steps=STEPS), folder, os.getppid()
        )
    finally:
        if torch.distributed.is_initialized():
            torch.distributed.destroy_process_group()


@pytest.mark.parametrize("seconds", [0.0, 1e9])
def test_a_training_that_dies_ends_in_the_same_bytes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seconds: float
) -> None:
    """With a checkpoint after every step, and with none before the death."""
    monkeypatch.setattr(training, "SAVE_SECONDS", seconds)
    work(tmp_path / "undisturbed", None)
    with pytest.raises(Killed):
        work(tmp_path / "killed", DIES_AT)
    assert (tmp_path / "killed" / "checkpoint.pt").exists() == (seconds == 0)
    work(tmp_path / "killed", None)
    whole, resumed = (
        torch.load(tmp_path / name / "checkpoint.pt", weights_only=True) for name in ("undisturbed", "killed")
    )
    assert whole["step"] == resumed["step"] == STEPS
    for name, weight in whole["models"]["net"].items():
        assert torch.equal(weight, resumed["models"]["net"][name])
    for mean, other in zip(whole["means"], resumed["means"], strict=True):
        assert torch.equal(mean, other)
