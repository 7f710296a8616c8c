"""FLUX.1 Kontext without a picture, on tiny random weights in the published layout: drawn as the stock pipeline draws."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from stock_families import (
    draws_as_stock,
    draws_batches_as_singles,
    golden_list,
    holds_in_stock_code,
    refused,
    stock_pipe,
    study,
)
from tiny_families.flux_kontext import tiny_kontext

from seedscope.pipeline.models.locate import locate

SIZE = {"height": 32, "width": 48}
AREA = {"max_area": 32 * 48}
SHORT = {"max_sequence_length": 32}


@pytest.fixture(scope="module")
def kontext(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_kontext(tmp_path_factory.mktemp("models") / "kontext")


@pytest.mark.parametrize(
    ("sampling", "call"),
    [
        ({"call": AREA}, {"guidance_scale": 4.0, **AREA}),
        (
            {"guidance": {"scale": 2, "negative_prompt": "the grass"}, "call": {"true_cfg_scale": 3, **AREA, **SHORT}},
            {"guidance_scale": 2.0, "negative_prompt": "the grass", "true_cfg_scale": 3.0, **AREA, **SHORT},
        ),
    ],
)
def test_single_pictures_are_the_stock_pipelines(
    kontext: Path, sampling: dict[str, Any], call: dict[str, Any], tmp_path: Path
) -> None:
    draws_as_stock(kontext, tmp_path, sampling | SIZE, call | SIZE)


def test_a_batch_is_its_single_pictures(kontext: Path, tmp_path: Path) -> None:
    draws_batches_as_singles(kontext, tmp_path, **SIZE, call={**AREA, **SHORT})


def test_its_golden_list_holds_in_stock_code(kontext: Path, tmp_path: Path) -> None:
    golden, pipe = golden_list(kontext, tmp_path, **SIZE, call={**AREA, **SHORT}), stock_pipe(kontext)
    holds_in_stock_code(golden, pipe, **SIZE, **AREA, **SHORT, num_inference_steps=2, guidance_scale=4.0)


@pytest.mark.parametrize(
    ("sampling", "said"),
    [
        ({"height": 40}, "multiples of 16, not 40"),
        (SIZE, "would make 1248 x 832 pixels (width x height) of 48 x 32"),
        (SIZE, "Say `call: {max_area: 1536}`"),
        ({"call": {"max_area": "large"}}, 'is "large", but a FluxKontextPipeline takes a whole number'),
        ({"call": {"image": "cat.png"}}, "sampling.call.image: is said by the study"),
        ({"guidance": {"negative_prompt": "x"}}, "or say `call: {true_cfg_scale: 4}`"),
    ],
)
def test_what_it_cannot_do_is_refused_before_it_is_loaded(kontext: Path, sampling: dict[str, Any], said: str) -> None:
    assert said in refused(kontext, **sampling)


def test_sizes_of_a_million_pixels_need_no_area(kontext: Path) -> None:
    wanted = study(kontext, height=832, width=1248)
    located = locate(wanted.model)
    located.family.refuse(located.pipeline, wanted.sampling, by_prompt=True)
    assert located.latent_shape(wanted.sampling) == (4, 104, 156)
