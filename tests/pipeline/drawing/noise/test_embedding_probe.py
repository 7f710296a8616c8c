"""Another text behind a prompt is told from rounding."""

from __future__ import annotations

import re

import pytest
import torch

from seedscope.pipeline.drawing.noise.embedding_probe import EmbeddingProbe

EMBEDDING = {"states": torch.randn((1, 9, 16), generator=torch.Generator().manual_seed(0)), "mask": torch.ones(1, 9)}


def differences(**changed: torch.Tensor) -> list[str]:
    then = EmbeddingProbe.of("a fox", EMBEDDING)
    again = EmbeddingProbe.model_validate_json(then.model_dump_json())
    assert again == then
    return list(again.differences(EmbeddingProbe.of("a fox", EMBEDDING | changed)))


def test_rounding_is_no_difference() -> None:
    assert differences() == []
    assert differences(states=EMBEDDING["states"].bfloat16()) == []
    assert differences(states=EMBEDDING["states"] * 1.02) == []


@pytest.mark.parametrize(
    ("states", "reason"),
    [
        (EMBEDDING["states"].roll(1, dims=1), "states starts with"),
        (EMBEDDING["states"][:, :5], r"states has the shape \(1, 5, 16\), not \(1, 9, 16\)"),
    ],
)
def test_another_text_is(states: torch.Tensor, reason: str) -> None:
    (said,) = differences(states=states)
    assert "The prompt 'a fox' becomes something else here" in said
    assert re.search(reason, said)


def test_a_tensor_more_or_less() -> None:
    (said,) = differences(pooled=torch.ones(1, 4))
    assert "pooled was not there" in said
