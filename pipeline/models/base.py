"""What drawing asks of a model, and what is known of a family of models before one is loaded."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple, Protocol

from seedscope.pipeline.models.settings import Settings
from seedscope.pipeline.study.schema import Compute, Json, Sampling

if TYPE_CHECKING:
    import torch

Configs = Callable[[str], Settings]
"""Name of a part of a model -> its settings, empty of a part that is not there; of "", that of the pipeline itself."""
Conditions = Mapping[str, "torch.Tensor"]
"""What the denoising network is given beside latents and time, by the network's own names; batch first."""


Embedding = Mapping[str, "torch.Tensor"]
"""What the network is given of one text, by name: hidden states (1, L, D), a pooled vector (1, P), a mask (1, L)."""


class Text(NamedTuple):
    """A text to embed: a prompt, or a negative prompt, which some families encode in another way."""

    text: str
    negative: bool = False


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


class Drawer(ABC):
    """A loaded model: a `Denoiser`, whose steps the project makes itself, or a `StockPipeline`, which is called whole.

    Shapes: B pictures of H x W pixels, latents of C channels and h x w. No method turns gradients on or off: the caller
    decides.
    """

    device: str

    @abstractmethod
    def embed(self, texts: Sequence[Text]) -> list[Embedding]:
        """Embed texts, each alone: its embedding then depends on nothing else."""

    @abstractmethod
    def tokens_cut(self, text: str) -> int:
        """How many tokens of a prompt are cut off because the text encoder takes no more."""

    def told(self) -> dict[str, Json]:
        """What receipts say of the pictures drawn since this was last called, beside what they say of all models."""
        return {}


class Denoiser(Drawer):
    """A model of which a denoising step can be made alone."""

    scheduler: Scheduler
    takes_masks: bool
    """Whether the network takes a mask, and a masked picture's latents, beside the latents."""
    told_guidance: bool = False
    """Whether the network is told the guidance scale, and guides itself: a distilled one (Meng et al. 2022)."""
    counts_steps: bool = False
    """Whether the scheduler counts its steps from the first on, where else it looks up of which a timestep is."""
    scaling: float
    """What an encoded picture's latents are multiplied by where sampling begins."""

    @abstractmethod
    def conditions(self, embeddings: Sequence[Embedding], size: tuple[int, int]) -> Conditions:
        """What the network is given for a batch of as many embeddings; size: (height, width) of the pictures, pixels."""

    def length(self, embedding: Embedding) -> int:  # noqa: ARG002
        """Of a text as the network is given it, in tokens: only those of one length are drawn together."""
        return 0

    def guided_by(self, scale: float, count: int) -> Conditions:  # noqa: ARG002
        """What a network that is told the guidance scale is given beside that, for so many embeddings."""
        return {}

    def freeze(self) -> None:
        """Make its networks ask for no gradients of their own: what these need is then not kept."""
        return

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


def above(call: Mapping[str, Any], name: str, bound: float) -> bool:
    """Whether an argument of a call is a number above another."""
    value = call.get(name)
    return isinstance(value, int | float) and value > bound


def negatives(call: Mapping[str, Any]) -> frozenset[str]:
    """The arguments of a call that are about its negative prompt."""
    return frozenset(name for name in call if name.startswith("negative_"))


_TRIES = 16


@dataclass(frozen=True)
class Geometry:
    """How large a latent is for a picture.

    Attributes:
        channels: of a latent, as its noise is drawn; None of a model that draws its noise itself.
        scale: pixels that one of its cells stands for on a side.
        default_size: (height, width) of a picture whose size is not given; None of a model that does not say it.
        multiple: of what sides have to be multiples; None: of `scale`.
        channels_last: whether the noise is drawn as (h, w, C), not (C, h, w).
        drawn: the (height, width) that the pipeline draws where a (height, width) is asked for; None: just that.
    """

    channels: int | None
    scale: int
    default_size: tuple[int, int] | None
    multiple: int | None = None
    channels_last: bool = False
    drawn: Callable[[int, int], tuple[int, int]] | None = None

    @property
    def step(self) -> int:
        """Of what sides have to be multiples, pixels."""
        return self.multiple or self.scale

    def kept(self, height: int, width: int) -> tuple[int, int]:
        """(height, width) if the pipeline draws just that where it is asked for, or else a size near it that it keeps so."""
        size = (height, width)
        for _ in range(_TRIES):
            drawn = self.drawn(*size) if self.drawn else size
            if drawn == size:
                return size
            size = drawn
        return self.default_size or size

    def latent_shape(self, height: int, width: int) -> tuple[int, int, int] | None:
        """The shape in which the noise of a picture of so many pixels is drawn; None of a model that draws it itself."""
        if self.channels is None:
            return None
        h, w = height // self.scale, width // self.scale
        return (h, w, self.channels) if self.channels_last else (self.channels, h, w)


class Family(ABC):
    """A family of models: which pipelines of diffusers are of it, and how they are used. One family is one file."""

    name: ClassVar[str]
    """Names it in golden lists."""
    draws: ClassVar[str]
    """The class of diffusers that draws from prompts."""
    inpaints: ClassVar[tuple[str, ...]] = ()
    """The classes that fill masks; all are drawn with by the first."""
    network: ClassVar[str] = "unet"
    """The part that denoises."""
    further: ClassVar[tuple[str, ...]] = ()
    """Further parts that denoise, as for the later steps, which a model may lack."""
    unused: ClassVar[tuple[str, ...]] = ()
    """Parts of a folder that shape no picture."""
    spare: ClassVar[tuple[tuple[str, ...], ...]] = ()
    """Parts, each with what is of no use without it, that a model may lack and still draws from prompts."""
    chunks: ClassVar[bool] = False
    """Whether prompts beyond what is read at once can be read in chunks."""
    pads: ClassVar[str | None] = None
    """The side on which the pipeline makes its tokenizer pad from the first text on; None: it leaves it as it was loaded."""
    options: ClassVar[Mapping[str, bool | None]] = {}
    """Arguments of `from_pretrained` beside the common ones."""
    rounds_halves: ClassVar[bool] = False
    """Whether pictures in half precision are rounded to levels of 255 in it, as the class itself does, not in float32."""

    @abstractmethod
    def geometry(self, configs: Configs, name: str, *, fills_masks: bool = False) -> Geometry:
        """Read a model's configuration; `name` is what messages call it.

        Raises:
            ModelError: the model cannot do the task, or is of a kind that is not known.
        """

    @abstractmethod
    def bare(self, folder: Path, pipeline: str, scheduler: Any) -> tuple[torch.nn.Module, Any]:
        """The denoising network, without weights, and the scheduler, as the stock pipeline of that class would have them.

        Args:
            scheduler: as its own class builds it from the folder's configuration.
        """

    @abstractmethod
    def drawer(self, pipe: Any, device: str, sampling: Sampling, compute: Compute) -> Drawer:
        """A loaded pipeline of diffusers, on its device, as what drawing asks for; compiled, where the study wants it."""

    def ignored(self, pipe: Any, call: Mapping[str, Any]) -> frozenset[str]:  # noqa: ARG002
        """Arguments of the stock call that shape no picture where the others are as in `call`.

        Args:
            pipe: a loaded pipeline, whose configuration says what it reads.
            call: all arguments by name, those that are not given at their defaults.
        """
        return frozenset()

    def refuse(self, pipeline: str, sampling: Sampling, *, by_prompt: bool) -> None:  # noqa: ARG002
        """Refuse what the family cannot do, before anything is loaded.

        Args:
            pipeline: the class of diffusers that is called.
            by_prompt: pictures are drawn from prompts and noise alone.

        Raises:
            ModelError: a sentence.
        """
        return

    def refuse_model(self, configs: Configs, sampling: Sampling, compute: Compute) -> None:  # noqa: ARG002
        """Refuse what this model of the family cannot do, as its settings say, before its weights are loaded.

        Raises:
            ModelError: a sentence.
        """
        return

    def reads(self, parts: Mapping[str, Any]) -> tuple[str, float]:  # noqa: ARG002
        """The tokenizer that says how many tokens of a prompt are read, of the parts that are there, and how many these are."""
        return "", math.inf

    def tokens_cut(self, parts: Mapping[str, Any], processor: Any, text: str, sampling: Sampling) -> int:  # noqa: ARG002
        """How many tokens of a prompt are cut off, where `processor` is the tokenizer that `reads` names, or holds it."""
        return 0
