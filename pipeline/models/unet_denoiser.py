"""A model with a UNet, of which the project makes the steps: texts, one prediction, and pictures from latents."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from seedscope.pipeline.models.base import Conditions, Denoiser, Embedding, Family, Scheduler, Text
from seedscope.pipeline.models.long_texts import (
    count_pieces,
    fragments,
    reading_piece,
    refuse_without_compel,
    weighted_states,
)
from seedscope.pipeline.study.schema import Sampling

if TYPE_CHECKING:
    import torch


@contextmanager
def _as_diffusers_knows_it(text_encoder: Any) -> Iterator[None]:
    """While it lasts, a CLIP text encoder of transformers 5 has the `text_model` that `clip_skip` asks for: itself."""
    lacking = text_encoder is not None and not hasattr(text_encoder, "text_model")
    if lacking:
        object.__setattr__(text_encoder, "text_model", text_encoder)
    try:
        yield
    finally:
        if lacking:
            object.__delattr__(text_encoder, "text_model")


class UNetDenoiser(Denoiser):
    """A stock pipeline of diffusers with a UNet, an AutoencoderKL and a CLIP text encoder.

    Source: diffusers, `StableDiffusionPipeline`: operation for operation what it computes.
    """

    def __init__(self, family: Family, pipe: Any, device: str, sampling: Sampling) -> None:
        """
        Raises:
            ModelError: the library that weighs prompts is missing.
        """
        self.family, self.pipe, self.device, self.sampling = family, pipe, device, sampling
        self.scheduler: Scheduler = pipe.scheduler
        self.told_guidance = pipe.unet.config.time_cond_proj_dim is not None
        self.takes_masks = bool(pipe.unet.config.in_channels > pipe.vae.config.latent_channels)
        self.scaling = float(pipe.vae.config.scaling_factor)
        if sampling.weighted_prompts:
            refuse_without_compel()

    def embed(self, texts: Sequence[Text]) -> list[Embedding]:
        """Of an empty negative prompt, what diffusers takes for none (zeros for some SDXL models), or for an empty text."""
        return [self._embedded(item) for item in texts]

    def _embedded(self, item: Text) -> Embedding:
        chunks = self.sampling.long_prompts == "chunks"
        parts = fragments(item.text) if self.sampling.weighted_prompts else [(item.text, 1.0)]
        text = "".join(part for part, _ in parts)
        count = count_pieces(self.pipe, text) if chunks else 1
        embedding = {**self._of_pieces(text, item.negative, count)}
        if any(weight != 1 for _, weight in parts):
            embedding["states"] = weighted_states(self.pipe, parts, cut=not chunks)
        if chunks:
            # What lengthens a text to the length of another that it meets: what stands for nothing.
            none = not item.text and item.negative
            padding = self._embedded_alone("", item.negative)["states"] if none else self._empty(item.negative)
            embedding["padding"] = padding
        return embedding

    def _empty(self, negative: bool) -> torch.Tensor:
        """The states of an empty text."""
        encoded = self._encoded("", guided=negative, negative="" if negative else None)
        return encoded[int(negative)]["states"]

    def _of_pieces(self, text: str, negative: bool, count: int) -> Embedding:
        """The states of all pieces one after another; what is pooled, of the first."""
        if count == 1:
            return self._embedded_alone(text, negative)
        import torch

        found = []
        for number in range(count):
            with reading_piece(self.pipe, number):
                found.append(self._embedded_alone(text, negative))
        return {**found[0], "states": torch.cat([each["states"] for each in found], dim=1)}

    def _embedded_alone(self, text: str, negative: bool) -> Embedding:
        none = "" if self.sampling.guidance.empty == "text" else None
        if negative:
            return self._encoded("", guided=True, negative=text or none)[1]
        return self._encoded(text, guided=False, negative=None)[0]

    def _encoded(self, text: str, *, guided: bool, negative: str | None) -> tuple[Embedding, Embedding]:
        """The embeddings of a prompt and of a negative prompt, by the pipeline's own method."""
        positive, other = self._encode_prompt(text, guided, negative)
        return {"states": positive}, {"states": other}

    def _encode_prompt(self, text: str, guided: bool, negative: str | None) -> tuple[Any, ...]:
        """What the pipeline's `encode_prompt` gives for one text."""
        with _as_diffusers_knows_it(self.pipe.text_encoder):
            encoded: tuple[Any, ...] = self.pipe.encode_prompt(
                prompt=text,
                device=self.device,
                num_images_per_prompt=1,
                do_classifier_free_guidance=guided,
                negative_prompt=negative,
                **self._text_options,
            )
        return encoded

    @property
    def _text_options(self) -> dict[str, Any]:
        """Arguments of the pipeline's `encode_prompt` that a study says."""
        return {"clip_skip": self.sampling.clip_skip}

    def tokens_cut(self, text: str) -> int:
        parts = self.pipe.components
        name, _ = self.family.reads(parts)
        return self.family.tokens_cut(parts, parts[name], text, self.sampling)

    def length(self, embedding: Embedding) -> int:
        return int(embedding["states"].shape[1])

    def conditions(self, embeddings: Sequence[Embedding], size: tuple[int, int]) -> Conditions:  # noqa: ARG002
        import torch

        longest = max(self.length(embedding) for embedding in embeddings)
        return {"states": torch.cat([self._lengthened(embedding, longest) for embedding in embeddings])}

    def _lengthened(self, embedding: Embedding, length: int) -> torch.Tensor:
        import torch

        states = embedding["states"]
        lacking = length - self.length(embedding)
        if lacking == 0:
            return states
        padding = embedding["padding"]
        return torch.cat([states, *[padding] * (lacking // padding.shape[1])], dim=1)

    def guided_by(self, scale: float, count: int) -> Conditions:
        import torch

        if not self.told_guidance:
            return {}
        width = self.pipe.unet.config.time_cond_proj_dim
        told = self.pipe.get_guidance_scale_embedding(torch.tensor(scale - 1).repeat(count), embedding_dim=width)
        return {"timestep_cond": told.to(self.device, self.pipe.unet.dtype)}

    def freeze(self) -> None:
        self.pipe.unet.requires_grad_(False)
        self.pipe.vae.requires_grad_(False)

    def predict(self, latents: torch.Tensor, timestep: torch.Tensor, conditions: Conditions) -> torch.Tensor:
        unet = self.pipe.unet
        added = {name: value for name, value in conditions.items() if name not in ("states", "timestep_cond")}
        prediction: torch.Tensor = unet(
            latents.to(unet.dtype),
            timestep,
            encoder_hidden_states=conditions["states"],
            timestep_cond=conditions.get("timestep_cond"),
            added_cond_kwargs=added or None,
            return_dict=False,
        )[0]
        return prediction.float()

    def encode(self, pictures: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        vae = self.pipe.vae
        latents = vae.encode(pictures.to(self.device, vae.dtype)).latent_dist
        return latents.mean.float(), latents.std.float()

    def decode(self, latents: torch.Tensor) -> torch.Tensor:
        vae = self.pipe.vae
        decoded: torch.Tensor = vae.decode(self._unscaled(latents.to(vae.dtype)), return_dict=False)[0]
        return decoded.float()

    def _unscaled(self, latents: torch.Tensor) -> torch.Tensor:
        """Latents as the autoencoder has them."""
        unscaled: torch.Tensor = latents / self.pipe.vae.config.scaling_factor
        return unscaled
