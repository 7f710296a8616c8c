"""Families whose stock pipeline is called whole, with embeddings, noise and generators of the project.

A family says how a text becomes the pipeline's arguments, in what form it takes the noise, and how it is guided; the call, the
memory of the decoder and the guard against noise from elsewhere are the same for all.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from seedscope.pipeline.errors import ModelError
from seedscope.pipeline.models.base import Drawer, Embedding, Family, Text, above, negatives
from seedscope.pipeline.models.configuration import read_json
from seedscope.pipeline.models.schedulers import scheduler_errors
from seedscope.pipeline.models.stock_arguments import (
    refuse_arguments,
    refuse_other_steps,
    refuse_texts_of_clip,
    text_options,
)
from seedscope.pipeline.models.tokens import tokens_beyond
from seedscope.pipeline.models.watched_call import decoding_in_pieces, only_the_seeds_noise
from seedscope.pipeline.study.schema import Compute, Guidance, Sampling

if TYPE_CHECKING:
    import torch

_NO_NEGATIVE_TEXT = {"negative_prompt": None}
"""Beside an embedding of one, which pipelines refuse whose default is an empty text."""


class StockFamily(Family):
    """A family drawn by calls of its stock pipeline."""

    network: ClassVar[str] = "transformer"
    encoders: ClassVar[tuple[str, ...]] = ("text_encoder",)
    """Parts that only texts need: they are loaded to embed texts, and freed."""
    tokenizer: ClassVar[str] = "tokenizer"
    """The tokenizer that says how many tokens of a prompt are read."""
    longest: ClassVar[float]
    """Tokens that are read at most, where the call says nothing else."""
    frozen: ClassVar[Mapping[str, Any]] = {}
    """Arguments of every call, such as to keep a size from being changed: golden lists want them of a user's call too."""
    form: ClassVar[str] = "as drawn"
    """In which form `shaped` gives the noise to the call, in a word or a few: golden lists say it."""
    takes_negative: ClassVar[bool] = True
    """Whether the call takes a negative prompt."""
    guides_without_negative: ClassVar[bool] = True
    """Whether a call that names no negative prompt is guided by an empty one."""
    mixes_lengths: ClassVar[bool] = True
    """Whether embeddings of different lengths can be called together without changing each other's pictures."""
    latents_in_float32: ClassVar[bool] = False
    """Whether the stock pipeline draws its latents in float32, whatever the dtype of its weights."""

    @abstractmethod
    def encode(self, pipe: Any, text: Text, device: str, options: Mapping[str, Any]) -> Embedding:
        """One text by the pipeline's own method, under the names that its call has for the positive prompt.

        Args:
            options: of the call, such as `max_sequence_length`.
        """

    def collate(self, embeddings: Sequence[Embedding]) -> dict[str, Any]:
        """The embeddings of a batch as one call takes them."""
        import torch

        return {name: torch.cat([each[name] for each in embeddings]) for name in embeddings[0]}

    def together(self, text: Embedding) -> object:
        """What texts that are called together have in common: nothing, or their lengths."""
        return None if self.mixes_lengths else tuple(tuple(value.shape) for value in text.values())

    def shaped(self, noise: torch.Tensor) -> torch.Tensor:
        """Noise (B, C, h, w) float32, or as it is drawn, in the form that the call takes for `latents`."""
        return noise

    def latents_dtype(self, pipe: Any, embeddings: Sequence[Embedding]) -> torch.dtype:  # noqa: ARG002
        """Of the latents with which the stock pipeline begins: that of the embeddings, if not float32."""
        import torch

        return torch.float32 if self.latents_in_float32 else embeddings[0]["prompt_embeds"].dtype

    def guided(self, guidance: Guidance, call: Mapping[str, Any]) -> dict[str, Any]:  # noqa: ARG002
        """The arguments of the call that say how strongly it is guided."""
        return {"guidance_scale": guidance.scale}

    def uses_negative(self, guidance: Guidance, call: Mapping[str, Any]) -> bool:  # noqa: ARG002
        """Whether the call is given a negative prompt, be it an empty one."""
        return self.takes_negative and guidance.scale > 1

    only_guided: ClassVar[frozenset[str]] = frozenset({"guidance_scale"})
    """Arguments of the call that act where it is guided by a negative prompt, and else not, beside those of that prompt."""

    def is_guided(self, pipe: Any, call: Mapping[str, Any]) -> bool:  # noqa: ARG002
        """Whether a call is guided by a negative prompt, be it an empty one; arguments as of `ignored`."""
        return above(call, "guidance_scale", 1)

    def ignored(self, pipe: Any, call: Mapping[str, Any]) -> frozenset[str]:
        return frozenset() if self.is_guided(pipe, call) else self.only_guided | negatives(call)

    def framed(self, tokenizer: Any, text: str, options: Mapping[str, Any]) -> str:  # noqa: ARG002
        """A text up to its end as it is tokenized: behind what the pipeline puts before it."""
        return text

    def reads(self, parts: Mapping[str, Any]) -> tuple[str, float]:  # noqa: ARG002
        """The tokenizer that says how many tokens of a prompt are read, of the parts that are there, and how many these are."""
        return self.tokenizer, self.longest

    def tokens_cut(self, parts: Mapping[str, Any], processor: Any, text: str, sampling: Sampling) -> int:
        options = text_options(sampling.arguments)
        longest = options.get("max_sequence_length", self.reads(parts)[1])
        framed = self.framed(processor, text, options)
        return tokens_beyond(getattr(processor, "tokenizer", processor), framed, longest)

    def pictures(self, output: Any) -> torch.Tensor:
        """(B, 3, H, W) in 0 .. 1, of what a call returns."""
        pictures: torch.Tensor = output.images
        return pictures

    def bare(self, folder: Path, pipeline: str, scheduler: Any) -> tuple[torch.nn.Module, Any]:  # noqa: ARG002
        return bare_network(folder, self.network), scheduler

    def parts(self, pipe: Any) -> list[str]:
        """Names of the networks that a loaded pipeline has."""
        import torch

        return [name for name, part in pipe.components.items() if isinstance(part, torch.nn.Module)]

    def drawer(
        self,
        pipe: Any,
        device: str,
        sampling: Sampling,
        compute: Compute,
        texts: Callable[[Sequence[Text]], list[Embedding]] | None = None,
    ) -> StockPipeline:
        """texts: embeds texts; None: the text encoders of `pipe` do."""
        if compute.compile:
            import torch

            for part in (self.network, *self.further):
                if pipe.components.get(part) is not None:
                    setattr(pipe, part, torch.compile(pipe.components[part]))
        return StockPipeline(self, pipe, device, sampling, texts)

    def refuse(self, pipeline: str, sampling: Sampling, *, by_prompt: bool) -> None:
        if not by_prompt:
            raise ModelError(
                f"task: {pipeline} is called whole, and draws from prompts and noise alone. Choose a model with a UNet."
            )
        guidance = sampling.guidance
        for key, value, usual in (
            ("negative_scale", guidance.negative_scale, None),
            ("negative_from", guidance.negative_from, 0),
            ("empty", guidance.empty, "none"),
            ("similarity", guidance.acting_similarity, None),
        ):
            if value != usual:
                raise ModelError(f"sampling.guidance.{key}: {pipeline} has no such guidance. Remove the key.")
        for key in self.guided(guidance, sampling.call).keys() & sampling.call.keys():
            raise ModelError(f"sampling.call.{key}: is said by sampling.guidance.scale. Remove it.")
        refuse_texts_of_clip(pipeline, sampling)
        refuse_arguments(pipeline, sampling)
        for name in self.frozen.keys() & sampling.call.keys():
            raise ModelError(f"sampling.call.{name}: is always {self.frozen[name]!r} here. Remove it.")
        refuse_other_steps(sampling)
        if guidance.negative_prompt and not self.uses_negative(guidance, sampling.arguments):
            why = f" at this guidance. {self.negative_hint}" if self.takes_negative else ". Remove it."
            raise ModelError(f"sampling.guidance.negative_prompt: {pipeline} takes no negative prompt{why}")

    negative_hint: ClassVar[str] = "Remove it, or set a scale above 1."
    """What to do so that a negative prompt acts."""


def bare_network(folder: Path, part: str) -> torch.nn.Module:
    """A network of a folder in diffusers layout, without weights."""
    import diffusers
    import torch

    kind = str(read_json(folder / "model_index.json")[part][1])
    with torch.device("meta"):
        network: torch.nn.Module = getattr(diffusers, kind).from_config(read_json(folder / part / "config.json"))
    return network


class StockPipeline(Drawer):
    """A loaded stock pipeline that is called whole."""

    def __init__(
        self,
        family: StockFamily,
        pipe: Any,
        device: str,
        sampling: Sampling,
        embed: Callable[[Sequence[Text]], list[Embedding]] | None = None,
    ) -> None:
        """
        Args:
            embed: how texts are embedded; None: by the text encoders of `pipe`.
        """
        self.family, self.pipe, self.device, self.sampling = family, pipe, device, sampling
        self.negative = family.uses_negative(sampling.guidance, sampling.arguments)
        self._embed = embed or self._by_own_encoders
        pipe.set_progress_bar_config(disable=True)

    def embed(self, texts: Sequence[Text]) -> list[Embedding]:
        return self._embed(texts)

    def _by_own_encoders(self, texts: Sequence[Text]) -> list[Embedding]:
        return [
            self.family.encode(self.pipe, text, self.device, text_options(self.sampling.arguments)) for text in texts
        ]

    def tokens_cut(self, text: str) -> int:
        name, _ = self.family.reads(self.pipe.components)
        processor = self.pipe.components.get(name)
        return 0 if processor is None else self.family.tokens_cut(self.pipe.components, processor, text, self.sampling)

    def draw(
        self,
        noise: torch.Tensor,
        generators: list[torch.Generator],
        positive: Sequence[Embedding],
        negative: Sequence[Embedding] | None,
        size: tuple[int, int],
    ) -> torch.Tensor:
        """Draw a batch by one call, or, where the family asks for it, by one for each length of the texts.

        Args:
            noise: (B, C, h, w) float32 on the CPU, as it is drawn.
            generators: B CPU generators in the state after the initial latent.
            positive: B embeddings.
            negative: B embeddings; None: the call is given no negative prompt.
            size: (height, width) of the pictures, pixels.

        Returns:
            (B, 3, H, W) float32 in -1 .. 1, on the pipeline's device.

        Raises:
            ModelError: the pipeline drew noise that does not come from the seeds.
        """
        calls = self._calls(positive, negative)
        if len(calls) == 1:
            return self._called(noise, generators, positive, negative, size)
        import torch

        pictures: list[torch.Tensor] = [noise] * len(noise)
        for cells in calls:
            others = None if negative is None else [negative[cell] for cell in cells]
            drawn = self._called(
                noise[cells], [generators[cell] for cell in cells], [positive[cell] for cell in cells], others, size
            )
            for cell, picture in zip(cells, drawn, strict=True):
                pictures[cell] = picture
        return torch.stack(pictures)

    def _calls(self, positive: Sequence[Embedding], negative: Sequence[Embedding] | None) -> list[list[int]]:
        """The places of the cells of a batch that are drawn by one call."""
        alike: dict[tuple[object, ...], list[int]] = {}
        for cell, texts in enumerate(zip(positive, negative or positive, strict=True)):
            alike.setdefault(tuple(self.family.together(text) for text in texts), []).append(cell)
        return list(alike.values())

    def _called(
        self,
        noise: torch.Tensor,
        generators: list[torch.Generator],
        positive: Sequence[Embedding],
        negative: Sequence[Embedding] | None,
        size: tuple[int, int],
    ) -> torch.Tensor:
        family, sampling = self.family, self.sampling
        texts = family.collate([self._here(each) for each in positive])
        if negative is not None:
            others = family.collate([self._here(each) for each in negative])
            texts |= {f"negative_{name}": value for name, value in others.items()}
        latents = family.shaped(noise).to(self.device, family.latents_dtype(self.pipe, positive))
        with decoding_in_pieces(self.pipe), only_the_seeds_noise(type(self.pipe).__name__), scheduler_errors(self.pipe):
            output = self.pipe(
                **texts,
                latents=latents,
                generator=generators,
                height=size[0],
                width=size[1],
                num_inference_steps=sampling.steps,
                output_type="pt",
                **family.guided(sampling.guidance, sampling.arguments),
                **(_NO_NEGATIVE_TEXT if negative is not None and family.takes_negative else {}),
                **family.frozen,
                **sampling.arguments,
            )
        return family.pictures(output).float() * 2 - 1

    def _here(self, embedding: Embedding) -> Embedding:
        return {name: value.to(self.device) for name, value in embedding.items()}
