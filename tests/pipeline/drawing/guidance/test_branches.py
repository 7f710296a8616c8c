"""Guidance as weights: every published form is one of them."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from seedscope.pipeline.drawing.guidance import branches, combine, weights
from seedscope.pipeline.study.schema import Guidance

scales = st.floats(0, 20)


def predictions() -> dict[str, torch.Tensor]:
    drawn = torch.randn((3, 2, 4, 4, 4), generator=torch.Generator().manual_seed(1))
    return dict(zip(("empty", "negative", "positive"), drawn, strict=True))


@given(scales, st.none() | scales, st.integers(0, 5), st.integers(0, 9))
def test_weights_add_up_to_one_and_none_is_zero(scale: float, negative: float | None, onset: int, step: int) -> None:
    scale = max(scale, 1.5) if negative is None else scale
    found = weights(Guidance(scale=scale, negative_prompt="x", negative_scale=negative, negative_from=onset), step)
    assert sum(found.values()) == pytest.approx(1)
    assert 0 not in found.values()


@pytest.mark.parametrize("scale", [0.0, 0.5, 1.0])
def test_no_guidance_runs_the_prompt_alone(scale: float) -> None:
    assert weights(Guidance(scale=scale), 0) == {"positive": 1.0}


def test_classifier_free_guidance_to_the_bit() -> None:
    out = predictions()
    stock = out["empty"] + 7.5 * (out["positive"] - out["empty"])
    assert torch.equal(combine(out, weights(Guidance(scale=7.5), 0)), stock)  # type: ignore[arg-type]


def test_a_negative_prompt_takes_the_empty_ones_place_to_the_bit() -> None:
    out, guidance = predictions(), Guidance(scale=7.5, negative_prompt="text")
    stock = out["negative"] + 7.5 * (out["positive"] - out["negative"])
    assert torch.equal(combine(out, weights(guidance, 0)), stock)  # type: ignore[arg-type]
    assert branches(guidance, 10) == {"negative", "positive"}


def test_the_general_form() -> None:
    out, guidance = predictions(), Guidance(scale=5, negative_prompt="text", negative_scale=2)
    empty = out["empty"]
    general = empty + 5 * (out["positive"] - empty) - 2 * (out["negative"] - empty)
    assert weights(guidance, 0) == {"empty": -2.0, "negative": -2.0, "positive": 5.0}
    torch.testing.assert_close(combine(out, weights(guidance, 0)), general)  # type: ignore[arg-type]


def test_its_special_case_is_what_diffusers_computes() -> None:
    out = predictions()
    special = weights(Guidance(scale=5, negative_prompt="text", negative_scale=4), 0)
    assert special == {"negative": -4.0, "positive": 5.0}
    usual = weights(Guidance(scale=5, negative_prompt="text"), 0)
    torch.testing.assert_close(combine(out, special), combine(out, usual))  # type: ignore[arg-type]


def test_late_onset_runs_the_empty_branch_before() -> None:
    guidance = Guidance(scale=3, negative_prompt="text", negative_from=2)
    assert [set(weights(guidance, step)) for step in (1, 2)] == [{"empty", "positive"}, {"negative", "positive"}]
    assert branches(guidance, 2) == {"empty", "positive"}
    assert branches(guidance, 3) == {"empty", "negative", "positive"}
