"""Training within so many seconds: stopped or killed, it goes on where it was."""

from __future__ import annotations

import math
import pickle
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch.nn.functional import cross_entropy

from seedscope.analysis.experiments.identify.network import SeedClassifier, groups_of_weights
from seedscope.pipeline.storage.local import replacing

Labels = npt.NDArray[np.int64]
Places = npt.NDArray[np.intp]
SAVED_EVERY = 30.0
BATCHES, SMALLEST, LARGEST = 40, 32, 128
"""Steps of an epoch at least, as long as that leaves a batch as many pictures as the smallest one has."""
RATE, WARM, DECAY, SMOOTHING = 3e-3, 0.1, 0.02, 0.1
"""Of AdamW: its largest step size, the share of the training until that is reached, decay of weights; and label smoothing."""


@dataclass(frozen=True)
class Budget:
    """seconds: of training. epochs: at most so often is each picture seen."""

    seconds: float
    epochs: float = 60.0


class Training:
    """Teaches a classifier the seeds of pictures; what has been learnt lies in a file.

    Args:
        network: new, on the device.
        pixels: (P, S, H, W, 3) uint8, which may be a file.
        prompts: places of the prompts to learn from.
        labels: (P, S), what the seed of each picture is called: its place, or one that was shuffled.
        file: where the state is kept.
        made_from: identifies all of this; a state of something else is not gone on with.
    """

    def __init__(
        self,
        network: SeedClassifier,
        pixels: npt.NDArray[np.uint8],
        prompts: Places,
        labels: Labels,
        file: Path,
        made_from: str,
    ) -> None:
        self._network, self._pixels, self._file, self._made_from = network, pixels, file, made_from
        self._cells = np.stack(np.meshgrid(prompts, np.arange(pixels.shape[1]), indexing="ij"), -1).reshape(-1, 2)
        self._labels = labels
        self._device = next(network.parameters()).device
        self._optimizer = torch.optim.AdamW(groups_of_weights(network), lr=RATE, weight_decay=DECAY)
        self.seconds, self.seen = 0.0, 0
        self._restore()

    @property
    def epochs(self) -> float:
        """How often each picture has been seen."""
        return self.seen / len(self._cells)

    def progress(self, budget: Budget) -> float:
        """0 to 1."""
        return min(1.0, max(self.seconds / budget.seconds, self.epochs / budget.epochs))

    def run(self, budget: Budget, told: Callable[[float], object] = lambda _: None) -> None:
        """Go on until the budget is used up; the state is kept at the end, and every half a minute.

        Args:
            told: is called with the progress, 0 to 1, after each batch.
        """
        self._network.train()
        saved, last = time.monotonic(), time.monotonic()
        while (progress := self.progress(budget)) < 1.0:
            self._learn(self._next(), progress)
            now = time.monotonic()
            self.seconds, last = self.seconds + now - last, now
            told(self.progress(budget))
            if now - saved > SAVED_EVERY:
                self._save()
                saved = time.monotonic()
        self._save()
        self._network.eval()

    def _learn(self, cells: Places, progress: float) -> None:
        rate = RATE * min(progress / WARM, 1.0) * 0.5 * (1 + math.cos(math.pi * progress)) + RATE / 1000
        for group in self._optimizer.param_groups:
            group["lr"] = rate * group["factor"]
        logits = self._network(as_input(self._pixels[cells[:, 0], cells[:, 1]], self._device))
        labels = torch.from_numpy(self._labels[cells[:, 0], cells[:, 1]]).to(self._device)
        loss = cross_entropy(logits, labels, label_smoothing=SMOOTHING)
        self._optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        self._optimizer.step()

    def _next(self) -> Places:
        """The next pictures of an order that is drawn anew for each epoch."""
        batch = min(LARGEST, max(SMALLEST, len(self._cells) // BATCHES))
        epoch, at = divmod(self.seen, len(self._cells))
        order = np.random.default_rng([epoch]).permutation(len(self._cells))
        some = order[at : at + batch]
        self.seen += len(some)
        return self._cells[np.sort(some)]

    def _save(self) -> None:
        self._file.parent.mkdir(parents=True, exist_ok=True)
        state = {
            "made_from": self._made_from,
            "network": self._network.state_dict(),
            "optimizer": self._optimizer.state_dict(),
            "seconds": self.seconds,
            "seen": self.seen,
        }
        with replacing(self._file) as scratch:
            torch.save(state, scratch)

    def _restore(self) -> None:
        try:
            state: dict[str, Any] = torch.load(self._file, map_location=self._device, weights_only=True)
        except (OSError, RuntimeError, EOFError, ValueError, pickle.UnpicklingError):
            return
        if state.get("made_from") != self._made_from:
            return
        self._network.load_state_dict(state["network"])
        self._optimizer.load_state_dict(state["optimizer"])
        self.seconds, self.seen = state["seconds"], state["seen"]


def as_input(pictures: npt.NDArray[np.uint8], device: torch.device) -> torch.Tensor:
    """(N, H, W, 3) uint8 -> (N, 3, H, W) uint8 on a device, channels last."""
    return torch.from_numpy(np.array(pictures)).to(device).permute(0, 3, 1, 2)
