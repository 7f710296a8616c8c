"""PixArt-alpha and PixArt-Sigma on tiny random weights in the published layout: drawn as the stock pipelines draw."""

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
)
from tiny_families.pixart import pixart

SIZE = {"height": 32, "width": 48}
AS_ASKED = {"use_resolution_binning": False}


@pytest.fixture(scope="module")
def alpha(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return pixart(tmp_path_factory.mktemp("models") / "pixart-alpha", sigma=False)


@pytest.fixture(scope="module")
def sigma(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return pixart(tmp_path_factory.mktemp("models") / "pixart-sigma", sigma=True)


CALLS: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
    (
        "alpha",
        {"guidance": {"scale": 4.0, "negative_prompt": "Grass"}},
        {"guidance_scale": 4.0, "negative_prompt": "Grass"},
    ),
    (
        "sigma",
        {"guidance": {"scale": 1.0}, "call": {"max_sequence_length": 16}},
        {"guidance_scale": 1.0, "max_sequence_length": 16},
    ),
]


@pytest.mark.parametrize(("kind", "sampling", "call"), CALLS)
def test_single_pictures_are_the_stock_pipelines(
    kind: str, sampling: dict[str, Any], call: dict[str, Any], request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    draws_as_stock(request.getfixturevalue(kind), tmp_path, SIZE | sampling, SIZE | AS_ASKED | call)


def test_a_batch_is_its_single_pictures(alpha: Path, tmp_path: Path) -> None:
    draws_batches_as_singles(alpha, tmp_path, **SIZE)


def test_its_golden_list_holds_in_stock_code(sigma: Path, tmp_path: Path) -> None:
    golden, pipe = golden_list(sigma, tmp_path, **SIZE), stock_pipe(sigma)
    holds_in_stock_code(golden, pipe, **SIZE, **AS_ASKED, num_inference_steps=2, guidance_scale=4.0)


def test_what_it_cannot_do_is_refused(sigma: Path) -> None:
    assert "multiples of 16, not 40" in refused(sigma, height=40)
    assert "Did you mean 'clean_caption'" in refused(sigma, call={"clean_captions": True})
