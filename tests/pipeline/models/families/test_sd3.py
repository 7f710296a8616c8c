"""Stable Diffusion 3 on tiny random weights in the published layout, with its T5 encoder and without."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from commands import command
from ignored_arguments import are_as_said
from stock_families import (
    by_seedscope,
    draws_as_stock,
    draws_batches_as_singles,
    golden_list,
    holds_in_stock_code,
    refused,
    stock_pipe,
    study,
)
from tiny_sd3 import sd3

from seedscope.analysis import GoldenMismatch
from seedscope.pipeline.errors import ModelError
from seedscope.pipeline.models.cut_prompts import tokens_cut
from seedscope.pipeline.models.load import load
from seedscope.pipeline.models.locate import locate

SIZE = {"height": 32, "width": 48}


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return sd3(tmp_path_factory.mktemp("models") / "sd3")


@pytest.fixture(scope="module")
def without_t5(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return sd3(tmp_path_factory.mktemp("models") / "sd3-without-t5", t5=False)


CALLS: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
    ("whole", {"guidance": {"scale": 1.0}}, {"guidance_scale": 1.0}),
    (
        "whole",
        {"guidance": {"scale": 4.0, "negative_prompt": "the grass"}, "call": {"max_sequence_length": 64}},
        {"guidance_scale": 4.0, "negative_prompt": "the grass", "max_sequence_length": 64},
    ),
    ("without_t5", {"call": {"clip_skip": 1}}, {"guidance_scale": 4.0, "clip_skip": 1}),
]


@pytest.mark.parametrize(("kind", "sampling", "call"), CALLS)
def test_single_pictures_are_the_stock_pipelines(
    kind: str, sampling: dict[str, Any], call: dict[str, Any], request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    draws_as_stock(request.getfixturevalue(kind), tmp_path, SIZE | sampling, SIZE | call)


def test_a_batch_is_its_single_pictures(without_t5: Path, tmp_path: Path) -> None:
    draws_batches_as_singles(without_t5, tmp_path, **SIZE)


def test_its_golden_list_holds_in_stock_code(without_t5: Path, tmp_path: Path) -> None:
    golden = golden_list(without_t5, tmp_path, **SIZE)
    assert golden.conditions.model.family == "sd3"
    assert set(golden.conditions.model.parts or {}) == {"vae", "text_encoder", "text_encoder_2"}
    holds_in_stock_code(golden, stock_pipe(without_t5), **SIZE, num_inference_steps=2, guidance_scale=4.0)


def test_without_t5_the_clip_encoders_say_how_long_a_prompt_is(whole: Path, without_t5: Path) -> None:
    cut = {}
    for folder in (whole, without_t5):
        wanted = study(folder, **SIZE)
        cut[folder] = load(locate(wanted.model), None, wanted.sampling, wanted.compute).tokens_cut("red " * 100)
    assert cut == {whole: 0, without_t5: 100 + 2 - 77}


def test_what_it_cannot_do_is_refused(whole: Path) -> None:
    assert "multiples of 16, not 40" in refused(whole, height=40)
    assert "Did you mean 'skip_layer_guidance_scale'" in refused(whole, call={"layer_guidance_scale": 2})


def test_which_arguments_of_its_call_shape_no_picture(without_t5: Path) -> None:
    """Layers are skipped where it is guided and told which: at the second of two steps, by these bounds."""
    skipped = {"skip_guidance_layers": [0], "skip_layer_guidance_start": 0.1, "skip_layer_guidance_stop": 1.0}
    pipe, scale = stock_pipe(without_t5), {"skip_layer_guidance_scale": 1.0}
    assert are_as_said(pipe, {**SIZE, "guidance_scale": 4.0}, [scale, skipped, {"guidance_scale": 3.0}])[0] == set(
        scale
    )
    assert are_as_said(pipe, {**SIZE, **skipped, "guidance_scale": 4.0}, [scale]) == [set()]
    changes = [skipped, {"guidance_scale": 0.0}, {"negative_prompt": "the grass"}]
    assert are_as_said(pipe, {**SIZE, "guidance_scale": 1.0}, changes) == [set(change) for change in changes]


@pytest.fixture(scope="module")
def gutted(whole: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """As people keep it to save the ten gigabytes of T5: the index still names it."""
    folder = shutil.copytree(whole, tmp_path_factory.mktemp("models") / "gutted")
    shutil.rmtree(folder / "text_encoder_3")
    return folder


def test_a_folder_without_t5_is_drawn_without(whole: Path, gutted: Path, tmp_path: Path) -> None:
    """As by the stock pipeline that is told so; identity and golden list say it."""
    located = locate(study(gutted).model)
    assert located.left_out == ("text_encoder_3", "tokenizer_3")
    assert located.identity["without"] == list(located.left_out)
    assert located.identity_of_texts()["without"] == list(located.left_out)
    assert tokens_cut(located, study(gutted).sampling, ["red " * 100]) == [100 + 2 - 77]
    told = shutil.copytree(gutted, tmp_path / "told")
    index = json.loads((told / "model_index.json").read_text())
    (told / "model_index.json").write_text(json.dumps(index | {part: [None, None] for part in located.left_out}))
    assert "without" not in locate(study(told).model).identity, "as runs of before have it"
    here, there = (by_seedscope(study(folder, **SIZE), tmp_path / folder.name) for folder in (gutted, told))
    assert np.array_equal(here, there)
    assert not np.array_equal(here, by_seedscope(study(whole, **SIZE), tmp_path / "whole"))


def test_what_it_does_without_is_told_before_it_draws(gutted: Path, tmp_path: Path) -> None:
    content = {
        "name": "gutted",
        "model": str(gutted),
        "sampling": {"steps": 1, **SIZE},
        "prompts": ["a red apple"],
        "seeds": "0-1",
        "features": [{"clip_score": {"model": "sprout-clip"}}],
        "ranking": {"by": "clip_score"},
    }
    (tmp_path / "study.yaml").write_text(yaml.safe_dump(content))
    told = command("generate", tmp_path / "study.yaml", "--out", tmp_path / "run", "--executor", "inline")
    assert told.returncode == 0
    before, _, _ = " ".join(told.stderr.split()).partition("images:")
    assert "gutted has no text_encoder_3 and no tokenizer_3: pictures are drawn without" in before


def test_its_golden_list_without_t5_is_of_no_pipeline_with_it(whole: Path, gutted: Path, tmp_path: Path) -> None:
    golden = golden_list(gutted, tmp_path, **SIZE)
    golden.check(stock_pipe(whole, text_encoder_3=None, tokenizer_3=None), **SIZE)
    with pytest.raises(GoldenMismatch, match="prompt_embeds (has the shape|starts with)"):
        golden.check(stock_pipe(whole), **SIZE)


@pytest.mark.parametrize("part", ["text_encoder_2", "tokenizer", "scheduler", "vae"])
def test_a_part_that_it_needs_is_missed_in_a_sentence(gutted: Path, part: str, tmp_path: Path) -> None:
    folder = shutil.copytree(gutted, tmp_path / "model")
    shutil.rmtree(folder / part)
    with pytest.raises(ModelError) as refusal:
        locate(study(folder).model)
    assert str(folder) in str(refusal.value) and part in str(refusal.value) and "missing" in str(refusal.value)
    assert "\n" not in str(refusal.value)


def test_a_part_of_which_some_files_are_there_is_damaged(whole: Path, tmp_path: Path) -> None:
    """An encoder that was left out has no weights; one of which a shard is missing is refused."""
    folder = shutil.copytree(whole, tmp_path / "model")
    weights = folder / "text_encoder_3" / "model.safetensors"
    weights.rename(weights.with_name("model-00001-of-00002.safetensors"))
    index = {"weight_map": {"a": "model-00001-of-00002.safetensors", "b": "model-00002-of-00002.safetensors"}}
    weights.with_name("model.safetensors.index.json").write_text(json.dumps(index))
    with pytest.raises(ModelError, match=r"model-00002-of-00002.safetensors: is missing"):
        locate(study(folder).model)


def test_an_encoder_that_its_index_leaves_out_is_missed(whole: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(whole, tmp_path / "model")
    index = json.loads((folder / "model_index.json").read_text())
    (folder / "model_index.json").write_text(json.dumps(index | {"text_encoder_2": [None, None]}))
    with pytest.raises(
        ModelError, match="leaves out the text_encoder_2, without which a StableDiffusion3Pipeline reads no"
    ):
        locate(study(folder).model)
