"""With what a network attends is in a golden list: another rounding is told, fewer bits are a difference."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from diffusers.models.attention_dispatch import AttentionBackendName, _AttentionBackendRegistry
from stock_families import golden_list, stock_pipe
from tiny_flux import flux

from seedscope.analysis import GoldenMismatch, GoldenSeeds

CALL = {"height": 32, "width": 48, "num_inference_steps": 2, "guidance_scale": 4.0}
MATH = AttentionBackendName._NATIVE_MATH


@pytest.fixture(scope="module")
def dev(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return flux(tmp_path_factory.mktemp("flux"), guidance_embeds=True)


@pytest.fixture(scope="module")
def golden(dev: Path, tmp_path_factory: pytest.TempPathFactory) -> GoldenSeeds:
    return golden_list(dev, tmp_path_factory.mktemp("golden"), height=32, width=48)


@pytest.fixture
def process() -> Iterator[type[_AttentionBackendRegistry]]:
    """What all networks of the process attend with, which afterwards is as before."""
    before = _AttentionBackendRegistry._active_backend
    yield _AttentionBackendRegistry
    _AttentionBackendRegistry.set_active_backend(before)


def attending(pipe: Any, backend: AttentionBackendName) -> Any:
    """As `set_attention_backend` leaves the layers; it asks for the library too, which need not be here."""
    processors = [getattr(module, "processor", None) for module in pipe.transformer.modules()]
    found = [each for each in processors if hasattr(each, "_attention_backend")]
    assert found
    for each in found:
        each._attention_backend = backend
    return pipe


def reasons(golden: GoldenSeeds, pipe: Any, **call: Any) -> list[str]:
    with pytest.raises(GoldenMismatch) as refusal:
        golden.check(pipe, **CALL | call)
    return refusal.value.reasons


def test_rounding_is_told_beside_a_reason_alone(golden: GoldenSeeds, dev: Path) -> None:
    assert golden.conditions.attention == "native"
    pipe = attending(stock_pipe(dev), MATH)
    pipe.set_progress_bar_config(desc="mine")
    golden.check(pipe, **CALL)
    assert pipe._progress_bar_config == {"desc": "mine"}, "it is as it was"
    assert golden.canary(pipe) < 1
    steps, note = reasons(golden, pipe, num_inference_steps=3)
    assert steps.startswith("The number of steps is 3")
    assert note == (
        "The transformer attends with '_native_math' and that of the list with 'native': this rounds otherwise, and by itself "
        "is no reason."
    )
    assert len(reasons(golden, stock_pipe(dev), num_inference_steps=3)) == 1


def test_what_the_process_attends_with_is_seen(
    golden: GoldenSeeds, dev: Path, process: type[_AttentionBackendRegistry]
) -> None:
    pipe = stock_pipe(dev)
    process.set_active_backend(AttentionBackendName.SAGE)
    [reason] = reasons(golden, pipe)
    assert (
        reason
        == "The transformer attends with 'sage', but the list was made with 'native': one of them computes with fewer bits."
    )
    golden.check(attending(pipe, AttentionBackendName.NATIVE), **CALL)


def test_a_compiled_network_is_seen_through(golden: GoldenSeeds, dev: Path) -> None:
    pipe = attending(stock_pipe(dev), AttentionBackendName._SAGE_QK_INT8_PV_FP16_CUDA)
    pipe.transformer = torch.compile(pipe.transformer)
    assert "one of them computes with fewer bits" in reasons(golden, pipe)[0]
    golden.check(attending(pipe, AttentionBackendName.FLASH), **CALL, tensors=False)


def test_a_list_of_before_does_not_know_it(golden: GoldenSeeds, dev: Path, tmp_path: Path) -> None:
    old = golden.model_dump(mode="json")
    del old["conditions"]["attention"]
    older = GoldenSeeds.model_validate(old)
    assert older.conditions.attention is None
    older.check(attending(stock_pipe(dev), AttentionBackendName.SAGE), **CALL, tensors=False)


def test_a_replaced_attention_is_noticed(golden: GoldenSeeds, dev: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As SageAttention's own documentation tells people to put it in."""
    own = torch.nn.functional.scaled_dot_product_attention

    def sageattn(*args: Any, **options: Any) -> torch.Tensor:
        return own(*args, **options)

    pipe = stock_pipe(dev)
    monkeypatch.setattr(torch.nn.functional, "scaled_dot_product_attention", sageattn)
    [reason] = reasons(golden, pipe)
    assert (
        "scaled_dot_product_attention was replaced here by" in reason
        and "sageattn, but the list was made with" in reason
    )


def test_what_a_study_says_is_in_its_list(dev: Path, tmp_path: Path) -> None:
    golden = golden_list(dev, tmp_path, height=32, width=48, attention="_native_math")
    assert golden.conditions.attention == "_native_math"
    golden.check(stock_pipe(dev), **CALL)
    assert len(reasons(golden, attending(stock_pipe(dev), MATH), num_inference_steps=3)) == 1
