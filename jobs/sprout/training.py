"""A training loop with a budget: checkpointed, resumable after a kill, its learning rate scheduled by the share used.

Nothing random is kept between steps: a loss draws what it needs from `step_generator(seed, step)` and picks its data by
(seed, step) alone, so a run that was killed goes on as if it had not been. With a budget in steps the end is the same
to the bit; with one in minutes the schedule follows the clock.

The work is shared by single-threaded processes that average their gradients once a step. On a busy machine threads that
meet after every operation wait for each other most of the time; processes that meet once a step do not.
"""

import argparse
import json
import math
import os
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import torch
from torch import Tensor, distributed, nn
from torch.multiprocessing.spawn import spawn

from seedscope.jobs.sprout.muon import Muon

EMA_STEPS = 4  # the running mean of the weights is taken every so many steps
SAVE_SECONDS = 120


@dataclass(frozen=True)
class Budget:
    """How long to train: in minutes, or (for a run that must end in the same place) in steps. Exactly one is given."""

    minutes: float | None = None
    steps: int | None = None

    def __post_init__(self) -> None:
        if (self.minutes is None) == (self.steps is None):
            raise ValueError("Give a budget either in minutes or in steps.")

    def progress(self, step: int, seconds: float) -> float:
        """Share of the budget used, 0 at the start; 1 or more means stop."""
        if self.steps is not None:
            return step / self.steps
        assert self.minutes is not None
        return seconds / (60 * self.minutes)


@dataclass(frozen=True)
class Recipe:
    """Optimiser settings.

    The rate warms up over `warmup` steps, holds until the share `hold` of the budget, then falls as a cosine to `floor`
    of its peak.
    """

    peak_rate: float
    warmup: int = 200
    hold: float = 0.4
    floor: float = 0.01
    betas: tuple[float, float] = (0.9, 0.99)
    weight_decay: float = 1e-3
    clip: float = 1.0
    ema: float = 0.999
    muon_factor: float = 0.0  # Muon's rate in terms of Adam's; 0: Adam for every weight

    def rate(self, step: int, progress: float) -> float:
        """Learning rate at a step, given the share of the budget used (0..1)."""
        fallen = min(1.0, max(0.0, (progress - self.hold) / (1 - self.hold)))
        share = self.floor + (1 - self.floor) * 0.5 * (1 + math.cos(math.pi * fallen))
        return self.peak_rate * min(1.0, (step + 1) / self.warmup) * share

    def ema_decay(self, step: int) -> float:
        """Decay of the running mean of the weights; short memory at first, so that it forgets the start."""
        return min(self.ema, (1 + step) / (10 + step))


class Task(Protocol):
    """What is trained: models, and the loss of one worker's share of a step's batch."""

    recipe: Recipe

    def models(self) -> Mapping[str, nn.Module]:
        """The trained models by name; every worker builds the same ones."""
        ...

    def loss(self, step: int, progress: float, rank: int, workers: int) -> Tensor:
        """Scalar loss of the rows rank, rank + workers, ... of the batch of this step; progress in 0..1."""
        ...


def step_generator(seed: int, step: int) -> torch.Generator:
    """The source of all randomness of one step."""
    return torch.Generator().manual_seed((seed << 40) + step)


def train(build: Callable[[], Task], budget: Budget, folder: Path, workers: int = 2) -> None:
    """Train until the budget is used; leave `folder/checkpoint.pt` and `folder/log.jsonl`.

    build: called once in every worker; importable by name, or a `functools.partial` of such a function. A checkpoint
    found in `folder` is gone on from; the budget counts the time and the steps of all sittings together.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as meeting:
        arguments = (workers, f"file://{meeting}/point", build, budget, folder, os.getpid())
        spawn(_work, arguments, nprocs=workers)  # type: ignore[no-untyped-call]  # torch leaves it so


def command_line(doc: str | None, folder: Path | None, *, workers: int = 2, seed: int = 0) -> argparse.ArgumentParser:
    """What the command of every training takes: a budget, a seed, workers, and a folder for its checkpoint and log."""
    parser = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, help="budget in minutes, over all sittings")
    parser.add_argument("--steps", type=int, help="budget in steps instead, for a run that ends in the same place")
    parser.add_argument("--seed", type=int, default=seed)
    parser.add_argument("--workers", type=int, default=workers, help="single-threaded processes that share each step")
    parser.add_argument("--folder", type=Path, default=folder, help="checkpoint, log, and what goes with them")
    return parser


def load_means(path: Path, models: Mapping[str, nn.Module]) -> int:
    """Put a checkpoint's running mean of the weights into `models`, and say after how many steps it was taken."""
    state = torch.load(path, weights_only=True, mmap=True)
    for name, model in models.items():
        model.load_state_dict(state["models"][name])
    with torch.no_grad():
        for parameter, mean in zip(_parameters(models), state["means"], strict=True):
            parameter.copy_(mean)
    return int(state["step"])


def _work(
    rank: int, workers: int, meeting: str, build: Callable[[], Task], budget: Budget, folder: Path, parent: int
) -> None:
    torch.set_num_threads(1)
    distributed.init_process_group("gloo", init_method=meeting, rank=rank, world_size=workers)
    torch.manual_seed(0)
    task = build()
    run = _Run(task.models(), task.recipe, folder / "checkpoint.pt")
    run.restore()
    saved, began, smooth = run.seconds, time.monotonic() - run.seconds, math.nan
    while (progress := budget.progress(run.step, run.seconds)) < 1 and _agree(os.getppid() == parent):
        torch.manual_seed((run.step << 8) + rank)  # for layers that draw by themselves, such as dropout
        loss = task.loss(run.step, progress, rank, workers)
        value = run.advance(loss, progress, workers, keep_means=rank == 0)
        smooth = value if math.isnan(smooth) else 0.98 * smooth + 0.02 * value
        run.seconds = _agree(time.monotonic() - began)
        if rank == 0 and run.step % 100 == 0:
            rate = task.recipe.rate(run.step, progress)
            entry = {"step": run.step, "seconds": round(run.seconds), "loss": round(smooth, 5), "rate": round(rate, 8)}
            with (folder / "log.jsonl").open("a") as log:
                log.write(json.dumps(entry) + "\n")
            print(json.dumps(entry), flush=True)
        if rank == 0 and run.seconds - saved > SAVE_SECONDS:
            run.save()
            saved = run.seconds
    if rank == 0:
        run.save()
    distributed.destroy_process_group()


def _agree(value: float) -> float:
    """The first worker's value (its clock, or whether to go on), for all: they stop at the same step."""
    agreed = torch.tensor(value, dtype=torch.float64)
    distributed.broadcast(agreed, src=0)
    return float(agreed)


def _parameters(models: Mapping[str, nn.Module]) -> list[Tensor]:
    return [p for name in sorted(models) for p in models[name].parameters() if p.requires_grad]


def _inner_matrices(models: Mapping[str, nn.Module]) -> set[Tensor]:
    """Weights that map features to features: not the embeddings, nor a model's first and last layer."""
    named = (pair for model in models.values() for pair in model.named_parameters())
    outer = ("embedding.weight", "conv_in.weight", "conv_out.weight")
    return {weight for name, weight in named if weight.ndim >= 2 and not name.endswith(outer)}


class _Run:
    """The state of a training: weights, their running means, the optimiser, steps done and seconds used."""

    def __init__(self, models: Mapping[str, nn.Module], recipe: Recipe, path: Path) -> None:
        self.models, self.recipe, self.path = models, recipe, path
        self.parameters = _parameters(models)
        self.means = [p.detach().clone() for p in self.parameters]
        inner = _inner_matrices(models) if recipe.muon_factor else set()
        self.muon = Muon([p for p in self.parameters if p in inner], recipe.weight_decay)
        self.others = [p for p in self.parameters if p not in inner]
        self.optimiser = torch.optim.AdamW(
            self.others, recipe.peak_rate, recipe.betas, weight_decay=recipe.weight_decay, fused=True
        )
        self.step, self.seconds = 0, 0.0

    def advance(self, loss: Tensor, progress: float, workers: int, *, keep_means: bool) -> float:
        """One step down the gradient averaged over the workers; the worker's own loss."""
        rate = self.recipe.rate(self.step, progress)
        for group in self.optimiser.param_groups:
            group["lr"] = rate
        for parameter in self.parameters:
            parameter.grad = None
        loss.backward()  # type: ignore[no-untyped-call]
        gradients = [p.grad if p.grad is not None else torch.zeros_like(p) for p in self.parameters]
        flat = torch.cat([g.flatten() for g in gradients]).div_(workers)
        distributed.all_reduce(flat)
        flat.mul_(min(1.0, self.recipe.clip / (float(flat.norm()) + 1e-6)))
        parts = torch.split(flat, [p.numel() for p in self.parameters])
        for parameter, part in zip(self.parameters, parts, strict=True):
            parameter.grad = part.view_as(parameter)
        self.optimiser.step()
        if self.muon.weights:
            moved = [weight.grad for weight in self.muon.weights]
            self.muon.step([gradient for gradient in moved if gradient is not None], rate * self.recipe.muon_factor)
        self.step += 1
        if keep_means and self.step % EMA_STEPS == 0:
            with torch.no_grad():
                torch._foreach_lerp_(self.means, self.parameters, 1 - self.recipe.ema_decay(self.step) ** EMA_STEPS)
        return loss.item()

    def save(self) -> None:
        state = {
            "models": {name: model.state_dict() for name, model in self.models.items()},
            "means": self.means,
            "optimiser": self.optimiser.state_dict(),
            "momentum": self.muon.momentum,
            "step": self.step,
            "seconds": self.seconds,
        }
        scratch = self.path.with_suffix(".partial")
        torch.save(state, scratch)
        scratch.replace(self.path)

    def restore(self) -> None:
        """Go on from the checkpoint, if there is one."""
        if not self.path.exists():
            return
        state = torch.load(self.path, weights_only=True)
        for name, model in self.models.items():
            model.load_state_dict(state["models"][name])
        kept = [*state["means"], *state["momentum"]]
        for tensor, value in zip([*self.means, *self.muon.momentum], kept, strict=True):
            tensor.copy_(value)
        self.optimiser.load_state_dict(state["optimiser"])
        self.step, self.seconds = int(state["step"]), float(state["seconds"])
