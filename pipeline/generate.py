"""The generate stage: a unit of prompts x seeds -> a shard of pictures, drawn from the prompts or into given pictures."""

from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, Literal

import pyarrow as pa
import torch

from seedscope.pipeline import images, noise
from seedscope.pipeline.canvas import Canvas, Encoded, canvas
from seedscope.pipeline.device import gpu_memory_ran_out
from seedscope.pipeline.guidance import Branch, branches
from seedscope.pipeline.inpainting import Inpainting
from seedscope.pipeline.located import Located
from seedscope.pipeline.models import Embedding, LoadedModel, load
from seedscope.pipeline.plan import Unit
from seedscope.pipeline.prompts import Prompt
from seedscope.pipeline.sampler import sample, to_pixels
from seedscope.pipeline.stage import Stage
from seedscope.pipeline.store import Table
from seedscope.pipeline.study import Json, Study

EMBEDDINGS_KEPT = 256
Cell = tuple[Prompt, int]


@dataclass
class Generate(Stage):
    """Draws the pictures of a unit, batch by batch, in the order of its cells; with `inpaint`, into given pictures."""

    study: Study
    located: Located
    table: Table
    inpaint: Inpainting | None = None
    _model: LoadedModel | None = field(default=None, repr=False)
    _kept: int = EMBEDDINGS_KEPT
    _given: dict[str, Encoded] = field(default_factory=dict, repr=False)
    _embeddings: "OrderedDict[str, Embedding]" = field(default_factory=OrderedDict, repr=False)

    @property
    def tables(self) -> Sequence[Table]:
        return [self.table]

    def needs(self) -> Literal["cpu", "gpu"]:
        return "gpu" if self.study.compute.device in ("auto", "cuda") else "cpu"

    def memory(self) -> int:
        weights = self.located.bytes
        return 8 * 2**30 if weights is None else 2**30 + 4 * weights

    def open(self) -> None:
        study = self.study
        self._model = load(self.located, study.model.variant, study.sampling, study.compute)

    def run(self, unit: Unit, tables: Sequence[Table]) -> Iterator[tuple[Table, pa.Table, dict[str, Json]]]:
        self._kept = max(EMBEDDINGS_KEPT, len(unit.prompts) + 2)
        latents = {seed: noise.latent(seed, self.located.latent_shape(self.study.sampling)) for seed in unit.seeds}
        columns = self._encode_given(unit)
        cells, batches = list(unit.cells()), list[int]()
        batch = max(1, self.study.compute.batch_size // self.smaller)
        with ThreadPoolExecutor(1) as encoder:
            encoded: list[Future[list[dict[str, Any]]]] = []
            at = 0
            while at < len(cells):
                some = cells[at : at + batch]
                try:
                    pixels, finite = self._draw(some, latents)
                except torch.cuda.OutOfMemoryError as error:
                    if len(some) == 1 or not gpu_memory_ran_out(error):
                        raise
                    batch = len(some) // 2
                    continue
                encoded.append(encoder.submit(_rows, some, pixels, finite, columns))
                batches.append(len(some))
                at += len(some)
            rows = [row for future in encoded for row in future.result()]
        cut: list[Json] = [prompt.id for prompt in unit.prompts if self._open_model.tokens_cut(prompt.text)]
        made: dict[str, Json] = {
            "device": self._open_model.device,
            "batches": list(batches),
            "latents": noise.digest(torch.stack(list(latents.values()))),
            "prompts_cut": cut,
        }
        yield tables[0], pa.Table.from_pylist(rows, schema=self.table.schema), made

    def draw(self, unit: Unit, cells: list[Cell]) -> tuple[torch.Tensor, list[bool]]:
        """Draw some cells of a unit as one batch of `run`: pixels (B, H, W, 3) uint8, and which of them are finite."""
        self._encode_given(unit)
        shape = self.located.latent_shape(self.study.sampling)
        return self._draw(cells, {seed: noise.latent(seed, shape) for _, seed in cells})

    @property
    def _open_model(self) -> LoadedModel:
        if self._model is None:
            raise RuntimeError("the stage is not open")
        return self._model

    def _encode_given(self, unit: Unit) -> dict[str, dict[str, Any]]:
        """Encode each given picture of a unit; return what its rows say of it. Nothing where pictures are drawn from text."""
        columns: dict[str, dict[str, Any]] = {}
        self._given = {}
        if self.inpaint is None:
            return columns
        for prompt in unit.prompts:
            pixels, mask = self.inpaint.given(prompt.id)
            self._given[prompt.id] = Encoded.of(self._open_model, pixels, mask)
            columns[prompt.id] = self.inpaint.columns(prompt.id, mask)
        return columns

    def _draw(self, cells: list[Cell], latents: dict[int, torch.Tensor]) -> tuple[torch.Tensor, list[bool]]:
        """Pixels (B, H, W, 3) uint8 of some cells, and which of them are finite."""
        model, sampling = self._open_model, self.study.sampling
        texts = {branch: self._texts(branch, cells) for branch in branches(sampling.guidance, sampling.steps)}
        generators = [noise.generator(seed, self.located.latent_shape(sampling)) for _, seed in cells]
        start = torch.stack([latents[seed] for _, seed in cells])
        ground = self._canvas(cells, generators, start)
        drawn = sample(model, start, generators, texts, sampling, self.located.size(sampling), ground)
        pictures = model.decode(drawn)
        return to_pixels(pictures), torch.isfinite(pictures).flatten(1).all(1).tolist()

    def _canvas(self, cells: list[Cell], generators: list[torch.Generator], start: torch.Tensor) -> Canvas | None:
        if self.inpaint is None:
            return None
        return canvas(self._open_model, [self._given[prompt.id] for prompt, _ in cells], generators, start)

    def _texts(self, branch: Branch, cells: list[Cell]) -> list[Embedding]:
        """What a branch of the guidance is told, for each cell."""
        if branch == "positive":
            return [self._embed(prompt.text) for prompt, _ in cells]
        text = self.study.sampling.guidance.negative_prompt if branch == "negative" else ""
        return [self._embed(text, negative=True)] * len(cells)

    def _embed(self, text: str, *, negative: bool = False) -> Embedding:
        """The embedding of a text, from the last so many that were asked for."""
        key = f"{'-' if negative else '+'}{text}"
        if key not in self._embeddings:
            model = self._open_model
            self._embeddings[key] = model.embed_negative(text) if negative else model.embed(text)
            if len(self._embeddings) > self._kept:
                self._embeddings.popitem(last=False)
        self._embeddings.move_to_end(key)
        return self._embeddings[key]


def _rows(
    cells: list[Cell], pixels: torch.Tensor, finite: list[bool], columns: Mapping[str, dict[str, Any]]
) -> list[dict[str, Any]]:
    return [
        _row(prompt, seed, picture if is_finite else None) | columns.get(prompt.id, {})
        for (prompt, seed), picture, is_finite in zip(cells, pixels.numpy(), finite, strict=True)
    ]


def _row(prompt: Prompt, seed: int, pixels: images.Pixels | None) -> dict[str, Any]:
    """The row of a cell. A failed one is a row without a picture: never a hole, never a made-up value."""
    row = {"prompt_id": prompt.id, "prompt": prompt.text, "seed": seed}
    if pixels is None:
        return row | {"image": None, "status": "failed", "error": "the model gave values that are not finite"}
    image = {"bytes": images.encode(pixels), "path": f"{prompt.id}-{seed}.webp"}
    return row | {"image": image, "status": "ok", "error": None}
