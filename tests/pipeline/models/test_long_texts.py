"""Prompts beyond 77 tokens, in chunks, and prompts with weights: as compel has them, and cell by cell the same in any batch."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tiny_models
import torch
from stock_families import SEEDS, by_seedscope, by_stock, stock_pipe, study

from seedscope.pipeline.errors import ModelError
from seedscope.pipeline.models.base import Text
from seedscope.pipeline.models.before_loading import refuse_what_cannot_load
from seedscope.pipeline.models.cut_prompts import tokens_cut
from seedscope.pipeline.models.load import load
from seedscope.pipeline.models.locate import locate
from seedscope.pipeline.models.long_texts import fragments

LONG = " ".join(["a photo of the red picture with blue and green painting"] * 9)
PROMPTS = ("a red apple", LONG)


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    root = tmp_path_factory.mktemp("models")
    return {name: getattr(tiny_models, name)(root / name) for name in ("sd1", "sdxl")}


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("a cat", [("a cat", 1.0)]),
        ("", [("", 1.0)]),
        ("a (red:1.4) cat", [("a ", 1.0), ("red", 1.4), (" cat", 1.0)]),
        ("((red)) cat", [("red", 1.1 * 1.1), (" cat", 1.0)]),
        ("[red] cat", [("red", 1 / 1.1), (" cat", 1.0)]),
        (r"a \(red:1.4\) cat", [("a (red:1.4) cat", 1.0)]),
        ("(a (red:1.5) cat:2)", [("a ", 2.0), ("red", 3.0), (" cat", 2.0)]),
        ("a (red cat", [("a ", 1.0), ("red cat", 1.1)]),
        ("at 10:30) now", [("at 10:30) now", 1.0)]),
        ("C++ and well-lit.", [("C++ and well-lit.", 1.0)]),
    ],
)
def test_weights_are_read_as_a1111_reads_them(text: str, parts: list[tuple[str, float]]) -> None:
    found = fragments(text)
    assert [part for part, _ in found] == [part for part, _ in parts]
    np.testing.assert_allclose([weight for _, weight in found], [weight for _, weight in parts])


def embedded(folder: Path, texts: list[Text], **sampling: Any) -> list[Any]:
    wanted = study(folder, **sampling)
    with torch.no_grad():
        return load(locate(wanted.model), None, wanted.sampling, wanted.compute).embed(texts)


@pytest.mark.parametrize("model", ["sd1", "sdxl"])
def test_chunks_equal_those_of_compel(tiny: dict[str, Path], model: str) -> None:
    provider = pytest.importorskip("compel.embeddings_provider")
    (here,) = embedded(tiny[model], [Text(LONG)], long_prompts="chunks")
    pipe, kinds = stock_pipe(tiny[model]), provider.ReturnedEmbeddingsType
    kind = kinds.LAST_HIDDEN_STATES_NORMALIZED if model == "sd1" else kinds.PENULTIMATE_HIDDEN_STATES_NON_NORMALIZED
    pairs = [("tokenizer", "text_encoder"), ("tokenizer_2", "text_encoder_2")][: 1 + (model == "sdxl")]
    with torch.no_grad():
        there = [
            provider.EmbeddingsProvider(
                getattr(pipe, tokenizer),
                getattr(pipe, encoder),
                truncate=False,
                returned_embeddings_type=kind,
                split_long_text_mode=provider.SplitLongTextMode.BRUTAL,
            ).get_embeddings_for_weighted_prompt_fragments([[LONG]], [[1.0]])
            for tokenizer, encoder in pairs
        ]
    assert here["states"].shape[1] == 2 * 77
    np.testing.assert_allclose(here["states"], torch.cat(there, dim=-1), atol=1e-5)


@pytest.mark.parametrize("model", ["sd1", "sdxl"])
def test_pictures_in_chunks_equal_a_stock_call_with_these_embeddings(
    tiny: dict[str, Path], tmp_path: Path, model: str
) -> None:
    """A short prompt is drawn as it is, though a long one is in its batch."""
    drawn = by_seedscope(study(tiny[model], long_prompts="chunks", batch_size=4), tmp_path, PROMPTS)
    short = by_stock(stock_pipe(tiny[model]), PROMPTS[:1], guidance_scale=4.0)
    assert int(np.abs(drawn[[0, 2]].astype(int) - short).max()) <= 1
    positive, negative = embedded(tiny[model], [Text(LONG), Text("", negative=True)], long_prompts="chunks")
    call = {
        "prompt_embeds": positive["states"],
        "negative_prompt_embeds": torch.cat([negative["states"], negative["padding"]], dim=1),
    }
    if model == "sdxl":
        call |= {"pooled_prompt_embeds": positive["pooled"], "negative_pooled_prompt_embeds": negative["pooled"]}
    pipe = stock_pipe(tiny[model])
    for place, seed in zip((1, 3), SEEDS, strict=True):
        generator = torch.Generator("cpu").manual_seed(seed)
        there = np.asarray(pipe(generator=generator, num_inference_steps=2, guidance_scale=4.0, **call).images[0])
        assert int(np.abs(drawn[place].astype(int) - there).max()) <= 1


def test_prompts_without_weights_are_drawn_as_ever(tiny: dict[str, Path], tmp_path: Path) -> None:
    pytest.importorskip("compel")
    wanted = study(tiny["sdxl"], weighted_prompts=True, batch_size=1)
    np.testing.assert_array_equal(
        by_seedscope(wanted, tmp_path), by_stock(stock_pipe(tiny["sdxl"]), guidance_scale=4.0)
    )


@pytest.mark.parametrize("model", ["sd1", "sdxl"])
def test_a_weight_draws_the_words_away_from_nothing(tiny: dict[str, Path], model: str) -> None:
    """Source: compel: states = empty + weight x (states - empty) where the weight is above 1."""
    pytest.importorskip("compel")
    texts = [Text("a (red:1.5) apple"), Text("a red apple"), Text("")]
    heavy, plain, empty = embedded(tiny[model], texts, weighted_prompts=True)
    red = 2  # <start> a red ...
    expected = empty["states"] + 1.5 * (plain["states"] - empty["states"])
    np.testing.assert_allclose(heavy["states"][:, red], expected[:, red], atol=1e-5)
    np.testing.assert_array_equal(heavy["states"][:, :red], plain["states"][:, :red])
    (less,) = embedded(tiny[model], [Text("a (red:0.5) apple")], weighted_prompts=True)
    assert not np.allclose(less["states"], plain["states"])


def test_without_compel_it_says_what_to_install(tiny: dict[str, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    wanted = study(tiny["sd1"], weighted_prompts=True)
    located = locate(wanted.model)
    for opening in (
        lambda: load(located, None, wanted.sampling, wanted.compute),
        lambda: refuse_what_cannot_load(located, wanted.sampling, wanted.compute),
    ):
        with pytest.raises(ModelError, match="needs the library compel. Install it: pip install compel"):
            opening()
    located.refuse(wanted.sampling, wanted.compute, by_prompt=True)  # to look at its pictures takes no compel


def test_how_much_is_cut_is_known_before_anything_is_loaded(tiny: dict[str, Path]) -> None:
    located = locate(study(tiny["sdxl"]).model)
    pipe = stock_pipe(tiny["sdxl"])
    count = len(pipe.tokenizer(LONG, truncation=False).input_ids)
    assert count > 77
    assert tokens_cut(located, study(tiny["sdxl"]).sampling, PROMPTS) == [count - 77]
    assert tokens_cut(located, study(tiny["sdxl"], long_prompts="chunks").sampling, PROMPTS) == []
    assert tokens_cut(located, study(tiny["sdxl"]).sampling, ["a very very " + "long " * 10]) == []
