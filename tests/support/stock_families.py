"""A tiny model of a family, drawn by seedscope and by the stock pipeline; and its golden list, tried in a user's own code."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml
from diffusers import DiffusionPipeline
from stock_pictures import ours

from seedscope.analysis import GoldenMismatch, GoldenSeeds
from seedscope.analysis.judging.golden_list import conditions_of, noise_of
from seedscope.analysis.run.opened import run_of
from seedscope.analysis.run.run import DrawnRun
from seedscope.analysis.select.canary import Canary
from seedscope.analysis.select.why import SeedStanding, Why
from seedscope.pipeline.errors import ModelError
from seedscope.pipeline.models.families import FAMILIES
from seedscope.pipeline.models.locate import locate
from seedscope.pipeline.models.stock import StockPipeline
from seedscope.pipeline.study.plan import Unit
from seedscope.pipeline.study.prompts import prompt
from seedscope.pipeline.study.schema import Study

PROMPTS = ("a red apple", "the photo of a cat on grass")
SEEDS = (0, 7)


def study(
    folder: Path | dict[str, Any],
    *,
    batch_size: int = 3,
    prompts: Sequence[str] = PROMPTS,
    vae: dict[str, Any] | None = None,
    attention: str | None = None,
    dtype: str = "float32",
    **sampling: Any,
) -> Study:
    """A study of a model's folder, or of a whole section `model`; `vae`, `attention` and `dtype` are of `compute`."""
    return Study.model_validate(
        {
            "name": "t",
            "model": folder if isinstance(folder, dict) else str(folder),
            "sampling": {"steps": 2, "guidance": {"scale": 4.0}} | sampling,
            "compute": {
                "batch_size": batch_size,
                "device": "cpu",
                "dtype": dtype,
                "vae": vae or {},
                "attention": attention,
            },
            "prompts": list(prompts),
            "seeds": list(SEEDS),
        }
    )


def as_published(folder: Path, **kinds: str) -> Path:
    """A folder whose index names tokenizers by the names that they had where models were published.

    Args:
        kinds: part -> class, of which transformers has made another name since.
    """
    index = json.loads((folder / "model_index.json").read_text())
    for part, kind in kinds.items():
        index[part] = ["transformers", kind]
    (folder / "model_index.json").write_text(json.dumps(index, indent=2))
    return folder


def stock_pipe(folder: Path, dtype: torch.dtype = torch.float32, **parts: None) -> Any:
    """The stock pipeline of a folder; `parts` are not loaded."""
    index = json.loads((folder / "model_index.json").read_text())
    left_out = [name for name, value in index.items() if value == [None, None]]
    pipe = DiffusionPipeline.from_pretrained(folder, dtype=dtype, **dict.fromkeys(left_out) | parts)
    pipe.set_progress_bar_config(disable=True)
    return pipe


def with_clip_skip(pipe: Any) -> Any:
    """The pipeline, whose `clip_skip` asks its text encoder for a part that those of transformers 5 do not have: it itself."""
    if not hasattr(pipe.text_encoder, "text_model"):
        object.__setattr__(pipe.text_encoder, "text_model", pipe.text_encoder)
    return pipe


def by_seedscope(study: Study, folder: Path, prompts: Sequence[str] = PROMPTS) -> np.ndarray:
    """(N, H, W, 3) uint8 of all cells, in order of seed and prompt."""
    return ours(study, folder, Unit.crossed("u", tuple(map(prompt, prompts)), SEEDS))


def by_stock(pipe: Any, prompts: Sequence[str] = PROMPTS, *, fields: str = "images", **call: Any) -> np.ndarray:
    """The same cells by a call each: a prompt as it is, and a generator of its seed; nothing of seedscope's."""
    pictures = []
    for seed in SEEDS:
        for text in prompts:
            generator = torch.Generator("cpu").manual_seed(seed)
            made = pipe(prompt=text, generator=generator, **{"num_inference_steps": 2} | call)
            pictures.append(as_levels(np.asarray(getattr(made, fields)[0])))
    return np.stack(pictures)


def as_levels(picture: np.ndarray) -> np.ndarray:
    """(H, W, 3) uint8, also of a film of one picture, (1, H, W, 3) in 0 .. 1."""
    return picture if picture.dtype == np.uint8 else (picture[0] * 255).round().astype(np.uint8)


def same_within_a_level(here: np.ndarray, there: np.ndarray) -> bool:
    """Whether two sets of pictures differ by one level of 255 at most: rounding, which hangs on what is computed together."""
    return here.shape == there.shape and int(np.abs(here.astype(int) - there).max()) <= 1


def draws_as_stock(
    folder: Path,
    tmp_path: Path,
    sampling: dict[str, Any],
    call: dict[str, Any],
    prompts: Sequence[str] = PROMPTS,
    fields: str = "images",
) -> None:
    """Cells one at a time are those of the stock pipeline, bit for bit; the seed and the prompt change them.

    Args:
        sampling: of the study.
        call: arguments of the stock pipeline for the same pictures.
    """
    here = by_seedscope(study(folder, batch_size=1, prompts=prompts, **sampling), tmp_path, prompts)
    there = by_stock(stock_pipe(folder), prompts, fields=fields, **call)
    assert np.array_equal(here, there[..., :3])
    assert np.abs(here[0].astype(int) - here[len(prompts)]).max() > 10, "the seed changes the picture"
    assert np.abs(here[0].astype(int) - here[1]).max() > 0, "the prompt changes the picture"


def draws_batches_as_singles(folder: Path, tmp_path: Path, prompts: Sequence[str] = PROMPTS, **sampling: Any) -> None:
    """Batches of three cells, of different prompts, are their single pictures but for rounding."""
    single, batch = (
        by_seedscope(study(folder, batch_size=size, prompts=prompts, **sampling), tmp_path / str(size), prompts)
        for size in (1, 3)
    )
    assert same_within_a_level(batch, single)


def counts_the_tokens_that_are_cut(folder: Path, text: str = 40 * "z", **call: Any) -> None:
    """Of a prompt of so many tokens the text encoder is given all but those that are said to be cut.

    Args:
        call: that says how many tokens are read at most.
    """
    pipe, given, wanted = stock_pipe(folder), [], study(folder, call=call)
    hook = pipe.text_encoder.register_forward_pre_hook(
        lambda _, args, options: given.append(options.get("input_ids", args[0] if args else None)), with_kwargs=True
    )
    pipe.encode_prompt(text, device="cpu", **call)
    hook.remove()
    model = StockPipeline(FAMILIES[type(pipe).__name__], pipe, "cpu", wanted.sampling)
    letter = getattr(pipe.tokenizer, "tokenizer", pipe.tokenizer).convert_tokens_to_ids(text[0])
    read = int((given[0] == letter).sum())
    assert 0 < read < len(text)
    assert model.tokens_cut(text) == len(text) - read


def refused(folder: Path, **sampling: Any) -> str:
    """Why a study is refused when it is read."""
    wanted = study(folder, **sampling)
    located = locate(wanted.model)
    with pytest.raises(ModelError) as caught:
        located.refuse(wanted.sampling, wanted.compute, by_prompt=True)
        located.size(wanted.sampling)
    return str(caught.value)


def golden_list(
    folder: Path | dict[str, Any], tmp_path: Path, prompts: Sequence[str] = PROMPTS[:1], **sampling: Any
) -> GoldenSeeds:
    """The golden list of a run whose pictures were drawn of one prompt, as `seedscope export` writes it, read again."""
    wanted = study(folder, prompts=prompts, batch_size=2, **sampling)
    drawn = by_seedscope(wanted, tmp_path / "drawn", prompts)
    file = tmp_path / "study.yaml"
    file.write_text(yaml.safe_dump(wanted.model_dump(mode="json", exclude_defaults=True)))
    run = run_of(file, tmp_path / "run")
    assert isinstance(run, DrawnRun)
    standings = [
        SeedStanding(seed=seed, rank=rank, value=1.0, interval=None, n=1) for rank, seed in enumerate(SEEDS, 1)
    ]
    GoldenSeeds(
        seeds=list(SEEDS),
        why=Why(rule="top", measure="m", better="lower", k=2, ranked=2, sentence="The two.", standings=standings),
        conditions=conditions_of(run),
        noise=noise_of(run, SEEDS),
        canary_pictures=Canary.of(prompts[0], dict(zip(SEEDS, drawn, strict=True)), wanted.compute.dtype),
    ).save(tmp_path / "golden.json")
    return GoldenSeeds.load(tmp_path / "golden.json")


def holds_in_stock_code(golden: GoldenSeeds, pipe: Any, fields: str = "images", **call: Any) -> None:
    """The user's own code: the list is checked, and its latents draw what its generators draw, one call a seed."""
    golden.check(pipe, **call)
    assert golden.canary(pipe) < 1
    latents = golden.latents(pipe)
    for number, (seed, after) in enumerate(zip(SEEDS, golden.generators(after_latent=True), strict=True)):
        given = getattr(pipe(prompt=PROMPTS[0], latents=latents[number : number + 1], generator=after, **call), fields)[
            0
        ]
        fresh = getattr(pipe(prompt=PROMPTS[0], generator=torch.Generator().manual_seed(seed), **call), fields)[0]
        assert np.array_equal(np.asarray(given), np.asarray(fresh))
    golden.check(pipe, **call)  # a pipeline that has drawn is the same
    with pytest.raises(GoldenMismatch, match="number of steps is 3"):
        golden.check(pipe, **call | {"num_inference_steps": 3})
    parts = {
        name: next(part.parameters())
        for name, part in pipe.components.items()
        if isinstance(part, torch.nn.Module) and not name.startswith("image_encoder")
    }
    with torch.no_grad():
        for first in parts.values():
            first.add_(1)
    with pytest.raises(GoldenMismatch) as refusal:
        golden.check(pipe, **call)
    for name in parts:
        assert f"The weights of the {name} are not those" in str(refusal.value)
    with torch.no_grad():
        for first in parts.values():
            first.sub_(1)
