"""Where a check is made, and how long it may take."""

from dataclasses import dataclass
from functools import cache
from pathlib import Path


@dataclass(frozen=True)
class Site:
    """
    Attributes:
        out: where runs are to be written.
        scratch: a folder for what the checks make; it is removed afterwards.
        seconds: that the check at hand may take.
    """

    out: Path
    scratch: Path
    seconds: float = 60.0

    @property
    def gpu(self) -> str | None:
        """The device beside the CPU, by torch's name: cuda (NVIDIA's, and AMD's under ROCm) or mps; None: there is none."""
        return found_gpu()

    @property
    def devices(self) -> tuple[str, ...]:
        """All devices, by torch's names, the CPU first."""
        return ("cpu",) if self.gpu is None else ("cpu", self.gpu)

    @property
    def best(self) -> str:
        """The device with which a run would draw."""
        return self.devices[-1]


@cache
def found_gpu() -> str | None:
    """Ask torch, which is loaded for it."""
    import torch

    if torch.cuda.is_available():
        return "cuda"
    return "mps" if torch.backends.mps.is_available() else None
