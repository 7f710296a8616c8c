"""What drawing asks of a model, and what is known of a family of models before one is loaded."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

from seedscope.pipeline.study.schema import Compute

if TYPE_CHECKING:
    import torch

Conditions = Mapping[str, "torch.Tensor"]
"""What the denoising network is given beside latents and time, by the network's own names; batch first."""


@dataclass(frozen=True)
class Embedding:
    """What the network is given of a text: hidden states (1, L, D) and, where it takes one, the pooled vector (1, P)."""

    states: torch.Tensor
    pooled: torch.Tensor | None = None


class Scheduler(Protocol):
    """What sampling uses of diffusers' schedulers."""

    timesteps: torch.Tensor
    init_noise_sigma: float
    order: int

    def set_timesteps(self, num_inference_steps: int, *, device: str) -> None: ...

    def scale_model_input(self, sample: torch.Tensor, timestep: torch.Tensor) -> torch.Tensor: ...

    def step(
        self, model_output: torch.Tensor, timestep: torch.Tensor, sample: torch.Tensor, **options: object
    ) -> tuple[torch.Tensor, ...]: ...

    def add_noise(self, original: torch.Tensor, noise: torch.Tensor, timesteps: torch.Tensor) -> torch.Tensor: ...


class Denoiser(ABC):
    """A loaded model. Shapes: B pictures of H x W pixels, latents of C channels and h x w.

    No method turns gradients on or off: the caller decides.
    """

    device: str
    scheduler: Scheduler
    takes_masks: bool
    """Whether the network takes a mask, and a masked picture's latents, beside the latents."""
    told_guidance: bool = False
    """Whether the network is told the guidance scale, and guides itself: a distilled one (Meng et al. 2022)."""
    scaling: float
    """What an encoded picture's latents are multiplied by where sampling begins."""

    @abstractmethod
    def embed(self, text: str) -> Embedding:
        """Embed one prompt, alone: its embedding then depends on nothing else."""

    @abstractmethod
    def embed_negative(self, text: str) -> Embedding:
        """Embed a negative prompt; of an empty one, what diffusers takes for none at all (zeros for some SDXL models)."""

    @abstractmethod
    def tokens_cut(self, text: str) -> int:
        """How many tokens of a prompt are cut off because the text encoder takes no more."""

    @abstractmethod
    def conditions(self, embeddings: Sequence[Embedding], size: tuple[int, int]) -> Conditions:
        """What the network is given for a batch of as many embeddings; size: (height, width) of the pictures, pixels."""

    def guided_by(self, scale: float, count: int) -> Conditions:  # noqa: ARG002
        """What a network that is told the guidance scale is given beside that, for so many embeddings."""
        return {}

    @abstractmethod
    def predict(self, latents: torch.Tensor, timestep: torch.Tensor, conditions: Conditions) -> torch.Tensor:
        """The network's prediction (B, C, h, w) float32, in the terms of its scheduler.

        Args:
            latents: (B, C or more, h, w), scaled by the scheduler; of a model that takes masks, with mask and masked picture.
            timestep: one of the scheduler's timesteps.
            conditions: of B embeddings.
        """

    @abstractmethod
    def encode(self, pictures: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Pictures (B, 3, H, W), -1 .. 1 -> mean and standard deviation of their latents, (B, C, h, w) float32, unscaled."""

    @abstractmethod
    def decode(self, latents: torch.Tensor) -> torch.Tensor:
        """Latents (B, C, h, w) -> pictures (B, 3, H, W) float32, about -1 .. 1."""


@dataclass(frozen=True)
class Geometry:
    """Channels of a latent, pixels that one stands for on a side, and (height, width) of a picture whose size is not given.

    default_size: None of a model that does not say it.
    """

    channels: int
    scale: int
    default_size: tuple[int, int] | None


class Family(ABC):
    """A family of models: which pipelines of diffusers are of it, and how they are used. One family is one file."""

    name: ClassVar[str]
    """Names it in golden lists."""
    draws: ClassVar[str]
    """The class of diffusers that draws from prompts."""
    inpaints: ClassVar[tuple[str, ...]] = ()
    """The classes that fill masks; all are drawn with by the first."""
    components: ClassVar[tuple[str, ...]]
    """The folders that hold weights."""
    configured: ClassVar[tuple[str, ...]]
    """The folders that hold settings alone."""
    options: ClassVar[Mapping[str, bool | None]] = {}
    """Arguments of `from_pretrained` beside the common ones."""

    @abstractmethod
    def geometry(self, folder: Path, name: str, *, fills_masks: bool) -> Geometry:
        """Read a folder's configuration; `name` is what messages call it.

        Raises:
            ModelError: the model cannot do the task, or is of a kind that is not known.
        """

    @abstractmethod
    def network(self, folder: Path) -> torch.nn.Module:
        """The denoising network as diffusers builds it from its configuration, without weights, on the current device."""

    @abstractmethod
    def without_weights(self, network: torch.nn.Module, scheduler: Any) -> dict[str, Any]:
        """Arguments with which the classes of diffusers make a pipeline of this network and scheduler, and of nothing else."""

    @abstractmethod
    def denoiser(self, pipe: Any, device: str, compute: Compute) -> Denoiser:
        """A loaded pipeline of diffusers, on its device, as what drawing asks for; compiled, where the study wants it."""
