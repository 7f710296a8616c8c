"""How likely a picture's latent is to a diffusion model, and how much more so with its prompt."""

from __future__ import annotations

import hashlib
import json
import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from cachetools import LRUCache

from seedscope.analysis.direction import Better
from seedscope.analysis.features.base import Feature, FeatureError, Measurer, check_pictures
from seedscope.analysis.features.elbo.bound import Array, Levels, bits, mean_error, squared_errors
from seedscope.analysis.features.elbo.judging_model import JudgingModel
from seedscope.pipeline.tables.columns import column

if TYPE_CHECKING:
    import torch

    from seedscope.pipeline.models.base import Denoiser, Embedding, Text

VERSION = 1
REMEMBERED_TEXTS = 256
"""Texts whose embeddings are kept: at 77 tokens of 2,048 numbers, 160 MB."""
Pixels = npt.NDArray[np.uint8]


class Elbo(Feature):
    """Three columns, float32; null where a side is no multiple of what the model draws.

    | column | what | range |
    | --- | --- | --- |
    | `elbo` | bound on -log2 p(latent given the prompt), bits a dimension | any; below 0 where the density is above 1 |
    | `elbo_error` | mean square missed of the noise, with the prompt, over the model's steps of training | 0 .. about 1 |
    | `elbo_gain` | what the prompt saves: `elbo` without it less `elbo` with it, bits a dimension | 0 for an empty prompt |

    It says how much detail a model of pictures cannot foresee, not how good a picture is: smooth pictures, and blurred ones,
    are likely. No column has a direction, so that none ranks seeds. It is a bound on the density of the *latent*, the mean
    that the autoencoder makes of the picture, scaled as in sampling; what the autoencoder loses is not in it. `elbo_gain` is a
    fit to the prompt without CLIP: a difference of two bounds, so an estimate of log2 p(latent given the prompt) / p(latent),
    and no bound.

    Options:
        model: what judges: a bundled model (`sprout`), a folder in diffusers layout, or a hub id, with a UNet that predicts
            noise or v. Of a study with a distilled model, its teacher: one that was made to draw in one step predicts a
            picture where there is only noise, and its bound says nothing. `revision`, `variant`: as in studies.
        points: levels of noise, evenly from the cleanest to the noisiest in log-SNR. 8 are 0.02 bits above 15 on pictures
            of sprout-turbo, and rank them alike (0.997); on a Gaussian they are 0.003 above the truth.
        noises: added at each level, the same to all pictures. Of one, the ranks of 192 pictures of sprout-turbo by two
            noises correlate by 0.97, of `elbo_gain` by 0.86 (`benchmarks/elbo.py`).
        seed: of the noise.
        batch_size: pictures that share a call of the network.
        half: run the UNet in float16 on CUDA, as `torch.autocast` does it; batches then always have `batch_size` rows, the
            last one repeated, because kernels chosen by batch size would round differently.

    A picture costs 2 x `points` x `noises` calls of the UNet, 16 by default; holds the model in float32.

    Source: Kingma et al. (2021), arXiv 2107.00630 (the bound; see `bound`); Li et al. (2023), arXiv 2303.16203 (`elbo_error`,
    and noise shared by what is compared); Karczewski et al. (2025), arXiv 2411.01293 (likely pictures are smooth).
    Deviation: levels between two steps of training are given to the network as fractions of a step.
    """

    name: ClassVar[str] = "elbo"

    def __init__(
        self,
        model: str = "",
        revision: str | None = None,
        variant: str | None = None,
        points: int = 8,
        noises: int = 1,
        seed: int = 0,
        batch_size: int = 8,
        half: bool = True,
    ) -> None:
        if not (isinstance(model, str) and model):
            raise FeatureError(
                "elbo.model: is not given; name the diffusion model that judges, as in `elbo: {model: sprout}`."
            )
        counts = {"points": (points, 2), "noises": (noises, 1), "seed": (seed, 0), "batch_size": (batch_size, 1)}
        for option, (value, least) in counts.items():
            if not isinstance(value, int) or isinstance(value, bool) or not least <= value < 2**31:
                raise FeatureError(f"elbo.{option}: is {value!r}; give a whole number from {least} on.")
        for option, text in {"revision": revision, "variant": variant}.items():
            if not isinstance(text, str | None):
                raise FeatureError(f"elbo.{option}: is {text!r}; give a text, in quotes.")
        self.model = JudgingModel(model, revision, variant)
        self.points, self.noises, self.seed = points, noises, seed
        self.batch_size, self.half = batch_size, half

    def fields(self) -> list[pa.Field]:
        bits = "bits a dimension"
        return [
            column("elbo", pa.float32(), "Bound on -log2 p(latent given the prompt) of a diffusion model.", bits),
            column(
                "elbo_error", pa.float32(), "Mean square of the noise that the model misses, over its steps.", "squares"
            ),
            column(
                "elbo_gain", pa.float32(), "What the prompt saves: the bound without it less the bound with it.", bits
            ),
        ]

    def scalars(self) -> dict[str, Better | None]:
        """All; none has a direction that is good."""
        return {"elbo": None, "elbo_error": None, "elbo_gain": None}

    def fingerprint(self) -> str:
        facts: dict[str, Any] = {
            "feature": self.name,
            "version": VERSION,
            "model": self.model.identity(),
            "noise": [self.points, self.noises, self.seed],
            "half on cuda": self.half,
        }
        return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()

    def load(self, device: str) -> ElboMeasurer:
        step = self.model.located().geometry.step
        return ElboMeasurer(self, self.model.loaded(device), step)


class ElboMeasurer(Measurer):
    """The bound with its model on a device. step: of what the sides of pictures are multiples, pixels."""

    def __init__(self, feature: Elbo, model: Denoiser, step: int) -> None:
        scheduler: Any = model.scheduler  # what a DDIM scheduler has beside what sampling uses
        self.levels = Levels.of(scheduler.alphas_cumprod.double().numpy(), feature.points)
        self._predicts_v = scheduler.config.prediction_type == "v_prediction"
        self._feature, self._model, self._step = feature, model, step
        self._half = feature.half and model.device.startswith("cuda")
        self._texts: LRUCache[Text, Embedding] = LRUCache(REMEMBERED_TEXTS)
        self._noise: dict[tuple[int, ...], torch.Tensor] = {}
        self._warned = False

    def compute(self, pixels: Pixels, prompts: Sequence[str]) -> dict[str, pa.Array]:
        check_pictures(pixels, prompts)
        size, values = self._feature.batch_size, np.full((3, len(pixels)), np.nan)
        if self._can_be_drawn(pixels):
            for start in range(0, len(pixels), size):
                rows = slice(start, start + size)
                values[:, rows] = self._measured(pixels[rows], prompts[rows])
        names = [item.name for item in self._feature.fields()]
        return {
            name: pa.array(column, pa.float32(), from_pandas=True) for name, column in zip(names, values, strict=True)
        }

    def _can_be_drawn(self, pixels: Pixels) -> bool:
        height, width = int(pixels.shape[1]), int(pixels.shape[2])
        able = height % self._step == 0 and width % self._step == 0 and height * width > 0
        if not able and not self._warned:
            self._warned = True
            sides = f"pictures of {width} x {height} have no value: {self._feature.model.model} draws multiples of {self._step}"
            warnings.warn(f"elbo: {sides} pixels a side.", stacklevel=4)
        return able

    def _measured(self, pixels: Pixels, prompts: Sequence[str]) -> Array:
        """(3, N): bound, error and gain of at most `batch_size` pictures."""
        import torch

        from seedscope.pipeline.models.base import Text
        from seedscope.pipeline.models.device import exact_float32

        count, missing = len(pixels), self._feature.batch_size - len(pixels) if self._half else 0
        pixels = np.concatenate([pixels, pixels[-1:].repeat(missing, axis=0)])
        texts = [Text(prompt) for prompt in [*prompts, *[prompts[-1]] * missing]]
        with torch.inference_mode(), exact_float32():
            latents = self._latents(pixels)
            without = self._errors(latents, [Text("", negative=True)] * len(texts), pixels.shape[1:3])
            given = self._errors(latents, texts, pixels.shape[1:3])
            squares = latents.flatten(1).double().square().mean(dim=1).cpu().numpy()
        # An empty prompt is no prompt, though some SDXL models have embeddings for both.
        given = np.where([not item.text for item in texts], without, given)
        bound = bits(given, squares, self.levels)
        gain = bits(without, squares, self.levels) - bound
        return np.stack([bound, mean_error(given, self.levels), gain])[:, :count]

    def _latents(self, pixels: Pixels) -> torch.Tensor:
        import torch

        pictures = torch.from_numpy(np.ascontiguousarray(pixels.transpose(0, 3, 1, 2))).float() / 127.5 - 1.0
        mean, _ = self._model.encode(pictures)
        return mean * self._model.scaling

    def _errors(self, latents: torch.Tensor, texts: Sequence[Text], size: tuple[int, ...]) -> Array:
        """(P, N) mean squares of what is missed of the noise, each latent with its text."""
        import torch

        model, levels = self._model, self.levels
        conditions = model.conditions(self._embedded(texts), (size[0], size[1]))
        times = torch.tensor(levels.times, dtype=torch.float32, device=model.device)

        def predict(noisy: torch.Tensor, point: int) -> torch.Tensor:
            with torch.autocast(latents.device.type, dtype=torch.float16, enabled=self._half):
                predicted = model.predict(noisy, times[point], conditions)
            if not self._predicts_v:
                return predicted
            return float(levels.alpha[point]) * predicted + float(levels.sigma[point]) * noisy

        return squared_errors(latents, self._noise_for(latents), levels, predict)

    def _noise_for(self, latents: torch.Tensor) -> torch.Tensor:
        from seedscope.analysis.features.elbo.shared_noise import shared_noise

        shape, wanted = tuple(latents.shape[1:]), self._feature
        if shape not in self._noise:
            drawn = shared_noise(wanted.points, wanted.noises, shape, wanted.seed)
            self._noise = {shape: drawn.to(latents.device)}
        return self._noise[shape]

    def _embedded(self, texts: Sequence[Text]) -> list[Embedding]:
        known = {text: self._texts[text] for text in dict.fromkeys(texts) if text in self._texts}
        new = [text for text in dict.fromkeys(texts) if text not in known]
        known.update(zip(new, self._model.embed(new), strict=True))
        self._texts.update(known)
        return [known[text] for text in texts]
