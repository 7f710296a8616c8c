"""Where a check is made, and how long it may take."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Site:
    """
    Attributes:
        out: where runs are to be written.
        scratch: a folder for what the checks make; it is removed afterwards.
        gpu: the device beside the CPU, by torch's name; None: there is none.
        seconds: that the check at hand may take.
    """

    out: Path
    scratch: Path
    gpu: str | None = None
    seconds: float = 60.0

    @property
    def devices(self) -> tuple[str, ...]:
        """All devices, by torch's names, the CPU first."""
        return ("cpu",) if self.gpu is None else ("cpu", self.gpu)

    @property
    def best(self) -> str:
        """The device with which a run would draw."""
        return self.devices[-1]


def found_gpu() -> str | None:
    """The device beside the CPU that torch sees: cuda (NVIDIA, and AMD under ROCm) or mps; None where there is none."""
    import torch

    if torch.cuda.is_available():
        return "cuda"
    return "mps" if torch.backends.mps.is_available() else None
