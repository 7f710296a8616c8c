"""A golden list of prompts that are read in chunks, or with weights, in a user's own stock pipeline, which does neither."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from stock_families import SEEDS, golden_list, stock_pipe

from seedscope.analysis import GoldenMismatch, GoldenSeeds

SIZE = {"height": 32, "width": 48}
CALL = {**SIZE, "num_inference_steps": 2, "guidance_scale": 4.0}
LONG = " ".join(["a photo of the red picture with blue and green painting"] * 9)
WEIGHTED = "a (red:1.4) apple"


def refused(golden: GoldenSeeds, pipe: Any, **call: Any) -> str:
    with pytest.raises(GoldenMismatch) as refusal:
        golden.check(pipe, **CALL, **call)
    return str(refusal.value)


def given_embeddings_draw_as_the_run(golden: GoldenSeeds, pipe: Any, prompt: str) -> dict[str, torch.Tensor]:
    """The pictures of the stock call are those that the list draws, and not those of the text alone."""
    texts = golden.embeddings(pipe, prompt)
    golden.check(pipe, **CALL, **texts)
    assert golden.canary(pipe) < 1
    stock = pipe(**texts, latents=golden.latents(pipe), **CALL).images
    for one, other in zip(golden.draw(pipe, prompt), stock, strict=True):
        assert np.abs(np.asarray(one).astype(int) - np.asarray(other)).max() <= 1
    cut = pipe(
        [prompt] * len(SEEDS),
        negative_prompt=[golden.conditions.negative_prompt] * len(SEEDS),
        latents=golden.latents(pipe),
        **CALL,
    ).images
    assert np.abs(np.asarray(stock[0]).astype(int) - np.asarray(cut[0])).max() > 1
    return texts


@pytest.mark.parametrize("kind", ["sd1", "sdxl"])
def test_prompts_in_chunks(kind: str, tiny: dict[str, Path], tmp_path: Path) -> None:
    section = {"guidance": {"scale": 4.0, "negative_prompt": "the grass"}, "long_prompts": "chunks"}
    golden, pipe = golden_list(tiny[kind], tmp_path, prompts=(LONG,), **SIZE, **section), stock_pipe(tiny[kind])
    assert golden.conditions.long_prompts == "chunks"
    texts = given_embeddings_draw_as_the_run(golden, pipe, LONG)
    assert (
        texts["prompt_embeds"].shape
        == texts["negative_prompt_embeds"].shape
        == (2, 154, texts["prompt_embeds"].shape[2])
    )
    golden.check(pipe, **CALL, prompt="a red apple", negative_prompt="the grass")
    assert "is longer than a stock call reads" in refused(golden, pipe, prompt=LONG, negative_prompt="the grass")
    assert "The call has no negative prompt" in refused(golden, pipe, prompt_embeds=texts["prompt_embeds"])
    other = texts | {"negative_prompt_embeds": texts["prompt_embeds"]}
    assert "negative_prompt_embeds is not that of the list's negative prompt, 'the grass'" in refused(
        golden, pipe, **other
    )
    cut = golden.model_copy(update={"conditions": golden.conditions.model_copy(update={"long_prompts": "cut"})})
    assert "becomes something else here" in refused(cut, pipe, negative_prompt="the grass")


def test_prompts_with_weights(tiny: dict[str, Path], tmp_path: Path) -> None:
    pytest.importorskip("compel")
    section = {"guidance": {"scale": 4.0, "negative_prompt": "(grass:1.3)"}, "weighted_prompts": True}
    golden, pipe = golden_list(tiny["sd1"], tmp_path, prompts=(WEIGHTED,), **SIZE, **section), stock_pipe(tiny["sd1"])
    texts = given_embeddings_draw_as_the_run(golden, pipe, WEIGHTED)
    said = refused(golden, pipe, prompt=WEIGHTED, negative_prompt="(grass:1.3)")
    assert said.count("has weights, which a stock call reads as words") == 2
    stronger = golden.embeddings(pipe, "a (red:4) apple")
    golden.check(pipe, **CALL, **(texts | {"prompt_embeds": stronger["prompt_embeds"]}))
    plain = golden.model_copy(update={"conditions": golden.conditions.model_copy(update={"weighted_prompts": False})})
    assert "becomes something else here" in refused(plain, pipe, negative_prompt="(grass:1.3)")
