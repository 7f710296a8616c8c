"""Sana and Sana-Sprint on tiny random weights in the published layout: drawn as the stock pipelines draw."""

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
from tiny_families.sana import sana

from seedscope.analysis import GoldenMismatch

SIZE = {"height": 32, "width": 64}
AS_ASKED = {"use_resolution_binning": False}
SHORT = {"max_sequence_length": 32, "complex_human_instruction": ["Enhance: ", "User Prompt: "]}


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return sana(tmp_path_factory.mktemp("models") / "sana", sprint=False)


@pytest.fixture(scope="module")
def sprint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return sana(tmp_path_factory.mktemp("models") / "sana-sprint", sprint=True)


CALLS: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
    ("plain", {"guidance": {"scale": 1.0}, "call": SHORT}, {"guidance_scale": 1.0, **SHORT}),
    (
        "plain",
        {"guidance": {"scale": 4.0, "negative_prompt": "grass"}},
        {"guidance_scale": 4.0, "negative_prompt": "grass"},
    ),
    ("sprint", {"call": SHORT}, {"guidance_scale": 4.0, **SHORT}),
]


@pytest.mark.parametrize(("kind", "sampling", "call"), CALLS)
def test_single_pictures_are_the_stock_pipelines(
    kind: str, sampling: dict[str, Any], call: dict[str, Any], request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    draws_as_stock(request.getfixturevalue(kind), tmp_path, SIZE | sampling, SIZE | AS_ASKED | call)


@pytest.mark.parametrize("kind", ["plain", "sprint"])
def test_a_batch_is_its_single_pictures(kind: str, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    draws_batches_as_singles(request.getfixturevalue(kind), tmp_path, **SIZE, call=SHORT)


@pytest.mark.parametrize("kind", ["plain", "sprint"])
def test_its_golden_list_holds_in_stock_code(kind: str, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    folder = request.getfixturevalue(kind)
    golden = golden_list(folder, tmp_path, **SIZE, call=SHORT)
    call = {**SIZE, **SHORT, "num_inference_steps": 2, "guidance_scale": 4.0}
    pipe = stock_pipe(folder)
    with pytest.raises(GoldenMismatch, match="use_resolution_binning = True where it says nothing"):
        golden.check(pipe, **call)
    holds_in_stock_code(golden, pipe, **call, **AS_ASKED)


def test_generators_of_the_noise_between_its_steps_are_asked_for(sprint: Path, tmp_path: Path) -> None:
    golden, pipe = golden_list(sprint, tmp_path, **SIZE, call=SHORT), stock_pipe(sprint)
    call = {**SIZE, **SHORT, **AS_ASKED, "num_inference_steps": 2, "guidance_scale": 4.0}
    with pytest.raises(
        GoldenMismatch, match=r"The scheduler draws noise between the steps, and the call has latents, but"
    ):
        golden.check(pipe, **call, latents=golden.latents(pipe))
    golden.check(pipe, **call, latents=golden.latents(pipe), generator=golden.generators(after_latent=True))


def test_what_it_cannot_do_is_refused(plain: Path, sprint: Path) -> None:
    assert "multiples of 32, not 48; the nearest is 64" in refused(plain, height=48)
    assert "takes no negative prompt. Remove it." in refused(sprint, guidance={"scale": 4, "negative_prompt": "x"})
    assert "`call: {intermediate_timesteps: null}`" in refused(sprint, steps=4)
